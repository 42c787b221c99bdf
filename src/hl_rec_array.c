/* hl_rec_array.c - recording of what is done with NumPy arrays: items, views, shapes.
 *
 * An item's address is found axis by axis: each leading index moves it along its axis (ARRAY_ROW), the
 * last one is the load's or store's own. So what belongs to an outer index is invariant in the inner
 * loop. With fewer indices than axes, or slices among them, the result is a view, which is virtual
 * (HL_SLOT_VIEW): the array, the address of the view's first item, and the length and stride of the axes that
 * a slice has cut; what is left whole has the array's. The tuple of the indices is virtual as well
 * (HL_SLOT_TUPLE), or, with slices in it, never there: it is built and used by one instruction. */
#include "hl_rec_int.h"

#include "hl_np.h"

/* An axis of an array or a view. */
typedef struct Axis {
    uint8_t kind;      /* HlAxis */
    uint8_t of;        /* which axis of the array it is of */
    HlRef len, stride; /* NOREF: the array's */
} Axis;

/* An array, or a view of one. */
typedef struct Array {
    HlRef base;
    HlRef data; /* address of the view's first item; NOREF: it is the array itself */
    HlType t;   /* of the array */
    int ndim;
    Axis axis[HL_MAX_NDIM];
} Array;

/* The indices of a subscript: integers, slices, and at most one `...`. */
typedef struct Indices {
    int n;
    HlVal v[HL_MAX_NDIM + 1];
} Indices;

/* What an index leaves of an axis. */
typedef struct Cut {
    HlAxis kind;
    HlRef index; /* TAKEN: of the item */
    RecSlice slice;
} Cut;

/* Where an item is, as ARRAY_LOAD and ARRAY_STORE want it; of ARRAY_FILL, `index` is how many. */
typedef struct Place {
    HlRef data, stride, index;
} Place;

bool rec_is_array(HlVal v)
{
    return v.t.base == HL_T_ARR || v.s.kind == HL_SLOT_VIEW;
}

static Array array_at(HlRec *R, const HlRef *view)
{
    HlType t = rec_type(R, view[0]), row = rec_type(R, view[1]);
    Array a = {.base = view[0], .data = view[1], .t = t, .ndim = t.ndim};
    if (a.data == HL_NOREF) {
        for (int i = 0; i < a.ndim; i++)
            a.axis[i] = (Axis){HL_AXIS_WHOLE, (uint8_t)i, HL_NOREF, HL_NOREF};
        return a;
    }
    HlRowAxis axis[HL_MAX_NDIM];
    const HlRef *own = view + 2;
    a.ndim = row.ndim;
    hl_row_axes(row, axis);
    for (int i = 0; i < a.ndim; i++) {
        HlAxis kind = (HlAxis)axis[i].kind;
        a.axis[i] = (Axis){axis[i].kind, (uint8_t)(t.ndim - 1 - axis[i].back), HL_NOREF, HL_NOREF};
        if (kind != HL_AXIS_WHOLE)
            a.axis[i].len = *own++;
        if (kind == HL_AXIS_STEPPED)
            a.axis[i].stride = *own++;
    }
    return a;
}

static Array array_of(HlRec *R, HlVal v)
{
    const HlRef whole[] = {v.s.a, HL_NOREF};
    return array_at(R, v.s.kind == HL_SLOT_VIEW ? &v.s.part[1] : whole);
}

static HlRef axis_len(HlRec *R, const Array *a, int axis)
{
    const Axis *x = &a->axis[axis];
    return x->len != HL_NOREF ? x->len
                              : rec_emit(R, HL_I_ARRAY_LEN, HL_TYPE(I64), a->base, HL_NOREF, x->of);
}

static HlRef axis_stride(HlRec *R, const Array *a, int axis)
{
    const Axis *x = &a->axis[axis];
    return x->stride != HL_NOREF
               ? x->stride
               : rec_emit(R, HL_I_ARRAY_STRIDE, HL_TYPE(I64), a->base, HL_NOREF, x->of);
}

HlRef rec_array_len(HlRec *R, const HlRef *view)
{
    Array a = array_at(R, view);
    return axis_len(R, &a, 0);
}

/* hl_opt_stride.c is to know when the items along the array's own last axis do not lie next to each other. */
static void note_stride(HlRec *R, const Array *a, PyObject *o)
{
    for (int i = 0; i < a->ndim; i++)
        if (a->axis[i].of == a->t.ndim - 1 && a->axis[i].kind != HL_AXIS_STEPPED &&
            !hl_np_unit_stride(o, i))
            R->ir->exits[R->ir->entry_exit].stay = 1;
}

/* --- places ------------------------------------------------------------------------------------- */

static HlType row_type(const Array *a)
{
    HlRowAxis axis[HL_MAX_NDIM];
    for (int i = 0; i < a->ndim; i++)
        axis[i] = (HlRowAxis){a->axis[i].kind, (uint8_t)(a->t.ndim - 1 - a->axis[i].of)};
    return hl_row_type(a->t.dtype, axis, a->ndim);
}

static HlRef row_at(HlRec *R, HlType t, HlRef data, HlRef stride, HlRef index)
{
    HlIns ins = {.op = HL_I_ARRAY_ROW, .type = t, .a = {data, stride, index, HL_NOREF, HL_NOREF}};
    return data == HL_NOREF || stride == HL_NOREF || index == HL_NOREF
               ? HL_NOREF
               : rec_emit_ins(R, &ins, HL_R_NONE);
}

static HlRef data_of(HlRec *R, const Array *a)
{
    return a->data != HL_NOREF ? a->data
                               : rec_emit(R, HL_I_ARRAY_DATA, HL_TYPE(PTR), a->base, HL_NOREF, 0);
}

/* Moves the address along what was an axis of the view, or is one still. */
static void move(HlRec *R, Array *a, HlRef data, HlRef stride, HlRef index)
{
    a->data = row_at(R, row_type(a), data, stride, index);
}

static void take(HlRec *R, Array *a, int axis, HlRef index)
{
    HlRef data = data_of(R, a), stride = axis_stride(R, a, axis);
    a->ndim--;
    memmove(&a->axis[axis], &a->axis[axis + 1], sizeof(Axis) * (size_t)(a->ndim - axis));
    move(R, a, data, stride, index);
}

static void cut(HlRec *R, Array *a, int axis, const RecSlice *s)
{
    HlRef data = data_of(R, a), stride = axis_stride(R, a, axis);
    Axis *x = &a->axis[axis];
    x->len = s->length;
    if (x->kind == HL_AXIS_WHOLE)
        x->kind = HL_AXIS_PART;
    if (s->step != HL_NOREF) {
        x->kind = HL_AXIS_STEPPED;
        x->stride = rec_emit(R, HL_I_MUL, HL_TYPE(I64), stride, s->step, 0);
    }
    move(R, a, data, stride, s->start);
}

/* Makes *a what n indices, which were checked, leave of it. True: one item, which is at *p. */
static bool apply(HlRec *R, Array *a, const Cut *cuts, int n, Place *p)
{
    int axis = 0;
    for (int i = 0; i < n; i++) {
        if (cuts[i].kind == HL_AXIS_TAKEN && a->ndim == 1) {
            *p = (Place){data_of(R, a), axis_stride(R, a, 0), cuts[i].index};
            return true;
        }
        if (cuts[i].kind == HL_AXIS_TAKEN)
            take(R, a, axis, cuts[i].index);
        else if (cuts[i].kind == HL_AXIS_WHOLE)
            axis++;
        else
            cut(R, a, axis++, &cuts[i].slice);
    }
    return false;
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

static void store(HlRec *R, HlOp op, HlDtype d, Place p, HlRef item)
{
    HlIns ins = {.op = op,
                 .aux = d,
                 .type = HL_TYPE(VOID),
                 .a = {p.data, p.stride, p.index, item, HL_NOREF}};
    if (item != HL_NOREF)
        rec_emit_ins(R, &ins, HL_R_NONE);
}

/* i1: have two views of one type the same items? */
static HlRef same_items(HlRec *R, const HlSlot *l, const HlSlot *r)
{
    HlRef same = rec_emit(R, HL_I_IS, HL_TYPE(BOOL), l->c, r->c, 0);
    for (int i = 3; i < hl_slot_nparts(l); i++) {
        HlRef one = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), l->part[i], r->part[i], HL_EQ);
        same = rec_emit(R, HL_I_BAND, HL_TYPE(BOOL), same, one, 0);
    }
    return same;
}

/* A view is an object of its own, but where the frame is rebuilt, what one place in the program made twice
 * of the same items would be one. So machine code is left where it does while another slot still holds
 * the first; not the slot that is about to be given the second. */
static void keep_apart(HlRec *R, const HlSlot *view)
{
    const HlBc *next = &R->b->bc[R->next];
    const HlSlot *replaced = next->op == HL_BC_STORE_FAST ? &R->st[next->arg] : NULL;
    for (int32_t i = 0; i < rec_nstate(R); i++) {
        const HlSlot *held = &R->state[i];
        int64_t number;
        if (held->kind != HL_SLOT_VIEW || held == replaced ||
            !hl_type_eq(rec_type(R, held->c), rec_type(R, view->c)) ||
            (rec_is_kint(R, held->a, &number) && held->a != view->a))
            continue;
        HlRef place = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), view->a, held->a, HL_EQ);
        HlRef same = rec_emit(R, HL_I_BAND, HL_TYPE(BOOL), place, same_items(R, view, held), 0);
        rec_guard_cond(R, same, false, HL_R_TYPE);
    }
}

/* A view that the instruction makes. */
static HlSlot view_slot(HlRec *R, Array *a)
{
    /* Two views of one instruction are two objects, also where they are equal. */
    int64_t number = ((int64_t)(R->inlined + 1) << 32 | R->pc) * 256 + R->nviews++ % 256;
    HlType row = row_type(a);
    if (!hl_type_eq(rec_type(R, a->data), row)) /* nothing has moved it */
        move(R, a, data_of(R, a), axis_stride(R, a, 0), rec_kint(R, 0));
    HlSlot s = {.kind = HL_SLOT_VIEW, .more = (uint8_t)(2 + hl_row_own(row))};
    if (1 + s.more > HL_SLOT_PARTS) {
        rec_stop(R, HL_R_NYI_SUBSCR);
        return s;
    }
    HlRef *part = s.part;
    *part++ = rec_kint(R, number);
    *part++ = a->base;
    *part++ = a->data;
    for (int i = 0; i < a->ndim; i++) {
        if (a->axis[i].kind != HL_AXIS_WHOLE)
            *part++ = a->axis[i].len;
        if (a->axis[i].kind == HL_AXIS_STEPPED)
            *part++ = a->axis[i].stride;
    }
    keep_apart(R, &s);
    return s;
}

HlRef rec_array_whole(HlRec *R, HlRef array)
{
    Array a = array_at(R, (HlRef[]){array, HL_NOREF});
    move(R, &a, data_of(R, &a), axis_stride(R, &a, 0), rec_kint(R, 0));
    return a.data;
}

/* What n indices leave: a number, or a view. */
static HlSlot value_at(HlRec *R, Array a, const Cut *cuts, int n)
{
    Place p;
    HlDtype d = (HlDtype)a.t.dtype;
    if (!apply(R, &a, cuts, n, &p))
        return view_slot(R, &a);
    HlRef item = load(R, d, HL_TYPE_NPS(hl_dtype_part(d)), p);
    if (!hl_dtype_is_complex(d))
        return rec_value(item);
    return rec_complex_slot(R, item, load(R, d, rec_type(R, item), imag_place(R, &a, p)));
}

HlSlot rec_array_item(HlRec *R, const HlRef *view, HlRef index, PyObject *o)
{
    Array a = array_at(R, view);
    note_stride(R, &a, o);
    return value_at(R, a, &(Cut){.kind = HL_AXIS_TAKEN, .index = index}, 1);
}

/* No object that there was before is a view that was made in machine code. */
HlRef rec_same_view(HlRec *R, HlVal l, HlVal r)
{
    if (l.s.kind != r.s.kind)
        return rec_kbool(R, false);
    if (!hl_type_eq(rec_type(R, l.s.c), rec_type(R, r.s.c)))
        return rec_kbool(R, false);
    HlRef base = rec_emit(R, HL_I_IS, HL_TYPE(BOOL), l.s.b, r.s.b, 0);
    HlRef number = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), l.s.a, r.s.a, HL_EQ);
    return rec_emit(R, HL_I_BAND, HL_TYPE(BOOL),
                    rec_emit(R, HL_I_BAND, HL_TYPE(BOOL), base, same_items(R, &l.s, &r.s), 0),
                    number, 0);
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

static bool is_ellipsis(HlRec *R, HlVal v)
{
    return rec_const_obj(R, v) == Py_Ellipsis;
}

static bool is_index(HlRec *R, HlVal v)
{
    return rec_is_integer(v.t) || v.s.kind == HL_SLOT_SLICE || is_ellipsis(R, v);
}

/* The indices that a value stands for; false when there are others than machine code knows. */
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
        if (!is_index(R, ix->v[i]))
            return false;
    return ix->n > 0;
}

/* One index of an axis: checked and wrapped, or what the slice is there. */
static Cut check_index(HlRec *R, const Array *a, int axis, HlVal index, Py_ssize_t size)
{
    Cut c = {.kind = HL_AXIS_TAKEN};
    if (index.s.kind != HL_SLOT_SLICE) {
        c.index = rec_index(R, index, axis_len(R, a, axis), size);
        return c;
    }
    c.kind = HL_AXIS_WHOLE;
    if (!rec_slice_whole(R, &index.s) && rec_slice(R, index, axis_len(R, a, axis), &c.slice))
        c.kind = HL_AXIS_PART;
    return c;
}

/* Emits what an access to array `v` begins with: the indices are checked and wrapped. Returns how many axes
 * they are for, 0 = stopped, as the interpreter raises or does what is not done here. */
static int check_indices(HlRec *R, HlVal v, const Indices *ix, Array *a, Cut cuts[HL_MAX_NDIM])
{
    *a = array_of(R, v);
    int n = 0, given = 0, taken = 0;
    for (int i = 0; i < ix->n; i++)
        given += !is_ellipsis(R, ix->v[i]);
    if (given < ix->n - 1 || given > a->ndim)
        rec_stop(R, HL_R_INDEX);
    if (R->pending != REC_OK)
        return 0;
    note_stride(R, a, v.o);
    PyObject *shape = PyObject_GetAttrString(v.o, "shape");
    PyErr_Clear();
    if (!shape)
        rec_stop(R, HL_R_NO_MEMORY);
    for (int i = 0; R->pending == REC_OK && i < ix->n; i++) {
        if (is_ellipsis(R, ix->v[i])) {
            for (int k = given; k < a->ndim; k++)
                cuts[n++] = (Cut){.kind = HL_AXIS_WHOLE};
            continue;
        }
        cuts[n] = check_index(R, a, n, ix->v[i], PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, n)));
        taken += cuts[n++].kind == HL_AXIS_TAKEN;
    }
    Py_XDECREF(shape);
    if (taken == a->ndim && given < ix->n) /* an array without axes */
        rec_stop(R, HL_R_NYI_SUBSCR);
    return R->pending == REC_OK ? n : 0;
}

/* --- the instructions --------------------------------------------------------------------------- */

/* What is subscripted, and by what: the top of the stack, or the values of the tuple that the instruction
 * builds first, which is used by the next one only. */
typedef struct Subscript {
    HlVal v;
    int32_t pops;
    HlVal index; /* no object: a tuple */
    Indices ix;
} Subscript;

static bool get_subscript(HlRec *R, int32_t tuple, Subscript *s)
{
    s->pops = 1 + (tuple ? tuple : 1);
    s->v = rec_peek(R, s->pops - 1);
    s->index = rec_peek(R, 0);
    if (!tuple)
        return get_indices(R, s->index, &s->ix);
    s->index.o = NULL;
    s->ix.n = tuple;
    for (int32_t i = 0; i < tuple; i++) {
        s->ix.v[i] = rec_peek(R, tuple - 1 - i);
        if (!is_index(R, s->ix.v[i]))
            return false;
    }
    return true;
}

/* The index as an object; new reference, NULL = out of memory. */
static PyObject *index_object(const Subscript *s)
{
    if (s->index.o)
        return Py_NewRef(s->index.o);
    PyObject *tuple = PyTuple_New(s->ix.n);
    for (int i = 0; tuple && i < s->ix.n; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(s->ix.v[i].o));
    return tuple;
}

static PyObject *subscript_value(const Subscript *s)
{
    PyObject *index = index_object(s), *value = index ? PyObject_GetItem(s->v.o, index) : NULL;
    Py_XDECREF(index);
    return value;
}

RecStatus rec_array_subscr(HlRec *R, int32_t tuple)
{
    Subscript s;
    Cut cuts[HL_MAX_NDIM];
    Array a;
    if (!get_subscript(R, tuple, &s))
        return rec_stop(R, HL_R_NYI_SUBSCR);
    int n = check_indices(R, s.v, &s.ix, &a, cuts);
    if (R->pending != REC_OK)
        return R->pending;
    if (!rec_compute(R, s.pops, subscript_value(&s)))
        return REC_RAISED;
    return rec_finish(R, s.pops, value_at(R, a, cuts, n), R->result);
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

/* Stores a number into the item at p, or, where p has a length for its index, into all. */
static void store_number(HlRec *R, const Array *a, HlOp op, Place p, HlVal item)
{
    HlDtype d = (HlDtype)a->t.dtype;
    if (hl_dtype_is_complex(d)) {
        HlRef re, im;
        if (rec_complex_parts(R, item, hl_dtype_part(d), &re, &im)) {
            Place imag = imag_place(R, a, p);
            store(R, op, d, imag, im);
            store(R, op, d, p, re); /* the last: items may begin where others have this part */
        }
    } else {
        store(R, op, d, p, item_cast(R, item, d));
    }
}

/* Copies an array's items, or a view's, into those of another. */
static void store_items(HlRec *R, const Array *a, HlVal from)
{
    Array b = array_of(R, from);
    HlRef n = axis_len(R, a, 0), data = data_of(R, a), stride = axis_stride(R, a, 0);
    HlRef fits = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), axis_len(R, &b, 0), n, HL_EQ);
    rec_guard_cond(R, fits, true, HL_R_TYPE);
    HlIns ins = {.op = HL_I_ARRAY_COPY,
                 .aux = a->t.dtype,
                 .type = HL_TYPE(VOID),
                 .a = {data, stride, n, data_of(R, &b), axis_stride(R, &b, 0)}};
    if (R->pending == REC_OK)
        rec_emit_ins(R, &ins, HL_R_TYPE);
}

/* Are the axes that a subscript leaves, one or none, something that machine code gives this value? */
static bool is_stored(HlRec *R, const Subscript *s, HlVal value)
{
    Array a = array_of(R, s->v), b;
    int left = a.ndim;
    for (int i = 0; i < s->ix.n; i++)
        left -= rec_is_integer(s->ix.v[i].t);
    if (left > 1 || (left == 1 && s->ix.n > a.ndim))
        return false;
    if (!rec_is_array(value))
        return rec_is_number(value.t) || rec_is_complex(value);
    b = array_of(R, value);
    if (left == 0 || b.ndim != 1 || b.t.dtype != a.t.dtype)
        return false;
    PyObject *to = subscript_value(s);
    bool copied = to && hl_np_is_array(to) && PyObject_Size(to) == PyObject_Size(value.o) &&
                  hl_np_copies(to, value.o);
    PyErr_Clear(); /* which the interpreter will meet */
    Py_XDECREF(to);
    return copied;
}

RecStatus rec_array_store(HlRec *R, int32_t tuple)
{
    Subscript s;
    Cut cuts[HL_MAX_NDIM];
    Array a;
    Place p;
    if (!get_subscript(R, tuple, &s) || !is_stored(R, &s, rec_peek(R, s.pops)))
        return rec_stop(R, HL_R_NYI_SUBSCR);
    HlVal value = rec_peek(R, s.pops);
    if (!hl_np_writeable(s.v.o))
        return rec_stop(R, HL_R_READONLY);
    int n = check_indices(R, s.v, &s.ix, &a, cuts);
    if (R->pending != REC_OK)
        return R->pending;
    bool item = apply(R, &a, cuts, n, &p);
    rec_guard(R, HL_I_GUARD_WRITEABLE, HL_TYPE(VOID), a.base, HL_NOREF, HL_R_READONLY);
    if (!item)
        p = (Place){data_of(R, &a), axis_stride(R, &a, 0), axis_len(R, &a, 0)};
    if (R->pending == REC_OK && rec_is_array(value))
        store_items(R, &a, value);
    else if (R->pending == REC_OK)
        store_number(R, &a, item ? HL_I_ARRAY_STORE : HL_I_ARRAY_FILL, p, value);
    if (R->pending != REC_OK)
        return R->pending;
    PyObject *index = index_object(&s);
    int failed = index ? PyObject_SetItem(s.v.o, index, value.o) : -1;
    Py_XDECREF(index);
    if (failed)
        return REC_RAISED;
    rec_pop(R, s.pops + 1);
    return REC_OK;
}

RecStatus rec_array_tuple(HlRec *R, const HlBc *bc)
{
    const HlBc *use = &R->b->bc[bc->next];
    bool load = use->op == HL_BC_SUBSCR;
    if ((!load && use->op != HL_BC_STORE_SUBSCR) || use->flags || bc->arg > HL_MAX_NDIM + 1 ||
        bc->arg >= R->depth || !rec_is_array(rec_peek(R, bc->arg)))
        return rec_stop(R, HL_R_NYI_OP);
    R->next = use->next;
    return load ? rec_array_subscr(R, bc->arg) : rec_array_store(R, bc->arg);
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
        value[i] = value_at(R, a, &(Cut){.kind = HL_AXIS_TAKEN, .index = rec_kint(R, i)}, 1);
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
    bool unpack = k->op == HL_BC_UNPACK_SEQUENCE && k->arg == a.ndim && !k->flags;
    int64_t axis;
    if (!unpack && (!sub || sub->op != HL_BC_SUBSCR || k->flags || sub->flags))
        return rec_stop(R, HL_R_NYI_ATTR);
    if (unpack) {
        HlRef len[HL_MAX_NDIM];
        for (int i = 0; i < a.ndim; i++)
            len[i] = axis_len(R, &a, i);
        if (R->pending != REC_OK)
            return R->pending;
        PyObject *shape = PyObject_GetAttrString(v.o, "shape");
        if (!shape)
            return REC_RAISED;
        rec_pop(R, 1);
        for (int i = a.ndim - 1; i >= 0; i--)
            rec_push(R, rec_value(len[i]), Py_NewRef(PyTuple_GET_ITEM(shape, i)));
        Py_DECREF(shape);
        R->next = k->next;
        return REC_OK;
    }
    PyObject *index = PyTuple_GET_ITEM(R->code->orig->co_consts, k->arg);
    if (!PyLong_CheckExact(index) || !hl_long_unbox(index, &axis))
        return rec_stop(R, HL_R_NYI_ATTR);
    if (axis < 0)
        axis += a.ndim;
    if (axis < 0 || axis >= a.ndim)
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
    for (int axis = 1; axis < a->ndim; axis++)
        n = rec_emit(R, HL_I_MUL, HL_TYPE(I64), n, axis_len(R, a, axis), 0);
    return n;
}

static RecStatus array_turned(HlRec *R, Array a, HlVal v)
{
    for (int i = 0, k = a.ndim - 1; i < k; i++, k--) {
        Axis x = a.axis[i];
        a.axis[i] = a.axis[k];
        a.axis[k] = x;
    }
    if (!rec_compute(R, 1, PyObject_GetAttrString(v.o, "T")))
        return REC_RAISED;
    return rec_finish(R, 1, view_slot(R, &a), R->result);
}

/* The dtype, which is one of NumPy's own and so a constant. */
static RecStatus array_dtype(HlRec *R, const Array *a, HlVal v)
{
    PyObject *dtype = PyObject_GetAttrString(v.o, "dtype");
    if (!dtype)
        return REC_RAISED;
    if (!hl_np_is_lasting_dtype(dtype)) {
        Py_DECREF(dtype);
        return rec_stop(R, HL_R_NYI_ATTR);
    }
    HlRef k = rec_kobj(R, dtype);
    HlRef held = rec_emit(R, HL_I_ARRAY_DTYPE, HL_TYPE(OBJ), a->base, HL_NOREF, 0);
    rec_guard_cond(R, rec_emit(R, HL_I_IS, HL_TYPE(BOOL), held, k, 0), true, HL_R_TYPE);
    return rec_finish(R, 1, rec_value(k), dtype);
}

/* What a dtype is compared with without anything being looked up or warned of. */
static bool is_dtype_like(PyObject *o)
{
    return o == (PyObject *)&PyFloat_Type || o == (PyObject *)&PyLong_Type ||
           o == (PyObject *)&PyBool_Type || o == (PyObject *)&PyComplex_Type ||
           hl_np_is_lasting_dtype(o) || hl_np_dtype_of_type(o) != HL_D_NONE;
}

bool rec_compares_dtype(HlRec *R, int op, HlVal l, HlVal r)
{
    PyObject *lo = rec_const_obj(R, l), *ro = rec_const_obj(R, r);
    return (op == HL_EQ || op == HL_NE) && lo && ro &&
           (hl_np_is_lasting_dtype(lo) || hl_np_is_lasting_dtype(ro)) && is_dtype_like(lo) &&
           is_dtype_like(ro);
}

RecStatus rec_array_attr(HlRec *R, const HlBc *bc, PyObject *name)
{
    HlVal v = rec_peek(R, 0);
    Array a = array_of(R, v);
    HlRef ref;
    if (PyUnicode_CompareWithASCIIString(name, "shape") == 0)
        return array_shape(R, bc, v);
    if (PyUnicode_CompareWithASCIIString(name, "T") == 0)
        return array_turned(R, a, v);
    if (PyUnicode_CompareWithASCIIString(name, "dtype") == 0)
        return array_dtype(R, &a, v);
    int64_t bytes = hl_dtype_size((HlDtype)a.t.dtype);
    if (PyUnicode_CompareWithASCIIString(name, "size") == 0)
        ref = array_size(R, &a);
    else if (PyUnicode_CompareWithASCIIString(name, "nbytes") == 0)
        ref = rec_emit(R, HL_I_MUL, HL_TYPE(I64), array_size(R, &a), rec_kint(R, bytes), 0);
    else if (PyUnicode_CompareWithASCIIString(name, "itemsize") == 0)
        ref = rec_kint(R, bytes);
    else if (PyUnicode_CompareWithASCIIString(name, "ndim") == 0)
        ref = rec_kint(R, a.ndim);
    else
        return rec_stop(R, HL_R_NYI_ATTR);
    if (!rec_compute(R, 1, PyObject_GetAttr(v.o, name)))
        return REC_RAISED;
    return rec_finish_result(R, 1, ref);
}
