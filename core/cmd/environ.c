/* environ.c - reads and makes environments (see environ.h). */
#include "cmd/environ.h"

#include "codec/policy.h"

const char *pd_cgi_environ_get(char **env, const char *name)
{
    size_t n = strlen(name);
    for (; *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    return NULL;
}

bool pd_cgi_environ_passes(const char *string)
{
    const char *equals = strchr(string, '=');
    struct pd_slice name = pd_slice(string, equals ? (size_t)(equals - string) : 0);
    return name.n && !pd_slice_eq(name, PD_SLICE("HTTP_PROXY")) && pd_policy_is_of_request(name);
}

/* LD_PRELOAD, PYTHONPATH and the like are not among them (reliability G9). */
static bool is_own(const char *string)
{
    static const char *const names[] = {
        "PATH=", "HOME=", "USER=", "LOGNAME=", "LANG=", "LC_", "TZ=", "POLYDOOR_CGI_"
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(string, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

void pd_cgi_environ_own(const struct pd_cgi_config *c, char **env, char *out[PD_CGI_OWN_MAX])
{
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    size_t n = 0;
    /* exec's own prototype takes char *, but writes nothing */
    for (; n < c->environment.n; n++)
        out[n] = (char *)(uintptr_t)c->environment.at[n];
    if (!pd_cgi_environ_get(env, "PATH"))
        out[n++] = path;
    for (; *env && n < PD_CGI_OWN_MAX - 1; env++)
        if (is_own(*env))
            out[n++] = *env;
    out[n] = NULL;
}

char **pd_cgi_environ_request(const struct pd_sys *sys, const struct pd_cgi_config *c, char **env)
{
    size_t n = 0, total = PD_CGI_OWN_MAX;
    for (char **p = env; *p; p++)
        total++;
    char **out = pd_alloc(sys, total * sizeof *out);
    if (!out)
        return NULL;
    pd_cgi_environ_own(c, env, out);
    while (out[n])
        n++;
    for (; *env; env++)
        if (pd_cgi_environ_passes(*env))
            out[n++] = *env;
    out[n] = NULL;
    return out;
}
