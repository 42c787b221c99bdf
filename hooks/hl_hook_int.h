/* hl_hook_int.h - between hl_hook.c (arming, driving) and the file of a CPython version.
 *
 * A hot clone is a copy of a code object whose loop back-edges leave the evaluator; a serving clone is
 * one whose loop headers do. A frame is moved between them and the original, which all have the same
 * layout, so that an offset means the same in each. */
#ifndef HL_HOOK_INT_H
#define HL_HOOK_INT_H

#include "hl_hook.h"

/* A loop back-edge of a code object. */
typedef struct HlEdge {
    int32_t pc;       /* of the jump */
    int32_t unit;     /* of its opcode, which is what the hot clone has overwritten */
    int32_t target;   /* pc of the loop header */
    int32_t next;     /* pc where it goes on when it does not jump */
    int32_t loop;
    int8_t condition; /* HlJumpCond, which pops a value; -1 = always jumps */
} HlEdge;

/* HlCode.hook, one block of memory. */
typedef struct HlEdges {
    int32_t n;
    int32_t *at; /* by code unit: index of the back-edge there, -1 = none */
    HlEdge edge[];
} HlEdges;

static inline const HlEdge *hl_edge_at(const HlCode *code, int32_t unit)
{
    const HlEdges *edges = code->hook;
    return edges->at[unit] < 0 ? NULL : &edges->edge[edges->at[unit]];
}

/* -- What a version's file implements ------------------------------------------------------------ */

int hl_version_init(void); /* layout probes; 0, or -1 with an exception */

typedef PyObject *(*HlEvalFunction)(PyThreadState *, HlFrame *, int);
HlEvalFunction hl_interp_eval(PyInterpreterState *interp); /* NULL = CPython's own evaluator */
void hl_interp_set_eval(PyInterpreterState *interp, HlEvalFunction eval);
/* CPython's evaluator: to the end of the frame. */
PyObject *hl_frame_finish(PyThreadState *ts, HlFrame *f, int throwflag);

/* Evaluates a driven frame. *unit = the code unit where a clone left the evaluator, with the stack as
 * that instruction found it; -1 = the frame really returned, or raised. */
PyObject *hl_frame_eval(PyThreadState *ts, HlFrame *f, const HlCode *code, int throwflag,
                        int32_t *unit);
PyCodeObject *hl_frame_code(const HlFrame *f);
/* Moves the frame to the same place of another clone or of the original. */
void hl_frame_move(HlFrame *f, PyCodeObject *to);
/* A plain function's frame, about to start, that can be driven if its code can. */
bool hl_frame_starts(const HlFrame *f);

/* Is this vectorcall a call instruction of the thread's current frame, with the arguments, which it
 * owns and drops afterwards, on that frame's stack behind the callable? */
bool hl_frame_calls(PyThreadState *ts, PyObject *callable, PyObject *const *args);

/* A trace or profile function is set in this thread. */
bool hl_thread_traced(const PyThreadState *ts);
/* Lets the evaluator that runs, or the next one, report events or not (it does when traced). */
void hl_thread_report(PyThreadState *ts, bool events);

/* Undoes all patches of the clones, also for the frames that are inside, and drops them. */
void hl_clones_retire(HlCode *code);
/* Retires the clones that frames of this thread are in. */
void hl_clones_retire_running(PyThreadState *ts);

#endif
