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

static HlRef call_loop(HlRec *R, PyObject *ufunc, HlDtype d, HlRef x, HlRef y)
{
    HlIns ins = {.op = y == HL_NOREF ? HL_I_UFUNC1 : HL_I_UFUNC2,
                 .aux = d,
                 .type = HL_TYPE_NPS(d),
                 .a = {rec_kobj(R, ufunc), x, y, HL_NOREF}};
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

HlRef rec_call_ufunc(HlRec *R, PyObject *ufunc, const HlVal *v, int32_t n)
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
    HlRef r = n == 1 ? exact_ufunc(R, hl_np_ufunc_name(ufunc), x) : HL_NOREF;
    if (r != HL_NOREF) {
        r = rec_emit(R, d == HL_D_F32 ? HL_I_FROUND32 : HL_I_RETYPE, t, r, HL_NOREF, 0);
        rec_guard_fp(R, r, x, x, HL_R_FPCHECK);
        return r;
    }
    return call_loop(R, ufunc, d, x, n == 2 ? y : HL_NOREF);
}
