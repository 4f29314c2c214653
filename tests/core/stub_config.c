/*
 * stub_config.c - reads configurations of the CGI stub as the stub does, and tells what it understood.
 *
 * Standard input holds documents, each with its length in four bytes before it. For each comes a line "ok" or "bad:
 * why", and behind "ok" its values in the order of src/polydoor/hosting/keys.py, a line each; a record separator (0x1e)
 * ends an answer.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/config.h"

static void put_words(const struct pd_cgi_words *words)
{
    for (size_t i = 0; i < words->n; i++)
        printf("%s%s", i ? "\x1f" : "", words->at[i]);
    putchar('\n');
}

static void put_text(const char *s)
{
    puts(s ? s : "");
}

static void put_number(int64_t n)
{
    printf("%lld\n", (long long)n);
}

static void put(const struct pd_cgi_config *c)
{
    puts("ok");
    put_text(c->app);
    put_text(c->python);
    put_text(c->directory);
    put_text(c->state);
    put_text(c->socket);
    put_text(c->log);
    put_number(c->log_size);
    put_words(&c->options);
    put_words(&c->environment);
    put_number(c->idle_timeout);
    put_number(c->start_timeout);
    put_number(c->patience);
    put_number(c->backlog);
    put_number(c->uploads);
    put_number(c->exec_below);
    put_text(c->busy_page);
    put_text(c->error_page);
    put_number(c->retry_after);
}

int main(void)
{
    static char text[PD_CGI_FILE_MAX + 1];
    char err[PD_CGI_ERR_MAX];
    uint32_t n;
    while (fread(&n, sizeof n, 1, stdin) == 1) {
        struct pd_cgi_config c;
        if (n > PD_CGI_FILE_MAX || fread(text, 1, n, stdin) != n)
            return 1;
        pd_cgi_config_init(&c);
        if (pd_cgi_config_parse(&c, "file", text, n, err, sizeof err) &&
            pd_cgi_config_check(&c, "file", err, sizeof err))
            put(&c);
        else
            printf("bad: %s\n", err);
        putchar('\x1e');
    }
    return 0;
}
