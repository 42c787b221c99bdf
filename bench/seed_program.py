from hotloop import jit
import numpy as np

np.random.seed(1)

@jit
def sum_of_squares(arr):
    total = 0
    for i in range(arr.size):
        total += arr[i] ** 2
    return total

print(sum_of_squares(np.random.rand(1_000_000)))
