"""The report that is written when the process ends. Imported only when one is asked for."""
import atexit
import os
import sys

_target = None
_pid = None


def format_of(target):
    """The report format that a file's name asks for."""
    if target.endswith(".html"):
        raise ValueError(f"{target}: this version writes .txt and .json reports")
    return "json" if target.endswith(".json") else "text"


def report_to(target):
    """Write the report to `target` at exit: a file name, or "-" for standard output.

    %p in the name stands for the process id. Without it, only this process writes; a forked child
    would overwrite its parent's report.
    """
    global _target, _pid
    # Imported now: at exit that could fail, and it makes CPython forget that it has to die of an
    # uncaught KeyboardInterrupt (any eval() of a string does, and namedtuple() has one).
    from . import _report  # noqa: F401
    if format_of(target) == "json":
        import json  # noqa: F401
    if _target is None:
        atexit.register(_write)
    _target, _pid = os.path.abspath(target) if target != "-" else target, os.getpid()


def _write():
    if _pid != os.getpid() and "%p" not in _target:
        return
    try:
        from . import _report
        name = _target.replace("%p", str(os.getpid()))
        text = _report.report(format=format_of(name))
        if name == "-":
            _write_stdout(text.encode("utf-8", "backslashreplace"))
        else:
            _report.write_whole(name, text)
    except BaseException as e:  # whatever it is, the program's own exit status stands
        complain(f"no report written to {_target}: {type(e).__name__}: {e}")


def _write_stdout(data):
    # Behind what the program has printed, but past sys.stdout, which may be anything by now.
    if sys.stdout is not None:
        sys.stdout.flush()
    while data:
        data = data[os.write(1, data):]


def complain(text):
    """One line on standard error, if there is one."""
    try:
        os.write(2, f"hotloop: {text}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        pass
