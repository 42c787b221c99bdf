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
#include <numpy/ufuncobject.h>

#include "hl_np.h"

#include "hl_copy.h"

#if NPY_ABI_VERSION < 0x02000000
#error "NumPy 2.x headers are needed to build (they run on NumPy 1.24 and newer)"
#endif

/* A dtype that machine code knows: its type number and its name in NumPy's macros. long and long long
 * both have 64 bits here; np.int64 is the first, and only exact np.int64 is HL_D_I64. */
#define NP_DTYPEDEF(_)                                                                             \
    _(BOOL, NPY_BOOL, Bool)                                                                        \
    _(I64, NPY_INT64, Int64)                                                                       \
    _(F64, NPY_FLOAT64, Float64)                                                                   \
    _(I8, NPY_INT8, Int8)                                                                          \
    _(I16, NPY_INT16, Int16)                                                                       \
    _(I32, NPY_INT32, Int32)                                                                       \
    _(U8, NPY_UINT8, UInt8)                                                                        \
    _(U16, NPY_UINT16, UInt16)                                                                     \
    _(U32, NPY_UINT32, UInt32)                                                                     \
    _(U64, NPY_UINT64, UInt64)                                                                     \
    _(F32, NPY_FLOAT32, Float32)

/* The complex ones, whose scalars are no single value. */
#define NP_COMPLEXDEF(_)                                                                           \
    _(C64, NPY_COMPLEX64, Complex64)                                                               \
    _(C128, NPY_COMPLEX128, Complex128)

/* NumPy's private flag of arrays whose first write warns (np.broadcast_arrays). */
#define NP_ARRAY_WARN_ON_WRITE (1U << 31)

HL_STATIC_ASSERT(sizeof(npy_intp) == 8 && sizeof(npy_bool) == 1, "64-bit NumPy");
#define NP_SAME_PLACE(name, num, cls)                                                              \
    HL_STATIC_ASSERT(offsetof(Py##cls##ScalarObject, obval) ==                                     \
                         offsetof(PyInt64ScalarObject, obval),                                     \
                     "scalars have their value in one place");
NP_DTYPEDEF(NP_SAME_PLACE)
NP_COMPLEXDEF(NP_SAME_PLACE)
#undef NP_SAME_PLACE
HL_STATIC_ASSERT(offsetof(PyDoubleScalarObject, obval) == offsetof(PyFloatObject, ob_fval),
                 "np.float64 is laid out as float");
HL_STATIC_ASSERT(offsetof(PyComplex64ScalarObject, obval) == offsetof(PyComplexObject, cval),
                 "complex numbers of all classes begin in one place");

static enum { NP_UNKNOWN, NP_READY, NP_UNUSABLE } np_state;

static PyTypeObject *np_ufunc_type; /* NULL = not found */
static PyObject *np_umath;          /* namespace of the module that has the ufuncs */

/* --- np.errstate ---------------------------------------------------------------------------------
 * NumPy 1.x keeps [bufsize, mask, callback] in the thread's dictionary, 2.x a capsule in a context
 * variable whose memory begins with the mask. That is no public layout, so it is tried out once. */
enum { MASK_OVER_SHIFT = 3, MASK_UNDER_SHIFT = 6, MASK_BITS = 7, MASK_RAISE = 2 };
enum { MASK_DEFAULT = 1 << MASK_OVER_SHIFT }; /* warn, and what nobody asks for here */
#define EXTOBJ_CAPSULE "numpy.ufunc.extobj"

static PyObject *np_errstate_key; /* 1.x: key in the thread's dictionary */
static PyObject *np_errstate_var; /* 2.x: the context variable; NULL = its layout is not known */

static int mask_field(long mask, int shift)
{
    return (int)(mask >> shift) & MASK_BITS;
}

/* The mask in a 2.x capsule, -1 = no such capsule. */
static int capsule_mask(PyObject *capsule)
{
    if (!PyCapsule_IsValid(capsule, EXTOBJ_CAPSULE))
        return -1;
    return *(const int *)PyCapsule_GetPointer(capsule, EXTOBJ_CAPSULE);
}

/* Does the mask of a capsule made with `kind`=`mode` read as `expected`? */
static bool probe_capsule(PyObject *make, const char *kind, int shift, const char *mode,
                          int expected)
{
    PyObject *args = PyTuple_New(0), *kwargs = Py_BuildValue("{s:s}", kind, mode);
    PyObject *capsule = args && kwargs ? PyObject_Call(make, args, kwargs) : NULL;
    int mask = capsule ? capsule_mask(capsule) : -1;
    Py_XDECREF(capsule);
    Py_XDECREF(kwargs);
    Py_XDECREF(args);
    PyErr_Clear();
    return mask >= 0 && mask_field(mask, shift) == expected;
}

static void bind_errstate(PyObject *umath)
{
    if (PyArray_RUNTIME_VERSION < NPY_2_0_API_VERSION) {
        np_errstate_key = PyUnicode_InternFromString("UFUNC_PYVALS");
    } else {
        PyObject *var = PyDict_GetItemString(umath, "_extobj_contextvar");
        PyObject *make = PyDict_GetItemString(umath, "_make_extobj");
        if (var && PyContextVar_CheckExact(var) && make &&
            probe_capsule(make, "under", MASK_UNDER_SHIFT, "ignore", 0) &&
            probe_capsule(make, "under", MASK_UNDER_SHIFT, "raise", MASK_RAISE) &&
            probe_capsule(make, "over", MASK_OVER_SHIFT, "ignore", 0) &&
            probe_capsule(make, "over", MASK_OVER_SHIFT, "raise", MASK_RAISE)) {
            np_errstate_var = Py_NewRef(var);
        }
    }
    PyErr_Clear();
}

/* The mask of this thread and context, -1 = not known. */
static long errstate_mask(void)
{
    if (np_errstate_var) {
        PyObject *capsule;
        if (PyContextVar_Get(np_errstate_var, NULL, &capsule) < 0 || capsule == NULL) {
            PyErr_Clear();
            return -1;
        }
        int mask = capsule_mask(capsule);
        Py_DECREF(capsule); /* the context has one too */
        return mask;
    }
    if (np_errstate_key) {
        PyObject *dict = PyThreadState_GetDict();
        PyObject *values = dict ? PyDict_GetItemWithError(dict, np_errstate_key) : NULL;
        if (values == NULL) /* never set in this thread */
            return dict && !PyErr_Occurred() ? MASK_DEFAULT : -1;
        if (!PyList_Check(values) || PyList_GET_SIZE(values) < 2 ||
            !PyLong_CheckExact(PyList_GET_ITEM(values, 1))) {
            return -1;
        }
        int overflow;
        long mask = PyLong_AsLongAndOverflow(PyList_GET_ITEM(values, 1), &overflow);
        return overflow ? -1 : mask;
    }
    return -1;
}

bool hl_np_underflow_ignored(void)
{
    long mask = errstate_mask();
    return mask >= 0 && mask_field(mask, MASK_UNDER_SHIFT) == 0;
}

bool hl_np_overflow_ignored(void)
{
    long mask = errstate_mask();
    return mask >= 0 && mask_field(mask, MASK_OVER_SHIFT) == 0;
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
    PyObject *sample = PyDict_GetItemString(umath, "sin");
    np_ufunc_type = sample ? Py_TYPE(sample) : NULL;
    np_umath = Py_NewRef(umath);
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
        NP_COMPLEXDEF(NP_CASE)
#undef NP_CASE
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

HlType hl_np_type_of(PyObject *o)
{
    if (np_state != NP_READY)
        return HL_TYPE(VOID);
    if (PyArray_CheckExact(o)) {
        PyArrayObject *arr = (PyArrayObject *)o;
        int ndim = PyArray_NDIM(arr);
        HlDtype d = ndim >= 1 && ndim <= HL_MAX_NDIM ? dtype_of_array(arr) : HL_D_NONE;
        return d != HL_D_NONE ? HL_TYPE_ARR(d, (uint8_t)ndim) : HL_TYPE(VOID);
    }
#define NP_TEST(name, num, cls)                                                                    \
    if (Py_IS_TYPE(o, &Py##cls##ArrType_Type)) {                                                   \
        return HL_TYPE_NPS(HL_D_##name);                                                           \
    }
    NP_DTYPEDEF(NP_TEST)
#undef NP_TEST
    return HL_TYPE(VOID);
}

HlType hl_np_complex_type(PyObject *o)
{
#define NP_TEST(name, num, cls)                                                                    \
    if (np_state == NP_READY && Py_IS_TYPE(o, &Py##cls##ArrType_Type)) {                           \
        return HL_TYPE_NPS(HL_D_##name);                                                           \
    }
    NP_COMPLEXDEF(NP_TEST)
#undef NP_TEST
    return HL_TYPE(VOID);
}

PyTypeObject *hl_np_scalar_type(HlDtype d)
{
    if (np_state != NP_READY)
        return NULL;
    switch (d) {
#define NP_CASE(name, num, cls)                                                                    \
    case HL_D_##name: return &Py##cls##ArrType_Type;
        NP_DTYPEDEF(NP_CASE)
        NP_COMPLEXDEF(NP_CASE)
#undef NP_CASE
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

bool hl_np_is_lasting_dtype(PyObject *o)
{
    if (np_state != NP_READY || !PyArray_DescrCheck(o))
        return false;
    int num = ((PyArray_Descr *)o)->type_num;
    PyArray_Descr *own =
        PyTypeNum_ISNUMBER(num) || PyTypeNum_ISBOOL(num) ? PyArray_DescrFromType(num) : NULL;
    Py_XDECREF(own);
    PyErr_Clear();
    return own == (PyArray_Descr *)o;
}

bool hl_np_copies(PyObject *to, PyObject *from)
{
    PyArrayObject *t = (PyArrayObject *)to, *f = (PyArrayObject *)from;
    return hl_copy_order((intptr_t)PyArray_DATA(t), PyArray_STRIDE(t, 0), PyArray_DIM(t, 0),
                         (intptr_t)PyArray_DATA(f), PyArray_STRIDE(f, 0), PyArray_ITEMSIZE(t)) != 0;
}

bool hl_np_unit_stride(PyObject *arr, int axis)
{
    PyArrayObject *a = (PyArrayObject *)arr;
    return PyArray_STRIDE(a, axis) == PyArray_ITEMSIZE(a);
}

int64_t hl_np_length(PyObject *arr, int axis)
{
    return PyArray_DIM((PyArrayObject *)arr, axis);
}

PyObject *hl_np_view(PyObject *o, void *data, HlType row, const int64_t *own)
{
    PyArrayObject *arr = (PyArrayObject *)o;
    PyArray_Descr *descr = PyArray_DESCR(arr);
    HlRowAxis axis[HL_MAX_NDIM];
    npy_intp dims[HL_MAX_NDIM], strides[HL_MAX_NDIM];
    hl_row_axes(row, axis);
    for (int i = 0; i < row.ndim; i++) {
        int of = PyArray_NDIM(arr) - 1 - axis[i].back;
        dims[i] = axis[i].kind == HL_AXIS_WHOLE ? PyArray_DIM(arr, of) : (npy_intp)*own++;
        strides[i] = axis[i].kind == HL_AXIS_STEPPED ? (npy_intp)*own++ : PyArray_STRIDE(arr, of);
    }
    Py_INCREF(descr);
    PyObject *view = PyArray_NewFromDescr(&PyArray_Type, descr, row.ndim, dims, strides, data,
                                          PyArray_FLAGS(arr), NULL);
    if (view && PyArray_SetBaseObject((PyArrayObject *)view, Py_NewRef(o)) < 0)
        Py_CLEAR(view);
    return view;
}

bool hl_np_is_silent_view(PyObject *o)
{
    if (!hl_np_is_array(o) || !PyArray_BASE((PyArrayObject *)o))
        return false;
    for (; o; o = PyArray_BASE((PyArrayObject *)o)) {
        const PyArrayObject_fields *fields = (const PyArrayObject_fields *)o;
        PyArrayObject *arr = (PyArrayObject *)o;
        if (!hl_np_is_array(o) || fields->weakreflist ||
            dtype_of_descr(PyArray_DESCR(arr)) == HL_D_NONE ||
            PyArray_CHKFLAGS(arr, NPY_ARRAY_WRITEBACKIFCOPY))
            return false;
    }
    return true;
}

/* --- scalars ---------------------------------------------------------------------------------- */

int64_t hl_np_unbox(PyObject *scalar, HlDtype d)
{
    int64_t word = 0;
    double f;
    switch (d) {
    case HL_D_BOOL: word = PyArrayScalar_VAL(scalar, Bool) != 0; break;
    case HL_D_I64: word = PyArrayScalar_VAL(scalar, Int64); break;
    case HL_D_I8: word = PyArrayScalar_VAL(scalar, Int8); break;
    case HL_D_I16: word = PyArrayScalar_VAL(scalar, Int16); break;
    case HL_D_I32: word = PyArrayScalar_VAL(scalar, Int32); break;
    case HL_D_U8: word = PyArrayScalar_VAL(scalar, UInt8); break;
    case HL_D_U16: word = PyArrayScalar_VAL(scalar, UInt16); break;
    case HL_D_U32: word = PyArrayScalar_VAL(scalar, UInt32); break;
    case HL_D_U64: word = (int64_t)PyArrayScalar_VAL(scalar, UInt64); break;
    case HL_D_F64: memcpy(&word, &PyArrayScalar_VAL(scalar, Float64), sizeof word); break;
    case HL_D_F32:
        f = PyArrayScalar_VAL(scalar, Float32);
        memcpy(&word, &f, sizeof word);
        break;
    case HL_D_C64:
    case HL_D_C128:
    case HL_D_NONE:
    case HL_D__COUNT: HL_ASSERT(0);
    }
    return word;
}

void hl_np_unbox_complex(PyObject *scalar, HlDtype d, int64_t *word)
{
    const void *parts = &PyArrayScalar_VAL(scalar, Complex64);
    npy_float32 single[2];
    if (d == HL_D_C64) {
        memcpy(single, parts, sizeof single);
        const double wide[2] = {single[0], single[1]};
        memcpy(word, wide, sizeof wide);
    } else {
        memcpy(word, parts, 2 * sizeof(double));
    }
}

#define NP_BOX_INT(name, cls, type)                                                                \
    case HL_D_##name:                                                                              \
        if ((o = PyArrayScalar_New(cls)) != NULL)                                                  \
            PyArrayScalar_ASSIGN(o, cls, (type)word);                                              \
        break;

PyObject *hl_np_box(int64_t word, HlDtype d)
{
    PyObject *o = NULL;
    double f;
    switch (d) {
    case HL_D_BOOL:
        return Py_NewRef(word ? PyArrayScalar_True : PyArrayScalar_False);
        NP_BOX_INT(I8, Int8, npy_int8)
        NP_BOX_INT(I16, Int16, npy_int16)
        NP_BOX_INT(I32, Int32, npy_int32)
        NP_BOX_INT(I64, Int64, npy_int64)
        NP_BOX_INT(U8, UInt8, npy_uint8)
        NP_BOX_INT(U16, UInt16, npy_uint16)
        NP_BOX_INT(U32, UInt32, npy_uint32)
        NP_BOX_INT(U64, UInt64, npy_uint64)
    case HL_D_F32:
        memcpy(&f, &word, sizeof f);
        if ((o = PyArrayScalar_New(Float32)) != NULL)
            PyArrayScalar_ASSIGN(o, Float32, (npy_float32)f);
        break;
    case HL_D_F64:
        if ((o = PyArrayScalar_New(Float64)) != NULL)
            memcpy(&PyArrayScalar_VAL(o, Float64), &word, sizeof word);
        break;
    case HL_D_C64:
    case HL_D_C128:
    case HL_D_NONE:
    case HL_D__COUNT: HL_ASSERT(0);
    }
    return o;
}

PyObject *hl_np_box_complex(const int64_t *word, HlDtype d)
{
    PyTypeObject *type = hl_np_scalar_type(d);
    PyObject *o = type->tp_alloc(type, 0);
    double wide[2];
    if (!o)
        return NULL;
    void *parts = &PyArrayScalar_VAL(o, Complex64);
    memcpy(wide, word, sizeof wide);
    if (d == HL_D_C64) {
        const npy_float32 single[2] = {(npy_float32)wide[0], (npy_float32)wide[1]};
        memcpy(parts, single, sizeof single);
    } else {
        memcpy(parts, wide, sizeof wide);
    }
    return o;
}

/* --- promotion -------------------------------------------------------------------------------- */

HlDtype hl_np_dtype_of_type(PyObject *type)
{
    for (int d = HL_D_NONE + 1; np_state == NP_READY && d < HL_D__COUNT; d++)
        if (type == (PyObject *)hl_np_scalar_type((HlDtype)d))
            return (HlDtype)d;
    return HL_D_NONE;
}

static int type_num_of(HlType t)
{
    switch ((HlBase)t.base) {
    case HL_T_BOOL: return NPY_BOOL;
    case HL_T_I64: return NPY_LONG;
    case HL_T_F64: return NPY_DOUBLE;
    case HL_T_COMPLEX: return NPY_CDOUBLE;
    case HL_T_NPS:
        switch ((HlDtype)t.dtype) {
#define NP_CASE(name, num, cls)                                                                    \
    case HL_D_##name: return num;
            NP_DTYPEDEF(NP_CASE)
            NP_COMPLEXDEF(NP_CASE)
#undef NP_CASE
        case HL_D_NONE:
        case HL_D__COUNT: break;
        }
        break;
    default: break;
    }
    return -1;
}

/* Under NEP 50 a Python number has no dtype of its own beside a NumPy scalar of dtype d, unless it is
 * of a higher kind: bool, int, float, complex. */
static HlDtype promote_weak(HlDtype d, HlType python)
{
    bool inexact = hl_dtype_is_float(d) || hl_dtype_is_complex(d);
    if (python.base == HL_T_I64 && d == HL_D_BOOL)
        return HL_D_I64;
    if (python.base == HL_T_F64 && !inexact)
        return HL_D_F64;
    if (python.base == HL_T_COMPLEX && !hl_dtype_is_complex(d))
        return d == HL_D_F32 ? HL_D_C64 : HL_D_C128;
    return d;
}

HlDtype hl_np_promote(HlType a, HlType b)
{
    if (np_state != NP_READY)
        return HL_D_NONE;
    if (hl_np_nep50() && a.base != b.base)
        return a.base == HL_T_NPS ? promote_weak((HlDtype)a.dtype, b)
                                  : promote_weak((HlDtype)b.dtype, a);
    PyArray_Descr *x = PyArray_DescrFromType(type_num_of(a));
    PyArray_Descr *y = PyArray_DescrFromType(type_num_of(b));
    PyArray_Descr *common = x && y ? PyArray_PromoteTypes(x, y) : NULL;
    HlDtype d = common ? dtype_of_descr(common) : HL_D_NONE;
    Py_XDECREF(x);
    Py_XDECREF(y);
    Py_XDECREF(common);
    PyErr_Clear();
    return d;
}

/* --- ufuncs ------------------------------------------------------------------------------------ */

bool hl_np_is_ufunc(PyObject *o)
{
    if (np_state != NP_READY || !np_ufunc_type || !Py_IS_TYPE(o, np_ufunc_type))
        return false;
    bool own = PyDict_GetItemString(np_umath, ((PyUFuncObject *)o)->name) == o;
    PyErr_Clear();
    return own;
}

PyObject *hl_np_power(void)
{
    PyObject *o = np_umath ? PyDict_GetItemString(np_umath, "power") : NULL;
    PyErr_Clear();
    return o && hl_np_is_ufunc(o) ? o : NULL;
}

const char *hl_np_ufunc_name(PyObject *ufunc)
{
    return ((PyUFuncObject *)ufunc)->name;
}

int hl_np_ufunc_loop(void *ufunc, int dtype, int nin, HlUfuncLoop *out)
{
    const PyUFuncObject *u = ufunc;
    int num = dtype == HL_D_F32 ? NPY_FLOAT : NPY_DOUBLE;
    if (u->nin != nin || u->nout != 1 || u->core_enabled)
        return 0;
    for (int i = 0; i < u->ntypes; i++) {
        bool fits = u->functions[i] != NULL;
        for (int k = 0; k < u->nargs; k++)
            fits = fits && u->types[i * u->nargs + k] == num;
        if (fits) {
            *out = (HlUfuncLoop){.run = u->functions[i], .data = u->data ? u->data[i] : NULL};
            return 1;
        }
    }
    return 0;
}

/* --- what machine code knows ------------------------------------------------------------------ */

void hl_np_fill_env(HlEmitEnv *env)
{
    env->guard_array = hl_np_guard_array;
    env->ufunc_loop = hl_np_ufunc_loop;
    env->off_npi64 = offsetof(PyInt64ScalarObject, obval);
    env->off_npbool = offsetof(PyBoolScalarObject, obval);
    env->off_arr_data = offsetof(PyArrayObject_fields, data);
    env->off_arr_shape = offsetof(PyArrayObject_fields, dimensions);
    env->off_arr_strides = offsetof(PyArrayObject_fields, strides);
    env->off_arr_flags = offsetof(PyArrayObject_fields, flags);
    env->off_arr_dtype = offsetof(PyArrayObject_fields, descr);
    env->arr_writeable = NPY_ARRAY_WRITEABLE;
}
