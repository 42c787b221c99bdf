"""The decorator: which objects and which options @jit takes."""
from types import FunctionType, MethodType

from . import _hotloop
from ._hotloop import Function, wrap

# Numba's options that change nothing here, whatever their value, and why: see docs/options.md.
_HARMLESS = frozenset((
    "boundscheck",           # indexes are always checked
    "debug",                 # tracebacks are always exact
    "forceinline",           # inlining is decided by what is hot
    "forceobj",              # everything runs, compiled or not
    "locals",                # types are observed
    "looplift",              # loops are always compiled on their own
    "no_cfunc_wrapper",      # there are no wrappers
    "no_cpython_wrapper",
    "no_rewrites",
))
# Options with one or more values that are not supported yet: those warn, once per process each.
_NOT_YET = {
    "cache": lambda v: bool(v),
    "error_model": lambda v: v != "python",
    "nogil": lambda v: bool(v),
    "parallel": lambda v: bool(v),
    "pipeline_class": lambda v: v is not None,
    "target": lambda v: v not in (None, "cpu"),
    "target_backend": lambda v: v not in (None, "cpu"),
}
_OWN = frozenset(("fastmath", "inline", "nopython", "threshold"))
_CHOICES = {
    "error_model": ("python", "numpy"),
    "inline": ("never", "always"),
}
# Numba's names of what LLVM may do with floats. That it may forget NaNs, infinities and the signs of zeros
# changes nothing.
_FASTMATH = {**_hotloop.fastmath, "fast": sum(_hotloop.fastmath.values()),
             "nnan": 0, "ninf": 0, "nsz": 0}
_warned = set()


def jit(signature_or_function=None, **options):
    """Run the loops of a Python function at machine speed.

    @jit, @jit(threshold=N, nopython=True, ...) or jit(function, ...). threshold is the number of
    iterations before a loop is recorded; nopython=True warns (FallbackWarning) when a hot loop
    stays interpreted. Numba's signatures and options are accepted: docs/options.md says what
    each does. static methods, class methods and properties are jitted inside.
    """
    obj = signature_or_function
    if _is_signature(obj):
        _check_signature(obj)
        obj = None
    settings = _settings(options)
    if obj is not None:
        return _jit(obj, settings)

    def decorate(func):
        return _jit(func, settings)
    return decorate


def _jit(obj, settings):
    kind = type(obj)
    if kind is Function:
        obj = obj.__wrapped__
        kind = type(obj)
    if kind is FunctionType:
        return obj if _hotloop.inactive else wrap(obj, *settings)
    if isinstance(obj, (staticmethod, classmethod)):
        inner = _jit(obj.__func__, settings)
        return obj if inner is obj.__func__ else kind(inner)
    if isinstance(obj, property):
        out = obj
        for get, put in (("fget", "getter"), ("fset", "setter"), ("fdel", "deleter")):
            func = getattr(obj, get)
            inner = func and _jit(func, settings)
            if inner is not func:
                out = getattr(out, put)(inner)
        return out
    raise TypeError(f"jit() works on Python functions, not on {_describe(obj)}")


def _describe(obj):
    if isinstance(obj, type):
        return f"the class {obj.__qualname__}"
    if isinstance(obj, MethodType):
        return f"the bound method {obj.__qualname__}; decorate the function in its class"
    name = getattr(obj, "__qualname__", None)
    what = type(obj).__name__
    if isinstance(name, str):
        return f"the {what.strip('_').replace('_', ' ')} {name}"
    return f"an object of type {what}: {obj!r:.60}"


# -- Options -------------------------------------------------------------------------------------

def _settings(options):
    """Checks the options; returns wrap()'s arguments behind the function."""
    threshold = 0
    for name, value in options.items():
        _check_choice(name, value)
        if name == "threshold":
            threshold = _check_threshold(value)
        elif name in _NOT_YET:
            if _NOT_YET[name](value) and not _hotloop.inactive:
                _warn_not_yet(name, value)
        elif name not in _HARMLESS and name not in _OWN:
            raise TypeError(f"jit() got an unexpected keyword argument {name!r}")
    nopython = bool(options.get("nopython"))
    if nopython and options.get("forceobj"):
        raise ValueError("jit(): nopython and forceobj exclude each other")
    return threshold, nopython, _fastmath(options.get("fastmath", False))


def _check_choice(name, value):
    choices = _CHOICES.get(name, ())
    if choices and value not in choices and not (name == "inline" and callable(value)):
        expected = " or ".join(map(repr, choices))
        raise ValueError(f"jit(): {name} must be {expected}, not {value!r}")


def _fastmath(value):
    """True, or the names of what is allowed: a set, or the keys of a dict whose values are true."""
    if isinstance(value, (dict, set, frozenset)):
        flags = 0
        for name in value:
            if name not in _FASTMATH:
                raise ValueError(f"jit(): fastmath has no flag {name!r}")
            if not isinstance(value, dict) or value[name]:
                flags |= _FASTMATH[name]
        return flags
    return _FASTMATH["fast"] if value else 0


def _check_threshold(value):
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"jit(): threshold must be an int, not {type(value).__name__}")
    if not 1 <= value <= 0x7FFFFFFF:
        raise ValueError(f"jit(): threshold must be from 1 to 2147483647, not {value}")
    return value


def _warn_not_yet(name, value):
    if name in _warned:
        return
    _warned.add(name)
    import warnings
    warnings.warn(f"jit(): {name}={value!r} has no effect yet", stacklevel=4)


# -- Signatures ----------------------------------------------------------------------------------
# They are checked for their form and then ignored: types are observed when the loop runs.

def _is_signature(obj):
    return (isinstance(obj, (str, list, tuple))
            or _is_numba(obj) and hasattr(obj, "return_type") and hasattr(obj, "args"))


def _is_numba(obj):
    return type(obj).__module__.partition(".")[0] == "numba"


def _check_signature(sig):
    """A string or Numba signature, a tuple of argument types, or a list of signatures."""
    if isinstance(sig, str):
        if not _well_formed(sig):
            raise ValueError(f"jit(): malformed signature {sig!r}")
    elif isinstance(sig, (list, tuple)):
        for item in sig:
            _check_signature(item)
    elif sig is not None and not _is_numba(sig):
        raise TypeError(f"jit(): a signature cannot hold {_describe(sig)}")


def _well_formed(text):
    import _ast
    try:
        node = compile(text.strip(), "<signature>", "eval", _ast.PyCF_ONLY_AST).body
    except (SyntaxError, ValueError):
        return False

    def is_type(node):  # float64, types.intp, int64[:, ::1], Tuple((i8, f8)), Array(f8, 1, "C")
        if isinstance(node, _ast.Name):
            return True
        if isinstance(node, _ast.Attribute):
            return is_type(node.value)
        if isinstance(node, (_ast.Tuple, _ast.List)):
            return all(map(is_type, node.elts))
        if isinstance(node, _ast.Subscript):
            index = node.slice
            axes = index.elts if isinstance(index, _ast.Tuple) else [index]
            return is_type(node.value) and all(isinstance(x, _ast.Slice) for x in axes)
        if isinstance(node, _ast.Call):
            values = node.args + [k.value for k in node.keywords]
            return is_type(node.func) and all(
                isinstance(x, _ast.Constant) or is_type(x) for x in values)
        return False

    if isinstance(node, _ast.Call):  # result(arguments)
        return is_type(node.func) and all(map(is_type, node.args)) and not node.keywords
    return isinstance(node, _ast.Tuple) and is_type(node)
