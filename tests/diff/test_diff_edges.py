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
            for n in (50, 51, 52, 53, 100):  # the last product is what is seen
                out(h, edge - 50, 1, n)
                out(h, edge + 50, -1, n)


@diff
def test_float_to_int_at_the_edges(jit, out):
    """The doubles next to 2**63 are 1024 and 2048 away."""
    @jit
    def f(x, step, n):
        k = 0
        for i in range(n):
            k = int(x)
            x += step
        return x, k
    for n in (40, 49, 50, 51, 52, 60):
        out(f, 2.0**63 - 1024.0 * 50, 1024.0, n)
        out(f, -2.0**63 + 1024.0 * 50, -1024.0, n)
        out(f, -2.0**63 + 2048.0 * 50, -2048.0, n)


@diff
def test_shift_counts_at_the_edges(jit, out):
    """A count that the processor would take modulo 64, after many that it need not."""
    @jit
    def left(a, counts, n):
        x = 0
        for i in range(n):
            x = a << int(counts[i])
        return x

    @jit
    def right(a, counts, n):
        x = 0
        for i in range(n):
            x = a >> int(counts[i])
        return x
    for count in (64, 65, 128, -1, -64, 66, 61, 62, 63):  # the loop is given up after some
        counts = np.full(60, 3)
        counts[40:] = count
        for a in (1, -1, 5, 0):
            out(left, a, counts, 60)
            out(right, a, counts, 60)


@diff
def test_min_max_of_two_types(jit, out):
    """The one that is chosen has its own type; the other one is chosen late."""
    @jit
    def least(a, x, n):
        m = None
        for i in range(n):
            m = min(x, a[i])
        return m

    @jit
    def most(a, x, n):
        m = None
        for i in range(n):
            m = max(a[i], x)
        return m
    a = np.arange(80.0)
    for n in (60, 61):  # compiled while the first operand is chosen
        out(least, a + 100, 40.5, n)
        out(most, a + 100, 40.5, n)
    falling = a[::-1].copy()
    for n in (39, 40, 80):  # the same code, until it leaves because the second one is chosen
        out(least, falling, 40.5, n)
        out(most, falling, 40.5, n)
    for n in (30, 41, 42, 80):
        for x in (40.5, 41):
            out(least, a, x, n)
            out(most, a, x, n)
        out(least, a.astype(np.int64), 40, n)
        out(most, a.astype(np.int64), 40, n)


@diff
def test_ranges_with_steps(jit, out):
    """How many values there are, for every remainder."""
    @jit
    def f(n, m, step):
        s = 0
        for i in range(n):
            for j in range(i % 4, m, 3):
                s = s * 31 + j & 0xFFFFFFF
            for j in range(m, i % 3, -4):
                s = s * 31 + j & 0xFFFFFFF
            for j in range(0, m + i % 5, step):
                s = s * 31 + j & 0xFFFFFFF
        return s
    for m in range(-2, 14):
        out(f, 40, m, 2)
    for step in (1, 2, 3, 5, 100, -1, -3):
        out(f, 40, 12, step)


@diff
def test_read_only_array_first_stored_into_late(jit, out):
    """The machine code is entered before the store that has to raise."""
    @jit
    def f(a, n):
        s = 0.0
        for i in range(n):
            s += a[i]
            if i > 40:
                a[i] = s
        return s
    a, b = np.arange(80.0), np.arange(80.0)
    b.flags.writeable = False
    for x in (a, a, a, b, a):
        out(f, x, 80)
