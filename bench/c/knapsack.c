#include <stdint.h>

int64_t knapsack(const int64_t *restrict weights, int64_t things, const int64_t *restrict values,
                 int64_t nvalues, int64_t *restrict best, int64_t rows, int64_t columns)
{
    (void)nvalues;
    (void)rows;
    for (int64_t i = 1; i <= things; i++) {
        int64_t weight = weights[i - 1];
        for (int64_t c = 0; c < columns; c++) {
            best[i * columns + c] = best[(i - 1) * columns + c];
            if (weight <= c) {
                int64_t load = best[(i - 1) * columns + c - weight] + values[i - 1];
                if (load > best[i * columns + c])
                    best[i * columns + c] = load;
            }
        }
    }
    return best[things * columns + columns - 1];
}
