"""Text tests of the IR passes: a region in, the passes' names, the region that must come out.

A case is a file <pass>/<name>.txt:

    ; what it shows
    passes: gvn
    --- input
    region ...
    --- world          (optional: what the reference interpreter is given, see tests/c/ir_tool.c)
    in 5 2.5
    --- expected
    region ...
    --- plans          (optional: the exit plans afterwards)
    plan x1: ...
    --- output         (optional, with world: what a run prints)
    exit x1 ...

With a world, the region is run before and after the passes, and both must do the same; a run that a
hoisted guard ends at the entry says so in its own `output`. `--- error` instead of `expected` means that
the input is refused with that message. The tool is built by make (HOTLOOP_IR_TOOL overrides its path).
Run this file as a program with --update to write the sections anew, and read the difference.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CASES = sorted(HERE.glob("*/*.txt"))


def find_tool():
    places = [os.environ.get("HOTLOOP_IR_TOOL", "")]
    builds = [os.environ.get("HOTLOOP_BUILD", ""), ROOT, *sorted(ROOT.glob("build*")), "."]
    places += [os.path.join(str(b), "tests/c/ir_tool") for b in builds if str(b)]
    for place in places:
        if place and os.access(place, os.X_OK) and os.path.isfile(place):
            return os.path.abspath(place)
    return None


def read_case(path):
    head, *parts = path.read_text().split("\n--- ")
    sections = {"head": head}
    for part in parts:
        name, _, body = part.partition("\n")
        sections[name.strip()] = body.strip("\n") + "\n"
    for line in head.splitlines():
        if line.startswith("passes:"):
            sections["passes"] = "".join(line[len("passes:"):].split())
    return sections


def tool(case, *options):
    """Standard output, or the error message."""
    with tempfile.TemporaryDirectory() as scratch:
        options = list(options)
        if "--run" in options:
            world = pathlib.Path(scratch, "world")
            world.write_text(case["world"])
            options.insert(options.index("--run") + 1, str(world))
        done = subprocess.run([find_tool(), *options], input=case["input"], capture_output=True,
                              text=True, timeout=60)
    return done.stdout if done.returncode == 0 else done.stderr


def observe(case):
    """The sections that the case should have, as they really are."""
    passes = case["passes"]
    if "error" in case:
        return {"error": tool(case, "-p", passes)}
    seen = {"expected": tool(case, "-p", passes)}
    if "plans" in case:
        seen["plans"] = tool(case, "-p", passes, "-q", "--plans")
    if "output" in case:
        seen["output"] = tool(case, "-p", passes, "-q", "--run")
    return seen


def outcome(text):
    """A run without what passes may change: the words that the exit hands over."""
    return [line.partition(" out")[0] for line in text.splitlines()]


def check(path):
    case = read_case(path)
    for name, text in observe(case).items():
        assert case.get(name) == text, f"{path.parent.name}/{path.name}: {name}"
    if "error" in case:
        return
    # What was printed is the same region: it prints the same again.
    again = dict(case, input=case["expected"])
    assert tool(again) == case["expected"]
    if "world" in case:
        before = outcome(tool(case, "-q", "--run"))
        after = outcome(tool(case, "-p", case["passes"], "-q", "--run"))
        assert "undefined" not in "".join(before + after)
        if "output" not in case:
            assert before == after, f"{path.name}: passes changed what the region does"


def update(path):
    case = read_case(path)
    case.update(observe(case))
    order = ["input", "world", "error", "expected", "plans", "output"]
    parts = [f"--- {name}\n{case[name].rstrip()}\n" for name in order if name in case]
    path.write_text(case["head"].rstrip() + "\n" + "".join(parts))


def pytest_generate_tests(metafunc):
    if "path" in metafunc.fixturenames:
        metafunc.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}-{p.stem}")


def need_tool():
    import pytest

    if not find_tool():
        missing = pytest.fail if os.environ.get("HOTLOOP_BUILD") else pytest.skip
        missing("tests/c/ir_tool is not built: run make")


def test_case(path):
    need_tool()
    check(path)


def test_there_are_cases_for_every_pass():
    assert {"phi", "gvn", "hoist", "range", "dce"} <= {p.parent.name for p in CASES}


def test_random_regions():
    need_tool()
    first, count = os.environ.get("HOTLOOP_IR_FUZZ", "1 1500").split()
    done = subprocess.run([find_tool(), "--fuzz", first, count], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert int(done.stdout.split()[0]) == int(count)


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"] or not find_tool():
        sys.exit(f"usage: {sys.argv[0]} --update   (tool: {find_tool() or 'not built'})")
    for case_path in CASES:
        update(case_path)
