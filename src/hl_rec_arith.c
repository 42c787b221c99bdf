/* hl_rec_arith.c - recording of operators on numbers.
 *
 * The rules are Python's and NumPy's. The concrete operation runs first (so that errors and warnings
 * happen as they would, once); the type that the rules predict must be the type that came out, so a
 * NumPy version with other promotion rules ends the path instead of being miscompiled. */
#include "hl_rec_int.h"

#include <math.h>

#include "hl_np.h"

/* --- operands ---------------------------------------------------------------------------------- */

static bool is_np(HlType t)
{
    return t.base == HL_T_NPS;
}

bool rec_is_float(HlType t)
{
    return t.base == HL_T_F64 || (is_np(t) && hl_dtype_is_float((HlDtype)t.dtype));
}

bool rec_is_integer(HlType t)
{
    return t.base == HL_T_I64 || (is_np(t) && hl_dtype_is_int((HlDtype)t.dtype));
}

static bool is_np_of(HlType t, HlDtype d)
{
    return is_np(t) && t.dtype == d;
}

static bool is_u64(HlType t)
{
    return is_np_of(t, HL_D_U64);
}

static bool is_bool(HlType t)
{
    return t.base == HL_T_BOOL || (is_np(t) && t.dtype == HL_D_BOOL);
}

bool rec_is_number(HlType t)
{
    return t.base == HL_T_BOOL || t.base == HL_T_I64 || t.base == HL_T_F64 || t.base == HL_T_NPS;
}

/* The word of a bool or integer, as its type holds it. */
static HlRef int_word(HlRec *R, HlVal v)
{
    if (rec_is_float(v.t) || !rec_is_number(v.t))
        return HL_NOREF;
    if (is_bool(v.t))
        return rec_emit(R, HL_I_ZEXT, HL_TYPE(I64), v.s.a, HL_NOREF, 0);
    return v.s.a;
}

/* The value a fits the dtype d, or the machine code is left. */
static HlRef narrow_ov(HlRec *R, HlType t, HlRef a, HlDtype d)
{
    HlIns ins = {.op = HL_I_NARROW_OV,
                 .aux = d,
                 .type = t,
                 .a = {a, HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF}};
    return a == HL_NOREF ? HL_NOREF : rec_emit_ins(R, &ins, HL_R_OVERFLOW);
}

HlRef rec_to_int(HlRec *R, HlVal v)
{
    HlRef i = int_word(R, v);
    return is_u64(v.t) ? narrow_ov(R, HL_TYPE(I64), i, HL_D_U64) : i;
}

HlRef rec_to_float(HlRec *R, HlVal v)
{
    if (!rec_is_number(v.t))
        return HL_NOREF;
    if (rec_is_float(v.t))
        return v.s.a;
    HlOp op = is_u64(v.t) ? HL_I_UITOFP : HL_I_SITOFP;
    return rec_emit(R, op, HL_TYPE(F64), int_word(R, v), HL_NOREF, 0);
}

void rec_guard_exact(HlRec *R, HlVal v)
{
    int64_t k;
    if (v.t.base != HL_T_I64 && !(is_np(v.t) && v.t.dtype == HL_D_I64))
        return;
    if (!rec_is_kint(R, v.s.a, &k))
        rec_guard(R, HL_I_GUARD_I53, HL_TYPE(VOID), v.s.a, HL_NOREF, HL_R_RANGE);
    else if (k > (1LL << 53) || k < -(1LL << 53))
        rec_stop(R, HL_R_NYI_TYPE);
}

/* A number as a float32: rounded once, and not beyond its range, which NumPy warns about. */
static HlRef to_float32(HlRec *R, HlVal v)
{
    if (is_np(v.t) && v.t.dtype == HL_D_F32)
        return v.s.a;
    if (is_u64(v.t))
        v = (HlVal){.s = rec_value(rec_to_int(R, v)), .t = HL_TYPE(I64), .o = v.o};
    rec_guard_exact(R, v);
    HlRef x = rec_to_float(R, v);
    HlRef r = rec_emit(R, HL_I_FROUND32, HL_TYPE_NPS(HL_D_F32), x, HL_NOREF, 0);
    if (rec_is_float(v.t))
        rec_guard_fp(R, r, x, x, HL_R_FPCHECK);
    return r;
}

/* An operand of a NumPy operation that is done in a float dtype. NumPy's promotion keeps the values of its
 * scalars. */
static HlRef operand_float(HlRec *R, HlVal v, HlDtype d)
{
    return d == HL_D_F32 ? to_float32(R, v) : rec_to_float(R, v);
}

HlRef rec_operand_int(HlRec *R, HlVal v, HlDtype d)
{
    HlRef i = int_word(R, v);
    int64_t k, lo, hi;
    if (v.t.base != HL_T_I64 || d == HL_D_I64)
        return i;
    hl_dtype_limits(d, &lo, &hi);
    if (rec_is_kint(R, i, &k) && lo <= k && k <= hi)
        return i;
    return narrow_ov(R, HL_TYPE(I64), i, d);
}

/* The word of a bool or integer that is there. */
static int64_t concrete_int(HlVal v)
{
    int64_t i = v.o == Py_True;
    if (is_np(v.t))
        return hl_np_unbox(v.o, (HlDtype)v.t.dtype);
    hl_long_unbox(v.o, &i);
    return i;
}

/* Does the number that is converted fit the integer dtype d? If not, NumPy warns or raises. */
static bool fits_dtype(HlVal v, HlDtype d)
{
    int64_t i, lo, hi;
    hl_dtype_limits(d, &lo, &hi);
    if (rec_is_float(v.t)) {
        double x = PyFloat_AsDouble(v.o);
        return x > (double)lo - 1 && x < (d == HL_D_I64 || d == HL_D_U64 ? 0x1p63 : (double)hi + 1);
    }
    i = concrete_int(v);
    return lo <= i && i <= hi && !(is_u64(v.t) && i < 0);
}

HlRef rec_to_dtype(HlRec *R, HlVal v, HlDtype d)
{
    HlType t = HL_TYPE_NPS(d);
    if (!rec_is_number(v.t)) {
        rec_stop(R, HL_R_NYI_TYPE);
        return HL_NOREF;
    }
    if (d == HL_D_F64)
        return rec_to_float(R, v);
    if (d == HL_D_F32)
        return to_float32(R, v);
    if (d == HL_D_BOOL)
        return rec_truth(R, v);
    if (is_bool(v.t))
        return int_word(R, v);
    if (!fits_dtype(v, d)) {
        rec_stop(R, HL_R_RANGE);
        return HL_NOREF;
    }
    if (!rec_is_float(v.t))
        return is_np(v.t) && v.t.dtype == d ? v.s.a : narrow_ov(R, t, rec_to_int(R, v), d);
    HlRef i = rec_guard(R, HL_I_FPTOSI_OV, HL_TYPE(I64), v.s.a, HL_NOREF, HL_R_RANGE);
    return d == HL_D_I64 ? i : narrow_ov(R, t, i, d);
}

/* --- integers ---------------------------------------------------------------------------------- */

/* The operation that wraps around where this one leaves. */
static HlOp wrapping(HlOp op)
{
    switch (op) {
    case HL_I_ADD_OV:
    case HL_I_UADD_OV: return HL_I_ADD;
    case HL_I_SUB_OV:
    case HL_I_USUB_OV: return HL_I_SUB;
    case HL_I_MUL_OV:
    case HL_I_UMUL_OV: return HL_I_MUL;
    default: return op;
    }
}

/* Shall a NumPy integer that overflows wrap around? It does, and in silence under
 * np.errstate(over='ignore'); otherwise it warns, or raises, or calls something. */
static bool wraps(HlRec *R)
{
    R->r->uses_npwrap |= R->r->may_npwrap;
    return R->r->may_npwrap;
}

static HlRef iop(HlRec *R, HlOp op, HlType t, HlRef a, HlRef b)
{
    if (is_np(t) && wrapping(op) != op && wraps(R))
        op = wrapping(op);
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
    bool wrap = is_np(t); /* NumPy's integer power overflows silently, Python's grows */
    int64_t k;
    if (rec_is_kint(R, b, &k) && k == 2)
        return iop(R, wrap ? HL_I_MUL : HL_I_MUL_OV, t, a, a);
    if (!rec_is_kint(R, b, &k))
        rec_guard_cond(R, icmp(R, HL_GE, b, 0), true, HL_R_RANGE);
    return iop(R, wrap ? HL_I_IPOW : HL_I_IPOW_OV, t, a, b);
}

/* The result a of an operation in dtype t, computed in 64 bits. */
static HlRef fit_result(HlRec *R, HlType t, HlRef a)
{
    HlDtype d = (HlDtype)t.dtype;
    return wraps(R) ? rec_emit(R, HL_I_NARROW, t, a, HL_NOREF, d) : narrow_ov(R, t, a, d);
}

static HlRef uint64_result(HlRec *R, int op, HlType t, HlRef a, HlRef b)
{
    int64_t k;
    switch ((HlBinary)op) {
    case HL_BIN_ADD: return iop(R, HL_I_UADD_OV, t, a, b);
    case HL_BIN_SUB: return iop(R, HL_I_USUB_OV, t, a, b);
    case HL_BIN_MUL: return iop(R, HL_I_UMUL_OV, t, a, b);
    case HL_BIN_FLOORDIV:
    case HL_BIN_MOD:
        if (!rec_is_kint(R, b, &k))
            rec_guard_cond(R, icmp(R, HL_EQ, b, 0), false, HL_R_ZERODIV);
        return rec_emit(R, op == HL_BIN_MOD ? HL_I_UMOD : HL_I_UDIV, t, a, b, 0);
    case HL_BIN_RSHIFT: return rec_emit(R, HL_I_USHR, t, a, b, 0);
    default: return HL_NOREF;
    }
}

/* Integers of less than 64 bits: computed in 64, where nothing overflows but the product of two uint32
 * and the wrapping power; then what NumPy warns about leaves, and the rest is cut. */
static HlRef narrow_result(HlRec *R, int op, HlType t, HlRef a, HlRef b)
{
    HlDtype d = (HlDtype)t.dtype;
    HlType i64 = HL_TYPE(I64);
    int64_t k;
    switch ((HlBinary)op) {
    case HL_BIN_ADD: return fit_result(R, t, rec_emit(R, HL_I_ADD, i64, a, b, 0));
    case HL_BIN_SUB: return fit_result(R, t, rec_emit(R, HL_I_SUB, i64, a, b, 0));
    case HL_BIN_MUL: {
        bool may_overflow = d == HL_D_U32 && !wraps(R);
        return fit_result(R, t, iop(R, may_overflow ? HL_I_MUL_OV : HL_I_MUL, i64, a, b));
    }
    case HL_BIN_FLOORDIV:
    case HL_BIN_MOD:
        if (!rec_is_kint(R, b, &k))
            rec_guard_cond(R, icmp(R, HL_EQ, b, 0), false, HL_R_ZERODIV);
        if (op == HL_BIN_MOD)
            return rec_emit(R, HL_I_MOD, t, a, b, 0);
        return fit_result(R, t, rec_emit(R, HL_I_FLOORDIV, i64, a, b, 0));
    case HL_BIN_POW:
        return rec_emit(R, HL_I_NARROW, t, ipow(R, HL_TYPE_NPS(HL_D_I64), a, b), HL_NOREF, d);
    case HL_BIN_LSHIFT:
        return rec_emit(R, HL_I_NARROW, t, rec_emit(R, HL_I_SHL, i64, a, b, 0), HL_NOREF, d);
    default: return HL_NOREF;
    }
}

HlRef rec_int_operator(HlRec *R, int op, HlType t, HlVal l, HlVal r)
{
    bool np = is_np(t);
    HlRef a = np ? rec_operand_int(R, l, (HlDtype)t.dtype) : rec_to_int(R, l);
    HlRef b = np ? rec_operand_int(R, r, (HlDtype)t.dtype) : rec_to_int(R, r);
    HlRef res = HL_NOREF;
    int64_t divisor = 1, k;
    if (op == HL_BIN_FLOORDIV || op == HL_BIN_MOD)
        divisor = concrete_int(r);
    if (divisor == 0) { /* NumPy's warned, and gave 0 */
        rec_stop(R, HL_R_ZERODIV);
        return HL_NOREF;
    }
    if (is_u64(t))
        res = uint64_result(R, op, t, a, b);
    else if (np && t.dtype != HL_D_I64)
        res = narrow_result(R, op, t, a, b);
    if (res != HL_NOREF || R->pending != REC_OK)
        return res;
    switch ((HlBinary)op) {
    case HL_BIN_ADD: return iop(R, HL_I_ADD_OV, t, a, b);
    case HL_BIN_SUB: return iop(R, HL_I_SUB_OV, t, a, b);
    case HL_BIN_MUL: return iop(R, HL_I_MUL_OV, t, a, b);
    case HL_BIN_FLOORDIV:
    case HL_BIN_MOD: return idiv(R, op, t, a, b, divisor);
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

HlRef rec_float_is(HlRec *R, HlRef f, HlFloatClass what)
{
    if (what == HL_IS_NAN)
        return rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), f, f, HL_NE);
    HlRef a = rec_emit(R, HL_I_FABS, HL_TYPE(F64), f, HL_NOREF, 0), inf = rec_kfloat(R, INFINITY);
    return rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), a, inf, what == HL_IS_INF ? HL_EQ : HL_LT);
}

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

/* An operation on two float32 in double precision, rounded, is the operation in single precision: a
 * double has more than twice as many bits. (// does several, and libm has a function for **.) */
HlRef rec_float_op(HlRec *R, HlType t, HlOp op, HlRef a, HlRef b)
{
    if (!is_np_of(t, HL_D_F32))
        return rec_emit(R, op, t, a, b, 0);
    if (op == HL_I_FFLOORDIV || op == HL_I_FPOW)
        return rec_emit(R, op == HL_I_FPOW ? HL_I_FPOW32 : HL_I_FFLOORDIV32, t, a, b, 0);
    HlRef wide = rec_emit(R, op, HL_TYPE(F64), a, b, 0);
    return rec_emit(R, HL_I_FROUND32, t, wide, HL_NOREF, 0);
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
    HlDtype d = np ? (HlDtype)t.dtype : HL_D_F64;
    bool square = op == HL_BIN_POW && d == HL_D_F64 && is_two(R, r) && (!np || is_np_of(l.t, d));
    HlRef a, b;
    if (op == HL_BIN_TRUEDIV && !np && !rec_is_float(l.t) && !rec_is_float(r.t)) {
        rec_guard_exact(R, l); /* int / int rounds once */
        rec_guard_exact(R, r);
    }
    a = operand_float(R, l, d);
    b = square ? a : operand_float(R, r, d);
    if (op == HL_BIN_POW && np && !is_np_of(l.t, d) && !is_np_of(r.t, d))
        return rec_ufunc_power(R, d, a, b); /* through the ufunc, whose loop is not libm's pow */
    if (op == HL_BIN_FLOORDIV || op == HL_BIN_MOD || (op == HL_BIN_TRUEDIV && !np))
        guard_divisor(R, b);
    if (!ops[op]) {
        rec_stop(R, HL_R_NYI_TYPE);
        return HL_NOREF;
    }
    HlRef res = rec_float_op(R, t, square ? HL_I_FMUL : (HlOp)ops[op], a, b);
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

HlOp rec_bool_operator(int op, bool np)
{
    switch ((HlBinary)op) {
    case HL_BIN_AND: return HL_I_BAND;
    case HL_BIN_OR: return HL_I_BOR;
    case HL_BIN_XOR: return HL_I_BXOR;
    case HL_BIN_ADD: return np ? HL_I_BOR : HL_I_PARAM;
    case HL_BIN_MUL: return np ? HL_I_BAND : HL_I_PARAM;
    default: return HL_I_PARAM;
    }
}

/* The dtype of a NumPy operation's result; that it came out is checked when it is committed. */
static HlDtype np_result(int op, HlType l, HlType r)
{
    HlDtype d = hl_np_promote(l, r);
    if (op == HL_BIN_TRUEDIV && !hl_dtype_is_float(d) && d != HL_D_NONE)
        return HL_D_F64;
    return d == HL_D_BOOL ? HL_D_I8 : d; /* bools are divided and shifted as int8 */
}

HlRef rec_binary_result(HlRec *R, int op, HlVal l, HlVal r)
{
    bool big, np = is_np(l.t) || is_np(r.t);
    HlType t = hl_record_type_of(R->result, &big);
    if (big) {
        rec_stop(R, HL_R_BIGINT);
        return HL_NOREF;
    }
    if (is_bool(l.t) && is_bool(r.t) && rec_bool_operator(op, np) != HL_I_PARAM)
        return rec_emit(R, rec_bool_operator(op, np), np ? HL_TYPE_NPS(HL_D_BOOL) : HL_TYPE(BOOL),
                        l.s.a, r.s.a, 0);
    if (np) {
        HlDtype d = np_result(op, l.t, r.t);
        if (d == HL_D_NONE) {
            rec_stop(R, HL_R_NYI_TYPE);
            return HL_NOREF;
        }
        return hl_dtype_is_float(d) ? float_result(R, op, HL_TYPE_NPS(d), l, r)
                                    : rec_int_operator(R, op, HL_TYPE_NPS(d), l, r);
    }
    /* Which rule applies is told by the operands; that the result has its type is checked when
     * it is committed. int ** negative gives a float: told by the result, guarded in ipow. */
    bool to_float = rec_is_float(l.t) || rec_is_float(r.t) || op == HL_BIN_TRUEDIV;
    if (!to_float && op == HL_BIN_POW && rec_is_float(t)) {
        int64_t k;
        HlRef e = rec_to_int(R, r);
        if (!rec_is_kint(R, e, &k))
            rec_guard_cond(R, icmp(R, HL_GE, e, 0), false, HL_R_RANGE);
        to_float = true;
    }
    return to_float ? float_result(R, op, HL_TYPE(F64), l, r)
                    : rec_int_operator(R, op, HL_TYPE(I64), l, r);
}

RecStatus rec_binary(HlRec *R, int op, bool inplace)
{
    HlVal l = rec_peek(R, 1), r = rec_peek(R, 0);
    if (rec_is_complex(l) || rec_is_complex(r))
        return rec_complex_binary(R, op, inplace);
    if (!rec_is_number(l.t) || !rec_is_number(r.t))
        return rec_stop(R, HL_R_NYI_TYPE);
    if (!rec_compute(R, 2, rec_concrete_binary(op, inplace, l.o, r.o)))
        return REC_RAISED;
    return rec_finish_result(R, 2, rec_binary_result(R, op, l, r));
}

/* --- unary operators ---------------------------------------------------------------------------- */

PyObject *rec_concrete_unary(int op, PyObject *v)
{
    return op == HL_UN_NEG   ? PyNumber_Negative(v)
           : op == HL_UN_POS ? PyNumber_Positive(v)
                             : PyNumber_Invert(v);
}

static HlRef int_invert(HlRec *R, HlType t, HlRef a)
{
    bool is_unsigned = is_np(t) && hl_dtype_is_unsigned((HlDtype)t.dtype);
    int64_t all = is_unsigned ? hl_dtype_narrow((HlDtype)t.dtype, -1) : -1;
    return rec_emit(R, HL_I_XOR, t, a, rec_kint(R, all), 0);
}

HlRef rec_negate(HlRec *R, HlType t, HlRef a)
{
    HlRef zero = rec_kint(R, 0);
    if (is_u64(t))
        return iop(R, HL_I_USUB_OV, t, zero, a);
    if (is_np(t) && t.dtype != HL_D_I64)
        return fit_result(R, t, rec_emit(R, HL_I_SUB, HL_TYPE(I64), zero, a, 0));
    return iop(R, HL_I_SUB_OV, t, zero, a);
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
    if (!rec_compute(R, 1, rec_concrete_unary(op, v.o)))
        return REC_RAISED;
    if (t.base == HL_T_BOOL)
        t = HL_TYPE(I64);
    if (op == HL_UN_INVERT && is_np(t) && is_bool(t))
        res = rec_emit(R, HL_I_BNOT, t, v.s.a, HL_NOREF, 0);
    else if (is_np(t) && is_bool(t))
        return rec_stop(R, HL_R_NYI_TYPE);
    else if (op == HL_UN_POS)
        res = int_word(R, v) == HL_NOREF ? v.s.a : int_word(R, v);
    else if (rec_is_float(t))
        res = rec_emit(R, HL_I_FNEG, t, v.s.a, HL_NOREF, 0);
    else
        res = op == HL_UN_INVERT ? int_invert(R, t, int_word(R, v))
                                 : rec_negate(R, t, int_word(R, v));
    return rec_finish_result(R, 1, res);
}

/* --- comparison and truth ----------------------------------------------------------------------- */

/* An exact comparison, of a uint64 with any integer: as unsigned, behind a look at the other's sign. */
static HlRef cmp_uint64(HlRec *R, int op, HlVal l, HlVal r)
{
    HlRef a = int_word(R, l), b = int_word(R, r);
    bool left = is_u64(l.t);
    HlVal other = left ? r : l;
    if (!is_bool(other.t) && !(is_np(other.t) && hl_dtype_is_unsigned((HlDtype)other.t.dtype))) {
        bool negative = concrete_int(other) < 0;
        rec_guard_cond(R, icmp(R, HL_LT, left ? b : a, 0), negative, HL_R_BRANCH);
        if (negative) /* below every uint64 */
            return icmp(R, op, rec_kint(R, left), !left);
    }
    if (op != HL_EQ && op != HL_NE) {
        HlRef top = rec_kint(R, INT64_MIN);
        a = rec_emit(R, HL_I_XOR, HL_TYPE(I64), a, top, 0);
        b = rec_emit(R, HL_I_XOR, HL_TYPE(I64), b, top, 0);
    }
    return rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), a, b, op);
}

HlRef rec_cmp(HlRec *R, int op, HlVal l, HlVal r)
{
    if (!rec_is_number(l.t) || !rec_is_number(r.t)) {
        rec_stop(R, HL_R_NYI_TYPE);
        return HL_NOREF;
    }
    HlRef c = rec_complex_compare_abs(R, op, l, r);
    if (c != HL_NOREF)
        return c;
    if (!rec_is_float(l.t) && !rec_is_float(r.t)) {
        if (!is_u64(l.t) && !is_u64(r.t))
            return rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), int_word(R, l), int_word(R, r), op);
        if (hl_np_promote(l.t, r.t) == HL_D_U64 || hl_np_nep50())
            return cmp_uint64(R, op, l, r);
    }
    if (!is_np(l.t) && !is_np(r.t)) {
        rec_guard_exact(R, l); /* Python compares an int with a float exactly */
        rec_guard_exact(R, r);
        return rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), rec_to_float(R, l), rec_to_float(R, r), op);
    }
    HlDtype d = hl_np_promote(l.t, r.t);
    if (!hl_dtype_is_float(d)) {
        rec_stop(R, HL_R_NYI_TYPE);
        return HL_NOREF;
    }
    HlRef a = operand_float(R, l, d), b = operand_float(R, r, d);
    return rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), a, b, op);
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
    if (rec_compares_dtype(R, op, l, r)) {
        if (!rec_compute(R, 2, PyObject_RichCompare(l.o, r.o, op)))
            return REC_RAISED;
        return rec_finish_result(R, 2, rec_kbool(R, R->result == Py_True));
    }
    if (!rec_is_number(l.t) || !rec_is_number(r.t))
        return rec_stop(R, HL_R_NYI_TYPE);
    if (!rec_compute(R, 2, PyObject_RichCompare(l.o, r.o, op)))
        return REC_RAISED;
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
    if (rec_is_float(v.t))
        return rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), v.s.a, rec_kfloat(R, 0.0), HL_NE);
    return icmp(R, HL_NE, v.s.a, 0);
}
