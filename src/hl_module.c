/* hl_module.c - the extension module hotloop._hotloop: what the Python package builds on.
 *
 * Where hotloop cannot work (HOTLOOP=0, or an interpreter that the hook refuses) the module still
 * imports; `inactive` then says why, and only what needs no hook works. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "hl_code.h"
#include "hl_func.h"
#include "hl_mem.h"
#include "hl_param.h"
#include "hl_reason.h"
#include "hl_region.h"
#include "hl_stats.h"
#include "hl_test.h"

/* Why nothing is jitted in this process, a str; NULL = hotloop is active. */
static PyObject *inactive;
/* What the package has to warn about when it is imported, a list of str. */
static PyObject *complaints;

static int module_need_active(void)
{
    if (inactive)
        PyErr_Format(PyExc_RuntimeError, "hotloop is not active: %U", inactive);
    return inactive ? -1 : 0;
}

/* The code object of a code object, function, jitted function or method; borrowed. */
static PyCodeObject *module_code_of(PyObject *obj)
{
    PyObject *o = obj;
    if (PyMethod_Check(o))
        o = PyMethod_GET_FUNCTION(o);
    if (Py_IS_TYPE(o, &HlFunction_Type))
        o = (PyObject *)hl_func_function(o);
    if (PyFunction_Check(o))
        o = PyFunction_GET_CODE(o);
    if (PyCode_Check(o))
        return (PyCodeObject *)o;
    PyErr_Format(PyExc_TypeError, "expected a Python function, method or code object, got %.100s",
                 Py_TYPE(obj)->tp_name);
    return NULL;
}

/* What is known of the code object of such an object: the first of all its states, which `twin` links; of
 * a jitted function only its own. NULL = nothing. */
static HlCode *module_peek(PyObject *obj, PyCodeObject *co, bool *own)
{
    if (PyMethod_Check(obj))
        obj = PyMethod_GET_FUNCTION(obj);
    *own = Py_IS_TYPE(obj, &HlFunction_Type);
    if (inactive)
        return NULL;
    return *own ? hl_code_peek(co, hl_func_fastmath(obj)) : hl_code_all(co);
}

/* -- Functions --------------------------------------------------------------------------------- */

PyDoc_STRVAR(wrap_doc,
             "wrap(func, threshold=0, nopython=False, fastmath=0)\n--\n\n"
             "The callable that @jit returns for a Python function. threshold 0: the default.\n"
             "fastmath: what LLVM may do, a sum of the values of the dict `fastmath`.");

static PyObject *module_wrap(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"func", "threshold", "nopython", "fastmath", NULL};
    PyObject *func;
    int threshold = 0, nopython = 0, fastmath = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!|ipi:wrap", names, &PyFunction_Type, &func,
                                     &threshold, &nopython, &fastmath))
        return NULL;
    if (threshold < 0) {
        PyErr_SetString(PyExc_ValueError, "threshold must not be negative");
        return NULL;
    }
    if (fastmath & ~HL_FAST_ALL) {
        PyErr_SetString(PyExc_ValueError, "fastmath is no sum of flags");
        return NULL;
    }
    return module_need_active() < 0 ? NULL : hl_func_new(func, threshold, nopython, fastmath);
}

PyDoc_STRVAR(stats_doc, "stats(code=None)\n--\n\n"
                        "Statistics, one dict per code object and fastmath that it is jitted\n"
                        "with; all live ones without an argument. A list; empty for a code\n"
                        "object that hotloop has not met.");

static PyObject *module_stats(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *obj = Py_None;
    if (!PyArg_ParseTuple(args, "|O:stats", &obj))
        return NULL;
    if (!inactive)
        hl_compile_poll();
    if (obj == Py_None)
        return hl_stats_all();
    PyCodeObject *co = module_code_of(obj);
    if (!co)
        return NULL;
    bool own;
    PyObject *list = PyList_New(0);
    HlCode *code = module_peek(obj, co, &own);
    for (; list && code; code = own ? NULL : code->twin) {
        PyObject *row = hl_stats_code(code);
        if (!row || PyList_Append(list, row) < 0)
            Py_CLEAR(list);
        Py_XDECREF(row);
    }
    return list;
}

PyDoc_STRVAR(forgotten_doc, "forgotten()\n--\n\n"
                            "Sums of the statistics of code objects that no longer exist.");

static PyObject *module_forgotten(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(arg))
{
    return hl_stats_forgotten();
}

PyDoc_STRVAR(code_of_doc, "code_of(func)\n--\n\nThe code object of a function or method.");

static PyObject *module_code_of_py(PyObject *Py_UNUSED(self), PyObject *obj)
{
    return Py_XNewRef(module_code_of(obj));
}

/* Text of a region in one of its forms; NULL with an exception, or without one when it has no such
 * form (not compiled yet). */
static PyObject *module_region_text(HlRegion *r, char what)
{
    char err[256] = "";
    char *text = NULL;
    const HlIr *ir = what == 'r' ? r->ir : r->opt;
    if (!ir)
        return NULL;
    if (what == 'r' || what == 'i') {
        text = hl_irtext_print(ir);
        if (!text)
            return PyErr_NoMemory();
        PyObject *str = PyUnicode_FromString(text);
        hl_mem_free(text);
        return str;
    }
    text = hl_compile_text(r, what, err, sizeof err);
    if (!text) {
        PyErr_Format(PyExc_RuntimeError, "no %s: %s", what == 'l' ? "LLVM IR" : "assembly", err);
        return NULL;
    }
    PyObject *str = PyUnicode_FromString(text);
    free(text);
    return str;
}

/* Appends the texts of all regions; 0, or -1 with an exception. */
static int module_inspect_code(PyObject *list, const HlCode *code, char what)
{
    int nloops = code->loops ? code->bytecode->nloops : 0, err = 0;
    for (int i = 0; i < nloops; i++) {
        Py_ssize_t first = PyList_GET_SIZE(list); /* regions are listed newest first */
        for (HlRegion *r = code->loops[i].regions; !err && r; r = r->next) {
            PyObject *text = module_region_text(r, what);
            if (text ? PyList_Insert(list, first, text) < 0 : PyErr_Occurred() != NULL)
                err = -1;
            Py_XDECREF(text);
        }
    }
    return err;
}

PyDoc_STRVAR(inspect_doc,
             "inspect(func, what)\n--\n\n"
             "The function's regions as text, in the order of their loops and of their\n"
             "making. what: 'r' recorded IR, 'i' optimised IR, 'l' LLVM IR, 'a' assembly.");

static PyObject *module_inspect(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *obj;
    const char *what;
    if (!PyArg_ParseTuple(args, "Os:inspect", &obj, &what))
        return NULL;
    if (strlen(what) != 1 || !strchr("rila", *what)) {
        PyErr_SetString(PyExc_ValueError, "what must be 'r', 'i', 'l' or 'a'");
        return NULL;
    }
    PyCodeObject *co = module_code_of(obj);
    if (!co)
        return NULL;
    if (!inactive)
        hl_compile_wait();
    int gc = PyGC_Disable(); /* a finalizer could free a region */
    bool own;
    PyObject *list = PyList_New(0);
    HlCode *code = module_peek(obj, co, &own);
    for (; list && code; code = own ? NULL : code->twin)
        if (module_inspect_code(list, code, *what) < 0)
            Py_CLEAR(list);
    if (gc)
        PyGC_Enable();
    return list;
}

PyDoc_STRVAR(set_global_doc, "set_global(on)\n--\n\nWhether every Python function is jitted.");

static PyObject *module_set_global(PyObject *Py_UNUSED(self), PyObject *arg)
{
    int on = PyObject_IsTrue(arg);
    if (on < 0 || module_need_active() < 0 || hl_hook_set_global(on) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(is_global_doc, "is_global()\n--\n\nWhether every Python function is jitted.");

static PyObject *module_is_global(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(arg))
{
    return PyBool_FromLong(!inactive && hl_hook_is_global());
}

PyDoc_STRVAR(wait_doc, "wait()\n--\n\nUntil all compiles that are under way are in use.");

static PyObject *module_wait(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(arg))
{
    if (!inactive)
        hl_compile_wait();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(params_doc, "params()\n--\n\n"
                         "{name: (value, default, environment variable or None, meaning)}");

static PyObject *module_params(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(arg))
{
    PyObject *dict = PyDict_New();
    for (const HlParamInfo *p = hl_param_info; dict && p->name; p++) {
        PyObject *row = Py_BuildValue("(iizs)", *p->value, p->def, p->env, p->doc);
        if (!row || PyDict_SetItemString(dict, p->name, row) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(row);
    }
    return dict;
}

PyDoc_STRVAR(set_param_doc, "set_param(name, value)\n--\n\nSets a parameter from now on.");

static PyObject *module_set_param(PyObject *Py_UNUSED(self), PyObject *args)
{
    const char *name;
    long value;
    if (!PyArg_ParseTuple(args, "sl:set_param", &name, &value))
        return NULL;
    for (const HlParamInfo *p = hl_param_info; p->name; p++) {
        if (strcmp(p->name, name))
            continue;
        if (!hl_param_fits(p, value)) {
            PyErr_Format(PyExc_ValueError, "%s must be %s", name, hl_param_range(p));
            return NULL;
        }
        *p->value = (int)value;
        Py_RETURN_NONE;
    }
    PyErr_Format(PyExc_ValueError, "no parameter is called '%s'", name);
    return NULL;
}

/* The code generator's version, or why there is none; it is loaded for that. */
static PyObject *module_backend_version(void)
{
    const HlBackend *backend = inactive ? NULL : hl_compile_backend();
    if (backend)
        return PyUnicode_FromString(backend->version);
    if (inactive)
        return PyUnicode_FromString("not loaded");
    PyObject *type, *value, *tb;
    PyErr_Fetch(&type, &value, &tb);
    PyObject *text = PyUnicode_FromFormat("%S", value ? value : type);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(tb);
    return text;
}

PyDoc_STRVAR(info_doc,
             "info()\n--\n\n"
             "{'active', 'why_not', 'blocked', 'backend'}: whether hotloop works in this\n"
             "process and why not, what keeps it from driving frames at this moment, and\n"
             "the code generator's version, which is loaded for it (or why it failed).");

static PyObject *module_info(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(arg))
{
    HlReason blocked = inactive ? HL_R_NONE : hl_hook_blocked();
    return Py_BuildValue("{s:O,s:O,s:s,s:s,s:N}", "active", inactive ? Py_False : Py_True,
                         "why_not", inactive ? inactive : Py_None, "blocked",
                         blocked ? hl_reason_text(blocked) : NULL, "compile_error",
                         *hl_compile_message() ? hl_compile_message() : NULL, "backend",
                         module_backend_version());
}

static PyMethodDef module_methods[] = {
    {"wrap", (PyCFunction)(void (*)(void))module_wrap, METH_VARARGS | METH_KEYWORDS, wrap_doc},
    {"stats", module_stats, METH_VARARGS, stats_doc},
    {"forgotten", module_forgotten, METH_NOARGS, forgotten_doc},
    {"code_of", module_code_of_py, METH_O, code_of_doc},
    {"inspect", module_inspect, METH_VARARGS, inspect_doc},
    {"set_global", module_set_global, METH_O, set_global_doc},
    {"is_global", module_is_global, METH_NOARGS, is_global_doc},
    {"wait", module_wait, METH_NOARGS, wait_doc},
    {"params", module_params, METH_NOARGS, params_doc},
    {"set_param", module_set_param, METH_VARARGS, set_param_doc},
    {"info", module_info, METH_NOARGS, info_doc},
    {NULL, NULL, 0, NULL},
};

/* -- Start ------------------------------------------------------------------------------------- */

/* Adds to the complaints; takes over `text`, where NULL means that an exception is set. */
static int start_complain(PyObject *text)
{
    int err = text ? PyList_Append(complaints, text) : -1;
    Py_XDECREF(text);
    return err;
}

/* Takes the exception that is set as the reason for which hotloop stays off. */
static int start_refused(void)
{
    PyObject *type, *value, *tb;
    PyErr_Fetch(&type, &value, &tb);
    inactive = PyUnicode_FromFormat("%S", value ? value : type);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(tb);
    if (!inactive)
        return -1;
    return start_complain(PyUnicode_FromFormat("hotloop does nothing here: %U", inactive));
}

static int start_environment(void)
{
    char err[512];
    const char *mode = getenv("HOTLOOP");
    complaints = PyList_New(0);
    if (!complaints)
        return -1;
    if (hl_param_init(err, sizeof err) < 0 &&
        start_complain(PyUnicode_FromFormat("hotloop: %s", err)) < 0)
        return -1;
    if (mode && !strcmp(mode, "0"))
        return (inactive = PyUnicode_FromString("HOTLOOP=0")) ? 0 : -1;
    if (mode && *mode && strcmp(mode, "1"))
        return start_complain(
            PyUnicode_FromFormat("hotloop: HOTLOOP='%s' ignored: it must be 0 or 1", mode));
    return 0;
}

/* Once per process. */
static int module_start(void)
{
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "hotloop works in the main interpreter only");
        return -1;
    }
    static bool started;
    if (started)
        return 0;
    if (PyType_Ready(&HlFunction_Type) < 0 || hl_stats_init() < 0 || start_environment() < 0)
        return -1;
    if (!inactive && (hl_code_init() < 0 || hl_hook_init() < 0 || hl_compile_init() < 0) &&
        start_refused() < 0)
        return -1;
    started = true;
    return 0;
}

static int module_reasons(PyObject *module)
{
    PyObject *dict = PyDict_New();
    for (int i = 0; dict && i < HL_R__COUNT; i++) {
        PyObject *text = PyUnicode_FromString(hl_reason_text(i));
        if (!text || PyDict_SetItemString(dict, hl_reason_key(i), text) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(text);
    }
    int err = dict ? PyModule_AddObjectRef(module, "reasons", dict) : -1;
    Py_XDECREF(dict);
    return err;
}

/* {name: bit} of HL_FASTDEF */
static int module_fastmath(PyObject *module)
{
#define FASTMATH_FORMAT(name, text, bit) "s:i"
#define FASTMATH_ARG(name, text, bit) , text, bit
    PyObject *dict = Py_BuildValue("{" HL_FASTDEF(FASTMATH_FORMAT) "}" HL_FASTDEF(FASTMATH_ARG));
    int err = dict ? PyModule_AddObjectRef(module, "fastmath", dict) : -1;
    Py_XDECREF(dict);
    return err;
}

static int module_exec(PyObject *module)
{
#ifdef HL_DEBUG
    if (PyModule_AddFunctions(module, hl_test_methods) < 0)
        return -1;
#endif
    if (module_start() < 0 || module_reasons(module) < 0 || module_fastmath(module) < 0 ||
        PyModule_AddObjectRef(module, "Function", (PyObject *)&HlFunction_Type) < 0 ||
        PyModule_AddObjectRef(module, "FallbackWarning", hl_fallback_warning) < 0 ||
        PyModule_AddObjectRef(module, "inactive", inactive ? inactive : Py_None) < 0 ||
        PyModule_AddObjectRef(module, "complaints", complaints) < 0)
        return -1;
    return 0;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, module_exec}, {0, NULL}};

static PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "hotloop._hotloop",
    .m_doc = PyDoc_STR("The core of hotloop; use the package's functions."),
    .m_methods = module_methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__hotloop(void);

PyMODINIT_FUNC PyInit__hotloop(void)
{
    return PyModuleDef_Init(&module_def);
}
