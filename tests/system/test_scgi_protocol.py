"""SCGI as a protocol, over the socket (reliability G1 to G3)."""

from __future__ import annotations

import pytest

from peers import scgi
from peers.wire import Wire


def block(*pairs):
    return scgi.netstring(scgi.headers(pairs))


GOOD = [("CONTENT_LENGTH", "0"), ("SCGI", "1"), ("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/absorb?key=%KEY%")]
REST = GOOD[1:]

HOSTILE = {
    "length-empty": b":" + block(*GOOD),
    "length-leading-zero": b"0" + block(*GOOD),
    "length-minus": b"-" + block(*GOOD),
    "length-plus": b"+" + block(*GOOD),
    "length-space": b" " + block(*GOOD),
    "length-20-digits": b"9" * 20 + b":",
    "no-colon": b"1" * 16,
    "comma-missing": block(*GOOD)[:-1] + b";",
    "content-length-absent": block(*REST),
    "content-length-not-first": block(GOOD[1], GOOD[0], *GOOD[2:]),
    "content-length-twice": block(GOOD[0], *GOOD),
    "content-length-minus": block(("CONTENT_LENGTH", "-1"), *REST),
    "content-length-plus": block(("CONTENT_LENGTH", "+0"), *REST),
    "content-length-empty": block(("CONTENT_LENGTH", ""), *REST),
    "content-length-word": block(("CONTENT_LENGTH", "two"), *REST),
    "scgi-absent": block(GOOD[0], *GOOD[2:]),
    "scgi-2": block(GOOD[0], ("SCGI", "2"), *GOOD[2:]),
    "scgi-twice": block(*GOOD, ("SCGI", "1")),
    "odd-fields": scgi.netstring(scgi.headers(GOOD) + b"ALONE\0"),
    "no-final-nul": scgi.netstring(scgi.headers(GOOD)[:-1]),
    "empty-name": block(*GOOD, ("", "x")),
    "http": b"GET /absorb?key=%KEY% HTTP/1.1\r\nHost: a\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "fastcgi": b"\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00",
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_g1_g2_a_bad_netstring_or_header_closes(doors, control, key, name):
    # The key is as long as its place holder would have made the netstring: sizes are computed after replacement.
    data = HOSTILE[name]
    if b"%KEY%" in data and name != "http":
        data = rebuild(name, key)
    with Wire(doors["scgi"].address) as wire:
        wire.send(data.replace(b"%KEY%", key.encode()))
        wire.half_close()
        answer = wire.recv_all()
    assert answer == b"" or answer.startswith(b"Status: 4"), answer
    assert control.notes(key) == []


def rebuild(name, key):
    """The same bytes with the key in place and the length right where it was right."""
    data = HOSTILE[name]
    at = data.index(b":CONTENT_LENGTH") if b":CONTENT_LENGTH" in data else data.index(b":")
    prefix, content = data[:at], data[at + 1 :]
    digits = prefix.lstrip(b"0+- :")
    if not digits:
        return data.replace(b"%KEY%", key.encode())
    grown = int(digits) + len(key) - len(b"%KEY%")
    return prefix.removesuffix(digits) + b"%d:" % grown + content.replace(b"%KEY%", key.encode())


def test_the_hostile_cases_differ_from_a_good_one(doors, control, key):
    data = block(*GOOD[:3], ("REQUEST_URI", f"/absorb?key={key}"))
    with Wire(doors["scgi"].address) as wire:
        wire.send(data)
        assert wire.recv_all().startswith(b"Status: 200 ")
    assert control.notes(key, 2)[0] == "called"


def test_g3_surplus_is_never_parsed(doors, control, key):
    door = doors["scgi"]
    planted = door.encode(door.variables("GET", f"/absorb?key={key}"))
    with door.start("POST", "/mirror", length=4) as exchange:
        exchange.send(b"body" + planted)
        assert exchange.finish().body == b"body"
    assert control.notes(key) == []


def test_the_header_block_may_come_in_single_bytes(doors):
    door = doors["scgi"]
    data = door.encode(door.variables("POST", "/mirror", length=4)) + b"body"
    with door.exchange("POST", 4) as exchange:
        for at in range(len(data)):
            exchange.wire.send(data[at : at + 1])
        assert exchange.finish().body == b"body"


def test_a_peer_that_says_nothing_and_leaves_is_no_event(doors, server):
    before = len(server.log.lines)
    with Wire(doors["scgi"].address):
        pass
    assert doors["scgi"].request("GET", "/arguments").json() == [2, []]
    assert len(server.log.lines) == before
