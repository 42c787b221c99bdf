#include <stdint.h>

int64_t binary_search(const int64_t *values, int64_t n, const int64_t *queries, int64_t nqueries)
{
    int64_t found = 0;
    for (int64_t i = 0; i < nqueries; i++) {
        int64_t query = queries[i], low = 0, high = n;
        while (low < high) {
            int64_t middle = (low + high) / 2;
            if (values[middle] < query)
                low = middle + 1;
            else
                high = middle;
        }
        if (low < n && values[low] == query)
            found++;
    }
    return found;
}
