/* hl_check.c - the verifier: finds the first way in which a region is malformed. First the shape,
 * so that every index can be trusted; then, over the control-flow graph, that each use is dominated
 * by its definition. Snapshots of exits that another block continues are never used and not
 * checked. */
#include <stdarg.h>
#include <stdio.h>

#include "hl_ir.h"
#include "hl_mem.h"

const char hl_check_no_memory[] = "out of memory";

typedef struct Check {
    const HlIr *ir;
    char *buf;
    size_t size;
    bool failed, no_memory;
    bool calls;      /* the frame changes while the region runs */
    int32_t *pos;    /* per instruction: position in its block, -1 = a parameter */
    uint8_t *placed; /* per instruction: seen in a block */
    int32_t *users;  /* per exit: guards and terminators */
    HlCfg cfg;
} Check;

__attribute__((format(printf, 2, 3))) static void fail(Check *c, const char *fmt, ...)
{
    if (c->failed)
        return;
    c->failed = true;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->buf, c->size, fmt, ap);
    va_end(ap);
}

static HlRepr check_letter(char letter)
{
    switch (letter) {
    case 'i': return HL_REPR_I64;
    case 'f': return HL_REPR_F64;
    case 'b': return HL_REPR_I1;
    case 'p': return HL_REPR_PTR;
    default: return HL_REPR_NONE;
    }
}

static HlRepr check_dtype_repr(int d)
{
    return hl_type_repr(HL_TYPE_NPS((uint8_t)d));
}

/* Complex numbers are two values: these are types to check an object for, of no value. */
static bool check_is_complex(HlType t)
{
    return hl_type_part(t).base != HL_T_VOID;
}

static bool check_is_part(HlType t)
{
    return hl_type_of_parts(t).base != HL_T_VOID;
}

static bool check_type_valid(HlType t)
{
    if (check_is_complex(t))
        return false;
    if (t.base == HL_T_ARR || t.base == HL_T_ROW)
        return check_dtype_repr(t.dtype) != HL_REPR_NONE;
    return t.base == HL_T_VOID || hl_type_repr(t) != HL_REPR_NONE;
}

/* --- shape ------------------------------------------------------------------------------------ */

static void check_target(Check *c, int32_t target, const char *what, int32_t index)
{
    if (target <= 0 || target >= c->ir->nblocks)
        fail(c, "%s%d leads to b%d, which is not a block to go to", what, index, target);
    else if (c->ir->blocks[target].term == HL_TERM_DEAD)
        fail(c, "%s%d leads to b%d, which was removed", what, index, target);
}

static void check_exit(Check *c, int32_t x)
{
    const HlIr *ir = c->ir;
    const HlExit *e = &ir->exits[x];
    if (e->reason >= HL_R__COUNT)
        fail(c, "x%d has no valid reason", x);
    if (e->snap < 0 || e->snap >= ir->nsnaps)
        fail(c, "x%d has no snapshot", x);
    if (e->origin < -1 || e->origin >= ir->nexits)
        fail(c, "x%d has a bad origin x%d", x, e->origin);
    else if (e->origin >= 0 && ir->exits[e->origin].origin >= 0)
        fail(c, "x%d has an origin x%d that is a copy itself", x, e->origin);
    if (e->target != -1)
        check_target(c, e->target, "x", x);
    if (c->failed)
        return;
    if (e->target >= 0 && ir->blocks[e->target].params.n)
        fail(c, "b%d continues x%d but has parameters", e->target, x);
    const HlSnap *s = &ir->snaps[e->snap];
    if (s->nslots < ir->nlocalsplus)
        fail(c, "x%d: snapshot has %d slots, the frame %d locals", x, s->nslots, ir->nlocalsplus);
    if (s->inlined < -1 || s->inlined >= ir->ninlines) {
        fail(c, "x%d: in an inlined call that does not exist", x);
        return;
    }
    if (s->inlined < 0)
        return;
    const HlInline *call = &ir->inlines[s->inlined];
    if (s->nslots < call->base + 1 + call->nlocalsplus)
        fail(c, "x%d: snapshot has %d slots, too few for i%d", x, s->nslots, s->inlined);
    for (int32_t i = s->inlined; i >= 0 && !c->failed; i = ir->inlines[i].parent)
        if (s->slots[ir->inlines[i].base].kind != HL_SLOT_VALUE)
            fail(c, "x%d: slot %d is not the function of i%d", x, ir->inlines[i].base, i);
}

static void check_exit_use(Check *c, int32_t x, const char *what, int32_t index)
{
    if (x < 0 || x >= c->ir->nexits) {
        fail(c, "%s%d uses x%d, which is not an exit", what, index, x);
        return;
    }
    if (!c->users[x]++)
        check_exit(c, x);
    else if (c->ir->exits[x].target >= 0)
        fail(c, "x%d is continued by a block but used twice", x);
}

static void check_fields(Check *c, HlRef r)
{
    const HlIns *ins = &c->ir->ins[r];
    const char *name = hl_op_info[ins->op].name;
    bool good = true;
    switch (ins->op) {
    case HL_I_KBOOL: good = ins->imm.i == 0 || ins->imm.i == 1; break;
    case HL_I_KOBJ:
    case HL_I_GUARD_GLOBAL:
    case HL_I_LOAD_GLOBAL:
    case HL_I_FUNC_VALUE:
    case HL_I_FUNC_GLOBAL:
    case HL_I_STEP:
    case HL_I_FRAME_LOAD: good = ins->imm.i >= 0 && ins->imm.i <= INT32_MAX; break;
    case HL_I_FUNC:
        good = ins->imm.i >= 0 && ins->imm.i <= INT32_MAX && ins->aux <= HL_FUNC_JITTED;
        break;
    case HL_I_GUARD_TYPE:
        good = ins->check.base != HL_T_VOID && ins->check.base != HL_T_OBJ &&
               ins->check.base != HL_T_PTR &&
               (check_type_valid(ins->check) || check_is_complex(ins->check));
        break;
    case HL_I_GUARD_ARRAY:
        good = ins->check.base == HL_T_ARR && check_type_valid(ins->check);
        break;
    case HL_I_ICMP:
    case HL_I_FCMP: good = ins->aux <= HL_GE; break;
    case HL_I_FMATH1:
    case HL_I_FMATH2: {
        static const uint8_t arity[] = {
#define MATH_ARITY(name, text, sym, arity) arity,
            HL_MATHDEF(MATH_ARITY)
#undef MATH_ARITY
        };
        good = ins->aux < HL_M__COUNT && arity[ins->aux] == (ins->op == HL_I_FMATH1 ? 1 : 2);
        break;
    }
    case HL_I_ARRAY_LEN:
    case HL_I_ARRAY_STRIDE: {
        HlType t = c->ir->ins[ins->a[0]].type;
        good = t.base != HL_T_ARR || ins->aux < t.ndim;
        break;
    }
    case HL_I_ARRAY_DATA: {
        HlType t = c->ir->ins[ins->a[0]].type;
        good = !ins->aux ||
               (ins->aux == 1 && t.base == HL_T_ARR && hl_dtype_is_complex((HlDtype)t.dtype));
        break;
    }
    case HL_I_ARRAY_ROW: good = ins->type.base == HL_T_ROW; break;
    case HL_I_TRIPS: good = ins->imm.i >= 0 && ins->imm.i < c->ir->nloops; break;
    case HL_I_UNBOX_PART: good = ins->aux <= 1 && check_is_part(ins->type); break;
    case HL_I_INDEX: good = ins->aux <= 1; break;
    case HL_I_NARROW:
    case HL_I_NARROW_OV: good = hl_dtype_is_int(ins->aux); break;
    case HL_I_UFUNC1:
    case HL_I_UFUNC2:
        good = hl_dtype_is_float(ins->aux) && c->ir->ins[ins->a[0]].op == HL_I_KOBJ;
        break;
    case HL_I_UNBOX_NP:
    case HL_I_ARRAY_LOAD:
        good = ins->aux && check_dtype_repr(ins->aux) == hl_type_repr(ins->type);
        break;
    case HL_I_ARRAY_COPY: good = check_dtype_repr(ins->aux) != HL_REPR_NONE; break;
    case HL_I_ARRAY_STORE:
    case HL_I_ARRAY_STORE_IF:
    case HL_I_ARRAY_FILL:
        good = ins->aux && check_dtype_repr(ins->aux) == hl_type_repr(c->ir->ins[ins->a[3]].type);
        break;
    default: break;
    }
    if (!good)
        fail(c, "%%%d %s: aux, imm or check does not fit the operation", r, name);
}

static void check_ins(Check *c, HlRef r)
{
    const HlIr *ir = c->ir;
    const HlIns *ins = &ir->ins[r];
    const HlOpInfo *info = &hl_op_info[ins->op];
    HlRepr any = HL_REPR_NONE; /* what the v's of this instruction are */
    for (int k = 0; k < info->nargs; k++) {
        HlRef a = ins->a[k];
        if (a < 0 || a >= ir->nins || !c->placed[a]) {
            fail(c, "%%%d %s: operand %%%d is not defined", r, info->name, a);
            return;
        }
        HlRepr have = hl_type_repr(ir->ins[a].type), want = check_letter(info->args[k]);
        if (info->args[k] == 'v') {
            want = any == HL_REPR_NONE ? have : any;
            any = want;
        }
        if (have != want || have == HL_REPR_NONE)
            fail(c, "%%%d %s: operand %%%d has the wrong representation", r, info->name, a);
    }
    HlRepr have = hl_type_repr(ins->type), want = check_letter(info->res);
    if (info->res == 'v')
        want = any == HL_REPR_NONE ? have : any;
    if (!check_type_valid(ins->type) || have != want ||
        (have == HL_REPR_NONE) != (info->res == '-'))
        fail(c, "%%%d %s: result has the wrong representation", r, info->name);
    if (info->fx & HL_E_GUARD)
        check_exit_use(c, ins->exit, "%", r);
    else if (ins->exit != -1)
        fail(c, "%%%d %s: has an exit but is no guard", r, info->name);
    if (!c->failed)
        check_fields(c, r);
}

/* Takes note of where everything is defined; nothing is looked up in the tables before. */
static void check_place(Check *c, int32_t b, const HlRefVec *list, bool params)
{
    const HlIr *ir = c->ir;
    for (int32_t i = 0; i < list->n && !c->failed; i++) {
        HlRef r = list->v[i];
        if (r < 0 || r >= ir->nins)
            fail(c, "b%d lists %%%d, which does not exist", b, r);
        else if (c->placed[r])
            fail(c, "%%%d is in two places", r);
        else if (ir->ins[r].block != b)
            fail(c, "%%%d is listed in b%d but says b%d", r, b, ir->ins[r].block);
        else if (ir->ins[r].op >= HL_I__COUNT)
            fail(c, "%%%d has no valid operation", r);
        else if ((ir->ins[r].op == HL_I_PARAM) != params)
            fail(c, "%%%d: parameters and only they are in a block's params", r);
        if (c->failed)
            return;
        c->placed[r] = 1;
        c->pos[r] = params ? -1 : i;
        c->calls |= (hl_op_info[ir->ins[r].op].fx & HL_E_CALLS) != 0;
    }
}

static void check_jump(Check *c, int32_t index)
{
    const HlIr *ir = c->ir;
    const HlBlock *b = &ir->blocks[index];
    check_target(c, b->target, "b", index);
    if (c->failed)
        return;
    const HlBlock *to = &ir->blocks[b->target];
    if (b->args.n != to->params.n) {
        fail(c, "b%d passes %d arguments to b%d, which has %d parameters", index, b->args.n,
             b->target, to->params.n);
        return;
    }
    for (int32_t i = 0; i < b->args.n; i++) {
        HlRef a = b->args.v[i];
        if (a < 0 || a >= ir->nins || !c->placed[a])
            fail(c, "b%d: argument %%%d is not defined", index, a);
        else if (!hl_type_eq(ir->ins[a].type, ir->ins[to->params.v[i]].type))
            fail(c, "b%d: argument %%%d has another type than parameter %%%d", index, a,
                 to->params.v[i]);
    }
}

/* The caller of an inlined call comes before it, and its slots do. */
static void check_inline(Check *c, int32_t index)
{
    const HlIr *ir = c->ir;
    const HlInline *call = &ir->inlines[index];
    if (call->parent < -1 || call->parent >= index) {
        fail(c, "i%d: has no caller", index);
        return;
    }
    int32_t least = call->parent < 0 ? ir->nlocalsplus
                                     : ir->inlines[call->parent].base + 1 +
                                           ir->inlines[call->parent].nlocalsplus;
    if (call->base < least || call->nlocalsplus < 0 || call->code < 0)
        fail(c, "i%d: slots or code are bad", index);
}

static void check_block(Check *c, int32_t index)
{
    const HlIr *ir = c->ir;
    const HlBlock *b = &ir->blocks[index];
    if (b->inlined < -1 || b->inlined >= ir->ninlines)
        fail(c, "b%d: in an inlined call that does not exist", index);
    if (b->loop < -1 || b->loop >= ir->nloops || b->loop_of < -1 || b->loop_of >= ir->nloops)
        fail(c, "b%d: bad loop index", index);
    for (int32_t i = 0; i < b->ins.n && !c->failed; i++)
        check_ins(c, b->ins.v[i]);
    switch ((HlTermKind)b->term) {
    case HL_TERM_JUMP: check_jump(c, index); break;
    case HL_TERM_EXIT: check_exit_use(c, b->exit, "b", index); break;
    case HL_TERM_DEAD:
        if (b->params.n || b->ins.n || b->args.n || !index)
            fail(c, "b%d was removed but is not empty", index);
        break;
    default: fail(c, "b%d is open", index); break;
    }
}

static void check_entry(Check *c)
{
    const HlIr *ir = c->ir;
    if (!ir->nblocks) {
        fail(c, "region has no blocks");
        return;
    }
    if (ir->blocks[0].params.n != ir->ninputs)
        fail(c, "entry has %d parameters and %d inputs", ir->blocks[0].params.n, ir->ninputs);
    for (int32_t i = 0; i < ir->ninputs && !c->failed; i++) {
        HlRef r = ir->blocks[0].params.v[i];
        const HlInput *in = &ir->inputs[i];
        if (in->slot < 0 || in->part > HL_IN_IMAG)
            fail(c, "input %d is bad", i);
        bool seq = hl_input_is_seq(in->part);
        HlRepr repr = hl_type_repr(ir->ins[r].type);
        if (in->part >= HL_IN_REAL && !check_is_part(ir->ins[r].type))
            fail(c, "%%%d: no complex number has such parts", r);
        else if (in->part != HL_IN_VALUE && in->part < HL_IN_REAL &&
                 repr != (seq ? HL_REPR_PTR : HL_REPR_I64))
            fail(c, "%%%d: wrong part of an iterator", r);
    }
    if (ir->entry_exit == -1)
        return;
    if (ir->entry_exit < 0 || ir->entry_exit >= ir->nexits) {
        fail(c, "entry exit x%d does not exist", ir->entry_exit);
        return;
    }
    if (ir->exits[ir->entry_exit].target != -1)
        fail(c, "entry exit is continued by a block");
    check_exit(c, ir->entry_exit);
}

/* --- dominance -------------------------------------------------------------------------------- */

static void check_use(Check *c, HlRef a, int32_t block, int32_t at, const char *what, int32_t index)
{
    int32_t from = c->ir->ins[a].block;
    if (!hl_cfg_precedes(&c->cfg, from, c->pos[a], block, at))
        fail(c, "%s%d: %%%d does not dominate this use", what, index, a);
}

static void check_snap_value(Check *c, HlRef a, HlRepr want, int32_t x, int32_t block, int32_t at)
{
    const HlIr *ir = c->ir;
    if (a < 0 || a >= ir->nins || !c->placed[a]) {
        fail(c, "x%d: %%%d is not defined", x, a);
        return;
    }
    HlType t = ir->ins[a].type;
    if (want != HL_REPR_NONE && hl_type_repr(t) != want)
        fail(c, "x%d: %%%d is no such part of an iterator", x, a);
    else if (t.base == HL_T_PTR || t.base == HL_T_ROW || t.base == HL_T_VOID)
        fail(c, "x%d: %%%d has a type that cannot be boxed", x, a);
    else
        check_use(c, a, block, at, "x", x);
}

/* The values of the views of a slot. */
static void check_snap_views(Check *c, const HlSlot *s, int32_t x, int32_t block, int32_t at)
{
    const HlIr *ir = c->ir;
    int n = hl_slot_nparts(s);
    if (!s->more)
        fail(c, "x%d: no view", x);
    for (int part = n - s->more; part < n && !c->failed;) {
        HlRef array = s->part[part], row = part + 1 < n ? s->part[part + 1] : HL_NOREF;
        check_snap_value(c, array, HL_REPR_PTR, x, block, at);
        if (c->failed)
            return;
        HlType t = ir->ins[array].type;
        HlType r = row >= 0 && row < ir->nins && c->placed[row] ? ir->ins[row].type : HL_TYPE(VOID);
        if (r.base != HL_T_ROW || t.base != HL_T_ARR || r.dtype != t.dtype ||
            r.axes >> HL_AXIS_BITS * t.ndim || hl_ir_view_end(ir, s, part) > n) {
            fail(c, "x%d: %%%d is no view of %%%d", x, row, array);
            return;
        }
        check_use(c, row, block, at, "x", x);
        int end = hl_ir_view_end(ir, s, part);
        for (part += 2; part < end && !c->failed; part++)
            check_snap_value(c, s->part[part], HL_REPR_I64, x, block, at);
    }
}

/* The parts of a complex number. */
static void check_snap_complex(Check *c, HlRef re, HlRef im, int32_t x, int32_t block, int32_t at)
{
    check_snap_value(c, re, HL_REPR_NONE, x, block, at);
    check_snap_value(c, im, HL_REPR_NONE, x, block, at);
    if (c->failed)
        return;
    HlType t = c->ir->ins[re].type;
    if (!check_is_part(t) || !hl_type_eq(t, c->ir->ins[im].type))
        fail(c, "x%d: %%%d and %%%d are not the parts of a complex number", x, re, im);
}

/* The representation of a virtual iterator's part: sequences are objects, the rest integers. */
static HlRepr check_part(uint8_t kind, int part)
{
    return hl_input_is_seq(hl_iter_input(kind, part)) ? HL_REPR_PTR : HL_REPR_I64;
}

static void check_snap(Check *c, int32_t x, int32_t block, int32_t at)
{
    const HlIr *ir = c->ir;
    if (ir->exits[x].target >= 0)
        return;
    const HlSnap *s = &ir->snaps[ir->exits[x].snap];
    int32_t entry_slots = ir->entry_exit >= 0 && !c->calls
                              ? ir->snaps[ir->exits[ir->entry_exit].snap].nslots
                              : INT32_MAX;
    for (int32_t i = 0; i < s->nslots && !c->failed; i++) {
        const HlSlot *slot = &s->slots[i];
        switch ((HlSlotKind)slot->kind) {
        case HL_SLOT_UNBOUND: break;
        case HL_SLOT_VALUE: check_snap_value(c, slot->a, HL_REPR_NONE, x, block, at); break;
        case HL_SLOT_COMPLEX: check_snap_complex(c, slot->a, slot->b, x, block, at); break;
        case HL_SLOT_VIEW:
        case HL_SLOT_ROWS:
        case HL_SLOT_ROWS_REVERSED:
        case HL_SLOT_ROWS_ENUM:
        case HL_SLOT_ROWS_ZIP:
            for (int part = 0; part < hl_slot_nparts(slot) - slot->more; part++)
                check_snap_value(c, slot->part[part], HL_REPR_I64, x, block, at);
            check_snap_views(c, slot, x, block, at);
            break;
        case HL_SLOT_TUPLE:
        case HL_SLOT_SLICE:
            for (int part = 0; part < hl_slot_nparts(slot); part++)
                check_snap_value(c, slot->part[part], HL_REPR_NONE, x, block, at);
            break;
        case HL_SLOT_FRAME:
            if (slot->a < 0 || slot->a >= entry_slots)
                fail(c, "x%d: slot %d is of no slot of the frame", x, i);
            break;
        case HL_SLOT_RANGE:
        case HL_SLOT_SEQ:
        case HL_SLOT_REVERSED:
        case HL_SLOT_ENUM:
        case HL_SLOT_ZIP:
            for (int part = 0; part < hl_slot_nparts(slot); part++)
                check_snap_value(c, slot->part[part], check_part(slot->kind, part), x, block, at);
            break;
        default: fail(c, "x%d: slot %d has no valid kind", x, i);
        }
    }
}

static void check_origin(Check *c, HlRef r, int32_t block, int32_t at)
{
    const HlIns *ins = &c->ir->ins[r];
    int k = hl_ir_origin_arg((HlOp)ins->op);
    if (k < hl_op_info[ins->op].nargs || ins->a[k] == HL_NOREF)
        return;
    HlRef a = ins->a[k];
    if (a < 0 || a >= c->ir->nins || !c->placed[a] || c->ir->ins[a].type.base != HL_T_OBJ)
        fail(c, "%%%d: origin %%%d is no object", r, a);
    else
        check_use(c, a, block, at, "%", r);
}

static void check_uses(Check *c, int32_t index)
{
    const HlIr *ir = c->ir;
    const HlBlock *b = &ir->blocks[index];
    for (int32_t i = 0; i < b->params.n && !c->failed; i++)
        check_origin(c, b->params.v[i], index, 0);
    for (int32_t i = 0; i < b->ins.n && !c->failed; i++) {
        HlRef r = b->ins.v[i];
        const HlIns *ins = &ir->ins[r];
        for (int k = 0; k < hl_op_info[ins->op].nargs; k++)
            check_use(c, ins->a[k], index, i, "%", r);
        check_origin(c, r, index, i);
        if (ins->exit >= 0)
            check_snap(c, ins->exit, index, i);
    }
    for (int32_t i = 0; i < b->args.n; i++)
        check_use(c, b->args.v[i], index, INT32_MAX, "b", index);
    if (b->term == HL_TERM_EXIT)
        check_snap(c, b->exit, index, INT32_MAX);
}

const char *hl_check_ir(const HlIr *ir, char *buf, size_t size)
{
    Check c = {.ir = ir, .buf = buf, .size = size};
    c.pos = hl_mem_alloc((size_t)ir->nins * sizeof *c.pos);
    c.placed = hl_mem_alloc((size_t)ir->nins);
    c.users = hl_mem_alloc((size_t)ir->nexits * sizeof *c.users);
    c.failed = c.no_memory = !c.pos || !c.placed || !c.users;
    for (int32_t i = 0; i < ir->ninlines && !c.failed; i++)
        check_inline(&c, i);
    for (int32_t b = 0; b < ir->nblocks && !c.failed; b++) {
        check_place(&c, b, &ir->blocks[b].params, true);
        check_place(&c, b, &ir->blocks[b].ins, false);
    }
    for (int32_t b = 0; b < ir->nblocks && !c.failed; b++) {
        for (int32_t i = 0; i < ir->blocks[b].params.n; i++) {
            HlRef r = ir->blocks[b].params.v[i];
            if (hl_type_repr(ir->ins[r].type) == HL_REPR_NONE || !check_type_valid(ir->ins[r].type))
                fail(&c, "%%%d: parameter without a valid type", r);
        }
    }
    if (!c.failed)
        check_entry(&c);
    for (int32_t b = 0; b < ir->nblocks && !c.failed; b++)
        check_block(&c, b);
    if (!c.failed && hl_cfg_build(ir, &c.cfg))
        c.failed = c.no_memory = true;
    if (!c.failed) {
        for (int32_t i = 0; i < c.cfg.nrpo && !c.failed; i++)
            check_uses(&c, c.cfg.rpo[i]);
        if (ir->entry_exit >= 0 && !c.failed)
            check_snap(&c, ir->entry_exit, 0, INT32_MAX);
    }
    hl_cfg_free(&c.cfg);
    hl_mem_free(c.pos);
    hl_mem_free(c.placed);
    hl_mem_free(c.users);
    if (c.no_memory)
        return hl_check_no_memory;
    return c.failed ? buf : NULL;
}
