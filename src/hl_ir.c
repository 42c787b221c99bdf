/* hl_ir.c - making, growing and copying regions. Every function that can run out of memory leaves
 * the region as it was. */
#include "hl_ir.h"

#include "hl_mem.h"

const HlOpInfo hl_op_info[HL_I__COUNT] = {
#define IR_ROW(name, text, args, res, fx) {text, args, #res[0], sizeof(args) - 1, fx},
    HL_IRDEF(IR_ROW)
#undef IR_ROW
};

const uint8_t hl_slot_kind_nparts[HL_SLOT__COUNT] = {
#define SLOT_NPARTS(name, text, nparts) nparts,
    HL_SLOTDEF(SLOT_NPARTS)
#undef SLOT_NPARTS
};
const char *const hl_slot_text[HL_SLOT__COUNT] = {
#define SLOT_TEXT(name, text, nparts) text,
    HL_SLOTDEF(SLOT_TEXT)
#undef SLOT_TEXT
};

int hl_ir_view_end(const HlIr *ir, const HlSlot *s, int at)
{
    return at + 2 + hl_row_own(ir->ins[s->part[at + 1]].type);
}

HlInputPart hl_iter_input(uint8_t kind, int part)
{
    static const uint8_t range[] = {HL_IN_RANGE_NEXT, HL_IN_RANGE_STEP, HL_IN_RANGE_LEFT};
    if (kind == HL_SLOT_RANGE)
        return (HlInputPart)range[part];
    if (kind == HL_SLOT_ENUM && part == 2)
        return HL_IN_ITER_COUNT;
    return part ? (HlInputPart)(HL_IN_ITER_SEQ + part - 1) : HL_IN_ITER_INDEX;
}

int hl_ir_origin_arg(HlOp op)
{
    switch (op) {
    case HL_I_KEEP: return 1;
    case HL_I_UNBOX_I64:
    case HL_I_UNBOX_F64:
    case HL_I_UNBOX_NPI64:
    case HL_I_UNBOX_NPBOOL:
    case HL_I_UNBOX_PART:
    case HL_I_PARAM: return 0;
    case HL_I_LIST_APPEND: return 2;
    case HL_I_SELECT:
    case HL_I_LIST_STORE: return 3;
    default: return -1;
    }
}

HlRef hl_ir_origin(const HlIr *ir, HlRef r)
{
    const HlIns *ins = &ir->ins[r];
    int k =
        ins->op == HL_I_LIST_STORE || ins->op == HL_I_LIST_APPEND ? -1 : hl_ir_origin_arg(ins->op);
    return k < 0 ? HL_NOREF : ins->a[k];
}

bool hl_ir_finite_only_with(const HlIns *ins, HlRef r)
{
    switch (ins->op) {
    case HL_I_FADD:
    case HL_I_FSUB:
    case HL_I_FMUL: return ins->a[0] == r || ins->a[1] == r;
    case HL_I_FDIV:
    case HL_I_FNEG:
    case HL_I_FABS:
    case HL_I_FROUND32: return ins->a[0] == r;
    case HL_I_FMATH1: return ins->aux == HL_M_SQRT && ins->a[0] == r;
    default: return false;
    }
}

int hl_refvec_push(HlRefVec *v, HlRef r)
{
    if (hl_mem_grow((void **)&v->v, &v->cap, v->n + 1, sizeof *v->v))
        return -1;
    v->v[v->n++] = r;
    return 0;
}

HlIr *hl_ir_new(const char *name, int32_t nlocalsplus, int32_t nloops)
{
    HlIr *ir = hl_mem_alloc(sizeof *ir);
    if (!ir)
        return NULL;
    size_t n = strnlen(name, sizeof ir->name);
    if (n == sizeof ir->name) /* cut, but not inside a UTF-8 sequence */
        for (n--; n && (name[n] & 0xC0) == 0x80; n--)
            ;
    memcpy(ir->name, name, n);
    ir->nlocalsplus = nlocalsplus;
    ir->nloops = nloops;
    ir->entry_exit = -1;
    return ir;
}

void hl_ir_free(HlIr *ir)
{
    if (!ir)
        return;
    for (int32_t i = 0; i < ir->nblocks; i++) {
        hl_mem_free(ir->blocks[i].params.v);
        hl_mem_free(ir->blocks[i].ins.v);
        hl_mem_free(ir->blocks[i].args.v);
    }
    for (int32_t i = 0; i < ir->nsnaps; i++)
        hl_mem_free(ir->snaps[i].slots);
    hl_mem_free(ir->ins);
    hl_mem_free(ir->blocks);
    hl_mem_free(ir->snaps);
    hl_mem_free(ir->exits);
    hl_mem_free(ir->inputs);
    hl_mem_free(ir->inlines);
    hl_mem_free(ir);
}

/* A copy of n items, with no room to spare. An empty array is NULL. */
static int ir_dup(void *to, const void *from, int32_t n, size_t item)
{
    void *p = NULL;
    if (n) {
        p = hl_mem_alloc((size_t)n * item);
        if (!p)
            return -1;
        memcpy(p, from, (size_t)n * item);
    }
    memcpy(to, &p, sizeof p);
    return 0;
}

static int ir_dup_vec(HlRefVec *to, const HlRefVec *from)
{
    if (ir_dup(&to->v, from->v, from->n, sizeof *from->v))
        return -1;
    to->n = to->cap = from->n;
    return 0;
}

HlIr *hl_ir_copy(const HlIr *ir)
{
    HlIr *c = hl_ir_new(ir->name, ir->nlocalsplus, ir->nloops);
    if (!c)
        return NULL;
    c->entry_exit = ir->entry_exit;
    c->fastmath = ir->fastmath;
    if (ir_dup(&c->ins, ir->ins, ir->nins, sizeof *ir->ins))
        goto fail;
    c->nins = c->cap_ins = ir->nins;
    if (ir_dup(&c->exits, ir->exits, ir->nexits, sizeof *ir->exits))
        goto fail;
    c->nexits = c->cap_exits = ir->nexits;
    if (ir_dup(&c->inputs, ir->inputs, ir->ninputs, sizeof *ir->inputs))
        goto fail;
    c->ninputs = c->cap_inputs = ir->ninputs;
    if (ir_dup(&c->inlines, ir->inlines, ir->ninlines, sizeof *ir->inlines))
        goto fail;
    c->ninlines = c->cap_inlines = ir->ninlines;

    /* The counts of blocks and snapshots grow one by one, so that a failure frees what was
     * copied. */
    c->blocks = hl_mem_alloc((size_t)ir->nblocks * sizeof *c->blocks);
    c->snaps = hl_mem_alloc((size_t)ir->nsnaps * sizeof *c->snaps);
    if (!c->blocks || !c->snaps)
        goto fail;
    c->cap_blocks = ir->nblocks;
    c->cap_snaps = ir->nsnaps;
    for (int32_t i = 0; i < ir->nblocks; i++) {
        const HlBlock *from = &ir->blocks[i];
        HlBlock *to = &c->blocks[c->nblocks++];
        *to = *from;
        to->params = to->ins = to->args = (HlRefVec){0};
        if (ir_dup_vec(&to->params, &from->params) || ir_dup_vec(&to->ins, &from->ins) ||
            ir_dup_vec(&to->args, &from->args))
            goto fail;
    }
    for (int32_t i = 0; i < ir->nsnaps; i++) {
        HlSnap *to = &c->snaps[c->nsnaps++];
        *to = ir->snaps[i];
        to->slots = NULL;
        if (ir_dup(&to->slots, ir->snaps[i].slots, to->nslots, sizeof *to->slots))
            goto fail;
    }
    return c;

fail:
    hl_ir_free(c);
    return NULL;
}

bool hl_ir_calls(const HlIr *ir)
{
    for (HlRef r = 0; r < ir->nins; r++)
        if (ir->ins[r].block >= 0 && hl_op_info[ir->ins[r].op].fx & HL_E_CALLS)
            return true;
    return false;
}

int32_t hl_ir_block(HlIr *ir, int32_t pc)
{
    if (hl_mem_grow((void **)&ir->blocks, &ir->cap_blocks, ir->nblocks + 1, sizeof *ir->blocks))
        return -1;
    ir->blocks[ir->nblocks] = (HlBlock){.pc = pc,
                                        .loop = -1,
                                        .loop_of = -1,
                                        .term = HL_TERM_OPEN,
                                        .target = -1,
                                        .exit = -1,
                                        .inlined = -1};
    return ir->nblocks++;
}

/* Appends an instruction to the table and its id to one of a block's lists. */
static HlRef ir_add(HlIr *ir, int32_t block, HlRefVec *list, const HlIns *ins)
{
    if (hl_mem_grow((void **)&ir->ins, &ir->cap_ins, ir->nins + 1, sizeof *ir->ins) ||
        hl_refvec_push(list, ir->nins))
        return HL_NOREF;
    ir->ins[ir->nins] = *ins;
    ir->ins[ir->nins].block = block;
    return ir->nins++;
}

HlRef hl_ir_param(HlIr *ir, int32_t block, HlType type)
{
    HlIns ins = {.op = HL_I_PARAM,
                 .type = type,
                 .a = {HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF},
                 .exit = -1,
                 .pc = ir->blocks[block].pc};
    return ir_add(ir, block, &ir->blocks[block].params, &ins);
}

HlRef hl_ir_emit(HlIr *ir, int32_t block, const HlIns *ins)
{
    return ir_add(ir, block, &ir->blocks[block].ins, ins);
}

int32_t hl_ir_snap(HlIr *ir, int32_t pc, const HlSlot *slots, int32_t nslots)
{
    if (hl_mem_grow((void **)&ir->snaps, &ir->cap_snaps, ir->nsnaps + 1, sizeof *ir->snaps))
        return -1;
    HlSnap *s = &ir->snaps[ir->nsnaps];
    *s = (HlSnap){.pc = pc, .nslots = nslots, .inlined = -1};
    if (ir_dup(&s->slots, slots, nslots, sizeof *slots))
        return -1;
    return ir->nsnaps++;
}

int32_t hl_ir_exit(HlIr *ir, int32_t snap, HlReason reason)
{
    if (hl_mem_grow((void **)&ir->exits, &ir->cap_exits, ir->nexits + 1, sizeof *ir->exits))
        return -1;
    ir->exits[ir->nexits] =
        (HlExit){.snap = snap, .reason = (uint8_t)reason, .target = -1, .origin = -1};
    return ir->nexits++;
}

int32_t hl_ir_inline(HlIr *ir, const HlInline *call)
{
    for (int32_t i = 0; i < ir->ninlines; i++) {
        const HlInline *c = &ir->inlines[i];
        if (c->parent == call->parent && c->pc == call->pc && c->base == call->base &&
            c->code == call->code)
            return i;
    }
    if (hl_mem_grow((void **)&ir->inlines, &ir->cap_inlines, ir->ninlines + 1, sizeof *ir->inlines))
        return -1;
    ir->inlines[ir->ninlines] = *call;
    return ir->ninlines++;
}

/* The outermost of the inlined calls that the snapshot is in; NULL = none. */
static const HlInline *snap_outermost(const HlIr *ir, const HlSnap *snap)
{
    const HlInline *call = NULL;
    for (int32_t i = snap->inlined; i >= 0; i = call->parent)
        call = &ir->inlines[i];
    return call;
}

int32_t hl_ir_own_pc(const HlIr *ir, const HlSnap *snap)
{
    const HlInline *call = snap_outermost(ir, snap);
    return call ? call->pc : snap->pc;
}

int32_t hl_ir_own_slots(const HlIr *ir, const HlSnap *snap)
{
    const HlInline *call = snap_outermost(ir, snap);
    return call ? call->base : snap->nslots;
}

int hl_ir_input(HlIr *ir, int32_t slot, HlInputPart part)
{
    if (hl_mem_grow((void **)&ir->inputs, &ir->cap_inputs, ir->ninputs + 1, sizeof *ir->inputs))
        return -1;
    ir->inputs[ir->ninputs] = (HlInput){.slot = slot, .part = (uint8_t)part};
    return ir->ninputs++;
}

int hl_ir_jump(HlIr *ir, int32_t block, int32_t target, const HlRef *args, int32_t nargs)
{
    HlBlock *b = &ir->blocks[block];
    if (hl_mem_grow((void **)&b->args.v, &b->args.cap, nargs, sizeof *args))
        return -1;
    if (nargs)
        memcpy(b->args.v, args, (size_t)nargs * sizeof *args);
    b->args.n = nargs;
    b->term = HL_TERM_JUMP;
    b->target = target;
    return 0;
}

void hl_ir_end(HlIr *ir, int32_t block, int32_t exit)
{
    HlBlock *b = &ir->blocks[block];
    b->term = HL_TERM_EXIT;
    b->exit = exit;
    b->target = -1;
    b->args.n = 0;
}
