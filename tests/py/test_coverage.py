"""Every operator with every type, every dtype with every access: the rows of tests/coverage*.toml."""

import math
import os

import pytest

import native
from differ import params
from freeze import freeze
from rows import TESTS, load, share

DOCS = os.path.join(os.path.dirname(TESTS), "docs", "semantics.md")

ROWS = load()


def test_the_table_is_complete():
    assert len(ROWS) > 700
    with open(os.path.join(os.path.dirname(TESTS), "src", "hl_ir.h")) as f:
        table = f.read().split("#define HL_MATHDEF(_)")[1].split("#undef")[0]
    compiled = {part.split('"')[1] for part in table.split("_(")[1:] if '"' in part}
    tested = {row.name.split()[1] for row in ROWS if row.name.startswith("math: ")}
    assert compiled <= tested | {"complex_abs"}  # of the parts of a complex number
    functions = {name for name in dir(math) if callable(getattr(math, name)) and name[0] != "_"}
    assert functions == tested | {row.name.split()[4] for row in ROWS if row.name.startswith("math without")}


def test_the_share_is_what_the_documentation_says():
    """Rows that are native, which test_row shows of each; the figure in it, without its fraction, is counted."""
    assert share(ROWS) >= 95
    with open(DOCS) as f:
        assert f"{int(share(ROWS))} % of the rows" in f.read(), f"docs/semantics.md has not {share(ROWS):.1f} %"


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_row(row):
    import hotloop
    plain = row.make(reference=True)
    with params(threshold=2, sync=1):
        jitted = hotloop.jit(row.make(reference=False))
        iterations = 0
        for (n, expected_args), (_, args) in zip(row.calls(), row.calls()):
            expected = freeze((plain(n, *expected_args), expected_args))
            assert freeze((jitted(n, *args), args)) == expected
            iterations += eval(row.iterations, {"n": n})
    if row.reason is None:
        native.assert_native(jitted, 0.9, iterations)
        native.assert_unboxed(jitted)
    else:
        assert native.native_iterations(jitted) < 0.9 * iterations, "is native now: update coverage.toml"
        assert row.reason in native.reasons(jitted), native.explain(jitted)
        with open(DOCS) as f:
            assert f"`{row.reason}`" in f.read(), f"docs/semantics.md does not explain {row.reason}"
