/* hl_type.h - the types that IR values and frame slots have.
 *
 * An HlType says two things: how machine code holds the value (its representation) and which Python
 * object it stands for when it is boxed. Python's float and np.float64 are both a double, but two
 * types. New dtypes are rows of HL_DTYPEDEF, new kinds of object rows of HL_BASEDEF. */
#ifndef HL_TYPE_H
#define HL_TYPE_H

#include <string.h>

#include "hl_def.h"

typedef enum HlRepr { HL_REPR_NONE, HL_REPR_PTR, HL_REPR_I1, HL_REPR_I64, HL_REPR_F64 } HlRepr;

/* _(NAME, "text", representation) */
/* clang-format off */
#define HL_BASEDEF(_)                                                                              \
    _(VOID, "void", NONE) /* no value */                                                           \
    _(OBJ, "obj", PTR)    /* borrowed PyObject*, class not known */                                \
    _(BOOL, "bool", I1)   /* Python bool */                                                        \
    _(I64, "i64", I64)    /* Python int that fits 64 bits */                                       \
    _(F64, "f64", F64)    /* Python float */                                                       \
    _(COMPLEX, "complex", NONE) /* Python complex: checked as a type, two doubles as a value */    \
    _(NPS, "np", NONE)    /* NumPy scalar of .dtype; representation from the dtype row */          \
    _(ARR, "arr", PTR)    /* borrowed exact ndarray of .dtype and .ndim, native and aligned */     \
    _(LIST, "list", PTR)  /* borrowed exact list */                                                \
    _(TUPLE, "tuple", PTR) /* borrowed exact tuple */                                              \
    _(BYTES, "bytes", PTR) /* borrowed exact bytes */                                              \
    _(PTR, "ptr", PTR)    /* raw address, never boxed */                                           \
    _(ROW, "row", PTR)    /* address of a view's first item: the last .ndim axes of an array */
/* clang-format on */

/* _(NAME, "text", representation of a scalar, bytes of an array item, part). Signed integers are held
 * sign-extended, unsigned ones zero-extended (uint64 as its 64 bits), float32 as the equal double. A
 * complex number is two values of the dtype `part`, which has its representation; others are one. */
/* clang-format off */
#define HL_DTYPEDEF(_)                                                                             \
    _(NONE, "-", NONE, 0, NONE)                                                                    \
    _(BOOL, "bool", I1, 1, BOOL)                                                                   \
    _(I64, "int64", I64, 8, I64)                                                                   \
    _(F64, "float64", F64, 8, F64)                                                                 \
    _(I8, "int8", I64, 1, I8)                                                                      \
    _(I16, "int16", I64, 2, I16)                                                                   \
    _(I32, "int32", I64, 4, I32)                                                                   \
    _(U8, "uint8", I64, 1, U8)                                                                     \
    _(U16, "uint16", I64, 2, U16)                                                                  \
    _(U32, "uint32", I64, 4, U32)                                                                  \
    _(U64, "uint64", I64, 8, U64)                                                                  \
    _(F32, "float32", F64, 4, F32)                                                                 \
    _(C64, "complex64", F64, 8, F32)                                                               \
    _(C128, "complex128", F64, 16, F64)
/* clang-format on */

#define HL_BASE_ENUM(name, text, repr) HL_T_##name,
typedef enum HlBase { HL_BASEDEF(HL_BASE_ENUM) HL_T__COUNT } HlBase;
#undef HL_BASE_ENUM
#define HL_DTYPE_ENUM(name, text, repr, size, part) HL_D_##name,
typedef enum HlDtype { HL_DTYPEDEF(HL_DTYPE_ENUM) HL_D__COUNT } HlDtype;
#undef HL_DTYPE_ENUM

typedef struct HlType {
    uint8_t base;  /* HlBase */
    uint8_t dtype; /* HlDtype of NPS, ARR and ROW */
    uint8_t ndim;  /* of ARR and ROW */
    /* A ROW is the address of a view's first item. It says what the view has of its array's axes: */
    uint8_t turned; /* 1 = from the last one to the first, as .T has them */
    uint16_t axes;  /* an HlAxis for each, the array's last axis in the lowest bits */
} HlType;

/* What a view has of one axis of its array. */
typedef enum HlAxis {
    HL_AXIS_TAKEN,  /* nothing: an index took one item */
    HL_AXIS_WHOLE,  /* all of it */
    HL_AXIS_PART,   /* items next to each other: a length of its own */
    HL_AXIS_STEPPED /* a length and a stride of its own */
} HlAxis;
enum { HL_AXIS_BITS = 2 };

#define HL_TYPE(b) ((HlType){.base = HL_T_##b})
#define HL_TYPE_NPS(d) ((HlType){.base = HL_T_NPS, .dtype = (d)})
#define HL_TYPE_ARR(d, n) ((HlType){.base = HL_T_ARR, .dtype = (d), .ndim = (n)})

enum { HL_MAX_NDIM = 8 }; /* dimensions of the arrays that machine code knows */

static inline bool hl_type_eq(HlType a, HlType b)
{
    return a.base == b.base && a.dtype == b.dtype && a.ndim == b.ndim && a.turned == b.turned &&
           a.axes == b.axes;
}

/* An axis of a view. */
typedef struct HlRowAxis {
    uint8_t kind; /* HlAxis, never TAKEN */
    uint8_t back; /* which axis of the array, counted from the last one, which is 0 */
} HlRowAxis;

/* The type of the address of a view with these axes. */
HlType hl_row_type(int dtype, const HlRowAxis *axis, int ndim);
/* The axes of a ROW, in the view's order. */
void hl_row_axes(HlType row, HlRowAxis axis[HL_MAX_NDIM]);
/* How many values a view has that its array does not have: in the order of its axes a length for each that
 * is a part, a length and a stride in bytes for each that is stepped. */
int hl_row_own(HlType row);

/* Is the value the object itself, so that boxing it is taking a reference? */
static inline bool hl_type_is_object(HlType t)
{
    return t.base == HL_T_OBJ || t.base == HL_T_ARR || t.base == HL_T_LIST ||
           t.base == HL_T_TUPLE || t.base == HL_T_BYTES;
}

/* A type as a number that machine code can hand over, and back. */
static inline int64_t hl_type_pack(HlType t)
{
    return t.base | t.dtype << 8 | t.ndim << 16 | t.turned << 24 | (int64_t)t.axes << 32;
}
static inline HlType hl_type_unpack(int64_t n)
{
    return (HlType){.base = (uint8_t)n,
                    .dtype = (uint8_t)(n >> 8),
                    .ndim = (uint8_t)(n >> 16),
                    .turned = (uint8_t)(n >> 24),
                    .axes = (uint16_t)(n >> 32)};
}

HlRepr hl_type_repr(HlType t);
/* Writes "i64", "np<float64>", "arr<float64,1>" and so on into buf (at least 32 bytes). A ROW has a letter for
 * each axis of its array from the first that is not taken, "row<float64,w->": t_aken is "-", w_hole, p_art,
 * s_tepped; before them "t" when it is turned. */
const char *hl_type_text(HlType t, char *buf, size_t size);
/* Reads such a text; returns the characters used, 0 = malformed. */
size_t hl_type_parse(const char *text, HlType *out);
/* Text and size of an array item's dtype row. */
const char *hl_dtype_text(HlDtype d);
int hl_dtype_size(HlDtype d);
bool hl_dtype_is_int(HlDtype d);      /* signed or unsigned */
bool hl_dtype_is_unsigned(HlDtype d); /* an unsigned integer */
bool hl_dtype_is_float(HlDtype d);
bool hl_dtype_is_complex(HlDtype d);
/* The dtype of the two parts of a complex number; another dtype itself. */
HlDtype hl_dtype_part(HlDtype d);
/* The type that the parts of a complex number have, of which class that is (Python's complex, a scalar
 * of NumPy's): VOID = t is no such type. And the other way round: what two such parts are. */
HlType hl_type_part(HlType t);
HlType hl_type_of_parts(HlType part);
/* The values of an integer dtype that an i64 can hold: for uint64 the lower half. */
void hl_dtype_limits(HlDtype d, int64_t *lo, int64_t *hi);
/* The low bits of i, extended as values of an integer dtype are. */
int64_t hl_dtype_narrow(HlDtype d, int64_t i);

#endif
