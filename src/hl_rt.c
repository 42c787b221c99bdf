/* hl_rt.c - the functions of the core that machine code calls, and the table that tells the code
 * generator where they are. Machine code calls them off the thread's frame chain, so none of them
 * raises or leaves an exception. */
#include "hl_rt.h"

#include "hl_exit.h"
#include "hl_func.h"
#include "hl_np.h"
#include "hl_release.h"
#include "hl_step.h"

/* A dict's version changes at every store into it, so a mismatch only means: look again. */
static PyObject *global_in(HlGlobalRef *ref, PyObject *first, PyObject *second)
{
    uint64_t v1 = hl_dict_version(first), v2 = hl_dict_version(second);
    if (HL_LIKELY(v1 && v2 && v1 == ref->globals_version && v2 == ref->builtins_version))
        return ref->cached;
    PyObject *o = PyDict_GetItemWithError(first, ref->name);
    if (!o && !PyErr_Occurred() && second != first)
        o = PyDict_GetItemWithError(second, ref->name);
    if (!o)
        PyErr_Clear(); /* a key's __eq__ raised: missing, the interpreter asks again */
    ref->globals_version = v1;
    ref->builtins_version = v2;
    ref->cached = o;
    return o;
}

PyObject *hl_rt_global(HlGlobals *globals, int64_t index)
{
    HlGlobalRef *ref = &globals->v[index];
    return ref->dict ? global_in(ref, ref->dict, ref->dict)
                     : global_in(ref, globals->globals, globals->builtins);
}

PyObject *hl_rt_func_global(HlGlobals *globals, int64_t index, PyObject *func)
{
    PyFunctionObject *f = (PyFunctionObject *)func;
    if (!PyDict_CheckExact(f->func_globals) || !PyDict_CheckExact(f->func_builtins))
        return NULL;
    return global_in(&globals->v[index], f->func_globals, f->func_builtins);
}

PyObject *hl_rt_func_value(PyObject *func, int64_t slot)
{
    PyFunctionObject *f = (PyFunctionObject *)func;
    PyCodeObject *co = (PyCodeObject *)f->func_code;
    int64_t free = slot - (co->co_nlocalsplus - co->co_nfreevars), nargs = co->co_argcount;
    if (free >= 0) {
        PyObject *cells = f->func_closure;
        return cells && free < PyTuple_GET_SIZE(cells) ? PyCell_GET(PyTuple_GET_ITEM(cells, free))
                                                       : NULL;
    }
    if (slot < nargs) {
        PyObject *defaults = f->func_defaults;
        int64_t i = defaults ? slot - nargs + PyTuple_GET_SIZE(defaults) : -1;
        return i >= 0 ? PyTuple_GET_ITEM(defaults, i) : NULL;
    }
    if (!f->func_kwdefaults)
        return NULL;
    PyObject *name = PyTuple_GET_ITEM(co->co_localsplusnames, slot);
    PyObject *o = PyDict_GetItemWithError(f->func_kwdefaults, name);
    if (!o)
        PyErr_Clear(); /* a key's __eq__ raised: missing, the interpreter asks again */
    return o;
}

static void *rt_func_value(void *func, int64_t slot)
{
    return hl_rt_func_value(func, slot);
}

static void *rt_func_global(void *globals, int64_t index, void *func)
{
    return hl_rt_func_global(globals, index, func);
}

static int rt_guard_global(void *globals, int64_t index)
{
    return hl_rt_global(globals, index) == ((HlGlobals *)globals)->v[index].object;
}

static void *rt_load_global(void *globals, int64_t index)
{
    return hl_rt_global(globals, index);
}

static int rt_unbox_i64(void *obj, int64_t *out)
{
    return PyLong_CheckExact((PyObject *)obj) && hl_long_unbox(obj, out);
}

/* Puts a new reference into a list's slot; the old one may be a last one. */
static int list_replace(PyObject **slot, PyObject *item)
{
    PyObject *old = *slot;
    if (Py_REFCNT(old) == 1 && !hl_release_later(old)) {
        Py_DECREF(item);
        return 0;
    }
    *slot = item;
    if (Py_REFCNT(old) > 1)
        Py_DECREF(old);
    return 1;
}

/* A new reference, NULL = out of memory. */
static PyObject *rt_box(HlType t, int64_t word, PyObject *origin)
{
    if (origin && hl_exit_is_box(origin, t, word))
        return Py_NewRef(origin);
    PyObject *o = hl_exit_box(t, word);
    if (!o)
        PyErr_Clear();
    return o;
}

/* An int or float that only this list holds is overwritten: nobody can tell it from another. */
static int rt_list_store(void *list, int64_t index, int64_t type, int64_t word, void *origin)
{
    PyObject **slot = &((PyListObject *)list)->ob_item[index], *old = *slot;
    HlType t = hl_type_unpack(type);
    if (!origin && Py_REFCNT(old) == 1) {
        if (t.base == HL_T_I64 && PyLong_CheckExact(old) && hl_long_overwrite(old, word))
            return 1;
        if (t.base == HL_T_F64 && PyFloat_CheckExact(old)) {
            memcpy(&((PyFloatObject *)old)->ob_fval, &word, sizeof word);
            return 1;
        }
    }
    PyObject *item = rt_box(t, word, origin);
    return item && list_replace(slot, item);
}

static int rt_list_append(void *list, int64_t type, int64_t word, void *origin)
{
    PyListObject *l = list;
    PyObject *item = rt_box(hl_type_unpack(type), word, origin);
    if (!item)
        return 0;
    if (Py_SIZE(l) < l->allocated) { /* as PyList_Append does, without its checks */
        PyList_SET_ITEM(l, Py_SIZE(l), item);
        Py_SET_SIZE(l, Py_SIZE(l) + 1);
        return 1;
    }
    int failed = PyList_Append(list, item);
    Py_DECREF(item);
    if (failed)
        PyErr_Clear();
    return !failed;
}

/* The item, which machine code may go on using, is released later. A list that has room to spare
 * shrinks, as list.pop has it. */
static int rt_list_pop(void *list)
{
    PyListObject *l = list;
    Py_ssize_t n = Py_SIZE(l) - 1;
    PyObject *item = l->ob_item[n];
    if (!hl_release_later(item))
        return 0;
    if (n >= l->allocated / 2) {
        Py_SET_SIZE(l, n);
        return 1;
    }
    Py_INCREF(item); /* for the slice that is cut off; it shrinks memory, which cannot fail */
    if (PyList_SetSlice(list, n, n + 1, NULL) < 0)
        PyErr_Clear();
    return 1;
}

static int rt_release(void *obj)
{
    return hl_release_later(obj);
}

/* Asked by the compile thread: reads addresses only. */
static void *rt_type_object(HlType t)
{
    switch ((HlBase)t.base) {
    case HL_T_BOOL: return &PyBool_Type;
    case HL_T_I64: return &PyLong_Type;
    case HL_T_F64: return &PyFloat_Type;
    case HL_T_COMPLEX: return &PyComplex_Type;
    case HL_T_NPS: return hl_np_scalar_type(t.dtype);
    case HL_T_LIST: return &PyList_Type;
    case HL_T_TUPLE: return &PyTuple_Type;
    case HL_T_BYTES: return &PyBytes_Type;
    case HL_T_VOID:
    case HL_T_OBJ:
    case HL_T_ARR:
    case HL_T_PTR:
    case HL_T_ROW:
    case HL_T__COUNT: break;
    }
    return NULL;
}

void hl_rt_fill_env(HlEmitEnv *env, HlRegion *r, void *const *objects)
{
    *env = (HlEmitEnv){
        .eval_breaker = hl_eval_breaker(),
        .objects = objects,
        .globals = &r->globals,
        .guard_global = rt_guard_global,
        .load_global = rt_load_global,
        .func_value = rt_func_value,
        .func_global = rt_func_global,
        .type_function = &PyFunction_Type,
        .type_jitted = &HlFunction_Type,
        .off_func_code = offsetof(PyFunctionObject, func_code),
        .off_jitted_func = hl_func_offset,
        .unbox_i64 = rt_unbox_i64,
        .step = hl_step_run,
        .type_object = rt_type_object,
        .py_true = Py_True,
        .py_false = Py_False,
        .off_slots = offsetof(HlActivation, slots),
        .off_cell = offsetof(PyCellObject, ob_ref),
        .off_type = offsetof(PyObject, ob_type),
        .off_float = offsetof(PyFloatObject, ob_fval),
        .off_complex = offsetof(PyComplexObject, cval),
        .list_store = rt_list_store,
        .list_append = rt_list_append,
        .list_pop = rt_list_pop,
        .release = rt_release,
        .off_refcnt = offsetof(PyObject, ob_refcnt),
        .off_size = offsetof(PyVarObject, ob_size),
        .off_digits = hl_long_digits_offset(),
        .off_list_items = offsetof(PyListObject, ob_item),
        .off_tuple_items = offsetof(PyTupleObject, ob_item),
        .off_bytes_items = offsetof(PyBytesObject, ob_sval),
    };
    hl_np_fill_env(env);
}
