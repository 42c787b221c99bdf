"""The peers that run Python: how a kernel is made ready for each. Runs in the measured process, so it
imports nothing that a peer does not need, and is Python 3.9 for PyPy's sake."""
import sys

PEERS = ("cpython", "pypy", "numba", "c", "hotloop")


class Missing(Exception):
    """A peer that is not installed."""


class Unsupported(Exception):
    """A kernel that a peer refuses to run."""


def decorator(peer):
    """Imports what the peer needs and gives its decorator. Raises Missing; but a module that is there
    and cannot be imported is an error, not a missing one."""
    try:
        if peer == "numba":
            from numba import njit
            return njit
        if peer == "hotloop":
            from hotloop import jit
            return jit
    except ModuleNotFoundError as error:
        if error.name != peer:
            raise
        raise Missing(str(error)) from None
    return lambda function: function


def refusal(peer, error):
    """Why the peer refuses a kernel, if that is what an exception says."""
    if peer != "numba" or not type(error).__module__.startswith("numba.core.errors"):
        return None
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines)[:200]}"


def settle(peer):
    """Waits for what compiles in the background."""
    if peer == "hotloop":
        from hotloop import _hotloop
        if not _hotloop.inactive:
            _hotloop.wait()


def fresh_args(args, changes):
    """The arguments of one call: those that it writes into are copies, lists with numbers of their own, as
    a program that fills its list has them: with numbers shared by another list, writing into one could
    never use their memory again."""
    return tuple(own_copy(a) if i in changes else a for i, a in enumerate(args))


def own_copy(value):
    if not isinstance(value, list):
        return value.copy()
    return [x * 1.0 if isinstance(x, float) else x for x in value]


def versions(peer):
    """What to name in a table. Raises Missing."""
    found = {}
    decorator(peer)
    found["python"] = sys.version.replace("\n", " ")
    found["executable"] = sys.executable
    if peer == "pypy":
        return found
    try:
        import numpy
        found["numpy"] = numpy.__version__
    except ImportError:
        found["numpy"] = "missing"
    if peer == "numba":
        import llvmlite
        import llvmlite.binding
        import numba
        found["numba"] = numba.__version__
        found["llvmlite"] = llvmlite.__version__
        found["numba's LLVM"] = ".".join(map(str, llvmlite.binding.llvm_version_info))
    if peer == "hotloop":
        import hotloop
        found["hotloop"] = getattr(hotloop, "__version__", "?")
        found.update({f"hotloop's {k}": v for k, v in hotloop_info().items()
                      if isinstance(v, (str, int))})
    return found


# --- what hotloop says of itself ------------------------------------------------------------------

def hotloop_info():
    try:
        from hotloop import _hotloop
        return _hotloop.info()
    except (ImportError, AttributeError):
        return {}


def hotloop_totals(function):
    """Sums of a function's statistics over its loops (hot_seconds: the slowest loop's); all 0 when
    hotloop has not met it."""
    from hotloop import _hotloop
    totals = dict.fromkeys(
        ("interpreted", "native", "given_up", "compiles", "record_seconds", "compile_seconds",
         "hot_seconds"), 0)
    for code in () if _hotloop.inactive else _hotloop.stats(function):
        for loop in code["loops"]:
            totals["interpreted"] += loop["interpreted"]
            totals["given_up"] += loop["given_up"]
            for region in loop["regions"]:
                totals["native"] += sum(region["native"])
                totals["hot_seconds"] = max(totals["hot_seconds"], region["hot_seconds"])
                for name in ("compiles", "record_seconds", "compile_seconds"):
                    totals[name] += region[name]
    return totals


def hotloop_obstacles(function):
    """The loops that hotloop gave up or never ran natively, with the reason and where recording
    stopped for it."""
    from hotloop import _hotloop
    texts = []
    for code in () if _hotloop.inactive else _hotloop.stats(function):
        for loop in code["loops"]:
            stops = sorted(loop["stops"], key=lambda stop: -stop["count"])
            native = sum(sum(region["native"]) for region in loop["regions"])
            if loop["given_up"] or (stops and not native):
                why = loop["given_up_why"] if loop["given_up"] else stops[0]["reason"]
                at = next((f", line {s['line']}" for s in stops if s["reason"] == why), "")
                texts.append(f"loop of line {loop['line']}: {_hotloop.reasons.get(why, why)}{at}")
    return texts


def native_share(before, after):
    """Part of the counted iterations between two hotloop_totals that ran in machine code. The loops
    that were given up are not counted: `given_up` says how many there are."""
    native = after["native"] - before["native"]
    interpreted = after["interpreted"] - before["interpreted"]
    return native / max(1, native + interpreted)
