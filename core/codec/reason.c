/* reason.c - number, status, text and name of each reason (see reason.h). */
#include "codec/reason.h"

static const struct {
    int number;
    int status;
    const char *name;
    const char *text;
} reasons[] = {
#define REASON_ROW(name, number, status, text) { number, status, #name, text },
    PD_REASONS(REASON_ROW)
#undef REASON_ROW
};

int pd_reason_number(enum pd_reason r)
{
    return reasons[r].number;
}

int pd_reason_status(enum pd_reason r)
{
    return reasons[r].status;
}

const char *pd_reason_text(enum pd_reason r)
{
    return reasons[r].text;
}

const char *pd_reason_name(enum pd_reason r)
{
    return reasons[r].name;
}
