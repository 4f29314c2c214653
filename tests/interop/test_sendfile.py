"""Fields by which nginx sends a file of its own: left out, unless the operator allows them."""

from __future__ import annotations

import json

import pytest

from interop.nginx import Nginx
from peers.door import DOORS, HttpDoor
from support.server import APPS, Server

APP = f"{APPS}/conformance.py:application"
NAMES = ("X-Accel-Redirect", "X-Sendfile", "X-LIGHTTPD-send-file", "X-Sendfile2", "X-Sendfile-Temporary")


def asking(names, value="/files/secret.txt"):
    fields = [[name, value] for name in names]
    return [("X-Response", json.dumps({"status": "200 OK", "headers": fields, "body": ["of the application"]}))]


@pytest.fixture(scope="module")
def servers():
    kinds = sorted(DOORS)
    urls = [f"{kind}://127.0.0.1:0{query}" for query in ("", "?sendfile=app") for kind in kinds]
    with Server(APP, urls) as server:
        half = len(kinds)
        off, on = (dict(zip(kinds, doors, strict=True)) for doors in (server.doors[:half], server.doors[half:]))
        yield server, off, on


@pytest.mark.parametrize("kind", sorted(DOORS))
def test_they_are_left_out_on_every_door_unless_allowed(servers, kind):
    _, off, on = servers
    response = off[kind].request("GET", "/respond", asking(NAMES))
    assert (response.status, response.body) == (200, b"of the application")
    assert [response.header(name) for name in NAMES] == [None] * len(NAMES)
    response = on[kind].request("GET", "/respond", asking(NAMES))
    assert [response.header(name) for name in NAMES] == ["/files/secret.txt"] * len(NAMES)


def test_it_is_told_once(servers):
    server, off, _ = servers
    for _ in range(3):
        off["http"].request("GET", "/respond", asking(NAMES))
    server.log.wait_for("PD0410")
    off["http"].request("GET", "/respond", asking(NAMES))
    assert server.log.text.count("PD0410") == 1


@pytest.mark.frontend("nginx")
@pytest.mark.parametrize("kind", ["fastcgi", "http"])
def test_nginx_sends_a_file_only_where_it_is_allowed(servers, kind, tmp_path):
    (tmp_path / "secret.txt").write_text("a file of nginx")
    more = f"location /files/ {{ internal; alias {tmp_path}/; }}\n"
    for doors, body in ((servers[1], b"of the application"), (servers[2], b"a file of nginx")):
        with Nginx(tmp_path / kind, kind, doors[kind].address, more=more) as nginx:
            front = HttpDoor(nginx.address, ("shop.example", nginx.port))
            assert front.request("GET", "/respond", asking(["X-Accel-Redirect"])).body == body
