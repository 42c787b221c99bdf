/* hl_rt.c - the functions of the core that machine code calls, and the table that tells the code
 * generator where they are. Machine code calls them off the thread's frame chain, so none of them
 * raises or leaves an exception. */
#include "hl_rt.h"

#include "hl_np.h"

/* A dict's version changes at every store into it, so a mismatch only means: look again. */
PyObject *hl_rt_global(HlGlobals *globals, int64_t index)
{
    HlGlobalRef *ref = &globals->v[index];
    PyObject *first = ref->dict ? ref->dict : globals->globals;
    PyObject *second = ref->dict ? ref->dict : globals->builtins;
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

/* Asked by the compile thread: reads addresses only. */
static void *rt_type_object(HlType t)
{
    switch ((HlBase)t.base) {
    case HL_T_BOOL: return &PyBool_Type;
    case HL_T_I64: return &PyLong_Type;
    case HL_T_F64: return &PyFloat_Type;
    case HL_T_NPS: return hl_np_scalar_type(t.dtype);
    case HL_T_VOID:
    case HL_T_OBJ:
    case HL_T_ARR:
    case HL_T_PTR:
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
        .unbox_i64 = rt_unbox_i64,
        .type_object = rt_type_object,
        .py_true = Py_True,
        .off_type = offsetof(PyObject, ob_type),
        .off_float = offsetof(PyFloatObject, ob_fval),
    };
    hl_np_fill_env(env);
}
