"""The list of mutants fits the sources. Building and running them: `make check-mutants`."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def test_every_mutant_applies_once():
    done = subprocess.run([sys.executable, ROOT / "tools/mutants.py", "--check"], text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[2]) >= 24
