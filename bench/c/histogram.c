#include <stdint.h>

void histogram(const double *restrict data, int64_t n, double low, double high,
               int64_t *restrict counts, int64_t bins)
{
    double scale = (double)bins / (high - low);
    for (int64_t i = 0; i < n; i++) {
        double x = data[i];
        if (low <= x && x < high)
            counts[(int64_t)((x - low) * scale)]++;
    }
}
