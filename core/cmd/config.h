/*
 * config.h - the configuration of the CGI stub: a small file beside it, and variables that the web server sets.
 *
 * The file is a strict subset of TOML, so that Python reads the same with its
 * own parser: one `key = value` a line, comments, "basic strings" with \" and
 * \\ only, whole numbers, and arrays of strings on one line. Values are decoded
 * where they stand, so nothing is allocated.
 */
#ifndef PD_CMD_CONFIG_H
#define PD_CMD_CONFIG_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/slice.h"
#include "base/sys.h"

enum {
    PD_CGI_FILE_MAX = 64 * 1024,
    PD_CGI_WORDS_MAX = 64,
    PD_CGI_PATH_MAX = 1024, /* with its NUL */
    PD_CGI_ERR_MAX = 1536,
};

struct pd_cgi_words {
    const char *at[PD_CGI_WORDS_MAX];
    size_t n;
};

struct pd_cgi_config {
    const char *app, *python, *directory, *state, *socket, *log, *busy_page, *error_page; /* NULL: not given */
    struct pd_cgi_words options, environment;
    int64_t log_size, idle_timeout, start_timeout, patience, backlog, uploads, exec_below, retry_after;
};

/* The defaults. */
void pd_cgi_config_init(struct pd_cgi_config *c);
/*
 * Reads `n` bytes of a file named `name`, which are changed, and behind which there must be room for one more. On
 * failure false, with what is wrong and what to do in `err`.
 */
bool pd_cgi_config_parse(struct pd_cgi_config *c, const char *name, char *text, size_t n, char *err,
                         size_t err_n) PD_MUST_CHECK;
/* POLYDOOR_CGI_<KEY> of the environment, which count for more than the file. */
bool pd_cgi_config_variables(struct pd_cgi_config *c, char **env, char *err, size_t err_n) PD_MUST_CHECK;
/* What must be there is. `where` is the file or NULL. */
bool pd_cgi_config_check(const struct pd_cgi_config *c, const char *where, char *err, size_t err_n) PD_MUST_CHECK;

/*
 * The path of the file for the stub that was executed as `stub` (AT_EXECFN), absolute; false when it is too long. The
 * path of the stub goes to `self`.
 */
bool pd_cgi_config_find(const char *stub, char self[PD_CGI_PATH_MAX], char path[PD_CGI_PATH_MAX]) PD_MUST_CHECK;
/*
 * Reads the file into `text`, which has room for PD_CGI_FILE_MAX + 1 bytes, if nobody but this user, the owner of the
 * stub or root can have written it; -1 with the reason in `err`, or, without a reason, when there is no such file.
 */
ssize_t pd_cgi_config_load(const struct pd_sys *sys, const char *path, const char *stub, char *text, char *err,
                           size_t err_n) PD_MUST_CHECK;

#endif
