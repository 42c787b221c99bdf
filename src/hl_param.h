/* hl_param.h - the tunables, in one table. Each may be set by the environment. */
#ifndef HL_PARAM_H
#define HL_PARAM_H

#include "hl_def.h"

/* _(name, default, environment variable or NULL, "meaning") */
/* clang-format off */
#define HL_PARAMDEF(_)                                                                             \
    _(threshold, 300, "HOTLOOP_THRESHOLD", "back-edges of a loop before it is recorded")           \
    _(sync, 0, "HOTLOOP_SYNC", "1: compile in place instead of in a background thread")            \
    _(hot_exit, 12, NULL, "times that an exit is taken before it is recorded")                     \
    _(batch, 8000, NULL, "interpreted iterations, per 100 instructions, before a region that has grown is compiled") \
    _(nest_ends, 60, NULL, "times that a loop comes to its end before the one around it is recorded") \
    _(max_path, 2000, NULL, "bytecodes in one recorded path")                                      \
    _(max_record, 6000, NULL, "bytecodes in one recording, paths that are followed included")     \
    _(settle, 40, NULL, "back-edges without a new path after which a recording ends")              \
    _(max_blocks, 300, NULL, "blocks in a region")                                                 \
    _(max_variants, 6, NULL, "blocks of different types at one bytecode position")                 \
    _(max_regions, 4, NULL, "regions of one loop header (entry types) at a time")                  \
    _(max_compiles, 12, NULL, "compiles of one region")                                            \
    _(max_tries, 4, NULL, "recordings of a loop header that may fail before it is given up")       \
    _(no_steps, 0, "HOTLOOP_NO_STEPS", "1: machine code ends where something has none")            \
    _(step_gain, 30, NULL, "native bytecodes per step below which a loop is not compiled with steps") \
    _(max_steps, 60, NULL, "steps in a region")                                                    \
    _(max_slots, 250, NULL, "locals and stack slots of a function that is compiled")               \
    _(max_inline, 6, NULL, "calls of Python functions inside each other that are compiled inline") \
    _(max_recursion, 3, NULL, "calls of one function inside each other that are compiled inline")
/* clang-format on */

#define HL_PARAM_FIELD(name, def, env, doc) int name;
typedef struct HlParams {
    HL_PARAMDEF(HL_PARAM_FIELD)
} HlParams;
#undef HL_PARAM_FIELD
extern HlParams hl_params;

typedef struct HlParamInfo {
    const char *name;
    int *value;
    int def;
    const char *env, *doc;
} HlParamInfo;
extern const HlParamInfo hl_param_info[]; /* ends with name = NULL */

/* Reads the environment; 0, or -1 and a message in err that names each variable whose value was not
 * taken (its default stays). */
int hl_param_init(char *err, size_t err_size);
/* The values that a parameter may have, in words; and whether `value` is one. */
const char *hl_param_range(const HlParamInfo *p);
bool hl_param_fits(const HlParamInfo *p, long value);

#endif
