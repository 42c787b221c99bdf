"""From raw data to the table: markdown that also reads well on a terminal. Nothing is measured here
and nothing is made up: what is not in the data does not appear, what failed is listed as failed."""
from measure import failed, geometric_mean


def align(rows):
    """A markdown table, its columns padded: the first to the left, the others to the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(3, *(len(row[i]) for row in rows)) for i in range(len(rows[0]))]

    def line(row):
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        return "| " + " | ".join(cells) + " |"

    rule = "|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|"
    return "\n".join([line(rows[0]), rule, *map(line, rows[1:])])


def word(answer):
    """For a cell without a figure."""
    return next(mark for key, mark in (("error", "FAILED"), ("unsupported", "unsupported"),
                                       ("absent", "-"), ("missing", "missing")) if key in answer)


ABSENT = {"missing": "not measured", "absent": True}
TITLE = {"cpython": "CPython", "pypy": "PyPy", "numba": "Numba", "c": "C", "hotloop": "hotloop"}


def ms(seconds):
    milliseconds = seconds * 1e3
    return f"{milliseconds:.0f} ms" if milliseconds >= 100 else f"{milliseconds:.3g} ms"


def mb(kb):
    return f"{kb / 1024:+.1f} MB"


def times(ratio):
    return f"{ratio:.0f}x" if ratio >= 100 else f"{ratio:.3g}x" if ratio >= 10 else f"{ratio:.2f}x"


def near_one(ratios):
    """A ratio near 1 needs its spread."""
    return (f"{ratios['median']:.3f}x (quartiles {ratios['low_quartile']:.3f} to "
            f"{ratios['high_quartile']:.3f}, n = {ratios['n']})")


def summary(ratios):
    return [times(f(ratios)) for f in (geometric_mean, min, max)]


# --- sections -------------------------------------------------------------------------------------

def peers_of(figures, order):
    return [p for p in order if any(p in row for row in figures.values())]


def render_warm(figures):
    peers = peers_of(figures, ("cpython", "pypy", "numba", "c", "hotloop"))
    # A column of nothing but "missing" says nothing: the versions list it.
    peers = [p for p in peers if not all("missing" in row.get(p, ABSENT)
                                         for row in figures.values())]
    rows = [["kernel", *(TITLE[p] for p in peers)]]
    per_iteration = [["ns per iteration", *(TITLE[p] for p in peers)]]
    for name, row in figures.items():
        cells, each = [name], [name]
        for peer in peers:
            cell = row.get(peer, ABSENT)
            if failed(cell):
                cells.append(word(cell))
                each.append(word(cell))
                continue
            mark = f" ({cell['compiler']})" if "compiler" in cell else ""
            cells.append(ms(cell["best"]) + mark)
            each.append(f"{cell['best'] / row['iterations'] * 1e9:.3g}")
        rows.append(cells)
        per_iteration.append(each)
    text = [align(rows), "", *refusals(figures, peers), goals(figures), "", align(per_iteration)]
    for mine in ("hotloop", "numba"):
        others = [p for p in peers if p != mine]
        if mine in peers and others:
            text += ["", versus(figures, mine, others)]
    slow = [f"{name} ({row['hotloop']['native_share']:.0%})" for name, row in figures.items()
            if row.get("hotloop", {}).get("native_share", 1) < 0.9]
    if slow:
        text += ["", "Less than 90 % of the iterations ran natively in: " + ", ".join(slow) + "."]
    lost = [f"- {name}: {'; '.join(row['hotloop'].get('obstacles', ())) or 'no reason kept'}"
            for name, row in figures.items() if row.get("hotloop", {}).get("obstacles")
            or row.get("hotloop", {}).get("given_up")]
    if lost:
        text += ["", "Loops that hotloop left to the interpreter:", "", *lost]
    return "\n".join(text)


def refusals(figures, peers):
    """Which kernels a peer does not run, and why."""
    lines = []
    for peer in peers:
        reasons = {}
        for name, row in figures.items():
            why = row.get(peer, ABSENT).get("unsupported")
            if why:
                reasons.setdefault(why, []).append(name)
        lines += [f"- {TITLE[peer]} does not run {', '.join(names)}: {why}"
                  for why, names in reasons.items()]
    return [*lines, ""] if lines else []


# What hotloop is measured by: against whom, on which kernels.
GOALS = (("numba", True, "Numba, kernels with NumPy"),
         ("pypy", False, "PyPy, kernels on Python's numbers and lists"),
         ("c", None, "C, all kernels"),
         ("cpython", None, "CPython, all kernels"))


def goals(figures):
    rows = [["hotloop's time against", "kernels", "geometric mean", "best", "worst", "worst is",
             "without a figure"]]
    for peer, numpy, title in GOALS:
        group = {name: row for name, row in figures.items()
                 if peer in row and "hotloop" in row and numpy in (None, row["numpy"])}
        found = {name: row["hotloop"]["best"] / row[peer]["best"] for name, row in group.items()
                 if not failed(row["hotloop"]) and not failed(row[peer])}
        without = ", ".join(name for name in group if name not in found) or "none"
        if found:
            worst = max(found, key=found.get)
            rows.append([title, len(found), *(times_under(f(list(found.values())))
                                              for f in (geometric_mean, min, max)), worst, without])
        elif group:
            rows.append([title, 0, "-", "-", "-", "-", without])
    return align(rows)


def versus(figures, mine, others):
    """Time of one peer over that of each other: below 1 it is faster."""
    rows = [[f"{TITLE[mine]}'s time against", *(TITLE[p] for p in others)]]
    ratios = {p: [] for p in others}
    unmeasured = {p: 0 for p in others}
    for name, row in figures.items():
        cells = [name]
        for peer in others:
            a, b = row.get(mine, ABSENT), row.get(peer, ABSENT)
            if failed(a) or failed(b):
                bad = a if failed(a) else b
                cells.append(word(bad))
                unmeasured[peer] += 1
                continue
            ratios[peer].append(a["best"] / b["best"])
            cells.append(times_under(ratios[peer][-1]))
        rows.append(cells)
    for title, reduce in (("geometric mean", geometric_mean), ("minimum", min), ("maximum", max)):
        rows.append([title, *(times_under(reduce(ratios[p])) if ratios[p] else "-"
                               for p in others)])
    rows.append(["kernels without a figure", *(unmeasured[p] for p in others)])
    return align(rows)


def times_under(ratio):
    """A ratio that may be far below 1."""
    return f"{ratio:.3g}x" if ratio < 0.1 else times(ratio)


def render_first(figures):
    peers = peers_of(figures, ("pypy", "numba", "hotloop"))
    rows = [["kernel", *(TITLE[p] for p in peers), "hotloop / Numba"]]
    ratios = []
    for name, row in figures.items():
        cells = [word(row.get(p, ABSENT)) if failed(row.get(p, ABSENT)) else ms(row[p]["median"])
                 for p in peers]
        ratio = "-"
        mine, theirs = row.get("hotloop", ABSENT), row.get("numba", ABSENT)
        if not failed(mine) and not failed(theirs):
            ratios.append(mine["median"] / theirs["median"])
            ratio = times(ratios[-1])
        rows.append([name, *cells, ratio])
    if ratios:
        for title, value in zip(("geometric mean", "minimum", "maximum"), summary(ratios)):
            rows.append([title, *("" for _ in peers), value])
    return align(rows)


def render_process(figures):
    rows = [["seed program", "to its result", "range", "to its end", "against Numba"]]
    numba = figures.get("numba", ABSENT)
    for peer, cell in figures.items():
        if failed(cell):
            rows.append([peer, word(cell), "", "", ""])
            continue
        shown = cell["shown"]
        ratio = "-" if failed(numba) else times(shown["median"] / numba["shown"]["median"])
        rows.append([peer, ms(shown["median"]), f"{ms(shown['min'])} to {ms(shown['max'])}",
                     ms(cell["ended"]["median"]), ratio])
    return align(rows)


def render_hot(figures):
    rows = [["kernel", "first call", "max", "slowest loop", "later call", "max", "slowest loop",
             "compiles"]]
    for name, row in figures.items():
        if failed(row):
            rows.append([name, word(row), *[""] * 6])
            continue
        cells = [name]
        for turn in ("first", "later"):
            cell = row[turn]
            cells += [ms(cell["seconds"]["median"]), ms(cell["seconds"]["max"]),
                      ms(cell["inside_seconds"])]
        rows.append([*cells, row["first"]["compiles"]])
    return align(rows)


def render_nests(figures):
    rows = [["nest", "compiles, at most", "recording and compiling", "max", "slowest loop", "first call",
             "CPython's call"]]
    for name, row in figures.items():
        rows.append([name, word(row), *[""] * 5] if failed(row) else
                    [name, row["compiles"], ms(row["inside"]["median"]), ms(row["inside"]["max"]),
                     *(ms(row[key]["median"]) for key in ("slowest", "seconds", "plain"))])
    return align(rows)


def render_memory(figures):
    peers = peers_of(figures, ("numba", "hotloop"))
    rows = [["kernel", *(TITLE[p] for p in peers)]]
    for name, row in figures.items():
        rows.append([name, *(word(row.get(p, ABSENT)) if failed(row.get(p, ABSENT))
                            else mb(row[p]["extra_kb"]) for p in peers)])
    return align(rows)


def render_import(figures):
    rows = [["module", "process pairs, median", "quartiles", "-X importtime, median"]]
    for module, cell in figures.items():
        if failed(cell):
            rows.append([module, word(cell), "", ""])
            continue
        pairs = cell["process_pairs"]
        rows.append([module, ms(pairs["median"]),
                     f"{ms(pairs['low_quartile'])} to {ms(pairs['high_quartile'])}",
                     ms(cell["importtime"]["median"])])
    text = align(rows)
    if figures.get("hotloop", {}).get("imports_numpy"):
        text += "\n\nhotloop imports NumPy."
    return text


def render_call(figures):
    if failed(figures):
        return word(figures)
    return (f"{near_one(figures['ratio'])}: {figures['jitted_seconds'] * 1e9:.0f} ns against "
            f"{figures['plain_seconds'] * 1e9:.0f} ns of the plain function.")


def callgrind(cell):
    found = cell.get("callgrind")
    if not found:
        return "not measured"
    return word(found) if failed(found) else f"{found['ratio']:.4f}x"


def render_nogain(figures):
    rows = [["decorated function", "time against undecorated", "instructions", "undecorated"]]
    for shape, cell in figures.items():
        if failed(cell):
            rows.append([shape, word(cell), "", ""])
            continue
        rows.append([shape, near_one(cell["ratio"]), callgrind(cell),
                     ms(cell["undecorated_seconds"])])
    return align(rows)


def render_callheavy(figures):
    if failed(figures):
        return word(figures)
    return f"time {near_one(figures['ratio'])}; instructions {callgrind(figures)}."


def render_ctrlc(figures):
    rows = [["loop", "hotloop, max", "median", "tries", "native share", "interpreter, max",
             "median"]]
    for shape, row in figures.items():
        cells = [shape]
        for kind in ("hotloop", "interpreter"):
            cell = row[kind]
            if failed(cell):
                cells += [word(cell), ""] + (["", ""] if kind == "hotloop" else [])
                continue
            cells += [ms(cell["seconds"]["max"]), ms(cell["seconds"]["median"])]
            if kind == "hotloop":
                cells += [cell["seconds"]["n"], f"{cell['native_share']:.0%}"]
        rows.append(cells)
    return align(rows)


def render_threads(figures):
    if failed(figures):
        return word(figures)
    one, other = figures["iterations"]
    return (f"{one:,} and {other:,} iterations: the smaller share is {figures['smaller_share']:.1%}; "
            f"{figures['native_share']:.1%} of them ran natively.")


def render_churn(figures):
    rows = [["what", "really compiled", "before", "peak", "after", "kept", "code alive"]]
    codes, again = figures["codes"], figures["recompiles"]
    for title, cell, count in (("distinct code objects", codes, "compiled"),
                               ("recompiles of one region", again, "recompiles")):
        if failed(cell):
            rows.append([title, word(cell), *[""] * 5])
            continue
        rows.append([title, f"{cell[count]:,} of {cell['count']:,}",
                     *(f"{cell[k] / 1024:.1f} MB" for k in ("base_kb", "peak_kb", "after_kb")),
                     mb(cell["after_kb"] - cell["base_kb"]), cell["alive"]])
    return align(rows)


SECTIONS = {
    "warm": ("Warm",
             "Best of 9 calls, 3 in each of 3 processes, after the calls that compile. Every result is "
             "CPython's, bit for bit.", render_warm),
    "first": ("First call",
              "Median of 9 fresh processes; imports not counted, compiling counted.", render_first),
    "process": ("Whole process",
                "The seed program on a million float64, from spawning it to its line of output; median "
                "of 11; Numba without its cache.", render_process),
    "hot": ("Hot to native",
            "A first call that goes just past the threshold, compiled in place: an upper bound (see "
            "README.md). Median and maximum of 9 processes; `first` loads LLVM, `later` is a second "
            "function of the process. `slowest loop` is what hotloop counts from a loop's recording to "
            "its first machine code.", render_hot),
    "nests": ("Nests of four loops and six branches",
              "Compiled in place, in 9 fresh processes: all that is recorded and compiled in a first call, loading "
              "LLVM counted. `slowest loop`: from a loop's recording to its first machine code.", render_nests),
    "memory": ("Memory",
               "Peak resident size above that of the same process without the JIT.", render_memory),
    "import": ("Import",
               "Of the bare module, above an interpreter that imports nothing.", render_import),
    "call": ("One-element call",
             "A jitted function on an array of one element, against the plain one.", render_call),
    "nogain": ("Decorated functions that gain nothing",
               "Half a second each. Time: whole runs, 15 interleaved pairs of processes. Instructions: "
               "of each further iteration, under callgrind.", render_nogain),
    "callheavy": ("Undecorated calls while hotloop is in use elsewhere",
                  "Against HOTLOOP=0; pairs of processes, and callgrind.", render_callheavy),
    "ctrlc": ("Ctrl-C",
              "From the kill of another process to `except KeyboardInterrupt`.", render_ctrlc),
    "threads": ("Two threads in one jitted function", "Over 2 seconds.", render_threads),
    "churn": ("Memory comes back", "Resident size before and after.", render_churn),
}


def problems(node, path=()):
    """All failed answers in the data, with their place."""
    if isinstance(node, dict):
        if "error" in node:
            yield "/".join(path), node
        else:
            for key, value in node.items():
                yield from problems(value, path + (str(key),))


def errors(data):
    return list(problems(data["sections"]))


def render_versions(data):
    lines = [f"- {key}: {value}" for key, value in data["machine"].items()]
    for peer, found in data["versions"].items():
        if failed(found):
            lines.append(f"- {peer}: {word(found)} ({found.get('missing') or found.get('error')})")
        else:
            lines.append(f"- {peer}: " + ", ".join(f"{k} {v}" for k, v in found.items()
                                                   if k != "executable"))
    return "\n".join(lines)


def render(data):
    text = ["# Measured figures", "",
            f"Made by `{data['command']}` on {data['date']}; how: [README.md](README.md)."]
    if data.get("quick"):
        text += ["", "**Quick run: fewer processes than the text says.**"]
    if data.get("smoke"):
        text += ["", "**Smoke run: tiny sizes, single calls. These figures mean nothing.**"]
    for name, (title, note, draw) in SECTIONS.items():
        if name not in data["sections"]:
            continue
        section = data["sections"][name]
        text += ["", f"## {title}", "", note, "", draw(section["figures"])]
    found = errors(data)
    if found:
        text += ["", "## Failed", ""]
        text += [f"- {place}: {node['error']}" for place, node in found]
    text += ["", "## Versions", "", render_versions(data)]
    return "\n".join(text)
