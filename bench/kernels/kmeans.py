"""Five rounds of k-means: n points in 3 dimensions, 8 clusters."""
import math

SIZE, SMOKE, HOT = 9_000, 200, 40
NUMPY = True
CHANGES = (1, 2, 3, 4)
C_RESULT = None


def kernel(points, centres, labels, sums, counts, rounds):
    for _ in range(rounds):
        for c in range(centres.shape[0]):
            counts[c] = 0
            for d in range(centres.shape[1]):
                sums[c, d] = 0.0
        for i in range(points.shape[0]):
            nearest = 0
            least = math.inf
            for c in range(centres.shape[0]):
                distance = 0.0
                for d in range(points.shape[1]):
                    gap = points[i, d] - centres[c, d]
                    distance += gap * gap
                if distance < least:
                    least = distance
                    nearest = c
            labels[i] = nearest
            counts[nearest] += 1
            for d in range(points.shape[1]):
                sums[nearest, d] += points[i, d]
        for c in range(centres.shape[0]):
            if counts[c] > 0:
                for d in range(centres.shape[1]):
                    centres[c, d] = sums[c, d] / counts[c]


def inputs(n):
    import numpy as np
    rng = np.random.default_rng(30)
    points = rng.normal(size=(n, 3)) + 4.0 * rng.integers(0, 2, (n, 3))
    return (points, points[:8].copy(), np.zeros(n, np.int64), np.zeros((8, 3)),
            np.zeros(8, np.int64), 5)


def iterations(n):
    return 5 * n * 8 * 3
