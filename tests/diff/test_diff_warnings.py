"""NumPy's floating-point warnings: each at its iteration and line, under every error state and filter."""

import numpy as np

from differ import diff

INF, NAN = float("inf"), float("nan")
FILTERS = ("always", "error", "default")


@diff(filters=FILTERS)
def test_float_overflow(jit, out):
    @jit
    def f(a, k):
        s = 0.0
        for i in range(a.size):
            s = a[i] * k
        return s
    a = np.full(400, 2.0)
    out(f, a, 1e10)
    a[300] = 1e300
    a[350] = -1e300
    out(f, a, 1e10)
    out(f, a, 1e10)


@diff(filters=FILTERS)
def test_invalid(jit, out):
    @jit
    def f(a, b):
        s = 0.0
        for i in range(a.size):
            s = a[i] - b[i]
        return s
    a, b = np.ones(400), np.zeros(400)
    out(f, a, b)
    a[300] = b[300] = INF
    a[310] = NAN
    b[320] = -INF
    out(f, a, b)
    out(f, a, b)


@diff(filters=FILTERS)
def test_one_expression_of_several_operations(jit, out):
    """Each operation that is not finite warns itself, in the order of evaluation; `if` keeps strips away."""
    @jit
    def f(a, b, c):
        seen = 0
        s = a[0]
        for i in range(a.size):
            s = a[i] * b[i] * 0.5 + c[i]
            if s > 2.5:
                seen += 1
                a[0] = c[i]
        return s, seen

    def operands():
        return np.linspace(0.5, 2.0, 400), np.full(400, 3.0), np.linspace(-1.0, 1.0, 400)
    out(f, *operands())
    for at, (x, y, z) in enumerate(((1e300, 1e300, 1.0), (1e300, 1e300, -INF), (INF, 0.0, 1.0),
                                    (INF, 2.0, -INF), (INF, 2.0, 1.0), (NAN, 1e300, INF),
                                    (1.0, 2.0, NAN), (-1e300, 1e300, INF), (1.5e308, 1.9, 1.7e308))):
        a, b, c = operands()
        for array, number in ((a, x), (b, y), (c, z)):
            array[200 + at] = array[300] = number
        out(f, a, b, c)


@diff(filters=FILTERS)
def test_float_division_by_zero(jit, out):
    @jit
    def f(a, b):
        for i in range(a.size):
            a[i] = a[i] / b[i]
        return a

    @jit
    def mod(a, b):
        for i in range(a.size):
            a[i] = a[i] % b[i] + a[i] // b[i]
        return a
    for g in (f, mod):
        b = np.arange(400.0) + 1
        out(g, np.ones(400), b)
        b[300] = 0.0
        b[320] = -0.0
        out(g, np.ones(400), b)
        out(g, np.zeros(400), b)
        a = np.ones(400)
        a[300] = NAN
        out(g, a, b)


@diff(filters=FILTERS)
def test_int_overflow(jit, out):
    @jit
    def add(a, k):
        s = a[0]
        for i in range(a.size):
            s = a[i] + k
        return s

    @jit
    def mul(a, k):
        s = a[0]
        for i in range(a.size):
            s = a[i] * k
        return s

    @jit
    def neg(a, k):
        s = a[0]
        for i in range(a.size):
            s = -a[i] - k
        return s

    @jit
    def absolute(a, k):
        s = a[0]
        for i in range(a.size):
            s = abs(a[i])
        return s
    for g in (add, mul, neg, absolute):
        a = np.arange(400)
        out(g, a, np.int64(3))
        a[300] = 2**63 - 1
        a[350] = -2**63
        out(g, a, np.int64(3))
        out(g, a, 3)
        out(g, a, -2**62)


@diff(filters=FILTERS)
def test_int_division_by_zero(jit, out):
    @jit
    def f(a, b):
        for i in range(a.size):
            a[i] = a[i] // b[i]
        return a

    @jit
    def mod(a, b):
        for i in range(a.size):
            a[i] = a[i] % b[i]
        return a

    @jit
    def true(a, b):
        s = 0.0
        for i in range(a.size):
            s += a[i] / b[i]
        return s
    for g in (f, mod, true):
        b = np.arange(400) + 1
        out(g, np.arange(400), b)
        b[300] = 0
        out(g, np.arange(400), b)
        out(g, np.arange(400), b)
        a = np.arange(400)
        b = np.full(400, -1)
        a[200] = -2**63
        out(g, a, b)


@diff(filters=FILTERS)
def test_int_power_and_shift(jit, out):
    @jit
    def power(a, k):
        s = 0
        for i in range(a.size):
            s = a[i] ** k
        return s

    @jit
    def left(a, k):
        s = 0
        for i in range(a.size):
            s = a[i] << k
        return s

    @jit
    def right(a, k):
        s = 0
        for i in range(a.size):
            s = a[i] >> k
        return s
    a = np.arange(300) - 150
    for k in (0, 1, 2, 3, 10, 63, np.int64(3), np.int64(40), -1, np.int64(-1)):
        out(power, a, k)
    for g in (left, right):
        for k in (0, 1, 5, 62, 63, 64, 100, np.int64(3), np.int64(64), -1):
            out(g, a, k)


@diff(filters=("always", "error"))
def test_float_power(jit, out):
    @jit
    def power(a, k):
        s = 0.0
        for i in range(a.size):
            s = a[i] ** k
        return s
    a = np.arange(300) * 0.5 - 10.0
    for k in (3, 0.5, -1, -2.0, 3.0, 0, np.float64(2.5), np.int64(3), 400):
        out(power, a[30:], k)
        out(power, a, k)


@diff
def test_under_each_errstate(jit, out):
    @jit
    def f(a, b):
        s = 0.0
        for i in range(a.size):
            s = a[i] / b[i]
            s = s * 1e300
        return s
    a, b = np.full(300, 2.0), np.full(300, 3.0)
    bad = b.copy()
    bad[200] = 0.0
    big = a.copy()
    big[250] = 1e20
    out(f, a, b)
    for how in ("ignore", "warn", "raise", "print"):
        with np.errstate(all=how):
            out(f, a, bad)
            out(f, big, b)
            out(f, a * 0, bad)
    with np.errstate(all="call", call=lambda kind, flag: out.note(kind, flag)):
        out(f, a, bad)
        out(f, big, b)

    class Writer:
        def write(self, text):
            out.note(text)
    with np.errstate(all="log", call=Writer()):
        out(f, a, bad)
    with np.errstate(divide="raise", over="ignore"):
        out(f, a, bad)
        out(f, big, b)


@diff(native=False)
def test_errstate_changed_in_mid_loop(jit, out):
    def change(i):
        if i == 150:
            np.seterr(divide="raise")
        return i

    @jit
    def f(a, b):
        s = 0.0
        for i in range(a.size):
            s = a[change(i)] / b[i]
        return s
    a, b = np.full(300, 2.0), np.full(300, 3.0)
    with np.errstate(divide="warn"):
        out(f, a[:100], b)
        b[140] = b[160] = 0.0
        out(f, a, b)
    with np.errstate(divide="warn"):
        out(f, a, b)


@diff
def test_underflow_states(jit, out):
    @jit
    def f(a, k):
        s = 0.0
        for i in range(a.size):
            s = a[i] * k
        return s
    a = np.full(300, 1e-200)
    out(f, a, 1e-100)
    out(f, a, 1e-200)
    for how in ("warn", "raise", "ignore"):
        with np.errstate(under=how):
            out(f, a, 1e-200)
            out(f, a, 1e-115)


@diff(filters=("always", "error"))
def test_warning_comes_before_the_side_effect(jit, out):
    @jit
    def f(a, b, log):
        for i in range(a.size):
            log[i] = i + 1
            b[i] = a[i] * 1e200
            log[i] = -1
        return b
    a = np.ones(400)
    out(f, a, np.zeros(400), np.zeros(400, np.int64))
    a[333] = 1e200
    a[366] = 1e200
    out(f, a, np.zeros(400), np.zeros(400, np.int64))
    out(f, a, np.zeros(400), np.zeros(400, np.int64))


@diff(filters=("always", "error"))
def test_warning_caught_in_the_loop(jit, out):
    @jit
    def f(a):
        s = caught = 0
        for i in range(a.size):
            try:
                s += a[i] / a[0]
            except RuntimeWarning as w:
                caught += len(str(w))
        return s, caught
    a = np.ones(300)
    out(f, a)
    a[0] = 0.0
    out(f, a)


@diff(native=False)
def test_many_warnings_in_a_row(jit, out):
    @jit
    def f(a):
        s = 0.0
        for i in range(a.size):
            s = a[i] / 0.0
        return s
    out(f, np.ones(150))
    out(f, -np.ones(150))
    out(f, np.zeros(150))


@diff(filters=FILTERS)
def test_python_float_meets_scalar(jit, out):
    @jit
    def f(a, x):
        s = 0.0
        for i in range(a.size):
            s = x / a[i]
            s = s + x * a[i]
        return s
    a = np.arange(300.0) - 250.5
    for x in (1.0, 3, True, 1e308, INF, NAN):
        out(f, a, x)
    a[260] = 0.0
    for x in (1.0, 3, -0.0, INF, NAN):
        out(f, a, x)


@diff(filters=FILTERS)
def test_conversion_warnings(jit, out):
    @jit
    def f(a, b):
        for i in range(a.size):
            b[i] = a[i]
        return b
    a = np.arange(300.0) * 1.5
    out(f, a, np.zeros(300, np.int64))
    for bad in (NAN, INF, -INF, 1e300, 2.0**63, -2.0**63, -2.0**63 - 3000):
        a[200] = bad
        out(f, a, np.zeros(300, np.int64))


@diff(filters=("always", "error"))
def test_comparison_with_nan_scalars(jit, out):
    @jit
    def f(a, k):
        c = 0
        for i in range(a.size):
            c += a[i] < k
            c += (a[i] >= k) * 2
            c += a[i] != k
        return c
    a = np.arange(300.0)
    out(f, a, 100)
    a[200:210] = NAN
    for k in (100, 100.5, NAN, np.float64(20), np.int64(30), True, 2**70):
        out(f, a, k)


@diff
def test_warnings_of_the_program_itself(jit, out):
    import warnings

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += i
            if i % 100 == 99:
                warnings.warn(f"at {i}", UserWarning, stacklevel=1)
                warnings.warn("caller", DeprecationWarning, stacklevel=2)
        return s
    for n in (50, 400):
        out(f, n)


@diff(native=False)
def test_syntax_of_warnings_once_per_line(jit, out):
    import warnings

    @jit
    def f(a):
        s = 0.0
        for i in range(a.size):
            s = a[i] / 0.0
            t = a[i] * 1e308
        return s, t
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        out(f, np.full(300, 5.0))
        out(f, np.full(300, 5.0))
        warnings.simplefilter("once")
        out(f, np.full(300, 5.0))
        warnings.simplefilter("ignore")
        out(f, np.full(300, 5.0))


@diff(filters=("always", "error"))
def test_results_that_are_converted_at_once(jit, out):
    @jit
    def f(xs, low, scale, n):
        s = 0
        for i in range(n):
            s += int((xs[i] - low) * scale)
        return s
    good = np.arange(300.0)
    for bad in (1e308, -1e308, np.inf, -np.inf, np.nan, -2.0**63 / 4, 2.0**63 / 4):
        xs = good.copy()
        xs[250] = bad
        out(f, good, 0.0, 4.0, 300)
        out(f, xs, 0.0, 4.0, 300)
        out(f, xs, -1e308, 4.0, 300)
        out(f, xs, bad, 4.0, 300)


@diff
def test_one_item_multiplied_again_and_again(jit, out):
    """What one iteration stores, the next one reads: nothing can be checked ahead of the stores."""
    @jit
    def last(a, k, n):
        for i in range(n):
            a[-1] *= k

    @jit
    def item(a, k, n, m):
        for i in range(n):
            a[i * m] *= k
    for n in (3, 50, 50):
        out(last, np.ones(3, np.int64), 11, n)
        out(last, np.full(3, 1e280), 11.0, n)
        out(item, np.ones(60, np.int64), 11, n, 0)
        out(item, np.full(60, 1e280), 11.0, n, 0)
        out(item, np.full(60, 1e280), 11.0, n, 1)


@diff(filters=FILTERS)
def test_guards_that_wait_for_the_end_of_an_expression(jit, out):
    """In each, one test at the end tells of all operations: which of them warned must not be lost."""
    import math

    @jit
    def f(a, b, c):
        s = 0.0
        for i in range(a.size):
            x = a[i] - b[i]
            y = x * x + a[i] * b[i]
            r = math.sqrt(abs(y))
            s = c / (y * r) + x
        return s
    for place in (0, 150, 299):
        for bad in (1e200, -1e200, 1e308, -1e308, INF, -INF, NAN):
            a, b = np.arange(1.0, 301.0), np.full(300, 0.5)
            out(f, a, b, np.float64(2.0))
            a[place] = bad
            out(f, a, b, np.float64(2.0))
            b[place] = bad
            out(f, a, b, np.float64(2.0))
            a[place] = -bad
            out(f, a, b, np.float64(2.0))
            a[place] = b[place] = 0.0
            out(f, a, b, np.float64(2.0))
            out(f, a, b, bad)


@diff(filters=FILTERS)
def test_leaving_while_guards_wait(jit, out):
    """What warned in front of a bad index or a big int is told first."""
    @jit
    def index(a, b, at):
        s = 0.0
        for i in range(at.size):
            s = a[i] * b[i] + a[at[i]] * 2.0
        return s

    @jit
    def big(a, b, k):
        s = 0.0
        for i in range(k.size):
            s = a[i] * b[i] + (int(k[i]) + 9223372036854775000) * 0.5
        return s

    @jit
    def stored(a, b, c):
        for i in range(a.size):
            x = a[i] * b[i]
            c[i] = 1.0
            c[i] = x + a[i]
    for first in (1.0, 1e200, INF, NAN):
        for second in (1.0, 1e308, NAN):
            a, b, at, k = np.ones(300), np.ones(300), np.arange(300), np.zeros(300, np.int64)
            out(index, a, b, at)
            out(big, a, b, k)
            out(stored, a, b, np.zeros(300))
            a[200] = b[200] = first
            a[20] = second
            at[200] = 20
            out(index, a, b, at)
            at[200] = 300
            out(index, a, b, at)
            k[200] = 900
            out(big, a, b, k)
            out(stored, a, b, np.zeros(300))


@diff(filters=FILTERS)
def test_more_guards_than_can_wait(jit, out):
    @jit
    def f(a, k):
        s = 0.0
        for i in range(a.size):
            x = a[i]
            s = (x * 2.0 + x * 3.0 + x * 4.0 + x * 5.0 + x * 6.0 + x * 7.0 + x * 8.0 + x * 9.0
                 + x * 10.0 + x * 11.0 + x * 12.0 + (x - 1.0) * k[i] + k[i] * x)
        return s
    for bad in (1e307, -1e308, INF, NAN):
        a, k = np.arange(300.0), np.ones(300)
        out(f, a, k)
        a[250] = bad
        out(f, a, k)
        k[250] = -5.0
        out(f, a, k)
