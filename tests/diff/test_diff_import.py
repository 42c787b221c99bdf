"""Outer loops whose recording takes over what the region of an inner loop has seen: its paths, inlined calls, globals,
ends, and what it left to the frame."""

import numpy as np

import differ
import native
from differ import diff, params

LEVEL = 3


@diff
def test_rare_paths_and_what_the_inner_loop_does_not_mention(jit, out):
    @jit
    def f(n, m, a, text, thing):
        s, kept, word = 0, thing, text
        for i in range(n):
            word = text if i & 1 else i
            for j in range(m):
                k = i * m + j
                if k % 97 == 5:
                    s -= k
                elif k % 113 == 7:
                    s ^= a[j]
                s += k & 7
            kept = word
            s += i
        return s, kept is word, word, thing
    a = list(range(70))
    for _ in range(3):
        out(f, 40, 70, a, "text", object)
        out(f, 40, 70, a, 2.5, None)


@diff
def test_inlined_calls_and_globals_of_the_inner_loop(jit, out):
    def clip(x, low, high=900):
        if x < low:
            return low
        for _ in range(2):
            if x > high:
                return high
        return x

    def scaled(x, by):
        return clip(x * by, LEVEL)

    @jit
    def f(n, m):
        s = 0
        for i in range(n):
            for j in range(m):
                s += scaled(j, i & 3) + clip(i, 2) + LEVEL
                if s % 211 == 3:
                    s -= abs(min(i, j))
            s ^= scaled(i, 2)
        return s
    for _ in range(3):
        out(f, 30, 80)


@diff
def test_the_inner_loop_is_left_in_every_way(jit, out):
    @jit
    def f(n, m, stop):
        s, found = 0, []
        for i in range(n):
            for j in range(m):
                s += j ^ i
                if s % 1009 == 5:
                    found.append((i, j))
                    break
                if s % 503 == 2:
                    continue
                if s > stop:
                    return s, i, j, found
                s += 1
            else:
                s -= i
            s += 2
        return s, i, j, found
    for stop in (10**9, 10**9, 90_000, 10**9):
        out(f, 40, 90, stop)


@diff
def test_errors_behind_and_inside_of_imported_loops(jit, out):
    @jit
    def f(n, a, at):
        t = 0.0
        for i in range(n):
            for j in range(len(a)):
                t += a[j] * i
                if i == at and j == 50:
                    t += a[1000]
            t += 1.0 / (n + at - i)
        return t
    a = [0.25 * k for k in range(80)]
    for at in (-1000, -1000, 20, -1, -1000):
        out(f, 30, a, at)


@diff
def test_types_that_the_inner_loop_has_not_seen(jit, out):
    @jit
    def f(n, m, start, items):
        s = start
        for i in range(n):
            if i == 25:
                s = s + 0.5
            for j in range(m):
                s = s + items[j] - i
            if i == 45:
                s = start
        return s
    ints, floats = list(range(60)), [k * 0.5 for k in range(60)]
    for _ in range(3):
        out(f, 60, 60, 0, ints)
        out(f, 60, 60, 0.0, floats)
        out(f, 60, 60, 2**70, ints)


@diff
def test_cells_and_deleted_names(jit, out):
    @jit
    def f(n, m):
        total = 0

        def get():
            return total
        for i in range(n):
            extra = i
            for j in range(m):
                total += j & extra
                if total % 301 == 4:
                    total += 1
            if i % 3:
                del extra
        return total, get(), j
    for _ in range(3):
        out(f, 30, 70)


@diff
def test_arrays_their_rows_and_warnings(jit, out):
    @jit
    def f(a, b, n):
        t = np.float64(0.0)
        for i in range(n):
            row = a[i % a.shape[0]]
            for j in range(row.shape[0]):
                t += row[j] * b[j]
                if j % 41 == 40:
                    b[j] += 1.0
            t = t / b[0]
        return t
    a = np.arange(320.0).reshape(4, 80)
    for first in (2.0, 2.0, 0.0, 2.0):
        b = np.arange(80.0)
        b[0] = first
        out(f, a, b, 24)


@diff
def test_three_levels_each_imported(jit, out):
    @jit
    def f(n, m, k):
        s, t = 0, 0.0
        for i in range(n):
            if i % 7 == 3:
                t += 1.5
            for j in range(m):
                if (i + j) % 11 == 0:
                    s += 1
                for x in range(k):
                    if x % 17 == 16:
                        s ^= x
                    elif (x + s) % 53 == 1:
                        t -= 0.5
                    s += x & j
                s -= j
            t += s & 3
        return s, t
    for _ in range(4):
        out(f, 20, 45, 45)


@diff
def test_types_that_alternate_with_the_outer_loop(jit, out):
    @jit
    def f(n, m):
        t, u = 0, 0
        for i in range(n):
            step = i & 7 if i & 1 else 0.5
            for j in range(m):
                u = step + j
                t += u
            if i % 10 == 9:
                t = 0
        return t, u, step
    for _ in range(6):
        out(f, 40, 70)


@diff
def test_functions_that_alternate_with_the_outer_loop(jit, out):
    @jit
    def f(n, m):
        s = 0
        for i in range(n):
            pick = max if i & 1 else min
            for j in range(m):
                s += pick(j, 30)
            s ^= i
        return s
    for _ in range(6):
        out(f, 40, 70)


def test_objects_of_the_frame_die_when_they_should():
    """Only the inner loop overwrites the name; whose last reference that may be is looked at at the outer one's entry."""
    import hotloop
    log = []

    class Thing:
        def __del__(self):
            log.append(int(count[0]))

    def f(lengths, items, count, x):
        s = 0
        for n in lengths:
            for j in range(n):
                if j:
                    x = items
                count[0] += 1
                s += j
            s ^= n
        return s

    def things(function):
        return function([1, 1, 60, 60], items, count, [Thing()])
    items, five = [1, 2, 3, 4], [5]
    g = hotloop.jit(f)
    with params(**differ.MODES["eager"]):
        for _ in range(4):
            count = np.zeros(1, np.int64)
            g([60] * 30, items, count, five)
        native.assert_native(g, 0.8)
        for _ in range(3):
            for function in (f, g):
                count = np.zeros(1, np.int64)
                things(function)
    assert log == [3] * 6


def test_the_outer_loop_goes_on_where_the_inner_one_breaks():
    import hotloop

    def f(n, m):
        s = 0
        for i in range(n):
            for j in range(m):
                s += j ^ i
                if s % 1009 == 5:
                    break
            s += i
        return s
    g = hotloop.jit(f)
    with params(sync=1, nest_ends=150, batch=1):  # the inner loop has seen its breaks by then
        for _ in range(6):
            assert g(300, 150) == f(300, 150)
        before = native.exits(g)["branch"]
        assert g(300, 150) == f(300, 150)
        assert native.exits(g)["branch"] - before < 5, native.explain(g)


def test_an_imported_loop_is_not_recorded_again():
    """The outer loop's region has the inner one's rare paths before it has run: it leaves for none of them."""
    import hotloop

    def f(n, m):
        s = 0
        for i in range(n):
            for j in range(m):
                k = i * m + j
                if k % 307 == 5:
                    s -= k
                elif k % 401 == 7:
                    s ^= 3
                s += k & 7
            s += i
        return s
    g = hotloop.jit(f)
    with params(**{**differ.MODES["sync"], "nest_ends": 60}):
        for _ in range(6):
            assert g(300, 150) == f(300, 150)
        outer, inner = native.statistics(g)["loops"]
        (region,) = outer["regions"]
        assert region["compiles"] == 1
        assert not [e for e in region["exits"] if e["reason"] == "branch"], native.explain(g)
