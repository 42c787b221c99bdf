/* hl_opt_chunk.c - the eval breaker is asked once in many iterations.
 *
 *   H(%i):                           H(%i):                            H'(%j):
 *     %go = icmp lt %i %stop           %go = icmp lt %i %stop            %in = icmp lt %j %end
 *     guard_true %go -> x1             guard_true %go -> x1              guard_true %in -> x2 (-> P)
 *     work                      =>     %left = sub %stop %i              work'
 *     poll                             %end = stop, or %i + 4096         jump H'(%j + 1)
 *     jump H(%i + 1)                   jump H'(%i)                     P:
 *                                                                        poll
 *                                                                        jump H(%j)
 *
 * In a loop of a few instructions, asking is a good part of them. The iterations between two times last
 * microseconds. Where it is left, the frame is at the jump back, as it was there.
 *
 * Requirements: 1. a loop that no strips are made of: these ask once for each; 2. what is outside uses of its values
 * only the header's, behind its end; 3. all of the frame is the same at the jump back as at the header. */
#include "hl_opt.h"

#include <string.h>

enum { CHUNK = 4096 /* iterations */, CHUNK_INS = 300 /* instructions of a loop */ };

/* The POLL at a jump back to the header of a loop, at which the frame has the slots that it has at the header;
 * HL_NOREF = there is none. */
static HlRef chunk_poll(const HlCounted *c)
{
    const HlIr *ir = c->ir;
    const HlSnap *header = &ir->snaps[ir->exits[c->exit].snap];
    for (int32_t b = 0; b < c->cfg->n; b++) {
        const HlBlock *from = &ir->blocks[b];
        if (!c->set[b] || from->term != HL_TERM_JUMP || from->target != c->header || !from->ins.n)
            continue;
        HlRef r = from->ins.v[from->ins.n - 1];
        const HlSnap *s =
            ir->ins[r].op == HL_I_POLL ? &ir->snaps[ir->exits[ir->ins[r].exit].snap] : NULL;
        if (s && s->nslots == header->nslots && s->inlined == header->inlined)
            return r;
    }
    return HL_NOREF;
}

static HlRef chunk_emit(HlIr *ir, int32_t block, uint8_t op, uint8_t aux, HlType type, HlRef a,
                        HlRef b, HlRef third)
{
    HlIns ins = {.op = op,
                 .aux = aux,
                 .type = type,
                 .exit = -1,
                 .pc = ir->blocks[block].pc,
                 .a = {a, b, third, HL_NOREF, HL_NOREF}};
    return a < 0 || b < 0 ? HL_NOREF : hl_ir_emit(ir, block, &ins);
}

/* Computes, at the end of the header, where a chunk that begins there ends. HL_NOREF = out of memory. */
static HlRef chunk_size(HlCounted *c)
{
    HlIr *ir = c->ir;
    HlIns size = {
        .op = HL_I_KINT, .type = HL_TYPE(I64), .exit = -1, .a = HL_NO_ARGS, .imm.i = CHUNK};
    HlRef now = ir->blocks[c->header].params.v[c->param], most = hl_ir_emit(ir, c->header, &size);
    HlRef left = chunk_emit(ir, c->header, HL_I_SUB, 0, HL_TYPE(I64), c->stop, now, HL_NOREF);
    HlRef last = chunk_emit(ir, c->header, HL_I_ICMP, HL_LE, HL_TYPE(BOOL), left, most, HL_NOREF);
    HlRef next = chunk_emit(ir, c->header, HL_I_ADD, 0, HL_TYPE(I64), now, most, HL_NOREF);
    if (most < 0 || next < 0)
        return HL_NOREF;
    return chunk_emit(ir, c->header, HL_I_SELECT, 0, HL_TYPE(I64), last, c->stop, next);
}

/* The guard in the copy's header looks whether the chunk goes on. -1 = out of memory. */
static int chunk_guard(HlCounted *c, HlRef guard, HlRef end)
{
    HlIr *ir = c->ir;
    HlIns in = ir->ins[ir->ins[guard].a[0]];
    in.a[1] = end;
    HlRef made = hl_ir_emit(ir, c->copy[c->header], &in);
    if (made < 0)
        return -1;
    HlRefVec *v = &ir->blocks[c->copy[c->header]].ins;
    memmove(&v->v[c->at + 1], &v->v[c->at], (size_t)(v->n - 1 - c->at) * sizeof *v->v);
    v->v[c->at] = made;
    ir->ins[guard].a[0] = made;
    return 0;
}

/* The block where a chunk ends, behind exit x of the copy's header: asks, and goes on in the header. Exit x says what
 * the frame has there. -1 = out of memory. */
static int32_t chunk_end(HlCounted *c, HlRef poll, int32_t x, int32_t loop)
{
    HlIr *ir = c->ir;
    int32_t header = c->copy[c->header], block = hl_ir_block(ir, ir->blocks[header].pc);
    if (block < 0)
        return -1;
    ir->blocks[block].term = HL_TERM_DEAD; /* until it leads somewhere */
    const HlBlock *h = &ir->blocks[header];
    if (hl_ir_jump(ir, block, c->header, h->params.v, h->params.n))
        return -1;
    HlIns ask = ir->ins[poll];
    ir->blocks[block].loop_of = h->loop_of;
    ir->blocks[block].inlined = h->inlined;
    HlRef *map = hl_opt_map(ir, 0);
    int32_t at_poll = ir->snaps[ir->exits[ask.exit].snap].pc;
    int32_t snap = map ? hl_opt_snap_copy(ir, ir->exits[x].snap, map) : -1;
    hl_mem_free(map);
    if (snap < 0 || hl_opt_count_trips(ir, block, 0, loop, -1))
        return -1;
    ir->snaps[snap].pc = at_poll;
    HlRef made = hl_ir_emit(ir, block, &ask);
    return made < 0 || hl_opt_leave_at(ir, made, snap) ? -1 : block;
}

static int chunk_loop(HlCounted *c)
{
    HlIr *ir = c->ir;
    HlRef poll = chunk_poll(c);
    if (poll == HL_NOREF || !hl_opt_stays_loop(ir, c->cfg, c->header) ||
        hl_opt_count_mark(c) > CHUNK_INS || !hl_opt_count_apart(c))
        return 0;
    int32_t loop = ir->blocks[c->header].loop, before = ir->blocks[c->header].ins.n;
    if (hl_opt_count_copy(c))
        return -1;
    HlRef guard = ir->blocks[c->copy[c->header]].ins.v[c->at], end = chunk_size(c);
    int32_t x = ir->ins[guard].exit, asks = end < 0 ? -1 : chunk_end(c, poll, x, loop);
    HlBlock *h = &ir->blocks[c->header];
    if (asks < 0 || hl_opt_count_trips(ir, c->header, h->ins.n, loop, -1) ||
        chunk_guard(c, guard, end) ||
        hl_mem_grow((void **)&h->args.v, &h->args.cap, h->params.n, sizeof *h->args.v))
        return -1;
    ir->exits[x].target = asks; /* nothing fails from here on */
    hl_opt_count_cut(c, c->at + 1, before);
    hl_ir_jump(ir, c->header, c->copy[c->header], h->params.v, h->params.n);
    return 1;
}

int hl_opt_chunk(HlIr *ir)
{
    return hl_opt_count_each(ir, chunk_loop);
}
