#include <stdint.h>

void matmul(const double *restrict a, int64_t rows, int64_t inner, const double *restrict b,
            int64_t b_rows, int64_t columns, double *restrict c, int64_t c_rows, int64_t c_columns)
{
    (void)b_rows;
    (void)c_rows;
    (void)c_columns;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            for (int64_t k = 0; k < inner; k++)
                c[i * columns + j] += a[i * inner + k] * b[k * columns + j];
}
