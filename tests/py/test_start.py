"""The start-up file: HOTLOOP=1 works without a word in the program, and nothing can stop Python."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import cli
import pytest

import hotloop

NAME = "hotloop-start.pth"
PROGRAM = "import sys; h = sys.modules.get('hotloop'); print(h and h._hotloop.is_global())"


def start_file():
    package = Path(hotloop.__file__).resolve().parent
    for folder in (package, package.parent):  # a checkout, an installation
        if (folder / NAME).is_file():
            return folder / NAME
    raise AssertionError(f"no {NAME} beside {package}")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A virtual environment in which hotloop is installed."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=True, with_pip=False)
    site = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (site / "hotloop").symlink_to(Path(hotloop.__file__).resolve().parent)
    shutil.copy(start_file(), site)
    return folder, site


def python(home, *args, **env):
    clean = {k: v for k, v in cli.environment(**env).items() if k != "PYTHONPATH"}
    return subprocess.run([home[0] / "bin" / "python", *args], env=clean, capture_output=True,
                          text=True, timeout=100, cwd=home[0])


@pytest.fixture
def broken(home, tmp_path):
    """The same with a package that fails in a given way when it is imported."""
    def make(text):
        site = tmp_path / "site"
        (site / "hotloop").mkdir(parents=True)
        (site / "hotloop" / "__init__.py").write_text(text)
        shutil.copy(start_file(), site)
        return site
    return make


@pytest.mark.parametrize("value, loaded", [
    (None, "None"), ("", "None"), ("0", "None"), ("1", "True"), ("2", "None"),
])
def test_what_the_variable_does(home, value, loaded):
    env = {} if value is None else {"HOTLOOP": value}
    out = python(home, "-c", PROGRAM, **env)
    assert (out.stdout, out.stderr, out.returncode) == (loaded + "\n", "", 0)


def test_the_program_is_jitted(home):
    script = home[0] / "prog.py"
    script.write_text("def work(n):\n    t = 0\n    for i in range(n):\n        t += i\n"
                      "    return t\nprint(work(10_000))\n")
    out = python(home, str(script), HOTLOOP="1", HOTLOOP_REPORT="-", HOTLOOP_SYNC="1")
    assert out.stderr == "" and out.returncode == 0
    assert out.stdout.startswith("49995000\nhotloop ") and "work  (" in out.stdout


def test_switches_of_python(home):
    for switch, loaded in (("-I", "True"), ("-E", "True"), ("-s", "True"), ("-S", "None")):
        out = python(home, switch, "-c", PROGRAM, HOTLOOP="1")
        assert (out.stdout, out.stderr) == (loaded + "\n", ""), switch


def test_every_child_of_the_program(home):
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {PROGRAM!r}])"
    assert python(home, "-c", code, HOTLOOP="1").stdout == "True\n"


def test_nothing_is_imported_when_it_is_not_asked_for(home):
    show = "import sys; print(sorted(sys.modules))"
    with_it = python(home, "-c", show).stdout
    (home[1] / NAME).rename(home[1] / "away")
    try:
        without = python(home, "-c", show).stdout
    finally:
        (home[1] / "away").rename(home[1] / NAME)
    assert with_it == without


def test_it_is_one_line_with_one_look_up():
    (line,) = start_file().read_text().splitlines()
    looked_up = []

    class Environ(dict):
        def get(self, key, default=None):
            looked_up.append(key)
            return super().get(key, default)

    real = os.environ
    os.environ = Environ()
    try:
        exec(line, {})
    finally:
        os.environ = real
    assert line.startswith("import ") and looked_up == ["HOTLOOP"]


@pytest.mark.parametrize("text, shown", [
    ("raise RuntimeError('broken')", "RuntimeError: RuntimeError('broken')"),
    ("raise SystemExit(3)", "SystemExit: SystemExit(3)"),
    ("raise KeyboardInterrupt", "KeyboardInterrupt: KeyboardInterrupt()"),
    ("import no_such_module", "ModuleNotFoundError: "),
    ("x = (", "SyntaxError: "),
    ("raise ValueError('\\udc80\\n')", "ValueError: ValueError('\\udc80\\n')"),
])
def test_a_broken_package_stops_nothing(broken, text, shown):
    site = broken(text)
    code = f"import site; site.addsitedir({str(site)!r}); print('goes on')"
    out = cli.python("-S", "-c", code, HOTLOOP="1", PYTHONPATH="")
    assert (out.stdout, out.returncode) == ("goes on\n", 0)
    assert out.stderr.startswith("hotloop: not started: " + shown) and out.stderr.count("\n") == 1
    out = cli.python("-S", "-c", code, PYTHONPATH="")
    assert (out.stdout, out.stderr) == ("goes on\n", "")


def test_no_standard_error(broken):
    site = broken("raise RuntimeError")
    code = f"import site; site.addsitedir({str(site)!r}); print('goes on')"
    run = subprocess.run(["sh", "-c", 'exec "$0" -S -c "$1" 2>&-', sys.executable, code], text=True,
                         env=cli.environment(HOTLOOP="1", PYTHONPATH=""), capture_output=True)
    assert (run.stdout, run.returncode) == ("goes on\n", 0)


def test_a_package_that_is_gone(broken):
    site = broken("")
    shutil.rmtree(site / "hotloop")
    code = f"import site; site.addsitedir({str(site)!r}); print('goes on')"
    out = cli.python("-IS", "-c", code, HOTLOOP="1")
    assert (out.stdout, out.returncode) == ("goes on\n", 0)
    assert out.stderr.startswith("hotloop: not started: ModuleNotFoundError")
    assert out.stderr.count("\n") == 1


def test_without_the_file_an_import_starts_it():
    out = cli.python("-S", "-c", f"import hotloop; {PROGRAM}", HOTLOOP="1")
    assert (out.stdout, out.stderr) == ("True\n", "")
