/* hl_rec_object.c - recording of what reads and writes objects: globals, attributes, subscripts. */
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
    return o && (hl_record_is_function(o) || rec_has_type(o));
}

/* Any other object is read for a step that uses it. */
static HlSlot global_object(HlRec *R, PyObject *name)
{
    HlIns ins = {.op = HL_I_LOAD_GLOBAL,
                 .type = HL_TYPE(OBJ),
                 .imm.i = rec_global(R, NULL, name, NULL),
                 .a = {HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF}};
    return rec_value(rec_emit_ins(R, &ins, HL_R_GLOBAL));
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
    bool known = is_known(o);
    if (!o || (!known && (R->r->no_steps || R->inlined >= 0)))
        return rec_stop(R, HL_R_NYI_GLOBAL);
    HlSlot s;
    if (R->inlined >= 0)
        s = rec_object(R, rec_function_global(R, rec_global(R, NULL, name, NULL)), o);
    else
        s = known ? global_value(R, NULL, name, o) : global_object(R, name);
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
    if (rec_is_array(v) && !method)
        return rec_array_attr(R, bc, name);
    return rec_stop(R, HL_R_NYI_ATTR);
}

/* --- subscripts -------------------------------------------------------------------------------- */

RecStatus rec_subscr(HlRec *R)
{
    HlVal o = rec_peek(R, 1), index = rec_peek(R, 0);
    if (rec_is_array(o))
        return rec_array_subscr(R, 0);
    if (rec_seq_type(o.o).base != HL_T_VOID)
        return rec_seq_subscr(R, o, index);
    return rec_stop(R, HL_R_NYI_SUBSCR);
}

RecStatus rec_store_subscr(HlRec *R)
{
    HlVal index = rec_peek(R, 0), o = rec_peek(R, 1), v = rec_peek(R, 2);
    if (o.t.base == HL_T_LIST)
        return rec_list_store(R, o, index, v);
    return rec_is_array(o) ? rec_array_store(R, 0) : rec_stop(R, HL_R_NYI_SUBSCR);
}
