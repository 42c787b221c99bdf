/* hl_opt_hoist.c - moves what does not change in a loop in front of it.
 *
 * Every natural loop gets a preheader: the block whose jump is the only way in; where there is
 * none, a block is made. Loops are visited from the innermost outwards, so that an instruction
 * climbs as far as it can.
 *
 * Pure instructions move whenever their operands come from outside, also from places that are not
 * reached on every iteration. Those that are undefined without an earlier guard (HL_E_TRAPS) move
 * only when what guards them is outside as well.
 *
 * A guard that moves leaves in front of the loop, with the entry's snapshot or that of the header, so nothing
 * that the loop would have done is undone or lost, whatever comes before the guard in the loop. That makes
 * the move always right; to be worth it, the guard must run on every iteration of the loop (or of inner
 * loops that do), and be no branch of the program: exits for BRANCH and LOOP_END, those that a block
 * continues, and those marked `stay` keep their place.
 *
 * Out of a loop in which Python may run (STEP), nothing moves that reads memory. */
#include "hl_opt.h"

typedef struct Hoist {
    HlIr *ir;
    HlCfg cfg;
    int32_t *pos;    /* per instruction; what was moved counts on from the old end of its block */
    int32_t header;  /* the loop being worked on */
    int32_t pre;     /* its preheader */
    int32_t snap;    /* the state there, for guards; -1 = not known */
    uint16_t writes; /* HL_E_WR_* and HL_E_CALLS of what is in it */
} Hoist;

static bool hoist_outside(const Hoist *h, HlRef r)
{
    return !hl_opt_in_loop(&h->cfg, h->ir->ins[r].block, h->header);
}

static bool hoist_invariant(const Hoist *h, const HlIns *ins)
{
    for (int k = 0; k < hl_op_info[ins->op].nargs; k++) {
        if (!hoist_outside(h, ins->a[k]))
            return false;
    }
    return true;
}

/* Is the object p known to be there (not NULL) in the preheader? No guard in the loop asks. */
static bool hoist_bound(const Hoist *h, HlRef p)
{
    for (HlRef r = 0; r < h->ir->nins; r++) {
        const HlIns *ins = &h->ir->ins[r];
        if (ins->op == HL_I_GUARD_BOUND && ins->block >= 0 && ins->a[0] == p &&
            !hoist_outside(h, r))
            return false;
    }
    return true;
}

/* What a guard of kind `op` that the preheader has passed says of the object p; VOID = nothing. */
static HlType hoist_checked(const Hoist *h, uint8_t op, HlRef p)
{
    for (HlRef r = 0; r < h->ir->nins; r++) {
        const HlIns *ins = &h->ir->ins[r];
        if (ins->op == op && ins->block >= 0 && ins->a[0] == p &&
            hl_cfg_precedes(&h->cfg, ins->block, h->pos[r], h->pre, INT32_MAX))
            return ins->check;
    }
    return HL_TYPE(VOID);
}

static HlType hoist_array_type(const Hoist *h, HlRef p)
{
    HlType t = h->ir->ins[p].type;
    return t.base == HL_T_ARR ? t : hoist_checked(h, HL_I_GUARD_ARRAY, p);
}

/* An item of a 1-D array whose INDEX check is outside the loop, where nothing is stored. */
static bool hoist_load_safe(const Hoist *h, const HlIns *ins)
{
    const HlIns *data = &h->ir->ins[ins->a[0]], *stride = &h->ir->ins[ins->a[1]];
    const HlIns *index = &h->ir->ins[ins->a[2]];
    if (h->writes & HL_E_WR_ITEMS || index->op != HL_I_INDEX || data->op != HL_I_ARRAY_DATA ||
        stride->op != HL_I_ARRAY_STRIDE || stride->aux)
        return false;
    const HlIns *len = &h->ir->ins[index->a[1]];
    HlRef p = data->a[0];
    HlType t = hoist_array_type(h, p);
    return len->op == HL_I_ARRAY_LEN && !len->aux && len->a[0] == p && stride->a[0] == p &&
           t.base == HL_T_ARR && t.ndim == 1 && t.dtype == ins->aux;
}

/* Is p known to be such an object in the preheader? A RETYPE may have left its guard behind. */
static bool hoist_is(const Hoist *h, HlRef p, HlBase base)
{
    const HlIns *ins = &h->ir->ins[p];
    if (ins->op == HL_I_RETYPE)
        return hoist_checked(h, HL_I_GUARD_TYPE, ins->a[0]).base == base;
    return ins->type.base == base;
}

/* Is an invariant HL_E_TRAPS instruction defined in the preheader? */
static bool hoist_safe(const Hoist *h, const HlIns *ins)
{
    HlType t;
    switch (ins->op) {
    case HL_I_FLOORDIV:
    case HL_I_MOD: {
        const HlIns *by = &h->ir->ins[ins->a[1]];
        return by->op == HL_I_KINT && by->imm.i != 0 && by->imm.i != -1;
    }
    case HL_I_ARRAY_DATA:
    case HL_I_ARRAY_DTYPE: return hoist_array_type(h, ins->a[0]).base == HL_T_ARR;
    case HL_I_ARRAY_LEN:
    case HL_I_ARRAY_STRIDE:
        t = hoist_array_type(h, ins->a[0]);
        return t.base == HL_T_ARR && ins->aux < t.ndim;
    case HL_I_ARRAY_LOAD: return hoist_load_safe(h, ins);
    case HL_I_LIST_SIZE: return !(h->writes & HL_E_WR_LISTS) && hoist_is(h, ins->a[0], HL_T_LIST);
    case HL_I_SEQ_SIZE:
        return hoist_is(h, ins->a[0], HL_T_TUPLE) || hoist_is(h, ins->a[0], HL_T_BYTES);
    case HL_I_UNBOX_F64:
        t = hoist_checked(h, HL_I_GUARD_TYPE, ins->a[0]);
        return t.base == HL_T_F64 || (t.base == HL_T_NPS && t.dtype == HL_D_F64);
    case HL_I_UNBOX_NPI64:
        t = hoist_checked(h, HL_I_GUARD_TYPE, ins->a[0]);
        return t.base == HL_T_NPS && t.dtype == HL_D_I64;
    case HL_I_UNBOX_NPBOOL:
        t = hoist_checked(h, HL_I_GUARD_TYPE, ins->a[0]);
        return t.base == HL_T_NPS && t.dtype == HL_D_BOOL;
    case HL_I_UNBOX_PART:
        t = hoist_checked(h, HL_I_GUARD_TYPE, ins->a[0]);
        return hl_type_eq(hl_type_part(t), ins->type);
    case HL_I_UNBOX_NP:
        t = hoist_checked(h, HL_I_GUARD_TYPE, ins->a[0]);
        return t.base == HL_T_NPS && t.dtype == ins->aux;
    case HL_I_UDIV:
    case HL_I_UMOD: {
        const HlIns *by = &h->ir->ins[ins->a[1]];
        return by->op == HL_I_KINT && by->imm.i != 0;
    }
    default: return false;
    }
}

static bool hoist_guard_moves(const Hoist *h, const HlIns *ins)
{
    const HlIr *ir = h->ir;
    const HlExit *x = &ir->exits[ins->exit];
    if (h->snap < 0 || x->target >= 0 || x->stay || x->reason == HL_R_BRANCH ||
        x->reason == HL_R_LOOP_END)
        return false;
    int32_t block = ins->block, loop = h->cfg.header[block];
    while (hl_opt_every_iteration(&h->cfg, block, loop) && loop != h->header) {
        block = loop;
        loop = h->cfg.outer[loop];
    }
    if (!hl_opt_every_iteration(&h->cfg, block, loop))
        return false;
    if (ins->op == HL_I_GUARD_WRITEABLE)
        return hoist_array_type(h, ins->a[0]).base == HL_T_ARR;
    return !(hl_op_info[ins->op].fx & HL_E_RD_HEADER) || hoist_bound(h, ins->a[0]);
}

static bool hoist_moves(const Hoist *h, const HlIns *ins)
{
    uint16_t fx = hl_op_info[ins->op].fx;
    const uint16_t reads = HL_E_READS | HL_E_RD_HEADER | HL_E_RD_GLOBALS;
    if (fx & (HL_E_PINNED | HL_E_WRITES) || (h->writes & HL_E_CALLS && fx & reads) ||
        !hoist_invariant(h, ins))
        return false;
    if (fx & HL_E_GUARD)
        return hoist_guard_moves(h, ins);
    return !(fx & HL_E_TRAPS) || hoist_safe(h, ins);
}

/* Moves one instruction to the end of the preheader; the old list is swept at the end. */
static int hoist_move(Hoist *h, HlRef r)
{
    HlIr *ir = h->ir;
    HlRefVec *v = &ir->blocks[h->pre].ins;
    if ((ir->ins[r].exit >= 0 && hl_opt_leave_at(ir, r, h->snap)) || hl_refvec_push(v, r))
        return -1;
    ir->ins[r].block = h->pre;
    if (ir->ins[r].op == HL_I_INDEX)
        ir->ins[r].aux = 0; /* what said that the index is not negative may be in the loop */
    h->pos[r] = v->n - 1;
    return 0;
}

static uint16_t hoist_writes(const Hoist *h)
{
    uint16_t fx = 0;
    for (HlRef r = 0; r < h->ir->nins; r++) {
        const HlIns *ins = &h->ir->ins[r];
        if (ins->block >= 0 && !hoist_outside(h, r))
            fx |= hl_op_info[ins->op].fx & (HL_E_WRITES | HL_E_CALLS);
    }
    return fx;
}

static int hoist_loop(Hoist *h)
{
    HlIr *ir = h->ir;
    h->writes = hoist_writes(h);
    for (int32_t i = 0; i < h->cfg.nrpo; i++) {
        int32_t b = h->cfg.rpo[i];
        if (!hl_opt_in_loop(&h->cfg, b, h->header))
            continue;
        for (int32_t k = 0; k < ir->blocks[b].ins.n; k++) {
            HlRef r = ir->blocks[b].ins.v[k];
            if (ir->ins[r].block == b && hoist_moves(h, &ir->ins[r]) && hoist_move(h, r))
                return -1;
        }
    }
    return 0;
}

/* Puts a new block in front of a loop: every way in from outside leads to it, and on to the
 * header. */
static int hoist_make_preheader(HlIr *ir, const HlCfg *cfg, int32_t header)
{
    HlRefVec args = {0};
    int32_t pre = hl_ir_block(ir, ir->blocks[header].pc);
    if (pre < 0)
        return -1;
    ir->blocks[pre].term = HL_TERM_DEAD; /* until it is finished */
    ir->blocks[pre].loop_of = ir->blocks[header].loop_of;
    for (int32_t i = 0; i < ir->blocks[header].params.n; i++) {
        HlRef p = hl_ir_param(ir, pre, ir->ins[ir->blocks[header].params.v[i]].type);
        if (p == HL_NOREF || hl_refvec_push(&args, p))
            goto fail;
    }
    if (hl_ir_jump(ir, pre, header, args.v, args.n))
        goto fail;
    hl_mem_free(args.v);
    for (int32_t e = cfg->pred_at[header]; e < cfg->pred_at[header + 1]; e++) {
        HlBlock *from = &ir->blocks[cfg->pred[e]];
        if (hl_opt_in_loop(cfg, cfg->pred[e], header))
            continue;
        if (cfg->pred_ins[e] != INT32_MAX)
            ir->exits[ir->ins[from->ins.v[cfg->pred_ins[e]]].exit].target = pre;
        else if (from->term == HL_TERM_JUMP)
            from->target = pre;
        else
            ir->exits[from->exit].target = pre;
    }
    return 0;

fail: /* leave no trace of the parameters */
    hl_mem_free(args.v);
    for (int32_t i = 0; i < ir->blocks[pre].params.n; i++)
        ir->ins[ir->blocks[pre].params.v[i]].block = -1;
    ir->blocks[pre].params.n = 0;
    return -1;
}

/* Makes the preheaders that are missing; 1 = the graph has changed, -1 = out of memory. */
static int hoist_make_preheaders(HlIr *ir, const HlCfg *cfg)
{
    int changed = 0;
    for (int32_t i = 0; i < cfg->nrpo; i++) {
        int32_t b = cfg->rpo[i];
        if (cfg->header[b] != b || hl_opt_preheader(ir, cfg, b) >= 0)
            continue;
        if (hoist_make_preheader(ir, cfg, b))
            return -1;
        changed = 1;
    }
    return changed;
}

int hl_opt_hoist(HlIr *ir)
{
    Hoist h = {.ir = ir};
    if (hl_cfg_build(ir, &h.cfg))
        return -1;
    int status = hoist_make_preheaders(ir, &h.cfg);
    if (status == 1) {
        hl_cfg_free(&h.cfg);
        status = hl_cfg_build(ir, &h.cfg);
    }
    h.pos = status ? NULL : hl_opt_positions(ir);
    if (!h.pos)
        status = -1;
    for (int32_t i = h.cfg.nrpo - 1; i >= 0 && !status; i--) {
        h.header = h.cfg.rpo[i];
        if (h.cfg.header[h.header] != h.header)
            continue;
        h.pre = hl_opt_preheader(ir, &h.cfg, h.header);
        status = hl_opt_front(ir, &h.cfg, h.header, h.pre, false, &h.snap) ? -1 : hoist_loop(&h);
    }
    hl_opt_sweep(ir);
    hl_mem_free(h.pos);
    hl_cfg_free(&h.cfg);
    return status;
}
