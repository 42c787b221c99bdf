/* hl_opt_origin.c - which object a number came from.
 *
 * A number that was read from an object must be that object again when the frame is rebuilt, or when it
 * is stored into a list: `x = items[0]` and later `x is items[0]`. An UNBOX has its object as operand. For
 * the rest this pass keeps a second value beside the number wherever one may come from an object:
 *
 *     jump H(%x)        jump H(%y)               jump H(%x, %o)     jump H(%y, %null)
 *   H(%p: f64)                              =>  H(%p: f64 from %q, %q: obj)
 *
 * with a null pointer where the number was computed. The frame's own numbers, the region's inputs, need
 * none: the exit finds them in the frame.
 *
 * First it is found out which numbers may come from an object, until nothing changes; then their second
 * values are made, and only then is it said what flows into them.
 *
 * It is the last pass, since a second value keeps others alive: nothing is computed from it. What it adds
 * is behind the operands (hl_ir_origin_arg), where the other passes do not look. */
#include "hl_opt.h"

typedef struct Origin {
    HlIr *ir;
    uint8_t *has; /* per value: it may come from an object */
    HlRef null;   /* the null pointer, once it is needed */
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

/* The object of r; the null pointer, in front of all that might use it, when there is none. */
static HlRef origin_of(Origin *o, HlRef r)
{
    HlIr *ir = o->ir;
    HlRef origin = hl_ir_origin(ir, r);
    if (origin != HL_NOREF || o->null != HL_NOREF)
        return origin != HL_NOREF ? origin : o->null;
    HlIns ins = {.op = HL_I_KNULL,
                 .type = HL_TYPE(OBJ),
                 .a = HL_NO_ARGS,
                 .exit = -1,
                 .pc = ir->blocks[0].pc};
    o->null = hl_ir_emit(ir, 0, &ins);
    if (o->null != HL_NOREF) {
        HlRefVec *v = &ir->blocks[0].ins;
        memmove(v->v + 1, v->v, (size_t)(v->n - 1) * sizeof *v->v);
        v->v[0] = o->null;
    }
    return o->null;
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
        } else if (ins->op == HL_I_LIST_STORE) {
            ir->ins[r].a[3] = hl_ir_origin(ir, ins->a[2]);
        } else if (ins->op == HL_I_LIST_APPEND) {
            ir->ins[r].a[2] = hl_ir_origin(ir, ins->a[1]);
        }
    }
    return 0;
}

int hl_opt_origin(HlIr *ir)
{
    Origin o = {.ir = ir, .null = HL_NOREF};
    int status = 0;
    o.has = hl_mem_alloc((size_t)ir->nins);
    if (!o.has)
        return -1;
    for (bool changed = true; changed;) {
        changed = false;
        for (int32_t b = 0; b < ir->nblocks; b++)
            changed |= origin_flow(&o, &ir->blocks[b]);
    }
    for (int32_t b = 0; b < ir->nblocks && !status; b++)
        status = origin_make(&o, b);
    if (!status)
        status = origin_fill(&o);
    hl_mem_free(o.has);
    return status;
}
