"""y = a * x + y on float64 arrays, in place."""
SIZE, SMOKE, HOT = 2_500_000, 20_000, 2_000
NUMPY = True
CHANGES = (2,)
C_RESULT = None


def kernel(a, x, y):
    for i in range(len(x)):
        y[i] = a * x[i] + y[i]


def inputs(n):
    import numpy as np
    rng = np.random.default_rng(3)
    return (2.5, rng.random(n), rng.random(n))


def iterations(n):
    return n
