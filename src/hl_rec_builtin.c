/* hl_rec_builtin.c - recording of divmod, round, pow and `in`, which are several operations each. */
#include "hl_rec_int.h"

static HlRef compare(HlRec *R, HlOp op, HlRef a, HlRef b, int cond)
{
    return rec_emit(R, op, HL_TYPE(BOOL), a, b, cond);
}

static bool is_int(HlType t)
{
    return t.base == HL_T_I64 || t.base == HL_T_BOOL;
}

static bool is_float(HlType t)
{
    return t.base == HL_T_F64;
}

/* --- divmod ------------------------------------------------------------------------------------ */

static void divmod_ints(HlRec *R, HlVal l, HlVal r, HlRef out[2])
{
    HlRef a = rec_to_int(R, l), b = rec_to_int(R, r);
    int64_t k;
    if (!rec_is_kint(R, b, &k) || k == 0 || k == -1) {
        HlRef zero = rec_kint(R, 0), minus_one = rec_kint(R, -1);
        rec_guard_cond(R, compare(R, HL_I_ICMP, b, zero, HL_EQ), false, HL_R_ZERODIV);
        rec_guard_cond(R, compare(R, HL_I_ICMP, b, minus_one, HL_EQ), false, HL_R_RANGE);
    }
    out[0] = rec_emit(R, HL_I_FLOORDIV, HL_TYPE(I64), a, b, 0);
    out[1] = rec_emit(R, HL_I_MOD, HL_TYPE(I64), a, b, 0);
}

static void divmod_floats(HlRec *R, HlVal l, HlVal r, HlRef out[2])
{
    HlRef a = rec_to_float(R, l), b = rec_to_float(R, r), zero = rec_kfloat(R, 0.0);
    rec_guard_cond(R, compare(R, HL_I_FCMP, b, zero, HL_EQ), false, HL_R_ZERODIV);
    out[0] = rec_emit(R, HL_I_FFLOORDIV, HL_TYPE(F64), a, b, 0);
    out[1] = rec_emit(R, HL_I_FMOD, HL_TYPE(F64), a, b, 0);
}

/* divmod(l, r) whose two results are unpacked at once: the tuple is never made. */
RecStatus rec_divmod(HlRec *R, HlVal l, HlVal r, int32_t npop)
{
    const HlBc *unpack = rec_unpacked(R, R->next, 2);
    bool ints = is_int(l.t) && is_int(r.t);
    HlRef out[2];
    if (!unpack || !(ints || ((is_int(l.t) || is_float(l.t)) && (is_int(r.t) || is_float(r.t)))))
        return rec_stop(R, HL_R_NYI_CALL);
    PyObject *pair = PyNumber_Divmod(l.o, r.o);
    if (!pair)
        return REC_RAISED;
    if (ints && PyLong_AsLong(r.o) == -1) {
        Py_DECREF(pair);
        return rec_stop(R, HL_R_RANGE); /* the least int divided by it does not fit */
    }
    if (ints)
        divmod_ints(R, l, r, out);
    else
        divmod_floats(R, l, r, out);
    if (R->pending == REC_OK) {
        rec_pop(R, npop);
        for (int i = 1; i >= 0; i--)
            rec_push(R, rec_value(out[i]), Py_NewRef(PyTuple_GET_ITEM(pair, i)));
        R->next = unpack->next;
    }
    Py_DECREF(pair);
    return R->pending;
}

/* --- round ------------------------------------------------------------------------------------- */

/* A float to the nearest int, halves to the even one. The distance to the int below is exact where it
 * matters, around one half. */
HlRef rec_round(HlRec *R, HlVal v)
{
    if (is_int(v.t))
        return rec_to_int(R, v);
    if (!is_float(v.t)) {
        rec_stop(R, HL_R_NYI_TYPE);
        return HL_NOREF;
    }
    HlRef half = rec_kfloat(R, 0.5), zero = rec_kint(R, 0), one = rec_kint(R, 1);
    HlRef below = rec_emit(R, HL_I_FMATH1, HL_TYPE(F64), v.s.a, HL_NOREF, HL_M_FLOOR);
    HlRef i = rec_guard(R, HL_I_FPTOSI_OV, HL_TYPE(I64), below, HL_NOREF, HL_R_RANGE);
    HlRef over = rec_emit(R, HL_I_FSUB, HL_TYPE(F64), v.s.a, below, 0);
    HlRef odd = rec_emit(R, HL_I_AND, HL_TYPE(I64), i, one, 0);
    HlRef tie = rec_emit(R, HL_I_BAND, HL_TYPE(BOOL), compare(R, HL_I_FCMP, over, half, HL_EQ),
                         compare(R, HL_I_ICMP, odd, zero, HL_NE), 0);
    HlRef up =
        rec_emit(R, HL_I_BOR, HL_TYPE(BOOL), compare(R, HL_I_FCMP, over, half, HL_GT), tie, 0);
    HlRef add = rec_emit(R, HL_I_ZEXT, HL_TYPE(I64), up, HL_NOREF, 0);
    return rec_guard(R, HL_I_ADD_OV, HL_TYPE(I64), i, add, HL_R_OVERFLOW);
}

/* --- pow --------------------------------------------------------------------------------------- */

/* Of two numbers it is the operator. Of three it takes ints; those with an exponent below 0, whose result
 * is of an inverse, and a modulus of 0 are the interpreter's. */
HlRef rec_pow(HlRec *R, const HlVal *v, int32_t n)
{
    int64_t k;
    if (n == 2)
        return rec_binary_result(R, HL_BIN_POW, v[0], v[1]);
    if (n != 3 || !is_int(v[0].t) || !is_int(v[1].t) || !is_int(v[2].t)) {
        rec_stop(R, HL_R_NYI_CALL);
        return HL_NOREF;
    }
    if (PyLong_AsLong(v[1].o) < 0) {
        rec_stop(R, HL_R_RANGE);
        return HL_NOREF;
    }
    HlRef zero = rec_kint(R, 0), e = rec_to_int(R, v[1]), m = rec_to_int(R, v[2]);
    if (!rec_is_kint(R, e, &k))
        rec_guard_cond(R, compare(R, HL_I_ICMP, e, zero, HL_GE), true, HL_R_RANGE);
    if (!rec_is_kint(R, m, &k))
        rec_guard_cond(R, compare(R, HL_I_ICMP, m, zero, HL_EQ), false, HL_R_ZERODIV);
    return rec_emit3(R, HL_I_POWMOD, HL_TYPE(I64), rec_to_int(R, v[0]), e, m);
}

/* --- in ---------------------------------------------------------------------------------------- */

enum { IN_MAX = 8 };

/* A number in a constant tuple of ints or of floats. Identity, which `in` asks first, only matters for a
 * NaN, and no constant is one that a loop could find again. */
RecStatus rec_contains(HlRec *R, bool negated)
{
    HlVal v = rec_peek(R, 1), tuple = rec_peek(R, 0);
    PyObject *k = rec_const_obj(R, tuple);
    if (!k || !PyTuple_CheckExact(k) || PyTuple_GET_SIZE(k) > IN_MAX ||
        !(is_int(v.t) || is_float(v.t)))
        return rec_stop(R, HL_R_NYI_OP);
    HlRef found = rec_kbool(R, false);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(k); i++) {
        bool big;
        PyObject *o = PyTuple_GET_ITEM(k, i);
        HlVal item = {.s = rec_value(HL_NOREF), .o = o, .t = hl_record_type_of(o, &big)};
        if (big || !(is_int(item.t) || is_float(item.t)))
            return rec_stop(R, HL_R_NYI_OP);
        item.s.a = rec_const_value(R, o);
        HlRef equal = rec_cmp(R, HL_EQ, v, item);
        if (R->pending != REC_OK)
            return R->pending;
        found = i ? rec_emit(R, HL_I_BOR, HL_TYPE(BOOL), found, equal, 0) : equal;
    }
    int seen = PySequence_Contains(k, v.o);
    if (seen < 0)
        return REC_RAISED;
    if (negated)
        found = rec_emit(R, HL_I_BNOT, HL_TYPE(BOOL), found, HL_NOREF, 0);
    return rec_finish(R, 2, rec_value(found), PyBool_FromLong(seen != negated));
}
