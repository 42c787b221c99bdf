/* ir_tool.c - regions on the command line, for the text tests and the fuzz test.
 *
 *   ir_tool [-p PASS,...] [-q] [--plans] [--run WORLD] [FILE]
 *       Reads a region (from FILE or standard input), verifies it, runs the passes ("all" = as in
 *       production), verifying after each, and prints it (not with -q), its exit plans, and what
 *       the reference interpreter makes of it. Malformed: the reason on standard error, status 1.
 *   ir_tool --fuzz FIRST COUNT
 *       Makes COUNT random regions from the seeds FIRST...; for each: print and parse agree, and
 *       every pass alone and all in order leave what the region does unchanged. The first that
 *       differs is printed, status 1.
 *
 * WORLD is a file with one item a line: `object VALUE` (KOBJ 0, 1, ...), `global same VALUE` or
 * `global changed VALUE`, `polls N` (the N+1st POLL leaves), and `in VALUE...`, which runs the
 * region once. A value is 5, 2.5, true, null, other, big, or TYPE:VALUE for an object of a type
 * such as i64, f64, np<float64>, or an array such as arr<float64,1>:1,2,3 (read-only: with a !
 * before it). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../src/hl_mem.h"
#include "ir_exec.h"
#include "ir_gen.h"

static const char *const all_passes[] = {"phi",  "gvn",  "hoist",  "range",
                                         "iter", "join", "select", "dce"};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "ir_tool: %s: %s\n", what, why);
    return 1;
}

static char *read_all(const char *name)
{
    FILE *f = name ? fopen(name, "r") : stdin;
    char *s = NULL;
    size_t n = 0, cap = 0;
    if (!f)
        return NULL;
    do {
        cap = cap * 2 + 4096;
        s = realloc(s, cap);
        if (!s)
            abort();
        n += fread(s + n, 1, cap - n - 1, f);
    } while (!feof(f) && !ferror(f));
    s[n] = 0;
    if (name)
        fclose(f);
    return s;
}

static int run_pass(HlIr *ir, const char *name)
{
    char why[200];
    int status = strcmp(name, "all") ? hl_opt_run_named(ir, name) : hl_opt_run(ir);
    if (status == -2)
        return fail(name, "no such pass");
    if (status)
        return fail(name, "out of memory");
    const char *bad = hl_check_ir(ir, why, sizeof why);
    return bad ? fail(name, bad) : 0;
}

static int run_passes(HlIr *ir, const char *names)
{
    char name[32];
    while (*names) {
        size_t n = strcspn(names, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, names);
        if (run_pass(ir, name))
            return 1;
        names += n + (names[n] == ',');
    }
    return 0;
}

/* --- plans ------------------------------------------------------------------------------------ */

static void print_entry(const HlPlanEntry *e)
{
    char type[32];
    hl_type_text(e->type, type, sizeof type);
    printf(" %d: ", e->slot);
    switch ((HlPlanKind)e->kind) {
    case HL_PLAN_UNBOUND: printf("unbound"); break;
    case HL_PLAN_FRAME: printf("frame %d", e->from); break;
    case HL_PLAN_BOX: printf("box out %d as %s", e->a, type); break;
    case HL_PLAN_ITER:
        printf("%s out", hl_slot_text[e->iter]);
        for (int part = 0; part < e->nparts; part++)
            printf(" %d", e->part[part]);
        break;
    case HL_PLAN_COMPLEX: printf("%s out %d %d", type, e->a, e->b); break;
    case HL_PLAN_VIEW:
        printf("view out");
        for (int part = 0; part < e->nparts; part++)
            printf(" %d", e->part[part]);
        printf(" as %s", type);
        break;
    case HL_PLAN_TUPLE: printf("tuple of %d", e->from); break;
    case HL_PLAN_SLICE: printf("slice of %d", e->from); break;
    case HL_PLAN_CONST: printf("object #%d", e->from); break;
    case HL_PLAN_IMM: printf("word %" PRId64 " as %s", e->imm, type); break;
    }
}

static int print_plans(const HlIr *ir)
{
    HlPlan *plans = hl_plan_build(ir);
    if (!plans)
        return fail("plans", "out of memory");
    for (int32_t x = 0; x < ir->nexits; x++) {
        const HlPlan *p = &plans[x];
        if (!p->nlive && !p->nentries)
            continue;
        printf("plan x%d: out", x);
        for (int32_t i = 0; i < p->nlive; i++)
            printf(" %%%d", p->live[i]);
        for (int32_t i = 0; i < p->nentries; i++) {
            printf(i ? "," : " ;");
            print_entry(&p->entries[i]);
        }
        printf("\n");
    }
    hl_plan_free(plans, ir->nexits);
    return 0;
}

/* --- runs ------------------------------------------------------------------------------------- */

enum { MAX_POOL = 256 };

typedef struct World {
    ExecObj pool[MAX_POOL];
    int npool;
    ExecObj *objects[MAX_POOL], *globals[MAX_POOL];
    bool same[MAX_POOL];
    int nobjects, nglobals;
    long polls;
} World;

/* Reads a number as the word that a value of this type has. */
static bool read_word(const char *s, char **end, HlType t, int64_t *word)
{
    double f;
    if (!strncmp(s, "true", 4) || !strncmp(s, "false", 5)) {
        *word = *s == 't';
        *end = (char *)s + (*s == 't' ? 4 : 5);
        return hl_type_repr(t) == HL_REPR_I1;
    }
    switch (hl_type_repr(t)) {
    case HL_REPR_I64: *word = strtoll(s, end, 0); break;
    case HL_REPR_I1: *word = strtoll(s, end, 0) != 0; break;
    case HL_REPR_F64:
        f = strtod(s, end);
        memcpy(word, &f, sizeof f);
        break;
    default: return false;
    }
    return *end != s;
}

/* Reads an object; NULL with *ok for `null`. */
static ExecObj *read_object(World *w, const char *s, bool *ok)
{
    *ok = false;
    if (w->npool == MAX_POOL)
        return NULL;
    ExecObj *o = &w->pool[w->npool];
    *o = (ExecObj){.type = HL_TYPE(OBJ), .id = w->npool};
    if (!strcmp(s, "null")) {
        *ok = true;
        return NULL;
    }
    o->read_only = *s == '!';
    s += o->read_only;
    size_t n = hl_type_parse(s, &o->type);
    char *end = (char *)s + n + 1;
    if (!strcmp(s, "other")) {
        *ok = true;
    } else if (!strncmp(s, "func:", 5)) { /* with the code of that number */
        o->type = HL_TYPE(OBJ);
        o->word = strtoll(s + 5, &end, 10);
        *ok = !*end;
    } else if (!strcmp(s, "big")) {
        o->type = HL_TYPE(I64);
        o->big = *ok = true;
    } else if (n && s[n] == ':' && o->type.base == HL_T_ARR) {
        o->items = calloc(strlen(s), sizeof *o->items);
        if (!o->items)
            abort();
        *ok = true;
        for (s = end; *s && *ok; s = *end ? end + 1 : end) {
            *ok = read_word(s, &end, HL_TYPE_NPS(o->type.dtype), &o->items[o->len++]) &&
                  (*end == ',' || *end == ';' || !*end);
            if (*end == ';' && !o->columns) /* rows of a 2-D array */
                o->columns = o->len;
        }
        if (o->type.ndim == 2)
            *ok = *ok && o->columns && o->len % o->columns == 0;
        if (hl_dtype_is_complex((HlDtype)o->type.dtype))
            o->len /= 2;
    } else if (n && s[n] == ':') {
        *ok = read_word(end, &end, o->type, &o->word) && !*end;
    }
    w->npool++;
    return o;
}

static bool read_input(World *w, const char *s, HlType t, int64_t *word)
{
    bool ok;
    char *end;
    if (hl_type_repr(t) != HL_REPR_PTR)
        return read_word(s, &end, t, word) && !*end;
    *word = (intptr_t)read_object(w, s, &ok);
    return ok;
}

static void print_run(const HlIr *ir, World *w, const int64_t *in)
{
    ExecWorld world = {.objects = w->objects,
                       .nobjects = w->nobjects,
                       .globals = w->globals,
                       .same = w->same,
                       .nglobals = w->nglobals,
                       .polls = w->polls};
    ExecResult r = exec_run(ir, &world, in, 1000000, NULL);
    if (r.end == EXEC_UNDEFINED)
        printf("undefined: %s in b%d\n", r.why, r.block);
    else if (r.end == EXEC_STEPS)
        printf("endless\n");
    if (r.end == EXEC_LEFT) {
        HlPlan *plans = hl_plan_build(ir);
        int64_t *out = calloc((size_t)ir->nins + 1, sizeof *out);
        if (!plans || !out)
            abort();
        char *frame = exec_plan_frame(ir, &world, &plans[r.exit], &r, in, out);
        const HlExit *x = &ir->exits[r.exit];
        printf("exit x%d %s out", x->twin ? x->origin : r.exit, hl_reason_key(x->reason));
        for (int32_t i = 0; i < plans[r.exit].nlive; i++)
            printf(" %" PRId64, out[i]);
        printf("\n%s", frame);
        free(frame);
        free(out);
        hl_plan_free(plans, ir->nexits);
    }
    printf("iterations");
    for (int32_t i = 0; i < ir->nloops; i++)
        printf(" %" PRId64, r.counts[i]);
    printf("\n");
    for (int i = 0; i < w->npool; i++) {
        if (!w->pool[i].items)
            continue;
        printf("items %d:", i);
        HlDtype d = (HlDtype)w->pool[i].type.dtype;
        int64_t words = hl_dtype_is_complex(d) ? 2 * w->pool[i].len : w->pool[i].len;
        for (int64_t k = 0; k < words; k++) {
            double f;
            memcpy(&f, &w->pool[i].items[k], sizeof f);
            if (hl_dtype_is_float(hl_dtype_part(d)))
                printf(" %.17g", f);
            else
                printf(" %" PRId64, w->pool[i].items[k]);
        }
        printf("\n");
    }
    exec_free(&r);
}

static int run_line(const HlIr *ir, World *w, char *line)
{
    char *save, *word = strtok_r(line, " \t", &save), *next = strtok_r(NULL, " \t", &save);
    bool ok = true;
    if (!word || *word == ';')
        return 0;
    if (!strcmp(word, "object") && next) {
        w->objects[w->nobjects++] = read_object(w, next, &ok);
    } else if (!strcmp(word, "global") && next) {
        char *value = strtok_r(NULL, " \t", &save);
        w->same[w->nglobals] = !strcmp(next, "same");
        w->globals[w->nglobals++] = read_object(w, value ? value : "", &ok);
    } else if (!strcmp(word, "polls") && next) {
        w->polls = strtol(next, NULL, 10);
    } else if (!strcmp(word, "in")) {
        int64_t *in = calloc((size_t)ir->ninputs + 1, sizeof *in);
        if (!in)
            abort();
        for (int32_t i = 0; i < ir->ninputs && ok; i++) {
            ok = next && read_input(w, next, ir->ins[ir->blocks[0].params.v[i]].type, &in[i]);
            next = strtok_r(NULL, " \t", &save);
        }
        if (ok && !next)
            print_run(ir, w, in);
        else
            ok = false;
        free(in);
    } else {
        ok = false;
    }
    return ok ? 0 : fail("world", word);
}

static int run_world(const HlIr *ir, const char *name)
{
    World *w = calloc(1, sizeof *w);
    char *text = read_all(name), *save;
    int status = 0;
    if (!w || !text)
        return fail(name, "cannot be read");
    w->polls = -1;
    for (char *s = strtok_r(text, "\n", &save); s && !status; s = strtok_r(NULL, "\n", &save))
        status = run_line(ir, w, s);
    for (int i = 0; i < w->npool; i++)
        free(w->pool[i].items);
    free(w);
    free(text);
    return status;
}

/* --- the fuzz test ---------------------------------------------------------------------------- */

/* What a run left behind: everything that a pass must not change. */
typedef struct Outcome {
    ExecEnd end;
    int32_t exit;
    const char *why; /* undefined */
    char *frame, *world;
} Outcome;

/* Runs a region in the world that a seed makes. */
static Outcome outcome(const HlIr *ir, uint64_t seed, const uint8_t *loose)
{
    GenWorld w;
    gen_world(ir, seed, &w);
    ExecWatch watch = {.loose = loose};
    ExecResult r = exec_run(ir, &w.world, w.in, 100000, &watch);
    Outcome o = {.end = r.end, .exit = r.exit, .why = r.why};
    if (r.end == EXEC_LEFT) {
        HlPlan *plans = hl_plan_build(ir);
        int64_t *out = calloc((size_t)ir->nins + 1, sizeof *out);
        if (!plans || !out)
            abort();
        o.frame = exec_frame(ir, ir->exits[r.exit].snap, &r, w.in);
        char *planned = exec_plan_frame(ir, &w.world, &plans[r.exit], &r, w.in, out);
        if (strcmp(o.frame, planned)) {
            fprintf(stderr, "x%d: snapshot\n%splan\n%s", r.exit, o.frame, planned);
            o.end = EXEC_UNDEFINED;
            o.why = "the plan makes another frame than the snapshot";
        }
        free(planned);
        free(out);
        hl_plan_free(plans, ir->nexits);
    }
    o.world = gen_world_text(&w);
    exec_free(&r);
    gen_world_free(&w);
    return o;
}

static void outcome_print(const char *when, const Outcome *o)
{
    printf("%s: exit x%d %s\n%s%s", when, o->exit, o->why ? o->why : "", o->frame ? o->frame : "",
           o->world);
}

static void outcome_free(Outcome *o)
{
    free(o->frame);
    free(o->world);
}

/* The overflow checks that a pass has removed: the original is run as if their results were as long
 * as Python's ints, and must not depend on more than the pass says. */
static uint8_t *removed_checks(const HlIr *before, const HlIr *after)
{
    uint8_t *loose = calloc((size_t)before->nins + 1, 1);
    if (!loose)
        abort();
    for (HlRef r = 0; r < before->nins; r++) {
        const HlIns *ins = &before->ins[r];
        switch (ins->op) {
        case HL_I_ADD_OV:
        case HL_I_SUB_OV:
        case HL_I_MUL_OV:
        case HL_I_IPOW_OV:
            loose[r] =
                ins->type.base == HL_T_I64 && (after->ins[r].block < 0 || after->ins[r].exit < 0);
            break;
        default: break;
        }
    }
    return loose;
}

typedef struct Search {
    const HlIr *ir;
    const Outcome *wanted;
    int32_t snap;
    GenWorld world;
    bool found;
} Search;

static void search_at(void *data, const ExecResult *now)
{
    Search *s = data;
    char *frame = exec_frame(s->ir, s->snap, now, s->world.in);
    char *world = gen_world_text(&s->world);
    s->found |= !strcmp(frame, s->wanted->frame) && !strcmp(world, s->wanted->world);
    free(frame);
    free(world);
}

/* A guard that was moved forward leaves earlier, at the entry or at a branch: nothing has happened
 * yet, and the state is one that the original passed through. */
static bool left_earlier(const HlIr *before, const HlIr *after, const Outcome *o, uint64_t seed,
                         const uint8_t *loose)
{
    if (o->end != EXEC_LEFT || after->exits[o->exit].origin < 0 ||
        after->exits[o->exit].snap >= before->nsnaps) /* of a copy: see exits_agree */
        return false;
    Search s = {.ir = before, .wanted = o, .snap = after->exits[o->exit].snap};
    gen_world(before, seed, &s.world);
    if (s.snap == after->exits[after->entry_exit].snap) {
        ExecResult entry = {.exit = -1};
        entry.values = calloc((size_t)before->nins + 1, sizeof *entry.values);
        if (!entry.values)
            abort();
        for (int32_t i = 0; i < before->ninputs; i++)
            entry.values[before->blocks[0].params.v[i]] = s.world.in[i];
        for (HlRef r = 0; r < before->nins; r++) {
            if (before->ins[r].op == HL_I_KINT) /* a range's step */
                entry.values[r] = before->ins[r].imm.i;
        }
        search_at(&s, &entry);
        exec_free(&entry);
    } else {
        ExecWatch watch = {.loose = loose, .snap = s.snap, .at = search_at, .data = &s};
        ExecResult r = exec_run(before, &s.world.world, s.world.in, 100000, &watch);
        exec_free(&r);
    }
    gen_world_free(&s.world);
    return s.found;
}

/* Is it the same exit, or that of a copy of the guard? */
static bool exits_agree(const HlIr *after, const Outcome *a, const Outcome *b)
{
    return a->exit == b->exit ||
           (b->end == EXEC_LEFT && b->exit >= 0 && after->exits[b->exit].origin == a->exit);
}

static bool outcomes_agree(const HlIr *after, const Outcome *a, const Outcome *b)
{
    if (a->end == EXEC_UNDEFINED || b->end == EXEC_UNDEFINED)
        return false;
    if (a->end == EXEC_STEPS || b->end == EXEC_STEPS)
        return true;
    return exits_agree(after, a, b) && !strcmp(a->frame, b->frame) && !strcmp(a->world, b->world);
}

static int text_agrees(const HlIr *ir)
{
    char err[200];
    char *text = hl_irtext_print(ir);
    HlIr *again = text ? hl_irtext_parse(text, err, sizeof err) : NULL;
    char *text2 = again ? hl_irtext_print(again) : NULL;
    int bad = !text2 || strcmp(text, text2);
    if (bad)
        fprintf(stderr, "text does not round-trip: %s\n%s\n", again ? "differs" : err, text2);
    hl_ir_free(again);
    hl_mem_free(text);
    hl_mem_free(text2);
    return bad;
}

/* How the runs ended. */
typedef struct Tally {
    long size, blocks, runs, earlier, endless;
} Tally;

static int fuzz_world(const HlIr *before, const HlIr *after, uint64_t seed, Tally *t)
{
    uint8_t *loose = removed_checks(before, after);
    Outcome a = outcome(before, seed, loose), b = outcome(after, seed, NULL);
    bool earlier = left_earlier(before, after, &b, seed, loose);
    bool bad = !earlier && !outcomes_agree(after, &a, &b);
    t->runs++;
    t->earlier += earlier;
    t->endless += a.end == EXEC_STEPS;
    if (bad) {
        outcome_print("before", &a);
        outcome_print("after", &b);
    }
    outcome_free(&a);
    outcome_free(&b);
    free(loose);
    return bad;
}

static int fuzz_passes(const HlIr *ir, const char *passes, uint64_t seed, Tally *t)
{
    HlIr *copy = hl_ir_copy(ir);
    if (!copy)
        return fail(passes, "out of memory");
    int bad = run_passes(copy, passes) || text_agrees(copy);
    for (uint64_t k = 0; k < 4 && !bad; k++)
        bad = fuzz_world(ir, copy, seed + k * 7919, t);
    if (bad) {
        char *before = hl_irtext_print(ir), *after = hl_irtext_print(copy);
        printf("seed %" PRIu64 " passes %s\n%s\nafter\n%s\n", seed, passes, before, after);
        hl_mem_free(before);
        hl_mem_free(after);
    }
    hl_ir_free(copy);
    return bad;
}

static int fuzz(uint64_t first, uint64_t count)
{
    static const char *const orders[] = {"phi,hoist,gvn", "phi,range,gvn,dce,phi,range", "all",
                                         "gvn,select,range,all"};
    Tally t = {0};
    for (uint64_t seed = first; seed < first + count; seed++) {
        char why[200];
        HlIr *ir = gen_region(seed);
        const char *bad = hl_check_ir(ir, why, sizeof why);
        int status = bad ? fail("generator", bad) : text_agrees(ir);
        t.size += ir->nins;
        t.blocks += ir->nblocks;
        for (int i = 0; i < HL_COUNTOF(all_passes) && !status; i++)
            status = fuzz_passes(ir, all_passes[i], seed, &t);
        for (int i = 0; i < HL_COUNTOF(orders) && !status; i++)
            status = fuzz_passes(ir, orders[i], seed, &t);
        hl_ir_free(ir);
        if (status)
            return status;
    }
    printf("%" PRIu64 " regions, %ld instructions, %ld blocks; ", count, t.size, t.blocks);
    printf("%ld runs, %ld left earlier, %ld endless\n", t.runs, t.earlier, t.endless);
    return 0;
}

int main(int argc, char **argv)
{
    const char *passes = "", *world = NULL, *file = NULL;
    bool quiet = false, plans = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--fuzz") && i + 2 < argc)
            return fuzz(strtoull(argv[i + 1], NULL, 10), strtoull(argv[i + 2], NULL, 10));
        if (!strcmp(argv[i], "-p") && i + 1 < argc)
            passes = argv[++i];
        else if (!strcmp(argv[i], "--run") && i + 1 < argc)
            world = argv[++i];
        else if (!strcmp(argv[i], "-q"))
            quiet = true;
        else if (!strcmp(argv[i], "--plans"))
            plans = true;
        else
            file = argv[i];
    }
    char err[200];
    char *text = read_all(file);
    HlIr *ir = text ? hl_irtext_parse(text, err, sizeof err) : NULL;
    free(text);
    if (!ir)
        return fail(file ? file : "standard input", text ? err : "cannot be read");
    const char *bad = hl_check_ir(ir, err, sizeof err);
    int status = bad ? fail("input", bad) : run_passes(ir, passes);
    if (!status && !quiet) {
        char *out = hl_irtext_print(ir);
        status = out ? 0 : fail("print", "out of memory");
        fputs(out ? out : "", stdout);
        hl_mem_free(out);
    }
    if (!status && plans)
        status = print_plans(ir);
    if (!status && world)
        status = run_world(ir, world);
    hl_ir_free(ir);
    return status;
}
