/* relay.c - passes bytes between a socket of ours and standard input and output (see relay.h). */
#define _GNU_SOURCE
#include "loop/relay.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { SOCKET, INPUT, OUTPUT, ENDS };

void pd_relay_init(struct pd_relay *r, const struct pd_sys *sys, int input, int output, int socket,
                   struct pd_slice head, uint64_t body)
{
    r->sys = sys ? sys : pd_sys_default();
    r->input = input;
    r->output = output;
    r->socket = socket;
    r->body = body;
    r->written = 0;
    r->in.left = head;
    r->out.left = PD_SLICE_NONE;
}

static bool is_for_later(int error)
{
    return error == EINTR || error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM;
}

/* The connection takes nothing more, or there is nothing more that it could want. */
static void end_input(struct pd_relay *r)
{
    r->in.left = PD_SLICE_NONE;
    r->body = 0;
}

/* Input that ends early, or cannot be read, is a client that has left: the connection sees an end in the middle. */
static void read_input(struct pd_relay *r)
{
    size_t most = r->body < sizeof r->in.bytes ? (size_t)r->body : sizeof r->in.bytes;
    ssize_t n = PD_SYS(r->sys, read, r->input, r->in.bytes, most);
    if (n < 0 && is_for_later(errno))
        return;
    if (n <= 0) {
        end_input(r);
        PD_SYS(r->sys, shutdown, r->socket, SHUT_WR);
        return;
    }
    r->body -= (uint64_t)n;
    r->in.left = pd_slice(r->in.bytes, (size_t)n);
}

static void send_input(struct pd_relay *r)
{
    struct iovec iov = { (char *)(uintptr_t)r->in.left.p, r->in.left.n };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t n = PD_SYS(r->sys, sendmsg, r->socket, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0)
        r->in.left = pd_slice_from(r->in.left, (size_t)n);
    else if (!is_for_later(errno))
        end_input(r); /* a request that is answered without its body */
}

/* False: the socket has ended. */
static bool receive_output(struct pd_relay *r)
{
    ssize_t n = PD_SYS(r->sys, recv, r->socket, r->out.bytes, sizeof r->out.bytes, MSG_DONTWAIT);
    if (n > 0)
        r->out.left = pd_slice(r->out.bytes, (size_t)n);
    return n > 0 || (n < 0 && is_for_later(errno));
}

/* A pipe that can be written to takes PIPE_BUF bytes without waiting (pipe(7)). False: nobody reads them. */
static bool write_output(struct pd_relay *r)
{
    size_t most = r->out.left.n < PIPE_BUF ? r->out.left.n : PIPE_BUF;
    ssize_t n = PD_SYS(r->sys, write, r->output, r->out.left.p, most);
    if (n < 0)
        return is_for_later(errno);
    r->written += (uint64_t)n;
    r->out.left = pd_slice_from(r->out.left, (size_t)n);
    return true;
}

/* Waits until something can be done. */
static void wait_for_ends(struct pd_relay *r, struct pollfd ends[ENDS])
{
    bool sends = r->in.left.n > 0;
    bool reads = !sends && r->body > 0;
    bool writes = r->out.left.n > 0;
    int on_socket = (sends ? POLLOUT : 0) | (writes ? 0 : POLLIN);
    ends[SOCKET] = (struct pollfd){ .fd = on_socket ? r->socket : -1, .events = (short)on_socket };
    ends[INPUT] = (struct pollfd){ .fd = reads ? r->input : -1, .events = POLLIN };
    ends[OUTPUT] = (struct pollfd){ .fd = r->output, .events = writes ? POLLOUT : 0 };
    if (PD_SYS(r->sys, poll, ends, ENDS, -1) < 0)
        for (int i = 0; i < ENDS; i++)
            ends[i].revents = 0;
}

/* True while there is more to pass on. */
static bool pass_on(struct pd_relay *r, enum pd_relay_end *end)
{
    struct pollfd ends[ENDS];
    wait_for_ends(r, ends);
    *end = PD_RELAY_GONE;
    if (ends[OUTPUT].revents & (POLLERR | POLLHUP | POLLNVAL))
        return false;
    if (ends[OUTPUT].revents & POLLOUT && !write_output(r))
        return false;
    if (ends[INPUT].revents)
        read_input(r);
    if (!ends[SOCKET].revents)
        return true;
    if (r->in.left.n)
        send_input(r);
    *end = PD_RELAY_DONE;
    return r->out.left.n || receive_output(r);
}

enum pd_relay_end pd_relay_run(struct pd_relay *r)
{
    enum pd_relay_end end;
    while (pass_on(r, &end))
        continue;
    PD_SYS(r->sys, close, r->socket);
    return end;
}
