"""A polynomial of degree 15 at n points, by Horner's rule."""
SIZE, SMOKE, HOT = 300_000, 2_000, 150
NUMPY = True
CHANGES = (2,)
C_RESULT = None


def kernel(coeffs, xs, out):
    for i in range(len(xs)):
        x = xs[i]
        y = 0.0
        for k in range(len(coeffs)):
            y = y * x + coeffs[k]
        out[i] = y


def inputs(n):
    import numpy as np
    rng = np.random.default_rng(4)
    return (rng.random(16), rng.random(n), np.zeros(n))


def iterations(n):
    return 16 * n
