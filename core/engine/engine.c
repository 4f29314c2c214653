/* engine.c - birth, listeners, threads and end of an engine (see engine.h). */
#define _GNU_SOURCE
#include "engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "engine/impl.h"

static void engine_init_lists(struct pd_engine *e)
{
    pd_list_init(&e->doors);
    pd_list_init(&e->clients);
    pd_list_init(&e->idle);
    pd_list_init(&e->attend);
    pd_list_init(&e->ready);
    pd_list_init(&e->late);
    pd_list_init(&e->resumed);
    pd_list_init(&e->doomed);
    pd_list_init(&e->free);
    pd_list_init(&e->calls.running);
    pd_list_init(&e->calls.overdue);
    pd_list_init(&e->calls.parked);
    pthread_mutex_init(&e->lock, NULL);
    pthread_mutex_init(&e->log_lock, NULL);
}

static void engine_init_host(struct pd_engine *e, const struct pd_config *config, const char *spill_dir)
{
    e->host.sys = e->sys;
    e->host.config = *config;
    e->host.now_ns = PD_SYS0(e->sys, monotonic_ns);
    e->host.now_ms = e->host.now_ns / 1000000;
    e->host.exchange_new = pd_pool_take;
    e->host.lists = pd_client_is_listed;
    e->host.exchange_free = pd_pool_give;
    e->host.ready = pd_ready_put;
    e->host.has_room = pd_ready_has_room;
    e->host.retry_after = pd_ready_retry_after;
    e->host.unwatch = pd_client_unwatch;
    e->host.log = pd_log_line;
    pd_spill_dir_find(&e->host.spill_dir, e->sys, spill_dir, getenv("TMPDIR"));
}

/* Where request ids begin. Without the kernel's random bytes the clocks must do. */
static uint64_t engine_seed(const struct pd_sys *sys)
{
    uint64_t seed;
    ssize_t n;
    do
        n = PD_SYS(sys, getrandom, &seed, sizeof seed, GRND_NONBLOCK);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof seed ? seed : PD_SYS0(sys, monotonic_ns) ^ (uint64_t)PD_SYS0(sys, wall_s) << 32;
}

/* The descriptors that every engine needs; -errno. */
static int engine_init_fds(struct pd_engine *e, enum pd_loop_backend backend)
{
    e->relief_timer = PD_SYS(e->sys, timerfd_create, CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (e->relief_timer < 0)
        return -errno;
    int r = pd_loop_init(&e->loop, e->sys, backend);
    if (r < 0)
        return r;
    r = pd_wakeup_init(&e->wakeup, e->sys);
    if (r == 0)
        r = pd_wakeup_init(&e->log_wakeup, e->sys);
    if (r == 0)
        r = pd_calls_init(e);
    e->wakeup_owner = PD_OWNER_WAKEUP;
    return r < 0 ? r : pd_loop_add(&e->loop, e->wakeup.fd, PD_READABLE, &e->wakeup_owner);
}

struct pd_engine *pd_engine_new(const struct pd_config *config, const char *spill_dir, enum pd_loop_backend backend,
                                const struct pd_sys *sys)
{
    sys = sys ? sys : pd_sys_default();
    struct pd_engine *e = pd_alloc(sys, sizeof *e);
    if (!e)
        return NULL;
    memset(e, 0, sizeof *e);
    e->sys = sys;
    e->relief_timer = e->wakeup.fd = e->log_wakeup.fd = e->loop.epoll_fd = e->loop.guest_fd = -1;
    e->calls.wakeup.fd = e->calls.beat_timer = -1;
    engine_init_lists(e);
    pd_handover_init(&e->spread.handover, -1, -1);
    engine_init_host(e, config, spill_dir);
    pd_wheel_init(&e->wheel, e->host.now_ms);
    e->id_seed = engine_seed(sys);
    pd_buf_init(&e->log, sys, config->message_buffer);
    e->repeats.burst = config->message_burst;
    e->keeper = pd_thread_new(e);
    int r = e->keeper ? engine_init_fds(e, backend) : -ENOMEM;
    if (r == 0)
        return e;
    pd_engine_free(e);
    errno = -r;
    return NULL;
}

static void engine_free_clients(struct pd_engine *e)
{
    struct pd_thread *t = e->keeper;
    struct pd_list *node;
    t->has_role = true;
    pd_clients_close(e, t);
    while ((node = pd_list_take(&e->attend)) != NULL) {
        PD_LIST_ENTRY(node, struct pd_client, attend)->attending = false;
        pd_client_attend(PD_LIST_ENTRY(node, struct pd_client, attend), t);
    }
}

static void door_free(struct pd_engine *e, struct pd_door *d)
{
    pd_release(e->sys, d->allow);
    pd_release(e->sys, d->forwarders);
    pd_release(e->sys, d);
}

void pd_engine_free(struct pd_engine *e)
{
    struct pd_list *node;
    if (e->loop.ops && e->keeper)
        engine_free_clients(e);
    if (e->keeper)
        pd_thread_free(e->keeper);
    while ((node = pd_list_take(&e->doors)) != NULL) {
        struct pd_door *d = PD_LIST_ENTRY(node, struct pd_door, node);
        pd_listener_close(&d->listener);
        door_free(e, d);
    }
    pd_pool_fini(e);
    pd_waits_free(e);
    pd_spread_fini(e);
    if (e->wakeup.fd >= 0)
        pd_wakeup_fini(&e->wakeup);
    if (e->log_wakeup.fd >= 0)
        pd_wakeup_fini(&e->log_wakeup);
    if (e->loop.ops)
        pd_loop_fini(&e->loop);
    if (e->relief_timer >= 0)
        PD_SYS(e->sys, close, e->relief_timer);
    pd_calls_fini(e);
    if (e->access)
        pd_access_free(e->access);
    pd_buf_fini(&e->log);
    pthread_mutex_destroy(&e->lock);
    pthread_mutex_destroy(&e->log_lock);
    pd_release(e->sys, e);
}

/* --- listeners ---------------------------------------------------------------------------------------------------- */

/* The names that SERVER_NAME and SERVER_PORT fall back to; never empty. */
static void door_name_server(struct pd_door *d)
{
    const char *name = d->listener.name;
    const char *colon = strrchr(name, ':');
    bool tcp = d->listener.family != AF_UNIX && colon;
    int n = tcp ? (int)(colon - name) : 0;
    snprintf(d->server_name, sizeof d->server_name, "%.*s", tcp ? n : 9, tcp ? name : "localhost");
    snprintf(d->server_port, sizeof d->server_port, "%u", tcp ? (unsigned)d->listener.port : 80u);
    d->port.site.server_name = pd_slice(d->server_name, strlen(d->server_name));
    d->port.site.server_port = pd_slice(d->server_port, strlen(d->server_port));
    d->port.is_unix = !tcp;
}

/* FNV-1a of protocol and address, which no two listeners of a service share. */
static void door_set_key(struct pd_door *d)
{
    const char *parts[] = { d->port.detect ? "auto" : d->port.codec->name, d->listener.name };
    d->key = 0xcbf29ce484222325u;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (const char *p = parts[i]; *p; p++)
            d->key = (d->key ^ (unsigned char)*p) * 0x100000001b3u;
}

/* NULL without memory, and of an empty array. */
static void *door_copy(struct pd_engine *e, const void *array, size_t size)
{
    void *copy = size ? pd_alloc(e->sys, size) : NULL;
    return copy ? memcpy(copy, array, size) : NULL;
}

static bool door_copy_config(struct pd_engine *e, struct pd_door *d, struct pd_listener_config *config,
                             const struct pd_port *port)
{
    d->port = *port;
    if (port->site.mount.n >= sizeof d->mount)
        return false;
    if (port->site.mount.n)
        memcpy(d->mount, port->site.mount.p, port->site.mount.n);
    d->port.site.mount = pd_slice(d->mount, port->site.mount.n);
    struct pd_slice secret = port->options.secret;
    if (secret.n > sizeof d->secret)
        return false;
    if (secret.n)
        memcpy(d->secret, secret.p, secret.n);
    d->port.options.secret = pd_slice(d->secret, secret.n);
    struct pd_forwarders *f = &d->port.site.forwarders;
    config->allow = d->allow = door_copy(e, config->allow, config->allow_n * sizeof *d->allow);
    f->nets = d->forwarders = door_copy(e, f->nets, f->n * sizeof *f->nets);
    return (d->allow || !config->allow_n) && (d->forwarders || !f->n);
}

bool pd_engine_listen(struct pd_engine *e, const struct pd_listener_config *config, const struct pd_port *port,
                      char *name, size_t name_n, char *error, size_t error_n)
{
    struct pd_listener_config copy = *config;
    struct pd_door *d = pd_alloc(e->sys, sizeof *d);
    pd_notice_say(error, error_n, PD_NOTICE_CANNOT_LISTEN,
                  "cannot listen: out of memory, or mount or secret are longer than 255 bytes");
    if (!d)
        return false;
    memset(d, 0, sizeof *d);
    d->owner = PD_OWNER_LISTENER;
    if (!door_copy_config(e, d, &copy, port) || !pd_listener_open(&copy, e->sys, &d->listener, error, error_n)) {
        door_free(e, d);
        return false;
    }
    door_name_server(d);
    door_set_key(d);
    snprintf(name, name_n, "%s", d->listener.name);
    pd_list_push(&e->doors, &d->node);
    pd_doors_watch(e);
    return true;
}

bool pd_engine_adopt(struct pd_engine *e, int fd, const struct pd_port *port)
{
    struct pd_listener_config nobody_listens = { .allow_n = 0 };
    struct pd_door *d = pd_alloc(e->sys, sizeof *d);
    if (d)
        memset(d, 0, sizeof *d);
    if (!d || !door_copy_config(e, d, &nobody_listens, port)) {
        pd_release(e->sys, d);
        PD_SYS(e->sys, close, fd);
        return false;
    }
    d->owner = PD_OWNER_LISTENER;
    d->broken = true;
    d->listener = (struct pd_listener){ .sys = e->sys, .fd = -1, .family = AF_UNIX };
    pd_unix_path_init(&d->listener.path);
    door_name_server(d);
    pd_list_push(&e->doors, &d->node);
    return pd_door_adopt(e, d, fd);
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

struct pd_thread *pd_thread_new(struct pd_engine *e)
{
    struct pd_thread *t = pd_alloc(e->sys, sizeof *t);
    if (!t)
        return NULL;
    memset(t, 0, offsetof(struct pd_thread, io)); /* the buffers stay untouched until they are used */
    t->engine = e;
    pd_list_init(&t->idle);
    pd_list_init(&t->call.node);
    pd_list_init(&t->resumed);
    pthread_cond_init(&t->cond, NULL);
    return t;
}

void pd_thread_free(struct pd_thread *t)
{
    struct pd_engine *e = t->engine;
    pthread_mutex_lock(&e->lock);
    pd_engine_ends(t); /* this and what follows: only where the embedder's thread breaks */
    pd_call_end(t);
    e->running -= t->is_running;
    e->app_threads -= t->is_known;
    pd_waits_orphan(e, t);
    pthread_mutex_unlock(&e->lock);
    pthread_cond_destroy(&t->cond);
    pd_release(e->sys, t);
}

void pd_engine_unready(struct pd_engine *e)
{
    e->host.draining = true;
}

void pd_engine_stop(struct pd_engine *e, uint64_t drain_ms)
{
    pthread_mutex_lock(&e->lock);
    e->host.draining = true;
    e->spread.retiring = false;
    e->stop_ms = PD_SYS0(e->sys, monotonic_ns) / 1000000 + drain_ms;
    pthread_mutex_unlock(&e->lock);
    pd_log_count_repeats(e, true);
    pd_wakeup_fire(&e->wakeup);
}

void pd_engine_stats(struct pd_engine *e, struct pd_stats *out)
{
    pthread_mutex_lock(&e->lock);
    *out = e->stats;
    out->connections = e->nclients;
    out->ready = e->nready;
    out->running = e->running;
    out->overdue = e->calls.noverdue;
    out->suspended = pd_waits_count(e);
    out->begun = e->id_last - e->host.health_checks;
    out->resets = e->host.resets;
    out->busy = e->nbusy;
    pthread_mutex_unlock(&e->lock);
}

bool pd_engine_can_spill(const struct pd_engine *e)
{
    return pd_spill_dir_works(&e->host.spill_dir);
}
