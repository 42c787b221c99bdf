"""hotloop.Function, what @jit returns: it passes for the function inside in every way but its type."""

import asyncio
import copy
import functools
import gc
import inspect
import pickle
import pydoc
import sys
import types
import typing
import weakref

import pytest

from hotloop import _hotloop, jit


def plain(a, /, b: int = 2, *args, c=3, **kwargs) -> "int":
    """Adds."""
    t = a
    for x in (b, c, *args, *kwargs.values()):
        t += x
    return t


function = jit(plain)
plain = function.__wrapped__


@jit
def pickled(n):
    for i in range(n):
        n += i
    return n


class Methods:
    @jit
    def method(self, k):
        for i in range(k):
            k += i
        return self, k

    @staticmethod
    @jit
    def static(k):
        return k

    @classmethod
    @jit
    def cls(cls, k):
        return cls, k

    @property
    @jit
    def prop(self):
        return self

    @functools.lru_cache
    @jit
    def cached(self):
        return self

    @jit
    def mangled(self):
        return super().__repr__()


# -- Attributes ----------------------------------------------------------------------------------

def test_type_and_repr():
    assert type(function) is _hotloop.Function
    assert repr(function) == f"<hotloop.Function plain at {id(function):#x}>"
    assert callable(function) and not isinstance(function, type(plain))
    with pytest.raises(TypeError):
        _hotloop.Function()
    with pytest.raises(TypeError):
        type("Sub", (_hotloop.Function,), {})


@pytest.mark.parametrize("name", [
    "__name__", "__qualname__", "__module__", "__doc__", "__annotations__", "__dict__", "__defaults__",
    "__kwdefaults__", "__code__", "__globals__", "__closure__", "__builtins__"])
def test_attributes_are_the_functions(name):
    assert getattr(function, name) is getattr(plain, name)


def test_attributes_can_be_set():
    def f(a, b=1, *, c=2):
        return a, b, c

    g = jit(f)
    for name, value in [("__name__", "n"), ("__qualname__", "q.n"), ("__module__", "m"),
                        ("__doc__", "d"), ("__annotations__", {"a": int}), ("__defaults__", (5,)),
                        ("__kwdefaults__", {"c": 6}), ("own", [1])]:
        setattr(g, name, value)
        assert getattr(g, name) == value and getattr(f, name) == value
    assert g(1) == (1, 5, 6) and "own" in g.__dict__ and "own" in dir(g)
    assert "q.n" in repr(g)
    del g.own
    assert not hasattr(g, "own") and not hasattr(f, "own")
    g.__dict__ = {"other": 1}
    assert f.other == 1
    with pytest.raises(AttributeError, match="function.*nothing"):
        g.nothing
    with pytest.raises(AttributeError):
        g.__wrapped__ = f
    with pytest.raises(TypeError):
        g.__name__ = 3
    with pytest.raises(AttributeError):
        g.__globals__ = {}


def test_introspection():
    assert inspect.signature(function) == inspect.signature(plain)
    assert inspect.getsource(function) == inspect.getsource(plain)
    assert inspect.getfullargspec(function) == inspect.getfullargspec(plain)
    assert inspect.getdoc(function) == "Adds." and inspect.isroutine(function)
    assert typing.get_type_hints(function) == typing.get_type_hints(plain)
    assert "Adds." in pydoc.render_doc(function)
    assert {"__wrapped__", "__code__", "__name__"} <= set(dir(function))

    @jit
    async def coroutine():
        pass

    @jit
    def generator():
        yield
    assert inspect.iscoroutinefunction(coroutine) and not inspect.iscoroutinefunction(generator)
    assert inspect.isgeneratorfunction(generator) and not inspect.isgeneratorfunction(function)
    assert asyncio.run(coroutine()) is None


def test_identity():
    other = jit(plain)
    assert function == function and function != other and hash(function) != hash(other)
    assert len({function, other, function}) == 2
    assert function is not plain and function != plain


# -- Calls ---------------------------------------------------------------------------------------

def test_calls():
    for f in plain, function:
        assert f(1) == 6 and f(1, 5) == 9 and f(1, 5, 7, c=0, d=4) == 17
        assert f(*[1, 2], **{"c": 3, "x": 1}) == 7
    for args, kwargs in [((), {}), ((), {"a": 1}), ((1, 2), {"b": 3})]:
        with pytest.raises(TypeError) as want:
            plain(*args, **kwargs)
        with pytest.raises(TypeError) as got:
            function(*args, **kwargs)
        assert str(got.value) == str(want.value)


def test_methods():
    m = Methods()
    assert m.method(3) == (m, 6) and Methods.method(m, 3) == (m, 6)
    assert type(m.method).__name__ == "method" and m.method.__func__ is Methods.method
    assert m.method.__self__ is m and m.method == m.method
    assert type(Methods.method) is _hotloop.Function
    assert m.static(4) == 4 and Methods.static(4) == 4
    assert m.cls(5) == (Methods, 5) and Methods.cls(5) == (Methods, 5)
    assert m.prop is m and m.cached() is m
    assert "Methods object" in m.mangled()
    assert functools.partialmethod(Methods.method, 2).__get__(m)() == (m, 3)
    bound = functools.partial(m.method, 2)
    assert bound() == (m, 3)
    assert Methods.method.__get__(None, Methods) is Methods.method


def test_the_code_object_may_change():
    def f(n):
        for i in range(n):
            n += 1
        return n
    g = jit(f)
    assert g(3) == 6
    f.__code__ = (lambda n: "replaced").__code__
    assert g(3) == "replaced"
    g.__code__ = (lambda n: "again").__code__
    assert g(3) == "again" and f(3) == "again"


@pytest.mark.parametrize("thing", [len, int, 3, "f", Methods, Methods().method, print])
def test_only_functions(thing):
    with pytest.raises(TypeError) as raised:
        _hotloop.wrap(thing)
    assert type(thing).__name__ in str(raised.value)


# -- Copies and life -----------------------------------------------------------------------------

def test_copies_are_the_same_object():
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(pickled, protocol)) is pickled
    assert copy.copy(pickled) is pickled and copy.deepcopy([pickled])[0] is pickled
    assert pickle.loads(pickle.dumps(Methods.method)) is Methods.method
    m = Methods()
    assert pickle.loads(pickle.dumps(m.method)).__func__ is Methods.method


def test_nested_functions_do_not_pickle():
    @jit
    def nested():
        pass
    with pytest.raises((pickle.PicklingError, AttributeError), match="nested"):
        pickle.dumps(nested)
    assert copy.copy(nested) is nested


def test_weak_references_and_cycles():
    died = []

    def make():
        def f(n):
            for i in range(n):
                n += i
            return n, f, g
        g = jit(f)
        g.itself = g
        weakref.finalize(g, died.append, "object")
        weakref.finalize(f, died.append, "function")
        return g
    g = make()
    assert g(3)[0] == 6
    ref = weakref.ref(g)
    gc.collect()
    assert ref() is g and died == []
    del g
    gc.collect()
    assert ref() is None and sorted(died) == ["function", "object"]


def test_reference_counts():
    def f():
        return 1
    before = sys.getrefcount(f), sys.getrefcount(f.__code__)
    for _ in range(50):
        g = jit(f)
        g()
        g.__wrapped__, g.__code__, g.__get__(1), g.__doc__, repr(g), dir(g), g.__reduce__()
    del g
    assert (sys.getrefcount(f), sys.getrefcount(f.__code__)) == before


def test_code_that_is_jitted_with_and_without_fastmath_dies_whole():
    def make():
        def f(a):
            t = 0.0
            for i in range(a):
                t += i * 0.5
            return t
        return f
    before = len(_hotloop.stats())
    f = types.FunctionType(make().__code__.replace(), {"range": range})
    both = [jit(f, fastmath=x, threshold=2) for x in (True, False, {"arcp"})]
    assert {g(400) for g in both} == {f(400)}
    assert len(_hotloop.stats(f)) == 3 and len(_hotloop.stats()) == before + 3
    died = weakref.ref(f.__code__)
    del f, both
    gc.collect()
    assert died() is None and len(_hotloop.stats()) == before


def test_wrapping_again():
    g = jit(jit(plain))
    assert g.__wrapped__ is plain and g is not function
