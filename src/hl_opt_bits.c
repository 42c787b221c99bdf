/* hl_opt_bits.c - a loop that clears a number's lowest bit until none is left counts its bits: an
 * instruction of the processor does that, and C compilers know the loop (Kernighan's), too.
 *
 *   L(%x, %c):                               L(%x, %c):
 *     %y = sub_ov %x 1 -> ...                  %some = icmp gt %x 0
 *     %z = and %x %y                           guard_true %some -> before
 *     %d = add_ov %c 3 -> ...         =>       %n = popcount %x
 *     poll -> after                            %k = mul %n 3
 *     %go = icmp ne %z 0                       %d = add_ov %c %k -> before
 *     guard_true %go -> ... B                  trips %n of the loop
 *     jump L(%z, %d)                           %z = kint 0
 *                                              poll -> after
 *                                              jump B()
 *
 * What else the loop does may only be counting. `before` is the state in which the program has been
 * round the loop and is asked by POLL, with what the parameters are now: there the interpreter tests x,
 * finds it true, and begins the iteration. When that is left often (x is negative or 0: the loop does
 * not end, or a counter overflows), the POLL's exit is marked `stay` and the loop left as it is.
 *
 * Of several POLLs the first stays.
 *
 * Requirements: 1. nothing behind the loop needs x or y; 2. the POLL's snapshot holds what the back-edge
 * passes, each for one parameter only, so that `before` can be told from it. */
#include "hl_opt.h"

enum { BITS_COUNTERS = 8 };

typedef struct Bits {
    HlIr *ir;
    int32_t block;
    HlRef x, y, z, test, guard, poll;
} Bits;

static bool bits_inside(const Bits *b, HlRef r)
{
    return r >= 0 && b->ir->ins[r].block == b->block;
}

/* The position of the parameter for which the back-edge passes r, -1 = none, -2 = several. */
static int32_t bits_passed(const Bits *b, HlRef r)
{
    const HlBlock *block = &b->ir->blocks[b->block];
    int32_t found = -1;
    for (int32_t k = 0; k < block->args.n; k++)
        if (block->args.v[k] == r)
            found = found == -1 ? k : -2;
    return found;
}

/* Is r a counter: a parameter plus or minus a constant that is passed for it? */
static bool bits_counter(const Bits *b, HlRef r)
{
    const HlIns *ins = &b->ir->ins[r];
    int32_t p = bits_passed(b, r);
    int64_t k;
    return (ins->op == HL_I_ADD || ins->op == HL_I_ADD_OV || ins->op == HL_I_COUNT_UP ||
            ins->op == HL_I_SUB || ins->op == HL_I_SUB_OV) &&
           p >= 0 && ins->a[0] == b->ir->blocks[b->block].params.v[p] &&
           hl_ir_is_kint(b->ir, ins->a[1], &k) && k >= -INT32_MAX && k <= INT32_MAX;
}

/* Finds z = x & (x - 1), which is passed for x. */
static bool bits_find_clear(Bits *b, HlRef r)
{
    const HlIns *ins = &b->ir->ins[r];
    int32_t p = bits_passed(b, r);
    if (ins->op != HL_I_AND || p < 0)
        return false;
    b->z = r;
    b->x = b->ir->blocks[b->block].params.v[p];
    b->y = ins->a[ins->a[0] == b->x ? 1 : 0];
    const HlIns *y = &b->ir->ins[b->y];
    int64_t k;
    return (ins->a[0] == b->x || ins->a[1] == b->x) && bits_inside(b, b->y) &&
           (y->op == HL_I_SUB || y->op == HL_I_SUB_OV) && y->a[0] == b->x &&
           hl_ir_is_kint(b->ir, y->a[1], &k) && k == 1;
}

static bool bits_find(Bits *b)
{
    const HlIr *ir = b->ir;
    const HlBlock *block = &ir->blocks[b->block];
    b->z = b->guard = b->poll = HL_NOREF;
    for (int32_t i = 0; i < block->ins.n && b->z < 0; i++)
        if (!bits_find_clear(b, block->ins.v[i]))
            b->z = HL_NOREF;
    if (b->z < 0)
        return false;
    for (int32_t i = 0; i < block->ins.n; i++) {
        HlRef r = block->ins.v[i];
        const HlIns *ins = &ir->ins[r];
        int64_t zero;
        if (r == b->y || r == b->z || ins->op == HL_I_KINT || bits_counter(b, r))
            continue;
        if (ins->op == HL_I_ICMP && ins->aux == HL_NE && ins->a[0] == b->z &&
            hl_ir_is_kint(b->ir, ins->a[1], &zero) && !zero)
            b->test = r;
        else if (ins->op == HL_I_GUARD_TRUE && ins->a[0] == b->test && b->guard < 0)
            b->guard = r;
        else if (ins->op == HL_I_POLL)
            b->poll = b->poll < 0 ? r : b->poll;
        else
            return false;
    }
    for (int32_t k = 0; k < block->params.n; k++) {
        HlRef next = block->args.v[k];
        if (next != block->params.v[k] && next != b->z && !bits_counter(b, next))
            return false;
    }
    return b->guard >= 0 && b->poll >= 0 && ir->exits[ir->ins[b->guard].exit].target >= 0 &&
           ir->exits[ir->ins[b->poll].exit].target < 0 && !ir->exits[ir->ins[b->poll].exit].stay;
}

/* Is r a value of the loop that is there no more? */
static bool bits_gone(const Bits *b, HlRef r)
{
    return r == b->x || r == b->y || r == b->test;
}

typedef struct Uses {
    const Bits *b;
    bool gone;    /* something that is there no more is used */
    bool unknown; /* what is used inside is not what the back-edge passes */
} Uses;

static void bits_use(void *data, HlRef r)
{
    Uses *u = data;
    u->gone |= bits_gone(u->b, r);
    bool kept = u->b->ir->ins[r].op == HL_I_KINT || !bits_inside(u->b, r) ||
                (u->b->ir->ins[r].op == HL_I_PARAM && bits_passed(u->b, r) >= 0);
    u->unknown |= !kept && bits_passed(u->b, r) < 0;
}

/* Checks the requirements. */
static bool bits_replaceable(const Bits *b)
{
    const HlIr *ir = b->ir;
    Uses poll = {.b = b}, other = {.b = b};
    hl_opt_snap_uses(ir, ir->ins[b->poll].exit, true, bits_use, &poll);
    for (int32_t k = 0; k < ir->nblocks; k++) {
        const HlBlock *block = &ir->blocks[k];
        if (k == b->block || block->term == HL_TERM_DEAD)
            continue;
        for (int32_t i = 0; i < block->ins.n; i++) {
            const HlIns *ins = &ir->ins[block->ins.v[i]];
            for (int a = 0; a < HL_MAX_ARGS; a++)
                other.gone |= bits_gone(b, ins->a[a]);
            hl_opt_snap_uses(ir, ins->exit, true, bits_use, &other);
        }
        for (int32_t i = 0; i < block->args.n; i++)
            other.gone |= bits_gone(b, block->args.v[i]);
        if (block->term == HL_TERM_EXIT)
            hl_opt_snap_uses(ir, block->exit, true, bits_use, &other);
        if (k == 0 && block->term == HL_TERM_JUMP && block->target == b->block)
            return false; /* the region's own loop: nothing is counted when it is entered */
    }
    return !poll.gone && !poll.unknown && !other.gone;
}

/* The state before the iteration, as an exit; -1 = out of memory. */
static int32_t bits_before(Bits *b, HlReason reason)
{
    HlIr *ir = b->ir;
    const HlBlock *block = &ir->blocks[b->block];
    int32_t after = ir->ins[b->poll].exit, from = ir->exits[after].snap;
    int32_t snap =
        hl_ir_snap(ir, ir->snaps[from].pc, ir->snaps[from].slots, ir->snaps[from].nslots);
    int32_t x = snap < 0 ? -1 : hl_ir_exit(ir, snap, reason);
    if (x < 0)
        return -1;
    ir->snaps[snap].inlined = ir->snaps[from].inlined;
    ir->exits[x].origin = after;
    for (int32_t i = 0; i < ir->snaps[snap].nslots; i++) {
        HlSlot *s = &ir->snaps[snap].slots[i];
        for (int part = 0; part < hl_slot_nparts(s); part++) {
            int32_t p = bits_passed(b, s->part[part]);
            if (p >= 0)
                s->part[part] = block->params.v[p];
        }
    }
    return x;
}

#define BITS_INS(o, t, x, y)                                                                       \
    (HlIns){.op = (o), .type = (t), .a = {(x), (y), HL_NOREF, HL_NOREF, HL_NOREF}, .exit = -1}

/* There is room for what these two emit. */
static HlRef bits_emit(Bits *b, HlIns ins)
{
    ins.pc = b->ir->blocks[b->block].pc;
    return hl_ir_emit(b->ir, b->block, &ins);
}

/* Makes the counter r count n at once. */
static void bits_count(Bits *b, HlRef r, HlRef n, int32_t exit)
{
    HlIr *ir = b->ir;
    int64_t k;
    hl_ir_is_kint(b->ir, ir->ins[r].a[1], &k);
    HlRef by = k == 1 ? n : bits_emit(b, BITS_INS(HL_I_MUL, HL_TYPE(I64), n, ir->ins[r].a[1]));
    bool down = ir->ins[r].op == HL_I_SUB || ir->ins[r].op == HL_I_SUB_OV;
    ir->ins[r].op = down ? HL_I_SUB_OV : HL_I_ADD_OV;
    ir->ins[r].exit = exit;
    ir->ins[r].a[1] = by;
    hl_refvec_push(&ir->blocks[b->block].ins, r);
}

/* Makes everything that can fail first: 1 = done, 0 = too many counters, -1 = out of memory. */
static int bits_prepare(Bits *b, int32_t *exits, HlRefVec *room)
{
    HlIr *ir = b->ir;
    const HlBlock *block = &ir->blocks[b->block];
    int32_t n = 0;
    for (int32_t i = 0; i < block->ins.n; i++)
        n += bits_counter(b, block->ins.v[i]);
    if (n > BITS_COUNTERS)
        return 0;
    for (int32_t k = 0; k <= n; k++) {
        exits[k] = bits_before(b, k ? HL_R_OVERFLOW : HL_R_RANGE);
        if (exits[k] < 0)
            return -1;
    }
    int32_t more = n + 5;
    return hl_mem_grow((void **)&ir->ins, &ir->cap_ins, ir->nins + more, sizeof *ir->ins) ||
                   hl_mem_grow((void **)&room->v, &room->cap, block->ins.n + more, sizeof *room->v)
               ? -1
               : 1;
}

static int bits_convert(Bits *b)
{
    HlIr *ir = b->ir;
    int32_t exits[BITS_COUNTERS + 1], k = 0;
    HlRefVec room = {0};
    int status = bits_prepare(b, exits, &room);
    if (status <= 0)
        return status;
    HlBlock *block = &ir->blocks[b->block];
    HlRefVec old = block->ins;
    block->ins = room;
    for (int32_t i = 0; i < old.n; i++)
        if (ir->ins[old.v[i]].op == HL_I_KINT)
            hl_refvec_push(&block->ins, old.v[i]);
    HlRef none = bits_emit(b, BITS_INS(HL_I_KINT, HL_TYPE(I64), HL_NOREF, HL_NOREF));
    HlRef some = bits_emit(b, BITS_INS(HL_I_ICMP, HL_TYPE(BOOL), b->x, none));
    ir->ins[some].aux = HL_GT;
    HlRef guard = bits_emit(b, BITS_INS(HL_I_GUARD_TRUE, HL_TYPE(VOID), some, HL_NOREF));
    ir->ins[guard].exit = exits[k++];
    HlRef n = bits_emit(b, BITS_INS(HL_I_POPCOUNT, HL_TYPE(I64), b->x, HL_NOREF));
    for (int32_t i = 0; i < old.n; i++)
        if (bits_counter(b, old.v[i]))
            bits_count(b, old.v[i], n, exits[k++]);
    HlRef trips = bits_emit(b, BITS_INS(HL_I_TRIPS, HL_TYPE(VOID), n, HL_NOREF));
    ir->ins[trips].imm.i = block->loop;
    hl_refvec_push(&block->ins, b->z);
    hl_refvec_push(&block->ins, b->poll);
    ir->ins[b->z].op = HL_I_KINT;
    ir->ins[b->z].a[0] = ir->ins[b->z].a[1] = HL_NOREF;
    ir->ins[b->z].imm.i = 0;
    block->target = ir->exits[ir->ins[b->guard].exit].target;
    block->args.n = 0;
    block->loop = -1;
    for (int32_t i = 0; i < old.n; i++) {
        HlIns *ins = &ir->ins[old.v[i]];
        if (old.v[i] == b->y || old.v[i] == b->test || old.v[i] == b->guard ||
            (ins->op == HL_I_POLL && old.v[i] != b->poll))
            ins->block = -1;
    }
    hl_mem_free(old.v);
    return 0;
}

int hl_opt_bits(HlIr *ir)
{
    for (int32_t k = 1; k < ir->nblocks; k++) {
        Bits b = {.ir = ir, .block = k, .y = HL_NOREF, .test = HL_NOREF};
        const HlBlock *block = &ir->blocks[k];
        if (block->term == HL_TERM_JUMP && block->target == k && block->loop >= 0 &&
            ir->entry_exit >= 0 && bits_find(&b) && bits_replaceable(&b) && bits_convert(&b))
            return -1;
    }
    return 0;
}
