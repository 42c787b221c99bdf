/* hl_rt.h - what machine code calls in the core, and where it finds things in Python's objects. */
#ifndef HL_RT_H
#define HL_RT_H

#include "hl_emit.h"
#include "hl_region.h"

/* Fills env for a region's compile; `objects` (the KOBJ table) must outlive it. With the GIL. */
void hl_rt_fill_env(HlEmitEnv *env, HlRegion *r, void *const *objects);

/* The object that a name of the region's globals has now: borrowed, NULL = missing. A dictionary's
 * version changes at every store into it, so that is only a reason to look again. */
PyObject *hl_rt_global(HlGlobals *globals, int64_t index);
/* The same, looked up where a Python function does. */
PyObject *hl_rt_func_global(HlGlobals *globals, int64_t index, PyObject *func);
/* What a Python function gives to a slot of its frame when the call does not: a parameter's default,
 * the content of a free variable's cell. Borrowed, NULL = nothing. */
PyObject *hl_rt_func_value(PyObject *func, int64_t slot);

#endif
