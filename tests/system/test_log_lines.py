"""Lines of the engine in the log: the code at its fixed place, then what happened, to whom, in which request."""

import re
import socket

from support.server import APPS, Server


def ask(address, raw):
    with socket.create_connection(address) as peer:
        peer.sendall(raw)
        return peer.makefile("rb").read()


def test_a_refused_request_is_told_with_code_and_peer():
    with Server(f"{APPS}/trivial.py:app") as server:
        assert ask(server.doors[0].address, b"GET / HTTP/1.1\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        line = server.log.wait_for("PD0512")
    assert re.fullmatch(r"polydoor: PD0512: a line ends in a bare LF; peer 127\.0\.0\.1; id [0-9a-f]+", line)


def test_a_response_that_is_short_is_told_with_its_request():
    with Server("messages_app:app", cwd=APPS) as server:
        ask(server.doors[0].address, b"GET /short HTTP/1.1\r\nHost: x\r\n\r\n")
        line = server.log.wait_for("PD0404")
    assert re.fullmatch(
        r"polydoor: PD0404: the application gave less than its Content-Length; "
        r"peer 127\.0\.0\.1; request GET /short; id [0-9a-f]+",
        line,
    )


def test_an_exception_is_told_with_its_code():
    with Server("messages_app:app", cwd=APPS) as server:
        ask(server.doors[0].address, b"GET /raise HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        line = server.log.wait_for("PD0401")
    assert line.startswith("polydoor: PD0401: error in the application: GET /raise")


UNSHOWABLE = ["__qualname__", "__traceback__", "__cause__", "__context__", "__notes__", "__str__"]


def get(server, target):
    return ask(server.doors[0].address, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())


def test_no_exception_gets_past_its_request():
    with Server("unshowable:application", cwd=APPS, options=["-t", "1"]) as server:
        for name in UNSHOWABLE:
            assert get(server, f"/raise?{name}").startswith(b"HTTP/1.1 500 ")
            assert get(server, f"/close?{name}").startswith(b"HTTP/1.1 200 ")
        assert get(server, "/").endswith(b"hello")
    assert server.log.text.count("PD0401: error in the application: GET /raise") == len(UNSHOWABLE)
    assert server.log.text.count("PD0402: error in close()") == len(UNSHOWABLE)
    assert server.log.text.count("NamelessError: cannot be shown, as that raises SystemExit") == 2


def test_with_dev_neither():
    with Server("unshowable:application", cwd=APPS, options=["--dev", "-t", "1"]) as server:
        for name in UNSHOWABLE:
            assert get(server, f"/raise?{name}").startswith(b"HTTP/1.1 500 ")
        assert get(server, "/").endswith(b"hello")
        server.log.wait_for("error in the page of an error")


def test_a_traceback_begins_with_the_application():
    with Server("unshowable:application", cwd=APPS) as server:
        get(server, "/raise?x")
        get(server, "/bad-block?")
        server.log.wait_for("TypeError: the response body must be bytes, not str")
    lines = server.log.lines
    at = next(number for number, line in enumerate(lines) if line.startswith("Traceback"))
    assert re.fullmatch(r'  File ".*/unshowable\.py", line \d+, in application', lines[at + 1])
    assert "polydoor/bridge" not in server.log.text
    at = next(number for number, line in enumerate(lines) if "GET /bad-block" in line)
    assert lines[at + 1].startswith("TypeError: ")
