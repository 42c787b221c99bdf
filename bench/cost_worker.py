"""The child of costs.py: what hotloop costs where it cannot help, how it is
interrupted, what it keeps."""
import gc
import itertools
import os
import signal
import sys
import threading
import time
import weakref

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kernels  # noqa: E402
import peers  # noqa: E402
import worker  # noqa: E402

clock = time.perf_counter


# --- nests ---------------------------------------------------------------------------------------

def nest(spec):
    """The first call of a nest, and CPython's."""
    import nests
    function = getattr(nests, spec["nest"])
    args = nests.inputs(spec["size"] or nests.SIZES[function])
    jitted = peers.decorator("hotloop")(function)
    start = clock()
    expected = function(*args)
    plain, start = clock() - start, clock()
    got = jitted(*args)
    seconds = clock() - start
    if got != expected:
        raise worker.fingerprint.Wrong(f"{spec['nest']}: {got}, CPython has {expected}")
    totals = peers.hotloop_totals(jitted)
    return {"plain": plain, "seconds": seconds, "compiles": totals["compiles"],
            "inside": totals["record_seconds"] + totals["compile_seconds"],
            "slowest": totals["hot_seconds"]}


# --- calls ----------------------------------------------------------------------------------------

def timed_calls(function, arg, count):
    start = clock()
    for _ in itertools.repeat(None, count):
        function(arg)
    return clock() - start


def call(spec):
    """A jitted function on a one-element array and the plain one, in turn."""
    jitted = peers.decorator("hotloop")(kernels.load("sum_of_squares").kernel)
    plain = jitted.__wrapped__
    (arg,) = kernels.load("sum_of_squares").inputs(1)
    for _ in range(3):
        timed_calls(jitted, arg, spec["calls"])
        timed_calls(plain, arg, spec["calls"])
        peers.settle("hotloop")
    pairs = [(timed_calls(jitted, arg, spec["calls"]), timed_calls(plain, arg, spec["calls"]))
             for _ in range(spec["pairs"])]
    return {"jitted": [a / spec["calls"] for a, b in pairs],
            "plain": [b / spec["calls"] for a, b in pairs]}


# --- nothing to gain ------------------------------------------------------------------------------

def nogain(spec):
    """One function of nogain.py, decorated or not. hotloop is imported either way."""
    import nogain as programs
    jit = peers.decorator("hotloop")
    function, n = next((f, n) for f, n in programs.SHAPES.items() if f.__name__ == spec["shape"])
    if spec["decorated"]:
        function = jit(function)
    n = max(1, n // spec["divide"])
    start = clock()
    result = function(n)
    return {"seconds": clock() - start, "result": repr(result)}


# --- undecorated code beside a compiled loop ------------------------------------------------------

def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def moved(self, dx):
        return Point(self.x + dx, self.y)

    @property
    def size(self):
        return self.x + self.y


def call_heavy(rounds):
    """Python calls of several kinds; returns a checksum."""
    total = 0
    for k in range(rounds):
        total += fibonacci(11)
        point = Point(k, 1)
        for _ in range(20):
            point = point.moved(1)
            total += point.size
        total += sum(map(lambda x: x + 1, (1, 2, 3, 4)))
    return total


def callheavy(spec):
    """Call-heavy plain code in a process in which a jitted loop has been compiled and is called. The
    garbage collector is off meanwhile: its rare full runs would shake the instruction counts."""
    jit = peers.decorator("hotloop")
    kernel = kernels.load("int_sum_if")
    function = jit(worker.copy_of(kernel.kernel))
    for _ in range(3):
        function(kernel.SMOKE)
        peers.settle("hotloop")
    gc.disable()
    start = clock()
    result = call_heavy(spec["rounds"])
    seconds = clock() - start
    gc.enable()
    function(kernel.SMOKE)
    return {"seconds": seconds, "result": result,
            "native": peers.hotloop_totals(function)["native"]}


# --- Ctrl-C and threads ---------------------------------------------------------------------------

def loop_int(n):
    total = 0
    for i in range(n):
        total = (total * 5 + i) & 0xFFFFFFF
    return total


def loop_float(n):
    x = 0.4
    for _ in range(n):
        x = 3.7 * x * (1.0 - x)
    return x


def loop_array(n, a):
    total = 0.0
    for _ in range(n):
        for i in range(len(a)):
            total += a[i]
    return total


def loop_branchy(n):
    a = b = c = d = 0
    for i in range(n):
        if i % 7 == 0:
            a += 1
        elif i % 5 == 0:
            b = (b + i) & 0xFFFF
        elif i % 3 == 0:
            c ^= i
        else:
            d = i - d
    return a, b, c, d


def loop_exits(n):
    # A call that is not compiled: machine code is left and entered again every 64 iterations.
    total = 0
    for i in range(n):
        total = (total + i) & 0xFFFFFF
        if i % 64 == 0:
            total += len(str(i))
    return total


CTRLC_SHAPES = {"int": loop_int, "float": loop_float, "array with hoisted checks": loop_array,
                "branchy": loop_branchy, "exit-heavy": loop_exits}
FOREVER = 10**15


def ctrlc(spec):
    """Says "ready", enters a loop without end, is sent SIGINT by the parent and says when it saw
    KeyboardInterrupt, on the clock that all processes share."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    function = peers.decorator("hotloop")(CTRLC_SHAPES[spec["shape"]])
    args = ()
    if function.__name__ == "loop_array":
        import numpy as np
        args = (np.random.default_rng(1).random(1_000_000),)
        function(3, args[0])
    for _ in range(4):
        function(20_000 if not args else 3, *args)
        peers.settle("hotloop")
    before = peers.hotloop_totals(function)
    for _ in range(spec["tries"]):
        print("ready", flush=True)
        try:
            function(FOREVER, *args)
        except KeyboardInterrupt:
            print(repr(time.monotonic()), flush=True)
    return {"native_share": peers.native_share(before, peers.hotloop_totals(function))}


def count_up(stop, progress):
    n = 0
    while stop[0] == 0:
        n += 1
        progress[0] = n
    return n


def threads(spec):
    """Two threads in one jitted function, each counting in an array of its own."""
    import numpy as np
    function = peers.decorator("hotloop")(count_up)

    def run(workers, seconds):
        stop = np.zeros(1, np.int64)
        counts = [np.zeros(1, np.int64) for _ in range(workers)]
        started = [threading.Thread(target=function, args=(stop, c)) for c in counts]
        for thread in started:
            thread.start()
        time.sleep(seconds)
        seen = [int(c[0]) for c in counts]
        stop[0] = 1
        for thread in started:
            thread.join()
        return seen

    run(1, 0.1)
    peers.settle("hotloop")
    run(1, 0.1)
    before = peers.hotloop_totals(function)
    seen = run(2, spec["seconds"])
    after = peers.hotloop_totals(function)
    return {"iterations": seen, "smaller_share": min(seen) / max(1, sum(seen)),
            "native_share": peers.native_share(before, after)}


# --- memory that must come back -------------------------------------------------------------------

def make(source, name):
    namespace = {}
    exec(source, namespace)
    return namespace[name]


def churn_codes(spec):
    """Distinct code objects, each compiled, run and dropped. The first few load LLVM. Each function is
    a name in its own globals, as in a module: so it dies only by the garbage collector."""
    jit = peers.decorator("hotloop")
    codes = []
    base = compiled = 0
    for k in range(spec["before"] + spec["count"]):
        if k == spec["before"]:
            gc.collect()
            base = worker.status_kb("VmRSS")
            compiled = 0
            codes.clear()
        function = jit(make(f"def f(n):\n    t = {k}\n    for i in range(n):\n"
                            f"        t = (t + i * {k + 3}) & 0xFFFFF\n    return t\n", "f"))
        function(2_000)
        compiled += peers.hotloop_totals(function)["native"] > 0
        codes.append(weakref.ref(function.__wrapped__.__code__))
        del function
    gc.collect()
    alive = sum(code() is not None for code in codes)
    return {"compiled": compiled, "count": spec["count"], "alive": alive, "base_kb": base,
            "after_kb": worker.status_kb("VmRSS"), "peak_kb": worker.status_kb("VmHWM")}


def decision_tree(low, high, indent):
    pad = " " * indent
    if high - low == 1:
        return f"{pad}t += {low + 1}\n"
    middle = (low + high) // 2
    return (f"{pad}if k < {middle}:\n" + decision_tree(low, middle, indent + 1)
            + f"{pad}else:\n" + decision_tree(middle, high, indent + 1))


def churn_recompiles(spec):
    """One region that is compiled again and again: a tree of branches, a new leaf of which gets hot
    each time. The bounds that keep programs from this are lifted."""
    jit = peers.decorator("hotloop")
    from hotloop import _hotloop
    for name in ("max_compiles", "max_blocks", "max_variants"):
        _hotloop.set_param(name, 1_000_000)
    leaves = spec["count"] + 1
    function = jit(make("def f(k, n):\n t = 0\n for i in range(n):\n"
                        + decision_tree(0, leaves, 2) + " return t\n", "f"))
    function(0, 2_000)
    gc.collect()
    base = worker.status_kb("VmRSS")
    first = peers.hotloop_totals(function)["compiles"]
    for leaf in range(1, leaves):
        seen = peers.hotloop_totals(function)["compiles"]
        for _ in range(20):
            assert function(leaf, 2_000) == 2_000 * (leaf + 1)
            if peers.hotloop_totals(function)["compiles"] > seen:
                break
    recompiles = peers.hotloop_totals(function)["compiles"] - first
    grown = worker.status_kb("VmRSS")
    code = weakref.ref(function.__wrapped__.__code__)
    del function
    gc.collect()
    return {"recompiles": recompiles, "count": spec["count"], "alive": int(code() is not None),
            "base_kb": base, "grown_kb": grown, "after_kb": worker.status_kb("VmRSS"),
            "peak_kb": worker.status_kb("VmHWM")}


MODES = {f.__name__: f
         for f in (nest, call, nogain, callheavy, ctrlc, threads, churn_codes, churn_recompiles)}

if __name__ == "__main__":
    worker.main(MODES, sys.argv)
