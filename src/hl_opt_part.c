/* hl_opt_part.c - a loop with two phases becomes two loops.
 *
 *   H: (header)                     H:                              H':
 *     ...                             ...                             ...
 *     guard_false %k <= %i -> x1      guard_false %k <= %i -> x1      guard_true %k <= %i -> x2
 *     rest                      =>    rest                            work
 *     jump H(...)                     jump H(...)                     jump H'(...)
 *   x1: ... -> B                    x1: ... -> B                    x2: ... -> R'
 *   B:                              B:                              R':
 *     work                            work                            rest
 *     jump H(...)                     jump H'(...)                    jump H(...)
 *
 * While a counter has not reached a bound the program does one thing, and then another for the rest of the loop.
 * The code generator makes strips of loops that are one block, whose branches leave them; so each phase gets one
 * in which its way is in line. Where the program changes its mind, it goes from one to the other.
 *
 * Requirements: 1. B can be reached from this guard only; 2. only what is copied (H, B, and what continues
 * their exits) uses its values. */
#include "hl_opt.h"

#include <string.h>

enum { PART_MAX = 120 }; /* instructions in a copy */

/* Is it a parameter of the header, give or take a constant? */
static bool part_counts(const HlIr *ir, HlRef r, int32_t header)
{
    const HlIns *ins = &ir->ins[r];
    int64_t k;
    if ((ins->op == HL_I_ADD || ins->op == HL_I_SUB || ins->op == HL_I_ADD_OV ||
         ins->op == HL_I_SUB_OV) &&
        hl_ir_is_kint(ir, ins->a[1], &k))
        ins = &ir->ins[ins->a[0]];
    return ins->op == HL_I_PARAM && ins->block == header;
}

/* Does the guard ask whether what counts in the loop has reached a bound? */
static bool part_on_bound(const HlIr *ir, const HlCfg *cfg, const HlIns *guard, int32_t header)
{
    if (guard->op != HL_I_GUARD_TRUE && guard->op != HL_I_GUARD_FALSE)
        return false;
    const HlIns *cmp = &ir->ins[guard->a[0]];
    if (cmp->op != HL_I_ICMP || cmp->aux == HL_EQ || cmp->aux == HL_NE)
        return false;
    bool outside[2];
    for (int k = 0; k < 2; k++)
        outside[k] = !hl_opt_in_loop(cfg, ir->ins[cmp->a[k]].block, header);
    return (outside[0] && part_counts(ir, cmp->a[1], header)) ||
           (outside[1] && part_counts(ir, cmp->a[0], header));
}

/* The position of a branch between two phases in a loop of one block, -1 = none. */
static int32_t part_find(const HlIr *ir, const HlCfg *cfg, int32_t header)
{
    const HlBlock *b = &ir->blocks[header];
    if (b->term != HL_TERM_JUMP || b->target != header)
        return -1;
    for (int32_t i = 0; i < b->ins.n; i++) {
        const HlIns *guard = &ir->ins[b->ins.v[i]];
        int32_t way = guard->exit < 0 ? -1 : ir->exits[guard->exit].target;
        if (way < 0 || ir->exits[guard->exit].reason != HL_R_BRANCH ||
            !part_on_bound(ir, cfg, guard, header))
            continue;
        if (hl_opt_is_arm(ir, cfg, way) && ir->blocks[way].target == header)
            return i;
    }
    return -1;
}

typedef struct Uses {
    const HlIr *ir;
    const int32_t *copy;
    bool found; /* a use of what is marked */
} Uses;

static void uses_visit(void *data, HlRef r)
{
    Uses *u = data;
    u->found |= r >= 0 && u->ir->ins[r].block >= 0 && u->copy[u->ir->ins[r].block];
}

/* Does a block that is not marked use a value of one that is? */
static bool part_used(const HlIr *ir, const HlCfg *cfg, const int32_t *copy)
{
    Uses u = {.ir = ir, .copy = copy};
    for (int32_t i = 0; i < cfg->nrpo && !u.found; i++)
        if (!copy[cfg->rpo[i]])
            hl_opt_block_uses(ir, cfg->rpo[i], uses_visit, &u);
    return u.found;
}

/* 1 = the loop has become two, 0 = it stays one, -1 = out of memory. */
static int part_loop(HlIr *ir, const HlCfg *cfg, int32_t header, int32_t at, bool *set,
                     int32_t *copy, int32_t *stack)
{
    int32_t arm = ir->exits[ir->ins[ir->blocks[header].ins.v[at]].exit].target;
    set[header] = set[arm] = true;
    int32_t nins = hl_opt_mark(ir, header, set, copy, stack);
    if (nins > PART_MAX || part_used(ir, cfg, copy))
        return 0;
    if (hl_opt_copy_marked(ir, cfg, copy, nins) || hl_opt_turn_at(ir, copy[header], at))
        return -1;
    ir->blocks[arm].target = copy[header];
    ir->blocks[copy[arm]].target = header;
    return 1;
}

int hl_opt_part(HlIr *ir)
{
    HlCfg cfg;
    if (ir->entry_exit < 0)
        return 0;
    if (hl_cfg_build(ir, &cfg))
        return -1;
    size_t size = (size_t)cfg.n;
    bool *set = hl_mem_alloc(size);
    int32_t *copy = hl_mem_alloc(size * sizeof *copy), *stack = hl_mem_alloc(size * sizeof *stack);
    int status = set && copy && stack ? 0 : -1;
    for (int32_t i = 0; i < cfg.nrpo && status >= 0; i++) {
        int32_t at = part_find(ir, &cfg, cfg.rpo[i]);
        if (at < 0)
            continue;
        memset(set, 0, size);
        memset(copy, 0, size * sizeof *copy);
        status = part_loop(ir, &cfg, cfg.rpo[i], at, set, copy, stack);
    }
    hl_mem_free(set);
    hl_mem_free(copy);
    hl_mem_free(stack);
    hl_cfg_free(&cfg);
    return status < 0 ? -1 : 0;
}
