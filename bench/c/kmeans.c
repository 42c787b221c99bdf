#include <math.h>
#include <stdint.h>

void kmeans(const double *restrict points, int64_t n, int64_t dimensions, double *restrict centres,
            int64_t clusters, int64_t centre_columns, int64_t *restrict labels, int64_t nlabels,
            double *restrict sums, int64_t sum_rows, int64_t sum_columns, int64_t *restrict counts,
            int64_t ncounts, int64_t rounds)
{
    (void)centre_columns;
    (void)nlabels;
    (void)sum_rows;
    (void)sum_columns;
    (void)ncounts;
    for (int64_t round = 0; round < rounds; round++) {
        for (int64_t c = 0; c < clusters; c++) {
            counts[c] = 0;
            for (int64_t d = 0; d < dimensions; d++)
                sums[c * dimensions + d] = 0.0;
        }
        for (int64_t i = 0; i < n; i++) {
            int64_t nearest = 0;
            double least = INFINITY;
            for (int64_t c = 0; c < clusters; c++) {
                double distance = 0.0;
                for (int64_t d = 0; d < dimensions; d++) {
                    double gap = points[i * dimensions + d] - centres[c * dimensions + d];
                    distance += gap * gap;
                }
                if (distance < least) {
                    least = distance;
                    nearest = c;
                }
            }
            labels[i] = nearest;
            counts[nearest]++;
            for (int64_t d = 0; d < dimensions; d++)
                sums[nearest * dimensions + d] += points[i * dimensions + d];
        }
        for (int64_t c = 0; c < clusters; c++)
            if (counts[c] > 0)
                for (int64_t d = 0; d < dimensions; d++)
                    centres[c * dimensions + d] = sums[c * dimensions + d] / (double)counts[c];
    }
}
