"""Every operator and math function on the values at the edges of its types. Each operator and pair of types
is one loop that has been compiled for ordinary values; the edge comes in mid-loop."""

import itertools
import math
import warnings

import numpy as np
import pytest

import native
from differ import params
from freeze import freeze

INTS = [0, 1, -1, 3, 63, 64, 2**31, 2**53 + 1, -2**53 - 1, 2**62, 2**63 - 1, -2**63, 2**63, -2**63 - 1, 2**64]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, 63.0, 2.0**53, 2.0**63, -2.0**63, 1e308, -1e308, 5e-324, 1e-310,
          float("inf"), float("-inf"), float("nan")]
EDGES = {
    "int": INTS,
    "float": FLOATS,
    "bool": [True, False],
    "np.float64": [np.float64(x) for x in FLOATS],
    "np.int64": [np.int64(x) for x in INTS if -2**63 <= x < 2**63],
}
PLAIN = {"int": 3, "float": 1.5, "bool": True, "np.float64": np.float64(1.5), "np.int64": np.int64(3)}
FOR_FLOATS = ["+", "-", "*", "/", "//", "%", "**", "<", "<=", "==", "!=", ">", ">="]
FOR_INTS = ["<<", ">>", "&", "|", "^"]


def too_big(op, a, b):
    """Results with millions of digits take too long, in CPython. NumPy's ints are Python's where one operand
    is beyond 64 bits (in 1.x)."""
    if isinstance(a, float) or isinstance(b, float):
        return False
    exact = type(a) in (int, bool) and type(b) in (int, bool) or \
        any(type(x) is int and not -2**63 <= x < 2**63 for x in (a, b))
    return exact and (op == "**" and abs(int(a)) > 1 and abs(int(b)) > 1000 or op == "<<" and int(b) > 10**5)


def outcome(f, *args):
    """What a call gives, warnings included."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = freeze(f(*args))
        except Exception as e:
            tb = e.__traceback__.tb_next
            result = "raised", freeze(e), tb.tb_lineno, freeze(tb.tb_frame.f_locals)
    return result, [(w.category, str(w.message), w.lineno) for w in caught]


def make(expression):
    space = {"math": math}
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


def compare(expression, plain, edges):
    import hotloop
    with params(threshold=2, sync=1):
        expected, jitted = make(expression), hotloop.jit(make(expression))
        for _ in range(3):
            assert outcome(jitted, *plain, *plain, 60) == outcome(expected, *plain, *plain, 60)
        for edge in edges:
            args = (*plain, *edge, 7)
            assert outcome(jitted, *args) == outcome(expected, *args), f"{expression} with {edge}"
    return native.native_iterations(jitted)


@pytest.mark.parametrize("op", FOR_FLOATS + FOR_INTS)
@pytest.mark.parametrize("left", EDGES)
def test_binary(op, left):
    for right in EDGES:
        if op in FOR_INTS and "float" in left + right:
            continue
        edges = [(a, b) for a, b in itertools.product(EDGES[left], EDGES[right]) if not too_big(op, a, b)]
        ran = compare(f"a {op} b", (PLAIN[left], PLAIN[right]), edges)
        assert ran > 0, f"{left} {op} {right}"


def square_agrees(x):
    """Is x * x what x ** 2 gives? It may be one unit in the last place better."""
    try:
        with np.errstate(all="ignore"):
            return freeze(x * x) == freeze(x ** 2)
    except OverflowError:
        return True


@pytest.mark.parametrize("op", ["-a", "+a", "~a", "not a", "abs(a)", "int(a)", "float(a)", "bool(a)", "a ** 2", "a * a",
                                "a is None", "1 if a else 2", "min(a, 2)", "max(2.5, a)", "min(a, b)", "max(a, b)"])
def test_unary(op):
    for name, values in EDGES.items():
        if op == "~a" and "float" in name:
            continue
        if op == "a ** 2" and "float" in name:
            values = list(filter(square_agrees, values))
        ran = compare(op, (PLAIN[name], PLAIN[name]), [(v, w) for v in values for w in values[:4]])
        assert ran > 0, (op, name)


ONE = ["sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "exp",
       "expm1", "log1p", "log", "log2", "log10", "cbrt", "exp2", "fabs", "erf", "erfc", "floor", "ceil", "trunc",
       "isnan", "isinf", "isfinite", "degrees", "radians", "gamma", "lgamma"]
TWO = ["atan2", "pow", "fmod", "copysign", "log", "hypot", "remainder"]
MATH_FLOATS = FLOATS + [-0.5, 2.0, -3.0, 170.5, 709.0, 710.5, -745.5, 1e22, 1e-20, -1.0000000000000002, 0.9999999]


@pytest.mark.parametrize("name", ONE)
def test_math(name):
    edges = {"float": MATH_FLOATS, "int": INTS + [2**1100], "bool": [True, False],
             "np.float64": [np.float64(x) for x in MATH_FLOATS], "np.int64": EDGES["np.int64"]}
    first = {"acosh": 1.0, "asin": 0.5, "acos": 0.5, "atanh": 0.5}.get(name, 1.5)
    plain = {"float": first, "int": 1, "bool": True, "np.float64": np.float64(first), "np.int64": np.int64(1)}
    for kind, values in edges.items():
        if (name, kind) in {("atanh", "int"), ("atanh", "bool"), ("atanh", "np.int64")}:
            continue  # not defined for any of these but 0
        compare(f"math.{name}(a)", (plain[kind], 0), [(v, 0) for v in values])


@pytest.mark.parametrize("name", TWO)
def test_math_of_two(name):
    for left, right in [("float", "float"), ("int", "float"), ("float", "int"), ("np.float64", "np.float64"),
                        ("int", "int")]:
        compare(f"math.{name}(a, b)", (PLAIN[left], PLAIN[right]), itertools.product(EDGES[left], EDGES[right]))
