/* hl_opt_front.c - the block in front of a loop, and the state there. */
#include "hl_opt.h"

int32_t hl_opt_preheader(const HlIr *ir, const HlCfg *cfg, int32_t header)
{
    int32_t found = -1;
    for (int32_t e = cfg->pred_at[header]; e < cfg->pred_at[header + 1]; e++) {
        int32_t p = cfg->pred[e];
        if (hl_opt_in_loop(cfg, p, header))
            continue;
        if (found >= 0 || cfg->pred_ins[e] != INT32_MAX || ir->blocks[p].term != HL_TERM_JUMP)
            return -1;
        found = p;
    }
    return found;
}

/* How many instructions the header has in front of its first exit. */
static int32_t front_first_exit(const HlIr *ir, const HlBlock *header)
{
    int32_t k = 0;
    while (k < header->ins.n && ir->ins[header->ins.v[k]].exit < 0)
        k++;
    return k;
}

/* Computes in front of the loop what the header does in front of its first exit. */
static int front_compute(HlIr *ir, int32_t header, int32_t pre, HlRef *map)
{
    int32_t n = front_first_exit(ir, &ir->blocks[header]);
    for (int32_t k = 0; k < n; k++) {
        HlRef r = ir->blocks[header].ins.v[k];
        HlIns ins = ir->ins[r];
        for (int a = 0; a < HL_MAX_ARGS; a++)
            ins.a[a] = hl_opt_find(map, ins.a[a]);
        if (hl_op_info[ins.op].fx)
            continue;
        HlRef copy = hl_ir_emit(ir, pre, &ins);
        if (copy < 0)
            return -1;
        map[r] = copy;
    }
    return 0;
}

/* The snapshot of the header's first exit, if that is where the header begins, and all that it needs is known in
 * front of the loop but for the header's parameters and, if `compute`, what is computed of them; -1 = it is not. */
static int32_t front_header_snap(const HlIr *ir, const HlCfg *cfg, int32_t header, bool compute)
{
    const HlBlock *b = &ir->blocks[header];
    int32_t k = front_first_exit(ir, b);
    if (k == b->ins.n)
        return -1;
    int32_t found = ir->exits[ir->ins[b->ins.v[k]].exit].snap;
    const HlSnap *snap = &ir->snaps[found];
    if (snap->pc != b->pc || snap->inlined != b->inlined)
        return -1;
    for (int32_t i = 0; i < snap->nslots; i++) {
        const HlSlot *s = &snap->slots[i];
        for (int part = 0; part < hl_slot_nparts(s); part++) {
            HlRef r = s->part[part];
            bool here = r != HL_NOREF && ir->ins[r].block == header;
            if (r != HL_NOREF && hl_opt_in_loop(cfg, ir->ins[r].block, header) &&
                !(here &&
                  (ir->ins[r].op == HL_I_PARAM || (compute && !hl_op_info[ir->ins[r].op].fx))))
                return -1;
        }
    }
    return found;
}

int hl_opt_front(HlIr *ir, const HlCfg *cfg, int32_t header, int32_t pre, bool compute,
                 int32_t *snap)
{
    *snap = -1;
    if (ir->entry_exit < 0)
        return 0;
    if (pre == 0) {
        *snap = ir->exits[ir->entry_exit].snap;
        return 0;
    }
    int32_t found = front_header_snap(ir, cfg, header, compute);
    if (found < 0)
        return 0;
    const HlBlock *from = &ir->blocks[pre], *to = &ir->blocks[header];
    HlRef *map = hl_opt_map(ir, to->ins.n);
    for (int32_t i = 0; map && i < to->params.n; i++)
        map[to->params.v[i]] = from->args.v[i];
    if (map && !(compute && front_compute(ir, header, pre, map)))
        *snap = hl_opt_snap_copy(ir, found, map);
    hl_mem_free(map);
    return *snap < 0 ? -1 : 0;
}
