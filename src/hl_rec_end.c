/* hl_rec_end.c - the ends of loops in a region's graph.
 *
 * A recording settles in the first long loop that is inside of the region's, long before the end of that
 * loop, and does not see what comes behind. That loop has machine code of its own, as loops get hot from the
 * inside; so the region waits, without being compiled, until the frame is at the loop's end, and is recorded
 * on from there (hl_region.c): round by round, until nothing new is seen. */
#include "hl_exit.h"
#include "hl_nest.h"
#include "hl_param.h"
#include "hl_rec_int.h"

enum {
    LEFT_LEAST = 3 /* iterations that machine code makes on the way to a loop's end */
};

bool hl_record_ends_loop(const HlRegion *r, int32_t exit)
{
    const HlExit *x = &r->ir->exits[exit];
    const HlSnap *s = &r->ir->snaps[x->snap];
    if (r->exits[exit].why_not == HL_R_LOOP_END)
        return true;
    return x->reason == HL_R_LOOP_END && s->inlined < 0 &&
           hl_bc_loop_of(r->code->bytecode, s->pc) == r->loop;
}

/* Is it where a `for` loop that has its header at pc ends, and may something be recorded behind it? */
static bool is_end(const HlRegion *r, int32_t exit, int32_t pc)
{
    const HlExit *x = &r->ir->exits[exit];
    const HlSnap *s = &r->ir->snaps[x->snap];
    return x->reason == HL_R_LOOP_END && s->inlined < 0 && s->pc == pc &&
           r->exits[exit].why_not == HL_R_NONE;
}

int hl_record_inner_loop(const HlRegion *r, int32_t pc)
{
    const HlBytecode *b = r->code->bytecode;
    int loop = hl_bc_loop_of(b, pc);
    for (; loop >= 0 && loop != r->loop; loop = b->loops[loop].parent) {
        const HlRegion *inner = r->code->loops[loop].regions;
        for (int32_t x = 0; x < r->ir->nexits; x++)
            if (is_end(r, x, b->loops[loop].header))
                return inner && inner->state == HL_REGION_READY ? loop : -1;
    }
    return -1;
}

bool rec_may_wait(HlRec *R)
{
    if (R->inlined >= 0 || R->r->state != HL_REGION_RECORDED)
        return false;
    int loop = hl_record_inner_loop(R->r, R->pc);
    int64_t left = loop < 0 ? 0 : hl_nest_left(R->code, loop, R->f);
    return left < 0 || left > LEFT_LEAST;
}

static bool iter_fits(const HlRegion *r, const HlSlot *s, PyObject *o)
{
    HlIter it;
    if (!hl_iter_get(o, &it) || it.kind != s->kind ||
        (s->kind == HL_SLOT_ZIP && it.nseq != s->more))
        return false;
    for (int part = 0; part < hl_slot_nparts(s); part++) {
        int seq = (int)hl_iter_input(s->kind, part) - HL_IN_ITER_SEQ;
        if (seq >= it.nseq ||
            (seq >= 0 && !hl_type_eq(rec_seq_type(it.seq[seq]), r->ir->ins[s->part[part]].type)))
            return false;
    }
    return true;
}

static bool range_fits(const HlRegion *r, const HlSlot *s, PyObject *o)
{
    int64_t next, step, left;
    if (!hl_range_check(o))
        return false;
    hl_range_get(o, &next, &step, &left);
    const HlIns *ins = &r->ir->ins[s->b];
    return ins->op != HL_I_KINT || ins->imm.i == step;
}

/* A constant that is not an object may have decided what was recorded: such slots fit nothing. */
static bool value_fits(const HlRegion *r, HlRef ref, PyObject *o)
{
    const HlIns *ins = &r->ir->ins[ref];
    bool big;
    if (ins->op == HL_I_KOBJ)
        return o == r->objects[ins->imm.i];
    if (ins->op == HL_I_KINT || ins->op == HL_I_KFLOAT || ins->op == HL_I_KBOOL)
        return false;
    HlType t = ins->type.base == HL_T_OBJ ? HL_TYPE(VOID) : ins->type;
    return hl_type_eq(hl_record_type_of(o, &big), t) && !big;
}

static bool slot_fits(const HlRegion *r, const HlSlot *s, PyObject *o)
{
    if (s->kind == HL_SLOT_FRAME)
        return true;
    if (s->kind == HL_SLOT_UNBOUND || !o)
        return s->kind == HL_SLOT_UNBOUND && !o;
    if (s->kind == HL_SLOT_VALUE)
        return value_fits(r, s->a, o);
    if (s->kind == HL_SLOT_RANGE)
        return range_fits(r, s, o);
    if (s->kind == HL_SLOT_COMPLEX)
        return hl_type_eq(hl_type_part(hl_record_complex_type(o)), r->ir->ins[s->a].type);
    return hl_slot_is_iter(s) && iter_fits(r, s, o);
}

int32_t hl_record_end(const HlRegion *r, HlFrame *f)
{
    const HlBytecode *b = r->code->bytecode;
    int32_t pc = hl_frame_pc(f), n = b->nlocalsplus + hl_frame_depth(f);
    for (int32_t x = 0; x < r->ir->nexits; x++) {
        const HlSnap *s = &r->ir->snaps[r->ir->exits[x].snap];
        int32_t i = 0;
        if (!is_end(r, x, pc) || s->nslots != n)
            continue;
        while (i < n && slot_fits(r, &s->slots[i], hl_exit_slot_object(b, hl_frame_slots(f), i)))
            i++;
        if (i == n)
            return x;
    }
    return -1;
}
