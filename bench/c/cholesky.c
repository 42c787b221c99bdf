#include <math.h>
#include <stdint.h>

void cholesky(const double *restrict a, int64_t n, int64_t columns, double *restrict lower,
              int64_t lower_rows, int64_t lower_columns)
{
    (void)columns;
    (void)lower_rows;
    (void)lower_columns;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double total = a[i * n + j];
            for (int64_t k = 0; k < j; k++)
                total -= lower[i * n + k] * lower[j * n + k];
            if (i == j)
                lower[i * n + i] = sqrt(total);
            else
                lower[i * n + j] = total / lower[j * n + j];
        }
    }
}
