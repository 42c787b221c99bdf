/* hl_opt.c - the order of the passes, and what they share. */
#include "hl_opt.h"

#include <string.h>

static const struct {
    const char *name;
    int (*run)(HlIr *ir);
} opt_pass[] = {
    {"phi", hl_opt_phi},       {"gvn", hl_opt_gvn},       {"hoist", hl_opt_hoist},
    {"range", hl_opt_range},   {"iter", hl_opt_iter},     {"select", hl_opt_select},
    {"dce", hl_opt_dce},       {"origin", hl_opt_origin}, {"stride", hl_opt_stride},
    {"bits", hl_opt_bits},     {"turn", hl_opt_turn},     {"join", hl_opt_join},
    {"enter", hl_opt_enter},   {"part", hl_opt_part},     {"seen", hl_opt_seen},
    {"unroll", hl_opt_unroll}, {"bound", hl_opt_bound},   {"chunk", hl_opt_chunk},
    {"defer", hl_opt_defer},
};

/* Parameters that are the same value on every way in hide that equal operations are equal, and that
 * invariant ones are invariant; removing branches makes more of them, and so does joining arms. Ranges
 * come late: they profit from all that, and make constants of conditions, whose guards gvn removes. Then
 * the shape of what is left is made simple for the code generator; guards of arms that became selects may
 * be hoisted. Float results are tested together when the indexes between them are checked elsewhere. */
static const char *const opt_order[] = {
    "enter", "phi",   "turn",  "gvn",    "phi", "join", "hoist", "stride", "seen", "gvn",
    "range", "gvn",   "iter",  "unroll", "phi", "gvn",  "bits",  "select", "phi",  "gvn",
    "part",  "bound", "defer", "hoist",  "phi", "gvn",  "chunk", "phi",    "dce",  "origin"};

int hl_opt_run_named(HlIr *ir, const char *name)
{
    for (int i = 0; i < HL_COUNTOF(opt_pass); i++) {
        if (strcmp(name, opt_pass[i].name))
            continue;
        int status = opt_pass[i].run(ir);
#ifdef HL_DEBUG
        char why[200];
        const char *bad = hl_check_ir(ir, why, sizeof why);
        if (bad == hl_check_no_memory)
            return -1;
        if (bad) {
            fprintf(stderr, "hotloop: after pass %s: %s\n", name, bad);
            abort();
        }
#endif
        return status;
    }
    return -2;
}

int hl_opt_run(HlIr *ir)
{
    for (int i = 0; i < HL_COUNTOF(opt_order); i++) {
        if (hl_opt_run_named(ir, opt_order[i]))
            return -1;
    }
    return 0;
}

HlRef *hl_opt_map(const HlIr *ir, int32_t more)
{
    HlRef *map = hl_mem_alloc((size_t)(ir->nins + more) * sizeof *map);
    for (HlRef r = 0; map && r < ir->nins + more; r++)
        map[r] = r;
    return map;
}

HlRef hl_opt_find(HlRef *map, HlRef r)
{
    if (r < 0)
        return r;
    while (map[r] != r)
        r = map[r] = map[map[r]];
    return r;
}

void hl_opt_apply(HlIr *ir, HlRef *map)
{
    for (int32_t b = 0; b < ir->nblocks; b++) {
        HlBlock *block = &ir->blocks[b];
        for (int32_t i = 0; i < block->ins.n; i++) {
            HlIns *ins = &ir->ins[block->ins.v[i]];
            for (int k = 0; k < HL_MAX_ARGS; k++)
                ins->a[k] = hl_opt_find(map, ins->a[k]);
        }
        for (int32_t i = 0; i < block->args.n; i++)
            block->args.v[i] = hl_opt_find(map, block->args.v[i]);
    }
    for (int32_t i = 0; i < ir->nsnaps; i++) {
        for (int32_t k = 0; k < ir->snaps[i].nslots; k++) {
            HlSlot *s = &ir->snaps[i].slots[k];
            for (int part = 0; part < hl_slot_nparts(s); part++)
                s->part[part] = hl_opt_find(map, s->part[part]);
        }
    }
}

static HlRef pin_emit(HlIr *ir, HlIns ins, HlReason why)
{
    ins.exit = why == HL_R_NONE ? -1 : hl_ir_exit(ir, ir->exits[ir->entry_exit].snap, why);
    if (why != HL_R_NONE && ins.exit < 0)
        return HL_NOREF;
    if (ins.exit >= 0)
        ir->exits[ins.exit].origin = ir->entry_exit;
    ins.pc = ir->blocks[0].pc;
    return hl_ir_emit(ir, 0, &ins);
}

int hl_opt_pin(HlIr *ir, HlRef value, int32_t i, int64_t k, HlReason why)
{
    HlRef pin[HL_PIN_INS];
    HlIns constant = {.op = HL_I_KINT, .type = HL_TYPE(I64), .a = HL_NO_ARGS, .imm.i = k};
    HlIns compare = {.op = HL_I_ICMP, .aux = HL_EQ, .type = HL_TYPE(BOOL), .a = HL_NO_ARGS};
    HlIns guard = {.op = HL_I_GUARD_TRUE, .type = HL_TYPE(VOID), .a = HL_NO_ARGS};
    compare.a[0] = value;
    if ((compare.a[1] = pin[0] = pin_emit(ir, constant, HL_R_NONE)) < 0 ||
        (guard.a[0] = pin[1] = pin_emit(ir, compare, HL_R_NONE)) < 0 ||
        (pin[2] = pin_emit(ir, guard, why)) < 0)
        return -1;
    HlRefVec *v = &ir->blocks[0].ins;
    memmove(&v->v[i + 1 + HL_PIN_INS], &v->v[i + 1],
            (size_t)(v->n - HL_PIN_INS - i - 1) * sizeof *v->v);
    memcpy(&v->v[i + 1], pin, sizeof pin);
    /* In the frame as it was entered, there is the value. */
    HlSnap *entered = &ir->snaps[ir->exits[ir->entry_exit].snap];
    size_t size = (size_t)entered->nslots * sizeof *entered->slots;
    HlRef *map = hl_opt_map(ir, 0);
    HlSlot *slots = hl_mem_alloc(size + 1);
    if (map && slots) {
        memcpy(slots, entered->slots, size);
        map[value] = pin[0];
        hl_opt_apply(ir, map);
        memcpy(entered->slots, slots, size);
        ir->ins[pin[1]].a[0] = value;
    }
    hl_mem_free(map);
    hl_mem_free(slots);
    return map && slots ? 0 : -1;
}

void hl_opt_sweep(HlIr *ir)
{
    for (int32_t b = 0; b < ir->nblocks; b++) {
        HlRefVec *v = &ir->blocks[b].ins;
        int32_t n = 0;
        for (int32_t i = 0; i < v->n; i++) {
            if (ir->ins[v->v[i]].block == b)
                v->v[n++] = v->v[i];
        }
        v->n = n;
    }
}

void hl_opt_drop(HlIr *ir, int32_t block, int32_t i)
{
    HlRefVec *v = &ir->blocks[block].ins;
    ir->ins[v->v[i]].block = -1;
    memmove(&v->v[i], &v->v[i + 1], (size_t)(v->n - i - 1) * sizeof *v->v);
    v->n--;
}

void hl_opt_remove(HlIr *ir, int32_t block)
{
    HlBlock *b = &ir->blocks[block];
    for (int32_t k = 0; k < b->params.n; k++)
        ir->ins[b->params.v[k]].block = -1;
    for (int32_t k = 0; k < b->ins.n; k++)
        ir->ins[b->ins.v[k]].block = -1;
    b->params.n = b->ins.n = b->args.n = 0;
    b->term = HL_TERM_DEAD;
    b->target = b->exit = -1;
}

void hl_opt_reap(HlIr *ir, const HlCfg *cfg)
{
    for (HlRef r = 0; r < ir->nins; r++) {
        int32_t b = ir->ins[r].block;
        if (b >= 0 && cfg->order[b] < 0)
            ir->ins[r].block = -1;
    }
    for (int32_t b = 0; b < cfg->n; b++)
        if (cfg->order[b] < 0)
            hl_opt_remove(ir, b);
}

void hl_opt_snap_uses(const HlIr *ir, int32_t x, bool all, HlVisit visit, void *data)
{
    if (x < 0 || (ir->exits[x].target >= 0 && !all))
        return;
    const HlSnap *s = &ir->snaps[ir->exits[x].snap];
    for (int32_t i = 0; i < s->nslots; i++) {
        const HlSlot *slot = &s->slots[i];
        for (int part = 0; part < hl_slot_nparts(slot); part++)
            visit(data, slot->part[part]);
    }
}

void hl_opt_block_uses(const HlIr *ir, int32_t block, HlVisit visit, void *data)
{
    const HlBlock *b = &ir->blocks[block];
    for (int32_t k = 0; k < b->ins.n; k++) {
        const HlIns *ins = &ir->ins[b->ins.v[k]];
        for (int a = 0; a < HL_MAX_ARGS; a++)
            visit(data, ins->a[a]);
        hl_opt_snap_uses(ir, ins->exit, true, visit, data);
    }
    for (int32_t k = 0; k < b->args.n; k++)
        visit(data, b->args.v[k]);
    hl_opt_snap_uses(ir, b->term == HL_TERM_EXIT ? b->exit : -1, true, visit, data);
}

int32_t *hl_opt_positions(const HlIr *ir)
{
    int32_t *pos = hl_mem_alloc((size_t)ir->nins * sizeof *pos);
    if (!pos)
        return NULL;
    for (HlRef r = 0; r < ir->nins; r++)
        pos[r] = -1;
    for (int32_t b = 0; b < ir->nblocks; b++) {
        for (int32_t i = 0; i < ir->blocks[b].ins.n; i++)
            pos[ir->blocks[b].ins.v[i]] = i;
    }
    return pos;
}

uint8_t hl_opt_swapped(uint8_t cond)
{
    static const uint8_t swapped[] = {[HL_LT] = HL_GT, [HL_LE] = HL_GE, [HL_EQ] = HL_EQ,
                                      [HL_NE] = HL_NE, [HL_GT] = HL_LT, [HL_GE] = HL_LE};
    return swapped[cond];
}

uint8_t hl_opt_inverse(uint8_t cond)
{
    static const uint8_t inverse[] = {[HL_LT] = HL_GE, [HL_LE] = HL_GT, [HL_EQ] = HL_NE,
                                      [HL_NE] = HL_EQ, [HL_GT] = HL_LE, [HL_GE] = HL_LT};
    return inverse[cond];
}

void hl_opt_cut(HlIr *ir, int32_t block)
{
    HlBlock *b = &ir->blocks[block];
    b->params.n = b->ins.n = b->args.n = 0;
    b->term = HL_TERM_EXIT;
    b->exit = ir->entry_exit;
}

bool hl_opt_every_iteration(const HlCfg *cfg, int32_t block, int32_t header)
{
    for (int32_t e = cfg->pred_at[header]; e < cfg->pred_at[header + 1]; e++) {
        if (hl_opt_in_loop(cfg, cfg->pred[e], header) &&
            !hl_cfg_dominates(cfg, block, cfg->pred[e]))
            return false;
    }
    return true;
}

HlRef hl_opt_base(const HlIr *ir, HlRef r, int64_t *plus)
{
    const HlIns *ins = &ir->ins[r];
    int64_t k;
    bool sum = ins->op == HL_I_ADD || ins->op == HL_I_ADD_OV || ins->op == HL_I_COUNT_UP;
    bool difference = ins->op == HL_I_SUB || ins->op == HL_I_SUB_OV;
    *plus = 0;
    if ((!sum && !difference) || !hl_ir_is_kint(ir, ins->a[1], &k) || k < -1024 || k > 1024)
        return r;
    *plus = sum ? k : -k;
    return ins->a[0];
}

bool hl_opt_counts_up(const HlIr *ir, HlRef r, HlRef value)
{
    const HlIns *ins = &ir->ins[r];
    int64_t one;
    return (ins->op == HL_I_ADD || ins->op == HL_I_COUNT_UP) && ins->a[0] == value &&
           hl_ir_is_kint(ir, ins->a[1], &one) && one == 1;
}

/* Is r an index that changes by the same amount in every iteration, so far as can be seen here? */
static bool loop_index_is_plain(const HlIr *ir, HlRef r)
{
    const HlIns *ins = &ir->ins[r];
    switch (ins->op) {
    case HL_I_PARAM:
    case HL_I_KINT: return true;
    case HL_I_INDEX:
    case HL_I_RETYPE: return loop_index_is_plain(ir, ins->a[0]);
    case HL_I_ADD:
    case HL_I_SUB:
    case HL_I_ADD_OV:
    case HL_I_SUB_OV:
    case HL_I_MUL:
    case HL_I_MUL_OV:
    case HL_I_COUNT_UP:
        return loop_index_is_plain(ir, ins->a[0]) && loop_index_is_plain(ir, ins->a[1]);
    default: return false;
    }
}

static bool loop_ins_is_plain(const HlIr *ir, const HlIns *ins)
{
    const HlExit *x = ins->exit < 0 ? NULL : &ir->exits[ins->exit];
    if (ins->op == HL_I_INDEX)
        return loop_index_is_plain(ir, ins->a[0]);
    if (ins->op == HL_I_FPTOSI_OV || hl_op_info[ins->op].fx & (HL_E_RD_LISTS | HL_E_WR_LISTS))
        return false;
    return !x || x->target < 0 || x->reason == HL_R_LOOP_END || ir->ins[ins->a[0]].op == HL_I_ICMP;
}

/* Does a block read and write different items of one row, which may be the same in another iteration? */
static bool loop_reads_back(const HlIr *ir, const HlBlock *b)
{
    for (int32_t i = 0; i < b->ins.n; i++)
        for (int32_t k = 0; k < b->ins.n; k++) {
            const HlIns *store = &ir->ins[b->ins.v[i]], *load = &ir->ins[b->ins.v[k]];
            if (hl_op_info[store->op].fx & HL_E_WR_ITEMS && load->op == HL_I_ARRAY_LOAD &&
                store->a[0] == load->a[0] && store->a[2] != load->a[2])
                return true;
        }
    return false;
}

bool hl_opt_stays_loop(const HlIr *ir, const HlCfg *cfg, int32_t header)
{
    bool plain = true;
    for (int32_t i = 0; i < cfg->nrpo; i++) {
        int32_t b = cfg->rpo[i];
        if (!hl_opt_in_loop(cfg, b, header))
            continue;
        if (cfg->header[b] != header)
            return false;
        plain &= b == header && !loop_reads_back(ir, &ir->blocks[b]);
        for (int32_t k = 0; k < ir->blocks[b].ins.n; k++)
            plain &= loop_ins_is_plain(ir, &ir->ins[ir->blocks[b].ins.v[k]]);
    }
    return !plain;
}

bool hl_opt_slow(HlOp op)
{
    switch ((int)op) {
    case HL_I_FDIV:
    case HL_I_FMOD:
    case HL_I_FFLOORDIV:
    case HL_I_FPOW:
    case HL_I_FFLOORDIV32:
    case HL_I_FPOW32:
    case HL_I_FHYPOT32:
    case HL_I_UFUNC1:
    case HL_I_UFUNC2:
    case HL_I_FMATH1:
    case HL_I_FMATH2:
    case HL_I_IPOW:
    case HL_I_POWMOD: return true;
    default: return false;
    }
}
