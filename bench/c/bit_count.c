#include <stdint.h>

int64_t bit_count(int64_t n)
{
    int64_t total = 0;
    for (int64_t k = 0; k < n; k++) {
        int64_t i = k;
        while (i) {
            i &= i - 1;
            total++;
        }
    }
    return total;
}
