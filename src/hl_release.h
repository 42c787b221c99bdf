/* hl_release.h - references that machine code gives up.
 *
 * Machine code holds borrowed pointers to list items, so nothing may be freed while it runs: an item
 * that it replaces or pops lives on here until the frame has been rebuilt. That can only be done with
 * objects whose death nobody sees. What is here is released before any Python code runs. With the GIL. */
#ifndef HL_RELEASE_H
#define HL_RELEASE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* Is it a number, string or the like, for whose end no code runs? */
bool hl_dies_silently(PyObject *o);
/* Takes over a reference; false = it does not, the object's death could be seen or there is no room. */
bool hl_release_later(PyObject *o);
void hl_release_all(void);

#endif
