"""The load generator against our own server over every protocol, and against peers that do wrong."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

import generator
from support.load import NOTHING, OVER, RIGHT, Peer, load, program
from support.server import APPS, Server, one_each

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(300)  # the first of them compiles the program
PROTOCOLS = ("http", "fastcgi", "scgi", "uwsgi", "ajp")
KEPT = ("http", "fastcgi", "ajp")


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where a server of the conformance application speaks which protocol."""
    folder = tmp_path_factory.mktemp("load")
    with Server(f"{APPS}/conformance.py:application", one_each(folder), options=["--no-access-log"]) as server:
        yield {door.name: url_of(door.name, door.address) for door in server.doors}


def url_of(protocol: str, address: object) -> str:
    if isinstance(address, tuple):
        return f"{protocol}://{address[0]}:{address[1]}"
    return f"{protocol}+unix:{address}"


def made(size: int) -> bytes:
    """A body of --body."""
    return bytes(ord("a") + n % 23 for n in range(size))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_response_is_right(urls, protocol):
    status, result, said = load(urls[protocol], "/mirror", "-n", "60", "-c", "4")
    assert (status, said) == (0, "")
    assert (result["requests"], result["in_time"], result["latency"]["count"]) == (60, 60, 60)
    assert result["statuses"] == {"200": 60}
    # one was opened for the first response, and is used again; the others when the load began
    assert result["connects"] == (3 if protocol in KEPT else 60)


@pytest.mark.parametrize("protocol", KEPT)
def test_connection_for_each_request(urls, protocol):
    status, result, _ = load(urls[protocol], "/mirror", "-n", "20", "-c", "4", "--close")
    assert (status, result["requests"], result["connects"]) == (0, 20, 20)


@pytest.mark.parametrize(
    ("protocol", "chunked"), [*((each, False) for each in PROTOCOLS), *((each, True) for each in KEPT)]
)
def test_upload_arrives_whole(urls, protocol, chunked, tmp_path):
    body = made(150_000)  # more frames than one, and more than goes with the head
    (tmp_path / "body").write_bytes(body)
    options = ["--body", "150000", "--expect", f"{tmp_path}/body", "-n", "6", "-c", "2", *["--chunked"] * chunked]
    status, result, said = load(urls[protocol], "/mirror", *options)
    assert (status, said) == (0, "")
    assert result["requests"] == 6
    assert result["bytes_sent"] > 900_000
    again = load(urls[protocol], "/mirror", "--body-file", f"{tmp_path}/body", *options[2:])
    assert again[0] == 0, again


@pytest.mark.parametrize("body", [(), ("--body", "3000")], ids=["empty", "body"])
def test_several_requests_at_once_on_a_connection(urls, body):
    status, result, said = load(urls["fastcgi"], "/mirror", "-n", "200", "-c", "2", "--streams", "8", *body)
    assert (status, said) == (0, "")
    assert (result["requests"], result["connects"]) == (200, 1)


def test_head_has_no_body(urls):
    for protocol in PROTOCOLS:
        status, result, _ = load(urls[protocol], "/mirror", "-X", "HEAD", "-n", "10", "-c", "2", "--length", "0")
        assert (status, result["requests"]) == (0, 10)


def test_generator_from_python(urls):
    options = ["-c", "2", "-n", "30", "--warm-up", "0.05"]
    with generator.Generator(f"{urls['http']}/mirror", options, program=program()) as run:
        run.warm()
        load_ = generator.parse(run.run())
    assert (load_.requests, load_.faults) == (30, [])
    assert 0 < load_.latency["p50"] <= load_.latency["p99"] <= load_.latency["max"]
    assert load_.cpu_seconds > 0


# --- peers that do wrong ---

WRONG = {
    "status": (b"HTTP/1.1 500 Oh\r\nContent-Length: 5\r\n\r\nhello",),
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell",),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhallo",),
    "cut": (RIGHT[:-2], OVER),
    "closed": (OVER,),
    "malformed": (b"SSH-2.0-x\r\n\r\n",),
    "surplus": (RIGHT + b"hello",),
    "timeout": (NOTHING,),
}
FIRST = {
    "status": "GET /: status 500 instead of 200",
    "length": "GET /: a body of 4 bytes instead of 5",
    "body": "GET /: the body is not that of the first response",
    "cut": "GET /: broken off behind 3 bytes of the body",
    "closed": "GET /: the server closed the connection without an answer",
    "malformed": "GET /: the response does not begin with a status that may stand there",
    "surplus": "GET /: bytes came behind the end of the response",
    "timeout": "GET /: no response in time",
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_response_is_counted_and_told(kind, tmp_path):
    wrong = WRONG[kind]
    timeout = ["--timeout", "0.3"] if kind == "timeout" else []
    with Peer(tmp_path / "s", [(RIGHT,), (RIGHT,), wrong]):
        status, result, said = load(f"http+unix:{tmp_path}/s", "-c", "1", "-n", "10", *timeout)
    assert status == 1
    assert result["deviations"][kind] >= 1
    assert result["first_deviation"] == FIRST[kind]
    assert FIRST[kind] in said
    total = sum(result["deviations"].values())
    assert result["requests"] == (10 if kind == "surplus" else 10 - total)
    assert total == 1 or kind == "timeout"  # on a busy machine more may be late


def test_only_what_is_asked_for_is_checked(tmp_path):
    for check, right in (("length", ["body"]), ("status", ["body", "length"])):
        path = tmp_path / check
        with Peer(path, [(RIGHT,), *(WRONG[kind] for kind in right)]):
            status, result, _ = load(f"http+unix:{path}", "-c", "1", "-n", "5", "--check", check)
        assert (status, result["requests"]) == (0, 5)


def test_first_response_must_be_right(tmp_path):
    with Peer(tmp_path / "s", [WRONG["status"]]):
        status, result, said = load(f"http+unix:{tmp_path}/s", "-n", "5")
    assert (status, result) == (1, {})
    assert said.endswith(": the first response is not right: GET /: status 500 instead of 200\n")


def test_nobody_there(tmp_path):
    status, result, said = load(f"http+unix:{tmp_path}/s")
    assert (status, result) == (3, {})
    assert said == (
        f"polydoor-load: cannot connect to unix:{tmp_path}/s: GET /: No such file or directory; "
        "check that the server runs there\n"
    )


def test_response_that_ends_the_connection_is_right(tmp_path):
    closes = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
    with Peer(tmp_path / "s", [(closes, OVER)] * 7):
        status, result, _ = load(f"http+unix:{tmp_path}/s", "-c", "1", "-n", "6")
    assert (status, result["requests"], result["connects"]) == (0, 6, 6)


def ajp(payload: bytes) -> bytes:
    return b"AB" + len(payload).to_bytes(2, "big") + payload


AJP_HEAD = ajp(b"\4\0\xc8\0\2OK\0\0\0") + ajp(b"\3\0\5hello\0")


def test_ajp_server_that_takes_no_more_is_left(tmp_path):
    ends = [AJP_HEAD + ajp(b"\5\1"), AJP_HEAD + ajp(b"\5\0"), AJP_HEAD + ajp(b"\5\1"), AJP_HEAD + ajp(b"\5\0")]
    with Peer(tmp_path / "s", [(each,) for each in ends], end=b"\xff", usual=ends[0]):
        status, result, said = load(f"ajp+unix:{tmp_path}/s", "-c", "1", "-n", "6")
    assert (status, said) == (0, "")
    assert (result["requests"], result["connects"]) == (6, 2)


def record(kind: int, number: int, content: bytes = b"", padding: int = 0) -> bytes:
    head = bytes([1, kind, 0, number, 0, len(content), padding, 0])
    return head + content + bytes(padding)


def fastcgi(number: int, padding: int = 0) -> bytes:
    return record(6, number, b"Status: 200 OK\r\n\r\nhello", padding) + record(3, number, bytes(8), padding)


def test_record_for_nobody_is_malformed(tmp_path):
    script = [(fastcgi(1, 5),), (fastcgi(1),), (fastcgi(2),)]
    with Peer(tmp_path / "s", script, end=record(5, 1), usual=fastcgi(1)):
        url = f"fastcgi+unix:{tmp_path}/s"
        status, result, _ = load(url, "-c", "1", "--streams", "2", "-n", "1")
        assert (status, result["requests"]) == (0, 1)
        status, _, said = load(url, "-c", "1", "--streams", "2", "-n", "1")
    assert status == 1
    assert "the first response is not right: GET /: a FastCGI record for a request that is not under way" in said


# --- time ---


def test_late_responses_count_from_when_they_were_due(tmp_path):
    with Peer(tmp_path / "s", [(RIGHT,), (RIGHT,), (0.4, RIGHT)]):
        options = ["-c", "1", "-r", "100", "-d", "0.5", "--timeout", "20", "--drain", "20", "--histogram"]
        status, result, _ = load(f"http+unix:{tmp_path}/s", *options)
    assert status == 0
    assert result["latency"]["count"] == result["requests"] + result["unsent"] == 50
    # One response took so long, but those that were due meanwhile had to wait as well: 20 of them for 0.2 s.
    assert sum(count for seconds, count in result["histogram"] if seconds > 0.2) >= 15


def test_what_is_never_answered_counts_with_the_time_it_waited(tmp_path):
    with Peer(tmp_path / "s", [(RIGHT,), (NOTHING,)]):
        options = ["-c", "1", "-r", "100", "-d", "0.3", "--drain", "0.02"]
        status, result, _ = load(f"http+unix:{tmp_path}/s", *options)
    assert status == 0
    assert (result["requests"], result["unanswered"], result["unsent"]) == (0, 1, 29)
    assert result["latency"]["count"] == 30
    assert result["latency"]["max"] >= 0.3


def test_open_loop_sends_at_its_rate(urls):
    status, result, _ = load(urls["http"], "/mirror", "-c", "8", "-r", "200", "-n", "40", "--timeout", "30")
    assert (status, result["requests"]) == (0, 40)
    assert result["seconds"] >= 39 / 200
    assert (result["loop"], result["rate"]) == ("open", 200)


@pytest.mark.parametrize(
    ("options", "least"),
    [
        (("--body", "300", "--send-rate", "2000"), 0.15),
        (("--body", "300", "--read-rate", "2000"), 0.15),
        (("--think", "0.05"), 0),
    ],
    ids=["sends slowly", "reads slowly", "thinks"],
)
def test_slow_clients(urls, options, least):
    status, result, said = load(urls["http"], "/mirror", "-c", "2", "-n", "4", "--timeout", "30", *options)
    assert (status, said) == (0, "")
    assert result["latency"]["min"] >= least
    assert result["seconds"] >= (0.05 if "--think" in options else 2 * least)


def test_interrupt_ends_it_in_good_order(urls):
    with generator.Generator(f"{urls['http']}/mirror", ["-d", "600"], program=program()) as run:
        run.warm()
        assert run._process.stdin is not None
        run._process.stdin.write("go\n")
        run._process.stdin.flush()
        run._process.send_signal(signal.SIGINT)
        found = run.run()
    assert found["deviations"] == {}
    assert found["seconds"] < 600
