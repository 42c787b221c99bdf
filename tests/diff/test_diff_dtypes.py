"""NumPy's integers of every width and float32: what fits runs as machine code, what NumPy warns about, raises
or wraps is the interpreter's, at the right iteration."""

import numpy as np

from differ import diff

INTS = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
DTYPES = (*INTS, np.float32, np.float64)
COMPLEX = (np.complex64, np.complex128)
FILTERS = ("always", "error")


def spoilt(dtype, value, n=300, at=220):
    """Small numbers, with one that is not."""
    a = (np.arange(n) % 11 + 1).astype(dtype)
    a[at] = value
    return a


def extremes(dtype):
    info = np.finfo(dtype) if np.dtype(dtype).kind in "fc" else np.iinfo(dtype)
    return info.min, info.max


@diff(filters=FILTERS)
def test_arithmetic_that_overflows_in_mid_loop(jit, out):
    @jit
    def add(a, b):
        r = None
        for i in range(a.size):
            r = a[i] + b[i]
        return r

    @jit
    def subtract(a, b):
        r = None
        for i in range(a.size):
            r = a[i] - b[i]
        return r

    @jit
    def multiply(a, b):
        r = None
        for i in range(a.size):
            r = a[i] * b[i]
        return r

    @jit
    def negate(a, b):
        s = 0
        for i in range(a.size):
            s += int(-a[i]) + int(abs(b[i]))
        return s
    for dtype in DTYPES:
        for value in extremes(dtype):
            a, b = spoilt(dtype, 3), spoilt(dtype, value)
            out(add, a, a)
            out(add, a, b)
            out(add, b, b)
            out(subtract, b, a)
            out(subtract, a, b)
            out(multiply, a, b)
            out(multiply, b, b)
            out(negate, np.zeros(300, dtype), b)
            out(negate, a, a)


@diff(filters=FILTERS)
def test_division_by_zero_in_mid_loop(jit, out):
    @jit
    def floor(a, b):
        s = 0.0
        for i in range(a.size):
            s += float(a[i] // b[i])
        return s

    @jit
    def mod(a, b):
        s = 0.0
        for i in range(a.size):
            s += float(a[i] % b[i])
        return s

    @jit
    def true(a, b):
        s = 0.0
        for i in range(a.size):
            s += a[i] / b[i]
        return s
    for dtype in DTYPES:
        a, b = spoilt(dtype, extremes(dtype)[0]), spoilt(dtype, 0, at=250)
        c = spoilt(dtype, 0, at=230)
        c[221] = extremes(dtype)[1] if np.dtype(dtype).kind == "u" else -1
        c[220] = extremes(dtype)[1] if np.dtype(dtype).kind == "u" else -1
        for f in (floor, mod, true):
            out(f, a, a)
            out(f, a, b)
            out(f, c, c[::-1])
            out(f, a, c)


@diff(filters=FILTERS)
def test_python_numbers_that_do_not_fit(jit, out):
    @jit
    def f(a, k, special):
        r = 0
        for i in range(a.size):
            x = k
            if i == 200:
                x = special
            r = a[i] + x
            r = x * a[i]
            if x > a[i]:
                r = r - a[i]
        return r
    for dtype in DTYPES:
        for special in (3, -3, 127, 128, 255, 256, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -2**63,
                        True, 0.1, 1e39, 1e300, float("nan"), float("-inf")):
            out(f, spoilt(dtype, 2), 1, special)


@diff(filters=FILTERS)
def test_shifts_and_bits(jit, out):
    @jit
    def f(a, b):
        s = 0
        for i in range(a.size):
            x = a[i] << b[i]
            y = a[i] >> b[i]
            s ^= int(x) + int(y) + int(a[i] & b[i]) + int(a[i] | b[i]) - int(a[i] ^ b[i]) + int(~a[i])
        return s
    for dtype in INTS:
        low, high = extremes(dtype)
        for value in (low, high, 7, 8, 31, 33, 63, 64):
            shifts = spoilt(dtype, min(value, high))
            out(f, spoilt(dtype, high), shifts)
            out(f, spoilt(dtype, low), shifts)


@diff
def test_powers(jit, out):
    @jit
    def f(a, b):
        r = None
        s = 0.0
        for i in range(a.size):
            r = a[i] ** b[i]
            s += float(r)
        return r, s
    for dtype in DTYPES:
        out(f, spoilt(dtype, 5), spoilt(dtype, 2))
        out(f, spoilt(dtype, extremes(dtype)[1]), spoilt(dtype, 3, at=221))
        out(f, spoilt(dtype, 3), spoilt(dtype, 0))
    out(f, spoilt(np.int32, 3), spoilt(np.int32, -1))
    for e in (np.int8, np.int32, np.float32, np.float64):
        out(f, spoilt(np.float32, 0.3), spoilt(e, -2))


@diff(filters=FILTERS)
def test_stores_that_do_not_fit(jit, out):
    @jit
    def f(a, special):
        for i in range(a.size):
            x = i & 7
            if i == 210:
                x = special
            a[i] = x
        return a

    @jit
    def copy(a, b):
        for i in range(a.size):
            a[i] = b[i]
        return a
    for dtype in (*DTYPES, np.bool_, *COMPLEX):
        for special in (3, -1, 128, 256, 2**16, 2**31, 2**32, 2**63, -2**63, 2**70, 2.75, -1.5, 300.5, 1e10, 1e39,
                        1e300, float("nan"), float("inf"), True, np.bool_(True), np.int64(300), np.int64(-1),
                        np.int8(-5), np.uint8(250), np.uint64(2**63), np.uint64(7), np.float32(2.5),
                        np.float32(3e9), np.float64(1e300), np.float64(-7.5), np.float16(1.5), np.longlong(5), 1j,
                        np.complex64(0.1 - 2j), np.complex128(0.1 + 1e39j), complex(1e-46, -1e-320)):
            out(f, np.zeros(300, dtype), special)
    for dtype in (*DTYPES, np.bool_, *COMPLEX):
        for source in (*DTYPES, *COMPLEX):
            out(copy, np.zeros(300, dtype), spoilt(source, extremes(source)[1]))
            out(copy, np.zeros(300, dtype), spoilt(source, extremes(source)[0]))


@diff
def test_uint64_edges(jit, out):
    @jit
    def compare(a, b):
        s = 0
        for i in range(a.size):
            if a[i] < b[i]:
                s += 1
            if a[i] == b[i]:
                s += 10
            if b[i] <= a[i]:
                s += 100
            if a[i] > 5 and a[i] != -1:
                s += 1000
        return s

    @jit
    def convert(a):
        s = 0
        t = 0.0
        for i in range(a.size):
            s += int(a[i])
            t += float(a[i])
        return s, t
    top = spoilt(np.uint64, 2**63 + 5)
    for other in (top, spoilt(np.uint64, 2**64 - 1), spoilt(np.int64, 2**63 - 1), spoilt(np.int64, -1),
                  spoilt(np.uint8, 255), spoilt(np.int8, -128), spoilt(np.float64, 2.0**63), spoilt(np.float32, 2.0**63)):
        out(compare, top, other)
        out(compare, other, top)
    out(convert, spoilt(np.uint64, 3))
    out(convert, top)
    out(convert, spoilt(np.uint64, 2**53 + 1))

    @jit
    def index(a, b):
        s = 0.0
        for i in range(b.size):
            s += a[b[i]]
        return s
    out(index, np.arange(20.0), spoilt(np.uint64, 3))
    out(index, np.arange(20.0), top)
    out(index, np.arange(20.0), spoilt(np.int8, -20))
    out(index, np.arange(20.0), spoilt(np.int8, -21))


@diff
def test_accumulators(jit, out):
    @jit
    def f(s, a):
        for i in range(a.size):
            s += a[i]
        return s
    for dtype in (*DTYPES, np.bool_):
        for start in (0, 0.0, False, np.int8(0), np.uint8(1), np.int32(-3), np.uint64(2), np.float32(0.5),
                      np.float64(1)):
            out(f, start, np.arange(200).astype(dtype))


@diff(filters=FILTERS)
def test_float32_rounds_once(jit, out):
    @jit
    def f(a, b, c):
        s = a[0]
        for i in range(a.size):
            x = a[i] * b[i] + c[i]
            x = x / b[i] - a[i] // b[i] + a[i] % b[i]
            s = s + x * s / (s + a[i])
            c[i] = x
        return s, c
    def numbers(scale, n=400):
        k = np.arange(1, n + 1)
        return (((k * 2654435761) % 1000003) / 1000003.0 * scale + scale / 7).astype(np.float32)
    for scale in (1.0, 1e-3, 1e20, 1e-20, 1e-42, 2.5e38):
        out(f, numbers(scale), numbers(3.0)[::-1], numbers(scale)[::-1].copy())
    a = numbers(1.0)
    a[300] = np.inf
    out(f, a, numbers(1.0), numbers(1.0))
    a[200] = np.nan
    out(f, a, numbers(1.0), numbers(1.0))


@diff
def test_errstate_in_mid_loop(jit, out):
    @jit
    def f(a, k):
        r = None
        for i in range(a.size):
            r = a[i] * k
        return r
    a = spoilt(np.float32, 3e38)
    for mode in ("ignore", "warn", "raise"):
        with np.errstate(all=mode):
            out(f, a, np.float32(1.5))
            out(f, a, np.float32(9))
            out(f, spoilt(np.float32, 1e-38), np.float32(1e-5))
            out(f, spoilt(np.int8, 100), np.int8(2))
            out(f, spoilt(np.uint32, 2**31), np.uint32(2))


@diff
def test_integers_that_wrap_in_silence(jit, out):
    """np.errstate(over='ignore') is what hashes and generators of random numbers are run under."""
    @jit
    def hash_of(a, h, prime):
        for i in range(a.size):
            h = (h ^ a[i]) * prime
            h = h - (h << a[i])
        return h

    @jit
    def generate(n, x, a, c):
        s = 0
        for i in range(n):
            x = x * a + c
            s ^= int(x) - int(-x)
        return x, s

    @jit
    def divide(a, b):
        s = 0
        for i in range(a.size):
            s += int(a[i] // b[i]) + int(a[i] % b[i])
        return s
    a = (np.arange(300) * 7919 % 251).astype(np.uint8)
    for mode in ("ignore", "warn", "ignore", "raise", "ignore"):
        with np.errstate(over=mode):
            n = 300 if mode == "ignore" else 40
            for dtype in INTS:
                high = extremes(dtype)[1]
                b = (a & 63).astype(dtype)
                out(hash_of, b[:n], dtype(high // 3), dtype(high // 5))
                out(generate, n, dtype(7), dtype(high // 3), dtype(high // 2))
                out(divide, spoilt(dtype, extremes(dtype)[0]), spoilt(dtype, -1 if extremes(dtype)[0] else 2))
    out(generate, 30, np.uint32(5), np.uint32(1664525), np.uint32(1013904223))


@diff
def test_long_loops(jit, out):
    """Loops that are made for vectors: sums, saxpy, thresholds, copies between dtypes."""
    @jit
    def total(a):
        s = 0
        for i in range(a.size):
            s += int(a[i])
        return s

    @jit
    def saxpy(a, k, b):
        for i in range(a.size):
            b[i] = k * a[i] + b[i]
        return b

    @jit
    def threshold(a, b, k):
        n = 0
        for i in range(a.size):
            if a[i] > k:
                b[i] = 1
                n += 1
            else:
                b[i] = 0
        return n, b

    @jit
    def mix(a, b, c):
        for i in range(a.size):
            c[i] = a[i] + b[i]
        return c
    n = 20011
    for dtype in DTYPES:
        a = (np.arange(n) * 7 % 50).astype(dtype)
        out(total, a)
        out(total, a[::-1])
        out(total, a[::3])
        out(saxpy, a, dtype(2), np.ones(n, dtype))
        out(saxpy, a[::2], dtype(1), np.ones(n, dtype)[::-2])
        out(threshold, a, np.zeros(n, np.uint8), 20)
        out(mix, a, a, np.zeros(n, dtype))
        a[n - 100] = extremes(dtype)[1]
        out(mix, a, a, np.zeros(n, dtype))
        out(mix, a, np.ones(n, np.uint8), np.zeros(n, np.float32))
        out(saxpy, a, dtype(2), np.ones(n, dtype))


@diff
def test_one_memory_as_several_dtypes(jit, out):
    @jit
    def f(a, b):
        s = 0.0
        for i in range(a.size):
            a[i] = i & 127
            s += float(b[i // 4])
            b[i // 4] = 1
        return s
    memory = np.zeros(4096, np.uint8)
    for dtype in (np.uint8, np.int8):
        for other in (np.int32, np.uint32, np.float32):
            memory[:] = 3
            out(f, memory.view(dtype), memory.view(other))

    @jit
    def ahead(a, b):
        for i in range(a.size):
            b[i] = a[i] + b[i]
        return b
    for shift in (0, 1, 2, 5):
        for dtype in (np.uint8, np.int32, np.float32):
            memory = np.ones(300, dtype)
            out(ahead, memory[:290], memory[shift:290 + shift])
            out(ahead, memory[shift:290 + shift], memory[:290])


@diff
def test_arrays_that_are_interpreted(jit, out):
    @jit
    def f(a, b):
        r = 0
        for i in range(a.size):
            r = a[i]
            b[i] = r
        return r, b

    class Sub(np.ndarray):
        pass
    for dtype in (np.int32, np.uint8, np.float32, np.uint64):
        a = (np.arange(200) % 100).astype(dtype)
        raw = np.zeros(200 * a.itemsize + 1, np.uint8)
        for b in (a.copy(), a.astype(a.dtype.newbyteorder()), a.view(Sub), np.ma.masked_array(a.copy(), a > 50),
                  raw[1:].view(dtype), np.zeros(200, [("x", dtype)])["x"], np.zeros(200, np.longlong),
                  np.zeros(200, np.ulonglong), np.zeros(200, np.float16),
                  np.zeros(0, dtype)):
            out(f, a[:b.size], b)
            out(f, b, a.copy())
        b = a.copy()
        b.flags.writeable = False
        out(f, a, b)


@diff
def test_types_alternate(jit, out):
    @jit
    def f(a, b, n):
        r = 0
        for i in range(n):
            r = a + b
            if a < b:
                r = b - a
        return type(r).__name__, float(r)
    numbers = [t(3) for t in (*DTYPES, np.bool_, np.longlong, np.float16, np.longdouble, int, float, bool)]
    for a in numbers:
        for b in numbers:
            out(f, a, b, 100)


@diff
def test_bools(jit, out):
    @jit
    def f(a, b):
        n = 0
        r = None
        for i in range(a.size):
            r = a[i] + b[i]
            r = r * b[i]
            if r | a[i]:
                n += 1
            n += int(a[i] // b[i]) + int(a[i] << b[i])
        return r, n

    @jit
    def minus(a, b):
        r = None
        for i in range(a.size):
            r = a[i] & True
            if i == 150:
                r = a[i] - b[i]
        return r
    a = np.arange(200) % 3 == 0
    out(f, a, np.ones(200, bool))
    b = np.ones(200, bool)
    b[170] = False
    out(f, a, b)
    out(minus, a, b)
