"""What a front end cannot do or does in its own way, with the row of protocols.md, or of its manual, that says so.

A test looks up what to expect instead; what it finds must be just that, so that a row which is no longer true fails.
"""

# (front end or pair, test or name of a request): what is seen instead, and where that is written.
APACHE_411 = "protocols.md 9.4: mod_proxy_scgi and mod_proxy_uwsgi refuse uploads of unknown length"
CADDY_FASTCGI = "protocols.md 9.4: a body is buffered up to 4 KiB to learn its length"
CADDY_TYPE = "caddyserver/caddy modules/caddyhttp/reverseproxy/fastcgi/client.go, Post: a Content-Type is made up"
UNDERSCORES = "protocols.md 1.3: before 1.4.83 X_Foo is a second HTTP_X_FOO"
# How a client sees a response without a length that breaks off, where it does not always see it: "whole" if it looks
# complete, "either" if it depends on whether the end overtakes the bytes before it.
ANY_END = "protocols.md 9.6: lighttpd takes a plain end, and a reset, for the end"
NO_RESET = "protocols.md 9.6: a plain end is shown as a complete response; a Unix socket has no other"
UWSGI = "seen with 2.4.71: mod_proxy_uwsgi takes a reset for the end if it has read no byte since the last one"
JK = "seen with 1.2.48: mod_jk puts Apache's page for 502 or 504 behind the part, as if it were the rest"
FCGID = "seen with 2.3.9: mod_fcgid puts Apache's page for 500 behind the part, as if it were the rest"
PAGE_BEHIND = ("mod_jk+ajp", "mod_fcgid+fastcgi")
CGI_END = "protocols.md 6: the end of a CGI program's output is the end of the response"
CGI_KILLED = "protocols.md 6: when a client leaves, the web server ends the process, which is not told why"
LIGHTTPD_AJP = "protocols.md 4.8: the path is decoded, and of two slashes one is left, before it is sent"
LOCAL_REDIRECT = (
    "RFC 3875 6.2.2, and the manual of Apache: with a 200, a Location on this host is a request within Apache"
)
BREAKS: dict[tuple[str, str], tuple[str, str]] = {
    **{
        (f"lighttpd+{protocol}", "tcp"): ("either", ANY_END) for protocol in ("http", "fastcgi", "scgi", "uwsgi", "ajp")
    },
    **{(f"lighttpd+{protocol}", "unix"): ("either", ANY_END) for protocol in ("http", "fastcgi")},
    **{(f"lighttpd+{protocol}", "unix"): ("whole", ANY_END) for protocol in ("scgi", "uwsgi")},
    ("lighttpd+ajp", "unix"): (
        "either",
        "protocols.md 4.6: lighttpd takes the end of a connection for the end of a response",
    ),
    **{
        (f"{nginx}+{protocol}", "unix"): ("whole", NO_RESET)
        for nginx in ("nginx", "newest-nginx")
        for protocol in ("scgi", "uwsgi")
    },
    ("mod_jk+ajp", "tcp"): ("whole", JK),
    ("mod_fcgid+fastcgi", "tcp"): ("whole", FCGID),
    ("mod_cgi+cgi", "tcp"): ("whole", CGI_END),
    ("lighttpd_cgi+cgi", "tcp"): ("whole", CGI_END),
    ("apache+uwsgi", "tcp"): ("either", UWSGI),
    ("apache+uwsgi", "unix"): ("whole", NO_RESET),
    ("apache+scgi", "unix"): ("whole", NO_RESET),
    ("caddy+fastcgi", "unix"): ("whole", NO_RESET),
}
# The same for a response with a length.
ANOTHER_LENGTH = "protocols.md 9.6: Apache works out the length of a short response anew if the end comes with it"
SHORT: dict[tuple[str, str], tuple[str, str]] = {
    ("apache+scgi", "unix"): ("either", ANOTHER_LENGTH),
    ("mod_cgi+cgi", "tcp"): ("either", ANOTHER_LENGTH),
}
# Pairs that refuse a body of unknown length, with their answers, and the size up to which they take one all the same.
CHUNKED: dict[str, tuple[tuple[int, ...], int, str]] = {
    "apache+scgi": ((411,), -1, APACHE_411),
    "apache+uwsgi": ((411,), -1, APACHE_411),
    "mod_fcgid+fastcgi": ((500,), 6_000_000, "the manual of mod_fcgid, FcgidMaxRequestLen: a larger one is a 500"),
    "mod_cgi+cgi": ((411,), -1, "protocols.md 6: a body without CONTENT_LENGTH has no end that could be seen"),
    "caddy+fastcgi": ((411,), 4096, CADDY_FASTCGI),
    # 413 comes from Polydoor if it is quicker.
    "haproxy+fastcgi": ((400, 413), 65536, "protocols.md 9.4: only known sizes are valid"),
}
DIFFERENT: dict[tuple[str, str], tuple[object, str]] = {
    ("caddy+fastcgi", "slash-at-the-end"): ({"CONTENT_TYPE": "application/x-www-form-urlencoded"}, CADDY_TYPE),
    **{
        (name, "empty-value"): ({"HTTP_X_EMPTY": None}, "protocols.md 1.3: empty headers are not sent")
        for name in ("lighttpd", "lighttpd_cgi")
    },
    ("lighttpd_cgi", "escapes"): (404, "seen with 1.4.69: the path to a program with bytes that are no UTF-8 is a 404"),
    ("mod_cgi", "location-200"): (500, LOCAL_REDIRECT),
    ("mod_fcgid", "location-200"): (500, LOCAL_REDIRECT),
    ("lighttpd+fastcgi", "spoofed"): ("evil, good", UNDERSCORES),
    ("lighttpd+scgi", "spoofed"): ("evil, good", UNDERSCORES),
    ("lighttpd+uwsgi", "spoofed"): ("evil, good", UNDERSCORES),
    ("lighttpd+ajp", "path"): (
        {
            "REQUEST_URI": "/m/echo/a%2Fb/c%20d;x=1/e/%C3%A9?q=1&r=%20+x",
            "PATH_INFO": "/echo/a/b/c d;x=1/e/\u00c3\u00a9",
        },
        LIGHTTPD_AJP,
    ),
    ("lighttpd+ajp", "slash-at-the-end"): ({"REQUEST_URI": "/m/echo/", "PATH_INFO": "/echo/"}, LIGHTTPD_AJP),
    ("lighttpd+ajp", "two-slashes"): ("/echo/a/b/c", LIGHTTPD_AJP),
    ("lighttpd+ajp", "empty-query"): (
        {"REQUEST_URI": "/m/echo"},
        "lighttpd/lighttpd1.4 src/mod_ajp13.c, ajp13_enc_attributes: an empty query is not sent",
    ),
    ("lighttpd+ajp", "large-head"): (
        400,
        "lighttpd/lighttpd1.4 src/mod_ajp13.c, AJP13_MAX_PACKET_SIZE: a request head has 8 KiB at most",
    ),
    ("haproxy", "files"): (404, "its manual: it serves no files"),
}

# What `polydoor frontend test` says that a front end cannot do.
NO_LENGTH = "chunked upload"
SPOOFED = "spoofed headers"
NO_BREAK = "truncation without one"
CANNOT: dict[str, tuple[tuple[str, ...], str]] = {
    "apache+scgi": ((NO_LENGTH,), APACHE_411),
    "apache+uwsgi": ((NO_LENGTH,), APACHE_411),
    "mod_jk+ajp": ((NO_BREAK,), JK),
    "mod_fcgid+fastcgi": ((NO_BREAK,), FCGID),
    "mod_cgi+cgi": ((NO_LENGTH, NO_BREAK), CGI_END),
    "lighttpd_cgi+cgi": (("non-ASCII in a path", SPOOFED, NO_BREAK), CGI_END),
    "caddy+fastcgi": ((NO_LENGTH,), CADDY_FASTCGI),
    "haproxy+fastcgi": ((NO_LENGTH,), "protocols.md 9.4: only known sizes are valid"),
    "lighttpd+ajp": (("double slashes",), LIGHTTPD_AJP),
    "lighttpd+fastcgi": ((SPOOFED,), UNDERSCORES),
    "lighttpd+scgi": ((SPOOFED,), UNDERSCORES),
    "lighttpd+uwsgi": ((SPOOFED,), UNDERSCORES),
}


def different(pair: str, what: str) -> object:
    """What to expect of this pair instead of the usual; None for the usual."""
    front_end = pair.partition("+")[0]
    found = DIFFERENT.get((pair, what)) or DIFFERENT.get((front_end, what))
    return found[0] if found else None


def a_break(pair: str, over: str, *, length: bool) -> str:
    """How a client sees it over `tcp` or `unix`: "seen", "either" or "whole"."""
    rows = SHORT if length else BREAKS
    return rows.get((pair, over), ("seen", ""))[0]


def refuses_unknown_length(pair: str, size: int) -> tuple[int, ...]:
    """The answers of a pair that cannot take a chunked body of this size; none for the others."""
    answers, taken, _ = CHUNKED.get(pair, ((), 0, ""))
    return answers if size > taken else ()


# With more than three rows of its own a pair does not count as one that works like the others.
UNCOUNTED = ("lighttpd+ajp",)


def rows_of(pair: str) -> int:
    """In how many ways a pair differs from what is usual."""
    names = (pair, pair.partition("+")[0])
    tables = (*DIFFERENT, *((name, "chunked") for name in CHUNKED))
    return sum(name in names for name, _ in tables) + ((pair, "tcp") in BREAKS)
