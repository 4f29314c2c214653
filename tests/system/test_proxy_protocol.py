"""PROXY headers before every protocol, over the socket (reliability A31)."""

from __future__ import annotations

import re
import socket

import pytest

from peers import http, proxy
from peers.wire import Wire
from support.fixtures import PROTOCOLS
from support.server import APPS, Server, one_each

APP = f"{APPS}/conformance.py:application"
HEADERS = {
    "v1": (proxy.line("192.0.2.9", 4711), "192.0.2.9", "4711"),
    "v1-ipv6": (proxy.line("2001:db8::9", 4711), "2001:db8::9", "4711"),
    "v2": (proxy.binary("192.0.2.9", 4711), "192.0.2.9", "4711"),
    "v2-ipv6": (proxy.binary("2001:db8::9", 4711), "2001:db8::9", "4711"),
    "v2-more": (proxy.binary("192.0.2.9", 4711, b"\x02\0\x04shop\x04\0\x01x"), "192.0.2.9", "4711"),
    "local": (proxy.LOCAL, "127.0.0.1", None),
    "unknown": (b"PROXY UNKNOWN\r\n", "127.0.0.1", None),
}
GET = b"GET /arguments HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """Each protocol with PROXY headers before it, and one listener of HTTP that believes another network's."""
    urls = [f"{url}?proxy-protocol=on" for url in one_each(tmp_path_factory.mktemp("proxy"))]
    urls += ["http://127.0.0.1:0?proxy-protocol=on&allow=192.0.2.0/24"]
    with Server(APP, urls, threads=2) as server:
        yield server


def environ_of(door, header, target="/echo"):
    with door.exchange("GET", 0) as exchange:
        exchange.wire.send(header + door.head("GET", target, [], 0) + exchange.tail())
        return exchange.finish().json()["environ"]


@pytest.mark.parametrize("name", HEADERS)
def test_http_has_the_client_of_the_header(behind, name):
    header, address, port = HEADERS[name]
    environ = environ_of(behind.door("http"), header)
    assert environ["REMOTE_ADDR"] == address
    if port:
        assert environ["REMOTE_PORT"] == port


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", ["v1", "v2", "local"])
def test_it_stands_before_every_protocol(behind, protocol, name):
    """A front end that says who asked is believed about it: the header names its own peer."""
    environ = environ_of(behind.door(protocol), HEADERS[name][0])
    expected = HEADERS[name][1] if protocol == "http" else "127.0.0.1"
    assert environ["REMOTE_ADDR"] == expected


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_without_a_header_the_connection_is_closed(behind, protocol):
    door = behind.door(protocol)
    with door.exchange("GET", 0) as exchange:
        exchange.wire.send(door.head("GET", "/echo", [], 0) + exchange.tail())
        assert exchange.wire.recv_all() == b""
    behind.log.wait_for("PD0750: the connection does not begin with a PROXY header")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"PROXY TCP4 192.0.2.09 127.0.0.1 1 2\r\n", "PD0751"),
        (b"PROXY TCP4 192.0.2.9 127.0.0.1 1 2\n", "PD0751"),
        (proxy.binary("192.0.2.9", 1)[:13] + b"\x41", "PD0752"),
        (proxy.SIGNATURE + b"\x21\x11\xff\xff", "PD0753"),
        (proxy.binary("192.0.2.9", 1, b"\x03\0\x04\0\0\0\0"), "PD0754"),
    ],
)
def test_a_malformed_header_closes_and_is_told(behind, header, code):
    with Wire(behind.door("http").address) as wire:
        wire.send(header)
        assert wire.recv_all() == b""
    assert "; peer 127.0.0.1" in behind.log.wait_for(code)


def test_a_peer_that_is_not_listed_is_closed_and_told(behind):
    with Wire(behind.doors[-1].address) as wire:
        assert wire.recv_all() == b""
    assert behind.log.wait_for("PD0755").endswith("; peer 127.0.0.1")


def test_strangers_do_not_flood_the_log():
    listener = "http://127.0.0.1:0?proxy-protocol=on&allow=192.0.2.0/24"
    with Server(APP, [listener], options=["--message-burst", "3"]) as server:
        for _ in range(200):
            with Wire(server.doors[0].address) as wire:
                assert wire.recv_all() == b""
        server.stop()
        lines = [line for line in server.log.text.splitlines() if "PD0755" in line]
    counts = [int(number) for line in lines for number in re.findall("([0-9]+) (?:more|before)", line)]
    assert sum(counts) + sum("; peer 127.0.0.1" in line for line in lines) == 200
    assert len(lines) < 60


@pytest.mark.parametrize("name", ["v1", "v2"])
def test_the_header_may_come_in_single_bytes(behind, name):
    with Wire(behind.door("http").address) as wire:
        for byte in HEADERS[name][0] + GET:
            wire.send(bytes([byte]))
        assert wire.recv_all().startswith(b"HTTP/1.1 200 ")


def test_there_is_one_header_for_each_connection(behind):
    with http.HttpConnection(behind.door("http").address) as client:
        client.send(HEADERS["v1"][0])
        for _ in range(3):
            client.send(http.head("GET", "/echo", []))
            assert client.read().json()["environ"]["REMOTE_ADDR"] == "192.0.2.9"
        client.send(HEADERS["v1"][0])
        assert client.read().status == 400


def test_the_logs_have_the_client(behind):
    environ_of(behind.door("http"), HEADERS["v2"][0], "/echo/logged")
    assert behind.output.wait_until(lambda lines: any("/echo/logged" in line for line in lines))
    (line,) = [line for line in behind.output.lines if "/echo/logged" in line]
    assert line.split()[1] == "192.0.2.9"


def test_a_header_that_nobody_expects_is_no_request(doors):
    with Wire(doors["http"].address) as wire:
        wire.send(HEADERS["v1"][0] + GET)
        assert wire.recv_all().startswith(b"HTTP/1.1 400 ")


def test_a_peer_that_sends_no_more_than_a_header_is_cut_off(tmp_path):
    url = "http://127.0.0.1:0?proxy-protocol=on"
    with Server(APP, [url], options=["--head-timeout", "0.3"]) as server:
        for data in (b"", b"PROXY TCP4 192.0.2.9", HEADERS["v1"][0]):
            with Wire(server.doors[0].address) as wire:
                wire.send(data)
                assert wire.recv_all() == b""


def test_a_check_by_tcp_alone_is_no_event(behind):
    before = len(behind.log.lines)
    with socket.create_connection(behind.door("http").address):
        pass
    assert environ_of(behind.door("http"), HEADERS["local"][0])["REMOTE_ADDR"] == "127.0.0.1"
    assert len(behind.log.lines) == before
