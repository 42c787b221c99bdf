"""The most valuable load of a knapsack from 100 things, by the int64 table of all capacities up to n."""
SIZE, SMOKE, HOT = 12_000, 200, 20
NUMPY = True
CHANGES = (2,)
C_RESULT = "int64_t"


def kernel(weights, values, best):
    things = len(weights)
    capacity = best.shape[1] - 1
    for i in range(1, things + 1):
        weight = weights[i - 1]
        for c in range(capacity + 1):
            best[i, c] = best[i - 1, c]
            if weight <= c:
                load = best[i - 1, c - weight] + values[i - 1]
                if load > best[i, c]:
                    best[i, c] = load
    return best[things, capacity]


def inputs(n):
    import numpy as np
    rng = np.random.default_rng(29)
    return (rng.integers(1, max(2, n // 4), 100), rng.integers(1, 1000, 100),
            np.zeros((101, n + 1), np.int64))


def iterations(n):
    return 100 * (n + 1)
