"""python -m hotloop: programs run as they would without it; reports are read; errors are clear."""

import json
import os
import signal
import textwrap
import zipfile

import cli
import pytest


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path
    return write


def same_as_python(*args, cwd, **env):
    """Runs a program both ways; everything that it shows must be the same."""
    plain = cli.python(*args, cwd=cwd, **env)
    run = cli.hotloop("run", *args, cwd=cwd, **env)
    assert (run.stdout, run.stderr, run.returncode) == (
        plain.stdout, plain.stderr, plain.returncode)
    return run


# -- run -----------------------------------------------------------------------------------------

SHOW = """
    import sys, os, __main__
    print(sys.argv, __name__, __file__, sys.path[0], __main__.__dict__ is globals())
    print(sorted(globals()), __spec__ and (__spec__.name, __spec__.origin), __package__, __cached__)
    print(type(__loader__).__name__, __builtins__)
"""


def test_run_looks_like_a_script(write, tmp_path):
    write("deep/show.py", SHOW)
    run = same_as_python("deep/show.py", "a", "--report", "-x", cwd=tmp_path)
    assert "['deep/show.py', 'a', '--report', '-x'] __main__" in run.stdout
    same_as_python(tmp_path / "deep" / "show.py", cwd="/")
    (tmp_path / "link.py").symlink_to("deep/show.py")
    same_as_python("link.py", cwd=tmp_path)


def test_run_looks_like_a_module(write, tmp_path):
    write("pack/show.py", SHOW)
    write("pack/__init__.py", "")
    write("pack/__main__.py", SHOW)
    for name in ("pack.show", "pack"):
        run = same_as_python("-m", name, "a", "-m", cwd=tmp_path)
        assert "'a', '-m'] __main__" in run.stdout


def test_run_looks_like_a_folder_or_zip(write, tmp_path):
    write("folder/__main__.py", SHOW)
    write("folder/other.py", "value = 3")
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as z:
        z.writestr("__main__.py", textwrap.dedent(SHOW) + "import other; print(other.value)")
        z.writestr("other.py", "value = 4")
    assert "__main__" in same_as_python("folder", "a", cwd=tmp_path).stdout
    assert same_as_python("app.zip", "a", cwd=tmp_path).stdout.endswith("4\n")


@pytest.mark.parametrize("end, status", [
    ("", 0), ("sys.exit()", 0), ("sys.exit(3)", 3), ("sys.exit('message')", 1), ("1/0", 1),
    ("raise SystemExit(7)", 7), ("raise KeyboardInterrupt", -signal.SIGINT), ("os._exit(5)", 5),
    ("import atexit; atexit.register(print, 'bye'); f()", 1),
    ("try: f()\nexcept Exception as e: raise KeyError(3) from e", 1),
    ("sys.excepthook = lambda *a: print('hook', a[0].__name__, a[2].tb_lineno); f()", 1),
    ("exec('x = (')", 1),
    ("raise BaseExceptionGroup('g', [ValueError(1), KeyboardInterrupt()])", 1),
    ("import threading; threading.Thread(target=f).start()", 0),
    ("sys.stderr = None; f()", 1),
])
def test_run_ends_as_the_program_does(write, tmp_path, end, status):
    write("prog.py", "import os, sys\ndef f():\n    return [][0]\nprint('begun', flush=True)\n" + end)
    run = same_as_python("prog.py", cwd=tmp_path)
    assert run.returncode == status and run.stdout.startswith("begun")
    if end == "1/0":
        assert run.stderr.splitlines()[:2] == ["Traceback (most recent call last):",
                                               f'  File "{tmp_path}/prog.py", line 5, in <module>']


def test_run_syntax_error(write, tmp_path):
    write("bad.py", "def f(:\n    pass\n")
    run = same_as_python("bad.py", cwd=tmp_path)
    assert run.returncode == 1 and "SyntaxError" in run.stderr
    assert "Traceback" not in run.stderr


def test_run_globals_live_until_the_end(write, tmp_path):
    write("prog.py", """
        import atexit, pickle, threading, time
        class C: value = 7
        def late(): print(pickle.loads(pickle.dumps(C())).value, total())
        def total(): return sum(i for i in range(10))
        atexit.register(late)
        threading.Thread(target=lambda: (time.sleep(0.1), print(total(), flush=True))).start()
        """)
    assert same_as_python("prog.py", cwd=tmp_path).stdout == "45\n7 45\n"


def test_run_spawned_children_find_main(write, tmp_path):
    write("prog.py", """
        import multiprocessing
        def work(n):
            t = 0
            for i in range(n): t += i
            return t
        if __name__ == "__main__":
            for way in ("fork", "spawn"):
                with multiprocessing.get_context(way).Pool(1) as pool:
                    print(pool.map(work, [10, 1000]))
        """)
    run = same_as_python("prog.py", cwd=tmp_path)
    assert run.stdout == "[45, 499500]\n" * 2


def test_run_is_global_mode(write, tmp_path):
    write("prog.py", "from hotloop import _hotloop\nprint(_hotloop.is_global())")
    assert cli.hotloop("run", "prog.py", cwd=tmp_path).stdout == "True\n"
    out = cli.hotloop("run", "prog.py", cwd=tmp_path, HOTLOOP="0")
    assert (out.stdout, out.stderr) == ("False\n", "")


@pytest.mark.parametrize("args, status, text", [
    (["missing.py"], 2, "can't open 'missing.py': No such file"),
    (["-m", "no_such_module_here"], 1, "no module named no_such_module_here"),
    (["-m", "no_such_package.module"], 1, "no module named no_such_package"),
    (["-m", "empty"], 1, "no module named empty.__main__"),
    (["-m", "sys"], 1, "no code object for module sys"),
    (["empty"], 1, "can't find '__main__' module in 'empty'"),
])
def test_run_what_is_not_there(write, tmp_path, args, status, text):
    write("empty/__init__.py", "")
    out = cli.hotloop("run", *args, cwd=tmp_path)
    assert out.returncode == status and out.stdout == ""
    assert out.stderr.startswith("hotloop: ") and text in out.stderr and out.stderr.count("\n") == 1


def test_run_report(write, tmp_path):
    write("prog.py", """
        import sys
        def work(n):
            t = 0
            for i in range(n):
                t += i
            return t
        print(work(10_000))
        sys.exit(4)
        """)
    out = cli.hotloop("run", "--report", "r.json", "prog.py", "x", cwd=tmp_path)
    assert (out.stdout, out.stderr, out.returncode) == ("49995000\n", "", 4)
    doc = json.loads((tmp_path / "r.json").read_text())
    (work,) = [fn for fn in doc["functions"] if fn["name"] == "work"]
    assert doc["global"] and work["file"] == str(tmp_path / "prog.py") and work["line"] == 3
    assert work["loops"][0]["interpreted"] + work["loops"][0]["native"] > 9_000
    assert not [fn for fn in doc["functions"] if "/hotloop/_" in fn["file"]]
    out = cli.hotloop("run", "--report", "-", "prog.py", cwd=tmp_path)
    assert out.returncode == 4 and out.stdout.startswith("49995000\nhotloop 0.1.0, Python ")
    out = cli.hotloop("run", "--report", "r.html", "prog.py", cwd=tmp_path)
    assert out.returncode == 2 and ".txt and .json" in out.stderr and out.stdout == ""


# -- report --------------------------------------------------------------------------------------

def test_report_renders_what_was_saved(write, tmp_path):
    write("prog.py", "def work():\n    for i in range(5000): pass\nwork()")
    cli.hotloop("run", "--report", "r.json", "prog.py", cwd=tmp_path)
    out = cli.hotloop("report", "r.json", cwd=tmp_path)
    assert (out.returncode, out.stderr) == (0, "")
    from hotloop import _report
    assert out.stdout == _report.render(json.loads((tmp_path / "r.json").read_text()))
    assert f"work  ({tmp_path}/prog.py:1)  1 call\n  line 2: for i in" in out.stdout


def test_report_on_a_terminal_without_unicode(write, tmp_path):
    write("prog.py", "def work():\n    for i in range(5000): 'Gr\u00fc\u00dfe'\nwork()")
    cli.hotloop("run", "--report", "r.json", "prog.py", cwd=tmp_path)
    out = cli.hotloop("report", "r.json", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert out.returncode == 0 and "'Gr\\xfc\\xdfe'" in out.stdout


@pytest.mark.parametrize("damage, text", [
    (lambda text, doc: "", "not JSON"),
    (lambda text, doc: text[:len(text) // 2], "not JSON"),
    (lambda text, doc: "[" * 100_000, "not JSON"),
    (lambda text, doc: "\xff\xfe", "not JSON"),
    (lambda text, doc: "[]", "report: expected object, got []"),
    (lambda text, doc: {**doc, "schema": 2}, "report.schema: expected 1, got 2"),
    (lambda text, doc: {k: v for k, v in doc.items() if k != "totals"}, "report: no 'totals'"),
    (lambda text, doc: {**doc, "functions": {}}, "report.functions: expected array"),
    (lambda text, doc: {**doc, "functions": [3]}, "report.functions[0]: expected object, got 3"),
    (lambda text, doc: {**doc, "totals": {**doc["totals"], "native": -1}}, "totals.native: -1"),
    (lambda text, doc: {**doc, "active": 1}, "report.active: expected boolean, got 1"),
    (lambda text, doc: {**doc, "parameters": {"x": "y"}}, "report.parameters.x: expected integer"),
])
def test_report_of_a_damaged_file(tmp_path, damage, text):
    import hotloop
    good = hotloop.report(format="json")
    bad = damage(good, json.loads(good))
    data = bad if isinstance(bad, str) else json.dumps(bad)
    (tmp_path / "r.json").write_bytes(data.encode("latin-1"))
    out = cli.hotloop("report", "r.json", cwd=tmp_path)
    assert out.returncode == 2 and out.stdout == ""
    assert out.stderr.startswith("hotloop: r.json: ") and text in out.stderr
    assert out.stderr.count("\n") == 1


def test_report_of_no_file(tmp_path):
    out = cli.hotloop("report", "r.json", cwd=tmp_path)
    assert (out.returncode, out.stderr) == (2, "hotloop: r.json: No such file or directory\n")
    out = cli.hotloop("report", ".", cwd=tmp_path)
    assert (out.returncode, out.stderr) == (2, "hotloop: .: Is a directory\n")


# -- The others ----------------------------------------------------------------------------------

def test_info():
    import hotloop
    out = cli.hotloop("info", HOTLOOP_THRESHOLD="77")
    assert (out.returncode, out.stderr) == (0, "")
    rows = dict(line.split(None, 1) for line in out.stdout.splitlines() if line[:1].strip()
                and " " in line)
    assert rows["hotloop"].startswith(hotloop.__version__)
    assert rows["works"] == "here  yes" and rows["compiler"].startswith("LLVM ")
    for name, row in hotloop._hotloop.params().items():
        (line,) = [x for x in out.stdout.splitlines() if x.split()[:1] == [name]]
        assert row[3] in line
    assert "77  " in out.stdout and "(default 300, HOTLOOP_THRESHOLD)" in out.stdout
    out = cli.hotloop("info", HOTLOOP="0")
    assert "works here  no: HOTLOOP=0" in out.stdout and out.returncode == 0


def test_bench_is_in_the_checkout(tmp_path, write):
    out = cli.hotloop("bench", "--help", cwd=tmp_path)
    if out.returncode == 0:
        assert out.stdout.startswith("usage: run.py")  # this package is in a checkout
    else:
        assert out.returncode == 2
        assert out.stderr == ("hotloop: the benchmarks are in bench/ of hotloop's source; "
                              "run this in a checkout\n")
    write("bench/run.py", "import sys\nprint(sys.argv[1:])\nsys.exit(6)")
    write("hooks/hl_hook.h", "")
    if out.returncode == 2:
        out = cli.hotloop("bench", "-x", "--help", cwd=tmp_path)
        assert (out.stdout, out.returncode) == ("['-x', '--help']\n", 6)


@pytest.mark.parametrize("args", [[], ["nonsense"], ["run"], ["report"], ["info", "x"], ["run", "-q"]])
def test_usage_errors(args):
    out = cli.hotloop(*args)
    assert out.returncode == 2 and out.stderr.startswith("usage: python -m hotloop")


def test_help_and_version():
    import hotloop
    assert cli.hotloop("--version").stdout == f"hotloop {hotloop.__version__}\n"
    out = cli.hotloop("--help")
    assert out.returncode == 0
    for word in ("run", "report", "info", "bench"):
        assert word in out.stdout
    assert os.path.basename(cli.package_path())
