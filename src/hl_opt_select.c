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
 * An array store of an arm becomes one that is done only when the condition holds (ARRAY_STORE_IF): an
 * item is never written where the program does not write it, because somebody else may see it. Stores
 * go behind all that may leave, also behind what follows them in the arm.
 *
 * Two arms that both end the iteration poll each for itself; one POLL is left, which leaves at the branch.
 *
 * Then blocks that only follow each other are merged, so that a loop with such a branch is one block
 * again, as hl_llvm_strip.c wants it.
 *
 * Where a branch stays that compares integers, and the ways of a loop join in a last block that only polls,
 * the header gets a copy of that block: with the way that it goes on itself it is a loop of one block then,
 * which strips may take for as long as the branch goes that way.
 *
 * Requirements: 1. all in both arms is pure and cheap, checks for overflow, polls, or stores: nothing in them reads
 * what is stored; 2. nothing in them may be undefined for operands that the branch excludes (HL_E_TRAPS);
 * 3. the arm is entered from this guard only. What earlier passes concluded from the branch inside an arm
 * stays right: the select discards its result where the branch would not have gone there. */
#include "hl_opt.h"

enum { ARM_MAX = 4 };

static bool select_cheap(const HlIr *ir, HlRef r)
{
    const HlIns *ins = &ir->ins[r];
    switch ((HlOp)ins->op) {
    case HL_I_ADD_OV:
    case HL_I_SUB_OV:
    case HL_I_MUL_OV:
    case HL_I_NARROW_OV:
    case HL_I_POLL: return ir->exits[ins->exit].target < 0 && !ir->exits[ins->exit].stay;
    case HL_I_GUARD_WRITEABLE:
        return ir->ins[ins->a[0]].type.base == HL_T_ARR && ir->exits[ins->exit].target < 0 &&
               !ir->exits[ins->exit].stay;
    default: return hl_op_info[ins->op].fx == 0 && !hl_opt_slow((HlOp)ins->op);
    }
}

static bool select_arm(const HlIr *ir, const HlBlock *b, int32_t from)
{
    if (b->term != HL_TERM_JUMP || b->ins.n - from > ARM_MAX)
        return false;
    for (int32_t i = from; i < b->ins.n; i++) {
        if (!select_cheap(ir, b->ins.v[i]) && !hl_ir_stores_item(&ir->ins[b->ins.v[i]]))
            return false;
    }
    return true;
}

static bool select_polls(const HlIr *ir, const HlBlock *b, int32_t from)
{
    for (int32_t i = from; i < b->ins.n; i++) {
        if (ir->ins[b->ins.v[i]].op == HL_I_POLL)
            return true;
    }
    return false;
}

/* Position of the guard at which the block's branch begins, -1 = none that can be converted. */
static int32_t select_find(const HlIr *ir, const HlCfg *cfg, int32_t block)
{
    const HlBlock *b = &ir->blocks[block];
    for (int32_t i = b->ins.n - 1; i >= 0; i--) {
        const HlIns *g = &ir->ins[b->ins.v[i]];
        if (g->op != HL_I_GUARD_TRUE && g->op != HL_I_GUARD_FALSE) {
            if (!select_cheap(ir, b->ins.v[i]) && !hl_ir_stores_item(&ir->ins[b->ins.v[i]]))
                return -1;
            continue;
        }
        int32_t arm = ir->exits[g->exit].target;
        if (arm < 0 || ir->exits[g->exit].stay || arm == block || ir->blocks[arm].params.n ||
            cfg->pred_at[arm + 1] - cfg->pred_at[arm] != 1)
            return -1;
        bool same = b->term == HL_TERM_JUMP && ir->blocks[arm].term == HL_TERM_JUMP &&
                    ir->blocks[arm].target == b->target && b->target != arm;
        return same && select_arm(ir, b, i + 1) && select_arm(ir, &ir->blocks[arm], 0) &&
                       select_polls(ir, b, i + 1) == select_polls(ir, &ir->blocks[arm], 0)
                   ? i
                   : -1;
    }
    return -1;
}

/* Room for what a conversion adds: from then on nothing fails, and no pointer goes stale. */
static int select_reserve(HlIr *ir, HlBlock *b, const HlBlock *arm)
{
    int32_t moved = b->ins.n + arm->ins.n, made = b->args.n + 2 * ARM_MAX + 1;
    return hl_mem_grow((void **)&ir->exits, &ir->cap_exits, ir->nexits + moved,
                       sizeof *ir->exits) ||
           hl_mem_grow((void **)&ir->ins, &ir->cap_ins, ir->nins + made, sizeof *ir->ins) ||
           hl_mem_grow((void **)&b->ins.v, &b->ins.cap, moved + made, sizeof *b->ins.v);
}

static HlRef select_condition(HlIr *ir, int32_t block, int32_t pc, uint8_t op, HlRef a, HlRef b)
{
    HlIns ins = {.op = op,
                 .type = HL_TYPE(BOOL),
                 .exit = -1,
                 .pc = pc,
                 .a = {a, b, HL_NOREF, HL_NOREF, HL_NOREF}};
    return hl_ir_emit(ir, block, &ins);
}

/* The store r, done from now on only when `on` holds, goes to the end of the block. */
static void select_store(HlIr *ir, int32_t block, HlRef r, HlRef on)
{
    if (ir->ins[r].op == HL_I_ARRAY_STORE_IF)
        on = select_condition(ir, block, ir->ins[r].pc, HL_I_BAND, on, ir->ins[r].a[4]);
    ir->ins[r].op = HL_I_ARRAY_STORE_IF;
    ir->ins[r].a[4] = on;
    ir->ins[r].block = block;
    hl_refvec_push(&ir->blocks[block].ins, r);
}

/* Appends an arm's n instructions to the block, but for the stores, which `store` gets. */
static int select_take(HlIr *ir, int32_t block, const HlRef *arm, int32_t n, int32_t snap,
                       HlRef *store, int32_t *nstore)
{
    for (int32_t i = 0; i < n; i++) {
        HlRef r = arm[i];
        if (hl_ir_stores_item(&ir->ins[r]))
            store[(*nstore)++] = r;
        else if (hl_opt_leave_at(ir, r, snap) || hl_refvec_push(&ir->blocks[block].ins, r))
            return -1;
        else
            ir->ins[r].block = block;
    }
    return 0;
}

static int select_convert(HlIr *ir, int32_t block, int32_t at)
{
    HlBlock *b = &ir->blocks[block];
    HlRef guard = b->ins.v[at], cond = ir->ins[guard].a[0];
    bool taken_if = ir->ins[guard].op == HL_I_GUARD_TRUE;
    int32_t exit = ir->ins[guard].exit, snap = ir->exits[exit].snap, pc = ir->ins[guard].pc;
    int unpredictable = ir->exits[exit].unpredictable;
    HlBlock *arm = &ir->blocks[ir->exits[exit].target];
    if (select_reserve(ir, b, arm))
        return -1;
    HlRef store[2 * ARM_MAX];
    int32_t nhere = 0, behind = b->ins.n - at - 1;
    b->ins.n = at; /* what is behind the guard goes one place up */
    if (select_take(ir, block, &b->ins.v[at + 1], behind, snap, store, &nhere))
        return -1;
    int32_t nstore = nhere;
    for (int32_t i = arm->ins.n - 1; i >= 0; i--) { /* one POLL for both */
        if (ir->ins[arm->ins.v[i]].op == HL_I_POLL)
            hl_opt_drop(ir, (int32_t)(arm - ir->blocks), i);
    }
    if (select_take(ir, block, arm->ins.v, arm->ins.n, snap, store, &nstore))
        return -1;
    HlRef inverse = (taken_if ? nhere < nstore : nhere > 0)
                        ? select_condition(ir, block, pc, HL_I_BNOT, cond, HL_NOREF)
                        : HL_NOREF;
    ir->ins[guard].block = -1;
    ir->ins[guard].exit = -1;
    ir->exits[exit].target = -1;
    for (int32_t k = 0; k < b->args.n; k++) {
        HlRef here = b->args.v[k], there = arm->args.v[k];
        if (here == there)
            continue;
        HlIns sel = {
            .op = HL_I_SELECT,
            .aux = unpredictable,
            .type = ir->ins[here].type,
            .exit = -1,
            .pc = pc,
            .a = {cond, taken_if ? here : there, taken_if ? there : here, HL_NOREF, HL_NOREF}};
        HlRef r = hl_ir_emit(ir, block, &sel);
        if (r == HL_NOREF)
            return -1;
        b->args.v[k] = r;
    }
    for (int32_t i = 0; i < nstore; i++)
        select_store(ir, block, store[i], (i < nhere) == taken_if ? cond : inverse);
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

/* Does the header, which ends with a jump to the loop's last block, have a branch on what is greater? */
static bool select_has_way(const HlIr *ir, const HlBlock *b)
{
    for (int32_t i = 0; i < b->ins.n; i++) {
        const HlIns *guard = &ir->ins[b->ins.v[i]];
        if (guard->op != HL_I_GUARD_TRUE && guard->op != HL_I_GUARD_FALSE)
            continue;
        const HlExit *x = &ir->exits[guard->exit];
        const HlIns *cmp = &ir->ins[guard->a[0]];
        if (x->target >= 0 && x->reason == HL_R_BRANCH && cmp->op == HL_I_ICMP &&
            cmp->aux != HL_EQ && cmp->aux != HL_NE)
            return true;
    }
    return false;
}

/* The loop's last block, which only polls, is copied to the end of the header. 1 = done. The header is one
 * of the graph: then the last block does not dominate it, and nobody else uses that block's values. */
static int select_copy_back(HlIr *ir, const HlCfg *cfg, int32_t block)
{
    HlBlock *b = &ir->blocks[block], *back = &ir->blocks[b->target > 0 ? b->target : block];
    if (cfg->header[block] != block || b->term != HL_TERM_JUMP || back == b ||
        back->term != HL_TERM_JUMP || back->target != block || back->ins.n != 1 ||
        ir->ins[back->ins.v[0]].op != HL_I_POLL ||
        cfg->pred_at[b->target + 1] - cfg->pred_at[b->target] < 2 || !select_has_way(ir, b))
        return 0;
    HlIns poll = ir->ins[back->ins.v[0]];
    const HlExit *x = &ir->exits[poll.exit];
    if (x->target >= 0 || x->stay)
        return 0;
    HlRef *map = hl_opt_map(ir, 0);
    HlRefVec args = {0};
    for (int32_t i = 0; map && i < back->params.n; i++)
        map[back->params.v[i]] = b->args.v[i];
    int status = map && (poll.exit = hl_opt_exit_copy(ir, poll.exit, map)) >= 0 ? 0 : -1;
    for (int32_t i = 0; i < back->args.n && !status; i++)
        status = hl_refvec_push(&args, hl_opt_find(map, back->args.v[i]));
    hl_mem_free(map);
    if (status || hl_ir_emit(ir, block, &poll) == HL_NOREF) {
        hl_mem_free(args.v);
        return -1;
    }
    hl_mem_free(b->args.v);
    b->args = args;
    b->target = block;
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
    HlRef *map = *again || status ? NULL : hl_opt_map(ir, 0);
    for (int32_t i = 0; map && i < cfg.nrpo && !status && !*again; i++) {
        int merged = select_merge(ir, &cfg, cfg.rpo[i], map);
        *again = merged > 0;
        status = merged < 0 ? -1 : 0;
    }
    for (int32_t i = 0; map && i < cfg.nrpo && !status && !*again; i++) {
        int copied = select_copy_back(ir, &cfg, cfg.rpo[i]);
        *again = copied > 0;
        status = copied < 0 ? -1 : 0;
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
