"""Pipelined and kept connections (reliability A11 to A13)."""

from __future__ import annotations

import pytest

from peers import fastcgi, http


def test_a11_a_thousand_pipelined_requests_are_answered_in_order(http_door):
    with http.HttpConnection(http_door.address) as client:
        client.send(b"".join(http.head("GET", f"/echo/{number}", []) for number in range(1000)))
        for number in range(1000):
            assert client.read().json()["environ"]["PATH_INFO"] == f"/echo/{number}"
        assert client.ask("GET", "/arguments").json() == [2, []]


def test_a11_pipelined_uploads_are_answered_in_order(http_door):
    with http.HttpConnection(http_door.address) as client:
        for number in range(100):
            body = b"%d" % number * (number + 1)
            if number % 2:
                client.send(http.head("POST", "/mirror", [("Content-Length", str(len(body)))]) + body)
            else:
                client.send(http.head("POST", "/mirror", [("Transfer-Encoding", "chunked")]) + http.chunked(body, 7))
        for number in range(100):
            assert client.read().body == b"%d" % number * (number + 1)


@pytest.mark.parametrize("size", [262_143, 262_144, 262_145, 300_000, 1 << 20])
def test_a11_a_request_behind_a_large_upload_is_the_next(http_door, size):
    body = bytes(range(256)) * (size // 256 + 1)
    with http.HttpConnection(http_door.address) as client:
        upload = http.head("POST", "/mirror", [("Content-Length", str(size))]) + body[:size]
        client.send((upload + http.head("GET", "/arguments", [])) * 2)
        for _ in range(2):
            assert client.read().body == body[:size]
            assert client.read().json() == [2, []]


def test_a11_a_slow_first_request_holds_the_later_ones_back(http_door, control, key):
    with http.HttpConnection(http_door.address) as client:
        client.send(http.head("GET", f"/gated?key={key}", []) + http.head("GET", "/arguments", []))
        control.open(f"{key}-a")
        control.open(f"{key}-b")
        assert client.read().body == b"first second third"
        assert client.read().json() == [2, []]


@pytest.mark.parametrize(
    "bad", [b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n"]
)
def test_a12_a_bad_request_behind_a_good_one(http_door, control, key, bad):
    with http.HttpConnection(http_door.address) as client:
        client.send(http.head("GET", "/arguments", []) + bad + http.head("GET", f"/echo?key={key}", []))
        assert client.read().json() == [2, []]
        refused = client.read()
        assert (refused.status, refused.header("Connection")) == (400, "close")
        assert client.is_closed()
    assert control.notes(key) == []


def test_a12_empty_lines_between_requests_are_skipped(http_door):
    with http.HttpConnection(http_door.address) as client:
        client.send(b"\r\n" + http.head("GET", "/arguments", []) + b"\r\n" + http.head("GET", "/arguments", []))
        assert client.read().json() == [2, []]
        assert client.read().json() == [2, []]


def test_close_is_granted_and_announced(http_door):
    with http.HttpConnection(http_door.address) as client:
        response = client.ask("GET", "/arguments", [("Connection", "close")])
        assert (response.json(), response.header("Connection")) == ([2, []], "close")
        assert client.is_closed()


def test_http_1_0_is_kept_only_on_request(http_door):
    with http.HttpConnection(http_door.address) as client:
        client.send(http.head("GET", "/arguments", [("Connection", "keep-alive")], version="HTTP/1.0"))
        response = client.read()
        assert (response.json(), (response.header("Connection") or "").lower()) == ([2, []], "keep-alive")
        client.send(http.head("GET", "/arguments", [], version="HTTP/1.0"))
        assert client.read().json() == [2, []]
        assert client.is_closed()


def test_a13_the_head_may_come_in_single_bytes(http_door):
    data = http.head("POST", "/mirror", [("Transfer-Encoding", "chunked")]) + http.chunked(b"body", 2)
    with http.HttpConnection(http_door.address) as client:
        for _ in range(2):
            for at in range(len(data)):
                client.send(data[at : at + 1])
            assert client.read().body == b"body"


def test_a_hundred_requests_on_one_fastcgi_connection(fcgi_door):
    with fastcgi.FcgiConnection(fcgi_door.address) as client:
        for number in range(100):
            body = b"%d" % number * number
            client.start(1, fcgi_door.variables("POST", "/mirror", length=len(body)), body)
            assert client.response(1).body == body
        assert all(response.complete for response in client.finished[1])
