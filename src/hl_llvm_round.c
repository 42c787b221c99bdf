/* hl_llvm_round.c - what a loop of one block hands from one iteration to the next. */
#include <string.h>

#include "hl_llvm_int.h"

bool hl_llvm_round_waits(const HlEmitter *e, const HlBlock *b, int32_t k, bool *waits)
{
    memset(waits, 0, (size_t)e->ir->nins * sizeof *waits);
    waits[b->params.v[k]] = true;
    for (bool again = true; again;) {
        again = false;
        for (int32_t i = 0; i < b->ins.n; i++) {
            const HlIns *ins = &e->ir->ins[b->ins.v[i]];
            for (int a = 0; a < hl_op_info[ins->op].nargs; a++)
                waits[b->ins.v[i]] |= ins->a[a] != HL_NOREF && waits[ins->a[a]];
        }
        for (int32_t p = 0; p < b->params.n; p++) {
            if (waits[b->args.v[p]] && !waits[b->params.v[p]])
                again = waits[b->params.v[p]] = true;
        }
    }
    return waits[b->args.v[k]];
}

/* --- uses of a value ---------------------------------------------------------------------------- */

static bool round_is_fp_guard(const HlIns *ins)
{
    return ins->op == HL_I_GUARD_FP || ins->op == HL_I_GUARD_FINITE;
}

/* How often a block uses r, but for such guards, and an instruction that does. */
static int round_uses(const HlEmitter *e, const HlBlock *b, HlRef r, HlRef *user)
{
    int n = 0;
    for (int32_t i = 0; i < b->ins.n; i++) {
        const HlIns *ins = &e->ir->ins[b->ins.v[i]];
        for (int k = 0; k < hl_op_info[ins->op].nargs && !round_is_fp_guard(ins); k++) {
            if (ins->a[k] != r)
                continue;
            *user = b->ins.v[i];
            n++;
        }
    }
    for (int32_t p = 0; p < b->args.n; p++)
        n += b->args.v[p] == r;
    return n;
}

bool hl_llvm_round_reduces(const HlEmitter *e, const HlBlock *b, HlRef r, HlRef next, bool *chain)
{
    bool sum = false, product = false;
    HlRef user = HL_NOREF, none;
    if (!(e->ir->fastmath & HL_FAST_REASSOC) || r == next)
        return false;
    for (; r != next; r = user) {
        user = HL_NOREF;
        if (round_uses(e, b, r, &user) != 1 || user == HL_NOREF)
            return false;
        const HlIns *ins = &e->ir->ins[user];
        chain[user] = true;
        switch ((int)ins->op) {
        case HL_I_FSUB:
            if (ins->a[0] != r)
                return false;
            sum = true;
            break;
        case HL_I_FADD: sum = true; break;
        case HL_I_FMUL: product = true; break;
        case HL_I_FROUND32:
        case HL_I_RETYPE: break;
        default: return false;
        }
    }
    return sum != product && round_uses(e, b, next, &none) == 1;
}

bool hl_llvm_round_reduces_cell(const HlEmitter *e, const HlBlock *b, const HlIns *store,
                                bool *chain)
{
    HlRef load = HL_NOREF;
    for (int32_t i = 0; i < b->ins.n; i++) {
        const HlIns *ins = &e->ir->ins[b->ins.v[i]];
        if (ins->op != HL_I_ARRAY_LOAD || ins->a[0] != store->a[0])
            continue;
        if (load != HL_NOREF)
            return false;
        load = b->ins.v[i];
    }
    return hl_llvm_round_reduces(e, b, load, store->a[3], chain);
}
