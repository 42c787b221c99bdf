#include <math.h>
#include <stdint.h>

void black_scholes(const double *restrict prices, int64_t n, const double *restrict strikes,
                   int64_t nstrikes, const double *restrict years, int64_t nyears,
                   double *restrict calls, int64_t ncalls, double *restrict puts, int64_t nputs,
                   double rate, double volatility)
{
    (void)nstrikes;
    (void)nyears;
    (void)ncalls;
    (void)nputs;
    for (int64_t i = 0; i < n; i++) {
        double spread = volatility * sqrt(years[i]);
        double d1 =
            (log(prices[i] / strikes[i]) + (rate + 0.5 * volatility * volatility) * years[i]) /
            spread;
        double d2 = d1 - spread;
        double n1 = 0.5 * (1.0 + erf(d1 / sqrt(2.0)));
        double n2 = 0.5 * (1.0 + erf(d2 / sqrt(2.0)));
        double discounted = strikes[i] * exp(-rate * years[i]);
        calls[i] = prices[i] * n1 - discounted * n2;
        puts[i] = discounted * (1.0 - n2) - prices[i] * (1.0 - n1);
    }
}
