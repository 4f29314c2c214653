"""Messages: nobody waits for their reader, nobody's are mixed, and they reach standard error as it was at the start."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from peers.door import DOORS
from support.server import PATIENCE, Log, Server
from support.waiting import eventually

COMPLAINS = """
import io, os, sys
{setup}

def app(environ, start_response):
    errors = environ["wsgi.errors"]
    path = environ["PATH_INFO"]
    if path == "/raises":
        raise LookupError("x" * 4000)
    if path == "/half":
        errors.write("the first half")
        errors.flush()
        raise LookupError("between")
    if path == "/long":
        errors.write("y" * 8000 + "\\n")
    if path == "/pieces":
        for piece in ["one ", "two ", "three\\n", "no end"]:
            errors.write(piece)
    if path == "/child":
        child = os.fork()
        if child == 0:
            errors.write("from the child\\n")
            os._exit(0)
        os.waitpid(child, 0)
    start_response("200 OK", [])
    return [b"served"]
"""


@pytest.fixture
def complaining(tmp_path):
    """Makes the name of the application; its standard output stays out of the way."""

    def make(setup=""):
        (tmp_path / "shop.py").write_text(COMPLAINS.replace("{setup}", setup), encoding="utf-8")
        return f"{tmp_path}/shop.py:app"

    return make


@pytest.fixture
def stalled(complaining, tmp_path):
    """Starts a server whose standard error takes a page and then nothing more; its door, and the end to read from."""
    with contextlib.ExitStack() as stack:

        def start(*options):
            reader, writer = os.pipe()
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
            command = [sys.executable, "-m", "polydoor", complaining(), "-b", f"unix:{tmp_path}/s", "-t", "2", *options]
            process = subprocess.Popen([*command, "--access-log", "off"], stdin=subprocess.DEVNULL, stderr=writer)
            os.close(writer)
            stack.callback(process.wait)
            stack.callback(process.kill)
            door = DOORS["http"](f"{tmp_path}/s")
            assert eventually(door.is_open)
            return process, door, reader

        yield start


def test_a_reader_that_does_not_read_delays_no_request_and_no_end(stalled):
    process, door, reader = stalled()
    for _ in range(40):
        assert door.request("GET", "/raises").status == 500
        assert door.request("GET", "/long").body == b"served"
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    os.close(reader)


def test_what_is_dropped_is_counted_and_told(stalled):
    process, door, reader = stalled("--message-buffer", "256K")
    for _ in range(80):
        assert door.request("GET", "/long").body == b"served"
    with open(reader, "rb") as stream:
        log = Log(stream)
        log.wait_for("PD0309")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        log.join()
    told = [line for line in log.lines if line.startswith("y")]
    lost = sum(int(line.split()[2]) for line in log.lines if "PD0309" in line)
    assert set(told) == {"y" * 8000}
    assert lost > 0
    assert len(told) + lost == 80
    assert log.lines[-1].startswith("polydoor: SIGTERM")


def test_tracebacks_of_several_threads_are_whole(complaining):
    with Server(complaining(), threads=4) as server:
        exchanges = [server.doors[0].start("GET", "/raises") for _ in range(60)]
        assert {exchange.finish().status for exchange in exchanges} == {500}
        server.stop()
        blocks = server.log.text.split("polydoor: PD0401: ")[1:]
        blocks[-1] = blocks[-1].partition("polydoor: SIGTERM")[0]
    assert len(blocks) == 60
    assert len({block.partition("\n")[2].rstrip("\n") for block in blocks}) == 1


def test_lines_of_wsgi_errors_are_whole_and_none_is_kept_back(complaining):
    with Server(complaining(), threads=4) as server:
        exchanges = [server.doors[0].start("GET", "/pieces") for _ in range(30)]
        assert {exchange.finish().body for exchange in exchanges} == {b"served"}
        server.stop()
    assert server.log.text.count("one two three\n") == 30
    assert server.log.text.count("no end") == 30


def test_a_line_that_a_message_has_ended_is_not_ended_again(complaining):
    with Server(complaining()) as server:
        assert server.doors[0].request("GET", "/half").status == 500
        server.stop()
    lines = server.log.lines
    assert "" not in lines[lines.index("the first half") :]


@pytest.mark.parametrize(
    "setup",
    [
        "sys.stderr = io.StringIO()",
        "sys.stderr = None",
        "sys.stderr = type('Odd', (), {'flush': lambda self: None})()",
        "os.dup2(os.open(os.devnull, os.O_WRONLY), 2)",
    ],
)
def test_what_the_application_does_to_standard_error_hides_no_message(complaining, setup):
    with Server(complaining(setup)) as server:
        assert server.doors[0].request("GET", "/raises").status == 500
        assert server.doors[0].request("GET", "/pieces").body == b"served"
        server.log.wait_for("LookupError")
        server.log.wait_for("one two three")
        server.stop()
    assert "SIGTERM: finishing open requests" in server.log.text


def test_wsgi_errors_of_a_forked_child_is_written(complaining):
    with Server(complaining("import warnings; warnings.simplefilter('ignore')")) as server:
        assert server.doors[0].request("GET", "/child").body == b"served"
        server.log.wait_for("from the child")


def test_an_import_that_replaces_standard_error_and_fails_is_told(complaining):
    command = [
        sys.executable,
        "-m",
        "polydoor",
        complaining("sys.stderr = io.StringIO()\nnothing"),
        "-b",
        "127.0.0.1:0",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 3
    assert "PD0103" in done.stderr
