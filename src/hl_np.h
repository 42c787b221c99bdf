/* hl_np.h - NumPy as the core sees it; hl_np.c is the only file with NumPy's headers. NumPy is never
 * imported by hotloop: hl_np_ready looks whether the program has done it. */
#ifndef HL_NP_H
#define HL_NP_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "hl_emit.h"
#include "hl_type.h"

/* true once the program has imported NumPy and its C API is bound; cheap after that. While it is false
 * no object is a NumPy object. Never raises. */
bool hl_np_ready(void);
/* HlType of a NumPy object: NPS for an exact scalar of a dtype we know that is one value, ARR for an exact
 * ndarray of a dtype we know (native byte order, aligned, 1 to HL_MAX_NDIM dimensions); VOID for everything
 * else. */
HlType hl_np_type_of(PyObject *o);
HlType hl_np_complex_type(PyObject *o); /* NPS for an exact scalar of a complex dtype, or VOID */
bool hl_np_is_array(PyObject *o);       /* exact ndarray of any dtype */
bool hl_np_writeable(PyObject *arr);
/* Is the object one of NumPy's own dtypes of numbers, in native byte order, which live as long as NumPy does? */
bool hl_np_is_lasting_dtype(PyObject *o);
/* Does machine code copy the items of one array with one axis into another (hl_copy.h)? */
bool hl_np_copies(PyObject *to, PyObject *from);
/* Do the items along an axis lie next to each other? */
bool hl_np_unit_stride(PyObject *arr, int axis);
/* The length of an axis. */
int64_t hl_np_length(PyObject *arr, int axis);
/* The view of an array whose items begin at `data`, as indexing makes it; row: the type of that address, own:
 * what the view has of its own (hl_row_own). New reference, NULL = out of memory, exception set. */
PyObject *hl_np_view(PyObject *arr, void *data, HlType row, const int64_t *own);
/* A view of another array, the end of both of which nobody would see. */
bool hl_np_is_silent_view(PyObject *o);
/* Scalars: word = the value as machine code holds it; the two words of a complex number are its parts. */
int64_t hl_np_unbox(PyObject *scalar, HlDtype d);
PyObject *hl_np_box(int64_t word,
                    HlDtype d); /* new reference; NULL = out of memory, exception set */
void hl_np_unbox_complex(PyObject *scalar, HlDtype d, int64_t *word);
PyObject *hl_np_box_complex(const int64_t *word, HlDtype d); /* as hl_np_box */
PyTypeObject *hl_np_scalar_type(HlDtype d);                  /* borrowed; NULL before hl_np_ready */
/* 1 = exact ndarray of dtype d and ndim dimensions, native byte order, aligned. */
int hl_np_guard_array(void *obj, int d, int ndim);
/* Fills the NumPy offsets of env (needs hl_np_ready). */
void hl_np_fill_env(HlEmitEnv *env);
/* true when np.errstate(under=...) is 'ignore' in this thread and context, NumPy's default. */
bool hl_np_underflow_ignored(void);
/* The same for np.errstate(over=...), whose default is 'warn'. */
bool hl_np_overflow_ignored(void);
/* One of NumPy's own ufuncs, which live as long as the process. */
bool hl_np_is_ufunc(PyObject *o);
PyObject *hl_np_power(void); /* np.power, borrowed; NULL = not found */
const char *hl_np_ufunc_name(PyObject *ufunc);
/* HlEmitEnv.ufunc_loop; looks only at what never changes, and needs no GIL. */
int hl_np_ufunc_loop(void *ufunc, int dtype, int nin, HlUfuncLoop *out);
/* The dtype whose scalar type this object is; HL_D_NONE = none that machine code knows. */
HlDtype hl_np_dtype_of_type(PyObject *type);
/* The dtype to which NumPy converts two numbers, one of them at least a NumPy scalar, before it
 * adds or compares them; HL_D_NONE = none that machine code knows. */
HlDtype hl_np_promote(HlType a, HlType b);
/* Does this NumPy follow NEP 50 (2.x: Python scalars are weak)? */
bool hl_np_nep50(void);

#endif
