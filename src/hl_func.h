/* hl_func.h - hotloop.Function, the callable that @jit returns for a Python function. */
#ifndef HL_FUNC_H
#define HL_FUNC_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

extern PyTypeObject HlFunction_Type;

/* Wraps a Python function (or the one in a Function). threshold 0 = the default; fastmath: HL_FAST_*.
 * NULL with an exception: TypeError for anything else. */
PyObject *hl_func_new(PyObject *func, int threshold, bool nopython, int fastmath);
/* Where machine code finds it in a Function. */
extern const int32_t hl_func_offset;
/* The Python function inside; borrowed. */
PyFunctionObject *hl_func_function(PyObject *self);
int hl_func_fastmath(PyObject *self); /* HL_FAST_* */

#endif
