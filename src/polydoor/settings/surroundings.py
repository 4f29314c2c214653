"""What the sources of settings change in a process, and how it was before: environment, working directory, sys.path."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Surroundings:
    """What a process finds around itself at one moment."""

    __slots__ = ("environ", "folder", "path")

    def __init__(self) -> None:
        self.environ = dict(os.environ)
        self.path = list(sys.path)
        try:
            self.folder = _by_its_name(os.getcwd())
        except FileNotFoundError:  # it was deleted
            self.folder = ""

    def forget(self, names: Iterable[str]) -> None:
        """Leave variables out that were for this process alone."""
        for name in names:
            self.environ.pop(name, None)

    def restore(self) -> None:
        """Make all of it what it was; a folder that is gone stays as it is."""
        os.environ.clear()
        os.environ.update(self.environ)
        sys.path[:] = self.path
        try:
            os.chdir(self.folder)
        except OSError:
            return


def _by_its_name(folder: str) -> str:
    """How who started the process calls this folder: a link such as `current` may lead to the next release later."""
    name = os.environ.get("PWD", "")
    try:
        return name if os.path.isabs(name) and os.path.samefile(name, folder) else folder
    except OSError:
        return folder
