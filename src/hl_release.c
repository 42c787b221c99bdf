/* hl_release.c - references that machine code gives up, until it is left. */
#include "hl_release.h"

#include "hl_np.h"

enum { RELEASE_ROOM = 8192 };

static PyObject *waiting[RELEASE_ROOM];
static int nwaiting;

bool hl_dies_silently(PyObject *o)
{
    return o == Py_None || PyLong_CheckExact(o) || PyFloat_CheckExact(o) || PyBool_Check(o) ||
           PyUnicode_CheckExact(o) || PyBytes_CheckExact(o) || PyComplex_CheckExact(o) ||
           hl_np_type_of(o).base == HL_T_NPS || hl_np_is_silent_view(o);
}

bool hl_release_later(PyObject *o)
{
    if (nwaiting == RELEASE_ROOM || !hl_dies_silently(o))
        return false;
    waiting[nwaiting++] = o;
    return true;
}

void hl_release_all(void)
{
    while (nwaiting)
        Py_DECREF(waiting[--nwaiting]);
}
