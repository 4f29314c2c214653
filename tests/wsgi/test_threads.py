"""One request on several threads of the application: what they share, and what its end does to them."""

from __future__ import annotations

import pytest

LINES = b"".join(b"%06d %s\n" % (number, b"x" * (number % 97)) for number in range(4000))
READ = "ValueError: the request has ended: its body cannot be read any more"
WRITE = "RuntimeError: write() after the response has ended"
START = "RuntimeError: start_response() after the response has ended"


@pytest.fixture(params=["buffered", "stream"])
def any_door(request, door, doors):
    """Each protocol, collected and streamed."""
    return door if request.param == "buffered" else doors[f"{door.name}-stream"]


@pytest.fixture(params=["buffered", "stream"])
def any_lasting_door(request, lasting_door, doors):
    """The same, where threads of the application outlive a response."""
    return lasting_door if request.param == "buffered" else doors[f"{lasting_door.name}-stream"]


@pytest.mark.parametrize("query", ["", "&fail=1"])
def test_the_end_wakes_a_thread_that_waits_for_the_body(http_stream_door, control, key, query):
    target = f"/abandoned_reader?key={key}{query}"
    with http_stream_door.start("POST", target, [("Expect", "100-continue")], length=100) as exchange:
        assert exchange.wait(lambda: bool(exchange.response.interim))  # the thread is inside read() now
        control.open(key)
        assert exchange.finish().status == (500 if query else 200)
    assert control.notes(key, 1) == [READ]


@pytest.mark.parametrize("query", ["", "&fail=1"])
def test_a_silent_body_does_not_keep_the_response_back(stream_door, control, key, query):
    with stream_door.start("POST", f"/abandoned_reader?key={key}{query}", length=100) as exchange:
        control.open(key)
        assert exchange.finish().status == (500 if query else 200)
    assert control.notes(key, 1) == [READ]


def test_each_line_goes_to_one_of_the_threads_that_read(any_door):
    response = any_door.request("POST", "/shared_body", [], LINES)
    assert response.body == LINES


@pytest.mark.parametrize("size", [100, 40_000])
def test_blocks_of_several_threads_arrive_whole(door, size):
    body = door.request("GET", f"/shared_writer?size={size}").body
    assert sorted(body.splitlines()) == sorted(b"%d" % index * (size - 1) for index in range(4) for _ in range(8))


@pytest.mark.parametrize("query", ["", "&fail=1"])
def test_threads_that_use_a_request_while_it_ends_are_told(any_lasting_door, control, server, key, query):
    for number in range(3):
        name = f"{key}-{number}"
        response = any_lasting_door.request("POST", f"/pestered?key={name}{query}", [], LINES)
        assert response.status in (200, 500)
        assert sorted(map(str, control.notes(name, 5))) == sorted([READ, READ, WRITE, START, str(True)])
    assert server.process.poll() is None


def test_what_is_left_of_an_ended_request_says_so(any_lasting_door, control, key):
    response = any_lasting_door.request("POST", f"/kept?key={key}", [], b"first\nsecond\n")
    assert response.body == b"ok"
    control.open(key)
    assert control.notes(key, 1) == [[READ, READ, READ, READ, WRITE, True, START]]
