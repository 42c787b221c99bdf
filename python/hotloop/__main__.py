"""python -m hotloop: run a program, render a saved report, say what works here."""
import argparse
import os
import sys

import hotloop
from hotloop import _exit, _hotloop


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m hotloop", description="A JIT for Python loops.")
    parser.add_argument("--version", action="version", version=f"hotloop {hotloop.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run a program with every function jitted",
                              usage="%(prog)s [--report FILE] SCRIPT|-m MODULE [ARGUMENT ...]")
    run.add_argument("--report", metavar="FILE", type=_report_target,
                     help="write a report at exit: FILE.txt, FILE.json, - for standard output")
    run.add_argument("-m", dest="module", action="store_true", help="run a module, as python -m does")
    run.add_argument("program", metavar="SCRIPT", help="a script, or a folder or zip file with a "
                     "__main__.py")
    run.add_argument("arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER)

    report = commands.add_parser("report", help="render a saved JSON report as text")
    report.add_argument("file", metavar="FILE.json")

    commands.add_parser("info", help="versions, parameters, and whether hotloop works here")
    commands.add_parser("bench", help="run the benchmarks of a source checkout; its own options")

    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["bench"]:
        return _bench(argv[1:])
    options = parser.parse_args(argv)
    if options.command != "run":  # which leaves the streams to the program
        sys.stdout.reconfigure(errors="backslashreplace")
    return globals()["_" + options.command](options)


def _report_target(text):
    try:
        _exit.format_of(text)
    except ValueError as e:
        raise argparse.ArgumentTypeError(str(e)) from None
    return text


def _fail(text, status=2):
    _exit.complain(text)
    return status


# -- run -----------------------------------------------------------------------------------------

def _run(options):
    """The program as __main__, as if python had been started with it."""
    from types import ModuleType

    if options.report:
        _exit.report_to(options.report)
    sys.argv[:] = [options.program, *options.arguments]
    try:
        if options.module:
            spec, code = _load_module(options.program)
            sys.argv[0] = spec.origin
        else:
            spec, code = _load_script(options.program)
    except _NotFound as e:
        return _fail(str(e), e.status)
    except SyntaxError as e:
        return _leave(e, None)
    except BaseException as e:  # whatever a parent package raised
        return _leave(e, e.__traceback__)

    main = ModuleType("__main__")
    main.__spec__ = spec
    main.__builtins__ = __builtins__
    main.__annotations__ = {}
    if spec:
        main.__package__, main.__loader__ = spec.parent, spec.loader
        main.__file__, main.__cached__ = spec.origin, spec.cached
    else:
        from importlib.machinery import SourceFileLoader
        main.__loader__ = SourceFileLoader("__main__", code.co_filename)
        main.__file__, main.__cached__ = code.co_filename, None
    # The module that is __main__ until now lives on in this frame's globals.
    sys.modules["__main__"] = main
    hotloop.enable()
    try:
        exec(code, main.__dict__)
    except SystemExit:
        raise
    except BaseException as e:
        return _leave(e, e.__traceback__.tb_next)
    return 0


def _leave(e, traceback):
    """Ends the process as an uncaught exception does, but without our frames in the traceback."""
    if isinstance(e, SystemExit):
        raise e
    sys.last_type, sys.last_value, sys.last_traceback = type(e), e, traceback
    try:
        sys.excepthook(type(e), e.with_traceback(traceback), traceback)
    except BaseException:
        sys.__excepthook__(*sys.exc_info())
    sys.excepthook = lambda *_: None  # it was shown; the exit status is still CPython's own
    raise e


class _NotFound(Exception):
    def __init__(self, text, status):
        super().__init__(text)
        self.status = status


def _load_script(program):
    path = os.path.abspath(program)
    if os.path.isdir(path) or _is_zip(path):
        from importlib.machinery import PathFinder
        _replace_path(path)
        spec = PathFinder.find_spec("__main__", [path])
        if spec is None:
            raise _NotFound(f"can't find '__main__' module in {program!r}", 1)
        return spec, spec.loader.get_code("__main__")
    import io
    try:
        with io.open_code(path) as f:
            source = f.read()
    except OSError as e:
        raise _NotFound(f"can't open {program!r}: {e.strerror}", 2) from None
    _replace_path(os.path.dirname(os.path.realpath(path)))
    return None, compile(source, path, "exec", dont_inherit=True)


def _is_zip(path):
    if not os.path.isfile(path) or path.endswith(".py"):
        return False
    import zipfile
    return zipfile.is_zipfile(path)


def _replace_path(folder):
    # python -m put the current folder first; python SCRIPT has the script's there.
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = folder


def _load_module(name):
    import importlib.util
    spec = _find_spec(importlib.util, name)
    if spec.submodule_search_locations is not None:
        spec = _find_spec(importlib.util, name + ".__main__")
    code = spec.loader.get_code(spec.name) if hasattr(spec.loader, "get_code") else None
    if code is None:
        raise _NotFound(f"no code object for module {name}", 1)
    return spec, code


def _find_spec(util, name):
    try:
        spec = util.find_spec(name)
    except ModuleNotFoundError as e:
        raise _NotFound(f"no module named {e.name}", 1) from None
    if spec is None:
        raise _NotFound(f"no module named {name}", 1)
    return spec


# -- The others ----------------------------------------------------------------------------------

def _report(options):
    import json

    from hotloop import _report, _schema
    try:
        with open(options.file, encoding="utf-8") as f:
            doc = json.load(f)
    except OSError as e:
        return _fail(f"{options.file}: {e.strerror}")
    except (ValueError, RecursionError) as e:
        return _fail(f"{options.file}: not JSON: {e}")
    problem = _schema.problem(doc)
    if problem:
        return _fail(f"{options.file}: not a report of this version: {problem}")
    try:
        sys.stdout.write(_report.render(doc))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    return 0


def _info(options):
    import platform

    state = _hotloop.info()
    works = "yes" if state["active"] else f"no: {state['why_not']}"
    if state["blocked"]:
        works = f"not now: {state['blocked']}"
    rows = [("hotloop", f"{hotloop.__version__}  {os.path.dirname(hotloop.__file__)}"),
            ("works here", works),
            ("Python", f"{platform.python_version()}  {sys.executable}"),
            ("NumPy", _numpy_version()),
            ("compiler", state["backend"]),
            ("processor", _processor(platform)),
            ("system", platform.platform())]
    for name, value in rows:
        print(f"{name:<11} {value}")
    print("\nparameters")
    for name, (value, default, variable, meaning) in _hotloop.params().items():
        notes = ([f"default {default}"] if value != default else []) + ([variable] if variable else [])
        print(f"  {name:<12} {value:>6}  {meaning}" + (f" ({', '.join(notes)})" if notes else ""))
    return 0


def _numpy_version():
    try:
        import numpy
    except Exception as e:
        return f"not importable: {e}"
    return numpy.__version__


def _processor(platform):
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f:
            for line in f:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


def _bench(arguments):
    import subprocess
    from pathlib import Path

    starts = (Path(hotloop.__file__).resolve().parent, Path.cwd())
    for folder in (f for start in starts for f in (start, *start.parents)):
        script = folder / "bench" / "run.py"
        if script.is_file() and (folder / "hooks" / "hl_hook.h").is_file():
            return subprocess.call([sys.executable, str(script), *arguments])
    return _fail("the benchmarks are in bench/ of hotloop's source; run this in a checkout")


if __name__ == "__main__":
    sys.exit(main())
