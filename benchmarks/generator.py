"""polydoor-load from Python: builds it (load/*.c with core's codecs), runs it, and reads what it measured."""

import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import rivals

ROOT = rivals.HERE.parent
FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra")
INCLUDES = ("-Icore", "-Ibenchmarks/load")
CONNECTIONS = 16
PATIENCE = 120.0  # seconds over the time of the load until it must have ended
CORE = (
    *("base/arena", "base/buf", "base/net", "base/sys", "loop/addr"),
    *("codec/answer", "codec/bytes", "codec/chunked", "codec/client", "codec/names", "codec/reason", "codec/response"),
    *(f"codec/{name}_client" for name in ("ajp13", "fastcgi", "http1", "scgi", "uwsgi")),
)
PERCENTILES = ("p50", "p90", "p99", "p99.9", "p99.99", "max")


class LoadError(Exception):
    """The load did not do what it was asked for."""


@dataclass(frozen=True)
class Load:
    """What one run did. Times are in seconds; `latency` has the PERCENTILES, `faults` whatever was not right."""

    requests: int
    in_time: int
    bytes: int
    seconds: float
    cpu_seconds: float  # of the generator itself
    latency: dict[str, float]
    faults: list[str]
    lost: int = 0  # requests that had no right response


def sources() -> list[Path]:
    """What the program is made of: its own files, and of core/ what they need."""
    return [*sorted((rivals.HERE / "load").glob("*.c")), *(ROOT / "core" / f"{name}.c" for name in CORE)]


def build() -> Path:
    """Compile it into build/load, or find it there."""
    digest = hashlib.sha256(" ".join((*rivals.compiler(), *FLAGS)).encode())
    headers = (path for folder in ("core", "benchmarks/load") for path in sorted((ROOT / folder).rglob("*.h")))
    for path in (*sources(), *headers):
        digest.update(path.read_bytes())
    program = ROOT / "build" / "load" / digest.hexdigest()[:16] / "polydoor-load"
    if program.exists():
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    unfinished = program.with_suffix(f".{os.getpid()}")
    command = [*rivals.compiler(), *FLAGS, *INCLUDES, "-o", str(unfinished), *map(str, sources())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LoadError(f"the load generator does not build:\n{done.stderr}")
    unfinished.replace(program)
    return program


class Generator:
    """One run against one URL: it connects and warms up, then waits until `run` has it measure.

    What stands between `warm` and `run` can look at the server while nothing is under way.
    """

    def __init__(self, url: str, options: Sequence[str], *, program: Path | None = None) -> None:
        self._process = subprocess.Popen(
            [str(program or build()), url, "--hold", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def warm(self) -> None:
        """Wait until the warm-up is over."""
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "warm\n":
            _, said = self._process.communicate()
            raise LoadError(said.strip() or f"the load generator ended with status {self._process.returncode}")

    def run(self, patience: float = PATIENCE) -> dict[str, Any]:
        """Measure; gives what was printed."""
        try:
            output, said = self._process.communicate("go\n", timeout=patience)
            found: dict[str, Any] = json.loads(output)
        except (subprocess.TimeoutExpired, ValueError) as error:
            raise LoadError(f"the load generator gave no result: {error}") from error
        if said and not found["deviations"]:
            raise LoadError(said.strip())
        return found


def parse(found: dict[str, Any]) -> Load:
    """A result as the tables want it."""
    faults = [f"{count} × {kind}" for kind, count in found["deviations"].items()]
    if faults:
        faults[-1] += f"; the first: {found['first_deviation']}"
    if found["unanswered"]:
        faults.append(f"{found['unanswered']} requests were not answered in time")
    if not found["requests"]:
        faults.append("no response at all")
    return Load(
        requests=found["requests"],
        in_time=found["in_time"],
        bytes=found["bytes_received"],
        seconds=found["seconds"],
        cpu_seconds=sum(found["cpu"].values()),
        latency={name: found["latency"][name] for name in PERCENTILES},
        faults=faults,
        lost=sum(found["deviations"].values()) + found["unanswered"],
    )
