"""The shade of hills under the sun, by Horn's slopes: n rows of the Jacksboro fault's elevations, from
matplotlib's sample data, mirrored to the south where they end."""
import math

SIZE, SMOKE, HOT = 450, 12, 4
NUMPY = True
CHANGES = (1,)
C_RESULT = None


def kernel(heights, shade, cell, azimuth, altitude):
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


def inputs(n):
    import importlib.util
    import os

    import numpy as np

    # Its file alone: importing matplotlib would be half of a process' time and memory.
    package = importlib.util.find_spec("matplotlib").submodule_search_locations[0]
    path = os.path.join(package, "mpl-data", "sample_data", "jacksboro_fault_dem.npz")
    with np.load(path) as data:
        north = data["elevation"].astype(np.float64)
    heights = np.concatenate((north, north[::-1]))[:n]
    return (heights, np.zeros(heights.shape), 90.0, 5.5, 0.8)


def iterations(n):
    return (n - 2) * (403 - 2)
