"""Mean and variance of a float64 array in one pass, by Welford's method."""
SIZE, SMOKE, HOT = 1_000_000, 20_000, 2_000
NUMPY = True
CHANGES = ()
C_RESULT = "pair"


def kernel(values):
    count = 0
    mean = 0.0
    squares = 0.0
    for x in values:
        count += 1
        delta = x - mean
        mean += delta / count
        squares += delta * (x - mean)
    return mean, squares / (count - 1)


def inputs(n):
    import numpy as np
    return (np.random.default_rng(7).normal(10.0, 3.0, n),)


def iterations(n):
    return n
