"""Sum of the numbers in a text of n bytes: digits, commas and newlines."""
SIZE, SMOKE, HOT = 6_000_000, 20_000, 2_000
NUMPY = False
CHANGES = ()
C_RESULT = "int64_t"


def kernel(text):
    total = 0
    number = 0
    for byte in text:
        if 48 <= byte <= 57:
            number = number * 10 + byte - 48
        else:
            total += number
            number = 0
    return total + number


def inputs(n):
    import random
    rng = random.Random(12)
    numbers = [str(rng.randrange(1_000_000)) for _ in range(n // 6)]
    lines = [",".join(numbers[i:i + 10]) for i in range(0, len(numbers), 10)]
    return ("\n".join(lines).encode().ljust(n, b"\n"),)


def iterations(n):
    return n
