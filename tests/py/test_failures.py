"""Failures that are ordered: memory that runs out at the n-th call while a loop is recorded, compiled, left;
compiles that fail. The results are right all the same, nothing leaks, the loop says why it is interpreted.

Only builds with --enable-debug take such orders."""

import gc
import sys

import numpy as np
import pytest

import native
from differ import params

core = pytest.importorskip("hotloop._hotloop")
pytestmark = pytest.mark.skipif(not hasattr(core, "fail_at"), reason="needs a build with --enable-debug")

EAGER = dict(threshold=2, sync=1, settle=2, hot_exit=2, batch=1, nest_ends=2)


def floats(n, a):
    s = 0.5
    for i in range(n):
        s = s * 0.5 + a[i % 9]
    return s


def store(n, a):
    for i in range(n):
        a[i % 9] = a[i % 9] * 0.5 + i
    return a


def branches(n, a):
    x = y = 0
    for i in range(n):
        if i % 7 == 3:
            x += i
        elif i % 11 == 5:
            y += 0.5
        else:
            x -= len(a)
    return x, y


def nested(n, a):
    s = 0
    for i in range(n):
        for j in range(i % 5):
            s += j * i
        while s > 1000:
            s -= 999
    return s, a


def big(n, a):
    x = 3
    for i in range(n):
        x = x * 3 if x < 2**62 else a.size
    return x


def catches(n, a):
    s = 0
    for i in range(n):
        try:
            s += 10 // (i % 6)
        except ZeroDivisionError:
            s -= LEVEL
    return s


def closure(n, a):
    s = 0

    def read():
        return s
    for i in range(n):
        s += abs(i - 20)
    return s, read()


def boxes(n, a):
    x, y, z, t = 1.5, 1000, None, True
    for i in range(n):
        x, y, t = x + 1, y + 1000, i > 3
        if i % 10 == 9:
            z = [x, y, t]
    return x, y, z, t


LEVEL = 7
CASES = {f.__name__: f for f in (floats, store, branches, nested, big, catches, closure, boxes)}


def fresh(function):
    return type(function)(function.__code__.replace(), function.__globals__, function.__name__)


def outcome(f, n=60):
    result = f(n, np.arange(9) * 0.5)
    return repr(result.tolist() if isinstance(result, np.ndarray) else result)


def once(function, what, n, expected):
    """Orders the failure, runs the function three times, then once more without. -> (calls counted, reasons
    given, whether machine code ran)"""
    f = core.wrap(fresh(function))
    core.fail_at(what, n)
    try:
        got = [outcome(f) for _ in range(3)]
    finally:
        calls = core.fail_at(what, 0)
    got.append(outcome(f))
    assert got == [expected] * 4, f"{what} {n}"
    return calls, native.reasons(f), native.native_iterations(f)


def settled():
    gc.collect()
    return core.live_blocks(), sys.getallocatedblocks()


@pytest.mark.parametrize("what", ["memory", "backend"])
@pytest.mark.parametrize("case", CASES)
def test_every_allocation_of_the_core(case, what):
    """n = 1, 2, ... until nothing fails any more; further and further apart where there are many."""
    function = CASES[case]
    expected = outcome(fresh(function))
    with params(**EAGER):
        for _ in range(3):
            _, _, ran = once(function, what, 0, expected)
            assert ran
        live, blocks = settled()
        n = tried = told = 0
        while True:
            n += 1 + n // 15
            tried += 1
            calls, reasons, _ = once(function, what, n, expected)
            told += bool({"no_memory", "llvm"} & reasons)
            if calls < n:
                break
        after = settled()
    assert tried > 5 and told > 0.5 * tried, f"{told} of {tried} failures are in the statistics"
    assert after[0] == live, f"{after[0] - live} blocks of the core left after {tried} failures"
    assert after[1] - blocks < 200


@pytest.mark.parametrize("case", ["branches", "boxes", "catches"])
def test_allocations_of_python(case):
    """The call ends with the right result or with MemoryError, and later ones as ever."""
    function = CASES[case]
    expected = outcome(fresh(function))
    with params(**EAGER):
        once(function, "memory", 0, expected)
        live, blocks = settled()
        raised = n = 0
        while True:
            n += 1 + n // 15  # the first ones all, then further and further apart
            f = core.wrap(fresh(function))
            a = np.arange(9) * 0.5
            core.fail_at("python", n)
            try:
                result = function_result(f, a)
            finally:
                calls = core.fail_at("python", 0)
            raised += result is MemoryError
            assert result is MemoryError or repr(result) == expected, f"python {n}"
            assert [outcome(f) for _ in range(3)] == [expected] * 3, f"python {n}"
            if calls < n:
                break
        del f, a, result
        after = settled()
    assert n > 20 and raised > 0
    assert after[0] == live
    assert after[1] - blocks < 200


def function_result(f, a):
    try:
        return f(60, a)
    except MemoryError:
        return MemoryError


@pytest.mark.parametrize("sync", [1, 0], ids=["in place", "background"])
@pytest.mark.parametrize("case", CASES)
def test_every_compile(case, sync):
    """The n-th compile fails: before there is machine code the loop is given up, later it keeps what it has."""
    import hotloop
    function = CASES[case]
    expected = outcome(fresh(function))
    with params(**dict(EAGER, sync=sync)):
        for n in range(1, 5):
            f = core.wrap(fresh(function))
            core.fail_at("llvm", n)
            try:
                for _ in range(6):
                    assert outcome(f) == expected, f"compile {n}"
                    hotloop.wait()
            finally:
                core.fail_at("llvm", 0)
            assert outcome(f) == expected
            if n == 1:
                assert "llvm" in native.reasons(f)
            assert n == 1 or native.native_iterations(f) > 0
