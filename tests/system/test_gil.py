"""A C extension that keeps the GIL stops Python, but not the engine."""

import select

import pytest

from support.fixtures import PROTOCOLS
from support.server import APPS, Server, one_each


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gil")
    listeners = one_each(folder)
    with Server(f"{APPS}/gil_apps.py:application", listeners, threads=1, options=["--queue-limit", "1"]) as running:
        yield running


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_held_gil_delays_no_accept_no_503_and_nobodys_bytes(server, name):
    door = server.door(name)
    with door.start("GET", "/large") as download:
        assert door.request("GET", "/").body == b"here"  # the only thread is done with the download
        before = server.log.text.count("holding")
        with door.start("GET", "/hold") as held:
            assert server.log.wait_until(lambda lines: "\n".join(lines).count("holding") > before)
            with door.start("GET", "/") as queued:
                refused = door.request("GET", "/")
                large = download.finish()
                is_still_held = not select.select([held.wire.sock], [], [], 0)[0]
                assert (refused.status, refused.complete) == (503, True)
                assert (large.status, len(large.body), large.complete) == (200, 10_000_000, True)
                assert is_still_held
                assert held.finish().body == b"here"
                assert queued.finish().body == b"here"
