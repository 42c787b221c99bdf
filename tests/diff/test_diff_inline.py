"""Calls of Python functions in loops: compiled inline, and left in the middle of them."""

import gc
import sys
import types
import weakref

import numpy as np
import pytest

import native
from differ import Program, compare, diff, params


def _native(function, mode, share=0.9):
    """Runs a test's program in a mode; each of its jitted functions must run that share natively."""
    _, functions = function.program.run(mode)
    for f in functions:
        native.assert_native(f, share)


@diff
def test_positional_keyword_and_default_arguments(jit, out):
    def g(a, b=2, /, c=3, *, d=4, e=5):
        return ((((a * 10) + b) * 10 + c) * 10 + d) * 10 + e

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += g(i) + g(i, 1) + g(i, 1, 2) + g(i, 1, c=3) + g(i, c=i, d=7) + g(i, e=i, d=i + 1)
        return s
    for n in (3, 400, 400):
        out(f, n)


@diff
def test_arguments_that_do_not_fit(jit, out):
    def g(a, b=2, *, c=3):
        return a + b + c

    @jit
    def f(n, how):
        s = 0
        for i in range(n):
            s += g(i, 1)
            if i == 300:
                if how == 0:
                    s += g()
                elif how == 1:
                    s += g(1, 2, 3)
                elif how == 2:
                    s += g(1, a=2)
                elif how == 3:
                    s += g(1, d=2)
        return s
    for how in (4, 0, 1, 2, 3, 4):
        out(f, 500, how)


@diff
def test_nested_four_levels(jit, out):
    def a(x):
        return x + 1

    def b(x):
        return a(x) * 2

    def c(x, y):
        return b(x) - a(y)

    def d(x):
        return c(x, x + 3) + b(x)

    @jit
    def f(n):
        s = 0.0
        for i in range(n):
            s += d(i * 0.5)
        return s
    for n in (3, 400, 400):
        out(f, n)


@diff
def test_branches_and_early_returns(jit, out):
    def absolute(x):
        return x if x > 0 else -x

    def kind(x):
        if x < 0:
            return 0
        if x == 0:
            return 1
        if x > 100:
            return x
        return 2

    @jit
    def f(n):
        s = 0
        for i in range(n):
            x = (i * 7919) % 251 - 125
            s += absolute(x) * kind(x) + kind(-x)
        return s
    for n in (3, 1000, 1000):
        out(f, n)


@diff
def test_different_result_types(jit, out):
    def g(x):
        if x % 3 == 0:
            return x
        if x % 3 == 1:
            return x * 0.5
        return x > 10

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += g(i)
        return s
    for n in (3, 600, 600):
        out(f, n)


@diff
def test_none_as_result_and_argument(jit, out):
    def g(x, y=None):
        if y is None:
            y = 3
        z = x + y

    def h(x, y):
        return x if y is None else y

    @jit
    def f(n):
        s = 0
        for i in range(n):
            r = g(i)
            s += h(i, r)
            s += h(i, None) if r is None else 5
        return s
    for n in (3, 500, 500):
        out(f, n)


@diff
def test_loops_in_the_callee(jit, out):
    def dot(a, b, n):
        s = 0.0
        for k in range(n):
            s += a[k] * b[k]
        return s

    def collatz(x):
        steps = 0
        while x != 1:
            x = x // 2 if x % 2 == 0 else 3 * x + 1
            steps += 1
        return steps

    @jit
    def f(n):
        a, b, s, t = arr, arr2, 0.0, 0
        for i in range(1, n):
            s += dot(a, b, i % 30)
            t += collatz(i)
        return s, t
    arr = np.arange(30) * 0.25
    arr2 = np.arange(30) * 1.5 - 7
    for n in (3, 300, 300):
        out(f, n)


@diff
def test_bounded_recursion(jit, out):
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    def power(x, n):
        if n == 0:
            return 1
        return x * power(x, n - 1)

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += power(i % 5, 2) + fib(i % 3)
        return s

    @jit
    def deep(n):
        s = 0
        for i in range(n):
            s += fib(6) + power(2, i % 8)
        return s
    for n in (3, 400, 400):
        out(f, n)
        out(deep, n)


@diff
def test_mutual_recursion_of_jitted_functions(jit, out):
    @jit
    def even(n, k):
        s = 0
        for i in range(n):
            s += i
            if k > 0:
                s += odd(3, k - 1)
        return s

    @jit
    def odd(n, k):
        s = 1
        for i in range(n):
            s += 2 * i
            if k > 0:
                s += even(3, k - 1)
        return s
    for k in (0, 1, 2, 3, 3):
        out(even, 100, k)
        out(odd, 100, k)


@diff
def test_recursion_of_the_looping_function(jit, out):
    @jit
    def tree(depth, x):
        s = x
        if depth > 0:
            for i in range(4):
                s += tree(depth - 1, x + i)
        return s
    for depth in (1, 3, 5, 5):
        out(tree, depth, 1)


@diff
def test_closures(jit, out):
    def make(k, w):
        def g(x):
            return x * k + w
        return g

    @jit
    def f(g, n):
        s = 0
        for i in range(n):
            s += g(i)
        return s
    g = make(3, 0.5)
    for h in (g, g, make(4, 7), make(5, 8), g, make(True, 1)):
        out(f, h, 300)


@diff
def test_closure_over_a_variable_of_the_loop(jit, out):
    @jit
    def f(n):
        x = 0

        def g(y):
            return x + y
        s = 0
        for i in range(n):
            x = i
            s += g(i)
        return s, x

    @jit
    def reads(n, x):
        def g(y):
            return x * y
        s = 0
        for i in range(n):
            s += g(i) + x
        return s
    for n in (3, 300, 300):
        out(f, n)
        out(reads, n, 3)
        out(reads, n, 1.5)


@diff(native=False)
def test_callee_that_changes_a_cell(jit, out):
    def counter():
        n = 0

        def step(x):
            nonlocal n
            n += x
            return n
        return step

    @jit
    def f(n, step):
        s = 0
        for i in range(n):
            s += step(i)
        return s
    step = counter()
    for n in (3, 300, 300):
        out(f, n, step)


@diff
def test_callees_that_stay_calls(jit, out):
    def rest(a, *more):
        return a + len(more)

    def named(a, **more):
        return a + len(more)

    def shared(a):
        def inner():
            return a
        return inner()

    def generator(a):
        yield a

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += rest(i, 1, 2) + named(i, x=1) + shared(i) + next(generator(i))
        return s

    @jit
    def g(n):
        s = 0
        for i in range(n):
            s += 1
        return s
    for n in (3, 300):
        out(f, n)
    out(g, 300)


@diff
def test_raises_in_mid_loop(jit, out):
    def divide(a, b):
        c = a + 1
        return c // b

    def item(a, i):
        v = a[i]
        return v * 2

    @jit
    def zero(n, at):
        s = 0
        for i in range(n):
            s += divide(i, i - at)
        return s

    @jit
    def index(n, a):
        s = 0.0
        for i in range(n):
            s += item(a, i)
        return s
    a = np.arange(400) * 0.5
    for at in (-1, 250, 350, 2000):
        out(zero, 400, at)
    for n in (300, 401, 500, 400):
        out(index, n, a)


@diff
def test_raised_two_levels_down(jit, out):
    def inner(a, b):
        x = a * 2
        return x / b

    def outer(a, b):
        y = a - 1
        return inner(y, b) + y

    @jit
    def f(n, at):
        s = 0.0
        for i in range(n):
            s += outer(i, i - at)
        return s
    for at in (-1, 300, 350, -2):
        out(f, 400, at)


@diff
def test_caught_by_the_caller(jit, out):
    def divide(a, b):
        return a // b

    @jit
    def f(n, k):
        s = errors = 0
        for i in range(n):
            try:
                s += divide(i, i % k)
            except ZeroDivisionError as e:
                errors += e.__traceback__.tb_next.tb_lineno
        return s, errors
    for k in (500, 50, 7):
        out(f, 400, k)


@diff
def test_caught_by_the_callee(jit, out):
    def divide(a, b):
        try:
            return a // b
        except ZeroDivisionError:
            return -1

    @jit
    def f(n, k):
        s = 0
        for i in range(n):
            s += divide(i, i % k)
        return s
    for k in (500, 50, 7):
        out(f, 400, k)


@diff
def test_finally_in_the_callee(jit, out):
    def g(a, b):
        x = 0
        try:
            x = a // b
        finally:
            if b == 0:
                out.note("finally", a)
        return x

    @jit
    def f(n, k):
        s = 0
        for i in range(n):
            s += g(i, i - k)
        return s
    for k in (-1, 300, -1):
        out(f, 400, k)


@diff
def test_overflow_in_the_callee(jit, out):
    def g(x, y):
        z = x * y
        return z + 1

    @jit
    def f(n, y):
        s = 1
        for i in range(n):
            s = g(s, y) % 1000000007
        return s

    @jit
    def grows(n):
        s = 1
        for i in range(n):
            s = g(s, 3)
        return s
    for y in (3, 5, 2 ** 40, 7, 2 ** 70):
        out(f, 300, y)
    for n in (20, 60, 100):
        out(grows, n)


@diff
def test_type_change_in_the_callee(jit, out):
    def g(x, y):
        return x + y

    @jit
    def f(values, n):
        s = 0
        for i in range(n):
            s = g(s, values[i % 4])
        return s

    @jit
    def h(n, k):
        s = 0
        for i in range(n):
            if i == k:
                s = s + 0.5
            s = g(s, i)
        return s
    for k in (500, 200, 300, 300):
        out(h, 400, k)
    out(f, np.arange(4), 300)
    out(f, np.arange(4) * 0.5, 300)


@diff
def test_redefined_in_mid_run(jit, out):
    def one(x):
        return x + 1

    def two(x):
        return x * 2

    @jit
    def f(n, at):
        global callee_
        s = 0
        for i in range(n):
            if i == at:
                swap()
            s += callee_(i)
        return s

    def swap():
        global callee_
        callee_ = two if callee_ is one else one
    global callee_
    callee_ = one
    for at in (1000, 300, 300, 10, 399, 1000):
        out(f, 400, at)
    for i in range(20):
        swap()
        out(f, 100, 1000)
    callee_ = abs
    out(f, 300, 1000)
    callee_ = one
    out(f, 300, 1000)
    del callee_
    out(f, 300, 1000)


@diff
def test_swapped_code_and_defaults(jit, out):
    def g(x, y=1, *, z=2):
        return x + y + z

    def other(x, y=1, *, z=2):
        return x * y - z

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += g(i)
        return s
    out(f, 300)
    out(f, 300)
    first = g.__code__
    g.__code__ = other.__code__
    out(f, 300)
    g.__defaults__ = (5,)
    out(f, 300)
    g.__kwdefaults__ = {"z": 7}
    out(f, 300)
    g.__kwdefaults__["z"] = 2.5
    out(f, 300)
    g.__code__ = first
    out(f, 300)
    g.__defaults__ = None
    out(f, 300)
    g.__defaults__ = (1, 2)
    out(f, 300)
    g.__kwdefaults__ = None
    out(f, 300)
    g.__kwdefaults__ = {"z": 1}
    out(f, 300)


@diff
def test_functions_as_arguments(jit, out):
    def add(x, y):
        return x + y

    def mul(x, y):
        return x * y

    def twice(g, x):
        return g(g(x, x), 1)

    @jit
    def f(n, g, h):
        s = 0
        for i in range(n):
            s += twice(g, i) - twice(h, 2)
            if i == n // 2:
                g, h = h, g
        return s
    out(f, 400, add, mul)
    out(f, 400, mul, add)
    out(f, 400, add, add)
    out(f, 400, max, add)
    out(f, 400, lambda x, y: x - y, add)


@diff
def test_functions_as_items(jit, out):
    def one(x):
        return x + 1

    def two(x):
        return x * 2 if x < 50 else -x

    @jit
    def f(n, gs):
        s = 0
        for i in range(n):
            for g in gs:
                s += g(i)
            s += gs[i % len(gs)](3)
        return s
    out(f, 200, [one, two])
    out(f, 200, (two, one, one))
    out(f, 200, [abs, one])
    out(f, 200, [lambda x: x, two])


@diff
def test_lists_and_defaults_that_are_lists(jit, out):
    def push(x, to=[0]):
        to.append(x)
        return len(to)

    def last(items, i):
        items[i % len(items)] += 1
        return items[-1]

    @jit
    def f(n, items):
        s = 0
        for i in range(n):
            s += push(i, items) + last(items, i) + push(s)
        return s, items[:5]
    for n in (3, 300, 300):
        out(f, n, [1, 2, 3])
        out(f, n, [1.5])


@diff
def test_complex_numbers(jit, out):
    def step(z, c=0.25 + 0.1j):
        if abs(z) > 2:
            return z / 4
        return z * z + c

    @jit
    def f(n, z, w):
        for i in range(n):
            z = step(z)
            if i == 200:
                z = step(z, w)
        return z
    for w in (1j, 0.5, np.complex128(1 - 2j), "x"):
        out(f, 300, 0.1j, w)


@diff
def test_jitted_callees(jit, out):
    @jit
    def g(x, k=3):
        s = 0
        for i in range(k):
            s += x * i
        return s

    def h(x):
        return g(x) + g(x, 2) + g(x, k=x % 5)

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += h(i) + g(i)
        return s
    for n in (3, 300, 300):
        out(f, n)
        out(g, 2, n)
        out(h, n)


@diff
def test_callee_of_another_module(jit, out):
    other = types.ModuleType("other")
    exec("import math\nK = 3\ndef g(x):\n    return math.sqrt(x) * K + len(T)\n"
         "def h(x):\n    return g(x) - K\n", other.__dict__)
    other.T = np.arange(5)

    @jit
    def f(n):
        s = 0.0
        for i in range(n):
            s += g(i) + other.h(i)
        return s
    g = other.g
    out(f, 300)
    out(f, 300)
    other.K = 4
    out(f, 300)
    other.K = 2.5
    out(f, 300)
    other.math = types.SimpleNamespace(sqrt=lambda x: x)
    out(f, 300)
    del other.K
    out(f, 300)


@diff
def test_builtins_replaced_in_the_callees_module(jit, out):
    other = types.ModuleType("other")
    exec("def g(x):\n    return abs(x)\n", other.__dict__)
    g = other.g

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += g(i - 50)
        return s
    out(f, 300)
    other.abs = lambda x: x + 1
    out(f, 300)
    del other.abs
    out(f, 300)


@diff(filters=("always", "default", "error"))
def test_warnings_in_the_callee(jit, out):
    def inner(x, y):
        return x / y

    def outer(x, y):
        return inner(x, y) + 1

    @jit
    def f(n, a, k):
        s = 0.0
        for i in range(n):
            s += outer(a[i % 4], a[k] if i == 200 else a[1])
        return s
    a = np.array([1.0, 2.0, 0.0, 4.0])
    out(f, 300, a, 1)
    out(f, 300, a, 2)
    out(f, 300, a, 2)
    out(f, 300, a, 1)


@diff
def test_frames_seen_from_the_callee(jit, out):
    def look(x):
        frame, seen = sys._getframe(), []
        while frame.f_code.co_name != "program" and len(seen) < 5 and frame.f_code.co_name in known:
            seen.append((frame.f_code.co_name, frame.f_lineno,
                         sorted(k for k in frame.f_locals if k in "xyzis"),
                         frame.f_locals.get("x"), frame.f_locals.get("y"), frame.f_lasti))
            frame = frame.f_back
        out.value(seen)
        return x
    known = {"look", "inner", "outer", "f"}

    def inner(x):
        y = x * 2
        if y == 600:
            return look(y)
        return y

    def outer(x):
        y = x + 1
        return inner(x) + y

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += outer(i)
        return s
    for n in (3, 400, 400, 302):
        out(f, n)


@diff
def test_tracing_begins_in_the_callee(jit, out):
    def tracer(frame, event, arg):
        if frame.f_code.co_name in ("inner", "outer", "f"):
            seen.append((frame.f_code.co_name, event, frame.f_lineno))
        return tracer if len(seen) < 40 else None

    def profiler(frame, event, arg):
        if frame.f_code.co_name in ("inner", "outer", "f"):
            seen.append((frame.f_code.co_name, event, frame.f_lineno))

    def inner(x, how):
        y = x + 1
        if x == 250:
            if how == 1:
                sys.settrace(tracer)
            elif how == 2:
                sys.setprofile(profiler)
        return y

    def outer(x, how):
        return inner(x, how) * 2

    @jit
    def f(n, how):
        s = 0
        for i in range(n):
            s += outer(i, how)
        return s
    seen = []
    for how in (0, 1, 0, 2, 0):
        out(f, 400 if how == 0 else 260, how)
        sys.settrace(None)
        sys.setprofile(None)
        out.value(seen)
        seen.clear()


@diff
def test_objects_die_when_they_should(jit, out):
    class Noisy:
        def __init__(self, name):
            self.name = name

        def __del__(self):
            out.note("died", self.name)

    def g(x, thing):
        y = x + 1
        thing = None
        return y

    @jit
    def f(n, thing):
        s = 0
        for i in range(n):
            s += g(i, thing)
            if i == 200:
                thing = None
        return s
    out(f, 3, Noisy("a"))
    out(f, 300, Noisy("b"))
    out(f, 300, Noisy("c"))


@diff
def test_a_function_is_not_kept_alive(jit, out):
    class Thing:
        pass

    def make():
        thing = Thing()
        weakref.finalize(thing, out.note, "thing died")

        def g(x, default=2):
            return x + default if thing is not None else 0
        g.thing = thing
        weakref.finalize(g, out.note, "g died")
        return g

    @jit
    def f(n, g):
        s = 0
        for i in range(n):
            s += g(i)
        return s
    for n in (3, 300, 300):
        out(f, n, make())
    g = make()
    out(f, 300, g)
    del g
    out.note("end")


@diff
def test_ranges_and_lists_go_through(jit, out):
    def first(things, x):
        y = x + 1
        return y

    @jit
    def f(n, things):
        s = 0
        for i in range(n):
            s += first(things, i)
        return s
    for things in ([1], (2,), {}, [3], None, "x"):
        out(f, 300, things)


@diff
def test_nested_loop_and_while_around_calls(jit, out):
    def step(x, y):
        return x + y if x < 1000 else x - 999

    @jit
    def f(n, m):
        s = 0
        i = 0
        while i < n:
            for j in range(m):
                s = step(s, j)
            i += 1
        return s
    out(f, 3, 3)
    out(f, 30, 30)
    out(f, 30, 30)


@diff
def test_stores_of_the_callee(jit, out):
    def put(a, i, x):
        a[i] = x

    @jit
    def f(a, n):
        for i in range(n):
            put(a, i, i * 2)
        return a
    for n in (3, 50, 60, 50):
        out(f, np.zeros(50), n)


@diff
def test_unbound_variable_of_the_callee(jit, out):
    def g(x):
        if x < 300:
            y = x
        return y

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += g(i)
        return s
    for n in (250, 400, 250):
        out(f, n)


def _near_the_limit(jit, out):
    def g(x):
        return x + 1

    def h(x):
        return g(x) * 2

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += h(i)
        return s

    def down(k):
        return f(60) if k == 0 else down(k - 1)

    def room():
        try:
            return 1 + room()
        except RecursionError:
            return 0
    f(300)
    f(300)
    limit = sys.getrecursionlimit()
    base = 0
    frame = sys._getframe()
    while frame:
        base += 1
        frame = frame.f_back
    sys.setrecursionlimit(base + 60)
    try:
        for k in range(30, 64):
            try:
                out.value(k, down(k))
            except RecursionError as e:
                out.value(k, str(e))
    finally:
        sys.setrecursionlimit(limit)


def test_recursion_limit():
    """The same calls fail. (That a jitted function is called through C takes no level.)"""
    program = Program.of(_near_the_limit)
    expected, _ = program.run(None)
    for mode in ("eager", "sync"):
        actual, functions = program.run(mode)
        assert actual == expected
        native.assert_native(functions[0], 0.5)


@pytest.mark.parametrize("test", [
    test_positional_keyword_and_default_arguments, test_nested_four_levels, test_branches_and_early_returns,
    test_different_result_types, test_none_as_result_and_argument, test_loops_in_the_callee,
    test_jitted_callees, test_closures, test_caught_by_the_callee, test_ranges_and_lists_go_through,
    test_nested_loop_and_while_around_calls, test_stores_of_the_callee, test_frames_seen_from_the_callee],
    ids=lambda test: test.__name__)
def test_share(test):
    _native(test, "sync", 0.7)


MIXED = """
def absolute(x):
    return x if x > 0 else -x
def f(a, n):
    s = 0.0
    for i in range(n):
        s += absolute(a[i])
    return s
"""


def test_a_branch_on_mixed_data_stays_native():
    import hotloop
    names = {}
    exec(MIXED, names)
    f = hotloop.jit(names["f"])
    a = np.random.default_rng(1).normal(size=20000)
    with params(threshold=20, sync=1):
        for _ in range(3):
            assert f(a, a.size) == names["f"](a, a.size)
    native.assert_native(f, 0.98)


def test_no_leaks():
    """References and memory blocks after a thousand runs that leave machine code inside calls."""
    import hotloop

    def g(x, k, t=(1,)):
        y = x * 3
        return y // (x - k)

    def h(x, k):
        return g(x, k) + 1

    def f(n, k):
        s = 0
        for i in range(n):
            s += h(i, k)
        return s

    def run():
        try:
            return jitted(60, 40)
        except ZeroDivisionError as e:
            return e.__traceback__.tb_next.tb_next.tb_lineno
    with params(threshold=2, sync=1):
        jitted = hotloop.jit(f)
        for _ in range(30):
            run()
            jitted(60, 1000)
        native.assert_native(jitted, 0.3)
        gc.collect()
        counts = [sys.getrefcount(o) for o in (f, g, h, g.__code__, h.__code__, g.__defaults__, f.__globals__)]
        before = sys.getallocatedblocks()
        for _ in range(1000):
            run()
        gc.collect()
        assert sys.getallocatedblocks() - before < 60
        assert counts == [sys.getrefcount(o) for o in
                          (f, g, h, g.__code__, h.__code__, g.__defaults__, f.__globals__)]


def test_code_dies_with_its_function():
    """A region holds the code that is compiled inline, but nothing for ever."""
    import hotloop
    died = []

    def build():
        names = {}
        exec(MIXED + "def r(x):\n    return x if x < 1 else r(x - 1)\n"
             "def t(n):\n    s = 0\n    for i in range(n):\n        s += r(i % 2)\n        if n < 0:\n"
             "            t(n)\n    return s\n", names)
        for name in ("f", "absolute", "r", "t"):
            weakref.finalize(names[name].__code__, died.append, name)
        f, t = hotloop.jit(names["f"]), hotloop.jit(names["t"])
        with params(threshold=2, sync=1):
            for _ in range(3):
                f(np.arange(50.0), 50)
                t(50)
        native.assert_native(f, 0.5)
        native.assert_native(t, 0.5)
    build()
    gc.collect()
    assert sorted(died) == ["absolute", "f", "r", "t"]


def test_interrupted_in_a_callees_loop():
    """A signal handler sees the callee's frame, and the exception comes from there."""
    import signal
    import hotloop

    def spin(n):
        s = 0
        for k in range(n):
            s += k & 3
        return s

    def f(m, n):
        s = 0
        for i in range(m):
            s += spin(n)
        return s

    class Stop(Exception):
        pass

    def handler(signum, frame):
        raise Stop(frame.f_code.co_name)
    with params(threshold=2, sync=1):
        jitted = hotloop.jit(f)
        for _ in range(4):
            jitted(50, 50)
        old = signal.signal(signal.SIGALRM, handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.5)  # when it runs natively
            with pytest.raises(Stop) as raised:
                jitted(10 ** 9, 10 ** 6)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
    assert str(raised.value) == "spin"
    names = [frame.name for frame in raised.traceback]
    assert names[-3:] == ["f", "spin", "handler"]
