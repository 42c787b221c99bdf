/* hl_llvm_rt.c - what machine code calls: libm, and operations too long to be emitted inline.
 *
 * libm's functions get names that LLVM does not know ("math.sin"), so that it neither folds them
 * with its own host libm nor replaces them by something that rounds differently; they are the same
 * functions, at the same addresses, that the interpreter's math module calls. */
#include "hl_llvm_rt.h"

#include <math.h>
#include <string.h>

#include "hl_ir.h"

/* The remainder with the divisor's sign, and a zero with the divisor's sign, as CPython's and
 * NumPy's common algorithm has it. */
double hl_llvm_rt_fmod(double a, double b)
{
    double mod = fmod(a, b);
    if (mod == 0.0)
        return copysign(0.0, b);
    return (b < 0) != (mod < 0) ? mod + b : mod;
}

/* Floor of a / b from the exact remainder: a - mod is very nearly a multiple of b, so the quotient
 * is within rounding of an integer and is snapped to the nearest one. */
double hl_llvm_rt_ffloordiv(double a, double b)
{
    double mod = fmod(a, b);
    double div = (a - mod) / b;
    if (mod != 0.0 && (b < 0) != (mod < 0))
        div -= 1.0;
    if (div == 0.0)
        return copysign(0.0, a / b);
    double floored = floor(div);
    return div - floored > 0.5 ? floored + 1.0 : floored;
}

HlRtInt hl_llvm_rt_ipow_ov(int64_t a, int64_t b)
{
    int64_t result = 1;
    bool over = false;
    for (;;) {
        if (b & 1)
            over |= __builtin_mul_overflow(result, a, &result);
        b >>= 1;
        if (b == 0 || over)
            break;
        /* When this overflows, |a| >= 2 and a further factor is still to come. */
        over |= __builtin_mul_overflow(a, a, &a);
    }
    return (HlRtInt){.value = result, .fits = !over};
}

int64_t hl_llvm_rt_ipow(int64_t a, int64_t b)
{
    uint64_t base = (uint64_t)a, result = 1;
    for (; b != 0; b >>= 1, base *= base)
        if (b & 1)
            result *= base;
    return (int64_t)result;
}

#define RT(name) {"rt." #name, (void *)hl_llvm_rt_##name},
#define MATH(name, text, sym, arity) {"math." text, (void *)sym},
#define LIBC(sym) {#sym, (void *)sym},

const HlRtSymbol hl_llvm_rt_symbols[] = {
    RT(fmod) RT(ffloordiv) RT(ipow_ov) RT(ipow) HL_MATHDEF(MATH)
    /* What LLVM itself may call: loops that it recognises, and rounding before SSE 4.1. */
    LIBC(memcpy) LIBC(memmove) LIBC(memset) LIBC(memcmp) LIBC(floor) LIBC(ceil) LIBC(trunc)};
const int hl_llvm_rt_nsymbols = HL_COUNTOF(hl_llvm_rt_symbols);
