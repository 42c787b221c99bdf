/* hl_mem.h - the only allocator of the core. In builds with --enable-debug the n-th call can be made
 * to fail (hl_mem_fail_at), which the tests use to walk every path on which memory runs out.
 * All functions may be called without the GIL. */
#ifndef HL_MEM_H
#define HL_MEM_H

#include "hl_def.h"

void *hl_mem_alloc(size_t size); /* zeroed; NULL when out of memory */
void *hl_mem_realloc(void *p, size_t old_size,
                     size_t size); /* new part zeroed; NULL: p still valid */
void hl_mem_free(void *p);
char *hl_mem_strdup(const char *s);

/* Grows *vec (element size `item`, capacity *cap) so that index `need - 1` exists.
 * Returns 0, or -1 when out of memory (*vec is still valid). */
int hl_mem_grow(void **vec, int32_t *cap, int32_t need, size_t item);

/* Debug builds: let the n-th allocation from now on fail (0 = never); returns calls so far. */
long hl_mem_fail_at(long n);
/* Debug builds: how many blocks have not been freed. */
long hl_mem_live(void);

#endif
