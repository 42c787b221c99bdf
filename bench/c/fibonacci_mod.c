#include <stdint.h>

int64_t fibonacci_mod(int64_t n, int64_t m)
{
    int64_t a = 0, b = 1;
    for (int64_t i = 0; i < n; i++) {
        int64_t next = (a + b) % m;
        a = b;
        b = next;
    }
    return a;
}
