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


# -- Sums in an item, along columns --------------------------------------------------------------
# The second loop of three: eight columns side by side, which are vectors. Called often enough for the loop around.

def fill(shape, seed, dtype=np.float64):
    return (np.random.default_rng(seed).random(shape) - 0.25).astype(dtype)


@diff(filters=("always", "error"))
def test_products_of_matrices(jit, out):
    @jit
    def in_item(a, b, c):
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                for k in range(a.shape[1]):
                    c[i, j] += a[i, k] * b[k, j]
        return i, j, k

    @jit
    def from_zero(a, b, c):
        i = j = k = -1
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                c[i, j] = 0.1
                for k in range(a.shape[1]):
                    c[i, j] = c[i, j] + a[i, k] * b[k, j]
        return i, j, k

    @jit
    def in_local(a, b, c):
        s = None
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                s = 0.0
                for k in range(a.shape[1]):
                    s += a[i, k] * b[k, j]
                c[i, j] = s
        return s

    @jit
    def by_rows(a, b, c):
        for i in range(a.shape[0]):
            for j in range(b.shape[0]):
                c[i, j] -= 0.5
                for k in range(a.shape[1]):
                    c[i, j] -= a[i, k] * b[j, k]
                c[i, j] *= 2.0

    def call(f, a, b, c):
        out(f, a, b, c)
        out.note(c.tobytes())
    for dtype in (np.float64, np.float32):
        for f in (in_item, from_zero, in_local, by_rows):
            for seed in range(3):
                call(f, fill((21, 9), seed, dtype), fill((9, 9), 7, dtype), np.zeros((21, 9), dtype))
            for n, m in ((1, 1), (7, 3), (8, 8), (12, 17), (16, 40), (3, 100)):
                a, b = fill((n, m), n, dtype), fill((m, m), m, dtype)
                call(f, a, b, np.ones((n, m), dtype))
                call(f, a, b.T, np.ones((n, m), dtype))
                call(f, a[::-1], b[:, ::-1], np.ones((n, m), dtype))
                call(f, np.asfortranarray(a), np.asfortranarray(b), np.ones((n, m), dtype)[::-1])
                call(f, a, b, np.ones((n, 2 * m), dtype)[:, ::2])
            square = fill((19, 19), 5, dtype)
            call(f, square, square, np.zeros((19, 19), dtype))
            work = square.copy()
            call(f, square, work, work)
            call(f, work, square, work)
            long = fill(600, 6, dtype)
            call(f, long[:361].reshape(19, 19), long[30:391].reshape(19, 19), long[200:561].reshape(19, 19))
    call(in_item, fill((9, 9), 1, np.float32), fill((9, 9), 2), np.zeros((9, 9)))
    call(in_item, fill((9, 9), 1), fill((9, 9), 2), np.zeros((9, 9), np.float32))
    call(from_zero, fill((9, 9), 1), fill((9, 9), 2, np.float32), np.zeros((9, 9), np.float32))


@diff(filters=("always", "error"))
def test_products_that_warn(jit, out):
    """The item that overflows, in its column; what is before it is stored."""
    @jit
    def product(a, b, c):
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                c[i, j] = 0.0
                for k in range(a.shape[1]):
                    c[i, j] += a[i, k] * b[k, j]
    for dtype, big in ((np.float64, 1e200), (np.float32, 1e30)):
        for _ in range(3):
            out(product, fill((12, 20), 1, dtype), fill((20, 20), 2, dtype), np.zeros((12, 20), dtype))
        for value in (big, -big, np.inf, np.nan):
            for i, k, j in ((0, 0, 0), (3, 7, 12), (11, 19, 19), (5, 10, 16)):
                a, b, c = fill((12, 20), 1, dtype), fill((20, 20), 2, dtype), np.zeros((12, 20), dtype)
                a[i, k] = value
                b[k, j] = value
                out(product, a, b, c)
                out.note(c.tobytes())


@diff(filters=("always", "error"))
def test_sums_of_columns(jit, out):
    @jit
    def sums(a, c):
        for j in range(a.shape[1]):
            s = c[j]
            for i in range(a.shape[0]):
                s += a[i, j] * a[i, j]
            c[j] = s
        return s

    @jit
    def planes(a, c):
        for i in range(c.shape[0]):
            for j in range(c.shape[1]):
                for k in range(a.shape[1]):
                    c[i, j] += a[i, k, j]
    for dtype in (np.float64, np.float32):
        for shape in ((9, 9), (30, 40), (2, 64), (40, 13), (5, 7)):
            a = fill(shape, 3, dtype)
            for view in (a, a[:, ::-1], a[::-1], a[::2], np.asfortranarray(a)):
                c = np.zeros(shape[1], dtype)
                out(sums, view, c)
                out(sums, view, c)
                out.note(c.tobytes())
        for shape in ((6, 5, 9), (4, 30, 20), (7, 2, 17)):
            a, c = fill(shape, 4, dtype), np.zeros((shape[0], shape[2]), dtype)
            for view in (a, a[:, ::-1], a[:, :, ::-1]):
                out(planes, view, c)
            out.note(c.tobytes())
        a = fill((30, 30), 5, dtype)
        out(sums, a, a[4])  # a row that is summed up
        out.note(a.tobytes())


@diff
def test_items_that_are_read_or_written_elsewhere(jit, out):
    """In front of the inner loop, in it, behind it: seen as they are at that time."""
    @jit
    def before(a, b, c, seen):
        for i in range(len(c)):
            for j in range(len(b)):
                seen[i, j] = c[i, j]
                c[i, j] = 2.5
                for k in range(a.shape[1]):
                    c[i, j] += a[i, k] * b[k]

    @jit
    def twice(a, b, c):
        for i in range(len(c)):
            for j in range(len(b)):
                for k in range(a.shape[1]):
                    c[i, j] = c[i, j] * 0.5 + a[i, k]
                    c[i, j] += b[k]

    @jit
    def behind(a, b, c, seen):
        for i in range(len(c)):
            for j in range(len(b)):
                for k in range(a.shape[1]):
                    c[i, j] += a[i, k] * b[k]
                seen[i, j] = c[i, j]
                c[i, j] = 0.5

    @jit
    def others(a, b, c):
        for i in range(len(c)):
            for j in range(1, len(b)):
                for k in range(a.shape[1]):
                    c[i, j] += a[i, k] * c[i, j - 1]

    @jit
    def one_item(a, b, c):
        for i in range(len(c)):
            for j in range(len(b)):
                for k in range(a.shape[1]):
                    c[i, 0] += a[i, k] * b[j]
    for n, m in ((9, 9), (20, 12), (6, 40)):
        a, b = fill((n, m), 1), fill(m, 2)
        for _ in range(3):
            c, seen = fill((n, m), 3), np.zeros((n, m))
            out(before, a, b, c, seen)
            out(twice, a, b, c)
            out(behind, a, b, c, seen)
            out(others, a, b, c)
            out(one_item, a, b, c)
            out.note(c.tobytes(), seen.tobytes())
        out(before, a, b, c, c)
        out(behind, a, b, c, c[::-1])
        out(twice, c, b, c)
        out.note(c.tobytes())


@diff
def test_what_is_left_of_the_iteration_before_the_last(jit, out):
    """When the inner loop runs once, that is one of the outer loop's iteration before."""
    @jit
    def f(a, b, c):
        last = before = 0
        for i in range(len(b)):
            y = b[i]
            for k in range(len(a)):
                before = last
                last = k + 1
                y = y * b[i] + a[k]
            c[i] = y + before
        return y, before, last
    for n in (9, 7, 1, 5, 1, 2):
        c = np.zeros(200)
        for _ in range(4):
            out(f, fill(n, 1), fill(200, 2), c)
        out.note(c.tobytes())


# -- Inner loops that end apart ------------------------------------------------------------------
# Each of eight outer iterations ends its inner loop when its data says so.

@diff
def test_escape_times(jit, out):
    @jit
    def by_while(image, left, top, size, limit):
        rows, columns = image.shape
        x = y = re = im = steps = None
        for i in range(rows):
            for j in range(columns):
                x = left + size * j / columns
                y = top - size * i / rows
                re = 0.0
                im = 0.0
                steps = 0
                while steps < limit and re * re + im * im <= 4.0:
                    re, im = re * re - im * im + x, 2.0 * re * im + y
                    steps += 1
                image[i, j] = steps
        return x, y, re, im, steps

    @jit
    def by_break(image, xs, ys, limit):
        steps = last = -1
        re = im = None
        for i in range(len(ys)):
            for j in range(len(xs)):
                re = im = xs[j] * 0.0
                for steps in range(limit):
                    if re * re + im * im > 4.0:
                        break
                    if im > 1.9:
                        last = steps
                        break
                    re, im = re * re - im * im + xs[j], 2.0 * re * im + ys[i]
                image[i, j] = steps
        return re, im, steps, last

    @jit
    def or_else(image, xs, limit):
        inside = 0
        for j in range(len(xs)):
            x = xs[j]
            for steps in range(limit):
                x = x * x - xs[j]
                if x > 2.0:
                    image[j] = steps
                    break
            else:
                image[j] = x
                inside += 1
        return inside, x

    for n in (3, 9, 16, 33):
        for limit in (0, 1, 2, 40, 9000):
            if limit < 100 or n == 9:
                image = np.zeros((n, n), np.int64)
                out(by_while, image, -2.0, 1.25, 2.5, limit)
                out.note(image.tolist())
                xs = np.linspace(-2.0, 0.5, n)
                for dtype in (np.float64, np.float32):
                    out(by_break, image, xs.astype(dtype), (xs + 0.75).astype(dtype), limit)
                    out.note(image.tolist())
    image = np.zeros((12, 20), np.uint8)
    for limit in (200, 255, 300):
        out(by_while, image, -2.0, 1.25, 2.5, limit)  # 300 does not fit
        out.note(image.tolist())
    for n in (40, 200):
        image = np.zeros(n)
        for _ in range(3):
            out(or_else, image, np.linspace(0.1, 2.2, n), 30)
        out.note(image.tolist())


@diff(filters=("always", "error"))
def test_roots(jit, out):
    """By Newton's method; some divide by zero, some do not converge, some overflow."""
    @jit
    def roots(xs, ys):
        y = None
        for i in range(len(xs)):
            x = xs[i]
            y = x
            n = 0
            while abs(y * y - x) > 1e-9 and n < 50:
                y = 0.5 * (y + x / y)
                n += 1
            ys[i] = y + n
        return y, n

    @jit
    def of_floats(n, first, ys):
        y = None
        for i in range(n):
            x = first + i * 0.25
            y = 1.0
            while abs(y * y - x) > 1e-9:
                y = 0.5 * (y + x / y)
                if y > 1e6:
                    break
            ys[i] = y
        return x, y

    for n in (1, 9, 50, 203):
        ys = np.zeros(n)
        for dtype in (np.float64, np.float32):
            xs = np.arange(1, n + 1).astype(dtype) * dtype(0.37)
            out(roots, xs, ys)
            out(roots, xs, ys)
            out.note(ys.tolist())
            for at, value in ((0, 0.0), (n // 2, 0.0), (n - 1, np.inf), (n // 3, np.nan), (n // 2, -1.0)):
                strange = xs.copy()
                strange[at] = value
                out(roots, strange, ys)
                out.note(ys.tolist())
        out(of_floats, n, 1.0, ys)
        out(of_floats, n, 0.0, ys)
        out.note(ys.tolist())
    out(of_floats, 30, -2.0, np.zeros(30))


@diff
def test_searches_beside_sums(jit, out):
    """What is read moves with the inner loop, for each copy as long as it goes on."""
    @jit
    def reach(a, limits, found):
        for i in range(len(limits)):
            s = 0.25
            k = 0
            while k < len(a) and s < limits[i]:
                s += a[k]
                k += 1
            found[i] = k
        return s, k

    @jit
    def before(a, limits, found):
        was = 0.0
        for i in range(len(limits)):
            s = 0.0
            for k in range(len(a)):
                was = s
                s = s + a[k]
                if s > limits[i]:
                    break
            found[i] = was
        return s, was, k
    for n, m in ((5, 9), (30, 40), (200, 100), (1, 20), (0, 9)):
        a = fill(n, 1) + 0.3
        limits = np.linspace(0.0, 40.0, m)
        for _ in range(3):
            for f in (reach, before):
                found = np.zeros(m)
                if n:
                    out(f, a, limits, found)
                    out(f, a[::-1], limits[::-1], found)
                    out.note(found.tolist())
        found = np.zeros(m)
        out(reach, a, limits, found)
        out(reach, limits, limits, limits)
        out.note(limits.tolist())


@diff(filters=("always", "error"))
def test_what_is_in_front_of_an_inner_loops_end(jit, out):
    """It is done once more than what is behind it."""
    @jit
    def warns(xs, found, n, c):
        s = xs[0]
        k = 0
        for i in range(len(xs)):
            s = xs[i] * 0.0
            k = 0
            while True:
                s * c
                if not k < n:
                    break
                s = s * 4.0 + xs[i]
                k += 1
            found[i] = s
        return s, k

    @jit
    def reads(xs, found, a, n):
        s = xs[0]
        k = bad = 0
        for i in range(len(xs)):
            s = xs[i] * 0.0
            k = 0
            while True:
                try:
                    a[k]
                except IndexError:
                    bad += 1
                if not k < n:
                    break
                s = s * 4.0 + xs[i]
                k += 1
            found[i] = s
        return s, k, bad

    @jit
    def count_or_sum(a, limits, found, n):
        s = 0.0
        k = 0
        for i in range(len(limits)):
            s = limits[i] * 0.0
            k = 0
            while True:
                if not k < n:
                    break
                s = s + a[k]
                if s > limits[i]:
                    break
                k += 1
            found[i] = s
        return s, k
    xs, found = np.linspace(1.0, 1.5, 300), np.zeros(300)
    for _ in range(5):
        out(warns, xs, found, 4, np.float64(1e306))
        out(reads, xs, found, np.arange(5.0), 4)
        out(count_or_sum, np.arange(1.0, 9.0), xs * 20.0, found, 8)
        out.note(found.tolist())
    xs[100:] = 3.0
    out(warns, xs, found, 4, np.float64(1e306))
    out(reads, xs, found, np.arange(4.0), 4)
    out(count_or_sum, np.arange(1.0, 9.0), xs * 20.0, found, 9)
    out.note(found.tolist())


@diff
def test_ends_that_keep_an_index_in_range(jit, out):
    @jit
    def guarded(xs, a, found, lim):
        s = 0.0
        for i in range(len(xs)):
            s = xs[i]
            while True:
                if not s < lim:
                    break
                if i < 0:
                    break
                if not i < len(a):
                    break
                s = s * 1.5 + a[i]
            found[i] = s
        return s
    a = fill(200, 1) + 0.5
    for n in (100, 200, 200, 200, 20_000):
        found = np.zeros(n)
        out(guarded, np.ones(n), a, found, 50.0)
        out.note(found[-300:].tolist())


@diff
def test_ends_that_lead_to_the_outer_loop(jit, out):
    @jit
    def f(xs, c, m, n):
        y = xs[0]
        i = t = k = 0
        while True:
            if not i < n:
                break
            y = xs[i]
            t = 0
            k = 0
            while k < m:
                y = y * y + c
                if y > 4.0:
                    break
                t = i + 1
                k += 1
            else:
                i = i + 1
                continue
            i = i + 1
            continue
        return y, i, t, k
    xs = np.tile([0.1, 3.0, 0.2, 2.0, -2.0, 0.3, 0.4, -3.0], 60)
    for r in range(12):
        out(f, xs, 0.1, 5 + r % 3, 400 + r)


@diff
def test_results_that_are_infinite_when_the_loop_ends(jit, out):
    @jit
    def f(xs, found, lim):
        for i in range(len(xs)):
            s = xs[i]
            while True:
                s = s * xs[i]
                if s == lim:
                    break
            found[i] = s
        return s
    xs = 10.0 ** (np.arange(200) * 7919 % 4 + 1)
    with np.errstate(all="ignore"):
        for _ in range(6):
            found = np.zeros(200)
            out(f, xs, found, np.inf)
            out.note(found.tolist())
