/* hl_llvm_late.c - what only exits want is computed there.
 *
 * How many iterations are left is part of a range iterator, so of the frame behind every exit, and otherwise nobody's
 * business: a subtraction in each iteration. LLVM moves such things into the exits itself, but not out of the header of a
 * loop that it turns round, where they go from one iteration into the next. So sums and differences that only exits
 * use are left to them. */
#include "hl_llvm_int.h"

enum { LATE_MOST = 4 /* that wait for each other: each exit computes them again */ };

/* In loops, what may wait: as many as its first operand has it wait for, and itself. */
static void late_find(HlEmitter *e, int32_t block)
{
    const HlRefVec *v = &e->ir->blocks[block].ins;
    for (int32_t i = 0; i < v->n; i++) {
        const HlIns *ins = &e->ir->ins[v->v[i]];
        bool sum = ins->op == HL_I_ADD || ins->op == HL_I_SUB;
        if (sum && e->cfg.header[block] >= 0 && e->late[ins->a[0]] < LATE_MOST)
            e->late[v->v[i]] = e->late[ins->a[0]] + 1;
    }
}

/* What a block uses must be there. */
static void late_drop(HlEmitter *e, int32_t block)
{
    const HlRefVec *v = &e->ir->blocks[block].ins;
    for (int32_t i = v->n - 1; i >= 0; i--) {
        const HlIns *ins = &e->ir->ins[v->v[i]];
        for (int k = e->late[v->v[i]] ? 1 : 0; k < HL_MAX_ARGS; k++)
            if (ins->a[k] != HL_NOREF)
                e->late[ins->a[k]] = 0;
    }
}

void hl_llvm_late_plan(HlEmitter *e)
{
    for (int32_t k = 0; k < e->cfg.nrpo; k++)
        late_find(e, e->cfg.rpo[k]);
    /* What uses a value comes behind it, but for jumps back. */
    for (int32_t k = 0; k < e->cfg.nrpo; k++) {
        const HlBlock *b = &e->ir->blocks[e->cfg.rpo[k]];
        for (int32_t i = 0; i < b->args.n; i++)
            e->late[b->args.v[i]] = 0;
    }
    for (int32_t k = e->cfg.nrpo - 1; k >= 0; k--)
        late_drop(e, e->cfg.rpo[k]);
}

Val hl_llvm_late(HlEmitter *e, HlRef r)
{
    const HlIns *ins = &e->ir->ins[r];
    if (!e->late[r])
        return e->val[r];
    Val a = hl_llvm_late(e, ins->a[0]), b = e->val[ins->a[1]];
    return ins->op == HL_I_ADD ? LLVMBuildAdd(e->b, a, b, "") : LLVMBuildSub(e->b, a, b, "");
}
