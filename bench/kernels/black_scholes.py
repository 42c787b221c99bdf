"""Prices of n European calls and puts, by Black and Scholes."""
import math

SIZE, SMOKE, HOT = 300_000, 5_000, 1_000
NUMPY = True
CHANGES = (3, 4)
C_RESULT = None


def kernel(prices, strikes, years, calls, puts, rate, volatility):
    for i in range(len(prices)):
        spread = volatility * math.sqrt(years[i])
        d1 = (math.log(prices[i] / strikes[i])
              + (rate + 0.5 * volatility * volatility) * years[i]) / spread
        d2 = d1 - spread
        n1 = 0.5 * (1.0 + math.erf(d1 / math.sqrt(2.0)))
        n2 = 0.5 * (1.0 + math.erf(d2 / math.sqrt(2.0)))
        discounted = strikes[i] * math.exp(-rate * years[i])
        calls[i] = prices[i] * n1 - discounted * n2
        puts[i] = discounted * (1.0 - n2) - prices[i] * (1.0 - n1)


def inputs(n):
    import numpy as np
    rng = np.random.default_rng(34)
    return (rng.uniform(5.0, 30.0, n), rng.uniform(1.0, 100.0, n), rng.uniform(0.25, 10.0, n),
            np.zeros(n), np.zeros(n), 0.02, 0.3)


def iterations(n):
    return n
