/* hl_bc.h - neutral bytecode: what the recorder, exits and reports speak.
 *
 * hooks/ decodes a CPython code object once into this form. One HlBc exists per CPython code unit
 * index, so that a neutral pc *is* the code-unit offset in the original bytecode; units that are
 * inline caches or EXTENDED_ARG prefixes hold HL_BC_CACHE and are never executed: `next` skips them.
 * An instruction reached through EXTENDED_ARG has its pc at the first EXTENDED_ARG prefix, the place
 * where the evaluator may be resumed; `op_unit` is the unit of the opcode itself. */
#ifndef HL_BC_H
#define HL_BC_H

#include "hl_def.h"

/* _(NAME, "text"): the neutral instruction set. Operand meaning in the comment.
 * Stack effects are those of CPython 3.11's instruction of that name unless said otherwise. */
/* clang-format off */
#define HL_BCDEF(_)                                                                                \
    _(CACHE, "cache")               /* no instruction: cache or prefix unit */                     \
    _(NOP, "nop")                   /* also RESUME, PRECALL, MAKE_CELL done at start, ... */       \
    _(UNSUPPORTED, "unsupported")   /* arg: CPython opcode; name through hl_bc_opname */           \
    _(LOAD_CONST, "load_const")     /* arg: index into co_consts */                                \
    _(LOAD_FAST, "load_fast")       /* arg: slot */                                                \
    _(STORE_FAST, "store_fast")     /* arg: slot */                                                \
    _(DELETE_FAST, "delete_fast")   /* arg: slot */                                                \
    _(LOAD_DEREF, "load_deref")     /* arg: slot of the cell */                                    \
    _(STORE_DEREF, "store_deref")   /* arg: slot of the cell */                                    \
    _(LOAD_GLOBAL, "load_global")   /* arg: index into co_names; arg2: 1 = push NULL first */      \
    _(STORE_GLOBAL, "store_global") /* arg: index into co_names */                                 \
    _(LOAD_ATTR, "load_attr")       /* arg: index into co_names */                                 \
    _(STORE_ATTR, "store_attr")     /* arg: index into co_names */                                 \
    _(LOAD_METHOD, "load_method")   /* arg: index into co_names; pushes method,self or NULL,attr */\
    _(PUSH_NULL, "push_null")                                                                      \
    _(POP_TOP, "pop_top")                                                                          \
    _(COPY, "copy")                 /* arg: n-th from the top, 1 = top */                          \
    _(SWAP, "swap")                 /* arg: n-th from the top, 1 = top */                          \
    _(UNARY, "unary")               /* arg: HlUnary */                                             \
    _(BINARY, "binary")             /* arg: HlBinary; arg2: 1 = in place */                        \
    _(COMPARE, "compare")           /* arg: HlCompare */                                           \
    _(IS_OP, "is_op")               /* arg: 1 = is not */                                          \
    _(CONTAINS_OP, "contains_op")   /* arg: 1 = not in */                                          \
    _(SUBSCR, "subscr")                                                                            \
    _(STORE_SUBSCR, "store_subscr")                                                                \
    _(DELETE_SUBSCR, "delete_subscr")                                                              \
    _(BUILD_TUPLE, "build_tuple")   /* arg: n */                                                   \
    _(BUILD_LIST, "build_list")     /* arg: n */                                                   \
    _(BUILD_SLICE, "build_slice")   /* arg: 2 or 3 */                                              \
    _(UNPACK_SEQUENCE, "unpack_sequence") /* arg: n */                                             \
    _(LIST_APPEND, "list_append")   /* arg: depth of the list */                                   \
    _(GET_ITER, "get_iter")                                                                        \
    _(FOR_ITER, "for_iter")         /* target: where to go on when exhausted (iterator popped) */  \
    _(JUMP, "jump")                 /* target; backward ones are loop back-edges */                \
    _(POP_JUMP_IF, "pop_jump_if")   /* target; arg: HlJumpCond */                                  \
    _(JUMP_IF_OR_POP, "jump_if_or_pop") /* target; arg: 1 = jump if true, keeping the value */     \
    _(KW_NAMES, "kw_names")         /* arg: index into co_consts */                                \
    _(CALL, "call")                 /* arg: positional + keyword count; below them callable pair */\
    _(RETURN_VALUE, "return_value")
/* clang-format on */

#define HL_BC_ENUM(name, text) HL_BC_##name,
typedef enum HlBcOp { HL_BCDEF(HL_BC_ENUM) HL_BC__COUNT } HlBcOp;
#undef HL_BC_ENUM

typedef enum HlUnary { HL_UN_POS, HL_UN_NEG, HL_UN_NOT, HL_UN_INVERT } HlUnary;
typedef enum HlBinary {
    HL_BIN_ADD,
    HL_BIN_AND,
    HL_BIN_FLOORDIV,
    HL_BIN_LSHIFT,
    HL_BIN_MATMUL,
    HL_BIN_MUL,
    HL_BIN_MOD,
    HL_BIN_OR,
    HL_BIN_POW,
    HL_BIN_RSHIFT,
    HL_BIN_SUB,
    HL_BIN_TRUEDIV,
    HL_BIN_XOR
} HlBinary;
/* Values are those of Py_LT .. Py_GE. */
typedef enum HlCompare { HL_LT, HL_LE, HL_EQ, HL_NE, HL_GT, HL_GE } HlCompare;
typedef enum HlJumpCond { HL_IF_FALSE, HL_IF_TRUE, HL_IF_NONE, HL_IF_NOT_NONE } HlJumpCond;

enum {
    HL_BCF_HEADER = 1,   /* some back-edge jumps here: a loop header */
    HL_BCF_BACKEDGE = 2, /* may jump backward to `target`, polling the eval breaker */
    HL_BCF_JOIN = 4      /* two or more predecessors: recorded paths may meet here */
};

typedef struct HlBc {
    uint8_t op;    /* HlBcOp */
    uint8_t flags; /* HL_BCF_* */
    int16_t depth; /* value-stack depth before the instruction; -1 = unreachable */
    int32_t arg;
    int32_t arg2;
    int32_t target;  /* pc of the jump target, -1 = none */
    int32_t next;    /* pc of the instruction behind it */
    int32_t op_unit; /* code unit of the opcode itself (behind EXTENDED_ARG) */
    int32_t line;    /* source line, -1 = none */
    int32_t loop;    /* innermost loop that it belongs to, -1 = none */
} HlBc;

/* A loop: one per header pc. Back-edges of the same header belong to one loop. */
typedef struct HlLoopInfo {
    int32_t header; /* pc */
    int32_t last;   /* pc of the last back-edge to it (`except: continue` is far behind the loop) */
    int32_t parent; /* index of the innermost enclosing loop, -1 = outermost */
    int32_t line;   /* of the `for` or `while` */
} HlLoopInfo;

/* The decoded form of one code object. Slots number CPython's localsplus, then the value stack:
 * slot nlocalsplus + k is stack position k. */
typedef struct HlBytecode {
    HlBc *bc; /* n entries, indexed by pc */
    int32_t n;
    int32_t nslots; /* nlocalsplus + stack size */
    int32_t nlocalsplus;
    uint8_t *is_cell; /* nlocalsplus entries: 1 = the slot holds a cell (own or free variable) */
    HlLoopInfo *loops;
    int32_t nloops;
    bool malformed; /* no compiler made this: not to be trusted; it has no loops */
} HlBytecode;

const char *hl_bc_name(HlBcOp op);
/* Index of the loop whose header is at pc, -1 = none. */
int hl_bc_loop_at(const HlBytecode *b, int32_t pc);
/* Innermost loop that the instruction at pc belongs to, -1 = none. */
int hl_bc_loop_of(const HlBytecode *b, int32_t pc);
/* Is the loop (-1 = none) that one, or inside of it? */
bool hl_bc_loop_within(const HlBytecode *b, int32_t loop, int32_t outer);
void hl_bytecode_free(HlBytecode *b);

#endif
