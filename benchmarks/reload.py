#!/usr/bin/env python3
"""Reloads and recycling under load: how many requests each server loses, and how long the longest one takes.

    .venv/bin/python benchmarks/reload.py [--server NAME]... [--reloads N] [--seconds S]

Two processes with four threads each, and eight clients that ask again and again, a new connection for each request.
The application takes 1 s to import and 10 ms for a request. After a time without events it is deployed anew and the
server told to reload, as often as wanted, each time until all answers are those of the new deployment; in the rows
about recycling a process is replaced after 300 requests instead. It prints a table in Markdown.
"""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import rivals
from processes import APPS, free_address, own_environment
from servers import KINDS

CLIENTS = 8
NORMAL_S = 5.0
PATIENCE_S = 30.0
PAUSE_S = 2.0  # a server may have to look after what it has replaced
SETTLED = 200  # answers in a row of the new deployment
REQUEST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
APP = "deployed:application"


class ReloadError(Exception):
    """A server did not take the new deployment."""


@dataclass(frozen=True)
class Way:
    """A server, and how it is told to reload; None: it recycles by itself."""

    name: str
    kind: str
    command: Callable[[str, Path], list[str]]
    reload: Callable[[subprocess.Popen[bytes], Path], None] | None


@dataclass(frozen=True)
class Answer:
    """One request as its client saw it."""

    sent: float
    took_s: float
    deployment: bytes  # empty: it was lost


def hang_up(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    """The signal that all of them know."""
    del folder
    process.send_signal(signal.SIGHUP)


def touch(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    """The file that uWSGI looks at."""
    del process
    path = folder / "touched"
    later = path.stat().st_mtime + 2  # whole seconds count
    os.utime(path, (later, later))


def polydoor(*more: str) -> Callable[[str, Path], list[str]]:
    """Without a line for each request, as the others run."""
    program = [sys.executable, "-m", "polydoor", APP, "--no-access-log", "-w", "2", "-t", "4"]
    return lambda address, _folder: [*program, "-b", f"http://{address}", *more]


def gunicorn(*more: str) -> Callable[[str, Path], list[str]]:
    """Threads."""
    program = [str(rivals.BIN / "gunicorn"), APP, "-w", "2", "-k", "gthread", "--threads", "4", "--no-control-socket"]
    return lambda address, _folder: [*program, "-b", address, *more]


def granian(address: str, _folder: Path) -> list[str]:
    """Two workers."""
    host, _, port = address.partition(":")
    options = ["--interface", "wsgi", "--workers", "2", "--blocking-threads", "4", "--http", "1", "--no-ws", "--no-log"]
    return [str(rivals.BIN / "granian"), *options, "--host", host, "--port", port, APP]


def uwsgi(*more: str) -> Callable[[str, Path], list[str]]:
    """A master and two processes."""
    sane = ["--master", "--single-interpreter", "--need-app", "--die-on-term", "--disable-logging"]
    where = ["--processes", "2", "--threads", "4", "--pythonpath", str(APPS), "--module", APP]
    program = [str(rivals.BIN / "uwsgi"), *sane, *where]
    return lambda address, folder: [
        *program,
        *("--http-socket", address, "--touch-chain-reload", str(folder / "touched"), *more),
    ]


WAYS = {
    "polydoor": Way("Polydoor, SIGHUP", "polydoor-quiet", polydoor(), hang_up),
    "uwsgi-chain": Way("uWSGI, touch-chain-reload, lazy-apps", "uwsgi", uwsgi("--lazy-apps"), touch),
    "granian": Way("granian, SIGHUP", "granian", granian, hang_up),
    "gunicorn": Way("gunicorn gthread, SIGHUP", "gunicorn", gunicorn(), hang_up),
    "uwsgi": Way("uWSGI, SIGHUP", "uwsgi", uwsgi(), hang_up),
    "polydoor-recycles": Way("Polydoor, max-requests 300", "polydoor-quiet", polydoor("--max-requests", "300"), None),
    "uwsgi-recycles": Way(
        "uWSGI, max-requests 300, lazy-apps", "uwsgi", uwsgi("--lazy-apps", "--max-requests", "300"), None
    ),
    "gunicorn-recycles": Way("gunicorn gthread, max-requests 300", "gunicorn", gunicorn("--max-requests", "300"), None),
}


class Clients:
    """They ask until the block ends."""

    def __init__(self, address: str) -> None:
        host, _, port = address.partition(":")
        self._address = (host, int(port))
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        self.answers: list[Answer] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, deployment: bytes) -> None:
        """Until nobody else answers."""
        end = time.monotonic() + PATIENCE_S
        while {answer.deployment for answer in self.answers[-SETTLED:]} - {b""} != {deployment}:
            if time.monotonic() > end:
                raise ReloadError(f"the deployment {deployment!r} does not answer alone after {PATIENCE_S} s")
            time.sleep(0.02)

    def one(self) -> bytes:
        """What one request brings, as far as it comes."""
        data = b""
        with (
            contextlib.suppress(OSError),
            socket.create_connection(self._address, timeout=PATIENCE_S) as client,
        ):
            client.sendall(REQUEST)
            while piece := client.recv(65536):
                data += piece
        return data

    def _ask(self) -> None:
        while not self._is_over.is_set():
            sent = time.monotonic()
            head, _, body = self.one().partition(b"\r\n\r\n")
            good = head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")) and body.endswith(b"\n")
            self.answers.append(Answer(sent, time.monotonic() - sent, body if good else b""))


def measure(way: Way, folder: Path, reloads: int, seconds: float) -> list[Answer]:
    """All answers; those of the time without events come first. Recycling has none of that."""
    deployment = folder / "deployment"
    deployment.write_text("0\n", encoding="ascii")
    (folder / "touched").touch()
    address = free_address()
    environ = own_environment() | {"DEPLOYMENT": str(deployment)}
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            way.command(address, folder), stdout=log, stderr=log, cwd=folder, env=environ, process_group=0
        )
    try:
        probe = Clients(address)
        end = time.monotonic() + PATIENCE_S
        while not probe.one() and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(1.0)  # the second process has loaded, too
        with Clients(address) as clients:
            time.sleep(NORMAL_S if way.reload else seconds)
            for number in range(1, reloads + 1 if way.reload else 0):
                deployment.write_text(f"{number}\n", encoding="ascii")
                if way.reload:
                    way.reload(process, folder)
                clients.wait_for(deployment.read_bytes())
                time.sleep(PAUSE_S)
        return clients.answers
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def quantiles(answers: Sequence[Answer]) -> tuple[float, float]:
    """99 % of them and all of them took so many milliseconds at most."""
    took = sorted(answer.took_s * 1000 for answer in answers)
    return (took[len(took) * 99 // 100], took[-1]) if took else (0.0, 0.0)


def row(name: str, way: Way, answers: list[Answer]) -> str:
    """One line of the table."""
    begin = min(answer.sent for answer in answers)
    normal = [answer for answer in answers if way.reload and answer.sent + answer.took_s < begin + NORMAL_S]
    meanwhile = [answer for answer in answers if not way.reload or answer.sent + answer.took_s >= begin + NORMAL_S]
    lost = sum(not answer.deployment for answer in answers)
    before = [f"{ms:.0f} ms" for ms in quantiles(normal)] if normal else ["", ""]
    after = [f"{ms:.0f} ms" for ms in quantiles(meanwhile)]
    return f"| {name} | {len(answers)} | {lost} | {before[0]} | {after[0]} | {before[1]} | {after[1]} |"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--server", action="append", choices=WAYS, help="only this one; may be repeated")
    parser.add_argument("--reloads", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=15.0, help="of recycling")
    options = parser.parse_args()
    rivals.prepare(lambda text: print(text, file=sys.stderr))
    there = rivals.versions()
    print("| server | requests | lost | 99 % without | 99 % meanwhile | longest without | longest meanwhile |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for key in options.server or WAYS:
        way = WAYS[key]
        kind = KINDS[way.kind]
        if not kind.is_there(there):
            print(f"{way.name} is not installed", file=sys.stderr)
            continue
        version = next((there[package] for package in kind.packages if package in there), "")
        with tempfile.TemporaryDirectory() as folder:
            try:
                answers = measure(way, Path(folder), options.reloads, options.seconds)
            except ReloadError as error:
                print(f"{way.name}: {error}", file=sys.stderr)
                continue
        print(row(way.name.replace(",", f" {version},", 1) if version else way.name, way, answers), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
