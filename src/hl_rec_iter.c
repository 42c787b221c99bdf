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

static PyObject *range_iter(const HlVal *v, int32_t n)
{
    PyObject *args[3];
    for (int32_t i = 0; i < n; i++)
        args[i] = v[i].o;
    PyObject *range = PyObject_Vectorcall((PyObject *)&PyRange_Type, args, (size_t)n, NULL);
    PyObject *it = range ? PyObject_GetIter(range) : NULL;
    Py_XDECREF(range);
    return it;
}

RecStatus rec_range(HlRec *R, int32_t nargs, int32_t npop)
{
    const HlBc *get_iter = &R->b->bc[R->b->bc[R->pc].next];
    HlVal v[3];
    if (get_iter->op != HL_BC_GET_ITER || get_iter->flags || nargs < 1 || nargs > 3)
        return rec_stop(R, HL_R_NYI_CALL);
    for (int32_t i = 0; i < nargs; i++) {
        v[i] = rec_peek(R, nargs - 1 - i);
        if (!rec_is_integer(v[i].t) && v[i].t.base != HL_T_BOOL)
            return rec_stop(R, HL_R_NYI_CALL);
    }
    if (!rec_compute(R, npop, range_iter(v, nargs)))
        return REC_RAISED;
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
    case HL_T_ARR: return rec_array_len(R, (HlRef[]){seq, HL_NOREF});
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
    default: return rec_value(rec_emit(R, HL_I_BYTES_LOAD, HL_TYPE(I64), seq, index, 0));
    }
}

/* What an iterator goes over: the values of a view, or a sequence and HL_NOREF. */
typedef struct Seq {
    HlRef part[HL_SLOT_PARTS];
} Seq;

/* The i-th of them. */
static Seq iter_seq(HlRec *R, const HlSlot *it, int i)
{
    Seq q = {{it->part[1 + i], HL_NOREF}};
    if (hl_slot_has_views(it)) {
        int at = hl_slot_nparts(it) - it->more;
        while (i--)
            at = hl_ir_view_end(R->ir, it, at);
        memcpy(q.part, &it->part[at], sizeof(HlRef) * (size_t)(hl_ir_view_end(R->ir, it, at) - at));
    }
    return q;
}

static HlRef *iter_number(HlSlot *it)
{
    return it->kind == HL_SLOT_ROWS_ENUM ? &it->b : &it->c;
}

static HlRef iter_size(HlRec *R, Seq q)
{
    return q.part[1] == HL_NOREF ? rec_seq_size(R, q.part[0]) : rec_array_len(R, q.part);
}

/* The item at an index of what is the object `seq`. */
static HlSlot iter_item(HlRec *R, Seq q, HlRef index, PyObject *item, PyObject *seq)
{
    return rec_type(R, q.part[0]).base == HL_T_ARR ? rec_array_item(R, q.part, index, seq)
                                                   : rec_seq_item(R, q.part[0], index, item);
}

/* `for` over a list, tuple, bytes, array or view, forwards or backwards. */
static RecStatus seq_next(HlRec *R, const HlBc *bc, HlVal it, const HlIter *at)
{
    int32_t slot = R->b->nlocalsplus + R->depth - 1;
    bool back = hl_slot_without_rows(it.s.kind) == HL_SLOT_REVERSED;
    Seq q = iter_seq(R, &it.s, 0);
    Py_ssize_t size = PyObject_Size(at->seq[0]);
    bool more = at->index >= 0 && at->index < size;
    HlType t = HL_TYPE(I64);
    HlRef c, n = HL_NOREF, one = rec_kint(R, 1);
    HlType seq = rec_type(R, q.part[0]);
    bool fixed = seq.base == HL_T_TUPLE || seq.base == HL_T_BYTES;
    if (!back || !fixed)
        n = iter_size(R, q);
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
    PyObject *item = PySequence_GetItem(at->seq[0], at->index);
    if (!item)
        return REC_RAISED;
    HlSlot value = iter_item(R, q, it.s.a, item, at->seq[0]), after = it.s;
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
static void tuple_guard(HlRec *R, HlRef index, Seq q, bool more)
{
    HlRef c = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), index, iter_size(R, q), HL_LT);
    rec_guard_cond(R, c, more, more ? HL_R_LOOP_END : HL_R_BRANCH);
}

/* `for number, item in enumerate(seq)` and `for a, b, ... in zip(seq, seq2, ...)`: an item of each
 * sequence, behind the number if there is one. */
static RecStatus tuple_next(HlRec *R, const HlBc *bc, HlVal it, const HlIter *at)
{
    int32_t slot = R->b->nlocalsplus + R->depth - 1, n = 0;
    bool counted = hl_slot_without_rows(it.s.kind) == HL_SLOT_ENUM, more = true;
    const HlBc *unpack = rec_unpacked(R, bc->next, at->nseq + counted);
    if (!unpack)
        return rec_stop(R, HL_R_NYI_ITER);
    for (int i = 0; i < at->nseq && more; i++) {
        more = at->index < PyObject_Size(at->seq[i]);
        tuple_guard(R, it.s.a, iter_seq(R, &it.s, i), more);
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
        value[n++] = rec_value(*iter_number(&it.s));
    }
    for (int i = 0; i < at->nseq; i++, n++) {
        o[n] = PySequence_GetItem(at->seq[i], at->index);
        if (o[n])
            value[n] = iter_item(R, iter_seq(R, &it.s, i), it.s.a, o[n], at->seq[i]);
    }
    for (int i = 0; i < n; i++)
        failed = failed || !o[i];
    if (counted)
        *iter_number(&after) =
            rec_guard(R, HL_I_ADD_OV, HL_TYPE(I64), *iter_number(&it.s), one, HL_R_OVERFLOW);
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
    uint8_t kind = hl_slot_without_rows(it.s.kind);
    bool tuples = kind == HL_SLOT_ENUM || kind == HL_SLOT_ZIP;
    return tuples ? tuple_next(R, bc, it, &at) : seq_next(R, bc, it, &at);
}

static bool any_view(const HlVal *v, int n)
{
    bool any = false;
    for (int i = 0; i < n; i++)
        any = any || v[i].s.kind == HL_SLOT_VIEW;
    return any;
}

/* The values of the views that an iterator goes over, where an array is one as a whole. False: there is a
 * list among them, or they are too many. */
static bool iter_views(HlRec *R, HlSlot *s, const HlVal *v, int n)
{
    int at = hl_slot_nparts(s);
    for (int i = 0; i < n; i++) {
        bool view = v[i].s.kind == HL_SLOT_VIEW;
        int size = view ? v[i].s.more : 2;
        if (!rec_is_array(v[i]) || at + size > HL_SLOT_PARTS)
            return false;
        HlRef whole[] = {v[i].s.a, view ? HL_NOREF : rec_array_whole(R, v[i].s.a)};
        memcpy(&s->part[at], view ? &v[i].s.part[1] : whole, sizeof(HlRef) * (size_t)size);
        at += size;
        s->more += (uint8_t)size;
    }
    return true;
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
    if (any_view(v, at.nseq)) {
        s.kind += HL_SLOT_ROWS - HL_SLOT_SEQ;
        if (!iter_views(R, &s, v, at.nseq))
            rec_stop(R, HL_R_NYI_ITER);
    }
    if (R->pending != REC_OK) {
        Py_DECREF(made);
        return R->pending;
    }
    if (kind == HL_SLOT_REVERSED) {
        HlRef one = rec_kint(R, 1);
        s.a = rec_emit(R, HL_I_SUB, HL_TYPE(I64), iter_size(R, iter_seq(R, &s, 0)), one, 0);
    } else if (kind == HL_SLOT_ENUM) {
        *iter_number(&s) = n > 1 ? v[1].s.a : rec_kint(R, 0);
    } else if (s.kind == HL_SLOT_ZIP) {
        s.more = (uint8_t)n;
        for (int32_t i = 1; i < n; i++)
            s.part[1 + i] = v[i].s.a;
    }
    return rec_finish(R, pops, s, made);
}

/* Is it a sequence or a view? */
static bool iterable(HlVal v)
{
    return v.s.kind == HL_SLOT_VIEW ||
           (v.s.kind == HL_SLOT_VALUE && rec_seq_type(v.o).base != HL_T_VOID &&
            hl_type_eq(rec_seq_type(v.o), v.t));
}

RecStatus rec_get_iter(HlRec *R)
{
    HlVal v = rec_peek(R, 0);
    if (!iterable(v))
        return rec_stop(R, HL_R_NYI_ITER);
    return iter_begin(R, HL_SLOT_SEQ, &v, 1, 1, PyObject_GetIter(v.o));
}

RecStatus rec_iter_call(HlRec *R, HlSlotKind kind, const HlVal *v, int32_t n, int32_t npop)
{
    const HlBc *get_iter = &R->b->bc[R->b->bc[R->pc].next];
    bool counted = kind == HL_SLOT_ENUM && n == 2 && v[1].t.base == HL_T_I64;
    bool several = kind == HL_SLOT_ZIP && n <= HL_ITER_SEQS;
    if (get_iter->op != HL_BC_GET_ITER || get_iter->flags || !n || !(n == 1 || several || counted))
        return rec_stop(R, HL_R_NYI_CALL);
    PyObject *args[HL_ITER_SEQS];
    for (int32_t i = 0; i < n; i++)
        args[i] = v[i].o;
    for (int32_t i = 0; i < n - counted; i++)
        if (!iterable(v[i]))
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
