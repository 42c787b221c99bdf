#include <math.h>
#include <stdint.h>

int64_t gauss_seidel(double *u, int64_t rows, int64_t columns, double tolerance)
{
    int64_t sweeps = 0;
    double change = tolerance;
    while (change >= tolerance) {
        change = 0.0;
        for (int64_t i = 1; i < rows - 1; i++) {
            for (int64_t j = 1; j < columns - 1; j++) {
                double *at = &u[i * columns + j];
                double value = 0.25 * (at[-columns] + at[columns] + at[-1] + at[1]);
                double difference = fabs(value - *at);
                if (difference > change)
                    change = difference;
                *at = value;
            }
        }
        sweeps++;
    }
    return sweeps;
}
