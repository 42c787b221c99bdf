/* hl_llvm_several.c - several iterations of a short loop for one look at its end.
 *
 *     for j in range(columns):
 *         if grid[i, j] >= 4: ...
 *
 * While nothing happens, half of such a loop is counting, comparing and jumping back. So where there are enough
 * iterations left, four are done in a row. What would leave one of them, or the loop, goes to the ordinary body, which
 * begins that iteration again:
 *
 *   header:  four iterations left?          no -> body
 *   1st:     its guards                  fail -> body
 *   2nd:     with what the first one passes on
 *   ...
 *   4th:                                      -> header
 *   body:    as recorded
 *
 * Requirements: 1. a loop of one block, short, that looks at its counter first and asks for no signals (hl_opt_chunk.c):
 * that happens around it; 2. nothing is written before the last guard of an iteration. */
#include "hl_llvm_int.h"
#include "hl_mem.h"

enum { SEVERAL = 4 /* iterations */, SEVERAL_INS = 12 /* instructions of one */ };

typedef struct Several {
    HlEmitter *e;
    const HlBlock *block;
    HlRef end;  /* the guard of the loop's end */
    HlRef stop; /* which it compares the counter with */
    bool *done; /* by ref: that guard */
    Bb body;
    Val *phi; /* parameters in the body, and below in the iteration being emitted */
} Several;

/* Can it be done, and begun again? */
static bool several_may(const HlIns *ins)
{
    switch ((HlOp)ins->op) {
    case HL_I_GUARD_TRUE:
    case HL_I_GUARD_FALSE:
    case HL_I_ADD_OV:
    case HL_I_SUB_OV:
    case HL_I_MUL_OV:
    case HL_I_INDEX:
    case HL_I_NARROW_OV:
    case HL_I_ARRAY_LOAD:
    case HL_I_ARRAY_STORE: return true;
    default: return !(hl_op_info[ins->op].fx & ~HL_E_TRAPS);
    }
}

/* The guard of the loop's end: the first one, of a counter that goes up by 1. */
static bool several_end(Several *s, const HlIns *guard)
{
    const HlIr *ir = s->e->ir;
    const HlIns *go = &ir->ins[guard->a[0]];
    const HlTrips *t = &s->e->trips[guard->block];
    if (guard->op != HL_I_GUARD_TRUE || ir->exits[guard->exit].reason != HL_R_LOOP_END ||
        go->op != HL_I_ICMP || go->aux != HL_LT || t->step != 1 ||
        go->a[0] != s->block->params.v[t->param] || ir->ins[go->a[1]].block == guard->block)
        return false;
    s->end = (HlRef)(guard - ir->ins);
    s->stop = go->a[1];
    return true;
}

static bool several_find(Several *s)
{
    const HlIr *ir = s->e->ir;
    const HlRefVec *v = &s->block->ins;
    bool wrote = false;
    int32_t n = 0;
    for (int32_t i = 0; i < v->n; i++) {
        const HlIns *ins = &ir->ins[v->v[i]];
        bool guard = hl_op_info[ins->op].fx & HL_E_GUARD;
        if (!several_may(ins) || (guard && wrote) ||
            (guard && s->end == HL_NOREF && !several_end(s, ins)))
            return false;
        wrote |= ins->op == HL_I_ARRAY_STORE;
        n += !s->e->late[v->v[i]];
    }
    return s->end != HL_NOREF && n <= SEVERAL_INS;
}

/* Goes to the body, with the parameters of this iteration, unless ok. */
static void several_check(Several *s, Val ok)
{
    HlEmitter *e = s->e;
    Bb here = LLVMGetInsertBlock(e->b), next = hl_llvm_next_block(e, "");
    for (int32_t p = 0; p < s->block->params.n; p++)
        LLVMAddIncoming(s->phi[p], &e->val[s->block->params.v[p]], &here, 1);
    hl_llvm_branch(e, ok, next, s->body, false);
    hl_llvm_at(e, next);
}

static void several_iteration(Several *s)
{
    HlEmitter *e = s->e;
    const HlRefVec *v = &s->block->ins;
    HlStripPass pass = {.done = s->done, .fail = LLVMConstInt(e->i1, 0, false)};
    e->pass = &pass;
    for (int32_t i = 0; i < v->n; i++) {
        const HlIns *ins = &e->ir->ins[v->v[i]];
        e->val[v->v[i]] = hl_llvm_ins(e, ins);
        if (hl_op_info[ins->op].fx & HL_E_GUARD && !s->done[v->v[i]])
            several_check(s, LLVMBuildNot(e->b, pass.fail, ""));
        pass.fail = LLVMConstInt(e->i1, 0, false);
    }
    e->pass = NULL;
}

static void several_emit(Several *s, Val *values)
{
    HlEmitter *e = s->e;
    const HlBlock *b = s->block;
    int32_t n = b->params.n;
    Val *start = values + n, *next = values + 2 * n;
    s->phi = values;
    s->body = hl_llvm_next_block(e, "body");
    for (int32_t p = 0; p < n; p++)
        start[p] = e->val[b->params.v[p]];
    Bb here = LLVMGetInsertBlock(e->b);
    hl_llvm_at(e, s->body);
    for (int32_t p = 0; p < n; p++)
        s->phi[p] = LLVMBuildPhi(e->b, LLVMTypeOf(start[p]), "");
    hl_llvm_at(e, here);
    /* Counter + 3 < stop, which does not overflow: where stop - 3 would, nothing is less. */
    Val args[2] = {e->val[s->stop], hl_llvm_int(e, SEVERAL - 1)};
    Val last = hl_llvm_intrinsic(e, "llvm.ssub.sat", e->i64, args, 2);
    Val counter = start[e->trips[e->ir->ins[s->end].block].param];
    several_check(s, LLVMBuildICmp(e->b, LLVMIntSLT, counter, last, ""));
    for (int k = 0; k < SEVERAL; k++) {
        several_iteration(s);
        for (int32_t p = 0; p < n; p++)
            next[p] = e->val[b->args.v[p]];
        for (int32_t p = 0; p < n; p++)
            e->val[b->params.v[p]] = next[p];
    }
    here = LLVMGetInsertBlock(e->b);
    for (int32_t p = 0; p < n; p++)
        LLVMAddIncoming(start[p], &next[p], &here, 1);
    LLVMBuildBr(e->b, e->first[e->ir->ins[s->end].block]);
    hl_llvm_at(e, s->body);
    for (int32_t p = 0; p < n; p++)
        e->val[b->params.v[p]] = s->phi[p];
}

int hl_llvm_several(HlEmitter *e, int32_t block)
{
    Several s = {.e = e, .block = &e->ir->blocks[block], .end = HL_NOREF};
    if (LLVMGetInsertBlock(e->b) != e->first[block] || s.block->term != HL_TERM_JUMP ||
        s.block->target != block || !several_find(&s))
        return 0;
    s.done = hl_mem_alloc((size_t)e->ir->nins * sizeof *s.done);
    Val *values = hl_mem_alloc(3 * (size_t)s.block->params.n * sizeof *values);
    int status = s.done && values ? 0 : -1;
    if (status == 0) {
        s.done[s.end] = true;
        several_emit(&s, values);
    }
    hl_mem_free(s.done);
    hl_mem_free(values);
    return status;
}
