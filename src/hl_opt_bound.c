/* hl_opt_bound.c - indexes that a counter makes are checked once, in front of the loop.
 *
 *     jump H(%0)                               %most = sub %len 1
 *   H(%i):                                     %ok = icmp le %stop %most
 *     %go = icmp lt %i %stop                   guard_true %ok -> x2' (in front of the loop)
 *     guard_true %go -> x1            =>       jump H(%0)
 *     %k = add %i 1                          H(%i):
 *     %n = index nonneg %k %len -> x2          %go = icmp lt %i %stop
 *     ... array_load ... %n                    guard_true %go -> x1
 *                                              ... array_load ... %k
 *
 * Behind the guard of the loop's end, the counter is below its stop: with stop + c <= length, counter + c is an
 * index; unless it is negative, which one that goes up is not when it was not in front of the loop. A program may
 * come to the loop's end before an index leaves the array; when the guard in front fails often, the check's exit is
 * marked `stay`, and the region is compiled without it.
 *
 * In a[i + half], where half does not change, the sum is an index when it is one for the first and for the last
 * value of the counter; then it overflows for none between them.
 *
 * Requirements: 1. a loop that no strips are made of, as these have proofs of their own; 2. the index is known not
 * to be negative, or the counter goes up by 1, as it must in a sum; 3. stop and length do not change in the loop; 4. some index with that
 * c, or a greater one, is checked in every iteration. */
#include "hl_opt.h"

/* A check of counter + plus, or counter + by + plus, against a length, where the counter is below `stop`. */
typedef struct Check {
    HlRef index; /* the INDEX; NOREF = done */
    HlRef stop, length;
    HlRef start; /* of a counter whose index may be negative; NOREF = it is not */
    HlRef sum;   /* counter + by, or counter - by, in its place; NOREF = it is the counter alone */
    HlRef by;
    int64_t plus;
} Check;

typedef struct Bound {
    HlIr *ir;
    const HlCfg *cfg;
    int32_t nins; /* when the pass began */
    int32_t *pos;
    HlRef *map;
    Check *check; /* of the loop: n */
    int32_t n;
    int32_t header, pre, snap; /* the loop's header, the block in front of it, the state there */
} Bound;

static bool bound_outside(const Bound *b, HlRef r)
{
    return !hl_opt_in_loop(b->cfg, b->ir->ins[r].block, b->header);
}

/* What `value` is known to be below at an instruction of the loop; HL_NOREF = nothing that stays. */
static HlRef bound_stop(const Bound *b, HlRef value, HlRef at)
{
    const HlIr *ir = b->ir;
    for (HlRef r = 0; r < b->nins; r++) {
        const HlIns *guard = &ir->ins[r];
        if (guard->op != HL_I_GUARD_TRUE || guard->block < 0 || bound_outside(b, r))
            continue;
        const HlIns *cmp = &ir->ins[guard->a[0]];
        if (cmp->op == HL_I_ICMP && cmp->aux == HL_LT && cmp->a[0] == value &&
            bound_outside(b, cmp->a[1]) &&
            hl_cfg_precedes(b->cfg, guard->block, b->pos[r], ir->ins[at].block, b->pos[at]))
            return cmp->a[1];
    }
    return HL_NOREF;
}

/* What a counter that goes up by 1 begins with; HL_NOREF = it is none. */
static HlRef bound_start(const Bound *b, HlRef value)
{
    const HlIr *ir = b->ir;
    const HlCfg *cfg = b->cfg;
    const HlBlock *h = &ir->blocks[b->header];
    int32_t p = 0;
    while (p < h->params.n && h->params.v[p] != value)
        p++;
    if (p == h->params.n)
        return HL_NOREF;
    for (int32_t e = cfg->pred_at[b->header]; e < cfg->pred_at[b->header + 1]; e++) {
        if (!hl_opt_in_loop(cfg, cfg->pred[e], b->header))
            continue;
        if (!hl_opt_counts_up(ir, ir->blocks[cfg->pred[e]].args.v[p], value))
            return HL_NOREF;
    }
    return ir->blocks[b->pre].args.v[p];
}

static bool bound_adds(uint8_t op)
{
    return op == HL_I_ADD || op == HL_I_ADD_OV;
}

/* The counter, where `value` is the sum or difference of one and what stays; else `value`. */
static HlRef bound_counter(const Bound *b, HlRef value, Check *c)
{
    const HlIns *sum = &b->ir->ins[value];
    bool adds = bound_adds(sum->op);
    c->sum = c->by = HL_NOREF;
    if (bound_outside(b, value) || (!adds && sum->op != HL_I_SUB && sum->op != HL_I_SUB_OV))
        return value;
    int k = adds && bound_outside(b, sum->a[0]);
    if (bound_outside(b, sum->a[k]) || !bound_outside(b, sum->a[!k]))
        return value;
    c->sum = value;
    c->by = sum->a[!k];
    return sum->a[k];
}

static bool bound_check(const Bound *b, HlRef r, Check *c)
{
    const HlIns *ins = &b->ir->ins[r];
    if (ins->op != HL_I_INDEX || ins->block < 0 || bound_outside(b, r) ||
        b->ir->exits[ins->exit].stay || b->ir->exits[ins->exit].target >= 0 ||
        !bound_outside(b, ins->a[1]))
        return false;
    HlRef value = bound_counter(b, hl_opt_base(b->ir, ins->a[0], &c->plus), c);
    bool below = !ins->aux || c->sum != HL_NOREF; /* a sum must not overflow, either */
    c->index = r;
    c->length = ins->a[1];
    c->stop =
        bound_outside(b, value) ? HL_NOREF : bound_stop(b, value, c->sum == HL_NOREF ? r : c->sum);
    c->start = c->stop == HL_NOREF || !below ? HL_NOREF : bound_start(b, value);
    return c->stop != HL_NOREF && (!below || c->start != HL_NOREF);
}

static HlRef bound_emit(Bound *b, HlIns ins)
{
    ins.pc = b->ir->ins[b->ir->blocks[b->header].ins.v[0]].pc;
    return hl_ir_emit(b->ir, b->pre, &ins);
}

static HlRef bound_kint(Bound *b, int64_t k)
{
    return bound_emit(
        b, (HlIns){.op = HL_I_KINT, .type = HL_TYPE(I64), .exit = -1, .a = HL_NO_ARGS, .imm.i = k});
}

/* Emits in front of the loop what leaves by the check's exit. HL_NOREF = out of memory. */
static HlRef bound_leaving(Bound *b, const Check *c, HlIns ins)
{
    ins.exit = b->ir->ins[c->index].exit;
    HlRef made = bound_emit(b, ins);
    if (made < 0 || hl_opt_leave_at(b->ir, made, b->snap) == 0)
        return made;
    hl_opt_drop(b->ir, b->pre, b->ir->blocks[b->pre].ins.n - 1); /* its exit is one in the loop */
    return HL_NOREF;
}

/* A guard in front of the loop; -1 = out of memory. */
static int bound_guard(Bound *b, const Check *c, HlRef value, uint8_t cond, HlRef limit)
{
    HlIns ok = {.op = HL_I_ICMP, .aux = cond, .type = HL_TYPE(BOOL), .exit = -1, .a = HL_NO_ARGS};
    HlIns guard = {.op = HL_I_GUARD_TRUE, .type = HL_TYPE(VOID), .a = HL_NO_ARGS};
    ok.a[0] = value;
    ok.a[1] = limit;
    if (value < 0 || limit < 0 || (guard.a[0] = bound_emit(b, ok)) < 0)
        return -1;
    return bound_leaving(b, c, guard) < 0 ? -1 : 0;
}

/* What the check's index is, but for `plus`, when the counter is that. HL_NOREF = out of memory. */
static HlRef bound_value(Bound *b, const Check *c, HlRef counter)
{
    if (c->sum == HL_NOREF)
        return counter;
    HlIns sum = {.type = HL_TYPE(I64), .a = HL_NO_ARGS};
    sum.op = bound_adds(b->ir->ins[c->sum].op) ? HL_I_ADD_OV : HL_I_SUB_OV;
    sum.a[0] = counter;
    sum.a[1] = c->by;
    return bound_leaving(b, c, sum);
}

/* stop + plus <= length */
static int bound_above(Bound *b, const Check *c)
{
    HlRef end = bound_value(b, c, c->stop);
    HlIns most = {.op = HL_I_SUB, .type = HL_TYPE(I64), .exit = -1, .a = HL_NO_ARGS};
    most.a[0] = c->length;
    most.a[1] = bound_kint(b, c->plus);
    return bound_guard(b, c, end, HL_LE, most.a[1] < 0 ? HL_NOREF : bound_emit(b, most));
}

/* start + plus >= 0 */
static int bound_below(Bound *b, const Check *c)
{
    HlRef first = bound_value(b, c, c->start);
    return bound_guard(b, c, first, HL_GE, bound_kint(b, -c->plus));
}

/* Gathers the loop's checks. */
static void bound_find(Bound *b)
{
    b->n = 0;
    for (HlRef r = 0; r < b->nins; r++)
        b->n += bound_check(b, r, &b->check[b->n]);
}

static bool bound_same(const Check *a, const Check *b)
{
    return a->start == b->start && a->stop == b->stop && a->length == b->length && a->sum == b->sum;
}

/* Of the checks like `like` that are left and are made in every iteration: the one that goes furthest up or, of those
 * that may be negative, furthest down; NULL = none. */
static const Check *bound_furthest(const Bound *b, const Check *like, bool down)
{
    const Check *most = NULL;
    for (int32_t i = 0; i < b->n; i++) {
        const Check *c = &b->check[i];
        if (c->index == HL_NOREF || !bound_same(c, like) || (down && c->start == HL_NOREF) ||
            !hl_opt_every_iteration(b->cfg, b->ir->ins[c->index].block, b->header))
            continue;
        if (!most || (down ? c->plus < most->plus : c->plus > most->plus))
            most = c;
    }
    return most;
}

/* The ends of what the sum takes are known to fit, so it does. */
static void bound_sum_fits(Bound *b, HlRef sum)
{
    HlIns *ins = sum == HL_NOREF ? NULL : &b->ir->ins[sum];
    if (!ins)
        return;
    ins->op = bound_adds(ins->op) ? HL_I_ADD : HL_I_SUB;
    ins->exit = -1;
}

/* Guards checks like `like` and makes no more what the guards tell. -1 = out of memory. */
static int bound_like(Bound *b, Check like)
{
    const Check *up = bound_furthest(b, &like, false), *down = bound_furthest(b, &like, true);
    if (!up)
        return 0;
    if (bound_above(b, up) || (down && bound_below(b, down)))
        return -1;
    int64_t most = up->plus, least = down ? down->plus : INT64_MAX;
    for (int32_t k = 0; k < b->n; k++) {
        Check *c = &b->check[k];
        if (c->index == HL_NOREF || !bound_same(c, &like) || c->plus > most ||
            (c->start != HL_NOREF && c->plus < least))
            continue;
        b->map[c->index] = b->ir->ins[c->index].a[0];
        bound_sum_fits(b, c->sum);
        c->index = HL_NOREF;
    }
    return 0;
}

/* One loop; -1 = out of memory. */
static int bound_loop(Bound *b)
{
    bound_find(b);
    b->snap = -1;
    if (!b->n)
        return 0;
    if (hl_opt_front(b->ir, b->cfg, b->header, b->pre, true, &b->snap))
        return -1;
    for (int32_t i = 0; i < b->n && b->snap >= 0; i++)
        if (b->check[i].index != HL_NOREF && bound_like(b, b->check[i]))
            return -1;
    return 0;
}

int hl_opt_bound(HlIr *ir)
{
    HlCfg cfg;
    if (ir->entry_exit < 0)
        return 0;
    if (hl_cfg_build(ir, &cfg))
        return -1;
    Bound b = {.ir = ir, .cfg = &cfg, .nins = ir->nins};
    b.pos = hl_opt_positions(ir);
    b.map = hl_opt_map(ir, 0);
    b.check = hl_mem_alloc((size_t)ir->nins * sizeof *b.check);
    int status = b.pos && b.map && b.check ? 0 : -1;
    for (int32_t i = 0; i < cfg.nrpo && !status; i++) {
        b.header = cfg.rpo[i];
        if (cfg.header[b.header] != b.header || !hl_opt_stays_loop(ir, &cfg, b.header))
            continue;
        b.pre = hl_opt_preheader(ir, &cfg, b.header);
        status = b.pre < 0 ? 0 : bound_loop(&b);
    }
    hl_mem_free(b.pos);
    hl_mem_free(b.check);
    hl_cfg_free(&cfg);
    if (!status) {
        HlRef *map = hl_opt_map(ir, 0);
        status = map ? 0 : -1;
        for (HlRef r = 0; map && r < b.nins; r++)
            if (b.map[r] != r) {
                map[r] = b.map[r];
                ir->ins[r].block = -1;
            }
        if (map)
            hl_opt_apply(ir, map);
        hl_mem_free(map);
        hl_opt_sweep(ir);
    }
    hl_mem_free(b.map);
    return status;
}
