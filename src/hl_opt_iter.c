/* hl_opt_iter.c - a range iterator needs one number that changes, not two.
 *
 *     jump H(%n0, %l0)                              %stop = add %n0 %l0
 *   H(%next, %left):                                jump H(%n0, %l0)
 *     %go = icmp gt %left 0                  =>   H(%next, %left):
 *     guard_true %go -> x1                          %left' = sub %stop %next
 *     ...                                           %go = icmp lt %next %stop
 *     %n = add %next 1                              guard_true %go -> x1
 *     %l = sub %left 1                              ...
 *     jump H(%n, %l)                                jump H(%n, %l')
 *
 * With step 1, next + left stays what it is when the loop is entered. Only exits use what is left: so a
 * loop counts once instead of twice. The parameter is unused then, and phi removes it.
 *
 * Requirements: 1. a snapshot in the header says that the two are a range iterator's: its stop fits 64
 * bits, so that next < stop is left > 0; 2. one block jumps into the loop; 3. every jump back passes
 * next + 1 and left - 1. */
#include "hl_opt.h"

typedef struct Iter {
    int32_t header, pre; /* the loop's, and the block whose jump leads into it */
    int32_t next, left;  /* positions of the two parameters */
} Iter;

static int32_t iter_position(const HlBlock *b, HlRef p)
{
    for (int32_t k = 0; k < b->params.n; k++)
        if (b->params.v[k] == p)
            return k;
    return -1;
}

/* Is r `param op 1`? */
static bool iter_counts(const HlIr *ir, HlRef r, uint8_t op, HlRef param)
{
    const HlIns *ins = &ir->ins[r];
    return ins->op == op && ins->a[0] == param && ir->ins[ins->a[1]].op == HL_I_KINT &&
           ir->ins[ins->a[1]].imm.i == 1;
}

/* Checks requirements 2 and 3, and finds the block before the loop. */
static bool iter_fits(const HlIr *ir, const HlCfg *cfg, Iter *it)
{
    const HlBlock *h = &ir->blocks[it->header];
    it->pre = -1;
    for (int32_t e = cfg->pred_at[it->header]; e < cfg->pred_at[it->header + 1]; e++) {
        int32_t p = cfg->pred[e];
        const HlBlock *from = &ir->blocks[p];
        if (cfg->pred_ins[e] != INT32_MAX || from->term != HL_TERM_JUMP)
            return false;
        if (!hl_opt_in_loop(cfg, p, it->header)) {
            if (it->pre >= 0)
                return false;
            it->pre = p;
        } else if (!iter_counts(ir, from->args.v[it->next], HL_I_ADD, h->params.v[it->next]) ||
                   !iter_counts(ir, from->args.v[it->left], HL_I_SUB, h->params.v[it->left])) {
            return false;
        }
    }
    return it->pre >= 0;
}

static bool iter_slot(const HlIr *ir, const HlSlot *s, Iter *it)
{
    const HlBlock *h = &ir->blocks[it->header];
    if (s->kind != HL_SLOT_RANGE || ir->ins[s->b].op != HL_I_KINT || ir->ins[s->b].imm.i != 1)
        return false;
    it->next = iter_position(h, s->a);
    it->left = iter_position(h, s->c);
    return it->next >= 0 && it->left >= 0;
}

/* Finds the iterator that the loop with this header steps. */
static bool iter_find(const HlIr *ir, const HlCfg *cfg, Iter *it)
{
    const HlBlock *h = &ir->blocks[it->header];
    for (int32_t i = 0; i < h->ins.n; i++) {
        int32_t x = ir->ins[h->ins.v[i]].exit;
        const HlSnap *snap = x < 0 ? NULL : &ir->snaps[ir->exits[x].snap];
        for (int32_t s = 0; snap && s < snap->nslots; s++)
            if (iter_slot(ir, &snap->slots[s], it) && iter_fits(ir, cfg, it))
                return true;
    }
    return false;
}

static HlRef iter_emit(HlIr *ir, int32_t block, uint8_t op, HlRef a, HlRef b)
{
    HlIns ins = {.op = op,
                 .type = HL_TYPE(I64),
                 .exit = -1,
                 .pc = ir->blocks[block].pc,
                 .a = {a, b, HL_NOREF, HL_NOREF, HL_NOREF}};
    return hl_ir_emit(ir, block, &ins);
}

static void iter_compare(HlIr *ir, HlRef left, HlRef next, HlRef stop)
{
    for (HlRef r = 0; r < ir->nins; r++) {
        HlIns *ins = &ir->ins[r];
        if (ins->block < 0 || ins->op != HL_I_ICMP || ins->aux != HL_GT || ins->a[0] != left ||
            ir->ins[ins->a[1]].op != HL_I_KINT || ir->ins[ins->a[1]].imm.i != 0)
            continue;
        ins->aux = HL_LT;
        ins->a[0] = next;
        ins->a[1] = stop;
    }
}

/* Where the iterator stops. */
static HlRef iter_stop(HlIr *ir, int32_t pre, HlRef next, HlRef left)
{
    int64_t a, b, stop;
    HlRef sum = iter_emit(ir, pre, HL_I_ADD, next, left);
    if (sum >= 0 && hl_ir_is_kint(ir, next, &a) && hl_ir_is_kint(ir, left, &b) &&
        !__builtin_add_overflow(a, b, &stop)) {
        ir->ins[sum].op = HL_I_KINT;
        ir->ins[sum].a[0] = ir->ins[sum].a[1] = HL_NOREF;
        ir->ins[sum].imm.i = stop;
    }
    return sum;
}

static int iter_convert(HlIr *ir, const Iter *it)
{
    const HlRef *args = ir->blocks[it->pre].args.v, *params = ir->blocks[it->header].params.v;
    HlRef next = params[it->next], left = params[it->left];
    HlRef stop = iter_stop(ir, it->pre, args[it->next], args[it->left]);
    HlRef now = stop < 0 ? HL_NOREF : iter_emit(ir, it->header, HL_I_SUB, stop, next);
    HlRef *map = now < 0 ? NULL : hl_opt_map(ir, 0);
    if (!map)
        return -1;
    HlRefVec *v = &ir->blocks[it->header].ins; /* it comes first in its block */
    memmove(&v->v[1], &v->v[0], (size_t)(v->n - 1) * sizeof *v->v);
    v->v[0] = now;
    map[left] = now;
    hl_opt_apply(ir, map);
    hl_mem_free(map);
    iter_compare(ir, now, next, stop);
    return 0;
}

int hl_opt_iter(HlIr *ir)
{
    HlCfg cfg;
    if (hl_cfg_build(ir, &cfg))
        return -1;
    int status = 0;
    for (int32_t i = 0; i < cfg.nrpo && !status; i++) {
        Iter it = {.header = cfg.rpo[i]};
        if (cfg.header[it.header] == it.header && iter_find(ir, &cfg, &it))
            status = iter_convert(ir, &it);
    }
    hl_cfg_free(&cfg);
    return status;
}
