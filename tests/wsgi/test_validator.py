"""wsgiref.validate and webtest.lint find no fault with the server on any protocol."""

from __future__ import annotations

import hashlib

import pytest

from support.fixtures import PROTOCOLS
from support.server import APPS, Server, one_each

NAMES = [*PROTOCOLS, "http-stream", "fastcgi-stream"]
BODY = b"some lines\nof a body\n" * 1000


@pytest.fixture(scope="module", params=["wsgiref_checked", "webtest_checked"])
def checked(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checked")
    listeners = one_each(folder)
    listeners += [f"{listener}?stream=1" for listener in ("http://127.0.0.1:0", f"fastcgi+unix:{folder}/g")]
    with Server(f"{APPS}/validated.py:{request.param}", [*listeners, "http://127.0.0.1:0?mount=/shop"]) as server:
        yield server


@pytest.mark.parametrize("index", range(len(NAMES)), ids=NAMES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/lines", "/write", "/length?q=%20"])
def test_the_checkers_pass(checked, index, method, path):
    if method == "HEAD" and path == "/write":
        path = "/other"
    body = BODY if method in ("POST", "PUT") else b""
    response = checked.doors[index].request(method, path, [("Content-Type", "text/plain")], body)
    assert (response.status, response.complete) == (200, True), checked.log.text[-3000:]
    if method != "HEAD":
        assert response.body == hashlib.sha256(body).hexdigest().encode()
    assert "AssertionError" not in checked.log.text


@pytest.mark.parametrize("target", ["/shop", "/shop/", "/shop/x"])
def test_the_checkers_pass_under_a_mount(checked, target):
    response = checked.doors[-1].request("GET", target)
    assert response.status == 200, checked.log.text[-3000:]
