"""Histogram of a float64 array, counted into an int64 array."""
SIZE, SMOKE, HOT = 1_000_000, 20_000, 2_000
NUMPY = True
CHANGES = (3,)
C_RESULT = None


def kernel(data, low, high, counts):
    scale = len(counts) / (high - low)
    for x in data:
        if low <= x < high:
            counts[int((x - low) * scale)] += 1


def inputs(n):
    import numpy as np
    return (np.random.default_rng(5).normal(size=n), -2.0, 2.0, np.zeros(64, np.int64))


def iterations(n):
    return n
