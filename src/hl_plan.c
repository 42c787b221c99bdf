/* hl_plan.c - from snapshots to exit plans: which values machine code must hand over at an exit,
 * and how the frame's slots are made from them. A slot whose object was in the frame at entry and
 * whose value was never recomputed keeps that object (and with it, its identity); constants need no
 * word.
 *
 * In a region with STEPs the frame does not stay as it was at entry, and is made true often. So the plan
 * says which objects a number can have come from at all: none, when it was computed; the one that a slot
 * held at the entry, whose address is compared; or one that is known (hl_opt_origin.c), as it is behind
 * every STEP, where a number that may have come from an object is taken to come from the frame (KEEP). */
#include "hl_ir.h"
#include "hl_mem.h"

typedef struct PlanMaker {
    const HlIr *ir;
    int32_t *word;  /* per value: its word in the exit being planned... */
    int32_t *stamp; /* ...when this is the exit's number plus 1 */
    int32_t exit;
    HlPlan *plan;
    bool calls;    /* the region has STEPs; then also: */
    int32_t *root; /* per value: the entry slot whose object it can be, or PLAN_ROOT_* */
} PlanMaker;

enum { PLAN_ROOT_NONE = -1, PLAN_ROOT_MANY = -2 };

/* The object that r was unboxed from, or r itself. */
static HlRef plan_origin(const HlIr *ir, HlRef r)
{
    switch (ir->ins[r].op) {
    case HL_I_UNBOX_I64:
    case HL_I_UNBOX_F64:
    case HL_I_UNBOX_NPI64:
    case HL_I_UNBOX_NPBOOL:
    case HL_I_UNBOX_NP: return ir->ins[r].a[0];
    default: return r;
    }
}

/* The entry slot whose object the value r still is, -1 = none. */
static int32_t plan_slot_of(const HlIr *ir, HlRef r)
{
    r = plan_origin(ir, r);
    const HlIns *ins = &ir->ins[r];
    if (ins->op != HL_I_PARAM || ins->block != 0)
        return -1;
    for (int32_t i = 0; i < ir->ninputs; i++) {
        if (ir->blocks[0].params.v[i] == r)
            return ir->inputs[i].part == HL_IN_VALUE ? ir->inputs[i].slot : -1;
    }
    return -1;
}

static bool plan_join_root(int32_t *to, int32_t from)
{
    int32_t old = *to;
    if (from != PLAN_ROOT_NONE && from != old)
        *to = old == PLAN_ROOT_NONE ? from : PLAN_ROOT_MANY;
    return *to != old;
}

/* What values that are not computed, but passed on, can be. */
static bool plan_pass_roots(PlanMaker *m)
{
    const HlIr *ir = m->ir;
    bool changed = false;
    for (int32_t b = 0; b < ir->nblocks; b++) {
        const HlBlock *block = &ir->blocks[b];
        for (int32_t i = 0; i < block->ins.n; i++) {
            HlRef r = block->ins.v[i];
            const HlIns *ins = &ir->ins[r];
            for (int k = 0; k < HL_MAX_ARGS && (ins->op == HL_I_SELECT || ins->op == HL_I_RETYPE);
                 k++)
                if (ins->a[k] >= 0)
                    changed |= plan_join_root(&m->root[r], m->root[ins->a[k]]);
        }
        for (int32_t i = 0; block->term == HL_TERM_JUMP && i < block->args.n; i++)
            changed |= plan_join_root(&m->root[ir->blocks[block->target].params.v[i]],
                                      m->root[block->args.v[i]]);
    }
    return changed;
}

static void plan_find_roots(PlanMaker *m)
{
    const HlIr *ir = m->ir;
    for (HlRef r = 0; r < ir->nins; r++) {
        const HlIns *ins = &ir->ins[r];
        bool constant = ins->op == HL_I_KINT || ins->op == HL_I_KFLOAT || ins->op == HL_I_KBOOL;
        m->root[r] = plan_slot_of(ir, r);
        if (m->root[r] < 0)
            m->root[r] = constant ? PLAN_ROOT_MANY : PLAN_ROOT_NONE;
    }
    while (plan_pass_roots(m))
        ;
}

/* The slot whose iterator this is, with all its parts as at entry; -1 = none. */
static int32_t plan_iter_of(const HlIr *ir, const HlSlot *s)
{
    int32_t slot = -1, found = 0;
    for (int32_t i = 0; i < ir->ninputs; i++) {
        const HlInput *in = &ir->inputs[i];
        for (int part = 0; part < hl_slot_nparts(s); part++) {
            if (in->part == hl_iter_input(s->kind, part) &&
                ir->blocks[0].params.v[i] == s->part[part] && (!found || in->slot == slot)) {
                slot = in->slot;
                found++;
            }
        }
    }
    return found == hl_slot_nparts(s) ? slot : -1;
}

/* The slot whose complex number it still is, both parts as at entry; -1 = none. */
static int32_t plan_complex_of(const HlIr *ir, const HlSlot *s)
{
    for (int32_t i = 0; i + 1 < ir->ninputs; i++) {
        const HlInput *re = &ir->inputs[i], *im = &ir->inputs[i + 1];
        if (re->part == HL_IN_REAL && im->part == HL_IN_IMAG && re->slot == im->slot &&
            ir->blocks[0].params.v[i] == s->a && ir->blocks[0].params.v[i + 1] == s->b)
            return re->slot;
    }
    return -1;
}

/* The word that carries the value r, -1 = out of memory. */
static int32_t plan_word(PlanMaker *m, HlRef r)
{
    if (m->stamp[r] != m->exit + 1) {
        HlRefVec live = {m->plan->live, m->plan->nlive, m->plan->nlive};
        if (hl_refvec_push(&live, r))
            return -1;
        m->stamp[r] = m->exit + 1;
        m->word[r] = m->plan->nlive;
        m->plan->live = live.v;
        m->plan->nlive = live.n;
    }
    return m->word[r];
}

static int plan_value(PlanMaker *m, HlRef r, HlPlanEntry *e)
{
    const HlIns *ins = &m->ir->ins[r];
    e->type = ins->type;
    int32_t from = plan_slot_of(m->ir, r);
    if (from >= 0 && !m->calls) {
        e->kind = HL_PLAN_FRAME;
        e->from = from;
    } else if (ins->op == HL_I_KOBJ) {
        e->kind = HL_PLAN_CONST;
        e->from = (int32_t)ins->imm.i;
    } else if (ins->op == HL_I_KINT || ins->op == HL_I_KFLOAT || ins->op == HL_I_KBOOL) {
        e->kind = HL_PLAN_IMM;
        e->search = 1;
        e->imm = ins->imm.i; /* of a double: its bits */
    } else {
        HlRef origin = hl_ir_origin(m->ir, r);
        e->kind = HL_PLAN_BOX;
        e->from = m->calls && m->root[r] >= 0 ? m->root[r] : -1;
        e->search = !m->calls || m->root[r] == PLAN_ROOT_MANY;
        e->a = plan_word(m, r);
        if (e->a < 0 || (origin != HL_NOREF && (e->b = plan_word(m, origin)) < 0))
            return -1;
    }
    return 0;
}

static int plan_words(PlanMaker *m, const HlSlot *s, HlPlanEntry *e)
{
    e->nparts = (uint8_t)hl_slot_nparts(s);
    for (int part = 0; part < e->nparts; part++)
        if ((e->part[part] = plan_word(m, s->part[part])) < 0)
            return -1;
    return 0;
}

/* Entries for a tuple's items, or a slice's, and its own. */
static int plan_items(PlanMaker *m, const HlSlot *s, HlPlanEntry *e, HlPlanKind kind)
{
    e->kind = (uint8_t)kind;
    e->from = hl_slot_nparts(s);
    for (int32_t i = 0; i < e->from; i++) {
        HlPlanEntry item = {.slot = -1, .from = -1, .a = -1, .b = -1, .c = -1};
        if (plan_value(m, s->part[i], &item))
            return -1;
        m->plan->entries[m->plan->nentries++] = item;
    }
    return 0;
}

/* The view whose values begin at part `at` of a slot; its number has been planned. */
static int plan_view(PlanMaker *m, const HlSlot *s, int at, HlPlanEntry *e)
{
    int n = hl_ir_view_end(m->ir, s, at) - at;
    e->kind = HL_PLAN_VIEW;
    e->type = m->ir->ins[s->part[at + 1]].type;
    e->nparts = (uint8_t)(1 + n);
    for (int i = 0; i < n; i++)
        if ((e->part[1 + i] = plan_word(m, s->part[at + i])) < 0)
            return -1;
    return 0;
}

/* An iterator over views: entries for them, and its own. */
static int plan_rows(PlanMaker *m, const HlSlot *s, HlPlanEntry *e)
{
    int nparts = hl_slot_nparts(s), views = nparts - s->more;
    e->kind = HL_PLAN_ITER;
    e->iter = s->kind;
    e->nparts = (uint8_t)views;
    e->from = 0;
    for (int at = views; at < nparts; at = hl_ir_view_end(m->ir, s, at)) {
        HlPlanEntry view = {.slot = -1, .from = -1, .a = -1};
        if (plan_view(m, s, at, &view))
            return -1;
        m->plan->entries[m->plan->nentries++] = view;
        e->from++;
    }
    for (int part = 0; part < views; part++)
        if ((e->part[part] = plan_word(m, s->part[part])) < 0)
            return -1;
    return 0;
}

static int plan_slot(PlanMaker *m, const HlSlot *s, HlPlanEntry *e)
{
    switch ((HlSlotKind)s->kind) {
    case HL_SLOT_UNBOUND: e->kind = HL_PLAN_UNBOUND; break;
    case HL_SLOT_VALUE: return plan_value(m, s->a, e);
    case HL_SLOT_FRAME:
        e->kind = HL_PLAN_FRAME;
        e->from = s->a;
        break;
    case HL_SLOT_RANGE:
    case HL_SLOT_SEQ:
    case HL_SLOT_REVERSED:
    case HL_SLOT_ENUM:
    case HL_SLOT_ZIP:
        e->from = m->calls ? -1 : plan_iter_of(m->ir, s);
        if (e->from >= 0) {
            e->kind = HL_PLAN_FRAME;
            break;
        }
        e->kind = HL_PLAN_ITER;
        e->iter = s->kind;
        return plan_words(m, s, e);
    case HL_SLOT_ROWS:
    case HL_SLOT_ROWS_REVERSED:
    case HL_SLOT_ROWS_ENUM:
    case HL_SLOT_ROWS_ZIP: return plan_rows(m, s, e);
    case HL_SLOT_VIEW: e->a = plan_word(m, s->a); return e->a < 0 ? -1 : plan_view(m, s, 1, e);
    case HL_SLOT_TUPLE: return plan_items(m, s, e, HL_PLAN_TUPLE);
    case HL_SLOT_SLICE: return plan_items(m, s, e, HL_PLAN_SLICE);
    case HL_SLOT_COMPLEX:
        e->from = m->calls ? -1 : plan_complex_of(m->ir, s);
        if (e->from >= 0) {
            e->kind = HL_PLAN_FRAME;
            break;
        }
        e->kind = HL_PLAN_COMPLEX;
        e->type = hl_type_of_parts(m->ir->ins[s->a].type);
        e->a = plan_word(m, s->a);
        e->b = plan_word(m, s->b);
        HlRef origin = hl_ir_origin(m->ir, s->a);
        if (e->a < 0 || e->b < 0 || (origin != HL_NOREF && (e->c = plan_word(m, origin)) < 0))
            return -1;
        break;
    case HL_SLOT__COUNT: break;
    }
    return 0;
}

static bool plan_is_direct(const HlPlan *plan, const HlPlanEntry *e)
{
    if (e->slot < 0 || e->slot >= plan->nslots)
        return false;
    if (e->kind != HL_PLAN_BOX || e->search || e->b >= 0 ||
        (e->type.base != HL_T_I64 && e->type.base != HL_T_F64))
        return e->kind == HL_PLAN_ITER && e->iter == HL_SLOT_RANGE;
    for (int32_t i = 0; i < plan->nentries; i++) {
        const HlPlanEntry *other = &plan->entries[i];
        if (other != e && other->kind == HL_PLAN_BOX && other->a == e->a)
            return false;
    }
    return true;
}

/* Brings direct entries to the end. */
static int plan_sort(HlPlan *plan)
{
    HlPlanEntry *sorted = hl_mem_alloc((size_t)plan->nentries * sizeof *sorted);
    int32_t n = 0;
    if (!sorted)
        return -1;
    for (int direct = 0; direct < 2; direct++) {
        for (int32_t i = 0; i < plan->nentries; i++)
            if (plan_is_direct(plan, &plan->entries[i]) == direct)
                sorted[n++] = plan->entries[i];
        plan->ndirect = direct ? n - plan->ndirect : n;
    }
    hl_mem_free(plan->entries);
    plan->entries = sorted;
    return 0;
}

static int plan_exit(PlanMaker *m)
{
    const HlSnap *snap = &m->ir->snaps[m->ir->exits[m->exit].snap];
    HlPlan *plan = m->plan;
    int32_t most = snap->nslots;
    for (int32_t i = 0; i < snap->nslots; i++)
        most += hl_slot_nparts(&snap->slots[i]); /* what it is made of */
    plan->entries = hl_mem_alloc((size_t)most * sizeof *plan->entries);
    if (!plan->entries)
        return -1;
    for (int32_t i = 0; i < snap->nslots; i++) {
        HlPlanEntry e = {.slot = i, .from = -1, .a = -1, .b = -1, .c = -1};
        if (plan_slot(m, &snap->slots[i], &e))
            return -1;
        if (e.kind != HL_PLAN_FRAME || e.from != i || i >= plan->nslots)
            plan->entries[plan->nentries++] = e;
    }
    return m->calls ? plan_sort(plan) : 0;
}

static bool plan_leaves(const HlIr *ir, int32_t x)
{
    return x >= 0 && ir->exits[x].target < 0 && ir->exits[x].snap >= 0;
}

HlPlan *hl_plan_build(const HlIr *ir)
{
    HlPlan *plans = hl_mem_alloc((size_t)ir->nexits * sizeof *plans);
    uint8_t *used = hl_mem_alloc((size_t)ir->nexits);
    PlanMaker m = {.ir = ir, .calls = hl_ir_calls(ir)};
    m.word = hl_mem_alloc((size_t)ir->nins * sizeof *m.word);
    m.stamp = hl_mem_alloc((size_t)ir->nins * sizeof *m.stamp);
    m.root = hl_mem_alloc((size_t)ir->nins * sizeof *m.root);
    bool failed = !plans || !used || !m.word || !m.stamp || !m.root;
    if (!failed && m.calls)
        plan_find_roots(&m);
    for (int32_t b = 0; !failed && b < ir->nblocks; b++) {
        const HlBlock *block = &ir->blocks[b];
        for (int32_t i = 0; i < block->ins.n; i++) {
            const HlIns *ins = &ir->ins[block->ins.v[i]];
            if (plan_leaves(ir, ins->exit))
                used[ins->exit] = 1;
            if (ins->op == HL_I_STEP)
                plans[ins->exit].end = (int32_t)ins->imm.i;
        }
        if (block->term == HL_TERM_EXIT && plan_leaves(ir, block->exit))
            used[block->exit] = 1;
    }
    for (int32_t x = 0; !failed && x < ir->nexits; x++) {
        HlPlan *plan = &plans[x];
        plan->reason = (HlReason)ir->exits[x].reason;
        if (ir->exits[x].snap >= 0) {
            const HlSnap *snap = &ir->snaps[ir->exits[x].snap];
            plan->pc = hl_ir_own_pc(ir, snap);
            plan->nslots = hl_ir_own_slots(ir, snap);
            plan->inlined = snap->inlined;
            plan->top_pc = snap->pc;
            plan->nall = snap->nslots;
        }
        m.exit = x;
        m.plan = plan;
        if (used[x])
            failed = plan_exit(&m);
    }
    hl_mem_free(used);
    hl_mem_free(m.word);
    hl_mem_free(m.stamp);
    hl_mem_free(m.root);
    if (failed) {
        hl_plan_free(plans, ir->nexits);
        return NULL;
    }
    return plans;
}

void hl_plan_free(HlPlan *plans, int32_t n)
{
    for (int32_t i = 0; plans && i < n; i++) {
        hl_mem_free(plans[i].live);
        hl_mem_free(plans[i].entries);
    }
    hl_mem_free(plans);
}
