/* hl_opt_enter.c - the way into the middle of a nest has the rest of its loop to itself.
 *
 *   entry: jump inner                            entry: jump inner'
 *                                                inner': ... jump inner'  or, behind it, jump outer
 *   outer: (header) ... jump inner          =>   outer: (header) ... jump inner
 *   inner: (header) ... jump inner               inner: (header) ... jump inner
 *          or, behind it, jump outer                    or, behind it, jump outer
 *
 * A loop gets hot from the inside: the region begins in the middle of the nest. Then all of the nest is one
 * loop that begins with the inner header, whatever the outer loop changes changes in it, nothing is
 * invariant, and there are no strips. With a copy of the blocks that lead from the entry to the header of the
 * loop around it, that header is where the nest begins, and its loops are inside of each other again.
 *
 * The copies' exits are taken, and recorded from, as those that they are copies of.
 *
 * Requirement: values reach a header as its parameters, which is how they are recorded; so this is the first
 * of all passes. */
#include "hl_opt.h"

enum { ENTER_MAX = 1200 }; /* instructions in the copies */

typedef struct Enter {
    HlIr *ir;
    const HlCfg *cfg;
    int32_t root;  /* the header that the entry leads to */
    int32_t *copy; /* by block: its copy; 0 = it is left as it is */
    int32_t nins;
    bool again; /* the root is reached from a loop around it */
} Enter;

/* Is it the header of a loop around the root's? It comes earlier in the bytecode, and is where we stop; the
 * others that do are reached through it. */
static bool enter_is_outer(const Enter *n, int32_t block)
{
    const HlBlock *b = &n->ir->blocks[block];
    return b->loop >= 0 && b->inlined < 0 && b->pc < n->ir->blocks[n->root].pc;
}

/* Finds what lies between the entry and those headers. A block comes behind some block that leads to it. */
static void enter_find(Enter *n)
{
    const HlCfg *cfg = n->cfg;
    for (int32_t i = 0; i < cfg->nrpo; i++) {
        int32_t b = cfg->rpo[i];
        bool reached = b == n->root;
        for (int32_t k = cfg->pred_at[b]; k < cfg->pred_at[b + 1]; k++)
            reached |= n->copy[cfg->pred[k]] != 0;
        if (!reached || enter_is_outer(n, b))
            continue;
        n->copy[b] = -1;
        n->nins += n->ir->blocks[b].params.n + n->ir->blocks[b].ins.n;
    }
    for (int32_t k = cfg->pred_at[n->root]; k < cfg->pred_at[n->root + 1]; k++)
        n->again |= cfg->pred[k] != 0 && !n->copy[cfg->pred[k]];
}

static int enter_copy(Enter *n)
{
    HlIr *ir = n->ir;
    const HlCfg *cfg = n->cfg;
    HlRef *map = hl_opt_map(ir, n->nins);
    if (!map)
        return -1;
    for (int32_t i = 0; i < cfg->nrpo; i++) {
        int32_t b = cfg->rpo[i];
        if (n->copy[b] && (n->copy[b] = hl_opt_copy_block(ir, b, map)) < 0) {
            hl_mem_free(map);
            return -1;
        }
    }
    hl_mem_free(map);
    return 0;
}

/* An exit of a copy goes on in the copy of what continues the original. */
static void enter_lead_exit(Enter *n, int32_t x)
{
    HlExit *twin = &n->ir->exits[x];
    const HlExit *origin = &n->ir->exits[twin->origin];
    twin->twin = 1;
    twin->stay = origin->stay;
    if (origin->target >= 0)
        twin->target = n->copy[origin->target] ? n->copy[origin->target] : origin->target;
}

static void enter_lead(Enter *n)
{
    HlIr *ir = n->ir;
    for (int32_t i = 0; i < n->cfg->nrpo; i++) {
        int32_t copy = n->copy[n->cfg->rpo[i]];
        if (!copy)
            continue;
        HlBlock *b = &ir->blocks[copy];
        for (int32_t k = 0; k < b->ins.n; k++)
            if (ir->ins[b->ins.v[k]].exit >= 0)
                enter_lead_exit(n, ir->ins[b->ins.v[k]].exit);
        if (b->term == HL_TERM_EXIT)
            enter_lead_exit(n, b->exit);
        else if (n->copy[b->target])
            b->target = n->copy[b->target];
    }
    ir->blocks[0].target = n->copy[n->root];
}

int hl_opt_enter(HlIr *ir)
{
    HlCfg cfg;
    if (ir->blocks[0].term != HL_TERM_JUMP || ir->blocks[ir->blocks[0].target].loop < 0)
        return 0;
    if (hl_cfg_build(ir, &cfg))
        return -1;
    Enter n = {.ir = ir, .cfg = &cfg, .root = ir->blocks[0].target};
    n.copy = hl_mem_alloc((size_t)cfg.n * sizeof *n.copy);
    int status = n.copy ? 0 : -1;
    if (!status) {
        enter_find(&n);
        if (n.again && n.nins <= ENTER_MAX && !(status = enter_copy(&n)))
            enter_lead(&n);
    }
    hl_mem_free(n.copy);
    hl_cfg_free(&cfg);
    return status;
}
