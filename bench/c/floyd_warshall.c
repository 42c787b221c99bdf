#include <stdint.h>

void floyd_warshall(double *dist, int64_t n, int64_t columns)
{
    (void)columns;
    for (int64_t k = 0; k < n; k++) {
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = 0; j < n; j++) {
                double through = dist[i * n + k] + dist[k * n + j];
                if (through < dist[i * n + j])
                    dist[i * n + j] = through;
            }
        }
    }
}
