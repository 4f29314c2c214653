"""Builds C programs for tests, with nothing but a C compiler.

Objects and programs are cached by the hash of everything that goes into them, so a second run compiles nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("POLYDOOR_CBUILD", ROOT / "build-tests"))

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror")
COMMON = ("-std=c11", "-g", *WARNINGS, "-Icore", "-Itests/core", "-Ifuzz", "-pthread")
SANITIZED = (
    *COMMON,
    "-O1",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
)
TRACED = (*COMMON, "-O1", "-fsanitize=thread")
# Without assertions: their other branch is never taken in a program that is right.
COVERED = (*COMMON, "-O0", "-DNDEBUG", "-Wno-unused", "--coverage")

# The layers of core/, and what each needs.
LAYERS = {
    "base": ("base",),
    "codec": ("base", "codec"),
    "conn": ("base", "codec", "conn"),
    "loop": ("base", "loop"),
    "engine": ("base", "codec", "conn", "loop", "engine"),
    "cmd": ("base", "codec", "loop", "cmd"),
}
MAIN = "cmd/cgi.c"  # a program of its own

# What every C test may use; rig.c, which needs the engine, only comes with its header.
FOLDERS = (ROOT / "tests" / "core", ROOT / "fuzz")
HARNESS = (
    "guard.c",
    "text.c",
    "replay.c",
    "client_replay.c",
    "corpus_case.c",
    "front_codec.c",
    "faulty_sys.c",
    "scripted_client.c",
)


class BuildError(Exception):
    """The compiler said no; the text is what it said."""


def core_sources(*layers: str) -> list[Path]:
    """All C files of some layers of core/, such as base and codec, but for a main()."""
    found = [path for layer in layers for path in sorted((ROOT / "core" / layer).glob("*.c"))]
    return [path for path in found if path != ROOT / "core" / MAIN]


def stub_sources() -> list[Path]:
    """What the CGI stub is made of: of the layers below, only what it needs."""
    needed = ("base/notice", "base/sys", "codec/authority", "codec/bytes", "codec/names", "codec/policy", "loop/gate")
    return [ROOT / "core" / MAIN, *core_sources("cmd"), *(ROOT / "core" / f"{name}.c" for name in needed)]


def standin_sources() -> list[Path]:
    """What stands in for Python behind the CGI stub."""
    needed = ("base/sys", "loop/gate")
    return [ROOT / "tests" / "core" / "standin.c", *(ROOT / "core" / f"{name}.c" for name in needed)]


def hand_sources() -> list[Path]:
    """What hands a request that the CGI stub runs as CGI to a process that has loaded Python already."""
    return [ROOT / "tests" / "core" / "hand.c"]


def harness_sources() -> list[Path]:
    """The shared C files of the tests."""
    return [path for name in HARNESS if (path := ROOT / "tests" / "core" / name).exists()]


def unit_sources(*names: str) -> list[Path]:
    """What a program is made of whose own files are tests/core/NAME.c."""
    return _with_layers([ROOT / "tests" / "core" / f"{name}.c" for name in names])


def fuzz_targets() -> list[str]:
    """The names of the fuzz targets."""
    return sorted(path.stem.removeprefix("fuzz_") for path in (ROOT / "fuzz").glob("fuzz_*.c"))


def fuzz_sources(target: str) -> list[Path]:
    """What a fuzz target is made of, but for its main()."""
    return _with_layers([ROOT / "fuzz" / f"fuzz_{target}.c", ROOT / "fuzz" / "fuzz.c"])


def _with_layers(sources: list[Path]) -> list[Path]:
    """Adds the harness, the layers of core/ that the sources include, and those below them."""
    text = "".join(path.read_text() for path in sources)
    beside = {folder / name for folder in FOLDERS for name in re.findall(r'#include "(\w+\.h)"', text)}
    text += "".join(path.read_text() for path in beside if path.exists())
    layers = {layer for layer in LAYERS if f'#include "{layer}/' in text}
    needed = {"base", "codec"}.union(*(LAYERS[layer] for layer in layers))
    rig = [ROOT / "tests" / "core" / "rig.c"] if '#include "rig.h"' in text else []
    return [*sources, *rig, *harness_sources(), *core_sources(*sorted(needed))]


@functools.cache
def _compiler_version(compiler: str) -> str:
    path = shutil.which(compiler)
    if path is None:
        raise BuildError(f"{compiler} is not installed")
    return subprocess.run([path, "--version"], check=True, capture_output=True, text=True).stdout


@functools.cache
def _headers_digest() -> str:
    digest = hashlib.sha256()
    for folder in ("core", "tests/core", "fuzz", "benchmarks/load"):
        for path in sorted((ROOT / folder).rglob("*.h")):
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def _key(compiler: str, flags: Sequence[str], sources: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for part in (_compiler_version(compiler), _headers_digest(), *flags):
        digest.update(part.encode() + b"\0")
    for path in sources:
        digest.update(str(path).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:24]


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{' '.join(command)}\n{done.stderr}")


def object_of(source: Path, flags: Sequence[str] = SANITIZED, compiler: str = "gcc") -> Path:
    """Compiles one file, or finds it compiled."""
    target = CACHE / _key(compiler, flags, [source]) / f"{source.stem}.o"
    with _locked(target.with_suffix(".lock")):
        if not target.exists():
            unfinished = target.with_suffix(".new.o")
            relative = source.relative_to(ROOT) if source.is_relative_to(ROOT) else source
            _run([compiler, *flags, "-c", str(relative), "-o", str(unfinished)])
            unfinished.replace(target)
    return target


def build(
    name: str,
    sources: Sequence[Path],
    flags: Sequence[str] = SANITIZED,
    compiler: str = "gcc",
    link_flags: Sequence[str] = (),
) -> Path:
    """Compiles and links a program; returns its path."""
    target = CACHE / _key(compiler, [*flags, *link_flags], sources) / name
    with _locked(target.with_name(f"{name}.lock")):
        if not target.exists():
            with ThreadPoolExecutor(max_workers=2) as pool:
                objects = list(pool.map(lambda path: object_of(path, flags, compiler), sources))
            unfinished = target.with_name(f"{name}.new")
            _run([compiler, *flags, *link_flags, *map(str, objects), "-o", str(unfinished), "-lm"])
            unfinished.replace(target)
    return target
