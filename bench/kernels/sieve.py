"""Sieve of Eratosthenes on an int64 array."""
SIZE, SMOKE, HOT = 3_000_000, 20_000, 2_000
NUMPY = True
CHANGES = (0,)
C_RESULT = "int64_t"


def kernel(prime):
    n = len(prime)
    count = 0
    for i in range(2, n):
        if prime[i] != 0:
            count += 1
            for j in range(i * i, n, i):
                prime[j] = 0
    return count


def inputs(n):
    import numpy as np
    return (np.ones(n, np.int64),)


def iterations(n):
    prime = bytearray([1]) * n
    stores = 0
    for i in range(2, n):
        if i * i >= n:
            break
        if prime[i]:
            marked = len(range(i * i, n, i))
            prime[i * i::i] = bytes(marked)
            stores += marked
    return stores
