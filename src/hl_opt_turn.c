/* hl_opt_turn.c - a loop's last block ends with the jump back, whichever way was recorded first.
 *
 *   B:                                        B:
 *     ...                                       ...
 *     guard_false %again -> x1        =>        guard_true %again -> x1
 *     rest                                      poll
 *     jump away                                 jump B(...)
 *   x1: ... -> T                              x1: ... -> T
 *   T:                                        T:
 *     poll                                      rest
 *     jump B(...)                               jump away
 *
 * The two arms change places, so that a loop of one block is that to the passes that look for it. The
 * guard's snapshot is the state at the branch, for which it does not matter which way is thought likely.
 *
 * Requirements: 1. T can be reached from this guard only; 2. the rest leads out of the loop. */
#include "hl_opt.h"

/* The position of a guard in the block whose other way leads back to it at once, -1 = none. */
static int32_t turn_find(const HlIr *ir, const HlCfg *cfg, int32_t block)
{
    const HlBlock *b = &ir->blocks[block];
    if (cfg->header[block] != block ||
        (b->term == HL_TERM_JUMP && hl_opt_in_loop(cfg, b->target, block)))
        return -1;
    for (int32_t i = 0; i < b->ins.n; i++) {
        const HlIns *guard = &ir->ins[b->ins.v[i]];
        int32_t t = guard->exit < 0 ? -1 : ir->exits[guard->exit].target;
        if (t < 0 || (guard->op != HL_I_GUARD_TRUE && guard->op != HL_I_GUARD_FALSE))
            continue;
        if (hl_opt_is_arm(ir, cfg, t) && ir->blocks[t].target == block)
            return i;
    }
    return -1;
}

int hl_opt_turn_at(HlIr *ir, int32_t block, int32_t at)
{
    HlBlock *b = &ir->blocks[block];
    HlIns *guard = &ir->ins[b->ins.v[at]];
    int32_t t = ir->exits[guard->exit].target, rest = b->ins.n - at - 1;
    HlBlock *arm = &ir->blocks[t];
    HlRefVec back = arm->ins, args = arm->args, room = {0};
    if (hl_mem_grow((void **)&room.v, &room.cap, rest + 1, sizeof *room.v))
        return -1;
    if (hl_mem_grow((void **)&b->ins.v, &b->ins.cap, at + 1 + back.n, sizeof *b->ins.v)) {
        hl_mem_free(room.v);
        return -1;
    }
    arm->ins = room;
    for (int32_t i = 0; i < rest; i++) {
        arm->ins.v[arm->ins.n++] = b->ins.v[at + 1 + i];
        ir->ins[b->ins.v[at + 1 + i]].block = t;
    }
    b->ins.n = at + 1;
    for (int32_t i = 0; i < back.n; i++) {
        b->ins.v[b->ins.n++] = back.v[i];
        ir->ins[back.v[i]].block = block;
    }
    hl_mem_free(back.v);
    arm->term = b->term;
    arm->target = b->target;
    arm->exit = b->exit;
    arm->args = b->args;
    b->term = HL_TERM_JUMP;
    b->target = block;
    b->args = args;
    guard->op = guard->op == HL_I_GUARD_TRUE ? HL_I_GUARD_FALSE : HL_I_GUARD_TRUE;
    return 0;
}

int hl_opt_turn(HlIr *ir)
{
    HlCfg cfg;
    if (hl_cfg_build(ir, &cfg))
        return -1;
    int status = 0;
    for (int32_t i = 0; i < cfg.nrpo && !status; i++) {
        int32_t at = turn_find(ir, &cfg, cfg.rpo[i]);
        if (at >= 0) /* the ways between the blocks stay what they are, but for these two */
            status = hl_opt_turn_at(ir, cfg.rpo[i], at);
    }
    hl_cfg_free(&cfg);
    return status;
}
