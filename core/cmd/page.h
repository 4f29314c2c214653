/* page.h - the few responses that the CGI stub makes itself. */
#ifndef PD_CMD_PAGE_H
#define PD_CMD_PAGE_H

#include "cmd/config.h"

enum pd_cgi_page {
    PD_CGI_PAGE_BUSY,   /* 503 with Retry-After */
    PD_CGI_PAGE_BROKEN, /* 502: the daemon ended before it answered */
    PD_CGI_PAGE_ERROR,  /* 500: the stub cannot do its work; the log says why */
};

/* Writes the response to standard output: the user's own file, where one is given and can be read. */
void pd_cgi_page_send(const struct pd_sys *sys, const struct pd_cgi_config *c, enum pd_cgi_page page, bool is_head);
/* Writes all bytes; false when nobody takes them. */
bool pd_cgi_page_write(const struct pd_sys *sys, int fd, const char *p, size_t n);

#endif
