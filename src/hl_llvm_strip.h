/* hl_llvm_strip.h - what the files that make strips share (hl_llvm_strip.c); nobody else includes it. */
#ifndef HL_LLVM_STRIP_H
#define HL_LLVM_STRIP_H

#include "hl_llvm_int.h"

enum {
    STRIP_VECTOR = 8, /* a multiple of it leaves no rest, which would need a loop of its own */
    STRIP_SIDE = 4,   /* vectors side by side in a sum that may be done in any order */
    STRIP_COPIES = 4, /* iterations in a round of a loop that does not vectorise */
    STRIP_LINE = 64,  /* bytes of a line of the cache */
    STRIP_LONG = 512, /* from so many iterations on it pays to begin with a line */
    STRIP_MAX = 8192, /* bounds what is lost when a strip fails, and the wait for a signal */
    STRIP_ITEMS = 12, /* array accesses */
    STRIP_SUMS = 512  /* additions to a sum in an iteration */
};

/* What a strip adds to a sum is at most STRIP_SMALL each, together at most 2^62. */
#define STRIP_SMALL (INT64_C(1) << 40)
_Static_assert((INT64_C(1) << 62) / STRIP_MAX / STRIP_SUMS >= STRIP_SMALL, "sums of a strip fit");

typedef struct Strip {
    HlEmitter *e;
    const HlIr *ir;
    int32_t index; /* the block */
    const HlBlock *block;
    HlRef trip;         /* guard that ends the loop */
    HlRef small, large; /* it goes on while small < large; one moves by 1, the other stays */
    int32_t items[STRIP_ITEMS], nitems; /* array accesses, in order */
    bool stores, branches;              /* stores: in every iteration */
    HlRef
        cell; /* the only store, into an item that stays the same and is read before; else HL_NOREF */
    Val cell_at;     /* its address */
    bool vectorises; /* no float goes round the loop, whose operations have their order */
    bool in_order;   /* every float operation is done in its order */
    bool sums; /* floats that go round do so as sums, or products, that may be done in any order */
    bool reduces; /* and are: it vectorises because of that */
    bool checks;  /* something is found out in the strip itself */
    bool turns;   /* it checks and stores: in turns, block by block */
    bool vectors; /* a block is what a vector holds; else iterations are a chain, and blocks long */
    bool overlaps;        /* the first two blocks may share iterations */
    int64_t size, widest; /* most iterations of a block; of the first blocks that vectors make */
    Val buffer;           /* what is to be stored, when all is checked; NULL = stored at once */
    bool *done;           /* by ref: guard that is proved or implied */
    bool *carried;        /* by position in the state: the last value must be finite */
    bool *chain;          /* by ref: belongs to such a sum or product */
    bool *waits;          /* by ref: scratch of hl_llvm_round_waits */
    uint8_t *sum;         /* by ref: belongs to a sum of small amounts, see strip_find_sums */
    bool finite;          /* some guard is implied: no result may be infinite or NaN */
    bool exact;           /* GUARD_FP is decided for those, too, in what is emitted now */
    bool twice;     /* what is stored is not kept, but computed again when all is checked... */
    bool dry;       /* ...which it is not yet */
    Val n, last;    /* iterations of this strip, and n - 1 */
    Val from, some; /* those before this block, NULL = none; iterations of this block */
    Val proved;     /* i1 so far */
    Val contiguous; /* i1: of the items that are accessed along a row */
    int32_t nstate; /* parameters, whether a guard failed, the cell's value */
    /* nstate each: at the header, at the block's start, at a loop's start, between two loops */
    Val *start, *at, *phi, *mid;
    int64_t *step; /* by position of a parameter: changes by it; 0 = has a phi */
} Strip;

/* --- hl_llvm_strip_find.c: is it such a loop, and what needs no test in it? -------------------- */
bool strip_inside(const Strip *s, HlRef r);
/* The position of a parameter of this block, -1 = r is none. */
int32_t strip_param(const Strip *s, HlRef r);
bool strip_is_sum(const HlIns *ins);
bool strip_is_difference(const HlIns *ins);
/* Does the parameter r change by the same amount in every iteration? *by is that amount's ref, to
 * be subtracted when *down. A parameter that is passed on unchanged has *by = HL_NOREF. */
bool strip_steps(const Strip *s, HlRef r, HlRef *by, bool *down);
/* The constant by which the k-th parameter changes in every iteration, 0 = it does not. */
int64_t strip_constant_step(const Strip *s, int32_t k);
/* Does r change linearly with the iteration, made only of what is proved not to overflow? */
bool strip_linear(const Strip *s, HlRef r);
bool strip_is_access(const HlIns *ins);
/* Does an access go from item to item along one row? */
bool strip_walks(const Strip *s, const HlIns *access);
/* Is it a branch, of which the strip takes the way that goes on in the block for as long as that is known
 * from the first and the last iteration? */
bool strip_is_way(const Strip *s, HlRef r);
/* Does the linear r change by a constant amount, *by? */
bool strip_slope(const Strip *s, HlRef r, int64_t *by);
/* Are both accesses to one row, but not to the same item? One of them goes along it then. */
bool strip_shares_row(const Strip *s, const HlIns *store, const HlIns *load);
bool strip_is_cell(const Strip *s, const HlIns *load);
/* How many iterations leave no rest; fewer are not worth the proof. */
int strip_multiple(const Strip *s);
bool strip_find(Strip *s);
/* Is every counter proved not to overflow? In the body it takes a time that nobody has, see
 * hl_opt_range.c, which strips do not take. */
bool strip_counters_proved(const Strip *s);
/* Where the cell's value is in the state. */
int32_t strip_cell_state(const Strip *s);
/* Marks guards that are proved before the strip, and those that later ones imply. */
void strip_mark(Strip *s);

/* --- hl_llvm_strip_proof.c: what is found out in front of a strip ------------------------------ */
/* The value of a linear r in the strip's first or last iteration, proved not to overflow there;
 * what is linear does not overflow in between either. */
Val strip_at(Strip *s, HlRef r, bool last);
/* a[0] + a[1] * a[2] of a row or an access: linear in the iteration, as its parts are. */
Val strip_pointer(Strip *s, const HlIns *ins, bool last);
/* The branches go on in the block in the first or last iteration. */
void strip_prove_ways(Strip *s, bool last);
/* In a long strip the first item that blocks store along a row begins a line of the cache: a short strip, or
 * what the first block has for itself, goes there. */
void strip_align(Strip *s);
/* An item that stays, in a row that the strip writes along: the strip ends in front of the iteration that
 * writes it, or, when that is nearer than `least`, is as short as can be: the proof fails then. */
void strip_shorten(Strip *s, int least);
/* Goes on where all is proved. */
void strip_prove_all(Strip *s, Bb give_up);
/* Items that are accessed along a row are taken to be `contiguous`: their strides are constants in the strip, and in
 * the proof behind this. */
void strip_assume_strides(Strip *s, Val *before);
void strip_restore_strides(Strip *s, const Val *before); /* to what they were */

#endif
