/* options.c - the command line (see options.h). */
#define _GNU_SOURCE
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "fail.h"

static const char usage[] =
    "usage: polydoor-load URL [PATH] [options]\n"
    "\n"
    "Asks a server over HTTP/1.1, FastCGI, SCGI, uwsgi or AJP13 again and again, checks each response, and prints what "
    "it\n"
    "measured as JSON. URL is as http://127.0.0.1:8000, fastcgi+unix:/run/shop.sock, ajp://[::1]:8009.\n"
    "\n"
    "How much\n"
    "  -c, --connections N     connections at once (16)\n"
    "  -d, --duration S        seconds of load (10)\n"
    "  -n, --count N           so many requests instead, or at most\n"
    "  -r, --rate R            open loop: R requests per second, each at its time; latency counts from that time\n"
    "      --think S           closed loop: seconds between a response and the next request of a connection\n"
    "      --streams N         FastCGI: so many requests at once on each connection\n"
    "      --close             a connection for each request\n"
    "      --warm-up S         seconds of the same load that do not count\n"
    "      --hold              behind the warm-up print a line `warm` and wait for a line\n"
    "      --send-rate B       slow clients: bytes per second that a connection sends\n"
    "      --read-rate B       ... or takes\n"
    "      --timeout S         give up a request without a response (10)\n"
    "      --drain S           wait so long for what is under way at the end (5)\n"
    "\n"
    "The request\n"
    "  -X, --method METHOD     GET, or POST with a body\n"
    "  -H, --header 'N: V'     a header field; may be repeated\n"
    "      --param N=V         a CGI variable; may be repeated\n"
    "      --body BYTES        a body of that size, such as 100M\n"
    "      --body-file FILE    a body from a file\n"
    "      --chunked           do not announce the body's length\n"
    "      --secret-env NAME   AJP: the variable of the environment that holds the secret\n"
    "      --variants FILE     several requests, asked in turn: METHOD PATH, header lines, then lines such as\n"
    "                          @body 1000, @status 404, @length 12, @param N=V; an empty line ends each\n"
    "\n"
    "What is right\n"
    "      --status N          the status, or any (200)\n"
    "      --length N          the body's length; else that of the first response\n"
    "      --expect FILE       the body; else that of the first response\n"
    "      --check WHAT        body, length or status (body)\n"
    "\n"
    "      --histogram         add the buckets of the latency to the result\n"
    "      --help              this text\n"
    "\n"
    "Exit status: 0 all was right, 1 something was not, 2 usage, 3 nobody could be asked.\n";

enum long_option {
    OPTION_THINK = 256,
    OPTION_STREAMS,
    OPTION_CLOSE,
    OPTION_WARM_UP,
    OPTION_HOLD,
    OPTION_SEND_RATE,
    OPTION_READ_RATE,
    OPTION_TIMEOUT,
    OPTION_DRAIN,
    OPTION_PARAM,
    OPTION_BODY,
    OPTION_BODY_FILE,
    OPTION_CHUNKED,
    OPTION_SECRET_ENV,
    OPTION_VARIANTS,
    OPTION_STATUS,
    OPTION_LENGTH,
    OPTION_EXPECT,
    OPTION_CHECK,
    OPTION_HISTOGRAM,
    OPTION_HELP,
};

static const struct option names[] = {
    { "connections", required_argument, NULL, 'c' },
    { "duration", required_argument, NULL, 'd' },
    { "count", required_argument, NULL, 'n' },
    { "rate", required_argument, NULL, 'r' },
    { "method", required_argument, NULL, 'X' },
    { "header", required_argument, NULL, 'H' },
    { "think", required_argument, NULL, OPTION_THINK },
    { "streams", required_argument, NULL, OPTION_STREAMS },
    { "close", no_argument, NULL, OPTION_CLOSE },
    { "warm-up", required_argument, NULL, OPTION_WARM_UP },
    { "hold", no_argument, NULL, OPTION_HOLD },
    { "send-rate", required_argument, NULL, OPTION_SEND_RATE },
    { "read-rate", required_argument, NULL, OPTION_READ_RATE },
    { "timeout", required_argument, NULL, OPTION_TIMEOUT },
    { "drain", required_argument, NULL, OPTION_DRAIN },
    { "param", required_argument, NULL, OPTION_PARAM },
    { "body", required_argument, NULL, OPTION_BODY },
    { "body-file", required_argument, NULL, OPTION_BODY_FILE },
    { "chunked", no_argument, NULL, OPTION_CHUNKED },
    { "secret-env", required_argument, NULL, OPTION_SECRET_ENV },
    { "variants", required_argument, NULL, OPTION_VARIANTS },
    { "status", required_argument, NULL, OPTION_STATUS },
    { "length", required_argument, NULL, OPTION_LENGTH },
    { "expect", required_argument, NULL, OPTION_EXPECT },
    { "check", required_argument, NULL, OPTION_CHECK },
    { "histogram", no_argument, NULL, OPTION_HISTOGRAM },
    { "help", no_argument, NULL, OPTION_HELP },
    { NULL, 0, NULL, 0 },
};

/* --- values ------------------------------------------------------------------------------------------------------- */

static const char *name_of(int option)
{
    for (size_t i = 0; names[i].name; i++)
        if (names[i].val == option)
            return names[i].name;
    return "?";
}

static double positive(int option, const char *text, double least, double most)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end || errno || !isfinite(value) || value < least || value > most)
        load_fail(LOAD_USAGE, "--%s needs a number from %g to %g, not %s", name_of(option), least, most, text);
    return value;
}

static uint64_t seconds(int option, const char *text, double least)
{
    return (uint64_t)(positive(option, text, least, 86400) * 1e9);
}

/* "1000", "64k", "100M", "1G". */
static uint64_t size(int option, const char *text, uint64_t least, uint64_t most)
{
    static const char units[] = "kMG";
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    bool bad = end == text || errno || text[0] < '0' || text[0] > '9' || value > (uint64_t)1 << 50;
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (unit && !end[1])
        value <<= 10 * (unit - units + 1);
    else
        bad = bad || *end;
    if (bad || value < least || value > most)
        load_fail(LOAD_USAGE, "--%s needs a number from %llu to %llu, such as 1000 or 64k, not %s", name_of(option),
                  (unsigned long long)least, (unsigned long long)most, text);
    return value;
}

static unsigned status(int option, const char *text)
{
    return strcmp(text, "any") == 0 ? 0 : (unsigned)size(option, text, 100, 999);
}

static enum load_check check(const char *text)
{
    static const char *const all[] = { "body", "length", "status" };
    for (unsigned i = 0; i < 3; i++)
        if (strcmp(text, all[i]) == 0)
            return (enum load_check)i;
    load_fail(LOAD_USAGE, "--check is body, length or status, not %s", text);
}

static const char *secret(const char *name)
{
    const char *value = getenv(name);
    if (!value || !*value)
        load_fail(LOAD_USAGE, "--secret-env: the environment has no variable %s; set it", name);
    return value;
}

static void keep(const char **list, unsigned *n, const char *text, char mark, const char *form)
{
    const char *at = strchr(text, mark);
    if (!at || at == text)
        load_fail(LOAD_USAGE, "%s is needed, not %s", form, text);
    if (*n == LOAD_HEADERS_MAX)
        load_fail(LOAD_USAGE, "more than %d of %s", LOAD_HEADERS_MAX, form);
    list[(*n)++] = text;
}

/* --- the address -------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const struct pd_client_codec *codec;
} protocols[] = {
    { "http", &pd_client_http1 },  { "fastcgi", &pd_client_fastcgi }, { "scgi", &pd_client_scgi },
    { "uwsgi", &pd_client_uwsgi }, { "ajp", &pd_client_ajp13 },
};

static void parse_unix(struct load_target *t, const char *url, const char *path)
{
    size_t n = strlen(path);
    if (!n || n >= sizeof t->address.un.sun_path)
        load_fail(LOAD_USAGE, "%s: the path of a Unix socket has 1 to %zu bytes", url,
                  sizeof t->address.un.sun_path - 1);
    t->address.un.sun_family = AF_UNIX;
    memcpy(t->address.un.sun_path, path, n);
    t->address_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    memcpy(t->authority, "localhost", sizeof "localhost");
}

static void parse_host(struct load_target *t, const char *url, const char *rest)
{
    size_t n = strcspn(rest, "/?");
    if (n >= sizeof t->authority)
        load_fail(LOAD_USAGE, "%s: the address is too long", url);
    memcpy(t->authority, rest, n);
    t->path = rest[n] ? rest + n : NULL;
    char host[PD_ADDR_TEXT_MAX];
    memcpy(host, t->authority, sizeof host);
    char *colon = strrchr(host, ':');
    char *end = NULL;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (!port || port > 65535 || *end)
        load_fail(LOAD_USAGE, "%s has no port; write it as %s://127.0.0.1:8000", url, t->protocol);
    *colon = '\0';
    t->address_n = pd_addr_parse(host, (uint16_t)port, &t->address);
    if (!t->address_n)
        load_fail(LOAD_USAGE, "%s: %s is no numeric address (names are not looked up, but for localhost)", url, host);
}

static void parse_url(struct load_target *t, const char *url)
{
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        size_t n = strlen(protocols[i].name);
        if (strncmp(url, protocols[i].name, n) != 0)
            continue;
        t->codec = protocols[i].codec;
        t->protocol = protocols[i].name;
        if (strncmp(url + n, "://", 3) == 0)
            parse_host(t, url, url + n + 3);
        else if (strncmp(url + n, "+unix:", 6) == 0)
            parse_unix(t, url, url + n + 6);
        else
            continue;
        pd_addr_name(&t->address, t->address_n, t->name, sizeof t->name);
        return;
    }
    load_fail(LOAD_USAGE,
              "%s is no address; write it as http://127.0.0.1:8000 or scgi+unix:/run/shop.sock, with http, "
              "fastcgi, scgi, uwsgi or ajp",
              url);
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

/* Options of the request; false: it is none. */
static bool take_request(struct load_plan *p, int option, const char *text)
{
    switch (option) {
    case 'X':
        p->method = text;
        return true;
    case 'H':
        keep(p->headers, &p->nheaders, text, ':', "--header 'NAME: VALUE'");
        return true;
    case OPTION_PARAM:
        keep(p->params, &p->nparams, text, '=', "--param NAME=VALUE");
        return true;
    case OPTION_BODY:
        p->body = size(option, text, 0, (uint64_t)1 << 40);
        p->has_body = true;
        return true;
    case OPTION_BODY_FILE:
        p->body_file = text;
        p->has_body = true;
        return true;
    case OPTION_CHUNKED:
        p->chunked = true;
        return true;
    case OPTION_STATUS:
        p->status = status(option, text);
        return true;
    case OPTION_LENGTH:
        p->length = (int64_t)size(option, text, 0, (uint64_t)1 << 50);
        return true;
    case OPTION_EXPECT:
        p->expect_file = text;
        return true;
    default:
        return false;
    }
}

static bool take_pace(struct load_options *o, int option, const char *text)
{
    switch (option) {
    case 'r':
        o->rate = positive(option, text, 0.001, 1e7);
        return true;
    case OPTION_THINK:
        o->think_ns = seconds(option, text, 0);
        return true;
    case OPTION_WARM_UP:
        o->warm_up_ns = seconds(option, text, 0);
        return true;
    case OPTION_SEND_RATE:
        o->send_rate = size(option, text, 1, (uint64_t)1 << 40);
        return true;
    case OPTION_READ_RATE:
        o->read_rate = size(option, text, 1, (uint64_t)1 << 40);
        return true;
    case OPTION_TIMEOUT:
        o->timeout_ns = seconds(option, text, 0.001);
        return true;
    case OPTION_DRAIN:
        o->drain_ns = seconds(option, text, 0);
        return true;
    default:
        return false;
    }
}

static void take(struct load_options *o, int option, const char *text)
{
    if (take_request(&o->plan, option, text) || take_pace(o, option, text))
        return;
    switch (option) {
    case 'c':
        o->connections = (unsigned)size(option, text, 1, 1u << 20);
        return;
    case 'd':
        o->duration_ns = seconds(option, text, 0.001);
        return;
    case 'n':
        o->count = size(option, text, 1, (uint64_t)1 << 50);
        return;
    case OPTION_STREAMS:
        o->streams = (unsigned)size(option, text, 1, 4096);
        return;
    case OPTION_CLOSE:
        o->closes = true;
        return;
    case OPTION_SECRET_ENV:
        o->secret = secret(text);
        return;
    case OPTION_VARIANTS:
        o->variants = text;
        return;
    case OPTION_HOLD:
        o->holds = true;
        return;
    case OPTION_CHECK:
        o->check = check(text);
        return;
    case OPTION_HISTOGRAM:
        o->histogram = true;
        return;
    case OPTION_HELP:
        fputs(usage, stdout);
        exit(LOAD_RIGHT);
    default: /* getopt has said what is wrong */
        load_fail(LOAD_USAGE, "`polydoor-load --help` lists the options");
    }
}

/* What does not go together. */
static void settle(struct load_options *o)
{
    const struct load_plan *p = &o->plan;
    bool fastcgi = o->target.codec == &pd_client_fastcgi;
    if (o->target.codec == &pd_client_scgi || o->target.codec == &pd_client_uwsgi)
        o->closes = true; /* closing is how these protocols end a response */
    if (o->streams > 1 && (!fastcgi || o->closes || o->send_rate || o->read_rate))
        load_fail(LOAD_USAGE, "--streams needs fastcgi, and neither --close nor a slow client");
    if (o->rate > 0 && o->think_ns)
        load_fail(LOAD_USAGE, "--think is for the closed loop, and --rate is the open one; give one of them");
    if (p->body && p->body_file)
        load_fail(LOAD_USAGE, "--body and --body-file are both the body; give one of them");
    if (p->chunked && (!o->target.codec->sends_chunks || !p->has_body))
        load_fail(LOAD_USAGE, "--chunked needs a body, and http, fastcgi or ajp");
    if (o->secret && o->target.codec != &pd_client_ajp13)
        load_fail(LOAD_USAGE, "--secret-env is for ajp");
    if (p->nparams && o->target.codec == &pd_client_http1)
        load_fail(LOAD_USAGE, "--param needs a protocol with variables; over HTTP send header fields");
}

void load_options_parse(struct load_options *o, int argc, char **argv)
{
    const uint64_t second = 1000000000;
    *o = (struct load_options){ .connections = 16,
                                .streams = 1,
                                .timeout_ns = 10 * second,
                                .drain_ns = 5 * second,
                                .plan = { .status = 200, .length = -1 } };
    for (int option; (option = getopt_long(argc, argv, "c:d:n:r:X:H:", names, NULL)) != -1;)
        take(o, option, optarg);
    if (optind == argc || argc - optind > 2)
        load_fail(LOAD_USAGE, "one URL and at most one path are needed; `polydoor-load --help` shows how");
    parse_url(&o->target, argv[optind]);
    const char *path = optind + 1 < argc ? argv[optind + 1] : NULL;
    if (path && o->target.path)
        load_fail(LOAD_USAGE, "the path stands twice: %s and %s", o->target.path, path);
    o->plan.path = path ? path : o->target.path ? o->target.path : "/";
    if (!o->count && !o->duration_ns)
        o->duration_ns = 10 * second;
    settle(o);
}
