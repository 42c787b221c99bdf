"""The start below n with the longest Collatz sequence."""
SIZE, SMOKE, HOT = 80_000, 500, 100
NUMPY = False
CHANGES = ()
C_RESULT = "int64_t"


def kernel(limit):
    best = 0
    longest = 0
    for start in range(1, limit):
        n = start
        steps = 0
        while n != 1:
            if n % 2 == 0:
                n //= 2
            else:
                n = 3 * n + 1
            steps += 1
        if steps > longest:
            longest = steps
            best = start
    return best


def inputs(n):
    return (n,)


def iterations(n):
    steps = 0
    for start in range(1, n):
        while start != 1:
            start = 3 * start + 1 if start % 2 else start // 2
            steps += 1
    return steps
