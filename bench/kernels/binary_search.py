"""How many of n queries are in a sorted int64 array, by binary search."""
SIZE, SMOKE, HOT = 200_000, 1_000, 200
NUMPY = True
CHANGES = ()
C_RESULT = "int64_t"


def kernel(values, queries):
    found = 0
    for query in queries:
        low = 0
        high = len(values)
        while low < high:
            middle = (low + high) // 2
            if values[middle] < query:
                low = middle + 1
            else:
                high = middle
        if low < len(values) and values[low] == query:
            found += 1
    return found


def inputs(n):
    import numpy as np
    rng = np.random.default_rng(8)
    return (np.sort(rng.integers(0, 2**17, 2**16 - 1)), rng.integers(0, 2**17, n))


def iterations(n):
    return 16 * n  # 2**16 - 1 items are halved exactly so often
