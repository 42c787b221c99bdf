"""Loops that count: short ones, which become straight code; indexes that are checked in front of the loop; long ones with
branches on data, which ask for signals once in thousands of iterations."""

import numpy as np
import differ
import native
from differ import diff, params


@diff
def test_axes_of_every_short_length(jit, out):
    @jit
    def f(points, centres):
        total, nearest = 0.0, 0
        for i in range(points.shape[0]):
            least = 1e300
            for c in range(centres.shape[0]):
                distance = 0.0
                for d in range(points.shape[1]):
                    gap = points[i, d] - centres[c, d]
                    distance += gap * gap
                if distance < least:
                    least, nearest = distance, c
            total += least + nearest
        return total, nearest, d, c
    for dims in (3, 3, 1, 2, 5, 9, 3, 4, 3):
        points = np.arange(40.0 * dims).reshape(40, dims) * 37 % 11
        out(f, points, points[:4] + 0.5)
        out(f, points, points[:7, :].copy())


@diff(filters=("always", "error"))
def test_a_short_axis_of_other_arrays_is_shorter(jit, out):
    @jit
    def f(a, b):
        t = 0.0
        for i in range(a.shape[0]):
            for d in range(a.shape[1]):
                t += a[i, d] * b[d]
        return t
    a = np.arange(90.0).reshape(30, 3)
    for b in (np.ones(3), np.ones(3), np.ones(2), np.ones(3), np.full(3, np.inf), np.full(3, 1e308), np.ones(1)):
        out(f, a, b)


@diff
def test_numbers_of_iterations_that_no_loop_changes(jit, out):
    @jit
    def f(n, times):
        s, k = 1, -1
        for i in range(n):
            for k in range(times):
                s = s * 3 + k ^ i
                if s > 10**12:
                    s %= 999_983
        return s, k, times

    @jit
    def g(n, low, high):
        s = 0
        for i in range(n):
            for k in range(-low, high):
                s += k * i
            for k in range(low):
                s ^= k
        return s, k
    for times in (2, 2, 2, 3, 1, 0, 2, 100, 2):
        out(f, 60, times)
        out(g, 60, times, 2)
        out(g, 60, 2, times)


@diff
def test_ways_out_of_short_loops(jit, out):
    @jit
    def f(a, stop):
        s = 0
        for i in range(a.shape[0]):
            for d in range(a.shape[1]):
                if a[i, d] == 7:
                    continue
                if a[i, d] > stop:
                    break
                s += a[i, d] * d
                if s < -5:
                    return s, i, d
            else:
                s += 1
            s ^= d
        return s, i, d
    a = (np.arange(160) * 7919 % 31).reshape(40, 4)
    for stop in (100, 100, 25, 0, 100):
        out(f, a, stop)
        out(f, a - 20, stop)


@diff
def test_errors_and_overflow_in_the_middle_of_short_loops(jit, out):
    @jit
    def f(a, n, by):
        s = 1
        for i in range(n):
            for d in range(3):
                s += a[d] // by[d]
                s *= 2
                if i & 7 == 7:
                    s = d
        return s
    for by in ([1, 1, 1], [1, 1, 1], [1, 0, 1], [1, 1, 0], [3, 2, 1]):
        out(f, [5, 6, 7], 40, by)
        out(f, [2**62, 2**62 - 1, 3], 40, by)


@diff
def test_a_short_loop_in_a_call(jit, out):
    def norm(a, i):
        s = 0.0
        for d in range(3):
            s += a[i, d] * a[i, d]
        return s

    @jit
    def f(a):
        t = 0.0
        for i in range(a.shape[0]):
            t += norm(a, i)
        return t
    for _ in range(3):
        out(f, np.arange(120.0).reshape(40, 3))
        out(f, np.arange(160.0).reshape(40, 4))
        out(f, np.arange(80.0).reshape(40, 2))


@diff
def test_ranges_that_leave_the_array(jit, out):
    @jit
    def f(a, first, stop, quit):
        n, i = 0, -1
        for i in range(first, stop):
            if a[i] > 3:
                n += a[i]
            else:
                n -= 1
            if n > quit:
                break
        return n, i

    @jit
    def upwards(a, stop):
        n, i = 0, -1
        for i in range(1, stop):
            if a[i] > a[i - 1]:
                n += a[i]
            elif a[i] == 2:
                n ^= a[i + 1]
        return n, i

    @jit
    def neighbours(a, first, stop):
        n = 0
        for i in range(first, stop):
            if a[i] > a[i - 1]:
                n += a[i + 1]
            elif a[i] == 2:
                a[i + 2] = n & 3
        return n, a.sum()
    for _ in range(2):
        for first, stop in ((0, 60), (0, 60), (1, 58), (1, 59), (0, 61), (3, 80), (-5, 10), (-70, 3), (5, 2), (59, 60)):
            a = np.arange(60) * 7919 % 11
            out(f, a, first, stop, 10**6)
            out(f, a, first, stop, 40)
            out(f, a.tolist(), first, stop, 10**6)
            out(neighbours, a, first, stop)
            out(upwards, a, stop)


@diff
def test_thousands_of_iterations_with_branches(jit, out):
    @jit
    def f(a, low):
        n, last = 0, None
        for i in range(len(a)):
            if a[i] > low:
                n += a[i]
                last = i
            elif a[i] == 0:
                n ^= i
        return n, last, i

    @jit
    def counts(a, c):
        for x in a:
            c[x] += 1
        return x
    for length in (4095, 4096, 4097, 9000, 3, 12288):
        a = np.arange(length) * 7919 % 1000
        out(f, a, 500)
        out(f, a.tolist(), 990)
        c = np.zeros(1000, np.int64)
        out(counts, a, c)
        out(c.sum)
        out(counts, a + 1, c)


@diff
def test_a_butterfly_in_place(jit, out):
    """Reads and writes different items of one row: no strips, and few checks of finite parts."""
    @jit
    def f(x, half, turn):
        w = 1.0 + 0.0j
        for k in range(half):
            even = x[k]
            odd = w * x[k + half]
            x[k] = even + odd
            x[k + half] = even - odd
            w *= turn
        return x
    for special in (0.0, 0.0, np.inf, np.nan, 1e308, 0.0):
        x = np.arange(128.0) + 1j
        x[100] = special
        x[3] = -special * 1j
        out(f, x, 64, 0.6 + 0.8j)


@diff
def test_counter_and_what_stays(jit, out):
    @jit
    def ahead(a, lo, hi, by):
        t = 0.0
        for i in range(lo, hi):
            t += a[i + by] * 2.0 - a[i]
            a[i] = t
        return t

    @jit
    def other_order(a, lo, hi, by):
        t = 0.0
        for i in range(lo, hi):
            a[by + i] += a[i] * 0.5
            t -= a[by + i + 1]
        return t

    @jit
    def behind(a, lo, hi, by):
        t = 0.0
        for i in range(lo, hi):
            t += a[i - by] * 2.0 - a[i]
            a[i] = t
        return t
    a = np.linspace(0.0, 1.0, 64)
    for f in (ahead, other_order, behind):
        for lo, hi, by in ((0, 32, 31), (20, 40, 20), (0, 32, 32), (0, 33, 32), (5, 30, -5), (5, 30, -6), (30, 40, -64),
                           (0, 0, 99), (3, 3, -99), (0, 20, 2**63 - 10), (10, 20, -2**63), (1, 12, 2**63 - 1),
                           (0, 12, 2**70), (-5, 12, 5), (-5, 12, 6), (0, 64, 0), (0, 65, 0), (8, 20, 8)):
            out(f, a.copy(), lo, hi, by)


def test_short_axes_are_unrolled_until_they_change():
    import hotloop

    def f(a):
        t = 0.0
        for i in range(a.shape[0]):
            for d in range(a.shape[1]):
                t += a[i, d] * d
        return t
    g = hotloop.jit(f)
    three, five = np.arange(6000.0).reshape(2000, 3), np.arange(10000.0).reshape(2000, 5)
    with params(**differ.MODES["sync"]):
        for _ in range(3):
            assert g(three) == f(three)
        (text,) = hotloop.inspect_ir(g)
        assert "kint 3" in text and " loop 1 " not in text, text  # the inner one is none any more
        for _ in range(3):
            assert g(five) == f(five)
        (text,) = hotloop.inspect_ir(g)
        assert " loop 1 " in text, text
        before = native.native_iterations(g)
        assert g(five) == f(five)
        assert native.native_iterations(g) - before > 11_000


@diff
def test_what_happens_now_and_then(jit, out):
    """Between two such iterations several are done at once: any number of them, up to either end."""
    @jit
    def f(a, low, high):
        found, j, last = [0, 0], -1, -2
        for j in range(low, high):
            if a[j] >= 4:
                found[0] = found[0] * 5 + j & 0xFFFFFF
                a[j] -= 4
                a[j + 1] += 1
                last = j
        return found, j, last

    @jit
    def g(a, b, n):
        s = 0
        for j in range(n):
            x = a[j] * 2
            if x == 14:
                s += j
            b[j] = x
        return s, j, x
    for n in range(22):
        for at in range(0, n + 1, 3):
            a = np.zeros(24, np.int64)
            a[at] = 9
            a[n // 2] = 7
            out(f, a.copy(), 0, n)
            out(f, a.copy(), at, n)
    a = np.arange(5000) % 97 % 5
    for _ in range(3):
        out(f, a.copy(), 0, 4999)
        out(g, a % 11, np.zeros(5000, np.int64), 4998)
        out(g, a % 11, np.zeros(5000, np.int64)[::-1], 4097)


@diff
def test_several_iterations_that_leave_in_their_middle(jit, out):
    """By an index, an overflow: what the iterations in front of it stored is there, and nothing of it."""
    @jit
    def f(a, b, low, high):
        s = j = 0
        try:
            for j in range(low, high):
                x = a[j] + 2**62
                if x == 2**62 + 1:
                    s += 1
                b[j] = x - 2**62
        except IndexError:
            s = -s - 1
        return s, j, x

    @jit
    def g(keys, a, n):
        t = 0
        for j in range(n):
            k = keys[j]
            if a[k] == 3:
                t += k
        return t, j
    @jit
    def h(a, s, n):
        for j in range(n):
            if a[j] == 90:
                a[j + 1] -= 1
                a[j] = 1
            a[j] += 1
            s += a[j]
        return s, j
    a = np.arange(3000) % 7
    for s in (0, 2**63 - 8000, 2**63 - 8001, 2**63 - 8002, 2**63 - 8003):
        out(h, a.copy(), s, 2999)
    for low, high in ((0, 3000), (1, 2999), (-9, 2500), (0, 3001), (100, 3003), (-3000, -5), (-3001, 7)):
        for at, odd in ((50, 2**62), (51, 2**62), (102, -2**62), (2997, 2**63 - 1)):
            x = a.copy()
            out(f, x, np.zeros(3000, np.int64), low, high)
            x[at] = odd
            out(f, x, np.zeros(3000, np.int64), low, high)
    for bad in (7, -8, 6, 3):
        keys = np.arange(3000) * 5 % 7
        out(g, keys, a[:7], 3000)
        keys[2001] = bad
        out(g, keys, a[:7], 3000)


@diff
def test_several_iterations_near_the_ends_of_the_integers(jit, out):
    @jit
    def f(a, low, high, base, rounds):
        s = i = 0
        for _ in range(rounds):
            for i in range(low, high):
                if a[i - base] >= 2:
                    a[i - base] -= 1
                    a[i + 1 - base] += 1
                    s += i & 15
        return s, i
    a = np.arange(400) * 7 % 5
    for base in (2**63 - 300, -2**63, 0):
        out(f, a.copy(), base, base + 298, base, 60)
        for low in (0, 1, 2, 3, 120):
            for high in (low, low + 1, low + 3, low + 4, low + 5, 298):
                out(f, a.copy(), base + low, base + high, base, 9)


def test_several_iterations_look_at_their_end_once():
    import hotloop

    @hotloop.jit
    def f(a, n):
        found = 0
        for j in range(n):
            if a[j] >= 4:
                a[j] -= 4
                a[j + 1] += 1
                found += 1
        return found
    a = np.zeros(2001, np.int64)
    with params(**differ.MODES["sync"]):
        for _ in range(4):
            a[:] = 0
            a[:-1:40] = 4
            assert f(a, 2000) == 50
    assert any("ssub.sat" in text for text in hotloop.inspect_llvm(f))


@diff
def test_two_counters_up_to_one_end(jit, out):
    """They begin at different places, one of them in front of the array."""
    @jit
    def f(a, b, p0, q0, n, m):
        s = 0.0
        for r in range(16):
            p = p0
            q = q0
            for i in range(m):
                x = 0.0
                if p < n:
                    x = b[p]
                if q < n:
                    b[q] = x + a[0]
                if x > 0.5:
                    s += x
                p += 1
                q += 1
        return s
    a = np.arange(64) * 0.01 + 0.3
    for p, q in [(6, 7)] * 8 + [(6, -8), (-8, 6), (-8, -8), (6, -70), (0, 0)]:
        whole = np.full(96, 0.75)
        out(f, a, whole[32:], p, q, 64, 44)
        out.note(whole.tolist())
