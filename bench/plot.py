"""The warm times as a chart for the README: how many times faster than CPython each peer is, kernel by
kernel. Drawn from the data alone, as the table is."""
import matplotlib
from measure import failed
from table import TITLE

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

# hotloop is the bar, the peers are marks on it; colours that the colour-blind can tell apart.
BAR = {"color": "#56B4E9", "height": 0.62, "zorder": 2}
MARKS = {
    "c": {"marker": "D", "color": "#222222", "s": 34},
    "numba": {"marker": "o", "color": "#009E73", "s": 46},
    "pypy": {"marker": "^", "color": "#D55E00", "s": 50},
}
GROUPS = ((True, "NumPy arrays"), (False, "Python's own numbers, lists and bytes"))


def speedups(row):
    """CPython's time over that of each peer that has one."""
    base = row["cpython"]["best"]
    return {peer: base / row[peer]["best"] for peer in ("hotloop", *MARKS)
            if peer in row and not failed(row[peer])}


def layout(figures):
    """(y, name, speedups) of each kernel from the top down, and (y, text) of the headings."""
    rows, headings, y = [], [], 0.0
    for numpy, text in GROUPS:
        group = [name for name, row in figures.items()
                 if row["numpy"] is numpy and not failed(row.get("cpython", {"missing": ""}))]
        if not group:
            continue
        headings.append((y, text))
        for name in group:
            y += 1.0
            rows.append((y, name, speedups(figures[name])))
        y += 1.4
    return rows, headings


def draw(data, path):
    rows, headings = layout(data["sections"]["warm"]["figures"])
    values = [value for _, _, found in rows for value in found.values()]
    figure, axes = plt.subplots(figsize=(9, 1.5 + 0.31 * (rows[-1][0] + 1)), dpi=200,
                                layout="constrained")
    axes.set_xscale("log")
    axes.set_xlim(min(0.5, min(values) / 1.3), max(values) * 1.6)
    axes.set_ylim(rows[-1][0] + 0.7, -0.7)
    for y, name, found in rows:
        if "hotloop" in found:
            value = found["hotloop"]
            axes.barh(y, value - 1, left=1, **BAR)
            axes.annotate(f"{value:.3g}x", (max(value, 1), y), va="center", fontsize=9)
    for peer, style in MARKS.items():
        points = [(found[peer], y) for y, _, found in rows if peer in found]
        if points:
            axes.scatter(*zip(*points), zorder=3, label=TITLE[peer], linewidths=0.6,
                         edgecolors="white", **style)
    figure.savefig(path)
    plt.close(figure)
