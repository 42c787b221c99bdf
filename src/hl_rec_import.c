/* hl_rec_import.c - the graph of an inner loop's region becomes part of the one that is recorded.
 *
 * Loops get hot from the inside. When the loop around one is recorded, what the inner one does is known: it has
 * been recorded, rare paths included. So where the recorder arrives at the header of a loop that has machine
 * code, and its state fits the entry of that, it copies the graph instead of recording the same again.
 *
 * The copy differs in three ways. Its entry is gone: the root header's parameters get what the state holds.
 * Slots that the inner region left to the frame are values here; the root header has parameters for them, which
 * no block of the copy changes. And where the inner region ended, this one may go on. */
#include "hl_rec_int.h"

#include "hl_mem.h"
#include "hl_np.h"
#include "hl_param.h"

typedef struct Import {
    HlRec *R;
    const HlRegion *from;
    int32_t root;           /* block of `from` */
    int32_t shift;          /* what its blocks' indexes grow by */
    HlRef *refs;            /* instruction of `from` -> of R->ir, NOREF = not copied yet */
    int32_t *exits;         /* the same for exits, */
    int32_t *inlines;       /* and inlined calls */
    const HlSlot *root_was; /* the root header's state in `from`, */
    HlSlot *root_is;        /* and here */
} Import;

/* --- does it fit? ------------------------------------------------------------------------------ */

static bool part_fits(HlRec *R, const HlRegion *from, HlRef want, HlRef have)
{
    const HlIns *w = &from->ir->ins[want];
    if (have == HL_NOREF)
        return false;
    const HlIns *h = &R->ir->ins[have];
    if (w->op == HL_I_PARAM)
        return hl_type_eq(w->type, h->type);
    if (w->op != h->op || !hl_type_eq(w->type, h->type))
        return false;
    return w->op == HL_I_KOBJ ? from->objects[w->imm.i] == R->r->objects[h->imm.i]
                              : w->op == HL_I_KINT && w->imm.i == h->imm.i;
}

static bool slot_fits(HlRec *R, const HlRegion *from, const HlSlot *want, const HlSlot *have)
{
    if (want->kind == HL_SLOT_FRAME)
        return have->kind != HL_SLOT_UNBOUND || !from->entry[want->a].bound;
    if (want->kind != have->kind || want->more != have->more)
        return false;
    for (int part = 0; part < hl_slot_nparts(want); part++)
        if (!part_fits(R, from, want->part[part], have->part[part]))
            return false;
    return true;
}

static bool region_fits(HlRec *R, const HlRegion *from)
{
    const HlIr *ir = from->ir;
    const HlBlockState *root = &from->states[ir->blocks[0].target];
    if (from->state != HL_REGION_READY || from->steps || from->recording ||
        from->may_npwrap != R->r->may_npwrap || root->nslots != rec_nstate(R) ||
        R->ir->nblocks + ir->nblocks > hl_params.max_blocks ||
        R->ir->nloops - R->b->nloops + ir->nloops - R->b->nloops > HL_INLINED_LOOPS)
        return false;
    for (int32_t i = 0; i < root->nslots; i++)
        if (!slot_fits(R, from, &root->slots[i], &R->state[i]))
            return false;
    return true;
}

static const HlRegion *region_for(HlRec *R)
{
    int32_t loop = R->inlined < 0 ? hl_bc_loop_at(R->b, R->pc) : -1;
    if (loop < 0 || loop == R->r->loop)
        return NULL;
    for (const HlRegion *r = R->code->loops[loop].regions; r; r = r->next)
        if (region_fits(R, r))
            return r;
    return NULL;
}

/* --- copying ----------------------------------------------------------------------------------- */

static bool no_memory(Import *m)
{
    rec_stop(m->R, HL_R_NO_MEMORY);
    return false;
}

static HlRef ref_here(const Import *m, HlRef r)
{
    return r == HL_NOREF ? HL_NOREF : m->refs[r];
}

static HlSlot slot_here(const Import *m, const HlSlot *s)
{
    HlSlot here = *s;
    if (s->kind == HL_SLOT_FRAME)
        return m->root_is[s->a];
    for (int part = 0; part < hl_slot_nparts(s); part++)
        here.part[part] = ref_here(m, s->part[part]);
    return here;
}

/* A copy of n slots; NULL = out of memory. */
static HlSlot *slots_here(const Import *m, const HlSlot *slots, int32_t n)
{
    HlSlot *copy = hl_mem_alloc((size_t)(n ? n : 1) * sizeof *copy);
    for (int32_t i = 0; copy && i < n; i++)
        copy[i] = slot_here(m, &slots[i]);
    return copy;
}

static bool copy_constants(Import *m)
{
    const HlIr *ir = m->from->ir;
    const HlBlock *entry = &ir->blocks[0];
    for (int32_t i = 0; i < entry->ins.n && m->R->pending == REC_OK; i++) {
        const HlIns *k = &ir->ins[entry->ins.v[i]];
        m->refs[entry->ins.v[i]] = k->op == HL_I_KOBJ ? rec_kobj(m->R, m->from->objects[k->imm.i])
                                                      : rec_const(m->R, k->op, k->type, k->imm.i);
    }
    return m->R->pending == REC_OK;
}

static bool copy_inlines(Import *m)
{
    const HlIr *ir = m->from->ir;
    HlIr *to = m->R->ir;
    for (int32_t i = 0; i < ir->ninlines; i++) {
        const HlInline *c = &ir->inlines[i];
        const HlCode *code = hl_inlined_code((HlRegion *)m->from, i);
        HlInline here = *c;
        int32_t before = to->ninlines;
        here.parent = c->parent < 0 ? -1 : m->inlines[c->parent];
        here.code = rec_object_index(m->R, m->from->objects[c->code]);
        here.loops = to->nloops;
        m->inlines[i] = here.code < 0 ? -1 : hl_ir_inline(to, &here);
        if (m->inlines[i] < 0)
            return no_memory(m);
        if (to->ninlines > before)
            to->nloops += code->bytecode->nloops;
    }
    return true;
}

/* The loop, as the region numbers them. */
static int32_t loop_here(const Import *m, const HlBlock *b, int32_t loop)
{
    return loop < 0 || b->inlined < 0 ? loop
                                      : loop - m->from->ir->inlines[b->inlined].loops +
                                            m->R->ir->inlines[m->inlines[b->inlined]].loops;
}

static bool copy_blocks(Import *m)
{
    const HlIr *ir = m->from->ir;
    for (int32_t i = 1; i < ir->nblocks; i++) {
        const HlBlock *b = &ir->blocks[i];
        int32_t here = hl_ir_block(m->R->ir, b->pc);
        if (here < 0)
            return no_memory(m);
        HlBlock *copy = &m->R->ir->blocks[here];
        copy->loop = loop_here(m, b, b->loop);
        copy->loop_of = loop_here(m, b, b->loop_of);
        copy->inlined = b->inlined < 0 ? -1 : m->inlines[b->inlined];
    }
    return true;
}

static bool copy_param(Import *m, int32_t block, HlRef param, HlRef value, HlRefVec *args)
{
    m->refs[param] = hl_ir_param(m->R->ir, block, m->from->ir->ins[param].type);
    return (m->refs[param] != HL_NOREF && hl_refvec_push(args, value) == 0) || no_memory(m);
}

/* The root header's parameters, in the order of the slots; args: what the state holds. */
static bool copy_root(Import *m, HlRefVec *args)
{
    int32_t block = m->root + m->shift;
    args->n = 0;
    for (int32_t i = 0; i < rec_nstate(m->R); i++) {
        const HlSlot *was = &m->root_was[i];
        HlSlot *s = &m->R->state[i];
        if (was->kind == HL_SLOT_FRAME) {
            rec_slot_params(m->R, block, s, args);
        } else {
            for (int part = 0; part < hl_slot_nparts(was); part++)
                if (m->from->ir->ins[was->part[part]].op == HL_I_PARAM &&
                    !copy_param(m, block, was->part[part], s->part[part], args))
                    return false;
            *s = slot_here(m, was);
        }
        m->root_is[i] = *s;
    }
    return m->R->pending == REC_OK;
}

/* What is passed when the copy comes back to the root header: what it got for slots that it left to the frame. */
static bool root_args(Import *m, const HlRefVec *old, HlRefVec *args)
{
    int32_t k = 0;
    for (int32_t i = 0; i < rec_nstate(m->R); i++) {
        const HlSlot *was = &m->root_was[i], *is = &m->root_is[i];
        bool kept = was->kind == HL_SLOT_FRAME;
        for (int part = 0; part < hl_slot_nparts(kept ? is : was); part++) {
            HlRef p = is->part[part];
            if (p == HL_NOREF || m->R->ir->ins[p].op != HL_I_PARAM ||
                m->R->ir->ins[p].block != m->root + m->shift)
                continue;
            if (hl_refvec_push(args, kept ? p : ref_here(m, old->v[k++])) < 0)
                return no_memory(m);
        }
    }
    return true;
}

/* Where the inner region ended, the path goes on; caps that it met are its own. */
static void copy_stat(HlExit *x, HlExitStat *stat, const HlExitStat *from, bool outside)
{
    HlReason why = (HlReason)from->why_not;
    *stat = (HlExitStat){.countdown = hl_params.hot_exit,
                         .recorded = from->recorded,
                         .left = from->left,
                         .runs = from->runs,
                         .turns = from->turns};
    if (why != HL_R_LOOP_END && why != HL_R_TOO_MANY_COMPILES && why != HL_R_TOO_MANY_BLOCKS)
        stat->why_not = from->why_not;
    if (outside && x->reason == HL_R_LOOP_END)
        x->reason = HL_R_BRANCH;
}

static int32_t copy_exit(Import *m, int32_t exit)
{
    const HlExit *x = &m->from->ir->exits[exit];
    const HlSnap *s = &m->from->ir->snaps[x->snap];
    HlIr *to = m->R->ir;
    HlRegion *r = m->R->r;
    if (m->exits[exit] >= 0)
        return m->exits[exit];
    HlSlot *slots = slots_here(m, s->slots, s->nslots);
    int32_t snap = slots ? hl_ir_snap(to, s->pc, slots, s->nslots) : -1, here = -1;
    hl_mem_free(slots);
    if (snap >= 0 &&
        hl_mem_grow((void **)&r->exits, &r->cap_exits, to->nexits + 1, sizeof(HlExitStat)) == 0)
        here = hl_ir_exit(to, snap, (HlReason)x->reason);
    if (here < 0) {
        no_memory(m);
        return -1;
    }
    r->nexits = to->nexits;
    to->snaps[snap].inlined = s->inlined < 0 ? -1 : m->inlines[s->inlined];
    to->exits[here].target = x->target < 0 ? -1 : x->target + m->shift;
    to->exits[here].stay = x->stay;
    to->exits[here].unpredictable = x->unpredictable;
    bool outside =
        s->inlined < 0 && !hl_bc_loop_within(m->R->b, hl_bc_loop_of(m->R->b, s->pc), m->from->loop);
    copy_stat(&to->exits[here], &r->exits[here], &m->from->exits[exit], outside);
    return m->exits[exit] = here;
}

/* Index, among the region's own, of what an instruction's imm says. */
static int64_t imm_here(Import *m, const HlIns *ins)
{
    const HlGlobalRef *g;
    switch ((HlOp)ins->op) {
    case HL_I_KOBJ:
    case HL_I_FUNC: return rec_object_index(m->R, m->from->objects[ins->imm.i]);
    case HL_I_GUARD_GLOBAL:
    case HL_I_LOAD_GLOBAL:
    case HL_I_FUNC_GLOBAL:
        g = &m->from->globals.v[ins->imm.i];
        return rec_global(m->R, g->dict, g->name, g->object);
    default: return ins->imm.i;
    }
}

static bool copy_ins(Import *m, int32_t block, HlRef ref)
{
    HlIns ins = m->from->ir->ins[ref];
    for (int i = 0; i < HL_MAX_ARGS; i++)
        ins.a[i] = ref_here(m, ins.a[i]);
    ins.imm.i = imm_here(m, &ins);
    if (ins.exit >= 0)
        ins.exit = copy_exit(m, ins.exit);
    if (m->R->pending != REC_OK)
        return false;
    m->refs[ref] = hl_ir_emit(m->R->ir, block, &ins);
    return m->refs[ref] != HL_NOREF || no_memory(m);
}

/* A block is recorded after those that dominate it: what it uses has been copied. */
static bool copy_block(Import *m, int32_t block)
{
    const HlBlock *b = &m->from->ir->blocks[block];
    HlRefVec none = {0};
    bool ok = true;
    for (int32_t i = 0; ok && block != m->root && i < b->params.n; i++)
        ok = copy_param(m, block + m->shift, b->params.v[i], HL_NOREF, &none);
    hl_mem_free(none.v);
    for (int32_t i = 0; ok && i < b->ins.n; i++)
        ok = copy_ins(m, block + m->shift, b->ins.v[i]);
    return ok;
}

/* How a block ends, when all of them have been copied. */
static bool copy_end(Import *m, int32_t block)
{
    const HlBlock *b = &m->from->ir->blocks[block];
    HlRefVec args = {0};
    bool ok = true;
    if (b->term == HL_TERM_EXIT) {
        int32_t exit = copy_exit(m, b->exit);
        if (exit < 0)
            return false;
        hl_ir_end(m->R->ir, block + m->shift, exit);
        return true;
    }
    if (b->target == m->root)
        ok = root_args(m, &b->args, &args);
    for (int32_t i = 0; ok && b->target != m->root && i < b->args.n; i++)
        ok = hl_refvec_push(&args, ref_here(m, b->args.v[i])) == 0 || no_memory(m);
    if (ok && hl_ir_jump(m->R->ir, block + m->shift, b->target + m->shift, args.v, args.n) < 0)
        ok = no_memory(m);
    hl_mem_free(args.v);
    return ok;
}

static bool copy_states(Import *m)
{
    for (int32_t i = 1; i < m->from->ir->nblocks; i++) {
        const HlBlockState *s = i < m->from->cap_states ? &m->from->states[i] : NULL;
        HlSlot *slots = s && s->slots ? slots_here(m, s->slots, s->nslots) : NULL;
        if (!s || !s->slots)
            continue;
        bool ok = slots && rec_block_state(m->R, i + m->shift, slots, s->nslots) == 0;
        hl_mem_free(slots);
        if (!ok)
            return no_memory(m);
    }
    return true;
}

/* What the region demands of the frame, and of NumPy. */
static void copy_demands(Import *m)
{
    HlRegion *r = m->R->r;
    const HlRegion *from = m->from;
    for (int32_t i = 0; i < r->nentry; i++)
        r->entry[i].dies |= from->entry[i].dies;
    for (int32_t i = 0; i < m->R->b->nslots; i++)
        r->slot_flags[i] |= from->slot_flags[i] & HL_SLOTF_DROPS;
    r->uses_npfloat |= from->uses_npfloat;
    r->uses_npwrap |= from->uses_npwrap;
    r->levels = from->levels > r->levels ? from->levels : r->levels;
}

static bool copy(Import *m, HlRefVec *args)
{
    int32_t n = m->from->ir->nblocks;
    bool ok = copy_constants(m) && copy_inlines(m) && copy_blocks(m) && copy_root(m, args);
    for (int32_t i = 1; ok && i < n; i++)
        ok = copy_block(m, i);
    for (int32_t i = 1; ok && i < n; i++)
        ok = copy_end(m, i);
    return ok && copy_states(m);
}

static bool tables(Import *m)
{
    const HlIr *ir = m->from->ir;
    m->refs = hl_mem_alloc((size_t)ir->nins * sizeof *m->refs);
    m->exits = hl_mem_alloc((size_t)ir->nexits * sizeof *m->exits);
    m->inlines = hl_mem_alloc((size_t)(ir->ninlines + 1) * sizeof *m->inlines);
    m->root_is = hl_mem_alloc((size_t)(rec_nstate(m->R) + 1) * sizeof *m->root_is);
    for (HlRef i = 0; m->refs && i < ir->nins; i++)
        m->refs[i] = HL_NOREF;
    for (int32_t i = 0; m->exits && i < ir->nexits; i++)
        m->exits[i] = -1;
    return m->refs && m->exits && m->inlines && m->root_is;
}

int32_t rec_import(HlRec *R, HlRefVec *args)
{
    const HlRegion *from = region_for(R);
    if (!from)
        return -1;
    Import m = {.R = R, .from = from, .root = from->ir->blocks[0].target};
    m.shift = R->ir->nblocks - 1;
    m.root_was = from->states[m.root].slots;
    if (!tables(&m))
        no_memory(&m);
    else if (copy(&m, args))
        copy_demands(&m);
    hl_mem_free(m.refs);
    hl_mem_free(m.exits);
    hl_mem_free(m.inlines);
    hl_mem_free(m.root_is);
    return R->pending == REC_OK ? m.root + m.shift : -1;
}
