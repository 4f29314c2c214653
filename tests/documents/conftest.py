"""The environments that the pages begin with: made by the pages' own commands, once for all that have the same."""

import fcntl
import hashlib
import os

import pytest

from documents.pages import Command
from documents.session import INSTALLS, Session
from support.wheel import wheelhouse


def beginning(steps):
    """The commands by which a page makes its environment."""
    return [step.text for step in steps if isinstance(step, Command) and INSTALLS.search(step.text)]


@pytest.fixture(scope="session")
def environment_of(tmp_path_factory, wheelhouse):
    """Gives the folder in which some commands were followed; the first test process that asks follows them."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def made_by(commands):
        folder = shared / f"environment-{hashlib.sha256(chr(10).join(commands).encode()).hexdigest()[:12]}"
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "done").exists():
                folder.mkdir()
                with Session(folder, wheelhouse, first=folder) as session:
                    for text in commands:
                        session.follow(Command(0, text, []))
                (folder / "done").touch()
        return folder

    return made_by


__all__ = ["beginning", "environment_of", "wheelhouse"]
