"""Compares machine code's float %, // and ** with the interpreter's and NumPy's, bit for bit.

    python test_emit.py path/to/test_emit path/to/_llvm.so
"""

import operator
import struct
import subprocess
import sys
import warnings

try:
    import numpy
except ImportError:
    numpy = None

OPS = {"fmod": operator.mod, "ffloordiv": operator.floordiv, "fpow": operator.pow}


def from_bits(word):
    return struct.unpack("<d", struct.pack("<Q", int(word, 16)))[0]


def text(x):
    return "nan" if x != x else float(x).hex()


def main():
    lines = subprocess.run(sys.argv[1:] + ["--floats"], check=True, capture_output=True, text=True)
    compared = wrong = 0
    for line in lines.stdout.splitlines():
        name, *words = line.split()
        a, b, got = map(from_bits, words)
        if b == 0.0 and name != "fpow":
            continue  # guarded before
        wanted = []
        try:
            wanted.append(OPS[name](a, b))
        except (OverflowError, ZeroDivisionError):
            pass  # guarded after
        if numpy is not None and name != "fpow":
            with numpy.errstate(all="ignore"):
                wanted.append(OPS[name](numpy.float64(a), numpy.float64(b)))
        for want in wanted:
            compared += 1
            if not isinstance(want, complex) and text(want) != text(got):
                wrong += 1
                print(f"{name} {a!r} {b!r}: {got!r}, not {want!r} ({type(want).__name__})")
    print(f"{compared} results compared, {wrong} differ")
    return wrong > 0 or compared < 10000


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main())
