#include <stdint.h>

double logistic_map(double r, double x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x = r * x * (1.0 - x);
    return x;
}
