/* hl_reason.h - every named reason for which hotloop interprets: why a recording stopped, why
 * machine code was left, why a function is not counted. Each has a counter and reaches the report. */
#ifndef HL_REASON_H
#define HL_REASON_H

/* _(NAME, "text in reports") */
/* clang-format off */
#define HL_REASONDEF(_)                                                                            \
    _(NONE, "none")                                                                                \
    /* exits of machine code (guards) */                                                           \
    _(BRANCH, "branch not seen before")                                                            \
    _(LOOP_END, "loop ended")                                                                      \
    _(TYPE, "type changed")                                                                        \
    _(ARRAY, "array layout or dtype changed")                                                      \
    _(OVERFLOW, "integer overflow")                                                                \
    _(INDEX, "index out of range")                                                                 \
    _(ZERODIV, "division by zero")                                                                 \
    _(FPCHECK, "floating-point warning due")                                                       \
    _(RANGE, "value out of the machine code's range")                                              \
    _(LENGTH, "another length of a short axis or loop")                                            \
    _(GLOBAL, "global or builtin changed")                                                         \
    _(UNBOUND, "variable not bound")                                                               \
    _(READONLY, "array is read-only")                                                              \
    _(MATH, "math function raises")                                                                \
    _(RELEASE, "list items wait to be released")                                                   \
    _(POLL, "signal, pending call or thread switch")                                               \
    _(RETURN, "function returned")                                                                 \
    _(ENTRY, "types at loop entry differ")                                                         \
    _(CALLEE, "another function is called")                                                        \
    /* recordings that stopped */                                                                  \
    _(NYI_OP, "bytecode not compiled yet")                                                         \
    _(NYI_CALL, "call not compiled yet")                                                           \
    _(NYI_CALLEE, "function of a kind that is not compiled inline yet")                            \
    _(CALL_DEPTH, "calls nested too deep to be compiled inline")                                   \
    _(CALL_RECURSION, "recursion too deep to be compiled inline")                                  \
    _(NYI_ATTR, "attribute access not compiled yet")                                               \
    _(NYI_TYPE, "operand types not compiled yet")                                                  \
    _(NYI_SUBSCR, "subscript not compiled yet")                                                    \
    _(NYI_ITER, "iteration over this object not compiled yet")                                     \
    _(NYI_GLOBAL, "global lookup not compiled yet")                                                \
    _(NYI_UNBOUND, "unbound local")                                                                \
    _(RAISED, "an exception was raised while recording")                                           \
    _(INTERRUPTED, "interrupted by a signal or thread switch while recording")                     \
    _(BIGINT, "integer beyond 64 bits")                                                            \
    _(TOO_LONG, "recorded path too long")                                                          \
    _(TOO_MANY_BLOCKS, "too many blocks in the region")                                            \
    _(TOO_MANY_VARIANTS, "too many type variants of one loop header")                              \
    _(TOO_MANY_COMPILES, "too many recompiles of the region")                                      \
    _(TOO_MANY_SLOTS, "too many local variables")                                                  \
    _(NO_LOOP, "recorded path left the loop before closing it")                                    \
    _(MISMATCH, "recording took another path than the region")                                     \
    _(NO_MEMORY, "out of memory")                                                                  \
    _(LLVM, "LLVM failed")                                                                         \
    _(ERRSTATE, "np.errstate(under=...) is not 'ignore'")                                          \
    /* functions that run plainly */                                                               \
    _(GENERATOR, "generator or coroutine")                                                         \
    _(TRACING, "tracing or profiling is on")                                                       \
    _(OTHER_HOOK, "another frame-evaluation hook is installed")                                    \
    _(GIVEN_UP, "loop given up")                                                                   \
    _(NO_NATIVE_GAIN, "machine code was left too often to gain")                                   \
    _(REPLACED, "machine code for other entry types took its place")
/* clang-format on */

#define HL_REASON_ENUM(name, text) HL_R_##name,
typedef enum HlReason { HL_REASONDEF(HL_REASON_ENUM) HL_R__COUNT } HlReason;
#undef HL_REASON_ENUM

/* The report's text for a reason, and its stable lower-case key ("nyi_call"). */
const char *hl_reason_text(HlReason r);
const char *hl_reason_key(HlReason r);

#endif
