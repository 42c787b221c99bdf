/* test_emit_np.h - the part of test_emit.c that is about NumPy's float32, ufuncs, complex and N-D arrays, included
 * by it. */

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
    static const char *const ops[] = {"ffloordiv32 %0 %1", "fpow32 %0 %1", "fhypot32 %0 %1"};
    for (int o = 0; o < HL_COUNTOF(ops); o++) {
        Region r = one_op(ops[o], "ff", "f64", false);
        for (int i = 0; i < HL_COUNTOF(floats) * HL_COUNTOF(floats); i++) {
            float a = (float)floats[i % HL_COUNTOF(floats)];
            float b = (float)floats[i / HL_COUNTOF(floats)];
            float want = o == 2 ? hypotf(a, b) : o ? powf(a, b) : single_floordiv(a, b);
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

static Array make_array(HlDtype d, void *data, int64_t *shape, int64_t *strides)
{
    return (Array){.refs = 1,
                   .type = &type_of[HL_T_ARR][d],
                   .data = data,
                   .nd = 1,
                   .shape = shape,
                   .strides = strides,
                   .flags = WRITEABLE};
}

/* Conjugates item %1 of a complex128 array, with its stride or a constant one. */
static void test_complex_items(void)
{
    static const struct {
        const char *item, *part;
        HlDtype d;
    } dtypes[] = {{"complex128", "float64", HL_D_C128}, {"complex64", "float32", HL_D_C64}};
    for (int k = 0; k < 4; k++) {
        const char *item = dtypes[k / 2].item, *part = dtypes[k / 2].part;
        HlDtype d = dtypes[k / 2].d;
        bool single = d == HL_D_C64;
        int64_t len = 4, stride = hl_dtype_size(d), in[2], out[3] = {0}, counts[1];
        char text[1200], step[40];
        snprintf(step, sizeof step, k % 2 ? "kint %d" : "array_stride 0 %%0", (int)stride);
        snprintf(text, sizeof text,
                 "region items slots 2 loops 0 entry x0\n"
                 "entry(%%0: arr<%1$s,1> = slot 0, %%1: i64 = slot 1): pc 0\n"
                 "  %%2: ptr = array_data %%0\n"
                 "  %%3: ptr = array_data imag %%0\n"
                 "  %%4: i64 = %3$s\n"
                 "  %%5: np<%2$s> = array_load %1$s %%2 %%4 %%1\n"
                 "  %%6: np<%2$s> = array_load %1$s %%3 %%4 %%1\n"
                 "  %%7: np<%2$s> = fneg %%6\n"
                 "  array_store %1$s %%3 %%4 %%1 %%7\n"
                 "  exit x1\n"
                 "x0: entry pc 0 [0: %%0, 1: %%1]\n"
                 "x1: return pc 1 [0: complex(%%5 %%7), 1: complex(%%7 %%6)]\n",
                 item, part, step);
        Region r = region_make(text);
        double data[9] = {9, 1, 2, 3, 4, 5, 6, 7, 8}; /* from data[1] on: aligned to a part only */
        float singles[9];
        for (int i = 0; i < 9; i++)
            singles[i] = (float)data[i];
        Array a = make_array(d, single ? (void *)(singles + 1) : data + 1, &len, &stride);
        in[0] = word(&a);
        in[1] = 2;
        CHECK(r.run(in, out, counts, NULL) == 1);
        CHECK(out[0] == bits(5) && out[1] == bits(-6) && out[2] == bits(6));
        for (int i = 0; i < 9; i++)
            CHECK((single ? singles[i] : data[i]) == (i == 6 ? -6 : i ? i : 9));
        region_free(&r);
    }
}

/* All items of an axis at once, of every size; what overlaps otherwise than by equal strides is not done. */
static void test_axes(void)
{
    Region r =
        region_make("region axes slots 4 loops 0\n"
                    "entry(%0: arr<int16,1> = slot 0, %1: arr<int16,1> = slot 1, %2: i64 = slot 2, "
                    "%3: arr<float32,1> = slot 3): pc 0\n"
                    "  %4: ptr = array_data %0\n"
                    "  %5: i64 = array_stride 0 %0\n"
                    "  %6: i64 = array_len 0 %0\n"
                    "  %7: ptr = array_data %1\n"
                    "  %8: i64 = array_stride 0 %1\n"
                    "  %9: ptr = array_data %3\n"
                    "  %10: i64 = array_stride 0 %3\n"
                    "  %11: i64 = array_len 0 %3\n"
                    "  %12: f64 = sitofp %2\n"
                    "  array_copy int16 %4 %5 %6 %7 %8 -> x0\n"
                    "  array_fill int16 %7 %8 %2 %2\n"
                    "  array_fill float32 %9 %10 %11 %12\n"
                    "  exit x1\n"
                    "x0: type pc 0 [0: %0, 1: %1, 2: %2, 3: %3]\n"
                    "x1: return pc 1 [0: %0, 1: %1, 2: %2, 3: %3]\n");
    static const struct {
        int to, from, by, from_by, n, left;
    } cases[] = {{0, 20, 1, 1, 10, 1}, {0, 3, 1, 1, 10, 1},  {3, 0, 1, 1, 10, 1},
                 {0, 0, 1, 1, 10, 1},  {1, 0, 2, 2, 10, 1},  {29, 27, -2, -2, 10, 1},
                 {0, 0, 2, 1, 10, 0},  {9, 0, -1, 1, 10, 0}, {0, 20, 1, 0, 10, 1},
                 {0, 0, 1, 0, 10, 0},  {5, 0, 2, 1, 0, 1},   {4, 9, -1, 2, 1, 1}};
    for (int i = 0; i < HL_COUNTOF(cases); i++) {
        int16_t items[40], want[40];
        float floats[8] = {0};
        int64_t shape[3] = {cases[i].n, 8, 3}, by[3] = {2 * cases[i].by, 2 * cases[i].from_by, 8};
        int64_t in[4], out[4], counts[1];
        for (int k = 0; k < 40; k++)
            items[k] = want[k] = (int16_t)(100 * k);
        Array a = make_array(HL_D_I16, items + cases[i].to, &shape[0], &by[0]);
        Array b = make_array(HL_D_I16, items + cases[i].from, &shape[1], &by[1]);
        Array c = make_array(HL_D_F32, floats, &shape[2], &by[2]);
        in[0] = word(&a);
        in[1] = word(&b);
        in[2] = 2;
        in[3] = word(&c);
        for (int k = 0; cases[i].left && k < cases[i].n; k++)
            want[cases[i].to + k * cases[i].by] =
                (int16_t)(100 * (cases[i].from + k * cases[i].from_by));
        for (int k = 0; cases[i].left && k < 2; k++)
            want[cases[i].from + k * cases[i].from_by] = 2;
        CHECK(r.run(in, out, counts, NULL) == cases[i].left);
        CHECK(!memcmp(items, want, sizeof items));
        CHECK(floats[0] == 2.0F * (float)cases[i].left && floats[1] == 0 &&
              floats[2] == floats[0] && floats[4] == floats[0] && floats[6] == 0);
    }
    region_free(&r);
}

/* Where rows of arrays begin, also behind negative strides, and a view that is left to an exit. */
static void test_rows(void)
{
    Region r = region_make("region rows slots 2 loops 0 entry x0\n"
                           "entry(%0: arr<float64,3> = slot 0, %1: i64 = slot 1): pc 0\n"
                           "  %2: ptr = array_data %0\n"
                           "  %3: i64 = array_stride 0 %0\n"
                           "  %4: i64 = array_stride 1 %0\n"
                           "  %5: i64 = array_stride 2 %0\n"
                           "  %6: i64 = kint 1\n"
                           "  %7: row<float64,ww> = array_row %2 %3 %1\n"
                           "  %8: row<float64,w> = array_row %7 %4 %6\n"
                           "  %9: np<float64> = array_load float64 %8 %5 %1\n"
                           "  %10: i64 = array_len 1 %0\n"
                           "  %11: obj = array_dtype %0\n"
                           "  %12: i64 = address %8\n"
                           "  exit x1\n"
                           "x0: entry pc 0 [0: %0, 1: %1]\n"
                           "x1: return pc 1 [0: view(%10 %0 %8), 1: %9, 2: %11, 3: %12]\n");
    double data[24];
    int64_t shape[3] = {2, 3, 4}, by[3] = {-96, 32, 8}, in[2], out[6] = {0}, counts[1];
    Array a = make_array(HL_D_F64, data + 12, shape, by);
    a.nd = 3;
    a.dtype = by;
    in[0] = word(&a);
    for (int i = 0; i < 24; i++)
        data[i] = i;
    for (in[1] = 0; in[1] < 2; in[1]++) {
        double *row = data + 12 - 12 * in[1] + 4;
        CHECK(r.run(in, out, counts, NULL) == 1);
        CHECK(out[0] == 3 && out[1] == in[0] && out[2] == (intptr_t)row);
        CHECK(out[3] == bits(row[in[1]]) && out[4] == (intptr_t)by);
        CHECK(out[5] == (intptr_t)row);
    }
    region_free(&r);
}
