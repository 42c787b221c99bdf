/* hl_llvm_fast.c - what LLVM may do in functions with @jit(fastmath=...).
 *
 * Sums and products over a loop's iterations may be made in another order, a product and a sum joined to a
 * fused operation, and divisions be products with a reciprocal. Never may LLVM assume that there are no
 * infinities and NaNs: comparisons, and the guards that see what raises or warns, decide as ever, on what
 * was computed. Nor may it compute a value from another's operands: (x * 1e300) * 1e-300 is no x, as the
 * overflow of the first product is found by the second not being finite (hl_ir_finite_only_with). So
 * "reassoc" is set for the operations of such sums only.
 *
 * Where a loop vectorises, libm's functions may be those for vectors that glibc has in a library of its
 * own, libmvec, under names that x86-64's vector ABI gives. Off by 4 units in the last place at most, they
 * are infinite and NaN for the same arguments, so that the guards behind them find what raises. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <llvm-c/DebugInfo.h>

#include "hl_llvm_int.h"

static bool fast_adds_to_param(const HlEmitter *e, const HlIns *ins)
{
    return (ins->op == HL_I_FADD || ins->op == HL_I_FSUB) &&
           (e->ir->ins[ins->a[0]].op == HL_I_PARAM || e->ir->ins[ins->a[1]].op == HL_I_PARAM);
}

Val hl_llvm_fast(HlEmitter *e, const HlIns *ins, Val operation)
{
    int fast = e->ir->fastmath;
    bool chain = e->pass && e->pass->chain && e->pass->chain[ins - e->ir->ins];
    bool vector = e->pass && e->pass->vector;
    /* A fused operation takes longer than a sum, which the next iteration waits for. */
    if (!vector && (chain || fast_adds_to_param(e, ins)))
        fast &= ~HL_FAST_CONTRACT;
    if (fast && LLVMCanValueUseFastMathFlags(operation))
        LLVMSetFastMathFlags(operation,
                             (chain && vector ? LLVMFastMathAllowReassoc : 0u) |
                                 (fast & HL_FAST_ARCP ? LLVMFastMathAllowReciprocal : 0u) |
                                 (fast & HL_FAST_CONTRACT ? LLVMFastMathAllowContract : 0u));
    return operation;
}

void hl_llvm_fast_side_by_side(HlEmitter *e, Val back, int vectors)
{
    static const char name[] = "llvm.loop.interleave.count", loop[] = "llvm.loop";
    LLVMMetadataRef count[2] = {
        LLVMMDStringInContext2(e->ctx, name, sizeof name - 1),
        LLVMValueAsMetadata(LLVMConstInt(e->i32, (unsigned)vectors, false))};
    /* A loop's node has itself as its first operand, which makes it unlike all others. */
    LLVMMetadataRef self = LLVMTemporaryMDNode(e->ctx, NULL, 0);
    LLVMMetadataRef parts[2] = {self, LLVMMDNodeInContext2(e->ctx, count, 2)};
    LLVMMetadataRef node = LLVMMDNodeInContext2(e->ctx, parts, 2);
    LLVMMetadataReplaceAllUsesWith(self, node);
    LLVMSetMetadata(back, LLVMGetMDKindIDInContext(e->ctx, loop, sizeof loop - 1),
                    LLVMMetadataAsValue(e->ctx, node));
}

/* --- functions for vectors --------------------------------------------------------------------- */

/* By the ABI's letter of the instructions that they use. */
static const struct {
    char isa;
    int lanes;
} vectors[] = {{'b', 2}, {'d', 4}, {'e', 8}};

enum { VECTORS = HL_COUNTOF(vectors), NAME_SIZE = 32 };

#define MATH_SYM(name, text, sym, arity) #sym,
#define MATH_ARITY(name, text, sym, arity) arity,
static const char *const math_syms[] = {HL_MATHDEF(MATH_SYM)};
static const uint8_t math_arity[] = {HL_MATHDEF(MATH_ARITY)};
#undef MATH_SYM
#undef MATH_ARITY

/* Found once, by the thread that compiles. */
static bool looked_for;
static char names[HL_M__COUNT][VECTORS][NAME_SIZE]; /* "" = there is none */
static HlRtSymbol found[HL_M__COUNT * VECTORS];
static int nfound;

static bool can_run(int which)
{
#ifdef __x86_64__
    return which == 0   ? true
           : which == 1 ? __builtin_cpu_supports("avx2")
                        : __builtin_cpu_supports("avx512f");
#else
    return which < 0;
#endif
}

int hl_llvm_fast_symbols(const HlRtSymbol **symbols)
{
    *symbols = found;
    if (looked_for)
        return nfound;
    looked_for = true;
    void *library = dlopen("libmvec.so.1", RTLD_NOW | RTLD_LOCAL);
    for (int m = 0; library && m < HL_M__COUNT; m++) {
        for (int k = 0; k < VECTORS; k++) {
            char *name = names[m][k];
            snprintf(name, NAME_SIZE, "_ZGV%cN%d%s_%s", vectors[k].isa, vectors[k].lanes,
                     &"vv"[2 - math_arity[m]], math_syms[m]);
            void *address = can_run(k) ? dlsym(library, name) : NULL;
            if (address)
                found[nfound++] = (HlRtSymbol){name, address};
            else
                name[0] = '\0';
        }
    }
    return nfound;
}

bool hl_llvm_fast_has(const HlEmitter *e, HlMath m)
{
    const HlRtSymbol *symbols;
    bool has = false;
    if (!(e->ir->fastmath & HL_FAST_AFN) || !hl_llvm_fast_symbols(&symbols))
        return false;
    for (int k = 0; k < VECTORS; k++)
        has |= names[m][k][0] != '\0';
    return has;
}

/* The vectoriser looks for an attribute of the call, with a name for each that the ABI's rules lead to from
 * the scalar's, and wants the functions declared. */
void hl_llvm_fast_call(HlEmitter *e, HlMath m, Val call)
{
    static const char key[] = "vector-function-abi-variant";
    char text[VECTORS * 4 * NAME_SIZE] = "";
    size_t len = 0;
    if (!hl_llvm_fast_has(e, m))
        return;
    for (int k = 0; k < VECTORS; k++) {
        const char *name = names[m][k];
        if (!name[0])
            continue;
        size_t scalar_len;
        const char *scalar = LLVMGetValueName2(LLVMGetCalledValue(call), &scalar_len);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s_ZGV_LLVM_N%d%s_%.*s(%s)",
                                len ? "," : "", vectors[k].lanes, &"vv"[2 - math_arity[m]],
                                (int)scalar_len, scalar, name);
        LLVMTypeRef type = LLVMVectorType(e->f64, (unsigned)vectors[k].lanes);
        LLVMTypeRef params[2] = {type, type};
        hl_llvm_declare(e, name, LLVMFunctionType(type, params, math_arity[m], false));
    }
    LLVMAddCallSiteAttribute(
        call, LLVMAttributeFunctionIndex,
        LLVMCreateStringAttribute(e->ctx, key, sizeof key - 1, text, (unsigned)len));
}
