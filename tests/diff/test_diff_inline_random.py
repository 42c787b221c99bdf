"""Random programs, as in test_diff_random.py, whose loops call random functions."""

import os

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import differ
from test_diff_random import FLOATS, INTS, condition, float_expr, indent, int_expr, statements

EXAMPLES = int(os.environ.get("HOTLOOP_FUZZ", "0"))
NAMES = ("g0", "g1", "g2")


@st.composite
def call(draw, names):
    name = draw(st.sampled_from(names))
    form = draw(st.sampled_from([
        "{f}({a}, {b}, u, v)", "{f}({a}, u=u, v=v, b={b})", "{f}({a}, {b}, u, v, {x})", "{f}({a}, {b}, v, u)",
        "{f}({a}, {b}, u, v, c={c})", "{f}({a}, {b}, u, v, c={c}, x={x})", "{f}({a}, b, u, v, {b})", "{f}({a})"]))
    return form.format(f=name, a=draw(int_expr(1)), b=draw(int_expr(1)), c=draw(int_expr(1)),
                       x=draw(float_expr(1)))


@st.composite
def call_statement(draw, names):
    target = draw(st.sampled_from([*INTS, *FLOATS, "s", "t"]))
    op = draw(st.sampled_from(["=", "=", "+=", "-="]))
    return f"{target} {op} {draw(call(names))}"


@st.composite
def functions(draw, index):
    """g<index>, which may call the ones before it, and sometimes itself."""
    head = ["i, n, y, s, t, j, k = int(a) & 15, 20, 1.5, 0, 0.0, 0, 0"]
    body = draw(statements(draw(st.integers(0, 2)), False, 4, least=0))
    if draw(st.booleans()):
        body.append(f"if {draw(condition())}:")
        body.append(f"    return {draw(st.one_of(int_expr(1), float_expr(1)))}")
    if index and draw(st.booleans()):
        body.append(draw(call_statement(NAMES[:index])))
    if draw(st.integers(0, 3)) == 0:
        body += ["if depth > 0:", f"    s += g{index}(b, a, u, v, depth=depth - 1)"]
    body += draw(statements(1, False, 2, least=0))
    body.append("a, b, c = int(a) & 0xFFFFFFFFF, b, c")
    result = draw(st.sampled_from(["a", "b + s", "x", "t", "y * x", "c", "s", None, "u[i % len(u)]"]))
    body.append(f"return {result}")
    if "G = G + 1" in "\n".join(body):
        head.insert(0, "global G")
    jitted = ["@jit"] if draw(st.integers(0, 3)) == 0 else []
    return [*jitted, f"def g{index}(a, b=2, u=U, v=V, x=0.5, *, c=2, depth=2):", *indent([*head, *body])]


@st.composite
def programs(draw):
    count = draw(st.integers(1, 3))
    defined = [line for k in range(count) for line in draw(functions(k))]
    body = draw(statements(1, True, 4, least=0))
    for _ in range(draw(st.integers(1, 3))):
        body.append(draw(call_statement(NAMES[:count])))
    if draw(st.booleans()):
        body = ["try:", *indent(body), "except (ZeroDivisionError, OverflowError, ValueError, TypeError):",
                "    a += 1"]
    if draw(st.integers(0, 3)) == 0:
        body += ["if i == 37:", f"    g0 = {draw(st.sampled_from(NAMES[:count]))}"]
    body += ["if i & 7 == 3:", *(f"    {name} = int({name}) & 0xFFFFFFFF" for name in INTS)]
    head = ["global G, g0", "a, b, c, i, j, k, s, t = 3, -7, 1, 0, 0, 0, 0, 0.0", "x, y = 0.5, 2.0"]
    function = ["@jit", "def f(n, u, v):", *indent([*head, "for i in range(n):", *indent(body),
                                                      "return a, b, c, i, j, k, s, t, x, y, u, v"])]
    calls = ["for n in (3, 40, 41, 60, 320):",
             "    out(f, n, np.arange(11) * 0.5 - 2.0, np.arange(9) - 4)"]
    names = "global G, U, V, " + ", ".join(NAMES)
    return "\n".join(["def program(jit, out):",
                      *indent([names, "G, U, V = 5, np.arange(4) * 0.5, np.arange(5)", *defined, *function,
                               *calls])])


@settings(max_examples=EXAMPLES or 30, deadline=None, derandomize=not EXAMPLES, database=None,
          suppress_health_check=list(HealthCheck))
@given(programs())
def test_random_calls(source):
    import math
    program = differ.Program.of_text(source)
    program.namespace.update(np=np, math=math, H=0.125)
    for mode in differ.MODES:
        try:
            differ.compare(program, mode, native_expected=False)
        except AssertionError as difference:
            raise AssertionError(f"{source}\n\n{difference}") from None
