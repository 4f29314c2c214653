/* test_ajp13_client.c - FORWARD_REQUEST as a web server sends it, byte for byte (ajpv13a in the Tomcat connectors). */
#include "check.h"
#include "codec/client.h"

#define F(name, value) { { name, sizeof(name) - 1 }, { value, sizeof(value) - 1 } }

struct asked {
    uint64_t state[PD_CLIENT_STATE_MAX / sizeof(uint64_t)];
    struct pd_buf out;
    enum pd_reason bad;
};

static void ask(struct asked *x, const struct pd_head *head)
{
    static const struct pd_limits limits = { .head = 65536, .body = 1 << 20 };
    pd_buf_init(&x->out, pd_sys_default(), 1 << 20);
    pd_client_ajp13.init(x->state, pd_sys_default(), &limits);
    x->bad = pd_client_ajp13.put_head(x->state, head, &x->out);
}

static void done(struct asked *x)
{
    pd_client_ajp13.fini(x->state);
    pd_buf_fini(&x->out);
}

static void test_get(void)
{
    struct pd_field fields[] = {
        F("Host", "a"),          F("X-Own", "b"),          F("SERVER_PROTOCOL", "HTTP/1.1"),
        F("REMOTE_ADDR", "::1"), F("SERVER_NAME", "shop"), F("SERVER_PORT", "8080"),
    };
    struct pd_head head = { .form = PD_HEAD_AJP,
                            .method = PD_SLICE("GET"),
                            .target = PD_SLICE("/a%2Fb?q=1"),
                            .fields = fields,
                            .nheaders = 2,
                            .nvariables = 6,
                            .nfields = 6,
                            .content_length = -1 };
    struct asked x;
    ask(&x, &head);
    CHECK_INT(x.bad, PD_R_NONE);
    CHECK_STR(pd_buf_view(&x.out), "\x12\x34\0\x44\x02\x02\0\010HTTP/1.1\0\0\006/a%2Fb\0\0\003::1\0\xff\xff\0\004shop\0"
                                   "\x1f\x90\0\0\002\xa0\x0b\0\001a\0\0\005X-Own\0\0\001b\0"
                                   "\005\0\003q=1\0\xff");
    done(&x);
}

static void test_everything_else(void)
{
    struct pd_field fields[] = {
        F("HTTPS", "on"), F("secret", "s"), F("REMOTE_USER", "u"), F("REMOTE_PORT", "9"), F("A", "b"),
    };
    struct pd_head head = { .form = PD_HEAD_AJP,
                            .method = PD_SLICE("PATCH"),
                            .target = PD_SLICE("/"),
                            .fields = fields,
                            .nvariables = 4,
                            .nfields = 5,
                            .content_length = 12 };
    struct asked x;
    ask(&x, &head);
    CHECK_INT(x.bad, PD_R_NONE);
    CHECK_STR(pd_buf_view(&x.out), "\x12\x34\0\x4e\x02\xff\xff\xff\0\001/\0\xff\xff\xff\xff\xff\xff\0\0\001"
                                   "\0\001\xa0\x08\0\00212\0"
                                   "\x0c\0\001s\0\003\0\001u\0\x0a\0\017AJP_REMOTE_PORT\0\0\0019\0"
                                   "\x0a\0\001A\0\0\001b\0\x0d\0\005PATCH\0\xff");
    done(&x);
}

static void test_body(void)
{
    char prefix[16], suffix[16];
    size_t before, behind;
    pd_client_ajp13.put_frame(NULL, 8186, prefix, &before, suffix, &behind);
    CHECK_STR(pd_slice(prefix, before), "\x12\x34\x1f\xfc\x1f\xfa");
    CHECK_INT(behind, 0);
    CHECK_INT(pd_client_ajp13.frame_max, 8186);
    CHECK_STR(pd_slice(prefix, pd_client_ajp13.put_end(NULL, prefix)), "\x12\x34\0\0");
}

static void test_too_large(void)
{
    static char value[9000];
    memset(value, 'x', sizeof value);
    struct pd_field field = { PD_SLICE("A"), { value, sizeof value } };
    struct pd_head head = { .form = PD_HEAD_AJP,
                            .method = PD_SLICE("GET"),
                            .target = PD_SLICE("/"),
                            .fields = &field,
                            .nheaders = 1,
                            .nvariables = 1,
                            .nfields = 1,
                            .content_length = -1 };
    struct asked x;
    ask(&x, &head);
    CHECK_INT(x.bad, PD_R_HEAD_TOO_LARGE);
    done(&x);
    field.value.n = 8000;
    ask(&x, &head);
    CHECK_INT(x.bad, PD_R_NONE);
    CHECK(pd_buf_view(&x.out).n <= 8192);
    done(&x);
}

/* END_RESPONSE says whether the server takes another request on the connection. */
static void test_reuse(void)
{
    struct pd_field host[] = { F("Host", "a") };
    struct pd_head head = { .form = PD_HEAD_AJP,
                            .method = PD_SLICE("GET"),
                            .target = PD_SLICE("/"),
                            .fields = host,
                            .nheaders = 1,
                            .nvariables = 1,
                            .nfields = 1,
                            .content_length = -1 };
    for (int again = 0; again < 2; again++) {
        const char bytes[] = { 'A', 'B', 0, 8, 4, 0, (char)200, 0, 0, 0, 0, 0, 'A', 'B', 0, 2, 5, (char)again };
        struct pd_scratch scratch;
        struct pd_answer a;
        struct asked x;
        size_t used, at = 0;
        ask(&x, &head);
        do {
            pd_client_ajp13.next(x.state, pd_slice(bytes + at, sizeof bytes - at), &used, &scratch, &a);
            at += used;
        } while (a.kind == PD_ANSWER_HEAD);
        CHECK_INT(a.kind, PD_ANSWER_END);
        CHECK_INT(a.ended, PD_ENDED_WHOLE);
        CHECK_INT(a.reuse, again);
        done(&x);
    }
}

int main(void)
{
    test_get();
    test_everything_else();
    test_body();
    test_too_large();
    test_reuse();
    return check_result();
}
