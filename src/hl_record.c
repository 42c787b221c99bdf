/* hl_record.c - the recorder: executes the bytecode of a hot loop on the real frame and appends typed
 * IR to the region's graph.
 *
 * The symbolic state gives each frame slot an IR value. A block begins at the region's entry, at
 * every bytecode position where paths can meet (joins and loop headers; the state then consists of
 * block parameters), or behind an exit (it goes on with the values of the exit's snapshot). Arriving
 * at a position for which a block with the same types exists, the recorder ends its block with a jump
 * and *follows* that block: it goes on executing, but compares what it would emit with what is there.
 * The first guard that differs is the guard that fails now: its exit is where a new path starts. So
 * one recording collects the paths of many iterations, and ends when nothing new was seen for a while.
 *
 * The frame is correct at every bytecode boundary. An instruction that cannot be compiled is executed
 * by CPython's evaluator, as a step (hl_rec_step.c), where that pays; else it is not executed: the path
 * ends with an exit there and the interpreter goes on. An instruction that raises
 * was executed by the recorder, once, and the interpreter unwinds from it. */
#include "hl_rec_int.h"

#include "hl_func.h"
#include "hl_mem.h"
#include "hl_np.h"
#include "hl_param.h"

/* --- types ------------------------------------------------------------------------------------- */

HlType hl_record_type_of(PyObject *o, bool *big)
{
    int64_t v;
    *big = false;
    if (PyLong_CheckExact(o)) {
        if (hl_long_unbox(o, &v))
            return HL_TYPE(I64);
        *big = true;
        return HL_TYPE(VOID);
    }
    if (PyFloat_CheckExact(o))
        return HL_TYPE(F64);
    if (PyBool_Check(o))
        return HL_TYPE(BOOL);
    if (PyList_CheckExact(o))
        return HL_TYPE(LIST);
    if (PyTuple_CheckExact(o))
        return HL_TYPE(TUPLE);
    if (PyBytes_CheckExact(o))
        return HL_TYPE(BYTES);
    if (hl_np_ready())
        return hl_np_type_of(o);
    return HL_TYPE(VOID);
}

HlType rec_type(HlRec *R, HlRef ref)
{
    return ref == HL_NOREF ? HL_TYPE(VOID) : R->ir->ins[ref].type;
}

/* --- symbolic state ---------------------------------------------------------------------------- */

HlSlot rec_value(HlRef ref)
{
    return (HlSlot){.kind = HL_SLOT_VALUE, .a = ref, .b = HL_NOREF, .c = HL_NOREF};
}

static HlSlot slot_unbound(void)
{
    return (HlSlot){.kind = HL_SLOT_UNBOUND, .a = HL_NOREF, .b = HL_NOREF, .c = HL_NOREF};
}

static HlSlot slot_frame(int32_t slot)
{
    return (HlSlot){.kind = HL_SLOT_FRAME, .a = slot, .b = HL_NOREF, .c = HL_NOREF};
}

static bool slot_is_cell(const HlBytecode *b, int32_t slot)
{
    return slot < b->nlocalsplus && b->is_cell[slot];
}

PyObject *rec_slot_object(HlRec *R, int32_t slot)
{
    PyObject *o = R->slots[slot];
    return o && slot_is_cell(R->b, slot) ? PyCell_GET(o) : o;
}

HlVal rec_slot(HlRec *R, int32_t slot)
{
    HlVal v = {.s = R->st[slot], .o = rec_slot_object(R, slot)};
    if (v.s.kind == HL_SLOT_VALUE)
        v.t = rec_type(R, v.s.a);
    return v;
}

HlVal rec_peek(HlRec *R, int32_t n)
{
    return rec_slot(R, R->b->nlocalsplus + R->depth - 1 - n);
}

RecStatus rec_stop(HlRec *R, HlReason why)
{
    if (R->pending == REC_OK) {
        R->pending = REC_STOP;
        R->why = why;
    }
    return R->pending;
}

void rec_overwrite(HlRec *R, int32_t slot)
{
    if (R->inlined >= 0)
        return; /* what the slots of such frames hold, others hold too */
    HlType t = R->st[slot].kind == HL_SLOT_VALUE ? rec_type(R, R->st[slot].a) : HL_TYPE(VOID);
    if (R->st[slot].kind == HL_SLOT_FRAME || hl_slot_is_iter(&R->st[slot]) ||
        (hl_type_is_object(t) && !rec_is_k(R, R->st[slot].a, HL_I_KOBJ)))
        R->r->slot_flags[slot] |= HL_SLOTF_DROPS;
    for (int32_t i = 0; i < R->r->nentry; i++)
        if (R->r->entry[i].slot == slot)
            R->r->entry[i].dies = true;
}

void rec_pop(HlRec *R, int32_t n)
{
    while (n-- > 0) {
        int32_t slot = R->b->nlocalsplus + --R->depth;
        rec_overwrite(R, slot);
        R->st[slot] = slot_unbound();
        Py_CLEAR(R->slots[slot]);
    }
}

void rec_push(HlRec *R, HlSlot s, PyObject *obj)
{
    int32_t slot = R->b->nlocalsplus + R->depth++;
    R->st[slot] = s;
    R->slots[slot] = obj;
}

RecStatus rec_finish(HlRec *R, int32_t n, HlSlot s, PyObject *obj)
{
    if (R->pending != REC_OK) {
        if (obj != R->result)
            Py_XDECREF(obj);
        return R->pending;
    }
    if (obj == R->result)
        R->result = NULL;
    rec_pop(R, n);
    rec_push(R, s, obj);
    return REC_OK;
}

RecStatus rec_finish_result(HlRec *R, int32_t n, HlRef ref)
{
    if (R->pending == REC_OK) {
        bool big;
        HlType t = hl_record_type_of(R->result, &big);
        if (big)
            rec_stop(R, HL_R_BIGINT);
        else if (!hl_type_eq(t, rec_type(R, ref)))
            rec_stop(R, HL_R_NYI_TYPE);
    }
    return rec_finish(R, n, rec_value(ref), R->result);
}

/* --- constants (in the entry block, where they dominate everything) ----------------------------- */

HlRef rec_const(HlRec *R, HlOp op, HlType type, int64_t bits)
{
    HlIr *ir = R->ir;
    HlRefVec *v = &ir->blocks[0].ins;
    for (int32_t i = 0; i < v->n; i++) {
        HlIns *k = &ir->ins[v->v[i]];
        if (k->op == op && k->imm.i == bits && hl_type_eq(k->type, type))
            return v->v[i];
    }
    HlIns ins = {.op = op, .type = type, .exit = -1, .pc = R->pc, .imm.i = bits};
    for (int i = 0; i < HL_MAX_ARGS; i++)
        ins.a[i] = HL_NOREF;
    HlRef ref = hl_ir_emit(ir, 0, &ins);
    if (ref == HL_NOREF)
        rec_stop(R, HL_R_NO_MEMORY);
    return ref;
}

HlRef rec_kint(HlRec *R, int64_t v)
{
    return rec_const(R, HL_I_KINT, HL_TYPE(I64), v);
}

HlRef rec_kfloat(HlRec *R, double v)
{
    int64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return rec_const(R, HL_I_KFLOAT, HL_TYPE(F64), bits);
}

HlRef rec_kbool(HlRec *R, bool v)
{
    return rec_const(R, HL_I_KBOOL, HL_TYPE(BOOL), v);
}

int rec_object_index(HlRec *R, PyObject *o)
{
    HlRegion *r = R->r;
    for (int32_t i = 0; i < r->nobjects; i++)
        if (r->objects[i] == o)
            return i;
    if (hl_mem_grow((void **)&r->objects, &r->cap_objects, r->nobjects + 1, sizeof(PyObject *)) <
        0) {
        rec_stop(R, HL_R_NO_MEMORY);
        return -1;
    }
    if (o != (PyObject *)r->code->orig) /* which owns the region */
        Py_INCREF(o);
    r->objects[r->nobjects] = o;
    return r->nobjects++;
}

HlRef rec_kobj(HlRec *R, PyObject *o)
{
    HlType seq = PyTuple_CheckExact(o) || PyBytes_CheckExact(o) ? rec_seq_type(o) : HL_TYPE(OBJ);
    int i = rec_object_index(R, o);
    return i < 0 ? HL_NOREF : rec_const(R, HL_I_KOBJ, seq, i);
}

bool rec_is_k(HlRec *R, HlRef ref, HlOp op)
{
    return ref != HL_NOREF && R->ir->ins[ref].op == op;
}

bool rec_is_kint(HlRec *R, HlRef ref, int64_t *v)
{
    if (!rec_is_k(R, ref, HL_I_KINT))
        return false;
    *v = R->ir->ins[ref].imm.i;
    return true;
}

PyObject *rec_const_obj(HlRec *R, HlVal v)
{
    if (v.s.kind != HL_SLOT_VALUE || !rec_is_k(R, v.s.a, HL_I_KOBJ))
        return NULL;
    return R->r->objects[R->ir->ins[v.s.a].imm.i];
}

int rec_global(HlRec *R, PyObject *dict, PyObject *name, PyObject *object)
{
    HlGlobals *g = &R->r->globals;
    for (int32_t i = 0; i < g->n; i++)
        if (g->v[i].dict == dict && g->v[i].name == name && g->v[i].object == object)
            return i;
    if (hl_mem_grow((void **)&g->v, &g->cap, g->n + 1, sizeof(HlGlobalRef)) < 0) {
        rec_stop(R, HL_R_NO_MEMORY);
        return -1;
    }
    g->v[g->n] = (HlGlobalRef){
        .dict = Py_XNewRef(dict), .name = Py_NewRef(name), .object = Py_XNewRef(object)};
    return g->n++;
}

/* --- emission ---------------------------------------------------------------------------------- */

static bool exit_may_grow(HlRec *R, int32_t exit)
{
    HlReason why = R->ir->exits[exit].reason;
    if (R->r->exits[exit].why_not != HL_R_NONE)
        return false;
    if (why == HL_R_POLL || why == HL_R_ENTRY || why == HL_R_GLOBAL || why == HL_R_RETURN ||
        why == HL_R_RELEASE)
        return false;
    if (hl_record_ends_loop(R->r, exit))
        return false;
    return R->ir->nblocks < hl_params.max_blocks;
}

/* The loop of the region, its own or an inlined function's, that the pc is in (header: that begins
 * there), as the region numbers them; -1 = none. */
static int32_t rec_loop(HlRec *R, bool header)
{
    int32_t loop = header ? hl_bc_loop_at(R->b, R->pc) : hl_bc_loop_of(R->b, R->pc);
    return loop < 0 || R->inlined < 0 ? loop : loop + R->ir->inlines[R->inlined].loops;
}

/* A new block at pc. */
static int32_t rec_block(HlRec *R)
{
    int32_t block = hl_ir_block(R->ir, R->pc);
    if (block < 0) {
        rec_stop(R, HL_R_NO_MEMORY);
        return -1;
    }
    R->ir->blocks[block].loop_of = rec_loop(R, false);
    R->ir->blocks[block].inlined = R->inlined;
    return block;
}

void rec_take_exit(HlRec *R, int32_t exit)
{
    HlExit *x = &R->ir->exits[exit];
    R->refine = R->r->steps > 0 && R->inlined < 0;
    if (x->target >= 0) {
        R->block = x->target;
        R->cursor = 0;
        R->following = true;
        R->pending = REC_RETRY;
        return;
    }
    if (!exit_may_grow(R, exit)) {
        rec_stop(R, R->ir->nblocks < hl_params.max_blocks ? HL_R_NONE : HL_R_TOO_MANY_BLOCKS);
        return;
    }
    int32_t block = rec_block(R);
    if (block < 0)
        return;
    R->ir->exits[exit].target = block;
    R->block = block;
    R->new_exit = exit;
    R->path_steps = 0;
    R->settled = 0;
    R->following = false;
    R->snap = -1;
    R->pending = REC_RETRY;
}

bool rec_make_snap(HlRec *R)
{
    if (R->snap < 0)
        R->snap = hl_ir_snap(R->ir, R->pc, R->state, rec_nstate(R));
    if (R->snap < 0)
        rec_stop(R, HL_R_NO_MEMORY);
    else
        R->ir->snaps[R->snap].inlined = R->inlined;
    return R->snap >= 0;
}

static int32_t rec_exit(HlRec *R, HlReason why)
{
    HlIr *ir = R->ir;
    HlRegion *r = R->r;
    if (!rec_make_snap(R) ||
        hl_mem_grow((void **)&r->exits, &r->cap_exits, ir->nexits + 1, sizeof(HlExitStat)) < 0)
        return -1;
    int32_t exit = hl_ir_exit(ir, R->snap, why);
    if (exit >= 0) {
        r->exits[exit] = (HlExitStat){.countdown = hl_params.hot_exit};
        r->nexits = ir->nexits;
    }
    return exit;
}

static bool same_ins(const HlIns *a, const HlIns *b)
{
    return a->op == b->op && a->aux == b->aux && hl_type_eq(a->type, b->type) &&
           hl_type_eq(a->check, b->check) && a->imm.i == b->imm.i &&
           memcmp(a->a, b->a, sizeof(a->a)) == 0;
}

/* The recorder comes by a branch. A processor's guess is right as long as it goes the same way; the bound is what
 * one that goes the rarer way in one of seven iterations, by chance, comes to. */
static void rec_went(HlRec *R, int32_t exit, bool left)
{
    enum { RUNS_LEAST = 16, RUNS_PER_TURN = 4 };
    HlExitStat *stat = &R->r->exits[exit];
    HlExit *x = &R->ir->exits[exit];
    if (x->reason != HL_R_BRANCH || stat->runs == UINT8_MAX)
        return;
    stat->turns += stat->runs > 0 && stat->left != left;
    stat->left = left;
    stat->runs++;
    x->unpredictable = stat->runs >= RUNS_LEAST && stat->turns * RUNS_PER_TURN >= stat->runs;
}

/* Following: the instruction must be the one that is there. */
static HlRef rec_follow(HlRec *R, const HlIns *ins)
{
    const HlBlock *blk = &R->ir->blocks[R->block];
    if (R->cursor < blk->ins.n) {
        HlRef there = blk->ins.v[R->cursor];
        const HlIns *e = &R->ir->ins[there];
        bool same = same_ins(e, ins);
        if (e->exit >= 0)
            rec_went(R, e->exit, !same);
        if (same) {
            R->cursor++;
            return there;
        }
        if (e->op ==
            HL_I_STEP) /* which is what the instruction is, or was when this was recorded */
            rec_stop(R, HL_R_MISMATCH);
        else if (e->exit >= 0)
            rec_take_exit(R, e->exit);
        else
            rec_stop(R, HL_R_MISMATCH);
    } else if (blk->term == HL_TERM_EXIT) {
        rec_take_exit(R, blk->exit);
    } else {
        rec_stop(R, HL_R_MISMATCH);
    }
    return HL_NOREF;
}

HlRef rec_emit_ins(HlRec *R, HlIns *ins, HlReason why)
{
    if (R->pending != REC_OK)
        return HL_NOREF;
    ins->pc = R->pc;
    ins->exit = -1;
    if (R->following)
        return rec_follow(R, ins);
    if (hl_op_info[ins->op].fx & HL_E_GUARD) {
        ins->exit = rec_exit(R, why);
        if (ins->exit < 0) {
            rec_stop(R, HL_R_NO_MEMORY);
            return HL_NOREF;
        }
    }
    HlRef ref = hl_ir_emit(R->ir, R->block, ins);
    if (ref == HL_NOREF)
        rec_stop(R, HL_R_NO_MEMORY);
    return ref;
}

static HlRef rec_emit_any(HlRec *R, HlOp op, HlType type, HlRef a, HlRef b, HlRef c, int aux,
                          HlReason why)
{
    HlIns ins = {.op = op, .aux = aux, .type = type, .a = {a, b, c, HL_NOREF, HL_NOREF}};
    for (int i = 0; i < hl_op_info[op].nargs; i++)
        if (ins.a[i] == HL_NOREF)
            return HL_NOREF; /* an operand was not emitted: R->pending says why */
    return rec_emit_ins(R, &ins, why);
}

HlRef rec_emit(HlRec *R, HlOp op, HlType type, HlRef a, HlRef b, int aux)
{
    return rec_emit_any(R, op, type, a, b, HL_NOREF, aux, HL_R_NONE);
}

HlRef rec_emit3(HlRec *R, HlOp op, HlType type, HlRef a, HlRef b, HlRef c)
{
    return rec_emit_any(R, op, type, a, b, c, 0, HL_R_NONE);
}

HlRef rec_guard(HlRec *R, HlOp op, HlType type, HlRef a, HlRef b, HlReason why)
{
    return rec_emit_any(R, op, type, a, b, HL_NOREF, 0, why);
}

void rec_guard_fp(HlRec *R, HlRef r, HlRef a, HlRef b, HlReason why)
{
    if (why == HL_R_FPCHECK)
        R->r->uses_npfloat = true;
    rec_emit_any(R, HL_I_GUARD_FP, HL_TYPE(VOID), r, a, b, 0, why);
}

void rec_guard_finite(HlRec *R, HlRef r)
{
    R->r->uses_npfloat = true;
    rec_emit_any(R, HL_I_GUARD_FINITE, HL_TYPE(VOID), r, HL_NOREF, HL_NOREF, 0, HL_R_FPCHECK);
}

void rec_guard_check(HlRec *R, HlOp op, HlRef a, HlType check, HlReason why)
{
    HlIns ins = {.op = op, .check = check, .a = {a, HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF}};
    if (a != HL_NOREF)
        rec_emit_ins(R, &ins, why);
}

void rec_guard_cond(HlRec *R, HlRef cond, bool seen, HlReason why)
{
    if (!rec_is_k(R, cond, HL_I_KBOOL))
        rec_guard(R, seen ? HL_I_GUARD_TRUE : HL_I_GUARD_FALSE, HL_TYPE(VOID), cond, HL_NOREF, why);
}

HlSlot rec_unbox(HlRec *R, HlRef obj, PyObject *o)
{
    bool big;
    HlType t = hl_record_complex_type(o);
    if (t.base != HL_T_VOID)
        return rec_complex_unbox(R, obj, t);
    t = hl_record_type_of(o, &big);
    HlRef ref = HL_NOREF;
    if (big) {
        rec_stop(R, HL_R_BIGINT);
        return slot_unbound();
    }
    if (t.base ==
        HL_T_VOID) /* of a type that machine code does not know: what it holds is not looked at */
        return rec_value(obj);
    if (t.base == HL_T_ARR) {
        rec_guard_check(R, HL_I_GUARD_ARRAY, obj, t, HL_R_ARRAY);
        return rec_value(rec_emit(R, HL_I_RETYPE, t, obj, HL_NOREF, 0));
    }
    rec_guard_check(R, HL_I_GUARD_TYPE, obj, t, HL_R_TYPE);
    if (hl_type_is_object(t))
        return rec_value(rec_emit(R, HL_I_RETYPE, t, obj, HL_NOREF, 0));
    if (t.base == HL_T_I64)
        ref = rec_guard(R, HL_I_UNBOX_I64, t, obj, HL_NOREF, HL_R_OVERFLOW);
    else if (t.base == HL_T_BOOL)
        ref = rec_emit(R, HL_I_UNBOX_BOOL, t, obj, HL_NOREF, 0);
    else if (t.base == HL_T_F64 || t.dtype == HL_D_F64)
        ref = rec_emit(R, HL_I_UNBOX_F64, t, obj, HL_NOREF, 0);
    else if (t.dtype == HL_D_I64)
        ref = rec_emit(R, HL_I_UNBOX_NPI64, t, obj, HL_NOREF, 0);
    else if (t.dtype == HL_D_BOOL)
        ref = rec_emit(R, HL_I_UNBOX_NPBOOL, t, obj, HL_NOREF, 0);
    else
        ref = rec_emit(R, HL_I_UNBOX_NP, t, obj, HL_NOREF, t.dtype);
    return rec_value(ref);
}

HlSlot rec_object(HlRec *R, HlRef obj, PyObject *o)
{
    bool big;
    if (rec_is_lasting(o)) {
        HlRef k = rec_kobj(R, o);
        rec_guard_cond(R, rec_emit(R, HL_I_IS, HL_TYPE(BOOL), obj, k, 0), true, HL_R_TYPE);
        return rec_value(k);
    }
    hl_record_type_of(o, &big);
    return big ? rec_value(obj) : rec_unbox(R, obj, o);
}

/* --- blocks ------------------------------------------------------------------------------------ */

static bool is_param_of(HlRec *R, HlRef ref, int32_t block)
{
    return ref != HL_NOREF && R->ir->ins[ref].op == HL_I_PARAM && R->ir->ins[ref].block == block;
}

/* One component: does `have` fit where the block wants `want`? Appends the jump argument. */
static int match_ref(HlRec *R, int32_t block, HlRef want, HlRef have, HlRefVec *args)
{
    if (!is_param_of(R, want, block))
        return want == have;
    if (!hl_type_eq(rec_type(R, want), rec_type(R, have)))
        return 0;
    if (hl_refvec_push(args, have) < 0) {
        rec_stop(R, HL_R_NO_MEMORY);
        return 0;
    }
    return 1;
}

/* Does the state fit the block's? Fills the jump's arguments, in the order of the parameters. */
static bool match_state(HlRec *R, int32_t block, HlRefVec *args)
{
    const HlBlockState *bs = &R->r->states[block];
    int32_t n = rec_nstate(R);
    args->n = 0;
    if (!bs->slots || bs->nslots != n)
        return false;
    for (int32_t i = 0; i < n; i++) {
        HlSlot w = bs->slots[i], h = R->state[i];
        if (w.kind != h.kind || w.more != h.more)
            return false;
        if (w.kind == HL_SLOT_FRAME && w.a != h.a)
            return false;
        for (int part = 0; part < hl_slot_nparts(&w); part++)
            if (!match_ref(R, block, w.part[part], h.part[part], args))
                return false;
    }
    return true;
}

int rec_block_state(HlRec *R, int32_t block, const HlSlot *slots, int32_t n)
{
    HlRegion *r = R->r;
    if (hl_mem_grow((void **)&r->states, &r->cap_states, block + 1, sizeof(HlBlockState)) < 0)
        return -1;
    HlSlot *copy = hl_mem_alloc((size_t)(n ? n : 1) * sizeof(HlSlot));
    if (!copy)
        return -1;
    memcpy(copy, slots, (size_t)n * sizeof(HlSlot));
    r->states[block] = (HlBlockState){.slots = copy, .nslots = n};
    return 0;
}

/* A parameter for one component of a slot, unless it is an object or step known as a constant. */
static HlRef make_param(HlRec *R, int32_t block, HlRef have, bool keep_constant, HlRefVec *args)
{
    if (have == HL_NOREF || rec_is_k(R, have, HL_I_KOBJ) ||
        (keep_constant && rec_is_k(R, have, HL_I_KINT)))
        return have;
    HlRef p = hl_ir_param(R->ir, block, rec_type(R, have));
    if (p == HL_NOREF || hl_refvec_push(args, have) < 0) {
        rec_stop(R, HL_R_NO_MEMORY);
        return HL_NOREF;
    }
    return p;
}

void rec_slot_params(HlRec *R, int32_t block, HlSlot *s, HlRefVec *args)
{
    /* A range's step stays the constant that it is. */
    for (int part = 0; part < hl_slot_nparts(s); part++)
        s->part[part] =
            make_param(R, block, s->part[part], s->kind == HL_SLOT_RANGE && part == 1, args);
}

/* A new block at pc, whose state is the present one with parameters for what may vary. */
static int32_t make_block(HlRec *R, HlRefVec *args)
{
    int32_t block = rec_block(R);
    if (block < 0)
        return -1;
    R->ir->blocks[block].loop = rec_loop(R, true);
    args->n = 0;
    for (int32_t i = 0; i < rec_nstate(R); i++)
        rec_slot_params(R, block, &R->state[i], args);
    if (R->pending == REC_OK && rec_block_state(R, block, R->state, rec_nstate(R)) < 0)
        rec_stop(R, HL_R_NO_MEMORY);
    return R->pending == REC_OK ? block : -1;
}

static void enter_block(HlRec *R, int32_t block)
{
    const HlBlockState *bs = &R->r->states[block];
    memcpy(R->state, bs->slots, (size_t)bs->nslots * sizeof(HlSlot));
    R->block = block;
    R->cursor = 0;
    R->following = true;
}

/* Out of memory in the middle of a change of the graph: it is never compiled. */
static void rec_drop_region(HlRec *R)
{
    R->r->state = HL_REGION_DEAD;
    R->r->dead_why = HL_R_NO_MEMORY;
}

static bool is_here(HlRec *R, int32_t block)
{
    const HlBlock *blk = &R->ir->blocks[block];
    return blk->pc == R->pc && blk->inlined == R->inlined;
}

/* The recorded path arrives at a join or loop header. */
static RecStatus rec_arrive(HlRec *R)
{
    if (R->following) {
        const HlBlock *blk = &R->ir->blocks[R->block];
        if (R->cursor == blk->ins.n && blk->term == HL_TERM_JUMP && is_here(R, blk->target)) {
            /* Back at a header that was passed before the path joined: that is a loop, too. */
            R->closed |= R->ir->blocks[blk->target].loop >= 0;
            enter_block(R, blk->target);
            return REC_OK;
        }
        if (R->cursor == blk->ins.n && blk->term == HL_TERM_EXIT)
            rec_take_exit(R, blk->exit);
        else
            rec_stop(R, HL_R_MISMATCH);
        if (R->pending != REC_RETRY)
            return R->pending;
        R->pending = REC_OK;
        R->refine =
            false; /* as when that block was recorded: it goes on to the one that begins here */
        if (R->following)
            return rec_arrive(R);
    }
    HlRefVec args = {0};
    int32_t variants = 0, found = -1;
    for (int32_t i = 1; i < R->ir->nblocks && found < 0; i++) {
        if (!is_here(R, i) || i >= R->r->cap_states || !R->r->states[i].slots)
            continue;
        variants++;
        if (match_state(R, i, &args))
            found = i;
    }
    if (found < 0 && variants >= hl_params.max_variants)
        rec_stop(R, HL_R_TOO_MANY_VARIANTS);
    else if (found < 0 && R->ir->nblocks >= hl_params.max_blocks)
        rec_stop(R, HL_R_TOO_MANY_BLOCKS);
    if (R->pending == REC_OK && found < 0) {
        found = rec_import(R, &args);
        if (R->pending != REC_OK)
            rec_drop_region(R);
    }
    if (R->pending == REC_OK) {
        int32_t target = found >= 0 ? found : make_block(R, &args);
        if (target >= 0 && hl_ir_jump(R->ir, R->block, target, args.v, args.n) < 0)
            rec_stop(R, HL_R_NO_MEMORY);
        if (R->pending != REC_OK)
            rec_drop_region(R);
        if (R->pending == REC_OK) {
            R->grew = true;
            R->new_exit = -1; /* the path has joined: it stays */
            if (found >= 0) {
                if (R->ir->blocks[found].loop >= 0)
                    R->closed = true;
                enter_block(R, found);
            } else {
                R->block = target;
                R->snap = -1;
            }
        }
    }
    hl_mem_free(args.v);
    return R->pending;
}

/* Ends the path that is being recorded with an exit at pc. A path that holds nothing is taken back. */
static void rec_end_path(HlRec *R, HlReason why)
{
    HlBlock *blk = &R->ir->blocks[R->block];
    if (R->following || blk->term != HL_TERM_OPEN)
        return;
    R->pending = REC_OK;
    int32_t exit = rec_exit(R, why);
    R->pending = REC_STOP;
    if (exit < 0) {
        rec_drop_region(R);
        exit = R->ir->entry_exit;
    }
    hl_ir_end(R->ir, R->block, exit);
    if (why != HL_R_INTERRUPTED && why != HL_R_RAISED && why != HL_R_NONE)
        R->r->exits[exit].why_not = why;
    if (R->new_exit >= 0 && (R->path_steps == 0 || why == HL_R_LOOP_END)) {
        /* Nothing gained behind that exit. */
        R->ir->exits[R->new_exit].target = -1;
        if (why != HL_R_INTERRUPTED && why != HL_R_RAISED)
            R->r->exits[R->new_exit].why_not = why;
    } else {
        R->grew = true;
    }
}

/* --- simple instructions ----------------------------------------------------------------------- */

static RecStatus rec_load(HlRec *R, HlVal v)
{
    if (!v.o)
        return rec_stop(R, HL_R_NYI_UNBOUND);
    rec_push(R, v.s, Py_NewRef(v.o));
    return REC_OK;
}

static RecStatus rec_store_fast(HlRec *R, int32_t slot)
{
    int32_t top = R->b->nlocalsplus + R->depth - 1;
    PyObject *old = R->slots[slot];
    if (hl_slot_is_iter(&R->st[top]))
        return rec_stop(R, HL_R_NYI_ITER);
    rec_overwrite(R, slot);
    R->st[slot] = R->st[top];
    R->slots[slot] = R->slots[top];
    R->slots[top] = NULL;
    R->st[top] = slot_unbound();
    R->depth--;
    Py_XDECREF(old);
    return REC_OK;
}

static RecStatus rec_store_deref(HlRec *R, int32_t slot)
{
    int32_t top = R->b->nlocalsplus + R->depth - 1;
    if (hl_slot_is_iter(&R->st[top]))
        return rec_stop(R, HL_R_NYI_ITER);
    if (R->inlined >= 0) /* machine code keeps what its own frame's cells hold in registers only */
        return rec_stop(R, HL_R_NYI_CALLEE);
    rec_overwrite(R, slot);
    R->st[slot] = R->st[top];
    R->st[top] = slot_unbound();
    PyObject *v = R->slots[top];
    R->slots[top] = NULL;
    R->depth--;
    PyCell_Set(R->slots[slot], v);
    Py_XDECREF(v);
    return REC_OK;
}

static RecStatus rec_delete_fast(HlRec *R, int32_t slot)
{
    if (!R->slots[slot])
        return rec_stop(R, HL_R_NYI_UNBOUND);
    rec_overwrite(R, slot);
    R->st[slot] = slot_unbound();
    Py_CLEAR(R->slots[slot]);
    return REC_OK;
}

HlRef rec_const_value(HlRec *R, PyObject *o)
{
    bool big;
    HlType t = hl_record_type_of(o, &big);
    int64_t v;
    if (t.base == HL_T_I64 && hl_long_unbox(o, &v))
        return rec_kint(R, v);
    if (t.base == HL_T_F64)
        return rec_kfloat(R, PyFloat_AS_DOUBLE(o));
    if (t.base == HL_T_BOOL)
        return rec_kbool(R, o == Py_True);
    return rec_kobj(R, o);
}

static HlSlot rec_const_slot(HlRec *R, PyObject *o)
{
    return PyComplex_CheckExact(o) ? rec_complex_const(R, o) : rec_value(rec_const_value(R, o));
}

static RecStatus rec_load_const(HlRec *R, int32_t index)
{
    PyObject *o = PyTuple_GET_ITEM(R->code->orig->co_consts, index);
    HlSlot s = rec_const_slot(R, o);
    if (R->pending != REC_OK)
        return R->pending;
    rec_push(R, s, Py_NewRef(o));
    return REC_OK;
}

/* a, b = 0, 1: the tuple is a constant. */
static RecStatus rec_unpack(HlRec *R, int32_t n)
{
    PyObject *tuple = rec_const_obj(R, rec_peek(R, 0));
    if (rec_is_array(rec_peek(R, 0)))
        return rec_array_unpack(R, n);
    if (!tuple || !PyTuple_CheckExact(tuple) || PyTuple_GET_SIZE(tuple) != n)
        return rec_seq_unpack(R, rec_peek(R, 0), n);
    for (int32_t i = 0; i < n; i++) /* all of them, before anything changes */
        rec_const_slot(R, PyTuple_GET_ITEM(tuple, i));
    if (R->pending != REC_OK)
        return R->pending;
    Py_INCREF(tuple);
    rec_pop(R, 1);
    for (int32_t i = n - 1; i >= 0; i--) {
        PyObject *o = PyTuple_GET_ITEM(tuple, i);
        rec_push(R, rec_const_slot(R, o), Py_NewRef(o));
    }
    Py_DECREF(tuple);
    return REC_OK;
}

static RecStatus rec_copy(HlRec *R, int32_t n)
{
    HlVal v = rec_peek(R, n - 1);
    if (hl_slot_is_iter(&v.s))
        return rec_stop(R, HL_R_NYI_ITER);
    rec_push(R, v.s, Py_XNewRef(v.o));
    return REC_OK;
}

static RecStatus rec_swap(HlRec *R, int32_t n)
{
    int32_t top = R->b->nlocalsplus + R->depth - 1, other = top - (n - 1);
    HlSlot s = R->st[top];
    PyObject *o = R->slots[top];
    R->st[top] = R->st[other];
    R->slots[top] = R->slots[other];
    R->st[other] = s;
    R->slots[other] = o;
    return REC_OK;
}

/* Are the items of the tuple that is built swapped, or assigned to names, and it is never made? */
static bool tuple_unpacked(const HlRec *R, const HlBc *bc)
{
    const HlBc *use = &R->b->bc[bc->next];
    return use->op == HL_BC_UNPACK_SEQUENCE && use->arg == bc->arg && !use->flags;
}

/* Is it that of the indices in a[i, j], a[i, j] = x or a[i, j] += x? */
static bool tuple_is_index(const HlRec *R, const HlBc *bc)
{
    const HlBc *use = &R->b->bc[bc->next];
    return bc->arg >= 1 && bc->arg <= HL_MAX_NDIM &&
           (use->op == HL_BC_SUBSCR || use->op == HL_BC_STORE_SUBSCR ||
            (use->op == HL_BC_COPY && use->arg == 2));
}

bool rec_tuple_is_virtual(const HlRec *R, const HlBc *bc)
{
    return tuple_unpacked(R, bc) || tuple_is_index(R, bc);
}

static RecStatus rec_build_index(HlRec *R, const HlBc *bc)
{
    int32_t n = bc->arg;
    bool numbers = tuple_is_index(R, bc);
    for (int32_t i = 0; numbers && i < n; i++)
        numbers = rec_is_number(rec_peek(R, i).t);
    if (!numbers)
        return rec_array_tuple(R, bc);
    HlSlot s = {.kind = HL_SLOT_TUPLE, .more = (uint8_t)n};
    for (int32_t i = 0; i < n; i++)
        s.part[i] = rec_peek(R, n - 1 - i).s.a;
    PyObject *tuple = PyTuple_New(n);
    if (!tuple)
        return REC_RAISED;
    for (int32_t i = 0; i < n; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(rec_peek(R, n - 1 - i).o));
    return rec_finish(R, n, s, tuple);
}

/* BUILD_TUPLE n; UNPACK_SEQUENCE n: a permutation; the tuple is never made. */
static RecStatus rec_build_tuple(HlRec *R, const HlBc *bc)
{
    if (!tuple_unpacked(R, bc))
        return rec_build_index(R, bc);
    for (int32_t i = 0, j = bc->arg - 1; i < j; i++, j--) {
        int32_t base = R->b->nlocalsplus + R->depth - bc->arg;
        HlSlot s = R->st[base + i];
        PyObject *o = R->slots[base + i];
        R->st[base + i] = R->st[base + j];
        R->slots[base + i] = R->slots[base + j];
        R->st[base + j] = s;
        R->slots[base + j] = o;
    }
    R->next = R->b->bc[bc->next].next;
    return REC_OK;
}

/* Concrete truth of a number, sequence or None; such objects' truth tests run no Python. */
static bool concrete_truth(PyObject *o)
{
    return PyObject_IsTrue(o) > 0;
}

static RecStatus rec_poll(HlRec *R, const HlBc *bc)
{
    if (!(bc->flags & HL_BCF_BACKEDGE))
        return REC_OK;
    rec_guard(R, HL_I_POLL, HL_TYPE(VOID), HL_NOREF, HL_NOREF, HL_R_POLL);
    return R->pending;
}

/* Is a value that is no number the lasting object k? An object of the frame is looked at there. */
static HlRef rec_is(HlRec *R, HlVal v, PyObject *k)
{
    HlRef p = v.s.kind == HL_SLOT_VALUE && v.t.base == HL_T_OBJ ? v.s.a : HL_NOREF;
    if (v.s.kind == HL_SLOT_FRAME && v.o && R->r->steps) {
        HlIns ins = {.op = HL_I_FRAME_LOAD,
                     .aux = slot_is_cell(R->b, v.s.a),
                     .type = HL_TYPE(OBJ),
                     .imm.i = v.s.a,
                     .a = {HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF}};
        p = rec_emit_ins(R, &ins, HL_R_NONE);
    }
    if (p == HL_NOREF) {
        rec_stop(R, HL_R_NYI_TYPE);
        return HL_NOREF;
    }
    return rec_emit(R, HL_I_IS, HL_TYPE(BOOL), p, rec_kobj(R, k), 0);
}

static RecStatus rec_pop_jump(HlRec *R, const HlBc *bc)
{
    HlVal v = rec_peek(R, 0);
    bool taken;
    if (rec_poll(R, bc) != REC_OK)
        return R->pending;
    if (bc->arg == HL_IF_NONE || bc->arg == HL_IF_NOT_NONE) {
        /* A typed value, or a view, is never None; a constant is known. */
        if ((v.s.kind != HL_SLOT_VALUE && !rec_is_complex(v) && !rec_is_array(v)) ||
            (v.t.base == HL_T_OBJ && !rec_const_obj(R, v))) {
            HlRef none = rec_is(R, v, Py_None);
            if (R->pending != REC_OK)
                return R->pending;
            rec_guard_cond(R, none, v.o == Py_None, HL_R_BRANCH);
        }
        taken = (v.o == Py_None) == (bc->arg == HL_IF_NONE);
    } else {
        HlRef t = rec_truth(R, v);
        if (R->pending != REC_OK)
            return R->pending;
        bool truth = concrete_truth(v.o);
        rec_guard_cond(R, t, truth, HL_R_BRANCH);
        taken = truth == (bc->arg == HL_IF_TRUE);
    }
    if (R->pending != REC_OK)
        return R->pending;
    rec_pop(R, 1);
    R->next = taken ? bc->target : bc->next;
    return REC_OK;
}

static RecStatus rec_jump_or_pop(HlRec *R, const HlBc *bc)
{
    HlVal v = rec_peek(R, 0);
    HlRef t = rec_truth(R, v);
    if (R->pending != REC_OK)
        return R->pending;
    bool truth = concrete_truth(v.o);
    rec_guard_cond(R, t, truth, HL_R_BRANCH);
    if (R->pending != REC_OK)
        return R->pending;
    if (truth == (bc->arg == 1)) {
        R->next = bc->target;
    } else {
        rec_pop(R, 1);
    }
    return REC_OK;
}

static RecStatus rec_is_op(HlRec *R, const HlBc *bc)
{
    HlVal l = rec_peek(R, 1), r = rec_peek(R, 0);
    PyObject *lo = rec_const_obj(R, l), *ro = rec_const_obj(R, r);
    bool same = l.o == r.o;
    /* Known while recording: two constants, or a constant against a value of a numeric type. Whether
     * two numbers are one object is not. */
    bool known = (lo && ro) || (lo && (rec_is_number(r.t) || rec_is_complex(r))) ||
                 (ro && (rec_is_number(l.t) || rec_is_complex(l)));
    bool objects = hl_type_is_object(l.t) && hl_type_is_object(r.t);
    HlRef c = HL_NOREF;
    if (l.s.kind == HL_SLOT_VIEW || r.s.kind == HL_SLOT_VIEW)
        c = rec_same_view(R, l, r);
    else if (known)
        c = rec_kbool(R, same != (bool)bc->arg);
    else if (objects)
        c = rec_emit(R, HL_I_IS, HL_TYPE(BOOL), l.s.a, r.s.a, 0);
    else if (l.t.base == HL_T_BOOL && r.t.base == HL_T_BOOL)
        c = rec_emit(R, HL_I_BNOT, HL_TYPE(BOOL),
                     rec_emit(R, HL_I_BXOR, HL_TYPE(BOOL), l.s.a, r.s.a, 0), HL_NOREF, 0);
    else if (lo || ro)
        c = rec_is(R, lo ? r : l, lo ? lo : ro);
    else
        return rec_stop(R, HL_R_NYI_TYPE);
    if (!known && bc->arg)
        c = rec_emit(R, HL_I_BNOT, HL_TYPE(BOOL), c, HL_NOREF, 0);
    return rec_finish(R, 2, rec_value(c), Py_NewRef(same != (bool)bc->arg ? Py_True : Py_False));
}

static RecStatus rec_dispatch(HlRec *R, const HlBc *bc)
{
    switch ((HlBcOp)bc->op) {
    case HL_BC_NOP: return REC_OK;
    case HL_BC_LOAD_CONST: return rec_load_const(R, bc->arg);
    case HL_BC_LOAD_FAST:
    case HL_BC_LOAD_DEREF: return rec_load(R, rec_slot(R, bc->arg));
    case HL_BC_STORE_FAST: return rec_store_fast(R, bc->arg);
    case HL_BC_STORE_DEREF: return rec_store_deref(R, bc->arg);
    case HL_BC_DELETE_FAST: return rec_delete_fast(R, bc->arg);
    case HL_BC_LOAD_GLOBAL: return rec_load_global(R, bc);
    case HL_BC_LOAD_ATTR: return rec_load_attr(R, bc, false);
    case HL_BC_LOAD_METHOD: return rec_load_attr(R, bc, true);
    case HL_BC_PUSH_NULL: rec_push(R, slot_unbound(), NULL); return REC_OK;
    case HL_BC_POP_TOP: rec_pop(R, 1); return REC_OK;
    case HL_BC_COPY: return rec_copy(R, bc->arg);
    case HL_BC_SWAP: return rec_swap(R, bc->arg);
    case HL_BC_BUILD_TUPLE: return rec_build_tuple(R, bc);
    case HL_BC_BUILD_SLICE: return rec_build_slice(R, bc->arg);
    case HL_BC_UNPACK_SEQUENCE: return rec_unpack(R, bc->arg);
    case HL_BC_UNARY: return rec_unary(R, bc->arg);
    case HL_BC_BINARY: return rec_binary(R, bc->arg, bc->arg2 != 0);
    case HL_BC_COMPARE: return rec_compare(R, bc->arg);
    case HL_BC_IS_OP: return rec_is_op(R, bc);
    case HL_BC_CONTAINS_OP: return rec_contains(R, bc->arg != 0);
    case HL_BC_SUBSCR: return rec_subscr(R);
    case HL_BC_STORE_SUBSCR: return rec_store_subscr(R);
    case HL_BC_FOR_ITER: return rec_for_iter(R, bc);
    case HL_BC_GET_ITER: return rec_get_iter(R);
    case HL_BC_LIST_APPEND: return rec_list_append(R, bc->arg);
    case HL_BC_JUMP:
        if (rec_poll(R, bc) != REC_OK)
            return R->pending;
        R->next = bc->target;
        return REC_OK;
    case HL_BC_POP_JUMP_IF: return rec_pop_jump(R, bc);
    case HL_BC_JUMP_IF_OR_POP: return rec_jump_or_pop(R, bc);
    case HL_BC_CALL: return rec_call(R, bc);
    case HL_BC_KW_NAMES: return rec_call_keywords(R, bc);
    case HL_BC_RETURN_VALUE: return rec_return(R);
    case HL_BC_CACHE:
    case HL_BC_UNSUPPORTED:
    case HL_BC_STORE_GLOBAL:
    case HL_BC_STORE_ATTR:
    case HL_BC_DELETE_SUBSCR:
    case HL_BC_BUILD_LIST:
    case HL_BC__COUNT: break;
    }
    return rec_stop(R, HL_R_NYI_OP);
}

/* --- the entry --------------------------------------------------------------------------------- */

/* Does an instruction of the loop name the slot? */
static bool slot_mentioned(const HlBytecode *b, int32_t loop, int32_t slot)
{
    for (int32_t pc = 0; pc < b->n; pc++) {
        const HlBc *bc = &b->bc[pc];
        bool by_slot = bc->op == HL_BC_LOAD_FAST || bc->op == HL_BC_STORE_FAST ||
                       bc->op == HL_BC_DELETE_FAST || bc->op == HL_BC_LOAD_DEREF ||
                       bc->op == HL_BC_STORE_DEREF;
        if (by_slot && bc->arg == slot && hl_bc_loop_within(b, bc->loop, loop))
            return true;
    }
    return false;
}

bool rec_is_lasting(PyObject *o)
{
    return o == Py_None || PyCFunction_Check(o) || PyModule_Check(o) ||
           (PyType_Check(o) && !PyType_HasFeature((PyTypeObject *)o, Py_TPFLAGS_HEAPTYPE)) ||
           hl_np_is_ufunc(o) || hl_np_is_lasting_dtype(o);
}

bool rec_has_type(PyObject *o)
{
    bool big;
    return rec_is_lasting(o) || hl_record_complex_type(o).base != HL_T_VOID ||
           hl_record_type_of(o, &big).base != HL_T_VOID;
}

bool hl_record_is_function(PyObject *o)
{
    return PyFunction_Check(o) || Py_IS_TYPE(o, &HlFunction_Type);
}

static HlRef entry_input(HlRec *R, int32_t slot, HlInputPart part, HlType type)
{
    int32_t i = hl_ir_input(R->ir, slot, part);
    if (i < 0)
        return HL_NOREF;
    R->ir->inputs[i].cell = slot_is_cell(R->b, slot);
    return hl_ir_param(R->ir, 0, type);
}

/* Does a loop of the function give the slot a value? */
static bool slot_changes(const HlBytecode *b, int32_t slot)
{
    for (int32_t pc = 0; pc < b->n; pc++) {
        const HlBc *bc = &b->bc[pc];
        bool stored = bc->op == HL_BC_STORE_FAST || bc->op == HL_BC_STORE_DEREF ||
                      bc->op == HL_BC_DELETE_FAST;
        if (stored && bc->arg == slot && bc->loop >= 0)
            return true;
    }
    return b->is_cell[slot];
}

static uint8_t as_seen(int64_t n)
{
    return n >= 1 && n <= HL_SEEN_MOST ? (uint8_t)n : 0;
}

/* Remembers lengths that machine code may rely upon. */
static void entry_seen(HlRec *R, int32_t slot, HlType t, PyObject *o)
{
    HlInput *in = &R->ir->inputs[R->ir->ninputs - 1];
    int64_t n;
    if (t.base == HL_T_ARR)
        for (int axis = 0; axis < t.ndim; axis++)
            in->seen[axis] = as_seen(hl_np_length(o, axis));
    else if (t.base == HL_T_I64 && slot < R->b->nlocalsplus && !slot_changes(R->b, slot) &&
             hl_long_unbox(o, &n))
        in->seen[0] = as_seen(n);
}

/* The kind of an iterator, over sequences of types that machine code knows; UNBOUND = it is none. */
static uint8_t entry_iter_kind(HlEntrySlot *e, PyObject *o)
{
    HlIter it;
    if (hl_range_check(o))
        return HL_SLOT_RANGE;
    if (!hl_iter_get(o, &it))
        return HL_SLOT_UNBOUND;
    e->nseq = it.nseq;
    for (int i = 0; i < it.nseq; i++) {
        e->seq[i] = rec_seq_type(it.seq[i]);
        if (e->seq[i].base == HL_T_VOID)
            return HL_SLOT_UNBOUND;
    }
    return it.kind;
}

/* The parts of an iterator become inputs. */
static int entry_iter(HlRec *R, HlEntrySlot *e, PyObject *o, HlSlot *s)
{
    s->kind = e->iter;
    if (e->iter == HL_SLOT_RANGE) {
        int64_t next, left;
        hl_range_get(o, &next, &e->step, &left);
        /* Most steps are 1, and worth knowing; one that a program computes is rarely twice the same. */
        e->fixed_step = e->step == 1 || e->step == -1;
        s->a = entry_input(R, e->slot, HL_IN_RANGE_NEXT, HL_TYPE(I64));
        s->c = entry_input(R, e->slot, HL_IN_RANGE_LEFT, HL_TYPE(I64));
        s->b = e->fixed_step ? rec_kint(R, e->step)
                             : entry_input(R, e->slot, HL_IN_RANGE_STEP, HL_TYPE(I64));
        return s->a == HL_NOREF || s->b == HL_NOREF || s->c == HL_NOREF ? -1 : 0;
    }
    s->more = e->iter == HL_SLOT_ZIP ? e->nseq : 0;
    for (int part = 0; part < hl_slot_nparts(s); part++) {
        HlInputPart in = hl_iter_input(s->kind, part);
        HlType t = hl_input_is_seq(in) ? e->seq[in - HL_IN_ITER_SEQ] : HL_TYPE(I64);
        s->part[part] = entry_input(R, e->slot, in, t);
        if (s->part[part] == HL_NOREF)
            return -1;
    }
    return 0;
}

/* Types one slot of the frame for the region's entry. */
static int entry_slot(HlRec *R, int32_t slot, bool wanted)
{
    PyObject *o = rec_slot_object(R, slot);
    HlEntrySlot e = {.slot = slot, .input = R->ir->ninputs};
    HlSlot *s = &R->st[slot];
    bool big, on_stack = slot >= R->b->nlocalsplus;
    HlType complex = o ? hl_record_complex_type(o) : HL_TYPE(VOID);
    bool alone = on_stack && o && Py_REFCNT(o) == 1;
    uint8_t iter = alone ? entry_iter_kind(&e, o) : HL_SLOT_UNBOUND;
    HlType t;
    *s = slot_frame(slot);
    if (!wanted)
        e.input = -1;
    else if (!o)
        e.unbound = true;
    else if (iter != HL_SLOT_UNBOUND)
        e.iter = iter;
    else if (complex.base != HL_T_VOID)
        e.type = complex;
    else if (t = hl_record_type_of(o, &big), t.base != HL_T_VOID)
        e.type = t;
    else if (rec_is_lasting(o))
        e.same = true;
    else if (hl_record_is_function(o))
        e.type = HL_TYPE(OBJ);
    else
        e.bound = true;
    if (wanted && !on_stack)
        R->r->slot_flags[slot] |= HL_SLOTF_NAMED;
    if (wanted && slot_is_cell(R->b, slot))
        R->r->slot_flags[slot] |= HL_SLOTF_BOUND;

    if (e.unbound) {
        *s = slot_unbound();
    } else if (e.iter != HL_SLOT_UNBOUND) {
        if (entry_iter(R, &e, o, s) < 0)
            return -1;
    } else if (e.type.base != HL_T_VOID && hl_type_eq(e.type, complex)) {
        s->kind = HL_SLOT_COMPLEX;
        s->a = entry_input(R, slot, HL_IN_REAL, hl_type_part(complex));
        s->b = entry_input(R, slot, HL_IN_IMAG, hl_type_part(complex));
        if (s->a == HL_NOREF || s->b == HL_NOREF)
            return -1;
    } else if (e.type.base != HL_T_VOID) {
        *s = rec_value(entry_input(R, slot, HL_IN_VALUE, e.type));
        if (s->a == HL_NOREF)
            return -1;
        entry_seen(R, slot, e.type, o);
    } else if (e.same) {
        e.object = o;
        *s = rec_value(rec_kobj(R, o)); /* which keeps it alive */
        if (s->a == HL_NOREF)
            return -1;
    }
    if (e.input == R->ir->ninputs)
        e.input = -1;
    R->r->entry[R->r->nentry++] = e;
    return 0;
}

static int rec_entry(HlRec *R)
{
    HlRegion *r = R->r;
    int32_t n = R->b->nlocalsplus + R->depth;
    r->entry = hl_mem_alloc((size_t)(n ? n : 1) * sizeof(HlEntrySlot));
    if (!r->entry || hl_ir_block(R->ir, R->pc) != 0)
        return -1;
    R->block = 0;
    for (int32_t i = 0; i < n; i++) {
        bool on_stack = i >= R->b->nlocalsplus;
        if (entry_slot(R, i, on_stack || slot_mentioned(R->b, r->loop, i)) < 0)
            return -1;
    }
    R->ir->entry_exit = rec_exit(R, HL_R_ENTRY);
    return R->ir->entry_exit < 0 ? -1 : 0;
}

/* --- the recording ----------------------------------------------------------------------------- */

/* Is pc inside the loop that the region is about? The loops around it have regions of their own. */
static bool in_loop(HlRec *R)
{
    return R->inlined >= 0 || hl_bc_loop_within(R->b, hl_bc_loop_of(R->b, R->pc), R->r->loop);
}

static bool at_boundary(HlRec *R)
{
    return R->meet || (R->b->bc[R->pc].flags & (HL_BCF_JOIN | HL_BCF_HEADER)) != 0;
}

void rec_keep_result(HlRec *R)
{
    PyObject *o = R->result;
    R->result = NULL;
    rec_pop(R, R->pops);
    rec_push(R, slot_unbound(), o);
    R->pc = R->next;
}

void rec_ends(HlRec *R, HlRecordEnd end)
{
    R->stop_pc = rec_own_pc(R);
    R->over = true;
    R->end = end;
}

bool rec_run(HlRec *R, bool arrived)
{
    for (;;) {
        const HlBc *bc = &R->b->bc[R->pc];
        R->pending = REC_OK;
        R->why = HL_R_NONE;
        hl_frame_at(R->f, R->pc);
        if (!in_loop(R)) {
            R->why = HL_R_LOOP_END;
            rec_end_path(R, HL_R_LOOP_END);
            rec_ends(R, HL_RECORD_DONE);
            return true;
        }
        if (R->refine) {
            RecStatus st = rec_refine(R);
            if (st == REC_RETRY)
                continue;
            if (st != REC_OK) {
                rec_end_path(R, R->why);
                rec_ends(R, HL_RECORD_DONE);
                return true;
            }
        }
        if (!arrived && at_boundary(R)) {
            bool header = (bc->flags & HL_BCF_HEADER) != 0;
            R->rounds += header;
            if (rec_arrive(R) != REC_OK) {
                rec_end_path(R, R->why);
                rec_ends(R, HL_RECORD_DONE);
                return true;
            }
            if (header && R->following && (++R->settled > hl_params.settle || rec_may_wait(R))) {
                rec_ends(R, HL_RECORD_DONE);
                return true;
            }
        }
        arrived = true; /* of this pc, whatever is retried */
        R->meet = false;
        if (R->nsteps >= hl_params.max_record || R->path_steps >= hl_params.max_path) {
            /* Following, it has been through long enough without a new path: it has settled. */
            R->why = R->following ? HL_R_NONE : HL_R_TOO_LONG;
            rec_end_path(R, R->why);
            rec_ends(R, HL_RECORD_DONE);
            return true;
        }
        if ((bc->flags & HL_BCF_BACKEDGE) && *hl_eval_breaker()) {
            R->why = HL_R_INTERRUPTED;
            rec_end_path(R, HL_R_INTERRUPTED);
            rec_ends(R, HL_RECORD_SERVE);
            return true;
        }
        if (!R->result) { /* else it is a retry: what has been computed stays, and what it replaces */
            R->next = bc->next;
            R->pops = 0;
        }
        R->nviews = 0;
        R->before_ins = R->ir->blocks[R->block].ins.n;
        RecStatus st = rec_step_follows(R) ? rec_stop(R, HL_R_NONE) : rec_dispatch(R, bc);
        if (st == REC_STOP)
            st = rec_step(R);
        if (st == REC_OK) {
            Py_CLEAR(R->result);
            R->pc = R->next;
            R->snap = -1;
            R->nsteps++;
            if (!R->following)
                R->path_steps++;
            arrived = false;
        } else if (st == REC_RETURNED) {
            R->nsteps++;
            if (!R->following)
                R->path_steps++;
            return false;
        } else if (st == REC_OVER) {
            return true;
        } else if (st == REC_AWAY) {
            rec_end_path(R, HL_R_RAISED);
            return true;
        } else if (st == REC_STOP || st == REC_RAISED) {
            rec_end_path(R, st == REC_RAISED ? HL_R_RAISED : R->why);
            rec_ends(R, st == REC_RAISED ? HL_RECORD_RAISED : HL_RECORD_DONE);
            if (st == REC_STOP && R->initial)
                rec_count_stop(R, R->why);
            if (st == REC_STOP && R->result)
                rec_keep_result(R);
            return true;
        }
    }
}

int32_t rec_nstate(const HlRec *R)
{
    return (int32_t)(R->st - R->state) + R->b->nlocalsplus + R->depth;
}

int rec_reserve(HlRec *R, int32_t n)
{
    int32_t cap = R->cap_state;
    if (hl_mem_grow((void **)&R->state, &R->cap_state, n, sizeof(HlSlot)) < 0 ||
        hl_mem_grow((void **)&R->scratch, &cap, n, sizeof(HlSlot)) < 0)
        return -1;
    return 0;
}

void rec_set_frame(HlRec *R, int32_t inlined, HlCode *code, HlFrame *f, int32_t depth)
{
    R->inlined = inlined;
    R->code = code;
    R->b = code->bytecode;
    R->f = f;
    R->slots = hl_frame_slots(f);
    R->st = R->state + (inlined < 0 ? 0 : R->ir->inlines[inlined].base + 1);
    R->depth = depth;
}

/* Takes the state from where the recording begins; 0, or -1: R->why. */
static int rec_begin(HlRec *R, HlFrame *f, int32_t exit)
{
    HlRegion *r = R->r;
    const HlSnap *s = exit < 0 ? NULL : &r->ir->snaps[r->ir->exits[exit].snap];
    int32_t need = r->code->bytecode->nslots + 1;
    R->why = HL_R_NO_MEMORY;
    for (int32_t i = s ? s->inlined : -1; i >= 0; i = r->ir->inlines[i].parent) {
        int32_t end = r->ir->inlines[i].base + 1 + hl_inlined_code(r, i)->bytecode->nslots + 1;
        need = end > need ? end : need;
    }
    if (rec_reserve(R, need) < 0)
        return -1;
    rec_set_frame(R, -1, r->code, f, hl_frame_depth(f));
    if (!s && R->ir->nblocks) { /* follows what has been recorded from the entry */
        R->cursor = R->ir->blocks[0].ins.n;
        R->following = true;
        return 0;
    }
    if (!s)
        return rec_entry(R);
    memcpy(R->state, s->slots, (size_t)s->nslots * sizeof(HlSlot));
    if (s->inlined >= 0) /* rec_resume takes the exit */
        return 0;
    rec_take_exit(R, exit);
    return R->pending == REC_RETRY ? 0 : -1;
}

HlRecordResult hl_record(HlRegion *r, HlFrame *f, int32_t exit, HlInlined *inlined)
{
    HlRec rec = {.r = r,
                 .ir = r->ir,
                 .pc = hl_frame_pc(f),
                 .snap = -1,
                 .new_exit = exit,
                 .initial = exit < 0 && !r->ir->nblocks};
    HlRec *R = &rec;
    R->stop_pc = R->pc;
    if (rec_begin(R, f, exit) == 0) {
        HlFrameLink link;
        hl_frame_enter(f, r->code, &link);
        R->link = &link;
        if (!inlined || rec_resume(R, exit, inlined))
            rec_run(R, exit >= 0 && !inlined);
        if (!R->away) {
            rec_set_frame(R, -1, r->code, f, R->depth);
            hl_frame_set_depth(f, R->depth);
            hl_frame_leave(f, r->code, &link);
            hl_frame_set_pc(f, R->pc);
        }
        Py_CLEAR(R->result);
    }
    hl_mem_free(R->state);
    hl_mem_free(R->scratch);
    return (HlRecordResult){.end = R->end,
                            .why = R->why,
                            .pc = R->stop_pc,
                            .closed = R->closed,
                            .grew = R->grew,
                            .away = R->away,
                            .native = R->nsteps - R->made_steps,
                            .steps = R->made_steps,
                            .rounds = R->rounds,
                            .result = R->value};
}
