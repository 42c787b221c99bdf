"""How many bits are set in the numbers below n, by Kernighan's loop."""
SIZE, SMOKE, HOT = 1_000_000, 5_000, 500
NUMPY = False
CHANGES = ()
C_RESULT = "int64_t"


def kernel(n):
    total = 0
    for i in range(n):
        while i:
            i &= i - 1
            total += 1
    return total


def inputs(n):
    return (n,)


def iterations(n):
    return kernel(n)
