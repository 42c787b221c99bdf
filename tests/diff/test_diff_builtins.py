"""Builtins that are several operations: divmod, round, pow, `in`."""

import math

import numpy as np

from differ import diff


@diff
def test_divmod(jit, out):
    @jit
    def f(a, b, n):
        s = []
        q = r = None
        for i in range(n):
            q, r = divmod(a + i, b)
            s.append(q)
            s.append(r)
        return s

    @jit
    def falling(n):
        s = 0
        for i in range(n, -3, -1):
            q, r = divmod(1000, i)
            s += q + r
        return s

    @jit
    def caught(n):
        bad = 0
        for i in range(n):
            try:
                q, r = divmod(1000.0, i % 7)
            except ZeroDivisionError as e:
                bad += len(str(e))
        return bad, q, r

    @jit
    def kept(n):
        for i in range(n):
            pair = divmod(i, 7)
        return pair
    for a, b in ((0, 7), (-150, 7), (0, -7), (-150, -7), (0.0, 7), (-75.5, 2.5), (-75.5, -2.5), (5, 0.3),
                 (2**63 - 200, 3), (-2**63, 5), (True, 3), (0, True), (0, -1), (1e300, 7), (0, math.inf),
                 (math.nan, 2), (2**70, 3), (np.float64(1.5), 0.5), (np.int64(-5), 3)):
        out(f, a, b, 300)
    out(falling, 300)
    out(caught, 300)
    out(kept, 300)


@diff
def test_round(jit, out):
    @jit
    def f(start, step, n):
        found = []
        for i in range(n):
            found.append(round(start + i * step))
        return found

    @jit
    def digits(n):
        s = 0.0
        for i in range(n):
            s += round(i * 0.3, 1)
        return s

    @jit
    def falls(xs):
        s = 0
        for x in xs:
            s += round(x)
        return s
    for start, step in ((0.5, 1.0), (-50.5, 1.0), (-3.0, 0.25), (0.49999999999999994, 0.0), (-0.5, 0.0),
                        (-1e-20, 0.0), (2**52 + 0.5, 1.0), (4503599627370495.5, 1.0), (1e17, 3e14), (0, 1),
                        (1e300, 0.0), (-0.0, 0.0), (True, 1)):
        out(f, start, step, 200)
    out(digits, 200)
    for bad in (math.nan, math.inf, 1e30, None, 3):
        out(falls, [0.5] * 200 + [bad] + [1.5] * 5)


@diff
def test_in(jit, out):
    @jit
    def f(xs):
        k = 0
        for x in xs:
            if x in (1, 2.5, True, -7):
                k += 1
            if x not in (0.5, 3):
                k += 10
        return k

    @jit
    def other(xs, where):
        k = 0
        for x in xs:
            k += x in where
        return k
    out(f, [i % 5 for i in range(300)])
    out(f, [i % 5 * 0.5 for i in range(300)])
    out(f, [i % 5 * 0.5 if i % 3 else i % 5 for i in range(300)])
    out(f, [1] * 200 + [2**53 + 1, "a", None, math.nan, 2**80])
    out(f, [np.float64(i % 5) for i in range(300)])
    out(other, [1, 2] * 200, (1, 2))
    out(other, [1, 2] * 200, {1: 2})
    out(other, [1, 2] * 200, 5)


@diff
def test_pow_with_a_modulus(jit, out):
    @jit
    def f(a, b, m, n):
        s = []
        for i in range(n):
            s.append(pow(a + i, b, m))
        return s

    @jit
    def by_exponent(a, b, m, n):
        s = 0
        for i in range(n):
            s ^= pow(a, b - i, m)
        return s

    @jit
    def by_modulus(a, b, m, n):
        s = 0
        for i in range(n):
            s ^= pow(a, b, m - i)
        return s

    @jit
    def fermat(numbers):
        found = []
        for p in numbers:
            if pow(2, p - 1, p) == 1 and pow(3, p - 1, p) == 1:
                found.append(p)
        return found
    edges = (0, 1, -1, 2, -7, 2**31, 2**32, 2**32 + 1, -2**40, 2**62, 2**63 - 1, -2**63)
    for m in edges:
        for a in edges:
            out(f, a, 13, m, 5)
            out(f, a, 2**62, m, 5)
            out(f, a, 0, m, 5)
    out(f, 2**63 - 100, 3, 10**9 + 7, 200)  # a Python int of any size afterwards
    out(f, 5, 3, 2**70, 200)
    out(f, True, 3, False, 200)
    out(f, 5, 3, None, 200)
    out(f, 5.0, 3, 7, 200)
    out(f, np.int64(5), 3, 7, 200)
    for m in (10**9 + 7, 12, -35):  # inverses, and numbers that have none
        out(by_exponent, 5, 250, m, 300)
        out(by_exponent, 6, 250, m, 300)
    out(by_modulus, 12345, 678, 250, 300)  # to 0
    out(fermat, range(5, 400))
    out(fermat, range(10**12 + 1, 10**12 + 400, 2))


@diff
def test_pow_is_the_operator(jit, out):
    @jit
    def f(values, e):
        s = []
        for x in values:
            s.append(pow(x, e))
        return s
    values = [0.5 + i / 7 for i in range(300)]
    for e in (0, 1, 3, -1, 0.5, -2.5, True, 1j):
        out(f, values, e)
        out(f, [*range(1, 300), 0], e)
        out(f, [np.float64(x) for x in values], e)
    out(f, [-1.5] * 300, 0.5)
    out(f, [0.0] * 3 + values, -1)
    out(f, ["a"], 2)
