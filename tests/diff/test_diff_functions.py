"""Functions of every kind around and inside loops."""

import asyncio
import functools

from differ import diff


@diff(native=False)
def test_arguments_of_every_kind(jit, out):
    @jit
    def f(a, b=2, /, c=3, *rest, d, e=5, **more):
        s = 0
        for i in range(a):
            s += b * i + c - d + e
            for r in rest:
                s += r
        return s, rest, sorted(more)
    out(f, 300, d=1)
    out(f, 300, 4, d=1.5)
    out(f, 300, 4, 5, 6, 7, d=1, e=2, z=3)
    out(f, 300, c=7, d=1, b=9)
    out(f, 300)
    out(f)
    out(f, 1, 2, 3, d=1, c=4)
    out(f, 300, d=1)
    out(f, *[300, 1], **{"d": 2})


@diff
def test_mutable_defaults(jit, out):
    @jit
    def f(n, log=[]):
        s = 0
        for i in range(n):
            s += i
        log.append(s)
        return log
    for n in (3, 400, 400):
        out(f, n)


@diff
def test_keyword_names_with_their_own_equality(jit, out):
    class Name(str):
        def __eq__(self, other):
            out.note("compared", str(other))
            return str.__eq__(self, other)
        __hash__ = str.__hash__

    @jit
    def f(n, k=1):
        s = 0
        for i in range(n):
            s += k
        return s
    out(f, 300, k=2)
    out(f, 300, **{Name("k"): 3})
    out(f, 300, **{Name("j"): 3})
    out(f, 300, k=2)


@diff
def test_methods(jit, out):
    class C:
        def __init__(self, k):
            self.k = k

        @jit
        def total(self, n):
            s = 0
            k = self.k
            for i in range(n):
                s += i * k
            return s

        @staticmethod
        @jit
        def static(n):
            s = 0
            for i in range(n):
                s += i
            return s

        @classmethod
        @jit
        def made(cls, n):
            s = 0
            for i in range(n):
                s -= i
            return s, cls.__name__

        @property
        @jit
        def value(self):
            s = 0
            for i in range(300):
                s += self.k
            return s

        @jit
        def __call__(self, n):
            s = 1
            for i in range(n):
                s = s * 3 % 1009
            return s
    for k in (2, 0.5):
        c = C(k)
        out(c.total, 400)
        out(C.total, c, 400)
        out(c.static, 400)
        out(C.made, 400)
        out(lambda: c.value)
        out(c, 400)
        out(map(c.total, [1, 300, 400]).__next__)
    out(C.total, 400)


@diff
def test_recursion_with_loops(jit, out):
    @jit
    def f(depth, n):
        s = depth
        for i in range(n):
            s += i
            if i == n // 2 and depth > 0:
                s += f(depth - 1, n)
        return s

    @jit
    def queens(row, n, columns, left, right):
        count = 0
        for c in range(n):
            bit = 1 << c
            if not (columns & bit or left >> row + c & 1 or right >> row - c + n & 1):
                if row == n - 1:
                    count += 1
                else:
                    count += queens(row + 1, n, columns | bit, left | 1 << row + c, right | 1 << row - c + n)
        return count
    for depth, n in ((0, 5), (3, 40), (20, 30), (3, 300)):
        out(f, depth, n)
    for n in (1, 4, 5, 6):
        out(queens, 0, n, 0, 0, 0)


@diff
def test_mutual_recursion(jit, out):
    @jit
    def even(n):
        s = 0
        for i in range(5):
            s += n
        return s + odd(n - 1) if n > 0 else s

    @jit
    def odd(n):
        s = 0
        for i in range(4):
            s -= n
        return s + even(n - 1) if n > 0 else s
    for n in (1, 10, 100):
        out(even, n)


@diff
def test_jitted_calls_jitted(jit, out):
    @jit
    def inner(x, n):
        s = 0
        for i in range(n):
            s += x * i
        return s

    @jit
    def outer(n):
        s = 0
        for i in range(n):
            s += inner(i, 20)
        return s
    for n in (3, 200):
        out(outer, n)


@diff(native=False)
def test_inlined_callee_with_branches_and_defaults(jit, out):
    def clip(x, lo=10, hi=200):
        if x < lo:
            return lo
        if x > hi:
            return hi
        return x

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += clip(i) + clip(i, 50) + clip(i, hi=60)
        return s
    for n in (3, 400):
        out(f, n)


@diff(native=False)
def test_generator_functions(jit, out):
    @jit
    def squares(n):
        for i in range(n):
            got = yield i * i
            if got:
                n += got
    for n in (0, 3, 400):
        out(lambda: list(squares(n)))

    def talk():
        g = squares(10)
        seen = [next(g), g.send(5), g.send(None), next(g)]
        try:
            g.throw(ValueError("in"))
        except ValueError as e:
            seen.append((str(e), e.__traceback__.tb_next.tb_lineno))
        return seen, list(g)
    out(talk)


@diff
def test_generators_calling_jitted_functions(jit, out):
    @jit
    def total(n):
        s = 0
        for i in range(n):
            s += i
        return s

    def produce(k):
        for n in range(k):
            yield total(n * 10)
    out(lambda: list(produce(60)))
    out(lambda: sum(total(n) for n in range(300, 320)))


@diff(native=False)
def test_loop_over_a_generator(jit, out):
    def numbers(n):
        try:
            for i in range(n):
                yield i
        finally:
            out.note("closed")

    @jit
    def f(gen, stop):
        s = 0
        for x in gen:
            s += x
            if x == stop:
                break
        return s
    out(lambda: f(numbers(300), -1))
    out(lambda: f(numbers(300), 250))
    out(lambda: f(numbers(300), -1))


@diff(native=False)
def test_comprehensions_inside(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += sum([j * j for j in range(5)])
            s += len({j % 3 for j in range(i % 7)})
            s += sum(j for j in range(3))
            s += {j: i for j in range(2)}[1]
        return s
    for n in (3, 100):
        out(f, n)


@diff
def test_lambda_and_partial(jit, out):
    f = jit(lambda n: sum(i for i in range(n)))

    @jit
    def g(k, n):
        s = 0
        for i in range(n):
            s += k
        return s
    for n in (3, 300):
        out(f, n)
        out(functools.partial(g, 3), n)
        out(lambda: functools.reduce(lambda a, b: a + g(b, n), range(5), 0))


@diff(native=False)
def test_async_functions(jit, out):
    @jit
    async def f(n):
        s = 0
        for i in range(n):
            s += i
            if i % 50 == 0:
                await asyncio.sleep(0)
        return s

    @jit
    async def agen(n):
        for i in range(n):
            yield i

    async def main():
        total = [x async for x in agen(20)]
        return await asyncio.gather(f(100), f(300), f(0)), total
    out(lambda: asyncio.run(main()))
    out(lambda: asyncio.run(main()))


@diff
def test_jitted_function_in_a_coroutine(jit, out):
    @jit
    def total(n):
        s = 0
        for i in range(n):
            s += i
        return s

    async def one(n):
        await asyncio.sleep(0)
        return total(n)

    async def main():
        return await asyncio.gather(*(one(n) for n in (3, 300, 400, 500)))
    out(lambda: asyncio.run(main()))


@diff(native=False)
def test_nested_functions_made_in_the_loop(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            def add(x, i=i):
                return x + i
            s = add(s)
        return s
    for n in (3, 300):
        out(f, n)


@diff(native=False)
def test_class_made_in_the_loop(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            class C:
                k = i
            s += C.k
        return s
    for n in (3, 60):
        out(f, n)


@diff(native=False)
def test_import_in_the_loop(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            import math
            from os import path
            s += math.floor(i / 2) + len(path.join("a", "b"))
        return s
    for n in (3, 300):
        out(f, n)


@diff(native=False)
def test_star_calls_in_the_loop(jit, out):
    def g(*args, **kw):
        return len(args) + len(kw)

    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += g(*(1, 2), i, k=1, **{"z": i})
            a, *b = i, i + 1, i + 2
            s += a + b[1]
            x = [*b, a]
            s += len({**{"q": 1}, "w": len(x)})
        return s
    for n in (3, 200):
        out(f, n)


@diff
def test_decorated_and_wrapped(jit, out):
    def logged(func):
        @functools.wraps(func)
        def wrapper(*args):
            out.note("called", args)
            return func(*args)
        return wrapper

    @logged
    @jit
    def f(n):
        s = 0
        for i in range(n):
            s += i
        return s

    @functools.lru_cache
    @jit
    def g(n):
        s = 0
        for i in range(n):
            s -= i
        return s
    for n in (3, 400, 400):
        out(f, n)
        out(g, n)


@diff
def test_callback_from_c(jit, out):
    @jit
    def key(x):
        s = 0
        for i in range(30):
            s += (x * i) % 7
        return s
    for n in (3, 50):
        out(sorted, range(n), key=key)
        out(lambda: list(map(key, range(n))))
        out(max, range(1, n), key=key)


@diff
def test_two_functions_from_one_code(jit, out):
    def make(k):
        def f(n):
            s = 0
            for i in range(n):
                s += k * i
            return s
        return jit(f)
    a, b = make(2), make(2.5)
    for n in (3, 300, 300):
        out(a, n)
        out(b, n)


@diff(native=False)
def test_function_attributes_and_globals_seen_inside(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            f.calls += 1
            s += f.calls
        return s
    f.calls = 0
    for n in (3, 200):
        out(f, n)
    out.value(f.__name__, f.__qualname__, f.__doc__, f.__module__, f.calls)


@diff
def test_arguments_change_type_between_calls(jit, out):
    @jit
    def f(x, y, n):
        s = x
        for i in range(n):
            s = s + y
        return s
    values = [1, 0.5, True, 2**70, 1j, "a", [1], None]
    for x in values:
        for y in values:
            out(f, x, y, 50)
    for x in values[:4]:
        for y in values[:4]:
            out(f, x, y, 350)


@diff
def test_types_that_alternate_every_iteration(jit, out):
    @jit
    def f(n):
        x, y, z = 1, 2.0, True
        s = 0
        for i in range(n):
            s += x
            x, y, z = y, z, x
        return s
    for n in (3, 400, 401, 402):
        out(f, n)


@diff
def test_type_changes_int_float_str(jit, out):
    @jit
    def f(n, stages):
        x = 0
        for i in range(n):
            if i == 200:
                x = stages[0]
            if i == 250:
                x = stages[1]
            x = x + x
            if i % 20 == 19:
                x = x - x if i < 250 else x[:2]
        return x
    out(f, 240, (1.5, "ab"))
    out(f, 300, (1.5, "ab"))
    out(f, 300, (1.5, "ab"))
    out(f, 300, (2**65, [1]))
    out(f, 300, (1, 2))


@diff(native=False)
def test_eval_and_exec(jit, out):
    space = {}
    exec("def f(n):\n s = 0\n for i in range(n):\n  s += eval('i * 2')\n return s", space)
    f = jit(space["f"])
    for n in (3, 300):
        out(f, n)


@diff
def test_frames_on_two_threads(jit, out):
    import threading

    @jit
    def f(n, k):
        s = 0
        for i in range(n):
            s = (s * k + i) % 1000003
        return s
    results = {}
    threads = [threading.Thread(target=lambda k=k: results.__setitem__(k, f(3000, k))) for k in range(5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    out.value(sorted(results.items()))
