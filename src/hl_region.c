/* hl_region.c - the life cycle of regions: when a loop is recorded, when its machine code is entered,
 * what happens when it is left, when it is given up.
 *
 * A loop starts COUNTING. When its countdown runs out it is recorded; a recording that closes a loop
 * gives a region, which is compiled. From then on every back-edge that the interpreter takes asks
 * here, and machine code is entered when the frame fits the region's entry. Failures are bounded:
 * each kind of them has a counter, waits get longer, and at the end the loop is given up for good. */
#include "hl_region.h"

#include <time.h>

#include "hl_exit.h"
#include "hl_inline.h"
#include "hl_mem.h"
#include "hl_nest.h"
#include "hl_np.h"
#include "hl_param.h"
#include "hl_record.h"
#include "hl_release.h"
#include "hl_stats.h"

enum {
    WAIT_COMPILE = 32, /* back-edges between looks at a compile under way */
    WAIT_MAX = 1024,   /* longest wait after entries that did not fit */
    MISSES_RECORD = 3, /* misses in a row, times 1 + replaced, before other types are recorded */
    MISSES_GIVE_UP = 64,
    MAX_REPLACED = 16, /* regions that make place for others, per loop */
    MAX_REBUILDS = 6,  /* regions lost to changed globals */
    GAIN_EVERY = 256,  /* bad exits between looks at what machine code gained */
    GAIN_LEAST = 4,    /* native iterations per bad exit below which there is no gain */
    GAIN_STRIKES = 3,
    GAIN_ROUNDS = 8,   /* of a loop, below which a recording from an exit says nothing about it */
    EXIT_TRIES = 3,    /* failed recordings from one exit */
    MAX_DOUBLINGS = 2, /* of the wait for more to compile */
    EXIT_COST = 20,    /* of leaving machine code and entering it, in interpreted iterations */
    MAX_ROW = 4 /* recordings that begin at an instruction because the one before left there */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- making and freeing ------------------------------------------------------------------------ */

static void region_free(HlRegion *r)
{
    hl_compile_forget(r);
    hl_compile_release(r->blob);
    for (int32_t i = 0; i < r->nobjects; i++)
        if (r->objects[i] != (PyObject *)r->code->orig)
            Py_DECREF(r->objects[i]);
    for (int32_t i = 0; i < r->globals.n; i++) {
        Py_XDECREF(r->globals.v[i].dict);
        Py_DECREF(r->globals.v[i].name);
        Py_XDECREF(r->globals.v[i].object);
    }
    for (int32_t i = 0; i < r->cap_states; i++)
        hl_mem_free(r->states[i].slots);
    if (r->plans)
        hl_plan_free(r->plans, r->nplans);
    hl_ir_free(r->ir);
    hl_ir_free(r->opt);
    hl_mem_free(r->states);
    hl_mem_free(r->entry);
    hl_mem_free(r->objects);
    hl_mem_free(r->globals.v);
    hl_mem_free(r->exits);
    hl_mem_free(r->native);
    hl_mem_free(r->slot_flags);
    hl_mem_free(r->in);
    hl_mem_free(r->out);
    hl_mem_free(r);
}

static HlRegion *region_new(HlCode *code, int loop)
{
    HlRegion *r = hl_mem_alloc(sizeof(*r));
    if (!r)
        return NULL;
    r->code = code;
    r->loop = loop;
    r->awaits = r->left_at = -1;
    r->may_npwrap = hl_np_ready() && hl_np_overflow_ignored();
    r->ir = hl_ir_new(PyUnicode_AsUTF8(code->orig->co_name), code->bytecode->nlocalsplus,
                      code->bytecode->nloops);
    r->native = hl_mem_alloc(sizeof(int64_t) * (size_t)(code->bytecode->nloops + HL_INLINED_LOOPS));
    r->slot_flags = hl_mem_alloc((size_t)code->bytecode->nslots + 1);
    if (!r->ir || !r->native || !r->slot_flags) {
        region_free(r);
        return NULL;
    }
    r->ir->fastmath = code->fastmath;
    return r;
}

static void region_drop_code(HlRegion *r)
{
    hl_compile_release(r->blob);
    r->blob = NULL;
    r->fn = NULL;
}

/* Never entered again. Its counters stay for the report, in its loop's list. Steps under way may lead
 * back into its machine code, which leaves then. */
static void region_kill(HlRegion *r, HlReason why)
{
    if (r->killed)
        return;
    r->killed = true;
    r->awaits = -1;
    hl_compile_forget(r);
    if (!r->running)
        region_drop_code(r);
    r->state = HL_REGION_DEAD;
    r->dead_why = why;
    r->code->loops[r->loop].nregions--;
}

/* The list is in the order of use. */
static void region_to_front(HlLoop *loop, HlRegion *r)
{
    HlRegion **link = &loop->regions;
    while (*link != r)
        link = &(*link)->next;
    *link = r->next;
    r->next = loop->regions;
    loop->regions = r;
}

/* Makes place for the region that is in front: the one that was not used for the longest time goes. */
static void region_replace(HlLoop *loop)
{
    HlRegion *last = NULL;
    for (HlRegion *r = loop->regions->next; r; r = r->next)
        if (!r->killed)
            last = r;
    if (last && loop->nregions > hl_params.max_regions) {
        region_kill(last, HL_R_REPLACED);
        loop->replaced++;
    }
}

void hl_region_free_all(HlCode *code)
{
    for (int32_t i = 0; code->bytecode && i < code->bytecode->nloops; i++)
        while (code->loops[i].regions) {
            HlRegion *r = code->loops[i].regions;
            code->loops[i].regions = r->next;
            region_free(r);
        }
}

/* --- entering ---------------------------------------------------------------------------------- */

/* Would its end be seen when one reference to it goes? */
static bool is_last(PyObject *o)
{
    return Py_REFCNT(o) == 1 && !hl_dies_silently(o);
}

/* An iterator that only the frame holds: its parts, in the order of the slot's. */
static bool entry_iter_fits(const HlEntrySlot *e, PyObject *o, int64_t *in)
{
    int64_t step;
    HlIter it;
    if (!o || Py_REFCNT(o) != 1)
        return false;
    if (e->iter == HL_SLOT_RANGE) {
        if (!hl_range_check(o))
            return false;
        hl_range_get(o, &in[0], &step, &in[1]);
        if (!e->fixed_step)
            in[2] = step;
        return !e->fixed_step || step == e->step;
    }
    if (!hl_iter_get(o, &it) || it.kind != e->iter || it.nseq != e->nseq)
        return false;
    in[0] = it.index;
    if (it.kind == HL_SLOT_ENUM)
        in[2] = it.count;
    for (int i = 0; i < it.nseq; i++) {
        /* A sequence that dies with its iterator may not do so before machine code is left. */
        if ((e->dies && is_last(it.seq[i])) || !hl_exit_unbox(it.seq[i], e->seq[i], &in[1 + i]))
            return false;
    }
    return true;
}

static bool entry_slot_fits(const HlEntrySlot *e, PyObject *o, int64_t *in)
{
    if (e->unbound)
        return !o;
    if (e->bound && !o)
        return false;
    if (e->same)
        return o == e->object;
    if (e->iter != HL_SLOT_UNBOUND)
        return entry_iter_fits(e, o, &in[e->input]);
    return e->type.base == HL_T_VOID || hl_exit_unbox(o, e->type, &in[e->input]);
}

/* Two cells of a frame are never the same cell, unless the closure was built by hand. */
static bool cells_distinct(const HlBytecode *b, PyObject *const *slots)
{
    for (int32_t i = 0; i < b->nlocalsplus; i++)
        for (int32_t j = 0; b->is_cell[i] && j < i; j++)
            if (b->is_cell[j] && slots[i] == slots[j])
                return false;
    return true;
}

bool hl_region_errstate_fits(const HlRegion *r)
{
    return (!r->uses_npfloat || hl_np_underflow_ignored()) &&
           (!r->uses_npwrap || hl_np_overflow_ignored());
}

/* Does the frame fit? Fills r->in. */
static bool region_fits(HlRegion *r, HlFrame *f)
{
    const HlBytecode *b = r->code->bytecode;
    PyObject **slots = hl_frame_slots(f);
    for (int32_t i = 0; i < r->nentry; i++) {
        const HlEntrySlot *e = &r->entry[i];
        PyObject *o = hl_exit_slot_object(b, slots, e->slot);
        if (!entry_slot_fits(e, o, r->in))
            return false;
        if (e->dies && o && e->type.base != HL_T_NPS && e->type.base != HL_T_COMPLEX &&
            e->iter == HL_SLOT_UNBOUND && !hl_exit_outlives(o, slots, r->nentry))
            return false;
    }
    if (!cells_distinct(b, slots))
        return false;
    return hl_region_errstate_fits(r);
}

static void loop_wait(HlLoop *loop, int32_t n)
{
    loop->countdown = loop->reload = n;
}

/* An iterator with next to nothing left: not worth the entry. */
static bool nearly_done(const HlCode *code, int loop, HlFrame *f)
{
    int64_t left = hl_nest_left(code, loop, f);
    return left >= 0 && left < 2;
}

/* --- giving up --------------------------------------------------------------------------------- */

static HlGo give_up(HlCode *code, int loop, HlReason why, HlFrame *f)
{
    HlGo go = HL_GO_ON;
    hl_code_give_up(code, loop, why);
    if (code->warn_fallback) {
        HlFrameLink link;
        hl_frame_enter(f, code, &link);
        if (hl_warn_fallback(code, loop, why) < 0)
            go = HL_GO_RAISED;
        hl_frame_leave(f, code, &link);
    }
    return go == HL_GO_ON && code->nlive == 0 ? HL_GO_ORIGINAL : go;
}

/* --- recording --------------------------------------------------------------------------------- */

static HlGo go_of(const HlRecordResult *res)
{
    switch (res->end) {
    case HL_RECORD_RAISED: return HL_GO_RAISED;
    case HL_RECORD_SERVE: return HL_GO_SERVE;
    case HL_RECORD_EDGE: return HL_GO_EDGE;
    case HL_RECORD_ENDED: return HL_GO_ENDED;
    case HL_RECORD_DONE: break;
    }
    return HL_GO_ON;
}

static HlRecordResult record_timed(HlRegion *r, HlFrame *f, int32_t exit, HlInlined *inlined,
                                   PyObject **result)
{
    double t = now();
    r->recording = true;
    HlRecordResult res = hl_record(r, f, exit, inlined);
    r->recording = false;
    *result = res.result;
    r->record_seconds += now() - t;
    r->quiet = res.grew ? 0 : r->quiet + 1;
    if (res.why != HL_R_NONE && res.why != HL_R_LOOP_END)
        hl_stats_note(r->code, r->loop, res.pc, res.why);
    return res;
}

/* A step costs more than what it executes: machine code has to make up for it. What the recorder went
 * through says how many bytecodes there are for each. */
static bool steps_gain(const HlRecordResult *res)
{
    return res->native / hl_params.step_gain >= res->steps;
}

/* Its loop is recorded again, as if there were no steps. */
static void region_without_steps(HlRegion *r)
{
    HlLoop *loop = &r->code->loops[r->loop];
    region_kill(r, HL_R_NO_NATIVE_GAIN);
    loop->no_steps = true;
    loop_wait(loop, r->code->threshold);
}

/* What the region waits for, to be recorded on from there until it has seen what there is and is compiled once:
 * the end of a loop that the recording has come to its end in, and that machine code of its own will leave; when
 * its own loop has ended, the header of that. -1 = nothing. */
static int region_awaits(const HlRegion *r, const HlRecordResult *res, HlFrame *f)
{
    bool settled = res->why == HL_R_NONE;
    if (r->state != HL_REGION_RECORDED || res->end != HL_RECORD_DONE ||
        r->quiet >= hl_params.settle || !(settled || res->why == HL_R_LOOP_END))
        return -1;
    int inner = settled ? hl_record_inner_loop(r, hl_frame_pc(f)) : -1;
    return inner >= 0 || r->awaits < 0 ? inner : r->loop;
}

/* A failure leaves the region DEAD, which the next look sees. */
static void region_compile(HlRegion *r)
{
    r->awaits = -1;
    r->behind = 0;
    hl_compile_submit(r);
    loop_wait(&r->code->loops[r->loop], r->state == HL_REGION_RECORDED ? WAIT_COMPILE : 1);
}

/* Compiles what was recorded, when that is all for now. What machine code grows by is compiled when it has been
 * left for that a number of times: where one path was missing, others are soon found to be, too. */
static void region_recorded(HlRegion *r, const HlRecordResult *res, HlFrame *f)
{
    if (r->state == HL_REGION_DEAD) {
        region_kill(r, r->dead_why);
        return;
    }
    r->awaits = region_awaits(r, res, f);
    if (r->awaits >= 0) {
        loop_wait(&r->code->loops[r->loop], 1);
    } else if (r->state == HL_REGION_RECORDED) {
        region_compile(r);
    }
}

/* Machine code was left for a path that is recorded, but not compiled: what has that cost by now? */
static void region_left_behind(HlRegion *r)
{
    int doublings = r->compiles <= MAX_DOUBLINGS ? r->compiles - 1 : MAX_DOUBLINGS;
    int64_t compile = (int64_t)hl_params.batch * r->ir->nins / 100 << doublings;
    r->behind += EXIT_COST;
    r->left_at = hl_nest_interpreted(r->code, r->loop);
    if (!r->compiling && r->behind >= compile)
        region_compile(r);
}

/* Records the loop that the frame is in, with the types that the frame holds now. */
static HlGo record_loop(HlCode *code, int index, HlFrame *f, PyObject **result)
{
    HlLoop *loop = &code->loops[index];
    if (code->bytecode->nslots > hl_params.max_slots)
        return give_up(code, index, HL_R_TOO_MANY_SLOTS, f);
    if (!loop->nregions && hl_nest_is_short(code, index) &&
        (hl_nest_is_inside(code, index) || hl_nest_record_around(code, index, f))) {
        loop_wait(loop, code->threshold);
        return HL_GO_ON;
    }
    HlRegion *r = region_new(code, index);
    if (!r) {
        PyErr_Clear();
        return give_up(code, index, HL_R_NO_MEMORY, f);
    }
    r->no_steps = loop->no_steps || hl_params.no_steps;
    HlRecordResult res = record_timed(r, f, -1, NULL, result);
    if (loop->state == HL_LOOP_GIVEN_UP) { /* by what ran in a step */
        region_free(r);
        return go_of(&res);
    }
    if (res.closed && r->steps && !steps_gain(&res)) {
        region_free(r);
        loop->no_steps = true;
        loop_wait(loop, 1);
        return go_of(&res);
    }
    if (res.closed && r->state != HL_REGION_DEAD) {
        r->next = loop->regions;
        loop->regions = r;
        loop->nregions++;
        loop->misses = 0;
        region_replace(loop);
        region_recorded(r, &res, f);
        return go_of(&res);
    } else {
        region_free(r);
    }
    if (res.why == HL_R_INTERRUPTED) {
        loop_wait(loop, WAIT_COMPILE);
        return go_of(&res);
    }
    loop->tries++;
    /* Not in step with what a program does every 10th, or 100th, iteration. */
    loop_wait(loop, (code->threshold << loop->tries) + loop->tries);
    if (loop->tries > hl_params.max_tries && res.end == HL_RECORD_DONE && !res.away)
        return give_up(code, index, res.why == HL_R_LOOP_END ? HL_R_NO_LOOP : res.why, f);
    return go_of(&res);
}

/* The exit whose continuation a guard with this exit is in, if both belong to one execution of one
 * instruction: it left again with another value. -1 = there is none. */
static int32_t exit_before(const HlRegion *r, int32_t exit)
{
    const HlIr *ir = r->ir;
    const HlSnap *here = &ir->snaps[ir->exits[exit].snap];
    int32_t block = -1;
    for (HlRef i = 0; i < ir->nins && block < 0; i++)
        if (ir->ins[i].exit == exit)
            block = ir->ins[i].block;
    for (int32_t x = 0; x < ir->nexits && block >= 0; x++) {
        const HlSnap *s = ir->exits[x].target == block ? &ir->snaps[ir->exits[x].snap] : NULL;
        if (s && s->pc == here->pc && s->inlined == here->inlined && r->exits[x].recorded)
            return x;
    }
    return -1;
}

/* Does an instruction leave for one value after the other? Each of them was worth a recording. */
static bool exit_in_row(const HlRegion *r, int32_t exit)
{
    int32_t n = 0;
    for (int32_t x = exit_before(r, exit); x >= 0 && n < MAX_ROW; x = exit_before(r, x))
        n++;
    return n >= MAX_ROW;
}

/* Records what lies behind an exit that is taken often. */
static HlGo record_exit(HlRegion *r, int32_t exit, HlFrame *f, HlInlined *inlined,
                        PyObject **result)
{
    HlExitStat *x = &r->exits[exit];
    if (r->compiles >= hl_params.max_compiles)
        x->why_not = HL_R_TOO_MANY_COMPILES;
    else if (exit_in_row(r, exit))
        x->why_not = HL_R_TOO_MANY_VARIANTS;
    if (x->why_not != HL_R_NONE) {
        hl_stats_note(r->code, r->loop, hl_frame_pc(f), x->why_not);
        return inlined ? hl_inlined_finish(inlined, f) : HL_GO_ON;
    }
    HlRecordResult res = record_timed(r, f, exit, inlined, result);
    x = &r->exits[exit];
    if (r->killed) /* by what ran in a step, or in inlined calls when the recording was over */
        return go_of(&res);
    if (r->dirty && !r->compiling && !(r->ir->exits[exit].target >= 0 && res.grew))
        hl_compile_submit(r); /* what grew in a step */
    if (res.steps && res.rounds >= GAIN_ROUNDS && !steps_gain(&res)) {
        region_without_steps(r);
        return go_of(&res);
    }
    if (r->awaits >= 0 || (r->ir->exits[exit].target >= 0 && res.grew)) {
        x->recorded = true;
        region_recorded(r, &res, f);
        return go_of(&res);
    }
    x->countdown = hl_params.hot_exit;
    if (res.why != HL_R_INTERRUPTED) {
        x->tries++;
        x->countdown <<= 2 * x->tries;
        if (x->tries >= EXIT_TRIES && x->why_not == HL_R_NONE)
            x->why_not = res.why == HL_R_NONE ? HL_R_LOOP_END : res.why;
    }
    return go_of(&res);
}

/* Is the frame, which is at the header, as it was when the recording began? */
static bool round_fits(HlRegion *r, HlFrame *f)
{
    return hl_mem_grow((void **)&r->in, &r->cap_in, r->ir->ninputs, sizeof *r->in) == 0 &&
           region_fits(r, f);
}

/* A region that awaits that is back at its header: another round. */
static HlGo record_round(HlRegion *r, HlFrame *f, PyObject **result)
{
    HlRecordResult res = record_timed(r, f, -1, NULL, result);
    region_recorded(r, &res, f);
    return go_of(&res);
}

/* --- leaving ----------------------------------------------------------------------------------- */

/* Where it is noted that a guard shall not be moved. */
static uint8_t *stay_mark(const HlRegion *r, int32_t exit, HlReason why)
{
    HlExit *x = &r->ir->exits[exit];
    return why == HL_R_LENGTH ? &x->any_length : &x->stay;
}

/* Is there nothing to be done about a moved guard that fails? */
static bool moved_for_good(const HlRegion *r, int32_t exit, HlReason why)
{
    return *stay_mark(r, exit, why) || r->compiles >= hl_params.max_compiles;
}

/* A guard that was moved to the entry, or that of a global, failed again. */
static HlGo entry_failed(HlRegion *r, int32_t exit, HlReason why, HlFrame *f)
{
    HlCode *code = r->code;
    int index = r->loop;
    HlLoop *loop = &code->loops[index];
    HlExitStat *x = &r->exits[exit];
    if (--x->countdown > 0)
        return HL_GO_ON;
    x->countdown = hl_params.hot_exit;
    if (why != HL_R_GLOBAL) {
        *stay_mark(r, exit, why) = 1;
        hl_compile_submit(r);
        return HL_GO_ON;
    }
    region_kill(r, HL_R_GLOBAL);
    loop_wait(loop, code->threshold);
    if (++loop->rebuilds > MAX_REBUILDS)
        return give_up(code, index, HL_R_GLOBAL, f);
    return HL_GO_ON;
}

int64_t hl_region_native(const HlRegion *r)
{
    int64_t n = 0;
    for (int32_t i = 0; i < r->ir->nloops; i++)
        n += r->native[i];
    return n;
}

/* Machine code that is left again and again after a few iterations costs more than it gains; twice as
 * much when frames have to be made. */
static bool no_gain(HlRegion *r, int cost)
{
    int64_t before = r->bad_exits / GAIN_EVERY;
    r->bad_exits += cost;
    if (r->bad_exits / GAIN_EVERY == before)
        return false;
    int64_t native = hl_region_native(r);
    bool gained = native - r->native_checked >= (int64_t)GAIN_LEAST * GAIN_EVERY;
    r->native_checked = native;
    r->strikes = gained ? 0 : r->strikes + 1;
    return r->strikes >= GAIN_STRIKES;
}

int32_t hl_region_exit(const HlRegion *r, int64_t index)
{
    int32_t origin = r->opt->exits[index].origin;
    return origin >= 0 ? origin : (int32_t)index;
}

/* The region's loop has ended: a region of a loop around it may wait for that. */
static HlGo loop_ended(HlRegion *r, HlFrame *f, PyObject **result)
{
    HlCode *code = r->code;
    const HlLoopInfo *loops = code->bytecode->loops;
    for (int32_t i = loops[r->loop].parent; i >= 0; i = loops[i].parent) {
        HlRegion *outer = code->loops[i].regions;
        bool awaited = outer && outer->awaits == r->loop && !outer->recording;
        int32_t end = awaited ? hl_record_end(outer, f) : -1;
        if (end >= 0)
            return record_exit(outer, end, f, NULL, result);
    }
    hl_nest_ended(r, f);
    return HL_GO_ON;
}

static HlGo region_leave(HlRegion *r, HlFrame *f, int64_t index, HlActivation *act)
{
    const HlPlan *plan = &r->plans[index];
    int32_t exit = hl_region_exit(r, index);
    bool moved = exit != index && !r->opt->exits[index].twin;
    HlExitStat *x = &r->exits[exit];
    HlReason why = plan->reason;
    HlCode *code = r->code;
    int loop = r->loop;
    bool calls = plan->inlined >= 0;
    PyObject *inner[plan->nall - plan->nslots + 1];
    HlInlined inlined = {.r = r,
                         .inlined = plan->inlined,
                         .pc = plan->top_pc,
                         .values = inner,
                         .first = plan->nslots,
                         .n = plan->nall - plan->nslots};

    x->taken++;
    int restored = hl_exit_restore(r, plan, f, act->entered, inner);
    hl_release_all();
    if (restored < 0) {
        hl_inlined_free(&inlined);
        hl_stats_note(code, loop, plan->pc, HL_R_NO_MEMORY);
        return HL_GO_RAISED;
    }
    bool busy =
        r->state != HL_REGION_READY || r->recording; /* killed, or reached again, in a step */
    if (!busy && !moved && !calls && hl_record_ends_loop(r, exit))
        return loop_ended(r, f, &act->result);
    bool hot = !busy && !moved && why != HL_R_GLOBAL && why != HL_R_POLL &&
               x->why_not == HL_R_NONE && r->ir->exits[exit].target < 0 && --x->countdown <= 0;
    if (hot)
        return record_exit(r, exit, f, calls ? &inlined : NULL, &act->result);
    if (calls && hl_inlined_finish(&inlined, f) != HL_GO_ON)
        return HL_GO_RAISED;
    x = &r->exits[exit];  /* the calls may have recorded more */
    if (why == HL_R_POLL) /* what left before the back-edge comes to it */
        return calls || moved ? HL_GO_ON : HL_GO_SERVE;
    if (r->state != HL_REGION_READY || r->recording)
        return HL_GO_ON;
    if (why == HL_R_GLOBAL || (moved && !moved_for_good(r, exit, why)))
        return entry_failed(r, exit, why, f);
    if (r->ir->exits[exit].target >= 0) {
        region_left_behind(r);
    } else if (why != HL_R_LOOP_END && no_gain(r, calls ? 2 : 1)) {
        if (!r->steps) {
            region_kill(r, HL_R_NO_NATIVE_GAIN);
            return give_up(code, loop, HL_R_NO_NATIVE_GAIN, f);
        }
        region_without_steps(r);
    }
    return HL_GO_ON;
}

/* A step did not come back to machine code. */
static HlGo region_left(HlRegion *r, const HlActivation *act)
{
    if (r->state == HL_REGION_READY && no_gain(r, 1))
        region_without_steps(r);
    return act->go;
}

static HlGo region_run(HlRegion *r, HlFrame *f, PyObject **result)
{
    const HlBytecode *b = r->code->bytecode;
    HlActivation act = {.slots = hl_frame_slots(f), .r = r, .f = f};
    PyObject *entered[b->nslots + 1];
    int32_t n = r->steps ? b->nlocalsplus + hl_frame_depth(f) : 0;
    for (int32_t i = 0; i < n; i++)
        entered[i] = hl_exit_slot_object(b, act.slots, i);
    act.entered = n ? entered : NULL;
    r->globals.globals = hl_frame_globals(f);
    r->globals.builtins = hl_frame_builtins(f);
    if (r->left_at >= 0)
        r->behind += hl_nest_interpreted(r->code, r->loop) - r->left_at;
    r->left_at = -1;
    r->entered++;
    r->running++;
    int64_t exit = r->fn(r->in, r->out, r->native, &act);
    if (--r->running == 0 && r->killed)
        region_drop_code(r);
    HlGo go = exit == HL_EMIT_LEFT ? region_left(r, &act) : region_leave(r, f, exit, &act);
    *result = act.result;
    return go;
}

static bool never_compiles(const HlRegion *r)
{
    return r->state == HL_REGION_DEAD &&
           (r->dead_why == HL_R_LLVM || r->dead_why == HL_R_NO_MEMORY);
}

/* --- the driver's question --------------------------------------------------------------------- */

HlGo hl_loop_backedge(HlCode *code, int index, HlFrame *f, PyObject **result)
{
    HlLoop *loop = &code->loops[index];
    bool ready = false;
    HlRegion *waiting = NULL;
    if (hl_compile_finished)
        hl_compile_poll();
    if (nearly_done(code, index, f)) {
        /* Again at the next: a loop whose trip count divides the threshold would end here each time. */
        loop->countdown = 1;
        return HL_GO_ON;
    }
    for (HlRegion *r = loop->regions; r; r = r->next) {
        if (r->state == HL_REGION_READY) {
            ready = true;
            if (r->levels && hl_recursion_left() < r->levels + HL_RECURSION_SPARE)
                return HL_GO_ON; /* inlined calls count no levels */
            if (region_fits(r, f)) {
                loop->misses = 0;
                loop_wait(loop, 1);
                region_to_front(loop, r);
                return region_run(r, f, result);
            }
            r->missed++;
        } else if (r->state == HL_REGION_RECORDED) {
            if (r->awaits >= 0 && !r->recording && round_fits(r, f))
                return record_round(r, f, result);
            waiting = r;
        }
    }
    if (waiting && waiting->awaits >= 0 && !waiting->recording) { /* in vain */
        region_compile(waiting);
        return HL_GO_ON;
    }
    if (waiting) {
        loop_wait(loop, WAIT_COMPILE);
        return HL_GO_ON;
    }
    if (!ready && loop->regions && never_compiles(loop->regions))
        return give_up(code, index, loop->regions->dead_why, f);
    if (!ready)
        return record_loop(code, index, f, result);
    loop->misses++;
    bool place = loop->nregions < hl_params.max_regions || loop->replaced < MAX_REPLACED;
    if (place && loop->misses >= MISSES_RECORD * (1 + loop->replaced))
        return record_loop(code, index, f, result);
    if (loop->misses >= MISSES_GIVE_UP)
        return give_up(code, index, HL_R_ENTRY, f);
    loop_wait(loop, loop->misses < 10 ? 1 << loop->misses : WAIT_MAX);
    return HL_GO_ON;
}
