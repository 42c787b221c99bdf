/* hl_llvm_pause.c - a way through many iterations at once that has failed is not tried again for a while.
 *
 * Strips and rounds (hl_llvm_strip.c, hl_llvm_nest.c) give up where something in them would leave. What
 * made them fail is often near, and trying costs; so after a failure the ordinary body does as many
 * iterations as were tried, and with every failure in a row twice as many. */
#include "hl_llvm_int.h"

enum { PAUSE_DOUBLINGS = 20 };

HlPause hl_llvm_pause(HlEmitter *e)
{
    return (HlPause){.wait = hl_llvm_slot(e, e->i64, "wait"),
                     .failed = hl_llvm_slot(e, e->i64, "failed")};
}

Val hl_llvm_pause_left(HlEmitter *e, const HlPause *p)
{
    return LLVMBuildLoad2(e->b, e->i64, p->wait, "");
}

void hl_llvm_pause_less(HlEmitter *e, const HlPause *p, Val left)
{
    Val args[2] = {left, hl_llvm_int(e, 1)};
    Val less = hl_llvm_intrinsic(e, "llvm.usub.sat", e->i64, args, 2);
    LLVMBuildStore(e->b, less, p->wait);
}

void hl_llvm_pause_begin(HlEmitter *e, const HlPause *p, Val n)
{
    Val times = LLVMBuildLoad2(e->b, e->i64, p->failed, "");
    LLVMBuildStore(e->b, LLVMBuildShl(e->b, n, times, ""), p->wait);
    Val args[2] = {LLVMBuildAdd(e->b, times, hl_llvm_int(e, 1), ""),
                   hl_llvm_int(e, PAUSE_DOUBLINGS)};
    Val limited = hl_llvm_intrinsic(e, "llvm.umin", e->i64, args, 2);
    LLVMBuildStore(e->b, limited, p->failed);
}

void hl_llvm_pause_over(HlEmitter *e, const HlPause *p)
{
    LLVMBuildStore(e->b, hl_llvm_int(e, 0), p->failed);
}
