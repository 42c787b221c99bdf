"""Statistics and reports: sums, names and words around the core's counters.

document() is the one source: a dict of plain values, described by report.schema.json, from which
every format is made, so a saved JSON report can be rendered later.
"""
import linecache
import os
import sys

from . import __version__, _hotloop

SCHEMA = 1
FORMATS = ("text", "json")
_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


# -- From counters to the document ---------------------------------------------------------------

def stats(f=None):
    if f is None:
        return document()
    found = _hotloop.stats(f)
    return _function(found[0]) if found else _function(_unseen(_hotloop.code_of(f)))


def document(f=None):
    """The statistics of the process, or of one function, as the JSON report has them."""
    if f is None:
        functions = [_function(raw) for raw in _hotloop.stats()
                     if not raw["code"].co_filename.startswith(_PACKAGE)]
        functions.sort(key=lambda fn: (fn["file"], fn["line"], fn["name"],
                                      fn["fastmath"]))
        freed = _hotloop.forgotten()
    else:
        functions = [stats(f)]
        freed = None
    return {
        "schema": SCHEMA,
        "hotloop": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "active": not _hotloop.inactive,
        "why_inactive": _hotloop.inactive,
        "global": _hotloop.is_global(),
        "parameters": {name: row[0] for name, row in _hotloop.params().items()},
        "totals": _totals(functions, freed),
        "functions": functions,
        "reasons": dict(_hotloop.reasons),
    }


def _unseen(code):
    return {"code": code, "jitted": False, "threshold": 0, "nopython": False, "fastmath": False,
            "plain_why": None, "driven_calls": 0, "plain_calls": {}, "loops": [],
            "stops_unplaced": 0}


def _function(raw):
    code = raw["code"]
    file = code.co_filename
    loops = [_loop(raw, index, file) for index in range(len(raw["loops"]))]
    return {
        "name": code.co_qualname,
        "file": file,
        "line": code.co_firstlineno,
        "jitted": raw["jitted"],
        "threshold": raw["threshold"],
        "nopython": raw["nopython"],
        "fastmath": raw["fastmath"],
        "driven_calls": raw["driven_calls"],
        "plain_why": raw["plain_why"],
        "plain_calls": [{"reason": key, "count": count}
                        for key, count in sorted(raw["plain_calls"].items())],
        "stops_unplaced": raw["stops_unplaced"],
        "loops": loops,
    }


def _loop(raw, index, file):
    loop = raw["loops"][index]
    regions = loop["regions"]
    # A region that is rooted at an outer loop holds the inner ones too.
    native = sum(region["native"][index] for other in raw["loops"] for region in other["regions"]
                 if region["native"])
    if loop["given_up"]:
        state = "given_up"
    elif native or any(region["state"] == "ready" for region in regions):
        state = "native"
    elif any(region["state"] == "recorded" for region in regions):
        state = "recorded"
    else:
        state = "counting"
    return {
        "line": loop["line"],
        "last_line": loop["last_line"],
        "source": _source(file, loop["line"]),
        "parent": loop["parent"] if loop["parent"] >= 0 else None,
        "state": state,
        "given_up_why": loop["given_up_why"],
        "interpreted": loop["interpreted"],
        "native": native,
        "regions": len(regions),
        "entries": _sum(regions, "entries"),
        "entry_misses": _sum(regions, "entry_misses"),
        "compiles": _sum(regions, "compiles"),
        "compile_seconds": round(_sum(regions, "compile_seconds"), 6),
        "record_seconds": round(_sum(regions, "record_seconds"), 6),
        "machine_code_bytes": _sum(regions, "code_bytes"),
        "exits": _places([x for region in regions for x in region["exits"]], file),
        "steps": _places([x for region in regions for x in region["steps"]], file),
        "stops": _places(loop["stops"], file),
    }


def _places(rows, file):
    """Rows of one line, bytecode and reason as one, in the order of lines."""
    counts = {}
    for row in rows:
        key = (row["line"], row["bytecode"] or "", row["reason"])
        counts[key] = counts.get(key, 0) + row["count"]
    return [{"line": line, "source": _source(file, line), "bytecode": bytecode or None,
             "reason": reason, "count": count}
            for (line, bytecode, reason), count in sorted(counts.items())]


def _source(file, line):
    text = linecache.getline(file, line).strip() if line > 0 else ""
    return text or None


def _sum(rows, key):
    return sum(row[key] for row in rows)


def _totals(functions, freed):
    loops = [loop for fn in functions for loop in fn["loops"]]
    sums = {
        "functions": len(functions),
        "loops": len(loops),
        "given_up": sum(loop["state"] == "given_up" for loop in loops),
        "interpreted": _sum(loops, "interpreted"),
        "native": _sum(loops, "native"),
        "driven_calls": _sum(functions, "driven_calls"),
        "plain_calls": sum(_sum(fn["plain_calls"], "count") for fn in functions),
        "entries": _sum(loops, "entries"),
        "entry_misses": _sum(loops, "entry_misses"),
        "compiles": _sum(loops, "compiles"),
        "exits": sum(_sum(loop["exits"], "count") for loop in loops),
        "steps": sum(_sum(loop["steps"], "count") for loop in loops),
        "stops": (sum(_sum(loop["stops"], "count") for loop in loops)
                  + _sum(functions, "stops_unplaced")),
        "compile_seconds": _sum(loops, "compile_seconds"),
        "record_seconds": _sum(loops, "record_seconds"),
    }
    for key, value in (freed or {}).items():
        sums[key] += value
    for key in ("compile_seconds", "record_seconds"):
        sums[key] = round(sums[key], 6)
    sums["machine_code_bytes"] = _sum(loops, "machine_code_bytes")
    sums["freed_functions"] = freed["functions"] if freed else 0
    return sums


# -- Formats -------------------------------------------------------------------------------------

def report(f=None, format="text", file=None):
    if format not in FORMATS:
        raise ValueError(f"report(): format must be {' or '.join(map(repr, FORMATS))} "
                         f"in this version, not {format!r}")
    doc = document(f)
    if format == "json":
        import json
        text = json.dumps(doc, indent=1) + "\n"
    else:
        text = render(doc)
    if file is None:
        return text
    if hasattr(file, "write"):
        file.write(text)
    else:
        write_whole(file, text)
    return None


def write_whole(path, text):
    """Writes a file whole or not at all; a device or a pipe simply gets the text."""
    path = os.path.realpath(path)
    data = text.encode("utf-8", "backslashreplace")
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as out:
            out.write(data)
        return
    folder, name = os.path.split(path)
    scratch = os.path.join(folder, f".{name}.{os.getpid()}.tmp")
    try:
        with open(scratch, "xb") as out:
            out.write(data)
        os.replace(scratch, path)
    except BaseException:
        try:
            os.unlink(scratch)
        except OSError:
            pass
        raise


# -- Text ----------------------------------------------------------------------------------------

def render(doc):
    """A document as text for people: the hottest function first."""
    totals = doc["totals"]
    out = [f"hotloop {doc['hotloop']}, Python {doc['python']}: " + _share(totals)]
    if not doc["active"]:
        out.append(f"hotloop is not active: {doc['why_inactive']}")
    if totals["compiles"]:
        out.append(f"{_times(totals['compiles'], 'compile')} in {_time(totals['compile_seconds'])}, "
                   f"recording {_time(totals['record_seconds'])}, "
                   f"{totals['machine_code_bytes']:,} bytes of machine code")
    if totals["freed_functions"]:
        out.append(f"these sums include {_times(totals['freed_functions'], 'function')} "
                   "that no longer exist")
    shown, quiet = [], []
    for fn in doc["functions"]:
        (shown if len(doc["functions"]) == 1 or _is_notable(fn) else quiet).append(fn)
    shown.sort(key=lambda fn: (-_iterations(fn), fn["file"], fn["line"], fn["name"]))
    for fn in shown:
        out += [""] + _render_function(fn, doc["reasons"])
    if quiet:
        loops = [loop for fn in quiet for loop in fn["loops"]]
        out += ["", f"not shown: {_times(len(quiet), 'function')} whose loops never got hot "
                    f"({_times(_sum(loops, 'interpreted'), 'iteration')} interpreted)"]
    return "\n".join(out) + "\n"


def _is_notable(fn):
    """Something happened in it that a reader may want to know."""
    return bool(any(row["reason"] not in ("none", "tracing") for row in fn["plain_calls"])
                or any(loop["state"] != "counting" or loop["stops"] or loop["regions"]
                       for loop in fn["loops"]))


def _iterations(fn):
    return sum(loop["interpreted"] + loop["native"] for loop in fn["loops"])


def _render_function(fn, reasons):
    calls = fn["driven_calls"] + _sum(fn["plain_calls"], "count")
    fastmath = "  fastmath" if fn["fastmath"] else ""
    out = [f"{fn['name']}  ({fn['file']}:{fn['line']})  {_times(calls, 'call')}{fastmath}"]
    for row in fn["plain_calls"]:
        if row["reason"] != "none":
            out.append(f"  {_times(row['count'], 'call')} ran plainly: {_reason(row, reasons)}")
    if not fn["loops"]:
        out.append("  no loops" if calls else "  not called")
    for loop in fn["loops"]:
        out += ["  " + line for line in _render_loop(loop, reasons)]
    if fn["stops_unplaced"]:
        out.append(f"  {_times(fn['stops_unplaced'], 'recording')} more stopped; places not kept")
    return out


def _render_loop(loop, reasons):
    out = [_at(loop)]
    facts = [_share(loop)]
    if loop["entries"]:
        facts.append(f"entered {loop['entries']:,}x")
    if loop["entry_misses"]:
        facts.append(f"entry refused {loop['entry_misses']:,}x")
    if loop["compiles"]:
        facts.append(f"compiled {loop['compiles']}x in {_time(loop['compile_seconds'])}")
        facts.append(f"{loop['machine_code_bytes']:,} bytes")
    if loop["regions"]:
        facts.append(f"recorded in {_time(loop['record_seconds'])}")
    out.append("  " + ", ".join(facts))
    if loop["state"] == "given_up":
        out.append(f"  given up, and not counted any more: "
                   f"{reasons.get(loop['given_up_why'], loop['given_up_why'])}")
    for row in sorted(loop["exits"], key=lambda row: -row["count"]):
        out.append(f"  left {row['count']:,}x, {_reason(row, reasons)}: {_at(row)}")
    for row in sorted(loop["steps"], key=lambda row: -row["count"]):
        bytecode = f" ({row['bytecode']})" if row["bytecode"] else ""
        out.append(f"  {_times(row['count'], 'step')} of the interpreter, {_reason(row, reasons)}"
                   f"{bytecode}: {_at(row)}")
    for row in sorted(loop["stops"], key=lambda row: -row["count"]):
        bytecode = f" ({row['bytecode']})" if row["bytecode"] else ""
        out.append(f"  recording stopped {row['count']:,}x, {_reason(row, reasons)}{bytecode}: "
                   f"{_at(row)}")
    return out


def _at(row):
    where = f"line {row['line']}" if row["line"] > 0 else "no line"
    return f"{where}: {row['source']}" if row["source"] else where


def _reason(row, reasons):
    return reasons.get(row["reason"], row["reason"])


def _share(row):
    total = row["interpreted"] + row["native"]
    if not total:
        return "no iteration counted"
    percent = 100 * row["native"] / total
    if row["native"] and row["interpreted"]:  # neither end is reached by rounding
        percent = min(max(percent, 0.01), 99.99)
    return f"{_times(total, 'iteration')}, {percent:.2f} % native"


def _times(n, noun):
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def _time(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"
