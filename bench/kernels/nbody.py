"""Ten steps of n bodies under gravity, their positions and velocities in n x 3 arrays."""
import math

SIZE, SMOKE, HOT = 180, 20, 16
NUMPY = True
CHANGES = (0, 1)
C_RESULT = None


def kernel(positions, velocities, masses, dt, steps):
    n = len(masses)
    for _ in range(steps):
        for i in range(n):
            for j in range(i + 1, n):
                dx = positions[i, 0] - positions[j, 0]
                dy = positions[i, 1] - positions[j, 1]
                dz = positions[i, 2] - positions[j, 2]
                square = dx * dx + dy * dy + dz * dz
                pull = dt / (square * math.sqrt(square))
                velocities[i, 0] -= dx * masses[j] * pull
                velocities[i, 1] -= dy * masses[j] * pull
                velocities[i, 2] -= dz * masses[j] * pull
                velocities[j, 0] += dx * masses[i] * pull
                velocities[j, 1] += dy * masses[i] * pull
                velocities[j, 2] += dz * masses[i] * pull
        for i in range(n):
            for k in range(3):
                positions[i, k] += dt * velocities[i, k]


def inputs(n):
    import numpy as np
    rng = np.random.default_rng(31)
    return (rng.normal(size=(n, 3)), np.zeros((n, 3)), rng.uniform(0.1, 1.0, n), 0.001, 10)


def iterations(n):
    return 10 * n * (n - 1) // 2
