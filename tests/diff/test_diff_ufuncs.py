"""NumPy's ufuncs and scalar types, called with numbers."""

import itertools
import warnings

import numpy as np
import pytest

import native
from differ import diff, params
from freeze import freeze

FILTERS = ("always", "error")
INF, NAN = float("inf"), float("nan")


def numbers(n=400, low=-3.0, high=3.0, dtype=np.float64):
    k = np.arange(1, n + 1)
    return ((k * 2654435761 % 1000003) / 1000003.0 * (high - low) + low).astype(dtype)


@diff
def test_results_are_the_ufuncs(jit, out):
    """They differ from libm's in the last bits."""
    @jit
    def f(a, r):
        for i in range(a.size):
            x = a[i]
            r[i] = np.sin(x) + np.exp(x) * np.cos(x) - np.arctan2(x, 0.5) + np.log(np.sqrt(x * x + 1))
        return r

    @jit
    def g(a, r):
        for i in range(a.size):
            x = float(a[i])
            r[i] = np.tanh(x) + np.power(x * x, 0.7) + np.power(x, 2.0) + np.hypot(x, 2) + np.maximum(x, 0.25)
        return r
    for dtype in (np.float64, np.float32, np.int32, np.uint16):
        out(f, numbers(low=0 if dtype == np.uint16 else -3, dtype=dtype), np.zeros(400, np.float64))
        out(g, numbers(low=0 if dtype == np.uint16 else -3, dtype=dtype), np.zeros(400, np.float32))
    out(f, numbers(5000), np.zeros(5000))


@diff(filters=FILTERS)
def test_conditions_in_mid_loop(jit, out):
    @jit
    def root(a):
        s = 0.0
        for i in range(a.size):
            s += np.sqrt(a[i])
        return s

    @jit
    def log(a):
        s = 0.0
        for i in range(a.size):
            s += np.log(a[i])
        return s

    @jit
    def exp(a):
        s = 0.0
        for i in range(a.size):
            s += np.exp(a[i])
        return s

    @jit
    def power(a):
        s = 0.0
        for i in range(a.size):
            s += np.power(a[i], -1.5) + np.fmax(a[i], 0.5)
        return s
    for dtype in (np.float64, np.float32):
        for special in (0.5, 0.0, -0.0, -1.0, 1e4, -1e4, INF, -INF, NAN, 5e-324):
            a = numbers(low=0.5, dtype=dtype)
            a[250] = special
            for f in (root, log, exp, power):
                out(f, a)


@diff
def test_errstate(jit, out):
    @jit
    def f(a):
        s = 0.0
        for i in range(a.size):
            s += np.log(a[i]) + np.exp(-a[i])
        return s
    a = numbers(low=0.5)
    tiny = a.copy()
    a[250] = -1
    tiny[100] = 800.0
    for mode in ("ignore", "warn", "raise"):
        with np.errstate(all=mode):
            out(f, a)
            out(f, tiny)


@diff(filters=FILTERS)
def test_casts_by_scalar_types(jit, out):
    @jit
    def to8(a):
        s = 0
        for i in range(len(a)):
            s += int(np.uint8(a[i])) - int(np.int8(a[i]))
        return s

    @jit
    def to32(a):
        s = 0.0
        for i in range(len(a)):
            s += float(np.int32(a[i])) + float(np.float32(a[i])) + float(np.bool_(a[i]))
        return s

    @jit
    def to64(a):
        s = 0
        for i in range(len(a)):
            s ^= int(np.uint64(a[i])) ^ int(np.int64(a[i]))
        return s
    for dtype in (np.int8, np.uint8, np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64, np.bool_):
        for special in (100, 127, 128, 255, 256, 2**31, 2**32, 2**53 + 1, 2**62):
            a = (np.arange(300) % 100).astype(dtype)
            if dtype != np.bool_:
                a[210] = np.array(special).astype(dtype)
            out(to8, a)
            out(to32, a)
            out(to64, a)
    for special in (-1, -200, -2.5, 1e10, 1e19, 1e300, INF, NAN):
        a = np.arange(300) % 100 + 0.5
        a[210] = special
        out(to8, a)
        out(to32, a)
        out(to64, a)


@diff(filters=FILTERS)
def test_casts_of_python_numbers(jit, out):
    @jit
    def f(n, special):
        s = 0
        for i in range(n):
            x = i % 100
            if i == 210:
                x = special
            s += int(np.uint8(x)) + int(np.int16(x)) + int(np.uint64(x))
            s += int(np.float32(x)) + int(np.int64(x))
        return s
    for special in (3, -1, 255, 256, 40000, 2**31, 2**63, 2**64, 2.75, -0.5, 1e39, 1e300, NAN, True):
        out(f, 300, special)


@diff(native=False)
def test_calls_that_are_interpreted(jit, out):
    @jit
    def f(n, fn, a):
        r = None
        for i in range(n):
            r = fn(a)
        return r
    mine = np.frompyfunc(lambda x: x + 1, 1, 1)
    for fn in (np.sqrt, mine, np.isnan, np.signbit, np.modf, np.exp, np.float32, np.float16, np.longlong, np.invert):
        for a in (2.0, 3, np.float32(2), np.float16(2), np.arange(3.0), 1j, True, "x", None):
            out(f, 60, fn, a)


@diff(native=False)
def test_the_module_changes(jit, out):
    import types
    module = types.ModuleType("module")
    module.fn = np.sqrt

    @jit
    def f(n):
        s = 0.0
        for i in range(n):
            s += module.fn(i + 1.0)
            if i == n - 50:
                change()
        return s

    def change():
        module.fn = np.exp2 if module.fn is np.sqrt else np.sqrt
    for _ in range(6):
        out(f, 300)


@diff(native=False)
def test_outputs_and_keywords(jit, out):
    @jit
    def f(a, b):
        for i in range(60):
            np.sqrt(a, b)
            b += np.add(a, b, out=b)
        return b
    out(f, np.ones(5), np.zeros(5))
    out(f, np.ones(5), np.zeros(5))


@diff
def test_power_of_mixed_types(jit, out):
    """NumPy computes some with libm and some with its own loops."""
    @jit
    def f(a, b):
        s = 0.0
        for i in range(a.size):
            s += a[i] ** b
        return s
    for dtype in (np.int64, np.uint8, np.float32, np.float64):
        for b in (0.5, -1.5, 2.0, 1 / 3, np.float32(0.3), np.float64(0.3), np.int64(3), 3):
            out(f, numbers(low=1, high=9, dtype=dtype), b)


# --- integers and truth values --------------------------------------------------------------------

DTYPES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool_", "float32", "float64")
PYTHON = ("int", "float", "bool")
TWO = ("add", "subtract", "multiply", "bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift",
       "floor_divide", "remainder", "power", "maximum", "minimum", "fmax", "fmin", "equal", "not_equal", "less",
       "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_xor")
ONE = ("absolute", "abs", "negative", "invert", "bitwise_not", "positive", "logical_not", "isnan", "isinf", "isfinite")


def edges(kind):
    """Numbers of a kind, those at its ends among them."""
    if kind in PYTHON:
        return {"int": [0, 1, -1, 5, 63, 64, 127, 128, 255, 300, 2**31, 2**53 + 1, 2**63 - 1, -2**63, 2**64 - 1, 2**70],
                "float": [0.0, -0.0, 1.0, -2.5, 1e30, INF, -INF, NAN], "bool": [True, False]}[kind]
    dtype = getattr(np, kind)
    if kind == "bool_":
        return [dtype(True), dtype(False)]
    if kind.startswith("float"):
        return [dtype(x) for x in (0.0, -0.0, 1.0, -2.5, 1e30, INF, -INF, NAN, 5e-324)]
    info = np.iinfo(dtype)
    return [dtype(x) for x in {0, 1, 2, 5, 7, 8, 31, 63, int(info.max), int(info.max) - 1, int(info.min), int(info.min) + 1,
                               int(info.max) // 2 + 1, max(int(info.min), -1), max(int(info.min), -3)}]


def plain(kind):
    return {"int": 3, "float": 1.5, "bool": True}[kind] if kind in PYTHON else getattr(np, kind)(1.5 if "float" in kind else 1)


def loop_of(expression):
    """The result is boxed, and used as it is in a register."""
    space = {"np": np}
    exec(f"""\
def f(a, b, c, d, n):
    r = s = None
    for i in range(n):
        if i == n - 3:
            a = c
            b = d
        r = {expression}
        s = float(r)
    return r, s
""", space)
    return space["f"]


def outcome(f, *args):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = "returned", freeze(f(*args))
        except Exception as e:
            result = "raised", freeze(e), e.__traceback__.tb_next.tb_lineno
    return result, [(w.category, str(w.message), w.lineno) for w in caught]


def compare(expression, left, right):
    """Plain operands, then pairs of edges in mid-loop. The share that was native, or None if the plain ones raise."""
    import hotloop
    expected = loop_of(expression)
    first = plain(left), plain(right)
    with params(threshold=2, sync=1):
        jitted = hotloop.jit(loop_of(expression))
        want = outcome(expected, *first, *first, 400)
        for _ in range(3):
            assert outcome(jitted, *first, *first, 400) == want
        share = native.native_share(jitted)
        for a, b in itertools.product(edges(left), edges(right)):
            if "power" in expression and isinstance(b, int) and abs(b) > (100 if left in PYTHON else 2**63):
                continue  # by Python's ints, in NumPy 1.x: digits without end
            args = *first, a, b, 7
            assert outcome(jitted, *args) == outcome(expected, *args), f"{expression} of {a!r} and {b!r}"
    return None if "raised" in want[0] else share


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("left", DTYPES)
def test_two_numbers(name, left):
    for right in (left, "int", DTYPES[DTYPES.index(left) - 4]):
        share = compare(f"np.{name}(a, b)", left, right)
        dtype = np.result_type(*(getattr(np, kind) for kind in (left, right) if kind != "int"))
        if share is not None and dtype.kind in "iu":
            assert share > 0.9, f"{name} of {left} and {right}: {share}"


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("left, right", list(itertools.product(PYTHON, PYTHON)))
def test_two_python_numbers(name, left, right):
    compare(f"np.{name}(a, b)", left, right)


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("kind", DTYPES + PYTHON)
def test_one_number(name, kind):
    share = compare(f"np.{name}(a)", kind, kind)
    if share is not None and (kind.startswith(("int", "uint")) or name in ("isnan", "isinf", "isfinite", "logical_not")):
        assert share > 0.9, f"{name} of {kind}: {share}"
