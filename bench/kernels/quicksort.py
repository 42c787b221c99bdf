"""Quicksort of n float64 values in place, with a stack of the parts that are left to sort."""
SIZE, SMOKE, HOT = 100_000, 1_000, 400
NUMPY = True
CHANGES = (0, 1)
C_RESULT = None


def kernel(values, stack):
    stack[0] = 0
    stack[1] = len(values) - 1
    top = 2
    while top > 0:
        top -= 2
        low = stack[top]
        high = stack[top + 1]
        while low < high:
            pivot = values[(low + high) // 2]
            i = low
            j = high
            while i <= j:
                while values[i] < pivot:
                    i += 1
                while values[j] > pivot:
                    j -= 1
                if i <= j:
                    values[i], values[j] = values[j], values[i]
                    i += 1
                    j -= 1
            # The longer part waits, so that the stack stays short.
            if j - low < high - i:
                stack[top] = i
                stack[top + 1] = high
                high = j
            else:
                stack[top] = low
                stack[top + 1] = j
                low = i
            top += 2


def inputs(n):
    import numpy as np
    return (np.random.default_rng(36).random(n), np.zeros(128, np.int64))


def iterations(n):
    """How often i or j moves by one."""
    values = inputs(n)[0].tolist()
    parts = [(0, n - 1)]
    moves = 0
    while parts:
        low, high = parts.pop()
        if low < high:
            pivot = values[(low + high) // 2]
            i, j = low, high
            while i <= j:
                while values[i] < pivot:
                    i += 1
                while values[j] > pivot:
                    j -= 1
                if i <= j:
                    values[i], values[j] = values[j], values[i]
                    i += 1
                    j -= 1
            moves += i - low + high - j
            parts += [(low, j), (i, high)]
    return moves
