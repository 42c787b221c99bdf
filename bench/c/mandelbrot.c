#include <math.h>
#include <stdint.h>

/* hypot, and products term by term, as CPython's complex numbers do it. */
int64_t mandelbrot(const double *points, int64_t n, int64_t limit)
{
    int64_t total = 0;
    for (int64_t i = 0; i < n; i++) {
        double cr = points[2 * i], ci = points[2 * i + 1];
        double zr = 0.0, zi = 0.0;
        for (int64_t k = 0; k < limit; k++) {
            double re = zr * zr - zi * zi, im = zr * zi + zi * zr;
            zr = re + cr;
            zi = im + ci;
            if (hypot(zr, zi) > 2.0)
                break;
            total++;
        }
    }
    return total;
}
