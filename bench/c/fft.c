#include <math.h>
#include <stdint.h>

/* gcc 12 makes fused instructions of pairs of products in spite of -ffp-contract=off. */
#if !defined(__clang__)
#pragma GCC optimize("no-tree-slp-vectorize")
#endif

/* Products term by term, as CPython's and NumPy's complex numbers do them. */
struct complex {
    double re, im;
};

static struct complex product(struct complex a, struct complex b)
{
    return (struct complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

void fft(struct complex *x, int64_t n)
{
    int64_t j = 0;
    for (int64_t i = 1; i < n; i++) { /* the bits of i in reverse are j */
        int64_t bit = n >> 1;
        while (j & bit) {
            j ^= bit;
            bit >>= 1;
        }
        j |= bit;
        if (i < j) {
            struct complex other = x[i];
            x[i] = x[j];
            x[j] = other;
        }
    }
    for (int64_t half = 1; half < n; half *= 2) {
        double angle = -3.141592653589793 / (double)half;
        struct complex turn = {cos(angle), sin(angle)};
        for (int64_t start = 0; start < n; start += 2 * half) {
            struct complex w = {1.0, 0.0};
            for (int64_t k = start; k < start + half; k++) {
                struct complex even = x[k], odd = product(w, x[k + half]);
                x[k] = (struct complex){even.re + odd.re, even.im + odd.im};
                x[k + half] = (struct complex){even.re - odd.re, even.im - odd.im};
                w = product(w, turn);
            }
        }
    }
}
