/* hl_rec_call.c - recording of calls to the builtins and math functions that have machine code. */
#include "hl_rec_int.h"

#include <math.h>

#include "hl_np.h"

/* What a callable is for the recorder. */
typedef enum CallKind {
    CALL_UNKNOWN,
    CALL_RANGE,
    CALL_ENUMERATE,
    CALL_ZIP,
    CALL_REVERSED,
    CALL_LEN,
    CALL_DIVMOD,
    CALL_NEAREST, /* round */
    CALL_POW,
    CALL_ABS,
    CALL_MIN,
    CALL_MAX,
    CALL_INT,
    CALL_FLOAT,
    CALL_BOOL,
    CALL_COMPLEX, /* complex, NumPy's complex types */
    CALL_FLOOR,   /* math.floor, ceil, trunc: an int from a float */
    CALL_CEIL,
    CALL_TRUNC,
    CALL_ISNAN,
    CALL_ISINF,
    CALL_ISFINITE,
    CALL_DEGREES,
    CALL_RADIANS,
    CALL_LOG,
    CALL_DTYPE, /* a type of NumPy's scalars */
    CALL_UFUNC,
    CALL_MATH /* a function of HL_MATHDEF */
} CallKind;

static const struct {
    const char *module, *name;
    CallKind kind;
} known_functions[] = {
    {"builtins", "len", CALL_LEN},       {"builtins", "abs", CALL_ABS},
    {"builtins", "min", CALL_MIN},       {"builtins", "max", CALL_MAX},
    {"builtins", "divmod", CALL_DIVMOD}, {"builtins", "round", CALL_NEAREST},
    {"builtins", "pow", CALL_POW},       {"math", "floor", CALL_FLOOR},
    {"math", "ceil", CALL_CEIL},         {"math", "trunc", CALL_TRUNC},
    {"math", "isnan", CALL_ISNAN},       {"math", "isinf", CALL_ISINF},
    {"math", "isfinite", CALL_ISFINITE}, {"math", "degrees", CALL_DEGREES},
    {"math", "radians", CALL_RADIANS},   {"math", "log", CALL_LOG},
};

#define MATH_NAME(name, text, sym, arity) text,
#define MATH_ARITY(name, text, sym, arity) arity,
static const char *const math_names[] = {HL_MATHDEF(MATH_NAME)};
static const uint8_t math_arity[] = {HL_MATHDEF(MATH_ARITY)};
#undef MATH_NAME
#undef MATH_ARITY

static CallKind classify(PyObject *callable, HlMath *math)
{
    if (callable == (PyObject *)&PyRange_Type)
        return CALL_RANGE;
    if (callable == (PyObject *)&PyEnum_Type)
        return CALL_ENUMERATE;
    if (callable == (PyObject *)&PyZip_Type)
        return CALL_ZIP;
    if (callable == (PyObject *)&PyReversed_Type)
        return CALL_REVERSED;
    if (callable == (PyObject *)&PyLong_Type)
        return CALL_INT;
    if (callable == (PyObject *)&PyFloat_Type)
        return CALL_FLOAT;
    if (callable == (PyObject *)&PyBool_Type)
        return CALL_BOOL;
    if (rec_makes_complex(callable))
        return CALL_COMPLEX;
    if (hl_np_dtype_of_type(callable) != HL_D_NONE)
        return CALL_DTYPE;
    if (hl_np_is_ufunc(callable))
        return CALL_UFUNC;
    if (!PyCFunction_CheckExact(callable))
        return CALL_UNKNOWN;
    PyObject *self = PyCFunction_GET_SELF(callable);
    const char *name = ((PyCFunctionObject *)callable)->m_ml->ml_name;
    const char *module = self && PyModule_Check(self) ? PyModule_GetName(self) : NULL;
    if (!module) {
        PyErr_Clear();
        return CALL_UNKNOWN;
    }
    for (int i = 0; i < HL_COUNTOF(known_functions); i++)
        if (strcmp(module, known_functions[i].module) == 0 &&
            strcmp(name, known_functions[i].name) == 0)
            return known_functions[i].kind;
    if (strcmp(module, "math") == 0)
        for (int i = 0; i < HL_COUNTOF(math_names); i++)
            if (strcmp(name, math_names[i]) == 0) {
                *math = (HlMath)i;
                return CALL_MATH;
            }
    return CALL_UNKNOWN;
}

static int64_t least_of(HlDtype d)
{
    int64_t lo, hi;
    hl_dtype_limits(d, &lo, &hi);
    return lo;
}

static HlRef call_abs(HlRec *R, HlVal v)
{
    HlType t = v.t;
    if (rec_is_float(t))
        return rec_emit(R, HL_I_FABS, t, v.s.a, HL_NOREF, 0);
    if (t.base == HL_T_NPS && t.dtype == HL_D_BOOL) {
        rec_stop(R, HL_R_NYI_TYPE);
        return HL_NOREF;
    }
    if (t.base == HL_T_BOOL)
        return rec_to_int(R, v);
    if (t.base == HL_T_NPS && hl_dtype_is_unsigned((HlDtype)t.dtype))
        return v.s.a;
    HlRef i = v.s.a, zero = rec_kint(R, 0);
    if (t.base == HL_T_NPS && t.dtype != HL_D_I64) { /* the smallest one warns: only then */
        HlRef least = rec_kint(R, least_of((HlDtype)t.dtype));
        HlRef is_least = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), i, least, HL_EQ);
        rec_guard_cond(R, is_least, false, HL_R_OVERFLOW);
        HlRef minus = rec_emit(R, HL_I_SUB, t, zero, i, 0);
        HlRef below = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), i, zero, HL_LT);
        return rec_emit3(R, HL_I_SELECT, t, below, minus, i);
    }
    HlRef neg = rec_guard(R, HL_I_SUB_OV, t, zero, i, HL_R_OVERFLOW);
    HlRef less = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), i, zero, HL_LT);
    return rec_emit3(R, HL_I_SELECT, t, less, neg, i);
}

/* min and max keep the first of equals, and the chosen object's type. */
static HlRef call_minmax(HlRec *R, const HlVal *v, int32_t n, bool max)
{
    HlVal best = v[0];
    if (n < 2) {
        rec_stop(R, HL_R_NYI_CALL);
        return HL_NOREF;
    }
    for (int32_t i = 1; i < n && R->pending == REC_OK; i++) {
        HlRef c = rec_cmp(R, max ? HL_GT : HL_LT, v[i], best);
        if (R->pending != REC_OK)
            break;
        if (hl_type_eq(v[i].t, best.t)) {
            best.s.a = rec_emit3(R, HL_I_SELECT, best.t, c, v[i].s.a, best.s.a);
            int seen = PyObject_RichCompareBool(v[i].o, best.o, max ? Py_GT : Py_LT);
            best.o = seen > 0 ? v[i].o : best.o;
        } else {
            bool seen = PyObject_RichCompareBool(v[i].o, best.o, max ? Py_GT : Py_LT) > 0;
            rec_guard_cond(R, c, seen, HL_R_BRANCH);
            if (seen)
                best = v[i];
        }
    }
    return best.s.a;
}

static HlRef call_int(HlRec *R, HlVal v)
{
    HlRef i = rec_to_int(R, v);
    if (R->pending != REC_OK)
        return HL_NOREF;
    if (i == HL_NOREF)
        return rec_guard(R, HL_I_FPTOSI_OV, HL_TYPE(I64), v.s.a, HL_NOREF, HL_R_RANGE);
    return rec_type(R, i).base == HL_T_NPS ? rec_emit(R, HL_I_RETYPE, HL_TYPE(I64), i, HL_NOREF, 0)
                                           : i;
}

static HlRef call_float(HlRec *R, HlVal v)
{
    HlRef f = rec_to_float(R, v);
    return rec_type(R, f).base == HL_T_NPS ? rec_emit(R, HL_I_RETYPE, HL_TYPE(F64), f, HL_NOREF, 0)
                                           : f;
}

/* math.floor and its kin: an int; ints stay as they are. */
static HlRef call_round(HlRec *R, HlVal v, HlMath fn)
{
    if (v.t.base == HL_T_I64 || v.t.base == HL_T_BOOL)
        return rec_to_int(R, v);
    if (!rec_is_float(v.t)) {
        rec_stop(R, HL_R_NYI_TYPE); /* np.int64 goes through a double, in some versions of NumPy */
        return HL_NOREF;
    }
    HlRef f = rec_emit(R, HL_I_FMATH1, HL_TYPE(F64), v.s.a, HL_NOREF, fn);
    return rec_guard(R, HL_I_FPTOSI_OV, HL_TYPE(I64), f, HL_NOREF, HL_R_RANGE);
}

static HlRef math1(HlRec *R, HlMath fn, HlVal v)
{
    HlRef x = rec_to_float(R, v);
    HlRef res = rec_emit(R, HL_I_FMATH1, HL_TYPE(F64), x, HL_NOREF, fn);
    rec_guard_fp(R, res, x, x, HL_R_MATH);
    return res;
}

static HlRef math2(HlRec *R, HlMath fn, HlVal v, HlVal w)
{
    HlRef x = rec_to_float(R, v), y = rec_to_float(R, w);
    HlRef res = rec_emit(R, HL_I_FMATH2, HL_TYPE(F64), x, y, fn);
    rec_guard_fp(R, res, x, y, HL_R_MATH);
    return res;
}

static HlRef call_log(HlRec *R, const HlVal *v, int32_t n)
{
    HlRef num = math1(R, HL_M_LOG, v[0]);
    if (n == 1)
        return num;
    HlRef den = math1(R, HL_M_LOG, v[1]), zero = rec_kfloat(R, 0.0);
    rec_guard_cond(R, rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), den, zero, HL_EQ), false, HL_R_ZERODIV);
    return rec_emit(R, HL_I_FDIV, HL_TYPE(F64), num, den, 0);
}

static HlRef call_scale(HlRec *R, HlVal v, double factor)
{
    return rec_emit(R, HL_I_FMUL, HL_TYPE(F64), rec_to_float(R, v), rec_kfloat(R, factor), 0);
}

/* Emits the call; NOREF when R->pending says why not. */
static HlRef emit_call(HlRec *R, PyObject *fn, CallKind kind, HlMath math, const HlVal *v,
                       int32_t n)
{
    bool several = kind == CALL_UFUNC || kind == CALL_MIN || kind == CALL_MAX ||
                   (kind == CALL_POW && n > 1) || (kind == CALL_LOG && n == 2) ||
                   (kind == CALL_MATH && math_arity[math] == 2 && n == 2);
    bool numbers = true;
    for (int32_t i = 0; i < n; i++)
        numbers = numbers && rec_is_number(v[i].t);
    if ((n != 1 && !several) || (!numbers && kind != CALL_LEN) ||
        (kind == CALL_MATH && math_arity[math] != n)) {
        rec_stop(R, HL_R_NYI_CALL);
        return HL_NOREF;
    }
    switch (kind) {
    case CALL_LEN:
        if (v[0].s.kind == HL_SLOT_VIEW)
            return rec_array_len(R, &v[0].s.part[1]);
        if (hl_type_eq(rec_seq_type(v[0].o), v[0].t))
            return rec_seq_size(R, v[0].s.a);
        break;
    case CALL_NEAREST: return rec_round(R, v[0]);
    case CALL_POW: return rec_pow(R, v, n);
    case CALL_ABS: return call_abs(R, v[0]);
    case CALL_MIN:
    case CALL_MAX: return call_minmax(R, v, n, kind == CALL_MAX);
    case CALL_INT: return call_int(R, v[0]);
    case CALL_FLOAT: return call_float(R, v[0]);
    case CALL_BOOL: return rec_truth(R, v[0]);
    case CALL_FLOOR: return call_round(R, v[0], HL_M_FLOOR);
    case CALL_CEIL: return call_round(R, v[0], HL_M_CEIL);
    case CALL_TRUNC: return call_round(R, v[0], HL_M_TRUNC);
    case CALL_ISNAN: return rec_float_is(R, rec_to_float(R, v[0]), HL_IS_NAN);
    case CALL_ISINF: return rec_float_is(R, rec_to_float(R, v[0]), HL_IS_INF);
    case CALL_ISFINITE: return rec_float_is(R, rec_to_float(R, v[0]), HL_IS_FINITE);
    case CALL_DEGREES: return call_scale(R, v[0], 180.0 / M_PI);
    case CALL_RADIANS: return call_scale(R, v[0], M_PI / 180.0);
    case CALL_LOG: return call_log(R, v, n);
    case CALL_DTYPE: return rec_call_dtype(R, hl_np_dtype_of_type(fn), v[0]);
    case CALL_UFUNC: return rec_call_ufunc(R, fn, v, n);
    case CALL_MATH: return n == 1 ? math1(R, math, v[0]) : math2(R, math, v[0], v[1]);
    case CALL_COMPLEX:
    case CALL_UNKNOWN:
    case CALL_RANGE:
    case CALL_ENUMERATE:
    case CALL_ZIP:
    case CALL_REVERSED:
    case CALL_DIVMOD: break;
    }
    rec_stop(R, HL_R_NYI_CALL);
    return HL_NOREF;
}

#define MAX_CALL_ARGS 8

RecStatus rec_call(HlRec *R, const HlBc *bc)
{
    int32_t n = bc->arg;
    HlVal below = rec_peek(R, n + 1), callee = rec_peek(R, n);
    HlMath math = 0;
    HlVal v[MAX_CALL_ARGS];
    if (rec_is_complex(callee))
        return rec_complex_method(R, n);
    /* A method pair has the callable below and its self among the arguments; those we know have none. */
    PyObject *fn = below.s.kind == HL_SLOT_UNBOUND ? rec_const_obj(R, callee) : NULL;
    PyObject *method = rec_const_obj(R, below);
    if (method)
        return rec_list_call(R, method, n);
    CallKind kind = fn ? classify(fn, &math) : CALL_UNKNOWN;
    if (!fn && below.s.kind == HL_SLOT_UNBOUND)
        return rec_call_function(R, n, NULL, R->pc, bc->next);
    if (kind == CALL_UNKNOWN || n > MAX_CALL_ARGS)
        return rec_stop(R, HL_R_NYI_CALL);
    if (kind == CALL_RANGE)
        return rec_range(R, n, n + 2);
    bool complex = kind == CALL_COMPLEX;
    for (int32_t i = 0; i < n; i++) {
        v[i] = rec_peek(R, n - 1 - i);
        complex = complex || rec_is_complex(v[i]);
    }
    if (kind == CALL_ENUMERATE || kind == CALL_ZIP || kind == CALL_REVERSED)
        return rec_iter_call(R,
                             kind == CALL_ZIP        ? HL_SLOT_ZIP
                             : kind == CALL_REVERSED ? HL_SLOT_REVERSED
                                                     : HL_SLOT_ENUM,
                             v, n, n + 2);
    if (complex)
        return rec_complex_call(R, fn, kind == CALL_ABS, v, n);
    if (kind == CALL_DIVMOD)
        return n == 2 ? rec_divmod(R, v[0], v[1], n + 2) : rec_stop(R, HL_R_NYI_CALL);
    PyObject *args[MAX_CALL_ARGS];
    for (int32_t i = 0; i < n; i++) {
        if (!rec_is_number(v[i].t) && rec_seq_type(v[i].o).base == HL_T_VOID)
            return rec_stop(R, HL_R_NYI_CALL);
        args[i] = v[i].o;
    }
    if (!rec_compute(R, n + 2, PyObject_Vectorcall(fn, args, (size_t)n, NULL)))
        return REC_RAISED;
    return rec_finish_result(R, n + 2, emit_call(R, fn, kind, math, v, n));
}

RecStatus rec_call_keywords(HlRec *R, const HlBc *bc)
{
    const HlBc *call = &R->b->bc[bc->next];
    int32_t at = bc->next;
    while (call->op == HL_BC_NOP && !call->flags) {
        at = call->next;
        call = &R->b->bc[at];
    }
    if (call->op != HL_BC_CALL || call->flags ||
        rec_peek(R, call->arg + 1).s.kind != HL_SLOT_UNBOUND)
        return rec_stop(R, HL_R_NYI_CALL);
    PyObject *kwnames = PyTuple_GET_ITEM(R->code->orig->co_consts, bc->arg);
    return rec_call_function(R, call->arg, kwnames, at, call->next);
}
