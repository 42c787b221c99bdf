"""The greatest value so far of a random walk, at each of its steps."""
SIZE, SMOKE, HOT = 4_000_000, 20_000, 2_000
NUMPY = True
CHANGES = (1,)
C_RESULT = None


def kernel(values, out):
    best = values[0]
    for i, x in enumerate(values):
        if x > best:
            best = x
        out[i] = best


def inputs(n):
    import numpy as np
    return (np.random.default_rng(6).normal(size=n).cumsum(), np.zeros(n))


def iterations(n):
    return n
