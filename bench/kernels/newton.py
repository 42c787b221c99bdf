"""Sum of the square roots of 1 to n, each by Newton's iteration."""
SIZE, SMOKE, HOT = 300_000, 2_000, 200
NUMPY = False
CHANGES = ()
C_RESULT = "double"


def kernel(n):
    total = 0.0
    for a in range(1, n + 1):
        x = 0.5 * (1.0 + a)
        while abs(x * x - a) > 1e-9 * a:
            x = 0.5 * (x + a / x)
        total += x
    return total


def inputs(n):
    return (n,)


def iterations(n):
    steps = 0
    for a in range(1, n + 1):
        x = 0.5 * (1.0 + a)
        while abs(x * x - a) > 1e-9 * a:
            x = 0.5 * (x + a / x)
            steps += 1
    return steps
