"""Lengths of the shortest paths between all n nodes of a graph, by Floyd and Warshall."""
SIZE, SMOKE, HOT = 120, 20, 12
NUMPY = True
CHANGES = (0,)
C_RESULT = None


def kernel(dist):
    n = dist.shape[0]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                through = dist[i, k] + dist[k, j]
                if through < dist[i, j]:
                    dist[i, j] = through


def inputs(n):
    import numpy as np
    rng = np.random.default_rng(24)
    dist = rng.uniform(1.0, 100.0, (n, n))
    dist[rng.random((n, n)) < 0.9] = np.inf  # no edge
    np.fill_diagonal(dist, 0.0)
    return (dist,)


def iterations(n):
    return n ** 3
