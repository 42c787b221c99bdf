"""The edges of what machine code checks: the last value that is in, the first that is out."""

import numpy as np

from differ import diff


@diff
def test_index_known_not_to_be_negative(jit, out):
    """Nothing but the upper bound is to be checked."""
    @jit
    def inner(a, n, m):
        s = 0.0
        for i in range(n):
            for j in range(m):
                s += a[j]
            a[m - 1] = s * 0.5
        return s

    @jit
    def wrapped(a, n, m):
        s = 0
        for i in range(n):
            s = (s * 7 + int(a[i % m])) & 0xFFFF
            a[s & 15] = s
        return s
    for m in (5, 11, 12, 13, 400):
        out(inner, np.arange(12) * 0.5, 60, m)
        out(wrapped, np.arange(16), 60, m)
        out(wrapped, np.arange(15), 60, 7)


@diff
def test_products_at_the_edges(jit, out):
    """Around the largest and smallest factor whose product fits."""
    @jit
    def f(x, step, n):
        p = 0
        for i in range(n):
            p = x * 3
            x += step
        return x, p

    @jit
    def g(x, step, n):
        p = 0
        for i in range(n):
            p = 7 * x
            x += step
        return x, p
    for h, k in ((f, 3), (g, 7)):
        for edge in ((2**63 - 1) // k, -(2**63 // k)):
            out(h, edge - 50, 1, 100)
            out(h, edge + 50, -1, 100)
