"""Loops whose branches on data store: only what the program stores may be written, in strips too."""

import ctypes
import mmap

import numpy as np

from differ import diff

INF, NAN = float("inf"), float("nan")


@diff(filters=("always", "error"))
def test_shorter_ways(jit, out):
    @jit
    def f(dist):
        n = dist.shape[0]
        for k in range(n):
            for i in range(n):
                for j in range(n):
                    through = dist[i, k] + dist[k, j]
                    if through < dist[i, j]:
                        dist[i, j] = through
        return through
    rng = np.random.default_rng(3)
    for n in (3, 9, 40):
        dist = rng.uniform(1.0, 100.0, (n, n))
        out(f, dist.copy())
        dist[rng.random((n, n)) < 0.8] = INF
        np.fill_diagonal(dist, 0.0)
        out(f, dist.copy())
        np.fill_diagonal(dist, -0.25)  # the item that a row's iterations read changes in the middle of it
        out(f, dist)
        dist[n // 2, n // 2] = NAN
        out(f, dist.copy())
        out(f, dist.T.copy().T)
        dist[:] = -INF
        dist[n // 2, n - 2] = INF  # invalid: warns
        out(f, dist)
    out(f, np.full((20, 20), 1.7e308))
    out(f, np.full((20, 20), -1.7e308))  # overflow: warns


@diff(filters=("always", "error"))
def test_infinities_that_overflow_makes(jit, out):
    """The sum is infinite because the product is; only the product warns."""
    @jit
    def f(a, b, c, n):
        for i in range(n):
            t = a[i] * a[i] + b[i]
            if t > c[i]:
                c[i] = t
        return t
    a = np.arange(600.0)
    b, c = np.full(600, INF), np.full(600, 1000.0)
    b[7::3] = 1.0
    for _ in range(3):
        out(f, a, b, c.copy(), 600)
    a[333] = 1e200
    out(f, a, b, c, 600)

@diff
def test_the_item_that_stays_is_written(jit, out):
    @jit
    def f(a, b, k, n):
        for j in range(n):
            t = a[k] + b[j]
            if t < a[j]:
                a[j] = t
        return t

    @jit
    def down(a, b, k, n):
        for j in range(n - 1, -1, -1):
            t = a[k] + b[j]
            if t < a[j]:
                a[j] = t
        return t
    for k in (0, 1, 7, 8, 9, 63, 64, 100, 599, 600, -1):
        a = np.arange(601.0) % 7 + 3
        b = np.arange(601.0) % 5 - 2
        for _ in range(3):
            out(f, a, b, k, 601)
            out(down, a, b, k, 601)


@diff
def test_both_arms_store(jit, out):
    @jit
    def f(a, low, high, n):
        for i in range(n):
            x = a[i]
            if x < 0.5:
                low[i] = x
            else:
                high[i] = x

    @jit
    def nested(a, low, high, n):
        for i in range(n):
            x = a[i]
            if x < 0.5:
                if x > 0.25:
                    low[i] = x
            else:
                high[i] = x

    @jit
    def known(a, low, high, n):
        for i in range(n):
            x = a[i] + (low[i] - high[i])  # all indices are known to be in range behind it
            if x < 0.5:
                low[i] = x
            else:
                high[i] = x
            last = x  # so that the arms join
        return last

    @jit
    def counted(a, kept, n):
        hits = 0
        for i in range(n):
            if a[i] > 0.5:
                kept[i] = a[i]
                hits += 1
        return hits
    a = np.random.default_rng(1).random(700)
    a[::50] = NAN
    for _ in range(2):
        low, high = np.zeros(700), np.zeros(700)
        for g in f, nested, known:
            out(g, a, low, high, 700)
            out(g, a, low, high[::-1], 700)
            out(g, a, a[:], a[:], 700)
            out(g, a, low, low[1:], 699)  # each writes what the other has
            out(g, a, a[1:], high, 699)
        out(counted, a, low, 700)
        out(counted, a, low, 701)  # an index out of range in the middle
        low.flags.writeable = False
        out(f, a, low, high, 700)
        out(counted, np.zeros(700), low, 700)  # never stores
        out(counted, a, low, 700)


@diff
def test_an_arm_leaves_behind_its_store(jit, out):
    """The store is the interpreter's when machine code leaves at the branch, and only then."""
    @jit
    def f(a, total, by, n):
        for i in range(n):
            x = a[i]
            if x & 1:
                a[i] = x - 1
                total += by
        return total

    @jit
    def both(a, low, high, n):
        for i in range(n):
            x = a[i] + (low[i] - high[i])
            if x < 0.5:
                low[i] = x
                high[i] = -x
            last = x
        return last
    for by in (1, 2**53, 2**62, -2**62):
        for _ in range(2):
            out(f, np.arange(700), 5, by, 700)
    for start in (2**63 - 30, 2**63 - 2, -2**63):
        out(f, np.arange(700), start, 1, 700)
        out(f, np.arange(700), start, -1, 700)
    a, low, high = np.random.default_rng(2).random(700), np.zeros(700), np.zeros(700)
    for _ in range(3):
        out(both, a, low, high, 700)
    high.flags.writeable = False
    out(both, a + 1.0, np.zeros(700), high, 700)
    out(both, a, np.zeros(700), high, 700)


@diff(filters=("always", "error"))
def test_integers_that_overflow(jit, out):
    @jit
    def f(a, b, best, n):
        for i in range(n):
            t = a[i] + b[i]
            if t > best[i]:
                best[i] = t
        return t
    for dtype in (np.int64, np.int32, np.uint8):
        a = (np.arange(600) % 90).astype(dtype)
        best = np.full(600, 60, dtype)
        for _ in range(3):
            out(f, a, a, best, 600)
        a[333] = np.iinfo(dtype).max
        out(f, a, a, best, 600)
        out(f, a, best, a[1:], 599)


@diff
def test_no_store_is_invented(jit, out):
    """The second page cannot be written: whoever stores there what is there already dies."""
    @jit
    def f(a, limit, n):
        for i in range(n):
            x = a[i]
            if x > limit:
                a[i] = x * 0.5
    pages = mmap.mmap(-1, 2 * mmap.PAGESIZE)
    a = np.frombuffer(pages, np.float64)
    half = len(a) // 2
    a[:half] = np.arange(half)
    a[half:] = -1.0
    where = a.ctypes.data + mmap.PAGESIZE
    protect = ctypes.CDLL(None).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    if protect(where, mmap.PAGESIZE, mmap.PROT_READ):
        raise OSError("mprotect")
    try:
        for limit in (100.0, 70.0, 60.0, 0.0):
            out(f, a, limit, len(a))
    finally:
        protect(where, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE)


@diff(filters=("always", "error"))
def test_branches_on_what_counts(jit, out):
    """Each way is taken for a while: strips may go along with one of them."""
    @jit
    def best_loads(weights, values, best):
        for i in range(1, len(weights) + 1):
            weight = weights[i - 1]
            for c in range(best.shape[1]):
                best[i, c] = best[i - 1, c]
                if weight <= c:
                    load = best[i - 1, c - weight] + values[i - 1]
                    if load > best[i, c]:
                        best[i, c] = load
        return weight, c

    @jit
    def shifted(a, b, low, high, n):
        for i in range(n):
            b[i] = a[i]
            if i >= low:
                x = a[i - low]
                if i < high:
                    b[i] = x + a[i]
        return i, b[0]

    @jit
    def down(a, b, low, n):
        t = 0
        for i in range(n - 1, -1, -1):
            if not i < low:
                b[i] = a[i - low] * 2
                t += i
        return i, t
    weights = np.array([3, 1, 40, 333, 555, 599, 600, 601, 900, 3, 7])
    values = np.array([5, 2, 9, 8, 2, 77, 5, 1, 9, 1, 44])
    best = np.zeros((12, 601), np.int64)
    for _ in range(3):
        out(best_loads, weights, values, best)
    out(best_loads, weights, values, np.zeros((12, 601), np.int32))
    base = np.zeros(700, np.int64)
    for step in (0, 8, 64):  # rows that lie on each other
        out(best_loads, weights, values, np.lib.stride_tricks.as_strided(base, (12, 601), (step, 8)))
    weights[4] = -1  # its last index is out of range
    out(best_loads, weights, values, best)
    weights[4] = -(2 ** 63)  # c - weight overflows
    out(best_loads, weights, values, best)
    weights[4] = 3
    best[0, 400:] = 2 ** 63 - 4  # so does the load
    out(best_loads, weights, values, best)
    a, b = np.arange(700.0), np.zeros(700)
    for low in (0, 1, 8, 250, 699, 700, -1, 2 ** 63 - 1, -(2 ** 63), 2 ** 70):
        for high in (0, 9, 300, 698, 700, 2 ** 70):
            out(shifted, a, b, low, high, 700)
        out(down, a, b, low, 700)
        out(shifted, a, a, low, 650, 700)
        out(shifted, a, a[1:], low, 650, 699)
    out(shifted, a, b, 5, 650, 701)


@diff(filters=("always", "error"))
def test_sums_and_differences_in_vectors(jit, out):
    @jit
    def add(a, b, c, n):
        for i in range(n):
            c[i] = a[i] + b[i]
        return i

    @jit
    def subtract(a, b, c, n):
        for i in range(n):
            c[i] = a[i] - b[i]
        return i
    low, high = -(2 ** 63), 2 ** 63 - 1
    a, b, c = np.full(300, low), np.zeros(300, np.int64), np.zeros(300, np.int64)
    for x, y in ((0, 0), (1, 2), (high, 0), (high, 1), (low, 0), (low, 1), (low, -1), (0, low), (-1, low),
                 (high, low), (low, low), (low, high), (high, high), (-1, high), (-2, high)):
        a[:], b[:] = 4, 3
        a[250], b[250] = x, y
        for f in add, subtract:
            out(f, a, b, c, 300)


@diff
def test_two_phases(jit, out):
    """A counter that passes a bound in the middle of the loop: from above and below, once and again, at the first
    and the last iteration, with what can fail in each of the phases."""
    @jit
    def up(a, b, bound, k):
        t = 0
        for i in range(len(a)):
            if i < bound:
                a[i] = b[i] + k
                t += 1
            else:
                a[i] = b[i - bound] * k
                t += b[i]
        return t, i

    @jit
    def down(a, b, bound, k):
        t = 0.0
        for i in range(len(a) - 1, -1, -1):
            if bound <= i + 1:
                t += b[i] * 0.5
            else:
                a[i] = int(t) // k
                t -= k
        return t, i

    @jit
    def again(a, b, bound, k):
        """The counter goes back."""
        t = c = 0
        for i in range(len(a)):
            c += 1
            if c > bound:
                a[i] = b[c] + t
                c = c - k if b[i] & 1 else c
            else:
                t += b[i]
        return t, c

    @jit
    def nest(a, b, bound, k):
        t = 0
        for j in range(6):
            for i in range(len(a)):
                if i >= bound + j:
                    a[i] += b[j] * k
                else:
                    t += a[i]
            t ^= i
        return t
    for dtype in (np.int64, np.int32, np.float64):
        for n in (5, 64, 700):
            for bound in (0, 1, n // 2, n - 1, n, n + 5, -3):
                b = (np.arange(n) * 7 % 31).astype(dtype)
                for f in (up, down, nest) if dtype == np.float64 else (up, down, again, nest):
                    out(f, np.zeros(n, dtype), b, bound, 2)
    for f in (up, down, again, nest):  # items past the end, overflows, division by zero
        out(f, np.zeros(300, np.int64), np.arange(200), 100, 3)
        out(f, np.full(300, 2**62), np.full(300, 2**62), 150, 2)
        out(f, np.zeros(300, np.int64), np.arange(300), 150, 0)
        out(f, list(range(300)), list(range(300)), 150, 2**40)


@diff
def test_either_arm_ends_the_iteration(jit, out):
    """Both arms poll; one POLL is left. Either overflows in turn."""
    @jit
    def count(a, limit, small, large):
        for x in a:
            if x < limit:
                small += 3
            else:
                large -= 2
        return small, large, x

    @jit
    def sums(a, limit):
        below, above, last = 0.0, 1.0, -1
        for i in range(len(a)):
            if a[i] < limit:
                below = below * 0.5 + i
                last = i
            else:
                above = above - below
        return below, above, last

    @jit
    def marks(a, c, k):
        for x in a:
            if x > k:
                c[x] = k
            else:
                c[x] = -1
                k += 1
        return k
    for seed in range(4):
        a = np.random.default_rng(seed).integers(0, 1000, 700)
        out(count, a, 500, 0, 0)
        out(count, a, 20, 2**63 - 30, 0)
        out(count, a, 900, 0, 60 - 2**63)
        out(count, a.tolist(), 500, 0, 0)
        out(sums, a, 500)
        out(sums, a * 0.25, 30.0)
        out(marks, a, np.zeros(1000, np.int64), 300)
        with_end = a.copy()
        with_end[611] = 1000
        out(marks, with_end, np.zeros(1000, np.int64), 300)


@diff
def test_halving(jit, out):
    """The bounds are moved without a branch, as nobody can guess it."""
    @jit
    def search(values, queries):
        found = last = 0
        for query in queries:
            low, high = 0, len(values)
            while low < high:
                middle = (low + high) // 2
                if values[middle] < query:
                    low = middle + 1
                else:
                    high = middle
            last += low
            if low < len(values) and values[low] == query:
                found += 1
        return found, last, low, high
    rng = np.random.default_rng(11)
    for n in (0, 1, 2, 100, 1000):
        values = np.sort(rng.integers(0, 2000, n))
        out(search, values, rng.integers(-5, 2005, 300))
        out(search, values.astype(np.float64), rng.random(300) * 2000)
    out(search, rng.random(500), rng.random(300))  # not sorted
