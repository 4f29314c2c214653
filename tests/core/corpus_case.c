/* corpus_case.c - how a corpus case is handed to a C program (see corpus_case.h). */
#define _GNU_SOURCE
#include "corpus_case.h"

#include <stdlib.h>

#include "front_codec.h"
#include "replay.h"

static void die(const char *what, const char *word)
{
    fprintf(stderr, "corpus case: %s: %s\n", what, word);
    exit(2);
}

static const struct pd_codec *codec_named(const char *name)
{
    static const struct pd_codec *const all[] = { &pd_codec_http1,    &pd_codec_fastcgi, &pd_codec_scgi,
                                                  &pd_codec_uwsgi,    &pd_codec_cgi,     &pd_codec_ajp13,
                                                  &front_codec_proxy, &front_codec_auto };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}

static const struct pd_client_codec *client_named(const char *name)
{
    static const struct pd_client_codec *const all[] = { &pd_client_http1, &pd_client_fastcgi, &pd_client_scgi,
                                                         &pd_client_uwsgi, &pd_client_ajp13 };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}

static enum pd_profile profile_named(const char *name)
{
    static const char *const names[] = {
        [PD_PROFILE_GENERIC] = "generic",   [PD_PROFILE_APACHE] = "apache",   [PD_PROFILE_NGINX] = "nginx",
        [PD_PROFILE_LIGHTTPD] = "lighttpd", [PD_PROFILE_HAPROXY] = "haproxy", [PD_PROFILE_CADDY] = "caddy",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return (enum pd_profile)i;
    die("unknown profile", name);
    return PD_PROFILE_GENERIC;
}

static uint64_t number(const char *s)
{
    char *end;
    uint64_t v = strtoull(s, &end, 10);
    if (*s < '0' || *s > '9' || *end)
        die("not a number", s);
    return v;
}

static bool set_limit(struct pd_limits *l, const char *key, const char *value)
{
    if (strcmp(key, "head") == 0)
        l->head = number(value);
    else if (strcmp(key, "target") == 0)
        l->target = number(value);
    else if (strcmp(key, "fields") == 0)
        l->fields = number(value);
    else if (strcmp(key, "body") == 0)
        l->body = number(value);
    else if (strcmp(key, "overhead") == 0)
        l->chunk_overhead = number(value);
    else
        return false;
    return true;
}

/* NETWORK,NETWORK or unix */
static void set_forwarders(struct corpus_case *c, const char *value)
{
    struct pd_forwarders *f = &c->site.forwarders;
    struct pd_slice rest = pd_slice(value, strlen(value));
    f->nets = c->nets;
    while (rest.n) {
        struct pd_slice one = pd_slice(rest.p, pd_slice_find(rest, ','));
        rest = pd_slice_from(rest, one.n < rest.n ? one.n + 1 : one.n);
        if (pd_slice_eq(one, PD_SLICE("unix")))
            f->unix_peers = true;
        else if (f->n == CORPUS_NETS_MAX || !pd_net_parse(one, &c->nets[f->n++]))
            die("no network, or too many", value);
    }
}

static unsigned forwarded_fields(const char *value)
{
    static const struct {
        const char *name;
        unsigned field;
    } all[] = { { "for", PD_FORWARDED_FOR },   { "proto", PD_FORWARDED_PROTO },     { "host", PD_FORWARDED_HOST },
                { "port", PD_FORWARDED_PORT }, { "rfc7239", PD_FORWARDED_RFC7239 }, { "start", PD_FORWARDED_START } };
    unsigned fields = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        fields |= strstr(value, all[i].name) ? all[i].field : 0;
    return fields;
}

static bool set_site(struct corpus_case *c, const char *key, const char *value)
{
    struct pd_site *s = &c->site;
    if (strcmp(key, "mount") == 0)
        s->mount = pd_slice(value, strlen(value));
    else if (strcmp(key, "profile") == 0)
        s->profile = profile_named(value);
    else if (strcmp(key, "trust") == 0)
        s->trust_remote_user = number(value) != 0;
    else if (strcmp(key, "program") == 0)
        s->program = number(value) != 0;
    else if (strcmp(key, "name") == 0)
        s->server_name = pd_slice(value, strlen(value));
    else if (strcmp(key, "port") == 0)
        s->server_port = pd_slice(value, strlen(value));
    else if (strcmp(key, "forwarders") == 0)
        set_forwarders(c, value);
    else if (strcmp(key, "forwarded") == 0)
        s->forwarders.fields = forwarded_fields(value);
    else
        return false;
    return true;
}

static bool set_option(struct pd_codec_options *o, const char *key, const char *value)
{
    if (strcmp(key, "secret") == 0)
        o->secret = pd_slice(value, strlen(value));
    else if (strcmp(key, "packet") == 0)
        o->packet = number(value);
    else if (strcmp(key, "lighttpd") == 0)
        o->lighttpd = (o->raw_path = strcmp(value, "raw") == 0) || number(value) != 0;
    else
        return false;
    return true;
}

static bool set_client(struct corpus_case *c, const char *key, const char *value)
{
    if (strcmp(key, "method") == 0)
        c->method = pd_slice(value, strlen(value));
    else if (strcmp(key, "reset") == 0)
        c->reset = number(value) != 0;
    else
        return false;
    return true;
}

static void parse_words(struct corpus_case *c, size_t *size)
{
    char *next = NULL;
    c->line[strcspn(c->line, "\n")] = '\0';
    for (char *word = strtok_r(c->line, " ", &next); word; word = strtok_r(NULL, " ", &next)) {
        char *value = strchr(word, '=');
        if (!value)
            die("not key=value", word);
        *value++ = '\0';
        if (strcmp(word, "proto") == 0)
            c->codec = codec_named(value), c->client = client_named(value);
        else if (strcmp(word, "size") == 0)
            *size = number(value);
        else if (!set_limit(&c->limits, word, value) && !set_site(c, word, value) &&
                 !set_option(&c->options, word, value) && !set_client(c, word, value))
            die("unknown key", word);
    }
}

bool corpus_read(struct corpus_case *c, FILE *from)
{
    size_t size = 0;
    if (!fgets(c->line, sizeof c->line, from))
        return false;
    c->codec = NULL;
    c->client = NULL;
    c->method = PD_SLICE("GET");
    c->reset = false;
    c->limits = PD_LIMITS_DEFAULT;
    c->options = *PD_OPTIONS_NONE;
    c->site = replay_site();
    parse_words(c, &size);
    if (!c->bytes && !(c->bytes = malloc(CORPUS_INPUT_MAX)))
        die("no memory", "input");
    if ((!c->codec && !c->client) || size > CORPUS_INPUT_MAX || fread(c->bytes, 1, size, from) != size)
        die("no protocol, too large, or cut off", c->line);
    c->input = pd_slice(c->bytes, size);
    return true;
}

void corpus_fini(struct corpus_case *c)
{
    free(c->bytes);
    c->bytes = NULL;
}
