/* hl_opt_apart.c - are two items, in the same iteration of a counting loop, never the same bytes?
 *
 * That is known when they are some items apart in one row. A guard in front of the loop can tell it of two arrays, by
 * where each begins and ends; nothing of that changes in a loop, so it is asked once. Where they are in different rows
 * of one array, all that either can be in the loop lies between its first and its last, and these ranges must not
 * meet. What computes the ranges leaves when it overflows, so they are what they say. */
#include "hl_opt.h"

enum { APART_FAR = 1 << 20 /* items */ };

static bool apart_outside(const HlCounted *c, HlRef r)
{
    return !c->set[c->ir->ins[r].block];
}

static bool apart_axis(const HlCounted *c, HlRef stride, HlRef r, HlAlong *axis)
{
    const HlIr *ir = c->ir;
    int64_t k;
    *axis = (HlAlong){.stride = stride, .index = HL_NOREF};
    if (!apart_outside(c, stride))
        return false;
    while (ir->ins[r].op == HL_I_INDEX &&
           (ir->ins[r].aux || (hl_ir_is_kint(ir, ir->ins[r].a[0], &k) && k >= 0)))
        r = ir->ins[r].a[0];
    if (hl_ir_is_kint(ir, r, &axis->plus))
        return axis->plus >= 0 && axis->plus < APART_FAR;
    axis->plus = 0;
    if (!apart_outside(c, r)) {
        r = hl_opt_base(ir, r, &axis->plus);
        axis->counts = r == ir->blocks[c->header].params.v[c->param];
        return axis->counts;
    }
    axis->index = r;
    return true;
}

static bool apart_place(const HlCounted *c, const HlIns *access, HlPlace *p)
{
    const HlIns *row = &c->ir->ins[access->a[0]];
    bool moves = !apart_outside(c, access->a[0]);
    p->base = moves ? row->a[0] : access->a[0];
    p->row = (HlAlong){.stride = HL_NOREF, .index = HL_NOREF};
    p->size = hl_dtype_size(hl_dtype_part((HlDtype)access->aux));
    if (moves && (row->op != HL_I_ARRAY_ROW || !apart_outside(c, row->a[0]) ||
                  !apart_axis(c, row->a[1], row->a[2], &p->row)))
        return false;
    return apart_axis(c, access->a[1], access->a[2], &p->item);
}

static bool axis_same(const HlAlong *a, const HlAlong *b)
{
    return a->stride == b->stride && a->index == b->index && a->counts == b->counts;
}

static bool axis_stride_known(const HlIr *ir, const HlAlong *a, int64_t *stride)
{
    return hl_ir_is_kint(ir, a->stride, stride) && *stride > 0 && *stride < APART_FAR;
}

/* The array that an address is the data of, HL_NOREF = it is something else. */
static HlRef apart_array(const HlIr *ir, HlRef base)
{
    return ir->ins[base].op == HL_I_ARRAY_DATA ? ir->ins[base].a[0] : HL_NOREF;
}

/* The array that an item is in, if it stays and its type is known; else HL_NOREF. */
static HlRef apart_inside(const HlCounted *c, const HlIns *access)
{
    HlRef at = access->a[0];
    while (c->ir->ins[at].op == HL_I_ARRAY_ROW)
        at = c->ir->ins[at].a[0];
    HlRef array = apart_array(c->ir, at);
    return array != HL_NOREF && apart_outside(c, array) && c->ir->ins[array].type.base == HL_T_ARR
               ? array
               : HL_NOREF;
}

/* Are the items in two arrays, whatever their indexes are? */
static bool apart_in_two(const HlCounted *c, const HlIns *load, const HlIns *store)
{
    HlRef one = apart_inside(c, load), other = apart_inside(c, store);
    return one != HL_NOREF && other != HL_NOREF && one != other;
}

HlApart hl_opt_apart(const HlCounted *c, const HlIns *load, const HlIns *store)
{
    HlPlace a, b;
    int64_t stride;
    if (apart_in_two(c, load, store))
        return HL_APART_IN_FRONT;
    if (!apart_place(c, load, &a) || !apart_place(c, store, &b))
        return HL_APART_UNKNOWN;
    bool same_row = a.base == b.base && axis_same(&a.row, &b.row) && a.row.plus == b.row.plus;
    if (same_row && axis_same(&a.item, &b.item)) {
        int64_t by =
            a.item.plus < b.item.plus ? b.item.plus - a.item.plus : a.item.plus - b.item.plus;
        int64_t size = a.size < b.size ? b.size : a.size;
        bool far = axis_stride_known(c->ir, &a.item, &stride) && stride >= size && by > 0;
        return far ? HL_APART : HL_APART_UNKNOWN;
    }
    /* Their ranges meet if they move through one array. */
    HlRef array = apart_array(c->ir, a.base);
    bool both = a.base == b.base || (array != HL_NOREF && array == apart_array(c->ir, b.base));
    return both && (a.row.counts || a.item.counts) && (b.row.counts || b.item.counts)
               ? HL_APART_UNKNOWN
               : HL_APART_IN_FRONT;
}

/* --- guards in front of the loop ---------------------------------------------------------------- */

/* Adds a place to those of a group that differ by a constant, or as one of its own; its index, -1 = too many. */
static int32_t apart_group(HlApartGuard *g, const HlCounted *c, const HlPlace *p)
{
    int64_t stride;
    for (int32_t i = 0; i < g->n; i++) {
        HlPlace *q = &g->place[i];
        if (p->base != q->base || !axis_same(&p->row, &q->row) || p->row.plus != q->row.plus ||
            !axis_same(&p->item, &q->item) || p->size != q->size)
            continue;
        int64_t last = q->item.plus + g->more[i];
        if (p->item.plus != q->item.plus && !axis_stride_known(c->ir, &p->item, &stride))
            continue;
        int64_t first = p->item.plus < q->item.plus ? p->item.plus : q->item.plus;
        g->more[i] = (p->item.plus > last ? p->item.plus : last) - first;
        q->item.plus = first;
        return i;
    }
    if (g->n == HL_APART_PLACES)
        return -1;
    g->place[g->n] = *p;
    g->more[g->n] = 0;
    return g->n++;
}

/* Adds an array; its index, -1 = too many. */
static int32_t apart_add_array(HlApartGuard *g, HlRef array)
{
    int32_t i = 0;
    while (i < g->narrays && g->array[i] != array)
        i++;
    if (i == HL_APART_PLACES)
        return -1;
    g->array[i] = array;
    g->narrays += i == g->narrays;
    return i;
}

bool hl_opt_apart_add(HlApartGuard *g, const HlCounted *c, const HlIns *load, const HlIns *store)
{
    HlPlace a, b;
    bool arrays = apart_in_two(c, load, store);
    if (!arrays && (!apart_place(c, load, &a) || !apart_place(c, store, &b)))
        return false;
    int32_t i = arrays ? apart_add_array(g, apart_inside(c, load)) : apart_group(g, c, &a);
    int32_t k = arrays ? apart_add_array(g, apart_inside(c, store)) : apart_group(g, c, &b);
    if (i < 0 || k < 0)
        return false;
    if (arrays)
        g->overlap[i] |= 1u << k;
    else
        g->meet[i] |= 1u << k;
    return true;
}

/* Emits in front of the loop. After a failure it emits no more. */
static HlRef apart_emit(HlApartGuard *g, HlOp op, HlBase type, HlRef a, HlRef b)
{
    HlIns ins = {
        .op = (uint8_t)op, .exit = -1, .pc = g->c->ir->blocks[g->c->header].pc, .a = HL_NO_ARGS};
    ins.type = (HlType){.base = (uint8_t)type};
    ins.a[0] = a;
    ins.a[1] = b;
    if (hl_op_info[op].fx & HL_E_GUARD)
        ins.exit = g->exit;
    HlRef r = g->failed ? HL_NOREF : hl_ir_emit(g->c->ir, g->c->pre, &ins);
    g->failed |= r < 0;
    return r;
}

static HlRef apart_kint(HlApartGuard *g, int64_t k)
{
    HlRef r = apart_emit(g, HL_I_KINT, HL_T_I64, HL_NOREF, HL_NOREF);
    if (r >= 0)
        g->c->ir->ins[r].imm.i = k;
    return r;
}

static HlRef apart_compare(HlApartGuard *g, HlCompare cond, HlRef a, HlRef b)
{
    HlRef r = apart_emit(g, HL_I_ICMP, HL_T_BOOL, a, b);
    if (r >= 0)
        g->c->ir->ins[r].aux = (uint8_t)cond;
    return r;
}

static HlRef apart_select(HlApartGuard *g, HlRef cond, HlRef a, HlRef b)
{
    HlRef r = apart_emit(g, HL_I_SELECT, HL_T_I64, cond, a);
    if (r >= 0)
        g->c->ir->ins[r].a[2] = b;
    return r;
}

/* Moves an address along an axis. */
static HlRef apart_along(HlApartGuard *g, HlRef address, const HlAlong *a, HlRef counter)
{
    if (a->stride == HL_NOREF)
        return address;
    HlRef index = a->counts ? counter : a->index, plus = HL_NOREF;
    if (a->plus || index == HL_NOREF) {
        plus = apart_kint(g, a->plus);
        index = index == HL_NOREF ? plus : apart_emit(g, HL_I_ADD_OV, HL_T_I64, index, plus);
    }
    HlRef offset = apart_emit(g, HL_I_MUL_OV, HL_T_I64, index, a->stride);
    return apart_emit(g, HL_I_ADD_OV, HL_T_I64, address, offset);
}

static HlRef apart_address(HlApartGuard *g, const HlPlace *p, HlRef counter)
{
    HlRef base = apart_emit(g, HL_I_ADDRESS, HL_T_I64, p->base, HL_NOREF);
    return apart_along(g, apart_along(g, base, &p->row, counter), &p->item, counter);
}

/* The bytes that a group's items can be in, from *low up to *high. */
static void apart_range(HlApartGuard *g, int32_t i, HlRef first, HlRef last, HlRef *low,
                        HlRef *high)
{
    const HlPlace *p = &g->place[i];
    int64_t stride = 0;
    axis_stride_known(g->c->ir, &p->item, &stride);
    HlRef a = apart_address(g, p, first), b = a;
    *low = a;
    if (p->row.counts || p->item.counts) {
        b = apart_address(g, p, last);
        HlRef up = apart_compare(g, HL_LT, a, b);
        *low = apart_select(g, up, a, b);
        b = apart_select(g, up, b, a);
    }
    *high = apart_emit(g, HL_I_ADD_OV, HL_T_I64, b, apart_kint(g, p->size + g->more[i] * stride));
}

static HlRef apart_header(HlApartGuard *g, HlOp op, HlBase type, HlRef array, int axis)
{
    HlRef r = apart_emit(g, op, type, array, HL_NOREF);
    if (r >= 0)
        g->c->ir->ins[r].aux = (uint8_t)axis;
    return r;
}

/* The bytes of an array, from *low up to *high. */
static void apart_extent(HlApartGuard *g, HlRef array, HlRef *low, HlRef *high)
{
    HlType t = g->c->ir->ins[array].type;
    HlRef zero = apart_kint(g, 0), one = apart_kint(g, 1);
    HlRef data = apart_header(g, HL_I_ARRAY_DATA, HL_T_PTR, array, 0);
    *low = *high = apart_emit(g, HL_I_ADDRESS, HL_T_I64, data, HL_NOREF);
    for (int axis = 0; axis < t.ndim; axis++) {
        HlRef len = apart_header(g, HL_I_ARRAY_LEN, HL_T_I64, array, axis);
        HlRef stride = apart_header(g, HL_I_ARRAY_STRIDE, HL_T_I64, array, axis);
        HlRef last = apart_emit(g, HL_I_SUB_OV, HL_T_I64, len, one);
        HlRef far = apart_emit(g, HL_I_MUL_OV, HL_T_I64, last, stride);
        HlRef down = apart_compare(g, HL_LT, far, zero);
        *low = apart_emit(g, HL_I_ADD_OV, HL_T_I64, *low, apart_select(g, down, far, zero));
        *high = apart_emit(g, HL_I_ADD_OV, HL_T_I64, *high, apart_select(g, down, zero, far));
    }
    *high =
        apart_emit(g, HL_I_ADD_OV, HL_T_I64, *high, apart_kint(g, hl_dtype_size((HlDtype)t.dtype)));
}

/* Do the ranges of which bits say so not meet? HL_NOREF = there are none, or memory is out. */
static HlRef apart_none_meets(HlApartGuard *g, int32_t n, const uint32_t *meet, const HlRef *low,
                              const HlRef *high)
{
    HlRef all = HL_NOREF;
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < n; k++) {
            if (!(meet[i] >> k & 1))
                continue;
            HlRef below = apart_compare(g, HL_LE, high[i], low[k]);
            HlRef above = apart_compare(g, HL_LE, high[k], low[i]);
            HlRef pair = apart_emit(g, HL_I_BOR, HL_T_BOOL, below, above);
            all = all == HL_NOREF ? pair : apart_emit(g, HL_I_BAND, HL_T_BOOL, all, pair);
        }
    return all;
}

static void apart_guard_arrays(HlApartGuard *g)
{
    HlRef low[HL_APART_PLACES], high[HL_APART_PLACES];
    for (int32_t i = 0; i < g->narrays; i++)
        apart_extent(g, g->array[i], &low[i], &high[i]);
    HlRef ok = apart_none_meets(g, g->narrays, g->overlap, low, high);
    apart_emit(g, HL_I_GUARD_TRUE, HL_T_VOID, ok, HL_NOREF);
}

static void apart_guard_places(HlApartGuard *g)
{
    HlRef low[HL_APART_PLACES], high[HL_APART_PLACES];
    HlRef first = g->c->ir->blocks[g->c->pre].args.v[g->c->param];
    HlRef last = apart_emit(g, HL_I_SUB_OV, HL_T_I64, g->c->stop, apart_kint(g, 1));
    for (int32_t i = 0; i < g->n; i++)
        apart_range(g, i, first, last, &low[i], &high[i]);
    HlRef ok = apart_none_meets(g, g->n, g->meet, low, high);
    /* When there is no iteration, anything will do. */
    HlRef none = apart_compare(g, HL_GE, first, g->c->stop);
    ok = apart_emit(g, HL_I_BOR, HL_T_BOOL, none, ok);
    apart_emit(g, HL_I_GUARD_TRUE, HL_T_VOID, ok, HL_NOREF);
}

int hl_opt_apart_guard(HlApartGuard *g, HlCounted *c, int32_t x, int32_t snap)
{
    g->c = c;
    g->exit = hl_opt_exit_at(c->ir, x, snap);
    if (g->exit < 0)
        return -1;
    c->ir->exits[g->exit].reason = HL_R_RANGE;
    if (g->narrays)
        apart_guard_arrays(g);
    if (g->n)
        apart_guard_places(g);
    return g->failed ? -1 : 0;
}
