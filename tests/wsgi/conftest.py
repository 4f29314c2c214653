"""The fixtures of support/fixtures.py for this folder, whose doors are also those of the CGI stub."""

from pathlib import Path

import pytest

from support.fixtures import *  # noqa: F403
from support.fixtures import EVERY_DOOR, EVERY_GATEWAY, STUBS

HERE = Path(__file__).parent
# Where the stub runs a request as CGI it is out of the way then; in `make test` these show that nothing was lost.
AS_CGI = ("test_calling.py", "test_environ.py", "test_streams.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """The rest of the suite through such a stub is for `make soak`."""
    for item in items:
        if "stubcgi" in item.name and item.path.parent == HERE and item.path.name not in AS_CGI:
            item.add_marker(pytest.mark.soak)


@pytest.fixture(params=(*EVERY_DOOR, *STUBS))
def door(request, server, doors):
    """Each protocol in turn; the body is collected before the application is called."""
    return doors[request.param]


@pytest.fixture(params=(*EVERY_DOOR, *STUBS))
def stream_door(request, server, doors):
    """Each protocol in turn; the application is called at the head."""
    return doors[f"{request.param}-stream"]


@pytest.fixture(params=(*EVERY_DOOR, *STUBS))
def mount_door(request, server, doors):
    """Each protocol in turn, mounted at /shop."""
    return doors[f"{request.param}-mount"]


@pytest.fixture(params=(*EVERY_GATEWAY, *STUBS))
def gateway(request, server, doors):
    """The protocols that carry CGI-style variables."""
    return doors[request.param]


@pytest.fixture(params=(*EVERY_GATEWAY, *STUBS))
def trusting_gateway(request, server, doors):
    """The same, on listeners that believe REMOTE_USER."""
    return doors[f"{request.param}-trust"]
