"""Runs Python programs in processes of their own, with a limit on their time."""

import os
import subprocess
import sys
import textwrap

# In place, after two iterations: every loop of a short script is compiled.
EAGER = dict(HOTLOOP_THRESHOLD="2", HOTLOOP_SYNC="1")


def run(source, *args, timeout=60, stdin="", check=True, crash=None, **env):
    """Runs the text of a program; env are environment variables. A hang fails here with TimeoutExpired, a
    crash with its stack (crash: the status that is expected); with `check` a failure of any kind fails."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HOTLOOP")}
    environment.update(PYTHONFAULTHANDLER="1", PYTHONHASHSEED="0", **env)
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(source), *args], input=stdin, text=True,
                          capture_output=True, timeout=timeout, env=environment)
    assert done.returncode >= 0 or done.returncode == crash, f"killed by signal {-done.returncode}:\n{done.stderr}"
    if check:
        assert done.returncode == 0, f"exit status {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done
