/* hl_rec_list.c - recording of items of lists, tuples and bytes, and of lists' methods.
 *
 * Items are borrowed: nothing that a list lets go is freed before machine code is left (hl_release.h). What
 * changes a list comes last in its bytecode, behind all guards, since a bytecode that has begun to act
 * cannot be left. */
#include "hl_rec_int.h"

#include "hl_release.h"

/* --- items ------------------------------------------------------------------------------------- */

HlRef rec_index(HlRec *R, HlVal index, HlRef length, Py_ssize_t size)
{
    Py_ssize_t i = PyNumber_AsSsize_t(index.o, NULL);
    if (i >= size || i < -size) {
        rec_stop(R, HL_R_INDEX);
        return HL_NOREF;
    }
    return rec_guard(R, HL_I_INDEX, HL_TYPE(I64), rec_to_int(R, index), length, HL_R_INDEX);
}

/* The same for a sequence. */
static HlRef seq_index(HlRec *R, HlVal seq, HlVal index)
{
    if (!rec_is_integer(index.t) && index.t.base != HL_T_BOOL) {
        rec_stop(R, HL_R_NYI_SUBSCR);
        return HL_NOREF;
    }
    return rec_index(R, index, rec_seq_size(R, seq.s.a), PyObject_Size(seq.o));
}

RecStatus rec_seq_subscr(HlRec *R, HlVal seq, HlVal index)
{
    if (seq.s.kind != HL_SLOT_VALUE || !hl_type_eq(rec_seq_type(seq.o), seq.t))
        return rec_stop(R, HL_R_NYI_SUBSCR);
    HlRef ix = seq_index(R, seq, index);
    if (R->pending != REC_OK)
        return R->pending;
    PyObject *item = PyObject_GetItem(seq.o, index.o);
    if (!item)
        return REC_RAISED;
    return rec_finish(R, 2, rec_seq_item(R, seq.s.a, ix, item), item);
}

/* An item that is overwritten or popped: can its end be put off? */
static bool item_goes(PyObject *item)
{
    return Py_REFCNT(item) > 1 || hl_dies_silently(item);
}

/* What a list is given: a complex number only as the object that it was. NOREF: nothing that it can be. */
static HlRef item_ref(HlRec *R, HlVal v)
{
    if (rec_is_complex(v))
        return rec_complex_object(R, v);
    return v.s.kind == HL_SLOT_VALUE ? v.s.a : HL_NOREF;
}

RecStatus rec_list_store(HlRec *R, HlVal list, HlVal index, HlVal v)
{
    HlRef item = item_ref(R, v);
    if (item == HL_NOREF)
        return rec_stop(R, HL_R_NYI_SUBSCR);
    HlRef ix = seq_index(R, list, index);
    if (R->pending != REC_OK)
        return R->pending;
    Py_ssize_t i = PyNumber_AsSsize_t(index.o, NULL);
    if (!item_goes(PyList_GET_ITEM(list.o, i < 0 ? i + PyList_GET_SIZE(list.o) : i)))
        return rec_stop(R, HL_R_NYI_SUBSCR);
    HlIns ins = {.op = HL_I_LIST_STORE,
                 .type = HL_TYPE(VOID),
                 .a = {list.s.a, ix, item, HL_NOREF, HL_NOREF}};
    rec_emit_ins(R, &ins, HL_R_RELEASE);
    if (R->pending != REC_OK)
        return R->pending;
    if (PyObject_SetItem(list.o, index.o, v.o) < 0)
        return REC_RAISED;
    rec_pop(R, 3);
    return REC_OK;
}

RecStatus rec_seq_unpack(HlRec *R, HlVal seq, int32_t n)
{
    if (seq.s.kind != HL_SLOT_VALUE || (seq.t.base != HL_T_TUPLE && seq.t.base != HL_T_LIST) ||
        Py_SIZE(seq.o) != n)
        return rec_stop(R, HL_R_NYI_OP);
    HlRef size = rec_seq_size(R, seq.s.a);
    HlRef fits = rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), size, rec_kint(R, n), HL_EQ);
    rec_guard_cond(R, fits, true, HL_R_TYPE);
    HlSlot *value = R->scratch;
    PyObject **items = PySequence_Fast_ITEMS(seq.o);
    for (int32_t i = 0; i < n; i++)
        value[i] = rec_seq_item(R, seq.s.a, rec_kint(R, i), items[i]);
    if (R->pending != REC_OK)
        return R->pending;
    PyObject *o = Py_NewRef(seq.o);
    rec_pop(R, 1);
    for (int32_t i = n - 1; i >= 0; i--)
        rec_push(R, value[i], Py_NewRef(PySequence_Fast_GET_ITEM(o, i)));
    Py_DECREF(o);
    return REC_OK;
}

/* --- methods ----------------------------------------------------------------------------------- */

/* The method as its type has it, borrowed: append and pop only. */
static PyObject *list_method(PyObject *name)
{
    if (PyUnicode_CompareWithASCIIString(name, "append") != 0 &&
        PyUnicode_CompareWithASCIIString(name, "pop") != 0)
        return NULL;
    return PyDict_GetItem(PyList_Type.tp_dict, name);
}

RecStatus rec_list_method(HlRec *R, PyObject *name)
{
    HlVal list = rec_peek(R, 0);
    PyObject *method = list_method(name);
    if (!method)
        return rec_stop(R, HL_R_NYI_ATTR);
    HlRef k = rec_kobj(R, method);
    if (R->pending != REC_OK)
        return R->pending;
    PyObject *self = Py_NewRef(list.o);
    rec_pop(R, 1);
    rec_push(R, rec_value(k), Py_NewRef(method));
    rec_push(R, list.s, self);
    return REC_OK;
}

static void emit_append(HlRec *R, HlVal list, HlRef item)
{
    HlIns ins = {.op = HL_I_LIST_APPEND,
                 .type = HL_TYPE(VOID),
                 .a = {list.s.a, item, HL_NOREF, HL_NOREF, HL_NOREF}};
    rec_emit_ins(R, &ins, HL_R_RELEASE);
}

static RecStatus list_call_append(HlRec *R, HlVal list, HlVal v)
{
    HlRef none = rec_kobj(R, Py_None);
    HlRef item = item_ref(R, v);
    if (item == HL_NOREF)
        return rec_stop(R, HL_R_NYI_CALL);
    emit_append(R, list, item);
    if (R->pending != REC_OK)
        return R->pending;
    if (PyList_Append(list.o, v.o) < 0)
        return REC_RAISED;
    return rec_finish(R, 3, rec_value(none), Py_NewRef(Py_None));
}

static RecStatus list_call_pop(HlRec *R, HlVal list)
{
    Py_ssize_t n = PyList_GET_SIZE(list.o);
    if (n == 0)
        return rec_stop(R, HL_R_INDEX);
    PyObject *item = PyList_GET_ITEM(list.o, n - 1);
    if (!item_goes(item))
        return rec_stop(R, HL_R_NYI_CALL);
    HlRef zero = rec_kint(R, 0), one = rec_kint(R, 1), size = rec_seq_size(R, list.s.a);
    rec_guard_cond(R, rec_emit(R, HL_I_ICMP, HL_TYPE(BOOL), size, zero, HL_GT), true, HL_R_INDEX);
    HlRef last = rec_emit(R, HL_I_SUB, HL_TYPE(I64), size, one, 0);
    HlSlot value = rec_seq_item(R, list.s.a, last, item);
    rec_guard(R, HL_I_LIST_POP, HL_TYPE(VOID), list.s.a, HL_NOREF, HL_R_RELEASE);
    if (R->pending != REC_OK)
        return R->pending;
    item = PyObject_CallMethod(list.o, "pop", NULL);
    return item ? rec_finish(R, 2, value, item) : REC_RAISED;
}

RecStatus rec_list_call(HlRec *R, PyObject *method, int32_t n)
{
    HlVal list = rec_peek(R, n);
    const char *name = Py_IS_TYPE(method, &PyMethodDescr_Type)
                           ? ((PyMethodDescrObject *)method)->d_method->ml_name
                           : "";
    if (list.t.base == HL_T_LIST && strcmp(name, "append") == 0 && n == 1)
        return list_call_append(R, list, rec_peek(R, 0));
    if (list.t.base == HL_T_LIST && strcmp(name, "pop") == 0 && n == 0)
        return list_call_pop(R, list);
    return rec_stop(R, HL_R_NYI_CALL);
}

RecStatus rec_list_append(HlRec *R, int32_t depth)
{
    HlVal list = rec_peek(R, depth), v = rec_peek(R, 0);
    HlRef item = item_ref(R, v);
    if (list.t.base != HL_T_LIST || item == HL_NOREF)
        return rec_stop(R, HL_R_NYI_OP);
    emit_append(R, list, item);
    if (R->pending != REC_OK)
        return R->pending;
    if (PyList_Append(list.o, v.o) < 0)
        return REC_RAISED;
    rec_pop(R, 1);
    return REC_OK;
}
