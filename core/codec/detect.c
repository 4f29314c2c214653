/* detect.c - which protocol is spoken on a connection, by its first byte (see detect.h). */
#include "codec/detect.h"

#include "codec/bytes.h"

enum {
    FIRST_UWSGI = 0, /* modifier1 */
    FIRST_FASTCGI = 1,
    FIRST_AJP = 0x12,
    FIRST_UWSGI_MOUNT = 30, /* another modifier1 */
};

const struct pd_codec *pd_detect(char first, const struct pd_codec_options *options, enum pd_reason *reason)
{
    *reason = first == FIRST_AJP && !options->secret.n ? PD_R_AJP_WITHOUT_KEY : PD_R_NONE;
    if (first == FIRST_FASTCGI)
        return &pd_codec_fastcgi;
    if (first == FIRST_UWSGI || first == FIRST_UWSGI_MOUNT)
        return &pd_codec_uwsgi;
    if (first == FIRST_AJP)
        return &pd_codec_ajp13;
    if (pd_byte_is_digit(first)) /* a token, too, but no method begins so */
        return &pd_codec_scgi;
    if (pd_byte_is(first, PD_BYTE_TOKEN) || first == '\r' || first == '\n')
        return &pd_codec_http1;
    *reason = PD_R_UNKNOWN_PROTOCOL;
    return NULL;
}
