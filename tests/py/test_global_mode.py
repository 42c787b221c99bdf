"""HOTLOOP=1: programs that know nothing of hotloop do what they always did."""

import textwrap

import pytest

import scripts

# Prints to a file of its own how much ran natively, so that "the same" does not mean "nothing happened".
PRELUDE = """\
import sys as _sys
def _prelude():
    import atexit, os
    import hotloop
    if os.environ["HOTLOOP"] == "1":
        assert hotloop._hotloop.is_global()
    def end():
        native = sum(sum(r["native"]) for row in hotloop._hotloop.stats() for l in row["loops"]
                     for r in l["regions"])
        with open(_sys.argv[1], "w") as f:
            f.write(str(native))
    if os.environ["HOTLOOP"] == "1":
        atexit.register(end)
_prelude()
"""

SCRIPTS = {
    "numbers": ("""
        def total(n):
            s = 0
            for i in range(n):
                s += i * i % 7
            return s
        def mean(values):
            s = 0.0
            for k in range(len(values)):
                s += values[k]
            return s / len(values)
        print(total(5000), mean([1.5] * 300))
        """, True),
    "json": ("""
        import json
        data = {"a": [1, 2.5, None, True, "\\u20ac" * 5], "b": {str(k): k ** 3 for k in range(200)}, "c": [[[]]]}
        for indent in (None, 2):
            text = json.dumps(data, indent=indent, sort_keys=True)
            assert json.loads(text) == data
            print(len(text), hash(text))
        encoder = json.JSONEncoder(ensure_ascii=False)
        print("".join(json.encoder.JSONEncoder.iterencode(encoder, data))[:60])
        from json import decoder, scanner
        d = json.JSONDecoder()
        d.parse_string = decoder.py_scanstring
        d.scan_once = scanner.py_make_scanner(d)
        print(d.decode(json.dumps(data)) == data)
        try:
            json.loads('{"a": [1, 2,, 3]}')
        except ValueError as e:
            print(e)
        """, False),
    "re": ("""
        import re
        text = "The year 1984, the number 42 and 3.14; mail to a@b.org, c_d@e.com" * 30
        print(re.findall(r"\\d+(?:\\.\\d+)?", text)[:5], len(re.sub(r"(\\w+)@(\\w+)", r"\\2 at \\1", text)))
        for pattern in (r"(?P<x>a|b)+(?=c)", r"[^\\W\\d_]{2,5}?", r"(a(b(c)?)*)+$", r"(?i:the)\\s+\\w+"):
            re.purge()
            print(re.compile(pattern).search(text), re.compile(pattern).groups)
        try:
            re.compile("(unclosed")
        except re.error as e:
            print(e)
        """, False),
    "dataclasses": ("""
        import dataclasses, enum, functools, typing
        class Color(enum.Enum):
            RED = 1
            BLUE = 2
        @dataclasses.dataclass(order=True, frozen=True)
        class Point:
            x: int
            y: float = 0.5
            tags: typing.List[str] = dataclasses.field(default_factory=list, compare=False)
        points = sorted(Point(k % 7, -k / 3) for k in range(50))
        print(points[:3], dataclasses.asdict(points[0]), dataclasses.replace(points[1], x=9))
        try:
            points[0].x = 5
        except dataclasses.FrozenInstanceError as e:
            print(e)
        print(list(Color), Color(2), Color["RED"], functools.reduce(lambda a, b: a + b.y, points, 0))
        """, False),
    "ast": ("""
        import ast, dis, inspect, io, textwrap, tokenize
        source = inspect.getsource(textwrap)
        tree = ast.parse(source)
        print(sum(1 for _ in ast.walk(tree)), hash(ast.unparse(tree)), hash(ast.dump(tree)))
        print(sum(1 for _ in tokenize.generate_tokens(io.StringIO(source).readline)))
        print(sum(i.opcode for i in dis.get_instructions(textwrap.dedent)))
        class Names(ast.NodeVisitor):
            def __init__(self):
                self.names = {}
            def visit_Name(self, node):
                self.names[node.id] = self.names.get(node.id, 0) + 1
        v = Names()
        v.visit(tree)
        print(sorted(v.names.items())[:5])
        """, False),
    "decimal": ("""
        import decimal, fractions, random, statistics
        import _pydecimal
        decimal.getcontext().prec = 50
        x = decimal.Decimal(2)
        for _ in range(8):
            x = (x + 2 / x) / 2
        print(x)
        _pydecimal.getcontext().prec = 30
        print(_pydecimal.Decimal("1.7").ln(), _pydecimal.Decimal(7).sqrt())
        print(sum(fractions.Fraction(1, k) for k in range(1, 40)))
        r = random.Random(5)
        values = [r.gauss(0, 1) for _ in range(300)]
        print(statistics.mean(values), statistics.stdev(values), statistics.median(values), r.sample(range(99), 5))
        """, False),
    "unittest": ("""
        import sys, unittest
        class Tests(unittest.TestCase):
            def setUp(self):
                self.n = 40
            def test_sum(self):
                s = 0
                for i in range(self.n):
                    s += i
                self.assertEqual(s, 780)
            def test_fails(self):
                for i in range(self.n):
                    self.assertLess(i, 35, "too large")
            def test_error(self):
                for i in range(self.n):
                    1 // (30 - i)
            @unittest.skip("not now")
            def test_skipped(self):
                pass
            @unittest.expectedFailure
            def test_expected(self):
                for i in range(5):
                    with self.subTest(i=i):
                        self.assertNotEqual(i, 3)
            def test_raises(self):
                with self.assertRaisesRegex(ValueError, "invalid literal"):
                    for text in ["1", "2", "x"]:
                        int(text)
        class Out:
            def write(self, text):
                import re
                sys.stdout.write(re.sub(r"in [0-9.]+s", "in _s", text))
            def flush(self):
                pass
        unittest.main(argv=["x"], testRunner=unittest.TextTestRunner(stream=Out(), verbosity=2))
        """, False),
    "threading": ("""
        import collections, concurrent.futures, queue, threading
        def work(k):
            s = 0
            for i in range(2000):
                s = (s * k + i) % 10007
            return s
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            print(list(pool.map(work, range(20))))
        q, lock, done = queue.Queue(), threading.Lock(), collections.Counter()
        def consume():
            while (item := q.get()) is not None:
                with lock:
                    done[item % 5] += 1
        threads = [threading.Thread(target=consume) for _ in range(3)]
        for t in threads:
            t.start()
        for k in range(200):
            q.put(k)
        for t in threads:
            q.put(None)
        for t in threads:
            t.join()
        print(sorted(done.items()))
        """, True),
    "asyncio": ("""
        import asyncio
        async def produce(queue, n):
            for i in range(n):
                await queue.put(i)
                if i % 10 == 0:
                    await asyncio.sleep(0)
            await queue.put(None)
        async def consume(queue):
            s = 0
            while (item := await queue.get()) is not None:
                for k in range(5):
                    s += item * k
            return s
        async def main():
            queue = asyncio.Queue(7)
            _, total = await asyncio.gather(produce(queue, 200), consume(queue))
            async with asyncio.timeout(5):
                await asyncio.sleep(0)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(asyncio.sleep(5))
                    group.create_task(fail())
            except* ValueError as e:
                print(e.exceptions)
            return total
        async def fail():
            raise ValueError("in a task")
        print(asyncio.run(main()))
        """, False),
    "argparse": ("""
        import argparse, configparser, io, logging, string, textwrap
        parser = argparse.ArgumentParser(prog="tool", description="Does things.")
        parser.add_argument("files", nargs="*")
        parser.add_argument("-n", "--number", type=int, default=3, help="how many (default: %(default)s)")
        sub = parser.add_mutually_exclusive_group()
        sub.add_argument("--quiet", action="store_true")
        sub.add_argument("--verbose", action="count", default=0)
        print(parser.parse_args(["a", "b", "-n", "5", "--verbose"]))
        print(parser.format_help())
        config = configparser.ConfigParser()
        config.read_string("[a]\\nx = 1\\ny = %(x)s2\\n[b]\\nz: three\\n four")
        print({s: dict(config[s]) for s in config.sections()})
        stream = io.StringIO()
        logging.basicConfig(stream=stream, format="%(levelname)s:%(funcName)s:%(lineno)d:%(message)s")
        def log():
            for k in range(5):
                logging.warning("k is %d", k)
        log()
        print(stream.getvalue())
        print(string.Template("$a and ${b}").substitute(a=1, b=2), textwrap.fill("word " * 60, 40))
        parser.parse_args(["-n", "many"])
        """, False),
    "csv": ("""
        import csv, difflib, heapq, io, itertools, bisect, base64, hashlib, struct, zlib, pickle, copy, datetime
        out = io.StringIO()
        writer = csv.DictWriter(out, ["k", "name", "value"])
        writer.writeheader()
        for k in range(100):
            writer.writerow({"k": k, "name": f'"{k}", ok', "value": k / 7})
        out.seek(0)
        rows = list(csv.DictReader(out))
        print(len(rows), rows[50], hashlib.sha256(out.getvalue().encode()).hexdigest())
        print(list(difflib.unified_diff(["a", "b", "c"] * 9, ["a", "c", "d"] * 9, n=0))[:6])
        print(list(heapq.merge([1, 4, 9], [2, 3, 10])), bisect.bisect([1, 3, 5], 4))
        print(base64.b85encode(bytes(range(60))), zlib.crc32(b"x" * 1000))
        data = {"x": [1, (2, 3)], "d": datetime.date(2020, 2, 29)}
        print(pickle._loads(pickle._dumps(data)) == data == copy.deepcopy(data))
        print([d.isoformat() for d in (datetime.date(2024, 1, 31) + datetime.timedelta(k) for k in range(3))])
        """, False),
    "classes": ("""
        import abc, contextlib, functools, operator, types, weakref
        class Shape(abc.ABC):
            registry = weakref.WeakSet()
            def __init__(self):
                self.registry.add(self)
            @abc.abstractmethod
            def area(self): ...
            def __init_subclass__(cls, **kw):
                super().__init_subclass__(**kw)
                cls.made = 0
            def __new__(cls, *a):
                cls.made += 1
                return super().__new__(cls)
        class Square(Shape):
            __slots__ = ("a",)
            def __init__(self, a):
                super().__init__()
                self.a = a
            def area(self):
                return self.a * self.a
            def __lt__(self, other):
                return self.area() < other.area()
            def __getattr__(self, name):
                if name.startswith("side"):
                    return self.a
                raise AttributeError(name)
        @contextlib.contextmanager
        def logged(name):
            try:
                yield name
            except ValueError as e:
                print("suppressed", e)
            finally:
                print("left", name)
        squares = [Square(k * 7 % 11) for k in range(30)]
        print([s.area() for s in sorted(squares)], Square.made, len(Shape.registry))
        s = 0
        for q in squares:
            s += q.side_one + functools.reduce(operator.add, (x.a for x in squares))
        print(s)
        with logged("block"):
            for k in range(50):
                if k == 40:
                    raise ValueError(k)
        try:
            Shape()
        except TypeError as e:
            print(e)
        """, False),
    "uncaught": ("""
        def inner(d, n):
            s = 0
            for i in range(n):
                s += 10 // (d - i)
            return s
        def outer():
            for d in (1000, 1000, 37):
                print(inner(d, 60))
        outer()
        """, True),
    "exit": ("""
        import atexit, sys
        atexit.register(print, "at exit")
        def f(n):
            for i in range(n):
                if i == 50:
                    sys.exit(i - 10)
        f(100)
        """, True),
    "imports": ("""
        import importlib, pkgutil, sys
        names = ["abc", "calendar", "cmd", "colorsys", "email.message", "fnmatch", "gettext", "html.parser",
                 "http.client", "ipaddress", "locale", "mimetypes", "optparse", "pathlib", "plistlib", "pprint",
                 "sched", "shlex", "string", "tempfile", "timeit", "tomllib", "traceback", "urllib.parse",
                 "uuid", "xml.etree.ElementTree", "zipfile"]
        for name in names:
            importlib.import_module(name)
        import calendar, html.parser, ipaddress, pprint, shlex, urllib.parse, xml.etree.ElementTree as ET
        print(calendar.month(2024, 2))
        print(shlex.split("a 'b c' d\\\\ e"), ipaddress.ip_network("10.0.0.0/29").num_addresses)
        print(urllib.parse.urlparse("http://u:p@h:8/p;x?q=1#f"), urllib.parse.quote("a b/\\u20ac"))
        print(ET.tostring(ET.fromstring("<a><b x='1'>t</b></a>")))
        pprint.pprint({k: list(range(k)) for k in range(12)})
        class P(html.parser.HTMLParser):
            def handle_starttag(self, tag, attrs):
                print(tag, attrs)
        P().feed("<p class=x>text<br/><a href='y'>z</a>")
        """, False),
    "generators": ("""
        import itertools
        def primes():
            found = []
            for n in itertools.count(2):
                for p in found:
                    if p * p > n:
                        found.append(n)
                        yield n
                        break
                    if n % p == 0:
                        break
                else:
                    found.append(n)
                    yield n
        def flatten(x):
            for y in x:
                if isinstance(y, list):
                    yield from flatten(y)
                else:
                    yield y
        print(list(itertools.islice(primes(), 60)), list(flatten([1, [2, [3, [4]], 5]])))
        print({k: [j for j in range(k) if j % 3] for k in range(8)}, sum(i * i for i in range(500)))
        """, False),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_same_output(name, tmp_path):
    text, numeric = SCRIPTS[name]
    source = PRELUDE + textwrap.dedent(text)
    counted = tmp_path / "native"
    plain = scripts.run(source, str(tmp_path / "unused"), check=False, HOTLOOP="0")
    for threshold in ("2", "300"):
        jitted = scripts.run(source, str(counted), check=False, HOTLOOP="1", HOTLOOP_THRESHOLD=threshold,
                             HOTLOOP_SYNC="1", timeout=120)
        assert jitted.stdout == plain.stdout
        assert jitted.stderr == plain.stderr
        assert jitted.returncode == plain.returncode
        if numeric and threshold == "2":
            assert int(counted.read_text()) > 0
    assert plain.stdout, "the script printed nothing"


def test_background_compiles(tmp_path):
    """With the default settings but an early threshold, and a program that ends while it compiles."""
    source = PRELUDE + """
def f(k, n):
    s = 0
    for i in range(n):
        s = (s * k + i) % 1000003
    return s
print([f(k, 300) for k in range(300)])
"""
    outputs = {scripts.run(source, str(tmp_path / "n"), HOTLOOP=mode, HOTLOOP_THRESHOLD="2").stdout
               for mode in "01"}
    assert len(outputs) == 1


def test_enable_and_disable():
    done = scripts.run("""
        import hotloop
        def f(n):
            s = 0
            for i in range(n):
                s += i
            return s
        def native():
            rows = hotloop._hotloop.stats(f.__code__)
            return sum(sum(r["native"]) for row in rows for l in row["loops"] for r in l["regions"])
        f(500)
        assert native() == 0
        hotloop.enable()
        f(500)
        first = native()
        assert first > 0
        hotloop.disable()
        f(500)
        assert native() == first
        hotloop.enable()
        f(500)
        assert native() > first
        print("ok")
        """, **scripts.EAGER)
    assert done.stdout == "ok\n"


def test_functions_keep_their_fastmath():
    done = scripts.run("""
        import hotloop
        def f(n):
            t = 0.0
            for i in range(n):
                t += i * 0.1
            return t
        want = f(5000)
        hotloop.enable()
        fast, nothing = hotloop.jit(f, fastmath=True), hotloop.jit(lambda: 0, fastmath=True)
        for _ in range(3):
            assert f(5000) == want and abs(fast(5000) - want) < 1e-6 * want and nothing() == 0
        def native():
            rows = {row["fastmath"]: row for row in hotloop._hotloop.stats() if row["code"] is f.__code__}
            return [sum(sum(r["native"]) for l in rows[x]["loops"] for r in l["regions"]) for x in (False, True)]
        exact, before = native()
        assert exact > 9000 and before > 9000
        hotloop.disable()
        fast(5000)
        assert native()[0] == exact and native()[1] > before + 4900
        print("ok")
        """, **scripts.EAGER)
    assert done.stdout == "ok\n"


def test_disabled_altogether():
    done = scripts.run("""
        import hotloop
        from hotloop import jit
        @jit
        def f(n):
            s = 0
            for i in range(n):
                s += i
            return s
        assert f(1000) == 499500
        assert not any(l["regions"] for row in hotloop._hotloop.stats() for l in row["loops"])
        print(type(f).__name__)
        """, HOTLOOP="0", HOTLOOP_THRESHOLD="2", HOTLOOP_SYNC="1")
    assert done.stdout == "function\n"


def test_warnings_and_tracebacks_in_global_mode():
    source = """
import hotloop, sys, traceback, warnings
def f(n):
    s = 0
    for i in range(n):
        s += i
        if i % 25 == 24:
            warnings.warn(f"at {i}")
    return s
def g(n):
    try:
        for i in range(n):
            f(30) // (n - i - 1)
    except ZeroDivisionError:
        traceback.print_exc()
g(40)
def stack(k):
    for i in range(5):
        if i == 4 and k == 0:
            return [(e.name, e.lineno) for e in traceback.extract_stack()]
        if i == 3 and k:
            return stack(k - 1)
print(stack(5))
sys.setrecursionlimit(300)
def deep(n):
    for i in range(3):
        n += i
    return deep(n)
try:
    deep(0)
except RecursionError as e:
    print(len(traceback.extract_tb(e.__traceback__)), e)
"""
    results = [scripts.run(source, HOTLOOP=mode, **scripts.EAGER) for mode in "01"]
    assert results[0].stdout == results[1].stdout
    assert results[0].stderr == results[1].stderr
