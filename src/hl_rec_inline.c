/* hl_rec_inline.c - recording of calls of Python functions, whose bytecode becomes part of the path.
 *
 * The call is made by CPython, which binds the arguments and pushes the frame; the frame is given to
 * the recorder, which goes on in it as it did in the caller. So frames, globals, warnings and recursion
 * are what they always are. In IR a call is nothing but a guard that the function has the code that is
 * expected (FUNC), and a state with more slots (HlInline). Where the recording ends inside the call,
 * the interpreter brings the frame to its end, and every caller's after it.
 *
 * Not compiled: functions that collect arguments, generators, and those whose variables other functions
 * share. A function's own free variables are read when it is called: nothing that machine code does
 * stores to a cell, but for what its own frame stores, which stays in registers; so a region that does
 * that calls no closures. */
#include "hl_rec_int.h"

#include "hl_func.h"
#include "hl_mem.h"
#include "hl_param.h"
#include "hl_rt.h"

enum { INLINE_STOPS = 3 }; /* failed recordings after which a function is not tried any more */

/* Where the value of a slot comes from when the call begins; otherwise the number of an argument. */
enum { FROM_NOTHING = -1, FROM_FUNCTION = -2 };

typedef struct Callee {
    HlRec *R;
    HlCode *code;
    int32_t inlined;
    int32_t pops;  /* operands of the call */
    int32_t depth; /* of the caller's stack without them, once `entered` */
    bool entered;
    HlSlot *slots; /* the function, and its frame's */
} Callee;

int32_t rec_own_pc(HlRec *R)
{
    const HlSnap here = {.pc = R->pc, .inlined = R->inlined};
    return hl_ir_own_pc(R->ir, &here);
}

/* --- which functions --------------------------------------------------------------------------- */

static bool stores_cells(const HlBytecode *b)
{
    for (int32_t pc = 0; pc < b->n; pc++)
        if (b->bc[pc].op == HL_BC_STORE_DEREF && b->bc[pc].loop >= 0)
            return true;
    return false;
}

static int32_t count_returns(const HlBytecode *b)
{
    int32_t n = 0;
    for (int32_t pc = 0; pc < b->n; pc++)
        n += b->bc[pc].op == HL_BC_RETURN_VALUE && b->bc[pc].depth >= 0;
    return n;
}

/* Do regions of `code` hold the code object `what`, directly or through others? Holding each other,
 * both would live for ever. */
static bool code_holds(HlCode *code, const PyCodeObject *what, int depth)
{
    for (int32_t i = 0; i < code->bytecode->nloops; i++)
        for (HlRegion *r = code->loops[i].regions; r; r = r->next)
            for (int32_t k = 0; k < r->ir->ninlines; k++) {
                HlCode *other = hl_inlined_code(r, k);
                if (other->orig == what)
                    return true;
                if (other != code && (depth == 0 || code_holds(other, what, depth - 1)))
                    return true;
            }
    return false;
}

static HlReason why_not(HlRec *R, const PyFunctionObject *func, HlCode *code)
{
    const int wanted = CO_OPTIMIZED | CO_NEWLOCALS;
    const int unwanted =
        CO_VARARGS | CO_VARKEYWORDS | CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR;
    const PyCodeObject *co = code->orig;
    const HlBytecode *own = R->r->code->bytecode, *b = code->bytecode;
    Py_ssize_t ncells = func->func_closure ? PyTuple_GET_SIZE(func->func_closure) : 0;
    int32_t depth = 1, same = 0;
    if ((co->co_flags & wanted) != wanted || (co->co_flags & unwanted) || co->co_ncellvars ||
        ncells != co->co_nfreevars || b->malformed || (ncells && stores_cells(own)) ||
        !PyDict_CheckExact(func->func_globals) || !PyDict_CheckExact(func->func_builtins))
        return HL_R_NYI_CALLEE;
    if (code->inline_stops >= INLINE_STOPS)
        return code->inline_why;
    if (b->nslots > hl_params.max_slots)
        return HL_R_TOO_MANY_SLOTS;
    for (int32_t i = R->inlined; i >= 0; i = R->ir->inlines[i].parent) {
        depth++;
        same += hl_inlined_code(R->r, i) == code;
    }
    if (same >= hl_params.max_recursion)
        return HL_R_CALL_RECURSION;
    if (depth > hl_params.max_inline || hl_recursion_left() < HL_RECURSION_SPARE)
        return HL_R_CALL_DEPTH;
    if (R->ir->nloops + b->nloops > own->nloops + HL_INLINED_LOOPS)
        return HL_R_TOO_MANY_BLOCKS;
    if (code != R->r->code && code_holds(code, R->r->code->orig, hl_params.max_inline))
        return HL_R_CALL_RECURSION;
    return HL_R_NONE;
}

/* --- arguments --------------------------------------------------------------------------------- */

/* As CPython binds them; false when it would complain, or when a free variable is not bound. */
static bool bind_arguments(const HlCode *code, PyFunctionObject *func, int32_t n, PyObject *kwnames,
                           int32_t *from)
{
    const PyCodeObject *co = code->orig;
    int32_t nparams = co->co_argcount + co->co_kwonlyargcount;
    int32_t nkw = kwnames ? (int32_t)PyTuple_GET_SIZE(kwnames) : 0, npos = n - nkw;
    if (npos > co->co_argcount)
        return false;
    for (int32_t i = 0; i < co->co_nlocalsplus; i++)
        from[i] = i < npos                                    ? i
                  : i < nparams || code->bytecode->is_cell[i] ? FROM_FUNCTION
                                                              : FROM_NOTHING;
    for (int32_t k = 0; k < nkw; k++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, k);
        int32_t i = co->co_posonlyargcount;
        while (i < nparams && PyUnicode_Compare(PyTuple_GET_ITEM(co->co_localsplusnames, i), name))
            i++;
        if (i == nparams || from[i] != FROM_FUNCTION)
            return false;
        from[i] = npos + k;
    }
    for (int32_t i = 0; i < co->co_nlocalsplus; i++)
        if (from[i] == FROM_FUNCTION && !hl_rt_func_value((PyObject *)func, i))
            return false;
    return true;
}

static HlRef emit_of_function(HlRec *R, HlOp op, HlRef a, int aux, int64_t imm, HlReason why)
{
    HlIns ins = {.op = op,
                 .aux = (uint8_t)aux,
                 .type = HL_TYPE(OBJ),
                 .a = {a, HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF},
                 .imm.i = imm};
    return a == HL_NOREF ? HL_NOREF : rec_emit_ins(R, &ins, why);
}

HlRef rec_function_global(HlRec *R, int index)
{
    return emit_of_function(R, HL_I_FUNC_GLOBAL, R->st[-1].a, 0, index, HL_R_GLOBAL);
}

/* The guard on the function, and the state of its frame's slots. */
static void emit_slots(Callee *c, HlVal callee, PyFunctionObject *func, int32_t n,
                       const int32_t *from)
{
    HlRec *R = c->R;
    int kind = PyFunction_Check(callee.o) ? HL_FUNC_PLAIN : HL_FUNC_JITTED;
    int code = rec_object_index(R, (PyObject *)c->code->orig);
    HlRef f = emit_of_function(R, HL_I_FUNC, callee.s.a, kind, code, HL_R_CALLEE);
    c->slots[0] = rec_value(f);
    for (int32_t i = 0; i < c->code->bytecode->nlocalsplus && R->pending == REC_OK; i++) {
        HlSlot s = {.kind = HL_SLOT_UNBOUND, .a = HL_NOREF, .b = HL_NOREF, .c = HL_NOREF};
        if (from[i] >= 0) {
            s = rec_peek(R, n - 1 - from[i]).s;
        } else if (from[i] == FROM_FUNCTION) {
            PyObject *o = hl_rt_func_value((PyObject *)func, i);
            s = rec_object(R, emit_of_function(R, HL_I_FUNC_VALUE, f, 0, i, HL_R_TYPE), o);
        }
        c->slots[i + 1] = s;
    }
}

/* --- frames ------------------------------------------------------------------------------------ */

/* Records in the innermost frame, until it returns; or brings it to its end otherwise. */
static PyObject *rec_frame(HlRec *R, HlFrame *f, HlCode *code, bool arrived)
{
    HlFrameLink link;
    PyObject *value = NULL;
    hl_frame_enter(f, code, &link);
    bool over = rec_run(R, arrived);
    if (!over) {
        value = R->result;
        R->result = NULL;
    }
    hl_frame_set_depth(f, R->depth);
    hl_frame_leave(f, code, &link);
    hl_frame_set_pc(f, R->pc);
    if (!over)
        return value;
    Py_CLEAR(R->result);
    return hl_hook_finish(f, code, R->end == HL_RECORD_RAISED);
}

static PyObject *callee_arrived(void *arg, HlFrame *f)
{
    Callee *c = arg;
    HlRec *R = c->R;
    rec_pop(R, c->pops);
    hl_frame_set_depth(R->f, R->depth);
    c->depth = R->depth;
    c->entered = true;
    rec_set_frame(R, c->inlined, c->code, f, 0);
    memcpy(R->st - 1, c->slots, sizeof(HlSlot) * (size_t)(1 + R->b->nlocalsplus));
    hl_frame_begin(f);
    hl_frame_set_depth(f, 0);
    R->pc = hl_frame_pc(f);
    R->snap = -1;
    return rec_frame(R, f, c->code, false);
}

/* The table's row of this call, and room for its frame's state; 0, or -1: stopped. */
static int enter_call(Callee *c, int32_t at)
{
    HlRec *R = c->R;
    HlIr *ir = R->ir;
    const HlBytecode *b = c->code->bytecode;
    HlInline call = {.parent = R->inlined,
                     .pc = at,
                     .base = rec_nstate(R) - c->pops,
                     .nlocalsplus = b->nlocalsplus,
                     .code = rec_object_index(R, (PyObject *)c->code->orig),
                     .loops = ir->nloops};
    int32_t before = ir->ninlines, need = call.base + 1 + b->nslots + 1;
    c->inlined = call.code < 0 ? -1 : hl_ir_inline(ir, &call);
    if (c->inlined < 0 || rec_reserve(R, need) < 0) {
        rec_stop(R, HL_R_NO_MEMORY);
        return -1;
    }
    if (ir->ninlines > before)
        ir->nloops += b->nloops;
    int32_t levels = 0;
    for (int32_t i = c->inlined; i >= 0; i = ir->inlines[i].parent)
        levels++;
    if (R->r->levels < levels)
        R->r->levels = levels;
    rec_set_frame(R, R->inlined, R->code, R->f, R->depth); /* the state may have moved */
    return 0;
}

/* Behind a call that was recorded to its end. */
static void behind_call(HlRec *R, const HlCode *callee)
{
    /* Several paths come back here, and nothing that Python's compiler knows of joins them. */
    R->meet = count_returns(callee->bytecode) > 1;
    R->snap = -1;
}

static RecStatus record_call(Callee *c, PyFunctionObject *func, int32_t n, PyObject *kwnames,
                             int32_t next)
{
    HlRec *R = c->R;
    HlCode *code = R->code;
    HlFrame *f = R->f;
    int32_t inlined = R->inlined, depth = R->depth;
    PyObject *args[n + 1];
    for (int32_t i = 0; i < n; i++)
        args[i] = rec_peek(R, n - 1 - i).o;
    Py_ssize_t npos = n - (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    hl_frame_at(f, next - 1);
    hl_recursion_take(1); /* the caller's */
    PyObject *value = hl_hook_call_run(func, args, npos, kwnames, callee_arrived, c);
    hl_recursion_take(-1);
    rec_set_frame(R, inlined, code, f, c->entered ? c->depth : depth);
    if (!c->entered)
        return REC_RAISED;
    R->next = next;
    if (!R->over) {
        behind_call(R, c->code);
        rec_push(R, R->returned, value);
        return REC_OK;
    }
    R->end = value ? HL_RECORD_DONE : HL_RECORD_RAISED;
    R->pc = value ? next : next - 1;
    if (value)
        rec_push(R, (HlSlot){.kind = HL_SLOT_UNBOUND, .a = HL_NOREF, .b = HL_NOREF, .c = HL_NOREF},
                 value);
    return REC_OVER;
}

RecStatus rec_call_function(HlRec *R, int32_t n, PyObject *kwnames, int32_t at, int32_t next)
{
    HlVal callee = rec_peek(R, n);
    Callee c = {.R = R, .pops = n + 2};
    if (callee.s.kind != HL_SLOT_VALUE || callee.t.base != HL_T_OBJ ||
        !hl_record_is_function(callee.o))
        return rec_stop(R, HL_R_NYI_CALL);
    PyFunctionObject *func =
        PyFunction_Check(callee.o) ? (PyFunctionObject *)callee.o : hl_func_function(callee.o);
    c.code = hl_code_get((PyCodeObject *)func->func_code, 0);
    if (!c.code) {
        PyErr_Clear();
        return rec_stop(R, HL_R_NO_MEMORY);
    }
    HlReason why = why_not(R, func, c.code);
    if (why != HL_R_NONE)
        return rec_stop(R, why);
    int32_t nlocals = c.code->bytecode->nlocalsplus, from[nlocals + 1];
    HlSlot slots[nlocals + 1];
    c.slots = slots;
    if (!bind_arguments(c.code, func, n, kwnames, from))
        return rec_stop(R, HL_R_NYI_CALL);
    emit_slots(&c, callee, func, n, from);
    if (R->pending != REC_OK || enter_call(&c, at) < 0)
        return R->pending;
    return record_call(&c, func, n, kwnames, next);
}

RecStatus rec_return(HlRec *R)
{
    int32_t top = R->b->nlocalsplus + R->depth - 1;
    if (R->inlined < 0)
        return rec_stop(R, HL_R_RETURN);
    if (hl_slot_is_iter(&R->st[top]))
        return rec_stop(R, HL_R_NYI_ITER);
    R->returned = R->st[top];
    R->result = R->slots[top];
    R->slots[top] = NULL;
    R->depth--;
    return REC_RETURNED;
}

void rec_count_stop(HlRec *R, HlReason why)
{
    if (R->closed) { /* the loop is compiled all the same */
        for (int32_t i = 0; i < R->ir->ninlines; i++)
            hl_inlined_code(R->r, i)->inline_stops = 0;
        return;
    }
    for (int32_t i = R->inlined; i >= 0; i = R->ir->inlines[i].parent) {
        HlCode *code = hl_inlined_code(R->r, i);
        code->inline_stops += code->inline_stops < INLINE_STOPS;
        code->inline_why = why;
    }
}

/* --- going on at an exit ----------------------------------------------------------------------- */

static PyObject *resumed_run(void *arg, HlFrame *f, HlCode *code, int32_t inlined, bool raised)
{
    HlRec *R = arg;
    if (R->over || raised) {
        R->over = true;
        return hl_hook_finish(f, code, raised);
    }
    bool first = R->resume >= 0;
    rec_set_frame(R, inlined, code, f, hl_frame_depth(f));
    R->pc = hl_frame_pc(f);
    if (first) {
        rec_take_exit(R, R->resume);
        R->resume = -1;
        if (R->pending != REC_RETRY) {
            R->over = true;
            return hl_hook_finish(f, code, false);
        }
    } else {
        behind_call(R, R->came_from);
        R->st[R->b->nlocalsplus + R->depth - 1] = R->returned;
    }
    R->came_from = code;
    return rec_frame(R, f, code, first);
}

bool rec_resume(HlRec *R, int32_t exit, HlInlined *frames)
{
    HlCode *code = R->code;
    HlFrame *f = R->f;
    int32_t depth = R->depth, next = code->bytecode->bc[R->pc].next;
    R->resume = exit;
    frames->run = resumed_run;
    frames->arg = R;
    hl_frame_at(f, next - 1);
    PyObject *value = hl_inlined_call(frames);
    hl_inlined_free(frames);
    R->over |= !value;
    rec_set_frame(R, -1, code, f, depth);
    R->end = value ? HL_RECORD_DONE : HL_RECORD_RAISED;
    R->pc = value ? next : next - 1;
    if (value)
        rec_push(R, R->returned, value);
    if (!R->over)
        behind_call(R, R->came_from);
    return !R->over;
}
