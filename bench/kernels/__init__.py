"""The kernels: one module each, all with the same few names.

    kernel(*args)      the loop, in plain Python: CPython runs it as it is, the JITs decorate it
    inputs(n)          its arguments for size n, the same on every peer and in every process
    iterations(n)      how often the innermost loop body runs at size n
    SIZE, SMOKE, HOT   n so that CPython takes 0.3 to 1 s; for a quick look; just past the threshold
    NUMPY              whether inputs() needs NumPy (peers without it skip the kernel)
    CHANGES            indexes of the arguments that the loop writes into
    C_RESULT           what the C twin bench/c/<name>.c returns: "double", "int64_t" or None

The C twin is a function of the same name; an array argument becomes a pointer and a length, an int
an int64_t, a float a double.
"""
import importlib

NAMES = (
    "sum_of_squares",
    "float_sum",
    "int_sum_if",
    "collatz",
    "logistic_map",
    "saxpy",
    "sieve",
    "polynomial",
    "lcg_pi",
)


def load(name):
    if name not in NAMES:
        raise KeyError(f"no kernel {name!r}; there are: {', '.join(NAMES)}")
    return importlib.import_module("kernels." + name)
