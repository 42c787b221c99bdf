#include <stdint.h>

void quicksort(double *restrict values, int64_t n, int64_t *restrict stack, int64_t nstack)
{
    (void)nstack;
    stack[0] = 0;
    stack[1] = n - 1;
    int64_t top = 2;
    while (top > 0) {
        top -= 2;
        int64_t low = stack[top], high = stack[top + 1];
        while (low < high) {
            double pivot = values[(low + high) / 2];
            int64_t i = low, j = high;
            while (i <= j) {
                while (values[i] < pivot)
                    i++;
                while (values[j] > pivot)
                    j--;
                if (i <= j) {
                    double other = values[i];
                    values[i] = values[j];
                    values[j] = other;
                    i++;
                    j--;
                }
            }
            /* The longer part waits, so that the stack stays short. */
            if (j - low < high - i) {
                stack[top] = i;
                stack[top + 1] = high;
                high = j;
            } else {
                stack[top] = low;
                stack[top + 1] = j;
                low = i;
            }
            top += 2;
        }
    }
}
