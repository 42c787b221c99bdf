/* hl_llvm_trips.c - a loop's own counter says how often it has run.
 *
 *     for i in range(n):
 *         if a[i] < 0: ...
 *
 * In a loop of six instructions, one that counts its iterations for the report would be the seventh. Where a number
 * goes up by 1 with every jump back, or down, iterations are the difference between what it will be next and what it
 * was. So the number of iterations, in its slot, lacks the counter while the loop runs: that is subtracted where the
 * loop is entered, and its next value added on all ways out of it. Modulo 2^64 this is exact, whatever the number is.
 *
 * Requirements: 1. an innermost loop, into which and in which only jumps lead to the header; 2. that looks at the
 * counter: other numbers that count are in loops that end by what they compute, and wait for that; 3. no way out goes
 * where other ways lead, too, so that there is a place for the addition: a block with one way in, or an exit of this
 * loop alone; 4. nothing in it looks at the number of iterations (STEP). */
#include "hl_llvm_int.h"

enum { TRIPS_UNUSED = -2, TRIPS_MIXED = -3 };

/* By how much r is more than the parameter: 1, -1; 0 = by something else. */
static int trips_step(const HlIr *ir, HlRef r, HlRef param)
{
    const HlIns *ins = &ir->ins[r];
    int64_t by;
    if (ins->a[0] != param || ins->a[1] == HL_NOREF || !hl_ir_is_kint(ir, ins->a[1], &by) ||
        (by != 1 && by != -1))
        return 0;
    switch (ins->op) {
    case HL_I_ADD:
    case HL_I_ADD_OV:
    case HL_I_COUNT_UP: return (int)by;
    case HL_I_SUB:
    case HL_I_SUB_OV: return (int)-by;
    default: return 0;
    }
}

/* Is the block in the loop? It is an innermost one. */
static bool trips_inside(const HlEmitter *e, int32_t block, int32_t header)
{
    return e->cfg.header[block] == header;
}

/* Does the header look how far the number is? */
static bool trips_ends(const HlIr *ir, const HlBlock *b, HlRef param)
{
    for (int32_t i = 0; i < b->ins.n; i++) {
        const HlIns *ins = &ir->ins[b->ins.v[i]];
        if (ins->op == HL_I_ICMP && (ins->a[0] == param || ins->a[1] == param))
            return true;
    }
    return false;
}

/* Does every jump back make the same step of the k-th parameter? */
static bool trips_counts(const HlEmitter *e, int32_t header, int32_t k, HlTrips *t)
{
    const HlIr *ir = e->ir;
    HlRef param = ir->blocks[header].params.v[k];
    *t = (HlTrips){.param = k};
    if (!trips_ends(ir, &ir->blocks[header], param))
        return false;
    for (int32_t i = e->cfg.pred_at[header]; i < e->cfg.pred_at[header + 1]; i++) {
        const HlBlock *from = &ir->blocks[e->cfg.pred[i]];
        if (e->cfg.pred_ins[i] != INT32_MAX || from->term != HL_TERM_JUMP)
            return false;
        if (!trips_inside(e, e->cfg.pred[i], header))
            continue;
        HlRef next = from->args.v[k];
        int step = trips_step(ir, next, param);
        if (!step || (t->step && step != t->step))
            return false;
        t->next = !t->step || t->next == next ? next : HL_NOREF;
        t->step = step;
    }
    return t->step != 0;
}

/* --- which loops ------------------------------------------------------------------------------- */

/* What is at that position of a block may leave by exit x. */
static void trips_leaves(const HlEmitter *e, int32_t x, int32_t block, int32_t at)
{
    if (x < 0 || e->ir->exits[x].target >= 0)
        return;
    HlPlace *p = &e->place[x];
    int32_t header = e->cfg.header[block];
    if (p->header == TRIPS_UNUSED)
        *p = (HlPlace){.header = header, .block = block, .at = at};
    if (p->header != header)
        p->header = TRIPS_MIXED;
    if (p->block != block)
        p->block = -1;
}

static void trips_find_places(const HlEmitter *e)
{
    const HlIr *ir = e->ir;
    for (int32_t x = 0; x < ir->nexits; x++)
        e->place[x].header = TRIPS_UNUSED;
    for (int32_t k = 0; k < e->cfg.nrpo; k++) {
        int32_t block = e->cfg.rpo[k];
        const HlBlock *b = &ir->blocks[block];
        for (int32_t i = 0; i < b->ins.n; i++)
            trips_leaves(e, ir->ins[b->ins.v[i]].exit, block, i);
        if (b->term == HL_TERM_EXIT)
            trips_leaves(e, b->exit, block, INT32_MAX);
    }
}

/* Is there a place for the addition on this way, by an exit? */
static bool trips_has_place(const HlEmitter *e, int32_t x, int32_t header)
{
    int32_t to = x < 0 ? -1 : e->ir->exits[x].target;
    if (to < 0)
        return x < 0 || e->place[x].header == header;
    return trips_inside(e, to, header) || e->cfg.pred_at[to + 1] - e->cfg.pred_at[to] == 1;
}

static bool trips_block_fits(const HlEmitter *e, int32_t block, int32_t header)
{
    const HlBlock *b = &e->ir->blocks[block];
    for (int32_t i = 0; i < b->ins.n; i++) {
        const HlIns *ins = &e->ir->ins[b->ins.v[i]];
        if (hl_op_info[ins->op].fx & HL_E_CALLS || !trips_has_place(e, ins->exit, header))
            return false;
    }
    return b->term != HL_TERM_EXIT || trips_has_place(e, b->exit, header);
}

static bool trips_fits(const HlEmitter *e, int32_t header)
{
    if (e->ir->blocks[header].loop < 0 || !trips_inside(e, header, header))
        return false;
    for (int32_t k = 0; k < e->cfg.nrpo; k++) {
        int32_t block = e->cfg.rpo[k];
        if (e->cfg.outer[block] == header ||
            (trips_inside(e, block, header) && !trips_block_fits(e, block, header)))
            return false;
    }
    return true;
}

/* Where in its block the next value is computed. */
static void trips_find_next(const HlEmitter *e, HlTrips *t)
{
    const HlRefVec *v = &e->ir->blocks[e->ir->ins[t->next].block].ins;
    while (v->v[t->at] != t->next)
        t->at++;
}

void hl_llvm_trips_plan(HlEmitter *e)
{
    trips_find_places(e);
    for (int32_t k = 0; k < e->cfg.nrpo; k++) {
        int32_t header = e->cfg.rpo[k], n = e->ir->blocks[header].params.n;
        if (!trips_fits(e, header))
            continue;
        HlTrips t = {0};
        for (int32_t p = 0; p < n && !e->trips[header].step; p++)
            if (trips_counts(e, header, p, &t))
                e->trips[header] = t;
        if (e->trips[header].step && t.next != HL_NOREF)
            trips_find_next(e, &e->trips[header]);
    }
}

/* --- counting ---------------------------------------------------------------------------------- */

/* The loop whose counter counts for it and that has the block; -1 = none. */
static int32_t trips_loop(const HlEmitter *e, int32_t block)
{
    int32_t header = e->cfg.header[block];
    return header >= 0 && e->trips[header].step ? header : -1;
}

/* Adds to the slot, or with `down` subtracts. */
static void trips_add(HlEmitter *e, int32_t header, Val v, bool down)
{
    hl_llvm_count(e, e->ir->blocks[header].loop, down ? LLVMBuildNeg(e->b, v, "") : v);
}

/* The loop is left from that position of a block, -1 = of one or another. When the next value is there already, the
 * counter's own has no other use any more, and is not kept for this. */
static void trips_leave(HlEmitter *e, int32_t header, int32_t block, int32_t at)
{
    const HlTrips *t = &e->trips[header];
    bool ahead = t->next != HL_NOREF && block >= 0 &&
                 hl_cfg_precedes(&e->cfg, e->ir->ins[t->next].block, t->at, block, at);
    Val counter = e->val[ahead ? t->next : e->ir->blocks[header].params.v[t->param]];
    if (!ahead)
        hl_llvm_count(e, e->ir->blocks[header].loop, hl_llvm_int(e, 1));
    trips_add(e, header, counter, t->step < 0);
}

void hl_llvm_trips_jump(HlEmitter *e, int32_t from, int32_t to)
{
    int32_t left = trips_loop(e, from), loop = e->ir->blocks[to].loop;
    const HlTrips *entered = &e->trips[to];
    if (left >= 0 && left == to)
        return;
    if (left >= 0 && !trips_inside(e, to, left))
        trips_leave(e, left, from, INT32_MAX);
    int first = from != 0 && loop >= 0; /* the entry's iteration is the interpreter's */
    if (entered->step)
        first--; /* the next value is ahead by one */
    if (first)
        hl_llvm_count(e, loop, hl_llvm_int(e, first));
    if (entered->step)
        trips_add(e, to, e->val[e->ir->blocks[from].args.v[entered->param]], entered->step > 0);
}

void hl_llvm_trips_begin(HlEmitter *e, int32_t block)
{
    int32_t at = e->cfg.pred_at[block];
    if (e->cfg.pred_at[block + 1] - at != 1 ||
        (e->cfg.pred_ins[at] == INT32_MAX && e->ir->blocks[e->cfg.pred[at]].term == HL_TERM_JUMP))
        return;
    int32_t left = trips_loop(e, e->cfg.pred[at]);
    if (left >= 0 && !trips_inside(e, block, left))
        trips_leave(e, left, e->cfg.pred[at], e->cfg.pred_ins[at]);
}

void hl_llvm_trips_exit(HlEmitter *e, int32_t x)
{
    const HlPlace *p = &e->place[x];
    if (p->header >= 0 && e->trips[p->header].step)
        trips_leave(e, p->header, p->block, p->at);
}

void hl_llvm_trips_moved(HlEmitter *e, int32_t header, Val n)
{
    if (!e->trips[header].step)
        hl_llvm_count(e, e->ir->blocks[header].loop, n);
}
