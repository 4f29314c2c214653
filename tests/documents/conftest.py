"""The fixtures that the pages need."""

import fcntl
import os

import pytest

from documents.pages import Command
from documents.session import Session
from support.wheel import wheelhouse

# How most pages begin. Flask's and Django's, and the quick start, install for themselves.
BEGINNING = ("python3 -m venv .venv", ".venv/bin/pip install polydoor")


@pytest.fixture(scope="session")
def environment(tmp_path_factory, wheelhouse):
    """A folder in which these commands were given, once for all test processes."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "environment"
    with (shared / "environment.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            folder.mkdir()
            with Session(folder, wheelhouse, first=folder) as session:
                for text in BEGINNING:
                    session.follow(Command(0, text, []))
            (folder / "done").touch()
    return folder


__all__ = ["BEGINNING", "environment", "wheelhouse"]
