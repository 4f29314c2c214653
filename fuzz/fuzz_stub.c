/*
 * fuzz_stub.c - the files that the CGI stub reads: its configuration, and the record in the lock file.
 *
 * The first knob says which. What is accepted keeps its bounds; nothing past the bytes and the one behind them is
 * touched.
 */
#include "cmd/config.h"
#include "fuzz.h"
#include "guard.h"
#include "loop/gate.h"

static void check_text(const char *s, const char *text, size_t n, bool is_path)
{
    if (!s)
        return;
    FUZZ_ASSERT(s > text && s < text + n && *s);
    FUZZ_ASSERT(!is_path || (s[0] == '/' && strlen(s) < PD_CGI_PATH_MAX));
}

static void check_words(const struct pd_cgi_words *words, const char *text, size_t n, bool are_variables)
{
    FUZZ_ASSERT(words->n <= PD_CGI_WORDS_MAX);
    for (size_t i = 0; i < words->n; i++) {
        FUZZ_ASSERT(words->at[i] > text && words->at[i] < text + n);
        FUZZ_ASSERT(!are_variables || strchr(words->at[i], '=') > words->at[i]);
    }
}

static void check_config(char *text, size_t n)
{
    struct pd_cgi_config c;
    char err[PD_CGI_ERR_MAX] = "";
    pd_cgi_config_init(&c);
    bool ok = pd_cgi_config_parse(&c, "file", text, n, err, sizeof err);
    FUZZ_ASSERT(ok == !err[0]);
    FUZZ_ASSERT(ok || strncmp(err, "PD0790: file:", 13) == 0);
    check_text(c.app, text, n, false);
    check_text(c.python, text, n, true);
    check_text(c.directory, text, n, true);
    check_text(c.state, text, n, true);
    check_text(c.socket, text, n, true);
    check_text(c.log, text, n, true);
    check_text(c.busy_page, text, n, true);
    check_text(c.error_page, text, n, true);
    check_words(&c.options, text, n, false);
    check_words(&c.environment, text, n, true);
    FUZZ_ASSERT(c.log_size >= 4096 && c.idle_timeout >= 0 && c.start_timeout >= 1 && c.start_timeout <= 600);
    FUZZ_ASSERT(c.patience >= 1 && c.patience <= 3600 && c.backlog >= 1 && c.backlog <= 4096);
    FUZZ_ASSERT(c.exec_below >= 0 && c.retry_after >= 0 && c.retry_after <= 86400);
    char *env[] = { text, NULL };
    if (n) {
        text[n] = '\0';
        (void)!pd_cgi_config_variables(&c, env, err, sizeof err);
    }
}

static void check_record(struct pd_slice bytes, int64_t now_ms)
{
    struct pd_gate_record r = pd_gate_parse(bytes, now_ms);
    int64_t wait = pd_gate_backoff_ms(&r, now_ms);
    FUZZ_ASSERT(wait >= 0 && wait <= PD_GATE_BACKOFF_MAX_MS);
    FUZZ_ASSERT(r.pid >= 0 && r.started_ms >= 0 && r.started_ms <= now_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < FUZZ_KNOBS || size > FUZZ_INPUT_MAX)
        return 0;
    struct guard g;
    guard_init(&g, FUZZ_INPUT_MAX);
    struct pd_slice rest = pd_slice((const char *)data + FUZZ_KNOBS, size - FUZZ_KNOBS);
    if (data[0] & 1) {
        check_record(guard_place(&g, rest, PD_SLICE("")), (int64_t)data[1] << (data[2] & 31));
    } else {
        struct pd_slice text = guard_place(&g, rest, PD_SLICE("?"));
        check_config((char *)(uintptr_t)text.p, rest.n);
    }
    guard_fini(&g);
    return 0;
}
