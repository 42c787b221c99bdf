"""Random small programs: loops over numbers and arrays that Hypothesis makes, compared in every mode.

Integers stay small because what could make them explode is masked; everything else may happen: errors
of every kind, NaN, overflow into big ints, other types in mid-loop. The programs are the same in every run;
HOTLOOP_FUZZ=N tries N others."""

import os

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import differ

EXAMPLES = int(os.environ.get("HOTLOOP_FUZZ", "0"))

INTS = ("a", "b", "c")
FLOATS = ("x", "y")
ARRAYS = ("u", "v")  # float64, int64


@st.composite
def int_expr(draw, depth=2):
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from([*INTS, "i", "n", "0", "1", "-1", "2", "3", "7", "-5", "255", "True",
                                     "2**40", "9223372036854775807", "G"]))
    left, right = draw(int_expr(depth - 1)), draw(int_expr(depth - 1))
    form = draw(st.sampled_from([
        "({l} + {r})", "({l} - {r})", "(({l} & 0xFFFFF) * ({r} & 0xFFFF))", "({l} * 3)", "({l} & {r})",
        "({l} | {r})", "({l} ^ {r})", "({l} // {r})", "({l} % {r})", "({l} << ({r} & 7))", "({l} >> ({r} & 15))",
        "(-{l})", "(~{l})", "abs({l})", "min({l}, {r})", "max({l}, {r})", "int({l})", "({l} if {r} > 2 else {r})",
        "({l} < {r})", "(({l} & 7) ** ({r} & 7))", "({l} and {r})", "({l} or {r})", "(not {l})",
        "len(u)", "v.size", "({l} * {r} & 0x7FFFFFFFFFFFFFFF)"]))
    return form.format(l=left, r=right)


@st.composite
def float_expr(draw, depth=2):
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from([*FLOATS, *INTS, "i", "0.5", "-0.0", "1.0", "-2.25", "1e10", "H"]))
    left, right = draw(float_expr(depth - 1)), draw(float_expr(depth - 1))
    form = draw(st.sampled_from([
        "({l} + {r})", "({l} - {r})", "({l} * {r})", "({l} * 0.75)", "({l} / {r})", "({l} // {r})", "({l} % {r})",
        "(-{l})", "abs({l})", "min({l}, {r})", "max({l}, {r})", "float({l})", "math.sqrt(abs({l}))",
        "math.sin({l})", "({l} if {l} < {r} else {r})", "u[i % len(u)]", "v[i % len(v)]", "({l} + True)"]))
    return form.format(l=left, r=right)


@st.composite
def condition(draw):
    left = draw(st.one_of(int_expr(1), float_expr(1)))
    right = draw(st.one_of(int_expr(1), float_expr(1)))
    return draw(st.sampled_from([
        "{l} < {r}", "{l} <= {r}", "{l} == {r}", "{l} != {r}", "{l} > {r}", "i % 3 == 1", "i & 1", "{l} < i < {r}",
        "{l} < {r} and i > 4", "{l} > {r} or i == 20", "not {l} < {r}", "i > n - 4", "i == 30"])).format(
            l=left, r=right)


@st.composite
def statements(draw, depth, in_loop, size, least=1):
    lines = []
    for _ in range(draw(st.integers(least, size))):
        kind = draw(st.integers(0, 13))
        if kind <= 2:
            lines.append(f"{draw(st.sampled_from(INTS))} = {draw(int_expr())}")
        elif kind == 3:
            op = draw(st.sampled_from(["+=", "-=", "^=", "|=", "&=", "//=", "%="]))
            lines.append(f"{draw(st.sampled_from(INTS))} {op} {draw(int_expr(1))}")
        elif kind <= 5:
            lines.append(f"{draw(st.sampled_from(FLOATS))} = {draw(float_expr())}")
        elif kind == 6:
            array = draw(st.sampled_from(ARRAYS))
            index = draw(st.sampled_from(["i", "i % len(u)", "-i - 1", "a % 11", "-1", "b & 3"]))
            op = draw(st.sampled_from(["=", "=", "+=", "*="]))
            value = draw(st.one_of(int_expr(1), float_expr(1)))
            lines.append(f"{array}[{index}] {op} {value}")
        elif kind == 7:
            p, q = draw(st.sampled_from([("a", "b"), ("x", "y"), ("b", "c"), ("a", "c"), ("y", "x"), ("a", "x")]))
            lines.append(f"{p}, {q} = {q}, {p}")
        elif kind <= 9 and depth:
            lines += [f"if {draw(condition())}:", *indent(draw(statements(depth - 1, in_loop, 3)))]
            if draw(st.booleans()):
                lines += ["else:", *indent(draw(statements(depth - 1, in_loop, 3)))]
        elif kind == 10 and depth:
            stop = draw(st.sampled_from(["5", "i % 4", "n // 16", "3, 0, -1", "0, 12, 5"]))
            name = draw(st.sampled_from(["j", "k", "c"]))
            lines += [f"for {name} in range({stop}):", *indent(draw(statements(depth - 1, True, 3)))]
        elif kind == 11 and depth:
            lines += ["try:", *indent(draw(statements(depth - 1, in_loop, 3))),
                      "except (ZeroDivisionError, OverflowError, ValueError, IndexError):", "    a += 1"]
        elif kind == 12 and in_loop:
            lines += [f"if {draw(condition())}:", "    " + draw(st.sampled_from(["break", "continue"]))]
        elif kind == 13:
            lines.append(draw(st.sampled_from(["s += a", "t = t + x", "s += x", "s ^= G", "t -= y", "G = G + 1"])))
    return lines or ["pass"]


def indent(lines):
    return ["    " + line for line in lines]


@st.composite
def programs(draw):
    body = draw(statements(2, True, 8, least=3))
    # Big ints may grow for a while, but not until memory ends.
    body += ["if i & 15 == 9:", *(f"    {name} = {name} & 0xFFFFFFFFFFFF" for name in INTS)]
    loop = draw(st.sampled_from(["for i in range(n):", "while i < n:", "for i in range(n, 0, -1):"]))
    if loop.startswith("while"):
        body = ["i += 1", *body]
    head = ["global G", "a, b, c, i, j, k, s, t = 3, -7, 1, 0, 0, 0, 0, 0.0", "x, y = 0.5, 2.0"]
    function = ["@jit", "def f(n, u, v):", *indent([*head, loop, *indent(body),
                                                      "return a, b, c, i, j, k, s, t, x, y, u, v"])]
    calls = ["for n in (3, 40, 41, 60, 320):",
             "    out(f, n, np.arange(11) * 0.5 - 2.0, np.arange(9) - 4)"]
    return "\n".join(["def program(jit, out):", *indent(["global G", "G = 5", *function, *calls])])


@settings(max_examples=EXAMPLES or 40, deadline=None, derandomize=not EXAMPLES, database=None,
          suppress_health_check=list(HealthCheck))
@given(programs())
def test_random_programs(source):
    import math
    program = differ.Program.of_text(source)
    program.namespace.update(np=np, math=math, H=0.125)
    for mode in differ.MODES:
        try:
            differ.compare(program, mode, native_expected=False)
        except AssertionError as difference:
            raise AssertionError(f"{source}\n\n{difference}") from None
