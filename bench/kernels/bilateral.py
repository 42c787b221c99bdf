"""Bilateral filter of an n x n float64 image, 5 x 5 pixels around each: smooths, but keeps edges."""
import math

SIZE, SMOKE, HOT = 190, 28, 14
NUMPY = True
CHANGES = (1,)
C_RESULT = None


def kernel(image, out, radius, near, alike):
    rows, columns = image.shape
    for i in range(radius, rows - radius):
        for j in range(radius, columns - radius):
            centre = image[i, j]
            total = 0.0
            weights = 0.0
            for di in range(-radius, radius + 1):
                for dj in range(-radius, radius + 1):
                    pixel = image[i + di, j + dj]
                    gap = pixel - centre
                    weight = math.exp(-(di * di + dj * dj) / near - gap * gap / alike)
                    total += weight * pixel
                    weights += weight
            out[i, j] = total / weights


def inputs(n):
    import numpy as np
    image = np.random.default_rng(32).normal(0.0, 0.1, (n, n))
    image[n // 2:] += 1.0
    return (image, image.copy(), 2, 4.5, 0.08)


def iterations(n):
    return 25 * (n - 4) ** 2
