"""The Laplace equation on an n x n float64 grid with a hot edge, by Gauss and Seidel, until no value
changes by more than the tolerance."""
SIZE, SMOKE, HOT = 60, 14, 12
NUMPY = True
CHANGES = (0,)
C_RESULT = "int64_t"


def kernel(u, tolerance):
    rows, columns = u.shape
    sweeps = 0
    change = tolerance
    while change >= tolerance:
        change = 0.0
        for i in range(1, rows - 1):
            for j in range(1, columns - 1):
                value = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1])
                difference = abs(value - u[i, j])
                if difference > change:
                    change = difference
                u[i, j] = value
        sweeps += 1
    return sweeps


def inputs(n):
    import numpy as np
    u = np.zeros((n, n))
    u[0] = 100.0
    return (u, 0.05)


def iterations(n):
    return kernel(*inputs(n)) * (n - 2) ** 2
