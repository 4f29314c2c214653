"""The 58 hostile HTTP/1.1 requests of reliability 2.1, each followed by a pipelined good one: none is accepted."""

from __future__ import annotations

import re

import pytest

from peers import http
from peers.wire import Wire


def post(fields, body):
    return b"POST %TARGET% HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n" + body


def chunked(body):
    return post(b"Transfer-Encoding: chunked\r\n", body)


def coding(line):
    return post(line + b"\r\n", b"2\r\nhi\r\n0\r\n\r\n")


def length(line):
    return post(line + b"\r\n", b"hi")


def field(line):
    return b"GET %TARGET% HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n"


def line(text):
    return text + b"\r\nHost: a\r\n\r\n"


HOSTILE = {
    # chunk framing, 13
    "chunk-underscore": chunked(b"0_2\r\nhi\r\n0\r\n\r\n"),
    "chunk-0x": chunked(b"0x2\r\nhi\r\n0\r\n\r\n"),
    "chunk-plus": chunked(b"+2\r\nhi\r\n0\r\n\r\n"),
    "chunk-minus": chunked(b"-2\r\nhi\r\n0\r\n\r\n"),
    "chunk-leading-space": chunked(b" 2\r\nhi\r\n0\r\n\r\n"),
    "chunk-empty-size": chunked(b"\r\nhi\r\n0\r\n\r\n"),
    "chunk-2**64+2": chunked(b"10000000000000002\r\nhi\r\n0\r\n\r\n"),
    "chunk-lf": chunked(b"2\nhi\r\n0\r\n\r\n"),
    "chunk-cr": chunked(b"2\rhi\r\n0\r\n\r\n"),
    "chunk-ext-lf": chunked(b"2;a\nb\r\nhi\r\n0\r\n\r\n"),
    "chunk-ext-cr": chunked(b"2;a\rb\r\nhi\r\n0\r\n\r\n"),
    "chunk-xx": chunked(b"2\r\nhiXX0\r\n\r\n"),
    "chunk-last-lf": chunked(b"2\r\nhi\r\n0\n\n"),
    # Transfer-Encoding, 7
    "te-comma": coding(b"Transfer-Encoding: ,chunked"),
    "te-vt": coding(b"Transfer-Encoding: \x0bchunked"),
    "te-nel": coding(b"Transfer-Encoding: \x85chunked"),
    "te-xchunked": coding(b"Transfer-Encoding: xchunked"),
    "te-twice": coding(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
    "te-not-last": coding(b"Transfer-Encoding: chunked, identity"),
    "te-http10": coding(b"Transfer-Encoding: chunked").replace(b"HTTP/1.1", b"HTTP/1.0"),
    # both, 2
    "cl-te": post(b"Content-Length: 12\r\nTransfer-Encoding: chunked\r\n", b"2\r\nhi\r\n0\r\n\r\n"),
    "te-cl": post(b"Transfer-Encoding: chunked\r\nContent-Length: 12\r\n", b"2\r\nhi\r\n0\r\n\r\n"),
    # Content-Length, 12
    "cl-minus": length(b"Content-Length: -2"),
    "cl-plus": length(b"Content-Length: +2"),
    "cl-underscore": length(b"Content-Length: 0_2"),
    "cl-0x": length(b"Content-Length: 0x2"),
    "cl-letter": length(b"Content-Length: 2Z"),
    "cl-empty": length(b"Content-Length: "),
    "cl-list": length(b"Content-Length: 2,2"),
    "cl-twice": length(b"Content-Length: 2\r\nContent-Length: 2"),
    "cl-differ": length(b"Content-Length: 2\r\nContent-Length: 3"),
    "cl-space": length(b"Content-Length: 2 2"),
    "cl-2**64+2": length(b"Content-Length: 18446744073709551618"),
    "cl-10**30": length(b"Content-Length: 1" + b"0" * 30),
    # header bytes, 9
    "value-nul": field(b"X-A: a\0b"),
    "value-cr": field(b"X-A: a\rb"),
    "value-ctl": field(b"X-A: a\x08b"),
    "name-empty": field(b": a"),
    "name-nul": field(b"X\0A: a"),
    "name-bad": field(b"X(A): a"),
    "name-space": field(b"X-A : a"),
    "obs-fold": field(b"X-A: a\r\n b"),
    "no-colon": field(b"X-A"),
    # Host, 2
    "host-missing": b"GET %TARGET% HTTP/1.1\r\n\r\n",
    "host-twice": b"GET %TARGET% HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    # request line, 11
    "version-letter": line(b"GET %TARGET% HTTP/1.1x"),
    "version-2": line(b"GET %TARGET% HTTP/2.0"),
    "version-zero": line(b"GET %TARGET% HTTP/01.1"),
    "version-none": line(b"GET %TARGET%"),
    "method-bad": line(b"G=ET %TARGET% HTTP/1.1"),
    "tabs": line(b"GET\t%TARGET%\tHTTP/1.1"),
    "target-space": line(b"GET %TARGET% x HTTP/1.1"),
    "lf-only": b"GET %TARGET% HTTP/1.1\nHost: a\n\n",
    "target-nul": line(b"GET %TARGET%\0 HTTP/1.1"),
    "target-%00": line(b"GET /echo%00%QUERY% HTTP/1.1"),
    "target-raw-high": line(b"GET %TARGET%\xc3\xa9 HTTP/1.1"),
}

# Two more: these are served, but the ambiguous name must not reach the application.
UNDERSCORES = {"X_Real_Ip": "HTTP_X_REAL_IP", "Content_Length": "HTTP_CONTENT_LENGTH"}


def test_there_are_58():
    assert len(HOSTILE) + len(UNDERSCORES) == 58


@pytest.mark.parametrize("mode", ["", "-stream"], ids=["buffered", "stream"])
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_request_is_refused(doors, control, key, name, mode):
    query = f"?key={key}".encode()
    target = b"/absorb" + query
    data = HOSTILE[name].replace(b"%TARGET%", target).replace(b"%QUERY%", query)
    with http.HttpConnection(doors["http" + mode].address) as client:
        client.send(data + http.head("GET", f"/echo?key={key}-behind", []))
        response = client.read()
        # In stream mode the application has run and raised what read() raised: that is a 500.
        raised = {500} if mode and name.startswith("chunk-") else set()
        assert response.status in {400, 413, 501, 505} | raised, response.summary()
        assert response.header("Connection") == "close"
        assert client.is_closed()
    assert control.notes(f"{key}-behind") == []
    noted = control.notes(key)
    if mode and name.startswith("chunk-"):
        # The head was good: the application runs and its read() raises.
        assert noted == [] or control.notes(key, 2)[1][1] is True, noted
    else:
        assert noted == []


@pytest.mark.parametrize("name", sorted(UNDERSCORES))
def test_an_ambiguous_name_is_dropped(http_door, name):
    environ = http_door.request("GET", "/echo", [(name, "2")]).json()["environ"]
    assert UNDERSCORES[name] not in environ
    assert environ.get("CONTENT_LENGTH", "") == ""


LIMITS = {
    "target": (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", {414, 431}),
    "head": (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 1_000_000 + b"\r\n\r\n", {431}),
    "fields": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: a\r\n" * 10_000 + b"\r\n", {431}),
    "body": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n", {413}),
    "coding": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", {501}),
    "version": (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", {505}),
    "expectation": (b"POST / HTTP/1.1\r\nHost: a\r\nExpect: miracle\r\nContent-Length: 1\r\n\r\n", {417}),
    "connect": (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", {405, 501}),
}


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_limits_have_their_status(http_door, name):
    data, statuses = LIMITS[name]
    with Wire(http_door.address) as wire:
        answer = b""

        def take(piece):
            nonlocal answer
            answer += piece
            return False

        wire.pump(data, take)
    match = re.match(rb"HTTP/1\.1 (\d\d\d) ", answer)
    assert match, answer[:300]
    assert int(match[1]) in statuses
