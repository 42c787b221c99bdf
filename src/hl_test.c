/* hl_test.c - failures that tests order, and what tells whether they left something behind. Only in
 * builds with --enable-debug. */
#include "hl_test.h"

#ifdef HL_DEBUG
#include <string.h>

#include "hl_mem.h"
#include "hl_region.h"

/* -- Python's allocators ----------------------------------------------------------------------- */

/* Those that are called with the GIL; the order of PyMemAllocatorDomain. */
static const PyMemAllocatorDomain domains[] = {PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ};
static PyMemAllocatorEx base[HL_COUNTOF(domains)];
static long python_calls, python_fail; /* python_fail 0 = the hooks are not in */

static bool python_refuse(void)
{
    return ++python_calls == python_fail;
}

static void *test_malloc(void *ctx, size_t size)
{
    PyMemAllocatorEx *a = ctx;
    return python_refuse() ? NULL : a->malloc(a->ctx, size);
}

static void *test_calloc(void *ctx, size_t n, size_t size)
{
    PyMemAllocatorEx *a = ctx;
    return python_refuse() ? NULL : a->calloc(a->ctx, n, size);
}

static void *test_realloc(void *ctx, void *p, size_t size)
{
    PyMemAllocatorEx *a = ctx;
    return python_refuse() ? NULL : a->realloc(a->ctx, p, size);
}

static void test_free(void *ctx, void *p)
{
    PyMemAllocatorEx *a = ctx;
    a->free(a->ctx, p);
}

static long python_fail_at(long n)
{
    long calls = python_calls;
    for (int i = 0; i < HL_COUNTOF(domains); i++) {
        if (python_fail)
            PyMem_SetAllocator(domains[i], &base[i]);
        if (!n)
            continue;
        PyMem_GetAllocator(domains[i], &base[i]);
        PyMemAllocatorEx hook = {&base[i], test_malloc, test_calloc, test_realloc, test_free};
        PyMem_SetAllocator(domains[i], &hook);
    }
    python_calls = 0;
    python_fail = n;
    return calls;
}

/* -- The module's functions ---------------------------------------------------------------------- */

PyDoc_STRVAR(
    fail_at_doc,
    "fail_at(what, n)\n--\n\n"
    "Lets the n-th call from now on fail, once; 0: none. what: 'memory', an allocation of\n"
    "the core; 'backend', one of the code generator; 'python', one of CPython's; 'llvm', a\n"
    "compile. Returns how many calls there have been since the last time (not of 'llvm').");

static PyObject *test_fail_at(PyObject *Py_UNUSED(self), PyObject *args)
{
    const char *what;
    long n, calls = 0;
    if (!PyArg_ParseTuple(args, "sl:fail_at", &what, &n))
        return NULL;
    if (!strcmp(what, "memory")) {
        calls = hl_mem_fail_at(n);
    } else if (!strcmp(what, "backend")) {
        const HlBackend *backend = hl_compile_backend();
        if (!backend)
            return NULL;
        calls = backend->fail_at(n);
    } else if (!strcmp(what, "python")) {
        calls = python_fail_at(n);
    } else if (!strcmp(what, "llvm")) {
        hl_compile_fail_at(n);
    } else {
        PyErr_SetString(PyExc_ValueError, "what must be 'memory', 'backend', 'python' or 'llvm'");
        return NULL;
    }
    return PyLong_FromLong(calls);
}

PyDoc_STRVAR(
    live_doc,
    "live_blocks()\n--\n\nAllocations of the core and the code generator that were not freed.");

static PyObject *test_live_blocks(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(arg))
{
    const HlBackend *backend = hl_compile_backend();
    return backend ? PyLong_FromLong(hl_mem_live() + backend->live()) : NULL;
}

PyMethodDef hl_test_methods[] = {
    {"fail_at", test_fail_at, METH_VARARGS, fail_at_doc},
    {"live_blocks", test_live_blocks, METH_NOARGS, live_doc},
    {NULL, NULL, 0, NULL},
};
#endif
