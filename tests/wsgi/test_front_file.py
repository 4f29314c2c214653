"""Which files of wsgi.file_wrapper the front end is told to send, and that all others are sent as they were before."""

from __future__ import annotations

import http.client
import json
from urllib.parse import quote, urlencode

import pytest

from support.fixtures import PROTOCOLS, Control
from support.server import APPS, Server

CONTENT = b"of the file"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    base = tmp_path_factory.mktemp("front")
    for name in ("media", "other"):
        (base / name).mkdir()
        (base / name / "a").write_bytes(CONTENT)
    (base / "link").symlink_to(base / "media")
    return base


@pytest.fixture(scope="module")
def server(folders):
    by_url = [f"{kind}://127.0.0.1:0?sendfile=/sent/=/absent&sendfile=/linked/={folders}/link" for kind in PROTOCOLS]
    by_path = [f"http://127.0.0.1:0?sendfile={folders}/media&profile={name}" for name in ("apache", "lighttpd")]
    with Server(f"{APPS}/conformance.py", [*by_url, *by_path, "http://127.0.0.1:0"]) as running:
        yield running


@pytest.fixture
def door(server):
    return server.doors[0]


def ask(door, path, key, method="GET", fields=(), **more):
    words = urlencode({"path": str(path), "key": key, "fields": json.dumps(fields), **more})
    return door.request(method, f"/stored_file?{words}")


def closed_once(server, key):
    control = Control(server.doors[-1])
    assert control.notes(key, 1) == ["closed"]
    assert control.notes(key) == ["closed"]


def handed_over(response, value="/linked/a", field="X-Accel-Redirect"):
    assert (response.status, response.body, response.complete) == (200, b"", True), response.summary()
    assert (response.header(field), response.header("Content-Type")) == (value, "application/x-stored")
    assert response.header("Content-Length") == "0"


def sent_by_us(response, body=CONTENT, status=200):
    assert (response.status, response.body, response.complete) == (status, body, True), response.summary()
    assert (response.header("X-Accel-Redirect"), response.header("X-Sendfile")) == (None, None)


@pytest.mark.parametrize("kind", PROTOCOLS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_on_every_door_the_head_alone_is_sent(server, folders, key, kind, method):
    response = ask(server.doors[PROTOCOLS.index(kind)], folders / "media" / "a", key, method)
    handed_over(response)
    closed_once(server, key)


@pytest.mark.parametrize("place", ["media/a", "link/a", "media/../media/./a", "other/../link//a"])
@pytest.mark.parametrize(
    "fields", [[], [["Content-Length", str(len(CONTENT))]], [["content-length", "11"], ["A", "b"]]]
)
def test_a_whole_file_below_a_folder(door, folders, key, place, fields):
    response = ask(door, f"{folders}/{place}", key, fields=fields)
    handed_over(response)
    assert [value for name, value in response.headers if name == "A"] == [
        value for name, value in fields if name == "A"
    ]


def test_the_connection_goes_on(door, folders, key):
    words = urlencode({"path": f"{folders}/media/a", "key": key})
    connection = http.client.HTTPConnection(*door.address, timeout=20)
    for method in ("GET", "HEAD", "GET"):
        connection.request(method, f"/stored_file?{words}")
        with connection.getresponse() as response:
            assert (response.status, response.read(), response.will_close) == (200, b"", False)
            assert response.headers["X-Accel-Redirect"] == "/linked/a"
    connection.close()


def test_the_form_of_the_field(server, folders, key):
    apache, lighttpd, plain = server.doors[-3:]
    name = "a b+\u20ac"
    path = folders / "media" / name
    path.write_bytes(CONTENT)
    url = f"/linked/{quote(name)}"
    handed_over(ask(server.doors[0], path, key), url.replace("+", "%2B"))
    handed_over(ask(lighttpd, path, key), quote(str(path)), "X-Sendfile")
    handed_over(ask(apache, path, key), str(path).encode().decode("latin-1"), "X-Sendfile")
    sent_by_us(ask(plain, path, key))


def test_fields_of_the_application_stay_left_out(server, folders, key):
    fields = [["X-Accel-Redirect", "/etc/passwd"], ["X-Sendfile", "/etc/passwd"]]
    handed_over(ask(server.doors[0], folders / "media" / "a", key, fields=fields))
    sent_by_us(ask(server.doors[0], folders / "other" / "a", key, fields=fields))


@pytest.mark.parametrize("place", ["other/a", "media/../other/a", "media/out", "media/up/other/a", "mediaeval"])
def test_what_lies_elsewhere_is_sent_by_the_server(door, server, folders, key, place):
    links = {"media/out": folders / "other" / "a", "media/up": folders}
    for name, target in links.items():
        if not (folders / name).is_symlink():
            (folders / name).symlink_to(target)
    (folders / "mediaeval").write_bytes(CONTENT)
    sent_by_us(ask(door, f"{folders}/{place}", key))
    closed_once(server, key)


@pytest.mark.parametrize("how", ["descriptor", "deleted", "replaced", "offset", "subclass", "written"])
def test_what_is_not_that_whole_file_is_sent_by_the_server(door, server, folders, key, how):
    path = folders / "media" / f"{how}.txt"
    path.write_bytes(CONTENT)
    body = {"offset": CONTENT[1:], "written": b"before " + CONTENT}.get(how, CONTENT)
    sent_by_us(ask(door, path, key, how=how), body)
    closed_once(server, key)


@pytest.mark.parametrize(
    ("status", "fields", "body"),
    [
        ("200 OK", [["Content-Length", "5"]], CONTENT[:5]),
        ("200 OK", [["Content-Encoding", "gzip"]], CONTENT),
        ("200 OK", [["content-range", "bytes 0-10/11"]], CONTENT),
        ("206 Partial Content", [["Content-Range", "bytes 0-10/11"]], CONTENT),
        ("404 Not Found", [], CONTENT),
        ("304 Not Modified", [], b""),
    ],
)
def test_another_response_is_sent_by_the_server(door, server, folders, key, status, fields, body):
    sent_by_us(ask(door, folders / "media" / "a", key, status=status, fields=fields), body, int(status[:3]))
    closed_once(server, key)


def test_without_a_map_nothing_is_handed_over(server, folders, key):
    sent_by_us(ask(server.doors[-1], folders / "media" / "a", key))


def test_what_flask_and_django_send_as_a_file(folders):
    url = f"http://127.0.0.1:0?sendfile=/sent/=/absent&sendfile=/linked/={folders}/link"
    with Server(f"{APPS}/framework_files.py", [url], env={"FILE_TO_SEND": f"{folders}/media/a"}) as server:
        for name in ("flask", "django"):
            response = server.doors[0].request("GET", f"/{name}")
            handed_over(response)
            assert "filename" in response.header("Content-Disposition")
        part = server.doors[0].request("GET", "/flask", [("Range", "bytes=3-6")])
        sent_by_us(part, CONTENT[3:7], 206)
