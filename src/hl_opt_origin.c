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
 * It is the last pass, since a second value keeps others alive: nothing is computed from it. What it adds
 * is behind the operands (hl_ir_origin_arg), where the other passes do not look. */
#include "hl_opt.h"

static bool origin_kept(const HlIr *ir, HlRef r)
{
    HlType t = ir->ins[r].type;
    return t.base == HL_T_I64 || t.base == HL_T_F64 || (t.base == HL_T_NPS && t.dtype != HL_D_BOOL);
}

/* The null pointer, in the entry block, in front of all that might use it. */
static HlRef origin_null(HlIr *ir, HlRef *null)
{
    if (*null != HL_NOREF)
        return *null;
    HlIns ins = {.op = HL_I_KNULL,
                 .type = HL_TYPE(OBJ),
                 .a = HL_NO_ARGS,
                 .exit = -1,
                 .pc = ir->blocks[0].pc};
    *null = hl_ir_emit(ir, 0, &ins);
    if (*null != HL_NOREF) {
        HlRefVec *v = &ir->blocks[0].ins;
        memmove(v->v + 1, v->v, (size_t)(v->n - 1) * sizeof *v->v);
        v->v[0] = *null;
    }
    return *null;
}

static HlRef origin_or_null(HlIr *ir, HlRef r, HlRef *null)
{
    HlRef o = hl_ir_origin(ir, r);
    return o != HL_NOREF ? o : origin_null(ir, null);
}

/* A SELECT of two numbers needs one of their objects; in front of it. */
static int origin_select(HlIr *ir, int32_t block, int32_t at, HlRef *null)
{
    HlRef r = ir->blocks[block].ins.v[at];
    HlIns ins = {
        .op = HL_I_SELECT, .type = HL_TYPE(OBJ), .a = HL_NO_ARGS, .exit = -1, .pc = ir->ins[r].pc};
    ins.a[0] = ir->ins[r].a[0];
    for (int k = 1; k <= 2; k++) {
        HlRef a = ir->ins[r].a[k];
        if ((ins.a[k] = origin_or_null(ir, a, null)) == HL_NOREF)
            return -1;
    }
    HlRef q = hl_ir_emit(ir, block, &ins);
    if (q == HL_NOREF)
        return -1;
    /* The null pointer may have been put in front of this very block. */
    HlRefVec *v = &ir->blocks[block].ins;
    while (v->v[at] != r)
        at++;
    memmove(v->v + at + 1, v->v + at, (size_t)(v->n - 1 - at) * sizeof *v->v);
    v->v[at] = q;
    ir->ins[r].a[3] = q;
    return 0;
}

static bool origin_arrives(const HlIr *ir, int32_t block, int32_t param)
{
    for (int32_t b = 0; b < ir->nblocks; b++) {
        const HlBlock *from = &ir->blocks[b];
        if (from->term == HL_TERM_JUMP && from->target == block &&
            hl_ir_origin(ir, from->args.v[param]) != HL_NOREF)
            return true;
    }
    return false;
}

/* One round: 1 = more numbers have an origin, 0 = none, -1 = out of memory. Parameters of origins are
 * counted in `added`, behind the others of their block, in the order of the numbers. */
static int origin_round(HlIr *ir, HlRef *null)
{
    int found = 0;
    for (int32_t b = 1; b < ir->nblocks; b++) {
        int32_t n = ir->blocks[b].params.n;
        for (int32_t i = 0; i < n; i++) {
            HlRef p = ir->blocks[b].params.v[i];
            if (!origin_kept(ir, p) || ir->ins[p].a[0] != HL_NOREF || !origin_arrives(ir, b, i))
                continue;
            HlRef q = hl_ir_param(ir, b, HL_TYPE(OBJ));
            if (q == HL_NOREF)
                return -1;
            ir->ins[p].a[0] = q;
            found = 1;
        }
    }
    for (int32_t b = 0; b < ir->nblocks; b++) {
        for (int32_t i = 0; i < ir->blocks[b].ins.n; i++) {
            HlRef r = ir->blocks[b].ins.v[i];
            const HlIns *ins = &ir->ins[r];
            if (ins->op != HL_I_SELECT || !origin_kept(ir, r) || ins->a[3] != HL_NOREF ||
                (hl_ir_origin(ir, ins->a[1]) == HL_NOREF &&
                 hl_ir_origin(ir, ins->a[2]) == HL_NOREF))
                continue;
            if (origin_select(ir, b, i, null))
                return -1;
            found = 1;
        }
    }
    return found;
}

/* Every jump passes the objects that belong to the numbers it passes: the parameter for them may stand
 * anywhere behind the number's. */
static int origin_pass_on(HlIr *ir, int32_t block, HlRef *null)
{
    HlBlock *from = &ir->blocks[block];
    if (from->term != HL_TERM_JUMP)
        return 0;
    int32_t numbers = from->args.n, n = ir->blocks[from->target].params.n;
    if (hl_mem_grow((void **)&from->args.v, &from->args.cap, n, sizeof *from->args.v))
        return -1;
    for (int32_t k = numbers; k < n; k++) {
        const HlRefVec *params = &ir->blocks[from->target].params;
        int32_t i = 0;
        while (ir->ins[params->v[i]].a[0] != params->v[k])
            i++;
        HlRef o = origin_or_null(ir, from->args.v[i], null);
        if (o == HL_NOREF)
            return -1;
        ir->blocks[block].args.v[k] = o;
        ir->blocks[block].args.n = k + 1;
    }
    return 0;
}

int hl_opt_origin(HlIr *ir)
{
    HlRef null = HL_NOREF;
    int found;
    while ((found = origin_round(ir, &null)) > 0)
        ;
    for (int32_t b = 0; b < ir->nblocks && found == 0; b++)
        found = origin_pass_on(ir, b, &null);
    for (HlRef r = 0; r < ir->nins && found == 0; r++) {
        HlIns *ins = &ir->ins[r];
        if (ins->op == HL_I_LIST_STORE)
            ins->a[3] = hl_ir_origin(ir, ins->a[2]);
        else if (ins->op == HL_I_LIST_APPEND)
            ins->a[2] = hl_ir_origin(ir, ins->a[1]);
    }
    return found;
}
