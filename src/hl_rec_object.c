/* hl_rec_object.c - recording of what reads and writes objects: globals, attributes, array items. */
#include "hl_rec_int.h"

#include "hl_np.h"

/* --- globals ----------------------------------------------------------------------------------- */

/* A name that stands for a builtin, module or static type is a constant under a guard; one that holds
 * a number or an array is read (once per entry, as nothing in machine code can store to it). */
static HlSlot global_value(HlRec *R, PyObject *dict, PyObject *name, PyObject *o)
{
    bool lasting = rec_is_lasting(o);
    int index = rec_global(R, dict, name, lasting ? o : NULL);
    HlIns ins = {.op = lasting ? HL_I_GUARD_GLOBAL : HL_I_LOAD_GLOBAL,
                 .type = lasting ? HL_TYPE(VOID) : HL_TYPE(OBJ),
                 .imm.i = index};
    for (int i = 0; i < HL_MAX_ARGS; i++)
        ins.a[i] = HL_NOREF;
    HlRef ref = rec_emit_ins(R, &ins, HL_R_GLOBAL);
    if (lasting)
        return rec_value(R->pending == REC_OK ? rec_kobj(R, o) : HL_NOREF);
    return rec_object(R, ref, o);
}

/* What global_value takes. */
static bool is_known(PyObject *o)
{
    bool big;
    return o && (rec_is_lasting(o) || hl_record_is_function(o) || hl_record_complex_kind(o) ||
                 hl_record_type_of(o, &big).base != HL_T_VOID);
}

RecStatus rec_load_global(HlRec *R, const HlBc *bc)
{
    PyObject *name = PyTuple_GET_ITEM(R->code->orig->co_names, bc->arg);
    PyObject *g = hl_frame_globals(R->f), *b = hl_frame_builtins(R->f);
    if (!PyDict_CheckExact(g) || !PyDict_CheckExact(b))
        return rec_stop(R, HL_R_NYI_GLOBAL);
    PyObject *o = PyDict_GetItemWithError(g, name);
    if (!o && !PyErr_Occurred())
        o = PyDict_GetItemWithError(b, name);
    PyErr_Clear(); /* names are strings: a miss is not an error here; the interpreter raises */
    if (!is_known(o))
        return rec_stop(R, HL_R_NYI_GLOBAL);
    HlSlot s = R->inlined < 0
                   ? global_value(R, NULL, name, o)
                   : rec_object(R, rec_function_global(R, rec_global(R, NULL, name, NULL)), o);
    if (R->pending != REC_OK)
        return R->pending;
    if (bc->arg2)
        rec_push(R, (HlSlot){.kind = HL_SLOT_UNBOUND, .a = HL_NOREF, .b = HL_NOREF, .c = HL_NOREF},
                 NULL);
    rec_push(R, s, Py_NewRef(o));
    return REC_OK;
}

/* --- attributes -------------------------------------------------------------------------------- */

/* Replaces the top of the stack by an attribute's value; LOAD_METHOD pushes a NULL below it. */
static RecStatus finish_attr(HlRec *R, HlSlot s, PyObject *o, bool method)
{
    if (R->pending != REC_OK) {
        Py_XDECREF(o);
        return R->pending;
    }
    rec_pop(R, 1);
    if (method)
        rec_push(R, (HlSlot){.kind = HL_SLOT_UNBOUND, .a = HL_NOREF, .b = HL_NOREF, .c = HL_NOREF},
                 NULL);
    rec_push(R, s, o);
    return REC_OK;
}

static RecStatus module_attr(HlRec *R, PyObject *module, PyObject *name, bool method)
{
    PyObject *dict = PyModule_GetDict(module);
    PyObject *o = PyDict_GetItemWithError(dict, name);
    PyErr_Clear();
    if (!PyModule_CheckExact(module) || !is_known(o))
        return rec_stop(R, HL_R_NYI_ATTR);
    HlSlot s = global_value(R, dict, name, o);
    return finish_attr(R, s, Py_NewRef(o), method);
}

/* a.shape[k]: the tuple is never made. */
static RecStatus shape_item(HlRec *R, const HlBc *bc, HlVal v)
{
    const HlBc *k = &R->b->bc[bc->next];
    const HlBc *sub = k->op == HL_BC_LOAD_CONST ? &R->b->bc[k->next] : NULL;
    if (!sub || sub->op != HL_BC_SUBSCR || k->flags || sub->flags)
        return rec_stop(R, HL_R_NYI_ATTR);
    PyObject *index = PyTuple_GET_ITEM(R->code->orig->co_consts, k->arg);
    int64_t axis;
    if (!PyLong_CheckExact(index) || !hl_long_unbox(index, &axis))
        return rec_stop(R, HL_R_NYI_ATTR);
    if (axis < 0)
        axis += v.t.ndim;
    if (axis < 0 || axis >= v.t.ndim)
        return rec_stop(R, HL_R_NYI_ATTR); /* raises IndexError */
    HlRef ref = rec_emit(R, HL_I_ARRAY_LEN, HL_TYPE(I64), v.s.a, HL_NOREF, (int)axis);
    R->next = sub->next;
    if (!R->result) {
        PyObject *shape = PyObject_GetAttrString(v.o, "shape");
        R->result = shape ? PyObject_GetItem(shape, index) : NULL;
        R->pops = 1;
        Py_XDECREF(shape);
        if (!R->result)
            return REC_RAISED;
    }
    return rec_finish_result(R, 1, ref);
}

static RecStatus array_attr(HlRec *R, const HlBc *bc, HlVal v, PyObject *name)
{
    HlRef ref;
    if (PyUnicode_CompareWithASCIIString(name, "shape") == 0)
        return shape_item(R, bc, v);
    if (PyUnicode_CompareWithASCIIString(name, "size") == 0 && v.t.ndim == 1)
        ref = rec_emit(R, HL_I_ARRAY_LEN, HL_TYPE(I64), v.s.a, HL_NOREF, 0);
    else if (PyUnicode_CompareWithASCIIString(name, "ndim") == 0)
        ref = rec_kint(R, v.t.ndim);
    else
        return rec_stop(R, HL_R_NYI_ATTR);
    if (!R->result) {
        R->pops = 1;
        R->result = PyObject_GetAttr(v.o, name);
        if (!R->result)
            return REC_RAISED;
    }
    return rec_finish_result(R, 1, ref);
}

RecStatus rec_load_attr(HlRec *R, const HlBc *bc, bool method)
{
    HlVal v = rec_peek(R, 0);
    PyObject *name = PyTuple_GET_ITEM(R->code->orig->co_names, bc->arg);
    if (v.t.base == HL_T_LIST && method)
        return rec_list_method(R, name);
    PyObject *k = rec_const_obj(R, v);
    if (k && PyModule_Check(k))
        return module_attr(R, k, name, method);
    if (rec_is_complex(v))
        return rec_complex_attr(R, name, method);
    if (v.t.base == HL_T_ARR && !method)
        return array_attr(R, bc, v, name);
    return rec_stop(R, HL_R_NYI_ATTR);
}

/* --- array items ------------------------------------------------------------------------------- */

void rec_note_stride(HlRec *R, PyObject *o)
{
    if (hl_np_ready() && hl_np_is_array(o) && !hl_np_unit_stride(o))
        R->ir->exits[R->ir->entry_exit].stay = 1;
}

/* The element index of a one-dimensional array, checked and wrapped; NOREF and stopped when the index
 * is no integer or out of range (the interpreter raises). */
static HlRef item_index(HlRec *R, HlVal arr, HlVal index, HlRef *data, HlRef *stride)
{
    if (arr.t.base != HL_T_ARR || arr.t.ndim != 1 || !rec_is_integer(index.t)) {
        rec_stop(R, HL_R_NYI_SUBSCR);
        return HL_NOREF;
    }
    Py_ssize_t n = PyObject_Size(arr.o), i = PyNumber_AsSsize_t(index.o, NULL);
    if (i >= n || i < -n) {
        rec_stop(R, HL_R_INDEX);
        return HL_NOREF;
    }
    HlRef len = rec_emit(R, HL_I_ARRAY_LEN, HL_TYPE(I64), arr.s.a, HL_NOREF, 0);
    HlRef ix = rec_guard(R, HL_I_INDEX, HL_TYPE(I64), rec_to_int(R, index), len, HL_R_INDEX);
    *data = rec_emit(R, HL_I_ARRAY_DATA, HL_TYPE(PTR), arr.s.a, HL_NOREF, 0);
    *stride = rec_emit(R, HL_I_ARRAY_STRIDE, HL_TYPE(I64), arr.s.a, HL_NOREF, 0);
    rec_note_stride(R, arr.o);
    return ix;
}

RecStatus rec_subscr(HlRec *R)
{
    HlVal arr = rec_peek(R, 1), index = rec_peek(R, 0);
    HlRef data, stride;
    if (arr.t.base != HL_T_ARR && rec_seq_type(arr.o).base != HL_T_VOID)
        return rec_seq_subscr(R, arr, index);
    HlRef ix = item_index(R, arr, index, &data, &stride);
    if (R->pending != REC_OK)
        return R->pending;
    if (!R->result) {
        R->pops = 2;
        R->result = PyObject_GetItem(arr.o, index.o);
        if (!R->result)
            return REC_RAISED;
    }
    if (arr.t.dtype == HL_D_C128)
        return rec_finish(R, 2, rec_complex_item(R, arr.s.a, data, stride, ix), R->result);
    HlIns ins = {.op = HL_I_ARRAY_LOAD,
                 .aux = arr.t.dtype,
                 .type = HL_TYPE_NPS(arr.t.dtype),
                 .a = {data, stride, ix, HL_NOREF}};
    return rec_finish_result(R, 2, rec_emit_ins(R, &ins, HL_R_NONE));
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

RecStatus rec_store_subscr(HlRec *R)
{
    HlVal index = rec_peek(R, 0), arr = rec_peek(R, 1), v = rec_peek(R, 2);
    HlRef data, stride;
    if (arr.t.base == HL_T_LIST)
        return rec_list_store(R, arr, index, v);
    if (arr.t.base == HL_T_ARR && !hl_np_writeable(arr.o))
        return rec_stop(R, HL_R_READONLY);
    HlRef ix = item_index(R, arr, index, &data, &stride);
    rec_guard(R, HL_I_GUARD_WRITEABLE, HL_TYPE(VOID), arr.s.a, HL_NOREF, HL_R_READONLY);
    if (R->pending != REC_OK)
        return R->pending;
    if (arr.t.dtype == HL_D_C128) {
        rec_complex_store(R, arr.s.a, v, data, stride, ix);
    } else {
        HlRef item = item_cast(R, v, arr.t.dtype);
        HlIns ins = {.op = HL_I_ARRAY_STORE,
                     .aux = arr.t.dtype,
                     .type = HL_TYPE(VOID),
                     .a = {data, stride, ix, item}};
        rec_emit_ins(R, &ins, HL_R_NONE); /* nothing, when the cast was stopped */
    }
    if (R->pending != REC_OK)
        return R->pending;
    if (PyObject_SetItem(arr.o, index.o, v.o) < 0)
        return REC_RAISED;
    rec_pop(R, 3);
    return REC_OK;
}
