"""flup.server.scgi: an SCGI server with threads."""

from __future__ import annotations

from polydoor.flup.base import UNLIMITED, BaseServer, address_url, thread_count, warn_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any
    from wsgiref.types import WSGIApplication

    from polydoor.flup.base import Address

__all__ = ["WSGIServer"]

INFO = 20  # logging.INFO


class WSGIServer(BaseServer):
    """Serves over SCGI: `WSGIServer(app, bindAddress=("127.0.0.1", 4000)).run()`.

    `bindAddress` is (host, port) or the path of a Unix socket; None takes a listening socket on descriptor 0. `umask`
    gives the permissions of the path, 0660 without it. `allowedServers` says who may connect over the network. What is
    in `environ` is put into every request's. `scriptName` is where the application is mounted; without it the web
    server says so. `maxThreads`, else `maxSpare`, is the number of threads.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the interface is flup's
        self,
        application: WSGIApplication,
        scriptName: str = "",  # noqa: N803
        environ: Mapping[str, Any] | None = None,
        multithreaded: bool = True,
        multiprocess: bool = False,
        bindAddress: Address = ("localhost", 4000),  # noqa: N803
        umask: int | None = None,
        allowedServers: Iterable[str] | None = None,  # noqa: N803
        loggingLevel: int = INFO,  # noqa: N803
        debug: bool = False,
        *,
        minSpare: int = 1,  # noqa: N803
        maxSpare: int = 5,  # noqa: N803
        maxThreads: int = UNLIMITED,  # noqa: N803
    ) -> None:
        warn_of(
            multiprocess=(multiprocess, False),
            loggingLevel=(loggingLevel, INFO),
            debug=(debug, False),
            minSpare=(minSpare, 1),
        )
        address = address_url("scgi", bindAddress, umask, allowedServers or (), mount=scriptName)
        threads = thread_count(multithreaded=multithreaded, max_spare=maxSpare, max_threads=maxThreads)
        super().__init__(application, environ, address, threads)
