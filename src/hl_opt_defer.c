/* hl_opt_defer.c - one test for many float results, in front of all that is stored of them.
 *
 *   %x = fadd %a %b                           %x = fadd %a %b
 *   guard_fp %x %a %b -> x1                   %y = fsub %a %b
 *   array_store %p %s %i %x           =>      %t = fadd %y %x
 *   %y = fsub %a %b                           %u = fabs %t
 *   guard_fp %y %a %b -> x2                   %ok = fcmp lt %u inf
 *   array_store %p %s %j %y                   guard_true %ok -> x1' (where x1 leaves, or earlier)
 *                                             array_store %p %s %i %x
 *                                             array_store %p %s %j %y
 *
 * A sum is not finite when something in it is not: an addition for each result, and one comparison for all. It is
 * made as a tree, as nothing that comes later is done with before the test is: a processor holds few iterations of a
 * loop that waits for divisions. One half is added to the other, so that neighbours stay neighbours, which may be in
 * one vector. Results that are finite only when others are need no test. What stands between the
 * first guard and the test leaves where the test does, from where the interpreter does all of it again. A test that
 * fails need not mean a warning: the sum may overflow, and an infinity that comes from one is no reason to warn. So
 * when it fails often, the first guard's exit is marked `stay`, and the region is compiled without it.
 *
 * Requirements: 1. a counting loop that no strips are made of; 2. up to the test nothing has an effect but stores of
 * items, which keep their order, and nothing leaves but for what fails seldom; 3. no load that comes before a store
 * now, and came behind it, reads what it writes (hl_opt_apart.c). */
#include "hl_opt.h"

#include <math.h>
#include <string.h>

enum { DEFER_LEAST = 2 /* results that are tested */ };

typedef struct Defer {
    HlIr *ir;
    HlCounted *c;
    bool front;   /* guards in front of the loop may say that items differ... */
    int32_t snap; /* ...where this is the state; -1 = not asked for yet */
    int32_t nins; /* when the pass began */
    bool *finite; /* by ref: the test tells that it is */
    HlRef *test;  /* results that are tested, the last one first: n of them */
    int32_t n;
} Defer;

/* Instructions of a block, from a guard that can wait up to behind the last one. */
typedef struct Run {
    int32_t first, end;
    int32_t snap; /* the state in front of it */
} Run;

static bool defer_waits(const HlIns *ins)
{
    return ins->op == HL_I_GUARD_FP || ins->op == HL_I_GUARD_FINITE;
}

/* Waits for the test: what is stored, and what counts iterations. */
static bool defer_late(const HlIns *ins)
{
    return hl_ir_stores_item(ins) || ins->op == HL_I_TRIPS;
}

/* May the guard's failure be found out by doing all again from where the run begins? */
static bool defer_fails_seldom(const HlIr *ir, const HlIns *guard)
{
    const HlExit *x = &ir->exits[guard->exit];
    if (x->target >= 0)
        return false;
    switch (x->reason) {
    case HL_R_FPCHECK:
    case HL_R_MATH: return true;
    case HL_R_INDEX:
    case HL_R_OVERFLOW:
    case HL_R_ZERODIV: return !x->stay;
    default: return false;
    }
}

/* Can an instruction come before stores that it was behind? */
static bool defer_passes(const Defer *d, const HlBlock *b, const Run *run, const HlIns *ins)
{
    const HlIr *ir = d->ir;
    uint16_t fx = hl_op_info[ins->op].fx;
    if (defer_late(ins))
        return true;
    if (fx & (HL_E_WRITES | HL_E_CALLS | HL_E_PINNED) ||
        (ins->exit >= 0 && !defer_fails_seldom(ir, ins)))
        return false;
    for (int32_t i = run->first; fx & HL_E_RD_ITEMS && &ir->ins[b->ins.v[i]] != ins; i++)
        if (hl_ir_stores_item(&ir->ins[b->ins.v[i]]) &&
            hl_opt_apart(d->c, ins, &ir->ins[b->ins.v[i]]) >
                (d->front ? HL_APART_IN_FRONT : HL_APART))
            return false;
    return true;
}

/* The next run, from position `from` on; false = there is none. */
static bool defer_find(const Defer *d, const HlBlock *b, int32_t from, Run *run)
{
    const HlIr *ir = d->ir;
    *run = (Run){.first = -1, .snap = -1};
    for (int32_t i = from; i < b->ins.n; i++) {
        const HlIns *ins = &ir->ins[b->ins.v[i]];
        uint16_t fx = hl_op_info[ins->op].fx;
        bool waits = defer_waits(ins) && defer_fails_seldom(ir, ins);
        if (run->first >= 0 && !defer_passes(d, b, run, ins))
            break;
        if (run->first < 0 && fx & (HL_E_WRITES | HL_E_CALLS | HL_E_PINNED))
            run->snap = -1;
        else if (run->snap < 0 && ins->exit >= 0)
            run->snap = ir->exits[ins->exit].snap;
        if (waits && run->first < 0)
            run->first = i;
        if (waits)
            run->end = i + 1;
    }
    return run->first >= 0;
}

/* Finds the results whose being finite tells that all are that the run's guards look at. */
static void defer_choose(Defer *d, const HlBlock *b, const Run *run)
{
    const HlIr *ir = d->ir;
    memset(d->finite, 0, (size_t)d->nins);
    d->n = 0;
    for (int32_t i = run->end - 1; i >= run->first; i--) {
        HlRef r = b->ins.v[i];
        const HlIns *ins = &ir->ins[r];
        if (ins->op == HL_I_FPTOSI_OV)
            d->finite[ins->a[0]] = true;
        if (defer_waits(ins) && !d->finite[ins->a[0]]) {
            d->finite[ins->a[0]] = true;
            d->test[d->n++] = ins->a[0];
        }
        for (int k = 0; d->finite[r] && k < hl_op_info[ins->op].nargs; k++)
            if (hl_ir_finite_only_with(ins, ins->a[k]))
                d->finite[ins->a[k]] = true;
    }
}

static HlRef defer_emit(HlIr *ir, int32_t block, HlOp op, HlBase type, HlRef a, HlRef b)
{
    HlIns ins = {.op = op, .exit = -1, .pc = ir->blocks[block].pc, .a = HL_NO_ARGS};
    ins.type = (HlType){.base = (uint8_t)type};
    ins.a[0] = a;
    ins.a[1] = b;
    return hl_ir_emit(ir, block, &ins);
}

/* Emits the test, at the block's end, with the exit of the run's first guard. -1 = out of memory. */
static int defer_emit_test(Defer *d, int32_t block, const Run *run)
{
    HlIr *ir = d->ir;
    int32_t x = ir->ins[ir->blocks[block].ins.v[run->first]].exit;
    for (int32_t half; (half = d->n / 2) > 0; d->n -= half) {
        for (int32_t i = 0; i < half; i++)
            if ((d->test[i] =
                     defer_emit(ir, block, HL_I_FADD, HL_T_F64, d->test[i], d->test[i + half])) < 0)
                return -1;
        d->test[half] = d->test[d->n - 1]; /* the odd one */
    }
    HlRef size = defer_emit(ir, block, HL_I_FABS, HL_T_F64, d->test[0], HL_NOREF);
    HlRef inf = defer_emit(ir, block, HL_I_KFLOAT, HL_T_F64, HL_NOREF, HL_NOREF);
    HlRef ok =
        size < 0 || inf < 0 ? HL_NOREF : defer_emit(ir, block, HL_I_FCMP, HL_T_BOOL, size, inf);
    if (ok < 0)
        return -1;
    ir->ins[inf].imm.f = HUGE_VAL;
    ir->ins[ok].aux = HL_LT;
    HlRef guard = defer_emit(ir, block, HL_I_GUARD_TRUE, HL_T_VOID, ok, HL_NOREF);
    if (guard < 0)
        return -1;
    ir->ins[guard].exit = x;
    return 0;
}

/* Puts the run's instructions into their order: what stays, the test, which is at the block's end, what waits for it.
 * -1 = out of memory. */
static int defer_reorder(HlIr *ir, int32_t block, const Run *run, int32_t test)
{
    HlRefVec *v = &ir->blocks[block].ins;
    HlRef *order = hl_mem_alloc((size_t)v->n * sizeof *order);
    int32_t n = 0, last = v->n, behind = test - run->end;
    if (!order)
        return -1;
    for (int32_t i = run->first; i < last; i = i + 1 == run->end ? test : i + 1)
        if (!defer_waits(&ir->ins[v->v[i]]) && !defer_late(&ir->ins[v->v[i]]))
            order[n++] = v->v[i];
    for (int32_t i = run->first; i < run->end; i++)
        if (defer_late(&ir->ins[v->v[i]]))
            order[n++] = v->v[i];
        else if (defer_waits(&ir->ins[v->v[i]]))
            ir->ins[v->v[i]].block = -1;
    memmove(&v->v[run->first + n], &v->v[run->end], (size_t)behind * sizeof *v->v);
    memcpy(&v->v[run->first], order, (size_t)n * sizeof *v->v);
    v->n = run->first + n + behind;
    hl_mem_free(order);
    return 0;
}

/* Gathers the items of the run that are different ones only if a guard says so; false = too many. */
static bool defer_gather(const Defer *d, const HlBlock *b, const Run *run, HlApartGuard *g)
{
    const HlIr *ir = d->ir;
    *g = (HlApartGuard){0};
    for (int32_t i = run->first; i < run->end; i++)
        for (int32_t k = run->first; k < i; k++) {
            const HlIns *load = &ir->ins[b->ins.v[i]], *store = &ir->ins[b->ins.v[k]];
            if (hl_op_info[load->op].fx & HL_E_RD_ITEMS && hl_ir_stores_item(store) &&
                hl_opt_apart(d->c, load, store) == HL_APART_IN_FRONT &&
                !hl_opt_apart_add(g, d->c, load, store))
                return false;
        }
    return true;
}

/* Guards in front of the loop that the run's items are different ones. 1 = nothing can be said there, -1 = out of
 * memory. */
static int defer_guard(Defer *d, const HlBlock *b, const Run *run)
{
    HlApartGuard g;
    if (!defer_gather(d, b, run, &g))
        return 1;
    if (!g.n && !g.narrays)
        return 0;
    if (d->snap < 0 && hl_opt_front(d->ir, d->c->cfg, d->c->header, d->c->pre, true, &d->snap))
        return -1;
    return d->snap < 0
               ? 1
               : hl_opt_apart_guard(&g, d->c, d->ir->ins[b->ins.v[run->first]].exit, d->snap);
}

/* Tests the run's results at its end, which moves. -1 = out of memory. */
static int defer_run(Defer *d, int32_t block, Run *run)
{
    HlIr *ir = d->ir;
    const HlRefVec *v = &ir->blocks[block].ins;
    int32_t test = v->n;
    if (defer_emit_test(d, block, run))
        return -1;
    for (int32_t i = run->first; i < v->n; i = i + 1 == run->end ? test : i + 1)
        if (!defer_waits(&ir->ins[v->v[i]]) && hl_opt_leave_at(ir, v->v[i], run->snap))
            return -1;
    int32_t behind = test - run->end;
    if (defer_reorder(ir, block, run, test))
        return -1;
    run->end = v->n - behind;
    return 0;
}

/* Did the test of a block fail often, or would it? */
static bool defer_failed(const HlIr *ir, const HlBlock *b)
{
    for (int32_t i = 0; i < b->ins.n; i++)
        if (defer_waits(&ir->ins[b->ins.v[i]]) && ir->exits[ir->ins[b->ins.v[i]].exit].stay)
            return true;
    return false;
}

/* One block; -1 = out of memory. */
static int defer_block(Defer *d, int32_t block)
{
    Run run;
    if (defer_failed(d->ir, &d->ir->blocks[block]))
        return 0;
    for (int32_t from = 0; defer_find(d, &d->ir->blocks[block], from, &run); from = run.end) {
        defer_choose(d, &d->ir->blocks[block], &run);
        if (d->n < DEFER_LEAST)
            continue;
        int status = defer_guard(d, &d->ir->blocks[block], &run);
        d->front &= status == 0;
        if (status < 0 || (status == 0 && defer_run(d, block, &run)))
            return -1;
        if (status > 0)
            run.end = from; /* once more, without */
    }
    return 0;
}

static int defer_loop(HlCounted *c)
{
    HlIr *ir = c->ir;
    if (!hl_opt_stays_loop(ir, c->cfg, c->header))
        return 0;
    Defer d = {.ir = ir, .c = c, .front = true, .snap = -1, .nins = ir->nins};
    d.finite = hl_mem_alloc((size_t)ir->nins * sizeof *d.finite);
    d.test = hl_mem_alloc((size_t)ir->nins * sizeof *d.test);
    int status = d.finite && d.test ? 0 : -1;
    for (int32_t b = 0; b < c->cfg->n && !status; b++)
        if (c->set[b])
            status = defer_block(&d, b);
    hl_mem_free(d.finite);
    hl_mem_free(d.test);
    return status;
}

int hl_opt_defer(HlIr *ir)
{
    /* In one operation with the test's addition, a product need not overflow. */
    return ir->fastmath & HL_FAST_CONTRACT ? 0 : hl_opt_count_each(ir, defer_loop);
}
