"""Large uploads and downloads behind Apache and nginx: every byte arrives, and the worker does not grow."""

from __future__ import annotations

import hashlib
import http.client
from typing import TYPE_CHECKING

import pytest

from interop.frontends import AJP_SECRET, FRONT_ENDS, SERVER_NAME, Site, printed, url_of
from interop.pairs import PROGRAMS, query
from support.memory import peak_rss_kib, reset_peak, rss_kib
from support.scale import scaled
from support.server import APPS, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZE = scaled(32 << 20, 1 << 30)
SMALL = 3 << 20
GROWTH_KIB = 2048
PIECE = 1 << 18
BODY_LIMIT = 2 << 30
VOLUMES = ("apache+ajp", "mod_jk+ajp", "nginx+uwsgi")

pytestmark = [pytest.mark.scaled, pytest.mark.timeout(1200)]


def pieces(size: int) -> Iterator[bytes]:
    """No two of them are alike, so that one too few, too many or in the wrong place is seen."""
    for at in range(0, size, PIECE):
        yield (at.to_bytes(8, "big") * (PIECE // 8))[: size - at]


def digest_of(size: int) -> str:
    sha = hashlib.sha256()
    for piece in pieces(size):
        sha.update(piece)
    return sha.hexdigest()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One server with a listener for each pair, and files that are as large as the uploads."""
    folder = tmp_path_factory.mktemp("volume")
    for name, size in (("small", SMALL), ("large", SIZE)):
        with (folder / name).open("wb") as file:
            file.writelines(pieces(size))
    listeners = [f"{name.split('+')[1]}://127.0.0.1:0?{query(*name.split('+'))}" for name in VOLUMES]
    env = {"AJP_SECRET": AJP_SECRET, "VOLUME": str(folder)}
    options = ["--body-limit", str(BODY_LIMIT)]
    try:
        with Server(f"{APPS}/volume_app.py:application", listeners, threads=2, options=options, env=env) as server:
            yield dict(zip(VOLUMES, server.doors, strict=True)), server.pid
    finally:
        (folder / "large").unlink()


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.frontend(*PROGRAMS[name])) for name in VOLUMES]
)
def pair(request, running, tmp_path_factory):
    """A front end with the printed configuration; the worker behind it."""
    doors, pid = running
    front_end, _, protocol = request.param.partition("+")
    url = url_of(protocol, doors[request.param].address, query(front_end, protocol))
    site = printed(front_end, "app", url, "--body-limit", str(BODY_LIMIT))
    with FRONT_ENDS[front_end](tmp_path_factory.mktemp(front_end), [site]):
        yield site, pid


def upload(site: Site, size: int, *, unknown: bool) -> str:
    """The digest of what arrived."""
    connection = http.client.HTTPConnection(*site.address, timeout=600)
    length = {} if unknown else {"Content-Length": str(size)}
    # By itself http.client sends what has no length in chunks.
    connection.request("POST", "/digest", pieces(size), {"Host": SERVER_NAME, **length}, encode_chunked=unknown)
    with connection.getresponse() as response:
        text = response.read().decode()
    connection.close()
    assert response.status == 200, text
    return text.split('"')[1]


def download(site: Site, path: str) -> tuple[int, str]:
    """Size and digest of what came."""
    connection = http.client.HTTPConnection(*site.address, timeout=600)
    connection.request("GET", path, headers={"Host": SERVER_NAME})
    sha, size = hashlib.sha256(), 0
    with connection.getresponse() as response:
        assert response.status == 200
        while piece := response.read(PIECE):
            size += len(piece)
            sha.update(piece)
    connection.close()
    return size, sha.hexdigest()


def without_growing(pid: int, work: Callable[[], object]) -> object:
    """What `work` returns, in which the worker's peak may be a little above what it had."""
    before = rss_kib(pid)
    reset_peak(pid)
    found = work()
    grown = peak_rss_kib(pid) - before
    print(f"the worker grew by {grown} KiB")
    assert grown <= GROWTH_KIB
    return found


@pytest.mark.parametrize("unknown", [False, True], ids=["length", "chunked"])
def test_a_large_upload_arrives_whole_and_costs_no_memory(pair, unknown):
    site, pid = pair
    for _ in range(3):
        upload(site, SMALL, unknown=unknown)  # warm: buffers, arenas, the hash module
    assert without_growing(pid, lambda: upload(site, SIZE, unknown=unknown)) == digest_of(SIZE)


@pytest.mark.parametrize("way", ["file", "generator"])
def test_a_large_download_arrives_whole_and_costs_no_memory(pair, way):
    site, pid = pair
    for _ in range(3):
        download(site, f"/{way}/small")
    assert without_growing(pid, lambda: download(site, f"/{way}/large")) == (SIZE, digest_of(SIZE))
