"""Loops that read what they stored one iteration before: in machine code the value stays in a register."""

import numpy as np

from differ import diff

DTYPES = (np.float64, np.int64, np.uint64, np.complex128, np.float32, np.int32, np.complex64)


@diff
def test_each_item_from_the_one_before(jit, out):
    @jit
    def up(a, b, n):
        for i in range(1, n):
            a[i] = a[i - 1] + b[i]

    @jit
    def down(a, b, n):
        for i in range(n - 2, -1, -1):
            a[i] = a[i + 1] + b[i]

    @jit
    def ahead(a, b, n):
        for i in range(n - 1):
            a[i + 1] = a[i] + b[i]

    @jit
    def second(a, b, n):
        for i in range(2, n, 2):
            a[i] = a[i - 2] + a[i - 1] + b[i]
    for dtype in DTYPES:
        for f in (up, down, ahead, second):
            for step in (1, 2, -1):
                a, b = np.arange(400).astype(dtype)[::step], np.ones(400, dtype)[::step]
                out(f, a, b, a.size)
                out(f, a, b, a.size)


@diff
def test_the_first_reads_the_last(jit, out):
    @jit
    def f(a, n):
        for i in range(n):
            a[i] = a[i - 1] * 0.5 + 1.0
    for n in (1, 2, 300, 300):
        out(f, np.arange(float(n)), n)
    out(f, np.arange(300.0), 301)
    out(f, np.arange(0.0), 1)


@diff
def test_special_values_on_the_way(jit, out):
    @jit
    def f(a, b):
        for i in range(1, a.size):
            a[i] = a[i - 1] * b[i]
    for special in (float("nan"), float("inf"), -0.0, 1e308, 5e-324):
        a, b = np.ones(300), np.ones(300)
        b[150] = b[151] = special
        out(f, a, b)
        out(f, a, b)


@diff
def test_items_change_between_two_loops(jit, out):
    """What the inner loop stored last is not what is there when it begins again."""
    @jit
    def f(a, b):
        for s in range(0, a.size - 8, 8):
            a[s] = 0.25
            for i in range(s + 1, s + 9):
                a[i] = a[i - 1] + b[i]

    @jit
    def other(a, b):
        for s in range(0, a.size - 8, 8):
            b[s] = 0.25
            for i in range(s + 1, s + 9):
                a[i] = a[i - 1] * 2.0 + 1.0
    x = np.arange(809.0)
    out(f, np.arange(809.0), np.ones(809))
    out(f, x, x)
    out(other, np.arange(809.0), np.ones(809))
    out(other, np.ones(809), np.ones(809))
    out(other, x, x)


@diff
def test_views_that_overlap(jit, out):
    @jit
    def two(a, b, n):
        for i in range(1, n):
            b[i] = 3.0
            a[i] = a[i - 1] + 1.0

    @jit
    def behind(a, b, n):
        for i in range(1, n):
            a[i] = a[i - 1] + 1.0
            b[i] = 3.0

    @jit
    def between(a, b, n):
        for i in range(1, n):
            b[i] = 3.0
            x = a[i - 1] + 1.0
            a[i] = x
    for f in (two, behind, between):
        for shift in (-2, -1, 0, 1, 2):
            x = np.arange(500.0)
            out(f, x[10:400], x[10 + shift:400 + shift], 380)
            out(f, x[10:400], x[10 + shift:400 + shift], 380)
    one = np.ones(1)
    same = np.lib.stride_tricks.as_strided(one, (300,), (0,))
    for f in (two, behind, between):
        out(f, same, same, 300)


@diff
def test_rows_of_a_matrix(jit, out):
    @jit
    def sweep(u, rounds):
        change = 0.0
        for _ in range(rounds):
            change = 0.0
            for i in range(1, u.shape[0] - 1):
                for j in range(1, u.shape[1] - 1):
                    value = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1])
                    difference = abs(value - u[i, j])
                    if difference > change:
                        change = difference
                    u[i, j] = value
        return change

    @jit
    def diagonal(u, n):
        for i in range(1, n):
            u[i, i] = u[i - 1, i - 1] + 1.0

    @jit
    def beside(u, n):
        """In another row each time: what was stored is not what is read."""
        for i in range(1, n):
            u[i, i] = u[i, i - 1] + 1.0
    for shape in ((12, 14), (3, 3), (2, 9)):
        u = np.zeros(shape)
        u[0] = 100.0
        out(sweep, u, 9)
        out(sweep, np.asfortranarray(u), 9)
        out(sweep, u[::-1, ::-1], 9)
    out(diagonal, np.ones((300, 300)), 300)
    out(beside, np.ones((300, 300)), 300)


@diff
def test_leaving_in_the_middle(jit, out):
    @jit
    def f(a, at, n):
        for i in range(1, n):
            a[i] = a[i - 1] + at[i]

    @jit
    def big(a, k, n):
        for i in range(1, n):
            a[i] = a[i - 1] * k
    out(f, np.ones(400), np.ones(400, np.int64), 400)
    out(f, np.ones(400), np.ones(300, np.int64), 400)
    out(f, np.ones(300), np.ones(400, np.int64), 400)
    readonly = np.ones(400)
    readonly.flags.writeable = False
    out(f, readonly, np.ones(400, np.int64), 400)
    out(big, np.ones(400, np.int64), 3, 400)
    out(big, np.ones(400), 1e200, 400)


@diff
def test_a_first_iteration_of_other_types(jit, out):
    """The variable is a Python number at first: that path joins the loop in its middle."""
    @jit
    def largest(a, b, n):
        most = 0.0
        for i in range(n):
            x = a[i] * b[i]
            if x > most:
                most = x
            a[i] = x
        return most

    @jit
    def total(a, k, n):
        s = 0
        for r in range(3):
            for i in range(n):
                s = s + k[i]
                a[i] = s
        return s
    for n in (1, 2, 300, 300, 302):
        out(largest, np.arange(300.0), np.full(300, 2.0), n)
        out(largest, np.full(300, 1e200), np.full(300, 1e200), n)
        out(total, np.zeros(300), np.arange(300), n)
        out(total, np.zeros(300), np.full(300, 1 << 55), n)
    out(largest, np.zeros(300), np.zeros(1), 300)
    out(total, np.zeros(1), np.arange(300), 300)


@diff
def test_short_items_from_the_one_before(jit, out):
    """What is kept is what memory has."""
    @jit
    def f(a, b, n):
        for i in range(1, n):
            a[i] = a[i - 1] * b[i] + b[i - 1]
        return a[n - 1]

    @jit
    def g(a, n):
        for i in range(1, n):
            a[i] = not a[i - 1]
        return i
    for dtype in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.float32):
        for first in (0, 1, 100):
            a, b = np.zeros(700, dtype), np.zeros(700, dtype)
            b[::2] = 1
            a[0] = first
            out(f, a, b, 700)
            out(f, a[::-1], b, 650)
    b = np.full(700, 0.75, np.float32)
    for first in (1e38, 3e-45, np.inf, -1.25):
        a = np.zeros(700, np.float32)
        a[0] = first
        out(f, a, b, 700)
    for step in (1, -1, 3):
        out(g, np.zeros(2100, bool)[::step], 700)


@diff
def test_the_least_of_three_of_which_one_waits(jit, out):
    rows = [np.arange(900).reshape(3, 300) * k % m - c for k, m, c in ((7, 11, 3), (5, 23, 40), (77, 13, 2**31 - 300))]
    for dtype in (np.int64, np.int32):
        for order in range(6):
            first, second, third = (("a[i - 1] + 1", "b[i]", "c[i] + k"), ("a[i - 1] + 1", "c[i] + k", "b[i]"),
                                    ("b[i]", "a[i - 1] + 1", "c[i] + k"), ("c[i] + k", "a[i - 1] + 1", "b[i]"),
                                    ("b[i]", "c[i] + k", "a[i - 1] + 1"), ("c[i]", "b[i - 1]", "a[i - 1] - k"))[order]
            names = {}
            exec(f"""def least(a, b, c, k):
                for i in range(1, len(a)):
                    a[i] = min({first}, {second}, {third})
                return a[i]
def greatest(a, b, c, k):
                for i in range(1, len(a)):
                    x = {second}
                    y = {first}
                    if y >= x:
                        x = y
                    y = {third}
                    a[i] = x if x > y else y
                return a[i], x, y
def both(a, b, c, k):
                for i in range(1, len(a)):
                    a[i] = max(min({first}, {second}), {third})
                return a[i]""", names)
            for name in ("least", "greatest", "both"):
                f = jit(names[name])
                for a in rows:
                    out(f, *a.astype(dtype), dtype(1))


@diff(filters=("always", "error"))
def test_sums_of_32_bits_at_their_limits(jit, out):
    @jit
    def f(a, b, n):
        s = 0
        for i in range(n):
            x = a[i] + b[i]
            y = a[i] - b[i]
            z = x + 1 if i & 1 else 3 - y
            if z > 5:
                s += int(z)
        return s, x, y, z
    low, high = -2**31, 2**31 - 1
    for special, by in ((high, 0), (high, 1), (high - 1, 1), (low, 0), (low, -1), (low, 1), (low + 4, 1), (high, -1),
                        (-1, low), (0, low), (high, high), (low, low)):
        for at in (150, 151):
            a, b = np.arange(300, dtype=np.int32) % 19, np.arange(300, dtype=np.int32) % 5
            out(f, a, b, 300)
            a[at], b[at] = special, by
            out(f, a, b, 300)


@diff
def test_sums_of_more_than_32_bits_into_items_of_32(jit, out):
    @jit
    def f(a, low, high):
        for i in range(low, high):
            if i - low & 31 == 30:
                a[i - low] = i + 1
                a[a[i - low] & 7] += 1
        return i
    for low in (5, 2**31 - 150, -2**31 - 1, -2**31, 2**32, 2**32 - 3, -2**32 - 8, 2**40):
        a = np.zeros(300, np.int32)
        out(f, a, 5, 300)
        out(f, a, low, low + 290)
        out(a.tolist)


@diff
def test_indexes_that_wrap_round_on_the_way(jit, out):
    """One iteration's item is the last of all, the next one's the first: addresses are looked at."""
    @jit
    def up(a, b, low, high):
        for i in range(low, high):
            a[i] = a[i - 1] + b[i]
        return i

    @jit
    def stepped(a, low, high):
        i = low
        while i < high:
            a[i + 2] = a[i - 1] + 1
            i += 3
        return i

    @jit
    def turned(a, low, high):
        for i in range(low, high):
            a[-i] = a[-i + 1] * 3 & 0xFFFF
        return i
    for dtype in (np.int64, np.int32):
        for low, high in ((-200, 250), (-299, 299), (1, 300), (-5, 299), (0, 120), (-300, -1), (-301, 4), (0, 301)):
            a, b = np.arange(300).astype(dtype) % 7, np.arange(300).astype(dtype) % 5
            out(up, a, b, low, high)
            out(stepped, a.copy(), low, high - 3)
            out(turned, a.copy(), low, high)
