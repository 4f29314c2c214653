"""uwsgi as a protocol, over the socket (reliability G4 to G7, A32)."""

from __future__ import annotations

import pytest

from peers import uwsgi
from peers.wire import Wire

GOOD = [("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/absorb?key=KEY")]
DANGEROUS = [1, 5, 9, 10, 17, 18, 22, 23, 27, 31, 95, 98, 99, 100, 110, 111, 173, 224, 255]
KEY_SIZE = 32


def packet(*pairs, modifier1=0, modifier2=0, more=b"", less=0):
    """A packet in which KEY may be replaced by a key without changing a size; `more` and `less` spoil its block."""
    block = uwsgi.block((name, value.replace("KEY", "K" * KEY_SIZE)) for name, value in pairs)
    return uwsgi.packet((block + more)[: len(block) + len(more) - less], modifier1, modifier2)


HOSTILE = {
    **{f"modifier1-{n}": packet(*GOOD, modifier1=n) for n in DANGEROUS},
    "modifier2-1": packet(*GOOD, modifier2=1),
    "name-empty": packet(*GOOD, ("", "v")),
    "name-past-the-end": packet(*GOOD, more=b"\x05\0NAM"),
    "value-past-the-end": packet(*GOOD, more=b"\x01\0N\xff\xff"),
    "size-too-small": packet(*GOOD, less=3) + b"xyz",
    "length-twice": packet(*GOOD, ("CONTENT_LENGTH", "0"), ("CONTENT_LENGTH", "0")),
    "length-minus": packet(*GOOD, ("CONTENT_LENGTH", "-1")),
    "length-unknown": packet(*GOOD, ("HTTP_TRANSFER_ENCODING", "chunked")),
    "http": b"GET /absorb?key=" + b"K" * KEY_SIZE + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "fastcgi": b"\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00",
    "scgi": b"24:CONTENT_LENGTH\x000\x00SCGI\x001\x00,",
}


def ask(door, data, key):
    with Wire(door.address) as wire:
        wire.send(data.replace(b"K" * KEY_SIZE, key.encode()))
        wire.half_close()
        return wire.recv_all()


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_g4_a_bad_packet_closes(doors, control, key, name):
    answer = ask(doors["uwsgi"], HOSTILE[name], key)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer
    assert control.notes(key) == []


def test_the_hostile_cases_differ_from_a_good_one(doors, control, key):
    assert len(key) == KEY_SIZE
    assert ask(doors["uwsgi"], packet(*GOOD), key).startswith(b"HTTP/1.1 200 ")
    assert control.notes(key, 2)[0] == "called"


def test_a32_another_protocol_is_closed_at_its_first_byte(doors):
    with Wire(doors["uwsgi"].address) as wire:
        wire.send(b"G")
        assert wire.recv_all() == b""


def test_g5_variables_that_name_code_do_nothing(doors, tmp_path, server):
    planted = tmp_path / "planted.py"
    planted.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    door = doors["uwsgi"]
    names = ("SCRIPT", "FILE", "MODULE", "CALLABLE", "PYHOME", "CHDIR", "SETENV", "TOUCH_RELOAD", "APPID", "CACHE_GET")
    variables = {f"UWSGI_{name}": str(planted) for name in names} | {"UWSGI_POSTFILE": f"exec://touch {tmp_path}/ran"}
    environ = door.ask(door.variables("GET", "/echo") | variables).json()["environ"]
    assert not [name for name in environ if name.startswith("UWSGI")]
    assert str(planted) not in environ.values()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("scheme", "expected"), [("https", "https"), ("http", "http"), ("file", "http")])
def test_uwsgi_scheme_tells_the_scheme(doors, scheme, expected):
    door = doors["uwsgi"]
    environ = door.ask(door.variables("GET", "/echo") | {"UWSGI_SCHEME": scheme}).json()["environ"]
    assert environ["wsgi.url_scheme"] == expected


def test_g6_surplus_is_never_parsed(doors, control, key):
    door = doors["uwsgi"]
    planted = door.encode(door.variables("GET", f"/absorb?key={key}"))
    with door.start("POST", "/mirror", length=4) as exchange:
        exchange.send(b"body" + planted)
        assert exchange.finish().body == b"body"
    assert control.notes(key) == []


def test_modifier1_30_takes_script_name_off_path_info(doors):
    door = doors["uwsgi"]
    variables = {**door.variables("GET", "/echo/x"), "SCRIPT_NAME": "/m", "PATH_INFO": "/m/echo/x"}
    del variables["REQUEST_URI"]
    with door.exchange("GET", 0) as exchange:
        exchange.wire.send(uwsgi.packet(uwsgi.block(variables.items()), modifier1=30))
        environ = exchange.finish().json()["environ"]
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/m", "/echo/x")


def test_the_packet_may_come_in_single_bytes(doors):
    door = doors["uwsgi"]
    data = door.encode(door.variables("POST", "/mirror", length=4)) + b"body"
    with door.exchange("POST", 4) as exchange:
        for at in range(len(data)):
            exchange.wire.send(data[at : at + 1])
        assert exchange.finish().body == b"body"


def test_a_block_of_65535_bytes_is_served(doors):
    door = doors["uwsgi"]
    variables = door.variables("GET", "/arguments")
    room = 0xFFFF - len(uwsgi.block(variables.items())) - len(uwsgi.block([("HTTP_X", "")]))
    with door.exchange("GET", 0) as exchange:
        exchange.wire.send(uwsgi.packet(uwsgi.block([*variables.items(), ("HTTP_X", "x" * room)])))
        assert exchange.finish().json() == [2, []]


def test_a_peer_that_says_nothing_and_leaves_is_no_event(doors, server):
    before = len(server.log.lines)
    with Wire(doors["uwsgi"].address):
        pass
    assert doors["uwsgi"].request("GET", "/arguments").json() == [2, []]
    assert len(server.log.lines) == before
