/* addr.c - socket addresses as text and as networks. */
#include "loop/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

/* The bytes of an address, IPv4-mapped ones reduced to IPv4. */
struct raw {
    sa_family_t family; /* AF_INET, AF_INET6, or 0 for everything else */
    const uint8_t *p;
};

static struct raw raw_of(const struct sockaddr *addr)
{
    if (addr->sa_family == AF_INET)
        return (struct raw){ AF_INET, (const uint8_t *)&((const struct sockaddr_in *)(const void *)addr)->sin_addr };
    if (addr->sa_family != AF_INET6)
        return (struct raw){ 0, NULL };
    const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(a))
        return (struct raw){ AF_INET, a->s6_addr + 12 };
    return (struct raw){ AF_INET6, a->s6_addr };
}

/* Copies `host` without surrounding brackets; false when it is too long. */
static bool strip_brackets(const char *host, char *out, size_t n)
{
    size_t len = strlen(host);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    if (len >= n)
        return false;
    memcpy(out, host, len);
    out[len] = '\0';
    return true;
}

socklen_t pd_addr_parse(const char *host, uint16_t port, union pd_local *out)
{
    char text[INET6_ADDRSTRLEN];
    if (!strip_brackets(host, text, sizeof text))
        return 0;
    const char *numeric = text;
    if (strcmp(host, "localhost") == 0)
        numeric = "127.0.0.1";
    else if (host[0] == '\0' || strcmp(host, "*") == 0)
        numeric = "0.0.0.0";
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, numeric, &out->in.sin_addr) == 1 && host[0] != '[') {
        out->in.sin_family = AF_INET;
        out->in.sin_port = htons(port);
        return sizeof out->in;
    }
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET6, numeric, &out->in6.sin6_addr) != 1)
        return 0;
    out->in6.sin6_family = AF_INET6;
    out->in6.sin6_port = htons(port);
    return sizeof out->in6;
}

void pd_addr_text(const struct sockaddr *addr, char *out, size_t n)
{
    assert(n > 0);
    struct raw raw = raw_of(addr);
    if (!raw.family || !inet_ntop(raw.family, raw.p, out, (socklen_t)n))
        out[0] = '\0';
}

uint16_t pd_addr_port(const struct sockaddr *addr)
{
    if (addr->sa_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)addr)->sin_port);
    if (addr->sa_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)addr)->sin6_port);
    return 0;
}

static void name_unix(const struct sockaddr_un *un, socklen_t len, char *out, size_t n)
{
    const size_t head = offsetof(struct sockaddr_un, sun_path);
    size_t path_n = len > head ? len - head : 0;
    if (path_n == 0)
        snprintf(out, n, "unix:");
    else if (un->sun_path[0] == '\0') /* abstract: the length ends the name */
        snprintf(out, n, "unix:@%.*s", (int)(path_n - 1), un->sun_path + 1);
    else
        snprintf(out, n, "unix:%.*s", (int)path_n, un->sun_path);
}

void pd_addr_name(const union pd_local *addr, socklen_t len, char *out, size_t n)
{
    if (addr->sa.sa_family == AF_UNIX) {
        name_unix(&addr->un, len, out, n);
        return;
    }
    char text[INET6_ADDRSTRLEN];
    pd_addr_text(&addr->sa, text, sizeof text);
    const char *format = strchr(text, ':') ? "[%s]:%u" : "%s:%u";
    snprintf(out, n, format, text, (unsigned)pd_addr_port(&addr->sa));
}

bool pd_addr_is_loopback(const struct sockaddr *addr)
{
    if (addr->sa_family == AF_UNIX)
        return true;
    struct raw raw = raw_of(addr);
    if (raw.family == AF_INET)
        return raw.p[0] == 127;
    return raw.family == AF_INET6 && memcmp(raw.p, &in6addr_loopback, 16) == 0;
}

/* True when the first `bits` bits of both are the same. */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;
    if (whole && memcmp(a, b, whole) != 0)
        return false;
    unsigned mask = 0xff00u >> (bits % 8) & 0xffu;
    return mask == 0 || ((a[whole] ^ b[whole]) & mask) == 0;
}

/* Reads the digits after the slash; -1 when they are no number up to `max`. */
static int parse_prefix(const char *s, int max)
{
    int v = 0;
    if (*s == '\0')
        return -1;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return -1;
        v = v * 10 + (*s - '0');
        if (v > max)
            return -1;
    }
    return v;
}

/* True when all bits from `bits` on are 0: 10.1.0.0/8 is more likely a slip. */
static bool has_no_host_bits(const uint8_t *addr, unsigned bits, unsigned n)
{
    for (unsigned i = bits; i < n * 8; i++)
        if (addr[i / 8] & 0x80u >> i % 8)
            return false;
    return true;
}

bool pd_peer_rule_parse(const char *text, struct pd_peer_rule *out)
{
    char host[INET6_ADDRSTRLEN + 2];
    size_t len = strcspn(text, "/");
    if (len >= sizeof host)
        return false;
    memcpy(host, text, len);
    host[len] = '\0';

    union pd_local addr;
    char bare[INET6_ADDRSTRLEN];
    if (!strip_brackets(host, bare, sizeof bare) || bare[0] == '\0' || bare[0] == '*' ||
        pd_addr_parse(bare, 0, &addr) == 0)
        return false;
    struct raw raw = raw_of(&addr.sa);
    int max = raw.family == AF_INET ? 32 : 128;
    int prefix = text[len] == '/' ? parse_prefix(text + len + 1, max) : max;
    if (prefix < 0 || !has_no_host_bits(raw.p, (unsigned)prefix, (unsigned)max / 8))
        return false;
    *out = (struct pd_peer_rule){ .family = raw.family, .prefix = (uint8_t)prefix };
    memcpy(out->addr, raw.p, (size_t)max / 8);
    return true;
}

bool pd_peer_rule_match(const struct pd_peer_rule *rule, const struct sockaddr *peer)
{
    struct raw raw = raw_of(peer);
    return raw.family == rule->family && same_prefix(rule->addr, raw.p, rule->prefix);
}
