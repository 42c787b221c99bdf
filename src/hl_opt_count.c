/* hl_opt_count.c - innermost loops that count to where they stop, and copies of one iteration of them.
 *
 * The copies are for passes that make straight code, or a loop around, of such a loop. The loop's own header stays
 * where it ends, as what is behind that uses the header's values. So a copy of an iteration does not lead there. */
#include "hl_opt.h"

#include <string.h>

static int count_begin(HlCounted *c, HlIr *ir, const HlCfg *cfg)
{
    size_t n = (size_t)cfg->n;
    *c = (HlCounted){.ir = ir, .cfg = cfg};
    c->set = hl_mem_alloc(n);
    c->copy = hl_mem_alloc(n * sizeof *c->copy);
    c->stack = hl_mem_alloc(n * sizeof *c->stack);
    c->pos = hl_opt_positions(ir);
    return c->set && c->copy && c->stack && c->pos ? 0 : -1;
}

static void count_end(HlCounted *c)
{
    hl_mem_free(c->set);
    hl_mem_free(c->copy);
    hl_mem_free(c->stack);
    hl_mem_free(c->pos);
}

/* --- which loops ------------------------------------------------------------------------------- */

/* Gathers the loop's blocks; false = there is a loop inside of it. */
static bool count_blocks(HlCounted *c)
{
    const HlCfg *cfg = c->cfg;
    memset(c->set, 0, (size_t)cfg->n * sizeof *c->set);
    for (int32_t i = 0; i < cfg->nrpo; i++) {
        int32_t b = cfg->rpo[i];
        if (!hl_opt_in_loop(cfg, b, c->header))
            continue;
        if (cfg->header[b] != c->header)
            return false;
        c->set[b] = true;
    }
    return true;
}

/* The guard of the loop's end is the first in its header. */
static bool count_guard(HlCounted *c)
{
    const HlIr *ir = c->ir;
    const HlBlock *h = &ir->blocks[c->header];
    c->at = 0;
    while (c->at < h->ins.n && ir->ins[h->ins.v[c->at]].exit < 0 &&
           !(hl_op_info[ir->ins[h->ins.v[c->at]].op].fx & HL_E_PINNED))
        c->at++;
    if (c->at == h->ins.n)
        return false;
    const HlIns *guard = &ir->ins[h->ins.v[c->at]];
    if (guard->op != HL_I_GUARD_TRUE || ir->exits[guard->exit].reason != HL_R_LOOP_END)
        return false;
    const HlIns *go = &ir->ins[guard->a[0]];
    c->exit = guard->exit;
    c->stop = go->a[1];
    if (go->op != HL_I_ICMP || go->aux != HL_LT || c->set[ir->ins[c->stop].block])
        return false;
    for (c->param = 0; c->param < h->params.n; c->param++)
        if (h->params.v[c->param] == go->a[0])
            return true;
    return false;
}

/* Does every way back pass the counter and 1? */
static bool count_ways(const HlCounted *c)
{
    const HlCfg *cfg = c->cfg;
    HlRef counter = c->ir->blocks[c->header].params.v[c->param];
    for (int32_t e = cfg->pred_at[c->header]; e < cfg->pred_at[c->header + 1]; e++) {
        const HlBlock *from = &c->ir->blocks[cfg->pred[e]];
        if (c->set[cfg->pred[e]] && (cfg->pred_ins[e] != INT32_MAX || from->term != HL_TERM_JUMP ||
                                     !hl_opt_counts_up(c->ir, from->args.v[c->param], counter)))
            return false;
    }
    return true;
}

static bool count_find(HlCounted *c, int32_t header)
{
    c->header = header;
    if (c->cfg->order[header] < 0 || c->cfg->header[header] != header ||
        c->ir->blocks[header].loop < 0 || !count_blocks(c) || !count_guard(c) || !count_ways(c))
        return false;
    c->pre = hl_opt_preheader(c->ir, c->cfg, header);
    return c->pre >= 0;
}

/* --- copies of an iteration -------------------------------------------------------------------- */

int32_t hl_opt_count_mark(HlCounted *c)
{
    HlExit *x = &c->ir->exits[c->exit];
    int32_t behind = x->target;
    memset(c->copy, 0, (size_t)c->cfg->n * sizeof *c->copy);
    x->target = -1;
    int32_t nins = hl_opt_mark(c->ir, c->header, c->set, c->copy, c->stack);
    x->target = behind;
    return nins;
}

typedef struct Uses {
    const HlCounted *c;
    bool behind; /* the block with the uses is behind the loop's end */
    bool found;  /* a use that copies would have no value for */
} Uses;

static void uses_visit(void *data, HlRef r)
{
    Uses *s = data;
    int32_t b = r < 0 ? -1 : s->c->ir->ins[r].block;
    if (b < 0 || !s->c->copy[b])
        return;
    s->found |= !s->behind || b != s->c->header || s->c->pos[r] >= s->c->at;
}

bool hl_opt_count_apart(const HlCounted *c)
{
    int32_t behind = c->ir->exits[c->exit].target;
    Uses s = {.c = c};
    for (int32_t i = 0; i < c->cfg->nrpo && !s.found; i++) {
        int32_t b = c->cfg->rpo[i];
        s.behind = behind >= 0 && hl_cfg_dominates(c->cfg, behind, b);
        if (!c->copy[b])
            hl_opt_block_uses(c->ir, b, uses_visit, &s);
    }
    return !s.found;
}

void hl_opt_count_cut(HlCounted *c, int32_t from, int32_t to)
{
    HlIr *ir = c->ir;
    while (to > from)
        hl_opt_drop(ir, c->header, --to);
    for (int32_t i = 0; i < c->cfg->n; i++)
        if (c->copy[i] && i != c->header)
            hl_opt_remove(ir, i);
}

int hl_opt_count_copy(HlCounted *c)
{
    HlIr *ir = c->ir;
    int32_t behind = ir->exits[c->exit].target, nins = hl_opt_count_mark(c);
    ir->exits[c->exit].target = -1;
    int status = hl_opt_copy_marked(ir, c->cfg, c->copy, nins);
    ir->exits[c->exit].target = behind;
    for (int32_t b = 0; b < c->cfg->n && !status; b++) {
        const HlRefVec *v = &ir->blocks[c->copy[b]].ins;
        for (int32_t i = c->set[b] ? v->n - 1 : -1; i >= 0; i--)
            if (ir->ins[v->v[i]].op == HL_I_POLL)
                hl_opt_drop(ir, c->copy[b], i);
    }
    return status;
}

int hl_opt_count_trips(HlIr *ir, int32_t block, int32_t at, int32_t loop, int64_t n)
{
    HlIns times = {.op = HL_I_KINT, .type = HL_TYPE(I64), .exit = -1, .a = HL_NO_ARGS, .imm.i = n};
    HlIns trips = {
        .op = HL_I_TRIPS, .type = HL_TYPE(VOID), .exit = -1, .a = HL_NO_ARGS, .imm.i = loop};
    times.pc = trips.pc = ir->blocks[block].pc;
    trips.a[0] = hl_ir_emit(ir, block, &times);
    HlRef made = trips.a[0] < 0 ? HL_NOREF : hl_ir_emit(ir, block, &trips);
    if (made < 0)
        return -1;
    HlRefVec *v = &ir->blocks[block].ins;
    memmove(&v->v[at + 2], &v->v[at], (size_t)(v->n - 2 - at) * sizeof *v->v);
    v->v[at] = trips.a[0];
    v->v[at + 1] = made;
    return 0;
}

int hl_opt_count_each(HlIr *ir, HlCountedPass *pass)
{
    int status = 1;
    if (ir->entry_exit < 0)
        return 0;
    while (status > 0) { /* a loop around one that is none any more is an innermost one */
        HlCfg cfg;
        HlCounted c;
        if (hl_cfg_build(ir, &cfg))
            return -1;
        hl_opt_reap(ir, &cfg);
        status = count_begin(&c, ir, &cfg);
        for (int32_t header = 1; header < cfg.n && !status; header++)
            if (count_find(&c, header))
                status = pass(&c);
        count_end(&c);
        hl_cfg_free(&cfg);
    }
    return status;
}
