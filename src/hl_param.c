/* hl_param.c - the tunables' values and where they come from. A parameter whose default is 0 is a
 * switch (0 or 1); every other one is a count and at least 1. A value that does not fit is refused
 * with a message that names the variable, and the default stays. */
#include "hl_param.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAM_DEFAULT(name, def, env, doc) .name = (def),
HlParams hl_params = {HL_PARAMDEF(PARAM_DEFAULT)};

#define PARAM_ROW(name, def, env, doc) {#name, &hl_params.name, (def), (env), (doc)},
const HlParamInfo hl_param_info[] = {HL_PARAMDEF(PARAM_ROW){NULL, NULL, 0, NULL, NULL}};

static bool param_is_switch(const HlParamInfo *p)
{
    return p->def == 0;
}

const char *hl_param_range(const HlParamInfo *p)
{
    return param_is_switch(p) ? "0 or 1" : "a whole number from 1 to 2147483647";
}

bool hl_param_fits(const HlParamInfo *p, long value)
{
    return param_is_switch(p) ? value == 0 || value == 1 : value >= 1 && value <= INT_MAX;
}

static bool param_parse(const HlParamInfo *p, const char *text)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end || errno || !hl_param_fits(p, value))
        return false;
    *p->value = (int)value;
    return true;
}

int hl_param_init(char *err, size_t err_size)
{
    size_t used = 0;
    for (const HlParamInfo *p = hl_param_info; p->name; p++) {
        const char *text = p->env ? getenv(p->env) : NULL;
        if (!text || !*text || param_parse(p, text))
            continue;
        if (used < err_size) {
            int n = snprintf(err + used, err_size - used, "%s%s='%s' ignored: it must be %s",
                             used ? "; " : "", p->env, text, hl_param_range(p));
            used += n > 0 ? (size_t)n : 0;
        }
    }
    return used ? -1 : 0;
}
