/* detect.c - which protocol is spoken on a connection, by its first byte (see detect.h). */
#include "codec/detect.h"

#include "codec/bytes.h"

enum {
    FIRST_UWSGI = 0, /* modifier1 */
    FIRST_FASTCGI = 1,
    FIRST_UWSGI_MOUNT = 30, /* another modifier1 */
};

const struct pd_codec *pd_detect(char first, enum pd_reason *reason)
{
    *reason = PD_R_NONE;
    if (first == FIRST_FASTCGI)
        return &pd_codec_fastcgi;
    if (first == FIRST_UWSGI || first == FIRST_UWSGI_MOUNT)
        return &pd_codec_uwsgi;
    if (pd_byte_is_digit(first)) /* a token, too, but no method begins so */
        return &pd_codec_scgi;
    if (pd_byte_is(first, PD_BYTE_TOKEN) || first == '\r' || first == '\n')
        return &pd_codec_http1;
    *reason = PD_R_UNKNOWN_PROTOCOL;
    return NULL;
}
