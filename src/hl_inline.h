/* hl_inline.h - frames of inlined calls. Machine code that is left inside such calls leaves values
 * behind for frames that do not exist yet: CPython pushes them, they are filled, and run to their end,
 * the innermost first. */
#ifndef HL_INLINE_H
#define HL_INLINE_H

#include "hl_region.h"

/* Brings a frame to its end: as hl_hook_finish. */
typedef PyObject *HlInlinedRun(void *arg, HlFrame *f, HlCode *code, int32_t inlined, bool raised);

typedef struct HlInlined {
    HlRegion *r;
    int32_t inlined;   /* the innermost call */
    int32_t pc;        /* in its code */
    PyObject **values; /* n, of the slots from `first` on; owned */
    int32_t first, n;
    HlInlinedRun *run; /* NULL = hl_hook_finish */
    void *arg;
    int32_t next; /* whose frame is being pushed */
} HlInlined;

/* What the region has compiled inline. */
HlCode *hl_inlined_code(HlRegion *r, int32_t inlined);
/* Runs what the region's own frame called, which is on the chain, as if executing the call. Its value,
 * or NULL with an exception. */
PyObject *hl_inlined_call(HlInlined *in);
/* The same for a frame that is off the chain, which then stands behind the call with the value on its
 * stack (ON), or at the call, which raised. */
HlGo hl_inlined_finish(HlInlined *in, HlFrame *f);
/* Drops values that went into no frame. */
void hl_inlined_free(HlInlined *in);

#endif
