"""Turns any value into nested tuples of strings and ints that compare equal only when the values are
the same bit for bit and of the same types.

Floats keep their sign and NaN payload, NumPy scalars and arrays their dtype and bytes, containers and
other objects with an identity are numbered by first appearance, so that sharing is compared too. The
identity of numbers is left out: it may differ for computed ones (docs/semantics.md)."""

import collections.abc
import math
import struct
import sys
import types

# Whether all NaNs are taken for the same: which of two comes out of an operation is not promised.
ONE_NAN = False

_PLAIN = (type(None), bool, int, str, bytes, type(Ellipsis), type(NotImplemented), range, slice)
_RANGE_ITERATOR = type(iter(range(0)))
_ITERATORS = tuple(type(iter(x)) for x in (range(1 << 70), [], (), "", b"", {}, set())) + (
    enumerate, zip, map, reversed, type(reversed([])))


def freeze(value, memo=None):
    """The frozen form of `value`; `memo` carries the identities across several calls."""
    return _freeze(value, {} if memo is None else memo)


def float_bits(x):
    return "nan" if ONE_NAN and x != x else struct.pack(">d", x).hex()


def _array_bytes(x):
    if ONE_NAN and x.dtype.kind in "fc":
        x = x.copy()
        x[x != x] = math.nan
    return x.tobytes().hex()


def _freeze(x, memo):
    t = type(x)
    if t in _PLAIN:
        return (t.__name__, repr(x))
    if t is float:
        return ("float", repr(x), float_bits(x))
    if t is complex:
        return ("complex", float_bits(x.real), float_bits(x.imag))
    np = sys.modules.get("numpy")
    if np is not None and isinstance(x, np.generic):
        return ("np", t.__name__, x.dtype.str, repr(x), _array_bytes(np.array(x)))
    if isinstance(x, type):
        return ("class", x.__module__, x.__qualname__)
    if isinstance(x, types.ModuleType):
        return ("module", x.__name__)
    if isinstance(x, types.CodeType):
        return ("code", x.co_name, x.co_firstlineno, x.co_code.hex())
    if is_function(x):
        return ("function", getattr(x, "__qualname__", None))

    key = id(x)
    if key in memo:
        return ("same as", memo[key][0])
    number = len(memo)
    memo[key] = (number, x)  # keeps x alive: its id stays its own
    return (number, *_freeze_object(x, t, memo))


def _freeze_object(x, t, memo):
    np = sys.modules.get("numpy")
    if np is not None and isinstance(x, np.ndarray):
        items = _freeze(x.tolist(), memo) if x.dtype.hasobject else _array_bytes(x.view(np.ndarray))
        base, at = None, None
        if type(x.base) is np.ndarray:
            base = _freeze(x.base, memo)
            at = x.__array_interface__["data"][0] - x.base.__array_interface__["data"][0]
        return ("array", t.__name__, x.dtype.str, x.shape, x.strides, x.flags.num, items, base, at)
    if t in (tuple, list) or isinstance(x, (tuple, list)):
        return (t.__name__, tuple(_freeze(v, memo) for v in x))
    if isinstance(x, (dict, collections.abc.MutableMapping)):
        return (t.__name__, tuple((_freeze(k, memo), _freeze(v, memo)) for k, v in x.items()))
    if isinstance(x, (set, frozenset)):
        return (t.__name__, tuple(sorted(_freeze(v, {}) for v in x)))
    if isinstance(x, BaseException):
        return ("exception", t.__qualname__, tuple(_freeze(a, memo) for a in x.args),
                _freeze(getattr(x, "__notes__", None), memo))
    if isinstance(x, types.CellType):
        try:
            return ("cell", _freeze(x.cell_contents, memo))
        except ValueError:
            return ("cell", "empty")
    if isinstance(x, types.MethodType):
        return ("method", _freeze(x.__func__, memo), _freeze(x.__self__, memo))
    if t is _RANGE_ITERATOR:
        make, (whole,), *done = x.__reduce__()
        return (t.__name__, repr(whole[done[0]:] if done and done[0] else whole))
    if t in _ITERATORS:
        # What is left of it, without using it up: its pickled state.
        return (t.__name__, _freeze(x.__reduce__(), memo))
    if isinstance(x, bytearray):
        return ("bytearray", x.hex())
    if isinstance(x, int):
        return ("int subclass", t.__qualname__, int.__repr__(x))
    if isinstance(x, float):
        return ("float subclass", t.__qualname__, float_bits(x))
    if isinstance(x, str):
        return ("str subclass", t.__qualname__, str.__repr__(x))
    state = getattr(x, "__dict__", None)
    slots = [n for c in t.__mro__ for n in _slots(c) if hasattr(x, n)]
    return ("object", t.__qualname__, _freeze(dict(state), memo) if state is not None else None,
            tuple((n, _freeze(getattr(x, n), memo)) for n in slots))


def _slots(cls):
    names = cls.__dict__.get("__slots__", ())
    return (names,) if isinstance(names, str) else tuple(n for n in names if n[:2] != "__")


def is_function(x):
    """True for functions of every kind, jitted ones too: those must look like the plain ones."""
    return isinstance(x, (types.FunctionType, types.BuiltinFunctionType)) or \
        type(x).__module__.partition(".")[0] == "hotloop"
