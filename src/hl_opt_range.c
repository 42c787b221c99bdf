/* hl_opt_range.c - what the ranges of integers prove: checks that always hold need not be made.
 *
 * Every i64 value gets an interval: constants, masks, remainders, lengths and so on make it, block
 * parameters join what the jumps pass, growing from nothing to a fixed point (widened when they do
 * not settle, then narrowed again). At a use, the interval is cut by every comparison that was
 * guarded on the way there (a fact): i + 1 behind "i < n" does not overflow. An index check is such
 * a comparison, too. A fact may also be that a range iterator has something left: then its next
 * value lies between its first and the largest int but one.
 *
 * With them, overflow checks, comparisons, checks that an int converts exactly and index checks go
 * or become cheaper; gvn then removes the guards whose conditions have become constant.
 *
 * A counter that starts in the middle of the 64 bits and grows by a small constant at most once per
 * way round a loop needs no check either: from below 2^62 it takes 2^60 or more ways round to an
 * overflow, each of which asks the eval breaker and so lasts a cycle of the processor: seven years at
 * 5 GHz, within one execution of the region. (Strips do not ask in every iteration: they prove that it
 * does not overflow.)
 *
 * Apart from ranges: a sum, difference or product of Python ints of which only the low bits are
 * used, because all that looks at it is `& mask` with a mask that is not negative (also by way of
 * other such operations), is computed modulo 2^64 and needs no overflow check, as in the generator
 * x = (a * x + c) & 0xffffffff. */
#include "hl_opt.h"

typedef struct Range {
    int64_t lo, hi; /* lo > hi: no value has been seen */
} Range;

#define RANGE_ALL ((Range){INT64_MIN, INT64_MAX})
#define RANGE_NONE ((Range){1, 0})

/* From (block, pos) on, v[0] `cond` v[1] holds. */
typedef struct Fact {
    uint8_t cond; /* HlCompare */
    HlRef v[2];
    int32_t block, pos;
    int32_t next[2]; /* of the lists of the left and the right operand's facts, -1 = last */
} Fact;

/* A loop's range iterator: header parameters of which `next` is yielded while left > 0. */
typedef struct Iter {
    HlRef next, left;
    Range yields;
    HlRef stop; /* next + left == stop + plus, always, when the step is 1; HL_NOREF = not known */
    int64_t plus;
} Iter;

typedef struct Ranges {
    HlIr *ir;
    HlCfg cfg;
    int32_t *pos;
    Range *of;      /* per value */
    uint8_t *grown; /* per value: how often it grew */
    Fact *facts;
    int32_t nfacts, cap_facts;
    int32_t *first; /* per value: its first fact */
    Iter *iters;
    int32_t niters, cap_iters;
    bool narrowing;
} Ranges;

static bool range_empty(Range r)
{
    return r.lo > r.hi;
}

static Range range_meet(Range a, Range b)
{
    return (Range){a.lo > b.lo ? a.lo : b.lo, a.hi < b.hi ? a.hi : b.hi};
}

static Range range_join(Range a, Range b)
{
    if (range_empty(a))
        return b;
    if (range_empty(b))
        return a;
    return (Range){a.lo < b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi};
}

/* The interval between two exact results, when it fits. */
static bool range_fits(__int128 lo, __int128 hi, Range *out)
{
    *out = RANGE_ALL;
    if (lo < INT64_MIN || hi > INT64_MAX)
        return false;
    *out = (Range){(int64_t)lo, (int64_t)hi};
    return true;
}

/* --- facts ------------------------------------------------------------------------------------ */

static int range_add_fact(Ranges *g, uint8_t cond, HlRef a, HlRef b, int32_t block, int32_t pos)
{
    if (hl_mem_grow((void **)&g->facts, &g->cap_facts, g->nfacts + 1, sizeof *g->facts))
        return -1;
    Fact *f = &g->facts[g->nfacts];
    *f = (Fact){cond, {a, b}, block, pos, {-1, -1}};
    for (int k = 0; k < (a == b ? 1 : 2); k++) {
        f->next[k] = g->first[f->v[k]];
        g->first[f->v[k]] = g->nfacts;
    }
    g->nfacts++;
    return 0;
}

/* The condition r is known to be `truth` from a place on. */
static int range_learn(Ranges *g, HlRef r, bool truth, int32_t block, int32_t pos)
{
    const HlIns *ins = &g->ir->ins[r];
    while (ins->op == HL_I_BNOT || ins->op == HL_I_RETYPE) {
        truth ^= ins->op == HL_I_BNOT;
        ins = &g->ir->ins[ins->a[0]];
    }
    if (ins->op != HL_I_ICMP)
        return 0;
    return range_add_fact(g, truth ? ins->aux : hl_opt_inverse(ins->aux), ins->a[0], ins->a[1],
                          block, pos);
}

static int range_find_facts(Ranges *g)
{
    const HlIr *ir = g->ir;
    for (int32_t i = 0; i < g->cfg.nrpo; i++) {
        int32_t b = g->cfg.rpo[i];
        for (int32_t k = 0; k < ir->blocks[b].ins.n; k++) {
            const HlIns *ins = &ir->ins[ir->blocks[b].ins.v[k]];
            if (ins->op == HL_I_INDEX && range_add_fact(g, HL_LT, ins->a[0], ins->a[1], b, k))
                return -1;
            if (ins->op != HL_I_GUARD_TRUE && ins->op != HL_I_GUARD_FALSE)
                continue;
            bool truth = ins->op == HL_I_GUARD_TRUE;
            int32_t to = ir->exits[ins->exit].target;
            if (range_learn(g, ins->a[0], truth, b, k))
                return -1;
            if (to >= 0 && g->cfg.pred_at[to + 1] - g->cfg.pred_at[to] == 1 &&
                range_learn(g, ins->a[0], !truth, to, -1))
                return -1;
        }
    }
    return 0;
}

/* What v can be when v `cond` w holds. */
static Range range_compared(uint8_t cond, Range w)
{
    Range r = RANGE_ALL;
    if (range_empty(w))
        return RANGE_NONE;
    switch (cond) {
    case HL_LT: r.hi = w.hi - (w.hi > INT64_MIN); return w.hi > INT64_MIN ? r : RANGE_NONE;
    case HL_LE: r.hi = w.hi; break;
    case HL_GT: r.lo = w.lo + (w.lo < INT64_MAX); return w.lo < INT64_MAX ? r : RANGE_NONE;
    case HL_GE: r.lo = w.lo; break;
    case HL_EQ: return w;
    default: break;
    }
    return r;
}

/* The fact as "v cond w" for one of its operands v; w is the other one. */
static uint8_t range_fact_cond(const Fact *f, HlRef v, HlRef *w)
{
    bool left = f->v[0] == v;
    *w = f->v[left ? 1 : 0];
    return left ? f->cond : hl_opt_swapped(f->cond);
}

static const Fact *range_first_fact(const Ranges *g, HlRef v)
{
    return g->first[v] < 0 ? NULL : &g->facts[g->first[v]];
}

static const Fact *range_next_fact(const Ranges *g, const Fact *f, HlRef v)
{
    int32_t next = f->next[f->v[0] == v ? 0 : 1];
    return next < 0 ? NULL : &g->facts[next];
}

/* Is the iterator known to have something left at a place? */
static bool range_has_left(const Ranges *g, HlRef left, int32_t block, int32_t pos)
{
    for (const Fact *f = range_first_fact(g, left); f; f = range_next_fact(g, f, left)) {
        HlRef w;
        uint8_t cond = range_fact_cond(f, left, &w);
        Range r = range_compared(cond, g->of[w]);
        if (g->ir->ins[w].op == HL_I_KINT && r.lo > 0 && !range_empty(r) &&
            hl_cfg_precedes(&g->cfg, f->block, f->pos, block, pos))
            return true;
    }
    return false;
}

/* The interval of v at a place. */
static Range range_at(const Ranges *g, HlRef v, int32_t block, int32_t pos)
{
    Range r = g->of[v];
    for (const Fact *f = range_first_fact(g, v); f; f = range_next_fact(g, f, v)) {
        HlRef w;
        uint8_t cond = range_fact_cond(f, v, &w);
        if (!hl_cfg_precedes(&g->cfg, f->block, f->pos, block, pos))
            continue;
        Range other = g->of[w];
        if (cond == HL_NE && other.lo == other.hi) {
            r.lo += r.lo == other.lo && r.lo < INT64_MAX;
            r.hi -= r.hi == other.lo && r.hi > INT64_MIN;
        }
        r = range_meet(r, range_compared(cond, other));
    }
    for (int32_t i = 0; i < g->niters; i++) {
        if (g->iters[i].next == v && range_has_left(g, g->iters[i].left, block, pos))
            r = range_meet(r, g->iters[i].yields);
    }
    return r;
}

/* --- operations ------------------------------------------------------------------------------- */

/* The exact interval of a sum, difference or product; false = it may not fit 64 bits. */
static bool range_arith(uint8_t op, Range a, Range b, Range *out)
{
    __int128 lo, hi;
    *out = RANGE_NONE;
    if (range_empty(a) || range_empty(b))
        return true;
    switch (op) {
    case HL_I_ADD:
    case HL_I_COUNT_UP:
    case HL_I_ADD_OV: return range_fits((__int128)a.lo + b.lo, (__int128)a.hi + b.hi, out);
    case HL_I_SUB:
    case HL_I_SUB_OV: return range_fits((__int128)a.lo - b.hi, (__int128)a.hi - b.lo, out);
    default: {
        __int128 p[] = {(__int128)a.lo * b.lo, (__int128)a.lo * b.hi, (__int128)a.hi * b.lo,
                        (__int128)a.hi * b.hi};
        lo = hi = p[0];
        for (int i = 1; i < 4; i++) {
            lo = p[i] < lo ? p[i] : lo;
            hi = p[i] > hi ? p[i] : hi;
        }
        return range_fits(lo, hi, out);
    }
    }
}

/* The multiples of k that fit. */
static Range range_multiples(int64_t k)
{
    return k == 0 || k == -1 ? RANGE_ALL : (Range){INT64_MIN / k * k, INT64_MAX / k * k};
}

/* The result of a _OV operation is what fits. */
static Range range_clamped(uint8_t op, Range a, Range b)
{
    Range r;
    if (range_arith(op, a, b, &r))
        return r;
    if (op == HL_I_MUL_OV)
        return a.lo == a.hi ? range_multiples(a.lo) : b.lo == b.hi ? range_multiples(b.lo) : r;
    __int128 lo = op == HL_I_ADD_OV ? (__int128)a.lo + b.lo : (__int128)a.lo - b.hi;
    __int128 hi = op == HL_I_ADD_OV ? (__int128)a.hi + b.hi : (__int128)a.hi - b.lo;
    if (hi < INT64_MIN || lo > INT64_MAX)
        return RANGE_NONE;
    return (Range){lo < INT64_MIN ? INT64_MIN : (int64_t)lo,
                   hi > INT64_MAX ? INT64_MAX : (int64_t)hi};
}

/* The smallest 2^k - 1 that is not below x >= 0. */
static int64_t range_mask(int64_t x)
{
    return x ? (int64_t)(UINT64_MAX >> __builtin_clzll((uint64_t)x)) : 0;
}

static Range range_bits(uint8_t op, Range a, Range b)
{
    if (op == HL_I_AND) {
        if (a.lo >= 0 || b.lo >= 0) {
            int64_t hi = a.lo < 0 ? b.hi : b.lo < 0 ? a.hi : a.hi < b.hi ? a.hi : b.hi;
            return (Range){0, hi};
        }
        return RANGE_ALL;
    }
    if (a.lo >= 0 && b.lo >= 0)
        return (Range){0, range_mask(a.hi > b.hi ? a.hi : b.hi)};
    return RANGE_ALL;
}

/* What a value of a dtype can be, as it is held. */
static Range range_dtype(uint8_t d)
{
    Range r = RANGE_ALL;
    if (d != HL_D_U64 && hl_dtype_is_int(d))
        hl_dtype_limits(d, &r.lo, &r.hi);
    return r;
}

static Range range_narrow(uint8_t d, Range a)
{
    Range r = range_dtype(d);
    return a.lo >= r.lo && a.hi <= r.hi ? a : r;
}

static int64_t range_floordiv(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* The larger or the smaller of x and y where a SELECT is that, else either. */
static Range range_select(const Ranges *g, const HlIns *ins, Range x, Range y)
{
    const HlIns *cmp = &g->ir->ins[ins->a[0]];
    Range r = range_join(x, y);
    if (cmp->op != HL_I_ICMP || cmp->a[0] != ins->a[1] || cmp->a[1] != ins->a[2])
        return r;
    if (cmp->aux == HL_GT || cmp->aux == HL_GE)
        r.lo = x.lo > y.lo ? x.lo : y.lo;
    else if (cmp->aux == HL_LT || cmp->aux == HL_LE)
        r.hi = x.hi < y.hi ? x.hi : y.hi;
    return r;
}

static Range range_op(const Ranges *g, HlRef r)
{
    const HlIns *ins = &g->ir->ins[r];
    int32_t at = g->pos[r], block = ins->block;
    int n = hl_op_info[ins->op].nargs;
    Range v[HL_MAX_ARGS] = {RANGE_ALL, RANGE_ALL, RANGE_ALL, RANGE_ALL, RANGE_ALL};
    for (int k = 0; k < n; k++) {
        if (hl_type_repr(g->ir->ins[ins->a[k]].type) == HL_REPR_I64)
            v[k] = range_at(g, ins->a[k], block, at);
        if (range_empty(v[k]))
            return RANGE_NONE;
    }
    Range a = v[0], b = v[1], out;
    switch (ins->op) {
    case HL_I_KINT: return (Range){ins->imm.i, ins->imm.i};
    case HL_I_RETYPE:
    case HL_I_KEEP: return a;
    case HL_I_ZEXT: return (Range){0, 1};
    case HL_I_SELECT: return range_select(g, ins, v[1], v[2]);
    case HL_I_ADD:
    case HL_I_SUB:
    case HL_I_MUL: range_arith(ins->op, a, b, &out); return out;
    case HL_I_COUNT_UP:
    case HL_I_ADD_OV:
    case HL_I_SUB_OV:
    case HL_I_MUL_OV: return range_clamped(ins->op, a, b);
    case HL_I_AND:
    case HL_I_OR:
    case HL_I_XOR: return range_bits(ins->op, a, b);
    case HL_I_SHL:
    case HL_I_SHL_OV: /* by a constant: a product */
        if (b.lo != b.hi || b.lo < 0 || b.lo > 62)
            return RANGE_ALL;
        b = (Range){INT64_C(1) << b.lo, INT64_C(1) << b.lo};
        range_arith(HL_I_MUL, a, b, &out);
        return out;
    case HL_I_SHR:
        if (b.lo != b.hi)
            return (Range){a.lo < 0 ? a.lo : 0, a.hi < 0 ? -1 : a.hi};
        b.lo = b.lo < 0 || b.lo > 63 ? 63 : b.lo;
        return (Range){a.lo >> b.lo, a.hi >> b.lo};
    case HL_I_FLOORDIV:
        if (b.lo > 0)
            return (Range){range_floordiv(a.lo, a.lo < 0 ? b.lo : b.hi),
                           range_floordiv(a.hi, a.hi < 0 ? b.hi : b.lo)};
        return RANGE_ALL;
    case HL_I_MOD: /* has the divisor's sign */
        if (b.lo > 0)
            return (Range){0, a.lo >= 0 && a.hi < b.hi ? a.hi : b.hi - 1};
        return b.hi < 0 && b.lo > INT64_MIN ? (Range){b.lo + 1, 0} : RANGE_ALL;
    case HL_I_INDEX: return b.hi > 0 ? (Range){0, b.hi - 1} : RANGE_NONE;
    case HL_I_ARRAY_LEN:
    case HL_I_LIST_SIZE:
    case HL_I_SEQ_SIZE: return (Range){0, INT64_C(1) << 48};
    case HL_I_BYTES_LOAD: return (Range){0, 255};
    case HL_I_NARROW: return range_narrow(ins->aux, a);
    case HL_I_NARROW_OV: return range_meet(a, range_dtype(ins->aux));
    case HL_I_ARRAY_LOAD:
    case HL_I_UNBOX_NP: return range_dtype(ins->aux);
    default: return RANGE_ALL;
    }
}

/* --- the fixed point -------------------------------------------------------------------------- */

/* Lets the interval of v be r: growing, a parameter that grew a few times goes all the way. */
static bool range_set(Ranges *g, HlRef v, Range r)
{
    Range old = g->of[v];
    if (!g->narrowing) {
        r = range_join(old, r);
        if (r.lo == old.lo && r.hi == old.hi)
            return false;
        if (g->ir->ins[v].op == HL_I_PARAM && ++g->grown[v] > 3) {
            if (r.lo < old.lo)
                r.lo = INT64_MIN;
            if (r.hi > old.hi)
                r.hi = INT64_MAX;
            g->grown[v] = 4;
        }
    } else {
        r = range_meet(old, r);
    }
    bool changed = r.lo != old.lo || r.hi != old.hi;
    g->of[v] = r;
    return changed;
}

/* What a block's k-th parameter receives; `outside`: from outside of the loop that it heads. */
static Range range_received(const Ranges *g, int32_t b, int32_t k, bool outside)
{
    Range r = RANGE_NONE;
    for (int32_t e = g->cfg.pred_at[b]; e < g->cfg.pred_at[b + 1]; e++) {
        int32_t p = g->cfg.pred[e];
        const HlBlock *from = &g->ir->blocks[p];
        if (from->term == HL_TERM_JUMP && g->cfg.pred_ins[e] == INT32_MAX &&
            !(outside && hl_opt_in_loop(&g->cfg, p, b)))
            r = range_join(r, range_at(g, from->args.v[k], p, INT32_MAX));
    }
    return r;
}

static bool range_visit(Ranges *g, int32_t b)
{
    const HlIr *ir = g->ir;
    const HlBlock *block = &ir->blocks[b];
    bool changed = false;
    for (int32_t k = 0; k < block->params.n; k++) {
        HlRef p = block->params.v[k];
        if (hl_type_repr(ir->ins[p].type) != HL_REPR_I64)
            continue;
        HlType t = ir->ins[p].type;
        Range r = b                    ? range_received(g, b, k, false)
                  : t.base == HL_T_NPS ? range_dtype(t.dtype)
                                       : RANGE_ALL;
        if (!b && ir->inputs[k].part == HL_IN_RANGE_LEFT)
            r.lo = 0;
        changed |= range_set(g, p, r);
    }
    for (int32_t k = 0; k < block->ins.n; k++) {
        HlRef r = block->ins.v[k];
        if (hl_type_repr(ir->ins[r].type) == HL_REPR_I64)
            changed |= range_set(g, r, range_op(g, r));
    }
    return changed;
}

static void range_settle(Ranges *g)
{
    for (HlRef r = 0; r < g->ir->nins; r++)
        g->of[r] = RANGE_NONE;
    g->narrowing = false;
    memset(g->grown, 0, (size_t)g->ir->nins);
    for (bool changed = true; changed;) {
        changed = false;
        for (int32_t i = 0; i < g->cfg.nrpo; i++)
            changed |= range_visit(g, g->cfg.rpo[i]);
    }
    g->narrowing = true;
    for (int round = 0; round < 2; round++) {
        for (int32_t i = 0; i < g->cfg.nrpo; i++)
            range_visit(g, g->cfg.rpo[i]);
    }
}

/* --- range iterators -------------------------------------------------------------------------- */

/* Does every jump back to the header b pass `p op k` for its parameter number k? */
static bool range_steps(const Ranges *g, int32_t b, int32_t k, uint8_t op, HlRef by, int64_t by_int)
{
    HlRef p = g->ir->blocks[b].params.v[k];
    for (int32_t e = g->cfg.pred_at[b]; e < g->cfg.pred_at[b + 1]; e++) {
        if (!hl_opt_in_loop(&g->cfg, g->cfg.pred[e], b))
            continue;
        const HlIns *ins = &g->ir->ins[g->ir->blocks[g->cfg.pred[e]].args.v[k]];
        if (ins->op != op || ins->a[0] != p)
            return false;
        const HlIns *with = &g->ir->ins[ins->a[1]];
        if (by >= 0 ? ins->a[1] != by : with->op != HL_I_KINT || with->imm.i != by_int)
            return false;
    }
    return true;
}

static int32_t range_param_index(const HlBlock *b, HlRef p)
{
    for (int32_t k = 0; k < b->params.n; k++) {
        if (b->params.v[k] == p)
            return k;
    }
    return -1;
}

/* r is *base + *plus modulo 2^64; a constant has no base. */
static void range_linear(const Ranges *g, HlRef r, HlRef *base, uint64_t *plus)
{
    const HlIns *ins = &g->ir->ins[r];
    while (ins->op == HL_I_ADD || ins->op == HL_I_SUB) {
        const HlIns *by = &g->ir->ins[ins->a[1]];
        if (by->op != HL_I_KINT)
            break;
        *plus += ins->op == HL_I_ADD ? (uint64_t)by->imm.i : -(uint64_t)by->imm.i;
        r = ins->a[0];
        ins = &g->ir->ins[r];
    }
    *base = ins->op == HL_I_KINT ? HL_NOREF : r;
    *plus += ins->op == HL_I_KINT ? (uint64_t)ins->imm.i : 0;
}

/* Finds where an iterator with step 1 stops: the sum of what the two parameters receive, when it is the
 * same on every way into the loop. */
static void range_find_stop(const Ranges *g, int32_t header, int32_t next, int32_t left, Iter *it)
{
    for (int32_t e = g->cfg.pred_at[header]; e < g->cfg.pred_at[header + 1]; e++) {
        const HlBlock *from = &g->ir->blocks[g->cfg.pred[e]];
        if (hl_opt_in_loop(&g->cfg, g->cfg.pred[e], header))
            continue;
        HlRef base[2];
        uint64_t plus = 0;
        range_linear(g, from->args.v[next], &base[0], &plus);
        range_linear(g, from->args.v[left], &base[1], &plus);
        HlRef stop = base[0] == HL_NOREF ? base[1] : base[0];
        bool known = stop != HL_NOREF && (base[0] == HL_NOREF || base[1] == HL_NOREF);
        if (!known || (it->stop != HL_NOREF && (it->stop != stop || it->plus != (int64_t)plus))) {
            it->stop = HL_NOREF;
            return;
        }
        it->stop = stop;
        it->plus = (int64_t)plus;
    }
}

/* A snapshot's range slot stands for a range iterator of C longs, whose values and `stop` fit: what
 * it yields with a positive step is not below the first value and below the largest int. */
static int range_add_iter(Ranges *g, int32_t header, const HlSlot *s)
{
    const HlBlock *b = &g->ir->blocks[header];
    int32_t next = range_param_index(b, s->a), left = range_param_index(b, s->c);
    const HlIns *step = &g->ir->ins[s->b];
    if (next < 0 || left < 0 || step->op != HL_I_KINT || !step->imm.i)
        return 0;
    for (int32_t i = 0; i < g->niters; i++) {
        if (g->iters[i].next == s->a)
            return 0;
    }
    if (!range_steps(g, header, next, HL_I_ADD, s->b, 0) ||
        !range_steps(g, header, left, HL_I_SUB, HL_NOREF, 1))
        return 0;
    Range first = range_received(g, header, next, true);
    if (range_empty(first) ||
        hl_mem_grow((void **)&g->iters, &g->cap_iters, g->niters + 1, sizeof *g->iters))
        return range_empty(first) ? 0 : -1;
    Range yields =
        step->imm.i > 0 ? (Range){first.lo, INT64_MAX - 1} : (Range){INT64_MIN + 1, first.hi};
    Iter *it = &g->iters[g->niters++];
    *it = (Iter){s->a, s->c, yields, HL_NOREF, 0};
    if (step->imm.i == 1)
        range_find_stop(g, header, next, left, it);
    return 0;
}

static int range_find_iters(Ranges *g)
{
    const HlIr *ir = g->ir;
    for (int32_t i = 0; i < g->cfg.nrpo; i++) {
        int32_t h = g->cfg.rpo[i];
        if (g->cfg.header[h] != h)
            continue;
        for (int32_t k = 0; k < ir->blocks[h].ins.n; k++) {
            int32_t x = ir->ins[ir->blocks[h].ins.v[k]].exit;
            const HlSnap *snap = x < 0 ? NULL : &ir->snaps[ir->exits[x].snap];
            for (int32_t s = 0; snap && s < snap->nslots; s++) {
                if (snap->slots[s].kind == HL_SLOT_RANGE && range_add_iter(g, h, &snap->slots[s]))
                    return -1;
            }
        }
    }
    return 0;
}

/* --- using it --------------------------------------------------------------------------------- */

static void range_plain(HlIns *ins, uint8_t op)
{
    ins->op = op;
    ins->aux = 0;
    ins->exit = -1;
}

/* x when x > 0, else 0: that is x when it is not negative, as a length. */
static HlRef range_positive(const Ranges *g, HlRef r)
{
    const HlIns *ins = &g->ir->ins[r];
    if (ins->op != HL_I_SELECT)
        return r;
    const HlIns *cmp = &g->ir->ins[ins->a[0]];
    HlRef x = ins->a[1];
    bool zero = g->of[ins->a[2]].lo == 0 && g->of[ins->a[2]].hi == 0;
    return cmp->op == HL_I_ICMP && cmp->aux == HL_GT && cmp->a[0] == x && cmp->a[1] == ins->a[2] &&
                   zero && g->of[x].lo >= 0
               ? x
               : r;
}

/* Is i known to be below n at a place, from a guarded comparison of the two, or as what an iterator
 * yields that stops there or before? Its steps do not overflow, so it stops above what it yields. */
static bool range_below(const Ranges *g, HlRef i, HlRef n, int32_t block, int32_t pos)
{
    for (int32_t k = 0; k < g->niters; k++) {
        const Iter *it = &g->iters[k];
        if (it->next == i && it->stop != HL_NOREF && it->plus <= 0 && it->plus > INT32_MIN &&
            range_positive(g, it->stop) == n && g->of[n].lo >= 0 &&
            range_has_left(g, it->left, block, pos))
            return true;
    }
    for (const Fact *f = range_first_fact(g, i); f; f = range_next_fact(g, f, i)) {
        HlRef w;
        uint8_t cond = range_fact_cond(f, i, &w);
        if (cond == HL_LT && w == n && hl_cfg_precedes(&g->cfg, f->block, f->pos, block, pos))
            return true;
    }
    return false;
}

/* -1 = not decided. */
static int range_decide(uint8_t cond, Range a, Range b)
{
    switch (cond) {
    case HL_LT: return a.hi < b.lo ? 1 : a.lo >= b.hi ? 0 : -1;
    case HL_LE: return a.hi <= b.lo ? 1 : a.lo > b.hi ? 0 : -1;
    case HL_GT: return a.lo > b.hi ? 1 : a.hi <= b.lo ? 0 : -1;
    case HL_GE: return a.lo >= b.hi ? 1 : a.hi < b.lo ? 0 : -1;
    default:
        if (a.hi < b.lo || b.hi < a.lo)
            return cond == HL_NE;
        return a.lo == a.hi && b.lo == b.hi ? cond == HL_EQ : -1;
    }
}

static void range_use(Ranges *g, HlRef r, HlRef *map)
{
    HlIns *ins = &g->ir->ins[r];
    int32_t at = g->pos[r], block = ins->block;
    if (!hl_op_info[ins->op].nargs || hl_type_repr(g->ir->ins[ins->a[0]].type) != HL_REPR_I64)
        return;
    HlRef x = ins->a[0], y = ins->a[1];
    Range out, a = range_at(g, x, block, at), b = RANGE_ALL;
    if (hl_op_info[ins->op].nargs > 1 && hl_type_repr(g->ir->ins[y].type) == HL_REPR_I64)
        b = range_at(g, y, block, at);
    if (range_empty(a) || range_empty(b))
        return; /* not reached */
    switch (ins->op) {
    case HL_I_ADD_OV:
        if (range_arith(ins->op, a, b, &out))
            range_plain(ins, HL_I_ADD);
        break;
    case HL_I_SUB_OV:
        if (range_arith(ins->op, a, b, &out))
            range_plain(ins, HL_I_SUB);
        break;
    case HL_I_MUL_OV:
        if (range_arith(ins->op, a, b, &out))
            range_plain(ins, HL_I_MUL);
        break;
    case HL_I_SHL_OV:
        if (b.lo == b.hi && b.lo >= 0 && b.lo < 63 &&
            range_arith(HL_I_MUL, a, (Range){INT64_C(1) << b.lo, INT64_C(1) << b.lo}, &out))
            range_plain(ins, HL_I_SHL);
        break;
    case HL_I_NARROW:
    case HL_I_NARROW_OV: /* they change nothing, and do not leave */
        out = RANGE_ALL;
        hl_dtype_limits(ins->aux, &out.lo, &out.hi);
        if (ins->op == HL_I_NARROW && ins->aux == HL_D_U64)
            out = RANGE_ALL;
        if (a.lo >= out.lo && a.hi <= out.hi)
            range_plain(ins, HL_I_RETYPE);
        break;
    case HL_I_GUARD_I53:
        if (a.lo >= -(INT64_C(1) << 53) && a.hi <= INT64_C(1) << 53)
            ins->block = -1;
        break;
    case HL_I_INDEX:
        ins->aux |= a.lo >= 0;
        if (a.lo >= 0 && hl_type_eq(ins->type, g->ir->ins[x].type) &&
            (a.hi < b.lo || range_below(g, x, y, block, at))) {
            map[r] = x;
            ins->block = -1;
        }
        break;
    case HL_I_ICMP: {
        int known = range_decide(ins->aux, a, b);
        if (known >= 0) {
            *ins = (HlIns){.op = HL_I_KBOOL,
                           .type = ins->type,
                           .a = HL_NO_ARGS,
                           .exit = -1,
                           .block = block,
                           .pc = ins->pc,
                           .imm.i = known};
        }
        break;
    }
    default: break;
    }
}

/* --- counters --------------------------------------------------------------------------------- */

enum { RANGE_COUNT_MAX = 4 }; /* by so much a counter grows on the way round a loop */

typedef struct Counter {
    const Ranges *g;
    int32_t header;
    uint8_t
        *in; /* per value: it is the header's parameter, or that and what was added in this turn */
    int64_t grows;
} Counter;

static bool range_counts(Counter *c, HlRef r)
{
    const HlIr *ir = c->g->ir;
    const HlIns *ins = &ir->ins[r];
    if (c->in[r])
        return true;
    c->in[r] = 1;
    switch (ins->op) {
    case HL_I_RETYPE: return range_counts(c, ins->a[0]);
    case HL_I_SELECT: return range_counts(c, ins->a[1]) && range_counts(c, ins->a[2]);
    case HL_I_ADD:
    case HL_I_ADD_OV:
    case HL_I_COUNT_UP: {
        const HlIns *by = &ir->ins[ins->a[1]];
        if (by->op != HL_I_KINT || by->imm.i < 0 || by->imm.i > RANGE_COUNT_MAX - c->grows)
            return false;
        c->grows += by->imm.i;
        return range_counts(c, ins->a[0]);
    }
    case HL_I_PARAM: {
        const HlCfg *cfg = &c->g->cfg;
        int32_t b = ins->block, k = range_param_index(&ir->blocks[b], r);
        if (!hl_opt_in_loop(cfg, b, c->header))
            return false;
        for (int32_t e = cfg->pred_at[b]; e < cfg->pred_at[b + 1]; e++)
            if (cfg->pred_ins[e] != INT32_MAX ||
                !range_counts(c, ir->blocks[cfg->pred[e]].args.v[k]))
                return false;
        return true;
    }
    default: return false;
    }
}

/* Is the k-th parameter of a loop's header a counter that starts in the middle? Its values are marked. */
static bool range_is_counter(Counter *c, int32_t k)
{
    const Ranges *g = c->g;
    const HlBlock *b = &g->ir->blocks[c->header];
    const int64_t middle = INT64_C(1) << 62;
    Range start = range_received(g, c->header, k, true);
    if (hl_type_repr(g->ir->ins[b->params.v[k]].type) != HL_REPR_I64 || range_empty(start) ||
        start.lo < -middle || start.hi > middle)
        return false;
    memset(c->in, 0, (size_t)g->ir->nins);
    c->in[b->params.v[k]] = 1;
    c->grows = 0;
    for (int32_t e = g->cfg.pred_at[c->header]; e < g->cfg.pred_at[c->header + 1]; e++) {
        int32_t p = g->cfg.pred[e];
        if (hl_opt_in_loop(&g->cfg, p, c->header) &&
            (g->cfg.pred_ins[e] != INT32_MAX || !range_counts(c, g->ir->blocks[p].args.v[k])))
            return false;
    }
    return true;
}

/* `in` is room for a byte per value. */
static void range_find_counters(const Ranges *g, uint8_t *in)
{
    Counter c = {.g = g, .in = in};
    for (int32_t i = 0; i < g->cfg.nrpo; i++) {
        c.header = g->cfg.rpo[i];
        if (g->cfg.header[c.header] != c.header)
            continue;
        for (int32_t k = 0; k < g->ir->blocks[c.header].params.n; k++) {
            if (!range_is_counter(&c, k))
                continue;
            for (HlRef r = 0; r < g->ir->nins; r++)
                if (in[r] && g->ir->ins[r].op == HL_I_ADD_OV)
                    range_plain(&g->ir->ins[r], HL_I_COUNT_UP);
        }
    }
}

/* --- modulo 2^64 ------------------------------------------------------------------------------ */

/* The operation modulo 2^64 whose low bits depend on those of its operands alone, 0 = none. */
static uint8_t range_wrapping(const HlIns *ins)
{
    if (ins->type.base != HL_T_I64)
        return 0;
    switch (ins->op) {
    case HL_I_ADD:
    case HL_I_ADD_OV: return HL_I_ADD;
    case HL_I_SUB:
    case HL_I_SUB_OV: return HL_I_SUB;
    case HL_I_MUL:
    case HL_I_MUL_OV: return HL_I_MUL;
    default: return 0;
    }
}

static void range_strict(void *low, HlRef r)
{
    ((uint8_t *)low)[r] = 0;
}

/* Does the instruction give the same when its operand number k is only right modulo 2^64? */
static bool range_low_use(const HlIr *ir, const uint8_t *low, HlRef r, int k)
{
    const HlIns *ins = &ir->ins[r];
    if (ins->op == HL_I_AND && ins->type.base == HL_T_I64) {
        const HlIns *mask = &ir->ins[ins->a[!k]];
        return mask->op == HL_I_KINT && mask->imm.i >= 0;
    }
    return range_wrapping(ins) && low[r];
}

/* Optimistically, of every sum only the low bits are used, until a use says otherwise. The snapshot
 * of a guard that goes does not count. */
static void range_modular(HlIr *ir, uint8_t *low)
{
    for (HlRef r = 0; r < ir->nins; r++)
        low[r] = range_wrapping(&ir->ins[r]) != 0;
    hl_opt_snap_uses(ir, ir->entry_exit, true, range_strict, low);
    for (int32_t strict = -1, before = -2; strict != before;) {
        before = strict;
        for (int32_t b = 0; b < ir->nblocks; b++) {
            const HlBlock *block = &ir->blocks[b];
            for (int32_t i = 0; i < block->ins.n; i++) {
                HlRef r = block->ins.v[i];
                for (int k = 0; k < hl_op_info[ir->ins[r].op].nargs; k++) {
                    if (!range_low_use(ir, low, r, k))
                        low[ir->ins[r].a[k]] = 0;
                }
                if (!low[r])
                    hl_opt_snap_uses(ir, ir->ins[r].exit, true, range_strict, low);
            }
            for (int32_t i = 0; i < block->args.n; i++)
                low[block->args.v[i]] = 0;
            if (block->term == HL_TERM_EXIT)
                hl_opt_snap_uses(ir, block->exit, true, range_strict, low);
        }
        strict = 0;
        for (HlRef r = 0; r < ir->nins; r++)
            strict += !low[r];
    }
    for (HlRef r = 0; r < ir->nins; r++) {
        if (low[r] && ir->ins[r].block >= 0)
            range_plain(&ir->ins[r], range_wrapping(&ir->ins[r]));
    }
}

int hl_opt_range(HlIr *ir)
{
    Ranges g = {.ir = ir};
    if (hl_cfg_build(ir, &g.cfg))
        return -1;
    size_t n = (size_t)ir->nins;
    HlRef *map = hl_opt_map(ir, 0);
    g.pos = hl_opt_positions(ir);
    g.of = hl_mem_alloc(n * sizeof *g.of);
    g.grown = hl_mem_alloc(n);
    g.first = hl_mem_alloc(n * sizeof *g.first);
    int status = map && g.pos && g.of && g.grown && g.first ? 0 : -1;
    if (!status) {
        memset(g.first, -1, n * sizeof *g.first);
        status = range_find_facts(&g);
    }
    if (!status) {
        range_settle(&g);
        status = range_find_iters(&g);
    }
    if (!status) {
        if (g.niters) /* once more, with what the iterators yield */
            range_settle(&g);
        for (int32_t i = 0; i < g.cfg.nrpo; i++) {
            const HlRefVec *v = &ir->blocks[g.cfg.rpo[i]].ins;
            for (int32_t k = 0; k < v->n; k++)
                range_use(&g, v->v[k], map);
        }
        range_find_counters(&g, g.grown);
        hl_opt_apply(ir, map);
        hl_opt_sweep(ir);
        range_modular(ir, g.grown);
    }
    hl_cfg_free(&g.cfg);
    hl_mem_free(map);
    hl_mem_free(g.pos);
    hl_mem_free(g.of);
    hl_mem_free(g.grown);
    hl_mem_free(g.facts);
    hl_mem_free(g.first);
    hl_mem_free(g.iters);
    return status;
}
