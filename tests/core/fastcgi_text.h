/* fastcgi_text.h - the records that a front end sends, as tests write them. */
#ifndef FASTCGI_TEXT_H
#define FASTCGI_TEXT_H

#include <string.h>

#include "codec/fastcgi.h"
#include "text.h"

static inline void fastcgi_put_record(struct text *t, int type, int id, struct pd_slice content)
{
    const char header[8] = { 1, (char)type, 0, (char)id, (char)(content.n >> 8), (char)(content.n & 0xff), 0, 0 };
    text_put(t, pd_slice(header, sizeof header));
    text_put(t, content);
}

static inline void fastcgi_put_pair(struct text *t, const char *name, const char *value)
{
    const char sizes[2] = { (char)strlen(name), (char)strlen(value) };
    text_put(t, pd_slice(sizes, 2));
    text_printf(t, "%s%s", name, value);
}

/* BEGIN_REQUEST and PARAMS of a POST if there is a length, else of a GET; the connection stays unless it is last. */
static inline void fastcgi_put_head(struct text *t, int id, const char *path, const char *length, bool last)
{
    const char begin[8] = { 0, FCGI_RESPONDER, last ? 0 : FCGI_KEEP_CONN };
    struct text params = { 0 };
    fastcgi_put_record(t, FCGI_BEGIN_REQUEST, id, pd_slice(begin, sizeof begin));
    fastcgi_put_pair(&params, "REQUEST_METHOD", *length ? "POST" : "GET");
    fastcgi_put_pair(&params, "REQUEST_URI", path);
    fastcgi_put_pair(&params, "SERVER_PROTOCOL", "HTTP/1.1");
    fastcgi_put_pair(&params, "CONTENT_LENGTH", length);
    fastcgi_put_record(t, FCGI_PARAMS, id, text_view(&params));
    fastcgi_put_record(t, FCGI_PARAMS, id, PD_SLICE_NONE);
    text_fini(&params);
}

#endif
