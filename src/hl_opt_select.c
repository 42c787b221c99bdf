/* hl_opt_select.c - branches that cost more than both of their arms become selects.
 *
 *     guard_true %c -> x1                        %a = ...       (the arm's, moved up)
 *     %b = ...                                   %b = ...
 *     jump J(%b)                          =>     %s = select %c %b %a
 *   x1: ... -> A                                 jump J(%s)
 *   A:
 *     %a = ...
 *     jump J(%a)
 *
 * A processor guesses a branch on data wrong every other time, which costs more than a few additions.
 * LLVM does the same to pure arms, but not to those that check for overflow: it does not know that a
 * check may as well fail too early. Leaving at the branch is always right, because the interpreter goes
 * on from there; so the moved guards get the branch's snapshot. Should one fail often at that place, the
 * region is compiled again without (HlExit.stay).
 *
 * Then blocks that only follow each other are merged, so that a loop with such a branch is one block
 * again, as hl_llvm_strip.c wants it.
 *
 * Requirements: 1. both arms are pure and cheap, or check for overflow; 2. nothing in them may be
 * undefined for operands that the branch excludes (HL_E_TRAPS); 3. the arm is entered from this guard
 * only. What earlier passes concluded from the branch inside an arm stays right: the select discards
 * its result where the branch would not have gone there. */
#include "hl_opt.h"

enum { ARM_MAX = 4 };

static bool select_cheap(const HlIr *ir, HlRef r)
{
    const HlIns *ins = &ir->ins[r];
    switch ((HlOp)ins->op) {
    case HL_I_ADD_OV:
    case HL_I_SUB_OV:
    case HL_I_MUL_OV:
    case HL_I_NARROW_OV: return ir->exits[ins->exit].target < 0 && !ir->exits[ins->exit].stay;
    default: return hl_op_info[ins->op].fx == 0 && !hl_opt_slow((HlOp)ins->op);
    }
}

static bool select_arm(const HlIr *ir, const HlBlock *b, int32_t from)
{
    if (b->term != HL_TERM_JUMP || b->ins.n - from > ARM_MAX)
        return false;
    for (int32_t i = from; i < b->ins.n; i++)
        if (!select_cheap(ir, b->ins.v[i]))
            return false;
    return true;
}

/* Position of the guard at which the block's branch begins, -1 = none that can be converted. */
static int32_t select_find(const HlIr *ir, const HlCfg *cfg, int32_t block)
{
    const HlBlock *b = &ir->blocks[block];
    for (int32_t i = b->ins.n - 1; i >= 0; i--) {
        const HlIns *g = &ir->ins[b->ins.v[i]];
        if (g->op != HL_I_GUARD_TRUE && g->op != HL_I_GUARD_FALSE) {
            if (!select_cheap(ir, b->ins.v[i]))
                return -1;
            continue;
        }
        int32_t arm = ir->exits[g->exit].target;
        if (arm < 0 || ir->exits[g->exit].stay || arm == block || ir->blocks[arm].params.n ||
            cfg->pred_at[arm + 1] - cfg->pred_at[arm] != 1)
            return -1;
        bool same = b->term == HL_TERM_JUMP && ir->blocks[arm].term == HL_TERM_JUMP &&
                    ir->blocks[arm].target == b->target && b->target != arm;
        return same && select_arm(ir, b, i + 1) && select_arm(ir, &ir->blocks[arm], 0) ? i : -1;
    }
    return -1;
}

/* Room for what a conversion adds: from then on nothing fails, and no pointer goes stale. */
static int select_reserve(HlIr *ir, HlBlock *b, const HlBlock *arm)
{
    int32_t moved = b->ins.n + arm->ins.n, selects = b->args.n;
    return hl_mem_grow((void **)&ir->exits, &ir->cap_exits, ir->nexits + moved,
                       sizeof *ir->exits) ||
           hl_mem_grow((void **)&ir->ins, &ir->cap_ins, ir->nins + selects, sizeof *ir->ins) ||
           hl_mem_grow((void **)&b->ins.v, &b->ins.cap, moved + selects, sizeof *b->ins.v);
}

static int select_convert(HlIr *ir, int32_t block, int32_t at)
{
    HlBlock *b = &ir->blocks[block];
    HlRef guard = b->ins.v[at], cond = ir->ins[guard].a[0];
    bool taken_if = ir->ins[guard].op == HL_I_GUARD_TRUE;
    int32_t exit = ir->ins[guard].exit, snap = ir->exits[exit].snap, pc = ir->ins[guard].pc;
    HlBlock *arm = &ir->blocks[ir->exits[exit].target];
    if (select_reserve(ir, b, arm))
        return -1;
    for (int32_t i = at + 1; i < b->ins.n; i++)
        if (hl_opt_leave_at(ir, b->ins.v[i], snap))
            return -1;
    for (int32_t i = 0; i < arm->ins.n; i++) {
        HlRef r = arm->ins.v[i];
        if (hl_opt_leave_at(ir, r, snap) || hl_refvec_push(&b->ins, r))
            return -1;
        ir->ins[r].block = block;
    }
    memmove(&b->ins.v[at], &b->ins.v[at + 1], (size_t)(b->ins.n - at - 1) * sizeof *b->ins.v);
    b->ins.n--;
    ir->ins[guard].block = -1;
    ir->ins[guard].exit = -1;
    ir->exits[exit].target = -1;
    for (int32_t k = 0; k < b->args.n; k++) {
        HlRef here = b->args.v[k], there = arm->args.v[k];
        if (here == there)
            continue;
        HlIns sel = {.op = HL_I_SELECT,
                     .type = ir->ins[here].type,
                     .exit = -1,
                     .pc = pc,
                     .a = {cond, taken_if ? here : there, taken_if ? there : here, HL_NOREF}};
        HlRef r = hl_ir_emit(ir, block, &sel);
        if (r == HL_NOREF)
            return -1;
        b->args.v[k] = r;
    }
    hl_opt_cut(ir, (int32_t)(arm - ir->blocks));
    return 0;
}

/* The block's jump is the only way into its target: one block. */
static int select_merge(HlIr *ir, const HlCfg *cfg, int32_t block, HlRef *map)
{
    HlBlock *b = &ir->blocks[block], *next;
    int32_t target = b->target;
    if (block == 0 || b->term != HL_TERM_JUMP || target == block)
        return 0;
    next = &ir->blocks[target];
    if (next->loop >= 0 || cfg->pred_at[target + 1] - cfg->pred_at[target] != 1)
        return 0;
    if (hl_mem_grow((void **)&b->ins.v, &b->ins.cap, b->ins.n + next->ins.n, sizeof *b->ins.v))
        return -1;
    for (int32_t i = 0; i < next->params.n; i++) {
        map[next->params.v[i]] = b->args.v[i];
        ir->ins[next->params.v[i]].block = -1;
    }
    for (int32_t i = 0; i < next->ins.n; i++) {
        b->ins.v[b->ins.n++] = next->ins.v[i];
        ir->ins[next->ins.v[i]].block = block;
    }
    HlRefVec args = b->args;
    b->term = next->term;
    b->target = next->target;
    b->exit = next->exit;
    b->args = next->args;
    next->args = args;
    hl_opt_cut(ir, target);
    return 1;
}

/* One round; *again = something changed that may make more possible. */
static int select_round(HlIr *ir, bool *again)
{
    HlCfg cfg;
    if (hl_cfg_build(ir, &cfg))
        return -1;
    hl_opt_reap(ir, &cfg);
    int status = 0;
    for (int32_t i = 0; i < cfg.nrpo && !status && !*again; i++) {
        int32_t block = cfg.rpo[i], at = select_find(ir, &cfg, block);
        if (at >= 0) {
            *again = true;
            status = select_convert(ir, block, at);
        }
    }
    HlRef *map = *again || status ? NULL : hl_opt_map(ir);
    for (int32_t i = 0; map && i < cfg.nrpo && !status && !*again; i++) {
        int merged = select_merge(ir, &cfg, cfg.rpo[i], map);
        *again = merged > 0;
        status = merged < 0 ? -1 : 0;
    }
    if (map)
        hl_opt_apply(ir, map);
    else if (!*again)
        status = -1;
    hl_mem_free(map);
    hl_cfg_free(&cfg);
    return status;
}

int hl_opt_select(HlIr *ir)
{
    bool again = ir->entry_exit >= 0;
    while (again) {
        again = false;
        if (select_round(ir, &again))
            return -1;
    }
    return 0;
}
