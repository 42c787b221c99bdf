#include <stdint.h>

static void step(const double *restrict now, double *restrict then, int64_t depth, int64_t rows,
                 int64_t columns, double rate)
{
    int64_t layer = rows * columns;
    for (int64_t i = 1; i < depth - 1; i++) {
        for (int64_t j = 1; j < rows - 1; j++) {
            for (int64_t k = 1; k < columns - 1; k++) {
                const double *at = &now[i * layer + j * columns + k];
                double around =
                    at[-layer] + at[layer] + at[-columns] + at[columns] + at[-1] + at[1];
                then[i * layer + j * columns + k] = *at + rate * (around - 6.0 * *at);
            }
        }
    }
}

void heat_3d(double *now, int64_t depth, int64_t rows, int64_t columns, double *then,
             int64_t then_depth, int64_t then_rows, int64_t then_columns, double rate,
             int64_t steps)
{
    (void)then_depth;
    (void)then_rows;
    (void)then_columns;
    for (int64_t k = 0; k < steps; k++) {
        step(now, then, depth, rows, columns, rate);
        double *other = now;
        now = then;
        then = other;
    }
}
