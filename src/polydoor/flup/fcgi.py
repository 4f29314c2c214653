"""flup.server.fcgi: a FastCGI server with threads."""

from __future__ import annotations

import os

from polydoor.flup.base import UNLIMITED, BaseServer, address_url, thread_count, warn_of
from polydoor.worker.listening import web_servers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any
    from wsgiref.types import WSGIApplication

    from polydoor.flup.base import Address

__all__ = ["WSGIServer"]

RESPONDER = 1  # the only role that a WSGI application can have


class WSGIServer(BaseServer):
    """Serves over FastCGI: `WSGIServer(app, bindAddress="/run/shop.sock").run()`.

    `bindAddress` is the path of a Unix socket or (host, port); None takes the listening socket that spawn-fcgi or
    mod_fcgid has put on descriptor 0. `umask` gives the permissions of the path, 0660 without it. `allowedServers`,
    else the variable FCGI_WEB_SERVER_ADDRS, says who may connect. What is in `environ` is put into every request's.
    `maxThreads`, else `maxSpare`, is the number of threads.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the interface is flup's
        self,
        application: WSGIApplication,
        environ: Mapping[str, Any] | None = None,
        multithreaded: bool = True,
        multiprocess: bool = False,
        bindAddress: Address = None,  # noqa: N803
        umask: int | None = None,
        multiplexed: bool = False,  # noqa: ARG002 - it always is: the web server decides
        debug: bool = False,
        roles: Iterable[int] = (RESPONDER,),
        forceCGI: bool = False,  # noqa: N803
        *,
        allowedServers: Iterable[str] | None = None,  # noqa: N803
        minSpare: int = 1,  # noqa: N803
        maxSpare: int = 5,  # noqa: N803
        maxThreads: int = UNLIMITED,  # noqa: N803
    ) -> None:
        warn_of(
            multiprocess=(multiprocess, False),
            debug=(debug, False),
            roles=(tuple(roles), (RESPONDER,)),
            forceCGI=(forceCGI, False),
            minSpare=(minSpare, 1),
        )
        if allowedServers is None:
            allowedServers = web_servers(os.environ)  # noqa: N806
        address = address_url("fastcgi", bindAddress, umask, allowedServers)
        threads = thread_count(multithreaded=multithreaded, max_spare=maxSpare, max_threads=maxThreads)
        super().__init__(application, environ, address, threads)
