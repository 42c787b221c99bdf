/* placeholder */
#include "hl_opt.h"
int hl_opt_range(HlIr *ir){(void)ir;return 0;}
