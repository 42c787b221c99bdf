"""Names: globals, builtins, closure cells and callees stay live while a loop runs."""

import sys

from differ import diff

SCALE = 3


def twice(x):
    return x + x


@diff
def test_global_read(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += i * SCALE
        return s
    global SCALE
    for value in (3, 4, 2.5, True, 10**30, 3):
        SCALE = value
        out(f, 400)


@diff
def test_global_rebound_by_the_loop_itself(jit, out):
    @jit
    def f(n):
        global SCALE
        s = 0
        for i in range(n):
            s += SCALE
            if i == n // 2:
                SCALE = SCALE + 1
        return s
    for n in (4, 400, 401):
        out(f, n)


@diff(native=False)
def test_global_rebound_by_a_callee(jit, out):
    def bump(i):
        global SCALE
        if i % 100 == 99:
            SCALE = -SCALE
        return 1

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += SCALE * bump(i)
        return s
    for n in (5, 400, 450):
        out(f, n)


@diff(native=False)
def test_global_counter(jit, out):
    @jit
    def f(n):
        global COUNTER
        for i in range(n):
            COUNTER += 1
            if COUNTER == 777:
                COUNTER = 0.5
        return COUNTER
    global COUNTER
    COUNTER = 0
    for n in (3, 400, 400, 400):
        out(f, n)
    del COUNTER
    out(f, 10)


@diff
def test_global_deleted_and_back(jit, out):
    @jit
    def f(n, at):
        global TEMP
        s = 0
        for i in range(n):
            s += TEMP
            if i == at:
                del TEMP
        return s
    global TEMP
    TEMP = 5
    out(f, 400, -1)
    out(f, 400, 350)
    out(f, 400, 350)
    TEMP = 6
    out(f, 400, -1)


@diff(native=False)
def test_missing_global_raises_each_time(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            try:
                s += no_such_name
            except NameError as e:
                s += len(str(e))
        return s
    out(f, 300)
    global no_such_name
    no_such_name = 1
    out(f, 300)


@diff
def test_builtin_shadowed_by_a_global(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += abs(i - 200) + max(i, 5)
        return s
    global abs, max
    out(f, 400)
    abs = lambda x: x * 1000  # noqa: E731
    out(f, 400)
    max = twice_of_both
    out(f, 400)
    del abs, max
    out(f, 400)


def twice_of_both(a, b):
    return 2 * (a + b)


@diff
def test_builtin_shadowed_in_mid_loop(jit, out):
    @jit
    def f(n, at):
        s = 0
        for i in range(n):
            s += abs(-i)
            if i == at:
                globals()["abs"] = twice
        return s
    out(f, 400, 10**6)
    out(f, 400, 300)
    out(f, 400, 10**6)
    del globals()["abs"]
    out(f, 400, 10**6)


@diff(native=False)
def test_builtins_module_changed(jit, out):
    import builtins

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += len("abc") + min(i, 7)
        return s
    out(f, 400)
    real = builtins.min
    builtins.min = lambda a, b: -1
    try:
        out(f, 400)
    finally:
        builtins.min = real
    out(f, 400)


@diff
def test_range_shadowed(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            for j in range(3):
                s += i * j
        return s
    global range
    out(f, 200)
    range = lambda n: [7] * n  # noqa: E731
    out(f, 200)
    del range
    out(f, 200)


@diff(native=False)
def test_callee_redefined(jit, out):
    global helper

    def helper(x):
        return x + 1

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += helper(i)
        return s
    out(f, 400)

    def helper(x):
        return x - 1
    out(f, 400)
    helper = abs
    out(f, 400)
    helper = None
    out(f, 400)


@diff(native=False)
def test_callee_redefined_in_mid_loop(jit, out):
    global helper

    def helper(x):
        global helper
        if x == 300:
            helper = twice
        return x + 1

    first = helper

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += helper(i)
        return s
    out(f, 400)
    out(f, 400)
    helper = first
    out(f, 400)


@diff(native=False)
def test_callee_code_swapped(jit, out):
    def helper(x, k=2):
        return x * k

    def other(x, k=5):
        return x - k

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += helper(i)
        return s
    out(f, 400)
    helper.__code__ = other.__code__
    out(f, 400)
    helper.__defaults__ = (9,)
    out(f, 400)
    helper.__defaults__ = None
    out(f, 400)


@diff
def test_own_code_swapped(jit, out):
    def f(n):
        s = 0
        for i in range(n):
            s += i
        return s

    def g(n):
        s = 1
        for i in range(n):
            s = (s * 3 + i) % 1009
        return s
    plain = f
    f = jit(f)
    out(f, 400)
    plain.__code__ = g.__code__
    out(f, 400)
    out(f, 400)


@diff
def test_closure_read(jit, out):
    def make(k):
        @jit
        def f(n):
            s = 0
            for i in range(n):
                s += i * k
            return s
        return f
    fs = [make(k) for k in (2, 3, 0.5, 10**20)]
    for f in fs * 2:
        out(f, 400)


@diff
def test_closure_written_by_the_loop(jit, out):
    def make():
        total = 0

        @jit
        def add(n):
            nonlocal total
            for i in range(n):
                total += i
            return total

        def read():
            return total
        return add, read
    add, read = make()
    for n in (3, 400, 10, 500):
        out(add, n)
        out(read)


@diff(native=False)
def test_closure_written_by_a_callee(jit, out):
    def make():
        k = 1

        def bump(i):
            nonlocal k
            if i % 120 == 119:
                k = k * 2 if k < 4 else 0.5
            return k

        @jit
        def f(n):
            s = 0
            for i in range(n):
                s += k
                s += bump(i)
            return s, k
        return f
    f = make()
    for n in (5, 400, 500):
        out(f, n)


@diff
def test_own_cells(jit, out):
    @jit
    def f(n):
        s = 0

        def show():
            return s
        for i in range(n):
            s += i
        return show(), s
    for n in (0, 3, 400, 400):
        out(f, n)


@diff
def test_cell_read_by_others_while_the_loop_runs(jit, out):
    @jit
    def f(n):
        s = 0
        seen = 0

        def show():
            return s
        for i in range(n):
            s += i
            if i % 97 == 0:
                seen += show()
        return s, seen
    for n in (0, 3, 400, 500):
        out(f, n)


@diff
def test_loop_variable_in_a_cell(jit, out):
    @jit
    def f(n):
        fs = None
        t = 0
        for i in range(n):
            if i % 150 == 0:
                fs = lambda: i  # noqa: E731
            t += i
        return t, fs() if fs else None
    for n in (0, 1, 400, 401):
        out(f, n)


@diff
def test_unbound_cell(jit, out):
    def make():
        @jit
        def f(n):
            s = 0
            for i in range(n):
                s += late
            return s

        def bind(v):
            nonlocal late
            late = v

        def unbind():
            nonlocal late
            del late
        if not make:
            late = 0
        return f, bind, unbind
    f, bind, unbind = make()
    out(f, 10)
    bind(2)
    out(f, 400)
    bind(0.25)
    out(f, 400)
    unbind()
    out(f, 400)


@diff
def test_module_attribute_changes(jit, out):
    import math
    import types
    fake = types.SimpleNamespace(sqrt=lambda x: -1.0)

    @jit
    def f(n):
        s = 0.0
        for i in range(n):
            s += M.sqrt(i)
        return s
    global M
    M = math
    out(f, 400)
    M = fake
    out(f, 400)
    fake.sqrt = math.cos
    out(f, 400)
    M = math
    out(f, 400)


@diff
def test_math_function_replaced(jit, out):
    import math
    real = math.sin

    @jit
    def f(n):
        s = 0.0
        for i in range(n):
            s += math.sin(i)
        return s
    out(f, 400)
    math.sin = math.cos
    try:
        out(f, 400)
    finally:
        math.sin = real
    out(f, 400)


@diff
def test_globals_dictionary_of_its_own(jit, out):
    import types
    space = {"K": 4, "__builtins__": {"range": range}}

    def f(n):
        s = 0
        for i in range(n):
            s += K  # noqa: F821
        return s
    g = jit(types.FunctionType(f.__code__, space, "g"))
    out(g, 400)
    space["K"] = 2.5
    out(g, 400)
    space["__builtins__"]["range"] = lambda n: (1,) * 3
    out(g, 400)
    del space["K"]
    out(g, 400)
    out.value(sorted(space))


@diff(native=False)
def test_globals_dictionary_is_a_subclass(jit, out):
    class Space(dict):
        def __missing__(self, name):
            out.note("missing", name)
            return 11
    source = "def f(n):\n s = 0\n for i in range(n):\n  s += K\n return s\n"
    space = Space(K=2, range=range)
    exec(source, space)
    f = jit(space["f"])
    out(f, 300)
    del space["K"]
    out(f, 3)


@diff(native=False)
def test_locals_seen_by_a_callee(jit, out):
    def peek(i):
        frame = sys._getframe(1)
        if i % 100 == 50:
            out.note(frame.f_lineno, frame.f_locals["s"], frame.f_locals["i"], frame.f_code.co_name)
        return 0

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += i
            s += peek(i)
        return s
    for n in (5, 400):
        out(f, n)


@diff
def test_locals_and_globals_calls(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += i
            if i % 150 == 149:
                s += locals()["i"] + len(globals()["twice"].__name__)
        return s, sorted(locals())
    for n in (5, 400):
        out(f, n)


@diff
def test_frame_of_a_function_that_has_a_frame_object(jit, out):
    @jit
    def f(n):
        frame = sys._getframe()
        s = 0
        for i in range(n):
            s += i
            if i == n - 3:
                out.note(frame.f_lineno, frame.f_locals["s"])
        del frame
        return s
    for n in (5, 400, 400):
        out(f, n)


@diff
def test_caller_line_numbers(jit, out):
    import traceback

    def where():
        return [(e.name, e.lineno) for e in traceback.extract_stack() if e.name == "f"]

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += i
            if i % 200 == 7:
                out.note(where())
        return s
    for n in (10, 420):
        out(f, n)
