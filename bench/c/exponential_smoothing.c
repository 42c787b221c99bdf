#include <stdint.h>

void exponential_smoothing(double *values, int64_t n, double alpha)
{
    double level = values[0];
    for (int64_t i = 1; i < n; i++) {
        level += alpha * (values[i] - level);
        values[i] = level;
    }
}
