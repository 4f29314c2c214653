"""Opening a listener, and what is said when that fails."""

from __future__ import annotations

from polydoor import codes
from polydoor.errors import BindError
from polydoor.settings.listener import Peer
from polydoor.worker.banner import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from polydoor.settings.listener import ListenerSpec

    T = TypeVar("T")

ADDRESS_IN_USE = "PD0201"  # in core/base/notice.h
WEB_SERVERS = "FCGI_WEB_SERVER_ADDRS"  # FastCGI 1.0, section 3.2: who may connect
LOCALHOST = ("127.0.0.1", "::1")
NOBODY = "0.0.0.0"  # noqa: S104 - no peer has this address


def listen_at(spec: ListenerSpec, listen: Callable[[ListenerSpec], T]) -> T:
    """What `listen` returns for a listener, or BindError, which says what is in the way."""
    if spec["kind"] == "fd" and spec["path"]:  # a name, and no service that would know it
        from polydoor.worker.systemd import no_such_socket

        raise no_such_socket(str(spec["path"]))
    try:
        return listen(spec)
    except (OSError, ValueError) as error:
        raise _bind_error(str(error), spec) from None


def _bind_error(text: str, spec: ListenerSpec) -> BindError:
    """What the core says, "PD0201: what happened", and behind a line feed what to do; and who is in the way."""
    code, _, block = text.partition(": ")
    if code == ADDRESS_IN_USE:
        from polydoor.worker.holder import explain_taken

        block = explain_taken(block, spec)
    return BindError(block, code=code) if code.startswith("PD") else BindError(text)


def web_servers(environ: Mapping[str, str]) -> list[str]:
    """The addresses of the web servers that may connect, as who started this process with a socket says.

    It is a list of addresses, and names are none. As that socket stays open in the other process, clients would wait
    for ever for one that did not start: so a word that cannot be read lets nobody in, and is told.
    """
    words = [word.strip() for word in environ.get(WEB_SERVERS, "").split(",") if word.strip()]
    allowed: list[str] = []
    for word in words:
        try:
            allowed += LOCALHOST if word.lower() == "localhost" else [Peer().parse(word)]
        except ValueError:
            text = f"{WEB_SERVERS}: {word!r} is no address, and lets nobody in"
            say(text, "Write numeric addresses with commas between them, such as 192.0.2.1.", code=codes.BAD_VALUE)
    return allowed or ([NOBODY] if words else [])
