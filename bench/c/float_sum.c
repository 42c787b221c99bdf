#include <stdint.h>

double float_sum(const double *arr, int64_t n)
{
    double total = 0.0;
    for (int64_t i = 0; i < n; i++)
        total += arr[i];
    return total;
}
