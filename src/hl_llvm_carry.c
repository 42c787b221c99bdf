/* hl_llvm_carry.c - what one iteration stores and the next one reads stays in a register.
 *
 *   for i in range(1, n):
 *       a[i] = a[i - 1] * k + b[i]
 *
 * A chain of iterations that goes through memory waits for the store and the load each time. In a loop
 * of one block, the address and the value of its last store are kept, and the load whose index says that
 * it will be there looks at the address first, which is guessed right. Nothing has to be proved: equal
 * addresses are the same item, when nothing was stored in between. So views that overlap, negative
 * indexes and any stride are right, too. Where it is one row, and no index is negative, the address is known,
 * and whether anything was stored all there is to look at. Strips give up such loops, so none is made.
 *
 * Then the chain of iterations is as long as what happens to that value. In `min(a[i - 1] + x, b[i], c[i])`, the order of the
 * three does not matter to integers: what waits comes last. */
#include "hl_llvm_int.h"

/* r is *base + the result modulo 2^64; an index is what it was computed from, unless *wraps. */
static uint64_t carry_linear(const HlIr *ir, HlRef r, HlRef *base, bool *wraps)
{
    uint64_t plus = 0;
    for (;;) {
        const HlIns *ins = &ir->ins[r];
        bool add = ins->op == HL_I_ADD || ins->op == HL_I_ADD_OV || ins->op == HL_I_COUNT_UP;
        bool sub = ins->op == HL_I_SUB || ins->op == HL_I_SUB_OV;
        if ((add || sub) && ir->ins[ins->a[1]].op == HL_I_KINT) {
            uint64_t k = (uint64_t)ir->ins[ins->a[1]].imm.i;
            plus += add ? k : -k;
        } else if (ins->op != HL_I_INDEX && ins->op != HL_I_RETYPE) {
            *base = r;
            return plus;
        }
        *wraps |= ins->op == HL_I_INDEX && ins->aux != 1; /* not known not to be negative */
        r = ins->a[0];
    }
}

/* Does the load read, an iteration later, what the store has written? *always = there is no need to look. */
static bool carry_fits(const HlIr *ir, const HlBlock *b, const HlIns *load, const HlIns *store,
                       bool *always)
{
    bool wraps = false;
    HlRef from, to, next;
    if (load->aux != store->aux || load->a[0] != store->a[0] || load->a[1] != store->a[1])
        return false;
    uint64_t plus = carry_linear(ir, load->a[2], &from, &wraps);
    uint64_t ahead = carry_linear(ir, store->a[2], &to, &wraps) - plus;
    int32_t k = 0;
    while (k < b->params.n && b->params.v[k] != from)
        k++;
    if (k == b->params.n || from != to || carry_linear(ir, b->args.v[k], &next, &wraps) != ahead ||
        next != from || ahead == 0)
        return false;
    *always = !wraps && ir->ins[load->a[0]].block != load->block &&
              ir->ins[load->a[1]].block != load->block;
    return true;
}

/* Is the block a loop of its own, entered by jumps? */
static bool carry_is_loop(const HlEmitter *e, int32_t block)
{
    const HlBlock *b = &e->ir->blocks[block];
    for (int32_t k = e->cfg.pred_at[block]; k < e->cfg.pred_at[block + 1]; k++)
        if (e->cfg.pred_ins[k] != INT32_MAX || e->ir->blocks[e->cfg.pred[k]].term != HL_TERM_JUMP)
            return false;
    return b->term == HL_TERM_JUMP && b->target == block;
}

static bool carry_writes(const HlIr *ir, HlRef r)
{
    return hl_op_info[ir->ins[r].op].fx & (HL_E_WRITES | HL_E_CALLS);
}

/* Marks what waits for the load in this iteration. */
static void carry_mark(HlEmitter *e, const HlBlock *b, const HlIns *load)
{
    for (int32_t i = 0; i < b->ins.n; i++) {
        HlRef r = b->ins.v[i];
        const HlIns *ins = &e->ir->ins[r];
        e->waits[r] = ins == load;
        for (int k = 0; k < HL_MAX_ARGS; k++)
            e->waits[r] |= ins->a[k] != HL_NOREF && e->waits[ins->a[k]];
    }
}

static void carry_find(HlEmitter *e, int32_t block)
{
    const HlIr *ir = e->ir;
    const HlBlock *b = &ir->blocks[block];
    int32_t last = b->ins.n - 1;
    while (last >= 0 && !carry_writes(ir, b->ins.v[last]))
        last--;
    if (last < 0 || ir->ins[b->ins.v[last]].op != HL_I_ARRAY_STORE)
        return;
    const HlIns *store = &ir->ins[b->ins.v[last]];
    for (int32_t i = 0; !carry_writes(ir, b->ins.v[i]); i++) {
        const HlIns *load = &ir->ins[b->ins.v[i]];
        bool always;
        if (load->op != HL_I_ARRAY_LOAD || !carry_fits(ir, b, load, store, &always))
            continue;
        LLVMTypeRef type = hl_llvm_item_type(e, (HlDtype)load->aux);
        e->carry[block] = (HlCarry){.load = load,
                                    .store = store,
                                    .type = type,
                                    .always = always,
                                    .address = hl_llvm_slot(e, e->ptr, "stored_at"),
                                    .value = hl_llvm_slot(e, type, "stored")};
        carry_mark(e, b, load);
        return;
    }
}

void hl_llvm_carry_plan(HlEmitter *e)
{
    for (int32_t k = 0; k < e->cfg.nrpo; k++)
        if (carry_is_loop(e, e->cfg.rpo[k]))
            carry_find(e, e->cfg.rpo[k]);
}

void hl_llvm_carry_enter(HlEmitter *e, int32_t from, int32_t to)
{
    if (e->carry[to].load && from != to)
        LLVMBuildStore(e->b, LLVMConstNull(e->ptr), e->carry[to].address);
}

void hl_llvm_carry_store(HlEmitter *e, const HlIns *ins, Val address, Val v)
{
    const HlCarry *c = &e->carry[ins->block];
    if (c->store != ins || e->pass)
        return;
    LLVMBuildStore(e->b, c->always ? e->val[ins->a[0]] : address, c->address);
    LLVMBuildStore(e->b, hl_llvm_shorten_item(e, (HlDtype)ins->aux, v), c->value);
}

Val hl_llvm_carry_load(HlEmitter *e, const HlIns *ins, Val address)
{
    const HlCarry *c = &e->carry[ins->block];
    HlDtype d = (HlDtype)ins->aux;
    if (c->load != ins || e->pass)
        return hl_llvm_load_item(e, d, address);
    Val stored_at = LLVMBuildLoad2(e->b, e->ptr, c->address, "");
    Val stored = LLVMBuildLoad2(e->b, c->type, c->value, "");
    Bb here = LLVMGetInsertBlock(e->b);
    Bb read = hl_llvm_next_block(e, ""), join = hl_llvm_next_block(e, "");
    LLVMMoveBasicBlockAfter(read, join);
    Val there = c->always ? LLVMBuildICmp(e->b, LLVMIntNE, stored_at, LLVMConstNull(e->ptr), "")
                          : LLVMBuildICmp(e->b, LLVMIntEQ, address, stored_at, "");
    hl_llvm_branch(e, there, join, read, true);
    hl_llvm_at(e, read);
    Val v = hl_llvm_shorten_item(e, d, hl_llvm_load_item(e, d, address));
    LLVMBuildBr(e->b, join);
    hl_llvm_at(e, join);
    Val phi = LLVMBuildPhi(e->b, c->type, "");
    LLVMAddIncoming(phi, &stored, &here, 1);
    LLVMAddIncoming(phi, &v, &read, 1);
    return hl_llvm_widen_item(e, d, phi);
}

/* -1 = the select gives the lesser of its operands, 1 = the greater one, 0 = neither. */
static int carry_extreme(const HlIr *ir, const HlIns *select)
{
    const HlIns *cmp = &ir->ins[select->a[0]];
    if (select->op != HL_I_SELECT || cmp->op != HL_I_ICMP || cmp->aux == HL_EQ || cmp->aux == HL_NE)
        return 0;
    int first = cmp->aux == HL_LT || cmp->aux == HL_LE ? -1 : 1;
    if (cmp->a[0] == select->a[1] && cmp->a[1] == select->a[2])
        return first;
    return cmp->a[0] == select->a[2] && cmp->a[1] == select->a[1] ? -first : 0;
}

/* Of three operands of the same kind of select: `inner` has two of them, one of which alone waits, and the third is `r`.
 * NULL = it is not so. */
static Val carry_order(HlEmitter *e, const HlIns *inner, HlRef r, int kind)
{
    if (carry_extreme(e->ir, inner) != kind || e->waits[r] ||
        e->waits[inner->a[1]] == e->waits[inner->a[2]])
        return NULL;
    int last = e->waits[inner->a[1]] ? 1 : 2;
    const char *name = kind < 0 ? "llvm.smin" : "llvm.smax";
    Val early[2] = {e->val[r], e->val[inner->a[3 - last]]};
    Val both[2] = {hl_llvm_intrinsic(e, name, e->i64, early, 2), e->val[inner->a[last]]};
    return hl_llvm_intrinsic(e, name, e->i64, both, 2);
}

Val hl_llvm_carry_select(HlEmitter *e, const HlIns *ins)
{
    const HlIr *ir = e->ir;
    int kind = e->carry[ins->block].load && !e->pass ? carry_extreme(ir, ins) : 0;
    Val v = kind ? carry_order(e, &ir->ins[ins->a[1]], ins->a[2], kind) : NULL;
    if (kind && !v)
        v = carry_order(e, &ir->ins[ins->a[2]], ins->a[1], kind);
    return v ? v
             : LLVMBuildSelect(e->b, e->val[ins->a[0]], e->val[ins->a[1]], e->val[ins->a[2]], "");
}
