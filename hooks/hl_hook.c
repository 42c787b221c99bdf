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
#define Py_BUILD_CORE
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

static Verdict edge_test(const HlEdge *edge, PyObject *value)
{
    bool truth;
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

/* Whether the back-edge jumps. ASK: finding out, or dropping the value, may run Python code. */
static inline Verdict edge_decide(const HlEdge *edge, HlFrame *f)
{
    return edge->condition < 0 ? EDGE_JUMPS : edge_test(edge, *frame_top(f));
}

/* A decision holds, whatever signal handlers do to a list that was tested. */
static void edge_settle(HlFrame *f, const HlEdge *edge)
{
    if (edge->condition == HL_IF_FALSE || edge->condition == HL_IF_TRUE)
        Py_SETREF(*frame_top(f), Py_NewRef(edge->condition == HL_IF_TRUE ? Py_True : Py_False));
}

/* Does what the back-edge would do, without polling. */
static inline void edge_take(HlFrame *f, const HlEdge *edge, bool jumps)
{
    if (edge->condition >= 0)
        frame_pop(f);
    frame_set_pc(f, jumps ? edge->target : edge->next);
}

/* The frame is at the header of a loop, from its back-edge. */
static inline HlGo loop_count(PyThreadState *ts, HlCode *code, int loop, HlFrame *f,
                              PyObject **result)
{
    HlLoop *l = &code->loops[loop];
    l->interpreted++;
    if (HL_LIKELY(--l->countdown > 0))
        return HL_GO_ON;
    l->countdown = l->reload;
    if (l->state == HL_LOOP_GIVEN_UP)
        return HL_GO_ON;
    HlGo go = hl_loop_backedge(code, loop, f, result);
    return go == HL_GO_ON && thread_traced(ts) ? HL_GO_ORIGINAL : go;
}

/* The hot clone came back at a back-edge. */
static inline HlGo back_at_edge(PyThreadState *ts, HlCode *code, HlFrame *f, int32_t unit,
                                PyObject **result)
{
    const HlEdge *edge = hl_edge_at(code, unit);
    Verdict verdict = edge_decide(edge, f);
    if (verdict == EDGE_FALLS) {
        edge_take(f, edge, false);
        return HL_GO_ON;
    }
    if (verdict == EDGE_ASK || HL_UNLIKELY(thread_has_work(ts))) {
        frame_set_pc(f, edge->pc);
        return HL_GO_SERVE;
    }
    edge_take(f, edge, true);
    return loop_count(ts, code, edge->loop, f, result);
}

/* The serving clone came back at a header, `from` being the back-edge that it was sent to serve. Where that did
 * not jump, the header may be that of a loop around, which has come to its own back-edge; or of the next loop. */
static HlGo back_at_header(PyThreadState *ts, HlCode *code, HlFrame *f, int32_t unit,
                           const HlEdge *from, PyObject **result)
{
    frame_set_pc(f, unit);
    if (!code->hot)
        return HL_GO_ORIGINAL;
    frame_move(f, code->hot);
    int loop = hl_bc_loop_of(code->bytecode, unit);
    return hl_bc_loop_within(code->bytecode, from->loop, loop)
               ? loop_count(ts, code, loop, f, result)
               : HL_GO_ON;
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
    d->traced = thread_traced(ts) ? ts : NULL;
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
    edge_settle(f, edge);
    hl_frame_enter(f, code, &link);
    int result = Py_MakePendingCalls();
    hl_frame_leave(f, code, &link);
    bool traced = thread_traced(ts);
    if (result == 0 && !traced) {
        if (thread_has_work(ts)) /* the GIL is wanted, or another thread raises something here */
            return HL_GO_SERVE;
        edge_take(f, edge, true);
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
    frame_move(f, orig);
    if (!raised)
        return frame_finish(ts, f, 0);
    bool traced = thread_traced(ts);
    hl_frame_at(f, frame_pc(f));
    if (traced) /* entering with an exception would report a call */
        hl_thread_report(ts, false);
    PyObject *result = frame_finish(ts, f, 1);
    if (traced && thread_traced(ts))
        hl_thread_report(ts, true);
    return result;
}

/* Everything but the plain way on. true: the frame goes on in its hot clone; false: it has ended. */
static __attribute__((noinline)) bool drive_detour(PyThreadState *ts, HlFrame *f, HlCode *code,
                                                   HlGo go, PyObject **result)
{
    for (;;) {
        const HlEdge *served = NULL;
        if (go == HL_GO_ENDED)
            return false;
        if (go == HL_GO_EDGE && code->hot && !thread_traced(ts)) {
            go = back_at_edge(ts, code, f, code->bytecode->bc[frame_pc(f)].op_unit, result);
            continue;
        }
        if (go == HL_GO_SERVE) {
            served = hl_edge_at(code, code->bytecode->bc[frame_pc(f)].op_unit);
            Verdict verdict = edge_decide(served, f);
            if (verdict == EDGE_JUMPS && thread_has_work(ts)) {
                go = serve_signals(ts, code, f, served);
                if (go == HL_GO_ON) {
                    go = loop_count(ts, code, served->loop, f, result);
                    continue;
                }
            } else if (verdict == EDGE_FALLS) { /* no poll: what is pending waits for a later one */
                edge_take(f, served, false);
                go = HL_GO_ON;
            }
        }
        PyCodeObject *where = go == HL_GO_SERVE ? code->serve : code->hot;
        if (!where || go == HL_GO_ORIGINAL || thread_traced(ts)) {
            *result = drive_end(ts, f, code->orig, go == HL_GO_RAISED);
            return false;
        }
        frame_move(f, where);
        if (go == HL_GO_ON)
            return true;
        if (go == HL_GO_RAISED)
            hl_frame_at(f, frame_pc(f));
        int32_t unit;
        *result = frame_eval(ts, f, code, go == HL_GO_RAISED, &unit);
        if (unit < 0)
            return false;
        go = served ? back_at_header(ts, code, f, unit, served, result)
                    : back_at_edge(ts, code, f, unit, result);
    }
}

HlStepEnd hl_hook_step(HlFrame *f, HlCode *code, int32_t end, PyObject **result)
{
    PyThreadState *ts = PyThreadState_Get();
    PyCodeObject *clone = hl_step_clone(code, end);
    int32_t unit;
    if (!clone)
        return HL_STEP_LEFT;
    frame_move(f, clone);
    *result = frame_eval(ts, f, code, 0, &unit);
    if (unit < 0)
        return HL_STEP_ENDED;
    if (unit == code->bytecode->bc[end].op_unit) {
        frame_set_pc(f, end);
        return HL_UNLIKELY(thread_traced(ts)) ? HL_STEP_LEFT : HL_STEP_DONE;
    }
    frame_set_pc(f, hl_edge_at(code, unit)->pc);
    return HL_STEP_AT_EDGE;
}

bool hl_hook_step_ends(HlCode *code, int32_t end)
{
    return hl_step_clone(code, end) != NULL;
}

static inline PyObject *drive(PyThreadState *ts, HlFrame *f, HlCode *code)
{
    PyCodeObject *orig = (PyCodeObject *)Py_NewRef(code->orig); /* keeps `code` alive */
    PyObject *result;
    int32_t unit;
    HlGo go;
    code->entries++;
    frame_move(f, code->hot);
    do {
        result = frame_eval(ts, f, code, 0, &unit);
        if (unit < 0)
            break;
        go = back_at_edge(ts, code, f, unit, &result);
    } while (HL_LIKELY(go == HL_GO_ON && frame_code(f) == code->hot) ||
             drive_detour(ts, f, code, go, &result));
    frame_move(f, orig);
    Py_DECREF(orig);
    return result;
}

/* Drives a frame that is about to start, or runs it plainly and counts why. */
static PyObject *drive_if_possible(PyThreadState *ts, HlFrame *f, HlCode *code)
{
    HlReason why = HL_R_NO_MEMORY;
    if (code->nlive == 0)
        why = code->plain_why;
    else if (thread_traced(ts))
        why = HL_R_TRACING;
    else if (!frame_starts(f))
        why = HL_R_NYI_GLOBAL; /* globals or builtins are no plain dict */
    else if (HL_LIKELY(code->hot != NULL) || hl_hook_make_clones(code) == 0)
        return drive(ts, f, code);
    PyErr_Clear();
    code->plain_calls[why]++;
    return frame_finish(ts, f, 0);
}

/* -- The hook ------------------------------------------------------------------------------------ */

/* A call that waits for its frame. They nest: binding arguments can run Python code, and other
 * threads. */
typedef struct Arming {
    struct Arming *outer;
    PyThreadState *ts; /* NULL = its frame has come */
    HlFrame *caller;   /* of code that binding runs, the frames have another */
    PyFunctionObject *func;
    PyCodeObject *co;
    HlCode *code;    /* NULL = not to be driven, armed for its arguments only */
    PyObject **args; /* on the calling frame's stack, nargs of them, to be handed over; or NULL */
    Py_ssize_t nargs;
    HlFrameRun *run; /* gets the frame instead of the driver; or NULL */
    void *arg;
    _PyFrameEvalFunction before; /* another's hook, to be put back; or NULL */
} Arming;

static Arming *armed;
static bool global_on;

static PyObject *hook_eval(PyThreadState *ts, HlFrame *f, int throwflag);

static void disarm(Arming *a)
{
    _PyFrameEvalFunction *eval = interp_eval(a->ts);
    Arming **link = &armed;
    while (*link != a)
        link = &(*link)->outer;
    *link = a->outer;
    a->ts = NULL;
    if (!armed && !global_on && *eval == hook_eval)
        *eval = a->before;
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
        if (Py_REFCNT(args[i]) <= n && !PyLong_CheckExact(args[i]) &&
            !PyFloat_CheckExact(args[i]) && !PyUnicode_CheckExact(args[i]))
            return true;
    return false;
}

static PyObject *hook_global(PyThreadState *ts, HlFrame *f)
{
    if (stack_check() < 0)
        return NULL;
    if (!frame_starts(f))
        return frame_finish(ts, f, 0);
    HlCode *code = hl_code_get_if_loops(frame_code(f));
    if (!code) {
        PyErr_Clear();
        return frame_finish(ts, f, 0);
    }
    return drive_if_possible(ts, f, code);
}

static PyObject *hook_eval(PyThreadState *ts, HlFrame *f, int throwflag)
{
    for (Arming *a = armed; a; a = a->outer) {
        if (a->func == frame_func(f) && a->co == frame_code(f) && a->ts == ts &&
            a->caller == thread_frame(ts)) {
            disarm(a);
            hand_over(a);
            if (HL_UNLIKELY(a->run != NULL))
                return a->run(a->arg, f);
            return a->code ? drive_if_possible(ts, f, a->code) : frame_finish(ts, f, 0);
        }
    }
    if (global_on && !throwflag)
        return hook_global(ts, f);
    return frame_finish(ts, f, throwflag);
}

static inline HlReason blocked(PyThreadState *ts)
{
    _PyFrameEvalFunction *eval = interp_eval(ts);
    if (HL_UNLIKELY(*eval && *eval != hook_eval))
        return HL_R_OTHER_HOOK;
    return HL_UNLIKELY(thread_traced(ts)) ? HL_R_TRACING : HL_R_NONE;
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
    HlReason why = blocked(ts);
    bool foreign = why == HL_R_OTHER_HOOK;
    if (code->nlive == 0)
        why = code->plain_why;
    /* In global mode the frame is driven by whoever sees it, but without fastmath. */
    bool drives = code->nlive && why == HL_R_NONE && (!global_on || code->fastmath);
    if (!drives && (!global_on || foreign)) /* else hook_global counts it */
        code->plain_calls[why]++;
    Py_ssize_t n = PyVectorcall_NARGS(nargsf) + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    bool hands_over = may_die(args, n) && hl_frame_calls(ts, callable, args);
    if (foreign || !(drives || hands_over))
        return _PyFunction_Vectorcall((PyObject *)func, args, nargsf, kwnames);
    Arming a = {
        .outer = armed,
        .ts = ts,
        .caller = thread_frame(ts),
        .func = func,
        .co = code->orig,
        .code = drives ? code : NULL,
        .args = hands_over ? (PyObject **)args : NULL,
        .nargs = n,
    };
    armed = &a;
    *interp_eval(ts) = hook_eval;
    PyObject *result = _PyFunction_Vectorcall((PyObject *)func, args, nargsf, kwnames);
    if (HL_UNLIKELY(a.ts != NULL))
        disarm(&a);
    return result;
}

/* -- Frames of inlined calls --------------------------------------------------------------------- */

PyObject *hl_hook_call_run(PyFunctionObject *func, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames, HlFrameRun *run, void *arg)
{
    PyThreadState *ts = PyThreadState_Get();
    _PyFrameEvalFunction *eval = interp_eval(ts);
    Arming a = {
        .outer = armed,
        .ts = ts,
        .caller = thread_frame(ts),
        .func = func,
        .co = (PyCodeObject *)func->func_code,
        .run = run,
        .arg = arg,
        .before = *eval == hook_eval ? NULL : *eval,
    };
    armed = &a;
    *eval = hook_eval;
    PyObject *result = _PyFunction_Vectorcall((PyObject *)func, args, (size_t)nargs, kwnames);
    if (HL_UNLIKELY(a.ts != NULL))
        disarm(&a);
    return result;
}

typedef struct Push {
    PyFunctionObject *func;
    PyCodeObject *co;
    HlFrameRun *run;
    void *arg;
} Push;

static PyObject *push_arrived(void *arg, HlFrame *f)
{
    Push *push = arg;
    frame_become(f, push->func, push->co);
    return push->run(push->arg, f);
}

/* CPython pushes a frame only for a call, and clears it only there. So a function is called whose
 * frame has the right size and that has no arguments to be bound. */
PyObject *hl_hook_push_run(PyFunctionObject *func, HlCode *code, HlFrameRun *run, void *arg)
{
    Push push = {.func = func, .co = code->orig, .run = run, .arg = arg};
    if (!code->blank && !(code->blank = hl_blank_make(code->orig)))
        return NULL;
    return hl_hook_call_run((PyFunctionObject *)code->blank, NULL, 0, NULL, push_arrived, &push);
}

PyObject *hl_hook_finish(HlFrame *f, HlCode *code, bool raised)
{
    PyThreadState *ts = PyThreadState_Get();
    bool drives = (code->jitted || global_on) && code->nlive && !thread_traced(ts);
    if (drives && !code->hot && (raised || hl_hook_make_clones(code) < 0)) {
        drives = false;
        if (!raised)
            PyErr_Clear();
    }
    if (!drives)
        return drive_end(ts, f, code->orig, raised);
    PyCodeObject *orig = (PyCodeObject *)Py_NewRef(code->orig); /* keeps `code` alive */
    PyObject *result;
    int32_t unit;
    HlGo go = raised ? HL_GO_RAISED : HL_GO_ON;
    while (drive_detour(ts, f, code, go, &result)) {
        result = frame_eval(ts, f, code, 0, &unit);
        if (unit < 0)
            break;
        go = back_at_edge(ts, code, f, unit, &result);
    }
    frame_move(f, orig);
    Py_DECREF(orig);
    return result;
}

int32_t hl_recursion_left(void)
{
    return thread_recursion(PyThreadState_Get());
}

void hl_recursion_take(int32_t levels)
{
    thread_recurse(PyThreadState_Get(), levels);
}

int hl_hook_set_global(bool on)
{
    _PyFrameEvalFunction *eval = interp_eval(PyThreadState_Get());
    if (on && *eval && *eval != hook_eval) {
        PyErr_SetString(PyExc_RuntimeError, "another frame-evaluation hook is installed");
        return -1;
    }
    global_on = on;
    if (on)
        *eval = hook_eval;
    else if (!armed && *eval == hook_eval)
        *eval = NULL;
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

/* The other threads are gone, and their stacks, which hold their armings, will be. */
static void after_fork(void)
{
    PyThreadState *ts = _PyThreadState_UncheckedGet();
    for (Arming **link = &armed; *link;) {
        if ((*link)->ts == ts)
            link = &(*link)->outer;
        else
            *link = (*link)->outer;
    }
    if (ts && !armed && !global_on && *interp_eval(ts) == hook_eval)
        *interp_eval(ts) = NULL;
}

int hl_hook_init(void)
{
    if (hl_version_init() < 0 || hl_iter_init() < 0)
        return -1;
    if (audit_heard)
        return 0;
    if (pthread_atfork(NULL, NULL, after_fork)) {
        PyErr_NoMemory();
        return -1;
    }
    if (PySys_AddAuditHook(audit_hook, NULL) < 0 || PySys_Audit("hotloop.start", NULL) < 0)
        return -1;
    if (!audit_heard) { /* CPython does not say when another hook has refused it */
        PyErr_SetString(PyExc_ImportError, "an audit hook refuses hotloop's own");
        return -1;
    }
    return 0;
}
