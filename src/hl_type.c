/* hl_type.c - representations and texts of types, from the two tables in hl_type.h. */
#include "hl_type.h"

#include <stdio.h>

static const struct {
    const char *text;
    uint8_t repr;
} type_base[HL_T__COUNT] = {
#define BASE_ROW(name, text, repr) {text, HL_REPR_##repr},
    HL_BASEDEF(BASE_ROW)
#undef BASE_ROW
};

static const struct {
    const char *text;
    uint8_t repr, size, part;
} type_dtype[HL_D__COUNT] = {
#define DTYPE_ROW(name, text, repr, size, part) {text, HL_REPR_##repr, size, HL_D_##part},
    HL_DTYPEDEF(DTYPE_ROW)
#undef DTYPE_ROW
};

HlRepr hl_type_repr(HlType t)
{
    if (t.base >= HL_T__COUNT)
        return HL_REPR_NONE;
    if (t.base == HL_T_NPS)
        return t.dtype < HL_D__COUNT ? type_dtype[t.dtype].repr : HL_REPR_NONE;
    return type_base[t.base].repr;
}

const char *hl_dtype_text(HlDtype d)
{
    return (unsigned)d < HL_D__COUNT ? type_dtype[d].text : "?";
}

int hl_dtype_size(HlDtype d)
{
    return (unsigned)d < HL_D__COUNT ? type_dtype[d].size : 0;
}

bool hl_dtype_is_unsigned(HlDtype d)
{
    return d == HL_D_U8 || d == HL_D_U16 || d == HL_D_U32 || d == HL_D_U64;
}

bool hl_dtype_is_int(HlDtype d)
{
    return d == HL_D_I8 || d == HL_D_I16 || d == HL_D_I32 || d == HL_D_I64 ||
           hl_dtype_is_unsigned(d);
}

bool hl_dtype_is_float(HlDtype d)
{
    return d == HL_D_F32 || d == HL_D_F64;
}

bool hl_dtype_is_complex(HlDtype d)
{
    return hl_dtype_part(d) != d;
}

HlDtype hl_dtype_part(HlDtype d)
{
    return (unsigned)d < HL_D__COUNT ? (HlDtype)type_dtype[d].part : HL_D_NONE;
}

HlType hl_type_part(HlType t)
{
    if (t.base == HL_T_COMPLEX)
        return HL_TYPE(F64);
    if (t.base == HL_T_NPS && hl_dtype_is_complex((HlDtype)t.dtype))
        return HL_TYPE_NPS((uint8_t)hl_dtype_part((HlDtype)t.dtype));
    return HL_TYPE(VOID);
}

HlType hl_type_of_parts(HlType part)
{
    if (part.base == HL_T_F64)
        return HL_TYPE(COMPLEX);
    for (int d = 0; part.base == HL_T_NPS && d < HL_D__COUNT; d++)
        if (hl_dtype_is_complex((HlDtype)d) && hl_dtype_part((HlDtype)d) == (HlDtype)part.dtype)
            return HL_TYPE_NPS((uint8_t)d);
    return HL_TYPE(VOID);
}

void hl_dtype_limits(HlDtype d, int64_t *lo, int64_t *hi)
{
    int bits = 8 * hl_dtype_size(d);
    bool is_unsigned = hl_dtype_is_unsigned(d);
    *hi = INT64_MAX >> (bits == 64 ? 0 : is_unsigned ? 63 - bits : 64 - bits);
    *lo = is_unsigned ? 0 : -*hi - 1;
}

int64_t hl_dtype_narrow(HlDtype d, int64_t i)
{
    int drop = 64 - 8 * hl_dtype_size(d);
    uint64_t high = (uint64_t)i << drop;
    return hl_dtype_is_unsigned(d) ? (int64_t)(high >> drop) : (int64_t)high >> drop;
}

HlType hl_row_type(int dtype, const HlRowAxis *axis, int ndim)
{
    HlType row = {.base = HL_T_ROW, .dtype = (uint8_t)dtype, .ndim = (uint8_t)ndim};
    for (int i = 0; i < ndim; i++)
        row.axes |= (uint16_t)(axis[i].kind << HL_AXIS_BITS * axis[i].back);
    row.turned = ndim > 1 && axis[0].back < axis[1].back;
    return row;
}

void hl_row_axes(HlType row, HlRowAxis axis[HL_MAX_NDIM])
{
    int n = 0;
    for (int i = 0; i < HL_MAX_NDIM; i++) {
        int back = row.turned ? i : HL_MAX_NDIM - 1 - i;
        uint8_t kind = row.axes >> HL_AXIS_BITS * back & HL_AXIS_STEPPED;
        if (kind != HL_AXIS_TAKEN)
            axis[n++] = (HlRowAxis){kind, (uint8_t)back};
    }
}

int hl_row_own(HlType row)
{
    int own = 0;
    for (int axes = row.axes; axes; axes >>= HL_AXIS_BITS) {
        int kind = axes & HL_AXIS_STEPPED;
        own += kind == HL_AXIS_PART ? 1 : kind == HL_AXIS_STEPPED ? 2 : 0;
    }
    return own;
}

static const char type_axis[] = "-wps"; /* by HlAxis */

/* The letters of a ROW's axes. */
static void type_axes_text(HlType row, char text[HL_MAX_NDIM + 2])
{
    int n = 0;
    if (row.turned)
        text[n++] = 't';
    for (int back = HL_MAX_NDIM - 1; back >= 0; back--)
        if (row.axes >> HL_AXIS_BITS * back)
            text[n++] = type_axis[row.axes >> HL_AXIS_BITS * back & HL_AXIS_STEPPED];
    text[n] = 0;
}

/* Reads them; the characters used, 0 = malformed. */
static size_t type_axes_parse(const char *text, HlType *row)
{
    const char *s = text, *letter;
    row->turned = *s == 't';
    s += row->turned;
    for (int n = 0; *s && (letter = strchr(type_axis, *s)) != NULL; s++, n++) {
        if (n == HL_MAX_NDIM)
            return 0;
        row->axes = (uint16_t)(row->axes << HL_AXIS_BITS | (letter - type_axis));
        row->ndim += letter != type_axis;
    }
    return row->ndim > row->turned ? (size_t)(s - text) : 0;
}

const char *hl_type_text(HlType t, char *buf, size_t size)
{
    const char *base = t.base < HL_T__COUNT ? type_base[t.base].text : "?";
    char axes[HL_MAX_NDIM + 2];
    type_axes_text(t, axes);
    if (t.base == HL_T_NPS)
        snprintf(buf, size, "%s<%s>", base, hl_dtype_text(t.dtype));
    else if (t.base == HL_T_ARR)
        snprintf(buf, size, "%s<%s,%d>", base, hl_dtype_text(t.dtype), t.ndim);
    else if (t.base == HL_T_ROW)
        snprintf(buf, size, "%s<%s,%s>", base, hl_dtype_text(t.dtype), axes);
    else
        snprintf(buf, size, "%s", base);
    return buf;
}

static bool type_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

size_t hl_type_parse(const char *text, HlType *out)
{
    const char *s = text;
    *out = HL_TYPE(VOID);
    size_t n = 0;
    while (type_is_word(s[n]))
        n++;
    int base = 0;
    while (base < HL_T__COUNT &&
           !(strlen(type_base[base].text) == n && !memcmp(type_base[base].text, s, n)))
        base++;
    if (base == HL_T__COUNT)
        return 0;
    s += n;
    HlType t = {.base = (uint8_t)base};
    if (base == HL_T_NPS || base == HL_T_ARR || base == HL_T_ROW) {
        if (*s++ != '<')
            return 0;
        n = 0;
        while (type_is_word(s[n]))
            n++;
        int d = HL_D_NONE + 1;
        while (d < HL_D__COUNT &&
               !(strlen(type_dtype[d].text) == n && !memcmp(type_dtype[d].text, s, n)))
            d++;
        if (d == HL_D__COUNT)
            return 0;
        t.dtype = (uint8_t)d;
        s += n;
        if (base != HL_T_NPS && *s++ != ',')
            return 0;
        if (base == HL_T_ROW) {
            if ((n = type_axes_parse(s, &t)) == 0)
                return 0;
            s += n;
        } else if (base == HL_T_ARR) {
            int ndim = 0;
            if (*s < '0' || *s > '9')
                return 0;
            while (*s >= '0' && *s <= '9') {
                ndim = ndim * 10 + (*s++ - '0');
                if (ndim > 255)
                    return 0;
            }
            t.ndim = (uint8_t)ndim;
        }
        if (*s++ != '>')
            return 0;
    }
    *out = t;
    return (size_t)(s - text);
}
