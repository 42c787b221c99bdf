"""n steps of the logistic map."""
SIZE, SMOKE, HOT = 15_000_000, 20_000, 2_000
NUMPY = False
CHANGES = ()
C_RESULT = "double"


def kernel(r, x, n):
    for _ in range(n):
        x = r * x * (1.0 - x)
    return x


def inputs(n):
    return (3.7, 0.4, n)


def iterations(n):
    return n
