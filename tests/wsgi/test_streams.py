"""PEP 3333: wsgi.input and wsgi.errors (protocols.md 10.3, I01 to I13)."""

from __future__ import annotations

import json

import pytest

from peers import http

BODY = b"first line\nsecond\n\nthird \r\nlast without end"
LINES = ["first line\n", "second\n", "\n", "third \r\n", "last without end"]


def operate(door, *steps, body=BODY, **options):
    headers = [("X-Operations", json.dumps(steps))]
    return door.request("POST", "/operate", headers, body, **options).json()


@pytest.fixture(params=["buffered", "stream"])
def any_door(request, door, doors):
    """Each protocol, collected and streamed."""
    return door if request.param == "buffered" else doors[f"{door.name}-stream"]


def test_i01_read_with_a_size(any_door):
    assert operate(any_door, ["read", 5], ["read", 6]) == ["first", " line\n"]


def test_i01_readline(any_door):
    assert operate(any_door, *[["readline"]] * 6) == [*LINES, ""]


def test_i01_readlines(any_door):
    assert operate(any_door, ["readlines"]) == [LINES]


def test_i01_readlines_with_a_hint(any_door):
    first, rest = operate(any_door, ["readlines", 12], ["readlines"])
    assert first[:2] == LINES[:2]
    assert first + rest == LINES


def test_i01_iteration(any_door):
    assert operate(any_door, ["iterate"]) == [LINES]


def test_i01_next_by_next(any_door):
    assert operate(any_door, *[["next"]] * 7) == [*LINES, "<end>", "<end>"]


def test_i01_all_ways_mixed(any_door):
    steps = [["readline"], ["read", 3], ["next"], ["readline"], ["readlines"], ["read"]]
    assert operate(any_door, *steps) == ["first line\n", "sec", "ond\n", "\n", LINES[3:], ""]


def test_i02_read_without_a_size_is_the_rest(any_door):
    assert operate(any_door, ["read", 6], ["read"]) == ["first ", BODY[6:].decode()]


def test_i03_reading_past_the_end_gives_what_is_there(any_door):
    assert operate(any_door, ["read", 1_000_000], ["read", 1]) == [BODY.decode(), ""]


def test_i03_the_next_request_is_not_part_of_the_body(http_door, http_stream_door):
    for door in (http_door, http_stream_door):
        with http.HttpConnection(door.address) as client:
            fields = [("X-Operations", '[["read"], ["read", 10]]'), ("Content-Length", "4")]
            client.send(http.head("POST", "/operate", fields) + b"body" + http.head("GET", "/arguments", []))
            assert client.read().json() == ["body", ""]
            assert client.read().json() == [2, []]


@pytest.mark.parametrize("step", [["read"], ["read", 10], ["readline"], ["readline", 5], ["read", -1]])
def test_i04_an_exhausted_stream_stays_at_its_end(any_door, step):
    assert operate(any_door, ["read"], step, step, step) == [BODY.decode(), "", "", ""]


@pytest.mark.parametrize("step", [["read"], ["read", 10], ["readline"]])
def test_i04_an_empty_stream_is_at_its_end(any_door, step):
    assert operate(any_door, step, step, ["readlines"], ["iterate"], body=b"") == ["", "", [], []]


def test_i05_readline_with_a_size(any_door):
    steps = [["readline", 5], ["readline", 100], ["readline", 0], ["readline", 7], ["readline", -1], ["readline", 3]]
    assert operate(any_door, *steps) == ["first", " line\n", "", "second\n", "\n", "thi"]


def test_i06_a_hint_loses_nothing(any_door):
    first, second = operate(any_door, ["readlines", 1], ["readlines", 1_000_000])
    assert first + second == LINES


def test_i07_input_gives_bytes(any_door):
    steps = [["read", 1], ["readline"], ["next"], ["read", 0], ["readlines"], ["read"]]
    flat = [item for result in operate(any_door, *steps) for item in (result if isinstance(result, list) else [result])]
    assert not [item for item in flat if item.startswith("<")]  # the application marks other types so


def test_i08_sizes_of_read(any_door):
    assert operate(any_door, ["read", 0], ["read", 5], ["read", 0], ["read", -1]) == [
        "",
        "first",
        "",
        BODY[5:].decode(),
    ]


def test_i08_read_none_is_the_rest(any_door):
    assert operate(any_door, ["read", None]) == [BODY.decode()]


def test_i08_read_waits_until_it_has_what_was_asked_for(stream_door):
    headers = [("X-Operations", '[["read", 10], ["readline"], ["read"]]')]
    with stream_door.start("POST", "/operate", headers, length=20) as exchange:
        for piece in (b"012", b"34567", b"89ab\ncdef", b"ghi"):
            exchange.send(piece)
        exchange.end_body()
        assert exchange.finish().json() == ["0123456789", "ab\n", "cdefghi"]


def test_i08_large_bodies_in_every_size(any_door):
    body = bytes(range(256)) * 1200
    for size in (1000, 65536, 10_000_000):
        response = any_door.request("POST", f"/absorb?size={size}", [], body)
        assert response.json() == len(body)


@pytest.mark.parametrize("how", ["close", "half_close", "reset"])
def test_i09_a_client_that_leaves_makes_read_raise(stream_door, control, key, how):
    with stream_door.start("POST", f"/absorb?key={key}&size=4", length=100) as exchange:
        exchange.send(b"0123456789")
        assert control.notes(f"{key}-progress", 2) == [4, 8]
        getattr(exchange.wire, how)()
        called, (_, is_os_error, name) = control.notes(key, 2)
    assert called == "called"
    assert is_os_error is True, name


@pytest.mark.parametrize("how", ["close", "half_close", "reset"])
def test_i09_a_client_that_leaves_a_body_of_unknown_length_makes_read_raise(doors, control, key, how):
    for name in ("http", "fastcgi"):
        with doors[f"{name}-stream"].start("POST", f"/absorb?key={key}-{name}&size=4", length=None) as exchange:
            exchange.send(b"0123456789")
            assert control.notes(f"{key}-{name}-progress", 2) == [4, 8]
            getattr(exchange.wire, how)()
            _, (_, is_os_error, error) = control.notes(f"{key}-{name}", 2)
        assert is_os_error is True, error


def test_i09_a_collected_body_that_ends_early_never_reaches_the_application(door, control, key):
    with door.start("POST", f"/absorb?key={key}", length=100) as exchange:
        exchange.send(b"0123456789")
        exchange.wire.half_close()
        response = exchange.finish()
    assert response.status in (0, 400), response.summary()
    assert control.notes(key) == []


def test_i10_errors_supports_write_writelines_and_flush(door, server, key):
    assert door.request("GET", f"/complain?key={key}").json() is None
    for word in ("one", "two", "three"):
        server.log.wait_for(f"{key}-{word}")


@pytest.mark.parametrize("flush", ["", "1"])
def test_i10_a_line_goes_on_and_a_message_of_ours_begins_on_its_own(lasting_door, server, key, flush):
    status = lasting_door.request("GET", f"/complain_in_pieces?key={key}&flush={flush}").status
    assert status == (500 if flush else 200)
    server.log.wait_for(f"{key} four")  # the last line ends with the call, which may be after the answer
    lasting_door.request("GET", f"/complain?key={key}")
    server.log.wait_for(f"{key}-three")
    lines = [line for line in server.log.lines if key in line]
    assert lines[:2] == [f"{key} one, two, three", f"{key} four"]
    after = lines[2:]
    if flush:
        assert after.pop(0) == f"LookupError: {key}"
    assert after == [f"{key}-one", f"{key}-two", f"{key}-three"]


def test_i11_errors_accepts_any_text(door, server, key):
    assert door.request("GET", f"/complain_oddly?key={key}").json() == "written"
    server.log.wait_for(f"{key} last")
    assert len([line for line in server.log.lines if key in line]) == 5


def test_a34_errors_puts_no_control_characters_into_the_log(door, server, key):
    door.request("GET", f"/complain_oddly?key={key}")
    server.log.wait_for(f"{key} last")
    assert not [line for line in server.log.lines if key in line and ("\x1b" in line or "\0" in line)]


def test_i12_a_line_feed_ends_a_line(door, server, key):
    door.request("GET", f"/complain?key={key}")
    server.log.wait_for(f"{key}-three")
    assert len([line for line in server.log.lines if key in line]) == 3


def test_i13_closing_the_input_breaks_nothing(any_door):
    assert any_door.request("POST", "/close_input", [], BODY).json() == "fir"
    assert operate(any_door, ["read"]) == [BODY.decode()]


def test_i13_closing_the_input_leaves_the_connection_usable_or_closed(http_door):
    with http.HttpConnection(http_door.address) as client:
        assert client.ask("POST", "/close_input", body=BODY).json() == "fir"
        assert client.ask("GET", "/arguments").json() == [2, []]
