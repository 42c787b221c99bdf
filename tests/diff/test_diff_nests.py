"""Nests of loops: every combination of kinds, up to four deep, with every way out; trip counts and types that
change. Not only must the results be the interpreter's: a nest must need few compiles, and not be left for ever."""

import itertools
import textwrap

import numpy as np
import pytest

import differ
import native
from differ import diff

# How a loop over `name` begins, with what stands in front of it and first in its body.
KINDS = {
    "up": ("", "for {v} in range({n}):", ""),
    "down": ("", "for {v} in range({n}, 0, -2):", ""),
    "list": ("", "for {v} in rows[{n}]:", ""),
    "while": ("{v} = 0", "while {v} < {n}:", "{v} += 1"),
    "true": ("{v} = -1", "while True:", "{v} += 1\nif {v} >= {n}:\n    break"),
}
# What else a loop's body has, in front of the inner loop.
WAYS = {
    "plain": "",
    "break": "if t % 61 == 7:\n    break",
    "continue": "if t % 5 == 3:\n    t += 1\n    continue",
    "branch": "if {v} & 1:\n    t ^= {v} * 3\nelse:\n    t += 2",
    "return": "if t % 977 == 976:\n    return t, {v}",
}


def nest(kinds, ways, trips):
    """The text of a function f(rows, n): the outermost loop runs n times, inner ones as `trips` says."""
    lines, indent = [], "    "
    for depth, (kind, way) in enumerate(zip(kinds, ways)):
        v = "ijkl"[depth]
        before, head, first = (text.format(v=v, n=trips[depth]) for text in KINDS[kind])
        for text in (before, head):
            lines += [indent + text] if text else []
        indent += "    "
        body = "\n".join(filter(None, (first, WAYS[way].format(v=v), f"t = t * 3 + {v} & 0xFFFFF")))
        lines.append(textwrap.indent(body, indent))
    lines.append(indent + "x = x * 0.5 + t")
    for depth in reversed(range(len(kinds))):  # an else, and what stands behind the inner loop
        indent = "    " * (depth + 1)
        lines += [f"{indent}else:", f"{indent}    t ^= {depth + 5}", f"{indent}x += {depth}"]
    return "\n".join(["def f(rows, n):", "    t, x = 1, 0.5", *lines, "    return t, x"])


def nests():
    for kinds in itertools.product(KINDS, repeat=2):
        yield kinds, ("branch", "break"), ("n", "(i & 3)")
    for way in itertools.product(WAYS, repeat=2):
        yield ("up", "while"), way, ("n", "5")
        yield ("while", "up"), way, ("n", "i % 3")
    for kinds in itertools.product(("up", "while", "list"), repeat=3):
        yield kinds, ("plain", "continue", "branch"), ("n // 4", "3", "j + 1")
    for kinds in itertools.product(("down", "true"), repeat=4):
        yield kinds, ("branch", "plain", "break", "continue"), ("n // 8", "4", "j & 3", "(k | 1)")


NESTS = list(nests())


@pytest.mark.parametrize("mode", ("eager", "sync", "background"))
@pytest.mark.parametrize("number", range(0, len(NESTS), 8))
def test_kinds_and_ways_out(number, mode):
    for kinds, ways, trips in NESTS[number:number + 8]:
        program = differ.Program.of_text(
            "def program(jit, out):\n    rows = [list(range(3, k + 3)) for k in range(100)]\n"
            + textwrap.indent("@jit\n" + nest(kinds, ways, trips), "    ")
            + "\n    for n in (1, 0, 40, 2, 90, 91):\n        out(f, rows, n)\n")
        (f,) = differ.compare(program, mode, native_expected="return" not in ways)
        rows = [r for loop in native.statistics(f)["loops"] for r in loop["regions"]]
        assert sum(r["compiles"] for r in rows) <= (24 if mode == "eager" else 12), (kinds, ways, native.explain(f))


@diff
def test_triangles(jit, out):
    @jit
    def f(n):
        lower = upper = band = 0
        for i in range(n):
            for j in range(i):
                lower += i * j
            for j in range(i, n):
                upper += i - j
            for j in range(max(0, i - 2), min(n, i + 3)):
                band ^= i * n + j
                for k in range(j, i):
                    band += k
        return lower, upper, band
    for n in (0, 1, 2, 3, 40, 41):
        out(f, n)


@diff
def test_several_nests_in_a_function(jit, out):
    @jit
    def f(n, m):
        a = b = 0
        x = 1.0
        for i in range(n):
            for j in range(m):
                a += i ^ j
        for i in range(m):
            k = i
            while k < n:
                k += 2
                b += k
                x *= 0.75
        for i in range(n):
            for j in range(i & 1):
                for k in range(j + 2):
                    x += a - b
            a -= i
        return a, b, x, i, j, k
    for n, m in ((1, 1), (0, 5), (30, 40), (60, 2), (30, 41), (5, 90)):
        out(f, n, m)


@diff
def test_nest_over_inlined_functions(jit, out):
    def row(i, m):
        s = 0
        for j in range(m):
            if (i + j) % 7 == 6:
                continue
            s += cell(i, j)
        return s

    def cell(i, j):
        k, s = 0, i
        while k < (i ^ j) & 3:
            k += 1
            s = s * 2 - j
        return s

    @jit
    def f(n, m):
        t = 0
        for i in range(n):
            t += row(i, m)
            if t > 10**6:
                t -= row(-i, 2)
        return t
    for n, m in ((1, 3), (0, 5), (40, 9), (60, 2), (40, 0), (41, 10)):
        out(f, n, m)


# -- types that change ----------------------------------------------------------------------------

def settled(least):
    """A nest whose types change: after a while machine code is left a few times a call at most, and the
    compiles are few."""
    def decorate(function):
        program = differ.Program.of(function)

        @pytest.mark.parametrize("mode", ("eager", "sync"))
        def test(mode):
            (f,) = differ.compare(program, mode)
            before = sum(native.exits(f).values())
            with differ.params(**differ.MODES[mode]):
                f(*least)
            rows = [r for loop in native.statistics(f)["loops"] for r in loop["regions"]]
            assert sum(native.exits(f).values()) - before <= 4, native.explain(f)
            assert sum(r["compiles"] for r in rows) <= 12, native.explain(f)

        test.__name__ = test.__qualname__ = function.__name__
        test.program = program
        return test
    return decorate


@settled((60, 20))
def test_int_that_becomes_a_float(jit, out):
    @jit
    def f(n, m):
        t = 0
        for i in range(n):
            s = 0
            for j in range(m):
                s += 0.5
                t += s
            t -= 1
        return t
    for _ in range(6):
        out(f, 40, 20)


@settled((60, 20))
def test_int_that_becomes_a_numpy_float(jit, out):
    np = pytest.importorskip("numpy")
    a = np.arange(20) * 0.25

    @jit
    def f(n, m):
        t = 0
        for i in range(n):
            s = 0
            for j in range(m):
                s += a[j]
            if s > t:
                t = s
            t -= i
        return t
    for _ in range(6):
        out(f, 40, 20)


@settled((60, 20))
def test_best_so_far_is_none_first(jit, out):
    @jit
    def f(n, m):
        best, at = None, 0
        for i in range(n):
            for j in range(m):
                v = (i * 37 + j * 11) % 101
                if best is None or v < best:
                    best, at = v, (i << 8) + j
            if i % 9 == 8:
                best = None
        return best, at
    for _ in range(6):
        out(f, 40, 20)


@settled((60, 20))
def test_types_alternate_with_the_outer_loop(jit, out):
    @jit
    def f(n, m):
        t = 0
        for i in range(n):
            step = 2 if i & 1 else 0.5
            for j in range(m):
                t = t * 0.5 + step
                step += 1
        return t
    for _ in range(6):
        out(f, 40, 20)


@settled((60, 20))
def test_inner_loop_without_trips_at_first(jit, out):
    @jit
    def f(n, m):
        t, x = 0, 1
        for i in range(n):
            for j in range(m if i > n // 2 else 0):
                x = x * 0.5 + j
                t += 1
            t ^= i
        return t, x
    for _ in range(6):
        out(f, 40, 20)


@diff
def test_arrays_that_change_places(jit, out):
    """A nest gets hot from the inside, and its outer loop changes what the inner ones go over."""
    @jit
    def steps(now, then, rate, n):
        rows, columns = now.shape
        for _ in range(n):
            for i in range(1, rows - 1):
                for j in range(1, columns - 1):
                    then[i, j] = now[i, j] + rate * (now[i - 1, j] + now[i + 1, j] - 2.0 * now[i, j])
            now, then = then, now
        return now, i, j

    @jit
    def until(a, b, limit):
        rounds = 0
        while a[0] < limit:
            total = 0
            for i in range(len(a)):
                b[i] = a[i] * 2 + 1
                total += i
            a, b = b, a
            rounds += 1
            if total > 10**6:
                break
        else:
            return rounds, a, b, total
        return rounds, a, b
    for shape in ((5, 40), (30, 12), (3, 3), (12, 300)):
        a = np.sin(np.arange(float(shape[0] * shape[1]))).reshape(shape)
        out(steps, a, a.copy(), 0.25, 6)
        out(steps, a, a.copy()[:, ::-1], 0.25, 5)
        out(steps, a, a.T.copy().T, 0.25, 5)
        fixed = a.copy()
        fixed.flags.writeable = False
        out(steps, fixed, a.copy(), 0.25, 1)
        for n in (2, 3) * 16:  # stores into it in the second round; often enough to be asked in the inner loop
            changed = a.copy()
            out(steps, fixed, changed, 0.25, n)
            out.value(changed)
        big = a.copy()
        big[shape[0] // 2, shape[1] // 2] = 1e308
        out(steps, big, a.copy(), 8.0, 4)
    for dtype in (np.int64, np.int32, np.float64):
        for n in (1, 20, 300):
            a = np.ones(n, dtype)
            out(until, a, np.zeros(n, dtype), 10**6)
            out(until, a, np.zeros(n, dtype)[::-1], 10**6)


# -- loops around loops ---------------------------------------------------------------------------

@diff
def test_arrays_of_one_memory(jit, out):
    """Whether arrays are apart is found out in front of a nest, where their ends tell, else row by row."""
    @jit
    def f(a, b):
        rows, columns = a.shape
        for i in range(1, rows - 1):
            for j in range(1, columns - 1):
                b[i, j] = a[i - 1, j] + a[i + 1, j] - a[i, j - 1] * 2 + a[i, j + 1]

    @jit
    def between(a, b, c):
        for i in range(1, len(a)):
            for j in range(a.shape[1]):
                c[i, j] = a[i, j] + c[i - 1, j] - b[i, j]

    @jit
    def deep(a, b):
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                for k in range(1, a.shape[2]):
                    b[i, j, k] = a[i, j, k - 1] + a[i, j, k] * 3

    @jit
    def rounds(a, b):
        for _ in range(5):
            for i in range(len(a)):
                for j in range(a.shape[1] - 1):
                    b[i, j] = a[i, j] + a[i, j + 1]
            a, b = b, a
    strided = np.lib.stride_tricks.as_strided

    def pairs(dtype):
        base = np.arange(4000).astype(dtype) % 23
        size = base.itemsize
        yield base[:400].reshape(10, 40), base[400:800].reshape(10, 40)    # side by side
        yield base[400:800].reshape(10, 40), base[:400].reshape(10, 40)
        yield base[:400].reshape(10, 40), base[399:799].reshape(10, 40)    # one item in common
        yield base[399:799].reshape(10, 40), base[:400].reshape(10, 40)
        yield base[:400].reshape(10, 40), base[:400].reshape(10, 40)
        for by in 1, 2, 39, 40, 41, 80, 130:
            yield base[:400].reshape(10, 40), base[by:400 + by].reshape(10, 40)
            yield base[by:400 + by].reshape(10, 40), base[:400].reshape(10, 40)
        for n in 9, 65:    # one item in common, of one row
            yield base[:n].reshape(1, n), base[n - 1:2 * n - 1].reshape(1, n)
            yield base[n - 1:2 * n - 1].reshape(1, n), base[:n].reshape(1, n)
        both = base[:800].reshape(10, 80)
        yield both[:, :40], both[:, 40:]                                   # rows in turn
        yield both[:, 40:], both[:, :40]
        yield both[:, :40], both[:, 20:60]
        yield both[:, ::2], both[:, 1::2]
        yield both[::-1, :40], both[:, 40:]
        yield base[:400].reshape(10, 40)[::-1], base[400:800].reshape(10, 40)
        yield base[:400].reshape(10, 40)[::-1], base[360:760].reshape(10, 40)[::-1]
        yield base[:400].reshape(10, 40), strided(base[30:], (10, 40), (0, size))    # all rows are one
        yield strided(base, (10, 40), (size, size)), strided(base[20:], (10, 40), (size, size))
        yield strided(base[49:], (10, 40), (-size, size)), strided(base[30:], (10, 40), (size, size))
        yield base[:400].reshape(40, 10).T, base[400:800].reshape(10, 40)
        yield base[:0].reshape(0, 40), base[:400].reshape(10, 40)
    for dtype in "f8", "u1":
        for f2 in f, rounds:
            for a, b in pairs(dtype):
                out(f2, a, b)
        for (a, b), (c, _) in zip(pairs(dtype), pairs(dtype)):
            out(between, a, b, b)
            out(between, a, c, b)
            out(between, b, a, a)
        for a, b in pairs(dtype):
            if a.size == 400 and a.flags.c_contiguous and b.flags.c_contiguous:
                out(deep, a.reshape(2, 5, 40), b.reshape(2, 5, 40))
                out(deep, b.reshape(5, 2, 40), a.reshape(5, 2, 40))


@diff
def test_rows_that_are_too_short(jit, out):
    """Indexes are known to be in range in front of a nest, or found out row by row; or the nest is left there."""
    @jit
    def f(a, b, start, stop):
        for i in range(len(a)):
            for j in range(start, stop):
                b[i, j] = a[i, j + 1] - a[i, j - 1] * 2.0
        return i, j

    @jit
    def down(a, b, start, stop):
        for i in range(len(a)):
            for j in range(stop - 1, start - 1, -1):
                b[i, j] = a[i, j + 1] - a[i, j - 1] * 2.0
        return i, j

    @jit
    def wide(a, b, start, stop):
        for i in range(len(a)):
            for j in range(start, stop):
                b[i, j - 3] = a[i, j - 5] + a[i, j]
        return i, j

    @jit
    def ragged(a, b, ends):
        for i in range(len(a)):
            for j in range(ends[i]):
                b[i, j] = a[i, j + 1] + a[i, j]
        return i, j

    @jit
    def total(a, start, stop):
        t = 0.0
        for i in range(len(a)):
            for j in range(start, stop):
                t += a[i, j]
        return t
    a = np.arange(300.0).reshape(6, 50)
    out(f, a, np.zeros((6, 50)), 1, 49)
    for start, stop in ((1, 49), (1, 50), (0, 49), (-1, 49), (-40, 30), (-49, -1), (-60, 20), (5, 48), (5, 53), (20, 90)):
        for g in (f, down, wide):
            for columns in (50, 49, 48, 60):
                out(g, a, np.zeros((6, columns)), start, stop)
                out(g, np.ones((6, columns)), np.zeros((6, 50)), start, stop)
        out(total, a, start, stop)
    for last in (48, 49, 50, 51, 60, 0, 8, 3):
        out(ragged, a, np.zeros((6, 50)), np.array([49, 40, 20, 48, last, 49]))
        out(ragged, a, np.zeros((6, 48)), np.array([48, 40, last, 20, 48, 47]))


@diff
def test_indexes_at_the_ends_of_numbers(jit, out):
    """An index whose sum overflows is in no array, in a strip as elsewhere."""
    @jit
    def f(a, b, start, stop, step):
        for i in range(2):
            for j in range(start, stop, step):
                b[j] = a[j - 1] + a[j + 1]
        return j

    @jit
    def down(a, b, start, n):
        for i in range(2):
            for j in range(start, start - n, -1):
                b[j - 1] = a[j] + a[j - 2]
        return j
    @jit
    def based(a, b, start, stop):
        for i in range(2):
            for j in range(start, stop):
                b[j - start] = a[j - start] * 2.0
            for j in range(stop, start, -1):
                b[j - start] = a[j - start] + 1.0
        return j
    a = np.arange(300.0)
    most, least = 2 ** 63 - 1, -2 ** 63
    for n in 60, 3, 1, 20, 7, 8, 9:
        out(based, a, np.zeros(300), least, least + n)
        out(based, a, np.zeros(300), most - n, most)
    for start, stop in ((1, 299), (1, 300), (0, 299), (0, 300), (-1, 299), (-299, 1), (-300, 0), (-301, 5), (1, 302)):
        out(f, a, np.zeros(300), start, stop, 1)
        out(f, a, np.zeros(300), stop - 1, start - 1, -1)
    for start, stop in ((most - 40, most), (least, least + 40), (least + 1, least + 40), (most - 8, most)):
        out(f, a, np.zeros(300), start, stop, 1)
        out(f, a, np.zeros(300), stop - 1, start, -1)
    for start, n in ((299, 298), (299, 299), (299, 300), (300, 40), (40, 40), (40, 80), (least + 40, 40), (most, 40),
                     (least + 39, 40)):
        out(down, a, np.zeros(300), start, n)


@diff
def test_inner_loop_that_ends_in_another_frame(jit, out):
    """The outer loop is recorded as far as a long loop inside, and then from the end of that on. That end is not
    reached, as the row is too long; when it is, all is of other types, or something is not there."""
    @jit
    def numbers(lengths, data, x):
        t = x
        for n in lengths:
            for j in range(n):
                t += data[j]
            t = t * 2 - n
        return t

    @jit
    def sequences(lengths, data, x):
        t = x
        for n in lengths:
            for v in data:
                t += v
                if t > n:
                    raise ValueError(t)
            t = t - n * 3
        return t

    @jit
    def unbound(lengths, data, x):
        t = 0
        for n in lengths:
            if x:
                y = n
            for j in range(n):
                t += data[j] & 15
            t += y
        return t

    ints, floats = list(range(60)), [0.5 * i for i in range(60)]
    for _ in range(24):  # the frames of a single row are those whose types the inner loop's machine code has, too
        out(numbers, [60, 90, 60, 60], ints, 0)
        out(numbers, [60], floats, 0.5)
        out(sequences, [10**9, 3000, 10**9, 10**9], ints, 0)
        out(sequences, [10**9], tuple(ints), 0)
        out(unbound, [60, 90, 60, 60], ints, 1)
        out(unbound, [60], ints, 0)
    for _ in range(3):
        out(numbers, [60] * 5, floats, 0.5)
        out(sequences, [10**9] * 5, tuple(ints), 0)
        out(unbound, [60] * 5, ints, 0)
        out(numbers, [60] * 5, ints, 0)
        out(sequences, [10**9] * 5, ints, 0)
        out(unbound, [60] * 5, ints, 1)


@diff
def test_outer_loops_with_every_kind_of_iterator(jit, out):
    """What the frame holds at the end of a long inner loop, when the outer one is recorded on from there."""
    @jit
    def f(a, items, z):
        t, w = 0.0, z
        for i, row in enumerate(a):
            for x, y in zip(items, reversed(items)):
                t += x * y
                w = w * 0.5 + 1j
            t -= row.sum() * 0.0 + row[0]
            w += i
        return t, w

    @jit
    def g(a, n):
        t = 0
        for first in a.T:
            for step in range(n, 0, -3):
                for k in range(0, 200, step):
                    t += k
                t ^= step
            t += int(first[0])
        return t, step, k
    for _ in range(4):
        out(f, np.arange(60.0).reshape(30, 2), [0.5 * i for i in range(70)], 0.25j)
        out(g, np.arange(60.0).reshape(2, 30), 24)
