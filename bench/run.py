#!/usr/bin/env python3
"""hotloop's benchmark: one command, one table; README.md says how figures are taken.

    python bench/run.py                        everything that is installed, as a table
    python bench/run.py --what warm --kernels saxpy,sieve --peers numba,c,hotloop
    python bench/run.py --json out.json        the raw data beside it
    python bench/run.py --write-results        bench/RESULTS.md and bench/results.json
    python bench/run.py --render out.json --plot chart.png     nothing is measured
    python bench/run.py --quick                real sizes, fewer processes: for work in between
    python bench/run.py --smoke                tiny sizes: does it all work?
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import costs
import kernels
import table
from measure import (HERE, Progress, cache_dir, child, clean_env, command_line, failed, machine, now,
                     spread)
from peers import PEERS

KERNEL_SECTIONS = ("warm", "first", "process", "hot", "memory")
SECTIONS = KERNEL_SECTIONS + tuple(costs.SECTIONS)
SCHEMA = 2  # of the raw data


class Run:
    """What is asked for, and what all sections need to know."""

    def __init__(self, options):
        self.smoke = options.smoke
        self.quick = options.quick
        self.kernels = options.kernels
        self.peers = options.peers
        self.pypy = options.pypy
        self.say = Progress(not options.quiet)
        self.expected = {}

    def first_of_kind(self, name):
        """Whether it is the first of the kernels with NumPy, or of those without."""
        kinds = {kernels.load(other).NUMPY: other for other in reversed(self.kernels)}
        return name in kinds.values()

    def some_kernels(self):
        """All; but a smoke run is content with one of each kind where it measures them anew."""
        return [name for name in self.kernels if not self.smoke or self.first_of_kind(name)]

    def peers_for(self, name):
        """All, PyPy without NumPy; but a smoke run looks at the slow starters with one kernel of each
        kind only."""
        slow = self.smoke and not self.first_of_kind(name)
        without = {"pypy": slow or kernels.load(name).NUMPY, "numba": slow}
        return [peer for peer in self.peers if not without.get(peer)]

    def rows(self, names, row):
        """row(self, name) for each kernel, one after the other; a smoke run's figures mean nothing, so it
        takes all processors."""
        if not self.smoke:
            return {name: row(self, name) for name in names}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return dict(zip(names, pool.map(lambda name: row(self, name), names)))

    def count(self, full):
        """How many processes instead of `full`."""
        return 1 if self.smoke else min(full, 3) if self.quick else full

    def size(self, name):
        kernel = kernels.load(name)
        return kernel.SMOKE if self.smoke else kernel.SIZE

    def child(self, mode, name, peer, size=None, **spec):
        env = spec.pop("env", {})
        size = size or self.size(name)
        if mode != "expect":
            spec["expected"] = self.expect(name, size)["expected"]
        spec.update(kernel=name, peer=peer, size=size)
        return child("worker.py", mode, spec, python=self.pypy if peer == "pypy" else None, **env)

    def expect(self, name, size):
        """CPython's result at a size, worked out once and compared with on every call."""
        if (name, size) not in self.expected:
            self.say(f"{name}: CPython's result")
            answer = child("worker.py", "expect", {"kernel": name, "peer": "cpython", "size": size})
            if failed(answer):
                sys.exit(f"{name}: CPython itself failed: {answer}")
            self.expected[name, size] = answer
        return self.expected[name, size]

    def versions(self):
        return {peer: child("worker.py", "versions", {"peer": peer},
                            python=self.pypy if peer == "pypy" else None) for peer in self.peers}


# --- the kernels ----------------------------------------------------------------------------------

# Calls before the timed ones. CPython and C have nothing to compile: one is for the caches. PyPy and hotloop
# compile further paths and outer loops as these get hot: they get a second of calls.
CALLS_BEFORE = {"cpython": 1, "pypy": 8, "numba": 4, "c": 1, "hotloop": 8}
SETTLING = {"pypy": 1.0, "hotloop": 1.0}
SMOKE_BEFORE = {"hotloop": 200}  # calls of tiny sizes, in which outer loops have few iterations


def measure_warm(run):
    """Best of 9 calls: 3 in each of 3 processes, the peers in turn. --quick: 3 in one."""
    return run.rows(run.kernels, warm_row)


def warm_row(run, name):
    calls = 2 if run.smoke else 3
    rounds = 1 if run.quick else run.count(3)
    row = {"iterations": run.expect(name, run.size(name))["iterations"],
           "size": run.size(name), "numpy": kernels.load(name).NUMPY}
    peers = run.peers_for(name)
    for nth in range(rounds):
        for peer in peers:
            if peer in row and failed(row[peer]):
                continue
            run.say(f"warm: {name}, {peer}, process {nth + 1}/{rounds}")
            settling = 0.0 if run.smoke else SETTLING.get(peer, 0.0)
            before = SMOKE_BEFORE.get(peer, 1) if run.smoke else CALLS_BEFORE[peer]
            got = run.child("warm", name, peer, calls=calls, before=before, settling=settling)
            row[peer] = got if failed(got) else add_warm(row.get(peer), got)
    for peer in peers:
        if not failed(row[peer]):
            finish_warm(row[peer])
    return row


def add_warm(sofar, got):
    """Adds a process's answer to those before."""
    if sofar is None:
        sofar = {"processes": []}
    sofar["processes"].append(got)
    return sofar


def finish_warm(cell):
    runs = cell["processes"]
    if "by_compiler" in runs[0]:
        best = {name: min(s for r in runs for s in r["by_compiler"][name])
                for name in runs[0]["by_compiler"]}
        cell["compiler"] = min(best, key=best.get)
        cell["best"] = best[cell["compiler"]]
    else:
        cell["best"] = min(s for r in runs for s in r["seconds"])
    if "native_share" in runs[0]:
        cell["native_share"] = min(r["native_share"] for r in runs)
        cell["given_up"] = max(r["given_up"] for r in runs)
        cell["obstacles"] = max((r["obstacles"] for r in runs), key=len)


def measure_first(run):
    """Median of 9 fresh processes; hotloop compiles in place."""
    return run.rows(run.some_kernels(), first_row)


def first_row(run, name):
    count = run.count(9)
    jits = [peer for peer in run.peers_for(name) if peer in ("numba", "hotloop", "pypy")]
    seconds = {peer: [] for peer in jits}
    problems = {}
    for nth in range(count):
        for peer in jits:
            if peer in problems:
                continue
            run.say(f"first call: {name}, {peer} {nth + 1}/{count}")
            got = run.child("first", name, peer, env={"HOTLOOP_SYNC": "1"})
            if failed(got):
                problems[peer] = got
            else:
                seconds[peer].append(got["seconds"])
    return {peer: problems.get(peer) or spread(seconds[peer]) for peer in jits}


SEED_DECORATOR = {"hotloop": "from hotloop import jit", "numba": "from numba import njit as jit",
                  "cpython": "jit = lambda function: function"}


def spawn_to_result(program):
    """Seconds from spawning `python -u program` to its line of output, to its end, and the line."""
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, "-u", program], env=clean_env(), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        line = process.stdout.readline()
        shown = time.perf_counter() - start
        errors = process.stderr.read()
        status = process.wait()
    ended = time.perf_counter() - start
    if status or not line:
        return {"error": f"exit status {status}", "stderr": errors[-2000:]}
    return {"shown": shown, "ended": ended, "line": line.strip()}


def measure_process(run):
    """The seed program, whole: the same source with another first line for each peer."""
    with open(os.path.join(HERE, "seed_program.py")) as f:
        source = f.read()
    if run.smoke:
        source = source.replace("1_000_000", "10_000")
    count = run.count(11)
    answer = {peer: {"shown": [], "ended": [], "lines": []}
              for peer in ("cpython", "numba", "hotloop") if peer in run.peers or peer == "cpython"}
    with tempfile.TemporaryDirectory() as folder:
        for peer in answer:
            with open(os.path.join(folder, f"seed_{peer}.py"), "w") as f:
                f.write(source.replace(SEED_DECORATOR["hotloop"], SEED_DECORATOR[peer]))
        for nth in range(1 + count):  # the first round fills the page cache and is not counted
            for peer, cell in answer.items():
                if failed(cell):
                    continue
                run.say(f"whole process: {peer} {nth}/{count}")
                got = spawn_to_result(os.path.join(folder, f"seed_{peer}.py"))
                if failed(got):
                    missing = f"No module named '{peer}'" in got["stderr"]
                    answer[peer] = {"missing": f"no module {peer}"} if missing else got
                elif nth:
                    cell["shown"].append(got["shown"])
                    cell["ended"].append(got["ended"])
                    cell["lines"].append(got["line"])
    truth = answer["cpython"].get("lines", [])
    for peer, cell in answer.items():
        if failed(cell):
            continue
        if set(cell["lines"]) != set(truth):
            answer[peer] = {"error": f"wrong result: {cell['lines'][0]}, CPython has {truth[:1]}"}
            continue
        answer[peer] = {"result": cell["lines"][0], "shown": spread(cell["shown"]),
                        "ended": spread(cell["ended"])}
    return answer


def measure_hot(run):
    """From the threshold to machine code, HOTLOOP_SYNC=1, in a fresh process.

    What is measured is a whole call, from outside, with an input that takes the loop a few times
    past its threshold: some 2,000 iterations. That holds the threshold's iterations in the
    interpreter (below a millisecond), recording, loading LLVM, compiling in place, and the rest of
    the loop in machine code: so it is an upper bound of the time from the threshold iteration to
    the first native one. A loop that is compiled again within those iterations counts all its
    compiles. The seconds that hotloop itself counts (recording and compiling) stand beside it.
    "First" is the first function of the process, "later" a second copy of it, with LLVM loaded."""
    return run.rows(run.kernels, hot_row)


def hot_row(run, name):
    count = run.count(9)
    cells = {"first": [], "later": []}
    for nth in range(count):
        run.say(f"hot to native: {name} {nth + 1}/{count}")
        got = run.child("hot", name, "hotloop", size=kernels.load(name).HOT,
                        env={"HOTLOOP_SYNC": "1"})
        if failed(got):
            return got
        for turn, cell in cells.items():
            cell.append(got[turn])
    return {turn: {"seconds": spread([c["seconds"] for c in cell]),
                   "inside_seconds": statistics.median(c["inside_seconds"] for c in cell),
                   "compiles": max(c["compiles"] for c in cell)} for turn, cell in cells.items()}


def measure_memory(run):
    """Peak resident size above that of the same process without a JIT: HOTLOOP=0, or CPython."""
    return run.rows(run.some_kernels(), memory_row)


def memory_row(run, name):
    row = {}
    before = 1 if run.smoke else 3
    run.say(f"memory: {name}")
    for peer in run.peers_for(name):
        if peer not in ("hotloop", "numba"):
            continue
        with_it = run.child("memory", name, peer, before=before)
        plain = "hotloop" if peer == "hotloop" else "cpython"
        without = run.child("memory", name, plain, before=0, env={"HOTLOOP": "0"})
        problem = next((a for a in (with_it, without) if failed(a)), None)
        row[peer] = problem or {"peak_kb": with_it["peak_kb"], "without_kb": without["peak_kb"],
                                "extra_kb": with_it["peak_kb"] - without["peak_kb"]}
    return row


MEASURE = {"warm": measure_warm, "first": measure_first, "process": measure_process,
           "hot": measure_hot, "memory": measure_memory}


# --- the command ----------------------------------------------------------------------------------

def names(allowed):
    def parse(text):
        if text == "all":
            return list(allowed)
        chosen = text.split(",")
        for name in chosen:
            if name not in allowed:
                raise argparse.ArgumentTypeError(f"{name!r} is none of: all, {', '.join(allowed)}")
        return chosen
    return parse


def default_pypy():
    newest = os.path.join(cache_dir(), "pypy", "pypy3")
    return newest if os.path.exists(newest) else "pypy3"


def parse_args(argv):
    parser = argparse.ArgumentParser(description="Measures hotloop beside its peers.")
    parser.add_argument("--kernels", type=names(kernels.NAMES), default=list(kernels.NAMES),
                        help="comma-separated; all without it")
    parser.add_argument("--peers", type=names(PEERS), default=list(PEERS),
                        help="comma-separated; what is not installed is reported as missing")
    parser.add_argument("--what", type=names(SECTIONS), metavar="SECTIONS",
                        help="comma-separated: " + ", ".join(SECTIONS))
    parser.add_argument("--pypy", default=default_pypy(), metavar="COMMAND",
                        help="PyPy; without it what newest_pypy.sh set up, or else pypy3")
    parser.add_argument("--json", metavar="FILE", help="write the raw data there")
    parser.add_argument("--merge", metavar="FILE",
                        help="add to the sections of an earlier --json file of the same versions")
    parser.add_argument("--render", metavar="FILE",
                        help="measure nothing: the table of a --json file")
    parser.add_argument("--plot", metavar="FILE.png", help="draw the warm times as a chart")
    parser.add_argument("--write-results", action="store_true",
                        help="write bench/RESULTS.md and bench/results.json")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, one process each")
    parser.add_argument("--quick", action="store_true",
                        help="real sizes, fewer processes; only the kernels, unless --what says more")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    options = parser.parse_args(argv)
    options.what = options.what or list(KERNEL_SECTIONS if options.quick else SECTIONS)
    if (options.smoke or options.quick) and options.write_results:
        parser.error("figures of --smoke and --quick are not for RESULTS.md")
    return options


def load(path):
    with open(path) as f:
        data = json.load(f)
    if data["schema"] != SCHEMA:
        sys.exit(f"{path} has schema {data['schema']}, this is for {SCHEMA}")
    return data


def merged(path, data):
    """An earlier run's sections under this one's. Other versions' figures must not be mixed in."""
    earlier = load(path)
    for key in ("versions", "machine"):
        for name, value in data[key].items():
            if earlier[key].get(name, value) != value:
                sys.exit(f"{path}: other {name}: {earlier[key][name]}, now {value}")
    earlier["sections"].update(data["sections"])
    earlier["versions"].update(data["versions"])
    small = {key: data[key] or earlier[key] for key in ("smoke", "quick")}
    return {**data, **small, "sections": earlier["sections"], "versions": earlier["versions"]}


def measure(options):
    run = Run(options)
    data = {"schema": SCHEMA, "smoke": run.smoke, "quick": run.quick, "command": command_line(),
            "date": now(), "machine": machine(), "versions": run.versions(), "sections": {}}
    for name in options.what:
        started = time.perf_counter()
        if name in MEASURE:
            figures = MEASURE[name](run)
        else:
            figures = costs.SECTIONS[name](run.smoke, run.say)
        data["sections"][name] = {"date": now(), "command": command_line(),
                                  "took_seconds": round(time.perf_counter() - started, 1),
                                  "figures": figures}
    run.say.done()
    return merged(options.merge, data) if options.merge else data


def write(path, text):
    fresh = f"{path}.{os.getpid()}"
    with open(fresh, "w") as f:
        f.write(text)
    os.replace(fresh, path)


def main(argv=None):
    options = parse_args(argv)
    if options.plot:
        import plot  # here, so that a missing matplotlib is seen before measuring
    if options.render:
        data = load(options.render)
    else:
        data = measure(options)
    text = table.render(data)
    print(text)
    raw = json.dumps(data, indent=1) + "\n"
    if options.json:
        write(options.json, raw)
    if options.plot:
        plot.draw(data, options.plot)
    if options.write_results:
        if data.get("smoke") or data.get("quick"):
            sys.exit("figures of --smoke and --quick are not for RESULTS.md")
        write(os.path.join(HERE, "RESULTS.md"), text + "\n")
        write(os.path.join(HERE, "results.json"), raw)
    return 1 if table.errors(data) else 0


if __name__ == "__main__":
    sys.exit(main())
