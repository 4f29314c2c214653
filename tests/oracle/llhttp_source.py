"""The C sources of llhttp, from the sdist on PyPI: fetched when a test needs them, never part of this project."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from support import cbuild

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "9.3.0.0"
ARCHIVE = f"llhttp-{VERSION}.tar.gz"
SHA256 = "0d989363e7fb6f270b9d49956e7a3945c26778f8c70a166815264309ac6a8295"


class UnavailableError(Exception):
    """No copy here, and none to be had."""


def _pips() -> Iterator[list[str]]:
    """Ways to call pip: a venv may have none of its own."""
    yield [sys.executable, "-m", "pip"]
    yield from ([found] for name in ("pip3", "pip") if (found := shutil.which(name)))


def _download(folder: Path) -> None:
    wanted = ["download", "--quiet", "--no-deps", "--no-binary", ":all:", f"llhttp=={VERSION}", "--dest", str(folder)]
    errors: list[str] = []
    for pip in _pips():
        ran = subprocess.run([*pip, *wanted], capture_output=True, text=True, check=False)
        if ran.returncode == 0:
            return
        errors.append(ran.stderr.strip()[-300:])
    raise UnavailableError(f"pip download llhttp=={VERSION}: {' / '.join(errors)}")


def _unpack(archive: Path, folder: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != SHA256:
        raise UnavailableError(f"{archive.name} has the digest {digest}, not {SHA256}")
    with tarfile.open(archive) as tar:
        for name in ("llhttp.h", "llhttp.c", "api.c", "http.c"):
            member = tar.extractfile(f"llhttp-{VERSION}/lib/{name}")
            assert member is not None
            (folder / name).write_bytes(member.read())


def folder() -> Path:
    """Where the sources are; POLYDOOR_LLHTTP names a folder that has them or the archive already."""
    target = Path(os.environ.get("POLYDOOR_LLHTTP") or cbuild.CACHE / f"llhttp-{VERSION}")
    target.mkdir(parents=True, exist_ok=True)
    with (target / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / "http.c").exists():
            if not (target / ARCHIVE).exists():
                _download(target)
            _unpack(target / ARCHIVE, target)
    return target


def driver() -> Path:
    """The program llhttp_driver.c with llhttp in it."""
    lib = folder()
    flags = ("-std=c11", "-O1", "-g", "-w", "-Itests/oracle", f"-I{lib}")
    sources = [cbuild.ROOT / "tests/oracle/llhttp_driver.c", *(lib / name for name in ("llhttp.c", "api.c", "http.c"))]
    return cbuild.build("llhttp_driver", sources, flags)
