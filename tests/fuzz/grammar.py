"""Random Python programs for the fuzzer, as text: program(seed) is always the same for the same seed.

A program is what tests/support/differ.py compares: a function of `jit` and `out` that defines a function f
with a loop, and some that it calls, and calls f with several sizes. Expressions come from tables of forms, one
table per kind of value: $i in a form stands for an expression of kind i, and so on (see KINDS). The kinds
are only where an expression starts from: variables change types, conversions fail, names are unbound. All
of that is compared too, but rarely enough that most loops get somewhere.

Three things are kept out. What would not end, or not fit into memory: products have masks, loops bounds.
`x ** 2` with x a variable, which is one of the two allowed differences. The identity of numbers, the other."""

import random
import re

# Variables by kind. Arrays, lists and tuples hold numbers.
KINDS = {
    "i": ("a", "b", "c"),  # int
    "f": ("x", "y"),  # float
    "z": ("z",),  # complex
    "p": ("p", "q"),  # list
    "t": ("t",),  # tuple
    "u": ("u", "g"),  # float64 array; the two may share memory
    "v": ("v",),  # int64 array
    "w": ("w",),  # bool array
    "e": ("e",),  # array of another dtype
    "m": ("m", "l"),  # 2-D float64 array; the two may share memory
    "d": ("row",),  # a row of one
    "h": ("part",),  # a slice of an array, with one axis
    "s": ("s",),  # str
}

# What there is besides numbers and arrays. A program has some of it.
FEATURES = ("list", "tuple", "call", "except", "complex", "object", "string", "big", "dtype", "swap",
            "grid", "views")

LEAVES = {
    "i": ["$V"] * 6 + ["i", "i", "n", "0", "1", "-1", "2", "3", "7", "-5", "255", "True", "2**40",
                       "9223372036854775807", "G"],
    "f": ["$V"] * 5 + ["i", "a", "0.5", "-0.0", "1.0", "-2.25", "1e10", "H", "u[i % len(u)]"],
    "b": ["i & 1", "i > 7", "w[i % len(w)]", "i % 5 == 2", "a > b", "x < y"],
    "z": ["z", "z", "1j", "(2-3j)", "complex(a, 1)"],
    "p": ["p", "q"], "t": ["t"], "u": ["u", "g"], "v": ["v"], "w": ["w"], "e": ["e"], "s": ["s", "'ab'"],
    "m": ["m", "l"], "d": ["row", "m[i % len(m)]", "l[-1]"],
    "h": ["part", "part", "u[1:]", "m[:, 1]", "g[::-1]", "m[1]"],
    "x": ["i % len(u)", "a % 9", "-1", "b & 3", "i & 7"],  # an index
    "c": ["", "", "1", "-1", "2", "i", "None", "-40"],  # a bound of a slice
}

FORMS = {
    "i": """($i + $i) | ($i - $i) | (($i & 0xFFFFF) * ($i & 0xFFFF)) | ($i * 3) | ($i * -7) | ($i & $i)
        ($i // 3) | ($i % 7) | ($i // ($i & 7 or -3)) | ($i % ($i & 7 or -5)) | ($i // $i) | ($i % $i)
        ($i ^ $i) | ($i << ($i & 7)) | ($i >> ($i & 15)) | (-$i) | (~$i) | (+$i) | abs($i) | min($i, $i)
        max($i, $i) | int($f) | int($i) | ($i if $b else $i) | (($i & 7) ** ($i & 7)) | ($i and $i)
        ($i or $i) | (not $n) | len(u) | v.size | u.shape[0] | ($i * $i & 0x7FFFFFFFFFFFFFFF) | ($i * $i % 1000003)
        ($i * 6364136223846793005 + 1442695040888963407 & 0xFFFFFFFFFFFFFFFF) | v[$x] | int(v[$x]) | ($n < $n)
        (c := $i) | math.floor($f) | int($b) | min($i, $i, $i) | (cell + $i)
        round($f) | divmod($i, 7)[0] | ($i in (1, 2, 3)) | ($i not in (5, -1)) | abs(int($f))
        list: p[$x] | len(p) | p[-1] | p[$x % len(p)] | p[i % len(p)] | len(q) | p[1] | q[$x]
        list: p[$x] | len(p) | sum(q) | ($i in p) | p[-1] | max(p) | p.index($i) | sum([k + $i for k in p[:4]])
        tuple: t[$x] | len(t) | divmod($i, 7)[1] | t[0]
        call: h0($i) | h1($i, $i) | h2($i) | h3($i) | h4($i & 7) | h1($i, r=$i) | (lambda r: r + $i)($i)
        call: sum(h5($i))
        complex: int($z.real)
        object: o.k | o.add($i)
        string: len($s) | ord($s[0]) | int("7" + str(i))
        big: ($i + 2**70) | ($i * 10**18) | ($i << 60) | ($i - 2**63) | (2**64 - $i) | ($i % 2**65)
        dtype: e[$x] | int(e[$x])
        views: len($h) | $h.size | part.shape[0] | len(part[$c:$c]) | len(part[::$i & 3 or -2]) | u.nbytes
        grid: len($m) | m.size | l.shape[1] | $d.size | len(row) | int($m[$x, $x]) | m.ndim""",
    "f": """($f + $f) | ($f - $f) | ($f * u[$x]) | (float($f) * $f) | ($f * 0.75) | ($f / $f) | ($f // $f) | ($f % $f) | (-$f)
        ($i / $i) | ($f / 3) | ($f + $i) | ($f ** 0.5) | (abs($f) ** 1.5) | (float($f) ** 3) | ($i ** -1) | abs($f)
        min($f, $f) | max($f, $f) | float($i) | float($f) | math.sqrt(abs($f)) | math.sin($f)
        math.exp(min($f, 3.0)) | math.log(abs($f) + 1.0) | math.atan2($f, $f) | ($f if $f < $f else $f) | u[$x]
        g[$x] | ($f + True) | v[$x] | ($f or $f) | (y := $f) | math.fmod($f, 7.5) | math.floor($f) | u[-$x]
        round($f, 2) | (1.5 if $f in (0.5, 1.0) else $f)
        list: q[$x] | q[i % len(q)] | q[-1] | q[$x % len(q)] | (q[0] + p[1])
        list: q[$x] | sum(q) | min(q) | sum([k * 0.5 for k in q])
        tuple: t[-1] | (x, y, 1.5)[$x % 3]
        call: h1($f) | h0($f)
        complex: abs($z) | $z.real | $z.imag
        big: ($i / 2**70) | float($i * 10**20) | (2**1000 * $f)
        dtype: e[$x] | float(e[$x])
        views: $h[$x] | part[-1] | part[$x % len(part)] | $h[0] | u[$c:$c][$x] | m.T[$x, $x] | m[1:, $x][0] | $h[-$x]
        grid: $m[$x, $x] | $m[i % len(m), $x % 3] | $m[$x][$x] | $d[$x] | row[$x % len(row)] | $m[-1, -$x] | $d[0]
        grid: $m[0, 1] | (l[i % len(l)][$x % 3] + $m[$x % 3, 0]) | row[-1]""",
    "b": """($n < $n) | ($n <= $n) | ($n == $n) | ($n != $n) | ($n > $n) | ($n >= $n) | i % 3 == 1 | ($i & 1)
        ($i < $i) | ($f < $f) | ($f >= $f) | ($n < i < $n) | ($b and $b) | ($b or $b) | (not $b) | i > n - 4
        i == 30 | i % 11 == 5 | math.isnan($f) | bool($n) | w[$x] | (a is None) | ($f != $f) | ($b != $b) | i < 9
        list: ($i in p) | (p == q) | p
        object: (o is not None)
        string: ($s == $s) | ($s < $s)
        dtype: (e[$x] > $n)""",
    "z": """($z + $z) | ($z - $z) | ($z * $z) | ($z / $z) | (-$z) | ($z * $f) | ($z + $i) | complex($f, $f)
        $z.conjugate() | ($z ** 3) | ($z / 2) | ($f - $z)
        dtype: np.complex64($z) | np.complex64($f) | np.complex128($z)""",
    "p": """[$n, $n] | p[1:4] | [$i for k in range(3)] | list(t) | sorted(q) | p[:3] + [$n] | [$i, $f, $b]
        [k for k in p if k][:6] | list(range($i & 7)) | p""",
    "t": """($n, $n) | (a, b, x) | tuple(p[:5]) | t[::-1] | ($i, $f, $b, $i) | divmod($i, 7) | t""",
    "u": """u[1:] | u[::-1] | u[::2] | g | u | (u + 1.0) | np.sqrt(abs(u)) | u.copy() | np.where(u > $f, u, 0.5)""",
    "v": """v[::-1] | v[1:] | v | (v + 1) | v.copy()""",
    "w": """w | (u > $f) | ~w | w[::-1]""",
    "e": """e | e[::-1]""",
    "s": """f"{$I}" | f"{$F:.3f}|{$I!r}" | str($n) | ($s + "x")[-4:] | f"{a:>5}{b:x}" | $s.upper() | ("%d" % $i)""",
    "m": """m[::-1] | l[:, ::-1] | m.T | l.copy() | m | strided(m, m.shape, m.strides)""",
    "d": """m[$x] | l[$x] | m[:, $x] | row[::-1] | row""",
    "h": """$h[$c:$c] | u[$c:$c] | g[$c:$c:2] | u[$c:$c:-1] | part[::$i & 3 or -2] | m[:, $x] | m[$x, $c:$c] | part
        m.T[$x] | m[$x] | l[$c:, $x] | l[..., $x] | m[$c:$c, $c:$c][0] | u[i % 9:i % 9 + 4] | u.T | $h.T | part[:]""",
    "c": """$i & 7 | ($i & 7) - 3 | i % 9 | -(i & 3) | len(u) // 2 | $i""",
    "x": """($i % len(u)) | ($i & 7) | (i - 1) % 9 | -1 | (a % 5) | i % 8
        : i | -i - 1 | $i | -12""",
}

STATEMENTS = {  # one line each
    "number": """$I = $i | $I = $i | $I = $i | $I $o= $i | $F = $f | $F = $f | $F $r= $f | c += 1 | a = $i & 0xFFFF
        a, b = b, a | a, c = $i, $i | x, y = y, x | y = x = $f | x *= 0.75 | a, x = a, $f | b = (b * 5 + $i) & 0xFF
        u[$x] = $n | u[$x] = $f | u[$x] += $f | v[$x] = $i | v[$x] += $i & 15 | w[$x] = $b | g[$x] *= 0.5
        g[$x] = u[$x] | t0 += $f | t0 -= x | n0 += $i | n0 ^= a | assert $i != 77 | print(i) if i == 33 else None
        u[i % len(u)] = u[(i + 1) % len(u)] + 1 | v[i % len(v)] ^= $i & 255""",
    "list": """p[i % len(p)] = $i | q[i % len(q)] = $f | p[$x] += 1 | q[$x] *= 0.5 | p[0], p[1] = p[1], p[0]
        p[i % len(p)] = p[-1] | q[0] = x = $f | p[$x] = q[$x] | p.append($i) | x = q.pop() | q.append(x) | x = q[$x]
        p[$x % len(p)] = $n | p.append($n) | p.append(i) | q.append($f) | p = $p | q = $p | del p[0] | p[$x] = $i
        p.pop() | a = p.pop() | p.insert(0, $i) | p.extend(t) | p[:] = p[-6:] | p.reverse() | p.sort() | q = p
        p += [$i] | a, *p = $i, $i, $i, $f | x, a = p[:2] | p[-1] += $i | q[0] = p[0] | p.clear()""",
    "tuple": """t = $t | a, b = t[:2] | a, x = ($i, $f) | t = t[-3:] + ($n,) | (a, b), x = ($i, $i), $f | a, *_ = t""",
    "call": """a = h2($i) | h3($i) | x = h1($f, $f) | h2(i) | b = h4($i & 15) | cell = cell ^ a | cell += 1""",
    "global": """G = G + 1 | G = $i & 0xFFF | G = $n | H = H * 0.5 | G, H = a & 15, $f | L.append(a & 3) | L = [$i]""",
    "complex": """z = $z | z += $z | z *= 0.5 | z = $z / (abs(z) + 1)""",
    "object": """o = Thing($i) | o.k = $n | o.k += 1 | o = None if i % 9 == 4 else Thing(i) | a = o.add($i) | del o.k
        o.next = o | Thing(a)""",
    "string": """s = $s | s += "y" | s = s[:3] | print(f"{i}:{s}") if i % 16 == 3 else None | s = s[$x]""",
    "big": """a = $i + 2**80 | a = a * 3 | b = $i << 62 | c = c % 2**61 | a = -2**63 - ($i & 1) | b = 2**63 - 1""",
    "dtype": """e[$x] = $n | e[$x] = e[$x] | x = e[$x] | e[$x] += 1""",
    "grid": """$m[$x, $x] = $f | $m[$x, $x] += $f | $m[$x][$x] = $n | row = $d | row = m[$x % 3] | row = l[i % len(l)]
        row[$x] = $f | row[$x % 3] *= 0.5 | l[i % len(l), $x % 3] = m[$x % 3, i % m.shape[1]] + 1 | x = $m[$x, $x]
        m, l = l, m | j, k = $m.shape | m = $m | u = $d | l[$x] = $f | row[i % len(row)] += $f | $m[i % 3, i % 2] -= x
        b = row is m[0] | j, k, *_ = row | x, y = row[:2] | m[$x % 3, -1] = row[0]""",
    "views": """part = $h | part = $h | part = $h | part[$x] = $f | part[$x] *= 0.5 | $h[$x] += $f | part[$c:$c] = $f
        u[$c:$c] = $f | m[$x] = $f | m[:, $x] = $n | u[$c:$c] = $h | m[$x] = l[$x] | part[:] = part[::-1] | u[1:] = u[:-1]
        u[:-1] = u[1:] | b = part is u | x = $h[$x] | m[$x, $c:$c] = $f | m[$x][$c:$c] = $h | b = u.dtype == np.float64
        v[$c:$c] = $i | v[$c:$c] = v[::-1] | w[$c:$c] = $b | u[::2] = u[1::2] | g[:] = u | part = part[1:] | x = part[$x]
        part, row_ = m[$x], part | part = u[$c:$c] if $b else m[$x] | part += $f | part = $h + 1.0 | m[1:, $x] = 0.5""",
    "swap": """a = $f | x = $i | a, x = x, a | b = None if i == 35 else b | x = $b | u = $u | v = $v | y = "str"
        del c | c = 0 | u, g = g, u | x = u[$x] | a = v[$x] | u = v if i == 37 else u | a = $b | w = $w""",
}

ERRORS = ("ZeroDivisionError", "OverflowError", "ValueError", "IndexError", "TypeError", "UnboundLocalError",
          "ArithmeticError", "Exception", "(IndexError, TypeError)", "(ZeroDivisionError, OverflowError, ValueError)")

ARRAYS = {
    "u": ["np.arange(11) * 0.5 - 2.0", "base[:11]", "base[::2]", "base[::-1]", "base[1:12]", "np.zeros(9)",
          "np.array([1.0, np.inf, -0.0, np.nan, 1e308] * 3)", "np.linspace(-1, 1, 64)", "np.full(300, 1.5)"],
    "v": ["np.arange(9) - 4", "np.arange(40)[::3]", "np.arange(12)[::-1]", "np.full(8, 2**62)", "whole[2:]",
          "np.array([2**63 - 1, -2**63, 0, -1, 1])", "np.arange(350)"],
    "w": ["np.arange(9) % 2 == 0", "(base > 3.0)", "np.zeros(8, bool)", "(base < 7)[::-1]"],
    "m": ["np.arange(24.0).reshape(4, 6) * 0.5", "plane", "plane[::-1]", "plane[:, ::-1]", "plane.T", "plane[1:, :-1]",
          "plane[::2, 1:]", "np.zeros((3, 3))", "strided(base, (5, 6), (16, 8))", "strided(base, (4, 9), (8, 8))",
          "np.asfortranarray(plane)", "np.array([[1.0, np.inf, 0.5], [np.nan, -0.0, 1e308]] * 3)",
          "np.arange(60.0).reshape(3, 4, 5)[:, 1]", "np.linspace(-1, 1, 90).reshape(3, 30)"],
    "e": ["np.arange(9, dtype=np.{d})", "np.arange(20, dtype=np.{d})[::2]", "np.arange(12, dtype=np.{d})[::-1]"],
}
OTHERS = (  # in the place of a float64 array
    "np.arange(11)", "[0.5, 1.5, 2.5, 3.5, 4.5, 5.5]", "np.arange(11.0, dtype='>f8')", "base[:0]", "list(range(9))",
    "np.arange(24.0).reshape(4, 6)", "np.arange(11.0, dtype=np.float32)", "np.arange(9) % 2 == 0", "(0.5, 1.5, 2)")
DTYPES = ("float32", "int32", "uint8", "int8", "uint64", "int16", "uint32", "complex128", "float16", "complex64")

_HOLE = re.compile(r"\$(\w)")


def _table(text):
    """{feature: forms} from forms separated by | or line ends; `name:` starts a line's feature."""
    table = {}
    for line in text.splitlines():
        feature = ""
        if m := re.match(r"\s*(\w*):\s(.*)", line):
            feature, line = m[1] or "rare", m[2]
        table.setdefault(feature, []).extend(f.strip() for f in line.split(" | ") if f.strip())
    return table


_FORMS = {kind: _table(text) for kind, text in FORMS.items()}
_STATEMENTS = {feature: _table(text)[""] for feature, text in STATEMENTS.items()}


def indent(lines):
    return ["    " + line for line in lines]


class Maker:
    """Makes one program; every choice comes from its random generator."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        # Half of the programs keep to what surely becomes machine code, all of it.
        share = self.pick([0.05, 0.22])
        few = self.pick([(), ("list",), ("list", "tuple")])
        self.features = {f for f in FEATURES if self.chance(share) or f in few}
        self.loops = 0
        self.dtype = self.pick(DTYPES)

    def pick(self, items):
        return items[self.random.randrange(len(items))]

    def chance(self, share):
        return self.random.random() < share

    # --- expressions

    def fill(self, form, depth):
        """The form with its holes filled."""
        return _HOLE.sub(lambda m: self.hole(m[1], depth), form)

    def hole(self, kind, depth):
        if kind == "n":
            kind = self.pick("iiffb")
        if kind in "IF":
            return self.pick(KINDS[kind.lower()])
        if kind == "o":
            return self.pick(["+", "-", "^", "|", "&", "//", "%", ">>"])
        if kind == "r":
            return self.pick(["+", "-", "/", "//", "%"])
        return self.expression(kind, depth)

    def expression(self, kind, depth):
        if depth <= 0 or self.chance(0.25):
            leaf = self.pick(LEAVES[kind])
            return self.pick(KINDS[kind]) if leaf == "$V" else leaf
        forms = _FORMS[kind]
        choices = [forms[""]] * 3 + [forms[f] for f in sorted(self.features) if f in forms]
        if "rare" in forms and self.chance(0.08):
            choices = [forms["rare"]]
        return self.fill(self.pick(self.pick(choices)), depth - 1)

    # --- statements

    def line(self):
        choices = [_STATEMENTS["number"]] * 4 + [_STATEMENTS[f] for f in sorted(self.features) if f in _STATEMENTS]
        if "call" in self.features:
            choices.append(_STATEMENTS["global"])
        return self.fill(self.pick(self.pick(choices)), 2)

    def block(self, depth, looping, most, least=1):
        lines = []
        for _ in range(self.random.randint(least, most)):
            lines += self.statement(depth, looping)
        return lines

    def statement(self, depth, looping):
        if depth == 0 or self.chance(0.6):
            return [self.line()]
        kinds = ["if"] * 5 + ["for"] * 2 + ["while"] + (["leave"] * 2 if looping else [])
        kinds += ["try"] * (4 if "except" in self.features else 1)
        kinds += ["raise"] if "except" in self.features else []
        return getattr(self, "make_" + self.pick(kinds))(depth - 1, looping)

    def make_if(self, depth, looping):
        lines = [f"if {self.expression('b', 2)}:", *indent(self.block(depth, looping, 3))]
        if self.chance(0.2):
            lines += [f"elif {self.expression('b', 1)}:", *indent(self.block(depth, looping, 2))]
        if self.chance(0.4):
            lines += ["else:", *indent(self.block(depth, looping, 3))]
        return lines

    def make_for(self, depth, looping):
        heads = ["for $N in range(5)", "for $N in range(i % 4)", "for $N in range(n // 16)", "for $N in range(3, 0, -1)",
                 "for $N in range(0, 12, 5)", "for $N in range($i & 7)", "for $N in range(2, $i & 15, 3)",
                 "for $N in range(i & 3, 5)"]
        if "list" in self.features:
            heads += ["for $N in p", "for $N in q", "for j, $N in enumerate(p)", "for j, k in zip(p, q)",
                      "for $N in reversed(p)", "for $N in range(len(p))", "for j, $N in enumerate(q, 1)"]
            heads += ["for $N in p[:7]", "for j, $N in enumerate(q[:5])", "for j, k in zip(p[:6], t)", "for $N in q[-4:]", "for j, $N, k in zip(p[:9], q, t)",
                      "for $N in reversed(p[:5])", "for k in sorted(p[:5], key=abs)", "for j, k in enumerate(t, 3)"]
        if "tuple" in self.features:
            heads += ["for $N in t", "for $N in (1, 2.5, a)", "for j, k in ((1, 2), (a, b))", "for $N in $t"]
        if "call" in self.features:
            heads += ["for $N in h5($i)", "for $N in map(h0, (a, b))"]
        if "grid" in self.features:
            heads += ["for row in $m", "for $N in row[:9]", "for $N in $m[$x % 3]", "for j, row in enumerate(l)",
                      "for j, $N in m[:, :2]", "for row in l[::-1]"]
            if self.chance(0.5):
                return self.nest()
        if "views" in self.features:
            heads += ["for $N in $h[:9]", "for j, $N in enumerate($h[:7])", "for j, k in zip(u[1:9], u)", "for j, k in zip($h, $h[:7])",
                      "for $N in reversed($h[:5])", "for $N in part", "for j, k, $N in zip(part, u[:5], g[::-1])"]
        if "dtype" in self.features:
            heads += ["for $N in u[:4]", "for $N in e[:5]"]
        head = self.fill(self.pick(heads).replace("$N", self.pick(["j", "k", "c"])), 1)
        body = self.block(depth, True, 3)
        if re.search(r"\b[pq]\b(?!\[)", head) and "len(" not in head:  # which may grow in the loop
            body = ["if len(p) + len(q) > 120:", "    break", *body]
        lines = [head + ":", *indent(body)]
        if self.chance(0.15):
            lines += ["else:", *indent(self.block(depth, looping, 2))]
        return lines

    def nest(self):
        """Two loops over the items of 2-D arrays."""
        first, second = self.pick([("len(m)", "m.shape[1]"), ("1, len(l) - 1", "1, l.shape[1] - 1"), ("3", "len(l[0])")])
        item = self.pick(["m[j, k]", "m[j][k]", "l[j, k]", "l[k, j]", "m[k % 3, j % 3]"])
        lines = [self.pick([f"{item} = $f", f"{item} += $f", f"x += {item}", f"a += {item} > 0.5", f"l[j, k] = {item} * 0.5",
                            "l[j, k] = m[j - 1, k] + m[j, k - 1] * 0.5", "m[j, k] = m[j - 1, k] * 0.5 + 1.0",
                            "m[j, k] = l[j, k - 1] - l[j, k]", f"y = {item}"]) for _ in range(self.pick([1, 1, 2, 3]))]
        inner = [f"for k in range({second}):", *indent([self.fill(line, 1) for line in lines])]
        return [f"for j in range({first}):", *indent((["row = m[j]"] if self.chance(0.2) else []) + inner)]

    def make_while(self, depth, looping):
        self.loops += 1
        name = f"m{self.loops}"
        return [f"{name} = {self.fill('$i', 1)} & 7", f"while {name} > 0{self.pick(['', '', ' and ' + self.expression('b', 1)])}:",
                f"    {name} -= 1", *indent(self.block(depth, True, 3))]

    def make_leave(self, depth, looping):
        return [f"if {self.expression('b', 1)}:",
                "    " + self.pick(["break", "continue", "continue", "return a, x, i" if self.chance(0.3) else "break"])]

    def make_raise(self, depth, looping):
        error = self.pick(["ValueError(a)", "IndexError('made')", "ZeroDivisionError", "StopIteration(i)", "KeyError(x)"])
        return [f"if {self.expression('b', 1)}:", f"    raise {error}" + self.pick(["", "", " from None"])]

    def make_try(self, depth, looping):
        lines = ["try:", *indent(self.block(depth, looping, 3))]
        if self.chance(0.85):
            for _ in range(self.pick([1, 1, 2])):
                named = self.chance(0.3)
                lines += [f"except {self.pick(ERRORS)}{' as err' if named else ''}:",
                          *indent(self.block(depth, looping, 2))]
                if named:
                    lines.append("    n0 += len(err.args)")
                if self.chance(0.1):
                    lines.append("    raise")
            if self.chance(0.2):
                lines += ["else:", *indent(self.block(depth, looping, 2))]
            if self.chance(0.3):
                lines += ["finally:", "    " + self.line()]
        else:
            lines += ["finally:", *indent(self.block(depth, False, 2))]
        return lines

    # --- functions

    def helpers(self):
        """Functions that f calls: some are jitted, some have loops, some change what f reads."""
        if "call" not in self.features:
            return []
        grown = self.pick(["G = G + 1", "G = q & 31", "H = H + 0.5", "G = float(G & 7) if q == 9 else 3"])
        bodies = {  # head: declaration, the rest
            "h0(q)": ("", ["return " + self.pick(["q + 1", "q * q if abs(q) < 1000 else q", "q & 255", "-q", "q"])]),
            "h1(q, r=2)": ("", ["if q > r:", "    return q - r", "return " + self.pick(["q + r", "q * 2", "r", "q // r"])]),
            "h2(q)": ("global G, H", [grown, "return " + self.pick(["q", "G", "q ^ 1"])]),
            "h3(q)": ("nonlocal cell", [self.pick(["cell += q & 3", "cell = q & 63", "cell = cell + 1"]), "return cell"]),
            "h4(q)": ("", ["return q if q < 2 else h4(q - 1) + " + self.pick(["1", "q", "(q ^ 3)"])]),
            "h5(q)": ("", [f"for j in range(q & {self.pick(['3', '7'])}):", "    yield j + " + self.pick(["q", "1", "0.5"])]),
        }
        lines = []
        for head, (declaration, body) in bodies.items():
            if self.chance(0.4):
                body = ["r_ = 0", "for j_ in range(6):", "    r_ += j_ ^ " + self.pick(["3", "j_", "(q & 3)"]), *body]
            lines += ["@jit"] * self.chance(0.4) + [f"def {head}:", *indent([declaration] if declaration else []),
                                                    *indent(body)]
        return lines

    def thing(self):
        if "object" not in self.features:
            return []
        dies = ["    def __del__(self):", "        out.note('died', self.k if hasattr(self, 'k') else None)"]
        return ["class Thing:", *(["    __slots__ = ('k', 'next')"] if self.chance(0.3) else []),
                "    def __init__(self, k):", "        self.k = k",
                "    def add(self, j):", "        self.k = (self.k + j) & 0xFFFF", "        return self.k",
                *(dies if self.chance(0.5) else [])]

    def head(self):
        ints = ["3, -7, 1", "0, 1, 2", "2**62, 5, -1", "-1, 2**40, 9", "True, 3, 4", "10, 20, 30"]
        ints += ["2**63, -2**70, 5", "1, 10**25, 3"] if "big" in self.features else []
        names = ["a, b, c = " + self.pick(ints), "i = j = k = n0 = 0", "t0, x, y = 0.0, " +
                 self.pick(["0.5, 2.0", "-0.0, 1e300", "1, 3", "0.1, 7.25"])]
        if self.features & {"list", "tuple", "call", "string"}:
            names += ["p, q = [3, 1, 4, 1, 5, 9, 2, 6], [0.5, -1.5, 2.0, 1e3]", "t = (2, 7, 1.5)"]
        if "grid" in self.features:
            names.append("row = m[0]")
        if "views" in self.features:
            names.append("part = u[1:5]")
        if "complex" in self.features:
            names.append("z = 1 + 2j")
        if "object" in self.features:
            names.append("o = Thing(1)")
        if "string" in self.features:
            names.append("s = 'start'")
        return names

    def loop(self):
        """The loop that f is about, with what keeps numbers small."""
        body = self.block(2, True, 7, least=3)
        if self.chance(0.7):
            error = self.pick(["Exception", "Exception", "ArithmeticError", "(IndexError, TypeError)"])
            body = ["try:", *indent(body), f"except {error}:", "    a, b, c, x, y = i, 2, 3, 0.5, 1.5"]
        body += ["if i & 15 == 9:", "    try:", *[f"        {name} = {name} & 0xFFFFFFFFFFFF" for name in "abc"],
                 "    except TypeError:", "        a, b, c = 1, 2, 3"]
        if self.features & {"list", "call"}:
            body += ["if len(p) + len(q) > 50:", "    p, q = p[-5:], q[-5:]"]
        kind = self.random.randrange(6)
        if kind == 0:
            return ["while i < n:", "    i += 1", *indent(body)]
        if kind == 1:
            return ["while True:", "    i += 1", "    if i >= n:", "        break", *indent(body)]
        if kind == 2:
            return ["for i in range(n, 0, -1):", *indent(body)]
        if kind == 3:
            step = self.pick(["2", "3", "step"])
            return [f"for i in range(0, n, {step}):", *indent(body)]
        if kind == 4 and self.chance(0.5):
            return ["for o_ in range(3):", "    for i in range(n // 3):", *indent(indent(body))]
        return ["for i in range(n):", *indent(body)]

    def shown(self):
        names = ["a", "b", "c", "i", "j", "k", "n0", "t0", "x", "y", "u", "v", "w", "g"]
        names += ["p", "q", "t"] if self.features & {"list", "tuple", "call", "string"} else []
        names += [n for n, f in (("z", "complex"), ("s", "string"), ("m", "grid"), ("l", "grid"), ("row", "grid"), ("part", "views"))
                  if f in self.features]
        return ", ".join(names)

    def calls(self):
        sizes = [self.pick([3, 17, 40, 41, 60]) for _ in range(3)] + [320, 330]
        self.random.shuffle(sizes)
        values = {k: self.pick(v) for k, v in ARRAYS.items()}
        values["g"] = values["u"] if self.chance(0.3) else self.pick(ARRAYS["u"])
        values["l"] = values["m"] if self.chance(0.3) else self.pick(ARRAYS["m"])
        given = [values[k].format(d=self.dtype) for k in "uvwgeml"]
        lines = ["base, whole, plane = np.arange(24) * 0.5, np.arange(14) - 3, np.arange(42.0).reshape(6, 7) * 0.5 - 8", f"for n in {tuple(sizes)}:",
                 f"    out(f, n, {', '.join(given)})"]
        if self.chance(0.15):
            lines.append(f"    out(f, n, {', '.join([self.pick(OTHERS), *given[1:]])})")
        if self.chance(0.1):
            lines.append("    G, H = " + self.pick(["G + 0.5, 1", "2**70, 0.5", "True, 2", "np.float64(1.5), 0.25"]))
        return lines

    def program(self):
        body = [*self.head(), *self.loop(), f"return {self.shown()}"]
        free = "cell" in "\n".join(body)
        uses = re.findall(r"\bcell (?:\W?=)", "\n".join(body))
        declared = ["global G, H, L"] + (["nonlocal cell"] if free and uses else [])
        options = self.pick(["", "", "", ", k0=3, *, step=2"])
        function = ["@jit", f"def f(n, u, v, w, g, e, m, l{options or ', step=2'}):", *indent(declared + body)]
        whole = [*self.thing(), *self.helpers(), *function, *self.calls()]
        return "\n".join(["def program(jit, out):", "    global G, H, L",
                          "    strided = np.lib.stride_tricks.as_strided", "    G, H, L, cell = 5, 0.125, [], 1",
                          *indent(whole), ""])


def program(seed):
    """The text of the program with that seed, a str."""
    while True:
        text = Maker(seed).program()
        try:
            compile(text, "<program>", "exec")
        except SyntaxError:  # rare: an assignment expression where there may be none
            seed += "'"
        else:
            return text


if __name__ == "__main__":
    import sys
    print(program(sys.argv[1] if len(sys.argv) > 1 else "0"))
