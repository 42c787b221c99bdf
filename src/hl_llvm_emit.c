/* hl_llvm_emit.c - region to LLVM IR.
 *
 * Every block of the region becomes an LLVM block with phis for its parameters, split where a guard
 * branches away. A guard's branch goes to the block that continues its exit, or to the exit's own
 * cold block, which stores the values that the exit's plan wants (or joins others that do) and goes to
 * `leave`, where the iteration counters are added and the exit's index is returned.
 *
 * Undefined behaviour is never relied on beyond what an earlier guard excludes, and fast-math
 * flags are set only where the user asked for them (hl_llvm_fast.c): what the optimiser does to this IR
 * cannot change another result. Array items are told
 * from object headers and from in/out/counts by TBAA; items of all dtypes are one class, because
 * arrays of different dtypes may share memory. Headers cannot change while machine code runs, so their
 * loads are invariant. Only in a region with STEPs, in which Python runs, they are not: there a step is
 * a call that may read and write everything, and nothing is promised about other memory. */
#include <stdio.h>
#include <string.h>

#include "hl_llvm_int.h"
#include "hl_mem.h"

/* --- small parts ------------------------------------------------------------------------------ */

Val hl_llvm_int(HlEmitter *e, int64_t i)
{
    return LLVMConstInt(e->i64, (uint64_t)i, false);
}

Val hl_llvm_ptr(HlEmitter *e, const void *p)
{
    return LLVMConstIntToPtr(hl_llvm_int(e, (int64_t)(intptr_t)p), e->ptr);
}

/* By bits, so that every NaN arrives as it is. */
Val hl_llvm_float(HlEmitter *e, double f)
{
    int64_t bits;
    memcpy(&bits, &f, sizeof bits);
    return LLVMConstBitCast(hl_llvm_int(e, bits), e->f64);
}

bool hl_llvm_is_int(Val v, int64_t *out)
{
    if (!LLVMIsAConstantInt(v))
        return false;
    *out = LLVMConstIntGetSExtValue(v);
    return true;
}

static LLVMTypeRef repr_type(HlEmitter *e, HlRepr r)
{
    switch (r) {
    case HL_REPR_PTR: return e->ptr;
    case HL_REPR_I1: return e->i1;
    case HL_REPR_I64: return e->i64;
    case HL_REPR_F64: return e->f64;
    case HL_REPR_NONE: break;
    }
    return NULL;
}

static Bb new_block(HlEmitter *e, const char *name)
{
    return LLVMAppendBasicBlockInContext(e->ctx, e->fn, name);
}

/* A block that follows the current one in the text, so that hot code reads from top to bottom. */
Bb hl_llvm_next_block(HlEmitter *e, const char *name)
{
    Bb bb = new_block(e, name);
    LLVMMoveBasicBlockAfter(bb, LLVMGetInsertBlock(e->b));
    return bb;
}

void hl_llvm_at(HlEmitter *e, Bb bb)
{
    LLVMPositionBuilderAtEnd(e->b, bb);
}

static void add_attr(HlEmitter *e, Val fn, LLVMAttributeIndex where, const char *name,
                     uint64_t value)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddAttributeAtIndex(fn, where, LLVMCreateEnumAttribute(e->ctx, kind, value));
}

Val hl_llvm_tag(HlEmitter *e, Val access, Val tbaa)
{
    LLVMSetMetadata(access, e->k_tbaa, tbaa);
    return access;
}

Val hl_llvm_field(HlEmitter *e, Val object, int64_t offset)
{
    Val off = hl_llvm_int(e, offset);
    return LLVMBuildInBoundsGEP2(e->b, e->i8, object, &off, 1, "");
}

/* Loads a field of an object header; invariant while machine code runs, if Python does not. */
Val hl_llvm_header(HlEmitter *e, LLVMTypeRef type, Val object, int64_t offset)
{
    Val field = hl_llvm_field(e, object, offset);
    Val load = hl_llvm_tag(e, LLVMBuildLoad2(e->b, type, field, ""), e->tbaa_header);
    if (!e->calls)
        LLVMSetMetadata(load, e->k_invariant, LLVMMDNodeInContext(e->ctx, NULL, 0));
    return load;
}

/* Goes to the start of the function; where it was. */
static Bb at_entry(HlEmitter *e)
{
    Bb here = LLVMGetInsertBlock(e->b), entry = LLVMGetEntryBasicBlock(e->fn);
    Val before = LLVMGetFirstInstruction(entry);
    if (before)
        LLVMPositionBuilderBefore(e->b, before);
    else
        hl_llvm_at(e, entry);
    return here;
}

Val hl_llvm_slot(HlEmitter *e, LLVMTypeRef type, const char *name)
{
    Bb here = at_entry(e);
    Val slot = LLVMBuildAlloca(e->b, type, name);
    LLVMBuildStore(e->b, LLVMConstNull(type), slot);
    hl_llvm_at(e, here);
    return slot;
}

Val hl_llvm_buffer(HlEmitter *e, int64_t bytes)
{
    if (bytes == HL_STRIP_BUFFER && e->buffer)
        return e->buffer;
    Bb here = at_entry(e);
    Val buffer = LLVMBuildAlloca(e->b, LLVMArrayType2(e->i8, (uint64_t)bytes), "buffer");
    LLVMSetAlignment(buffer, 64);
    hl_llvm_at(e, here);
    if (bytes == HL_STRIP_BUFFER)
        e->buffer = buffer;
    return buffer;
}

Val hl_llvm_writeable(HlEmitter *e, Val array)
{
    Val flags = hl_llvm_header(e, e->i32, array, e->env->off_arr_flags);
    Val bit = LLVMConstInt(e->i32, (unsigned)e->env->arr_writeable, false);
    Val set = LLVMBuildAnd(e->b, flags, bit, "");
    return LLVMBuildICmp(e->b, LLVMIntNE, set, LLVMConstNull(e->i32), "");
}

void hl_llvm_count(HlEmitter *e, int64_t loop, Val n)
{
    if (!e->counter[loop])
        e->counter[loop] = hl_llvm_slot(e, e->i64, "iterations");
    Val old = LLVMBuildLoad2(e->b, e->i64, e->counter[loop], "");
    LLVMBuildStore(e->b, LLVMBuildAdd(e->b, old, n, ""), e->counter[loop]);
}

static Val word_at(HlEmitter *e, Val words, int32_t index)
{
    Val i = hl_llvm_int(e, index);
    return LLVMBuildInBoundsGEP2(e->b, e->i64, words, &i, 1, "");
}

/* --- calls ------------------------------------------------------------------------------------ */

Val hl_llvm_intrinsic(HlEmitter *e, const char *name, LLVMTypeRef type, Val *args, unsigned nargs)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    size_t ntypes = LLVMIntrinsicIsOverloaded(id) ? 1 : 0;
    Val fn = LLVMGetIntrinsicDeclaration(e->mod, id, &type, ntypes);
    LLVMTypeRef fn_type = LLVMIntrinsicGetType(e->ctx, id, &type, ntypes);
    return LLVMBuildCall2(e->b, fn_type, fn, args, nargs, "");
}

Val hl_llvm_fabs(HlEmitter *e, Val x)
{
    return hl_llvm_intrinsic(e, "llvm.fabs", e->f64, &x, 1);
}

/* Not "nonlazybind": JITLink turns a call through the GOT into a direct one to a wrong place when the
 * function is below 4 GB, as libm's seem to be in an executable that is not position independent. */
Val hl_llvm_declare(HlEmitter *e, const char *name, LLVMTypeRef type)
{
    Val fn = LLVMGetNamedFunction(e->mod, name);
    if (!fn) {
        fn = LLVMAddFunction(e->mod, name, type);
        add_attr(e, fn, LLVMAttributeFunctionIndex, "nounwind", 0);
        add_attr(e, fn, LLVMAttributeFunctionIndex, "willreturn", 0);
        add_attr(e, fn, LLVMAttributeFunctionIndex, "nocallback", 0);
        add_attr(e, fn, LLVMAttributeFunctionIndex, "memory", 0);
    }
    return fn;
}

/* Calls a function of hl_llvm_rt.c. */
static Val call_rt_typed(HlEmitter *e, const char *name, LLVMTypeRef type, Val *args,
                         unsigned nargs)
{
    return LLVMBuildCall2(e->b, type, hl_llvm_declare(e, name, type), args, nargs, "");
}

Val hl_llvm_call_rt(HlEmitter *e, const char *name, LLVMTypeRef res, LLVMTypeRef arg, Val *args,
                    unsigned nargs)
{
    LLVMTypeRef params[3] = {arg, arg, arg};
    return call_rt_typed(e, name, LLVMFunctionType(res, params, nargs, false), args, nargs);
}

/* A ufunc's loop for one item. The region holds the ufunc. */
static Val call_ufunc(HlEmitter *e, const HlIns *ins, Val *operands, unsigned n)
{
    static const char *const names[2][2] = {{"rt.ufunc1", "rt.ufunc2"},
                                            {"rt.ufunc1_32", "rt.ufunc2_32"}};
    void *ufunc = e->env->objects[e->ir->ins[ins->a[0]].imm.i];
    HlUfuncLoop loop = {0};
    e->env->ufunc_loop(ufunc, ins->aux, (int)n, &loop);
    void *run;
    memcpy(&run, &loop.run, sizeof run);
    Val args[4] = {hl_llvm_ptr(e, run), hl_llvm_ptr(e, loop.data), operands[0], operands[1]};
    LLVMTypeRef types[4] = {e->ptr, e->ptr, e->f64, e->f64};
    return call_rt_typed(e, names[ins->aux == HL_D_F32][n - 1],
                         LLVMFunctionType(e->f64, types, n + 2, false), args, n + 2);
}

static void mark_call(HlEmitter *e, Val call, const char *name, uint64_t value)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex,
                             LLVMCreateEnumAttribute(e->ctx, kind, value));
}

/* Calls a function of the environment, by its address; it runs no Python code. */
Val hl_llvm_call(HlEmitter *e, void *fn, LLVMTypeRef res, LLVMTypeRef *params, Val *args,
                 unsigned nargs)
{
    LLVMTypeRef type = LLVMFunctionType(res, params, nargs, false);
    Val call = LLVMBuildCall2(e->b, type, hl_llvm_ptr(e, fn), args, nargs, "");
    mark_call(e, call, "nounwind", 0);
    mark_call(e, call, "willreturn", 0);
    mark_call(e, call, "nocallback", 0);
    return call;
}

/* The same for what only looks at things that do not change while machine code runs, so that its
 * result is a function of its operands; with STEPs, of memory too. */
static Val call_pure(HlEmitter *e, void *fn, LLVMTypeRef res, LLVMTypeRef *params, Val *args,
                     unsigned nargs)
{
    Val call = hl_llvm_call(e, fn, res, params, args, nargs);
    /* LLVM's MemoryEffects: two bits each for arguments' memory, inaccessible, and other memory. */
    enum { READ_ALL = 1 | 1 << 2 | 1 << 4 };
    mark_call(e, call, "memory", e->calls ? READ_ALL : 0);
    return call;
}

/* --- guards and exits ------------------------------------------------------------------------- */

Bb hl_llvm_exit_block(HlEmitter *e, int32_t exit)
{
    int32_t target = e->ir->exits[exit].target;
    if (target >= 0)
        return e->first[target];
    if (!e->exit[exit]) {
        char name[24];
        snprintf(name, sizeof name, "exit%d", exit);
        e->exit[exit] = new_block(e, name);
    }
    return e->exit[exit];
}

Val hl_llvm_branch(HlEmitter *e, Val cond, Bb yes, Bb no, bool likely)
{
    Val br = LLVMBuildCondBr(e->b, cond, yes, no);
    if (likely)
        LLVMSetMetadata(br, e->k_prof, e->likely);
    return br;
}

/* Is this guard known to hold, or implied by another, in the strip being emitted? */
bool hl_llvm_checked_elsewhere(HlEmitter *e, const HlIns *ins)
{
    return e->pass && e->pass->done[ins - e->ir->ins];
}

/* Goes on in a new block when ok, leaves through the exit otherwise. An exit that was recorded on
 * is as good a way as the other, so only those that leave machine code are marked as rare. */
void hl_llvm_guard(HlEmitter *e, const HlIns *ins, Val ok)
{
    if (hl_llvm_checked_elsewhere(e, ins))
        return;
    if (e->pass) {
        e->pass->fail = LLVMBuildOr(e->b, e->pass->fail, LLVMBuildNot(e->b, ok, ""), "");
        return;
    }
    Bb next = hl_llvm_next_block(e, "");
    hl_llvm_branch(e, ok, next, hl_llvm_fp_leave(e, ins->exit), e->ir->exits[ins->exit].target < 0);
    hl_llvm_at(e, next);
}

/* The common end of all exits, made by the first one. */
static void make_leave(HlEmitter *e)
{
    if (e->leave)
        return;
    Bb here = LLVMGetInsertBlock(e->b);
    e->leave = new_block(e, "leave");
    hl_llvm_at(e, e->leave);
    e->leave_exit = LLVMBuildPhi(e->b, e->i64, "exit");
    hl_llvm_at(e, here);
}

/* A cold block that stores the live values of one exit, and of those that want nearly the same. */
typedef struct ExitGroup {
    int32_t exit; /* the first one */
    Bb block;
    Val index;  /* phi: which exit it is */
    Val *value; /* phis where the exits' values differ, NULL elsewhere */
    bool *differs;
} ExitGroup;

/* A live value as the word that is stored. */
static Val exit_word(HlEmitter *e, HlRef r)
{
    Val v = hl_llvm_late(e, r);
    return LLVMTypeOf(v) == e->i1 ? LLVMBuildZExt(e->b, v, e->i64, "") : v;
}

static LLVMTypeRef exit_word_type(HlEmitter *e, HlRef r)
{
    LLVMTypeRef type = e->late[r] ? e->i64 : LLVMTypeOf(e->val[r]);
    return type == e->i1 ? e->i64 : type;
}

static void exit_store(HlEmitter *e, Val v, int32_t k)
{
    hl_llvm_tag(e, LLVMBuildStore(e->b, v, word_at(e, LLVMGetParam(e->fn, 1), k)), e->tbaa_words);
}

/* How many of the group's values are the exit's own; -1 = its list does not begin like theirs. */
static int32_t exit_shared(HlEmitter *e, const ExitGroup *g, int32_t exit)
{
    const HlPlan *theirs = &e->plans[g->exit], *own = &e->plans[exit];
    int32_t same = 0;
    for (int32_t k = 0; k < theirs->nlive; k++) {
        if (exit_word_type(e, theirs->live[k]) != exit_word_type(e, own->live[k]))
            return -1;
        same += theirs->live[k] == own->live[k];
    }
    return same;
}

/* The group with which the exit shares most, and more than half of what it stores; -1 = none. */
static int32_t exit_find_group(HlEmitter *e, const ExitGroup *groups, int32_t n, int32_t exit)
{
    int32_t best = -1, most = 0;
    for (int32_t i = 0; i < n; i++) {
        int32_t same = exit_shared(e, &groups[i], exit);
        if (same > most && 2 * same > e->plans[groups[i].exit].nlive) {
            best = i;
            most = same;
        }
    }
    return best;
}

static void exit_open_group(HlEmitter *e, ExitGroup *g)
{
    const HlPlan *plan = &e->plans[g->exit];
    g->block = new_block(e, "store");
    hl_llvm_at(e, g->block);
    g->index = LLVMBuildPhi(e->b, e->i64, "");
    for (int32_t k = 0; k < plan->nlive; k++)
        g->value[k] =
            g->differs[k] ? LLVMBuildPhi(e->b, exit_word_type(e, plan->live[k]), "") : NULL;
    for (int32_t k = 0; k < plan->nlive; k++)
        exit_store(e, g->differs[k] ? g->value[k] : exit_word(e, plan->live[k]), k);
    LLVMBuildBr(e->b, e->leave);
    LLVMAddIncoming(e->leave_exit, &g->index, &g->block, 1);
}

static void exit_join_group(HlEmitter *e, ExitGroup *g, int32_t exit)
{
    const HlPlan *plan = &e->plans[exit];
    int32_t shared = e->plans[g->exit].nlive;
    Bb from = e->exit[exit];
    Val index = hl_llvm_int(e, exit);
    hl_llvm_at(e, from);
    hl_llvm_trips_exit(e, exit);
    LLVMAddIncoming(g->index, &index, &from, 1);
    for (int32_t k = 0; k < plan->nlive; k++) {
        if (k < shared && !g->differs[k])
            continue;
        Val word = exit_word(e, plan->live[k]);
        if (k < shared)
            LLVMAddIncoming(g->value[k], &word, &from, 1);
        else
            exit_store(e, word, k);
    }
    LLVMBuildBr(e->b, g->block);
}

/* Sorts the exits that machine code takes into groups; their number. Those with few values come first,
 * that others may begin like them. */
static int32_t group_exits(HlEmitter *e, ExitGroup *groups, int32_t *group_of, Val *value,
                           bool *differs)
{
    const HlIr *ir = e->ir;
    int32_t longest = 0, n = 0;
    for (int32_t x = 0; x < ir->nexits; x++)
        if (e->exit[x] && e->plans[x].nlive > longest)
            longest = e->plans[x].nlive;
    for (int32_t live = 0; live <= longest; live++) {
        for (int32_t x = 0; x < ir->nexits; x++) {
            if (!e->exit[x] || e->plans[x].nlive != live)
                continue;
            group_of[x] = exit_find_group(e, groups, n, x);
            if (group_of[x] < 0) {
                group_of[x] = n;
                groups[n++] = (ExitGroup){.exit = x, .value = value, .differs = differs};
                value += live;
                differs += live;
            }
            const ExitGroup *g = &groups[group_of[x]];
            for (int32_t k = 0; k < e->plans[g->exit].nlive; k++)
                g->differs[k] |= e->plans[g->exit].live[k] != e->plans[x].live[k];
        }
    }
    return n;
}

/* Fills the exits' cold blocks. The exits of a block want nearly the same values, the later ones a few
 * more, so they share what they can: half of a region's code would be these stores otherwise.
 * -1 = out of memory. */
static int emit_exits(HlEmitter *e)
{
    const HlIr *ir = e->ir;
    size_t words = 1, exits = (size_t)ir->nexits + 1;
    bool any = false;
    for (int32_t x = 0; x < ir->nexits; x++) {
        any |= e->exit[x] != NULL;
        words += e->exit[x] ? (size_t)e->plans[x].nlive : 0;
    }
    if (!any)
        return 0;
    ExitGroup *groups = hl_mem_alloc(exits * sizeof *groups);
    int32_t *group_of = hl_mem_alloc(exits * sizeof *group_of);
    Val *values = hl_mem_alloc(words * sizeof *values);
    bool *differs = hl_mem_alloc(words * sizeof *differs);
    int status = groups && group_of && values && differs ? 0 : -1;
    if (!status) {
        make_leave(e);
        int32_t n = group_exits(e, groups, group_of, values, differs);
        for (int32_t i = 0; i < n; i++)
            exit_open_group(e, &groups[i]);
        for (int32_t x = 0; x < ir->nexits; x++)
            if (e->exit[x])
                exit_join_group(e, &groups[group_of[x]], x);
    }
    hl_mem_free(groups);
    hl_mem_free(group_of);
    hl_mem_free(values);
    hl_mem_free(differs);
    return status;
}

/* The interpreter executes some instructions. What it returns is new to the optimiser, and so is all
 * memory. */
static void emit_step(HlEmitter *e, const HlIns *ins)
{
    LLVMTypeRef params[3] = {e->ptr, e->ptr, e->i64};
    LLVMTypeRef type = LLVMFunctionType(e->i32, params, 3, false);
    Val args[3] = {LLVMGetParam(e->fn, 3), LLVMGetParam(e->fn, 1), hl_llvm_int(e, ins->exit)};
    const HlPlan *plan = &e->plans[ins->exit];
    for (int32_t k = 0; k < plan->nlive; k++)
        exit_store(e, exit_word(e, plan->live[k]), k);
    Val answer =
        LLVMBuildCall2(e->b, type, hl_llvm_ptr(e, (const void *)e->env->step), args, 3, "");
    mark_call(e, answer, "nounwind", 0);
    Val on = LLVMBuildICmp(e->b, LLVMIntEQ, answer, LLVMConstInt(e->i32, 0, false), "");
    Bb here = LLVMGetInsertBlock(e->b), next = hl_llvm_next_block(e, "");
    Val left = hl_llvm_int(e, HL_EMIT_LEFT);
    make_leave(e);
    LLVMAddIncoming(e->leave_exit, &left, &here, 1);
    hl_llvm_branch(e, on, next, e->leave, true);
    hl_llvm_at(e, next);
}

/* What a slot of the frame, or a cell in it, holds now. */
static Val frame_load(HlEmitter *e, const HlIns *ins)
{
    Val off = hl_llvm_int(e, e->env->off_slots);
    Val field = LLVMBuildInBoundsGEP2(e->b, e->i8, LLVMGetParam(e->fn, 3), &off, 1, "");
    Val slots = LLVMBuildLoad2(e->b, e->ptr, field, "");
    Val index = hl_llvm_int(e, ins->imm.i);
    Val slot = LLVMBuildInBoundsGEP2(e->b, e->ptr, slots, &index, 1, "");
    Val object = LLVMBuildLoad2(e->b, e->ptr, slot, "");
    if (!ins->aux)
        return object;
    off = hl_llvm_int(e, e->env->off_cell);
    field = LLVMBuildInBoundsGEP2(e->b, e->i8, object, &off, 1, "");
    return LLVMBuildLoad2(e->b, e->ptr, field, "");
}

static void emit_leave(HlEmitter *e)
{
    if (!e->leave)
        return;
    LLVMMoveBasicBlockAfter(e->leave, LLVMGetLastBasicBlock(e->fn));
    hl_llvm_at(e, e->leave);
    Val counts = LLVMGetParam(e->fn, 2);
    for (int32_t l = 0; l < e->ir->nloops; l++) {
        if (!e->counter[l])
            continue;
        Val n = LLVMBuildLoad2(e->b, e->i64, e->counter[l], "");
        Val where = word_at(e, counts, l);
        Val sum = hl_llvm_tag(e, LLVMBuildLoad2(e->b, e->i64, where, ""), e->tbaa_words);
        hl_llvm_tag(e, LLVMBuildStore(e->b, LLVMBuildAdd(e->b, sum, n, ""), where), e->tbaa_words);
    }
    LLVMBuildRet(e->b, e->leave_exit);
}

/* LLVM makes branches of selects again, where they are in the way of the next iteration, unless told that guesses
 * would be wrong. */
static Val emit_select(HlEmitter *e, const HlIns *ins)
{
    Val choice = hl_llvm_carry_select(e, ins);
    if (ins->aux && LLVMIsASelectInst(choice))
        LLVMSetMetadata(choice, e->k_unpredictable, LLVMMDNodeInContext(e->ctx, NULL, 0));
    return choice;
}

/* --- floats ----------------------------------------------------------------------------------- */

static LLVMRealPredicate float_predicate(HlCompare c)
{
    switch (c) {
    case HL_LT: return LLVMRealOLT;
    case HL_LE: return LLVMRealOLE;
    case HL_EQ: return LLVMRealOEQ;
    case HL_NE: return LLVMRealUNE;
    case HL_GT: return LLVMRealOGT;
    case HL_GE: return LLVMRealOGE;
    }
    return LLVMRealOEQ;
}

/* What IEEE 754 defines exactly is an instruction; the rest is libm's. */
static const char *const math_exact[HL_M__COUNT] = {
    [HL_M_SQRT] = "llvm.sqrt", [HL_M_FABS] = "llvm.fabs",   [HL_M_FLOOR] = "llvm.floor",
    [HL_M_CEIL] = "llvm.ceil", [HL_M_TRUNC] = "llvm.trunc", [HL_M_COPYSIGN] = "llvm.copysign",
};

static Val math_call(HlEmitter *e, HlMath m, Val *args)
{
#define NAME(name, text, sym, arity) "math." text,
#define ARITY(name, text, sym, arity) arity,
    static const char *const names[] = {HL_MATHDEF(NAME)};
    static const uint8_t arities[] = {HL_MATHDEF(ARITY)};
#undef NAME
#undef ARITY
    if (math_exact[m])
        return hl_llvm_intrinsic(e, math_exact[m], e->f64, args, arities[m]);
    Val call = hl_llvm_call_rt(e, names[m], e->f64, e->f64, args, arities[m]);
    hl_llvm_fast_call(e, m, call);
    return call;
}

bool hl_llvm_math_in_vectors(const HlEmitter *e, HlMath m)
{
    return math_exact[m] || hl_llvm_fast_has(e, m);
}

/* --- objects and arrays ----------------------------------------------------------------------- */

static Val guard_array_call(HlEmitter *e, const HlIns *ins, Val object)
{
    LLVMTypeRef params[3] = {e->ptr, e->i32, e->i32};
    Val args[3] = {object, LLVMConstInt(e->i32, ins->check.dtype, false),
                   LLVMConstInt(e->i32, ins->check.ndim, false)};
    return call_pure(e, (void *)e->env->guard_array, e->i32, params, args, 3);
}

static Val ask_global(HlEmitter *e, const HlIns *ins)
{
    LLVMTypeRef params[2] = {e->ptr, e->i64};
    bool load = ins->op == HL_I_LOAD_GLOBAL;
    void *fn = load ? (void *)e->env->load_global : (void *)e->env->guard_global;
    Val args[2] = {hl_llvm_ptr(e, e->env->globals), hl_llvm_int(e, ins->imm.i)};
    return call_pure(e, fn, load ? e->ptr : e->i32, params, args, 2);
}

/* Globals do not change while machine code runs, so they are asked for at its start, outside all
 * loops; the answers are looked at where the region does. */
static void ask_globals(HlEmitter *e)
{
    for (int32_t k = 0; k < e->cfg.nrpo; k++) {
        const HlRefVec *v = &e->ir->blocks[e->cfg.rpo[k]].ins;
        for (int32_t i = 0; i < v->n; i++) {
            const HlIns *ins = &e->ir->ins[v->v[i]];
            if (ins->op == HL_I_LOAD_GLOBAL || ins->op == HL_I_GUARD_GLOBAL)
                e->val[v->v[i]] = ask_global(e, ins);
        }
    }
}

static bool loop_calls(HlEmitter *e, int32_t header)
{
    for (HlRef r = 0; r < e->ir->nins; r++) {
        const HlIns *ins = &e->ir->ins[r];
        if (ins->block < 0 || !(hl_op_info[ins->op].fx & HL_E_CALLS))
            continue;
        for (int32_t h = e->cfg.header[ins->block]; h >= 0; h = e->cfg.outer[h])
            if (h == header)
                return true;
    }
    return false;
}

/* The block from which alone a loop is entered, by a jump; -1 = there is none. */
static int32_t preheader(HlEmitter *e, int32_t header)
{
    int32_t found = -1;
    for (int32_t k = e->cfg.pred_at[header]; k < e->cfg.pred_at[header + 1]; k++) {
        int32_t from = e->cfg.pred[k], h = e->cfg.header[from];
        while (h >= 0 && h != header)
            h = e->cfg.outer[h];
        if (h == header)
            continue;
        if (found >= 0 || e->cfg.pred_ins[k] != INT32_MAX)
            return -1;
        found = from;
    }
    return found;
}

/* With STEPs, globals are asked for where the region does, but in front of the loops that have none. */
static Val ask_global_between_steps(HlEmitter *e, const HlIns *ins)
{
    Bb here = LLVMGetInsertBlock(e->b), before = NULL;
    for (int32_t h = e->cfg.header[ins->block]; h >= 0 && !loop_calls(e, h); h = e->cfg.outer[h]) {
        int32_t pre = preheader(e, h);
        if (pre < 0 || !e->last[pre])
            break;
        before = e->last[pre];
    }
    if (before)
        LLVMPositionBuilderBefore(e->b, LLVMGetBasicBlockTerminator(before));
    Val answer = ask_global(e, ins);
    hl_llvm_at(e, here);
    return answer;
}

static Val not_null(HlEmitter *e, Val p)
{
    return LLVMBuildICmp(e->b, LLVMIntNE, p, LLVMConstNull(e->ptr), "");
}

/* The Python function in an object, checked to have the code that was compiled inline. */
static Val func_of(HlEmitter *e, const HlIns *ins, Val object)
{
    const HlEmitEnv *env = e->env;
    bool jitted = ins->aux == HL_FUNC_JITTED;
    Val type = hl_llvm_header(e, e->ptr, object, env->off_type);
    Val want = hl_llvm_ptr(e, jitted ? env->type_jitted : env->type_function);
    hl_llvm_guard(e, ins, LLVMBuildICmp(e->b, LLVMIntEQ, type, want, ""));
    Val func = jitted ? hl_llvm_header(e, e->ptr, object, env->off_jitted_func) : object;
    Val code = hl_llvm_header(e, e->ptr, func, env->off_func_code);
    hl_llvm_guard(
        e, ins, LLVMBuildICmp(e->b, LLVMIntEQ, code, hl_llvm_ptr(e, env->objects[ins->imm.i]), ""));
    return func;
}

/* shape or strides: a vector that the array header points to. */
Val hl_llvm_axis(HlEmitter *e, Val array, int32_t offset, int axis)
{
    return hl_llvm_header(e, e->i64, hl_llvm_header(e, e->ptr, array, offset), 8 * (int64_t)axis);
}

LLVMTypeRef hl_llvm_item_type(HlEmitter *e, HlDtype d)
{
    switch (hl_dtype_part(d)) {
    case HL_D_BOOL:
    case HL_D_I8:
    case HL_D_U8: return e->i8;
    case HL_D_I16:
    case HL_D_U16: return e->i16;
    case HL_D_I32:
    case HL_D_U32: return e->i32;
    case HL_D_I64:
    case HL_D_U64: return e->i64;
    case HL_D_F32: return e->f32;
    case HL_D_F64: return e->f64;
    case HL_D_C64:
    case HL_D_C128:
    case HL_D_NONE:
    case HL_D__COUNT: break;
    }
    return NULL;
}

Val hl_llvm_item(HlEmitter *e, HlDtype d, Val data, Val stride, Val index)
{
    int64_t bytes;
    if (hl_llvm_is_int(stride, &bytes) && bytes == hl_dtype_size(d)) {
        LLVMTypeRef item = hl_llvm_item_type(e, d);
        if (hl_dtype_is_complex(d))
            item = LLVMArrayType2(item, 2);
        return LLVMBuildInBoundsGEP2(e->b, item, data, &index, 1, "");
    }
    Val offset = LLVMBuildNSWMul(e->b, index, stride, "");
    return LLVMBuildInBoundsGEP2(e->b, e->i8, data, &offset, 1, "");
}

static unsigned item_alignment(HlDtype d)
{
    return (unsigned)hl_dtype_size(hl_dtype_part(d));
}

Val hl_llvm_widen_item(HlEmitter *e, HlDtype d, Val v)
{
    if (d == HL_D_BOOL)
        return LLVMBuildICmp(e->b, LLVMIntNE, v, LLVMConstInt(e->i8, 0, false), "");
    if (hl_dtype_part(d) == HL_D_F32)
        return LLVMBuildFPExt(e->b, v, e->f64, "");
    if (LLVMTypeOf(v) == e->i64 || LLVMTypeOf(v) == e->f64)
        return v;
    return hl_dtype_is_unsigned(d) ? LLVMBuildZExt(e->b, v, e->i64, "")
                                   : LLVMBuildSExt(e->b, v, e->i64, "");
}

Val hl_llvm_shorten_item(HlEmitter *e, HlDtype d, Val v)
{
    LLVMTypeRef type = hl_llvm_item_type(e, d);
    if (d == HL_D_BOOL)
        return LLVMBuildZExt(e->b, v, type, "");
    if (hl_dtype_part(d) == HL_D_F32)
        return LLVMBuildFPTrunc(e->b, v, type, "");
    return LLVMTypeOf(v) == type ? v : LLVMBuildTrunc(e->b, v, type, "");
}

Val hl_llvm_load_item(HlEmitter *e, HlDtype d, Val address)
{
    Val v =
        hl_llvm_tag(e, LLVMBuildLoad2(e->b, hl_llvm_item_type(e, d), address, ""), e->tbaa_item);
    LLVMSetAlignment(v, item_alignment(d));
    return hl_llvm_widen_item(e, d, v);
}

void hl_llvm_store_item(HlEmitter *e, HlDtype d, Val address, Val v)
{
    v = hl_llvm_shorten_item(e, d, v);
    LLVMSetAlignment(hl_llvm_tag(e, LLVMBuildStore(e->b, v, address), e->tbaa_item),
                     item_alignment(d));
}

/* The store has a block of its own, in front of the one that is gone on with. */
static void store_item_if(HlEmitter *e, HlDtype d, Val address, Val v, Val on)
{
    Bb join = hl_llvm_next_block(e, ""), store = hl_llvm_next_block(e, "");
    LLVMBuildCondBr(e->b, on, store, join);
    hl_llvm_at(e, store);
    hl_llvm_store_item(e, d, address, v);
    LLVMBuildBr(e->b, join);
    hl_llvm_at(e, join);
}

/* Another thread sets the eval breaker: the load is atomic, so that it stays in its loop. */
Val hl_llvm_no_pending(HlEmitter *e)
{
    Val load = LLVMBuildLoad2(e->b, e->i32, hl_llvm_ptr(e, (const void *)e->env->eval_breaker), "");
    LLVMSetOrdering(load, LLVMAtomicOrderingMonotonic);
    LLVMSetAlignment(load, 4);
    return LLVMBuildICmp(e->b, LLVMIntEQ, load, LLVMConstInt(e->i32, 0, false), "");
}

/* --- instructions ----------------------------------------------------------------------------- */

/* Emits one instruction; its value, or NULL when it has none. */
Val hl_llvm_ins(HlEmitter *e, const HlIns *ins)
{
    const HlEmitEnv *env = e->env;
    LLVMBuilderRef B = e->b;
    Val a[HL_MAX_ARGS] = {NULL};
    for (int k = 0; k < HL_MAX_ARGS; k++)
        if (ins->a[k] != HL_NOREF)
            a[k] = e->val[ins->a[k]];
    if (e->late[ins - e->ir->ins])
        return NULL;

    switch ((HlOp)ins->op) {
    case HL_I_PARAM: break; /* a phi, or loaded from in[] */
    case HL_I_KINT: return hl_llvm_int(e, ins->imm.i);
    case HL_I_KFLOAT: return hl_llvm_float(e, ins->imm.f);
    case HL_I_KBOOL: return LLVMConstInt(e->i1, ins->imm.i != 0, false);
    case HL_I_KOBJ: return hl_llvm_ptr(e, env->objects[ins->imm.i]);

    case HL_I_GUARD_TYPE: {
        Val want = hl_llvm_ptr(e, env->type_object(ins->check));
        Val type = hl_llvm_header(e, e->ptr, a[0], env->off_type);
        hl_llvm_guard(e, ins, LLVMBuildICmp(B, LLVMIntEQ, type, want, ""));
        return NULL;
    }
    case HL_I_GUARD_ARRAY: {
        Val zero = LLVMConstInt(e->i32, 0, false);
        hl_llvm_guard(e, ins,
                      LLVMBuildICmp(B, LLVMIntNE, guard_array_call(e, ins, a[0]), zero, ""));
        return NULL;
    }
    case HL_I_GUARD_WRITEABLE: hl_llvm_guard(e, ins, hl_llvm_writeable(e, a[0])); return NULL;
    case HL_I_GUARD_BOUND: hl_llvm_guard(e, ins, not_null(e, a[0])); return NULL;
    case HL_I_UNBOX_I64: return hl_llvm_unbox_int(e, ins, a[0]);
    case HL_I_UNBOX_F64: return hl_llvm_unbox_float(e, a[0]);
    case HL_I_UNBOX_BOOL:
        return LLVMBuildICmp(B, LLVMIntEQ, a[0], hl_llvm_ptr(e, env->py_true), "");
    case HL_I_UNBOX_NPI64: return hl_llvm_header(e, e->i64, a[0], env->off_npi64);
    case HL_I_UNBOX_NPBOOL: {
        Val byte = hl_llvm_header(e, e->i8, a[0], env->off_npbool);
        return LLVMBuildICmp(B, LLVMIntNE, byte, LLVMConstInt(e->i8, 0, false), "");
    }
    case HL_I_UNBOX_PART: {
        HlDtype d = ins->type.base == HL_T_NPS ? (HlDtype)ins->type.dtype : HL_D_F64;
        int32_t offset = env->off_complex + hl_dtype_size(d) * ins->aux;
        return hl_llvm_widen_item(e, d, hl_llvm_header(e, hl_llvm_item_type(e, d), a[0], offset));
    }
    case HL_I_UNBOX_NP: {
        HlDtype d = (HlDtype)ins->aux;
        return hl_llvm_widen_item(e, d,
                                  hl_llvm_header(e, hl_llvm_item_type(e, d), a[0], env->off_npi64));
    }
    case HL_I_IS: return LLVMBuildICmp(B, LLVMIntEQ, a[0], a[1], "");
    case HL_I_RETYPE: return a[0];

    case HL_I_GUARD_GLOBAL:
    case HL_I_LOAD_GLOBAL: {
        Val answer = e->calls ? ask_global_between_steps(e, ins) : e->val[ins - e->ir->ins];
        hl_llvm_guard(e, ins,
                      LLVMBuildICmp(B, LLVMIntNE, answer, LLVMConstNull(LLVMTypeOf(answer)), ""));
        return answer;
    }

    case HL_I_FUNC: return func_of(e, ins, a[0]);
    case HL_I_FUNC_VALUE: {
        LLVMTypeRef params[2] = {e->ptr, e->i64};
        Val args[2] = {a[0], hl_llvm_int(e, ins->imm.i)};
        Val answer = call_pure(e, (void *)env->func_value, e->ptr, params, args, 2);
        hl_llvm_guard(e, ins, not_null(e, answer));
        return answer;
    }
    case HL_I_FUNC_GLOBAL: {
        LLVMTypeRef params[3] = {e->ptr, e->i64, e->ptr};
        Val args[3] = {hl_llvm_ptr(e, env->globals), hl_llvm_int(e, ins->imm.i), a[0]};
        Val answer = call_pure(e, (void *)env->func_global, e->ptr, params, args, 3);
        hl_llvm_guard(e, ins, not_null(e, answer));
        return answer;
    }

    case HL_I_GUARD_TRUE: hl_llvm_guard(e, ins, a[0]); return NULL;
    case HL_I_GUARD_FALSE: hl_llvm_guard(e, ins, LLVMBuildNot(B, a[0], "")); return NULL;
    case HL_I_FCMP: return LLVMBuildFCmp(B, float_predicate((HlCompare)ins->aux), a[0], a[1], "");
    case HL_I_BNOT: return LLVMBuildNot(B, a[0], "");
    case HL_I_BAND: return LLVMBuildAnd(B, a[0], a[1], "");
    case HL_I_BOR: return LLVMBuildOr(B, a[0], a[1], "");
    case HL_I_BXOR: return LLVMBuildXor(B, a[0], a[1], "");
    case HL_I_SELECT: return emit_select(e, ins);

    case HL_I_ICMP:
    case HL_I_INDEX:
    case HL_I_ADD:
    case HL_I_COUNT_UP:
    case HL_I_SUB:
    case HL_I_MUL:
    case HL_I_ADD_OV:
    case HL_I_SUB_OV:
    case HL_I_MUL_OV:
    case HL_I_AND:
    case HL_I_OR:
    case HL_I_XOR:
    case HL_I_POPCOUNT:
    case HL_I_SHL_OV:
    case HL_I_SHL:
    case HL_I_SHR:
    case HL_I_FLOORDIV:
    case HL_I_MOD:
    case HL_I_IPOW_OV:
    case HL_I_IPOW:
    case HL_I_NARROW:
    case HL_I_NARROW_OV:
    case HL_I_UADD_OV:
    case HL_I_USUB_OV:
    case HL_I_UMUL_OV:
    case HL_I_UDIV:
    case HL_I_UMOD:
    case HL_I_USHR:
    case HL_I_UITOFP: return hl_llvm_arith(e, ins, a);
    case HL_I_POWMOD: return hl_llvm_call_rt(e, "rt.powmod", e->i64, e->i64, a, 3);
    case HL_I_FADD: return hl_llvm_fast(e, ins, LLVMBuildFAdd(B, a[0], a[1], ""));
    case HL_I_FSUB: return hl_llvm_fast(e, ins, LLVMBuildFSub(B, a[0], a[1], ""));
    case HL_I_FMUL: return hl_llvm_fast(e, ins, LLVMBuildFMul(B, a[0], a[1], ""));
    case HL_I_FDIV: return hl_llvm_fast(e, ins, LLVMBuildFDiv(B, a[0], a[1], ""));
    case HL_I_FNEG: return hl_llvm_fast(e, ins, LLVMBuildFNeg(B, a[0], ""));
    case HL_I_FABS: return hl_llvm_fabs(e, a[0]);
    case HL_I_FMOD: return hl_llvm_call_rt(e, "rt.fmod", e->f64, e->f64, a, 2);
    case HL_I_FFLOORDIV: return hl_llvm_call_rt(e, "rt.ffloordiv", e->f64, e->f64, a, 2);
    case HL_I_FPOW: return math_call(e, HL_M_POW, a);
    case HL_I_FMATH1:
    case HL_I_FMATH2: return math_call(e, (HlMath)ins->aux, a);
    case HL_I_FROUND32: return LLVMBuildFPExt(B, LLVMBuildFPTrunc(B, a[0], e->f32, ""), e->f64, "");
    case HL_I_FFLOORDIV32: return hl_llvm_call_rt(e, "rt.ffloordiv32", e->f64, e->f64, a, 2);
    case HL_I_FPOW32: return hl_llvm_call_rt(e, "rt.fpow32", e->f64, e->f64, a, 2);
    case HL_I_FHYPOT32: return hl_llvm_call_rt(e, "rt.fhypot32", e->f64, e->f64, a, 2);
    case HL_I_UFUNC1: return call_ufunc(e, ins, a + 1, 1);
    case HL_I_UFUNC2: return call_ufunc(e, ins, a + 1, 2);
    case HL_I_GUARD_FINITE: hl_llvm_fp_finite(e, ins); return NULL;
    case HL_I_GUARD_FP: hl_llvm_fp_guard(e, ins); return NULL;

    case HL_I_SITOFP: return LLVMBuildSIToFP(B, a[0], e->f64, "");
    case HL_I_GUARD_I53: {
        const int64_t limit = INT64_C(1) << 53;
        Val shifted = LLVMBuildAdd(B, a[0], hl_llvm_int(e, limit), "");
        hl_llvm_guard(e, ins, LLVMBuildICmp(B, LLVMIntULE, shifted, hl_llvm_int(e, 2 * limit), ""));
        return NULL;
    }
    case HL_I_ZEXT: return LLVMBuildZExt(B, a[0], e->i64, "");
    case HL_I_FPTOSI_OV: return hl_llvm_fp_to_int(e, ins, a[0]);

    case HL_I_ARRAY_DATA: {
        Val data = hl_llvm_header(e, e->ptr, a[0], env->off_arr_data), one = hl_llvm_int(e, 1);
        HlDtype d = (HlDtype)e->ir->ins[ins->a[0]].type.dtype;
        return ins->aux ? LLVMBuildGEP2(B, hl_llvm_item_type(e, d), data, &one, 1, "") : data;
    }
    case HL_I_ARRAY_LEN: return hl_llvm_axis(e, a[0], env->off_arr_shape, ins->aux);
    case HL_I_ARRAY_STRIDE: return hl_llvm_axis(e, a[0], env->off_arr_strides, ins->aux);
    case HL_I_ARRAY_DTYPE: return hl_llvm_header(e, e->ptr, a[0], env->off_arr_dtype);
    case HL_I_ARRAY_ROW: {
        Val offset = LLVMBuildMul(B, a[1], a[2], "");
        return LLVMBuildGEP2(B, e->i8, a[0], &offset, 1, "");
    }
    case HL_I_ADDRESS: return LLVMBuildPtrToInt(B, a[0], e->i64, "");
    case HL_I_ARRAY_LOAD: {
        HlDtype d = (HlDtype)ins->aux;
        return hl_llvm_carry_load(e, ins, hl_llvm_item(e, d, a[0], a[1], a[2]));
    }
    case HL_I_ARRAY_STORE: {
        HlDtype d = (HlDtype)ins->aux;
        Val address = hl_llvm_item(e, d, a[0], a[1], a[2]);
        hl_llvm_store_item(e, d, address, a[3]);
        hl_llvm_carry_store(e, ins, address, a[3]);
        return NULL;
    }
    case HL_I_ARRAY_STORE_IF: {
        HlDtype d = (HlDtype)ins->aux;
        store_item_if(e, d, hl_llvm_item(e, d, a[0], a[1], a[2]), a[3], a[4]);
        return NULL;
    }
    case HL_I_ARRAY_FILL: hl_llvm_fill(e, ins, a); return NULL;
    case HL_I_ARRAY_COPY: hl_llvm_copy(e, ins, a); return NULL;
    case HL_I_KNULL: return LLVMConstNull(e->ptr);
    case HL_I_LIST_SIZE:
    case HL_I_LIST_LOAD:
    case HL_I_SEQ_SIZE:
    case HL_I_TUPLE_LOAD:
    case HL_I_BYTES_LOAD:
    case HL_I_LIST_STORE:
    case HL_I_LIST_APPEND:
    case HL_I_LIST_POP: return hl_llvm_seq(e, ins, a);
    case HL_I_TRIPS: hl_llvm_count(e, ins->imm.i, a[0]); return NULL;
    case HL_I_POLL:
        if (e->polls[ins->block])
            hl_llvm_guard(e, ins, hl_llvm_no_pending(e));
        return NULL;
    case HL_I_STEP: emit_step(e, ins); return NULL;
    case HL_I_FRAME_LOAD: return frame_load(e, ins);
    case HL_I_KEEP: return a[0];
    case HL_I__COUNT: break;
    }
    return NULL;
}

/* Does a block lead back, that is, to one that is not behind it in reverse post-order? *unpolled = it
 * does so without having polled. */
static bool leads_back(const HlEmitter *e, int32_t block, bool *unpolled)
{
    const HlIr *ir = e->ir;
    const HlBlock *b = &ir->blocks[block];
    bool polled = false, back = false;
    for (int32_t i = 0; i <= b->ins.n; i++) {
        const HlIns *ins = i < b->ins.n ? &ir->ins[b->ins.v[i]] : NULL;
        int32_t exit = ins ? ins->exit : b->term == HL_TERM_EXIT ? b->exit : -1;
        int32_t to = exit >= 0 ? ir->exits[exit].target : ins ? -1 : b->target;
        polled |= ins && ins->op == HL_I_POLL;
        if (to < 0 || e->cfg.order[to] > e->cfg.order[block])
            continue;
        back = true;
        *unpolled |= !polled;
    }
    return back;
}

/* Every way round a loop leads back somewhere, so it is enough to poll in the blocks that do; in the
 * others, such as a loop's first iteration when its types are its own, polls are left out. */
static void find_polls(HlEmitter *e)
{
    bool unpolled = false;
    for (int32_t k = 0; k < e->cfg.nrpo; k++)
        e->polls[e->cfg.rpo[k]] = leads_back(e, e->cfg.rpo[k], &unpolled);
    for (int32_t b = 0; unpolled && b < e->ir->nblocks; b++)
        e->polls[b] = true;
}

/* For readers of the text: values keep their numbers. */
static void name_value(HlEmitter *e, HlRef ref)
{
    char name[16];
    size_t len;
    Val v = e->val[ref];
    LLVMGetValueName2(v, &len);
    if (len == 0 && !LLVMIsConstant(v) && !LLVMContextShouldDiscardValueNames(e->ctx)) {
        snprintf(name, sizeof name, "v%d", ref);
        LLVMSetValueName2(v, name, strlen(name));
    }
}

static void emit_term(HlEmitter *e, int32_t block)
{
    const HlBlock *b = &e->ir->blocks[block];
    e->last[block] = LLVMGetInsertBlock(e->b);
    if (b->term == HL_TERM_EXIT) {
        LLVMBuildBr(e->b, hl_llvm_exit_block(e, b->exit));
        return;
    }
    const HlBlock *to = &e->ir->blocks[b->target];
    hl_llvm_trips_jump(e, block, b->target);
    hl_llvm_carry_enter(e, block, b->target);
    Bb from = LLVMGetInsertBlock(e->b);
    LLVMBuildBr(e->b, e->first[b->target]);
    Val phi = LLVMGetFirstInstruction(e->first[b->target]);
    for (int32_t k = 0; k < to->params.n; k++, phi = LLVMGetNextInstruction(phi))
        LLVMAddIncoming(phi, &e->val[b->args.v[k]], &from, 1);
}

/* --- the function ----------------------------------------------------------------------------- */

static Val tbaa_class(HlEmitter *e, LLVMMetadataRef root, const char *name)
{
    LLVMMetadataRef zero = LLVMValueAsMetadata(hl_llvm_int(e, 0));
    LLVMMetadataRef type[3] = {LLVMMDStringInContext2(e->ctx, name, strlen(name)), root, zero};
    LLVMMetadataRef node = LLVMMDNodeInContext2(e->ctx, type, 3);
    LLVMMetadataRef access[3] = {node, node, zero};
    return LLVMMetadataAsValue(e->ctx, LLVMMDNodeInContext2(e->ctx, access, 3));
}

static void init_types(HlEmitter *e)
{
    LLVMContextRef c = e->ctx;
    e->i1 = LLVMInt1TypeInContext(c);
    e->i8 = LLVMInt8TypeInContext(c);
    e->i16 = LLVMInt16TypeInContext(c);
    e->i32 = LLVMInt32TypeInContext(c);
    e->i64 = LLVMInt64TypeInContext(c);
    e->f32 = LLVMFloatTypeInContext(c);
    e->f64 = LLVMDoubleTypeInContext(c);
    e->ptr = LLVMPointerTypeInContext(c, 0);
    e->rt_int = LLVMStructTypeInContext(c, (LLVMTypeRef[]){e->i64, e->i64}, 2, false);
    e->k_prof = LLVMGetMDKindIDInContext(c, "prof", 4);
    e->k_tbaa = LLVMGetMDKindIDInContext(c, "tbaa", 4);
    e->k_invariant = LLVMGetMDKindIDInContext(c, "invariant.load", 14);
    e->k_unpredictable = LLVMGetMDKindIDInContext(c, "unpredictable", 13);

    LLVMMetadataRef weights[3] = {LLVMMDStringInContext2(c, "branch_weights", 14),
                                  LLVMValueAsMetadata(LLVMConstInt(e->i32, 1 << 20, false)),
                                  LLVMValueAsMetadata(LLVMConstInt(e->i32, 1, false))};
    e->likely = LLVMMetadataAsValue(c, LLVMMDNodeInContext2(c, weights, 3));
    LLVMMetadataRef name = LLVMMDStringInContext2(c, "hotloop", 7);
    LLVMMetadataRef root = LLVMMDNodeInContext2(c, &name, 1);
    e->tbaa_item = tbaa_class(e, root, "item");
    e->tbaa_header = tbaa_class(e, root, "header");
    e->tbaa_words = tbaa_class(e, root, "words");
    e->tbaa_list = tbaa_class(e, root, "list");
    e->tbaa_refs = tbaa_class(e, root, "refs");
    e->tbaa_value = tbaa_class(e, root, "value");
}

static void make_function(HlEmitter *e, const char *name)
{
    enum { PARAMS = 4 };
    static const char *const params[PARAMS] = {"in", "out", "counts", "act"};
    static const char *const access[PARAMS] = {"readonly", "writeonly", NULL, NULL};
    LLVMTypeRef types[PARAMS] = {e->ptr, e->ptr, e->ptr, e->ptr};
    LLVMTypeRef type = LLVMFunctionType(e->i64, types, PARAMS, false);
    e->fn = LLVMAddFunction(e->mod, name, type);
    add_attr(e, e->fn, LLVMAttributeFunctionIndex, "nounwind", 0);
    for (unsigned k = 0; k < PARAMS; k++) {
        LLVMSetValueName2(LLVMGetParam(e->fn, k), params[k], strlen(params[k]));
        if (e->calls) /* a step sees the same memory */
            continue;
        add_attr(e, e->fn, k + 1, "noalias", 0);
        add_attr(e, e->fn, k + 1, "nocapture", 0);
        if (access[k])
            add_attr(e, e->fn, k + 1, access[k], 0);
    }
}

/* LLVM blocks and phis of all blocks that can be reached, and the loops' counters in the entry. */
static void make_blocks(HlEmitter *e)
{
    const HlIr *ir = e->ir;
    for (int32_t k = 0; k < e->cfg.nrpo; k++) {
        char name[16];
        int32_t block = e->cfg.rpo[k];
        const HlBlock *b = &ir->blocks[block];
        snprintf(name, sizeof name, "b%d", block);
        e->first[block] = new_block(e, name);
        hl_llvm_at(e, e->first[block]);
        for (int32_t p = 0; block != 0 && p < b->params.n; p++) {
            HlRef ref = b->params.v[p];
            LLVMTypeRef type = repr_type(e, hl_type_repr(ir->ins[ref].type));
            e->val[ref] = LLVMBuildPhi(e->b, type, "");
            name_value(e, ref);
        }
    }
    hl_llvm_at(e, e->first[0]);
    e->scratch = hl_llvm_slot(e, e->i64, "scratch");
    for (int32_t k = 0; k < e->cfg.nrpo; k++) {
        int32_t loop = ir->blocks[e->cfg.rpo[k]].loop;
        if (loop >= 0 && !e->counter[loop])
            e->counter[loop] = hl_llvm_slot(e, e->i64, "iterations");
    }
}

static void load_inputs(HlEmitter *e)
{
    const HlBlock *entry = &e->ir->blocks[0];
    Val in = LLVMGetParam(e->fn, 0);
    for (int32_t k = 0; k < entry->params.n; k++) {
        HlRef ref = entry->params.v[k];
        HlRepr repr = hl_type_repr(e->ir->ins[ref].type);
        LLVMTypeRef type = repr == HL_REPR_I1 ? e->i64 : repr_type(e, repr);
        Val v = hl_llvm_tag(e, LLVMBuildLoad2(e->b, type, word_at(e, in, k), ""), e->tbaa_words);
        if (repr == HL_REPR_I1)
            v = LLVMBuildICmp(e->b, LLVMIntNE, v, hl_llvm_int(e, 0), "");
        e->val[ref] = v;
        name_value(e, ref);
    }
}

static int emit_function(HlEmitter *e, const char *name)
{
    const HlIr *ir = e->ir;
    init_types(e);
    find_polls(e);
    make_function(e, name);
    make_blocks(e);
    load_inputs(e);
    hl_llvm_carry_plan(e);
    hl_llvm_trips_plan(e);
    hl_llvm_late_plan(e);
    if (!e->calls)
        ask_globals(e);
    /* In reverse post-order, what dominates a block is emitted before it. */
    for (int32_t k = 0; k < e->cfg.nrpo; k++) {
        int32_t block = e->cfg.rpo[k];
        const HlBlock *b = &ir->blocks[block];
        hl_llvm_at(e, e->first[block]);
        hl_llvm_trips_begin(e, block);
        if (!e->carry[block].load &&
            (hl_llvm_strip(e, block) || hl_llvm_nest(e, block) || hl_llvm_several(e, block)))
            return -1;
        hl_llvm_fp_plan(e, b);
        for (int32_t i = 0; i < b->ins.n; i++) {
            HlRef ref = b->ins.v[i];
            if (hl_llvm_fp_waits(e, ref))
                continue;
            Val v = hl_llvm_ins(e, &ir->ins[ref]);
            e->val[ref] = v;
            if (v)
                name_value(e, ref);
        }
        emit_term(e, block);
    }
    if (emit_exits(e))
        return -1;
    emit_leave(e);
    return 0;
}

int hl_llvm_emit(LLVMModuleRef mod, const char *name, const HlIr *ir, const HlPlan *plans,
                 const HlEmitEnv *env, bool *side_by_side)
{
    HlEmitter e = {.ir = ir, .plans = plans, .env = env, .mod = mod, .calls = hl_ir_calls(ir)};
    e.ctx = LLVMGetModuleContext(mod);
    e.val = hl_mem_alloc(sizeof(Val) * (size_t)(ir->nins + 1));
    e.first = hl_mem_alloc(sizeof(Bb) * (size_t)(ir->nblocks + 1));
    e.last = hl_mem_alloc(sizeof(Bb) * (size_t)(ir->nblocks + 1));
    e.exit = hl_mem_alloc(sizeof(Bb) * (size_t)(ir->nexits + 1));
    e.counter = hl_mem_alloc(sizeof(Val) * (size_t)(ir->nloops + 1));
    e.polls = hl_mem_alloc((size_t)(ir->nblocks + 1));
    e.carry = hl_mem_alloc(sizeof *e.carry * (size_t)(ir->nblocks + 1));
    e.waits = hl_mem_alloc(sizeof *e.waits * (size_t)(ir->nins + 1));
    e.trips = hl_mem_alloc(sizeof *e.trips * (size_t)(ir->nblocks + 1));
    e.place = hl_mem_alloc(sizeof *e.place * (size_t)(ir->nexits + 1));
    e.late = hl_mem_alloc((size_t)(ir->nins + 1));
    e.told = hl_mem_alloc(sizeof *e.told * (size_t)(ir->nins + 1));
    int status = -1;
    if (e.val && e.first && e.last && e.exit && e.counter && e.polls && e.carry && e.trips &&
        e.place && e.late && e.waits && e.told && hl_cfg_build(ir, &e.cfg) == 0) {
        e.b = LLVMCreateBuilderInContext(e.ctx);
        status = emit_function(&e, name);
        LLVMDisposeBuilder(e.b);
        hl_cfg_free(&e.cfg);
    }
    hl_mem_free(e.val);
    hl_mem_free(e.first);
    hl_mem_free(e.last);
    hl_mem_free(e.exit);
    hl_mem_free(e.counter);
    hl_mem_free(e.polls);
    hl_mem_free(e.carry);
    hl_mem_free(e.waits);
    hl_mem_free(e.trips);
    hl_mem_free(e.place);
    hl_mem_free(e.late);
    hl_mem_free(e.told);
    *side_by_side = e.side_by_side;
    return status;
}
