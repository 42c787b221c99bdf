/* hl_step.c - steps: machine code hands the frame to the evaluator for some instructions and goes on.
 *
 * A step begins like an exit: the frame is made true from the values that machine code has. Then CPython
 * executes the instructions in a clone of the code object that leaves the evaluator behind them, and at
 * every back-edge, where handlers may lead. When the frame has arrived at the step's end it is true again,
 * and machine code goes on with what it knows: numbers in locals stay in registers, everything else is
 * read from the frame again (FRAME_LOAD) and checked.
 *
 * While it runs, anything may happen: other threads, the same function again, the region killed, tracing
 * switched on, a frame object made through which somebody writes. Machine code goes on only if nothing
 * did that it could not know; the frame, which is true, is otherwise the interpreter's. */
#include "hl_step.h"

#include "hl_exit.h"
#include "hl_np.h"
#include "hl_release.h"
#include "hl_stats.h"

bool hl_step_binds(const HlBytecode *b, int32_t pc, int32_t end, int32_t slot)
{
    for (; pc != end; pc = b->bc[pc].next)
        if (b->bc[pc].op == HL_BC_STORE_FAST && b->bc[pc].arg == slot)
            return true;
    return false;
}

bool hl_step_kept(const HlBytecode *b, PyObject *const *before, PyObject *const *now, int32_t pc,
                  int32_t end)
{
    for (int32_t i = 0; i < b->nlocalsplus; i++) {
        bool same = now[i] == before[i];
        if (b->is_cell[i] || (same && now[i]))
            continue;
        if (hl_step_binds(b, pc, end, i) ? !now[i] : !same)
            return false;
    }
    return true;
}

/* An object that a handler has replaced may have left its address to the new one. So where a handler can
 * lead to the step's end, the numbers that machine code keeps are compared themselves. */
static bool step_numbers_kept(const HlBytecode *b, const HlPlan *plan, PyObject *const *slots,
                              const int64_t *words)
{
    if (!(b->bc[plan->end].flags & HL_BCF_JOIN))
        return true;
    for (int32_t i = 0; i < plan->nentries; i++) {
        const HlPlanEntry *e = &plan->entries[i];
        bool number =
            e->kind == HL_PLAN_IMM || (e->kind == HL_PLAN_BOX && !hl_type_is_object(e->type));
        int64_t word = e->kind == HL_PLAN_IMM ? e->imm : e->kind == HL_PLAN_BOX ? words[e->a] : 0;
        if (number && e->slot < b->nlocalsplus && !b->is_cell[e->slot] &&
            !hl_step_binds(b, plan->pc, plan->end, e->slot) &&
            !hl_exit_is_box(slots[e->slot], e->type, word))
            return false;
    }
    return true;
}

bool hl_step_seq_kept(HlType t, PyObject *seq)
{
    return t.base != HL_T_ARR || hl_type_eq(hl_np_type_of(seq), t);
}

/* Is an iterator that machine code has in registers still as it was made, and the frame's own? */
static bool step_iter_kept(const HlIr *ir, const HlPlan *plan, const HlPlanEntry *e, PyObject *o,
                           const int64_t *words)
{
    int64_t next, step, left;
    HlIter it;
    if (Py_REFCNT(o) != 1)
        return false;
    if (e->iter == HL_SLOT_RANGE) {
        if (!hl_range_check(o))
            return false;
        hl_range_get(o, &next, &step, &left);
        return next == words[e->a] && step == words[e->b] && left == words[e->c];
    }
    if (!hl_iter_get(o, &it) || it.kind != e->iter || it.index != words[e->a] ||
        (e->iter == HL_SLOT_ENUM && it.count != words[e->c]))
        return false;
    for (int i = 0; i < it.nseq; i++) {
        int32_t word = e->part[1 + i];
        if ((intptr_t)it.seq[i] != words[word] ||
            !hl_step_seq_kept(ir->ins[plan->live[word]].type, it.seq[i]))
            return false;
    }
    return true;
}

static bool step_iters_kept(const HlIr *ir, const HlPlan *plan, PyObject *const *slots,
                            const int64_t *words)
{
    for (int32_t i = 0; i < plan->nentries; i++) {
        const HlPlanEntry *e = &plan->entries[i];
        if (e->kind == HL_PLAN_ITER && !step_iter_kept(ir, plan, e, slots[e->slot], words))
            return false;
    }
    return true;
}

/* Would nobody see that what a slot loses dies late? Of an iterator, only what it goes over counts. */
static bool step_death_unseen(PyObject *o, PyObject *const *slots, int32_t n)
{
    HlIter it;
    if (hl_range_check(o))
        return true;
    if (Py_REFCNT(o) != 1 || !hl_iter_get(o, &it))
        return hl_exit_outlives(o, slots, n);
    for (int i = 0; i < it.nseq; i++)
        if (Py_REFCNT(it.seq[i]) == 1 && !hl_dies_silently(it.seq[i]))
            return false;
    return true;
}

/* Machine code will take objects away from slots, and the frame keeps them until the next step or the
 * exit. Nobody must be able to see that they live too long. Cells have to hold something. */
static bool step_slots_fit(const HlRegion *r, HlFrame *f)
{
    const HlBytecode *b = r->code->bytecode;
    PyObject **slots = hl_frame_slots(f);
    int32_t n = b->nlocalsplus + hl_frame_depth(f);
    for (int32_t i = 0; i < n; i++) {
        uint8_t flags = r->slot_flags[i] & (HL_SLOTF_BOUND | HL_SLOTF_DROPS);
        PyObject *o = flags ? hl_exit_slot_object(b, slots, i) : NULL;
        if (!o ? flags & HL_SLOTF_BOUND : flags & HL_SLOTF_DROPS && !step_death_unseen(o, slots, n))
            return false;
    }
    return true;
}

static int step_leave(HlActivation *act, HlGo go)
{
    act->go = go;
    return 1;
}

int hl_step_run(HlActivation *act, int64_t *out, int64_t exit)
{
    HlRegion *r = act->r;
    HlFrame *f = act->f;
    HlCode *code = r->code;
    const HlBytecode *b = code->bytecode;
    const HlPlan *plan = &r->plans[exit];
    PyObject *before[b->nlocalsplus + 1];
    int64_t words[plan->nlive + 1];

    r->exits[hl_region_exit(r, exit)].steps++;
    int restored = hl_exit_restore(r, plan, f, act->entered, NULL);
    hl_release_all();
    if (restored < 0) {
        hl_stats_note(code, r->loop, plan->pc, HL_R_NO_MEMORY);
        return step_leave(act, HL_GO_RAISED);
    }
    for (int32_t i = 0; i < b->nlocalsplus; i++)
        before[i] = act->slots[i];
    for (int32_t i = 0; i < plan->nlive; i++)
        words[i] = out[i];
    switch (hl_hook_step(f, code, plan->end, &act->result)) {
    case HL_STEP_ENDED: return step_leave(act, HL_GO_ENDED);
    case HL_STEP_AT_EDGE: return step_leave(act, HL_GO_EDGE);
    case HL_STEP_LEFT: return step_leave(act, HL_GO_ON);
    case HL_STEP_DONE: break;
    }
    r->globals.globals = hl_frame_globals(f); /* the region may have run in between, elsewhere */
    r->globals.builtins = hl_frame_builtins(f);
    if (r->state != HL_REGION_READY || !hl_step_kept(b, before, act->slots, plan->pc, plan->end) ||
        !step_numbers_kept(b, plan, act->slots, words) ||
        !step_iters_kept(r->opt, plan, act->slots, words) || !step_slots_fit(r, f) ||
        !hl_region_errstate_fits(r))
        return step_leave(act, HL_GO_ON);
    return 0;
}
