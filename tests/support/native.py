"""What the machine code did: shares of native iterations from the statistics, boxed operations from the
region's text."""

import inspect
import re


def statistics(f):
    """The statistics of one function's code object, jitted as it is; None when it was never driven or
    counted."""
    from hotloop import _hotloop
    f = inspect.unwrap(f, stop=lambda f: isinstance(f, _hotloop.Function))
    rows = _hotloop.stats(f)
    return rows[0] if rows else None


def _regions(f):
    stats = statistics(f)
    return [r for loop in stats["loops"] for r in loop["regions"]] if stats else []


def native_iterations(f):
    return sum(sum(r["native"]) for r in _regions(f))


def interpreted_iterations(f):
    """Those that were seen: a loop that was given up is no longer counted."""
    stats = statistics(f)
    return sum(loop["interpreted"] for loop in stats["loops"]) if stats else 0


def iterations(f):
    """Wherever they ran."""
    return native_iterations(f) + interpreted_iterations(f)


def native_share(f):
    return native_iterations(f) / max(1, iterations(f))


def exits(f):
    """{reason: how often machine code was left for it}"""
    taken = {}
    for region in _regions(f):
        for row in region["exits"]:
            taken[row["reason"]] = taken.get(row["reason"], 0) + row["count"]
    return taken


def steps(f):
    """How many steps the interpreter made in the middle of machine code."""
    return sum(row["count"] for region in _regions(f) for row in region["steps"])


def reasons(f):
    """Every reason that the statistics name for interpreting parts of f."""
    stats = statistics(f)
    if not stats:
        return set()
    found = set(exits(f)) | set(stats["plain_calls"])
    for loop in stats["loops"]:
        found |= {row["reason"] for row in loop["stops"]} | {loop["given_up_why"]}
        found |= {region["dead_why"] for region in loop["regions"]}
    return (found | {stats["plain_why"]}) - {None}


def explain(f):
    """For messages of failed assertions."""
    stats = statistics(f)
    if not stats:
        return "no statistics"
    lines = [f"plain_why={stats['plain_why']} plain_calls={stats['plain_calls']}"]
    for loop in stats["loops"]:
        lines.append(f"loop at line {loop['line']}: interpreted {loop['interpreted']}, "
                     f"given up: {loop['given_up_why']}, stops: {loop['stops']}")
        for r in loop["regions"]:
            lines.append(f"  region {r['state']} {r['dead_why'] or ''}: native {r['native']}, entries "
                         f"{r['entries']}, misses {r['entry_misses']}, compiles {r['compiles']}, "
                         f"exits {r['exits']}, steps {r['steps']}")
    return "\n".join(lines)


def assert_native(f, share=0.9, iterations=None):
    """At least that share of the iterations (of all loops) ran in machine code. `iterations`: there are at
    least so many, so that a loop that was given up cannot hide what it no longer counts."""
    native = native_iterations(f)
    total = max(iterations or 0, native + interpreted_iterations(f))
    assert native >= share * total > 0, f"{native} of {total} iterations native\n{explain(f)}"


_BLOCK = re.compile(r"(entry|b\d+)\b.*: pc")
_EXIT = re.compile(r"(x\d+): .*-> (b\d+)")
_RESULT = re.compile(r"  (?P<ref>%\d+): (?P<type>[^=]+) = (?P<op>\w+)")


def boxed_operations(f):
    """Instructions of the loops in f's regions (what is on a cycle of blocks) that work on objects: their
    result is an object that is no constant, or they take a number out of one. Items of lists and tuples are
    objects, and what a number came from (hl_opt_origin.c) is kept beside it: neither counts."""
    import hotloop
    return [line for text in hotloop.inspect_ir(f) for line in boxed_in(text)]


def boxed_in(text):
    """See src/hl_irtext.c for the text's form."""
    blocks, current, continued = {}, None, {}
    for line in text.splitlines():
        if m := _BLOCK.match(line):
            current = blocks.setdefault(m[1], [line])
        elif m := _EXIT.match(line):
            continued[m[1]] = m[2]
        elif line.startswith("  "):
            current.append(line)
    assert blocks, f"no blocks in {text!r}"
    edges = {}
    for name, lines in blocks.items():
        edges[name] = set(re.findall(r"^  jump (b\d+)", "\n".join(lines), re.M))
        edges[name] |= {continued[x] for x in re.findall(r"\bx\d+\b", "\n".join(lines[1:])) if x in continued}
    looping = [name for name in blocks if name in _reached(edges, edges[name])]
    assert looping, f"no loop in {text!r}"
    items = set(re.findall(r"(%\d+): obj = (?:list_load|tuple_load|kobj|knull)", text))
    items |= set(re.findall(r" from (%\d+)", text))
    boxed = []
    for name in looping:
        for line in blocks[name][1:]:
            m = _RESULT.match(line)
            if not m or m["ref"] in items:
                continue
            unboxed = m["op"].startswith("unbox") and not items & set(re.findall(r"%\d+", line)[1:])
            if m["type"] == "obj" or unboxed:
                boxed.append(f"{name}: {line.strip()}")
        if set(re.findall(r"(%\d+): obj\b", blocks[name][0])) - items:
            boxed.append(blocks[name][0].strip())
    return boxed


def _reached(edges, start):
    todo, seen = list(start), set()
    while todo:
        block = todo.pop()
        if block not in seen:
            seen.add(block)
            todo += edges.get(block, ())
    return seen


def assert_unboxed(f):
    boxed = boxed_operations(f)
    assert not boxed, "boxed operations in the loop:\n" + "\n".join(boxed)
