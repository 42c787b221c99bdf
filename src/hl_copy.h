/* hl_copy.h - items of an array copied to where they may overlap. */
#ifndef HL_COPY_H
#define HL_COPY_H

#include "hl_def.h"

/* The order in which n items of `size` bytes can be copied one by one, the strides in bytes, so that it is as if all
 * were read before the first is written, as NumPy does it: 1 = from the first on, -1 = from the last, 0 =
 * neither. Items that are written into each other, as those of complex numbers may be, NumPy writes in the
 * order of their addresses. */
static inline int hl_copy_order(intptr_t to, int64_t to_stride, int64_t n, intptr_t from,
                                int64_t from_stride, int64_t size)
{
    if (n <= 0 || (n == 1 && to == from))
        return 1;
    int64_t to_last = (n - 1) * to_stride, from_last = (n - 1) * from_stride;
    intptr_t to_low = to + (to_last < 0 ? to_last : 0), to_high = to + (to_last > 0 ? to_last : 0);
    intptr_t from_low = from + (from_last < 0 ? from_last : 0);
    intptr_t from_high = from + (from_last > 0 ? from_last : 0);
    if (to_high + size <= from_low || from_high + size <= to_low)
        return to_stride < 0 && to_stride > -size ? -1 : 1;
    if (to_stride != from_stride || (to_stride < size && to_stride > -size) || (to - from) % size)
        return 0;
    return (to <= from) == (to_stride > 0) ? 1 : -1;
}

#endif
