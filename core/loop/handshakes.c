/* handshakes.c - asks the kernel, by sock_diag(7), for connections in SYN_RECV. */
#define _GNU_SOURCE /* TCP_SYN_RECV */
#include "loop/handshakes.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

enum { ANSWER_BYTES = 8192 }; /* netlink(7): the least that holds a part of any answer */

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 about;
};

static ssize_t ask(const struct pd_sys *sys, int fd, sa_family_t family, uint16_t port)
{
    struct question q;
    memset(&q, 0, sizeof q);
    q.head.nlmsg_len = sizeof q;
    q.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    q.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    q.about.sdiag_family = (uint8_t)family;
    q.about.sdiag_protocol = IPPROTO_TCP;
    q.about.idiag_states = 1u << TCP_SYN_RECV;
    q.about.id.idiag_sport = htons(port);
    struct iovec part = { .iov_base = &q, .iov_len = sizeof q };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    return PD_SYS(sys, sendmsg, fd, &message, 0);
}

/* The first message tells: a connection, the end of the list, or an error. */
static int answer(const struct pd_sys *sys, int fd)
{
    union {
        struct nlmsghdr head;
        char bytes[ANSWER_BYTES];
    } a;
    ssize_t n = PD_SYS(sys, recv, fd, &a, sizeof a, MSG_DONTWAIT);
    if (n < (ssize_t)sizeof a.head)
        return -1;
    if (a.head.nlmsg_type == SOCK_DIAG_BY_FAMILY)
        return 1;
    return a.head.nlmsg_type == NLMSG_DONE ? 0 : -1;
}

static int count(const struct pd_sys *sys, sa_family_t family, uint16_t port)
{
    int fd = PD_SYS(sys, socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return -1;
    int found = ask(sys, fd, family, port) < 0 ? -1 : answer(sys, fd);
    PD_SYS(sys, close, fd);
    return found;
}

int pd_handshakes_open(const struct pd_sys *sys, sa_family_t family, uint16_t port)
{
    int found = count(sys, AF_INET, port); /* a listener on :: may take IPv4, too */
    return family == AF_INET6 && found == 0 ? count(sys, AF_INET6, port) : found;
}
