"""The nth Fibonacci number modulo m."""
SIZE, SMOKE, HOT = 8_000_000, 20_000, 2_000
NUMPY = False
CHANGES = ()
C_RESULT = "int64_t"


def kernel(n, m):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, (a + b) % m
    return a


def inputs(n):
    return (n, 1_000_000_007)


def iterations(n):
    return n
