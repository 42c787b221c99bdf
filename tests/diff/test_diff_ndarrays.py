"""NumPy arrays of several dimensions: items, rows as views that are never made, what they are behind the loop."""

import functools
import weakref

import numpy as np

from differ import diff

INF, NAN = float("inf"), float("nan")


def grid(n, m, dtype=float):
    return (np.arange(n * m) * 0.37 - 5.0).astype(dtype).reshape(n, m)


def layouts(n, m):
    """The same numbers in every order, behind every kind of stride."""
    a = grid(n, m)
    wide = np.zeros((2 * n, 3 * m))
    wide[::2, ::3] = a
    return [a, np.asfortranarray(a), wide[::2, ::3], a[::-1, ::-1].copy()[::-1, ::-1], a.T.copy().T,
            a[:, ::-1].copy()[:, ::-1], np.moveaxis(np.stack([a, a]), 0, 2)[:, :, 1]]


@diff
def test_sums_in_every_layout(jit, out):
    @jit
    def f(a):
        s = 0.0
        n, m = a.shape
        for i in range(n):
            for j in range(m):
                s += a[i, j]
        return s, i, j

    @jit
    def columns(a):
        s = 0.0
        for j in range(a.shape[1]):
            for i in range(a.shape[0]):
                s = s * 0.5 + a[i][j]
        return s
    for a in layouts(40, 30):
        out(f, a)
        out(columns, a)
    out(f, np.broadcast_to(2.5, (30, 20)))
    out(f, np.broadcast_to(np.arange(20.0), (30, 20)))
    out(f, np.broadcast_to(np.arange(30.0)[:, None], (30, 20)))
    out(f, np.lib.stride_tricks.as_strided(np.arange(100.0), (30, 20), (8, 16)))
    for shape in ((0, 5), (5, 0), (0, 0), (1, 1), (1, 50), (50, 1)):
        out(columns, np.ones(shape))


@diff
def test_dtypes(jit, out):
    @jit
    def f(a, n):
        s = 0
        for i in range(n):
            s = s + a[i, i % 5]
        return s

    @jit
    def last(a, n):
        r = None
        for i in range(n):
            row = a[i]
            r = row[-1]
        return r, row
    for dtype in (bool, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64,
                  np.float32, np.float64, np.complex128, np.complex64, np.float16, object, ">f8", ">c8",
                  "<i4", "M8[s]", "S3", [("x", "i4")]):
        a = np.arange(200).astype(dtype).reshape(40, 5)
        for _ in range(2):
            out(f, a, 40)
            out(last, a, 40)
    raw = np.zeros(200 * 8 + 1, np.uint8)
    out(f, raw[1:].view(np.float64).reshape(40, 5), 40)
    out(f, np.ma.masked_array(grid(40, 5), grid(40, 5) < 0), 40)
    out(f, [[1, 2, 3, 4, 5]] * 40, 40)
    out(f, grid(40, 5), 40)


@diff
def test_subclass(jit, out):
    class Shifted(np.ndarray):
        def __getitem__(self, k):
            return super().__getitem__(k) + 1

    @jit
    def f(a, n):
        s = 0.0
        for i in range(n):
            s += a[i, 1]
        return s
    out(f, grid(300, 2), 300)
    out(f, grid(300, 2).view(Shifted), 300)
    out(f, np.matrix([[1.0, 2.0]]), 1)
    out(f, grid(300, 2), 300)


@diff
def test_index_out_of_range_on_each_axis(jit, out):
    @jit
    def f(a, i0, j0, k0, n):
        s = 0.0
        i, j, k = i0, j0, k0
        for t in range(n):
            s += a[i + t % 3, j + t % 4, k + t // 50]
        return s

    @jit
    def store(a, i0, j0, n):
        for t in range(n):
            a[i0 + t, j0 + t] = t
        return a

    @jit
    def rows(a, i0, j0, n):
        s = 0.0
        for t in range(n):
            row = a[i0 + t]
            s += row[j0 + t]
        return s
    a = np.arange(3 * 4 * 5.0).reshape(3, 4, 5)
    for start in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 2), (-3, 0, 0), (-4, 0, 0), (0, -4, 0), (0, -5, 0),
                  (0, 0, -5), (0, 0, -6), (2**63, 0, 0), (0, 2**70, 0), (0, 0, -2**63)):
        out(f, a, *start, 180)
    for start in ((0, 0), (5, 0), (0, 5), (-40, -30), (-41, 0), (0, -31), (-20, -20)):
        out(store, np.zeros((40, 30)), *start, 30)
        out(rows, grid(40, 30), *start, 30)
    out(rows, np.zeros((40, 0)), 0, 0, 30)
    out(store, np.zeros((0, 30)), 0, 0, 30)


@diff
def test_numbers_of_indices(jit, out):
    @jit
    def one(a, n):
        r = None
        for i in range(n):
            r = a[i]
        return r

    @jit
    def two(a, n):
        r = None
        for i in range(n):
            r = a[i, 1]
        return r

    @jit
    def three(a, n):
        r = None
        for i in range(n):
            r = a[i, 1, -1]
        return r

    @jit
    def store(a, x, n):
        for i in range(n):
            a[i, 1] = x + i
        return a
    arrays = [np.arange(60.0), grid(60, 3), np.arange(60 * 6.0).reshape(60, 3, 2), np.arange(60 * 6.0).reshape(60, 3, 1, 2),
              np.array(3.0), np.zeros((60,) + (2,) * 8), np.zeros((60,) + (2,) * 9)]
    for a in arrays:
        for f in (one, two, three):
            out(f, a, min(60, len(a) if a.ndim else 0) or 3)
        out(store, a.copy(), 0.5, min(60, len(a) if a.ndim else 3))


@diff
def test_index_types(jit, out):
    @jit
    def f(a, i, j, n):
        s = 0.0
        for k in range(n):
            s = s + a[i, j]
        return s
    a = grid(10, 9)
    values = (3, -1, True, False, np.int64(5), np.int64(-2), np.int32(7), np.uint8(8), np.uint64(2), np.int8(-9),
              np.bool_(True), 2.0, "x", None, slice(0, 2), ..., (3,), [1, 2], np.array(4), np.array([1, 2]), 3)
    for v in values:
        out(f, a, v, 1, 40)
        out(f, a, 1, v, 40)

    class Index:
        def __index__(self):
            out.note("index")
            return 2
    out(f, a, Index(), 3, 3)
    out(f, a, 1, Index(), 3)


@diff
def test_tuples_as_indices(jit, out):
    @jit
    def constant(a, n):
        s = 0.0
        for i in range(n):
            s += a[1, 2] + a[-1, -1]
            a[0, 1] = s
            a[2, 2] += 1.5
        return s

    @jit
    def local(a, n):
        s = 0.0
        for i in range(n):
            p = (i, 1)
            s += a[p]
        return s, p

    @jit
    def given(a, p, n):
        s = 0.0
        for i in range(n):
            s += a[p]
        return s

    @jit
    def each(a, pairs):
        s = 0.0
        for p in pairs:
            s += a[p]
            a[p] = s
        return s, a

    @jit
    def single(a, n):
        s = 0.0
        for i in range(n):
            s += a[i,]
        return s
    out(constant, grid(5, 4), 50)
    out(constant, grid(2, 4), 50)
    out(constant, np.zeros((5, 4, 1)), 50)
    out(local, grid(50, 3), 50)
    for p in ((1, 2), (1, 2, 3), (1,), (), (True, 1), ((1, 2), 0), [1, 2], (1, None)):
        out(given, grid(5, 4), p, 30)
    pairs = [(i % 5, i % 4) for i in range(60)]
    for odd in ((5, 0), (0, 4), (1, 2, 0), (2,), (), (True, 0), (np.int8(2), 1), (2**70, 0), (-6, 0), [1, 2], (0, 1)):
        pairs[40] = odd
        out(each, grid(5, 4), pairs)
    out(single, np.arange(40.0), 40)
    out(single, np.arange(40.0), 41)
    out(single, grid(40, 2), 40)


@diff
def test_other_containers_with_index_tuples(jit, out):
    class Grid(dict):
        def __missing__(self, key):
            out.note(key)
            return 0

    class Same:
        def __getitem__(self, key):
            self.key = key
            return 1

        def __setitem__(self, key, value):
            out.note(key is self.key, key, value)

    @jit
    def f(a, n):
        for i in range(n):
            a[i, i % 3] += 1
        return a
    out(f, np.zeros((60, 3)), 60)
    out(f, Grid(), 10)
    out(f, Same(), 5)
    out(f, {(i, i % 3): i for i in range(60)}, 60)
    out(f, [1, 2], 2)
    out(f, np.zeros((60, 3)), 60)


@diff
def test_augmented_assignments(jit, out):
    @jit
    def f(a, b, n):
        for i in range(n):
            for j in range(3):
                a[i, j] += b[j, i] * 2
                a[i][j] -= i
                a[-i, -j] *= 1.5
        return a

    @jit
    def whole(a, n, x):
        for i in range(n):
            a[i, 1] += x
            a[i, 0] //= 3
            a[i, 2] **= 2
        return a

    @jit
    def grows(a, n):
        k = 3037000499 - 60
        for i in range(n):
            k += 3
            a[i, i % 3, 1 - i % 2] += k * k % 7
            a[i % 5, i % 3][0] -= k * k % 5
        return a

    @jit
    def error(a, n, at):
        for i in range(n):
            a[i, at // (n - 2 - i)] += 1
        return a
    out(f, grid(30, 3), grid(3, 30), 30)
    out(f, np.zeros((30, 3), np.float32), grid(3, 30), 30)
    for dtype in (np.int64, np.int8, np.uint8, np.float64, np.complex128, np.complex64, bool):
        out(whole, np.arange(150).reshape(50, 3).astype(dtype), 50, 3)
        out(whole, np.arange(150).reshape(50, 3).astype(dtype), 50, 1.5)
    out(error, grid(60, 3), 60, 1)
    out(grows, np.zeros((300, 3, 2)), 300)
    out(grows, np.zeros((60, 3, 2)), 60)


@diff
def test_stores_of_every_scalar(jit, out):
    @jit
    def f(a, x, n):
        for i in range(n):
            a[i, 1] = x
            row = a[i]
            row[0] = x
        return a
    values = (3, -7, True, 0.5, -0.0, INF, NAN, 2**62, 2**63, 1e300, np.float64(2.75), np.int64(11), np.bool_(True),
              np.float32(0.1), np.int8(-3), np.uint64(2**63), 1 + 2j, "5", None, [1], np.array(6.5),
              np.array([1.0, 2.0]), 3)
    for x in values:
        for dtype in (float, np.int64, np.uint8, complex, np.complex64):
            out(f, np.zeros((40, 2), dtype), x, 40)


@diff
def test_read_only(jit, out):
    @jit
    def f(a, n):
        for i in range(n):
            a[i, 0] = i
        return a

    @jit
    def rows(a, n):
        for i in range(n):
            row = a[i]
            row[1] = i
        return row
    for g in (f, rows):
        a = np.zeros((60, 2))
        out(g, a, 60)
        a.flags.writeable = False
        out(g, a, 60)
        out(g, np.broadcast_to(0.0, (60, 2)), 60)
        a.flags.writeable = True
        out(g, a, 60)


@diff
def test_rows(jit, out):
    @jit
    def f(a):
        s = 0.0
        for row in a:
            for x in row:
                s += x
            s += len(row) + row.shape[0] + row.size + row.ndim
        return s, row, row is a, x

    @jit
    def g(a, n):
        s, before = 0.0, None
        for i in range(n):
            row = a[i]
            if before is not None:
                s += before[0] * row[-1]
            before = row
        return s, row, before, row is before

    @jit
    def h(a, n):
        row = other = None
        for i in range(n):
            row = a[i]
            other = a[i]
            kept = row
            a[i][0] = i
        return row, other, kept, a

    for a in layouts(40, 5) + [np.zeros((40, 0)), np.ones((40, 1)), np.arange(40 * 8.0).reshape(40, 2, 4),
                               np.zeros((5, 0, 3)), np.arange(20.0)]:
        out(f, a)
        if a.size:
            out(g, a, len(a))
            out(h, a.copy(), len(a))
    for dtype in (np.int8, np.complex128, np.complex64, bool, np.float32):
        a = np.arange(120).astype(dtype).reshape(40, 3)
        out(f, a)
        out(g, a, 40)
    readonly = grid(40, 3)
    readonly.flags.writeable = False
    out(f, readonly)
    out(g, readonly, 40)


@diff
def test_rows_live_on(jit, out):
    """What is left of a row is an ordinary view, also when its array is gone."""
    @jit
    def f(n, k):
        a = np.arange(n * 4.0).reshape(n, 4)
        b = a[::-1, 1:]
        for i in range(n):
            row = a[i]
            other = b[i]
            row[1] = other[0] + k
        return row, other

    @jit
    def outlives(n):
        a = np.arange(n * 2.0).reshape(n, 2).copy()
        row = None
        for i in range(n):
            row = a[i]
        del a
        return row
    for k in range(4):
        row, other = out(f, 50, k)
        row[0] = 77.0
        row.shape = (2, 2)
        other[:] = -1
        out.value(row, other, row.base is other.base)
        row = out(outlives, 50)
        row += 1
        out.value(row, row.base, row.flags.owndata)


@diff
def test_rows_bound_again(jit, out):
    @jit
    def shrink(a, n):
        s = 0.0
        for t in range(n):
            b = a
            while b.ndim > 1:
                b = b[t % len(b)]
            s += b[0]
        return s, b

    @jit
    def over(a, n):
        s = 0.0
        for i in range(n):
            row = a[i]
            s += row[0]
            row = s
        return row, s

    @jit
    def itself(a, n):
        s = 0.0
        for t in range(n):
            s += a[0, 0]
            if t == n - 3:
                a = a[1]
        return a
    out(shrink, np.arange(2 * 3 * 4.0).reshape(2, 3, 4), 80)
    out(shrink, grid(20, 4), 80)
    out(over, grid(50, 2), 50)
    out(itself, np.arange(60.0).reshape(2, 5, 6), 60)
    out(itself, np.arange(60.0).reshape(2, 30), 60)


@diff
def test_rows_unpacked(jit, out):
    @jit
    def f(a):
        s = 0.0
        for x, y, z in a:
            s += x * y - z
        return s, x, y, z

    @jit
    def pairs(a):
        s = 0.0
        for i, (x, y) in enumerate(a):
            s += x * i + y
        return s

    @jit
    def flat(a, n):
        for i in range(n):
            x, y = a
        return x, y
    for a in (grid(50, 3), grid(50, 3, np.complex128), grid(50, 3, np.int8), np.arange(50 * 6).reshape(50, 3, 2),
              grid(50, 2), grid(50, 4), np.zeros((50, 0))):
        out(f, a)
    out(pairs, grid(50, 2))
    out(pairs, grid(50, 3))
    for a in (np.arange(2.0), grid(2, 3), np.arange(3.0)):
        out(flat, a, 40)


@diff
def test_errors_in_the_middle(jit, out):
    @jit
    def f(a, b, n):
        done = 0
        try:
            for i in range(n):
                row = a[i]
                for j in range(4):
                    row[j] = 1 // b[i, j]
                    done += 1
        except (ZeroDivisionError, IndexError, TypeError) as error:
            return done, row, i, j, type(error).__name__, error.__traceback__.tb_lineno
        return done, row

    @jit
    def raises(a, n):
        s = 0.0
        for i in range(n):
            row = a[i]
            s += row[i // 10]
        return s
    b = np.ones((50, 4), int).tolist()
    c = np.ones((50, 4))
    out(f, np.zeros((50, 4)), c, 50)
    out(f, np.zeros((50, 4)), c, 51)
    bad = c.copy()
    bad[40, 2] = 0
    out(f, np.zeros((50, 4)), bad, 50)
    out(f, np.zeros((50, 4), int), bad, 50)
    out(f, np.zeros((50, 3), int), c, 50)
    out(f, np.zeros((50, 4)), b, 50)
    out(raises, grid(100, 7), 100)
    out(raises, grid(60, 7), 100)


@diff
def test_other_arrays_at_the_same_loop(jit, out):
    @jit
    def f(a, n):
        s = 0
        for i in range(n):
            row = a[i]
            for j in range(4):
                s = s + row[j]
        return s
    for a in (grid(60, 4), np.asfortranarray(grid(60, 4)), grid(60, 4, np.int64), np.arange(60 * 8.0).reshape(60, 4, 2),
              np.arange(60 * 16).reshape(60, 4, 2, 2), grid(60, 4, np.float32), grid(120, 4)[::2], grid(60, 4).tolist(),
              grid(60, 8)[:, ::2], np.arange(60.0), grid(60, 4, complex), grid(60, 4, ">f8"), list(grid(60, 4)), grid(60, 4)):
        out(f, a, 60)


@diff
def test_dtype_and_shape_change_in_mid_loop(jit, out):
    @jit
    def f(arrays, n):
        s = 0
        for t in range(len(arrays)):
            a = arrays[t]
            for i in range(n):
                for j in range(3):
                    s = s + a[i, j]
        return s
    a = grid(8, 3)
    out(f, [a] * 20 + [a.T.copy().T] + [grid(9, 4, np.int64)] + [a] * 10 + [a[:, ::-1]] + [a], 8)
    out(f, [a] * 20 + [grid(8, 2)] + [a], 8)
    out(f, [a] * 20 + [np.arange(8.0)] + [a], 8)
    out(f, [a] * 20 + [np.arange(48.0).reshape(8, 3, 2)] + [a], 8)
    out(f, [a] * 20 + [a.tolist()] + [a], 8)


@diff
def test_overlapping_views(jit, out):
    @jit
    def copy(a, b):
        n, m = a.shape
        for i in range(n):
            for j in range(m):
                b[i, j] = a[i, j] * 0.5 + 1.0
        return a, b

    @jit
    def smooth(a, b):
        n, m = a.shape
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                b[i, j] = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])
        return a, b

    @jit
    def rows(a):
        for i in range(1, len(a)):
            row, before = a[i], a[i - 1]
            for j in range(len(row)):
                row[j] = before[j] * 0.5 + 1
        return a
    strided = np.lib.stride_tricks.as_strided
    for gap in range(25, 45):  # rows that meet those of the other array late, or never
        flat = np.arange(1000.0)
        out(copy, strided(flat, (22, 20), (160, 8)), strided(flat[gap:], (22, 20), (144, 8)))
        flat = np.arange(1000.0)
        out(copy, strided(flat[gap:], (22, 20), (144, 8)), strided(flat, (22, 20), (160, 8)))
    for f in (copy, smooth):
        for shape in ((12, 40), (5, 300)):
            for order in (slice(None), slice(None, None, -1)):
                a = grid(*shape)
                out(f, a, a[:, order])
                a = grid(*shape)
                out(f, a, a[order])
                a = grid(*shape)
                out(f, a[:, 1:], a[:, :-1])
                a = grid(*shape)
                out(f, a[:, :-1], a[:, 1:])
        a = grid(30, 30)
        out(f, a, a.T)
        flat = np.arange(2000.0)
        for by in ((8, 8), (16, 8), (-8, 8), (0, 8), (400, 8), (4, 8), (160, 8), (8, 160)):
            flat = np.arange(2000.0)
            a = strided(flat[450:], (10, 20), by)
            out(f, a, strided(flat[440:], (10, 20), (160, 8)))
            out(f, a, a)
            out(f, np.ones((10, 20)), a)
            out(rows, a)
        out.value(flat)
    out(rows, grid(20, 50))
    out(rows, grid(50, 20).T)


@diff
def test_matrix_products(jit, out):
    @jit
    def ijk(a, b, c):
        for i in range(len(a)):
            for j in range(b.shape[1]):
                for k in range(len(b)):
                    c[i, j] += a[i, k] * b[k, j]
        return c

    @jit
    def ikj(a, b, c):
        for i in range(len(a)):
            for k in range(len(b)):
                for j in range(b.shape[1]):
                    c[i, j] += a[i, k] * b[k, j]
        return c

    @jit
    def kji(a, b, c):
        for k in range(len(b)):
            for j in range(b.shape[1]):
                for i in range(len(a)):
                    c[i, j] += a[i, k] * b[k, j]
        return c

    @jit
    def local(a, b, c):
        for i in range(len(a)):
            for j in range(b.shape[1]):
                s = 0.0
                for k in range(len(b)):
                    s += a[i, k] * b[k, j]
                c[i, j] = s
        return c
    for f in (ijk, ikj, kji, local):
        for a in layouts(12, 20)[:4]:
            out(f, a, grid(20, 15), np.zeros((12, 15)))
        out(f, grid(12, 20), grid(20, 15), np.zeros((15, 12)).T)
        square = grid(14, 14)
        out(f, square, square, square)
        out(f, square, square.T, square[::-1])
        out(f, grid(12, 20, np.int64), grid(20, 15), np.zeros((12, 15), np.int64))
        out(f, grid(12, 20, np.float32), grid(20, 15, np.float32), np.zeros((12, 15), np.float32))
        out(f, grid(12, 20), grid(19, 15), np.zeros((12, 15)))
        out(f, grid(12, 20), grid(21, 15), np.zeros((12, 15)))
        out(f, grid(12, 20), grid(20, 15), np.zeros((12, 14)))
        bad = grid(20, 15)
        bad[11, 7] = INF
        out(f, grid(12, 20), bad, np.zeros((12, 15)))
        out(f, grid(12, 20) * 1e300, grid(20, 15) * 1e10, np.zeros((12, 15)))


@diff
def test_walks_over_both_axes(jit, out):
    """Addresses that move along several axes at once, or not at all."""
    @jit
    def diagonal(a, b, n):
        for i in range(n):
            a[i, i] = b[i, n - 1 - i] * 2
        return a

    @jit
    def down(a, j, n):
        for i in range(n):
            a[i, j] += a[i, j + 1]
        return a

    @jit
    def up(a, j, n, by):
        for i in range(n):
            a[i, j] = a[i, j] * by + i
        return a

    @jit
    def same(a, n):
        for i in range(n):
            a[3, 4] += i * 0.5
        return a

    @jit
    def onto(a, b, n):
        for i in range(n):
            a[i, 0] = b[0, i]
        return a

    @jit
    def recur(a, n):
        for i in range(1, n):
            a[i, 0] = a[i - 1, 0] * 0.5 + a[i, 1]
        return a
    strided = np.lib.stride_tricks.as_strided
    for make in (lambda: grid(60, 60), lambda: np.asfortranarray(grid(60, 60)), lambda: grid(60, 120)[::-1, ::2],
                 lambda: strided(np.arange(200.0), (60, 60), (8, 8)),
                 lambda: strided(np.arange(200.0)[100:], (60, 60), (8, -8)),
                 lambda: strided(np.arange(200.0), (60, 60), (8, 0)),
                 lambda: strided(np.arange(200.0), (60, 60), (0, 8)),
                 lambda: strided(np.arange(400.0)[100:], (60, 60), (16, -8))):
        out(diagonal, make(), grid(60, 60), 60)
        a = make()
        out(diagonal, a, a, 60)
        out(down, make(), 3, 60)
        out(up, make(), 3, 60, 0.5)
        out(up, make(), -1, 60, 1e30)
        out(same, make(), 60)
        out(onto, make(), grid(60, 60), 60)
        a = make()
        out(onto, a, a, 60)
        out(recur, make(), 60)
    out(diagonal, grid(60, 59), grid(60, 60), 60)
    out(down, grid(60, 4), 3, 60)


@diff
def test_items_beside_those_that_are_written(jit, out):
    @jit
    def lu(a):
        n = len(a)
        for k in range(n):
            for i in range(k + 1, n):
                a[i, k] /= a[k, k]
                for j in range(k + 1, n):
                    a[i, j] -= a[i, k] * a[k, j]
        return a

    @jit
    def f(a, i, k, first):
        for j in range(first, a.shape[1]):
            a[i, j] = a[i, j] * 0.5 + a[i, k]
        return a

    @jit
    def g(a, k, first):
        for j in range(first, len(a)):
            a[j] = a[k] + 1
        return a

    @jit
    def two(a, i, k):
        for j in range(a.shape[1] - 1):
            a[i, j] = a[i, j] * 0.5 + a[i, k]
            a[i, k] = j
        return a
    for n in (3, 20, 40):
        out(lu, grid(n, n) + np.eye(n) * 30)
        out(lu, np.asfortranarray(grid(n, n) + np.eye(n) * 30))
    bad = grid(30, 30) + np.eye(30) * 30
    bad[17, 17] = 0
    bad[20, 3] = INF
    out(lu, bad)
    for k in (0, 1, 9, 10, 11, 12, 30, 59, -1, -50, 60):
        for first in (0, 10, 12):
            out(f, grid(3, 60), 1, k, first)
            out(g, np.arange(60.0), k, first)
            out(f, grid(3, 120)[:, ::-2], 1, k, first)
            out(f, np.lib.stride_tricks.as_strided(np.arange(99.0), (3, 60), (8, 8)), 1, k, first)
        out(two, grid(3, 61), 1, k)


@diff
def test_sums_in_an_item(jit, out):
    """An item that every iteration reads and writes."""
    @jit
    def f(c, a, i, n):
        for k in range(n):
            c[i] += a[k]
        return c

    @jit
    def g(c, a, i, j):
        for k in range(len(a)):
            c[i, j] = c[i, j] * 0.5 + a[k] * c[i, j]
        return c

    @jit
    def both(c, d, a):
        for k in range(len(a)):
            c[0] += a[k]
            d[0] += c[0]
        return c, d

    @jit
    def other(c, a):
        for k in range(len(a)):
            c[1] = a[k] + c[0]
            c[0] = k
        return c

    @jit
    def late(c, a):
        for k in range(len(a)):
            c[2] = k
            a[k] += c[2]
        return c, a

    @jit
    def flags(c, a):
        for k in range(len(a)):
            c[1, 1] |= a[k]
            c[1, 1] ^= k & 1
        return c
    for dtype in (float, np.float32, np.int64, np.int8, np.uint8, np.uint64, bool, complex, np.complex64):
        a = np.arange(60).astype(dtype)
        out(f, np.ones(3, dtype), a, 1, 60)
        out(f, np.ones(3, dtype), a, -1, 60)
        out(f, np.ones(3, dtype), a, 3, 60)
        out(f, np.ones(3, dtype), a, 0, 61)
    for at in (0, 1, 20, 40, 58, 59):
        a = np.arange(60.0)
        out(f, a, a, at, 60)
        a = np.arange(60.0)
        out(f, a[at:at + 1], a, 0, 60)
        a = np.arange(60.0)
        out(f, a[1:], a[:-1], at - 1, 59)
        for bad in (INF, -INF, NAN, 1.7e308):
            a = np.arange(60.0)
            a[at] = a[59 - at] = bad
            out(f, np.ones(3), a, 1, 60)
            out(f, np.full(3, bad), np.arange(60.0), 1, 60)
        out(g, np.ones((2, 2)), np.arange(60.0) / 100, 1, -1)
        out(both, np.ones(2), np.ones(2), np.arange(60.0))
        c = np.ones(2)
        out(both, c, c, np.arange(60.0))
        out(other, np.zeros(3), np.arange(60.0))
    c = np.zeros(60)
    out(late, c, c)
    out(late, np.zeros(3), np.zeros(60))
    out(flags, np.zeros((2, 2), int), np.arange(60))
    out(flags, np.zeros((2, 2), np.uint8), np.arange(60).astype(np.uint8))
    big = np.full(60, 2**61)
    out(f, np.ones(3, int), big, 1, 60)
    readonly = np.ones(3)
    readonly.flags.writeable = False
    out(f, readonly, np.arange(60.0), 1, 60)


@diff
def test_many_dimensions(jit, out):
    @jit
    def f(a, n):
        s = 0.0
        for t in range(n):
            i, j = t % 2, -(t % 3) - 1
            s += a[i, j, 0, 1, i, j, 1, i]
            a[0, j, i, 1, i, j, 1, i] = s
            a[0, j, i, 0, i, j, 1, i] += 1
            row = a[i, j, 0, 1, i, j, 1]
            plane = a[i, j, 0]
            s += row[1] + plane[1, 0, -1, 0, 1] + plane[1][0][2][1][0]
        return s, row, plane

    @jit
    def nest(a):
        s = 0.0
        for b in a:
            for c in b:
                for d in c:
                    for x in d:
                        s += x
        return s, b, c, d
    a = np.arange(2 * 3 * 2 * 2 * 2 * 3 * 2 * 2.0).reshape(2, 3, 2, 2, 2, 3, 2, 2)
    out(f, a, 60)
    out(f, a[::-1, :, ::-1], 60)
    out(f, np.asfortranarray(a), 60)
    out(nest, np.arange(120.0).reshape(2, 3, 4, 5))
    out(nest, np.arange(240.0).reshape(2, 3, 4, 10)[:, ::-1, :, ::2])
    out(nest, np.arange(120).reshape(2, 3, 4, 5).astype(complex))


@diff
def test_shapes(jit, out):
    @jit
    def f(a, n):
        s = 0
        for i in range(n):
            r, c = a.shape
            s += r * 10 + c + a.size + a.ndim + len(a) + a.shape[-1]
            for k in range(c):
                s += k
        return s

    @jit
    def rows(a, n):
        s = 0
        for i in range(n):
            row = a[i % 3]
            p, q = row.shape
            s += p + q * 7 + row.size + row.shape[1]
        return s, row

    @jit
    def attributes(a, n):
        for i in range(n):
            t = a[i].T
            d = a[i].dtype
            s = a.shape
        return t, d, s
    out(f, grid(7, 5), 50)
    out(f, np.zeros((0, 5)), 50)
    out(f, np.zeros((2, 3, 4)), 50)
    out(f, np.zeros(4), 50)
    out(rows, np.arange(60.0).reshape(3, 4, 5), 50)
    out(rows, grid(3, 4), 50)
    out(attributes, np.arange(60.0).reshape(3, 4, 5), 3)


@diff(native=False)
def test_slices_and_masks(jit, out):
    @jit
    def f(a, n):
        s = 0.0
        for i in range(n):
            b = a[i:, 0]
            s += b[0]
            a[i, 1:] = s
            a[a < -1e9] = 0.0
            s += a[..., 0][i] + a[i, None][0, 0] + a[[i, 0]][0, 1]
        return s, b
    out(f, grid(40, 3), 40)
    out(f, grid(40, 3, np.int64), 40)


@diff
def test_rows_in_lists_and_calls(jit, out):
    def total(row, k):
        s = 0.0
        for x in row:
            s += x * k
        return s

    def pick(a, i):
        return a[i]

    def norm(a, i, j):
        return a[i][j] * a[i, j]

    @jit
    def f(a, n):
        s = 0.0
        for i in range(n):
            s += total(a[i], i) + norm(a, i, 1)
            row = pick(a, i)
            s += row[0]
        return s, row

    @jit
    def collect(a, n):
        rows = []
        for i in range(n):
            rows.append(a[i])
        return rows

    @jit
    def items(rows, n):
        s = 0.0
        for i in range(n):
            row = rows[i]
            s += row[1]
            rows[i] = rows[0]
        return s, rows
    out(f, grid(50, 3), 50)
    out(f, grid(50, 3), 51)
    out(f, grid(50, 2)[::-1], 50)
    out(collect, grid(50, 3), 50)
    out(items, list(grid(50, 3)), 50)


@diff
def test_iterators_over_rows(jit, out):
    @jit
    def f(a, n):
        s = 0.0
        for i in range(n):
            for x in a[i]:
                if x > 9:
                    break
                s += x
            for x in reversed(a[i]):
                s -= x
            for k, x in enumerate(a[i]):
                s += k * x
            for x, y in zip(a[i], a[i - 1]):
                s += x * y
        return s, x, i

    @jit
    def g(a, stop):
        s = 0.0
        for row in a:
            for x in row:
                s += x
                if s > stop:
                    return s, x, row
        return s

    @jit
    def each(a, b, stop):
        s = 0.0
        for i in range(len(a)):
            for x in reversed(a[i]):
                s += x
                if s == stop:
                    return s, x, i
            for k, x in enumerate(b[i], i - 2):
                s += k * x
                if x == stop:
                    return s, k, x, i
            for x, y in zip(a[i], b[i]):
                s += x * y
                if y == -stop:
                    return s, x, y, i
            for k, row in enumerate(a[i:i + 1]):
                for j, x in enumerate(row):
                    a[i, j] = x + k
        return s, k, x, y

    @jit
    def planes(a):
        s = 0.0
        for plane in a:
            for k, row in enumerate(plane):
                for x, y in zip(row, plane[k - 1]):
                    s += x * y + k
            for row, other in zip(plane, a[0]):
                s += row[0] * other[1]
            for row in reversed(plane):
                s -= row[-1]
            for x, y, z in zip(plane[0], plane[1], plane[2]):
                s += x * y * z
            for x, y in zip(plane[0], range(3)):
                s += x * y
            for x, y in zip([1.5, 2.5], plane[0]):
                s += x * y
            for x, in zip(plane[0]):
                s += x
        return s, k, row, other

    def pause(x):
        if x == 25.0:
            out.note("here", x)
        return x

    @jit
    def h(a):
        s = 0.0
        for plane in a:
            for row in plane:
                for x in row:
                    s += pause(x)
        return s, plane, row
    out(f, grid(40, 5), 40)
    out(f, grid(40, 5), 41)
    out(g, grid(40, 5), 100.0)
    out(g, grid(40, 5), 1e9)
    for stop in (1e9, 25.0, -25.0, 100.0, -190.0):
        out(each, np.arange(200.0).reshape(40, 5), np.arange(200.0).reshape(40, 5), stop)
        out(each, np.arange(200.0).reshape(40, 5), np.arange(160.0).reshape(40, 4)[::-1], stop)
        out(each, np.arange(200).reshape(40, 5), np.arange(240.0).reshape(40, 6), stop)
    out(planes, np.arange(60.0).reshape(3, 4, 5))
    out(planes, np.arange(60.0).reshape(5, 4, 3).T)
    out(planes, np.arange(120.0).reshape(3, 4, 5, 2)[..., 1])
    out(h, np.arange(60.0).reshape(3, 4, 5))
    out(h, np.arange(60.0).reshape(5, 4, 3).T)


@diff
def test_a_row_replaces_what_dies(jit, out):
    class Watched(np.ndarray):
        def __del__(self):
            out.note("died", self.shape)

    @jit
    def f(a, row, n):
        s = 0.0
        for i in range(n):
            row = a[i % len(a)]
            s += row[0]
        return s, row
    for _ in range(3):
        out(f, grid(40, 3), np.zeros(5).view(Watched), 60)
        out(f, grid(40, 3), grid(3, 3)[1], 60)
        out(f, grid(40, 3), None, 60)

    @jit
    def g(a, rows, n):
        s = 0.0
        row = rows.pop()
        for i in range(n):
            if i == 30:
                out.note("half")
            a[0, 0] += 1
            if i > 20:
                row = a[i % len(a)]
            s += row[0]
        return s, row
    for _ in range(3):
        rows = [grid(3, 3)[1]]
        a = grid(40, 3)
        ref = weakref.ref(rows[0], lambda _: out.note("row died", a[0, 0]))
        out(g, a, rows, 60)
        out.value(ref())


@diff
def test_rows_across_steps(jit, out):
    """What the interpreter does in the middle of machine code sees rows, and may change arrays."""
    kept = []

    def look(a, row, i):
        if i % 20 == 7:
            out.note(i, row[0], row.base is a, row is a[i % 4])
            kept.append(row)
            row[0] += 1
        if i == 40:
            a.shape = (8, 3)
        if i == 50:
            a.shape = (4, 6)
        if i == 55:
            row.shape = (3, 2)
        if i == 58:
            a.flags.writeable = False
        return i

    peep = functools.partial(look)

    @jit
    def f(a, n):
        s = 0.0
        for i in range(n):
            row = a[i % 4]
            other = row
            s += row[1]
            k = peep(a, row, i)
            s += row[2] + other[0] + len(row) + a[i % 4, 2] + k + (row is other)
            a[i % 4, 1] += s // (peep(a, other, i) + 1)
        return s, row, other

    @jit
    def g(a, n):
        d, s = {}, 0.0
        for i in range(n):
            for row in a:
                for x in row:
                    s += x
                d[i] = row
                s += d[i][0]
        return s, row, d
    for n in (40, 45, 52, 57, 58, 59):
        out(f, grid(4, 6), n)
        out.value(kept)
        kept.clear()
    out(g, grid(4, 6), 30)
    out(g, grid(4, 6)[::-1, ::2], 30)


@diff
def test_complex_items(jit, out):
    @jit
    def f(a, b):
        n, m = a.shape
        for i in range(n):
            for j in range(m):
                b[i, j] = a[i, j] * a[i - 1, j] + b[i, j].conjugate()
                row = b[i]
                row[j] += 1j
        return b, row
    @jit
    def sums(a, s):
        for x in a:
            for y in x:
                for z in y:
                    s = s * 0.5 + z
        return s
    for dtype in (complex, np.complex64):
        for order in ("C", "F"):
            a = np.asarray(grid(20, 10, complex) * (0.01 + 0.005j), dtype, order=order)
            out(f, a, np.ones((20, 10), dtype))
            out(f, a, np.ones((20, 10), complex))
            out(f, a, a)
            out(f, a, a[::-1])
            out(f, a[:, ::-2], np.ones((20, 15), dtype)[:, ::3])
        out(f, grid(20, 10), np.ones((20, 10), dtype))
        out(f, grid(20, 10, dtype), np.ones((20, 10)))
        out(f, grid(20, 10, dtype), np.ones((20, 10), np.dtype(dtype).newbyteorder()))
        cube = (np.arange(240).reshape(4, 6, 10) * (0.1 - 1j)).astype(dtype)
        out(sums, cube, dtype(0))
        out(sums, cube[::-1, ::2, ::-3], 0)
        out(sums, cube.T, 0j)


@diff
def test_complex_items_of_all_dimensions(jit, out):
    @jit
    def f(a, b, n):
        for i in range(n):
            for j in range(2):
                b[j, 1, 0, 1, 0, 1, 0, i] = a[1, j, 0, 1, 0, 1, 1, i] * 0.5 - b[1, 0, 0, 0, 0, 0, 0, i - 1]
                b[0, j, 1, 1, 1, 1, 1, i] += a[j, j, j, j, j, j, j, -i]
        return b
    for dtype in (complex, np.complex64):
        a = (np.arange(128 * 9).reshape(2, 2, 2, 2, 2, 2, 2, 9) * (0.25 - 1j)).astype(dtype)
        out(f, a, np.zeros_like(a), 9)
        out(f, a[::-1, ..., ::-1], a.copy(), 9)
        out(f, a, np.asfortranarray(a), 9)
        out(f, a, a.copy(), 10)


@diff(filters=("always", "error"))
def test_arms_that_only_store_otherwise(jit, out):
    """Nothing of a condition is looked at that the program does not look at, and the line is the arm's."""
    @jit
    def life(now, then):
        rows, columns = now.shape
        for i in range(1, rows - 1):
            for j in range(1, columns - 1):
                around = (now[i - 1, j - 1] + now[i - 1, j] + now[i - 1, j + 1]
                          + now[i, j - 1] + now[i, j + 1] + now[i + 1, j])
                if around == 3 or (around == 2 and now[i, j] == 1):
                    then[i, j] = 1
                else:
                    then[i, j] = 0
        return around
    rng = np.random.default_rng(6)
    for dtype in "u1", "i8", "f4", "f8":
        now = (rng.random((12, 45)) < 0.4).astype(dtype)
        out(life, now, np.full((12, 45), 7, dtype))
        out(life, now.T, np.full((45, 12), 7, dtype))
        out(life, now.copy(), np.full((12, 45), 7, np.float32))
        out(life, now[:, ::2], np.full((12, 23), 7, dtype))
        out(life, now, np.full((12, 30), 7, dtype))
        out(life, now, np.full((8, 45), 7, dtype))
        for rows, columns in (1, 1), (-1, 1), (1, -1):
            copy = now.copy()
            out(life, copy, copy[::rows, ::columns])
        wide = np.ascontiguousarray(np.tile(now, (2, 2)))
        out(life, wide[:12, :45], wide[1:13, 1:46])
        out(life, wide[:12, :45], wide[3:15, 5:50])
        now[6, 40] = 253 if dtype == "u1" else 3
        out(life, now, np.full((12, 45), 7, dtype))
        shut = np.full((12, 45), 7, dtype)
        shut.flags.writeable = False
        out(life, now, shut)
    now = np.ones((9, 40))
    now[5, 20], now[6, 30] = float("nan"), float("inf")
    out(life, now, np.zeros((9, 40)))


@diff
def test_conditions_that_are_not_looked_at(jit, out):
    @jit
    def neighbour(a, c):
        for i in range(len(a)):
            if i == len(a) - 1 or a[i + 1] > a[i]:
                c[i] = 1
            else:
                c[i] = 0
        return i

    @jit
    def both(a, b, c):
        for i in range(len(a)):
            if a[i] > 2 and b[i] > 2:
                c[i] = 5
            else:
                c[i] = 6
        return i

    @jit
    def three(a, b, c, limit):
        last = 0
        for i in range(len(a)):
            x = a[i]
            if (x > 1 and x < limit) or x == 7 or b[i] == x:
                last = x
                c[i] = x
            else:
                c[i] = last
        return last, i
    a = np.arange(300) * 7 % 11
    b = np.arange(300) * 5 % 9
    for n in (0, 1, 9, 300):
        out(neighbour, a[:n], np.zeros(n, np.int64))
        out(both, a[:n], b[:n], np.zeros(n, np.int64))
        out(three, a[:n], b[:n], np.zeros(n, np.int64), 5)
    small = a.copy()
    small[250:] = 0
    out(both, small, b[:250], np.zeros(300, np.int64))
    out(both, a, b[:250], np.zeros(300, np.int64))
    out(both, a, b, np.zeros(250, np.int64))
    out(three, a, b[:200], np.zeros(300, np.int64), 5)
    out(both, a, b, a)
    out(both, a.copy(), b, b[1:])


@diff
def test_the_other_arm_s_line_fails(jit, out):
    @jit
    def f(a, c):
        for i in range(len(a)):
            if a[i] > 0:
                c[i] = 1
            else:
                c[i] = 2
    for last in (1, -1):
        a = np.ones(100)
        a[80:] = last
        out(f, np.sin(np.arange(100.0)), np.zeros(100))
        out(f, a, np.zeros(80))
        out(f, a, np.zeros(81))


@diff
def test_rows_of_one_place_are_different_objects(jit, out):
    @jit
    def f(a, n, k):
        before = row = None
        same = 0
        for i in range(n):
            before, row = row, a[i // k % 4]
            if before is row:
                same += 1
            if i > 2:
                same += int(before[0] < row[1])
        return before, row, before is row, same

    def pick(a, i):
        return a[i // 2 % 4]

    @jit
    def g(a, n):
        rows = row = None
        s = 0.0
        for i in range(n):
            rows = row
            row = pick(a, i)
            if rows is not None:
                s += rows[1] - row[0]
            if rows is row:
                s += 1000
        return rows, row, rows is row, s

    @jit
    def h(a, n):
        first = None
        for i in range(n):
            for row in a:
                if first is None:
                    first = row
                elif first is row:
                    return "same"
                first[0] += row[1]
        return first, row, first is row
    for n in (2, 3, 40, 41, 42, 300):
        for k in (1, 2, 3):
            out(f, np.arange(20.0).reshape(4, 5), n, k)
        out(g, np.arange(20.0).reshape(4, 5), n)
        out(h, np.arange(20.0).reshape(4, 5), n)
        out(h, np.arange(5.0).reshape(1, 5), n)
