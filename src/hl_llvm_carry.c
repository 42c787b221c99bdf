/* hl_llvm_carry.c - what one iteration stores and the next one reads stays in a register.
 *
 *   for i in range(1, n):
 *       a[i] = a[i - 1] * k + b[i]
 *
 * A chain of iterations that goes through memory waits for the store and the load each time. In a loop
 * of one block, the address and the value of its last store are kept, and the load whose index says that
 * it will be there looks at the address first, which is guessed right. Nothing has to be proved: equal
 * addresses are the same item, when nothing was stored in between. So views that overlap, negative
 * indexes and any stride are right, too. Strips give up such loops, so none is made. */
#include "hl_llvm_int.h"

/* r is *base + the result modulo 2^64; an index is what it was computed from. */
static uint64_t carry_linear(const HlIr *ir, HlRef r, HlRef *base)
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
        r = ins->a[0];
    }
}

/* Does the load read, an iteration later, what the store has written? */
static bool carry_fits(const HlIr *ir, const HlBlock *b, const HlIns *load, const HlIns *store)
{
    HlRef from, to, next;
    if (load->aux != store->aux || load->a[0] != store->a[0] || load->a[1] != store->a[1] ||
        hl_dtype_size(hl_dtype_part((HlDtype)load->aux)) < 8)
        return false;
    uint64_t plus = carry_linear(ir, load->a[2], &from);
    uint64_t ahead = carry_linear(ir, store->a[2], &to) - plus;
    for (int32_t k = 0; k < b->params.n; k++)
        if (b->params.v[k] == from && from == to)
            return carry_linear(ir, b->args.v[k], &next) == ahead && next == from && ahead != 0;
    return false;
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
        if (load->op != HL_I_ARRAY_LOAD || !carry_fits(ir, b, load, store))
            continue;
        LLVMTypeRef type = hl_type_repr(load->type) == HL_REPR_F64 ? e->f64 : e->i64;
        e->carry[block] = (HlCarry){.load = load,
                                    .store = store,
                                    .type = type,
                                    .address = hl_llvm_slot(e, e->ptr, "stored_at"),
                                    .value = hl_llvm_slot(e, type, "stored")};
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
    LLVMBuildStore(e->b, address, c->address);
    LLVMBuildStore(e->b, v, c->value);
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
    hl_llvm_branch(e, LLVMBuildICmp(e->b, LLVMIntEQ, address, stored_at, ""), join, read, true);
    hl_llvm_at(e, read);
    Val v = hl_llvm_load_item(e, d, address);
    LLVMBuildBr(e->b, join);
    hl_llvm_at(e, join);
    Val phi = LLVMBuildPhi(e->b, c->type, "");
    LLVMAddIncoming(phi, &stored, &here, 1);
    LLVMAddIncoming(phi, &v, &read, 1);
    return phi;
}
