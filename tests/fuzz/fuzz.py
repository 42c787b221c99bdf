#!/usr/bin/env python3
"""Runs random programs (grammar.py) with the JIT off and on and reports what differs, crashes or hangs.

    fuzz.py [--time SECONDS] [--count N] [--seed N] [--first N] [--jobs N] [--out DIR]
    fuzz.py FILE...                 runs reproducers again
    fuzz.py --show SEED             prints the program with that seed, "seed:number"

Programs are numbered; number k of seed s is always the same text. What differs is made smaller (reduce.py)
and written to DIR as a file that this command runs again and that tests/diff takes as it is. Ends with
status 1 when something was found."""

import argparse
import hashlib
import itertools
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import grammar  # noqa: E402
import reduce  # noqa: E402

MODES = ("eager", "sync", "steps", "background")
LIMIT = 40  # seconds of one program
REDUCED_LIMIT = 10
RESTART = 400  # programs of one worker


class Worker:
    """A worker.py process, started when it is needed."""

    def __init__(self):
        self.process = None
        self.served = 0

    def start(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HOTLOOP")}
        self.stderr = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "worker.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.stderr, bufsize=0, env={**environment, "PYTHONHASHSEED": "0"})
        self.served, self.read = 0, b""

    def stop(self):
        if self.process:
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.kill()
            self.process.wait()
            self.stderr.close()
            self.process = None

    def ask(self, text, modes=MODES, limit=LIMIT, fork=False):
        """The worker's answer: see there. "slow": the plain run did not come to an end."""
        if self.process is None or self.served >= RESTART:
            self.stop()
            self.start()
        self.served += 1
        plain = False
        try:
            request = json.dumps(dict(text=text, modes=list(modes), limit=limit, fork=fork)) + "\n"
            self.process.stdin.write(request.encode())
            for line in iter(self.line, ""):
                answer = json.loads(line)
                if "end" in answer:
                    return dict(answer, end="slow") if answer["end"] == "hang" and not plain else answer
                plain = True
        except BrokenPipeError:
            pass
        return self.death(plain)

    def line(self):
        """A line of its answers; "" when there is none any more, or none in time."""
        while b"\n" not in self.read:
            ready, _, _ = select.select([self.process.stdout], [], [], 10 * LIMIT)
            more = os.read(self.process.stdout.fileno(), 1 << 16) if ready else b""
            if not more:
                return ""
            self.read += more
        line, _, self.read = self.read.partition(b"\n")
        return line.decode()

    def death(self, plain):
        self.process.stdin.close()
        try:
            status = self.process.wait(1)
        except subprocess.TimeoutExpired:
            status = None
        self.stderr.seek(0)
        said = self.stderr.read()[-4000:]
        self.stop()
        if status is None or status == -signal.SIGXCPU or "Timeout (" in said:
            return {"end": "hang" if plain else "slow", "why": said}
        return {"end": "crash", "why": f"exit status {status}\n{said}"}


class Finding:
    """A program that differs, and how."""

    def __init__(self, name, text, answer, alone=True):
        self.name, self.text, self.answer, self.alone = name, text, answer, alone

    def modes(self):
        return (self.answer["mode"],) if "mode" in self.answer else MODES

    def key(self):
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    def reproducer(self):
        modes = self.modes()
        head = f"Found by the fuzzer, program {self.name}: {self.answer['end']} in {' or '.join(modes)}."
        if not self.alone:
            head += "\nNot seen when it ran alone: the programs before it, in one process, matter."
        body = self.text.replace("def program(", "def test_fuzz(", 1)
        why = textwrap.indent(self.answer["why"].strip(), "# ", lambda line: True)
        return (f'"""{head}\n\nRuns with `fuzz.py FILE`, and as a test in tests/diff."""\n\n'
                f"import math  # noqa: F401\n\nimport numpy as np  # noqa: F401\n\nfrom differ import diff\n\n\n"
                f"@diff(modes={modes!r}, native=False)\n{body}\n\n{why}\n")


def program_of(path):
    """Program and modes of a reproducer."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    m = re.search(r"@diff\(modes=\((.*?)\)", text)
    modes = re.findall(r"\w+", m[1]) if m else MODES
    return text[re.search(r"^def ", text, re.M).start():].replace("def test_fuzz(", "def program(", 1), modes


class Fuzzer:
    def __init__(self, options):
        self.options = options
        self.numbers = itertools.count(options.first)
        self.deadline = time.monotonic() + options.time if options.time else None
        self.lock = threading.Lock()
        self.findings = {}
        self.programs = self.native = self.slow = 0

    def next(self):
        with self.lock:
            number = next(self.numbers)
        late = self.deadline and time.monotonic() > self.deadline
        done = self.options.count and number >= self.options.first + self.options.count
        return None if late or done or len(self.findings) >= self.options.most else number

    def work(self):
        worker = Worker()
        while (number := self.next()) is not None:
            name = f"{self.options.seed}:{number}"
            text = grammar.program(name)
            answer = worker.ask(text)
            with self.lock:
                self.programs += 1
                self.slow += answer["end"] in ("slow", "error")
                self.native += answer.get("native", 0) > 0
            if answer["end"] in ("differs", "crash", "hang"):
                self.found(name, text, answer)
        worker.stop()

    def found(self, name, text, answer):
        first = Finding(name, text, answer)
        worker = Worker()

        def same(candidate):
            return worker.ask(candidate, first.modes(), REDUCED_LIMIT, fork=True)["end"] == answer["end"]

        if answer["end"] == "hang" or not same(text):
            first.alone = answer["end"] == "hang"
            small = first
        else:
            small = Finding(name, reduce.reduce(text, same, self.options.reduce), answer)
            small.answer = dict(answer, **worker.ask(small.text, first.modes(), REDUCED_LIMIT, fork=True))
        worker.stop()
        with self.lock:
            if small.key() in self.findings:
                return
            self.findings[small.key()] = small
        os.makedirs(self.options.out, exist_ok=True)
        path = os.path.join(self.options.out, f"test_diff_fuzz_{small.key()}.py")
        with open(path, "w", encoding="utf-8") as f:
            f.write(small.reproducer())
        print(f"{answer['end']}: program {name}, see {path}\n{textwrap.indent(small.text, '    ')}", flush=True)

    def run(self):
        start = time.monotonic()
        threads = [threading.Thread(target=self.work) for _ in range(self.options.jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - start
        print(f"seed {self.options.seed}: {self.programs} programs in {seconds:.0f} s ({self.programs / seconds:.1f} a second), "
              f"{self.native} of them ran machine code, {self.slow} did not end or start, {len(self.findings)} findings")
        return 1 if self.findings else 0


def run_again(paths):
    worker, worst = Worker(), 0
    for path in paths:
        text, modes = program_of(path)
        answer = worker.ask(text, modes, fork=True)
        print(f"{path}: {answer['end']} {answer.get('why', '')}")
        worst |= answer["end"] not in ("same", "slow")
    worker.stop()
    return worst


def main(args=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--time", type=float, default=0, help="seconds; 0: until --count")
    parser.add_argument("--count", type=int, default=0, help="programs; 0: until --time")
    parser.add_argument("--seed", default=None, help="default: one that no run had before")
    parser.add_argument("--first", type=int, default=0, help="number of the first program")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--most", type=int, default=10, help="ends after so many findings")
    parser.add_argument("--reduce", type=float, default=60, help="seconds to make a finding smaller")
    parser.add_argument("--out", default="fuzz-findings")
    parser.add_argument("--show", metavar="SEED")
    options = parser.parse_args(args)
    if options.show:
        print(grammar.program(options.show), end="")
        return 0
    if options.files:
        return run_again(options.files)
    if not options.time and not options.count:
        options.time = 60
    options.seed = options.seed or str(time.time_ns() % 10**8)
    return Fuzzer(options).run()


if __name__ == "__main__":
    sys.exit(main())
