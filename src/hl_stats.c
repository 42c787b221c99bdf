/* hl_stats.c - statistics as Python dicts: numbers and reason keys only. Sums, names and words are
 * made in Python (_report.py).
 *
 * Building a dict may start a garbage collection, whose finalizers may run jitted code, which may
 * grow or free what is being read. So the collector is off while statistics are built. */
#include "hl_stats.h"

#include "hl_mem.h"
#include "hl_region.h"

PyObject *hl_fallback_warning;

/* Recordings that failed, by place and reason: HlCode.stats. */
enum { STATS_MAX_STOPS = 128 };
typedef struct StatsStop {
    int32_t loop, pc;
    HlReason why;
    int64_t count;
} StatsStop;
typedef struct Stats {
    StatsStop *stops;
    int32_t n, cap;
    int64_t unplaced; /* stops that found no row */
} Stats;

/* Sums over code objects that were freed: _(name) */
#define STATS_SUMDEF(_)                                                                            \
    _(functions)                                                                                   \
    _(loops)                                                                                       \
    _(given_up)                                                                                    \
    _(interpreted)                                                                                 \
    _(native)                                                                                      \
    _(driven_calls) _(plain_calls) _(entries) _(entry_misses) _(compiles) _(exits) _(steps) _(stops)
#define STATS_FIELD(name) int64_t name;
static struct {
    STATS_SUMDEF(STATS_FIELD)
    double compile_seconds, record_seconds;
} forgotten;

/* -- Counting -------------------------------------------------------------------------------- */

void hl_stats_note(HlCode *code, int loop, int32_t pc, HlReason why)
{
    Stats *s = code->stats;
    if (!s) {
        code->stats = s = hl_mem_alloc(sizeof *s);
        if (!s)
            return;
    }
    for (int32_t i = 0; i < s->n; i++) {
        StatsStop *row = &s->stops[i];
        if (row->loop == loop && row->pc == pc && row->why == why) {
            row->count++;
            return;
        }
    }
    if (s->n == STATS_MAX_STOPS ||
        hl_mem_grow((void **)&s->stops, &s->cap, s->n + 1, sizeof *s->stops) < 0) {
        s->unplaced++;
        return;
    }
    s->stops[s->n++] = (StatsStop){.loop = loop, .pc = pc, .why = why, .count = 1};
}

/* A function without loops that only others have inlined is none of a report's functions. */
static bool stats_shown(const HlCode *code)
{
    return code->jitted || !code->bytecode || code->bytecode->nloops;
}

void hl_stats_forget(HlCode *code)
{
    int nloops = code->bytecode ? code->bytecode->nloops : 0;
    forgotten.functions += stats_shown(code);
    forgotten.driven_calls += code->entries;
    for (int why = 0; why < HL_R__COUNT; why++)
        forgotten.plain_calls += code->plain_calls[why];
    for (int i = 0; code->loops && i < nloops; i++) {
        const HlLoop *l = &code->loops[i];
        forgotten.loops++;
        forgotten.given_up += l->state == HL_LOOP_GIVEN_UP;
        forgotten.interpreted += l->interpreted;
        for (const HlRegion *r = l->regions; r; r = r->next) {
            for (int k = 0; r->native && k < nloops; k++)
                forgotten.native += r->native[k];
            for (int k = 0; k < r->nexits; k++) {
                forgotten.exits += r->exits[k].taken;
                forgotten.steps += r->exits[k].steps;
            }
            forgotten.entries += r->entered;
            forgotten.entry_misses += r->missed;
            forgotten.compiles += r->compiles;
            forgotten.compile_seconds += r->compile_seconds;
            forgotten.record_seconds += r->record_seconds;
        }
    }
    Stats *s = code->stats;
    if (!s)
        return;
    forgotten.stops += s->unplaced;
    for (int32_t i = 0; i < s->n; i++)
        forgotten.stops += s->stops[i].count;
    hl_mem_free(s->stops);
    hl_mem_free(s);
    code->stats = NULL;
}

/* -- Python objects -------------------------------------------------------------------------- */

static const HlBc *stats_bc(const HlCode *code, int32_t pc)
{
    return code->bytecode && pc >= 0 && pc < code->bytecode->n ? &code->bytecode->bc[pc] : NULL;
}

static int stats_line(const HlCode *code, int32_t pc)
{
    const HlBc *bc = stats_bc(code, pc);
    return bc ? bc->line : -1;
}

/* Appends `item`, which it owns; NULL = an exception is set. */
static int list_add(PyObject *list, PyObject *item)
{
    int err = item ? PyList_Append(list, item) : -1;
    Py_XDECREF(item);
    return err;
}

static PyObject *stats_place(const HlCode *code, int32_t pc, HlReason why, int64_t count)
{
    const HlBc *bc = stats_bc(code, pc);
    const char *name = NULL;
    if (bc)
        name = bc->op == HL_BC_UNSUPPORTED ? hl_bc_opname(bc->arg) : hl_bc_name((HlBcOp)bc->op);
    return Py_BuildValue("{s:i,s:s,s:s,s:L}", "line", bc ? bc->line : -1, "reason",
                         hl_reason_key(why), "bytecode", name, "count", (long long)count);
}

/* Bytecode at which an exit hands the region's own frame back. */
static int32_t stats_exit_pc(const HlIr *ir, int32_t exit)
{
    return hl_ir_own_pc(ir, &ir->snaps[ir->exits[exit].snap]);
}

/* The places where machine code was left, or where a step was made. */
static PyObject *stats_exits(const HlCode *code, const HlRegion *r, bool steps)
{
    PyObject *list = PyList_New(0);
    for (int32_t i = 0; list && r->ir && i < r->nexits && i < r->ir->nexits; i++) {
        int64_t count = steps ? r->exits[i].steps : r->exits[i].taken;
        if (!count)
            continue;
        PyObject *row =
            stats_place(code, stats_exit_pc(r->ir, i), (HlReason)r->ir->exits[i].reason, count);
        if (list_add(list, row) < 0)
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *stats_native(const HlCode *code, const HlRegion *r)
{
    int32_t n = r->native ? code->bytecode->nloops : 0;
    PyObject *list = PyList_New(n);
    for (int32_t i = 0; list && i < n; i++) {
        PyObject *count = PyLong_FromLongLong(r->native[i]);
        if (count)
            PyList_SET_ITEM(list, i, count);
        else
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *stats_region(const HlCode *code, const HlRegion *r)
{
    static const char *const states[] = {
        [HL_REGION_RECORDED] = "recorded", [HL_REGION_READY] = "ready", [HL_REGION_DEAD] = "dead"};
    size_t size = 0;
    if (r->blob) { /* so the backend is loaded */
        const HlBackend *backend = hl_compile_backend();
        if (!backend)
            return NULL;
        size = backend->code_size(r->blob);
    }
    return Py_BuildValue(
        "{s:s,s:s,s:L,s:L,s:i,s:d,s:d,s:d,s:n,s:N,s:N,s:N}", "state", states[r->state], "dead_why",
        r->state == HL_REGION_DEAD ? hl_reason_key(r->dead_why) : NULL, "entries",
        (long long)r->entered, "entry_misses", (long long)r->missed, "compiles", (int)r->compiles,
        "compile_seconds", r->compile_seconds, "record_seconds", r->record_seconds, "hot_seconds",
        r->hot_seconds, "code_bytes", (Py_ssize_t)size, "native", stats_native(code, r), "exits",
        stats_exits(code, r, false), "steps", stats_exits(code, r, true));
}

static PyObject *stats_regions(const HlCode *code, const HlLoop *l)
{
    PyObject *list = PyList_New(0);
    for (const HlRegion *r = l->regions; list && r; r = r->next)
        if (list_add(list, stats_region(code, r)) < 0)
            Py_CLEAR(list);
    return list;
}

static PyObject *stats_stops(const HlCode *code, int loop)
{
    const Stats *s = code->stats;
    PyObject *list = PyList_New(0);
    for (int32_t i = 0; list && s && i < s->n; i++) {
        const StatsStop *row = &s->stops[i];
        if (row->loop == loop &&
            list_add(list, stats_place(code, row->pc, row->why, row->count)) < 0)
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *stats_loop(const HlCode *code, int i)
{
    const HlLoopInfo *info = &code->bytecode->loops[i];
    static const HlLoop never;
    const HlLoop *l = code->loops ? &code->loops[i] : &never;
    bool given_up = l->state == HL_LOOP_GIVEN_UP;
    return Py_BuildValue("{s:i,s:i,s:i,s:i,s:O,s:s,s:i,s:L,s:N,s:N}", "line", info->line,
                         "last_line", stats_line(code, info->last), "parent", info->parent,
                         "header", info->header, "given_up", given_up ? Py_True : Py_False,
                         "given_up_why", given_up ? hl_reason_key(l->given_up_why) : NULL, "tries",
                         (int)l->tries, "interpreted", (long long)l->interpreted, "regions",
                         stats_regions(code, l), "stops", stats_stops(code, i));
}

static PyObject *stats_loops(const HlCode *code)
{
    PyObject *list = PyList_New(0);
    for (int i = 0; list && code->bytecode && i < code->bytecode->nloops; i++)
        if (list_add(list, stats_loop(code, i)) < 0)
            Py_CLEAR(list);
    return list;
}

static PyObject *stats_plain_calls(const HlCode *code)
{
    PyObject *dict = PyDict_New();
    for (int why = 0; dict && why < HL_R__COUNT; why++) {
        if (!code->plain_calls[why])
            continue;
        PyObject *count = PyLong_FromLongLong(code->plain_calls[why]);
        if (!count || PyDict_SetItemString(dict, hl_reason_key(why), count) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(count);
    }
    return dict;
}

static PyObject *stats_build(HlCode *code)
{
    const Stats *s = code->stats;
    return Py_BuildValue("{s:O,s:O,s:i,s:O,s:O,s:s,s:L,s:N,s:N,s:L}", "code", code->orig, "jitted",
                         code->jitted ? Py_True : Py_False, "threshold", (int)code->threshold,
                         "nopython", code->warn_fallback ? Py_True : Py_False, "fastmath",
                         code->fastmath ? Py_True : Py_False, "plain_why",
                         code->plain_why ? hl_reason_key(code->plain_why) : NULL, "driven_calls",
                         (long long)code->entries, "plain_calls", stats_plain_calls(code), "loops",
                         stats_loops(code), "stops_unplaced", s ? (long long)s->unplaced : 0LL);
}

PyObject *hl_stats_code(HlCode *code)
{
    int gc = PyGC_Disable();
    PyObject *dict = stats_build(code);
    if (gc)
        PyGC_Enable();
    return dict;
}

PyObject *hl_stats_all(void)
{
    int gc = PyGC_Disable();
    PyObject *list = PyList_New(0);
    for (HlCode *code = hl_code_first(); list && code; code = code->next)
        if (stats_shown(code) && list_add(list, stats_build(code)) < 0)
            Py_CLEAR(list);
    if (gc)
        PyGC_Enable();
    return list;
}

PyObject *hl_stats_forgotten(void)
{
#define STATS_FORMAT(name) "s:L,"
#define STATS_ARG(name) #name, (long long)forgotten.name,
    return Py_BuildValue("{" STATS_SUMDEF(STATS_FORMAT) "s:d,s:d}",
                         STATS_SUMDEF(STATS_ARG) "compile_seconds", forgotten.compile_seconds,
                         "record_seconds", forgotten.record_seconds);
}

/* -- nopython=True --------------------------------------------------------------------------- */

int hl_warn_fallback(HlCode *code, int loop, HlReason why)
{
    if (!code->warn_fallback || !hl_fallback_warning)
        return 0;
    int line = code->bytecode->loops[loop].line, at = -1;
    const Stats *s = code->stats;
    for (int32_t i = 0; s && i < s->n; i++) /* the last recording that stopped for this reason */
        if (s->stops[i].loop == loop && s->stops[i].why == why)
            at = stats_line(code, s->stops[i].pc);
    if (at < 0)
        at = line;
    return PyErr_WarnFormat(hl_fallback_warning, 1,
                            "the loop at line %d of %U() stays interpreted: %s (line %d)", line,
                            code->orig->co_qualname, hl_reason_text(why), at);
}

int hl_stats_init(void)
{
    if (!hl_fallback_warning)
        hl_fallback_warning = PyErr_NewExceptionWithDoc(
            "hotloop.FallbackWarning",
            "A hot loop of a function decorated with @jit(nopython=True) stays interpreted.",
            PyExc_UserWarning, NULL);
    return hl_fallback_warning ? 0 : -1;
}
