"""Checks of what a URL becomes: mount, path, query and host."""

from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes

from polydoor.frontend.trial.finding import Finding, answered
from polydoor.frontend.trial.front import Arrival

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from polydoor.frontend.trial.front import Front

ALLOWED = "%/?:@!$&'()*+,;="  # in a target, beside letters, digits and -._~ (RFC 3986, section 3.3)
QUERY = "q=1&r=%20+x;y&s=%C3%A9&t=a/b?c"


def mount(front: Front) -> Iterator[Finding]:
    """The path arrives whole, and what the application is mounted at is its SCRIPT_NAME."""
    assert front.first is not None
    sent, uri = _spelled(front.path("echo/hello")), _spelled(front.first.get("REQUEST_URI"))
    script = front.first.get("SCRIPT_NAME")
    wanted = _decoded(front.target.base)
    if uri != sent and sent.endswith(uri):
        yield Finding("mount-cut", f"{front.target.base} is cut off: {sent} arrives as {uri}")
    elif uri != sent:
        yield Finding("path-changed", f"{sent} arrives as {uri}")
    elif script != wanted:
        there = f"SCRIPT_NAME is {script!r}" if script else "SCRIPT_NAME is empty"
        yield Finding(
            "mount-unset" if wanted else "mount-wrong", f"{there}, so links would not lead to {_place(front)}"
        )
    elif script + front.first.get("PATH_INFO") != _decoded(sent):
        yield Finding("path-changed", f"SCRIPT_NAME and PATH_INFO are not {sent}")


def double_slashes(front: Front) -> Iterator[Finding]:
    """Empty segments stay."""
    yield from _path(front, "a//b//", "slashes-merged")


def escaped_slash(front: Front) -> Iterator[Finding]:
    """An escaped slash is data and no separator."""
    yield from _path(front, "a%2Fb/c%2fd", "escaped-slash")


def non_ascii(front: Front) -> Iterator[Finding]:
    """UTF-8, a byte that is none, and an escaped space and plus sign."""
    yield from _path(front, "caf%C3%A9/%E2%82%AC/%E9/c%20d+e", "path-changed")


def query(front: Front) -> Iterator[Finding]:
    """The query arrives as it was sent."""
    found = front.echo(f"?{QUERY}")
    if not isinstance(found, Arrival):
        yield Finding("query-changed", answered(found))
    elif found.get("QUERY_STRING") != QUERY:
        yield Finding("query-changed", f"{QUERY} arrives as {found.get('QUERY_STRING') or 'nothing'}")


def host(front: Front) -> Iterator[Finding]:
    """The name by which the visitor called: links and cookies are made of it."""
    assert front.first is not None
    found = front.first.get("HTTP_HOST")
    if found.lower() != front.target.host.lower():
        yield Finding("host", f"Host {front.target.host} arrives as {found or 'nothing'}")


def _path(front: Front, rest: str, fault: str) -> Iterator[Finding]:
    sent = front.path(f"echo/{rest}")
    found = front.echo(rest)
    if not isinstance(found, Arrival):
        yield Finding(fault, f"{rest}: {answered(found)}")
        return
    uri = found.get("REQUEST_URI")
    if not _spelled(sent).endswith(_spelled(uri)):
        yield Finding(fault, f"{rest} arrives as {uri.partition('/echo/')[2] or uri}")
    elif not found.get("PATH_INFO").endswith(_decoded(f"/echo/{rest}")):
        path = found.get("PATH_INFO").partition("/echo/")[2]
        yield Finding(fault, f"{rest} arrives right, and yet PATH_INFO ends in {path!r}")


def _spelled(target: str) -> str:
    """A target with escapes for what should not stand in one, as Caddy passes on /x^y: this is no other path."""
    return quote(target, ALLOWED)


def _decoded(target: str) -> str:
    """A path as PEP 3333 has it: decoded once, each byte one character."""
    return unquote_to_bytes(target).decode("latin-1")


def _place(front: Front) -> str:
    return front.target.base or "/"
