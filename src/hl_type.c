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

const char *hl_type_text(HlType t, char *buf, size_t size)
{
    const char *base = t.base < HL_T__COUNT ? type_base[t.base].text : "?";
    if (t.base == HL_T_NPS)
        snprintf(buf, size, "%s<%s>", base, hl_dtype_text(t.dtype));
    else if (t.base == HL_T_ARR || t.base == HL_T_ROW)
        snprintf(buf, size, "%s<%s,%d>", base, hl_dtype_text(t.dtype), t.ndim);
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
        if (base != HL_T_NPS) {
            if (*s++ != ',')
                return 0;
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
