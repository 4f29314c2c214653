"""Polydoor serves one WSGI application through every door: HTTP/1.1, FastCGI, SCGI, AJP13 and uwsgi.

`serve()`, `Server` and `RequestTimeout` are loaded when they are first used: `import polydoor` alone loads no
engine.
"""

from polydoor._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.errors import RequestTimeout as RequestTimeout
    from polydoor.worker.embedded import Server as Server
    from polydoor.worker.embedded import serve as serve

__all__ = ["RequestTimeout", "Server", "__version__", "serve"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'polydoor' has no attribute {name!r}")
    if name == "RequestTimeout":
        from polydoor import errors

        globals()[name] = found = getattr(errors, name)
        return found
    from polydoor.worker import embedded

    globals()[name] = found = getattr(embedded, name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
