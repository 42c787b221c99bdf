"""Every program of tests/diff, run again and again in one process with the machine code it got: nothing may
grow from run to run. Not Python's memory, not the C library's, not the reference counts of what the program's
code names.

HOTLOOP_REFERENCES=S spends some S seconds on each program (0.03 by default), up to 1,000 runs; programs of
which a single run takes longer than a tenth of a second, or than S, are left out."""

import contextlib
import ctypes
import gc
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import types
import warnings

import numpy as np
import pytest

from differ import MODES, params

SECONDS = float(os.environ.get("HOTLOOP_REFERENCES", "0.03"))
LEAST, MOST = 6, 500  # runs in one of the two stretches that are measured
SLOW = max(0.1, SECONDS)
FILES = sorted((pathlib.Path(__file__).parent.parent / "diff").glob("test_diff_*.py"))


class Sink:
    """The `out` of a program: calls, and keeps nothing."""

    def __call__(self, func, /, *args, **kwargs):
        try:
            return func(*args, **kwargs)
        except BaseException:  # any outcome will do
            return None

    def ignore(self, *args, **kwargs):
        pass

    value = note = write = flush = warning = unraisable = ignore


class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]


def c_memory():
    try:
        mallinfo = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return 0
    mallinfo.restype = Mallinfo
    info = mallinfo()
    return info.uordblks + info.hblkhd


def constants(code):
    for c in code.co_consts:
        yield c
        if isinstance(c, types.CodeType):
            yield from constants(c)


def measure(watched):
    """What must not grow, by name; the second number is by how much each run may let it grow."""
    gc.collect()
    from hotloop import _hotloop
    # Of a program that makes new code objects, LLVM keeps a few bytes with every compile; what the core
    # itself allocates, debug builds count.
    found = {"Python's blocks": (sys.getallocatedblocks(), 0.8), "C's memory": (c_memory(), 80),
             "objects": (len(gc.get_objects()), 0.8)}
    if hasattr(_hotloop, "live_blocks"):
        found["core's blocks"] = (_hotloop.live_blocks(), 0.8)
    for k, o in enumerate(watched):
        found[f"references of {o!r:.60} ({k})"] = (sys.getrefcount(o), 0.8)
    return found


def grown(run, watched, times):
    """What grew in each of two stretches of runs."""
    points = [measure(watched)]
    for _ in range(2):
        for _ in range(times):
            run()
        points.append(measure(watched))
    first, middle, last = points
    return {name: (middle[name][0] - first[name][0], last[name][0] - middle[name][0]) for name, (_, each) in first.items()
            if min(middle[name][0] - first[name][0], last[name][0] - middle[name][0]) >= each * times}


def size_classes():
    """Blocks in use by their size, as CPython's allocator tells them."""
    with tempfile.TemporaryFile("w+") as file:
        sys.stderr.flush()
        before = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            sys._debugmallocstats()
        finally:
            os.dup2(before, 2)
            os.close(before)
        file.seek(0)
        rows = re.findall(r"^ *\d+ +(\d+) +\d+ +(\d+) +\d+ *$", file.read(), re.M)
    return {int(size): int(blocks) for size, blocks in rows}


def grown_sizes(run, times):
    """Which sizes of blocks grow, to see what kind of object does."""
    gc.collect()
    before = size_classes()
    for _ in range(times):
        run()
    gc.collect()
    return {size: n - before.get(size, 0) for size, n in size_classes().items() if n - before.get(size, 0) >= times / 4}


def watch(function):
    shared = [None, True, False, -1, 0, 1, 2, 5, int, float, bool, range, np.float64, np.int64, np.bool_, np.ndarray,
              abs, len, min, max, type(iter(range(1)))]
    return [*shared, *constants(function.__code__)]


@contextlib.contextmanager
def quiet(out):
    with warnings.catch_warnings(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        warnings.simplefilter("always")
        warnings.showwarning = out.warning
        hook, sys.unraisablehook = sys.unraisablehook, out.unraisable
        try:
            yield
        finally:
            sys.unraisablehook = hook


def runs(program, jit):
    """A function that runs the program once; all runs share one code object, and so the machine code."""
    function, _ = program.make(False)
    out = Sink()

    def mark(func=None, **options):
        if func is None:
            return lambda f: mark(f, **options)
        return jit(func, **options)

    def run():
        with quiet(out):
            function(mark, out)
    return run, watch(function)


def examine(program):
    import hotloop
    run, watched = runs(program, hotloop.jit)
    start, warm = time.perf_counter(), 0
    while warm < 8 or (warm < 40 and time.perf_counter() - start < SECONDS):
        begin = time.perf_counter()
        run()
        warm += 1
        each = time.perf_counter() - begin
        if each > SLOW:
            return []
    times = int(min(MOST, max(LEAST, SECONDS / each / 2)))
    for times in (times, 4 * times, 8 * times):  # longer, in case it was still growing up
        found = grown(run, watched, times)
        if not found:
            return []
    sizes = grown_sizes(run, times)
    plain, watched = runs(program, lambda f, **_: f)
    plain()
    same = grown(plain, watched, times)
    return [f"{program.name}: {name} {a:+} and {b:+} in {times} runs each; blocks by size {sizes}"
            for name, (a, b) in found.items() if name not in same]


def grows_alone(request):
    """Does it in a process of its own, too? What grows there is the program's, not that of the moment."""
    if os.environ.get("HOTLOOP_REFERENCES_ALONE"):
        return True
    environment = dict(os.environ, HOTLOOP_REFERENCES_ALONE="1")
    for name in [name for name in environment if name.startswith("PYTEST_")]:
        del environment[name]
    test = f"{__file__}::{request.node.name}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode != 0


def programs():
    for path in FILES:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, test in vars(module).items():
            if hasattr(test, "program"):
                yield pytest.param(test.program, id=f"{path.stem}-{name}")


@pytest.mark.parametrize("program", list(programs()))
def test_nothing_grows(program, request):
    with params(**MODES["eager"]):
        found = examine(program)
    if found and not grows_alone(request):
        warnings.warn("grew, but not alone: " + "; ".join(found))
        found = []
    assert not found, "\n".join(found)
