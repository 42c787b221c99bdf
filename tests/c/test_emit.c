/* test_emit.c - the code generator, through its one symbol and the text form of regions.
 *
 *   test_emit [path/to/_llvm.so]          runs all tests; default: the build tree's
 *   test_emit path/to/_llvm.so --floats   prints results of float operations, for test_emit.py
 *
 * Operations are run on special values, and compared with plain C; then exits, counters, memory, assembly. */
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hl_emit.h"
#include "hl_ir.h"
#include "hl_mem.h"

static const HlBackend *backend;
static int failures;
static bool seen[HL_I__COUNT]; /* operations that some test compiled */

__attribute__((format(printf, 1, 2))) static void complain(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (++failures <= 40) {
        fprintf(stderr, "FAIL: ");
        vfprintf(stderr, fmt, ap);
        fputc('\n', stderr);
    }
    va_end(ap);
}
#define CHECK(cond) ((cond) ? (void)0 : complain("line %d: %s", __LINE__, #cond))

static int64_t bits(double d)
{
    int64_t i;
    memcpy(&i, &d, sizeof i);
    return i;
}

static double from_bits(int64_t i)
{
    double d;
    memcpy(&d, &i, sizeof d);
    return d;
}

/* --- a world without Python ------------------------------------------------------------------- */

typedef struct Object {
    int64_t refs;
    void *type;
    union {
        double f;
        int64_t i;
        uint8_t b;
        double parts[2];
    } u;
} Object;
typedef struct Array {
    int64_t refs;
    void *type, *data;
    int64_t nd, *shape, *strides;
    int32_t flags;
    void *dtype;
} Array;

typedef struct Int {
    int64_t refs;
    void *type;
    int64_t size; /* has the sign */
    uint32_t digits[2];
} Int;
typedef struct List {
    int64_t refs;
    void *type;
    int64_t size;
    Object **items;
} List;
typedef struct Tuple {
    int64_t refs;
    void *type;
    int64_t size;
    Object *items[2];
} Tuple;
typedef struct Bytes {
    int64_t refs;
    void *type;
    int64_t size;
    uint8_t items[4];
} Bytes;

enum { WRITEABLE = 0x400 };
static volatile int breaker;
static char type_of[HL_T__COUNT][HL_D__COUNT]; /* the addresses stand for types */
static Object true_object, false_object;
static int64_t globals_seen[2];
static int64_t list_seen[5]; /* arguments of the last call about a list */
static int list_answer;      /* and what it is to say */

static void *type_object(HlType t)
{
    return &type_of[t.base][t.dtype];
}

static int guard_global(void *globals, int64_t index)
{
    globals_seen[0] = index;
    return globals == &globals_seen && index == 3;
}

static void *load_global(void *globals, int64_t index)
{
    globals_seen[1] = index;
    return globals == &globals_seen && index == 5 ? &true_object : NULL;
}

/* A function gives its slot 2, and finds its global 5. */
static void *func_value(void *func, int64_t slot)
{
    return slot == 2 ? func : NULL;
}

static void *func_global(void *globals, int64_t index, void *func)
{
    return globals == &globals_seen && index == 5 ? func : NULL;
}

static int unbox_i64(void *object, int64_t *out)
{
    const Int *o = object;
    int64_t n = o->size < 0 ? -o->size : o->size;
    if (n > 2) /* stands for an int of more than 64 bits */
        return 0;
    *out = (int64_t)o->digits[0] + (n > 1 ? (int64_t)o->digits[1] << 30 : 0);
    *out *= o->size < 0 ? -1 : 1;
    return 1;
}

static int list_store(void *list, int64_t index, int64_t type, int64_t word, void *origin)
{
    memcpy(list_seen,
           (int64_t[]){(int64_t)(intptr_t)list, index, type, word, (int64_t)(intptr_t)origin},
           sizeof list_seen);
    return list_answer;
}

static int list_append(void *list, int64_t type, int64_t word, void *origin)
{
    return list_store(list, -1, type, word, origin);
}

static int list_pop(void *list)
{
    return list_store(list, -2, 0, 0, NULL);
}

static int release(void *object)
{
    return list_store(object, -3, 0, 0, NULL);
}

static int guard_array(void *object, int dtype, int ndim)
{
    const Array *a = object;
    return a->nd == ndim && a->type == &type_of[HL_T_ARR][dtype];
}

static Object object_a, object_b;
static void *const objects[] = {&object_a, &object_b};

static int ufunc_loop(void *ufunc, int dtype, int nin, HlUfuncLoop *out);

static const HlEmitEnv env = {
    .eval_breaker = &breaker,
    .objects = objects,
    .globals = &globals_seen,
    .guard_global = guard_global,
    .load_global = load_global,
    .func_value = func_value,
    .func_global = func_global,
    .type_function = &type_of[HL_T_OBJ][0],
    .type_jitted = &type_of[HL_T_OBJ][1],
    .off_func_code = offsetof(Object, u),
    .off_jitted_func = offsetof(Object, u),
    .unbox_i64 = unbox_i64,
    .guard_array = guard_array,
    .type_object = type_object,
    .ufunc_loop = ufunc_loop,
    .py_true = &true_object,
    .py_false = &false_object,
    .list_store = list_store,
    .list_append = list_append,
    .list_pop = list_pop,
    .release = release,
    .off_refcnt = offsetof(Object, refs),
    .off_size = offsetof(List, size),
    .off_digits = offsetof(Int, digits),
    .off_list_items = offsetof(List, items),
    .off_tuple_items = offsetof(Tuple, items),
    .off_bytes_items = offsetof(Bytes, items),
    .off_type = offsetof(Object, type),
    .off_float = offsetof(Object, u),
    .off_npi64 = offsetof(Object, u),
    .off_npbool = offsetof(Object, u),
    .off_complex = offsetof(Object, u),
    .off_arr_data = offsetof(Array, data),
    .off_arr_shape = offsetof(Array, shape),
    .off_arr_strides = offsetof(Array, strides),
    .off_arr_flags = offsetof(Array, flags),
    .off_arr_dtype = offsetof(Array, dtype),
    .arr_writeable = WRITEABLE,
};

/* --- regions ---------------------------------------------------------------------------------- */

typedef struct Region {
    HlIr *ir;
    HlPlan *plans;
    HlCodeBlob *blob;
    HlEntry run;
} Region;

static Region region_parse(const char *text)
{
    Region r = {0};
    char err[300], why[300];
    r.ir = hl_irtext_parse(text, err, sizeof err);
    if (!r.ir) {
        complain("%s in:\n%s", err, text);
        exit(1);
    }
    const char *bad = hl_check_ir(r.ir, why, sizeof why);
    if (bad) {
        complain("%s in:\n%s", bad, text);
        exit(1);
    }
    for (int32_t b = 0; b < r.ir->nblocks; b++)
        for (int32_t i = 0; i < r.ir->blocks[b].ins.n; i++)
            seen[r.ir->ins[r.ir->blocks[b].ins.v[i]].op] = true;
    r.plans = hl_plan_build(r.ir);
    return r;
}

static Region region_make(const char *text)
{
    char err[300] = "";
    Region r = region_parse(text);
    r.blob = backend->compile(r.ir, r.plans, &env, err, sizeof err);
    if (!r.blob) {
        complain("%s compiling:\n%s", err, text);
        exit(1);
    }
    r.run = backend->entry(r.blob);
    CHECK(backend->code_size(r.blob) > 0 && err[0] == '\0');
    return r;
}

static void region_free(Region *r)
{
    backend->release(r->blob);
    hl_plan_free(r->plans, r->ir->nexits);
    hl_ir_free(r->ir);
}

/* A region of one operation: exit 1 when a guard left, exit 2 with the result in out[0]. `op` is
 * the text from the operation to its operands %0 %1 %2; result "-" = none. */
static Region one_op(const char *op, const char *types, const char *result, bool is_guard)
{
    static const char *const names[] = {['i'] = "i64",
                                        ['f'] = "f64",
                                        ['b'] = "bool",
                                        ['p'] = "obj",
                                        ['a'] = "arr<float64,1>",
                                        ['c'] = "arr<int64,1>",
                                        ['d'] = "arr<bool,1>"};
    char text[2000], params[300] = "", *p = params;
    for (int k = 0; types[k]; k++)
        p += sprintf(p, "%s%%%d: %s = slot %d", k ? ", " : "", k, names[(uint8_t)types[k]], k);
    bool has = result[0] != '-';
    char def[60] = "";
    char copy[60] = ""; /* what an object was unboxed to would need no word */
    if (has) {
        sprintf(def, "%%9: %s = ", result);
        sprintf(copy, "  %%10: %s = retype %%9\n", result);
    }
    snprintf(text, sizeof text,
             "region one slots 4 loops 1 entry x0\n"
             "entry%s%s%s: pc 0\n"
             "  jump b1\n"
             "b1: pc 0\n"
             "  %s%s%s\n%s"
             "  exit x2\n"
             "x0: entry pc 0 [0: unbound, 1: unbound, 2: unbound, 3: unbound]\n"
             "x1: branch pc 1 [0: unbound, 1: unbound, 2: unbound, 3: unbound]\n"
             "x2: return pc 2 [0: %s, 1: unbound, 2: unbound, 3: unbound]\n",
             p != params ? "(" : "", params, p != params ? ")" : "", def, op,
             is_guard ? " -> x1" : "", copy, has ? "%10" : "unbound");
    return region_make(text);
}

static int64_t run1(const Region *r, int64_t a, int64_t b, int64_t c, int64_t *result)
{
    int64_t in[4] = {a, b, c, 0}, out[8] = {0x5a5a5a5a}, counts[1] = {0};
    int64_t exit = r->run(in, out, counts, NULL);
    *result = out[0];
    CHECK(counts[0] == 0);
    return exit;
}

/* --- one operation at a time ------------------------------------------------------------------ */

static const int64_t ints[] = {
    0,
    1,
    -1,
    2,
    -2,
    3,
    -3,
    5,
    7,
    -7,
    8,
    10,
    16,
    62,
    63,
    64,
    65,
    100,
    -100,
    1000003,
    -1000003,
    INT64_C(1) << 31,
    -(INT64_C(1) << 31),
    INT64_C(1) << 32,
    (INT64_C(1) << 53) - 1,
    INT64_C(1) << 53,
    (INT64_C(1) << 53) + 1,
    -(INT64_C(1) << 53),
    -(INT64_C(1) << 53) - 1,
    3037000499,
    3037000500,
    -3037000500,
    INT64_C(1) << 62,
    -(INT64_C(1) << 62),
    INT64_MAX,
    INT64_MAX - 1,
    INT64_MIN,
    INT64_MIN + 1,
};

static const double floats[] = {
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    -1.5,
    2.0,
    3.0,
    -3.0,
    0.1,
    -0.1,
    0.3,
    7.0,
    10.0,
    1e16,
    1e17,
    3.141592653589793,
    2.718281828459045,
    1e-3,
    123456.789,
    -987654.321,
    1e15,
    4503599627370497.5,
    9007199254740993.0,
    9.3e18,
    9223372036854775808.0,
    -9223372036854775808.0,
    9223372036854774784.0,
    -9223372036854777856.0,
    1e100,
    -1e100,
    1e154,
    1.4e154,
    1e300,
    -1e300,
    1.7976931348623157e308,
    -1.7976931348623157e308,
    2.2250738585072014e-308,
    5e-324,
    -5e-324,
    1e-200,
    INFINITY,
    -INFINITY,
    NAN,
};

static bool same_float(double a, double b)
{
    return isnan(a) ? isnan(b) : bits(a) == bits(b);
}

#include "test_emit_int.h"

/* Runs a region of one operation on all pairs of integers or floats, and compares. `want` gives the
 * result's word, or sets *leaves. */
typedef int64_t (*RefFn)(int64_t a, int64_t b, bool *leaves);

static void sweep(const char *op, const char *types, const char *result, bool guard, RefFn want)
{
    Region r = one_op(op, types, result, guard);
    bool is_float = types[0] == 'f', two = types[0] && types[1];
    int n = is_float ? HL_COUNTOF(floats) : types[0] == 'b' ? 2 : HL_COUNTOF(ints);
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < (two ? n : 1); k++) {
            int64_t a = is_float ? bits(floats[i]) : types[0] == 'b' ? i : ints[i];
            int64_t b = is_float ? bits(floats[k]) : types[0] == 'b' ? k : ints[k];
            int64_t got;
            bool leaves = false;
            int64_t expected = want(a, b, &leaves);
            int64_t exit = run1(&r, a, b, a, &got);
            bool same = strcmp(result, "f64") ? got == expected
                                              : same_float(from_bits(got), from_bits(expected));
            if (exit != (leaves ? 1 : 2) || (!leaves && result[0] != '-' && !same))
                complain("%s: %lx %lx: exit %ld, %lx, not %lx", op, a, b, exit, got, expected);
        }
    }
    region_free(&r);
}

#define FLOAT2(name, expr)                                                                         \
    static int64_t name(int64_t ai, int64_t bi, bool *leaves)                                      \
    {                                                                                              \
        double a = from_bits(ai), b = from_bits(bi);                                               \
        (void)a, (void)b, (void)leaves;                                                            \
        return expr;                                                                               \
    }
#define INT2(name, expr)                                                                           \
    static int64_t name(int64_t a, int64_t b, bool *leaves)                                        \
    {                                                                                              \
        (void)a, (void)b, (void)leaves;                                                            \
        return expr;                                                                               \
    }
FLOAT2(ref_fadd, bits(a + b))
FLOAT2(ref_fsub, bits(a - b))
FLOAT2(ref_fmul, bits(a *b))
FLOAT2(ref_fdiv, bits(a / b))
FLOAT2(ref_fneg, bits(a) ^ INT64_MIN)
FLOAT2(ref_fabs, bits(a) & INT64_MAX)
FLOAT2(ref_fround32, bits((float)a))
FLOAT2(ref_flt, a < b)
FLOAT2(ref_fle, a <= b)
FLOAT2(ref_feq, a == b)
FLOAT2(ref_fne, a != b)
FLOAT2(ref_fgt, a > b)
FLOAT2(ref_fge, a >= b)
FLOAT2(ref_finite, (*leaves = !isfinite(a), 0))
FLOAT2(ref_fptosi, (*leaves = !(a >= -0x1p63 && a < 0x1p63), *leaves ? 0 : (int64_t)a))
INT2(ref_ilt, a < b)
INT2(ref_ile, a <= b)
INT2(ref_ieq, a == b)
INT2(ref_ine, a != b)
INT2(ref_igt, a > b)
INT2(ref_ige, a >= b)
INT2(ref_sitofp, bits((double)a))
INT2(ref_i53, (*leaves = a < -(INT64_C(1) << 53) || a > INT64_C(1) << 53, 0))
INT2(ref_same, a)
INT2(ref_popcount, __builtin_popcountll((uint64_t)a))
INT2(ref_uitofp, bits((double)(uint64_t)a))
INT2(ref_narrow_i8, (int8_t)a)
INT2(ref_narrow_u16, (uint16_t)a)
INT2(ref_narrow_ov_i32, (*leaves = a != (int32_t)a, a))
INT2(ref_narrow_ov_u32, (*leaves = a != (uint32_t)a, a))
INT2(ref_narrow_ov_u64, (*leaves = a < 0, a))
INT2(ref_not, !a)
INT2(ref_and, a &b)
INT2(ref_or, a | b)
INT2(ref_xor, a ^ b)
INT2(ref_true, (*leaves = !a, 0))
INT2(ref_false, (*leaves = !!a, 0))

static void test_simple(void)
{
    sweep("fadd %0 %1", "ff", "f64", false, ref_fadd);
    sweep("fsub %0 %1", "ff", "f64", false, ref_fsub);
    sweep("fmul %0 %1", "ff", "f64", false, ref_fmul);
    sweep("fdiv %0 %1", "ff", "f64", false, ref_fdiv);
    sweep("fneg %0", "f", "f64", false, ref_fneg);
    sweep("fabs %0", "f", "f64", false, ref_fabs);
    sweep("fcmp lt %0 %1", "ff", "bool", false, ref_flt);
    sweep("fcmp le %0 %1", "ff", "bool", false, ref_fle);
    sweep("fcmp eq %0 %1", "ff", "bool", false, ref_feq);
    sweep("fcmp ne %0 %1", "ff", "bool", false, ref_fne);
    sweep("fcmp gt %0 %1", "ff", "bool", false, ref_fgt);
    sweep("fcmp ge %0 %1", "ff", "bool", false, ref_fge);
    sweep("guard_finite %0", "f", "-", true, ref_finite);
    sweep("fptosi_ov %0", "f", "i64", true, ref_fptosi);
    sweep("icmp lt %0 %1", "ii", "bool", false, ref_ilt);
    sweep("icmp le %0 %1", "ii", "bool", false, ref_ile);
    sweep("icmp eq %0 %1", "ii", "bool", false, ref_ieq);
    sweep("icmp ne %0 %1", "ii", "bool", false, ref_ine);
    sweep("icmp gt %0 %1", "ii", "bool", false, ref_igt);
    sweep("icmp ge %0 %1", "ii", "bool", false, ref_ige);
    sweep("sitofp %0", "i", "f64", false, ref_sitofp);
    sweep("uitofp %0", "i", "f64", false, ref_uitofp);
    sweep("fround32 %0", "f", "f64", false, ref_fround32);
    sweep("narrow int8 %0", "i", "i64", false, ref_narrow_i8);
    sweep("narrow uint16 %0", "i", "i64", false, ref_narrow_u16);
    sweep("narrow int64 %0", "i", "i64", false, ref_same);
    sweep("narrow_ov int32 %0", "i", "i64", true, ref_narrow_ov_i32);
    sweep("narrow_ov uint32 %0", "i", "i64", true, ref_narrow_ov_u32);
    sweep("narrow_ov uint64 %0", "i", "i64", true, ref_narrow_ov_u64);
    sweep("popcount %0", "i", "i64", false, ref_popcount);
    sweep("guard_i53 %0", "i", "-", true, ref_i53);
    sweep("retype %0", "i", "np<int64>", false, ref_same);
    sweep("bnot %0", "b", "bool", false, ref_not);
    sweep("band %0 %1", "bb", "bool", false, ref_and);
    sweep("bor %0 %1", "bb", "bool", false, ref_or);
    sweep("bxor %0 %1", "bb", "bool", false, ref_xor);
    sweep("zext %0", "b", "i64", false, ref_same);
    sweep("guard_true %0", "b", "-", true, ref_true);
    sweep("guard_false %0", "b", "-", true, ref_false);

    Region r = one_op("select %0 %1 %2", "bff", "f64", false);
    int64_t got;
    CHECK(run1(&r, 1, bits(1.5), bits(-0.0), &got) == 2 && got == bits(1.5));
    CHECK(run1(&r, 0, bits(1.5), bits(-0.0), &got) == 2 && got == bits(-0.0));
    region_free(&r);
}

/* --- libm, Python's float remainder and quotient ---------------------------------------------- */

static int64_t word(const void *p)
{
    return (int64_t)(intptr_t)p;
}

#include "test_emit_np.h"
#include "test_emit_step.h"

static void test_math(void)
{
#define ENTRY(name, text, sym, arity)                                                              \
    {text, arity, arity == 1 ? (void (*)(void))sym : NULL, arity == 2 ? (void (*)(void))sym : NULL},
    static const struct {
        const char *text;
        int arity;
        void (*one)(void), (*two)(void);
    } math[] = {HL_MATHDEF(ENTRY)};
#undef ENTRY
    for (int m = 0; m < HL_COUNTOF(math); m++) {
        char op[60];
        sprintf(op, "fmath%d %s %%0%s", math[m].arity, math[m].text,
                math[m].arity == 2 ? " %1" : "");
        Region r = one_op(op, math[m].arity == 2 ? "ff" : "f", "f64", false);
        for (int i = 0; i < HL_COUNTOF(floats); i++) {
            for (int k = 0; k < (math[m].arity == 2 ? HL_COUNTOF(floats) : 1); k++) {
                double a = floats[i], b = floats[k];
                double want = math[m].arity == 1 ? ((double (*)(double))math[m].one)(a)
                                                 : ((double (*)(double, double))math[m].two)(a, b);
                int64_t got;
                CHECK(run1(&r, bits(a), bits(b), 0, &got) == 2);
                if (!same_float(from_bits(got), want))
                    complain("math.%s %a %a: %a, not %a", math[m].text, a, b, from_bits(got), want);
            }
        }
        region_free(&r);
    }
    test_single();
    test_ufuncs();
    /* Of constants: must not be folded by another libm than the one at run time. */
    Region r = region_make("region one slots 1 loops 1 entry x0\n"
                           "entry: pc 0\n"
                           "  jump b1\n"
                           "b1: pc 0\n"
                           "  %0: f64 = kfloat 0.1\n"
                           "  %1: f64 = kfloat 1e22\n"
                           "  %2: f64 = fmath1 sin %1\n"
                           "  %3: f64 = fpow %0 %2\n"
                           "  exit x2\n"
                           "x0: entry pc 0 [0: unbound]\n"
                           "x2: return pc 2 [0: %3]\n");
    int64_t got;
    CHECK(run1(&r, 0, 0, 0, &got) == 2);
    volatile double tenth = 0.1, big = 1e22;
    CHECK(got == bits(pow(tenth, sin(big))));
    char err[100], *text = backend->text(r.ir, r.plans, &env, 'l', err, sizeof err);
    CHECK(text && strstr(text, "@math.sin") && strstr(text, "@math.pow"));
    free(text);
    region_free(&r);
}

/* Lines "op a b result" with the floats' bits in hex; test_emit.py compares them with Python. */
static void print_floats(void)
{
    static const char *const ops[] = {"fmod", "ffloordiv", "fpow"};
    for (int o = 0; o < HL_COUNTOF(ops); o++) {
        char text[40];
        sprintf(text, "%s %%0 %%1", ops[o]);
        Region r = one_op(text, "ff", "f64", false);
        uint64_t seed = 88172645463325252u;
        int n = HL_COUNTOF(floats);
        for (int i = 0; i < n * n + 4000; i++) {
            double a = floats[i / n % n], b = floats[i % n];
            if (i >= n * n) { /* random ones, of like and unlike magnitudes */
                for (int w = 0; w < 2; w++) {
                    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
                    double x = (double)(int64_t)seed / (double)(1 + (seed >> (i % 40 + 20)));
                    *(w ? &a : &b) = i % 3 == 0 ? floor(x) : x;
                }
            }
            int64_t got;
            run1(&r, bits(a), bits(b), 0, &got);
            printf("%s %016lx %016lx %016lx\n", ops[o], bits(a), bits(b), got);
        }
        region_free(&r);
    }
}

static bool fp_ok(double r, double a, double b)
{
    return isfinite(r) || isnan(a) || isnan(b) || (isinf(r) && (isinf(a) || isinf(b)));
}

static void test_fp_guard(void)
{
    static const double v[] = {0.0, -0.0, 1.0, -1e300, 1e308, 5e-324, INFINITY, -INFINITY, NAN};
    const int n = HL_COUNTOF(v);
    int64_t got;
    Region r = one_op("guard_fp %0 %1 %2", "fff", "-", true);
    for (int i = 0; i < n * n * n; i++) {
        double x = v[i % n], a = v[i / n % n], b = v[i / n / n];
        int64_t exit = run1(&r, bits(x), bits(a), bits(b), &got);
        if (exit != (fp_ok(x, a, b) ? 2 : 1))
            complain("guard_fp %g %g %g: exit %ld", x, a, b, exit);
    }
    region_free(&r);
    /* Chains of operations, each with its guard: the first that fails decides the exit. */
    static const char *const ops[] = {"fadd", "fsub", "fmul", "fdiv"};
    for (int o = 0; o < 16; o++) {
        char text[1000];
        snprintf(text, sizeof text,
                 "region chain slots 2 loops 1 entry x0\n"
                 "entry(%%0: f64 = slot 0, %%1: f64 = slot 1, %%2: f64 = slot 1): pc 0\n"
                 "  jump b1\n"
                 "b1: pc 0\n"
                 "  %%3: f64 = %s %%0 %%1\n"
                 "  guard_fp %%3 %%0 %%1 -> x1\n"
                 "  %%4: f64 = %s %%3 %%2\n"
                 "  guard_fp %%4 %%3 %%2 -> x2\n"
                 "  %%5: f64 = fneg %%4\n"
                 "  guard_fp %%5 %%4 %%4 -> x3\n"
                 "  exit x4\n"
                 "x0: entry pc 0 [0: unbound, 1: unbound]\n"
                 "x1: fpcheck pc 1 [0: %%0, 1: %%1]\n"
                 "x2: fpcheck pc 2 [0: %%3, 1: %%1]\n"
                 "x3: fpcheck pc 3 [0: %%4, 1: %%3]\n"
                 "x4: return pc 4 [0: %%5, 1: %%3]\n",
                 ops[o % 4], ops[o / 4]);
        r = region_make(text);
        for (int i = 0; i < n * n * n; i++) {
            double a = v[i % n], b = v[i / n % n], c = v[i / n / n], x[2] = {a, 0};
            int64_t want = 4, in[3] = {bits(a), bits(b), bits(c)}, out[4] = {0}, counts[1];
            for (int step = 0; step < 2; step++) {
                double p = x[step], q = step ? c : b, res;
                int op = step ? o / 4 : o % 4;
                res = op == 0 ? p + q : op == 1 ? p - q : op == 2 ? p * q : p / q;
                if (want == 4 && !fp_ok(res, p, q))
                    want = step + 1;
                x[step] = res;
                if (step == 0)
                    x[1] = res;
            }
            int64_t exit = r.run(in, out, counts, NULL);
            if (exit != want || (want == 2 && !same_float(from_bits(out[0]), x[0])))
                complain("%s then %s of %g %g %g: exit %ld, not %ld", ops[o % 4], ops[o / 4], a, b,
                         c, exit, want);
        }
        region_free(&r);
    }
}

/* --- objects, globals, arrays ----------------------------------------------------------------- */

static void expect(int line, const char *op, const char *types, const char *result, bool guard,
                   int64_t a, int64_t b, int64_t want_exit, int64_t want)
{
    int64_t got;
    Region r = one_op(op, types, result, guard);
    int64_t exit = run1(&r, a, b, 0, &got);
    if (exit != want_exit || (want_exit == 2 && result[0] != '-' && got != want))
        complain("line %d: %s: exit %ld, %lx, not %ld, %lx", line, op, exit, got, want_exit, want);
    region_free(&r);
}
#define EXPECT(...) expect(__LINE__, __VA_ARGS__)

static void test_objects(void)
{
    Object f = {.refs = 1, .type = type_object(HL_TYPE(F64)), .u.f = 2.5};
    Object i = {.refs = 1, .type = type_object(HL_TYPE(I64)), .u.i = -77};
    Int small = {.refs = 1, .type = i.type, .size = -1, .digits = {77}};
    Int zero = {.refs = 1, .type = i.type}, two = {.type = i.type, .size = 2, .digits = {1, 3}};
    Int big = {.refs = 1, .type = i.type, .size = 3};
    Object no = {.refs = 1, .u.b = 0}, yes = {.refs = 1, .u.b = 1};
    Object z = {.refs = 1, .u.parts = {1.5, -3.25}};
    EXPECT("guard_type f64 %0", "p", "-", true, word(&f), 0, 2, 0);
    EXPECT("guard_type f64 %0", "p", "-", true, word(&i), 0, 1, 0);
    EXPECT("guard_bound %0", "p", "-", true, word(&i), 0, 2, 0);
    EXPECT("guard_bound %0", "p", "-", true, 0, 0, 1, 0);
    EXPECT("unbox_i64 %0", "p", "i64", true, word(&small), 0, 2, -77);
    EXPECT("unbox_i64 %0", "p", "i64", true, word(&zero), 0, 2, 0);
    EXPECT("unbox_i64 %0", "p", "i64", true, word(&two), 0, 2, 1 + (INT64_C(3) << 30));
    EXPECT("unbox_i64 %0", "p", "i64", true, word(&big), 0, 1, 0);
    EXPECT("unbox_f64 %0", "p", "f64", false, word(&f), 0, 2, bits(2.5));
    EXPECT("unbox_bool %0", "p", "bool", false, word(&true_object), 0, 2, 1);
    EXPECT("unbox_bool %0", "p", "bool", false, word(&f), 0, 2, 0);
    EXPECT("unbox_npi64 %0", "p", "np<int64>", false, word(&i), 0, 2, -77);
    EXPECT("unbox_npbool %0", "p", "np<bool>", false, word(&yes), 0, 2, 1);
    EXPECT("unbox_npbool %0", "p", "np<bool>", false, word(&no), 0, 2, 0);
    EXPECT("unbox_part %0", "p", "f64", false, word(&z), 0, 2, bits(1.5));
    EXPECT("unbox_part imag %0", "p", "f64", false, word(&z), 0, 2, bits(-3.25));
    Object narrow = {.refs = 1};
    const float parts[2] = {1.5F, -3.25F};
    memcpy(&narrow.u, parts, sizeof parts);
    EXPECT("unbox_part %0", "p", "np<float32>", false, word(&narrow), 0, 2, bits(1.5));
    EXPECT("unbox_part imag %0", "p", "np<float32>", false, word(&narrow), 0, 2, bits(-3.25));
    Object wide = {.refs = 1, .u.i = 0x1234567890abcdef}, single = {.refs = 1};
    const float half = 0.5F;
    memcpy(&single.u, &half, sizeof half);
    EXPECT("unbox_np int8 %0", "p", "np<int8>", false, word(&wide), 0, 2, -17);
    EXPECT("unbox_np uint8 %0", "p", "np<uint8>", false, word(&wide), 0, 2, 0xef);
    EXPECT("unbox_np int16 %0", "p", "np<int16>", false, word(&wide), 0, 2, -12817);
    EXPECT("unbox_np uint16 %0", "p", "np<uint16>", false, word(&wide), 0, 2, 0xcdef);
    EXPECT("unbox_np int32 %0", "p", "np<int32>", false, word(&wide), 0, 2, -1867788817);
    EXPECT("unbox_np uint32 %0", "p", "np<uint32>", false, word(&wide), 0, 2, 0x90abcdef);
    EXPECT("unbox_np uint64 %0", "p", "np<uint64>", false, word(&wide), 0, 2, wide.u.i);
    EXPECT("unbox_np float32 %0", "p", "np<float32>", false, word(&single), 0, 2, bits(0.5));
    EXPECT("is %0 %1", "pp", "bool", false, word(&f), word(&f), 2, 1);
    EXPECT("is %0 %1", "pp", "bool", false, word(&f), word(&i), 2, 0);
    EXPECT("knull", "", "obj", false, 0, 0, 2, 0);
    EXPECT("kobj #1", "", "obj", false, 0, 0, 2, word(&object_b));
    EXPECT("kbool true", "", "bool", false, 0, 0, 2, 1);
    EXPECT("guard_global #3", "", "-", true, 0, 0, 2, 0);
    EXPECT("guard_global #4", "", "-", true, 0, 0, 1, 0);
    EXPECT("load_global #5", "", "obj", true, 0, 0, 2, word(&true_object));
    EXPECT("load_global #6", "", "obj", true, 0, 0, 1, 0);
    CHECK(globals_seen[0] == 4 && globals_seen[1] == 6);
    Object func = {.refs = 1, .type = env.type_function, .u.i = word(&object_b)};
    Object jitted = {.refs = 1, .type = env.type_jitted, .u.i = word(&func)};
    EXPECT("func #1 %0", "p", "obj", true, word(&func), 0, 2, word(&func));
    EXPECT("func #0 %0", "p", "obj", true, word(&func), 0, 1, 0);
    EXPECT("func #1 %0", "p", "obj", true, word(&jitted), 0, 1, 0);
    EXPECT("func #1 %0", "p", "obj", true, word(&i), 0, 1, 0);
    EXPECT("func jitted #1 %0", "p", "obj", true, word(&jitted), 0, 2, word(&func));
    EXPECT("func jitted #0 %0", "p", "obj", true, word(&jitted), 0, 1, 0);
    EXPECT("func jitted #1 %0", "p", "obj", true, word(&func), 0, 1, 0);
    EXPECT("func_value #2 %0", "p", "obj", true, word(&func), 0, 2, word(&func));
    EXPECT("func_value #3 %0", "p", "obj", true, word(&func), 0, 1, 0);
    EXPECT("func_global #5 %0", "p", "obj", true, word(&func), 0, 2, word(&func));
    EXPECT("func_global #6 %0", "p", "obj", true, word(&func), 0, 1, 0);
}

static void test_sequences(void)
{
    Object f = {.refs = 1, .type = type_object(HL_TYPE(F64)), .u.f = 2.5}, g = f;
    Object *items[] = {&f, &g};
    List list = {.refs = 1, .size = 2, .items = items};
    Tuple tuple = {.refs = 1, .size = 2, .items = {&f, &g}};
    Bytes bytes = {.refs = 1, .size = 4, .items = {7, 200}};
    EXPECT("list_size %0", "p", "i64", false, word(&list), 0, 2, 2);
    EXPECT("seq_size %0", "p", "i64", false, word(&tuple), 0, 2, 2);
    EXPECT("list_load %0 %1", "pi", "obj", false, word(&list), 1, 2, word(&g));
    EXPECT("tuple_load %0 %1", "pi", "obj", false, word(&tuple), 1, 2, word(&g));
    EXPECT("bytes_load %0 %1", "pi", "i64", false, word(&bytes), 1, 2, 200);

    /* A float that only the list holds is overwritten; for other numbers the core is asked. */
    EXPECT("list_store %0 %1 %2", "pif", "-", true, word(&list), 1, 2, 0);
    CHECK(g.u.f == 0 && g.refs == 1 && items[1] == &g);
    g.refs = 2;
    for (list_answer = 0; list_answer < 2; list_answer++) {
        EXPECT("list_store %0 %1 %2", "pif", "-", true, word(&list), 1, list_answer + 1, 0);
        CHECK(list_seen[0] == word(&list) && list_seen[1] == 1 && !list_seen[3] && !list_seen[4]);
        CHECK(list_seen[2] == hl_type_pack(HL_TYPE(F64)));
        EXPECT("list_append %0 %1", "pi", "-", true, word(&list), 33, list_answer + 1, 0);
        CHECK(list_seen[1] == -1 && list_seen[2] == hl_type_pack(HL_TYPE(I64)));
        CHECK(list_seen[3] == 33);
        EXPECT("list_pop %0", "p", "-", true, word(&list), 0, list_answer + 1, 0);
        CHECK(list_seen[0] == word(&list) && list_seen[1] == -2);
    }
    /* Objects go in by reference. The one that goes out is not the last... */
    static const char *const store = "region store slots 2 loops 1 entry x0\n"
                                     "entry(%0: obj = slot 0, %1: obj = slot 1): pc 0\n"
                                     "  %2: i64 = kint 1\n"
                                     "  list_store %0 %2 %1 -> x1\n"
                                     "  exit x2\n"
                                     "x0: entry pc 0 [0: frame, 1: frame]\n"
                                     "x1: release pc 0 [0: frame, 1: frame]\n"
                                     "x2: branch pc 1 [0: frame, 1: frame]\n";
    Region r = region_make(store);
    int64_t out;
    CHECK(run1(&r, word(&list), word(&f), 0, &out) == 2);
    CHECK(items[1] == &f && f.refs == 2 && g.refs == 1);
    CHECK(run1(&r, word(&list), word(&f), 0, &out) == 2 && f.refs == 2);
    /* ...or it is, and the core takes it, or does not. */
    f.refs = 1;
    list_answer = 0;
    CHECK(run1(&r, word(&list), word(&g), 0, &out) == 1 && items[1] == &f && f.refs == 1);
    CHECK(list_seen[0] == word(&f) && list_seen[1] == -3 && g.refs == 1);
    list_answer = 1;
    CHECK(run1(&r, word(&list), word(&g), 0, &out) == 2 && items[1] == &g && g.refs == 2);
    region_free(&r);
    EXPECT("list_store %0 %1 %2", "pib", "-", true, word(&list), 0, 2, 0);
    CHECK(items[0] == &false_object && false_object.refs == 1);
}

/* Loads item %1 into %2, and stores it to item %1 + 1, through any stride or the constant one. */
static const char *const copy_item = "region items slots 2 loops 1 entry x0\n"
                                     "entry(%%0: arr<%1$s,1> = slot 0, %%1: i64 = slot 1): pc 0\n"
                                     "  guard_array arr<%1$s,1> %%0 -> x1\n"
                                     "  guard_writeable %%0 -> x2\n"
                                     "  %%2: ptr = array_data %%0\n"
                                     "  %%3: i64 = array_len 0 %%0\n"
                                     "  %%4: i64 = %2$s\n"
                                     "  %%5: i64 = kint 1\n"
                                     "  jump b1\n"
                                     "b1: pc 0\n"
                                     "  %%6: i64 = index %%1 %%3 -> x3\n"
                                     "  %%7: np<%1$s> = array_load %1$s %%2 %%4 %%6\n"
                                     "  %%8: i64 = add %%6 %%5\n"
                                     "  %%9: i64 = index nonneg %%8 %%3 -> x4\n"
                                     "  array_store %1$s %%2 %%4 %%9 %%7\n"
                                     "  exit x5\n"
                                     "x0: entry pc 0 [0: %%0, 1: %%1]\n"
                                     "x1: array pc 1 [0: %%0, 1: %%1]\n"
                                     "x2: readonly pc 2 [0: %%0, 1: %%1]\n"
                                     "x3: index pc 3 [0: %%0, 1: %%1]\n"
                                     "x4: index pc 4 [0: %%0, 1: %%7]\n"
                                     "x5: return pc 5 [0: %%7, 1: %%9]\n";

/* Stores %1 into item 1 where it is greater than 4. */
static void test_store_if(void)
{
    Region r = region_make("region store slots 2 loops 1 entry x0\n"
                           "entry(%0: arr<int64,1> = slot 0, %1: i64 = slot 1): pc 0\n"
                           "  %2: ptr = array_data %0\n"
                           "  %3: i64 = kint 8\n"
                           "  %4: i64 = kint 1\n"
                           "  %5: i64 = kint 4\n"
                           "  jump b1\n"
                           "b1: pc 0\n"
                           "  %6: bool = icmp gt %1 %5\n"
                           "  array_store_if int64 %2 %3 %4 %1 %6\n"
                           "  exit x5\n"
                           "x0: entry pc 0 [0: %0, 1: %1]\n"
                           "x5: return pc 5 [0: %0, 1: %1]\n");
    int64_t data[3] = {7, 8, 9}, len = 3, stride = 8, out[2], counts[1];
    Array a = make_array(HL_D_I64, data, &len, &stride);
    int64_t in[2] = {word(&a), 4};
    CHECK(r.run(in, out, counts, NULL) == 5 && data[0] == 7 && data[1] == 8 && data[2] == 9);
    in[1] = 5;
    CHECK(r.run(in, out, counts, NULL) == 5 && data[0] == 7 && data[1] == 5 && data[2] == 9);
    region_free(&r);
}

static void test_arrays(void)
{
    static const struct {
        const char *name;
        HlDtype d;
    } dtypes[] = {
        {"float64", HL_D_F64}, {"int64", HL_D_I64},  {"bool", HL_D_BOOL},   {"int8", HL_D_I8},
        {"int16", HL_D_I16},   {"int32", HL_D_I32},  {"uint8", HL_D_U8},    {"uint16", HL_D_U16},
        {"uint32", HL_D_U32},  {"uint64", HL_D_U64}, {"float32", HL_D_F32},
    };
    for (int k = 0; k < 2 * HL_COUNTOF(dtypes); k++) {
        const char *name = dtypes[k / 2].name;
        HlDtype d = dtypes[k / 2].d;
        int size = hl_dtype_size(d),
            step = k % 2 ? 1 : -3; /* contiguous, or backward over every third */
        char text[1500], stride[40];
        _Alignas(8) unsigned char data[30 * 8];
        sprintf(stride, k % 2 ? "kint %d" : "array_stride 0 %%0", size);
        snprintf(text, sizeof text, copy_item, name, stride);
        Region r = region_make(text);
        int64_t len = 10, strides = step * size;
        Array a = make_array(d, step > 0 ? data : data + 27 * size, &len, &strides);
        for (int64_t index = -12; index <= 12; index++) {
            int64_t in[2] = {word(&a), index}, out[4] = {0}, counts[1];
            for (int i = 0; i < (int)sizeof data; i++)
                data[i] = (unsigned char)(d == HL_D_BOOL ? (i * i / 3) & 1 : i * 7);
            unsigned char before[sizeof data];
            memcpy(before, data, sizeof data);
            int64_t at = index < 0 ? index + len : index;
            int64_t want = at < 0 || at >= len ? 3 : at + 1 >= len ? 4 : 5;
            int64_t exit = r.run(in, out, counts, NULL);
            int64_t item = 0, loaded;
            if (want != 3)
                memcpy(&item, (char *)a.data + at * strides, (size_t)size);
            if (want == 5)
                memcpy(before + ((char *)a.data - (char *)data) + (at + 1) * strides, &item,
                       (size_t)size);
            if (d == HL_D_F32) {
                float single;
                memcpy(&single, &item, sizeof single);
                loaded = bits(single);
            } else {
                loaded = hl_dtype_is_int(d) ? hl_dtype_narrow(d, item) : item;
            }
            bool value_ok = want != 5 || (out[0] == loaded && out[1] == at + 1);
            if (exit != want || !value_ok || memcmp(before, data, sizeof data))
                complain("%s item %ld by %ld: exit %ld, %lx", name, index, strides, exit, out[0]);
        }
        int64_t in[2] = {word(&a), 1}, out[4], counts[1];
        a.flags = ~WRITEABLE;
        CHECK(r.run(in, out, counts, NULL) == 2);
        a.type = &type_of[HL_T_ARR][HL_D_NONE];
        CHECK(r.run(in, out, counts, NULL) == 1);
        region_free(&r);
    }
    test_complex_items();
    test_rows();
    test_axes();
    test_store_if();
    /* Items of one array seen through another dtype must not be taken as unrelated. */
    Region r = region_make("region view slots 2 loops 1 entry x0\n"
                           "entry(%0: arr<float64,1> = slot 0, %1: arr<int64,1> = slot 1): pc 0\n"
                           "  %2: ptr = array_data %0\n"
                           "  %3: ptr = array_data %1\n"
                           "  %4: i64 = kint 8\n"
                           "  %5: i64 = kint 0\n"
                           "  %6: i64 = kint 77\n"
                           "  jump b1\n"
                           "b1: pc 0\n"
                           "  %7: np<float64> = array_load float64 %2 %4 %5\n"
                           "  array_store int64 %3 %4 %5 %6\n"
                           "  %8: np<float64> = array_load float64 %2 %4 %5\n"
                           "  exit x5\n"
                           "x0: entry pc 0 [0: %0, 1: %1]\n"
                           "x5: return pc 5 [0: %7, 1: %8]\n");
    double shared = 4.0;
    int64_t one = 1, eight = 8, in[2], out[2] = {0}, counts[1];
    Array x = make_array(HL_D_F64, &shared, &one, &eight);
    Array y = make_array(HL_D_I64, &shared, &one, &eight);
    in[0] = word(&x), in[1] = word(&y);
    CHECK(r.run(in, out, counts, NULL) == 5 && out[0] == bits(4.0) && out[1] == 77);
    region_free(&r);
}

/* --- loops, exits, counters ------------------------------------------------------------------- */

/* All kinds of live values at an exit, constants and the frame's own objects left out. */
static void test_exits(void)
{
    Region r = region_make(
        "region exits slots 6 loops 1 entry x0\n"
        "entry(%0: i64 = slot 0, %1: f64 = slot 1, %2: bool = slot 2, %3: obj = slot 3): pc 0\n"
        "  %4: i64 = kint 5\n"
        "  jump b1\n"
        "b1: pc 0\n"
        "  %5: i64 = add %0 %4\n"
        "  %6: f64 = fadd %1 %1\n"
        "  %7: bool = bnot %2\n"
        "  %8: obj = load_global #5 -> x1\n"
        "  guard_true %7 -> x2\n"
        "  exit x3\n"
        "x0: entry pc 0 [0: %0, 1: %1, 2: %2, 3: %3, 4: unbound, 5: unbound]\n"
        "x1: global pc 1 [0: %0, 1: %1, 2: %2, 3: %3, 4: unbound, 5: %4]\n"
        "x2: branch pc 2 [0: %5, 1: %6, 2: %7, 3: %8, 4: unbound, 5: %4]\n"
        "x3: return pc 3 [0: %5, 1: %7, 2: %6, 3: %8, 4: %8, 5: range(%5 %4 %0)]\n");
    for (int which = 0; which < 2; which++) {
        int64_t in[4] = {10, bits(1.25), which, word(&object_a)}, out[8], counts[1] = {9};
        memset(out, 0x77, sizeof out);
        int64_t exit = r.run(in, out, counts, NULL);
        CHECK(exit == (which ? 2 : 3) && counts[0] == 9);
        const HlPlan *plan = &r.plans[exit];
        for (int32_t k = 0; k < plan->nlive; k++) {
            HlRef ref = plan->live[k];
            int64_t want = ref == 0   ? 10
                           : ref == 4 ? 5
                           : ref == 5 ? 15
                           : ref == 6 ? bits(2.5)
                           : ref == 7 ? !which
                           : ref == 8 ? word(&true_object)
                                      : -1;
            if (out[k] != want)
                complain("exit %ld: word %d (%%%d) is %lx, not %lx", exit, k, ref, out[k], want);
        }
        CHECK(plan->nlive >= 4 && out[plan->nlive] == 0x7777777777777777);
    }
    region_free(&r);
}

/* for i in range(...): for j in range(i): if j % 3 == 0: t += j, with the branch that was found
 * later, leaving by overflow when the limit is small: everything that a region can be made of. */
static const char *const nest =
    "region nest slots 4 loops 2 entry x0\n"
    "entry(%0: i64 = slot 0, %1: i64 = slot 2 range_next, %2: i64 = slot 2 range_step,"
    " %3: i64 = slot 2 range_left): pc 0\n"
    "  %4: i64 = kint 0\n"
    "  %5: i64 = kint 1\n"
    "  %6: i64 = kint 3\n"
    "  jump b1(%0, %1, %3)\n"
    "b1(%10: i64, %11: i64, %12: i64): pc 0 loop 0 in 0\n"
    "  poll -> x1\n"
    "  %13: bool = icmp gt %12 %4\n"
    "  guard_true %13 -> x2\n"
    "  %14: i64 = add %11 %2\n"
    "  %15: i64 = sub %12 %5\n"
    "  jump b2(%10, %4)\n"
    "b2(%20: i64, %21: i64): pc 10 loop 1 in 1\n"
    "  poll -> x3\n"
    "  %22: bool = icmp lt %21 %11\n"
    "  guard_true %22 -> x4\n"
    "  %23: i64 = mod %21 %6\n"
    "  %24: bool = icmp eq %23 %4\n"
    "  guard_false %24 -> x5\n"
    "  jump b3(%20)\n"
    "b3(%30: i64): pc 20 in 1\n"
    "  %31: i64 = add %21 %5\n"
    "  jump b2(%30, %31)\n"
    "b4: pc 30 in 0\n" /* inner loop ended */
    "  jump b1(%20, %14, %15)\n"
    "b5: pc 40 in 1\n" /* j % 3 == 0 */
    "  %32: i64 = add_ov %20 %21 -> x6\n"
    "  jump b3(%32)\n"
    "x0: entry pc 0 [0: %0, 1: unbound, 2: range(%1 %2 %3), 3: unbound]\n"
    "x1: poll pc 0 [0: %10, 1: unbound, 2: range(%11 %2 %12), 3: unbound]\n"
    "x2: loop_end pc 0 [0: %10, 1: unbound, 2: range(%11 %2 %12), 3: unbound]\n"
    "x3: poll pc 10 [0: %20, 1: %11, 2: range(%14 %2 %15), 3: %21]\n"
    "x4: loop_end pc 10 [0: %20, 1: %11, 2: range(%14 %2 %15), 3: %21] -> b4\n"
    "x5: branch pc 20 [0: %20, 1: %11, 2: range(%14 %2 %15), 3: %21] -> b5\n"
    "x6: overflow pc 40 [0: %20, 1: %11, 2: range(%14 %2 %15), 3: %21]\n";

static void test_nest(void)
{
    Region r = region_make(nest);
    for (int run = 0; run < 3; run++) {
        int64_t start = run == 2 ? INT64_MAX - 100 : run, n = 40 * run + 1, step = run + 1;
        int64_t in[4] = {start, 0, step, n}, out[8] = {0}, counts[2] = {1000, 2000};
        int64_t exit = r.run(in, out, counts, NULL);
        int64_t t = start, outer = 0, inner = 0, i = 0, left = n, j = 0;
        bool over = false;
        for (; left > 0 && !over; i += step, left--, outer++) {
            inner++; /* the inner header's first arrival */
            for (j = 0; j < i; j++, inner++) {
                if (j % 3 == 0 && (over = __builtin_add_overflow(t, j, &t)))
                    break;
            }
            if (over)
                break;
        }
        CHECK(over == (run == 2) && exit == (over ? 6 : 2));
        CHECK(counts[0] == 1000 + outer && counts[1] == 2000 + inner);
        const HlPlan *plan = &r.plans[exit];
        for (int32_t k = 0; k < plan->nlive; k++) {
            HlRef ref = plan->live[k];
            if (ref == 10)
                CHECK(out[k] == t);
            if (ref == 21)
                CHECK(out[k] == j);
            if (ref == 11)
                CHECK(out[k] == i);
            if (ref == 12)
                CHECK(out[k] == 0);
            if (ref == 14)
                CHECK(out[k] == i + step);
            if (ref == 15)
                CHECK(out[k] == left - 1);
        }
    }
    int64_t in[4] = {0, 0, 1, 10}, out[8], counts[2] = {0};
    breaker = 1;
    CHECK(r.run(in, out, counts, NULL) == 1 && counts[0] == 0);
    breaker = 0;
    region_free(&r);
    r = one_op("trips #0 %0", "i", "-", false);
    CHECK(r.run(&in[3], out, counts, NULL) == 2 && counts[0] == in[3]);
    region_free(&r);
}

#include "test_emit_poll.h"

/* --- what the machine code looks like --------------------------------------------------------- */

static bool assembly_has(const Region *r, const char *what)
{
    char err[200], *text = backend->text(r->ir, r->plans, &env, 'a', err, sizeof err);
    CHECK(text != NULL);
    bool has = text && strstr(text, what);
    free(text);
    return has;
}

static void test_code(void)
{
    Region r = one_op("fmul %0 %1\n  %8: f64 = fadd %9 %2\n  %7: bool = fcmp lt %8 %0\n"
                      "  guard_true %7",
                      "fff", "f64", true);
    CHECK(assembly_has(&r, "mulsd") && assembly_has(&r, "addsd"));
    CHECK(!assembly_has(&r, "vfm") && !assembly_has(&r, "vfnm"));
    region_free(&r);
    r = with_constant("mod", 8, false);
    CHECK(assembly_has(&r, "and") && !assembly_has(&r, "idiv") && !assembly_has(&r, "sar"));
    region_free(&r);
    r = with_constant("floordiv", 8, false);
    CHECK(assembly_has(&r, "sar") && !assembly_has(&r, "idiv") && !assembly_has(&r, "add"));
    region_free(&r);
    r = with_constant("mod", 10, false);
    CHECK(!assembly_has(&r, "idiv"));
    region_free(&r);
    r = region_make(nest);
    static const char kinds[] = {'u', 'l', 'a'};
    static const char *const words[] = {"phi i64", "define", ".text"};
    for (int k = 0; k < HL_COUNTOF(kinds); k++) {
        char err[200], *text = backend->text(r.ir, r.plans, &env, kinds[k], err, sizeof err);
        CHECK(text && strstr(text, words[k]) && err[0] == '\0');
        free(text);
    }
    region_free(&r);
}

/* --- errors and memory ------------------------------------------------------------------------ */

static void test_errors(void)
{
    char err[200] = "";
    Region r = region_make(nest);
    for (int32_t k = 0; k < r.ir->nins; k++)
        if (r.ir->ins[k].op == HL_I_ADD_OV)
            r.ir->ins[k].op = HL_I_ADD, r.ir->ins[k].a[1] = r.ir->blocks[0].params.v[0];
    HlIns *phi = &r.ir->ins[r.ir->blocks[1].params.v[0]];
    phi->type = HL_TYPE(F64); /* as no checker would let it pass */
    CHECK(backend->compile(r.ir, r.plans, &env, err, sizeof err) == NULL && err[0] != '\0');
    err[0] = '\0';
    CHECK(backend->text(r.ir, r.plans, &env, 'l', err, sizeof err) == NULL && err[0] != '\0');
    phi->type = HL_TYPE(I64);
    HlCodeBlob *blob = backend->compile(r.ir, r.plans, &env, err, sizeof err);
    CHECK(blob != NULL && err[0] == '\0');
    backend->release(blob);
    backend->release(NULL);
    region_free(&r);
}

static double resident_mb(void)
{
    long pages = 0, ignored;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &ignored, &pages) != 2)
        complain("no /proc/self/statm");
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

/* Compiled regions that are released leave nothing behind, and many live ones take little each. */
static void test_memory(void)
{
    enum { WARM = 20, LIVE = 100, TOTAL = 400 };
    HlCodeBlob *live[LIVE] = {NULL};
    char err[200];
    Region r = region_make(nest);
    double start = 0;
    for (int i = 0; i < TOTAL; i++) {
        if (i == WARM)
            start = resident_mb();
        HlCodeBlob **slot = &live[i * 7919 % LIVE];
        backend->release(*slot);
        *slot = backend->compile(r.ir, r.plans, &env, err, sizeof err);
        CHECK(*slot != NULL);
        if (*slot) {
            int64_t in[4] = {i, 0, 1, 4}, out[8], counts[2] = {0};
            CHECK(backend->entry(*slot)(in, out, counts, NULL) == 2 && counts[0] == 4);
        }
    }
    double full = resident_mb();
    for (int i = 0; i < LIVE; i++)
        backend->release(live[i]);
    double end = resident_mb();
    printf("memory: %.1f MB after %d compiles, +%.1f after %d with %d live, +%.1f released\n",
           start, WARM, full - start, TOTAL, LIVE, end - start);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what is freed */
    CHECK(full - start < 10 && end - start < 5);
#endif
    region_free(&r);
}

int main(int argc, char **argv)
{
    char path[4096];
    const char *build = getenv("HOTLOOP_BUILD");
    snprintf(path, sizeof path, "%s/.libs/_llvm.so", build ? build : ".");
    void *handle = dlopen(argc > 1 ? argv[1] : path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    const HlBackend *(*get)(void) = (const HlBackend *(*)(void))dlsym(handle, "hl_backend");
    backend = get();
    if (backend->abi != HL_EMIT_ABI)
        complain("ABI %d", backend->abi);
    if (argc > 2 && !strcmp(argv[2], "--floats")) {
        print_floats();
        return failures != 0;
    }
    test_integers();
    test_powmod();
    test_simple();
    test_math();
    test_fp_guard();
    test_objects();
    test_sequences();
    test_arrays();
    test_exits();
    test_nest();
    test_poll();
    test_polls_where_loops_lead_back();
    test_step();
    test_code();
    test_errors();
    test_memory();
    seen[HL_I_PARAM] = seen[HL_I_FMOD] = seen[HL_I_FFLOORDIV] = true; /* in no list */
    for (int op = 0; op < HL_I__COUNT; op++)
        if (!seen[op])
            complain("no test for %s", hl_op_info[op].name);
    printf("emit: %d failures (%s)\n", failures, backend->version);
    return failures != 0;
}
