#include <stdint.h>

int64_t int_sum_if(int64_t n)
{
    int64_t total = 0;
    for (int64_t i = 0; i < n; i++)
        if (i % 3 == 0 || i % 5 == 0)
            total += i;
    return total;
}
