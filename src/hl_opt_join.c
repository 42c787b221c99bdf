/* hl_opt_join.c - conditions that are written as one become one, and so do arms that do the same.
 *
 *     guard_false %a -> x1  (to T)               %c = ...
 *     guard_true %b -> x2   (to M)               %d = band (not %b) %c
 *     ...                                        %e = bor %a %d
 *     store %address 0                   =>      %s = select %e 1 0
 *     jump J                                     poll
 *   M:                                           store %address %s
 *     %c = ...                                   jump J
 *     guard_false %c -> x3  (to T)
 *     jump to what is behind x2's guard
 *   T:
 *     store %address 1
 *     jump J
 *
 * `and` and `or` in a condition are branches in bytecode, and so an arm has several ways in, where
 * hl_opt_select.c wants one. Two things are looked for, until there is nothing of them left:
 * - a condition of which both ways lead to the same places as the branch in front of it: what it needs is
 *   computed in any case, and one branch looks at both conditions;
 * - the two arms of a branch that only differ in what they store: they run as one, and store what the
 *   condition selects. Their guards leave at the branch, for which the poll goes in front of the stores.
 *
 * Requirements: 1. what is computed too early is pure, or reads an item whose index was checked for that
 * array in front of the branch; 2. twin arms have the same instructions with the same operands, and nothing
 * in them may leave behind a store, or read an item there. */
#include "hl_opt.h"

enum { JOIN_MAX = 16 }; /* instructions of an arm */

/* --- conditions ------------------------------------------------------------------------------- */

static bool join_branches(const HlIr *ir, HlRef r)
{
    const HlIns *g = &ir->ins[r];
    return (g->op == HL_I_GUARD_TRUE || g->op == HL_I_GUARD_FALSE) &&
           ir->exits[g->exit].target >= 0 && !ir->exits[g->exit].stay;
}

/* Where control really goes that goes to block b. */
static int32_t join_way(const HlIr *ir, int32_t b)
{
    for (int32_t n = 0; n < ir->nblocks; n++) {
        const HlBlock *block = &ir->blocks[b];
        if (block->term != HL_TERM_JUMP || block->ins.n || block->params.n || block->args.n)
            break;
        b = block->target;
    }
    return b;
}

/* Is the index of a row or an item checked, for that axis of the array? */
static bool join_axis_checked(const HlIr *ir, HlRef array, const HlIns *ins)
{
    const HlIns *stride = &ir->ins[ins->a[1]], *index = &ir->ins[ins->a[2]];
    if (stride->op != HL_I_ARRAY_STRIDE || stride->a[0] != array || index->op != HL_I_INDEX)
        return false;
    const HlIns *length = &ir->ins[index->a[1]];
    return length->op == HL_I_ARRAY_LEN && length->a[0] == array && length->aux == stride->aux;
}

/* May the load be done where the branch does not go to it? Its index checks are not in its block. */
static bool join_load_safe(const HlIr *ir, const HlIns *load)
{
    HlRef at = load->a[0];
    while (ir->ins[at].op == HL_I_ARRAY_ROW)
        at = ir->ins[at].a[0];
    HlRef array = ir->ins[at].a[0];
    if (ir->ins[at].op != HL_I_ARRAY_DATA || !join_axis_checked(ir, array, load))
        return false;
    for (at = load->a[0]; ir->ins[at].op == HL_I_ARRAY_ROW; at = ir->ins[at].a[0])
        if (!join_axis_checked(ir, array, &ir->ins[at]))
            return false;
    return true;
}

static bool join_early(const HlIr *ir, HlRef r)
{
    const HlIns *ins = &ir->ins[r];
    return (hl_op_info[ins->op].fx == 0 && !hl_opt_slow((HlOp)ins->op)) ||
           (ins->op == HL_I_ARRAY_LOAD && join_load_safe(ir, ins));
}

/* The last branch of a block, -1 = none. */
static int32_t join_branch(const HlIr *ir, const HlBlock *b, int32_t before)
{
    int32_t i = before - 1;
    while (i >= 0 && !join_branches(ir, b->ins.v[i]))
        i--;
    return i;
}

/* May all that is between two positions of a block be done early? */
static bool join_all_early(const HlIr *ir, const HlBlock *b, int32_t from, int32_t to)
{
    for (int32_t i = from; i < to; i++)
        if (!join_early(ir, b->ins.v[i]))
            return false;
    return true;
}

static HlRef join_emit(HlIr *ir, int32_t block, HlOp op, int32_t pc, HlRef a, HlRef b)
{
    HlIns ins = {.op = (uint8_t)op, .type = HL_TYPE(BOOL), .exit = -1, .pc = pc, .a = HL_NO_ARGS};
    ins.a[0] = a;
    ins.a[1] = b;
    return hl_ir_emit(ir, block, &ins);
}

/* The condition on which a guard leaves, or the one on which it holds. */
static HlRef join_condition(HlIr *ir, int32_t block, HlRef guard, bool leaves)
{
    const HlIns g = ir->ins[guard];
    return (g.op == HL_I_GUARD_FALSE) == leaves
               ? g.a[0]
               : join_emit(ir, block, HL_I_BNOT, g.pc, g.a[0], HL_NOREF);
}

/* The guards first and second become one, at the end of the block: it leaves through the exit of the
 * first, to `way`, on two conditions: whether the first leaves (or holds), and whether the second does. */
static int join_guards(HlIr *ir, int32_t block, const HlRef guard[2], const bool leaves[2], HlOp op,
                       int32_t way)
{
    int32_t x = ir->ins[guard[0]].exit, away = ir->ins[guard[1]].exit, pc = ir->ins[guard[0]].pc;
    HlRef a = join_condition(ir, block, guard[0], leaves[0]);
    HlRef b = join_condition(ir, block, guard[1], leaves[1]);
    HlRef both = a == HL_NOREF || b == HL_NOREF ? HL_NOREF : join_emit(ir, block, op, pc, a, b);
    if (both == HL_NOREF)
        return -1;
    ir->exits[x].target = way;
    ir->exits[away].target = -1;
    ir->ins[guard[1]].block = -1;
    ir->ins[guard[1]].exit = -1;
    ir->ins[guard[0]].op = HL_I_GUARD_FALSE;
    ir->ins[guard[0]].a[0] = both;
    return hl_refvec_push(&ir->blocks[block].ins, guard[0]);
}

/* Where the branch really goes that it does not go on to. */
static int32_t join_exit_way(const HlIr *ir, HlRef guard)
{
    return join_way(ir, ir->exits[ir->ins[guard].exit].target);
}

static bool join_only_way(const HlIr *ir, const HlCfg *cfg, int32_t block)
{
    return hl_opt_is_arm(ir, cfg, block) && ir->blocks[block].loop < 0;
}

/* The branch at `at` leads to a block that only looks at another condition, and one way from there to where
 * the branch goes on to: both become one. 1 = done. */
static int join_absorb(HlIr *ir, const HlCfg *cfg, int32_t block, int32_t at)
{
    HlBlock *b = &ir->blocks[block];
    HlRef first = b->ins.v[at];
    int32_t arm = ir->exits[ir->ins[first].exit].target;
    HlBlock *m = &ir->blocks[arm];
    if (arm == block || !join_only_way(ir, cfg, arm) || m->args.n || m->ins.n > JOIN_MAX)
        return 0;
    int32_t last = join_branch(ir, m, m->ins.n);
    if (last < 0 || !join_all_early(ir, m, 0, last) || !join_all_early(ir, m, last + 1, m->ins.n))
        return 0;
    HlRef second = m->ins.v[last];
    bool leaves = m->target == b->target; /* else it leaves to where the first does not */
    if (!leaves && join_exit_way(ir, second) != b->target)
        return 0;
    int32_t way = leaves ? join_exit_way(ir, second) : join_way(ir, m->target);
    memmove(&b->ins.v[at], &b->ins.v[at + 1], (size_t)(b->ins.n - at - 1) * sizeof *b->ins.v);
    b->ins.n--;
    for (int32_t i = 0; i < m->ins.n; i++) {
        HlRef r = m->ins.v[i];
        if (r != second && hl_refvec_push(&b->ins, r))
            return -1;
        ir->ins[r].block = block;
    }
    hl_opt_cut(ir, arm);
    const HlRef guards[2] = {first, second};
    return join_guards(ir, block, guards, (const bool[2]){true, leaves}, HL_I_BAND, way) ? -1 : 1;
}

/* The branch in front of that at `at` leads to the same place, or to where the block goes without both, and
 * what is between may be done early. 1 = done. */
static int join_combine(HlIr *ir, int32_t block, int32_t at)
{
    HlBlock *b = &ir->blocks[block];
    int32_t before = join_branch(ir, b, at);
    if (before < 0 || !join_all_early(ir, b, before + 1, at))
        return 0;
    const HlRef guards[2] = {b->ins.v[before], b->ins.v[at]};
    int32_t way = join_exit_way(ir, guards[1]);
    bool same = join_exit_way(ir, guards[0]) == way;
    if (!same && join_exit_way(ir, guards[0]) != join_way(ir, b->target))
        return 0;
    int32_t n = 0;
    for (int32_t i = 0; i < b->ins.n; i++)
        if (i != before && i != at)
            b->ins.v[n++] = b->ins.v[i];
    b->ins.n = n;
    HlOp op = same ? HL_I_BOR : HL_I_BAND;
    return join_guards(ir, block, guards, (const bool[2]){same, true}, op, way) ? -1 : 1;
}

/* --- arms that do the same -------------------------------------------------------------------- */

/* What the block `other` has where `block` has r; r itself, where that is from outside. */
static HlRef join_twin(const HlBlock *block, const HlBlock *other, HlRef r)
{
    for (int32_t k = 0; k < block->ins.n; k++)
        if (block->ins.v[k] == r)
            return other->ins.v[k];
    return r;
}

static bool join_same(const HlIr *ir, const HlBlock *a, const HlBlock *b, int32_t k, bool stored)
{
    const HlIns *x = &ir->ins[a->ins.v[k]], *y = &ir->ins[b->ins.v[k]];
    const unsigned once = HL_E_GUARD | HL_E_TRAPS | HL_E_RD_HEADER | HL_E_RD_ITEMS;
    bool store = x->op == HL_I_ARRAY_STORE;
    if (x->op != y->op || x->aux != y->aux || x->imm.i != y->imm.i ||
        !hl_type_eq(x->type, y->type) || !hl_type_eq(x->check, y->check))
        return false;
    for (int side = 0; side < 2 && x->exit >= 0; side++) {
        const HlExit *exit = &ir->exits[side ? y->exit : x->exit];
        if (exit->target >= 0 || exit->stay)
            return false;
    }
    for (int i = 0; i < HL_MAX_ARGS; i++) {
        HlRef theirs = join_twin(b, a, y->a[i]);
        if (x->a[i] != theirs &&
            !(store && i == 3 && hl_type_eq(ir->ins[x->a[i]].type, ir->ins[theirs].type)))
            return false;
    }
    unsigned fx = hl_op_info[x->op].fx;
    return store || x->op == HL_I_POLL || (stored ? fx == 0 : !(fx & ~once));
}

/* Do two blocks do the same, but for what they store? */
static bool join_twins(const HlIr *ir, const HlBlock *a, const HlBlock *b)
{
    bool stored = false;
    if (a == b || a->term != HL_TERM_JUMP || b->term != HL_TERM_JUMP || a->target != b->target ||
        a->ins.n != b->ins.n || a->ins.n > JOIN_MAX || a->params.n || b->params.n || a->loop >= 0 ||
        b->loop >= 0)
        return false;
    for (int32_t k = 0; k < a->ins.n; k++) {
        if (!join_same(ir, a, b, k, stored))
            return false;
        stored |= ir->ins[a->ins.v[k]].op == HL_I_ARRAY_STORE;
    }
    return stored;
}

/* `here` where the guard holds, `there` elsewhere; HL_NOREF = out of memory. */
static HlRef join_select(HlIr *ir, int32_t block, HlRef guard, HlRef here, HlRef there)
{
    const HlIns g = ir->ins[guard];
    bool holds = g.op == HL_I_GUARD_TRUE;
    if (here == there)
        return here;
    HlIns ins = {
        .op = HL_I_SELECT, .type = ir->ins[here].type, .exit = -1, .pc = g.pc, .a = HL_NO_ARGS};
    ins.aux = ir->exits[g.exit].unpredictable;
    ins.a[0] = g.a[0];
    ins.a[1] = holds ? here : there;
    ins.a[2] = holds ? there : here;
    return hl_ir_emit(ir, block, &ins);
}

/* The branch at `at`, behind which all may be done early, goes to twins only it leads to. */
static int join_merge(HlIr *ir, int32_t block, int32_t at)
{
    HlBlock *b = &ir->blocks[block];
    HlRef guard = b->ins.v[at];
    int32_t x = ir->ins[guard].exit, snap = ir->exits[x].snap;
    int32_t here = b->target, there = ir->exits[x].target;
    HlBlock *h = &ir->blocks[here], *t = &ir->blocks[there];
    memmove(&b->ins.v[at], &b->ins.v[at + 1], (size_t)(b->ins.n - at - 1) * sizeof *b->ins.v);
    b->ins.n--;
    for (int stores = 0; stores < 2; stores++) {
        for (int32_t k = 0; k < h->ins.n; k++) {
            HlRef r = h->ins.v[k];
            if ((ir->ins[r].op == HL_I_ARRAY_STORE) != (stores == 1))
                continue;
            if (stores) {
                HlRef other = join_twin(t, h, ir->ins[t->ins.v[k]].a[3]);
                HlRef value = join_select(ir, block, guard, ir->ins[r].a[3], other);
                if (value == HL_NOREF)
                    return -1;
                ir->ins[r].a[3] = value;
            }
            if (hl_opt_leave_at(ir, r, snap) || hl_refvec_push(&b->ins, r))
                return -1;
            ir->ins[r].block = block;
        }
    }
    for (int32_t i = 0; i < h->args.n; i++) {
        HlRef other = join_twin(t, h, t->args.v[i]);
        HlRef value = join_select(ir, block, guard, h->args.v[i], other);
        if (value == HL_NOREF || hl_refvec_push(&b->args, value))
            return -1;
    }
    b->target = h->target;
    ir->ins[guard].block = -1;
    ir->ins[guard].exit = -1;
    ir->exits[x].target = -1;
    hl_opt_cut(ir, here);
    hl_opt_cut(ir, there);
    return 1;
}

/* --- the pass --------------------------------------------------------------------------------- */

/* Looks at the last branch of a block, behind which nothing is but a jump to one of two twins. */
static int join_block(HlIr *ir, const HlCfg *cfg, int32_t block)
{
    const HlBlock *b = &ir->blocks[block];
    int32_t at = join_branch(ir, b, b->ins.n);
    if (b->term != HL_TERM_JUMP || b->args.n || at < 0 || !join_all_early(ir, b, at + 1, b->ins.n))
        return 0;
    int32_t there = ir->exits[ir->ins[b->ins.v[at]].exit].target, way = join_way(ir, there);
    const HlBlock *arm = &ir->blocks[there];
    int32_t inner = join_branch(ir, arm, arm->ins.n);
    if (inner >= 0)
        way = join_exit_way(ir, arm->ins.v[inner]);
    if (inner >= 0 && way == b->target)
        way = join_way(ir, arm->target);
    if (!join_twins(ir, &ir->blocks[b->target], &ir->blocks[way]))
        return 0;
    if (inner >= 0)
        return join_absorb(ir, cfg, block, at);
    int done = join_combine(ir, block, at);
    if (done || way != there || !join_only_way(ir, cfg, there) ||
        !join_only_way(ir, cfg, b->target))
        return done;
    return join_merge(ir, block, at);
}

int hl_opt_join(HlIr *ir)
{
    bool again = ir->entry_exit >= 0;
    int done = 0;
    while (again && done >= 0) {
        HlCfg cfg;
        if (hl_cfg_build(ir, &cfg))
            return -1;
        hl_opt_reap(ir, &cfg);
        again = false;
        for (int32_t i = 0; i < cfg.nrpo && !again && done >= 0; i++) {
            done = join_block(ir, &cfg, cfg.rpo[i]);
            again = done > 0;
        }
        hl_cfg_free(&cfg);
    }
    return done < 0 ? -1 : 0;
}
