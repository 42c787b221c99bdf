"""Control flow: every way into, around and out of a loop."""

from differ import diff


@diff
def test_range_forms(jit, out):
    @jit
    def f(a, b, c):
        s = n = 0
        i = None
        for i in range(a, b, c):
            s = s * 3 + i & 0xFFFFFF
            n += 1
        return s, n, i
    for args in ((0, 500, 1), (500, 0, -1), (0, 500, 7), (500, 0, -7), (5, 5, 1), (0, -1, 1), (0, 1, -1),
                 (-300, 300, 3), (0, 499, 499), (0, 500, 499), (2**62, 2**62 + 300, 1),
                 (2**63 - 100, 2**63 - 1, 1), (2**63 - 100, 2**63 + 100, 1), (2**63, 2**63 + 60, 1),
                 (-2**63, -2**63 + 300, 7), (0, 2**63 - 1, 2**61), (-2**63, 2**63 - 1, 2**62),
                 (0, 10, 0), (True, 400, True), (0, 0.5, 1)):
        out(f, *args)


@diff
def test_range_with_one_and_two_arguments(jit, out):
    @jit
    def f(n, m):
        s = 0
        for i in range(n):
            s += i
        for j in range(n, m):
            s -= j * j
        for k in range(m, n, -2):
            s ^= k
        return s
    for n, m in ((0, 0), (100, 300), (300, 100), (-5, 400), (1, 2)):
        out(f, n, m)


@diff
def test_range_arguments_are_read_once(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            n = n - 1
            i += 100
            s += i
        return s, n, i
    for n in (1, 10, 400):
        out(f, n)


@diff
def test_loop_variable_afterwards(jit, out):
    @jit
    def f(n, stop):
        for i in range(n):
            if i == stop:
                break
        else:
            return "else", i
        return "break", i
    for n, stop in ((3, 1), (400, 399), (400, 400), (400, -1), (400, 5), (1, 0), (0, 0)):
        out(f, n, stop)


@diff
def test_zero_trips(jit, out):
    @jit
    def f(n, m):
        s = 0
        for i in range(n):
            for j in range(m):
                s += i * j + 1
        return s
    for n, m in ((400, 0), (0, 400), (400, 2), (400, 0), (1, 1)):
        out(f, n, m)


@diff
def test_break_and_else(jit, out):
    @jit
    def prime(n):
        d = 2
        while d * d <= n:
            if n % d == 0:
                break
            d += 1
        else:
            return True
        return d

    @jit
    def count(n):
        c = 0
        for i in range(2, n):
            for d in range(2, i):
                if i % d == 0:
                    break
            else:
                c += 1
        return c
    for n in (4, 97, 1009, 7919, 1000003, 999983 * 2):
        out(prime, n)
    for n in (0, 10, 120):
        out(count, n)


@diff
def test_while_with_continue(jit, out):
    @jit
    def f(n):
        i = s = skipped = 0
        while i < n:
            i += 1
            if i % 3 == 0:
                skipped += 1
                continue
            if i % 5 == 0:
                continue
            s += i
        return i, s, skipped
    for n in (0, 1, 3, 30, 700):
        out(f, n)


@diff
def test_while_true(jit, out):
    @jit
    def f(n):
        i = 0
        while True:
            i += 1
            if i > n:
                break
            if i & 1:
                continue
            i += 1
        return i
    for n in (0, 1, 2, 900):
        out(f, n)


@diff
def test_while_conditions(jit, out):
    @jit
    def both(n, m):
        s = 0
        while n > 0 and m > 0:
            n -= 1
            m -= 2
            s += n | m
        return n, m, s

    @jit
    def either(n, m):
        s = 0
        while n > 0 or not m <= 0:
            n -= 1
            m -= 2
            s += 1
        return n, m, s

    @jit
    def truth(n):
        s = 0
        while n:
            n -= 1
            s += n
        return s

    @jit
    def down(x):
        s = 0
        while x:
            x = x * 0.5
            s += 1
        return s
    for n, m in ((300, 500), (300, 900), (0, 5), (5, 0), (400, 400)):
        out(both, n, m)
        out(either, n, m)
    for n in (0, 1, 400, True):
        out(truth, n)
    for x in (1.0, -3.5, 0.0, float("inf") * 0):
        if x == x:
            out(down, x)


@diff
def test_nested_two_to_four_deep(jit, out):
    @jit
    def two(n):
        s = 0
        for i in range(n):
            for j in range(i):
                s += i * j
        return s

    @jit
    def three(n):
        s = 0
        for i in range(n):
            for j in range(i % 5):
                for k in range(j, n):
                    s += (i ^ j) + k
                s -= 1
            s *= 3
            s %= 1000007
        return s

    @jit
    def four(n):
        s = 0
        for a in range(n):
            b = 0
            while b < a:
                b += 1
                for c in range(b, 0, -1):
                    d = c
                    while d:
                        d >>= 1
                        s += d
                    if s & 1024:
                        s += 1
        return s
    for n in (0, 1, 2, 5, 17, 30):
        out(two, n)
        out(three, n)
        out(four, n)
    out(two, 80)


@diff
def test_trip_counts_that_change(jit, out):
    @jit
    def f(n, k):
        s = 0
        for i in range(n):
            for j in range((i * k) % 7):
                s += j
            for j in range(i % 2):
                s += 100
        return s
    for k in (1, 3, 0, 5):
        out(f, 300, k)


@diff
def test_return_from_inside(jit, out):
    @jit
    def f(n, a, b):
        for i in range(n):
            for j in range(n):
                if i * j == a:
                    return i, j
            if i == b:
                return "b", i, j
    for a, b in ((6, -1), (10**9, 3), (10**9, -1), (0, 0), (361, -1), (380, 19)):
        out(f, 20, a, b)


@diff
def test_branchy_state_machine(jit, out):
    @jit
    def f(n, seed):
        state = a = b = c = d = 0
        x = seed
        for i in range(n):
            x = (x * 1103515245 + 12345) & 0x7fffffff
            r = x >> 16
            if state == 0:
                if r % 3 == 0:
                    state = 1
                    a += 1
                else:
                    a -= r & 1
            elif state == 1:
                b += r & 3
                if r % 5 < 2:
                    state = 2
                elif r % 7 == 0:
                    state = 0
            elif state == 2:
                c ^= r
                state = 3 if r & 1 else 1
            else:
                d += 1
                if d % 10 == 0:
                    state = 0
        return state, a, b, c, d
    for seed in (1, 2, 12345):
        out(f, 1500, seed)


@diff
def test_branch_changes_its_mind_late(jit, out):
    @jit
    def f(n, turn):
        s = 0
        for i in range(n):
            if i < turn:
                s += i
            else:
                s -= 2
        return s
    for turn in (10**9, 600, 300, 3, 0, 699):
        out(f, 700, turn)


@diff
def test_conditional_expressions(jit, out):
    @jit
    def f(n):
        s, t = 0, 0.0
        for i in range(n):
            x = i if i & 1 else -i
            y = 0.5 if i % 3 == 0 else 1.5 if i % 3 == 1 else 2.5
            s += x
            t += y
        return s, t

    @jit
    def mixed(n):
        x = 0
        for i in range(n):
            x = (i if i % 2 else i + 0.5) if i % 3 else True
        return x
    for n in (0, 1, 2, 3, 600, 601, 602, 603, 604, 605):
        out(f, n)
        out(mixed, n)


@diff
def test_and_or_keep_operands(jit, out):
    @jit
    def f(n):
        a = b = c = None
        s = 0
        for i in range(n):
            a = (i & 3) and (i & 4)
            b = (i & 1) or 2.5
            c = not (i & 2) or i > 5 and i
            s += a
        return a, b, c, s
    for n in range(390, 400):
        out(f, n)
    for n in range(1, 9):
        out(f, n)


@diff
def test_swaps_and_rotations(jit, out):
    @jit
    def f(n):
        a, b, c, d = 1, 2.5, True, None
        x = 0
        for i in range(n):
            a, b, c, d = b, c, d, a
            x += 1
        return a, b, c, d, x
    for n in (0, 1, 2, 3, 4, 399, 400, 401, 402):
        out(f, n)


@diff
def test_bubble_sort_of_locals(jit, out):
    @jit
    def f(a, b, c, d, n):
        s = 0
        for i in range(n):
            a, b, c, d = (a * 7 + i) % 101, (b * 5 + 1) % 103, (c * 3) % 107, d
            for _ in range(3):
                if a > b:
                    a, b = b, a
                if b > c:
                    b, c = c, b
                if c > d:
                    c, d = d, c
            s = s * 31 + a + 2 * b + 3 * c + 4 * d & 0xFFFFFFF
        return s
    for n in (1, 20, 200):
        out(f, 3, 77, 50, 12, n)


@diff
def test_walrus(jit, out):
    @jit
    def f(n):
        s = 0
        while (k := n // 2) > 0:
            s += (m := k * 3) - (n := n - 1)
        return s, k, m, n
    for n in (2, 3, 400):
        out(f, n)


@diff
def test_match_statement(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            match i % 5:
                case 0:
                    s += 1
                case 1 | 2:
                    s -= i
                case x if x > 3:
                    s += x * 100
                case _:
                    continue
            s ^= 1
        return s

    @jit
    def shapes(values):
        s = 0
        for v in values:
            match v:
                case (a, b):
                    s += a * b
                case {"k": x}:
                    s += x
                case int(x):
                    s -= x
                case None:
                    s = -s
        return s
    for n in (0, 3, 500):
        out(f, n)
    for _ in range(4):
        out(shapes, [(1, 2), {"k": 5}, 7, None, "no"] * 60)


@diff
def test_assert_in_loop(jit, out):
    @jit
    def f(n, limit):
        s = 0
        for i in range(n):
            assert i < limit, f"{i} is too much"
            s += i
        return s
    out(f, 400, 1000)
    out(f, 400, 350)
    out(f, 400, 350)


@diff(native=False)
def test_shared_range_iterator(jit, out):
    @jit
    def f(n):
        s = 0
        it = iter(range(n))
        for i in it:
            s = s * 10 + i + next(it, -1) & 0xFFFFFF
        return s

    @jit
    def outer(it, k):
        s = 0
        for i in it:
            s += i
            if s > k:
                break
        return s
    for n in (0, 1, 2, 7, 500, 501):
        out(f, n)
    it = iter(range(2000))
    for k in (10, 500, 1000, 5000, 10**9, 10**9):
        out(outer, it, k)
    it = iter(range(1000))
    out(outer, it, 5000)
    out.value(next(it), it.__reduce__(), it.__length_hint__())


@diff(native=False)
def test_one_iterator_for_two_loops(jit, out):
    @jit
    def f(n):
        it = iter(range(n))
        a = b = 0
        for i in it:
            a += i
            if i == n // 3:
                break
        for j in it:
            b += j
            for k in it:
                b -= k
                if k % 7 == 0:
                    break
        return a, b
    for n in (1, 3, 30, 900):
        out(f, n)


@diff
def test_range_objects(jit, out):
    @jit
    def f(r):
        s = 0
        for i in r:
            s += i
        return s
    for r in (range(400), range(400, 0, -3), range(0), range(2**70, 2**70 + 200), [1, 2, 3] * 50, (1.5,) * 200,
              range(400), "", {4: 5}, iter([3] * 300), range(400)):
        out(f, r)


@diff(native=False)
def test_large_function_with_extended_arguments(jit, out):
    lines = ["def f(n):", "    s = 0"]
    lines += [f"    v{k} = {k * 1000003}" for k in range(300)]
    lines += ["    for i in range(n):", "        if i % 2:"]
    lines += [f"            s += v{k} ^ i" for k in range(0, 300)]
    lines += ["        else:", "            s -= v299 + g0"]
    lines += [f"        if s > {10**9 * k}: s -= {k + 7777777}" for k in range(1, 60)]
    lines += ["    return s, v0, v299"]
    space = {"g0": 5}
    exec("\n".join(lines), space)
    f = jit(space["f"])
    for n in (0, 1, 2, 60):
        out(f, n)


@diff
def test_many_constants_and_names(jit, out):
    names = [f"g{k}" for k in range(280)]
    lines = ["def f(n):", "    s = 0", "    for i in range(n):"]
    lines += [f"        s += {g} * {10000 + k}" for k, g in enumerate(names)]
    lines += ["        s &= 0xFFFFFFFFFF", "    return s"]
    space = {g: k for k, g in enumerate(names)}
    exec("\n".join(lines), space)
    f = jit(space["f"])
    out(f, 60)
    space["g279"] = 0.5
    space["g0"] = 10**20
    out(f, 60)


@diff(native=False)
def test_del_of_locals(jit, out):
    @jit
    def f(n, bad):
        s = 0
        for i in range(n):
            x = i * 2
            s += x
            del x
            if i == bad:
                s += x
        return s
    for bad in (-1, 3, 399, 400):
        out(f, 400, bad)


@diff
def test_unbound_local_in_loop(jit, out):
    @jit
    def f(n, start):
        s = 0
        for i in range(n):
            if i >= start:
                x = i
            s += 1
            if i > n - 5:
                s += x
        return s
    for start in (0, 100, 398, 399, 400, 0):
        out(f, 400, start)


@diff
def test_loop_variable_unbound_after_empty_loop(jit, out):
    @jit
    def f(n, m):
        s = 0
        for i in range(n):
            for j in range(m):
                s += j
        return s + j
    out(f, 300, 3)
    out(f, 300, 0)
    out(f, 0, 0)


@diff
def test_consecutive_loops_share_variables(jit, out):
    @jit
    def f(n):
        i = s = 0
        while i < n:
            s += i
            i += 1
        while i > 0:
            i -= 2
            s -= i
        for i in range(i, n):
            s ^= i
        return i, s
    for n in (0, 1, 2, 500, 501):
        out(f, n)


@diff
def test_loop_left_for_good_and_entered_again(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += i
        return s
    out.value([out(f, n) for n in (2, 300, 1, 0, 301, 299, 5, 1000)])


@diff
def test_try_finally_around_jumps(jit, out):
    @jit
    def f(n, how):
        log = s = 0
        for i in range(n):
            try:
                s += i
                if i == n - 10:
                    if how == 0:
                        break
                    if how == 1:
                        return "returned", s, log
                    if how == 2:
                        s = s // (i - i)
                if i % 3 == 0:
                    continue
                s += 1
            finally:
                log += 1
        return s, log
    for how in (3, 0, 1, 2, 3):
        out(f, 300, how)


@diff
def test_with_in_loop(jit, out):
    class Guard:
        def __init__(self):
            self.entered = self.left = self.errors = 0

        def __enter__(self):
            self.entered += 1
            return self.entered

        def __exit__(self, kind, value, tb):
            self.left += 1
            self.errors += kind is not None
            return kind is ZeroDivisionError

    @jit
    def f(guard, n):
        s = 0
        for i in range(n):
            with guard as k:
                s += k
                if i % 50 == 49:
                    s //= i - i
                if i % 7 == 0:
                    continue
                s += 1
                for j in range(3):
                    s += j
        return s
    for n in (3, 300):
        g = Guard()
        out(f, g, n)
        out.value(g)
    out(f, None, 3)
