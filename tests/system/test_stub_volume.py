"""Large bodies both ways through the CGI stub: every byte arrives, and neither the stub nor its daemon grows."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from support import stub as stubs
from support.memory import peak_rss_kib
from support.server import APPS, PATIENCE
from support.volume import PIECE, SIZE, SMALL, digest_of, pieces, put_files, without_growing

STUB_GROWTH_KIB = 64
HEAD_END = b"\r\n\r\n"

pytestmark = [pytest.mark.scaled, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A stub, and files that are as large as the uploads."""
    folder = tmp_path_factory.mktemp("stub")
    put_files(folder)
    found = [f"{name}={os.environ[name]}" for name in ("PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ]
    made = stubs.Site(
        folder,
        stubs.released(),
        app=f"{APPS}/volume_app.py:application",
        python=sys.executable,
        environment=[f"VOLUME={folder}", *found],
        options=["--body-limit", "2G"],
    )
    yield made
    made.kill()
    (folder / "large").unlink()


class Watched:
    """A stub whose memory is looked at after its first megabyte, and when nearly all has gone through it."""

    def __init__(self, process: subprocess.Popen[bytes], size: int) -> None:
        self._pid = process.pid
        self._near = size - 2 * PIECE  # more is still to come than pipes hold, so the stub is there
        self._looks: list[int] = []

    def passed(self, total: int) -> None:
        """So many bytes have gone through so far."""
        if (1 << 20 if not self._looks else self._near) <= total <= self._near + PIECE and len(self._looks) < 2:
            self._looks.append(peak_rss_kib(self._pid))

    def check(self) -> None:
        """Requires that it has not grown in between."""
        first, last = self._looks
        assert last - first <= STUB_GROWTH_KIB, self._looks


def upload(site: stubs.Site, size: int) -> str:
    """The digest of what arrived."""
    process = site.start("/digest", REQUEST_METHOD="POST", CONTENT_LENGTH=str(size))
    assert process.stdin is not None
    watched = Watched(process, size)
    for number, piece in enumerate(pieces(size)):
        watched.passed(number * PIECE)
        process.stdin.write(piece)
    answer = stubs.finish(process)
    assert (answer.status, answer.errors) == (0, "")
    watched.check()
    return answer.text.split('"')[1]


def download(site: stubs.Site, path: str, size: int) -> tuple[int, str]:
    """Size and digest of what came."""
    process = site.start(path, stdin=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stderr is not None
    watched = Watched(process, size)
    head, _, rest = process.stdout.read(PIECE).partition(HEAD_END)
    assert head.startswith(b"Status: 200 ")
    sha, total = hashlib.sha256(rest), len(rest)
    while piece := process.stdout.read(PIECE):
        sha.update(piece)
        total += len(piece)
        watched.passed(total)
    with process.stdout, process.stderr:
        assert (process.wait(PATIENCE), process.stderr.read()) == (0, b"")
    watched.check()
    return total, sha.hexdigest()


def test_a_large_upload_arrives_whole_and_costs_no_memory(site):
    """Issue 7: 1 GB in `make soak`."""
    for _ in range(3):
        upload(site, SMALL)  # warm: buffers, arenas, the hash module
    assert without_growing(site.daemon(), lambda: upload(site, SIZE)) == digest_of(SIZE)


@pytest.mark.parametrize("way", ["file", "generator"])
def test_a_large_download_arrives_whole_and_costs_no_memory(site, way):
    for _ in range(3):
        download(site, f"/{way}/small", SMALL)
    assert without_growing(site.daemon(), lambda: download(site, f"/{way}/large", SIZE)) == (SIZE, digest_of(SIZE))
