#include <stdint.h>

static void generation(const uint8_t *restrict now, uint8_t *restrict then, int64_t rows,
                       int64_t columns)
{
    for (int64_t i = 1; i < rows - 1; i++) {
        for (int64_t j = 1; j < columns - 1; j++) {
            const uint8_t *at = &now[i * columns + j];
            uint8_t around = (uint8_t)(at[-columns - 1] + at[-columns] + at[-columns + 1] + at[-1] +
                                       at[1] + at[columns - 1] + at[columns] + at[columns + 1]);
            then[i * columns + j] = around == 3 || (around == 2 && *at == 1);
        }
    }
}

void life(uint8_t *now, int64_t rows, int64_t columns, uint8_t *then, int64_t then_rows,
          int64_t then_columns, int64_t generations)
{
    (void)then_rows;
    (void)then_columns;
    for (int64_t k = 0; k < generations; k++) {
        generation(now, then, rows, columns);
        uint8_t *other = now;
        now = then;
        then = other;
    }
}
