#include <stdint.h>

void mandelbrot_image(uint8_t *image, int64_t rows, int64_t columns, double left, double top,
                      double size, int64_t limit)
{
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++) {
            double x = left + size * (double)j / (double)columns;
            double y = top - size * (double)i / (double)rows;
            double re = 0.0, im = 0.0;
            int64_t steps = 0;
            while (steps < limit && re * re + im * im <= 4.0) {
                double next = re * re - im * im + x;
                im = 2.0 * re * im + y;
                re = next;
                steps++;
            }
            image[i * columns + j] = (uint8_t)steps;
        }
    }
}
