"""Lists, tuples and bytes in loops: items read and stored, appended and popped, iterated over."""

import gc
import itertools
import random
import sys
import weakref

import numpy as np

from differ import diff


@diff
def test_sums_of_items(jit, out):
    @jit
    def f(items):
        s = 0
        for x in items:
            s += x
        return s, x
    out(f, list(range(400)))
    out(f, [x * 0.5 for x in range(400)])
    out(f, tuple(range(400)))
    out(f, bytes(range(256)) * 2)
    out(f, np.arange(400) * 0.25)
    out(f, [True, False] * 200)
    out(f, [2**40 + x for x in range(400)])
    out(f, [-(2**62), 2**62 - 1, 2**63 - 1] * 100)
    out(f, [2**64, 1] * 200)
    out(f, [])


@diff
def test_indexes(jit, out):
    @jit
    def f(items, step):
        s = 0
        i = -len(items)
        while i < len(items):
            s = s * 3 % 10007 + items[i]
            i += step
        return s, items[True], i
    out(f, list(range(300)), 1)
    out(f, tuple(range(300)), 1)
    out(f, bytes(200), 1)
    out(f, [1.5] * 300, 1)
    out(f, list(range(300)), 7)


@diff
def test_index_errors(jit, out):
    @jit
    def f(items, n):
        s = 0
        for i in range(n):
            s += items[i]
        return s

    @jit
    def g(items, n):
        for i in range(n):
            items[-i - 1] = i
        return items

    @jit
    def caught(items, n):
        bad = 0
        for i in range(n):
            try:
                items[i] += 1
            except IndexError as e:
                bad += len(str(e))
        return bad, items
    for kind in (list, tuple, bytes):
        out(f, kind(range(200)), 200)
        out(f, kind(range(200)), 201)
    out(g, list(range(200)), 200)
    out(g, list(range(200)), 201)
    out(caught, list(range(200)), 400)
    out(f, [1, 2, 3] * 100, 300)
    out(f, [1, 2, None] * 100, 300)
    out(f, ["a"] * 300, 300)


@diff
def test_items_keep_their_objects(jit, out):
    @jit
    def last(items):
        for x in items:
            y = x
        return y, y is items[-1], x is y

    @jit
    def largest(items):
        best = items[0]
        for i in range(1, len(items)):
            if items[i] > best:
                best = items[i]
        return best, [x is best for x in items].index(True)

    @jit
    def larger(items):
        best = items[0]
        for x in items:
            best = max(best, x)
        return [x is best for x in items].index(True)

    @jit
    def copied(items):
        to = [None] * len(items)
        for i in range(len(items)):
            to[i] = items[i]
        return all(a is b for a, b in zip(to, items))

    @jit
    def appended(items):
        to = []
        for x in items:
            y = x
            if x > 5000:
                y = x + 1
            to.append(y)
        return [a is b for a, b in zip(to, items)], to
    source = random.Random(1)
    numbers = [source.randrange(1000, 10**6) for _ in range(400)]
    floats = [x * 0.5 for x in numbers]
    for items in (numbers, floats, [x + 2000 for x in [1] * 400], [np.float64(x) for x in floats], [np.int64(x) for x in numbers]):
        for f in (last, largest, larger, copied, appended):
            out(f, items)
            out(f, items)


@diff
def test_sorting_in_place(jit, out):
    @jit
    def bubble(items):
        n = len(items)
        for i in range(n):
            for j in range(n - 1 - i):
                if items[j] > items[j + 1]:
                    items[j], items[j + 1] = items[j + 1], items[j]
        return items
    source = random.Random(1)
    numbers = [source.randrange(10**6) for _ in range(60)]
    before = list(map(id, numbers))
    out(bubble, numbers)
    out.value(sorted(before) == sorted(map(id, numbers)))
    out(bubble, [x * 0.5 for x in range(60, 0, -1)])
    out(bubble, [3, 2.5, 1, 0.5, True] * 8)
    out(bubble, [3, 2.5, "a"] * 8)


@diff
def test_stores_of_every_type(jit, out):
    @jit
    def f(items, n, x):
        for i in range(n):
            items[i] = x
            x = x + x
            if i % 50 == 0:
                x = x - x
        return items

    @jit
    def constants(items, n):
        for i in range(n):
            items[i] = None
            items[i - 1] = True
            items[i - 2] = i > 3
            items[i - 3] = 1.5
            items[i - 4] = "text"
            items[i - 5] = items
        return len(items)
    for x in (1, 1.5, 3, 2**61, True, np.float64(2.5), np.int64(3), np.bool_(True)):
        out(f, [0] * 300, 300, x)
        out(f, [0.5] * 300, 300, x)
        out(f, list(range(300)), 300, x)
    out(constants, [0] * 300, 300)


@diff
def test_stores_over_numbers_in_use(jit, out):
    @jit
    def f(items, n):
        for i in range(n):
            x = items[i]
            items[i] = x + 1
            items[i - 1] = x
        return items, x

    @jit
    def g(items, n):
        for i in range(n):
            x = items[0]
            items[0] = x * 1.5 + i
            y = items[0]
        return x, y, items[0], y is items[0], x is items[0]

    @jit
    def shared(items, other, n):
        for i in range(n):
            items[i] = items[i] + 0.5
        return items, other
    out(f, [1000 + x for x in range(300)], 300)
    out(f, [1000.5 + x for x in range(300)], 300)
    out(f, [x for x in range(300)], 300)
    out(g, [1.25] * 3, 40)
    out(g, [1.25, 2.0], 400)
    floats = [x * 0.75 for x in range(300)]
    out(shared, floats, list(floats), 300)
    out(shared, floats, tuple(floats), 300)
    one = [0.1 + 0.2] * 300
    out(shared, one, one[:2], 300)


@diff
def test_append_and_pop(jit, out):
    @jit
    def build(n, scale):
        items = []
        for i in range(n):
            items.append(i * scale)
        return items

    @jit
    def drain(items):
        s = 0
        while items:
            s = s * 2 % 65537 + items.pop()
        return s, items

    @jit
    def stack(n):
        todo, count, s = [1], 0, 0
        while todo:
            x = todo.pop()
            s += x
            count += 1
            if count < n:
                todo.append(x + 1)
                if count % 3 == 0:
                    todo.append(x - 1)
        return s, count

    @jit
    def too_far(items):
        s = 0
        for i in range(1000):
            s += items.pop()
        return s

    @jit
    def result(items, n):
        r = None
        for i in range(n):
            r = items.append(i)
        return r, items
    out(build, 400, 3)
    out(build, 400, 0.5)
    out(build, 400, 2**62)
    out.value(sys.getsizeof(build(1000, 1)))
    out(drain, list(range(400)))
    out(drain, [x * 0.5 for x in range(400)])
    out(drain, [1, 2.5] * 100)
    out(drain, [2**70, 5] * 100)
    items = list(range(1000))
    drain(items[:990])
    out(stack, 400)
    out(too_far, list(range(500)))
    out(result, [], 300)


@diff
def test_sizes_of_memory(jit, out):
    @jit
    def f(items, grow, shrink):
        for i in range(grow):
            items.append(i)
        for i in range(shrink):
            items.pop()
        return sys.getsizeof(items)
    for grow, shrink in ((100, 30), (1000, 900), (1000, 1000), (3000, 2999)):
        out(f, [], grow, shrink)


@diff
def test_more_than_can_wait(jit, out):
    @jit
    def f(items, n):
        for k in range(n):
            for i in range(len(items)):
                items[i] = (k, i) and k * 1000 + i
        return sum(items)

    @jit
    def swap(items, n):
        for k in range(n):
            items[0], items[1] = items[1], items[0]
        return items
    out(f, [10**6 + x for x in range(500)], 60)
    out(swap, [10**6, 10**7], 20001)
    out(swap, [10**6, 10**7], 20002)


@diff
def test_deaths_of_items(jit, out):
    class Loud:
        def __init__(self, name):
            self.name = name

        def __del__(self):
            out.note("gone", self.name)

    @jit
    def overwrite(items, n):
        for i in range(n):
            items[i] = i
            if i == 150:
                out.note("middle")
        return len(items)

    @jit
    def drain(items):
        k = 0
        while items:
            x = items.pop()
            k += 1
        out.note("end")
        return k

    @jit
    def keep(items, n):
        last = None
        for i in range(n):
            last = items[i]
        out.note("end")
        return last is items[n - 1]
    out(overwrite, [0] * 140 + [Loud(k) for k in range(20)] + [0] * 140, 300)
    out(drain, [0] * 200 + [Loud(k) for k in range(5)] + [1] * 200)
    out(keep, [Loud(k) for k in range(200)], 200)


@diff
def test_lists_that_change_while_iterated(jit, out):
    @jit
    def grow(items, n):
        for x in items:
            if len(items) < n:
                items.append(x + 1)
        return items

    @jit
    def shrink(items):
        s = 0
        for x in items:
            s += x
            items.pop()
        return s, items

    @jit
    def backwards(items):
        s = 0
        for x in reversed(items):
            s += x
            if s % 3 == 0:
                items.pop()
                items.pop()
        return s, items

    @jit
    def overwritten(items):
        s = 0
        for i, x in enumerate(items):
            items[-1 - i] = i
            s = s * 5 % 9973 + x
        return s
    out(grow, [1], 500)
    out(shrink, list(range(500)))
    out(backwards, list(range(500)))
    out(overwritten, list(range(1000, 1500)))


@diff
def test_enumerate_zip_reversed(jit, out):
    @jit
    def numbered(items, start):
        s = 0
        for i, x in enumerate(items, start):
            s += i * x
        return s, i, x

    @jit
    def plain(items):
        s = 0
        for i, x in enumerate(items):
            s += i * x
        return s, i, x

    @jit
    def pairs(a, b):
        s = 0
        for x, y in zip(a, b):
            s += x * y
        return s, x, y

    @jit
    def back(items):
        s = 0
        for x in reversed(items):
            s = s * 7 % 99991 + x
        return s, x

    @jit
    def whole(items):
        n = 0
        for pair in enumerate(items):
            n += pair[0]
        return n, pair

    @jit
    def three(a, b):
        s = 0
        for x, y, z in zip(a, b, a):
            s += x * y + z
        return s
    ints, floats = list(range(400)), [x * 0.5 for x in range(300)]
    for items in (ints, floats, tuple(ints), bytes(range(200)), np.arange(300) * 0.5, [], [5]):
        if len(items):
            out(plain, items)
            out(numbered, items, 7)
            out(numbered, items, -3)
            out(numbered, items, 2**63 - 100)
            out(back, items)
        out(whole, list(items) or [1])
        out(three, items, ints)
    out(pairs, ints, floats)
    out(pairs, floats, ints)
    out(pairs, tuple(ints), np.arange(250))
    out(pairs, ints, ints)
    out(pairs, ints, [1, "a"] * 200)


@diff
def test_zip_of_any_number(jit, out):
    @jit
    def one(a):
        s = 0
        for x, in zip(a):
            s = s * 3 % 1009 + x
        return s, x

    @jit
    def three(a, b, c):
        s = n = 0
        for x, y, z in zip(a, b, c):
            s = s * 3 % 1009 + x * y - z
            n += 1
        return s, n, x, y, z

    @jit
    def six(a, b, c, d, e, stop):
        s = 0
        for p, q, r, t, u, v in zip(a, b, c, d, e, a):
            s = s * 3 % 1009 + p + q - r + t * u - v
            if p == stop:
                break
        return s, p, q, r, t, u, v

    @jit
    def seven(a):
        s = 0
        for p, q, r, t, u, v, w in zip(a, a, a, a, a, a, a):
            s += p + q + r + t + u + v + w
        return s

    @jit
    def nested(rows, a, b):
        s = 0
        for row in rows:
            for x, y, z in zip(row, a, b):
                s = s * 3 % 1009 + x * y + z
        return s
    ints, floats, numbers = list(range(400)), [x * 0.5 for x in range(390)], np.arange(395) * 0.25
    for a, b, c in itertools.permutations((ints, floats, numbers)):
        out(three, a, b, c)
        out(six, a, b, c, tuple(ints), bytes(200), 190)
    out(three, ints[:300], ints, ints)
    out(three, ints, ints[:300], ints)
    out(three, ints, ints, ints[:300])
    out(three, ints, ints, [1] * 300 + [2**70, 0.5, 3] * 30)
    out(three, ints, ints, [1] * 300 + [None] * 3)
    out(three, ints, [], ints)
    out(one, ints)
    out(one, numbers)
    out(seven, ints)
    out(nested, [ints[:20]] * 20, tuple(ints), numbers)
    out(nested, [ints[:k] for k in range(30)], floats, ints)


@diff
def test_zip_that_is_entered_in_the_middle(jit, out):
    """The frame's zip has other sequences, other types, another place than the one before."""
    @jit
    def f(a, b, c, stop):
        s = 0
        for x, y, z in zip(a, b, c):
            s = s * 3 % 1009 + x * y + z
            if x == stop:
                break
        return s, x, y, z

    @jit
    def held(items, stop):
        s = 0
        for x, y, z in items:
            s += x * y + z
            if x == stop:
                break
        return s, x, y, z, list(items)
    ints, floats = list(range(400)), [x * 0.5 for x in range(390)]
    for a, b, c in itertools.product((ints, floats, tuple(ints)), repeat=3):
        for stop in (300, 1000):
            out(f, a, b, c, stop)
            out(f, a, reversed(b), c, stop)
            out(lambda: f(a, iter(b), c, stop))
            out(lambda: held(zip(a, b, c), stop))


@diff
def test_iterators_that_are_looked_at(jit, out):
    @jit
    def left(items, stop):
        it = iter(items)
        for x in it:
            if x == stop:
                break
        return x, list(it)

    @jit
    def leave(items, stop):
        for i, x in enumerate(items):
            if x == stop:
                return i, x
        return None

    @jit
    def uneven(a, b):
        first, second = iter(a), iter(b)
        s = 0
        for x, y in zip(first, second):
            s += x - y
        return s, list(first), list(second)
    ints = list(range(400))
    for stop in (300, 399, 400, 0):
        out(left, ints, stop)
        out(leave, ints, stop)
        out(leave, tuple(ints), stop)
    out(uneven, ints, ints[:300])
    out(uneven, ints[:300], ints)


@diff
def test_nested_sequences(jit, out):
    @jit
    def total(rows):
        s = 0
        for row in rows:
            for x in row:
                s += x
        return s

    @jit
    def by_index(rows, n, m):
        s = 0
        for i in range(n):
            for j in range(m):
                s += rows[i][j] * (i - j)
                rows[i][j] = s % 1000
        return s, rows

    @jit
    def unpacked(points):
        s = 0.0
        for x, y in points:
            s += x * y
        return s

    @jit
    def constants(n):
        s = 0
        for i in range(n):
            for k in (1, 2, 3):
                s += k * i
            s += (5, 7, 11)[i % 3]
        return s
    rows = [list(range(k, k + 20)) for k in range(20)]
    out(total, rows)
    out(total, [tuple(row) for row in rows])
    out(total, [[0.5 * x for x in row] for row in rows])
    out(total, [np.arange(20.0)] * 20)
    out(total, [[]] * 30 + rows)
    out(total, [rows[0]] * 20)
    out(by_index, rows, 20, 20)
    out(by_index, [tuple(range(20))] * 20, 20, 20)
    out(unpacked, [(x, x * 0.5) for x in range(300)])
    out(unpacked, [[x, x * 0.5] for x in range(300)])
    out(unpacked, [(1, 2)] * 200 + [(1, 2, 3)] + [(1, 2)] * 5)
    out(unpacked, [(1, 2)] * 200 + [[1]] + [(1, 2)] * 5)
    out(constants, 300)


@diff
def test_objects_that_pass_through(jit, out):
    @jit
    def swap(items, n):
        for i in range(n):
            items[i], items[-i - 1] = items[-i - 1], items[i]
        return items

    @jit
    def count_none(items):
        k = 0
        for x in items:
            if x is None:
                k += 1
        return k

    @jit
    def collect(items):
        found = []
        for x in items:
            if x is not None:
                found.append(x)
        return found
    texts = ["a" * (k % 7) for k in range(300)]
    out(swap, texts, 100)
    out(swap, [None, 1, 2.5, "x", [], ()] * 50, 100)
    out(count_none, [None, 1, 2.5, "x"] * 60)
    out(count_none, [None] * 300)
    out(collect, [None, "a", (1, 2)] * 100)


@diff
def test_truth_and_length(jit, out):
    @jit
    def f(items, other, n):
        k = 0
        for i in range(n):
            if items:
                k += len(items)
            if not other:
                k += 1
            if i == 250:
                other = items
        return k
    out(f, [1, 2], [], 300)
    out(f, (), (1,), 300)
    out(f, b"ab", b"", 300)


@diff
def test_types_that_change(jit, out):
    @jit
    def f(items, n):
        s = 0
        for i in range(n):
            s += items[i % len(items)]
        return s

    class Sub(list):
        def __getitem__(self, i):
            return 100 + i
    out(f, [1, 2, 3], 300)
    out(f, (1, 2, 3), 300)
    out(f, b"abc", 300)
    out(f, Sub([1, 2, 3]), 300)
    out(f, np.array([1, 2, 3]), 300)
    out(f, bytearray(b"abc"), 300)
    out(f, {0: 1, 1: 2}, 300)
    out(f, range(3), 300)
    out(f, [1] * 200 + [1.5] * 200, 400)
    out(f, [1] * 200 + [2**80] + [1] * 200, 401)


@diff
def test_global_lists(jit, out):
    global TABLE
    TABLE = [k * k for k in range(50)]

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += TABLE[i % len(TABLE)]
            TABLE[i % 50] = s % 1000
        return s
    out(f, 400)
    TABLE = [0.5] * 50
    out(f, 400)
    TABLE = (1, 2)
    out(f, 3)
    del TABLE
    out(f, 3)


@diff
def test_memory_that_is_given_back(jit, out):
    class Watched(list):
        pass

    @jit
    def f(rows):
        s = 0
        for row in rows:
            for x in row:
                s += x
            row = None
        return s
    rows = [[k] * 20 for k in range(30)]
    out(f, rows)
    counts = [sys.getrefcount(row) for row in rows]
    for _ in range(20):
        f(rows)
    out.value(counts == [sys.getrefcount(row) for row in rows])
    held = Watched([1, 2, 3] * 50)
    ref = weakref.ref(held)
    out(f, [list(held)] * 20)
    del held
    gc.collect()
    out.value(ref() is None)


@diff
def test_items_that_are_overwritten_have_one_owner_less(jit, out):
    """By floats, ints and objects that are stored; what others hold is not kept, nor let go twice."""
    @jit
    def f(items, n):
        s = 0.5
        for i in range(n):
            s += 0.25
            items[i] = s
        return s

    @jit
    def g(items, n):
        s = 10**9
        for i in range(n):
            s += 3
            items[i] = s
        return s

    @jit
    def h(items, n, x):
        for i in range(n):
            items[i] = x
    first = [7]
    for old in (1234.5, 10**12, "a string " * len(first), [1], (first, 2)):
        for fill in (f, g, lambda items, n: h(items, n, first)):
            before = sys.getrefcount(old)
            for _ in range(5):
                items = [old] * 300
                fill(items, 200)
                out.value(sys.getrefcount(old) - before)
            items = None
            out.value(sys.getrefcount(old) - before)


@diff
def test_popped_items_live_as_long_as_they_are_used(jit, out):
    """The last item is what the variable holds afterwards, whatever memory new numbers are given."""
    @jit
    def f(items, n):
        x = y = 0
        for i in range(n):
            y = x
            x = items.pop()
        return x, y
    for start in (10**9, 10**9 + 0.5, -2**61, np.float64(0.25), np.int64(7)):
        for _ in range(5):
            items = [start + k for k in range(400)]
            x, y = f(items, 300)
            fresh = [start - 1000 - k for k in range(1000)]
            out.value((x, y, sys.getrefcount(x), sys.getrefcount(y), fresh))


@diff(native=False)
def test_a_list_in_itself(jit, out):
    @jit
    def f(n):
        items = []
        for i in range(n):
            items.append(items)
        return len(items), items[0] is items
    out(f, 300)
    gc.collect()
