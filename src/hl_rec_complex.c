/* hl_rec_complex.c - recording of complex numbers.
 *
 * A complex number never becomes one value: its two parts are doubles, in a slot of their own kind that
 * says whether they are Python's complex or np.complex128, and what is done with it is written down as
 * what CPython and NumPy do with the parts. A real operand becomes a complex one with the imaginary
 * part 0.0 first, as in both. They multiply alike, but divide and raise to powers differently. Where one
 * of them raises, or NumPy warns, the machine code leaves; NumPy's scalars are for finite results. */
#include "hl_rec_int.h"

#include <math.h>

#include "hl_np.h"

typedef struct Parts {
    HlRef re, im;
} Parts;

int hl_record_complex_kind(PyObject *o)
{
    if (PyComplex_CheckExact(o))
        return HL_SLOT_COMPLEX;
    if (PyComplex_Check(o) && hl_np_ready() && Py_IS_TYPE(o, hl_np_scalar_type(HL_D_C128)))
        return HL_SLOT_NPCOMPLEX;
    return 0;
}

bool rec_is_complex(HlVal v)
{
    return v.s.kind == HL_SLOT_COMPLEX || v.s.kind == HL_SLOT_NPCOMPLEX;
}

static bool is_np_complex(HlVal v)
{
    return v.s.kind == HL_SLOT_NPCOMPLEX;
}

static bool is_operand(HlVal v)
{
    return rec_is_complex(v) || rec_is_number(v.t);
}

static HlSlot complex_slot(int kind, Parts p)
{
    return (HlSlot){.kind = (uint8_t)kind, .a = p.re, .b = p.im, .c = HL_NOREF};
}

static HlSlot no_slot(void)
{
    return complex_slot(HL_SLOT_UNBOUND, (Parts){HL_NOREF, HL_NOREF});
}

/* A number as a double that boxes to Python's float. */
static HlRef plain_float(HlRec *R, HlVal v)
{
    HlRef f = rec_to_float(R, v);
    return f != HL_NOREF && rec_type(R, f).base == HL_T_NPS
               ? rec_emit(R, HL_I_RETYPE, HL_TYPE(F64), f, HL_NOREF, 0)
               : f;
}

static Parts parts_of(HlRec *R, HlVal v)
{
    if (rec_is_complex(v))
        return (Parts){v.s.a, v.s.b};
    return (Parts){plain_float(R, v), rec_kfloat(R, 0.0)};
}

/* Commits a computed complex number: its class must be the one that the rules predict. */
static RecStatus finish_complex(HlRec *R, int32_t n, int kind, Parts p)
{
    if (R->pending == REC_OK && hl_record_complex_kind(R->result) != kind)
        rec_stop(R, HL_R_NYI_TYPE);
    return rec_finish(R, n, complex_slot(kind, p), R->result);
}

HlSlot rec_complex_const(HlRec *R, PyObject *o)
{
    Py_complex c = ((PyComplexObject *)o)->cval;
    Parts p = {rec_kfloat(R, c.real), rec_kfloat(R, c.imag)};
    return complex_slot(hl_record_complex_kind(o), p);
}

HlSlot rec_complex_unbox(HlRec *R, HlRef obj, PyObject *o)
{
    int kind = hl_record_complex_kind(o);
    HlType t = kind == HL_SLOT_COMPLEX ? HL_TYPE(C128) : HL_TYPE_NPS(HL_D_C128);
    rec_guard_check(R, HL_I_GUARD_TYPE, obj, t, HL_R_TYPE);
    Parts p = {rec_emit(R, HL_I_UNBOX_PART, HL_TYPE(F64), obj, HL_NOREF, 0),
               rec_emit(R, HL_I_UNBOX_PART, HL_TYPE(F64), obj, HL_NOREF, 1)};
    return R->pending == REC_OK ? complex_slot(kind, p) : no_slot();
}

HlRef rec_complex_object(HlRec *R, HlVal v)
{
    const HlIns *re = &R->ir->ins[v.s.a], *im = &R->ir->ins[v.s.b];
    bool both = re->op == HL_I_UNBOX_PART && im->op == HL_I_UNBOX_PART && re->a[0] == im->a[0];
    return both && re->aux == 0 && im->aux == 1 ? re->a[0] : HL_NOREF;
}

/* --- arithmetic -------------------------------------------------------------------------------- */

static HlRef op2(HlRec *R, HlOp op, HlRef a, HlRef b)
{
    return rec_emit(R, op, HL_TYPE(F64), a, b, 0);
}

static HlRef choose(HlRec *R, HlRef c, HlRef a, HlRef b)
{
    return rec_emit3(R, HL_I_SELECT, HL_TYPE(F64), c, a, b);
}

static HlRef equals(HlRec *R, HlRef a, HlRef b)
{
    return rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), a, b, HL_EQ);
}

static void guard_finite(HlRec *R, HlRef x, HlReason why)
{
    R->r->uses_npfloat |= why == HL_R_FPCHECK;
    rec_guard(R, HL_I_GUARD_FINITE, HL_TYPE(VOID), x, HL_NOREF, why);
}

static void guard_finite_parts(HlRec *R, Parts p, HlReason why)
{
    guard_finite(R, p.re, why);
    guard_finite(R, p.im, why);
}

static Parts sum(HlRec *R, HlOp op, bool np, Parts a, Parts b)
{
    Parts p = {op2(R, op, a.re, b.re), op2(R, op, a.im, b.im)};
    if (np) {
        rec_guard_fp(R, p.re, a.re, b.re, HL_R_FPCHECK);
        rec_guard_fp(R, p.im, a.im, b.im, HL_R_FPCHECK);
    }
    return p;
}

static Parts product(HlRec *R, Parts a, Parts b)
{
    HlRef re = op2(R, HL_I_FSUB, op2(R, HL_I_FMUL, a.re, b.re), op2(R, HL_I_FMUL, a.im, b.im));
    HlRef im = op2(R, HL_I_FADD, op2(R, HL_I_FMUL, a.re, b.im), op2(R, HL_I_FMUL, a.im, b.re));
    return (Parts){re, im};
}

/* Smith's division: by the part of the divisor that is larger, for both cases at once. CPython divides
 * by the scaled divisor, NumPy multiplies by its reciprocal. A NaN in the divisor makes the scaled one
 * NaN. NumPy warns when the scaled divisor overflows, though the result may be finite, and, as its
 * compiler pleases, when something overflows in the case that does not apply. All sums in both, scaled,
 * are bounded by that of the dividend's parts. */
static Parts quotient(HlRec *R, bool np, Parts a, Parts b)
{
    HlRef x = rec_emit(R, HL_I_FABS, HL_TYPE(F64), b.re, HL_NOREF, 0);
    HlRef y = rec_emit(R, HL_I_FABS, HL_TYPE(F64), b.im, HL_NOREF, 0);
    HlRef c = rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), x, y, HL_GE);
    HlRef large = choose(R, c, b.re, b.im), small = choose(R, c, b.im, b.re);
    rec_guard_cond(R, equals(R, large, rec_kfloat(R, 0.0)), false, HL_R_ZERODIV);
    HlRef ratio = op2(R, HL_I_FDIV, small, large);
    HlRef scaled = op2(R, HL_I_FADD, large, op2(R, HL_I_FMUL, small, ratio));
    if (np)
        guard_finite(R, scaled, HL_R_FPCHECK);
    else
        rec_guard_cond(R, equals(R, scaled, scaled), true, HL_R_MATH);
    HlRef first = choose(R, c, a.re, a.im), second = choose(R, c, a.im, a.re);
    HlRef re = op2(R, HL_I_FADD, first, op2(R, HL_I_FMUL, second, ratio));
    HlRef im = choose(R, c, op2(R, HL_I_FSUB, a.im, op2(R, HL_I_FMUL, a.re, ratio)),
                      op2(R, HL_I_FSUB, op2(R, HL_I_FMUL, a.im, ratio), a.re));
    HlOp scale = np ? HL_I_FMUL : HL_I_FDIV;
    if (np) {
        scaled = op2(R, HL_I_FDIV, rec_kfloat(R, 1.0), scaled);
        HlRef abs_re = rec_emit(R, HL_I_FABS, HL_TYPE(F64), a.re, HL_NOREF, 0);
        HlRef abs_im = rec_emit(R, HL_I_FABS, HL_TYPE(F64), a.im, HL_NOREF, 0);
        guard_finite(R, op2(R, HL_I_FMUL, op2(R, HL_I_FADD, abs_re, abs_im), scaled), HL_R_FPCHECK);
    }
    return (Parts){op2(R, scale, re, scaled), op2(R, scale, im, scaled)};
}

/* The exponent as a double, when it is real; guarded to be the one seen unless it is a constant. */
static bool known_exponent(HlRec *R, HlVal v, double *e)
{
    Parts p = parts_of(R, v);
    Py_complex c = PyComplex_AsCComplex(v.o);
    if (PyErr_Occurred()) {
        PyErr_Clear();
        return false;
    }
    *e = c.real;
    if (c.imag != 0.0)
        return false;
    int64_t k;
    if (v.t.base == HL_T_I64 && rec_is_kint(R, v.s.a, &k))
        return true;
    if (!rec_is_k(R, p.re, HL_I_KFLOAT))
        rec_guard_cond(R, equals(R, p.re, rec_kfloat(R, c.real)), true, HL_R_BRANCH);
    if (!rec_is_k(R, p.im, HL_I_KFLOAT))
        rec_guard_cond(R, equals(R, p.im, rec_kfloat(R, 0.0)), true, HL_R_BRANCH);
    return true;
}

/* CPython's way with small integer exponents; errors and NaN leave. */
static Parts power(HlRec *R, Parts a, int n)
{
    Parts one = {rec_kfloat(R, 1.0), rec_kfloat(R, 0.0)}, p = one;
    int left = n < 0 ? -n : n;
    for (; left && R->pending == REC_OK; left >>= 1) {
        if (left & 1)
            p = product(R, p, a);
        if (left > 1)
            a = product(R, a, a);
    }
    if (n <= 0)
        p = quotient(R, false, one, p);
    guard_finite_parts(R, p, HL_R_MATH);
    return p;
}

/* NumPy's, for the exponents that it multiplies out. */
static Parts np_power(HlRec *R, HlVal v, Parts a, int n)
{
    Py_complex c = PyComplex_AsCComplex(v.o);
    HlRef k0 = rec_kfloat(R, 0.0);
    HlRef zero = rec_emit(R, HL_I_BAND, HL_TYPE(BOOL), equals(R, a.re, k0), equals(R, a.im, k0), 0);
    bool seen = c.real == 0.0 && c.imag == 0.0;
    rec_guard_cond(R, zero, seen, HL_R_BRANCH);
    if (seen)
        return (Parts){k0, k0};
    Parts p = a;
    while (--n)
        p = product(R, a, p);
    guard_finite_parts(R, p, HL_R_FPCHECK);
    return p;
}

RecStatus rec_complex_binary(HlRec *R, int op, bool inplace)
{
    HlVal l = rec_peek(R, 1), r = rec_peek(R, 0);
    bool sums = op == HL_BIN_ADD || op == HL_BIN_SUB;
    double e;
    if (!is_operand(l) || !is_operand(r) ||
        (!sums && op != HL_BIN_MUL && op != HL_BIN_TRUEDIV && op != HL_BIN_POW))
        return rec_stop(R, HL_R_NYI_TYPE);
    if (!R->result) {
        R->pops = 2;
        R->result = rec_concrete_binary(op, inplace, l.o, r.o);
        if (!R->result)
            return REC_RAISED;
    }
    int kind = hl_record_complex_kind(R->result);
    bool np = kind == HL_SLOT_NPCOMPLEX;
    /* A Python complex and a NumPy scalar that is none go through a ufunc, whose products may be
     * computed with fused operations. */
    if (!kind || (np && !sums && !is_np_complex(l) && !is_np_complex(r)))
        return rec_stop(R, HL_R_NYI_TYPE);
    Parts a = parts_of(R, l), b = parts_of(R, r), p = {HL_NOREF, HL_NOREF};
    switch (op) {
    case HL_BIN_ADD: p = sum(R, HL_I_FADD, np, a, b); break;
    case HL_BIN_SUB: p = sum(R, HL_I_FSUB, np, a, b); break;
    case HL_BIN_MUL:
    case HL_BIN_TRUEDIV:
        p = op == HL_BIN_MUL ? product(R, a, b) : quotient(R, np, a, b);
        if (np && op == HL_BIN_MUL)
            guard_finite_parts(R, p, HL_R_FPCHECK);
        break;
    case HL_BIN_POW:
        if (!known_exponent(R, r, &e) || e != floor(e) || fabs(e) > 100.0 ||
            (np && (e < 1.0 || e > 3.0 || !is_np_complex(l))))
            return rec_stop(R, HL_R_NYI_TYPE);
        p = np ? np_power(R, l, a, (int)e) : power(R, a, (int)e);
        break;
    default: break;
    }
    return finish_complex(R, 2, kind, p);
}

RecStatus rec_complex_unary(HlRec *R, int op)
{
    HlVal v = rec_peek(R, 0);
    Parts p = {v.s.a, v.s.b};
    if (op == HL_UN_INVERT)
        return rec_stop(R, HL_R_NYI_TYPE);
    if (!R->result) {
        R->pops = 1;
        R->result = rec_concrete_unary(op, v.o);
        if (!R->result)
            return REC_RAISED;
    }
    if (op == HL_UN_NEG) {
        p.re = rec_emit(R, HL_I_FNEG, HL_TYPE(F64), p.re, HL_NOREF, 0);
        p.im = rec_emit(R, HL_I_FNEG, HL_TYPE(F64), p.im, HL_NOREF, 0);
    }
    return finish_complex(R, 1, v.s.kind, p);
}

/* --- comparison and truth ---------------------------------------------------------------------- */

RecStatus rec_complex_compare(HlRec *R, int op)
{
    HlVal l = rec_peek(R, 1), r = rec_peek(R, 0);
    bool big;
    if (!is_operand(l) || !is_operand(r) || (op != HL_EQ && op != HL_NE))
        return rec_stop(R, HL_R_NYI_TYPE);
    if (!R->result) {
        R->pops = 2;
        R->result = PyObject_RichCompare(l.o, r.o, op);
        if (!R->result)
            return REC_RAISED;
    }
    rec_guard_exact(R, l); /* an int is compared exactly */
    rec_guard_exact(R, r);
    Parts a = parts_of(R, l), b = parts_of(R, r);
    HlRef c =
        rec_emit(R, HL_I_BAND, HL_TYPE(BOOL), equals(R, a.re, b.re), equals(R, a.im, b.im), 0);
    if (op == HL_NE)
        c = rec_emit(R, HL_I_BNOT, HL_TYPE(BOOL), c, HL_NOREF, 0);
    if (hl_record_type_of(R->result, &big).base == HL_T_NPS)
        c = rec_emit(R, HL_I_RETYPE, HL_TYPE_NPS(HL_D_BOOL), c, HL_NOREF, 0);
    return rec_finish_result(R, 2, c);
}

/* x * x + y * y of a complex number's parts. */
static HlRef square(HlRec *R, HlRef x, HlRef y)
{
    return op2(R, HL_I_FADD, op2(R, HL_I_FMUL, x, x), op2(R, HL_I_FMUL, y, y));
}

/* Squares are compared. Rounding, that of the root included, is a matter of the last bits; where it could
 * decide, the root is computed. */
HlRef rec_complex_compare_abs(HlRec *R, int op, HlVal l, HlVal r)
{
    const double margin = 0x1p-40;
    const HlIns *root = l.s.a == HL_NOREF ? NULL : &R->ir->ins[l.s.a];
    int64_t n;
    double k;
    if (!root || root->op != HL_I_FMATH2 || root->aux != HL_M_HYPOT || op == HL_EQ || op == HL_NE)
        return HL_NOREF;
    if (rec_is_kint(R, r.s.a, &n) && n <= 1LL << 53)
        k = (double)n;
    else if (rec_is_k(R, r.s.a, HL_I_KFLOAT))
        k = R->ir->ins[r.s.a].imm.f;
    else
        return HL_NOREF;
    if (!(k > 1e-100 && k < 1e100)) /* its square is exact but for rounding */
        return HL_NOREF;
    double low = k * k * (1 - margin), high = k * k * (1 + margin), abs = PyFloat_AsDouble(l.o);
    bool clear = abs * abs < low || abs * abs > high;
    HlRef x = root->a[0], y = root->a[1]; /* emissions move the table */
    HlRef s = square(R, x, y);
    HlRef less = rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), s, rec_kfloat(R, low), HL_LT);
    HlRef more = rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), s, rec_kfloat(R, high), HL_GT);
    rec_guard_cond(R, rec_emit(R, HL_I_BOR, HL_TYPE(BOOL), less, more, 0), clear, HL_R_BRANCH);
    if (!clear)
        return rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), l.s.a, rec_kfloat(R, k), op);
    return op == HL_LT || op == HL_LE ? less : more;
}

HlRef rec_complex_truth(HlRec *R, HlVal v)
{
    HlRef zero = rec_kfloat(R, 0.0);
    HlRef re = rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), v.s.a, zero, HL_NE);
    HlRef im = rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), v.s.b, zero, HL_NE);
    return rec_emit(R, HL_I_BOR, HL_TYPE(BOOL), re, im, 0);
}

/* --- attributes and calls ---------------------------------------------------------------------- */

/* z.real and z.imag; z.conjugate and, for NumPy's, z.conj, about to be called: like the interpreter, pushes
 * the method and its self. */
RecStatus rec_complex_attr(HlRec *R, PyObject *name, bool method)
{
    HlVal v = rec_peek(R, 0);
    bool np = is_np_complex(v);
    bool imag = PyUnicode_CompareWithASCIIString(name, "imag") == 0;
    if (method) {
        if (PyUnicode_CompareWithASCIIString(name, "conjugate") != 0 &&
            !(np && PyUnicode_CompareWithASCIIString(name, "conj") == 0))
            return rec_stop(R, HL_R_NYI_ATTR);
        PyObject *m = PyObject_GetAttr((PyObject *)Py_TYPE(v.o), name);
        if (!m || !Py_IS_TYPE(m, &PyMethodDescr_Type)) {
            PyErr_Clear();
            Py_XDECREF(m);
            return rec_stop(R, HL_R_NYI_ATTR);
        }
        HlRef ref = rec_kobj(R, m);
        if (R->pending == REC_OK) {
            PyObject *self = Py_NewRef(v.o);
            rec_pop(R, 1);
            rec_push(R, rec_value(ref), m);
            rec_push(R, v.s, self);
        } else {
            Py_DECREF(m);
        }
        return R->pending;
    }
    if (!imag && PyUnicode_CompareWithASCIIString(name, "real") != 0)
        return rec_stop(R, HL_R_NYI_ATTR);
    if (!R->result) {
        R->pops = 1;
        R->result = PyObject_GetAttr(v.o, name);
        if (!R->result)
            return REC_RAISED;
    }
    HlRef part = imag ? v.s.b : v.s.a;
    if (np)
        part = rec_emit(R, HL_I_RETYPE, HL_TYPE_NPS(HL_D_F64), part, HL_NOREF, 0);
    return rec_finish_result(R, 1, part);
}

RecStatus rec_complex_method(HlRec *R, int32_t n)
{
    HlVal self = rec_peek(R, n);
    PyObject *m = rec_const_obj(R, rec_peek(R, n + 1));
    if (n || !m || !Py_IS_TYPE(m, &PyMethodDescr_Type)) /* none but those pushed above */
        return rec_stop(R, HL_R_NYI_CALL);
    if (!R->result) {
        R->pops = 2;
        R->result = PyObject_CallOneArg(m, self.o);
        if (!R->result)
            return REC_RAISED;
    }
    Parts p = {self.s.a, rec_emit(R, HL_I_FNEG, HL_TYPE(F64), self.s.b, HL_NOREF, 0)};
    return finish_complex(R, 2, self.s.kind, p);
}

/* Where the square does not overflow, the root does neither: so the root itself, which takes a call, is
 * left to those who use its value. */
static HlRef call_abs(HlRec *R, HlVal v)
{
    HlType t = is_np_complex(v) ? HL_TYPE_NPS(HL_D_F64) : HL_TYPE(F64);
    Py_complex c = ((PyComplexObject *)v.o)->cval;
    bool small = c.real * c.real + c.imag * c.imag < INFINITY;
    HlRef s = square(R, v.s.a, v.s.b), inf = rec_kfloat(R, INFINITY);
    rec_guard_cond(R, rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), s, inf, HL_LT), small, HL_R_BRANCH);
    HlRef r = rec_emit(R, HL_I_FMATH2, t, v.s.a, v.s.b, HL_M_HYPOT);
    if (!small)
        guard_finite(R, r, is_np_complex(v) ? HL_R_FPCHECK : HL_R_MATH);
    return r;
}

RecStatus rec_complex_call(HlRec *R, PyObject *fn, bool abs, const HlVal *v, int32_t n)
{
    bool python = fn == (PyObject *)&PyComplex_Type;
    bool np = hl_np_ready() && fn == (PyObject *)hl_np_scalar_type(HL_D_C128);
    bool real = n == 2 && rec_is_number(v[0].t) && rec_is_number(v[1].t);
    bool truth = fn == (PyObject *)&PyBool_Type;
    PyObject *args[2];
    if (!(n == 1 && is_operand(v[0]) && (python || np || abs || truth)) && !(real && python))
        return rec_stop(R, HL_R_NYI_CALL);
    for (int32_t i = 0; i < n; i++)
        args[i] = v[i].o;
    if (!R->result) {
        R->pops = n + 2;
        R->result = PyObject_Vectorcall(fn, args, (size_t)n, NULL);
        if (!R->result)
            return REC_RAISED;
    }
    if (abs || truth)
        return rec_finish_result(R, n + 2, abs ? call_abs(R, v[0]) : rec_complex_truth(R, v[0]));
    Parts p = real ? (Parts){plain_float(R, v[0]), plain_float(R, v[1])} : parts_of(R, v[0]);
    return finish_complex(R, n + 2, np ? HL_SLOT_NPCOMPLEX : HL_SLOT_COMPLEX, p);
}

/* --- array items -------------------------------------------------------------------------------- */

HlSlot rec_np_complex(HlRef re, HlRef im)
{
    return complex_slot(HL_SLOT_NPCOMPLEX, (Parts){re, im});
}

bool rec_complex_parts(HlRec *R, HlVal v, HlRef *re, HlRef *im)
{
    if (!is_operand(v)) {
        rec_stop(R, HL_R_NYI_SUBSCR);
        return false;
    }
    Parts p = parts_of(R, v);
    *re = p.re;
    *im = p.im;
    return true;
}
