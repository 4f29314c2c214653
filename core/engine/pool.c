/* pool.c - exchanges are used again: their arenas and buffers keep their memory. */
#include "engine/impl.h"

enum {
    POOL_KEEP = 64,          /* idle exchanges kept */
    POOL_ARENA_KEEP = 16384, /* an arena that grew past this gives its memory back */
    POOL_ARENA_FACTOR = 4,   /* a request's variables may take so many times the head limit */
};

static void exchange_destroy(struct pd_engine *e, struct pd_exchange *x)
{
    pd_arena_fini(&x->arena);
    pd_buf_fini(&x->head);
    pd_buf_fini(&x->head_out);
    pd_response_fini(&x->response);
    pthread_cond_destroy(&x->cond);
    pd_release(e->sys, x);
}

static struct pd_exchange *exchange_create(struct pd_engine *e)
{
    const struct pd_config *cfg = &e->host.config;
    struct pd_exchange *x = pd_alloc(e->sys, sizeof *x);
    if (!x)
        return NULL;
    *x = (struct pd_exchange){ .state = PD_X_ENDED };
    pd_list_init(&x->node);
    pd_list_init(&x->queue);
    pd_list_init(&x->late);
    pd_list_init(&x->parked);
    pthread_cond_init(&x->cond, NULL);
    pd_arena_init(&x->arena, e->sys, cfg->limits.head * POOL_ARENA_FACTOR + 65536);
    pd_buf_init(&x->head, e->sys, cfg->limits.head);
    pd_buf_init(&x->head_out, e->sys, cfg->response_head + 1024);
    pd_response_init(&x->response, e->sys, cfg->response_head);
    return x;
}

static void exchange_reset(struct pd_engine *e, struct pd_exchange *x)
{
    if (x->arena.used > POOL_ARENA_KEEP)
        pd_arena_fini(&x->arena);
    else
        pd_arena_reset(&x->arena);
    pd_buf_clear(&x->head);
    pd_body_fini(&x->body);
    if (x->spill)
        pd_out_file_release(e->sys, x->spill);
    x->spill = NULL;
    pd_release(e->sys, x->wait);
    x->wait = NULL;
}

/*
 * Maps 64 bits one to one (each step can be undone: odd factors, shifts by more than half), so that a counter gives ids
 * that never repeat and do not look alike. The factors are those of MurmurHash3's finalizer, known to spread well.
 */
static uint64_t pool_mix(uint64_t n)
{
    n = (n ^ n >> 33) * 0xff51afd7ed558ccdu;
    n = (n ^ n >> 33) * 0xc4ceb9fe1a85ec53u;
    return n ^ n >> 33;
}

struct pd_exchange *pd_pool_take(struct pd_host *h)
{
    struct pd_engine *e = pd_engine_of(h);
    const struct pd_config *cfg = &e->host.config;
    pthread_mutex_lock(&e->lock);
    struct pd_list *node = pd_list_take(&e->free);
    e->nfree -= node != NULL;
    uint64_t number = e->id_seed + ++e->id_last;
    pthread_mutex_unlock(&e->lock);
    struct pd_exchange *x = node ? PD_LIST_ENTRY(node, struct pd_exchange, node) : exchange_create(e);
    if (!x)
        return NULL;
    size_t held = cfg->body_memory > cfg->stream_window ? cfg->body_memory : cfg->stream_window;
    pd_body_init(&x->body, e->sys, &h->spill_dir, held + 8 * (size_t)PD_RECV_BYTES);
    x->id = pool_mix(number);
    x->request = (struct pd_request){ .content_length = -1, .http_minor = 1 };
    pd_response_reset(&x->response);
    x->response.server = PD_SLICE("polydoor");
    x->streaming = x->input_ended = x->want_continue = x->aborted = x->head_sent = x->broken = x->too_long =
        x->is_health = x->was_parked = x->ending = x->has_surplus = x->overdue = x->is_read = x->is_awaited = false;
    x->failure = PD_R_NONE;
    x->waiters = x->guests = 0;
    x->body_sent = x->spill_end = x->input_ms = x->lead_ms = 0;
    x->ready_ns = x->started_ns = x->progress_ns = 0;
    x->answered = 0;
    return x;
}

void pd_pool_give(struct pd_host *h, struct pd_exchange *x)
{
    struct pd_engine *e = pd_engine_of(h);
    exchange_reset(e, x);
    pthread_mutex_lock(&e->lock);
    pd_call_forget(x);
    bool keep = e->nfree < POOL_KEEP;
    if (keep) {
        pd_list_push_front(&e->free, &x->node); /* the last one used is warm in the cache */
        e->nfree++;
    }
    pthread_mutex_unlock(&e->lock);
    if (!keep)
        exchange_destroy(e, x);
}

void pd_pool_fini(struct pd_engine *e)
{
    struct pd_list *node;
    while ((node = pd_list_take(&e->free)) != NULL)
        exchange_destroy(e, PD_LIST_ENTRY(node, struct pd_exchange, node));
}
