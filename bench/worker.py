"""One measurement in a process of its own: `worker.py MODE JSON`; the last line of output is the
answer, as JSON: figures, or {"missing": why} for a peer that is not installed, or
{"unsupported": why} for a kernel that it does not run, or {"error": what}.
"""
import json
import os
import sys
import time
import traceback
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import fingerprint  # noqa: E402
import kernels  # noqa: E402
import peers  # noqa: E402

clock = time.perf_counter


def status_kb(field):
    """VmHWM (peak) or VmRSS (now) of this process."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise KeyError(field)


def inputs(spec):
    kernel = kernels.load(spec["kernel"])
    return kernel, kernel.inputs(spec["size"])


def timed_call(kernel, peer, function, args, expected):
    """One call, its result compared; seconds."""
    args = peers.fresh_args(args, kernel.CHANGES)
    start = clock()
    try:
        result = function(*args)
    except Exception as error:
        why = peers.refusal(peer, error)
        if why:
            raise peers.Unsupported(why) from error
        raise
    seconds = clock() - start
    got = fingerprint.fingerprint(result, args, kernel.CHANGES)
    fingerprint.check(got, expected, types=peer in ("cpython", "hotloop"))
    return seconds


def expect(spec):
    """CPython's result, which all others are compared with, and the number of iterations."""
    kernel, args = inputs(spec)
    args = peers.fresh_args(args, kernel.CHANGES)
    result = kernel.kernel(*args)
    return {"expected": fingerprint.fingerprint(result, args, kernel.CHANGES),
            "iterations": kernel.iterations(spec["size"])}


def warm(spec):
    """`calls` timed calls, after those that compile: `before` ones, or as many as there are in `settling`
    seconds, if these are more."""
    kernel, args = inputs(spec)
    peer = spec["peer"]
    if peer == "c":
        return warm_c(spec, kernel, args)
    function = peers.decorator(peer)(kernel.kernel)
    start, done = clock(), 0
    while done < spec["before"] or clock() - start < spec.get("settling", 0.0):
        timed_call(kernel, peer, function, args, spec["expected"])
        peers.settle(peer)
        done += 1
    before = peers.hotloop_totals(function) if peer == "hotloop" else None
    seconds = [timed_call(kernel, peer, function, args, spec["expected"])
               for _ in range(spec["calls"])]
    answer = {"seconds": seconds}
    if before is not None:
        after = peers.hotloop_totals(function)
        answer["native_share"] = peers.native_share(before, after)
        answer["given_up"] = after["given_up"]
        answer["obstacles"] = peers.hotloop_obstacles(function)
        answer["compiles"] = after["compiles"]
        answer["compiles_while_timed"] = after["compiles"] - before["compiles"]
    return answer


def warm_c(spec, kernel, args):
    """Both compilers; the caller takes the faster."""
    import ctwin
    answer, missing = {"by_compiler": {}}, []
    for compiler in ctwin.COMPILERS:
        try:
            ctwin.build(spec["kernel"], compiler)
        except peers.Missing as why:
            missing.append(str(why))
            continue
        seconds = []
        for nth in range(spec["before"] + spec["calls"]):
            fresh = peers.fresh_args(args, kernel.CHANGES)
            twin = ctwin.Twin(spec["kernel"], kernel.C_RESULT, fresh, compiler)
            start = clock()
            raw = twin()
            taken = clock() - start
            got = fingerprint.fingerprint(twin.result(raw), twin.args, kernel.CHANGES)
            fingerprint.check(got, spec["expected"], types=False)
            if nth >= spec["before"]:
                seconds.append(taken)
        answer["by_compiler"][compiler] = seconds
    if not answer["by_compiler"]:
        raise peers.Missing("; ".join(missing))
    return answer


def first(spec):
    """The first call of a fresh process: what compiles is counted, what imports is not."""
    kernel, args = inputs(spec)
    function = peers.decorator(spec["peer"])(kernel.kernel)
    return {"seconds": timed_call(kernel, spec["peer"], function, args, spec["expected"])}


def copy_of(function):
    """The same function with a code object of its own, so that it is counted and compiled anew."""
    return types.FunctionType(function.__code__.replace(), function.__globals__, function.__name__,
                              function.__defaults__, function.__closure__)


def hot(spec):
    """Two copies of the kernel, one after the other, each called once with an input that takes its
    loop just past the threshold: the first loads LLVM, the second finds it loaded."""
    kernel, args = inputs(spec)
    jit = peers.decorator("hotloop")
    answer = {}
    for turn in ("first", "later"):
        function = jit(copy_of(kernel.kernel))
        seconds = timed_call(kernel, "hotloop", function, args, spec["expected"])
        totals = peers.hotloop_totals(function)
        if not totals["native"]:
            why = "; ".join(peers.hotloop_obstacles(function))
            if why:
                raise peers.Unsupported("no native iteration: " + why)
            raise fingerprint.Wrong("no native iteration, and no reason: is the input too small?")
        answer[turn] = {"seconds": seconds, "inside_seconds": totals["hot_seconds"],
                        "compiles": totals["compiles"], "interpreted": totals["interpreted"]}
    return answer


def memory(spec):
    """Peak resident size after the calls that compile and one more."""
    kernel, args = inputs(spec)
    function = peers.decorator(spec["peer"])(kernel.kernel)
    for _ in range(spec["before"] + 1):
        timed_call(kernel, spec["peer"], function, args, spec["expected"])
        peers.settle(spec["peer"])
    return {"peak_kb": status_kb("VmHWM")}


def versions(spec):
    if spec["peer"] == "c":
        import ctwin
        return ctwin.versions()
    return peers.versions(spec["peer"])


MODES = {f.__name__: f for f in (expect, warm, first, hot, memory, versions)}


def main(modes, argv):
    mode, spec = argv[1], json.loads(argv[2])
    try:
        answer = modes[mode](spec)
    except peers.Missing as why:
        answer = {"missing": str(why)}
    except peers.Unsupported as why:
        answer = {"unsupported": str(why)}
    except fingerprint.Wrong as what:
        answer = {"error": str(what)}
    except Exception as error:
        traceback.print_exc()
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(MODES, sys.argv)
