/* hl_code.h - what hotloop knows of one code object: decoded bytecode, clones, loop counters, regions.
 * Kept in the code object's extra slot and freed with it. Owned by the GIL.
 *
 * Functions that one `def` makes share a code object, and may be jitted with and without fastmath. Machine
 * code that may round otherwise is for those that ask for it, so each choice has a state of its own. */
#ifndef HL_CODE_H
#define HL_CODE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "hl_bc.h"
#include "hl_reason.h"

struct HlRegion;

typedef enum HlLoopState {
    HL_LOOP_COUNTING, /* counted by the interpreter; may have regions */
    HL_LOOP_GIVEN_UP  /* never again: its back-edges stay in the evaluator */
} HlLoopState;

typedef struct HlLoop {
    int32_t countdown;    /* back-edges until hl_loop_backedge is asked (the driver counts down) */
    int32_t reload;       /* what the driver puts into countdown when it reaches 0 */
    uint8_t state;        /* HlLoopState */
    uint8_t given_up_why; /* HlReason */
    uint8_t tries;        /* recordings that failed; each doubles the wait */
    uint8_t rebuilds;     /* regions thrown away because a global changed */
    uint8_t replaced;     /* regions thrown away for others with other entry types */
    bool no_steps;        /* they do not pay here */
    int32_t misses;       /* back-edges in a row at which no region's entry fitted */
    int64_t interpreted;  /* back-edges that the interpreter took and we saw */
    struct HlRegion *regions; /* list, last used first; kept by hl_region.c */
    int32_t nregions;
} HlLoop;

typedef struct HlCode {
    PyCodeObject *orig; /* borrowed: this state lives in its extra slot */
    PyCodeObject *hot;  /* clone whose back-edges leave the evaluator; owned, made on first drive */
    PyCodeObject *serve; /* clone whose loop headers leave the evaluator; owned */
    PyObject *blank;     /* private to hooks/: function that pushes frames of this size; owned */
    HlBytecode *bytecode;
    HlLoop *loops;        /* bytecode->nloops */
    int32_t nlive;        /* loops not given up; 0: never driven again */
    int32_t threshold;    /* back-edges before a loop is recorded */
    uint8_t plain_why;    /* HlReason: why it is never driven (GENERATOR, ...), NONE otherwise */
    bool warn_fallback;   /* @jit(nopython=True): warn when a hot loop stays interpreted */
    uint8_t fastmath;     /* @jit(fastmath=...): HL_FAST_* */
    struct HlCode *twin;  /* the next state of this code object, with another fastmath */
    uint8_t inline_why;   /* HlReason of the last of these: */
    uint8_t inline_stops; /* recordings that ended in an inlined call of it, for something in it */
    bool jitted;          /* decorated, or reached in global mode */
    int64_t entries;      /* calls that were driven */
    int64_t plain_calls[HL_R__COUNT]; /* calls that ran plainly, by reason */
    void *hook;                       /* private to hooks/: patch tables */
    void *stats;                      /* private to hl_stats.c */
    struct HlCode *next, *prev;       /* all live ones, for reports */
} HlCode;

/* The state of a code object with these HL_FAST_*, made on first use. NULL with an exception = out
 * of memory. A code object without loops, or a generator's, has one too (plain_why / nloops say so). */
HlCode *hl_code_get(PyCodeObject *code, int fastmath);
/* The one without fastmath for a code object with loops; NULL without an exception, and no state, for one
 * without. */
HlCode *hl_code_get_if_loops(PyCodeObject *code);
/* The state if it exists, NULL otherwise; never raises. */
HlCode *hl_code_peek(PyCodeObject *code, int fastmath);
/* All of them: the one that was made first, then `twin`; NULL = there are none. */
HlCode *hl_code_all(PyCodeObject *code);
/* First of all live ones. */
HlCode *hl_code_first(void);
int hl_code_init(void); /* requests the extra slot; 0, or -1 with an exception */
/* Sets the threshold of a code object that has not run yet. */
void hl_code_set_threshold(HlCode *code, int32_t threshold);
/* Gives a loop up for good, and the whole code object when it was the last one; counts the reason. */
void hl_code_give_up(HlCode *code, int loop, HlReason why);

#endif
