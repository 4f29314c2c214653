/*
 * test_ajp13.c - what the corpus cannot say of the AJP13 codec: that nothing is copied, when a body is asked for, where
 * the input may end, when the connection is used again, and how a response is framed.
 */
#include "codec/ajp13.h"

#include "single_peer.h"

static const struct pd_codec *const codec = &pd_codec_ajp13;

#define LINE    "\0\010HTTP/1.1\0\0\1/\0\xff\xff\xff\xff\xff\xff\0\120\0"
#define HELLO   "\x12\x34\0\035\2\2" LINE "\0\0\xff"
#define UPLOAD  "\x12\x34\0\043\2\4" LINE "\0\1\xa0\x08\0\0015\0\xff"
#define LARGE   "\x12\x34\0\047\2\4" LINE "\0\1\xa0\x08\0\00520000\0\xff"
#define PING    "\x12\x34\0\1\012"
#define EMPTY   "\x12\x34\0\0"
#define A_CHUNK "AB\0\3\6"

static struct peer *peer_with(size_t packet)
{
    struct peer *p = peer_new(codec);
    p->options.packet = packet;
    peer_init(p);
    return p;
}

/* Feeds everything; the last event before MORE. */
static struct pd_event pump(struct peer *p, struct pd_slice *in)
{
    struct pd_event ev, last = { .kind = PD_EV_MORE };
    while ((ev = next(p, in)).kind != PD_EV_MORE && !ev.fatal)
        last = ev;
    return ev.fatal ? ev : last;
}

/* Answers the request; what END_RESPONSE says of the connection: 1, it is used again. */
static int answer(struct peer *p, bool keep_alive)
{
    char dst[PD_END_MAX];
    struct pd_response r;
    struct pd_buf out;
    pd_response_init(&r, pd_sys_default(), 1000);
    pd_buf_init(&out, pd_sys_default(), 1000);
    r.keep_alive = keep_alive;
    CHECK_INT(pd_response_start(&r, PD_SLICE("200 OK")), PD_R_NONE);
    CHECK_INT(codec->put_head(p->state, 1, &r, &out), PD_R_NONE);
    size_t n = codec->put_end(p->state, 1, &r, dst);
    CHECK_INT(n, 6);
    CHECK_STR(pd_slice(dst, 5), "AB\0\2\5");
    CHECK_INT(r.close, !dst[5]);
    pd_response_fini(&r);
    pd_buf_fini(&out);
    return dst[5];
}

static void test_body_is_slices_of_the_input(void)
{
    struct peer *p = peer_new(codec);
    struct pd_slice all = PD_SLICE(UPLOAD "\x12\x34\0\7\0\5hello");
    struct pd_slice in = pd_slice(all.p, all.n - 3);
    CHECK_INT(next(p, &in).kind, PD_EV_OPEN);
    CHECK_INT(in.n, all.n - 3); /* nothing is consumed before the head */
    struct pd_event ev = next(p, &in);
    CHECK_INT(ev.kind, PD_EV_HEAD);
    CHECK(ev.head->form == PD_HEAD_AJP && ev.head->content_length == 5 && ev.head->keep_alive && !ev.head->chunked);
    CHECK(ev.head->target.p == all.p + 19 && ev.head->target.n == 1);
    ev = next(p, &in); /* the first packet comes unasked, and is passed on as it arrives */
    CHECK_INT(ev.kind, PD_EV_BODY);
    CHECK(ev.data.p == all.p + all.n - 5 && ev.data.n == 2);
    CHECK_INT(next(p, &in).kind, PD_EV_MORE);
    in = pd_slice_from(all, all.n - 3);
    ev = next(p, &in);
    CHECK(ev.kind == PD_EV_BODY && ev.data.n == 3);
    CHECK_INT(next(p, &in).kind, PD_EV_BODY_END);
    CHECK_INT(next(p, &in).kind, PD_EV_MORE);
    free(p);
}

/* So a body is not asked for while the application does not take it. */
static void test_more_is_asked_for_by_the_next_call_only(void)
{
    static const char data[2506] = "\x12\x34\x09\xc6\x09\xc4";
    static const struct {
        size_t packet;
        struct pd_slice asked[2];
    } cases[] = {
        { 0, { { A_CHUNK "\x1f\xfa", 7 }, { A_CHUNK "\x1f\xfa", 7 } } },
        { 16384, { { A_CHUNK "\x3f\xfa", 7 }, { A_CHUNK "\x3a\x98", 7 } } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct peer *p = peer_with(cases[i].packet);
        struct pd_slice in = PD_SLICE(LARGE);
        CHECK_INT(pump(p, &in).kind, PD_EV_HEAD);
        for (int k = 0; k < 2; k++) {
            in = pd_slice(data, sizeof data);
            struct pd_event ev = next(p, &in);
            CHECK(ev.kind == PD_EV_BODY && ev.data.n == 2500);
            ev = next(p, &in);
            CHECK(ev.kind == PD_EV_REPLY && !ev.fatal);
            CHECK_SLICE(ev.data, cases[i].asked[k]);
            CHECK_INT(next(p, &in).kind, PD_EV_MORE); /* once */
        }
        CHECK(!codec->at_boundary(p->state));
        free(p);
    }
}

/* An announced body that the front end breaks off is no shorter body. */
static void test_an_empty_packet_ends_no_body_of_known_length(void)
{
    static const struct pd_slice ends[] = { { EMPTY, 4 }, { "\x12\x34\0\2\0\0", 6 } };
    for (size_t i = 0; i < 2; i++) {
        struct peer *p = peer_new(codec);
        struct pd_slice in = PD_SLICE(UPLOAD);
        CHECK_INT(pump(p, &in).kind, PD_EV_HEAD);
        in = ends[i];
        struct pd_event ev = next(p, &in);
        CHECK(ev.kind == PD_EV_BAD && ev.fatal && ev.reason == PD_R_BODY_TRUNCATED);
        free(p);
    }
}

static void test_where_the_input_may_end(void)
{
    static const char bytes[] = PING UPLOAD "\x12\x34\0\7\0\5hello";
    const size_t ping = sizeof PING - 1, all = sizeof bytes - 1;
    struct peer *p = peer_new(codec);
    for (size_t n = 0; n <= all; n++) {
        struct pd_slice in = pd_slice(bytes, n);
        peer_init(p);
        (void)pump(p, &in);
        if (codec->at_boundary(p->state) != (n == 0 || n == ping || n == all))
            CHECK_INT(n, -1);
    }
    free(p);
}

static void test_a_kept_connection(void)
{
    struct peer *p = peer_new(codec);
    for (int i = 0; i < 3; i++) {
        struct pd_slice in = PD_SLICE(PING);
        struct pd_event ev = next(p, &in);
        CHECK(ev.kind == PD_EV_REPLY && !ev.fatal);
        CHECK_STR(ev.data, "AB\0\1\011");
        in = i == 1 ? PD_SLICE(UPLOAD "\x12\x34\0\7\0\5hello") : PD_SLICE(HELLO);
        CHECK_INT(pump(p, &in).kind, PD_EV_BODY_END);
        CHECK_INT(in.n, 0);
        CHECK_INT(answer(p, true), 1);
    }
    free(p);
}

/* Every other end closes, and what still comes, a request among it, is thrown away. */
static void test_a_connection_that_is_not_used_again(void)
{
    static const struct {
        struct pd_slice in;
        bool keep_alive;
        bool drop;
    } cases[] = {
        { { HELLO, sizeof HELLO - 1 }, false, false },            /* we close */
        { { UPLOAD, sizeof UPLOAD - 1 }, true, false },           /* the body is not read */
        { { HELLO HELLO, 2 * (sizeof HELLO - 1) }, true, false }, /* it came before our END_RESPONSE */
        { { HELLO PING, sizeof HELLO + sizeof PING - 2 }, true, false },
        { { HELLO EMPTY EMPTY, sizeof HELLO + 7 }, true, false }, /* of lighttpd's empty packets there is one */
        { { HELLO, sizeof HELLO - 1 }, true, true },              /* the response breaks off */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct peer *p = peer_new(codec);
        struct pd_slice in = cases[i].in;
        (void)pump(p, &in);
        if (cases[i].drop)
            codec->drop(p->state, 1);
        else
            CHECK_INT(answer(p, cases[i].keep_alive), 0);
        in = PD_SLICE(HELLO);
        struct pd_event ev = next(p, &in);
        CHECK(ev.kind == PD_EV_MORE && ev.surplus);
        CHECK_INT(in.n, 0);
        CHECK(codec->at_boundary(p->state));
        free(p);
    }
}

/* Behind a request without a body: before our answer or after it, whole or in pieces, and not a second time. */
static void test_the_empty_packet_of_lighttpd(void)
{
    for (size_t before = 0; before <= 4; before++) {
        struct peer *p = peer_new(codec);
        struct pd_slice in = PD_SLICE(HELLO);
        CHECK_INT(pump(p, &in).kind, PD_EV_BODY_END);
        in = pd_slice(EMPTY, before);
        CHECK_INT(next(p, &in).kind, PD_EV_MORE);
        CHECK_INT(in.n, before < 4 ? before : 0); /* a part of it waits for the rest */
        CHECK_INT(answer(p, true), 1);
        in = before < 4 ? PD_SLICE(EMPTY HELLO) : PD_SLICE(HELLO);
        CHECK_INT(next(p, &in).kind, PD_EV_OPEN);
        free(p);
    }
    struct peer *p = peer_new(codec);
    struct pd_slice in = PD_SLICE(HELLO);
    CHECK_INT(pump(p, &in).kind, PD_EV_BODY_END);
    CHECK_INT(answer(p, true), 1);
    in = PD_SLICE(EMPTY EMPTY);
    struct pd_event ev = next(p, &in);
    CHECK(ev.kind == PD_EV_BAD && ev.fatal && ev.reason == PD_R_AJP_BAD_PACKET);
    free(p);
}

static void test_errors_are_fatal_and_repeat_themselves(void)
{
    static const struct refused cases[] = {
        { { "G", 1 }, false, PD_R_AJP_BAD_MAGIC },
        { { "\x12G", 2 }, false, PD_R_AJP_BAD_MAGIC },
        { { EMPTY, 4 }, false, PD_R_AJP_BAD_PACKET },
        { { "\x12\x34\0\1\7", 5 }, false, PD_R_AJP_SHUTDOWN },
        { { "\x12\x34\0\2\012\0", 6 }, false, PD_R_AJP_BAD_PACKET },       /* a ping has one byte */
        { { "\x12\x34\0\7\0\5hello", 11 }, false, PD_R_AJP_BAD_PACKET },   /* CVE-2022-26377 */
        { { "\x12\x34\x1f\xfd\2", 5 }, false, PD_R_AJP_PACKET_TOO_LARGE }, /* before the rest of it comes */
        { { "\x12\x34\0\1\2", 5 }, true, PD_R_AJP_BAD_STRING },
    };
    check_refused(codec, cases, sizeof cases / sizeof cases[0]);
}

static void check_frame(size_t packet, size_t room, struct pd_slice header)
{
    struct peer *p = peer_with(packet);
    char prefix[PD_FRAME_PREFIX_MAX], suffix[PD_FRAME_SUFFIX_MAX];
    size_t prefix_n, suffix_n;
    CHECK_INT(pd_codec_frame_max(codec, p->state), room);
    codec->put_frame(p->state, 1, NULL, room, prefix, &prefix_n, suffix, &suffix_n);
    CHECK_SLICE(pd_slice(prefix, prefix_n), header);
    CHECK_STR(pd_slice(suffix, suffix_n), "\0");
    CHECK_INT(prefix_n + room + suffix_n, packet ? packet : 8192);
    free(p);
}

static void test_frames_fill_a_packet(void)
{
    char dst[PD_END_MAX];
    check_frame(0, 8184, PD_SLICE("AB\x1f\xfc\3\x1f\xf8"));
    check_frame(65536, 65528, PD_SLICE("AB\xff\xfc\3\xff\xf8"));
    CHECK_STR(pd_slice(dst, codec->put_flush(NULL, 1, dst)), "AB\0\4\3\0\0\0");
    CHECK(!codec->multiplexed && !codec->head_is_data && codec->gateway && codec->state_size <= PD_CODEC_STATE_MAX);
}

/* SEND_HEADERS is one packet: what does not fit is refused, and the length that the peer takes decides. */
static void test_a_head_fits_one_packet(void)
{
    static char value[8192];
    memset(value, 'x', sizeof value);
    for (size_t n = 8173; n <= 8174; n++) {
        for (int is_wide = 0; is_wide < 2; is_wide++) {
            struct peer *p = peer_with(is_wide ? 16384 : 0);
            struct pd_response r;
            struct pd_buf out;
            pd_response_init(&r, pd_sys_default(), 16384);
            pd_buf_init(&out, pd_sys_default(), 16384);
            CHECK_INT(pd_response_start(&r, PD_SLICE("200 OK")), PD_R_NONE);
            CHECK_INT(pd_response_add(&r, PD_SLICE("Location"), pd_slice(value, n)), PD_R_NONE);
            bool fits = is_wide || n == 8173;
            enum pd_reason bad = codec->put_head(p->state, 1, &r, &out);
            CHECK_INT(bad, fits ? PD_R_NONE : PD_R_RESPONSE_HEAD_TOO_LARGE);
            CHECK_INT(pd_buf_view(&out).n, fits ? n + 19 : 0);
            pd_response_fini(&r);
            pd_buf_fini(&out);
            free(p);
        }
    }
}

int main(void)
{
    test_body_is_slices_of_the_input();
    test_more_is_asked_for_by_the_next_call_only();
    test_an_empty_packet_ends_no_body_of_known_length();
    test_where_the_input_may_end();
    test_a_kept_connection();
    test_a_connection_that_is_not_used_again();
    test_the_empty_packet_of_lighttpd();
    test_errors_are_fatal_and_repeat_themselves();
    test_frames_fill_a_packet();
    test_a_head_fits_one_packet();
    return check_result();
}
