"""The server's own answers: a small page of the kind that the client asked for, compared whole with golden files."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from peers import http
from support.fixtures import PROTOCOLS
from support.holding import HoldingServer
from support.server import APPS, Server, one_each

GOLDEN = Path(__file__).parent.parent / "golden" / "pages"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ACCEPTS = {"html": BROWSER, "json": "application/json, text/plain, */*", "txt": "*/*"}
TYPES = {"html": "text/html; charset=utf-8", "json": "application/json", "txt": "text/plain; charset=utf-8"}
REQUEST_ID = re.compile(r"[0-9a-f]{16}")
LIMIT = ("--body-limit", "1000", "--target-limit", "500", "--message-burst", "0")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A server whose limits are small."""
    folder = tmp_path_factory.mktemp("small")
    urls = one_each(folder)
    with Server(f"{APPS}/conformance.py:application", urls, options=LIMIT) as opened:
        yield opened


def golden(response, name):
    """Compares a response with a golden file, the request id apart; returns the id."""
    kind = name.rpartition(".")[2]
    text = response.body.decode()
    assert response.complete
    assert response.header("Content-Type") == TYPES[kind]
    assert response.header("Cache-Control") == "no-store"
    assert response.header("X-Content-Type-Options") == "nosniff"
    (ident,) = REQUEST_ID.findall(text)
    assert text.replace(ident, "0" * 16) == (GOLDEN / name).read_text()
    return ident


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", ACCEPTS)
def test_error_of_the_application(small, protocol, kind):
    door = small.door(protocol)
    response = door.request("GET", "/crash?where=call", [("Accept", ACCEPTS[kind])])
    assert response.status == 500
    ident = golden(response, f"500.{kind}")
    assert "error in the application" in small.log.wait_for(f"id {ident}")


@pytest.mark.parametrize("protocol", ["http", "fastcgi"])
@pytest.mark.parametrize("kind", ACCEPTS)
def test_body_over_the_limit(small, protocol, kind):
    fields = [("Accept", ACCEPTS[kind])]
    response = small.door(protocol).request("POST", "/mirror", fields, b"x" * 2000, unknown=True)
    assert response.status == 413
    ident = golden(response, f"413.{kind}")
    assert "the request body is larger" in small.log.wait_for(ident)


@pytest.mark.parametrize("kind", ACCEPTS)
def test_path_that_is_refused(small, kind):
    response = small.door("http").request("GET", "/a%00b", [("Accept", ACCEPTS[kind])])
    assert response.status == 400
    golden(response, f"400-path.{kind}")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", ACCEPTS)
def test_announced_body_over_the_limit(small, protocol, kind):
    with small.door(protocol).start("POST", "/up?load", [("Accept", ACCEPTS[kind])], length=2000) as upload:
        response = upload.finish()
    assert response.status == 413
    ident = golden(response, f"413.{kind}")
    assert "request POST /up" in small.log.wait_for(ident)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_head_of_a_refused_length_has_no_body(small, protocol):
    with small.door(protocol).start("HEAD", "/", [("Accept", BROWSER)], length=2000) as asked:
        response = asked.finish()
    assert (response.status, response.body, response.complete) == (413, b"", True)
    assert response.header("Content-Type") == TYPES["html"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_body_that_does_not_arrive(tmp_path, protocol):
    app = f"{APPS}/conformance.py:application"
    with (
        Server(app, one_each(tmp_path), options=["--body-timeout", "0.2"]) as server,
        server.door(protocol).start("POST", "/mirror", [("Accept", BROWSER)], length=100) as upload,
    ):
        response = upload.finish()
    assert response.status == 408
    golden(response, "408.html")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_thread_becomes_free(tmp_path, protocol):
    options = ["--queue-timeout", "0.2", "--queue-limit", "1"]
    with HoldingServer(tmp_path, one_each(tmp_path), threads=1, options=options) as server:
        door = server.door(protocol)
        held = server.hold(door)
        held.wait_running()
        with door.start("GET", "/quick?id=waits", [("Accept", BROWSER)]) as waiting:
            refused = door.request("GET", "/quick?id=refused", [("Accept", BROWSER)])  # the queue is full at once
            late = waiting.finish()
        held.release()
        assert held.exchange.finish().status == 200
    for response in (refused, late):
        assert response.status == 503
        assert response.header("Retry-After") == "1"
        golden(response, "503.html")


@pytest.mark.parametrize(
    ("name", "request_bytes"),
    [
        ("400.txt", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        ("414.txt", b"GET /" + b"x" * 600 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("417.txt", b"POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n"),
        ("417.html", b"POST / HTTP/1.1\r\nExpect: tea\r\nHost: a\r\nAccept: text/html\r\n\r\n"),
        ("431.txt", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 300_000 + b"\r\n\r\n"),
        ("501.txt", b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("501.html", b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n"),
        ("501.html", b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: br, chunked\r\nAccept: text/html\r\n\r\n"),
        ("400-host.html", b"GET / HTTP/1.1\r\nAccept: text/html\r\n\r\n"),
        ("400.txt", b"GET / HTTP/1.1\r\nAccept: text/html\r\nHost : a\r\n\r\n"),
        ("505.txt", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    ],
)
def test_request_that_is_refused_before_the_application(small, name, request_bytes):
    with http.HttpConnection(small.door("http").address) as client:
        client.send(request_bytes)
        response = client.read()
    assert response.status == int(name[:3])
    ident = golden(response, name)
    small.log.wait_for(ident)


def test_head_has_no_body(small):
    for protocol in PROTOCOLS:
        response = small.door(protocol).request("HEAD", "/crash?where=call", [("Accept", BROWSER)])
        assert (response.status, response.body) == (500, b"")
        assert response.header("Content-Type") == TYPES["html"]


class Outline(HTMLParser):
    """What a page refers to, and that its elements close in order."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.seen = {}

    def handle_starttag(self, tag, attrs):
        self.seen.setdefault(tag, dict(attrs))
        assert not {"src", "href", "onclick", "style"} & {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.html")), ids=lambda path: path.stem)
def test_html_is_small_and_refers_to_nothing(path):
    page = path.read_text()
    assert page.startswith("<!doctype html>\n")
    assert len(page) < 1024
    outline = Outline()
    outline.feed(page)
    outline.close()
    assert outline.open == []
    assert outline.seen["html"] == {"lang": "en"}
    assert {"title", "h1", "p"} <= set(outline.seen)
    assert "script" not in outline.seen
    assert "url(" not in page


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_json_says_what_the_text_says(path):
    value = json.loads(path.read_text())
    assert sorted(value) == ["detail", "request_id", "status", "title"]
    text = path.with_suffix(".txt").read_text()
    assert text == f"{value['status']} {value['title']}\n{value['detail']}\nRequest {value['request_id']}\n"
