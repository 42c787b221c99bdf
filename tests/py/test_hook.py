"""The hook: jitted functions run through their clones, are counted, and look as if they did not."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from types import FunctionType

import pytest

from differ import params
from hotloop import _hotloop, jit


def twin(f):
    """The same function with a code object of its own."""
    copy = FunctionType(f.__code__.replace(), f.__globals__, f.__name__, f.__defaults__, f.__closure__)
    copy.__kwdefaults__ = f.__kwdefaults__
    return copy


def outcome(f, *args):
    """What a call gives: its value, or its exception with functions, lines and instructions."""
    try:
        return "value", f(*args)
    except BaseException as e:
        frames = []
        tb = e.__traceback__.tb_next
        while tb:
            frames.append((tb.tb_frame.f_code.co_name, tb.tb_lineno, tb.tb_lasti))
            tb = tb.tb_next
        return "raise", type(e), str(e), frames, repr(e.__context__)


def stats(f):
    (row,) = _hotloop.stats(f)
    return row


def run_python(source, *, code=0, **env):
    env = dict(os.environ, **env)
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(source)], env=env, text=True,
                          capture_output=True, timeout=100)
    assert done.returncode == code, done.stderr
    return done.stdout


# -- Loop shapes ---------------------------------------------------------------------------------

class Truth:
    """Its truth test runs Python, and may raise."""

    def __init__(self, left, raises=False):
        self.left, self.raises, self.log = left, raises, []

    def __bool__(self):
        self.left -= 1
        self.log.append(sys._getframe(1).f_lineno)
        if self.raises and self.left == 3:
            raise ValueError("no truth")
        return self.left > 0


def for_range(n):
    t = 0
    for i in range(n):
        t += i
    return t


def for_else(n, stop):
    for i in range(n):
        if i == stop:
            break
    else:
        return "else", i
    return "break", i


def nested(n):
    t = []
    for i in range(n):
        for j in range(i):
            if j % 3 == 1:
                continue
            for k in range(j):
                if k == 5:
                    break
                t.append((i, j, k))
    return t


def while_simple(n):
    t = 0
    while n > 0:
        n -= 1
        t += n
    return t


def while_true(n):
    while True:
        n -= 1
        if n % 7 == 3:
            continue
        if n < 0:
            return n


def while_else(n):
    while n:
        n -= 1
        if n == 5:
            n -= 3
            continue
    else:
        n = "else"
    return n


def while_and_or(n):
    a, b, t = n, n * 2, 0
    while a > 0 and b > 0 or t < n:
        a -= 2
        b -= 1
        t += 1
    return a, b, t


def while_float(n):
    x = float(n)
    while x:
        x -= 0.5
    return x


def while_list(n):
    items, t = list(range(n)), 0
    while items:
        t += items.pop()
    return t, items


def while_none(n):
    node = None
    for i in range(n):
        node = (i, node)
    t = 0
    while node is not None:
        t += node[0]
        node = node[1]
    while node is None:
        t += 1
        node = None if t % 10 else object()
    return t


def while_object(n):
    truth, t = Truth(n), 0
    while truth:
        t += 1
    return t, truth.log


def while_object_raises(n):
    truth, t = Truth(n, raises=True), 0
    try:
        while truth:
            t += 1
    except ValueError as e:
        return t, str(e), e.__traceback__.tb_lineno, truth.log


def while_object_escapes(n):
    truth = Truth(n, raises=True)
    while truth:
        n += 1


def not_object(n):
    truth, t = Truth(n), 0
    while not (t > 5 and truth):
        t += 1
    return t, truth.left


def temporary_dies(n):
    """The value that the back-edge pops is the last reference to an object with a finalizer."""
    log = []

    class Dies:
        def __init__(self, k):
            self.k = k

        def __del__(self):
            log.append((self.k, sys._getframe(1).f_lineno))

        def __bool__(self):
            return self.k < n

    k = 0
    while Dies(k):
        k += 1
    k = 0
    while (Dies(k) if k < n else None) is not None:
        k += 1
    return log


def try_in_loop(n):
    log = []
    for i in range(n):
        try:
            if i % 3 == 0:
                raise KeyError(i)
            log.append(10 // (i % 5 - 1))
        except KeyError as e:
            log.append(e.args)
            continue
        except ZeroDivisionError:
            log.append("zero")
        else:
            log.append("else")
        finally:
            log.append(i)
    return log


def finally_break(n):
    log = []
    for i in range(n):
        try:
            if i == n - 2:
                break
            for j in range(3):
                try:
                    if j == 2:
                        raise IndexError(j)
                finally:
                    log.append((i, j))
        except IndexError:
            continue
        finally:
            log.append("finally")
    return log


class Manager:
    def __init__(self, log, swallow):
        self.log, self.swallow = log, swallow

    def __enter__(self):
        self.log.append("enter")
        return self

    def __exit__(self, kind, value, tb):
        self.log.append(("exit", kind, tb and tb.tb_lineno))
        return self.swallow


def with_in_loop(n):
    log = []
    for i in range(n):
        with Manager(log, True) as m, Manager(log, False):
            if i % 4 == 2:
                raise OSError(i)
            if i % 4 == 3:
                continue
            log.append(m is not None)
    return log


def with_around_loop(n):
    log = []
    with Manager(log, True):
        for i in range(n):
            if i == n - 1:
                raise OSError(i)
    with Manager(log, False):
        while n:
            n -= 1
    return log, n


def raises_in_loop(n):
    for i in range(n):
        if i == 7:
            x = i // (i - 7)
    return x


def raises_from_iterator(n):
    def source():
        for i in range(5):
            yield i
        raise LookupError("end")
    t = 0
    for i in source():
        t += i
    return t


def unbound(n):
    while n:
        n -= 1
        if n == 3:
            return t
        if n < 2:
            t = 1


def chained(n):
    try:
        for i in range(n):
            try:
                [][i]
            except IndexError:
                {}[i]
    except KeyError as e:
        return repr(e), repr(e.__context__), e.__traceback__.tb_lineno


def except_star(n):
    log = []
    for i in range(n):
        try:
            raise ExceptionGroup("g", [ValueError(i), TypeError(i)])
        except* ValueError as e:
            log.append(len(e.exceptions))
        except* TypeError:
            log.append("type")
    return log


def matching(n):
    log = []
    for i in range(n):
        match (i % 4, {"k": i}):
            case (0, _):
                log.append("zero")
            case (1, {"k": k}) if k > 3:
                log.append(k)
            case (2, {**rest}):
                log.append(rest)
            case _:
                continue
    return log


def comprehensions(n):
    t = []
    for i in range(n):
        t.append([j * i for j in range(i)])
        t.append({j: i for j in range(2)})
        t.append(sum(j for j in range(i)))
    return t


def closures(n):
    fs = []
    x = 0
    for i in range(n):
        x += i

        def f(k=i):
            return x + k
        fs.append(f)
    return [f() for f in fs], x


def outer_cell(n):
    x = 0

    def bump():
        nonlocal x
        x += 1
        return x
    while bump() < n:
        if x % 2:
            bump()
    return x


def star_targets(n):
    t = []
    for i, (a, *b) in enumerate([(k, k, k) for k in range(n)]):
        t.append((i, a, b))
    for t[0] in range(3):
        pass
    return t


def deletes(n):
    for i in range(n):
        x = i
        if i % 2:
            del x
    return sorted(locals())


def while_conditional_expression(n):
    while (n - 3 if n > 3 else n):
        n -= 1
    return n


def one_iteration(n):
    for i in (n,):
        t = i
    return t


def no_iteration(n):
    for i in ():
        t = i
    return n


def generator_inside(n):
    def g(k):
        while k:
            k -= 1
            x = yield k
            if x:
                k += x
    it, t = g(n), []
    for v in it:
        t.append(v)
        if v == 5 and len(t) < 10:
            it.send(2)
    return t


def recursion(n):
    t = 0
    for i in range(n):
        t += i + sum(map(recursion, range(i % 3)))
    return t


def yields_locals(n):
    log = []
    for i in range(n):
        if i % 5 == 0:
            log.append(sorted(k for k in locals()))
            exec("i = 100")
    return log


def sees_itself(n):
    """Line numbers, locals and callers, as code called from the loop sees them."""
    log = []

    def look():
        frame = sys._getframe(1)
        log.append((frame.f_lineno, frame.f_lasti, frame.f_code.co_name, frame.f_locals["i"],
                    frame.f_back.f_code.co_name))
    for i in range(n):
        look()
        while i % 3:
            i -= 1
            look()
    return log


def big_body(n):
    """Jumps that need EXTENDED_ARG."""
    raise NotImplementedError


source = "def big_body(n):\n    t = 0\n    for i in range(n):\n        while t % 7 != 3:\n            t += 1\n"
source += "".join(f"        v{k} = i + {k * 1000}\n        t ^= v{k}\n" for k in range(300))
source += "        if t % 2:\n            continue\n        t += 3\n    while t > 100:\n"
source += "".join(f"        t -= {k} % 5\n" for k in range(200))
source += "        if not t % 3:\n            t //= 2\n    return t, v299\n"
exec(compile(source, __file__, "exec"))

SHAPES = [
    (for_range, 50), (for_else, 20, 7), (for_else, 20, 30), (nested, 10), (while_simple, 30),
    (while_true, 30), (while_else, 30), (while_and_or, 30), (while_float, 30), (while_list, 30),
    (while_none, 30), (while_object, 30), (while_object_raises, 30), (while_object_escapes, 30),
    (not_object, 30), (temporary_dies, 12), (try_in_loop, 30), (finally_break, 20),
    (with_in_loop, 20), (with_around_loop, 20), (raises_in_loop, 20), (raises_from_iterator, 20),
    (unbound, 10), (unbound, 2), (chained, 10), (except_star, 10), (matching, 20),
    (comprehensions, 10), (closures, 20), (outer_cell, 30), (star_targets, 12), (deletes, 20),
    (while_conditional_expression, 20), (one_iteration, 5), (no_iteration, 5),
    (generator_inside, 12), (recursion, 8), (yields_locals, 20), (sees_itself, 12), (big_body, 20),
]


@pytest.mark.parametrize("shape, args", [(s[0], s[1:]) for s in SHAPES],
                         ids=[f"{s[0].__name__}-{i}" for i, s in enumerate(SHAPES)])
@pytest.mark.parametrize("threshold", [1, 2, 5, 1000])
def test_shapes(shape, args, threshold):
    plain = twin(shape)
    jitted = jit(twin(shape), threshold=threshold)
    for _ in range(4):
        assert outcome(jitted, *args) == outcome(plain, *args)
    row = stats(jitted)
    assert row["driven_calls"] + sum(row["plain_calls"].values()) == 4


# -- Counting ------------------------------------------------------------------------------------

def test_counts_are_kept_across_calls():
    f = jit(twin(for_range), threshold=100000)
    for _ in range(7):
        f(11)
    row = stats(f)
    assert row["driven_calls"] == 7 and [loop["interpreted"] for loop in row["loops"]] == [77]
    assert row["loops"][0]["line"] == for_range.__code__.co_firstlineno + 2


def test_loop_lines_and_nesting():
    f = jit(twin(nested), threshold=100000)
    f(3)
    loops = sorted(stats(f)["loops"], key=lambda loop: loop["header"])
    first = nested.__code__.co_firstlineno
    assert [loop["line"] - first for loop in loops] == [2, 3, 6]
    assert [loop["parent"] for loop in loops] == [-1, 0, 1]
    g = jit(twin(while_simple), threshold=100000)
    g(3)
    assert [loop["line"] - while_simple.__code__.co_firstlineno for loop in stats(g)["loops"]] == [2]


def test_the_clone_is_private():
    codes = []

    def f(n):
        for i in range(n):
            codes.append(i)
        return n
    code = f.__code__
    before = code.co_code
    g = jit(f, threshold=3)
    for _ in range(5):
        g(20)
    assert f.__code__ is code and g.__code__ is code and code.co_code == before


def test_code_that_is_replaced():
    def f(n):
        for i in range(n):
            n = i
        return "old", n

    def other(n):
        for i in range(n):
            n = i
        return "new", n
    g = jit(f, threshold=1000)
    assert g(5) == ("old", 4)
    g.__code__ = other.__code__
    assert g(5) == ("new", 4) and f(5) == ("new", 4)
    assert stats(other.__code__)["driven_calls"] == 1


def test_code_that_is_replaced_while_it_runs():
    def f(n, swap):
        t = 0
        for i in range(n):
            t += i
            if i == 5 and swap:
                f.__code__ = (lambda n, swap: (f, "new")[1]).__code__
                gc.collect()
        return t
    g = jit(f, threshold=2)
    assert g(40, False) == 780
    assert g(40, True) == 780
    assert g(40, True) == "new"


def test_generators_run_plainly():
    @jit
    def gen(n):
        for i in range(n):
            yield i

    @jit
    async def coro(n):
        for i in range(n):
            pass
        return n

    @jit
    async def agen(n):
        for i in range(n):
            yield i
    assert list(gen(5)) == list(range(5))
    with pytest.raises(StopIteration, match="4"):
        coro(4).send(None)
    with pytest.raises(StopIteration, match="0"):
        agen(3).__anext__().send(None)
    for f in gen, coro, agen:
        assert stats(f)["driven_calls"] == 0 and stats(f)["plain_calls"] == {"generator": 1}


def test_binding_errors_disarm():
    f = jit(twin(for_range), threshold=1000)
    f(3)
    for _ in range(3):
        with pytest.raises(TypeError, match=r"for_range\(\) takes 1 positional argument but 2 were"):
            f(1, 2)
        with pytest.raises(TypeError, match="missing 1 required"):
            f()
    assert stats(f)["driven_calls"] == 1
    assert for_range(3) == 3 and f(3) == 3
    assert stats(f)["driven_calls"] == 2


class Key(str):
    """A keyword whose comparison runs Python, while the call's arguments are being bound."""
    def __eq__(self, other):
        Key.seen.append(Key.call(5))
        return str(self) == other
    __hash__ = str.__hash__


def test_python_code_while_binding():
    inner = jit(twin(for_range), threshold=1000)
    f = jit(twin(for_range), threshold=1000)
    Key.seen, Key.call = [], inner
    for _ in range(3):
        assert f(**{Key("n"): 4}) == 6
    assert Key.seen and set(Key.seen) == {10}
    assert stats(f)["driven_calls"] == 3
    assert stats(inner)["driven_calls"] == len(Key.seen)
    Key.call = for_range  # an undecorated function in between is not driven
    assert f(**{Key("n"): 4}) == 6 and stats(f)["driven_calls"] == 4
    Key.call = f.__wrapped__  # the same function: whichever comes first
    assert f(**{Key("n"): 4}) == 6


def test_arguments_survive_python_code_while_binding():
    """Code that binding runs calls the very function whose call is being bound."""
    class Thing:
        pass

    def f(n, thing, *rest):
        for i in range(n):
            n = i
        return type(thing), rest
    g = jit(f, threshold=1000)
    Key.seen, Key.call = [], lambda n: f(n, Thing())
    for _ in range(100):
        assert g(**{Key("n"): 4, Key("thing"): Thing()}) == (Thing, ())
        assert g(4, Thing(), Thing())[0] is Thing
    assert Key.seen


@pytest.mark.parametrize("threshold", [1000, 2])
def test_arguments_die_while_the_function_runs(threshold):
    """A call from Python hands its arguments over: the caller does not keep them alive."""
    class Thing:
        pass

    def f(thing, ref, *, other):
        seen = [ref() is None]
        for _ in range(5):
            thing = other = None
        return [*seen, ref() is None]
    with params(sync=1):
        g = jit(f, threshold=threshold)
        for _ in range(20):
            things = [Thing(), Thing()]
            first, second = map(weakref.ref, things)
            seen = g(1, second, other=things.pop()), g(things.pop(), first, other=1)
            assert seen == ([False, True], [False, True])


def test_fork_while_a_thread_binds_arguments():
    out = run_python("""
        import os, sys, threading
        from hotloop import _hotloop, jit
        inside, go_on = threading.Event(), threading.Event()
        class Key(str):
            def __eq__(self, other):
                inside.set()
                go_on.wait()
                return str(self) == other
            __hash__ = str.__hash__
        @jit
        def f(n):
            for i in range(n):
                n += i
            return n
        thread = threading.Thread(target=lambda: f(**{Key("n"): 4}))
        thread.start()
        inside.wait()
        pid = os.fork()
        if pid == 0:
            threads = [threading.Thread(target=f, args=(k,)) for k in range(50)]
            for t in threads: t.start()
            for t in threads: t.join()
            os._exit(0 if f(4) == 10 else 1)
        status = os.waitpid(pid, 0)[1]
        go_on.set()
        thread.join()
        print(status, f(4))
    """)
    assert out == "0 10\n"


def test_dict_subclasses_as_globals():
    class Globals(dict):
        def __missing__(self, name):
            return 5
    f = FunctionType(compile("def f(n):\n for i in range(n): n += k\n return n", "", "exec").co_consts[0],
                     Globals(range=range))
    g = jit(f, threshold=2)
    assert g(10) == 60 and g(10) == 60
    assert stats(g)["driven_calls"] == 0 and sum(stats(g)["plain_calls"].values()) == 2


# -- Tracing and profiling -----------------------------------------------------------------------

def events_of(f, *args, start, switch):
    """Events of a call under settrace or setprofile. start: before the call; else f's callee does."""
    log = []
    name = f.__name__

    def tracer(frame, event, arg):
        if frame.f_code.co_name in (name, "switch_on"):
            if event in ("return", "exception"):
                arg = repr(arg)[:40]
            log.append((frame.f_code.co_name, event, frame.f_lineno, frame.f_lasti,
                        arg if event != "c_call" and event != "c_return" else arg.__name__))
        return tracer

    def switch_on(frame):
        if switch is sys.settrace:
            while frame:
                if frame.f_code.co_name == name:
                    frame.f_trace = tracer
                frame = frame.f_back
        switch(tracer)
    try:
        if start:
            switch(tracer)
            result = outcome(f, *args, None)
        else:
            result = outcome(f, *args, switch_on)
    finally:
        switch(None)
    return result[:3], log


def traced_for(n, at):
    t = 0
    for i in range(n):
        if i == 7 and at:
            at(sys._getframe())
        t += i
        if i % 4 == 0:
            continue
        abs(t)
    return t


def traced_while(n, at):
    t = 0
    while t < n:
        t += 1
        if t == 5 and at:
            at(sys._getframe())
        for j in range(2):
            len("")
    return t


def traced_raise(n, at):
    for i in range(n):
        try:
            if i == 4 and at:
                at(sys._getframe())
            if i > 6:
                raise KeyError(i)
        except KeyError:
            if i > 9:
                raise
            continue


def traced_truth(n, at):
    class Switching:
        def __init__(self):
            self.n = n

        def __bool__(self):
            self.n -= 1
            if self.n == 5 and at:
                at(sys._getframe(1))
            return self.n > 0
    s, t = Switching(), 0
    while s:
        t += 1
    return t


@pytest.mark.parametrize("switch", [sys.settrace, sys.setprofile])
@pytest.mark.parametrize("start", [True, False])
@pytest.mark.parametrize("shape", [traced_for, traced_while, traced_raise, traced_truth])
@pytest.mark.parametrize("threshold", [3, 1000])
def test_events(shape, start, switch, threshold):
    plain, jitted = twin(shape), jit(twin(shape), threshold=threshold)
    for _ in range(2):
        jitted(12, None) if shape is not traced_raise else outcome(jitted, 12, None)
    for _ in range(3):
        want = events_of(plain, 12, start=start, switch=switch)
        assert want[1]
        assert events_of(jitted, 12, start=start, switch=switch) == want
    if start:
        assert sum(stats(jitted)["plain_calls"].values()) >= 3
    before = stats(jitted)["driven_calls"]
    outcome(jitted, 12, None)  # driven again, with new clones
    row = stats(jitted)
    assert row["driven_calls"] == before + 1 or "given_up" in row["plain_calls"]


def test_tracing_from_a_thread():
    plain, jitted = twin(traced_for), jit(twin(traced_for), threshold=1000)
    logs = []

    def run(f):
        log = []

        def tracer(frame, event, arg):
            if frame.f_code.co_name == "traced_for":
                log.append((event, frame.f_lineno))
            return tracer
        threading.settrace(tracer)
        try:
            t = threading.Thread(target=f, args=(20, None))
            t.start()
            t.join()
        finally:
            threading.settrace(None)
        logs.append(log)
    run(plain)
    run(jitted)
    assert logs[0] and logs[0] == logs[1]
    assert stats(jitted)["plain_calls"] == {"tracing": 1}


def test_tracer_sees_the_code_object():
    def f(n, switch):
        for i in range(n):
            if i == 5:
                switch()
        return n
    g = jit(f, threshold=1000)
    seen = []

    def tracer(frame, event, arg):
        seen.append(frame.f_code)
        return tracer

    def switch():
        sys._getframe(1).f_trace = tracer
        sys.settrace(tracer)
    try:
        g(10, switch)
    finally:
        sys.settrace(None)
    assert f.__code__ in seen


# -- Signals and threads -------------------------------------------------------------------------

@pytest.fixture
def alarm():
    """alarm(handler) has one SIGALRM delivered soon."""
    def start(handler, seconds=0.02):
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    before = signal.getsignal(signal.SIGALRM)
    yield start
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_signal_handler_sees_the_frame(alarm):
    seen = []

    def handler(signum, frame):
        if frame.f_locals.get("i"):  # else the loop has not begun yet
            seen.append((frame.f_code, frame.f_lineno, frame.f_locals["i"], frame.f_back.f_code))
        if len(seen) == 5:
            stop.append(1)
        else:
            alarm(handler)
    stop = []

    def f():
        i = 0
        while not stop:
            i += 1
        return i
    g = jit(f, threshold=1000)
    alarm(handler)
    g()
    first = f.__code__.co_firstlineno
    assert len(seen) == 5
    for code, line, i, back in seen:
        assert code is f.__code__
        assert first + 2 <= line <= first + 3
        assert i > 0
        assert back is sys._getframe().f_code


@pytest.mark.parametrize("threshold", [10, 10**9])
def test_handler_that_raises(alarm, threshold):
    class Stop(Exception):
        pass

    def handler(signum, frame):
        raise Stop

    def outside():
        i = 0
        while True:
            i += 1

    def inside():
        caught = 0
        while caught < 3:
            try:
                i = 0
                alarm(handler)
                while True:
                    i += 1
            except Stop as e:
                caught += 1
                lines = [e.__traceback__.tb_lineno, e.__traceback__.tb_next.tb_frame.f_code.co_name]
        return lines

    def finishing():
        log = []
        for k in range(2):
            try:
                alarm(handler)
                for i in range(10**12):
                    pass
            except Stop:
                log.append("caught")
            finally:
                log.append(i > 0)
        return log
    g = jit(outside, threshold=threshold)
    alarm(handler)
    with pytest.raises(Stop) as raised:
        g()
    tb = raised.value.__traceback__.tb_next
    assert tb.tb_frame.f_code is outside.__code__
    assert 2 <= tb.tb_lineno - outside.__code__.co_firstlineno <= 3
    assert tb.tb_next.tb_frame.f_code is handler.__code__
    line, name = jit(inside, threshold=threshold)()
    assert 6 <= line - inside.__code__.co_firstlineno <= 7 and name == "handler"
    assert jit(finishing, threshold=threshold)() == ["caught", True] * 2


@pytest.mark.parametrize("make", [lambda f: f, jit, lambda f: jit(f, threshold=10**9)])
@pytest.mark.parametrize("kind", [sys.settrace, sys.setprofile])
def test_handler_that_traces(alarm, kind, make):
    """As a debugger that is started by a signal: exactly the events from that point on."""
    log, stop = [], []

    def tracer(frame, event, arg):
        if frame.f_code.co_name == "f":
            log.append((event, frame.f_lineno - first))
            if len(log) == 10:
                stop.append(1)
        return tracer

    def handler(signum, frame):
        if frame.f_code.co_name != "f" or frame.f_lineno < first + 2:  # the loop has not begun yet
            alarm(handler)
            return
        frame.f_trace = tracer
        if kind is sys.setprofile:  # which reports nothing inside the loop
            stop.append(1)
        kind(tracer)

    def f():
        i = 0
        while not stop:
            i += 1
            if i < 0:
                break
            i |= 1
        return i
    first = f.__code__.co_firstlineno
    g = make(f)
    alarm(handler)
    try:
        g()
    finally:
        kind(None)
    # Line 2 has the test, at the bottom of the loop, where the handler was called.
    lines = [3, 4, 6, 2, 3, 4, 6, 2, 3, 4, 6, 2] if kind is sys.settrace else []
    assert [line for event, line in log if event == "line"] == lines + [7] * bool(lines)
    assert [e for e in log if e[0] != "line"] == [("return", 7)]


def test_pending_interrupts_of_other_threads():
    """PyThreadState_SetAsyncExc reaches the loop, with its handlers."""
    import ctypes

    class Stop(BaseException):
        pass
    log = []

    def f():
        for k in range(3):
            try:
                log.append("ready")
                while True:
                    pass
            except Stop:
                log.append("caught")
        return log
    for threshold in 10**9, 10:
        log.clear()
        thread = threading.Thread(target=jit(twin(f), threshold=threshold))
        thread.start()
        for k in range(3):
            while log.count("ready") <= k:
                time.sleep(0.001)
            time.sleep(0.02)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident),
                                                       ctypes.py_object(Stop))
            while log.count("caught") <= k:
                time.sleep(0.001)
        thread.join()
        assert log == ["ready", "caught"] * 3


def test_threads_share_the_time():
    stop = []
    counts = [0, 0]

    def f(me):
        n = 0
        while not stop:
            n += 1
        counts[me] = n
    g = jit(f, threshold=10**9)
    threads = [threading.Thread(target=g, args=(k,)) for k in range(2)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    stop.append(1)
    for t in threads:
        t.join()
    assert min(counts) > 0.2 * sum(counts)


def test_threads_run_the_same_function():
    f = jit(twin(try_in_loop), threshold=50)
    want = try_in_loop(200)
    wrong = []

    def run():
        for _ in range(30):
            if f(200) != want:
                wrong.append(1)
    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=run) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(old)
    assert not wrong


# -- Recursion -----------------------------------------------------------------------------------

def depth_of(make):
    depth = 0

    def f():
        nonlocal depth
        depth += 1
        for _ in range(1):
            g()
    g = make(f)
    with pytest.raises(RecursionError, match="^maximum recursion depth exceeded"):
        g()
    return depth


def test_recursion_limit_is_the_users():
    plain = depth_of(lambda f: f)
    assert plain > 100
    for threshold in 10**9, 2:
        assert abs(depth_of(lambda f: jit(f, threshold=threshold)) - plain) <= 1
    old = sys.getrecursionlimit()
    sys.setrecursionlimit(3000)
    try:
        assert abs(depth_of(jit) - depth_of(lambda f: f)) <= 1
    finally:
        sys.setrecursionlimit(old)


@pytest.mark.parametrize("threshold", [1, 10**9])
@pytest.mark.parametrize("where", ["main", "thread"])
def test_no_recursion_limit_is_no_crash(threshold, where):
    out = run_python(f"""
        import sys, threading
        from hotloop import jit
        sys.setrecursionlimit(10**6)
        depth = 0
        @jit(threshold={threshold})
        def f(n):
            global depth
            depth += 1
            for i in range(3):
                n += 1
            return f(n) + 1
        @jit
        def no_loop(n):
            global depth
            depth += 1
            return no_loop(n) + 1
        def main():
            global depth
            for g in f, no_loop:
                for i in range(2):
                    depth = 0
                    try:
                        g(0)
                    except RecursionError as e:
                        print(e, depth > 400)
        if "{where}" == "main":
            main()
        else:
            threading.stack_size(1 << 20)
            t = threading.Thread(target=main)
            t.start()
            t.join()
    """)
    assert out == "maximum recursion depth exceeded True\n" * 4


def test_recursion_limit_lowered_by_another_thread():
    """A frame that runs already does not fail when the limit goes below its depth for a while."""
    out = run_python("""
        import sys, threading, time
        from hotloop import jit
        done, started = [], []
        def lower():
            while not started:
                time.sleep(0.01)
            sys.setrecursionlimit(150)
            time.sleep(0.1)
            sys.setrecursionlimit(1000)
            done.append(1)
        @jit(threshold=10**9)
        def f():
            started.append(1)
            n = 0
            while not done:
                n += 1
            return n > 1000
        def dive(k):
            return dive(k - 1) if k else f()
        thread = threading.Thread(target=lower)
        thread.start()
        print(dive(400))
        thread.join()
    """)
    assert out == "True\n"


# -- Global mode ---------------------------------------------------------------------------------

def test_global_mode():
    f, g = twin(for_range), twin(nested)
    was = _hotloop.is_global()
    _hotloop.set_global(True)
    try:
        assert _hotloop.is_global()
        assert [f(10) for _ in range(3)] == [45] * 3 and g(6) == nested(6)
        assert stats(f)["driven_calls"] == 3
        assert list(x for x in range(3)) == [0, 1, 2]
        for shape, *args in SHAPES:
            plain = outcome(shape, *args)
            assert outcome(shape, *args) == plain
        assert jit(twin(for_range))(10) == 45
    finally:
        _hotloop.set_global(was)
    f(10)
    if not was:
        assert not _hotloop.is_global() and stats(f)["driven_calls"] == 3


def test_global_mode_recursion():
    out = run_python("""
        import sys
        import hotloop
        hotloop.enable()
        def f(n):
            return f(n + 1)
        for limit in 1000, 10**6:
            sys.setrecursionlimit(limit)
            try:
                f(0)
            except RecursionError as e:
                print(e)
    """)
    assert out == "maximum recursion depth exceeded\n" * 2


# -- Life ----------------------------------------------------------------------------------------

def test_code_objects_are_freed():
    def count():
        return len(_hotloop.stats())

    def once(k):
        def f(n):
            t = k
            for i in range(n):
                t += i
            return t
        f.__code__ = f.__code__.replace()
        g = jit(f, threshold=1000)
        assert g(10) == 45 + k
    once(0)
    gc.collect()
    before = count()
    for k in range(50):
        once(k)
    gc.collect()
    assert count() <= before + 1


def test_references_do_not_leak():
    class Thing:
        pass
    thing = Thing()

    def f(n, x, fail):
        for i in range(n):
            y = x
            if fail and i == 3:
                raise ValueError
        while n:
            n -= 1
        return y
    g = jit(f, threshold=10**9)

    def rounds(k):
        for i in range(k):
            g(5, thing, False)
            outcome(g, 5, thing, True)

    def sizes():
        gc.collect()
        return [sys.getrefcount(o) for o in (thing, f, f.__code__, g, f.__code__.co_consts, None)]
    rounds(10)
    before = sizes()
    rounds(2000)
    after = sizes()
    assert after[:5] == before[:5]
    assert abs(after[5] - before[5]) < 100


def test_memory_is_stable():
    def f(n):
        t = 0
        for i in range(n):
            t += i
        return t
    g = jit(f, threshold=10**9)

    def rss():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096
    for _ in range(2000):
        g(3)
    before = rss()
    for _ in range(20000):
        g(3)
    assert rss() - before < 2 << 20
