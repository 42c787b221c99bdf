"""Objects of every kind in loops: interpreted or not, they live, die and change as Python says."""

import gc
import weakref

import numpy as np

from differ import diff


@diff
def test_finalizer_runs_in_the_loop(jit, out):
    class Noisy:
        def __init__(self, k):
            self.k = k

        def __del__(self):
            out.note("dead", self.k)

    @jit
    def f(n, x):
        s = 0
        for i in range(n):
            if i == n // 2:
                out.note("before")
                x = i
                out.note("after")
            s += 1
        return s, x

    def run(n):
        return f(n, Noisy(n))
    for n in (4, 400, 400):
        out(run, n)


@diff(native=False)
def test_local_overwritten_in_the_first_iteration(jit, out):
    class Noisy:
        def __init__(self, k, log):
            self.k, self.log = k, log

        def __del__(self):
            self.log.append(self.k)

    @jit
    def f(n, x, log):
        s = 0
        for i in range(n):
            s += len(log)  # how many have died so far
            x = i
        return s, x

    def run(n, k):
        log = []
        return f(n, Noisy(k, log), log), log
    for k in range(4):
        out(run, 300, k)
    out(lambda: f(300, 5, []))
    out(run, 300, 9)


@diff
def test_finalizer_changes_what_the_loop_reads(jit, out):
    class Bomb:
        def __del__(self):
            global LEVEL
            LEVEL = 1000

    @jit
    def f(n, x):
        s = 0
        for i in range(n):
            s += LEVEL
            x = i
        return s, x

    def run(n, x):
        global LEVEL
        LEVEL = 1
        return f(n, x)
    out(run, 300, 5)
    out(run, 300, 5)
    out(lambda: run(300, Bomb()))
    out(lambda: run(300, Bomb()))
    out(run, 300, 0.5)


@diff
def test_finalizer_rebinds_a_cell(jit, out):
    def make():
        k = 1

        class Bomb:
            def __del__(self):
                nonlocal k
                k = 50

        @jit
        def f(n, x):
            s = 0
            for i in range(n):
                s += k
                x = i
            return s

        def run(n, armed):
            return f(n, Bomb() if armed else 3)
        return run
    run = make()
    for armed in (False, False, True, False, True):
        out(run, 300, armed)


@diff
def test_finalizer_raises(jit, out):
    class Bad:
        def __del__(self):
            raise ValueError("in a finalizer")

    @jit
    def f(n, x):
        s = 0
        for i in range(n):
            if i > n - 5:
                x = None
            s += i
        return s
    out(lambda: f(400, 1))
    out(lambda: f(400, Bad()))


@diff
def test_weakref_callback_in_the_loop(jit, out):
    class Thing:
        pass

    @jit
    def f(n, x, ref):
        s = dead = 0
        for i in range(n):
            if i == n - 10:
                x = None
            if i > n - 20 and ref() is None:
                dead += 1
            s += i
        return s, dead

    def run(n):
        t = Thing()
        ref = weakref.ref(t, lambda r: out.note("gone"))
        return f(n, (t, t := None)[0], ref)
    for n in (30, 400, 400):
        out(run, n)


@diff
def test_a_death_that_changes_what_the_loop_reads(jit, out):
    """Machine code would not notice that an object ought to have died: what its end does would."""
    class Thing:
        def __init__(self, cell):
            self.cell = cell

        def __del__(self):
            self.cell[0] += 1

    @jit
    def f(thing, cell, n):
        s = 0
        for i in range(n):
            if i == 200:
                thing = None
            s += cell[0]
        return s
    for make in (list, np.array):
        for _ in range(20):
            cell = make([1, 2])
            out(lambda: f(Thing(cell), cell, 300))
            kept = Thing(cell)
            out(f, kept, cell, 300)
            out.value(cell[0])
            del kept


@diff
def test_object_dies_at_return_not_before(jit, out):
    class Noisy:
        def __del__(self):
            out.note("dead")

    @jit
    def f(n):
        x = Noisy()
        s = 0
        for i in range(n):
            s += i
        out.note("loop done", type(x).__name__)
        return s
    for n in (3, 400, 400):
        out(f, n)


@diff(native=False)
def test_chain_of_objects_dying_in_the_loop(jit, out):
    class Link:
        def __init__(self, k, next):
            self.k, self.next = k, next

        def __del__(self):
            if self.k % 50 == 0:
                out.note(self.k)

    @jit
    def f(x):
        s = 0
        while x is not None:
            s += x.k
            x = x.next
        return s

    def run(n):
        head = None
        for k in range(n):
            head = Link(k, head)
        chain = [head]
        del head
        return f(chain.pop())
    for n in (3, 200, 300):
        out(run, n)


@diff(native=False)
def test_lists(jit, out):
    @jit
    def f(values, n):
        s = 0
        kept = []
        for i in range(n):
            v = values[i % len(values)]
            s += v
            if i % 3 == 0:
                kept.append(v * 2)
            values[i % len(values)] = i
        return s, kept[-5:], len(kept)

    @jit
    def sieve(n):
        flags = [True] * n
        count = 0
        for i in range(2, n):
            if flags[i]:
                count += 1
                for j in range(i * i, n, i):
                    flags[j] = False
        return count, flags[-10:]
    for n in (3, 400):
        out(f, [1, 2, 3], n)
        out(f, [1, 2.5, True], n)
        out(sieve, n)
    out(f, [], 3)


@diff(native=False)
def test_list_changes_while_it_is_iterated(jit, out):
    @jit
    def f(values):
        s = 0
        for v in values:
            s += v
            if v % 7 == 3 and len(values) < 500:
                values.append(v + 1)
            if v % 50 == 49:
                values.pop()
        return s
    out(f, list(range(300)))
    out(f, [3, 10, 17])
    out(f, list(range(300)))


@diff(native=False)
def test_dicts(jit, out):
    @jit
    def f(n):
        d = {}
        s = 0
        for i in range(n):
            k = i % 17
            d[k] = d.get(k, 0) + i
            if k in d and k not in (3, 5):
                s += d[k]
            if i % 40 == 39:
                del d[k]
        return s, d

    @jit
    def words(text):
        counts = {}
        for w in text.split():
            counts[w] = counts.get(w, 0) + 1
        return sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))
    for n in (5, 400):
        out(f, n)
    out(words, "the quick brown fox jumps over the lazy dog the end " * 40)


@diff(native=False)
def test_dict_changed_while_iterated(jit, out):
    @jit
    def f(d):
        s = 0
        for k in d:
            s += k
            if k == 250:
                d[-1] = 0
        return s
    for _ in range(3):
        out(f, dict.fromkeys(range(200)))
        out(f, dict.fromkeys(range(300)))


@diff(native=False)
def test_strings(jit, out):
    @jit
    def f(text):
        vowels = 0
        backwards = ""
        for c in text:
            if c in "aeiou":
                vowels += 1
            backwards = c + backwards
        return vowels, backwards[:20]

    @jit
    def join(n):
        s = ""
        for i in range(n):
            s += str(i % 10)
            if len(s) > 100:
                s = s[50:]
        return s
    out(f, "a quick brown fox jumps over it" * 15)
    for n in (3, 400):
        out(join, n)


@diff(native=False)
def test_sequence_repetition_and_concatenation(jit, out):
    @jit
    def f(x, n):
        for i in range(n):
            x = x + x[:1]
        return x
    out(f, "ab", 300)
    out(f, (1, 2), 300)
    out(f, [1.5], 300)
    out(f, b"xy", 300)


@diff(native=False)
def test_attributes(jit, out):
    class Point:
        def __init__(self, x, y):
            self.x, self.y = x, y

        @property
        def norm(self):
            return self.x * self.x + self.y * self.y

    class Slots:
        __slots__ = ("x", "y", "norm")

    @jit
    def f(p, n):
        s = 0
        for i in range(n):
            p.x += 1
            p.y = p.x - p.y
            s += p.norm
        return s
    for n in (3, 300):
        out(f, Point(1, 2.5), n)
        q = Slots()
        q.x, q.y, q.norm = 1, 2, 3
        out(f, q, n)
    out(f, Point("a", 2), 3)


@diff(native=False)
def test_getattr_hooks(jit, out):
    class Lazy:
        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(name)
            return len(name)

        def __setattr__(self, name, value):
            if value % 100 == 0:
                out.note(name, value)

    @jit
    def f(x, n):
        s = 0
        for i in range(n):
            s += x.abc + x.defgh
            x.value = i
        return s
    for n in (3, 300):
        out(f, Lazy(), n)


@diff(native=False)
def test_methods_and_class_changes(jit, out):
    class Account:
        rate = 2

        def __init__(self):
            self.balance = 0

        def add(self, x):
            self.balance += x * self.rate
            return self.balance

    class Other(Account):
        def add(self, x):
            return -x

    @jit
    def f(a, n):
        s = 0
        for i in range(n):
            s += a.add(i)
        return s
    a = Account()
    out(f, a, 300)
    Account.rate = 3
    out(f, a, 300)
    a.rate = 0.5
    out(f, a, 300)
    Account.add = lambda self, x: x
    out(f, a, 300)
    out(f, Other(), 300)
    a.__class__ = Other
    out(f, a, 300)


@diff(native=False)
def test_operator_methods(jit, out):
    class V:
        def __init__(self, x):
            self.x = x

        def __add__(self, o):
            return V(self.x + (o.x if isinstance(o, V) else o))

        def __radd__(self, o):
            return V(o + self.x)

        def __iadd__(self, o):
            self.x += 1
            return self

        def __lt__(self, o):
            return self.x < o

        def __bool__(self):
            return self.x % 2 == 1

        def __index__(self):
            return self.x

        def __neg__(self):
            return V(-self.x)

    @jit
    def f(v, n):
        s = 0
        w = v
        for i in range(n):
            w = w + i
            w = 1 + w
            w += v
            if w:
                s += 1
            if w < 500:
                s += 10
            s += [7, 8, 9][V(i % 3)]
        return s, -w
    for n in (3, 300):
        out(f, V(1), n)


@diff(native=False)
def test_truth_of_objects_can_raise(jit, out):
    class Undecided:
        def __init__(self):
            self.n = 0

        def __bool__(self):
            self.n += 1
            if self.n > 350:
                raise ValueError("no idea")
            return self.n < 340

    @jit
    def f(x, n):
        s = 0
        while x:
            s += 1
        while x:
            s += 100
        return s
    for _ in range(3):
        out(f, Undecided(), 0)
    x = Undecided()
    out(f, x, 0)
    out(f, x, 0)


@diff(native=False)
def test_unpacking(jit, out):
    @jit
    def f(pairs):
        s = 0
        for a, (b, *c) in pairs:
            s += a * b + len(c)
        return s
    good = [(i, (i + 1, 0, 0)) for i in range(300)]
    out(f, good)
    out(f, good + [(1, ())])
    out(f, good + [(1, 2)])


@diff
def test_enumerate_zip_reversed(jit, out):
    @jit
    def f(xs, ys):
        s = 0
        for i, x in enumerate(xs):
            s += i * x
        for x, y in zip(xs, ys):
            s -= x * y
        for x in reversed(xs):
            s = s * 3 + x & 0xFFFFFF
        return s
    for n in (0, 3, 300):
        out(f, list(range(n)), [0.5] * n)
        out(f, range(n), (2,) * n)


@diff(native=False)
def test_in_and_is(jit, out):
    @jit
    def f(values, x, n):
        found = same = 0
        for i in range(n):
            if i in values:
                found += 1
            if x is None:
                same += 1
            elif x is not values:
                same -= 1
        return found, same
    for x in (None, 0, 1.5):
        out(f, {1, 2, 300}, x, 400)
        out(f, (5,), x, 400)
    v = [1]
    out(f, v, v, 400)


@diff(native=False)
def test_slices_and_formatting(jit, out):
    @jit
    def f(n):
        text = ""
        for i in range(n):
            t = f"{i:>4}|{i / 3:.3f}|{i!r}"
            text = (text + t[1:-2:2])[-40:]
        return text
    for n in (3, 300):
        out(f, n)


@diff(native=False)
def test_memoryview_bytearray_array(jit, out):
    import array

    @jit
    def f(buffer, n):
        s = 0
        for i in range(n):
            s += buffer[i % len(buffer)]
            buffer[i % len(buffer)] = i & 127
        return s
    for make in (lambda: bytearray(50), lambda: memoryview(bytearray(7)), lambda: array.array("d", [1.5] * 9),
                 lambda: array.array("q", range(9)), lambda: [0] * 5):
        out(f, make(), 400)
    out(f, b"readonly", 3)


@diff(native=False)
def test_complex_decimal_fraction(jit, out):
    from decimal import Decimal
    from fractions import Fraction

    @jit
    def f(x, n):
        s = x
        for i in range(n):
            s = s * x + i
        return s
    for x in (1j, 0.5 + 0.5j, Decimal("1.01"), Fraction(1, 3), 2, 0.5):
        out(f, x, 100)


@diff(native=False)
def test_cycles_found_by_the_collector(jit, out):
    class Node:
        pass

    @jit
    def f(n):
        alive = 0
        for i in range(n):
            a = Node()
            a.me = a
            if i % 100 == 0:
                weakref.finalize(a, out.note, "collected", i)
            if i % 100 == 99:
                a = None
                gc.collect()
            alive += 1
        return alive
    for n in (100, 400):
        out(f, n)


@diff
def test_print_in_the_loop(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += i
            if i % 100 == 0:
                print("at", i, s)
        print("done", sep="")
        return s
    for n in (1, 400):
        out(f, n)
