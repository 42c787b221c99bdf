#include <stdint.h>

struct pair {
    double mean, variance;
};

struct pair welford(const double *values, int64_t n)
{
    int64_t count = 0;
    double mean = 0.0, squares = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double x = values[i];
        count++;
        double delta = x - mean;
        mean += delta / (double)count;
        squares += delta * (x - mean);
    }
    return (struct pair){mean, squares / (double)(count - 1)};
}
