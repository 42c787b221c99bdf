"""Fast Fourier transform of n complex128 numbers in place, radix 2, n a power of two."""
import math

SIZE, SMOKE, HOT = 2**17, 2**10, 2**8
NUMPY = True
CHANGES = (0,)
C_RESULT = None


def kernel(x):
    n = len(x)
    j = 0
    for i in range(1, n):  # the bits of i in reverse are j
        bit = n >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j |= bit
        if i < j:
            x[i], x[j] = x[j], x[i]
    half = 1
    while half < n:
        angle = -math.pi / half
        turn = complex(math.cos(angle), math.sin(angle))
        for start in range(0, n, 2 * half):
            w = 1.0 + 0.0j
            for k in range(start, start + half):
                even = x[k]
                odd = w * x[k + half]
                x[k] = even + odd
                x[k + half] = even - odd
                w *= turn
        half *= 2


def inputs(n):
    import numpy as np
    rng = np.random.default_rng(33)
    return (rng.normal(size=n) + 1j * rng.normal(size=n),)


def iterations(n):
    return n // 2 * (n.bit_length() - 1)
