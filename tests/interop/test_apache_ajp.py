"""The conformance application behind Debian's Apache, by mod_proxy_ajp and by mod_jk."""

from __future__ import annotations

import hashlib

import pytest

from interop.apache import Apache
from peers import http
from peers.door import HttpDoor

pytestmark = pytest.mark.frontend("apache", "mod_jk")
SECRET = "secret-of-the-tests"  # as the fixture `doors` sets it


@pytest.fixture(scope="module", params=["mod_proxy_ajp", "mod_jk"])
def apache(request, doors, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with Apache(folder, request.param, doors["ajp-secret"].address, SECRET) as running:
        yield running


@pytest.fixture
def front(apache):
    return HttpDoor(("127.0.0.1", apache.port), ("shop.example", apache.port))


def test_the_environ(front):
    headers = [("Cookie", "a=1"), ("X-A", "1"), ("Proxy", "http://evil/"), ("X_B", "evil")]
    environ = front.request("GET", "/echo/c%20d/%C3%A9?q=1&r=%20+x", headers).json()["environ"]
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/echo/c d/\u00c3\u00a9")
    assert (environ["QUERY_STRING"], environ["REQUEST_URI"]) == ("q=1&r=%20+x", "/echo/c%20d/%C3%A9?q=1&r=%20+x")
    assert (environ["HTTP_COOKIE"], environ["HTTP_X_A"], environ["REMOTE_ADDR"]) == ("a=1", "1", "127.0.0.1")
    assert (environ["SERVER_NAME"], environ["wsgi.url_scheme"]) == ("shop.example", "http")
    assert environ["REMOTE_PORT"].isdecimal()
    assert not {"HTTP_PROXY", "HTTP_X_B"} & set(environ)


@pytest.mark.parametrize("size", [0, 1, 8186, 8187, 100_000, 3_000_000])
@pytest.mark.parametrize("unknown", [False, True], ids=["length", "chunked"])
def test_uploads(front, size, unknown):
    body = (hashlib.sha256(b"seed").digest() * (size // 32 + 1))[:size]
    got = front.request("POST", "/digest", body=body, unknown=unknown).json()
    assert got[:2] == [size, hashlib.sha256(body).hexdigest()]


def test_a_large_download(front):
    response = front.request("GET", "/sized?size=1000000&count=5")
    assert (response.status, response.complete, len(response.body)) == (200, True, 5_000_000)


def test_a_file_is_read_and_framed(front, key):
    response = front.request("GET", f"/file_large?size=5000015&key={key}")
    assert (response.status, response.complete, len(response.body)) == (200, True, 5_000_015)


def test_head_is_answered(front):
    response = front.request("HEAD", "/sized?size=1000")
    assert (response.status, response.body, response.complete) == (200, b"", True)


@pytest.mark.parametrize("where", ["later", "later-length"])
def test_a_response_that_breaks_off_is_seen(apache, front, key, where):
    response = front.request("GET", f"/crash?where={where}&key={key}")
    assert response.status == 200
    if (apache.front, where) == ("mod_jk", "later"):
        assert b"invalid" in response.body  # its own page behind the part: not to be mended by us
    else:
        assert response.complete is False


def test_connections_are_kept(front):
    """Pings before each request (mod_jk), kept connections, bodies and none in turn."""
    for number in range(20):
        assert front.request("POST", "/mirror", body=b"x" * number).body == b"x" * number
        assert front.request("GET", "/arguments").json() == [2, []]


def test_an_early_413_is_read(front):
    with http.HttpConnection(front.address) as client:
        # mod_proxy_ajp waits for the first bytes of a body before it asks us
        client.send(http.head("POST", "/mirror", [("Content-Length", str(1 << 40))]) + b"x" * 10_000)
        assert client.read().status == 413
