/* hl_irtext.c - the text form of a region; what is printed parses, and prints the same again.
 *
 *   region sum_of_squares slots 4 loops 1 entry x0
 *   entry(%0: arr<float64,1> = slot 0, %1: i64 = slot 5 range_next): pc 24
 *     %2: ptr = array_data %0
 *     %3: i64 = kint 10
 *     jump b1(%1)
 *   b1(%4: i64): pc 24 loop 0 in 0
 *     %5: bool = icmp lt %4 %3
 *     guard_true %5 -> x1
 *     %6: i64 = index nonneg %4 %3 -> x2 @26
 *     jump b1(%6)
 *   b2: pc 40
 *     exit x3
 *   x0: entry pc 24 [0: %0, 1: unbound, 2: frame 2, 3: range(%1 %3 %3)]
 *   x1: loop_end pc 24 [0: %0] -> b2
 *
 * One instruction per line: result and its type, operation, what `aux`, `imm` and `check` hold,
 * then operands, the guard's exit, and "@pc" where the bytecode position changes. `pc`, `loop`,
 * `in` (loop_of) and `at` (inlined) follow a block's parameters, "fastmath N" the first line's numbers.
 * An exit: reason, snapshot, the block that continues it, "stay", "any_length", "unpredictable", "origin xN" or
 * "twin xN". Behind the first line come the inlined calls:
 *
 *   i0: pc 30 base 6 slots 2 code #1 loops 1
 *   i1: pc 8 base 9 slots 1 code #2 loops 1 at i0
 *
 * Blocks that were removed and exits that nothing uses are left out; their
 * numbers stay free. Instructions without a result get numbers above all others when parsed. A
 * semicolon begins a comment. */
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "hl_ir.h"
#include "hl_mem.h"

/* What an operation's aux, imm and check fields mean, where they mean something. */
typedef enum TextField {
    TEXT_NONE,
    TEXT_INT,     /* imm.i */
    TEXT_FLOAT,   /* imm.f */
    TEXT_BOOL,    /* imm.i as true or false */
    TEXT_INDEX,   /* imm.i as #n */
    TEXT_TYPE,    /* check */
    TEXT_COMPARE, /* aux: HlCompare */
    TEXT_MATH,    /* aux: HlMath */
    TEXT_AXIS,    /* aux as a number */
    TEXT_DTYPE,   /* aux: HlDtype */
    TEXT_NONNEG,  /* aux 1 as "nonneg" */
    TEXT_IMAG,    /* aux 1 as "imag" */
    TEXT_RANDOM,  /* aux 1 as "unpredictable" */
    TEXT_FUNC,    /* aux 1 as "jitted", imm.i as #n */
    TEXT_SLOT     /* imm.i; aux 1 as "cell" */
} TextField;

static const uint8_t text_field[HL_I__COUNT] = {
    [HL_I_KINT] = TEXT_INT,
    [HL_I_KFLOAT] = TEXT_FLOAT,
    [HL_I_KBOOL] = TEXT_BOOL,
    [HL_I_KOBJ] = TEXT_INDEX,
    [HL_I_GUARD_TYPE] = TEXT_TYPE,
    [HL_I_GUARD_ARRAY] = TEXT_TYPE,
    [HL_I_GUARD_GLOBAL] = TEXT_INDEX,
    [HL_I_LOAD_GLOBAL] = TEXT_INDEX,
    [HL_I_ICMP] = TEXT_COMPARE,
    [HL_I_FCMP] = TEXT_COMPARE,
    [HL_I_FMATH1] = TEXT_MATH,
    [HL_I_FMATH2] = TEXT_MATH,
    [HL_I_ARRAY_LEN] = TEXT_AXIS,
    [HL_I_ARRAY_STRIDE] = TEXT_AXIS,
    [HL_I_ARRAY_LOAD] = TEXT_DTYPE,
    [HL_I_ARRAY_STORE] = TEXT_DTYPE,
    [HL_I_UNBOX_PART] = TEXT_IMAG,
    [HL_I_ARRAY_DATA] = TEXT_IMAG,
    [HL_I_ARRAY_STORE_IF] = TEXT_DTYPE,
    [HL_I_ARRAY_FILL] = TEXT_DTYPE,
    [HL_I_ARRAY_COPY] = TEXT_DTYPE,
    [HL_I_NARROW] = TEXT_DTYPE,
    [HL_I_NARROW_OV] = TEXT_DTYPE,
    [HL_I_UNBOX_NP] = TEXT_DTYPE,
    [HL_I_INDEX] = TEXT_NONNEG,
    [HL_I_SELECT] = TEXT_RANDOM,
    [HL_I_UFUNC1] = TEXT_DTYPE,
    [HL_I_UFUNC2] = TEXT_DTYPE,
    [HL_I_FUNC] = TEXT_FUNC,
    [HL_I_FUNC_VALUE] = TEXT_INDEX,
    [HL_I_FUNC_GLOBAL] = TEXT_INDEX,
    [HL_I_STEP] = TEXT_INT,
    [HL_I_FRAME_LOAD] = TEXT_SLOT,
    [HL_I_TRIPS] = TEXT_INDEX,
};

static const char *const text_compare[] = {"lt", "le", "eq", "ne", "gt", "ge"};
static const char *const text_part[] = {
    "",          "range_next", "range_step", "range_left", "iter_index", "iter_count", "iter_seq",
    "iter_seq2", "iter_seq3",  "iter_seq4",  "iter_seq5",  "iter_seq6",  "real",       "imag"};
HL_STATIC_ASSERT(HL_COUNTOF(text_part) == HL_IN_IMAG + 1, "each part of an input has a text");
static const char *const text_math[HL_M__COUNT] = {
#define MATH_TEXT(name, text, sym, arity) text,
    HL_MATHDEF(MATH_TEXT)
#undef MATH_TEXT
};

/* --- printing --------------------------------------------------------------------------------- */

typedef struct TextOut {
    char *s;
    size_t n, cap;
    bool failed;
} TextOut;

__attribute__((format(printf, 2, 3))) static void out(TextOut *o, const char *fmt, ...)
{
    if (o->failed)
        return;
    for (;;) {
        va_list ap;
        va_start(ap, fmt);
        size_t room = o->cap - o->n;
        int n = vsnprintf(o->s ? o->s + o->n : NULL, room, fmt, ap);
        va_end(ap);
        if (n >= 0 && (size_t)n < room) {
            o->n += (size_t)n;
            return;
        }
        size_t cap = (o->cap + (size_t)n + 1) * 2;
        char *s = n < 0 ? NULL : hl_mem_realloc(o->s, o->cap, cap);
        if (!s) {
            o->failed = true;
            return;
        }
        o->s = s;
        o->cap = cap;
    }
}

static void out_ref(TextOut *o, HlRef r)
{
    if (r == HL_NOREF)
        out(o, "%%-");
    else
        out(o, "%%%d", r);
}

static void out_type(TextOut *o, HlType t)
{
    char buf[32];
    out(o, "%s", hl_type_text(t, buf, sizeof buf));
}

/* The shortest decimal form that gives the same double back; other NaNs than the usual one as
 * bits. */
static void out_float(TextOut *o, double f)
{
    uint64_t bits;
    memcpy(&bits, &f, sizeof bits);
    if (isnan(f) && bits != UINT64_C(0x7ff8000000000000)) {
        out(o, "nan:0x%" PRIx64, bits);
        return;
    }
    char buf[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, f);
        if (strtod(buf, NULL) == f)
            break;
    }
    out(o, "%s", buf);
}

static void out_field(TextOut *o, const HlIns *ins)
{
    switch ((TextField)text_field[ins->op]) {
    case TEXT_NONE: break;
    case TEXT_INT: out(o, " %" PRId64, ins->imm.i); break;
    case TEXT_FLOAT:
        out(o, " ");
        out_float(o, ins->imm.f);
        break;
    case TEXT_BOOL: out(o, ins->imm.i ? " true" : " false"); break;
    case TEXT_INDEX: out(o, " #%" PRId64, ins->imm.i); break;
    case TEXT_TYPE:
        out(o, " ");
        out_type(o, ins->check);
        break;
    case TEXT_COMPARE: out(o, " %s", ins->aux <= HL_GE ? text_compare[ins->aux] : "?"); break;
    case TEXT_MATH: out(o, " %s", ins->aux < HL_M__COUNT ? text_math[ins->aux] : "?"); break;
    case TEXT_AXIS: out(o, " %d", ins->aux); break;
    case TEXT_DTYPE: out(o, " %s", hl_dtype_text(ins->aux)); break;
    case TEXT_NONNEG: out(o, ins->aux ? " nonneg" : ""); break;
    case TEXT_IMAG: out(o, ins->aux ? " imag" : ""); break;
    case TEXT_RANDOM: out(o, ins->aux ? " unpredictable" : ""); break;
    case TEXT_FUNC: out(o, "%s #%" PRId64, ins->aux ? " jitted" : "", ins->imm.i); break;
    case TEXT_SLOT: out(o, " %" PRId64 "%s", ins->imm.i, ins->aux ? " cell" : ""); break;
    }
}

/* What hl_opt_origin added. */
static void out_origin(TextOut *o, const HlIns *ins)
{
    int k = hl_ir_origin_arg((HlOp)ins->op);
    if (k >= hl_op_info[ins->op].nargs && ins->a[k] != HL_NOREF) {
        out(o, " from ");
        out_ref(o, ins->a[k]);
    }
}

static void out_ins(TextOut *o, const HlIr *ir, HlRef r, int32_t *pc)
{
    const HlIns *ins = &ir->ins[r];
    if (ins->op >= HL_I__COUNT) {
        out(o, "  ; bad operation %d\n", ins->op);
        return;
    }
    const HlOpInfo *info = &hl_op_info[ins->op];
    out(o, "  ");
    if (info->res != '-') {
        out(o, "%%%d: ", r);
        out_type(o, ins->type);
        out(o, " = ");
    }
    out(o, "%s", info->name);
    out_field(o, ins);
    for (int i = 0; i < info->nargs; i++) {
        out(o, " ");
        out_ref(o, ins->a[i]);
    }
    out_origin(o, ins);
    if (info->fx & HL_E_GUARD)
        out(o, " -> x%d", ins->exit);
    if (ins->pc != *pc) {
        out(o, " @%d", ins->pc);
        *pc = ins->pc;
    }
    out(o, "\n");
}

/* How many lengths an input of that type may have been seen with. */
static int text_nseen(HlType t)
{
    return t.base == HL_T_ARR ? t.ndim : t.base == HL_T_I64;
}

static void out_seen(TextOut *o, const HlInput *in, HlType t)
{
    uint8_t any = 0;
    for (int i = 0; i < text_nseen(t); i++)
        any |= in->seen[i];
    for (int i = 0; any && i < text_nseen(t); i++)
        out(o, i ? " %d" : " seen %d", in->seen[i]);
}

static void out_block(TextOut *o, const HlIr *ir, int32_t index)
{
    const HlBlock *b = &ir->blocks[index];
    if (index)
        out(o, "b%d", index);
    else
        out(o, "entry");
    for (int32_t i = 0; i < b->params.n; i++) {
        out(o, "%s%%%d: ", i ? ", " : "(", b->params.v[i]);
        out_type(o, ir->ins[b->params.v[i]].type);
        out_origin(o, &ir->ins[b->params.v[i]]);
        if (!index && i < ir->ninputs) {
            out(o, " = slot %d", ir->inputs[i].slot);
            if (ir->inputs[i].part)
                out(o, " %s", text_part[ir->inputs[i].part]);
            out_seen(o, &ir->inputs[i], ir->ins[b->params.v[i]].type);
        }
    }
    out(o, "%s: pc %d", b->params.n ? ")" : "", b->pc);
    if (b->loop >= 0)
        out(o, " loop %d", b->loop);
    if (b->loop_of >= 0)
        out(o, " in %d", b->loop_of);
    if (b->inlined >= 0)
        out(o, " at i%d", b->inlined);
    out(o, "\n");
    int32_t pc = b->pc;
    for (int32_t i = 0; i < b->ins.n; i++)
        out_ins(o, ir, b->ins.v[i], &pc);
    switch ((HlTermKind)b->term) {
    case HL_TERM_OPEN: out(o, "  open\n"); break;
    case HL_TERM_JUMP:
        out(o, "  jump b%d", b->target);
        for (int32_t i = 0; i < b->args.n; i++) {
            out(o, i ? ", " : "(");
            out_ref(o, b->args.v[i]);
        }
        out(o, b->args.n ? ")\n" : "\n");
        break;
    case HL_TERM_EXIT: out(o, "  exit x%d\n", b->exit); break;
    case HL_TERM_DEAD: break;
    }
}

static void out_exit(TextOut *o, const HlIr *ir, int32_t index)
{
    const HlExit *x = &ir->exits[index];
    const HlSnap *s = &ir->snaps[x->snap];
    out(o, "x%d: %s pc %d ", index, hl_reason_key(x->reason), s->pc);
    if (s->inlined >= 0)
        out(o, "at i%d ", s->inlined);
    out(o, "[");
    for (int32_t i = 0; i < s->nslots; i++) {
        const HlSlot *slot = &s->slots[i];
        out(o, "%s%d: ", i ? ", " : "", i);
        if (slot->kind == HL_SLOT_VALUE) {
            out_ref(o, slot->a);
            continue;
        }
        out(o, "%s", hl_slot_text[slot->kind]);
        if (slot->kind == HL_SLOT_FRAME && slot->a != i)
            out(o, " %d", slot->a);
        for (int part = 0; part < hl_slot_nparts(slot); part++) {
            out(o, part ? " " : "(");
            out_ref(o, slot->part[part]);
        }
        out(o, hl_slot_nparts(slot) ? ")" : "");
    }
    out(o, "]");
    if (x->target >= 0)
        out(o, " -> b%d", x->target);
    if (x->stay)
        out(o, " stay");
    if (x->any_length)
        out(o, " any_length");
    if (x->unpredictable)
        out(o, " unpredictable");
    if (x->origin >= 0)
        out(o, x->twin ? " twin x%d" : " origin x%d", x->origin);
    out(o, "\n");
}

static void out_inline(TextOut *o, const HlIr *ir, int32_t index)
{
    const HlInline *c = &ir->inlines[index];
    out(o, "i%d: pc %d base %d slots %d code #%d loops %d", index, c->pc, c->base, c->nlocalsplus,
        c->code, c->loops);
    if (c->parent >= 0)
        out(o, " at i%d", c->parent);
    out(o, "\n");
}

/* Marks the exits that the text must show: those of guards, terminators, and the entry's. */
static void text_mark_exits(const HlIr *ir, uint8_t *shown)
{
    for (int32_t i = 0; i < ir->nblocks; i++) {
        const HlBlock *b = &ir->blocks[i];
        for (int32_t k = 0; k < b->ins.n; k++) {
            int32_t x = ir->ins[b->ins.v[k]].exit;
            if (x >= 0 && x < ir->nexits)
                shown[x] = 1;
        }
        if (b->term == HL_TERM_EXIT && b->exit >= 0 && b->exit < ir->nexits)
            shown[b->exit] = 1;
    }
    if (ir->entry_exit >= 0 && ir->entry_exit < ir->nexits)
        shown[ir->entry_exit] = 1;
}

/* Numbers are written and read with a point, whatever the program's locale says. */
static locale_t text_locale_enter(locale_t *c)
{
    *c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    return *c ? uselocale(*c) : (locale_t)0;
}

static void text_locale_leave(locale_t c, locale_t old)
{
    uselocale(old);
    freelocale(c);
}

char *hl_irtext_print(const HlIr *ir)
{
    TextOut o = {0};
    locale_t c, old = text_locale_enter(&c);
    if (!c)
        return NULL;
    uint8_t *shown = hl_mem_alloc((size_t)ir->nexits);
    if (!shown) {
        text_locale_leave(c, old);
        return NULL;
    }
    text_mark_exits(ir, shown);

    out(&o, "region ");
    for (const char *s = ir->name; *s; s++)
        out(&o, "%c", (unsigned char)*s <= ' ' || *s == ';' || *s == 0x7f ? '?' : *s);
    out(&o, "%s slots %d loops %d", ir->name[0] ? "" : "?", ir->nlocalsplus, ir->nloops);
    if (ir->entry_exit >= 0)
        out(&o, " entry x%d", ir->entry_exit);
    if (ir->fastmath)
        out(&o, " fastmath %d", ir->fastmath);
    out(&o, "\n");
    for (int32_t i = 0; i < ir->ninlines; i++)
        out_inline(&o, ir, i);
    for (int32_t i = 0; i < ir->nblocks; i++) {
        if (ir->blocks[i].term != HL_TERM_DEAD)
            out_block(&o, ir, i);
    }
    for (int32_t i = 0; i < ir->nexits; i++) {
        if (shown[i] && ir->exits[i].snap >= 0 && ir->exits[i].snap < ir->nsnaps)
            out_exit(&o, ir, i);
    }
    hl_mem_free(shown);
    text_locale_leave(c, old);
    if (o.failed) {
        hl_mem_free(o.s);
        return NULL;
    }
    return o.s;
}

/* --- parsing: recursive descent over one cursor; the first error stops it --------------------- */

/* Numbers above these are errors, so that short malformed texts cannot ask for gigabytes. */
enum { TEXT_MAX_ID = 1 << 17, TEXT_MAX_NUM = 1 << 28 };

typedef struct TextIn {
    const char *p;
    int line;
    bool failed;
    char *err;
    size_t err_size;
    HlIr *ir;
    uint8_t *defined; /* per value: its definition was read */
} TextIn;

__attribute__((format(printf, 2, 3))) static void in_fail(TextIn *in, const char *fmt, ...)
{
    if (in->failed)
        return;
    in->failed = true;
    int n = snprintf(in->err, in->err_size, "line %d: ", in->line);
    if (n >= 0 && (size_t)n < in->err_size) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(in->err + n, in->err_size - (size_t)n, fmt, ap);
        va_end(ap);
    }
}

/* Skips spaces and comments within a line. */
static void in_space(TextIn *in)
{
    while (*in->p == ' ' || *in->p == '\t' || *in->p == '\r')
        in->p++;
    if (*in->p == ';')
        while (*in->p && *in->p != '\n')
            in->p++;
}

/* Skips to the next line that holds something; false at the end of the text. */
static bool in_line(TextIn *in)
{
    for (in_space(in); *in->p == '\n'; in_space(in)) {
        in->p++;
        in->line++;
    }
    return *in->p != 0;
}

static bool in_end(TextIn *in)
{
    in_space(in);
    return *in->p == '\n' || *in->p == 0;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Takes `text` if it comes next; a text that ends in a word character must end there. */
static bool in_take(TextIn *in, const char *text)
{
    in_space(in);
    size_t n = strlen(text);
    if (in->failed || strncmp(in->p, text, n) || (is_word(text[n - 1]) && is_word(in->p[n])))
        return false;
    in->p += n;
    return true;
}

static void in_need(TextIn *in, const char *text)
{
    if (!in_take(in, text))
        in_fail(in, "expected \"%s\"", text);
}

/* A decimal number from 0 to max. */
static int32_t in_number(TextIn *in, int32_t max)
{
    int64_t n = 0;
    if (*in->p < '0' || *in->p > '9') {
        in_fail(in, "expected a number");
        return 0;
    }
    for (; *in->p >= '0' && *in->p <= '9'; in->p++) {
        n = n * 10 + (*in->p - '0');
        if (n > max) {
            in_fail(in, "number too large");
            return 0;
        }
    }
    return (int32_t)n;
}

/* "<prefix><number>", such as x3 or b1. */
static int32_t in_numbered(TextIn *in, char prefix, int32_t max)
{
    in_space(in);
    if (*in->p != prefix) {
        in_fail(in, "expected \"%c\" and a number", prefix);
        return 0;
    }
    in->p++;
    return in_number(in, max);
}

/* A value, or HL_NOREF written "%-". */
static HlRef in_ref(TextIn *in)
{
    return in_take(in, "%-") ? HL_NOREF : in_numbered(in, '%', TEXT_MAX_ID);
}

static HlType in_type(TextIn *in)
{
    HlType t = HL_TYPE(VOID);
    in_space(in);
    size_t n = in->failed ? 0 : hl_type_parse(in->p, &t);
    if (!n)
        in_fail(in, "expected a type");
    in->p += n;
    return t;
}

/* The index of the word that comes next in a list of texts. */
static int in_word(TextIn *in, const char *const *texts, int n, const char *what)
{
    for (int i = 0; i < n; i++) {
        if (*texts[i] && in_take(in, texts[i]))
            return i;
    }
    in_fail(in, "expected %s", what);
    return 0;
}

static double in_float(TextIn *in)
{
    in_space(in);
    double f = 0;
    if (in_take(in, "nan")) { /* strtod's may have another sign */
        if (!in_take(in, ":"))
            return (double)NAN;
        char *end;
        uint64_t bits = strtoull(in->p, &end, 16);
        memcpy(&f, &bits, sizeof f);
        if (*in->p != '0' || end == in->p || !isnan(f))
            in_fail(in, "expected the bits of a NaN");
        in->p = end;
        return f;
    }
    char *end;
    bool here = !in_end(in); /* strtod would skip to the next line */
    f = strtod(in->p, &end);
    if (!here || end == in->p || isnan(f)) {
        in_fail(in, "expected a float");
        return 0;
    }
    in->p = end;
    return f;
}

static int64_t in_int(TextIn *in)
{
    in_space(in);
    bool neg = *in->p == '-';
    in->p += neg;
    uint64_t n = 0, max = neg ? UINT64_C(1) << 63 : INT64_MAX;
    if (*in->p < '0' || *in->p > '9')
        in_fail(in, "expected an integer");
    for (; !in->failed && *in->p >= '0' && *in->p <= '9'; in->p++) {
        unsigned digit = (unsigned)(*in->p - '0');
        if (n > (max - digit) / 10)
            in_fail(in, "integer does not fit 64 bits");
        n = n * 10 + digit;
    }
    return (int64_t)(neg ? 0 - n : n);
}

static void in_field(TextIn *in, HlIns *ins)
{
    static const char *const bools[] = {"false", "true"};
    switch ((TextField)text_field[ins->op]) {
    case TEXT_NONE: break;
    case TEXT_INT: ins->imm.i = in_int(in); break;
    case TEXT_FLOAT: ins->imm.f = in_float(in); break;
    case TEXT_BOOL: ins->imm.i = in_word(in, bools, 2, "true or false"); break;
    case TEXT_INDEX: ins->imm.i = in_numbered(in, '#', TEXT_MAX_NUM); break;
    case TEXT_TYPE: ins->check = in_type(in); break;
    case TEXT_COMPARE:
        ins->aux = (uint8_t)in_word(in, text_compare, HL_COUNTOF(text_compare), "a comparison");
        break;
    case TEXT_MATH:
        ins->aux = (uint8_t)in_word(in, text_math, HL_M__COUNT, "a math function");
        break;
    case TEXT_AXIS:
        in_space(in);
        ins->aux = (uint8_t)in_number(in, 255);
        break;
    case TEXT_DTYPE: {
        int d = HL_D_NONE + 1;
        while (d < HL_D__COUNT && !in_take(in, hl_dtype_text(d)))
            d++;
        if (d == HL_D__COUNT)
            in_fail(in, "expected a dtype");
        ins->aux = (uint8_t)d;
        break;
    }
    case TEXT_NONNEG: ins->aux = in_take(in, "nonneg"); break;
    case TEXT_IMAG: ins->aux = in_take(in, "imag"); break;
    case TEXT_RANDOM: ins->aux = in_take(in, "unpredictable"); break;
    case TEXT_FUNC:
        ins->aux = in_take(in, "jitted");
        ins->imm.i = in_numbered(in, '#', TEXT_MAX_NUM);
        break;
    case TEXT_SLOT:
        ins->imm.i = in_int(in);
        ins->aux = in_take(in, "cell");
        break;
    }
}

static void in_no_memory(TextIn *in)
{
    in_fail(in, "out of memory");
}

/* Puts a definition at the number that the text gives it. */
static void in_define(TextIn *in, HlRef r, HlRefVec *list, const HlIns *ins)
{
    if (in->failed)
        return;
    if (in->defined[r]) {
        in_fail(in, "%%%d is defined twice", r);
        return;
    }
    in->defined[r] = 1;
    in->ir->ins[r] = *ins;
    if (hl_refvec_push(list, r))
        in_no_memory(in);
}

static void in_origin(TextIn *in, HlIns *ins)
{
    int k = hl_ir_origin_arg((HlOp)ins->op);
    if (k >= hl_op_info[ins->op].nargs && in_take(in, "from"))
        ins->a[k] = in_ref(in);
}

static void in_params(TextIn *in, int32_t block)
{
    HlBlock *b = &in->ir->blocks[block];
    if (!in_take(in, "("))
        return;
    do {
        HlRef r = in_numbered(in, '%', TEXT_MAX_ID);
        in_need(in, ":");
        HlIns ins = {.op = HL_I_PARAM,
                     .type = in_type(in),
                     .a = {HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF},
                     .exit = -1,
                     .block = block};
        in_origin(in, &ins);
        if (!block && !in->failed) {
            in_need(in, "=");
            in_need(in, "slot");
            in_space(in);
            int32_t slot = in_number(in, TEXT_MAX_NUM);
            int part = HL_COUNTOF(text_part) - 1;
            while (part > HL_IN_VALUE && !in_take(in, text_part[part]))
                part--;
            int32_t input = in->failed ? -1 : hl_ir_input(in->ir, slot, (HlInputPart)part);
            if (!in->failed && input < 0)
                in_no_memory(in);
            bool seen = in_take(in, "seen");
            for (int i = 0; seen && input >= 0 && i < text_nseen(ins.type); i++) {
                in_space(in);
                in->ir->inputs[input].seen[i] = (uint8_t)in_number(in, HL_SEEN_MOST);
            }
        }
        in_define(in, r, &b->params, &ins);
    } while (!in->failed && in_take(in, ","));
    in_need(in, ")");
}

/* "at iN", or nothing: -1. */
static int32_t in_at(TextIn *in)
{
    return in_take(in, "at") ? in_numbered(in, 'i', TEXT_MAX_ID) : -1;
}

/* "<word> <number>" */
static int32_t in_count(TextIn *in, const char *word)
{
    in_need(in, word);
    in_space(in);
    return in_number(in, TEXT_MAX_NUM);
}

static void in_inline(TextIn *in, int32_t index)
{
    HlInline c = {0};
    in_need(in, ":");
    c.pc = in_count(in, "pc");
    c.base = in_count(in, "base");
    c.nlocalsplus = in_count(in, "slots");
    in_need(in, "code");
    c.code = in_numbered(in, '#', TEXT_MAX_NUM);
    c.loops = in_count(in, "loops");
    c.parent = in_at(in);
    if (index != in->ir->ninlines)
        in_fail(in, "expected i%d", in->ir->ninlines);
    if (!in->failed && hl_ir_inline(in->ir, &c) < 0)
        in_fail(in, "out of memory");
}

/* Blocks and exits up to `index` exist afterwards; those that are never described stay unused. */
static bool in_reach_block(TextIn *in, int32_t index)
{
    while (!in->failed && in->ir->nblocks <= index) {
        int32_t b = hl_ir_block(in->ir, 0);
        if (b < 0)
            in_no_memory(in);
        else
            in->ir->blocks[b].term = HL_TERM_DEAD;
    }
    return !in->failed;
}

static bool in_reach_exit(TextIn *in, int32_t index)
{
    while (!in->failed && in->ir->nexits <= index) {
        if (hl_ir_exit(in->ir, -1, HL_R_NONE) < 0)
            in_no_memory(in);
    }
    return !in->failed;
}

static void in_ins(TextIn *in, int32_t block, int32_t *pc)
{
    HlIns ins = {
        .a = {HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF}, .exit = -1, .block = block};
    HlRef r = HL_NOREF;
    in_space(in);
    if (*in->p == '%') {
        r = in_numbered(in, '%', TEXT_MAX_ID);
        in_need(in, ":");
        ins.type = in_type(in);
        in_need(in, "=");
    }
    int op = HL_I_PARAM + 1;
    while (op < HL_I__COUNT && !in_take(in, hl_op_info[op].name))
        op++;
    if (op == HL_I__COUNT) {
        in_fail(in, "expected an operation");
        return;
    }
    const HlOpInfo *info = &hl_op_info[op];
    ins.op = (uint8_t)op;
    if ((info->res != '-') != (r != HL_NOREF))
        in_fail(in, "%s %s a result", info->name, info->res == '-' ? "has not" : "has");
    in_field(in, &ins);
    for (int i = 0; i < info->nargs; i++)
        ins.a[i] = in_ref(in);
    in_origin(in, &ins);
    if (info->fx & HL_E_GUARD) {
        in_need(in, "->");
        ins.exit = in_numbered(in, 'x', TEXT_MAX_ID);
    }
    if (in_take(in, "@"))
        *pc = in_number(in, TEXT_MAX_NUM);
    ins.pc = *pc;
    if (in->failed)
        return;
    if (r != HL_NOREF)
        in_define(in, r, &in->ir->blocks[block].ins, &ins);
    else if (hl_ir_emit(in->ir, block, &ins) == HL_NOREF)
        in_no_memory(in);
}

/* A terminator, if one comes next. */
static bool in_term(TextIn *in, int32_t block)
{
    HlBlock *b = &in->ir->blocks[block];
    if (in_take(in, "jump")) {
        b->term = HL_TERM_JUMP;
        b->target = in_numbered(in, 'b', TEXT_MAX_ID);
        if (in_take(in, "(")) {
            do {
                if (hl_refvec_push(&b->args, in_ref(in)))
                    in_no_memory(in);
            } while (!in->failed && in_take(in, ","));
            in_need(in, ")");
        }
    } else if (in_take(in, "exit")) {
        b->term = HL_TERM_EXIT;
        b->exit = in_numbered(in, 'x', TEXT_MAX_ID);
    } else if (in_take(in, "open")) {
        b->term = HL_TERM_OPEN;
    } else {
        return false;
    }
    return true;
}

static void in_block(TextIn *in, int32_t index)
{
    if (!in_reach_block(in, index))
        return;
    HlBlock *b = &in->ir->blocks[index];
    if (b->term != HL_TERM_DEAD) {
        in_fail(in, "block is defined twice");
        return;
    }
    in_params(in, index);
    in_need(in, ":");
    in_need(in, "pc");
    in_space(in);
    b->pc = in_number(in, TEXT_MAX_NUM);
    if (in_take(in, "loop")) {
        in_space(in);
        b->loop = in_number(in, TEXT_MAX_ID);
    }
    if (in_take(in, "in")) {
        in_space(in);
        b->loop_of = in_number(in, TEXT_MAX_ID);
    }
    b->inlined = in_at(in);
    for (int32_t i = 0; i < b->params.n; i++)
        in->ir->ins[b->params.v[i]].pc = b->pc;
    int32_t pc = b->pc;
    while (!in->failed) {
        if (!in_end(in))
            in_fail(in, "expected the end of the line");
        else if (!in_line(in))
            in_fail(in, "block has no end");
        else if (in_term(in, index))
            break;
        else
            in_ins(in, index, &pc);
    }
}

/* How many values a slot of the kind may have. */
static int in_slot_most(const HlSlot *s)
{
    return s->kind == HL_SLOT_ZIP                             ? 1 + HL_ITER_SEQS
           : s->kind == HL_SLOT_TUPLE || hl_slot_has_views(s) ? HL_SLOT_PARTS
                                                              : hl_slot_nparts(s);
}

static HlSlot in_slot(TextIn *in, int32_t index)
{
    HlSlot s = {.kind = HL_SLOT_UNBOUND, .a = HL_NOREF, .b = HL_NOREF, .c = HL_NOREF};
    in_space(in);
    if (*in->p == '%') {
        s.kind = HL_SLOT_VALUE;
        s.a = in_ref(in);
        return s;
    }
    s.kind = (uint8_t)in_word(in, hl_slot_text, HL_SLOT__COUNT, "what a slot holds");
    if (in->failed)
        return s;
    if (s.kind == HL_SLOT_FRAME) {
        in_space(in);
        s.a = *in->p >= '0' && *in->p <= '9' ? in_number(in, TEXT_MAX_NUM) : index;
    }
    int most = in_slot_most(&s);
    if (most)
        in_need(in, "(");
    for (int part = 0; part < most; part++) {
        in_space(in);
        if (part >= hl_slot_nparts(&s)) {
            if (*in->p != '%')
                break;
            s.more++;
        }
        s.part[part] = in_ref(in);
    }
    if (most)
        in_need(in, ")");
    return s;
}

static void in_exit(TextIn *in, int32_t index)
{
    if (!in_reach_exit(in, index))
        return;
    if (in->ir->exits[index].snap >= 0) {
        in_fail(in, "exit is defined twice");
        return;
    }
    HlExit x = {.target = -1, .origin = -1};
    in_need(in, ":");
    int reason = 0;
    while (reason < HL_R__COUNT && !in_take(in, hl_reason_key((HlReason)reason)))
        reason++;
    if (reason == HL_R__COUNT)
        in_fail(in, "expected a reason");
    x.reason = (uint8_t)reason;
    in_need(in, "pc");
    in_space(in);
    int32_t pc = in_number(in, TEXT_MAX_NUM), inlined = in_at(in);
    in_need(in, "[");
    HlSlot *slots = NULL;
    int32_t n = 0, cap = 0;
    if (!in_take(in, "]")) {
        do {
            in_space(in);
            if (in_number(in, TEXT_MAX_NUM) != n)
                in_fail(in, "expected slot %d", n);
            in_need(in, ":");
            HlSlot s = in_slot(in, n);
            if (in->failed)
                break;
            if (hl_mem_grow((void **)&slots, &cap, n + 1, sizeof *slots)) {
                in_no_memory(in);
                break;
            }
            slots[n++] = s;
        } while (in_take(in, ","));
        in_need(in, "]");
    }
    if (in_take(in, "->"))
        x.target = in_numbered(in, 'b', TEXT_MAX_ID);
    x.stay = in_take(in, "stay");
    x.any_length = in_take(in, "any_length");
    x.unpredictable = in_take(in, "unpredictable");
    x.twin = in_take(in, "twin");
    if (x.twin || in_take(in, "origin"))
        x.origin = in_numbered(in, 'x', TEXT_MAX_ID);
    if (!in->failed && (x.snap = hl_ir_snap(in->ir, pc, slots, n)) < 0)
        in_no_memory(in);
    hl_mem_free(slots);
    if (!in->failed) {
        in->ir->snaps[x.snap].inlined = inlined;
        in->ir->exits[index] = x;
    }
}

/* Makes room for every value number that occurs, so that the others can be numbered above them. */
static void in_reserve(TextIn *in)
{
    int64_t top = -1;
    for (const char *s = in->p; *s; s++) {
        if (*s != '%')
            continue;
        int64_t n = -1;
        while (s[1] >= '0' && s[1] <= '9' && n < TEXT_MAX_ID)
            n = (n < 0 ? 0 : n * 10) + (*++s - '0');
        if (n > top)
            top = n;
    }
    if (top > TEXT_MAX_ID)
        top = TEXT_MAX_ID;
    HlIr *ir = in->ir;
    in->defined = hl_mem_alloc((size_t)top + 1);
    if (!in->defined ||
        hl_mem_grow((void **)&ir->ins, &ir->cap_ins, (int32_t)top + 1, sizeof *ir->ins)) {
        in_no_memory(in);
        return;
    }
    for (; ir->nins <= top; ir->nins++) {
        HlIns *ins = &ir->ins[ir->nins];
        *ins = (HlIns){
            .a = {HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF, HL_NOREF}, .exit = -1, .block = -1};
    }
}

static void in_region(TextIn *in)
{
    HlIr *ir = in->ir;
    if (!in_line(in)) {
        in_fail(in, "empty text");
        return;
    }
    in_need(in, "region");
    in_space(in);
    size_t n = 0;
    while ((unsigned char)in->p[n] > ' ' && in->p[n] != ';')
        n++;
    memcpy(ir->name, in->p, n < sizeof ir->name ? n : sizeof ir->name - 1);
    in->p += n;
    in_need(in, "slots");
    in_space(in);
    ir->nlocalsplus = in_number(in, TEXT_MAX_NUM);
    in_need(in, "loops");
    in_space(in);
    ir->nloops = in_number(in, TEXT_MAX_ID);
    if (in_take(in, "entry"))
        ir->entry_exit = in_numbered(in, 'x', TEXT_MAX_ID);
    if (in_take(in, "fastmath")) {
        in_space(in);
        ir->fastmath = (uint8_t)in_number(in, HL_FAST_ALL);
    }

    for (;;) {
        if (!in->failed && !in_end(in))
            in_fail(in, "expected the end of the line");
        if (in->failed || !in_line(in))
            break;
        if (in_take(in, "entry"))
            in_block(in, 0);
        else if (*in->p == 'x')
            in_exit(in, in_numbered(in, 'x', TEXT_MAX_ID));
        else if (*in->p == 'i')
            in_inline(in, in_numbered(in, 'i', TEXT_MAX_ID));
        else
            in_block(in, in_numbered(in, 'b', TEXT_MAX_ID));
    }
    if (!in->failed && !ir->nblocks)
        in_fail(in, "region has no blocks");
}

HlIr *hl_irtext_parse(const char *text, char *err, size_t err_size)
{
    TextIn in = {.p = text, .line = 1, .err = err, .err_size = err_size};
    if (err_size)
        err[0] = 0;
    in.ir = hl_ir_new("", 0, 0);
    locale_t c, old = text_locale_enter(&c);
    if (!in.ir || !c) {
        in_no_memory(&in);
    } else {
        in_reserve(&in);
        if (!in.failed)
            in_region(&in);
    }
    if (c)
        text_locale_leave(c, old);
    hl_mem_free(in.defined);
    if (in.failed) {
        hl_ir_free(in.ir);
        return NULL;
    }
    return in.ir;
}
