/* hl_llvm_nest.c - eight iterations of a loop around a loop at once.
 *
 * An inner loop in which floats go round waits for each result before it begins the next operation, and
 * what the loop around it does fills the window in which a processor looks ahead. Where the iterations
 * of the outer loop do not need each other's results, the same inner loop is run for NEST_COPIES of them
 * side by side ("unroll and jam"):
 *
 *   header:    phis; enough iterations left, and no round failed lately?   else -> body
 *   proof:     the inner loop's number of iterations, the same for all; every index in range; no array
 *              that is written is read elsewhere; items contiguous          else -> give up
 *   round:     no signal pending                                            else -> give up
 *              what is in front of the inner loop, for each; the inner loop, of all; what is behind
 *              it, for each: without stores, guards only OR their failures together
 *              any failure -> give up
 *              the stores, in their order; the next round, or -> header
 *   give up:   the ordinary body for as many iterations as the proof was for; more with every time
 *   body:      as recorded, checked at every iteration
 *
 * As in a strip (hl_llvm_strip.c), nothing has an effect before everything in a round is checked, and
 * guards are implied by others as there. LLVM makes vectors of none of it: the copies are scalars.
 *
 * Requirements: 1. one way leads from the outer header to the inner loop, and from there back; 2. the
 * inner loop is one block, and how often it runs does not depend on the outer one; 3. nothing but the
 * counter goes from one outer iteration into the next (but for what only exits want); 4. no branches on
 * data: who removed an index check proved it by how far the loops run. */
#include <string.h>

#include "hl_llvm_int.h"
#include "hl_mem.h"

enum {
    NEST_COPIES = 8,
    NEST_ROUNDS = 64,  /* between two proofs */
    NEST_TRIPS = 8192, /* of the inner loop: bounds the wait for a signal */
    NEST_BLOCKS = 8,   /* on the way round the outer loop */
    NEST_INS = 64,     /* in them */
    NEST_ITEMS = 12    /* array accesses */
};

/* What an index is in the nest. */
typedef enum NestIndex { NEST_NONE, NEST_FIXED, NEST_OUTER, NEST_INNER } NestIndex;

typedef struct Nest {
    HlEmitter *e;
    const HlIr *ir;
    int32_t outer, inner;
    int32_t chain[NEST_BLOCKS];          /* from the outer header on, the inner loop among them */
    int32_t nchain, at;                  /* at: position of the inner loop */
    bool *in;                            /* by block: in the chain */
    HlRef trip[2], counter[2], bound[2]; /* outer, inner: it goes on while counter < bound */
    HlRef items[NEST_ITEMS];
    int32_t nitems;
    uint8_t
        *stale; /* by ref: what goes from one outer iteration into the next: known to exits only */
    bool *done; /* by ref: guard that is proved or implied */
    bool *carried;         /* by position of an inner parameter: its last value must be finite */
    Val *val[NEST_COPIES]; /* by ref: the copies' values */
    Val *phi, *round, *after;
    Val first, rounds, start, trips; /* outer counter, rounds to do; inner counter and iterations */
    Val proved;
    HlStripPass pass;
} Nest;

/* --- is it such a nest? ------------------------------------------------------------------------ */

static const HlBlock *nest_block(const Nest *n, int32_t i)
{
    return &n->ir->blocks[n->chain[i]];
}

static bool nest_inside(const Nest *n, HlRef r)
{
    int32_t b = n->ir->ins[r].block;
    return b >= 0 && n->in[b];
}

static int32_t nest_position(const HlBlock *b, HlRef r)
{
    for (int32_t k = 0; k < b->params.n; k++)
        if (b->params.v[k] == r)
            return k;
    return -1;
}

/* What a block on the chain, not the outer header, gets for its k-th parameter when it is entered. */
static HlRef nest_entry(const Nest *n, int32_t i, int32_t k)
{
    return nest_block(n, i - 1)->args.v[k];
}

/* Follows parameters that only pass a value on. */
static HlRef nest_resolve(const Nest *n, HlRef r)
{
    for (;;) {
        int32_t i = 1;
        if (n->ir->ins[r].op != HL_I_PARAM || !nest_inside(n, r))
            return r;
        while (i < n->nchain && n->chain[i] != n->ir->ins[r].block)
            i++;
        if (i == n->nchain)
            return r; /* the outer header's */
        int32_t k = nest_position(nest_block(n, i), r);
        if (i == n->at && nest_block(n, i)->args.v[k] != r)
            return r;
        r = nest_entry(n, i, k);
    }
}

/* The last block's jump passes it on unchanged. */
static bool nest_outer_fixed(const Nest *n, HlRef r)
{
    int32_t k = nest_position(nest_block(n, 0), r);
    return k >= 0 && nest_resolve(n, nest_block(n, n->nchain - 1)->args.v[k]) == r;
}

static bool nest_is_sum(const Nest *n, HlRef r)
{
    return n->ir->ins[r].op == HL_I_ADD || n->ir->ins[r].op == HL_I_SUB;
}

/* Is r the same in all iterations, as a sum of such values if need be? */
static bool nest_fixed(const Nest *n, HlRef r)
{
    int64_t k;
    r = nest_resolve(n, r);
    if (!nest_inside(n, r) || hl_ir_is_kint(n->ir, r, &k) || nest_outer_fixed(n, r))
        return true;
    for (int a = 0; a < 2 && nest_is_sum(n, r); a++) {
        HlRef part = nest_resolve(n, n->ir->ins[r].a[a]);
        if (nest_inside(n, part) && !hl_ir_is_kint(n->ir, part, &k) && !nest_outer_fixed(n, part))
            return false;
    }
    return nest_is_sum(n, r);
}

static NestIndex nest_index(const Nest *n, HlRef r)
{
    r = nest_resolve(n, r);
    if (n->ir->ins[r].op == HL_I_INDEX && nest_inside(n, r))
        r = nest_resolve(n, n->ir->ins[r].a[0]);
    return r == n->counter[0]   ? NEST_OUTER
           : r == n->counter[1] ? NEST_INNER
           : nest_fixed(n, r)   ? NEST_FIXED
                                : NEST_NONE;
}

/* Finds the one way round the outer loop. */
static bool nest_find_chain(Nest *n)
{
    const HlCfg *cfg = &n->e->cfg;
    n->inner = -1;
    for (int32_t b = n->outer; b != n->outer || n->nchain == 0;) {
        const HlBlock *block = &n->ir->blocks[b];
        bool inner = block->term == HL_TERM_JUMP && block->target == b;
        int32_t preds = cfg->pred_at[b + 1] - cfg->pred_at[b], next = block->target;
        if (n->nchain == NEST_BLOCKS || block->term != HL_TERM_JUMP || n->in[b] ||
            (b != n->outer && preds != 1 + inner) || (inner && (n->inner >= 0 || b == n->outer)))
            return false;
        n->chain[n->nchain++] = b;
        n->in[b] = true;
        for (int32_t i = 0; i < block->ins.n; i++) {
            int32_t x = n->ir->ins[block->ins.v[i]].exit;
            int32_t to = x < 0 ? -1 : n->ir->exits[x].target;
            if (to < 0)
                continue;
            if (!inner || next != b)
                return false;
            n->trip[1] = block->ins.v[i];
            next = to;
        }
        if (inner) {
            if (next == b)
                return false;
            n->inner = b;
            n->at = n->nchain - 1;
        }
        b = next;
    }
    return n->inner >= 0;
}

/* Does the loop end by this guard, with a counter that goes up by 1 to what does not change? */
static bool nest_find_trip(Nest *n, int which)
{
    const HlBlock *header = &n->ir->blocks[which ? n->inner : n->outer];
    const HlBlock *last = which ? header : nest_block(n, n->nchain - 1);
    for (int32_t i = 0; i < header->ins.n && n->trip[which] < 0; i++)
        if (n->ir->ins[header->ins.v[i]].op == HL_I_GUARD_TRUE)
            n->trip[which] = header->ins.v[i];
    if (n->trip[which] < 0 || n->ir->ins[n->trip[which]].op != HL_I_GUARD_TRUE)
        return false;
    const HlIns *cmp = &n->ir->ins[n->ir->ins[n->trip[which]].a[0]];
    if (cmp->op != HL_I_ICMP || cmp->aux != HL_LT)
        return false;
    n->counter[which] = cmp->a[0];
    n->bound[which] = cmp->a[1];
    int32_t k = nest_position(header, cmp->a[0]);
    int64_t one;
    if (k < 0 || !nest_fixed(n, cmp->a[1]))
        return false;
    const HlIns *next = &n->ir->ins[last->args.v[k]];
    return (next->op == HL_I_ADD || next->op == HL_I_ADD_OV || next->op == HL_I_COUNT_UP) &&
           next->a[0] == cmp->a[0] && hl_ir_is_kint(n->ir, next->a[1], &one) && one == 1 &&
           (!which || nest_fixed(n, nest_entry(n, n->at, k)));
}

static bool nest_allows(Nest *n, HlRef r, bool inner)
{
    const HlIns *ins = &n->ir->ins[r];
    switch ((int)ins->op) {
    case HL_I_KINT:
    case HL_I_KFLOAT:
    case HL_I_KBOOL:
    case HL_I_RETYPE:
    case HL_I_ICMP:
    case HL_I_FCMP:
    case HL_I_SELECT:
    case HL_I_ADD:
    case HL_I_SUB:
    case HL_I_MUL:
    case HL_I_ADD_OV:
    case HL_I_SUB_OV:
    case HL_I_MUL_OV:
    case HL_I_FADD:
    case HL_I_FSUB:
    case HL_I_FMUL:
    case HL_I_FDIV:
    case HL_I_FNEG:
    case HL_I_FABS:
    case HL_I_FROUND32:
    case HL_I_SITOFP:
    case HL_I_GUARD_I53:
    case HL_I_GUARD_FINITE:
    case HL_I_GUARD_FP:
    case HL_I_POLL: return true;
    case HL_I_COUNT_UP:
        return nest_index(n, ins->a[0]) >= NEST_OUTER; /* goes no further than a bound */
    case HL_I_GUARD_TRUE:
    case HL_I_GUARD_FALSE: return r == n->trip[0] || r == n->trip[1] || !nest_inside(n, ins->a[0]);
    case HL_I_INDEX:
        return !nest_inside(n, ins->a[1]) && nest_index(n, ins->a[0]) != NEST_NONE &&
               (inner || nest_index(n, ins->a[0]) != NEST_INNER);
    case HL_I_ARRAY_LOAD:
    case HL_I_ARRAY_STORE:
        if (n->nitems == NEST_ITEMS || nest_inside(n, ins->a[0]) || nest_inside(n, ins->a[1]) ||
            nest_index(n, ins->a[2]) == NEST_NONE ||
            (!inner && nest_index(n, ins->a[2]) == NEST_INNER) ||
            (ins->op == HL_I_ARRAY_STORE && (inner || nest_index(n, ins->a[2]) != NEST_OUTER)))
            return false;
        n->items[n->nitems++] = r;
        return true;
    default: return false;
    }
}

/* Marks what goes from one outer iteration into the next. */
static void nest_find_stale(Nest *n)
{
    for (int32_t i = 0; i < n->nchain; i++) {
        const HlBlock *b = nest_block(n, i);
        for (int32_t k = 0; k < b->params.n; k++) {
            HlRef p = b->params.v[k];
            n->stale[p] =
                i ? n->stale[nest_entry(n, i, k)] : p != n->counter[0] && !nest_outer_fixed(n, p);
        }
    }
}

/* Is only that used in the nest which is there: nothing stale, nothing computed in the inner loop? */
static bool nest_uses_ok(const Nest *n, HlRef r, int32_t user)
{
    int32_t b = n->ir->ins[r].block;
    return !n->stale[r] && (b != n->inner || user == n->inner || n->ir->ins[r].op == HL_I_PARAM);
}

/* A written array may be read only at the item that is written next, in front of that. */
static bool nest_order_ok(const Nest *n)
{
    for (int32_t i = 0; i < n->nitems; i++) {
        const HlIns *store = &n->ir->ins[n->items[i]];
        for (int32_t k = 0; k < n->nitems; k++) {
            const HlIns *load = &n->ir->ins[n->items[k]];
            if (store->op == HL_I_ARRAY_STORE && load->op == HL_I_ARRAY_LOAD &&
                store->a[0] == load->a[0] && (k > i || nest_index(n, load->a[2]) != NEST_OUTER))
                return false;
        }
    }
    return true;
}

static bool nest_floats_go_round(const Nest *n)
{
    const HlBlock *b = nest_block(n, n->at);
    for (int32_t k = 0; k < b->params.n; k++)
        if (hl_type_repr(n->ir->ins[b->params.v[k]].type) == HL_REPR_F64 &&
            b->args.v[k] != b->params.v[k])
            return true;
    return false;
}

static bool nest_find(Nest *n)
{
    int32_t size = 0;
    n->trip[0] = n->trip[1] = HL_NOREF;
    if (!nest_find_chain(n) || n->ir->blocks[n->outer].loop < 0 || !nest_find_trip(n, 0) ||
        !nest_find_trip(n, 1) || !nest_floats_go_round(n))
        return false;
    nest_find_stale(n);
    for (int32_t i = 0; i < n->nchain; i++) {
        const HlBlock *b = nest_block(n, i);
        size += b->ins.n;
        for (int32_t k = 0; k < b->ins.n; k++) {
            HlRef r = b->ins.v[k];
            for (int a = 0; a < hl_op_info[n->ir->ins[r].op].nargs; a++)
                if (!nest_uses_ok(n, n->ir->ins[r].a[a], n->chain[i]))
                    return false;
            if (!nest_allows(n, r, i == n->at))
                return false;
        }
        for (int32_t k = 0; k < b->args.n; k++) {
            HlRef r = b->args.v[k];
            if (n->ir->ins[r].block == n->inner && i != n->at && n->ir->ins[r].op != HL_I_PARAM)
                return false;
            if (n->stale[r] && (i == n->at || i == n->nchain - 1))
                return false;
        }
    }
    return size <= NEST_INS && nest_order_ok(n);
}

/* --- which guards need no test? ---------------------------------------------------------------- */

static bool nest_is_check(const HlIns *ins)
{
    return ins->op == HL_I_GUARD_FP || ins->op == HL_I_GUARD_FINITE;
}

/* Is there a guarded result in the block that is finite only when r is? */
static bool nest_implied(const Nest *n, const HlBlock *b, HlRef r)
{
    for (int32_t i = 0; i < b->ins.n; i++) {
        const HlIns *guard = &n->ir->ins[b->ins.v[i]];
        if (!nest_is_check(guard))
            continue;
        const HlIns *result = &n->ir->ins[guard->a[0]];
        if (result->block >= 0 && &n->ir->blocks[result->block] == b &&
            hl_ir_finite_only_with(result, r))
            return true;
    }
    return false;
}

/* The inner loop runs at least once: what it begins with is implied by its first iteration. */
static void nest_mark(Nest *n)
{
    const HlBlock *inner = nest_block(n, n->at), *before = nest_block(n, n->at - 1);
    for (int32_t i = 0; i < n->nchain; i++) {
        const HlBlock *b = nest_block(n, i);
        for (int32_t k = 0; k < b->ins.n; k++) {
            HlRef r = b->ins.v[k];
            const HlIns *ins = &n->ir->ins[r];
            n->done[r] =
                ins->op == HL_I_INDEX || (nest_is_check(ins) && nest_implied(n, b, ins->a[0]));
            for (int32_t p = 0; nest_is_check(ins) && p < inner->params.n; p++) {
                if (!nest_implied(n, inner, inner->params.v[p]))
                    continue;
                if (i == n->at && inner->args.v[p] == ins->a[0])
                    n->done[r] = n->carried[p] = true;
                if (i == n->at - 1 && before->args.v[p] == ins->a[0])
                    n->done[r] = true;
            }
        }
    }
}

/* --- proof ------------------------------------------------------------------------------------- */

static void nest_prove(Nest *n, Val ok)
{
    n->proved = LLVMBuildAnd(n->e->b, n->proved, ok, "");
}

/* A value that is the same in all iterations of the nest. */
static Val nest_value(Nest *n, HlRef r)
{
    r = nest_resolve(n, r);
    const HlIns *ins = &n->ir->ins[r];
    if (ins->op == HL_I_KINT)
        return hl_llvm_int(n->e, ins->imm.i);
    if (!nest_inside(n, r) || !nest_is_sum(n, r))
        return n->e->val[r];
    Val a = nest_value(n, ins->a[0]), b = nest_value(n, ins->a[1]);
    return ins->op == HL_I_ADD ? LLVMBuildAdd(n->e->b, a, b, "") : LLVMBuildSub(n->e->b, a, b, "");
}

/* The first and the last value of an index. */
static void nest_ends(Nest *n, HlRef index, Val *ends)
{
    LLVMBuilderRef B = n->e->b;
    Val one = hl_llvm_int(n->e, 1);
    NestIndex kind = nest_index(n, index);
    if (n->ir->ins[index].op == HL_I_INDEX && nest_inside(n, index))
        index = n->ir->ins[index].a[0];
    if (kind == NEST_FIXED) {
        ends[0] = ends[1] = nest_value(n, index);
        return;
    }
    Val count = kind == NEST_INNER ? n->trips
                                   : LLVMBuildMul(B, n->rounds, hl_llvm_int(n->e, NEST_COPIES), "");
    ends[0] = kind == NEST_INNER ? n->start : n->first;
    ends[1] = LLVMBuildAdd(B, ends[0], LLVMBuildSub(B, count, one, ""), "");
}

/* First byte of an access, and the one behind its last; indexes go up. */
static void nest_bytes(Nest *n, const HlIns *access, Val *low, Val *high)
{
    LLVMBuilderRef B = n->e->b;
    Val ends[2], size = hl_llvm_int(n->e, hl_dtype_size((HlDtype)access->aux));
    nest_ends(n, access->a[2], ends);
    Val data = LLVMBuildPtrToInt(B, n->e->val[access->a[0]], n->e->i64, "");
    *low = LLVMBuildAdd(B, data, LLVMBuildMul(B, ends[0], size, ""), "");
    *high =
        LLVMBuildAdd(B, LLVMBuildAdd(B, data, LLVMBuildMul(B, ends[1], size, ""), ""), size, "");
}

static void nest_prove_items(Nest *n)
{
    LLVMBuilderRef B = n->e->b;
    for (int32_t i = 0; i < n->nitems; i++) {
        const HlIns *item = &n->ir->ins[n->items[i]];
        Val size = hl_llvm_int(n->e, hl_dtype_size((HlDtype)item->aux)), low[2], high[2];
        nest_prove(n, LLVMBuildICmp(B, LLVMIntEQ, n->e->val[item->a[1]], size, ""));
        for (int32_t k = 0; item->op == HL_I_ARRAY_STORE && k < n->nitems; k++) {
            const HlIns *load = &n->ir->ins[n->items[k]];
            if (load->op != HL_I_ARRAY_LOAD || load->a[0] == item->a[0])
                continue;
            nest_bytes(n, item, &low[0], &high[0]);
            nest_bytes(n, load, &low[1], &high[1]);
            nest_prove(n, LLVMBuildOr(B, LLVMBuildICmp(B, LLVMIntULE, high[0], low[1], ""),
                                      LLVMBuildICmp(B, LLVMIntULE, high[1], low[0], ""), ""));
        }
    }
}

/* What is proved for all rounds: the outer counter stays below its bound, the inner one runs. */
static void nest_prove_all(Nest *n)
{
    LLVMBuilderRef B = n->e->b;
    Val bound = nest_value(n, n->bound[1]);
    int32_t k = nest_position(nest_block(n, n->at), n->counter[1]);
    n->start = nest_value(n, nest_entry(n, n->at, k));
    n->trips = LLVMBuildSub(B, bound, n->start, "");
    n->proved = LLVMBuildICmp(B, LLVMIntSLT, n->start, bound, "");
    nest_prove(n, LLVMBuildICmp(B, LLVMIntULE, n->trips, hl_llvm_int(n->e, NEST_TRIPS), ""));
    for (int32_t i = 0; i < n->nchain; i++) {
        const HlBlock *b = nest_block(n, i);
        for (int32_t j = 0; j < b->ins.n; j++) {
            HlRef r = b->ins.v[j];
            const HlIns *ins = &n->ir->ins[r];
            Val ends[2];
            if (ins->op == HL_I_INDEX) {
                nest_ends(n, r, ends);
                for (int last = 0; last < 2; last++)
                    nest_prove(n,
                               LLVMBuildICmp(B, LLVMIntULT, ends[last], n->e->val[ins->a[1]], ""));
            } else if (ins->op == HL_I_GUARD_TRUE && r != n->trip[0] && r != n->trip[1]) {
                nest_prove(n, n->e->val[ins->a[0]]);
            } else if (ins->op == HL_I_GUARD_FALSE) {
                nest_prove(n, LLVMBuildNot(B, n->e->val[ins->a[0]], ""));
            }
        }
    }
    nest_prove_items(n);
}

/* --- a round ----------------------------------------------------------------------------------- */

/* Emits a block's instructions for one copy, with or without anything but its stores. */
static void nest_emit_block(Nest *n, int copy, int32_t i, bool stores)
{
    HlEmitter *e = n->e;
    const HlBlock *b = nest_block(n, i);
    Val *own = e->val;
    e->val = n->val[copy];
    for (int32_t k = 0; k < b->ins.n; k++) {
        HlRef r = b->ins.v[k];
        const HlIns *ins = &n->ir->ins[r];
        bool guard = ins->op == HL_I_GUARD_TRUE || ins->op == HL_I_GUARD_FALSE;
        if (stores != (ins->op == HL_I_ARRAY_STORE) || guard || ins->op == HL_I_POLL)
            continue;
        e->val[r] = hl_llvm_ins(e, ins);
    }
    e->val = own;
}

static void nest_enter(Nest *n, int copy, int32_t i)
{
    const HlBlock *b = nest_block(n, i);
    for (int32_t k = 0; i != n->at + 1 && k < b->params.n; k++)
        n->val[copy][b->params.v[k]] = n->val[copy][nest_entry(n, i, k)];
}

/* The inner loop of all copies; goes on behind it. */
static void nest_emit_inner(Nest *n)
{
    HlEmitter *e = n->e;
    LLVMBuilderRef B = e->b;
    const HlBlock *b = nest_block(n, n->at);
    Bb from = LLVMGetInsertBlock(B), loop = hl_llvm_next_block(e, "jam");
    LLVMBuildBr(B, loop);
    hl_llvm_at(e, loop);
    Bb behind = hl_llvm_next_block(e, "");
    Val k = LLVMBuildPhi(B, e->i64, ""), zero = hl_llvm_int(e, 0), fail = n->pass.fail;
    LLVMAddIncoming(k, &zero, &from, 1);
    n->pass.fail = LLVMBuildPhi(B, e->i1, "");
    Val fail_phi = n->pass.fail;
    LLVMAddIncoming(fail_phi, &fail, &from, 1);
    for (int c = 0; c < NEST_COPIES; c++) {
        for (int32_t p = 0; p < b->params.n; p++) {
            HlRef r = b->params.v[p];
            Val *phi = &n->phi[c * b->params.n + p];
            if (r == n->counter[1])
                continue;
            Val entry = n->val[c][nest_entry(n, n->at, p)];
            *phi = LLVMBuildPhi(B, LLVMTypeOf(entry), "");
            LLVMAddIncoming(*phi, &entry, &from, 1);
        }
    }
    Val counter = LLVMBuildAdd(B, n->start, k, "");
    for (int c = 0; c < NEST_COPIES; c++) {
        for (int32_t p = 0; p < b->params.n; p++)
            n->val[c][b->params.v[p]] =
                b->params.v[p] == n->counter[1] ? counter : n->phi[c * b->params.n + p];
        nest_emit_block(n, c, n->at, false);
    }
    Val next = LLVMBuildNUWAdd(B, k, hl_llvm_int(e, 1), "");
    LLVMAddIncoming(k, &next, &loop, 1);
    LLVMAddIncoming(fail_phi, &n->pass.fail, &loop, 1);
    for (int c = 0; c < NEST_COPIES; c++) {
        Val out[b->params.n + 1];
        for (int32_t p = 0; p < b->params.n; p++) {
            out[p] = n->val[c][b->args.v[p]];
            if (b->params.v[p] != n->counter[1])
                LLVMAddIncoming(n->phi[c * b->params.n + p], &out[p], &loop, 1);
        }
        for (int32_t p = 0; p < b->params.n; p++)
            n->val[c][b->params.v[p]] = out[p];
    }
    LLVMBuildCondBr(B, LLVMBuildICmp(B, LLVMIntNE, next, n->trips, ""), loop, behind);
    hl_llvm_at(e, behind);
}

/* Emits a round from the outer counter's value `at` on; the condition under which it may be stored. */
static Val nest_emit_round(Nest *n, Val at)
{
    HlEmitter *e = n->e;
    LLVMBuilderRef B = e->b;
    const HlBlock *outer = nest_block(n, 0), *inner = nest_block(n, n->at);
    n->pass = (HlStripPass){.done = n->done, .fail = LLVMConstInt(e->i1, 0, false)};
    e->pass = &n->pass;
    for (int c = 0; c < NEST_COPIES; c++) {
        memcpy(n->val[c], e->val, (size_t)n->ir->nins * sizeof *e->val);
        for (int32_t p = 0; p < outer->params.n; p++)
            n->val[c][outer->params.v[p]] = n->round[p];
        n->val[c][n->counter[0]] = LLVMBuildAdd(B, at, hl_llvm_int(e, c), "");
        for (int32_t i = 0; i < n->at; i++) {
            if (i)
                nest_enter(n, c, i);
            nest_emit_block(n, c, i, false);
        }
    }
    nest_emit_inner(n);
    for (int c = 0; c < NEST_COPIES; c++) {
        for (int32_t i = n->at + 1; i < n->nchain; i++) {
            nest_enter(n, c, i);
            nest_emit_block(n, c, i, false);
        }
    }
    Val holds = LLVMBuildNot(B, n->pass.fail, "");
    for (int c = 0; c < NEST_COPIES; c++)
        for (int32_t p = 0; p < inner->params.n; p++)
            if (n->carried[p])
                holds =
                    LLVMBuildAnd(B, holds, hl_llvm_is_finite(e, n->val[c][inner->params.v[p]]), "");
    return holds;
}

static void nest_store(Nest *n)
{
    HlEmitter *e = n->e;
    for (int c = 0; c < NEST_COPIES; c++)
        for (int32_t i = 0; i < n->nchain; i++)
            nest_emit_block(n, c, i, true);
    e->pass = NULL;
    for (int32_t i = 0; i < n->nchain; i++) {
        int32_t to = nest_block(n, (i + 1) % n->nchain)->loop;
        if (to < 0 || i == n->at)
            continue;
        hl_llvm_count(e, to, hl_llvm_int(e, NEST_COPIES));
        if (i + 1 == n->at)
            hl_llvm_count(e, to, LLVMBuildMul(e->b, n->trips, hl_llvm_int(e, NEST_COPIES), ""));
    }
}

static void nest_emit(Nest *n)
{
    HlEmitter *e = n->e;
    LLVMBuilderRef B = e->b;
    const HlBlock *b = nest_block(n, 0), *last = nest_block(n, n->nchain - 1);
    Bb header = LLVMGetInsertBlock(B);
    Bb body = hl_llvm_next_block(e, "body"), give_up = hl_llvm_next_block(e, "giveup");
    Bb wait_less = hl_llvm_next_block(e, "wait"), proof = hl_llvm_next_block(e, "proof");
    HlPause pause = hl_llvm_pause(e);
    Val zero = hl_llvm_int(e, 0), one = hl_llvm_int(e, 1), copies = hl_llvm_int(e, NEST_COPIES);
    int32_t counter = nest_position(b, n->counter[0]);

    /* header */
    n->first = e->val[n->counter[0]];
    Val bound = nest_value(n, n->bound[0]);
    Val left = LLVMBuildSub(B, bound, n->first, "");
    Val many = LLVMBuildAnd(B, LLVMBuildICmp(B, LLVMIntSLT, n->first, bound, ""),
                            LLVMBuildICmp(B, LLVMIntUGE, left, copies, ""), "");
    Val waiting = hl_llvm_pause_left(e, &pause);
    Val now = LLVMBuildICmp(B, LLVMIntEQ, waiting, zero, "");
    LLVMBuildCondBr(B, LLVMBuildAnd(B, many, now, ""), proof, wait_less);

    hl_llvm_at(e, wait_less);
    hl_llvm_pause_less(e, &pause, waiting);
    LLVMBuildBr(B, body);

    hl_llvm_at(e, proof);
    Val most = hl_llvm_int(e, NEST_ROUNDS);
    Val all = LLVMBuildUDiv(B, left, copies, "");
    n->rounds = hl_llvm_intrinsic(e, "llvm.umin", e->i64, (Val[]){all, most}, 2);
    nest_prove_all(n);
    Bb round = hl_llvm_next_block(e, "round");
    Bb proof_end = LLVMGetInsertBlock(B);
    hl_llvm_branch(e, n->proved, round, give_up, true);

    hl_llvm_at(e, round);
    Val done = LLVMBuildPhi(B, e->i64, "");
    LLVMAddIncoming(done, &zero, &proof_end, 1);
    for (int32_t p = 0; p < b->params.n; p++) {
        Val start = e->val[b->params.v[p]];
        n->round[p] = LLVMBuildPhi(B, LLVMTypeOf(start), "");
        LLVMAddIncoming(n->round[p], &start, &proof_end, 1);
    }
    Bb quiet = hl_llvm_next_block(e, ""), good;
    hl_llvm_branch(e, hl_llvm_no_pending(e), quiet, give_up, true);
    hl_llvm_at(e, quiet);
    Val holds = nest_emit_round(n, n->round[counter]);
    good = hl_llvm_next_block(e, "");
    Bb failed = LLVMGetInsertBlock(B);
    hl_llvm_branch(e, holds, good, give_up, true);

    hl_llvm_at(e, good);
    nest_store(n);
    hl_llvm_pause_over(e, &pause);
    Bb end = LLVMGetInsertBlock(B);
    for (int32_t p = 0; p < b->params.n; p++) {
        n->after[p] = n->val[NEST_COPIES - 1][last->args.v[p]];
        LLVMAddIncoming(n->round[p], &n->after[p], &end, 1);
        LLVMAddIncoming(e->val[b->params.v[p]], &n->after[p], &end, 1);
    }
    Val more = LLVMBuildNUWAdd(B, done, one, "");
    LLVMAddIncoming(done, &more, &end, 1);
    LLVMBuildCondBr(B, LLVMBuildICmp(B, LLVMIntNE, more, n->rounds, ""), round, header);

    hl_llvm_at(e, give_up);
    Bb from[4] = {proof_end, round, failed, wait_less};
    for (int32_t p = 0; p < b->params.n; p++) {
        Val start = e->val[b->params.v[p]];
        n->after[p] = LLVMBuildPhi(B, LLVMTypeOf(start), "");
        LLVMAddIncoming(n->after[p], (Val[]){start, n->round[p], n->round[p]}, from, 3);
    }
    hl_llvm_pause_begin(e, &pause, LLVMBuildMul(B, n->rounds, copies, ""));
    LLVMBuildBr(B, body);

    hl_llvm_at(e, body);
    for (int32_t p = 0; p < b->params.n; p++) {
        Val start = e->val[b->params.v[p]];
        Val now_at = LLVMBuildPhi(B, LLVMTypeOf(start), "");
        LLVMAddIncoming(now_at, (Val[]){start, n->after[p]}, (Bb[]){wait_less, give_up}, 2);
        e->val[b->params.v[p]] = now_at;
    }
}

int hl_llvm_nest(HlEmitter *e, int32_t block)
{
    Nest n = {.e = e, .ir = e->ir, .outer = block};
    size_t nins = (size_t)e->ir->nins;
    if (e->ir->blocks[block].loop < 0 || block == 0)
        return 0;
    int32_t most = 0;
    for (int32_t b = 0; b < e->ir->nblocks; b++)
        most = e->ir->blocks[b].params.n > most ? e->ir->blocks[b].params.n : most;
    n.in = hl_mem_alloc((size_t)e->ir->nblocks);
    n.stale = hl_mem_alloc(nins);
    n.done = hl_mem_alloc(nins);
    n.carried = hl_mem_alloc((size_t)most + 1);
    Val *values =
        hl_mem_alloc((NEST_COPIES * (nins + (size_t)most) + 2 * (size_t)most + 1) * sizeof *values);
    int status = n.in && n.stale && n.done && n.carried && values ? 0 : -1;
    if (status == 0 && nest_find(&n)) {
        for (int c = 0; c < NEST_COPIES; c++)
            n.val[c] = values + (size_t)c * nins;
        n.phi = values + NEST_COPIES * nins;
        n.round = n.phi + NEST_COPIES * most;
        n.after = n.round + most;
        nest_mark(&n);
        nest_emit(&n);
    }
    hl_mem_free(n.in);
    hl_mem_free(n.stale);
    hl_mem_free(n.done);
    hl_mem_free(n.carried);
    hl_mem_free(values);
    return status;
}
