/* hl_np.c - NumPy as the core sees it; the only file with NumPy's headers.
 *
 * One build, made with NumPy 2.x headers, runs on NumPy 1.24 and everything newer: only struct
 * fields that both share are read, the rest goes through the headers' accessors, which look at the
 * version that is running. NumPy is found in sys.modules and never imported: binding happens the
 * first time somebody asks after the program's own import has finished. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define NPY_NO_DEPRECATED_API NPY_1_24_API_VERSION
#define NPY_TARGET_VERSION NPY_1_24_API_VERSION
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>

#include "hl_np.h"

#if NPY_ABI_VERSION < 0x02000000
#error "NumPy 2.x headers are needed to build (they run on NumPy 1.24 and newer)"
#endif

/* A dtype that machine code knows: its type number and the class of its scalars. long and long long
 * both have 64 bits here; np.int64 is the first, and only exact np.int64 is HL_D_I64. */
#define NP_DTYPEDEF(_)                                                                             \
    _(BOOL, NPY_BOOL, PyBoolArrType_Type)                                                          \
    _(I64, NPY_INT64, PyInt64ArrType_Type)                                                         \
    _(F64, NPY_FLOAT64, PyFloat64ArrType_Type)

/* NumPy's private flag of arrays whose first write warns (np.broadcast_arrays). */
#define NP_ARRAY_WARN_ON_WRITE (1U << 31)

HL_STATIC_ASSERT(sizeof(npy_intp) == 8 && sizeof(npy_bool) == 1, "64-bit NumPy");
HL_STATIC_ASSERT(offsetof(PyDoubleScalarObject, obval) == offsetof(PyFloatObject, ob_fval),
                 "np.float64 is laid out as float");
HL_STATIC_ASSERT(offsetof(PyCDoubleScalarObject, obval) == offsetof(PyComplexObject, cval) &&
                     sizeof(npy_cdouble) == sizeof(Py_complex),
                 "np.complex128 is laid out as complex");

static enum { NP_UNKNOWN, NP_READY, NP_UNUSABLE } np_state;

/* --- np.errstate ---------------------------------------------------------------------------------
 * NumPy 1.x keeps [bufsize, mask, callback] in the thread's dictionary, 2.x a capsule in a context
 * variable whose memory begins with the mask. That is no public layout, so it is tried out once. */
enum { MASK_UNDER_SHIFT = 6, MASK_BITS = 7, MASK_RAISE = 2 };
#define EXTOBJ_CAPSULE "numpy.ufunc.extobj"

static PyObject *np_errstate_key; /* 1.x: key in the thread's dictionary */
static PyObject *np_errstate_var; /* 2.x: the context variable; NULL = its layout is not known */

static int mask_under(long mask)
{
    return (int)(mask >> MASK_UNDER_SHIFT) & MASK_BITS;
}

/* The mask in a 2.x capsule, -1 = no such capsule. */
static int capsule_mask(PyObject *capsule)
{
    if (!PyCapsule_IsValid(capsule, EXTOBJ_CAPSULE))
        return -1;
    return *(const int *)PyCapsule_GetPointer(capsule, EXTOBJ_CAPSULE);
}

/* Does the mask of a capsule made with under=`mode` read as `expected`? */
static bool probe_capsule(PyObject *make, const char *mode, int expected)
{
    PyObject *args = PyTuple_New(0), *kwargs = Py_BuildValue("{s:s}", "under", mode);
    PyObject *capsule = args && kwargs ? PyObject_Call(make, args, kwargs) : NULL;
    int mask = capsule ? capsule_mask(capsule) : -1;
    Py_XDECREF(capsule);
    Py_XDECREF(kwargs);
    Py_XDECREF(args);
    PyErr_Clear();
    return mask >= 0 && mask_under(mask) == expected;
}

static void bind_errstate(PyObject *umath)
{
    if (PyArray_RUNTIME_VERSION < NPY_2_0_API_VERSION) {
        np_errstate_key = PyUnicode_InternFromString("UFUNC_PYVALS");
    } else {
        PyObject *var = PyDict_GetItemString(umath, "_extobj_contextvar");
        PyObject *make = PyDict_GetItemString(umath, "_make_extobj");
        if (var && PyContextVar_CheckExact(var) && make && probe_capsule(make, "ignore", 0) &&
            probe_capsule(make, "raise", MASK_RAISE)) {
            np_errstate_var = Py_NewRef(var);
        }
    }
    PyErr_Clear();
}

bool hl_np_underflow_ignored(void)
{
    if (np_errstate_var) {
        PyObject *capsule;
        if (PyContextVar_Get(np_errstate_var, NULL, &capsule) < 0 || capsule == NULL) {
            PyErr_Clear();
            return false;
        }
        int mask = capsule_mask(capsule);
        Py_DECREF(capsule); /* the context has one too */
        return mask >= 0 && mask_under(mask) == 0;
    }
    if (np_errstate_key) {
        PyObject *dict = PyThreadState_GetDict();
        PyObject *values = dict ? PyDict_GetItemWithError(dict, np_errstate_key) : NULL;
        if (values == NULL) /* never set in this thread: NumPy's default */
            return dict && !PyErr_Occurred();
        if (!PyList_Check(values) || PyList_GET_SIZE(values) < 2 ||
            !PyLong_CheckExact(PyList_GET_ITEM(values, 1))) {
            return false;
        }
        int overflow;
        long mask = PyLong_AsLongAndOverflow(PyList_GET_ITEM(values, 1), &overflow);
        return !overflow && mask_under(mask) == 0;
    }
    return false;
}

/* --- binding ---------------------------------------------------------------------------------- */

/* The namespace of a module that has been imported completely, borrowed; NULL = not there (yet).
 * Dictionaries are asked, not the module: a lazy module would import itself when touched. */
static PyObject *imported(const char *name)
{
    PyObject *module = PyDict_GetItemString(PyImport_GetModuleDict(), name);
    if (module == NULL || !PyModule_Check(module))
        return NULL;
    PyObject *dict = PyModule_GetDict(module);
    PyObject *spec = PyDict_GetItemString(dict, "__spec__");
    PyObject *busy = spec ? PyObject_GetAttrString(spec, "_initializing") : NULL;
    bool complete = busy == NULL || busy == Py_False;
    Py_XDECREF(busy);
    PyErr_Clear();
    return complete ? dict : NULL;
}

/* What NumPy's import_array does, without importing or raising. */
static void bind(PyObject *umath)
{
    PyObject *capsule = PyDict_GetItemString(umath, "_ARRAY_API");
    if (capsule == NULL || !PyCapsule_CheckExact(capsule))
        return;
    PyArray_API = (void **)PyCapsule_GetPointer(capsule, NULL);
    if (PyArray_API == NULL) {
        PyErr_Clear();
        return;
    }
    PyArray_RUNTIME_VERSION = (int)PyArray_GetNDArrayCFeatureVersion();
    if (PyArray_GetNDArrayCVersion() > NPY_VERSION ||
        PyArray_RUNTIME_VERSION < NPY_FEATURE_VERSION ||
        PyArray_GetEndianness() != NPY_CPU_LITTLE) {
        np_state = NP_UNUSABLE;
        return;
    }
    bind_errstate(umath);
    np_state = NP_READY;
}

bool hl_np_ready(void)
{
    if (HL_LIKELY(np_state != NP_UNKNOWN))
        return np_state == NP_READY;
    /* Most programs without NumPy end at this look-up. */
    if (PyDict_GetItemString(PyImport_GetModuleDict(), "numpy") == NULL)
        return false;
    /* The exceptions made and dropped on the way could start a collection, and that finalizers. */
    int collects = PyGC_Disable();
    if (imported("numpy")) {
        PyObject *umath = imported("numpy._core._multiarray_umath");
        if (umath == NULL)
            umath = imported("numpy.core._multiarray_umath"); /* its name in 1.x */
        if (umath)
            bind(umath);
    }
    if (collects)
        PyGC_Enable();
    return np_state == NP_READY;
}

bool hl_np_nep50(void)
{
    return np_state == NP_READY && PyArray_RUNTIME_VERSION >= NPY_2_0_API_VERSION;
}

/* --- types ------------------------------------------------------------------------------------ */

static HlDtype dtype_of_descr(const PyArray_Descr *descr)
{
    if (!PyArray_ISNBO(descr->byteorder))
        return HL_D_NONE;
    switch (descr->type_num) {
#define NP_CASE(name, num, cls)                                                                    \
    case num: return HL_D_##name;
        NP_DTYPEDEF(NP_CASE)
#undef NP_CASE
    case NPY_COMPLEX128: return HL_D_C128; /* its scalars are no single value */
    default: return HL_D_NONE;
    }
}

/* dtype of an exact ndarray that machine code may use: aligned, native, its writes never warn. */
static HlDtype dtype_of_array(PyArrayObject *arr)
{
    unsigned flags = (unsigned)PyArray_FLAGS(arr);
    if ((flags & (NPY_ARRAY_ALIGNED | NP_ARRAY_WARN_ON_WRITE)) != NPY_ARRAY_ALIGNED)
        return HL_D_NONE;
    return dtype_of_descr(PyArray_DESCR(arr));
}

bool hl_np_is_array(PyObject *o)
{
    return np_state == NP_READY && PyArray_CheckExact(o);
}

bool hl_np_is_scalar(PyObject *o)
{
    return np_state == NP_READY && PyArray_IsScalar(o, Generic);
}

HlType hl_np_type_of(PyObject *o)
{
    if (np_state != NP_READY)
        return HL_TYPE(VOID);
    if (PyArray_CheckExact(o)) {
        PyArrayObject *arr = (PyArrayObject *)o;
        HlDtype d = PyArray_NDIM(arr) == 1 ? dtype_of_array(arr) : HL_D_NONE;
        return d != HL_D_NONE ? HL_TYPE_ARR(d, 1) : HL_TYPE(VOID);
    }
#define NP_TEST(name, num, cls)                                                                    \
    if (Py_IS_TYPE(o, &cls)) {                                                                     \
        return HL_TYPE_NPS(HL_D_##name);                                                           \
    }
    NP_DTYPEDEF(NP_TEST)
#undef NP_TEST
    return HL_TYPE(VOID);
}

PyTypeObject *hl_np_scalar_type(HlDtype d)
{
    if (np_state != NP_READY)
        return NULL;
    switch (d) {
#define NP_CASE(name, num, cls)                                                                    \
    case HL_D_##name: return &cls;
        NP_DTYPEDEF(NP_CASE)
#undef NP_CASE
    case HL_D_C128: return &PyComplex128ArrType_Type;
    case HL_D_NONE:
    case HL_D__COUNT: break;
    }
    return NULL;
}

int hl_np_guard_array(void *obj, int d, int ndim)
{
    PyObject *o = obj;
    return hl_np_is_array(o) && PyArray_NDIM((PyArrayObject *)o) == ndim &&
           dtype_of_array((PyArrayObject *)o) == (HlDtype)d && d != HL_D_NONE;
}

bool hl_np_writeable(PyObject *arr)
{
    return PyArray_ISWRITEABLE((PyArrayObject *)arr);
}

/* --- scalars ---------------------------------------------------------------------------------- */

int64_t hl_np_unbox(PyObject *scalar, HlDtype d)
{
    int64_t word = 0;
    switch (d) {
    case HL_D_BOOL: word = PyArrayScalar_VAL(scalar, Bool) != 0; break;
    case HL_D_I64: word = PyArrayScalar_VAL(scalar, Int64); break;
    case HL_D_F64: memcpy(&word, &PyArrayScalar_VAL(scalar, Float64), sizeof word); break;
    case HL_D_C128:
    case HL_D_NONE:
    case HL_D__COUNT: HL_ASSERT(0);
    }
    return word;
}

PyObject *hl_np_box(int64_t word, HlDtype d)
{
    PyObject *o = NULL;
    switch (d) {
    case HL_D_BOOL: return Py_NewRef(word ? PyArrayScalar_True : PyArrayScalar_False);
    case HL_D_I64:
        if ((o = PyArrayScalar_New(Int64)) != NULL)
            PyArrayScalar_ASSIGN(o, Int64, word);
        break;
    case HL_D_F64:
        if ((o = PyArrayScalar_New(Float64)) != NULL)
            memcpy(&PyArrayScalar_VAL(o, Float64), &word, sizeof word);
        break;
    case HL_D_C128:
    case HL_D_NONE:
    case HL_D__COUNT: HL_ASSERT(0);
    }
    return o;
}

PyObject *hl_np_complex(Py_complex value)
{
    PyObject *o = PyArrayScalar_New(CDouble);
    if (o != NULL)
        memcpy(&PyArrayScalar_VAL(o, CDouble), &value, sizeof value);
    return o;
}

/* --- what machine code knows ------------------------------------------------------------------ */

void hl_np_fill_env(HlEmitEnv *env)
{
    env->guard_array = hl_np_guard_array;
    env->off_npi64 = offsetof(PyInt64ScalarObject, obval);
    env->off_npbool = offsetof(PyBoolScalarObject, obval);
    env->off_arr_data = offsetof(PyArrayObject_fields, data);
    env->off_arr_shape = offsetof(PyArrayObject_fields, dimensions);
    env->off_arr_strides = offsetof(PyArrayObject_fields, strides);
    env->off_arr_flags = offsetof(PyArrayObject_fields, flags);
    env->arr_writeable = NPY_ARRAY_WRITEABLE;
}
