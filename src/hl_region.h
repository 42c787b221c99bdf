/* hl_region.h - the life cycle of regions: from a hot loop header to machine code and back. */
#ifndef HL_REGION_H
#define HL_REGION_H

#include "../hooks/hl_hook.h"
#include "hl_code.h"
#include "hl_emit.h"
#include "hl_ir.h"

/* What the driver does next with a frame that came back at a back-edge. */
typedef enum HlGo {
    HL_GO_ON,    /* evaluate the hot clone from the frame's pc */
    HL_GO_SERVE, /* frame's pc is a back-edge: run it in the serving clone, come back at a header */
    HL_GO_ORIGINAL, /* nothing left to count: evaluate the original code from the frame's pc */
    HL_GO_RAISED,   /* an exception is set; the instruction at the frame's pc raised it */
    HL_GO_EDGE,     /* the frame's pc is a back-edge that was not executed yet */
    HL_GO_ENDED     /* the frame has ended: *result, or NULL and an exception, came of it */
} HlGo;

/* Called by the driver when a loop's countdown ran out. The frame is at the loop's header, off the
 * thread's chain, in its hot clone. May run machine code, record, and so move the frame on, also to its
 * end; it may be in another clone then. */
HlGo hl_loop_backedge(HlCode *code, int loop, HlFrame *f, PyObject **result);

/* Why and how often machine code was left at one place. */
typedef struct HlExitStat {
    int64_t taken;     /* exits that reached the interpreter */
    int64_t steps;     /* of a STEP: how often it was made */
    int32_t countdown; /* until it is recorded */
    uint8_t tries;     /* recordings from it that failed */
    uint8_t why_not;   /* HlReason: why it is never recorded (again); NONE = it may be */
    bool recorded;     /* a recording began there, because it was taken often */
    bool left;     /* of a branch: it went by the exit, the last time that the recorder came by */
    uint8_t runs;  /* ...: how often that was, at most UINT8_MAX */
    uint8_t turns; /* ...: how often it went another way than the time before */
} HlExitStat;

enum {
    HL_INLINED_LOOPS = 64, /* loops of inlined functions in a region, at most */
    HL_RECURSION_SPARE = 8 /* levels of recursion that must be left beyond those of inlined calls */
};

typedef enum HlRegionState {
    HL_REGION_RECORDED, /* has IR, waits for its first machine code */
    HL_REGION_READY,    /* has machine code */
    HL_REGION_DEAD      /* failed or invalidated: never entered again */
} HlRegionState;

/* What the entry demands of one frame slot. */
typedef struct HlEntrySlot {
    int32_t slot;
    HlType type;  /* VOID = not looked at; a complex number's: two inputs */
    uint8_t iter; /* HlSlotKind of an iterator that only the frame holds; UNBOUND = none */
    uint8_t nseq; /* how many sequences it is over, and their types */
    HlType seq[HL_ITER_SEQS];
    bool fixed_step; /* range iterator with this step */
    int64_t step;
    bool unbound; /* must be NULL */
    bool bound;   /* must not be */
    bool same;    /* must be this object */
    PyObject *object;
    bool dies;     /* overwritten in machine code: its death must not be observable */
    int32_t input; /* first index into the region's inputs, -1 = none */
} HlEntrySlot;

/* A global, builtin or module attribute that the region uses (GUARD_GLOBAL, LOAD_GLOBAL index this
 * list). */
typedef struct HlGlobalRef {
    PyObject *dict;   /* owned: looked up there only; NULL: globals, then builtins */
    PyObject *name;   /* owned */
    PyObject *object; /* owned; NULL for LOAD_GLOBAL */
    uint64_t globals_version, builtins_version; /* when `cached` was looked up;
                                                   both dict's when that is set */
    PyObject *cached;                           /* borrowed; valid while the versions hold */
} HlGlobalRef;

typedef struct HlGlobals {
    /* The dicts of the frame that runs, borrowed while it does: owning them would keep a function that is
     * a name in them alive for ever. Versions are unique among all dicts, so what is cached for one is
     * never taken for another's. */
    PyObject *globals, *builtins;
    HlGlobalRef *v;
    int32_t n, cap;
} HlGlobals;

/* What the recorder knows of a block at its start: which value each slot holds. */
typedef struct HlBlockState {
    HlSlot *slots; /* nslots entries; NULL = the block continues an exit (its snapshot says it) */
    int32_t nslots;
} HlBlockState;

/* What a region does with a slot. */
enum {
    HL_SLOTF_DROPS = 1, /* machine code may take an object away from it */
    HL_SLOTF_NAMED = 2, /* instructions of the loop nest name it */
    HL_SLOTF_BOUND = 4  /* a cell that must not be empty behind a step */
};

typedef struct HlRegion {
    struct HlRegion *next; /* in its loop's list */
    HlCode *code;          /* NULL once the code object is gone */
    int32_t loop;
    uint8_t state; /* HlRegionState */
    HlIr *ir;      /* as recorded, grows */
    HlBlockState *states;
    int32_t cap_states; /* parallel to ir->blocks */
    HlIr *opt;          /* what the machine code was made from */
    HlPlan *plans;
    int32_t nplans; /* of opt */
    HlCodeBlob *blob;
    HlEntry fn;
    HlEntrySlot *entry;
    int32_t nentry;
    PyObject **objects;
    int32_t nobjects,
        cap_objects; /* KOBJ constants, code compiled inline; owned but for code->orig */
    HlGlobals globals;
    HlExitStat *exits;
    int32_t nexits, cap_exits; /* parallel to ir->exits */
    int64_t *native;           /* native iterations per loop index, added to by machine code */
    int32_t levels;            /* inlined calls inside each other, at most */
    int64_t *in, *out;         /* buffers of the machine code */
    int32_t cap_in, cap_out;
    int32_t running;     /* activations inside the machine code now */
    uint8_t *slot_flags; /* HL_SLOTF_* per slot */
    int32_t steps;       /* STEPs recorded */
    bool no_steps;       /* must not get any */
    bool recording;      /* is being recorded: a step may come back here */
    int32_t compiles;
    /* RECORDED, but not compiled before this loop inside has come to its end, or the program is back at the
     * header of its own; -1 = it awaits nothing. */
    int32_t awaits;
    int32_t quiet;         /* recordings in a row, from such places, that showed nothing new */
    bool compiling, dirty; /* a compile is under way; recorded more since it began */
    /* In interpreted iterations: what leaving for paths that wait to be compiled has cost, and how many the nest
     * had when it was last left for one (-1 = it was entered since). */
    int64_t behind, left_at;
    int64_t ended;           /* times that its loop came to an end */
    int64_t entered, missed; /* entries; entry checks that failed */
    double compile_seconds, record_seconds;
    double hot_seconds;     /* from its recording to its first machine code: what both took */
    uint8_t dead_why;       /* HlReason */
    bool killed;            /* DEAD, no longer counted by its loop; the last activation that leaves
                             * its machine code frees that */
    int64_t bad_exits;      /* exits that were no end of a loop and no poll */
    int64_t native_checked; /* native iterations when the gain was last looked at */
    uint8_t strikes;        /* times in a row that there was none */
    bool uses_npfloat;      /* NumPy float arithmetic: np.errstate(under) must be 'ignore' */
    bool may_npwrap;        /* np.errstate(over) was 'ignore' when it was first recorded */
    bool uses_npwrap;       /* NumPy integers wrap in silence: np.errstate(over) must be 'ignore' */
} HlRegion;

/* One run of machine code, on the C stack: what it shares with the steps in it. A step may run other
 * Python code, and with it the same region again. */
typedef struct HlActivation {
    PyObject **slots; /* of the frame: FRAME_LOAD reads them */
    HlRegion *r;
    HlFrame *f;
    PyObject *const *entered; /* per slot at the entry: the object's address, which may be gone */
    HlGo go;                  /* when a step does not come back: what the driver does */
    PyObject *result;         /* with HL_GO_ENDED */
} HlActivation;

/* The recorded exit that counts for one of machine code, which may be of a guard that was moved or copied. */
int32_t hl_region_exit(const HlRegion *r, int64_t index);
/* Iterations that its machine code has made, of all its loops. */
int64_t hl_region_native(const HlRegion *r);
/* Is NumPy's errstate, at the entry or behind a step, as the machine code has to have it? */
bool hl_region_errstate_fits(const HlRegion *r);

/* Regions of a code object die with it; machine code that still runs is freed when it is left. */
void hl_region_free_all(HlCode *code);

/* The compile queue (hl_compile.c): hands a copy of the region's IR to the background thread, or
 * compiles in place when HOTLOOP_SYNC=1. hl_compile_poll publishes what is finished, but changes no
 * region with running > 0. All of it with the GIL. */

/* Compiles, or compiles again, what the region has recorded; while a compile is under way, once
 * more behind it (dirty). 0, or -1: the region is DEAD. Never raises. */
int hl_compile_submit(HlRegion *r);
void hl_compile_poll(void);
void hl_compile_wait(void); /* until what is in the queue is published; releases the GIL */
/* The region is about to be freed: no result will be published into it. */
void hl_compile_forget(HlRegion *r);
/* Frees machine code that nobody runs any more, now or when the backend has time; NULL is fine. */
void hl_compile_release(HlCodeBlob *blob);
int hl_compile_init(void);
void hl_compile_stop(void); /* at interpreter exit: ends the thread; any number of times */
const HlBackend *hl_compile_backend(void); /* loads it; NULL with an exception */
/* A compiled region as text, `what` as in HlBackend.text. malloc'ed; NULL: message in err. */
char *hl_compile_text(HlRegion *r, char what, char *err, size_t err_size);
const char *hl_compile_message(void); /* why the last compile that failed did; "" = none did */
#ifdef HL_DEBUG
void hl_compile_fail_at(long n); /* tests: the n-th compile from now on fails, 0 = none */
#endif
extern volatile int hl_compile_finished; /* non-zero: hl_compile_poll has something to publish */

#endif
