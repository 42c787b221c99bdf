"""@jit: what it takes, what it refuses, and that decorated functions look like the plain ones."""

import functools
import inspect
import pickle
import subprocess
import sys
import warnings
import weakref

import cli
import pytest

import hotloop
from differ import params
from hotloop import _decorator, jit


@jit
def total(n: int, step=1, *rest, scale: float = 1.0) -> float:
    """Sums."""
    t = 0.0
    for i in range(0, n, step):
        t += i * scale
    return t


@pytest.fixture
def fresh_warnings():
    """Options that already warned in this process do so again."""
    before = set(_decorator._warned)
    _decorator._warned.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught
    _decorator._warned.clear()
    _decorator._warned.update(before)


# -- Identity ------------------------------------------------------------------------------------

def test_looks_like_the_function():
    plain = total.__wrapped__
    assert inspect.isfunction(plain) and total is not plain
    assert total.__name__ == "total" and total.__qualname__ == "total"
    assert total.__module__ == __name__ and total.__doc__ == "Sums."
    assert total.__defaults__ == (1,) and total.__kwdefaults__ == {"scale": 1.0}
    assert total.__annotations__ == {"n": int, "scale": float, "return": float}
    assert inspect.signature(total) == inspect.signature(plain)
    assert inspect.unwrap(total) is plain


def test_calls_bind_like_the_function():
    assert total(4) == 6.0
    assert total(n=5, step=2, scale=0.5) == 3.0
    with pytest.raises(TypeError, match=r"total\(\) missing 1 required positional argument: 'n'"):
        total()
    with pytest.raises(TypeError, match="unexpected keyword argument 'nope'"):
        total(3, nope=1)


def test_pickles_by_reference_and_takes_weak_references():
    assert pickle.loads(pickle.dumps(total)) is total
    f = jit(lambda: 0)
    ref = weakref.ref(f)
    assert ref() is f
    del f
    assert ref() is None


# -- What may be decorated -----------------------------------------------------------------------

def test_with_and_without_arguments():
    def f(x):
        return x + 1

    for g in (jit(f), jit()(f), jit(nopython=True)(f), jit(f, threshold=7), jit(None)(f),
              jit(signature_or_function=f)):
        assert g.__wrapped__ is f and g(1) == 2


def test_again_is_the_same_function_with_the_new_options():
    def f():
        return 1

    g = jit(jit(f, threshold=3), threshold=9)
    assert g.__wrapped__ is f and g() == 1
    assert hotloop.stats(g)["threshold"] == 9


class Shape:
    sides = 4

    def __init__(self, size):
        self.size = size

    @jit
    def method(self, k):
        return self.size * k

    @jit
    @staticmethod
    def static_inside(k):
        return k + 1

    @staticmethod
    @jit
    def static_outside(k):
        return k + 1

    @jit
    @classmethod
    def class_inside(cls, k):
        return cls.sides + k

    @classmethod
    @jit
    def class_outside(cls, k):
        return cls.sides + k

    @jit(threshold=5)
    @property
    def property_inside(self):
        "Doc."
        return self.size

    @property_inside.setter
    def property_inside(self, value):
        self.size = value

    @property
    @jit
    def property_outside(self):
        return self.size


def test_methods_in_either_order():
    s = Shape(3)
    assert s.method(2) == Shape.method(s, 2) == 6
    assert s.static_inside(1) == Shape.static_inside(1) == s.static_outside(1) == 2
    assert s.class_inside(1) == Shape.class_inside(1) == s.class_outside(1) == 5
    assert s.property_inside == s.property_outside == 3
    s.property_inside = 8
    assert s.property_outside == 8
    assert Shape.property_inside.__doc__ == "Doc."


def test_descriptors_are_jitted_inside():
    kinds = {"static_inside": staticmethod, "static_outside": staticmethod,
             "class_inside": classmethod, "class_outside": classmethod}
    for name, kind in kinds.items():
        found = Shape.__dict__[name]
        assert type(found) is kind and hasattr(found.__func__, "__wrapped__")
        assert inspect.isfunction(found.__func__.__wrapped__)
    assert inspect.isfunction(Shape.property_inside.fget.__wrapped__)


def test_all_parts_of_a_property():
    class C:
        def __init__(self):
            self.log = []
        x = property(lambda self: 1, lambda self, v: self.log.append(v), lambda self: self.log.clear())

    class Sub(property):
        pass

    p = jit(C.x)
    assert all(hasattr(f, "__wrapped__") for f in (p.fget, p.fset, p.fdel))
    assert type(jit(Sub(lambda self: 1))) is Sub
    C.x = p
    c = C()
    c.x = 5
    assert c.x == 1 and c.log == [5]
    del c.x
    assert c.log == []


@pytest.mark.parametrize("obj, name", [
    (Shape, "the class Shape"),
    (int, "the class int"),
    (len, "builtin function or method len"),
    (str.join, "method descriptor str.join"),
    (3, "object of type int: 3"),
    (functools.lru_cache(lambda: 0), "the lru cache wrapper"),
    (functools.partial(total, 1), "object of type partial"),
    (Shape(1).__init__, "bound method Shape.__init__"),
    (staticmethod(len), "len"),
    (property(len), "len"),
    (sys, "object of type module"),
])
def test_refuses_what_is_no_function(obj, name):
    with pytest.raises(TypeError) as raised:
        jit(obj)
    assert name in str(raised.value)
    with pytest.raises(TypeError) as raised:
        jit(nopython=True)(obj)
    assert name in str(raised.value)


# -- Options -------------------------------------------------------------------------------------

@pytest.mark.parametrize("options", [
    {"nopython": True}, {"nopython": False}, {"cache": False}, {"fastmath": False},
    {"parallel": False}, {"nogil": False}, {"forceobj": True}, {"error_model": "python"},
    {"boundscheck": True}, {"boundscheck": False}, {"boundscheck": None}, {"inline": "always"},
    {"inline": "never"}, {"inline": lambda *_: True}, {"locals": {"x": "int64"}}, {"debug": True},
    {"looplift": False}, {"no_cpython_wrapper": True}, {"no_cfunc_wrapper": True},
    {"fastmath": True}, {"fastmath": {"fast"}}, {"fastmath": {"nnan": True, "reassoc": False}},
    {"fastmath": frozenset()}, {"target": "cpu"}, {"pipeline_class": None}, {"forceinline": True}, {"no_rewrites": True},
])
def test_options_without_a_warning(options, fresh_warnings):
    assert jit(**options)(lambda x: x)(3) == 3
    assert fresh_warnings == []


@pytest.mark.parametrize("options", [
    {"cache": True}, {"parallel": True}, {"nogil": True}, {"error_model": "numpy"},
    {"target": "cuda"}, {"pipeline_class": object},
])
def test_options_that_are_not_there_yet_warn_once(options, fresh_warnings):
    (name,) = options
    for _ in range(2):
        line = inspect.currentframe().f_lineno + 1
        assert jit(**options)(lambda x: x)(3) == 3
    (warning,) = fresh_warnings
    assert name in str(warning.message) and "no effect yet" in str(warning.message)
    assert warning.filename == __file__ and warning.lineno == line


@pytest.mark.parametrize("options, error, text", [
    ({"nonsense": 1}, TypeError, "unexpected keyword argument 'nonsense'"),
    ({"threshold": 0}, ValueError, "from 1"),
    ({"threshold": -3}, ValueError, "-3"),
    ({"threshold": 1 << 40}, ValueError, "2147483647"),
    ({"threshold": 2.0}, TypeError, "float"),
    ({"threshold": "9"}, TypeError, "str"),
    ({"threshold": True}, TypeError, "bool"),
    ({"threshold": None}, TypeError, "NoneType"),
    ({"error_model": "c"}, ValueError, "error_model"),
    ({"inline": "sometimes"}, ValueError, "inline"),
    ({"fastmath": {"fast", "furious"}}, ValueError, "'furious'"),
    ({"fastmath": {"slow": False}}, ValueError, "'slow'"),
    ({"nopython": True, "forceobj": True}, ValueError, "exclude"),
])
def test_options_that_are_wrong(options, error, text):
    with pytest.raises(error, match=text):
        jit(**options)
    with pytest.raises(error, match=text):
        jit(total, **options)


def test_threshold_reaches_the_core():
    f = jit(threshold=123)(lambda: 0)
    f()
    assert hotloop.stats(f)["threshold"] == 123


@pytest.mark.parametrize("value, flags", [
    (False, 0), (None, 0), (True, 15), (1, 15), (set(), 0), ({"fast"}, 15), ({"nnan", "ninf", "nsz"}, 0),
    ({"reassoc", "nsz"}, 1), ({"arcp": True, "afn": False}, 2), ({"contract", "afn"}, 12),
])
def test_flags_of_fastmath_reach_the_core(value, flags):
    def f(n):
        t = 0.0
        for i in range(n):
            t += i * 0.5
        return t
    with params(threshold=2, sync=1):
        f = jit(f, fastmath=value)
        f(50)
    assert hotloop.stats(f)["fastmath"] == bool(flags)
    (text,) = hotloop.inspect_ir(f)
    assert ("fastmath %d\n" % flags in text) if flags else "fastmath" not in text


# -- Signatures ----------------------------------------------------------------------------------

@pytest.mark.parametrize("signature", [
    "float64(float64)", "void(f8[:], i4)", "int64(int64[:, ::1], types.intp)", "(int64, float64)",
    "void()", " f8 ( f8 ) ", "Tuple((i8, f8))(optional(f8), Array(f8, 1, 'C'))",
    "none(ListType(unicode_type), UniTuple(i8, 3))", "f8(f8[:, :, ::1], (i8, (b1, c16)))",
    ["float64(float64)", "int64(int64)"], ("f8(f8)",), (), [],
])
def test_signatures_are_accepted_and_ignored(signature):
    f = jit(signature)(lambda x: (x, x + x))
    assert f(1) == (1, 2) and f("a") == ("a", "aa")
    assert jit(signature, nopython=True)(lambda: 5)() == 5


@pytest.mark.parametrize("signature", [
    "", "float64", "float64(", "float64(float64))", "float64[:]", "f8 f8(f8)", "1(2)", "f8(1)",
    "f8(f8[0])", "f8(f8 + f8)", "lambda: 0", "f8(x=f8)", "f8\0(f8)", ["f8(f8)", "f8("],
])
def test_malformed_signatures(signature):
    with pytest.raises(ValueError, match="malformed signature"):
        jit(signature)


def test_signatures_of_other_things():
    with pytest.raises(TypeError, match="signature cannot hold an object of type int"):
        jit([1])


def test_numba_signatures():
    numba = pytest.importorskip("numba")
    for signature in (numba.float64(numba.float64), (numba.int64,), [numba.f8(numba.f8[:])]):
        assert jit(signature)(lambda x: x)(2) == 2
    with pytest.raises(TypeError, match="CPUDispatcher|Dispatcher"):
        jit(numba.jit(lambda x: x))


# -- The environment -----------------------------------------------------------------------------

def test_off_leaves_everything_alone():
    out = cli.python("-c", """if 1:
        import hotloop
        from hotloop import jit
        def f(n):
            for i in range(n): pass
            return n
        s, c, p = staticmethod(f), classmethod(f), property(f)
        assert jit(f) is f and jit(threshold=3, cache=True)(f) is f
        assert jit(s) is s and jit(c) is c and jit(p) is p
        for bad, error in (({"nonsense": 1}, TypeError), ({"threshold": 0}, ValueError)):
            try: jit(**bad)
            except error: pass
            else: raise SystemExit("accepted")
        hotloop.enable(); hotloop.wait(); f(2000); hotloop.disable()
        doc = hotloop.stats()
        print(doc["active"], doc["why_inactive"], doc["global"], doc["functions"],
              hotloop.stats(f)["loops"], hotloop.inspect_ir(f))
        """, HOTLOOP="0")
    assert out.returncode == 0, out.stderr
    assert out.stdout == "False HOTLOOP=0 False [] [] []\n" and out.stderr == ""


@pytest.mark.parametrize("variable, value", [
    ("HOTLOOP_THRESHOLD", "many"), ("HOTLOOP_THRESHOLD", "0"), ("HOTLOOP_THRESHOLD", "1e3"),
    ("HOTLOOP_THRESHOLD", "99999999999999999999"), ("HOTLOOP_SYNC", "2"), ("HOTLOOP", "yes"),
])
def test_bad_variables_are_named_and_ignored(variable, value):
    code = ("import hotloop\nfrom hotloop import _hotloop\n"
            "print(*(row[:2] for row in _hotloop.params().values() if row[0] != row[1]))")
    out = cli.python("-c", code, **{variable: value})
    assert out.returncode == 0 and out.stdout == "\n"
    assert f"RuntimeWarning: hotloop: {variable}='{value}' ignored" in out.stderr
    assert out.stderr.startswith("<string>:1:")
    out = cli.python("-c", code, **{variable: ""})
    assert (out.stdout, out.stderr) == ("\n", "")


def test_good_variables():
    out = cli.python("-c", "from hotloop import _hotloop as h; p = h.params(); "
                     "print(p['threshold'][0], p['sync'][0])",
                     HOTLOOP_THRESHOLD="17", HOTLOOP_SYNC="1")
    assert (out.stdout, out.stderr) == ("17 1\n", "")


def test_where_the_hook_is_refused_nothing_happens():
    out = cli.python("-c", """if 1:
        import os, sys
        os.environ["HOTLOOP"] = "1"  # here, because an installed hotloop would start earlier
        def refuse(event, args):
            if event == "sys.addaudithook": raise RuntimeError("not in this house")
        sys.addaudithook(refuse)
        import hotloop
        @hotloop.jit(nopython=True)
        def f(n):
            for i in range(n): pass
            return n
        hotloop.enable(); hotloop.wait(); hotloop.disable()
        print(f(100_000), type(f).__name__, hotloop.stats(f)["loops"], hotloop.inspect_asm(f))
        info = hotloop._hotloop.info()
        print(info["active"], info["why_not"] == hotloop.stats()["why_inactive"])
        """, HOTLOOP_SYNC="1")
    assert out.returncode == 0 and out.stdout == "100000 function [] []\nFalse True\n", out.stderr
    assert out.stderr.count("RuntimeWarning: hotloop does nothing here: ") == 1


def test_enable_and_disable():
    out = cli.python("-c", """if 1:
        import hotloop
        def f(n):
            t = 0
            for i in range(n): t += i
            return t
        f(10_000)
        print(hotloop.stats(f)["driven_calls"])
        hotloop.enable(); hotloop.enable(); f(10_000)
        print(hotloop.stats()["global"], hotloop.stats(f)["driven_calls"])
        hotloop.disable(); f(10_000)
        print(hotloop.stats()["global"], hotloop.stats(f)["driven_calls"])
        """)
    assert out.stdout == "0\nTrue 1\nFalse 1\n", out.stderr


def test_parameters_are_checked():
    from hotloop import _hotloop
    for name, value in (("threshold", 0), ("sync", 2), ("max_blocks", -1), ("no_such", 1)):
        with pytest.raises(ValueError, match=name):
            _hotloop.set_param(name, value)
    before = _hotloop.params()["max_blocks"][0]
    _hotloop.set_param("max_blocks", before + 1)
    assert _hotloop.params()["max_blocks"][0] == before + 1
    _hotloop.set_param("max_blocks", before)


def test_import_is_light():
    heavy = {"numpy", "json", "argparse", "jinja2", "warnings", "linecache", "subprocess", "ctypes",
             "inspect", "typing", "dataclasses", "re", "pathlib", "ast", "tempfile", "threading"}
    out = cli.python("-I", "-S", "-c", f"""if 1:
        import sys
        sys.path[:0] = {sys.path!r}
        before = set(sys.modules)
        import hotloop
        print(*sorted(set(sys.modules) - before))
        """)
    loaded = set(out.stdout.split())
    assert "hotloop._hotloop" in loaded, out.stderr
    assert not loaded & heavy


def test_only_the_main_interpreter():
    xx = pytest.importorskip("_xxsubinterpreters")
    interp = xx.create()
    try:
        with pytest.raises(xx.RunFailedError, match="main interpreter only"):
            xx.run_string(interp, f"import sys\nsys.path[:0] = {sys.path!r}\nimport hotloop")
    finally:
        xx.destroy(interp)


def test_module_can_be_imported_again():
    out = cli.python("-c", """if 1:
        import sys, hotloop
        first = hotloop._hotloop
        for name in [m for m in sys.modules if m.startswith("hotloop")]: del sys.modules[name]
        import hotloop
        f = hotloop.jit(lambda n: sum(i for i in range(n)))
        print(f(10), hotloop.stats(f)["name"], hotloop.FallbackWarning is first.FallbackWarning)
        """)
    assert out.stdout == "45 <lambda> True\n", out.stderr


# -- Inspecting ----------------------------------------------------------------------------------

def test_inspect_takes_functions_methods_and_code():
    def f():
        return 0

    for target in (f, jit(f), f.__code__, Shape.method, Shape(1).method, total):
        assert isinstance(hotloop.inspect_ir(target), list)
        assert hotloop.stats(target)["name"]
        assert hotloop.report(target)
    for inspect_ in (hotloop.inspect_ir, hotloop.inspect_llvm, hotloop.inspect_asm):
        assert inspect_(f) == []
        for bad in (3, len, Shape, None, "f"):
            with pytest.raises(TypeError, match=type(bad).__name__):
                inspect_(bad)
    for bad in (3, len, Shape, "f"):
        with pytest.raises(TypeError, match=type(bad).__name__):
            hotloop.stats(bad)


def test_inspect_shows_what_was_compiled():
    out = cli.python("-c", """if 1:
        import hotloop
        @hotloop.jit(threshold=10)
        def f(n, m):
            t = 0
            for i in range(n): t += i * m
            while n > 0: n -= 1; t ^= n
            return t
        for _ in range(5):
            f(1000, 3)
            hotloop.wait()
        for texts in (hotloop.inspect_ir(f), hotloop.inspect_ir(f, recorded=True),
                      hotloop.inspect_llvm(f), hotloop.inspect_asm(f)):
            print(*(t.split(None, 1)[0] for t in texts))
        first, second = hotloop.inspect_ir(f)
        print("mul" in first, "xor" in first, "mul" in second, "xor" in second)
        print(sum(loop["native"] for loop in hotloop.stats(f)["loops"]) > 5000)
        """)
    lines = out.stdout.splitlines()
    assert lines[:2] == ["region region"] * 2, out.stderr
    assert len(lines[2].split()) == len(lines[3].split()) == 2
    assert lines[4:] == ["True False False True", "True"]


def test_versions():
    assert hotloop.__version__ == "0.1.0"
    assert issubclass(hotloop.FallbackWarning, UserWarning)
    assert pickle.loads(pickle.dumps(hotloop.FallbackWarning)) is hotloop.FallbackWarning
