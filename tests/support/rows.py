"""The rows of tests/coverage*.toml: one small loop each, for what machine code covers and what it does not.

As a program, counts them: how many of them are native, and which are not. tests/py/test_coverage.py shows that
each row is what it is counted as."""

import ast
import fnmatch
import glob
import itertools
import math
import os
import textwrap
import tomllib

import numpy as np

from differ import _Square

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
N = 2000
CALLS = 6  # n = N, N + 1, ...: each ends on another combination of operands

TABLE = """\
def f(n, a, a2, a3, b, b2):
    r = {start}
    for i in range(n):
{body}
        a, a2, a3 = a2, a3, a
        b, b2 = b2, b
    return r
"""


class Row:
    """One loop: its source, its arguments after n, its number of iterations."""

    def __init__(self, name, source, arguments, iterations, square, reason):
        self.name, self.source, self.arguments = name, source, arguments
        self.iterations, self.square, self.reason = iterations, square, reason

    def make(self, reference):
        tree = ast.parse(self.source)
        if reference and self.square:
            tree = ast.fix_missing_locations(_Square().visit(tree))
        space = {"np": np, "math": math}
        exec(compile(tree, f"<{self.name}>", "exec"), space)
        return space["f"]

    def calls(self):
        for n in range(N, N + CALLS):
            space = {"np": np, "math": math, "n": n}
            yield n, [eval(a, space) for a in self.arguments]


def load():
    data = {"values": {}, "table": [], "loop": [], "interpreted": []}
    for name in sorted(glob.glob(os.path.join(TESTS, "coverage*.toml"))):
        with open(name, "rb") as f:
            for key, part in tomllib.load(f).items():
                data[key] = data[key] | part if key == "values" else data[key] + part
    rows = [row for table in data["table"] for row in table_rows(table, data["values"])]
    rows += [row for loop in data["loop"] for row in loop_rows(loop)]
    names = {}
    for row in rows:
        assert names.setdefault(row.name, row) is row, f"two rows are called {row.name}"
    for entry in data["interpreted"]:
        found = [row for row in rows if fnmatch.fnmatchcase(row.name, entry["rows"])]
        assert found, f"no row matches {entry['rows']}"
        for row in found:
            assert row.reason is None, f"two entries for {row.name}"
            row.reason = entry["reason"]
    return rows


def table_rows(table, values):
    for op, types in itertools.product(table["ops"], table["types"]):
        sets = split_types(types, values)
        arguments = values[sets[0]][0].split(", ") + values[sets[-1]][1].split(", ")
        body = table["body"].format(op=op)
        source = TABLE.format(start=table.get("start", "None"), body=textwrap.indent(body.strip(), " " * 8))
        yield Row(f"{table['name']}: {op} {types}", source, arguments, "n", table.get("square", False), None)


def split_types(types, values):
    """The one or two value sets whose names, which may hold blanks, make up `types`."""
    if types in values:
        return [types]
    for i, c in enumerate(types):
        if c == " " and types[:i] in values and types[i + 1:] in values:
            return [types[:i], types[i + 1:]]
    raise ValueError(f"unknown types {types!r}")


def loop_rows(loop):
    for dtype, op in itertools.product(loop.get("dtypes", [""]), loop.get("ops", [""])):
        def fill(text):
            return text.replace("{dtype}", dtype).replace("{op}", op)
        yield Row(fill(loop["name"]), fill(loop["source"]).lstrip("\n"), list(map(fill, loop.get("arrays", []))),
                  loop.get("iterations", "n"), loop.get("square", False), None)


def share(rows):
    """Of the rows, how many per cent are native."""
    return 100 * sum(row.reason is None for row in rows) / len(rows)


def main():
    rows = load()
    interpreted = [row for row in rows if row.reason]
    print(f"native: {len(rows) - len(interpreted)} of {len(rows)} rows, {share(rows):.1f} %")
    for row in interpreted:
        print(f"  {row.reason:10} {row.name}")


if __name__ == "__main__":
    main()
