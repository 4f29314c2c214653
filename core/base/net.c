/* net.c - IP addresses and networks (see net.h). */
#include "base/net.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>

enum { V4_BYTES = 4, V6_BYTES = 16 };

struct pd_ip pd_ip(const uint8_t *bytes, size_t n)
{
    static const uint8_t mapped[V6_BYTES - V4_BYTES] = { [10] = 0xff, [11] = 0xff };
    struct pd_ip ip = { .n = (uint8_t)n };
    if (n == V6_BYTES && memcmp(bytes, mapped, sizeof mapped) == 0) {
        ip.n = V4_BYTES;
        bytes += sizeof mapped;
    }
    memcpy(ip.bytes, bytes, ip.n);
    return ip;
}

bool pd_ip_parse(struct pd_slice text, struct pd_ip *out)
{
    char s[INET6_ADDRSTRLEN];
    uint8_t bytes[V6_BYTES];
    *out = (struct pd_ip){ .n = 0 };
    if (text.n >= sizeof s || memchr(text.p ? text.p : "", '\0', text.n))
        return false;
    *pd_put(s, text) = '\0';
    if (inet_pton(AF_INET, s, bytes) == 1)
        *out = pd_ip(bytes, V4_BYTES);
    else if (inet_pton(AF_INET6, s, bytes) == 1)
        *out = pd_ip(bytes, V6_BYTES);
    return out->n > 0;
}

/* inet_ntop() calls sprintf(), for each connection. */
static struct pd_slice put_v4(const uint8_t *bytes, char *dst)
{
    char *w = dst;
    for (size_t i = 0; i < V4_BYTES; i++) {
        unsigned v = bytes[i];
        if (v >= 100)
            *w++ = (char)('0' + v / 100);
        if (v >= 10)
            *w++ = (char)('0' + v / 10 % 10);
        *w++ = (char)('0' + v % 10);
        *w++ = '.';
    }
    *--w = '\0';
    return pd_slice(dst, (size_t)(w - dst));
}

struct pd_slice pd_ip_put(const struct pd_ip *ip, char *dst)
{
    static_assert(PD_IP_TEXT == INET6_ADDRSTRLEN, "net.h spares its users the system's header");
    if (ip->n == V4_BYTES)
        return put_v4(ip->bytes, dst);
    const char *text = inet_ntop(AF_INET6, ip->bytes, dst, PD_IP_TEXT);
    assert(ip->n && text); /* there is room for any address */
    return pd_slice(text, strlen(text));
}

/* Reads the digits after the slash; -1 when they are no number up to `max`. */
static int parse_prefix(struct pd_slice s, int max)
{
    int v = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -1;
        v = v * 10 + (s.p[i] - '0');
        if (v > max)
            return -1;
    }
    return s.n ? v : -1;
}

/* True when all bits from `bits` on are 0: 10.1.0.0/8 is more likely a slip. */
static bool has_no_host_bits(const struct pd_ip *ip, unsigned bits)
{
    for (unsigned i = bits; i < ip->n * 8u; i++)
        if (ip->bytes[i / 8] & 0x80u >> i % 8)
            return false;
    return true;
}

bool pd_net_parse(struct pd_slice text, struct pd_net *out)
{
    size_t slash = pd_slice_find(text, '/');
    struct pd_slice host = pd_slice(text.p, slash);
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = pd_slice(host.p + 1, host.n - 2);
    if (pd_slice_eq(host, PD_SLICE("localhost")))
        host = PD_SLICE("127.0.0.1");
    if (!pd_ip_parse(host, &out->ip))
        return false;
    int max = out->ip.n * 8;
    int prefix = slash < text.n ? parse_prefix(pd_slice_from(text, slash + 1), max) : max;
    if (prefix < 0 || !has_no_host_bits(&out->ip, (unsigned)prefix))
        return false;
    out->prefix = (uint8_t)prefix;
    return true;
}

bool pd_net_has(const struct pd_net *net, const struct pd_ip *ip)
{
    unsigned whole = net->prefix / 8u;
    unsigned mask = 0xff00u >> (net->prefix % 8u) & 0xffu;
    if (!ip->n || net->ip.n != ip->n || memcmp(net->ip.bytes, ip->bytes, whole) != 0)
        return false;
    return mask == 0 || ((net->ip.bytes[whole] ^ ip->bytes[whole]) & mask) == 0;
}

bool pd_ip_is_loopback(const struct pd_ip *ip)
{
    static const uint8_t one[16] = { [15] = 1 };
    return ip->n == 4 ? ip->bytes[0] == 127 : ip->n == 16 && memcmp(ip->bytes, one, sizeof one) == 0;
}
