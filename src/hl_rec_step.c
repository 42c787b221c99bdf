/* hl_rec_step.c - recording of steps: instructions that have no machine code, executed by CPython's
 * evaluator in the middle of it (hl_step.c).
 *
 * A step is a straight run of bytecode, so that `obj.method(x)` or an f-string is one step and not four.
 * Where it ends is decided while recording: the evaluator executes it piece by piece, and after each
 * piece the recorder looks at the objects in the frame. As long as the instructions that follow only
 * carry such objects to another instruction without machine code, that belongs to the step as well.
 *
 * Behind the step, what it may have changed is "whatever the frame holds" (HL_SLOT_FRAME): the locals
 * that it binds, its results, the contents of cells, and every object that is no number, as its innards
 * may have changed. What of that has a type with machine code is then read from the frame and unboxed
 * (rec_refine), with guards whose exits have the state behind the step. */
#include "hl_rec_int.h"

#include "hl_exit.h"
#include "hl_param.h"
#include "hl_step.h"

/* --- which instructions ------------------------------------------------------------------------ */

/* Unsupported ones that do not jump, leave the function, or belong to the handling of exceptions. */
static bool step_plain_opcode(int32_t opcode)
{
    static const char *const names[] = {
        "BUILD_STRING",     "FORMAT_VALUE",
        "BUILD_MAP",        "BUILD_SET",
        "LIST_EXTEND",      "SET_UPDATE",
        "DICT_UPDATE",      "DICT_MERGE",
        "LIST_TO_TUPLE",    "BUILD_CONST_KEY_MAP",
        "BEFORE_WITH",      "CALL_FUNCTION_EX",
        "SET_ADD",          "MAP_ADD",
        "UNPACK_EX",        "DELETE_ATTR",
        "DELETE_GLOBAL",    "IMPORT_NAME",
        "IMPORT_FROM",      "MAKE_FUNCTION",
        "LOAD_CLOSURE",     "LOAD_CLASSDEREF",
        "GET_LEN",          "MATCH_MAPPING",
        "MATCH_SEQUENCE",   "MATCH_KEYS",
        "MATCH_CLASS",      "LOAD_ASSERTION_ERROR",
        "LOAD_BUILD_CLASS",
    };
    const char *name = hl_bc_opname(opcode);
    for (int i = 0; i < HL_COUNTOF(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* What an instruction does to the stack: how many values it takes from the top; -1 = it is never part of
 * a step, -2 = it takes an unknown number. */
enum { POPS_NEVER = -1, POPS_UNKNOWN = -2 };

static int32_t step_pops(const HlBc *bc)
{
    switch ((HlBcOp)bc->op) {
    case HL_BC_NOP:
    case HL_BC_LOAD_CONST:
    case HL_BC_LOAD_FAST:
    case HL_BC_LOAD_DEREF:
    case HL_BC_LOAD_GLOBAL:
    case HL_BC_PUSH_NULL:
    case HL_BC_KW_NAMES: return 0;
    case HL_BC_COPY: /* looks at it */
    case HL_BC_SWAP: return bc->arg;
    case HL_BC_STORE_FAST:
    case HL_BC_STORE_DEREF:
    case HL_BC_STORE_GLOBAL:
    case HL_BC_POP_TOP:
    case HL_BC_UNARY:
    case HL_BC_LOAD_ATTR:
    case HL_BC_LOAD_METHOD:
    case HL_BC_LIST_APPEND:
    case HL_BC_UNPACK_SEQUENCE:
    case HL_BC_GET_ITER: return 1;
    case HL_BC_BINARY:
    case HL_BC_COMPARE:
    case HL_BC_IS_OP:
    case HL_BC_CONTAINS_OP:
    case HL_BC_SUBSCR:
    case HL_BC_STORE_ATTR:
    case HL_BC_DELETE_SUBSCR: return 2;
    case HL_BC_STORE_SUBSCR: return 3;
    case HL_BC_BUILD_TUPLE:
    case HL_BC_BUILD_LIST:
    case HL_BC_BUILD_SLICE: return bc->arg;
    case HL_BC_CALL: return bc->arg + 2;
    case HL_BC_UNSUPPORTED: return step_plain_opcode(bc->arg) ? POPS_UNKNOWN : POPS_NEVER;
    case HL_BC_CACHE:
    case HL_BC_DELETE_FAST:
    case HL_BC_FOR_ITER:
    case HL_BC_JUMP:
    case HL_BC_POP_JUMP_IF:
    case HL_BC_JUMP_IF_OR_POP:
    case HL_BC_RETURN_VALUE:
    case HL_BC__COUNT: break;
    }
    return POPS_NEVER;
}

/* Stack position above the innermost virtual iterator: no step reaches below it. */
static int32_t step_base(const HlRec *R)
{
    int32_t base = 0;
    for (int32_t i = 0; i < R->depth; i++)
        if (hl_slot_is_iter(&R->st[R->b->nlocalsplus + i]))
            base = i + 1;
    return base;
}

/* Is there an iterator over a virtual view? A step may give the array another shape. */
static bool step_over_rows(const HlRec *R)
{
    for (int32_t i = R->b->nlocalsplus; i < R->b->nlocalsplus + R->depth; i++)
        if (R->st[i].kind >= HL_SLOT_ROWS)
            return true;
    return false;
}

/* Have the arrays that iterators go over the type that they had? */
static bool step_arrays_kept(HlRec *R)
{
    HlIter it;
    for (int32_t i = R->b->nlocalsplus; i < R->b->nlocalsplus + R->depth; i++) {
        if (!hl_slot_is_iter(&R->st[i]) || !hl_iter_get(R->slots[i], &it))
            continue;
        for (int k = 0; k < it.nseq; k++)
            if (!hl_step_seq_kept(rec_type(R, R->st[i].part[1 + k]), it.seq[k]))
                return false;
    }
    return true;
}

/* The lowest stack position that the instructions from pc to end touch. */
static int32_t step_floor(const HlRec *R, int32_t pc, int32_t end)
{
    int32_t floor = R->depth;
    for (; pc != end; pc = R->b->bc[pc].next) {
        const HlBc *bc = &R->b->bc[pc];
        int32_t pops = step_pops(bc), low = pops < 0 ? step_base(R) : bc->depth - pops;
        floor = low < floor ? low : floor;
    }
    return floor;
}

/* --- pieces ------------------------------------------------------------------------------------ */

/* What the lookahead knows of a value. */
typedef enum Kind {
    KIND_NATIVE, /* machine code can work with it */
    KIND_ARRAY,  /* the same: an array */
    KIND_OPAQUE, /* it cannot */
    KIND_UNKNOWN /* unbound */
} Kind;

static Kind kind_of(PyObject *o)
{
    bool big;
    if (o && !rec_has_type(o))
        return KIND_OPAQUE;
    return o && hl_record_type_of(o, &big).base == HL_T_ARR ? KIND_ARRAY : KIND_NATIVE;
}

/* A list or the like on the stack that nobody else has: machine code that drops it could not let it die,
 * so the step takes it on to where it goes. */
static Kind kind_of_slot(HlRec *R, int32_t slot)
{
    PyObject *o = rec_slot_object(R, slot);
    bool big, on_stack = slot >= R->b->nlocalsplus;
    if (!o)
        return on_stack ? KIND_NATIVE : KIND_UNKNOWN;
    if (on_stack && Py_REFCNT(o) == 1 && hl_type_is_object(hl_record_type_of(o, &big)))
        return KIND_OPAQUE;
    return kind_of(o);
}

static Kind kind_of_global(const HlRec *R, const HlBc *bc)
{
    PyObject *name = PyTuple_GET_ITEM(R->code->orig->co_names, bc->arg);
    PyObject *o = PyDict_GetItemWithError(hl_frame_globals(R->f), name);
    if (!o && !PyErr_Occurred())
        o = PyDict_GetItemWithError(hl_frame_builtins(R->f), name);
    PyErr_Clear();
    return o ? kind_of(o) : KIND_UNKNOWN;
}

typedef struct Look {
    HlRec *R;
    uint8_t *kind; /* per slot */
    int32_t depth;
    bool keywords; /* behind KW_NAMES, which only counts together with its CALL */
} Look;

static uint8_t *look_top(Look *k, int32_t n)
{
    return &k->kind[k->R->b->nlocalsplus + k->depth - 1 - n];
}

static void look_push(Look *k, Kind kind)
{
    k->kind[k->R->b->nlocalsplus + k->depth++] = (uint8_t)kind;
}

static bool look_opaque(Look *k, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        if (*look_top(k, i) == KIND_OPAQUE)
            return true;
    return false;
}

/* Is an array sliced, as far as that can be told? */
static bool look_slices_array(Look *k)
{
    for (int32_t i = 0; i < k->depth - step_base(k->R); i++)
        if (*look_top(k, i) != KIND_NATIVE)
            return *look_top(k, i) == KIND_ARRAY;
    return false;
}

/* What the lookahead does with an instruction. */
typedef enum Verdict {
    LOOK_ON,   /* only moves values */
    LOOK_STEP, /* has no machine code for these values: the piece ends behind it */
    LOOK_STOP  /* has, or may have; or is never in a step */
} Verdict;

static Verdict look_load(Look *k, Kind kind)
{
    if (kind == KIND_UNKNOWN)
        return LOOK_STOP;
    look_push(k, kind);
    return LOOK_ON;
}

static Verdict look_store(Look *k, int32_t slot)
{
    if (look_opaque(k, 1) || k->kind[slot] == KIND_OPAQUE)
        return LOOK_STEP;
    k->kind[slot] = *look_top(k, 0);
    k->depth--;
    return LOOK_ON;
}

static Verdict look_at(Look *k, const HlBc *bc)
{
    HlRec *R = k->R;
    int32_t pops = step_pops(bc);
    uint8_t swap;
    if (pops == POPS_NEVER || k->depth - (pops < 0 ? 0 : pops) < step_base(R))
        return LOOK_STOP;
    switch ((HlBcOp)bc->op) {
    case HL_BC_NOP: return LOOK_ON;
    case HL_BC_KW_NAMES: k->keywords = true; return LOOK_ON;
    case HL_BC_LOAD_CONST:
        return look_load(k, kind_of(PyTuple_GET_ITEM(R->code->orig->co_consts, bc->arg)));
    case HL_BC_LOAD_FAST:
    case HL_BC_LOAD_DEREF: return look_load(k, k->kind[bc->arg]);
    case HL_BC_LOAD_GLOBAL:
        if (bc->arg2)
            look_push(k, KIND_NATIVE);
        return look_load(k, kind_of_global(R, bc));
    case HL_BC_PUSH_NULL: look_push(k, KIND_NATIVE); return LOOK_ON;
    case HL_BC_COPY: look_push(k, *look_top(k, bc->arg - 1)); return LOOK_ON;
    case HL_BC_SWAP:
        swap = *look_top(k, 0);
        *look_top(k, 0) = *look_top(k, bc->arg - 1);
        *look_top(k, bc->arg - 1) = swap;
        return LOOK_ON;
    case HL_BC_POP_TOP:
        if (look_opaque(k, 1))
            return LOOK_STEP;
        k->depth--;
        return LOOK_ON;
    case HL_BC_STORE_FAST:
    case HL_BC_STORE_DEREF: return look_store(k, bc->arg);
    case HL_BC_CALL: return k->keywords || look_opaque(k, pops) ? LOOK_STEP : LOOK_STOP;
    case HL_BC_BUILD_TUPLE:
        return rec_tuple_is_virtual(R, bc) && !look_opaque(k, pops) ? LOOK_STOP : LOOK_STEP;
    case HL_BC_STORE_ATTR:
    case HL_BC_STORE_GLOBAL:
    case HL_BC_CONTAINS_OP:
    case HL_BC_DELETE_SUBSCR:
    case HL_BC_BUILD_LIST:
    case HL_BC_LIST_APPEND:
    case HL_BC_UNSUPPORTED: return LOOK_STEP;
    case HL_BC_BUILD_SLICE: return look_slices_array(k) ? LOOK_STOP : LOOK_STEP;
    default: return look_opaque(k, pops) ? LOOK_STEP : LOOK_STOP;
    }
}

/* Where the piece of a step ends that begins at pc; -1 = there is none. The first one of a step begins
 * with an instruction that is known to have no machine code. */
static int32_t step_piece(HlRec *R, int32_t pc, bool first)
{
    const HlBytecode *b = R->b;
    uint8_t kind[b->nslots + 2];
    Look k = {.R = R, .kind = kind, .depth = first ? R->depth : hl_frame_depth(R->f)};
    for (int32_t i = 0; i < b->nlocalsplus + k.depth; i++)
        kind[i] = (uint8_t)kind_of_slot(R, i);
    for (;; pc = b->bc[pc].next) {
        const HlBc *bc = &b->bc[pc];
        if (!first && bc->flags)
            return -1;
        Verdict v = look_at(&k, bc);
        if (first && v == LOOK_STOP &&
            (step_pops(bc) == POPS_NEVER || step_floor(R, pc, bc->next) < step_base(R)))
            return -1;
        if (v == LOOK_STOP && !first)
            return -1;
        if (v == LOOK_STEP || (first && !k.keywords))
            return hl_hook_step_ends(R->code, bc->next) ? bc->next : -1;
        first = false;
    }
}

/* --- executing --------------------------------------------------------------------------------- */

/* The frame is no longer the recorder's. */
static RecStatus step_away(HlRec *R, HlRecordEnd end)
{
    R->away = true;
    R->why = HL_R_RAISED;
    rec_ends(R, end);
    return REC_AWAY;
}

static RecStatus step_execute(HlRec *R, int32_t pc, int32_t end)
{
    hl_frame_leave(R->f, R->code, R->link);
    hl_frame_set_pc(R->f, pc);
    switch (hl_hook_step(R->f, R->code, end, &R->value)) {
    case HL_STEP_DONE: hl_frame_enter(R->f, R->code, R->link); return REC_OK;
    case HL_STEP_LEFT: return step_away(R, HL_RECORD_DONE);
    case HL_STEP_AT_EDGE: return step_away(R, HL_RECORD_EDGE);
    case HL_STEP_ENDED: break;
    }
    return step_away(R, HL_RECORD_ENDED);
}

/* A local before a step: the object's address, and the value of a number that may have gone from it. */
typedef struct Before {
    PyObject **object;
    HlType *type;
    int64_t *word;
} Before;

static void step_remember(const HlRec *R, const Before *before)
{
    for (int32_t i = 0; i < R->b->nlocalsplus; i++) {
        bool big, number = R->st[i].kind == HL_SLOT_VALUE && R->slots[i] && !R->b->is_cell[i];
        before->object[i] = R->slots[i];
        before->type[i] = number ? hl_record_type_of(R->slots[i], &big) : HL_TYPE(VOID);
        before->word[i] = 0;
        hl_exit_unbox(R->slots[i], before->type[i], &before->word[i]);
    }
}

/* Did nothing happen that the region cannot know? */
static bool step_regular(HlRec *R, const Before *before, int32_t end)
{
    if (!hl_step_kept(R->b, before->object, R->slots, R->pc, end) || !step_arrays_kept(R))
        return false;
    for (int32_t i = 0; i < R->b->nlocalsplus; i++) {
        if (R->r->slot_flags[i] & HL_SLOTF_BOUND && !rec_slot_object(R, i))
            return false;
        if (rec_is_number(before->type[i]) && !hl_step_binds(R->b, R->pc, end, i) &&
            R->slots[i] == before->object[i] &&
            !hl_exit_is_box(R->slots[i], before->type[i], before->word[i]))
            return false;
    }
    return R->r->state != HL_REGION_DEAD;
}

/* --- the state behind a step ------------------------------------------------------------------- */

static HlSlot step_frame_slot(int32_t slot)
{
    return (HlSlot){.kind = HL_SLOT_FRAME, .a = slot, .b = HL_NOREF, .c = HL_NOREF};
}

/* A number that stays in registers may have come from an object, which the frame has now: for as long as
 * it is there, that is the one (hl_opt_origin.c). What is computed comes from none. */
static bool step_may_have_origin(HlRec *R, HlRef r)
{
    const HlIns *ins = &R->ir->ins[r];
    if (ins->type.base == HL_T_BOOL || hl_type_is_object(ins->type))
        return false;
    return ins->op == HL_I_PARAM || ins->op == HL_I_SELECT || ins->op == HL_I_RETYPE ||
           hl_ir_origin(R->ir, r) != HL_NOREF;
}

static void step_keep_numbers(HlRec *R, int32_t end)
{
    int32_t floor = R->b->nlocalsplus + step_floor(R, R->pc, end);
    for (int32_t i = 0; i < floor && R->pending == REC_OK; i++) {
        HlSlot *s = &R->st[i];
        bool cell = i < R->b->nlocalsplus && R->b->is_cell[i];
        if (cell || s->kind != HL_SLOT_VALUE || !step_may_have_origin(R, s->a) ||
            (i < R->b->nlocalsplus && hl_step_binds(R->b, R->pc, end, i)))
            continue;
        HlIns load = {.op = HL_I_FRAME_LOAD,
                      .type = HL_TYPE(OBJ),
                      .imm.i = i,
                      .a = {HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF}};
        HlRef p = rec_emit_ins(R, &load, HL_R_NONE);
        HlRef kept = rec_emit(R, HL_I_KEEP, rec_type(R, s->a), s->a, p, 0);
        if (R->pending == REC_OK)
            s->a = kept;
    }
}

static bool step_is_object(HlRec *R, const HlSlot *s)
{
    HlType t = s->kind == HL_SLOT_VALUE ? rec_type(R, s->a) : HL_TYPE(VOID);
    return s->kind == HL_SLOT_FRAME || s->kind == HL_SLOT_COMPLEX || s->kind == HL_SLOT_VIEW ||
           s->kind == HL_SLOT_TUPLE || s->kind == HL_SLOT_SLICE ||
           (hl_type_is_object(t) && !rec_is_k(R, s->a, HL_I_KOBJ));
}

static void step_commit(HlRec *R, int32_t end)
{
    const HlBytecode *b = R->b;
    int32_t floor = step_floor(R, R->pc, end);
    R->depth = hl_frame_depth(R->f);
    for (int32_t i = 0; i < b->nlocalsplus + R->depth; i++) {
        bool touched = i < b->nlocalsplus ? b->is_cell[i] : i - b->nlocalsplus >= floor;
        if (touched || step_is_object(R, &R->st[i]))
            R->st[i] = step_frame_slot(i);
    }
    for (int32_t pc = R->pc; pc != end; pc = b->bc[pc].next)
        if (b->bc[pc].op == HL_BC_STORE_FAST)
            R->st[b->bc[pc].arg] = step_frame_slot(b->bc[pc].arg);
    R->next = end;
    R->refine = true;
    R->made_steps++;
}

/* --- the step ---------------------------------------------------------------------------------- */

/* Following: the block's next instruction, if it is a step of the instruction at pc. */
static const HlIns *step_next(const HlRec *R)
{
    const HlBlock *blk = &R->ir->blocks[R->block];
    const HlIns *next =
        R->following && R->cursor < blk->ins.n ? &R->ir->ins[blk->ins.v[R->cursor]] : NULL;
    return next && next->op == HL_I_STEP && next->pc == R->pc ? next : NULL;
}

bool rec_step_follows(const HlRec *R)
{
    return step_next(R) != NULL;
}

/* May what stopped the recorder be a step? Not what raises, which nothing can follow. */
static bool step_worth(const HlRec *R)
{
    if (R->inlined >= 0 || R->r->no_steps || R->r->steps >= hl_params.max_steps)
        return false;
    switch (R->why) {
    case HL_R_NYI_OP:
    case HL_R_NYI_CALL:
    case HL_R_NYI_CALLEE:
    case HL_R_CALL_DEPTH:
    case HL_R_CALL_RECURSION:
    case HL_R_NYI_ATTR:
    case HL_R_NYI_TYPE:
    case HL_R_NYI_SUBSCR:
    case HL_R_NYI_ITER:
    case HL_R_BIGINT: return true;
    default: return false;
    }
}

static bool step_reaches(const HlBytecode *b, int32_t pc, int32_t end, int32_t at)
{
    while (pc != end && pc != at)
        pc = b->bc[pc].next;
    return pc == at;
}

/* The recorder has executed the instruction itself before it found that it has no machine code, or that
 * it belongs to the step that is followed: that was the first piece. What it had emitted for it is taken
 * back. -1 = it cannot be one. */
static int32_t step_adopt(HlRec *R, const HlIns *follow)
{
    HlBlock *blk = &R->ir->blocks[R->block];
    int32_t start = R->pc;
    if (follow && !step_reaches(R->b, start, (int32_t)follow->imm.i, R->next))
        return -1;
    /* An int that does not fit: mostly they do, and the guard's exit is where that is known not to be so. */
    if (!follow && R->why == HL_R_BIGINT && (R->new_exit < 0 || R->path_steps > 0))
        return -1;
    if (!hl_hook_step_ends(R->code, R->next) || step_floor(R, start, R->next) < step_base(R))
        return -1;
    while (!follow && blk->ins.n > R->before_ins)
        R->ir->ins[blk->ins.v[--blk->ins.n]].block = -1;
    rec_keep_result(R);
    R->pc = start;
    return R->next;
}

/* Where the piece ends that begins at pc, of a new step or of one that is followed; -1 = there is none. */
static int32_t step_end(HlRec *R, const HlIns *follow, int32_t pc, bool first)
{
    if (!follow)
        return step_piece(R, pc, first);
    return follow->imm.i == pc ? -1 : (int32_t)follow->imm.i;
}

static RecStatus step_none(HlRec *R, HlReason why)
{
    R->pending = REC_STOP;
    R->why = why;
    return REC_STOP;
}

RecStatus rec_step(HlRec *R)
{
    const HlIns *follow = step_next(R);
    HlReason why = R->why;
    PyObject *object[R->b->nlocalsplus + 1];
    HlType type[R->b->nlocalsplus + 1];
    int64_t word[R->b->nlocalsplus + 1];
    const Before before = {object, type, word};
    int32_t pc = R->pc, next;
    if ((R->following ? !follow : !step_worth(R)) || step_over_rows(R))
        return REC_STOP;
    R->pending = REC_OK;
    if (!rec_make_snap(R))
        return step_none(R, HL_R_NO_MEMORY);
    step_remember(R, &before);
    if (R->result) {
        pc = step_adopt(R, follow);
        hl_frame_set_depth(R->f, R->depth);
        next = pc < 0 ? -1 : step_end(R, follow, pc, false);
    } else {
        hl_frame_set_depth(R->f, R->depth);
        next = step_end(R, follow, pc, true);
    }
    if (pc < 0 || (pc == R->pc && next < 0))
        return step_none(R, why);
    while (next >= 0) {
        if (step_execute(R, pc, next) != REC_OK)
            return REC_AWAY;
        pc = next;
        next = step_end(R, follow, pc, false);
    }
    HlIns ins = {
        .op = HL_I_STEP, .imm.i = pc, .a = {HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF}};
    if (step_regular(R, &before, pc))
        rec_emit_ins(R, &ins, why);
    else
        rec_stop(R, HL_R_RAISED);
    step_keep_numbers(R, pc);
    if (R->pending != REC_OK) {
        hl_frame_leave(R->f, R->code, R->link);
        hl_frame_set_pc(R->f, pc);
        return step_away(R, HL_RECORD_DONE);
    }
    R->r->steps += !R->following;
    step_commit(R, pc);
    return REC_OK;
}

/* --- from the frame to values ------------------------------------------------------------------ */

/* Following: do the block's next instructions ask for another object than o? */
static bool refine_asks_other(HlRec *R, PyObject *o)
{
    const HlBlock *blk = &R->ir->blocks[R->block];
    if (!R->following || R->cursor >= blk->ins.n)
        return false;
    const HlIns *next = &R->ir->ins[blk->ins.v[R->cursor]];
    return next->op == HL_I_IS && R->r->objects[R->ir->ins[next->a[1]].imm.i] != o;
}

/* Following: the object is not what the block's next instructions check. Goes where that leads. */
static RecStatus refine_differs(HlRec *R)
{
    const HlBlock *blk = &R->ir->blocks[R->block];
    if (R->cursor < blk->ins.n && R->ir->ins[blk->ins.v[R->cursor]].op == HL_I_IS)
        R->cursor++; /* of the guard behind it */
    int32_t exit = R->cursor < blk->ins.n ? R->ir->ins[blk->ins.v[R->cursor]].exit : -1;
    if (exit >= 0)
        rec_take_exit(R, exit);
    else
        rec_stop(R, HL_R_MISMATCH);
    return R->pending;
}

/* One slot, which the frame holds: its value into *s if it gets one. */
static RecStatus refine_slot(HlRec *R, int32_t slot, HlSlot *s)
{
    const HlBlock *blk = &R->ir->blocks[R->block];
    PyObject *o = rec_slot_object(R, slot);
    bool local = slot < R->b->nlocalsplus;
    HlIns ins = {.op = HL_I_FRAME_LOAD,
                 .aux = local && R->b->is_cell[slot],
                 .type = HL_TYPE(OBJ),
                 .imm.i = slot,
                 .a = {HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF}};
    if (R->following) {
        const HlIns *next = R->cursor < blk->ins.n ? &R->ir->ins[blk->ins.v[R->cursor]] : NULL;
        if (!next || next->op != HL_I_FRAME_LOAD || next->imm.i != slot)
            return REC_OK;
    } else if (!(o && rec_has_type(o))) {
        return REC_OK;
    }
    HlRef p = rec_emit_ins(R, &ins, HL_R_NONE);
    if (R->pending == REC_OK && !o)
        return refine_differs(R);
    rec_guard(R, HL_I_GUARD_BOUND, HL_TYPE(VOID), p, HL_NOREF, HL_R_UNBOUND);
    if (R->pending == REC_OK && (!rec_has_type(o) || refine_asks_other(R, o)))
        return refine_differs(R);
    if (R->pending == REC_OK)
        *s = rec_object(R, p, o);
    return R->pending;
}

RecStatus rec_refine(HlRec *R)
{
    int32_t n = R->b->nlocalsplus + R->depth;
    HlSlot st[n + 1];
    memcpy(st, R->st, (size_t)n * sizeof *st);
    for (int32_t i = 0; i < n; i++) {
        if (st[i].kind != HL_SLOT_FRAME || st[i].a != i ||
            (i < R->b->nlocalsplus && !(R->r->slot_flags[i] & HL_SLOTF_NAMED)))
            continue;
        RecStatus status = refine_slot(R, i, &st[i]);
        if (status != REC_OK)
            return status;
    }
    memcpy(R->st, st, (size_t)n * sizeof *st);
    R->refine = false;
    return REC_OK;
}
