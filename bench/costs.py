"""What hotloop costs and how it behaves besides speed: start-up, calls, code that gains nothing,
code that does not use it, Ctrl-C, threads, memory. One function per section; the answers go into
the JSON."""
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import nests
from measure import HERE, child, clean_env, failed, instructions, last_json, spread

WORKER = "cost_worker.py"
NOGAIN = ("generator_expression", "try_with", "dict_of_lists", "getattr_class", "alternating_types")
SHAPES = ("int", "float", "array with hoisted checks", "branchy", "exit-heavy")


def ratios(pairs):
    return spread([a / b for a, b in pairs])


# --- import ---------------------------------------------------------------------------------------

def spawn_seconds(code):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=clean_env(), check=True, capture_output=True)
    return time.perf_counter() - start


def importtime_seconds(module):
    """Cumulative time of one import as the interpreter itself sees it."""
    run = subprocess.run([sys.executable, "-X", "importtime", "-c", f"import {module}"],
                         env=clean_env(), capture_output=True, text=True, check=True)
    for line in run.stderr.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) == 3 and fields[2] == module:
            return int(fields[1]) / 1e6
    raise LookupError(f"-X importtime does not name {module}")


def measure_import(smoke, say):
    """Both ways: pairs of processes with and without the import, and -X importtime."""
    pairs = 2 if smoke else 21
    answer = {}
    for module in ("hotloop", "numba"):
        say(f"import {module}")
        probe = subprocess.run([sys.executable, "-c", f"import {module}"], env=clean_env(),
                               capture_output=True, text=True)
        if probe.returncode:
            missing = f"No module named '{module}'" in probe.stderr
            answer[module] = {"missing" if missing else "error": probe.stderr.strip()[-300:]}
            continue
        differences = []
        for _ in range(pairs):
            differences.append(spawn_seconds(f"import {module}") - spawn_seconds("pass"))
        answer[module] = {
            "process_pairs": spread(differences),
            "importtime": spread([importtime_seconds(module) for _ in range(pairs)]),
        }
    if not failed(answer["hotloop"]):
        run = subprocess.run([sys.executable, "-c",
                              "import hotloop, sys; print('numpy' in sys.modules)"],
                             env=clean_env(), capture_output=True, text=True)
        answer["hotloop"]["imports_numpy"] = run.stdout.strip() == "True"
    return answer


# --- calls, and code that gains nothing -----------------------------------------------------------

def measure_call(smoke, say):
    say("one-element call")
    spec = {"calls": 2_000 if smoke else 100_000, "pairs": 3 if smoke else 15}
    runs = [child(WORKER, "call", spec) for _ in range(1 if smoke else 3)]
    for run in runs:
        if failed(run):
            return run
    pairs = [pair for run in runs for pair in zip(run["jitted"], run["plain"])]
    return {"ratio": ratios(pairs), "jitted_seconds": statistics.median(a for a, _ in pairs),
            "plain_seconds": statistics.median(b for _, b in pairs)}


def marginal_instructions(mode, small, large, **env):
    """Instructions between two sizes of one program: start-up and warm-up cancel out."""
    counts = []
    for spec in (small, large):
        answer = instructions(WORKER, mode, spec, HOTLOOP_SYNC="1", **env)
        if failed(answer):
            return answer
        counts.append(answer["instructions"])
    return {"instructions": counts[1] - counts[0], "small": counts[0], "large": counts[1]}


def instruction_ratio(with_it, without):
    for answer in (with_it, without):
        if failed(answer):
            return answer
    return {"ratio": with_it["instructions"] / without["instructions"],
            "with": with_it, "without": without}


def measure_nogain(smoke, say):
    """Decorated against undecorated. Wall time: whole 0.5 s runs in interleaved pairs of processes,
    the time in which hotloop finds out included. Instructions: what a further iteration costs."""
    pairs = 1 if smoke else 15
    answer = {}
    for shape in NOGAIN:
        times, results, problem = [], set(), None
        for nth in range(pairs):
            say(f"nothing to gain: {shape} {nth + 1}/{pairs}")
            pair = [child(WORKER, "nogain", {"shape": shape, "decorated": decorated,
                                             "divide": 100 if smoke else 1})
                    for decorated in (True, False)]
            problem = next((run for run in pair if failed(run)), None)
            if problem:
                break
            times.append(tuple(run["seconds"] for run in pair))
            results |= {run["result"] for run in pair}
        if not problem and len(results) != 1:
            problem = {"error": f"results differ: {sorted(results)}"[:500]}
        answer[shape] = problem or {"ratio": ratios(times),
                                    "undecorated_seconds": statistics.median(b for _, b in times)}
        if not problem and not smoke:
            say(f"nothing to gain: {shape} under callgrind")
            counts = [marginal_instructions(
                "nogain", *({"shape": shape, "decorated": decorated, "divide": divide}
                            for divide in (20, 10))) for decorated in (True, False)]
            answer[shape]["callgrind"] = instruction_ratio(*counts)
    return answer


def measure_callheavy(smoke, say):
    """Undecorated call-heavy code in a process where a jitted loop runs, against HOTLOOP=0."""
    rounds, pairs = (50, 1) if smoke else (15_000, 15)
    times, results = [], set()
    for nth in range(pairs):
        say(f"undecorated calls {nth + 1}/{pairs}")
        pair = [child(WORKER, "callheavy", {"rounds": rounds}, **env)
                for env in ({}, {"HOTLOOP": "0"})]
        for run in pair:
            if failed(run):
                return run
        if not pair[0]["native"]:
            return {"error": "the jitted loop beside it did not run natively"}
        times.append(tuple(run["seconds"] for run in pair))
        results |= {run["result"] for run in pair}
    if len(results) != 1:
        return {"error": f"results differ: {sorted(results)}"}
    answer = {"ratio": ratios(times), "without_seconds": statistics.median(b for _, b in times)}
    if not smoke:
        say("undecorated calls under callgrind")
        sizes = {"rounds": 400}, {"rounds": 2_000}
        answer["callgrind"] = instruction_ratio(
            marginal_instructions("callheavy", *sizes),
            marginal_instructions("callheavy", *sizes, HOTLOOP="0"))
    return answer


# --- Ctrl-C and threads ---------------------------------------------------------------------------

def ctrlc_latencies(shape, tries, **env):
    """Sends SIGINT from outside, at a random moment of a loop without end; from the kill to the
    `except KeyboardInterrupt`, on the clock that both processes share."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, WORKER), "ctrlc",
             f'{{"shape": "{shape}", "tries": {tries}}}'],
            env=clean_env(**env), stdout=subprocess.PIPE, stderr=errors, text=True)
        latencies = []
        try:
            while (line := process.stdout.readline()) == "ready\n":
                time.sleep(random.uniform(0.1, 0.2))
                sent = time.monotonic()
                process.send_signal(signal.SIGINT)
                latencies.append(float(process.stdout.readline()) - sent)
            answer = last_json(line) or {"error": "it ended without an answer"}
        except ValueError:
            answer = {"error": "the loop did not end with KeyboardInterrupt"}
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        if "error" in answer:
            errors.seek(0)
            answer["stderr"] = errors.read()[-2000:]
        elif "missing" not in answer:
            answer["seconds"] = spread(latencies)
    return answer


def measure_ctrlc(smoke, say):
    answer = {}
    for shape in SHAPES:
        say(f"Ctrl-C: {shape}")
        tries = 1 if smoke else 20
        answer[shape] = {"hotloop": ctrlc_latencies(shape, tries),
                         "interpreter": ctrlc_latencies(shape, tries, HOTLOOP="0")}
    return answer


def measure_threads(smoke, say):
    say("two threads")
    return child(WORKER, "threads", {"seconds": 0.2 if smoke else 2.0})


def measure_churn(smoke, say):
    say("1,000 code objects")
    spec = {"before": 3, "count": 5} if smoke else {"before": 30, "count": 1_000}
    codes = child(WORKER, "churn_codes", spec, HOTLOOP_SYNC="1")
    say("200 recompiles")
    recompiles = child(WORKER, "churn_recompiles", {"count": 4 if smoke else 200}, HOTLOOP_SYNC="1",
                       timeout=1200)
    return {"codes": codes, "recompiles": recompiles}


def measure_nests(smoke, say):
    """Each in fresh processes, compiled in place."""
    answer = {}
    for name in nests.NAMES:
        say(f"nest: {name}")
        spec = {"nest": name, "size": 12 if smoke else None}
        runs = [child(WORKER, "nest", spec, HOTLOOP_SYNC="1") for _ in range(1 if smoke else 9)]
        problem = next((run for run in runs if failed(run)), None)
        answer[name] = problem or {
            "compiles": max(run["compiles"] for run in runs),
            **{key: spread([run[key] for run in runs]) for key in ("inside", "slowest", "seconds", "plain")}}
    return answer


SECTIONS = {"nests": measure_nests, "import": measure_import, "call": measure_call, "nogain": measure_nogain,
            "callheavy": measure_callheavy, "ctrlc": measure_ctrlc, "threads": measure_threads,
            "churn": measure_churn}
