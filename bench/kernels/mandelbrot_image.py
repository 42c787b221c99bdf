"""The Mandelbrot set as an image of n x n pixels: how many steps each point stays in the circle."""
SIZE, SMOKE, HOT = 230, 20, 12
NUMPY = True
CHANGES = (0,)
C_RESULT = None


def kernel(image, left, top, size, limit):
    rows, columns = image.shape
    for i in range(rows):
        for j in range(columns):
            x = left + size * j / columns
            y = top - size * i / rows
            re = 0.0
            im = 0.0
            steps = 0
            while steps < limit and re * re + im * im <= 4.0:
                re, im = re * re - im * im + x, 2.0 * re * im + y
                steps += 1
            image[i, j] = steps


def inputs(n):
    import numpy as np
    return (np.zeros((n, n), np.uint8), -2.0, 1.25, 2.5, 255)


def iterations(n):
    image, *rest = inputs(n)
    kernel(image, *rest)
    return int(image.sum())
