/* hl_bc.c - neutral bytecode: names, look-ups, the end of its life. No Python: C tests use it too. */
#include "hl_bc.h"

#include "hl_mem.h"

#define BC_NAME(name, text) [HL_BC_##name] = text,
static const char *const bc_names[HL_BC__COUNT] = {HL_BCDEF(BC_NAME)};
#undef BC_NAME

const char *hl_bc_name(HlBcOp op)
{
    return (unsigned)op < HL_BC__COUNT ? bc_names[op] : "?";
}

int hl_bc_loop_at(const HlBytecode *b, int32_t pc)
{
    int low = 0, high = b->nloops; /* loops are ordered by header */
    while (low < high) {
        int middle = (low + high) / 2;
        if (b->loops[middle].header < pc)
            low = middle + 1;
        else
            high = middle;
    }
    return low < b->nloops && b->loops[low].header == pc ? low : -1;
}

int hl_bc_loop_of(const HlBytecode *b, int32_t pc)
{
    return pc >= 0 && pc < b->n ? b->bc[pc].loop : -1;
}

bool hl_bc_loop_within(const HlBytecode *b, int32_t loop, int32_t outer)
{
    while (loop >= 0 && loop != outer)
        loop = b->loops[loop].parent;
    return loop >= 0;
}

void hl_bytecode_free(HlBytecode *b)
{
    if (!b)
        return;
    hl_mem_free(b->bc);
    hl_mem_free(b->is_cell);
    hl_mem_free(b->loops);
    hl_mem_free(b);
}
