"""Which files of its own the application has loaded, for a supervisor that watches them. Loaded only with --reload."""

from __future__ import annotations

import os
import sys

from polydoor.worker.channel import FILES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from polydoor.worker.channel import Channel

ONCE_MAX = 16_384  # bytes of one message; what is left follows a second later
INSTALLED = ("site-packages", "dist-packages")
OWN = os.path.dirname(os.path.dirname(__file__))
STANDARD = os.path.dirname(os.__file__)


class Loaded:
    """What has been told, and whether there may be more."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._told: set[str] = set()
        self._modules = 0  # so many there were when everything had been told

    def tell(self, error: BaseException | None = None) -> None:
        """Tell of files that are new; of those, too, in which an import failed."""
        if error is None and len(sys.modules) == self._modules:
            return
        count = len(sys.modules)
        paths = [*files_of_modules(), *(files_of_error(error) if error else ())]
        new = [path for path in dict.fromkeys(map(os.path.abspath, paths)) if path not in self._told and is_own(path)]
        chosen: list[str] = []
        size = 0
        for path in new:
            size += len(os.fsencode(path)) + 1
            if size > ONCE_MAX:
                break
            chosen.append(path)
        if len(chosen) == len(new):
            self._modules = count
        self._told.update(chosen)
        if chosen:
            self._channel.tell(FILES, "\n".join(chosen))


def is_own(path: str) -> bool:
    """Whether a file is the application's and not that of an installed package."""
    parts = path.split(os.sep)
    return not any(name in parts for name in INSTALLED) and not path.startswith((OWN + os.sep, STANDARD + os.sep))


def files_of_modules() -> Iterator[str]:
    """The files of all modules."""
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and path:
            yield path


def files_of_error(error: BaseException) -> Iterator[str]:
    """The files in which an import failed: their modules are no more."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SyntaxError) and cause.filename:
            yield cause.filename
        frames = cause.__traceback__
        while frames is not None:
            name = frames.tb_frame.f_code.co_filename
            if not name.startswith("<"):
                yield name
            frames = frames.tb_next
        cause = cause.__cause__
