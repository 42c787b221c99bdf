/* hl_stats.h - what happened to each loop, as the report needs it. Counters live where they are
 * counted (HlCode, HlLoop, HlRegion, HlExitStat); this adds the recordings that failed, and turns
 * all of it into Python dicts. With the GIL. */
#ifndef HL_STATS_H
#define HL_STATS_H

#include "hl_code.h"

/* A recording of `loop` stopped at pc, or a compile of it failed (pc = the loop's header). Never
 * raises; out of memory, it is counted without its place. */
void hl_stats_note(HlCode *code, int loop, int32_t pc, HlReason why);

/* @jit(nopython=True): a loop was given up. Issues hotloop.FallbackWarning when the function asked
 * for it. Runs Python code (filters, showwarning): the function's frame must be on the thread's
 * chain. 0, or -1 with the exception that a filter made of the warning. */
int hl_warn_fallback(HlCode *code, int loop, HlReason why);

/* The code object goes away: its numbers move to the totals. Before its regions are freed; runs no
 * Python code. */
void hl_stats_forget(HlCode *code);

/* One dict for a code object; a list of one for each live code object; the sums over freed ones. */
PyObject *hl_stats_code(HlCode *code);
PyObject *hl_stats_all(void);
PyObject *hl_stats_forgotten(void);

/* hotloop.FallbackWarning; NULL before hl_stats_init. */
extern PyObject *hl_fallback_warning;
int hl_stats_init(void); /* 0, or -1 with an exception */

#endif
