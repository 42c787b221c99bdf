"""The process in which the fuzzer's programs run. Requests come as lines of JSON, answers go back as such:

    {"text": program, "modes": [...], "limit": seconds, "fork": whether in a process of its own}
    -> {"step": "plain"}            the plain run is over, the jitted ones follow
    -> {"end": "same", "native": iterations} or "differs" or "error" (the plain run itself failed), "why", "mode"

What ends the process instead - a crash, a hang - is the answer, too."""

import faulthandler
import gc
import json
import math
import os
import resource
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import numpy as np  # noqa: E402

import differ  # noqa: E402
import freeze  # noqa: E402
import native  # noqa: E402


SANITIZER = 97  # exit status, see bootstrap
WAITS = 6  # times the limit that a program may take on the clock


def run(request, say):
    program = differ.Program.of_text(request["text"])
    program.namespace.update(np=np, math=math)
    try:
        expected, _ = program.run(None)
    except BaseException as error:
        return {"end": "error", "why": repr(error)}
    say({"step": "plain"})
    iterations = 0
    for mode in request["modes"]:
        try:
            functions = differ.compare(program, mode, native_expected=False, expected=expected)
        except differ.Difference as difference:
            return {"end": "differs", "mode": mode, "why": str(difference)}
        except BaseException as error:
            return {"end": "differs", "mode": mode, "why": f"only when jitted: {error!r}"}
        iterations += sum(map(native.native_iterations, functions))
    return {"end": "same", "native": iterations}


def run_limited(request, say):
    """Ends the process when the program takes too long: its own time counts, so that it does not matter what
    else the machine does; what waits for ever ends later."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + request["limit"] + 1)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
    faulthandler.dump_traceback_later(WAITS * request["limit"], exit=True)
    answer = run(request, say)
    faulthandler.cancel_dump_traceback_later()
    resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return answer


def run_forked(request, say):
    pid = os.fork()
    if pid == 0:
        try:
            say(run_limited(request, say))
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return {"end": "hang", "why": "no end"}
    if os.WIFSIGNALED(status):
        return {"end": "crash", "why": signal.Signals(os.WTERMSIG(status)).name}
    if os.WEXITSTATUS(status) == SANITIZER:
        return {"end": "crash", "why": "a sanitizer ended it"}
    return {"end": "hang", "why": "no end"} if os.WEXITSTATUS(status) else None


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what prints past sys.stdout
    faulthandler.enable()
    faulthandler.register(signal.SIGXCPU, chain=True)
    freeze.ONE_NAN, differ.UNBOUND_LINES = True, False
    import hotloop
    hotloop.jit(lambda: None)
    gc.collect()
    gc.freeze()

    def say(answer):
        answers.write(json.dumps(answer) + "\n")

    for line in sys.stdin:
        request = json.loads(line)
        answer = (run_forked if request["fork"] else run_limited)(request, say)
        if answer:
            say(answer)


if __name__ == "__main__":
    main()
