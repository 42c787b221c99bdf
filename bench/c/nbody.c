#include <math.h>
#include <stdint.h>

void nbody(double *restrict positions, int64_t rows, int64_t columns, double *restrict velocities,
           int64_t velocity_rows, int64_t velocity_columns, const double *restrict masses,
           int64_t n, double dt, int64_t steps)
{
    (void)rows;
    (void)columns;
    (void)velocity_rows;
    (void)velocity_columns;
    for (int64_t step = 0; step < steps; step++) {
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = i + 1; j < n; j++) {
                double dx = positions[3 * i] - positions[3 * j];
                double dy = positions[3 * i + 1] - positions[3 * j + 1];
                double dz = positions[3 * i + 2] - positions[3 * j + 2];
                double square = dx * dx + dy * dy + dz * dz;
                double pull = dt / (square * sqrt(square));
                velocities[3 * i] -= dx * masses[j] * pull;
                velocities[3 * i + 1] -= dy * masses[j] * pull;
                velocities[3 * i + 2] -= dz * masses[j] * pull;
                velocities[3 * j] += dx * masses[i] * pull;
                velocities[3 * j + 1] += dy * masses[i] * pull;
                velocities[3 * j + 2] += dz * masses[i] * pull;
            }
        }
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = 0; k < 3; k++)
                positions[3 * i + k] += dt * velocities[3 * i + k];
    }
}
