"""`polydoor request` against our own server and against servers that answer badly; what it prints is compared whole."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from peers import fastcgi
from polydoor import __version__
from polydoor.cli import main
from polydoor.client.address import parse_address
from polydoor.client.trace import Trace
from support import cbuild
from support.asking import Answerer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from peers.door import Door

    Ask = Callable[..., tuple[int, bytes, str]]

GOLDEN = cbuild.ROOT / "tests" / "golden" / "request"
PLAIN = b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
END = fastcgi.record(fastcgi.STDOUT, 1) + fastcgi.record(fastcgi.END, 1, bytes(8))
ANSWERS = {
    "http": b"HTTP/1.1 200 OK\r\n" + PLAIN,
    "fastcgi": fastcgi.record(fastcgi.STDERR, 1, b"a \x1b warning\n")
    + fastcgi.record(fastcgi.STDOUT, 1, b"Status: 200 OK\r\n" + PLAIN)
    + END,
    "scgi": b"Status: 200 OK\r\n" + PLAIN,
    "uwsgi": b"HTTP/1.1 200 OK\r\n" + PLAIN,
}


def address_of(door: Door) -> str:
    """How the command names a door."""
    if isinstance(door.address, tuple):
        return "{}://{}:{}".format(door.name, *door.address)
    return f"{door.name}+unix:{door.address}"


@pytest.fixture
def ask(capsysbinary: pytest.CaptureFixture[bytes]) -> Ask:
    """Runs the command in this process: exit status, standard output, standard error."""

    def run(*words: str) -> tuple[int, bytes, str]:
        capsysbinary.readouterr()
        status = main(["request", *words])
        out, err = capsysbinary.readouterr()
        return status, out, err.decode()

    return run


# --- our own server, over each door ---


def test_each_door_is_asked(lasting_door: Door, ask: Ask) -> None:
    status, out, err = ask(
        address_of(lasting_door), "PATCH", "/echo/a%2Fb%20c?x=y", "-H", "X-Own: 1", "-H", "X-Empty;", "-d", "a=b"
    )
    assert (status, err) == (0, "")
    environ = json.loads(out)["environ"]
    assert environ["REQUEST_METHOD"] == "PATCH"
    assert environ["PATH_INFO"] == "/echo/a/b c"
    assert environ["QUERY_STRING"] == "x=y"
    assert environ["HTTP_X_OWN"] == "1"
    assert environ["HTTP_X_EMPTY"] == ""
    assert environ["CONTENT_LENGTH"] == "3"
    assert environ["CONTENT_TYPE"] == "application/x-www-form-urlencoded"
    assert environ["HTTP_USER_AGENT"] == f"polydoor/{__version__}"


def test_each_door_gets_a_large_file_whole(lasting_door: Door, ask: Ask, tmp_path: Path) -> None:
    data = os.urandom(3_000_001)
    (tmp_path / "data").write_bytes(data)
    status, out, _ = ask(address_of(lasting_door), "/digest", "-T", str(tmp_path / "data"))
    assert status == 0
    assert hashlib.sha256(data).hexdigest() in out.decode()


def test_each_door_sends_a_large_body_whole(lasting_door: Door, ask: Ask, tmp_path: Path) -> None:
    status, out, err = ask(address_of(lasting_door), "/sized?count=100&size=20000", "-o", str(tmp_path / "out"), "-i")
    assert (status, err) == (0, "")
    assert b"200 OK\n" in out
    assert (tmp_path / "out").stat().st_size == 2_000_000


def test_a_response_that_breaks_off_is_seen(lasting_door: Door, ask: Ask) -> None:
    status, _, err = ask(address_of(lasting_door), "/crash?where=later-length")
    assert status == 18
    assert err.startswith("polydoor: PD0093: ")


def test_a_body_of_unknown_length_goes_where_the_protocol_can(lasting_door: Door) -> None:
    command = [sys.executable, "-m", "polydoor", "request", address_of(lasting_door), "/digest", "-T", "-"]
    ran = subprocess.run(command, input=b"abc", capture_output=True, check=False)
    if lasting_door.knows_unknown_length:
        assert ran.returncode == 0, ran.stderr
        assert hashlib.sha256(b"abc").hexdigest() in ran.stdout.decode()
    else:
        assert ran.returncode == 2
        assert b"-d @-" in ran.stderr


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("http://127.0.0.1:8000/a?b=/c", "/a?b=/c"),
        ("http://127.0.0.1:8000?b=/c", "/?b=/c"),
        ("ajp.example:8000/?b", "/?b"),
        ("ajp://127.0.0.1:8009", ""),
    ],
)
def test_a_target_may_stand_in_the_address(text: str, target: str) -> None:
    assert parse_address(text).target == target


def test_head_has_no_body(lasting_door: Door, ask: Ask) -> None:
    status, out, _ = ask(address_of(lasting_door), "HEAD", "/sized?count=1&size=10", "-i")
    assert status == 0
    assert out.endswith(b"\n\n")


# --- what it prints ---


@pytest.mark.parametrize("protocol", ANSWERS)
def test_what_is_shown(protocol: str, ask: Ask) -> None:
    until = fastcgi.record(fastcgi.STDIN, 1) if protocol == "fastcgi" else b"a=b"
    with Answerer(ANSWERS[protocol], until=until) as server:
        status, out, err = ask(f"{protocol}://{server.place}", "POST", "/shop?q=1", "-d", "a=b", "-i", "-v")
    told = f"status {status}\n--- standard output\n{out.decode()}\n--- standard error\n{err}"
    told = told.replace(server.place, "HOST:PORT").replace(server.place.partition(":")[2], "PORT")
    told = told.replace(f"polydoor/{__version__}", "polydoor/VERSION")
    told = re.sub(r"(PARAMS id 1|netstring|packet, modifiers 0 and 0), [1-9]\d+ bytes", r"\1, N bytes", told)
    golden = GOLDEN / f"{protocol}.txt"
    if os.environ.get("POLYDOOR_TEST_WRITE"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8")


def test_what_steers_a_terminal_is_not_shown(ask: Ask) -> None:
    with Answerer(b"HTTP/1.1 200 OK\r\nA: \x9b31m\r\nContent-Length: 0\r\n\r\n", until=b"\r\n\r\n") as server:
        _, _, err = ask(f"http://{server.place}", "-v")
    assert "A: \\x9b31m" in err


# --- servers that answer badly ---

BROKEN = [
    ("http", b"", "eof", 52, "PD0080"),
    ("http", b"", "reset", 52, "PD0080"),
    ("http", b"SSH-2.0-x\r\n", "eof", 8, "PD0083"),
    ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "eof", 18, "PD0093"),
    ("http", b"HTTP/1.1 200 OK\r\n\r\nhalf", "reset", 18, "PD0093"),
    ("fastcgi", b"HTTP/1.1 400 Bad Request\r\n\r\n", "eof", 8, "PD0087"),
    ("fastcgi", fastcgi.record(fastcgi.END, 1, b"\0\0\0\0\2\0\0\0"), "eof", 8, "PD0088"),
    ("fastcgi", fastcgi.record(fastcgi.STDOUT, 1, b"A: b\n\nhalf"), "eof", 18, "PD0093"),
    ("fastcgi", END, "eof", 8, "PD0081"),
    ("scgi", b"Traceback (most recent call last):\n\n", "eof", 8, "PD0084"),
    ("uwsgi", b"HTTP/1.1 200", "eof", 8, "PD0081"),
    ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "never", 28, "PD0092"),
]


@pytest.mark.parametrize(("protocol", "answer", "ends", "status", "code"), BROKEN)
def test_each_way_to_fail_has_its_status(
    protocol: str, answer: bytes, ends: str, status: int, code: str, ask: Ask
) -> None:
    with Answerer(answer, ends=ends) as server:
        got, _, err = ask(f"{protocol}://{server.place}", "-m", "0.3" if ends == "never" else "20")
    assert (got, code in err) == (status, True), err


@pytest.mark.parametrize(
    ("protocol", "answer", "status"),
    [
        ("http", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000 + ANSWERS["http"], 0),
        ("fastcgi", fastcgi.record(fastcgi.PARAMS, 1, b"\x85\1") + fastcgi.record(fastcgi.PARAMS, 1), 8),
        ("fastcgi", fastcgi.record(fastcgi.PARAMS, 1, b"\5") + fastcgi.record(fastcgi.PARAMS, 1), 8),
    ],
)
def test_whatever_a_server_sends_can_be_shown(protocol: str, answer: bytes, status: int, ask: Ask) -> None:
    with Answerer(answer, until=b"\r\n\r\n" if protocol == "http" else b"") as server:
        got, _, err = ask(f"{protocol}://{server.place}", "-v")
    assert (got, "Traceback" in err) == (status, False), err[-2000:]


def test_what_was_sent_in_part_is_not_shown() -> None:
    lines: list[str] = []
    trace = Trace("ajp", lines.append)
    trace(">", b"\x12\x34\1\0\2\2 ... \x0c\0\6s3cret")
    trace.end()
    assert lines == ["> 20 bytes that are no whole packet"]


def test_nobody_listens(ask: Ask, tmp_path: Path) -> None:
    status, _, err = ask(f"fastcgi+unix:{tmp_path}/none")
    assert status == 7
    assert err.startswith(f"polydoor: PD0091: cannot connect to fastcgi+unix:{tmp_path}/none: no such file")


def test_an_early_answer_is_read_while_the_body_is_not(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(20_000_000))
    answer = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n"
    with Answerer(answer, ends="never") as server:
        status, out, _ = ask(f"http://{server.place}", "/", "-T", str(tmp_path / "large"), "-m", "20")
    assert (status, out) == (0, b"no\n")


def test_a_body_that_does_not_come_delays_neither_the_answer_nor_the_end() -> None:
    reader, writer = os.pipe()  # nobody writes, and nobody closes
    command = [sys.executable, "-m", "polydoor", "request", "-T", "-"]
    with os.fdopen(reader) as silent, os.fdopen(writer), Answerer(ANSWERS["http"], until=b"\r\n\r\n") as server:
        ran = subprocess.run([*command, f"http://{server.place}"], stdin=silent, capture_output=True, check=False)
        assert (ran.returncode, ran.stdout) == (0, b"hello")
    reader, writer = os.pipe()
    with os.fdopen(reader) as silent, os.fdopen(writer), Answerer(until=b"never") as server:
        words = [f"http://{server.place}", "-m", "0.3"]
        ran = subprocess.run([*command, *words], stdin=silent, capture_output=True, check=False)
        assert ran.returncode == 28
        assert b"PD0092" in ran.stderr


@pytest.mark.parametrize(
    ("words", "redirected", "status", "said"),
    [
        (["-T", "-"], "<&-", 26, "cannot read standard input: Bad file descriptor"),
        (["-d", "@-"], "<&-", 26, "cannot read standard input: Bad file descriptor"),
        (["-T", "/dev"], "<&-", 26, "cannot read /dev: Is a directory"),
        ([], ">&-", 23, "PD0019"),
        (["-i"], ">/dev/full", 23, "PD0019"),
    ],
)
def test_standard_streams_that_are_closed_or_full(
    words: list[str], redirected: str, status: int, said: str, tmp_path: Path
) -> None:
    with Answerer(ANSWERS["http"], until=b"\r\n\r\n") as server:
        command = [sys.executable, "-m", "polydoor", "request", f"http://{server.place}", *words]
        shell = ["sh", "-c", f'exec "$@" {redirected}', "sh", *command]
        ran = subprocess.run(shell, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (ran.returncode, said in ran.stderr) == (status, True), ran.stderr


def test_a_file_has_its_length_also_when_standard_input_is_closed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    with Answerer(ANSWERS["http"], until=b"abc") as server:
        command = [sys.executable, "-m", "polydoor", "request", f"http://{server.place}", "-v", "-T", "file"]
        shell = ["sh", "-c", 'exec "$@" <&-', "sh", *command]
        ran = subprocess.run(shell, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "hello"), ran.stderr
    assert "> Content-Length: 3\n" in ran.stderr


def test_fail_makes_an_error_of_a_status(ask: Ask) -> None:
    with Answerer(b"Status: 404 Not Found\r\n\r\ngone") as server:
        assert ask(f"scgi://{server.place}")[:2] == (0, b"gone")
        status, out, err = ask(f"scgi://{server.place}", "-f")
    assert (status, out) == (22, b"gone")
    assert "PD0096" in err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "no address is named"),
        (("http://127.0.0.1:1", "-X", "POST"), 2, "polydoor request URL METHOD PATH\n"),
        (("http://127.0.0.1:1", "-I"), 2, "polydoor request URL HEAD PATH -i\n"),
        (("http://127.0.0.1:1#x",), 2, "#x is a fragment"),
        (("http://127.0.0.1:1/\u00e9?a=%20 b",), 2, "with escapes: /%C3%A9?a=%20%20b\n"),
        (("scgi://127.0.0.1:1", "-H", "A: b\r\nC: d"), 2, "may not hold a line end"),
        (("fastcgi://127.0.0.1:1", "-H", "A\n: b"), 2, "may not hold a line end"),
        (("https://example.com",), 2, "Use curl for https://"),
        (("ftp://a",), 2, "the protocol 'ftp' is unknown"),
        (("scgi://127.0.0.1",), 2, "it needs a port"),
        (("http://a:b@c",), 2, "Authorization"),
        (("http://127.0.0.1:1/a", "GET", "/b"), 2, "the path stands twice"),
        (("http://127.0.0.1:1", "G T", "/"), 2, "the method is not a token"),
        (("http://127.0.0.1:1", "-H", "nonsense"), 2, "--header needs 'Name: value'"),
        (("http://127.0.0.1:1", "-H", "Content-Length: 3"), 2, "may not set Content-Length"),
        (("http://127.0.0.1:1", "--param", "A=b"), 2, "--param and --script-filename"),
        (("http://127.0.0.1:1", "-d", "a", "-T", "b"), 2, "only one can be sent"),
        (("http://127.0.0.1:1", "-T", "/nonexistent"), 26, "cannot read /nonexistent"),
        (("http://127.0.0.1:1", "--threads", "2"), 2, "unknown option --threads"),
        (("http://127.0.0.1:1", "-m", "soon"), 2, "--timeout needs"),
    ],
)
def test_what_cannot_be_asked_is_refused(words: tuple[str, ...], status: int, said: str, ask: Ask) -> None:
    got, _, err = ask(*words)
    assert (got, said in err) == (status, True), err


@pytest.mark.parametrize("protocol", ["fastcgi", "ajp"])
def test_a_server_that_speaks_http_is_told_to(protocol: str, ask: Ask) -> None:
    with Answerer(b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        _, _, err = ask(f"{protocol}://{server.place}")
    assert "\n  It may speak HTTP" in err


def test_a_file_that_cannot_be_written(ask: Ask, tmp_path: Path) -> None:
    with Answerer(ANSWERS["http"]) as server:
        status, _, err = ask(f"http://{server.place}", "-o", f"{tmp_path}/none/out")
    assert status == 23
    assert "PD0095" in err
