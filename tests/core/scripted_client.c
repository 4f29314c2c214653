/* scripted_client.c - a peer that never blocks (see scripted_client.h). */
#define _GNU_SOURCE
#include "scripted_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

void client_init(struct scripted_client *c, const struct script *scripts, size_t visits, size_t piece)
{
    *c = (struct scripted_client){ .scripts = scripts, .visits = visits, .piece = piece, .fd = -1 };
}

void client_fini(struct scripted_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    for (size_t i = 0; i < VISITS_MAX; i++)
        text_fini(&c->got[i]);
}

static void leave(struct scripted_client *c, bool reset)
{
    c->reset[c->at] = reset;
    close(c->fd);
    c->fd = -1;
    c->sent = c->waited = 0;
    c->at++;
}

static bool enter(struct scripted_client *c)
{
    int yes = 1;
    c->fd = socket(c->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return false;
    if (c->address.ss_family != AF_UNIX) /* else the kernel holds small pieces back for a time that is not ours */
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(c->fd, (const struct sockaddr *)&c->address, c->address_n) == 0)
        return true;
    leave(c, true);
    return true;
}

/* How many bytes of the script may be sent by now. */
static size_t due(struct scripted_client *c)
{
    const struct script *s = &c->scripts[c->at];
    struct pd_slice got = text_view(&c->got[c->at]);
    for (; c->waited < s->waits_n; c->waited++) {
        const struct script_wait *w = &s->waits[c->waited];
        bool came = got.n >= w->answer.n && pd_slice_eq(pd_slice_from(got, got.n - w->answer.n), w->answer);
        if (c->sent < w->at || !came)
            return w->at;
    }
    return s->bytes.n;
}

/* Sends the next piece of the script. */
static bool talk(struct scripted_client *c)
{
    struct pd_slice rest = pd_slice(c->scripts[c->at].bytes.p + c->sent, due(c) - c->sent);
    if (!rest.n)
        return false;
    ssize_t n = send(c->fd, rest.p, rest.n < c->piece ? rest.n : c->piece, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        c->sent += (size_t)n;
    return n > 0;
}

static bool listen_to(struct scripted_client *c)
{
    char buf[8192];
    ssize_t n = recv(c->fd, buf, sizeof buf, MSG_DONTWAIT);
    if (n > 0)
        text_put(&c->got[c->at], pd_slice(buf, (size_t)n));
    else if (n == 0 || errno != EAGAIN)
        leave(c, n < 0);
    else
        return false;
    return true;
}

bool client_step(struct scripted_client *c, bool read)
{
    if (c->at == c->visits)
        return false;
    if (c->fd < 0)
        return enter(c);
    bool moved = talk(c);
    return (read && listen_to(c)) || moved;
}
