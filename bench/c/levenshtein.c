#include <stdint.h>

static int32_t least(int32_t a, int32_t b)
{
    return b < a ? b : a;
}

int64_t levenshtein(const uint8_t *restrict a, int64_t na, const uint8_t *restrict b, int64_t nb,
                    int32_t *restrict table, int64_t rows, int64_t columns)
{
    (void)rows;
    for (int64_t i = 0; i <= na; i++)
        table[i * columns] = (int32_t)i;
    for (int64_t j = 0; j <= nb; j++)
        table[j] = (int32_t)j;
    for (int64_t i = 1; i <= na; i++) {
        for (int64_t j = 1; j <= nb; j++) {
            int32_t *at = &table[i * columns + j];
            int32_t cost = a[i - 1] != b[j - 1];
            *at = least(least(at[-columns] + 1, at[-1] + 1), at[-columns - 1] + cost);
        }
    }
    return table[na * columns + nb];
}
