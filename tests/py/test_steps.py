"""Steps: when they are made, what they leave behind, and who else runs meanwhile."""

import functools
import gc
import signal
import subprocess
import sys
import threading
import time

import pytest

import hotloop
import native
from differ import params

STEPS = dict(threshold=2, sync=1, settle=2, hot_exit=2, batch=1, nest_ends=2, step_gain=1)


def little(n, d):
    t = 0
    for i in range(n):
        t += i
        d[i & 7] = t
    return t


def much(n, d):
    t, u, v = 0, 0.5, 1.0
    for i in range(n):
        t += i * 3 - (i & 15)
        u = u * 0.5 + i
        v = v * 0.25 + u * 2.0 - i
        u = u - v * 0.125
        t = t ^ (i << 2)
        t &= 0xFFFFFF
        d[i & 7] = t
    return t, u, v


def copy(function):
    return hotloop.jit(type(function)(function.__code__.replace(), function.__globals__))


def test_only_where_they_pay():
    with params(sync=1):
        f, g = copy(little), copy(much)
        assert f(5000, {}) == little(5000, {}) and g(5000, {}) == much(5000, {})
    assert native.steps(f) == 0 and native.native_iterations(f) == 0
    assert native.steps(g) > 4000
    native.assert_native(g, 0.9, 5000)


def test_can_be_turned_off():
    with params(sync=1, no_steps=1):
        f = copy(much)
        assert f(5000, {}) == much(5000, {})
    assert native.steps(f) == 0


def test_report_names_them():
    with params(sync=1):
        f = copy(much)
        f(5000, {})
    rows = hotloop.stats(f)["loops"][0]["steps"]
    assert [(row["source"], row["bytecode"], row["reason"]) for row in rows] == [
        ("d[i & 7] = t", "store_subscr", "nyi_subscr")]
    assert f"{rows[0]['count']:,} steps of the interpreter, subscript not compiled yet (store_subscr): " \
        in hotloop.report(f)
    assert hotloop.stats()["totals"]["steps"] >= rows[0]["count"]


def test_nothing_is_left_behind():
    class C:
        def __init__(self):
            self.k = 0

        def add(self, x):
            self.k += x
            return [x, self.k]

    def fail(i):
        if i == 30:
            raise ValueError(i)

    @hotloop.jit
    def f(n, c, d, bad):
        t, u = 0, 1.5
        s = cell = None

        def look():
            return cell
        for i in range(n):
            t += i * 1000
            u = u * 1.01
            s = f"{t} {u}"
            cell = c.add(t)
            d[i % 7] = (s, look())
            try:
                bad(i)
            except ValueError as e:
                cell = e.args
        return t, s, cell

    with params(**STEPS):
        c, d = C(), {}
        held = [10**20, 0.5, "text"]

        def state():
            gc.collect()
            return (len(gc.get_objects()), sys.getallocatedblocks(),
                    [sys.getrefcount(x) for x in (None, c, d, fail, f, C, *held)])
        for _ in range(30):
            f(40, c, d, fail)
        before = state()
        for _ in range(1000):
            f(40, c, d, fail)
        after = state()
    assert native.steps(f) > 1000
    assert after[0] <= before[0] + 5
    assert after[1] <= before[1] + 50
    assert all(abs(a - b) <= 20 for a, b in zip(after[2], before[2])), (before, after)


def test_threads_are_in_the_same_region():
    def mix(x, log):
        log.append(x)
        if x % 50 == 0:
            time.sleep(0)
        return x & 255

    @hotloop.jit
    def f(n, k, log):
        t, u = 0, 0.5
        for i in range(n):
            t += functools.partial(mix, i + k)(log) * k
            u = u * 0.5 + t
        return t, u

    def plain(n, k):
        t, u = 0, 0.5
        for i in range(n):
            t += ((i + k) & 255) * k
            u = u * 0.5 + t
        return t, u

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    results = {}

    def run(k):
        log = []
        results[k] = [f(400, k, log) for _ in range(20)]
        assert log == [i + k for i in range(400)] * 20

    try:
        with params(**STEPS):
            threads = [threading.Thread(target=run, args=(k,)) for k in range(1, 6)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
    finally:
        sys.setswitchinterval(before)
    assert native.steps(f) > 1000
    assert results == {k: [plain(400, k)] * 20 for k in range(1, 6)}


def test_signals_are_handled():
    class Stop(Exception):
        pass

    def stop(number, frame):
        raise Stop(frame.f_code.co_name)

    @hotloop.jit
    def f(d):
        t = 0
        while True:
            t += 1
            d["t"] = t

    before = signal.signal(signal.SIGALRM, stop)
    try:
        with params(**STEPS):
            for _ in range(3):
                d = {}
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                with pytest.raises(Stop):
                    f(d)
                assert d["t"] > 100
    finally:
        signal.signal(signal.SIGALRM, before)
    assert native.steps(f) > 100


def test_region_dies_in_its_own_step():
    space = {"SCALE": 2}
    exec("""
def f(n, act):
    t = 0
    for i in range(n):
        t += abs(i) * SCALE
        act(i)
        t += abs(-i) + SCALE
    return t
""", space)
    plain = space["f"]

    def act(i):
        if i % 20 == 7:
            space["abs"] = (lambda x: 1000) if "abs" not in space else space.pop("abs") and abs
            if i % 40 == 7:
                space.pop("abs", None)
            space["SCALE"] += 1
            if depth:
                depth.pop()
                jitted(30, act)

    jitted, depth = hotloop.jit(plain), []

    def run(f):
        space.update(SCALE=2)
        space.pop("abs", None)
        depth[:] = [1, 2, 3]
        return [f(100, functools.partial(act)) for _ in range(10)]

    expected = run(plain)
    with params(**STEPS):
        assert run(jitted) == expected
    assert native.steps(jitted) > 100


def test_other_types_in_a_step_of_the_same_function():
    @hotloop.jit
    def f(n, x, again):
        t = x
        for i in range(n):
            t = t + i * x
            again(i)
        return t

    def plain(n, x):
        t = x
        for i in range(n):
            t = t + i * x
        return t

    def again(i):
        if i % 10 == 5:
            for x in (2, 1.5, 10**30, True):
                assert f(20, x, str) == plain(20, x)

    with params(**STEPS):
        for _ in range(5):
            for x in (3, 2.5):
                assert f(50, x, again) == plain(50, x)
    assert native.steps(f) > 100


def test_fork_in_a_step():
    program = """
import os, sys, hotloop
from hotloop import _hotloop
for name, value in dict(threshold=2, sync=1, settle=2, hot_exit=2, batch=1, nest_ends=2, step_gain=1).items():
    _hotloop.set_param(name, value)
def fork(i):
    if i == 50:
        return os.fork()
    return 1
@hotloop.jit
def f(n):
    t, pid = 0, 0
    for i in range(n):
        t += i
        k = fork(i)
        if i == 50:
            pid = k
    return t, pid
for _ in range(3):
    t, pid = f(100)
    assert t == 4950
    if not pid:
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
