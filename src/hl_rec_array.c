/* hl_rec_array.c - recording of what is done with NumPy arrays: items, views, shapes.
 *
 * An item's address is found axis by axis: each leading index moves it along its axis (ARRAY_ROW), the
 * last one is the load's or store's own. So what belongs to an outer index is invariant in the inner
 * loop. With fewer indices than axes the result is a view, which is virtual (HL_SLOT_VIEW): all that
 * is known of it is the array and the address of its first item; shape and strides are the array's.
 * The tuple of the indices is virtual as well (HL_SLOT_TUPLE). */
#include "hl_rec_int.h"

#include "hl_np.h"

/* An array, or a view of its last axes. */
typedef struct Array {
    HlRef base;
    HlRef data; /* the view's first item; NOREF: it is the array itself */
    HlType t;   /* ARR, as if the view were one */
    int first;  /* its first axis, as the array counts them */
} Array;

/* The indices of a subscript. */
typedef struct Indices {
    int n;
    HlVal v[HL_MAX_NDIM];
} Indices;

/* Where an item is, as ARRAY_LOAD and ARRAY_STORE want it; of a view: the address only. */
typedef struct Place {
    HlRef data, stride, index;
} Place;

bool rec_is_array(HlVal v)
{
    return v.t.base == HL_T_ARR || v.s.kind == HL_SLOT_VIEW;
}

static Array array_at(HlRec *R, HlRef base, HlRef row)
{
    HlType t = rec_type(R, base);
    Array a = {.base = base, .data = row, .t = t};
    if (row != HL_NOREF) {
        a.t = HL_TYPE_ARR(t.dtype, rec_type(R, row).ndim);
        a.first = t.ndim - a.t.ndim;
    }
    return a;
}

static Array array_of(HlRec *R, HlVal v)
{
    return array_at(R, v.s.a, v.s.kind == HL_SLOT_VIEW ? v.s.b : HL_NOREF);
}

static HlRef axis_len(HlRec *R, const Array *a, int axis)
{
    return rec_emit(R, HL_I_ARRAY_LEN, HL_TYPE(I64), a->base, HL_NOREF, a->first + axis);
}

static HlRef axis_stride(HlRec *R, const Array *a, int axis)
{
    return rec_emit(R, HL_I_ARRAY_STRIDE, HL_TYPE(I64), a->base, HL_NOREF, a->first + axis);
}

HlRef rec_array_len(HlRec *R, HlRef base, HlRef row)
{
    Array a = array_at(R, base, row);
    return axis_len(R, &a, 0);
}

void rec_note_stride(HlRec *R, PyObject *o)
{
    if (hl_np_ready() && hl_np_is_array(o) && !hl_np_unit_stride(o))
        R->ir->exits[R->ir->entry_exit].stay = 1;
}

/* --- places ------------------------------------------------------------------------------------- */

static HlRef row_at(HlRec *R, HlType t, HlRef data, HlRef stride, HlRef index)
{
    HlIns ins = {.op = HL_I_ARRAY_ROW, .type = t, .a = {data, stride, index, HL_NOREF, HL_NOREF}};
    return data == HL_NOREF || stride == HL_NOREF || index == HL_NOREF
               ? HL_NOREF
               : rec_emit_ins(R, &ins, HL_R_NONE);
}

/* The place at n indices that were checked. */
static Place place_at(HlRec *R, const Array *a, const HlRef *index, int n)
{
    Place p = {a->data, HL_NOREF, HL_NOREF};
    if (p.data == HL_NOREF)
        p.data = rec_emit(R, HL_I_ARRAY_DATA, HL_TYPE(PTR), a->base, HL_NOREF, 0);
    for (int k = 0; k < n; k++) {
        HlRef stride = axis_stride(R, a, k);
        if (k == a->t.ndim - 1) {
            p.stride = stride;
            p.index = index[k];
        } else {
            HlType t = HL_TYPE_ROW(a->t.dtype, (uint8_t)(a->t.ndim - 1 - k));
            p.data = row_at(R, t, p.data, stride, index[k]);
        }
    }
    return p;
}

/* The same place for the imaginary parts. */
static Place imag_place(HlRec *R, const Array *a, Place p)
{
    int64_t size = hl_dtype_size(hl_dtype_part((HlDtype)a->t.dtype));
    if (rec_is_k(R, p.data, HL_I_ARRAY_DATA))
        p.data = rec_emit(R, HL_I_ARRAY_DATA, HL_TYPE(PTR), a->base, HL_NOREF, 1);
    else
        p.data = row_at(R, rec_type(R, p.data), p.data, rec_kint(R, size), rec_kint(R, 1));
    return p;
}

static HlRef load(HlRec *R, HlDtype d, HlType t, Place p)
{
    HlIns ins = {.op = HL_I_ARRAY_LOAD,
                 .aux = d,
                 .type = t,
                 .a = {p.data, p.stride, p.index, HL_NOREF, HL_NOREF}};
    return p.index == HL_NOREF ? HL_NOREF : rec_emit_ins(R, &ins, HL_R_NONE);
}

static void store(HlRec *R, HlDtype d, Place p, HlRef item)
{
    HlIns ins = {.op = HL_I_ARRAY_STORE,
                 .aux = d,
                 .type = HL_TYPE(VOID),
                 .a = {p.data, p.stride, p.index, item, HL_NOREF}};
    if (item != HL_NOREF)
        rec_emit_ins(R, &ins, HL_R_NONE);
}

/* A view is an object of its own, but where the frame is rebuilt, what one place in the program made twice
 * of the same items would be one. So machine code is left where it does while another slot still holds
 * the first; not the slot that is about to be given the second. */
static void keep_apart(HlRec *R, HlSlot view)
{
    const HlBc *next = &R->b->bc[R->b->bc[R->pc].next];
    const HlSlot *replaced = next->op == HL_BC_STORE_FAST ? &R->st[next->arg] : NULL;
    for (int32_t i = 0; i < rec_nstate(R); i++) {
        const HlSlot *held = &R->state[i];
        int64_t number;
        if (held->kind != HL_SLOT_VIEW || held == replaced ||
            !hl_type_eq(rec_type(R, held->b), rec_type(R, view.b)) ||
            (rec_is_kint(R, held->c, &number) && held->c != view.c))
            continue;
        rec_guard_cond(R, rec_emit(R, HL_I_IS, HL_TYPE(BOOL), view.b, held->b, 0), false,
                       HL_R_TYPE);
    }
}

/* What is at n indices: a number, or a view. */
static HlSlot value_at(HlRec *R, const Array *a, const HlRef *index, int n)
{
    Place p = place_at(R, a, index, n);
    HlDtype d = (HlDtype)a->t.dtype;
    if (n < a->t.ndim) {
        /* Two views of one instruction are two objects, also where they are equal. */
        int64_t number = ((int64_t)(R->inlined + 1) << 32 | R->pc) * 256 + R->nviews++ % 256;
        HlSlot view = {.kind = HL_SLOT_VIEW, .a = a->base, .b = p.data, .c = rec_kint(R, number)};
        keep_apart(R, view);
        return view;
    }
    HlRef item = load(R, d, HL_TYPE_NPS(hl_dtype_part(d)), p);
    if (!hl_dtype_is_complex(d))
        return rec_value(item);
    return rec_complex_slot(R, item, load(R, d, rec_type(R, item), imag_place(R, a, p)));
}

HlSlot rec_array_item(HlRec *R, HlRef base, HlRef row, HlRef index)
{
    Array a = array_at(R, base, row);
    return value_at(R, &a, &index, 1);
}

/* No object that there was before is a view that was made in machine code. */
HlRef rec_same_view(HlRec *R, HlVal l, HlVal r)
{
    if (l.s.kind != r.s.kind)
        return rec_kbool(R, false);
    HlRef base = rec_emit(R, HL_I_IS, HL_TYPE(BOOL), l.s.a, r.s.a, 0);
    HlRef row = rec_emit(R, HL_I_IS, HL_TYPE(BOOL), l.s.b, r.s.b, 0);
    HlRef number = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), l.s.c, r.s.c, HL_EQ);
    return rec_emit(R, HL_I_BAND, HL_TYPE(BOOL),
                    rec_emit(R, HL_I_BAND, HL_TYPE(BOOL), base, row, 0), number, 0);
}

/* --- indices ------------------------------------------------------------------------------------ */

static HlVal constant_index(HlRec *R, PyObject *o)
{
    HlVal v = {.s = rec_value(rec_const_value(R, o)), .o = o};
    v.t = rec_type(R, v.s.a);
    return v;
}

/* The items of a tuple that is an object. */
static bool object_indices(HlRec *R, HlVal tuple, Indices *ix)
{
    ix->n = (int)PyTuple_GET_SIZE(tuple.o);
    bool big, integers = ix->n > 0 && ix->n <= HL_MAX_NDIM;
    for (int i = 0; integers && i < ix->n; i++)
        integers = rec_is_integer(hl_record_type_of(PyTuple_GET_ITEM(tuple.o, i), &big));
    if (!integers)
        return false;
    HlRef size = rec_seq_size(R, tuple.s.a), n = rec_kint(R, ix->n);
    rec_guard_cond(R, rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), size, n, HL_EQ), true, HL_R_TYPE);
    for (int i = 0; i < ix->n; i++) {
        HlVal *v = &ix->v[i];
        v->o = PyTuple_GET_ITEM(tuple.o, i);
        v->s = rec_seq_item(R, tuple.s.a, rec_kint(R, i), v->o);
        v->t = rec_type(R, v->s.a);
    }
    return true;
}

/* The indices that the value on the top of the stack stands for; all of them must be integers. */
static bool get_indices(HlRec *R, HlVal index, Indices *ix)
{
    PyObject *k = rec_const_obj(R, index);
    int n = hl_slot_tuple(&index.s);
    *ix = (Indices){.n = 1, .v = {index}};
    if (index.t.base == HL_T_TUPLE && !k)
        return object_indices(R, index, ix);
    if (n) {
        ix->n = n;
        for (int i = 0; i < n; i++) {
            ix->v[i] = (HlVal){.s = rec_value(index.s.part[i]), .o = PyTuple_GET_ITEM(index.o, i)};
            ix->v[i].t = rec_type(R, index.s.part[i]);
        }
    } else if (k && PyTuple_CheckExact(k) && PyTuple_GET_SIZE(k) <= HL_MAX_NDIM) {
        ix->n = (int)PyTuple_GET_SIZE(k);
        for (int i = 0; i < ix->n; i++)
            ix->v[i] = constant_index(R, PyTuple_GET_ITEM(k, i));
    }
    for (int i = 0; i < ix->n; i++)
        if (!rec_is_integer(ix->v[i].t))
            return false;
    return ix->n > 0;
}

/* Emits what an access to array `v` at `index` begins with: the indices are checked and wrapped. False:
 * stopped, as the interpreter raises or does what is no item of the kind that is wanted. */
static bool check_indices(HlRec *R, HlVal v, HlVal index, bool whole, Array *a, Indices *ix,
                          HlRef *at)
{
    *a = array_of(R, v);
    if (!get_indices(R, index, ix) || (whole && ix->n < a->t.ndim)) {
        rec_stop(R, HL_R_NYI_SUBSCR);
        return false;
    }
    if (R->pending != REC_OK)
        return false;
    rec_note_stride(R, v.o);
    PyObject *shape = PyObject_GetAttrString(v.o, "shape");
    PyErr_Clear();
    if (!shape || ix->n > a->t.ndim)
        rec_stop(R, shape ? HL_R_INDEX : HL_R_NO_MEMORY);
    for (int i = 0; R->pending == REC_OK && i < ix->n; i++)
        at[i] =
            rec_index(R, ix->v[i], axis_len(R, a, i), PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, i)));
    Py_XDECREF(shape);
    return R->pending == REC_OK;
}

/* --- the instructions --------------------------------------------------------------------------- */

RecStatus rec_array_subscr(HlRec *R)
{
    HlVal v = rec_peek(R, 1), index = rec_peek(R, 0);
    HlRef at[HL_MAX_NDIM];
    Indices ix;
    Array a;
    if (!check_indices(R, v, index, false, &a, &ix, at) || R->pending != REC_OK)
        return R->pending;
    if (!rec_compute(R, 2, PyObject_GetItem(v.o, index.o)))
        return REC_RAISED;
    return rec_finish(R, 2, value_at(R, &a, at, ix.n), R->result);
}

/* The value as the array's dtype stores it; NOREF and stopped when NumPy's cast is more than that. What
 * does not fit leaves, but for unsigned items, into which NumPy casts its own integers as C does. */
static HlRef item_cast(HlRec *R, HlVal v, HlDtype d)
{
    if (v.t.base == HL_T_NPS && rec_is_integer(v.t) && hl_dtype_is_unsigned(d))
        return v.t.dtype == d ? v.s.a
                              : rec_emit(R, HL_I_NARROW, HL_TYPE_NPS(d), v.s.a, HL_NOREF, d);
    if (!rec_is_number(v.t)) {
        rec_stop(R, HL_R_NYI_SUBSCR);
        return HL_NOREF;
    }
    return rec_to_dtype(R, v, d);
}

RecStatus rec_array_store(HlRec *R)
{
    HlVal index = rec_peek(R, 0), v = rec_peek(R, 1), item = rec_peek(R, 2);
    HlRef at[HL_MAX_NDIM];
    Indices ix;
    Array a;
    if (!hl_np_writeable(v.o))
        return rec_stop(R, HL_R_READONLY);
    if (!check_indices(R, v, index, true, &a, &ix, at))
        return R->pending;
    Place p = place_at(R, &a, at, ix.n);
    rec_guard(R, HL_I_GUARD_WRITEABLE, HL_TYPE(VOID), a.base, HL_NOREF, HL_R_READONLY);
    if (R->pending != REC_OK)
        return R->pending;
    HlDtype d = (HlDtype)a.t.dtype;
    if (hl_dtype_is_complex(d)) {
        HlRef re, im;
        if (rec_complex_parts(R, item, hl_dtype_part(d), &re, &im)) {
            Place imag = imag_place(R, &a, p);
            store(R, d, p, re);
            store(R, d, imag, im);
        }
    } else {
        store(R, d, p, item_cast(R, item, d));
    }
    if (R->pending != REC_OK)
        return R->pending;
    if (PyObject_SetItem(v.o, index.o, item.o) < 0)
        return REC_RAISED;
    rec_pop(R, 3);
    return REC_OK;
}

/* x, y = row: an array's items, or its rows. */
RecStatus rec_array_unpack(HlRec *R, int32_t n)
{
    HlVal v = rec_peek(R, 0);
    Array a = array_of(R, v);
    HlSlot *value = R->scratch;
    if (PyObject_Size(v.o) != n)
        return rec_stop(R, HL_R_NYI_OP); /* raises ValueError */
    HlRef fits = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), axis_len(R, &a, 0), rec_kint(R, n), HL_EQ);
    rec_guard_cond(R, fits, true, HL_R_TYPE);
    for (int32_t i = 0; i < n; i++) {
        HlRef index = rec_kint(R, i);
        value[i] = value_at(R, &a, &index, 1);
    }
    if (R->pending != REC_OK)
        return R->pending;
    PyObject *items = PySequence_Tuple(v.o);
    if (!items)
        return REC_RAISED;
    rec_pop(R, 1);
    for (int32_t i = n - 1; i >= 0; i--)
        rec_push(R, value[i], Py_NewRef(PyTuple_GET_ITEM(items, i)));
    Py_DECREF(items);
    return REC_OK;
}

/* --- attributes --------------------------------------------------------------------------------- */

static PyObject *shape_at(PyObject *array, PyObject *index)
{
    PyObject *shape = PyObject_GetAttrString(array, "shape");
    PyObject *length = shape ? PyObject_GetItem(shape, index) : NULL;
    Py_XDECREF(shape);
    return length;
}

/* a.shape[k] and `n, m = a.shape`: the tuple is never made. */
static RecStatus array_shape(HlRec *R, const HlBc *bc, HlVal v)
{
    Array a = array_of(R, v);
    const HlBc *k = &R->b->bc[bc->next];
    const HlBc *sub = k->op == HL_BC_LOAD_CONST ? &R->b->bc[k->next] : NULL;
    bool unpack = k->op == HL_BC_UNPACK_SEQUENCE && k->arg == a.t.ndim && !k->flags;
    int64_t axis;
    if (!unpack && (!sub || sub->op != HL_BC_SUBSCR || k->flags || sub->flags))
        return rec_stop(R, HL_R_NYI_ATTR);
    if (unpack) {
        HlRef len[HL_MAX_NDIM];
        for (int i = 0; i < a.t.ndim; i++)
            len[i] = axis_len(R, &a, i);
        if (R->pending != REC_OK)
            return R->pending;
        PyObject *shape = PyObject_GetAttrString(v.o, "shape");
        if (!shape)
            return REC_RAISED;
        rec_pop(R, 1);
        for (int i = a.t.ndim - 1; i >= 0; i--)
            rec_push(R, rec_value(len[i]), Py_NewRef(PyTuple_GET_ITEM(shape, i)));
        Py_DECREF(shape);
        R->next = k->next;
        return REC_OK;
    }
    PyObject *index = PyTuple_GET_ITEM(R->code->orig->co_consts, k->arg);
    if (!PyLong_CheckExact(index) || !hl_long_unbox(index, &axis))
        return rec_stop(R, HL_R_NYI_ATTR);
    if (axis < 0)
        axis += a.t.ndim;
    if (axis < 0 || axis >= a.t.ndim)
        return rec_stop(R, HL_R_NYI_ATTR); /* raises IndexError */
    HlRef ref = axis_len(R, &a, (int)axis);
    R->next = sub->next;
    if (!rec_compute(R, 1, shape_at(v.o, index)))
        return REC_RAISED;
    return rec_finish_result(R, 1, ref);
}

static HlRef array_size(HlRec *R, const Array *a)
{
    HlRef n = axis_len(R, a, 0);
    for (int axis = 1; axis < a->t.ndim; axis++)
        n = rec_emit(R, HL_I_MUL, HL_TYPE(I64), n, axis_len(R, a, axis), 0);
    return n;
}

RecStatus rec_array_attr(HlRec *R, const HlBc *bc, PyObject *name)
{
    HlVal v = rec_peek(R, 0);
    Array a = array_of(R, v);
    HlRef ref;
    if (PyUnicode_CompareWithASCIIString(name, "shape") == 0)
        return array_shape(R, bc, v);
    if (PyUnicode_CompareWithASCIIString(name, "size") == 0)
        ref = array_size(R, &a);
    else if (PyUnicode_CompareWithASCIIString(name, "ndim") == 0)
        ref = rec_kint(R, a.t.ndim);
    else
        return rec_stop(R, HL_R_NYI_ATTR);
    if (!rec_compute(R, 1, PyObject_GetAttr(v.o, name)))
        return REC_RAISED;
    return rec_finish_result(R, 1, ref);
}
