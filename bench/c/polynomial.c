#include <stdint.h>

void polynomial(const double *restrict coeffs, int64_t ncoeffs, const double *restrict xs,
                int64_t nxs, double *restrict out, int64_t nout)
{
    (void)nout;
    for (int64_t i = 0; i < nxs; i++) {
        double x = xs[i], y = 0.0;
        for (int64_t k = 0; k < ncoeffs; k++)
            y = y * x + coeffs[k];
        out[i] = y;
    }
}
