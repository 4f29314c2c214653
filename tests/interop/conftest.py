"""The fixtures of support/fixtures.py for this folder, and each pair of front end and protocol."""

import pytest

from interop.pairs import PAIRS, PROGRAMS, Pairs
from support.fixtures import *  # noqa: F403


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """One server, and each front end from the moment when it is first asked for."""
    opened = Pairs(tmp_path_factory.mktemp("pairs"))
    yield opened
    opened.stop()


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.frontend(*PROGRAMS[name])) for name in PAIRS])
def pair(request, pairs):
    """Each pair in turn."""
    assert pairs.server.process.poll() is None, f"the server has died:\n{pairs.server.log.text[-4000:]}"
    return pairs[request.param]
