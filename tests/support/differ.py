"""The differential harness: runs a program plainly and jitted and compares all that can be observed.

A program is a function of two arguments, `jit` and `out`:

    @diff
    def test_sum(jit, out):
        @jit
        def total(n):
            t = 0
            for i in range(n):
                t += i
            return t
        out(total, 500)

Its source is compiled anew for every run, at its own line numbers and with a fresh globals dictionary, so
that no code object, counter or global leaks from one run into the next. In the reference run `jit` is
the identity. `out(f, *args)` calls f and logs an event with its outcome: the value or the exception with
its traceback (functions, lines, columns, local variables), then the arguments, cells and globals
as the call left them. Warnings, printed text, exceptions in finalizers and whatever the program logs
itself (`out.note`) go to the same log, in the order in which they happen. Two runs agree when the logs are
equal.

So that a program cannot pass because nothing was compiled, the jitted runs must also have native
iterations, unless it says native=False."""

import ast
import contextlib
import difflib
import functools
import gc
import inspect
import itertools
import linecache
import os
import sys
import textwrap
import warnings

import pytest

import native
from freeze import freeze, is_function

# Parameters of src/hl_param.h per way of running; all others have their defaults.
MODES = {
    # Compiles as early as it can: few types seen, most guards fail.
    "eager": dict(threshold=2, sync=1, settle=2, hot_exit=2, batch=1, nest_ends=2),
    # Compiles in place after two iterations, with everything else as users have it.
    "sync": dict(threshold=2, sync=1, batch=300, nest_ends=12),
    # The same, with a step for whatever has no machine code, whether it pays or not.
    "steps": dict(threshold=2, sync=1, settle=2, hot_exit=2, batch=1, nest_ends=2, step_gain=1),
    # As users have it: thresholds by default, compiled by the background thread.
    "background": dict(sync=0),
}


# CPython's fused instructions may report an unbound variable that is the first in its line on the line before.
# Whether they do depends on what was specialised, so that random programs (tests/fuzz) cannot compare it.
UNBOUND_LINES = True


@contextlib.contextmanager
def params(**values):
    """Sets hotloop's parameters, those not named to their defaults; puts all back."""
    from hotloop import _hotloop
    before = _hotloop.params()
    try:
        for name, (_, default, *_) in before.items():
            _hotloop.set_param(name, values.get(name, default))
        yield
    finally:
        for name, (value, *_) in before.items():
            _hotloop.set_param(name, value)


class Log:
    """What a program's run lets the outside see, in order. It is the `out` of programs."""

    def __init__(self, namespace, wait):
        self.events = []
        self._namespace = namespace
        self._base = dict(namespace)
        self._wait = wait
        self._memo = {}

    def __call__(self, func, /, *args, **kwargs):
        self._wait()
        self.events.append(("call", getattr(func, "__name__", "?")))
        try:
            result = func(*args, **kwargs)
        except BaseException as error:  # SystemExit and KeyboardInterrupt are outcomes as well
            self.events.append(("raised", self._error(error)))
            result = None
        else:
            self.events.append(("returned", freeze(result)))
        self.events.append(("arguments", freeze((args, kwargs))))
        self.events.append(("cells", self._cells(func)))
        self.events.append(("globals", self._globals()))
        return result

    def value(self, *values):
        self.events.append(("value", freeze(values)))

    def note(self, *values):
        """For finalizers and callbacks: logs a value at the moment when it happens."""
        self.events.append(("note", freeze(values)))

    def write(self, text):  # sys.stdout and sys.stderr while a program runs
        self.events.append(("printed", text))

    def flush(self):
        pass

    def warning(self, message, category, filename, lineno, file=None, line=None):
        self.events.append(("warning", category.__name__, str(message), os.path.basename(filename),
                            lineno))

    def unraisable(self, hook):
        self.events.append(("unraisable", hook.exc_type.__name__, str(hook.exc_value)))

    def _error(self, error):
        seen, parts = set(), []
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            parts.append((freeze(error), self._traceback(error.__traceback__,
                                                         isinstance(error, UnboundLocalError)),
                          error.__suppress_context__))
            error = error.__cause__ or error.__context__
        return tuple(parts)

    def _traceback(self, tb, fused):
        frames = []
        while tb is not None:
            code = tb.tb_frame.f_code
            # Where in the line: what the traceback's carets show. Offsets would not do, as CPython's fused
            # and specialised instructions raise from another one of the same expression.
            position = None if fused else next(itertools.islice(code.co_positions(), tb.tb_lasti // 2, None))
            if code.co_filename != __file__:
                line = None if fused and not UNBOUND_LINES else tb.tb_lineno
                frames.append((code.co_name, line, position, hash(code.co_code),
                               self._locals(tb.tb_frame)))
            tb = tb.tb_next
        return tuple(frames)

    def _locals(self, frame):
        if frame.f_globals is not self._namespace:
            return "not the program's"
        return freeze({k: v for k, v in frame.f_locals.items() if self._shown(v)})

    def _shown(self, value):
        return not (value is self or is_function(value) or isinstance(value, type))

    def _cells(self, func):
        cells = getattr(inspect.unwrap(func), "__closure__", None) or ()
        shown = []
        for cell in cells:
            try:
                value = cell.cell_contents
            except ValueError:
                value = "unbound"
            if self._shown(value):
                shown.append(value)
        return freeze(shown)

    def _globals(self):
        now, base = self._namespace, self._base
        return (freeze({k: v for k, v in now.items() if self._shown(v) and k != "__warningregistry__"
                        and (k not in base or base[k] is not v)}),
                tuple(sorted(k for k in base if k not in now)))


class Program:
    """A program's source, from which every run makes a fresh function."""

    def __init__(self, source, filename, first_line, name, namespace, square=False):
        self.tree = ast.parse(textwrap.dedent(source))
        self.filename, self.name, self.namespace, self.square = filename, name, namespace, square
        ast.increment_lineno(self.tree, first_line - 1)
        self.tree.body[0].decorator_list = []

    @classmethod
    def of(cls, function, square=False):
        lines, first = inspect.getsourcelines(function)
        return cls("".join(lines), function.__code__.co_filename, first, function.__name__,
                   function.__globals__, square)

    @classmethod
    def of_text(cls, source, name="program"):
        """From text that is the definition of the function `name`."""
        cls._texts = getattr(cls, "_texts", 0) + 1
        filename = f"<program {cls._texts}>"
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        return cls(source, filename, 1, name, {"__builtins__": __builtins__, "__name__": "program"})

    def make(self, reference):
        """A fresh function and its globals. With `square`, the reference has x*x for x**2."""
        tree = self.tree
        if reference and self.square:
            tree = ast.fix_missing_locations(_Square().visit(ast.parse(ast.unparse(tree))))
            ast.copy_location(tree.body[0], self.tree.body[0])
        namespace = dict(self.namespace)
        exec(compile(tree, self.filename, "exec", dont_inherit=True), namespace)
        return namespace[self.name], namespace

    def run(self, mode=None, jit=None, filters="always"):
        """Runs it once; returns the events and the jitted functions. mode None: plainly."""
        function, namespace = self.make(mode is None)
        functions = []
        with contextlib.ExitStack() as stack:
            wait = _nothing
            if mode is not None and jit is None:
                import hotloop
                stack.enter_context(params(**MODES[mode]))
                jit, wait = hotloop.jit, hotloop.wait
            log = Log(namespace, wait)
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter(filters)
            warnings.showwarning = log.warning
            stack.enter_context(contextlib.redirect_stdout(log))
            stack.enter_context(contextlib.redirect_stderr(log))
            stack.callback(setattr, sys, "unraisablehook", sys.unraisablehook)
            sys.unraisablehook = log.unraisable
            gc.collect()
            gc.disable()  # cycles must not be found at different moments
            stack.callback(gc.enable)

            def mark(func=None, **options):
                if func is None:
                    return functools.partial(mark, **options)
                if mode is None:
                    return func
                functions.append(jit(func, **options) if options else jit(func))
                return functions[-1]

            function(mark, log)
            events = list(log.events)  # cycles are found when that is over, and may note that they died
        assert events, "the program showed nothing"
        return events, functions


class _Square(ast.NodeTransformer):
    """x ** 2 -> x * x, for names and array items; the one allowed difference in float results."""

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant) and \
                node.right.value == 2 and isinstance(node.left, (ast.Name, ast.Subscript)):
            return ast.BinOp(node.left, ast.Mult(), node.left)
        return node

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow) and isinstance(node.target, ast.Name):
            load = ast.Name(node.target.id, ast.Load())
            return ast.AugAssign(node.target, ast.Mult(), load)
        return node


def _nothing():
    pass


class Difference(AssertionError):
    """The two runs of a program do not agree."""


def compare(program, mode, filters="always", native_expected=True, jit=None, expected=None):
    """Runs a Program plainly (unless it is known what to expect) and in a mode; raises Difference where the
    logs differ. Returns the jitted functions."""
    if expected is None:
        expected, _ = program.run(None, filters=filters)
    actual, functions = program.run(mode, jit=jit, filters=filters)
    if expected != actual:
        raise Difference(f"{program.name} differs in mode {mode} (- plain, + jitted):\n"
                         + _explain(expected, actual))
    for f in functions:
        assert "llvm" not in native.reasons(f), f"{program.name}: LLVM refused a region\n{native.explain(f)}"
    if native_expected and mode != "background" and jit is None:
        assert functions and sum(map(native.native_iterations, functions)) > 0, \
            f"{program.name}: no native iteration in mode {mode}"
    return functions


def check(source_or_function, make_args, mode, calls=4, native_expected=True, jit=None, square=False):
    """Compares `calls` calls of one function, each with what make_args() returns."""
    if callable(source_or_function):
        lines, _ = inspect.getsourcelines(source_or_function)
        text, spaces = textwrap.dedent("".join(lines)), source_or_function.__globals__
        tree = ast.parse(text)
        tree.body[0].decorator_list = []
        text = ast.unparse(tree)
    else:
        text, spaces = textwrap.dedent(source_or_function), {}
        tree = ast.parse(text)
    name = tree.body[-1].name
    program = Program.of_text(
        f"def program(jit, out):\n{textwrap.indent(text, '    ')}\n"
        f"    g = jit({name})\n    for _ in range({calls}):\n        out(g, *make_args())\n")
    program.namespace.update({**spaces, "make_args": make_args, "__name__": "program"})
    program.square = square
    compare(program, mode, native_expected=native_expected, jit=jit)


def _explain(expected, actual):
    for number, (e, a) in enumerate(zip(expected, actual)):
        if e != a:
            break
    else:
        number = min(len(expected), len(actual))
    context = [f"  {_short(e)}" for e in expected[max(0, number - 3):number]]
    left = [_wrapped(e) for e in expected[number:number + 4]]
    right = [_wrapped(e) for e in actual[number:number + 4]]
    lines = difflib.ndiff("\n".join(left).splitlines(), "\n".join(right).splitlines())
    return "\n".join([f"first difference at event {number} of {len(expected)} / {len(actual)}",
                      *context, *lines])


def _short(event):
    text = repr(event)
    return text if len(text) < 400 else text[:400] + "..."


def _wrapped(event):
    return "\n".join(textwrap.wrap(_short(event) if len(repr(event)) > 4000 else repr(event), 110))


def diff(function=None, *, filters=("always",), native=True, modes=tuple(MODES), square=False):
    """Makes a test of a program: compared in every mode under every warning filter."""
    if function is None:
        return functools.partial(diff, filters=filters, native=native, modes=modes, square=square)
    program = Program.of(function, square)

    @pytest.mark.parametrize("filters", filters)
    @pytest.mark.parametrize("mode", modes)
    def test(mode, filters):
        compare(program, mode, filters, native_expected=native)

    test.__name__ = test.__qualname__ = function.__name__
    test.__doc__ = function.__doc__
    test.__module__ = function.__module__
    test.program = program
    return test
