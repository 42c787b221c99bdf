"""A sparse n x n matrix in compressed rows times a float64 vector; int32 indexes, as SciPy has."""
SIZE, SMOKE, HOT = 150_000, 2_000, 150
NUMPY = True
CHANGES = (4,)
C_RESULT = None


def kernel(data, indices, starts, x, y):
    for i in range(len(y)):
        total = 0.0
        for k in range(starts[i], starts[i + 1]):
            total += data[k] * x[indices[k]]
        y[i] = total


def inputs(n):
    import numpy as np
    rng = np.random.default_rng(35)
    starts = np.zeros(n + 1, np.int32)
    starts[1:] = rng.integers(5, 16, n).cumsum()
    stored = starts[-1]
    return (rng.random(stored), rng.integers(0, n, stored, np.int32), starts, rng.random(n),
            np.zeros(n))


def iterations(n):
    return int(inputs(n)[2][-1])
