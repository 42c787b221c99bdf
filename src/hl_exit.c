/* hl_exit.c - rebuilds the interpreter's frame when machine code is left.
 *
 * While machine code runs, the frame keeps everything that it held at entry, or after the last step. So
 * the old objects are still there to be used again, and nothing is freed before all new objects exist. */
#include "hl_exit.h"

#include "hl_np.h"
#include "hl_record.h"
#include "hl_release.h"

PyObject *hl_exit_slot_object(const HlBytecode *b, PyObject *const *slots, int32_t slot)
{
    PyObject *o = slots[slot];
    return o && slot < b->nlocalsplus && b->is_cell[slot] ? PyCell_GET(o) : o;
}

PyObject *hl_exit_box(HlType t, int64_t word)
{
    double d;
    switch ((HlBase)t.base) {
    case HL_T_BOOL: return Py_NewRef(word ? Py_True : Py_False);
    case HL_T_I64: return PyLong_FromLongLong(word);
    case HL_T_F64: memcpy(&d, &word, sizeof(d)); return PyFloat_FromDouble(d);
    case HL_T_NPS: return hl_np_box(word, t.dtype);
    case HL_T_OBJ:
    case HL_T_ARR:
    case HL_T_LIST:
    case HL_T_TUPLE:
    case HL_T_BYTES: return Py_NewRef((PyObject *)(intptr_t)word);
    case HL_T_COMPLEX:
    case HL_T_VOID:
    case HL_T_PTR:
    case HL_T_ROW:
    case HL_T__COUNT: break;
    }
    Py_UNREACHABLE();
}

bool hl_exit_unbox(PyObject *o, HlType t, int64_t *word)
{
    double d;
    if (!o)
        return false;
    switch ((HlBase)t.base) {
    case HL_T_I64: return PyLong_CheckExact(o) && hl_long_unbox(o, word);
    case HL_T_F64:
        if (!PyFloat_CheckExact(o))
            return false;
        d = PyFloat_AS_DOUBLE(o);
        memcpy(word, &d, sizeof(d));
        return true;
    case HL_T_BOOL: *word = o == Py_True; return PyBool_Check(o);
    case HL_T_COMPLEX:
        if (!PyComplex_CheckExact(o))
            return false;
        memcpy(word, &((PyComplexObject *)o)->cval, sizeof(Py_complex));
        return true;
    case HL_T_NPS:
        if (Py_TYPE(o) != hl_np_scalar_type(t.dtype))
            return false;
        if (hl_dtype_is_complex(t.dtype))
            hl_np_unbox_complex(o, t.dtype, word);
        else
            *word = hl_np_unbox(o, t.dtype);
        return true;
    case HL_T_ARR: *word = (int64_t)(intptr_t)o; return hl_np_guard_array(o, t.dtype, t.ndim);
    case HL_T_LIST: *word = (int64_t)(intptr_t)o; return PyList_CheckExact(o);
    case HL_T_TUPLE: *word = (int64_t)(intptr_t)o; return PyTuple_CheckExact(o);
    case HL_T_BYTES: *word = (int64_t)(intptr_t)o; return PyBytes_CheckExact(o);
    case HL_T_OBJ: *word = (int64_t)(intptr_t)o; return hl_record_is_function(o);
    case HL_T_VOID:
    case HL_T_PTR:
    case HL_T_ROW:
    case HL_T__COUNT: break;
    }
    return false;
}

bool hl_exit_is_box(PyObject *o, HlType t, int64_t word)
{
    double d;
    if (t.base == HL_T_BOOL)
        return o == (word ? Py_True : Py_False);
    if (t.base == HL_T_I64)
        return PyLong_CheckExact(o) && hl_long_is(o, word);
    if (t.base == HL_T_F64) {
        if (!PyFloat_CheckExact(o))
            return false;
        d = PyFloat_AS_DOUBLE(o);
        return memcmp(&d, &word, sizeof(d)) == 0;
    }
    if (t.base == HL_T_NPS)
        return Py_TYPE(o) == hl_np_scalar_type(t.dtype) && hl_np_unbox(o, t.dtype) == word;
    return false;
}

/* A number that an entry asks for: its type and its word, or a complex number's two. */
typedef struct Number {
    HlType type;
    int64_t word[2];
} Number;

static bool is_number(PyObject *o, const Number *n)
{
    int64_t word[2];
    if (hl_type_part(n->type).base == HL_T_VOID)
        return hl_exit_is_box(o, n->type, n->word[0]);
    return hl_exit_unbox(o, n->type, word) && memcmp(word, n->word, sizeof word) == 0;
}

static PyObject *box_complex(const Number *z)
{
    Py_complex value;
    if (z->type.base == HL_T_NPS)
        return hl_np_box_complex(z->word, z->type.dtype);
    memcpy(&value, z->word, sizeof value);
    return PyComplex_FromCComplex(value);
}

typedef struct Restore {
    const HlBytecode *b;
    const HlPlan *plan;
    PyObject **slots;
    int32_t nslots;  /* that the frame has now */
    PyObject **made; /* per entry of the plan */
} Restore;

/* What the slot of an entry holds now; borrowed. NULL for items of tuples, slots of inlined calls, and new
 * ones. */
static PyObject *own_object(const Restore *x, const HlPlanEntry *e)
{
    bool own = e->slot >= 0 && e->slot < x->nslots && e->slot < x->plan->nslots;
    return own ? hl_exit_slot_object(x->b, x->slots, e->slot) : NULL;
}

/* An equal number among the objects made for the plan's first n entries, or the frame's own; borrowed. */
static PyObject *find_number(const Restore *x, int32_t n, const Number *number)
{
    for (int32_t i = 0; i < n; i++)
        if (x->made[i] && is_number(x->made[i], number))
            return x->made[i];
    for (int32_t i = 0; i < x->nslots; i++) {
        PyObject *o = hl_exit_slot_object(x->b, x->slots, i);
        if (o && is_number(o, number))
            return o;
    }
    return NULL;
}

/* A complex number: the object that it was read from, what its slot holds, or any other that is equal. */
static PyObject *make_complex(const Restore *x, int32_t n, const int64_t *out)
{
    const HlPlanEntry *e = &x->plan->entries[n];
    Number z = {e->type, {out[e->a], out[e->b]}};
    PyObject *o = e->c >= 0 ? (PyObject *)(intptr_t)out[e->c] : NULL;
    if (!o || !is_number(o, &z))
        o = own_object(x, e);
    if (!o || !is_number(o, &z))
        o = find_number(x, n, &z);
    return o ? Py_NewRef(o) : box_complex(&z);
}

/* The object at an address that may be stale, if the frame has it and it is that number; borrowed. */
static PyObject *find_like(const Restore *x, const PyObject *like, HlType t, int64_t word)
{
    for (int32_t i = 0; like && i < x->nslots; i++) {
        PyObject *o = hl_exit_slot_object(x->b, x->slots, i);
        if (o == like && hl_exit_is_box(o, t, word))
            return o;
    }
    return NULL;
}

/* Another entry for the same value; borrowed. */
static PyObject *find_word(const Restore *x, int32_t n, int32_t word)
{
    for (int32_t i = 0; i < n; i++)
        if (x->plan->entries[i].kind == HL_PLAN_BOX && x->plan->entries[i].a == word)
            return x->made[i];
    return NULL;
}

/* Changes the number that the slot holds into another, if nobody else can see that. */
static bool box_in_place(PyObject *o, HlType t, int64_t word)
{
    if (Py_REFCNT(o) != 1)
        return false;
    if (t.base == HL_T_I64)
        return PyLong_CheckExact(o) && hl_long_overwrite(o, word);
    if (t.base != HL_T_F64 || !PyFloat_CheckExact(o))
        return false;
    memcpy(&((PyFloatObject *)o)->ob_fval, &word, sizeof(double));
    return true;
}

/* The number `word`, as the object that it was unboxed from if that is known and still has its value; borrowed. */
static PyObject *from_origin(const HlPlanEntry *e, const int64_t *out, int64_t word)
{
    PyObject *o = e->kind == HL_PLAN_BOX && e->b >= 0 ? (PyObject *)(intptr_t)out[e->b] : NULL;
    return o && hl_exit_is_box(o, e->type, word) ? o : NULL;
}

/* The object for entry number i, a number or what machine code has a pointer to. New reference. */
static PyObject *make_box(const Restore *x, int32_t i, const int64_t *out, int64_t word,
                          PyObject *const *entered)
{
    const HlPlanEntry *e = &x->plan->entries[i];
    if (hl_type_is_object(e->type) || e->type.base == HL_T_BOOL ||
        (e->type.base == HL_T_I64 && hl_long_shared(word)))
        return hl_exit_box(e->type, word); /* there is only one */
    PyObject *own = own_object(x, e);
    PyObject *o = from_origin(e, out, word);
    if (!o && entered && e->from >= 0)
        o = find_like(x, entered[e->from], e->type, word);
    if (!o && own && hl_exit_is_box(own, e->type, word))
        o = own;
    if (!o)
        o = e->search ? find_number(x, i, &(Number){e->type, {word}}) : find_word(x, i, e->a);
    if (!o && own && box_in_place(own, e->type, word))
        o = own;
    return o ? Py_NewRef(o) : hl_exit_box(e->type, word);
}

/* Do two entries say the same view? */
static bool same_view(const HlPlanEntry *a, const HlPlanEntry *b, const int64_t *out)
{
    if (a->kind != b->kind || !hl_type_eq(a->type, b->type) || a->a < 0 || b->a < 0)
        return false;
    for (int part = 0; part < a->nparts; part++)
        if (out[a->part[part]] != out[b->part[part]])
            return false;
    return true;
}

/* A view; one that stands for the same object may have been made before. */
static PyObject *make_view(const HlPlan *plan, PyObject *const *made, int32_t n, const int64_t *out)
{
    const HlPlanEntry *e = &plan->entries[n];
    int64_t own[HL_SLOT_PARTS];
    for (int32_t i = 0; i < n; i++)
        if (same_view(&plan->entries[i], e, out))
            return Py_XNewRef(made[i]);
    for (int part = 3; part < e->nparts; part++)
        own[part - 3] = out[e->part[part]];
    return hl_np_view((PyObject *)(intptr_t)out[e->b], (void *)(intptr_t)out[e->c], e->type, own);
}

/* The n-th entry, a tuple or slice of the items before it; an equal one may have been made before. */
static PyObject *make_of_items(const HlPlan *plan, PyObject *const *made, int32_t n)
{
    const HlPlanEntry *e = &plan->entries[n];
    int32_t size = e->from;
    PyObject *const *items = made + n - size;
    for (int32_t i = size; i < n - size; i++)
        if (plan->entries[i].kind == e->kind && plan->entries[i].from == size &&
            memcmp(made + i - size, items, sizeof(PyObject *) * (size_t)size) == 0)
            return Py_XNewRef(made[i]);
    if (e->kind == HL_PLAN_SLICE)
        return PySlice_New(items[0], items[1], items[2]);
    PyObject *tuple = PyTuple_New(size);
    for (int32_t i = 0; tuple && i < size; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(items[i]));
    return tuple;
}

/* The n-th entry, an iterator over the views before it. */
static PyObject *make_rows(const HlPlan *plan, PyObject *const *made, int32_t n, const int64_t *out)
{
    const HlPlanEntry *e = &plan->entries[n];
    HlIter it = {
        .kind = hl_slot_without_rows(e->iter), .nseq = (uint8_t)e->from, .index = out[e->a]};
    if (it.kind == HL_SLOT_ENUM)
        it.count = out[e->b];
    for (int32_t i = 0; i < e->from; i++) {
        it.seq[i] = made[n - e->from + i];
        if (it.seq[i] == Py_None) /* there was no memory for it */
            return NULL;
    }
    return hl_iter_new(&it);
}

/* The frame's own iterator, which nobody else holds, goes on; or another one takes its place. */
static PyObject *make_iter(PyObject *old, const int64_t *out, const HlPlanEntry *e)
{
    bool mine = old && Py_REFCNT(old) == 1;
    if (e->iter == HL_SLOT_RANGE) {
        if (!mine || !hl_range_check(old))
            return hl_range_new(out[e->a], out[e->b], out[e->c]);
        hl_range_set(old, out[e->a], out[e->b], out[e->c]);
        return Py_NewRef(old);
    }
    HlIter it = {.kind = e->iter, .nseq = 1}, was;
    if (e->iter == HL_SLOT_ZIP)
        it.nseq = e->nparts - 1;
    it.index = out[e->a];
    for (int i = 0; i < it.nseq; i++)
        it.seq[i] = (PyObject *)(intptr_t)out[e->part[1 + i]];
    if (e->iter == HL_SLOT_ENUM)
        it.count = out[e->c];
    if (!mine || !hl_iter_get(old, &was) || was.kind != it.kind || was.nseq != it.nseq ||
        memcmp(was.seq, it.seq, sizeof it.seq) != 0)
        return hl_iter_new(&it);
    hl_iter_set(old, &it);
    return Py_NewRef(old);
}

static void store_slot(const HlBytecode *b, PyObject **slots, int32_t slot, PyObject *o,
                       PyObject **old)
{
    if (slot < b->nlocalsplus && b->is_cell[slot]) {
        PyObject *cell = slots[slot];
        *old = Py_XNewRef(PyCell_GET(cell));
        PyCell_Set(cell, o);
        Py_XDECREF(o);
    } else {
        *old = slots[slot];
        slots[slot] = o;
    }
}

/* What a slot gets when there is no memory for its value. New reference. */
static PyObject *make_instead(const Restore *x, int32_t slot)
{
    return slot < 0 || slot >= x->b->nlocalsplus
               ? Py_NewRef(Py_None)
               : Py_XNewRef(hl_exit_slot_object(x->b, x->slots, slot));
}

/* A direct entry. In most cases the slot holds a number of that type that nobody else has. */
static int restore_direct(const Restore *x, const HlRegion *r, const HlPlanEntry *e,
                          PyObject *const *entered)
{
    PyObject *own = own_object(x, e);
    int64_t word = r->out[e->a];
    PyObject *o, *old;
    int failed = 0;
    if (e->kind == HL_PLAN_ITER) {
        o = make_iter(own, r->out, e);
    } else {
        o = entered && e->from >= 0 ? find_like(x, entered[e->from], e->type, word) : NULL;
        if (!o && own && (hl_exit_is_box(own, e->type, word) || box_in_place(own, e->type, word)))
            return 0;
        o = o ? Py_NewRef(o) : hl_exit_box(e->type, word);
    }
    if (!o) {
        failed = -1;
        o = make_instead(x, e->slot);
    }
    store_slot(x->b, x->slots, e->slot, o, &old);
    Py_XDECREF(old);
    return failed;
}

int hl_exit_restore(HlRegion *r, const HlPlan *plan, HlFrame *f, PyObject *const *entered,
                    PyObject **inner)
{
    const HlBytecode *b = r->code->bytecode;
    PyObject **slots = hl_frame_slots(f);
    int32_t nslots = b->nlocalsplus + hl_frame_depth(f), n = plan->nentries - plan->ndirect;
    PyObject *made[n + 1], *old[n + 1];
    int failed = 0;

    Restore x = {.b = b, .plan = plan, .slots = slots, .nslots = nslots, .made = made};
    /* First those who take an object from a slot: they keep its number from being changed in place. */
    for (int32_t i = 0; i < n; i++) {
        const HlPlanEntry *e = &plan->entries[i];
        made[i] =
            e->kind == HL_PLAN_FRAME ? Py_XNewRef(hl_exit_slot_object(b, slots, e->from)) : NULL;
    }
    for (int32_t i = 0; i < n; i++) {
        const HlPlanEntry *e = &plan->entries[i];
        switch ((HlPlanKind)e->kind) {
        case HL_PLAN_UNBOUND:
        case HL_PLAN_FRAME: continue;
        case HL_PLAN_CONST: made[i] = Py_NewRef(r->objects[e->from]); continue;
        case HL_PLAN_BOX: made[i] = make_box(&x, i, r->out, r->out[e->a], entered); break;
        case HL_PLAN_IMM: made[i] = make_box(&x, i, r->out, e->imm, entered); break;
        case HL_PLAN_ITER:
            if (e->iter >= HL_SLOT_ROWS)
                made[i] = make_rows(plan, made, i, r->out);
            else
                made[i] = make_iter(
                    e->slot < nslots && e->slot < plan->nslots ? slots[e->slot] : NULL, r->out, e);
            break;
        case HL_PLAN_COMPLEX: made[i] = make_complex(&x, i, r->out); break;
        case HL_PLAN_VIEW: made[i] = make_view(plan, made, i, r->out); break;
        case HL_PLAN_TUPLE:
        case HL_PLAN_SLICE: made[i] = make_of_items(plan, made, i); break;
        }
        if (!made[i]) {
            failed = -1;
            made[i] = make_instead(&x, e->slot);
        }
    }
    for (int32_t i = nslots; i < plan->nslots; i++)
        slots[i] = NULL; /* above the entry's stack: not initialised */
    for (int32_t i = n; i < plan->nentries; i++)
        failed |= restore_direct(&x, r, &plan->entries[i], entered);
    for (int32_t i = 0; i < n; i++) {
        int32_t slot = plan->entries[i].slot;
        if (slot < 0) {
            old[i] = made[i]; /* what it is a part of has it */
        } else if (slot < plan->nslots) {
            store_slot(b, slots, slot, made[i], &old[i]);
        } else {
            inner[slot - plan->nslots] = made[i];
            old[i] = NULL;
        }
    }
    hl_frame_set_depth(f, plan->nslots - b->nlocalsplus);
    hl_frame_set_pc(f, plan->pc);
    /* Deaths: of numbers, or checked at entry to be no one's last reference. */
    for (int32_t i = 0; i < n; i++)
        Py_XDECREF(old[i]);
    for (int32_t i = plan->nslots; i < nslots; i++)
        Py_CLEAR(slots[i]);
    return failed;
}

/* --- deaths ------------------------------------------------------------------------------------ */

bool hl_exit_outlives(PyObject *o, PyObject *const *slots, int32_t n)
{
    Py_ssize_t held = 0;
    if (hl_dies_silently(o))
        return true;
    for (int32_t i = 0; i < n; i++) {
        held += slots[i] == o;
        if (slots[i] && PyCell_Check(slots[i]))
            held += PyCell_GET(slots[i]) == o;
    }
    return Py_REFCNT(o) > held;
}
