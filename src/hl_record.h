/* hl_record.h - recording: from a hot loop header, or a hot exit, to paths in a region's graph. */
#ifndef HL_RECORD_H
#define HL_RECORD_H

#include "hl_inline.h"
#include "hl_region.h"

typedef enum HlRecordEnd {
    HL_RECORD_DONE,   /* the frame is at its pc, in the state the interpreter would have there */
    HL_RECORD_SERVE,  /* as DONE, at a back-edge whose pending work CPython has to do first */
    HL_RECORD_RAISED, /* an exception is set; the instruction at the frame's pc raised it */
    HL_RECORD_EDGE,   /* the frame's pc is a back-edge that was not executed yet */
    HL_RECORD_ENDED   /* the frame has ended; `result`, or NULL and an exception, came of it */
} HlRecordEnd;

typedef struct HlRecordResult {
    HlRecordEnd end;
    HlReason why;                  /* why it stopped; NONE = settled: no new path for a while */
    int32_t pc;                    /* where */
    bool closed;                   /* the region's graph has a loop: worth compiling */
    bool grew;                     /* paths were added */
    bool away;                     /* it stopped because a step did not end where it should */
    int32_t native, steps, rounds; /* bytecodes executed that have machine code, steps made, and how
                                      often a loop's header was passed */
    PyObject *result;
} HlRecordResult;

/* Executes the frame's bytecode from its pc on, adding what it sees to r->ir. The frame is off the
 * chain at r's loop header (exit = -1: a new region, whose entry is typed by what the frame holds) or
 * at the snapshot of `exit`, just rebuilt. `inlined`: the frames of inlined calls at that exit, which
 * are still to be made; NULL = there are none. */
HlRecordResult hl_record(HlRegion *r, HlFrame *f, int32_t exit, HlInlined *inlined);

/* hl_rec_end.c. Does the region's loop end behind this exit? Nothing is recorded there. */
bool hl_record_ends_loop(const HlRegion *r, int32_t exit);
/* The innermost loop around pc, inside of the region's, whose end is in the graph; -1 = none, or it has no machine
 * code that would get there. */
int hl_record_inner_loop(const HlRegion *r, int32_t pc);
/* The exit at such an end for a frame that is there: what the frame holds has the types of the exit's
 * snapshot. -1 = none. */
int32_t hl_record_end(const HlRegion *r, HlFrame *f);

/* What type an object has for machine code: VOID = none (then *big says whether it is an int that
 * does not fit 64 bits). */
HlType hl_record_type_of(PyObject *o, bool *big);
/* The type of a complex number, which machine code has as two values; VOID = it is none. */
HlType hl_record_complex_type(PyObject *o);

/* A Python function, or a jitted one: an object that machine code may call inline. */
bool hl_record_is_function(PyObject *o);

#endif
