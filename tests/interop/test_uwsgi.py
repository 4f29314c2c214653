"""uwsgi from others' programs: Apache's mod_proxy_uwsgi, and the client of PyPI's uwsgi-tools."""

from __future__ import annotations

import hashlib

import pytest
from uwsgi_tools.curl import curl

from interop.frontends import SERVER_NAME, Apache, printed, url_of
from peers.door import HttpDoor


@pytest.fixture(scope="module")
def apache(doors, tmp_path_factory):
    site = printed("apache", "app", url_of("uwsgi", doors["uwsgi"].address))
    with Apache(tmp_path_factory.mktemp("apache"), [site]):
        yield HttpDoor(site.address, (SERVER_NAME, site.port))


pytestmark = pytest.mark.frontend("apache")


def test_apache_asks_and_is_answered(apache):
    environ = apache.request("GET", "/echo/c%20d?q=1&r=%20", [("X-A", "1"), ("X-A", "2")]).json()["environ"]
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/echo/c d")
    assert (environ["QUERY_STRING"], environ["HTTP_X_A"]) == ("q=1&r=%20", "1, 2")
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("127.0.0.1", "http")
    assert environ["HTTP_HOST"] == f"shop.example:{apache.server[1]}"


@pytest.mark.parametrize("size", [0, 1, 1_000_000])
def test_apache_uploads(apache, size):
    body = b"u" * size
    assert apache.request("POST", "/digest", [], body).json()[:2] == [size, hashlib.sha256(body).hexdigest()]


def test_apache_refuses_a_body_of_unknown_length_itself(apache):
    assert apache.request("POST", "/digest", [], b"x", unknown=True).status == 411


def test_apache_passes_on_statuses_and_downloads(apache):
    assert apache.request("GET", "/crash?where=call").status == 500
    assert apache.request("HEAD", "/sized?size=1000").body == b""
    assert len(apache.request("GET", "/sized?size=1000003&count=2").body) == 2_000_006


def test_apache_shows_that_a_response_with_a_length_breaks_off(apache, key):
    assert not apache.request("GET", f"/crash?where=later-length&key={key}").complete


def test_uwsgi_tools_ask_and_are_answered(doors):
    host, port = doors["uwsgi"].address
    text = curl(f"{host}:{port}", "shop.example/echo/a%20b?q=1", timeout=20, headers=["Accept: text/plain"])
    head, _, body = text.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert '"PATH_INFO": "/echo/a b"' in body
    assert '"HTTP_ACCEPT": "text/plain"' in body


def test_uwsgi_tools_over_a_unix_socket(doors):
    text = curl(doors["uwsgi-stream"].address, "shop.example/arguments", timeout=20)
    assert text.endswith("\r\n\r\n[2, []]")
