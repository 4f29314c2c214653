"""A real Django site, directly over HTTP and behind nginx over FastCGI and SCGI (issue item 5)."""

from __future__ import annotations

import hashlib
import random

import pytest

from interop.frontends import nginx_for
from interop.site import PASSWORD, USER, Visitor, multipart, prepare, serve
from peers.door import HttpDoor

LARGE = 20 << 20

WAYS = {
    "direct": None,
    "fastcgi": ("fastcgi", False, True),
    "fastcgi-keep": ("fastcgi", True, True),
    "fastcgi-unbuffered": ("fastcgi", False, False),
    "fastcgi-keep-unbuffered": ("fastcgi", True, False),
    "scgi": ("scgi", False, True),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    prepare(folder)
    listeners = [
        "http://127.0.0.1:0",
        f"fastcgi+unix:{folder}/f.sock?profile=nginx",
        "scgi://127.0.0.1:0?profile=nginx",
    ]
    with serve(folder, listeners) as server:
        server.folder = folder
        yield server


@pytest.fixture(
    scope="module",
    params=[pytest.param(way, marks=[pytest.mark.frontend("nginx")] if WAYS[way] else []) for way in WAYS],
)
def front(request, site, tmp_path_factory):
    way = WAYS[request.param]
    if way is None:
        yield HttpDoor(site.doors[0].address, site.doors[0].address)
        return
    kind, keep, buffering = way
    folder = tmp_path_factory.mktemp(request.param)
    static = site.folder / "static"
    address = site.door(kind).address
    with nginx_for(folder, kind, address, keep=keep, buffering=buffering, static=static) as nginx:
        yield HttpDoor(nginx.site.address, ("shop.example", nginx.site.port))


@pytest.fixture
def visitor(front):
    return Visitor(front)


def test_admin_login(visitor):
    refused = visitor.submit("/admin/login/?next=/admin/", {"username": USER, "password": "wrong"})
    assert refused.status == 200
    accepted = visitor.submit("/admin/login/?next=/admin/", {"username": USER, "password": PASSWORD})
    assert (accepted.status, accepted.header("Location")) == (302, "/admin/")
    page = visitor.request("GET", "/admin/")
    assert (page.status, page.complete) == (200, True)
    assert b"Site administration" in page.body


def test_the_admin_changes_data(visitor, key):
    visitor.submit("/admin/login/?next=/admin/", {"username": USER, "password": PASSWORD})
    added = visitor.submit("/admin/shop/note/add/", {"text": f"by the admin {key}"})
    assert added.status == 302, added.summary()
    assert f"by the admin {key}".encode() in visitor.request("GET", "/").body


def test_a_form_behind_csrf(visitor, key):
    assert visitor.submit("/", {"text": f"caf\u00e9 {key}"}).status == 302
    assert f"caf\u00e9 {key}".encode() in visitor.request("GET", "/").body


def test_a_form_without_its_token_is_refused(visitor):
    headers = [("Content-Type", "application/x-www-form-urlencoded")]
    assert visitor.request("POST", "/", headers, b"text=smuggled").status == 403


@pytest.mark.parametrize("unknown", [False, True], ids=["length", "chunked"])
def test_a_large_file_up_and_down(visitor, key, unknown):
    content = random.Random(LARGE).randbytes(LARGE)
    kind, body = multipart(f"{key}.bin", content)
    response = visitor.request("POST", "/upload/", [("Content-Type", kind)], body, unknown=unknown)
    assert response.json() == {"size": LARGE, "sha256": hashlib.sha256(content).hexdigest()}
    back = visitor.request("GET", f"/download/{key}.bin")
    assert (back.status, back.complete, back.header("Content-Length")) == (200, True, str(LARGE))
    assert hashlib.sha256(back.body).digest() == hashlib.sha256(content).digest()


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_a_chunked_upload_arrives_whole(visitor, size):
    content = random.Random(size).randbytes(size)
    headers = [("Content-Type", "application/octet-stream")]
    response = visitor.request("POST", "/raw/", headers, content, unknown=True)
    assert response.json() == {"size": size, "sha256": hashlib.sha256(content).hexdigest()}


def test_a_streaming_response(visitor):
    response = visitor.request("GET", "/stream/")
    assert (response.status, response.complete) == (200, True)
    assert response.body == b"".join(b"line %d\n" % number for number in range(1000))


def test_static_files(visitor):
    response = visitor.request("GET", "/static/shop.css")
    assert (response.status, response.complete) == (200, True)
    assert b"rgb(1, 2, 3)" in response.body
    assert (response.header("Content-Type") or "").startswith("text/css")
    assert visitor.request("GET", "/static/admin/css/base.css").status == 200


def test_the_url_is_what_was_asked_for(visitor, front):
    host, port = front.server
    said = visitor.request("GET", "/where/a%2Fb%20c?x=1").json()
    assert said["rest"] == "a/b c"
    assert said["absolute"].startswith(f"http://{host}")
    assert said["absolute"].endswith("?x=1")
    assert (said["reverse"], said["addr"], said["secure"]) == ("/stream/", "127.0.0.1", False)
    assert port


def test_errors(visitor, site):
    broken = visitor.request("GET", "/broken/")
    assert (broken.status, broken.complete) == (500, True)
    site.log.wait_for("planted in a view")
    assert visitor.request("GET", "/missing/").status == 404


def test_head(visitor):
    response = visitor.request("HEAD", "/")
    assert (response.status, response.body, response.complete) == (200, b"", True)
