/* hl_step.h - steps: instructions that CPython's evaluator executes in the middle of machine code. */
#ifndef HL_STEP_H
#define HL_STEP_H

#include "hl_region.h"

/* What STEP calls. 0 = machine code goes on; else act->go (and act->result) say what the driver does. */
int hl_step_run(HlActivation *act, int64_t *out, int64_t exit);

/* Is a sequence that an iterator goes over what machine code, which has it as a `t`, takes it for? An
 * array can become one of another shape or dtype. */
bool hl_step_seq_kept(HlType t, PyObject *seq);

/* Do the instructions from pc to end bind the local? */
bool hl_step_binds(const HlBytecode *b, int32_t pc, int32_t end, int32_t slot);
/* A step from pc to end has ended there. Do the locals hold what they held before (`before`, addresses
 * that are only compared), but for those that its instructions bind, and are those bound? It is not so
 * when a handler of the function led there. */
bool hl_step_kept(const HlBytecode *b, PyObject *const *before, PyObject *const *now, int32_t pc,
                  int32_t end);

#endif
