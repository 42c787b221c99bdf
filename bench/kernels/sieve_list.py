"""Sieve of Eratosthenes on a list of bools."""
SIZE, SMOKE, HOT = 4_000_000, 20_000, 2_000
NUMPY = False
CHANGES = ()
C_RESULT = "int64_t"


def kernel(n):
    prime = [True] * n
    count = 0
    for i in range(2, n):
        if prime[i]:
            count += 1
            for j in range(i * i, n, i):
                prime[j] = False
    return count


def inputs(n):
    return (n,)


def iterations(n):
    from kernels import sieve
    return sieve.iterations(n)
