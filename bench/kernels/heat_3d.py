"""Two steps of the heat equation on an n x n x n float64 grid: the 7-point stencil."""
SIZE, SMOKE, HOT = 60, 16, 12
NUMPY = True
CHANGES = (0, 1)
C_RESULT = None


def kernel(now, then, rate, steps):
    depth, rows, columns = now.shape
    for _ in range(steps):
        for i in range(1, depth - 1):
            for j in range(1, rows - 1):
                for k in range(1, columns - 1):
                    around = (now[i - 1, j, k] + now[i + 1, j, k] + now[i, j - 1, k]
                              + now[i, j + 1, k] + now[i, j, k - 1] + now[i, j, k + 1])
                    then[i, j, k] = now[i, j, k] + rate * (around - 6.0 * now[i, j, k])
        now, then = then, now


def inputs(n):
    import numpy as np
    now = np.random.default_rng(26).random((n, n, n))
    return (now, now.copy(), 0.1, 2)


def iterations(n):
    return 2 * (n - 2) ** 3
