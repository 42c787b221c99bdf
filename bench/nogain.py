"""Functions that @jit cannot make faster: it must not make them slower either. Each runs for about
half a second in the interpreter with the count beside it. They are undecorated here."""
from fractions import Fraction


def generator_expression(n):
    total = 0
    for k in range(n):
        total += sum(x * k for x in (1, 2, 3, 4, 5, 6, 7, 8))
    return total


class Counter:
    def __init__(self):
        self.entered = 0

    def __enter__(self):
        self.entered += 1
        return self

    def __exit__(self, *exc):
        return False


def try_with(n):
    counter = Counter()
    failures = 0
    for k in range(n):
        try:
            with counter:
                if k % 16 == 0:
                    raise ValueError(k)
        except ValueError:
            failures += 1
    return failures, counter.entered


def dict_of_lists(n):
    groups = {key: [0] * 8 for key in range(100)}
    for k in range(n):
        row = groups[k % 100]
        row[k % 8] += k
    return groups[7]


class Lazy:
    def __getattr__(self, name):
        return len(name)


def getattr_class(n):
    lazy = Lazy()
    total = 0
    for _ in range(n):
        total += lazy.something
    return total


def alternating_types(n):
    values = [1, 2.5, True, 3j, Fraction(1, 2), 10**30, "ab", (1, 2)]
    hits = 0
    for k in range(n):
        value = values[k % 8]
        twice = value * 2
        if twice == value:
            hits += 1
    return hits


SHAPES = {
    generator_expression: 1_300_000,
    try_with: 3_000_000,
    dict_of_lists: 9_500_000,
    getattr_class: 1_500_000,
    alternating_types: 2_700_000,
}
