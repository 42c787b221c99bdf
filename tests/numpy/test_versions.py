"""What NumPy versions may differ in, and how hotloop finds NumPy: every outcome of a jitted loop on
arrays and NumPy scalars is compared with the running NumPy's own. Run this on each version."""

import struct
import sys
import textwrap
import threading
import types
import warnings

import cli
import pytest

from differ import MODES, params
from native import explain, native_iterations

np = pytest.importorskip("numpy")


@pytest.fixture(autouse=True)
def eager():
    with params(**MODES["sync"]):
        yield


def copy(f):
    """The function with a code object of its own, which hotloop has not seen."""
    return types.FunctionType(f.__code__.replace(), f.__globals__, f.__name__, f.__defaults__,
                              f.__closure__)


def bits(value):
    """Type and bits of a value: NaNs, zeros and NumPy scalars that are told apart."""
    if isinstance(value, (list, tuple)):
        return type(value), [bits(v) for v in value]
    if isinstance(value, np.ndarray):
        return type(value), value.dtype.str, value.shape, value.tolist() if value.dtype == object \
            else value.tobytes()
    if isinstance(value, float):
        return type(value), struct.pack("<d", value).hex()
    return type(value), repr(value)


def outcome(f, *args):
    """What a call does: its result or exception, and its warnings with their lines."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = "returned", bits(f(*args))
        except Exception as e:
            result = "raised", type(e), str(e)
    return result, [(w.category, str(w.message), w.lineno) for w in caught]


def compare(f, make_args, calls=3):
    """Calls a plain and a jitted copy with equal, fresh arguments; returns the jitted one."""
    from hotloop import jit
    plain, jitted = copy(f), jit(copy(f))
    for _ in range(calls):
        a, b = make_args(), make_args()
        expected, got = outcome(plain, *a), outcome(jitted, *b)
        assert got == expected
        assert bits(list(b)) == bits(list(a)), "arguments after the call"
    return jitted


# --- arrays ---------------------------------------------------------------------------------------

def unaligned(n, dtype):
    return np.zeros(n * 8 + 1, "u1")[1:].view(dtype)


class Sub(np.ndarray):
    pass


def read_only(a):
    a.flags.writeable = False
    return a


COMPILED = {
    "float64": lambda: np.linspace(-2, 3, 40),
    "int64": lambda: np.arange(-20, 20, dtype=np.int64),
    "bool": lambda: np.arange(40) % 3 == 0,
    "strided": lambda: np.linspace(-2, 3, 120)[::3],
    "reversed": lambda: np.arange(40, dtype=np.int64)[::-1],
    "zero stride": lambda: np.broadcast_to(np.float64(2.5), 40),
    "read-only": lambda: read_only(np.linspace(0, 1, 40)),
    "metadata": lambda: np.linspace(0, 1, 40).astype(np.dtype("f8", metadata={"unit": "m"})),
    "specials": lambda: np.array([np.nan, -0.0, 0.0, np.inf, -np.inf, 5e-324, -np.nan, 1.0] * 5),
    "extremes": lambda: np.array([2**63 - 1, -2**63, 0, -1] * 10),
    **{name: lambda name=name: (np.arange(40) * 37 % 250 - (name[0] != "u") * 120).astype(name)
       for name in ("int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64", "float32")},
    "record field": lambda: np.zeros(40, [("a", "f8"), ("b", "i8")])["b"],
}
INTERPRETED = {
    "longlong": lambda: np.arange(40, dtype="q"),
    "float16": lambda: np.linspace(0, 1, 40, dtype="f2"),
    "ulonglong": lambda: np.arange(40, dtype="Q"),
    "big-endian float": lambda: np.linspace(0, 1, 40).astype(">f8"),
    "big-endian int": lambda: np.arange(40).astype(">i8"),
    "unaligned": lambda: unaligned(40, "f8"),
    "complex": lambda: np.arange(40, dtype=complex),
    "object": lambda: np.array([1, 2.5, None, "x"] * 10, dtype=object),
    "string": lambda: np.array(["a", "bc"] * 20),
    "datetime": lambda: np.arange(40).astype("M8[s]"),
    "timedelta": lambda: np.arange(40).astype("m8[s]"),
    "structured": lambda: np.zeros(40, "f8,i8"),
    "subclass": lambda: np.linspace(0, 1, 40).view(Sub),
    "masked": lambda: np.ma.array(np.linspace(0, 1, 40), mask=np.arange(40) % 2),
    "2-D": lambda: np.linspace(0, 1, 40).reshape(20, 2),
    "0-d": lambda: np.array(1.0),
    "empty": lambda: np.zeros(0),
}


def read(a):
    seen = []
    x = None
    for i in range(-a.shape[0], a.shape[0]):
        x = a[i]
        if i % 7 == 0:
            seen.append(x)
    return seen, x


def gather(a):
    last = None
    for i in range(len(a)):
        last = a[i]
    return last


@pytest.mark.parametrize("kind", COMPILED)
def test_read_compiled(kind):
    f = compare(gather, lambda: (COMPILED[kind](),))
    assert native_iterations(f) > 30, explain(f)
    compare(read, lambda: (COMPILED[kind](),))


@pytest.mark.parametrize("kind", INTERPRETED)
def test_read_interpreted(kind):
    compare(gather, lambda: (INTERPRETED[kind](),))
    compare(read, lambda: (INTERPRETED[kind](),))


def test_kinds_alternate():
    """The machine code of one kind meets arrays of all the others."""
    from hotloop import jit
    plain, jitted = copy(gather), jit(copy(gather))
    for first in list(COMPILED.values()):
        for make in [first, *INTERPRETED.values(), first, *COMPILED.values(), first]:
            assert outcome(jitted, make()) == outcome(plain, make())


def test_bool_items_are_the_two_objects():
    from hotloop import jit

    @jit
    def last(a):
        x = None
        for i in range(len(a)):
            x = a[i]
        return x
    for _ in range(3):
        assert last(np.ones(30, bool)) is np.True_ and last(np.zeros(30, bool)) is np.False_
    assert native_iterations(last), explain(last)


def fill(a, value):
    for i in range(len(a)):
        a[i] = value
    return a


VALUES = [3, -1, 2**63 - 1, 2**63, 2.75, float("nan"), float("inf"), 1e300, True, np.float64(2.5),
          np.int64(-7), np.bool_(True), np.longlong(5), np.float32(0.1), None, "7", "x", 1j]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: f"{type(v).__name__}:{v}")
@pytest.mark.parametrize("kind", ["float64", "int64", "bool", "strided", "longlong", "float32",
                                  "int8", "uint16", "uint64", "big-endian int", "unaligned", "subclass", "object"])
def test_store(kind, value):
    make = {**COMPILED, **INTERPRETED}[kind]
    compare(fill, lambda: (make(), value))


@pytest.mark.parametrize("kind", ["read-only", "zero stride"])
def test_store_into_read_only(kind):
    compare(fill, lambda: (COMPILED[kind](), 1.5))


def test_store_that_warns():
    """np.broadcast_arrays gives arrays whose first write warns."""
    def make():
        return np.broadcast_arrays(np.zeros(1), np.zeros(40))[0], 1.5
    compare(fill, make)


def test_array_changes_between_calls():
    """Flags, shape and dtype can be set in place."""
    from hotloop import jit
    f = jit(copy(fill))
    a = np.zeros(40)
    for _ in range(3):
        f(a, 1.5)
    assert native_iterations(f) and (a == 1.5).all()
    a.flags.writeable = False
    with pytest.raises(ValueError):
        f(a, 2.5)
    a.flags.writeable = True
    b = a[::2]
    assert (f(b, 3.5) == 3.5).all() and (a[1::2] == 1.5).all()
    a.shape = (20, 2)
    assert (f(a, 4.5) == 4.5).all()
    a.shape = (40,)
    a.dtype = np.int64
    assert f(a, 7).dtype == np.int64 and (a == 7).all()
    with pytest.raises(ValueError):
        f(a, float("nan"))


@pytest.mark.parametrize("index", [40, -41, 2**62, 2**64, 1.5, True, np.int64(-3), np.bool_(True),
                                   None, slice(2, 5), (3,), [1, 2]],
                         ids=str)
def test_index(index):
    def at(a, index, n):
        x = None
        for i in range(n):
            x = a[index]
        return x
    compare(at, lambda: (COMPILED["float64"](), index, 20))


# --- scalars --------------------------------------------------------------------------------------

NUMBERS = [3, -2, 0, 2**63 - 1, 2**70, 1.5, -0.0, float("inf"), True, False,
           np.int64(5), np.int64(-3), np.int64(0), np.int64(2**63 - 1), np.int64(-2**63),
           np.float64(2.5), np.float64(-0.0), np.float64("nan"), np.float64(1e308),
           np.float64(5e-324), np.bool_(True), np.bool_(False), np.longlong(4), np.float32(0.1),
           np.float32(-7.5), np.float32(0), np.float32(3e38), np.float32(1e-45), np.float16(1.5),
           np.int8(-128), np.int8(7), np.int8(-1), np.int16(-300), np.int32(2**31 - 1), np.int32(0),
           np.uint8(255), np.uint8(0), np.uint16(40000), np.uint32(2**32 - 1), np.uint32(3),
           np.uint64(2**64 - 1), np.uint64(2**63), np.uint64(3), np.uint64(0), np.ulonglong(9)]
OPERATORS = "+ - * / // % ** << >> & | ^ < <= == != > >=".split()


def make_binary(op):
    """A function whose loop has the operator itself."""
    namespace = {}
    exec(textwrap.dedent(f"""
        def apply(x, y):
            r = None
            for i in range(8):
                r = x {op} y
            return r
        """), namespace)
    return namespace["apply"]


def astronomical(op, x, y):
    """Python ints that do not fit this machine; NumPy 1.x makes them of its own, too."""
    return op in ("**", "<<") and isinstance(y, (int, np.integer)) and abs(int(y)) > 1000 and \
        (type(x) is int or abs(int(y)) >= 2**63)


@pytest.mark.parametrize("op", OPERATORS)
def test_scalar_operators(op):
    """Types, values and warnings for every pair; the same machine code meets all of them."""
    from hotloop import jit
    with params(**MODES["eager"]):
        plain, jitted = make_binary(op), jit(make_binary(op))
        for x in NUMBERS:
            fresh = jit(make_binary(op))
            for y in NUMBERS:
                if astronomical(op, x, y):
                    continue
                expected = outcome(plain, x, y)
                assert outcome(jitted, x, y) == expected, (x, y)
                assert outcome(fresh, x, y) == expected, (x, y)


@pytest.mark.parametrize("op", ["-", "+", "~", "not ", "abs", "int", "float", "bool"])
def test_scalar_unary(op):
    namespace = {}
    exec(f"def apply(x):\n r = None\n for i in range(8):\n  r = {op}(x)\n return r", namespace)
    for x in NUMBERS:
        compare(namespace["apply"], lambda: (x,))


def test_accumulated_types():
    """The type that a sum ends with says by which rules it was made."""
    def add(total, a):
        for i in range(a.size):
            total += a[i]
        return total
    for start in (0, 0.0, True, np.int64(0), np.float64(0), np.bool_(0), np.float32(0), 2**64):
        for kind in ("float64", "int64", "bool", "longlong", "float32"):
            compare(add, lambda: (start, {**COMPILED, **INTERPRETED}[kind]()))


# --- np.errstate ----------------------------------------------------------------------------------

def divide(a, b):
    r = None
    for i in range(a.size):
        r = a[i] / b
    return r


def square(a):
    r = None
    for i in range(a.size):
        r = a[i] * a[i]
    return r


def add_ints(a, k):
    r = None
    for i in range(a.size):
        r = a[i] + k
    return r


CONDITIONS = {
    "under": (square, lambda: (np.full(20, 1e-200),)),
    "over": (square, lambda: (np.full(20, 1e200),)),
    "divide": (divide, lambda: (np.ones(20), np.float64(0))),
    "invalid": (divide, lambda: (np.zeros(20), np.float64(0))),
    "over in ints": (add_ints, lambda: (np.full(20, 2**63 - 1), np.int64(1))),
}


@pytest.mark.parametrize("mode", ["ignore", "warn", "raise", "call", "print", "log"])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_errstate(condition, mode, capfd):
    f, make = CONDITIONS[condition]
    log = []
    call = {"call": lambda *a: log.append(a), "log": types.SimpleNamespace(write=log.append)}.get(mode)
    compare(f, make)
    with np.errstate(**{condition.split()[0]: mode}, call=call):
        outcome(copy(f), *make())
        logged, printed = len(log), capfd.readouterr().err.count("\n")
        assert bool(logged) == (mode in ("call", "log")) and bool(printed) == (mode == "print")
        compare(f, make, calls=3)
        assert len(log) == 7 * logged and len(set(map(str, log))) <= 1
        assert capfd.readouterr().err.count("\n") == 6 * printed
    compare(f, make)


def test_machine_code_meets_errstate():
    """Compiled under the default; then underflow has to be noticed."""
    from hotloop import jit
    f = jit(copy(square))
    tiny = np.full(40, 1e-200)
    for _ in range(4):
        assert f(tiny) == 0.0
    before = native_iterations(f)
    assert before, explain(f)
    with np.errstate(under="raise"):
        with pytest.raises(FloatingPointError):
            f(tiny)
        with np.errstate(under="ignore"):
            assert f(tiny) == 0.0
    assert native_iterations(f) > before
    old = np.seterr(under="raise")
    try:
        with pytest.raises(FloatingPointError):
            f(tiny)
        result = []
        thread = threading.Thread(target=lambda: result.append(f(tiny)))  # has its own, default state
        thread.start()
        thread.join()
        assert result == [0.0]
    finally:
        np.seterr(**old)
    assert f(tiny) == 0.0


def test_errstate_in_a_context():
    """NumPy 2 keeps the state in a context variable, 1.x in the thread."""
    import contextvars
    from hotloop import jit
    plain, f = copy(square), jit(copy(square))
    tiny = np.full(40, 1e-200)
    for _ in range(3):
        f(tiny)
    context = contextvars.copy_context()
    old = context.run(np.seterr, under="raise")
    try:
        assert context.run(outcome, f, tiny) == context.run(outcome, plain, tiny)
        assert outcome(f, tiny) == outcome(plain, tiny)
        assert contextvars.Context().run(outcome, f, tiny) == \
            contextvars.Context().run(outcome, plain, tiny)
    finally:
        np.seterr(**old)


# --- finding NumPy --------------------------------------------------------------------------------

PRELUDE = """
import sys, threading, types
import hotloop
from hotloop import jit, _hotloop

def make():
    ns = {}
    exec('''def total(a, n):
        t = 0
        for i in range(n):
            t += a[i]
        return t''', ns)
    return jit(ns['total'])

def native(f):
    return sum(sum(r['native']) for row in _hotloop.stats(f.__wrapped__.__code__)
               for loop in row['loops'] for r in loop['regions'])

@jit
def count(n):
    t = 0
    for i in range(n):
        t += i
    return t

def check_arrays():
    import numpy as np
    f = make()
    for _ in range(4):
        r = f(np.arange(100.0), 100)
        assert type(r) is np.float64 and r == 4950
    assert native(f) > 200, _hotloop.stats(f.__wrapped__.__code__)
"""


def run(program):
    result = cli.python("-c", PRELUDE + textwrap.dedent(program), HOTLOOP_THRESHOLD="2",
                        HOTLOOP_SYNC="1")
    assert (result.returncode, result.stderr) == (0, ""), result.stderr


def test_hotloop_does_not_import_it():
    run("""
        for _ in range(5):
            assert count(100) == 4950
        assert native(count) and not any(m.split('.')[0] == 'numpy' for m in sys.modules)
        """)


def test_imported_before():
    result = cli.python("-c", "import numpy\n" + PRELUDE + "check_arrays()", HOTLOOP_THRESHOLD="2",
                        HOTLOOP_SYNC="1")
    assert (result.returncode, result.stderr) == (0, "")


def test_imported_after_loops_were_compiled():
    run("""
        f = make()
        for _ in range(5):
            assert f(list(range(100)), 100) == 4950 and count(100) == 4950
        import numpy as np
        assert f(np.arange(100.0), 100) == 4950
        check_arrays()
        """)


def test_loops_run_while_it_is_being_imported():
    """In the importing thread, from an import hook at every one of its modules."""
    run("""
        names = []
        class Hook:
            def find_spec(self, name, path=None, target=None):
                if name.split('.')[0] == 'numpy':
                    names.append(name)
                    f = make()
                    for _ in range(3):
                        assert f(list(range(50)), 50) == 1225
        sys.meta_path.insert(0, Hook())
        import numpy
        assert len(names) > 20
        check_arrays()
        """)


def test_loops_run_in_a_thread_while_it_is_being_imported():
    run("""
        stop, errors = False, []
        def work():
            try:
                while not stop:
                    f = make()
                    for _ in range(3):
                        assert f(list(range(50)), 50) == 1225
            except BaseException as e:
                errors.append(e)
        thread = threading.Thread(target=work)
        thread.start()
        import numpy
        check_arrays()
        stop = True
        thread.join()
        assert not errors, errors
        """)


@pytest.mark.parametrize("stand_in", [
    "None", "types.ModuleType('numpy')", "object()", "types.SimpleNamespace(__spec__=1)",
])
def test_something_else_is_called_numpy(stand_in):
    run(f"""
        sys.modules['numpy'] = {stand_in}
        sys.modules['numpy._core._multiarray_umath'] = {stand_in}
        f = make()
        for _ in range(5):
            assert f(list(range(50)), 50) == 1225 and count(100) == 4950
        assert native(count)
        """)


def test_lazy_import():
    """A module that imports itself when it is touched is not touched."""
    run("""
        import importlib.util
        spec = importlib.util.find_spec('numpy')
        spec.loader = importlib.util.LazyLoader(spec.loader)
        numpy = sys.modules['numpy'] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(numpy)
        for _ in range(5):
            assert count(100) == 4950
        assert not any(m.startswith('numpy.') for m in sys.modules)
        numpy.arange
        check_arrays()
        """)


def test_errstate_is_understood():
    """Were the layout of NumPy's errstate not recognised, no loop on NumPy floats would be entered."""
    from hotloop import jit
    f = jit(copy(square))
    for _ in range(3):
        f(np.linspace(0, 1, 100))
    assert native_iterations(f) > 100, explain(f)


def test_version_is_one_that_is_supported():
    assert tuple(map(int, np.__version__.split(".")[:2])) >= (1, 24)
    assert sys.version_info[:2] == (3, 11)
