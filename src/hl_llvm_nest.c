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
 * guards are implied by others as there. The copies are scalars; where they go along a row, as in a matrix
 * product's `b[k, j]` for eight j, LLVM's SLP makes vectors of them.
 *
 * The inner loop may store into one item, its cell, as in `c[i, j] += a[i, k] * b[k, j]`: a value that goes
 * round until the round's stores.
 *
 * Where the inner loop ends when the data says so, the copies end apart: one that has ended does its last
 * iteration again and again, with what goes round as it was, until all have, or it takes too long.
 *
 * Requirements: 1. one way leads from the outer header to the inner loop, and from its ends back; 2. the
 * inner loop is one block, and a count that ends it does not depend on the outer one; 3. nothing but the
 * counter goes from one outer iteration into the next (but for what only exits want); 4. no branches on
 * data but those ends: who removed an index check proved it by how far the loops run; 5. addresses are linear in both
 * counters, and a store's is another one in every outer iteration. */
#include <string.h>

#include "hl_llvm_int.h"
#include "hl_mem.h"

enum {
    NEST_COPIES = 8,
    NEST_ROUNDS = 64,  /* between two proofs */
    NEST_TRIPS = 8192, /* of the inner loop: bounds the wait for a signal */
    NEST_BLOCKS = 8,   /* on the way round the outer loop */
    NEST_INS = 64,     /* in them */
    NEST_ENDS = 4,     /* guards that end the inner loop */
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
    HlRef ends[NEST_ENDS]; /* guards by which the inner loop ends; the first that fails does it */
    int32_t nends,
        way[NEST_ENDS]; /* ...and the blocks that pass values on to what is behind it, or are that */
    bool apart;         /* it ends when the data says so, for each copy at another time */
    Val alive[NEST_COPIES];    /* apart: is the copy in this iteration, and in the next? */
    Val apart_ok, apart_trips; /* all copies have ended; iterations of all */
    HlRef items[NEST_ITEMS];
    int32_t nitems;
    HlRef cell; /* the inner loop's store, into the item of this outer iteration; else HL_NOREF */
    HlRef cell_first;       /* what stores it in front of the inner loop; else HL_NOREF */
    bool cell_finite;       /* its last value must be finite */
    Val cells[NEST_COPIES]; /* what it holds now */
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
        if (i == n->at + 1 || (i == n->at && nest_block(n, i)->args.v[k] != r))
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

/* The block that the inner loop's end leads to; several ends do so by blocks that only poll. -1 = they do not. */
static int32_t nest_behind(Nest *n)
{
    int32_t behind = -1;
    for (int32_t k = 0; k < n->nends; k++) {
        int32_t way = n->ir->exits[n->ir->ins[n->ends[k]].exit].target;
        const HlBlock *b = &n->ir->blocks[way];
        n->way[k] = way;
        if (n->nends == 1)
            return way;
        if (b->params.n || b->term != HL_TERM_JUMP || b->loop >= 0 || (k && b->target != behind))
            return -1;
        for (int32_t i = 0; i < b->ins.n; i++)
            if (n->ir->ins[b->ins.v[i]].op != HL_I_POLL)
                return -1;
        behind = b->target;
    }
    return behind;
}

/* Finds the one way round the outer loop. */
static bool nest_find_chain(Nest *n)
{
    const HlCfg *cfg = &n->e->cfg;
    n->inner = -1;
    for (int32_t b = n->outer; b != n->outer || n->nchain == 0;) {
        const HlBlock *block = &n->ir->blocks[b];
        bool inner = block->term == HL_TERM_JUMP && block->target == b;
        int32_t preds = cfg->pred_at[b + 1] - cfg->pred_at[b];
        int32_t ways = n->inner >= 0 && n->nchain == n->at + 1 ? n->nends : 1 + inner;
        if (n->nchain == NEST_BLOCKS || block->term != HL_TERM_JUMP || n->in[b] ||
            (b != n->outer && preds != ways) || (inner && (n->inner >= 0 || b == n->outer)))
            return false;
        n->chain[n->nchain++] = b;
        n->in[b] = true;
        for (int32_t i = 0; i < block->ins.n; i++) {
            int32_t x = n->ir->ins[block->ins.v[i]].exit;
            if (x < 0 || n->ir->exits[x].target < 0)
                continue;
            if (b == n->outer && n->trip[0] < 0) {
                n->trip[0] = block->ins.v[i];
                continue;
            }
            uint8_t op = n->ir->ins[block->ins.v[i]].op;
            if (!inner || n->nends == NEST_ENDS ||
                (op != HL_I_GUARD_TRUE && op != HL_I_GUARD_FALSE))
                return false;
            n->ends[n->nends++] = block->ins.v[i];
        }
        if (inner) {
            n->inner = b;
            n->at = n->nchain - 1;
            b = nest_behind(n);
            if (b < 0 || b == n->outer)
                return false;
        } else {
            b = block->target;
        }
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

static bool nest_is_end(const Nest *n, HlRef r)
{
    for (int32_t k = 0; k < n->nends; k++)
        if (n->ends[k] == r)
            return true;
    return false;
}

/* Is what an address is made with linear in both counters, and known to be in range? Where copies end apart, what is
 * in or behind the inner loop is done whichever end of it the index was in range by: so that must be looked at, and
 * be so for all copies. */
static bool nest_index_ok(const Nest *n, const HlIns *ins, bool inner)
{
    NestIndex index = nest_index(n, ins->a[2]);
    bool front = false;
    for (int32_t i = 0; i < n->at; i++)
        front |= n->chain[i] == ins->block;
    if (n->apart && !front &&
        (index == NEST_INNER || n->ir->ins[nest_resolve(n, ins->a[2])].op != HL_I_INDEX))
        return false;
    return index != NEST_NONE && (inner || index != NEST_INNER) && !nest_inside(n, ins->a[1]);
}

static bool nest_row_ok(const Nest *n, HlRef row, bool inner)
{
    const HlIns *ins = &n->ir->ins[row];
    return !nest_inside(n, row) || (ins->op == HL_I_ARRAY_ROW && nest_index_ok(n, ins, inner) &&
                                    nest_row_ok(n, ins->a[0], inner));
}

/* Is it an access to the item that the inner loop stores? */
static bool nest_at_cell(const Nest *n, HlRef access)
{
    const HlIns *ins = &n->ir->ins[access];
    const HlIns *cell = n->cell == HL_NOREF ? NULL : &n->ir->ins[n->cell];
    return cell && ins->a[0] == cell->a[0] && ins->a[1] == cell->a[1] && ins->a[2] == cell->a[2] &&
           ins->aux == cell->aux;
}

static bool nest_reads_cell(const Nest *n, HlRef r)
{
    const HlIns *ins = &n->ir->ins[r];
    return ins->op == HL_I_ARRAY_LOAD && ins->block == n->inner && nest_at_cell(n, r);
}

/* Where the inner loop reads that item; HL_NOREF = it does not. */
static HlRef nest_cell_load(const Nest *n)
{
    const HlBlock *b = nest_block(n, n->at);
    for (int32_t i = 0; i < b->ins.n; i++)
        if (nest_reads_cell(n, b->ins.v[i]))
            return b->ins.v[i];
    return HL_NOREF;
}

/* A store of the inner loop is into one float, which the load of it gets again as it is. */
static bool nest_find_cell(Nest *n, HlRef store)
{
    const HlIns *ins = &n->ir->ins[store], *value = &n->ir->ins[ins->a[3]];
    if (n->apart || n->cell != HL_NOREF || !hl_dtype_is_float((HlDtype)ins->aux) ||
        n->ir->ins[ins->a[2]].block == n->inner || hl_type_repr(value->type) != HL_REPR_F64 ||
        (ins->aux != HL_D_F64 && !hl_type_eq(value->type, HL_TYPE_NPS(ins->aux))))
        return false;
    n->cell = store;
    return true;
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
    case HL_I_GUARD_FALSE:
        return r == n->trip[0] || nest_is_end(n, r) || n->ir->exits[ins->exit].target < 0;
    case HL_I_NARROW_OV: return !inner;
    case HL_I_INDEX:
        return !nest_inside(n, ins->a[1]) && nest_index(n, ins->a[0]) != NEST_NONE &&
               (inner || nest_index(n, ins->a[0]) != NEST_INNER);
    case HL_I_ARRAY_ROW: return nest_row_ok(n, r, inner);
    case HL_I_ARRAY_LOAD:
    case HL_I_ARRAY_STORE:
        if (n->nitems == NEST_ITEMS || !nest_row_ok(n, ins->a[0], inner) ||
            !nest_index_ok(n, ins, inner))
            return false;
        if (ins->op == HL_I_ARRAY_STORE &&
            (nest_inside(n, ins->a[0]) || nest_index(n, ins->a[2]) != NEST_OUTER ||
             (inner && !nest_find_cell(n, r))))
            return false;
        n->items[n->nitems++] = r;
        return true;
    default: return false;
    }
}

/* Is r stale in a block? Behind an inner loop that ends at its header, its parameters are what its last
 * iteration made of them. */
static bool nest_stale_in(const Nest *n, HlRef r, int32_t block)
{
    const HlBlock *inner = &n->ir->blocks[n->inner];
    bool behind = !n->apart && n->ir->ins[r].block == n->inner && block != n->inner;
    int32_t k = behind ? nest_position(inner, r) : -1;
    return n->stale[k < 0 ? r : inner->args.v[k]];
}

/* Is what some end of the inner loop passes on as parameter k? The count does not end it in the first iteration. */
static bool nest_any_way_stale(const Nest *n, int32_t k)
{
    const HlBlock *inner = &n->ir->blocks[n->inner];
    for (int32_t e = 0; e < n->nends; e++) {
        HlRef r = n->ir->blocks[n->way[e]].args.v[k];
        int32_t p = n->ends[e] == n->trip[1] ? nest_position(inner, r) : -1;
        if (p < 0 ? nest_stale_in(n, r, n->way[e]) : n->stale[inner->args.v[p]])
            return true;
    }
    return false;
}

/* Marks what goes from one outer iteration into the next. */
static void nest_find_stale(Nest *n)
{
    for (int32_t i = 0; i < n->nchain; i++) {
        const HlBlock *b = nest_block(n, i);
        for (int32_t k = 0; k < b->params.n; k++) {
            HlRef p = b->params.v[k];
            if (i == n->at + 1)
                n->stale[p] = nest_any_way_stale(n, k);
            else
                n->stale[p] = i ? n->stale[nest_entry(n, i, k)]
                                : p != n->counter[0] && !nest_outer_fixed(n, p);
        }
    }
}

/* Is only that used in the nest which is there: nothing stale, nothing computed in the inner loop? */
static bool nest_uses_ok(const Nest *n, HlRef r, int32_t user)
{
    int32_t b = n->ir->ins[r].block;
    return !nest_stale_in(n, r, user) &&
           (b != n->inner || user == n->inner || n->apart || n->ir->ins[r].op == HL_I_PARAM);
}

/* A written array may be read only at the item that is written next, in front of that; the inner loop's item
 * may have been written before it. */
static bool nest_order_ok(Nest *n)
{
    for (int32_t i = 0; i < n->nitems; i++) {
        HlRef written = n->items[i];
        const HlIns *store = &n->ir->ins[written];
        for (int32_t k = 0; k < n->nitems; k++) {
            const HlIns *load = &n->ir->ins[n->items[k]];
            if (store->op != HL_I_ARRAY_STORE || load->op != HL_I_ARRAY_LOAD ||
                store->a[0] != load->a[0])
                continue;
            bool cell = nest_reads_cell(n, n->items[k]);
            if (k > i && written != n->cell && nest_at_cell(n, written) && cell)
                n->cell_first = written;
            else if (k > i || nest_index(n, load->a[2]) != NEST_OUTER ||
                     (written == n->cell && load->block == n->inner && !cell))
                return false;
        }
    }
    return true;
}

static bool nest_floats_go_round(const Nest *n)
{
    const HlBlock *b = nest_block(n, n->at);
    if (nest_cell_load(n) != HL_NOREF)
        return true;
    for (int32_t k = 0; k < b->params.n; k++)
        if (hl_type_repr(n->ir->ins[b->params.v[k]].type) == HL_REPR_F64 &&
            b->args.v[k] != b->params.v[k])
            return true;
    return false;
}

/* Does nothing fail or write in front of this end, in the iteration that it ends? */
static bool nest_ends_first(const Nest *n, HlRef end)
{
    const HlBlock *b = nest_block(n, n->at);
    for (int32_t i = 0; b->ins.v[i] != end; i++) {
        const HlIns *ins = &n->ir->ins[b->ins.v[i]];
        if (!nest_is_end(n, b->ins.v[i]) &&
            (ins->exit >= 0 || hl_op_info[ins->op].fx & HL_E_WRITES))
            return false;
    }
    return true;
}

/* Does the inner loop end by a count alone, which is the same for all copies, or does each copy end for itself? */
static void nest_find_inner_end(Nest *n)
{
    bool counts = false;
    for (int32_t k = 0; k < n->nends && !counts; k++) {
        n->trip[1] = n->ends[k];
        counts = nest_find_trip(n, 1) && nest_ends_first(n, n->ends[k]);
    }
    n->apart = n->nends > 1 || !counts;
    if (!counts)
        n->trip[1] = n->counter[1] = n->bound[1] = HL_NOREF;
}

static bool nest_find(Nest *n)
{
    int32_t size = 0;
    n->trip[0] = n->trip[1] = n->cell = n->cell_first = HL_NOREF;
    if (!nest_find_chain(n) || n->ir->blocks[n->outer].loop < 0 || !nest_find_trip(n, 0))
        return false;
    nest_find_inner_end(n);
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
            if (n->ir->ins[r].block == n->inner && i != n->at && n->ir->ins[r].op != HL_I_PARAM &&
                !n->apart)
                return false;
            if (nest_stale_in(n, r, n->chain[i]) && (i == n->at || i == n->nchain - 1))
                return false;
        }
    }
    return size <= NEST_INS && nest_order_ok(n) && nest_floats_go_round(n);
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
        if (result->block < 0 || &n->ir->blocks[result->block] != b)
            continue;
        if (hl_ir_finite_only_with(result, r))
            return true;
        if (result->op == HL_I_FROUND32 && hl_ir_finite_only_with(&n->ir->ins[result->a[0]], r))
            return true;
    }
    return false;
}

/* Is r stored in the item that the inner loop reads again, which is finite only when r is? */
static bool nest_cell_implies(const Nest *n, HlRef r)
{
    const HlBlock *b = nest_block(n, n->at);
    for (int32_t i = 0; n->cell != HL_NOREF && n->ir->ins[n->cell].a[3] == r && i < b->ins.n; i++)
        if (nest_reads_cell(n, b->ins.v[i]) && nest_implied(n, b, b->ins.v[i]))
            return true;
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
            if (nest_is_check(ins) && i == n->at && nest_cell_implies(n, ins->a[0]))
                n->done[r] = n->cell_finite = true;
            for (int32_t p = 0; nest_is_check(ins) && p < inner->params.n; p++) {
                if (!nest_implied(n, inner, inner->params.v[p]))
                    continue;
                if (i == n->at && !n->apart && inner->args.v[p] == ins->a[0])
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
    index = nest_resolve(n, index);
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

/* Adds the least and the greatest distance that an index makes. */
static void nest_add_ends(Nest *n, HlRef index, Val stride, Val *low, Val *high)
{
    LLVMBuilderRef B = n->e->b;
    Val ends[2];
    nest_ends(n, index, ends);
    Val far[2] = {LLVMBuildMul(B, ends[0], stride, ""), LLVMBuildMul(B, ends[1], stride, "")};
    *low = LLVMBuildAdd(B, *low, hl_llvm_intrinsic(n->e, "llvm.smin", n->e->i64, far, 2), "");
    *high = LLVMBuildAdd(B, *high, hl_llvm_intrinsic(n->e, "llvm.smax", n->e->i64, far, 2), "");
}

/* First byte of an access, and the one behind its last. */
static void nest_bytes(Nest *n, const HlIns *access, Val *low, Val *high)
{
    LLVMBuilderRef B = n->e->b;
    Val size = hl_llvm_int(n->e, hl_dtype_size((HlDtype)access->aux));
    HlRef row = access->a[0];
    *low = *high = hl_llvm_int(n->e, 0);
    nest_add_ends(n, access->a[2], size, low, high);
    for (; nest_inside(n, row); row = n->ir->ins[row].a[0])
        nest_add_ends(n, n->ir->ins[row].a[2], n->e->val[n->ir->ins[row].a[1]], low, high);
    Val data = LLVMBuildPtrToInt(B, n->e->val[row], n->e->i64, "");
    *low = LLVMBuildAdd(B, *low, data, "");
    *high = LLVMBuildAdd(B, LLVMBuildAdd(B, *high, data, ""), size, "");
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

/* Is it a condition that is the same in all iterations? */
static bool nest_is_proved(const Nest *n, HlRef r)
{
    const HlIns *ins = &n->ir->ins[r];
    return (ins->op == HL_I_GUARD_TRUE || ins->op == HL_I_GUARD_FALSE) &&
           !nest_inside(n, ins->a[0]);
}

/* The inner loop runs, and not so long that signals would wait. */
static void nest_prove_trips(Nest *n)
{
    LLVMBuilderRef B = n->e->b;
    Val bound = nest_value(n, n->bound[1]);
    int32_t k = nest_position(nest_block(n, n->at), n->counter[1]);
    n->start = nest_value(n, nest_entry(n, n->at, k));
    n->trips = LLVMBuildSub(B, bound, n->start, "");
    nest_prove(n, LLVMBuildICmp(B, LLVMIntSLT, n->start, bound, ""));
    if (!n->apart)
        nest_prove(n, LLVMBuildICmp(B, LLVMIntULE, n->trips, hl_llvm_int(n->e, NEST_TRIPS), ""));
}

/* What is proved for all rounds: the outer counter stays below its bound, the inner one runs. */
static void nest_prove_all(Nest *n)
{
    LLVMBuilderRef B = n->e->b;
    n->proved = LLVMConstInt(n->e->i1, 1, false);
    if (n->trip[1] != HL_NOREF)
        nest_prove_trips(n);
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
            } else if (nest_is_proved(n, r)) {
                Val cond = n->e->val[ins->a[0]];
                nest_prove(n, ins->op == HL_I_GUARD_TRUE ? cond : LLVMBuildNot(B, cond, ""));
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
        bool known = nest_is_proved(n, r) || r == n->trip[0] || nest_is_end(n, r);
        if (stores != (ins->op == HL_I_ARRAY_STORE) || known || ins->op == HL_I_POLL)
            continue;
        if (nest_reads_cell(n, r))
            e->val[r] = n->cells[copy];
        else
            e->val[r] = hl_llvm_ins(e, ins);
    }
    e->val = own;
}

/* Does the copy, in the iteration that was emitted last, not end here? */
static Val nest_goes_on(Nest *n, int copy, int32_t end)
{
    const HlIns *guard = &n->ir->ins[n->ends[end]];
    Val cond = n->val[copy][guard->a[0]];
    return guard->op == HL_I_GUARD_TRUE ? cond : LLVMBuildNot(n->e->b, cond, "");
}

/* What the ends of the inner loop pass on: the first that did not go on tells. */
static Val nest_passed_on(Nest *n, int copy, int32_t k)
{
    Val value = NULL;
    for (int32_t end = n->nends - 1; end >= 0; end--) {
        Val own = n->val[copy][n->ir->blocks[n->way[end]].args.v[k]];
        value = value ? LLVMBuildSelect(n->e->b, nest_goes_on(n, copy, end), value, own, "") : own;
    }
    return value;
}

static void nest_enter(Nest *n, int copy, int32_t i)
{
    const HlBlock *b = nest_block(n, i);
    for (int32_t k = 0; k < b->params.n; k++)
        n->val[copy][b->params.v[k]] =
            i == n->at + 1 ? nest_passed_on(n, copy, k) : n->val[copy][nest_entry(n, i, k)];
}

/* What the item holds that the inner loop is about to change: what is stored in front of it, or in memory. */
static Val nest_cell_start(Nest *n, int copy)
{
    HlEmitter *e = n->e;
    HlRef load = nest_cell_load(n);
    if (n->cell_first != HL_NOREF)
        return n->val[copy][n->ir->ins[n->cell_first].a[3]];
    if (load == HL_NOREF)
        return hl_llvm_float(e, 0.0); /* nobody asks */
    Val *own = e->val;
    e->val = n->val[copy];
    Val value = hl_llvm_ins(e, &n->ir->ins[load]);
    e->val = own;
    return value;
}

/* What goes round the inner loop: its parameters, and what the cell holds. */
static int32_t nest_nstate(const Nest *n)
{
    return nest_block(n, n->at)->params.n + (n->cell != HL_NOREF);
}

static bool nest_state_is_float32(const Nest *n, int32_t s)
{
    const HlBlock *b = nest_block(n, n->at);
    if (s == b->params.n)
        return n->ir->ins[n->cell].aux == HL_D_F32;
    return hl_type_eq(n->ir->ins[b->params.v[s]].type, HL_TYPE_NPS(HL_D_F32));
}

/* Elsewhere a float32 is a double. What goes round is one, so that LLVM finds operations of single precision. */
static Val nest_narrow(Nest *n, int32_t s, Val v)
{
    return nest_state_is_float32(n, s) ? LLVMBuildFPTrunc(n->e->b, v, n->e->f32, "") : v;
}

static Val nest_widen(Nest *n, int32_t s, Val v)
{
    return nest_state_is_float32(n, s) ? LLVMBuildFPExt(n->e->b, v, n->e->f64, "") : v;
}

/* A copy whose inner loop has ended does its last iteration again and again, while others go on: what goes round
 * stays as it is, so that all values of that iteration are there behind the loop, and no check fails that did
 * not fail in it. */
static void nest_begin_apart(Nest *n, Bb from)
{
    HlEmitter *e = n->e;
    Val yes = LLVMConstInt(e->i1, 1, false), copies = hl_llvm_int(e, NEST_COPIES);
    for (int c = 0; c < NEST_COPIES; c++) {
        n->alive[c] = LLVMBuildPhi(e->b, e->i1, "");
        LLVMAddIncoming(n->alive[c], &yes, &from, 1);
    }
    n->apart_trips = LLVMBuildPhi(e->b, e->i64, "");
    LLVMAddIncoming(n->apart_trips, &copies, &from, 1);
}

/* Behind an iteration, the number `done`: which copies go on, and does any? */
static Val nest_end_apart(Nest *n, Bb loop, Val done)
{
    HlEmitter *e = n->e;
    LLVMBuilderRef B = e->b;
    Val going = hl_llvm_int(e, 0);
    for (int c = 0; c < NEST_COPIES; c++) {
        Val was = n->alive[c];
        for (int32_t end = 0; end < n->nends; end++)
            n->alive[c] = LLVMBuildAnd(B, n->alive[c], nest_goes_on(n, c, end), "");
        LLVMAddIncoming(was, &n->alive[c], &loop, 1);
        going = LLVMBuildAdd(B, going, LLVMBuildZExt(B, n->alive[c], e->i64, ""), "");
    }
    Val trips = LLVMBuildAdd(B, n->apart_trips, going, "");
    LLVMAddIncoming(n->apart_trips, &trips, &loop, 1);
    n->apart_trips = trips;
    n->apart_ok = LLVMBuildICmp(B, LLVMIntEQ, going, hl_llvm_int(e, 0), "");
    Val in_time = LLVMBuildICmp(B, LLVMIntNE, done, hl_llvm_int(e, NEST_TRIPS), "");
    return LLVMBuildAnd(B, LLVMBuildNot(B, n->apart_ok, ""), in_time, "");
}

/* The inner loop of all copies; goes on behind it. */
static void nest_emit_inner(Nest *n)
{
    HlEmitter *e = n->e;
    LLVMBuilderRef B = e->b;
    const HlBlock *b = nest_block(n, n->at);
    int32_t nstate = nest_nstate(n), nparams = b->params.n;
    for (int c = 0; c < NEST_COPIES; c++)
        for (int32_t s = 0; s < nstate; s++) {
            Val start = s < nparams ? n->val[c][nest_entry(n, n->at, s)] : nest_cell_start(n, c);
            n->phi[s * NEST_COPIES + c] = nest_narrow(n, s, start);
        }
    Bb from = LLVMGetInsertBlock(B), loop = hl_llvm_next_block(e, "jam");
    LLVMBuildBr(B, loop);
    hl_llvm_at(e, loop);
    Bb behind = hl_llvm_next_block(e, "");
    Val k = LLVMBuildPhi(B, e->i64, ""), zero = hl_llvm_int(e, 0), fail = n->pass.fail;
    LLVMAddIncoming(k, &zero, &from, 1);
    n->pass.fail = LLVMBuildPhi(B, e->i1, "");
    Val fail_phi = n->pass.fail;
    LLVMAddIncoming(fail_phi, &fail, &from, 1);
    if (n->apart)
        nest_begin_apart(n, from);
    for (int32_t i = 0; i < NEST_COPIES * nstate; i++) {
        Val start = n->phi[i];
        n->phi[i] = LLVMBuildPhi(B, LLVMTypeOf(start), "");
        LLVMAddIncoming(n->phi[i], &start, &from, 1);
    }
    Val counter = n->apart ? NULL : LLVMBuildAdd(B, n->start, k, "");
    for (int c = 0; c < NEST_COPIES; c++) {
        for (int32_t s = 0; s < nstate; s++) {
            Val now = nest_widen(n, s, n->phi[s * NEST_COPIES + c]);
            if (s == nparams)
                n->cells[c] = now;
            else
                n->val[c][b->params.v[s]] =
                    counter && b->params.v[s] == n->counter[1] ? counter : now;
        }
        nest_emit_block(n, c, n->at, false);
    }
    Val next = LLVMBuildNUWAdd(B, k, hl_llvm_int(e, 1), "");
    LLVMAddIncoming(k, &next, &loop, 1);
    LLVMAddIncoming(fail_phi, &n->pass.fail, &loop, 1);
    Val more =
        n->apart ? nest_end_apart(n, loop, next) : LLVMBuildICmp(B, LLVMIntNE, next, n->trips, "");
    for (int c = 0; c < NEST_COPIES; c++) {
        Val out[nstate + 1];
        for (int32_t s = 0; s < nstate; s++) {
            out[s] = n->val[c][s < nparams ? b->args.v[s] : n->ir->ins[n->cell].a[3]];
            Val narrow = nest_narrow(n, s, out[s]), phi = n->phi[s * NEST_COPIES + c];
            if (n->apart) {
                narrow = LLVMBuildSelect(B, n->alive[c], narrow, phi, "");
                out[s] = nest_widen(n, s, narrow);
            }
            LLVMAddIncoming(phi, &narrow, &loop, 1);
        }
        for (int32_t p = 0; p < nparams; p++)
            n->val[c][b->params.v[p]] = out[p];
        if (nstate > nparams)
            n->cells[c] = out[nparams];
    }
    LLVMBuildCondBr(B, more, loop, behind);
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
    if (n->apart)
        holds = LLVMBuildAnd(B, holds, n->apart_ok, "");
    for (int c = 0; n->cell_finite && c < NEST_COPIES; c++)
        holds = LLVMBuildAnd(B, holds, hl_llvm_is_finite(e, n->cells[c]), "");
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
        if (i + 1 == n->at && n->apart) {
            hl_llvm_count(e, to, n->apart_trips);
            continue;
        }
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
    Val *values = hl_mem_alloc((NEST_COPIES * (nins + (size_t)most + 1) + 2 * (size_t)most + 1) *
                               sizeof *values);
    int status = n.in && n.stale && n.done && n.carried && values ? 0 : -1;
    if (status == 0 && nest_find(&n)) {
        for (int c = 0; c < NEST_COPIES; c++)
            n.val[c] = values + (size_t)c * nins;
        n.phi = values + NEST_COPIES * nins;
        n.round = n.phi + NEST_COPIES * (most + 1);
        n.after = n.round + most;
        nest_mark(&n);
        nest_emit(&n);
        e->side_by_side = true;
    }
    hl_mem_free(n.in);
    hl_mem_free(n.stale);
    hl_mem_free(n.done);
    hl_mem_free(n.carried);
    hl_mem_free(values);
    return status;
}
