/* hl_inline.c - makes the frames of inlined calls and runs them.
 *
 * The frames nest on the C stack as the calls do: CPython pushes a frame and gives it to
 * inlined_arrived, which has the frames that it called made and run, puts their value on its stack, and
 * runs what is left of it. A caller stands at the last unit of its call instruction meanwhile, with the
 * operands gone, as CPython has it. Running them runs Python code, so nothing of the region but its
 * table of inlined calls, which only grows, is looked at afterwards. */
#include "hl_inline.h"

/* What is inlined has the fastmath of the region, and is interpreted without. */
HlCode *hl_inlined_code(HlRegion *r, int32_t inlined)
{
    return hl_code_peek((PyCodeObject *)r->objects[r->ir->inlines[inlined].code], 0);
}

/* Which call the frame of `caller` (-1: the region's own) has made. */
static int32_t called_by(const HlInlined *in, int32_t caller)
{
    const HlInline *calls = in->r->ir->inlines;
    int32_t i = in->inlined;
    while (calls[i].parent != caller)
        i = calls[i].parent;
    return i;
}

static PyObject *inlined_arrived(void *arg, HlFrame *f);

static PyObject *inlined_push(HlInlined *in, int32_t call)
{
    PyObject *func = in->values[in->r->ir->inlines[call].base - in->first];
    in->next = call;
    hl_recursion_take(1); /* the caller's */
    PyObject *value = hl_hook_push_run((PyFunctionObject *)func, hl_inlined_code(in->r, call),
                                       inlined_arrived, in);
    hl_recursion_take(-1);
    return value;
}

/* Runs what the frame, off the chain, has called. */
static bool inlined_enter(HlInlined *in, HlFrame *f, HlCode *code, int32_t call)
{
    int32_t next = code->bytecode->bc[in->r->ir->inlines[call].pc].next;
    HlFrameLink link;
    hl_frame_set_pc(f, next - 1);
    hl_frame_enter(f, code, &link);
    PyObject *value = inlined_push(in, call);
    hl_frame_leave(f, code, &link);
    if (!value) {
        hl_frame_set_pc(f, next - 1);
        return false;
    }
    int32_t depth = hl_frame_depth(f);
    hl_frame_slots(f)[code->bytecode->nlocalsplus + depth] = value;
    hl_frame_set_depth(f, depth + 1);
    hl_frame_set_pc(f, next);
    return true;
}

static PyObject *inlined_arrived(void *arg, HlFrame *f)
{
    HlInlined *in = arg;
    int32_t index = in->next;
    bool top = index == in->inlined, raised = false;
    HlCode *code = hl_inlined_code(in->r, index);
    const HlBytecode *b = code->bytecode;
    int32_t callee = top ? -1 : called_by(in, index);
    int32_t base = in->r->ir->inlines[index].base;
    int32_t n = (top ? in->first + in->n : in->r->ir->inlines[callee].base) - base - 1;
    PyObject **slots = hl_frame_slots(f), **values = &in->values[base - in->first];
    Py_CLEAR(*values); /* the frame has the function now */
    values++;
    for (int32_t i = 0; i < n; i++) {
        if (i < b->nlocalsplus && b->is_cell[i])
            continue;
        slots[i] = values[i];
        values[i] = NULL;
    }
    hl_frame_bind_free(f);
    hl_frame_set_depth(f, n - b->nlocalsplus);
    hl_frame_set_pc(f, in->pc);
    if (!top)
        raised = !inlined_enter(in, f, code, callee);
    return in->run ? in->run(in->arg, f, code, index, raised) : hl_hook_finish(f, code, raised);
}

PyObject *hl_inlined_call(HlInlined *in)
{
    return inlined_push(in, called_by(in, -1));
}

HlGo hl_inlined_finish(HlInlined *in, HlFrame *f)
{
    bool returned = inlined_enter(in, f, in->r->code, called_by(in, -1));
    hl_inlined_free(in);
    return returned ? HL_GO_ON : HL_GO_RAISED;
}

void hl_inlined_free(HlInlined *in)
{
    for (int32_t i = 0; i < in->n; i++)
        Py_CLEAR(in->values[i]);
}
