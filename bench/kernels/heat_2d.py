"""Four steps of the heat equation on an n x n float64 grid: the 5-point stencil."""
SIZE, SMOKE, HOT = 350, 40, 24
NUMPY = True
CHANGES = (0, 1)
C_RESULT = None


def kernel(now, then, rate, steps):
    rows, columns = now.shape
    for _ in range(steps):
        for i in range(1, rows - 1):
            for j in range(1, columns - 1):
                then[i, j] = now[i, j] + rate * (now[i - 1, j] + now[i + 1, j] + now[i, j - 1]
                                                 + now[i, j + 1] - 4.0 * now[i, j])
        now, then = then, now


def inputs(n):
    import numpy as np
    now = np.random.default_rng(25).random((n, n))
    return (now, now.copy(), 0.2, 4)


def iterations(n):
    return 4 * (n - 2) ** 2
