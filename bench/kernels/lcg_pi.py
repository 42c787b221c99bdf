"""Pi by Monte Carlo, with a linear congruential generator in the loop."""
SIZE, SMOKE, HOT = 2_000_000, 20_000, 2_000
NUMPY = False
CHANGES = ()
C_RESULT = "double"


def kernel(seed, n):
    inside = 0
    for _ in range(n):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        x = seed / 2147483648.0
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        y = seed / 2147483648.0
        if x * x + y * y <= 1.0:
            inside += 1
    return 4.0 * inside / n


def inputs(n):
    return (42, n)


def iterations(n):
    return n
