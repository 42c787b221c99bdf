"""@jit(fastmath=True). Floats whose sums are exact in any order give the same results, so what raises, warns,
is infinite or NaN, and all that is no float, is compared bit for bit."""

import itertools
import math

import numpy as np
import pytest

from differ import diff


@diff
def test_sums_and_products(jit, out):
    @jit(fastmath=True)
    def sums(a, b):
        total, dot, product, minus, count = 0.0, 0.0, 1.0, 100.0, 0
        for i in range(len(a)):
            total += a[i]
            dot += a[i] * b[i]
            minus -= b[i] + a[i]
            product *= b[i]
            count += i
        return total, dot, product, minus, count
    for n in (0, 1, 7, 31, 32, 33, 64, 100, 2000, 9000):
        for dtype in (np.float64, np.float32):
            a = (np.arange(n) % 16).astype(dtype)
            b = np.where(np.arange(n) % 2, -1, 1).astype(dtype)
            out(sums, a, b)
            out(sums, a[::2], b[::-1][::2])


@diff
def test_a_sum_in_an_item(jit, out):
    @jit(fastmath=True)
    def rows(a, x, c):
        for i in range(a.shape[0]):
            for k in range(a.shape[1]):
                c[i] += a[i, k] * x[k]
    for n in (3, 32, 70, 300):
        a = (np.arange(9.0 * n) % 8).reshape(9, n)
        out(rows, a, np.arange(float(n)), np.zeros(9))
        out(rows, a, a[2], a[:, 1])
        out(rows, np.asfortranarray(a), np.arange(float(n)), np.zeros(9))


@diff
def test_a_running_sum_that_is_stored_has_its_order(jit, out):
    @jit(fastmath=True)
    def cumulative(a, c):
        t = 0.0
        for i in range(len(a)):
            t += a[i]
            c[i] = t
        return t
    for n in (5, 100, 3000):
        out(cumulative, np.arange(float(n)), np.zeros(n))


@diff(filters=("always", "error"))
def test_infinities_and_nans_in_sums(jit, out):
    @jit(fastmath=True)
    def squares(a):
        total = 0.0
        for i in range(len(a)):
            total += a[i] * a[i]
        return total, i

    @jit(fastmath=True)
    def both(a, c):
        for i in range(len(a)):
            x = a[i] * 1e200
            c[i] = (x - a[i]) + a[i]
        return x
    for value in (1e200, math.inf, -math.inf, math.nan, 1e308):
        for at in (3, 40, 700, 1999):
            a = np.arange(2000.0) % 32
            out(squares, a)
            a[at] = value
            out(squares, a)
            out(both, a, np.zeros(2000))
            with np.errstate(over="ignore", invalid="ignore"):
                out(squares, a)
            with np.errstate(all="raise", under="ignore"):
                out(squares, a)
                out(both, a, np.zeros(2000))


@diff(filters=("always", "error"))
def test_an_infinity_that_would_cancel_warns(jit, out):
    """(a * 1e300) * 1e-300 is not made a, even where nobody sees that the product has overflowed."""
    @jit(fastmath=True)
    def scales(a, c, d):
        for i in range(len(a)):
            x = a[i] * 1e300
            c[i] = x
            d[i] = x * 1e-300
        return i

    @jit(fastmath=True)
    def looks(a, d):
        t = 0.0
        for i in range(len(a)):
            x = a[i] * 1e300
            d[i] = x * 1e-300
            if x > 1e305:
                t += 1.0
        return t, x

    @jit(fastmath=True)
    def fails(a, b, d):
        for i in range(len(a)):
            x = a[i] * 1e300
            d[i] = x * 1e-300
            d[i] += b[i]
            x = 0.0
        return x

    @jit(fastmath=True)
    def cancels(a, b, c, d):
        for i in range(len(a)):
            x = a[i] * b[i]
            c[i] = x
            d[i] = (a[i] - x) + x
        return x
    n = 1000
    for at in (None, 5, 500, 999):
        a, b = np.arange(float(n)), np.full(n, 4.0)
        if at is not None:
            a[at], b[at] = 1e200, 1e200
        out(cancels, a, b, np.zeros(n), np.zeros(n))
        a = np.full(n, 2.0**-20)
        if at is not None:
            a[at] = 2.0**40
        out(scales, a * 0.0, np.zeros(n), np.zeros(n))
        out(looks, a * 0.0, np.zeros(n))
        if at is not None:
            a[:at] = a[at + 1:] = 0.0
            out(scales, a, np.zeros(n), np.zeros(n))
            out(looks, a, np.zeros(n))
            for length in (n, at):
                out(fails, a, np.zeros(length), np.zeros(n))


@diff
def test_nan_is_not_itself(jit, out):
    @jit(fastmath=True)
    def count(a):
        nans, zeros, less, total = 0, 0, 0, 0.0
        for i in range(len(a)):
            x = a[i] * 2.0
            if x != x:
                nans += 1
            elif x == 0.0:
                zeros += 1
            elif x < math.inf:
                less += 1
                total += x
            if math.isnan(a[i]) or math.isinf(x):
                nans += 10000
        return nans, zeros, less, total
    a = np.arange(3000.0) % 5
    a[7::50] = math.nan
    a[9::70] = math.inf
    out(count, a)
    out(count, np.arange(3000.0))


@diff
def test_what_raises(jit, out):
    @jit(fastmath=True)
    def divide(n, stop):
        t = 0.0
        for i in range(n):
            t += 0.0 / (stop - i)
        return t

    @jit(fastmath=True)
    def logs(a):
        t = 0.0
        for i in range(len(a)):
            t += math.log(a[i])
        return t

    @jit(fastmath=True)
    def exps(a, c):
        for i in range(len(a)):
            c[i] = math.exp(a[i])
        return i

    @jit(fastmath=True)
    def powers(a, y):
        t = 0.0
        for i in range(len(a)):
            t += float(a[i]) ** y
        return t

    @jit(fastmath=True)
    def roots(a):
        t = 0.0
        for i in range(len(a)):
            t += math.sqrt(a[i])
        return t
    out(divide, 100, 1000)
    out(divide, 1500, 1000)
    out(divide, 1500, 1499)
    for at in (3, 35, 800, 1999):
        for value in (-1.0, 0.0, math.inf, -math.inf, math.nan):
            a = np.ones(2000)
            a[at] = value
            out(logs, a)
            out(roots, a)
            out(powers, a, 0.0)
            out(powers, a, -1.0)
        for value in (1e4, -1e4, math.inf, -math.inf, math.nan):
            a = np.zeros(2000)
            a[at] = value
            out(exps, a, np.zeros(2000))


@diff(filters=("always", "error"))
def test_what_ufuncs_warn_of(jit, out):
    @jit(fastmath=True)
    def logs(a, c):
        for i in range(len(a)):
            c[i] = np.log(a[i])
        return i

    @jit(fastmath=True)
    def exps(a):
        t = 0.0
        for i in range(len(a)):
            t += np.exp(a[i])
        return t

    @jit(fastmath=True)
    def others(a, b):
        t = 0.0
        for i in range(len(a)):
            t += np.sqrt(a[i]) + np.power(b[i], a[i])
        return t

    @jit(fastmath=True)
    def powers(a, b, c):
        for i in range(len(a)):
            c[i] = np.power(a[i], b[i])
        return i
    for x, y in (*itertools.product((0.0, -0.0, 1.0, -1.0, 4.0, math.inf, -math.inf, math.nan),
                                    (0.0, 1.0, -1.0, 0.5, math.inf, -math.inf)),
                 (1e308, math.inf), (-1e308, math.inf), (5e-324, -math.inf)):
        a, b = np.ones(400), np.ones(400)
        a[350], b[350] = x, y
        out(powers, a, b, np.zeros(400))
    for at in (3, 35, 800):
        for value in (-1.0, 0.0, math.inf, -math.inf, math.nan):
            a = np.ones(1000)
            a[at] = value
            out(logs, a, np.zeros(1000))
            out(others, a, np.ones(1000))
            with np.errstate(all="ignore"):
                out(logs, a, np.zeros(1000))
        for value in (1e4, -1e4, math.inf, -math.inf, math.nan):
            a = np.zeros(1000)
            a[at] = value
            out(exps, a)
            with np.errstate(all="ignore"):
                out(exps, a)


@diff
def test_integers_stay_exact(jit, out):
    @jit(fastmath=True)
    def ints(a, n, step):
        t, u, big = 0, 1, 0
        for i in range(n):
            t += a[i % len(a)] * 3
            u = (u * 1103515245 + 12345) % 2147483648
            big += step
        return t, u, big
    out(ints, [1, 2, 3], 50, 5)
    out(ints, [1, 2, 3], 3000, 2**53)
    out(ints, [1, 2, 3], 3000, 2**61)
    out(ints, [2**60, 2**61], 100, 1)


@diff
def test_a_sum_kept_from_iteration_to_iteration_of_an_outer_loop(jit, out):
    @jit(fastmath=True)
    def nest(a, x, c):
        total = 0.0
        for i in range(a.shape[0]):
            y = 0.0
            for k in range(a.shape[1]):
                y += a[i, k] * x[k]
            total += y
            c[i] = y
        return total
    for n in (4, 16, 40, 128, 700):
        a = (np.arange(60.0 * n) % 8).reshape(60, n)
        out(nest, a, np.arange(n) % 4 * 1.0, np.zeros(60))


@diff
def test_signs_of_zeros_where_only_other_flags_are_given(jit, out):
    @jit(fastmath={"reassoc", "contract", "nnan"})
    def zeros(a, c):
        for i in range(len(a)):
            c[i] = a[i] + 0.0
            c[i] = c[i] * -1.0
        return math.copysign(1.0, c[i])
    out(zeros, np.full(500, -0.0), np.zeros(500))


@pytest.mark.parametrize("first", [False, True])
def test_functions_of_one_def_with_and_without(first):
    """Each has its own machine code, whichever was there first; the plain one is exact."""
    import hotloop
    import native
    from differ import MODES, params

    def total(a):
        t = 0.0
        for i in range(len(a)):
            t += a[i] * 0.1
        return t
    a = np.random.default_rng(5).random(5000)
    expected = total(a)
    with params(**MODES["sync"]):
        fast, exact = hotloop.jit(total, fastmath=True), hotloop.jit(total)
        for f in (fast, exact) if first else (exact, fast):
            for _ in range(3):
                result = f(a)
        for _ in range(3):
            assert exact(a) == expected and type(exact(a)) is type(expected)
            result = fast(a)
            assert math.isclose(result, expected, rel_tol=1e-12) and type(result) is type(expected)
        assert native.native_share(fast) > 0.9 and native.native_share(exact) > 0.9
        assert (native.statistics(fast)["fastmath"], native.statistics(exact)["fastmath"]) == (True, False)
        assert "fastmath" in hotloop.inspect_ir(fast)[0]
        assert "fastmath" not in "".join(hotloop.inspect_ir(exact))
        assert len(hotloop.inspect_ir(total)) == 2
