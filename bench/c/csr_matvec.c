#include <stdint.h>

void csr_matvec(const double *restrict data, int64_t stored, const int32_t *restrict indices,
                int64_t nindices, const int32_t *restrict starts, int64_t nstarts,
                const double *restrict x, int64_t nx, double *restrict y, int64_t n)
{
    (void)stored;
    (void)nindices;
    (void)nstarts;
    (void)nx;
    for (int64_t i = 0; i < n; i++) {
        double total = 0.0;
        for (int64_t k = starts[i]; k < starts[i + 1]; k++)
            total += data[k] * x[indices[k]];
        y[i] = total;
    }
}
