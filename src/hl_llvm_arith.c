/* hl_llvm_arith.c - integers: Python's rules for their operators, and NumPy's for those of few bits, as LLVM IR. */
#include "hl_llvm_int.h"

/* a + b, or a - b, whose overflow the sign bits tell: in vectors, too. */
static Val sum_by_signs(HlEmitter *e, const HlIns *ins, bool minus, Val a, Val b)
{
    Val r = minus ? LLVMBuildSub(e->b, a, b, "") : LLVMBuildAdd(e->b, a, b, "");
    Val other = LLVMBuildXor(e->b, minus ? a : r, b, "");
    Val odd = LLVMBuildAnd(e->b, LLVMBuildXor(e->b, r, a, ""), other, "");
    hl_llvm_guard(e, ins, LLVMBuildICmp(e->b, LLVMIntSGE, odd, hl_llvm_int(e, 0), ""));
    return r;
}

/* What an operation gives that tells whether it has overflowed. */
static Val checked_result(HlEmitter *e, const HlIns *ins, Val pair)
{
    Val r = LLVMBuildExtractValue(e->b, pair, 0, "");
    hl_llvm_guard(e, ins, LLVMBuildNot(e->b, LLVMBuildExtractValue(e->b, pair, 1, ""), ""));
    return r;
}

static Val with_overflow(HlEmitter *e, const HlIns *ins, const char *name, Val a, Val b)
{
    bool sum = ins->op == HL_I_ADD_OV || ins->op == HL_I_SUB_OV;
    if (sum && e->pass && e->pass->vector)
        return sum_by_signs(e, ins, ins->op == HL_I_SUB_OV, a, b);
    Val args[2] = {a, b};
    Val pair = hl_llvm_intrinsic(e, name, e->i64, args, 2);
    if (hl_llvm_checked_elsewhere(e, ins))
        return LLVMBuildExtractValue(e->b, pair, 0, "");
    return checked_result(e, ins, pair);
}

/* Python rounds the quotient down, hardware towards zero: where the remainder is not 0 and its sign
 * is not the divisor's, the quotient is one too large and the remainder one divisor too small. A
 * positive constant divisor needs only the remainder's sign, a power of two a shift or mask. */
static Val floor_div(HlEmitter *e, Val a, Val b, bool want_mod)
{
    LLVMBuilderRef B = e->b;
    int64_t k;
    bool positive = hl_llvm_is_int(b, &k) && k > 0;
    if (positive && (k & (k - 1)) == 0)
        return want_mod ? LLVMBuildAnd(B, a, hl_llvm_int(e, k - 1), "")
                        : LLVMBuildAShr(B, a, hl_llvm_int(e, __builtin_ctzll((uint64_t)k)), "");
    Val q = want_mod ? NULL : LLVMBuildSDiv(B, a, b, "");
    Val r = LLVMBuildSRem(B, a, b, "");
    Val off = LLVMBuildICmp(B, LLVMIntSLT, positive ? r : LLVMBuildXor(B, r, b, ""),
                            hl_llvm_int(e, 0), "");
    if (!positive) {
        Val inexact = LLVMBuildICmp(B, LLVMIntNE, r, hl_llvm_int(e, 0), "");
        off = LLVMBuildAnd(B, off, inexact, "");
    }
    if (want_mod)
        return LLVMBuildSelect(B, off, LLVMBuildAdd(B, r, b, ""), r, "");
    return LLVMBuildAdd(B, q, LLVMBuildSExt(B, off, e->i64, ""), "");
}

static Val shift_in_range(HlEmitter *e, Val b)
{
    return LLVMBuildICmp(e->b, LLVMIntULT, b, hl_llvm_int(e, 64), "");
}

static Val shift_masked(HlEmitter *e, Val b)
{
    return LLVMBuildAnd(e->b, b, hl_llvm_int(e, 63), "");
}

static Val shift_left_ov(HlEmitter *e, const HlIns *ins, Val a, Val b)
{
    hl_llvm_guard(e, ins, shift_in_range(e, b));
    Val by = shift_masked(e, b);
    Val r = LLVMBuildShl(e->b, a, by, "");
    Val back = LLVMBuildAShr(e->b, r, by, "");
    hl_llvm_guard(e, ins, LLVMBuildICmp(e->b, LLVMIntEQ, back, a, ""));
    return r;
}

/* A small constant exponent is multiplied out, highest bit first: each product's absolute value is
 * at most the result's, so that one overflows only when the result does. */
static Val int_power(HlEmitter *e, const HlIns *ins, Val a, Val b, bool checked)
{
    int64_t n;
    if (hl_llvm_is_int(b, &n) && n >= 0 && n <= 16) {
        Val r = n == 0 ? hl_llvm_int(e, 1) : a;
        for (int bit = n > 1 ? 62 - __builtin_clzll((uint64_t)n) : -1; bit >= 0; bit--) {
            for (int step = 0; step < 1 + (int)(n >> bit & 1); step++) {
                Val by = step == 0 ? r : a;
                r = checked ? with_overflow(e, ins, "llvm.smul.with.overflow", r, by)
                            : LLVMBuildMul(e->b, r, by, "");
            }
        }
        return r;
    }
    Val args[2] = {a, b};
    if (!checked)
        return hl_llvm_call_rt(e, "rt.ipow", e->i64, e->i64, args, 2);
    Val pair = hl_llvm_call_rt(e, "rt.ipow_ov", e->rt_int, e->i64, args, 2);
    Val fits = LLVMBuildExtractValue(e->b, pair, 1, "");
    hl_llvm_guard(e, ins, LLVMBuildICmp(e->b, LLVMIntNE, fits, hl_llvm_int(e, 0), ""));
    return LLVMBuildExtractValue(e->b, pair, 0, "");
}

/* x * k for a small k is an addition or two, which is faster than a multiplication; but the
 * overflow of that has no flag. So x is compared with the bounds between which x * k fits, beside
 * the chain of what waits for the product. */
static Val mul_checked(HlEmitter *e, const HlIns *ins, Val a, Val b)
{
    enum { SMALL = 9 };
    int64_t k;
    if (hl_llvm_is_int(a, &k)) {
        Val swap = a;
        a = b;
        b = swap;
    }
    if (!hl_llvm_is_int(b, &k) || k < 2 || k > SMALL)
        return with_overflow(e, ins, "llvm.smul.with.overflow", a, b);
    Val r = LLVMBuildMul(e->b, a, b, "");
    if (!hl_llvm_checked_elsewhere(e, ins)) {
        int64_t low = INT64_MIN / k, high = INT64_MAX / k; /* C rounds toward 0: both fit */
        Val from_low = LLVMBuildSub(e->b, a, hl_llvm_int(e, low), "");
        hl_llvm_guard(e, ins,
                      LLVMBuildICmp(e->b, LLVMIntULE, from_low, hl_llvm_int(e, high - low), ""));
    }
    return r;
}

/* The low bits as the dtype has them. */
static Val narrow(HlEmitter *e, HlDtype d, Val v)
{
    int bits = 8 * hl_dtype_size(d);
    if (bits == 64)
        return v;
    Val low = LLVMBuildTrunc(e->b, v, LLVMIntTypeInContext(e->ctx, (unsigned)bits), "");
    return hl_dtype_is_unsigned(d) ? LLVMBuildZExt(e->b, low, e->i64, "")
                                   : LLVMBuildSExt(e->b, low, e->i64, "");
}

static bool is_int32(const HlIr *ir, HlRef r)
{
    HlType type = ir->ins[r].type;
    int64_t k;
    return hl_ir_is_kint(ir, r, &k) ? k == (int32_t)k
                                    : type.base == HL_T_NPS && type.dtype == HL_D_I32;
}

/* Is r one of 32 bits, with its sign, or one of two? */
static bool is_int32_or_two(const HlIr *ir, HlRef r)
{
    const HlIns *ins = &ir->ins[r];
    return is_int32(ir, r) ||
           (ins->op == HL_I_SELECT && is_int32(ir, ins->a[1]) && is_int32(ir, ins->a[2]));
}

/* Of 32 bits are a sum's operands, and it itself is checked to be: the processor has a flag for that. */
static bool is_int32_sum(HlEmitter *e, const HlIns *ins)
{
    const HlIns *sum = &e->ir->ins[ins->a[0]];
    return ins->aux == HL_D_I32 && !e->pass && (sum->op == HL_I_ADD || sum->op == HL_I_SUB) &&
           is_int32_or_two(e->ir, sum->a[0]) && is_int32_or_two(e->ir, sum->a[1]);
}

static Val narrow_sum(HlEmitter *e, const HlIns *ins)
{
    const HlIns *sum = &e->ir->ins[ins->a[0]];
    const char *name = sum->op == HL_I_ADD ? "llvm.sadd.with.overflow" : "llvm.ssub.with.overflow";
    Val args[2] = {LLVMBuildTrunc(e->b, e->val[sum->a[0]], e->i32, ""),
                   LLVMBuildTrunc(e->b, e->val[sum->a[1]], e->i32, "")};
    Val pair = hl_llvm_intrinsic(e, name, e->i32, args, 2);
    return LLVMBuildSExt(e->b, checked_result(e, ins, pair), e->i64, "");
}

static void narrow_checked(HlEmitter *e, const HlIns *ins, Val v)
{
    HlDtype d = (HlDtype)ins->aux;
    if (d == HL_D_U64)
        hl_llvm_guard(e, ins, LLVMBuildICmp(e->b, LLVMIntSGE, v, hl_llvm_int(e, 0), ""));
    else
        hl_llvm_guard(e, ins, LLVMBuildICmp(e->b, LLVMIntEQ, v, narrow(e, d, v), ""));
}

/* A sum or difference of numbers of the dtype, which are fewer bits than 64: made in as many as that, a vector holds
 * more of them. NULL = it is something else. */
static Val narrow_in_vector(HlEmitter *e, const HlIns *ins)
{
    LLVMBuilderRef B = e->b;
    HlDtype d = (HlDtype)ins->aux;
    const HlIns *wide = &e->ir->ins[ins->a[0]];
    bool adds = wide->op == HL_I_ADD, is_unsigned = hl_dtype_is_unsigned(d);
    Val part[2];
    if ((!adds && wide->op != HL_I_SUB) || hl_dtype_size(d) == 8)
        return NULL;
    for (int k = 0; k < 2; k++) {
        if (!hl_type_eq(e->ir->ins[wide->a[k]].type, HL_TYPE_NPS(d)))
            return NULL;
        part[k] = hl_llvm_shorten_item(e, d, e->val[wide->a[k]]);
    }
    Val r = adds ? LLVMBuildAdd(B, part[0], part[1], "") : LLVMBuildSub(B, part[0], part[1], "");
    Val bad;
    if (is_unsigned) { /* what was added makes it no less */
        bad = LLVMBuildICmp(B, LLVMIntULT, adds ? r : part[0], part[1], "");
    } else { /* its sign is neither that of the first number nor, of a sum, that of the second one */
        Val first = LLVMBuildXor(B, part[0], r, "");
        Val second = LLVMBuildXor(B, part[1], adds ? r : part[0], "");
        bad = LLVMBuildAnd(B, first, second, "");
        bad = LLVMBuildICmp(B, LLVMIntSLT, bad, LLVMConstNull(LLVMTypeOf(bad)), "");
    }
    hl_llvm_guard(e, ins, LLVMBuildNot(B, bad, ""));
    return is_unsigned ? LLVMBuildZExt(B, r, e->i64, "") : LLVMBuildSExt(B, r, e->i64, "");
}

static Val narrow_ov(HlEmitter *e, const HlIns *ins, Val v)
{
    Val r = e->pass && e->pass->vector ? narrow_in_vector(e, ins) : NULL;
    if (!r)
        narrow_checked(e, ins, v);
    return r ? r : v;
}

/* Python's rule for indexes. The usual one costs a comparison and a branch; a negative one goes a
 * longer way. Lengths are never negative, so one unsigned comparison checks both ends, also after
 * the length was added. */
static Val index_in(HlEmitter *e, const HlIns *ins, Val index, Val len)
{
    Val inside = LLVMBuildICmp(e->b, LLVMIntULT, index, len, "");
    if (hl_llvm_checked_elsewhere(e, ins))
        return index;
    if (ins->aux == 1 ||
        e->pass) { /* known not to be negative; the ordinary body does those that are */
        hl_llvm_guard(e, ins, inside);
        return index;
    }
    Bb here = LLVMGetInsertBlock(e->b);
    Bb wrap = hl_llvm_next_block(e, ""), join = hl_llvm_next_block(e, "");
    hl_llvm_branch(e, inside, join, wrap, true);
    LLVMMoveBasicBlockAfter(wrap, join);
    hl_llvm_at(e, wrap);
    Val wrapped = LLVMBuildAdd(e->b, index, len, "");
    hl_llvm_branch(e, LLVMBuildICmp(e->b, LLVMIntULT, wrapped, len, ""), join,
                   hl_llvm_fp_leave(e, ins->exit), e->ir->exits[ins->exit].target < 0);
    hl_llvm_at(e, join);
    Val phi = LLVMBuildPhi(e->b, e->i64, "");
    LLVMAddIncoming(phi, &index, &here, 1);
    LLVMAddIncoming(phi, &wrapped, &wrap, 1);
    return phi;
}

LLVMIntPredicate hl_llvm_int_predicate(HlCompare c)
{
    switch (c) {
    case HL_LT: return LLVMIntSLT;
    case HL_LE: return LLVMIntSLE;
    case HL_EQ: return LLVMIntEQ;
    case HL_NE: return LLVMIntNE;
    case HL_GT: return LLVMIntSGT;
    case HL_GE: return LLVMIntSGE;
    }
    return LLVMIntEQ;
}

/* Does k, which is positive, divide a? k is odd * 2^shift. The odd number's multiples, and only these, have small
 * products with its inverse modulo 2^64: their quotients, which `most` moves into an unsigned range. So it is without
 * the 2^shift, whose multiples end in zeros: turned to the top, anything else is large. */
static Val is_multiple(HlEmitter *e, Val a, int64_t k)
{
    int shift = __builtin_ctzll((uint64_t)k);
    uint64_t odd = (uint64_t)k >> shift, inverse = odd; /* right in 3 bits, then in twice as many */
    for (int bits = 3; bits < 64; bits *= 2)
        inverse *= 2 - odd * inverse;
    uint64_t most = (uint64_t)INT64_MAX / odd >> shift << shift;
    Val by = hl_llvm_int(e, (int64_t)inverse), by_shift = hl_llvm_int(e, shift);
    Val q = LLVMBuildMul(e->b, a, by, "");
    q = LLVMBuildAdd(e->b, q, hl_llvm_int(e, (int64_t)most), "");
    if (shift)
        q = hl_llvm_intrinsic(e, "llvm.fshr", e->i64, (Val[]){q, q, by_shift}, 3);
    return LLVMBuildICmp(e->b, LLVMIntULE, q, hl_llvm_int(e, (int64_t)(2 * most >> shift)), "");
}

/* Whether a remainder is 0 does not depend on the sign rule, nor does it take a division where the divisor is a
 * constant. LLVM knows that, too, as long as it keeps the two in one block. */
static Val int_compare(HlEmitter *e, const HlIns *ins, Val a, Val b)
{
    const HlIns *mod = &e->ir->ins[ins->a[0]];
    int64_t zero, k;
    if (mod->op == HL_I_MOD && (ins->aux == HL_EQ || ins->aux == HL_NE) &&
        hl_llvm_is_int(b, &zero) && zero == 0) {
        Val of = e->val[mod->a[0]], by = e->val[mod->a[1]];
        if (hl_llvm_is_int(by, &k) && k > 0 && k & (k - 1)) {
            Val multiple = is_multiple(e, of, k);
            return ins->aux == HL_EQ ? multiple : LLVMBuildNot(e->b, multiple, "");
        }
        a = LLVMBuildSRem(e->b, of, by, "");
    }
    return LLVMBuildICmp(e->b, hl_llvm_int_predicate((HlCompare)ins->aux), a, b, "");
}

Val hl_llvm_arith(HlEmitter *e, const HlIns *ins, Val *a)
{
    LLVMBuilderRef B = e->b;
    switch ((HlOp)ins->op) {
    case HL_I_INDEX: return index_in(e, ins, a[0], a[1]);
    case HL_I_ICMP: return int_compare(e, ins, a[0], a[1]);
    case HL_I_ADD:
    case HL_I_COUNT_UP: return LLVMBuildAdd(B, a[0], a[1], "");
    case HL_I_SUB: return LLVMBuildSub(B, a[0], a[1], "");
    case HL_I_MUL: return LLVMBuildMul(B, a[0], a[1], "");
    case HL_I_ADD_OV: return with_overflow(e, ins, "llvm.sadd.with.overflow", a[0], a[1]);
    case HL_I_SUB_OV: return with_overflow(e, ins, "llvm.ssub.with.overflow", a[0], a[1]);
    case HL_I_MUL_OV: return mul_checked(e, ins, a[0], a[1]);
    case HL_I_AND: return LLVMBuildAnd(B, a[0], a[1], "");
    case HL_I_OR: return LLVMBuildOr(B, a[0], a[1], "");
    case HL_I_XOR: return LLVMBuildXor(B, a[0], a[1], "");
    case HL_I_POPCOUNT: return hl_llvm_intrinsic(e, "llvm.ctpop", e->i64, a, 1);
    case HL_I_SHL_OV: return shift_left_ov(e, ins, a[0], a[1]);
    case HL_I_SHL: {
        Val r = LLVMBuildShl(B, a[0], shift_masked(e, a[1]), "");
        return LLVMBuildSelect(B, shift_in_range(e, a[1]), r, hl_llvm_int(e, 0), "");
    }
    case HL_I_SHR: {
        Val by = LLVMBuildSelect(B, shift_in_range(e, a[1]), a[1], hl_llvm_int(e, 63), "");
        return LLVMBuildAShr(B, a[0], by, "");
    }
    case HL_I_FLOORDIV: return floor_div(e, a[0], a[1], false);
    case HL_I_MOD: return floor_div(e, a[0], a[1], true);
    case HL_I_IPOW_OV: return int_power(e, ins, a[0], a[1], true);
    case HL_I_IPOW: return int_power(e, ins, a[0], a[1], false);
    case HL_I_NARROW: return narrow(e, (HlDtype)ins->aux, a[0]);
    case HL_I_NARROW_OV: return is_int32_sum(e, ins) ? narrow_sum(e, ins) : narrow_ov(e, ins, a[0]);
    case HL_I_UADD_OV: return with_overflow(e, ins, "llvm.uadd.with.overflow", a[0], a[1]);
    case HL_I_USUB_OV: return with_overflow(e, ins, "llvm.usub.with.overflow", a[0], a[1]);
    case HL_I_UMUL_OV: return with_overflow(e, ins, "llvm.umul.with.overflow", a[0], a[1]);
    case HL_I_UDIV: return LLVMBuildUDiv(B, a[0], a[1], "");
    case HL_I_UMOD: return LLVMBuildURem(B, a[0], a[1], "");
    case HL_I_USHR: {
        Val r = LLVMBuildLShr(B, a[0], shift_masked(e, a[1]), "");
        return LLVMBuildSelect(B, shift_in_range(e, a[1]), r, hl_llvm_int(e, 0), "");
    }
    case HL_I_UITOFP: return LLVMBuildUIToFP(B, a[0], e->f64, "");
    default: return NULL;
    }
}
