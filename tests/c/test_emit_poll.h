/* test_emit_poll.h - the part of test_emit.c that is about polling the eval breaker, included by it. */

/* A loop that only a signal ends: the poll stays in it. */
static const char *const forever = "region forever slots 1 loops 1 entry x0\n"
                                   "entry(%0: i64 = slot 0): pc 0\n"
                                   "  %1: i64 = kint 1\n"
                                   "  jump b1(%0)\n"
                                   "b1(%2: i64): pc 0 loop 0 in 0\n"
                                   "  poll -> x1\n"
                                   "  %3: i64 = add %2 %1\n"
                                   "  jump b1(%3)\n"
                                   "x0: entry pc 0 [0: %0]\n"
                                   "x1: poll pc 0 [0: %2]\n";

static void *set_breaker(void *unused)
{
    (void)unused;
    usleep(20000);
    breaker = 1;
    return NULL;
}

static void test_poll(void)
{
    Region r = region_make(forever);
    pthread_t thread;
    int64_t in[1] = {5}, out[2], counts[1] = {0};
    CHECK(pthread_create(&thread, NULL, set_breaker, NULL) == 0);
    CHECK(r.run(in, out, counts, NULL) == 1);
    pthread_join(thread, NULL);
    breaker = 0;
    CHECK(counts[0] > 1000 && out[0] == 5 + counts[0]);
    region_free(&r);
}

/* The first iteration is a block of its own, which does not lead back: only the loop polls. */
static const char *const first_apart = "region first slots 1 loops 1 entry x0\n"
                                       "entry(%0: i64 = slot 0): pc 0\n"
                                       "  %1: i64 = kint 1\n"
                                       "  jump b1\n"
                                       "b1: pc 0 loop 0 in 0\n"
                                       "  %2: i64 = add %0 %1\n"
                                       "  poll -> x1\n"
                                       "  jump b2(%2)\n"
                                       "b2(%3: i64): pc 0 loop 0 in 0\n"
                                       "  %4: i64 = add %3 %1\n"
                                       "  poll -> x2\n"
                                       "  jump b2(%4)\n"
                                       "x0: entry pc 0 [0: %0]\n"
                                       "x1: poll pc 0 [0: %2]\n"
                                       "x2: poll pc 0 [0: %4]\n";

/* What leads back does not poll itself: so everything that polls does. */
static const char *const polls_ahead = "region ahead slots 1 loops 1 entry x0\n"
                                       "entry(%0: i64 = slot 0): pc 0\n"
                                       "  %1: i64 = kint 1\n"
                                       "  jump b1(%0)\n"
                                       "b1(%2: i64): pc 0 loop 0 in 0\n"
                                       "  %3: i64 = add %2 %1\n"
                                       "  poll -> x1\n"
                                       "  jump b2\n"
                                       "b2: pc 0 in 0\n"
                                       "  jump b1(%3)\n"
                                       "x0: entry pc 0 [0: %0]\n"
                                       "x1: poll pc 0 [0: %3]\n";

static void test_polls_where_loops_lead_back(void)
{
    int64_t in[1] = {5}, out[2] = {0}, counts[1] = {0};
    breaker = 1;
    Region r = region_make(first_apart);
    CHECK(r.run(in, out, counts, NULL) == 2 && out[0] == 7 && counts[0] == 1);
    region_free(&r);
    r = region_make(polls_ahead);
    CHECK(r.run(in, out, counts, NULL) == 1 && out[0] == 6 && counts[0] == 1);
    region_free(&r);
    breaker = 0;
}
