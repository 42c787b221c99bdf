/* ir_gen.h - random regions and worlds for the fuzz test: valid, never undefined, ending in
 * time. */
#ifndef IR_GEN_H
#define IR_GEN_H

#include "ir_exec.h"

/* A region made from a seed; the same seed gives the same region. */
HlIr *gen_region(uint64_t seed);
/* Objects, globals and inputs to run it with. */
typedef struct GenWorld {
    ExecWorld world;
    ExecObj *pool; /* every object: constants, globals, inputs */
    int npool;
    int64_t *in;
} GenWorld;
void gen_world(const HlIr *ir, uint64_t seed, GenWorld *w);
/* The arrays' items as text, to compare side effects; malloc'ed. */
char *gen_world_text(const GenWorld *w);
void gen_world_free(GenWorld *w);

#endif
