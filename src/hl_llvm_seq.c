/* hl_llvm_seq.c - lists, tuples and bytes, and the numbers in them, as LLVM IR.
 *
 * What these objects hold may change while machine code runs, by machine code's own doing: so the loads
 * are told apart by TBAA (lists, reference counts, numbers' insides), not called invariant. A number that
 * only a list holds is overwritten in place when another one is stored there. */
#include "hl_llvm_int.h"

/* --- numbers ----------------------------------------------------------------------------------- */

static Val is_null(HlEmitter *e, Val p)
{
    return LLVMBuildICmp(e->b, LLVMIntEQ, p, LLVMConstNull(LLVMTypeOf(p)), "");
}

static Val has_type(HlEmitter *e, Val object, HlType t)
{
    Val type = hl_llvm_header(e, e->ptr, object, e->env->off_type);
    return LLVMBuildICmp(e->b, LLVMIntEQ, type, hl_llvm_ptr(e, e->env->type_object(t)), "");
}

static Val load(HlEmitter *e, LLVMTypeRef type, Val object, int64_t offset, Val tbaa)
{
    Val field = hl_llvm_field(e, object, offset);
    return hl_llvm_tag(e, LLVMBuildLoad2(e->b, type, field, ""), tbaa);
}

/* Nearly all ints have one digit or none: ob_size, which has their sign, times the digit. */
Val hl_llvm_unbox_int(HlEmitter *e, const HlIns *ins, Val object)
{
    LLVMBuilderRef B = e->b;
    Bb check = hl_llvm_next_block(e, ""), quick = hl_llvm_next_block(e, "");
    Bb slow = hl_llvm_next_block(e, ""), join = hl_llvm_next_block(e, "");
    LLVMMoveBasicBlockAfter(check, LLVMGetInsertBlock(B));
    LLVMMoveBasicBlockAfter(quick, check);
    LLVMMoveBasicBlockAfter(join, quick);
    LLVMMoveBasicBlockAfter(slow, join);
    hl_llvm_branch(e, has_type(e, object, HL_TYPE(I64)), check, slow, true);

    hl_llvm_at(e, check);
    Val size = load(e, e->i64, object, e->env->off_size, e->tbaa_value);
    Val from_minus_1 = LLVMBuildAdd(B, size, hl_llvm_int(e, 1), "");
    hl_llvm_branch(e, LLVMBuildICmp(B, LLVMIntULE, from_minus_1, hl_llvm_int(e, 2), ""), quick,
                   slow, true);
    hl_llvm_at(e, quick);
    Val digit = load(e, e->i32, object, e->env->off_digits, e->tbaa_value);
    Val small = LLVMBuildNSWMul(B, size, LLVMBuildZExt(B, digit, e->i64, ""), "");
    LLVMBuildBr(B, join);

    hl_llvm_at(e, slow);
    LLVMTypeRef params[2] = {e->ptr, e->ptr};
    Val args[2] = {object, e->scratch};
    Val fits = hl_llvm_call(e, (void *)e->env->unbox_i64, e->i32, params, args, 2);
    Val large = LLVMBuildLoad2(B, e->i64, e->scratch, "");
    hl_llvm_branch(e, is_null(e, fits), hl_llvm_fp_leave(e, ins->exit), join, false);
    Bb slow_end = LLVMGetInsertBlock(B);

    hl_llvm_at(e, join);
    Val phi = LLVMBuildPhi(B, e->i64, "");
    LLVMAddIncoming(phi, &small, &quick, 1);
    LLVMAddIncoming(phi, &large, &slow_end, 1);
    return phi;
}

Val hl_llvm_unbox_float(HlEmitter *e, Val object)
{
    return load(e, e->f64, object, e->env->off_float, e->tbaa_value);
}

/* --- items ------------------------------------------------------------------------------------- */

static Val item_at(HlEmitter *e, LLVMTypeRef type, Val items, Val index)
{
    return LLVMBuildInBoundsGEP2(e->b, type, items, &index, 1, "");
}

static Val list_slot(HlEmitter *e, Val list, Val index)
{
    Val items = load(e, e->ptr, list, e->env->off_list_items, e->tbaa_list);
    return item_at(e, e->ptr, items, index);
}

static Val tuple_load(HlEmitter *e, Val tuple, Val index)
{
    Val slot = item_at(e, e->ptr, hl_llvm_field(e, tuple, e->env->off_tuple_items), index);
    return hl_llvm_tag(e, LLVMBuildLoad2(e->b, e->ptr, slot, ""), e->tbaa_header);
}

static Val bytes_load(HlEmitter *e, Val bytes, Val index)
{
    Val at = item_at(e, e->i8, hl_llvm_field(e, bytes, e->env->off_bytes_items), index);
    Val byte = hl_llvm_tag(e, LLVMBuildLoad2(e->b, e->i8, at, ""), e->tbaa_header);
    return LLVMBuildZExt(e->b, byte, e->i64, "");
}

/* --- stores ------------------------------------------------------------------------------------ */

static Val refcount(HlEmitter *e, Val object)
{
    return load(e, e->i64, object, e->env->off_refcnt, e->tbaa_refs);
}

static void set_refcount(HlEmitter *e, Val object, Val n)
{
    Val field = hl_llvm_field(e, object, e->env->off_refcnt);
    hl_llvm_tag(e, LLVMBuildStore(e->b, n, field), e->tbaa_refs);
}

static void guard_call(HlEmitter *e, const HlIns *ins, void *fn, Val *args, unsigned nargs)
{
    LLVMTypeRef params[5];
    for (unsigned i = 0; i < nargs; i++)
        params[i] = LLVMTypeOf(args[i]);
    Val done = hl_llvm_call(e, fn, e->i32, params, args, nargs);
    hl_llvm_guard(e, ins, LLVMBuildNot(e->b, is_null(e, done), ""));
}

/* A reference to `object` takes the place of what is in the list's slot, whose own reference goes; a last
 * one is put off, or the interpreter does it. */
static void store_object(HlEmitter *e, const HlIns *ins, Val slot, Val object)
{
    Val one = hl_llvm_int(e, 1);
    Val old = hl_llvm_tag(e, LLVMBuildLoad2(e->b, e->ptr, slot, ""), e->tbaa_list);
    Bb other = hl_llvm_next_block(e, ""), same = hl_llvm_next_block(e, "");
    LLVMMoveBasicBlockAfter(other, LLVMGetInsertBlock(e->b));
    LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntEQ, old, object, ""), same, other);
    hl_llvm_at(e, other);
    Val count = refcount(e, old);
    Bb shared = hl_llvm_next_block(e, ""), last = hl_llvm_next_block(e, "");
    Bb join = hl_llvm_next_block(e, "");
    LLVMMoveBasicBlockAfter(shared, LLVMGetInsertBlock(e->b));
    LLVMMoveBasicBlockAfter(join, shared);
    LLVMMoveBasicBlockAfter(last, join);
    hl_llvm_branch(e, LLVMBuildICmp(e->b, LLVMIntSGT, count, one, ""), shared, last, true);
    hl_llvm_at(e, shared);
    set_refcount(e, old, LLVMBuildSub(e->b, count, one, ""));
    LLVMBuildBr(e->b, join);
    hl_llvm_at(e, last);
    guard_call(e, ins, (void *)e->env->release, &old, 1);
    LLVMBuildBr(e->b, join);
    hl_llvm_at(e, join);
    set_refcount(e, object, LLVMBuildAdd(e->b, refcount(e, object), one, ""));
    hl_llvm_tag(e, LLVMBuildStore(e->b, object, slot), e->tbaa_list);
    LLVMBuildBr(e->b, same);
    LLVMMoveBasicBlockAfter(same, join);
    hl_llvm_at(e, same);
}

/* The object that a value is, without making one; NULL = it has to be made. */
static Val as_object(HlEmitter *e, HlType t, Val v)
{
    if (t.base == HL_T_BOOL)
        return LLVMBuildSelect(e->b, v, hl_llvm_ptr(e, e->env->py_true),
                               hl_llvm_ptr(e, e->env->py_false), "");
    return hl_type_is_object(t) ? v : NULL;
}

static Val as_word(HlEmitter *e, Val v)
{
    LLVMTypeRef t = LLVMTypeOf(v);
    if (t == e->f64)
        return LLVMBuildBitCast(e->b, v, e->i64, "");
    if (t == e->ptr)
        return LLVMBuildPtrToInt(e->b, v, e->i64, "");
    return t == e->i1 ? LLVMBuildZExt(e->b, v, e->i64, "") : v;
}

static Val origin_of(HlEmitter *e, HlRef origin)
{
    return origin == HL_NOREF ? LLVMConstNull(e->ptr) : e->val[origin];
}

static void list_store(HlEmitter *e, const HlIns *ins, Val list, Val index, Val v)
{
    HlType t = e->ir->ins[ins->a[2]].type;
    Val object = as_object(e, t, v);
    if (object) {
        store_object(e, ins, list_slot(e, list, index), object);
        return;
    }
    Bb done = NULL;
    if (t.base == HL_T_F64 && ins->a[3] == HL_NOREF) {
        Val slot = list_slot(e, list, index);
        Val old = hl_llvm_tag(e, LLVMBuildLoad2(e->b, e->ptr, slot, ""), e->tbaa_list);
        Val alone = LLVMBuildICmp(e->b, LLVMIntEQ, refcount(e, old), hl_llvm_int(e, 1), "");
        Bb in_place = hl_llvm_next_block(e, ""), make = hl_llvm_next_block(e, "");
        done = hl_llvm_next_block(e, "");
        LLVMMoveBasicBlockAfter(in_place, LLVMGetInsertBlock(e->b));
        LLVMMoveBasicBlockAfter(done, in_place);
        LLVMMoveBasicBlockAfter(make, done);
        hl_llvm_branch(e, LLVMBuildAnd(e->b, alone, has_type(e, old, t), ""), in_place, make, true);
        hl_llvm_at(e, in_place);
        Val field = hl_llvm_field(e, old, e->env->off_float);
        hl_llvm_tag(e, LLVMBuildStore(e->b, v, field), e->tbaa_value);
        LLVMBuildBr(e->b, done);
        hl_llvm_at(e, make);
    }
    Val args[5] = {list, index, hl_llvm_int(e, hl_type_pack(t)), as_word(e, v),
                   origin_of(e, ins->a[3])};
    guard_call(e, ins, (void *)e->env->list_store, args, 5);
    if (done) {
        LLVMBuildBr(e->b, done);
        hl_llvm_at(e, done);
    }
}

Val hl_llvm_seq(HlEmitter *e, const HlIns *ins, Val *a)
{
    const HlEmitEnv *env = e->env;
    switch ((HlOp)ins->op) {
    case HL_I_LIST_SIZE: return load(e, e->i64, a[0], env->off_size, e->tbaa_list);
    case HL_I_LIST_LOAD: {
        Val slot = list_slot(e, a[0], a[1]);
        return hl_llvm_tag(e, LLVMBuildLoad2(e->b, e->ptr, slot, ""), e->tbaa_list);
    }
    case HL_I_SEQ_SIZE: return hl_llvm_header(e, e->i64, a[0], env->off_size);
    case HL_I_TUPLE_LOAD: return tuple_load(e, a[0], a[1]);
    case HL_I_BYTES_LOAD: return bytes_load(e, a[0], a[1]);
    case HL_I_LIST_STORE: list_store(e, ins, a[0], a[1], a[2]); break;
    case HL_I_LIST_APPEND: {
        HlType t = e->ir->ins[ins->a[1]].type;
        Val args[4] = {a[0], hl_llvm_int(e, hl_type_pack(t)), as_word(e, a[1]),
                       origin_of(e, ins->a[2])};
        guard_call(e, ins, (void *)env->list_append, args, 4);
        break;
    }
    case HL_I_LIST_POP: guard_call(e, ins, (void *)env->list_pop, a, 1); break;
    default: break;
    }
    return NULL;
}
