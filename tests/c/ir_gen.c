/* ir_gen.c - the generator writes structured programs, as the recorder would see them: slots of
 * fixed types, assignments, branches whose two sides are recorded and join, nested loops that poll,
 * and exits; operations that are undefined somewhere come behind the guards that they need. So that
 * passes find something, operations are repeated, as they were or turned round, and so that runs
 * get far, most guards hold in most worlds. */
#include "ir_gen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NOBJECTS = 8, NGLOBALS = 3, MAX_SLOTS = 9, MAX_VALUES = 4000 };

typedef struct Gen {
    uint64_t state;
    HlIr *ir;
    int32_t block; /* being filled */
    int32_t pc;
    int nslots;
    int range_slot;          /* the slot with the range iterator, -1 = none */
    HlType type[MAX_SLOTS];  /* of the slots; VOID = never looked at */
    HlRef slot[MAX_SLOTS];   /* their values; the range iterator's next value */
    HlRef step, left;        /* the rest of the range iterator */
    HlRef value[MAX_VALUES]; /* what may be used here */
    int nvalues;
    int budget, depth;
    int32_t header; /* innermost loop's header block, -1 = none */
    HlRef array[4]; /* the array used last, its data, stride and length */
    HlRef at;       /* the checked index used last; HL_NOREF = none */
} Gen;

static uint64_t rnd64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int rnd(Gen *g, int n)
{
    return (int)(rnd64(&g->state) % (uint64_t)n);
}

static int64_t random_int(uint64_t *state)
{
    static const int64_t special[] = {
        0, 1, -1, 2, 3, 7, 8, -8, 63, 64, 100, INT64_MAX, INT64_MIN, INT64_C(1) << 53, 1 << 30};
    uint64_t r = rnd64(state);
    return r & 7 ? (int64_t)(rnd64(state) % 20) - 6 : special[(r >> 8) % HL_COUNTOF(special)];
}

static double random_float(uint64_t *state)
{
    static const double special[] = {0.0, -0.0, 1.0, -1.0, 0.5, 1e308, -1e308, 5e-324, 1e16};
    uint64_t r = rnd64(state);
    if ((r & 63) == 0)
        return (r >> 8) & 1 ? __builtin_inf() : __builtin_nan("");
    if ((r & 3) == 1)
        return special[(r >> 8) % HL_COUNTOF(special)];
    return (double)((int64_t)(r >> 8) % 1000) / 8.0;
}

static const HlDtype short_dtypes[] = {HL_D_I8,  HL_D_I16, HL_D_I32, HL_D_U8,
                                       HL_D_U16, HL_D_U32, HL_D_F32};

static HlType random_type(Gen *g)
{
    switch (rnd(g, 13)) {
    case 11: return HL_TYPE_NPS(short_dtypes[rnd(g, HL_COUNTOF(short_dtypes))]);
    case 12: return HL_TYPE_NPS(HL_D_U64);
    case 0: return HL_TYPE_NPS(HL_D_F64);
    case 1: return HL_TYPE_NPS(HL_D_I64);
    case 2: return HL_TYPE_NPS(HL_D_BOOL);
    case 3: return HL_TYPE(BOOL);
    case 4:
    case 5: return HL_TYPE(F64);
    case 6: return HL_TYPE(OBJ);
    default: return HL_TYPE(I64);
    }
}

static void die(const char *why)
{
    fprintf(stderr, "ir_gen: %s\n", why);
    abort();
}

static void know(Gen *g, HlRef r)
{
    if (g->nvalues < MAX_VALUES)
        g->value[g->nvalues++] = r;
}

/* --- emitting --------------------------------------------------------------------------------- */

static int32_t make_exit(Gen *g, HlReason reason)
{
    HlSlot s[MAX_SLOTS];
    for (int i = 0; i < g->nslots; i++) {
        s[i] = (HlSlot){.kind = HL_SLOT_VALUE, .a = g->slot[i], .b = HL_NOREF, .c = HL_NOREF};
        if (i == g->range_slot)
            s[i] = (HlSlot){.kind = HL_SLOT_RANGE, .a = g->slot[i], .b = g->step, .c = g->left};
        else if (g->type[i].base == HL_T_VOID)
            s[i] = (HlSlot){.kind = rnd(g, 5) ? HL_SLOT_FRAME : HL_SLOT_UNBOUND, .a = i};
        else if (g->slot[i] == HL_NOREF)
            s[i].kind = HL_SLOT_UNBOUND;
    }
    int32_t snap = hl_ir_snap(g->ir, g->pc, s, g->nslots);
    int32_t x = snap < 0 ? -1 : hl_ir_exit(g->ir, snap, reason);
    if (x < 0)
        die("out of memory");
    return x;
}

static HlIns ins_of(int op, HlRef a, HlRef b)
{
    return (HlIns){.op = (uint8_t)op, .a = {a, b, HL_NOREF, HL_NOREF, HL_NOREF}, .exit = -1};
}

/* Appends; guards get an exit. */
static HlRef emit(Gen *g, HlIns ins)
{
    static const HlReason reasons[] = {HL_R_OVERFLOW, HL_R_TYPE, HL_R_BRANCH, HL_R_INDEX,
                                       HL_R_LOOP_END};
    ins.pc = g->pc;
    if (hl_op_info[ins.op].fx & HL_E_GUARD && ins.exit < 0)
        ins.exit = make_exit(g, ins.op == HL_I_POLL ? HL_R_POLL : reasons[rnd(g, 5)]);
    HlRef r = hl_ir_emit(g->ir, g->block, &ins);
    if (r == HL_NOREF)
        die("out of memory");
    if (hl_op_info[ins.op].res != '-')
        know(g, r);
    g->budget--;
    return r;
}

static HlRef emit_typed(Gen *g, int op, HlType t, HlRef a, HlRef b)
{
    HlIns ins = ins_of(op, a, b);
    ins.type = t;
    return emit(g, ins);
}

static HlRef emit_int(Gen *g, HlType t, int64_t i)
{
    HlIns ins = ins_of(HL_I_KINT, HL_NOREF, HL_NOREF);
    ins.type = t;
    ins.imm.i = i;
    return emit(g, ins);
}

static HlRef emit_icmp(Gen *g, int cond, HlRef a, HlRef b)
{
    HlIns ins = ins_of(HL_I_ICMP, a, b);
    ins.type = HL_TYPE(BOOL);
    ins.aux = (uint8_t)cond;
    return emit(g, ins);
}

static HlRef constant(Gen *g, HlType t)
{
    HlIns ins = ins_of(HL_I_KINT, HL_NOREF, HL_NOREF);
    ins.type = t;
    switch (hl_type_repr(t)) {
    case HL_REPR_I64: ins.imm.i = random_int(&g->state); break;
    case HL_REPR_F64:
        ins.op = HL_I_KFLOAT;
        ins.imm.f = random_float(&g->state);
        break;
    case HL_REPR_I1:
        ins.op = HL_I_KBOOL;
        ins.imm.i = rnd(g, 2);
        break;
    default:
        ins.op = HL_I_KOBJ;
        ins.imm.i = rnd(g, NOBJECTS - 2);
        break;
    }
    return emit(g, ins);
}

/* What object constant k is in most worlds. */
static HlType object_type(int k)
{
    switch (k) {
    case 0: return HL_TYPE(I64);
    case 1: return HL_TYPE(F64);
    case 2: return HL_TYPE_NPS(HL_D_F64);
    case 3: return HL_TYPE_NPS(HL_D_I64);
    case 4: return HL_TYPE(BOOL);
    case 5: return HL_TYPE(OBJ);
    default: return HL_TYPE_ARR(k == NOBJECTS - 1 ? HL_D_F64 : HL_D_I64, 1);
    }
}

/* --- values ----------------------------------------------------------------------------------- */

/* A known value of exactly this type, or of its representation; HL_NOREF = none. */
static HlRef pick(Gen *g, HlType t, bool exact)
{
    HlRef found = HL_NOREF;
    int seen = 0;
    for (int i = 0; i < g->nvalues; i++) {
        HlType have = g->ir->ins[g->value[i]].type;
        bool good = exact ? hl_type_eq(have, t)
                          : have.base != HL_T_PTR && hl_type_repr(have) == hl_type_repr(t);
        /* Later values are likelier: chains, not stars. */
        if (good && (++seen == 1 || !rnd(g, seen > 6 ? 6 : seen)))
            found = g->value[i];
    }
    return found;
}

static HlRef operand(Gen *g, HlType t)
{
    HlRef r = rnd(g, 6) ? pick(g, t, false) : HL_NOREF;
    return r == HL_NOREF ? constant(g, t) : r;
}

static HlRef unsigned_op(Gen *g, HlType t, HlRef a, HlRef b)
{
    static const uint8_t ops[] = {HL_I_UADD_OV, HL_I_USUB_OV, HL_I_UMUL_OV, HL_I_USHR};
    if (rnd(g, 3))
        return emit_typed(g, ops[rnd(g, HL_COUNTOF(ops))], t, a, b);
    b = emit_int(g, HL_TYPE(I64), 1 + rnd(g, 9));
    return emit_typed(g, rnd(g, 2) ? HL_I_UDIV : HL_I_UMOD, t, a, b);
}

static HlRef int_op(Gen *g, HlType t)
{
    static const uint8_t ops[] = {HL_I_ADD,    HL_I_SUB,    HL_I_MUL,    HL_I_ADD_OV, HL_I_SUB_OV,
                                  HL_I_MUL_OV, HL_I_AND,    HL_I_OR,     HL_I_XOR,    HL_I_SHL,
                                  HL_I_SHR,    HL_I_ADD_OV, HL_I_SUB_OV, HL_I_MUL_OV, HL_I_AND};
    HlRef a = operand(g, HL_TYPE(I64)), b = operand(g, HL_TYPE(I64));
    switch (rnd(g, 13)) {
    case 0: { /* division behind its guards, or by a constant */
        HlRef zero = emit_int(g, HL_TYPE(I64), 0), minus = emit_int(g, HL_TYPE(I64), -1);
        if (rnd(g, 2)) {
            b = emit_int(g, HL_TYPE(I64), 1 + rnd(g, 9));
        } else {
            HlRef c = emit_icmp(g, HL_NE, b, zero);
            emit(g, ins_of(HL_I_GUARD_TRUE, c, HL_NOREF));
            c = emit_icmp(g, HL_EQ, b, minus);
            emit(g, ins_of(HL_I_GUARD_FALSE, c, HL_NOREF));
        }
        return emit_typed(g, rnd(g, 2) ? HL_I_FLOORDIV : HL_I_MOD, t, a, b);
    }
    case 1: {
        HlRef k = emit_int(g, HL_TYPE(I64), rnd(g, 4));
        if (rnd(g, 3) == 0) {
            HlIns ins = ins_of(HL_I_POWMOD, a, k);
            ins.type = t;
            ins.a[2] = b;
            return emit(g, ins);
        }
        return emit_typed(g, rnd(g, 2) ? HL_I_IPOW : HL_I_IPOW_OV, t, a, k);
    }
    case 2: return emit_typed(g, HL_I_ZEXT, t, operand(g, HL_TYPE(BOOL)), HL_NOREF);
    case 3: return emit_typed(g, HL_I_FPTOSI_OV, t, operand(g, HL_TYPE(F64)), HL_NOREF);
    case 5: {
        HlRef k = emit_int(g, HL_TYPE(I64), rnd(g, 10));
        return emit_typed(g, rnd(g, 2) ? HL_I_SHL_OV : HL_I_SHR, t, a, k);
    }
    case 6: { /* x = (a * x + c) & mask */
        int64_t mask = rnd(g, 4) ? (INT64_C(1) << (20 + rnd(g, 40))) - 1 : -16;
        HlRef k = emit_int(g, HL_TYPE(I64), mask);
        HlRef c = emit_int(g, HL_TYPE(I64), INT64_C(6364136223846793005) >> rnd(g, 30));
        HlRef m = emit_typed(g, HL_I_MUL_OV, HL_TYPE(I64), a, c);
        m = emit_typed(g, rnd(g, 2) ? HL_I_ADD_OV : HL_I_SUB_OV, HL_TYPE(I64), m, b);
        return emit_typed(g, HL_I_AND, t, m, k);
    }
    case 4: { /* masks and remainders: what ranges are made of */
        HlRef k = emit_int(g, HL_TYPE(I64), (INT64_C(1) << rnd(g, 40)) - 1);
        return emit_typed(g, HL_I_AND, t, a, k);
    }
    case 7: return unsigned_op(g, t, a, b);
    case 8: {
        HlIns ins = ins_of(rnd(g, 3) ? HL_I_NARROW : HL_I_NARROW_OV, a, HL_NOREF);
        ins.aux = rnd(g, 5) ? short_dtypes[rnd(g, 6)] : HL_D_U64;
        ins.type = t;
        return emit(g, ins);
    }
    default: return emit_typed(g, ops[rnd(g, HL_COUNTOF(ops))], t, a, b);
    }
}

static HlRef float_op(Gen *g, HlType t)
{
    static const uint8_t ops[] = {HL_I_FADD, HL_I_FSUB, HL_I_FMUL, HL_I_FDIV};
    HlRef a = operand(g, HL_TYPE(F64)), b = operand(g, HL_TYPE(F64));
    HlIns ins;
    switch (rnd(g, 8)) {
    case 0:
        return emit_typed(g, rnd(g, 3) ? HL_I_SITOFP : HL_I_UITOFP, t, operand(g, HL_TYPE(I64)),
                          HL_NOREF);
    case 4: return emit_typed(g, HL_I_FROUND32, t, a, HL_NOREF);
    case 1: return emit_typed(g, rnd(g, 2) ? HL_I_FNEG : HL_I_FABS, t, a, HL_NOREF);
    case 2:
        ins = ins_of(HL_I_FMATH1, a, HL_NOREF);
        ins.type = t;
        ins.aux = HL_M_SQRT;
        return emit(g, ins);
    case 3: {
        HlRef r = emit_typed(g, HL_I_FDIV, t, a, b);
        ins = ins_of(HL_I_GUARD_FP, r, a);
        ins.a[2] = b;
        emit(g, rnd(g, 3) ? ins : ins_of(HL_I_GUARD_FINITE, r, HL_NOREF));
        return r;
    }
    default: return emit_typed(g, ops[rnd(g, 4)], t, a, b);
    }
}

static HlRef bool_op(Gen *g, HlType t)
{
    static const uint8_t ops[] = {HL_I_BAND, HL_I_BOR, HL_I_BXOR};
    HlIns ins;
    switch (rnd(g, 6)) {
    case 0: return emit_typed(g, HL_I_BNOT, t, operand(g, t), HL_NOREF);
    case 1: {
        HlRef a = operand(g, t), b = operand(g, t);
        return emit_typed(g, ops[rnd(g, 3)], t, a, b);
    }
    case 2: {
        HlRef a = operand(g, HL_TYPE(OBJ)), b = operand(g, HL_TYPE(OBJ));
        return emit_typed(g, HL_I_IS, t, a, b);
    }
    case 3:
        ins = ins_of(HL_I_FCMP, operand(g, HL_TYPE(F64)), HL_NOREF);
        ins.a[1] = operand(g, HL_TYPE(F64));
        break;
    default:
        ins = ins_of(HL_I_ICMP, operand(g, HL_TYPE(I64)), HL_NOREF);
        ins.a[1] = operand(g, HL_TYPE(I64));
        break;
    }
    ins.type = t;
    ins.aux = (uint8_t)rnd(g, 6);
    return emit(g, ins);
}

/* Unboxes an object behind the check of its type; HL_NOREF when t is nothing to unbox. */
static HlRef unbox(Gen *g, HlType t)
{
    bool other =
        t.base == HL_T_NPS && t.dtype != HL_D_BOOL && t.dtype != HL_D_I64 && t.dtype != HL_D_F64;
    if (hl_type_repr(t) == HL_REPR_PTR)
        return HL_NOREF;
    HlRef p = rnd(g, 6) ? HL_NOREF : pick(g, HL_TYPE(OBJ), true);
    if (p == HL_NOREF) {
        HlIns k = ins_of(HL_I_KOBJ, HL_NOREF, HL_NOREF);
        k.type = HL_TYPE(OBJ);
        while (k.imm.i < 5 && !hl_type_eq(object_type((int)k.imm.i), t))
            k.imm.i++;
        p = emit(g, k);
    }
    if (g->ir->ins[p].op != HL_I_KOBJ)
        emit(g, ins_of(HL_I_GUARD_BOUND, p, HL_NOREF));
    HlIns check = ins_of(HL_I_GUARD_TYPE, p, HL_NOREF);
    check.check = t;
    if (t.base == HL_T_I64)
        return emit_typed(g, HL_I_UNBOX_I64, t, p, HL_NOREF);
    emit(g, check);
    if (other) {
        HlIns ins = ins_of(HL_I_UNBOX_NP, p, HL_NOREF);
        ins.type = t;
        ins.aux = t.dtype;
        return emit(g, ins);
    }
    switch (hl_type_repr(t)) {
    case HL_REPR_F64: return emit_typed(g, HL_I_UNBOX_F64, t, p, HL_NOREF);
    case HL_REPR_I64: return emit_typed(g, HL_I_UNBOX_NPI64, t, p, HL_NOREF);
    default:
        return emit_typed(g, t.base == HL_T_BOOL ? HL_I_UNBOX_BOOL : HL_I_UNBOX_NPBOOL, t, p,
                          HL_NOREF);
    }
}

static HlRef global(Gen *g)
{
    HlIns ins = ins_of(HL_I_LOAD_GLOBAL, HL_NOREF, HL_NOREF);
    ins.imm.i = rnd(g, NGLOBALS);
    if (rnd(g, 2)) {
        ins.op = HL_I_GUARD_GLOBAL;
        emit(g, ins);
        return constant(g, HL_TYPE(OBJ));
    }
    ins.type = HL_TYPE(OBJ);
    return emit(g, ins);
}

/* An operation that was done before, once more: the same, or with its operands or its sense
 * turned. */
static HlRef again(Gen *g, HlType t)
{
    HlRef r = pick(g, t, true);
    if (r == HL_NOREF || g->ir->ins[r].op == HL_I_PARAM)
        return HL_NOREF;
    HlIns ins = g->ir->ins[r];
    ins.exit = -1;
    if (ins.op == HL_I_ICMP && rnd(g, 2)) {
        static const uint8_t swapped[] = {[HL_LT] = HL_GT, [HL_LE] = HL_GE, [HL_EQ] = HL_EQ,
                                          [HL_NE] = HL_NE, [HL_GT] = HL_LT, [HL_GE] = HL_LE};
        HlRef a = ins.a[0];
        ins.a[0] = ins.a[1];
        ins.a[1] = a;
        ins.aux = swapped[ins.aux];
    }
    if (ins.op == HL_I_ICMP && !rnd(g, 3))
        ins.aux = (uint8_t)rnd(g, 6);
    if ((ins.op == HL_I_SUB || ins.op == HL_I_SUB_OV || ins.op == HL_I_ADD_OV) && !rnd(g, 3)) {
        HlRef a = ins.a[0];
        ins.a[0] = ins.a[1];
        ins.a[1] = a;
    }
    return emit(g, ins);
}

static HlRef value_of(Gen *g, HlType t)
{
    HlRef r;
    if (!rnd(g, 3) && (r = again(g, t)) != HL_NOREF)
        return r;
    if (!rnd(g, 8) && (r = pick(g, t, true)) != HL_NOREF)
        return r;
    if (!rnd(g, 9))
        return constant(g, t);
    if (!rnd(g, 9)) {
        HlIns ins = ins_of(HL_I_SELECT, operand(g, HL_TYPE(BOOL)), HL_NOREF);
        ins.a[1] = operand(g, t);
        ins.a[2] = operand(g, t);
        ins.type = t;
        return emit(g, ins);
    }
    if (!rnd(g, 9))
        return emit_typed(g, HL_I_RETYPE, t, operand(g, t), HL_NOREF);
    if (!rnd(g, 9) && (r = unbox(g, t)) != HL_NOREF)
        return r;
    switch (hl_type_repr(t)) {
    case HL_REPR_I64: return int_op(g, t);
    case HL_REPR_F64: return float_op(g, t);
    case HL_REPR_I1: return bool_op(g, t);
    default: return rnd(g, 2) ? global(g) : constant(g, t);
    }
}

/* A condition that mostly holds. */
static HlRef likely(Gen *g)
{
    HlRef a, b;
    if (!rnd(g, 4))
        return value_of(g, HL_TYPE(BOOL));
    a = operand(g, HL_TYPE(I64));
    b = emit_int(g, HL_TYPE(I64), rnd(g, 2) ? 17 + rnd(g, 100) : rnd(g, 12));
    return emit_icmp(g, g->ir->ins[b].imm.i < 17 ? HL_NE : HL_LT, a, b);
}

/* --- statements ------------------------------------------------------------------------------- */

/* Takes an array to work with: the one in slot 0, or an array constant. */
static void choose_array(Gen *g, bool store)
{
    HlRef p = g->slot[0];
    HlIns ins;
    if (rnd(g, 2)) {
        ins = ins_of(HL_I_KOBJ, HL_NOREF, HL_NOREF);
        ins.type = HL_TYPE(OBJ);
        ins.imm.i = NOBJECTS - 1 - rnd(g, 2);
        p = emit(g, ins);
        HlIns check = ins_of(HL_I_GUARD_ARRAY, p, HL_NOREF);
        check.check = object_type((int)ins.imm.i);
        emit(g, check);
    }
    if (store)
        emit(g, ins_of(HL_I_GUARD_WRITEABLE, p, HL_NOREF));
    g->array[0] = p;
    g->array[1] = emit_typed(g, HL_I_ARRAY_DATA, HL_TYPE(PTR), p, HL_NOREF);
    g->array[2] = emit_typed(g, HL_I_ARRAY_STRIDE, HL_TYPE(I64), p, HL_NOREF);
    g->array[3] = emit_typed(g, HL_I_ARRAY_LEN, HL_TYPE(I64), p, HL_NOREF);
    g->at = HL_NOREF;
}

static void choose_index(Gen *g)
{
    HlRef at = operand(g, HL_TYPE(I64));
    switch (rnd(g, 4)) {
    case 0: /* a loop's variable, perhaps */
        for (int i = 1; i < g->nslots; i++) {
            if (g->slot[i] != HL_NOREF && g->type[i].base == HL_T_I64 && i != g->range_slot)
                at = g->slot[i];
        }
        break;
    case 1: at = emit_int(g, HL_TYPE(I64), rnd(g, 3)); break;
    default: {
        HlRef mask = emit_int(g, HL_TYPE(I64), 1 + 2 * rnd(g, 2));
        at = emit_typed(g, HL_I_AND, HL_TYPE(I64), at, mask);
        break;
    }
    }
    g->at = emit_typed(g, HL_I_INDEX, HL_TYPE(I64), at, g->array[3]);
}

/* A value that is one of the dtype's. */
static HlRef item_operand(Gen *g, uint8_t dtype)
{
    HlRef r = operand(g, HL_TYPE_NPS(dtype));
    HlIns ins = ins_of(dtype == HL_D_F32 ? HL_I_FROUND32 : HL_I_NARROW, r, HL_NOREF);
    if (hl_dtype_size((HlDtype)dtype) == 8)
        return r;
    ins.type = HL_TYPE_NPS(dtype);
    ins.aux = dtype == HL_D_F32 ? 0 : dtype;
    return emit(g, ins);
}

/* Loads an item, or stores one; often the one that was used before. */
static void array_statement(Gen *g)
{
    bool store = !rnd(g, 3);
    if (g->at == HL_NOREF || !rnd(g, 3))
        choose_array(g, store);
    else if (store)
        emit(g, ins_of(HL_I_GUARD_WRITEABLE, g->array[0], HL_NOREF));
    if (g->at == HL_NOREF || !rnd(g, 2))
        choose_index(g);
    const HlIns *array = &g->ir->ins[g->array[0]];
    HlType t = array->op == HL_I_KOBJ ? object_type((int)array->imm.i) : array->type;
    HlIns ins = ins_of(store ? HL_I_ARRAY_STORE : HL_I_ARRAY_LOAD, g->array[1], g->array[2]);
    ins.a[2] = g->at;
    ins.aux = t.dtype;
    if (store)
        ins.a[3] = item_operand(g, t.dtype);
    if (store && !rnd(g, 3)) {
        ins.op = HL_I_ARRAY_STORE_IF;
        ins.a[4] = operand(g, HL_TYPE(BOOL));
    } else if (!store)
        ins.type = HL_TYPE_NPS(t.dtype);
    HlRef r = emit(g, ins);
    for (int i = 1; i < g->nslots && !store; i++) {
        if (g->slot[i] != HL_NOREF && hl_type_eq(g->type[i], ins.type))
            g->slot[i] = r;
    }
}

/* Where control can be joined: parameters for all slots, in a new block. */
static int32_t new_join(Gen *g)
{
    int32_t b = hl_ir_block(g->ir, g->pc);
    if (b < 0)
        die("out of memory");
    for (int i = 0; i < g->nslots; i++) {
        if (g->slot[i] != HL_NOREF && hl_ir_param(g->ir, b, g->type[i]) == HL_NOREF)
            die("out of memory");
    }
    if (g->range_slot >= 0 && hl_ir_param(g->ir, b, HL_TYPE(I64)) == HL_NOREF)
        die("out of memory");
    return b;
}

static void jump_to(Gen *g, int32_t target)
{
    HlRef args[MAX_SLOTS + 1];
    int n = 0;
    for (int i = 0; i < g->nslots; i++) {
        if (g->slot[i] != HL_NOREF)
            args[n++] = g->slot[i];
    }
    if (g->range_slot >= 0)
        args[n++] = g->left;
    if (hl_ir_jump(g->ir, g->block, target, args, n))
        die("out of memory");
}

static void enter(Gen *g, int32_t block)
{
    const HlRefVec *params = &g->ir->blocks[block].params;
    int n = 0;
    g->block = block;
    for (int i = 0; i < g->nslots; i++) {
        if (g->slot[i] != HL_NOREF) {
            g->slot[i] = params->v[n++];
            know(g, g->slot[i]);
        }
    }
    if (g->range_slot >= 0)
        g->left = params->v[n++];
}

static bool statements(Gen *g);

/* A branch that both sides of were recorded; a side may leave, or go round the loop. */
static bool if_statement(Gen *g)
{
    HlRef cond = value_of(g, HL_TYPE(BOOL));
    int32_t x = make_exit(g, HL_R_BRANCH);
    HlIns guard = ins_of(rnd(g, 2) ? HL_I_GUARD_TRUE : HL_I_GUARD_FALSE, cond, HL_NOREF);
    guard.exit = x;
    emit(g, guard);
    Gen before = *g;
    int32_t x2 = -1;
    if (!rnd(g, 5)) { /* `if a and b`: two ways to the other side */
        cond = value_of(g, HL_TYPE(BOOL));
        x2 = make_exit(g, HL_R_BRANCH);
        guard = ins_of(rnd(g, 2) ? HL_I_GUARD_TRUE : HL_I_GUARD_FALSE, cond, HL_NOREF);
        guard.exit = x2;
        emit(g, guard);
    }
    int32_t join = new_join(g);
    bool then_joins = statements(g);
    if (then_joins)
        jump_to(g, join);
    int budget = g->budget;
    int32_t other = hl_ir_block(g->ir, g->pc);
    g->ir->exits[x].target = other;
    if (x2 >= 0)
        g->ir->exits[x2].target = other;
    uint64_t state = g->state;
    *g = before; /* the slots and values of the other side */
    g->state = state;
    g->budget = budget;
    g->block = other;
    bool else_joins = statements(g);
    if (else_joins)
        jump_to(g, join);
    budget = g->budget;
    state = g->state;
    *g = before;
    g->state = state;
    g->budget = budget;
    enter(g, join);
    if (!then_joins && !else_joins) /* cannot be reached, but has to be well formed */
        hl_ir_end(g->ir, join, make_exit(g, HL_R_RETURN));
    return then_joins || else_joins;
}

/* The range iterator's next value goes to a slot; behind the end of the loop when nothing is
 * left. */
static void next_of_range(Gen *g, int32_t x)
{
    HlRef zero = emit_int(g, HL_TYPE(I64), 0), one = emit_int(g, HL_TYPE(I64), 1);
    HlRef more = emit_icmp(g, HL_GT, g->left, zero);
    HlIns guard = ins_of(HL_I_GUARD_TRUE, more, HL_NOREF);
    guard.exit = x;
    emit(g, guard);
    for (int i = 1; i < g->nslots; i++) {
        if (i != g->range_slot && g->type[i].base == HL_T_I64)
            g->slot[i] = g->slot[g->range_slot];
    }
    g->slot[g->range_slot] = emit_typed(g, HL_I_ADD, HL_TYPE(I64), g->slot[g->range_slot], g->step);
    g->left = emit_typed(g, HL_I_SUB, HL_TYPE(I64), g->left, one);
}

static bool loop_statement(Gen *g)
{
    Gen before = *g;
    int32_t header = new_join(g);
    g->ir->blocks[header].loop = g->ir->nloops++;
    jump_to(g, header);
    enter(g, header);
    g->header = header;
    g->pc++;
    if (rnd(g, 4))
        emit(g, ins_of(HL_I_POLL, HL_NOREF, HL_NOREF));
    int32_t x = make_exit(g, HL_R_LOOP_END);
    if (g->range_slot >= 0 && rnd(g, 2)) {
        next_of_range(g, x);
    } else {
        HlRef cond = likely(g);
        HlIns guard = ins_of(HL_I_GUARD_TRUE, cond, HL_NOREF);
        guard.exit = x;
        emit(g, guard);
    }
    Gen inside = *g;
    if (statements(g)) {
        if (!rnd(g, 2))
            emit(g, ins_of(HL_I_POLL, HL_NOREF, HL_NOREF));
        jump_to(g, header);
    }
    uint64_t state = g->state;
    int budget = g->budget;
    if (before.header < 0) /* the root loop: its end leaves */
        return false;
    /* Behind the loop: what is known at its header's guard, in a block that continues the exit. */
    int32_t behind = hl_ir_block(g->ir, g->pc);
    g->ir->exits[x].target = behind;
    *g = inside;
    enter(g, header);
    g->nvalues = before.nvalues;
    for (int i = 0; i < g->nslots; i++) {
        if (g->slot[i] != HL_NOREF)
            know(g, g->slot[i]);
    }
    g->state = state;
    g->budget = budget;
    g->header = before.header;
    g->block = behind;
    return true;
}

/* Fills the current block and those behind it; false when control does not come out at the end. */
static bool statements(Gen *g)
{
    g->depth++;
    bool on = true;
    for (int n = 2 + rnd(g, 9); n > 0 && on && g->budget > 0; n--) {
        g->pc++;
        int what = rnd(g, 16);
        if (what < 2 && g->depth < 5) {
            on = if_statement(g);
        } else if (what == 2 && g->depth < 4) {
            on = loop_statement(g);
        } else if (what < 6) {
            array_statement(g);
        } else if (what == 6) {
            HlRef cond = likely(g);
            emit(g, ins_of(rnd(g, 8) ? HL_I_GUARD_TRUE : HL_I_GUARD_FALSE, cond, HL_NOREF));
        } else if (what == 7 && g->depth > 2 && !rnd(g, 3)) {
            hl_ir_end(g->ir, g->block, make_exit(g, HL_R_NYI_CALL));
            on = false;
        } else if (what == 8 && g->depth > 2 && g->header >= 0 && !rnd(g, 3)) {
            emit(g, ins_of(HL_I_POLL, HL_NOREF, HL_NOREF));
            jump_to(g, g->header);
            on = false;
        } else {
            int i = 1 + rnd(g, g->nslots - 1);
            if (i != g->range_slot && g->slot[i] != HL_NOREF)
                g->slot[i] = rnd(g, 8) ? value_of(g, g->type[i]) : constant(g, g->type[i]);
            else
                value_of(g, random_type(g));
        }
    }
    g->depth--;
    return on;
}

static void entry_input(Gen *g, int slot, HlInputPart part, HlType t)
{
    HlRef r = hl_ir_param(g->ir, 0, t);
    if (r == HL_NOREF || hl_ir_input(g->ir, slot, part) < 0)
        die("out of memory");
    if (part <= HL_IN_RANGE_NEXT)
        g->slot[slot] = r;
    else if (part == HL_IN_RANGE_STEP)
        g->step = r;
    else
        g->left = r;
    know(g, r);
}

HlIr *gen_region(uint64_t seed)
{
    Gen g = {
        .state = seed, .range_slot = -1, .header = -1, .pc = 10, .at = HL_NOREF, .step = HL_NOREF};
    g.nslots = 3 + rnd(&g, MAX_SLOTS - 3);
    g.budget = 10 + rnd(&g, 300);
    g.ir = hl_ir_new("fuzz", g.nslots - 1, 0);
    if (!g.ir || hl_ir_block(g.ir, g.pc) < 0)
        die("out of memory");
    for (int i = 0; i < g.nslots; i++) {
        g.slot[i] = HL_NOREF;
        g.type[i] = i ? random_type(&g) : HL_TYPE_ARR(HL_D_F64, 1);
        if (i == 0 && !rnd(&g, 3))
            g.type[i].dtype = (uint8_t)short_dtypes[rnd(&g, HL_COUNTOF(short_dtypes))];
        if (i && !rnd(&g, 8)) {
            g.type[i] = HL_TYPE(VOID);
            continue;
        }
        if (i == g.nslots - 1 && rnd(&g, 4)) {
            g.range_slot = i;
            g.type[i] = HL_TYPE(I64);
            entry_input(&g, i, HL_IN_RANGE_NEXT, HL_TYPE(I64));
            entry_input(&g, i, HL_IN_RANGE_LEFT, HL_TYPE(I64));
            if (rnd(&g, 2))
                entry_input(&g, i, HL_IN_RANGE_STEP, HL_TYPE(I64));
        } else {
            entry_input(&g, i, HL_IN_VALUE, g.type[i]);
        }
    }
    g.block = 0;
    if (g.range_slot >= 0 && g.step == HL_NOREF)
        g.step = emit_int(&g, HL_TYPE(I64), rnd(&g, 3) ? 1 : 2 * rnd(&g, 3) - 2 + rnd(&g, 2));
    if (rnd(&g, 8))
        g.ir->entry_exit = make_exit(&g, HL_R_ENTRY);
    loop_statement(&g);
    return g.ir;
}

/* --- worlds ----------------------------------------------------------------------------------- */

static int64_t random_word(uint64_t *state, HlType t)
{
    double f;
    int64_t word = 0;
    switch (hl_type_repr(t)) {
    case HL_REPR_I64:
        word = random_int(state);
        return t.base == HL_T_NPS ? hl_dtype_narrow((HlDtype)t.dtype, word) : word;
    case HL_REPR_I1: return (int64_t)(rnd64(state) & 1);
    case HL_REPR_F64:
        f = random_float(state);
        if (t.base == HL_T_NPS && t.dtype == HL_D_F32)
            f = (float)f;
        memcpy(&word, &f, sizeof word);
        return word;
    default: return 0;
    }
}

static ExecObj *random_object(GenWorld *w, uint64_t *state, HlType t)
{
    ExecObj *o = &w->pool[w->npool];
    *o = (ExecObj){.type = t, .id = w->npool++};
    if (t.base == HL_T_ARR) {
        o->len = 3 + (int64_t)(rnd64(state) % 7);
        o->read_only = !(rnd64(state) % 20);
        o->items = calloc((size_t)o->len, sizeof *o->items);
        if (!o->items)
            die("out of memory");
        for (int64_t i = 0; i < o->len; i++)
            o->items[i] = random_word(state, HL_TYPE_NPS(t.dtype));
    } else {
        o->word = random_word(state, t);
        o->big = t.base == HL_T_I64 && !(rnd64(state) % 20);
    }
    return o;
}

static HlType random_object_type(uint64_t *state)
{
    switch (rnd64(state) % 7) {
    case 0: return HL_TYPE(OBJ);
    case 1: return HL_TYPE(F64);
    case 2: return HL_TYPE(BOOL);
    case 3: return HL_TYPE_NPS(HL_D_F64);
    case 4: return HL_TYPE_NPS(HL_D_I64);
    default: return HL_TYPE(I64);
    }
}

void gen_world(const HlIr *ir, uint64_t seed, GenWorld *w)
{
    uint64_t state = seed ^ UINT64_C(0x5bf03635);
    *w = (GenWorld){0};
    w->pool = calloc((size_t)(NOBJECTS + NGLOBALS + ir->ninputs), sizeof *w->pool);
    w->in = calloc((size_t)ir->ninputs + 1, sizeof *w->in);
    w->world.objects = calloc(NOBJECTS, sizeof *w->world.objects);
    w->world.globals = calloc(NGLOBALS, sizeof *w->world.globals);
    w->world.same = calloc(NGLOBALS, sizeof *w->world.same);
    if (!w->pool || !w->in || !w->world.objects || !w->world.globals || !w->world.same)
        die("out of memory");
    w->world.nobjects = NOBJECTS;
    w->world.nglobals = NGLOBALS;
    w->world.polls = (long)(rnd64(&state) % 60);
    for (int i = 0; i < NOBJECTS; i++) {
        HlType t = object_type(i);
        if (i < NOBJECTS - 2 && !(rnd64(&state) % 20))
            t = random_object_type(&state);
        w->world.objects[i] = random_object(w, &state, t);
    }
    for (int i = 0; i < NGLOBALS; i++) {
        w->world.same[i] = rnd64(&state) % 20;
        if (rnd64(&state) % 20)
            w->world.globals[i] = random_object(w, &state, random_object_type(&state));
    }
    for (int32_t i = 0; i < ir->ninputs; i++) {
        HlType t = ir->ins[ir->blocks[0].params.v[i]].type;
        if (ir->inputs[i].part == HL_IN_RANGE_LEFT)
            w->in[i] = (int64_t)(rnd64(&state) % 12);
        else if (ir->inputs[i].part != HL_IN_VALUE)
            w->in[i] = (int64_t)(rnd64(&state) % 7) - 3;
        else if (t.base == HL_T_OBJ)
            w->in[i] = rnd64(&state) % 10
                           ? (intptr_t)random_object(w, &state, random_object_type(&state))
                           : 0;
        else if (t.base == HL_T_ARR)
            w->in[i] = (intptr_t)random_object(w, &state, t);
        else
            w->in[i] = random_word(&state, t);
    }
}

char *gen_world_text(const GenWorld *w)
{
    size_t cap = 64;
    for (int i = 0; i < w->npool; i++)
        cap += 32 + (size_t)w->pool[i].len * 20;
    char *s = malloc(cap);
    if (!s)
        die("out of memory");
    size_t n = 0;
    s[0] = 0;
    for (int i = 0; i < w->npool; i++) {
        if (!w->pool[i].items)
            continue;
        n += (size_t)sprintf(s + n, "array %d:", i);
        for (int64_t k = 0; k < w->pool[i].len; k++)
            n += (size_t)sprintf(s + n, " %" PRIx64, (uint64_t)w->pool[i].items[k]);
        n += (size_t)sprintf(s + n, "\n");
    }
    return s;
}

void gen_world_free(GenWorld *w)
{
    for (int i = 0; i < w->npool; i++)
        free(w->pool[i].items);
    free(w->pool);
    free(w->in);
    free(w->world.objects);
    free(w->world.globals);
    free(w->world.same);
    *w = (GenWorld){0};
}
