"""Slices of arrays: views that are never made while the loop runs, and what they are where it is left."""

import functools
import itertools
import types
import weakref

import numpy as np
import pytest

import differ
import native
from differ import diff

NAN = float("nan")


def line(n, dtype=float):
    return (np.arange(n) * 0.37 - 5.0).astype(dtype)


def grid(n, m, dtype=float):
    return line(n * m, dtype).reshape(n, m)


@diff
def test_every_slice_of_a_short_array(jit, out):
    @jit
    def f(a, bounds, steps):
        s = 0.0
        views = []
        for lo in bounds:
            for hi in bounds:
                for by in steps:
                    v = a[lo:hi:by]
                    s = s * 0.5 + len(v) + v.shape[0] * 10 + v.size * 100
                    for x in v:
                        s = s * 0.5 + x
                    for k in range(len(v)):
                        s += v[k] * v[-1 - k]
                    views.append(v)
        return s, views

    @jit
    def up(a, bounds):
        s = 0.0
        views = []
        for lo in bounds:
            for hi in bounds:
                v, w, x = a[lo:hi], a[:hi][lo:], a[lo:][:hi]
                for k in range(len(v)):
                    s = s * 0.5 + v[k]
                for k in range(len(w)):
                    s = s * 0.5 + w[k]
                views.append((v, w, x))
        return s, views

    @jit
    def fixed(a, n):
        s = 0
        for i in range(n):
            s = s * 3 % 1000003 + len(a[1:]) + len(a[:-1]) * 2 + len(a[2:-2]) * 4 + len(a[-3:-1]) * 8
            s += len(a[::-1]) + len(a[5:1:-2]) * 2 + len(a[::3]) * 4 + len(a[-1:0:-1]) * 8 + len(a[4::-3])
            s += len(a[True:False]) + len(a[9:]) + len(a[-9:]) + len(a[:-9]) + len(a[:9])
            v = a[4 :: -(1 << 63)]
        return s, v, v.strides, a[1:], a[::-1], a[9:]
    bounds = [*range(-7, 8), -(1 << 62), (1 << 62), -(1 << 63), (1 << 63) - 1]
    for n in (0, 1, 2, 5):
        out(f, np.arange(float(n)), bounds, (1, 2, 3, -1, -2, -3, 1 << 62, -(1 << 62), (1 << 63) - 1, -(1 << 63)))
        out(f, np.arange(float(2 * n))[::-2], bounds, (1, 2, -1, -2))
        out(up, np.arange(n) + 0.5, bounds)
        out(up, np.arange(3 * n)[::3] + 0.5, bounds)
        out(fixed, np.arange(float(n)), 50)


@diff
def test_types_of_bounds(jit, out):
    @jit
    def f(a, lo, hi, by, n):
        s = 0.0
        for i in range(n):
            v = a[lo:hi:by]
            s += v[0] + len(v)
            w = a[lo:i]
            s += len(w)
        return s, v, w
    a = line(30)
    for lo, hi, by in itertools.product((None, 1, np.int64(2), np.uint8(3), True), (None, -1, np.int32(20)),
                                        (None, 2, np.int8(-1), -2)):
        if not (by is not None and by < 0 and lo is not None):
            out(f, a, lo, hi, by, 40)
    out(f, a, np.uint64(2), np.uint64(1 << 63), 1, 40)
    out(f, a, 1 << 70, None, -1, 40)
    out(f, a, -(1 << 70), 1 << 90, 1, 40)
    out(f, a, 1.5, None, None, 40)
    out(f, a, None, "x", None, 40)
    out(f, a, None, None, 0, 40)
    out(f, a, np.bool_(True), None, 1, 40)
    out(f, a, None, None, np.float64(1), 40)

    @jit
    def steps(a, by, n):
        s = 0
        for i in range(n):
            v = a[::by - i]
            s += len(v)
        return s, v
    out(steps, a, 50, 40)
    out(steps, a, 50, 60)  # by a step of zero
    out(steps, a, 20, 10)


@diff
def test_parts_of_a_grid(jit, out):
    @jit
    def f(a, i, j, n):
        s = 0.0
        views = None
        for k in range(n):
            row, column, middle, back = a[i, :], a[:, j], a[i, 1:-1], a[::-1, j]
            block, corner = a[1:, :-1], a[i:, j:]
            for x in row:
                s = s * 0.5 + x
            for x in column:
                s = s * 0.5 + x
            for q in range(middle.shape[0]):
                s += middle[q] * row[q + 1]
            for q in range(len(back)):
                s = s * 0.5 + back[q] - column[-1 - q]
            for p in range(block.shape[0]):
                for q in range(block.shape[1]):
                    s += block[p, q] * 0.25 - block[p][q]
            for r in corner:
                s = s * 0.5 + r[-1]
            for c in corner.T:
                s = s * 0.5 + c[0]
            s += len(block) + block.size + corner.shape[1] + row.ndim + block.ndim
            views = row, column, middle, back
        return s, views, block, corner, r, c

    @jit
    def dots(a, n):
        s = 0.0
        for k in range(n):
            v, w, x, y = a[..., 0], a[1, ...], a[..., 1:], a[...]
            for i in range(len(v)):
                s += v[i] * w[0] + x[i, 0] + y[i, -1]
        return s, v, w, x, y
    for a in (grid(7, 5), np.asfortranarray(grid(7, 5)), grid(14, 15)[::2, ::-3], grid(7, 5, np.int64),
              grid(7, 5, np.complex128), np.broadcast_to(np.arange(5.0), (7, 5))):
        out(f, a, 2, 3, 9)
        out(f, a, -1, -5, 9)
        out(dots, a, 20)
    out(f, grid(7, 5), 7, 0, 20)
    out(f, grid(7, 5), 0, -6, 20)
    out(f, grid(2, 2), 0, 0, 20)
    out(f, np.ones((7, 0)), 0, 0, 20)
    out(dots, np.ones((2, 0)), 20)
    out(dots, line(5), 20)


@diff
def test_turned(jit, out):
    @jit
    def f(a, n):
        s = 0.0
        for k in range(n):
            t = a.T
            for i in range(t.shape[0]):
                row = t[i]
                for j in range(t.shape[1]):
                    s = s * 0.5 + t[i, j] - row[j] * 0.25 + t[i][j]
            u = t[1:, ::2]
            w = u.T
            for x, y in zip(u[0], w[0]):
                s += x * y
        return s, t, u, w, row, t.T, a.T is t

    @jit
    def flat(a, n):
        s = 0.0
        for k in range(n):
            v = a.T
            for x in v[1:].T:
                s = s * 0.5 + x
        return s, v, a[1:].T

    @jit
    def deep(a, n):
        s = 0.0
        for k in range(n):
            t = a.T[1]
            u = a[:, 1].T
            for i in range(t.shape[0]):
                for j in range(t.shape[1]):
                    s = s * 0.5 + t[i, j] - u[j, i]
            s += t.size
        return s, t, u, a.T[..., 0]
    for a in (grid(7, 5), np.asfortranarray(grid(7, 5)), grid(14, 15)[::2, ::-3], grid(7, 5, np.int16)):
        out(f, a, 20)
    out(flat, line(20), 20)
    out(deep, line(60).reshape(3, 4, 5), 20)
    out(deep, line(360).reshape(6, 6, 10)[::2, ::-2, 1::2], 20)
    out(deep, line(120).reshape(2, 3, 4, 5)[0], 20)


@diff
def test_dtypes_as_constants(jit, out):
    @jit
    def f(a, n):
        s = 0
        for i in range(n):
            row = a[i % 3]
            if a.dtype == np.float64:
                s += 1
            elif np.int64 == row.dtype:
                s += 100
            elif row.dtype != np.dtype(np.float32):
                s += 10000
            if a.dtype is row.dtype and a.T.dtype == a.dtype:
                s += a.itemsize + row.nbytes * 7 + a[1:, ::2].nbytes
            d = row.dtype
        return s, d, a.dtype is d

    @jit
    def other(a, b, n):
        s = 0
        for i in range(n):
            if a.dtype == b.dtype:
                s += 1
            if a.dtype == float:
                s += 10
            if a.dtype == "float64":
                s += 100
            if a.dtype == n:
                s += 1000
            if a.dtype < np.complex128:
                s += 10000
        return s

    @jit
    def changes(a, n):
        s = 0
        for i in range(n):
            if a.dtype == np.int64:
                s += 1
            for k in range(a.shape[1]):
                s += int(a[i % 3, k]) & 7
            if i == n - 3:
                a.dtype = np.uint64
        return s, a.dtype

    @jit
    def given(a, dtype, n):
        s = 0
        for i in range(n):
            if a.dtype is dtype:
                s += 1
            if a.dtype == dtype:
                s += 100
        return s
    with_metadata = np.dtype("f8", metadata={"x": 1})
    for dtype in (float, np.int64, np.float32, np.int8, np.uint16, complex, bool, ">f8", np.float16, object,
                  with_metadata):
        a = np.zeros((3, 4), dtype)
        out(f, a, 30)
        out(other, a, np.zeros(3), 30)
        for d in (np.dtype(float), np.dtype(np.int64), with_metadata, np.float32, a.dtype, "f8", None):
            out(given, a, d, 30)
    out(changes, np.arange(12).reshape(3, 4), 40)


@diff
def test_many_dimensions(jit, out):
    @jit
    def f(a, n):
        s = 0.0
        for k in range(n):
            v = a[0, :, 1:, ::-1]
            w = v[1, ..., 0]
            x = a[..., 0]
            for p in range(v.shape[0]):
                for q in range(v.shape[1]):
                    s = s * 0.5 + v[p, q, 0, 0, 0, 0, 0] + w[q % len(w), 0, 0, 0, 0]
            s += x.ndim + v.size + len(w)
        return s, v, w, x

    @jit
    def all_cut(a, n):
        s = 0.0
        for k in range(n):
            v = a[1:, 1:, 1:, 1:, 1:, 1:, 1:, 1:]
            w = a[::2, ::2, ::2, ::2]
            s = s * 0.5 + v[0, 0, 0, 0, 0, 0, 0, 0] + w[0, 0, 0, 0, 1, 1, 1, 1]
        return s, v, w

    @jit
    def all_stepped(a, n):
        s = 0.0
        for k in range(n):
            v = a[::2, ::2, ::2, ::2, ::2, ::2, ::2, ::2]
            s = s * 0.5 + v[0, 0, 0, 0, 0, 0, 0, 0]
        return s, v

    @jit
    def too_many(a, n):
        for k in range(n):
            v = a[:, :, 0]
        return v
    out(f, line(3 * 2 ** 7).reshape(2, 2, 3, 2, 2, 2, 2, 2), 20)
    out(all_cut, line(2 ** 8).reshape((2,) * 8), 20)
    out(all_stepped, line(2 ** 8).reshape((2,) * 8), 20)
    out(too_many, grid(3, 3), 20)
    out(too_many, line(3), 20)


@diff
def test_dtypes_and_other_containers(jit, out):
    @jit
    def f(a, n):
        s = None
        for i in range(n):
            v = a[1:-1]
            s = v[i % len(v)]
            w = a[::2]
            for k in range(len(w)):
                s = w[k]
        return s, v, w
    for dtype in (bool, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64,
                  np.float32, np.float64, np.complex128, np.float16, np.complex64, object, ">f8", "M8[s]",
                  "S3", [("x", "i4")]):
        out(f, np.arange(20).astype(dtype), 40)
    for x in (list(range(20)), tuple(range(20)), "abcdefghijklmnop", b"abcdefghijk", bytearray(b"abcdefghi"),
              range(20), memoryview(b"abcdefgh"), np.ma.masked_array(line(20), line(20) < 0)):
        out(f, x, 40)
    raw = np.zeros(20 * 8 + 1, np.uint8)
    out(f, raw[1:].view(np.float64), 40)

    class Sub(np.ndarray):
        def __getitem__(self, index):
            out.note(str(index))
            return super().__getitem__(index)
    out(f, line(8).view(Sub), 3)
    out(f, line(20).view(Sub).view(np.ndarray), 40)

    class Box:
        def __getitem__(self, index):
            return [index.start, index.stop, index.step, 7]
    out(f, Box(), 4)


@diff
def test_stores_through_views(jit, out):
    @jit
    def f(a, n):
        for i in range(n):
            v = a[i:i + 3]
            v[0] += 1
            v[-1] = v[1]
            w = a[::-1]
            w[i] -= 2
        return v, w

    @jit
    def columns(a, n):
        for j in range(n):
            c = a[:, j % a.shape[1]]
            for i in range(len(c)):
                c[i] = c[i] * 0.5 + j
            r = a[j % a.shape[0], 1:]
            for i in range(len(r)):
                r[i] = c[0] + r[i - 1]
        return c, r

    @jit
    def block(a, n):
        b = a[1:-1, 1:-1]
        t = a.T
        for k in range(n):
            for i in range(b.shape[0]):
                for j in range(b.shape[1]):
                    b[i, j] = (a[i, j + 1] + a[i + 2, j + 1] + t[j, i + 1] + t[j + 2, i + 1]) * 0.25
        return b
    for a in (line(50), line(50, np.int64), line(100)[::2], line(50)[::-1], line(50, np.complex128)):
        out(f, a, 40)
        out(f, a, 60)
    for a in (grid(20, 30), np.asfortranarray(grid(20, 30)), grid(40, 60)[::2, ::-2]):
        out(columns, a, 60)
        out(block, a, 3)

    locked = grid(20, 30)
    locked.flags.writeable = False
    out(block, locked, 3)
    out(columns, locked, 3)
    out(f, locked[0], 3)
    out(f, np.broadcast_to(1.5, (50,)), 3)
    out(f, [1, 2, 3] * 20, 3)


@diff
def test_overlapping_views(jit, out):
    @jit
    def shift(a, n):
        v, w = a[1:], a[:-1]
        for k in range(n):
            for i in range(len(w)):
                v[i] = w[i] * 0.5 + v[i]
        return v, w

    @jit
    def mirror(a, n):
        w = a[::-1]
        for k in range(n):
            for i in range(len(a)):
                w[i] = a[i] * 0.75 + 1.0
        return w

    @jit
    def stretch(a, n):
        v = a[::2]
        for k in range(n):
            for i in range(len(v)):
                a[i] = v[i] - 1.0
                v[i] = a[i] * 2.0
        return v

    @jit
    def pairs(a, n):
        s = 0.0
        for k in range(n):
            i = 0
            for x, y in zip(a[1:], a[:-1]):
                a[i] = x - y
                s += a[i]
                i += 1
        return s
    for n in (0, 1, 2, 3, 9, 100, 1000):
        for f in (shift, mirror, stretch, pairs):
            out(f, line(n), 3)
            out(f, line(2 * n)[::2], 3)
    a = line(300)
    for x, y in ((a[1:], a[:-1]), (a, a[::-1]), (a[:200], a[100:])):
        out(functools.partial(shift_both, jit), x, y)


def shift_both(jit, x, y):
    @jit
    def f(x, y):
        u, v = x[2:], y[:-2]
        for k in range(3):
            for i in range(min(len(u), len(v))):
                u[i] = v[i] + 0.5
        return u, v
    return f(x, y)


@diff
def test_iterators(jit, out):
    @jit
    def f(a, n):
        s = 0.0
        for k in range(n):
            for x, y, z in zip(a[2:], a[1:-1], a[:-2]):
                s = s * 0.5 + x - y * 2 + z
            for i, x in enumerate(a[3:]):
                s += i * x
            for i, x in enumerate(a[:-3], k):
                s += i * x
            for x in reversed(a[1:-1]):
                s = s * 0.5 + x
            for x, y in zip(a, a[::-1]):
                s = s * 0.5 + x * y
            for x, y in zip(a[1:], a):
                s = s * 0.5 + x * y
            for x, y in zip(a[::2], a[::3]):
                s = s * 0.5 + x * y
        return s, x, y, i

    @jit
    def mixed(a, b, n):
        s = 0.0
        for k in range(n):
            for x, y in zip(a[1:], b):
                s = s * 0.5 + x * y
            for x, y in zip(b, a[1:]):
                s = s * 0.5 + x * y
        return s

    @jit
    def many(a, n):
        s = 0.0
        for k in range(n):
            for p, q, r, t in zip(a[1:], a[2:], a[3:], a[4:]):
                s = s * 0.5 + p * q - r * t
        return s

    @jit
    def left(a, n):
        for k in range(n):
            for i, x in enumerate(a[1:]):
                if x > n:
                    return i, x, k
            for x, y in zip(a[1:], a):
                if x - y > n:
                    return x, y, k
        return None

    @jit
    def rows(a, n):
        s = 0.0
        for k in range(n):
            for r in a[1:, :-1]:
                for x in r[::2]:
                    s = s * 0.5 + x
            for r, q in zip(a[1:, ::2], a[:-1]):
                s += r[0] * q[1]
            for x, y in a[:, 1:3]:
                s = s * 0.5 + x - y
        return s, r, q
    for a in (line(40), line(80)[::-2], line(3), line(40, np.int64)):
        out(f, a, 20)
        out(mixed, a, a, 20)
        out(mixed, a, a.tolist(), 20)
        out(mixed, a, tuple(a), 20)
        out(many, a, 20)
    out(f, line(0), 20)
    out(f, line(2), 20)
    for a in (line(60), np.repeat(line(20), 3), np.where(np.arange(60) > 50, np.arange(60) * 9.0, 0)):
        out(left, a, 30)
    out(rows, grid(9, 7), 20)
    out(rows, grid(9, 3)[:, ::-1], 20)
    out(rows, grid(1, 3), 20)


@diff
def test_errors_at_their_lines(jit, out):
    @jit
    def f(a, n, bad):
        s = 0.0
        for i in range(n):
            v = a[i:i + 3]
            s += v[0]
            s += v[
                2 + i // bad]
            w = a[i:]
            w[
                -1] = s
        return s

    @jit
    def g(a, n):
        s = 0.0
        for i in range(n):
            v = a[i:]
            s += v[1]
        return s

    @jit
    def h(a, n):
        s = 0
        for i in range(n):
            v = a[1:, 1]
            s += v[i] // v[
                i - 1]
        return s
    out(f, line(60), 50, 40)
    out(f, line(60), 50, 100)
    out(g, line(60), 100)
    out(h, np.arange(120).reshape(60, 2) - 41, 58)
    out(h, np.arange(120).reshape(60, 2) + 1, 100)
    out(h, line(60), 10)


@diff
def test_live_views_where_the_loop_is_left(jit, out):
    @jit
    def f(a, n, stop):
        u = v = w = x = None
        for i in range(n):
            u, v = a[i:], a[:i]
            w = u[1:]
            x = v
            if i == stop:
                return u, v, w, x, x is v, u is w, u[:0] is u[:0]
        return u, v, w, x, x is v, i

    @jit
    def identity(a, n):
        same = 0
        before = v = None
        for i in range(n):
            before, v = v, a[i // 2:]
            w = v
            if before is v:
                same += 1
            if w is v:
                same += 1000
            if a[1:] is a[1:]:
                same += 1000000
        return same, before, v, before is v, w is v

    @jit
    def lengths(a, n):
        before = v = None
        s = 0
        for i in range(n):
            before, v = v, a[:i % 7]
            s += len(v)
            if before is not None:
                s += len(before) * 100
        return s, before, v, before is v

    @jit
    def some(a, n):
        v = None
        s = 0.0
        for i in range(n):
            if v is not None and i % 3:
                s += v[0]
            if v is None:
                v = a[i:]
            elif i % 10 == 9:
                v = None
        return s, v

    @jit
    def growing(a, n, k):
        total = 0
        for i in range(n):
            v = a[1::k]
            total = total * 3 + len(v) + (1 << i)
        return total, v

    @jit
    def shrink(a):
        s = 0.0
        while len(a) > 1:
            s += a[0]
            a = a[1:]
        return s, a

    @jit
    def halve(a, x):
        steps = 0
        while len(a) > 1:
            m = len(a) // 2
            a = a[m:] if a[m] <= x else a[:m]
            steps += 1
        return a[0], a, steps
    a = line(100)
    for stop in (0, 3, 40, 98):
        out(f, a, 90, stop)
    out(identity, a, 50)
    out(identity, line(3), 50)
    out(lengths, a, 50)
    out(lengths, line(3), 50)
    out(some, a, 80)
    out(growing, a, 80, 2)
    out(growing, a, 80, -1)
    out(shrink, a)
    out(shrink, line(300)[::-3])
    for x in (-10.0, 0.0, 7.3, 1e9):
        out(halve, line(1000), x)


@diff
def test_deaths(jit, out):
    class Sub(np.ndarray):
        pass

    @jit
    def f(a, n):
        v = a
        for i in range(n):
            v = v[1:]
        return len(v)

    @jit
    def kept(a, n):
        v = None
        for i in range(n):
            v = a[i:i + 4]
            if v[0] > 1e9:
                break
        return v

    @jit
    def rebound(make, n):
        s = 0.0
        for i in range(n):
            a = make(i)
            v = a[1:]
            for k in range(len(v)):
                s += v[k]
            a = None
            for k in range(len(v)):
                s += v[k] * 0.5
        return s

    def watched(n):
        a = line(n).view(Sub)
        weakref.finalize(a, out.note, "died")
        return a.view(np.ndarray)

    def held(n):
        a = line(n)
        weakref.finalize(a, out.note, "died")
        return a
    for make in (watched, held):
        out(f, make(80), 50)
        v = kept(make(80), 60)
        out.value(v)
        del v
        out.note("released")
        for _ in range(2):
            out(rebound, lambda i: make(40), 5)
    a = held(80)
    v = a[3:]
    weakref.finalize(v, out.note, "view died")
    out(f, v, 50)
    del v
    out.note("end")


@diff
def test_inlined_calls(jit, out):
    def total(v):
        s = 0.0
        for x in v:
            s += x
        return s

    def middle(a, i):
        return a[i, 1:-1]

    def last(v, n=2):
        w = v[-n:]
        return w[0] if len(w) else 0.0

    @jit
    def f(a, n):
        s = 0.0
        for i in range(n):
            s += total(a[i]) + total(a[:, 1]) + total(middle(a, i)) + last(a[i, :2]) + last(a[i], 1)
            m = middle(a, i)
        return s, m
    out(f, grid(50, 6), 50)
    out(f, grid(50, 6), 51)
    out(f, grid(50, 2), 50)
    out(f, grid(12, 50).T, 50)


@diff
def test_steps_while_views_live(jit, out):
    @jit
    def f(a, n):
        s = 0.0
        seen = []
        for i in range(n):
            v = a[i:i + 5]
            for k in range(3):
                s += v[k]
            seen.append(f"{v[0]:.2f}")
            v[1] += 1.0
            for k in range(len(v)):
                s += v[k] * 0.5
        return s, seen, v

    @jit
    def over(a, n):
        d = {}
        s = 0.0
        for i in range(n):
            for k, x in enumerate(a[1:]):
                d[k % 3] = float(x)
                for j in range(20):
                    s += x * j
            for x, y in zip(a[1:], a):
                d["x"] = (i, float(x))
                for j in range(20):
                    s += x * j - y
            for x in a[i::2]:
                d["y"] = float(x)
                for j in range(20):
                    s += x * j
        return s, d, x, y

    @jit
    def reshaped(a, n):
        s = 0.0
        for i in range(n):
            b = a.copy()
            for row in b[1:]:
                s += row[0]
                if i == n - 2:
                    b.shape = (b.shape[1], b.shape[0])
                for j in range(len(row)):
                    s = s * 0.5 + row[j]
            for x in b[0]:
                if i == n - 1:
                    b.shape = (b.shape[1], b.shape[0])
                    b = None
                    break
                s += x
        return s, b

    @jit
    def inplace(a, n):
        for i in range(n):
            a[i:i + 3] += 1.0
            a[::2] *= 0.5
            s = a[i:][0]
            for k in range(40):
                s += a[1:][k % 3]
        return s
    out(f, line(60), 50)
    out(over, line(12), 12)
    out(reshaped, grid(4, 6), 12)
    out(inplace, line(60), 40)


@diff(native=False)
def test_other_objects_between(jit, out):
    """What builds a slice is not always for an array."""
    @jit
    def f(a, items, text, n):
        s = 0.0
        for i in range(n):
            p = items[i % 5:]
            s += len(p) + len(items[::2]) + len(text[1:i])
            s += a[len(items[1:3]):][0] + a[i:len(text[:3]) + i][-1]
            q = a[:, None] if i == n - 1 else a[1:]
            s += len(str(a[1:3])[1:3])
            s += len(np.abs(a)[1:]) + len((a * 2)[::3])
        return s, p, q
    out(f, line(60), list(range(9)), "abcdefgh", 50)

    @jit
    def masks(a, n):
        s = 0.0
        for i in range(n):
            b = a[i:, 0]
            s += b[0] + a[1:][:, None][0, 0, 0] + a[[i, 0], 1:][0, 0] + a[1:, [0, 1]][0, 1]
            s += a[slice(1, 3)][0, 0] + a[(slice(1, 3), 0)][0]
        return s, b
    out(masks, grid(40, 3), 40)


@diff
def test_rows_filled(jit, out):
    @jit
    def f(a, x, n):
        for i in range(n):
            a[i % 7] = x
            a[i % 7, 1:] = x + i
            a[:, i % 4] = i
            a[i % 3:, 0] = x
            a[::-2, 1] = i
            a.T[2] = i
            a[i % 7][:2] = i
        return a[0], i

    @jit
    def flat(a, x, n):
        for i in range(n):
            a[i:i + 3] = x
            a[:] = i
            a[5:2] = x
            a[...] = x
            a[::-1][::3] = i
        return i
    for dtype in (bool, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64,
                  np.float32, np.float64, np.complex128, np.complex64, np.float16, object):
        for x in (1, 1.5, -2, 3.99, True, np.float64(2.25), np.int64(100), np.float32(0.1), np.uint8(200)):
            out(f, np.zeros((7, 5), dtype), x, 30)
            out(flat, np.zeros(30, dtype), x, 30)
    for x in (1j, np.complex128(2 - 1j), NAN, 1e300, -1e300, 300, -129, 1 << 40, 1 << 63, 1 << 70, None, "1", "x",
              [1, 2], np.array(3.0), np.array([2.0]), (1,)):
        for dtype in (np.int8, np.uint64, np.float32, np.float64, np.complex128, np.complex64):
            out(flat, np.zeros(30, dtype), x, 30)
    out(f, np.asfortranarray(grid(7, 5)), 1.5, 30)
    out(f, grid(14, 10)[::2, ::-2], 1.5, 30)
    out(f, grid(7, 4), 1.5, 30)
    out(f, grid(6, 5), 1.5, 30)
    out(f, line(105).reshape(7, 5, 3), 1.5, 30)
    out(f, np.ma.masked_array(grid(7, 5), grid(7, 5) < 0), 1.5, 30)

    class Sub(np.ndarray):
        def __setitem__(self, index, value):
            out.note(str(index), value)
            super().__setitem__(index, value)
    out(f, grid(7, 5).view(Sub), 1.5, 4)
    locked = grid(7, 5)
    locked.flags.writeable = False
    out(f, locked, 1.5, 30)
    out(flat, locked[0], 1.5, 30)
    out(flat, np.broadcast_to(0.5, (30,)), 1.5, 30)
    out(flat, [0] * 30, [1, 2], 30)


@diff
def test_fills_in_the_middle_of_loops(jit, out):
    @jit
    def f(a, x, n):
        s = 0.0
        for i in range(n):
            a[i] = x * i
            for k in range(a.shape[1]):
                s += a[i, k]
                a[i, k] = a[i, k - 1] + s
            r = a[i]
            r[1:-1] = r[0]
            s += r[2] + a[i, 2]
        return s

    @jit
    def bits(a, x, n):
        for i in range(n):
            a[i:i + 4] = x + i
            if a[i] > 100:
                a[i:] = 0
            else:
                a[:i] = 1
        return i

    @jit
    def raised(a, n):
        for i in range(n):
            a[i] = 1.0
            a[i,
              3:] = a[
                  i + 1, 0]
            a[
                i + 2] = i
        return i
    out(f, grid(60, 7), 0.5, 60)
    out(f, grid(60, 7), 0.5, 61)
    out(f, grid(60, 7, np.float32), np.float32(0.5), 60)
    out(bits, np.zeros(80, np.int16), 1, 70)
    out(bits, np.zeros(80, np.uint8), 1, 70)
    out(bits, np.zeros(80, np.uint8), 200, 70)
    out(bits, np.zeros(80, np.int8), np.int8(100), 70)
    out(raised, grid(60, 7), 60)
    out(raised, grid(60, 7, np.int64), 60)


@diff
def test_items_that_are_written_into_each_other(jit, out):
    """Half a complex number apart."""
    @jit
    def fill(a, x, n):
        for i in range(n):
            a[:] = x
            a[2:] = i
        return i

    @jit
    def copy(a, b, n):
        for i in range(n):
            a[:] = b
            a[3:6] = b[i % 3:i % 3 + 3]
            b[0] += 1
        return i
    for dtype in (np.complex128, np.complex64):
        for by in (0.5, -0.5, 0, 1, -1, 1.5, -1.5):
            whole = np.zeros(40, dtype)
            a = np.lib.stride_tricks.as_strided(whole[20:], (9,), (int(by * whole.itemsize),))
            out(fill, a, 1 + 2j, 40)
            out.value(whole)
            out(copy, a, line(9, dtype) + 1j, 40)
            out.value(whole)
            out(copy, a, line(18, dtype)[::2] + 1j, 40)
            out.value(whole)


@diff
def test_rows_copied(jit, out):
    @jit
    def f(a, b, n):
        for i in range(n):
            a[i] = b[n - 1 - i]
            a[:, 1] = b[:, 2]
            a[i, 1:] = b[i, :-1]
            b[0] = a[i]
            a[i] = a[i]
        return a[0]

    @jit
    def moved(a, n):
        v = a[1:]
        for i in range(n):
            v[0] = i
            a[:-1] = v
            a[2:] = a[:-2]
            a[::2] = a[::2]
            a[1::2] = a[:-1:2]
            a[:] = a
            a[3:1] = a[4:4]
        return v

    @jit
    def turned(a, n):
        for i in range(n):
            a[0] += 1
            a[::-1] = a
            a[1:5] = a[4:0:-1]
            a[:3] = a[:6:2]
            a[2:5] = a[:6:2]
            a[4:9:2] = a[3:6]
        return i

    @jit
    def unequal(a, b, n, longer, shorter):
        for i in range(n):
            a[i % 5:i % 5 + 3 + i // longer] = b[
                :3 - i // shorter * 2]
        return i

    @jit
    def swapped(a, n):
        for i in range(n - 1):
            a[i], a[i + 1] = a[i + 1], a[i]
            t = a[i].copy()
            a[i] = a[i + 1]
            a[i + 1] = t
        return t
    for dtype in (bool, np.int8, np.uint16, np.int32, np.uint64, np.float32, np.float64, np.complex128, np.complex64,
                  object):
        out(f, grid(40, 5, dtype), grid(40, 5, dtype) * 1, 40)
        out(moved, line(41, dtype), 20)
        out(moved, line(82, dtype)[::2], 20)
        out(moved, line(82, dtype)[::-2], 20)
    for one, two in ((np.float64, np.float32), (np.float32, np.float64), (np.int64, np.float64), (np.int8, np.int64),
                     (np.complex128, np.float64), (np.float64, np.complex128)):
        out(f, grid(40, 5, one), grid(40, 5, two), 40)
    a = grid(40, 5)
    out(f, a, a, 40)
    out(f, a, a[::-1], 40)
    out(f, a[:, ::-1], a, 40)
    out(f, np.asfortranarray(a), a, 40)
    out(f, grid(40, 5), grid(40, 6), 40)
    out(f, grid(40, 5), grid(40, 1), 40)
    out(f, grid(40, 5), grid(30, 5), 40)
    for n in (10, 11, 30):
        out(turned, line(n), 20)
        out(turned, line(n, np.int8), 20)
    out(unequal, line(20), line(20), 30, 20, 90)
    out(unequal, line(20), line(20), 30, 90, 20)
    out(swapped, grid(40, 5), 40)
    whole = np.zeros(200, np.uint8)
    out(jit(overlapped), whole[:160].view(np.complex128), whole[8:168].view(np.complex128), 20)
    out(jit(overlapped), whole[8:168].view(np.complex128), whole[:160].view(np.complex128), 20)
    out(jit(overlapped), whole[4:164].view(np.complex64), whole[:160].view(np.complex64), 20)
    out(jit(overlapped), np.lib.stride_tricks.as_strided(line(30), (10,), (0,)), line(10), 20)
    out(jit(overlapped), line(10), np.broadcast_to(2.5, (10,)), 20)


def overlapped(a, b, n):
    for i in range(n):
        b[0] = i
        a[:] = b
    return i


# Functions that make arrays in their outer loop, and say which share of the iterations has to be native.

def made_by_calls(n, m):
    s = 0.0
    for i in range(n):
        a = np.zeros(m)
        for k in range(m):
            a[k] = k * 0.5 + i
        b = np.empty_like(a)
        for k in range(m):
            b[k] = a[k] - a[k - 1]
        s += b[-1] + b[0]
    return s, a, b


def made_with_keywords(n, m):
    t = np.ones((n, m), dtype=np.float32)
    for i in range(n):
        row = np.arange(m, dtype=np.int32)
        for k in range(m):
            t[i, k] += row[k] * i
        full = np.full_like(row, i)
        for x in full[::2]:
            t[i, 0] += x
    return t, row, full


def made_by_operators(n, m):
    a = np.arange(m) * 0.25
    best = None
    for i in range(n):
        b = a[1:] - a[:-1] + i
        for x in b:
            if best is None or x > best:
                best = x
        c = np.sqrt(b).reshape(-1, 1)
        for k in range(len(c)):
            best += c[k, 0] * 0.125
        a = a + 0.5
    return best, b, c, a


def made_and_cut(n, m):
    s = 0.0
    kept = []
    for i in range(n):
        a = np.linspace(0.0, i, m)
        a[1:] = a[:-1]
        v = a[::-1]
        for k in range(len(v)):
            s = s * 0.5 + v[k]
        if i % 7 == 3:
            kept.append(v)
    return s, kept, v


def made_in_one_row(n, m):
    out = np.zeros((n, m))
    for i in range(n):
        acc = np.zeros(3)
        for k in range(m):
            acc[k % 3] += k * i
            out[i, k] = acc[0] - acc[1]
        out[i, 1:] = out[i, 0]
    return out, acc


MADE = [made_by_calls, made_with_keywords, made_by_operators, made_and_cut, made_in_one_row]


@pytest.mark.parametrize("mode", differ.MODES)
@pytest.mark.parametrize("function", MADE)
def test_arrays_made_in_the_loop(function, mode):
    for n, m in ((40, 60), (3, 500), (50, 1)):
        differ.check(function, lambda n=n, m=m: (n, m), mode, native_expected=m > 1)


@pytest.mark.parametrize("function", MADE)
def test_inner_loops_over_arrays_made_are_native(function):
    from hotloop import jit
    with differ.params(**differ.MODES["sync"]):
        jitted = jit(types.FunctionType(function.__code__.replace(), globals()))
        for _ in range(6):
            jitted(40, 300)
        native.assert_native(jitted, 0.97, 40000)
