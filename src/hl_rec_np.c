/* hl_rec_np.c - recording of calls of NumPy's scalar types and ufuncs with numbers.
 *
 * A ufunc's results are those of its own inner loop, which is no function of libm; so machine code
 * calls that loop, with one item. Where IEEE 754 leaves no choice, an operation does. */
#include "hl_rec_int.h"

#include "hl_np.h"

/* np.int32(x) and its kin. NumPy's integers are cast as in C; of other numbers, what does not fit warns or
 * raises. */
HlRef rec_call_dtype(HlRec *R, HlDtype d, HlVal v)
{
    HlType t = HL_TYPE_NPS(d);
    bool from_int = v.t.base == HL_T_NPS && rec_is_integer(v.t);
    HlRef r = from_int && hl_dtype_is_int(d) && v.t.dtype != d
                  ? rec_emit(R, HL_I_NARROW, t, v.s.a, HL_NOREF, d)
                  : rec_to_dtype(R, v, d);
    return hl_type_eq(rec_type(R, r), t) ? r : rec_emit(R, HL_I_RETYPE, t, r, HL_NOREF, 0);
}

/* The float dtype of the loop that a ufunc chooses for a number; HL_D_NONE = it has none, or that of
 * float16. */
static HlDtype loop_dtype(HlType t)
{
    if (t.base != HL_T_NPS)
        return t.base == HL_T_BOOL ? HL_D_NONE : HL_D_F64;
    switch ((HlDtype)t.dtype) {
    case HL_D_F32:
    case HL_D_I16:
    case HL_D_U16: return HL_D_F32;
    case HL_D_F64:
    case HL_D_I32:
    case HL_D_I64:
    case HL_D_U32:
    case HL_D_U64: return HL_D_F64;
    default: return HL_D_NONE;
    }
}

/* The same for two numbers, one of them at least a float. */
static HlDtype loop_dtype_of_two(HlType a, HlType b)
{
    if (a.base == HL_T_NPS || b.base == HL_T_NPS)
        return hl_np_promote(a, b);
    return a.base == HL_T_F64 || b.base == HL_T_F64 ? HL_D_F64 : HL_D_NONE;
}

/* A ufunc that is one operation, exactly rounded. */
static HlRef exact_ufunc(HlRec *R, const char *name, HlRef x)
{
    static const struct {
        const char *name;
        uint8_t op, math;
    } exact[] = {
        {"sqrt", HL_I_FMATH1, HL_M_SQRT}, {"floor", HL_I_FMATH1, HL_M_FLOOR},
        {"ceil", HL_I_FMATH1, HL_M_CEIL}, {"trunc", HL_I_FMATH1, HL_M_TRUNC},
        {"absolute", HL_I_FABS, 0},       {"fabs", HL_I_FABS, 0},
        {"negative", HL_I_FNEG, 0},
    };
    for (int i = 0; i < HL_COUNTOF(exact); i++)
        if (strcmp(name, exact[i].name) == 0)
            return rec_emit(R, exact[i].op, HL_TYPE(F64), x, HL_NOREF, exact[i].math);
    return HL_NOREF;
}

/* A ufunc that libm has too, and nearly as exactly; with fastmath=True. */
static HlRef near_ufunc(HlRec *R, const char *name, int32_t n, HlRef x, HlRef y)
{
    static const struct {
        const char *name;
        uint8_t nin, math;
    } near[] = {
        {"exp", 1, HL_M_EXP},       {"expm1", 1, HL_M_EXPM1},   {"exp2", 1, HL_M_EXP2},
        {"log", 1, HL_M_LOG},       {"log1p", 1, HL_M_LOG1P},   {"log2", 1, HL_M_LOG2},
        {"log10", 1, HL_M_LOG10},   {"cbrt", 1, HL_M_CBRT},     {"sin", 1, HL_M_SIN},
        {"cos", 1, HL_M_COS},       {"tan", 1, HL_M_TAN},       {"arcsin", 1, HL_M_ASIN},
        {"arccos", 1, HL_M_ACOS},   {"arctan", 1, HL_M_ATAN},   {"sinh", 1, HL_M_SINH},
        {"cosh", 1, HL_M_COSH},     {"tanh", 1, HL_M_TANH},     {"arcsinh", 1, HL_M_ASINH},
        {"arccosh", 1, HL_M_ACOSH}, {"arctanh", 1, HL_M_ATANH}, {"power", 2, HL_M_POW},
        {"arctan2", 2, HL_M_ATAN2}, {"hypot", 2, HL_M_HYPOT},
    };
    for (int i = 0; R->ir->fastmath & HL_FAST_AFN && i < HL_COUNTOF(near); i++)
        if (near[i].nin == n && strcmp(name, near[i].name) == 0)
            return rec_emit(R, n == 1 ? HL_I_FMATH1 : HL_I_FMATH2, HL_TYPE(F64), x,
                            n == 1 ? HL_NOREF : y, near[i].math);
    return HL_NOREF;
}

/* With an exponent of 0.5, np.power may take the root, which is another number for -0.0 and -inf. */
static bool takes_root(HlRec *R, HlRef y, PyObject *exponent)
{
    bool half = PyFloat_AsDouble(exponent) == 0.5;
    PyErr_Clear();
    if (!rec_is_k(R, y, HL_I_KFLOAT))
        rec_guard_cond(R, rec_emit(R, HL_I_FCMP, HL_TYPE(BOOL), y, rec_kfloat(R, 0.5), HL_EQ), half,
                       HL_R_BRANCH);
    return half;
}

static HlRef call_loop(HlRec *R, PyObject *ufunc, HlDtype d, HlRef x, HlRef y)
{
    HlIns ins = {.op = y == HL_NOREF ? HL_I_UFUNC1 : HL_I_UFUNC2,
                 .aux = d,
                 .type = HL_TYPE_NPS(d),
                 .a = {rec_kobj(R, ufunc), x, y, HL_NOREF, HL_NOREF}};
    if (R->pending != REC_OK)
        return HL_NOREF;
    HlRef r = rec_emit_ins(R, &ins, HL_R_NONE);
    rec_guard_finite(R, r);
    return r;
}

HlRef rec_ufunc_power(HlRec *R, HlDtype d, HlRef a, HlRef b)
{
    PyObject *power = hl_np_power();
    HlUfuncLoop loop;
    if (!power || !hl_np_ufunc_loop(power, d, 2, &loop)) {
        rec_stop(R, HL_R_NYI_TYPE);
        return HL_NOREF;
    }
    return call_loop(R, power, d, a, b);
}

/* --- ufuncs with a truth value or an integer --------------------------------------------------- */

/* How the operation of a ufunc is done; `op` of its row depends on it. */
typedef enum LoopKind {
    LOOP_FLOAT,    /* not here */
    LOOP_IS,       /* a question about a float: HlFloatClass */
    LOOP_COMPARE,  /* HlCompare */
    LOOP_LOGICAL,  /* on truth values: an operation on i1 */
    LOOP_OPERATOR, /* as the scalars' operator: HlBinary */
    LOOP_MODULO,   /* an operation that wraps around in silence, unlike the scalars' operator */
    LOOP_EXTREME,  /* the first one if HlCompare holds, or else the second */
    LOOP_ABSOLUTE,
    LOOP_NEGATIVE,
    LOOP_INVERT,
    LOOP_POSITIVE
} LoopKind;

typedef struct LoopRow {
    const char *name;
    uint8_t nin, kind, op;
} LoopRow;

static const LoopRow *find_loop(const char *name)
{
    static const LoopRow rows[] = {
        {"isnan", 1, LOOP_IS, HL_IS_NAN},
        {"isinf", 1, LOOP_IS, HL_IS_INF},
        {"isfinite", 1, LOOP_IS, HL_IS_FINITE},
        {"equal", 2, LOOP_COMPARE, HL_EQ},
        {"not_equal", 2, LOOP_COMPARE, HL_NE},
        {"less", 2, LOOP_COMPARE, HL_LT},
        {"less_equal", 2, LOOP_COMPARE, HL_LE},
        {"greater", 2, LOOP_COMPARE, HL_GT},
        {"greater_equal", 2, LOOP_COMPARE, HL_GE},
        {"logical_and", 2, LOOP_LOGICAL, HL_I_BAND},
        {"logical_or", 2, LOOP_LOGICAL, HL_I_BOR},
        {"logical_xor", 2, LOOP_LOGICAL, HL_I_BXOR},
        {"logical_not", 1, LOOP_LOGICAL, HL_I_BNOT},
        {"bitwise_and", 2, LOOP_OPERATOR, HL_BIN_AND},
        {"bitwise_or", 2, LOOP_OPERATOR, HL_BIN_OR},
        {"bitwise_xor", 2, LOOP_OPERATOR, HL_BIN_XOR},
        {"left_shift", 2, LOOP_OPERATOR, HL_BIN_LSHIFT},
        {"right_shift", 2, LOOP_OPERATOR, HL_BIN_RSHIFT},
        {"floor_divide", 2, LOOP_OPERATOR, HL_BIN_FLOORDIV},
        {"remainder", 2, LOOP_OPERATOR, HL_BIN_MOD},
        {"power", 2, LOOP_OPERATOR, HL_BIN_POW},
        {"add", 2, LOOP_MODULO, HL_I_ADD},
        {"subtract", 2, LOOP_MODULO, HL_I_SUB},
        {"multiply", 2, LOOP_MODULO, HL_I_MUL},
        {"maximum", 2, LOOP_EXTREME, HL_GE},
        {"fmax", 2, LOOP_EXTREME, HL_GE},
        {"minimum", 2, LOOP_EXTREME, HL_LE},
        {"fmin", 2, LOOP_EXTREME, HL_LE},
        {"absolute", 1, LOOP_ABSOLUTE, 0},
        {"negative", 1, LOOP_NEGATIVE, 0},
        {"invert", 1, LOOP_INVERT, 0},
        {"positive", 1, LOOP_POSITIVE, 0},
    };
    static const LoopRow none = {"", 0, LOOP_FLOAT, 0};
    for (int i = 0; i < HL_COUNTOF(rows); i++)
        if (strcmp(name, rows[i].name) == 0)
            return &rows[i];
    return &none;
}

/* The dtype that numbers have for a ufunc, without promotion to a float one. */
static HlDtype common_dtype(const HlVal *v, int32_t n)
{
    HlType a = v[0].t, b = v[n - 1].t;
    if (a.base == HL_T_NPS || b.base == HL_T_NPS)
        return n == 1 ? (HlDtype)a.dtype : hl_np_promote(a, b);
    if (a.base == HL_T_F64 || b.base == HL_T_F64)
        return HL_D_F64;
    return a.base == HL_T_BOOL && b.base == HL_T_BOOL ? HL_D_BOOL : HL_D_I64;
}

/* i1; the numbers may be of any type. */
static HlRef truth_loop(HlRec *R, const LoopRow *loop, const HlVal *v)
{
    if (loop->kind == LOOP_IS)
        return rec_float_is(R, rec_to_float(R, v[0]), (HlFloatClass)loop->op);
    if (loop->kind == LOOP_COMPARE)
        return rec_cmp(R, loop->op, v[0], v[1]);
    HlRef a = rec_truth(R, v[0]), b = loop->nin > 1 ? rec_truth(R, v[1]) : HL_NOREF;
    return rec_emit(R, loop->op, HL_TYPE(BOOL), a, b, 0);
}

static HlRef bool_loop(HlRec *R, const LoopRow *loop, const HlVal *v)
{
    HlType t = HL_TYPE_NPS(HL_D_BOOL);
    HlRef a = rec_truth(R, v[0]), b = loop->nin > 1 ? rec_truth(R, v[1]) : HL_NOREF;
    HlOp op = HL_I_PARAM;
    switch ((LoopKind)loop->kind) {
    case LOOP_OPERATOR: op = rec_bool_operator(loop->op, true); break;
    case LOOP_MODULO:
        op = loop->op == HL_I_ADD ? HL_I_BOR : loop->op == HL_I_MUL ? HL_I_BAND : HL_I_PARAM;
        break;
    case LOOP_EXTREME: op = loop->op == HL_GE ? HL_I_BOR : HL_I_BAND; break;
    case LOOP_INVERT: op = HL_I_BNOT; break;
    case LOOP_ABSOLUTE: return rec_emit(R, HL_I_RETYPE, t, a, HL_NOREF, 0);
    default: break;
    }
    if (op != HL_I_PARAM)
        return rec_emit(R, op, t, a, b, 0);
    rec_stop(R, HL_R_NYI_CALL); /* shifts: int8 */
    return HL_NOREF;
}

/* What 64 bits hold of a result in dtype d. */
static HlRef cut(HlRec *R, HlType t, HlRef a)
{
    bool wide = t.dtype == HL_D_I64 || t.dtype == HL_D_U64;
    return wide ? rec_emit(R, HL_I_RETYPE, t, a, HL_NOREF, 0)
                : rec_emit(R, HL_I_NARROW, t, a, HL_NOREF, t.dtype);
}

static HlRef int_loop(HlRec *R, const LoopRow *loop, HlDtype d, const HlVal *v)
{
    HlType t = HL_TYPE_NPS(d), i64 = HL_TYPE(I64);
    if (loop->kind == LOOP_OPERATOR)
        return rec_int_operator(R, loop->op, t, v[0], v[1]);
    HlRef zero = rec_kint(R, 0);
    HlRef a = rec_operand_int(R, v[0], d), c;
    HlRef b = loop->nin > 1 ? rec_operand_int(R, v[1], d) : zero;
    HlVal x = {.s = rec_value(a), .t = t}, y = {.s = rec_value(b), .t = t};
    switch ((LoopKind)loop->kind) {
    case LOOP_MODULO: return cut(R, t, rec_emit(R, loop->op, i64, a, b, 0));
    case LOOP_NEGATIVE: return cut(R, t, rec_emit(R, HL_I_SUB, i64, zero, a, 0));
    case LOOP_INVERT: return cut(R, t, rec_emit(R, HL_I_XOR, i64, a, rec_kint(R, -1), 0));
    case LOOP_POSITIVE: return cut(R, t, a);
    case LOOP_ABSOLUTE:
        if (hl_dtype_is_unsigned(d))
            return cut(R, t, a);
        c = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), a, zero, HL_LT);
        b = rec_emit(R, HL_I_SUB, i64, zero, a, 0);
        return cut(R, t, rec_emit3(R, HL_I_SELECT, i64, c, b, a));
    case LOOP_EXTREME:
        c = rec_cmp(R, loop->op, x, y);
        return cut(R, t, rec_emit3(R, HL_I_SELECT, i64, c, a, b));
    default: break;
    }
    rec_stop(R, HL_R_NYI_CALL);
    return HL_NOREF;
}

/* --- calls ------------------------------------------------------------------------------------- */

static HlRef float_loop(HlRec *R, PyObject *ufunc, const HlVal *v, int32_t n)
{
    HlDtype d = n == 1   ? loop_dtype(v[0].t)
                : n == 2 ? loop_dtype_of_two(v[0].t, v[1].t)
                         : HL_D_NONE;
    HlUfuncLoop loop;
    HlType t = HL_TYPE_NPS(d);
    if (!hl_dtype_is_float(d) || !hl_np_ufunc_loop(ufunc, d, n, &loop)) {
        rec_stop(R, HL_R_NYI_CALL);
        return HL_NOREF;
    }
    HlRef x = rec_to_dtype(R, v[0], d), y = n == 2 ? rec_to_dtype(R, v[1], d) : x;
    const char *name = hl_np_ufunc_name(ufunc);
    HlRef r = n == 1 ? exact_ufunc(R, name, x) : HL_NOREF;
    bool power = strcmp(name, "power") == 0;
    if (r == HL_NOREF && !(power && R->ir->fastmath & HL_FAST_AFN && takes_root(R, y, v[1].o)))
        r = near_ufunc(R, name, n, x, y);
    if (r != HL_NOREF) {
        r = rec_emit(R, d == HL_D_F32 ? HL_I_FROUND32 : HL_I_RETYPE, t, r, HL_NOREF, 0);
        if (power) /* NumPy warns of 0 ** -inf, too, and of more of that kind. */
            rec_guard_finite(R, r);
        else
            rec_guard_fp(R, r, x, y, HL_R_FPCHECK);
        return r;
    }
    return call_loop(R, ufunc, d, x, n == 2 ? y : HL_NOREF);
}

HlRef rec_call_ufunc(HlRec *R, PyObject *ufunc, const HlVal *v, int32_t n)
{
    const LoopRow *loop = find_loop(hl_np_ufunc_name(ufunc));
    if (n < 1 || n > 2 || (loop->kind != LOOP_FLOAT && n != loop->nin)) {
        rec_stop(R, HL_R_NYI_CALL);
        return HL_NOREF;
    }
    if (loop->kind == LOOP_IS || loop->kind == LOOP_COMPARE || loop->kind == LOOP_LOGICAL) {
        HlRef c = truth_loop(R, loop, v);
        return rec_emit(R, HL_I_RETYPE, HL_TYPE_NPS(HL_D_BOOL), c, HL_NOREF, 0);
    }
    HlDtype d = common_dtype(v, n);
    if (loop->kind == LOOP_FLOAT || hl_dtype_is_float(d) || d == HL_D_NONE)
        return float_loop(R, ufunc, v, n);
    return d == HL_D_BOOL ? bool_loop(R, loop, v) : int_loop(R, loop, d, v);
}
