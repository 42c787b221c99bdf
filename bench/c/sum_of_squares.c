#include <stdint.h>

double sum_of_squares(const double *arr, int64_t n)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += arr[i] * arr[i];
    return total;
}
