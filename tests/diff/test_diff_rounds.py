"""Loops around short loops of floats, whose iterations machine code runs side by side.

Machine code that begins at the inner loop does not, so each function is called first with an inner loop too
short to be compiled, and then with outer loops long enough for the interpreter to go on to them."""

import numpy as np

from differ import diff

N = 2300
NUMBERS = (0, 1, 9, 2100, 2101, 2102, 2103, 2104, 2105, 2106, 2107, 2108, 3000)


@diff
def test_number_of_iterations(jit, out):
    """Every rest of a round, inner loops that do not run, and what the names hold behind the loops."""
    @jit
    def f(coeffs, xs, ys):
        y = k = i = x = None
        for i in range(len(xs)):
            x = xs[i]
            y = 0.0
            for k in range(len(coeffs)):
                y = y * x + coeffs[k]
            ys[i] = y
        return y, k, i, x
    for ncoeffs in (2, 3, 1, 16, 0, 40):
        coeffs = np.arange(ncoeffs) * 0.3 - 1.0
        for n in NUMBERS:
            ys = np.full(n, 7.5)
            out(f, coeffs, np.arange(n) * 0.01 - 3.0, ys)
            out.note(ys.tolist())


@diff
def test_result_that_warns_in_the_middle(jit, out):
    """An infinite result is NumPy's to report, at its line, when what came before is stored."""
    @jit
    def f(coeffs, xs, ys):
        for i in range(len(xs)):
            x = xs[i]
            y = 1.0
            for k in range(len(coeffs)):
                y = y * x + coeffs[k]
            ys[i] = y
        return y
    f(np.arange(2) * 0.5, np.arange(50) * 0.001, np.zeros(50))
    coeffs = np.arange(5) * 0.5
    for big in (1e100, 1e308, -1e200, np.inf, np.nan):
        for at in (0, 5, *range(77, 85), N - 1):
            xs = np.arange(N) * 0.001
            xs[at] = big
            ys = np.zeros(N)
            out(f, coeffs, xs, ys)
            out.note(ys.tolist())
    coeffs[4] = np.inf
    out(f, coeffs, xs, ys)
    coeffs[0] = np.nan
    out(f, coeffs, xs, ys)


@diff
def test_written_array_is_read(jit, out):
    @jit
    def f(a, b, c, n, m):
        for i in range(n):
            x = b[i]
            y = 0.25
            for k in range(m):
                y = y * x + a[k]
            c[i] = y
        return y

    @jit
    def in_place(a, b, n, m):
        for i in range(n):
            y = b[i]
            for k in range(m):
                y = y * 0.5 + a[k]
            b[i] = y
        return y
    base = np.arange(2 * N) * 0.001
    f(base[:9], base[20:70], np.zeros(50), 50, 2)
    in_place(base[:9], base[20:70].copy(), 50, 2)
    out(f, base[:9], base[20:20 + N], np.zeros(N), N, 5)
    for start in (0, 1, 4, 5, 9, 13, 19, 20, 21, 28, 100, N):
        work = base.copy()
        out(f, work[:9], work[20:20 + N], work[start:start + N], N, 5)
        out.note(work.tolist())
        work = base.copy()
        out(in_place, work[:9], work[start:start + N], N, 5)
        out.note(work.tolist())


@diff
def test_index_leaves_the_range(jit, out):
    @jit
    def f(a, b, c, n, m):
        y = 0.0
        for i in range(n):
            y = 1.5
            for k in range(m):
                y = y * b[i] + a[k]
            c[i] = y
        return y, i, k
    a, b = np.arange(9) * 0.1, np.arange(3000) * 0.0003
    f(a, b, np.zeros(50), 50, 2)
    for nb, nc, n, m in ((N, N, N, 9), (N, N, N, 10), (N - 5, N, N, 9), (N, N - 9, N, 9), (N, N - 12, N, 9),
                         (2104, 2103, 2105, 4), (N, N, N, 9)):
        c = np.zeros(nc)
        out(f, a, b[:nb], c, n, m)
        out.note(c.tolist())


@diff
def test_strided_and_reversed_arrays(jit, out):
    @jit
    def f(a, b, c):
        for i in range(len(b)):
            y = 0.5
            for k in range(len(a)):
                y = (y - a[k]) * b[i]
            c[i] = y
        return y
    a, b = np.arange(12) * 0.1, np.arange(2 * N) * 0.0001
    f(a[:2], b[:50], np.zeros(50))
    for _ in range(3):
        out(f, a, b[:N], np.zeros(N))
        out(f, a[::-1], b[::2], np.zeros(N))
        out(f, a[::3], b[:N], np.zeros(3 * N)[::3])


@diff
def test_iterations_that_need_each_other(jit, out):
    """Sums over the outer loop, bounds that depend on it, branches: each as it was."""
    @jit
    def sums(a, b):
        total, last, count = 0.0, 0.0, 0
        for i in range(len(b)):
            y = 0.0
            for k in range(len(a)):
                y = y * b[i] + a[k]
            total += y
            last = y - last
            count += 2
        return total, last, count

    @jit
    def rotate(a, b):
        newer = older = oldest = 0.0
        for i in range(len(b)):
            y = 0.0
            for k in range(len(a)):
                y = y * b[i] + a[k]
            oldest = older
            older = newer
            newer = y
        return newer, older, oldest

    @jit
    def triangle(a, c):
        for i in range(len(c)):
            y = 1.0
            for k in range(i % 7):
                y = y * 0.5 + a[k]
            c[i] = y
        return y

    @jit
    def goes_on(a, c):
        y = 1.0
        for i in range(len(c)):
            for k in range(len(a)):
                y = y * 0.5 + a[k]
            c[i] = y
        return y

    @jit
    def branch(a, b, c):
        for i in range(len(c)):
            y = 1.0
            for k in range(len(a)):
                y = y * b[i] + a[k]
                if y > 3.0:
                    y = y - 3.0
            if y > 1.0:
                c[i] = y
        return y

    @jit
    def before(a, b, c):
        for i in range(1, len(c)):
            y = c[i - 1]
            for k in range(len(a)):
                y = y * b[i] + a[k]
            c[i] = y
        return y
    a, b = np.arange(9) * 0.1, np.arange(N) * 0.0003
    sums(a[:2], b[:50])
    rotate(a[:2], b[:50])
    triangle(a, np.zeros(20))
    goes_on(a[:2], np.zeros(50))
    branch(a[:2], b, np.zeros(50))
    before(a[:2], b, np.zeros(50))
    for _ in range(2):
        out(sums, a, b)
        out(rotate, a, b)
        for f in (triangle, goes_on):
            c = np.zeros(N)
            out(f, a, c)
            out.note(c.tolist())
        for f in (branch, before):
            c = np.zeros(N)
            out(f, a, b, c)
            out.note(c.tolist())


@diff
def test_integers_beside_the_floats(jit, out):
    """Overflow of a Python int in the middle of a round; conversions that are not exact."""
    @jit
    def f(a, b, c, step):
        for i in range(len(c)):
            n = i * step
            y = 1.0
            for k in range(len(a)):
                y = y * b[i] + k
            c[i] = y + n
        return y, n
    a, b = np.arange(9) * 0.1, np.arange(N) * 0.0003
    f(a[:2], b, np.zeros(50), 1)
    for step in (1, 3, (1 << 63) // N, (1 << 63) // 2285, -(1 << 63) // 2281):
        c = np.zeros(N)
        out(f, a, b, c, step)
        out.note(c.tolist())


@diff
def test_plain_floats_and_float32(jit, out):
    @jit
    def plain(values, c, m):
        for i in range(len(c)):
            y = values[i]
            for k in range(m):
                y = y * 0.5 + 1.25
            c[i] = y
        return y

    @jit
    def f(a, b, c):
        for i in range(len(c)):
            y = b[i]
            for k in range(len(a)):
                y = y * a[k] + b[i]
            c[i] = y
        return y
    values = [k * 0.25 for k in range(N)]
    for m in (2, 3, 12):
        c = np.zeros(N)
        out(plain, values, c, m)
        out.note(c.tolist())
    a, b = np.arange(9, dtype=np.float32), np.linspace(0, 3, N, dtype=np.float32)
    f(a[:2], b, np.zeros(50, np.float32))
    for scale in (1, 1e3, 1e6):
        c = np.zeros(N, np.float32)
        out(f, a * np.float32(scale), b, c)
        out.note(c.tolist())
