/* test_emit_np.h - the part of test_emit.c that is about NumPy's float32 and ufuncs, included by it. */

/* NumPy's quotient of float32, every step in single precision. */
static float single_floordiv(float a, float b)
{
    float mod = fmodf(a, b), div = (a - mod) / b;
    if (mod != 0 && (b < 0) != (mod < 0))
        div -= 1;
    if (div == 0)
        return copysignf(0, a / b);
    return div - floorf(div) > 0.5F ? floorf(div) + 1 : floorf(div);
}

static void test_single(void)
{
    for (int o = 0; o < 2; o++) {
        Region r = one_op(o ? "fpow32 %0 %1" : "ffloordiv32 %0 %1", "ff", "f64", false);
        for (int i = 0; i < HL_COUNTOF(floats) * HL_COUNTOF(floats); i++) {
            float a = (float)floats[i % HL_COUNTOF(floats)];
            float b = (float)floats[i / HL_COUNTOF(floats)];
            float want = o ? powf(a, b) : single_floordiv(a, b);
            int64_t got;
            CHECK(run1(&r, bits(a), bits(b), 0, &got) == 2);
            if (!o && b == 0)
                continue;
            if (!same_float(from_bits(got), want))
                complain("%d of float32 %a %a: %a, not %a", o, a, b, from_bits(got), want);
        }
        region_free(&r);
    }
}

/* Stands for a ufunc: the weighted sum of its operands. */
static void loop_double(char **args, const intptr_t *n, const intptr_t *steps, void *data)
{
    double a, b, r;
    (void)steps;
    memcpy(&a, args[0], sizeof a);
    memcpy(&b, args[1], sizeof b);
    r = *(double *)data * a + (args[1] == args[2] ? 0 : b) * (double)*n;
    memcpy(args[args[1] == args[2] ? 1 : 2], &r, sizeof r);
}

static void loop_single(char **args, const intptr_t *n, const intptr_t *steps, void *data)
{
    float a, b, r;
    (void)steps;
    memcpy(&a, args[0], sizeof a);
    memcpy(&b, args[1], sizeof b);
    r = (float)*(double *)data * a + (args[1] == args[2] ? 0 : b) * (float)*n;
    memcpy(args[args[1] == args[2] ? 1 : 2], &r, sizeof r);
}

static double weight = 3;

static int ufunc_loop(void *ufunc, int dtype, int nin, HlUfuncLoop *out)
{
    CHECK(ufunc == &object_b && (nin == 1 || nin == 2));
    *out = (HlUfuncLoop){.run = dtype == HL_D_F32 ? loop_single : loop_double, .data = &weight};
    return 1;
}

static void test_ufuncs(void)
{
    for (int o = 0; o < 4; o++) {
        char text[500];
        snprintf(text, sizeof text,
                 "region one slots 2 loops 1 entry x0\n"
                 "entry(%%0: f64 = slot 0, %%1: f64 = slot 1): pc 0\n"
                 "  %%2: obj = kobj #1\n"
                 "  jump b1\n"
                 "b1: pc 0\n"
                 "  %%3: f64 = ufunc%d %s %%2 %%0%s\n"
                 "  exit x2\n"
                 "x0: entry pc 0 [0: unbound, 1: unbound]\n"
                 "x2: return pc 2 [0: %%3, 1: unbound]\n",
                 1 + o % 2, o / 2 ? "float32" : "float64", o % 2 ? " %1" : "");
        Region r = region_make(text);
        int64_t got;
        CHECK(run1(&r, bits(0.1), bits(-0.7), 0, &got) == 2);
        double want = 3 * 0.1 + (o % 2 ? -0.7 : 0);
        if (o / 2)
            want = 3 * 0.1F + (o % 2 ? -0.7F : 0);
        if (got != bits(want))
            complain("ufunc %d: %a, not %a", o, from_bits(got), want);
        region_free(&r);
    }
}
