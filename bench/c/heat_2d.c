#include <stdint.h>

static void step(const double *restrict now, double *restrict then, int64_t rows, int64_t columns,
                 double rate)
{
    for (int64_t i = 1; i < rows - 1; i++) {
        for (int64_t j = 1; j < columns - 1; j++) {
            const double *at = &now[i * columns + j];
            then[i * columns + j] =
                *at + rate * (at[-columns] + at[columns] + at[-1] + at[1] - 4.0 * *at);
        }
    }
}

void heat_2d(double *now, int64_t rows, int64_t columns, double *then, int64_t then_rows,
             int64_t then_columns, double rate, int64_t steps)
{
    (void)then_rows;
    (void)then_columns;
    for (int64_t k = 0; k < steps; k++) {
        step(now, then, rows, columns, rate);
        double *other = now;
        now = then;
        then = other;
    }
}
