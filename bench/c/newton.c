#include <math.h>
#include <stdint.h>

double newton(int64_t n)
{
    double total = 0.0;
    for (int64_t k = 1; k <= n; k++) {
        double a = (double)k, x = 0.5 * (1.0 + a);
        while (fabs(x * x - a) > 1e-9 * a)
            x = 0.5 * (x + a / x);
        total += x;
    }
    return total;
}
