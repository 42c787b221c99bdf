"""Leaving machine code: each guard's reason is counted at its line, paths that get hot join the region, and
every bound ends in a counted reason instead of a wrong or endless compile."""

import math

import numpy as np
import pytest

import native
from differ import params
from freeze import freeze


def adds(x, n):
    for i in range(n):
        x = x + x  # exit
    return x


def multiplies(x, n):
    for i in range(n):
        x = x * 3  # exit
    return x


def negates(x, n):
    r = 0
    for i in range(n):
        r = -x  # exit
        x = x - 1
    return r


def loads(a, n):
    s = 0.0
    for i in range(n):
        s += a[i]  # exit
    return s


def stores(a, n):
    for i in range(n):
        a[i] = 1.5  # exit
    return a


def divides(d, n):
    s = 0
    for i in range(n):
        s += 100 // (d - i)  # exit
    return s


def divides_floats(d, n):
    s = 0.0
    for i in range(n):
        s += 1.0 / (d - i)  # exit
    return s


def roots(x, n):
    s = 0.0
    for i in range(n):
        s += math.sqrt(x - i)  # exit
    return s


def exponentials(x, n):
    s = 0.0
    for i in range(n):
        s += math.exp(x + i)  # exit
    return s


def squares(x, n):
    for i in range(n):
        x = x ** 2  # exit
    return x


def scalars(a, n):
    s = 0.0
    for i in range(n):
        s = a[i] * 1e300  # exit
    return s


def int_scalars(a, n):
    s = 0
    for i in range(n):
        s = a[i] + 1  # exit
    return s


def truncates(x, n):
    r = 0
    for i in range(n):
        r = int(x)  # exit
        x = x * 10.0
    return r


def turns(n, at):
    s = 0
    for i in range(n):
        if i < at:  # exit
            s += 1
        else:
            s -= 1
    return s


def shifts(x, n):
    r = 0
    for i in range(n):
        r = x << i  # exit
    return r


def ends(n):
    s = 0
    for i in range(n):  # exit
        s += i
    return s


def unbinds(n, at):
    s = 0
    x = 5
    for i in range(n):
        s += x  # exit
        if i == at:
            del x
    return s


ONES = np.ones(300)
BAD = np.ones(300)
BAD[200] = 1e10
TOP = np.arange(300)
TOP[200] = 2**63 - 1

# Function, arguments that stay native, arguments that leave, reasons that the exit may have.
REASONS = {
    "add": (adds, (1, 60), (1, 80), {"overflow"}),
    "multiply": (multiplies, (1, 39), (1, 60), {"overflow"}),
    "negate": (negates, (5, 60), (-2**63 + 20, 60), {"overflow"}),
    "square": (squares, (1, 60), (3, 10), {"overflow"}),
    "shift": (shifts, (1, 60), (1, 80), {"overflow"}),
    "index": (loads, (ONES, 300), (ONES, 301), {"index"}),
    "store index": (stores, (ONES, 300), (ONES, 301), {"index"}),
    "zero": (divides, (1000, 300), (200, 300), {"zerodiv"}),
    "float zero": (divides_floats, (1000.5, 300), (200.0, 300), {"zerodiv"}),
    "domain": (roots, (1000.0, 300), (200.0, 300), {"math"}),
    "range": (exponentials, (0.0, 300), (600.0, 300), {"math"}),
    "float square": (squares, (1.0, 60), (3.0, 20), {"math"}),
    "float warning": (scalars, (ONES, 300), (BAD, 300), {"fpcheck"}),
    "int warning": (int_scalars, (np.arange(300), 300), (TOP, 300), {"overflow"}),
    "to int": (truncates, (1.5, 15), (1.5, 40), {"range"}),
    "branch": (turns, (300, 1000), (300, 200), {"branch"}),
    "end": (ends, (300,), (301,), {"loop_end"}),
}


def exit_line(f):
    """The line of f that is marked with "# exit"."""
    import inspect
    lines, first = inspect.getsourcelines(f)
    return first + [k for k, line in enumerate(lines) if line.rstrip().endswith("# exit")][0]


def outcome(f, args):
    copies = [a.copy() if isinstance(a, np.ndarray) and a.flags.writeable else a for a in args]
    import warnings
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = freeze(f(*copies))
        except Exception as e:
            tb = e.__traceback__
            while tb.tb_next:
                tb = tb.tb_next
            result = (freeze(e), tb.tb_lineno)
    return result, freeze(copies), [(str(w.message), w.lineno) for w in caught]


def fresh(function):
    return type(function)(function.__code__.replace(), function.__globals__, function.__name__)


def exit_counts(f):
    counts = {}
    for loop in native.statistics(f)["loops"]:
        for region in loop["regions"]:
            for row in region["exits"]:
                key = row["reason"], row["line"]
                counts[key] = counts.get(key, 0) + row["count"]
    return counts


@pytest.mark.parametrize("name", REASONS)
def test_reason_and_line(name):
    import hotloop
    function, good, bad, reasons = REASONS[name]
    with params(threshold=2, sync=1):
        plain = fresh(function)
        f = hotloop.jit(plain)
        for _ in range(6):
            assert outcome(f, good) == outcome(function, good)
        assert native.native_iterations(f) > 0, native.explain(f)
        before = exit_counts(f)
        assert outcome(f, bad) == outcome(function, bad)
        after = exit_counts(f)
    grown = {key for key in after if after[key] > before.get(key, 0)}
    assert {(reason, exit_line(function)) for reason in reasons} & grown, native.explain(f)


def alternates(n):
    a = b = c = d = 0
    for i in range(n):
        if i % 2:
            a += 1
        elif i % 3:
            b += 2
        elif i % 5:
            c += 3
        else:
            d += 4
    return a, b, c, d


def test_hot_exits_join_the_region():
    import hotloop
    f = hotloop.jit(fresh(alternates))
    with params(threshold=2, sync=1):
        for _ in range(3):
            assert f(20000) == alternates(20000)
    native.assert_native(f, 0.98, 60000)
    (loop,) = native.statistics(f)["loops"]
    assert sum(r["state"] == "ready" for r in loop["regions"]) == 1, native.explain(f)
    assert native.exits(f).get("branch", 0) < 300, native.explain(f)


def test_a_late_branch_joins_the_region():
    import hotloop
    f = hotloop.jit(fresh(turns))
    with params(threshold=2, sync=1):
        for _ in range(3):
            f(5000, 10**6)
        first = native.statistics(f)["loops"][0]["regions"][0]["compiles"]
        for _ in range(3):
            assert f(5000, 100) == turns(5000, 100)
        native.assert_native(f, 0.97, 30000)
        assert native.statistics(f)["loops"][0]["regions"][0]["compiles"] > first
        assert native.exits(f).get("branch", 0) < 250, native.explain(f)  # more paths are waited for


def nested(n, m):
    s = 0
    for i in range(n):
        for j in range(m):
            if (i ^ j) & 1:
                s += j
            else:
                s ^= i
        if i % 3 == 0:
            s += 1
    return s


def test_nested_loops_become_one_region():
    import hotloop
    f = hotloop.jit(fresh(nested))
    with params(threshold=2, sync=1):
        for m in (3, 0, 30, 7):
            for _ in range(3):
                assert f(300, m) == nested(300, m)
    native.assert_native(f, 0.95)
    outer = native.statistics(f)["loops"]
    entries = sum(r["entries"] for loop in outer for r in loop["regions"])
    assert entries < 200, native.explain(f)  # 3,600 outer iterations: not one entry for each inner loop


def test_type_change_gets_its_own_code():
    import hotloop

    def f(x, n):
        for i in range(n):
            x = x + 1
        return x
    g = hotloop.jit(fresh(f))
    with params(threshold=2, sync=1):
        for x in (1, 1.5, np.float64(2), np.int64(3)) * 4:
            assert freeze(g(x, 1000)) == freeze(f(x, 1000))
    native.assert_native(g, 0.95, 16000)


def many(x, n):
    s = 0
    for i in range(n):
        k = i % x
        if k == 0:
            s += 1
        elif k == 1:
            s -= 2
        elif k == 2:
            s += 3
        elif k == 3:
            s ^= 4
        elif k == 4:
            s += 5
        elif k == 5:
            s -= 6
        elif k == 6:
            s += 7
        elif k == 7:
            s ^= 8
        else:
            s += k
    return s


def long(n):
    s = 0
    for i in range(n):
        s = s * 3 + i & 0xFFFF
        s = s * 5 + i & 0xFFFF
        s = s * 7 + i & 0xFFFF
        s = s * 9 + i & 0xFFFF
        s = s * 11 + i & 0xFFFF
    return s


def variants(n, values):
    s = 0
    x = 1
    for i in range(n):
        s = s + x
        if i % 50 == 49:
            x, s = s, x
            x = x if i % 100 == 49 else x * 0.5
    return s, x


# A bound, a small value for it, a program that reaches it, the reasons that may be counted then.
BOUNDS = {
    "max_compiles": (1, many, [(k, 400) for k in (1, 2, 3, 5, 9)] * 3,
                     {"too_many_compiles", "no_native_gain"}),
    "max_path": (20, long, [(400,)] * 6, {"too_long"}),
    "max_record": (30, long, [(400,)] * 6, {"too_long"}),
    "max_blocks": (4, many, [(k, 400) for k in (1, 2, 3, 5, 9)] * 3, {"too_many_blocks"}),
    "max_slots": (2, long, [(400,)] * 6, {"too_many_slots"}),
    "max_regions": (1, adds, [(1, 30), (0.5, 30), (True, 30), (np.float64(1), 30)] * 4,
                    {"too_many_variants", "entry", "replaced"}),
}


@pytest.mark.parametrize("bound", BOUNDS)
def test_bounds(bound):
    import hotloop
    value, function, calls, reasons = BOUNDS[bound]
    f = hotloop.jit(fresh(function))
    with params(threshold=2, sync=1, settle=2, hot_exit=2, batch=1, nest_ends=2, **{bound: value}):
        for args in calls:
            assert outcome(f, args) == outcome(function, args)
    misses = sum(r["entry_misses"] for loop in native.statistics(f)["loops"] for r in loop["regions"])
    assert reasons & native.reasons(f) or "entry" in reasons and misses, native.explain(f)


def items_of(a):
    s = 0
    for x in a:
        s += x
    return s


KINDS = (np.float64, np.float32, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)


def zeros(kind, n):
    a = np.zeros(n, kind)
    a[0] = 1
    return a


def test_entry_types_one_after_the_other():
    """However many there are, each is native in its turn: the region that was not used longest makes place."""
    import hotloop
    f = hotloop.jit(fresh(items_of))
    with params(sync=1):
        for kind in KINDS:
            a = zeros(kind, 20000)
            before = native.native_iterations(f)
            for _ in range(5):
                assert freeze(f(a)) == freeze(items_of(a))
            assert native.native_iterations(f) - before > 4 * 20000, (kind, native.explain(f))
    (loop,) = native.statistics(f)["loops"]
    alive = [r for r in loop["regions"] if r["dead_why"] is None]
    replaced = [r for r in loop["regions"] if r["dead_why"] == "replaced"]
    assert len(alive) == 4 and len(alive) + len(replaced) == len(KINDS), native.explain(f)
    with params(sync=1):  # those that are left are the last ones
        misses = [r["entry_misses"] for r in loop["regions"]]
        for kind in KINDS[-4:]:
            f(zeros(kind, 20000))
    (loop,) = native.statistics(f)["loops"]
    assert len(loop["regions"]) == len(misses), native.explain(f)


def test_entry_types_in_turn():
    """More than there may be regions, again and again: not compiled for ever, and some stay native."""
    import hotloop
    f = hotloop.jit(fresh(items_of))
    with params(threshold=2, sync=1, settle=2, max_regions=2):
        for _ in range(300):
            for kind in KINDS[:5]:
                a = zeros(kind, 300)
                assert freeze(f(a)) == freeze(items_of(a))
    (loop,) = native.statistics(f)["loops"]
    assert sum(r["dead_why"] == "replaced" for r in loop["regions"]) <= 16, native.explain(f)
    assert sum(r["compiles"] for r in loop["regions"]) < 40, native.explain(f)


def test_an_instruction_that_leaves_with_another_value_each_time():
    """Behind its exit it leaves again, and so on: given up after a few recordings, with a reason."""
    import hotloop

    def f(n):
        z, s = 1.0 + 0.5j, 0j
        for i in range(n):
            s += z ** (i % 90)
        return s
    g = hotloop.jit(fresh(f))
    with params(threshold=2, sync=1, settle=2, hot_exit=2, batch=1, nest_ends=2):
        for _ in range(5):
            assert freeze(g(500)) == freeze(f(500))
    (loop,) = native.statistics(g)["loops"]
    assert sum(r["compiles"] for r in loop["regions"]) <= 6, native.explain(g)
    assert "too_many_variants" in native.reasons(g), native.explain(g)


def test_variants_are_bounded():
    import hotloop
    f = hotloop.jit(fresh(variants))
    with params(threshold=2, sync=1, settle=2, hot_exit=2, batch=1, nest_ends=2, max_variants=2):
        for n in (49, 99, 400, 1000) * 4:
            assert freeze(f(n, None)) == freeze(variants(n, None))
    stats = native.statistics(f)
    assert sum(r["compiles"] for loop in stats["loops"] for r in loop["regions"]) <= 4 * 12


def test_a_loop_that_never_compiles_is_given_up():
    import hotloop

    def f(n):
        s = 0
        for i in range(n):
            s += len({i: i})
        return s
    g = hotloop.jit(fresh(f))
    with params(threshold=2, sync=1):
        for _ in range(200):
            assert g(200) == 200
    (loop,) = native.statistics(g)["loops"]
    assert loop["given_up"] and loop["given_up_why"], native.explain(g)
    counted = loop["interpreted"]
    assert counted < 30000
    with params(threshold=2, sync=1):
        g(5000)
    assert native.statistics(g)["loops"][0]["interpreted"] == counted, "still counted"
    assert native.statistics(g)["plain_calls"].get("given_up", 0) > 0, native.explain(g)


def test_an_exit_taken_in_every_iteration():
    """Something that is never compiled behind an exit: right, and bounded in its compiles."""
    import hotloop

    def f(values, n):
        s = 0
        for i in range(n):
            if i % 2:
                s += 1
            else:
                s += len(values)
                values.append(i)
                if len(values) > 50:
                    values.clear()
        return s
    g = hotloop.jit(fresh(f))
    with params(threshold=2, sync=1):
        for _ in range(10):
            a, b = [], []
            assert g(a, 3000) == f(b, 3000)
            assert a == b
    for loop in native.statistics(g)["loops"]:
        assert sum(r["compiles"] for r in loop["regions"]) <= 4 * 12


def test_machine_code_of_a_running_loop_is_entered():
    """The loop compiles while its first call runs; the rest of that call is native."""
    import hotloop
    f = hotloop.jit(fresh(ends))
    with params(threshold=300, sync=1):
        assert f(100000) == ends(100000)
    native.assert_native(f, 0.99, 100000)


def test_a_running_loop_is_entered_from_the_background():
    import hotloop

    def f(n):
        s = 0
        for i in range(n):
            s = (s * 3 + i) & 0xFFFF
        return s
    g = hotloop.jit(fresh(f))
    with params():
        assert g(3_000_000) == f(3_000_000)
    native.assert_native(g, 0.5, 3_000_000)


def turns(n, turn):
    s = 0
    for i in range(n):
        if i > turn:
            s += 1
        else:
            s += 2
    return s


def test_exits_do_not_count_while_their_path_is_compiled():
    """The compile thread has a long loop to do first; meanwhile each iteration leaves machine code."""
    import hotloop
    from hotloop import _hotloop
    lines = [f"        s = s * 0.5 + {k}.5\n" for k in range(250)]
    names = {}
    exec("def long_loop(n):\n    s = 0.5\n    for i in range(n):\n" + "".join(lines), names)
    f, other = hotloop.jit(fresh(turns)), hotloop.jit(names["long_loop"])
    f(1000, 1000)
    _hotloop.wait()
    other(400)
    assert f(20_000, -1) == 20_000
    _hotloop.wait()
    assert f(20_000, -1) == 20_000
    assert "no_native_gain" not in native.reasons(f), native.explain(f)
    assert native.native_iterations(f) > 19_000


def test_a_check_that_was_moved_and_fails_for_good_ends_machine_code():
    """An index is out of range in every iteration, from some call on: each would be left where it was moved to."""
    import numpy as np
    import hotloop

    def f(a, at, to, c, n):
        k = 0
        for i in range(n):
            j = at[i]
            try:
                c[i] = a[j] * 2.0
                c[to[i]] = a[j] + 1.0
                c[i + n] = a[j] * 3.0
            except IndexError:
                k += 1
        return k
    n = 1000
    a, at, c = np.arange(n) * 0.5, np.arange(n), np.zeros(3 * n)
    with params(sync=1):
        g = hotloop.jit(f)
        for to in (at + 2 * n, at + 10 * n):
            for _ in range(30):
                assert g(a, at, to, c, n) == f(a, at, to, c, n)
        assert native.statistics(g)["loops"][0]["given_up_why"] == "no_native_gain"
