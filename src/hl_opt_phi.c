/* hl_opt_phi.c - removes block parameters that are redundant or unused.
 *
 * Optimistically, every parameter is nothing yet; what the jumps pass flows in: a parameter that
 * only ever receives one value (or parameters that stand for it, itself among them) is that value,
 * which then dominates it; one that receives two is itself. This sees through cycles of parameters,
 * nested loops' for instance. Whenever parameters turn out to be themselves, it begins again with
 * only that known, because others may be equal to them, and were taken for what they received first.
 * The entry's parameters stay. */
#include "hl_opt.h"

enum {
    PHI_TOP = -2, /* no value has been seen */
    PHI_TWO = -3  /* two have: it is itself from the next beginning on */
};

/* What is passed when the argument is r: parameters stand for their value. */
static HlRef phi_value(const HlRef *val, const HlIr *ir, HlRef r)
{
    const HlIns *ins = &ir->ins[r];
    return ins->op == HL_I_PARAM && ins->block != 0 ? val[r] : r;
}

/* Lets the jump of block b flow into its target's parameters; true when something changed. */
static bool phi_flow(const HlIr *ir, int32_t b, HlRef *val)
{
    const HlBlock *from = &ir->blocks[b];
    bool changed = false;
    if (from->term != HL_TERM_JUMP)
        return false;
    const HlBlock *to = &ir->blocks[from->target];
    for (int32_t i = 0; i < to->params.n; i++) {
        HlRef p = to->params.v[i], v = phi_value(val, ir, from->args.v[i]);
        if (v < 0 || v == val[p] || val[p] == p || val[p] == PHI_TWO || v == p)
            continue;
        bool first = val[p] == PHI_TOP && hl_type_eq(ir->ins[v].type, ir->ins[p].type);
        val[p] = first ? v : PHI_TWO;
        changed = true;
    }
    return changed;
}

/* Lets everything flow; true when parameters turned out to be themselves, so that it has to begin again. */
static bool phi_begin(const HlIr *ir, const HlCfg *cfg, HlRef *val)
{
    bool again = false;
    for (bool changed = true; changed;) {
        changed = false;
        for (int32_t i = 0; i < cfg->nrpo; i++)
            changed |= phi_flow(ir, cfg->rpo[i], val);
    }
    for (HlRef r = 0; r < ir->nins; r++)
        again |= val[r] == PHI_TWO;
    for (HlRef r = 0; again && r < ir->nins; r++)
        val[r] = val[r] == PHI_TWO || val[r] == r ? r : PHI_TOP;
    return again;
}

/* Removes the parameters that have `gone` set, with the arguments passed to them. */
static void phi_remove(HlIr *ir, const uint8_t *gone)
{
    for (int32_t b = 0; b < ir->nblocks; b++) {
        HlBlock *from = &ir->blocks[b];
        if (from->term != HL_TERM_JUMP)
            continue;
        const HlRefVec *params = &ir->blocks[from->target].params;
        int32_t n = 0;
        for (int32_t i = 0; i < params->n; i++) {
            if (!gone[params->v[i]])
                from->args.v[n++] = from->args.v[i];
        }
        from->args.n = n;
    }
    for (int32_t b = 1; b < ir->nblocks; b++) {
        HlRefVec *params = &ir->blocks[b].params;
        int32_t n = 0;
        for (int32_t i = 0; i < params->n; i++) {
            HlRef p = params->v[i];
            if (gone[p])
                ir->ins[p].block = -1;
            else
                params->v[n++] = p;
        }
        params->n = n;
    }
}

/* Removes redundant parameters; 0, or -1 = out of memory. */
static int phi_redundant(HlIr *ir, const HlCfg *cfg, HlRef *val, uint8_t *gone)
{
    for (HlRef r = 0; r < ir->nins; r++)
        val[r] = PHI_TOP;
    while (phi_begin(ir, cfg, val))
        continue;
    HlRef *map = hl_opt_map(ir, 0);
    if (!map)
        return -1;
    memset(gone, 0, (size_t)ir->nins);
    for (int32_t i = 1; i < cfg->nrpo; i++) {
        const HlRefVec *params = &ir->blocks[cfg->rpo[i]].params;
        for (int32_t k = 0; k < params->n; k++) {
            HlRef p = params->v[k];
            if (val[p] != p && val[p] != PHI_TOP) {
                map[p] = val[p];
                gone[p] = 1;
            }
        }
    }
    hl_opt_apply(ir, map);
    phi_remove(ir, gone);
    hl_mem_free(map);
    return 0;
}

static void phi_keep(void *gone, HlRef r)
{
    ((uint8_t *)gone)[r] = 0;
}

/* Removes parameters that nothing but the arguments of unused parameters uses. Blocks that cannot
 * be reached count as users, so that they stay well formed until dce removes them. */
static void phi_unused(HlIr *ir, uint8_t *gone)
{
    memset(gone, 1, (size_t)ir->nins);
    for (int32_t i = 0; i < ir->nblocks; i++) {
        const HlBlock *b = &ir->blocks[i];
        for (int32_t k = 0; k < b->ins.n; k++) {
            const HlIns *ins = &ir->ins[b->ins.v[k]];
            for (int a = 0; a < HL_MAX_ARGS; a++) {
                if (ins->a[a] >= 0)
                    gone[ins->a[a]] = 0;
            }
            hl_opt_snap_uses(ir, ins->exit, true, phi_keep, gone);
        }
        if (b->term == HL_TERM_EXIT)
            hl_opt_snap_uses(ir, b->exit, true, phi_keep, gone);
    }
    hl_opt_snap_uses(ir, ir->entry_exit, true, phi_keep, gone);
    for (bool changed = true; changed;) {
        changed = false;
        for (int32_t i = ir->nblocks - 1; i >= 0; i--) {
            const HlBlock *from = &ir->blocks[i];
            if (from->term != HL_TERM_JUMP)
                continue;
            const HlRefVec *params = &ir->blocks[from->target].params;
            for (int32_t k = 0; k < params->n; k++) {
                changed |= !gone[params->v[k]] && gone[from->args.v[k]];
                gone[from->args.v[k]] &= gone[params->v[k]];
            }
        }
    }
    for (int32_t i = 0; i < ir->blocks[0].params.n; i++)
        gone[ir->blocks[0].params.v[i]] = 0;
    phi_remove(ir, gone);
}

int hl_opt_phi(HlIr *ir)
{
    HlCfg cfg;
    if (hl_cfg_build(ir, &cfg))
        return -1;
    HlRef *val = hl_mem_alloc((size_t)ir->nins * sizeof *val);
    uint8_t *gone = hl_mem_alloc((size_t)ir->nins);
    int status = val && gone ? phi_redundant(ir, &cfg, val, gone) : -1;
    if (!status)
        phi_unused(ir, gone);
    hl_mem_free(val);
    hl_mem_free(gone);
    hl_cfg_free(&cfg);
    return status;
}
