/* hl_rec_slice.c - recording of slices of arrays: lo:hi:step, by Python's rules.
 *
 * A slice is virtual (HL_SLOT_SLICE) from where it is built to where it is used: its three numbers. Where it
 * is used they become a first index and a length, in the way of PySlice_AdjustIndices: negative bounds count
 * from the end, then all are moved to the nearest place that there is. Nothing of that can fail, so no guard
 * is needed but for the sign of a step that is no constant. */
#include "hl_rec_int.h"

static bool is_none(HlRec *R, HlRef r)
{
    return rec_is_k(R, r, HL_I_KOBJ) && R->r->objects[R->ir->ins[r].imm.i] == Py_None;
}

/* The smaller (HL_LT) or larger (HL_GT) of two. */
static HlRef choose(HlRec *R, int compare, HlRef a, HlRef b)
{
    int64_t x, y;
    if (rec_is_kint(R, a, &x) && rec_is_kint(R, b, &y))
        return (x < y) == (compare == HL_LT) ? a : b;
    HlRef first = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), a, b, compare);
    return rec_emit3(R, HL_I_SELECT, HL_TYPE(I64), first, a, b);
}

/* A bound as a place from low to high. */
static HlRef clip(HlRec *R, HlRef bound, HlRef length, HlRef low, HlRef high)
{
    HlType t = HL_TYPE(I64);
    int64_t k;
    bool constant = rec_is_kint(R, bound, &k);
    if (constant && k >= 0)
        return choose(R, HL_LT, bound, high);
    HlRef from_end = rec_emit(R, HL_I_ADD, t, length, bound, 0);
    if (constant)
        return choose(R, HL_GT, from_end, low);
    HlRef negative = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), bound, rec_kint(R, 0), HL_LT);
    HlRef at = rec_emit3(R, HL_I_SELECT, t, negative, from_end, bound);
    return choose(R, HL_LT, choose(R, HL_GT, at, low), high);
}

/* A part of a slice as an i64. */
static HlRef part_int(HlRec *R, HlRef r)
{
    HlVal v = {.s = rec_value(r), .t = rec_type(R, r)};
    HlRef i = rec_to_int(R, v);
    return rec_type(R, i).base == HL_T_NPS ? rec_emit(R, HL_I_RETYPE, HL_TYPE(I64), i, HL_NOREF, 0)
                                           : i;
}

bool rec_slice_whole(HlRec *R, const HlSlot *s)
{
    int64_t k;
    return is_none(R, s->a) && is_none(R, s->b) &&
           (is_none(R, s->c) || (rec_is_kint(R, s->c, &k) && k == 1));
}

/* The step, whose sign is known, and how far it goes; false: stopped. */
static bool slice_step(HlRec *R, HlVal slice, HlRef *step, HlRef *far, bool *down)
{
    Py_ssize_t start, stop, by;
    int64_t k;
    if (PySlice_Unpack(slice.o, &start, &stop, &by) < 0) { /* a step of 0 */
        PyErr_Clear();
        rec_stop(R, HL_R_NYI_SUBSCR);
        return false;
    }
    *down = by < 0;
    *step = *far = is_none(R, slice.s.c) ? rec_kint(R, 1) : part_int(R, slice.s.c);
    if (rec_is_kint(R, *step, &k)) { /* by: it, or -INT64_MAX where it is less */
        *step = rec_kint(R, by);
        *far = rec_kint(R, *down ? -(int64_t)by : by);
        return true;
    }
    HlRef way = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), *step, rec_kint(R, 0), *down ? HL_LT : HL_GT);
    rec_guard_cond(R, way, true, HL_R_BRANCH);
    if (*down)
        *far = rec_guard(R, HL_I_SUB_OV, HL_TYPE(I64), rec_kint(R, 0), *step, HL_R_OVERFLOW);
    return R->pending == REC_OK;
}

bool rec_slice(HlRec *R, HlVal slice, HlRef length, RecSlice *out)
{
    HlType t = HL_TYPE(I64);
    HlRef zero = rec_kint(R, 0), one = rec_kint(R, 1), step, far;
    bool down, open = is_none(R, slice.s.a) || is_none(R, slice.s.b);
    int64_t k;
    if (!slice_step(R, slice, &step, &far, &down))
        return false;
    HlRef low = down ? rec_kint(R, -1) : zero;
    HlRef high = down ? rec_emit(R, HL_I_SUB, t, length, one, 0) : length;
    HlRef start = is_none(R, slice.s.a) ? (down ? high : low)
                                        : clip(R, part_int(R, slice.s.a), length, low, high);
    HlRef stop = is_none(R, slice.s.b) ? (down ? low : high)
                                       : clip(R, part_int(R, slice.s.b), length, low, high);
    HlRef n = rec_emit(R, HL_I_SUB, t, down ? start : stop, down ? stop : start, 0);
    if (!open) /* else it is not negative */
        n = choose(R, HL_GT, n, zero);
    if (!rec_is_kint(R, far, &k) || k != 1) {
        n = rec_emit(R, HL_I_SUB, t, n, one, 0);
        n = rec_emit(R, HL_I_ADD, t, rec_emit(R, HL_I_FLOORDIV, t, n, far, 0), one, 0);
    }
    /* NumPy has nothing begin at 0, with a step of 1. */
    bool unit = rec_is_kint(R, step, &k) && k == 1, first = rec_is_kint(R, start, &k) && k == 0;
    HlRef some = unit && first ? HL_NOREF : rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), n, zero, HL_GT);
    *out = (RecSlice){start, n, HL_NOREF};
    if (!first)
        out->start = rec_emit3(R, HL_I_SELECT, t, some, start, zero);
    if (!unit)
        out->step = rec_emit3(R, HL_I_SELECT, t, some, step, one);
    return R->pending == REC_OK;
}

/* Is there an array below the n values on the top of the stack, with only numbers and slices in between, as
 * when it is subscripted by them? */
static bool slices_array(HlRec *R, int32_t n)
{
    for (; n < R->depth; n++) {
        HlVal v = rec_peek(R, n);
        if (rec_is_array(v))
            return true;
        if (!rec_is_number(v.t) && v.s.kind != HL_SLOT_SLICE && rec_const_obj(R, v) != Py_Ellipsis)
            return false;
    }
    return false;
}

RecStatus rec_build_slice(HlRec *R, int32_t n)
{
    HlSlot s = {.kind = HL_SLOT_SLICE};
    PyObject *o[3] = {Py_None, Py_None, Py_None};
    if (!slices_array(R, n))
        return rec_stop(R, HL_R_NYI_OP);
    s.c = rec_kobj(R, Py_None);
    for (int32_t i = 0; i < n; i++) {
        HlVal v = rec_peek(R, n - 1 - i);
        bool number = rec_is_integer(v.t) || v.t.base == HL_T_BOOL;
        if (!number && rec_const_obj(R, v) != Py_None)
            return rec_stop(R, HL_R_NYI_OP);
        s.part[i] = v.s.a;
        o[i] = v.o;
    }
    if (R->pending != REC_OK)
        return R->pending;
    PyObject *slice = PySlice_New(o[0], o[1], o[2]);
    return slice ? rec_finish(R, n, s, slice) : REC_RAISED;
}
