/* ours.c - the verdicts of our own codec (see verdict.h). */
#include "codec/codec.h"
#include "codec/response.h"
#include "verdict.h"

static void print_head(const struct pd_head *h)
{
    printf("M ");
    verdict_hex(h->method.p, h->method.n);
    putchar(' ');
    verdict_hex(h->target.p, h->target.n);
    printf(" %d ", h->http_minor);
    for (size_t i = 0; i < h->nfields; i++) {
        verdict_hex(h->fields[i].name.p, h->fields[i].name.n);
        putchar(':');
        verdict_hex(h->fields[i].value.p, h->fields[i].value.n);
        putchar(',');
    }
    printf("; =");
}

/* True while there is more to come. */
static int take(void *state, struct pd_slice *rest, struct pd_scratch *scratch, int *closes)
{
    struct pd_response answer = { .status = 200 };
    struct pd_event ev;
    char end[PD_END_MAX];
    size_t used;
    pd_codec_http1.next(state, *rest, &used, scratch, &ev);
    *rest = pd_slice_from(*rest, used);
    if (ev.kind == PD_EV_HEAD) {
        print_head(ev.head);
        *closes = !ev.head->keep_alive;
    } else if (ev.kind == PD_EV_BODY) {
        verdict_hex(ev.data.p, ev.data.n);
    } else if (ev.kind == PD_EV_BODY_END) {
        printf(" C ");
        pd_codec_http1.put_end(state, ev.stream, &answer, end);
        if (*closes)
            printf("closed\n");
        return !*closes;
    } else if (ev.kind == PD_EV_BAD) {
        printf(" bad:%s\n", pd_reason_name(ev.reason));
        return 0;
    } else if (ev.kind == PD_EV_MORE) {
        printf(" %s\n", pd_codec_http1.at_boundary(state) && rest->n == 0 ? "ok" : "cut");
        return 0;
    }
    return 1;
}

int main(void)
{
    static _Alignas(16) char state[PD_CODEC_STATE_MAX];
    static struct pd_scratch scratch;
    static char input[VERDICT_INPUT_MAX];
    const struct pd_limits limits = PD_LIMITS_DEFAULT;
    struct pd_slice rest = { input, 0 };
    while (verdict_read(input, &rest.n)) {
        int closes = 0;
        rest.p = input;
        pd_codec_http1.init(state, &limits, PD_OPTIONS_NONE);
        while (take(state, &rest, &scratch, &closes))
            ;
    }
    return 0;
}
