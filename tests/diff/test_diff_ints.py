"""Integers and bools: every result is Python's, past 64 bits as well."""

from differ import diff

BIG = 1 << 62


@diff
def test_sum_and_product(jit, out):
    @jit
    def f(n):
        s, p = 0, 1
        for i in range(1, n):
            s += i * i - 3
            p = (p * i) % 1000003
        return s, p
    for n in (0, 1, 2, 50, 800):
        out(f, n)


@diff
def test_grows_past_64_bits_and_stays_big(jit, out):
    @jit
    def f(n):
        x = 1
        for i in range(n):
            x = x * 3 + i
        return x
    for n in (10, 39, 40, 41, 42, 200, 10):
        out(f, n)


@diff
def test_big_and_back_again(jit, out):
    @jit
    def f(n, top):
        x = 1
        shrunk = 0
        for i in range(n):
            x = x * 5
            if x > top:
                x = x // (top // 7) + i
                shrunk += 1
        return x, shrunk
    for top in (1 << 40, 1 << 61, 1 << 63, 1 << 70, 1 << 40):
        out(f, 600, top)


@diff
def test_add_overflows_at_each_edge(jit, out):
    @jit
    def up(x, n):
        for i in range(n):
            x += 1
        return x

    @jit
    def down(x, n):
        while n > 0:
            x -= 1
            n -= 1
        return x
    for n in (5, 100, 101, 102, 300):
        out(up, 2**63 - 101, n)
        out(down, -2**63 + 100, n)
    out(up, 2**64, 30)
    out(down, 2**63, 30)


@diff
def test_multiply_overflow_signs(jit, out):
    @jit
    def f(x, y, n):
        r = 0
        for i in range(n):
            r = x * y
            x += 1
        return r, x
    out(f, 3, 4, 300)
    for x, y in ((2**31, 2**31), (2**32, 2**31), (-2**32, 2**31), (-2**62, 2), (2**62, -2), (2**62, 2),
                 (-2**63, -1), (-2**63, 1), (2**63, 0), (3037000490, 3037000490)):
        out(f, x, y, 40)


@diff
def test_floor_division_and_modulo_signs(jit, out):
    @jit
    def f(a, b, n):
        q = r = 0
        for i in range(n):
            q += a // b
            r += a % b
            a += 3
        return q, r
    for a in (-400, -7, 0, 7):
        for b in (1, -1, 2, -2, 3, -3, 7, -7, 2**40, -2**40):
            out(f, a, b, 300)


@diff
def test_multiples_of_constants(jit, out):
    """Which takes a multiplication and no division."""
    extremes = [sign * (2**63 - 1) - d for sign in (1, -1) for d in range(-1, 4) if abs(sign * (2**63 - 1) - d) < 2**63]
    for k in (3, 5, 6, 7, 12, 24, 100, 640, 999_999_937, 3 * 2**40, 2**62 - 1, 2**62 + 2**61, 2**63 - 1, 2, 64, 1):
        names = {}
        exec(f"""def f(numbers, start, n):
            a = b = s = 0
            for x in numbers:
                if x % {k} == 0:
                    a += 1
                if x % {k}:
                    b += 1
            for x in range(start, start + n):
                if x % {k} == 0 or (x + 1) % {k} != 0 and x & 1:
                    s = s * 3 + x & 0xFFFFFFF
            return a, b, s""", names)
        f = jit(names["f"])
        largest = (2**63 - 1) // k * k
        near = [m + d for m in (0, k, -k, largest, -largest, largest // 2, 7 * k) for d in (-1, 0, 1)]
        numbers = [x for x in extremes + near if -2**63 < x < 2**63] * 4
        out(f, numbers, -200, 400)
        out(f, numbers[::-1], 2**62, 300)


@diff
def test_min_divided_by_minus_one(jit, out):
    @jit
    def f(a, b, n):
        r = []
        q = m = 0
        for i in range(n):
            q = a // b
            m = a % b
            a = a + 1 if i < n - 3 else -2**63
        return q, m
    out(f, -300, -1, 300)
    out(f, -300, -1, 300)
    out(f, -2**63, -1, 200)


@diff
def test_negation_and_abs_of_the_smallest(jit, out):
    @jit
    def f(x, n):
        a = b = c = 0
        for i in range(n):
            a = -x
            b = abs(x)
            c = ~x
            x -= 1
        return a, b, c
    out(f, 5, 300)
    out(f, -2**63 + 50, 300)
    out(f, -2**63, 3)


@diff
def test_shifts(jit, out):
    @jit
    def f(x, s, n):
        a = b = 0
        for i in range(n):
            a = x << s
            b = x >> s
            x += 1
        return a, b
    for x in (-5, 0, 5, 2**40):
        for s in (0, 1, 20, 62, 63, 64, 65, 100):
            out(f, x, s, 100)


@diff
def test_negative_shift_counts(jit, out):
    @jit
    def left(x, s, n):
        r = 0
        for i in range(n):
            r += x << s
            s -= 1
        return r

    @jit
    def right(x, s, n):
        r = 0
        for i in range(n):
            r += x >> s
            s -= 1
        return r
    for g in (left, right):
        out(g, 3, 400, 300)
        out(g, 3, 20, 21)
        out(g, 3, 20, 300)


@diff
def test_bits(jit, out):
    @jit
    def f(x, n):
        y = 0x5DEECE66D
        for i in range(n):
            x = (x ^ (x >> 7)) & 0xFFFFFFFF
            y = (y | x) ^ (i & x)
            x = x + ~i & 0xFFFFFFFFFF
        return x, y
    for x in (0, 1, -1, -2**63, 2**63 - 1, 2**80):
        out(f, x, 500)


@diff
def test_hash_modulo_2_64(jit, out):
    @jit
    def fnv(n):
        h = 0xcbf29ce484222325
        for i in range(n):
            h = ((h ^ (i & 255)) * 0x100000001b3) & 0xFFFFFFFFFFFFFFFF
        return h

    @jit
    def lcg(n):
        x = 12345
        for i in range(n):
            x = (x * 6364136223846793005 + 1442695040888963407) & (2**64 - 1)
        return x

    @jit
    def small(n):
        x = 12345
        for i in range(n):
            x = (1103515245 * x + 12345) & 0x7fffffff
        return x
    for n in (1, 7, 1000):
        out(fnv, n)
        out(lcg, n)
        out(small, n)


@diff
def test_power(jit, out):
    @jit
    def f(x, k, n):
        r = 0
        for i in range(n):
            r = x ** k
            x += 1
        return r
    for x, k in ((0, 0), (-3, 3), (2, 5), (2, 62), (2, 63), (2, 64), (-2, 63), (10, 18), (10, 30), (3, 1)):
        out(f, x, k, 300 if k < 5 else 20)
    out(f, 3, -1, 20)
    out(f, 3, -2, 300)
    out(f, -10, -1, 20)  # 0 ** -1 raises in mid-loop


@diff
def test_true_division(jit, out):
    @jit
    def f(a, b, n):
        r = 0.0
        for i in range(n):
            r = a / b
            a += 1
        return r
    for a, b in ((1, 3), (-7, 2), (2**53, 3), (2**53 + 1, 1), (2**62, 7), (2**63, 3), (2**1000, 2**990),
                 (10, -2**53 - 1)):
        out(f, a, b, 300)


@diff
def test_true_division_overflow(jit, out):
    @jit
    def f(a, n):
        r = 0.0
        for i in range(n):
            r = a / 3
            a *= 2
        return r
    out(f, 1, 60)
    out(f, 1, 900)
    out(f, 1, 1200)  # OverflowError: int too large to convert to float


@diff
def test_bool_arithmetic(jit, out):
    @jit
    def f(n):
        s, flips, b = 0, 0, False
        for i in range(n):
            b = not b
            s += b + (i > 5) - True * 2
            flips = flips + (b & (i > 3)) + (b | False) + (b ^ True)
        return s, flips, b

    @jit
    def g(n):
        a = b = c = d = True
        for i in range(n):
            a = a & (i < 400)
            b = b ^ True
            c = c | (i > 2)
            d = -b
            e = +b
            h = ~b
        return a, b, c, d, e, h, b << 2, b >> 1, b // True, b % True, b / True, b ** 2
    for n in (1, 2, 3, 600, 601):
        out(f, n)
        out(g, n)


@diff
def test_bool_stays_bool_or_becomes_int(jit, out):
    @jit
    def f(n, start):
        b = start
        for i in range(n):
            b = b & True if i % 3 else b | 0
        return b
    for start in (True, False, 1, 7):
        for n in (1, 2, 3, 4, 400):
            out(f, n, start)


@diff
def test_comparisons(jit, out):
    @jit
    def f(a, b, n):
        c = 0
        for i in range(n):
            c = c * 2 + (a < b)
            c = c + (a <= b) + (a == b) + 2 * (a != b) + 3 * (a > b) - (a >= b)
            c &= 0xFFFF
            a += 1
        return c
    for b in (-5, 150, 10**6, True, 0.5, 2**70, float("nan"), float("inf"), 2.0**63):
        out(f, 0, b, 300)
    out(f, 2**53, 2.0**53, 300)
    out(f, 2**63 - 30, 2.0**63, 60)


@diff
def test_chained_comparisons(jit, out):
    @jit
    def f(lo, hi, n):
        inside = 0
        for i in range(n):
            if lo < i <= hi:
                inside += 1
            elif lo == i != hi < n:
                inside += 1000
        return inside
    for lo, hi in ((10, 20), (0, 0), (-1, 10**9), (350, 420), (2.5, 77)):
        out(f, lo, hi, 500)


@diff
def test_int_and_float_are_exactly_compared(jit, out):
    @jit
    def f(x, y, n):
        lt = eq = gt = 0
        for i in range(n):
            lt += x < y
            eq += x == y
            gt += x > y
            x += 1
        return lt, eq, gt
    for base in (2**53, 2**60, 2**62):
        out(f, base - 50, float(base), 100)
        out(f, base - 50, float(base + 1), 100)


@diff
def test_int_plus_float_above_2_53(jit, out):
    @jit
    def f(x, n):
        t = 0.0
        for i in range(n):
            t = x + 0.5
            x += 3
        return t, x
    for x in (0, 2**53 - 100, 2**54 + 1, 2**62 + 1, 2**63 - 20, 2**63, 2**1024):
        out(f, x, 300)


@diff
def test_collatz(jit, out):
    @jit
    def longest(limit):
        best = best_n = 0
        for n in range(1, limit):
            x, steps = n, 0
            while x != 1:
                if x & 1:
                    x = 3 * x + 1
                else:
                    x >>= 1
                steps += 1
            if steps > best:
                best, best_n = steps, n
        return best, best_n
    for limit in (2, 10, 300):
        out(longest, limit)


@diff
def test_gcd_and_digits(jit, out):
    @jit
    def f(n):
        total = 0
        for a in range(1, n):
            x, y = a, n
            while y:
                x, y = y, x % y
            d, s = a * a, 0
            while d > 0:
                d, s = d // 10, s + d % 10
            total += x * s
        return total
    for n in (3, 60, 210):
        out(f, n)


@diff
def test_isqrt_by_newton(jit, out):
    @jit
    def isqrt(n):
        x = n
        y = (x + 1) // 2
        while y < x:
            x = y
            y = (x + n // x) // 2
        return x
    for n in (1, 10**6, 2**62, 10**18, 10**18 + 1, 10**30, 10**200):
        out(isqrt, n)


@diff
def test_fibonacci(jit, out):
    @jit
    def fib(n):
        a, b = 0, 1
        for _ in range(n):
            a, b = b, a + b
        return a
    for n in (0, 1, 2, 50, 90, 91, 92, 93, 94, 95, 500):
        out(fib, n)


@diff
def test_int_subclass_and_index(jit, out):
    @jit
    def f(x, n):
        t = 0
        for i in range(n):
            t = t + x
        return t

    class My(int):
        def __add__(self, other):
            return My(int(self) + int(other) + 1)
        __radd__ = __add__
    out(f, 3, 300)
    out(f, My(3), 300)
    out(f, 3, 300)
    out(f, True, 300)


@diff
def test_result_objects_are_shared_small_ints(jit, out):
    @jit
    def f(n):
        t = 0
        for i in range(n):
            t = i & 7
        return t
    for n in range(395, 405):
        r = out(f, n)
        out.value(r is (n - 1) & 7)  # small ints are one object each


@diff
def test_int_float_calls(jit, out):
    @jit
    def f(n):
        s, t = 0, 0.0
        for i in range(n):
            s += int(i * 0.7) + int(True) + int(i)
            t += float(i) + float(i > 3) + float(0.25)
            s += bool(i & 1) + bool(0.0)
        return s, t
    for n in (1, 5, 500):
        out(f, n)


@diff
def test_int_of_large_and_odd_floats(jit, out):
    @jit
    def f(x, n):
        r = 0
        for i in range(n):
            r = int(x)
            x = x * -1.5
        return r
    out(f, 1.25, 90)
    out(f, 1.25, 100)
    out(f, 1.25, 300)
    out(f, float("inf"), 30)
    out(f, float("nan"), 30)


@diff
def test_min_max_keep_the_object(jit, out):
    @jit
    def f(n):
        lo = hi = 50
        for i in range(n):
            x = (i * 37) % 101
            lo = min(lo, x)
            hi = max(hi, x)
        return lo, hi

    @jit
    def g(a, b, n):
        x = y = None
        for i in range(n):
            x = min(a, b)
            y = max(a, b)
        return x, y
    for n in (1, 3, 400):
        out(f, n)
    for a, b in ((1, 1.0), (1.0, 1), (True, 1), (1, True), (0.0, -0.0), (-0.0, 0.0), (2, 3.5)):
        out(g, a, b, 400)
    nan = float("nan")
    for a, b in ((nan, 1.0), (1.0, nan)):
        x, y = out(g, a, b, 400)
        out.value(x is a, x is b, y is a, y is b)


@diff
def test_loaded_objects_keep_their_identity(jit, out):
    @jit
    def f(values, n):
        x = values[0]
        y = values[1]
        for i in range(n):
            x, y = y, x
        return x, y
    values = [10**10, 1.5]
    for n in (3, 4, 500, 501):
        x, y = out(f, values, n)
        out.value(x is values[n % 2], y is values[1 - n % 2])


@diff
def test_unchanged_argument_is_the_same_object(jit, out):
    @jit
    def f(x, n):
        t = 0
        for i in range(n):
            t = t + x
        return x, t
    for x in (10**12, 0.1, True, 7):
        r, _ = out(f, x, 500)
        out.value(r is x)


@diff
def test_sums_of_small_amounts_start_anywhere(jit, out):
    """A strip looks only at where such a sum starts; one that overflows within the strip does so there."""
    for start in (0, BIG - 2, BIG - 1, BIG, -BIG, -BIG - 1, 2 * BIG - 1, 2 * BIG - 1_000_000, -2 * BIG + 900_000):
        @jit
        def up(total, n, first, step):
            for i in range(first, first + n):
                total += i if i & 1 else step
            return total, i

        @jit
        def down(total, n):
            for i in range(n):
                if i % 3:
                    total -= i & 4095
            return total, i
        up(0, 100, 0, 1)
        down(0, 100)
        out(up, start, 3000, 0, 1)
        out(down, start, 3000)
        out(up, start, 3000, -2900, -7)


@diff
def test_sums_of_large_amounts(jit, out):
    for first, step in (((1 << 40) - 250, 5), (5, (1 << 40) + 1), (5, BIG // 50), (-BIG // 50, 1), (2 * BIG - 5000, 7)):
        @jit
        def f(total, n, first, step):
            for i in range(first, first + n):
                total += i if i & 1 else step
            return total, i
        f(0, 100, 0, 1)
        for start in (0, BIG - 2, 1 - BIG):
            out(f, start, 500, first, step)
    for n in (1, 7, 8, 9, 8191, 8192, 8193, 20000):
        out(f, 0, n, 0, 1)


@diff
def test_counters_from_known_starts(jit, out):
    """They are not checked; every other counter is."""
    @jit
    def f(n, start, by):
        odd, total, other = 0, start, 0
        for i in range(n):
            k = steps = 0
            while k < i & 15:
                k += 1
                if i & k:
                    odd += 1
                    steps += 2
            total += 1
            other += by
            if steps > 20:
                odd += 1
        return odd, total, other, steps, k
    f(100, 0, 1)
    for start in (0, BIG, -2 * BIG, 2 * BIG - 301, 2 * BIG - 300, 2 * BIG - 100):
        out(f, 300, start, 1)


@diff
def test_counters_that_do_not_count(jit, out):
    @jit
    def f(n, big):
        a, b, c = 0, 0, 1
        for i in range(n):
            a += big
            b += c
            c += b
            b -= 1
        return a, b, c
    f(20, 1)
    out(f, 60, 3)
    out(f, 60, BIG // 20)
    out(f, 100, 2)


@diff
def test_bits_counted_by_clearing_them(jit, out):
    """Kernighan's loop, with other counters; numbers that are negative or 0, and beyond 64 bits."""
    @jit
    def f(numbers, total, threes):
        for i in numbers:
            x = i
            while x:
                x &= x - 1
                total += 1
                threes -= 3
        return total, threes, x, i

    @jit
    def g(n, total, weight):
        for i in range(1, n):
            while i:
                i = (i - 1) & i
                total += 2147483647
                weight = weight + -5
        return total, weight, i
    f(list(range(300)), 0, 0)
    g(300, 0, 0)
    out(f, list(range(300)), 5, 2 * BIG - 1)
    for k in range(4):
        out(f, [2 * BIG - 1, 0, BIG, BIG - 1, 1, 2 * BIG - 1, 1 << 40], k, 0)
    out(f, list(range(1, 900)), 0, 3000 - 2 * BIG)     # a counter overflows
    out(g, 9000, 0, 7)
    out(g, 9000, -2 * BIG, 2 * BIG - 1)
    out(g, 9000, 0, 30003 - 2 * BIG)
    out(g, 9000, 2 * BIG - (1 << 45), 7)
    out(f, [2 * BIG, 4 * BIG - 1, 3] * 20, 0, 0)


@diff
def test_bits_of_numbers_that_are_needed(jit, out):
    @jit
    def f(n, total):
        last = odd = 0
        for i in range(1, n):
            x = i
            while x:
                y = x - 1
                x &= y
                total += 1
            last += y
            x = i
            while x:
                odd ^= x
                x &= x - 1
        return total, last, odd
    out(f, 300, 0)
    out(f, 3000, 2 * BIG - 9000)


@diff
def test_bits_of_negative_numbers_do_not_end(jit, out):
    @jit
    def f(n, stop):
        total = rounds = 0
        for i in range(n):
            x = i - stop
            while x:
                x &= x - 1
                total += 1
                if x < -BIG:
                    rounds += 1
                    x = 0
        return total, rounds
    out(f, 200, 0)
    out(f, 200, 100)

    @jit
    def g(n):
        total = 0
        x = n
        try:
            while x:
                x &= x - 1
                total += 1
                if total > 200:
                    raise ValueError(total)
        except ValueError:
            return total, x
        return total, x
    for n in (5, 255, -1, -5, 2 * BIG - 1, -3):
        out(g, n)


@diff
def test_bits_of_a_negative_number_in_the_replaced_loop(jit, out):
    """Python's -1 has ones without end: only a signal ends its loop, in machine code as in the interpreter."""
    import signal

    @jit
    def f(numbers, total):
        for i in numbers:
            while i:
                i &= i - 1
                total += 1
        return total

    class Alarm(Exception):
        pass

    def handler(number, frame):
        raise Alarm

    def ends(numbers):
        before = signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.05 if -1 in numbers else 60)
        try:
            return f(numbers, 0)
        except Alarm:
            return "no end"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    f(list(range(200)), 0)
    out(ends, [1, 2, 3, 1023] * 30)
    for _ in range(3):
        out(ends, [7] * 30 + [-1])
    out(ends, [5, 6, 7] * 50 + [True] * 9)
