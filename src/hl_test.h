/* hl_test.h - what only tests call, in builds with --enable-debug. */
#ifndef HL_TEST_H
#define HL_TEST_H

#ifdef HL_DEBUG
#include <Python.h>

extern PyMethodDef hl_test_methods[];
#endif

#endif
