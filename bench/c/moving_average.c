#include <stdint.h>
#include <stdlib.h>

/* The averages are new memory, as the Python's list is; the caller frees it. */
double *moving_average(const double *values, int64_t n, int64_t width, int64_t *count)
{
    double *averages = malloc((size_t)n * sizeof(*averages));
    if (!averages)
        abort();
    int64_t filled = 0;
    double total = 0.0;
    for (int64_t i = 0; i < n; i++) {
        total += values[i];
        if (i >= width)
            total -= values[i - width];
        if (i >= width - 1)
            averages[filled++] = total / (double)width;
    }
    *count = filled;
    return averages;
}
