"""Large uploads: the application gets every byte, the worker does not grow (issue item 7)."""

from __future__ import annotations

import hashlib

import pytest

from support.fixtures import PROTOCOLS
from support.memory import peak_rss_kib, reset_peak, rss_kib
from support.scale import scaled
from support.server import APPS, Server, one_each

pytestmark = pytest.mark.scaled
SIZE = scaled(32 << 20, 1 << 30)
GROWTH_KIB = 2048
PIECE = bytes(range(256)) * 1024


def upload(door, size, *, unknown=False):
    """Sends a body piece by piece; returns the response and the digest of what was sent."""
    sha = hashlib.sha256()
    with door.start("POST", "/digest", length=None if unknown else size) as exchange:
        left = size
        while left:
            data = PIECE[: min(left, len(PIECE))]
            sha.update(data)
            exchange.send(data)
            left -= len(data)
        if size or unknown:  # otherwise start() has ended it
            exchange.end_body()
        return exchange.finish().json(), sha.hexdigest()


@pytest.fixture(scope="module", params=["", "?stream=1"], ids=["buffered", "stream"])
def uploads(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uploads")
    listeners = one_each(folder)
    listeners = [listener + request.param for listener in listeners]
    options = ["--body-limit", str(2 << 30)]
    with Server(f"{APPS}/conformance.py:application", listeners, threads=2, options=options) as server:
        yield server


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_large_upload_arrives_whole_and_costs_no_memory(uploads, name):
    door = uploads.door(name)
    for _ in range(3):
        upload(door, 3 << 20)  # warm: buffers, arenas, the hash module
    before = rss_kib(uploads.pid)
    reset_peak(uploads.pid)
    (total, digest, _), expected = upload(door, SIZE)
    assert (total, digest) == (SIZE, expected)
    assert peak_rss_kib(uploads.pid) - before <= GROWTH_KIB


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["http", "fastcgi"])
def test_a_large_upload_of_unknown_length(uploads, name):
    door = uploads.door(name)
    upload(door, 3 << 20, unknown=True)
    before = rss_kib(uploads.pid)
    reset_peak(uploads.pid)
    (total, digest, _), expected = upload(door, SIZE, unknown=True)
    assert (total, digest) == (SIZE, expected)
    assert peak_rss_kib(uploads.pid) - before <= GROWTH_KIB


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 262_143, 262_144, 262_145, 1_000_000, 1 << 20])
@pytest.mark.parametrize("name", PROTOCOLS)
def test_bodies_round_the_spill_limit(uploads, name, size):
    (total, digest, _), expected = upload(uploads.door(name), size)
    assert (total, digest) == (size, expected)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_client_that_leaves_in_the_middle(name, tmp_path, key):
    listeners = [f"{listener}?stream=1" for listener in one_each(tmp_path)]
    with Server(f"{APPS}/conformance.py:application", listeners, threads=2) as server:
        with server.door(name).start("POST", f"/absorb?key={key}", length=SIZE) as exchange:
            for _ in range(8):
                exchange.send(PIECE)
        notes = server.door("http").request("GET", f"/notes?key={key}&count=2").json()
    assert notes[1][1] is True, notes
    assert notes[1][0] <= 8 * len(PIECE)
