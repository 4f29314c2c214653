"""Large uploads and downloads behind Apache and nginx: every byte arrives, and the worker does not grow."""

from __future__ import annotations

import hashlib
import http.client

import pytest

from interop.frontends import AJP_SECRET, FRONT_ENDS, SERVER_NAME, Site, printed, url_of
from interop.pairs import PROGRAMS, query
from support.server import APPS, Server
from support.volume import PIECE, SIZE, SMALL, digest_of, pieces, put_files, without_growing

BODY_LIMIT = 2 << 30
VOLUMES = ("apache+ajp", "mod_jk+ajp", "nginx+uwsgi")

pytestmark = [pytest.mark.scaled, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One server with a listener for each pair, and files that are as large as the uploads."""
    folder = tmp_path_factory.mktemp("volume")
    put_files(folder)
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
