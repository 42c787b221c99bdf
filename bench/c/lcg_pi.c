#include <stdint.h>

double lcg_pi(int64_t seed, int64_t n)
{
    int64_t inside = 0;
    for (int64_t k = 0; k < n; k++) {
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF;
        double x = (double)seed / 2147483648.0;
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF;
        double y = (double)seed / 2147483648.0;
        if (x * x + y * y <= 1.0)
            inside++;
    }
    return 4.0 * (double)inside / (double)n;
}
