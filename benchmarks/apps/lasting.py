"""The application behind the CGI stub: the page of hello.py, and /wait, which never answers, for hosted.py."""

from __future__ import annotations

import threading

from hello import application as hello

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer every request alike but one."""
    if environ["PATH_INFO"] == "/wait":
        threading.Event().wait()
    return hello(environ, start_response)
