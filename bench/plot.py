"""The warm times as a chart for the README: how many times faster than CPython each peer is, kernel by
kernel. Drawn from the data alone, as the table is."""
import kernels
import matplotlib
from measure import failed
from table import ABSENT, TITLE, times

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: E402

# hotloop is the bar, the others are marks on it, C a line that shows behind the rest; colours that the
# colour-blind can tell apart.
BAR = {"color": "#8CC6EC", "height": 0.68, "zorder": 2, "label": "hotloop"}
MARKS = {
    "c": {"marker": "|", "color": "#111111", "s": 150, "linewidths": 2.2},
    "numba": {"marker": "o", "color": "#00875F", "s": 34, "linewidths": 0.8, "edgecolors": "white"},
    "pypy": {"marker": "^", "color": "#D55E00", "s": 38, "linewidths": 0.8, "edgecolors": "white"},
}
GREY = "#666666"


def speedups(row):
    """CPython's time over that of each peer that has one."""
    base = row["cpython"]["best"]
    return {peer: base / row[peer]["best"] for peer in ("hotloop", *MARKS)
            if not failed(row.get(peer, ABSENT))}


def layout(figures):
    """(y, kernel, speedups) from the top down, and (y, text) of the groups' headings."""
    rows, headings, y = [], [], 0.0
    for text, names in kernels.GROUPS.items():
        group = [name for name in figures
                 if name in names and not failed(figures[name].get("cpython", ABSENT))]
        if group:
            headings.append((y, text))
            rows += [(y + nth, name, speedups(figures[name]))
                     for nth, name in enumerate(group, start=1)]
            y += len(group) + 1.5
    return rows, headings


def draw_axes(axes, rows, headings):
    values = [value for _, _, found in rows for value in found.values()]
    axes.set_xscale("log")
    axes.set_xlim(min(0.6, min(values) / 1.4), max(values) * 1.5)
    axes.set_ylim(rows[-1][0] + 0.8, -0.7)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: "CPython" if x == 1 else f"{x:,g}x"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", labelsize=10)
    axes.tick_params(axis="y", length=0)
    axes.set_yticks([y for y, _, _ in rows], [name for _, name, _ in rows], fontsize=9.5)
    axes.grid(axis="x", which="major", color="#CCCCCC", zorder=0)
    axes.grid(axis="x", which="minor", color="#EEEEEE", zorder=0)
    axes.axvline(1, color="#222222", linewidth=1.4, zorder=4)
    axes.spines[["top", "right", "left"]].set_visible(False)
    for y, text in headings:
        axes.annotate(text, (0, y), xycoords=("axes fraction", "data"), va="center", fontsize=10,
                      weight="bold", zorder=5,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 2.5})


def draw_rows(axes, rows):
    """hotloop's bars, with their factor in a column of its own on the right, and the marks."""
    bars = [(y, found["hotloop"]) for y, _, found in rows if "hotloop" in found]
    axes.barh([y for y, _ in bars], [value - 1 for _, value in bars], left=1, **BAR)
    for y, value in bars:
        axes.annotate(times(value), (1.065, y), xycoords=("axes fraction", "data"), va="center",
                      ha="right", fontsize=9.5)
    axes.annotate("hotloop", (1.065, 0), xycoords=("axes fraction", "data"), va="center",
                  ha="right", fontsize=9.5, weight="bold")
    for peer, style in MARKS.items():
        points = [(found[peer], y) for y, _, found in rows if peer in found]
        if points:
            axes.scatter(*zip(*points), zorder=6, label=TITLE[peer], **style)


def footer(data):
    """The versions, as far as the data has them."""
    def version(peer, key):
        return data["versions"].get(peer, {}).get(key, "")
    named = [("CPython", version("cpython", "python").split(" ")[0]),
             ("PyPy", version("pypy", "python").partition("PyPy ")[2].split(" ")[0]),
             ("Numba", version("numba", "numba")), ("hotloop", version("hotloop", "hotloop"))]
    text = ", ".join(f"{name} {found}" for name, found in named if found)
    return f"{text}; {data['machine']['cpu']}, {data['date'].split(' ')[0]}"


def draw(data, path):
    rows, headings = layout(data["sections"]["warm"]["figures"])
    # 900 pixels wide in a README, drawn with twice as many.
    figure, axes = plt.subplots(figsize=(9, 1.7 + 0.21 * (rows[-1][0] + 1.5)), dpi=200)
    draw_axes(axes, rows, headings)
    draw_rows(axes, rows)
    axes.set_title("Times faster than CPython (log scale)", loc="left", fontsize=13, weight="bold",
                   pad=32)
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda k: labels[k] != "hotloop")
    axes.legend([handles[k] for k in order], [labels[k] for k in order], loc="lower left",
                bbox_to_anchor=(-0.012, 1.0), ncols=4, fontsize=10.5, frameon=False,
                handletextpad=0.5, columnspacing=1.8, borderpad=0.2)
    figure.text(0.99, 0.006, footer(data), ha="right", va="bottom", fontsize=8, color=GREY)
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    figure.savefig(path)
    plt.close(figure)
