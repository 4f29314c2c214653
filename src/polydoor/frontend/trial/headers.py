"""Checks of header fields: who asked and how, and what a client may not pretend."""

from __future__ import annotations

import ipaddress

from polydoor.frontend.trial.finding import Finding, answered
from polydoor.frontend.trial.front import Arrival
from polydoor.frontend.trial.http import NoAnswerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from polydoor.frontend.trial.front import Front

STRANGER = "192.0.2.66"  # reserved for documentation (RFC 5737), so it is nobody's
STRANGE_PORT = "666"
LARGE = 6000
BASIC = "Basic YWRtaW46eA=="  # admin, with a password that nobody checks


def address(front: Front) -> Iterator[Finding]:
    """The application sees the client, and not the front end."""
    assert front.first is not None
    found, own = front.first.get("REMOTE_ADDR"), front.own_address.removeprefix("::ffff:")
    if found != own and not (_is_public(found) and not _is_public(own)):  # else our network translates addresses
        yield Finding("address", f"REMOTE_ADDR is {found or 'absent'}, and the client is {own}")


def scheme(front: Front) -> Iterator[Finding]:
    """The application knows whether the client uses TLS."""
    assert front.first is not None
    found = front.first.get("wsgi.url_scheme")
    if found != front.target.scheme:
        yield Finding("scheme", f"wsgi.url_scheme is {found}, and the client uses {front.target.scheme}")


def cookies(front: Front) -> Iterator[Finding]:
    """Cookies in several lines, as HTTP/2 has them, are joined as cookies are."""
    yield from _field(front, [("Cookie", "a=1"), ("Cookie", "b=2")], "HTTP_COOKIE", "a=1; b=2", "cookies")


def repeated(front: Front) -> Iterator[Finding]:
    """Repeated fields are joined in their order."""
    yield from _field(front, [("X-Two", "1"), ("X-Two", "2")], "HTTP_X_TWO", "1, 2", "repeated")


def authorization(front: Front) -> Iterator[Finding]:
    """The application gets to check a password or a token of its own."""
    yield from _field(front, [("Authorization", "Bearer abc")], "HTTP_AUTHORIZATION", "Bearer abc", "authorization")


def large_fields(front: Front) -> Iterator[Finding]:
    """A request with large cookies arrives."""
    value = "a=" + "x" * LARGE
    found = front.echo("", [("Cookie", value)])
    if not isinstance(found, Arrival):
        yield Finding("large-request", f"a request with a cookie of {LARGE} bytes: {answered(found)}")
    elif found.get("HTTP_COOKIE") != value:
        yield Finding("large-request", f"of a cookie of {LARGE} bytes {len(found.get('HTTP_COOKIE'))} arrive")


def spoofed(front: Front) -> Iterator[Finding]:
    """What a client sends does not pass for what the front end says."""
    other = "http" if front.target.scheme == "https" else "https"
    found = front.echo(
        "",
        [
            ("X-Foo", "dash"),
            ("X_Foo", "underscore"),
            ("Proxy", "http://evil.example/"),
            ("Content_Length", "5"),
            ("X-Forwarded-For", STRANGER),
            ("X-Forwarded-Proto", other),
            ("X-Forwarded-Port", STRANGE_PORT),
            ("X-Real-IP", STRANGER),
            ("Forwarded", f"for={STRANGER};proto={other}"),
            ("Remote-User", "admin"),
            ("Remote_User", "admin"),
        ],
    )
    if not isinstance(found, Arrival):
        if not 400 <= found.status < 500:  # to refuse such a request is as good
            yield Finding("lost", answered(found))
        return
    if found.get("HTTP_X_FOO") != "dash":
        yield Finding("underscore", f"X_Foo beside X-Foo makes HTTP_X_FOO {found.get('HTTP_X_FOO') or 'vanish'}")
    if found.get("HTTP_PROXY"):
        yield Finding("proxy-header", "the header Proxy arrives as HTTP_PROXY, which programs take for a setting")
    if found.get("CONTENT_LENGTH") not in {"", "0"} or found.get("HTTP_CONTENT_LENGTH"):
        yield Finding("underscore", "the header Content_Length passes for the length of the body")
    if found.get("REMOTE_ADDR") == STRANGER:
        yield Finding("forged-address", "a client's own X-Forwarded-For or Forwarded is believed")
    if found.get("wsgi.url_scheme") == other:
        yield Finding("forged-scheme", "a client's own X-Forwarded-Proto or Forwarded is believed")
    if found.get("SERVER_PORT") == STRANGE_PORT:
        yield Finding("forged-port", "a client's own X-Forwarded-Port is believed")
    yield from _forged_user(front, found)


def _forged_user(front: Front, found: Arrival) -> Iterator[Finding]:
    """Names that nobody has checked: in a header, or beside a password that does not count."""
    basic = front.echo("", [("Authorization", BASIC)])
    users = [one.get("REMOTE_USER") for one in (found, basic) if isinstance(one, Arrival)]
    if "admin" in users:
        yield Finding("forged-user", "REMOTE_USER is admin, which nobody has checked")


def two_lengths(front: Front) -> Iterator[Finding]:
    """A request whose length can be read in two ways is refused (RFC 9112, section 6.3)."""
    with front.connect() as connection:
        connection.send_head(
            "POST", front.path("echo"), [("Content-Length", "5"), ("Content-Length", "6"), ("Connection", "close")]
        )
        connection.send(b"hello!")
        try:
            found = front.arrival(connection.response("POST"))
        except (NoAnswerError, OSError):
            return  # closed, which is as good
    if isinstance(found, Arrival):
        yield Finding("two-lengths", "a request with two lengths that differ is passed on")


def _field(front: Front, fields: list[tuple[str, str]], key: str, wanted: str, fault: str) -> Iterator[Finding]:
    found = front.echo("", fields)
    if not isinstance(found, Arrival):
        yield Finding(fault, answered(found))
    elif found.get(key) != wanted:
        sent = " and ".join(f"{name}: {value}" for name, value in fields)
        yield Finding(fault, f"{sent} arrive as {found.get(key)!r}" if found.get(key) else f"{sent} does not arrive")


def _is_public(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False
