"""Steps: instructions without machine code, executed by the interpreter in the middle of a native loop.

The harness's mode "steps" makes a step of everything that has no machine code, whether that pays or not; `stepped`
asserts that it did, and that the loop stayed native."""

import functools
import sys

import pytest

import differ
import native

GLOBAL = 3
opaque = functools.partial  # what it makes is called in a step: no function that is compiled inline
MODES = ("steps", "eager", "sync", "background")


def stepped(function=None, *, least=50, filters=("always",)):
    """A program that is compared in all modes, and must make steps in the mode "steps"."""
    if function is None:
        return lambda function: stepped(function, least=least, filters=filters)
    program = differ.Program.of(function)

    @pytest.mark.parametrize("filters", filters)
    @pytest.mark.parametrize("mode", MODES)
    def test(mode, filters):
        functions = differ.compare(program, mode, filters, native_expected=False)
        if mode == "steps" and least:
            assert sum(map(native.native_iterations, functions)) > 0
            assert sum(map(native.steps, functions)) >= least, list(map(native.explain, functions))

    test.__name__ = test.__qualname__ = function.__name__
    test.__doc__, test.__module__ = function.__doc__, function.__module__
    test.program = program
    return test


# -- every kind of instruction --------------------------------------------------------------------

@stepped
def test_f_string_and_print(jit, out):
    @jit
    def f(n):
        t = 0
        for i in range(n):
            t += i * i
            s = f"{i} {t:x} {t!r}"
            if i % 50 == 0:
                print(s, t)
        return t, s
    for n in (5, 300, 301):
        out(f, n)


@stepped
def test_calls_of_all_kinds(jit, out):
    class C:
        def __init__(self, x):
            self.x = x

        def __call__(self, y, *rest, key=2):
            return self.x + y + len(rest) * key

        def method(self, y):
            self.x += y
            return self.x

        @staticmethod
        def static(y):
            return y + 1

        @classmethod
        def cls(cls, y):
            return y * 2

    def plain(a, b=2, *c, **d):
        return a + b + len(c) + sum(d.values())

    @jit
    def f(n, c):
        t = 0
        for i in range(n):
            t += plain(i)
            t += plain(i, b=3) - plain(i, *(1, 2), **{"q": i})
            t += c(i) + c(i, 1, 2, key=i) + c.method(1)
            t += C.static(i) + C.cls(i) + c.static(i)
            t += len(str(i)) + max([i, 3, t & 7]) + int("12")
            t &= 0xFFFFFFFF
        return t
    for n in (5, 300, 301):
        out(f, n, C(3))


@stepped
def test_attributes(jit, out):
    class C:
        slot = 1

        @property
        def p(self):
            return self.q + 1

    @jit
    def f(n):
        c = C()
        c.q = 0.5
        t = 0.0
        for i in range(n):
            t += c.q * i
            c.q = t * 0.25
            t -= c.p
            c.slot += i
            if i % 100 == 99:
                del c.q
                c.q = 1.0
        return t, c.slot, c.q
    for n in (5, 300, 301):
        out(f, n)


@stepped
def test_dicts_lists_sets_slices(jit, out):
    @jit
    def f(n):
        d, seen, rows = {}, set(), []
        t = 0
        for i in range(n):
            k = i * 7 % 13
            d[k] = d.get(k, 0) + i
            if k in d and i not in seen:
                seen.add(i)
            rows.append([i, k, (i, t)])
            t += d[k] + len(rows[-3:]) + rows[i // 2][1]
            x = {"a": i, **{"b": k}}
            y = {i, k}
            z = [*y, i]
            t += len(x) + len(y) + len(z)
            if len(rows) > 40:
                del rows[:20]
                rows += [[i, i, ()]] * 25 + rows
                rows = rows[:45]
        return t, d, sorted(seen), rows
    for n in (5, 60, 300):
        out(f, n)


@stepped
def test_globals(jit, out):
    @jit
    def f(n):
        global GLOBAL
        t = 0
        for i in range(n):
            GLOBAL = i
            t += GLOBAL * 2
        return t
    for n in (5, 300, 301):
        out(f, n)


@stepped
def test_with_blocks(jit, out):
    class Manager:
        def __init__(self):
            self.log = []

        def __enter__(self):
            self.log.append("in")
            return len(self.log)

        def __exit__(self, kind, value, tb):
            self.log.append(kind and kind.__name__)
            return kind is ValueError

    @jit
    def f(n, m, bad):
        t = 0
        for i in range(n):
            with m as k:
                t += k * i
                if i == bad:
                    raise ValueError(i)
                if i == bad + 20:
                    raise KeyError(i)
                t -= 1
            t += 3
        return t
    for n in (5, 300, 301):
        m = Manager()
        out(f, n, m, 10**9)
        out(f, n, m, 50)
        out.value(m.log)


@stepped
def test_assert_messages(jit, out):
    @jit
    def f(n, limit):
        t = 0
        for i in range(n):
            s = str(i)
            t += i
            assert t < limit, f"{t} at {s}"
        return t
    for n in (5, 300, 301):
        out(f, n, 10**9)
        out(f, n, 20000)


@stepped
def test_big_ints(jit, out):
    @jit
    def f(n):
        x, y = 1, 1
        for i in range(n):
            y = (y * 5 + i) % 1000003
            x = x * 3 + i
            x = x if x.bit_length() < 200 else x >> 190
        return x, y
    for n in (5, 100, 300, 301):
        out(f, n)


@stepped
def test_imports_lambdas_closures(jit, out):
    @jit
    def f(n):
        t = 0
        fs = []
        for i in range(n):
            import math
            from os import path
            g = lambda q, i=i: q + i + t
            fs = [g, *fs[:3]]
            t += g(1) + len([j for j in (1, 2, i) if j > 1]) + (path is None)
            t &= 0xFFFF
        return t, math.pi
    for n in (5, 100, 301):
        out(f, n)


@stepped
def test_values_of_changing_type(jit, out):
    values = [1, 2.5, None, "x", 10**30, True, (1,)]

    @jit
    def f(n, get):
        t, last = 0.0, None
        for i in range(n):
            v = get(i)
            t += i * 0.5
            if v is None:
                t += 1
            elif isinstance(v, (int, float)):
                t += v % 7
            last = v
        return t, last
    for n in (5, 300, 301):
        out(f, n, lambda i: values[i % len(values)])
        out(f, n, lambda i: i)
        out(f, n, lambda i: values[i * i % 5])


# -- identity -------------------------------------------------------------------------------------

@stepped
def test_identity_of_what_came_from_objects(jit, out):
    @jit
    def f(n, x, y, get):
        a, b, k = x, y, 0
        for i in range(n):
            p = q = get(i)
            k += (p is q) + 2 * (a is x) + 4 * (b is y)
            a, b = b, a
            r = p
            out.note(r is p, p is get(i), a is x, b is x, x is y)
            k += i * 2
        return k
    for n in (5, 40, 41):
        held = [1000.5 + i for i in range(50)]
        out(f, n, float("12.5"), float("13.5"), held.__getitem__)
        held = [10**6 + i for i in range(50)]
        out(f, n, int("1234567"), int("1234568"), held.__getitem__)


# -- exceptions -----------------------------------------------------------------------------------

@stepped
def test_exceptions_leave(jit, out):
    @jit
    def f(n, get):
        t = 0
        u = 0.5
        for i in range(n):
            t += i * 3
            u *= 1.5
            t += get(t - t + i)
            u = u * 0.5
        return t, u

    def get(at):
        return lambda i: [1][i == at]
    for at in (10**9, 3, 200, 299):
        out(f, 300, get(at))


@stepped
def test_exceptions_are_handled(jit, out):
    @jit
    def f(n, d):
        t, misses, late = 0, 0, 0
        for i in range(n):
            t += i
            try:
                x = d[i % 17]
                t += x * 2
            except KeyError as e:
                misses += 1
                t -= e.args[0]
            else:
                late += 1
            finally:
                late += 2
            t += late & 1
        return t, misses, late
    for n in (5, 300, 301):
        out(f, n, {i: i * i for i in range(17)})
        out(f, n, {i: i * i for i in range(16)})
        out(f, n, {})


@stepped
def test_handler_changes_what_the_step_left(jit, out):
    @jit
    def f(n, get):
        t, mark, x = 0, 1, 0
        for i in range(n):
            t += i * mark
            try:
                x = get(i)
            except ValueError:
                mark = mark + 1
            except TypeError:
                mark = 0.5
            t += x + mark
        return t, mark, x

    def get(i):
        if i % 50 == 49:
            raise ValueError
        if i == 230:
            raise TypeError
        return i & 3
    for n in (5, 200, 300):
        out(f, n, opaque(get))


@stepped
def test_handler_binds_a_local(jit, out):
    @jit
    def f(n, get):
        t, name = 0, ""
        for i in range(n):
            t += i
            try:
                name = get(i)
            except ValueError as e:
                late, last = i, e
            t += 1
        return t, name, late, last

    def get(i):
        if i % 100 == 99:
            raise ValueError
        return str(i)
    for n in (50, 150, 250):
        out(f, n, opaque(get))


@stepped
def test_handler_leaves_an_address_to_another_number(jit, out):
    @jit
    def f(n, get):
        t, k, name = 0.5, 10**6, ""
        for i in range(n):
            t = t * 0.5 + i
            k = k + 1
            try:
                name = get(i)
            except ValueError:
                t = None
                t = 12.25
                k = None
                k = 7000000 + i
            t += k
        return t, k, name

    def get(i):
        if i % 10 == 7:
            raise ValueError
        return str(i)
    for n in (5, 200, 300):
        out(f, n, opaque(get))


@stepped
def test_handler_with_a_loop(jit, out):
    @jit
    def f(n, get):
        t = 0
        for i in range(n):
            try:
                t += get(i) * 2
            except ValueError:
                for j in range(10):
                    t += j
                    if j == 7:
                        break
                while t > 1000:
                    t //= 2
            t += 1
        return t

    def get(i):
        if i % 11 == 5:
            raise ValueError
        return i
    for n in (5, 200, 300):
        out(f, n, opaque(get))


@stepped
def test_return_and_break_from_handlers(jit, out):
    @jit
    def f(n, get):
        t = 0
        for k in range(3):
            for i in range(n):
                try:
                    t += get(i) * 2
                except ValueError:
                    break
                except KeyError:
                    return t, i
                finally:
                    t += 1
                t += 3
            t *= 2
        return t

    def get(at, kind):
        def get(i):
            if i == at:
                raise kind
            return i
        return get
    for kind in (ValueError, KeyError, OSError):
        for at in (10**9, 3, 150):
            out(f, 200, opaque(get(at, kind)))


@stepped
def test_nested_try_with(jit, out):
    import contextlib

    @jit
    def f(n, get):
        t = 0
        for i in range(n):
            with contextlib.suppress(KeyError):
                try:
                    t += get(i)
                except ZeroDivisionError:
                    t += 7
                    raise KeyError(i)
                finally:
                    t += 1
                t += 2
        return t

    def get(i):
        return 10 // (i % 9 - 4)
    for n in (5, 200, 300):
        out(f, n, get)


# -- who looks at the frame -----------------------------------------------------------------------

@stepped
def test_callee_looks_at_the_frame(jit, out):
    def look(depth=1):
        frame = sys._getframe(depth)
        return dict(frame.f_locals), frame.f_lineno, frame.f_back.f_code.co_name

    @jit
    def f(n):
        t, u = 0, 0.5
        for i in range(n):
            t += i * 2
            u = u * 0.5 + t
            if i % 7 == 0:
                s = look()
                out.note(s[0]["t"], s[0]["u"], s[0]["i"], s[1], s[2])
            t += len(locals())
        return t, u
    for n in (5, 60, 300):
        out(f, n)


@stepped
def test_locals_of_a_frame_with_cells(jit, out):
    @jit
    def f(n):
        t, u = 0, 1.5

        def bump(by):
            nonlocal t, u
            t += by
            if by % 40 == 39:
                u = "text"
            elif by % 40 == 1:
                u = 2.5

        for i in range(n):
            t = t + 1
            bump(i)
            if u != "text":
                u = u * 1.5
            out.note(t, u)
        return t, u
    for n in (5, 100, 201):
        out(f, n)


@stepped
def test_cell_is_emptied(jit, out):
    @jit
    def f(n, bad):
        x = 1

        def drop(i):
            nonlocal x
            if i == bad:
                del x

        t = 0
        for i in range(n):
            drop(i)
            t += x
            x = i
        return t
    for bad in (10**9, 3, 99):
        out(f, 100, bad)


@stepped
def test_callee_changes_globals(jit, out):
    def change(i):
        global GLOBAL
        if i % 30 == 29:
            GLOBAL = GLOBAL + 1
        if i == 150:
            GLOBAL = 2.5
        if i == 200:
            GLOBAL = 7

    @jit
    def f(n):
        t = 0
        for i in range(n):
            t += GLOBAL * i
            opaque(change)(i)
            t += GLOBAL
        return t
    for n in (5, 160, 300):
        out(f, n)


@stepped
def test_callee_replaces_a_builtin(jit, out):
    def change(i):
        global abs
        if i == 100:
            abs = lambda x: 1000
        if i == 140:
            del abs

    @jit
    def f(n):
        t = 0
        for i in range(n):
            t += abs(i - 50)
            opaque(change)(i)
        return t
    for n in (5, 160, 300, 90, 90):
        out(f, n)


# -- arrays ---------------------------------------------------------------------------------------

@stepped
def test_array_in_use_changes(jit, out):
    np = pytest.importorskip("numpy")

    def change(a, i):
        if i == 60:
            a.shape = (10, 10)
        if i == 61:
            a.shape = (100,)
        if i == 120:
            a.resize(200, refcheck=False)
        if i == 140:
            a.flags.writeable = False
        if i == 141:
            a.flags.writeable = True
        a[i % 50] += 1

    @jit
    def f(n, a):
        t = 0
        for i in range(n):
            try:
                a[i] = a[i] + 1.0
                t += a[i] + a[-1]
            except (ValueError, IndexError, TypeError) as e:
                t -= 1
                out.note(str(e))
            opaque(change)(a, i)
            t += a[i % 50]
        return t
    for n in (5, 99, 180):
        out(f, n, np.arange(100.0))


@stepped(least=0)
def test_array_is_replaced(jit, out):
    np = pytest.importorskip("numpy")

    @jit
    def f(n, get):
        a = get(0)
        t = 0.0
        for i in range(n):
            t += a[i & 3] * 2.0
            if i % 10 == 9:
                a = get(i)
            a[i & 7] += 0.5
        return t, a

    def get(i):
        return np.arange(8.0) + i if i != 89 else np.arange(8) * 3
    for n in (5, 80, 120):
        out(f, n, opaque(get))


@stepped
def test_errstate_changes_in_a_step(jit, out):
    np = pytest.importorskip("numpy")

    def change(i):
        if i == 50:
            np.seterr(under="raise")

    @jit
    def f(n, x):
        t = x
        for i in range(n):
            t = t * x
            opaque(change)(i)
        return t
    with np.errstate():
        for n in (20, 49, 400):  # 0.1 ** 308 is subnormal
            out(f, n, np.float64(0.1))
            np.seterr(under="ignore")


# -- lives ----------------------------------------------------------------------------------------

@stepped
def test_objects_die_in_order(jit, out):
    class Noisy:
        def __init__(self, k):
            self.k = k

        def __del__(self):
            out.note("dies", self.k)

    @jit
    def f(n):
        first = second = None
        t = 0
        for i in range(n):
            a, b = (Noisy(i), Noisy(-i)) if i % 50 == 7 else ("a", "b")
            t += i * 2
            if i % 50 in (7, 9):
                second = a
                first = b
            t ^= 5
            a = b = None
            out.note("made", i, t)
        return t
    for n in (5, 300):
        out(f, n)


@stepped(least=20)
def test_objects_die_when_they_should(jit, out):
    class Noisy:
        def __init__(self, k):
            self.k = k

        def __del__(self):
            out.note("dies", self.k)

    @jit
    def f(n):
        x = None
        t = 0
        for i in range(n):
            x = Noisy(i)
            t += i * 2
            out.note("made", i, t)
            if i % 3 == 0:
                y = x
            if i % 5 == 0:
                y = 1
            t += 1
            Noisy(-i)
        return t
    for n in (3, 40, 41):
        out(f, n)


@stepped(least=0)
def test_arrays_die_when_they_should(jit, out):
    np = pytest.importorskip("numpy")

    class Base:
        def __init__(self, k):
            self.k = k
            self.__array_interface__ = {"shape": (4,), "typestr": "<f8", "version": 3,
                                        "data": (held.ctypes.data, False)}

        def __del__(self):
            out.note("dies", self.k)

    held = np.arange(4.0)

    @jit
    def f(n):
        t = 0.0
        a = b = np.zeros(4)
        for i in range(n):
            a = np.asarray(Base(i))
            t += a[1] + b[2]
            out.note("made", i)
            b = a
            a = held
            t += a[1]
            out.note("next", i)
            b = held
            t += 1
        return t
    for n in (3, 40, 41):
        out(f, n)


@stepped(least=20)
def test_finalizer_runs_the_function_again(jit, out):
    class Again:
        def __init__(self, k):
            self.k = k

        def __del__(self):
            if self.k > 0:
                out.note(f(self.k, 0))

    @jit
    def f(n, deep):
        t = 0
        for i in range(n):
            t += i * 2
            x = Again(deep if i == 20 else 0)
        return t
    for n in (3, 40, 41):
        out(f, n, 30)


# -- the same function again ----------------------------------------------------------------------

@stepped(least=30)
def test_recursion(jit, out):
    @jit
    def f(n, depth):
        t = 0
        for i in range(n):
            t += i * 2
            if i % 10 == 3 and depth:
                t += opaque(f)(n - 5, depth - 1)
            t = t * 3 % 1000007
        return t
    for n in (5, 40, 41):
        out(f, n, 2)


@stepped(least=0)
def test_recursion_limit(jit, out):
    @jit
    def f(n, depth):
        t = 0
        for i in range(n):
            t += i
            if i == n - 2:
                t += f(n, depth + 1)
        return t
    before = sys.getrecursionlimit()
    for _ in range(3):
        try:
            f(8, 0)
        except RecursionError as e:
            out.note(type(e))
    sys.setrecursionlimit(before)
    out(len, ())


@stepped
def test_generators_in_a_step(jit, out):
    @jit
    def f(n):
        def gen():
            t = 0
            while True:
                t += yield t
        g = gen()
        next(g)
        s = 0
        for i in range(n):
            s += g.send(i)
            s += sum(j for j in (i, 1, 2))
        g.close()
        return s
    for n in (5, 60, 300):
        out(f, n)


@stepped
def test_nests(jit, out):
    @jit
    def f(n, m):
        rows, t = [], 0
        for i in range(n):
            row = []
            for j in range(m):
                t += i * j
                if j % 5 == 0:
                    row.append(t)
            s = 0.0
            for j in range(m):
                s += j * 0.5
            rows.append((row, s, str(i)))
        return t, rows
    for n, m in ((3, 3), (20, 20), (30, 50)):
        out(f, n, m)


@stepped
def test_while_loops_and_strings(jit, out):
    @jit
    def f(n):
        i, parts, text = 0, [], ""
        while i < n:
            parts.append(str(i * i % 7))
            text = text + parts[-1] if i % 3 else text.upper()
            i += 1
        return "".join(parts), text
    for n in (5, 60, 300):
        out(f, n)


# -- the outside ----------------------------------------------------------------------------------

@stepped
def test_trace_function_is_set_in_a_step(jit, out):
    def tracer(frame, event, arg):
        if frame.f_code.co_name == "f":
            out.note(event, frame.f_lineno)
        return tracer

    def change(i, at):
        if i == at:
            sys.settrace(tracer)

    @jit
    def f(n, at):
        t = 0
        for i in range(n):
            t += i * 2
            opaque(change)(i, at)
            t += 1
        return t
    for n, at in ((5, 99), (60, 99), (60, 55), (60, 3), (60, 99)):
        try:
            out(f, n, at)
        finally:
            sys.settrace(None)


@stepped
def test_profile_function_is_set_in_a_step(jit, out):
    def profiler(frame, event, arg):
        if frame.f_code.co_name in ("f", "change"):
            out.note(event, frame.f_code.co_name)

    def change(i, at):
        if i == at:
            sys.setprofile(profiler)

    @jit
    def f(n, at):
        t = 0
        for i in range(n):
            t += i * 2
            opaque(change)(i, at)
            t += 1
        return t
    for n, at in ((5, 99), (60, 99), (60, 55), (60, 3), (60, 99)):
        try:
            out(f, n, at)
        finally:
            sys.setprofile(None)


@stepped(least=5)
def test_warnings_in_a_step(jit, out):
    import warnings

    @jit
    def f(n):
        t = 0
        for i in range(n):
            t += i
            if i % 40 == 7:
                warnings.warn("careful %d" % i)
        return t
    for n in (5, 60, 300):
        out(f, n)


# -- with calls that are compiled inline ----------------------------------------------------------

@stepped
def test_function_changes_in_a_step(jit, out):
    def scale(x, by=3):
        return x * by + 1

    def other(x, by=3):
        return x - by * 0.5

    def change(i):
        if i == 60:
            scale.__defaults__ = (4,)
        if i == 90:
            scale.__defaults__ = (0.5,)
        if i == 120:
            scale.__code__ = other.__code__
        if i == 150:
            scale.__defaults__ = None

    @jit
    def f(n, scale):
        t = 0
        for i in range(n):
            t += scale(i)
            opaque(change)(i)
            t += scale(i, 2)
        return t
    for n in (5, 59, 80, 110, 140, 200, 100):
        out(f, n, scale)


@stepped
def test_function_is_replaced_in_a_step(jit, out):
    class Noisy:
        def __del__(self):
            out.note("dies")

    def make(k):
        noisy = Noisy() if k % 40 == 0 else None

        def scale(x):
            return x * k if noisy is not None else x + k
        return scale

    @jit
    def f(n):
        t, scale = 0, make(0)
        for i in range(n):
            t += scale(i)
            if i % 20 == 13:
                scale = opaque(make)(i // 10)
            out.note(t)
            t += scale(i) & 15
        return t
    for n in (5, 59, 300):
        out(f, n)


@stepped
def test_globals_of_a_function_change_in_a_step(jit, out):
    def scaled(x):
        return x * GLOBAL + abs(x - 70)

    def change(i):
        global GLOBAL, abs
        if i % 30 == 29:
            GLOBAL += 1
        if i == 100:
            GLOBAL = 1.5
        if i == 130:
            abs = lambda x: 1000
        if i == 160:
            del abs

    @jit
    def f(n):
        t = 0
        for i in range(n):
            t += scaled(i)
            opaque(change)(i)
            t += scaled(i + 1)
        return t
    for n in (5, 95, 120, 150, 200, 90):
        out(f, n)


@stepped
def test_closure_of_a_function_changes_in_a_step(jit, out):
    k = 3

    def scaled(x):
        return x * k

    def change(i):
        nonlocal k
        if i % 30 == 29:
            k += 1
        if i == 100:
            k = 2.5
        if i == 140:
            del k
        if i == 141:
            k = 1

    @jit
    def f(n):
        t = 0
        for i in range(n):
            try:
                t += scaled(i)
            except NameError:
                t -= 1
            opaque(change)(i)
        return t
    for n in (5, 95, 120, 160, 90):
        out(f, n)


@stepped
def test_function_with_what_has_no_machine_code(jit, out):
    def log(i, t):
        out.note(f"{i}: {t:.3f}")
        return i & 7

    def rare(i, t):
        if i % 16 == 15:
            out.note(str(t))
        return t * 0.5

    @jit
    def f(n):
        t = 0.0
        for i in range(n):
            t += log(i, t)
            t = rare(i, t) + log(-i, t)
        return t
    for n in (5, 59, 300):
        out(f, n)


@stepped
def test_iterators_and_lists_over_a_step(jit, out):
    def note(x, items):
        if x % 50 == 7:
            items.append(x)
        if x == 211:
            del items[:100]

    @jit
    def f(items, others):
        t = 0
        for k, (a, b) in enumerate(zip(items, others)):
            t += a * b + k
            opaque(note)(a, items)
            t ^= a
            for c in (a, b, k):
                t += c
        for a in reversed(others):
            t -= a
            opaque(note)(a, others)
        return t, items
    for n in (5, 59, 300):
        out(f, list(range(n)), list(range(n, 2 * n)))


@stepped
def test_complex_and_small_dtypes_over_a_step(jit, out):
    np = pytest.importorskip("numpy")

    @jit
    def f(n, z, w, x, y, b):
        seen = []
        for i in range(n):
            z = z * w * 0.5 + w
            x = x * np.float32(0.5) + np.float32(i)
            y = y ^ np.int16(i & 255)
            seen.append({i: (z, x)})
            b = b ^ np.bool_(i & 1)
            z += x
        return z, x, y, b, seen
    for n in (5, 59, 120):
        out(f, n, 0.1 + 0.2j, 0.25j, np.float32(1), np.int16(7), np.bool_(True))
        out(f, n, np.complex64(0.1 + 0.2j), np.complex64(0.25j), np.float32(1), np.int16(7), np.bool_(True))


@stepped
def test_float16_overflows_in_a_step(jit, out):
    np = pytest.importorskip("numpy")

    @jit
    def f(n, z, x):
        for i in range(n):
            z = z * z + x
            x += np.float16(i)
        return z, x
    for n in (5, 59, 120):
        out(f, n, np.float16(0.1), np.float16(0.5))


@stepped
def test_iterator_goes_on_in_a_step(jit, out):
    import gc

    def skip(items, i):
        if i % 70 == 50:
            for o in gc.get_objects():
                if type(o) is type(iter([])) and o.__reduce__()[1][0] is items:
                    out.note(next(o))

    @jit
    def f(items):
        t = 0
        for x in items:
            t += x * 2
            opaque(skip)(items, x)
            t ^= x
        return t
    for n in (5, 59, 300):
        out(f, list(range(n)))


@stepped
def test_locals_are_written_in_a_step(jit, out):
    import ctypes

    def write(i):
        if i % 60 == 55:
            frame = sys._getframe(1)
            frame.f_locals["t"] = i * 0.5 if i == 115 else i
            ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))

    @jit
    def f(n):
        t = 0
        for i in range(n):
            t += i * 2
            opaque(write)(i)
            t += 1
        return t
    for n in (5, 59, 100, 150):
        out(f, n)


@stepped
def test_arrays_that_change_while_they_are_iterated_over(jit, out):
    np = pytest.importorskip("numpy")

    def change(a, i):
        if i == 60:
            a.shape = (10, 10)
        if i == 61:
            a.shape = (100,)
        if i == 70:
            a.dtype = np.int64
        if i == 75:
            a.dtype = np.float64
        if i == 80:
            a.resize(200, refcheck=False)
        if i == 150:
            a.resize(140, refcheck=False)

    @jit
    def f(a, b, limit):
        t, kinds = 0.0, []
        for i, x in enumerate(a):
            if i < limit:
                opaque(change)(a, i)
            t += 0.5
            if x.ndim:
                kinds.append(x.shape)
            elif i % 7 == 0:
                kinds.append((i, x))
        for x, y in zip(a, b):
            t += x * y
            kinds.append((x, len(kinds)))
        return t, kinds
    for limit in (5, 65, 73, 77, 200):
        out(f, np.arange(100.0), np.arange(300), limit)


@stepped
def test_rows_and_items_of_arrays_over_a_step(jit, out):
    np = pytest.importorskip("numpy")

    @jit
    def f(a, n):
        seen = {}
        t = 0.0
        for i in range(n):
            row = a[i % 7]
            for j in range(5):
                row[j] += a[i % 6, j] * 0.5
                t += row[j]
            seen[i % 11, i % 5] = row
            a[i % 7, 2] -= t * 0.25
            t = row[2] - t
        return t, seen, row, a
    for n in (5, 60, 200):
        out(f, np.arange(35.0).reshape(7, 5), n)


@stepped(least=0)
def test_step_that_follows_what_was_computed(jit, out):
    """int(x) has machine code, but for what does not fit: then it is a step, which a recording that has computed
    int(x) itself comes to by the guard's exit."""
    np = pytest.importorskip("numpy")

    @jit
    def f(n, u, w, g):
        a, b, c = 3, -7, 1
        i = 0
        x, y = 0.5, 2.0
        while True:
            i += 1
            if i >= n:
                break
            try:
                m = 0
                while m > 0:
                    m -= 1
                g[a % 5] *= 0.5
                if (a > b < y) != (i % 5 == 2 or x < y):
                    if +a < 2 % 7:
                        c += 1
                        x, y = y, x
                else:
                    if c != -i:
                        pass
                    w[2 % len(u)] = i < 9
                    assert min(int(u[i % len(u)]), (c := 7), -5 << (0 & 7)) != 77
                b = 2**40 * -7 * b & 9223372036854775807
            except Exception:
                a, b, c, x, y = i, 2, 3, 0.5, 1.5
        return a, b, c, i, x, y
    for n in (60, 330, 17, 3, 320):
        out(f, n, np.array([1.0, np.inf, -0.0, np.nan, 1e+308] * 3), np.zeros(9, bool), np.ones(6))
