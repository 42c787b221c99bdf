/* hl_compile.c - the compile queue: regions go in, machine code comes out.
 *
 * A job owns a copy of all that its compile reads, so that a background thread can work on it
 * without the GIL and without Python. Its pointer to the region is looked at only with the GIL:
 * when the job is made, when its result is published, and when the region dies before that.
 * HOTLOOP_SYNC=1, or a system that refuses a thread, empties the queue in place instead.
 *
 * Two locks, taken in this order, and the GIL before both:
 *   work  is held during every call of the code generator, which does one thing at a time;
 *   lock  guards the lists and flags, for a few instructions at a time.
 * Nobody waits for the GIL while holding one. The compile thread never wants the GIL, so waiting
 * for it with the GIL is safe: that is how fork and exit wait for the compile that is under way.
 *
 * Fork: the parent takes both locks, so that no compile is under way and the code generator's own
 * locks are free. The child has the queue, but no thread; it starts one when it needs it. */
#define _GNU_SOURCE
#include "hl_region.h"

#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "hl_mem.h"
#include "hl_param.h"
#include "hl_rt.h"
#include "hl_stats.h"

#define BACKEND_FILE "_llvm.so"
enum { THREAD_STACK = 8 << 20, MESSAGE_SIZE = 512 };

typedef struct Job {
    struct Job *next;
    HlRegion *region; /* NULL: died meanwhile; written with the GIL and `lock` */
    HlIr *ir;         /* recorded, then optimised */
    HlPlan *plans;
    HlEmitEnv env;
    void **objects;   /* env.objects: the recorder may move the region's own table */
    HlCodeBlob *blob; /* the result, or NULL: */
    HlReason why;
    double seconds;
    int32_t line, serial;
    char message[MESSAGE_SIZE];
} Job;

typedef struct JobList {
    Job *first, *last;
} JobList;

/* Machine code that nobody runs any more, while the code generator is busy. */
typedef struct Doomed {
    struct Doomed *next;
    HlCodeBlob *blob;
} Doomed;

static pthread_mutex_t work = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER; /* the thread has something to do */
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER; /* a job has left the queue */

/* Guarded by `lock`. */
static JobList queue, done;
static Job *current; /* being compiled */
static Doomed *doomed;
static int waiters; /* who wants `work`: the thread lets them go first */
static bool thread_runs, stopping;
static pthread_t thread;

volatile int hl_compile_finished;

static char backend_path[4096];
static const HlBackend *backend; /* written once, with `work` held */
static char backend_error[MESSAGE_SIZE];

static int32_t last_serial; /* with the GIL, as the next */
static char last_message[MESSAGE_SIZE];

#ifdef HL_DEBUG
static long test_fail; /* the compile that fails, 0 = none; with `work` held */
#endif

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- lists ------------------------------------------------------------------------------------ */

static void list_push(JobList *list, Job *job)
{
    job->next = NULL;
    if (list->last)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
}

/* Takes `job`, which follows `before` (NULL = it is the first). */
static Job *list_take(JobList *list, Job *before, Job *job)
{
    if (before)
        before->next = job->next;
    else
        list->first = job->next;
    if (list->last == job)
        list->last = before;
    return job;
}

/* --- the right to use the code generator ------------------------------------------------------ */

static void work_enter(void)
{
    pthread_mutex_lock(&lock);
    waiters++;
    pthread_mutex_unlock(&lock);
    pthread_mutex_lock(&work);
    pthread_mutex_lock(&lock);
    if (--waiters == 0)
        pthread_cond_signal(&wake);
    pthread_mutex_unlock(&lock);
}

static void work_leave(void)
{
    pthread_mutex_unlock(&work);
}

/* With `work` held. */
static void release_doomed(void)
{
    pthread_mutex_lock(&lock);
    Doomed *d = doomed;
    doomed = NULL;
    pthread_mutex_unlock(&lock);
    while (d) {
        Doomed *next = d->next;
        backend->release(d->blob);
        hl_mem_free(d);
        d = next;
    }
}

void hl_compile_release(HlCodeBlob *blob)
{
    if (!blob)
        return;
    if (pthread_mutex_trylock(&work)) {
        Doomed *d = hl_mem_alloc(sizeof *d);
        if (d) {
            d->blob = blob;
            pthread_mutex_lock(&lock);
            d->next = doomed;
            doomed = d;
            pthread_cond_signal(&wake);
            pthread_mutex_unlock(&lock);
            return;
        }
        work_enter(); /* no memory to put it off */
    }
    backend->release(blob);
    work_leave();
}

/* --- the code generator --------------------------------------------------------------------------
 * Loaded once, whichever thread needs it first; what went wrong then stays wrong. */

/* The file is beside the one that this function is in. Found at start: the program may change its
 * directory before it is loaded. */
static void backend_find(void)
{
    Dl_info info;
    char *file = dladdr((void *)backend_find, &info) ? strdup(info.dli_fname) : NULL;
    char *dir = file ? realpath(dirname(file), NULL) : NULL;
    if (dir)
        snprintf(backend_path, sizeof backend_path, "%s/" BACKEND_FILE, dir);
    free(dir);
    free(file);
}

/* With `work` held. NULL: backend_error says why. */
static const HlBackend *backend_load(void)
{
    if (backend || backend_error[0])
        return backend;
    void *file = dlopen(backend_path, RTLD_NOW | RTLD_LOCAL);
    const HlBackend *(*get)(void) = NULL;
    if (file)
        *(void **)&get = dlsym(file, "hl_backend");
    const HlBackend *found = get ? get() : NULL;
    if (!found) {
        const char *why = dlerror();
        snprintf(backend_error, sizeof backend_error, "%s", why ? why : "no code generator");
    } else if (found->abi != HL_EMIT_ABI) {
        snprintf(backend_error, sizeof backend_error,
                 BACKEND_FILE " belongs to another version of hotloop (interface %d, not %d)",
                 found->abi, HL_EMIT_ABI);
    } else {
        __atomic_store_n(&backend, found, __ATOMIC_RELEASE);
    }
    return backend;
}

const HlBackend *hl_compile_backend(void)
{
    const HlBackend *b = __atomic_load_n(&backend, __ATOMIC_ACQUIRE);
    if (!b) {
        work_enter();
        b = backend_load();
        work_leave();
    }
    if (!b)
        PyErr_Format(PyExc_RuntimeError, "no machine code: %s", backend_error);
    return b;
}

/* --- HOTLOOP_DUMP=ir,llvm,asm:DIR ------------------------------------------------------------- */

enum { DUMP_IR = 1, DUMP_LLVM = 2, DUMP_ASM = 4 };
static int dump_kinds; /* changed with `work` held once the thread runs */
static char dump_dir[4096];

static void dump_complain(const char *what, const char *why)
{
    fprintf(stderr, "hotloop: HOTLOOP_DUMP: %s: %s\n", what, why);
    dump_kinds = 0;
}

static void dump_init(const char *spec)
{
    static const struct {
        const char *name;
        int kind;
    } kinds[] = {{"ir", DUMP_IR}, {"llvm", DUMP_LLVM}, {"asm", DUMP_ASM}};
    const char *colon = spec ? strchr(spec, ':') : NULL;
    if (!spec || !*spec)
        return;
    bool known = colon && colon[1] && strlen(colon) < sizeof dump_dir;
    for (const char *p = spec; known && p < colon; p += *p == ',') {
        size_t n = strcspn(p, ",:");
        int kind = 0;
        for (int i = 0; i < HL_COUNTOF(kinds); i++)
            if (n == strlen(kinds[i].name) && !strncmp(p, kinds[i].name, n))
                kind = kinds[i].kind;
        known = kind != 0;
        dump_kinds |= kind;
        p += n;
    }
    if (!known || !dump_kinds) {
        dump_complain(spec, "must be like ir,llvm,asm:DIRECTORY");
        return;
    }
    strcpy(dump_dir, colon + 1);
    if (mkdir(dump_dir, 0777) < 0 && errno != EEXIST)
        dump_complain(dump_dir, strerror(errno));
}

static void dump_write(const Job *job, const char *suffix, const char *text)
{
    char path[sizeof dump_dir + 128], name[sizeof job->ir->name];
    snprintf(name, sizeof name, "%s", job->ir->name);
    for (char *p = name; *p; p++)
        if (strchr("/<> ", *p))
            *p = '_';
    snprintf(path, sizeof path, "%s/%s-%d-%d%s", dump_dir, name, job->line, job->serial, suffix);
    FILE *f = fopen(path, "w");
    bool bad = !f || fputs(text, f) < 0;
    if (f)
        bad |= fclose(f) != 0;
    if (bad)
        dump_complain(path, strerror(errno));
}

static void dump_ir(const Job *job, const char *suffix)
{
    char *text = dump_kinds & DUMP_IR ? hl_irtext_print(job->ir) : NULL;
    if (text)
        dump_write(job, suffix, text);
    hl_mem_free(text);
}

static void dump_backend(const Job *job, int kind, char what, const char *suffix)
{
    char err[MESSAGE_SIZE] = "";
    if (!(dump_kinds & kind))
        return;
    char *text = backend->text(job->ir, job->plans, &job->env, what, err, sizeof err);
    if (text)
        dump_write(job, suffix, text);
    else
        dump_complain(job->ir->name, err);
    free(text);
}

/* --- jobs ------------------------------------------------------------------------------------- */

static void job_free(Job *job)
{
    if (!job)
        return;
    hl_compile_release(job->blob);
    if (job->plans)
        hl_plan_free(job->plans, job->ir->nexits);
    hl_ir_free(job->ir);
    hl_mem_free(job->objects);
    hl_mem_free(job);
}

/* With the GIL. NULL = out of memory. */
static Job *job_new(HlRegion *r)
{
    Job *job = hl_mem_alloc(sizeof *job);
    if (!job)
        return NULL;
    job->ir = hl_ir_copy(r->ir);
    job->objects = hl_mem_alloc((size_t)r->nobjects * sizeof *job->objects);
    if (!job->ir || !job->objects) {
        job_free(job);
        return NULL;
    }
    if (r->nobjects)
        memcpy(job->objects, r->objects, (size_t)r->nobjects * sizeof *job->objects);
    hl_rt_fill_env(&job->env, r, job->objects);
    job->region = r;
    job->line = r->code ? r->code->bytecode->loops[r->loop].line : 0;
    job->serial = ++last_serial;
    return job;
}

static bool job_test_failure(void)
{
#ifdef HL_DEBUG
    return test_fail > 0 && --test_fail == 0;
#else
    return false;
#endif
}

/* With `work` held. */
static void job_run(Job *job)
{
    double start = now();
    job->why = HL_R_LLVM;
    if (!backend_load()) {
        snprintf(job->message, sizeof job->message, "%s", backend_error);
    } else if (job_test_failure()) {
        snprintf(job->message, sizeof job->message, "failure ordered by a test");
    } else {
        dump_ir(job, ".rec.ir");
        if (hl_opt_run(job->ir) == 0 && (job->plans = hl_plan_build(job->ir)) != NULL) {
            dump_ir(job, ".ir");
            job->blob =
                backend->compile(job->ir, job->plans, &job->env, job->message, sizeof job->message);
            dump_backend(job, DUMP_LLVM, 'l', ".ll");
            dump_backend(job, DUMP_ASM, 'a', ".s");
        } else {
            job->why = HL_R_NO_MEMORY;
            snprintf(job->message, sizeof job->message, "out of memory");
        }
    }
    job->seconds = now() - start;
}

/* Compiles one job of the queue and frees what waits for it; false = the queue was empty. */
static bool work_one(void)
{
    work_enter();
    release_doomed();
    pthread_mutex_lock(&lock);
    Job *job = current = queue.first ? list_take(&queue, NULL, queue.first) : NULL;
    pthread_mutex_unlock(&lock);
    if (job) {
        job_run(job);
        pthread_mutex_lock(&lock);
        current = NULL;
        list_push(&done, job);
        __atomic_store_n(&hl_compile_finished, 1, __ATOMIC_RELEASE);
        pthread_cond_broadcast(&idle);
        pthread_mutex_unlock(&lock);
    }
    work_leave();
    return job != NULL;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void *thread_main(void *arg)
{
    pthread_setname_np(pthread_self(), "hotloop-compile");
    for (;;) {
        pthread_mutex_lock(&lock);
        while (!stopping && (waiters || !(queue.first || doomed)))
            pthread_cond_wait(&wake, &lock);
        bool stop = stopping;
        pthread_mutex_unlock(&lock);
        if (stop)
            return arg;
        work_one();
    }
}

/* With `lock` held. The thread takes no signals: they are the program's. */
static bool thread_start(void)
{
    if (thread_runs || stopping)
        return true;
    pthread_attr_t attr;
    sigset_t all, old;
    if (pthread_attr_init(&attr))
        return false;
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    thread_runs = pthread_create(&thread, &attr, thread_main, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return thread_runs;
}

/* Sees to it that somebody works on the queue. In place, its jobs are done when this returns. */
static void queue_serve(void)
{
    pthread_mutex_lock(&lock);
    bool in_place = hl_params.sync ? queue.first || current : queue.first && !thread_start();
    if (!in_place)
        pthread_cond_signal(&wake);
    pthread_mutex_unlock(&lock);
    while (in_place && work_one())
        ;
}

/* --- publication: all with the GIL ------------------------------------------------------------ */

/* A finished job whose region may be changed now: nobody is in its machine code or rebuilds a frame
 * from its plans. Those that have to wait keep hl_compile_finished set. */
static Job *done_take(void)
{
    pthread_mutex_lock(&lock);
    Job *before = NULL, *job = done.first;
    while (job && job->region && job->region->running) {
        before = job;
        job = job->next;
    }
    if (job)
        list_take(&done, before, job);
    else
        hl_compile_finished = done.first != NULL;
    pthread_mutex_unlock(&lock);
    return job;
}

static int publish_buffers(HlRegion *r, const Job *job)
{
    int32_t need = 0;
    for (int32_t i = 0; i < job->ir->nexits; i++)
        if (job->plans[i].nlive > need)
            need = job->plans[i].nlive;
    if (hl_mem_grow((void **)&r->in, &r->cap_in, job->ir->ninputs, sizeof *r->in) < 0)
        return -1;
    return hl_mem_grow((void **)&r->out, &r->cap_out, need, sizeof *r->out);
}

/* The region goes on with the machine code that it has, if it has some. */
static void publish_failure(HlRegion *r, HlReason why, const char *message)
{
    HlCode *code = r->code;
    int loop = r->loop;
    snprintf(last_message, sizeof last_message, "%s", message);
    r->dirty = false;
    if (r->state == HL_REGION_RECORDED) {
        r->state = HL_REGION_DEAD;
        r->dead_why = (uint8_t)why;
    }
    if (code)
        hl_stats_note(code, loop, code->bytecode->loops[loop].header, why);
}

static void publish(Job *job)
{
    HlRegion *r = job->region;
    if (!r) {
        job_free(job);
        return;
    }
    r->compiling = false;
    r->compiles++;
    r->compile_seconds += job->seconds;
    if (r->state == HL_REGION_RECORDED)
        r->hot_seconds = r->record_seconds + job->seconds;
    if (r->state == HL_REGION_DEAD) {
        job_free(job);
        return;
    }
    if (job->blob && publish_buffers(r, job) < 0) {
        job->why = HL_R_NO_MEMORY;
        hl_compile_release(job->blob);
        job->blob = NULL;
    }
    if (!job->blob) {
        publish_failure(r, job->why, job->message);
        job_free(job);
        return;
    }
    HlIr *old_ir = r->opt;
    HlPlan *old_plans = r->plans;
    HlCodeBlob *old_blob = r->blob;
    r->opt = job->ir;
    r->plans = job->plans;
    r->nplans = job->ir->nexits;
    r->blob = job->blob;
    r->fn = backend->entry(job->blob);
    r->state = HL_REGION_READY;
    job->ir = old_ir;
    job->plans = old_plans;
    job->blob = old_blob;
    job_free(job); /* with what the region had before */
    if (r->dirty)
        hl_compile_submit(r);
}

void hl_compile_poll(void)
{
    Job *job;
    queue_serve(); /* a forked child has no thread yet */
    while ((job = done_take()) != NULL)
        publish(job);
}

int hl_compile_submit(HlRegion *r)
{
    if (r->state == HL_REGION_DEAD)
        return -1;
    if (r->compiling || r->recording) { /* the recorder submits it, when it is whole again */
        r->dirty = true;
        return 0;
    }
    r->dirty = false;
    Job *job = job_new(r);
    if (!job) {
        publish_failure(r, HL_R_NO_MEMORY, "out of memory");
        return r->state == HL_REGION_DEAD ? -1 : 0;
    }
    r->compiling = true;
    pthread_mutex_lock(&lock);
    list_push(&queue, job);
    pthread_mutex_unlock(&lock);
    queue_serve();
    if (hl_params.sync)
        hl_compile_poll();
    return r->state == HL_REGION_DEAD ? -1 : 0;
}

void hl_compile_forget(HlRegion *r)
{
    Job *before = NULL, *found = NULL;
    pthread_mutex_lock(&lock);
    for (Job *job = queue.first; job && !found; job = job->next) {
        if (job->region == r)
            found = list_take(&queue, before, job);
        before = job;
    }
    for (Job *job = done.first; job; job = job->next)
        if (job->region == r)
            job->region = NULL;
    if (current && current->region == r)
        current->region = NULL;
    pthread_cond_broadcast(&idle);
    pthread_mutex_unlock(&lock);
    job_free(found);
}

/* With `lock` held: are jobs up to this serial number still to be compiled? */
static bool queue_has(int32_t serial)
{
    return (current && current->serial <= serial) || (queue.first && queue.first->serial <= serial);
}

/* What others submit meanwhile is not waited for; what had grown when we came is compiled again by
 * the first publication and waited for in the second round. */
void hl_compile_wait(void)
{
    for (int round = 0; round < 2; round++) {
        int32_t last = last_serial;
        queue_serve();
        Py_BEGIN_ALLOW_THREADS pthread_mutex_lock(&lock);
        while (!stopping && queue_has(last))
            pthread_cond_wait(&idle, &lock);
        pthread_mutex_unlock(&lock);
        Py_END_ALLOW_THREADS hl_compile_poll();
    }
}

char *hl_compile_text(HlRegion *r, char what, char *err, size_t err_size)
{
    void *const *objects = (void *const *)r->objects;
    HlEmitEnv env;
    char *text = NULL;
    if (!r->opt) {
        snprintf(err, err_size, "not compiled");
        return NULL;
    }
    hl_rt_fill_env(&env, r, objects);
    work_enter();
    if (backend_load())
        text = backend->text(r->opt, r->plans, &env, what, err, err_size);
    else
        snprintf(err, err_size, "%s", backend_error);
    work_leave();
    return text;
}

const char *hl_compile_message(void)
{
    return last_message;
}

/* --- fork, exit and start --------------------------------------------------------------------- */

static void fork_prepare(void)
{
    work_enter();
    pthread_mutex_lock(&lock);
}

static void fork_parent(void)
{
    pthread_mutex_unlock(&lock);
    work_leave();
}

static void fork_child(void)
{
    waiters = 0;
    thread_runs = false;
    hl_compile_finished = queue.first || done.first;
    pthread_cond_init(&wake, NULL);
    pthread_cond_init(&idle, NULL);
    fork_parent();
}

void hl_compile_stop(void)
{
    pthread_mutex_lock(&lock);
    bool join = thread_runs;
    stopping = true;
    thread_runs = false;
    pthread_cond_broadcast(&wake);
    pthread_cond_broadcast(&idle);
    pthread_mutex_unlock(&lock);
    if (join)
        pthread_join(thread, NULL);
}

int hl_compile_init(void)
{
    static bool started;
    if (started)
        return 0;
    if (pthread_atfork(fork_prepare, fork_parent, fork_child)) {
        PyErr_NoMemory();
        return -1;
    }
    Py_AtExit(hl_compile_stop); /* exits that pass Python by: hl_llvm_exit.c */
    started = true;
    backend_find();
    dump_init(getenv("HOTLOOP_DUMP"));
#ifdef HL_DEBUG
    const char *fail = getenv("HOTLOOP_TEST_LLVM_FAIL");
    test_fail = fail ? atol(fail) : 0;
#endif
    return 0;
}

#ifdef HL_DEBUG
void hl_compile_fail_at(long n)
{
    work_enter();
    test_fail = n;
    work_leave();
}
#endif
