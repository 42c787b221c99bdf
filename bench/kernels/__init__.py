"""The kernels: one module each, all with the same few names.

    kernel(*args)      the loop, in plain Python: CPython runs it as it is, the JITs decorate it
    inputs(n)          its arguments for size n, the same on every peer and in every process
    iterations(n)      how often the innermost loop body runs at size n
    SIZE, SMOKE, HOT   n so that CPython takes 0.3 to 1 s; for a quick look; just past the threshold
    NUMPY              whether inputs() needs NumPy: such kernels are compared with Numba, those on
                       Python's own numbers and lists with PyPy
    CHANGES            indexes of the arguments that the loop writes into
    C_RESULT           what the C twin bench/c/<name>.c returns: "double", "int64_t", "pair" (a struct
                       of two doubles), "list" (doubles, from malloc; their count goes to the pointer
                       that is its last argument), or None

The C twin is a function of the same name. Its arguments: an int is an int64_t, a float a double; an
array becomes a pointer and its shape; a list of floats or ints, and bytes become a pointer and a
length; a list of complex numbers too, as pairs of doubles.
"""
import importlib

# What the chart and the tables group them by.
GROUPS = {
    "NumPy arrays of one dimension": (
        "sum_of_squares", "float_sum", "saxpy", "sieve", "polynomial", "histogram",
        "cumulative_max", "welford", "binary_search", "black_scholes", "csr_matvec", "fft",
        "quicksort"),
    "NumPy arrays of two and three dimensions": (
        "matmul", "lu", "cholesky", "floyd_warshall", "heat_2d", "heat_3d", "gauss_seidel", "life",
        "sandpile", "random_walk", "levenshtein", "knapsack", "kmeans", "nbody", "bilateral",
        "hillshade", "mandelbrot_image"),
    "Python's own numbers": (
        "int_sum_if", "collatz", "logistic_map", "lcg_pi", "newton", "bit_count", "fibonacci_mod",
        "mandelbrot"),
    "Lists and bytes": (
        "sieve_list", "moving_average", "exponential_smoothing", "parse_ints"),
}
NAMES = tuple(name for group in GROUPS.values() for name in group)


def load(name):
    if name not in NAMES:
        raise KeyError(f"no kernel {name!r}; there are: {', '.join(NAMES)}")
    return importlib.import_module("kernels." + name)
