/* hl_opt_dce.c - removes blocks that cannot be reached and instructions whose results nobody uses.
 *
 * Marks from what must stay (guards, stores, pinned instructions, terminators, snapshots of exits
 * that leave) backward along operands. Guards stay even when their result is unused: leaving is
 * what they are for. Nothing is renumbered. */
#include "hl_opt.h"

typedef struct Dce {
    const HlIr *ir;
    uint8_t *live;
    HlRef *work; /* live instructions whose operands have not been looked at; each enters once */
    int32_t nwork;
} Dce;

static void dce_mark(void *data, HlRef r)
{
    Dce *d = data;
    if (r >= 0 && !d->live[r]) {
        d->live[r] = 1;
        d->work[d->nwork++] = r;
    }
}

static void dce_mark_block(Dce *d, const HlBlock *b)
{
    const HlIr *ir = d->ir;
    for (int32_t i = 0; i < b->params.n; i++)
        dce_mark(d, b->params.v[i]);
    for (int32_t i = 0; i < b->ins.n; i++) {
        HlRef r = b->ins.v[i];
        if (hl_op_info[ir->ins[r].op].fx & (HL_E_GUARD | HL_E_WRITES | HL_E_PINNED))
            dce_mark(d, r);
        hl_opt_snap_uses(ir, ir->ins[r].exit, false, dce_mark, d);
    }
    for (int32_t i = 0; i < b->args.n; i++)
        dce_mark(d, b->args.v[i]);
    if (b->term == HL_TERM_EXIT)
        hl_opt_snap_uses(ir, b->exit, false, dce_mark, d);
}

int hl_opt_dce(HlIr *ir)
{
    HlCfg cfg;
    if (hl_cfg_build(ir, &cfg))
        return -1;
    Dce d = {.ir = ir};
    d.live = hl_mem_alloc((size_t)ir->nins);
    d.work = hl_mem_alloc((size_t)ir->nins * sizeof *d.work);
    if (!d.live || !d.work) {
        hl_mem_free(d.live);
        hl_mem_free(d.work);
        hl_cfg_free(&cfg);
        return -1;
    }
    for (int32_t i = 0; i < cfg.nrpo; i++)
        dce_mark_block(&d, &ir->blocks[cfg.rpo[i]]);
    hl_opt_snap_uses(ir, ir->entry_exit, false, dce_mark, &d);
    while (d.nwork) {
        const HlIns *ins = &ir->ins[d.work[--d.nwork]];
        for (int k = 0; k < HL_MAX_ARGS; k++)
            dce_mark(&d, ins->a[k]);
    }
    hl_opt_reap(ir, &cfg);
    for (HlRef r = 0; r < ir->nins; r++) {
        if (!d.live[r])
            ir->ins[r].block = -1;
    }
    hl_opt_sweep(ir);
    hl_mem_free(d.live);
    hl_mem_free(d.work);
    hl_cfg_free(&cfg);
    return 0;
}
