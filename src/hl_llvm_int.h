/* hl_llvm_int.h - private to the LLVM back end: emitter, strips, run-time helpers and session see
 * each other through this. */
#ifndef HL_LLVM_INT_H
#define HL_LLVM_INT_H

#include <llvm-c/Core.h>

#include "hl_emit.h"
#include "hl_llvm_rt.h"

typedef LLVMValueRef Val;
typedef LLVMBasicBlockRef Bb;

/* Set while a strip's body is emitted: guards that are proved before it, or implied by others, are
 * left out, and the rest only set `fail`. */
typedef struct HlStripPass {
    const bool *done; /* by HlRef: nothing to check here */
    const bool
        *chain;  /* by HlRef: of a sum or product that may be made in any order; NULL = none */
    bool exact;  /* GUARD_FP: infinite and NaN results are decided; else they fail */
    bool vector; /* the loop vectorises: no instructions that LLVM leaves scalar */
    Val fail;    /* i1: some guard would have left, in this iteration or before */
} HlStripPass;

/* A later guard that tells whether a value is finite (hl_llvm_fp.c). */
typedef struct HlTold {
    HlRef by;    /* HL_NOREF = none */
    int32_t run; /* the run of instructions in which it does; 0 = in none */
} HlTold;

#define HL_WAITING 16

/* What a loop of one block stores and then reads in its next iteration (hl_llvm_carry.c). */
typedef struct HlCarry {
    const HlIns *load, *store; /* NULL = it does not */
    LLVMTypeRef type;          /* in memory */
    bool always;               /* it reads that, but in its first iteration */
    Val address, value; /* slots: where the last iteration stored what; NULL = there was none */
} HlCarry;

/* A parameter of a loop's header by which its iterations are counted (hl_llvm_trips.c). */
typedef struct HlTrips {
    int step; /* 1, -1; 0 = there is none */
    int32_t param;
    HlRef next; /* its value in the next iteration, HL_NOREF = that depends on the way... */
    int32_t at; /* ...and where in its block that is computed */
} HlTrips;

/* Where machine code leaves by an exit. */
typedef struct HlPlace {
    int32_t
        header; /* of the innermost loop around all guards that leave there; negative = there is none */
    int32_t block; /* of these guards, -1 = of several blocks... */
    int32_t at;    /* ...and the first one's position in it, INT32_MAX = its end */
} HlPlace;

#define HL_STRIP_BUFFER 4096

typedef struct HlEmitter {
    const HlIr *ir;
    const HlPlan *plans;
    const HlEmitEnv *env;
    HlCfg cfg;
    LLVMContextRef ctx;
    LLVMModuleRef mod;
    LLVMBuilderRef b;
    Val fn;
    LLVMTypeRef i1, i8, i16, i32, i64, f32, f64, ptr, rt_int;
    unsigned k_prof, k_tbaa, k_invariant, k_unpredictable;
    Val likely; /* branch weights: the first successor, nearly always */
    Val tbaa_item, tbaa_header, tbaa_words;
    Val tbaa_list, tbaa_refs, tbaa_value; /* lists, reference counts, the insides of numbers */
    Bb leave;                             /* common end of all exits, NULL = there are none */
    Val leave_exit;                       /* phi in it: the exit's index */
    Val scratch;                          /* i64 in the stack frame, for results by address */
    Val *val;                             /* by HlRef */
    Bb *first;                            /* by block: its first LLVM block */
    Bb *exit;                             /* by exit: its cold block, NULL = not referred to yet */
    Val *counter;                         /* by loop: stack slot, NULL = no header of it here */
    bool *polls;                          /* by block: its POLL is needed */
    HlTold *told;                         /* by HlRef */
    HlRef waiting[HL_WAITING];            /* GUARD_FPs that later ones will tell of */
    int nwaiting;
    HlCarry *carry;    /* by block */
    bool *waits;       /* by HlRef, of such loops: made of what was stored one iteration before */
    HlTrips *trips;    /* by block, of headers */
    HlPlace *place;    /* by exit */
    uint8_t *late;     /* by HlRef: computed at exits, not where it is; see hl_llvm_late.c */
    int32_t run;       /* of instructions: how many there are so far */
    Bb *last;          /* by block: the one with its terminator, once it is there */
    bool calls;        /* Python may run in STEPs */
    bool side_by_side; /* there are rounds */
    HlStripPass *pass; /* NULL outside strips */
    Val buffer;        /* of strips, NULL = none has one yet */
} HlEmitter;

/* Adds a region to a module, which has its data layout already, as a function called `name`, not
 * yet optimised. 0, or -1 = out of memory. *side_by_side: some loop is, for several iterations at once, which
 * are to be made vectors of. */
int hl_llvm_emit(LLVMModuleRef mod, const char *name, const HlIr *ir, const HlPlan *plans,
                 const HlEmitEnv *env, bool *side_by_side);

/* --- what hl_llvm_emit.c offers to the other files ---------------------------------------------- */
Val hl_llvm_int(HlEmitter *e, int64_t i); /* constant */
Val hl_llvm_float(HlEmitter *e, double f);
LLVMIntPredicate hl_llvm_int_predicate(HlCompare c);
Val hl_llvm_ptr(HlEmitter *e, const void *p);
Val hl_llvm_field(HlEmitter *e, Val object, int64_t offset); /* its address */
Val hl_llvm_header(HlEmitter *e, LLVMTypeRef type, Val object, int64_t offset);
/* An axis' length or stride; offset: where the array has these. */
Val hl_llvm_axis(HlEmitter *e, Val array, int32_t offset, int axis);
Val hl_llvm_tag(HlEmitter *e, Val access, Val tbaa);
Val hl_llvm_call(HlEmitter *e, void *fn, LLVMTypeRef res, LLVMTypeRef *params, Val *args,
                 unsigned nargs);
/* A call of a function of hl_llvm_rt.c, which depends on its operands alone. */
Val hl_llvm_call_rt(HlEmitter *e, const char *name, LLVMTypeRef res, LLVMTypeRef arg, Val *args,
                    unsigned nargs);
/* A C function that machine code gets by its name; to the optimiser, one of its operands alone. */
Val hl_llvm_declare(HlEmitter *e, const char *name, LLVMTypeRef type);
void hl_llvm_at(HlEmitter *e, Bb bb);              /* goes on at the end of a block */
Bb hl_llvm_exit_block(HlEmitter *e, int32_t exit); /* where an exit goes, with nothing waiting */
void hl_llvm_guard(HlEmitter *e, const HlIns *ins, Val ok);
bool hl_llvm_is_int(Val v, int64_t *out); /* is it one? */
Val hl_llvm_intrinsic(HlEmitter *e, const char *name, LLVMTypeRef type, Val *args, unsigned nargs);
Val hl_llvm_fabs(HlEmitter *e, Val x);
/* Is this guard known to hold, or implied by another, in the strip being emitted? */
bool hl_llvm_checked_elsewhere(HlEmitter *e, const HlIns *ins);
Val hl_llvm_writeable(HlEmitter *e, Val array);
Val hl_llvm_no_pending(HlEmitter *e); /* the eval breaker is 0 */
/* In the stack frame, 0 at entry; in registers, in the end. */
Val hl_llvm_slot(HlEmitter *e, LLVMTypeRef type, const char *name);
/* In the stack frame, for what strips store: that of HL_STRIP_BUFFER bytes is one for all of them, smaller ones
 * become registers. */
Val hl_llvm_buffer(HlEmitter *e, int64_t bytes);
void hl_llvm_count(HlEmitter *e, int64_t loop, Val n); /* n iterations of it were run */
Bb hl_llvm_next_block(HlEmitter *e, const char *name); /* behind the current one in the text */
Val hl_llvm_branch(HlEmitter *e, Val cond, Bb yes, Bb no, bool likely);
/* The address of the item at an index. A stride that is the item's size makes an ordinary array of it,
 * which LLVM understands best. */
Val hl_llvm_item(HlEmitter *e, HlDtype d, Val data, Val stride, Val index);
LLVMTypeRef hl_llvm_item_type(HlEmitter *e, HlDtype d); /* in memory; of one part of it */
Val hl_llvm_load_item(HlEmitter *e, HlDtype d, Val address);
void hl_llvm_store_item(HlEmitter *e, HlDtype d, Val address, Val v);
/* A value as it is in memory, and back. */
Val hl_llvm_shorten_item(HlEmitter *e, HlDtype d, Val v);
Val hl_llvm_widen_item(HlEmitter *e, HlDtype d, Val v);
/* Emits one instruction; its value, or NULL when it has none here. */
Val hl_llvm_ins(HlEmitter *e, const HlIns *ins);
/* Can the function of libm be computed for all items of a vector at once? */
bool hl_llvm_math_in_vectors(const HlEmitter *e, HlMath m);

/* --- hl_llvm_fast.c --------------------------------------------------------------------------- */
/* The instruction's operation, which may be done otherwise where the function has fastmath. */
Val hl_llvm_fast(HlEmitter *e, const HlIns *ins, Val operation);
/* Tells the vectoriser of a loop, by its jump back, to work on several vectors at once: one that waits for
 * its own results would be as slow as the processor's addition is long. */
void hl_llvm_fast_side_by_side(HlEmitter *e, Val back, int vectors);
/* Is there a function for vectors of what libm's does for one number, that may be called here? */
bool hl_llvm_fast_has(const HlEmitter *e, HlMath m);
/* Tells LLVM of these functions, at a call of libm's. */
void hl_llvm_fast_call(HlEmitter *e, HlMath m, Val call);

/* --- hl_llvm_round.c -------------------------------------------------------------------------- */
/* Needs the k-th parameter's value of an iteration the one before? A variable that is only set has a
 * parameter, too. `waits` has room for all refs. */
bool hl_llvm_round_waits(const HlEmitter *e, const HlBlock *b, int32_t k, bool *waits);
/* May the sum, or product, that the float r is, and `next` in the next iteration, be made in any order of the
 * iterations? So it is where the function allows it and its value in between is not seen. Its operations are
 * marked in `chain`, by ref. */
bool hl_llvm_round_reduces(const HlEmitter *e, const HlBlock *b, HlRef r, HlRef next, bool *chain);
/* The same for an array item that every iteration reads once, and then stores. */
bool hl_llvm_round_reduces_cell(const HlEmitter *e, const HlBlock *b, const HlIns *store,
                                bool *chain);

/* --- hl_llvm_fp.c ----------------------------------------------------------------------------- */
Val hl_llvm_is_finite(HlEmitter *e, Val x);
/* Finds out which GUARD_FPs of a block can wait for later ones. To be called before its instructions
 * are emitted. */
void hl_llvm_fp_plan(HlEmitter *e, const HlBlock *b);
bool hl_llvm_fp_waits(HlEmitter *e, HlRef guard); /* true = there is nothing to emit now */
void hl_llvm_fp_guard(HlEmitter *e, const HlIns *ins);
void hl_llvm_fp_finite(HlEmitter *e, const HlIns *ins);
Val hl_llvm_fp_to_int(HlEmitter *e, const HlIns *ins, Val x);
/* Where a failing guard goes: to its exit, when no guard that waits would have left before it. */
Bb hl_llvm_fp_leave(HlEmitter *e, int32_t exit);

/* --- hl_llvm_carry.c -------------------------------------------------------------------------- */
/* Finds the loops that read what they stored one iteration before. To be called in front of everything
 * that is emitted. */
void hl_llvm_carry_plan(HlEmitter *e);
void hl_llvm_carry_enter(HlEmitter *e, int32_t from, int32_t to); /* at a jump */
Val hl_llvm_carry_load(HlEmitter *e, const HlIns *ins, Val address);
void hl_llvm_carry_store(HlEmitter *e, const HlIns *ins, Val address, Val v); /* behind the store */
Val hl_llvm_carry_select(HlEmitter *e, const HlIns *ins);

/* --- hl_llvm_trips.c -------------------------------------------------------------------------- */
/* Finds the loops whose counter counts for them. To be called in front of everything that is emitted. */
void hl_llvm_trips_plan(HlEmitter *e);
void hl_llvm_trips_jump(HlEmitter *e, int32_t from, int32_t to); /* counts at a jump */
void hl_llvm_trips_begin(HlEmitter *e, int32_t block);           /* at the start of a block */
void hl_llvm_trips_exit(HlEmitter *e, int32_t x);                /* at an exit */
/* n iterations of the loop were run otherwise, and its header's parameters are what they are behind them. */
void hl_llvm_trips_moved(HlEmitter *e, int32_t header, Val n);

/* --- hl_llvm_late.c --------------------------------------------------------------------------- */
/* Finds out what only exits use. To be called in front of everything that is emitted. */
void hl_llvm_late_plan(HlEmitter *e);
/* The value, which is computed here if that was left to the exits. */
Val hl_llvm_late(HlEmitter *e, HlRef r);

/* --- hl_llvm_arith.c -------------------------------------------------------------------------- */
/* An operation on integers. */
Val hl_llvm_arith(HlEmitter *e, const HlIns *ins, Val *a);

/* --- hl_llvm_seq.c ---------------------------------------------------------------------------- */
Val hl_llvm_unbox_int(HlEmitter *e, const HlIns *ins, Val object);
Val hl_llvm_unbox_float(HlEmitter *e, Val object);
/* Operations on lists, tuples and bytes; a: the operands' values. */
Val hl_llvm_seq(HlEmitter *e, const HlIns *ins, Val *a);

/* --- hl_llvm_block.c -------------------------------------------------------------------------- */
void hl_llvm_fill(HlEmitter *e, const HlIns *ins, Val *a);
void hl_llvm_copy(HlEmitter *e, const HlIns *ins, Val *a);

/* --- hl_llvm_pause.c -------------------------------------------------------------------------- */
/* Slots of one such way: iterations that the body still does, failures in a row. */
typedef struct HlPause {
    Val wait, failed;
} HlPause;
HlPause hl_llvm_pause(HlEmitter *e);
Val hl_llvm_pause_left(HlEmitter *e, const HlPause *p);            /* i64: 0 = none is being made */
void hl_llvm_pause_less(HlEmitter *e, const HlPause *p, Val left); /* the body does one */
void hl_llvm_pause_begin(HlEmitter *e, const HlPause *p, Val n);   /* n iterations have failed */
void hl_llvm_pause_over(HlEmitter *e, const HlPause *p);           /* they have not */

/* --- hl_llvm_strip.c -------------------------------------------------------------------------- */
/* Emits, where it pays, a fast way through many iterations of a loop that is one block. To be
 * called at the start of the block, behind its phis; goes on at the start of the ordinary body.
 * 0, or -1 = out of memory. */
int hl_llvm_strip(HlEmitter *e, int32_t block);

/* --- hl_llvm_nest.c --------------------------------------------------------------------------- */
/* The same for several iterations at once of a loop around a loop. */
int hl_llvm_nest(HlEmitter *e, int32_t block);

/* --- hl_llvm_several.c ------------------------------------------------------------------------ */
/* The same for four at once of a short loop of which no strip is made. */
int hl_llvm_several(HlEmitter *e, int32_t block);

#endif
