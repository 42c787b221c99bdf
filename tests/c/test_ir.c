/* test_ir.c - unit tests of the IR library: memory, types, reasons, text, verifier, control flow,
 * plans, and every path on which memory runs out. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../src/hl_mem.h"
#include "../../src/hl_opt.h"
#include "ir_gen.h"

static int checks, failures;

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        checks++;                                                                                  \
        if (!(x)) {                                                                                \
            failures++;                                                                            \
            printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #x);                                 \
        }                                                                                          \
    } while (0)

/* A small region with a loop, a branch that is continued, a range, and every kind of slot. */
static const char base_text[] =
    "region base slots 3 loops 1 entry x0\n"
    "entry(%0: arr<float64,1> = slot 0, %1: i64 = slot 1, %2: i64 = slot 4 range_next, "
    "%3: i64 = slot 4 range_step, %4: i64 = slot 4 range_left): pc 10\n"
    "  %5: i64 = kint 0\n"
    "  jump b1(%1, %2, %4)\n"
    "b1(%6: i64, %7: i64, %8: i64): pc 10 loop 0 in 0\n"
    "  poll -> x1\n"
    "  %9: bool = icmp gt %8 %5\n"
    "  guard_true %9 -> x2\n"
    "  %10: i64 = kint 1 @12\n"
    "  %11: i64 = add %7 %3\n"
    "  %12: i64 = sub %8 %10\n"
    "  %13: i64 = add_ov %6 %7 -> x3 @14\n"
    "  jump b1(%13, %11, %12)\n"
    "b2: pc 20\n"
    "  %14: obj = kobj #2\n"
    "  %15: f64 = kfloat 2.5\n"
    "  exit x4\n"
    "x0: entry pc 10 [0: %0, 1: %1, 2: frame, 3: frame, 4: range(%2 %3 %4)]\n"
    "x1: poll pc 10 [0: %0, 1: %6, 2: frame, 3: frame, 4: range(%7 %3 %8)]\n"
    "x2: loop_end pc 10 [0: %0, 1: %6, 2: frame, 3: frame, 4: range(%7 %3 %8)] -> b2\n"
    "x3: overflow pc 14 [0: %0, 1: %6, 2: %7, 3: unbound, 4: range(%11 %3 %12)]\n"
    "x4: return pc 20 [0: %0, 1: %6, 2: %14, 3: frame 2]\n";

/* The text with one piece replaced by another; free() it. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *s = malloc(strlen(text) + strlen(to) + 1);
    if (!at || !s) {
        printf("test_ir: \"%s\" is not in the text\n", from);
        exit(1);
    }
    size_t n = (size_t)(at - text);
    memcpy(s, text, n);
    strcpy(s + n, to);
    strcat(s, at + strlen(from));
    return s;
}

static HlIr *parse(const char *text)
{
    char err[200];
    HlIr *ir = hl_irtext_parse(text, err, sizeof err);
    if (!ir) {
        printf("test_ir: %s\n%s", err, text);
        exit(1);
    }
    return ir;
}

static HlIr *base_region(void)
{
    return parse(base_text);
}

static bool verifies(const HlIr *ir)
{
    char why[200];
    const char *bad = hl_check_ir(ir, why, sizeof why);
    if (bad)
        printf("verifier: %s\n", bad);
    return !bad;
}

/* --- memory, types, reasons ------------------------------------------------------------------- */

static bool can_inject(void)
{
    hl_mem_fail_at(1);
    void *p = hl_mem_alloc(1);
    hl_mem_fail_at(0);
    hl_mem_free(p);
    return !p;
}

static void test_mem(void)
{
    unsigned char *p = hl_mem_alloc(8);
    CHECK(p && !p[0] && !p[7]);
    p = hl_mem_realloc(p, 8, 4096);
    CHECK(p && !p[8] && !p[4095]);
    hl_mem_free(p);
    char *s = hl_mem_strdup("loop");
    CHECK(s && !strcmp(s, "loop"));
    hl_mem_free(s);
    int32_t *v = NULL, cap = 0;
    for (int32_t i = 0; i < 1000; i++) {
        CHECK(!hl_mem_grow((void **)&v, &cap, i + 1, sizeof *v) && cap > i);
        v[i] = i;
    }
    CHECK(v[0] == 0 && v[999] == 999);
    int32_t big = cap;
    CHECK(!hl_mem_grow((void **)&v, &cap, 10, sizeof *v) && cap == big);
    if (can_inject()) {
        hl_mem_fail_at(2);
        void *a = hl_mem_alloc(1), *b = hl_mem_alloc(1), *c = hl_mem_alloc(1);
        CHECK(a && !b && c);
        CHECK(hl_mem_fail_at(1) == 3);
        CHECK(hl_mem_grow((void **)&v, &cap, cap + 1, sizeof *v) == -1 && v[999] == 999);
        CHECK(hl_mem_fail_at(0) == 1);
        hl_mem_free(a);
        hl_mem_free(c);
    } else {
        printf("test_ir: built without --enable-debug: failing allocations are not tested\n");
    }
    hl_mem_free(v);
}

static void test_types(void)
{
    static const struct {
        const char *text;
        HlType type;
        HlRepr repr;
    } good[] = {
        {"void", HL_TYPE(VOID), HL_REPR_NONE},
        {"obj", HL_TYPE(OBJ), HL_REPR_PTR},
        {"bool", HL_TYPE(BOOL), HL_REPR_I1},
        {"i64", HL_TYPE(I64), HL_REPR_I64},
        {"f64", HL_TYPE(F64), HL_REPR_F64},
        {"ptr", HL_TYPE(PTR), HL_REPR_PTR},
        {"np<float64>", HL_TYPE_NPS(HL_D_F64), HL_REPR_F64},
        {"np<int64>", HL_TYPE_NPS(HL_D_I64), HL_REPR_I64},
        {"np<bool>", HL_TYPE_NPS(HL_D_BOOL), HL_REPR_I1},
        {"np<uint16>", HL_TYPE_NPS(HL_D_U16), HL_REPR_I64},
        {"np<float32>", HL_TYPE_NPS(HL_D_F32), HL_REPR_F64},
        {"arr<int8,1>", HL_TYPE_ARR(HL_D_I8, 1), HL_REPR_PTR},
        {"arr<float64,1>", HL_TYPE_ARR(HL_D_F64, 1), HL_REPR_PTR},
        {"arr<complex128,1>", HL_TYPE_ARR(HL_D_C128, 1), HL_REPR_PTR},
        {"arr<complex64,8>", HL_TYPE_ARR(HL_D_C64, 8), HL_REPR_PTR},
        {"complex", HL_TYPE(COMPLEX), HL_REPR_NONE},
        {"arr<bool,12>", HL_TYPE_ARR(HL_D_BOOL, 12), HL_REPR_PTR},
    };
    static const char *const bad[] = {"",
                                      "i",
                                      "i640",
                                      "np",
                                      "np<",
                                      "np<float64",
                                      "np<f64>",
                                      "arr<float64>",
                                      "arr<float64,>",
                                      "arr<float64,256>",
                                      "np<->",
                                      "arr<float64,1",
                                      "arr<float64,-1>",
                                      "<float64>"};
    char buf[32], longer[40];
    HlType t;
    for (int i = 0; i < HL_COUNTOF(good); i++) {
        CHECK(!strcmp(hl_type_text(good[i].type, buf, sizeof buf), good[i].text));
        snprintf(longer, sizeof longer, "%s = x", good[i].text);
        CHECK(hl_type_parse(longer, &t) == strlen(good[i].text));
        CHECK(hl_type_eq(t, good[i].type) && hl_type_repr(t) == good[i].repr);
    }
    for (int i = 0; i < HL_COUNTOF(bad); i++)
        CHECK(!hl_type_parse(bad[i], &t));
    CHECK(!hl_type_eq(HL_TYPE_ARR(HL_D_F64, 1), HL_TYPE_ARR(HL_D_F64, 2)));
    CHECK(hl_dtype_size(HL_D_F64) == 8 && hl_dtype_size(HL_D_BOOL) == 1);
    CHECK(!strcmp(hl_dtype_text(HL_D_I64), "int64"));
    int64_t lo, hi;
    hl_dtype_limits(HL_D_I8, &lo, &hi);
    CHECK(lo == -128 && hi == 127 && hl_dtype_narrow(HL_D_I8, 383) == 127);
    hl_dtype_limits(HL_D_U16, &lo, &hi);
    CHECK(lo == 0 && hi == 65535 && hl_dtype_narrow(HL_D_U16, -1) == 65535);
    hl_dtype_limits(HL_D_I64, &lo, &hi);
    CHECK(lo == INT64_MIN && hi == INT64_MAX && hl_dtype_narrow(HL_D_I64, lo) == lo);
    hl_dtype_limits(HL_D_U64, &lo, &hi);
    CHECK(lo == 0 && hi == INT64_MAX && hl_dtype_narrow(HL_D_U64, -1) == -1);
    for (int d = HL_D_NONE; d < HL_D__COUNT; d++) {
        bool other = d == HL_D_BOOL || d == HL_D_NONE;
        CHECK(hl_dtype_is_int(d) + hl_dtype_is_float(d) + hl_dtype_is_complex(d) + other == 1);
        CHECK(hl_dtype_size(d) == hl_dtype_size(hl_dtype_part(d)) * (1 + hl_dtype_is_complex(d)));
        HlType t = HL_TYPE_NPS((uint8_t)d), part = hl_type_part(t);
        CHECK(hl_dtype_is_complex(d) == hl_dtype_is_float(part.dtype));
        CHECK(!hl_dtype_is_complex(d) || hl_type_eq(hl_type_of_parts(part), t));
    }
    CHECK(hl_type_part(HL_TYPE(COMPLEX)).base == HL_T_F64);
    CHECK(hl_type_of_parts(HL_TYPE(F64)).base == HL_T_COMPLEX);
    CHECK(hl_type_of_parts(HL_TYPE_NPS(HL_D_F32)).dtype == HL_D_C64);
    CHECK(hl_type_of_parts(HL_TYPE_NPS(HL_D_I64)).base == HL_T_VOID);
    CHECK(hl_type_of_parts(HL_TYPE(I64)).base == HL_T_VOID);
}

static void test_reasons(void)
{
    CHECK(!strcmp(hl_reason_key(HL_R_NYI_CALL), "nyi_call"));
    CHECK(!strcmp(hl_reason_key(HL_R_LOOP_END), "loop_end"));
    for (int i = 0; i < HL_R__COUNT; i++) {
        CHECK(hl_reason_text((HlReason)i)[0] && hl_reason_key((HlReason)i)[0]);
        for (const char *k = hl_reason_key((HlReason)i); *k; k++)
            CHECK((*k >= 'a' && *k <= 'z') || (*k >= '0' && *k <= '9') || *k == '_');
        for (int k = 0; k < i; k++)
            CHECK(strcmp(hl_reason_key((HlReason)i), hl_reason_key((HlReason)k)));
    }
}

/* --- text ------------------------------------------------------------------------------------- */

static bool round_trips(const HlIr *ir)
{
    char err[200];
    char *text = hl_irtext_print(ir);
    HlIr *again = hl_irtext_parse(text, err, sizeof err);
    char *second = again ? hl_irtext_print(again) : NULL;
    bool same = second && !strcmp(text, second);
    if (!same)
        printf("%s\n%s\n%s\n", text, again ? "" : err, second ? second : "");
    hl_ir_free(again);
    hl_mem_free(text);
    hl_mem_free(second);
    return same;
}

static HlType type_of_letter(char letter)
{
    switch (letter) {
    case 'i': return HL_TYPE(I64);
    case 'b': return HL_TYPE(BOOL);
    case 'p': return HL_TYPE(OBJ);
    case '-': return HL_TYPE(VOID);
    default: return HL_TYPE(F64);
    }
}

/* Every row of the table, printed, parsed and verified. */
static void test_text_every_op(void)
{
    for (int op = HL_I_PARAM + 1; op < HL_I__COUNT; op++) {
        HlIr *ir = hl_ir_new("every", 1, 1);
        hl_ir_block(ir, 7);
        HlRef i = hl_ir_param(ir, 0, HL_TYPE(I64)), f = hl_ir_param(ir, 0, HL_TYPE(F64));
        HlRef b = hl_ir_param(ir, 0, HL_TYPE(BOOL)), p = hl_ir_param(ir, 0, HL_TYPE(OBJ));
        for (int k = 0; k < 4; k++)
            hl_ir_input(ir, k, HL_IN_VALUE);
        HlSlot slot = {.kind = HL_SLOT_VALUE, .a = f};
        int32_t x = hl_ir_exit(ir, hl_ir_snap(ir, 7, &slot, 1), HL_R_TYPE);
        HlIns ins = {.op = (uint8_t)op, .a = HL_NO_ARGS, .exit = -1, .pc = 9};
        for (int k = 0; k < hl_op_info[op].nargs; k++) {
            char letter = hl_op_info[op].args[k];
            ins.a[k] = letter == 'i' ? i : letter == 'b' ? b : letter == 'p' ? p : f;
        }
        ins.type = type_of_letter(hl_op_info[op].res);
        if (hl_op_info[op].fx & HL_E_GUARD)
            ins.exit = hl_ir_exit(ir, hl_ir_snap(ir, 7, &slot, 1), HL_R_BRANCH);
        if (op == HL_I_GUARD_TYPE)
            ins.check = HL_TYPE_NPS(HL_D_I64);
        if (op == HL_I_GUARD_ARRAY)
            ins.check = HL_TYPE_ARR(HL_D_BOOL, 2);
        if (op == HL_I_FMATH1 || op == HL_I_FMATH2)
            ins.aux = op == HL_I_FMATH1 ? HL_M_EXPM1 : HL_M_COPYSIGN;
        if (op == HL_I_ARRAY_ROW)
            ins.type = hl_row_type(HL_D_I8, (HlRowAxis[]){{HL_AXIS_WHOLE, 0}}, 1);
        if (op == HL_I_ARRAY_LOAD || op == HL_I_ARRAY_STORE || op == HL_I_ARRAY_STORE_IF ||
            op == HL_I_ARRAY_FILL || op == HL_I_ARRAY_COPY)
            ins.aux = HL_D_F64;
        if (op == HL_I_UFUNC1 || op == HL_I_UFUNC2) {
            HlIns k = {.op = HL_I_KOBJ, .type = HL_TYPE(OBJ), .a = HL_NO_ARGS, .exit = -1, .pc = 9};
            ins.a[0] = hl_ir_emit(ir, 0, &k);
            ins.aux = HL_D_F32;
        }
        if (op == HL_I_UNBOX_NP)
            ins.aux = HL_D_F32;
        if (op == HL_I_NARROW || op == HL_I_NARROW_OV)
            ins.aux = HL_D_U16;
        if (op == HL_I_ICMP || op == HL_I_FCMP || op == HL_I_INDEX)
            ins.aux = 1;
        if (op == HL_I_KINT || op == HL_I_KBOOL || op == HL_I_KOBJ)
            ins.imm.i = 1;
        CHECK(hl_ir_emit(ir, 0, &ins) != HL_NOREF);
        hl_ir_end(ir, 0, x);
        CHECK(verifies(ir));
        CHECK(round_trips(ir));
        char *text = hl_irtext_print(ir);
        HlIr *again = parse(text);
        const HlRefVec *list = &again->blocks[0].ins;
        const HlIns *got = &again->ins[list->v[list->n - 1]];
        CHECK(got->op == op && got->aux == ins.aux && got->imm.i == ins.imm.i && got->pc == 9);
        CHECK(hl_type_eq(got->check, ins.check) && hl_type_eq(got->type, ins.type));
        CHECK(!memcmp(got->a, ins.a, sizeof ins.a) && got->exit == ins.exit);
        hl_mem_free(text);
        hl_ir_free(again);
        hl_ir_free(ir);
    }
}

static void test_text_floats(void)
{
    static const uint64_t bits[] = {0,
                                    UINT64_C(0x8000000000000000),
                                    1,
                                    UINT64_C(0x3fb999999999999a), /* 0.1 */
                                    UINT64_C(0x3fd3333333333334),
                                    UINT64_C(0x7fefffffffffffff),
                                    UINT64_C(0x7ff0000000000000),
                                    UINT64_C(0xfff0000000000000),
                                    UINT64_C(0x7ff8000000000000),
                                    UINT64_C(0xfff8000000000000),
                                    UINT64_C(0x7ff0000000000001),
                                    UINT64_C(0xffffffffffffffff),
                                    UINT64_C(0x000fffffffffffff),
                                    UINT64_C(0x4340000000000001)};
    const char *comma = setlocale(LC_NUMERIC, "de_DE.UTF-8"); /* where it is installed */
    (void)comma;
    for (int i = 0; i < HL_COUNTOF(bits); i++) {
        HlIr *ir = base_region();
        HlIns *k = &ir->ins[15];
        memcpy(&k->imm.f, &bits[i], sizeof bits[i]);
        char *text = hl_irtext_print(ir);
        HlIr *again = parse(text);
        CHECK(again->ins[15].imm.i == (int64_t)bits[i]);
        CHECK(round_trips(again));
        hl_mem_free(text);
        hl_ir_free(again);
        hl_ir_free(ir);
    }
    setlocale(LC_NUMERIC, "C");
}

static void test_text_malformed(void)
{
    static const struct {
        const char *from, *to, *why;
    } bad[] = {
        {"region base", "rgn base", "line 1: expected \"region\""},
        {"slots 3", "slots", "line 1: expected a number"},
        {"%1: i64 = slot 1", "%1: i64", "line 2: expected \"=\""},
        {"%1: i64 = slot 1", "%0: i64 = slot 1", "line 2: %0 is defined twice"},
        {"  %5: i64 = kint 0\n", "  %5: i64 = kint 9223372036854775808\n", "line 3: integer does"},
        {"  %5: i64 = kint 0\n", "  %5: i46 = kint 0\n", "line 3: expected a type"},
        {"  %5: i64 = kint 0\n", "  %5: i64 = kints 0\n", "line 3: expected an operation"},
        {"  %5: i64 = kint 0\n", "  kint 0\n", "line 3: kint has a result"},
        {"  %5: i64 = kint 0\n", "  %5: i64 = kint 0 0\n", "line 3: expected the end of the line"},
        {"  %5: i64 = kint 0\n", "  %999999999: i64 = kint 0\n", "line 3: number too large"},
        {"icmp gt %8 %5", "icmp above %8 %5", "line 7: expected a comparison"},
        {"icmp gt %8 %5", "icmp gt %8", "line 7: expected \"%\" and a number"},
        {"guard_true %9 -> x2", "guard_true %9", "line 8: expected \"->\""},
        {"guard_true %9 -> x2", "%20: bool = guard_true %9 -> x2", "line 8: guard_true has not"},
        {"  jump b1(%13, %11, %12)\nb2", "b2", "line 13: expected"},
        {"  exit x4\n", "", "line 17: expected"},
        {"b2: pc 20", "b1: pc 20", "line 14: block is defined twice"},
        {"x1: poll", "x0: poll", "line 19: exit is defined twice"},
        {"x1: poll", "x1: pole", "line 19: expected a reason"},
        {"1: %6, 2: frame", "2: %6, 2: frame", "line 19: expected slot 1"},
        {"3: unbound", "3: unbounded", "line 21: expected what a slot holds"},
        {"kfloat 2.5", "kfloat two", "line 16: expected a float"},
        {"kfloat 2.5", "kfloat nan:0x1", "line 16: expected the bits of a NaN"},
        {"x3: overflow pc 14 [", "x3: overflow pc 14 ", "line 21: expected \"[\""},
    };
    char err[200];
    for (int i = 0; i < HL_COUNTOF(bad); i++) {
        char *text = replaced(base_text, bad[i].from, bad[i].to);
        HlIr *ir = hl_irtext_parse(text, err, sizeof err);
        CHECK(!ir && !strncmp(err, bad[i].why, strlen(bad[i].why)));
        if (ir || strncmp(err, bad[i].why, strlen(bad[i].why)))
            printf("  expected %s\n  got %s\n", bad[i].why, ir ? "a region" : err);
        hl_ir_free(ir);
        free(text);
    }
    CHECK(!hl_irtext_parse("", err, sizeof err) && !strcmp(err, "line 1: empty text"));
    CHECK(!hl_irtext_parse("region a slots 0 loops 0\n", err, sizeof err));
    CHECK(!hl_irtext_parse("region a slots 0 loops 0\n", err, 0)); /* no room for a message */
}

static uint64_t mutate_state = 12345;

static unsigned mutate_random(unsigned n)
{
    mutate_state = mutate_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(mutate_state >> 33) % n;
}

/* Damaged texts: parsed, verified and optimised without a crash, whatever comes out. */
static void test_text_mutated(void)
{
    static const char pieces[] = "%x b#@->:,()[]0123456789-.abefgijklmnoprtu\n";
    int parsed = 0, valid = 0;
    for (int i = 0; i < 3000; i++) {
        char err[200], why[200];
        HlIr *ir = gen_region((uint64_t)(i / 10));
        char *text = hl_irtext_print(ir);
        size_t n = strlen(text);
        hl_ir_free(ir);
        for (unsigned k = 1 + mutate_random(3); k > 0; k--) {
            size_t at = mutate_random((unsigned)n);
            if (text[at] >= '0' && text[at] <= '9')
                text[at] = (char)('0' + mutate_random(10)); /* often another valid text */
            else if (mutate_random(8))
                text[at] = pieces[mutate_random(sizeof pieces - 1)];
            else
                memmove(text + at, text + at + 1, n - at);
        }
        if (!mutate_random(10))
            text[mutate_random((unsigned)n)] = 0;
        ir = hl_irtext_parse(text, err, sizeof err);
        CHECK(ir || !strncmp(err, "line ", 5));
        if (ir) {
            parsed++;
            CHECK(round_trips(ir));
            if (!hl_check_ir(ir, why, sizeof why)) {
                valid++;
                CHECK(!hl_opt_run(ir) && verifies(ir));
            }
        }
        hl_ir_free(ir);
        hl_mem_free(text);
    }
    CHECK(parsed > 200 && valid > 100 && valid < parsed);
}

/* --- the verifier ----------------------------------------------------------------------------- */

/* Each fault: a piece of the text replaced, and what the verifier must say. */
static const struct {
    const char *from, *to, *why;
} faults[] = {
    {"add %7 %3", "add %7 %9", "%11 add: operand %9 has the wrong representation"},
    {"add %7 %3", "add %7 %99", "%11 add: operand %99 is not defined"},
    {"add %7 %3", "add %7 %12", "%11: %12 does not dominate this use"},
    {"add %7 %3", "add %7 %11", "%11: %11 does not dominate this use"},
    {"%11: i64 = add", "%11: f64 = add", "%11 add: result has the wrong representation"},
    {"  jump b1(%1, %2, %4)", "  open", "b0 is open"},
    {"jump b1(%1, %2, %4)", "jump b1(%1, %2)", "b0 passes 2 arguments to b1, which has 3"},
    {"jump b1(%1, %2, %4)", "jump b1(%1, %2, %0)", "b0: argument %0 has another type"},
    {"jump b1(%1, %2, %4)", "jump b1(%1, %2, %88)", "b0: argument %88 is not defined"},
    {"jump b1(%1, %2, %4)", "jump b1(%1, %2, %12)", "b0: %12 does not dominate this use"},
    {"jump b1(%13, %11, %12)", "jump b0(%13, %11, %12)", "b1 leads to b0, which is not a block"},
    {"jump b1(%13, %11, %12)", "jump b9(%13, %11, %12)", "b1 leads to b9, which is not a block"},
    {"-> x3 @14", "-> x9 @14", "uses x9, which is not an exit"},
    {"-> x3 @14", "-> x2 @14", "x2 is continued by a block but used twice"},
    {" -> b2", " -> b1", "b1 continues x2 but has parameters"},
    {" -> b2", " -> b7", "x2 leads to b7, which is not a block"},
    {"2: %14, 3: frame 2", "2: %13, 3: frame 2", "x4: %13 does not dominate this use"},
    {"1: %6, 2: %7, 3: unbound", "1: %13, 2: %7, 3: unbound", "x3: %13 does not dominate"},
    {"1: %6, 2: %7, 3: unbound", "1: %77, 2: %7, 3: unbound", "x3: %77 is not defined"},
    {"range(%11 %3 %12)]", "range(%11 %3 %9)]", "x3: %9 is no such part of an iterator"},
    {"3: frame 2", "3: frame 22", "x4: slot 3 is of no slot of the frame"},
    {"[0: %0, 1: %6, 2: %14, 3: frame 2]", "[0: %0, 1: %6]", "x4: snapshot has 2 slots"},
    {"%14: obj", "%14: ptr", "x4: %14 has a type that cannot be boxed"},
    {"loop 0 in 0", "loop 1 in 0", "b1: bad loop index"},
    {"loop 0 in 0", "loop 0 in 3", "b1: bad loop index"},
    {"entry x0\n", "entry x9\n", "entry exit x9 does not exist"},
    {"%5: i64 = kint 0", "%5: i64 = array_len 1 %0", "%5 array_len: aux, imm or check does not"},
    {"%5: i64 = kint 0", "%5: i64 = array_load float64 %0 %1 %2", "%5 array_load: aux, imm or"},
    {"%5: i64 = kint 0", "guard_type obj %0 -> x3\n  %5: i64 = kint 0", "aux, imm or check"},
    {"%5: i64 = kint 0", "%5: ptr = array_row %0 %1 %2",
     "%5 array_row: aux, imm or check does not"},
    {"kfloat 2.5", "fmath1 pow %15", "%15 fmath1: aux, imm or check does not"},
    {"(%6: i64,", "(%6: void,", "%6: parameter without a valid type"},
    {"%3: i64 = slot 4 range_step", "%3: f64 = slot 4 range_step", "%3: wrong part of an iterator"},
};

static void test_check_faults(void)
{
    char why[200];
    for (int i = 0; i < HL_COUNTOF(faults); i++) {
        char *text = replaced(base_text, faults[i].from, faults[i].to);
        HlIr *ir = parse(text);
        const char *bad = hl_check_ir(ir, why, sizeof why);
        CHECK(bad && strstr(bad, faults[i].why));
        if (!bad || !strstr(bad, faults[i].why))
            printf("  expected %s\n  got %s\n", faults[i].why, bad ? bad : "nothing");
        hl_ir_free(ir);
        free(text);
    }
}

/* Faults that the text form cannot express. */
static const char *break_region(HlIr *ir, int which)
{
    HlBlock *b1 = &ir->blocks[1];
    HlRef first = b1->ins.v[0];
    switch (which) {
    case 0: ir->ins[first].block = 2; return "is listed in b1 but says b2";
    case 1: b1->ins.v[1] = first; return "is in two places";
    case 2: ir->ins[first].op = HL_I__COUNT; return "has no valid operation";
    case 3: ir->ins[first].op = HL_I_PARAM; return "parameters and only they";
    case 4: b1->ins.v[0] = 1000; return "which does not exist";
    case 5: ir->ins[5].exit = 1; return "has an exit but is no guard";
    case 6: ir->exits[3].snap = 99; return "x3 has no snapshot";
    case 7: ir->exits[3].reason = HL_R__COUNT; return "x3 has no valid reason";
    case 8: ir->exits[3].origin = 50; return "x3 has a bad origin";
    case 9: ir->snaps[ir->exits[3].snap].slots[0].kind = 77; return "has no valid kind";
    case 10: ir->snaps[ir->exits[3].snap].inlined = 0; return "x3: in an inlined call";
    case 11: ir->blocks[2].term = HL_TERM_DEAD; return "which was removed";
    case 12: ir->ninputs--; return "5 parameters and 4 inputs";
    case 13: ir->inputs[1].part = 99; return "input 1 is bad";
    case 14:
        ir->ins[15].op = HL_I_KBOOL;
        ir->ins[15].type = HL_TYPE(BOOL);
        ir->ins[15].imm.i = 2;
        return "%15 kbool: aux";
    case 15: ir->ins[9].aux = 6; return "%9 icmp: aux";
    case 16: ir->ins[14].imm.i = -1; return "%14 kobj: aux, imm or check";
    case 17: ir->exits[0].target = 2; return "entry exit is continued";
    default: return NULL;
    }
}

static void test_check_broken(void)
{
    char why[200];
    for (int which = 0;; which++) {
        HlIr *ir = base_region();
        CHECK(verifies(ir));
        const char *expected = break_region(ir, which);
        const char *bad = expected ? hl_check_ir(ir, why, sizeof why) : NULL;
        if (expected) {
            CHECK(bad && strstr(bad, expected));
            if (!bad || !strstr(bad, expected))
                printf("  expected %s\n  got %s\n", expected, bad ? bad : "nothing");
        }
        hl_ir_free(ir);
        if (!expected)
            break;
    }
}

/* --- control flow ----------------------------------------------------------------------------- */

/* The blocks that can be reached when control is stopped behind position `at` of block `stop`. */
static void reach(const HlIr *ir, int32_t stop, int32_t at, uint8_t *seen)
{
    int32_t *work = calloc((size_t)ir->nblocks + 1, sizeof *work), n = 0;
    seen[0] = 1;
    work[n++] = 0;
    while (n) {
        int32_t b = work[--n];
        const HlBlock *block = &ir->blocks[b];
        for (int32_t i = 0; i <= block->ins.n; i++) {
            int32_t to = -1;
            if (b == stop && i > at)
                break;
            if (i < block->ins.n && ir->ins[block->ins.v[i]].exit >= 0)
                to = ir->exits[ir->ins[block->ins.v[i]].exit].target;
            else if (i == block->ins.n && block->term == HL_TERM_JUMP)
                to = block->target;
            else if (i == block->ins.n && block->term == HL_TERM_EXIT)
                to = ir->exits[block->exit].target;
            if (to >= 0 && !seen[to]) {
                seen[to] = 1;
                work[n++] = to;
            }
        }
    }
    free(work);
}

/* Can `from` reach `to` without passing through `header`? */
static bool reaches_inside(const HlCfg *cfg, int32_t from, int32_t to, int32_t header)
{
    uint8_t *seen = calloc((size_t)cfg->n, 1);
    int32_t *work = calloc((size_t)cfg->n + 1, sizeof *work), n = 0;
    work[n++] = to;
    seen[to] = 1;
    while (n && !seen[from]) {
        int32_t b = work[--n];
        for (int32_t e = cfg->pred_at[b]; b != header && e < cfg->pred_at[b + 1]; e++) {
            if (!seen[cfg->pred[e]]) {
                seen[cfg->pred[e]] = 1;
                work[n++] = cfg->pred[e];
            }
        }
    }
    bool found = seen[from];
    free(seen);
    free(work);
    return found;
}

static void test_cfg(void)
{
    int headers = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        HlIr *ir = gen_region(seed);
        HlCfg cfg;
        CHECK(!hl_cfg_build(ir, &cfg));
        uint8_t *seen = calloc((size_t)ir->nblocks, 1);
        reach(ir, -1, 0, seen);
        for (int32_t b = 0; b < ir->nblocks; b++)
            CHECK((cfg.order[b] >= 0) == (seen[b] != 0));
        for (int32_t a = 0; a < ir->nblocks; a++) {
            if (cfg.order[a] < 0)
                continue;
            for (int32_t at = -1; at < ir->blocks[a].ins.n; at++) {
                memset(seen, 0, (size_t)ir->nblocks);
                reach(ir, a, at, seen);
                for (int32_t b = 0; b < ir->nblocks; b++) {
                    if (cfg.order[b] >= 0 && a != b)
                        CHECK(hl_cfg_precedes(&cfg, a, at, b, 0) == !seen[b]);
                }
            }
        }
        for (int32_t h = 0; h < ir->nblocks; h++) {
            headers += cfg.header[h] == h;
            for (int32_t b = 0; b < ir->nblocks; b++) {
                bool in = false;
                for (int32_t e = cfg.pred_at[h]; e < cfg.pred_at[h + 1]; e++) {
                    if (hl_cfg_dominates(&cfg, h, cfg.pred[e]) && cfg.order[b] >= 0)
                        in |= reaches_inside(&cfg, b, cfg.pred[e], h);
                }
                CHECK(hl_opt_in_loop(&cfg, b, h) == in);
            }
        }
        free(seen);
        hl_cfg_free(&cfg);
        hl_ir_free(ir);
    }
    CHECK(headers > 60);
}

/* --- plans and copies ------------------------------------------------------------------------- */

static const HlPlanEntry *entry_of(const HlPlan *p, int32_t slot)
{
    for (int32_t i = 0; i < p->nentries; i++) {
        if (p->entries[i].slot == slot)
            return &p->entries[i];
    }
    return NULL;
}

/* Complex numbers: what is still the object of a slot, of its class, and what is made anew. */
static void test_complex_plans(void)
{
    HlIr *ir =
        parse("region complex slots 3 loops 0\n"
              "entry(%0: f64 = slot 0 real, %1: f64 = slot 0 imag, %2: np<float64> = slot 1 real, "
              "%3: np<float64> = slot 1 imag): pc 0\n"
              "  %4: f64 = fneg %1\n"
              "  %5: f64 = retype %2\n"
              "  %6: f64 = retype %3\n"
              "  %7: np<float32> = fround32 %0\n"
              "  %8: np<float64> = retype %0\n"
              "  exit x0\n"
              "x0: return pc 1 [0: complex(%2 %3), 1: complex(%0 %1), 2: complex(%5 %6), "
              "3: complex(%0 %4), 4: complex(%8 %3), 5: %0, 6: complex(%7 %7)]\n");
    CHECK(verifies(ir));
    HlPlan *p = hl_plan_build(ir);
    CHECK(p != NULL && p->nentries == 7);
    CHECK(entry_of(p, 0)->kind == HL_PLAN_FRAME && entry_of(p, 0)->from == 1);
    CHECK(entry_of(p, 1)->kind == HL_PLAN_FRAME && entry_of(p, 1)->from == 0);
    const HlPlanEntry *e = entry_of(p, 2);
    CHECK(e->kind == HL_PLAN_COMPLEX && p->live[e->a] == 5 && p->live[e->b] == 6);
    CHECK(hl_type_eq(e->type, HL_TYPE(COMPLEX)));
    e = entry_of(p, 3);
    CHECK(e->kind == HL_PLAN_COMPLEX && p->live[e->a] == 0 && p->live[e->b] == 4);
    e = entry_of(p, 4);
    CHECK(e->kind == HL_PLAN_COMPLEX && p->live[e->a] == 8 && p->live[e->b] == 3);
    CHECK(hl_type_eq(e->type, HL_TYPE_NPS(HL_D_C128)));
    CHECK(entry_of(p, 5)->kind == HL_PLAN_BOX && entry_of(p, 5)->type.base == HL_T_F64);
    e = entry_of(p, 6);
    CHECK(e->kind == HL_PLAN_COMPLEX && p->live[e->a] == 7 && p->live[e->b] == 7);
    CHECK(hl_type_eq(e->type, HL_TYPE_NPS(HL_D_C64)));
    hl_plan_free(p, ir->nexits);
    hl_ir_free(ir);
}

/* Slots of inlined calls are never left out: they have no frame yet. */
/* What is virtual and no iterator: a view, and tuples, whose items come before them. */
static void test_plans_made(void)
{
    static const char text[] =
        "region made slots 3 loops 0\n"
        "entry(%0: arr<int8,2> = slot 0, %1: i64 = slot 1, %2: i64 = slot 2): pc 3\n"
        "  %3: ptr = array_data %0\n"
        "  %4: row<int8,w> = array_row %3 %2 %1\n"
        "  %5: i64 = kint 7\n"
        "  %6: i64 = add %1 %2\n"
        "  %7: row<int8,tsp> = array_row %3 %2 %1\n"
        "  %8: obj = kobj #0\n"
        "  exit x0\n"
        "x0: return pc 4 [0: view(%5 %0 %4), 1: tuple(%6 %5 %1), 2: rows(%1 %0 %4), 3: "
        "tuple(%6), 4: rows_zip(%1 %0 %7 %5 %6 %2 %0 %4), 5: slice(%1 %6 %8)]\n";
    char *wrong = replaced(text, "view(%5 %0 %4)", "view(%5 %0 %3)"), why[200];
    HlIr *ir = parse(wrong);
    const char *bad = hl_check_ir(ir, why, sizeof why);
    CHECK(bad && strstr(bad, "x0: %3 is no view of %0"));
    hl_ir_free(ir);
    free(wrong);

    ir = parse(text);
    CHECK(verifies(ir) && round_trips(ir));
    HlPlan *p = hl_plan_build(ir);
    CHECK(p != NULL && p->nentries == 16 && p->nlive == 7);
    const HlPlanEntry *e = p->entries;
    CHECK(e[0].slot == 0 && e[0].kind == HL_PLAN_VIEW && hl_type_eq(e[0].type, ir->ins[4].type));
    CHECK(p->live[e[0].a] == 5 && p->live[e[0].b] == 0 && p->live[e[0].c] == 4);
    CHECK(e[1].slot == -1 && e[1].kind == HL_PLAN_BOX && p->live[e[1].a] == 6);
    CHECK(e[2].slot == -1 && e[2].kind == HL_PLAN_IMM && e[2].imm == 7);
    CHECK(e[3].slot == -1 && e[3].kind == HL_PLAN_FRAME && e[3].from == 1);
    CHECK(e[4].slot == 1 && e[4].kind == HL_PLAN_TUPLE && e[4].from == 3);
    CHECK(e[5].slot == -1 && e[5].kind == HL_PLAN_VIEW && e[5].a == -1);
    CHECK(p->live[e[5].b] == 0 && p->live[e[5].c] == 4);
    CHECK(e[6].slot == 2 && e[6].kind == HL_PLAN_ITER && e[6].iter == HL_SLOT_ROWS);
    CHECK(p->live[e[6].a] == 1 && e[6].from == 1);
    CHECK(e[8].slot == 3 && e[8].kind == HL_PLAN_TUPLE && e[8].from == 1);
    CHECK(e[9].slot == -1 && e[9].kind == HL_PLAN_VIEW && e[9].nparts == 6);
    CHECK(e[9].type.turned && e[9].type.ndim == 2 && hl_row_own(e[9].type) == 3);
    CHECK(p->live[e[9].c] == 7 && p->live[e[9].part[3]] == 5 && p->live[e[9].part[5]] == 2);
    CHECK(e[10].slot == -1 && e[10].kind == HL_PLAN_VIEW && e[10].nparts == 3);
    CHECK(e[11].slot == 4 && e[11].kind == HL_PLAN_ITER && e[11].from == 2);
    CHECK(e[14].slot == -1 && e[14].kind == HL_PLAN_CONST);
    CHECK(e[15].slot == 5 && e[15].kind == HL_PLAN_SLICE && e[15].from == 3);
    hl_plan_free(p, ir->nexits);
    hl_ir_free(ir);
}

static void test_plans_inlined(void)
{
    HlIr *ir = parse(
        "region inlined slots 2 loops 1\n"
        "i0: pc 10 base 3 slots 1 code #0 loops 1\n"
        "i1: pc 4 base 6 slots 1 code #1 loops 1 at i0\n"
        "entry(%0: obj = slot 0, %1: i64 = slot 1): pc 3\n"
        "  %2: obj = func #0 %0 -> x0\n"
        "  %3: i64 = add_ov %1 %1 -> x1\n"
        "  exit x2\n"
        "x0: callee pc 10 [0: %0, 1: %1, 2: frame, 3: unbound, 4: %0, 5: %1]\n"
        "x1: overflow pc 2 at i0 [0: %0, 1: %1, 2: frame, 3: %2, 4: %1, 5: frame 2]\n"
        "x2: return pc 6 at i1 [0: %0, 1: %3, 2: frame, 3: %2, 4: %1, 5: frame, 6: %2, 7: %3, "
        "8: frame 8]\n");
    CHECK(verifies(ir) && round_trips(ir));
    HlPlan *p = hl_plan_build(ir);
    CHECK(p != NULL);
    CHECK(p[0].pc == 10 && p[0].nslots == 6 && p[0].nall == 6 && p[0].inlined == -1);
    CHECK(p[1].pc == 10 && p[1].top_pc == 2 && p[1].nslots == 3 && p[1].nall == 6);
    CHECK(p[1].inlined == 0 && p[1].nentries == 3 && p[1].nlive == 1);
    CHECK(entry_of(&p[1], 4)->kind == HL_PLAN_FRAME && entry_of(&p[1], 4)->from == 1);
    CHECK(p[2].pc == 10 && p[2].top_pc == 6 && p[2].nslots == 3 && p[2].nall == 9);
    CHECK(p[2].inlined == 1 && p[2].nentries == 7 && entry_of(&p[2], 5)->from == 5);
    CHECK(entry_of(&p[2], 8)->kind == HL_PLAN_FRAME && entry_of(&p[2], 8)->from == 8);
    hl_plan_free(p, ir->nexits);
    HlIr *copy = hl_ir_copy(ir);
    CHECK(copy && copy->ninlines == 2 && round_trips(copy));
    hl_ir_free(copy);

    char why[200];
    ir->inlines[1].parent = 1;
    CHECK(strstr(hl_check_ir(ir, why, sizeof why), "i1: has no caller"));
    ir->inlines[1].parent = 0;
    ir->inlines[1].base = 4;
    CHECK(strstr(hl_check_ir(ir, why, sizeof why), "i1: slots or code are bad"));
    ir->inlines[1].base = 6;
    ir->inlines[1].nlocalsplus = 9;
    CHECK(strstr(hl_check_ir(ir, why, sizeof why), "x2: snapshot has 9 slots, too few for i1"));
    ir->inlines[1].nlocalsplus = 1;
    ir->snaps[ir->exits[1].snap].slots[3].kind = HL_SLOT_UNBOUND;
    CHECK(strstr(hl_check_ir(ir, why, sizeof why), "x1: slot 3 is not the function of i0"));
    hl_ir_free(ir);
}

static void test_plans(void)
{
    HlIr *ir =
        parse("region plans slots 4 loops 0\n"
              "entry(%0: obj = slot 0, %1: f64 = slot 1, %2: i64 = slot 5 range_next, "
              "%3: i64 = slot 5 range_step, %4: i64 = slot 5 range_left, "
              "%20: i64 = slot 6 range_next, %21: i64 = slot 6 range_left): pc 3\n"
              "  %5: i64 = unbox_i64 %0 -> x0\n"
              "  %6: i64 = add %5 %5\n"
              "  %7: obj = kobj #4\n"
              "  %8: np<float64> = retype %1\n"
              "  %9: i64 = kint -7\n"
              "  %10: f64 = kfloat 0.5\n"
              "  %11: bool = kbool true\n"
              "  %12: bool = icmp lt %6 %5\n"
              "  guard_true %12 -> x2\n"
              "  exit x1\n"
              "b1: pc 9\n"
              "  exit x3\n"
              "x0: type pc 3 [0: %0, 1: %1, 2: unbound, 3: frame, 4: frame 3, 5: range(%2 %3 %4), "
              "6: range(%20 %3 %21), 7: range(%2 %3 %21), 8: range(%2 %3 %4)]\n"
              "x1: return pc 8 [0: %1, 1: %5, 2: %7, 3: %6, 4: %8, 5: %6, 6: %9, 7: %10, 8: %11, "
              "9: range(%2 %9 %6)]\n"
              "x2: branch pc 8 [0: %6, 1: %6, 2: %6, 3: %6] -> b1\n"
              "x3: return pc 9 [0: %0, 1: frame, 2: frame, 3: frame]\n");
    CHECK(verifies(ir));
    HlPlan *p = hl_plan_build(ir);
    CHECK(p != NULL);
    /* What the frame has already is left out; a range only when all of it is that slot's. */
    CHECK(p[0].pc == 3 && p[0].nslots == 9 && p[0].reason == HL_R_TYPE && p[0].nlive == 4);
    CHECK(p[0].nentries == 5 && entry_of(&p[0], 2)->kind == HL_PLAN_UNBOUND);
    CHECK(!entry_of(&p[0], 5) && entry_of(&p[0], 6)->kind == HL_PLAN_ITER);
    CHECK(entry_of(&p[0], 7)->kind == HL_PLAN_ITER && entry_of(&p[0], 7)->a == 3);
    CHECK(entry_of(&p[0], 8)->kind == HL_PLAN_FRAME && entry_of(&p[0], 8)->from == 5);
    CHECK(entry_of(&p[0], 4)->kind == HL_PLAN_FRAME && entry_of(&p[0], 4)->from == 3);
    /* Objects that moved keep their identity; each value is handed over once; constants never. */
    CHECK(p[1].nslots == 10 && p[1].nentries == 10 && p[1].nlive == 4);
    CHECK(p[1].live[0] == 6 && p[1].live[1] == 8 && p[1].live[2] == 2 && p[1].live[3] == 9);
    CHECK(entry_of(&p[1], 0)->kind == HL_PLAN_FRAME && entry_of(&p[1], 0)->from == 1);
    CHECK(entry_of(&p[1], 1)->kind == HL_PLAN_FRAME && entry_of(&p[1], 1)->from == 0);
    CHECK(entry_of(&p[1], 2)->kind == HL_PLAN_CONST && entry_of(&p[1], 2)->from == 4);
    CHECK(entry_of(&p[1], 3)->kind == HL_PLAN_BOX && entry_of(&p[1], 3)->a == 0);
    CHECK(entry_of(&p[1], 5)->a == 0 && entry_of(&p[1], 5)->type.base == HL_T_I64);
    CHECK(entry_of(&p[1], 4)->kind == HL_PLAN_BOX && entry_of(&p[1], 4)->a == 1);
    CHECK(hl_type_eq(entry_of(&p[1], 4)->type, HL_TYPE_NPS(HL_D_F64)));
    CHECK(entry_of(&p[1], 6)->kind == HL_PLAN_IMM && entry_of(&p[1], 6)->imm == -7);
    CHECK(entry_of(&p[1], 7)->kind == HL_PLAN_IMM && entry_of(&p[1], 7)->type.base == HL_T_F64);
    CHECK(entry_of(&p[1], 7)->imm == INT64_C(0x3fe0000000000000));
    CHECK(entry_of(&p[1], 8)->kind == HL_PLAN_IMM && entry_of(&p[1], 8)->imm == 1);
    const HlPlanEntry *range = entry_of(&p[1], 9);
    CHECK(range->kind == HL_PLAN_ITER && range->a == 2 && range->b == 3 && range->c == 0);
    CHECK(p[2].nlive == 0 && p[2].nentries == 0); /* continued by b1 */
    CHECK(p[3].nlive == 0 && p[3].nentries == 0); /* nobody gets there */
    hl_plan_free(p, ir->nexits);
    ir->exits[2].target = -1;
    p = hl_plan_build(ir);
    CHECK(p && p[2].nlive == 1 && p[2].nentries == 4);
    hl_plan_free(p, ir->nexits);
    hl_ir_free(ir);
}

static void test_copy(void)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        HlIr *ir = gen_region(seed);
        char *before = hl_irtext_print(ir);
        HlIr *copy = hl_ir_copy(ir);
        char *text = hl_irtext_print(copy);
        CHECK(!strcmp(before, text) && copy->nins == ir->nins && copy->nexits == ir->nexits);
        hl_mem_free(text);
        CHECK(!hl_opt_run(copy));
        text = hl_irtext_print(ir); /* the original is untouched */
        CHECK(!strcmp(before, text));
        hl_mem_free(text);
        hl_mem_free(before);
        hl_ir_free(ir);
        hl_ir_free(copy);
    }
    HlIr *ir = hl_ir_new("naïve_function_with_a_name_that_is_longer_than_the_room_for_it_é", 0, 0);
    CHECK(strlen(ir->name) < sizeof ir->name && !strncmp(ir->name, "naïve", 6));
    hl_ir_free(ir);
    char name[80];
    memset(name, 'x', 62);
    strcpy(name + 62, "éé"); /* the cut falls into the first é */
    ir = hl_ir_new(name, 0, 0);
    CHECK(strlen(ir->name) == 62);
    hl_ir_free(ir);
}

/* --- memory that runs out --------------------------------------------------------------------- */

static int walk_parse(HlIr *ir)
{
    static char text[1 << 16];
    char err[200], *s = hl_irtext_print(ir);
    if (!s)
        return -1;
    snprintf(text, sizeof text, "%s", s);
    hl_mem_free(s);
    HlIr *again = hl_irtext_parse(text, err, sizeof err);
    CHECK(again || strstr(err, "out of memory"));
    hl_ir_free(again);
    return again ? 0 : -1;
}

static int walk_copy(HlIr *ir)
{
    HlIr *copy = hl_ir_copy(ir);
    hl_ir_free(copy);
    return copy ? 0 : -1;
}

static int walk_plans(HlIr *ir)
{
    HlPlan *p = hl_plan_build(ir);
    hl_plan_free(p, ir->nexits);
    return p ? 0 : -1;
}

static int walk_check(HlIr *ir)
{
    char why[200];
    const char *bad = hl_check_ir(ir, why, sizeof why);
    CHECK(!bad || bad == hl_check_no_memory);
    return bad ? -1 : 0;
}

static int walk_make(HlIr *unused)
{
    (void)unused;
    HlIr *ir = hl_ir_new("made", 1, 0);
    int failed = !ir || hl_ir_block(ir, 0) < 0 || hl_ir_block(ir, 1) < 0;
    for (int i = 0; i < 6 && !failed; i++) {
        HlIns ins = {.op = HL_I_KINT, .type = HL_TYPE(I64), .a = HL_NO_ARGS, .exit = -1};
        HlSlot slot = {.kind = HL_SLOT_FRAME};
        HlRef p = hl_ir_param(ir, 1, HL_TYPE(I64)), k = p < 0 ? p : hl_ir_emit(ir, 0, &ins);
        int32_t snap = k < 0 ? -1 : hl_ir_snap(ir, i, &slot, 1);
        failed =
            snap < 0 || hl_ir_exit(ir, snap, HL_R_TYPE) < 0 || hl_ir_input(ir, i, HL_IN_VALUE) < 0;
        HlRef args[] = {k, k, k, k, k, k};
        if (!failed && i == 5)
            failed = hl_ir_jump(ir, 0, 1, args, 6);
    }
    hl_ir_free(ir);
    return failed ? -1 : 0;
}

static void walk(const HlIr *ir, int (*run)(HlIr *ir), const char *what)
{
    for (long n = 1;; n++) {
        HlIr *copy = hl_ir_copy(ir);
        CHECK(copy != NULL);
        hl_mem_fail_at(n);
        int status = run(copy);
        long calls = hl_mem_fail_at(0);
        bool sound = verifies(copy);
        CHECK(sound && (status == -1) == (calls >= n));
        if (!sound || (status == -1) != (calls >= n))
            printf("  %s: allocation %ld of %ld failed, status %d\n", what, n, calls, status);
        hl_ir_free(copy);
        if (calls < n || n > 2000)
            break;
    }
}

static void test_no_memory(void)
{
    static const struct {
        const char *what;
        int (*run)(HlIr *ir);
    } walks[] = {
        {"parse", walk_parse},     {"copy", walk_copy},        {"plans", walk_plans},
        {"check", walk_check},     {"make", walk_make},        {"phi", hl_opt_phi},
        {"gvn", hl_opt_gvn},       {"hoist", hl_opt_hoist},    {"range", hl_opt_range},
        {"select", hl_opt_select}, {"iter", hl_opt_iter},      {"join", hl_opt_join},
        {"dce", hl_opt_dce},       {"all passes", hl_opt_run},
    };
    if (!can_inject())
        return;
    for (uint64_t seed = 0; seed < 12; seed++) {
        HlIr *ir = gen_region(seed);
        for (int i = 0; i < HL_COUNTOF(walks); i++)
            walk(ir, walks[i].run, walks[i].what);
        hl_ir_free(ir);
    }
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        {"mem", test_mem},
        {"types", test_types},
        {"reasons", test_reasons},
        {"text: every operation", test_text_every_op},
        {"text: floats", test_text_floats},
        {"text: malformed", test_text_malformed},
        {"text: mutated", test_text_mutated},
        {"check: faults in text", test_check_faults},
        {"check: broken structures", test_check_broken},
        {"cfg", test_cfg},
        {"plans", test_plans},
        {"plans: complex numbers", test_complex_plans},
        {"plans: views and tuples", test_plans_made},
        {"plans of inlined calls", test_plans_inlined},
        {"copy", test_copy},
        {"no memory", test_no_memory},
    };
    for (int i = 0; i < HL_COUNTOF(tests); i++) {
        int before = failures;
        tests[i].run();
        printf("%s: %s\n", tests[i].name, failures == before ? "ok" : "FAILED");
    }
    printf("%d checks, %d failures\n", checks, failures);
    return failures != 0;
}
