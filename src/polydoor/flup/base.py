"""What the two servers of flup's interface have in common: arguments become settings, run() blocks."""

from __future__ import annotations

import signal
import sys
import warnings

from polydoor.errors import BindError
from polydoor.worker.embedded import Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    Address = str | tuple[str, int] | None

UNLIMITED = sys.maxsize  # flup's way of saying so
GATEWAY_EXPOSED = "PD0207"  # in core/base/notice.h
MOST_THREADS = 512  # of the setting `threads`


class HangupServer(Server):
    """A server that SIGHUP ends, too, as it ends flup's."""

    watched = (*Server.watched, signal.SIGHUP)


class BaseServer:
    """One application behind one address."""

    def __init__(
        self, application: WSGIApplication, environ: Mapping[str, Any] | None, address: str, threads: int
    ) -> None:
        self.application = application
        self.environ = dict(environ or {})
        self._address = address
        self._threads = threads

    def run(self) -> bool:
        """Serve until SIGTERM, SIGINT or SIGHUP; True says that it was SIGHUP, which asks for a restart.

        What was accepted is finished first. In a thread that is not the main one, signals are left alone.
        """
        server = HangupServer(self._call if self.environ else self.application, self._address, self._threads)
        try:
            server.run()
        except BindError as error:
            if error.code == GATEWAY_EXPOSED:
                told = str(error).partition("\n")[0]
                told += "\nName the web server in allowedServers, or listen on 127.0.0.1 or a Unix socket."
                raise BindError(told, code=error.code) from None
            if not self._address.startswith("fd:"):
                raise
            raise BindError(
                f"{error}\nWithout bindAddress, descriptor 0 must be the listening socket, "
                "as spawn-fcgi and mod_fcgid pass it.",
                code=error.code,
            ) from None
        return server.stopped_by == signal.SIGHUP

    def _call(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ.update(self.environ)
        return self.application(environ, start_response)


def address_url(protocol: str, address: Address, umask: int | None, allowed: Iterable[str], mount: str = "") -> str:
    """Write flup's arguments as an address of the setting `bind`."""
    check_address(address, umask)
    options = [f"allow={network}" for network in allowed]
    if mount.strip("/"):
        options.append(f"mount={escape(mount)}")
    if address is None:
        url = "fd://0"
        options.append(f"protocol={protocol}")
    elif isinstance(address, str):
        url = f"{protocol}+unix:{address}"
        if umask is not None:
            options.append(f"mode={0o777 & ~umask:04o}")
    else:
        host, port = address
        url = f"{protocol}://[{host}]:{port}" if ":" in host else f"{protocol}://{host}:{port}"
    return url + "?" * bool(options) + "&".join(options)


def check_address(address: object, umask: object) -> None:
    """Raise TypeError for what nobody can listen on."""
    kinds = [type(part) for part in address] if isinstance(address, tuple | list) else []
    if address is not None and not isinstance(address, str) and kinds != [str, int]:
        raise TypeError(f"bindAddress must be a path, (host, port) or None, not {address!r}")
    if umask is not None and not isinstance(umask, int):
        raise TypeError(f"umask must be a number such as 0o007 or None, not {umask!r}")


def thread_count(*, multithreaded: bool, max_spare: int, max_threads: int) -> int:
    """As many threads as flup may have, else as many as it starts with."""
    if not multithreaded:
        return 1
    return max(1, min(max_spare if max_threads >= UNLIMITED else max_threads, MOST_THREADS))


def warn_of(**arguments: tuple[object, object]) -> None:
    """Name the arguments that ask for something that does not exist here: each with its value and flup's default."""
    names = [name for name, (value, default) in arguments.items() if value != default]
    if names:
        warnings.warn(f"polydoor.flup: without effect here: {', '.join(names)}", stacklevel=3)


def escape(path: str) -> str:
    """Escape all but letters, digits and slashes."""
    return "".join(_escaped(path.encode()))


def _escaped(data: bytes) -> Iterator[str]:
    for byte in data:
        letter = chr(byte)
        yield letter if letter.isascii() and (letter.isalnum() or letter in "/._-") else f"%{byte:02X}"
