"""Cholesky decomposition of an n x n float64 matrix."""
import math

SIZE, SMOKE, HOT = 220, 32, 20
NUMPY = True
CHANGES = (1,)
C_RESULT = None


def kernel(a, lower):
    for i in range(a.shape[0]):
        for j in range(i + 1):
            total = a[i, j]
            for k in range(j):
                total -= lower[i, k] * lower[j, k]
            if i == j:
                lower[i, i] = math.sqrt(total)
            else:
                lower[i, j] = total / lower[j, j]


def inputs(n):
    # Symmetric, and positive definite because its diagonal dominates.
    import numpy as np
    a = np.random.default_rng(23).random((n, n))
    return (a + a.T + 2.0 * n * np.eye(n), np.zeros((n, n)))


def iterations(n):
    return (n - 1) * n * (n + 1) // 6
