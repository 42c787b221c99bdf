#include <math.h>
#include <stdint.h>

void hillshade(const double *restrict heights, int64_t rows, int64_t columns,
               double *restrict shade, int64_t shade_rows, int64_t shade_columns, double cell,
               double azimuth, double altitude)
{
    (void)shade_rows;
    (void)shade_columns;
    for (int64_t i = 1; i < rows - 1; i++) {
        for (int64_t j = 1; j < columns - 1; j++) {
            const double *here = &heights[i * columns + j];
            const double *above = here - columns, *below = here + columns;
            double east =
                (above[1] + 2.0 * here[1] + below[1]) - (above[-1] + 2.0 * here[-1] + below[-1]);
            double south =
                (below[-1] + 2.0 * below[0] + below[1]) - (above[-1] + 2.0 * above[0] + above[1]);
            east /= 8.0 * cell;
            south /= 8.0 * cell;
            double slope = atan(sqrt(east * east + south * south));
            double aspect = atan2(-east, south);
            double light =
                sin(altitude) * cos(slope) + cos(altitude) * sin(slope) * cos(azimuth - aspect);
            shade[i * columns + j] = light > 0.0 ? light : 0.0;
        }
    }
}
