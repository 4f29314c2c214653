"""The conformance application behind Debian's nginx, over each protocol and each way of buffering."""

from __future__ import annotations

import hashlib
import json

import pytest

from interop.frontends import nginx_for
from peers import http
from peers.door import HttpDoor
from support.waiting import eventually

pytestmark = pytest.mark.frontend("nginx")

# Not here: SCGI with request buffering off. nginx before 1.29.6 announces the bytes it has read so far as
# CONTENT_LENGTH then (its commit ec714d52b), so the body cannot arrive whole.
WAYS = {
    "fastcgi": ("fastcgi", False, True),
    "fastcgi-keep": ("fastcgi", True, True),
    "fastcgi-unbuffered": ("fastcgi", False, False),
    "fastcgi-keep-unbuffered": ("fastcgi", True, False),
    "scgi": ("scgi", False, True),
    "uwsgi": ("uwsgi", False, True),
    "http": ("http", True, True),
    "http-unbuffered": ("http", True, False),
}


@pytest.fixture(scope="module", params=sorted(WAYS))
def nginx(request, doors, tmp_path_factory):
    kind, keep, buffering = WAYS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    # Over TCP: a broken response is told by a reset, which a Unix socket does not have.
    address = doors["fastcgi-tcp" if kind == "fastcgi" else kind].address
    with nginx_for(folder, kind, address, keep=keep, buffering=buffering) as running:
        running.kind = kind
        yield running


@pytest.fixture
def front(nginx):
    return HttpDoor(nginx.site.address, ("shop.example", nginx.site.port))


def test_the_path_comes_through_untouched(front):
    environ = front.request("GET", "/echo/a%2Fb//c%20d;x=1/%C3%A9?q=1&r=%20+x").json()["environ"]
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/echo/a/b//c d;x=1/\u00c3\u00a9")
    assert environ["QUERY_STRING"] == "q=1&r=%20+x"


def test_headers_come_through(front):
    headers = [("X-Two", "1"), ("X-Two", "2"), ("Cookie", "a=1"), ("Cookie", "b=2"), ("Proxy", "http://evil/")]
    environ = front.request("GET", "/echo", headers).json()["environ"]
    assert environ["HTTP_X_TWO"] == "1, 2"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_HOST"].partition(":")[0] == "shop.example"
    assert "HTTP_PROXY" not in environ
    assert "HTTP_CONTENT_LENGTH" not in environ


def test_who_asked_is_known(front, nginx):
    environ = front.request("GET", "/echo").json()["environ"]
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    if nginx.kind != "http":
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("shop.example", str(nginx.site.port))


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "304 Not Modified", "404 Own Words", "500 Oops"])
def test_statuses_come_through(front, status):
    response = front.request("GET", "/respond", [("X-Response", json.dumps({"status": status, "body": ["body"]}))])
    assert (response.status, response.complete) == (int(status[:3]), True)
    assert response.body == (b"" if response.status in (204, 304) else b"body")


@pytest.mark.parametrize("unknown", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("size", [0, 1, 10_000, 5_000_000])
def test_uploads_arrive_whole(front, size, unknown):
    body = bytes(range(250)) * (size // 250 + 1)
    body = body[:size]
    total, digest, length = front.request("POST", "/digest", [], body, unknown=unknown).json()
    assert (total, digest) == (size, hashlib.sha256(body).hexdigest())
    assert length == str(size)


def test_a_slow_chunked_upload_arrives_whole(front):
    with front.start("POST", "/digest", length=None) as exchange:
        for _ in range(20):
            exchange.send(b"0123456789")
        exchange.end_body()
        total, digest, length = exchange.finish().json()
    assert (total, digest, length) == (200, hashlib.sha256(b"0123456789" * 20).hexdigest(), "200")


def test_downloads_arrive_whole(front, key):
    for target in ("/sized?size=1000003&count=5", f"/file_large?size=5000015&key={key}"):
        response = front.request("GET", target)
        assert (response.complete, len(response.body)) == (True, 5_000_015)


def test_head_is_answered(front):
    response = front.request("HEAD", "/sized?size=1000")
    assert (response.status, response.body, response.complete) == (200, b"", True)


def test_a_response_with_a_length_that_breaks_off_is_seen_as_broken(front, key):
    response = front.request("GET", f"/crash?where=later-length&key={key}")
    assert (response.status, response.complete) == (200, False)


def test_a_response_that_breaks_off_without_a_length(front, nginx, key):
    response = front.request("GET", f"/crash?where=later&key={key}")
    assert response.status == 200
    if nginx.kind == "http" or "fastcgi_keep_conn on" in nginx.site.text:
        assert not response.complete  # without keep_conn nginx takes any end for the end


# What nginx can tell its client of an SCGI response that broke off. Without a length only the reset of a TCP connection
# tells the end from a break; a Unix socket has none, so that nginx hands the part on as the whole.
SCGI_BREAKS = {
    ("scgi", "later-length"): False,
    ("scgi", "later"): False,
    ("scgi-stream", "later-length"): False,
    ("scgi-stream", "later"): True,
}


@pytest.mark.parametrize(("name", "where"), SCGI_BREAKS)
def test_an_scgi_response_that_breaks_off(doors, tmp_path, key, name, where):
    upstream = doors[name].address
    assert isinstance(upstream, str) == (name == "scgi-stream")  # one listener is on TCP, one on a Unix socket
    with nginx_for(tmp_path / "nginx", "scgi", upstream) as running:
        response = HttpDoor(running.site.address, running.site.address).request(
            "GET", f"/crash?where={where}&key={key}"
        )
    seems_whole = response.status == 200 and response.complete
    assert seems_whole == SCGI_BREAKS[name, where], response.summary()
    assert (
        b"partial".startswith(response.body) or response.status == 502
    )  # a reset may overtake what was sent before it


def test_an_error_of_the_application_is_a_500(front, key):
    response = front.request("GET", f"/crash?where=call&key={key}")
    assert (response.status, response.complete) == (500, True)


def test_an_early_answer_reaches_the_client(front, key):
    response = front.request("POST", f"/ignore?key={key}", [], b"x" * 3_000_000)
    assert response.json() == "ignored"


def test_the_application_sees_that_the_client_left(front, control, key):
    with front.start("GET", f"/endless?key={key}") as exchange:
        assert exchange.wait(lambda: len(exchange.response.body) > 0)
    assert control.notes(key, 1) == ["closed"]


def test_many_requests_on_one_connection(front):
    with http.HttpConnection(front.address) as client:
        for number in range(50):
            assert client.ask("POST", "/mirror", body=b"%d" % number * 100).body == b"%d" % number * 100


def test_nginx_has_nothing_to_complain_about(front, nginx):
    for _ in range(5):
        assert front.request("POST", "/digest", [], b"x" * 100_000).json()[0] == 100_000
    assert eventually(lambda: "POST /digest" in (nginx.folder / "access.log").read_text())
    text = nginx.errors()
    for complaint in ("unexpected", "invalid header", "unsupported FastCGI", "more data than"):
        assert complaint not in text, text[-3000:]
