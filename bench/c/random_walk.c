#include <stdint.h>

void random_walk(int64_t *visits, int64_t rows, int64_t columns, int64_t seed, int64_t steps)
{
    int64_t i = rows / 2, j = columns / 2;
    for (int64_t k = 0; k < steps; k++) {
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF;
        int64_t direction = seed >> 29;
        if (direction == 0)
            i = (i + 1) % rows;
        else if (direction == 1)
            i = (i + rows - 1) % rows;
        else if (direction == 2)
            j = (j + 1) % columns;
        else
            j = (j + columns - 1) % columns;
        visits[i * columns + j]++;
    }
}
