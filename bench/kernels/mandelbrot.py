"""How long points stay in the Mandelbrot set's circle, on complex numbers."""
SIZE, SMOKE, HOT = 12_000, 200, 8
NUMPY = False
CHANGES = ()
C_RESULT = "int64_t"


def kernel(points, limit):
    total = 0
    for c in points:
        z = 0j
        for _ in range(limit):
            z = z * z + c
            if abs(z) > 2.0:
                break
            total += 1
    return total


def inputs(n):
    import random
    rng = random.Random(11)
    return ([complex(rng.uniform(-2.0, 0.5), rng.uniform(-1.0, 1.0)) for _ in range(n)], 1000)


def iterations(n):
    return kernel(*inputs(n))
