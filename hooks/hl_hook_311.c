/* hl_hook_311.c - CPython 3.11: frames as src/ sees them, clones, and the objects whose layout is
 * CPython's own. hl_frame_311.h says how a clone leaves the evaluator. */
#define PY_SSIZE_T_CLEAN
#define Py_BUILD_CORE
#include <Python.h>
#include <internal/pycore_opcode.h>

#include "hl_hook_int.h"
#include "../src/hl_mem.h"

/* -- Frames -------------------------------------------------------------------------------------- */

bool hl_frame_calls(PyThreadState *ts, PyObject *callable, PyObject *const *args)
{
    HlFrame *f = thread_frame(ts);
    if (!f || !args)
        return false;
    PyObject **stack = _PyFrame_Stackbase(f);
    return args > stack && args <= stack + f->f_code->co_stacksize && args[-1] == callable;
}

PyObject **hl_frame_slots(HlFrame *f)
{
    return f->localsplus;
}

int32_t hl_frame_depth(const HlFrame *f)
{
    return f->stacktop - f->f_code->co_nlocalsplus;
}

void hl_frame_set_depth(HlFrame *f, int32_t depth)
{
    f->stacktop = f->f_code->co_nlocalsplus + depth;
}

int32_t hl_frame_pc(const HlFrame *f)
{
    return frame_pc(f);
}

void hl_frame_set_pc(HlFrame *f, int32_t pc)
{
    frame_set_pc(f, pc);
}

PyObject *hl_frame_globals(const HlFrame *f)
{
    return f->f_globals;
}

PyObject *hl_frame_builtins(const HlFrame *f)
{
    return f->f_builtins;
}

PyFunctionObject *hl_frame_func(const HlFrame *f)
{
    return frame_func(f);
}

void hl_frame_bind_free(HlFrame *f)
{
    const PyCodeObject *co = f->f_code;
    PyObject **slot = &f->localsplus[co->co_nlocalsplus - co->co_nfreevars];
    for (int i = 0; i < co->co_nfreevars; i++)
        slot[i] = Py_NewRef(PyTuple_GET_ITEM(f->f_func->func_closure, i));
}

void hl_frame_begin(HlFrame *f)
{
    if (_Py_OPCODE(*_PyCode_CODE(f->f_code)) == COPY_FREE_VARS) {
        hl_frame_bind_free(f);
        frame_set_pc(f, 1);
    }
}

/* The token of a linked frame. */
typedef struct Link {
    _PyCFrame cframe;
    PyThreadState *ts;
} Link;
HL_STATIC_ASSERT(sizeof(Link) <= sizeof(HlFrameLink), "a link does not fit its token");

void hl_frame_at(HlFrame *f, int32_t pc)
{
    _Py_CODEUNIT *unit = _PyCode_CODE(f->f_code) + pc;
    while (_Py_OPCODE(*unit) == EXTENDED_ARG || _Py_OPCODE(*unit) == EXTENDED_ARG_QUICK)
        unit++;
    f->prev_instr = unit;
}

void hl_frame_enter(HlFrame *f, HlCode *code, HlFrameLink *link)
{
    Link *l = (Link *)link;
    int32_t pc = frame_pc(f);
    frame_move(f, code->orig);
    hl_frame_at(f, pc);
    l->ts = PyThreadState_Get();
    l->cframe.use_tracing = l->ts->cframe->use_tracing;
    l->cframe.previous = l->ts->cframe;
    l->cframe.current_frame = f;
    f->previous = l->ts->cframe->current_frame;
    l->ts->cframe = &l->cframe;
}

void hl_frame_leave(HlFrame *f, HlCode *code, HlFrameLink *link)
{
    Link *l = (Link *)link;
    int32_t unit = (int32_t)(f->prev_instr - _PyCode_CODE(f->f_code));
    int32_t pc = unit;
    while (pc > 0 && code->bytecode->bc[pc].op_unit != unit)
        pc--;
    frame_set_pc(f, pc);
    l->ts->cframe = l->cframe.previous;
    l->ts->cframe->use_tracing = l->cframe.use_tracing;
    if (code->hot)
        frame_move(f, code->hot);
}

/* -- Threads -------------------------------------------------------------------------------------- */

void hl_thread_report(PyThreadState *ts, bool events)
{
    ts->cframe->use_tracing = events && !ts->tracing ? 255 : 0;
}

const volatile int *hl_eval_breaker(void)
{
    return (const volatile int *)&PyInterpreterState_Main()->ceval.eval_breaker._value;
}

/* -- Clones -------------------------------------------------------------------------------------- */

static int edges_make(HlCode *code)
{
    const HlBytecode *b = code->bytecode;
    size_t n = 0;
    for (int32_t pc = 0; pc < b->n; pc++)
        n += (b->bc[pc].flags & HL_BCF_BACKEDGE) != 0;
    size_t head = sizeof(HlEdges) + n * sizeof(HlEdge);
    size_t steps = (size_t)b->n * sizeof(PyCodeObject *);
    HlEdges *edges = hl_mem_alloc(head + steps + (size_t)b->n * sizeof *edges->at);
    if (!edges) {
        PyErr_NoMemory();
        return -1;
    }
    edges->step = (PyCodeObject **)((char *)edges + head);
    edges->at = (int32_t *)((char *)edges + head + steps);
    for (int32_t pc = 0; pc < b->n; pc++)
        edges->at[pc] = -1;
    for (int32_t pc = 0; pc < b->n; pc++) {
        const HlBc *bc = &b->bc[pc];
        if (!(bc->flags & HL_BCF_BACKEDGE))
            continue;
        edges->at[bc->op_unit] = edges->n;
        edges->edge[edges->n++] = (HlEdge){
            .pc = pc,
            .unit = bc->op_unit,
            .target = bc->target,
            .next = bc->next,
            .loop = hl_bc_loop_at(b, bc->target),
            .condition = bc->op == HL_BC_POP_JUMP_IF ? (int8_t)bc->arg : -1,
        };
    }
    code->hook = edges;
    return 0;
}

/* A copy, unspecialised. Not code.replace(), which tells audit hooks. */
static PyCodeObject *clone_make(PyCodeObject *co)
{
    PyObject *units = PyCode_GetCode(co), *locals = PyCode_GetVarnames(co);
    PyObject *cells = PyCode_GetCellvars(co), *frees = PyCode_GetFreevars(co);
    PyCodeObject *clone = NULL;
    if (units && locals && cells && frees)
        clone = PyCode_NewWithPosOnlyArgs(
            co->co_argcount, co->co_posonlyargcount, co->co_kwonlyargcount, co->co_nlocals,
            co->co_stacksize, co->co_flags, units, co->co_consts, co->co_names, locals, frees,
            cells, co->co_filename, co->co_name, co->co_qualname, co->co_firstlineno,
            co->co_linetable, co->co_exceptiontable);
    Py_XDECREF(units);
    Py_XDECREF(locals);
    Py_XDECREF(cells);
    Py_XDECREF(frees);
    if (clone && (clone->co_nlocalsplus != co->co_nlocalsplus || Py_SIZE(clone) != Py_SIZE(co) ||
                  clone->co_stacksize != co->co_stacksize)) {
        Py_CLEAR(clone);
        PyErr_SetString(PyExc_SystemError, "hotloop: a copy of a code object has another layout");
    }
    return clone;
}

/* Its own instructions are never evaluated. */
PyObject *hl_blank_make(PyCodeObject *co)
{
    static const char units[] = {(char)RESUME, 0, (char)LOAD_CONST, 0, (char)RETURN_VALUE, 0};
    PyObject *bytes = PyBytes_FromStringAndSize(units, sizeof units);
    PyObject *consts = PyTuple_Pack(1, Py_None), *none = PyTuple_New(0);
    PyObject *table = PyBytes_FromStringAndSize(NULL, 0), *globals = PyDict_New(), *func = NULL;
    if (bytes && consts && none && table && globals) {
        PyCodeObject *blank = PyCode_NewWithPosOnlyArgs(
            0, 0, 0, co->co_nlocalsplus, co->co_stacksize, CO_OPTIMIZED | CO_NEWLOCALS, bytes,
            consts, none, co->co_localsplusnames, none, none, co->co_filename, co->co_name,
            co->co_qualname, co->co_firstlineno, table, table);
        func = blank ? PyFunction_New((PyObject *)blank, globals) : NULL;
        Py_XDECREF(blank);
    }
    Py_XDECREF(bytes);
    Py_XDECREF(consts);
    Py_XDECREF(none);
    Py_XDECREF(table);
    Py_XDECREF(globals);
    return func;
}

int hl_hook_make_clones(HlCode *code)
{
    if (!code->hook && edges_make(code) < 0)
        return -1;
    PyCodeObject *hot = clone_make(code->orig);
    PyCodeObject *serve = clone_make(code->orig);
    if (!hot || !serve) {
        Py_XDECREF(hot);
        Py_XDECREF(serve);
        return -1;
    }
    const HlEdges *edges = code->hook;
    for (int32_t i = 0; i < edges->n; i++)
        if (code->loops[edges->edge[i].loop].state != HL_LOOP_GIVEN_UP)
            _Py_SET_OPCODE(_PyCode_CODE(hot)[edges->edge[i].unit], RETURN_VALUE);
    for (int32_t i = 0; i < code->bytecode->nloops; i++)
        _Py_SET_OPCODE(_PyCode_CODE(serve)[code->bytecode->loops[i].header], RETURN_VALUE);
    hot->co_warmup = -1; /* its first RESUME quickens it: the jumps that count are gone */
    Py_XSETREF(code->hot, hot);
    Py_XSETREF(code->serve, serve);
    return 0;
}

/* What CPython's quickening does, which begins at a RESUME or a loop's jump: a step meets neither. Only
 * instructions that specialise themselves; none is fused with its successor, so that a clone may be
 * entered anywhere. */
static void clone_quicken(PyCodeObject *clone)
{
    static const uint8_t adaptive[256] = {
        [BINARY_OP] = BINARY_OP_ADAPTIVE,
        [BINARY_SUBSCR] = BINARY_SUBSCR_ADAPTIVE,
        [CALL] = CALL_ADAPTIVE,
        [COMPARE_OP] = COMPARE_OP_ADAPTIVE,
        [LOAD_ATTR] = LOAD_ATTR_ADAPTIVE,
        [LOAD_GLOBAL] = LOAD_GLOBAL_ADAPTIVE,
        [LOAD_METHOD] = LOAD_METHOD_ADAPTIVE,
        [PRECALL] = PRECALL_ADAPTIVE,
        [STORE_ATTR] = STORE_ATTR_ADAPTIVE,
        [STORE_SUBSCR] = STORE_SUBSCR_ADAPTIVE,
        [UNPACK_SEQUENCE] = UNPACK_SEQUENCE_ADAPTIVE,
    };
    _Py_CODEUNIT *units = _PyCode_CODE(clone);
    for (Py_ssize_t i = 0; i < Py_SIZE(clone); i++) {
        int opcode = _Py_OPCODE(units[i]);
        if (adaptive[opcode])
            _Py_SET_OPCODE(units[i], adaptive[opcode]);
        i += _PyOpcode_Caches[opcode];
    }
    clone->co_warmup = 0; /* done: never again */
}

/* Patched before it is quickened, as a specialised comparison swallows a jump behind it that is one. */
PyCodeObject *hl_step_clone(HlCode *code, int32_t pc)
{
    HlEdges *edges = code->hook;
    if (!code->hot || code->bytecode->bc[pc].op == HL_BC_RETURN_VALUE)
        return NULL;
    if (edges->step[pc])
        return edges->step[pc];
    PyCodeObject *clone = clone_make(code->orig);
    if (!clone) {
        PyErr_Clear();
        return NULL;
    }
    for (int32_t i = 0; i < edges->n; i++)
        _Py_SET_OPCODE(_PyCode_CODE(clone)[edges->edge[i].unit], RETURN_VALUE);
    _Py_SET_OPCODE(_PyCode_CODE(clone)[code->bytecode->bc[pc].op_unit], RETURN_VALUE);
    clone_quicken(clone);
    return edges->step[pc] = clone;
}

static void clone_restore(PyCodeObject *clone, PyCodeObject *orig, int32_t unit)
{
    int opcode = _PyOpcode_Deopt[_Py_OPCODE(_PyCode_CODE(orig)[unit])];
    _Py_SET_OPCODE(_PyCode_CODE(clone)[unit], opcode);
}

void hl_hook_unpatch(HlCode *code, int loop)
{
    const HlEdges *edges = code->hook;
    for (int32_t i = 0; code->hot && i < edges->n; i++)
        if (edges->edge[i].loop == loop)
            clone_restore(code->hot, code->orig, edges->edge[i].unit);
    if (code->nlive == 0)
        hl_clones_retire(code);
}

void hl_clones_retire(HlCode *code)
{
    const HlEdges *edges = code->hook;
    for (int32_t i = 0; code->hot && i < edges->n; i++)
        clone_restore(code->hot, code->orig, edges->edge[i].unit);
    for (int32_t i = 0; code->serve && i < code->bytecode->nloops; i++)
        clone_restore(code->serve, code->orig, code->bytecode->loops[i].header);
    for (int32_t pc = 0; edges && pc < code->bytecode->n; pc++) {
        PyCodeObject *clone = edges->step[pc];
        for (int32_t i = 0; clone && i < edges->n; i++)
            clone_restore(clone, code->orig, edges->edge[i].unit);
        if (clone)
            clone_restore(clone, code->orig, code->bytecode->bc[pc].op_unit);
        Py_CLEAR(edges->step[pc]);
    }
    Py_CLEAR(code->hot);
    Py_CLEAR(code->serve);
}

void hl_hook_free(HlCode *code)
{
    HlEdges *edges = code->hook;
    for (int32_t pc = 0; edges && pc < code->bytecode->n; pc++)
        Py_XDECREF(edges->step[pc]);
    Py_XDECREF(code->hot);
    Py_XDECREF(code->serve);
    hl_mem_free(edges);
}

static bool clone_is_of(const HlCode *code, const PyCodeObject *co)
{
    const HlEdges *edges = code->hook;
    if (!code->hot || co->co_linetable != code->orig->co_linetable)
        return false;
    for (int32_t pc = 0; edges && pc < code->bytecode->n; pc++)
        if (edges->step[pc] == co)
            return true;
    return co == code->hot || co == code->serve;
}

void hl_clones_retire_running(PyThreadState *ts)
{
    for (HlFrame *f = ts->cframe->current_frame; f; f = f->previous)
        for (HlCode *code = hl_code_first(); code; code = code->next)
            if (clone_is_of(code, f->f_code))
                hl_clones_retire(code);
}

/* -- Objects ------------------------------------------------------------------------------------- */

/* As in Objects/rangeobject.c, where it is private; checked at start. */
typedef struct RangeIter {
    PyObject_HEAD long index, start, step, len;
} RangeIter;

bool hl_range_check(PyObject *o)
{
    return Py_IS_TYPE(o, &PyRangeIter_Type);
}

static int64_t range_item(const RangeIter *r, long index)
{
    return (int64_t)((uint64_t)r->start + (uint64_t)index * (uint64_t)r->step);
}

void hl_range_get(PyObject *o, int64_t *next, int64_t *step, int64_t *left)
{
    const RangeIter *r = (const RangeIter *)o;
    *next = range_item(r, r->index);
    *step = r->step;
    *left = r->len - r->index;
}

/* Where it is possible only the index moves, so that __reduce__ and __setstate__ of the iterator say
 * what they would have said. */
void hl_range_set(PyObject *o, int64_t next, int64_t step, int64_t left)
{
    RangeIter *r = (RangeIter *)o;
    long index = r->len - left;
    if (step == r->step && index >= 0 && range_item(r, index) == next) {
        r->index = index;
        return;
    }
    r->index = 0;
    r->start = next;
    r->step = step;
    r->len = left;
}

PyObject *hl_range_new(int64_t next, int64_t step, int64_t left)
{
    RangeIter *r = PyObject_New(RangeIter, &PyRangeIter_Type);
    if (r) {
        r->index = 0;
        r->start = next;
        r->step = step;
        r->len = left;
    }
    return (PyObject *)r;
}

uint64_t hl_dict_version(PyObject *dict)
{
    return ((PyDictObject *)dict)->ma_version_tag;
}

int hl_long_unbox(PyObject *o, int64_t *out)
{
    const PyLongObject *v = (const PyLongObject *)o;
    Py_ssize_t size = Py_SIZE(v), digits = size < 0 ? -size : size;
    if (digits > 3)
        return 0;
    uint64_t value = 0;
    for (Py_ssize_t i = digits; i-- > 0;) {
        if (value >> (64 - PyLong_SHIFT))
            return 0;
        value = value << PyLong_SHIFT | v->ob_digit[i];
    }
    if (value > (uint64_t)INT64_MAX + (size < 0))
        return 0;
    *out = size < 0 ? (int64_t)(0 - value) : (int64_t)value;
    return 1;
}

bool hl_long_is(PyObject *o, int64_t v)
{
    const PyLongObject *l = (const PyLongObject *)o;
    uint64_t abs = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    int64_t have;
    if (Py_SIZE(l) && l->ob_digit[0] != (digit)(abs & PyLong_MASK))
        return false;
    return hl_long_unbox(o, &have) && have == v;
}

int hl_long_overwrite(PyObject *o, int64_t value)
{
    HL_STATIC_ASSERT(_PY_NSMALLNEGINTS == 5 && _PY_NSMALLPOSINTS == 257, "other shared ints");
    PyLongObject *v = (PyLongObject *)o;
    uint64_t abs = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    Py_ssize_t size = Py_SIZE(v), digits = size < 0 ? -size : size;
    Py_ssize_t need = abs >> PyLong_SHIFT == 0 ? 1 : abs >> (2 * PyLong_SHIFT) == 0 ? 2 : 3;
    if (hl_long_shared(value) || need != digits)
        return 0;
    for (Py_ssize_t i = 0; i < digits; i++, abs >>= PyLong_SHIFT)
        v->ob_digit[i] = (digit)(abs & PyLong_MASK);
    Py_SET_SIZE(v, value < 0 ? -digits : digits);
    return 1;
}

int32_t hl_long_digits_offset(void)
{
    HL_STATIC_ASSERT(PyLong_SHIFT == 30 && sizeof(digit) == 4, "ints have digits of 30 bits");
    return offsetof(PyLongObject, ob_digit);
}

/* -- Start --------------------------------------------------------------------------------------- */

static int refuse(const char *what)
{
    PyErr_Format(PyExc_ImportError, "this CPython %.20s differs from %s: %s", Py_GetVersion(),
                 PY_VERSION, what);
    return -1;
}

static int probe_range(void)
{
    PyObject *range = PyObject_CallFunction((PyObject *)&PyRange_Type, "iii", 10, 100, 7);
    PyObject *it = range ? PyObject_GetIter(range) : NULL;
    PyObject *first = it ? PyIter_Next(it) : NULL;
    int64_t next = 0, step = 0, left = 0;
    if (first && hl_range_check(it) && Py_TYPE(it)->tp_basicsize == sizeof(RangeIter))
        hl_range_get(it, &next, &step, &left);
    Py_XDECREF(first);
    Py_XDECREF(it);
    Py_XDECREF(range);
    if (PyErr_Occurred())
        return -1;
    return next == 17 && step == 7 && left == 12 ? 0 : refuse("range iterators");
}

static PyObject *probe_function(PyThreadState *ts, HlFrame *f, int throwflag)
{
    return _PyEval_EvalFrameDefault(ts, f, throwflag);
}

static int probe_interp(void)
{
    PyInterpreterState *interp = PyInterpreterState_Get();
    _PyFrameEvalFunction before = _PyInterpreterState_GetEvalFrameFunc(interp);
    _PyInterpreterState_SetEvalFrameFunc(interp, probe_function);
    bool found = interp->eval_frame == probe_function;
    _PyInterpreterState_SetEvalFrameFunc(interp, before);
    return found ? 0 : refuse("the interpreter's state");
}

int hl_version_init(void)
{
#if defined(Py_DEBUG)
    return refuse("debug builds check that no frame leaves the evaluator in a loop");
#else
    if ((Py_Version >> 16) != (PY_VERSION_HEX >> 16))
        return refuse("another minor version");
    return probe_interp() < 0 ? -1 : probe_range();
#endif
}
