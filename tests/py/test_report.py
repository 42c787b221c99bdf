"""Statistics and reports: true counts, the reasons and lines that a reader needs, files written whole or
not at all."""

import io
import json
import os
import stat
import textwrap

import cli
import pytest

import hotloop
from hotloop import _exit, _report, _schema


def program(body, tmp_path, name="prog.py", **env):
    """Runs a script whose last line prints a JSON value; returns that value."""
    path = tmp_path / name
    path.write_text("import json, sys, warnings\nimport hotloop\nfrom hotloop import jit\n"
                    + textwrap.dedent(body))
    out = cli.python(path, cwd=tmp_path, **{"HOTLOOP_SYNC": "1", "HOTLOOP_THRESHOLD": "20", **env})
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


def line_of(text, tmp_path, name="prog.py"):
    (line,) = [i for i, s in enumerate((tmp_path / name).read_text().splitlines(), 1) if text in s]
    return line


# -- What is counted -----------------------------------------------------------------------------

LOOPS = """
    @jit
    def f(n):
        t = 0
        for i in range(n):      # the loop
            t += i * i
        return t
    N = 100_000
    assert f(N) == sum(i * i for i in range(N))
"""


def test_iterations_are_all_counted_once(tmp_path):
    f = program(LOOPS + "\n    print(json.dumps(hotloop.stats(f)))", tmp_path)
    (loop,) = f["loops"]
    assert loop["line"] == line_of("# the loop", tmp_path)
    assert loop["source"] == "for i in range(n):      # the loop"
    assert loop["state"] == "native" and loop["given_up_why"] is None
    # A few iterations are run by the recorder.
    assert 99_000 <= loop["interpreted"] + loop["native"] <= 100_001
    assert loop["native"] > 99_000 and loop["interpreted"] >= 19
    assert loop["regions"] == 1 and loop["compiles"] >= 1 and loop["entries"] >= 1
    assert 0 < loop["compile_seconds"] < 30 and 0 < loop["record_seconds"] < 30
    assert 20 < loop["machine_code_bytes"] < 100_000
    assert f["driven_calls"] == 1 and f["plain_calls"] == [] and f["threshold"] == 20


def test_more_calls_add_up(tmp_path):
    first, second = program(LOOPS + """
    first = hotloop.stats(f)
    f(N); f(N)
    print(json.dumps([first, hotloop.stats(f)]))""", tmp_path)
    a, b = first["loops"][0], second["loops"][0]
    assert b["native"] - a["native"] > 1.99 * 100_000 and second["driven_calls"] == 3
    assert b["interpreted"] - a["interpreted"] < 10 and b["compiles"] == a["compiles"]


def test_exits_have_their_reason_and_line(tmp_path):
    f = program("""
    @jit
    def f(n, x):
        for i in range(n):      # the loop
            x = x * 3           # too big
        return x
    f(39, 1)
    for _ in range(5): f(39, 1)
    for _ in range(4): assert f(60, 1) == 3 ** 60
    print(json.dumps(hotloop.stats(f)))""", tmp_path)
    (loop,) = f["loops"]
    rows = {(row["line"], row["reason"]): row for row in loop["exits"]}
    overflow = rows[line_of("# too big", tmp_path), "overflow"]
    assert 1 <= overflow["count"] <= 4 and overflow["source"] == "x = x * 3           # too big"
    assert overflow["bytecode"] == "binary"


def test_stops_and_giving_up_have_their_reason_and_line(tmp_path):
    f = program("""
    class Context:
        def __enter__(self): pass
        def __exit__(self, *a): pass
    @jit
    def f(n):
        t = 0
        for i in range(n):      # the loop
            with Context():     # not compiled
                t += i
        return t
    for _ in range(30): f(1000)
    print(json.dumps(hotloop.stats(f)))""", tmp_path)
    (loop,) = f["loops"]
    assert loop["native"] == 0 and loop["state"] == "given_up" and loop["given_up_why"]
    assert {row["line"] for row in loop["stops"]} == {line_of("# not compiled", tmp_path)}
    assert all(row["reason"].startswith("nyi_") and row["bytecode"] for row in loop["stops"])


def test_the_table_of_stops_is_bounded(tmp_path):
    f = program("""
    loops = "".join(f" for i in range(n): x.a{k} = [*y]\\n" for k in range(140))
    space = {"jit": jit}
    exec("@jit\\ndef f(n, x, y):\\n" + loops, space)
    class X: pass
    for _ in range(40): space["f"](200, X(), [1])
    print(json.dumps(hotloop.stats(space["f"])))""", tmp_path)
    placed = sum(row["count"] for loop in f["loops"] for row in loop["stops"])
    assert len(f["loops"]) == 140 and f["stops_unplaced"] > 0
    assert sum(len(loop["stops"]) for loop in f["loops"]) == 128
    assert placed + f["stops_unplaced"] >= 140


def test_generators_run_plainly_with_a_reason(tmp_path):
    f = program("""
    @jit
    def f(n):
        for i in range(n):
            yield i
    for _ in range(3): list(f(1000))
    print(json.dumps(hotloop.stats(f)))""", tmp_path)
    assert f["plain_why"] == "generator" and f["driven_calls"] == 0
    assert f["plain_calls"] == [{"reason": "generator", "count": 3}]


def test_freed_functions_stay_in_the_totals(tmp_path):
    before, after = program("""
    import gc
    space = {"jit": jit}
    exec('@jit\\ndef f(n):\\n t = 0\\n for i in range(n): t += i\\n return t', space)
    assert space["f"](100_000) == 4999950000
    before = hotloop.stats()["totals"]
    space.clear()
    gc.collect()
    print(json.dumps([before, hotloop.stats()["totals"]]))""", tmp_path)
    assert after["freed_functions"] == before["freed_functions"] + 1
    same = set(before) - {"freed_functions", "machine_code_bytes"}
    assert {k: before[k] for k in same} == {k: after[k] for k in same}
    assert after["machine_code_bytes"] == 0 < before["machine_code_bytes"]


def test_a_function_that_never_ran():
    def f():
        while True:
            pass

    for target in (f, hotloop.jit(f)):
        seen = hotloop.stats(target)
        assert seen["name"].endswith("<locals>.f") and seen["line"] == f.__code__.co_firstlineno
        assert seen["driven_calls"] == 0 and sum(loop["native"] for loop in seen["loops"]) == 0


# -- nopython=True -------------------------------------------------------------------------------

FALLBACK = """
    class Context:
        def __enter__(self): pass
        def __exit__(self, *a): pass
    def f(n):
        t = 0
        for i in range(n):      # the loop
            with Context():     # not compiled
                t += i
        return t
"""


def test_nopython_warns_once_per_loop(tmp_path):
    caught = program(FALLBACK + """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        g = jit(nopython=True)(f)
        for _ in range(50): assert g(1000) == 499500
    print(json.dumps([[w.category.__name__, str(w.message), w.filename] for w in caught]))
    """, tmp_path)
    loop, at = line_of("# the loop", tmp_path), line_of("# not compiled", tmp_path)
    ((category, message, file),) = caught
    assert category == "FallbackWarning" and file == str(tmp_path / "prog.py")
    assert message.startswith(f"the loop at line {loop} of f() stays interpreted: ")
    assert message.endswith(f"(line {at})")


def test_nopython_warning_as_an_error(tmp_path):
    found = program(FALLBACK + """
    import traceback
    warnings.simplefilter("error", hotloop.FallbackWarning)
    g = jit(nopython=True)(f)
    found = []
    for _ in range(50):
        try: g(1000)
        except hotloop.FallbackWarning as e:
            found.append([x.name for x in traceback.extract_tb(e.__traceback__)])
    print(json.dumps([found, g(1000)]))
    """, tmp_path)
    assert found == [[["<module>", "f"]], 499500]


def test_no_warning_without_nopython_or_where_all_is_well(tmp_path):
    caught = program(FALLBACK + LOOPS.replace("def f", "def g").replace("f(N)", "g(N)") + """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        h = jit(f)
        for _ in range(50): h(1000)
        k = jit(nopython=True)(g.__wrapped__)
        k(N)
    print(json.dumps([str(w.message) for w in caught]))
    """, tmp_path)
    assert caught == []


# -- The document --------------------------------------------------------------------------------

def keys_like_schema(value, rule, schema):
    """Every object has exactly the schema's keys, in its order."""
    while "$ref" in rule:
        rule = schema["$defs"][rule["$ref"].rpartition("/")[2]]
    if isinstance(value, dict) and "properties" in rule:
        assert list(value) == list(rule["properties"]) == rule["required"]
        for key, item in value.items():
            keys_like_schema(item, rule["properties"][key], schema)
    elif isinstance(value, list):
        for item in value:
            keys_like_schema(item, rule["items"], schema)


def test_reports_follow_the_schema(tmp_path):
    doc, one = program(LOOPS + FALLBACK.replace("def f", "def g") + """
    g = jit(g)
    for _ in range(30): g(1000)
    print(json.dumps([hotloop.stats(), json.loads(hotloop.report(f, format="json"))]))
    """, tmp_path)
    for d in (doc, one):
        assert _schema.problem(d) is None
        keys_like_schema(d, _schema.load(), _schema.load())
    assert [fn["name"] for fn in one["functions"]] == ["f"]
    assert one["totals"]["native"] == one["functions"][0]["loops"][0]["native"] > 0
    rows = [row for fn in doc["functions"] for loop in fn["loops"]
            for row in loop["exits"] + loop["stops"]]
    assert rows and all(row["reason"] in doc["reasons"] for row in rows)


def test_json_is_the_same_every_time():
    assert hotloop.report(format="json") == hotloop.report(format="json")
    doc = json.loads(hotloop.report(format="json"))
    assert doc == hotloop.stats()
    where = [(fn["file"], fn["line"], fn["name"]) for fn in doc["functions"]]
    assert where == sorted(where)


def test_the_schema_is_described():
    def described(rule):
        if "$ref" in rule:
            return
        assert rule.get("description") or "properties" in rule, rule
        for key, item in rule.get("properties", {}).items():
            if key not in _schema.load()["$defs"]["totals"]["properties"]:
                described(item)
    schema = _schema.load()
    described(schema)
    for name in ("function", "loop", "place"):
        described(schema["$defs"][name])


@pytest.mark.parametrize("format", ["xml", "html", "", None, "TEXT"])
def test_formats_of_this_version(format):
    with pytest.raises(ValueError, match="'text' or 'json' in this version"):
        hotloop.report(format=format)


# -- Text ----------------------------------------------------------------------------------------

def place(line, reason, count, source=None, bytecode=None):
    return {"line": line, "source": source, "bytecode": bytecode, "reason": reason, "count": count}


def loop(**values):
    base = {"line": 4, "last_line": 6, "source": None, "parent": None, "state": "counting",
            "given_up_why": None, "interpreted": 0, "native": 0, "regions": 0, "entries": 0,
            "entry_misses": 0, "compiles": 0, "compile_seconds": 0.0, "record_seconds": 0.0,
            "machine_code_bytes": 0, "exits": [], "steps": [], "stops": []}
    return {**base, **values}


def function(name, loops, **values):
    base = {"name": name, "file": "prog.py", "line": 3, "jitted": True, "threshold": 300,
            "nopython": False, "fastmath": False, "driven_calls": 1, "plain_why": None,
            "plain_calls": [], "stops_unplaced": 0, "loops": loops}
    return {**base, **values}


def document(functions, **values):
    return {**_report.document(), "functions": functions,
            "totals": {**_report._totals(functions, None), **values.pop("totals", {})}, **values}


def test_text_says_what_has_fastmath():
    doc = document([function("f", [], fastmath=True), function("f", [])], python="3.11.7")
    assert "f  (prog.py:3)  1 call  fastmath\n" in _report.render({**doc, "functions": doc["functions"][:1]})
    assert "fastmath" not in _report.render({**doc, "functions": doc["functions"][1:]})


def test_text_says_what_ran_where_and_why():
    hot = loop(source="for i in range(n):", state="native", interpreted=300, native=999_700,
               regions=1, entries=2, entry_misses=1, compiles=2, compile_seconds=0.0123,
               record_seconds=0.0004, machine_code_bytes=1536,
               exits=[place(4, "loop_end", 2, "for i in range(n):"),
                      place(5, "overflow", 1_000, "t += i")])
    cold = loop(line=9, source="while x:", state="given_up", given_up_why="nyi_call",
                interpreted=2_000, stops=[place(10, "nyi_call", 4, "x = g(x)", "call")])
    quiet = function("quiet", [loop(interpreted=7)], line=20)
    plain = function("plain", [], line=30, driven_calls=0, plain_why="generator",
                     plain_calls=[{"reason": "generator", "count": 3}])
    doc = document([plain, quiet, function("f", [hot, cold], driven_calls=2)], hotloop="0.1.0",
                   python="3.11.7", active=True)
    assert _schema.problem(doc) is None
    assert _report.render(doc) == textwrap.dedent("""\
        hotloop 0.1.0, Python 3.11.7: 1,002,007 iterations, 99.77 % native
        2 compiles in 12.3 ms, recording 0.4 ms, 1,536 bytes of machine code

        f  (prog.py:3)  2 calls
          line 4: for i in range(n):
            1,000,000 iterations, 99.97 % native, entered 2x, entry refused 1x, compiled 2x in 12.3 ms, 1,536 bytes, recorded in 0.4 ms
            left 1,000x, integer overflow: line 5: t += i
            left 2x, loop ended: line 4: for i in range(n):
          line 9: while x:
            2,000 iterations, 0.00 % native
            given up, and not counted any more: call not compiled yet
            recording stopped 4x, call not compiled yet (call): line 10: x = g(x)

        plain  (prog.py:30)  3 calls
          3 calls ran plainly: generator or coroutine
          no loops

        not shown: 1 function whose loops never got hot (7 iterations interpreted)
        """)


def test_text_never_rounds_to_all_or_nothing():
    for interpreted, native, text in ((1, 10**9, "99.99 %"), (10**9, 1, "0.01 %"),
                                      (0, 5, "100.00 %"), (5, 0, "0.00 %")):
        doc = document([function("f", [loop(interpreted=interpreted, native=native)])])
        assert text in _report.render(doc)
    doc = document([function("f", [loop()])])
    assert "no iteration counted" in _report.render(doc)


def test_text_when_hotloop_is_not_active():
    doc = document([], active=False, why_inactive="Python 3.99 is not supported")
    assert "hotloop is not active: Python 3.99 is not supported" in _report.render(doc)


# -- Files ---------------------------------------------------------------------------------------

def test_report_to_a_file_or_stream(tmp_path):
    stream = io.StringIO()
    assert hotloop.report(format="json", file=stream) is None
    assert hotloop.report(format="json", file=tmp_path / "r.json") is None
    assert hotloop.report(format="json", file=str(tmp_path / "s.json")) is None
    text = hotloop.report(format="json")
    assert stream.getvalue() == text == (tmp_path / "r.json").read_text()
    assert (tmp_path / "s.json").read_text() == text
    assert sorted(os.listdir(tmp_path)) == ["r.json", "s.json"]


def test_files_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "r.txt"
    path.write_text("before")
    path.chmod(0o600)

    def fail(*_):
        assert path.read_text() == "before"
        raise OSError("the disk is gone")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk is gone"):
        _report.write_whole(path, "after")
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["r.txt"]
    monkeypatch.undo()
    _report.write_whole(path, "after \udc80")
    assert path.read_text() == "after \\udc80" and os.listdir(tmp_path) == ["r.txt"]


def test_links_stay_links_and_pipes_stay_pipes(tmp_path):
    (tmp_path / "link").symlink_to("real")
    _report.write_whole(tmp_path / "link", "one")
    assert (tmp_path / "real").read_text() == "one" and (tmp_path / "link").is_symlink()
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    _report.write_whole(tmp_path / "pipe", "two")
    assert os.read(reader, 100) == b"two"
    os.close(reader)
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)


# -- HOTLOOP_REPORT ------------------------------------------------------------------------------

WORK = ("import hotloop, os, sys\n@hotloop.jit\ndef work(n):\n    t = 0\n    for i in range(n):\n"
        "        t += i\n    return t\nprint(work(10_000))\n")


@pytest.mark.parametrize("end, status", [
    ("", 0), ("sys.exit(3)", 3), ("1/0", 1), ("raise KeyboardInterrupt", -2),
    ("os.chdir('/')", 0), ("sys.stdout = sys.stderr = None", 0),
])
def test_written_at_exit(tmp_path, end, status):
    out = cli.python("-c", WORK + end, cwd=tmp_path, HOTLOOP_REPORT="r.json")
    assert (out.returncode, out.stdout) == (status, "49995000\n")
    assert out.stderr.count("hotloop") == 0
    doc = json.loads((tmp_path / "r.json").read_text())
    assert _schema.problem(doc) is None
    assert "work" in [fn["name"] for fn in doc["functions"]]
    assert os.listdir(tmp_path) == ["r.json"]


def test_text_report_and_standard_output(tmp_path):
    out = cli.python("-c", WORK, cwd=tmp_path, HOTLOOP_REPORT="r.txt")
    assert out.returncode == 0 and out.stdout == "49995000\n"
    assert (tmp_path / "r.txt").read_text().startswith("hotloop ")
    out = cli.python("-c", WORK + "sys.stdout = open(os.devnull, 'w'); print('lost')", cwd=tmp_path,
                     HOTLOOP_REPORT="-")
    assert out.returncode == 0 and "lost" not in out.stdout
    assert out.stdout.startswith("49995000\nhotloop ") and "work  (<string>:2)" in out.stdout


@pytest.mark.parametrize("target, text", [
    ("no/such/folder/r.txt", "FileNotFoundError"), ("folder", "IsADirectoryError"),
    ("file/r.txt", "NotADirectoryError"), ("x" * 300 + ".txt", "File name too long"),
])
@pytest.mark.parametrize("status", [0, 3])
def test_a_path_that_cannot_be_written(tmp_path, target, text, status):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    out = cli.python("-c", WORK + f"sys.exit({status})", cwd=tmp_path, HOTLOOP_REPORT=target)
    assert (out.returncode, out.stdout) == (status, "49995000\n")
    assert out.stderr.startswith("hotloop: no report written to ") and text in out.stderr
    assert out.stderr.count("\n") == 1
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_standard_output_that_cannot_be_written(tmp_path):
    out = cli.python("-c", WORK + "sys.stdout.flush(); os.close(1)", cwd=tmp_path,
                     HOTLOOP_REPORT="-")
    assert "hotloop: no report written to -: OSError" in out.stderr


def test_html_is_refused_at_the_start(tmp_path):
    out = cli.python("-c", WORK, cwd=tmp_path, HOTLOOP_REPORT="r.html")
    assert out.returncode == 0 and os.listdir(tmp_path) == []
    assert out.stderr == "hotloop: HOTLOOP_REPORT: r.html: this version writes .txt and .json reports\n"


def test_children_leave_the_report_alone(tmp_path):
    fork = WORK + """
pid = os.fork()
if pid == 0:
    work(77)
    sys.exit(0)
os.waitpid(pid, 0)
print(os.path.exists("r.json"))
"""
    out = cli.python("-c", fork, cwd=tmp_path, HOTLOOP_REPORT="r.json")
    assert out.stdout.splitlines()[-1] == "False", out
    calls = [fn["driven_calls"] + sum(row["count"] for row in fn["plain_calls"])
             for fn in json.loads((tmp_path / "r.json").read_text())["functions"]
             if fn["name"] == "work"]
    assert calls == [1]
    os.unlink(tmp_path / "r.json")
    out = cli.python("-c", fork.replace("False", ""), cwd=tmp_path, HOTLOOP_REPORT="r-%p.json")
    assert len(os.listdir(tmp_path)) == 2
    assert all(json.loads(p.read_text())["schema"] == 1 for p in tmp_path.iterdir())


def test_formats_by_name():
    assert [_exit.format_of(n) for n in ("a.json", "a.txt", "-", "a", "json")] == [
        "json", "text", "text", "text", "text"]
