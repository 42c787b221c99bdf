/* hl_llvm_strip_proof.c - what is found out in front of a strip, for all of its iterations at once.
 *
 * What is linear in the iteration lies between its first and its last value, and where these do not overflow,
 * nothing in between does. Of indexes and accesses that are beside each other, as a[j - 1] and a[j + 1], only
 * those at the ends are looked at. In a nest, what holds for all rows is found out in front of the loop around this
 * one, where LLVM moves what does not change there; only where that does not hold, each row is looked at. */
#include "hl_llvm_strip.h"

static void strip_prove(Strip *s, Val ok)
{
    s->proved = LLVMBuildAnd(s->e->b, ok, s->proved, "");
}

static Val strip_exact(Strip *s, const char *name, Val a, Val b)
{
    Val pair = hl_llvm_intrinsic(s->e, name, s->e->i64, (Val[]){a, b}, 2);
    strip_prove(s, LLVMBuildNot(s->e->b, LLVMBuildExtractValue(s->e->b, pair, 1, ""), ""));
    return LLVMBuildExtractValue(s->e->b, pair, 0, "");
}

/* Is r the number that counts, which gets no further than to what it is compared with? */
static bool strip_is_counter(const Strip *s, HlRef r, bool down)
{
    return r == (down ? s->large : s->small) &&
           strip_constant_step(s, strip_param(s, r)) == (down ? -1 : 1);
}

Val strip_at(Strip *s, HlRef r, bool last)
{
    static const char add[] = "llvm.sadd.with.overflow", sub[] = "llvm.ssub.with.overflow",
                      mul[] = "llvm.smul.with.overflow";
    const HlIns *ins = &s->ir->ins[r];
    HlRef by;
    bool down;
    if (ins->op == HL_I_KINT)
        return hl_llvm_int(s->e, ins->imm.i);
    if (!strip_inside(s, r))
        return s->e->val[r];
    if (ins->op == HL_I_PARAM) {
        if (!strip_steps(s, r, &by, &down) || by == HL_NOREF || !last)
            return s->e->val[r];
        if (strip_is_counter(s, r, down))
            return down ? LLVMBuildSub(s->e->b, s->e->val[r], s->last, "")
                        : LLVMBuildAdd(s->e->b, s->e->val[r], s->last, "");
        Val moved = strip_exact(s, mul, strip_at(s, by, false), s->last);
        return strip_exact(s, down ? sub : add, s->e->val[r], moved);
    }
    if (ins->op == HL_I_RETYPE)
        return strip_at(s, ins->a[0], last);
    Val a = strip_at(s, ins->a[0], last), b = strip_at(s, ins->a[1], last);
    return strip_exact(s, strip_is_sum(ins) ? add : strip_is_difference(ins) ? sub : mul, a, b);
}

/* A linear number is `from` plus a constant, and `from` changes by the constant `by`. Numbers with one `from`
 * lie beside each other, and only those at the ends have to be looked at. */
typedef struct Offset {
    HlRef from;
    int64_t offset, by;
} Offset;

static bool strip_offset(const Strip *s, HlRef r, Offset *o)
{
    const HlIns *ins = &s->ir->ins[r];
    int64_t k;
    o->offset = 0;
    for (; strip_inside(s, r) && (ins->op == HL_I_INDEX || ins->op == HL_I_RETYPE);
         ins = &s->ir->ins[r])
        r = ins->a[0];
    if (strip_inside(s, r) && (strip_is_sum(ins) || strip_is_difference(ins)) &&
        hl_ir_is_kint(s->ir, ins->a[1], &k) && k >= -STRIP_SMALL && k <= STRIP_SMALL) {
        o->offset = strip_is_sum(ins) ? k : -k;
        r = ins->a[0];
    }
    o->from = r;
    return strip_slope(s, r, &o->by);
}

/* The index of an access or a row in the first or last iteration, modulo 2^64: where its sum overflows it is in
 * no array. */
static Val strip_index_at(Strip *s, HlRef index, bool last)
{
    Offset o;
    if (strip_offset(s, index, &o))
        return LLVMBuildAdd(s->e->b, strip_at(s, o.from, last), hl_llvm_int(s->e, o.offset), "");
    if (strip_inside(s, index) && s->ir->ins[index].op == HL_I_INDEX)
        index = s->ir->ins[index].a[0];
    return strip_at(s, index, last);
}

Val strip_pointer(Strip *s, const HlIns *ins, bool last)
{
    LLVMBuilderRef B = s->e->b;
    HlRef place = ins->a[0];
    Val from =
        strip_inside(s, place) ? strip_pointer(s, &s->ir->ins[place], last) : s->e->val[place];
    Val moved = LLVMBuildMul(B, s->e->val[ins->a[1]], strip_index_at(s, ins->a[2], last), "");
    return LLVMBuildGEP2(B, s->e->i8, from, &moved, 1, "");
}

static Val strip_address(Strip *s, const HlIns *ins, bool last)
{
    return LLVMBuildPtrToInt(s->e->b, strip_pointer(s, ins, last), s->e->i64, "");
}

/* Does `other` lie beside `own`, further up or down? Of two at the same place the earlier one counts. */
static bool strip_is_beyond(const Offset *own, const Offset *other, bool earlier, bool up)
{
    return other->from == own->from &&
           (other->offset == own->offset ? earlier : (other->offset > own->offset) == up);
}

/* Is the bytes' order known, as that of items along a row whose stride is proved? */
static bool strip_goes_along(const Strip *s, const HlIns *access, Offset *o)
{
    return strip_walks(s, access) && strip_offset(s, access->a[2], o);
}

/* An access of the same kind to the same row, further up or down, -1 = none. */
static int32_t strip_beyond(const Strip *s, int32_t nth, bool up)
{
    const HlIns *access = &s->ir->ins[s->items[nth]];
    Offset own, o;
    if (!strip_goes_along(s, access, &own))
        return -1;
    for (int32_t i = 0; i < s->nitems; i++) {
        const HlIns *other = &s->ir->ins[s->items[i]];
        if (i != nth && other->a[0] == access->a[0] &&
            hl_ir_stores_item(other) == hl_ir_stores_item(access) && other->aux == access->aux &&
            strip_goes_along(s, other, &o) && strip_is_beyond(&own, &o, i < nth, up))
            return i;
    }
    return -1;
}

/* The first byte that an access touches in any iteration, or the one behind its last, as an address. */
static Val strip_end(Strip *s, const HlIns *access, bool high)
{
    Offset o;
    Val end;
    if (strip_goes_along(s, access, &o)) {
        end = strip_address(s, access, (o.by > 0) == high);
    } else {
        Val ends[2] = {strip_address(s, access, false), strip_address(s, access, true)};
        const char *name = high ? "llvm.umax" : "llvm.umin";
        end = hl_llvm_intrinsic(s->e, name, s->e->i64, ends, 2);
    }
    Val size = hl_llvm_int(s->e, hl_dtype_size((HlDtype)access->aux));
    return high ? LLVMBuildAdd(s->e->b, end, size, "") : end;
}

/* No two iterations access bytes in common. */
static void strip_prove_moves(Strip *s, const HlIns *access)
{
    LLVMBuilderRef B = s->e->b;
    Val size = hl_llvm_int(s->e, hl_dtype_size((HlDtype)access->aux));
    Val far = LLVMBuildSub(B, strip_address(s, access, true), strip_address(s, access, false), "");
    Val no = LLVMConstInt(s->e->i1, 0, false);
    far = hl_llvm_intrinsic(s->e, "llvm.abs", s->e->i64, (Val[]){far, no}, 2);
    strip_prove(s, LLVMBuildICmp(B, LLVMIntUGE, far, LLVMBuildMul(B, size, s->last, ""), ""));
}

/* The store touches nothing that the nth access reads, nor those beside it. */
static void strip_prove_apart(Strip *s, const HlIns *store, int32_t nth)
{
    LLVMBuilderRef B = s->e->b;
    const HlIns *lowest = &s->ir->ins[s->items[nth]];
    if (strip_beyond(s, nth, false) >= 0)
        return;
    for (int32_t i = nth; i >= 0; i = strip_beyond(s, nth, true))
        nth = i;
    const HlIns *highest = &s->ir->ins[s->items[nth]];
    Val below =
        LLVMBuildICmp(B, LLVMIntULE, strip_end(s, store, true), strip_end(s, lowest, false), "");
    Val above =
        LLVMBuildICmp(B, LLVMIntULE, strip_end(s, highest, true), strip_end(s, store, false), "");
    strip_prove(s, LLVMBuildOr(B, below, above, ""));
}

/* --- whole arrays ------------------------------------------------------------------------------- */

/* The address of the array that an access goes to, where that is known and stays for all rows of the loop around
 * this one; HL_NOREF = it does not. */
static HlRef strip_array(const Strip *s, const HlIns *access)
{
    const HlCfg *cfg = &s->e->cfg;
    int32_t around = cfg->outer[s->index];
    HlRef r = access->a[0];
    while (s->ir->ins[r].op == HL_I_ARRAY_ROW)
        r = s->ir->ins[r].a[0];
    if (around < 0 || s->ir->ins[r].op != HL_I_ARRAY_DATA)
        return HL_NOREF;
    for (int32_t h = cfg->header[s->ir->ins[r].block]; h >= 0; h = cfg->outer[h])
        if (h == around)
            return HL_NOREF;
    return r;
}

/* Its first byte, or the one behind its last, found out where its address is read; where that is not known, all
 * bytes are between. */
static Val strip_array_end(Strip *s, HlRef data, bool high)
{
    HlEmitter *e = s->e;
    LLVMBuilderRef B = e->b;
    HlRef array = s->ir->ins[data].a[0];
    HlType type = s->ir->ins[array].type;
    Bb here = LLVMGetInsertBlock(B);
    Val proved = s->proved, zero = hl_llvm_int(e, 0), one = hl_llvm_int(e, 1);
    LLVMPositionBuilder(B, LLVMGetInstructionParent(e->val[data]),
                        LLVMGetNextInstruction(e->val[data]));
    s->proved = LLVMConstInt(e->i1, 1, false);
    Val end = LLVMBuildPtrToInt(B, e->val[data], e->i64, "");
    for (int axis = 0; axis < type.ndim; axis++) {
        Val n = hl_llvm_axis(e, e->val[array], e->env->off_arr_shape, axis);
        Val stride = hl_llvm_axis(e, e->val[array], e->env->off_arr_strides, axis);
        Val far = strip_exact(s, "llvm.smul.with.overflow", LLVMBuildSub(B, n, one, ""), stride);
        Val ends[2] = {far, zero};
        far = hl_llvm_intrinsic(e, high ? "llvm.smax" : "llvm.smin", e->i64, ends, 2);
        end = strip_exact(s, "llvm.sadd.with.overflow", end, far);
    }
    if (high)
        end = strip_exact(s, "llvm.sadd.with.overflow", end,
                          hl_llvm_int(e, hl_dtype_size((HlDtype)type.dtype)));
    end = LLVMBuildSelect(B, s->proved, end, hl_llvm_int(e, high ? -1 : 0), "");
    s->proved = proved;
    LLVMPositionBuilderAtEnd(B, here);
    return end;
}

/* Are the arrays of a store and a load two, so that their ends may tell that they are apart? */
static bool strip_has_ends(const Strip *s, const HlIns *store, const HlIns *load)
{
    HlRef a = strip_array(s, store), b = strip_array(s, load);
    return a != HL_NOREF && b != HL_NOREF && a != b;
}

/* The nth of all pairs of a store and a load? */
static bool strip_pair(const Strip *s, int32_t nth, const HlIns **store, const HlIns **load)
{
    *store = &s->ir->ins[s->items[nth / s->nitems]];
    *load = &s->ir->ins[s->items[nth % s->nitems]];
    return hl_ir_stores_item(*store) && (*load)->op == HL_I_ARRAY_LOAD;
}

/* --- indexes and sums ---------------------------------------------------------------------------- */

/* Is there an INDEX into the same length, further up or down? */
static bool strip_index_passed(const Strip *s, const HlIns *ins, const Offset *own, bool up)
{
    const HlRefVec *v = &s->block->ins;
    Offset o;
    for (int32_t i = 0; i < v->n; i++) {
        const HlIns *other = &s->ir->ins[v->v[i]];
        if (other->op == HL_I_INDEX && other != ins && other->a[1] == ins->a[1] &&
            strip_offset(s, v->v[i], &o) && strip_is_beyond(own, &o, other < ins, up))
            return true;
    }
    return false;
}

static void strip_prove_in_range(Strip *s, const HlIns *ins, bool last)
{
    Val at = strip_index_at(s, ins->a[0], last);
    strip_prove(s, LLVMBuildICmp(s->e->b, LLVMIntULT, at, s->e->val[ins->a[1]], ""));
}

/* The indexes are in range in all iterations: so they are between the first and the last one, and between
 * the lowest and the highest of those that are beside each other. This looks at the low end, where a sum may get
 * below all numbers, or at both where the order is not known. */
static void strip_prove_low(Strip *s, const HlIns *ins)
{
    Offset o;
    if (!strip_offset(s, ins->a[0], &o)) {
        strip_prove_in_range(s, ins, false);
        strip_prove_in_range(s, ins, true);
    } else if (!strip_index_passed(s, ins, &o, false)) {
        Val from = strip_at(s, o.from, o.by <= 0);
        strip_prove(s, LLVMBuildICmp(s->e->b, LLVMIntSGE, from, hl_llvm_int(s->e, -o.offset), ""));
    }
}

/* Is this INDEX the one at the high end? */
static bool strip_is_high(const Strip *s, const HlIns *ins, Offset *o)
{
    return ins->op == HL_I_INDEX && strip_offset(s, ins->a[0], o) &&
           !strip_index_passed(s, ins, o, true);
}

/* Does such an index count up with the loop, in a nest? Where the loop ends in time, it is in range for all rows. */
static bool strip_counts_along(const Strip *s, const Offset *o)
{
    return s->e->cfg.outer[s->index] >= 0 && o->from == s->small && o->by == 1;
}

/* Is r an index itself, which does not overflow where it is in range? */
static bool strip_is_index(const Strip *s, HlRef r)
{
    const HlRefVec *v = &s->block->ins;
    Offset o;
    for (int32_t i = 0; i < v->n; i++) {
        const HlIns *ins = &s->ir->ins[v->v[i]];
        if (ins->op == HL_I_INDEX && ins->a[0] == r)
            return strip_offset(s, r, &o) && o.offset != 0;
    }
    return false;
}

/* Lies r between -limit and limit? */
static void strip_prove_within(Strip *s, Val r, int64_t limit)
{
    LLVMBuilderRef B = s->e->b;
    Val moved = LLVMBuildAdd(B, r, hl_llvm_int(s->e, limit), "");
    strip_prove(s, LLVMBuildICmp(B, LLVMIntULE, moved, hl_llvm_int(s->e, 2 * limit), ""));
}

/* What strip_small left open. */
static void strip_prove_small(Strip *s, HlRef r)
{
    const HlIns *ins = &s->ir->ins[r];
    for (int k = 1; k < 3 && ins->op == HL_I_SELECT; k++)
        strip_prove_small(s, ins->a[k]);
    if (ins->op == HL_I_KINT || !strip_linear(s, r))
        return;
    for (int last = 0; last < (strip_inside(s, r) ? 2 : 1); last++)
        strip_prove_within(s, strip_at(s, r, last), STRIP_SMALL);
}

void strip_prove_ways(Strip *s, bool last)
{
    LLVMBuilderRef B = s->e->b;
    for (int32_t i = 0; i < s->block->ins.n; i++) {
        const HlIns *guard = &s->ir->ins[s->block->ins.v[i]];
        if (!strip_is_way(s, s->block->ins.v[i]))
            continue;
        const HlIns *cmp = &s->ir->ins[guard->a[0]];
        Val a = strip_at(s, cmp->a[0], last), b = strip_at(s, cmp->a[1], last);
        Val holds = LLVMBuildICmp(B, hl_llvm_int_predicate((HlCompare)cmp->aux), a, b, "");
        strip_prove(s, guard->op == HL_I_GUARD_TRUE ? holds : LLVMBuildNot(B, holds, ""));
    }
}

static void strip_prove_sums(Strip *s)
{
    const HlBlock *b = s->block;
    for (int32_t p = 0; p < b->params.n; p++)
        if (s->sum[b->params.v[p]])
            strip_prove_within(s, s->start[p], (INT64_C(1) << 62) - 1);
    for (int32_t i = 0; i < b->ins.n; i++) {
        const HlIns *ins = &s->ir->ins[b->ins.v[i]];
        bool adds = s->sum[b->ins.v[i]] && (strip_is_sum(ins) || strip_is_difference(ins));
        for (int k = 0; adds && k < 2; k++)
            if (!s->sum[ins->a[k]])
                strip_prove_small(s, ins->a[k]);
    }
}

void strip_align(Strip *s)
{
    HlEmitter *e = s->e;
    LLVMBuilderRef B = e->b;
    Offset o;
    int32_t i = 0;
    while (i < s->nitems && !hl_ir_stores_item(&s->ir->ins[s->items[i]]))
        i++;
    const HlIns *store = i < s->nitems ? &s->ir->ins[s->items[i]] : NULL;
    if (!store || !strip_goes_along(s, store, &o) || o.by != 1)
        return;
    Val size = hl_llvm_int(e, hl_dtype_size((HlDtype)store->aux)), zero = hl_llvm_int(e, 0);
    Val n[2] = {s->n}, address = strip_address(s, store, false);
    Bb from[2] = {LLVMGetInsertBlock(B), NULL};
    Bb behind = hl_llvm_next_block(e, ""), align = from[1] = hl_llvm_next_block(e, "align");
    Val pays = LLVMBuildICmp(B, LLVMIntUGE, s->n, hl_llvm_int(e, STRIP_LONG), "");
    LLVMBuildCondBr(B, pays, align, behind);
    LLVMPositionBuilderAtEnd(B, align);
    Val bytes = LLVMBuildNeg(B, address, "");
    bytes = LLVMBuildAnd(B, bytes, hl_llvm_int(e, STRIP_LINE - 1), "");
    Val away = LLVMBuildUDiv(B, bytes, size, "");
    if (s->overlaps) { /* so many for the first block, and then whole ones */
        Val rest = LLVMBuildSub(B, s->n, away, "");
        rest = LLVMBuildAnd(B, rest, hl_llvm_int(e, s->widest - 1), "");
        n[1] = LLVMBuildSub(B, s->n, rest, "");
    } else {
        Val there = LLVMBuildICmp(B, LLVMIntEQ, away, zero, "");
        n[1] = LLVMBuildSelect(B, there, s->n, away, "");
    }
    LLVMBuildBr(B, behind);
    LLVMPositionBuilderAtEnd(B, behind);
    s->n = LLVMBuildPhi(B, e->i64, "");
    LLVMAddIncoming(s->n, n, from, 2);
}

void strip_shorten(Strip *s, int least)
{
    HlEmitter *e = s->e;
    LLVMBuilderRef B = e->b;
    for (int32_t i = 0; i < s->nitems * s->nitems; i++) {
        const HlIns *store = &s->ir->ins[s->items[i / s->nitems]];
        const HlIns *load = &s->ir->ins[s->items[i % s->nitems]];
        if (!hl_ir_stores_item(store) || load->op != HL_I_ARRAY_LOAD ||
            !strip_shares_row(s, store, load))
            continue;
        Val size = hl_llvm_int(e, hl_dtype_size((HlDtype)store->aux));
        Val away =
            LLVMBuildSub(B, strip_address(s, load, false), strip_address(s, store, false), "");
        Val before = LLVMBuildUDiv(B, away, size, "");
        Val hits = LLVMBuildICmp(B, LLVMIntULT, before, s->n, "");
        before = LLVMBuildAnd(B, before, hl_llvm_int(e, -least), "");
        Val ends[2] = {before, hl_llvm_int(e, least)};
        before = hl_llvm_intrinsic(e, "llvm.umax", e->i64, ends, 2);
        s->n = LLVMBuildSelect(B, hits, before, s->n, "");
    }
}

/* Nothing that is written is read in another iteration: of the pairs whose arrays' ends may tell, or of the others. */
static void strip_prove_pairs(Strip *s, bool have_ends)
{
    const HlIns *store, *load;
    for (int32_t i = 0; i < s->nitems * s->nitems; i++) {
        if (!strip_pair(s, i, &store, &load) || strip_has_ends(s, store, load) != have_ends)
            continue;
        if (load->a[0] != store->a[0] || strip_shares_row(s, store, load))
            strip_prove_apart(s, store, i % s->nitems);
        else if (s->cell == HL_NOREF && !strip_walks(s, store))
            strip_prove_moves(s, store);
    }
}

/* Whether the arrays of such pairs have no byte in common. */
static Val strip_arrays_apart(Strip *s)
{
    LLVMBuilderRef B = s->e->b;
    const HlIns *store, *load;
    Val all = LLVMConstInt(s->e->i1, 1, false), low[STRIP_ITEMS] = {0}, high[STRIP_ITEMS] = {0};
    bool writes = false;
    for (int32_t i = 0; i < s->nitems; i++)
        writes |= hl_ir_stores_item(&s->ir->ins[s->items[i]]);
    for (int32_t i = 0; writes && i < s->nitems; i++) {
        HlRef data = strip_array(s, &s->ir->ins[s->items[i]]);
        for (int32_t k = 0; k < i && !low[i]; k++) {
            bool same = strip_array(s, &s->ir->ins[s->items[k]]) == data;
            low[i] = same ? low[k] : NULL;
            high[i] = same ? high[k] : NULL;
        }
        if (data != HL_NOREF && !low[i]) {
            low[i] = strip_array_end(s, data, false);
            high[i] = strip_array_end(s, data, true);
        }
    }
    for (int32_t i = 0; i < s->nitems * s->nitems; i++) {
        int32_t a = i / s->nitems, b = i % s->nitems;
        if (!strip_pair(s, i, &store, &load) || !strip_has_ends(s, store, load))
            continue;
        Val below = LLVMBuildICmp(B, LLVMIntULE, high[a], low[b], "");
        Val above = LLVMBuildICmp(B, LLVMIntULE, high[b], low[a], "");
        all = LLVMBuildAnd(B, all, LLVMBuildOr(B, below, above, ""), "");
    }
    return all;
}

/* What is different from row to row, or is not known of all of them. */
static void strip_prove_rows(Strip *s)
{
    Offset o;
    strip_prove(s, s->contiguous);
    for (int32_t i = 0; i < s->block->ins.n; i++) {
        const HlIns *ins = &s->ir->ins[s->block->ins.v[i]];
        if (strip_is_high(s, ins, &o) && strip_counts_along(s, &o))
            strip_prove_in_range(s, ins, true);
    }
    strip_prove_pairs(s, true);
}

/* The same, found out for all rows in front of the loop around this one, if it holds for all: items are contiguous,
 * arrays have no byte in common, and the loop ends where they do, or before. */
static Val strip_rows_proved(Strip *s)
{
    LLVMBuilderRef B = s->e->b;
    Val all = LLVMBuildAnd(B, s->contiguous, strip_arrays_apart(s), "");
    Offset o;
    for (int32_t i = 0; i < s->block->ins.n; i++) {
        const HlIns *ins = &s->ir->ins[s->block->ins.v[i]];
        if (!strip_is_high(s, ins, &o) || !strip_counts_along(s, &o))
            continue;
        Val most = LLVMBuildSub(B, s->e->val[ins->a[1]], hl_llvm_int(s->e, o.offset), "");
        Val stop = strip_at(s, s->large, false);
        all = LLVMBuildAnd(B, all, LLVMBuildICmp(B, LLVMIntSLE, stop, most, ""), "");
    }
    return all;
}

/* Goes on where all of `proved` holds. */
static void strip_go_on(Strip *s, Bb there, Bb give_up)
{
    hl_llvm_branch(s->e, s->proved, there, give_up, true);
    s->proved = LLVMConstInt(s->e->i1, 1, false);
}

void strip_prove_all(Strip *s, Bb give_up)
{
    LLVMBuilderRef B = s->e->b;
    Offset o;
    for (int32_t i = 0; i < s->block->ins.n; i++) {
        HlRef r = s->block->ins.v[i];
        const HlIns *ins = &s->ir->ins[r];
        if (ins->op == HL_I_INDEX) {
            strip_prove_low(s, ins);
            if (strip_is_high(s, ins, &o) && !strip_counts_along(s, &o))
                strip_prove_in_range(s, ins, o.by > 0);
        } else if (ins->op == HL_I_GUARD_WRITEABLE) {
            strip_prove(s, hl_llvm_writeable(s->e, s->e->val[ins->a[0]]));
        } else if ((ins->op == HL_I_ADD_OV || ins->op == HL_I_SUB_OV || ins->op == HL_I_MUL_OV ||
                    ins->op == HL_I_COUNT_UP) &&
                   strip_linear(s, r) && !strip_is_index(s, r)) {
            strip_at(s, r, false);
            strip_at(s, r, true);
        }
    }
    strip_prove_ways(s, true);
    strip_prove_sums(s);
    strip_prove_pairs(s, false);
    Bb attempt = hl_llvm_next_block(s->e, "");
    if (s->e->cfg.outer[s->index] >= 0) {
        Bb rows = hl_llvm_next_block(s->e, "rows"), known = hl_llvm_next_block(s->e, "");
        strip_go_on(s, known, give_up);
        LLVMPositionBuilderAtEnd(B, known);
        hl_llvm_branch(s->e, strip_rows_proved(s), attempt, rows, true);
        LLVMPositionBuilderAtEnd(B, rows);
    }
    strip_prove_rows(s);
    strip_go_on(s, attempt, give_up);
    LLVMPositionBuilderAtEnd(B, attempt);
}

void strip_assume_strides(Strip *s, Val *before)
{
    LLVMBuilderRef B = s->e->b;
    s->contiguous = LLVMConstInt(s->e->i1, 1, false);
    for (int32_t k = 0; k < s->nitems; k++) {
        const HlIns *item = &s->ir->ins[s->items[k]];
        Val *stride = &s->e->val[item->a[1]];
        before[k] = *stride;
        if (!strip_walks(s, item))
            continue;
        Val size = hl_llvm_int(s->e, hl_dtype_size((HlDtype)item->aux));
        Val is = LLVMBuildICmp(B, LLVMIntEQ, *stride, size, "");
        s->contiguous = LLVMBuildAnd(B, s->contiguous, is, "");
        *stride = size;
    }
}

void strip_restore_strides(Strip *s, const Val *before)
{
    for (int32_t k = s->nitems - 1; k >= 0; k--)
        s->e->val[s->ir->ins[s->items[k]].a[1]] = before[k];
}
