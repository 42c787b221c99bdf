/* hl_iter_311.c - CPython 3.11's iterators over sequences: reading, moving and making them.
 *
 * Their structs are private to Objects/listobject.c, tupleobject.c, bytesobject.c, iterobject.c,
 * enumobject.c and Python/bltinmodule.c (3.11); all that are used here are tried out at start. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "hl_hook.h"

#if PY_VERSION_HEX < 0x030b0000 || PY_VERSION_HEX >= 0x030c0000
#error "this file knows the iterators of CPython 3.11"
#endif

/* Iterators of lists (both ways), tuples, bytes, everything with __getitem__, and reversed(). */
typedef struct SeqIter {
    PyObject_HEAD Py_ssize_t index;
    PyObject *seq; /* NULL = exhausted */
} SeqIter;

typedef struct EnumIter {
    PyObject_HEAD Py_ssize_t index;
    PyObject *it;
    PyObject *result;
    PyObject *long_index; /* the number, once it does not fit `index` */
} EnumIter;

typedef struct ZipIter {
    PyObject_HEAD Py_ssize_t size;
    PyObject *iters; /* tuple */
    PyObject *result;
    int strict;
} ZipIter;

/* HL_SLOT_SEQ, HL_SLOT_REVERSED, or HL_SLOT_UNBOUND for another object. */
static int seq_kind(PyObject *o)
{
    if (Py_IS_TYPE(o, &PyListIter_Type) || Py_IS_TYPE(o, &PyTupleIter_Type) ||
        Py_IS_TYPE(o, &PyBytesIter_Type) || Py_IS_TYPE(o, &PySeqIter_Type))
        return HL_SLOT_SEQ;
    if (Py_IS_TYPE(o, &PyListRevIter_Type) || Py_IS_TYPE(o, &PyReversed_Type))
        return HL_SLOT_REVERSED;
    return HL_SLOT_UNBOUND;
}

/* An iterator inside another one. */
static SeqIter *inner(PyObject *o)
{
    return seq_kind(o) == HL_SLOT_SEQ && Py_REFCNT(o) == 1 && ((SeqIter *)o)->seq ? (SeqIter *)o
                                                                                  : NULL;
}

static bool enum_get(EnumIter *e, HlIter *it)
{
    SeqIter *s = inner(e->it);
    if (!s || e->long_index)
        return false;
    *it = (HlIter){
        .kind = HL_SLOT_ENUM, .index = s->index, .nseq = 1, .count = e->index, .seq = {s->seq}};
    return true;
}

static bool zip_get(ZipIter *z, HlIter *it)
{
    if (z->size < 1 || z->size > HL_ITER_SEQS || z->strict || !z->iters || Py_REFCNT(z->iters) != 1)
        return false;
    *it = (HlIter){.kind = HL_SLOT_ZIP, .nseq = (uint8_t)z->size};
    for (int i = 0; i < it->nseq; i++) {
        const SeqIter *s = inner(PyTuple_GET_ITEM(z->iters, i));
        if (!s || (i && s->index != it->index))
            return false;
        it->index = s->index;
        it->seq[i] = s->seq;
    }
    return true;
}

bool hl_iter_get(PyObject *o, HlIter *it)
{
    int kind = seq_kind(o);
    if (kind != HL_SLOT_UNBOUND) {
        const SeqIter *s = (const SeqIter *)o;
        *it = (HlIter){.kind = (uint8_t)kind, .nseq = 1, .index = s->index, .seq = {s->seq}};
        return s->seq != NULL;
    }
    if (Py_IS_TYPE(o, &PyEnum_Type))
        return enum_get((EnumIter *)o, it);
    return Py_IS_TYPE(o, &PyZip_Type) && zip_get((ZipIter *)o, it);
}

void hl_iter_set(PyObject *o, const HlIter *it)
{
    if (it->kind == HL_SLOT_ENUM) {
        EnumIter *e = (EnumIter *)o;
        e->index = it->count;
        ((SeqIter *)e->it)->index = it->index;
    } else if (it->kind == HL_SLOT_ZIP) {
        ZipIter *z = (ZipIter *)o;
        for (int i = 0; i < it->nseq; i++)
            ((SeqIter *)PyTuple_GET_ITEM(z->iters, i))->index = it->index;
    } else {
        ((SeqIter *)o)->index = it->index;
    }
}

/* reversed() of a list makes an iterator of its own kind, as __reversed__ does. */
static PyObject *iter_make(const HlIter *it)
{
    switch (it->kind) {
    case HL_SLOT_SEQ: return PyObject_GetIter(it->seq[0]);
    case HL_SLOT_REVERSED: return PyObject_CallOneArg((PyObject *)&PyReversed_Type, it->seq[0]);
    case HL_SLOT_ENUM: return PyObject_CallOneArg((PyObject *)&PyEnum_Type, it->seq[0]);
    default: return PyObject_Vectorcall((PyObject *)&PyZip_Type, it->seq, it->nseq, NULL);
    }
}

PyObject *hl_iter_new(const HlIter *it)
{
    int collects = PyGC_Disable();
    PyObject *o = iter_make(it);
    if (collects)
        PyGC_Enable();
    if (o)
        hl_iter_set(o, it);
    return o;
}

/* -- Start --------------------------------------------------------------------------------------- */

/* An iterator of that kind over [1, 2, 3] is made at index 1 and asked for what comes next. */
static int probe(uint8_t kind, PyObject *seq, long expected)
{
    HlIter at = {.kind = kind, .nseq = 1, .index = 1, .count = 7}, seen = {0};
    if (kind == HL_SLOT_ZIP)
        at.nseq = HL_ITER_SEQS;
    for (int i = 0; i < at.nseq; i++)
        at.seq[i] = seq;
    PyObject *o = hl_iter_new(&at);
    PyObject *item = o ? PyIter_Next(o) : NULL;
    bool right = item && hl_iter_get(o, &seen) && seen.nseq == at.nseq &&
                 seen.seq[at.nseq - 1] == seq && seen.index == (kind == HL_SLOT_REVERSED ? 0 : 2) &&
                 (kind != HL_SLOT_ENUM || seen.count == 8);
    PyObject *value = right && PyTuple_Check(item) ? PyTuple_GET_ITEM(item, 1) : item;
    right = right && PyLong_Check(value) && PyLong_AsLong(value) == expected;
    Py_XDECREF(item);
    Py_XDECREF(o);
    if (!right && !PyErr_Occurred())
        PyErr_Format(PyExc_ImportError, "this CPython %.20s differs from %s: iterators",
                     Py_GetVersion(), PY_VERSION);
    return right ? 0 : -1;
}

int hl_iter_init(void)
{
    if (PyEnum_Type.tp_basicsize < (Py_ssize_t)sizeof(EnumIter) ||
        PyZip_Type.tp_basicsize != sizeof(ZipIter) ||
        PyListIter_Type.tp_basicsize != sizeof(SeqIter)) {
        PyErr_SetString(PyExc_ImportError, "iterators have another layout than CPython 3.11's");
        return -1;
    }
    PyObject *seqs[] = {Py_BuildValue("[iii]", 1, 2, 3), Py_BuildValue("(iii)", 1, 2, 3),
                        PyBytes_FromString("\1\2\3")};
    int result = 0;
    for (int i = 0; i < 3; i++) {
        result |= seqs[i] ? 0 : -1;
        for (uint8_t kind = HL_SLOT_SEQ; !result && kind <= HL_SLOT_ZIP; kind++)
            result = probe(kind, seqs[i], 2);
    }
    for (int i = 0; i < 3; i++)
        Py_XDECREF(seqs[i]);
    return result;
}
