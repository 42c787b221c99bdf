"""n grains fall onto the middle of an int64 grid; cells with 4 or more topple until all are stable.
Returns how often."""
SIZE, SMOKE, HOT = 2_200, 160, 120
NUMPY = True
CHANGES = (0,)
C_RESULT = "int64_t"


def kernel(grid):
    rows, columns = grid.shape
    topplings = 0
    stable = False
    while not stable:
        stable = True
        for i in range(1, rows - 1):
            for j in range(1, columns - 1):
                if grid[i, j] >= 4:
                    grid[i, j] -= 4
                    grid[i - 1, j] += 1
                    grid[i + 1, j] += 1
                    grid[i, j - 1] += 1
                    grid[i, j + 1] += 1
                    topplings += 1
                    stable = False
    return topplings


def inputs(n):
    import numpy as np
    half = 2 + int(n ** 0.5 / 2)
    grid = np.zeros((2 * half + 1, 2 * half + 1), np.int64)
    grid[half, half] = n
    return (grid,)


def iterations(n):
    """Cells looked at: all of them, in each sweep."""
    grid, = inputs(n)
    sweeps = 0
    stable = False
    inner = (grid.shape[0] - 2) ** 2
    rows = grid.tolist()
    while not stable:
        stable = True
        for i in range(1, len(rows) - 1):
            for j in range(1, len(rows) - 1):
                if rows[i][j] >= 4:
                    rows[i][j] -= 4
                    rows[i - 1][j] += 1
                    rows[i + 1][j] += 1
                    rows[i][j - 1] += 1
                    rows[i][j + 1] += 1
                    stable = False
        sweeps += 1
    return sweeps * inner
