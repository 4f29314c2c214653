/* test_addr.c - addresses as text, and rules on who may connect. */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "loop/listener.h"

static bool admits(const struct pd_listener *l, const struct sockaddr *peer)
{
    struct pd_accepted in = { .fd = -1 };
    memcpy(&in.peer, peer, peer->sa_family == AF_INET6 ? sizeof in.peer.in6 : sizeof in.peer.in);
    return pd_listener_admits(l, &in);
}

static bool matches(const char *rule_text, const char *peer_text)
{
    struct pd_peer_rule rule;
    union pd_local peer;
    CHECK(pd_peer_rule_parse(rule_text, &rule));
    CHECK(pd_addr_parse(peer_text, 1, &peer) > 0);
    struct pd_listener l = { .allow = &rule, .allow_n = 1 };
    return admits(&l, &peer.sa);
}

static void test_peer_rules(void)
{
    static const char *const bad[] = {
        "",           "*",         "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "10.0.0.0/-1", "/8",
        "10.1.0.0/8", "fd00::1/8", "fd00::/129",  "host",      "[::1/128",    "10.0/16",     "10.0.0.0/4294967304"
    };
    CHECK(matches("10.0.0.0/8", "10.255.0.1"));
    CHECK(!matches("10.0.0.0/8", "11.0.0.1"));
    CHECK(matches("10.0.0.0/9", "10.127.255.255"));
    CHECK(!matches("10.0.0.0/9", "10.128.0.0"));
    CHECK(matches("10.1.2.3", "10.1.2.3"));
    CHECK(!matches("10.1.2.3", "10.1.2.2"));
    CHECK(matches("0.0.0.0/0", "203.0.113.9"));
    CHECK(!matches("0.0.0.0/0", "::1"));
    CHECK(matches("fd00::/8", "fdff::1"));
    CHECK(!matches("fd00::/8", "fe00::1"));
    CHECK(matches("[::1]", "::1"));
    CHECK(matches("::/0", "2001:db8::1"));
    CHECK(!matches("::/0", "10.0.0.1"));
    CHECK(matches("10.0.0.0/8", "::ffff:10.0.0.1")); /* a dual-stack socket's IPv4 peer */
    CHECK(!matches("::/0", "::ffff:10.0.0.1"));
    CHECK(matches("localhost", "127.0.0.1"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct pd_peer_rule rule;
        CHECK(!pd_peer_rule_parse(bad[i], &rule));
    }
    struct pd_peer_rule two[2];
    union pd_local peer;
    CHECK(pd_peer_rule_parse("10.0.0.1", &two[0]) && pd_peer_rule_parse("::1", &two[1]));
    struct pd_listener l = { .allow = two, .allow_n = 2 };
    CHECK(pd_addr_parse("::1", 1, &peer) > 0);
    CHECK(admits(&l, &peer.sa));
    CHECK(pd_addr_parse("::2", 1, &peer) > 0);
    CHECK(!admits(&l, &peer.sa));
    CHECK(admits(&l, &(struct sockaddr){ .sa_family = AF_UNIX }));
    l.allow_n = 0;
    CHECK(admits(&l, &peer.sa));
}

static void test_users_of_unix_peers(void)
{
    static const char *const bad[] = { "uid:", "uid:x", "uid:-1", "uid:4294967295", "uid:99999999999999999999" };
    struct pd_peer_rule rules[2];
    int ends[2];
    char text[32];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!pd_peer_rule_parse(bad[i], &rules[0]));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    struct pd_accepted in = { .fd = ends[0], .peer.sa.sa_family = AF_UNIX };
    struct pd_listener l = { .sys = pd_sys_default(), .allow = rules, .allow_n = 1 };
    CHECK(pd_peer_rule_parse("10.0.0.0/8", &rules[0]));
    CHECK(pd_listener_admits(&l, &in)); /* no rule is about users */
    snprintf(text, sizeof text, "uid:%u", (unsigned)geteuid() + 1);
    CHECK(pd_peer_rule_parse(text, &rules[0]));
    CHECK(!pd_listener_admits(&l, &in));
    snprintf(text, sizeof text, "uid:%u", (unsigned)geteuid());
    CHECK(pd_peer_rule_parse(text, &rules[1]));
    l.allow_n = 2;
    CHECK(pd_listener_admits(&l, &in));
    in.fd = -1; /* the kernel does not say */
    CHECK(!pd_listener_admits(&l, &in));
    in.peer.sa.sa_family = AF_INET;
    CHECK(!pd_listener_admits(&l, &in)); /* a user is no address */
    close(ends[0]);
    close(ends[1]);
}

static void test_loopback(void)
{
    static const char *const yes[] = { "127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1" };
    static const char *const no[] = { "128.0.0.1", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1", "fe80::1" };
    union pd_local addr;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        CHECK(pd_addr_parse(yes[i], 0, &addr) && pd_addr_is_loopback(&addr.sa));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        CHECK(pd_addr_parse(no[i], 0, &addr) && !pd_addr_is_loopback(&addr.sa));
}

static void test_names(void)
{
    static const struct {
        const char *host, *name;
    } cases[] = {
        { "localhost", "127.0.0.1:80" },      { "", "0.0.0.0:80" }, { "[::]", "[::]:80" }, { "::1", "[::1]:80" },
        { "::ffff:10.0.0.1", "10.0.0.1:80" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        union pd_local addr;
        char name[PD_ADDR_TEXT_MAX];
        socklen_t len = pd_addr_parse(cases[i].host, 80, &addr);
        CHECK(len > 0);
        pd_addr_name(&addr, len, name, sizeof name);
        CHECK_SLICE(pd_slice(name, strlen(name)), pd_slice(cases[i].name, strlen(cases[i].name)));
    }
    union pd_local unnamed = { .sa.sa_family = AF_UNIX };
    char name[PD_ADDR_TEXT_MAX];
    pd_addr_name(&unnamed, sizeof(sa_family_t), name, sizeof name);
    CHECK_STR(pd_slice(name, strlen(name)), "unix:");
    pd_addr_text(&unnamed.sa, name, sizeof name);
    CHECK_STR(pd_slice(name, strlen(name)), "");
    CHECK_INT(pd_addr_port(&unnamed.sa), 0);
}

int main(void)
{
    test_peer_rules();
    test_users_of_unix_peers();
    test_loopback();
    test_names();
    return check_result();
}
