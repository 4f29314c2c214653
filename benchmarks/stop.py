#!/usr/bin/env python3
"""SIGTERM with 30 requests in flight or queued and 2 threads: how many are served, and how each server ends.

    .venv/bin/python benchmarks/stop.py [--server NAME]... [--rounds N]

Each round starts the server, sends 30 requests on connections of their own to an application that waits 0.2 s, sends
SIGTERM 0.1 s later and reads every answer as far as it comes. The servers are those of `make bench`, with the same
command lines. It prints a table in Markdown.
"""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import rivals
from processes import free_address, own_environment
from servers import KINDS, Command, Place

REQUESTS = 30
THREADS = 2
HEAD_START_S = 0.1
PATIENCE_S = 20.0
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
BODY = b"Hello, World!"


@dataclass(frozen=True)
class Outcome:
    """What became of one round."""

    served: int
    refused: int  # whole answers of another status
    status: int | None  # None: it went on
    seconds: float  # from SIGTERM to the end of the process


def gunicorn_sync(place: Place) -> list[str]:
    """Two sync workers: one request at a time each."""
    options = ["-w", str(place.threads), "--no-control-socket"]
    return [str(rivals.BIN / "gunicorn"), *options, "-b", place.address, f"{place.app}:application"]


SERVERS: dict[str, tuple[str, Command]] = {
    "polydoor": ("Polydoor", KINDS["polydoor-quiet"].command),
    "gunicorn": ("gunicorn gthread", KINDS["gunicorn"].command),
    "gunicorn-sync": ("gunicorn sync, 2 workers", gunicorn_sync),
    "granian": ("granian", KINDS["granian"].command),
    "uwsgi": ("uWSGI, die-on-term", KINDS["uwsgi"].command),
    "waitress": ("waitress", KINDS["waitress"].command),
    "bjoern": ("bjoern (1 thread)", KINDS["bjoern"].command),
    "fastpysgi": ("FastPySGI (1 thread)", KINDS["fastpysgi"].command),
}


def wait_for(port: int) -> None:
    """Until one request is answered."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
            client.sendall(REQUEST)
            if read_all(client):
                return
        time.sleep(0.02)
    raise SystemExit(f"nobody answers at port {port}")


def read_all(client: socket.socket) -> bytes:
    """What comes, up to the end of the connection or of the body."""
    data = b""
    with contextlib.suppress(OSError):
        while not data.endswith(BODY) and (piece := client.recv(65536)):
            data += piece
    return data


def measure(command: Command, folder: Path) -> Outcome:
    """One round of one server."""
    place = Place("http", free_address(), "delay", THREADS, folder)
    port = int(place.port)
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command(place), stdout=log, stderr=log, env=own_environment(), start_new_session=True
        )
    try:
        wait_for(port)
        clients = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) for _ in range(REQUESTS)]
        for client in clients:
            client.sendall(REQUEST)
        time.sleep(HEAD_START_S)
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        answers = [read_all(client) for client in clients]
        for client in clients:
            client.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(1.0, told + PATIENCE_S - time.monotonic()))
        seconds = time.monotonic() - told
    finally:
        status = process.poll()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    served = sum(b" 200 " in answer.partition(b"\r\n")[0] and answer.endswith(BODY) for answer in answers)
    refused = sum(b" 503 " in answer.partition(b"\r\n")[0] for answer in answers)
    return Outcome(served, refused, status, seconds)


def row(name: str, outcomes: list[Outcome]) -> str:
    """One line of the table: the worst round."""
    worst = min(outcomes, key=lambda outcome: outcome.served)
    ended = "does not end" if worst.status is None else str(worst.status)
    if worst.status is not None and worst.status < 0:
        ended = f"killed by {signal.Signals(-worst.status).name}"
    lost = REQUESTS - worst.served - worst.refused
    return f"| {name} | {worst.served} | {lost} | {ended} | {worst.seconds:.1f} s |"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--server", action="append", choices=SERVERS, help="only this one; may be repeated")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rivals.prepare(lambda text: print(text, file=sys.stderr))
    there = rivals.versions()
    print("| server | served of 30 | lost | exit status | end after |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for key in options.server or SERVERS:
            name, command = SERVERS[key]
            kind = KINDS[key.partition("-")[0]]
            if not kind.is_there(there):
                print(f"{name} is not installed", file=sys.stderr)
                continue
            version = next((there[package] for package in kind.packages if package in there), "")
            outcomes = [measure(command, Path(folder)) for _ in range(options.rounds)]
            print(row(f"{name} {version}".rstrip(), outcomes), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
