/* hl_rec_arith.c - recording of operators on numbers.
 *
 * The rules are Python's and NumPy's. The concrete operation runs first (so that errors and warnings
 * happen as they would, once); the type that the rules predict must be the type that came out, so a
 * NumPy version with other promotion rules ends the path instead of being miscompiled. */
#include "hl_rec_int.h"

#include "hl_np.h"

/* --- operands ---------------------------------------------------------------------------------- */

static bool is_np(HlType t)
{
    return t.base == HL_T_NPS;
}

static bool is_float(HlType t)
{
    return t.base == HL_T_F64 || (is_np(t) && t.dtype == HL_D_F64);
}

static bool is_bool(HlType t)
{
    return t.base == HL_T_BOOL || (is_np(t) && t.dtype == HL_D_BOOL);
}

bool rec_is_number(HlType t)
{
    return t.base == HL_T_BOOL || t.base == HL_T_I64 || t.base == HL_T_F64 || t.base == HL_T_NPS;
}

HlRef rec_to_int(HlRec *R, HlVal v)
{
    if (is_float(v.t) || !rec_is_number(v.t))
        return HL_NOREF;
    if (is_bool(v.t))
        return rec_emit(R, HL_I_ZEXT, HL_TYPE(I64), v.s.a, HL_NOREF, 0);
    return v.s.a;
}

HlRef rec_to_float(HlRec *R, HlVal v)
{
    if (!rec_is_number(v.t))
        return HL_NOREF;
    if (is_float(v.t))
        return v.s.a;
    return rec_emit(R, HL_I_SITOFP, HL_TYPE(F64), rec_to_int(R, v), HL_NOREF, 0);
}

void rec_guard_exact(HlRec *R, HlVal v)
{
    int64_t k;
    if (v.t.base != HL_T_I64)
        return;
    if (!rec_is_kint(R, v.s.a, &k))
        rec_guard(R, HL_I_GUARD_I53, HL_TYPE(VOID), v.s.a, HL_NOREF, HL_R_RANGE);
    else if (k > (1LL << 53) || k < -(1LL << 53))
        rec_stop(R, HL_R_NYI_TYPE);
}

/* --- integers ---------------------------------------------------------------------------------- */

static HlRef iop(HlRec *R, HlOp op, HlType t, HlRef a, HlRef b)
{
    if (hl_op_info[op].fx & HL_E_GUARD)
        return rec_guard(R, op, t, a, b, HL_R_OVERFLOW);
    return rec_emit(R, op, t, a, b, 0);
}

static HlRef icmp(HlRec *R, int cond, HlRef a, int64_t k)
{
    return rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), a, rec_kint(R, k), cond);
}

/* // and %: the divisor is not 0 (the operation did not raise); -1, with which the smallest int
 * overflows, is a case of its own. */
static HlRef idiv(HlRec *R, int op, HlType t, HlRef a, HlRef b, int64_t divisor)
{
    int64_t k;
    if (!rec_is_kint(R, b, &k)) {
        rec_guard_cond(R, icmp(R, HL_EQ, b, 0), false, HL_R_ZERODIV);
        rec_guard_cond(R, icmp(R, HL_EQ, b, -1), divisor == -1, HL_R_BRANCH);
    }
    if (divisor == -1)
        return op == HL_BIN_MOD ? rec_emit(R, HL_I_AND, t, a, rec_kint(R, 0), 0)
                                : iop(R, HL_I_SUB_OV, t, rec_kint(R, 0), a);
    return rec_emit(R, op == HL_BIN_MOD ? HL_I_MOD : HL_I_FLOORDIV, t, a, b, 0);
}

static HlRef ipow(HlRec *R, HlType t, HlRef a, HlRef b)
{
    bool wraps = is_np(t); /* NumPy's integer power overflows silently, Python's grows */
    int64_t k;
    if (rec_is_kint(R, b, &k) && k == 2)
        return iop(R, wraps ? HL_I_MUL : HL_I_MUL_OV, t, a, a);
    if (!rec_is_kint(R, b, &k))
        rec_guard_cond(R, icmp(R, HL_GE, b, 0), true, HL_R_RANGE);
    return iop(R, wraps ? HL_I_IPOW : HL_I_IPOW_OV, t, a, b);
}

/* int op int with an integer result, for Python's ints and np.int64. */
static HlRef int_result(HlRec *R, int op, HlType t, HlVal l, HlVal r)
{
    HlRef a = rec_to_int(R, l), b = rec_to_int(R, r);
    bool np = is_np(t);
    int64_t divisor = 0, k;
    switch ((HlBinary)op) {
    case HL_BIN_ADD: return iop(R, HL_I_ADD_OV, t, a, b);
    case HL_BIN_SUB: return iop(R, HL_I_SUB_OV, t, a, b);
    case HL_BIN_MUL: return iop(R, HL_I_MUL_OV, t, a, b);
    case HL_BIN_FLOORDIV:
    case HL_BIN_MOD:
        if (is_np(r.t))
            divisor = hl_np_unbox(r.o, r.t.dtype);
        else
            hl_long_unbox(r.o, &divisor);
        if (divisor == 0) { /* np.int64: warned, and gave 0 */
            rec_stop(R, HL_R_ZERODIV);
            return HL_NOREF;
        }
        return idiv(R, op, t, a, b, divisor);
    case HL_BIN_POW: return ipow(R, t, a, b);
    case HL_BIN_LSHIFT: return iop(R, np ? HL_I_SHL : HL_I_SHL_OV, t, a, b);
    case HL_BIN_RSHIFT:
        if (!np && !rec_is_kint(R, b, &k))
            rec_guard_cond(R, icmp(R, HL_GE, b, 0), true, HL_R_RANGE);
        return rec_emit(R, HL_I_SHR, t, a, b, 0);
    case HL_BIN_AND: return rec_emit(R, HL_I_AND, t, a, b, 0);
    case HL_BIN_OR: return rec_emit(R, HL_I_OR, t, a, b, 0);
    case HL_BIN_XOR: return rec_emit(R, HL_I_XOR, t, a, b, 0);
    case HL_BIN_TRUEDIV:
    case HL_BIN_MATMUL: break;
    }
    rec_stop(R, HL_R_NYI_TYPE);
    return HL_NOREF;
}

/* --- floats ------------------------------------------------------------------------------------ */

/* A float divisor that is not 0: Python raises, NumPy warns. */
static void guard_divisor(HlRec *R, HlRef b)
{
    if (rec_is_k(R, b, HL_I_KFLOAT) && R->ir->ins[b].imm.f != 0.0)
        return;
    HlRef zero = rec_kfloat(R, 0.0);
    rec_guard_cond(R, rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), b, zero, HL_EQ), false, HL_R_ZERODIV);
}

static bool is_two(HlRec *R, HlVal v)
{
    int64_t k;
    return rec_is_kint(R, v.s.a, &k)
               ? k == 2
               : rec_is_k(R, v.s.a, HL_I_KFLOAT) && R->ir->ins[v.s.a].imm.f == 2.0;
}

/* A float result. Python's floats raise only for a zero divisor and in **; NumPy's scalars warn for
 * everything that GUARD_FP excludes. */
static HlRef float_result(HlRec *R, int op, HlType t, HlVal l, HlVal r)
{
    static const uint8_t ops[] = {
        [HL_BIN_ADD] = HL_I_FADD,           [HL_BIN_SUB] = HL_I_FSUB,
        [HL_BIN_MUL] = HL_I_FMUL,           [HL_BIN_TRUEDIV] = HL_I_FDIV,
        [HL_BIN_FLOORDIV] = HL_I_FFLOORDIV, [HL_BIN_MOD] = HL_I_FMOD,
        [HL_BIN_POW] = HL_I_FPOW,           [HL_BIN_XOR] = 0,
    };
    bool np = is_np(t);
    bool square = op == HL_BIN_POW && is_two(R, r);
    HlRef a, b;
    if (op == HL_BIN_TRUEDIV && !np && !is_float(l.t) && !is_float(r.t)) {
        rec_guard_exact(R, l); /* int / int rounds once */
        rec_guard_exact(R, r);
    }
    a = rec_to_float(R, l);
    b = square ? a : rec_to_float(R, r);
    if (op == HL_BIN_FLOORDIV || op == HL_BIN_MOD || (op == HL_BIN_TRUEDIV && !np))
        guard_divisor(R, b);
    if (!ops[op]) {
        rec_stop(R, HL_R_NYI_TYPE);
        return HL_NOREF;
    }
    HlRef res = rec_emit(R, square ? HL_I_FMUL : ops[op], t, a, b, 0); /* x ** 2 is x * x */
    if (op == HL_BIN_POW)
        /* 0 ** -inf is inf without a zero division for Python, but warns in NumPy: there an infinite
         * exponent excuses nothing. */
        rec_guard_fp(R, res, a, np ? a : b, np ? HL_R_FPCHECK : HL_R_MATH);
    else if (np)
        rec_guard_fp(R, res, a, b, HL_R_FPCHECK);
    return res;
}

/* --- binary operators --------------------------------------------------------------------------- */

static PyObject *power(PyObject *a, PyObject *b)
{
    return PyNumber_Power(a, b, Py_None);
}

static PyObject *power_in_place(PyObject *a, PyObject *b)
{
    return PyNumber_InPlacePower(a, b, Py_None);
}

PyObject *rec_concrete_binary(int op, bool inplace, PyObject *a, PyObject *b)
{
    static const binaryfunc functions[][2] = {
        [HL_BIN_ADD] = {PyNumber_Add, PyNumber_InPlaceAdd},
        [HL_BIN_AND] = {PyNumber_And, PyNumber_InPlaceAnd},
        [HL_BIN_FLOORDIV] = {PyNumber_FloorDivide, PyNumber_InPlaceFloorDivide},
        [HL_BIN_LSHIFT] = {PyNumber_Lshift, PyNumber_InPlaceLshift},
        [HL_BIN_MATMUL] = {PyNumber_MatrixMultiply, PyNumber_InPlaceMatrixMultiply},
        [HL_BIN_MUL] = {PyNumber_Multiply, PyNumber_InPlaceMultiply},
        [HL_BIN_MOD] = {PyNumber_Remainder, PyNumber_InPlaceRemainder},
        [HL_BIN_OR] = {PyNumber_Or, PyNumber_InPlaceOr},
        [HL_BIN_POW] = {power, power_in_place},
        [HL_BIN_RSHIFT] = {PyNumber_Rshift, PyNumber_InPlaceRshift},
        [HL_BIN_SUB] = {PyNumber_Subtract, PyNumber_InPlaceSubtract},
        [HL_BIN_TRUEDIV] = {PyNumber_TrueDivide, PyNumber_InPlaceTrueDivide},
        [HL_BIN_XOR] = {PyNumber_Xor, PyNumber_InPlaceXor},
    };
    return functions[op][inplace](a, b);
}

RecStatus rec_binary(HlRec *R, int op, bool inplace)
{
    HlVal l = rec_peek(R, 1), r = rec_peek(R, 0);
    HlRef res;
    if (rec_is_complex(l) || rec_is_complex(r))
        return rec_complex_binary(R, op, inplace);
    if (!rec_is_number(l.t) || !rec_is_number(r.t))
        return rec_stop(R, HL_R_NYI_TYPE);
    if (!R->result) {
        R->pops = 2;
        R->result = rec_concrete_binary(op, inplace, l.o, r.o);
        if (!R->result)
            return REC_RAISED;
    }
    bool logical = op == HL_BIN_AND || op == HL_BIN_OR || op == HL_BIN_XOR;
    bool big;
    HlType t = hl_record_type_of(R->result, &big);
    if (big)
        return rec_stop(R, HL_R_BIGINT);
    if (logical && is_bool(l.t) && is_bool(r.t)) {
        HlOp o = op == HL_BIN_AND ? HL_I_BAND : op == HL_BIN_OR ? HL_I_BOR : HL_I_BXOR;
        HlType bt = is_np(l.t) || is_np(r.t) ? HL_TYPE_NPS(HL_D_BOOL) : HL_TYPE(BOOL);
        res = rec_emit(R, o, bt, l.s.a, r.s.a, 0);
    } else {
        /* Which rule applies is told by the operands; that the result has its type is checked when
         * it is committed. int ** negative gives a float: told by the result, guarded in ipow. */
        bool np = is_np(l.t) || is_np(r.t);
        bool to_float = is_float(l.t) || is_float(r.t) || op == HL_BIN_TRUEDIV;
        if (!to_float && !np && op == HL_BIN_POW && is_float(t)) {
            int64_t k;
            HlRef e = rec_to_int(R, r);
            if (!rec_is_kint(R, e, &k))
                rec_guard_cond(R, icmp(R, HL_GE, e, 0), false, HL_R_RANGE);
            to_float = true;
        }
        if (to_float)
            res = float_result(R, op, np ? HL_TYPE_NPS(HL_D_F64) : HL_TYPE(F64), l, r);
        else if (np && is_bool(l.t) && is_bool(r.t))
            return rec_stop(
                R, HL_R_NYI_TYPE); /* NumPy's arithmetic on two bools has rules of its own */
        else
            res = int_result(R, op, np ? HL_TYPE_NPS(HL_D_I64) : HL_TYPE(I64), l, r);
    }
    return rec_finish_result(R, 2, res);
}

/* --- unary operators ---------------------------------------------------------------------------- */

PyObject *rec_concrete_unary(int op, PyObject *v)
{
    return op == HL_UN_NEG   ? PyNumber_Negative(v)
           : op == HL_UN_POS ? PyNumber_Positive(v)
                             : PyNumber_Invert(v);
}

RecStatus rec_unary(HlRec *R, int op)
{
    HlVal v = rec_peek(R, 0);
    HlType t = v.t;
    HlRef res;
    if (op == HL_UN_NOT) {
        HlRef c = rec_truth(R, v);
        if (R->pending != REC_OK)
            return R->pending;
        bool truth = PyObject_IsTrue(v.o) > 0;
        res = rec_is_k(R, c, HL_I_KBOOL) ? rec_kbool(R, !truth)
                                         : rec_emit(R, HL_I_BNOT, HL_TYPE(BOOL), c, HL_NOREF, 0);
        return rec_finish(R, 1, rec_value(res), Py_NewRef(truth ? Py_False : Py_True));
    }
    if (rec_is_complex(v))
        return rec_complex_unary(R, op);
    if (!rec_is_number(t))
        return rec_stop(R, HL_R_NYI_TYPE);
    if (!R->result) {
        R->pops = 1;
        R->result = rec_concrete_unary(op, v.o);
        if (!R->result)
            return REC_RAISED;
    }
    if (t.base == HL_T_BOOL)
        t = HL_TYPE(I64);
    if (op == HL_UN_INVERT && is_np(t) && is_bool(t))
        res = rec_emit(R, HL_I_BNOT, t, v.s.a, HL_NOREF, 0);
    else if (is_np(t) && is_bool(t))
        return rec_stop(R, HL_R_NYI_TYPE);
    else if (op == HL_UN_INVERT)
        res = rec_emit(R, HL_I_XOR, t, rec_to_int(R, v), rec_kint(R, -1), 0);
    else if (op == HL_UN_POS)
        res = is_float(t) ? v.s.a : rec_to_int(R, v);
    else if (is_float(t))
        res = rec_emit(R, HL_I_FNEG, t, v.s.a, HL_NOREF, 0);
    else
        res = iop(R, HL_I_SUB_OV, t, rec_kint(R, 0), rec_to_int(R, v));
    return rec_finish_result(R, 1, res);
}

/* --- comparison and truth ----------------------------------------------------------------------- */

HlRef rec_cmp(HlRec *R, int op, HlVal l, HlVal r)
{
    if (!rec_is_number(l.t) || !rec_is_number(r.t)) {
        rec_stop(R, HL_R_NYI_TYPE);
        return HL_NOREF;
    }
    HlRef c = rec_complex_compare_abs(R, op, l, r);
    if (c != HL_NOREF)
        return c;
    if (!is_float(l.t) && !is_float(r.t))
        return rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), rec_to_int(R, l), rec_to_int(R, r), op);
    if (!is_np(l.t) && !is_np(r.t)) {
        rec_guard_exact(R, l); /* Python compares an int with a float exactly */
        rec_guard_exact(R, r);
    }
    return rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), rec_to_float(R, l), rec_to_float(R, r), op);
}

/* == and != with None: known while recording, for None and Python's own numbers. */
static bool none_compare(HlRec *R, int op, HlVal l, HlVal r)
{
    bool none_l = rec_const_obj(R, l) == Py_None, none_r = rec_const_obj(R, r) == Py_None;
    return (op == HL_EQ || op == HL_NE) && (none_l || none_r) &&
           (none_l || (rec_is_number(l.t) && !is_np(l.t))) &&
           (none_r || (rec_is_number(r.t) && !is_np(r.t)));
}

RecStatus rec_compare(HlRec *R, int op)
{
    HlVal l = rec_peek(R, 1), r = rec_peek(R, 0);
    if (none_compare(R, op, l, r)) {
        bool result = (l.o == r.o) == (op == HL_EQ);
        return rec_finish(R, 2, rec_value(rec_kbool(R, result)),
                          Py_NewRef(result ? Py_True : Py_False));
    }
    if (rec_is_complex(l) || rec_is_complex(r))
        return rec_complex_compare(R, op);
    if (!rec_is_number(l.t) || !rec_is_number(r.t))
        return rec_stop(R, HL_R_NYI_TYPE);
    if (!R->result) {
        R->pops = 2;
        R->result = PyObject_RichCompare(l.o, r.o, op);
        if (!R->result)
            return REC_RAISED;
    }
    HlRef c = rec_cmp(R, op, l, r);
    if (is_np(l.t) || is_np(r.t))
        c = rec_emit(R, HL_I_RETYPE, HL_TYPE_NPS(HL_D_BOOL), c, HL_NOREF, 0);
    return rec_finish_result(R, 2, c);
}

HlRef rec_truth(HlRec *R, HlVal v)
{
    PyObject *k = rec_const_obj(R, v);
    if (k == Py_None)
        return rec_kbool(R, false);
    if (rec_is_complex(v))
        return rec_complex_truth(R, v);
    if (v.t.base == HL_T_LIST || v.t.base == HL_T_TUPLE || v.t.base == HL_T_BYTES)
        return icmp(R, HL_NE, rec_seq_size(R, v.s.a), 0);
    if (!rec_is_number(v.t)) {
        rec_stop(R, HL_R_NYI_TYPE);
        return HL_NOREF;
    }
    if (v.t.base == HL_T_BOOL)
        return v.s.a;
    if (is_bool(v.t))
        return rec_emit(R, HL_I_RETYPE, HL_TYPE(BOOL), v.s.a, HL_NOREF, 0);
    if (is_float(v.t))
        return rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), v.s.a, rec_kfloat(R, 0.0), HL_NE);
    return icmp(R, HL_NE, v.s.a, 0);
}
