/* test_emit_step.h - the part of test_emit.c that is about steps, included by it. */

/* A step changes all that can change: nothing that was read before it is taken for what is there after
 * it, the values that its exit wants are in `out`, and it decides whether machine code goes on. */
struct HlActivation {
    int64_t other;
    void **slots;
    Array *array;
    void *cell[3];
    int steps, asked;
    int64_t seen[8];
};

static struct HlActivation *acting;

static void *ask_global(void *globals, int64_t index)
{
    acting->asked++;
    return load_global(globals, index);
}

static int change_all(struct HlActivation *act, int64_t *out, int64_t exit)
{
    CHECK(exit == 2);
    act->seen[act->steps] = out[0];
    act->array->shape[0] += 10;
    act->cell[2] = act->steps % 2 ? &object_a : &object_b;
    act->slots[1] = act->steps % 2 ? &object_b : &object_a;
    return ++act->steps == 3;
}

static const char *const stepping = "region stepping slots 2 loops 1 entry x0\n"
                                    "entry(%0: arr<float64,1> = slot 0, %1: i64 = slot 1): pc 0\n"
                                    "  jump b1(%1)\n"
                                    "b1(%2: i64): pc 0 loop 0 in 0\n"
                                    "  %3: i64 = array_len 0 %0\n"
                                    "  %4: i64 = add %2 %3\n"
                                    "  %5: obj = load_global #5 -> x1\n"
                                    "  step 7 -> x2\n"
                                    "  %6: obj = frame_load 1\n"
                                    "  %7: obj = frame_load 0 cell\n"
                                    "  %8: bool = is %6 %7\n"
                                    "  guard_false %8 -> x3\n"
                                    "  %9: i64 = array_len 0 %0\n"
                                    "  %12: i64 = keep %4 %6\n"
                                    "  %10: i64 = add %12 %9\n"
                                    "  %11: obj = load_global #5 -> x4\n"
                                    "  jump b1(%10)\n"
                                    "x0: entry pc 0 [0: frame, 1: %1]\n"
                                    "x1: global pc 1 [0: frame, 1: %4]\n"
                                    "x2: nyi_call pc 2 [0: frame, 1: %4]\n"
                                    "x3: type pc 7 [0: frame, 1: frame]\n"
                                    "x4: global pc 8 [0: frame, 1: %10]\n";

static void test_step(void)
{
    Region r = region_parse(stepping);
    HlEmitEnv with_steps = env;
    int64_t shape[1] = {10}, counts[1] = {0}, out[4] = {0};
    Array array = {.shape = shape, .nd = 1};
    void *slots[2] = {NULL, NULL};
    struct HlActivation act = {.slots = slots, .array = &array};
    char err[300] = "";
    slots[0] = act.cell;
    acting = &act;
    with_steps.load_global = ask_global;
    with_steps.step = change_all;
    with_steps.off_slots = offsetof(struct HlActivation, slots);
    with_steps.off_cell = 2 * sizeof(void *);
    r.blob = backend->compile(r.ir, r.plans, &with_steps, err, sizeof err);
    CHECK(r.blob != NULL);
    int64_t in[2] = {(intptr_t)&array, 1};
    CHECK(backend->entry(r.blob)(in, out, counts, &act) == HL_EMIT_LEFT);
    CHECK(act.steps == 3 && act.asked >= 3 && counts[0] == 2 && shape[0] == 40);
    CHECK(act.seen[0] == 11 && act.seen[1] == 11 + 20 + 20 && act.seen[2] == 51 + 30 + 30);
    region_free(&r);
}
