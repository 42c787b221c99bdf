"""The differential harness itself: it must see every kind of difference. Each test gives it a "JIT" that
does one thing wrong."""

import ast
import functools
import inspect
import warnings

import numpy as np
import pytest

import differ
import native
from freeze import freeze

LEVEL = 1


def program(jit, out):
    @jit
    def f(n, x):
        s = x
        for i in range(n):
            s = s + 1
        return s
    out(f, 5, 0)
    out(f, 5, 0.5)
    out(f, 0, -0.0)
    out(f, 1, np.float64(2))


def wrapping(change):
    """A JIT whose functions run plainly and then change the result."""
    def jit(func):
        return functools.wraps(func)(lambda *args: change(func(*args)))
    return jit


def differs(program, jit, filters="always", square=False):
    with pytest.raises(differ.Difference):
        differ.compare(differ.Program.of(program, square), "eager", filters, jit=jit)


def test_the_identity_makes_no_difference():
    differ.compare(differ.Program.of(program), "eager", jit=lambda f: f)


@pytest.mark.parametrize("change", [
    lambda r: r + 1,
    lambda r: float(r) if type(r) is int else r,          # another type
    lambda r: r + 0.0 if type(r) is float else r,         # -0.0 becomes 0.0
    lambda r: float(r) if isinstance(r, np.float64) else r,
    lambda r: [r],
], ids=["value", "type", "zero", "scalar", "list"])
def test_results(change):
    differs(program, wrapping(change))


def test_frozen_values():
    nan = np.array([0x7ff8000000000001, 0xfff8000000000000], np.uint64).view(float)
    same, other = [1], [1]
    pairs = [(1, True), (1, 1.0), (0.0, -0.0), (1.0, np.float64(1)), (np.int64(1), 1), (np.bool_(1), True),
             (float(nan[0]), float(nan[1])), (nan, nan[::-1]), (np.zeros(2), np.zeros(2, np.float32)),
             (np.zeros(2), np.zeros(4)[::2]), (np.zeros(2), -np.zeros(2)), ((1,), [1]), ({1: 2}, {1: 2.0}),
             ([same, same], [same, other]), ({1: 1, 2: 2}, {2: 2, 1: 1}), ("1", b"1"),
             (iter(range(3)), iter(range(1, 3))), (ValueError(1), ValueError(True)),
             (ValueError(1), KeyError(1)), (10**30, 10**30 + 1), (1j, complex(-0.0, 1))]
    for a, b in pairs:
        assert freeze(a) == freeze(a)
        assert freeze(a) != freeze(b)
    frozen = np.zeros(2)
    frozen.flags.writeable = False
    assert freeze(frozen) != freeze(np.zeros(2))


def raising(jit, out):
    @jit
    def f(d):
        s = 0
        for i in range(10):
            s += 1 // (d - i)
        return s
    out(f, 5)


@pytest.mark.parametrize("error", [KeyError, ZeroDivisionError, None])
def test_exceptions(error):
    def jit(func):
        def f(*args):
            try:
                return func(*args)
            except ZeroDivisionError:
                if error:
                    raise error("other") from None
        return f
    differs(raising, jit)


def test_traceback_lines():
    def jit(func):
        def other(d):
            s = 0
            for i in range(10):
                t = d - i
                s += 1 // t  # the same error, elsewhere
            return s
        func.__code__ = other.__code__.replace(co_name="f", co_qualname=func.__code__.co_qualname,
                                               co_filename=func.__code__.co_filename)
        return func
    differs(raising, jit)


def test_locals_in_the_traceback():
    def jit(func):
        code = func.__code__  # `s` ends with another value: one iteration's addition is lost
        func.__code__ = code.replace(co_consts=tuple(1 if c == 0 and c is not False else c
                                                     for c in code.co_consts))
        return func
    differs(raising, jit)


def effects(jit, out):
    class Noisy:
        def __del__(self):
            out.note("dead")

    @jit
    def f(a, log):
        global LEVEL
        for i in range(3):
            a[i] = i
        LEVEL = 2
        print("printed")
        warnings.warn("careful")
        log.append(1)
        x = Noisy()
        x = None
        print("end")
        return x
    out(f, np.zeros(3), [])


@pytest.mark.parametrize("lost", ["a[i] = i", "LEVEL = 2", "print('printed')", "warnings.warn('careful')",
                                  "log.append(1)", "x = None", "x = Noisy()"])
def test_side_effects(lost):
    """Leaves one statement of the function out; must be missed."""
    full = differ.Program.of(effects)
    part = differ.Program.of(effects)

    class Without(ast.NodeTransformer):
        def generic_visit(self, node):
            if isinstance(node, ast.stmt) and ast.unparse(node) == lost:
                return ast.copy_location(ast.Pass(), node)
            return super().generic_visit(node)
    ast.fix_missing_locations(Without().visit(part.tree))
    expected, _ = full.run(None)
    assert full.run(None)[0] == expected
    assert part.run(None)[0] != expected


def test_warning_filters_reach_the_program():
    events, _ = differ.Program.of(effects).run(None, filters="error")
    assert any(event[0] == "raised" for event in events)


def test_cells():
    def cells(jit, out):
        k = 0

        @jit
        def f(n):
            nonlocal k
            for i in range(n):
                k += 1
        out(f, 3)

    def jit(func):
        def f(n):
            func(n)
            func.__closure__[0].cell_contents = 77
        f.__wrapped__ = func
        return f
    program = differ.Program("".join(inspect.getsourcelines(cells)[0]), __file__, 1, "cells", {})
    with pytest.raises(differ.Difference):
        differ.compare(program, "eager", jit=jit)


def test_state_does_not_leak_between_runs():
    def counting(jit, out):
        def f():
            pass
        f.calls = getattr(f, "calls", 0) + 1
        global SEEN
        SEEN = globals().get("SEEN", 0) + 1
        out.value(f.calls, SEEN, f.__code__.co_firstlineno)
    program = differ.Program("".join(inspect.getsourcelines(counting)[0]), __file__, 1,
                             "counting", {"__builtins__": __builtins__})
    assert program.run(None)[0] == program.run(None)[0]
    assert program.make(True)[0].__code__ is not program.make(True)[0].__code__


def squares(jit, out):
    class Number:
        def __pow__(self, k):
            return "power"

        def __mul__(self, other):
            return "product"

    @jit
    def f(x, a):
        y = x
        y **= 2
        return x ** 2, a[0] ** 2, y, 3 ** 2
    out(f, Number(), [Number()])


def test_square_is_rewritten_in_the_reference():
    for square, word in ((True, "product"), (False, "power")):
        events, _ = differ.Program.of(squares, square=square).run(None)
        assert events[1] == ("returned", freeze((word, word, word, 9)))


def test_check_takes_source_and_functions():
    wrong = wrapping(lambda r: r + 1)
    for function in ("def f(n):\n    return n\n", identity):
        differ.check(function, lambda: (3,), "eager", jit=lambda f: f)
        with pytest.raises(differ.Difference):
            differ.check(function, lambda: (3,), "eager", jit=wrong)


def identity(n):
    return n


def test_boxed_operations_are_found():
    text = """\
region f slots 3 loops 1 entry x0
entry(%0: obj = slot 0, %1: i64 = slot 1): pc 4
  %2: i64 = unbox_i64 %0 -> x0
  jump b1(%1)
b1(%3: i64): pc 4 loop 0 in 0
  %4: bool = icmp lt %3 %2
  guard_true %4 -> x1
  %5: i64 = add_ov %3 %2 -> x2
  jump b1(%5)
b2: pc 9 in 0
  %6: f64 = unbox_f64 %0
  jump b1(%3)
x0: entry pc 4 [0: %0]
x1: branch pc 4 [0: %0] -> b2
x2: overflow pc 4 [0: %0]
"""
    assert native.boxed_in(text) == ["b2: %6: f64 = unbox_f64 %0"]
    assert native.boxed_in(text.replace("x1: branch pc 4 [0: %0] -> b2", "x1: branch pc 4 [0: %0]")) == []
    loaded = text.replace("%5: i64 = add_ov %3 %2", "%7: obj = load_global #0 -> x2\n  %5: i64 = add_ov %3 %2")
    assert len(native.boxed_in(loaded)) == 2
    with pytest.raises(AssertionError):
        native.boxed_in("")


def test_a_function_that_never_ran_is_not_native():
    def f():
        pass
    with pytest.raises(AssertionError):
        native.assert_native(f, 0.9, 10)
