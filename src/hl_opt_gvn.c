/* hl_opt_gvn.c - global value numbering with folding, and what guards have proved.
 *
 * Blocks are visited in reverse post-order, so that what dominates an instruction has been seen.
 * Every pure instruction and guard is first simplified (constants, algebra that is exact bit for
 * bit), then looked up among equal ones; one that precedes it on every path makes it redundant. A
 * guard that was passed is also a fact about its condition, and so is the failure of a guard in the
 * block that continues its exit: facts are entries of the same table.
 *
 * Items of arrays and lists: a load's key holds the state of memory, which is the last store before it in
 * its block or, at a block's start, that of the only way in. Array headers, objects' types and globals
 * have a state of their own, which only a STEP changes: where there is none, what reads those is merged
 * as if it were pure. A guard that is known to fail stays: leaving is what the program does there. */
#include <math.h>

#include "hl_opt.h"

/* What makes two instructions equal. Compared and hashed as bytes: made by memset, padding
 * included. */
typedef struct GvnKey {
    uint8_t op, aux;
    HlType type, check;
    HlRef a[HL_MAX_ARGS];
    int32_t memory;
    int64_t imm;
} GvnKey;

typedef struct GvnEntry {
    GvnKey key;
    HlRef value;        /* HL_NOREF for facts and guards without result */
    int32_t block, pos; /* holds from here on */
    int32_t next;       /* in its bucket, -1 = last */
} GvnEntry;

/* Kinds of memory whose states are told apart. */
enum { GVN_ITEMS, GVN_HEAP, GVN_MEMORIES };

typedef struct Gvn {
    HlIr *ir;
    HlCfg cfg;
    HlRef *map;
    int32_t *bucket; /* heads of lists of entries, -1 = empty */
    uint32_t mask;
    GvnEntry *entry;
    int32_t nentry, cap_entry;
    struct {
        uint16_t written_by; /* effects that change it */
        bool changes;        /* there is such an instruction at all */
        int32_t *at;         /* block -> state at its start */
        int32_t now;         /* where it is being visited */
    } memory[GVN_MEMORIES];
    HlRefVec made;      /* constants, old and new: they go to the front of the entry block */
    bool failed;        /* out of memory */
    int32_t block, pos; /* what is being visited */
} Gvn;

static uint32_t gvn_hash(const GvnKey *k)
{
    const uint8_t *p = (const uint8_t *)k;
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < sizeof *k; i += 8) {
        uint64_t word = 0;
        memcpy(&word, p + i, sizeof *k - i < 8 ? sizeof *k - i : 8);
        h = (h ^ word) * UINT64_C(0x9fb21c651e98df25);
        h ^= h >> 32;
    }
    return (uint32_t)h;
}

/* The entry for a key that holds at the place being visited, NULL = none. */
static const GvnEntry *gvn_lookup(const Gvn *g, const GvnKey *k)
{
    for (int32_t e = g->bucket[gvn_hash(k) & g->mask]; e >= 0; e = g->entry[e].next) {
        const GvnEntry *entry = &g->entry[e];
        if (!memcmp(&entry->key, k, sizeof *k) &&
            hl_cfg_precedes(&g->cfg, entry->block, entry->pos, g->block, g->pos))
            return entry;
    }
    return NULL;
}

static void gvn_insert_at(Gvn *g, const GvnKey *k, HlRef value, int32_t block, int32_t pos)
{
    if (hl_mem_grow((void **)&g->entry, &g->cap_entry, g->nentry + 1, sizeof *g->entry)) {
        g->failed = true;
        return;
    }
    int32_t *head = &g->bucket[gvn_hash(k) & g->mask];
    GvnEntry *e = &g->entry[g->nentry];
    memcpy(&e->key, k, sizeof *k);
    e->value = value;
    e->block = block;
    e->pos = pos;
    e->next = *head;
    *head = g->nentry++;
}

static void gvn_insert(Gvn *g, const GvnKey *k, HlRef value)
{
    gvn_insert_at(g, k, value, g->block, g->pos);
}

static void gvn_key(GvnKey *k, uint8_t op)
{
    memset(k, 0, sizeof *k);
    k->op = op;
    for (int i = 0; i < HL_MAX_ARGS; i++)
        k->a[i] = HL_NOREF;
}

static void gvn_key_type(HlType *to, HlType from)
{
    to->base = from.base;
    to->dtype = from.dtype;
    to->ndim = from.ndim;
    to->turned = from.turned;
    to->axes = from.axes;
}

static bool gvn_commutes(uint8_t op)
{
    switch (op) {
    case HL_I_ADD:
    case HL_I_MUL:
    case HL_I_ADD_OV:
    case HL_I_MUL_OV:
    case HL_I_AND:
    case HL_I_OR:
    case HL_I_XOR:
    case HL_I_BAND:
    case HL_I_BOR:
    case HL_I_BXOR:
    case HL_I_IS: return true;
    default: return false;
    }
}

static void gvn_key_ins(const HlIns *ins, GvnKey *k)
{
    gvn_key(k, ins->op);
    k->aux = ins->op == HL_I_INDEX ? 0 : ins->aux;
    gvn_key_type(&k->type, ins->type);
    gvn_key_type(&k->check, ins->check);
    int n = hl_op_info[ins->op].nargs;
    for (int i = 0; i < n; i++)
        k->a[i] = ins->a[i];
    k->imm = ins->imm.i;
    if (gvn_commutes(ins->op) && k->a[0] > k->a[1]) {
        k->a[0] = ins->a[1];
        k->a[1] = ins->a[0];
    } else if (ins->op == HL_I_ICMP && k->a[0] > k->a[1]) {
        k->a[0] = ins->a[1];
        k->a[1] = ins->a[0];
        k->aux = hl_opt_swapped(ins->aux);
    }
}

/* --- facts ------------------------------------------------------------------------------------ */

/* The key of "cond is truth". Integer comparisons are brought to < and == of ordered operands, so
 * that a >= b being true is known when a < b was false. */
static void gvn_fact_key(const Gvn *g, HlRef cond, bool truth, GvnKey *k)
{
    const HlIns *ins = &g->ir->ins[cond];
    while (ins->op == HL_I_BNOT || ins->op == HL_I_RETYPE) {
        truth ^= ins->op == HL_I_BNOT;
        cond = ins->a[0];
        ins = &g->ir->ins[cond];
    }
    gvn_key(k, HL_I_GUARD_TRUE);
    k->a[0] = cond;
    if (ins->op == HL_I_ICMP) {
        uint8_t c = ins->aux;
        HlRef a = ins->a[0], b = ins->a[1];
        if (c == HL_GE || c == HL_NE || c == HL_LE) {
            c = hl_opt_inverse(c);
            truth = !truth;
        }
        if (c == HL_GT || (c == HL_EQ && a > b)) {
            c = hl_opt_swapped(c);
            a = ins->a[1];
            b = ins->a[0];
        }
        k->aux = (uint8_t)(c + 1);
        k->a[0] = a;
        k->a[1] = b;
    }
    k->imm = truth;
}

/* 1 = cond is known to be true here, 0 = false, -1 = not known. */
static int gvn_known(const Gvn *g, HlRef cond)
{
    const HlIns *ins = &g->ir->ins[cond];
    if (ins->op == HL_I_KBOOL)
        return ins->imm.i != 0;
    GvnKey k;
    for (int truth = 0; truth < 2; truth++) {
        gvn_fact_key(g, cond, truth, &k);
        if (gvn_lookup(g, &k))
            return truth;
    }
    return -1;
}

/* Takes note that cond is `truth` from a place on. */
static void gvn_learn(Gvn *g, HlRef cond, bool truth, int32_t block, int32_t pos)
{
    GvnKey k;
    gvn_fact_key(g, cond, truth, &k);
    gvn_insert_at(g, &k, HL_NOREF, block, pos);
    const HlIns *ins = &g->ir->ins[cond];
    if (ins->op == HL_I_BNOT)
        gvn_learn(g, ins->a[0], !truth, block, pos);
    else if (ins->op == (truth ? HL_I_BAND : HL_I_BOR))
        for (int i = 0; i < 2; i++)
            gvn_learn(g, ins->a[i], truth, block, pos);
}

/* --- folding ---------------------------------------------------------------------------------- */

/* Changes made to an instruction in place; the reference of an equal value; or neither. */
enum { GVN_REMOVE = -3, GVN_KEEP = -2 };

static HlRef gvn_become(HlIns *ins, uint8_t op)
{
    ins->op = op;
    ins->aux = 0;
    ins->exit = -1;
    for (int i = 0; i < HL_MAX_ARGS; i++)
        ins->a[i] = HL_NOREF;
    return GVN_KEEP;
}

static HlRef gvn_int(HlIns *ins, int64_t i)
{
    gvn_become(ins, HL_I_KINT);
    ins->imm.i = i;
    return GVN_KEEP;
}

static HlRef gvn_bool(HlIns *ins, bool b)
{
    gvn_become(ins, HL_I_KBOOL);
    ins->imm.i = b;
    return GVN_KEEP;
}

/* A computed NaN's sign and payload depend on the processor: not folded. */
static HlRef gvn_float(HlIns *ins, double f)
{
    if (isnan(f))
        return GVN_KEEP;
    gvn_become(ins, HL_I_KFLOAT);
    ins->imm.f = f;
    return GVN_KEEP;
}

/* The instruction is the value r, boxed to the instruction's own type. */
static HlRef gvn_same(const Gvn *g, HlIns *ins, HlRef r)
{
    const HlIns *from = &g->ir->ins[r];
    while (from->op == HL_I_RETYPE && !hl_type_eq(from->type, ins->type))
        from = &g->ir->ins[r = from->a[0]];
    if (hl_type_eq(from->type, ins->type))
        return r;
    if (from->op == HL_I_KINT || from->op == HL_I_KFLOAT || from->op == HL_I_KBOOL) {
        gvn_become(ins, from->op);
        ins->imm = from->imm;
        return GVN_KEEP;
    }
    gvn_become(ins, HL_I_RETYPE);
    ins->a[0] = r;
    return GVN_KEEP;
}

/* An integer constant, at the front of the entry block. Room for it was reserved: no pointer into
 * the instructions goes stale. */
static HlRef gvn_constant(Gvn *g, int64_t i)
{
    HlIr *ir = g->ir;
    HlIns ins = {.op = HL_I_KINT,
                 .type = HL_TYPE(I64),
                 .a = HL_NO_ARGS,
                 .exit = -1,
                 .block = -1,
                 .pc = ir->blocks[0].pc,
                 .imm.i = i};
    GvnKey k;
    gvn_key_ins(&ins, &k);
    const GvnEntry *e = gvn_lookup(g, &k);
    if (e)
        return e->value;
    ir->ins[ir->nins] = ins;
    g->made.v[g->made.n++] = ir->nins;
    gvn_insert_at(g, &k, ir->nins, 0, -1);
    return ir->nins++;
}

static bool gvn_is_int(const Gvn *g, HlRef r, int64_t *i)
{
    const HlIns *ins = r < 0 ? NULL : &g->ir->ins[r];
    *i = ins && ins->op == HL_I_KINT ? ins->imm.i : 0;
    return ins && ins->op == HL_I_KINT;
}

static bool gvn_is_float(const Gvn *g, HlRef r, double *f)
{
    const HlIns *ins = r < 0 ? NULL : &g->ir->ins[r];
    *f = ins && ins->op == HL_I_KFLOAT ? ins->imm.f : 0;
    return ins && ins->op == HL_I_KFLOAT;
}

static int64_t gvn_floordiv(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}

/* Both operands are constants. */
static HlRef gvn_fold_ints(HlIns *ins, int64_t a, int64_t b)
{
    int64_t r = 0;
    switch (ins->op) {
    case HL_I_ADD: return gvn_int(ins, (int64_t)((uint64_t)a + (uint64_t)b));
    case HL_I_SUB: return gvn_int(ins, (int64_t)((uint64_t)a - (uint64_t)b));
    case HL_I_MUL: return gvn_int(ins, (int64_t)((uint64_t)a * (uint64_t)b));
    case HL_I_ADD_OV: return __builtin_add_overflow(a, b, &r) ? GVN_KEEP : gvn_int(ins, r);
    case HL_I_SUB_OV: return __builtin_sub_overflow(a, b, &r) ? GVN_KEEP : gvn_int(ins, r);
    case HL_I_MUL_OV: return __builtin_mul_overflow(a, b, &r) ? GVN_KEEP : gvn_int(ins, r);
    case HL_I_AND: return gvn_int(ins, a & b);
    case HL_I_OR: return gvn_int(ins, a | b);
    case HL_I_XOR: return gvn_int(ins, a ^ b);
    case HL_I_SHL: return gvn_int(ins, b < 0 || b > 63 ? 0 : (int64_t)((uint64_t)a << b));
    case HL_I_SHL_OV:
        r = b < 0 || b > 63 ? 0 : (int64_t)((uint64_t)a << b);
        return b < 0 || b > 63 || r >> b != a ? GVN_KEEP : gvn_int(ins, r);
    case HL_I_SHR: return gvn_int(ins, a >> (b < 0 || b > 63 ? 63 : b));
    case HL_I_FLOORDIV:
    case HL_I_MOD:
        if (b == 0 || (a == INT64_MIN && b == -1))
            return GVN_KEEP;
        r = gvn_floordiv(a, b);
        /* r * b may overflow where the remainder does not: 5 % INT64_MIN. */
        return gvn_int(ins, ins->op == HL_I_MOD ? (int64_t)((uint64_t)a - (uint64_t)r * (uint64_t)b)
                                                : r);
    case HL_I_INDEX:
        if (b < 0 || (a < 0 ? a < -b : a >= b))
            return GVN_KEEP;
        return gvn_int(ins, a < 0 ? a + b : a);
    case HL_I_ICMP: {
        const bool holds[] = {[HL_LT] = a < b,  [HL_LE] = a <= b, [HL_EQ] = a == b,
                              [HL_NE] = a != b, [HL_GT] = a > b,  [HL_GE] = a >= b};
        return gvn_bool(ins, holds[ins->aux]);
    }
    default: return GVN_KEEP;
    }
}

/* The second operand is the constant k. */
static HlRef gvn_fold_int(Gvn *g, HlIns *ins, int64_t k)
{
    HlRef x = ins->a[0];
    int shift = k > 0 && !(k & (k - 1)) ? __builtin_ctzll((uint64_t)k) : -1;
    switch (ins->op) {
    case HL_I_ADD:
    case HL_I_ADD_OV:
    case HL_I_SUB:
    case HL_I_SUB_OV:
    case HL_I_OR:
    case HL_I_XOR:
    case HL_I_SHL:
    case HL_I_SHL_OV:
    case HL_I_SHR:
        if (ins->op == HL_I_OR && k == -1)
            return gvn_int(ins, -1);
        return k == 0 ? gvn_same(g, ins, x) : GVN_KEEP;
    case HL_I_MUL:
    case HL_I_MUL_OV:
        if (k == 0)
            return gvn_int(ins, 0);
        return k == 1 ? gvn_same(g, ins, x) : GVN_KEEP;
    case HL_I_AND:
        if (k == 0)
            return gvn_int(ins, 0);
        return k == -1 ? gvn_same(g, ins, x) : GVN_KEEP;
    case HL_I_IPOW:
    case HL_I_IPOW_OV:
        if (k == 0)
            return gvn_int(ins, 1);
        if (k == 1)
            return gvn_same(g, ins, x);
        if (k == 2) {
            ins->op = ins->op == HL_I_IPOW ? HL_I_MUL : HL_I_MUL_OV;
            ins->a[1] = x;
        }
        return GVN_KEEP;
    case HL_I_FLOORDIV:
    case HL_I_MOD: {
        /* Python rounds down: by a power of two that is a shift and a mask, for any sign. */
        if (shift < 0)
            return GVN_KEEP;
        bool mod = ins->op == HL_I_MOD;
        if (shift == 0)
            return mod ? gvn_int(ins, 0) : gvn_same(g, ins, x);
        ins->op = mod ? HL_I_AND : HL_I_SHR;
        ins->a[1] = gvn_constant(g, mod ? k - 1 : shift);
        return GVN_KEEP;
    }
    default: return GVN_KEEP;
    }
}

/* Both operands are the same value. */
static HlRef gvn_fold_equal(const Gvn *g, HlIns *ins)
{
    switch (ins->op) {
    case HL_I_SUB:
    case HL_I_SUB_OV:
    case HL_I_XOR: return gvn_int(ins, 0);
    case HL_I_AND:
    case HL_I_OR:
    case HL_I_BAND:
    case HL_I_BOR: return gvn_same(g, ins, ins->a[0]);
    case HL_I_BXOR: return gvn_bool(ins, false);
    case HL_I_IS: return gvn_bool(ins, true);
    case HL_I_ICMP:
        return gvn_bool(ins, ins->aux == HL_LE || ins->aux == HL_EQ || ins->aux == HL_GE);
    default: return GVN_KEEP;
    }
}

static HlRef gvn_fold_floats(HlIns *ins, double a, double b)
{
    switch (ins->op) {
    case HL_I_FADD: return gvn_float(ins, a + b);
    case HL_I_FSUB: return gvn_float(ins, a - b);
    case HL_I_FMUL: return gvn_float(ins, a * b);
    case HL_I_FDIV: return gvn_float(ins, a / b);
    case HL_I_FCMP: {
        const bool holds[] = {[HL_LT] = a < b,  [HL_LE] = a <= b, [HL_EQ] = a == b,
                              [HL_NE] = a != b, [HL_GT] = a > b,  [HL_GE] = a >= b};
        return gvn_bool(ins, holds[ins->aux]);
    }
    default: return GVN_KEEP;
    }
}

/* Conditions, one of whose operands is known here. */
static HlRef gvn_fold_bool(const Gvn *g, HlIns *ins)
{
    for (int i = 0; i < 2; i++) {
        int known = gvn_known(g, ins->a[i]);
        HlRef other = ins->a[!i];
        if (known < 0)
            continue;
        if (ins->op == HL_I_BAND)
            return known ? gvn_same(g, ins, other) : gvn_bool(ins, false);
        if (ins->op == HL_I_BOR)
            return known ? gvn_bool(ins, true) : gvn_same(g, ins, other);
        if (!known)
            return gvn_same(g, ins, other);
        gvn_become(ins, HL_I_BNOT);
        ins->a[0] = other;
        return GVN_KEEP;
    }
    return GVN_KEEP;
}

static HlRef gvn_fold_not(const Gvn *g, HlIns *ins)
{
    const HlIns *x = &g->ir->ins[ins->a[0]];
    int known = gvn_known(g, ins->a[0]);
    if (known >= 0)
        return gvn_bool(ins, !known);
    if (x->op == HL_I_BNOT)
        return gvn_same(g, ins, x->a[0]);
    if (x->op == HL_I_ICMP) {
        HlRef a = x->a[0], b = x->a[1];
        uint8_t cond = hl_opt_inverse(x->aux);
        gvn_become(ins, HL_I_ICMP);
        ins->aux = cond;
        ins->a[0] = a;
        ins->a[1] = b;
    }
    return GVN_KEEP;
}

/* Can the value be an infinity or a NaN? false = never. */
static bool gvn_may_overflow(const Gvn *g, HlRef r)
{
    const HlIns *ins = &g->ir->ins[r];
    if (ins->op == HL_I_KFLOAT)
        return !isfinite(ins->imm.f);
    if (ins->op == HL_I_FROUND32) /* no 64-bit integer is beyond float32 */
        return gvn_may_overflow(g, ins->a[0]) || g->ir->ins[ins->a[0]].op == HL_I_KFLOAT;
    return ins->op != HL_I_SITOFP && ins->op != HL_I_UITOFP;
}

/* Guards that hold whatever happens. A guard on a condition is one on what it negates. */
static HlRef gvn_fold_guard(Gvn *g, HlIns *ins)
{
    const HlIr *ir = g->ir;
    GvnKey k;
    const HlIns *a = ins->a[0] < 0 ? NULL : &ir->ins[ins->a[0]];
    switch (ins->op) {
    case HL_I_GUARD_TRUE:
    case HL_I_GUARD_FALSE:
        while (a->op == HL_I_BNOT || a->op == HL_I_RETYPE) {
            if (a->op == HL_I_BNOT)
                ins->op = ins->op == HL_I_GUARD_TRUE ? HL_I_GUARD_FALSE : HL_I_GUARD_TRUE;
            ins->a[0] = a->a[0];
            a = &ir->ins[ins->a[0]];
        }
        return gvn_known(g, ins->a[0]) == (ins->op == HL_I_GUARD_TRUE) ? GVN_REMOVE : GVN_KEEP;
    case HL_I_GUARD_FP:
        gvn_key(&k, HL_I_GUARD_FINITE);
        k.a[0] = ins->a[0];
        if (gvn_lookup(g, &k))
            return GVN_REMOVE;
        return gvn_may_overflow(g, ins->a[0]) ? GVN_KEEP : GVN_REMOVE;
    case HL_I_GUARD_FINITE: return gvn_may_overflow(g, ins->a[0]) ? GVN_KEEP : GVN_REMOVE;
    case HL_I_GUARD_I53: {
        int64_t i;
        if (a->op == HL_I_ZEXT)
            return GVN_REMOVE;
        if (!gvn_is_int(g, ins->a[0], &i))
            return GVN_KEEP;
        return i >= -(INT64_C(1) << 53) && i <= INT64_C(1) << 53 ? GVN_REMOVE : GVN_KEEP;
    }
    case HL_I_GUARD_ARRAY: return hl_type_eq(a->type, ins->check) ? GVN_REMOVE : GVN_KEEP;
    case HL_I_GUARD_BOUND:
        return a->op == HL_I_KOBJ || a->op == HL_I_LOAD_GLOBAL || a->op == HL_I_FUNC ||
                       a->type.base == HL_T_ARR
                   ? GVN_REMOVE
                   : GVN_KEEP;
    default: return GVN_KEEP;
    }
}

/* Operations on two integers; a constant goes to the right where the order does not matter. */
static HlRef gvn_fold_pair(Gvn *g, HlIns *ins)
{
    int64_t a, b;
    bool is_a = gvn_is_int(g, ins->a[0], &a), is_b = gvn_is_int(g, ins->a[1], &b);
    if (is_a && is_b)
        return gvn_fold_ints(ins, a, b);
    if (ins->a[0] == ins->a[1])
        return gvn_fold_equal(g, ins);
    if (is_a && gvn_commutes(ins->op)) {
        HlRef x = ins->a[1];
        ins->a[1] = ins->a[0];
        ins->a[0] = x;
        return gvn_fold_int(g, ins, a);
    }
    return is_b ? gvn_fold_int(g, ins, b) : GVN_KEEP;
}

static bool gvn_narrow_fits(uint8_t dtype, int64_t i)
{
    int64_t lo, hi;
    hl_dtype_limits((HlDtype)dtype, &lo, &hi);
    return lo <= i && i <= hi;
}

/* Simplifies the instruction r: GVN_KEEP (it may have been changed in place), GVN_REMOVE (a guard
 * that always holds), or the value that it equals. */
static HlRef gvn_fold(Gvn *g, HlRef r)
{
    HlIns *ins = &g->ir->ins[r];
    int64_t i;
    double f, h;
    int known;
    switch (ins->op) {
    case HL_I_ICMP:
        known = gvn_known(g, r);
        return known >= 0 ? gvn_bool(ins, known) : gvn_fold_pair(g, ins);
    case HL_I_BNOT: return gvn_fold_not(g, ins);
    case HL_I_BAND:
    case HL_I_BOR:
    case HL_I_BXOR: return ins->a[0] == ins->a[1] ? gvn_fold_equal(g, ins) : gvn_fold_bool(g, ins);
    case HL_I_IS: return ins->a[0] == ins->a[1] ? gvn_fold_equal(g, ins) : GVN_KEEP;
    case HL_I_SELECT:
        known = ins->a[1] == ins->a[2] ? 1 : gvn_known(g, ins->a[0]);
        return known < 0 ? GVN_KEEP : gvn_same(g, ins, ins->a[known ? 1 : 2]);
    case HL_I_RETYPE: return gvn_same(g, ins, ins->a[0]);
    case HL_I_ZEXT:
        known = gvn_known(g, ins->a[0]);
        return known < 0 ? GVN_KEEP : gvn_int(ins, known);
    case HL_I_NARROW:
    case HL_I_NARROW_OV:
        if (!gvn_is_int(g, ins->a[0], &i) ||
            (ins->op == HL_I_NARROW_OV && !gvn_narrow_fits(ins->aux, i)))
            return GVN_KEEP;
        return gvn_int(ins, hl_dtype_narrow(ins->aux, i));
    case HL_I_UITOFP:
        return gvn_is_int(g, ins->a[0], &i) ? gvn_float(ins, (double)(uint64_t)i) : GVN_KEEP;
    case HL_I_FROUND32: return gvn_is_float(g, ins->a[0], &f) ? gvn_float(ins, (float)f) : GVN_KEEP;
    case HL_I_SITOFP: return gvn_is_int(g, ins->a[0], &i) ? gvn_float(ins, (double)i) : GVN_KEEP;
    case HL_I_FPTOSI_OV:
        if (!gvn_is_float(g, ins->a[0], &f) || !(f >= -0x1p63 && f < 0x1p63))
            return GVN_KEEP;
        return gvn_int(ins, (int64_t)f);
    case HL_I_FNEG: return gvn_is_float(g, ins->a[0], &f) ? gvn_float(ins, -f) : GVN_KEEP;
    case HL_I_FABS: return gvn_is_float(g, ins->a[0], &f) ? gvn_float(ins, fabs(f)) : GVN_KEEP;
    case HL_I_FADD:
    case HL_I_FSUB:
    case HL_I_FMUL:
    case HL_I_FDIV:
    case HL_I_FCMP:
        if (!gvn_is_float(g, ins->a[0], &f) || !gvn_is_float(g, ins->a[1], &h))
            return GVN_KEEP;
        return gvn_fold_floats(ins, f, h);
    default:
        if (!strcmp(hl_op_info[ins->op].args, "ii"))
            return gvn_fold_pair(g, ins);
        return hl_op_info[ins->op].res == '-' ? gvn_fold_guard(g, ins) : GVN_KEEP;
    }
}

/* --- memory ----------------------------------------------------------------------------------- */

/* States of memory: the id of what wrote it last; -1 = nothing ever does; below: whatever it is when a
 * block with several ways in is entered. */
static bool gvn_writes(const Gvn *g, int kind, HlRef r)
{
    return hl_op_info[g->ir->ins[r].op].fx & g->memory[kind].written_by;
}

static int32_t gvn_memory_at(const Gvn *g, int kind, int32_t block, int32_t pos)
{
    const HlRefVec *v = &g->ir->blocks[block].ins;
    for (int32_t i = pos < v->n ? pos - 1 : v->n - 1; i >= 0; i--) {
        if (gvn_writes(g, kind, v->v[i]))
            return v->v[i];
    }
    return g->memory[kind].at[block];
}

static bool gvn_loop_writes(const Gvn *g, int kind, int32_t header)
{
    for (int32_t b = 0; b < g->cfg.n; b++) {
        if (!hl_opt_in_loop(&g->cfg, b, header))
            continue;
        const HlRefVec *v = &g->ir->blocks[b].ins;
        for (int32_t i = 0; i < v->n; i++) {
            if (gvn_writes(g, kind, v->v[i]))
                return true;
        }
    }
    return false;
}

static int32_t gvn_memory_before(const Gvn *g, int kind, int32_t b)
{
    const HlCfg *cfg = &g->cfg;
    int32_t ways = 0, way = -1;
    if (!g->memory[kind].changes)
        return -1;
    bool header = cfg->header[b] == b;
    for (int32_t e = cfg->pred_at[b]; e < cfg->pred_at[b + 1]; e++) {
        if (!header || !hl_opt_in_loop(cfg, cfg->pred[e], b)) {
            way = e;
            ways++;
        }
    }
    if (ways == 1 && !(header && gvn_loop_writes(g, kind, b)))
        return gvn_memory_at(g, kind, cfg->pred[way], cfg->pred_ins[way]);
    return -2 - b;
}

static void gvn_enter_memory(Gvn *g, int32_t b)
{
    for (int kind = 0; kind < GVN_MEMORIES; kind++)
        g->memory[kind].now = g->memory[kind].at[b] = gvn_memory_before(g, kind, b);
}

/* The state of the memory that an instruction reads; 0 = it reads none. */
static int32_t gvn_memory_read(const Gvn *g, uint16_t fx)
{
    if (fx & HL_E_READS)
        return g->memory[GVN_ITEMS].now;
    return fx & (HL_E_RD_HEADER | HL_E_RD_GLOBALS) ? g->memory[GVN_HEAP].now : 0;
}

/* --- visiting --------------------------------------------------------------------------------- */

static bool gvn_is_constant(uint8_t op)
{
    return op == HL_I_KINT || op == HL_I_KFLOAT || op == HL_I_KBOOL || op == HL_I_KOBJ ||
           op == HL_I_KNULL;
}

/* What a store wrote is what a load of the same item gives, boxed as the load's type. */
static void gvn_forward_key(const HlIns *ins, int32_t memory, GvnKey *k)
{
    gvn_key(k, HL_I_ARRAY_STORE);
    k->aux = ins->aux;
    for (int i = 0; i < 3; i++)
        k->a[i] = ins->a[i];
    k->memory = memory;
}

/* A condition was guarded: from here on it holds, and fails behind the exit. */
static void gvn_visit_condition(Gvn *g, const HlIns *ins)
{
    bool truth = ins->op == HL_I_GUARD_TRUE;
    int32_t to = g->ir->exits[ins->exit].target;
    gvn_learn(g, ins->a[0], truth, g->block, g->pos);
    if (to >= 0 && g->cfg.pred_at[to + 1] - g->cfg.pred_at[to] == 1)
        gvn_learn(g, ins->a[0], !truth, to, -1);
}

static void gvn_replace(Gvn *g, HlRef r, HlRef by)
{
    if (by >= 0)
        g->map[r] = by;
    g->ir->ins[r].block = -1;
}

static void gvn_visit(Gvn *g, HlRef r)
{
    HlIns *ins = &g->ir->ins[r];
    GvnKey k;
    for (int i = 0; i < HL_MAX_ARGS; i++)
        ins->a[i] = hl_opt_find(g->map, ins->a[i]);
    HlRef same = gvn_fold(g, r);
    if (same != GVN_KEEP) {
        gvn_replace(g, r, same);
        return;
    }
    if (ins->op == HL_I_GUARD_TRUE || ins->op == HL_I_GUARD_FALSE) {
        gvn_visit_condition(g, ins);
        return;
    }
    uint16_t fx = hl_op_info[ins->op].fx;
    for (int kind = 0; kind < GVN_MEMORIES; kind++)
        if (gvn_writes(g, kind, r))
            g->memory[kind].now = r;
    if (fx & HL_E_WRITES) {
        if (ins->op == HL_I_ARRAY_STORE) {
            gvn_forward_key(ins, r, &k);
            gvn_insert(g, &k, ins->a[3]);
        }
        return;
    }
    if (fx & HL_E_PINNED)
        return;
    if (ins->op == HL_I_ARRAY_LOAD) {
        gvn_forward_key(ins, g->memory[GVN_ITEMS].now, &k);
        const GvnEntry *e = gvn_lookup(g, &k);
        if (e && (same = gvn_same(g, ins, e->value)) != GVN_KEEP) {
            gvn_replace(g, r, same);
            return;
        }
    }
    gvn_key_ins(ins, &k);
    k.memory = gvn_memory_read(g, fx);
    const GvnEntry *e = gvn_lookup(g, &k);
    bool constant = gvn_is_constant(ins->op);
    if (e)
        gvn_replace(g, r, e->value);
    else if (!constant)
        gvn_insert(g, &k, hl_op_info[ins->op].res == '-' ? HL_NOREF : r);
    else
        gvn_insert_at(g, &k, r, 0, -1);
    if (constant && !e) {
        g->made.v[g->made.n++] = r;
        ins->block = -1; /* until gvn_finish */
    }
}

static int gvn_start(Gvn *g)
{
    HlIr *ir = g->ir;
    HlRefVec *entry = &ir->blocks[0].ins;
    /* Every instruction may become a constant; divisions may need a new one. */
    int32_t room = ir->nins;
    g->memory[GVN_ITEMS].written_by = HL_E_WRITES;
    g->memory[GVN_HEAP].written_by = HL_E_CALLS;
    for (HlRef r = 0; r < ir->nins; r++) {
        uint8_t op = ir->ins[r].op;
        room += op == HL_I_FLOORDIV || op == HL_I_MOD;
        for (int kind = 0; kind < GVN_MEMORIES; kind++)
            g->memory[kind].changes |= gvn_writes(g, kind, r);
    }
    uint32_t buckets = 64;
    while (buckets < (uint32_t)room)
        buckets *= 2;
    g->mask = buckets - 1;
    g->bucket = hl_mem_alloc(buckets * sizeof *g->bucket);
    for (int kind = 0; kind < GVN_MEMORIES; kind++)
        g->memory[kind].at = hl_mem_alloc((size_t)ir->nblocks * sizeof(int32_t));
    if (!g->bucket || !g->memory[GVN_ITEMS].at || !g->memory[GVN_HEAP].at ||
        hl_cfg_build(ir, &g->cfg) ||
        hl_mem_grow((void **)&ir->ins, &ir->cap_ins, room, sizeof *ir->ins) ||
        hl_mem_grow((void **)&g->made.v, &g->made.cap, room, sizeof *g->made.v) ||
        hl_mem_grow((void **)&entry->v, &entry->cap, entry->n + room, sizeof *entry->v) ||
        !(g->map = hl_mem_alloc((size_t)room * sizeof *g->map)))
        return -1;
    for (HlRef r = 0; r < room; r++)
        g->map[r] = r;
    memset(g->bucket, -1, buckets * sizeof *g->bucket);
    return 0;
}

static void gvn_finish(Gvn *g)
{
    HlIr *ir = g->ir;
    HlRefVec *entry = &ir->blocks[0].ins;
    hl_opt_apply(ir, g->map);
    hl_opt_sweep(ir);
    memmove(entry->v + g->made.n, entry->v, (size_t)entry->n * sizeof *entry->v);
    memcpy(entry->v, g->made.v, (size_t)g->made.n * sizeof *entry->v);
    entry->n += g->made.n;
    for (int32_t i = 0; i < g->made.n; i++)
        ir->ins[g->made.v[i]].block = 0;
}

int hl_opt_gvn(HlIr *ir)
{
    Gvn g = {.ir = ir};
    int status = gvn_start(&g);
    if (!status) {
        for (int32_t i = 0; i < g.cfg.nrpo && !g.failed; i++) {
            g.block = g.cfg.rpo[i];
            gvn_enter_memory(&g, g.block);
            const HlRefVec *v = &ir->blocks[g.block].ins;
            for (g.pos = 0; g.pos < v->n && !g.failed; g.pos++)
                gvn_visit(&g, v->v[g.pos]);
        }
        gvn_finish(&g);
        status = g.failed ? -1 : 0;
    }
    hl_cfg_free(&g.cfg);
    hl_mem_free(g.bucket);
    for (int kind = 0; kind < GVN_MEMORIES; kind++)
        hl_mem_free(g.memory[kind].at);
    hl_mem_free(g.entry);
    hl_mem_free(g.map);
    hl_mem_free(g.made.v);
    return status;
}
