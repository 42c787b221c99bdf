"""The peers: how a kernel is made ready for each, and the C twins. Runs in the measured process, so
it imports nothing that a peer does not need, and is Python 3.9 for PyPy's sake."""
import hashlib
import os
import struct
import subprocess
import sys

PEERS = ("cpython", "pypy", "numba", "c", "hotloop")
C_COMPILERS = ("gcc", "clang-19")
C_FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC")
HERE = os.path.dirname(os.path.abspath(__file__))


class Missing(Exception):
    """A peer that is not installed."""


class Wrong(Exception):
    """A result that is not CPython's, bit for bit."""


def bits(value):
    """A value's bits as text. NumPy's scalars read like Python's; types are not looked at here."""
    if value is None:
        return "none"
    if hasattr(value, "dtype"):
        if value.ndim:
            return f"{value.dtype}:{hashlib.blake2b(value.tobytes(), digest_size=16).hexdigest()}"
        value = value.item()
    if isinstance(value, float):
        return "float:" + struct.pack(">d", value).hex()
    return f"int:{int(value)}"


def fingerprint(result, args, changes):
    """What a call did: its result, and the arguments that it wrote into."""
    return {
        "type": type(result).__name__,
        "bits": [bits(result)] + [bits(args[i]) for i in changes],
    }


def check(got, expected, types):
    """Raises Wrong unless a fingerprint is CPython's; `types` also compares the result's class."""
    if got["bits"] != expected["bits"] or (types and got["type"] != expected["type"]):
        raise Wrong(f"wrong result: {got}, CPython has {expected}")


# --- C --------------------------------------------------------------------------------------------

def c_cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = os.path.join(base, "hotloop-bench")
    os.makedirs(path, exist_ok=True)
    return path


def c_build(name, compiler):
    """Builds a twin, or finds it built; the name of the library holds all that it depends on."""
    source = os.path.join(HERE, "c", name + ".c")
    try:
        version = subprocess.run([compiler, "--version"], capture_output=True, text=True,
                                 check=True)
    except (OSError, subprocess.CalledProcessError):
        raise Missing(f"{compiler} does not run") from None
    with open(source, "rb") as f, open("/proc/cpuinfo", "rb") as cpu:
        model = [line for line in cpu if line.startswith((b"model name", b"flags"))][:2]
        key = hashlib.blake2b(
            f.read() + version.stdout.encode() + " ".join(C_FLAGS).encode() + b"".join(model),
            digest_size=12).hexdigest()
    library = os.path.join(c_cache(), f"{name}-{compiler}-{key}.so")
    if not os.path.exists(library):
        fresh = f"{library}.{os.getpid()}"
        subprocess.run([compiler, *C_FLAGS, "-o", fresh, source], check=True)
        os.replace(fresh, library)
    return library


def c_function(name, result, args, compiler):
    """A callable that runs the twin on args. They are converted here, once: a call then costs the
    microsecond of ctypes, against hundreds that the kernels run."""
    import ctypes
    function = getattr(ctypes.CDLL(c_build(name, compiler)), name)
    function.restype = {"double": ctypes.c_double, "int64_t": ctypes.c_int64, None: None}[result]
    converted = []
    for arg in args:
        if isinstance(arg, float):
            converted.append(ctypes.c_double(arg))
        elif isinstance(arg, int):
            converted.append(ctypes.c_int64(arg))
        else:
            assert arg.flags.c_contiguous and arg.itemsize == 8
            converted += [ctypes.c_void_p(arg.ctypes.data), ctypes.c_int64(arg.size)]
    return lambda: function(*converted)


# --- Python ---------------------------------------------------------------------------------------

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


def settle(peer):
    """Waits for what compiles in the background."""
    if peer == "hotloop":
        from hotloop import _hotloop
        if not _hotloop.inactive:
            _hotloop.wait()


def fresh_args(args, changes):
    """The arguments of one call: those that it writes into are copies."""
    return tuple(a.copy() if i in changes else a for i, a in enumerate(args))


def versions(peer):
    """What to name in a table. Raises Missing."""
    found = {}
    if peer == "c":
        for compiler in C_COMPILERS:
            try:
                run = subprocess.run([compiler, "--version"], capture_output=True, text=True)
                found[compiler] = run.stdout.splitlines()[0]
            except OSError:
                found[compiler] = "missing"
        if set(found.values()) == {"missing"}:
            raise Missing("neither gcc nor clang-19")
        return found
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


def native_share(before, after):
    """Part of the counted iterations between two hotloop_totals that ran in machine code. The loops
    that were given up are not counted: `given_up` says how many there are."""
    native = after["native"] - before["native"]
    interpreted = after["interpreted"] - before["interpreted"]
    return native / max(1, native + interpreted)
