"""Every iteration is counted once, wherever it ran."""

import re

import pytest

import native
from differ import MODES, params


def plain(n):
    s = 0
    for i in range(n):
        s += i
    return s


def strips(n):
    s = 0.5
    for i in range(n):
        s = s * 0.5 + 1.0
    return s


def skips(n):
    s = 0
    for i in range(n):
        if i % 3 == 1:
            continue
        s += i
    return s


def nest(rounds, n):
    s = 0
    for _ in range(rounds):
        for i in range(n):
            s += i
    return s


def fresh(function):
    """Counted and compiled anew."""
    return type(function)(function.__code__.replace(), function.__globals__)


@pytest.mark.parametrize("mode", ["eager", "sync"])
@pytest.mark.parametrize("function", [plain, strips, skips])
def test_iterations(function, mode):
    import hotloop
    with params(**MODES[mode]):
        f = hotloop.jit(fresh(function))
        f(50)  # compiles
        before = native.native_iterations(f), native.interpreted_iterations(f)
        f(10_000)
        ran = native.native_iterations(f) - before[0]
        interpreted = native.interpreted_iterations(f) - before[1]
    assert ran > 9_000
    assert abs(ran + interpreted - 10_000) <= 2


def found(items, wanted):
    for i in range(len(items)):
        if items[i] == wanted:
            return i + 1
    return len(items)


def down(n):
    s = 0
    for i in range(n, 0, -1):
        if i & 64:
            s ^= i
    return s, n


def until(items, n):
    i = 7
    while i < n:
        if items[i] < 0:
            break
        i += 1
    return i - 7


def steps(items, n):
    """By more than one; and of an inner loop, whose end is looked for once more, unless it ends in its middle."""
    rounds = 0
    for i in range(3, n, 5):
        for j in range(i, n):
            rounds += 1
            if items[j] < 0:
                break
        else:
            rounds += 1
        rounds += 1
    return rounds


def overflows(n):
    s, k = 2**63 - 40_000, 0
    for i in range(n):
        if i & 1:
            s += 11
            k += s & 1
    return n


def count(result):
    return result[1] if isinstance(result, tuple) else result


@pytest.mark.parametrize("mode", ["eager", "sync"])
def test_iterations_that_the_loop_s_own_counter_tells(mode):
    """However it is left: at its end, by a break, in its middle because a number gets too large."""
    import numpy as np
    import hotloop
    items = np.arange(20_000)
    broken = items.copy()
    broken[::9_000] = -1
    calls = [(found, [(items, w) for w in (19_999, 9_000, 2, 0, -5, 17_000)]),
             (down, [(n,) for n in (9_000, 300, 5_000)]),
             (until, [(items, 9_000), (broken, 19_000), (broken[1:], 400), (items, 5_000)]),
             (steps, [(items[:3_000], 3_000), (broken[7_500:9_500], 2_000), (items[:3_500], 3_500)]),
             (overflows, [(2_000,), (7_300,)])]
    with params(**MODES[mode]):
        for function, arguments in calls:
            f = hotloop.jit(fresh(function))
            for args in arguments[:1] + arguments:
                before = native.iterations(f)
                want = count(f(*args))
                ran = native.iterations(f) - before
                # Those that record are not counted.
                assert abs(ran - want) <= 200, (function.__name__, args)
            assert native.native_iterations(f) > 0


@pytest.mark.parametrize("n", [20, 59, 60])
def test_an_inner_loop_whose_trip_count_divides_the_threshold_gets_hot(n):
    import hotloop
    with params(threshold=60, sync=1):
        f = hotloop.jit(fresh(nest))
        assert f(50, n) == nest(50, n)
        assert native.native_iterations(f) > 0.8 * 50 * n


def test_iterations_that_are_counted_at_once():
    """An inner loop becomes one instruction, in strips and in those that fail; its iterations count all the same."""
    import hotloop

    def bits(first, n):
        total = 0
        for i in range(first, first + n):
            i %= 5000
            while i:
                i &= i - 1
                total += 1
        return total
    with params(**MODES["sync"]):
        f = hotloop.jit(bits)
        f(1, 50)
        for first, n in ((1, 9000), (1, 20_000), (1, 100)):
            before = native.iterations(f)
            inner = f(first, n)
            assert abs(native.iterations(f) - before - n - inner) <= n // 5000 + 2
    assert "popcount" in hotloop.inspect_ir(f)[0]


def test_iterations_side_by_side():
    import numpy as np
    import hotloop

    def nest(a, b, c, n):
        for i in range(n):
            y = 0.5
            for k in range(len(a)):
                y = y * b[i] + a[k]
            c[i] = y
    a, b, c = np.arange(9) * 0.1, np.arange(6000) * 0.0001, np.zeros(6000)
    with params(**MODES["sync"]):
        f = hotloop.jit(nest)
        f(a[:2], b, c, 50)
        for n in (6000, 3001, 2100):
            before = native.iterations(f)
            f(a, b, c, n)
            assert abs(native.iterations(f) - before - n - 10 * n) <= 20  # an inner loop's end is looked for once more
    assert any("jam" in text for text in hotloop.inspect_llvm(f))


def test_items_of_a_matrix_product_side_by_side():
    import numpy as np
    import hotloop

    def product(a, b, c):
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                for k in range(a.shape[1]):
                    c[i, j] += a[i, k] * b[k, j]
    n = 43
    a, c = np.arange(n * n).reshape(n, n) * 0.01, np.zeros((n, n))
    with params(**MODES["sync"]):
        f = hotloop.jit(product)
        for _ in range(30):
            f(a, a, c)
        before = native.iterations(f)
        f(a, a, c)
        ends = n + n * n + 1  # each is looked for once more
        assert n + n * n + n ** 3 <= native.iterations(f) - before <= n + n * n + n ** 3 + ends
    assert any("jam" in text for text in hotloop.inspect_llvm(f))


def test_iterations_that_end_apart():
    import numpy as np
    import hotloop

    xs, counted = np.linspace(0.2, 3.0, 403), np.zeros(403, np.int64)

    def escape(xs, out, limit):
        for j in range(len(xs)):
            x = xs[j] * 0.0
            steps = 0
            while steps < limit and x < 4.0:
                x = x * x + xs[j]
                steps += 1
            out[j] = steps
    with params(**MODES["sync"]):
        f = hotloop.jit(escape)
        for _ in range(10):
            f(xs, counted, 50)
        before = native.iterations(f)
        f(xs, counted, 50)
        assert abs(native.iterations(f) - before - 403 - counted.sum()) <= 3
    assert any("jam" in text for text in hotloop.inspect_llvm(f))


def test_iterations_that_are_done_again():
    """An unrolled inner loop whose last result overflows: the interpreter does all of it again."""
    import warnings
    import numpy as np
    import hotloop

    def f(a, b, at):
        for i in range(len(at)):
            j = at[i]
            for k in range(3):
                b[i, k] = a[j, k] + a[j, k + 1]
    a, b = np.ones((9, 4)), np.zeros((500, 3))
    a[8, 2:] = 1.7e308
    at = np.arange(500) % 8
    with params(**MODES["sync"]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        g = hotloop.jit(f)
        for _ in range(12):
            g(a, b, at)
        before = native.iterations(g)
        g(a, b, at)
        usual = native.iterations(g) - before
        for bad in ([77], [77, 78], [3, 200, 400]):
            strange = at.copy()
            strange[bad] = 8
            before = native.iterations(g)
            g(a, b, strange)
            assert abs(native.iterations(g) - before - usual) <= 1


@pytest.mark.parametrize("first", [0, -10])
def test_gathers_are_native(first):
    """Four iterations for one look at the loop's end; negative indexes are for the ordinary one."""
    import numpy as np
    import hotloop

    def f(a, at, n):
        total = 0
        for i in range(n):
            total += a[at[i]]
            if a[at[i]] >= 4:
                total += 1
        return total
    a, at = np.arange(10), np.arange(3000) * 7 % 10 + first
    with params(**MODES["sync"]):
        g = hotloop.jit(f)
        for _ in range(5):
            assert g(a, at, 3000) == f(a, at, 3000)
    assert native.native_share(g) > 0.9


def test_a_name_for_a_float_is_no_chain():
    """Iterations do not wait for each other because a name holds a float between them."""
    import numpy as np
    import hotloop

    def scale(a, c):
        for i in range(len(a)):
            x = a[i] * 0.5
            c[i] = x + 1.0
        return x
    a = np.arange(3000.0)
    with params(**MODES["sync"]):
        f = hotloop.jit(scale)
        for _ in range(3):
            f(a, np.zeros(3000))
    # Other multiplications than the vectors' are those of the ordinary iteration, and of what is left over.
    assert any(re.search(r"fmul <\d+ x double>", text) and text.count("fmul double") <= 3
               for text in hotloop.inspect_llvm(f))


def deep(n, m):
    s = 0
    for i in range(n):
        for j in range(m):
            for k in range(m):
                s += (i ^ j) & k
            s ^= j
        s += i
    return s


def short(n, m):
    s = 0
    for i in range(n):
        for j in range(m):
            for k in range(3):
                s += (i ^ j) & k
    return s


def compiles(f):
    return [sum(r["compiles"] for r in loop["regions"]) for loop in native.statistics(f)["loops"]]


def test_each_loop_of_a_nest_is_compiled_once():
    """And begins at its own header: an outer loop is recorded across the inner ones, however long these are."""
    import hotloop
    with params(sync=1):
        f = hotloop.jit(fresh(deep))
        for _ in range(3):
            f(400, 50)
        assert compiles(f) == [1, 1, 1]
        before = sum(native.exits(f).values())
        f(400, 50)
        assert sum(native.exits(f).values()) - before == 3  # the first row, the rest of the first plane, and all


def test_a_loop_of_a_few_long_iterations_is_left_to_the_interpreter():
    import hotloop
    with params(sync=1):
        f = hotloop.jit(fresh(deep))
        f(150, 100)
        assert compiles(f) == [0, 1, 1]


def changing(n, m):
    s = 0
    for i in range(n):
        k = 1 + (i & 1)
        for j in range(m):
            for d in range(k):
                s += d ^ j
    return s


def test_what_a_loop_changes_is_not_taken_for_a_constant():
    """A trip count that was short when the inner loop was recorded, and is another in the outer loop's next iteration."""
    import hotloop
    with params(sync=1, nest_ends=10**6):
        f = hotloop.jit(fresh(changing))
        assert f(300, 100) == changing(300, 100)
        assert compiles(f) == [0, 1, 0]


def rare(n, m):
    s = 0
    for i in range(n):
        if i % 7 == 3:
            s ^= 1
        for j in range(m):
            k = i * m + j
            if k % 150 == 149:
                s -= k
            if k % 211 == 7:
                s += 3
            elif k % 223 == 5:
                s ^= k
            s += k & 5
    return s


def test_rare_paths_of_an_inner_loop_are_not_learned_again():
    """What the inner loop meets while the loop around it is not recorded is known to that from the beginning."""
    import hotloop
    with params(sync=1):
        f = hotloop.jit(fresh(rare))
        for _ in range(5):
            assert f(2000, 90) == rare(2000, 90)
        assert compiles(f) == [1, 1]


def test_a_short_loop_is_compiled_with_the_loop_around_it():
    import hotloop
    with params(sync=1):
        f = hotloop.jit(fresh(short))
        f(1, 1000)
        assert compiles(f) == [0, 1, 0]


def test_a_loop_around_one_that_numpy_ends_is_compiled():
    """What ends the inner loop is no Python bool: the interpreter asks it, in the clone that serves back-edges."""
    import numpy as np
    import hotloop

    def roots(xs, out):
        for i in range(len(xs)):
            y = xs[i]
            while abs(y * y - xs[i]) > 1e-9:
                y = 0.5 * (y + xs[i] / y)
            out[i] = y
    xs = np.arange(1.0, 400.0)
    with params(sync=1):
        f = hotloop.jit(roots)
        for _ in range(3):
            f(xs, np.zeros(399))
        assert compiles(f) == [1, 0]
