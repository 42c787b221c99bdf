"""The C twins of the kernels: built when first needed, called through ctypes. kernels/__init__.py says
what their arguments and results are."""
import array
import ctypes
import hashlib
import os
import subprocess

import fingerprint
import measure
import peers

COMPILERS = ("gcc", "clang-19")
FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC")
HERE = os.path.dirname(os.path.abspath(__file__))


def build(name, compiler):
    """Builds a twin, or finds it built; the name of the library holds all that it depends on."""
    source = os.path.join(HERE, "c", name + ".c")
    try:
        version = subprocess.run([compiler, "--version"], capture_output=True, text=True,
                                 check=True)
    except (OSError, subprocess.CalledProcessError):
        raise peers.Missing(f"{compiler} does not run") from None
    with open(source, "rb") as f, open("/proc/cpuinfo", "rb") as cpu:
        model = [line for line in cpu if line.startswith((b"model name", b"flags"))][:2]
        key = hashlib.blake2b(
            f.read() + version.stdout.encode() + " ".join(FLAGS).encode() + b"".join(model),
            digest_size=12).hexdigest()
    os.makedirs(measure.cache_dir(), exist_ok=True)
    library = os.path.join(measure.cache_dir(), f"{name}-{compiler}-{key}.so")
    if not os.path.exists(library):
        fresh = f"{library}.{os.getpid()}"
        subprocess.run([compiler, *FLAGS, "-o", fresh, source, "-lm"], check=True)
        os.replace(fresh, library)
    return library


class Twin:
    """A twin made ready for one call. Arguments are converted before it and what it gives back after
    it (`result`): the call itself costs the microsecond of ctypes, against hundreds of the kernels."""

    def __init__(self, name, gives, args, compiler):
        self.gives = gives
        self.args = tuple(fingerprint.packed(plain(arg)) if isinstance(arg, list) else arg
                          for arg in args)
        self.function = getattr(ctypes.CDLL(build(name, compiler)), name)
        self.function.restype = {"double": ctypes.c_double, "int64_t": ctypes.c_int64, None: None,
                                 "list": ctypes.c_void_p, "pair": pair_type()}[gives]
        self.converted = []
        for given, arg in zip(args, self.args):
            self.converted += convert(given, arg)
        if gives == "list":
            self.count = ctypes.c_int64()
            self.converted.append(ctypes.byref(self.count))

    def __call__(self):
        return self.function(*self.converted)

    def result(self, raw):
        """The Python value of what a call gave back; a list's memory is freed."""
        if self.gives == "pair":
            return raw.first, raw.second
        if self.gives != "list":
            return raw
        items = array.array("d", ctypes.string_at(raw, 8 * self.count.value))
        ctypes.CDLL(None).free(ctypes.c_void_p(raw))
        return items


def pair_type():
    class Pair(ctypes.Structure):
        _fields_ = [("first", ctypes.c_double), ("second", ctypes.c_double)]
    return Pair


def plain(values):
    """A list of complex numbers as one of floats, real and imaginary parts in turn."""
    if values and isinstance(values[0], complex):
        return [part for value in values for part in (value.real, value.imag)]
    return values


def convert(given, arg):
    """An argument as ctypes objects; `arg` is `given` with lists made arrays."""
    if isinstance(arg, float):
        return [ctypes.c_double(arg)]
    if isinstance(arg, int):
        return [ctypes.c_int64(arg)]
    if isinstance(arg, bytes):
        return [ctypes.c_char_p(arg), ctypes.c_int64(len(arg))]
    if isinstance(arg, array.array):
        return [ctypes.c_void_p(arg.buffer_info()[0]), ctypes.c_int64(len(given))]
    assert arg.flags.c_contiguous
    return [ctypes.c_void_p(arg.ctypes.data), *map(ctypes.c_int64, arg.shape)]


def versions():
    """The compilers. Raises Missing."""
    found = {}
    for compiler in COMPILERS:
        try:
            run = subprocess.run([compiler, "--version"], capture_output=True, text=True)
            found[compiler] = run.stdout.splitlines()[0]
        except OSError:
            found[compiler] = "missing"
    if set(found.values()) == {"missing"}:
        raise peers.Missing("neither gcc nor clang-19")
    return found
