/* hl_mem.c - the core's allocator: the C library's, zeroed, with a failure that tests can order. */
#include "hl_mem.h"

#include <stdlib.h>
#include <string.h>

#ifdef HL_DEBUG
#include <stdatomic.h>

static atomic_long mem_calls;  /* since the last hl_mem_fail_at */
static atomic_long mem_fail;   /* the call that fails, 0 = none */
static atomic_long mem_blocks; /* not freed yet */

static bool mem_refuse(void)
{
    long n = atomic_fetch_add(&mem_calls, 1) + 1;
    return n == atomic_load(&mem_fail);
}

long hl_mem_fail_at(long n)
{
    atomic_store(&mem_fail, n);
    return atomic_exchange(&mem_calls, 0);
}

long hl_mem_live(void)
{
    return atomic_load(&mem_blocks);
}

static void *mem_count(void *made)
{
    if (made)
        atomic_fetch_add(&mem_blocks, 1);
    return made;
}

static void mem_uncount(const void *p)
{
    if (p)
        atomic_fetch_sub(&mem_blocks, 1);
}
#else
static inline void *mem_count(void *made)
{
    return made;
}

static inline void mem_uncount(const void *p)
{
    (void)p;
}

static inline bool mem_refuse(void)
{
    return false;
}

long hl_mem_fail_at(long n)
{
    (void)n;
    return 0;
}

long hl_mem_live(void)
{
    return 0;
}
#endif

void *hl_mem_alloc(size_t size)
{
    return mem_refuse() ? NULL : mem_count(calloc(1, size ? size : 1));
}

void *hl_mem_realloc(void *p, size_t old_size, size_t size)
{
    if (mem_refuse())
        return NULL;
    char *q = p ? realloc(p, size ? size : 1) : mem_count(malloc(size ? size : 1));
    if (q && size > old_size)
        memset(q + old_size, 0, size - old_size);
    return q;
}

void hl_mem_free(void *p)
{
    mem_uncount(p);
    free(p);
}

char *hl_mem_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *q = hl_mem_alloc(n);
    return q ? memcpy(q, s, n) : NULL;
}

int hl_mem_grow(void **vec, int32_t *cap, int32_t need, size_t item)
{
    if (need <= *cap)
        return 0;
    int64_t n = *cap < 4 ? 4 : *cap + (int64_t)*cap / 2;
    if (n < need)
        n = need;
    if (n > INT32_MAX)
        return -1;
    void *p = hl_mem_realloc(*vec, (size_t)*cap * item, (size_t)n * item);
    if (!p)
        return -1;
    *vec = p;
    *cap = (int32_t)n;
    return 0;
}
