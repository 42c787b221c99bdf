/* ir_exec.h - a reference interpreter for regions: slow, and suspicious of everything. The tests
 * run a region before and after a pass with it and compare. */
#ifndef IR_EXEC_H
#define IR_EXEC_H

#include "../../src/hl_ir.h"

/* An object as a region sees it: an int, float, bool or NumPy scalar of `type` with its value in
 * `word`, a complex number with its parts in items, a 1-D or 2-D array, or something else (OBJ): then also a function, `word` being the number of its
 * code, and `items` what it gives to its slots, `inner` for a jitted one the function in it. */
typedef struct ExecObj {
    HlType type;
    int64_t word; /* doubles as bits */
    bool big;     /* an int that does not fit */
    bool read_only;
    int64_t *items, len; /* arrays: len items, of complex128 two words each... */
    int64_t columns;     /* ...of a 2-D one so many in a row */
    struct ExecObj *inner;
    int id;
} ExecObj;

typedef struct ExecWorld {
    ExecObj **objects; /* KOBJ i */
    int nobjects;
    ExecObj **globals; /* LOAD_GLOBAL i; NULL = missing */
    bool *same;        /* GUARD_GLOBAL i holds */
    int nglobals;
    long polls;      /* POLL leaves at this call; -1 = never */
    ExecObj **frame; /* FRAME_LOAD i: what the frame's slot i holds */
    int nframe;
    void (*step)(void *data, int64_t end); /* STEP; NULL = it does not come back */
    void *step_data;
} ExecWorld;

typedef enum ExecEnd {
    EXEC_LEFT,     /* through `exit` */
    EXEC_STEPS,    /* ran too long */
    EXEC_UNDEFINED /* did something that is undefined: `why` */
} ExecEnd;

typedef struct ExecResult {
    ExecEnd end;
    int32_t exit;
    const char *why;
    int32_t block;   /* where it ended */
    int64_t *counts; /* per loop: how often its header blocks were entered */
    int64_t *values; /* per instruction, at the end */
} ExecResult;

/* How a run is observed. */
typedef struct ExecWatch {
    /* Per instruction: an _OV operation that does not leave on overflow, as if its result were as
     * long as Python's. It is undefined when a guard, a store or the frame depends on more than its
     * low 64 bits. NULL = none. */
    const uint8_t *loose;
    /* Called before each guard whose exit has the snapshot `snap`. */
    int32_t snap;
    void (*at)(void *data, const ExecResult *now);
    void *data;
} ExecWatch;

/* Runs a region that hl_check_ir accepts. `in`: a word per input (objects as ExecObj pointers).
 * watch: NULL = plainly. */
ExecResult exec_run(const HlIr *ir, const ExecWorld *world, const int64_t *in, long max_steps,
                    const ExecWatch *watch);
void exec_free(ExecResult *r);

/* The frame as text, malloc'ed: from a snapshot; or from an exit's plan and its out words, as the
 * core makes it. `out` gets the words (room for every live value). */
char *exec_frame(const HlIr *ir, int32_t snap, const ExecResult *r, const int64_t *in);
char *exec_plan_frame(const HlIr *ir, const ExecWorld *world, const HlPlan *plan,
                      const ExecResult *r, const int64_t *in, int64_t *out);

#endif
