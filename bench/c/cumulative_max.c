#include <stdint.h>

void cumulative_max(const double *restrict values, int64_t n, double *restrict out, int64_t nout)
{
    (void)nout;
    double best = values[0];
    for (int64_t i = 0; i < n; i++) {
        double x = values[i];
        if (x > best)
            best = x;
        out[i] = best;
    }
}
