"""Three generations of Conway's game of life on an n x n uint8 grid, whose border stays dead."""
SIZE, SMOKE, HOT = 380, 40, 28
NUMPY = True
CHANGES = (0, 1)
C_RESULT = None


def kernel(now, then, generations):
    rows, columns = now.shape
    for _ in range(generations):
        for i in range(1, rows - 1):
            for j in range(1, columns - 1):
                around = (now[i - 1, j - 1] + now[i - 1, j] + now[i - 1, j + 1]
                          + now[i, j - 1] + now[i, j + 1]
                          + now[i + 1, j - 1] + now[i + 1, j] + now[i + 1, j + 1])
                if around == 3 or (around == 2 and now[i, j] == 1):
                    then[i, j] = 1
                else:
                    then[i, j] = 0
        now, then = then, now


def inputs(n):
    import numpy as np
    now = np.zeros((n, n), np.uint8)
    now[1:-1, 1:-1] = np.random.default_rng(27).random((n - 2, n - 2)) < 0.3
    return (now, np.zeros((n, n), np.uint8), 3)


def iterations(n):
    return 3 * (n - 2) ** 2
