"""NumPy arrays and scalars: Python's index rules, NumPy's types, every kind of array that may turn up."""

import numpy as np

from differ import diff

INF, NAN = float("inf"), float("nan")


def floats(n):
    return np.arange(n) * 0.37 - 5.0


def ints(n):
    return np.arange(n, dtype=np.int64) * 7 - 40


@diff(square=True)
def test_sum_of_squares(jit, out):
    @jit
    def f(a):
        total = 0
        for i in range(a.size):
            total += a[i] ** 2
        return total
    for a in (floats(500), ints(500), floats(0), floats(1), ints(3), floats(500)):
        out(f, a)


@diff
def test_stores_wait_for_all_checks(jit, out):
    """Nothing is stored behind the iteration that leaves, whatever the items are."""
    @jit
    def f(a, b, c):
        for i in range(len(a)):
            c[i] = a[i] + b[i]
        return i

    @jit
    def sums(a, c):
        total = 0.0
        for i in range(len(a)):
            total = total + a[i]
            c[i] = total
        return total
    rng = np.random.default_rng(4)
    for dtype in "bool", "u1", "i2", "u4", "i8", "f4", "f8", "c16":
        for n in (7, 8, 9, 515, 4113):
            a = rng.integers(0, 60, n).astype(dtype)
            out(f, a, a[::-1].copy(), np.zeros(n, dtype))
    for dtype, bad in ("u1", 255), ("i2", 32767), ("i8", 2 ** 63 - 1), ("f4", INF), ("f8", INF), ("f8", NAN):
        for at in (0, 100, 517, 899):
            a, b = rng.integers(1, 60, 900).astype(dtype), np.ones(900, dtype)
            a[at] = bad
            b[at] = -INF if bad == INF else 1
            out(f, a, b, np.zeros(900, dtype))
            out(sums, a.astype("f8"), np.zeros(900))


@diff(filters=("error", "always"))
def test_a_warning_in_front_of_stores(jit, out):
    @jit
    def f(a, b, c):
        for i in range(len(a)):
            c[i] = a[i] + b[i]
    for at in (5, 300, 700):
        a, b = np.ones(800, np.uint8), np.ones(800, np.uint8)
        out(f, a, b, np.zeros(800, np.uint8))
        a[at] = 255
        out(f, a, b, np.zeros(800, np.uint8))


@diff(filters=("error", "always"))
def test_blocks_of_stores(jit, out):
    """What is stored is checked a vector at a time: all items in front of the one that warns are stored,
    and none behind it, however long the loop and wherever the items lie."""
    @jit
    def scaled(a, by, b):
        for i in range(len(b)):
            b[i] = a[i] * by
        return i

    @jit
    def backwards(a, by, b):
        for i in range(len(b) - 1, -1, -1):
            b[i] = a[i] * by
        return i

    @jit
    def beside(a, b):
        last = None
        for i in range(1, len(a) - 1):
            last = a[i - 1] + a[i + 1] - a[i]
            b[i] = last
        return i, last

    @jit
    def in_place(a, by):
        for i in range(len(a)):
            a[i] = a[i] * by

    @jit
    def past(a, b):
        for i in range(len(a)):
            b[i] = a[i - 1] - a[i + 1]

    @jit
    def far(a, b):
        for i in range(len(b)):
            b[i] = a[i] + a[i + 500]

    @jit
    def clipped(a, most, b):
        for i in range(len(a)):
            if a[i] > most:
                b[i] = a[i] * 2
        return i
    for dtype, by, bad in ((np.float64, 2.0, 1e308), (np.float32, np.float32(2), 3e38),
                           (np.uint8, np.uint8(3), 100), (np.int16, np.int16(3), -20000)):
        for n in (1, 7, 8, 9, 63, 64, 65, 79, 200, 700):
            for at in {0, 1, 7, 8, 9, 62, 63, 64, 71, n // 2, n - 2, n - 1, n}:
                a = np.arange(n + 8).astype(dtype) % 50
                if not 0 <= at <= n:
                    continue
                a[at] = bad
                for f in (scaled, backwards):
                    b = np.ones(n + 3, dtype)
                    out(f, a, by, b[:n])
                    out(f, a[8 - n % 8:], by, b[3:])
                    out.value(b)
                b = np.ones(n + 8, dtype)
                c = a.copy()
                out(in_place, c, by)
                out.value(c)
                out(past, a, b)
                out(beside, a, b)
                out(beside, a[:n], a[1:n + 1])  # which it writes over
                out.value(a, b)
                out(clipped, a, dtype(20), b)
                out.value(b)
    for first in (0, 1, 290, 299, 300, 301, 499, 501, 600, 790, 799, 800):  # of 300 that are stored
        a = np.arange(1200.0)
        out(far, a, a[first:first + 300])
        out.value(a)


@diff
def test_sums_whose_parts_are_stored(jit, out):
    """Where iterations need each other's results, what is stored waits in a longer buffer."""
    @jit
    def running(a, b):
        total = 0
        for i in range(len(a)):
            total += a[i]
            b[i] = total
        return total

    @jit
    def fading(a, b, by):
        level = 0.0
        for i in range(len(a)):
            level = level * by + a[i]
            b[i] = level
        return level
    for n in (5, 8, 600, 3000, 9000):
        for at in (3, n // 2, n):
            a = np.arange(n + 1.0)
            a[at] = INF
            out(running, a[:n], np.zeros(n))
            out(fading, a[:n], np.zeros(n), 0.5)
        out(running, np.arange(n), np.zeros(n, np.int64))
        out(running, np.full(n, 2**62), np.zeros(n, np.int64))
    for n in range(510, 526):  # what is left behind a whole buffer
        out(fading, floats(n), np.zeros(n), 0.5)
        out(running, floats(n), np.zeros(n))


@diff
def test_stores_into_the_same_items(jit, out):
    """Two names for one array, a few items apart: the last store wins."""
    @jit
    def f(a, x, y, z):
        for i in range(len(a)):
            value = a[i] * 0.5
            x[i] = value
            y[i] = value + a[i]
            z[i] = 1.0 - value
    a = floats(600)
    for first in range(4):
        for second in range(4):
            base = np.zeros(603)
            out(f, a, base[first:], base[second:], base[3:])
            out(f, a, base[first:], base[::-1], base[second:])
    a[555] = INF
    out(f, a, base, base[1:], base[2:])


@diff
def test_floats_that_names_hold_for_an_iteration(jit, out):
    """They are no sums: what is behind the loop is the last one, or that of the iteration before."""
    @jit
    def f(a, c):
        x = y = z = 0.5
        for i in range(len(a)):
            z = y
            y = x
            x = a[i] * 0.25
            c[i] = x + 1.0
        return x, y, z

    @jit
    def turn(a, c):
        x, y = 1.0, 2.0
        for i in range(len(a)):
            x, y = y, x
            c[i] = a[i] + x
        return x, y

    @jit
    def decay(a, c):
        x = y = 1.0
        for i in range(len(a)):
            y = x + a[i]
            x = y * 0.5
            c[i] = y
        return x, y
    for n in (0, 1, 2, 7, 8, 9, 15, 16, 17, 40, 530, 1100):
        for g in (f, turn, decay):
            a = floats(n)
            out(g, a, np.zeros(n))
            if n > 20:
                a[n - 9] = INF
                out(g, a, np.zeros(n))


@diff
def test_blocks_that_share_iterations(jit, out):
    """Two blocks of a strip do some iterations twice, where nobody can tell: whatever is left of vectors, wherever
    one warns, and not where an iteration needs what the one before left, or changes what it reads."""
    @jit
    def apart(a, by, b):
        last = -1
        for i in range(len(a)):
            last = a[i] * by
            b[i] = last
        return i, last

    @jit
    def difference(a, by, b):
        before = by
        for i in range(len(a)):
            b[i] = a[i] * by + before
            before = a[i]
        return i, before

    @jit
    def third(a, by, b):
        one = two = by
        for i in range(len(a)):
            b[i] = a[i] * by
            two = one
            one = a[i]
        return i, one, two

    @jit
    def in_place(a, by, b):
        for i in range(len(a)):
            b[i] = b[i] * by + a[i]
        return i

    @jit
    def stepping(a, by, b):
        at = 3
        step = len(b)
        for i in range(len(a)):
            b[i] = a[i] * by
            at += step
        return i, at

    @jit
    def some(a, by, b):
        for i in range(len(a)):
            if a[i] > by:
                b[i] = a[i] * by
        return i

    @jit
    def two_stores(a, by, b):
        for i in range(len(a) - 2):
            b[i + 2] = a[i] * by
            b[i] = a[i + 1] * by
        return i
    rng = np.random.default_rng(21)
    for dtype, by, bad in (("f8", 2.0, INF), ("f4", np.float32(2), 3e38), ("u1", np.uint8(3), 100)):
        for n in (8, 9, 13, 15, 16, 17, 31, 63, 64, 65, 66, 71, 100, 127, 128, 129, 519):
            a = rng.integers(1, 20, n).astype(dtype)
            for f in (apart, difference, third, in_place, stepping, some, two_stores):
                out(f, a, by, np.ones(n, dtype))
                for at in {0, 1, 7, 8, n // 3, n // 2, n - 9, n - 8, n - 2, n - 1} & set(range(n)):
                    worse = a.copy()
                    worse[at] = bad
                    out(f, worse, by, np.ones(n, dtype))
    for start in range(1, 70, 3):   # where lines of the cache begin
        for dtype in ("f8", "u1", "f4"):
            a = rng.integers(1, 20, 900).astype(dtype)
            out(apart, a[start:], a[0], np.zeros(900, dtype)[start:])


@diff
def test_sums_of_narrow_integers(jit, out):
    """Sums and differences in a strip are made of as many bits as the items have, and overflow as these do."""
    @jit
    def add(a, b, c):
        for i in range(len(a)):
            c[i] = a[i] + b[i]
        return i

    @jit
    def subtract(a, b, c):
        for i in range(len(a)):
            c[i] = a[i] - b[i]
        return i

    @jit
    def several(a, b, c):
        for i in range(len(a)):
            total = 1 + a[i] - b[i] + 3 - 2
            c[i] = 1 if total == 2 else total
        return i, total

    @jit
    def mixed(a, b, c):
        for i in range(len(a)):
            c[i] = (a[i] + b[i]) * 2 - (a[i] - b[i]) // 3 + abs(a[i])
        return i
    rng = np.random.default_rng(8)
    for dtype in "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8":
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        a, b = rng.integers(5, 20, 150).astype(dtype), rng.integers(0, 5, 150).astype(dtype)
        for f in (add, subtract, several, mixed):
            out(f, a, b, np.zeros(150, dtype))
            for x, y in ((high, 0), (high, 1), (high, high), (low, 0), (low, 1), (low, low), (low, high), (high, low),
                         (0, high), (0, low), (1, 2), (high - 1, 1), (high // 2 + 1, high // 2 + 1)):
                for at in (0, 70, 149):
                    c, d = a.copy(), b.copy()
                    c[at], d[at] = x, y
                    out(f, c, d, np.zeros(150, dtype))
    out(add, a.astype("u1"), b.astype("i1"), np.zeros(150, "i2"))
    out(add, a.astype("u1"), b.astype("u2"), np.zeros(150, "u1"))
    out(subtract, a.astype("i4"), b.astype("u4"), np.zeros(150, "i4"))


@diff
def test_short_inner_loops(jit, out):
    """Every number of iterations up to some rounds of a strip, and what the names hold behind the loop."""
    @jit
    def f(c, xs, ys):
        k = before = -7
        for i in range(len(xs)):
            y = 0.0
            for k in range(len(c)):
                y = y * xs[i] + c[k]
                before = k - 1
            ys[i] = y
        return k, before, i

    @jit
    def g(c, n):
        total = np.float64(0.5)
        for i in range(n):
            k = last = 3
            while k < len(c):
                total = total * 0.25 + c[k]
                last = k
                k += 1
        return total, k, last
    for n in range(22):
        c, xs, ys = floats(n), floats(60) * 0.1, np.zeros(60)
        out(f, c, xs, ys)
        out(g, floats(n), 50)
    for bad in (INF, NAN, 1e308):
        c[20] = c[3] = bad
        out(f, c, xs, ys)
        out(g, c, 50)


@diff
def test_other_arrays_at_the_same_loop(jit, out):
    @jit
    def f(a, n):
        s = 0
        for i in range(n):
            s = s + a[i]
        return s
    out(f, floats(400), 400)
    for dtype in (np.float32, np.int32, np.int8, np.uint64, np.bool_, np.complex128, np.complex64, np.float16, object):
        out(f, np.arange(100).astype(dtype), 100)
    out(f, ints(400), 400)
    out(f, np.arange(400.0).reshape(100, 4), 100)    # rows
    out(f, floats(400).astype(">f8"), 400)           # byte order
    out(f, ints(400).astype(">i8"), 400)
    out(f, floats(1200)[::3], 400)                   # strides
    out(f, floats(1200)[::-3], 400)
    out(f, np.broadcast_to(2.5, 400), 400)           # stride 0
    raw = np.zeros(400 * 9 + 1, np.uint8)
    out(f, raw[1:3201].view(np.float64), 400)        # not aligned
    out(f, np.ma.masked_array(floats(60), floats(60) < 0), 60)
    out(f, np.zeros(400, [("x", "f8")])["x"], 400)
    out(f, [1, 2.5] * 200, 400)
    out(f, (3,) * 400, 400)
    out(f, range(400), 400)
    out(f, {k: k for k in range(400)}, 400)
    out(f, b"ab" * 200, 400)
    out(f, "ab", 2)
    out(f, None, 3)
    out(f, np.float64(3), 3)
    out(f, np.array(3.0), 3)
    out(f, floats(400), 400)


@diff
def test_subclass_of_ndarray(jit, out):
    class Shifted(np.ndarray):
        def __getitem__(self, k):
            return super().__getitem__(k) + 1

    @jit
    def f(a, n):
        s = 0.0
        for i in range(n):
            s += a[i]
        return s
    out(f, floats(300), 300)
    out(f, floats(300).view(Shifted), 300)
    out(f, np.matrix([[1.0, 2.0]]), 1)
    out(f, floats(300), 300)


@diff
def test_index_out_of_range(jit, out):
    @jit
    def f(a, start, n):
        s = 0.0
        for i in range(start, start + n):
            s += a[i]
        return s
    for a in (floats(400), ints(400)):
        for start in (0, 1, 350, -400, -401, -100, 400, 10**6, -10**6, 2**62, 2**63, 2**70, -2**70):
            out(f, a, start, 400)
    out(f, floats(0), 0, 1)


@diff
def test_negative_indexes(jit, out):
    @jit
    def f(a):
        s = 0.0
        for i in range(1, len(a) + 1):
            s += a[-i] * i
            a[-i] = s
        return s

    @jit
    def past(a, k):
        i = 0
        while i > -k:
            i -= 1
            a[i] += 1
        return i
    for n in (0, 1, 400):
        a = floats(n)
        out(f, a)
        out(f, a)
    for k in (300, 400, 401, 450):
        out(past, ints(400), k)


@diff
def test_index_types(jit, out):
    @jit
    def f(a, k, n):
        s = 0.0
        for i in range(n):
            s = s + a[k]
        return s
    a = floats(400)
    for k in (3, True, False, np.int64(5), np.int64(-1), np.int32(7), np.uint8(9), np.int64(400), 2.0, "x",
              None, slice(0, 2), (3,), (), [1, 2], np.array([1, 2]), np.array(4), ..., 3):
        out(f, a, k, 100)

    class Index:
        def __index__(self):
            out.note("index")
            return 2
    out(f, a, Index(), 3)


@diff
def test_indirect_indexes(jit, out):
    @jit
    def f(a, index):
        s = 0.0
        for i in range(len(index)):
            s += a[index[i]]
        return s

    @jit
    def scatter(a, index):
        for i in range(index.shape[0]):
            a[index[i]] += 1
        return a
    index = (np.arange(500) * 7919 % 300).astype(np.int64)
    out(f, floats(300), index)
    out(scatter, ints(300), index)
    out(scatter, floats(300), index)
    index[450] = 300
    out(f, floats(300), index)
    out(scatter, ints(300), index)
    index[450] = -301
    out(scatter, floats(300), index)


@diff
def test_stores_of_every_scalar(jit, out):
    @jit
    def f(a, x, n):
        for i in range(n):
            a[i] = x
        return a
    values = (3, -7, True, False, 0.5, -0.0, INF, NAN, 2.9, -2.9, 2**62, 2**63 - 1, 2**63, -2**63, -2**63 - 1,
              2**100, 1e19, 1e300, np.float64(2.75), np.int64(11), np.bool_(True), np.float32(0.1), np.int8(-3),
              np.uint64(2**63), 1 + 2j, "5", "x", None, [1], np.array(6.5), np.array([1.0, 2.0]), 3)
    for x in values:
        out(f, np.zeros(300), x, 300)
        out(f, np.zeros(300, np.int64), x, 300)


@diff
def test_store_of_changing_values(jit, out):
    @jit
    def f(a, n, special):
        for i in range(n):
            x = i
            if i == n - 7:
                x = special
            a[i] = x
        return a
    for special in (1, 0.5, True, NAN, INF, 2**64, None, 1j, "z", np.int64(5), np.float32(0.3), 1):
        out(f, np.zeros(300, np.int64), 300, special)
        out(f, np.zeros(300), 300, special)


@diff
def test_float_stored_into_int_array(jit, out):
    @jit
    def f(a, x, n):
        for i in range(n):
            a[i] = x
            x = x * -1.25
        return a
    for n in (100, 190, 200, 300):
        out(f, np.zeros(300, np.int64), 0.7, n)


@diff
def test_int_overflow_on_store(jit, out):
    @jit
    def f(a, n):
        x = 1
        for i in range(n):
            a[i] = x
            x = x * 2
        return a
    for n in (60, 63, 64, 65, 200):
        out(f, np.zeros(300, np.int64), n)
        out(f, np.zeros(300), n)
    out(f, np.zeros(2000), 1100)


@diff
def test_read_only_arrays(jit, out):
    @jit
    def f(a, n):
        for i in range(n):
            a[i] = i
        return a

    @jit
    def caught(a, n):
        bad = 0
        for i in range(n):
            try:
                a[i] = i
            except ValueError as e:
                bad += len(str(e))
        return bad
    a = np.zeros(300)
    out(f, a, 300)
    a.flags.writeable = False
    out(f, a, 300)
    out(caught, a, 300)
    a.flags.writeable = True
    out(f, a, 300)
    out(f, np.broadcast_to(np.zeros(1), 300), 300)
    out(f, np.frombuffer(bytes(800)), 100)


@diff(native=False)
def test_made_read_only_by_a_callee(jit, out):
    def freeze_it(a, i):
        if i == 350:
            a.flags.writeable = False
        return 0

    @jit
    def f(a, n):
        for i in range(n):
            a[i] = i + freeze_it(a, i)
        return a
    out(f, np.zeros(300), 300)
    out(f, np.zeros(400), 400)
    out(f, np.zeros(400), 400)


@diff(native=False)
def test_resized_in_mid_loop(jit, out):
    def shrink(a, i):
        if i == 200:
            a.resize(210, refcheck=False)
        return i

    @jit
    def f(a, n):
        s = 0.0
        for i in range(n):
            s += a[shrink(a, i)]
        return s
    out(f, floats(200), 200)
    out(f, floats(400), 400)
    out(f, floats(400), 400)


@diff(native=False)
def test_shape_and_dtype_changed_in_mid_loop(jit, out):
    def change(a, i):
        if i == 150:
            a.shape = (20, 20)
        if i == 250:
            a.dtype = np.int64
        return i % 20

    @jit
    def f(a, n):
        s = 0.0
        for i in range(n):
            s = s + a[change(a, i)]
        return s
    import warnings
    warnings.simplefilter("ignore")
    out(f, floats(400), 100)
    out(f, floats(400), 200)
    out(f, floats(400), 300)


@diff
def test_array_rebound_in_mid_loop(jit, out):
    @jit
    def f(a, b, n):
        s = 0.0
        for i in range(n):
            s = s + a[i]
            if i == 300:
                a = b
        return s
    for b in (floats(400), floats(350), ints(400), list(range(400)), floats(800)[::2], None,
              floats(400).reshape(-1, 1), np.arange(400, dtype=np.float32)):
        out(f, floats(400), b, 400)


@diff
def test_aliasing(jit, out):
    @jit
    def f(a, b, n):
        for i in range(1, n):
            b[i] = a[i - 1] + 1.0
        return b

    @jit
    def swap(a, b, n):
        for i in range(n):
            a[i], b[n - 1 - i] = b[n - 1 - i], a[i]
        return a
    a = floats(400)
    out(f, a, floats(400), 400)
    out(f, a, a, 400)
    out(f, a[:399], a[1:], 399)
    out(f, a[::-1], a, 400)
    out(swap, a, floats(400), 400)
    out(swap, a, a, 400)
    bits = a.view(np.int64)
    out(swap, bits, a, 400)


@diff
def test_in_place_items(jit, out):
    @jit
    def f(a, x):
        for i in range(len(a)):
            a[i] += x
            a[i] *= 3
            a[i] -= i
        return a

    @jit
    def divide(a, x):
        for i in range(len(a)):
            a[i] /= x
            a[i] //= 2
            a[i] %= 5
        return a

    @jit
    def bits(a, x):
        for i in range(len(a)):
            a[i] <<= 2
            a[i] ^= x
            a[i] |= 1
            a[i] &= 0xFFFF
            a[i] >>= 1
        return a
    for x in (2, 0.5, True, np.float64(1.5), np.int64(-3)):
        out(f, floats(300), x)
        out(f, ints(300), x)
        out(divide, floats(300), x)
        out(divide, ints(300), x)
    for x in (5, True, np.int64(77), 0.5, 2**40):
        out(bits, ints(300), x)
    out(bits, floats(5), 1)


@diff
def test_size_shape_len(jit, out):
    @jit
    def f(a):
        n = 0
        for i in range(300):
            n += a.size + a.shape[0] * 1000 + len(a) + a.ndim
        return n

    @jit
    def loop(a):
        i = 0
        s = 0.0
        while i < a.shape[0]:
            s += a[i]
            i += 1
        for i in range(len(a)):
            s -= a[i]
        return s
    for a in (floats(7), ints(3), floats(0), np.zeros((4, 5)), np.float32([1]), floats(7)):
        out(f, a)
    for a in (floats(400), ints(400), floats(0), list(range(5))):
        out(loop, a)


@diff
def test_saxpy_and_prefix_sums(jit, out):
    @jit
    def saxpy(k, x, y):
        for i in range(len(x)):
            y[i] = k * x[i] + y[i]
        return y

    @jit
    def prefix(a):
        s = 0
        for i in range(len(a)):
            s += a[i]
            a[i] = s
        return a
    for k in (2.0, 3, True, np.float64(0.1), np.int64(4)):
        out(saxpy, k, floats(400), floats(400) + 1)
        out(saxpy, k, ints(400), ints(400) + 1)
        out(saxpy, k, floats(400), ints(400))
        out(saxpy, k, ints(400), floats(400))
    out(saxpy, 2.0, floats(400), floats(390))
    out(prefix, floats(400))
    out(prefix, ints(400))


@diff
def test_histogram_and_otsu(jit, out):
    @jit
    def histogram(data, bins, lo, hi):
        k = len(bins)
        for i in range(data.size):
            b = int((data[i] - lo) / (hi - lo) * k)
            if b == k:
                b = k - 1
            bins[b] += 1
        return bins

    @jit
    def otsu(bins):
        total = moment = 0
        for i in range(len(bins)):
            total += bins[i]
            moment += i * bins[i]
        best, where = -1.0, 0
        count = below = 0
        for i in range(len(bins)):
            count += bins[i]
            below += i * bins[i]
            if count == 0 or count == total:
                continue
            gap = below / count - (moment - below) / (total - count)
            between = count * (total - count) * gap * gap
            if between > best:
                best, where = between, i
        return best, where
    data = np.sin(np.arange(3000) * 0.7) * 40 + np.arange(3000) % 17
    bins = np.zeros(64, np.int64)
    out(histogram, data, bins, data.min(), data.max())
    out(otsu, bins)
    out(histogram, data, bins, float(data.min()), float(data.max()))
    out(otsu, bins)
    data[2900] = NAN
    out(histogram, data, bins, -60.0, 60.0)
    data[2900] = 1e30
    out(histogram, data, bins, -60.0, 60.0)


@diff
def test_sieve_in_an_array(jit, out):
    @jit
    def f(flags, n):
        count = 0
        for i in range(2, n):
            if flags[i] == 0:
                count += 1
                for j in range(i * i, n, i):
                    flags[j] = 1
        return count
    out(f, np.zeros(2000, np.int64), 2000)
    out(f, np.zeros(2000), 2000)
    out(f, np.zeros(1990, np.int64), 2000)


@diff
def test_scalar_types_of_results(jit, out):
    @jit
    def f(a, k, n):
        r = s = t = u = None
        for i in range(n):
            x = a[i]
            r = x + k
            s = x * k - x
            t = x < k
            u = -x
        return r, s, t, u
    for a in (floats(60), ints(60)):
        for k in (3, 0.5, True, np.float64(2.5), np.int64(4), np.bool_(True)):
            for n in (1, 2, 60):
                out(f, a, k, n)


@diff
def test_division_of_scalars(jit, out):
    @jit
    def f(a, k, n):
        r = s = t = None
        for i in range(n):
            x = a[i]
            r = x / k
            s = x // k
            t = x % k
        return r, s, t
    for a in (floats(60), ints(60)):
        for k in (3, -3, 0.5, -0.5, np.float64(2.5), np.int64(-4), INF):
            for n in (1, 17, 60):
                out(f, a, k, n)


@diff
def test_accumulator_changes_from_int_to_scalar(jit, out):
    @jit
    def f(a, n):
        s = 0
        m = None
        for i in range(n):
            s += a[i]
            if m is None or a[i] > m:
                m = a[i]
        return s, m
    for a in (floats(400), ints(400)):
        for n in (0, 1, 2, 3, 400):
            out(f, a, n)


@diff
def test_scalar_conversions(jit, out):
    @jit
    def f(a, n):
        s, t, c = 0, 0.0, 0
        for i in range(n):
            s += int(a[i])
            t += float(a[i])
            if bool(a[i]) and not a[i] < 3:
                c += 1
            s += abs(a[i]) > 2
        return s, t, c
    for a in (floats(400), ints(400), np.array([0.0, -0.0, NAN, INF] * 3), np.array([1e19, 2.0**63, -2.0**63])):
        out(f, a, len(a))


@diff
def test_min_max_of_scalars(jit, out):
    @jit
    def f(a, lo, hi):
        x, y = lo, hi
        for i in range(len(a)):
            x = min(x, a[i])
            y = max(a[i], y)
        return x, y
    for a in (floats(400), ints(400), np.array([1.0, NAN, 2.0] * 50)):
        for lo, hi in ((0, 0), (0.0, -0.0), (INF, -INF), (10**6, -10**6), (NAN, NAN)):
            out(f, a, lo, hi)


@diff
def test_scalar_keeps_its_identity(jit, out):
    @jit
    def f(x, n):
        y = None
        for i in range(n):
            y = x
        return y
    for x in (np.float64(1.5), np.int64(3), np.bool_(True), np.array([1.0])):
        r = out(f, x, 400)
        out.value(r is x)


@diff
def test_nan_and_inf_data(jit, out):
    @jit
    def f(a):
        s, count, top = 0.0, 0, -1.0
        for i in range(a.size):
            x = a[i]
            if x != x:
                count += 1
            elif x > top:
                top = x
            if x - x == 0:
                s += x * 0.5
        return s, count, top
    a = floats(600)
    a[::7] = NAN
    out(f, a)
    with np.errstate(invalid="ignore"):
        a[5::50] = INF
        a[9::50] = -INF
        out(f, a)


@diff
def test_negative_zeros_in_arrays(jit, out):
    @jit
    def f(a, b):
        for i in range(len(a)):
            b[i] = a[i] * 0 + -a[i]
            b[i] = -b[i] if a[i] < 0 else b[i]
        return b
    out(f, np.array([0.0, -0.0, 1.0, -1.0] * 50), np.zeros(200))
    out(f, np.array([0, 1, -1] * 50), np.zeros(200))


@diff(native=False)
def test_arrays_of_other_dtypes_only_interpret(jit, out):
    @jit
    def f(a, n):
        s = 0
        for i in range(n):
            a[i] = a[i] * 2 + 1
            s = a[i] + s
        return s
    for dtype in (np.float32, np.int32, np.uint8, np.int16):
        out(f, np.arange(50).astype(dtype), 50)
        out(f, np.arange(50).astype(dtype), 51)
    out(f, np.arange(300), 300)
    out(f, np.arange(300.0), 300)


@diff(native=False)
def test_two_dimensions(jit, out):
    @jit
    def f(a, n, m):
        s = 0.0
        for i in range(n):
            for j in range(m):
                s += a[i, j] * 2
                a[i, j] = s
            s += a[i][0]
        return s
    out(f, np.arange(200.0).reshape(20, 10), 20, 10)
    out(f, np.arange(200).reshape(20, 10), 20, 10)
    out(f, np.arange(200.0).reshape(20, 10), 20, 11)
    out(f, np.arange(200.0), 20, 10)


@diff(native=False)
def test_array_expressions_and_slices(jit, out):
    @jit
    def f(a, n):
        s = 0.0
        for i in range(n):
            s += a[i:i + 3].sum() + (a * 2)[i]
            b = a[::2]
            b[0] += 1
        return s
    out(f, floats(60), 50)
    out(f, ints(60), 50)


@diff(native=False)
def test_iterating_an_array(jit, out):
    @jit
    def f(a):
        s = 0
        for x in a:
            s = s + x * 2
        return s
    for a in (floats(300), ints(300), floats(0), np.ones((5, 2)), floats(300)):
        out(f, a)


@diff(native=False)
def test_numpy_functions_in_the_loop(jit, out):
    @jit
    def f(a, n):
        s = 0.0
        for i in range(n):
            s += np.sqrt(a[i] * a[i]) + np.sin(i) + np.pi
            s = np.float64(s) + np.int64(i) + np.abs(a[i])
        return s
    out(f, floats(300), 300)
    out(f, ints(300), 300)


@diff
def test_array_freed_by_the_loop(jit, out):
    import weakref

    @jit
    def f(a, n, ref):
        s = 0.0
        for i in range(n):
            if i < 200:
                s += a[i]
            elif i == 200:
                a = None
            else:
                s += ref() is None
        return s

    def run(n):
        holder = [floats(400)]
        ref = weakref.ref(holder[0], lambda r: out.note("freed"))
        return f(holder.pop(), n, ref)
    for n in (10, 300, 300):
        out(run, n)


@diff
def test_strides_change_between_calls(jit, out):
    """Items next to each other, then not, often enough that the machine code stops to count on it, and back."""
    @jit
    def f(a, b, n):
        s = 0.0
        for i in range(n):
            j = (i * 7) % n
            b[j] = a[i] + 1.5
            s += a[j] * b[j]
        for x in a:
            s += x
        return s, b.copy()
    contiguous, target = floats(60), np.zeros(60)
    for a in (contiguous, floats(120)[::2], floats(60)[::-1], np.broadcast_to(2.5, 60), contiguous):
        for k in range(6):
            out(f, a, target, 60)
            out(f, a, np.zeros(240)[::4], 60)
            out(f, a, target[::-1], 60 - k)


@diff
def test_strides_first_seen_late(jit, out):
    @jit
    def f(a, n):
        s = 0
        for i in range(n):
            s += int(a[i]) & 255
        return s
    for a in (ints(90)[::3], ints(30), ints(60)[::2], ints(30)[::-1]):
        for _ in range(4):
            out(f, a, 30)
