"""Large bodies both ways: what was uploaded is hashed, and the files of the folder VOLUME are sent in two ways."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

import stream_apps
from routing import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from routing import Environ, StartResponse

BLOCK = 50_000


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """/digest, /file/NAME and /generator/NAME."""
    _, way, name = f"{environ['PATH_INFO']}/".split("/")[:3]
    if way == "digest":
        return stream_apps.digest(environ, start_response)
    start_response("200 OK", TEXT)
    file = open(Path(os.environ["VOLUME"], name), "rb")  # noqa: SIM115 - the server, or the generator, closes it
    if way == "file":
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
        return wrapped
    return _blocks(file)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK):
            yield block
