/* hl_nest.c - which loop of a nest is recorded.
 *
 * A region is a loop with all that is inside of it. Loops get hot from the inside: the inner ones have machine
 * code first, and are where it begins in the middle of the nest. When one of them has come to its end a number
 * of times, the loop around it follows. So machine code is entered at a loop's own header, its loops begin
 * where the program's do, and what does not change in them is known in front of them.
 *
 * A loop of a few iterations has no region as long as the loop around it may have one: entering it would cost
 * more than it gains. */
#include "hl_nest.h"

#include "hl_param.h"
#include "hl_region.h"

enum {
    SHORT_LOOP = 40, /* iterations, on average, with those of the loops inside */
    /* Iterations of a short loop inside of a region, above which it gets one, too: they are not made there. */
    INSIDE_HOT = 100000,
    /* The longer a loop runs between two ends, the less there is to gain from one entry of machine code for many:
     * one more end is waited for with so many iterations. */
    ITERATIONS_PER_END = 100
};

int64_t hl_nest_left(const HlCode *code, int loop, HlFrame *f)
{
    const HlBytecode *b = code->bytecode;
    const HlBc *header = &b->bc[b->loops[loop].header];
    int64_t next, step, left;
    HlIter seq;
    if (header->op != HL_BC_FOR_ITER)
        return -1;
    PyObject *it = hl_frame_slots(f)[b->nlocalsplus + header->depth - 1];
    if (hl_range_check(it)) {
        hl_range_get(it, &next, &step, &left);
        return left;
    }
    if (!hl_iter_get(it, &seq))
        return -1;
    if (seq.kind == HL_SLOT_REVERSED)
        return seq.index + 1;
    if (PyList_CheckExact(seq.seq[0]) || PyTuple_CheckExact(seq.seq[0]))
        return Py_SIZE(seq.seq[0]) - seq.index;
    return -1;
}

int64_t hl_nest_interpreted(const HlCode *code, int loop)
{
    int64_t n = 0;
    for (int i = 0; i < code->bytecode->nloops; i++)
        if (hl_bc_loop_within(code->bytecode, i, loop))
            n += code->loops[i].interpreted;
    return n;
}

/* Native iterations of the loop and of those inside of it. */
static int64_t native_inside(const HlCode *code, int loop)
{
    const HlBytecode *b = code->bytecode;
    int64_t n = 0;
    for (int i = 0; i < b->nloops; i++)
        for (const HlRegion *r = hl_bc_loop_within(b, i, loop) ? code->loops[i].regions : NULL; r;
             r = r->next)
            n += hl_region_native(r);
    return n;
}

bool hl_nest_is_short(const HlCode *code, int loop)
{
    int outer = code->bytecode->loops[loop].parent;
    return outer >= 0 && code->loops[loop].interpreted + native_inside(code, loop) <=
                             SHORT_LOOP * code->loops[outer].interpreted;
}

bool hl_nest_is_inside(const HlCode *code, int loop)
{
    const HlLoopInfo *loops = code->bytecode->loops;
    bool hot = code->loops[loop].interpreted > INSIDE_HOT;
    for (int i = loops[loop].parent; i >= 0 && !hot; i = loops[i].parent)
        if (code->loops[i].nregions)
            return true;
    return false;
}

static bool may_be_recorded(const HlCode *code, int loop, HlFrame *f)
{
    const HlLoop *l = &code->loops[loop];
    if (l->state != HL_LOOP_COUNTING || l->nregions || l->tries || l->misses)
        return false;
    int64_t left = hl_nest_left(code, loop, f);
    return left < 0 || left >= 2;
}

/* The loop around that the frame, which is in the loop or at its end, is in now; -1 = none. */
static int loop_around(const HlBytecode *b, int loop, HlFrame *f)
{
    int at = hl_bc_loop_of(b, hl_frame_pc(f));
    return at == loop ? b->loops[at].parent : at;
}

bool hl_nest_record_around(HlCode *code, int loop, HlFrame *f)
{
    const HlBytecode *b = code->bytecode;
    int found = -1;
    for (int at = loop_around(b, loop, f); at >= 0; at = b->loops[at].parent) {
        if (may_be_recorded(code, at, f))
            found = at;
        if (found >= 0 && !hl_nest_is_short(code, at))
            break;
    }
    if (found >= 0)
        code->loops[found].countdown = 1;
    return found >= 0;
}

void hl_nest_ended(HlRegion *r, HlFrame *f)
{
    int around = loop_around(r->code->bytecode, r->loop, f);
    r->ended++;
    if (around < 0 ||
        r->code->loops[around].nregions) /* whose own ends count for what is around it */
        return;
    if (r->ended - hl_params.nest_ends >= hl_region_native(r) / r->ended / ITERATIONS_PER_END)
        hl_nest_record_around(r->code, r->loop, f);
}
