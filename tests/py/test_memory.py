"""References and memory: nothing is kept, nothing is freed too early, code goes away with its function."""

import gc
import sys
import weakref

import numpy as np
import pytest

import scripts
from differ import params


def sum_to(n):
    s = 0
    for i in range(n):
        s += i
    return s


def floats(x, n):
    s = x
    for i in range(n):
        s = s * 0.5 + x
    return s


def array(a, n):
    s = 0.0
    for i in range(n):
        s += a[i]
    return s


def store(a, n):
    for i in range(n):
        a[i] = i
    return a


def scalars(a, n):
    m = None
    for i in range(n):
        x = a[i] * 2
        if m is None or x > m:
            m = x
    return m


def overflow(x, n):
    for i in range(n):
        x = x * 3
    return x


def types_change(x, y, n):
    s = 0
    for i in range(n):
        s += x
        if i == n // 2:
            x = y
    return s


def branches(n):
    a = b = c = 0
    for i in range(n):
        if i % 7 == 3:
            a += i
        elif i % 11 == 5:
            b += 0.5
        else:
            c = i
    return a, b, c


def nested(n):
    s = 0
    for i in range(n):
        for j in range(i % 9):
            s += j
    return s


def raises(d, n):
    s = 0
    for i in range(n):
        s += 10 // (d - i)
    return s


def catches(d, n):
    s = 0
    for i in range(n):
        try:
            s += 10 // (i % d)
        except ZeroDivisionError:
            s -= 1
    return s


def returns_inside(x, n):
    for i in range(n):
        if i > n - 3:
            return x
    return None


def objects(values, n):
    s = 0
    for i in range(n):
        s += values[i % len(values)]
        x = [s]
        y = x
    return s, y


def keeps_local(x, n):
    y = x
    for i in range(n):
        x, y = y, x
    return x


def iterates(r):
    s = 0
    for x in r:
        s += x
    return s


def constants(n):
    x = y = None
    for i in range(n):
        x, y = 123456.5, 10**30
    return x, y


def calls(n):
    s = 0
    for i in range(n):
        s += abs(-i) + min(i, 5)
    return s


def reads_global(n):
    s = 0
    for i in range(n):
        s += LEVEL
    return s


def writes_global(n):
    global COUNT
    for i in range(n):
        COUNT += 1
    return COUNT


LEVEL = 123456789
COUNT = 0

DATA = np.arange(60) * 0.5
INTS = np.arange(60)
FROZEN = np.arange(60.0)
FROZEN.flags.writeable = False

# Function, arguments, exception. The arguments' own reference counts must not change.
CASES = {
    "int": (sum_to, (60,), None),
    "float": (floats, (2.5, 60), None),
    "array": (array, (DATA, 60), None),
    "int array": (array, (INTS, 60), None),
    "index error": (array, (DATA, 61), IndexError),
    "strided": (array, (np.arange(120.0)[::2], 60), None),
    "list for an array": (array, ([0.5] * 60, 60), None),
    "store": (store, (np.zeros(60), 60), None),
    "store int": (store, (np.zeros(60, np.int64), 60), None),
    "read-only": (store, (FROZEN, 60), ValueError),
    "scalars": (scalars, (DATA, 60), None),
    "int scalars": (scalars, (INTS, 60), None),
    "overflow": (overflow, (123456789, 60), None),
    "types": (types_change, (1000000, 0.25, 60), None),
    "types to str": (types_change, (1000000, "a string", 60), TypeError),
    "types to big": (types_change, (1000000, 10**40, 60), None),
    "branches": (branches, (60,), None),
    "nested": (nested, (60,), None),
    "error": (raises, (50, 60), ZeroDivisionError),
    "no error": (raises, (500, 60), None),
    "caught": (catches, (3, 60), None),
    "return": (returns_inside, ("an object", 60), None),
    "objects": (objects, ([1, 2.5, 10**20], 60), None),
    "local": (keeps_local, (["a list"], 60), None),
    "range": (iterates, (range(60),), None),
    "list": (iterates, (list(range(1000, 1060)),), None),
    "tuple of floats": (iterates, ((0.5, 1.5) * 30,), None),
    "constants": (constants, (60,), None),
    "builtins": (calls, (60,), None),
    "global": (reads_global, (60,), None),
    "global written": (writes_global, (60,), None),
}


def fresh(function):
    """The same function with a code object of its own."""
    copy = type(function)(function.__code__.replace(), function.__globals__, function.__name__,
                          function.__defaults__, function.__closure__)
    return copy


def run(f, args, error, times):
    for _ in range(times):
        try:
            f(*args)
            assert error is None
        except Exception as e:
            assert error and type(e) is error, e


@pytest.mark.parametrize("mode", [dict(threshold=2, sync=1, settle=2, hot_exit=2, batch=1, nest_ends=2), dict(threshold=2, sync=1)],
                         ids=["eager", "sync"])
@pytest.mark.parametrize("case", CASES)
def test_references(case, mode):
    import hotloop
    function, args, error = CASES[case]
    plain = fresh(function)
    watched = [*args, *plain.__code__.co_consts, plain.__code__, None, True, False, 0, 1, 5, float, int,
               np.float64, np.int64, type(iter(range(1))), LEVEL, np.ndarray, hotloop.jit, plain, abs, range]
    with params(**mode):
        f = hotloop.jit(plain)
        run(f, args, error, 600)  # compiles all that there is to compile
        gc.collect()
        counts = list(map(sys.getrefcount, watched))
        blocks = sys.getallocatedblocks()
        run(f, args, error, 2000)
        gc.collect()
        grown = sys.getallocatedblocks() - blocks
        after = list(map(sys.getrefcount, watched))
    assert abs(grown) < 200, f"{grown} blocks in 2000 calls"
    for object, before, now in zip(watched, counts, after):
        assert abs(now - before) < 50, f"{object!r}: {before} references became {now}"


@pytest.mark.parametrize("case", CASES)
def test_exact_references_of_the_arguments(case):
    """One call more or less makes no difference at all."""
    import hotloop
    function, args, error = CASES[case]
    plain = fresh(function)
    args = tuple(a.copy() if isinstance(a, (np.ndarray, list)) and case != "read-only" else a for a in args)
    mine = [a for a in args if isinstance(a, (np.ndarray, list, str, range, tuple))]
    before = [sys.getrefcount(a) for a in mine]
    with params(threshold=2, sync=1, settle=2, hot_exit=2, batch=1, nest_ends=2):
        f = hotloop.jit(plain)
        for _ in range(100):
            run(f, args, error, 1)
            assert [sys.getrefcount(a) for a in mine] == before


def test_the_function_and_its_code_die():
    import hotloop

    class Watched:
        pass

    with params(threshold=2, sync=1):
        for k in range(5):
            space = {"W": Watched()}
            exec("def f(n):\n s = 0\n for i in range(n):\n  s += i\n  x = W\n return s", space)
            plain = space.pop("f")
            f = hotloop.jit(plain)
            assert f(500) == 124750
            dead = [weakref.ref(o) for o in (f, plain, plain.__code__, space["W"])]
            del f, plain, space
            gc.collect()
            assert [r() for r in dead] == [None] * 4


def test_frames_and_locals_are_freed():
    import hotloop

    class Thing:
        pass

    def f(x, n, bad):
        s = 0
        for i in range(n):
            y = x
            if i == bad:
                s = s // (i - bad)
            s += 1
        return s, y
    with params(threshold=2, sync=1, settle=2, hot_exit=2, batch=1, nest_ends=2):
        g = hotloop.jit(f)
        for k in range(200):
            thing = Thing()
            dead = weakref.ref(thing)
            try:
                g(thing, 40, 30 if k % 3 == 0 else -1)
            except ZeroDivisionError as e:
                assert e.__traceback__.tb_next.tb_frame.f_locals["x"] is thing
            del thing
            assert dead() is None


def test_an_array_is_not_kept_by_the_machine_code():
    import hotloop
    with params(threshold=2, sync=1):
        f = hotloop.jit(fresh(array))
        for _ in range(50):
            a = np.arange(100.0)
            dead = weakref.ref(a)
            f(a, 100)
            del a
            assert dead() is None


def test_a_rebound_global_is_not_kept_forever():
    """Machine code may keep a function or module that it calls, but not data that was rebound since."""
    import hotloop
    space = {}
    exec("def f(n):\n s = 0.0\n for i in range(n):\n  s += A[i]\n return s", space)
    with params(threshold=2, sync=1):
        f = hotloop.jit(space.pop("f"))
        dead = []
        for k in range(6):
            f.__globals__["A"] = np.arange(100.0) + k
            dead.append(weakref.ref(f.__globals__["A"]))
            f(100)
            f(100)
        del f.__globals__["A"]
        gc.collect()
        assert sum(r() is not None for r in dead) == 0


SIZE = """
import gc, os, sys
import hotloop
def size():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
def one(k):
    space = {}
    exec(f"def f(n):\\n s = {k}\\n for i in range(n):\\n  s = (s * 3 + i) % {k + 1009}\\n return s", space)
    expected = space["f"](200)
    f = hotloop.jit(space["f"])
    assert f(200) == f(200) == expected
    hotloop.wait()
    native = sum(sum(r["native"]) for l in hotloop._hotloop.stats(f.__code__)[0]["loops"] for r in l["regions"])
    assert native or not NATIVE, hotloop._hotloop.stats(f.__code__)
"""


@pytest.mark.parametrize("sync", ["1", "0"], ids=["in place", "background"])
def test_two_hundred_functions_come_and_go(sync):
    done = scripts.run(f"NATIVE = {sync == '1'}\n{SIZE}" + """
for k in range(40):
    one(k)
gc.collect()
before, blocks = size(), sys.getallocatedblocks()
for k in range(200):
    one(k)
gc.collect()
print((size() - before) / 2**20, sys.getallocatedblocks() - blocks)
""", HOTLOOP_THRESHOLD="2", HOTLOOP_SYNC=sync, timeout=120)
    grown, blocks = done.stdout.split()
    assert float(grown) < 8.0
    assert int(blocks) < 400


def test_python_memory_after_many_recordings_that_fail():
    import hotloop

    def f(values, n):
        s = 0
        for i in range(n):
            s += len(str(values[i % 3]))
        return s
    with params(threshold=2, sync=1):
        def once():
            g = hotloop.jit(fresh(f))
            for _ in range(6):
                g([1, "a", None], 50)
        for _ in range(20):
            once()
        gc.collect()
        blocks = sys.getallocatedblocks()
        for _ in range(200):
            once()
        gc.collect()
        assert sys.getallocatedblocks() - blocks < 200


def test_deep_recursion_with_loops_frees_its_frames():
    import hotloop

    class Thing:
        pass
    alive = weakref.WeakSet()

    def f(depth):
        thing = Thing()
        alive.add(thing)
        s = 0
        for i in range(10):
            s += i
        return s + f(depth - 1) if depth else s
    with params(threshold=2, sync=1):
        plain, f = f, hotloop.jit(f)
        for _ in range(20):
            assert f(100) == 45 * 101
            assert len(alive) == 0
        with pytest.raises(RecursionError):
            f(10**6)
        assert len(alive) == 0
