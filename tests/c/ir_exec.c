/* ir_exec.c - the reference interpreter. Each operation is written down as its row in hl_ir.h says;
 * where the row says "undefined", the run ends and says so. */
#include "ir_exec.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static double as_f(int64_t word)
{
    double f;
    memcpy(&f, &word, sizeof f);
    return f;
}

static int64_t as_word(double f)
{
    int64_t word;
    memcpy(&word, &f, sizeof word);
    return word;
}

static ExecObj *as_obj(int64_t word)
{
    return (ExecObj *)(intptr_t)word;
}

/* By squaring from the exponent's highest bit down. */
static int64_t power_modulo(int64_t a, int64_t b, int64_t c)
{
    __int128 n = c, r = 1;
    if (c == 0)
        return 0;
    for (int bit = 62; bit >= 0 && b > 0; bit--) {
        r = r * r % n;
        if (b >> bit & 1)
            r = r * a % n;
    }
    r %= n;
    return (int64_t)(r != 0 && (r < 0) != (n < 0) ? r + n : r);
}

static bool compare_i(int cond, int64_t a, int64_t b)
{
    switch (cond) {
    case HL_LT: return a < b;
    case HL_LE: return a <= b;
    case HL_EQ: return a == b;
    case HL_NE: return a != b;
    case HL_GT: return a > b;
    default: return a >= b;
    }
}

static bool compare_f(int cond, double a, double b)
{
    switch (cond) {
    case HL_LT: return a < b;
    case HL_LE: return a <= b;
    case HL_EQ: return a == b;
    case HL_NE: return a != b;
    case HL_GT: return a > b;
    default: return a >= b;
    }
}

/* Returns false on overflow; the low 64 bits are in *out all the same. */
static bool power(int64_t a, int64_t b, int64_t *out)
{
    bool fits = true;
    int64_t r = 1;
    while (b) {
        if (b & 1)
            fits &= !__builtin_mul_overflow(r, a, &r);
        b >>= 1;
        if (b)
            fits &= !__builtin_mul_overflow(a, a, &a);
    }
    *out = r;
    return fits;
}

static double py_fmod(double a, double b)
{
    double m = fmod(a, b);
    if (m)
        return (b < 0) != (m < 0) ? m + b : m;
    return copysign(0.0, b);
}

static double py_ffloordiv(double a, double b)
{
    double m = fmod(a, b), d = (a - m) / b;
    if (m && (b < 0) != (m < 0))
        d -= 1.0;
    if (!d)
        return copysign(0.0, a / b);
    double f = floor(d);
    return d - f > 0.5 ? f + 1.0 : f;
}

static double np_ffloordiv32(float a, float b)
{
    float m = fmodf(a, b), d = (a - m) / b;
    if (m && (b < 0) != (m < 0))
        d -= 1.0F;
    if (!d)
        return copysignf(0.0F, a / b);
    float f = floorf(d);
    return d - f > 0.5F ? f + 1.0F : f;
}

static double math1(int which, double a)
{
    switch (which) {
#define MATH1_1(name, sym)                                                                         \
    case HL_M_##name: return sym(a);
#define MATH1_2(name, sym)
#define MATH1(name, text, sym, arity) MATH1_##arity(name, sym)
        HL_MATHDEF(MATH1)
    default: return 0;
    }
}

static double math2(int which, double a, double b)
{
    switch (which) {
#define MATH2_1(name, sym)
#define MATH2_2(name, sym)                                                                         \
    case HL_M_##name: return sym(a, b);
#define MATH2(name, text, sym, arity) MATH2_##arity(name, sym)
        HL_MATHDEF(MATH2)
    default: return 0;
    }
}

/* What one instruction did. */
typedef enum Step { STEP_ON, STEP_LEAVE, STEP_BAD } Step;

typedef struct Exec {
    const HlIr *ir;
    const ExecWorld *world;
    int64_t *v;
    bool *wide; /* per value: it did not fit, the word has only its low bits */
    const uint8_t *loose;
    long polls;
    int64_t *counts; /* the result's */
    const char *why;
} Exec;

static Step bad(Exec *x, const char *why)
{
    x->why = why;
    return STEP_BAD;
}

static Step holds(bool condition)
{
    return condition ? STEP_ON : STEP_LEAVE;
}

static int64_t exec_len(const ExecObj *p, int axis)
{
    return !p->columns ? p->len : axis ? p->columns : p->len / p->columns;
}

/* An address in an array: the object's, the part of a complex item in its lowest bit, and above what addresses
 * need the number of the item. */
enum { ITEM_SHIFT = 48 };

static int64_t address_item(int64_t address)
{
    return address >> ITEM_SHIFT;
}

static int64_t address_object(int64_t address)
{
    return address & ((INT64_C(1) << ITEM_SHIFT) - 1) & ~INT64_C(1);
}

/* Addresses of rows that nobody reads may be anywhere. */
static void exec_row(Exec *x, const HlIns *ins, int64_t *out)
{
    int64_t bytes = x->v[ins->a[1]] * x->v[ins->a[2]];
    *out = x->v[ins->a[0]] + bytes / hl_dtype_size(ins->type.dtype) * (INT64_C(1) << ITEM_SHIFT);
}

/* As a number: those of different objects are far from each other. */
static int64_t exec_address(int64_t at)
{
    enum { FAR = 4096 };
    const ExecObj *p = as_obj(address_object(at));
    return (int64_t)(intptr_t)p * FAR + (at >> ITEM_SHIFT) * hl_dtype_size(p->type.dtype) +
           (at & 1);
}

static Step exec_object(Exec *x, const HlIns *ins, int64_t *out)
{
    ExecObj *p = as_obj(x->v[ins->a[0]]);
    if (!p && ins->op != HL_I_GUARD_BOUND && ins->op != HL_I_UNBOX_BOOL)
        return bad(x, "NULL object");
    bool array = p && p->type.base == HL_T_ARR;
    switch (ins->op) {
    case HL_I_GUARD_BOUND: return holds(p != NULL);
    case HL_I_GUARD_TYPE: return holds(hl_type_eq(p->type, ins->check));
    case HL_I_GUARD_ARRAY: return holds(hl_type_eq(p->type, ins->check));
    case HL_I_GUARD_WRITEABLE: return array ? holds(!p->read_only) : bad(x, "flags of no array");
    case HL_I_UNBOX_BOOL: *out = p && p->type.base == HL_T_BOOL && p->word; return STEP_ON;
    case HL_I_UNBOX_I64: *out = p->word; return holds(p->type.base == HL_T_I64 && !p->big);
    case HL_I_UNBOX_F64:
        *out = p->word;
        return p->type.base == HL_T_F64 || (p->type.base == HL_T_NPS && p->type.dtype == HL_D_F64)
                   ? STEP_ON
                   : bad(x, "no float");
    case HL_I_UNBOX_NPI64:
        *out = p->word;
        return hl_type_eq(p->type, HL_TYPE_NPS(HL_D_I64)) ? STEP_ON : bad(x, "no np.int64");
    case HL_I_UNBOX_NPBOOL:
        *out = p->word;
        return hl_type_eq(p->type, HL_TYPE_NPS(HL_D_BOOL)) ? STEP_ON : bad(x, "no np.bool_");
    case HL_I_UNBOX_NP:
        *out = p->word;
        return hl_type_eq(p->type, HL_TYPE_NPS(ins->aux)) ? STEP_ON : bad(x, "no such scalar");
    case HL_I_UNBOX_PART:
        if (!hl_type_eq(hl_type_part(p->type), ins->type))
            return bad(x, "no complex number with such parts");
        *out = p->items[ins->aux];
        return STEP_ON;
    case HL_I_ARRAY_DATA:
        *out = (intptr_t)p + ins->aux; /* the part of a complex item in the lowest bit */
        return array && (!ins->aux || hl_dtype_is_complex((HlDtype)p->type.dtype))
                   ? STEP_ON
                   : bad(x, "no data");
    case HL_I_ARRAY_LEN: *out = array ? exec_len(p, ins->aux) : 0; break;
    case HL_I_ARRAY_STRIDE:
        *out = array ? hl_dtype_size(p->type.dtype) : 0;
        if (array && p->columns && ins->aux == 0)
            *out *= p->columns;
        break;
    default: break;
    }
    return array && ins->aux < p->type.ndim ? STEP_ON : bad(x, "header of no array");
}

/* The item at an index is loaded from, or stored into, the array that an address is of. */
static Step exec_item_at(Exec *x, uint8_t dtype, bool load, const int64_t at[3], int64_t *item)
{
    int part = at[0] & 1;
    ExecObj *p = as_obj(address_object(at[0]));
    int64_t index = at[2];
    if (!p || p->type.base != HL_T_ARR || p->type.dtype != dtype)
        return bad(x, "item of no such array");
    if (at[1] != hl_dtype_size(dtype) || index < 0 || index >= exec_len(p, p->type.ndim - 1))
        return bad(x, "item outside the array");
    index += address_item(at[0]);
    if (index < 0 || index >= p->len)
        return bad(x, "row outside the array");
    if (hl_dtype_is_complex((HlDtype)p->type.dtype))
        index = 2 * index + part;
    if (load) {
        *item = p->items[index];
        return STEP_ON;
    }
    if (hl_dtype_is_int(dtype) && hl_dtype_narrow(dtype, *item) != *item)
        return bad(x, "store of a value that is not the dtype's");
    if (p->read_only)
        return bad(x, "store to a read-only array");
    p->items[index] = *item;
    return STEP_ON;
}

static Step exec_item(Exec *x, const HlIns *ins, int64_t *out)
{
    bool load = ins->op == HL_I_ARRAY_LOAD;
    int64_t at[] = {x->v[ins->a[0]], x->v[ins->a[1]], x->v[ins->a[2]]};
    return exec_item_at(x, ins->aux, load, at, load ? out : &x->v[ins->a[3]]);
}

/* All items of an axis; those that are read are read first. */
static Step exec_axis(Exec *x, const HlIns *ins)
{
    bool copy = ins->op == HL_I_ARRAY_COPY;
    int64_t n = x->v[ins->a[2]], item[n > 0 ? n : 1];
    Step step = STEP_ON;
    for (int64_t i = 0; i < n && step == STEP_ON; i++) {
        int64_t from[] = {x->v[ins->a[3]], copy ? x->v[ins->a[4]] : 0, i};
        item[i] = x->v[ins->a[3]];
        if (copy)
            step = exec_item_at(x, ins->aux, true, from, &item[i]);
    }
    for (int64_t i = 0; i < n && step == STEP_ON; i++) {
        int64_t to[] = {x->v[ins->a[0]], x->v[ins->a[1]], i};
        step = exec_item_at(x, ins->aux, false, to, &item[i]);
    }
    return step;
}

static Step exec_seq(Exec *x, const HlIns *ins, int64_t *out)
{
    const ExecObj *p = as_obj(x->v[ins->a[0]]);
    bool list = ins->op == HL_I_LIST_SIZE || ins->op == HL_I_LIST_LOAD;
    bool size = ins->op == HL_I_LIST_SIZE || ins->op == HL_I_SEQ_SIZE;
    if (!p || (list ? p->type.base != HL_T_LIST
                    : p->type.base != HL_T_TUPLE && p->type.base != HL_T_BYTES))
        return bad(x, "no such sequence");
    int64_t index = size ? 0 : x->v[ins->a[1]];
    if (!size && (index < 0 || index >= p->len))
        return bad(x, "item outside the sequence");
    *out = size ? p->len : p->items[index];
    return STEP_ON;
}

/* Every function looks its globals up in the same world. */
static Step exec_func(Exec *x, const HlIns *ins, int64_t *out)
{
    ExecObj *p = as_obj(x->v[ins->a[0]]);
    if (!p)
        return bad(x, "NULL function");
    if (ins->op == HL_I_FUNC) {
        ExecObj *f = ins->aux == HL_FUNC_JITTED ? p->inner : p->inner ? NULL : p;
        *out = (intptr_t)f;
        return holds(f && f->type.base == HL_T_OBJ && f->word == ins->imm.i);
    }
    if (p->type.base != HL_T_OBJ)
        return bad(x, "no function");
    if (ins->op == HL_I_FUNC_VALUE) {
        *out = ins->imm.i < p->len ? p->items[ins->imm.i] : 0;
        return holds(*out != 0);
    }
    if (ins->imm.i >= x->world->nglobals)
        return bad(x, "no such global");
    *out = (intptr_t)x->world->globals[ins->imm.i];
    return holds(*out != 0);
}

static Step exec_ins(Exec *x, HlRef r)
{
    const HlIns *ins = &x->ir->ins[r];
    int64_t *v = x->v, *out = &v[r];
    /* Operands by representation; those that the operation does not have read as 0. */
    int64_t a = ins->a[0] >= 0 ? v[ins->a[0]] : 0, b = ins->a[1] >= 0 ? v[ins->a[1]] : 0;
    int64_t c = ins->a[2] >= 0 ? v[ins->a[2]] : 0;
    double f = as_f(a), g = as_f(b);
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b;

    switch ((HlOp)ins->op) {
    case HL_I_KINT:
    case HL_I_KFLOAT:
    case HL_I_KBOOL: *out = ins->imm.i; break;
    case HL_I_KNULL: *out = 0; break;
    case HL_I_KOBJ:
        if (ins->imm.i >= x->world->nobjects)
            return bad(x, "no such object");
        *out = (intptr_t)x->world->objects[ins->imm.i];
        break;
    case HL_I_GUARD_BOUND:
    case HL_I_GUARD_TYPE:
    case HL_I_GUARD_ARRAY:
    case HL_I_GUARD_WRITEABLE:
    case HL_I_UNBOX_I64:
    case HL_I_UNBOX_F64:
    case HL_I_UNBOX_BOOL:
    case HL_I_UNBOX_NPI64:
    case HL_I_UNBOX_NPBOOL:
    case HL_I_UNBOX_PART:
    case HL_I_UNBOX_NP:
    case HL_I_ARRAY_DATA:
    case HL_I_ARRAY_LEN:
    case HL_I_ARRAY_STRIDE: return exec_object(x, ins, out);
    case HL_I_IS: *out = a == b; break;
    case HL_I_RETYPE:
    case HL_I_KEEP: *out = a; break;
    case HL_I_GUARD_GLOBAL:
    case HL_I_LOAD_GLOBAL:
        if (ins->imm.i >= x->world->nglobals)
            return bad(x, "no such global");
        if (ins->op == HL_I_GUARD_GLOBAL)
            return holds(x->world->same[ins->imm.i]);
        *out = (intptr_t)x->world->globals[ins->imm.i];
        return holds(*out != 0);
    case HL_I_FUNC:
    case HL_I_FUNC_VALUE:
    case HL_I_FUNC_GLOBAL: return exec_func(x, ins, out);
    case HL_I_GUARD_TRUE: return holds(a);
    case HL_I_GUARD_FALSE: return holds(!a);
    case HL_I_ICMP: *out = compare_i(ins->aux, a, b); break;
    case HL_I_FCMP: *out = compare_f(ins->aux, f, g); break;
    case HL_I_BNOT: *out = !a; break;
    case HL_I_BAND: *out = a & b; break;
    case HL_I_BOR: *out = a | b; break;
    case HL_I_BXOR: *out = a ^ b; break;
    case HL_I_SELECT: *out = a ? b : c; break;
    case HL_I_ADD: *out = (int64_t)(ua + ub); break;
    case HL_I_COUNT_UP:
        if (__builtin_add_overflow(a, b, out))
            return bad(x, "counter overflows");
        break;
    case HL_I_SUB: *out = (int64_t)(ua - ub); break;
    case HL_I_MUL: *out = (int64_t)(ua * ub); break;
    case HL_I_ADD_OV: return holds(!__builtin_add_overflow(a, b, out));
    case HL_I_SUB_OV: return holds(!__builtin_sub_overflow(a, b, out));
    case HL_I_MUL_OV: return holds(!__builtin_mul_overflow(a, b, out));
    case HL_I_AND: *out = a & b; break;
    case HL_I_OR: *out = a | b; break;
    case HL_I_XOR: *out = a ^ b; break;
    case HL_I_POPCOUNT: *out = __builtin_popcountll(ua); break;
    case HL_I_SHL: *out = b < 0 || b > 63 ? 0 : (int64_t)(ua << b); break;
    case HL_I_SHL_OV:
        if (b < 0 || b > 63)
            return STEP_LEAVE;
        *out = (int64_t)(ua << b);
        return holds(*out >> b == a);
    case HL_I_SHR: *out = a >> (b < 0 || b > 63 ? 63 : b); break;
    case HL_I_FLOORDIV:
    case HL_I_MOD: {
        if (b == 0 || (a == INT64_MIN && b == -1))
            return bad(x, "integer division");
        int64_t q = a / b - (a % b != 0 && (a < 0) != (b < 0));
        *out = ins->op == HL_I_FLOORDIV ? q : (int64_t)(ua - (uint64_t)q * ub);
        break;
    }
    case HL_I_IPOW: power(a, b < 0 ? 0 : b, out); break;
    case HL_I_IPOW_OV: return holds(b >= 0 && power(a, b, out));
    case HL_I_POWMOD: *out = power_modulo(a, b, c); break;
    case HL_I_NARROW: *out = hl_dtype_narrow(ins->aux, a); break;
    case HL_I_NARROW_OV:
        *out = a;
        return holds(ins->aux == HL_D_U64 ? a >= 0 : hl_dtype_narrow(ins->aux, a) == a);
    case HL_I_UADD_OV: return holds(!__builtin_add_overflow(ua, ub, (uint64_t *)out));
    case HL_I_USUB_OV: return holds(!__builtin_sub_overflow(ua, ub, (uint64_t *)out));
    case HL_I_UMUL_OV: return holds(!__builtin_mul_overflow(ua, ub, (uint64_t *)out));
    case HL_I_UDIV:
    case HL_I_UMOD:
        if (ub == 0)
            return bad(x, "unsigned division");
        *out = (int64_t)(ins->op == HL_I_UDIV ? ua / ub : ua % ub);
        break;
    case HL_I_USHR: *out = ub > 63 ? 0 : (int64_t)(ua >> ub); break;
    case HL_I_UITOFP: *out = as_word((double)ua); break;
    case HL_I_FROUND32: *out = as_word((float)f); break;
    case HL_I_FFLOORDIV32: *out = as_word(np_ffloordiv32((float)f, (float)g)); break;
    case HL_I_FPOW32: *out = as_word(powf((float)f, (float)g)); break;
    case HL_I_FHYPOT32: *out = as_word(hypotf((float)f, (float)g)); break;
    case HL_I_UFUNC1: *out = as_word(cbrt(g)); break; /* whatever the ufunc */
    case HL_I_UFUNC2: *out = as_word(hypot(g, as_f(c))); break;
    case HL_I_FADD: *out = as_word(f + g); break;
    case HL_I_FSUB: *out = as_word(f - g); break;
    case HL_I_FMUL: *out = as_word(f * g); break;
    case HL_I_FDIV: *out = as_word(f / g); break;
    case HL_I_FNEG: *out = as_word(-f); break;
    case HL_I_FABS: *out = as_word(fabs(f)); break;
    case HL_I_FMOD: *out = as_word(py_fmod(f, g)); break;
    case HL_I_FFLOORDIV: *out = as_word(py_ffloordiv(f, g)); break;
    case HL_I_FPOW: *out = as_word(pow(f, g)); break;
    case HL_I_FMATH1: *out = as_word(math1(ins->aux, f)); break;
    case HL_I_FMATH2: *out = as_word(math2(ins->aux, f, g)); break;
    case HL_I_GUARD_FINITE: return holds(isfinite(f));
    case HL_I_GUARD_FP: {
        double h = as_f(c);
        return holds(isfinite(f) || isnan(g) || isnan(h) || (isinf(f) && (isinf(g) || isinf(h))));
    }
    case HL_I_SITOFP: *out = as_word((double)a); break;
    case HL_I_GUARD_I53: return holds(a >= -(INT64_C(1) << 53) && a <= INT64_C(1) << 53);
    case HL_I_ZEXT: *out = a; break;
    case HL_I_FPTOSI_OV:
        if (!(f >= -0x1p63 && f < 0x1p63))
            return STEP_LEAVE;
        *out = (int64_t)f;
        break;
    case HL_I_INDEX:
        if (ins->aux && a < 0)
            return bad(x, "index marked as not negative is");
        if (a < 0 ? a < -b : a >= b)
            return STEP_LEAVE;
        *out = a < 0 ? a + b : a;
        break;
    case HL_I_ARRAY_ROW: exec_row(x, ins, out); return STEP_ON;
    case HL_I_ADDRESS: *out = exec_address(a); break;
    case HL_I_ARRAY_LOAD:
    case HL_I_ARRAY_STORE: return exec_item(x, ins, out);
    case HL_I_ARRAY_FILL:
    case HL_I_ARRAY_COPY: return exec_axis(x, ins);
    case HL_I_ARRAY_STORE_IF: return x->v[ins->a[4]] ? exec_item(x, ins, out) : STEP_ON;
    case HL_I_LIST_SIZE:
    case HL_I_LIST_LOAD:
    case HL_I_SEQ_SIZE:
    case HL_I_TUPLE_LOAD:
    case HL_I_BYTES_LOAD: return exec_seq(x, ins, out);
    case HL_I_LIST_STORE:
    case HL_I_LIST_APPEND:
    case HL_I_LIST_POP: return bad(x, "lists do not change here");
    case HL_I_TRIPS: x->counts[ins->imm.i] += a; break;
    case HL_I_STEP:
        if (x->world->step)
            x->world->step(x->world->step_data, ins->imm.i);
        return holds(x->world->step != NULL);
    case HL_I_FRAME_LOAD:
        if (ins->imm.i >= x->world->nframe)
            return bad(x, "no such slot");
        *out = (intptr_t)x->world->frame[ins->imm.i];
        break;
    case HL_I_POLL: return holds(x->polls < 0 || x->polls-- > 0);
    case HL_I_ARRAY_DTYPE:
    case HL_I_PARAM:
    case HL_I__COUNT: return bad(x, "not executable");
    }
    return STEP_ON;
}

/* Does the result depend on operand number k only by its low bits, or not at all? */
static bool low_bits_only(const Exec *x, const HlIns *ins, int k)
{
    const HlIns *mask;
    switch (ins->op) {
    case HL_I_SELECT: return k == (x->v[ins->a[0]] ? 2 : 1);
    case HL_I_AND: mask = &x->ir->ins[ins->a[!k]]; return mask->op == HL_I_KINT && mask->imm.i >= 0;
    case HL_I_MOD: /* by a power of two */
        mask = &x->ir->ins[ins->a[1]];
        return k == 0 && mask->op == HL_I_KINT && mask->imm.i > 0 &&
               !(mask->imm.i & (mask->imm.i - 1));
    default: return false;
    }
}

/* exec_ins for runs in which some operations do not leave on overflow: what depends on more than
 * the low bits of such a result does not fit either, and must not decide or be stored. */
static Step exec_loosely(Exec *x, HlRef r)
{
    const HlIns *ins = &x->ir->ins[r];
    bool wide = false, loose = x->loose[r];
    for (int k = 0; k < hl_op_info[ins->op].nargs; k++)
        wide |= x->wide[ins->a[k]] && !low_bits_only(x, ins, k);
    if (wide && !loose && hl_op_info[ins->op].fx & (HL_E_GUARD | HL_E_WR_ITEMS))
        return bad(x, "guard or store of a value that does not fit");
    Step step = exec_ins(x, r);
    x->wide[r] = wide || (loose && step == STEP_LEAVE);
    return loose && step == STEP_LEAVE ? STEP_ON : step;
}

static bool snap_has_wide(const Exec *x, int32_t exit)
{
    const HlSnap *s = &x->ir->snaps[x->ir->exits[exit].snap];
    for (int32_t i = 0; i < s->nslots; i++) {
        const HlSlot *slot = &s->slots[i];
        for (int part = 0; part < hl_slot_nparts(slot); part++)
            if (x->wide[slot->part[part]])
                return true;
    }
    return false;
}

/* Goes to the target of a jump: all arguments are read before any parameter is written. */
static void exec_jump(Exec *x, const HlBlock *from, int64_t *scratch)
{
    const HlBlock *to = &x->ir->blocks[from->target];
    bool *wide = (bool *)(scratch + x->ir->nins);
    for (int32_t i = 0; i < from->args.n; i++) {
        scratch[i] = x->v[from->args.v[i]];
        wide[i] = x->wide[from->args.v[i]];
    }
    for (int32_t i = 0; i < to->params.n; i++) {
        x->v[to->params.v[i]] = scratch[i];
        x->wide[to->params.v[i]] = wide[i];
    }
}

/* Runs one block; what became of it, and through which exit it left (-1 = at its end). */
static Step exec_block(Exec *x, const HlBlock *b, const ExecWatch *watch, ExecResult *r,
                       long *steps)
{
    r->exit = -1;
    for (int32_t i = 0; i < b->ins.n; i++) {
        HlRef ref = b->ins.v[i];
        int32_t exit = x->ir->ins[ref].exit;
        if (--*steps < 0)
            return STEP_BAD;
        if (watch && watch->at && exit >= 0 && x->ir->exits[exit].snap == watch->snap)
            watch->at(watch->data, r);
        Step step = x->loose ? exec_loosely(x, ref) : exec_ins(x, ref);
        if (step == STEP_LEAVE)
            r->exit = exit;
        if (step != STEP_ON)
            return step;
    }
    if (b->term == HL_TERM_EXIT)
        r->exit = b->exit;
    return r->exit < 0 ? STEP_ON : STEP_LEAVE;
}

ExecResult exec_run(const HlIr *ir, const ExecWorld *world, const int64_t *in, long max_steps,
                    const ExecWatch *watch)
{
    ExecResult r = {.end = EXEC_STEPS, .exit = -1};
    size_t n = (size_t)ir->nins + 1;
    Exec x = {.ir = ir, .world = world, .polls = world->polls};
    x.loose = watch ? watch->loose : NULL;
    r.values = x.v = calloc(n, sizeof *r.values);
    r.counts = x.counts = calloc((size_t)ir->nloops + 1, sizeof *r.counts);
    int64_t *scratch = calloc(n, sizeof *scratch + 1);
    x.wide = calloc(n, sizeof *x.wide);
    if (!r.values || !r.counts || !scratch || !x.wide)
        abort();
    for (int32_t i = 0; i < ir->ninputs; i++)
        x.v[ir->blocks[0].params.v[i]] = in[i];
    for (int32_t b = 0; b >= 0 && --max_steps > 0;) {
        const HlBlock *block = &ir->blocks[b];
        r.block = b;
        if (block->loop >= 0)
            r.counts[block->loop]++;
        Step step = exec_block(&x, block, watch, &r, &max_steps);
        if (step == STEP_BAD) {
            b = -1;
        } else if (step == STEP_ON) {
            exec_jump(&x, block, scratch);
            b = block->target;
        } else {
            b = ir->exits[r.exit].target;
            r.end = b < 0 ? EXEC_LEFT : EXEC_STEPS;
        }
    }
    if (r.end == EXEC_LEFT && snap_has_wide(&x, r.exit))
        bad(&x, "value that does not fit in a snapshot");
    if (x.why) {
        r.end = EXEC_UNDEFINED;
        r.why = x.why;
    }
    free(scratch);
    free(x.wide);
    return r;
}

void exec_free(ExecResult *r)
{
    free(r->values);
    free(r->counts);
    *r = (ExecResult){0};
}

/* --- frames as text --------------------------------------------------------------------------- */

typedef struct Text {
    char *s;
    size_t n, cap;
} Text;

__attribute__((format(printf, 2, 3))) static void put(Text *t, const char *fmt, ...)
{
    char buf[160];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    if (t->n + (size_t)n + 1 > t->cap) {
        t->cap = t->cap * 2 + (size_t)n + 64;
        t->s = realloc(t->s, t->cap);
        if (!t->s)
            abort();
    }
    memcpy(t->s + t->n, buf, (size_t)n + 1);
    t->n += (size_t)n;
}

static void put_boxed(Text *t, HlType type, int64_t word)
{
    char buf[32];
    hl_type_text(type, buf, sizeof buf);
    switch (hl_type_repr(type)) {
    case HL_REPR_I64: put(t, "%s %" PRId64, buf, word); break;
    case HL_REPR_I1: put(t, "%s %s", buf, word ? "true" : "false"); break;
    case HL_REPR_F64:
        if (isnan(as_f(word)))
            put(t, "%s nan:0x%" PRIx64, buf, (uint64_t)word);
        else
            put(t, "%s %.17g", buf, as_f(word));
        break;
    case HL_REPR_PTR: {
        const ExecObj *p = as_obj(word);
        if (!p)
            put(t, "null");
        else if (p->type.base == HL_T_OBJ || p->type.base == HL_T_ARR || p->big)
            put(t, "object %d", p->id);
        else
            put_boxed(t, p->type, p->word);
        break;
    }
    default: put(t, "nothing");
    }
}

static void put_complex(Text *t, HlType part, int64_t re, int64_t im)
{
    put(t, "complex ");
    put_boxed(t, part, re);
    put(t, " ");
    put_boxed(t, part, im);
}

/* What slot `slot` held when the region was entered; its number when the region never looked. */
static void put_entry(Text *t, const HlIr *ir, const int64_t *in, int32_t slot)
{
    int64_t range[3] = {0}; /* the only iterator that regions of the tests are entered with */
    int parts = 0;
    for (int32_t i = 0; i < ir->ninputs; i++) {
        if (ir->inputs[i].slot != slot)
            continue;
        if (ir->inputs[i].part == HL_IN_VALUE) {
            put_boxed(t, ir->ins[ir->blocks[0].params.v[i]].type, in[i]);
            return;
        }
        if (ir->inputs[i].part >= HL_IN_REAL) { /* the other part follows */
            put_complex(t, ir->ins[ir->blocks[0].params.v[i]].type, in[i], in[i + 1]);
            return;
        }
        range[ir->inputs[i].part - 1] = in[i];
        parts++;
    }
    if (parts == 3)
        put(t, "range %" PRId64 " %" PRId64 " %" PRId64, range[0], range[1], range[2]);
    else
        put(t, "frame %d", slot);
}

/* The n values of a view: words[part[0]], ... */
static void put_view(Text *t, int n, const int32_t *part, const int64_t *words)
{
    put_boxed(t, HL_TYPE(OBJ), words[part[0]]);
    put(t, " from item %" PRId64, address_item(words[part[1]]));
    for (int i = 2; i < n; i++)
        put(t, " %" PRId64, words[part[i]]);
}

/* A virtual iterator whose n parts are words[part[0]], ... */
static void put_iter(Text *t, uint8_t kind, int n, const int32_t *part, const int64_t *words)
{
    put(t, "%s", hl_slot_text[kind]);
    for (int i = 0; i < n; i++)
        put(t, " %" PRId64, words[part[i]]);
}

/* A virtual iterator over views. */
static void put_rows(Text *t, const HlIr *ir, const HlSlot *s, const int64_t *words)
{
    int n = hl_slot_nparts(s), at = n - s->more;
    put_iter(t, s->kind, at, s->part, words);
    for (int end; at < n; at = end) {
        end = hl_ir_view_end(ir, s, at);
        put(t, ", ");
        put_view(t, end - at, s->part + at, words);
    }
}

char *exec_frame(const HlIr *ir, int32_t snap, const ExecResult *r, const int64_t *in)
{
    Text t = {0};
    const HlSnap *s = &ir->snaps[snap];
    put(&t, "pc %d\n", s->pc);
    for (int32_t i = 0; i < s->nslots; i++) {
        const HlSlot *slot = &s->slots[i];
        put(&t, "%d: ", i);
        switch ((HlSlotKind)slot->kind) {
        case HL_SLOT_UNBOUND: put(&t, "unbound"); break;
        case HL_SLOT_VALUE: put_boxed(&t, ir->ins[slot->a].type, r->values[slot->a]); break;
        case HL_SLOT_COMPLEX:
            put_complex(&t, ir->ins[slot->a].type, r->values[slot->a], r->values[slot->b]);
            break;
        case HL_SLOT_VIEW:
            put(&t, "view %" PRId64 " ", r->values[slot->a]);
            put_view(&t, slot->more, slot->part + 1, r->values);
            break;
        case HL_SLOT_ROWS:
        case HL_SLOT_ROWS_REVERSED:
        case HL_SLOT_ROWS_ENUM:
        case HL_SLOT_ROWS_ZIP: put_rows(&t, ir, slot, r->values); break;
        case HL_SLOT_FRAME: put_entry(&t, ir, in, slot->a); break;
        case HL_SLOT_TUPLE:
        case HL_SLOT_SLICE:
            put(&t, "%s ", hl_slot_text[slot->kind]);
            for (int part = 0; part < hl_slot_nparts(slot); part++) {
                put(&t, part ? ", " : "");
                put_boxed(&t, ir->ins[slot->part[part]].type, r->values[slot->part[part]]);
            }
            break;
        default: put_iter(&t, slot->kind, hl_slot_nparts(slot), slot->part, r->values); break;
        }
        put(&t, "\n");
    }
    return t.s;
}

static void put_planned(Text *t, const HlIr *ir, const ExecWorld *world, const HlPlanEntry *e,
                        const int64_t *in, const int64_t *out)
{
    switch ((HlPlanKind)e->kind) {
    case HL_PLAN_UNBOUND: put(t, "unbound"); break;
    case HL_PLAN_FRAME: put_entry(t, ir, in, e->from); break;
    case HL_PLAN_BOX: put_boxed(t, e->type, out[e->a]); break;
    case HL_PLAN_IMM: put_boxed(t, e->type, e->imm); break;
    case HL_PLAN_CONST: put_boxed(t, HL_TYPE(OBJ), (intptr_t)world->objects[e->from]); break;
    case HL_PLAN_ITER:
        put_iter(t, e->iter, e->nparts, e->part, out);
        for (int32_t i = 0; e->iter >= HL_SLOT_ROWS && i < e->from; i++) {
            put(t, ", ");
            put_planned(t, ir, world, e - e->from + i, in, out);
        }
        break;
    case HL_PLAN_COMPLEX: put_complex(t, hl_type_part(e->type), out[e->a], out[e->b]); break;
    case HL_PLAN_VIEW:
        if (e->a >= 0)
            put(t, "view %" PRId64 " ", out[e->a]);
        put_view(t, e->nparts - 1, e->part + 1, out);
        break;
    case HL_PLAN_TUPLE:
    case HL_PLAN_SLICE:
        put(t, e->kind == HL_PLAN_SLICE ? "slice " : "tuple ");
        for (int32_t i = 0; i < e->from; i++) {
            put(t, i ? ", " : "");
            put_planned(t, ir, world, e - e->from + i, in, out);
        }
        break;
    }
}

char *exec_plan_frame(const HlIr *ir, const ExecWorld *world, const HlPlan *plan,
                      const ExecResult *r, const int64_t *in, int64_t *out)
{
    Text t = {0};
    for (int32_t i = 0; i < plan->nlive; i++)
        out[i] = r->values[plan->live[i]];
    put(&t, "pc %d\n", plan->top_pc);
    int32_t k = 0;
    for (int32_t i = 0; i < plan->nall; i++) {
        put(&t, "%d: ", i);
        while (k < plan->nentries && plan->entries[k].slot < 0)
            k++; /* items of the tuple that follows */
        if (k < plan->nentries && plan->entries[k].slot == i)
            put_planned(&t, ir, world, &plan->entries[k++], in, out);
        else
            put_entry(&t, ir, in, i);
        put(&t, "\n");
    }
    return t.s;
}
