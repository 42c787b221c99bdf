/* hl_nest.h - which loop of a nest is recorded. */
#ifndef HL_NEST_H
#define HL_NEST_H

#include "../hooks/hl_hook.h"
#include "hl_code.h"

/* How many iterations a `for` loop that the frame is in has left; -1 = not known. */
int64_t hl_nest_left(const HlCode *code, int loop, HlFrame *f);

/* Are the loop's iterations few, every time that the program comes to it? Then what is worth recording is the
 * loop around it. */
bool hl_nest_is_short(const HlCode *code, int loop);

/* Iterations that the interpreter has made of the loop and of those inside of it. */
int64_t hl_nest_interpreted(const HlCode *code, int loop);

/* Has a loop around it a region, which makes the loop's iterations, or will when it has grown? */
bool hl_nest_is_inside(const HlCode *code, int loop);

/* The loop has run hot, and the frame is in it or at its end: has a loop around it recorded when the program is
 * back at the header of that. False = there is none, or none that is worth it. */
bool hl_nest_record_around(HlCode *code, int loop, HlFrame *f);

/* The frame is where the region's loop has come to its end: counts that, and has the loop around recorded when
 * entering machine code for each of its iterations has cost enough. */
void hl_nest_ended(struct HlRegion *r, HlFrame *f);

#endif
