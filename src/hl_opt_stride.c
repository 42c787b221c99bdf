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

static HlRef stride_emit(HlIr *ir, HlIns ins)
{
    ins.exit =
        ins.op == HL_I_GUARD_TRUE ? hl_ir_exit(ir, ir->exits[ir->entry_exit].snap, HL_R_ARRAY) : -1;
    if (ins.op == HL_I_GUARD_TRUE && ins.exit < 0)
        return HL_NOREF;
    if (ins.exit >= 0)
        ir->exits[ins.exit].origin = ir->entry_exit;
    ins.pc = ir->blocks[0].pc;
    return hl_ir_emit(ir, 0, &ins);
}

/* Puts the last n instructions of the entry block behind position i. */
static void stride_move_last(HlRefVec *v, int32_t i, int32_t n)
{
    HlRef last[3];
    memcpy(last, &v->v[v->n - n], (size_t)n * sizeof *last);
    memmove(&v->v[i + 1 + n], &v->v[i + 1], (size_t)(v->n - n - i - 1) * sizeof *v->v);
    memcpy(&v->v[i + 1], last, (size_t)n * sizeof *last);
}

/* Guards the stride at position i of the entry block; what replaces it, HL_NOREF = out of memory. */
static HlRef stride_guard(HlIr *ir, int32_t i, int64_t size)
{
    HlRef stride = ir->blocks[0].ins.v[i];
    HlRef unit = stride_emit(
        ir, (HlIns){.op = HL_I_KINT, .type = HL_TYPE(I64), .a = HL_NO_ARGS, .imm.i = size});
    HlRef ok = unit < 0
                   ? HL_NOREF
                   : stride_emit(ir, (HlIns){.op = HL_I_ICMP,
                                             .aux = HL_EQ,
                                             .type = HL_TYPE(BOOL),
                                             .a = {stride, unit, HL_NOREF, HL_NOREF, HL_NOREF}});
    HlRef guard = ok < 0
                      ? HL_NOREF
                      : stride_emit(ir, (HlIns){.op = HL_I_GUARD_TRUE,
                                                .type = HL_TYPE(VOID),
                                                .a = {ok, HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF}});
    if (guard < 0)
        return HL_NOREF;
    stride_move_last(&ir->blocks[0].ins, i, 3);
    return unit;
}

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
        HlRef unit = stride_guard(ir, i, hl_dtype_size(t.dtype));
        HlRef *map = unit < 0 ? NULL : hl_opt_map(ir, 0);
        if (!map)
            return -1;
        HlRef ok = v->v[i + 2];
        map[stride] = unit;
        hl_opt_apply(ir, map);
        ir->ins[ok].a[0] = stride;
        hl_mem_free(map);
        i += 3;
    }
    return 0;
}
