/* hl_rec_complex.c - recording of complex numbers.
 *
 * A complex number never becomes one value: its two parts are floats, in a slot of their own kind, and
 * their type says whether they are Python's complex or which of NumPy's scalars. What is done with it is
 * written down as what CPython and NumPy do with the parts: NumPy in the precision of the dtype to which
 * it converts both operands. A real operand becomes a complex one with the imaginary part 0.0 first, as
 * in both. They multiply alike, but divide and raise to powers differently. Where one of them raises, or
 * NumPy warns, the machine code leaves; NumPy's scalars are for finite results. */
#include "hl_rec_int.h"

#include <math.h>

#include "hl_np.h"

typedef struct Parts {
    HlRef re, im;
} Parts;

HlType hl_record_complex_type(PyObject *o)
{
    if (PyComplex_CheckExact(o))
        return HL_TYPE(COMPLEX);
    return hl_np_ready() ? hl_np_complex_type(o) : HL_TYPE(VOID);
}

bool rec_is_complex(HlVal v)
{
    return v.s.kind == HL_SLOT_COMPLEX;
}

static bool is_operand(HlVal v)
{
    return rec_is_complex(v) || rec_is_number(v.t);
}

/* The type of an operand: of complex ones, what GUARD_TYPE checks for. */
static HlType operand_type(HlRec *R, HlVal v)
{
    return rec_is_complex(v) ? hl_type_of_parts(rec_type(R, v.s.a)) : v.t;
}

static bool is_np(HlType t)
{
    return t.base == HL_T_NPS;
}

/* The type that two numbers are converted to, one of them complex; VOID = none that machine code knows. A
 * np.float64 is a float, so it is Python's complex to its left that does the operation. */
static HlType common_type(HlType l, HlType r)
{
    bool is_float = hl_type_eq(r, HL_TYPE_NPS(HL_D_F64));
    if (!is_np(l) && (!is_np(r) || (is_float && l.base == HL_T_COMPLEX)))
        return HL_TYPE(COMPLEX);
    HlDtype d = hl_np_promote(l, r);
    return hl_dtype_is_complex(d) ? HL_TYPE_NPS((uint8_t)d) : HL_TYPE(VOID);
}

/* The type in which squares of such parts are taken: a double's of float32 are exact. */
static HlType wide(HlType part)
{
    return is_np(part) && part.dtype == HL_D_F32 ? HL_TYPE(F64) : part;
}

static HlRef retype(HlRec *R, HlType t, HlRef x)
{
    return hl_type_eq(rec_type(R, x), t) ? x : rec_emit(R, HL_I_RETYPE, t, x, HL_NOREF, 0);
}

/* Of parts that may have another type, but the same values. */
static HlSlot complex_slot(HlRec *R, HlType part, Parts p)
{
    return (HlSlot){.kind = HL_SLOT_COMPLEX,
                    .a = retype(R, part, p.re),
                    .b = retype(R, part, p.im),
                    .c = HL_NOREF};
}

/* A number as a float of type t. */
static HlRef as_float(HlRec *R, HlVal v, HlType t)
{
    return is_np(t) ? rec_to_dtype(R, v, (HlDtype)t.dtype) : rec_to_float(R, v);
}

static Parts parts_of(HlRec *R, HlVal v, HlType part)
{
    if (!rec_is_complex(v))
        return (Parts){as_float(R, v, part), rec_kfloat(R, 0.0)};
    HlVal re = {.s = rec_value(v.s.a), .t = rec_type(R, v.s.a)};
    HlVal im = {.s = rec_value(v.s.b), .t = re.t};
    Parts p = {as_float(R, re, part), HL_NOREF};
    p.im = as_float(R, im, part);
    return p;
}

/* Commits a computed complex number of type t: its class must be the one that the rules predict. */
static RecStatus finish_complex(HlRec *R, int32_t n, HlType t, Parts p)
{
    if (R->pending == REC_OK && !hl_type_eq(hl_record_complex_type(R->result), t))
        rec_stop(R, HL_R_NYI_TYPE);
    return rec_finish(R, n, complex_slot(R, hl_type_part(t), p), R->result);
}

HlSlot rec_complex_const(HlRec *R, PyObject *o)
{
    Py_complex c = ((PyComplexObject *)o)->cval;
    Parts p = {rec_kfloat(R, c.real), rec_kfloat(R, c.imag)};
    return complex_slot(R, HL_TYPE(F64), p);
}

HlSlot rec_complex_unbox(HlRec *R, HlRef obj, HlType t)
{
    HlType part = hl_type_part(t);
    rec_guard_check(R, HL_I_GUARD_TYPE, obj, t, HL_R_TYPE);
    Parts p = {rec_emit(R, HL_I_UNBOX_PART, part, obj, HL_NOREF, 0),
               rec_emit(R, HL_I_UNBOX_PART, part, obj, HL_NOREF, 1)};
    return complex_slot(R, part, p);
}

HlRef rec_complex_object(HlRec *R, HlVal v)
{
    const HlIns *re = &R->ir->ins[v.s.a], *im = &R->ir->ins[v.s.b];
    bool both = re->op == HL_I_UNBOX_PART && im->op == HL_I_UNBOX_PART && re->a[0] == im->a[0];
    return both && re->aux == 0 && im->aux == 1 ? re->a[0] : HL_NOREF;
}

/* --- arithmetic -------------------------------------------------------------------------------- */

static HlRef choose(HlRec *R, HlType t, HlRef c, HlRef a, HlRef b)
{
    return rec_emit3(R, HL_I_SELECT, t, c, a, b);
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

static Parts sum(HlRec *R, HlType t, HlOp op, Parts a, Parts b)
{
    Parts p = {rec_float_op(R, t, op, a.re, b.re), rec_float_op(R, t, op, a.im, b.im)};
    if (is_np(t)) {
        rec_guard_fp(R, p.re, a.re, b.re, HL_R_FPCHECK);
        rec_guard_fp(R, p.im, a.im, b.im, HL_R_FPCHECK);
    }
    return p;
}

static Parts product(HlRec *R, HlType t, Parts a, Parts b)
{
    HlRef x = rec_float_op(R, t, HL_I_FMUL, a.re, b.re);
    HlRef y = rec_float_op(R, t, HL_I_FMUL, a.im, b.im);
    HlRef re = rec_float_op(R, t, HL_I_FSUB, x, y);
    x = rec_float_op(R, t, HL_I_FMUL, a.re, b.im);
    y = rec_float_op(R, t, HL_I_FMUL, a.im, b.re);
    return (Parts){re, rec_float_op(R, t, HL_I_FADD, x, y)};
}

/* Smith's division: by the part of the divisor that is larger, for both cases at once. CPython divides
 * by the scaled divisor, NumPy multiplies by its reciprocal. A NaN in the divisor makes the scaled one
 * NaN. NumPy warns when the scaled divisor overflows, though the result may be finite, and, as its
 * compiler pleases, when something overflows in the case that does not apply. All sums in both, scaled,
 * are bounded by that of the dividend's parts. */
static Parts quotient(HlRec *R, HlType t, Parts a, Parts b)
{
    bool np = is_np(t);
    HlRef x = rec_emit(R, HL_I_FABS, t, b.re, HL_NOREF, 0);
    HlRef y = rec_emit(R, HL_I_FABS, t, b.im, HL_NOREF, 0);
    HlRef c = rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), x, y, HL_GE);
    HlRef large = choose(R, t, c, b.re, b.im), small = choose(R, t, c, b.im, b.re);
    rec_guard_cond(R, equals(R, large, rec_kfloat(R, 0.0)), false, HL_R_ZERODIV);
    HlRef ratio = rec_float_op(R, t, HL_I_FDIV, small, large);
    HlRef scaled =
        rec_float_op(R, t, HL_I_FADD, large, rec_float_op(R, t, HL_I_FMUL, small, ratio));
    if (np)
        guard_finite(R, scaled, HL_R_FPCHECK);
    else
        rec_guard_cond(R, equals(R, scaled, scaled), true, HL_R_MATH);
    HlRef first = choose(R, t, c, a.re, a.im), second = choose(R, t, c, a.im, a.re);
    HlRef re = rec_float_op(R, t, HL_I_FADD, first, rec_float_op(R, t, HL_I_FMUL, second, ratio));
    HlRef im = choose(
        R, t, c, rec_float_op(R, t, HL_I_FSUB, a.im, rec_float_op(R, t, HL_I_FMUL, a.re, ratio)),
        rec_float_op(R, t, HL_I_FSUB, rec_float_op(R, t, HL_I_FMUL, a.im, ratio), a.re));
    HlOp scale = np ? HL_I_FMUL : HL_I_FDIV;
    if (np) {
        scaled = rec_float_op(R, t, HL_I_FDIV, rec_kfloat(R, 1.0), scaled);
        HlRef abs_re = rec_emit(R, HL_I_FABS, t, a.re, HL_NOREF, 0);
        HlRef abs_im = rec_emit(R, HL_I_FABS, t, a.im, HL_NOREF, 0);
        HlRef most =
            rec_float_op(R, t, HL_I_FMUL, rec_float_op(R, t, HL_I_FADD, abs_re, abs_im), scaled);
        guard_finite(R, most, HL_R_FPCHECK);
    }
    return (Parts){rec_float_op(R, t, scale, re, scaled), rec_float_op(R, t, scale, im, scaled)};
}

/* The exponent as a double, when it is real; guarded to be the one seen unless it is a constant. */
static bool known_exponent(HlRec *R, HlVal v, double *e)
{
    Parts p = parts_of(R, v, HL_TYPE(F64));
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
            p = product(R, HL_TYPE(F64), p, a);
        if (left > 1)
            a = product(R, HL_TYPE(F64), a, a);
    }
    if (n <= 0)
        p = quotient(R, HL_TYPE(F64), one, p);
    guard_finite_parts(R, p, HL_R_MATH);
    return p;
}

/* NumPy's, for the exponents that it multiplies out. */
static Parts np_power(HlRec *R, HlType t, HlVal v, Parts a, int n)
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
        p = product(R, t, a, p);
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
    if (!rec_compute(R, 2, rec_concrete_binary(op, inplace, l.o, r.o)))
        return REC_RAISED;
    HlType lt = operand_type(R, l), rt = operand_type(R, r), to = common_type(lt, rt);
    HlType t = hl_type_part(to);
    bool np = is_np(to), left = hl_type_eq(lt, to);
    /* Where neither operand has the result's dtype, NumPy uses a ufunc, whose products may be computed
     * with fused operations. */
    if (to.base == HL_T_VOID || (np && !sums && !left && !hl_type_eq(rt, to)))
        return rec_stop(R, HL_R_NYI_TYPE);
    Parts p = {HL_NOREF, HL_NOREF};
    if (op == HL_BIN_POW) {
        if (!known_exponent(R, r, &e) || e != floor(e) || fabs(e) > 100.0 ||
            (np && (e < 1.0 || e > 3.0 || !left)))
            return rec_stop(R, HL_R_NYI_TYPE);
        Parts a = parts_of(R, l, t);
        p = np ? np_power(R, t, l, a, (int)e) : power(R, a, (int)e);
        return finish_complex(R, 2, to, p);
    }
    Parts a = parts_of(R, l, t), b = parts_of(R, r, t);
    switch (op) {
    case HL_BIN_ADD: p = sum(R, t, HL_I_FADD, a, b); break;
    case HL_BIN_SUB: p = sum(R, t, HL_I_FSUB, a, b); break;
    case HL_BIN_MUL:
        p = product(R, t, a, b);
        if (np)
            guard_finite_parts(R, p, HL_R_FPCHECK);
        break;
    case HL_BIN_TRUEDIV: p = quotient(R, t, a, b); break;
    default: break;
    }
    return finish_complex(R, 2, to, p);
}

RecStatus rec_complex_unary(HlRec *R, int op)
{
    HlVal v = rec_peek(R, 0);
    Parts p = {v.s.a, v.s.b};
    if (op == HL_UN_INVERT)
        return rec_stop(R, HL_R_NYI_TYPE);
    if (!rec_compute(R, 1, rec_concrete_unary(op, v.o)))
        return REC_RAISED;
    if (op == HL_UN_NEG) {
        HlType part = rec_type(R, p.re);
        p.re = rec_emit(R, HL_I_FNEG, part, p.re, HL_NOREF, 0);
        p.im = rec_emit(R, HL_I_FNEG, part, p.im, HL_NOREF, 0);
    }
    return finish_complex(R, 1, operand_type(R, v), p);
}

/* --- comparison and truth ---------------------------------------------------------------------- */

RecStatus rec_complex_compare(HlRec *R, int op)
{
    HlVal l = rec_peek(R, 1), r = rec_peek(R, 0);
    if (!is_operand(l) || !is_operand(r) || (op != HL_EQ && op != HL_NE))
        return rec_stop(R, HL_R_NYI_TYPE);
    if (!rec_compute(R, 2, PyObject_RichCompare(l.o, r.o, op)))
        return REC_RAISED;
    HlType to = common_type(operand_type(R, l), operand_type(R, r)), t = hl_type_part(to);
    if (to.base == HL_T_VOID)
        return rec_stop(R, HL_R_NYI_TYPE);
    rec_guard_exact(R, l); /* an int is compared exactly */
    rec_guard_exact(R, r);
    Parts a = parts_of(R, l, t), b = parts_of(R, r, t);
    HlRef c =
        rec_emit(R, HL_I_BAND, HL_TYPE(BOOL), equals(R, a.re, b.re), equals(R, a.im, b.im), 0);
    if (op == HL_NE)
        c = rec_emit(R, HL_I_BNOT, HL_TYPE(BOOL), c, HL_NOREF, 0);
    if (is_np(to))
        c = rec_emit(R, HL_I_RETYPE, HL_TYPE_NPS(HL_D_BOOL), c, HL_NOREF, 0);
    return rec_finish_result(R, 2, c);
}

/* x * x + y * y of a complex number's parts, as a double. */
static HlRef square(HlRec *R, HlRef x, HlRef y)
{
    HlType t = wide(rec_type(R, x));
    HlRef xx = rec_emit(R, HL_I_FMUL, t, x, x, 0), yy = rec_emit(R, HL_I_FMUL, t, y, y, 0);
    return rec_emit(R, HL_I_FADD, t, xx, yy, 0);
}

/* How abs is computed of parts of one precision. Where the sum of their squares is less than `most`, it is
 * finite. Between `lowest` and `highest` its square is that sum but for rounding, which is less than `margin`
 * of it, that of a limit to float32 included. */
typedef struct Root {
    uint8_t op, aux;
    double margin, lowest, highest, most;
} Root;

static const Root *root_of(HlType part)
{
    static const Root twice = {HL_I_FMATH2, HL_M_HYPOT, 0x1p-40, 1e-100, 1e100, INFINITY};
    static const Root once = {HL_I_FHYPOT32, 0, 0x1p-20, 1e-30, 1e30, 0x1p254};
    return hl_type_eq(wide(part), part) ? &twice : &once;
}

/* Squares are compared. Rounding, that of the root included, is a matter of the last bits; where it could
 * decide, the root is computed. */
HlRef rec_complex_compare_abs(HlRec *R, int op, HlVal l, HlVal r)
{
    const HlIns *ins = l.s.a == HL_NOREF ? NULL : &R->ir->ins[l.s.a];
    int64_t n;
    double k;
    if (!ins || op == HL_EQ || op == HL_NE)
        return HL_NOREF;
    const Root *root = root_of(ins->type);
    if (ins->op != root->op || ins->aux != root->aux)
        return HL_NOREF;
    if (rec_is_kint(R, r.s.a, &n) && n <= 1LL << 53)
        k = (double)n;
    else if (rec_is_k(R, r.s.a, HL_I_KFLOAT))
        k = R->ir->ins[r.s.a].imm.f;
    else
        return HL_NOREF;
    if (!(k > root->lowest && k < root->highest))
        return HL_NOREF;
    double low = k * k * (1 - root->margin), high = k * k * (1 + root->margin);
    double abs = PyFloat_AsDouble(l.o);
    bool clear = abs * abs < low || abs * abs > high;
    HlRef x = ins->a[0], y = ins->a[1]; /* emissions move the table */
    HlRef s = square(R, x, y);
    HlRef less = rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), s, rec_kfloat(R, low), HL_LT);
    HlRef more = rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), s, rec_kfloat(R, high), HL_GT);
    rec_guard_cond(R, rec_emit(R, HL_I_BOR, HL_TYPE(BOOL), less, more, 0), clear, HL_R_BRANCH);
    if (!clear)
        return HL_NOREF;
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
    bool np = is_np(operand_type(R, v));
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
    if (!rec_compute(R, 1, PyObject_GetAttr(v.o, name)))
        return REC_RAISED;
    return rec_finish_result(R, 1, imag ? v.s.b : v.s.a);
}

RecStatus rec_complex_method(HlRec *R, int32_t n)
{
    HlVal self = rec_peek(R, n);
    PyObject *m = rec_const_obj(R, rec_peek(R, n + 1));
    if (n || !m || !Py_IS_TYPE(m, &PyMethodDescr_Type)) /* none but those pushed above */
        return rec_stop(R, HL_R_NYI_CALL);
    if (!rec_compute(R, 2, PyObject_CallOneArg(m, self.o)))
        return REC_RAISED;
    HlType t = rec_type(R, self.s.b);
    Parts p = {self.s.a, rec_emit(R, HL_I_FNEG, t, self.s.b, HL_NOREF, 0)};
    return finish_complex(R, 2, operand_type(R, self), p);
}

/* Where the square does not overflow, the root does neither: so the root itself, which takes a call, is
 * left to those who use its value. */
static HlRef call_abs(HlRec *R, HlVal v)
{
    HlType t = rec_type(R, v.s.a);
    const Root *root = root_of(t);
    Py_complex c = PyComplex_AsCComplex(v.o);
    bool small = c.real * c.real + c.imag * c.imag < root->most;
    HlRef s = square(R, v.s.a, v.s.b), most = rec_kfloat(R, root->most);
    rec_guard_cond(R, rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), s, most, HL_LT), small, HL_R_BRANCH);
    HlRef r = rec_emit(R, root->op, t, v.s.a, v.s.b, root->aux);
    if (!small)
        guard_finite(R, r, is_np(t) ? HL_R_FPCHECK : HL_R_MATH);
    return r;
}

/* The type of complex numbers that a callable makes; VOID = it makes none. */
static HlType made_by(PyObject *fn)
{
    HlDtype d = hl_np_ready() ? hl_np_dtype_of_type(fn) : HL_D_NONE;
    if (fn == (PyObject *)&PyComplex_Type)
        return HL_TYPE(COMPLEX);
    return hl_dtype_is_complex(d) ? HL_TYPE_NPS((uint8_t)d) : HL_TYPE(VOID);
}

bool rec_makes_complex(PyObject *fn)
{
    return made_by(fn).base != HL_T_VOID;
}

RecStatus rec_complex_call(HlRec *R, PyObject *fn, bool abs, const HlVal *v, int32_t n)
{
    HlType to = made_by(fn), t = hl_type_part(to);
    bool makes = to.base != HL_T_VOID, truth = fn == (PyObject *)&PyBool_Type;
    bool real = to.base == HL_T_COMPLEX && n == 2 && rec_is_number(v[0].t) && rec_is_number(v[1].t);
    PyObject *args[2];
    if (!(n == 1 && is_operand(v[0]) && (makes || abs || truth)) && !real)
        return rec_stop(R, HL_R_NYI_CALL);
    for (int32_t i = 0; i < n; i++)
        args[i] = v[i].o;
    if (!rec_compute(R, n + 2, PyObject_Vectorcall(fn, args, (size_t)n, NULL)))
        return REC_RAISED;
    if (abs || truth)
        return rec_finish_result(R, n + 2, abs ? call_abs(R, v[0]) : rec_complex_truth(R, v[0]));
    Parts p = parts_of(R, v[0], t);
    if (real)
        p.im = as_float(R, v[1], t);
    return finish_complex(R, n + 2, to, p);
}

/* --- array items -------------------------------------------------------------------------------- */

HlSlot rec_complex_slot(HlRec *R, HlRef re, HlRef im)
{
    return complex_slot(R, rec_type(R, re), (Parts){re, im});
}

bool rec_complex_parts(HlRec *R, HlVal v, HlDtype part, HlRef *re, HlRef *im)
{
    if (!is_operand(v)) {
        rec_stop(R, HL_R_NYI_SUBSCR);
        return false;
    }
    Parts p = parts_of(R, v, HL_TYPE_NPS((uint8_t)part));
    *re = p.re;
    *im = p.im;
    return R->pending == REC_OK;
}
