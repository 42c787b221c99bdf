/* hl_rec_iter.c - recording of loops over ranges and sequences.
 *
 * The iterators are virtual (hl_ir.h, HL_SLOTDEF): a range's next value, a sequence's next index are
 * values like others, and the object is made when the frame is rebuilt. enumerate and zip give tuples, which
 * are never made: they are compiled where the bytecode unpacks them at once. */
#include "hl_rec_int.h"

/* --- ranges ------------------------------------------------------------------------------------ */

/* How many values range(start, stop, step) has, as an i64; the step's sign is known. */
static HlRef range_length(HlRec *R, HlRef start, HlRef stop, HlRef step, int64_t sign)
{
    HlType t = HL_TYPE(I64);
    int64_t k;
    HlRef lo = sign > 0 ? start : stop, hi = sign > 0 ? stop : start;
    HlRef n = rec_guard(R, HL_I_SUB_OV, t, hi, lo, HL_R_OVERFLOW);
    if (!(rec_is_kint(R, step, &k) && (k == 1 || k == -1))) {
        HlRef one = rec_kint(R, 1);
        HlRef by =
            sign > 0 ? step : rec_guard(R, HL_I_SUB_OV, t, rec_kint(R, 0), step, HL_R_OVERFLOW);
        n = rec_emit(R, HL_I_SUB, t, n, one, 0);
        n = rec_emit(R, HL_I_FLOORDIV, t, n, by, 0);
        n = rec_emit(R, HL_I_ADD, t, n, one, 0);
    }
    HlRef some = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), hi, lo, HL_GT);
    return rec_emit3(R, HL_I_SELECT, t, some, n, rec_kint(R, 0));
}

RecStatus rec_range(HlRec *R, int32_t nargs, int32_t npop)
{
    const HlBc *get_iter = &R->b->bc[R->next];
    HlVal v[3];
    if (get_iter->op != HL_BC_GET_ITER || get_iter->flags || nargs < 1 || nargs > 3)
        return rec_stop(R, HL_R_NYI_CALL);
    for (int32_t i = 0; i < nargs; i++) {
        v[i] = rec_peek(R, nargs - 1 - i);
        if (!rec_is_integer(v[i].t) && v[i].t.base != HL_T_BOOL)
            return rec_stop(R, HL_R_NYI_CALL);
    }
    if (!R->result) {
        PyObject *args[3];
        for (int32_t i = 0; i < nargs; i++)
            args[i] = v[i].o;
        PyObject *range = PyObject_Vectorcall((PyObject *)&PyRange_Type, args, nargs, NULL);
        R->pops = npop;
        R->result = range ? PyObject_GetIter(range) : NULL;
        Py_XDECREF(range);
        if (!R->result)
            return REC_RAISED;
    }
    R->next = get_iter->next; /* also for a result that is kept */
    if (!hl_range_check(R->result))
        return rec_stop(R, HL_R_BIGINT);
    HlRef ref[3];
    for (int32_t i = 0; i < nargs; i++) {
        ref[i] = rec_to_int(R, v[i]);
        if (rec_type(R, ref[i]).base == HL_T_NPS)
            ref[i] = rec_emit(R, HL_I_RETYPE, HL_TYPE(I64), ref[i], HL_NOREF, 0);
    }
    HlRef start = nargs > 1 ? ref[0] : rec_kint(R, 0), stop = nargs > 1 ? ref[1] : ref[0];
    HlRef step = nargs > 2 ? ref[2] : rec_kint(R, 1);
    int64_t next, by, left;
    hl_range_get(R->result, &next, &by, &left);
    if (!rec_is_k(R, step, HL_I_KINT)) {
        HlRef zero = rec_kint(R, 0);
        HlRef up = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), step, zero, HL_GT);
        HlRef down = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), step, zero, HL_LT);
        rec_guard_cond(R, by > 0 ? up : down, true, HL_R_BRANCH);
    }
    HlSlot s = {
        .kind = HL_SLOT_RANGE, .a = start, .b = step, .c = range_length(R, start, stop, step, by)};
    return rec_finish(R, npop, s, R->result);
}

static RecStatus range_next(HlRec *R, const HlBc *bc)
{
    HlVal it = rec_peek(R, 0);
    int32_t slot = R->b->nlocalsplus + R->depth - 1;
    int64_t next, step, left;
    hl_range_get(it.o, &next, &step, &left);
    HlRef more = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), it.s.c, rec_kint(R, 0), HL_GT);
    rec_guard_cond(R, more, left > 0, left > 0 ? HL_R_LOOP_END : HL_R_BRANCH);
    if (left <= 0) {
        if (R->pending != REC_OK)
            return R->pending;
        rec_pop(R, 1);
        R->next = bc->target;
        return REC_OK;
    }
    HlSlot after = {.kind = HL_SLOT_RANGE, .b = it.s.b};
    after.a = rec_emit(R, HL_I_ADD, HL_TYPE(I64), it.s.a, it.s.b, 0);
    after.c = rec_emit(R, HL_I_SUB, HL_TYPE(I64), it.s.c, rec_kint(R, 1), 0);
    if (R->pending != REC_OK)
        return R->pending;
    PyObject *o = Py_TYPE(it.o)->tp_iternext(it.o);
    if (!o)
        return PyErr_Occurred() ? REC_RAISED : rec_stop(R, HL_R_NYI_ITER);
    R->st[slot] = after;
    rec_push(R, rec_value(it.s.a), o);
    return REC_OK;
}

/* --- sequences ---------------------------------------------------------------------------------- */

HlType rec_seq_type(PyObject *o)
{
    bool big;
    HlType t = o ? hl_record_type_of(o, &big) : HL_TYPE(VOID);
    bool seq =
        t.base == HL_T_LIST || t.base == HL_T_TUPLE || t.base == HL_T_BYTES || t.base == HL_T_ARR;
    return seq ? t : HL_TYPE(VOID);
}

HlRef rec_seq_size(HlRec *R, HlRef seq)
{
    switch ((HlBase)rec_type(R, seq).base) {
    case HL_T_LIST: return rec_emit(R, HL_I_LIST_SIZE, HL_TYPE(I64), seq, HL_NOREF, 0);
    case HL_T_ARR: return rec_array_len(R, seq, HL_NOREF);
    default: return rec_emit(R, HL_I_SEQ_SIZE, HL_TYPE(I64), seq, HL_NOREF, 0);
    }
}

HlSlot rec_seq_item(HlRec *R, HlRef seq, HlRef index, PyObject *item)
{
    HlType t = rec_type(R, seq);
    switch ((HlBase)t.base) {
    case HL_T_LIST:
        return rec_unbox(R, rec_emit(R, HL_I_LIST_LOAD, HL_TYPE(OBJ), seq, index, 0), item);
    case HL_T_TUPLE:
        return rec_unbox(R, rec_emit(R, HL_I_TUPLE_LOAD, HL_TYPE(OBJ), seq, index, 0), item);
    case HL_T_ARR: return rec_array_item(R, seq, HL_NOREF, index);
    default: return rec_value(rec_emit(R, HL_I_BYTES_LOAD, HL_TYPE(I64), seq, index, 0));
    }
}

/* The sequence of a SEQ, REVERSED or ROWS iterator. */
static HlRef iter_size(HlRec *R, const HlSlot *it)
{
    return it->kind == HL_SLOT_ROWS ? rec_array_len(R, it->b, it->c) : rec_seq_size(R, it->b);
}

static HlSlot iter_item(HlRec *R, const HlSlot *it, PyObject *item)
{
    return it->kind == HL_SLOT_ROWS ? rec_array_item(R, it->b, it->c, it->a)
                                    : rec_seq_item(R, it->b, it->a, item);
}

/* `for` over a list, tuple, bytes, array or view, forwards or backwards. */
static RecStatus seq_next(HlRec *R, const HlBc *bc, HlVal it, const HlIter *at)
{
    int32_t slot = R->b->nlocalsplus + R->depth - 1;
    bool back = it.s.kind == HL_SLOT_REVERSED;
    Py_ssize_t size = PyObject_Size(at->seq[0]);
    bool more = at->index >= 0 && at->index < size;
    HlType t = HL_TYPE(I64);
    HlRef c, n = HL_NOREF, one = rec_kint(R, 1);
    bool fixed = rec_type(R, it.s.b).base == HL_T_TUPLE || rec_type(R, it.s.b).base == HL_T_BYTES;
    if (!back || !fixed)
        n = iter_size(R, &it.s);
    if (back) {
        c = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), it.s.a, rec_kint(R, 0), HL_GE);
        if (n != HL_NOREF && at->index >= 0) { /* it may have become shorter */
            rec_guard_cond(R, c, true, HL_R_LOOP_END);
            c = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), it.s.a, n, HL_LT);
        }
    } else {
        c = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), it.s.a, n, HL_LT);
    }
    rec_guard_cond(R, c, more, more ? HL_R_LOOP_END : HL_R_BRANCH);
    if (R->pending != REC_OK)
        return R->pending;
    if (!more) {
        rec_pop(R, 1);
        R->next = bc->target;
        return REC_OK;
    }
    rec_note_stride(R, at->seq[0]);
    PyObject *item = PySequence_GetItem(at->seq[0], at->index);
    if (!item)
        return REC_RAISED;
    HlSlot value = iter_item(R, &it.s, item), after = it.s;
    after.a = rec_emit(R, back ? HL_I_SUB : HL_I_ADD, t, it.s.a, one, 0);
    if (R->pending != REC_OK) {
        Py_DECREF(item);
        return R->pending;
    }
    HlIter to = *at;
    to.index += back ? -1 : 1;
    hl_iter_set(it.o, &to);
    R->st[slot] = after;
    rec_push(R, value, item);
    return REC_OK;
}

/* --- enumerate and zip -------------------------------------------------------------------------- */

const HlBc *rec_unpacked(HlRec *R, int32_t pc, int32_t n)
{
    const HlBc *unpack = &R->b->bc[pc];
    return unpack->op == HL_BC_UNPACK_SEQUENCE && unpack->arg == n && !unpack->flags ? unpack
                                                                                     : NULL;
}

/* Is the sequence at an end? */
static void tuple_guard(HlRec *R, HlRef index, HlRef seq, bool more)
{
    HlRef c = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), index, rec_seq_size(R, seq), HL_LT);
    rec_guard_cond(R, c, more, more ? HL_R_LOOP_END : HL_R_BRANCH);
}

/* `for number, item in enumerate(seq)` and `for a, b, ... in zip(seq, seq2, ...)`: an item of each
 * sequence, behind the number if there is one. */
static RecStatus tuple_next(HlRec *R, const HlBc *bc, HlVal it, const HlIter *at)
{
    int32_t slot = R->b->nlocalsplus + R->depth - 1, n = 0;
    bool counted = it.s.kind == HL_SLOT_ENUM, more = true;
    const HlBc *unpack = rec_unpacked(R, bc->next, at->nseq + counted);
    if (!unpack)
        return rec_stop(R, HL_R_NYI_ITER);
    for (int i = 0; i < at->nseq && more; i++) {
        more = at->index < PyObject_Size(at->seq[i]);
        tuple_guard(R, it.s.a, it.s.part[1 + i], more);
    }
    if (R->pending != REC_OK)
        return R->pending;
    if (!more) {
        rec_pop(R, 1);
        R->next = bc->target;
        return REC_OK;
    }
    HlRef one = rec_kint(R, 1);
    HlSlot value[1 + HL_ITER_SEQS], after = it.s;
    PyObject *o[1 + HL_ITER_SEQS];
    bool failed = false;
    if (counted) {
        o[n] = PyLong_FromLongLong(at->count);
        value[n++] = rec_value(it.s.c);
    }
    for (int i = 0; i < at->nseq; i++, n++) {
        rec_note_stride(R, at->seq[i]);
        o[n] = PySequence_GetItem(at->seq[i], at->index);
        if (o[n])
            value[n] = rec_seq_item(R, it.s.part[1 + i], it.s.a, o[n]);
    }
    for (int i = 0; i < n; i++)
        failed = failed || !o[i];
    if (counted)
        after.c = rec_guard(R, HL_I_ADD_OV, HL_TYPE(I64), it.s.c, one, HL_R_OVERFLOW);
    after.a = rec_emit(R, HL_I_ADD, HL_TYPE(I64), it.s.a, one, 0);
    if (failed || R->pending != REC_OK) {
        while (n)
            Py_XDECREF(o[--n]);
        return failed ? REC_RAISED : R->pending;
    }
    HlIter to = *at;
    to.index++;
    to.count++;
    hl_iter_set(it.o, &to);
    R->st[slot] = after;
    while (n--)
        rec_push(R, value[n], o[n]);
    R->next = unpack->next;
    return REC_OK;
}

/* --- the instructions --------------------------------------------------------------------------- */

RecStatus rec_for_iter(HlRec *R, const HlBc *bc)
{
    HlVal it = rec_peek(R, 0);
    HlIter at;
    if (it.s.kind == HL_SLOT_RANGE)
        return range_next(R, bc);
    if (!hl_slot_is_iter(&it.s) || !hl_iter_get(it.o, &at))
        return rec_stop(R, HL_R_NYI_ITER);
    bool tuples = it.s.kind == HL_SLOT_ENUM || it.s.kind == HL_SLOT_ZIP;
    return tuples ? tuple_next(R, bc, it, &at) : seq_next(R, bc, it, &at);
}

/* An iterator at its start takes the place of the `pops` operands that made it. */
static RecStatus iter_begin(HlRec *R, HlSlotKind kind, const HlVal *v, int32_t n, int32_t pops,
                            PyObject *made)
{
    HlIter at;
    if (!made)
        return REC_RAISED;
    if (!hl_iter_get(made, &at) || at.kind != kind) {
        Py_DECREF(made);
        return rec_stop(R, HL_R_NYI_ITER);
    }
    HlSlot s = {.kind = (uint8_t)kind, .b = v[0].s.a, .c = HL_NOREF};
    s.a = rec_kint(R, at.index);
    if (kind == HL_SLOT_REVERSED) {
        HlRef one = rec_kint(R, 1);
        s.a = rec_emit(R, HL_I_SUB, HL_TYPE(I64), rec_seq_size(R, s.b), one, 0);
    } else if (kind == HL_SLOT_ENUM) {
        s.c = n > 1 ? v[1].s.a : rec_kint(R, 0);
    } else if (kind == HL_SLOT_ZIP) {
        s.more = (uint8_t)n;
        for (int32_t i = 1; i < n; i++)
            s.part[1 + i] = v[i].s.a;
    }
    return rec_finish(R, pops, s, made);
}

/* Over a view. */
static RecStatus get_rows(HlRec *R, HlVal v)
{
    HlSlot s = {.kind = HL_SLOT_ROWS, .a = rec_kint(R, 0), .b = v.s.a, .c = v.s.b};
    HlIter at;
    PyObject *made = PyObject_GetIter(v.o);
    if (!made)
        return REC_RAISED;
    if (!hl_iter_get(made, &at) || at.kind != HL_SLOT_SEQ) {
        Py_DECREF(made);
        return rec_stop(R, HL_R_NYI_ITER);
    }
    return rec_finish(R, 1, s, made);
}

RecStatus rec_get_iter(HlRec *R)
{
    HlVal v = rec_peek(R, 0);
    if (v.s.kind == HL_SLOT_VIEW)
        return get_rows(R, v);
    if (v.s.kind != HL_SLOT_VALUE || rec_seq_type(v.o).base == HL_T_VOID ||
        !hl_type_eq(rec_seq_type(v.o), v.t))
        return rec_stop(R, HL_R_NYI_ITER);
    return iter_begin(R, HL_SLOT_SEQ, &v, 1, 1, PyObject_GetIter(v.o));
}

RecStatus rec_iter_call(HlRec *R, HlSlotKind kind, const HlVal *v, int32_t n, int32_t npop)
{
    const HlBc *get_iter = &R->b->bc[R->next];
    bool counted = kind == HL_SLOT_ENUM && n == 2 && v[1].t.base == HL_T_I64;
    bool several = kind == HL_SLOT_ZIP && n <= HL_ITER_SEQS;
    if (get_iter->op != HL_BC_GET_ITER || get_iter->flags || !n || !(n == 1 || several || counted))
        return rec_stop(R, HL_R_NYI_CALL);
    PyObject *args[HL_ITER_SEQS];
    for (int32_t i = 0; i < n; i++)
        args[i] = v[i].o;
    for (int32_t i = 0; i < n - counted; i++)
        if (v[i].s.kind != HL_SLOT_VALUE || rec_seq_type(v[i].o).base == HL_T_VOID ||
            !hl_type_eq(rec_seq_type(v[i].o), v[i].t))
            return rec_stop(R, HL_R_NYI_CALL);
    PyObject *type = kind == HL_SLOT_ENUM  ? (PyObject *)&PyEnum_Type
                     : kind == HL_SLOT_ZIP ? (PyObject *)&PyZip_Type
                                           : (PyObject *)&PyReversed_Type;
    RecStatus st =
        iter_begin(R, kind, v, n, npop, PyObject_Vectorcall(type, args, (size_t)n, NULL));
    if (st == REC_OK)
        R->next = get_iter->next;
    return st;
}
