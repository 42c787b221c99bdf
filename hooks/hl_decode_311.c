/* hl_decode_311.c - CPython 3.11 bytecode to neutral bytecode.
 *
 * Four steps: cut the code units into instructions, find each instruction's value-stack depth and the
 * flow edges by following all paths from the start (exception handlers are paths too, that begin at
 * any instruction they protect), find the natural loops of that graph, and ask the code object for
 * source lines. Only JUMP_BACKWARD and POP_JUMP_BACKWARD_* make loops: they are the instructions that
 * poll the eval breaker. JUMP_BACKWARD_NO_INTERRUPT, the other one, only occurs in coroutines. */
#define PY_SSIZE_T_CLEAN
#define Py_BUILD_CORE
#define NEED_OPCODE_TABLES
#include <Python.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-const-variable"
#include <internal/pycore_opcode.h>
#pragma GCC diagnostic pop
#include <internal/pycore_code.h>

#include "hl_hook.h"
#include "../src/hl_mem.h"

#if PY_VERSION_HEX < 0x030b0000 || PY_VERSION_HEX >= 0x030c0000
#error "this file knows the bytecode of CPython 3.11"
#endif

/* _(CPython's opcode, neutral operation): every opcode of 3.11. */
/* clang-format off */
#define DECODEDEF(_)                                                                               \
    _(CACHE, CACHE) _(POP_TOP, POP_TOP) _(PUSH_NULL, PUSH_NULL) _(NOP, NOP)                        \
    _(UNARY_POSITIVE, UNARY) _(UNARY_NEGATIVE, UNARY) _(UNARY_NOT, UNARY) _(UNARY_INVERT, UNARY)   \
    _(BINARY_SUBSCR, SUBSCR) _(GET_LEN, UNSUPPORTED) _(MATCH_MAPPING, UNSUPPORTED)                 \
    _(MATCH_SEQUENCE, UNSUPPORTED) _(MATCH_KEYS, UNSUPPORTED) _(PUSH_EXC_INFO, UNSUPPORTED)        \
    _(CHECK_EXC_MATCH, UNSUPPORTED) _(CHECK_EG_MATCH, UNSUPPORTED)                                 \
    _(WITH_EXCEPT_START, UNSUPPORTED) _(GET_AITER, UNSUPPORTED) _(GET_ANEXT, UNSUPPORTED)          \
    _(BEFORE_ASYNC_WITH, UNSUPPORTED) _(BEFORE_WITH, UNSUPPORTED) _(END_ASYNC_FOR, UNSUPPORTED)    \
    _(STORE_SUBSCR, STORE_SUBSCR) _(DELETE_SUBSCR, DELETE_SUBSCR) _(GET_ITER, GET_ITER)            \
    _(GET_YIELD_FROM_ITER, UNSUPPORTED) _(PRINT_EXPR, UNSUPPORTED)                                 \
    _(LOAD_BUILD_CLASS, UNSUPPORTED) _(LOAD_ASSERTION_ERROR, UNSUPPORTED)                          \
    _(RETURN_GENERATOR, UNSUPPORTED) _(LIST_TO_TUPLE, UNSUPPORTED) _(RETURN_VALUE, RETURN_VALUE)   \
    _(IMPORT_STAR, UNSUPPORTED) _(SETUP_ANNOTATIONS, UNSUPPORTED) _(YIELD_VALUE, UNSUPPORTED)      \
    _(ASYNC_GEN_WRAP, UNSUPPORTED) _(PREP_RERAISE_STAR, UNSUPPORTED) _(POP_EXCEPT, UNSUPPORTED)    \
    _(STORE_NAME, UNSUPPORTED) _(DELETE_NAME, UNSUPPORTED) _(UNPACK_SEQUENCE, UNPACK_SEQUENCE)     \
    _(FOR_ITER, FOR_ITER) _(UNPACK_EX, UNSUPPORTED) _(STORE_ATTR, STORE_ATTR)                      \
    _(DELETE_ATTR, UNSUPPORTED) _(STORE_GLOBAL, STORE_GLOBAL) _(DELETE_GLOBAL, UNSUPPORTED)        \
    _(SWAP, SWAP) _(LOAD_CONST, LOAD_CONST) _(LOAD_NAME, UNSUPPORTED) _(BUILD_TUPLE, BUILD_TUPLE)  \
    _(BUILD_LIST, BUILD_LIST) _(BUILD_SET, UNSUPPORTED) _(BUILD_MAP, UNSUPPORTED)                  \
    _(LOAD_ATTR, LOAD_ATTR) _(COMPARE_OP, COMPARE) _(IMPORT_NAME, UNSUPPORTED)                     \
    _(IMPORT_FROM, UNSUPPORTED) _(JUMP_FORWARD, JUMP) _(JUMP_IF_FALSE_OR_POP, JUMP_IF_OR_POP)      \
    _(JUMP_IF_TRUE_OR_POP, JUMP_IF_OR_POP) _(POP_JUMP_FORWARD_IF_FALSE, POP_JUMP_IF)               \
    _(POP_JUMP_FORWARD_IF_TRUE, POP_JUMP_IF) _(LOAD_GLOBAL, LOAD_GLOBAL) _(IS_OP, IS_OP)           \
    _(CONTAINS_OP, CONTAINS_OP) _(RERAISE, UNSUPPORTED) _(COPY, COPY) _(BINARY_OP, BINARY)         \
    _(SEND, UNSUPPORTED) _(LOAD_FAST, LOAD_FAST) _(STORE_FAST, STORE_FAST)                         \
    _(DELETE_FAST, DELETE_FAST) _(POP_JUMP_FORWARD_IF_NOT_NONE, POP_JUMP_IF)                       \
    _(POP_JUMP_FORWARD_IF_NONE, POP_JUMP_IF) _(RAISE_VARARGS, UNSUPPORTED)                         \
    _(GET_AWAITABLE, UNSUPPORTED) _(MAKE_FUNCTION, UNSUPPORTED) _(BUILD_SLICE, BUILD_SLICE)        \
    _(JUMP_BACKWARD_NO_INTERRUPT, JUMP) _(MAKE_CELL, NOP) _(LOAD_CLOSURE, UNSUPPORTED)             \
    _(LOAD_DEREF, LOAD_DEREF) _(STORE_DEREF, STORE_DEREF) _(DELETE_DEREF, UNSUPPORTED)             \
    _(JUMP_BACKWARD, JUMP) _(CALL_FUNCTION_EX, UNSUPPORTED) _(EXTENDED_ARG, CACHE)                 \
    _(LIST_APPEND, LIST_APPEND) _(SET_ADD, UNSUPPORTED) _(MAP_ADD, UNSUPPORTED)                    \
    _(LOAD_CLASSDEREF, UNSUPPORTED) _(COPY_FREE_VARS, NOP) _(RESUME, NOP)                          \
    _(MATCH_CLASS, UNSUPPORTED) _(FORMAT_VALUE, UNSUPPORTED)                                       \
    _(BUILD_CONST_KEY_MAP, UNSUPPORTED) _(BUILD_STRING, UNSUPPORTED) _(LOAD_METHOD, LOAD_METHOD)   \
    _(LIST_EXTEND, UNSUPPORTED) _(SET_UPDATE, UNSUPPORTED) _(DICT_MERGE, UNSUPPORTED)              \
    _(DICT_UPDATE, UNSUPPORTED) _(PRECALL, NOP) _(CALL, CALL) _(KW_NAMES, KW_NAMES)                \
    _(POP_JUMP_BACKWARD_IF_NOT_NONE, POP_JUMP_IF) _(POP_JUMP_BACKWARD_IF_NONE, POP_JUMP_IF)        \
    _(POP_JUMP_BACKWARD_IF_FALSE, POP_JUMP_IF) _(POP_JUMP_BACKWARD_IF_TRUE, POP_JUMP_IF)
/* clang-format on */

#define DECODE_NAME(opcode, neutral) [opcode] = #opcode,
static const char *const opcode_names[256] = {DECODEDEF(DECODE_NAME)};
#undef DECODE_NAME
/* Plus one, so that 0 = not an opcode of 3.11. */
#define DECODE_NEUTRAL(opcode, neutral) [opcode] = HL_BC_##neutral + 1,
static const uint8_t opcode_neutral[256] = {DECODEDEF(DECODE_NEUTRAL)};
#undef DECODE_NEUTRAL

const char *hl_bc_opname(int32_t opcode)
{
    const char *name = opcode >= 0 && opcode < 256 ? opcode_names[opcode] : NULL;
    return name ? name : "unknown opcode";
}

static bool is_backedge(int opcode)
{
    return opcode == JUMP_BACKWARD ||
           (opcode >= POP_JUMP_BACKWARD_IF_NOT_NONE && opcode <= POP_JUMP_BACKWARD_IF_TRUE);
}

bool hl_hook_has_loops(PyCodeObject *code)
{
    const _Py_CODEUNIT *units = _PyCode_CODE(code);
    for (Py_ssize_t i = 0; i < Py_SIZE(code); i++) {
        int opcode = _PyOpcode_Deopt[_Py_OPCODE(units[i])];
        if (is_backedge(opcode))
            return true;
        i += _PyOpcode_Caches[opcode];
    }
    return false;
}

typedef struct Handler {
    int32_t start, end, target; /* protects code units [start, end) */
    int32_t depth;              /* of the stack when the handler begins */
} Handler;

typedef struct FlowEdge {
    int32_t from, to, next; /* next: index of another edge to the same place, -1 = none */
} FlowEdge;

typedef struct Decoder {
    PyCodeObject *code;
    HlBytecode *b;
    uint8_t *opcode; /* CPython's, unspecialised, by pc */
    Handler *handlers;
    int32_t nhandlers, cap_handlers;
    FlowEdge *edges;
    int32_t nedges, cap_edges;
    int32_t *into; /* by pc: first edge that arrives there, -1 = none */
    int32_t *work; /* stack of pcs; each pc is on it at most once at a time */
    int32_t nwork;
    bool malformed; /* no compiler made this: it is never driven */
} Decoder;

/* -- Instructions -------------------------------------------------------------------------------- */

static int decode_unary(int opcode)
{
    switch (opcode) {
    case UNARY_POSITIVE: return HL_UN_POS;
    case UNARY_NEGATIVE: return HL_UN_NEG;
    case UNARY_NOT: return HL_UN_NOT;
    default: return HL_UN_INVERT;
    }
}

static int decode_condition(int opcode)
{
    switch (opcode) {
    case POP_JUMP_FORWARD_IF_FALSE:
    case POP_JUMP_BACKWARD_IF_FALSE: return HL_IF_FALSE;
    case POP_JUMP_FORWARD_IF_TRUE:
    case POP_JUMP_BACKWARD_IF_TRUE: return HL_IF_TRUE;
    case POP_JUMP_FORWARD_IF_NONE:
    case POP_JUMP_BACKWARD_IF_NONE: return HL_IF_NONE;
    default: return HL_IF_NOT_NONE;
    }
}

/* Fills the operands of one instruction; oparg is complete, `behind` the unit after the opcode. */
static void decode_operands(HlBc *bc, int opcode, int32_t oparg, int32_t behind)
{
    bc->arg = oparg;
    switch (opcode) {
    case UNARY_POSITIVE:
    case UNARY_NEGATIVE:
    case UNARY_NOT:
    case UNARY_INVERT: bc->arg = decode_unary(opcode); break;
    case BINARY_OP: /* 3.11 numbers the operators as we do, the in-place ones behind the others */
        bc->arg2 = oparg > HL_BIN_XOR;
        bc->arg = bc->arg2 ? oparg - HL_BIN_XOR - 1 : oparg;
        break;
    case LOAD_GLOBAL:
        bc->arg = oparg >> 1;
        bc->arg2 = oparg & 1;
        break;
    case JUMP_IF_FALSE_OR_POP:
    case JUMP_IF_TRUE_OR_POP:
        bc->arg = opcode == JUMP_IF_TRUE_OR_POP;
        bc->target = behind + oparg;
        break;
    case POP_JUMP_FORWARD_IF_FALSE:
    case POP_JUMP_FORWARD_IF_TRUE:
    case POP_JUMP_FORWARD_IF_NONE:
    case POP_JUMP_FORWARD_IF_NOT_NONE:
        bc->arg = decode_condition(opcode);
        bc->target = behind + oparg;
        break;
    case POP_JUMP_BACKWARD_IF_FALSE:
    case POP_JUMP_BACKWARD_IF_TRUE:
    case POP_JUMP_BACKWARD_IF_NONE:
    case POP_JUMP_BACKWARD_IF_NOT_NONE:
        bc->arg = decode_condition(opcode);
        bc->target = behind - oparg;
        break;
    case JUMP_FORWARD:
    case FOR_ITER:
    case SEND: bc->target = behind + oparg; break;
    case JUMP_BACKWARD:
    case JUMP_BACKWARD_NO_INTERRUPT: bc->target = behind - oparg; break;
    }
    if (bc->op == HL_BC_UNSUPPORTED)
        bc->arg = opcode;
}

/* CPython's stack_effect is right but for these: RETURN_GENERATOR leaves room for the value that the
 * first send brings; PRECALL is said to pop the arguments, which is CALL's doing. */
static int stack_effect(int opcode, int32_t oparg, int jump)
{
    switch (opcode) {
    case RETURN_GENERATOR: return 1;
    case PRECALL: return 0;
    case CALL: return -oparg - 1;
    default: return PyCompile_OpcodeStackEffectWithJump(opcode, oparg, jump);
    }
}

static void decode_units(Decoder *d, int32_t *oparg_at)
{
    const _Py_CODEUNIT *units = _PyCode_CODE(d->code);
    HlBytecode *b = d->b;
    for (int32_t pc = 0; pc < b->n; pc++)
        b->bc[pc] = (HlBc){.op = HL_BC_CACHE,
                           .depth = -1,
                           .target = -1,
                           .next = -1,
                           .op_unit = -1,
                           .line = -1,
                           .loop = -1};
    for (int32_t pc = 0; pc < b->n;) {
        int32_t unit = pc;
        uint32_t oparg = _Py_OPARG(units[unit]);
        int opcode = _PyOpcode_Deopt[_Py_OPCODE(units[unit])];
        while (opcode == EXTENDED_ARG && unit + 1 < b->n) {
            opcode = _PyOpcode_Deopt[_Py_OPCODE(units[++unit])];
            oparg = oparg << 8 | _Py_OPARG(units[unit]);
        }
        HlBc *bc = &b->bc[pc];
        int neutral = opcode_neutral[opcode];
        bc->op = neutral && opcode != CACHE ? neutral - 1 : HL_BC_UNSUPPORTED;
        bc->op_unit = unit;
        bc->next = unit + 1 + _PyOpcode_Caches[opcode];
        decode_operands(bc, opcode, (int32_t)oparg, unit + 1);
        d->opcode[pc] = (uint8_t)opcode;
        oparg_at[pc] = (int32_t)oparg;
        d->malformed |= !neutral || opcode == CACHE || opcode == EXTENDED_ARG || bc->next > b->n;
        pc = bc->next;
    }
}

/* -- Exception table ----------------------------------------------------------------------------- */

/* Numbers of the table: six bits a byte, the most significant first, 0x40 = another byte follows. */
static int32_t table_number(const uint8_t **p, const uint8_t *end)
{
    int32_t value = 0;
    while (*p < end) {
        uint8_t byte = *(*p)++;
        value = (int32_t)((uint32_t)value << 6 | (byte & 63));
        if (!(byte & 64))
            break;
    }
    return value;
}

static int decode_handlers(Decoder *d)
{
    const uint8_t *p = (const uint8_t *)PyBytes_AS_STRING(d->code->co_exceptiontable);
    const uint8_t *end = p + PyBytes_GET_SIZE(d->code->co_exceptiontable);
    while (p < end) {
        if (hl_mem_grow((void **)&d->handlers, &d->cap_handlers, d->nhandlers + 1,
                        sizeof *d->handlers) < 0)
            return -1;
        Handler *h = &d->handlers[d->nhandlers++];
        h->start = table_number(&p, end);
        h->end = h->start + table_number(&p, end);
        h->target = table_number(&p, end);
        int32_t depth_lasti = table_number(&p, end);
        h->depth = (depth_lasti >> 1) + (depth_lasti & 1) + 1; /* [lasti,] exception */
    }
    return 0;
}

/* The evaluator takes the first entry that contains the unit. */
static const Handler *handler_of(const Decoder *d, int32_t unit)
{
    for (int32_t i = 0; i < d->nhandlers; i++)
        if (d->handlers[i].start <= unit && unit < d->handlers[i].end)
            return &d->handlers[i];
    return NULL;
}

/* -- Flow ---------------------------------------------------------------------------------------- */

static int flow_to(Decoder *d, int32_t from, int32_t to, int32_t depth)
{
    HlBytecode *b = d->b;
    if (to < 0 || to >= b->n || b->bc[to].op_unit < 0 || depth < 0 ||
        depth > d->code->co_stacksize) {
        d->malformed = true;
        return 0;
    }
    if (hl_mem_grow((void **)&d->edges, &d->cap_edges, d->nedges + 1, sizeof *d->edges) < 0)
        return -1;
    d->edges[d->nedges] = (FlowEdge){from, to, d->into[to]};
    d->into[to] = d->nedges++;
    if (b->bc[to].depth < 0) {
        b->bc[to].depth = (int16_t)depth;
        d->work[d->nwork++] = to;
    } else if (b->bc[to].depth != depth) {
        d->malformed = true;
    }
    return 0;
}

static bool falls_through(int opcode)
{
    switch (opcode) {
    case JUMP_FORWARD:
    case JUMP_BACKWARD:
    case JUMP_BACKWARD_NO_INTERRUPT:
    case RETURN_VALUE:
    case RAISE_VARARGS:
    case RERAISE: return false;
    default: return true;
    }
}

/* Visits everything that can be reached: depths, and the flow edges. */
static int decode_flow(Decoder *d, const int32_t *oparg_at)
{
    HlBytecode *b = d->b;
    if (b->n && d->code->co_stacksize <= INT16_MAX) {
        b->bc[0].depth = 0;
        d->work[d->nwork++] = 0;
    }
    while (d->nwork) {
        int32_t pc = d->work[--d->nwork];
        HlBc *bc = &b->bc[pc];
        int opcode = d->opcode[pc];
        if (bc->target >= 0) {
            int effect = stack_effect(opcode, oparg_at[pc], 1);
            if (flow_to(d, pc, bc->target, bc->depth + effect) < 0)
                return -1;
        }
        if (falls_through(opcode)) {
            int effect = stack_effect(opcode, oparg_at[pc], 0);
            if (flow_to(d, pc, bc->next, bc->depth + effect) < 0)
                return -1;
        }
        const Handler *h = handler_of(d, bc->op_unit);
        if (h && flow_to(d, pc, h->target, h->depth) < 0)
            return -1;
        if (is_backedge(opcode))
            bc->flags |= HL_BCF_BACKEDGE;
    }
    for (int32_t pc = 0; pc < b->n; pc++) {
        int32_t edge = d->into[pc];
        if (edge >= 0 && (d->edges[edge].next >= 0 || pc == 0))
            b->bc[pc].flags |= HL_BCF_JOIN;
    }
    return 0;
}

/* -- Loops --------------------------------------------------------------------------------------- */

static int loop_list(HlBytecode *b)
{
    int32_t cap = 0;
    for (int32_t pc = 0; pc < b->n; pc++)
        if (b->bc[pc].flags & HL_BCF_BACKEDGE)
            b->bc[b->bc[pc].target].flags |= HL_BCF_HEADER;
    for (int32_t pc = 0; pc < b->n; pc++) {
        if (!(b->bc[pc].flags & HL_BCF_HEADER))
            continue;
        if (hl_mem_grow((void **)&b->loops, &cap, b->nloops + 1, sizeof *b->loops) < 0)
            return -1;
        b->loops[b->nloops++] = (HlLoopInfo){.header = pc, .last = -1, .parent = -1, .line = -1};
    }
    for (int32_t pc = 0; pc < b->n; pc++)
        if (b->bc[pc].flags & HL_BCF_BACKEDGE)
            b->loops[hl_bc_loop_at(b, b->bc[pc].target)].last = pc;
    return 0;
}

/* Marks the natural loop of a header: all from which a back-edge is reached without passing through
 * the header again. Returns its size. */
static int32_t loop_body(Decoder *d, int32_t header, uint8_t *in)
{
    int32_t size = 1;
    memset(in, 0, (size_t)d->b->n);
    in[header] = 1;
    for (int32_t e = d->into[header]; e >= 0; e = d->edges[e].next) {
        int32_t from = d->edges[e].from;
        if ((d->b->bc[from].flags & HL_BCF_BACKEDGE) && d->b->bc[from].target == header &&
            !in[from]) {
            in[from] = 1;
            d->work[d->nwork++] = from;
        }
    }
    while (d->nwork) {
        int32_t pc = d->work[--d->nwork];
        size++;
        for (int32_t e = d->into[pc]; e >= 0; e = d->edges[e].next) {
            int32_t from = d->edges[e].from;
            if (!in[from]) {
                in[from] = 1;
                d->work[d->nwork++] = from;
            }
        }
    }
    return size;
}

typedef struct LoopSize {
    int32_t loop, size;
} LoopSize;

static int larger_first(const void *a, const void *b)
{
    const LoopSize *x = a, *y = b;
    return x->size != y->size ? (x->size < y->size) - (x->size > y->size) : x->loop - y->loop;
}

/* Nesting: going from large to small, each loop claims its instructions, and the loop that had claimed
 * its header until then is its parent. Its line is the least in it: a `while` has its test at the
 * bottom, and the header is the first statement of its body. */
static int decode_loops(Decoder *d)
{
    HlBytecode *b = d->b;
    if (loop_list(b) < 0)
        return -1;
    if (!b->nloops)
        return 0;
    uint8_t *in = hl_mem_alloc((size_t)b->n);
    LoopSize *order = hl_mem_alloc((size_t)b->nloops * sizeof *order);
    for (int i = 0; in && order && i < b->nloops; i++)
        order[i] = (LoopSize){i, loop_body(d, b->loops[i].header, in)};
    if (in && order) {
        qsort(order, (size_t)b->nloops, sizeof *order, larger_first);
        for (int i = 0; i < b->nloops; i++) {
            HlLoopInfo *loop = &b->loops[order[i].loop];
            loop->parent = b->bc[loop->header].loop;
            loop_body(d, loop->header, in);
            for (int32_t pc = 0; pc < b->n; pc++) {
                HlBc *bc = &b->bc[pc];
                if (!in[pc])
                    continue;
                bc->loop = order[i].loop;
                if (bc->line > 0 && (loop->line < 0 || bc->line < loop->line))
                    loop->line = bc->line;
            }
        }
    }
    int result = in && order ? 0 : -1;
    hl_mem_free(in);
    hl_mem_free(order);
    return result;
}

/* -- Lines and slots ----------------------------------------------------------------------------- */

static int decode_lines(Decoder *d)
{
    HlBytecode *b = d->b;
    /* One object for the name: CPython's cache of methods would keep every other one. */
    static PyObject *name;
    if (!name && !(name = PyUnicode_InternFromString("co_lines")))
        return -1;
    PyObject *lines = PyObject_CallMethodNoArgs((PyObject *)d->code, name);
    PyObject *row;
    while (lines && (row = PyIter_Next(lines))) {
        Py_ssize_t start = PyLong_AsSsize_t(PyTuple_GET_ITEM(row, 0));
        Py_ssize_t end = PyLong_AsSsize_t(PyTuple_GET_ITEM(row, 1));
        PyObject *line = PyTuple_GET_ITEM(row, 2);
        int32_t number = line == Py_None ? -1 : (int32_t)PyLong_AsLong(line);
        for (Py_ssize_t unit = start / 2; unit >= 0 && unit < end / 2 && unit < b->n; unit++)
            b->bc[unit].line = number;
        Py_DECREF(row);
    }
    Py_XDECREF(lines);
    if (PyErr_Occurred())
        return -1;
    for (int32_t pc = 0; pc < b->n;
         pc++) /* an instruction's line is its opcode's, as in tracebacks */
        if (b->bc[pc].op_unit > pc)
            b->bc[pc].line = b->bc[b->bc[pc].op_unit].line;
    return 0;
}

static int decode_slots(Decoder *d)
{
    HlBytecode *b = d->b;
    const char *kinds = PyBytes_AS_STRING(d->code->co_localspluskinds);
    b->nlocalsplus = d->code->co_nlocalsplus;
    b->nslots = b->nlocalsplus + d->code->co_stacksize;
    b->is_cell = hl_mem_alloc((size_t)b->nlocalsplus);
    for (int32_t i = 0; b->is_cell && i < b->nlocalsplus; i++)
        b->is_cell[i] = (kinds[i] & (CO_FAST_CELL | CO_FAST_FREE)) != 0;
    return b->is_cell ? 0 : -1;
}

static void forget_loops(HlBytecode *b)
{
    b->nloops = 0;
    for (int32_t pc = 0; pc < b->n; pc++) {
        b->bc[pc].flags &= HL_BCF_JOIN;
        b->bc[pc].loop = -1;
    }
}

/* -- All of it ----------------------------------------------------------------------------------- */

static int decode_all(Decoder *d, int32_t *oparg_at)
{
    decode_units(d, oparg_at);
    if (decode_handlers(d) < 0 || decode_flow(d, oparg_at) < 0 || decode_lines(d) < 0 ||
        decode_slots(d) < 0 || (!d->malformed && decode_loops(d) < 0))
        return -1;
    d->b->malformed = d->malformed;
    if (d->malformed)
        forget_loops(d->b);
    return 0;
}

HlBytecode *hl_hook_decode(PyCodeObject *code)
{
    Decoder d = {.code = code, .b = hl_mem_alloc(sizeof *d.b)};
    size_t n = (size_t)Py_SIZE(code);
    if (!d.b)
        return (HlBytecode *)PyErr_NoMemory();
    d.b->n = (int32_t)n;
    d.b->bc = hl_mem_alloc(n * sizeof *d.b->bc);
    d.opcode = hl_mem_alloc(n);
    d.into = hl_mem_alloc(n * sizeof *d.into);
    d.work = hl_mem_alloc((n + 1) * sizeof *d.work);
    int32_t *oparg_at = hl_mem_alloc(n * sizeof *oparg_at);
    int result = -1;
    if (d.b->bc && d.opcode && d.into && d.work && oparg_at) {
        for (size_t i = 0; i < n; i++)
            d.into[i] = -1;
        result = decode_all(&d, oparg_at);
    }
    hl_mem_free(d.opcode);
    hl_mem_free(d.handlers);
    hl_mem_free(d.edges);
    hl_mem_free(d.into);
    hl_mem_free(d.work);
    hl_mem_free(oparg_at);
    if (result < 0) {
        hl_bytecode_free(d.b);
        return PyErr_Occurred() ? NULL : (HlBytecode *)PyErr_NoMemory();
    }
    return d.b;
}
