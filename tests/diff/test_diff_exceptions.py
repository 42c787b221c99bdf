"""Exceptions that loops raise and catch: type, arguments, lines, what had happened before."""

import sys

from differ import diff


@diff
def test_zero_division_out_of_the_loop(jit, out):
    @jit
    def f(n, zero_at):
        s = 0
        for i in range(n):
            s += 1000 // (i - zero_at)
        return s
    out(f, 400, -1)
    out(f, 400, 350)
    out(f, 400, 350)
    out(f, 400, 0)


@diff
def test_zero_division_each_operator(jit, out):
    @jit
    def true(n, d):
        s = 0.0
        for i in range(n):
            s += i / d
            d -= 1
        return s

    @jit
    def mod(n, d):
        s = 0
        for i in range(n):
            s += i % d
            d -= 1
        return s

    @jit
    def inplace(n, d):
        s = 1 << 60
        for i in range(n):
            s //= d
            s += 1 << 60
            d -= 1
        return s
    for g in (true, mod, inplace):
        for d in (500, 390, 390, 200.0):
            out(g, 400, d)


@diff
def test_caught_in_the_loop_each_time(jit, out):
    @jit
    def f(n):
        good = bad = 0
        for i in range(n):
            try:
                good += 100 // (i % 4)
            except ZeroDivisionError:
                bad += 1
        return good, bad
    for n in (0, 1, 5, 600):
        out(f, n)


@diff
def test_caught_late(jit, out):
    @jit
    def f(n, zero_at):
        s = caught = 0
        for i in range(n):
            try:
                s += 1000 // (zero_at - i)
            except ZeroDivisionError as e:
                caught = (str(e), e.__traceback__.tb_lineno, i)
        return s, caught
    for z in (10**6, 390, 200, 0):
        out(f, 400, z)


@diff
def test_try_around_the_loop(jit, out):
    @jit
    def f(n, d):
        s = 0
        try:
            for i in range(n):
                s += 7 % d
                d -= 1
        except ZeroDivisionError:
            s = -s
        else:
            s += 1000
        finally:
            s *= 2
        return s, i, d
    for d in (1000, 350, 3, 1):
        out(f, 400, d)


@diff
def test_nested_handlers(jit, out):
    @jit
    def f(n, k):
        s = 0
        for i in range(n):
            try:
                try:
                    s += 1 // (i % k)
                except ZeroDivisionError:
                    s += 10
                    if i % 11 == 0:
                        raise KeyError(i)
                finally:
                    s += 100
            except KeyError as e:
                s += e.args[0]
        return s
    for k in (1000, 3, 7, 1):
        out(f, 300, k)


@diff
def test_exception_chains(jit, out):
    @jit
    def f(n, at):
        s = 0
        for i in range(n):
            try:
                s += 10 // (at - i)
            except ZeroDivisionError as e:
                raise ValueError("bad", i) from e
        return s

    @jit
    def context(n, at):
        s = 0
        for i in range(n):
            try:
                s += 10 // (at - i)
            except ZeroDivisionError:
                s += undefined_name
        return s
    for g in (f, context):
        out(g, 300, 10**6)
        out(g, 300, 250)
        out(g, 300, 250)


@diff
def test_raise_in_loop(jit, out):
    @jit
    def f(n, at):
        s = 0
        for i in range(n):
            if i == at:
                raise ValueError("stop", s)
            s += i
        return s
    for at in (-1, 399, 10, 0):
        out(f, 400, at)


@diff
def test_reraise_and_finally_order(jit, out):
    @jit
    def f(n, d):
        s = 0
        for i in range(n):
            try:
                s += i // d
                d -= 1
            except ZeroDivisionError:
                out.note("handler", i, s)
                raise
            finally:
                if d < 2:
                    out.note("finally", i, s)
        return s
    for d in (1000, 250, 250):
        out(f, 300, d)


@diff(native=False)
def test_error_in_called_function(jit, out):
    def helper(x, i):
        return 100 // (x - i)

    @jit
    def f(n, x):
        s = 0
        for i in range(n):
            s += helper(x, i)
        return s
    for x in (10**6, 350, 350, 1):
        out(f, 400, x)


@diff
def test_error_passes_through_jitted_callers(jit, out):
    @jit
    def inner(k, n):
        s = 0
        for i in range(n):
            s += 60 // (k - i)
        return s

    @jit
    def outer(n, bad):
        s = 0
        for i in range(n):
            s += inner(10**6 if i != bad else 20, 30)
        return s
    for bad in (-1, 90, 50, 0):
        out(outer, 100, bad)


@diff
def test_traceback_line_within_a_long_expression(jit, out):
    @jit
    def f(n, d):
        s = 0
        for i in range(n):
            s += (i +
                  (7 %
                   (d - i)) -
                  (3 //
                   (d - i - 50)))
        return s
    for d in (10**6, 390, 200):
        out(f, 400, d)


@diff
def test_type_errors_in_mid_loop(jit, out):
    @jit
    def f(n, x):
        s = 0
        for i in range(n):
            if i == n - 5:
                s = x
            s = s + 1
        return s
    for x in (5, 0.5, "text", None, [], 1j, 5):
        out(f, 400, x)


@diff
def test_bad_comparison_and_unary(jit, out):
    @jit
    def less(n, x, y):
        c = 0
        for i in range(n):
            if i == n - 5:
                x = y
            c += x < 3
        return c

    @jit
    def negative(n, x, y):
        r = 0
        for i in range(n):
            if i == n - 5:
                x = y
            r = -x
        return r
    for y in (1, "a", None, 2.5, 1 << 80):
        out(less, 400, 2, y)
        out(negative, 400, 2, y)


@diff
def test_float_bit_operations_raise(jit, out):
    @jit
    def f(n, x):
        r = 0
        for i in range(n):
            r = i & x
            if i == n - 3:
                x = 2.5
        return r
    out(f, 400, 7)
    out(f, 400, 7)


@diff(native=False)
def test_stop_iteration_from_next(jit, out):
    @jit
    def f(it, n):
        s = 0
        for i in range(n):
            s += next(it)
        return s
    out(f, iter(range(1000)), 400)
    out(f, iter(range(390)), 400)
    out(f, iter(range(390)), 400)


@diff(native=False)
def test_exception_group(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            try:
                raise ExceptionGroup("g", [ValueError(i), KeyError(i)])
            except* ValueError as g:
                s += g.exceptions[0].args[0]
            except* KeyError:
                s -= 1
        return s
    for n in (1, 60):
        out(f, n)


@diff
def test_current_exception_in_handler_with_loop(jit, out):
    @jit
    def f(n):
        s = 0
        try:
            raise ValueError("outer")
        except ValueError:
            for i in range(n):
                s += i
                if i == n - 2:
                    out.note(type(sys.exception()).__name__)
        out.note(sys.exception())
        return s
    for n in (3, 400, 400):
        out(f, n)


@diff
def test_exception_while_handling_in_loop_keeps_context(jit, out):
    @jit
    def f(n, d):
        s = 0
        try:
            raise KeyError("first")
        except KeyError:
            for i in range(n):
                s += 5 // (d - i)
        return s
    for d in (10**6, 300):
        out(f, 400, d)


@diff
def test_exception_dies_with_its_handler(jit, out):
    class Noisy(Exception):
        def __del__(self):
            out.note("dead", self.args[0])

    @jit
    def f(n):
        s = 0
        for i in range(n):
            try:
                if i % 100 == 7:
                    raise Noisy(i)
                s += i
            except Noisy as e:
                s -= e.args[0]
        out.note("end")
        return s
    for n in (3, 400):
        out(f, n)


@diff
def test_recursion_error_at_the_same_depth(jit, out):
    deepest = 0

    @jit
    def f(n, depth):
        nonlocal deepest
        s = 0
        for i in range(n):
            s += i
        deepest = depth
        return s + f(n, depth + 1) if depth < 20000 else s

    def run():
        try:
            f(3, 0)
        except RecursionError as e:
            return deepest, str(e).startswith("maximum recursion depth exceeded")
    out(f, 300, 20000)
    out(run)
    out(run)


@diff
def test_memory_error_like_sizes(jit, out):
    @jit
    def f(n, k):
        x = 1
        for i in range(n):
            x = 1 << k if i == n - 1 else x + 1
        return x.bit_length()
    out(f, 300, 10)
    out(f, 300, 100)
    out(f, 300, 5000)


@diff
def test_exit_and_keyboard_interrupt_pass(jit, out):
    @jit
    def f(n, error):
        s = 0
        for i in range(n):
            s += i
            if i == n - 2:
                raise error
        return s
    out(f, 400, SystemExit(3))
    out(f, 400, KeyboardInterrupt())
    out(f, 400, GeneratorExit)


@diff(native=False)
def test_error_in_iterator(jit, out):
    class Numbers:
        def __init__(self, n):
            self.n = n

        def __iter__(self):
            return self

        def __next__(self):
            self.n -= 1
            if self.n < 0:
                raise StopIteration if self.n == -1 else ValueError("used up")
            return self.n

    @jit
    def f(it):
        s = 0
        for x in it:
            s += x
        return s
    it = Numbers(300)
    out(f, it)
    out(f, it)
    out(f, range(300))


@diff
def test_traceback_frame_is_the_functions_own(jit, out):
    @jit
    def f(n, d):
        s = 0
        for i in range(n):
            s += 1 // (d - i)
        return s

    def look(d):
        try:
            return f(400, d)
        except ZeroDivisionError as e:
            tb = e.__traceback__.tb_next
            code = getattr(f, "__wrapped__", f).__code__
            return tb.tb_frame.f_code is code, tb.tb_lineno, tb.tb_frame.f_locals
    for d in (10**6, 300, 300, 5):
        out(look, d)
