"""Sum of a float64 array, in order."""
SIZE, SMOKE, HOT = 5_000_000, 20_000, 2_000
NUMPY = True
CHANGES = ()
C_RESULT = "double"


def kernel(arr):
    total = 0.0
    for i in range(len(arr)):
        total += arr[i]
    return total


def inputs(n):
    import numpy as np
    return (np.random.default_rng(2).random(n),)


def iterations(n):
    return n
