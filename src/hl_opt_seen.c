/* hl_opt_seen.c - lengths of short axes are what they were when the region was recorded.
 *
 *   entry(%a: arr<float64,2> = slot 0 seen 0 3):      entry(...):
 *     %n = array_len 1 %a                               %n = array_len 1 %a
 *     ...                                               %k = kint 3
 *     jump b1(%n)                              =>       %ok = icmp eq %n %k
 *   b1(%left): (an inner loop's header)                 guard_true %ok -> entry
 *                                                       jump b1(%k)
 *
 * Points have three coordinates and pixels three colours: loops over such an axis are short, and as long as the
 * last time. Known lengths make straight code of them (hl_opt_unroll.c), and indexes in it constants. The same is
 * done for a number that no loop of the function changes and that says how often an inner loop runs. When a guard
 * fails often, the entry exit is marked `any_length`, and the region is compiled without them.
 *
 * Requirement: hoist has moved what reads lengths into the entry block. */
#include "hl_opt.h"

#include <string.h>

/* Marks what the entry block computes of `value`. */
static void seen_mark(const HlIr *ir, HlRef value, bool *of)
{
    const HlRefVec *v = &ir->blocks[0].ins;
    of[value] = true;
    for (int32_t i = 0; i < v->n; i++) {
        const HlIns *ins = &ir->ins[v->v[i]];
        for (int k = 0; k < hl_op_info[ins->op].nargs && ins->op != HL_I_INDEX; k++)
            of[v->v[i]] |= ins->a[k] >= 0 && of[ins->a[k]];
    }
}

/* Is something of it passed to an inner loop, or, if it is a length, used in one? */
static bool seen_matters(const HlIr *ir, const HlCfg *cfg, const bool *of, bool length)
{
    for (int32_t i = 1; i < cfg->nrpo; i++) {
        const HlBlock *b = &ir->blocks[cfg->rpo[i]];
        int32_t header = cfg->header[cfg->rpo[i]];
        bool to_inner = b->term == HL_TERM_JUMP && cfg->header[b->target] == b->target &&
                        cfg->outer[b->target] >= 0;
        for (int32_t k = 0; to_inner && k < b->args.n; k++)
            if (of[b->args.v[k]])
                return true;
        for (int32_t k = 0; length && header >= 0 && cfg->outer[header] >= 0 && k < b->ins.n; k++)
            for (int a = 0; a < HL_MAX_ARGS; a++)
                if (ir->ins[b->ins.v[k]].a[a] >= 0 && of[ir->ins[b->ins.v[k]].a[a]])
                    return true;
    }
    return false;
}

/* What a value of the entry block was: 0 = not known, or not short. */
static int seen_as(const HlIr *ir, HlRef value)
{
    const HlIns *ins = &ir->ins[value];
    bool length = ins->op == HL_I_ARRAY_LEN;
    HlRef of = length ? ins->a[0] : value;
    for (int32_t i = 0; i < ir->ninputs; i++)
        if (ir->blocks[0].params.v[i] == of && ir->inputs[i].part == HL_IN_VALUE)
            return ir->inputs[i].seen[length ? ins->aux : 0];
    return 0;
}

/* The position of the last of the constants with which the entry block begins: exits use them. */
static int32_t seen_first(const HlIr *ir)
{
    const HlRefVec *v = &ir->blocks[0].ins;
    int32_t n = 0;
    while (n < v->n && !hl_op_info[ir->ins[v->v[n]].op].nargs && ir->ins[v->v[n]].exit < 0)
        n++;
    return n - 1;
}

static int seen_pin(HlIr *ir, const HlCfg *cfg, HlRef value, int32_t at, bool *of)
{
    bool length = ir->ins[value].op == HL_I_ARRAY_LEN;
    int k = length || ir->ins[value].type.base == HL_T_I64 ? seen_as(ir, value) : 0;
    if (!k)
        return 0;
    memset(of, 0, (size_t)ir->nins);
    seen_mark(ir, value, of);
    return seen_matters(ir, cfg, of, length) ? hl_opt_pin(ir, value, at, k, HL_R_LENGTH) : 0;
}

int hl_opt_seen(HlIr *ir)
{
    HlCfg cfg;
    if (ir->entry_exit < 0 || ir->exits[ir->entry_exit].any_length)
        return 0;
    if (hl_cfg_build(ir, &cfg))
        return -1;
    int32_t most = ir->blocks[0].params.n + ir->blocks[0].ins.n;
    bool *of = hl_mem_alloc((size_t)(ir->nins + HL_PIN_INS * most));
    int status = of ? 0 : -1;
    for (int32_t i = ir->blocks[0].params.n - 1; i >= 0 && !status; i--)
        status = seen_pin(ir, &cfg, ir->blocks[0].params.v[i], seen_first(ir), of);
    for (int32_t i = ir->blocks[0].ins.n - 1; i >= 0 && !status; i--)
        if (ir->ins[ir->blocks[0].ins.v[i]].op == HL_I_ARRAY_LEN)
            status = seen_pin(ir, &cfg, ir->blocks[0].ins.v[i], i, of);
    hl_mem_free(of);
    hl_cfg_free(&cfg);
    return status;
}
