"""One listener for every protocol, found out by the first byte; gateway protocols only from listed peers."""

from __future__ import annotations

import socket

import pytest

from peers import http, proxy
from peers.door import DOORS
from peers.wire import Wire
from support.fixtures import GATEWAYS, PROTOCOLS
from support.server import APPS, Server

APP = f"{APPS}/conformance.py:application"
SECRET = "a-secret-of-the-tests"
ELSEWHERE = "allow=192.0.2.0/24"
TLS = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Listeners for this machine by default, for it by a list, over a Unix socket, for others, and behind a proxy."""
    path = tmp_path_factory.mktemp("auto") / "s"
    urls = ["auto://127.0.0.1:0?", "auto://127.0.0.1:0?allow=127.0.0.0/8&", f"auto+unix:{path}?"]
    urls += [f"auto://127.0.0.1:0?{ELSEWHERE}&", "auto://127.0.0.1:0?proxy-protocol=on&"]
    urls = [f"{url}secret=env:AJP_SECRET" for url in urls]
    with Server(APP, urls, threads=2, env={"AJP_SECRET": SECRET}) as running:
        yield running


def door_of(server, number, protocol):
    door = DOORS[protocol](server.doors[number].address)
    door.secret = SECRET
    return door


def ask(door, header=b"", target="/echo"):
    with door.exchange("GET", 0) as exchange:
        exchange.wire.send(header + door.head("GET", target, [], 0) + exchange.tail())
        return exchange.finish()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("number", [0, 1, 2], ids=["default", "listed", "unix"])
def test_each_protocol_is_spoken(server, number, protocol):
    assert ask(door_of(server, number, protocol)).json()["environ"]["PATH_INFO"] == "/echo"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_uploads_arrive_whole(server, protocol):
    body = bytes(range(256)) * 2000
    assert door_of(server, 0, protocol).request("POST", "/mirror", body=body).body == body


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_requests_may_come_in_single_bytes(server, protocol):
    door = door_of(server, 0, protocol)
    with door.exchange("GET", 0) as exchange:
        for byte in door.head("GET", "/arguments", [], 0) + exchange.tail():
            exchange.wire.send(bytes([byte]))
        assert exchange.finish().json() == [2, []]


@pytest.mark.parametrize("protocol", GATEWAYS)
def test_a_gateway_protocol_of_a_peer_that_is_not_listed_is_closed_and_told(server, protocol):
    door = door_of(server, 3, protocol)
    with door.exchange("GET", 0) as exchange:
        exchange.wire.send(door.head("GET", "/echo", [], 0) + exchange.tail())
        assert exchange.wire.recv_all() == b""
    assert server.log.wait_for("PD0761: a gateway protocol from a peer that is not listed; peer 127.0.0.1")


@pytest.mark.parametrize("options", ["", "?secret=env:AJP_SECRET"], ids=["none", "another"])
def test_ajp_is_spoken_with_its_secret_alone(tmp_path, options):
    with Server(APP, [f"auto+unix:{tmp_path}/s{options}"], env={"AJP_SECRET": f"{SECRET}-and-more"}) as server:
        response = ask(door_of(server, 0, "ajp"))
        assert response.status in (0, 403)
        server.log.wait_for("PD072" if options else "PD0762: AJP13 to a listener for every protocol that has no secret")


def test_http_is_for_everybody(server):
    environ = ask(door_of(server, 3, "http")).json()["environ"]
    assert environ["REMOTE_ADDR"] == "127.0.0.1"


@pytest.mark.parametrize("protocol", GATEWAYS)
def test_behind_a_proxy_the_address_of_the_header_must_be_listed(server, protocol):
    door = door_of(server, 4, protocol)
    for header in (proxy.binary("127.0.0.9", 1), proxy.LOCAL):
        assert ask(door, header).status == 200
    with door.exchange("GET", 0) as exchange:
        exchange.wire.send(proxy.binary("192.0.2.9", 1) + door.head("GET", "/echo", [], 0) + exchange.tail())
        assert exchange.wire.recv_all() == b""


def test_behind_a_proxy_http_has_the_client_of_the_header(server):
    environ = ask(door_of(server, 4, "http"), proxy.line("192.0.2.9", 4711)).json()["environ"]
    assert environ["REMOTE_ADDR"] == "192.0.2.9"


@pytest.mark.parametrize("first", [TLS, b"\x124\x00\x05\x02\x02", b"\x02", b"{"])
def test_what_is_none_of_them_gets_nothing(server, first):
    with Wire(server.doors[0].address) as wire:
        wire.send(first)
        wire.half_close()
        assert wire.recv_all() == b""
    if first is TLS:
        server.log.wait_for("PD0760: the first byte is that of no protocol that is spoken here")


def test_a_protocol_is_found_out_once(server):
    with http.HttpConnection(server.doors[0].address) as client:
        assert client.ask("GET", "/arguments").json() == [2, []]
        door = door_of(server, 0, "scgi")
        client.send(door.head("GET", "/echo", [], 0))
        assert client.read().status == 400


def test_the_access_log_names_the_protocol(tmp_path):
    url, env = "auto://127.0.0.1:0?secret=env:AJP_SECRET", {"AJP_SECRET": SECRET}
    with Server(APP, [url], threads=1, options=["--access-log", "json"], env=env) as server:
        for protocol in PROTOCOLS:
            ask(door_of(server, 0, protocol))
    for protocol, line in zip(PROTOCOLS, server.output.lines, strict=True):
        assert f'"door":"{protocol}"' in line


def test_a_peer_that_says_nothing_is_cut_off(tmp_path):
    with Server(APP, ["auto://127.0.0.1:0"], options=["--head-timeout", "0.3"]) as server:
        with Wire(server.doors[0].address) as wire:
            assert wire.recv_all() == b""
        with socket.create_connection(server.doors[0].address):
            pass


def test_the_size_of_an_ajp_packet_counts_here_too(tmp_path):
    headers = [("X-Large", "x" * 10_000)]
    for packet, status in (("", 431), ("&packet=65536", 200)):
        listener = f"auto+unix:{tmp_path}/s{packet[-5:]}?secret=env:AJP_SECRET{packet}"
        with Server(APP, [listener], env={"AJP_SECRET": SECRET}) as server:
            assert door_of(server, 0, "ajp").request("GET", "/arguments", headers).status == status
