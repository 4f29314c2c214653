/* repeats.c - how often strangers may have us say the same in the log (see repeats.h). */
#include "engine/repeats.h"

#include <stddef.h>

#include "base/notice.h"

/* What a peer can bring about at will: refused requests and connections, and two things that it does to a response. */
static struct pd_repeat *repeat_of(struct pd_repeats *r, int number)
{
    bool of_peers =
        number == PD_NOTICE_WRITE_TIMEOUT || number == PD_NOTICE_BODY_CUT || (number >= 500 && number < PD_REPEATS_END);
    return r->burst && of_peers ? &r->of[number - PD_REPEATS_FIRST] : NULL;
}

/* Takes one line of the burst, which grows again by one a second. */
static bool repeat_take(struct pd_repeat *one, uint32_t burst, uint64_t now_ms)
{
    uint64_t passed = now_ms > one->since_ms ? (now_ms - one->since_ms) / PD_REPEATS_MS : 0;
    if (passed >= one->used) {
        one->used = 0;
        one->since_ms = now_ms;
    } else {
        one->used -= (uint32_t)passed;
        one->since_ms += passed * PD_REPEATS_MS;
    }
    if (one->used >= burst)
        return false;
    one->used++;
    return true;
}

bool pd_repeats_may_say(struct pd_repeats *r, int number, uint64_t now_ms, uint32_t *left_out)
{
    struct pd_repeat *one = repeat_of(r, number);
    *left_out = 0;
    if (!one)
        return true;
    if (!repeat_take(one, r->burst, now_ms)) {
        one->left_out += one->left_out < UINT32_MAX;
        return false;
    }
    *left_out = one->left_out;
    one->left_out = 0;
    return true;
}

int pd_repeats_left_out(struct pd_repeats *r, int number, uint64_t now_ms, bool at_once, uint32_t *left_out)
{
    number = number < PD_REPEATS_FIRST ? PD_REPEATS_FIRST : number + 1;
    for (; number < PD_REPEATS_END; number++) {
        struct pd_repeat *one = &r->of[number - PD_REPEATS_FIRST];
        if (!one->left_out || !(repeat_take(one, r->burst, now_ms) || at_once))
            continue;
        *left_out = one->left_out;
        one->left_out = 0;
        return number;
    }
    return 0;
}

bool pd_repeats_owes(const struct pd_repeats *r)
{
    for (size_t i = 0; i < sizeof r->of / sizeof r->of[0]; i++)
        if (r->of[i].left_out)
            return true;
    return false;
}
