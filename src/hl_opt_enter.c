/* hl_opt_enter.c - a loop has one way in: its header.
 *
 *   P: (header)              first:                        first:
 *     ...                      ...                           ...
 *     jump T(%a)               jump T(%b)          =>        jump T'(%b)
 *   T:                                                     T':
 *     ... tail ...                                           ... tail ...
 *     jump P(...)                                            jump P(...)
 *
 * A variable that is a Python float before the loop and a NumPy scalar in it makes such a path, which joins the
 * others in the middle of the loop, or of the inner loop of a nest. A loop with two ways in is none to the
 * passes and to LLVM: nothing is invariant in it, and there are no strips. With a copy of what lies between
 * the way in and the header, for that way, it is one again. So outer loops come first: in the copy the inner
 * ones may be entered in the middle, and get a copy in turn.
 *
 * Loops are what is strongly connected, and then what is when their headers are left out [1].
 *
 * The copies' exits are taken, and recorded from, as those that they are copies of (HlExit.twin).
 *
 * Requirement: values reach a block that is jumped to as its parameters, which is how they are recorded; so
 * this is the first of all passes.
 *
 * [1] B. Steensgaard, Sequentializing program dependence graphs for irreducible programs, 1993. */
#include "hl_opt.h"

#include <string.h>

enum { ENTER_MAX = 1200 }; /* instructions in all copies */

typedef struct Enter {
    HlIr *ir;
    const HlCfg *cfg;
    int32_t *copy; /* by block: its copy, -1 = will get one, 0 = none */
    int32_t *left; /* instructions that copies may still have */
} Enter;

/* --- what is strongly connected --------------------------------------------------------------- */

/* Blocks on a walk through those of a set. */
typedef struct Walk {
    const bool *set;
    bool *seen;
    int32_t *stack, n;
} Walk;

static void walk_to(Walk *w, int32_t block)
{
    if (w->set[block] && !w->seen[block]) {
        w->seen[block] = true;
        w->stack[w->n++] = block;
    }
}

static void walk_visit(void *data, int32_t to, bool exit)
{
    (void)exit;
    walk_to(data, to);
}

/* Marks in `loop` what in the set both leads to the block and can be reached from it; false = nothing but a
 * block that does not lead to itself. */
static bool enter_connected(const Enter *n, const bool *set, int32_t block, bool *loop, bool *seen,
                            int32_t *stack)
{
    const HlCfg *cfg = n->cfg;
    size_t size = (size_t)cfg->n * sizeof(bool);
    Walk forth = {.set = set, .seen = loop, .stack = stack};
    memset(loop, 0, size);
    hl_opt_each_way(n->ir, block, walk_visit, &forth);
    while (forth.n)
        hl_opt_each_way(n->ir, forth.stack[--forth.n], walk_visit, &forth);
    if (!loop[block])
        return false;
    Walk back = {.set = loop, .seen = seen, .stack = stack};
    memset(seen, 0, size);
    walk_to(&back, block);
    while (back.n) {
        int32_t b = back.stack[--back.n];
        for (int32_t k = cfg->pred_at[b]; k < cfg->pred_at[b + 1]; k++)
            walk_to(&back, cfg->pred[k]);
    }
    memcpy(loop, seen, size);
    return true;
}

/* The header of the outermost loop in what is connected: its bytecode comes first. */
static int32_t enter_header(const Enter *n, const bool *loop)
{
    int32_t header = -1;
    for (int32_t i = 0; i < n->cfg->nrpo; i++) {
        int32_t b = n->cfg->rpo[i];
        const HlBlock *block = &n->ir->blocks[b],
                      *best = header < 0 ? NULL : &n->ir->blocks[header];
        if (loop[b] && block->loop >= 0 &&
            (!best || block->inlined < best->inlined ||
             (block->inlined == best->inlined && block->pc < best->pc)))
            header = b;
    }
    return header;
}

static bool enter_outside(const Enter *n, const bool *loop, int32_t block, int32_t pred)
{
    return !loop[n->cfg->pred[pred]] && n->ir->blocks[n->cfg->pred[pred]].term == HL_TERM_JUMP &&
           n->ir->blocks[n->cfg->pred[pred]].target == block;
}

/* Another block of the loop that is jumped to from outside, -1 = none. */
static int32_t enter_other(const Enter *n, const bool *loop, int32_t header)
{
    const HlCfg *cfg = n->cfg;
    for (int32_t i = 0; i < cfg->nrpo; i++) {
        int32_t b = cfg->rpo[i];
        for (int32_t k = cfg->pred_at[b]; loop[b] && b != header && k < cfg->pred_at[b + 1]; k++)
            if (enter_outside(n, loop, b, k))
                return b;
    }
    return -1;
}

/* The ways into the block from outside of the loop lead to its copy. */
static void enter_lead(Enter *n, const bool *loop, int32_t block)
{
    const HlCfg *cfg = n->cfg;
    for (int32_t k = cfg->pred_at[block]; k < cfg->pred_at[block + 1]; k++)
        if (enter_outside(n, loop, block, k))
            n->ir->blocks[cfg->pred[k]].target = n->copy[block];
}

/* --- the pass --------------------------------------------------------------------------------- */

/* Looks for a loop with another way in, in the blocks of the set, outer loops first; 1 = it has one less now,
 * 0 = there is none, -1 = out of memory. */
static int enter_search(Enter *n, const bool *set)
{
    const HlCfg *cfg = n->cfg;
    size_t size = (size_t)cfg->n;
    bool *done = hl_mem_alloc(4 * size);
    int32_t *stack = hl_mem_alloc(size * sizeof *stack);
    int status = done && stack ? 0 : -1;
    bool *loop = status ? NULL : done + size, *seen = status ? NULL : loop + size;
    bool *inner = status ? NULL : seen + size;
    for (int32_t i = 0; i < cfg->nrpo && !status; i++) {
        int32_t first = cfg->rpo[i];
        if (!set[first] || done[first] || !enter_connected(n, set, first, loop, seen, stack))
            continue;
        for (size_t b = 0; b < size; b++)
            done[b] |= loop[b];
        int32_t header = enter_header(n, loop);
        if (header < 0)
            continue;
        int32_t other = enter_other(n, loop, header);
        memcpy(inner, loop, size);
        inner[header] = false;
        memset(n->copy, 0, size * sizeof *n->copy);
        int32_t nins = other < 0 ? 0 : hl_opt_mark(n->ir, other, inner, n->copy, stack);
        if (other >= 0 && nins <= *n->left) {
            *n->left -= nins;
            status = hl_opt_copy_marked(n->ir, cfg, n->copy, nins) ? -1 : 1;
            if (status > 0)
                enter_lead(n, loop, other);
        } else {
            status = enter_search(n, inner);
        }
    }
    hl_mem_free(done);
    hl_mem_free(stack);
    return status;
}

static int enter_round(HlIr *ir, int32_t *left)
{
    HlCfg cfg;
    if (hl_cfg_build(ir, &cfg))
        return -1;
    Enter n = {.ir = ir, .cfg = &cfg, .left = left};
    bool *all = hl_mem_alloc((size_t)cfg.n);
    n.copy = hl_mem_alloc((size_t)cfg.n * sizeof *n.copy);
    int status = -1;
    if (all && n.copy) {
        memset(all, true, (size_t)cfg.n);
        status = enter_search(&n, all);
    }
    hl_mem_free(all);
    hl_mem_free(n.copy);
    hl_cfg_free(&cfg);
    return status;
}

int hl_opt_enter(HlIr *ir)
{
    int32_t left = ENTER_MAX;
    int status = ir->entry_exit >= 0;
    while (status > 0)
        status = enter_round(ir, &left);
    return status;
}
