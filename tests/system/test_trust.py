"""Whom the server believes: proxies about the client, and over a Unix socket the kernel about the peer."""

from __future__ import annotations

import os

import pytest

from support.server import APPS, Server

APP = f"{APPS}/conformance.py:application"
SAID = [
    ("X-Forwarded-For", "198.51.100.1, 203.0.113.7"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "shop.test:8443"),
    ("Forwarded", "for=192.0.2.66;proto=http"),
]
BELIEVED = {"REMOTE_ADDR": "203.0.113.7", "wsgi.url_scheme": "https", "HTTPS": "on"}


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    """Each listener by what it believes."""
    path = tmp_path_factory.mktemp("trust") / "s"
    urls = {
        "nobody": "http://127.0.0.1:0",
        "stranger": "http://127.0.0.1:0?trust-forwarded=192.0.2.0/24",
        "proxy": "http://127.0.0.1:0?trust-forwarded=127.0.0.0/8",
        "unix": f"http+unix:{path}?trust-forwarded=unix",
        "host": "http://127.0.0.1:0?trust-forwarded=127.0.0.1&forwarded=host",
        "rfc7239": "http://127.0.0.1:0?trust-forwarded=127.0.0.1&forwarded=rfc7239",
        "scgi": "scgi://127.0.0.1:0?trust-forwarded=127.0.0.1",
    }
    with Server(APP, list(urls.values())) as server:
        yield dict(zip(urls, server.doors, strict=True)), server


def environ_of(door):
    return door.request("GET", "/echo", SAID).json()["environ"]


@pytest.mark.parametrize("name", ["nobody", "stranger"])
def test_who_is_not_listed_is_not_believed(doors, name):
    environ = environ_of(doors[0][name])
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["wsgi.url_scheme"] == "http"
    assert "HTTPS" not in environ
    assert environ["HTTP_X_FORWARDED_FOR"] == "198.51.100.1, 203.0.113.7"


@pytest.mark.parametrize("name", ["proxy", "unix", "scgi"])
def test_a_listed_proxy_names_client_and_scheme(doors, name):
    environ = environ_of(doors[0][name])
    assert {key: environ[key] for key in BELIEVED} == BELIEVED
    assert "REMOTE_PORT" not in environ
    assert environ["HTTP_HOST"] != "shop.test:8443"


def test_host_is_believed_where_it_is_asked_for(doors):
    environ = environ_of(doors[0]["host"])
    assert environ["HTTP_HOST"] == "shop.test:8443"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("shop.test", "8443")
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("127.0.0.1", "http")


def test_the_field_of_rfc_7239_stands_for_itself(doors):
    environ = environ_of(doors[0]["rfc7239"])
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("192.0.2.66", "http")


def test_the_access_log_names_the_client(doors):
    opened, server = doors
    opened["proxy"].request("GET", "/echo?logged", SAID)
    assert " /echo?logged " in server.output.wait_for("203.0.113.7 GET /echo?logged")


@pytest.mark.parametrize(("other", "status"), [(0, 200), (1, None)])
def test_only_listed_users_come_through_a_unix_socket(tmp_path, other, status):
    url = f"http+unix:{tmp_path}/s?allow=uid:{os.geteuid() + other}"
    with Server(APP, [url]) as server, server.doors[0].exchange("GET", 0) as asked:
        if status is None:
            assert asked.wire.sock.recv(1) == b""
        else:
            assert server.doors[0].request("GET", "/arguments").status == status
