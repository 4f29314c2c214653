/* page.c - busy page and error pages of the CGI stub (see page.h). */
#define _GNU_SOURCE /* O_CLOEXEC */
#include "cmd/page.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

struct text {
    const char *status;
    const char *body;
};

#define BODY(status, text)                                                                                             \
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" status "</title></head>\n"              \
    "<body><h1>" status "</h1><p>" text "</p></body></html>\n"

static const struct text texts[] = {
    [PD_CGI_PAGE_BUSY] = { "503 Service Unavailable",
                           BODY("503 Service Unavailable", "The application is busy. Please try again in a moment.") },
    [PD_CGI_PAGE_BROKEN] = { "502 Bad Gateway", BODY("502 Bad Gateway", "The application ended before it answered.") },
    [PD_CGI_PAGE_ERROR] = { "500 Internal Server Error",
                            BODY("500 Internal Server Error", "The application cannot be reached. The web server's "
                                                              "error log says why.") },
};

bool pd_cgi_page_write(const struct pd_sys *sys, int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t r = PD_SYS(sys, write, fd, p, n);
        if (r >= 0) {
            p += r;
            n -= (size_t)r;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd pfd = { .fd = fd, .events = POLLOUT };
            (void)PD_SYS(sys, poll, &pfd, 1, -1); /* the web server ends us when it has waited enough */
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* The user's own file, a plain one; -1 otherwise. */
static int open_own(const struct pd_sys *sys, const char *path)
{
    struct stat st;
    if (!path)
        return -1;
    int fd = PD_SYS(sys, open, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0 || (PD_SYS(sys, fstat, fd, &st) == 0 && S_ISREG(st.st_mode)))
        return fd;
    PD_SYS(sys, close, fd);
    return -1;
}

void pd_cgi_page_send(const struct pd_sys *sys, const struct pd_cgi_config *c, enum pd_cgi_page page, bool is_head)
{
    char buf[4096];
    const struct text *t = &texts[page];
    int own = open_own(sys, page == PD_CGI_PAGE_BUSY ? c->busy_page : c->error_page);
    int n = snprintf(buf, sizeof buf,
                     "Status: %s\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n", t->status);
    if (page == PD_CGI_PAGE_BUSY)
        n += snprintf(buf + n, sizeof buf - (size_t)n, "Retry-After: %lld\r\n", (long long)c->retry_after);
    n += snprintf(buf + n, sizeof buf - (size_t)n, "\r\n%s", is_head || own >= 0 ? "" : t->body);
    bool ok = pd_cgi_page_write(sys, STDOUT_FILENO, buf, (size_t)n);
    off_t at = 0;
    while (ok && own >= 0 && !is_head) {
        ssize_t r = PD_SYS(sys, pread, own, buf, sizeof buf, at);
        if (r <= 0 && !(r < 0 && errno == EINTR))
            break;
        ok = r < 0 || pd_cgi_page_write(sys, STDOUT_FILENO, buf, (size_t)r);
        at += r > 0 ? r : 0;
    }
    if (own >= 0)
        PD_SYS(sys, close, own);
}
