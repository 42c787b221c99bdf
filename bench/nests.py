"""Nests of four loops with six branches: how often, and how long, they are compiled before all of it runs natively."""
import numpy as np


def even(a, n):
    """Branches that go both ways often; 40 iterations in every loop."""
    s, t = 0, 0.0
    for i in range(n):
        if i & 1:
            t += 1.5
        for j in range(n):
            if (i + j) % 3 == 0:
                s += 1
            else:
                s -= 2
            for k in range(n):
                x = a[j, k]
                if x > 0.5:
                    t += x
                for m in range(n):
                    v = a[k, m]
                    if v > x:
                        t += v * 0.5
                    elif v < 0.1:
                        s += m
                    if m == k:
                        s ^= 3
    return s, t


def rare(a, n):
    """Branches that are taken once in 7 to 100 iterations."""
    s, t = 0, 0.0
    for i in range(n):
        if i % 7 == 3:
            t += 1.5
        for j in range(n):
            if (i + j) % 11 == 0:
                s += 1
            for k in range(n):
                x = a[j, k]
                if x > 0.95:
                    t += x
                for m in range(n):
                    v = a[k, m]
                    if v > 0.99:
                        t += v * 0.5
                    elif v < 0.02:
                        s += m
                    if m == k:
                        s ^= 3
    return s, t


def triangle(a, n):
    """Trip counts that change, `continue`, and a branch that nobody takes in the first thousand iterations."""
    hits, best = 0, 0.0
    for i in range(n):
        row = 0.0
        for j in range(n):
            acc = 0.0
            if i == j:
                continue
            for k in range(n):
                if k == i or k == j:
                    acc -= 1.0
                for m in range(k):
                    v = a[k, m] * a[j, i]
                    if v > 0.9:
                        hits += 1
                    elif m > 30:
                        acc += v
                    else:
                        acc -= v
            if acc > row:
                row = acc
        if row > best:
            best = row
    return hits, best


def clamp(a, n):
    """A variable that is a Python float or NumPy's, by turns: two machine codes for the loops inside."""
    total, count = 0, 0
    for i in range(n):
        for j in range(n):
            w = a[i, j]
            if w < 0.3:
                w = 0.3
            elif w > 0.9:
                w = 0.9
            for k in range(n):
                if a[j, k] < w:
                    count += 1
                    for m in range(n):
                        if a[k, m] > w:
                            total += m
                        elif m % 8 == 0:
                            total -= 1
                else:
                    count -= 1
                if count > 1000000:
                    count = 0
    return total, count


def window(a, n):
    """Seven by seven pixels around each, clamped at the borders."""
    total = 0.0
    for i in range(n):
        for j in range(n):
            s = 0.0
            for k in range(-3, 4):
                y = i + k
                if y < 0:
                    y = 0
                elif y >= n:
                    y = n - 1
                for m in range(-3, 4):
                    x = j + m
                    if x < 0:
                        x = 0
                    elif x >= n:
                        x = n - 1
                    if k == 0 and m == 0:
                        s += a[y, x]
                    else:
                        s += 0.5 * a[y, x]
            if s > total:
                total = s
    return total


SIZES = {even: 40, rare: 40, triangle: 40, clamp: 40, window: 100}
NAMES = [f.__name__ for f in SIZES]


def inputs(n):
    return np.random.default_rng(1).random((n, n)), n
