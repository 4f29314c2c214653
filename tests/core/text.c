/* text.c - a growing text for traces (see text.h). */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void text_room(struct text *t, size_t n)
{
    if (t->cap - t->n >= n)
        return;
    size_t cap = t->cap ? t->cap : 1024;
    while (cap - t->n < n)
        cap *= 2;
    char *p = realloc(t->p, cap);
    if (!p) {
        fputs("text: out of memory\n", stderr);
        exit(2);
    }
    t->p = p;
    t->cap = cap;
}

void text_fini(struct text *t)
{
    free(t->p);
    *t = (struct text){ 0 };
}

void text_put(struct text *t, struct pd_slice s)
{
    text_room(t, s.n);
    if (s.n)
        memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
}

void text_print_lines(char mark, struct pd_slice text)
{
    while (text.n) {
        size_t n = pd_slice_find(text, '\n');
        printf("%c ", mark);
        fwrite(text.p, 1, n, stdout);
        putchar('\n');
        text = pd_slice_from(text, n < text.n ? n + 1 : n);
    }
}

void text_printf(struct text *t, const char *fmt, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof line) {
        fputs("text: line too long\n", stderr);
        exit(2);
    }
    text_put(t, pd_slice(line, (size_t)n));
}

static struct pd_slice escape_of(unsigned char c, char buf[4])
{
    static const char hex[] = "0123456789abcdef";
    switch (c) {
    case '\r':
        return PD_SLICE("\\r");
    case '\n':
        return PD_SLICE("\\n");
    case '\t':
        return PD_SLICE("\\t");
    case '\0':
        return PD_SLICE("\\0");
    case '\\':
        return PD_SLICE("\\\\");
    default:
        buf[0] = '\\';
        buf[1] = 'x';
        buf[2] = hex[c >> 4];
        buf[3] = hex[c & 15];
        return pd_slice(buf, 4);
    }
}

void text_escape(struct text *t, struct pd_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char buf[4];
        bool plain = c >= 0x20 && c < 0x7f && c != '\\';
        text_put(t, plain ? pd_slice(s.p + i, 1) : escape_of(c, buf));
    }
}
