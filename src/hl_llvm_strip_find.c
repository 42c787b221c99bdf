/* hl_llvm_strip_find.c - is a loop one for strips, and which of its guards need no test there?
 *
 * The loop's numbers are followed from iteration to iteration: those that are linear are known for all of
 * them from the first and the last one, and so is what is guarded of them. */
#include <string.h>

#include "hl_llvm_strip.h"

/* --- is it such a loop? ----------------------------------------------------------------------- */

bool strip_inside(const Strip *s, HlRef r)
{
    return s->ir->ins[r].block == s->index;
}

int32_t strip_param(const Strip *s, HlRef r)
{
    for (int32_t k = 0; s->ir->ins[r].op == HL_I_PARAM && k < s->block->params.n; k++)
        if (s->block->params.v[k] == r)
            return k;
    return -1;
}

bool strip_is_sum(const HlIns *ins)
{
    return ins->op == HL_I_ADD || ins->op == HL_I_ADD_OV || ins->op == HL_I_COUNT_UP;
}

bool strip_is_difference(const HlIns *ins)
{
    return ins->op == HL_I_SUB || ins->op == HL_I_SUB_OV;
}

bool strip_steps(const Strip *s, HlRef r, HlRef *by, bool *down)
{
    int32_t k = strip_param(s, r);
    if (k < 0)
        return false;
    HlRef next = s->block->args.v[k];
    const HlIns *ins = &s->ir->ins[next];
    *by = HL_NOREF;
    *down = strip_is_difference(ins);
    if (next == r)
        return true;
    if (!strip_inside(s, next) || (!strip_is_sum(ins) && !*down))
        return false;
    if (ins->a[0] == r)
        *by = ins->a[1];
    else if (ins->a[1] == r && !*down)
        *by = ins->a[0];
    int64_t constant;
    return *by != HL_NOREF && (!strip_inside(s, *by) || hl_ir_is_kint(s->ir, *by, &constant));
}

int64_t strip_constant_step(const Strip *s, int32_t k)
{
    HlRef by;
    bool down;
    int64_t step;
    if (!strip_steps(s, s->block->params.v[k], &by, &down) || by == HL_NOREF ||
        !hl_ir_is_kint(s->ir, by, &step))
        return 0;
    return down ? (int64_t)-(uint64_t)step : step;
}

bool strip_linear(const Strip *s, HlRef r)
{
    const HlIns *ins = &s->ir->ins[r];
    HlRef by;
    bool down;
    if (!strip_inside(s, r) || ins->op == HL_I_KINT)
        return true;
    if (ins->op == HL_I_PARAM)
        return strip_steps(s, r, &by, &down);
    if (ins->op == HL_I_RETYPE)
        return strip_linear(s, ins->a[0]);
    if (strip_is_sum(ins) || strip_is_difference(ins))
        return strip_linear(s, ins->a[0]) && strip_linear(s, ins->a[1]);
    if (ins->op == HL_I_MUL || ins->op == HL_I_MUL_OV) {
        int64_t k;
        for (int side = 0; side < 2; side++) {
            HlRef factor = ins->a[1 - side];
            if ((!strip_inside(s, factor) || hl_ir_is_kint(s->ir, factor, &k)) &&
                strip_linear(s, ins->a[side]))
                return true;
        }
    }
    return false;
}

/* Moves r by +1 or -1 towards the other side in every iteration? */
static bool strip_counts(const Strip *s, HlRef r, bool up)
{
    int32_t k = strip_param(s, r);
    return k >= 0 && strip_constant_step(s, k) == (up ? 1 : -1);
}

/* Is this the guard that ends the loop, with the iterations left known from it? */
static bool strip_is_trip(Strip *s, const HlIns *guard)
{
    if (guard->op != HL_I_GUARD_TRUE)
        return false;
    const HlIns *cmp = &s->ir->ins[guard->a[0]];
    if (cmp->op != HL_I_ICMP || (cmp->aux != HL_LT && cmp->aux != HL_GT))
        return false;
    s->small = cmp->a[cmp->aux == HL_LT ? 0 : 1];
    s->large = cmp->a[cmp->aux == HL_LT ? 1 : 0];
    int64_t k;
    bool small_stays = !strip_inside(s, s->small) || hl_ir_is_kint(s->ir, s->small, &k);
    bool large_stays = !strip_inside(s, s->large) || hl_ir_is_kint(s->ir, s->large, &k);
    return (large_stays && strip_counts(s, s->small, true)) ||
           (small_stays && strip_counts(s, s->large, false));
}

bool strip_is_access(const HlIns *ins)
{
    return ins->op == HL_I_ARRAY_LOAD || hl_ir_stores_item(ins);
}

/* Is r the same number in every iteration? */
static bool strip_stays(const Strip *s, HlRef r)
{
    const HlIns *ins = &s->ir->ins[r];
    HlRef by;
    bool down;
    if (!strip_inside(s, r) || ins->op == HL_I_KINT)
        return true;
    if (ins->op == HL_I_PARAM)
        return strip_steps(s, r, &by, &down) && by == HL_NOREF;
    if (strip_is_sum(ins) || strip_is_difference(ins))
        return strip_stays(s, ins->a[0]) && strip_stays(s, ins->a[1]);
    return ins->op == HL_I_INDEX && strip_stays(s, ins->a[0]);
}

/* Is r an address from outside, or that of a row of it? */
static bool strip_is_place(const Strip *s, HlRef r)
{
    return !strip_inside(s, r) || s->ir->ins[r].op == HL_I_ARRAY_ROW;
}

/* Is the address r the same in every iteration? */
static bool strip_place_stays(const Strip *s, HlRef r)
{
    const HlIns *ins = &s->ir->ins[r];
    return !strip_inside(s, r) || (strip_stays(s, ins->a[2]) && strip_place_stays(s, ins->a[0]));
}

bool strip_walks(const Strip *s, const HlIns *access)
{
    return strip_place_stays(s, access->a[0]) && !strip_stays(s, access->a[2]);
}

bool strip_is_way(const Strip *s, HlRef r)
{
    const HlIns *guard = &s->ir->ins[r];
    if ((guard->op != HL_I_GUARD_TRUE && guard->op != HL_I_GUARD_FALSE) || r == s->trip ||
        s->ir->exits[guard->exit].target < 0)
        return false;
    const HlIns *cmp = &s->ir->ins[guard->a[0]];
    return cmp->op == HL_I_ICMP && cmp->aux != HL_EQ && cmp->aux != HL_NE &&
           strip_linear(s, cmp->a[0]) && strip_linear(s, cmp->a[1]);
}

/* May it be done ahead, in iterations that turn out not to be run? True for what has neither
 * effects nor undefined operands, and for guards that become a flag. */
static bool strip_allows(Strip *s, const HlIns *ins)
{
    int64_t k;
    switch ((HlOp)ins->op) {
    case HL_I_KINT:
    case HL_I_KFLOAT:
    case HL_I_KBOOL:
    case HL_I_RETYPE:
    case HL_I_ICMP:
    case HL_I_FCMP:
    case HL_I_BNOT:
    case HL_I_BAND:
    case HL_I_BOR:
    case HL_I_BXOR:
    case HL_I_SELECT:
    case HL_I_ADD:
    case HL_I_COUNT_UP:
    case HL_I_SUB:
    case HL_I_MUL:
    case HL_I_ADD_OV:
    case HL_I_SUB_OV:
    case HL_I_MUL_OV:
    case HL_I_AND:
    case HL_I_OR:
    case HL_I_XOR:
    case HL_I_SHL:
    case HL_I_SHL_OV:
    case HL_I_SHR:
    case HL_I_FADD:
    case HL_I_FSUB:
    case HL_I_FMUL:
    case HL_I_FDIV:
    case HL_I_FNEG:
    case HL_I_FABS:
    case HL_I_GUARD_FINITE:
    case HL_I_GUARD_FP:
    case HL_I_SITOFP:
    case HL_I_GUARD_I53:
    case HL_I_ZEXT:
    case HL_I_NARROW:
    case HL_I_NARROW_OV:
    case HL_I_UADD_OV:
    case HL_I_USUB_OV:
    case HL_I_UMUL_OV:
    case HL_I_USHR:
    case HL_I_UITOFP:
    case HL_I_FROUND32:
    case HL_I_POPCOUNT:
    case HL_I_TRIPS:
    case HL_I_POLL: return true;
    case HL_I_GUARD_TRUE:
    case HL_I_GUARD_FALSE: s->branches = true; return true;
    case HL_I_UDIV:
    case HL_I_UMOD: return hl_ir_is_kint(s->ir, ins->a[1], &k) && k != 0;
    case HL_I_FLOORDIV:
    case HL_I_MOD: return hl_ir_is_kint(s->ir, ins->a[1], &k) && k != 0 && k != -1;
    case HL_I_GUARD_WRITEABLE: return !strip_inside(s, ins->a[0]);
    case HL_I_INDEX: return strip_linear(s, ins->a[0]) && !strip_inside(s, ins->a[1]);
    case HL_I_ARRAY_ROW: return strip_is_place(s, ins->a[0]) && !strip_inside(s, ins->a[1]);
    case HL_I_ARRAY_LOAD:
    case HL_I_ARRAY_STORE:
    case HL_I_ARRAY_STORE_IF:
        s->stores |= hl_ir_stores_item(ins);
        return strip_is_place(s, ins->a[0]) && !strip_inside(s, ins->a[1]) &&
               s->nitems < STRIP_ITEMS;
    case HL_I_FMATH1:
    case HL_I_FMATH2: return hl_llvm_math_in_vectors(s->e, (HlMath)ins->aux);
    case HL_I_FPOW: return hl_llvm_math_in_vectors(s->e, HL_M_POW);
    case HL_I_FMOD:
    case HL_I_FFLOORDIV:
    case HL_I_FFLOORDIV32:
    case HL_I_FPOW32:
    case HL_I_FHYPOT32:
    case HL_I_UFUNC1:
    case HL_I_UFUNC2:
    case HL_I_IPOW:
    case HL_I_POWMOD:
    case HL_I_IPOW_OV:   /* calls: the guards are not what costs */
    case HL_I_FPTOSI_OV: /* undefined when its guard fails */
    case HL_I_PARAM:
    case HL_I_ADDRESS:
    case HL_I_KOBJ:
    case HL_I_GUARD_TYPE:
    case HL_I_GUARD_ARRAY:
    case HL_I_GUARD_BOUND:
    case HL_I_UNBOX_I64:
    case HL_I_UNBOX_F64:
    case HL_I_UNBOX_BOOL:
    case HL_I_UNBOX_NPI64:
    case HL_I_UNBOX_NPBOOL:
    case HL_I_UNBOX_PART:
    case HL_I_UNBOX_NP:
    case HL_I_IS:
    case HL_I_GUARD_GLOBAL:
    case HL_I_LOAD_GLOBAL:
    case HL_I_FUNC:
    case HL_I_FUNC_VALUE:
    case HL_I_FUNC_GLOBAL:
    case HL_I_STEP:
    case HL_I_FRAME_LOAD:
    case HL_I_KEEP:
    case HL_I_ARRAY_DATA:
    case HL_I_ARRAY_LEN:
    case HL_I_ARRAY_STRIDE:
    case HL_I_ARRAY_DTYPE:
    case HL_I_ARRAY_FILL:
    case HL_I_ARRAY_COPY:
    case HL_I_KNULL:
    case HL_I_LIST_SIZE:
    case HL_I_LIST_LOAD:
    case HL_I_SEQ_SIZE:
    case HL_I_TUPLE_LOAD:
    case HL_I_BYTES_LOAD:
    case HL_I_LIST_STORE:
    case HL_I_LIST_APPEND:
    case HL_I_LIST_POP:
    case HL_I__COUNT: return false;
    }
    return false;
}

/* The index of an access must be proved: by its INDEX, or as linear in a loop that nothing but its
 * trip count ends early, where whoever removed the INDEX proved it for every iteration. */
static bool strip_index_known(const Strip *s, HlRef index)
{
    return !strip_inside(s, index) || s->ir->ins[index].op == HL_I_INDEX ||
           (!s->branches && strip_linear(s, index));
}

bool strip_slope(const Strip *s, HlRef r, int64_t *by)
{
    const HlIns *ins = &s->ir->ins[r];
    HlRef step;
    bool down;
    int64_t k[2];
    *by = 0;
    if (!strip_inside(s, r) || ins->op == HL_I_KINT)
        return true;
    if (ins->op == HL_I_INDEX || ins->op == HL_I_RETYPE)
        return strip_slope(s, ins->a[0], by);
    if (ins->op == HL_I_PARAM) {
        if (!strip_steps(s, r, &step, &down))
            return false;
        *by = strip_constant_step(s, strip_param(s, r));
        return step == HL_NOREF || hl_ir_is_kint(s->ir, step, &k[0]);
    }
    if ((!strip_is_sum(ins) && !strip_is_difference(ins)) || !strip_slope(s, ins->a[0], &k[0]) ||
        !strip_slope(s, ins->a[1], &k[1]))
        return false;
    uint64_t second = (uint64_t)k[1];
    *by = (int64_t)((uint64_t)k[0] + (strip_is_sum(ins) ? second : -second));
    return true;
}

/* Is r another number in every iteration? */
static bool strip_moves(const Strip *s, HlRef r)
{
    int64_t by;
    return strip_slope(s, r, &by) && by != 0;
}

bool strip_shares_row(const Strip *s, const HlIns *store, const HlIns *load)
{
    return store->a[0] == load->a[0] && store->a[2] != load->a[2] && s->cell == HL_NOREF &&
           strip_stays(s, load->a[2]) != strip_stays(s, store->a[2]);
}

/* Two accesses to one row must be the same item, read before it is written, and not that of another
 * iteration, which is seen here where the row stays, or else at run time. Different rows and arrays are
 * kept apart at run time, and so is one item of a row from those that are written one after the other. */
static bool strip_order_ok(const Strip *s)
{
    for (int32_t i = 0; i < s->nitems; i++) {
        for (int32_t k = 0; k < s->nitems; k++) {
            const HlIns *store = &s->ir->ins[s->items[i]], *load = &s->ir->ins[s->items[k]];
            if (hl_ir_stores_item(store) && load->op == HL_I_ARRAY_LOAD &&
                store->a[0] == load->a[0] && !strip_shares_row(s, store, load) &&
                (store->a[2] != load->a[2] || i < k ||
                 (s->cell == HL_NOREF && strip_place_stays(s, load->a[0]) &&
                  !strip_moves(s, load->a[2]))))
                return false;
        }
    }
    return true;
}

bool strip_is_cell(const Strip *s, const HlIns *load)
{
    return s->cell != HL_NOREF && load->op == HL_I_ARRAY_LOAD &&
           load->a[0] == s->ir->ins[s->cell].a[0];
}

/* The item that a sum is kept in, as in c[i, j] += a[i, k] * b[k, j] for all k. */
static HlRef strip_find_cell(const Strip *s)
{
    HlRef cell = HL_NOREF;
    bool read = false;
    for (int32_t i = 0; i < s->nitems; i++) {
        if (!hl_ir_stores_item(&s->ir->ins[s->items[i]]))
            continue;
        if (cell != HL_NOREF)
            return HL_NOREF;
        cell = s->items[i];
    }
    if (cell == HL_NOREF || s->ir->ins[cell].op != HL_I_ARRAY_STORE)
        return HL_NOREF;
    const HlIns *store = &s->ir->ins[cell];
    for (int32_t i = 0; i < s->nitems; i++)
        read |= s->items[i] != cell && s->ir->ins[s->items[i]].a[0] == store->a[0];
    bool stays = strip_place_stays(s, store->a[0]) && strip_stays(s, store->a[2]);
    return read && stays ? cell : HL_NOREF;
}

static bool strip_is_float(const Strip *s, HlRef r)
{
    return hl_type_repr(s->ir->ins[r].type) == HL_REPR_F64;
}

/* Are the items next to each other, as vectors want them? */
static bool strip_walks_only(const Strip *s)
{
    for (int32_t i = 0; i < s->nitems; i++) {
        const HlIns *item = &s->ir->ins[s->items[i]];
        bool stays = strip_place_stays(s, item->a[0]) && strip_stays(s, item->a[2]);
        if (!stays && !strip_walks(s, item))
            return false;
    }
    return true;
}

static bool strip_vectorises(Strip *s)
{
    const HlBlock *b = s->block;
    bool in_order = false;
    if (s->cell != HL_NOREF && strip_is_float(s, s->ir->ins[s->cell].a[3])) {
        s->sums = hl_llvm_round_reduces_cell(s->e, b, &s->ir->ins[s->cell], s->chain);
        in_order = !s->sums;
    }
    for (int32_t p = 0; p < b->params.n; p++) {
        HlRef now = b->params.v[p], next = b->args.v[p];
        if (!strip_is_float(s, now) || next == now || !hl_llvm_round_waits(s->e, b, p, s->waits))
            continue;
        s->sums = hl_llvm_round_reduces(s->e, b, now, next, s->chain);
        in_order |= !s->sums;
    }
    s->sums &= !in_order;
    s->reduces = s->sums && !s->in_order && strip_walks_only(s);
    return s->reduces || (!in_order && !s->sums);
}

int strip_multiple(const Strip *s)
{
    return !s->vectorises ? STRIP_COPIES : s->reduces ? STRIP_VECTOR * STRIP_SIDE : STRIP_VECTOR;
}

bool strip_find(Strip *s)
{
    const HlBlock *b = s->block;
    s->trip = HL_NOREF;
    if (b->loop < 0 || b->term != HL_TERM_JUMP || b->target != s->index)
        return false;
    for (int32_t i = 0; i < b->ins.n; i++) {
        HlRef r = b->ins.v[i];
        const HlIns *ins = &s->ir->ins[r];
        if (s->trip == HL_NOREF && strip_is_trip(s, ins)) {
            s->trip = r;
            s->done[r] = true;
            continue;
        }
        bool leads_on = ins->exit >= 0 && s->ir->exits[ins->exit].target >= 0;
        if (!strip_allows(s, ins) || (leads_on && !strip_is_way(s, r)))
            return false;
        if (strip_is_access(ins))
            s->items[s->nitems++] = r;
    }
    for (int32_t i = 0; i < b->ins.n; i++) {
        const HlIns *ins = &s->ir->ins[b->ins.v[i]];
        if ((strip_is_access(ins) || ins->op == HL_I_ARRAY_ROW) && !strip_index_known(s, ins->a[2]))
            return false;
    }
    s->cell = strip_find_cell(s);
    s->stores = s->stores && s->cell == HL_NOREF;
    s->nstate += s->cell != HL_NOREF;
    s->vectorises = strip_vectorises(s);
    return s->trip != HL_NOREF && strip_order_ok(s);
}

/* --- which guards need no test in the strip? -------------------------------------------------- */

/* Is there a guarded result in the block that is finite only when r is? A float32 is the rounded
 * result of an operation. */
static bool strip_implied(const Strip *s, HlRef r)
{
    const HlRefVec *v = &s->block->ins;
    for (int32_t i = 0; i < v->n; i++) {
        const HlIns *guard = &s->ir->ins[v->v[i]];
        if ((guard->op != HL_I_GUARD_FP && guard->op != HL_I_GUARD_FINITE) ||
            !strip_inside(s, guard->a[0]))
            continue;
        const HlIns *result = &s->ir->ins[guard->a[0]];
        if (result->op == HL_I_FROUND32)
            result = &s->ir->ins[result->a[0]];
        if (result->block == s->index && hl_ir_finite_only_with(result, r))
            return true;
    }
    return false;
}

/* Is |r| at most STRIP_SMALL in every iteration, known now, or by what is linear or stays being so? A
 * select is looked at when its operands are none. */
static bool strip_small(const Strip *s, HlRef r)
{
    const HlIns *ins = &s->ir->ins[r];
    int64_t k;
    if (ins->op == HL_I_SELECT)
        return s->ir->ins[ins->a[1]].op != HL_I_SELECT && s->ir->ins[ins->a[2]].op != HL_I_SELECT &&
               strip_small(s, ins->a[1]) && strip_small(s, ins->a[2]);
    switch (ins->op) {
    case HL_I_KINT: return ins->imm.i >= -STRIP_SMALL && ins->imm.i <= STRIP_SMALL;
    case HL_I_ZEXT:
    case HL_I_POPCOUNT: return true;
    case HL_I_MOD:
        return hl_ir_is_kint(s->ir, ins->a[1], &k) && k >= -STRIP_SMALL && k <= STRIP_SMALL;
    case HL_I_AND:
        return (hl_ir_is_kint(s->ir, ins->a[0], &k) && k >= 0 && k <= STRIP_SMALL) ||
               (hl_ir_is_kint(s->ir, ins->a[1], &k) && k >= 0 && k <= STRIP_SMALL);
    case HL_I_ARRAY_LOAD:
    case HL_I_NARROW:
    case HL_I_NARROW_OV: return hl_dtype_is_int(ins->aux) && hl_dtype_size(ins->aux) <= 4;
    default: return strip_linear(s, r);
    }
}

/* Finds the parameters to which only small amounts are added, so that nothing of that overflows within
 * a strip when they start in the middle of the 64 bits. Their instructions are marked, and how many
 * additions there are bounded. */
static void strip_find_sums(Strip *s)
{
    enum { NONE, SUM, MAYBE };
    const HlBlock *b = s->block;
    for (int32_t p = 0; p < b->params.n && b->ins.n <= STRIP_SUMS; p++) {
        HlRef param = b->params.v[p];
        if (hl_type_repr(s->ir->ins[param].type) != HL_REPR_I64 || strip_linear(s, param))
            continue;
        s->sum[param] = MAYBE;
        for (int32_t i = 0; i < b->ins.n; i++) {
            const HlIns *ins = &s->ir->ins[b->ins.v[i]];
            bool is = false;
            if (strip_is_sum(ins))
                is = (s->sum[ins->a[0]] == MAYBE && strip_small(s, ins->a[1])) ||
                     (s->sum[ins->a[1]] == MAYBE && strip_small(s, ins->a[0]));
            else if (strip_is_difference(ins))
                is = s->sum[ins->a[0]] == MAYBE && strip_small(s, ins->a[1]);
            else if (ins->op == HL_I_SELECT)
                is = s->sum[ins->a[1]] == MAYBE && s->sum[ins->a[2]] == MAYBE;
            else if (ins->op == HL_I_RETYPE)
                is = s->sum[ins->a[0]] == MAYBE;
            if (is)
                s->sum[b->ins.v[i]] = MAYBE;
        }
        uint8_t now = s->sum[b->args.v[p]] == MAYBE ? SUM : NONE;
        for (HlRef r = 0; r < s->ir->nins; r++)
            if (s->sum[r] == MAYBE)
                s->sum[r] = now;
    }
}

bool strip_counters_proved(const Strip *s)
{
    for (int32_t i = 0; i < s->block->ins.n; i++) {
        HlRef r = s->block->ins.v[i];
        if (s->ir->ins[r].op == HL_I_COUNT_UP && !s->sum[r] && !strip_linear(s, r))
            return false;
    }
    return true;
}

int32_t strip_cell_state(const Strip *s)
{
    return s->block->params.n + 1;
}

/* Is what is read from the cell guarded to be finite, by a result? */
static bool strip_cell_implied(const Strip *s)
{
    for (int32_t i = 0; i < s->nitems; i++)
        if (strip_is_cell(s, &s->ir->ins[s->items[i]]) && strip_implied(s, s->items[i]))
            return true;
    return false;
}

void strip_mark(Strip *s)
{
    const HlBlock *b = s->block;
    strip_find_sums(s);
    for (int32_t i = 0; i < b->ins.n; i++) {
        HlRef r = b->ins.v[i];
        const HlIns *ins = &s->ir->ins[r];
        switch ((int)ins->op) {
        case HL_I_INDEX:
        case HL_I_GUARD_WRITEABLE: s->done[r] = true; break;
        case HL_I_GUARD_TRUE:
        case HL_I_GUARD_FALSE: s->done[r] |= strip_is_way(s, r); break;
        case HL_I_ADD_OV:
        case HL_I_SUB_OV:
        case HL_I_MUL_OV: s->done[r] = s->sum[r] || strip_linear(s, r); break;
        case HL_I_GUARD_FINITE:
        case HL_I_GUARD_FP: {
            s->done[r] = strip_implied(s, ins->a[0]);
            for (int32_t p = 0; p < b->params.n && !s->done[r]; p++) {
                if (b->args.v[p] == ins->a[0] && strip_implied(s, b->params.v[p]))
                    s->done[r] = s->carried[p] = true;
            }
            if (!s->done[r] && s->cell != HL_NOREF && s->ir->ins[s->cell].a[3] == ins->a[0])
                s->done[r] = s->carried[strip_cell_state(s)] = strip_cell_implied(s);
            s->finite |= s->done[r];
            break;
        }
        default: break;
        }
    }
}
