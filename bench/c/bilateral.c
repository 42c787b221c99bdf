#include <math.h>
#include <stdint.h>

void bilateral(const double *restrict image, int64_t rows, int64_t columns, double *restrict out,
               int64_t out_rows, int64_t out_columns, int64_t radius, double near, double alike)
{
    (void)out_rows;
    (void)out_columns;
    for (int64_t i = radius; i < rows - radius; i++) {
        for (int64_t j = radius; j < columns - radius; j++) {
            double centre = image[i * columns + j], total = 0.0, weights = 0.0;
            for (int64_t di = -radius; di <= radius; di++) {
                for (int64_t dj = -radius; dj <= radius; dj++) {
                    double pixel = image[(i + di) * columns + j + dj];
                    double gap = pixel - centre;
                    double weight = exp((double)-(di * di + dj * dj) / near - gap * gap / alike);
                    total += weight * pixel;
                    weights += weight;
                }
            }
            out[i * columns + j] = total / weights;
        }
    }
}
