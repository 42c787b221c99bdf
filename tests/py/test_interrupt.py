"""Loops in machine code can be interrupted: signals, other threads, pending calls, asynchronous exceptions,
tracing that is switched on meanwhile. What might hang runs in a process of its own."""

import signal
import sys
import textwrap

import pytest

import scripts
from differ import diff

# Loops that do not end by themselves, each with the names of the locals that the handler may look at.
SHAPES = {
    "int": """
        def f():
            s = t = 0
            while True:
                s = (s + 1) & 0xFFFFFF
                t = (t + 2) & 0x1FFFFFF
        """,
    "float": """
        def f():
            x = 0.25
            for i in range(10**18):
                x = x * 0.999 + 0.5
        """,
    "array": """
        import numpy as np
        def f(a=np.arange(1000.0)):
            s = 0.0
            while True:
                s = 0.0
                for i in range(a.size):
                    s += a[i]
        """,
    "branchy": """
        def f():
            n = 0
            while True:
                n = n % 1000 + 1
                x = n
                while x != 1:
                    if x & 1:
                        x = 3 * x + 1
                    else:
                        x >>= 1
        """,
    "exit-heavy": """
        def f():
            values = [1, 2.5, None, "a"]
            i = s = 0
            while True:
                i = (i + 1) % 4000
                v = values[i & 3] if i % 7 == 0 else i
                s = s + v & 0xFFFF if type(v) is int else 0
        """,
    "empty": """
        def f():
            while True:
                pass
        """,
    "iterator": """
        def f():
            for i in range(10**18):
                pass
        """,
    "counting": """
        import numpy as np
        def f(a=np.arange(1000) * 7919 % 1000):
            n = k = 0
            for i in range(10**18):
                k = i % 1000
                if a[k] > 500:
                    n += 1
                else:
                    n ^= k
        """,
    "either": """
        def f():
            x = small = large = 0
            for i in range(10**18):
                x = (x * 1103515245 + 12345) % 2147483648
                if x < 1073741824:
                    small = i
                else:
                    large = i
        """,
    "interpreted": """
        def f():
            d = {}
            while True:
                d[1] = d.get(1, 0) & 0xFF
        """,
}

START = """
import os, signal, sys, threading, time
from hotloop import jit
"""


def script(shape, rest):
    return START + textwrap.dedent(SHAPES[shape]) + "plain = f\nf = jit(f)\n" + textwrap.dedent(rest)


@pytest.mark.parametrize("shape", SHAPES)
def test_ctrl_c(shape):
    """From another thread, which needs the GIL for it; each time the latency is measured."""
    done = scripts.run(script(shape, """
        sent = 0
        def killer():
            global sent
            time.sleep(0.15)
            sent = time.perf_counter()
            os.kill(os.getpid(), signal.SIGINT)
        worst = 0
        for _ in range(3):
            thread = threading.Thread(target=killer)
            thread.start()
            try:
                f()
            except KeyboardInterrupt as e:
                worst = max(worst, time.perf_counter() - sent)
                tb = e.__traceback__.tb_next
                assert tb.tb_frame.f_code is plain.__code__
                first = plain.__code__.co_firstlineno
                assert first < tb.tb_lineno < first + 12
                assert tb.tb_next is None
            thread.join()
        print("latency", worst)
        """), **scripts.EAGER)
    assert float(done.stdout.split()[1]) < 1.0


@pytest.mark.parametrize("shape", ["int", "float", "array", "branchy", "counting", "either"])
def test_ctrl_c_at_the_default_thresholds(shape):
    scripts.run(script(shape, """
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        for _ in range(3):
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            try:
                f()
            except KeyboardInterrupt:
                continue
            raise SystemExit("the loop ended")
        """))


@pytest.mark.parametrize("shape", [s for s in SHAPES if s != "empty"])
def test_handler_sees_the_functions_frame(shape):
    done = scripts.run(script(shape, """
        class Done(Exception):
            pass
        seen = []
        def handler(number, frame):
            seen.append((frame.f_code is plain.__code__, frame.f_code.co_name, frame.f_lineno,
                         dict(frame.f_locals), frame.f_back.f_code.co_name))
            if len(seen) == 12:
                raise Done(len(seen))
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.3, 0.02)  # when it runs natively
        try:
            f()
        except Done as e:
            signal.setitimer(signal.ITIMER_REAL, 0)
            assert e.args == (12,), e.args
        seen = [row for row in seen if row[1] == "f"]
        assert len(seen) >= 6, seen
        first = plain.__code__.co_firstlineno
        for same, name, line, variables, caller in seen:
            assert same and caller == "<module>", (same, caller)
            assert first < line < first + 12, line
            if "t" in variables:
                assert (variables["t"] - 2 * variables["s"]) % 0x2000000 in (0, 2**25 - 2), variables
            if "x" in variables:
                assert type(variables["x"]) in (int, float), variables
        # The loop went on between the signals. (One that does the same over and over may always be
        # met at the same place: signals are served between strips of iterations.)
        assert len({repr(row[3]) for row in seen}) > 1 or seen[0][3].keys() <= {"d", "a", "s", "i"}
        print("ok")
        """), **scripts.EAGER)
    assert done.stdout == "ok\n"


def test_keyboard_interrupt_caught_by_the_running_function():
    done = scripts.run(START + """
def f(wanted):
    caught = 0
    lines = set()
    while caught < wanted:
        s = t = 0
        try:
            while True:
                s = (s + 1) & 0xFFFFFF
                t = (t + 1) & 0xFFFFFF
        except KeyboardInterrupt as e:
            caught += 1
            lines.add(e.__traceback__.tb_lineno)
            assert t in (s, s - 1) or s == 0, (s, t)
            assert e.__traceback__.tb_frame.f_code.co_name == "f"
    first = plain.__code__.co_firstlineno
    assert lines <= {first + k for k in (6, 7, 8)}, lines
    return caught
plain = f
f = jit(f)
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
print(f(8))
signal.setitimer(signal.ITIMER_REAL, 0)
""", **scripts.EAGER)
    assert done.stdout == "8\n"


def test_finally_and_with_run_on_interrupt():
    done = scripts.run(START + """
class Resource:
    def __enter__(self):
        return self
    def __exit__(self, kind, value, tb):
        print("exit", kind.__name__, tb.tb_frame.f_code.co_name)
@jit
def f():
    with Resource():
        try:
            s = 0
            while True:
                s = (s + 3) & 0xFFFF
        finally:
            print("finally", 0 <= s < 65536)
signal.signal(signal.SIGALRM, signal.default_int_handler)
for _ in range(3):
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        f()
    except KeyboardInterrupt:
        print("caught")
""", **scripts.EAGER)
    assert done.stdout == "finally True\nexit KeyboardInterrupt f\ncaught\n" * 3


def test_uncaught_interrupt_ends_the_program():
    done = scripts.run(script("int", """
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            f()
        finally:
            print("cleaned up")
            sys.stdout.flush()
        """), check=False, crash=-signal.SIGINT, **scripts.EAGER)
    assert done.returncode == -signal.SIGINT
    assert done.stdout == "cleaned up\n"
    assert ", in f\n" in done.stderr and done.stderr.endswith("KeyboardInterrupt\n")


@pytest.mark.parametrize("how", ["global", "cell", "array", "object"])
def test_a_flag_set_by_another_thread_is_seen(how):
    loops = {
        "global": ("def f():\n    s = 0\n    while not stop:\n        s = (s + 1) & 0xFFFF\n    return s",
                   "stop = False", "global stop; stop = True"),
        "cell": ("def make():\n    stop = False\n    def f():\n        s = 0\n        while not stop:\n"
                 "            s = (s + 1) & 0xFFFF\n        return s\n    def end():\n        nonlocal stop\n"
                 "        stop = True\n    return f, end\nf, end = make()", "", "end()"),
        "array": ("import numpy as np\na = np.zeros(3)\ndef f():\n    s = 0\n    while a[1] == 0:\n"
                  "        s = (s + 1) & 0xFFFF\n    return s", "", "a[1] = 1"),
        "object": ("class Flag: stop = False\nflag = Flag()\ndef f():\n    s = 0\n    while not flag.stop:\n"
                   "        s = (s + 1) & 0xFFFF\n    return s", "", "flag.stop = True"),
    }
    loop, start, end = loops[how]
    done = scripts.run(f"""{START}
{start}
{loop}
f = jit(f)
def ender():
    {end}
threading.Timer(0.3, ender).start()
f()
print("ended")
""", timeout=30, **scripts.EAGER)
    assert done.stdout == "ended\n"


def test_other_threads_make_progress():
    done = scripts.run(script("int", """
        beats = 0
        def heart():
            global beats
            end = time.perf_counter() + 1.0
            while time.perf_counter() < end:
                time.sleep(0.001)
                beats += 1
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=heart).start()
        try:
            f()
        except KeyboardInterrupt:
            print(beats)
        """), **scripts.EAGER)
    assert int(done.stdout) > 10  # each beat waits for the GIL twice, 5 ms or more


def test_two_jitted_threads_share_the_processor():
    done = scripts.run(START + """
@jit
def work(counts, me):
    while not stop:
        s = 0
        for i in range(20000):
            s += i
        counts[me] += 1
stop = False
counts = [0, 0]
threads = [threading.Thread(target=work, args=(counts, k)) for k in range(2)]
for t in threads:
    t.start()
time.sleep(1.5)
stop = True
for t in threads:
    t.join()
print(min(counts) / sum(counts), sum(counts))
""", **scripts.EAGER)
    assert float(done.stdout.split()[0]) > 0.25


def test_pending_calls_are_served():
    done = scripts.run(script("int", """
        import ctypes
        calls = []
        CALL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
        @CALL
        def pending(_):
            frame = sys._getframe(1)
            calls.append((frame.f_code is plain.__code__, frame.f_lineno - plain.__code__.co_firstlineno))
            return 0
        def sender():
            for _ in range(5):
                time.sleep(0.05)
                ctypes.pythonapi.Py_AddPendingCall(pending, None)
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=sender).start()
        try:
            f()
        except KeyboardInterrupt:
            pass
        print(len(calls), all(same and 1 <= line <= 4 for same, line in calls))
        """), **scripts.EAGER)
    assert done.stdout == "5 True\n"


def test_pending_call_that_raises():
    """len(number), called as a pending call: -1 and a TypeError."""
    done = scripts.run(script("float", """
        import ctypes
        number = 12345
        length = ctypes.cast(ctypes.pythonapi.PyObject_Length, ctypes.c_void_p)
        add = ctypes.pythonapi.Py_AddPendingCall
        add.argtypes = [ctypes.c_void_p, ctypes.py_object]
        threading.Timer(0.15, add, (length, number)).start()
        try:
            f()
        except TypeError as e:
            tb = e.__traceback__.tb_next
            print(e, tb.tb_frame.f_code is plain.__code__, tb.tb_lineno - plain.__code__.co_firstlineno)
        """), **scripts.EAGER)
    assert done.stdout in [f"object of type 'int' has no len() True {line}\n" for line in (2, 3)]


@pytest.mark.parametrize("shape", ["int", "float", "branchy", "counting", "iterator", "interpreted"])
def test_asynchronous_exception(shape):
    done = scripts.run(script(shape, """
        import ctypes
        class Stop(Exception):
            pass
        result = []
        def body():
            try:
                f()
            except Stop as e:
                tb = e.__traceback__.tb_next
                result.append((tb.tb_frame.f_code is plain.__code__, tb.tb_lineno - plain.__code__.co_firstlineno))
        for _ in range(3):
            thread = threading.Thread(target=body)
            thread.start()
            time.sleep(0.1)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Stop))
            thread.join(20)
        print([(same, 0 < line < 12) for same, line in result])
        os._exit(0) if thread.is_alive() else None
        """), **scripts.EAGER)
    assert done.stdout == "[(True, True), (True, True), (True, True)]\n"


def test_collector_and_signals_in_a_busy_loop():
    """Many interrupts: nothing is lost or done twice."""
    done = scripts.run(START + """
import gc
ticks = 0
def handler(number, frame):
    global ticks
    ticks += 1
    gc.collect(0)
signal.signal(signal.SIGALRM, handler)
def f(n):
    s = t = 0
    for i in range(n):
        s += i & 7
        if i % 3 == 0:
            t += s & 1
    return s, t
expected = f(500_000)
g = jit(f)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
results = {g(500_000) for _ in range(20)}
signal.setitimer(signal.ITIMER_REAL, 0)
print(results == {expected})
""", **scripts.EAGER)
    assert done.stdout == "True\n"


def test_fork_in_a_signal_handler():
    done = scripts.run(script("int", """
        def handler(number, frame):
            pid = os.fork()
            if pid == 0:
                signal.setitimer(signal.ITIMER_REAL, 0)
                raise KeyError("child")
            status = os.waitpid(pid, 0)[1]
            raise LookupError(os.waitstatus_to_exitcode(status))
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        try:
            f()
        except KeyError as e:
            os._exit(7)
        except LookupError as e:
            print(e)
        """), **scripts.EAGER)
    assert done.stdout == "7\n"


# --- tracing and profiling: the events are those of the plain function ------------------------------


def tracer(out, names, opcodes=False, lines=True):
    def trace(frame, event, arg):
        if frame.f_code.co_name not in names:
            return None
        if opcodes:
            frame.f_trace_opcodes = True
        frame.f_trace_lines = lines
        shown = arg if event == "return" else arg[0].__name__ if event == "exception" else None
        variables = {k: v for k, v in frame.f_locals.items() if type(v) in (int, float, bool)}
        out.note(event, frame.f_code.co_name, frame.f_lineno, frame.f_lasti, shown, variables)
        return trace
    return trace


def profiler(out, names):
    def profile(frame, event, arg):
        if frame.f_code.co_name in names:
            out.note(event, frame.f_code.co_name, frame.f_lineno, getattr(arg, "__name__", arg))
    return profile


def restoring(body):
    """Runs body() and puts tracing back, whatever it was (a debugger, a coverage run)."""
    before = sys.gettrace(), sys.getprofile()
    try:
        return body()
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])


@diff
def test_tracing_from_the_beginning(jit, out):
    def inner(x):
        return x + 1

    @jit
    def f(n, d):
        s = 0
        for i in range(n):
            if i % 3:
                s += inner(i)
            s += 10 // (d - i)
        return s

    def traced(n, d):
        sys.settrace(tracer(out, ("f", "inner")))
        return f(n, d)

    def opcodes(n, d):
        sys.settrace(tracer(out, ("f",), opcodes=True, lines=False))
        return f(n, d)
    out(f, 300, 1000)
    for g in (traced, opcodes):
        for n, d in ((0, 5), (12, 100), (12, 7)):
            out(lambda: restoring(lambda: g(n, d)))
            out(f, 300, 1000)


@diff
def test_profiling_from_the_beginning(jit, out):
    import math

    @jit
    def f(n):
        s = 0.0
        for i in range(n):
            s += math.sqrt(i) + abs(-i) + min(i, 5)
        return s

    def profiled(n):
        sys.setprofile(profiler(out, ("f",)))
        return f(n)
    out(f, 300)
    for n in (0, 3, 20):
        out(lambda: restoring(lambda: profiled(n)))
        out(f, 300)


@diff(native=False)
def test_tracing_switched_on_by_a_callee(jit, out):
    def switch(i, at):
        if i == at:
            trace = tracer(out, ("f",))
            sys.settrace(trace)
            sys._getframe(1).f_trace = trace
        return i

    @jit
    def f(n, at):
        s = 0
        for i in range(n):
            s += switch(i, at)
            s -= 1
        return s
    out(f, 300, -1)
    for at in (350, 395, 399, 3):
        out(lambda: restoring(lambda: f(400 if at > 10 else 20, at)))
        out(f, 300, -1)


@diff
def test_tracing_switched_on_and_off_again(jit, out):
    def switch(i):
        if i == 310:
            trace = tracer(out, ("f",))
            sys.settrace(trace)
            sys._getframe(1).f_trace = trace
        if i == 315:
            sys.settrace(None)
        return i

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += switch(i)
            for j in range(3):
                s ^= j
        return s
    for n in (300, 400, 400):
        out(lambda: restoring(lambda: f(n)))


@diff(native=False)
def test_profiling_switched_on_by_a_callee(jit, out):
    import math

    def switch(i, at):
        if i == at:
            sys.setprofile(profiler(out, ("f", "switch")))
        return i

    @jit
    def f(n, at):
        s = 0.0
        for i in range(n):
            s += switch(i, at) + math.sqrt(i)
        return s
    out(f, 300, -1)
    for at in (395, 399):
        out(lambda: restoring(lambda: f(400, at)))
        out(f, 300, -1)


@diff
def test_tracing_only_the_caller(jit, out):
    """As coverage tools do: frames of no interest have no local trace function."""
    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += i
        return s

    def caller(n):
        a = f(n)
        b = f(n + 1)
        return a + b

    def traced(n):
        sys.settrace(tracer(out, ("caller",)))
        return caller(n)
    out(f, 300)
    out(lambda: restoring(lambda: traced(300)))
    out(f, 300)


@diff
def test_a_tracer_that_raises(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += i
        return s

    def bad(frame, event, arg):
        if frame.f_code.co_name != "f":
            return None
        if event == "line" and frame.f_locals.get("i") == 5:
            raise ValueError("from the tracer")
        return bad

    def traced(n):
        sys.settrace(bad)
        return f(n)
    out(f, 300)
    out(lambda: restoring(lambda: traced(10)))
    out.value(sys.gettrace())
    out(f, 300)


@diff
def test_a_tracer_that_changes_a_local(jit, out):
    def jump(frame, event, arg):
        if frame.f_code.co_name != "f":
            return None
        if event == "line" and frame.f_locals.get("i") == 5 and frame.f_locals["s"] < 1000:
            import ctypes
            frame.f_locals["s"] = 5000
            ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
        return jump

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += i
        return s

    def traced(n):
        sys.settrace(jump)
        return f(n)
    out(f, 300)
    out(lambda: restoring(lambda: traced(10)))
    out(f, 300)


def test_tracing_switched_on_by_a_signal():
    """At no known iteration: the events that follow must be those of the lines from there on."""
    done = scripts.run(START + """
def f(n):
    s = 0
    for i in range(n):
        s += 1
        s -= 1
    return i
plain = f
events = []
def trace(frame, event, arg):
    if frame.f_code is not plain.__code__:
        return None
    events.append((event, frame.f_lineno - plain.__code__.co_firstlineno))
    if len(events) >= 10:
        sys.settrace(None)
        frame.f_trace = None
    return trace
def handler(number, frame):
    if frame.f_code is plain.__code__ and not events:
        sys.settrace(trace)
        frame.f_trace = trace
f = jit(f)
signal.signal(signal.SIGALRM, handler)
for _ in range(5):
    events.clear()
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)  # again, if it comes between two calls
    while not events:
        assert f(6_000_000) == 6_000_000 - 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    lines = [line for event, line in events]
    assert {event for event, line in events} == {"line"}, events
    assert all(b == {2: 3, 3: 4, 4: 2}[a] for a, b in zip(lines, lines[1:])), lines
print("ok")
""", timeout=120, **scripts.EAGER)
    assert done.stdout == "ok\n"


def test_what_is_stored_when_a_strip_fails():
    """A row whose last item is infinite is done in blocks, then one by one: a signal finds the loop's variable at the
    last item that is stored, or one further."""
    done = scripts.run("""
        import signal, time
        import numpy as np
        from hotloop import jit
        class Stop(Exception):
            pass
        def handler(*_):
            raise Stop
        signal.signal(signal.SIGALRM, handler)
        @jit
        def f(a, c, rows, n, k):
            j = r = -1
            try:
                for r in range(rows):
                    for j in range(n):
                        c[r, j] = a[j] + k
            except Stop:
                return r, j
            return r, n
        n, rows, one = 17, 20000, np.float32(1)
        a = np.ones(n, np.float32)
        a[16] = np.inf
        c = np.zeros((rows, n), np.float32)
        for _ in range(30):
            f(a, c, 3000, n, one)
        seen, end = 0, time.time() + 3
        while time.time() < end:
            c[:] = 0
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0003 + seen % 97 * 1e-6)
                r, j = f(a, c, rows, n, one)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Stop:
                continue
            if j < n:
                seen += 1
                assert not np.count_nonzero(c[r, j + 2:]), (r, j, c[r])
        print(seen)
        """, HOTLOOP_SYNC="1")
    assert int(done.stdout) > 50
