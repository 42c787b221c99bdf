#include <math.h>
#include <stdint.h>

void lu(double *restrict a, int64_t n, int64_t columns, int64_t *restrict pivots, int64_t npivots)
{
    (void)columns;
    (void)npivots;
    for (int64_t k = 0; k < n; k++) {
        int64_t pivot = k;
        for (int64_t i = k + 1; i < n; i++)
            if (fabs(a[i * n + k]) > fabs(a[pivot * n + k]))
                pivot = i;
        pivots[k] = pivot;
        if (pivot != k) {
            for (int64_t j = 0; j < n; j++) {
                double other = a[pivot * n + j];
                a[pivot * n + j] = a[k * n + j];
                a[k * n + j] = other;
            }
        }
        for (int64_t i = k + 1; i < n; i++) {
            a[i * n + k] /= a[k * n + k];
            for (int64_t j = k + 1; j < n; j++)
                a[i * n + j] -= a[i * n + k] * a[k * n + j];
        }
    }
}
