/* client.c - what the client halves share (see client_out.h). */
#include "codec/bytes.h"
#include "codec/client_out.h"

struct pd_client_vars pd_client_vars(const struct pd_head *head, bool always)
{
    return (struct pd_client_vars){ .head = head, .length_done = head->content_length < 0 && !always };
}

bool pd_client_vars_next(struct pd_client_vars *v, struct pd_field *f)
{
    const struct pd_slice length = PD_SLICE("CONTENT_LENGTH");
    const struct pd_head *head = v->head;
    if (!v->length_done) {
        v->length_done = true;
        uint64_t n = head->content_length < 0 ? 0 : (uint64_t)head->content_length;
        *f = (struct pd_field){ length, pd_decimal(n, v->digits) };
        return true;
    }
    while (v->next < head->nfields) {
        *f = head->fields[v->next++];
        if (!pd_slice_eq(f->name, length) && !pd_slice_eq(f->name, PD_SLICE("SCGI")))
            return true;
    }
    return false;
}

static bool holds(struct pd_slice s, char c)
{
    return pd_slice_find(s, c) < s.n;
}

enum pd_reason pd_client_vars_check(const struct pd_head *head)
{
    for (size_t i = 0; i < head->nfields; i++) {
        struct pd_slice name = head->fields[i].name;
        if (!name.n || holds(name, '\0') || holds(name, '='))
            return PD_R_BAD_VARIABLE_NAME;
        if (holds(head->fields[i].value, '\0'))
            return PD_R_BAD_VARIABLE_VALUE;
    }
    return PD_R_NONE;
}

static enum pd_reason check_field(const struct pd_field *f)
{
    if (!f->name.n || pd_byte_run(f->name, PD_BYTE_TOKEN) != f->name.n)
        return PD_R_BAD_FIELD_NAME;
    if (pd_byte_run(f->value, PD_BYTE_VALUE) != f->value.n)
        return PD_R_BAD_FIELD_VALUE;
    if (pd_slice_eq_nocase(f->name, PD_SLICE("content-length")))
        return PD_R_DUPLICATE_CONTENT_LENGTH;
    return pd_slice_eq_nocase(f->name, PD_SLICE("transfer-encoding")) ? PD_R_BAD_TRANSFER_ENCODING : PD_R_NONE;
}

enum pd_reason pd_client_head_check(const struct pd_head *head, size_t nheaders)
{
    if (!head->method.n || pd_byte_run(head->method, PD_BYTE_TOKEN) != head->method.n)
        return PD_R_BAD_METHOD;
    if (!head->target.n || pd_byte_run(head->target, PD_BYTE_TARGET) != head->target.n)
        return PD_R_BAD_TARGET;
    enum pd_reason bad = PD_R_NONE;
    for (size_t i = 0; i < nheaders && !bad; i++)
        bad = check_field(&head->fields[i]);
    return bad;
}

struct pd_slice pd_client_var(const struct pd_head *head, struct pd_slice name)
{
    for (size_t i = 0; i < head->nfields; i++)
        if (pd_slice_eq(head->fields[i].name, name))
            return head->fields[i].value;
    return PD_SLICE("");
}
