/* missing.c - weak stand-ins until every codec file exists; removed then. */
#include "codec/request.h"
#include "codec/response.h"

#define WEAK __attribute__((weak))

WEAK const struct pd_codec pd_codec_http1 = { .name = "http1" };
WEAK const struct pd_codec pd_codec_fastcgi = { .name = "fastcgi" };
WEAK const struct pd_codec pd_codec_scgi = { .name = "scgi" };

WEAK void pd_response_init(struct pd_response *r, const struct pd_sys *sys, size_t head_limit)
{
    (void)r, (void)sys, (void)head_limit;
}
WEAK void pd_response_fini(struct pd_response *r)
{
    (void)r;
}
WEAK enum pd_reason pd_response_start(struct pd_response *r, struct pd_slice status)
{
    (void)r, (void)status;
    return PD_R_NONE;
}
WEAK enum pd_reason pd_response_add(struct pd_response *r, struct pd_slice name, struct pd_slice value)
{
    (void)r, (void)name, (void)value;
    return PD_R_NONE;
}
WEAK enum pd_reason pd_response_put_cgi(struct pd_response *r, struct pd_buf *out)
{
    (void)r, (void)out;
    return PD_R_NONE;
}
WEAK enum pd_reason pd_request_build(const struct pd_head *head, const struct pd_site *site,
                                     const struct pd_peer *peer, const struct pd_limits *limits,
                                     struct pd_arena *arena, struct pd_request *out)
{
    (void)head, (void)site, (void)peer, (void)limits, (void)arena;
    *out = (struct pd_request){ 0 };
    return PD_R_NONE;
}
WEAK struct pd_slice pd_name_key(enum pd_name id)
{
    (void)id;
    return PD_SLICE_NONE;
}
WEAK bool pd_status_is_bodiless(unsigned status)
{
    return status < 200;
}
WEAK void pd_date_put(int64_t wall_s, char dst[PD_DATE_LEN])
{
    (void)wall_s, (void)dst;
}
