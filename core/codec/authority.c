/* authority.c - host[:port] as in Host and in an absolute request target (see authority.h). */
#include "codec/authority.h"

#include "codec/bytes.h"

enum { PORT_MAX = 65535, IPV6_GROUPS = 8 };

bool pd_port_is_valid(struct pd_slice s)
{
    unsigned v = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!pd_byte_is_digit(s.p[i]))
            return false;
        v = v * 10 + (unsigned)(s.p[i] - '0');
        if (v > PORT_MAX)
            return false;
    }
    return true;
}

/* dec-octet: 0 to 255 without leading zeros. Returns its length, or 0. */
static size_t octet_length(struct pd_slice s)
{
    unsigned v = 0;
    size_t i = 0;
    while (i < s.n && i < 3 && pd_byte_is_digit(s.p[i]))
        v = v * 10 + (unsigned)(s.p[i++] - '0');
    return (i > 1 && s.p[0] == '0') || v > 255 ? 0 : i;
}

static bool ipv4_is_valid(struct pd_slice s)
{
    for (int octet = 0; octet < 4; octet++) {
        if (octet) {
            if (!s.n || s.p[0] != '.')
                return false;
            s = pd_slice_from(s, 1);
        }
        size_t n = octet_length(s);
        if (!n)
            return false;
        s = pd_slice_from(s, n);
    }
    return s.n == 0;
}

/* RFC 3986 section 3.2.2: eight groups of 1 to 4 digits, one run of them as "::", the last two perhaps as IPv4. */
static bool ipv6_is_valid(struct pd_slice s)
{
    int groups = 0;
    bool elided = pd_slice_has_prefix(s, PD_SLICE("::"));
    bool need_group = !elided; /* a single colon must be followed by a group */
    if (elided)
        s = pd_slice_from(s, 2);
    while (s.n) {
        size_t n = pd_byte_run(s, PD_BYTE_HEX);
        if (n < s.n && s.p[n] == '.') {
            groups += 2;
            need_group = false;
            if (!ipv4_is_valid(s))
                return false;
            break;
        }
        if (n == 0 || n > 4)
            return false;
        groups++;
        need_group = false;
        s = pd_slice_from(s, n);
        if (!s.n)
            break;
        if (s.p[0] != ':')
            return false;
        s = pd_slice_from(s, 1);
        need_group = true;
        if (s.n && s.p[0] == ':') {
            if (elided)
                return false;
            elided = true;
            need_group = false;
            s = pd_slice_from(s, 1);
        }
    }
    return !need_group && (elided ? groups < IPV6_GROUPS : groups == IPV6_GROUPS);
}

/* The length of a reg-name (IPv4 addresses are reg-names too), or 0 when a percent escape is malformed. */
static size_t name_length(struct pd_slice s)
{
    size_t i = 0;
    for (;;) {
        while (i < s.n && pd_byte_is(s.p[i], PD_BYTE_HOST))
            i++;
        if (i == s.n || s.p[i] != '%')
            return i;
        if (s.n - i < 3 || !pd_byte_is(s.p[i + 1], PD_BYTE_HEX) || !pd_byte_is(s.p[i + 2], PD_BYTE_HEX))
            return 0;
        i += 3;
    }
}

bool pd_authority_is_valid(struct pd_slice s)
{
    size_t host;
    if (s.n && s.p[0] == '[') {
        host = pd_slice_find(s, ']');
        if (host == s.n || !ipv6_is_valid(pd_slice(s.p + 1, host - 1)))
            return false;
        host++;
    } else {
        host = name_length(s);
        if (host == 0)
            return false;
    }
    if (host == s.n)
        return true;
    return s.p[host] == ':' && pd_port_is_valid(pd_slice_from(s, host + 1));
}
