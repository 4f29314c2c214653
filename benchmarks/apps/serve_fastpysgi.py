"""Starts FastPySGI as its command line does not: MODULE HOST PORT PROCESSES [close].

With `close` the close() of each response is called before it is sent. FastPySGI itself never calls it, though PEP 3333
wants it; in Django that is where the signal request_finished is sent.
"""

import importlib
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def closing(application: "Callable[..., Any]") -> "Callable[..., list[bytes]]":
    """The same application, whose responses are closed."""

    def call(environ: "dict[str, Any]", start_response: "Callable[..., Any]") -> list[bytes]:
        response = application(environ, start_response)
        try:
            return list(response)
        finally:
            if hasattr(response, "close"):
                response.close()

    return call


if __name__ == "__main__":
    module, host, port, processes, *more = sys.argv[1:]
    application = importlib.import_module(module).application
    if more:
        application = closing(application)
    importlib.import_module("fastpysgi").run(application, host, int(port), workers=int(processes))
