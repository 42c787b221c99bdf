"""hotloop: a tracing JIT for ordinary Python loops on stock CPython.

    from hotloop import jit

    @jit
    def f(n): ...

See ``python -m hotloop info`` and the documentation for the environment variables HOTLOOP,
HOTLOOP_THRESHOLD, HOTLOOP_SYNC and HOTLOOP_REPORT.
"""
# Importing this must stay quick: reports, JSON and the command line are imported when asked for.
import os

from . import _hotloop
from ._decorator import jit
from ._hotloop import FallbackWarning, wait

__version__ = "0.1.0"
__all__ = ["FallbackWarning", "disable", "enable", "inspect_asm", "inspect_ir", "inspect_llvm",
           "jit", "report", "stats", "wait"]


def enable():
    """Treat every Python function of the process as jitted, as HOTLOOP=1 does."""
    if not _hotloop.inactive:
        _hotloop.set_global(True)


def disable():
    """Undo enable(): only decorated functions are jitted."""
    if not _hotloop.inactive:
        _hotloop.set_global(False)


def stats(f=None):
    """What happened so far: a dict for the process, or for the function f alone.

    stats() is the document that report(format="json") writes; stats(f) is one element of its
    "functions". f is a function, jitted or not, a bound method, or a code object.
    """
    from . import _report
    return _report.stats(f)


def report(f=None, format="text", file=None):
    """The statistics of the process, or of the function f, as "text" or "json".

    Returned as a string; with a file (a path or a text stream), written there instead.
    """
    from . import _report
    return _report.report(f, format, file)


def inspect_ir(f, recorded=False):
    """The optimised IR of f's compiled regions, a list of strings; or the IR as it was recorded."""
    return _hotloop.inspect(f, "r" if recorded else "i")


def inspect_llvm(f):
    """The LLVM IR of f's compiled regions, a list of strings."""
    return _hotloop.inspect(f, "l")


def inspect_asm(f):
    """The assembly of f's compiled regions, a list of strings."""
    return _hotloop.inspect(f, "a")


def _start():
    if os.environ.get("HOTLOOP") == "1":
        try:
            enable()
        except RuntimeError as e:  # another frame-evaluation hook
            _hotloop.complaints.append(f"hotloop: HOTLOOP=1 has no effect: {e}")
    if _hotloop.complaints:
        import warnings
        for text in _hotloop.complaints:
            warnings.warn(text, RuntimeWarning, stacklevel=3)
        _hotloop.complaints.clear()
    target = os.environ.get("HOTLOOP_REPORT")
    if target:
        from . import _exit
        try:
            _exit.report_to(target)
        except (ValueError, OSError) as e:
            _exit.complain(f"HOTLOOP_REPORT: {e}")


_start()
del _start
