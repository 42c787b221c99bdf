/* hl_llvm_strip.c - checks once per strip of iterations instead of once per iteration.
 *
 * For a loop that is one block and whose number of remaining iterations is known, a second way
 * through up to STRIP_MAX iterations is emitted in front of the ordinary body:
 *
 *   header:    phis; enough iterations left, branches on what is linear go on in the block, and no
 *              strip failed lately?                                        else -> body
 *   proof:     no signal pending; first and last index of every access in range, so those between
 *              are too; no overflow in what is linear in the iteration, or sums up small amounts;
 *              arrays that are read and written apart from each other; items contiguous; those
 *              branches go on in the block in the last iteration, too. In a nest, most of it is found
 *              out for all rows at once
 *                                                                          else -> give up
 *   try:       the body; guards only OR their failures together, and what would be stored goes into a
 *              buffer; any failure -> give up
 *   commit:    copies the buffer to where it belongs. When the proof left no guard, `commit` is the
 *              body itself, and there is no `try`. One item that every iteration reads and writes is in
 *              a register in `try`, and stored here
 *   block:     where both are needed they take turns: as many iterations as there are in a vector, and
 *              the buffer is its registers. The first two blocks share iterations, so that none are left;
 *              where they may not, what is left takes shorter blocks, in the end of one iteration. A
 *              failure -> header, with the state that the blocks before it left
 *   done:      -> header, with the state after the strip (where iterations wait for each other, nothing
 *              is left but in long loops: -> body)
 *   give up:   the ordinary body for as many iterations as the strip had; more with every time
 *   body:      as recorded, checked at every iteration
 *
 * A strip, or block, has no effect before everything in it is checked, so that giving up is always right, and
 * the ordinary body finds the very iteration that has to leave. The loops within a strip are plain
 * counted loops without exits, which LLVM vectorises.
 *
 * Where numbers are guarded to be finite, few need a test: a sum, difference or product is finite
 * only when its operands are. So a guard on a value that goes into a guarded result is implied,
 * also around the back-edge: of a running sum only the last is tested. */
#include <stdio.h>
#include <string.h>

#include "hl_llvm_strip.h"
#include "hl_mem.h"

/* --- arrays that were proved apart, told to LLVM ---------------------------------------------- */

/* Each written array has an alias scope, which reads of the others declare not to touch. */
static LLVMMetadataRef strip_scope(Strip *s, HlRef data)
{
    LLVMContextRef c = s->e->ctx;
    char name[32];
    int n = snprintf(name, sizeof name, "strip of b%d%s", s->index, s->reduces ? " across" : "");
    LLVMMetadataRef domain = LLVMMDStringInContext2(c, name, (size_t)n);
    domain = LLVMMDNodeInContext2(c, &domain, 1);
    n = snprintf(name, sizeof name, "b%d: %%%d", s->index, data);
    LLVMMetadataRef scope[2] = {LLVMMDStringInContext2(c, name, (size_t)n), domain};
    return LLVMMDNodeInContext2(c, scope, 2);
}

/* Is the i-th access the first store into its array? */
static bool strip_writes_first(const Strip *s, int32_t i)
{
    const HlIns *item = &s->ir->ins[s->items[i]];
    for (int32_t k = 0; k < i; k++) {
        const HlIns *before = &s->ir->ins[s->items[k]];
        if (hl_ir_stores_item(before) && before->a[0] == item->a[0])
            return false;
    }
    return hl_ir_stores_item(item);
}

/* The scopes of the written arrays: of `data` only, or of all but that. */
static Val strip_scopes(Strip *s, HlRef data, bool only)
{
    LLVMMetadataRef list[STRIP_ITEMS];
    size_t n = 0;
    for (int32_t i = 0; i < s->nitems; i++) {
        HlRef written = s->ir->ins[s->items[i]].a[0];
        if (strip_writes_first(s, i) && (written == data) == only)
            list[n++] = strip_scope(s, written);
    }
    return n ? LLVMMetadataAsValue(s->e->ctx, LLVMMDNodeInContext2(s->e->ctx, list, n)) : NULL;
}

/* What is known of the scopes holds for one execution of the loop that follows. */
static void strip_declare_scopes(Strip *s)
{
    static const char name[] = "llvm.experimental.noalias.scope.decl";
    HlEmitter *e = s->e;
    unsigned id = LLVMLookupIntrinsicID(name, sizeof name - 1);
    Val fn = LLVMGetIntrinsicDeclaration(e->mod, id, NULL, 0);
    for (int32_t i = 0; i < s->nitems; i++) {
        if (!strip_writes_first(s, i))
            continue;
        Val scope = strip_scopes(s, s->ir->ins[s->items[i]].a[0], true);
        LLVMBuildCall2(e->b, LLVMIntrinsicGetType(e->ctx, id, NULL, 0), fn, &scope, 1, "");
    }
}

/* Is it a load of an item that no store writes, in whatever row? */
static bool strip_is_apart(const Strip *s, const HlIns *load)
{
    for (int32_t i = 0; i < s->nitems; i++) {
        const HlIns *store = &s->ir->ins[s->items[i]];
        if (hl_ir_stores_item(store) && store->a[0] == load->a[0] &&
            !strip_shares_row(s, store, load))
            return false;
    }
    return load->op == HL_I_ARRAY_LOAD;
}

/* Marks the access that was emitted last. */
static void strip_tag(Strip *s, const HlIns *item)
{
    HlEmitter *e = s->e;
    Bb in = LLVMGetInsertBlock(e->b);
    if (item->op == HL_I_ARRAY_STORE_IF)
        in = LLVMGetPreviousBasicBlock(in);
    Val access = LLVMGetLastInstruction(in);
    while (LLVMGetInstructionOpcode(access) != LLVMLoad &&
           LLVMGetInstructionOpcode(access) != LLVMStore)
        access = LLVMGetPreviousInstruction(access);
    HlRef data = strip_is_apart(s, item) ? HL_NOREF : item->a[0];
    Val own = strip_scopes(s, data, true), others = strip_scopes(s, data, false);
    if (own)
        LLVMSetMetadata(access, LLVMGetMDKindIDInContext(e->ctx, "alias.scope", 11), own);
    if (others && item->op == HL_I_ARRAY_LOAD)
        LLVMSetMetadata(access, LLVMGetMDKindIDInContext(e->ctx, "noalias", 7), others);
}

/* --- the loops in a strip --------------------------------------------------------------------- */

/* a + by * k, modulo 2^64. */
static Val strip_moved(Strip *s, Val a, int64_t by, Val k)
{
    LLVMBuilderRef B = s->e->b;
    return LLVMBuildAdd(B, a, by == 1 ? k : LLVMBuildMul(B, k, hl_llvm_int(s->e, by), ""), "");
}

/* Bytes of the buffer that an iteration takes for an access. */
static int64_t strip_stored_bytes(const Strip *s, HlRef access)
{
    const HlIns *ins = &s->ir->ins[access];
    return hl_ir_stores_item(ins) ? hl_dtype_size((HlDtype)ins->aux) : 0;
}

/* Bytes of the buffer that an iteration takes for all of them. */
static int64_t strip_buffered_bytes(const Strip *s)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < s->nitems; i++)
        bytes += strip_stored_bytes(s, s->items[i]);
    return bytes;
}

/* Iterations of a block where each needs the one before it. */
static int64_t strip_chain_size(const Strip *s)
{
    return HL_STRIP_BUFFER / strip_buffered_bytes(s) / STRIP_VECTOR * STRIP_VECTOR;
}

/* Where the k-th value of a store is kept until all is checked. */
static Val strip_buffered(Strip *s, HlRef store, Val k)
{
    HlEmitter *e = s->e;
    int64_t before = 0, size = hl_dtype_size((HlDtype)s->ir->ins[store].aux);
    for (int32_t i = 0; s->items[i] != store; i++)
        before += strip_stored_bytes(s, s->items[i]);
    return hl_llvm_item(e, (HlDtype)s->ir->ins[store].aux,
                        hl_llvm_field(e, s->buffer, before * s->size), hl_llvm_int(e, size), k);
}

/* The iteration of the strip that is the k-th of this block. */
static Val strip_iteration(const Strip *s, Val k)
{
    return s->from ? LLVMBuildNUWAdd(s->e->b, s->from, k, "") : k;
}

/* Emits the body of the block's iteration k. `state`: the parameters' values and, behind them, whether a
 * guard failed; those that change by a constant follow from k. */
static void strip_body(Strip *s, Val k, Val *state)
{
    HlEmitter *e = s->e;
    const HlBlock *b = s->block;
    Val nth = strip_iteration(s, k);
    HlStripPass pass = {
        .done = s->done, .exact = s->exact, .vector = s->vectorises, .fail = state[b->params.n]};
    pass.chain = s->sums ? s->chain : NULL;
    for (int32_t p = 0; p < b->params.n; p++)
        e->val[b->params.v[p]] =
            s->step[p] ? strip_moved(s, s->start[p], s->step[p], nth) : state[p];
    e->pass = &pass;
    for (int32_t i = 0; i < b->ins.n; i++) {
        HlRef r = b->ins.v[i];
        const HlIns *ins = &e->ir->ins[r];
        if (r == s->trip || ins->op == HL_I_POLL ||
            (s->dry && (hl_ir_stores_item(ins) || ins->op == HL_I_TRIPS) && r != s->cell))
            continue;
        if (r == s->cell) {
            state[strip_cell_state(s)] = e->val[ins->a[3]];
        } else if (strip_is_cell(s, ins)) {
            e->val[r] = state[strip_cell_state(s)];
        } else if (s->buffer && ins->op == HL_I_ARRAY_STORE) {
            hl_llvm_store_item(e, (HlDtype)ins->aux, strip_buffered(s, r, k), e->val[ins->a[3]]);
        } else {
            e->val[r] = hl_llvm_ins(e, ins);
            if (s->stores && !s->buffer && !s->dry && strip_is_access(ins))
                strip_tag(s, ins);
        }
    }
    e->pass = NULL;
    for (int32_t p = 0; p < b->params.n; p++)
        if (!s->step[p])
            state[p] = e->val[b->args.v[p]];
    state[b->params.n] = pass.fail;
}

/* Opens a loop that counts from `first`, not yet closed; the counter, whose block begins it. */
static Val strip_open_loop(Strip *s, const char *name, Val first)
{
    HlEmitter *e = s->e;
    Bb from = LLVMGetInsertBlock(e->b), loop = hl_llvm_next_block(e, name);
    LLVMBuildBr(e->b, loop);
    LLVMPositionBuilderAtEnd(e->b, loop);
    Val k = LLVMBuildPhi(e->b, e->i64, "");
    LLVMAddIncoming(k, &first, &from, 1);
    return k;
}

/* Closes it, with `copies` iterations in a round, in front of the n-th; goes on behind it. */
static void strip_close_loop(Strip *s, Val k, int copies, Val n)
{
    HlEmitter *e = s->e;
    LLVMBuilderRef B = e->b;
    Bb loop = LLVMGetInstructionParent(k), end = LLVMGetInsertBlock(B);
    Val next = LLVMBuildNUWAdd(B, k, hl_llvm_int(e, copies), "");
    LLVMAddIncoming(k, &next, &end, 1);
    Bb behind = hl_llvm_next_block(e, "");
    Val back = LLVMBuildCondBr(B, LLVMBuildICmp(B, LLVMIntNE, next, n, ""), loop, behind);
    if (s->reduces)
        hl_llvm_fast_side_by_side(e, back, STRIP_SIDE);
    LLVMPositionBuilderAtEnd(B, behind);
}

/* A sum of float32 goes round as one, so that LLVM sees additions of float32. */
static Val strip_narrow(Strip *s, int32_t i, Val v)
{
    HlRef r = i < s->block->params.n ? s->block->params.v[i] : HL_NOREF;
    bool single = s->reduces && r >= 0 && hl_type_eq(s->ir->ins[r].type, HL_TYPE_NPS(HL_D_F32));
    return single ? LLVMBuildFPTrunc(s->e->b, v, s->e->f32, "") : v;
}

static Val strip_wide(Strip *s, Val v)
{
    return LLVMTypeOf(v) == s->e->f32 ? LLVMBuildFPExt(s->e->b, v, s->e->f64, "") : v;
}

/* Emits a loop over the iterations from `first` to n - 1, at least one and a multiple of `copies`, and
 * goes on behind it. */
static void strip_loop(Strip *s, const char *name, Val first, Val n, int copies, Val *state)
{
    HlEmitter *e = s->e;
    LLVMBuilderRef B = e->b;
    Bb from = LLVMGetInsertBlock(B);
    Val k = strip_open_loop(s, name, first);
    for (int32_t i = 0; i < s->nstate; i++) {
        if (s->step[i])
            continue;
        s->phi[i] = LLVMBuildPhi(B, LLVMTypeOf(state[i]), "");
        LLVMAddIncoming(s->phi[i], &state[i], &from, 1);
    }
    for (int32_t i = 0; i < s->nstate; i++)
        if (!s->step[i])
            state[i] = strip_wide(s, s->phi[i]);
    for (int c = 0; c < copies; c++)
        strip_body(s, LLVMBuildNUWAdd(B, k, hl_llvm_int(e, c), ""), state);
    Bb end = LLVMGetInsertBlock(B);
    for (int32_t i = 0; i < s->nstate; i++) {
        Val next = s->step[i] ? NULL : strip_narrow(s, i, state[i]);
        if (next)
            LLVMAddIncoming(s->phi[i], &next, &end, 1);
    }
    strip_close_loop(s, k, copies, n);
}

/* The value of a linear r in iteration k, modulo 2^64. */
static Val strip_linear_at(Strip *s, HlRef r, Val k)
{
    LLVMBuilderRef B = s->e->b;
    const HlIns *ins = &s->ir->ins[r];
    HlRef by;
    bool down;
    if (!strip_inside(s, r) || ins->op == HL_I_KINT)
        return s->e->val[r];
    if (ins->op == HL_I_PARAM) {
        Val start = s->start[strip_param(s, r)];
        if (!strip_steps(s, r, &by, &down) || by == HL_NOREF)
            return start;
        Val moved = LLVMBuildMul(B, s->e->val[by], k, "");
        return down ? LLVMBuildSub(B, start, moved, "") : LLVMBuildAdd(B, start, moved, "");
    }
    Val a = strip_linear_at(s, ins->a[0], k);
    if (ins->op == HL_I_RETYPE || ins->op == HL_I_INDEX)
        return a;
    Val b = strip_linear_at(s, ins->a[1], k);
    return strip_is_sum(ins)          ? LLVMBuildAdd(B, a, b, "")
           : strip_is_difference(ins) ? LLVMBuildSub(B, a, b, "")
                                      : LLVMBuildMul(B, a, b, "");
}

/* The address of a row in iteration k. */
static Val strip_place_at(Strip *s, HlRef place, Val k)
{
    LLVMBuilderRef B = s->e->b;
    const HlIns *row = &s->ir->ins[place];
    if (!strip_inside(s, place))
        return s->e->val[place];
    Val from = strip_place_at(s, row->a[0], k), index = strip_linear_at(s, row->a[2], k);
    Val moved = LLVMBuildMul(B, s->e->val[row->a[1]], index, "");
    return LLVMBuildGEP2(B, s->e->i8, from, &moved, 1, "");
}

/* Where a parameter is linear in the iteration, its value behind the first n takes no loop. */
static void strip_finish(Strip *s, Val n, Val *state)
{
    const HlBlock *b = s->block;
    Val last = LLVMBuildSub(s->e->b, n, hl_llvm_int(s->e, 1), "");
    for (int32_t p = 0; p < b->params.n; p++) {
        HlRef next = b->args.v[p];
        if (s->ir->ins[next].op == HL_I_INDEX && strip_inside(s, next))
            next = s->ir->ins[next].a[0];
        if (s->step[p])
            state[p] = strip_moved(s, s->start[p], s->step[p], n);
        else if (strip_inside(s, next) && strip_linear(s, next) &&
                 hl_type_repr(s->ir->ins[next].type) == HL_REPR_I64)
            state[p] = strip_linear_at(s, next, last);
    }
}

/* Emits what is left of n iterations behind those in rounds of 2 * copies, when it is `copies` or more:
 * so many of them. */
static void strip_rest(Strip *s, int copies, Val *state)
{
    HlEmitter *e = s->e;
    LLVMBuilderRef B = e->b;
    Bb from = LLVMGetInsertBlock(B), join = hl_llvm_next_block(e, ""),
       some = hl_llvm_next_block(e, "");
    Val bit = LLVMBuildAnd(B, s->some, hl_llvm_int(e, copies), "");
    LLVMBuildCondBr(B, LLVMBuildICmp(B, LLVMIntEQ, bit, hl_llvm_int(e, 0), ""), join, some);
    memcpy(s->mid, state, (size_t)s->nstate * sizeof *state);
    LLVMPositionBuilderAtEnd(B, some);
    Val first = LLVMBuildAnd(B, s->some, hl_llvm_int(e, -2 * copies), "");
    for (int c = 0; c < copies; c++)
        strip_body(s, LLVMBuildNUWAdd(B, first, hl_llvm_int(e, c), ""), state);
    Bb ends[2] = {from, LLVMGetInsertBlock(B)};
    LLVMBuildBr(B, join);
    LLVMPositionBuilderAtEnd(B, join);
    for (int32_t i = 0; i < s->nstate; i++) {
        if (s->step[i])
            continue;
        Val both[2] = {s->mid[i], state[i]};
        state[i] = LLVMBuildPhi(B, LLVMTypeOf(both[0]), "");
        LLVMAddIncoming(state[i], both, ends, 2);
    }
}

/* Emits the block's iterations. Where one waits for the other, several make a round of the loop: so
 * more of them fit into the window in which the processor reorders, and it works at the next inner
 * loop while this one's last result is on its way. */
static void strip_run(Strip *s, const char *name, Val *state)
{
    HlEmitter *e = s->e;
    LLVMBuilderRef B = e->b;
    if (s->stores && !s->buffer)
        strip_declare_scopes(s);
    Val zero = hl_llvm_int(e, 0);
    if (s->vectorises) {
        for (int32_t i = 0; i < s->nstate; i++)
            state[i] = strip_narrow(s, i, state[i]);
        strip_loop(s, name, zero, s->some, 1, state);
        return;
    }
    Val even = LLVMBuildAnd(B, s->some, hl_llvm_int(e, -STRIP_COPIES), "");
    strip_loop(s, name, zero, even, STRIP_COPIES, state);
    for (int copies = STRIP_COPIES / 2; copies > 0; copies /= 2)
        strip_rest(s, copies, state);
}

static void strip_start(Strip *s, Val *state)
{
    memcpy(state, s->at, (size_t)s->block->params.n * sizeof *state);
    state[s->block->params.n] = LLVMConstInt(s->e->i1, 0, false);
    if (s->cell != HL_NOREF)
        state[strip_cell_state(s)] =
            hl_llvm_load_item(s->e, (HlDtype)s->ir->ins[s->cell].aux, s->cell_at);
}

/* Is there anything to find out in the strip itself? */
static bool strip_checks(const Strip *s)
{
    const HlBlock *b = s->block;
    for (int32_t i = 0; i < b->ins.n; i++) {
        HlRef r = b->ins.v[i];
        const HlIns *ins = &s->ir->ins[r];
        if (hl_op_info[ins->op].fx & HL_E_GUARD && ins->op != HL_I_POLL && !s->done[r])
            return true;
    }
    for (int32_t p = 0; p < b->params.n; p++)
        if (s->carried[p])
            return true;
    return false;
}

/* What the strip counts of inner loops (TRIPS): saved in front of it, and put back where it fails. `old`
 * has room for a value per loop. */
static void strip_counters(Strip *s, Val *old, bool save)
{
    HlEmitter *e = s->e;
    for (int32_t i = 0; i < s->block->ins.n; i++) {
        const HlIns *ins = &s->ir->ins[s->block->ins.v[i]];
        if (ins->op != HL_I_TRIPS)
            continue;
        if (save) {
            hl_llvm_count(e, ins->imm.i, hl_llvm_int(e, 0));
            old[ins->imm.i] = LLVMBuildLoad2(e->b, e->i64, e->counter[ins->imm.i], "");
        } else {
            LLVMBuildStore(e->b, old[ins->imm.i], e->counter[ins->imm.i]);
        }
    }
}

/* The strip without its stores: goes on where it is known that nothing in it fails. */
static void strip_try(Strip *s, Val *after, Bb give_up)
{
    HlEmitter *e = s->e;
    const HlBlock *b = s->block;
    Val counted[s->ir->nloops + 1];
    strip_counters(s, counted, true);
    strip_start(s, after);
    strip_run(s, "try", after);
    Val holds = LLVMBuildNot(e->b, after[b->params.n], "");
    for (int32_t p = 0; p < s->nstate; p++)
        if (s->carried[p])
            holds = LLVMBuildAnd(e->b, holds, hl_llvm_is_finite(e, after[p]), "");
    Bb good = hl_llvm_next_block(e, "");
    Bb undo = hl_llvm_next_block(e, "");
    hl_llvm_branch(e, holds, good, undo, true);
    LLVMPositionBuilderAtEnd(e->b, undo);
    strip_counters(s, counted, false);
    LLVMBuildBr(e->b, give_up);
    LLVMPositionBuilderAtEnd(e->b, good);
}

/* Is a strip with infinite results worth a second look? Where floats are compared infinities are usual:
 * "no way", "the least so far". It needs results that no guard leaves to another one. */
static bool strip_meets_infinity(const Strip *s)
{
    bool compares = false, guards = false;
    for (int32_t i = 0; i < s->block->ins.n; i++) {
        HlRef r = s->block->ins.v[i];
        compares |= s->ir->ins[r].op == HL_I_FCMP;
        guards |= s->ir->ins[r].op == HL_I_GUARD_FP;
    }
    return compares && guards && s->stores && !s->finite;
}

/* Is there what a buffer of values cannot keep, or is it not known which of two passes was the one? */
static bool strip_computes_twice(const Strip *s)
{
    for (int32_t i = 0; i < s->nitems; i++)
        if (s->ir->ins[s->items[i]].op == HL_I_ARRAY_STORE_IF)
            return true;
    return strip_meets_infinity(s);
}

/* `try`; where infinities are usual and it fails, once more with all guards decided exactly. */
static void strip_try_all(Strip *s, Val *after, Bb give_up)
{
    LLVMBuilderRef B = s->e->b;
    s->exact = false;
    if (!strip_meets_infinity(s)) {
        strip_try(s, after, give_up);
        return;
    }
    Bb commit = hl_llvm_next_block(s->e, ""), again = hl_llvm_next_block(s->e, "");
    strip_try(s, after, again);
    LLVMBuildBr(B, commit);
    LLVMPositionBuilderAtEnd(B, again);
    s->exact = true;
    strip_try(s, after, give_up);
    LLVMBuildBr(B, commit);
    LLVMPositionBuilderAtEnd(B, commit);
}

/* Stores what is in the buffer, in the order of the program. */
static void strip_copy(Strip *s)
{
    HlEmitter *e = s->e;
    Val k = strip_open_loop(s, "commit", hl_llvm_int(e, 0)), nth = strip_iteration(s, k);
    for (int32_t i = 0; i < s->nitems; i++) {
        const HlIns *store = &s->ir->ins[s->items[i]];
        HlDtype d = (HlDtype)store->aux;
        if (store->op != HL_I_ARRAY_STORE)
            continue;
        Val value = hl_llvm_load_item(e, d, strip_buffered(s, s->items[i], k));
        Val place = strip_place_at(s, store->a[0], nth),
            index = strip_linear_at(s, store->a[2], nth);
        hl_llvm_store_item(e, d, hl_llvm_item(e, d, place, e->val[store->a[1]], index), value);
    }
    strip_close_loop(s, k, 1, s->some);
}

/* The block's iterations: those that are checked, then their stores. */
static void strip_block(Strip *s, Val *after, Bb give_up)
{
    if (s->checks) {
        s->dry = s->twice;
        strip_try_all(s, after, give_up);
        s->dry = false;
    }
    if (s->buffer) {
        strip_copy(s);
    } else if (!s->checks || s->twice) {
        strip_start(s, after);
        strip_run(s, "commit", after);
    }
}

/* Where the block being emitted fails, all iterations in front of `done` are, and the header is the place to
 * go to, with the values `at` of what does not follow from that. */
static void strip_fail(Strip *s, Val done, const Val *at, const HlPause *pause, Bb header)
{
    HlEmitter *e = s->e;
    const HlBlock *b = s->block;
    Val tried = LLVMBuildAdd(e->b, LLVMBuildSub(e->b, s->from, done, ""), s->some, "");
    hl_llvm_pause_begin(e, pause, tried);
    hl_llvm_trips_moved(e, s->index, done);
    for (int32_t p = 0; p < b->params.n; p++) {
        Val now = s->step[p] ? strip_moved(s, s->start[p], s->step[p], done) : at[p];
        Bb here = LLVMGetInsertBlock(e->b);
        LLVMAddIncoming(s->start[p], &now, &here, 1);
    }
    LLVMBuildBr(e->b, header);
}

/* Block after block of `size` iterations, the last of which is shorter when `any`; from s->from on, which
 * moves to the n-th. */
static void strip_blocks(Strip *s, Val n, bool any, Val *after, const HlPause *pause, Bb header)
{
    HlEmitter *e = s->e;
    LLVMBuilderRef B = e->b;
    int32_t nparams = s->block->params.n;
    Bb before = LLVMGetInsertBlock(B), loop = hl_llvm_next_block(e, "block");
    Bb failed = hl_llvm_next_block(e, "failed"), behind = hl_llvm_next_block(e, "");
    Val first = s->from, state[nparams + 1];
    memcpy(state, s->at, (size_t)nparams * sizeof *state);
    LLVMBuildCondBr(B, LLVMBuildICmp(B, LLVMIntULT, first, n, ""), loop, behind);

    LLVMPositionBuilderAtEnd(B, loop);
    s->from = LLVMBuildPhi(B, e->i64, "");
    LLVMAddIncoming(s->from, &first, &before, 1);
    for (int32_t p = 0; p < nparams; p++) {
        if (s->step[p])
            continue;
        s->at[p] = LLVMBuildPhi(B, LLVMTypeOf(state[p]), "");
        LLVMAddIncoming(s->at[p], &state[p], &before, 1);
    }
    s->some = hl_llvm_int(e, s->size);
    if (any) {
        Val sizes[2] = {LLVMBuildSub(B, n, s->from, ""), s->some};
        s->some = hl_llvm_intrinsic(e, "llvm.umin", e->i64, sizes, 2);
    }
    strip_block(s, after, failed);
    hl_llvm_pause_over(e, pause);
    Val next = LLVMBuildNUWAdd(B, s->from, s->some, "");
    strip_finish(s, next, after);
    Bb end = LLVMGetInsertBlock(B);
    LLVMBuildCondBr(B, LLVMBuildICmp(B, LLVMIntULT, next, n, ""), loop, behind);

    LLVMPositionBuilderAtEnd(B, failed);
    strip_fail(s, s->from, s->at, pause, header);

    LLVMPositionBuilderAtEnd(B, behind);
    LLVMAddIncoming(s->from, &next, &end, 1);
    for (int32_t p = 0; p < nparams; p++) {
        if (s->step[p])
            continue;
        LLVMAddIncoming(s->at[p], &after[p], &end, 1);
        s->at[p] = LLVMBuildPhi(B, LLVMTypeOf(state[p]), "");
        LLVMAddIncoming(s->at[p], (Val[]){state[p], after[p]}, (Bb[]){before, end}, 2);
        after[p] = s->at[p];
    }
    s->from = n;
}

/* Does anything but what is linear go from one iteration to the next? */
static bool strip_is_chain(const Strip *s)
{
    for (int32_t p = 0; p < s->block->params.n; p++)
        if (!strip_linear(s, s->block->params.v[p]) &&
            hl_llvm_round_waits(s->e, s->block, p, s->waits))
            return true;
    return !s->vectorises;
}

/* Is r known where an iteration begins, whichever was the one before? */
static bool strip_restarts(const Strip *s, HlRef r)
{
    int32_t p = r == HL_NOREF ? -1 : strip_param(s, r);
    return p < 0 || s->step[p] || s->block->args.v[p] == r;
}

/* May an iteration be done twice? So it may when it changes nothing that it reads, and reads nothing that
 * the one before it left. */
static bool strip_overlaps(const Strip *s)
{
    const HlBlock *b = s->block;
    for (int32_t i = 0; i < b->ins.n; i++) {
        const HlIns *ins = &s->ir->ins[b->ins.v[i]];
        if (ins->op == HL_I_TRIPS || (ins->op == HL_I_ARRAY_LOAD && !strip_is_apart(s, ins)))
            return false;
        for (int a = 0; a < hl_op_info[ins->op].nargs; a++)
            if (!strip_restarts(s, ins->a[a]))
                return false;
    }
    for (int32_t p = 0; p < b->params.n; p++)
        if (!strip_restarts(s, b->args.v[p]))
            return false;
    return true;
}

/* How many iterations are a vector of the smallest items. */
static int64_t strip_widest(const Strip *s)
{
    int64_t smallest = STRIP_VECTOR;
    for (int32_t i = 0; i < s->nitems; i++) {
        int64_t size = hl_dtype_size((HlDtype)s->ir->ins[s->items[i]].aux);
        smallest = size < smallest ? size : smallest;
    }
    int64_t widest = STRIP_VECTOR * 8 / smallest;
    return widest * strip_buffered_bytes(s) <= HL_STRIP_BUFFER ? widest : STRIP_VECTOR;
}

/* Blocks of `size` iterations, at most as many as the strip has. The second one begins where the blocks from
 * there on leave no rest. Where one fails, the iteration in front of it is done once more: it does not leave, and
 * gives all names that it changes their values, so that none have to be kept from block to block. */
static void strip_shared_blocks(Strip *s, int64_t size, Val *after, const HlPause *pause, Bb header)
{
    HlEmitter *e = s->e;
    LLVMBuilderRef B = e->b;
    Val zero = hl_llvm_int(e, 0), one = hl_llvm_int(e, 1);
    s->size = size;
    s->some = hl_llvm_int(e, size);
    s->buffer = s->twice ? NULL : hl_llvm_buffer(e, size * strip_buffered_bytes(s));
    Val second = LLVMBuildAnd(B, s->n, hl_llvm_int(e, size - 1), "");
    second = LLVMBuildSelect(B, LLVMBuildICmp(B, LLVMIntEQ, second, zero, ""), s->some, second, "");
    Bb before = LLVMGetInsertBlock(B), loop = hl_llvm_next_block(e, "block");
    Bb failed = hl_llvm_next_block(e, "failed"), behind = hl_llvm_next_block(e, "");
    LLVMBuildBr(B, loop);

    LLVMPositionBuilderAtEnd(B, loop);
    Val stride = LLVMBuildPhi(B, e->i64, "");
    s->from = LLVMBuildPhi(B, e->i64, "");
    LLVMAddIncoming(stride, &second, &before, 1);
    LLVMAddIncoming(s->from, &zero, &before, 1);
    strip_block(s, after, failed);
    hl_llvm_pause_over(e, pause);
    Bb end = LLVMGetInsertBlock(B);
    Val next = LLVMBuildNUWAdd(B, s->from, stride, "");
    LLVMAddIncoming(stride, &s->some, &end, 1);
    LLVMAddIncoming(s->from, &next, &end, 1);
    LLVMBuildCondBr(B, LLVMBuildICmp(B, LLVMIntULT, next, s->n, ""), loop, behind);

    LLVMPositionBuilderAtEnd(B, failed);
    /* All of the first block is stored, what the second one shares with it, too: where signals are looked for next,
     * the frame must not be behind what is stored. */
    Val stored = hl_llvm_intrinsic(e, "llvm.umax", e->i64, (Val[]){s->from, s->some}, 2);
    Val none = LLVMBuildICmp(B, LLVMIntEQ, s->from, zero, "");
    Val done = LLVMBuildSelect(B, none, zero, LLVMBuildSub(B, stored, one, ""), "");
    strip_fail(s, done, s->start, pause, header);
    LLVMPositionBuilderAtEnd(B, behind);
}

/* Such blocks of the smallest items when the strip is long enough for that, else of 64 bits. */
static void strip_all_shared(Strip *s, Val *after, const HlPause *pause, Bb header)
{
    HlEmitter *e = s->e;
    LLVMBuilderRef B = e->b;
    int32_t nparams = s->block->params.n;
    if (s->widest == STRIP_VECTOR) {
        strip_shared_blocks(s, STRIP_VECTOR, after, pause, header);
        return;
    }
    Bb narrow = hl_llvm_next_block(e, ""), wide = hl_llvm_next_block(e, ""), ends[2];
    Val enough = LLVMBuildICmp(B, LLVMIntUGE, s->n, hl_llvm_int(e, s->widest), "");
    LLVMBuildCondBr(B, enough, wide, narrow);
    LLVMPositionBuilderAtEnd(B, wide);
    strip_shared_blocks(s, s->widest, after, pause, header);
    ends[0] = LLVMGetInsertBlock(B);
    memcpy(s->mid, after, (size_t)nparams * sizeof *after);
    LLVMPositionBuilderAtEnd(B, narrow);
    strip_shared_blocks(s, STRIP_VECTOR, after, pause, header);
    ends[1] = LLVMGetInsertBlock(B);
    Bb join = hl_llvm_next_block(e, "");
    LLVMBuildBr(B, join);
    LLVMPositionBuilderAtEnd(B, ends[0]);
    LLVMBuildBr(B, join);
    LLVMPositionBuilderAtEnd(B, join);
    for (int32_t p = 0; p < nparams; p++) {
        if (s->step[p])
            continue;
        Val both[2] = {s->mid[p], after[p]};
        after[p] = LLVMBuildPhi(B, LLVMTypeOf(both[0]), "");
        LLVMAddIncoming(after[p], both, ends, 2);
    }
}

/* Blocks of vectors: as many as there are of the smallest items, then of 64 bits, then one by one. */
static void strip_vector_blocks(Strip *s, Val *after, const HlPause *pause, Bb header)
{
    int64_t sizes[3] = {s->widest, STRIP_VECTOR, 1};
    for (int k = sizes[0] == sizes[1]; k < 3; k++) {
        s->size = sizes[k];
        s->buffer = s->twice ? NULL : hl_llvm_buffer(s->e, s->size * strip_buffered_bytes(s));
        Val n = LLVMBuildAnd(s->e->b, s->n, hl_llvm_int(s->e, -s->size), "");
        strip_blocks(s, n, false, after, pause, header);
    }
}

/* All of a strip that checks and stores. What has been checked is stored at once, from registers, when a
 * block is as much as a vector holds. Where iterations are a chain, blocks are as long as the buffer, as what
 * leads from one to the next costs. */
static void strip_all_blocks(Strip *s, Val *after, const HlPause *pause, Bb header)
{
    s->from = hl_llvm_int(s->e, 0);
    if (s->overlaps) {
        strip_all_shared(s, after, pause, header);
    } else if (s->vectors) {
        strip_vector_blocks(s, after, pause, header);
    } else {
        s->size = strip_chain_size(s);
        s->buffer = s->twice ? NULL : hl_llvm_buffer(s->e, HL_STRIP_BUFFER);
        strip_blocks(s, s->n, true, after, pause, header);
    }
}

/* Are there `least` iterations left? One comparison with what does not change in the loop. */
static Val strip_enough(Strip *s, Val small, Val large, int least)
{
    int32_t p = strip_param(s, s->small);
    Val but_one = hl_llvm_int(s->e, least - 1);
    Val *stays = p >= 0 && s->step[p] == 1 ? &large : &small;
    const char *nearer = stays == &large ? "llvm.ssub.sat" : "llvm.sadd.sat";
    *stays = hl_llvm_intrinsic(s->e, nearer, s->e->i64, (Val[]){*stays, but_one}, 2);
    return LLVMBuildICmp(s->e->b, LLVMIntSLT, small, large, "");
}

static void strip_emit(Strip *s, Val *after)
{
    HlEmitter *e = s->e;
    LLVMBuilderRef B = e->b;
    const HlBlock *b = s->block;
    Bb header = LLVMGetInsertBlock(B);
    Bb body = hl_llvm_next_block(e, "body"), give_up = hl_llvm_next_block(e, "giveup");
    Bb wait_less = hl_llvm_next_block(e, "wait"), proof = hl_llvm_next_block(e, "proof");
    HlPause pause = hl_llvm_pause(e);
    Val zero = hl_llvm_int(e, 0);
    for (int32_t p = 0; p < b->params.n; p++)
        s->start[p] = e->val[b->params.v[p]];

    /* header: the difference is right, as an unsigned number, whenever small < large */
    int least = strip_multiple(s);
    Val small = strip_at(s, s->small, false), large = strip_at(s, s->large, false);
    Val left = LLVMBuildSub(B, large, small, "");
    s->proved = strip_enough(s, small, large, least);
    strip_prove_ways(s, false);
    Bb many = hl_llvm_next_block(e, "");
    LLVMBuildCondBr(B, s->proved, many, body);
    LLVMPositionBuilderAtEnd(B, many);
    Val waiting = hl_llvm_pause_left(e, &pause);
    LLVMBuildCondBr(B, LLVMBuildICmp(B, LLVMIntEQ, waiting, zero, ""), proof, wait_less);

    LLVMPositionBuilderAtEnd(B, wait_less);
    hl_llvm_pause_less(e, &pause, waiting);
    LLVMBuildBr(B, body);

    LLVMPositionBuilderAtEnd(B, proof);
    Val most = hl_llvm_int(e, STRIP_MAX);
    s->n = hl_llvm_intrinsic(e, "llvm.umin", e->i64, (Val[]){left, most}, 2);
    Val whole = LLVMBuildAnd(B, s->n, hl_llvm_int(e, -least), "");
    if (s->vectorises && !s->vectors) {
        s->n = whole;
    } else if (s->turns && !s->vectors) { /* the last of several has a round, too */
        Val several = hl_llvm_int(e, strip_chain_size(s));
        several = LLVMBuildICmp(B, LLVMIntUGT, s->n, several, "");
        s->n = LLVMBuildSelect(B, several, whole, s->n, "");
    }
    s->proved = hl_llvm_no_pending(e);
    Val strides[STRIP_ITEMS];
    strip_assume_strides(s, strides);
    if (s->vectors)
        strip_align(s);
    strip_shorten(s, least);
    s->last = LLVMBuildSub(B, s->n, hl_llvm_int(e, 1), "");
    strip_prove_all(s, give_up);

    if (s->cell != HL_NOREF)
        s->cell_at = strip_pointer(s, &s->ir->ins[s->cell], false);
    s->some = s->n;
    memcpy(s->at, s->start, (size_t)b->params.n * sizeof *s->at);
    if (s->turns) {
        strip_all_blocks(s, after, &pause, header);
    } else {
        strip_block(s, after, give_up);
    }
    strip_finish(s, s->n, after);
    if (s->cell != HL_NOREF)
        hl_llvm_store_item(e, (HlDtype)s->ir->ins[s->cell].aux, s->cell_at,
                           after[strip_cell_state(s)]);
    strip_restore_strides(s, strides);
    hl_llvm_pause_over(e, &pause);
    hl_llvm_trips_moved(e, s->index, s->n);
    Bb done = LLVMGetInsertBlock(B);
    LLVMBuildBr(B, s->vectorises ? header : body);

    LLVMPositionBuilderAtEnd(B, give_up);
    hl_llvm_pause_begin(e, &pause, s->n);
    LLVMBuildBr(B, body);

    LLVMPositionBuilderAtEnd(B, body);
    Bb unmoved[3] = {header, wait_less, give_up};
    for (int32_t p = 0; p < b->params.n; p++) {
        Val now_at = s->start[p];
        if (s->vectorises) {
            LLVMAddIncoming(s->start[p], &after[p], &done, 1);
        } else {
            now_at = LLVMBuildPhi(B, LLVMTypeOf(after[p]), "");
            for (int k = 0; k < 3; k++)
                LLVMAddIncoming(now_at, &s->start[p], &unmoved[k], 1);
            LLVMAddIncoming(now_at, &after[p], &done, 1);
        }
        e->val[b->params.v[p]] = now_at;
    }
}

/* *reduces = it has one that vectorises because of fastmath. */
static int strip_make(HlEmitter *e, int32_t block, bool in_order, bool *reduces)
{
    Strip s = {.e = e,
               .ir = e->ir,
               .index = block,
               .block = &e->ir->blocks[block],
               .cell = HL_NOREF,
               .in_order = in_order};
    int32_t n = s.block->params.n;
    if (s.block->target != block || s.block->term != HL_TERM_JUMP)
        return 0;
    s.nstate = n + 1;
    s.done = hl_mem_alloc((size_t)e->ir->nins * sizeof *s.done);
    s.chain = hl_mem_alloc((size_t)e->ir->nins * sizeof *s.chain);
    s.waits = hl_mem_alloc((size_t)e->ir->nins * sizeof *s.waits);
    s.sum = hl_mem_alloc((size_t)e->ir->nins);
    size_t most = (size_t)s.nstate + 1;
    s.carried = hl_mem_alloc(most * sizeof *s.carried);
    s.step = hl_mem_alloc(most * sizeof *s.step);
    Val *values = hl_mem_alloc(most * 5 * sizeof *values);
    int status = s.done && s.chain && s.waits && s.sum && s.carried && s.step && values ? 0 : -1;
    if (status == 0 && strip_find(&s)) {
        s.start = values;
        s.phi = values + s.nstate;
        s.mid = values + 2 * s.nstate;
        s.at = values + 3 * s.nstate;
        for (int32_t p = 0; p < n; p++)
            s.step[p] = strip_constant_step(&s, p);
        strip_mark(&s);
        s.checks = !s.stores || strip_checks(&s);
        s.turns = s.stores && s.checks;
        s.twice = s.turns && strip_computes_twice(&s);
        s.vectors = s.turns && !strip_is_chain(&s);
        s.overlaps = s.vectors && strip_overlaps(&s);
        s.widest = strip_widest(&s);
        if (strip_counters_proved(&s)) {
            strip_emit(&s, values + 4 * s.nstate);
            *reduces = s.reduces;
        }
    }
    hl_mem_free(s.done);
    hl_mem_free(s.chain);
    hl_mem_free(s.waits);
    hl_mem_free(s.sum);
    hl_mem_free(s.carried);
    hl_mem_free(s.step);
    hl_mem_free(values);
    return status;
}

/* What vectors are too long for is done in order, as without fastmath. */
int hl_llvm_strip(HlEmitter *e, int32_t block)
{
    bool reduces = false;
    int status = strip_make(e, block, false, &reduces);
    return reduces ? strip_make(e, block, true, &reduces) : status;
}
