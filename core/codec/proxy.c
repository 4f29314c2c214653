/* proxy.c - the PROXY protocol, versions 1 and 2 (see proxy.h). */
#include "codec/proxy.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>

#include "base/cursor.h"
#include "codec/bytes.h"

static enum pd_proxy_step bad(enum pd_reason *reason, enum pd_reason why)
{
    *reason = why;
    return PD_PROXY_BAD;
}

/* `raw` holds the 4 or 16 bytes of an address. Clients of a dual-stack socket are IPv4 here as everywhere. */
static void put_client(struct pd_proxied *out, int family, const unsigned char *raw, unsigned port)
{
    static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
    if (family == AF_INET6 && memcmp(raw, mapped, sizeof mapped) == 0) {
        family = AF_INET;
        raw += sizeof mapped;
    }
    const char *text = inet_ntop(family, raw, out->addr, sizeof out->addr);
    assert(text); /* the family is known and the room is enough */
    (void)text;
    snprintf(out->port, sizeof out->port, "%u", port & 0xffffu);
    out->named = true;
}

/* --- version 1: a line of text (section 2.1) ---------------------------------------------------------------------- */

/* Cuts off what stands before the next space; words are divided by exactly one. */
static struct pd_slice take_word(struct pd_slice *rest)
{
    size_t n = pd_slice_find(*rest, ' ');
    struct pd_slice word = pd_slice(rest->p, n);
    *rest = pd_slice_from(*rest, n < rest->n ? n + 1 : n);
    return word;
}

/* inet_pton() takes no leading zero, no sign and no space. */
static bool parse_address(struct pd_slice word, int family, unsigned char raw[16])
{
    char text[INET6_ADDRSTRLEN];
    if (!word.n || word.n >= sizeof text || pd_slice_find(word, '\0') < word.n)
        return false;
    memcpy(text, word.p, word.n);
    text[word.n] = '\0';
    return inet_pton(family, text, raw) == 1;
}

static bool parse_port(struct pd_slice word, unsigned *port)
{
    enum { PORT_MAX = 65535, DIGITS_MAX = 5 };
    *port = 0;
    if (!word.n || word.n > DIGITS_MAX || (word.n > 1 && word.p[0] == '0'))
        return false;
    for (size_t i = 0; i < word.n; i++) {
        if (!pd_byte_is_digit(word.p[i]))
            return false;
        *port = *port * 10 + (unsigned)(word.p[i] - '0');
    }
    return *port <= PORT_MAX;
}

/* What stands between "PROXY " and CR LF. */
static bool parse_words(struct pd_slice rest, struct pd_proxied *out)
{
    unsigned char source[16], target[16];
    unsigned source_port, target_port;
    struct pd_slice family_word = take_word(&rest);
    if (pd_slice_eq(family_word, PD_SLICE("UNKNOWN")))
        return true; /* "the receiver must ignore anything presented before the CRLF" */
    int family = pd_slice_eq(family_word, PD_SLICE("TCP4")) ? AF_INET : AF_INET6;
    if (family == AF_INET6 && !pd_slice_eq(family_word, PD_SLICE("TCP6")))
        return false;
    if (!parse_address(take_word(&rest), family, source) || !parse_address(take_word(&rest), family, target))
        return false;
    if (!parse_port(take_word(&rest), &source_port))
        return false;
    /* the last word runs to the end, so a space behind it is a part of it and no digit */
    if (!parse_port(rest, &target_port))
        return false;
    put_client(out, family, source, source_port);
    return true;
}

static enum pd_proxy_step parse_line(struct pd_slice in, struct pd_proxied *out, size_t *used, enum pd_reason *reason)
{
    const size_t label = sizeof "PROXY " - 1;
    struct pd_slice win = pd_slice(in.p, in.n < PD_PROXY_V1_MAX ? in.n : PD_PROXY_V1_MAX);
    size_t cr = pd_slice_find(win, '\r');
    if (pd_slice_find(win, '\n') < cr)
        return bad(reason, PD_R_PROXY_BAD_LINE);
    if (cr + 1 >= win.n) /* without the line feed */
        return in.n < PD_PROXY_V1_MAX ? PD_PROXY_MORE : bad(reason, PD_R_PROXY_BAD_LINE);
    if (win.p[cr + 1] != '\n' || !parse_words(pd_slice(win.p + label, cr - label), out))
        return bad(reason, PD_R_PROXY_BAD_LINE);
    *used = cr + 2;
    return PD_PROXY_DONE;
}

/* --- version 2: binary (section 2.2) ------------------------------------------------------------------------------ */

enum {
    V2_LEN = 16, /* signature, version and command, family and transport, length */
    V2_LOCAL = 0,
    V2_PROXY = 1,
    V2_INET = 1,
    V2_INET6 = 2,
    V2_UNIX = 3,
    V2_STREAM = 1,
    V2_DGRAM = 2,
    TLV_CRC32C = 3,
    CRC_LEN = 4,
};

/* RFC 3720 appendix B.4, bit by bit; the `hole` of four bytes counts as zeros (section 2.2.4). */
static uint32_t crc32c(const unsigned char *p, size_t n, size_t hole)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        crc ^= i - hole < CRC_LEN ? 0u : p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

/* The vectors behind the addresses must fill the header; the checksum is verified, the others are not wanted. */
static enum pd_reason check_vectors(struct pd_slice header, size_t at)
{
    struct pd_cursor c = pd_cursor(pd_slice_from(header, at));
    bool summed = false;
    while (pd_cursor_left(&c) > 0) {
        unsigned type = pd_cursor_u8(&c);
        struct pd_slice value = pd_cursor_take(&c, pd_cursor_be16(&c));
        if (!c.ok)
            return PD_R_PROXY_BAD_HEADER;
        if (type != TLV_CRC32C)
            continue;
        if (value.n != CRC_LEN || summed)
            return PD_R_PROXY_BAD_HEADER;
        summed = true;
        struct pd_cursor sum = pd_cursor(value);
        size_t hole = (size_t)(value.p - header.p);
        if (pd_cursor_be32(&sum) != crc32c((const unsigned char *)header.p, header.n, hole))
            return PD_R_PROXY_BAD_CHECKSUM;
    }
    return PD_R_NONE;
}

static enum pd_proxy_step parse_binary(struct pd_slice in, struct pd_proxied *out, size_t *used, enum pd_reason *reason)
{
    static const size_t addresses[] = { [V2_INET] = 12, [V2_INET6] = 36, [V2_UNIX] = 216 };
    const unsigned char *h = (const unsigned char *)in.p;
    unsigned command = in.n > 12 ? h[12] & 0xfu : 0;
    unsigned family = in.n > 13 ? h[13] >> 4 : 0;
    unsigned transport = in.n > 13 ? h[13] & 0xfu : 0;
    if (in.n > 12 && (h[12] >> 4 != 2 || command > V2_PROXY))
        return bad(reason, PD_R_PROXY_BAD_HEADER);
    if (family > V2_UNIX || transport > V2_DGRAM)
        return bad(reason, PD_R_PROXY_BAD_HEADER);
    if (in.n < V2_LEN)
        return PD_PROXY_MORE;
    size_t length = (size_t)h[14] << 8 | h[15];
    if (V2_LEN + length > PD_PROXY_MAX)
        return bad(reason, PD_R_PROXY_TOO_LARGE);
    if (command == V2_PROXY && length < addresses[family])
        return bad(reason, PD_R_PROXY_BAD_HEADER);
    if (in.n < V2_LEN + length)
        return PD_PROXY_MORE;
    /* section 2.2: what a LOCAL header or one of no family holds is skipped */
    bool skip = command == V2_LOCAL || !family;
    enum pd_reason why = skip ? PD_R_NONE : check_vectors(pd_slice(in.p, V2_LEN + length), V2_LEN + addresses[family]);
    if (why)
        return bad(reason, why);
    *used = V2_LEN + length;
    if (skip || transport != V2_STREAM)
        return PD_PROXY_DONE;
    if (family == V2_INET)
        put_client(out, AF_INET, h + 16, (unsigned)h[24] << 8 | h[25]);
    if (family == V2_INET6)
        put_client(out, AF_INET6, h + 16, (unsigned)h[48] << 8 | h[49]);
    return PD_PROXY_DONE;
}

/* --- which of them ------------------------------------------------------------------------------------------------ */

/* True as long as `in` may begin with all of `whole`. */
static bool may_begin(struct pd_slice in, struct pd_slice whole)
{
    return in.n < whole.n ? pd_slice_has_prefix(whole, in) : pd_slice_has_prefix(in, whole);
}

enum pd_proxy_step pd_proxy_parse(struct pd_slice in, struct pd_proxied *out, size_t *used, enum pd_reason *reason)
{
    const struct pd_slice v1 = PD_SLICE("PROXY ");
    const struct pd_slice v2 = PD_SLICE("\r\n\r\n\0\r\nQUIT\n");
    *out = (struct pd_proxied){ .named = false };
    *used = 0;
    *reason = PD_R_NONE;
    if (may_begin(in, v1))
        return in.n < v1.n ? PD_PROXY_MORE : parse_line(in, out, used, reason);
    if (may_begin(in, v2))
        return in.n < v2.n ? PD_PROXY_MORE : parse_binary(in, out, used, reason);
    return bad(reason, PD_R_PROXY_MISSING);
}
