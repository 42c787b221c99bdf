#include <stdint.h>

void saxpy(double a, const double *restrict x, int64_t nx, double *restrict y, int64_t ny)
{
    (void)ny;
    for (int64_t i = 0; i < nx; i++)
        y[i] = a * x[i] + y[i];
}
