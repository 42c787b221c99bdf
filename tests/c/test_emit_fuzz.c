/* test_emit_fuzz.c - machine code against the reference interpreter.
 *
 *   test_emit_fuzz [path/to/_llvm.so [regions [first seed]]]
 *
 * Two kinds of random regions: any that ir_gen makes, as they are and optimised; and loops of one
 * block over arrays, run for many iterations, which are what strips are made for, on arrays that
 * overlap, hold NaNs in odd places and end too early. Exit, values handed over, array items and
 * native iterations must be the same. */
#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hl_emit.h"
#include "ir_exec.h"
#include "ir_gen.h"

static const HlBackend *backend;
static int failures;

/* --- the reference's objects, as machine code sees objects ------------------------------------ */

typedef struct Native {
    void *type;
    int64_t word;
    void *data;
    int64_t *shape, *strides;
    int32_t flags;
    int64_t len, stride;
    uint8_t *bytes; /* items that are not 64-bit words */
    ExecObj *of;
} Native;

enum { WRITEABLE = 4, MAX_NATIVES = 64 };
static Native natives[MAX_NATIVES];
static int nnatives;
static const ExecWorld *world; /* of the run under way */
static volatile int breaker;
static char type_of[HL_T__COUNT][HL_D__COUNT];

static void *type_object(HlType t)
{
    return &type_of[t.base][t.dtype];
}

static Native *native_of(const void *object)
{
    for (int i = 0; i < nnatives; i++)
        if (natives[i].of == object)
            return &natives[i];
    if (object) {
        fprintf(stderr, "object without a native one\n");
        exit(1);
    }
    return NULL;
}

static int guard_global(void *globals, int64_t index)
{
    (void)globals;
    return world->same[index];
}

static void *load_global(void *globals, int64_t index)
{
    (void)globals;
    return native_of(world->globals[index]);
}

static int unbox_i64(void *object, int64_t *out)
{
    const ExecObj *o = ((Native *)object)->of;
    if (o->type.base != HL_T_I64 || o->big)
        return 0;
    *out = o->word;
    return 1;
}

static int guard_array(void *object, int dtype, int ndim)
{
    const ExecObj *o = ((Native *)object)->of;
    return o->type.base == HL_T_ARR && o->type.dtype == dtype && o->type.ndim == ndim;
}

/* An item as it is in memory, in the low bytes. */
static int64_t short_item(const ExecObj *o, int64_t i)
{
    double d;
    float f;
    int64_t word = o->items[i];
    if (o->type.dtype == HL_D_F32) {
        memcpy(&d, &word, sizeof d);
        f = (float)d;
        memcpy(&word, &f, sizeof f);
    }
    return word;
}

static int64_t long_item(const Native *n, int64_t i)
{
    double d;
    float f;
    int64_t word = 0;
    HlDtype dtype = (HlDtype)n->of->type.dtype;
    memcpy(&word, n->bytes + i * n->stride, (size_t)n->stride);
    if (dtype == HL_D_F32) {
        memcpy(&f, &word, sizeof f);
        d = f;
        memcpy(&word, &d, sizeof d);
    }
    return hl_dtype_is_int(dtype) ? hl_dtype_narrow(dtype, word) : word;
}

static void make_native(ExecObj *o)
{
    Native *n = &natives[nnatives++];
    *n = (Native){.type = type_object(o->type), .word = o->word, .of = o, .len = o->len};
    if (o->type.base != HL_T_ARR)
        return;
    n->stride = hl_dtype_size((HlDtype)o->type.dtype);
    n->shape = &n->len;
    n->strides = &n->stride;
    n->flags = o->read_only ? 0 : WRITEABLE;
    n->data = o->items;
    if (n->stride < 8) {
        n->data = n->bytes = malloc((size_t)(o->len * n->stride) + 1);
        for (int64_t i = 0; i < o->len; i++)
            memcpy(n->bytes + i * n->stride, &(int64_t){short_item(o, i)}, (size_t)n->stride);
    }
}

/* Brings such items back to where they are compared. */
static void drop_natives(void)
{
    for (int i = 0; i < nnatives; i++) {
        for (int64_t k = 0; natives[i].bytes && k < natives[i].len; k++)
            natives[i].of->items[k] = long_item(&natives[i], k);
        free(natives[i].bytes);
    }
    nnatives = 0;
}

/* --- comparing -------------------------------------------------------------------------------- */

static void complain(const HlIr *ir, uint64_t seed, const char *fmt, ...)
{
    char what[300], *text = hl_irtext_print(ir);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    if (++failures <= 3)
        fprintf(stderr, "FAIL: seed %lu: %s\n%s\n", seed, what, text);
    free(text);
}

static bool same_word(HlRepr repr, int64_t native, int64_t reference)
{
    double a, b;
    memcpy(&a, &native, sizeof a);
    memcpy(&b, &reference, sizeof b);
    if (repr == HL_REPR_PTR)
        return native == (int64_t)(intptr_t)native_of((void *)(intptr_t)reference);
    return native == reference || (repr == HL_REPR_F64 && isnan(a) && isnan(b));
}

typedef struct Compiled {
    HlPlan *plans;
    HlCodeBlob *blob;
    HlEmitEnv env;
    void **objects;
} Compiled;

static bool compile(Compiled *c, const HlIr *ir, uint64_t seed, void **objects)
{
    char err[300] = "";
    c->env = (HlEmitEnv){
        .eval_breaker = &breaker,
        .objects = objects,
        .guard_global = guard_global,
        .load_global = load_global,
        .unbox_i64 = unbox_i64,
        .guard_array = guard_array,
        .type_object = type_object,
        .off_type = offsetof(Native, type),
        .off_float = offsetof(Native, word),
        .off_npi64 = offsetof(Native, word),
        .off_npbool = offsetof(Native, word),
        .off_arr_data = offsetof(Native, data),
        .off_arr_shape = offsetof(Native, shape),
        .off_arr_strides = offsetof(Native, strides),
        .off_arr_flags = offsetof(Native, flags),
        .arr_writeable = WRITEABLE,
    };
    for (int i = 0; i < nnatives; i++)
        if (natives[i].of->type.base == HL_T_BOOL && natives[i].of->word)
            c->env.py_true = &natives[i];
    c->plans = hl_plan_build(ir);
    c->blob = backend->compile(ir, c->plans, &c->env, err, sizeof err);
    if (!c->blob)
        complain(ir, seed, "%s", err);
    return c->blob != NULL;
}

/* Runs machine code and compares it with how the reference run ended. */
static void run_and_compare(const HlIr *ir, const Compiled *c, const ExecResult *want,
                            const int64_t *in, uint64_t seed)
{
    int64_t words[64], out[400], counts[64] = {0};
    for (int32_t k = 0; k < ir->ninputs; k++) {
        HlRepr repr = hl_type_repr(ir->ins[ir->blocks[0].params.v[k]].type);
        words[k] =
            repr == HL_REPR_PTR ? (int64_t)(intptr_t)native_of((void *)(intptr_t)in[k]) : in[k];
    }
    int64_t exit = backend->entry(c->blob)(words, out, counts, NULL);
    if (exit != want->exit) {
        complain(ir, seed, "exit %ld, not %d", exit, want->exit);
        return;
    }
    const HlPlan *plan = &c->plans[exit];
    for (int32_t k = 0; k < plan->nlive; k++) {
        HlRef r = plan->live[k];
        if (!same_word(hl_type_repr(ir->ins[r].type), out[k], want->values[r]))
            complain(ir, seed, "exit %ld: %%%d is %lx, not %lx", exit, r, out[k], want->values[r]);
    }
    for (int32_t l = 0; l < ir->nloops; l++) {
        const HlBlock *entry = &ir->blocks[0];
        bool first = entry->term == HL_TERM_JUMP && ir->blocks[entry->target].loop == l &&
                     want->counts[l] > 0;
        if (counts[l] != want->counts[l] - first)
            complain(ir, seed, "loop %d: %ld iterations, not %ld", l, counts[l],
                     want->counts[l] - first);
    }
}

/* --- any region ------------------------------------------------------------------------------- */

/* There is one True. */
static void one_true(GenWorld *w)
{
    bool seen = false;
    for (int i = 0; i < w->npool; i++) {
        if (w->pool[i].type.base != HL_T_BOOL || !w->pool[i].word)
            continue;
        if (seen)
            w->pool[i].word = 0;
        seen = true;
    }
}

static int test_region(uint64_t seed, bool optimised)
{
    enum { RUNS = 6 };
    int ran = 0;
    HlIr *ir = gen_region(seed);
    if (optimised && hl_opt_run(ir))
        exit(1);
    for (int run = 0; run < RUNS; run++) {
        GenWorld reference, native;
        gen_world(ir, seed * RUNS + (uint64_t)run, &reference);
        gen_world(ir, seed * RUNS + (uint64_t)run, &native);
        one_true(&reference);
        one_true(&native);
        reference.world.polls = -1;
        ExecResult want = exec_run(ir, &reference.world, reference.in, 200000, NULL);
        if (want.end == EXEC_LEFT) {
            void *objects[16];
            Compiled c;
            world = &native.world;
            for (int i = 0; i < native.npool; i++)
                make_native(&native.pool[i]);
            for (int i = 0; i < native.world.nobjects; i++)
                objects[i] = native_of(native.world.objects[i]);
            /* The reference's pointers are into its own pool. */
            for (int32_t r = 0; r < ir->nins; r++)
                if (hl_type_repr(ir->ins[r].type) == HL_REPR_PTR && want.values[r])
                    want.values[r] = (intptr_t)(native.pool + ((ExecObj *)(intptr_t)want.values[r] -
                                                               reference.pool));
            if (compile(&c, ir, seed, objects)) {
                run_and_compare(ir, &c, &want, native.in, seed);
                backend->release(c.blob);
                ran++;
            }
            hl_plan_free(c.plans, ir->nexits);
            drop_natives();
            char *a = gen_world_text(&reference), *b = gen_world_text(&native);
            if (strcmp(a, b))
                complain(ir, seed, "arrays differ: %s not %s", b, a);
            free(a);
            free(b);
        }
        exec_free(&want);
        gen_world_free(&reference);
        gen_world_free(&native);
    }
    hl_ir_free(ir);
    return ran;
}

/* --- loops for strips ------------------------------------------------------------------------- */

enum { ITEMS = 9000 };
static uint64_t state;

static int rnd(int n)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (int)(state >> 20) % n < 0 ? 0 : (int)((state >> 20) % (uint64_t)n);
}

typedef struct Writer {
    char text[20000];
    size_t n;
    int next, exits;
    int f[60], nf, i[60], ni, b[20], nb; /* values that may be used */
    char snaps[12000];
    size_t nsnaps;
    bool single, narrow; /* the float arrays are float32, the int array has less than 64 bits */
    const char *floats, *ints; /* their dtypes */
} Writer;

__attribute__((format(printf, 2, 3))) static void put(Writer *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    w->n += (size_t)vsnprintf(w->text + w->n, sizeof w->text - w->n, fmt, ap);
    va_end(ap);
}

static int any_f(Writer *w)
{
    return w->f[rnd(3) ? w->nf - 1 - rnd(w->nf < 4 ? w->nf : 4) : rnd(w->nf)];
}
static int any_i(Writer *w)
{
    return w->i[rnd(3) ? w->ni - 1 - rnd(w->ni < 4 ? w->ni : 4) : rnd(w->ni)];
}

/* A new exit that hands over the loop's state and the newest values. */
static int leave(Writer *w, const char *reason)
{
    int x = w->exits++;
    w->nsnaps +=
        (size_t)snprintf(w->snaps + w->nsnaps, sizeof w->snaps - w->nsnaps,
                         "x%d: %s pc %d [0: %%0, 1: %%1, 2: %%2, 3: %%60, 4: %%61, 5: %%%d, "
                         "6: %%%d, 7: range(%%62 %%13 %%63)]\n",
                         x, reason, 10 + x, w->f[w->nf - 1], w->i[w->ni - 1]);
    return x;
}

static int index_value(Writer *w)
{
    if (rnd(5) == 0) { /* next to the loop's variable */
        put(w, "  %%%d: i64 = %s %%62 %%1%d", w->next, rnd(2) ? "add_ov" : "sub_ov", rnd(3));
        put(w, " -> x%d\n", leave(w, "overflow"));
        return w->next++;
    }
    return rnd(8) ? 62 : rnd(2) ? 10 : any_i(w);
}

/* a[i] = a[i - 1] * 1.5 or the like: what one iteration stores, the next one reads. */
static void recurrence(Writer *w)
{
    int v = w->next, array = rnd(2), from = rnd(2), x;
    w->next += 5;
    put(w, "  %%%d: i64 = %s %%62 %%11\n", v, rnd(3) ? "sub" : "add");
    put(w, "  %%%d: i64 = index %%%d %%%d -> x%d\n", v + 1, v, 31 + 3 * from, leave(w, "index"));
    put(w, "  %%%d: np<float64> = array_load %s %%%d %%%d %%%d\n", v + 2, w->floats, 30 + 3 * from,
        32 + 3 * from, v + 1);
    put(w, "  %%%d: np<float64> = fmul %%%d %%22\n", w->single ? w->next : v + 3, v + 2);
    if (w->single)
        put(w, "  %%%d: np<float64> = fround32 %%%d\n", v + 3, w->next++);
    x = leave(w, "fpcheck");
    put(w, "  guard_fp %%%d %%%d %%22 -> x%d\n", v + 3, v + 2, x);
    put(w, "  %%%d: i64 = index %%62 %%%d -> x%d\n", v + 4, 31 + 3 * array, leave(w, "index"));
    put(w, "  array_store %s %%%d %%%d %%%d %%%d\n", w->floats, 30 + 3 * array, 32 + 3 * array,
        v + 4, v + 3);
    w->f[w->nf++] = v + 3;
}

/* Values as arrays of less than 64 bits hold them. */
static int rounded(Writer *w, int v)
{
    put(w, "  %%%d: np<float64> = fround32 %%%d\n", w->next, v);
    return w->next++;
}

static int narrowed(Writer *w, int v)
{
    if (rnd(3))
        put(w, "  %%%d: i64 = narrow %s %%%d\n", w->next, w->ints, v);
    else
        put(w, "  %%%d: i64 = narrow_ov %s %%%d -> x%d\n", w->next, w->ints, v,
            leave(w, "overflow"));
    return w->next++;
}

static void statement(Writer *w)
{
    static const char *const fops[] = {"fadd", "fsub", "fmul", "fdiv"};
    static const char *const iops[] = {"add", "sub", "mul", "and", "or", "xor", "shl", "shr"};
    static const char *const ovops[] = {"add_ov", "sub_ov", "mul_ov", "shl_ov"};
    int v = w->next++, a, b, array;
    switch (rnd(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
        a = any_f(w), b = any_f(w);
        put(w, "  %%%d: np<float64> = %s %%%d %%%d\n", v, fops[rnd(9) ? rnd(3) : 3], a, b);
        if (w->single && rnd(8))
            v = rounded(w, v);
        if (rnd(6))
            put(w, "  guard_fp %%%d %%%d %%%d -> x%d\n", v, a, b, leave(w, "fpcheck"));
        w->f[w->nf++] = v;
        break;
    case 4:
        put(w, "  %%%d: np<float64> = %s %%%d\n", v, rnd(2) ? "fneg" : "fabs", any_f(w));
        if (rnd(3) == 0)
            put(w, "  guard_finite %%%d -> x%d\n", v, leave(w, "fpcheck"));
        w->f[w->nf++] = v;
        break;
    case 5:
    case 6:
    case 7:
        array = rnd(3);
        a = index_value(w);
        b = w->next++;
        put(w, "  %%%d: i64 = index %%%d %%%d -> x%d\n", b, a, 31 + 3 * array, leave(w, "index"));
        put(w, "  %%%d: np<%s> = array_load %s %%%d %%%d %%%d\n", v,
            array < 2 ? "float64" : w->ints, array < 2 ? w->floats : w->ints, 30 + 3 * array,
            32 + 3 * array, b);
        if (array < 2)
            w->f[w->nf++] = v;
        else {
            put(w, "  %%%d: i64 = retype %%%d\n", w->next, v);
            w->i[w->ni++] = w->next++;
        }
        break;
    case 8:
    case 14:
    case 15:
        array = rnd(3);
        a = index_value(w);
        b = w->next++;
        put(w, "  %%%d: i64 = index %%%d %%%d -> x%d\n", b, a, 31 + 3 * array, leave(w, "index"));
        v = array < 2 ? any_f(w) : any_i(w);
        if (array < 2 && w->single)
            v = rounded(w, v);
        else if (array == 2 && w->narrow)
            v = narrowed(w, v);
        put(w, "  array_store %s %%%d %%%d %%%d %%%d\n", array < 2 ? w->floats : w->ints,
            30 + 3 * array, 32 + 3 * array, b, v);
        break;
    case 9:
        put(w, "  %%%d: i64 = %s %%%d %%%d\n", v, iops[rnd(8)], any_i(w), any_i(w));
        w->i[w->ni++] = v;
        break;
    case 10:
        put(w, "  %%%d: i64 = %s %%%d %%%d -> x%d\n", v, ovops[rnd(8) ? rnd(2) : rnd(4)], any_i(w),
            any_i(w), leave(w, "overflow"));
        w->i[w->ni++] = w->narrow && rnd(2) ? narrowed(w, v) : v;
        break;
    case 11:
        put(w, "  %%%d: i64 = %s %%%d %%%d\n", v, rnd(2) ? "mod" : "floordiv", any_i(w),
            14 + rnd(2));
        w->i[w->ni++] = v;
        break;
    case 12:
        a = any_i(w);
        if (rnd(2))
            put(w, "  guard_i53 %%%d -> x%d\n", a, leave(w, "range"));
        put(w, "  %%%d: np<float64> = sitofp %%%d\n", v, a);
        w->f[w->nf++] = v;
        break;
    case 13:
        b = w->next++;
        put(w, "  %%%d: bool = fcmp lt %%%d %%%d\n", v, any_f(w), any_f(w));
        if (rnd(3)) {
            put(w, "  %%%d: np<float64> = select %%%d %%%d %%%d\n", b, v, any_f(w), any_f(w));
            w->f[w->nf++] = b;
        } else if (rnd(3) == 0) {
            put(w, "  guard_%s %%%d -> x%d\n", rnd(2) ? "true" : "false", v, leave(w, "branch"));
        }
        break;
    }
}

static HlIr *loop_region(uint64_t seed)
{
    static const char *const trips[] = {"icmp gt %63 %10", "icmp lt %10 %63"};
    static const int steps[] = {1, 1, 1, 1, 2, -1, 3};
    Writer *w = calloc(1, sizeof *w);
    if (!w)
        exit(1);
    state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    for (int i = 0; i < 20; i++)
        rnd(2);
    *w = (Writer){
        .next = 70, .exits = 3, .f = {20, 21, 60}, .nf = 3, .i = {11, 12, 61, 62}, .ni = 4};
    static const char *const narrow[] = {"int8", "uint8", "int16", "uint16", "int32", "uint32"};
    w->single = rnd(4) == 0;
    w->narrow = rnd(4) == 0;
    w->floats = w->single ? "float32" : "float64";
    w->ints = w->narrow ? narrow[rnd(HL_COUNTOF(narrow))] : "int64";
    put(w,
        "region strip slots 8 loops 1 entry x0\n"
        "entry(%%0: arr<%s,1> = slot 0, %%1: arr<%s,1> = slot 1, %%2: arr<%s,1> = slot 2,"
        " %%3: np<float64> = slot 3, %%4: i64 = slot 4, %%5: i64 = slot 7 range_next,"
        " %%6: i64 = slot 7 range_left): pc 0\n"
        "  %%10: i64 = kint 0\n  %%11: i64 = kint 1\n  %%12: i64 = kint 2\n"
        "  %%13: i64 = kint %d\n  %%14: i64 = kint 3\n  %%15: i64 = kint -8\n"
        "  %%20: np<float64> = kfloat 0.5\n  %%21: np<float64> = kfloat -1.25\n"
        "  %%22: np<float64> = kfloat %s\n",
        w->floats, w->floats, w->ints, steps[rnd(HL_COUNTOF(steps))], rnd(2) ? "1.75" : "1e155");
    for (int k = 0; k < 3; k++)
        put(w,
            "  %%%d: ptr = array_data %%%d\n  %%%d: i64 = array_len 0 %%%d\n"
            "  %%%d: i64 = array_stride 0 %%%d\n",
            30 + 3 * k, k, 31 + 3 * k, k, 32 + 3 * k, k);
    put(w, "  jump b1(%%3, %%4, %%5, %%6)\n"
           "b1(%%60: np<float64>, %%61: i64, %%62: i64, %%63: i64): pc 1 loop 0 in 0\n");
    put(w, "  %%64: bool = %s\n  guard_true %%64 -> x1\n", trips[rnd(2)]);
    put(w, "  %%65: i64 = add %%62 %%13\n  %%66: i64 = sub %%63 %%11\n");
    if (rnd(4) == 0)
        recurrence(w);
    for (int k = rnd(8); k > 0; k--)
        statement(w);
    if (rnd(4))
        put(w, "  poll -> x2\n");
    put(w, "  jump b1(%%%d, %%%d, %%65, %%66)\n", w->f[w->nf - 1], w->i[w->ni - 1]);
    put(w,
        "x0: entry pc 0 [0: %%0, 1: %%1, 2: %%2, 3: %%3, 4: %%4, 5: unbound, 6: unbound, "
        "7: range(%%5 %%13 %%6)]\n"
        "x1: loop_end pc 2 [0: %%0, 1: %%1, 2: %%2, 3: %%60, 4: %%61, 5: unbound, 6: unbound, "
        "7: range(%%62 %%13 %%63)]\n"
        "x2: poll pc 3 [0: %%0, 1: %%1, 2: %%2, 3: %%60, 4: %%61, 5: unbound, 6: unbound, "
        "7: range(%%62 %%13 %%63)]\n%s",
        w->snaps);
    char err[300];
    HlIr *ir = hl_irtext_parse(w->text, err, sizeof err);
    const char *bad = ir ? hl_check_ir(ir, err, sizeof err) : err;
    if (bad) {
        fprintf(stderr, "FAIL: seed %lu: %s\n%s\n", seed, bad, w->text);
        exit(1);
    }
    free(w);
    return ir;
}

static double random_item(int spoilt)
{
    static const double odd[] = {NAN, INFINITY, -INFINITY, 1e308, -1e308, 5e-324, 0.0, -0.0};
    if (spoilt && rnd(spoilt) == 0)
        return odd[rnd(HL_COUNTOF(odd))];
    return (rnd(2000) - 1000) / 512.0;
}

/* One buffer for all three arrays, so that they can overlap. */
static void loop_world(const HlIr *ir, int64_t *buffer, ExecObj *arrays, int64_t *in)
{
    bool short_items = false;
    static const int spoils[] = {0, 0, 0, 4000, 900, 30};
    int spoilt = spoils[rnd(HL_COUNTOF(spoils))];
    for (int k = 0; k < 3 * ITEMS; k++) {
        double d = random_item(spoilt);
        memcpy(&buffer[k], &d, sizeof d);
        HlType t = ir->ins[ir->blocks[0].params.v[k / ITEMS]].type;
        short_items |= hl_dtype_size((HlDtype)t.dtype) < 8;
        if (t.dtype == HL_D_F32) {
            d = (float)d;
            memcpy(&buffer[k], &d, sizeof d);
        }
        if (k >= 2 * ITEMS)
            buffer[k] = rnd(spoilt ? 50 : 2000) ? rnd(200) - 100 : (int64_t)state;
        if (k >= 2 * ITEMS)
            buffer[k] = hl_dtype_narrow((HlDtype)t.dtype, buffer[k]);
    }
    int64_t shortest = ITEMS;
    for (int k = 0; k < 3; k++) {
        int64_t at = k * ITEMS, len = rnd(3) ? ITEMS - 8 : rnd(ITEMS - 8);
        if (rnd(3) == 0 && !short_items) /* upon another one */
            at = rnd(k < 2 ? 2 : 3) * ITEMS + (rnd(3) ? rnd(6) : rnd(8) ? 0 : 8);
        arrays[k] = (ExecObj){
            .type = ir->ins[ir->blocks[0].params.v[k]].type, .items = buffer + at, .len = len};
        shortest = len < shortest ? len : shortest;
        in[k] = (intptr_t)&arrays[k];
    }
    double start = random_item(20);
    memcpy(&in[3], &start, sizeof start);
    in[4] = rnd(12) ? rnd(100) - 50 : INT64_MAX - rnd(2000);
    in[5] = rnd(4) ? 1 : rnd(40) - 20;
    in[6] = rnd(4) ? shortest : rnd(rnd(2) ? 30 : 3 * ITEMS) - 5;
}

static int test_loop(uint64_t seed)
{
    enum { RUNS = 12 };
    static int64_t items[2][3 * ITEMS];
    int ran = 0;
    Compiled c;
    HlIr *ir = loop_region(seed);
    if (rnd(2) && hl_opt_run(ir))
        exit(1);
    if (!compile(&c, ir, seed, NULL))
        return 0;
    for (int run = 0; run < RUNS; run++) {
        ExecObj arrays[2][3];
        int64_t in[2][8];
        ExecWorld nothing = {.polls = -1};
        uint64_t before = state;
        loop_world(ir, items[0], arrays[0], in[0]);
        state = before;
        loop_world(ir, items[1], arrays[1], in[1]);
        breaker = rnd(20) == 0;
        nothing.polls = breaker ? 0 : -1;
        ExecResult want = exec_run(ir, &nothing, in[0], 1000000, NULL);
        if (want.end == EXEC_LEFT) {
            for (int k = 0; k < 3; k++)
                make_native(&arrays[1][k]);
            for (int32_t r = 0; r < ir->nins; r++)
                for (int k = 0; k < 3; k++)
                    if (want.values[r] == in[0][k])
                        want.values[r] = in[1][k];
            run_and_compare(ir, &c, &want, in[1], seed);
            drop_natives();
            ran++;
            for (int k = 0; k < 3 * ITEMS; k++) {
                if (!same_word(HL_REPR_F64, items[1][k], items[0][k])) {
                    complain(ir, seed, "run %d: item %d of array %d is %lx, not %lx", run,
                             k % ITEMS, k / ITEMS, items[1][k], items[0][k]);
                    break;
                }
            }
        }
        breaker = 0;
        exec_free(&want);
    }
    backend->release(c.blob);
    hl_plan_free(c.plans, ir->nexits);
    hl_ir_free(ir);
    return ran;
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
    backend = ((const HlBackend *(*)(void))dlsym(handle, "hl_backend"))();
    uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 60;
    uint64_t first = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    long regions = 0, loops = 0;
    for (uint64_t seed = first; seed < first + n && failures < 4; seed++) {
        regions += test_region(seed, seed % 2);
        loops += test_loop(seed);
    }
    printf("fuzz: %ld runs of regions, %ld of loops, %d failures\n", regions, loops, failures);
    return failures != 0 || regions == 0 || loops == 0;
}
