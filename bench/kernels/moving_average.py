"""Moving average over a list of floats: a running sum, the averages appended to a list."""
SIZE, SMOKE, HOT = 3_000_000, 20_000, 2_000
NUMPY = False
CHANGES = ()
C_RESULT = "list"


def kernel(values, width):
    averages = []
    total = 0.0
    for i, x in enumerate(values):
        total += x
        if i >= width:
            total -= values[i - width]
        if i >= width - 1:
            averages.append(total / width)
    return averages


def inputs(n):
    import random
    rng = random.Random(9)
    return ([rng.random() for _ in range(n)], 24)


def iterations(n):
    return n
