/* hl_llvm_int.h - private to the LLVM back end: emitter, run-time helpers and session see each other
 * through this. */
#ifndef HL_LLVM_INT_H
#define HL_LLVM_INT_H

#include <llvm-c/Core.h>

#include "hl_emit.h"
#include "hl_llvm_rt.h"

/* Adds a region to a module, which has its data layout already, as a function called `name`, not yet
 * optimised. 0, or -1 = out of memory. */
int hl_llvm_emit(LLVMModuleRef mod, const char *name, const HlIr *ir, const HlPlan *plans,
                 const HlEmitEnv *env);

#endif
