#include <stdint.h>

int64_t parse_ints(const uint8_t *text, int64_t n)
{
    int64_t total = 0, number = 0;
    for (int64_t i = 0; i < n; i++) {
        uint8_t byte = text[i];
        if (48 <= byte && byte <= 57) {
            number = number * 10 + byte - 48;
        } else {
            total += number;
            number = 0;
        }
    }
    return total + number;
}
