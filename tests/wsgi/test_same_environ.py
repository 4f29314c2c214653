"""The same request gives the same environ through each door (DESIGN section 4)."""

from __future__ import annotations

import pytest

from support.fixtures import EVERY_DOOR

MAY_DIFFER = ("SERVER_PROTOCOL", "GATEWAY_INTERFACE", "REMOTE_PORT")
SERVERS_OWN = ("wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once")  # as CGI they are others

REQUESTS = {
    "plain": ("GET", "/echo", [], b""),
    "query": ("GET", "/echo?a=b%20c&d=%26", [], b""),
    "path": ("GET", "/echo/a%2Fb//c%20d;x=1/%C3%A9", [], b""),
    "head": ("DELETE", "/echo/", [("X-A", "1"), ("X-Empty", "")], b""),
    "browser": (
        "GET",
        "/echo/page?x",
        [
            ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)"),
            ("Accept", "text/html,*/*;q=0.8"),
            ("Accept-Language", "de,en;q=0.5"),
            ("Accept-Encoding", "gzip, deflate, br"),
            ("Referer", "http://127.0.0.1/other"),
            ("Cookie", "a=1; b=2"),
            ("Cache-Control", "max-age=0"),
            ("Authorization", "Basic dTpw"),
        ],
        b"",
    ),
    "form": ("POST", "/echo", [("Content-Type", "application/x-www-form-urlencoded")], b"a=b&c=d"),
    "empty-post": ("POST", "/echo", [], b""),
    "repeated": ("GET", "/echo", [("X-A", "1"), ("X-A", "2"), ("Cookie", "a=1"), ("Cookie", "b=2")], b""),
    "high-bytes": ("GET", "/echo/%ff", [("X-High", "\u00e9\u00ff")], b""),
    "dropped": ("GET", "/echo", [("Proxy", "http://evil/")], b""),
}


def comparable(document):
    environ = {
        name: value
        for name, value in document["environ"].items()
        if name not in MAY_DIFFER and not name.startswith("polydoor.")
    }
    left_out = (*SERVERS_OWN, "wsgi.input", "wsgi.errors", "wsgi.file_wrapper", "wsgi.early_hints")
    return {name: value for name, value in environ.items() if name not in left_out}


@pytest.mark.parametrize("name", sorted(REQUESTS))
@pytest.mark.parametrize("mode", ["", "-stream"], ids=["buffered", "stream"])
def test_the_same_request_gives_the_same_environ(doors, name, mode):
    request = REQUESTS[name]
    seen = {kind: comparable(doors[kind + mode].request(*request).json()) for kind in EVERY_DOOR}
    if mode:
        # The stream listeners have addresses of their own; the client has asked for the first one.
        seen["http"] |= {key: seen["scgi"][key] for key in ("SERVER_PORT",)}
    for kind in EVERY_DOOR[1:]:
        assert seen[kind] == seen["http"], kind


@pytest.mark.parametrize("name", ["plain", "form"])
def test_the_types_are_the_same_too(doors, name):
    seen = {kind: doors[kind].request(*REQUESTS[name]).json()["types"] for kind in EVERY_DOOR}
    for kind in EVERY_DOOR[1:]:
        both = set(seen[kind]) & set(seen["http"])
        assert {key: seen[kind][key] for key in both} == {key: seen["http"][key] for key in both}
