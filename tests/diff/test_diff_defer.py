"""Float results of one iteration that are tested together, in front of all that is stored of them, and items that are
known to be different ones by a guard in front of the loop."""

import numpy as np
import differ
from differ import diff, params

INF, NAN = float("inf"), float("nan")
FILTERS = ("always", "error", "once")


@diff(filters=FILTERS)
def test_each_of_the_results_warns(jit, out):
    """Stores in front of the one that warns have been done, those behind it have not."""
    @jit
    def f(a, b, at, c):
        for i in range(at.size):
            x, y = a[at[i]], b[at[i]]
            p = x + y
            c[i, 0] = p
            c[i, 1] = x - y
            c[i, 2] = x * y
            c[i, 3] = x / y
        return p, x, y
    n = 200
    at = np.arange(n)[::-1].copy()
    for x, y in ((1.0, 2.0), (1e308, 1e308), (1e308, -1e308), (1e200, 1e200), (1.0, 0.0), (0.0, 0.0), (INF, 1.0),
                 (INF, INF), (INF, -INF), (0.0, INF), (NAN, 1.0), (1e308, 0.4), (-1e308, 1e-308), (5e-324, 1e308)):
        for place in (0, 120, n - 1):
            a, b, c = np.full(n, 3.0), np.full(n, 0.5), np.zeros((n, 4))
            a[place], b[place] = x, y
            out(f, a, b, at, c)


@diff(filters=FILTERS)
def test_single_precision_and_pythons_floats(jit, out):
    @jit
    def single(a, b, at, c):
        for i in range(at.size):
            x, y = a[at[i]], b[at[i]]
            c[i] = x * y
            c[i - 1] = x + y * y
        return i

    @jit
    def python(a, b, at, c):
        for i in range(at.size):
            x, y = float(a[at[i]]), b[at[i]]
            c[i] = x * x
            c[i - 1] = x * x + y
        return i
    at = np.arange(150) * 7 % 150
    for special in (1.0, 1e30, 3e38, INF, NAN, 1.0):
        a, b = np.ones(150, np.float32), np.ones(150, np.float32)
        a[90], b[40] = special, -special
        out(single, a, b, at, np.zeros(150, np.float32))
    for special in (1.0, 1e160, 1e308, INF, NAN, 1.0):
        a, b = np.ones(150), np.ones(150)
        a[90], b[40] = special, -special
        out(python, a, b, at, np.zeros(150))


@diff(filters=("always", "error"))
def test_what_leaves_between_the_results(jit, out):
    """A bad index, an integer that does not fit, a division by zero, a number that is none: behind one result that
    warned, in front of another."""
    @jit
    def index(a, at, to, c):
        for i in range(at.size):
            c[i] = a[at[i]] * 1e300
            c[to[i]] = a[at[i]] + 1e308
            c[i - 1] = a[at[i]] * 1e200
        return i

    @jit
    def whole(a, at, k, c):
        for i in range(at.size):
            c[i] = a[at[i]] * 1e300
            n = at[i] * k
            c[i - n] = a[at[i]] + 1e308
            m = int(a[at[i]] * 2.0)
            c[m] = a[at[i]] * 3e306
        return i, n, m

    @jit
    def zero(a, at, c):
        for i in range(at.size):
            c[i] = a[at[i]] * 1e300
            c[i - 1] = a[at[i]] + 1.0 / (i - 80)
        return i
    at = np.arange(100)[::-1].copy()
    for special in (1.0, 1e9, 1e308, INF, NAN):
        a, to = np.ones(100), np.arange(100)
        a[30], to[70] = special, 100
        out(index, a, at, np.arange(100), np.zeros(100))
        out(index, a, at, to, np.zeros(100))
        to[69], to[60] = -101, -1
        out(index, a, at, to, np.zeros(100))
        out(whole, a, at, 0, np.zeros(100))
        out(whole, a, at, 2**62, np.zeros(100))
        out(zero, a, at, np.zeros(100))


@diff(filters=("always", "error"))
def test_a_store_in_front_of_the_first_result(jit, out):
    """It is not done twice when the results' test fails."""
    @jit
    def f(a, at, count, c):
        for i in range(at.size):
            count[at[i] & 7] += 1
            c[i, 0] = a[i] * 1e300
            c[i, 1] = a[i] + 1e308
        return i
    at = np.arange(100)[::-1].copy()
    for special in (1.0, 1e9, 1e308, INF, NAN):
        a = np.ones(100)
        a[30] = a[60] = special
        out(f, a, at, np.zeros(8, np.int64), np.zeros((100, 2)))


@diff(filters=FILTERS)
def test_infinities_that_do_not_warn(jit, out):
    """They fail the test although nothing is wrong with them: the region does without it."""
    @jit
    def f(a, b, at, c):
        t = 0
        for i in range(at.size):
            x, y = a[at[i]], b[at[i]]
            c[i, 0] = x + y
            c[i, 1] = x - y
            t += 1
        return t
    at = np.arange(300)[::-1].copy()
    for step in (300, 150, 20, 3, 1):
        a, b, c = np.ones(300), np.ones(300), np.zeros((300, 2))
        a[::step] = INF
        out(f, a, b, at, c)
        b[::step] = NAN
        out(f, a, b, at, c)
        a[7] = 1e308
        b[7] = 1e308
        out(f, a, b, at, c)


@diff(filters=("always", "error"))
def test_branches_between_the_results(jit, out):
    @jit
    def f(a, at, c):
        least = 0
        for i in range(at.size):
            x = a[at[i]]
            c[i, 0] = x * 2.0
            c[i, 1] = x - 1e308
            if x > 5.0:
                c[i, 2] = x * x
                least += i
                c[i, 3] = x * 1e200
            c[i, 4] = x * 3.0
            c[i, 5] = x + 1e308
        return least
    at = np.arange(200) * 3 % 200
    for special in (1.0, 6.0, 1e120, 1e200, 1e308, -1e308, INF, NAN):
        a, c = np.arange(200.0) % 7, np.zeros((200, 6))
        a[50] = special
        out(f, a, at, c)
        out(f, a[::-1], at, c)


# --- items that must be different ones ------------------------------------------------------------

@diff(filters=("always", "error"))
def test_rows_that_may_be_the_same(jit, out):
    @jit
    def pull(place, speed, mass, first):
        n = len(mass)
        for i in range(n):
            for j in range(i + first, n):
                dx = place[i, 0] - place[j, 0]
                dy = place[i, 1] - place[j, 1]
                speed[i, 0] -= dx * mass[j]
                speed[i, 1] -= dy * mass[j]
                speed[j, 0] += dx * mass[i]
                speed[j, 1] += dy * mass[i]
        return i
    n = 14
    base = np.arange(4.0 * n) * 1.37 % 5
    for special in (1.0, 1e308, NAN):
        for first in (1, 0, 1, -1):
            place, speed, mass = base[:2 * n].reshape(n, 2).copy(), np.zeros((n, 2)), np.linspace(1.0, 2.0, n)
            place[9, 1] = special
            out(pull, place, speed, mass, first)
            out(pull, place, speed[::-1], mass, first)
            out(pull, place, place, mass, first)
            out(pull, place, speed[:1].repeat(n, 0), mass, first)
            out(pull, speed, np.lib.stride_tricks.as_strided(base.copy(), (n, 2), (8, 8)), mass, first)
            out(pull, speed, np.lib.stride_tricks.as_strided(base.copy(), (n, 2), (0, 8)), mass, first)


@diff(filters=("always", "error"))
def test_what_is_stored_is_what_is_read(jit, out):
    """One buffer for all: the masses are in the row that is stored, or in those that come."""
    @jit
    def f(rows, weight, n):
        for j in range(1, n):
            rows[0, 0] += rows[j, 0] * weight[j]
            rows[0, 1] += rows[j, 1] * weight[j]
            rows[j, 0] -= rows[0, 0] * weight[0]
            rows[j, 1] -= rows[0, 1] * weight[0]
        return n
    for start in (60, 20, 39, 60, 0, 1, 2, 60):
        buffer = np.linspace(0.5, 1.5, 120)
        rows = buffer[:40].reshape(20, 2)
        out(f, rows, buffer[start:], 20)
        out(f, rows, buffer[start:start + 20][::-1], 20)
        out(f, rows[::-1], buffer[start:], 20)
        out(f, rows, buffer[start:], 1)
        out(f, rows, buffer[start:], 0)
        out(f, rows, buffer[start:start + 10], 20)


@diff
def test_first_different_ones_then_the_same(jit, out):
    @jit
    def rows(a, i, lo, hi):
        for j in range(lo, hi):
            y = a[i, 1]
            a[i, 0] = a[j, 0] * 0.5 + 1.0
            a[j, 1] = a[j, 0] - y
        return y

    @jit
    def arrays(a, b, c, at):
        for j in range(at.size):
            a[at[j]] = b[j] * 0.5
            c[j] = b[j + 1] - 1.0
        return j
    a, at = np.linspace(0.0, 1.0, 140).reshape(70, 2), np.arange(3, 43)
    for i in (0, 0, 0, 0, 64, 62, 30, 5, 0):
        out(rows, a, i, 5, 65)
    for start in (60, 60, 60, 60, 2, 0, 39, 60):
        buffer = np.linspace(0.0, 1.0, 140)
        out(arrays, buffer[:60], buffer[start:start + 60], np.zeros(60), at)


@diff
def test_neighbours_and_equal_items(jit, out):
    @jit
    def f(a, b, n):
        for i in range(1, n):
            a[i] = b[i] + a[i - 1]
            a[i + 1] = a[i] - b[i - 1]
            a[i - 1] = a[i + 1] * 0.5 + a[i]
        return a[n - 1]
    for n in (2, 3, 60):
        a, b = np.arange(80.0), np.linspace(0.0, 1.0, 80)
        out(f, a, b, n)
        out(f, a, a, n)
        out(f, a[1:], a[:-1], n)
        out(f, a[::-1], a, n)


def test_one_test_for_all_and_no_index_check():
    import hotloop

    def f(x, half, turn):
        w = 1.0 + 0.0j
        for k in range(half):
            even = x[k]
            odd = w * x[k + half]
            x[k] = even + odd
            x[k + half] = even - odd
            w *= turn
    with params(**differ.MODES["sync"]):
        f = hotloop.jit(f)
        for _ in range(3):
            f(np.ones(512, complex), 256, 0.6 + 0.8j)
        (text,) = hotloop.inspect_ir(f)
    assert "array_store" in text and "guard_fp" not in text and "= index " not in text, text
