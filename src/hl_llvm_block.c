/* hl_llvm_block.c - what is done with all items of an axis at once: calls of two functions. NumPy takes a
 * hundred times as long to begin as such a call does. */
#include <string.h>

#include "hl_copy.h"
#include "hl_llvm_int.h"

void hl_llvm_rt_fill(char *to, int64_t stride, int64_t n, int64_t bits, int64_t size)
{
#define FILL(type)                                                                                 \
    for (int64_t i = 0; i < n; i++)                                                                \
        *(type *)(to + i * stride) = (type)bits;                                                   \
    break
    if (stride == size && size == 8) { /* which is worth knowing */
        for (int64_t i = 0; i < n; i++)
            ((int64_t *)to)[i] = bits;
        return;
    }
    switch (size) {
    case 1: FILL(int8_t);
    case 2: FILL(int16_t);
    case 4: FILL(int32_t);
    default: FILL(int64_t);
    }
#undef FILL
}

int hl_llvm_rt_copy(char *to, int64_t to_stride, int64_t n, const char *from, int64_t from_stride,
                    int64_t size)
{
    int order = hl_copy_order((intptr_t)to, to_stride, n, (intptr_t)from, from_stride, size);
    if (!order)
        return 0;
    if (n > 0 && to_stride == size && from_stride == size) {
        memmove(to, from, (size_t)(n * size));
        return 1;
    }
    for (int64_t k = 0; k < n; k++) {
        int64_t i = order > 0 ? k : n - 1 - k;
        char *t = to + i * to_stride;
        const char *f = from + i * from_stride;
        switch (size) {
        case 1: *t = *f; break;
        case 2: *(int16_t *)t = *(const int16_t *)f; break;
        case 4: *(int32_t *)t = *(const int32_t *)f; break;
        case 8: memmove(t, f, 8); break; /* of a complex64 only each part is aligned */
        default: memmove(t, f, (size_t)size);
        }
    }
    return 1;
}

void hl_llvm_fill(HlEmitter *e, const HlIns *ins, Val *a)
{
    HlDtype d = (HlDtype)ins->aux;
    Val item = hl_llvm_shorten_item(e, d, a[3]);
    LLVMTypeRef type = LLVMTypeOf(item);
    if (type == e->f32)
        item = LLVMBuildBitCast(e->b, item, e->i32, "");
    else if (type == e->f64)
        item = LLVMBuildBitCast(e->b, item, e->i64, "");
    item = LLVMBuildZExtOrBitCast(e->b, item, e->i64, "");
    /* One part of a complex item is filled. */
    int64_t size = hl_dtype_size(hl_dtype_part(d));
    LLVMTypeRef params[5] = {e->ptr, e->i64, e->i64, e->i64, e->i64};
    Val args[5] = {a[0], a[1], a[2], item, hl_llvm_int(e, size)};
    hl_llvm_call(e, (void *)hl_llvm_rt_fill, LLVMVoidTypeInContext(e->ctx), params, args, 5);
}

void hl_llvm_copy(HlEmitter *e, const HlIns *ins, Val *a)
{
    LLVMTypeRef params[6] = {e->ptr, e->i64, e->i64, e->ptr, e->i64, e->i64};
    Val args[6] = {a[0], a[1], a[2], a[3], a[4], hl_llvm_int(e, hl_dtype_size((HlDtype)ins->aux))};
    Val done = hl_llvm_call(e, (void *)hl_llvm_rt_copy, e->i32, params, args, 6);
    hl_llvm_guard(e, ins, LLVMBuildICmp(e->b, LLVMIntNE, done, LLVMConstNull(e->i32), ""));
}
