/* hl_ir.h - the intermediate representation: a region, a graph of typed SSA blocks.
 *
 * A region is rooted at a loop header. Block 0 is the entry: its parameters are the frame slots that
 * the region reads, already checked and unboxed (HlInput), and it jumps to the root header's block.
 * Every other block begins at a bytecode position. A block holds a straight run of instructions;
 * a guard among them leaves through its exit when it fails. An exit has a snapshot, from which the
 * frame is rebuilt; when the path behind the exit was recorded, `target` is the block that goes on,
 * and machine code jumps there instead. Blocks with several predecessors have parameters; a block
 * that continues an exit has none and uses the values that dominate it.
 *
 * Instruction ids are SSA values. The order of execution is the order in a block's `ins` list.
 * Everything an HlIr points to is owned by it, so that hl_ir_copy gives a unit that a background
 * thread can compile without the GIL. Object constants are addresses; whoever made the IR keeps them
 * alive (HlRegion.objects). */
#ifndef HL_IR_H
#define HL_IR_H

#include "hl_bc.h"
#include "hl_reason.h"
#include "hl_type.h"

typedef int32_t HlRef; /* instruction id = SSA value */
#define HL_NOREF (-1)

/* Effects, in an operation's row. An operation without any is pure: it may be removed when unused,
 * merged with an equal one that dominates it, and moved. */
enum {
    HL_E_GUARD = 1, /* has an exit; leaves when its condition does not hold */
    HL_E_TRAPS = 2, /* undefined for some operands that an earlier guard excludes: never moved up */
    HL_E_RD_ITEMS = 4, /* reads array items */
    HL_E_WR_ITEMS = 8, /* writes array items */
    HL_E_RD_HEADER =
        16, /* reads an array's data pointer, shape, strides; an object's type, value */
    HL_E_RD_GLOBALS = 32, /* reads a module's or the builtins' dictionary, a closure's cell */
    HL_E_PINNED = 64,     /* stays where it is, and is kept (PARAM, POLL) */
    HL_E_RD_LISTS = 128,  /* reads lists: their lengths and items */
    HL_E_WR_LISTS = 256,  /* writes lists */
    HL_E_CALLS = 512,     /* runs Python: all else may change, too */
    HL_E_READS = HL_E_RD_ITEMS | HL_E_RD_LISTS, /* what machine code may have written */
    HL_E_WRITES = HL_E_WR_ITEMS | HL_E_WR_LISTS
};

/* One row per operation: _(NAME, "text", "operands", result, effects)
 * Operands: one letter each: i = i64, f = f64, b = i1, p = pointer, v = any one representation (all
 * v's of a row agree with each other and with a result of v). Result: the same letters, '-' = none.
 * The HlType of an instruction says what the value boxes to and must have the row's representation.
 * `imm`, `aux` and `type` as the comment says. */
/* clang-format off */
#define HL_IRDEF(_)                                                                                \
    _(PARAM, "param", "", v, HL_E_PINNED)                                                          \
    _(KINT, "kint", "", i, 0)                   /* imm.i */                                        \
    _(KFLOAT, "kfloat", "", f, 0)               /* imm.f */                                        \
    _(KBOOL, "kbool", "", b, 0)                 /* imm.i: 0 or 1 */                                \
    _(KOBJ, "kobj", "", p, 0)                   /* imm.i: index into the region's objects */       \
    _(KNULL, "knull", "", p, 0)                 /* no object */                                    \
    /* checks of objects */                                                                        \
    _(GUARD_TYPE, "guard_type", "p", -, HL_E_GUARD | HL_E_RD_HEADER) /* check: the exact type */   \
    _(GUARD_ARRAY, "guard_array", "p", -, HL_E_GUARD | HL_E_RD_HEADER) /* check: an ARR type */    \
    _(GUARD_WRITEABLE, "guard_writeable", "p", -, HL_E_GUARD | HL_E_RD_HEADER)                     \
    _(GUARD_BOUND, "guard_bound", "p", -, HL_E_GUARD)  /* not NULL */                              \
    _(UNBOX_I64, "unbox_i64", "p", i, HL_E_GUARD | HL_E_RD_HEADER) /* int checked; must fit */     \
    _(UNBOX_F64, "unbox_f64", "p", f, HL_E_TRAPS | HL_E_RD_HEADER) /* float or np.float64 */       \
    _(UNBOX_BOOL, "unbox_bool", "p", b, 0)             /* is it Py_True? */                        \
    _(UNBOX_NPI64, "unbox_npi64", "p", i, HL_E_TRAPS | HL_E_RD_HEADER) /* np.int64 */              \
    _(UNBOX_NPBOOL, "unbox_npbool", "p", b, HL_E_TRAPS | HL_E_RD_HEADER) /* np.bool_ */            \
    _(UNBOX_PART, "unbox_part", "p", f, HL_E_TRAPS | HL_E_RD_HEADER) /* of a complex number whose */ \
                                                /* parts have that type; aux 1: the imaginary one */ \
    _(UNBOX_NP, "unbox_np", "p", v, HL_E_TRAPS | HL_E_RD_HEADER) /* aux: dtype, any other */       \
    _(IS, "is", "pp", b, 0)                            /* same object */                           \
    _(RETYPE, "retype", "v", v, 0)                     /* same bits, boxes to another type */      \
    /* globals: imm.i = index into the region's globals */                                         \
    _(GUARD_GLOBAL, "guard_global", "", -, HL_E_GUARD | HL_E_RD_GLOBALS) /* still that object */   \
    _(LOAD_GLOBAL, "load_global", "", p, HL_E_GUARD | HL_E_RD_GLOBALS)   /* exits when missing */  \
    /* Python functions that are called inline */                                                  \
    _(FUNC, "func", "p", p, HL_E_GUARD | HL_E_RD_HEADER) /* the Python function in an object; */   \
        /* aux: HlFuncKind; leaves unless its code is object imm.i */                              \
    _(FUNC_VALUE, "func_value", "p", p, HL_E_GUARD | HL_E_RD_HEADER | HL_E_RD_GLOBALS)             \
        /* what a FUNC gives to slot imm.i: a default, its cell's content; exits when none */      \
    _(FUNC_GLOBAL, "func_global", "p", p, HL_E_GUARD | HL_E_RD_GLOBALS)                            \
        /* imm.i: as LOAD_GLOBAL's, looked up where that FUNC does; exits when missing */          \
    /* conditions */                                                                               \
    _(GUARD_TRUE, "guard_true", "b", -, HL_E_GUARD)                                                \
    _(GUARD_FALSE, "guard_false", "b", -, HL_E_GUARD)                                              \
    _(ICMP, "icmp", "ii", b, 0)                 /* aux: HlCompare, signed */                       \
    _(FCMP, "fcmp", "ff", b, 0)                 /* aux: HlCompare; NaN: only != holds */           \
    _(BNOT, "bnot", "b", b, 0)                                                                     \
    _(BAND, "band", "bb", b, 0)                                                                    \
    _(BOR, "bor", "bb", b, 0)                                                                      \
    _(BXOR, "bxor", "bb", b, 0)                                                                    \
    _(SELECT, "select", "bvv", v, 0)            /* a[0] ? a[1] : a[2]; aux 1: unpredictable */     \
    /* integers; _OV leave when the result does not fit 64 bits */                                 \
    _(ADD, "add", "ii", i, 0)                   /* modulo 2^64, as SUB and MUL */                  \
    _(SUB, "sub", "ii", i, 0)                                                                      \
    _(MUL, "mul", "ii", i, 0)                                                                      \
    _(COUNT_UP, "count_up", "ii", i, 0)         /* ADD that never gets as far as an overflow */    \
    _(ADD_OV, "add_ov", "ii", i, HL_E_GUARD)                                                       \
    _(SUB_OV, "sub_ov", "ii", i, HL_E_GUARD)                                                       \
    _(MUL_OV, "mul_ov", "ii", i, HL_E_GUARD)                                                       \
    _(AND, "and", "ii", i, 0)                                                                      \
    _(OR, "or", "ii", i, 0)                                                                        \
    _(XOR, "xor", "ii", i, 0)                                                                      \
    _(POPCOUNT, "popcount", "i", i, 0)          /* bits that are set, as in 64 bits */             \
    _(SHL_OV, "shl_ov", "ii", i, HL_E_GUARD)    /* leaves unless 0 <= b <= 63 and it fits */       \
    _(SHL, "shl", "ii", i, 0)                   /* NumPy's: 0 unless 0 <= b <= 63; modulo 2^64 */  \
    _(SHR, "shr", "ii", i, 0)                   /* arithmetic; b outside 0..63 acts as 63 */       \
    _(FLOORDIV, "floordiv", "ii", i, HL_E_TRAPS)/* Python's; b != 0 and not MIN / -1 */            \
    _(MOD, "mod", "ii", i, HL_E_TRAPS)          /* Python's sign; same conditions */               \
    _(IPOW_OV, "ipow_ov", "ii", i, HL_E_GUARD)  /* b >= 0 was guarded */                           \
    _(IPOW, "ipow", "ii", i, 0)                 /* modulo 2^64, b >= 0 was guarded */              \
    _(POWMOD, "powmod", "iii", i, 0)            /* a ** b % c as Python has it; b >= 0 and c != 0 */ \
                                                /* were guarded */                                 \
    /* integers of NumPy's widths; uint64 as its 64 bits */                                        \
    _(NARROW, "narrow", "i", i, 0)              /* the low bits, as the dtype aux has them */      \
    _(NARROW_OV, "narrow_ov", "i", i, HL_E_GUARD) /* the same; leaves unless the dtype aux has it */ \
    _(UADD_OV, "uadd_ov", "ii", i, HL_E_GUARD)  /* leave when the result does not fit uint64 */    \
    _(USUB_OV, "usub_ov", "ii", i, HL_E_GUARD)                                                     \
    _(UMUL_OV, "umul_ov", "ii", i, HL_E_GUARD)                                                     \
    _(UDIV, "udiv", "ii", i, HL_E_TRAPS)        /* b != 0 */                                       \
    _(UMOD, "umod", "ii", i, HL_E_TRAPS)        /* b != 0 */                                       \
    _(USHR, "ushr", "ii", i, 0)                 /* logical; 0 unless 0 <= b <= 63 */               \
    _(UITOFP, "uitofp", "i", f, 0)              /* rounds to nearest, ties to even */              \
    /* floats */                                                                                   \
    _(FADD, "fadd", "ff", f, 0)                                                                    \
    _(FSUB, "fsub", "ff", f, 0)                                                                    \
    _(FMUL, "fmul", "ff", f, 0)                                                                    \
    _(FDIV, "fdiv", "ff", f, 0)                                                                    \
    _(FNEG, "fneg", "f", f, 0)                                                                     \
    _(FABS, "fabs", "f", f, 0)                                                                     \
    _(FMOD, "fmod", "ff", f, 0)                 /* Python's and NumPy's %; b != 0 was guarded */   \
    _(FFLOORDIV, "ffloordiv", "ff", f, 0)       /* Python's and NumPy's //; b != 0 was guarded */  \
    _(FPOW, "fpow", "ff", f, 0)                 /* libm pow */                                     \
    _(FMATH1, "fmath1", "f", f, 0)              /* aux: HlMath */                                  \
    _(FMATH2, "fmath2", "ff", f, 0)             /* aux: HlMath */                                  \
    _(FROUND32, "fround32", "f", f, 0)          /* to the nearest float32 */                       \
    _(FFLOORDIV32, "ffloordiv32", "ff", f, 0)   /* NumPy's // of float32; b != 0 was guarded */    \
    _(FPOW32, "fpow32", "ff", f, 0)             /* libm powf */                                    \
    _(FHYPOT32, "fhypot32", "ff", f, 0)         /* libm hypotf */                                  \
    _(UFUNC1, "ufunc1", "pf", f, 0)             /* a KOBJ, a NumPy ufunc: its inner loop for */    \
    _(UFUNC2, "ufunc2", "pff", f, 0)            /* the dtype aux, a float one, called with n = 1 */ \
    _(GUARD_FINITE, "guard_finite", "f", -, HL_E_GUARD)                                            \
    _(GUARD_FP, "guard_fp", "fff", -, HL_E_GUARD) /* r a b: see HL_FP_OK below */                  \
    /* conversions */                                                                              \
    _(SITOFP, "sitofp", "i", f, 0)              /* rounds to nearest, ties to even */              \
    _(GUARD_I53, "guard_i53", "i", -, HL_E_GUARD) /* |a| <= 2^53: converts exactly */              \
    _(ZEXT, "zext", "b", i, 0)                                                                     \
    _(FPTOSI_OV, "fptosi_ov", "f", i, HL_E_GUARD) /* truncates; leaves unless it fits 64 bits */   \
    /* arrays: address of an item, byte stride, element index */                                   \
    _(ARRAY_DATA, "array_data", "p", p, HL_E_RD_HEADER | HL_E_TRAPS) /* aux 1: to the imaginary */ \
                                                /* part of the first item of a complex array */    \
    _(ARRAY_LEN, "array_len", "p", i, HL_E_RD_HEADER | HL_E_TRAPS)   /* aux: axis */               \
    _(ARRAY_STRIDE, "array_stride", "p", i, HL_E_RD_HEADER | HL_E_TRAPS) /* aux: axis */           \
    _(ARRAY_DTYPE, "array_dtype", "p", p, HL_E_RD_HEADER | HL_E_TRAPS) /* the dtype object */       \
    _(ARRAY_ROW, "array_row", "pii", p, 0)      /* that many items further along an axis */        \
    _(ADDRESS, "address", "p", i, 0)            /* as a number */                                  \
    _(INDEX, "index", "ii", i, HL_E_GUARD)      /* index, length: Python's rule for negatives; */  \
                                                /* aux 1: the index is known to be >= 0 */         \
    _(ARRAY_LOAD, "array_load", "pii", v, HL_E_RD_ITEMS | HL_E_TRAPS) /* aux: HlDtype */           \
    _(ARRAY_STORE, "array_store", "piiv", -, HL_E_WR_ITEMS)           /* aux: HlDtype */           \
    _(ARRAY_STORE_IF, "array_store_if", "piivb", -, HL_E_WR_ITEMS)    /* only when a[4] holds */   \
    /* all items of an axis: address, byte stride, how many; aux: HlDtype */                       \
    _(ARRAY_FILL, "array_fill", "piiv", -, HL_E_WR_ITEMS)             /* with one value */         \
    _(ARRAY_COPY, "array_copy", "piipi", -, HL_E_GUARD | HL_E_RD_ITEMS | HL_E_WR_ITEMS)            \
                                       /* from an address by a stride; leaves, before it changes   \
                                        * anything, when they overlap in a way that is left to     \
                                        * NumPy (hl_copy.h) */                                     \
    /* sequences: a checked index; items are borrowed */                                           \
    _(LIST_SIZE, "list_size", "p", i, HL_E_RD_LISTS | HL_E_TRAPS)                                  \
    _(LIST_LOAD, "list_load", "pi", p, HL_E_RD_LISTS | HL_E_TRAPS)                                 \
    _(SEQ_SIZE, "seq_size", "p", i, HL_E_RD_HEADER | HL_E_TRAPS)    /* tuples and bytes */         \
    _(TUPLE_LOAD, "tuple_load", "pi", p, HL_E_RD_HEADER | HL_E_TRAPS)                              \
    _(BYTES_LOAD, "bytes_load", "pi", i, HL_E_RD_HEADER | HL_E_TRAPS)                              \
    /* Leave, before they change anything, when an item whose death could be seen would die, no     \
     * room is left to put dying ones off (hl_release.h), or memory is out. */                     \
    _(LIST_STORE, "list_store", "piv", -, HL_E_GUARD | HL_E_WR_LISTS)                              \
    _(LIST_APPEND, "list_append", "pv", -, HL_E_GUARD | HL_E_WR_LISTS)                             \
    _(LIST_POP, "list_pop", "p", -, HL_E_GUARD | HL_E_WR_LISTS) /* the last item; not empty */     \
    /* the eval breaker: leaves when CPython has something to do */                                \
    _(TRIPS, "trips", "i", -, HL_E_PINNED) /* a iterations of loop imm.i were run at once */       \
    _(POLL, "poll", "", -, HL_E_GUARD | HL_E_PINNED)                                               \
    /* the interpreter in the middle of machine code (hl_step.c): the frame is made true with the */ \
    /* exit's snapshot, CPython runs the bytecode from there to pc imm.i, machine code goes on. */ \
    _(STEP, "step", "", -, HL_E_GUARD | HL_E_PINNED | HL_E_WRITES | HL_E_CALLS)                  \
    _(FRAME_LOAD, "frame_load", "", p, HL_E_PINNED) /* imm.i: slot of the frame, as it is now; */  \
                                                    /* aux 1: a cell, of which the content */      \
    _(KEEP, "keep", "vp", v, 0)   /* the same number, whose object the frame has there since a STEP */
/* clang-format on */

/* GUARD_FP r a b holds when a scalar operation on a and b with result r raised none of NumPy's
 * overflow, divide and invalid conditions:
 *   finite(r) or isnan(a) or isnan(b) or (isinf(r) and (isinf(a) or isinf(b)))
 * For unary operations b = a. Computed from values, never from hardware flags. */

/* Functions of the math module that machine code calls: _(NAME, "python name", libm symbol, arity,
 * range): range 1 = GUARD_FP decides whether Python raises. */
/* clang-format off */
#define HL_MATHDEF(_)                                                                              \
    _(SQRT, "sqrt", sqrt, 1) _(SIN, "sin", sin, 1) _(COS, "cos", cos, 1) _(TAN, "tan", tan, 1)     \
    _(ASIN, "asin", asin, 1) _(ACOS, "acos", acos, 1) _(ATAN, "atan", atan, 1)                     \
    _(SINH, "sinh", sinh, 1) _(COSH, "cosh", cosh, 1) _(TANH, "tanh", tanh, 1)                     \
    _(ASINH, "asinh", asinh, 1) _(ACOSH, "acosh", acosh, 1) _(ATANH, "atanh", atanh, 1)            \
    _(EXP, "exp", exp, 1) _(EXPM1, "expm1", expm1, 1) _(LOG1P, "log1p", log1p, 1)                  \
    _(LOG, "log", log, 1) _(LOG2, "log2", log2, 1) _(LOG10, "log10", log10, 1)                     \
    _(CBRT, "cbrt", cbrt, 1) _(EXP2, "exp2", exp2, 1) _(FABS, "fabs", fabs, 1)                     \
    _(ERF, "erf", erf, 1) _(ERFC, "erfc", erfc, 1)                                                 \
    _(FLOOR, "floor", floor, 1) _(CEIL, "ceil", ceil, 1) _(TRUNC, "trunc", trunc, 1)               \
    _(ATAN2, "atan2", atan2, 2) _(POW, "pow", pow, 2) _(FMOD, "fmod", fmod, 2)                     \
    _(COPYSIGN, "copysign", copysign, 2)                                                           \
    _(HYPOT, "complex_abs", hypot, 2) /* of a complex's parts; math.hypot is computed otherwise */
/* clang-format on */

#define HL_MATH_ENUM(name, text, sym, arity) HL_M_##name,
typedef enum HlMath { HL_MATHDEF(HL_MATH_ENUM) HL_M__COUNT } HlMath;
#undef HL_MATH_ENUM

#define HL_IR_ENUM(name, text, args, res, fx) HL_I_##name,
typedef enum HlOp { HL_IRDEF(HL_IR_ENUM) HL_I__COUNT } HlOp;
#undef HL_IR_ENUM

/* FUNC: what object the function is in. */
typedef enum HlFuncKind { HL_FUNC_PLAIN, HL_FUNC_JITTED } HlFuncKind;

#define HL_MAX_ARGS 5

typedef struct HlOpInfo {
    const char *name;
    const char *args; /* operand letters */
    char res;         /* result letter or '-' */
    uint8_t nargs;
    uint16_t fx; /* HL_E_* */
} HlOpInfo;
extern const HlOpInfo hl_op_info[HL_I__COUNT];

typedef struct HlIns {
    uint8_t op;   /* HlOp */
    uint8_t aux;  /* condition, axis, dtype or HlMath, as the row says */
    HlType type;  /* of the result; VOID = none */
    HlType check; /* GUARD_TYPE, GUARD_ARRAY: the type demanded */
    HlRef a[HL_MAX_ARGS];
    int32_t exit;  /* guards: index of the exit; -1 otherwise */
    int32_t block; /* block that it is in; -1 = removed */
    int32_t pc;    /* bytecode it came from, for reports */
    union {
        int64_t i;
        double f;
    } imm;
} HlIns;

typedef struct HlRefVec {
    HlRef *v;
    int32_t n, cap;
} HlRefVec;

typedef enum HlTermKind {
    HL_TERM_OPEN, /* only while recording */
    HL_TERM_JUMP,
    HL_TERM_EXIT,
    HL_TERM_DEAD /* the block was unreachable and has been removed: empty, never a target */
} HlTermKind;

typedef struct HlBlock {
    int32_t pc;      /* bytecode position; the entry has the root header's */
    int32_t loop;    /* loop index when this block is a loop header, -1 otherwise */
    int32_t loop_of; /* innermost loop whose bytecode contains pc, -1 = none */
    HlRefVec params; /* PARAM instructions */
    HlRefVec ins;    /* in order of execution, parameters not among them */
    uint8_t term;    /* HlTermKind */
    int32_t target;  /* JUMP: block */
    HlRefVec args;   /* JUMP: one per parameter of the target */
    int32_t exit;    /* EXIT: exit index */
    int32_t inlined; /* inlined call whose code pc is in; -1 = the region's own */
} HlBlock;

/* What a frame slot holds at a snapshot: _(NAME, "text", number of values), the values being a, b, c...;
 * ZIP, TUPLE, VIEW and ROWS have `more` of them. Iterators, views, slices and tuples are virtual: made when the
 * frame is rebuilt. A sequence is a list, tuple, bytes or array. A view is what indices and slices leave of
 * an array, as in a[i] and a[1:, j]. Its values are the array, the address of the view's first item, a ROW,
 * which says what is left of each axis, and what the view has of its own (hl_row_own). Two with the same
 * number that are equal otherwise are one object. */
/* clang-format off */
#define HL_SLOTDEF(_)                                                                              \
    _(UNBOUND, "unbound", 0) /* NULL: unbound local, or CPython's NULL below a callable */         \
    _(VALUE, "value", 1)     /* a: the value, boxed by its type */                                 \
    _(FRAME, "frame", 0)     /* not unboxed: the object that slot number a of the frame itself     \
                              * holds, since the entry or the last STEP */                         \
    _(COMPLEX, "complex", 2) /* real part, imaginary part, of one type, which tells the class      \
                              * (hl_type_of_parts) */                                              \
    _(VIEW, "view", 1)       /* number; the view's values */                                       \
    _(TUPLE, "tuple", 0)     /* its items, numbers, boxed by their types */                        \
    _(SLICE, "slice", 3)     /* start, stop, step: numbers, or the object None */                  \
    _(RANGE, "range", 3)     /* range iterator: next value, step, how many are left */             \
    _(SEQ, "seq", 2)         /* iterator over a sequence: next index, sequence */                  \
    _(REVERSED, "reversed", 2) /* the same, downwards */                                           \
    _(ENUM, "enumerate", 3)  /* enumerate over SEQ: next index, sequence, next number */           \
    _(ZIP, "zip", 1)         /* zip of SEQs at the same index: next index; the sequences */        \
    /* the same four over views */                                                              \
    _(ROWS, "rows", 1)       /* next index; the view's values */                                   \
    _(ROWS_REVERSED, "rows_reversed", 1)                                                           \
    _(ROWS_ENUM, "rows_enumerate", 2) /* next index, next number; the view's values */             \
    _(ROWS_ZIP, "rows_zip", 1) /* next index; the values of each view */
/* clang-format on */
#define HL_SLOT_ENUMERATOR(name, text, nparts) HL_SLOT_##name,
typedef enum HlSlotKind { HL_SLOTDEF(HL_SLOT_ENUMERATOR) HL_SLOT__COUNT } HlSlotKind;
#undef HL_SLOT_ENUMERATOR

/* Sequences of one zip, and values of a slot, at most. */
enum { HL_ITER_SEQS = 6, HL_SLOT_PARTS = 12 };

typedef struct HlSlot {
    uint8_t kind; /* HlSlotKind */
    uint8_t more; /* values than the row says: of a ZIP, a TUPLE, of views */
    union {
        struct {
            HlRef a, b, c;
        };
        HlRef part[HL_SLOT_PARTS];
    };
} HlSlot;

extern const uint8_t hl_slot_kind_nparts[HL_SLOT__COUNT];
extern const char *const hl_slot_text[HL_SLOT__COUNT];
static inline int hl_slot_nparts(const HlSlot *s)
{
    return hl_slot_kind_nparts[s->kind] + s->more;
}
/* Does the slot hold a virtual iterator? */
static inline bool hl_slot_is_iter(const HlSlot *s)
{
    return s->kind >= HL_SLOT_RANGE;
}

/* SEQ for ROWS, and so on; other kinds are what they are. */
static inline uint8_t hl_slot_without_rows(uint8_t kind)
{
    return (uint8_t)(kind >= HL_SLOT_ROWS ? kind - HL_SLOT_ROWS + HL_SLOT_SEQ : kind);
}

/* How many items a virtual tuple has; 0 = the slot holds something else. */
static inline int hl_slot_tuple(const HlSlot *s)
{
    return s->kind == HL_SLOT_TUPLE ? s->more : 0;
}

/* Does the slot hold a view, or an iterator over some? Their values are the last `more` ones. */
static inline bool hl_slot_has_views(const HlSlot *s)
{
    return s->kind == HL_SLOT_VIEW || s->kind >= HL_SLOT_ROWS;
}

/* A call that is compiled inline: one per place of the call, chain of callers and code called. While
 * it runs, the slots of the callers come first, without the call's operands; then the function object,
 * and the slots of the function's own frame. */
typedef struct HlInline {
    int32_t parent; /* the caller, when inlined itself; -1 = the region's own frame */
    int32_t pc;     /* of the call, in the caller's code */
    int32_t base;   /* slot of the function object; its frame's slots follow */
    int32_t nlocalsplus;
    int32_t code;  /* its code object: index into the region's objects */
    int32_t loops; /* loop index of its first loop */
} HlInline;

/* The interpreter's state before the instruction at pc. nslots = nlocalsplus + stack depth, of all
 * frames when inlined. A slot that is a cell stands for the cell's content. */
typedef struct HlSnap {
    int32_t pc; /* in the innermost frame's code */
    int32_t nslots;
    HlSlot *slots;
    int32_t inlined; /* inlined call that the innermost frame is of; -1 = the region's own frame */
} HlSnap;

/* Indexes never change: statistics are kept in parallel. Several guards may share an exit when it has
 * no target. Passes append copies of exits for the guards that they move. */
typedef struct HlExit {
    int32_t snap;          /* -1 = not in use (after parsing text that leaves indexes out) */
    uint8_t reason;        /* HlReason */
    uint8_t stay;          /* 1 = never hoist its guard (it failed too often at the entry) */
    uint8_t twin;          /* 1 = leaves as its origin does: the same state, at the same place */
    uint8_t any_length;    /* 1, of the entry exit = lengths that were seen are not relied upon */
    uint8_t unpredictable; /* 1 = its branch went this way and that while it was recorded */
    int32_t target;        /* block that continues it, -1 = leaves machine code */
    int32_t
        origin; /* made by a pass, for a guard that was moved or copied: the exit that it had; else -1 */
} HlExit;

/* An input of the entry block: parameter k of block 0 is inputs[k]. */
typedef enum HlInputPart {
    HL_IN_VALUE,      /* the slot's (or its cell's) object, unboxed by the parameter's type */
    HL_IN_RANGE_NEXT, /* range iterator in the slot: its next value */
    HL_IN_RANGE_STEP,
    HL_IN_RANGE_LEFT,
    HL_IN_ITER_INDEX, /* iterator over a sequence: its next index... */
    HL_IN_ITER_COUNT, /* ...enumerate's next number... */
    HL_IN_ITER_SEQ,   /* ...the sequence; HL_IN_ITER_SEQ + k is zip's k-th one */
    HL_IN_REAL =
        HL_IN_ITER_SEQ + HL_ITER_SEQS, /* the parts of a complex number, its class from... */
    HL_IN_IMAG                         /* ...their type; one parameter behind the other */
} HlInputPart;
typedef struct HlInput {
    int32_t slot;
    uint8_t part;
    bool cell; /* the slot holds a cell, and the part is of its content */
    /* When it was recorded: the lengths of an array's axes, or [0]: a number that no loop changes. 0 = not from 1 to
     * HL_SEEN_MOST. */
    uint8_t seen[HL_MAX_NDIM];
} HlInput;
enum { HL_SEEN_MOST = 4 };

/* Does it bring a sequence that is iterated over? */
static inline bool hl_input_is_seq(int part)
{
    return part >= HL_IN_ITER_SEQ && part < HL_IN_ITER_SEQ + HL_ITER_SEQS;
}

/* The input that brings a part of an iterator which is in the frame when the region is entered. */
HlInputPart hl_iter_input(uint8_t kind, int part);

/* What @jit(fastmath=...) allows machine code to do with floats: _(NAME, Numba's and LLVM's name, bit).
 * Nothing allows it to forget infinities, NaNs and the signs of zeros. */
/* clang-format off */
#define HL_FASTDEF(_)                                                                              \
    _(REASSOC, "reassoc", 1)   /* sums and products over a loop in another order */                \
    _(ARCP, "arcp", 2)         /* a quotient as a product with the reciprocal */                   \
    _(CONTRACT, "contract", 4) /* a product and a sum as one operation */                          \
    _(AFN, "afn", 8)           /* functions by others that are nearly as exact */
/* clang-format on */
#define HL_FAST_ENUMERATOR(name, text, bit) HL_FAST_##name = bit,
enum { HL_FASTDEF(HL_FAST_ENUMERATOR) HL_FAST_ALL = 15 };
#undef HL_FAST_ENUMERATOR

typedef struct HlIr {
    char name[64]; /* of the function */
    int32_t nlocalsplus;
    HlIns *ins;
    int32_t nins, cap_ins;
    HlBlock *blocks;
    int32_t nblocks, cap_blocks;
    HlSnap *snaps;
    int32_t nsnaps, cap_snaps;
    HlExit *exits;
    int32_t nexits, cap_exits;
    HlInput *inputs;
    int32_t ninputs, cap_inputs;
    HlInline *inlines;
    int32_t ninlines, cap_inlines;
    int32_t nloops;   /* loop indexes are below it; machine code counts iterations per loop */
    uint8_t fastmath; /* HL_FAST_* */
    int32_t
        entry_exit; /* exit whose snapshot is the frame as it was entered; -1 = hoist no guards */
} HlIr;

/* --- making and copying (hl_ir.c); -1 / NULL / HL_NOREF = out of memory ------------------------ */
HlIr *hl_ir_new(const char *name, int32_t nlocalsplus, int32_t nloops);
HlIr *hl_ir_copy(const HlIr *ir);
void hl_ir_free(HlIr *ir);
int32_t hl_ir_block(HlIr *ir, int32_t pc); /* new block, OPEN */
HlRef hl_ir_param(HlIr *ir, int32_t block, HlType type);
/* Appends an instruction to a block, as it is. Operands not used are HL_NOREF. */
HlRef hl_ir_emit(HlIr *ir, int32_t block, const HlIns *ins);
int32_t hl_ir_snap(HlIr *ir, int32_t pc, const HlSlot *slots, int32_t nslots);
int32_t hl_ir_exit(HlIr *ir, int32_t snap, HlReason reason);
int32_t hl_ir_inline(HlIr *ir, const HlInline *call); /* index; the one that is there if equal */
/* Where a snapshot is in the region's own code: its pc, or that of the call that leads there. */
int32_t hl_ir_own_pc(const HlIr *ir, const HlSnap *snap);
/* How many of its slots are the region's own frame's. */
int32_t hl_ir_own_slots(const HlIr *ir, const HlSnap *snap);
int hl_ir_input(HlIr *ir, int32_t slot, HlInputPart part); /* index, -1 = out of memory */
/* The part of a slot behind the values of the view that begins at part `at`. */
int hl_ir_view_end(const HlIr *ir, const HlSlot *s, int at);
int hl_ir_jump(HlIr *ir, int32_t block, int32_t target, const HlRef *args, int32_t nargs);
void hl_ir_end(HlIr *ir, int32_t block, int32_t exit); /* terminator EXIT */
int hl_refvec_push(HlRefVec *v, HlRef r);
/* Is the value a constant integer? *k is it. */
static inline bool hl_ir_stores_item(const HlIns *ins)
{
    return ins->op == HL_I_ARRAY_STORE || ins->op == HL_I_ARRAY_STORE_IF;
}

static inline bool hl_ir_is_kint(const HlIr *ir, HlRef r, int64_t *k)
{
    *k = ir->ins[r].imm.i;
    return ir->ins[r].op == HL_I_KINT;
}

/* Which of an operation's a[] says what object its number (of a LIST_STORE or LIST_APPEND: the number
 * stored) was unboxed from. It is behind the operands and set by hl_opt_origin; -1 = none can. */
int hl_ir_origin_arg(HlOp op);
/* The object that the number r was unboxed from, HL_NOREF = none is known. It is that object still
 * when its value is r's: a float that only a list holds may have been overwritten. */
HlRef hl_ir_origin(const HlIr *ir, HlRef r);
/* Is ins finite only when its operand r is? */
bool hl_ir_finite_only_with(const HlIns *ins, HlRef r);

/* --- text (hl_irtext.c): prints and parses the same form; described there ---------------------- */
char *hl_irtext_print(const HlIr *ir); /* hl_mem_free it; NULL = no memory */
HlIr *hl_irtext_parse(const char *text, char *err, size_t err_size);

/* --- verifier (hl_check.c) ---------------------------------------------------------------------
 * NULL when the region is well formed: every operand defined and dominating its use, representations
 * as the tables say, jump arguments matching parameters, exits and snapshots in range, no block OPEN;
 * otherwise a message in buf. */
const char *hl_check_ir(const HlIr *ir, char *buf, size_t size);
extern const char hl_check_no_memory[]; /* what it returns when memory ran out */

/* Does it have a STEP: may Python run while it does? */
bool hl_ir_calls(const HlIr *ir);

/* --- control flow, recomputed by whoever needs it (hl_cfg.c) ----------------------------------- */
typedef struct HlCfg {
    int32_t n;    /* blocks */
    int32_t *rpo; /* reachable blocks in reverse post-order, nrpo of them */
    int32_t nrpo;
    int32_t *order; /* block -> position in rpo, -1 = unreachable */
    int32_t *idom;  /* block -> immediate dominator block, -1 for entry and unreachable */
    int32_t
        *idom_ins;   /* block -> position in the idom chain's block at which control leaves for it:
                          index into that block's ins (the guard whose exit leads here), or INT32_MAX
                          for the terminator: values defined before it dominate the block */
    int32_t *header; /* block -> innermost loop-header block that contains it (a header: itself),
                          -1 = none */
    int32_t *outer;  /* loop-header block -> header of the loop around its loop, -1 = none */
    int32_t
        *pred; /* edges into block b from reachable blocks: pred[pred_at[b] .. pred_at[b + 1]) */
    int32_t *pred_ins; /* parallel to pred: where the edge leaves, as idom_ins */
    int32_t *pred_at;  /* n + 1 entries */
} HlCfg;
int hl_cfg_build(const HlIr *ir, HlCfg *cfg); /* 0, or -1 = out of memory */
void hl_cfg_free(HlCfg *cfg);
bool hl_cfg_dominates(const HlCfg *cfg, int32_t a, int32_t b);
/* Does what is at position `at` of block a's `ins` (-1 = a parameter) come before position `use` of
 * block b (INT32_MAX = the terminator) on every path? */
bool hl_cfg_precedes(const HlCfg *cfg, int32_t a, int32_t at, int32_t b, int32_t use);

/* --- passes (hl_opt_*.c); each opens with its idea; 0, or -1 = out of memory ------------------- */
int hl_opt_phi(HlIr *ir); /* removes block parameters that are redundant or unused */
int hl_opt_gvn(HlIr *ir); /* merges equal pure instructions and guards along dominators; folds */
int hl_opt_hoist(
    HlIr *ir); /* moves invariant instructions and guards into the loop's preheader/entry */
int hl_opt_range(HlIr *ir);  /* drops overflow, bounds and sign checks that value ranges prove */
int hl_opt_stride(HlIr *ir); /* arrays have their items next to each other */
int hl_opt_seen(HlIr *ir);   /* lengths of short axes are what they were */
int hl_opt_unroll(HlIr *ir); /* a loop of few, known iterations is none */
int hl_opt_bound(HlIr *ir);  /* a counter's indexes are checked in front of the loop */
int hl_opt_defer(HlIr *ir);  /* many float results are tested at once, in front of their stores */
int hl_opt_chunk(HlIr *ir);  /* the eval breaker is asked once in many iterations */
int hl_opt_bits(HlIr *ir);   /* a loop over the bits of a number counts them at once */
int hl_opt_join(HlIr *ir);   /* conditions of one branch, and arms that only store otherwise */
int hl_opt_enter(HlIr *ir);  /* a loop has one way in: its header */
int hl_opt_part(HlIr *ir);   /* a loop with two phases becomes two */
int hl_opt_turn(HlIr *ir);   /* the jump back is a block's end, the way out its exit */
int hl_opt_iter(HlIr *ir);   /* range iterators count once instead of twice */
int hl_opt_select(
    HlIr *ir);            /* small branches become selects; merges blocks that follow each other */
int hl_opt_dce(HlIr *ir); /* removes unused instructions, unreachable blocks; compacts nothing */
int hl_opt_origin(HlIr *ir); /* says which object a number was unboxed from; the last pass */
/* All of them in order, verified after each in debug builds (hl_opt.c). */
int hl_opt_run(HlIr *ir);
/* One by name, "phi", "gvn", ...; -2 = no such pass. For the IR tests. */
int hl_opt_run_named(HlIr *ir, const char *name);

/* --- exit plans (hl_plan.c): how each exit that leaves machine code rebuilds the frame ----------
 * Machine code stores the live values to out[0..nlive) as 64-bit words (doubles as bits, i1 as 0/1,
 * pointers as addresses) and returns the exit's index. Entries say what to do with them. */
typedef enum HlPlanKind {
    HL_PLAN_UNBOUND, /* slot becomes NULL */
    HL_PLAN_FRAME,   /* object that slot `from` of the frame holds (keeps identity) */
    HL_PLAN_BOX,     /* box out[a] as `type` (objects: incref'd); out[b], when b >= 0, is the object
                        that it was unboxed from, or NULL. Else, if it is equal, the object that slot
                        `from` held at the entry (-1 = none), or with `search` any that the frame has */
    HL_PLAN_ITER, /* iterator of kind `iter` from its parts out[part[0]], ..., and, if that is one over
                        views, of the `from` entries before this one */
    HL_PLAN_COMPLEX, /* complex number of `type` from out[a] and out[b]; out[c] as out[b] of BOX */
    HL_PLAN_VIEW, /* view of the array out[b] at out[c], as `type` (a ROW) and what follows say; its
                     number: out[a], when a >= 0 */
    HL_PLAN_TUPLE, /* of the `from` entries before this one, whose slot is -1 */
    HL_PLAN_SLICE, /* of the three entries before this one */
    HL_PLAN_CONST, /* the region's object number `from` */
    HL_PLAN_IMM    /* box the constant `imm` (a word, as in out) as `type` */
} HlPlanKind;
typedef struct HlPlanEntry {
    int32_t slot;   /* -1 = none: a part of another entry's object */
    uint8_t kind;   /* HlPlanKind */
    uint8_t iter;   /* HlSlotKind of an ITER... */
    uint8_t nparts; /* ...and how many parts it or a VIEW has */
    uint8_t search;
    HlType type;
    int32_t from;
    union {
        struct {
            int32_t a, b, c;
        };
        int32_t part[HL_SLOT_PARTS];
    };
    int64_t imm;
} HlPlanEntry;
typedef struct HlPlan {
    int32_t pc, nslots;   /* of the region's own frame; slots from nslots up are empty... */
    int32_t inlined;      /* ...or, when this is not -1, of frames of inlined calls: */
    int32_t top_pc, nall; /* pc of the innermost one, slots of all frames */
    int32_t end;          /* of a STEP: where it ends */
    HlReason reason;
    HlRef *live;
    int32_t nlive;
    HlPlanEntry
        *entries; /* the last `ndirect` of them: numbers that no other entry has, not searched, and
                             ranges, which may be written into the object that the slot holds */
    int32_t nentries; /* slots that keep their frame's object are left out */
    int32_t ndirect;
} HlPlan;
/* One per exit (those with a target, and those that no guard uses, have nlive = nentries = 0).
 * NULL = out of memory. */
HlPlan *hl_plan_build(const HlIr *ir);
void hl_plan_free(HlPlan *plans, int32_t n);

#endif
