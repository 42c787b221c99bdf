"""How often a walk of n steps comes to each cell of a grid without borders; a linear congruential
generator chooses the direction."""
SIZE, SMOKE, HOT = 1_500_000, 20_000, 2_000
NUMPY = True
CHANGES = (0,)
C_RESULT = None


def kernel(visits, seed, steps):
    rows, columns = visits.shape
    i = rows // 2
    j = columns // 2
    for _ in range(steps):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        direction = seed >> 29
        if direction == 0:
            i = (i + 1) % rows
        elif direction == 1:
            i = (i - 1) % rows
        elif direction == 2:
            j = (j + 1) % columns
        else:
            j = (j - 1) % columns
        visits[i, j] += 1


def inputs(n):
    import numpy as np
    return (np.zeros((200, 300), np.int64), 42, n)


def iterations(n):
    return n
