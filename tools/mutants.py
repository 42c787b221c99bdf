#!/usr/bin/env python3
"""Puts deliberate faults into the C code, one at a time, and looks which test notices.

    tools/mutants.py                     every mutant of tests/mutants/*.toml; writes bench/MUTANTS.md
    tools/mutants.py NAME...             these
    tools/mutants.py --smoke             the first one, to see whether this tool works
    tools/mutants.py --check             does each one still apply? Builds nothing

Works in a copy of the tree (--scratch, build/mutants by default) that is configured once and then built
incrementally. A mutant that no test catches is an error, and so is one whose text is not found exactly once."""

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LISTS = sorted((ROOT / "tests/mutants").glob("*.toml"))
TABLE = ROOT / "bench/MUTANTS.md"
TREES = ("src", "hooks", "python", "tests", "tools", "build-aux", "m4", "docs", "bench", "demo")
FILES = ("bootstrap", "README.md", "configure.ac", "Makefile.am", "aclocal.m4", "configure", "Makefile.in")
# Asked after a mutant's own `first`, up to the first failure.
SUBSET = ("tests/ir", "tests/diff", "tests/py/test_memory.py", "tests/py/test_exits.py")
LIMIT = 60  # seconds of one test


def mutants():
    return [mutant for path in LISTS for mutant in tomllib.loads(path.read_text())["mutant"]]


def misfit(mutant):
    """Why a mutant does not apply; None: it does."""
    path = ROOT / mutant["file"]
    found = path.read_text().count(mutant["find"]) if path.exists() else 0
    return f"{mutant['name']}: its text occurs {found} times in {mutant['file']}, not once" if found != 1 else None


class Scratch:
    """The copy of the tree, its build and the package that it makes."""

    def __init__(self, where, python):
        self.tree, self.build, self.package = where / "tree", where / "build", where / "package"
        self.python = python

    def copy(self):
        """Brings the copy up to date, without touching what has not changed."""
        def files():
            yield from (ROOT / name for name in FILES)
            for tree in TREES:
                yield from (p for p in (ROOT / tree).rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        there = set()
        for source in files():
            target = self.tree / source.relative_to(ROOT)
            there.add(target)
            if not target.exists() or target.read_bytes() != source.read_bytes():
                target.parent.mkdir(parents=True, exist_ok=True)
                # What is new keeps its time, what is brought back (from a mutant, too) is built again.
                (shutil.copyfile if target.exists() else shutil.copy2)(source, target)
        for path in [p for p in self.tree.rglob("*") if p.is_file() and p not in there]:
            path.unlink()

    def run(self, *command, cwd=None):
        done = subprocess.run(command, cwd=cwd or self.tree, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            print(done.stdout[-4000:])
        return done.returncode == 0

    def make(self):
        """Configures what is not configured yet, builds and installs into the package directory."""
        self.build.mkdir(parents=True, exist_ok=True)
        if not (self.build / "config.status").exists() and \
                not self.run(self.tree / "configure", f"PYTHON={self.python}", "--quiet", cwd=self.build):
            sys.exit("mutants: configure fails")
        return self.run("make", "-C", self.build, f"-j{os.cpu_count()}", "all") and \
            self.run("make", "-C", self.build, "install", f"pythondir={self.package}")

    def failing_test(self, tests):
        """The first test that fails or does not survive; None when all pass."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HOTLOOP")}
        environment.update(HOTLOOP_BUILD=str(self.build), PYTHONPATH=str(self.package), HOTLOOP_TEST_LIMIT=str(LIMIT))
        status, output = run_in_group(
            [self.python, "-m", "pytest", "-v", "-x", "--tb=no", "-p", "no:cacheprovider", *tests],
            self.tree, environment)
        if status == 0:
            return None
        if m := re.search(r"^(tests/.*) (?:FAILED|ERROR)", output, re.M):
            return m[1]
        started = re.findall(r"^(tests/\S+::.*?)(?: (?:PASSED|SKIPPED|XFAIL).*)?$", output, re.M)
        return (started[-1] if started else tests[0]) + (" (hangs)" if "Timeout (" in output else " (crashes)")


def run_in_group(command, cwd, environment):
    """Exit status and output of a command. What it started ends with it: a mutant's processes may hang."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        output.seek(0)
        return status, output.read()


def catch(scratch, mutant, quick):
    """The test that catches a mutant, or None; quick: only its first tests are asked."""
    path = scratch.tree / mutant["file"]
    original = path.read_text()
    path.write_text(original.replace(mutant["find"], mutant["replace"]))
    try:
        if not scratch.make():
            sys.exit(f"mutants: {mutant['name']} does not compile")
        first = mutant["first"]
        caught = scratch.failing_test([first])
        return caught if caught or quick else scratch.failing_test([t for t in SUBSET if t != first])
    finally:
        path.write_text(original)


def table(rows):
    lines = ["# Mutants", "",
             "Deliberate faults in the C code, and the test that caught each one: written by `make check-mutants`.", "",
             "| mutant | file | caught by |", "|---|---|---|"]
    lines += [f"| {m['name']} | {m['file']} | {f'`{test}`' if test else '**nothing**'} |" for m, test in rows]
    caught = sum(test is not None for _, test in rows)
    return "\n".join([*lines, "", f"{caught} of {len(rows)} caught.", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--quick", action="store_true", help="only each mutant's own first tests, and not whether they pass without it")
    parser.add_argument("--python", default=sys.executable, help="with what the tests need")
    parser.add_argument("--scratch", type=Path, default=ROOT / "build/mutants")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it, and tests send it
    every = mutants()
    if misfits := list(filter(None, map(misfit, every))):
        sys.exit("mutants: " + "\nmutants: ".join(misfits))
    if options.check:
        print(f"mutants: all {len(every)} apply")
        return 0
    if unknown := set(options.names) - {m["name"] for m in every}:
        sys.exit(f"mutants: no mutant is called {', '.join(sorted(unknown))}")
    chosen = [m for m in every if m["name"] in options.names] or (every[:1] if options.smoke else every)
    if not (ROOT / "configure").exists():
        sys.exit("mutants: no ./configure; run ./bootstrap build first")
    scratch = Scratch(options.scratch.resolve(), options.python)
    scratch.copy()
    if not scratch.make():
        sys.exit("mutants: the tree itself does not build")
    tests = list(dict.fromkeys(m["first"] for m in chosen))
    if not (options.smoke or options.quick) and (test := scratch.failing_test([*tests, *SUBSET])):
        sys.exit(f"mutants: without any, {test} fails")
    rows = []
    for mutant in chosen:
        start = time.monotonic()
        rows.append((mutant, catch(scratch, mutant, options.quick)))
        print(f"{mutant['name']:34} {rows[-1][1] or 'SURVIVES':80} {time.monotonic() - start:4.0f} s", flush=True)
    if len(chosen) == len(every) and not options.quick:
        TABLE.write_text(table(rows))
    survivors = [m["name"] for m, test in rows if test is None]
    print(f"mutants: {len(rows) - len(survivors)} of {len(rows)} caught" +
          (f"; not caught: {', '.join(survivors)}" if survivors else ""))
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
