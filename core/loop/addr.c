/* addr.c - socket addresses as text and as networks. */
#include "loop/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

struct pd_ip pd_addr_ip(const struct sockaddr *addr)
{
    if (addr->sa_family == AF_INET)
        return pd_ip((const uint8_t *)&((const struct sockaddr_in *)(const void *)addr)->sin_addr, 4);
    if (addr->sa_family == AF_INET6)
        return pd_ip(((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr.s6_addr, 16);
    return (struct pd_ip){ .n = 0 };
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
    char text[PD_IP_TEXT];
    assert(n > 0);
    struct pd_ip ip = pd_addr_ip(addr);
    struct pd_slice s = ip.n ? pd_ip_put(&ip, text) : PD_SLICE_NONE;
    *pd_put(out, s.n < n ? s : PD_SLICE_NONE) = '\0';
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
    struct pd_ip ip = pd_addr_ip(addr);
    return pd_ip_is_loopback(&ip);
}

bool pd_peer_rule_parse(const char *text, struct pd_peer_rule *out)
{
    static const char user[] = "uid:";
    *out = (struct pd_peer_rule){ .is_user = strncmp(text, user, sizeof user - 1) == 0 };
    if (!out->is_user)
        return pd_net_parse(pd_slice(text, strlen(text)), &out->net);
    uint64_t uid = 0;
    const char *digit = text + sizeof user - 1;
    for (const char *p = digit; *p; p++) {
        if (*p < '0' || *p > '9')
            return false;
        uid = uid * 10 + (uint64_t)(*p - '0');
        if (uid >= (uid_t)-1)
            return false; /* (uid_t)-1 is nobody's number */
    }
    out->uid = (uid_t)uid;
    return *digit != '\0';
}
