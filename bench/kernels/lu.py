"""LU decomposition of an n x n float64 matrix in place, with partial pivoting."""
SIZE, SMOKE, HOT = 170, 24, 16
NUMPY = True
CHANGES = (0, 1)
C_RESULT = None


def kernel(a, pivots):
    n = a.shape[0]
    for k in range(n):
        pivot = k
        for i in range(k + 1, n):
            if abs(a[i, k]) > abs(a[pivot, k]):
                pivot = i
        pivots[k] = pivot
        if pivot != k:
            for j in range(n):
                a[k, j], a[pivot, j] = a[pivot, j], a[k, j]
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            for j in range(k + 1, n):
                a[i, j] -= a[i, k] * a[k, j]


def inputs(n):
    import numpy as np
    return (np.random.default_rng(22).normal(size=(n, n)), np.zeros(n, np.int64))


def iterations(n):
    return (n - 1) * n * (2 * n - 1) // 6
