"""A short run of the fuzzer, the same programs every time, and the fuzzer's own parts.

HOTLOOP_FUZZ=N runs N other programs; `make fuzz` runs as long as one likes."""

import os

import pytest

import fuzz
import grammar
import reduce

COUNT = 160
PARTS = 4  # for pytest -n


@pytest.mark.parametrize("part", range(PARTS))
def test_programs(part, tmp_path, capsys):
    others = int(os.environ.get("HOTLOOP_FUZZ", "0"))
    count = -(-(others or COUNT) // PARTS)
    seed = os.urandom(4).hex() if others else "pytest"
    status = fuzz.main(["--seed", seed, "--first", str(part * count), "--count", str(count), "--most", "1",
                        "--time", "90" if not others else "0", "--reduce", "15", "--out", str(tmp_path)])
    said = capsys.readouterr().out
    print(said)
    if status:
        found = "\n".join(p.read_text() for p in tmp_path.iterdir())
        pytest.fail(f"{said}\nThe program, for tests/diff:\n{found}", pytrace=False)
    assert f"{count} programs" in said or not others


def test_the_same_seed_gives_the_same_program():
    texts = [grammar.program(f"x:{k}") for k in range(50)]
    assert texts == [grammar.program(f"x:{k}") for k in range(50)]
    assert len(set(texts)) == 50


WRONG = """
def program(jit, out):
    @jit
    def f(n):
        s = 0
        for i in range(n):
            if i % 7 == 3:
                s += i * 2
            try:
                s += 1
            finally:
                s -= 3
        return s
    for n in (3, 50, 60):
        out(f, n)
"""


def test_reducer():
    """Everything goes that the test does not ask for."""
    small = reduce.reduce(WRONG, lambda text: "% 7" in text and "range" in text, 20)
    assert len(small.splitlines()) <= 6, small


@pytest.mark.parametrize("body, end", [
    ("print('x')", "same"),
    ("import hotloop._hotloop\n        n += jitted(f)", "differs"),
    ("import os, signal\n        jitted(f) and os.kill(os.getpid(), signal.SIGSEGV)", "crash"),
    ("while jitted(f): pass", "hang"),
    ("import time\n        jitted(f) and time.sleep(100)", "hang"),
    ("while True: pass", "slow"),
    ("raise SystemExit", "same"),
])
def test_worker_says_how_it_ends(body, end):
    text = f"""
def program(jit, out):
    def jitted(f):
        return type(f).__name__ == 'Function'
    @jit
    def f(n):
        {body}
        return n
    out(f, 3)
"""
    worker = fuzz.Worker()
    try:
        for fork in (False, True):
            assert worker.ask(text, ("eager",), 1, fork)["end"] == end
        assert worker.ask(WRONG)["end"] == "same"
    finally:
        worker.stop()


def test_reproducer(tmp_path, capsys):
    """What is written is a test of tests/diff that the command runs again."""
    finding = fuzz.Finding("x:1", WRONG.lstrip(), {"end": "differs", "mode": "sync", "why": "a != b"})
    path = tmp_path / "test_diff_fuzz_x.py"
    path.write_text(finding.reproducer())
    compile(path.read_text(), str(path), "exec")
    assert fuzz.program_of(path) == (WRONG.lstrip() + "\n\n# a != b\n", ["sync"])
    assert fuzz.main([str(path)]) == 0
    assert "same" in capsys.readouterr().out
