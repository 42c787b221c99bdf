"""Sum of the integers below n that 3 or 5 divide."""
SIZE, SMOKE, HOT = 10_000_000, 20_000, 2_000
NUMPY = False
CHANGES = ()
C_RESULT = "int64_t"


def kernel(n):
    total = 0
    for i in range(n):
        if i % 3 == 0 or i % 5 == 0:
            total += i
    return total


def inputs(n):
    return (n,)


def iterations(n):
    return n
