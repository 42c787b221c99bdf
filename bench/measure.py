"""Tools of the measuring side: run a child, name the machine, sum figures up."""
import datetime
import json
import math
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def clean_env(**extra):
    """The caller's environment without what would steer a peer; every child gets this."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HOTLOOP", "NUMBA_", "PYTHON"))
           or k in ("PYTHONPATH", "PYTHONHOME")}
    env.update(PYTHONHASHSEED="0", **extra)
    return env


def cache_dir():
    """Where what takes long to make is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "hotloop-bench")


def last_json(text):
    lines = text.strip().splitlines()
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError):
        return None


def child(script, mode, spec, python=None, timeout=600, prefix=(), **env):
    """One measurement in a fresh process: its answer; a crash or a hang is an error in it."""
    command = [*prefix, python or sys.executable, os.path.join(HERE, script), mode,
               json.dumps(spec)]
    try:
        run = subprocess.run(command, env=clean_env(**env), capture_output=True, text=True,
                             timeout=timeout)
    except subprocess.TimeoutExpired:
        return {"error": f"no answer within {timeout} s"}
    except OSError as error:
        return {"missing": str(error)}
    answer = last_json(run.stdout)
    if run.returncode == 0 and isinstance(answer, dict):
        if "error" in answer:
            answer["stderr"] = run.stderr[-2000:]
        return answer
    return {"error": f"exit status {run.returncode}", "stderr": run.stderr[-2000:]}


def failed(answer):
    return "missing" in answer or "unsupported" in answer or "error" in answer


def instructions(script, mode, spec, **env):
    """Instructions of a process under callgrind, or None without valgrind."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "callgrind.out")
        prefix = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}")
        answer = child(script, mode, spec, prefix=prefix, timeout=1800, **env)
        if failed(answer):
            return answer
        with open(out) as f:
            for line in f:
                if line.startswith(("summary:", "totals:")):
                    answer["instructions"] = int(line.split()[1])
                    return answer
    return {"error": "callgrind wrote no total"}


def spread(values):
    """Median and the range that it stands in."""
    ordered = sorted(values)
    quarter = len(ordered) // 4
    return {"median": statistics.median(ordered), "min": ordered[0], "max": ordered[-1],
            "low_quartile": ordered[quarter], "high_quartile": ordered[-1 - quarter],
            "n": len(ordered)}


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def command_line():
    return shlex.join(["python", *sys.argv])


def machine():
    model = "unknown"
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": platform.release(),
            "libc": " ".join(platform.libc_ver()), "system": platform.platform()}


class Progress:
    """Says on stderr what is being measured; quiet when stderr is no terminal and not asked for."""

    def __init__(self, on):
        self.on = on

    def __call__(self, text):
        if self.on:
            print(f"\r\x1b[K{text}" if sys.stderr.isatty() else text, end="" if sys.stderr.isatty()
                  else "\n", file=sys.stderr, flush=True)

    def done(self):
        if self.on and sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
