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

/* NumPy's // of float32 is the same in single precision, every step of it. */
double hl_llvm_rt_ffloordiv32(double x, double y)
{
    float a = (float)x, b = (float)y;
    float mod = fmodf(a, b);
    float div = (a - mod) / b;
    if (mod != 0.0F && (b < 0) != (mod < 0))
        div -= 1.0F;
    if (div == 0.0F)
        return copysignf(0.0F, a / b);
    float floored = floorf(div);
    return div - floored > 0.5F ? floored + 1.0F : floored;
}

double hl_llvm_rt_fpow32(double a, double b)
{
    return powf((float)a, (float)b);
}

double hl_llvm_rt_fhypot32(double a, double b)
{
    return hypotf((float)a, (float)b);
}

/* With the steps that NumPy gives for arrays of one item: by them, np.power knows a square. */
static void run_ufunc(void *run, void *data, void *a, void *b, void *result)
{
    void (*loop)(char **, const intptr_t *, const intptr_t *, void *);
    memcpy(&loop, &run, sizeof loop);
    char *args[3] = {a, b ? b : result, result};
    const intptr_t n = 1, steps[3] = {0, 0, 0};
    loop(args, &n, steps, data);
}

double hl_llvm_rt_ufunc1(void *run, void *data, double a)
{
    double result;
    run_ufunc(run, data, &a, NULL, &result);
    return result;
}

double hl_llvm_rt_ufunc2(void *run, void *data, double a, double b)
{
    double result;
    run_ufunc(run, data, &a, &b, &result);
    return result;
}

double hl_llvm_rt_ufunc1_32(void *run, void *data, double a)
{
    float x = (float)a, result;
    run_ufunc(run, data, &x, NULL, &result);
    return result;
}

double hl_llvm_rt_ufunc2_32(void *run, void *data, double a, double b)
{
    float x = (float)a, y = (float)b, result;
    run_ufunc(run, data, &x, &y, &result);
    return result;
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

/* Computed modulo |c|, of which the result's distance to c's side is taken at the end. */
int64_t hl_llvm_rt_powmod(int64_t a, int64_t b, int64_t c)
{
    uint64_t n = c < 0 ? -(uint64_t)c : (uint64_t)c;
    if (n == 0)
        return 0;
    uint64_t base = (a < 0 ? -(uint64_t)a : (uint64_t)a) % n, result = 1 % n;
    if (a < 0 && base != 0)
        base = n - base;
    if (n <= UINT32_MAX) {
        for (; b > 0; b >>= 1, base = base * base % n)
            if (b & 1)
                result = result * base % n;
    } else {
        for (; b > 0; b >>= 1, base = (uint64_t)((unsigned __int128)base * base % n))
            if (b & 1)
                result = (uint64_t)((unsigned __int128)result * base % n);
    }
    return (int64_t)(c < 0 && result != 0 ? result - n : result);
}

#define RT(name) {"rt." #name, (void *)hl_llvm_rt_##name},
#define MATH(name, text, sym, arity) {"math." text, (void *)sym},
#define LIBC(sym) {#sym, (void *)sym},

const HlRtSymbol hl_llvm_rt_symbols[] = {
    RT(fmod) RT(ffloordiv) RT(ffloordiv32) RT(fpow32) RT(fhypot32) RT(ufunc1) RT(ufunc2)
        RT(ufunc1_32) RT(ufunc2_32) RT(ipow_ov) RT(ipow) RT(powmod) HL_MATHDEF(MATH)
    /* What LLVM itself may call: loops that it recognises, and rounding before SSE 4.1. */
    LIBC(memcpy) LIBC(memmove) LIBC(memset) LIBC(memcmp) LIBC(floor) LIBC(ceil) LIBC(trunc)
        LIBC(floorf) LIBC(ceilf) LIBC(truncf)};
const int hl_llvm_rt_nsymbols = HL_COUNTOF(hl_llvm_rt_symbols);
