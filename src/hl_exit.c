/* hl_exit.c - rebuilds the interpreter's frame when machine code is left.
 *
 * While machine code runs, the frame keeps everything that it held at entry. So the old objects are
 * still there to be used again, and nothing is freed before all new objects exist. */
#include "hl_exit.h"

#include "hl_np.h"

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
    case HL_T_C128:
    case HL_T_VOID:
    case HL_T_PTR:
    case HL_T__COUNT: break;
    }
    Py_UNREACHABLE();
}

bool hl_exit_is_box(PyObject *o, HlType t, int64_t word)
{
    int64_t v;
    double d;
    if (t.base == HL_T_I64)
        return PyLong_CheckExact(o) && hl_long_unbox(o, &v) && v == word;
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

/* Is o the complex number of that class with these parts, bit for bit? */
static bool is_complex_of(PyObject *o, PyTypeObject *type, const Py_complex *value)
{
    return Py_IS_TYPE(o, type) && memcmp(&((PyComplexObject *)o)->cval, value, sizeof(*value)) == 0;
}

/* A complex number; an equal one among the objects made so far or the frame's own is taken instead. */
static PyObject *make_complex(const HlBytecode *b, const HlPlanEntry *e, PyObject *const *made,
                              int32_t n, PyObject *const *slots, int32_t nslots, const int64_t *out)
{
    bool np = e->kind == HL_PLAN_NPCOMPLEX;
    PyTypeObject *type = np ? hl_np_scalar_type(HL_D_C128) : &PyComplex_Type;
    Py_complex value;
    memcpy(&value.real, &out[e->a], sizeof(double));
    memcpy(&value.imag, &out[e->b], sizeof(double));
    PyObject *origin = e->c >= 0 ? (PyObject *)(intptr_t)out[e->c] : NULL;
    if (origin && is_complex_of(origin, type, &value))
        return Py_NewRef(origin);
    PyObject *own = e->slot < nslots ? hl_exit_slot_object(b, slots, e->slot) : NULL;
    if (own && is_complex_of(own, type, &value))
        return Py_NewRef(own);
    for (int32_t i = 0; i < n; i++)
        if (made[i] && is_complex_of(made[i], type, &value))
            return Py_NewRef(made[i]);
    for (int32_t i = 0; i < nslots; i++) {
        PyObject *o = hl_exit_slot_object(b, slots, i);
        if (o && is_complex_of(o, type, &value))
            return Py_NewRef(o);
    }
    return np ? hl_np_complex(value) : PyComplex_FromCComplex(value);
}

/* An equal number among the objects made so far or the frame's own, first of all what the slot held; new
 * reference or NULL. */
static PyObject *find_box(const HlBytecode *b, const HlPlan *plan, PyObject *const *made, int32_t n,
                          PyObject *const *slots, int32_t nslots, int64_t word)
{
    const HlPlanEntry *e = &plan->entries[n];
    PyObject *own = e->slot < nslots ? hl_exit_slot_object(b, slots, e->slot) : NULL;
    if (own && hl_exit_is_box(own, e->type, word))
        return Py_NewRef(own);
    for (int32_t i = 0; i < n; i++)
        if (made[i] && plan->entries[i].kind != HL_PLAN_ITER &&
            hl_exit_is_box(made[i], e->type, word))
            return Py_NewRef(made[i]);
    for (int32_t i = 0; i < nslots; i++) {
        PyObject *o = hl_exit_slot_object(b, slots, i);
        if (o && hl_exit_is_box(o, e->type, word))
            return Py_NewRef(o);
    }
    return NULL;
}

/* The number `word`, as the object that it was unboxed from if that is known and still has its value. */
static PyObject *from_origin(const HlPlanEntry *e, const int64_t *out, int64_t word)
{
    PyObject *o = e->kind == HL_PLAN_BOX && e->b >= 0 ? (PyObject *)(intptr_t)out[e->b] : NULL;
    return o && hl_exit_is_box(o, e->type, word) ? Py_NewRef(o) : NULL;
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

int hl_exit_restore(HlRegion *r, const HlPlan *plan, HlFrame *f, PyObject **inner)
{
    const HlBytecode *b = r->code->bytecode;
    PyObject **slots = hl_frame_slots(f);
    int32_t nslots = b->nlocalsplus + hl_frame_depth(f), n = plan->nentries;
    PyObject *made[n + 1], *old[n + 1];
    int failed = 0;

    for (int32_t i = 0; i < n; i++) {
        const HlPlanEntry *e = &plan->entries[i];
        int64_t word = e->kind == HL_PLAN_IMM ? e->imm : e->kind == HL_PLAN_BOX ? r->out[e->a] : 0;
        made[i] = NULL;
        switch ((HlPlanKind)e->kind) {
        case HL_PLAN_UNBOUND: continue;
        case HL_PLAN_FRAME: made[i] = Py_XNewRef(hl_exit_slot_object(b, slots, e->from)); continue;
        case HL_PLAN_CONST: made[i] = Py_NewRef(r->objects[e->from]); continue;
        case HL_PLAN_BOX:
        case HL_PLAN_IMM:
            made[i] = from_origin(e, r->out, word);
            if (!made[i])
                made[i] = find_box(b, plan, made, i, slots, nslots, word);
            if (!made[i])
                made[i] = hl_exit_box(e->type, word);
            break;
        case HL_PLAN_ITER:
            made[i] = make_iter(e->slot < nslots && e->slot < plan->nslots ? slots[e->slot] : NULL,
                                r->out, e);
            break;
        case HL_PLAN_COMPLEX:
        case HL_PLAN_NPCOMPLEX: made[i] = make_complex(b, e, made, i, slots, nslots, r->out); break;
        }
        if (!made[i]) {
            failed = -1;
            if (e->slot >= b->nlocalsplus)
                made[i] = Py_NewRef(Py_None);
            else
                made[i] = Py_XNewRef(hl_exit_slot_object(b, slots, e->slot));
        }
    }
    for (int32_t i = nslots; i < plan->nslots; i++)
        slots[i] = NULL; /* above the entry's stack: not initialised */
    for (int32_t i = 0; i < n; i++) {
        int32_t slot = plan->entries[i].slot;
        if (slot < plan->nslots) {
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
