/* hl_emit.h - the interface between the core and a code generator. The one implementation, LLVM's, is
 * a shared object of its own (_llvm.so in the package) that is loaded at the first compile. Nothing
 * in it touches Python; it may run in any thread without the GIL, one call at a time. */
#ifndef HL_EMIT_H
#define HL_EMIT_H

#include "hl_ir.h"

#define HL_EMIT_ABI 4

/* Runs a region. `in`: one 64-bit word per input (doubles as bits, i1 as 0/1, pointers). `out`: room
 * for the largest plan. `counts`: native iterations are added per loop index. `act`: for STEP and
 * FRAME_LOAD; regions without them do not look at it. Returns the exit index, or HL_EMIT_LEFT. */
struct HlActivation;
typedef int64_t (*HlEntry)(const int64_t *in, int64_t *out, int64_t *counts,
                           struct HlActivation *act);
#define HL_EMIT_LEFT (-1) /* a STEP said so: the frame is where it has to be */

/* The inner loop of a NumPy ufunc. */
typedef struct HlUfuncLoop {
    void (*run)(char **args, const intptr_t *dimensions, const intptr_t *steps, void *data);
    void *data;
} HlUfuncLoop;

/* Addresses that machine code refers to; filled by the core (hl_rt.c, hl_np.c) at start. */
typedef struct HlEmitEnv {
    const volatile int *eval_breaker; /* POLL leaves when it is not 0 */
    void *const *objects;             /* KOBJ i: objects[i]; kept alive by the region */
    void *globals;                    /* passed to the two functions below: the region's globals */
    int (*guard_global)(void *globals, int64_t index);  /* 1 = still that object */
    void *(*load_global)(void *globals, int64_t index); /* borrowed object, or NULL = missing */
    void *(*func_value)(void *func, int64_t slot);      /* FUNC_VALUE: borrowed, or NULL */
    void *(*func_global)(void *globals, int64_t index, void *func); /* FUNC_GLOBAL: the same */
    int (*unbox_i64)(void *obj, int64_t *out);                      /* exact int: 1 = fits */
    /* STEP, with the values of its exit's plan in `out`; 0 = go on, else leave. */
    int (*step)(struct HlActivation *act, int64_t *out, int64_t exit);
    int (*guard_array)(void *obj, int dtype, int ndim); /* 1 = as ARR demands */
    /* Lists: put `word` there, boxed as the type that hl_type_pack gave, or as `origin` if that is its box
     * still (NULL: no object is known). 1 = done; 0 = nothing has happened, the interpreter has to do it.
     * The index is in range, the list to pop from not empty. */
    int (*list_store)(void *list, int64_t index, int64_t type, int64_t word, void *origin);
    int (*list_append)(void *list, int64_t type, int64_t word, void *origin);
    int (*list_pop)(void *list);
    int (*release)(void *obj); /* takes over a reference that dies later; 0 = it does not */
    void *(*type_object)(
        HlType t); /* the PyTypeObject of BOOL, I64, F64, NPS; asked while emitting */
    /* 1 = a ufunc has a loop of nin operands and one result, all of that dtype; asked while emitting */
    int (*ufunc_loop)(void *ufunc, int dtype, int nin, HlUfuncLoop *out);
    void *py_true, *py_false;
    void *type_function, *type_jitted; /* of the two kinds of FUNC */
    int32_t off_slots;                 /* of the pointer to the frame's slots in HlActivation */
    int32_t off_cell;                  /* of a cell's content */
    int32_t off_func_code;             /* of func_code in functions */
    int32_t off_jitted_func;           /* of the function in a jitted one */
    int32_t off_type;                  /* offset of ob_type in PyObject */
    int32_t off_float;                 /* of ob_fval in float and np.float64 objects */
    int32_t off_complex;               /* of the real part in complex numbers of all classes */
    int32_t off_refcnt, off_size;      /* of ob_refcnt and ob_size */
    int32_t off_digits;                /* of an int's digits: |ob_size| of them, 32-bit words */
    int32_t off_list_items;            /* of the pointer to a list's items */
    int32_t off_tuple_items, off_bytes_items; /* of the items themselves */
    int32_t off_npi64, off_npbool;            /* of obval in np.int64 and other numbers, np.bool_ */
    int32_t off_arr_data, off_arr_shape, off_arr_strides, off_arr_flags,
        off_arr_dtype;     /* ndarray fields */
    int32_t arr_writeable; /* flag bit */
} HlEmitEnv;

typedef struct HlCodeBlob HlCodeBlob;

typedef struct HlBackend {
    int abi;             /* HL_EMIT_ABI */
    const char *version; /* "LLVM 19.1.7" */
    /* Compiles an optimised region with its plans. On failure NULL and a message in err. */
    HlCodeBlob *(*compile)(const HlIr *ir, const HlPlan *plans, const HlEmitEnv *env, char *err,
                           size_t err_size);
    HlEntry (*entry)(const HlCodeBlob *blob);
    size_t (*code_size)(const HlCodeBlob *blob); /* bytes of machine code, approximately */
    void (*release)(HlCodeBlob *blob);           /* frees the machine code */
    /* Text of a region: 'l' = optimised LLVM IR, 'u' = LLVM IR before LLVM's passes, 'a' = assembly.
     * malloc'ed; NULL and a message on failure. */
    char *(*text)(const HlIr *ir, const HlPlan *plans, const HlEmitEnv *env, char what, char *err,
                  size_t err_size);
    /* hl_mem_fail_at and hl_mem_live of the code generator, which has an allocator of its own. */
    long (*fail_at)(long n);
    long (*live)(void);
} HlBackend;

/* The one symbol that _llvm.so exports. */
const HlBackend *hl_backend(void);

#endif
