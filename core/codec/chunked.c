/* chunked.c - the chunked transfer coding (see chunked.h). */
#include "codec/chunked.h"

#include <assert.h>

#include "codec/bytes.h"

enum chunk_state {
    CHUNK_SIZE,          /* before or in the digits of a size */
    CHUNK_EXT_NAME,      /* behind ';': the first byte of an extension's name */
    CHUNK_EXT_NAME_REST, /* in that name */
    CHUNK_EXT_VALUE,     /* behind '=': the first byte of its value */
    CHUNK_EXT_TOKEN,     /* in a value that is a token */
    CHUNK_EXT_QUOTED,    /* in a value that is a quoted string */
    CHUNK_EXT_ESCAPE,    /* behind a backslash in it */
    CHUNK_EXT_END,       /* behind a closing quote */
    CHUNK_SIZE_LF,       /* behind the CR of a size line */
    CHUNK_DATA,          /* in the data */
    CHUNK_DATA_CR,       /* behind the data */
    CHUNK_DATA_LF,       /* behind the CR that follows it */
    CHUNK_TRAILER,       /* at the start of a trailer line or of the last line */
    CHUNK_TRAILER_NAME,  /* in a trailer's name */
    CHUNK_TRAILER_VALUE, /* in its value */
    CHUNK_TRAILER_LF,    /* behind the CR of a trailer */
    CHUNK_LAST_LF,       /* behind the CR of the last line */
    CHUNK_END,           /* the body is complete */
};

enum { CHUNK_DIGITS_MAX = 16 };

/* Fields that change framing, routing or meaning and so may not come late: RFC 9110 section 6.5.1. */
static const struct pd_slice forbidden_trailers[] = {
    { "content-length", 14 },
    { "transfer-encoding", 17 },
    { "host", 4 },
    { "trailer", 7 },
    { "te", 2 },
    { "connection", 10 },
    { "upgrade", 7 },
    { "expect", 6 },
    { "content-type", 12 },
    { "content-encoding", 16 },
    { "content-range", 13 },
    { "authorization", 13 },
    { "cookie", 6 },
    { "cache-control", 13 },
    { "range", 5 },
    { "max-forwards", 12 },
    { "proxy-connection", 16 },
    { "keep-alive", 10 },
};
enum { FORBIDDEN_COUNT = sizeof forbidden_trailers / sizeof forbidden_trailers[0], FORBIDDEN_LONGEST = 17 };

void pd_chunked_init(struct pd_chunked *c, const struct pd_limits *limits)
{
    *c = (struct pd_chunked){
        .room = limits->body,
        .overhead = limits->chunk_overhead > UINT32_MAX ? UINT32_MAX : (uint32_t)limits->chunk_overhead,
    };
}

/* Narrows the set of forbidden names that begin like the name read so far. */
static void trailer_name_byte(struct pd_chunked *c, char byte)
{
    char lower = pd_ascii_lower(byte);
    if (c->position == 0)
        c->forbidden = (1u << FORBIDDEN_COUNT) - 1;
    for (unsigned i = 0; i < FORBIDDEN_COUNT; i++) {
        struct pd_slice name = forbidden_trailers[i];
        if (c->position >= name.n || name.p[c->position] != lower)
            c->forbidden &= ~(1u << i);
    }
    if (c->position <= FORBIDDEN_LONGEST)
        c->position++;
}

static bool trailer_is_forbidden(const struct pd_chunked *c)
{
    for (unsigned i = 0; i < FORBIDDEN_COUNT; i++)
        if (c->forbidden >> i & 1 && forbidden_trailers[i].n == c->position)
            return true;
    return false;
}

static enum pd_reason step_to(struct pd_chunked *c, enum chunk_state state)
{
    c->state = (uint8_t)state;
    return PD_R_NONE;
}

/* A byte that can only be right as the CR of a line end. */
static enum pd_reason line_end(struct pd_chunked *c, char byte, enum chunk_state then, enum pd_reason otherwise)
{
    if (byte == '\r')
        return step_to(c, then);
    return byte == '\n' ? PD_R_BARE_LF : otherwise;
}

static enum pd_reason size_byte(struct pd_chunked *c, char byte)
{
    if (pd_byte_is(byte, PD_BYTE_HEX)) {
        if (c->position == CHUNK_DIGITS_MAX)
            return PD_R_BAD_CHUNK_SIZE;
        c->position++;
        c->left = c->left << 4 | pd_byte_hex(byte);
        return PD_R_NONE;
    }
    if (c->position == 0)
        return byte == '\n' ? PD_R_BARE_LF : PD_R_BAD_CHUNK_SIZE;
    if (c->left > c->room)
        return PD_R_BODY_TOO_LARGE;
    if (byte == ';')
        return step_to(c, CHUNK_EXT_NAME);
    return line_end(c, byte, CHUNK_SIZE_LF, PD_R_BAD_CHUNK_SIZE);
}

/* chunk-ext = *( ";" token [ "=" ( token / quoted-string ) ] ) */
static enum pd_reason extension_byte(struct pd_chunked *c, char byte)
{
    bool token = pd_byte_is(byte, PD_BYTE_TOKEN);
    switch ((enum chunk_state)c->state) {
    case CHUNK_EXT_NAME:
        return token ? step_to(c, CHUNK_EXT_NAME_REST) : PD_R_BAD_CHUNK_EXTENSION;
    case CHUNK_EXT_VALUE:
        if (byte == '"')
            return step_to(c, CHUNK_EXT_QUOTED);
        return token ? step_to(c, CHUNK_EXT_TOKEN) : PD_R_BAD_CHUNK_EXTENSION;
    case CHUNK_EXT_QUOTED:
        if (byte == '"')
            return step_to(c, CHUNK_EXT_END);
        if (byte == '\\')
            return step_to(c, CHUNK_EXT_ESCAPE);
        return pd_byte_is(byte, PD_BYTE_QUOTED) ? PD_R_NONE : PD_R_BAD_CHUNK_EXTENSION;
    case CHUNK_EXT_ESCAPE:
        return pd_byte_is(byte, PD_BYTE_VALUE) ? step_to(c, CHUNK_EXT_QUOTED) : PD_R_BAD_CHUNK_EXTENSION;
    default: /* in a name, in a token or behind a closing quote */
        if (token && c->state != CHUNK_EXT_END)
            return PD_R_NONE;
        if (byte == '=' && c->state == CHUNK_EXT_NAME_REST)
            return step_to(c, CHUNK_EXT_VALUE);
        if (byte == ';')
            return step_to(c, CHUNK_EXT_NAME);
        return line_end(c, byte, CHUNK_SIZE_LF, PD_R_BAD_CHUNK_EXTENSION);
    }
}

static enum pd_reason size_line_complete(struct pd_chunked *c)
{
    c->position = 0;
    if (c->left == 0)
        return step_to(c, CHUNK_TRAILER);
    c->room -= c->left;
    return step_to(c, CHUNK_DATA);
}

static enum pd_reason trailer_byte(struct pd_chunked *c, char byte)
{
    if (c->state == CHUNK_TRAILER_VALUE)
        return pd_byte_is(byte, PD_BYTE_VALUE) ? PD_R_NONE : line_end(c, byte, CHUNK_TRAILER_LF, PD_R_BAD_TRAILER);
    if (pd_byte_is(byte, PD_BYTE_TOKEN)) {
        trailer_name_byte(c, byte);
        return step_to(c, CHUNK_TRAILER_NAME);
    }
    if (c->state == CHUNK_TRAILER)
        return line_end(c, byte, CHUNK_LAST_LF, PD_R_BAD_TRAILER);
    if (byte != ':')
        return byte == '\n' ? PD_R_BARE_LF : PD_R_BAD_TRAILER;
    return trailer_is_forbidden(c) ? PD_R_BAD_TRAILER : step_to(c, CHUNK_TRAILER_VALUE);
}

/* One byte outside the data. */
static enum pd_reason framing_byte(struct pd_chunked *c, char byte)
{
    switch ((enum chunk_state)c->state) {
    case CHUNK_SIZE:
        return size_byte(c, byte);
    case CHUNK_EXT_NAME:
    case CHUNK_EXT_NAME_REST:
    case CHUNK_EXT_VALUE:
    case CHUNK_EXT_TOKEN:
    case CHUNK_EXT_QUOTED:
    case CHUNK_EXT_ESCAPE:
    case CHUNK_EXT_END:
        return c->overhead-- ? extension_byte(c, byte) : PD_R_CHUNK_OVERHEAD;
    case CHUNK_TRAILER:
    case CHUNK_TRAILER_NAME:
    case CHUNK_TRAILER_VALUE:
        return c->overhead-- ? trailer_byte(c, byte) : PD_R_CHUNK_OVERHEAD;
    case CHUNK_DATA_CR:
        return byte == '\r' ? step_to(c, CHUNK_DATA_LF) : PD_R_BAD_CHUNK_END;
    case CHUNK_DATA_LF:
        return byte == '\n' ? step_to(c, CHUNK_SIZE) : PD_R_BAD_CHUNK_END;
    case CHUNK_SIZE_LF:
        return byte == '\n' ? size_line_complete(c) : PD_R_BARE_CR;
    case CHUNK_TRAILER_LF:
        c->position = 0;
        return byte == '\n' ? step_to(c, CHUNK_TRAILER) : PD_R_BARE_CR;
    case CHUNK_LAST_LF:
        return byte == '\n' ? step_to(c, CHUNK_END) : PD_R_BARE_CR;
    case CHUNK_DATA: /* not framing: pd_chunked_next comes here with neither */
    case CHUNK_END:
        break;
    }
    return PD_R_BAD_CHUNK_SIZE;
}

static enum pd_chunked_result take_data(struct pd_chunked *c, struct pd_slice rest, size_t *used, struct pd_slice *data)
{
    size_t n = c->left < rest.n ? (size_t)c->left : rest.n;
    *data = pd_slice(rest.p, n);
    *used += n;
    c->left -= n;
    if (c->left == 0)
        c->state = CHUNK_DATA_CR;
    return PD_CHUNKED_DATA;
}

enum pd_chunked_result pd_chunked_next(struct pd_chunked *c, struct pd_slice in, size_t *used, struct pd_slice *data)
{
    assert(c->state != CHUNK_END && c->reason == PD_R_NONE);
    *used = 0;
    while (*used < in.n) {
        if (c->state == CHUNK_DATA)
            return take_data(c, pd_slice_from(in, *used), used, data);
        c->reason = (uint8_t)framing_byte(c, in.p[*used]);
        if (c->reason != PD_R_NONE)
            return PD_CHUNKED_BAD;
        ++*used;
        if (c->state == CHUNK_END)
            return PD_CHUNKED_END;
    }
    return PD_CHUNKED_MORE;
}

size_t pd_chunked_put_size(char *dst, size_t n)
{
    char digits[2 * sizeof n];
    size_t first = sizeof digits;
    do {
        digits[--first] = "0123456789abcdef"[n & 15];
        n >>= 4;
    } while (n);
    size_t count = sizeof digits - first;
    memcpy(dst, digits + first, count);
    memcpy(dst + count, "\r\n", 2);
    return count + 2;
}
