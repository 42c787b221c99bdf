"""Sum of squares of a float64 array. A million items, the size that its target names: CPython needs
less for them than for the other kernels."""
SIZE, SMOKE, HOT = 1_000_000, 20_000, 2_000
NUMPY = True
CHANGES = ()
C_RESULT = "double"


def kernel(arr):
    total = 0
    for i in range(arr.size):
        total += arr[i] ** 2
    return total


def inputs(n):
    # Values of 24 bits: their squares are exact, so that libm's pow (what CPython's ** calls) and
    # x * x (what everybody else computes) agree and results can be compared bit for bit.
    import numpy as np
    return (np.random.default_rng(1).integers(0, 2**24, n) / 2.0**24,)


def iterations(n):
    return n
