/* hl_llvm_strip.c - checks once per strip of iterations instead of once per iteration.
 *
 * For a loop that is one block and whose number of remaining iterations is known, a second way
 * through up to STRIP_MAX iterations is emitted in front of the ordinary body:
 *
 *   header:    phis; enough iterations left, no strip failed lately, and branches on what is linear
 *              go on in the block?                                         else -> body
 *   proof:     no signal pending; first and last index of every access in range, so those between
 *              are too; no overflow in what is linear in the iteration, or sums up small amounts;
 *              arrays that are read and written apart from each other; items contiguous; those
 *              branches go on in the block in the last iteration, too
 *                                                                          else -> give up
 *   try:       the body; guards only OR their failures together, and what would be stored goes into a
 *              buffer; any failure -> give up
 *   commit:    copies the buffer to where it belongs. When the proof left no guard, `commit` is the
 *              body itself, and there is no `try`. One item that every iteration reads and writes is in
 *              a register in `try`, and stored here
 *   done:      -> header, with the state after the strip (where iterations wait for each other, nothing
 *              is left but in long loops: -> body)
 *   give up:   the ordinary body for as many iterations as the strip had; more with every time
 *   body:      as recorded, checked at every iteration
 *
 * A strip has no effect before everything in it is checked, so that giving up is always right, and
 * the ordinary body finds the very iteration that has to leave. The loops within a strip are plain
 * counted loops without exits, which LLVM vectorises.
 *
 * Where numbers are guarded to be finite, few need a test: a sum, difference or product is finite
 * only when its operands are. So a guard on a value that goes into a guarded result is implied,
 * also around the back-edge: of a running sum only the last is tested. */
#include <stdio.h>
#include <string.h>

#include "hl_llvm_int.h"
#include "hl_mem.h"

enum {
    STRIP_VECTOR = 8, /* a multiple of it leaves no rest, which would need a loop of its own */
    STRIP_SIDE = 4,   /* vectors side by side in a sum that may be done in any order */
    STRIP_COPIES = 4, /* iterations in a round of a loop that does not vectorise */
    STRIP_MAX = 8192, /* bounds what is lost when a strip fails, and the wait for a signal */
    STRIP_ITEMS = 12, /* array accesses */
    STRIP_SUMS = 512  /* additions to a sum in an iteration */
};

/* What a strip adds to a sum is at most STRIP_SMALL each, together at most 2^62. */
#define STRIP_SMALL (INT64_C(1) << 40)
_Static_assert((INT64_C(1) << 62) / STRIP_MAX / STRIP_SUMS >= STRIP_SMALL, "sums of a strip fit");

typedef struct Strip {
    HlEmitter *e;
    const HlIr *ir;
    int32_t index; /* the block */
    const HlBlock *block;
    HlRef trip;         /* guard that ends the loop */
    HlRef small, large; /* it goes on while small < large; one moves by 1, the other stays */
    int32_t items[STRIP_ITEMS], nitems; /* array accesses, in order */
    bool stores, branches;              /* stores: in every iteration */
    HlRef
        cell; /* the only store, into an item that stays the same and is read before; else HL_NOREF */
    Val cell_at;     /* its address */
    bool vectorises; /* no float goes round the loop, whose operations have their order */
    bool in_order;   /* every float operation is done in its order */
    bool sums; /* floats that go round do so as sums, or products, that may be done in any order */
    bool reduces;   /* and are: it vectorises because of that */
    bool checks;    /* something is found out in the strip itself */
    int64_t most;   /* iterations */
    Val buffer;     /* what is to be stored, when all is checked; NULL = stored at once */
    bool *done;     /* by ref: guard that is proved or implied */
    bool *carried;  /* by position in the state: the last value must be finite */
    bool *chain;    /* by ref: belongs to such a sum or product */
    bool *waits;    /* by ref: scratch of hl_llvm_round_waits */
    uint8_t *sum;   /* by ref: belongs to a sum of small amounts, see strip_find_sums */
    bool finite;    /* some guard is implied: no result may be infinite or NaN */
    bool exact;     /* GUARD_FP is decided for those, too, in what is emitted now */
    bool twice;     /* what is stored is not kept, but computed again when all is checked... */
    bool dry;       /* ...which it is not yet */
    Val n, last;    /* iterations of this strip, and n - 1 */
    Val proved;     /* i1 so far */
    int32_t nstate; /* parameters, whether a guard failed, the cell's value */
    Val *start, *phi, *mid; /* nstate each: at the header, at a loop's start, between two loops */
    int64_t *step;          /* by position of a parameter: changes by it; 0 = has a phi */
} Strip;

/* --- is it such a loop? ----------------------------------------------------------------------- */

static bool strip_inside(const Strip *s, HlRef r)
{
    return s->ir->ins[r].block == s->index;
}

/* The position of a parameter of this block, -1 = r is none. */
static int32_t strip_param(const Strip *s, HlRef r)
{
    for (int32_t k = 0; s->ir->ins[r].op == HL_I_PARAM && k < s->block->params.n; k++)
        if (s->block->params.v[k] == r)
            return k;
    return -1;
}

static bool strip_is_sum(const HlIns *ins)
{
    return ins->op == HL_I_ADD || ins->op == HL_I_ADD_OV || ins->op == HL_I_COUNT_UP;
}

static bool strip_is_difference(const HlIns *ins)
{
    return ins->op == HL_I_SUB || ins->op == HL_I_SUB_OV;
}

/* Does the parameter r change by the same amount in every iteration? *by is that amount's ref, to
 * be subtracted when *down. A parameter that is passed on unchanged has *by = HL_NOREF. */
static bool strip_steps(const Strip *s, HlRef r, HlRef *by, bool *down)
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

/* The constant by which the k-th parameter changes in every iteration, 0 = it does not. */
static int64_t strip_constant_step(const Strip *s, int32_t k)
{
    HlRef by;
    bool down;
    int64_t step;
    if (!strip_steps(s, s->block->params.v[k], &by, &down) || by == HL_NOREF ||
        !hl_ir_is_kint(s->ir, by, &step))
        return 0;
    return down ? (int64_t)-(uint64_t)step : step;
}

/* Does r change linearly with the iteration, made only of what is proved not to overflow? */
static bool strip_linear(const Strip *s, HlRef r)
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
    HlRef by;
    bool down;
    int64_t k;
    return strip_steps(s, r, &by, &down) && by != HL_NOREF && hl_ir_is_kint(s->ir, by, &k) &&
           (down ? -k : k) == (up ? 1 : -1);
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

static bool strip_writes(const HlIns *ins)
{
    return hl_op_info[ins->op].fx & HL_E_WR_ITEMS;
}

static bool strip_is_access(const HlIns *ins)
{
    return ins->op == HL_I_ARRAY_LOAD || strip_writes(ins);
}

/* Is r the same number in every iteration? */
static bool strip_stays(const Strip *s, HlRef r)
{
    const HlIns *ins = &s->ir->ins[r];
    HlRef by;
    bool down;
    if (ins->op == HL_I_PARAM && strip_inside(s, r))
        return strip_steps(s, r, &by, &down) && by == HL_NOREF;
    return !strip_inside(s, r) || (ins->op == HL_I_INDEX && strip_stays(s, ins->a[0]));
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

/* Does an access go from item to item along one row? */
static bool strip_walks(const Strip *s, const HlIns *access)
{
    return strip_place_stays(s, access->a[0]) && !strip_stays(s, access->a[2]);
}

/* Is it a branch, of which the strip takes the way that goes on in the block for as long as that is known
 * from the first and the last iteration? */
static bool strip_is_way(const Strip *s, HlRef r)
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
    case HL_I_INDEX: return strip_linear(s, ins->a[0]) && !strip_inside(s, ins->a[1]);
    case HL_I_ARRAY_ROW: return strip_is_place(s, ins->a[0]) && !strip_inside(s, ins->a[1]);
    case HL_I_ARRAY_LOAD:
    case HL_I_ARRAY_STORE:
    case HL_I_ARRAY_STORE_IF:
        s->stores |= strip_writes(ins);
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
    case HL_I_KOBJ:
    case HL_I_GUARD_TYPE:
    case HL_I_GUARD_ARRAY:
    case HL_I_GUARD_WRITEABLE:
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

/* Is r another number in every iteration? */
static bool strip_moves(const Strip *s, HlRef r)
{
    const HlIns *ins = &s->ir->ins[r];
    HlRef by;
    bool down;
    int64_t k;
    if (!strip_inside(s, r))
        return false;
    if (ins->op == HL_I_PARAM)
        return strip_steps(s, r, &by, &down) && by != HL_NOREF && hl_ir_is_kint(s->ir, by, &k) &&
               k != 0;
    if (ins->op == HL_I_INDEX || ins->op == HL_I_RETYPE)
        return strip_moves(s, ins->a[0]);
    if (strip_is_sum(ins) || strip_is_difference(ins)) {
        bool first = !strip_inside(s, ins->a[0]) || hl_ir_is_kint(s->ir, ins->a[0], &k);
        bool second = !strip_inside(s, ins->a[1]) || hl_ir_is_kint(s->ir, ins->a[1], &k);
        return (second && strip_moves(s, ins->a[0])) || (first && strip_moves(s, ins->a[1]));
    }
    return false;
}

/* Are both accesses to one row, but not to the same item? One of them goes along it then. */
static bool strip_shares_row(const Strip *s, const HlIns *store, const HlIns *load)
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
            if (strip_writes(store) && load->op == HL_I_ARRAY_LOAD && store->a[0] == load->a[0] &&
                !strip_shares_row(s, store, load) &&
                (store->a[2] != load->a[2] || i < k ||
                 (s->cell == HL_NOREF && strip_place_stays(s, load->a[0]) &&
                  !strip_moves(s, load->a[2]))))
                return false;
        }
    }
    return true;
}

static bool strip_is_cell(const Strip *s, const HlIns *load)
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
        if (!strip_writes(&s->ir->ins[s->items[i]]))
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

/* How many iterations leave no rest; fewer are not worth the proof. */
static int strip_multiple(const Strip *s)
{
    return !s->vectorises ? STRIP_COPIES : s->reduces ? STRIP_VECTOR * STRIP_SIDE : STRIP_VECTOR;
}

static bool strip_find(Strip *s)
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
        if (result->block == s->index && hl_llvm_finite_only_with(result, r))
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

/* Is every counter proved not to overflow? In the body it takes a time that nobody has, see
 * hl_opt_range.c, which strips do not take. */
static bool strip_counters_proved(const Strip *s)
{
    for (int32_t i = 0; i < s->block->ins.n; i++) {
        HlRef r = s->block->ins.v[i];
        if (s->ir->ins[r].op == HL_I_COUNT_UP && !s->sum[r] && !strip_linear(s, r))
            return false;
    }
    return true;
}

/* Where the cell's value is in the state. */
static int32_t strip_cell_state(const Strip *s)
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

/* Marks guards that are proved before the strip, and those that later ones imply. */
static void strip_mark(Strip *s)
{
    const HlBlock *b = s->block;
    strip_find_sums(s);
    for (int32_t i = 0; i < b->ins.n; i++) {
        HlRef r = b->ins.v[i];
        const HlIns *ins = &s->ir->ins[r];
        switch ((int)ins->op) {
        case HL_I_INDEX: s->done[r] = true; break;
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

/* --- proof ------------------------------------------------------------------------------------ */

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

/* The value of a linear r in the strip's first or last iteration, proved not to overflow there;
 * what is linear does not overflow in between either. */
static Val strip_at(Strip *s, HlRef r, bool last)
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
        Val moved = strip_exact(s, mul, strip_at(s, by, false), s->last);
        return strip_exact(s, down ? sub : add, s->e->val[r], moved);
    }
    if (ins->op == HL_I_RETYPE)
        return strip_at(s, ins->a[0], last);
    Val a = strip_at(s, ins->a[0], last), b = strip_at(s, ins->a[1], last);
    return strip_exact(s, strip_is_sum(ins) ? add : strip_is_difference(ins) ? sub : mul, a, b);
}

/* The index of an access or a row in the first or last iteration, where it is in range. */
static Val strip_index_at(Strip *s, HlRef index, bool last)
{
    if (strip_inside(s, index) && s->ir->ins[index].op == HL_I_INDEX)
        index = s->ir->ins[index].a[0];
    return strip_at(s, index, last);
}

/* a[0] + a[1] * a[2] of a row or an access: linear in the iteration, as its parts are. */
static Val strip_pointer(Strip *s, const HlIns *ins, bool last)
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

/* First byte of an access, and the one behind its last, as addresses. */
static void strip_bytes(Strip *s, const HlIns *access, Val *low, Val *high)
{
    LLVMBuilderRef B = s->e->b;
    Val size = hl_llvm_int(s->e, hl_dtype_size((HlDtype)access->aux));
    Val ends[2] = {strip_address(s, access, false), strip_address(s, access, true)};
    *low = hl_llvm_intrinsic(s->e, "llvm.umin", s->e->i64, ends, 2);
    *high = LLVMBuildAdd(B, hl_llvm_intrinsic(s->e, "llvm.umax", s->e->i64, ends, 2), size, "");
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

static void strip_prove_apart(Strip *s, const HlIns *store, const HlIns *load)
{
    LLVMBuilderRef B = s->e->b;
    Val low[2], high[2];
    strip_bytes(s, store, &low[0], &high[0]);
    strip_bytes(s, load, &low[1], &high[1]);
    strip_prove(s, LLVMBuildOr(B, LLVMBuildICmp(B, LLVMIntULE, high[0], low[1], ""),
                               LLVMBuildICmp(B, LLVMIntULE, high[1], low[0], ""), ""));
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

/* The branches go on in the block in the first or last iteration. */
static void strip_prove_ways(Strip *s, bool last)
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

/* An item that stays, in a row that the strip writes along: the strip ends in front of the iteration that
 * writes it, or, when that is nearer than `least`, is as short as can be: the proof fails then. */
static void strip_shorten(Strip *s, int least)
{
    HlEmitter *e = s->e;
    LLVMBuilderRef B = e->b;
    for (int32_t i = 0; i < s->nitems * s->nitems; i++) {
        const HlIns *store = &s->ir->ins[s->items[i / s->nitems]];
        const HlIns *load = &s->ir->ins[s->items[i % s->nitems]];
        if (!strip_writes(store) || load->op != HL_I_ARRAY_LOAD ||
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

static void strip_prove_all(Strip *s)
{
    LLVMBuilderRef B = s->e->b;
    for (int32_t i = 0; i < s->block->ins.n; i++) {
        HlRef r = s->block->ins.v[i];
        const HlIns *ins = &s->ir->ins[r];
        if (ins->op == HL_I_INDEX) {
            for (int last = 0; last < 2; last++) {
                Val at = strip_at(s, ins->a[0], last);
                strip_prove(s, LLVMBuildICmp(B, LLVMIntULT, at, s->e->val[ins->a[1]], ""));
            }
        } else if ((ins->op == HL_I_ADD_OV || ins->op == HL_I_SUB_OV || ins->op == HL_I_MUL_OV ||
                    ins->op == HL_I_COUNT_UP) &&
                   strip_linear(s, r)) {
            strip_at(s, r, false);
            strip_at(s, r, true);
        }
    }
    strip_prove_ways(s, true);
    strip_prove_sums(s);
    for (int32_t i = 0; i < s->nitems; i++) {
        const HlIns *item = &s->ir->ins[s->items[i]];
        Val size = hl_llvm_int(s->e, hl_dtype_size((HlDtype)item->aux));
        if (strip_walks(s, item))
            strip_prove(s, LLVMBuildICmp(B, LLVMIntEQ, s->e->val[item->a[1]], size, ""));
        for (int32_t k = 0; strip_writes(item) && k < s->nitems; k++) {
            const HlIns *load = &s->ir->ins[s->items[k]];
            if (load->op != HL_I_ARRAY_LOAD)
                continue;
            if (load->a[0] != item->a[0] || strip_shares_row(s, item, load))
                strip_prove_apart(s, item, load);
            else if (s->cell == HL_NOREF && !strip_walks(s, item))
                strip_prove_moves(s, item);
        }
    }
}

/* Strides that were proved to be the items' sizes are constants in the strip; puts back what they were. */
static void strip_set_strides(Strip *s, Val *before, bool proved)
{
    for (int32_t k = 0; k < s->nitems; k++) {
        const HlIns *item = &s->ir->ins[s->items[proved ? k : s->nitems - 1 - k]];
        Val *stride = &s->e->val[item->a[1]], *was = &before[proved ? k : s->nitems - 1 - k];
        if (!proved) {
            *stride = *was;
            continue;
        }
        *was = *stride;
        if (strip_walks(s, item))
            *stride = hl_llvm_int(s->e, hl_dtype_size((HlDtype)item->aux));
    }
}

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
        if (strip_writes(before) && before->a[0] == item->a[0])
            return false;
    }
    return strip_writes(item);
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
        if (strip_writes(store) && store->a[0] == load->a[0] && !strip_shares_row(s, store, load))
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
    return strip_writes(ins) ? hl_dtype_size((HlDtype)ins->aux) : 0;
}

/* Most iterations of a strip. */
static int64_t strip_most(const Strip *s)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < s->nitems; i++)
        bytes += strip_stored_bytes(s, s->items[i]);
    if (!s->stores || !s->checks || bytes * STRIP_MAX <= HL_STRIP_BUFFER)
        return STRIP_MAX;
    return HL_STRIP_BUFFER / bytes / STRIP_VECTOR * STRIP_VECTOR;
}

/* Where the k-th value of a store is kept until all is checked. */
static Val strip_buffered(Strip *s, HlRef store, Val k)
{
    HlEmitter *e = s->e;
    int64_t before = 0, size = hl_dtype_size((HlDtype)s->ir->ins[store].aux);
    for (int32_t i = 0; s->items[i] != store; i++)
        before += strip_stored_bytes(s, s->items[i]);
    return hl_llvm_item(e, (HlDtype)s->ir->ins[store].aux,
                        hl_llvm_field(e, s->buffer, before * s->most), hl_llvm_int(e, size), k);
}

/* Emits the body of iteration k. `state`: the parameters' values and, behind them, whether a guard
 * failed; those that change by a constant follow from k. */
static void strip_body(Strip *s, Val k, Val *state)
{
    HlEmitter *e = s->e;
    const HlBlock *b = s->block;
    HlStripPass pass = {
        .done = s->done, .exact = s->exact, .vector = s->vectorises, .fail = state[b->params.n]};
    pass.chain = s->sums ? s->chain : NULL;
    for (int32_t p = 0; p < b->params.n; p++)
        e->val[b->params.v[p]] = s->step[p] ? strip_moved(s, s->start[p], s->step[p], k) : state[p];
    e->pass = &pass;
    for (int32_t i = 0; i < b->ins.n; i++) {
        HlRef r = b->ins.v[i];
        const HlIns *ins = &e->ir->ins[r];
        if (r == s->trip || ins->op == HL_I_POLL ||
            (s->dry && (strip_writes(ins) || ins->op == HL_I_TRIPS) && r != s->cell))
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

/* Where a parameter is linear in the iteration, its value behind the strip takes no loop. */
static void strip_finish(Strip *s, Val *state)
{
    const HlBlock *b = s->block;
    for (int32_t p = 0; p < b->params.n; p++) {
        HlRef next = b->args.v[p];
        if (s->ir->ins[next].op == HL_I_INDEX && strip_inside(s, next))
            next = s->ir->ins[next].a[0];
        if (s->step[p])
            state[p] = strip_moved(s, s->start[p], s->step[p], s->n);
        else if (strip_inside(s, next) && strip_linear(s, next) &&
                 hl_type_repr(s->ir->ins[next].type) == HL_REPR_I64)
            state[p] = strip_linear_at(s, next, s->last);
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
    Val bit = LLVMBuildAnd(B, s->n, hl_llvm_int(e, copies), "");
    LLVMBuildCondBr(B, LLVMBuildICmp(B, LLVMIntEQ, bit, hl_llvm_int(e, 0), ""), join, some);
    memcpy(s->mid, state, (size_t)s->nstate * sizeof *state);
    LLVMPositionBuilderAtEnd(B, some);
    Val first = LLVMBuildAnd(B, s->n, hl_llvm_int(e, -2 * copies), "");
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

/* Emits the strip's iterations. Where one waits for the other, several make a round of the loop: so
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
        strip_loop(s, name, zero, s->n, 1, state);
        strip_finish(s, state);
        return;
    }
    Val even = LLVMBuildAnd(B, s->n, hl_llvm_int(e, -STRIP_COPIES), "");
    strip_loop(s, name, zero, even, STRIP_COPIES, state);
    for (int copies = STRIP_COPIES / 2; copies > 0; copies /= 2)
        strip_rest(s, copies, state);
    strip_finish(s, state);
}

static void strip_start(Strip *s, Val *state)
{
    memcpy(state, s->start, (size_t)s->block->params.n * sizeof *state);
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
    Val k = strip_open_loop(s, "commit", hl_llvm_int(e, 0));
    for (int32_t i = 0; i < s->nitems; i++) {
        const HlIns *store = &s->ir->ins[s->items[i]];
        HlDtype d = (HlDtype)store->aux;
        if (store->op != HL_I_ARRAY_STORE)
            continue;
        Val value = hl_llvm_load_item(e, d, strip_buffered(s, s->items[i], k));
        Val place = strip_place_at(s, store->a[0], k), index = strip_linear_at(s, store->a[2], k);
        hl_llvm_store_item(e, d, hl_llvm_item(e, d, place, e->val[store->a[1]], index), value);
    }
    strip_close_loop(s, k, 1, s->n);
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

    /* header: the difference is right as an unsigned number whenever small < large */
    int least = strip_multiple(s);
    Val small = strip_at(s, s->small, false), large = strip_at(s, s->large, false);
    Val left = LLVMBuildSub(B, large, small, "");
    Val many = LLVMBuildAnd(B, LLVMBuildICmp(B, LLVMIntSLT, small, large, ""),
                            LLVMBuildICmp(B, LLVMIntUGE, left, hl_llvm_int(e, least), ""), "");
    s->proved = many;
    strip_prove_ways(s, false);
    many = s->proved;
    if (s->reduces) { /* one comparison for those that the strip in order is for */
        Bb enough = hl_llvm_next_block(e, "");
        LLVMBuildCondBr(B, many, enough, body);
        LLVMPositionBuilderAtEnd(B, enough);
    }
    Val waiting = hl_llvm_pause_left(e, &pause);
    Val now = LLVMBuildICmp(B, LLVMIntEQ, waiting, zero, "");
    LLVMBuildCondBr(B, LLVMBuildAnd(B, many, now, ""), proof, wait_less);

    LLVMPositionBuilderAtEnd(B, wait_less);
    hl_llvm_pause_less(e, &pause, waiting);
    LLVMBuildBr(B, body);

    LLVMPositionBuilderAtEnd(B, proof);
    Val most = hl_llvm_int(e, s->most);
    s->n = hl_llvm_intrinsic(e, "llvm.umin", e->i64, (Val[]){left, most}, 2);
    if (s->vectorises)
        s->n = LLVMBuildAnd(B, s->n, hl_llvm_int(e, -least), "");
    s->proved = hl_llvm_no_pending(e);
    strip_shorten(s, least);
    s->last = LLVMBuildSub(B, s->n, hl_llvm_int(e, 1), "");
    strip_prove_all(s);
    Bb attempt = hl_llvm_next_block(e, "");
    hl_llvm_branch(e, s->proved, attempt, give_up, true);

    LLVMPositionBuilderAtEnd(B, attempt);
    Val strides[STRIP_ITEMS];
    if (s->cell != HL_NOREF)
        s->cell_at = strip_pointer(s, &s->ir->ins[s->cell], false);
    strip_set_strides(s, strides, true);
    if (s->checks) {
        s->buffer = s->stores && !s->twice ? hl_llvm_buffer(e) : NULL;
        s->dry = s->twice;
        strip_try_all(s, after, give_up);
        s->dry = false;
        if (s->buffer)
            strip_copy(s);
    }
    if (!s->checks || s->twice) {
        strip_start(s, after);
        strip_run(s, "commit", after);
    }
    if (s->cell != HL_NOREF)
        hl_llvm_store_item(e, (HlDtype)s->ir->ins[s->cell].aux, s->cell_at,
                           after[strip_cell_state(s)]);
    strip_set_strides(s, strides, false);
    hl_llvm_pause_over(e, &pause);
    hl_llvm_count(e, b->loop, s->n);
    Bb done = LLVMGetInsertBlock(B);
    LLVMBuildBr(B, s->vectorises ? header : body);

    LLVMPositionBuilderAtEnd(B, give_up);
    hl_llvm_pause_begin(e, &pause, s->n);
    LLVMBuildBr(B, body);

    LLVMPositionBuilderAtEnd(B, body);
    Bb unmoved[2] = {wait_less, give_up};
    for (int32_t p = 0; p < b->params.n; p++) {
        Val now_at = s->start[p];
        if (s->vectorises) {
            LLVMAddIncoming(s->start[p], &after[p], &done, 1);
        } else {
            now_at = LLVMBuildPhi(B, LLVMTypeOf(after[p]), "");
            LLVMAddIncoming(now_at, (Val[]){s->start[p], s->start[p]}, unmoved, 2);
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
    Val *values = hl_mem_alloc(most * 4 * sizeof *values);
    int status = s.done && s.chain && s.waits && s.sum && s.carried && s.step && values ? 0 : -1;
    if (status == 0 && strip_find(&s)) {
        s.start = values;
        s.phi = values + s.nstate;
        s.mid = values + 2 * s.nstate;
        for (int32_t p = 0; p < n; p++)
            s.step[p] = strip_constant_step(&s, p);
        strip_mark(&s);
        s.checks = !s.stores || strip_checks(&s);
        s.twice = s.stores && s.checks && strip_computes_twice(&s);
        s.most = strip_most(&s);
        if (strip_counters_proved(&s)) {
            strip_emit(&s, values + 3 * s.nstate);
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
