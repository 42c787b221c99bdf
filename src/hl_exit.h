/* hl_exit.h - leaving machine code: from an exit's plan and live values to the interpreter's frame. */
#ifndef HL_EXIT_H
#define HL_EXIT_H

#include "hl_region.h"

/* Rebuilds the frame (off the chain, as it was when the region was entered or after its last step) from
 * r->out: slots, depth, pc; what the slots of inlined calls hold (HlPlan.nslots up to nall) goes to `inner`.
 * Numbers are boxed once each; an object of the frame with the same type and value is used again, so that
 * what came from an object keeps it. `entered`: as in HlActivation; NULL when the region has no steps.
 * Returns 0, or -1 with MemoryError set: then stack slots that could not be made hold None and locals what
 * they held at entry. */
int hl_exit_restore(HlRegion *r, const HlPlan *plan, HlFrame *f, PyObject *const *entered,
                    PyObject **inner);

/* A number, or a reference to an object, as its type has it; NULL with MemoryError. */
PyObject *hl_exit_box(HlType t, int64_t word);
/* Is the number o what hl_exit_box would make? Bit for bit: 0.0 is not -0.0. */
bool hl_exit_is_box(PyObject *o, HlType t, int64_t word);

/* The object that a frame slot stands for: its cell's content when it is a cell; borrowed, may be
 * NULL. */
PyObject *hl_exit_slot_object(const HlBytecode *b, PyObject *const *slots, int32_t slot);

/* The word that machine code has for o if that is of type t, a number's value or an object's address, or the
 * two of a complex number; false = it is not, or NULL. */
bool hl_exit_unbox(PyObject *o, HlType t, int64_t *word);
/* The slots are about to lose o, but the frame keeps it until it is rebuilt. That is the same as long as
 * somebody outside the first n slots holds it too. */
bool hl_exit_outlives(PyObject *o, PyObject *const *slots, int32_t n);

#endif
