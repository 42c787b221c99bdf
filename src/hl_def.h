/* hl_def.h - compiler macros and assertions that every file of hotloop may use. */
#ifndef HL_DEF_H
#define HL_DEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HL_LIKELY(x) __builtin_expect(!!(x), 1)
#define HL_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define HL_COUNTOF(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define HL_STATIC_ASSERT(cond, msg) _Static_assert(cond, msg)

/* HL_DEBUG is set by --enable-debug: checkers run after every pass and recorded instruction. */
#ifdef HL_DEBUG
#include <stdio.h>
#include <stdlib.h>
#define HL_ASSERT(x)                                                                               \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "hotloop: assertion failed at %s:%d: %s\n", __FILE__, __LINE__, #x);   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
#else
#define HL_ASSERT(x) ((void)sizeof(!(x)))
#endif

#endif
