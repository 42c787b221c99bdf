"""Floats: the same bits as the interpreter's, for every kind of value."""

import math

from differ import diff

INF = float("inf")
NAN = float("nan")


@diff
def test_sum_in_order(jit, out):
    @jit
    def f(n):
        s = 0.0
        for i in range(n):
            s += 1.0 / (i + 1)
        return s
    for n in (0, 1, 2, 1000):
        out(f, n)


@diff
def test_no_contraction(jit, out):
    @jit
    def f(a, b, c, n):
        r = 0.0
        for i in range(n):
            r = a * b + c
            a += 0.1
            c = -(a * b)
        return r
    out(f, 0.1, 10.0, -1.0, 400)
    out(f, 1e16, 1.0000000000000002, -1e16, 400)


@diff
def test_logistic_map(jit, out):
    @jit
    def f(x, r, n):
        for _ in range(n):
            x = r * x * (1 - x)
        return x
    for r in (2.5, 3.2, 3.99, 4.5):
        out(f, 0.3, r, 700)


@diff
def test_signed_zeros(jit, out):
    @jit
    def f(x, n):
        a = b = c = d = 0.0
        for i in range(n):
            a = x * 0
            b = -x
            c = 0.0 - x
            d = x + 0.0
            x = -x
        return a, b, c, d, x
    for x in (0.0, -0.0, 1.0, -1.0, 5e-324):
        for n in (1, 2, 400, 401):
            out(f, x, n)


@diff
def test_infinities_and_nan(jit, out):
    @jit
    def f(x, y, n):
        a = b = c = 0.0
        for i in range(n):
            a = x + y
            b = x - y
            c = x * y
            x, y = y, x
        return a, b, c
    for x in (INF, -INF, NAN, -NAN, 0.0, -0.0, 1e308, 5e-324):
        for y in (INF, -INF, 0.0, -0.0, 1e308, 2.5):
            out(f, x, y, 60)


@diff
def test_overflow_gives_inf_without_a_word(jit, out):
    @jit
    def f(x, n):
        for i in range(n):
            x = x * 1.5 - x * 0.1
        return x
    out(f, 1.0, 300)
    out(f, 1.0, 3000)
    out(f, -1.0, 3000)


@diff
def test_underflow_to_denormals_and_zero(jit, out):
    @jit
    def f(x, n):
        for i in range(n):
            x *= 0.5
        return x
    for n in (1000, 1060, 1074, 1075, 1100):
        out(f, 1.0, n)
        out(f, -1.7, n)


@diff
def test_comparisons_with_nan(jit, out):
    @jit
    def f(x, y, n):
        c = 0
        for i in range(n):
            c = (c << 1) & 0xFFFF
            c += (x < y) + (x <= y) * 2 + (x == y) * 4 + (x != y) * 8 + (x > y) * 16 + (x >= y) * 32
            if not x < y:
                c += 64
            if x == x:
                c += 128
        return c
    for x in (1.0, NAN, INF, -0.0):
        for y in (1.0, NAN, INF, 0.0, 3):
            out(f, x, y, 300)


@diff
def test_branch_on_nan_turns_up_in_mid_loop(jit, out):
    @jit
    def f(x, n):
        less = notless = 0
        for i in range(n):
            if x < 10.0:
                less += 1
            else:
                notless += 1
            if i == n - 50:
                x = x * INF - INF
        return less, notless, x
    out(f, 1.0, 500)
    out(f, 1.0, 500)


@diff
def test_modulo_and_floor_division(jit, out):
    @jit
    def f(a, b, n):
        m = q = 0.0
        for i in range(n):
            m = a % b
            q = a // b
            a += 0.37
        return m, q
    for a in (-50.0, -0.37 * 299, 5.5, -0.0, 1e300):
        for b in (0.25, -0.25, 3.0, -3.0, 1e-300, INF, -INF, NAN):
            out(f, a, b, 300)
    out(f, INF, 2.0, 50)
    out(f, NAN, 2.0, 50)


@diff
def test_modulo_by_zero_in_mid_loop(jit, out):
    @jit
    def mod(a, b, n):
        m = 0.0
        for i in range(n):
            m = a % b
            b -= 1.0
        return m

    @jit
    def floordiv(a, b, n):
        m = 0.0
        for i in range(n):
            m = a // b
            b -= 1.0
        return m

    @jit
    def div(a, b, n):
        m = 0.0
        for i in range(n):
            m = a / b
            b -= 1.0
        return m
    for g in (mod, floordiv, div):
        out(g, 7.5, 400.0, 400)
        out(g, 7.5, 400.0, 401)
        out(g, 7.5, 200.5, 401)
        out(g, 7, 200, 401)


@diff
def test_power(jit, out):
    @jit
    def f(x, y, n):
        r = 0.0
        for i in range(n):
            r = x ** y
            x += 0.125
        return r
    for x in (0.5, 1.0, 7.25, 100.0):
        for y in (0.0, 0.5, 1.0, 3.0, -1.0, -2.5, 3, -3, 10, INF, -INF, NAN):
            out(f, x, y, 120)


@diff(square=True)
def test_square(jit, out):
    @jit
    def f(x, n):
        r = 0.0
        for i in range(n):
            r += x ** 2
            x += 0.1
        return r
    out(f, 0.3, 500)
    out(f, -30.0, 500)


@diff
def test_square_overflows_with_an_error(jit, out):
    @jit
    def f(x, n):
        r = 0.0
        for i in range(n):
            r = x ** 2
            x *= 2.0
        return r
    out(f, 1.0, 300)
    out(f, 1.0, 600)  # exact squares up to the OverflowError
    out(f, INF, 60)
    out(f, NAN, 60)


@diff
def test_power_raises(jit, out):
    @jit
    def f(x, y, n):
        r = 0.0
        for i in range(n):
            r = x ** y
            x -= 1.0
        return r
    out(f, 300.0, -1.0, 300)
    out(f, 200.0, -1.0, 300)    # ZeroDivisionError at 0.0
    out(f, 300.5, 0.5, 300)
    out(f, 200.5, 0.5, 300)     # turns complex
    out(f, 1e300, 1.02, 300)
    out(f, 1e300, 2.5, 300)     # OverflowError


@diff
def test_math_functions(jit, out):
    @jit
    def f(x, n):
        s = 0.0
        for i in range(n):
            s += math.sin(x) * math.cos(x) + math.sqrt(x) - math.exp(-x) + math.log(x + 1.0)
            s += math.atan2(x, s) + math.floor(x) + math.ceil(x) + math.fabs(-x)
            x += 0.01
        return s
    for x in (0.0, 0.5, 100.0, 1e5):
        out(f, x, 500)


@diff
def test_math_domain_error_in_mid_loop(jit, out):
    @jit
    def root(x, n):
        s = 0.0
        for i in range(n):
            s += math.sqrt(x)
            x -= 1.0
        return s

    @jit
    def log(x, n):
        s = 0.0
        for i in range(n):
            s += math.log(x)
            x -= 1.0
        return s

    @jit
    def exp(x, n):
        s = 0.0
        for i in range(n):
            s = math.exp(x)
            x += 1.0
        return s
    for g, x in ((root, 400.0), (root, 200.0), (log, 401.0), (log, 200.0), (exp, 0.0), (exp, 600.0)):
        out(g, x, 400)
    for g in (root, log, exp):
        for x in (INF, -INF, NAN):
            out(g, x, 30)


@diff
def test_math_domain_error_caught_each_time(jit, out):
    @jit
    def f(n):
        bad = 0
        s = 0.0
        for i in range(n):
            try:
                s += math.sqrt(10 - i)
            except ValueError as e:
                bad += len(str(e))
        return s, bad
    for n in (8, 11, 12, 500):
        out(f, n)


@diff
def test_math_of_ints_and_bools(jit, out):
    @jit
    def f(n):
        s = 0.0
        for i in range(n):
            s += math.sqrt(i) + math.sin(i > 3)
        return s

    @jit
    def g(x, n):
        s = 0.0
        for i in range(n):
            s = math.sqrt(x)
            x += 1
        return s
    out(f, 500)
    for x in (2**53 - 20, 2**62 + 1, 2**63 - 5, 2**200, 2**1100):
        out(g, x, 60)


@diff
def test_floor_and_ceil_give_ints(jit, out):
    @jit
    def f(x, n):
        a = b = c = 0
        for i in range(n):
            a, b, c = math.floor(x), math.ceil(x), math.trunc(x)
            x *= -1.1
        return a, b, c
    for n in (1, 2, 300, 301, 470, 480, 800):
        out(f, 0.3, n)
    out(f, INF, 30)
    out(f, NAN, 30)


@diff
def test_mixed_types_through_the_loop(jit, out):
    @jit
    def f(x, n):
        for i in range(n):
            x = x + 1
        return x
    for x in (0, 0.5, True, 1 << 70, 1j, 0, 0.5):
        out(f, x, 320)


@diff
def test_nan_bits_pass_through(jit, out):
    import struct
    payload = struct.unpack("<d", struct.pack("<Q", 0x7ff8_0000_dead_beef))[0]
    negative = struct.unpack("<d", struct.pack("<Q", 0xfff8_0000_1234_5678))[0]

    @jit
    def f(x, n):
        y = 0.0
        for i in range(n):
            y = x + 1.0
            x = x * 2.0 - 0.5
        return x, y
    for x in (1.5, payload, negative, NAN, -NAN):
        out(f, x, 300)


@diff
def test_nan_made_in_the_loop(jit, out):
    @jit
    def f(x, n):
        y = z = 0.0
        for i in range(n):
            y = x - x
            z = x * 0.0
            x = x * 10.0
        return x, y, z
    out(f, 1.0, 300)
    out(f, 1.0, 400)
    out(f, -1.0, 400)


@diff
def test_newton_and_trapezoid(jit, out):
    @jit
    def root(a):
        x = a
        n = 0
        while abs(x * x - a) > 1e-12 * a and n < 100:
            x = 0.5 * (x + a / x)
            n += 1
        return x, n

    @jit
    def area(a, b, n):
        h = (b - a) / n
        s = 0.5 * (a * a + b * b)
        for i in range(1, n):
            x = a + i * h
            s += x * x
        return s * h
    for a in (2.0, 3, 1e10, 1e-10):
        for _ in range(40):
            out(root, a)
    for n in (1, 10, 1000):
        out(area, 0.0, 3, n)


@diff
def test_horner_and_integer_coefficients(jit, out):
    @jit
    def f(x, n):
        s = 0
        for i in range(n):
            t = x * i
            s += ((3 * t - 2) * t + 0.5) * t - 7
        return s
    for x in (0.1, 2, True, -0.0):
        out(f, x, 400)


@diff
def test_mandelbrot(jit, out):
    @jit
    def escape(cr, ci, limit):
        x = y = 0.0
        for i in range(limit):
            xx, yy = x * x, y * y
            if xx + yy > 4.0:
                return i
            x, y = xx - yy + cr, 2.0 * x * y + ci
        return limit
    for ci in range(-6, 7):
        for cr in range(-10, 4):
            escape(cr / 5.0, ci / 5.0, 60)
    for c in ((0.0, 0.0), (-0.75, 0.1), (0.3, 0.5), (1.0, 1.0)):
        out(escape, *c, 300)


@diff
def test_pi_by_lcg(jit, out):
    @jit
    def pi(n):
        seed, hits = 42, 0
        for _ in range(n):
            seed = (seed * 1103515245 + 12345) & 0x7fffffff
            x = seed / 2147483648.0
            seed = (seed * 1103515245 + 12345) & 0x7fffffff
            y = seed / 2147483648.0
            if x * x + y * y <= 1.0:
                hits += 1
        return 4.0 * hits / n
    for n in (1, 10, 2000):
        out(pi, n)


@diff
def test_float_subclass(jit, out):
    class Weird(float):
        def __mul__(self, other):
            return Weird(float(self) * other + 1)

    @jit
    def f(x, n):
        for i in range(n):
            x = x * 0.5
        return x
    out(f, 3.0, 300)
    out(f, Weird(3.0), 300)
    out(f, 3.0, 300)
