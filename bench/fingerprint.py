"""Results as text, so that those of all peers can be compared bit for bit. Python 3.9, for PyPy."""
import array
import hashlib
import struct


class Wrong(Exception):
    """A result that is not CPython's, bit for bit."""


def digest(data):
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def packed(values):
    """A list of floats or of ints as an array, another one as it is."""
    for kind, code in ((float, "d"), (int, "q")):
        if all(issubclass(k, kind) for k in set(map(type, values))):
            return array.array(code, values)
    return values


def bits(value):
    """A value's bits as text. NumPy's scalars read like Python's; types are not looked at here. An
    array.array stands for a list: C has them."""
    if value is None:
        return "none"
    if isinstance(value, list):
        value = packed(value)
    if isinstance(value, array.array):
        return f"list:{value.typecode}:{digest(value.tobytes())}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}({', '.join(map(bits, value))})"
    if isinstance(value, bytes):
        return f"bytes:{digest(value)}"
    if hasattr(value, "dtype"):
        if value.ndim:
            return f"{value.dtype}:{digest(value.tobytes())}"
        value = value.item()
    if isinstance(value, float):
        return "float:" + struct.pack(">d", value).hex()
    if isinstance(value, complex):
        return "complex:" + struct.pack(">dd", value.real, value.imag).hex()
    return f"int:{int(value)}"


def type_name(value):
    """A value's class; a list's or a tuple's with those of its items."""
    name = type(value).__name__
    if isinstance(value, (list, tuple)):
        name += f"[{', '.join(sorted(kind.__name__ for kind in set(map(type, value))))}]"
    return name


def fingerprint(result, args, changes):
    """What a call did: its result, and the arguments that it wrote into."""
    values = [result] + [args[i] for i in changes]
    return {"type": ", ".join(map(type_name, values)), "bits": list(map(bits, values))}


def check(got, expected, types):
    """Raises Wrong unless a fingerprint is CPython's; `types` also compares the classes."""
    if got["bits"] != expected["bits"] or (types and got["type"] != expected["type"]):
        raise Wrong(f"wrong result: {got}, CPython has {expected}")
