/* hl_hook.h - the frame contract: all that the core knows of a CPython version's insides.
 *
 * A file hooks/hl_hook_3xx.c per CPython minor version implements the accessors, the clones and
 * evaluation; hooks/hl_hook.c is what they share: arming, driving, global mode. src/ sees only this.
 *
 * Contract:
 *  - A "pc" is a neutral pc (hl_bc.h): the code-unit offset of the *next* instruction to execute.
 *  - Outside evaluation and outside hl_frame_enter/leave a driven frame is NOT on the thread's frame
 *    chain; its depth is saved and its slots are valid, so slots may be read and overwritten freely,
 *    but nothing that can run Python code, raise, or look at frames may be called.
 *  - Slots number localsplus, then the value stack (HlBytecode). Slots own their references. After
 *    changing stack slots, say how many are live with hl_frame_set_depth.
 *  - Who clears the frame: CPython (3.11: the caller of the evaluator; 3.12+: the evaluator). Never us. */
#ifndef HL_HOOK_H
#define HL_HOOK_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "../src/hl_bc.h"
#include "../src/hl_code.h"
#include "../src/hl_ir.h"

typedef struct _PyInterpreterFrame HlFrame;

/* --- frames ------------------------------------------------------------------------------------ */
PyObject **hl_frame_slots(HlFrame *f);    /* localsplus followed by the value stack */
int32_t hl_frame_depth(const HlFrame *f); /* live stack slots */
void hl_frame_set_depth(HlFrame *f, int32_t depth);
int32_t hl_frame_pc(const HlFrame *f);
void hl_frame_set_pc(HlFrame *f, int32_t pc);  /* in whatever code object the frame runs now */
PyObject *hl_frame_globals(const HlFrame *f);  /* borrowed; a dict in every frame that is driven */
PyObject *hl_frame_builtins(const HlFrame *f); /* borrowed */
PyFunctionObject *hl_frame_func(const HlFrame *f);
/* Does what stands before a function's first statement: its free variables. The frame is new; it then
 * is at the instruction behind that. */
void hl_frame_begin(HlFrame *f);
/* Gives a frame in mid-function its free variables. */
void hl_frame_bind_free(HlFrame *f);

/* Puts the frame on the thread's chain with its original code, as if executing the instruction at its
 * pc, so that Python code may run, look at frames and raise; leave takes it off again. Between them
 * hl_frame_at says which instruction is executing. The token lives on the C stack. */
typedef struct HlFrameLink {
    void *opaque[8];
} HlFrameLink;
void hl_frame_enter(HlFrame *f, HlCode *code, HlFrameLink *link);
void hl_frame_at(HlFrame *f, int32_t pc); /* the instruction being executed: line numbers */
void hl_frame_leave(HlFrame *f, HlCode *code, HlFrameLink *link);

/* How a step ended: the frame is off the chain again in every case, and its depth saved. */
typedef enum HlStepEnd {
    HL_STEP_DONE,    /* at its end, and nothing speaks against going on */
    HL_STEP_LEFT,    /* at its end, or not begun (the pc says it); the interpreter has to go on */
    HL_STEP_AT_EDGE, /* a handler took the frame elsewhere: its pc is a back-edge, not executed yet */
    HL_STEP_ENDED /* the frame has ended; *result, or NULL with an exception, is what of it came */
} HlStepEnd;
/* CPython's evaluator executes the frame from its pc up to pc `end`, with everything that may happen
 * on the way: other Python code, exceptions and their handlers. */
HlStepEnd hl_hook_step(HlFrame *f, HlCode *code, int32_t end, PyObject **result);
/* Can a step end at this pc? */
bool hl_hook_step_ends(HlCode *code, int32_t end);

/* --- range iterators (their layout is CPython's own) ------------------------------------------- */
/* true when o is an exact range iterator (of C longs). */
bool hl_range_check(PyObject *o);
void hl_range_get(PyObject *o, int64_t *next, int64_t *step, int64_t *left);
/* Rewrites an iterator in place; or makes a new one. NULL = out of memory (exception set). */
void hl_range_set(PyObject *o, int64_t next, int64_t step, int64_t left);
PyObject *hl_range_new(int64_t next, int64_t step, int64_t left);

/* --- iterators over sequences (their layout is CPython's own, too) -------------------------------- */
/* What an iterator over a list, tuple, bytes or array will do next. */
typedef struct HlIter {
    uint8_t kind;                /* HlSlotKind: SEQ, REVERSED, ENUM or ZIP */
    uint8_t nseq;                /* how many sequences: 1, but for ZIP */
    int64_t index;               /* of the next item */
    int64_t count;               /* ENUM: its number */
    PyObject *seq[HL_ITER_SEQS]; /* borrowed */
} HlIter;
/* Fills *it when o is such an iterator, not exhausted, and nobody but `o` holds those inside it. A zip
 * is one when its sequences are at the same index, and not too many. */
bool hl_iter_get(PyObject *o, HlIter *it);
/* Lets an iterator for which hl_iter_get gave the same kind and sequences go on from another place. */
void hl_iter_set(PyObject *o, const HlIter *it);
/* Makes one; NULL = out of memory (exception set). Collects no garbage. */
PyObject *hl_iter_new(const HlIter *it);
int hl_iter_init(void); /* layout probes; 0, or -1 with an exception */

/* --- dictionaries ------------------------------------------------------------------------------ */
/* Version of a dict that changes at every store into it; 0 = unknown (always look up). */
uint64_t hl_dict_version(PyObject *dict);

/* --- exact ints -------------------------------------------------------------------------------- */
/* 1 = o (exact int) fits 64 bits and is in *out; 0 = it does not. Never raises. */
int hl_long_unbox(PyObject *o, int64_t *out);
/* Is there only one object for this number? */
static inline bool hl_long_shared(int64_t v)
{
    return v >= -5 && v <= 256;
}
/* Is o (exact int) this number? */
bool hl_long_is(PyObject *o, int64_t v);
/* Gives an exact int, which only the caller holds, another value, if both have as many digits and neither
 * is one of those that CPython keeps one object of; 1 = done. */
int hl_long_overwrite(PyObject *o, int64_t value);
/* Where the digits of an int begin: as many 32-bit words, 30 bits each, as the absolute of ob_size, whose
 * sign is the int's. */
int32_t hl_long_digits_offset(void);

/* --- the eval breaker -------------------------------------------------------------------------- */
const volatile int *hl_eval_breaker(void); /* address for machine code; non-zero = work to do */

/* --- code ------------------------------------------------------------------------------------- */
/* Decodes; NULL with an exception = out of memory. Opcodes without a neutral form are UNSUPPORTED. */
HlBytecode *hl_hook_decode(PyCodeObject *code);
/* Whether a code object has a loop back-edge at all: a quick look. */
bool hl_hook_has_loops(PyCodeObject *code);
/* Name of an UNSUPPORTED opcode of this CPython version. */
const char *hl_bc_opname(int32_t opcode);
/* Makes the hot and serving clones of code->orig; 0, or -1 with an exception. */
int hl_hook_make_clones(HlCode *code);
/* Drops the clones and all else that belongs to a code object that is about to die. */
void hl_hook_free(HlCode *code);
/* Gives one loop back to the evaluator: its back-edges no longer leave the hot clone. */
void hl_hook_unpatch(HlCode *code, int loop);

/* --- arming and global mode -------------------------------------------------------------------- */
/* Checks the interpreter (layout probes, audit hook); 0, or -1 with an exception: hotloop stays off. */
int hl_hook_init(void);
/* Calls func so that its frame is driven. As the function's own vectorcall otherwise. `callable` is
 * the object that was called. */
PyObject *hl_hook_call(PyObject *callable, PyFunctionObject *func, HlCode *code,
                       PyObject *const *args, size_t nargsf, PyObject *kwnames);
/* What is done with a new frame that is off the chain: brings it to its end and returns its value, or
 * NULL with an exception; nothing needs to have been evaluated. */
typedef PyObject *HlFrameRun(void *arg, HlFrame *f);
/* Calls func, whose frame is given to `run` when its arguments are bound. */
PyObject *hl_hook_call_run(PyFunctionObject *func, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames, HlFrameRun *run, void *arg);
/* The same with a frame of func whose slots are all NULL: nothing is bound. */
PyObject *hl_hook_push_run(PyFunctionObject *func, HlCode *code, HlFrameRun *run, void *arg);
/* Evaluates a frame that `run` was given from its pc to its end; raised: from the exception that is
 * set, which the instruction at its pc raised. Back-edges are counted if the function's are. */
PyObject *hl_hook_finish(HlFrame *f, HlCode *code, bool raised);
/* How many levels the recursion limit leaves; and frames that go on further up take theirs. */
int32_t hl_recursion_left(void);
void hl_recursion_take(int32_t levels);
/* HOTLOOP=1, hotloop.enable(): keeps the hook in for every Python function (or takes it out). */
int hl_hook_set_global(bool on);
bool hl_hook_is_global(void);
/* HL_R_NONE, or why nothing may be driven now: TRACING, OTHER_HOOK. */
HlReason hl_hook_blocked(void);

#endif
