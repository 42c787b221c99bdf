/* hl_cfg.c - dominators and natural loops of a region.
 *
 * A block can be left in the middle: at a guard whose exit is continued by another block. So the
 * graph is built over segments: a block is cut behind each such guard, a segment leads to the next
 * one and, when it ends in such a guard, to the block behind the exit. Dominators of segments
 * (Cooper, Harvey and Kennedy's iteration) are then exact, and tell for each block where in its
 * dominator control leaves for it. */
#include "hl_ir.h"
#include "hl_mem.h"

typedef struct Seg {
    int32_t block;
    int32_t end;     /* position of the guard that ends it, INT32_MAX = the terminator */
    int32_t next[2]; /* successors, -1 = none: behind it, and the block that it leads to */
    int32_t order, idom;
} Seg;

typedef struct SegGraph {
    Seg *seg;
    int32_t n;
    int32_t *first; /* block -> its first segment */
    int32_t *rpo;
    int32_t nrpo;
} SegGraph;

/* The block that continues the exit of the guard r, -1 = none. */
static int32_t cfg_branch(const HlIr *ir, HlRef r)
{
    int32_t x = ir->ins[r].exit;
    return x < 0 ? -1 : ir->exits[x].target;
}

static int seg_build(const HlIr *ir, SegGraph *g)
{
    int32_t n = ir->nblocks;
    for (int32_t b = 0; b < ir->nblocks; b++) {
        const HlRefVec *v = &ir->blocks[b].ins;
        for (int32_t i = 0; i < v->n; i++)
            n += cfg_branch(ir, v->v[i]) >= 0;
    }
    g->seg = hl_mem_alloc((size_t)n * sizeof *g->seg);
    g->rpo = hl_mem_alloc((size_t)n * sizeof *g->rpo);
    g->first = hl_mem_alloc((size_t)ir->nblocks * sizeof *g->first);
    if (!g->seg || !g->rpo || !g->first)
        return -1;
    for (int32_t b = 0; b < ir->nblocks; b++) {
        const HlBlock *block = &ir->blocks[b];
        g->first[b] = g->n;
        for (int32_t i = 0; i < block->ins.n; i++) {
            int32_t target = cfg_branch(ir, block->ins.v[i]);
            if (target >= 0) {
                g->seg[g->n] = (Seg){b, i, {g->n + 1, target}, -1, -1};
                g->n++;
            }
        }
        int32_t target = block->term == HL_TERM_JUMP ? block->target : -1;
        if (block->term == HL_TERM_EXIT && block->exit >= 0)
            target = ir->exits[block->exit].target;
        g->seg[g->n++] = (Seg){b, INT32_MAX, {-1, target}, -1, -1};
    }
    for (int32_t s = 0; s < g->n; s++) {
        if (g->seg[s].next[1] >= 0)
            g->seg[s].next[1] = g->first[g->seg[s].next[1]];
    }
    return 0;
}

/* Reverse post-order, with an explicit stack. */
static int seg_order(SegGraph *g)
{
    int32_t *stack = hl_mem_alloc((size_t)g->n * sizeof *stack);
    uint8_t *state = hl_mem_alloc((size_t)g->n); /* successors looked at, plus 1 once seen */
    if (!stack || !state) {
        hl_mem_free(stack);
        hl_mem_free(state);
        return -1;
    }
    int32_t depth = 0, at = g->n;
    stack[depth++] = 0;
    state[0] = 1;
    while (depth) {
        int32_t s = stack[depth - 1];
        if (state[s] == 3) {
            g->rpo[--at] = s;
            depth--;
            continue;
        }
        /* The exit's side first: the straight way then comes first in the order. */
        int32_t next = g->seg[s].next[2 - state[s]++];
        if (next >= 0 && !state[next]) {
            state[next] = 1;
            stack[depth++] = next;
        }
    }
    g->nrpo = g->n - at;
    memmove(g->rpo, g->rpo + at, (size_t)g->nrpo * sizeof *g->rpo);
    for (int32_t i = 0; i < g->nrpo; i++)
        g->seg[g->rpo[i]].order = i;
    hl_mem_free(stack);
    hl_mem_free(state);
    return 0;
}

static int32_t seg_meet(const Seg *seg, int32_t a, int32_t b)
{
    while (a != b) {
        while (seg[a].order > seg[b].order)
            a = seg[a].idom;
        while (seg[b].order > seg[a].order)
            b = seg[b].idom;
    }
    return a;
}

/* Pushes what each segment knows along its edges until nothing changes. */
static void seg_dominators(SegGraph *g)
{
    Seg *seg = g->seg;
    seg[0].idom = 0;
    for (bool changed = true; changed;) {
        changed = false;
        for (int32_t i = 0; i < g->nrpo; i++) {
            int32_t s = g->rpo[i];
            if (seg[s].idom < 0)
                continue;
            for (int k = 0; k < 2; k++) {
                int32_t to = seg[s].next[k];
                if (to <= 0)
                    continue;
                int32_t idom = seg[to].idom < 0 ? s : seg_meet(seg, seg[to].idom, s);
                changed |= idom != seg[to].idom;
                seg[to].idom = idom;
            }
        }
    }
}

/* Fills the block-level view from the segments. */
static void cfg_fill(HlCfg *cfg, const SegGraph *g)
{
    for (int32_t b = 0; b < cfg->n; b++)
        cfg->order[b] = cfg->idom[b] = -1;
    for (int32_t i = 0; i < g->nrpo; i++) {
        int32_t s = g->rpo[i], b = g->seg[s].block;
        if (s != g->first[b])
            continue;
        cfg->order[b] = cfg->nrpo;
        cfg->rpo[cfg->nrpo++] = b;
        if (b) {
            cfg->idom[b] = g->seg[g->seg[s].idom].block;
            cfg->idom_ins[b] = g->seg[g->seg[s].idom].end;
        }
    }
    int32_t total = 0;
    for (int pass = 0; pass < 2; pass++) { /* count, then place */
        for (int32_t i = 0; i < g->nrpo; i++) {
            const Seg *s = &g->seg[g->rpo[i]];
            if (s->next[1] < 0)
                continue;
            int32_t to = g->seg[s->next[1]].block;
            if (!pass) {
                cfg->pred_at[to + 1]++;
            } else {
                int32_t at = --cfg->pred_at[to + 1];
                cfg->pred[at] = s->block;
                cfg->pred_ins[at] = s->end;
            }
        }
        /* Running sums: pred_at[b + 1] becomes the end of b's edges; placing turns it into their
         * beginning. */
        if (!pass) {
            for (int32_t b = 0; b < cfg->n; b++)
                cfg->pred_at[b + 1] += cfg->pred_at[b];
            total = cfg->pred_at[cfg->n];
        }
    }
    memmove(cfg->pred_at, cfg->pred_at + 1, (size_t)cfg->n * sizeof *cfg->pred_at);
    cfg->pred_at[cfg->n] = total;
}

/* Natural loops, inner ones first: each header climbs from its latches against the edges; a block
 * that already belongs to an inner loop stands for that whole loop. */
static int cfg_loops(HlCfg *cfg)
{
    int32_t *work = hl_mem_alloc((size_t)cfg->n * sizeof *work);
    if (!work)
        return -1;
    for (int32_t b = 0; b < cfg->n; b++)
        cfg->header[b] = cfg->outer[b] = -1;
    for (int32_t i = cfg->nrpo - 1; i >= 0; i--) {
        int32_t h = cfg->rpo[i], n = 0;
        bool is_header = false;
        for (int32_t e = cfg->pred_at[h]; e < cfg->pred_at[h + 1]; e++)
            is_header |= hl_cfg_dominates(cfg, h, cfg->pred[e]);
        if (!is_header)
            continue;
        /* h is marked first, so that the climb stops there; inner loops have marked others. */
        cfg->header[h] = h;
        work[n++] = h;
        while (n) {
            int32_t b = work[--n];
            for (int32_t e = cfg->pred_at[b]; e < cfg->pred_at[b + 1]; e++) {
                int32_t p = cfg->pred[e];
                if (b == h && !hl_cfg_dominates(cfg, h, p))
                    continue;
                if (cfg->header[p] < 0) {
                    cfg->header[p] = h;
                    work[n++] = p;
                    continue;
                }
                int32_t top = cfg->header[p];
                while (top != h && cfg->outer[top] >= 0)
                    top = cfg->outer[top];
                if (top != h) {
                    cfg->outer[top] = h;
                    work[n++] = top;
                }
            }
        }
    }
    hl_mem_free(work);
    return 0;
}

int hl_cfg_build(const HlIr *ir, HlCfg *cfg)
{
    size_t n = (size_t)ir->nblocks;
    SegGraph g = {0};
    *cfg = (HlCfg){.n = ir->nblocks};
    int failed = seg_build(ir, &g) || seg_order(&g);
    if (!failed) {
        seg_dominators(&g);
        cfg->rpo = hl_mem_alloc(n * sizeof *cfg->rpo);
        cfg->order = hl_mem_alloc(n * sizeof *cfg->order);
        cfg->idom = hl_mem_alloc(n * sizeof *cfg->idom);
        cfg->idom_ins = hl_mem_alloc(n * sizeof *cfg->idom_ins);
        cfg->header = hl_mem_alloc(n * sizeof *cfg->header);
        cfg->outer = hl_mem_alloc(n * sizeof *cfg->outer);
        cfg->pred = hl_mem_alloc((size_t)g.n * sizeof *cfg->pred);
        cfg->pred_ins = hl_mem_alloc((size_t)g.n * sizeof *cfg->pred_ins);
        cfg->pred_at = hl_mem_alloc((n + 1) * sizeof *cfg->pred_at);
        failed = !cfg->rpo || !cfg->order || !cfg->idom || !cfg->idom_ins || !cfg->header ||
                 !cfg->outer || !cfg->pred || !cfg->pred_ins || !cfg->pred_at;
    }
    if (!failed) {
        cfg_fill(cfg, &g);
        failed = cfg_loops(cfg);
    }
    hl_mem_free(g.seg);
    hl_mem_free(g.rpo);
    hl_mem_free(g.first);
    if (failed)
        hl_cfg_free(cfg);
    return failed ? -1 : 0;
}

void hl_cfg_free(HlCfg *cfg)
{
    hl_mem_free(cfg->rpo);
    hl_mem_free(cfg->order);
    hl_mem_free(cfg->idom);
    hl_mem_free(cfg->idom_ins);
    hl_mem_free(cfg->header);
    hl_mem_free(cfg->outer);
    hl_mem_free(cfg->pred);
    hl_mem_free(cfg->pred_ins);
    hl_mem_free(cfg->pred_at);
    *cfg = (HlCfg){0};
}

bool hl_cfg_dominates(const HlCfg *cfg, int32_t a, int32_t b)
{
    if (cfg->order[a] < 0 || cfg->order[b] < 0)
        return false;
    while (cfg->order[b] > cfg->order[a])
        b = cfg->idom[b];
    return a == b;
}

bool hl_cfg_precedes(const HlCfg *cfg, int32_t a, int32_t at, int32_t b, int32_t use)
{
    if (cfg->order[a] < 0 || cfg->order[b] < 0)
        return false;
    while (cfg->order[b] > cfg->order[a]) {
        use = cfg->idom_ins[b];
        b = cfg->idom[b];
    }
    return a == b && at < use;
}
