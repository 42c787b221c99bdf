/* hl_code.c - the state of each code object that hotloop has met, in the code object's extra slot. */
#include "hl_code.h"

#include "../hooks/hl_hook.h"
#include "hl_mem.h"
#include "hl_param.h"
#include "hl_region.h"
#include "hl_stats.h"

static Py_ssize_t code_slot = -1;
static HlCode *code_list;
/* In the slot of a code object that was found to have no loops. */
static HlCode code_without_loops;

static void code_free(void *p)
{
    HlCode *code = p;
    if (!code || code == &code_without_loops)
        return;
    code_free(code->twin);
    *(code->prev ? &code->prev->next : &code_list) = code->next;
    if (code->next)
        code->next->prev = code->prev;
    hl_stats_forget(code);
    hl_region_free_all(code);
    hl_hook_free(code);
    Py_XDECREF(code->blank);
    hl_bytecode_free(code->bytecode);
    hl_mem_free(code->loops);
    hl_mem_free(code);
}

int hl_code_init(void)
{
    if (code_slot < 0)
        code_slot = _PyEval_RequestCodeExtraIndex(code_free);
    if (code_slot < 0)
        PyErr_SetString(PyExc_ImportError, "CPython has no extra slot left in its code objects");
    return code_slot < 0 ? -1 : 0;
}

static void *slot_get(PyCodeObject *co)
{
    void *p = NULL;
    return _PyCode_GetExtra((PyObject *)co, code_slot, &p) < 0 ? NULL : p;
}

HlCode *hl_code_all(PyCodeObject *co)
{
    HlCode *code = slot_get(co);
    return code == &code_without_loops ? NULL : code;
}

HlCode *hl_code_peek(PyCodeObject *co, int fastmath)
{
    HlCode *code = hl_code_all(co);
    while (code && code->fastmath != fastmath)
        code = code->twin;
    return code;
}

HlCode *hl_code_first(void)
{
    return code_list;
}

static HlCode *code_new(PyCodeObject *co)
{
    HlBytecode *b = hl_hook_decode(co);
    if (!b)
        return NULL;
    HlCode *code = hl_mem_alloc(sizeof *code);
    HlLoop *loops = hl_mem_alloc((size_t)b->nloops * sizeof *loops);
    if (!code || !loops) {
        hl_mem_free(code);
        hl_mem_free(loops);
        hl_bytecode_free(b);
        return (HlCode *)PyErr_NoMemory();
    }
    code->orig = co;
    code->bytecode = b;
    code->loops = loops;
    code->threshold = hl_params.threshold;
    if (co->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR))
        code->plain_why = HL_R_GENERATOR;
    else
        code->nlive = b->nloops;
    for (int i = 0; i < b->nloops; i++)
        loops[i].countdown = loops[i].reload = code->threshold;
    return code;
}

HlCode *hl_code_get(PyCodeObject *co, int fastmath)
{
    HlCode *code = hl_code_peek(co, fastmath);
    if (code)
        return code;
    code = code_new(co);
    if (!code)
        return NULL;
    code->fastmath = (uint8_t)fastmath;
    code->next = code_list;
    if (code_list)
        code_list->prev = code;
    code_list = code;
    HlCode *first = hl_code_all(co);
    if (first) {
        code->twin = first->twin;
        first->twin = code;
    } else if (_PyCode_SetExtra((PyObject *)co, code_slot, code) < 0) {
        code_free(code);
        return NULL;
    }
    return code;
}

HlCode *hl_code_get_if_loops(PyCodeObject *co)
{
    HlCode *code = slot_get(co);
    if (HL_LIKELY(code && !code->fastmath))
        return code == &code_without_loops ? NULL : code;
    if (hl_hook_has_loops(co))
        return hl_code_get(co, 0);
    if (!code)
        (void)_PyCode_SetExtra((PyObject *)co, code_slot, &code_without_loops);
    return NULL;
}

void hl_code_set_threshold(HlCode *code, int32_t threshold)
{
    code->threshold = threshold;
    for (int i = 0; i < code->bytecode->nloops; i++)
        code->loops[i].countdown = code->loops[i].reload = threshold;
}

void hl_code_give_up(HlCode *code, int loop, HlReason why)
{
    HlLoop *l = &code->loops[loop];
    if (l->state == HL_LOOP_GIVEN_UP)
        return;
    l->state = HL_LOOP_GIVEN_UP;
    l->given_up_why = (uint8_t)why;
    if (--code->nlive == 0)
        code->plain_why = HL_R_GIVEN_UP;
    hl_hook_unpatch(code, loop);
}
