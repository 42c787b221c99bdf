/* hl_opt_copy.c - copies of exits, of blocks, and of blocks that lead to each other. */
#include "hl_opt.h"

int32_t hl_opt_exit_at(HlIr *ir, int32_t x, int32_t snap)
{
    int32_t origin = ir->exits[x].origin >= 0 ? ir->exits[x].origin : x, last = ir->nexits - 1;
    HlReason reason = (HlReason)ir->exits[x].reason;
    const HlExit *same = &ir->exits[last]; /* guards that are moved together share one */
    if (same->snap == snap && same->origin == origin && same->reason == reason &&
        same->target < 0 && !same->twin)
        return last;
    int32_t made = hl_ir_exit(ir, snap, reason);
    if (made >= 0)
        ir->exits[made].origin = origin;
    return made;
}

int32_t hl_opt_snap_copy(HlIr *ir, int32_t snap, HlRef *map)
{
    const HlSnap *old = &ir->snaps[snap];
    int32_t inlined = old->inlined, copy = hl_ir_snap(ir, old->pc, old->slots, old->nslots);
    if (copy < 0)
        return -1;
    ir->snaps[copy].inlined = inlined;
    for (int32_t i = 0; i < ir->snaps[copy].nslots; i++) {
        HlSlot *s = &ir->snaps[copy].slots[i];
        for (int part = 0; part < hl_slot_nparts(s); part++)
            s->part[part] = hl_opt_find(map, s->part[part]);
    }
    return copy;
}

int32_t hl_opt_exit_copy(HlIr *ir, int32_t x, HlRef *map)
{
    int32_t snap = hl_opt_snap_copy(ir, ir->exits[x].snap, map);
    return snap < 0 ? -1 : hl_opt_exit_at(ir, x, snap);
}

static int copy_values(HlIr *ir, int32_t block, int32_t copy, HlRef *map)
{
    for (int32_t k = 0; k < ir->blocks[block].params.n; k++) {
        HlRef p = ir->blocks[block].params.v[k], new = hl_ir_param(ir, copy, ir->ins[p].type);
        if (new < 0)
            return -1;
        map[p] = new;
    }
    for (int32_t k = 0; k < ir->blocks[block].ins.n; k++) {
        HlRef r = ir->blocks[block].ins.v[k];
        HlIns ins = ir->ins[r];
        for (int a = 0; a < HL_MAX_ARGS; a++)
            ins.a[a] = hl_opt_find(map, ins.a[a]);
        if (ins.exit >= 0 && (ins.exit = hl_opt_exit_copy(ir, ins.exit, map)) < 0)
            return -1;
        HlRef new = hl_ir_emit(ir, copy, &ins);
        if (new < 0)
            return -1;
        map[r] = new;
    }
    return 0;
}

static int copy_end(HlIr *ir, int32_t block, int32_t copy, HlRef *map)
{
    HlRefVec args = {0};
    int status = 0;
    if (ir->blocks[block].term == HL_TERM_EXIT) {
        int32_t x = hl_opt_exit_copy(ir, ir->blocks[block].exit, map);
        if (x >= 0)
            hl_ir_end(ir, copy, x);
        return x < 0 ? -1 : 0;
    }
    for (int32_t k = 0; k < ir->blocks[block].args.n && !status; k++)
        status = hl_refvec_push(&args, hl_opt_find(map, ir->blocks[block].args.v[k]));
    if (!status)
        status = hl_ir_jump(ir, copy, ir->blocks[block].target, args.v, args.n);
    hl_mem_free(args.v);
    return status;
}

int32_t hl_opt_copy_block(HlIr *ir, int32_t block, HlRef *map)
{
    int32_t copy = hl_ir_block(ir, ir->blocks[block].pc);
    if (copy < 0)
        return -1;
    HlBlock *b = &ir->blocks[copy];
    b->loop = ir->blocks[block].loop;
    b->loop_of = ir->blocks[block].loop_of;
    b->inlined = ir->blocks[block].inlined;
    if (!copy_values(ir, block, copy, map) && !copy_end(ir, block, copy, map))
        return copy;
    hl_opt_remove(ir, copy);
    return -1;
}

int hl_opt_leave_at(HlIr *ir, HlRef r, int32_t snap)
{
    if (ir->ins[r].exit < 0)
        return 0;
    int32_t x = hl_opt_exit_at(ir, ir->ins[r].exit, snap);
    if (x < 0)
        return -1;
    ir->ins[r].exit = x;
    return 0;
}

/* --- blocks that lead to each other ------------------------------------------------------------ */

void hl_opt_each_way(const HlIr *ir, int32_t block, HlWay *visit, void *data)
{
    const HlBlock *b = &ir->blocks[block];
    for (int32_t i = 0; i < b->ins.n; i++) {
        int32_t x = ir->ins[b->ins.v[i]].exit;
        if (x >= 0 && ir->exits[x].target >= 0)
            visit(data, ir->exits[x].target, true);
    }
    if (b->term == HL_TERM_JUMP)
        visit(data, b->target, false);
    else if (b->term == HL_TERM_EXIT && ir->exits[b->exit].target >= 0)
        visit(data, ir->exits[b->exit].target, true);
}

typedef struct Marks {
    const HlIr *ir;
    const bool *set;
    int32_t *copy, *stack, size, nins;
} Marks;

static void mark_visit(void *data, int32_t to, bool exit)
{
    Marks *m = data;
    if (m->copy[to] || (!exit && !m->set[to]))
        return;
    m->copy[to] = -1;
    m->stack[m->size++] = to;
    m->nins += m->ir->blocks[to].params.n + m->ir->blocks[to].ins.n;
}

int32_t hl_opt_mark(const HlIr *ir, int32_t from, const bool *set, int32_t *copy, int32_t *stack)
{
    Marks m = {.ir = ir, .set = set, .copy = copy, .stack = stack};
    mark_visit(&m, from, true);
    while (m.size)
        hl_opt_each_way(ir, m.stack[--m.size], mark_visit, &m);
    return m.nins;
}

/* The copy of an exit goes on in the copy of what continues the original. */
static void lead_exit(HlIr *ir, const int32_t *copy, int32_t x, int32_t copied)
{
    const HlExit *origin = &ir->exits[x];
    HlExit *twin = &ir->exits[copied];
    twin->twin = origin->origin < 0 || origin->twin;
    twin->stay = origin->stay;
    twin->unpredictable = origin->unpredictable;
    if (origin->target >= 0)
        twin->target = copy[origin->target];
}

static void lead_block(HlIr *ir, const int32_t *copy, int32_t block)
{
    const HlBlock *b = &ir->blocks[block];
    HlBlock *c = &ir->blocks[copy[block]];
    for (int32_t k = 0; k < b->ins.n; k++)
        if (ir->ins[b->ins.v[k]].exit >= 0)
            lead_exit(ir, copy, ir->ins[b->ins.v[k]].exit, ir->ins[c->ins.v[k]].exit);
    if (b->term == HL_TERM_EXIT)
        lead_exit(ir, copy, b->exit, c->exit);
    else if (copy[b->target])
        c->target = copy[b->target];
}

int hl_opt_copy_marked(HlIr *ir, const HlCfg *cfg, int32_t *copy, int32_t nins)
{
    HlRef *map = hl_opt_map(ir, nins);
    int status = map ? 0 : -1;
    for (int32_t i = 0; i < cfg->nrpo && !status; i++) {
        int32_t b = cfg->rpo[i];
        if (copy[b] && (copy[b] = hl_opt_copy_block(ir, b, map)) < 0)
            status = -1;
    }
    hl_mem_free(map);
    for (int32_t i = 0; i < cfg->nrpo && !status; i++)
        if (copy[cfg->rpo[i]])
            lead_block(ir, copy, cfg->rpo[i]);
    return status;
}
