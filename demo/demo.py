"""hotloop's demonstration: three programs of plain Python loops, each run by hotloop and by the
interpreter. Exits with status 1 when a result is not the interpreter's, bit for bit.

1. The sum of squares of a million random numbers.
2. A real input: the elevations of the Jacksboro fault, from matplotlib's sample data. Loops make
   their histogram, mean, variance and Otsu's threshold, the height that best splits them in two.
   The histogram is drawn into demo-histogram.png.
3. The same elevations as a map: nested loops over its rows and columns work out how bright each
   cell is under an evening sun. The hills are drawn into demo-hillshade.png.
"""
import math
import os
import struct
import sys
import textwrap
import time

import numpy as np

import hotloop
from hotloop import jit

HISTOGRAM = "demo-histogram.png"
HILLSHADE = "demo-hillshade.png"
ROUNDS = 15  # of the elevation loops: one is over in a tenth of a second even in the interpreter


# --- 1. the loop that everybody writes first ------------------------------------------------------

@jit
def sum_of_squares(arr):
    total = 0
    for i in range(arr.size):
        total += arr[i] ** 2
    return total


# --- 2. elevations --------------------------------------------------------------------------------

@jit
def histogram(heights, low, width, counts):
    last = len(counts) - 1
    for i in range(len(heights)):
        k = int((heights[i] - low) / width)
        if k > last:
            k = last
        counts[k] += 1


@jit
def mean(values):
    total = 0.0
    for i in range(len(values)):
        total += values[i]
    return total / len(values)


@jit
def variance(values, centre):
    total = 0.0
    for i in range(len(values)):
        d = values[i] - centre
        total += d * d
    return total / (len(values) - 1)


@jit
def otsu(counts):
    """The bin after which to cut, so that the variance between the two classes is greatest."""
    total = 0
    moment = 0.0
    for k in range(len(counts)):
        total += counts[k]
        moment += k * counts[k]
    best = -1.0
    cut = 0
    below = 0
    below_moment = 0.0
    for k in range(len(counts) - 1):
        below += counts[k]
        below_moment += k * counts[k]
        above = total - below
        if below > 0 and above > 0:
            gap = below_moment / below - (moment - below_moment) / above
            between = below * above * gap * gap
            if between > best:
                best = between
                cut = k
    return cut


def elevations():
    """Metres, row by row from north to south."""
    from matplotlib.cbook import get_sample_data
    with get_sample_data("jacksboro_fault_dem.npz") as data:
        return data["elevation"].astype(np.float64)


def describe(heights, run, width=4.0):
    """All four loops on one map. `run` gives what runs for a function: by hotloop or interpreted."""
    low = float(heights.min())
    counts = np.zeros(int((heights.max() - low) / width) + 1, np.int64)
    run(histogram)(heights, low, width, counts)
    centre = run(mean)(heights)
    spread = run(variance)(heights, centre)
    cut = run(otsu)(counts)
    return {"counts": counts, "mean": centre, "variance": spread, "bin": cut,
            "threshold": low + (cut + 1) * width, "low": low, "width": width}


def pyplot():
    """matplotlib's, for files only. Imported when it is needed: it takes longer than the loops."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    return plt


def draw_histogram(found, path):
    plt = pyplot()
    counts, low, width = found["counts"], found["low"], found["width"]
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    axes.bar(low + width * np.arange(len(counts)), counts, width, align="edge", color="#7a9e7e")
    axes.axvline(found["threshold"], color="#b03a2e",
                 label=f"Otsu's threshold: {found['threshold']:.0f} m")
    axes.axvline(found["mean"], color="#34495e", linestyle="--",
                 label=f"mean: {found['mean']:.0f} m")
    axes.set(xlabel="elevation (m)", ylabel="cells", title="Jacksboro fault: elevations")
    axes.legend()
    figure.savefig(path, dpi=120)


# --- 3. the map in the evening sun ----------------------------------------------------------------

CELL = 90.0  # metres from one to the next, roughly: 3 seconds of arc
AZIMUTH, ALTITUDE = math.radians(300.0), math.radians(25.0)  # of the sun: in the west-north-west, low


@jit
def hillshade(heights, shade, cell, azimuth, altitude):
    """From 0 (dark) to 1 (facing the sun), by Horn's slopes; the border stays as it is."""
    rows, columns = heights.shape
    for i in range(1, rows - 1):
        for j in range(1, columns - 1):
            east = ((heights[i - 1, j + 1] + 2.0 * heights[i, j + 1] + heights[i + 1, j + 1])
                    - (heights[i - 1, j - 1] + 2.0 * heights[i, j - 1] + heights[i + 1, j - 1]))
            south = ((heights[i + 1, j - 1] + 2.0 * heights[i + 1, j] + heights[i + 1, j + 1])
                     - (heights[i - 1, j - 1] + 2.0 * heights[i - 1, j] + heights[i - 1, j + 1]))
            east /= 8.0 * cell
            south /= 8.0 * cell
            slope = math.atan(math.sqrt(east * east + south * south))
            aspect = math.atan2(-east, south)  # clockwise from north, as the azimuth is
            light = (math.sin(altitude) * math.cos(slope)
                     + math.cos(altitude) * math.sin(slope) * math.cos(azimuth - aspect))
            shade[i, j] = light if light > 0.0 else 0.0


def shaded(heights, run):
    shade = np.zeros(heights.shape)
    run(hillshade)(heights, shade, CELL, AZIMUTH, ALTITUDE)
    return shade


def draw_hillshade(shade, path):
    plt = pyplot()
    inner = shade[1:-1, 1:-1]
    width = 8
    figure, axes = plt.subplots(figsize=(width, width * inner.shape[0] / inner.shape[1] + 0.4),
                                layout="constrained")
    axes.imshow(inner, cmap="gray", vmin=0.0, vmax=1.0)
    axes.set(xticks=[], yticks=[], title="Jacksboro fault: hills in the evening sun")
    figure.savefig(path, dpi=120)


# --- beside each other ----------------------------------------------------------------------------

def interpreted(function):
    """The plain function behind a jitted one (which HOTLOOP=0 leaves plain)."""
    return getattr(function, "__wrapped__", function)


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def same(a, b):
    """Of one type and, bit for bit, of one value."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, float):  # np.float64 too
        return struct.pack("d", a) == struct.pack("d", b)
    return a == b


def compare(title, lines, work):
    """Runs work both ways, prints both results and times; whether the results are the same."""
    native, seconds = timed(lambda: work(lambda f: f))
    plain, plain_seconds = timed(lambda: work(interpreted))
    print(f"\n{title}\n")
    print(f"  {'':18}{'hotloop':>24}{'interpreter':>24}")
    for name, pick in lines:
        print(f"  {name:18}{pick(native)!s:>24}{pick(plain)!s:>24}")
    print(f"  {'time':18}{seconds * 1e3:21.1f} ms{plain_seconds * 1e3:21.1f} ms"
          f"   {plain_seconds / seconds:.1f}x")
    identical = same(native, plain)
    print(f"  results: {'identical' if identical else 'DIFFERENT'}")
    return identical, native


def main():
    print("The same functions by hotloop (its compiling included) and by the interpreter")
    rng = np.random.default_rng(1)
    ok = []

    # Numbers of 26 bits: their squares are exact. With more, CPython's ** 2 (libm's pow) is an ulp
    # off now and then, where machine code's x * x is not.
    arr = rng.integers(0, 2**26, 1_000_000) / 2.0**26
    good, _ = compare("Sum of squares, 1,000,000 numbers", [("sum", lambda s: s)],
                      lambda run: run(sum_of_squares)(arr))
    ok.append(good)

    heights = elevations()
    good, found = compare(
        f"Elevations of the Jacksboro fault, {heights.size:,} cells, {ROUNDS} times",
        [("mean (m)", lambda d: d[-1]["mean"]), ("variance (m2)", lambda d: d[-1]["variance"]),
         ("threshold (m)", lambda d: d[-1]["threshold"]),
         ("fullest bin", lambda d: d[-1]["counts"].max())],
        lambda run: [describe(heights.ravel(), run) for _ in range(ROUNDS)])
    ok.append(good)
    draw_histogram(found[-1], HISTOGRAM)
    print(f"  histogram: {os.path.abspath(HISTOGRAM)}")

    rows, columns = heights.shape
    good, shade = compare(
        f"Hillshade of the Jacksboro fault, {rows} x {columns} cells",
        [("mean", lambda s: f"{s.mean():.6f}"), ("darkest", lambda s: f"{s[1:-1, 1:-1].min():.6f}"),
         ("brightest", lambda s: f"{s.max():.6f}")],
        lambda run: shaded(heights, run))
    ok.append(good)
    draw_hillshade(shade, HILLSHADE)
    print(f"  hillshade: {os.path.abspath(HILLSHADE)}")

    print("\nWhat hotloop did\n")
    for line in hotloop.report().splitlines():
        indent = " " * (len(line) - len(line.lstrip()))
        print(textwrap.fill(line, 79, subsequent_indent=indent + "    ", break_long_words=False))
    return 0 if all(ok) else 1


if __name__ == "__main__":
    sys.exit(main())
