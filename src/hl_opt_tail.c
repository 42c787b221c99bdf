/* hl_opt_tail.c - a first iteration with types of its own gets the loop's tail to itself.
 *
 *   P: (header)              first:                        first:
 *     ...                      ...                           ...
 *     jump T(%a)               jump T(%b)          =>        jump T'(%b)
 *   T:                                                     T':
 *     ... tail ...                                           ... tail ...
 *     jump P(...)                                            jump P(...)
 *
 * A variable that is a Python float before the loop and a NumPy scalar in it makes such a path, which
 * joins the others in the middle of the loop. A loop with two ways in is none to the passes and to
 * LLVM. With a copy of the block that leads back for the way from outside, it is one again, often of
 * a single block.
 *
 * The copy's exits count as the original's, and are not recorded from; should one fail often, the region
 * is compiled again without (HlExit.stay).
 *
 * Requirements: 1. T is entered by jumps only; 2. nothing but its own jump and exits uses its values. */
#include "hl_opt.h"

enum { TAIL_MAX = 24 };

typedef struct Tail {
    HlIr *ir;
    const HlCfg *cfg;
    int32_t block;
    bool used; /* by others than itself */
} Tail;

/* Is the way in from inside of the loop? */
static bool tail_inside(const Tail *t, int32_t pred)
{
    return hl_cfg_dominates(t->cfg, t->ir->blocks[t->block].target, pred);
}

static void tail_use(void *data, HlRef r)
{
    Tail *t = data;
    t->used |= r >= 0 && t->ir->ins[r].block == t->block;
}

static bool tail_used(Tail *t)
{
    const HlIr *ir = t->ir;
    t->used = false;
    for (int32_t i = 0; i < t->cfg->nrpo; i++) {
        int32_t index = t->cfg->rpo[i];
        const HlBlock *b = &ir->blocks[index];
        if (index == t->block)
            continue;
        for (int32_t k = 0; k < b->ins.n; k++) {
            const HlIns *ins = &ir->ins[b->ins.v[k]];
            for (int a = 0; a < HL_MAX_ARGS; a++)
                tail_use(t, ins->a[a]);
            hl_opt_snap_uses(ir, ins->exit, true, tail_use, t);
        }
        for (int32_t k = 0; k < b->args.n; k++)
            tail_use(t, b->args.v[k]);
        hl_opt_snap_uses(ir, b->term == HL_TERM_EXIT ? b->exit : -1, true, tail_use, t);
    }
    return t->used;
}

static bool tail_found(Tail *t)
{
    const HlIr *ir = t->ir;
    const HlCfg *cfg = t->cfg;
    const HlBlock *b = &ir->blocks[t->block];
    int inside = 0, outside = 0;
    if (b->term != HL_TERM_JUMP || b->loop >= 0 || b->ins.n > TAIL_MAX ||
        ir->blocks[b->target].loop < 0 || tail_inside(t, t->block))
        return false;
    for (int32_t k = cfg->pred_at[t->block]; k < cfg->pred_at[t->block + 1]; k++) {
        if (cfg->pred_ins[k] != INT32_MAX || ir->blocks[cfg->pred[k]].term != HL_TERM_JUMP)
            return false;
        if (tail_inside(t, cfg->pred[k]))
            inside++;
        else
            outside++;
    }
    for (int32_t k = 0; k < b->ins.n; k++) {
        int32_t x = ir->ins[b->ins.v[k]].exit;
        if (x >= 0 && (ir->exits[x].target >= 0 || ir->exits[x].stay))
            return false;
    }
    return inside && outside && !tail_used(t);
}

static int tail_copy(const Tail *t)
{
    HlIr *ir = t->ir;
    const HlCfg *cfg = t->cfg;
    HlRef *map = hl_opt_map(ir, ir->blocks[t->block].params.n + ir->blocks[t->block].ins.n);
    int32_t copy = map ? hl_opt_copy_block(ir, t->block, map) : -1;
    hl_mem_free(map);
    if (copy < 0)
        return -1;
    for (int32_t k = cfg->pred_at[t->block]; k < cfg->pred_at[t->block + 1]; k++)
        if (!tail_inside(t, cfg->pred[k]))
            ir->blocks[cfg->pred[k]].target = copy;
    return 0;
}

/* Copies one tail; 1 = it has, 0 = there is none, -1 = out of memory. */
static int tail_round(HlIr *ir)
{
    HlCfg cfg;
    if (hl_cfg_build(ir, &cfg))
        return -1;
    int status = 0;
    for (int32_t i = 0; i < cfg.nrpo && !status; i++) {
        Tail t = {.ir = ir, .cfg = &cfg, .block = cfg.rpo[i]};
        if (tail_found(&t))
            status = tail_copy(&t) ? -1 : 1;
    }
    hl_cfg_free(&cfg);
    return status;
}

int hl_opt_tail(HlIr *ir)
{
    int status = ir->entry_exit >= 0;
    while (status > 0)
        status = tail_round(ir);
    return status;
}
