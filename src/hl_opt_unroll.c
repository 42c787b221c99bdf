/* hl_opt_unroll.c - a loop of few, known iterations becomes straight code.
 *
 *     jump H(%0, %x)                        jump H1(%x)
 *   H(%i, %x):                            H1(%x1): ... %x2 = f(%0, %x1); jump H2(%x2)
 *     %go = icmp lt %i %2           =>    H2(%x2): ... %x3 = f(%1, %x2); jump H(%2, %x3)
 *     guard_true %go -> x1                H(%i, %x):
 *     ... %y = f(%i, %x)                    jump (where x1 leads)
 *     jump H(%i + 1, %y)
 *
 * LLVM does this, too; but here one test whether results are finite serves all iterations (hl_llvm_fp.c), nothing
 * polls, and what is selected or checked for one index is known to be what it is. The copies' exits are twins of
 * the loop's own.
 *
 * Requirements: 1. an innermost loop with another around it, where the breaker is asked; 2. its counter begins with a
 * constant and stops at one; 3. what is outside uses of its values only the header's, behind its end. */
#include "hl_opt.h"

enum { UNROLL_MOST = 8 /* iterations */, UNROLL_INS = 200 /* instructions, of all iterations */ };

/* How often the loop runs, 0 = not known or too often. */
static int64_t unroll_times(const HlCounted *c)
{
    int64_t start, stop, times;
    if (!hl_ir_is_kint(c->ir, c->stop, &stop) ||
        !hl_ir_is_kint(c->ir, c->ir->blocks[c->pre].args.v[c->param], &start) ||
        __builtin_sub_overflow(stop, start, &times) || times < 1 || times > UNROLL_MOST)
        return 0;
    return times;
}

/* Jumps back to `from` of the copies of the loop's blocks go to `to`. */
static void unroll_lead(const HlCounted *c, int32_t from, int32_t to)
{
    for (int32_t b = 0; b < c->cfg->n; b++) {
        HlBlock *copy = c->set[b] ? &c->ir->blocks[c->copy[b]] : NULL;
        if (copy && copy->term == HL_TERM_JUMP && copy->target == from)
            copy->target = to;
    }
}

/* One iteration in front of those that there are: the last one comes first. */
static int unroll_iteration(HlCounted *c, int32_t loop, int32_t *first)
{
    HlIr *ir = c->ir;
    if (hl_opt_count_copy(c))
        return -1;
    int32_t header = c->copy[c->header];
    hl_opt_drop(ir, header, c->at);
    ir->blocks[header].loop = -1;
    unroll_lead(c, header, *first);
    *first = header;
    return hl_opt_count_trips(ir, header, 0, loop, 1);
}

/* What is left of the loop is the way to what is behind it; to arrive there counts, as at any header. */
static int unroll_rest(HlCounted *c, int32_t loop)
{
    HlIr *ir = c->ir;
    if (hl_opt_count_trips(ir, c->header, 0, loop, 1))
        return -1;
    hl_opt_count_cut(c, c->at + 2, ir->blocks[c->header].ins.n);
    ir->blocks[c->header].loop = -1;
    return hl_ir_jump(ir, c->header, ir->exits[c->exit].target, NULL, 0);
}

static int unroll_loop(HlCounted *c)
{
    int64_t times = unroll_times(c);
    if (!times || c->cfg->outer[c->header] < 0 || c->ir->exits[c->exit].target < 0 ||
        hl_opt_count_mark(c) * times > UNROLL_INS || !hl_opt_count_apart(c))
        return 0;
    int32_t first = c->header, loop = c->ir->blocks[c->header].loop;
    for (int64_t k = 0; k < times; k++)
        if (unroll_iteration(c, loop, &first))
            return -1;
    c->ir->blocks[c->pre].target = first;
    return unroll_rest(c, loop) ? -1 : 1;
}

int hl_opt_unroll(HlIr *ir)
{
    return hl_opt_count_each(ir, unroll_loop);
}
