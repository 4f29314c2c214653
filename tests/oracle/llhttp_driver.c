/* llhttp_driver.c - the verdicts of llhttp in its strict default (see verdict.h). */
#include "llhttp.h"
#include "verdict.h"

struct text {
    char data[VERDICT_INPUT_MAX];
    size_t n;
};

/* One message; as large as the largest input, so that nothing is ever cut. */
struct message {
    struct text method, target, name, value;
    int in_head;
};

static struct message msg;

static int append(struct text *t, const char *at, size_t n)
{
    memcpy(t->data + t->n, at, n);
    t->n += n;
    return 0;
}

static int on_begin(llhttp_t *p)
{
    (void)p;
    msg.method.n = msg.target.n = msg.name.n = msg.value.n = 0;
    msg.in_head = 1;
    return 0;
}

static int on_method(llhttp_t *p, const char *at, size_t n)
{
    (void)p;
    return append(&msg.method, at, n);
}

static int on_target(llhttp_t *p, const char *at, size_t n)
{
    (void)p;
    return append(&msg.target, at, n);
}

/* The fields are printed when the head is complete; until then they stay as "name NUL LF ...", "value NUL LF ...". */
static int on_name(llhttp_t *p, const char *at, size_t n)
{
    (void)p;
    return msg.in_head ? append(&msg.name, at, n) : 0;
}

static int on_name_complete(llhttp_t *p)
{
    (void)p;
    return msg.in_head ? append(&msg.name, "\0\n", 2) : 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
    (void)p;
    return msg.in_head ? append(&msg.value, at, n) : 0;
}

static int on_value_complete(llhttp_t *p)
{
    (void)p;
    return msg.in_head ? append(&msg.value, "\0\n", 2) : 0;
}

/* Length up to the next mark. */
static size_t item_length(const struct text *t, size_t from)
{
    size_t at = from;
    while (at + 1 < t->n && !(t->data[at] == '\0' && t->data[at + 1] == '\n'))
        at++;
    return at - from;
}

static void print_fields(void)
{
    size_t name = 0, value = 0;
    while (name < msg.name.n) {
        size_t name_n = item_length(&msg.name, name), value_n = item_length(&msg.value, value);
        verdict_hex(msg.name.data + name, name_n);
        putchar(':');
        verdict_hex(msg.value.data + value, value_n);
        putchar(',');
        name += name_n + 2;
        value += value_n + 2;
    }
}

static int on_head(llhttp_t *p)
{
    msg.in_head = 0;
    p->upgrade = 0; /* we never switch protocols */
    printf("M ");
    verdict_hex(msg.method.data, msg.method.n);
    putchar(' ');
    verdict_hex(msg.target.data, msg.target.n);
    printf(" %d ", p->http_minor);
    print_fields();
    printf("; =");
    return 0;
}

static int on_body(llhttp_t *p, const char *at, size_t n)
{
    (void)p;
    verdict_hex(at, n);
    return 0;
}

static int on_complete(llhttp_t *p)
{
    (void)p;
    printf(" C ");
    return 0;
}

int main(void)
{
    static char input[VERDICT_INPUT_MAX];
    llhttp_settings_t settings;
    llhttp_t parser;
    size_t n;
    llhttp_settings_init(&settings);
    settings.on_message_begin = on_begin;
    settings.on_method = on_method;
    settings.on_url = on_target;
    settings.on_header_field = on_name;
    settings.on_header_field_complete = on_name_complete;
    settings.on_header_value = on_value;
    settings.on_header_value_complete = on_value_complete;
    settings.on_headers_complete = on_head;
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
    while (verdict_read(input, &n)) {
        llhttp_init(&parser, HTTP_REQUEST, &settings);
        enum llhttp_errno err = llhttp_execute(&parser, input, n);
        if (err == HPE_CLOSED_CONNECTION)
            printf(" closed\n");
        else if (err != HPE_OK)
            printf(" bad:%s:%s\n", llhttp_errno_name(err), llhttp_get_error_reason(&parser));
        else
            printf(" %s\n", llhttp_finish(&parser) == HPE_OK ? "ok" : "cut");
    }
    return 0;
}
