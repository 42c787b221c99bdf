/* hl_func.c - hotloop.Function: stands for a Python function, and is called in its place.
 *
 * CPython 3.11 calls functions from Python code without looking at their vectorcall, so the function
 * has to be inside an object of our own, as functools.lru_cache has it. All attributes are the
 * function's, but for __wrapped__; pickles and copies go by name, as a function's do. */
#include "hl_func.h"

#include <structmember.h>

#include "../hooks/hl_hook.h"
#include "hl_code.h"

typedef struct HlFunction {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyFunctionObject
        *func;        /* never NULL: cycles through it are broken by the function's tp_clear */
    PyCodeObject *co; /* the code object that `code` is for; NULL before the first call */
    HlCode *code;
    PyObject *weakrefs;
    int threshold;
    bool nopython;
    uint8_t fastmath; /* HL_FAST_* */
} HlFunction;

const int32_t hl_func_offset = offsetof(HlFunction, func);

PyFunctionObject *hl_func_function(PyObject *self)
{
    return ((HlFunction *)self)->func;
}

int hl_func_fastmath(PyObject *self)
{
    return ((HlFunction *)self)->fastmath;
}

/* -- Calls --------------------------------------------------------------------------------------- */

/* First call, or the function's __code__ was set. The options belong to the code object's state, which all
 * functions made by one `def`, and with the same fastmath, share. */
static int func_resolve(HlFunction *f)
{
    PyCodeObject *co = (PyCodeObject *)f->func->func_code;
    HlCode *code = hl_code_get(co, f->fastmath);
    if (!code)
        return -1;
    if (f->threshold > 0 && !code->jitted)
        hl_code_set_threshold(code, f->threshold);
    code->jitted = true;
    code->warn_fallback |= f->nopython;
    f->code = code;
    Py_XSETREF(f->co, (PyCodeObject *)Py_NewRef(co));
    return 0;
}

static PyObject *func_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf,
                                 PyObject *kwnames)
{
    HlFunction *f = (HlFunction *)self;
    if (HL_UNLIKELY((PyObject *)f->co != f->func->func_code) && func_resolve(f) < 0) {
        PyErr_Clear(); /* no memory for counting: the next call tries again */
        return PyObject_Vectorcall((PyObject *)f->func, args, nargsf, kwnames);
    }
    return hl_hook_call(self, f->func, f->code, args, nargsf, kwnames);
}

static PyObject *func_get(PyObject *self, PyObject *obj, PyObject *Py_UNUSED(type))
{
    return !obj || obj == Py_None ? Py_NewRef(self) : PyMethod_New(self, obj);
}

/* -- Attributes ---------------------------------------------------------------------------------- */

static PyObject *func_forward_get(PyObject *self, void *name)
{
    return PyObject_GetAttrString((PyObject *)hl_func_function(self), name);
}

static int func_forward_set(PyObject *self, PyObject *value, void *name)
{
    return PyObject_SetAttrString((PyObject *)hl_func_function(self), name, value);
}

static PyObject *func_wrapped(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(hl_func_function(self));
}

/* Only the names that would otherwise be found on the type; func_getattro sees to the others. */
static PyGetSetDef func_getset[] = {
    {"__wrapped__", func_wrapped, NULL, PyDoc_STR("The Python function."), NULL},
    {"__doc__", func_forward_get, func_forward_set, NULL, "__doc__"},
    {"__module__", func_forward_get, func_forward_set, NULL, "__module__"},
    {"__dict__", func_forward_get, func_forward_set, NULL, "__dict__"},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyObject *func_getattro(PyObject *self, PyObject *name)
{
    if (_PyType_Lookup(Py_TYPE(self), name))
        return PyObject_GenericGetAttr(self, name);
    return PyObject_GetAttr((PyObject *)hl_func_function(self), name);
}

static int func_setattro(PyObject *self, PyObject *name, PyObject *value)
{
    if (_PyType_Lookup(Py_TYPE(self), name))
        return PyObject_GenericSetAttr(self, name, value);
    return PyObject_SetAttr((PyObject *)hl_func_function(self), name, value);
}

static PyObject *func_dir(PyObject *self, PyObject *Py_UNUSED(arg))
{
    PyObject *names = PyObject_Dir((PyObject *)hl_func_function(self));
    PyObject *wrapped = names ? PyUnicode_FromString("__wrapped__") : NULL;
    if (!wrapped || PyList_Append(names, wrapped) < 0)
        Py_CLEAR(names);
    Py_XDECREF(wrapped);
    return names;
}

static PyObject *func_reduce(PyObject *self, PyObject *Py_UNUSED(arg))
{
    return PyObject_GetAttrString((PyObject *)hl_func_function(self), "__qualname__");
}

static PyMethodDef func_methods[] = {
    {"__reduce__", func_reduce, METH_NOARGS, PyDoc_STR("By reference, as functions.")},
    {"__dir__", func_dir, METH_NOARGS, PyDoc_STR("The function's attributes.")},
    {NULL, NULL, 0, NULL},
};

static PyObject *func_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<hotloop.Function %U at %p>",
                                hl_func_function(self)->func_qualname, self);
}

/* -- Life ---------------------------------------------------------------------------------------- */

static int func_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((HlFunction *)self)->func);
    return 0;
}

static void func_dealloc(PyObject *self)
{
    HlFunction *f = (HlFunction *)self;
    PyObject_GC_UnTrack(self);
    if (f->weakrefs)
        PyObject_ClearWeakRefs(self);
    Py_DECREF(f->func);
    Py_XDECREF(f->co);
    PyObject_GC_Del(self);
}

PyTypeObject HlFunction_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "hotloop.Function",
    .tp_basicsize = sizeof(HlFunction),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = PyDoc_STR("A Python function whose hot loops are compiled; made by hotloop.jit."),
    .tp_vectorcall_offset = offsetof(HlFunction, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = func_dealloc,
    .tp_traverse = func_traverse,
    .tp_weaklistoffset = offsetof(HlFunction, weakrefs),
    .tp_repr = func_repr,
    .tp_getattro = func_getattro,
    .tp_setattro = func_setattro,
    .tp_getset = func_getset,
    .tp_methods = func_methods,
    .tp_descr_get = func_get,
};

PyObject *hl_func_new(PyObject *func, int threshold, bool nopython, int fastmath)
{
    if (Py_IS_TYPE(func, &HlFunction_Type))
        func = (PyObject *)hl_func_function(func);
    if (!PyFunction_Check(func)) {
        PyErr_Format(PyExc_TypeError, "jit() expects a Python function, got %.100s: %R",
                     Py_TYPE(func)->tp_name, func);
        return NULL;
    }
    HlFunction *f = PyObject_GC_New(HlFunction, &HlFunction_Type);
    if (!f)
        return NULL;
    f->vectorcall = func_vectorcall;
    f->func = (PyFunctionObject *)Py_NewRef(func);
    f->co = NULL;
    f->code = NULL;
    f->weakrefs = NULL;
    f->threshold = threshold;
    f->nopython = nopython;
    f->fastmath = (uint8_t)fastmath;
    PyObject_GC_Track((PyObject *)f);
    return (PyObject *)f;
}
