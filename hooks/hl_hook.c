/* hl_hook.c - arming, driving, global mode: what all CPython versions share.
 *
 * A jitted function's call arms the hook and calls the plain function; CPython binds the arguments and
 * pushes the frame, the hook recognises it, takes itself out and drives it: the frame is moved to its
 * hot clone and evaluated; at each loop back-edge it comes back here, is counted, and goes on at the
 * loop's header - or in machine code (hl_loop_backedge). What only the evaluator can do at a back-edge
 * happens in the serving clone, whose back-edges are intact and whose headers bring the frame back.
 *
 * Invariants: a frame that CPython sees again (returned, raised, linked) has its original code; a
 * clone that is patched is only evaluated with tracing off; everything here is under the GIL. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pthread.h>

#include "hl_hook_int.h"
#include "../src/hl_mem.h"
#include "../src/hl_region.h"

/* -- The C stack --------------------------------------------------------------------------------- */

/* CPython 3.11 does not look at the C stack, and each of our calls takes some, so we do. */
enum { STACK_MARGIN = 256 * 1024 };

static _Thread_local uintptr_t stack_limit __attribute__((tls_model("initial-exec"))) = UINTPTR_MAX;
static _Thread_local uintptr_t stack_start __attribute__((tls_model("initial-exec")));

static int stack_check_slowly(uintptr_t sp)
{
    if (stack_limit == UINTPTR_MAX) {
        pthread_attr_t attr;
        void *start = NULL;
        size_t size = 0;
        if (!pthread_getattr_np(pthread_self(), &attr)) {
            pthread_attr_getstack(&attr, &start, &size);
            pthread_attr_destroy(&attr);
        }
        stack_start = (uintptr_t)start;
        stack_limit = stack_start + (size / 4 < STACK_MARGIN ? size / 4 : STACK_MARGIN);
    }
    /* Below the start: a stack of somebody's own making, of which we know nothing. */
    if (sp >= stack_limit || sp < stack_start)
        return 0;
    PyErr_SetString(PyExc_RecursionError, "maximum recursion depth exceeded");
    return -1;
}

static inline int stack_check(void)
{
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
    return HL_LIKELY(sp >= stack_limit) ? 0 : stack_check_slowly(sp);
}

/* -- Back-edges ---------------------------------------------------------------------------------- */

typedef enum Verdict { EDGE_JUMPS, EDGE_FALLS, EDGE_ASK } Verdict;

/* Whether the back-edge jumps. ASK: finding out, or dropping the value, may run Python code. */
static Verdict edge_decide(const HlEdge *edge, PyObject *value)
{
    bool truth;
    if (edge->condition < 0)
        return EDGE_JUMPS;
    if (edge->condition == HL_IF_NONE || edge->condition == HL_IF_NOT_NONE) {
        if (value != Py_None && Py_REFCNT(value) == 1)
            return EDGE_ASK;
        truth = (value == Py_None) == (edge->condition == HL_IF_NONE);
        return truth ? EDGE_JUMPS : EDGE_FALLS;
    }
    if (value == Py_True || value == Py_False)
        truth = value == Py_True;
    else if (value == Py_None)
        truth = false;
    else if (PyLong_CheckExact(value))
        truth = Py_SIZE(value) != 0;
    else if (PyFloat_CheckExact(value))
        truth = PyFloat_AS_DOUBLE(value) != 0.0;
    else if (Py_REFCNT(value) > 1 && (PyList_CheckExact(value) || PyTuple_CheckExact(value) ||
                                      PyDict_CheckExact(value) || PyUnicode_CheckExact(value)))
        truth = PyObject_IsTrue(value) == 1;
    else
        return EDGE_ASK;
    return truth == (edge->condition == HL_IF_TRUE) ? EDGE_JUMPS : EDGE_FALLS;
}

static PyObject *edge_value(HlFrame *f, const HlCode *code)
{
    return hl_frame_slots(f)[code->bytecode->nlocalsplus + hl_frame_depth(f) - 1];
}

/* A decision holds, whatever signal handlers do to a list that was tested. */
static void edge_settle(HlFrame *f, const HlCode *code, const HlEdge *edge)
{
    if (edge->condition != HL_IF_FALSE && edge->condition != HL_IF_TRUE)
        return;
    PyObject *value = edge_value(f, code);
    PyObject *jumps = edge->condition == HL_IF_TRUE ? Py_True : Py_False;
    hl_frame_slots(f)[code->bytecode->nlocalsplus + hl_frame_depth(f) - 1] = Py_NewRef(jumps);
    Py_DECREF(value);
}

/* Does what the back-edge would do, without polling. */
static void edge_take(HlFrame *f, const HlCode *code, const HlEdge *edge, bool jumps)
{
    if (edge->condition >= 0) {
        PyObject *value = edge_value(f, code);
        hl_frame_set_depth(f, hl_frame_depth(f) - 1);
        Py_DECREF(value);
    }
    hl_frame_set_pc(f, jumps ? edge->target : edge->next);
}

/* The frame is at the header of a loop, from its back-edge. */
static HlGo loop_count(HlCode *code, int loop, HlFrame *f)
{
    HlLoop *l = &code->loops[loop];
    l->interpreted++;
    if (HL_LIKELY(--l->countdown > 0))
        return HL_GO_ON;
    l->countdown = l->reload;
    return l->state == HL_LOOP_GIVEN_UP ? HL_GO_ON : hl_loop_backedge(code, loop, f);
}

/* The hot clone came back at a back-edge. */
static HlGo back_at_edge(HlCode *code, HlFrame *f, int32_t unit)
{
    const HlEdge *edge = hl_edge_at(code, unit);
    Verdict verdict = edge->condition < 0 ? EDGE_JUMPS : edge_decide(edge, edge_value(f, code));
    if (verdict == EDGE_ASK || (verdict == EDGE_JUMPS && *hl_eval_breaker())) {
        hl_frame_set_pc(f, edge->pc);
        return HL_GO_SERVE;
    }
    edge_take(f, code, edge, verdict == EDGE_JUMPS);
    return verdict == EDGE_JUMPS ? loop_count(code, edge->loop, f) : HL_GO_ON;
}

/* The serving clone came back at a header, `from` being the back-edge that it was sent to serve. */
static HlGo back_at_header(HlCode *code, HlFrame *f, int32_t unit, const HlEdge *from)
{
    hl_frame_set_pc(f, unit);
    if (!code->hot)
        return HL_GO_ORIGINAL;
    hl_frame_move(f, code->hot);
    return from->target == unit ? loop_count(code, from->loop, f) : HL_GO_ON;
}

/* -- Serving ------------------------------------------------------------------------------------- */

/* What a signal handler left behind: delivered by a pending call, which the back-edge's own poll
 * makes, so that the exception is raised and events begin exactly where CPython would have it. */
typedef struct Deferred {
    PyObject *type, *value, *tb;
    PyThreadState *traced; /* reports events from here on; NULL = it does not */
} Deferred;

static int deferred_deliver(void *arg)
{
    Deferred d = *(Deferred *)arg;
    hl_mem_free(arg);
    if (d.traced && d.traced == PyThreadState_Get())
        hl_thread_report(d.traced, true);
    PyErr_Restore(d.type, d.value, d.tb);
    return d.type ? -1 : 0;
}

/* Takes the exception, if one is set. false: no memory, all is as before. */
static bool deferred_make(PyThreadState *ts)
{
    Deferred *d = hl_mem_alloc(sizeof *d);
    if (!d)
        return false;
    PyErr_Fetch(&d->type, &d->value, &d->tb);
    d->traced = hl_thread_traced(ts) ? ts : NULL;
    if (Py_AddPendingCall(deferred_deliver, d) < 0) {
        PyErr_Restore(d->type, d->value, d->tb);
        hl_mem_free(d);
        return false;
    }
    if (d->traced)
        hl_thread_report(ts, false);
    return true;
}

/* Signal handlers and pending calls at a back-edge that jumps and has found the breaker set, for the
 * frame with its original code. ON: all is done, the frame is at the header. */
static HlGo serve_signals(PyThreadState *ts, HlCode *code, HlFrame *f, const HlEdge *edge)
{
    HlFrameLink link;
    edge_settle(f, code, edge);
    hl_frame_enter(f, code, &link);
    int result = Py_MakePendingCalls();
    hl_frame_leave(f, code, &link);
    bool traced = hl_thread_traced(ts);
    if (result == 0 && !traced) {
        if (*hl_eval_breaker()) /* the GIL is wanted, or another thread raises something here */
            return HL_GO_SERVE;
        edge_take(f, code, edge, true);
        return HL_GO_ON;
    }
    if (deferred_make(ts))
        return traced ? HL_GO_ORIGINAL : HL_GO_SERVE;
    return result < 0 ? HL_GO_RAISED : HL_GO_ORIGINAL;
}

/* -- Driving ------------------------------------------------------------------------------------- */

/* Evaluates the frame to its end in the original code. */
static PyObject *drive_end(PyThreadState *ts, HlFrame *f, PyCodeObject *orig, bool raised)
{
    hl_frame_move(f, orig);
    if (!raised)
        return hl_frame_finish(ts, f, 0);
    bool traced = hl_thread_traced(ts);
    hl_frame_at(f, hl_frame_pc(f));
    if (traced) /* entering with an exception would report a call */
        hl_thread_report(ts, false);
    PyObject *result = hl_frame_finish(ts, f, 1);
    if (traced && hl_thread_traced(ts))
        hl_thread_report(ts, true);
    return result;
}

static PyObject *drive(PyThreadState *ts, HlFrame *f, HlCode *code)
{
    PyCodeObject *orig = (PyCodeObject *)Py_NewRef(code->orig); /* keeps `code` alive */
    PyObject *result;
    HlGo go = HL_GO_ON;
    code->entries++;
    for (;;) {
        const HlEdge *served = NULL;
        if (go == HL_GO_SERVE) {
            served = hl_edge_at(code, code->bytecode->bc[hl_frame_pc(f)].op_unit);
            if (*hl_eval_breaker() && edge_decide(served, edge_value(f, code)) == EDGE_JUMPS)
                go = serve_signals(ts, code, f, served);
            if (go == HL_GO_ON) {
                go = loop_count(code, served->loop, f);
                continue;
            }
        }
        PyCodeObject *where = go == HL_GO_SERVE ? code->serve : code->hot;
        if (!where || go == HL_GO_ORIGINAL || code->nlive == 0 || hl_thread_traced(ts)) {
            result = drive_end(ts, f, orig, go == HL_GO_RAISED);
            break;
        }
        int32_t unit;
        hl_frame_move(f, where);
        if (go == HL_GO_RAISED)
            hl_frame_at(f, hl_frame_pc(f));
        result = hl_frame_eval(ts, f, code, go == HL_GO_RAISED, &unit);
        if (unit < 0)
            break;
        go = go == HL_GO_SERVE ? back_at_header(code, f, unit, served) : back_at_edge(code, f, unit);
    }
    hl_frame_move(f, orig);
    Py_DECREF(orig);
    return result;
}

/* Drives a frame that is about to start, or runs it plainly and counts why. */
static PyObject *drive_if_possible(PyThreadState *ts, HlFrame *f, HlCode *code)
{
    HlReason why = HL_R_NONE;
    if (code->nlive == 0)
        why = code->plain_why;
    else if (hl_thread_traced(ts))
        why = HL_R_TRACING;
    else if (!hl_frame_starts(f))
        why = HL_R_NYI_GLOBAL; /* globals or builtins are no plain dict */
    else if (code->hot || hl_hook_make_clones(code) == 0)
        return drive(ts, f, code);
    else
        why = HL_R_NO_MEMORY;
    PyErr_Clear();
    code->plain_calls[why]++;
    return hl_frame_finish(ts, f, 0);
}

/* -- The hook ------------------------------------------------------------------------------------ */

/* A call that waits for its frame. They nest: binding arguments can run Python code, and other
 * threads. */
typedef struct Arming {
    struct Arming *outer;
    PyThreadState *ts; /* NULL = its frame has come */
    PyFunctionObject *func;
    PyCodeObject *co;
    HlCode *code;      /* NULL = not to be driven, armed for its arguments only */
    PyObject **args;   /* on the calling frame's stack, nargs of them, to be handed over; or NULL */
    Py_ssize_t nargs;
} Arming;

static Arming *armed;
static bool global_on;

static PyObject *hook_eval(PyThreadState *ts, HlFrame *f, int throwflag);

static void disarm(Arming *a)
{
    PyInterpreterState *interp = a->ts->interp;
    Arming **link = &armed;
    while (*link != a)
        link = &(*link)->outer;
    *link = a->outer;
    a->ts = NULL;
    if (!armed && !global_on && hl_interp_eval(interp) == hook_eval)
        hl_interp_set_eval(interp, NULL);
}

/* A call from Python to a Python function hands its arguments over: they may die while the function
 * runs. A call through C holds them until it returns. So the calling frame's references are dropped
 * once the function's frame has its own. */
static void hand_over(const Arming *a)
{
    for (Py_ssize_t i = 0; a->args && i < a->nargs; i++)
        Py_SETREF(a->args[i], Py_NewRef(Py_None));
}

/* Could one of the arguments die during the call, were it not for the caller, and be missed? */
static bool may_die(PyObject *const *args, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++)
        if (Py_REFCNT(args[i]) <= n && !PyLong_CheckExact(args[i]) && !PyFloat_CheckExact(args[i]) &&
            !PyUnicode_CheckExact(args[i]))
            return true;
    return false;
}

static PyObject *hook_global(PyThreadState *ts, HlFrame *f)
{
    if (stack_check() < 0)
        return NULL;
    if (!hl_frame_starts(f))
        return hl_frame_finish(ts, f, 0);
    HlCode *code = hl_code_get_if_loops(hl_frame_code(f));
    if (!code) {
        PyErr_Clear();
        return hl_frame_finish(ts, f, 0);
    }
    return drive_if_possible(ts, f, code);
}

static PyObject *hook_eval(PyThreadState *ts, HlFrame *f, int throwflag)
{
    for (Arming *a = armed; a; a = a->outer) {
        if (a->ts == ts && a->func == hl_frame_func(f) && a->co == hl_frame_code(f)) {
            disarm(a);
            hand_over(a);
            return a->code ? drive_if_possible(ts, f, a->code) : hl_frame_finish(ts, f, 0);
        }
    }
    if (global_on && !throwflag)
        return hook_global(ts, f);
    return hl_frame_finish(ts, f, throwflag);
}

static HlReason blocked(const PyThreadState *ts)
{
    HlEvalFunction eval = hl_interp_eval(ts->interp);
    if (HL_UNLIKELY(eval && eval != hook_eval))
        return HL_R_OTHER_HOOK;
    return HL_UNLIKELY(hl_thread_traced(ts)) ? HL_R_TRACING : HL_R_NONE;
}

HlReason hl_hook_blocked(void)
{
    return blocked(PyThreadState_Get());
}

PyObject *hl_hook_call(PyObject *callable, PyFunctionObject *func, HlCode *code,
                       PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    if (stack_check() < 0)
        return NULL;
    PyThreadState *ts = PyThreadState_Get();
    HlReason why = code->nlive ? blocked(ts) : code->plain_why;
    bool drives = why == HL_R_NONE && code->nlive && !global_on;
    if (!drives && (!global_on || why == HL_R_OTHER_HOOK)) /* else hook_global counts it */
        code->plain_calls[why]++;
    Arming a = {.outer = armed, .ts = ts, .func = func, .co = code->orig};
    Py_ssize_t n = PyVectorcall_NARGS(nargsf) + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    if (may_die(args, n) && hl_frame_calls(ts, callable, args)) {
        a.args = (PyObject **)args;
        a.nargs = n;
    }
    if (!(drives || a.args) || blocked(ts) == HL_R_OTHER_HOOK)
        return _PyFunction_Vectorcall((PyObject *)func, args, nargsf, kwnames);
    a.code = drives ? code : NULL;
    armed = &a;
    hl_interp_set_eval(ts->interp, hook_eval);
    PyObject *result = _PyFunction_Vectorcall((PyObject *)func, args, nargsf, kwnames);
    if (HL_UNLIKELY(a.ts != NULL))
        disarm(&a);
    return result;
}

int hl_hook_set_global(bool on)
{
    PyInterpreterState *interp = PyThreadState_Get()->interp;
    HlEvalFunction eval = hl_interp_eval(interp);
    if (on && eval && eval != hook_eval) {
        PyErr_SetString(PyExc_RuntimeError, "another frame-evaluation hook is installed");
        return -1;
    }
    global_on = on;
    if (on)
        hl_interp_set_eval(interp, hook_eval);
    else if (!armed && eval == hook_eval)
        hl_interp_set_eval(interp, NULL);
    return 0;
}

bool hl_hook_is_global(void)
{
    return global_on;
}

/* -- Start --------------------------------------------------------------------------------------- */

static bool audit_heard;

/* A trace function is about to be set: frames that are in clones go on there without leaving the
 * evaluator, which would report a return. */
static int audit_hook(const char *event, PyObject *Py_UNUSED(args), void *Py_UNUSED(data))
{
    if (!strcmp(event, "sys.settrace") || !strcmp(event, "sys.setprofile"))
        hl_clones_retire_running(PyThreadState_Get());
    else if (!audit_heard && !strcmp(event, "hotloop.start"))
        audit_heard = true;
    return 0;
}

int hl_hook_init(void)
{
    if (hl_version_init() < 0)
        return -1;
    if (audit_heard)
        return 0;
    if (PySys_AddAuditHook(audit_hook, NULL) < 0 || PySys_Audit("hotloop.start", NULL) < 0)
        return -1;
    if (!audit_heard) { /* CPython does not say when another hook has refused it */
        PyErr_SetString(PyExc_ImportError, "an audit hook refuses hotloop's own");
        return -1;
    }
    return 0;
}
