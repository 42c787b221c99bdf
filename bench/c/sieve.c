#include <stdint.h>

int64_t sieve(int64_t *prime, int64_t n)
{
    int64_t count = 0;
    for (int64_t i = 2; i < n; i++) {
        if (prime[i] != 0) {
            count++;
            for (int64_t j = i * i; j < n; j += i)
                prime[j] = 0;
        }
    }
    return count;
}
