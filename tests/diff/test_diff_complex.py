"""Complex numbers, Python's and NumPy's: the same bits, errors and warnings as the interpreter's."""

import itertools
import warnings

import numpy as np
import pytest

import native
from differ import diff, params
from freeze import freeze

INF, NAN = float("inf"), float("nan")
FILTERS = ("always", "error", "once")

# --- every operation on the values at the edges ---------------------------------------------------

PARTS = [0.0, -0.0, 1.0, -3.5, 1e308, -1.7e308, 5e-324, 2.3e-308, INF, -INF, NAN]
COMPLEX = [complex(a, b) for a, b in itertools.product(PARTS, PARTS)]
COMPLEX += [1e200 - 1e-200j, 1e-300 + 1e300j, -0.1 + 7.3j, 3 + 3j]
SINGLE_PARTS = [0.0, -0.0, 1.0, -3.5, 3e38, -3.4e38, 1e-45, 1.2e-38, INF, -INF, NAN]
SINGLE = [complex(a, b) for a, b in itertools.product(SINGLE_PARTS, SINGLE_PARTS)]
SINGLE += [1e20 - 1e-20j, 1e-38 + 1e38j, -0.1 + 7.3j, 3 + 3j, 16777217 + 0.1j, 1 + 16777215j]
EDGES = {
    "complex": COMPLEX,
    "np.complex128": [np.complex128(z) for z in COMPLEX],
    "np.complex64": [np.complex64(z) for z in SINGLE],
    "float": [*PARTS, 0.1, 3e38, 1e39, 1e-45, 1e-46, 16777217.0],
    "int": [0, 1, -3, 2**24 + 1, 2**53 + 1, -2**53 - 1, 2**63 - 1, -2**63, 2**63, 10**400],
    "bool": [True, False],
    "np.float64": [np.float64(x) for x in PARTS],
    "np.float32": [np.float32(x) for x in SINGLE_PARTS],
    "np.int64": [np.int64(x) for x in (0, 1, -3, 2**53 + 1, 2**63 - 1, -2**63)],
    "np.int16": [np.int16(x) for x in (0, 1, -3, 2**15 - 1, -2**15)],
    "np.uint64": [np.uint64(x) for x in (0, 1, 2**53 + 1, 2**63 - 1, 2**64 - 1)],
    "np.bool_": [np.bool_(True), np.bool_(False)],
}
PLAIN = {"complex": 1.5 - 0.25j, "np.complex128": np.complex128(1.5 - 0.25j), "np.complex64": np.complex64(1.5 - 0.25j),
         "float": 1.5, "int": 3, "bool": True, "np.float64": np.float64(1.5), "np.float32": np.float32(1.5),
         "np.int64": np.int64(3), "np.int16": np.int16(3), "np.uint64": np.uint64(3), "np.bool_": np.bool_(True)}
KINDS = ("complex", "np.complex128", "np.complex64")
MAKE = {"complex": complex, "np.complex128": np.complex128, "np.complex64": np.complex64}


def one_nan(value):
    """Frozen, with all NaNs alike: which of two an operation passes on is not promised."""
    if isinstance(value, (complex, np.complexfloating)):
        parts = [float(p) if p == p else NAN for p in (value.real, value.imag)]
        return type(value), [freeze(p) for p in parts], freeze(complex(*parts))
    if isinstance(value, (float, np.floating)) and value != value:
        return type(value), "nan"
    return freeze(value)


def outcome(f, *args):
    """What a call gives, warnings included."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = one_nan(f(*args))
        except Exception as e:
            tb = e.__traceback__.tb_next
            frame = {k: one_nan(v) for k, v in tb.tb_frame.f_locals.items()}
            result = "raised", freeze(e), tb.tb_lineno, frame
    return result, [(w.category, str(w.message), w.lineno) for w in caught]


def make(expression):
    space = {"np": np}
    exec(f"""\
def f(a, b, c, d, n):
    r = None
    for i in range(n):
        if i == n - 3:
            a = c
            b = d
        r = {expression}
    return r
""", space)
    return space["f"]


def compare(expression, plain, edges, share=0.9):
    import hotloop
    with params(threshold=2, sync=1):
        expected, jitted = make(expression), hotloop.jit(make(expression))
        for _ in range(4):
            assert outcome(jitted, *plain, *plain, 400) == outcome(expected, *plain, *plain, 400)
        assert native.native_share(jitted) >= share
        for edge in edges:
            args = (*plain, *edge, 7)
            assert outcome(jitted, *args) == outcome(expected, *args), f"{expression} with {edge}"
            assert outcome(jitted, *edge, *edge, 7) == outcome(expected, *edge, *edge, 7)


def some(pairs, most):
    """Not more than about `most`, spread over all of them."""
    pairs = list(pairs)
    return pairs[::len(pairs) // most + 1]


def through_ufunc(op, left, right):
    """Products that NumPy's ufunc computes, not one of its scalars, are interpreted: that of np.complex64 and
    a Python number is one before NumPy 2."""
    result = type(left * right)
    return op in ("*", "/", "**") and result is not complex and result not in (type(left), type(right))


@pytest.mark.parametrize("op", ["+", "-", "*", "/", "==", "!="])
@pytest.mark.parametrize("left, right", [p for p in itertools.product(EDGES, EDGES) if set(p) & set(KINDS)])
def test_operators(op, left, right):
    share = 0 if through_ufunc(op, PLAIN[left], PLAIN[right]) else 0.9
    edges = some(itertools.product(EDGES[left], EDGES[right]), 1500 if op in "*/" else 250)
    compare(f"a {op} b", (PLAIN[left], PLAIN[right]), edges, share)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("expression", [
    "-a", "+a", "abs(a)", "bool(a)", "not a", "a.real", "a.imag", "a.conjugate()", "complex(a)",
    "np.complex128(a)", "np.complex64(a)", "1 if a else 2", "a is None", "abs(a) > 2", "abs(a - b) < 0.5"])
def test_one_operand(kind, expression):
    compare(expression, (PLAIN[kind], PLAIN[kind]), zip(EDGES[kind], EDGES[kind]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("expression", [
    "a ** 2", "a ** 1", "a ** 3", "a ** 2.0", "a ** (3+0j)", "a ** True", "a + 1j", "a - 0.1", "2 * a", "1 / a",
    "a / (2-1j)", "a == 0.1", "a != (1.5-0.25j)"])
def test_one_operand_and_a_constant(kind, expression):
    left, op, right = expression.split()
    share = 0 if through_ufunc(op, PLAIN[kind], eval(right if left == "a" else left)) else 0.9
    compare(expression, (PLAIN[kind], PLAIN[kind]), zip(EDGES[kind], EDGES[kind]), share)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("limit", ["2", "2.0", "0.1", "1e-15", "5", "1e-120", "1e150", "3e99", "1e-40", "9e29", "-1",
                                   "0"])
@pytest.mark.parametrize("op", ["<", "<=", ">", ">="])
def test_absolute_value_next_to_a_limit(kind, limit, op):
    """Compared by squares, but for the last bits."""
    make_one = MAKE[kind]
    near = [float(limit)]
    margin = 2**-20 if kind == "np.complex64" else 2**-40
    for scale in (2, 1, 0.5, 0.25):
        near += [float(limit) * (1 - scale * margin), float(limit) * (1 + scale * margin), float(limit) * scale]
    step = np.float32 if kind == "np.complex64" else np.float64
    for _ in range(2):
        near += [np.nextafter(step(x), step(to)) for x in near for to in (-INF, INF)]
    edges = [(make_one(complex(x * c, x * s)),) * 2 for x in map(float, near)
             for c, s in ((1, 0), (0, -1), (0.6, 0.8), (5**-0.5, 2 * 5**-0.5))]
    share = 0.9 if abs(type(abs(make_one(1)))(float(limit))) < INF else 0  # beyond float32, that warns
    compare(f"abs(a) {op} {limit}", (make_one(1.5 + 1j), make_one(0.05j)), edges + [(make_one(NAN),) * 2], share)


@pytest.mark.parametrize("exponent", ["0", "-1", "-2", "-7", "4", "5", "10", "31", "-31", "100", "-100", "7.0",
                                      "(-3-0j)"])
def test_integer_powers(exponent):
    compare(f"a ** {exponent}", (1.05 - 0.25j,) * 2, zip(COMPLEX, COMPLEX))


@pytest.mark.parametrize("exponent", ["101", "0.5", "-0.5", "1j", "(1+1j)", "1e300"])
def test_other_powers_are_interpreted(exponent):
    compare(f"a ** {exponent}", (1.05 - 0.25j,) * 2, zip(COMPLEX, COMPLEX), 0)


@pytest.mark.parametrize("left, right", list(itertools.product([k for k in EDGES if k not in KINDS], repeat=2)))
def test_making_complex(left, right):
    compare("complex(a, b)", (PLAIN[left], PLAIN[right]), itertools.product(EDGES[left], EDGES[right]))


@pytest.mark.parametrize("kind", [k for k in EDGES if k not in KINDS])
@pytest.mark.parametrize("call", MAKE)
def test_complex_of_one_number(kind, call):
    compare(f"{call}(a)", (PLAIN[kind],) * 2, zip(EDGES[kind], EDGES[kind]))


@pytest.mark.parametrize("expression", ["a < b", "a // b", "a % b", "~a", "int(a)", "float(a)", "min(a, b)",
                                        "abs(a, b)", "complex(a, b, 1)", "a()", "a.nothing", "a.conjugate(1)",
                                        "a << b", "a[0]", "round(a)"])
@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_the_interpreters(expression, kind):
    compare(expression, (PLAIN[kind],) * 2, zip(EDGES[kind][:3], EDGES[kind][:3]), 0)


# --- programs -------------------------------------------------------------------------------------

@diff
def test_mandelbrot(jit, out):
    @jit
    def f(width, height, most):
        total = 0
        for j in range(height):
            for i in range(width):
                c = complex(-2 + 3 * i / width, -1.5 + 3 * j / height)
                z = 0j
                n = 0
                while n < most:
                    z = z * z + c
                    if abs(z) > 2:
                        break
                    n += 1
                total += n
        return total, z, c
    out(f, 20, 12, 30)
    out(f, 31, 20, 50)


@diff
def test_mandelbrot_by_parts(jit, out):
    @jit
    def f(width, height, most):
        total = 0
        for j in range(height):
            for i in range(width):
                c = complex(-2 + 3 * i / width, -1.5 + 3 * j / height)
                z = c
                for n in range(most):
                    if z.real * z.real + z.imag * z.imag > 4.0:
                        break
                    z = z ** 2 + c
                total += n
        return total, z, c
    out(f, 20, 12, 30)
    out(f, 31, 20, 50)


@diff
def test_newton(jit, out):
    @jit
    def f(z, n):
        for i in range(n):
            d = (z ** 3 - 1) / (3 * z ** 2)
            z -= d
            if abs(d) < 1e-15:
                break
        return z, d, i
    for k in range(40):
        out(f, complex(k - 20.5, 7 - k), 60)
    out(f, 0j, 60)


@diff
def test_power_series(jit, out):
    @jit
    def f(z, n):
        s = term = 1 + 0j
        for k in range(1, n):
            term = term * z / k
            s += term
        return s, term
    for z in (1j, 1 + 1j, -3.5 + 0j, 700 + 0j, complex(0.0, -0.0)):
        out(f, z, 300)


@diff
def test_signed_zeros(jit, out):
    @jit
    def f(z, n):
        a = b = c = d = e = 0j
        for i in range(n):
            a = z * 0
            b = -z
            c = 0 - z
            d = z + 0
            e = z - 0j
            z = z.conjugate()
        return a, b, c, d, e, z
    for re in (0.0, -0.0, 1.0):
        for im in (0.0, -0.0, -1.0):
            out(f, complex(re, im), 200)


@diff
def test_random_numbers(jit, out):
    """Of all magnitudes: each operation rounds where NumPy's does, and leaves where that warns."""
    @jit
    def f(a, b, r):
        for i in range(a.size):
            r[0, i] = a[i] + b[i]
            r[1, i] = a[i] - b[i]
            r[2, i] = a[i] * b[i]
            r[3, i] = a[i] / b[i]
            r[4, i] = abs(a[i])
            r[5, i] = a[i] * b[i].real - b[i].imag
    rng = np.random.default_rng(5)
    for dtype, part, few in ((np.complex64, np.float32, (-149, -70, 60)), (complex, float, (-1070, -520, 500))):
        for lowest, highest in ((-3, 3), (few[0], few[0] + 40), (few[1], -few[1]), (few[2], 2 * few[2]), (-20, 20)):
            parts = rng.standard_normal((2, 600)) * 2.0 ** rng.integers(lowest, highest, (2, 600))
            a, b = parts.astype(part).view(dtype)
            r = np.zeros((6, 300), dtype)
            out(f, a, b, r)
            out(f, b, a, r)


@diff
def test_becomes_complex_in_mid_loop(jit, out):
    @jit
    def f(x, n, at):
        s = 0.0
        for i in range(n):
            if i == at:
                x = x + 0j
            s = s + x
        return s, x
    out(f, 1.5, 400, 200)
    out(f, 1.5, 400, 200)
    out(f, 1.5, 400, 2000)
    out(f, 2, 400, 100)


@diff
def test_becomes_float_in_mid_loop(jit, out):
    @jit
    def f(z, n, at):
        for i in range(n):
            if i == at:
                z = z.real
            z = z * 0.5 + 1
        return z
    out(f, 1.5 + 2j, 400, 200)
    out(f, 1.5 + 2j, 400, 300)
    out(f, np.complex128(1.5 + 2j), 400, 200)
    out(f, np.complex64(1.5 + 2j), 400, 200)


@diff
def test_root_of_a_negative_number(jit, out):
    @jit
    def f(x, n):
        r = 0.0
        for i in range(n):
            r = x ** 0.5
            x -= 1.0
        return r, x
    out(f, 200.5, 300)
    out(f, 200.5, 300)


@diff
def test_division_by_zero(jit, out):
    @jit
    def f(z, d, n):
        r = 0j
        for i in range(n):
            r = z / d
            d -= 1
        return r
    for z in (1 + 2j, 0j):
        for d in (300 + 0j, 300.0, 300):
            out(f, z, d, 200)
            out(f, z, d, 400)
            out(f, z, d, 400)


@diff
def test_zero_to_a_negative_power(jit, out):
    @jit
    def f(z, n):
        r = 0j
        for i in range(n):
            r = z ** -2
            z -= 1
        return r
    out(f, 300 + 0j, 200)
    out(f, 300 + 0j, 400)
    out(f, 300 + 0j, 400)


@diff
def test_absolute_value_too_large(jit, out):
    @jit
    def f(z, n):
        r = 0.0
        for i in range(n):
            r = abs(z)
            z *= 10
        return r
    for z in (1 + 1j, complex(1.3, -1.3), complex(1e300, 0)):
        out(f, z, 200)
        out(f, z, 400)
        out(f, z, 400)


@diff
def test_power_too_large(jit, out):
    @jit
    def f(z, n):
        r = 0j
        for i in range(n):
            r = z ** 5
            z *= 2
        return r
    out(f, 1 + 1j, 150)
    out(f, 1 + 1j, 400)
    out(f, 1 + 1j, 400)


@diff
def test_int_too_large(jit, out):
    @jit
    def f(z, k, n):
        for i in range(n):
            z = z + k
            k *= 3
        return z, k
    out(f, 1j, 1, 30)
    out(f, 1j, 1, 300)
    out(f, 1j, 1, 900)


@diff
def test_error_is_caught(jit, out):
    @jit
    def f(n):
        z = 1 + 1j
        failed = 0
        for i in range(n):
            try:
                z = z / (i % 50) + 1j
            except ZeroDivisionError:
                failed += 1
        return z, failed
    out(f, 400)
    out(f, 400)


@diff
def test_comparison_of_order(jit, out):
    @jit
    def f(z, n):
        k = 0
        for i in range(n):
            z = z + 1
            if i > 300 and z > 5:
                k += 1
        return k
    out(f, 1j, 300)
    out(f, 1j, 400)
    out(f, np.complex128(1j), 300)
    out(f, np.complex128(1j), 400)
    out(f, np.complex64(1j), 400)


@diff
def test_objects_are_kept(jit, out):
    @jit
    def f(a, b, n):
        x = a
        y = b
        last = 0j
        for i in range(n):
            x, y = y, x
            last = x + y
        return x is a, y is b, x is b, y is a, last
    for kind in MAKE.values():
        a, b = kind(1.5 + 1j), kind(2j)
        out(f, a, b, 300)
        out(f, a, b, 301)
        out(f, a, a, 301)


@diff
def test_locals_at_an_exit(jit, out):
    @jit
    def f(z, w, n):
        a = b = None
        for i in range(n):
            a = z * w
            b = w
            w = a / (1 + abs(a))
            if i == n - 7:
                c = (a, b, z, w, a.real, w.imag)
        return a, b, c
    for kind in MAKE.values():
        out(f, kind(1.5 + 1j), kind(2j), 300)
        out(f, kind(1.5 + 1j), 2j, 300)
        out(f, kind(1.5 + 1j), 2j, 307)


@diff
def test_constants(jit, out):
    @jit
    def f(n):
        s = 0j
        for i in range(n):
            a, b = 1j, -0.0 - 2.5j
            s = s * 0.5 + (a if i % 3 else b)
            if s == 1j or s is None:
                s += 3
        return s, a, b
    out(f, 400)
    out(f, 401)


@diff
def test_globals_and_cells(jit, out):
    global _step
    _step = 0.25 - 1j

    def outer(start):
        total = start

        @jit
        def f(n):
            nonlocal total
            for i in range(n):
                total = total * 0.5 + _step
            return total
        return f
    f = outer(1j)
    out(f, 300)
    _step = np.complex128(2 + 2j)
    out(f, 300)
    _step = np.complex64(0.1 - 2j)
    out(f, 300)
    _step = 7
    out(f, 300)
    _step = 1j
    out(f, 300)


@diff
def test_truth_and_branches(jit, out):
    @jit
    def f(z, n):
        k = 0
        for i in range(n):
            z = -z if i % 3 else z.conjugate()
            if z and not z - 1:
                k += 1
            elif z == 1 or z != z or 2.5 == z:
                k += 100
            k += bool(z) + (z is None)
            y = z or 3.5
        return k, y
    for z in (0j, 1 + 0j, 1j, complex(NAN, 0), complex(0, NAN), complex(-0.0, -0.0), 2.5 + 0j):
        out(f, z.real + 0j, 200)


@diff
def test_while_loop(jit, out):
    @jit
    def f(z, limit):
        steps = 0
        while abs(z) < limit:
            z *= 1.01 + 0.1j
            steps += 1
        return z, steps
    out(f, 1 + 0j, 1e3)
    out(f, 1 + 0j, 1e300)
    out(f, 1e-200j, 2)
    out(f, np.complex128(1 + 0j), 1e300)
    out(f, np.complex64(1 + 0j), 1e30)
    out(f, np.complex64(1 + 0j), 1e300)


@diff
def test_subclasses_are_left_alone(jit, out):
    class C(complex):
        def __add__(self, other):
            out.note("add")
            return C(self.real + 1)

    @jit
    def f(z, n):
        for i in range(n):
            z = z + 1
        return z
    out(f, 1j, 300)
    out(f, C(1j), 5)
    out(f, 1j, 300)
    out(f, np.float16(1), 50)


@diff
def test_items_of_lists(jit, out):
    @jit
    def f(items, other, n):
        s = 0j
        kept = last = None
        for i in range(n):
            z = items[i % len(items)]
            s = s * 0.5 + z
            if i == n - 9:
                kept = z
            last = z
            other[i % 3] = z
        return s, [kept is x for x in items], [last is x for x in items], [x is y for x in other for y in items]

    @jit
    def g(items):
        s = 0j
        for k, z in enumerate(items):
            s += z * k
        for z, w in zip(items, items):
            s -= z / w
        for z in items:
            s = -s + z
        return s, z
    for kind in MAKE.values():
        items = [kind(k + 0.5 - 1j) for k in range(40)]
        out(f, items, [0, 0, 0], 300)
        out(f, items, [0j, 1j, 2j], 303)
        out(f, items + [2.5, 1], [0, 0, 0], 309)
        out(g, items * 9)
        out(g, tuple(items * 9))
        out(g, items * 9 + [3])


@diff
def test_classes_are_kept_apart(jit, out):
    """Numbers of equal parts, of one class and another, in names, lists and at exits."""
    @jit
    def f(items, kept, n):
        x = y = z = None
        for i in range(n):
            x = items[i % len(items)]
            y = complex(x)
            z = np.complex128(x)
            w = np.complex64(y)
            kept[i % 4] = x
            if i % 7 == 3:
                kept[i % 4] = y
        return x, y, z, w, [type(v) for v in kept]
    for kind in MAKE.values():
        items = [kind(k + 0.5 - 1j) for k in range(8)]
        out(f, items, list(items[:4]), 300)
        out(f, items, list(items[:4]), 303)


@diff
def test_iteration_over_arrays(jit, out):
    @jit
    def f(a, b):
        s = t = 0j
        for z in a:
            s += z
        for k, z in enumerate(a):
            t += z * k
        for z, w in zip(a, b):
            t -= z * w
        for z in reversed(a):
            s = s * 0.5 + z
        return s, t, z, w
    a = np.arange(300) * (1 - 0.5j)
    out(f, a, a[::-1])
    out(f, a[::3], np.arange(300))
    out(f, a, a + 1)
    out(f, a.astype(np.complex64), a)
    out(f, a[::-2].astype(np.complex64), a.astype(np.complex64))


# --- arrays ---------------------------------------------------------------------------------------

@diff
def test_array_items(jit, out):
    @jit
    def f(a, b, k):
        s = 0j
        for i in range(a.size):
            s += a[i]
            b[i] = a[-i - 1] * k + 1j
        return s
    for k in (2, 2.5, 1j, True, np.complex128(1j), np.float64(2), np.int64(3), np.complex64(0.1j), np.float32(0.1)):
        for dtype in (complex, np.complex64):
            a = (np.arange(300) * (1 - 0.5j)).astype(dtype)
            out(f, a, np.zeros(300, complex), k)
            out(f, a[::-2], np.zeros((300, 2), dtype)[:, 1], k)
            out(f, np.arange(300.0), np.zeros(300, dtype), k)


@diff
def test_array_in_place(jit, out):
    @jit
    def f(a, n):
        for k in range(n):
            for i in range(a.size):
                a[i] = a[i] * a[i] * 0.5 + 0.25j
        return a
    for dtype in (complex, np.complex64):
        out(f, (np.arange(100) * (0.005 - 0.0025j)).astype(dtype), 5)
        out(f, (np.arange(7) * 0.125j).astype(dtype), 50)


@diff
def test_stores_of_every_kind(jit, out):
    @jit
    def f(a, x, n):
        for i in range(n):
            a[i] = x
        return a
    for x in (1, 2.5, True, 1j, np.complex128(-0.0 - 1j), np.float64(2), np.int64(-3), np.bool_(True), 2**60 + 1,
              -0.0, complex(NAN, -INF), np.complex64(0.1 + 2j), np.float32(0.1), np.uint64(2**63 + 2**39 + 1),
              0.1, 1e-45 - 1e-46j, 2**24 + 1, np.int64(2**24 + 3), 10**30):
        for dtype in (complex, np.complex64):
            out(f, np.zeros(200, dtype), x, 200)
            out(f, np.zeros(200, dtype), x, 201)


@diff(filters=FILTERS)
def test_stores_that_overflow(jit, out):
    @jit
    def f(a, x):
        k = 0
        for k in range(a.size):
            a[k] = x[k]
        return a, k
    for values in (np.arange(300) * 1j, np.arange(300.0), list(np.arange(300) * 1j), [k * 1.5j for k in range(300)]):
        out(f, np.zeros(300, np.complex64), values)
        values[250] = 1e300
        out(f, np.zeros(300, np.complex64), values)
        out(f, np.zeros(300, np.complex64), values)
        values[250] = INF
        out(f, np.zeros(300, np.complex64), values)
        out(f, np.zeros(300, complex), values)
    out(f, np.zeros(300, np.complex64), (np.arange(300) * 1j).astype(np.complex64))
    out(f, np.zeros(300, np.complex64), [10**k for k in range(300)])


@diff
def test_reals_do_not_hold_complex(jit, out):
    @jit
    def f(a, z, n):
        for i in range(n):
            z = z + 1
            a[i] = z
        return a
    for dtype in (float, int, bool):
        out(f, np.zeros(50, dtype), 0.5, 50)
        out(f, np.zeros(50, dtype), 0.5j, 50)
        out(f, np.zeros(50, dtype), np.complex128(0.5j), 50)
        out(f, np.zeros(50, dtype), np.complex64(0.5j), 50)


@diff
def test_other_complex_arrays(jit, out):
    @jit
    def f(a, n):
        s = 0j
        for i in range(n):
            s = s + a[i]
            a[i] = s
        return s, a
    out(f, np.arange(50) + 0j, 50)
    out(f, (np.arange(50) + 0j).astype(">c16"), 50)
    out(f, np.arange(50).astype(np.complex64), 50)
    out(f, np.arange(50).astype(">c8"), 50)
    out(f, np.arange(50).astype(np.float16), 50)
    out(f, np.zeros(401, np.uint8)[1:].view(np.complex64), 50)
    out(f, np.zeros(404, np.uint8)[4:].view(np.complex64), 50)
    out(f, np.frombuffer(bytes(range(200)) * 5, np.uint8)[1:801].view(complex).copy(), 50)
    out(f, np.zeros(801, np.uint8)[1:].view(complex), 50)
    read_only = np.arange(50) + 0j
    read_only.flags.writeable = False
    out(f, read_only, 50)
    out(f, np.arange(50) + 0j, 51)
    out(f, np.arange(50) + 0j, 51)


@diff
def test_views_of_the_parts(jit, out):
    @jit
    def f(z, re, im):
        for i in range(z.size):
            z[i] = z[i] * (re[i] + 1j)
            im[i] = re[i] + 1
        return z
    for dtype in (complex, np.complex64):
        z = (np.arange(200) * (1 + 0.5j)).astype(dtype)
        out(f, z, z.real, z.imag)
        out(f, z, z.imag, z.real)


@diff(filters=FILTERS)
def test_overflow_warns(jit, out):
    @jit
    def f(a, k):
        s = np.complex128(0)
        for i in range(a.size):
            s = a[i] * k
            a[i] = s
        return s
    for dtype, huge in ((complex, 1e308), (np.complex64, 3e38)):
        a = np.ones(400, dtype)
        out(f, a, 10)
        a[300] = complex(huge, huge)
        a[310] = complex(INF, NAN)
        out(f, a, 10)
        out(f, a, 1 + 1e308j)
        out(f, a, dtype(1 + huge * 1j))


@diff(filters=FILTERS)
def test_sums_warn(jit, out):
    @jit
    def f(a, b):
        s = np.complex128(0)
        for i in range(a.size):
            s = a[i] - b[i] + s * 0.5
        return s
    for dtype in (complex, np.complex64):
        a, b = np.ones(400, dtype), np.zeros(400, dtype)
        out(f, a, b)
        a[300] = b[300] = INF
        b[320] = complex(0, -INF)
        out(f, a, b)
        out(f, a, b)


@diff(filters=FILTERS)
def test_division_warns(jit, out):
    @jit
    def f(a, b):
        for i in range(a.size):
            a[i] = a[i] / b[i]
        return a
    for dtype, huge, tiny in ((complex, 1.7e308, 5e-324), (np.complex64, 3.4e38, 1e-45)):
        b = (np.arange(400) + 1j).astype(dtype)
        out(f, np.ones(400, dtype), b)
        b[300] = 0
        b[310] = complex(huge, huge)
        b[320] = complex(tiny, 0)
        b[330] = complex(NAN, 0)
        b[340] = complex(INF, INF)
        out(f, np.ones(400, dtype), b)
        out(f, np.full(400, huge / 2 * 1j, dtype), b)


@diff(filters=FILTERS)
def test_absolute_value_warns(jit, out):
    @jit
    def f(a):
        s = 0.0
        for i in range(a.size):
            s += abs(a[i])
        return s
    for dtype, huge in ((complex, 1.7e308), (np.complex64, 3.4e38)):
        a = np.full(400, 3 - 4j, dtype)
        out(f, a)
        a[300] = complex(huge, huge)
        out(f, a)
        out(f, a)


@diff
def test_errstate(jit, out):
    @jit
    def f(z, n):
        for i in range(n):
            z = z * 1e-10
        return z
    for z in (np.complex128(1e-300 + 1j), np.complex64(1e-30 + 1j)):
        out(f, z, 60)
        with np.errstate(under="raise"):
            out(f, z, 60)
        with np.errstate(all="ignore"):
            out(f, z, 60)
