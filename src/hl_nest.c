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

#include "hl_region.h"

enum {
    SHORT_LOOP = 40, /* iterations, on average */
    LONG_ITERATION =
        20000 /* native ones inside of it, beside which entering their regions costs nothing */
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

bool hl_nest_is_short(const HlCode *code, int loop)
{
    int outer = code->bytecode->loops[loop].parent;
    return outer >= 0 &&
           code->loops[loop].interpreted <= SHORT_LOOP * code->loops[outer].interpreted;
}

/* Native iterations of the loops inside of the loop. */
static int64_t native_inside(const HlCode *code, int loop)
{
    const HlBytecode *b = code->bytecode;
    int64_t n = 0;
    for (int i = 0; i < b->nloops; i++) {
        if (!hl_bc_loop_within(b, i, loop))
            continue;
        for (const HlRegion *r = code->loops[i].regions; r; r = r->next)
            for (int k = 0; k < r->ir->nloops; k++)
                n += r->native[k];
    }
    return n;
}

static bool may_be_recorded(const HlCode *code, int loop, HlFrame *f)
{
    const HlLoop *l = &code->loops[loop];
    if (l->state != HL_LOOP_COUNTING || l->nregions || l->tries || l->misses)
        return false;
    int64_t left = hl_nest_left(code, loop, f);
    return (left < 0 || left >= 2) &&
           native_inside(code, loop) <= LONG_ITERATION * (l->interpreted + 1);
}

bool hl_nest_record_around(HlCode *code, int loop, HlFrame *f)
{
    const HlBytecode *b = code->bytecode;
    int at = hl_bc_loop_of(b, hl_frame_pc(f)), found = -1;
    if (at == loop)
        at = b->loops[at].parent;
    for (; at >= 0; at = b->loops[at].parent) {
        if (may_be_recorded(code, at, f))
            found = at;
        if (found >= 0 && !hl_nest_is_short(code, at))
            break;
    }
    if (found >= 0)
        code->loops[found].countdown = 1;
    return found >= 0;
}
