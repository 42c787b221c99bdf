"""Exponential smoothing of a list of floats, in place."""
SIZE, SMOKE, HOT = 5_000_000, 20_000, 2_000
NUMPY = False
CHANGES = (0,)
C_RESULT = None


def kernel(values, alpha):
    level = values[0]
    for i in range(1, len(values)):
        level += alpha * (values[i] - level)
        values[i] = level


def inputs(n):
    import random
    rng = random.Random(10)
    return ([rng.random() for _ in range(n)], 0.3)


def iterations(n):
    return n
