/* hl_opt_origin.c - which object a number came from.
 *
 * A number that was read from an object must be that object again when the frame is rebuilt, or when it
 * is stored into a list: `x = items[0]` and later `x is items[0]`. An UNBOX has its object as operand. For
 * the rest this pass keeps a second value beside the number wherever one may come from an object:
 *
 *     jump H(%x)        jump H(%y)               jump H(%x, %o)     jump H(%y, %null)
 *   H(%p: f64)                              =>  H(%p: f64 from %q, %q: obj)
 *
 * with a null pointer where the number was computed. For the exit's sake the frame's own numbers, the
 * region's inputs, need none: it finds them in the frame. If a list may be given one, it is read from there.
 *
 * First it is found out which numbers lists may be given, and which may come from an object, until nothing
 * changes; then their second values are made, and only then is it said what flows into them.
 *
 * It is the last pass, since a second value keeps others alive: nothing is computed from it. What it adds
 * is behind the operands (hl_ir_origin_arg), where the other passes do not look. */
#include "hl_opt.h"

typedef struct Origin {
    HlIr *ir;
    uint8_t *has;    /* per value: it may come from an object */
    uint8_t *listed; /* per value: a list may be given it */
    HlRef *input;    /* per value: the frame's object of an input, once it is needed */
    HlRef null;      /* the null pointer, once it is needed */
} Origin;

/* Numbers whose identity can be seen. */
static bool origin_kept(const HlIr *ir, HlRef r)
{
    HlType t = ir->ins[r].type;
    return t.base == HL_T_I64 || t.base == HL_T_F64 || (t.base == HL_T_NPS && t.dtype != HL_D_BOOL);
}

static bool origin_set(Origin *o, HlRef r, bool has)
{
    bool changed = has && !o->has[r] && origin_kept(o->ir, r);
    if (changed)
        o->has[r] = 1;
    return changed;
}

/* What a list is given; HL_NOREF = it is no such instruction. */
static HlRef origin_item(const HlIns *ins)
{
    return ins->op == HL_I_LIST_STORE    ? ins->a[2]
           : ins->op == HL_I_LIST_APPEND ? ins->a[1]
                                         : HL_NOREF;
}

static bool origin_list(Origin *o, HlRef r)
{
    bool changed = r != HL_NOREF && !o->listed[r];
    if (changed)
        o->listed[r] = 1;
    return changed;
}

/* Backwards: what may become a list's item? */
static bool origin_items(Origin *o, const HlBlock *b)
{
    const HlIr *ir = o->ir;
    bool changed = false;
    for (int32_t i = 0; b->term == HL_TERM_JUMP && i < b->args.n; i++)
        if (o->listed[ir->blocks[b->target].params.v[i]])
            changed |= origin_list(o, b->args.v[i]);
    for (int32_t i = 0; i < b->ins.n; i++) {
        const HlIns *ins = &ir->ins[b->ins.v[i]];
        changed |= origin_list(o, origin_item(ins));
        for (int k = 1; k <= 2 && ins->op == HL_I_SELECT && o->listed[b->ins.v[i]]; k++)
            changed |= origin_list(o, ins->a[k]);
    }
    return changed;
}

/* The number of the input that brings the object of r as a whole; -1 = none does. */
static int32_t origin_input(const HlIr *ir, HlRef r)
{
    for (int32_t i = 0; ir->ins[r].op == HL_I_PARAM && i < ir->ninputs; i++)
        if (ir->blocks[0].params.v[i] == r)
            return ir->inputs[i].part == HL_IN_VALUE ? i : -1;
    return -1;
}

static bool origin_flow(Origin *o, const HlBlock *b)
{
    const HlIr *ir = o->ir;
    bool changed = false;
    for (int32_t i = 0; i < b->ins.n; i++) {
        HlRef r = b->ins.v[i];
        const HlIns *ins = &ir->ins[r];
        if (ins->op == HL_I_SELECT)
            changed |= origin_set(o, r, o->has[ins->a[1]] || o->has[ins->a[2]]);
        else
            changed |= origin_set(o, r, hl_ir_origin(ir, r) != HL_NOREF);
    }
    for (int32_t i = 0; b->term == HL_TERM_JUMP && i < b->args.n; i++)
        changed |= origin_set(o, ir->blocks[b->target].params.v[i], o->has[b->args.v[i]]);
    return changed;
}

/* Second values, not yet said what they are: of parameters behind the others of their block, in their
 * order; of selects in front of them. */
static int origin_make(Origin *o, int32_t block)
{
    HlIr *ir = o->ir;
    int32_t n = ir->blocks[block].params.n;
    for (int32_t i = 0; block && i < n; i++) {
        HlRef p = ir->blocks[block].params.v[i];
        if (!o->has[p])
            continue;
        HlRef q = hl_ir_param(ir, block, HL_TYPE(OBJ));
        if (q == HL_NOREF)
            return -1;
        ir->ins[p].a[0] = q;
    }
    for (int32_t i = 0; i < ir->blocks[block].ins.n; i++) {
        HlRef r = ir->blocks[block].ins.v[i];
        if (ir->ins[r].op != HL_I_SELECT || ir->ins[r].a[3] != HL_NOREF || !origin_kept(ir, r) ||
            !o->has[r])
            continue;
        HlIns ins = {.op = HL_I_SELECT, .type = HL_TYPE(OBJ), .exit = -1, .pc = ir->ins[r].pc};
        memcpy(ins.a, ir->ins[r].a, sizeof ins.a);
        HlRef q = hl_ir_emit(ir, block, &ins);
        if (q == HL_NOREF)
            return -1;
        ir->ins[r].a[3] = q;
        HlRefVec *v = &ir->blocks[block].ins;
        memmove(v->v + i + 1, v->v + i, (size_t)(v->n - 1 - i) * sizeof *v->v);
        v->v[i++] = q;
    }
    return 0;
}

/* An object that the entry provides, in front of all that might use it. */
static HlRef origin_at_entry(HlIr *ir, HlOp op, const HlInput *in)
{
    HlIns ins = {.op = (uint8_t)op,
                 .type = HL_TYPE(OBJ),
                 .a = HL_NO_ARGS,
                 .exit = -1,
                 .pc = ir->blocks[0].pc};
    if (in) {
        ins.imm.i = in->slot;
        ins.aux = in->cell;
    }
    HlRef r = hl_ir_emit(ir, 0, &ins);
    if (r != HL_NOREF) {
        HlRefVec *v = &ir->blocks[0].ins;
        memmove(v->v + 1, v->v, (size_t)(v->n - 1) * sizeof *v->v);
        v->v[0] = r;
    }
    return r;
}

/* The object of r: the null pointer, when there is none. */
static HlRef origin_of(Origin *o, HlRef r)
{
    HlRef origin = hl_ir_origin(o->ir, r);
    if (origin != HL_NOREF)
        return origin;
    int32_t i = o->listed[r] && o->has[r] ? origin_input(o->ir, r) : -1;
    HlRef *made = i >= 0 ? &o->input[i] : &o->null;
    if (*made == HL_NOREF)
        *made = origin_at_entry(o->ir, i >= 0 ? HL_I_FRAME_LOAD : HL_I_KNULL,
                                i >= 0 ? &o->ir->inputs[i] : NULL);
    return *made;
}

static int origin_fill_jump(Origin *o, int32_t block)
{
    HlIr *ir = o->ir;
    HlBlock *from = &ir->blocks[block];
    if (from->term != HL_TERM_JUMP)
        return 0;
    const HlRefVec *params = &ir->blocks[from->target].params;
    int32_t numbers = from->args.n;
    if (hl_mem_grow((void **)&from->args.v, &from->args.cap, params->n, sizeof *from->args.v))
        return -1;
    for (int32_t i = 0; i < numbers; i++) {
        if (ir->ins[params->v[i]].a[0] == HL_NOREF)
            continue;
        HlRef origin = origin_of(o, from->args.v[i]);
        if (origin == HL_NOREF)
            return -1;
        from->args.v[from->args.n++] = origin;
    }
    return 0;
}

/* Says what flows into the second values, and what object a list is given. */
static int origin_fill(Origin *o)
{
    HlIr *ir = o->ir;
    for (int32_t b = 0; b < ir->nblocks; b++)
        if (origin_fill_jump(o, b))
            return -1;
    for (HlRef r = 0; r < ir->nins; r++) {
        const HlIns *ins = &ir->ins[r];
        if (ins->op == HL_I_SELECT && ins->a[3] != HL_NOREF) {
            HlRef q = ins->a[3], yes = origin_of(o, ins->a[1]), no = origin_of(o, ir->ins[r].a[2]);
            if (yes == HL_NOREF || no == HL_NOREF)
                return -1;
            ir->ins[q].a[1] = yes;
            ir->ins[q].a[2] = no;
        } else if (ins->block >= 0 && origin_item(ins) != HL_NOREF && o->has[origin_item(ins)]) {
            HlRef origin = origin_of(o, origin_item(ins));
            if (origin == HL_NOREF)
                return -1;
            ir->ins[r].a[hl_ir_origin_arg((HlOp)ir->ins[r].op)] = origin;
        }
    }
    return 0;
}

int hl_opt_origin(HlIr *ir)
{
    Origin o = {.ir = ir, .null = HL_NOREF};
    o.has = hl_mem_alloc((size_t)ir->nins);
    o.listed = hl_mem_alloc((size_t)ir->nins);
    o.input = hl_mem_alloc((size_t)(ir->ninputs + 1) * sizeof *o.input);
    int status = o.has && o.listed && o.input ? 0 : -1;
    for (bool changed = !status; changed;) {
        changed = false;
        for (int32_t b = ir->nblocks - 1; b >= 0; b--)
            changed |= origin_items(&o, &ir->blocks[b]);
    }
    for (int32_t i = 0; i < ir->ninputs && !status; i++) {
        HlRef r = ir->blocks[0].params.v[i];
        o.input[i] = HL_NOREF;
        origin_set(&o, r, o.listed[r] && ir->inputs[i].part == HL_IN_VALUE);
    }
    for (bool changed = !status; changed;) {
        changed = false;
        for (int32_t b = 0; b < ir->nblocks; b++)
            changed |= origin_flow(&o, &ir->blocks[b]);
    }
    for (int32_t b = 0; b < ir->nblocks && !status; b++)
        status = origin_make(&o, b);
    if (!status)
        status = origin_fill(&o);
    hl_mem_free(o.has);
    hl_mem_free(o.listed);
    hl_mem_free(o.input);
    return status;
}
