"""Edit distance of two texts of n bytes, by the int32 table of those of all their beginnings."""
SIZE, SMOKE, HOT = 800, 140, 48
NUMPY = True
CHANGES = (2,)
C_RESULT = "int64_t"


def kernel(a, b, table):
    for i in range(len(a) + 1):
        table[i, 0] = i
    for j in range(len(b) + 1):
        table[0, j] = j
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            cost = 0 if a[i - 1] == b[j - 1] else 1
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + cost)
    return table[len(a), len(b)]


def inputs(n):
    import random

    import numpy as np
    rng = random.Random(28)
    a, b = (bytes(rng.choices(b"acgt", k=n)) for _ in range(2))
    return (a, b, np.zeros((n + 1, n + 1), np.int32))


def iterations(n):
    return n * n
