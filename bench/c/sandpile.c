#include <stdbool.h>
#include <stdint.h>

int64_t sandpile(int64_t *grid, int64_t rows, int64_t columns)
{
    int64_t topplings = 0;
    bool stable = false;
    while (!stable) {
        stable = true;
        for (int64_t i = 1; i < rows - 1; i++) {
            for (int64_t j = 1; j < columns - 1; j++) {
                int64_t *at = &grid[i * columns + j];
                if (*at >= 4) {
                    *at -= 4;
                    at[-columns]++;
                    at[columns]++;
                    at[-1]++;
                    at[1]++;
                    topplings++;
                    stable = false;
                }
            }
        }
    }
    return topplings;
}
