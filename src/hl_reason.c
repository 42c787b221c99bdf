/* hl_reason.c - texts and keys of the reasons. */
#include "hl_reason.h"

#include "hl_def.h"

static const char *const reason_text[HL_R__COUNT] = {
#define REASON_TEXT(name, text) text,
    HL_REASONDEF(REASON_TEXT)
#undef REASON_TEXT
};

/* The keys: the enum's names, put into lower case when the library is loaded. */
static char reason_key[HL_R__COUNT][24] = {
#define REASON_NAME(name, text) #name,
    HL_REASONDEF(REASON_NAME)
#undef REASON_NAME
};

__attribute__((constructor)) static void reason_lower_keys(void)
{
    for (int i = 0; i < HL_R__COUNT; i++) {
        for (char *c = reason_key[i]; *c; c++) {
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c - 'A' + 'a');
        }
    }
}

const char *hl_reason_text(HlReason r)
{
    return (unsigned)r < HL_R__COUNT ? reason_text[r] : "?";
}

const char *hl_reason_key(HlReason r)
{
    return (unsigned)r < HL_R__COUNT ? reason_key[r] : "?";
}
