/* hl_llvm_rt.h - the C functions that machine code calls by name. No LLVM header is needed here, so
 * that tests can call them directly. */
#ifndef HL_LLVM_RT_H
#define HL_LLVM_RT_H

#include "hl_def.h"

typedef struct HlRtSymbol {
    const char *name; /* as machine code refers to it: "rt.fmod", "math.sin", "memcpy" */
    void *address;
} HlRtSymbol;
extern const HlRtSymbol hl_llvm_rt_symbols[];
extern const int hl_llvm_rt_nsymbols;

/* The C library's functions for vectors (hl_llvm_fast.c), as far as this processor and this C library have
 * them; looked for by the first call. Their number. */
int hl_llvm_fast_symbols(const HlRtSymbol **symbols);

/* Returned in two registers, as LLVM returns { i64, i64 }. */
typedef struct HlRtInt {
    int64_t value, fits;
} HlRtInt;

double hl_llvm_rt_fmod(double a, double b);        /* a % b, b != 0 */
double hl_llvm_rt_ffloordiv(double a, double b);   /* a // b, b != 0 */
double hl_llvm_rt_ffloordiv32(double a, double b); /* of float32, b != 0 */
double hl_llvm_rt_fpow32(double a, double b);      /* powf */
double hl_llvm_rt_fhypot32(double a, double b);    /* hypotf */
/* One item through a ufunc's loop. */
double hl_llvm_rt_ufunc1(void *run, void *data, double a);
double hl_llvm_rt_ufunc2(void *run, void *data, double a, double b);
double hl_llvm_rt_ufunc1_32(void *run, void *data, double a);
double hl_llvm_rt_ufunc2_32(void *run, void *data, double a, double b);
HlRtInt hl_llvm_rt_ipow_ov(int64_t a, int64_t b); /* a ** b, b >= 0 */
int64_t hl_llvm_rt_ipow(int64_t a, int64_t b);    /* modulo 2^64, b >= 0 */
/* a ** b modulo c, with c's sign; b >= 0. 0 when c is 0. */
int64_t hl_llvm_rt_powmod(int64_t a, int64_t b, int64_t c);
/* n items of `size` bytes, strides in bytes: the low bits of `bits` into all; those from another place into
 * them, 1, or 0 = nothing was done (hl_copy.h). */
void hl_llvm_rt_fill(char *to, int64_t stride, int64_t n, int64_t bits, int64_t size);
int hl_llvm_rt_copy(char *to, int64_t to_stride, int64_t n, const char *from, int64_t from_stride,
                    int64_t size);

#endif
