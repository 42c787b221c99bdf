/* test_emit_int.h - the part of test_emit.c that is about integers, included by it. */

/* References: the value, or leaves = true. `skip` = an earlier guard excludes these operands. */
typedef struct Ref {
    int64_t value;
    bool leaves, skip;
} Ref;

static Ref value(int64_t v)
{
    return (Ref){.value = v};
}

static Ref fits(__int128 v)
{
    return (Ref){.value = (int64_t)v, .leaves = v < INT64_MIN || v > INT64_MAX};
}

static Ref fits_unsigned(unsigned __int128 v)
{
    return (Ref){.value = (int64_t)v, .leaves = v > UINT64_MAX};
}

static Ref power(int64_t a, int64_t b, bool checked)
{
    if (b < 0)
        return (Ref){.skip = true};
    if (!checked) {
        uint64_t r = 1;
        for (int64_t n = 63 - (b == 0 ? 63 : __builtin_clzll((uint64_t)b)); n >= 0; n--) {
            r *= r;
            if (b >> n & 1)
                r *= (uint64_t)a;
        }
        return value((int64_t)r);
    }
    if (a == 0 || a == 1)
        return value(b == 0 ? 1 : a);
    if (a == -1)
        return value(b & 1 ? -1 : 1);
    __int128 r = 1;
    for (int64_t n = 0; n < b; n++) {
        r *= a;
        if (r < INT64_MIN || r > INT64_MAX)
            return (Ref){.leaves = true};
    }
    return value((int64_t)r);
}

static __int128 floor_quotient(int64_t a, int64_t b)
{
    __int128 q = (__int128)a / b;
    return q * b != a && (a < 0) != (b < 0) ? q - 1 : q;
}

static Ref int_ref(const char *op, int64_t a, int64_t b)
{
    bool in_range = b >= 0 && b <= 63;
    if (!strcmp(op, "add") || !strcmp(op, "count_up"))
        return value((int64_t)((uint64_t)a + (uint64_t)b));
    if (!strcmp(op, "sub"))
        return value((int64_t)((uint64_t)a - (uint64_t)b));
    if (!strcmp(op, "mul"))
        return value((int64_t)((uint64_t)a * (uint64_t)b));
    if (!strcmp(op, "add_ov"))
        return fits((__int128)a + b);
    if (!strcmp(op, "sub_ov"))
        return fits((__int128)a - b);
    if (!strcmp(op, "mul_ov"))
        return fits((__int128)a * b);
    if (!strcmp(op, "and"))
        return value(a & b);
    if (!strcmp(op, "or"))
        return value(a | b);
    if (!strcmp(op, "xor"))
        return value(a ^ b);
    if (!strcmp(op, "shl"))
        return value(in_range ? (int64_t)((uint64_t)a << b) : 0);
    if (!strcmp(op, "shl_ov"))
        return in_range ? fits((__int128)a * ((__int128)1 << b)) : (Ref){.leaves = true};
    if (!strcmp(op, "shr"))
        return value(a >> (in_range ? b : 63));
    if (!strcmp(op, "ipow_ov"))
        return power(a, b, true);
    if (!strcmp(op, "ipow"))
        return power(a, b, false);
    if (!strcmp(op, "uadd_ov"))
        return fits_unsigned((unsigned __int128)(uint64_t)a + (uint64_t)b);
    if (!strcmp(op, "usub_ov"))
        return fits_unsigned((unsigned __int128)(uint64_t)a - (uint64_t)b);
    if (!strcmp(op, "umul_ov"))
        return fits_unsigned((unsigned __int128)(uint64_t)a * (uint64_t)b);
    if (!strcmp(op, "ushr"))
        return value(in_range ? (int64_t)((uint64_t)a >> b) : 0);
    if (op[0] == 'u' && b == 0)
        return (Ref){.skip = true};
    if (!strcmp(op, "udiv"))
        return value((int64_t)((uint64_t)a / (uint64_t)b));
    if (!strcmp(op, "umod"))
        return value((int64_t)((uint64_t)a % (uint64_t)b));
    if (b == 0 || (a == INT64_MIN && b == -1))
        return (Ref){.skip = true};
    if (!strcmp(op, "floordiv"))
        return value((int64_t)floor_quotient(a, b));
    if (!strcmp(op, "mod"))
        return value((int64_t)((__int128)a - floor_quotient(a, b) * b));
    abort();
}

/* A region that computes `op %0 constant`; the result is in out[0] at exit 2. */
static Region with_constant(const char *op, int64_t k, bool guard)
{
    char text[800];
    snprintf(text, sizeof text,
             "region one slots 1 loops 1 entry x0\n"
             "entry(%%0: i64 = slot 0): pc 0\n"
             "  %%1: i64 = kint %ld\n"
             "  jump b1\n"
             "b1: pc 0\n"
             "  %%2: i64 = %s %%0 %%1%s\n"
             "  exit x2\n"
             "x0: entry pc 0 [0: unbound]\n"
             "x1: overflow pc 1 [0: unbound]\n"
             "x2: return pc 2 [0: %%2]\n",
             k, op, guard ? " -> x1" : "");
    return region_make(text);
}

static void compare_ints(const Region *r, const char *op, int64_t a, int64_t b)
{
    Ref want = int_ref(op, a, b);
    int64_t got;
    if (want.skip)
        return;
    int64_t exit = run1(r, a, b, 0, &got);
    if (exit != (want.leaves ? 1 : 2) || (!want.leaves && got != want.value))
        complain("%s %ld %ld: exit %ld, %ld, not %ld", op, a, b, exit, got, want.value);
}

static void test_integers(void)
{
    static const struct {
        const char *op;
        bool guard;
    } ops[] = {
        {"add", false},    {"count_up", false}, {"sub", false},    {"mul", false},
        {"add_ov", true},  {"sub_ov", true},    {"mul_ov", true},  {"and", false},
        {"or", false},     {"xor", false},      {"shl", false},    {"shl_ov", true},
        {"shr", false},    {"floordiv", false}, {"mod", false},    {"ipow", false},
        {"ipow_ov", true}, {"uadd_ov", true},   {"usub_ov", true}, {"umul_ov", true},
        {"ushr", false},   {"udiv", false},     {"umod", false},
    };
    for (int o = 0; o < HL_COUNTOF(ops); o++) {
        char text[80];
        sprintf(text, "%s %%0 %%1", ops[o].op);
        Region r = one_op(text, "ii", "i64", ops[o].guard);
        for (int i = 0; i < HL_COUNTOF(ints); i++)
            for (int k = 0; k < HL_COUNTOF(ints); k++)
                compare_ints(&r, ops[o].op, ints[i], ints[k]);
        region_free(&r);
    }
    /* Operations for which other code is emitted when the second operand is a constant. */
    static const struct {
        const char *op;
        bool guard;
    } consts[] = {
        {"floordiv", false}, {"mod", false},  {"shl", false},    {"shl_ov", true},
        {"shr", false},      {"ipow", false}, {"ipow_ov", true}, {"ushr", false},
        {"udiv", false},     {"umod", false}, {"umul_ov", true},
    };
    static const int64_t second[] = {
        0,         1,         2, 3, 5, 7, 10, 16, 17, 62, 63, 64, -1, -2, -7, INT64_C(1) << 62,
        INT64_MAX, INT64_MIN,
    };
    for (int o = 0; o < HL_COUNTOF(consts); o++) {
        for (int k = 0; k < HL_COUNTOF(second); k++) {
            if (int_ref(consts[o].op, 1, second[k]).skip)
                continue;
            Region r = with_constant(consts[o].op, second[k], consts[o].guard);
            for (int i = 0; i < HL_COUNTOF(ints); i++)
                compare_ints(&r, consts[o].op, ints[i], second[k]);
            region_free(&r);
        }
    }
}

/* a ** b % c, one factor after the other. */
static int64_t power_modulo(int64_t a, int64_t b, int64_t c)
{
    __int128 r = 1;
    while (b-- > 0)
        r = r * a % c;
    r %= c;
    return (int64_t)(r != 0 && (r < 0) != (c < 0) ? r + c : r);
}

static void test_powmod(void)
{
    Region r = one_op("powmod %0 %1 %2", "iii", "i64", false);
    int64_t got;
    for (int i = 0; i < HL_COUNTOF(ints); i++)
        for (int k = 0; k < HL_COUNTOF(ints); k++)
            for (int m = 0; m < HL_COUNTOF(ints); m++) {
                int64_t a = ints[i], b = ints[k], c = ints[m];
                if (b < 0 || b > 70 || c == 0)
                    continue;
                int64_t exit = run1(&r, a, b, c, &got), want = power_modulo(a, b, c);
                if (exit != 2 || got != want)
                    complain("powmod %ld %ld %ld: %ld, not %ld", a, b, c, got, want);
            }
    region_free(&r);
}
