/* hl_opt_stride.c - arrays whose items lie next to each other, as nearly all do, need no stride.
 *
 *   entry:                                  entry:
 *     %s = array_stride 0 %a                  %s = array_stride 0 %a
 *     ...                                     %unit = kint 8
 *   loop:                            =>       %ok = icmp eq %s %unit
 *     %v = array_load %d %s %i                guard_true %ok -> entry
 *                                           loop:
 *                                             %v = array_load %d %unit %i
 *
 * An address is part of the instruction then, instead of a multiplication. The guards are of our own
 * making, with copies of the entry exit: a failure is as if the region had not been entered. When one
 * fails often, or when the recorder met an array with another stride, the entry exit itself is marked
 * `stay`, and the region is compiled without them.
 *
 * Requirement: hoist has moved what reads strides into the entry block. */
#include "hl_opt.h"

int hl_opt_stride(HlIr *ir)
{
    if (ir->entry_exit < 0 || ir->exits[ir->entry_exit].stay)
        return 0;
    HlRefVec *v = &ir->blocks[0].ins;
    for (int32_t i = 0; i < v->n; i++) {
        HlRef stride = v->v[i];
        const HlIns *ins = &ir->ins[stride];
        HlType t = ins->op == HL_I_ARRAY_STRIDE ? ir->ins[ins->a[0]].type : HL_TYPE(VOID);
        if (t.base != HL_T_ARR || ins->aux != t.ndim - 1)
            continue;
        if (hl_opt_pin(ir, stride, i, hl_dtype_size(t.dtype), HL_R_ARRAY))
            return -1;
        i += HL_PIN_INS;
    }
    return 0;
}
