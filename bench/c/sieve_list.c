#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int64_t sieve_list(int64_t n)
{
    bool *prime = malloc((size_t)n);
    if (!prime)
        abort();
    memset(prime, true, (size_t)n);
    int64_t count = 0;
    for (int64_t i = 2; i < n; i++) {
        if (prime[i]) {
            count++;
            for (int64_t j = i * i; j < n; j += i)
                prime[j] = false;
        }
    }
    free(prime);
    return count;
}
