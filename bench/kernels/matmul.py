"""Product of two n x n float64 matrices, by the three loops of the definition."""
SIZE, SMOKE, HOT = 120, 20, 10
NUMPY = True
CHANGES = (2,)
C_RESULT = None


def kernel(a, b, c):
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                c[i, j] += a[i, k] * b[k, j]


def inputs(n):
    import numpy as np
    rng = np.random.default_rng(21)
    return (rng.random((n, n)), rng.random((n, n)), np.zeros((n, n)))


def iterations(n):
    return n ** 3
