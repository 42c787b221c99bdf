/* hl_frame_311.h - CPython 3.11's frames, inline for the driver, which pays for them on every call.
 *
 * The instruction that makes a clone leave the evaluator is RETURN_VALUE: for the frame with which the
 * evaluator was entered it saves the stack pointer (minus the value that it pops) and returns, and
 * clears nothing, which is the caller's job in 3.11. What it returns is whatever lay on top, maybe
 * NULL. `prev_instr` is the unit *before* the next instruction; while an instruction runs, its own. */
#ifndef HL_FRAME_311_H
#define HL_FRAME_311_H

#ifndef Py_BUILD_CORE
#error "Py_BUILD_CORE has to be defined before Python.h"
#endif
#include <internal/pycore_ceval.h>
#include <internal/pycore_code.h>
#include <internal/pycore_frame.h>
#include <internal/pycore_interp.h>
#include <opcode.h>

#include "hl_hook.h"

#if PY_VERSION_HEX < 0x030b0000 || PY_VERSION_HEX >= 0x030c0000
#error "this file knows the insides of CPython 3.11"
#endif

static inline PyCodeObject *frame_code(const HlFrame *f)
{
    return f->f_code;
}

static inline PyFunctionObject *frame_func(const HlFrame *f)
{
    return f->f_func;
}

static inline int32_t frame_pc(const HlFrame *f)
{
    return (int32_t)(f->prev_instr + 1 - _PyCode_CODE(f->f_code));
}

static inline void frame_set_pc(HlFrame *f, int32_t pc)
{
    f->prev_instr = _PyCode_CODE(f->f_code) + pc - 1;
}

/* The topmost value of the stack, which is not empty. */
static inline PyObject **frame_top(HlFrame *f)
{
    return &f->localsplus[f->stacktop - 1];
}

static inline void frame_pop(HlFrame *f)
{
    PyObject *value = f->localsplus[--f->stacktop];
    Py_DECREF(value);
}

/* Moves the frame to the same place of another clone or of the original. */
static inline void frame_move(HlFrame *f, PyCodeObject *to)
{
    PyCodeObject *from = f->f_code;
    if (from == to)
        return;
    f->prev_instr = _PyCode_CODE(to) + (f->prev_instr - _PyCode_CODE(from));
    f->f_code = (PyCodeObject *)Py_NewRef(to);
    Py_DECREF(from);
}

/* Makes a new frame, whatever it is of, one of func with the code `co`, which has the same size. */
static inline void frame_become(HlFrame *f, PyFunctionObject *func, PyCodeObject *co)
{
    frame_move(f, co);
    Py_SETREF(f->f_func, (PyFunctionObject *)Py_NewRef(func));
    f->f_globals = func->func_globals;
    f->f_builtins = func->func_builtins;
    f->stacktop = f->f_code->co_nlocalsplus;
}

static inline int32_t thread_recursion(const PyThreadState *ts)
{
    return ts->recursion_remaining;
}

static inline void thread_recurse(PyThreadState *ts, int32_t levels)
{
    ts->recursion_remaining -= levels;
}

/* A plain function's frame, about to start, that can be driven if its code can. */
static inline bool frame_starts(const HlFrame *f)
{
    const int wanted = CO_OPTIMIZED | CO_NEWLOCALS;
    return (f->f_code->co_flags & wanted) == wanted && f->owner == FRAME_OWNED_BY_THREAD &&
           frame_pc(f) == 0 && !f->f_locals && f->f_globals && f->f_builtins &&
           PyDict_CheckExact(f->f_globals) && PyDict_CheckExact(f->f_builtins);
}

/* CPython's evaluator: to the end of the frame. */
static inline PyObject *frame_finish(PyThreadState *ts, HlFrame *f, int throwflag)
{
    return _PyEval_EvalFrameDefault(ts, f, throwflag);
}

/* The frame has paid for its level of recursion when it began. If the limit went down since (another
 * thread may do that), going on must not fail where the plain loop would not. */
static __attribute__((noinline, unused)) PyObject *frame_eval_beyond_limit(PyThreadState *ts,
                                                                           HlFrame *f,
                                                                           int throwflag)
{
    int paid = frame_pc(f) > 0 ? 1 - ts->recursion_remaining : 0;
    ts->recursion_remaining += paid;
    PyObject *result = _PyEval_EvalFrameDefault(ts, f, throwflag);
    ts->recursion_remaining -= paid;
    return result;
}

/* Evaluates a driven frame. *unit = the code unit where a clone left the evaluator, with the stack as
 * that instruction found it; -1 = the frame really returned, or raised. */
static inline PyObject *frame_eval(PyThreadState *ts, HlFrame *f, const HlCode *code, int throwflag,
                                   int32_t *unit)
{
    PyObject *result = HL_LIKELY(ts->recursion_remaining > 0)
                           ? _PyEval_EvalFrameDefault(ts, f, throwflag)
                           : frame_eval_beyond_limit(ts, f, throwflag);
    ptrdiff_t at = f->prev_instr - _PyCode_CODE(f->f_code);
    *unit = -1;
    /* RERAISE can leave prev_instr at any instruction, hence the look at the exception. */
    if (_Py_OPCODE(*f->prev_instr) == RETURN_VALUE && at >= 0 &&
        _Py_OPCODE(_PyCode_CODE(code->orig)[at]) != RETURN_VALUE && (result || !ts->curexc_type)) {
        f->stacktop++;
        *unit = (int32_t)at;
    }
    return result;
}

/* The frame whose code runs, or has called C code that runs. */
static inline HlFrame *thread_frame(const PyThreadState *ts)
{
    return ts->cframe->current_frame;
}

/* A trace or profile function is set in this thread. */
static inline bool thread_traced(const PyThreadState *ts)
{
    return ts->c_tracefunc || ts->c_profilefunc || ts->cframe->use_tracing;
}

/* There is work for the evaluator: a signal, a pending call, a wish for the GIL. */
static inline bool thread_has_work(const PyThreadState *ts)
{
    return _Py_atomic_load_relaxed(&ts->interp->ceval.eval_breaker) != 0;
}

/* The interpreter's frame evaluator; NULL = CPython's own. */
static inline _PyFrameEvalFunction *interp_eval(PyThreadState *ts)
{
    return &ts->interp->eval_frame;
}

#endif
