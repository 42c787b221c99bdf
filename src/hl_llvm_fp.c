/* hl_llvm_fp.c - one test of a float result for many.
 *
 * Each operation on NumPy's scalars has a guard that its result is finite, or for a good reason not
 * (GUARD_FP). But a sum, a product, a square root is finite only when its operands are; so in a run of
 * instructions without effects, where it does not matter which of them is done last, a guard waits for a
 * later one whose success tells that it holds. When that one fails, or another guard in between leaves,
 * those that wait are looked at first, in the order of the program. What is tested in a long expression
 * is its end, and what is divided by. */
#include "hl_llvm_int.h"

Val hl_llvm_is_finite(HlEmitter *e, Val x)
{
    Val inf = hl_llvm_float(e, __builtin_inf());
    return LLVMBuildFCmp(e->b, LLVMRealOLT, hl_llvm_fabs(e, x), inf, "");
}

/* --- which guards wait ------------------------------------------------------------------------- */

/* Does a run of instructions end in front of this one? Nothing is put off beyond effects, nor when the
 * way on is a branch of the program. */
static bool fp_ends_run(const HlEmitter *e, const HlIns *ins)
{
    if (hl_op_info[ins->op].fx & (HL_E_WRITES | HL_E_CALLS | HL_E_PINNED))
        return ins->op != HL_I_TRIPS;
    return ins->op != HL_I_GUARD_FP && ins->exit >= 0 && e->ir->exits[ins->exit].target >= 0;
}

/* The value that is finite when the instruction does not leave, HL_NOREF = none. */
static HlRef fp_tested(const HlIns *ins)
{
    switch (ins->op) {
    case HL_I_GUARD_FP: /* unless that is looked at more closely, with those that wait */
    case HL_I_GUARD_FINITE:
    case HL_I_FPTOSI_OV: return ins->a[0];
    default: return HL_NOREF;
    }
}

static bool fp_may_wait(const HlIns *ins)
{
    return ins->op == HL_I_GUARD_FP || ins->op == HL_I_GUARD_FINITE;
}

void hl_llvm_fp_plan(HlEmitter *e, const HlBlock *b)
{
    e->run++;
    for (int32_t i = b->ins.n - 1; i >= 0; i--) {
        HlRef r = b->ins.v[i], tested;
        const HlIns *ins = &e->ir->ins[r];
        e->run += fp_ends_run(e, ins);
        tested = fp_tested(ins);
        if (tested != HL_NOREF) {
            bool told = e->told[tested].run == e->run;
            if (fp_may_wait(ins))
                e->told[r].by = told ? e->told[tested].by : HL_NOREF;
            if (!fp_may_wait(ins) || !told)
                e->told[tested] = (HlTold){.by = r, .run = e->run};
        } else if (e->told[r].run == e->run) {
            for (int k = 0; k < hl_op_info[ins->op].nargs; k++)
                if (hl_ir_finite_only_with(ins, ins->a[k]))
                    e->told[ins->a[k]] = e->told[r];
        }
    }
}

bool hl_llvm_fp_waits(HlEmitter *e, HlRef guard)
{
    if (!fp_may_wait(&e->ir->ins[guard]) || e->told[guard].by == HL_NOREF ||
        e->nwaiting == HL_WAITING)
        return false;
    e->waiting[e->nwaiting++] = guard;
    return true;
}

/* The guard has held: so have those that waited for it. */
static void fp_held(HlEmitter *e, const HlIns *guard)
{
    int left = 0;
    for (int k = 0; k < e->nwaiting; k++)
        if (&e->ir->ins[e->told[e->waiting[k]].by] != guard)
            e->waiting[left++] = e->waiting[k];
    e->nwaiting = left;
}

/* --- guards ------------------------------------------------------------------------------------ */

/* Does the guard of a result that is not finite hold? There r is infinite unless it is NaN, and x - x is
 * 0 unless x is infinite or NaN. */
static Val fp_excuse(HlEmitter *e, const HlIns *ins)
{
    Val r = e->val[ins->a[0]], a = e->val[ins->a[1]], b = e->val[ins->a[2]];
    Val nan_in = LLVMBuildFCmp(e->b, LLVMRealUNO, a, b, "");
    Val zero_a = LLVMBuildFSub(e->b, a, a, ""), zero_b = LLVMBuildFSub(e->b, b, b, "");
    Val odd_in = LLVMBuildFCmp(e->b, LLVMRealUNO, zero_a, zero_b, "");
    Val inf_ok = LLVMBuildAnd(e->b, LLVMBuildFCmp(e->b, LLVMRealORD, r, r, ""), odd_in, "");
    return LLVMBuildOr(e->b, nan_in, inf_ok, "");
}

/* Goes on in a new block when the guard of a result that is not finite holds. */
static void fp_cold(HlEmitter *e, const HlIns *ins, Bb next)
{
    if (ins->op == HL_I_GUARD_FINITE) {
        LLVMBuildBr(e->b, hl_llvm_exit_block(e, ins->exit));
        return;
    }
    hl_llvm_branch(e, fp_excuse(e, ins), next, hl_llvm_exit_block(e, ins->exit),
                   e->ir->exits[ins->exit].target < 0);
}

/* The guards that wait, out of line. */
static void fp_look_at_waiting(HlEmitter *e)
{
    for (int k = 0; k < e->nwaiting; k++) {
        const HlIns *before = &e->ir->ins[e->waiting[k]];
        Bb check = hl_llvm_next_block(e, ""), next = hl_llvm_next_block(e, "");
        LLVMMoveBasicBlockAfter(next, check);
        hl_llvm_branch(e, hl_llvm_is_finite(e, e->val[before->a[0]]), next, check, false);
        hl_llvm_at(e, check);
        fp_cold(e, before, next);
        hl_llvm_at(e, next);
    }
}

/* Finite results, nearly all, pass one comparison; the rest is decided out of line, in the order of the
 * program. */
void hl_llvm_fp_guard(HlEmitter *e, const HlIns *ins)
{
    Val r = e->val[ins->a[0]];
    if (hl_llvm_checked_elsewhere(e, ins))
        return;
    if (e->pass) {
        Val ok = hl_llvm_is_finite(e, r);
        if (e->pass->exact)
            ok = LLVMBuildOr(e->b, ok, fp_excuse(e, ins), "");
        hl_llvm_guard(e, ins, ok);
        return;
    }
    Bb cold = hl_llvm_next_block(e, ""), join = hl_llvm_next_block(e, "");
    hl_llvm_branch(e, hl_llvm_is_finite(e, r), join, cold, true);
    LLVMMoveBasicBlockAfter(cold, join);
    hl_llvm_at(e, cold);
    fp_look_at_waiting(e);
    fp_cold(e, ins, join);
    hl_llvm_at(e, join);
    fp_held(e, ins);
}

void hl_llvm_fp_finite(HlEmitter *e, const HlIns *ins)
{
    if (hl_llvm_checked_elsewhere(e, ins))
        return;
    hl_llvm_guard(e, ins, hl_llvm_is_finite(e, e->val[ins->a[0]]));
    fp_held(e, ins);
}

/* The instruction gives the least int, -2^63, for all that does not fit: one comparison but for that. */
Val hl_llvm_fp_to_int(HlEmitter *e, const HlIns *ins, Val x)
{
    const double least = -9223372036854775808.0; /* -2^63 */
    Val vector = LLVMGetPoison(LLVMVectorType(e->f64, 2));
    vector = LLVMBuildInsertElement(e->b, vector, x, hl_llvm_int(e, 0), "");
    Val n = hl_llvm_intrinsic(e, "llvm.x86.sse2.cvttsd2si64", e->i64, &vector, 1);
    Bb cold = hl_llvm_next_block(e, ""), join = hl_llvm_next_block(e, "");
    Val fits = LLVMBuildICmp(e->b, LLVMIntNE, n, hl_llvm_int(e, INT64_MIN), "");
    hl_llvm_branch(e, fits, join, cold, true);
    LLVMMoveBasicBlockAfter(cold, join);
    hl_llvm_at(e, cold);
    fp_look_at_waiting(e);
    Val is_least = LLVMBuildFCmp(e->b, LLVMRealOEQ, x, hl_llvm_float(e, least), "");
    hl_llvm_branch(e, is_least, join, hl_llvm_exit_block(e, ins->exit),
                   e->ir->exits[ins->exit].target < 0);
    hl_llvm_at(e, join);
    fp_held(e, ins);
    return n;
}

/* Nothing has had an effect since the first guard that waits, so its exit is always right; it is taken
 * when any of them may have to leave. */
Bb hl_llvm_fp_leave(HlEmitter *e, int32_t exit)
{
    if (!e->nwaiting)
        return hl_llvm_exit_block(e, exit);
    Bb here = LLVMGetInsertBlock(e->b);
    Bb cold = LLVMAppendBasicBlockInContext(e->ctx, e->fn, "");
    hl_llvm_at(e, cold);
    Val finite = NULL;
    for (int k = 0; k < e->nwaiting; k++) {
        Val one = hl_llvm_is_finite(e, e->val[e->ir->ins[e->waiting[k]].a[0]]);
        finite = finite ? LLVMBuildAnd(e->b, finite, one, "") : one;
    }
    hl_llvm_branch(e, finite, hl_llvm_exit_block(e, exit),
                   hl_llvm_exit_block(e, e->ir->ins[e->waiting[0]].exit), true);
    hl_llvm_at(e, here);
    return cold;
}
