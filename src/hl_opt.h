/* hl_opt.h - what the passes share (hl_opt.c, _apart.c, _copy.c, _count.c, _front.c); nobody else includes it. */
#ifndef HL_OPT_H
#define HL_OPT_H

#include "hl_ir.h"
#include "hl_mem.h"

#define HL_NO_ARGS {HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF}

/* A map from each value to what replaces it, itself at first; chains are followed. There is room for
 * `more` values. NULL = no memory. */
HlRef *hl_opt_map(const HlIr *ir, int32_t more);
HlRef hl_opt_find(HlRef *map, HlRef r);
/* Rewrites every operand, jump argument and snapshot by the map. */
void hl_opt_apply(HlIr *ir, HlRef *map);

/* Has a guard at the entry, with a copy of the entry exit, see that `value` (at position i of the entry block, or a
 * parameter) is the constant k, and makes it that everywhere. Adds HL_PIN_INS instructions behind position i.
 * -1 = out of memory. */
int hl_opt_pin(HlIr *ir, HlRef value, int32_t i, int64_t k, HlReason why);
enum { HL_PIN_INS = 3 };

/* Drops from the blocks' lists what has been removed or moved elsewhere. */
void hl_opt_sweep(HlIr *ir);

/* Takes out the instruction at position i of a block. */
void hl_opt_drop(HlIr *ir, int32_t block, int32_t i);
/* Takes out a block that nothing leads to, and what is in it. */
void hl_opt_remove(HlIr *ir, int32_t block);
/* Removes the blocks that cannot be reached. */
void hl_opt_reap(HlIr *ir, const HlCfg *cfg);

/* Does it take longer than a branch that was guessed wrong? */
bool hl_opt_slow(HlOp op);

/* Nothing leads to the block any more, and it leads nowhere. */
void hl_opt_cut(HlIr *ir, int32_t block);
/* A copy of a snapshot, of other values: see hl_opt_map. -1 = out of memory. */
int32_t hl_opt_snap_copy(HlIr *ir, int32_t snap, HlRef *map);
/* An exit that counts as exit x, or as what that is a copy of (its origin is one that was recorded), with a
 * copy of x's snapshot, of other values: see hl_opt_map. -1 = out of memory. */
int32_t hl_opt_exit_copy(HlIr *ir, int32_t x, HlRef *map);
/* A new block that does what `block` does, and leads where that leads; its exits count as those of that.
 * `map` has room for what it adds. -1 = out of memory, and nothing leads to what there is of it. */
int32_t hl_opt_copy_block(HlIr *ir, int32_t block, HlRef *map);
/* An exit with that snapshot which counts as exit x, or as what that is a copy of. -1 = out of memory. */
int32_t hl_opt_exit_at(HlIr *ir, int32_t x, int32_t snap);
/* The instruction's guard, if it has one, leaves with that snapshot, in front of what was before it: the
 * exit says that it may fail too early. -1 = out of memory. */
int hl_opt_leave_at(HlIr *ir, HlRef r, int32_t snap);

/* Calls visit for every block that a block leads to: by its jump, or where an exit is continued. */
typedef void HlWay(void *data, int32_t to, bool exit);
void hl_opt_each_way(const HlIr *ir, int32_t block, HlWay *visit, void *data);

/* Marks in copy[], by block, what a copy from that block on consists of: what it leads to in the set, and what
 * continues an exit, which uses its block's values and so goes with it. Gives the number of instructions. `stack`
 * has room for all blocks. */
int32_t hl_opt_mark(const HlIr *ir, int32_t from, const bool *set, int32_t *copy, int32_t *stack);
/* Copies what is marked; copy[] then says which block is whose copy, 0 = none. Copies lead to each other as the
 * originals do, and their exits are twins of those. -1 = out of memory. */
int hl_opt_copy_marked(HlIr *ir, const HlCfg *cfg, int32_t *copy, int32_t nins);

/* The block whose jump is the only way into the loop, -1 = none. */
int32_t hl_opt_preheader(const HlIr *ir, const HlCfg *cfg, int32_t header);
/* A snapshot of the state at the end of that block, for guards there; *snap is -1 when that is not known, also
 * when something would have to be computed for it there, which is done if `compute`. -1 = out of memory. */
int hl_opt_front(HlIr *ir, const HlCfg *cfg, int32_t header, int32_t pre, bool compute,
                 int32_t *snap);
/* Does every way round the loop pass the block? */
bool hl_opt_every_iteration(const HlCfg *cfg, int32_t block, int32_t header);
/* What r is the sum of, with a small constant, *plus. */
HlRef hl_opt_base(const HlIr *ir, HlRef r, int64_t *plus);
/* Is r the value and 1? */
bool hl_opt_counts_up(const HlIr *ir, HlRef r, HlRef value);
/* An innermost loop that the code generator will not make strips of (hl_llvm_strip.c), as it has branches that depend
 * on data, indexes that do, reads what it has written, or works with lists. */
bool hl_opt_stays_loop(const HlIr *ir, const HlCfg *cfg, int32_t header);

/* --- innermost loops that count, by one, to a stop that stays: hl_opt_count.c ------------------ */
typedef struct HlCounted {
    HlIr *ir;
    const HlCfg *cfg;
    int32_t header, pre; /* the loop's, and the block whose jump is the only way into it */
    int32_t at, exit;    /* position of the guard of its end in the header, and its exit */
    int32_t param;       /* position of the counter among the header's parameters */
    HlRef stop;
    bool *set;     /* its blocks */
    int32_t *copy; /* block -> its copy in the last copy of an iteration, 0 = none */
    int32_t *stack, *pos;
} HlCounted;
/* What a pass does with such a loop: 1 = it has changed the graph, 0 = nothing, -1 = out of memory. */
typedef int HlCountedPass(HlCounted *c);
/* Does it with each. Blocks that cannot be reached any more are removed. -1 = out of memory. */
int hl_opt_count_each(HlIr *ir, HlCountedPass *pass);
/* Marks what a copy of an iteration consists of; how many instructions are that? */
int32_t hl_opt_count_mark(HlCounted *c);
/* Of what is marked: is nothing used by others, but what the header has in front of its guard, behind the end? */
bool hl_opt_count_apart(const HlCounted *c);
/* Makes a copy without POLLs, which comes back to the copy of the header, and is left there for nowhere. */
int hl_opt_count_copy(HlCounted *c);
/* What has been copied is not reached any more: takes it out, of the header what is from position `from` up to
 * `to`. The header's end, and what was at it, is the caller's business. */
void hl_opt_count_cut(HlCounted *c, int32_t from, int32_t to);
/* Counts n iterations of a loop at position `at` of a block. -1 = out of memory. */
int hl_opt_count_trips(HlIr *ir, int32_t block, int32_t at, int32_t loop, int64_t n);

/* --- items that a counting loop reads and stores: hl_opt_apart.c ------------------------------ */
typedef enum HlApart {
    HL_APART,          /* they are different ones in each iteration */
    HL_APART_IN_FRONT, /* a guard in front of the loop can tell */
    HL_APART_UNKNOWN
} HlApart;
HlApart hl_opt_apart(const HlCounted *c, const HlIns *load, const HlIns *store);

/* Where an item is along one axis: the counter, what stays, or nothing, and a constant. */
typedef struct HlAlong {
    HlRef stride; /* HL_NOREF = there is no such axis */
    HlRef index;  /* HL_NOREF = only the constant */
    bool counts;
    int64_t plus;
} HlAlong;

typedef struct HlPlace {
    HlRef base; /* an address that stays */
    HlAlong row, item;
    int64_t size; /* bytes */
} HlPlace;

/* A guard for pairs of such items; those that are some constant apart are one place. */
enum { HL_APART_PLACES = 8 };
typedef struct HlApartGuard {
    HlCounted *c;
    HlPlace place[HL_APART_PLACES];
    int64_t more[HL_APART_PLACES];  /* items behind the place's own */
    uint32_t meet[HL_APART_PLACES]; /* bits: which places it must not meet */
    int32_t n;
    HlRef array[HL_APART_PLACES]; /* in which the places of other pairs are */
    uint32_t overlap[HL_APART_PLACES];
    int32_t narrays;
    int32_t exit;
    bool failed; /* memory ran out */
} HlApartGuard;
/* Adds a pair; false = too many places. */
bool hl_opt_apart_add(HlApartGuard *g, const HlCounted *c, const HlIns *load, const HlIns *store);
/* Emits the guard, which leaves with that snapshot and counts as exit x. -1 = out of memory. */
int hl_opt_apart_guard(HlApartGuard *g, HlCounted *c, int32_t x, int32_t snap);

/* The two ways of the branch at that position of a block change places. -1 = out of memory. */
int hl_opt_turn_at(HlIr *ir, int32_t block, int32_t at);

/* Calls visit for each value in the snapshot of exit x. When a block continues the exit, the
 * snapshot is not needed (but may be again, when a pass undoes the branch: hl_opt_select): then
 * only if `all`. */
typedef void (*HlVisit)(void *data, HlRef r);
void hl_opt_snap_uses(const HlIr *ir, int32_t x, bool all, HlVisit visit, void *data);

/* Calls visit for each value that a block uses, those of all its exits' snapshots among them. */
void hl_opt_block_uses(const HlIr *ir, int32_t block, HlVisit visit, void *data);

/* Position of each instruction in its block, -1 = a parameter or removed. NULL = out of memory. */
int32_t *hl_opt_positions(const HlIr *ir);

/* a `cond` b is b `swapped` a, and not (a `inverse` b) when they are integers. */
uint8_t hl_opt_swapped(uint8_t cond);
uint8_t hl_opt_inverse(uint8_t cond);

/* Is the block the arm of a branch: reached from one place only, and ending with a jump? */
static inline bool hl_opt_is_arm(const HlIr *ir, const HlCfg *cfg, int32_t block)
{
    return cfg->pred_at[block + 1] - cfg->pred_at[block] == 1 && !ir->blocks[block].params.n &&
           ir->blocks[block].term == HL_TERM_JUMP;
}

static inline bool hl_opt_in_loop(const HlCfg *cfg, int32_t block, int32_t header)
{
    int32_t h = cfg->header[block];
    while (h >= 0 && h != header)
        h = cfg->outer[h];
    return h >= 0;
}

#endif
