/* hl_hook_int.h - between hl_hook.c (arming, driving) and the file of a CPython version.
 *
 * A hot clone is a copy of a code object whose loop back-edges leave the evaluator; a serving clone is
 * one whose loop headers do; a step clone is one whose back-edges and one more instruction do, the end
 * of a step. A frame is moved between them and the original, which all have the same
 * layout, so that an offset means the same in each. */
#ifndef HL_HOOK_INT_H
#define HL_HOOK_INT_H

#include "hl_hook.h"

#include "hl_frame_311.h" /* frame_*, thread_*, interp_eval: inline */

/* A loop back-edge of a code object. */
typedef struct HlEdge {
    int32_t pc;     /* of the jump */
    int32_t unit;   /* of its opcode, which is what the hot clone has overwritten */
    int32_t target; /* pc of the loop header */
    int32_t next;   /* pc where it goes on when it does not jump */
    int32_t loop;
    int8_t condition; /* HlJumpCond, which pops a value; -1 = always jumps */
} HlEdge;

/* HlCode.hook, one block of memory. */
typedef struct HlEdges {
    int32_t n;
    int32_t *at;         /* by code unit: index of the back-edge there, -1 = none */
    PyCodeObject **step; /* by pc: the step clone that ends there; owned, NULL = none yet */
    HlEdge edge[];
} HlEdges;

static inline const HlEdge *hl_edge_at(const HlCode *code, int32_t unit)
{
    const HlEdges *edges = code->hook;
    return edges->at[unit] < 0 ? NULL : &edges->edge[edges->at[unit]];
}

/* -- What a version's file implements ------------------------------------------------------------ */

int hl_version_init(void); /* layout probes; 0, or -1 with an exception */

/* Is this vectorcall a call instruction of the thread's current frame, with the arguments, which it
 * owns and drops afterwards, on that frame's stack behind the callable? */
bool hl_frame_calls(PyThreadState *ts, PyObject *callable, PyObject *const *args);

/* Lets the evaluator that runs, or the next one, report events or not (it does when traced). */
void hl_thread_report(PyThreadState *ts, bool events);

/* A function whose frames are as large as those of `co`'s, and which takes no arguments. */
PyObject *hl_blank_make(PyCodeObject *co);
/* The clone in which a step ends at pc, made when it is missing. NULL = none can be made (now). */
PyCodeObject *hl_step_clone(HlCode *code, int32_t pc);

/* Undoes all patches of the clones, also for the frames that are inside, and drops them. */
void hl_clones_retire(HlCode *code);
/* Retires the clones that frames of this thread are in. */
void hl_clones_retire_running(PyThreadState *ts);

#endif
