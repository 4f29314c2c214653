"""PEP 3333: lengths, HTTP features, errors (protocols.md 10.5, L01 to L12)."""

from __future__ import annotations

import json

import pytest

from peers import http
from support.server import APPS, Server, one_each


def test_l01_no_more_than_content_length_is_sent(door):
    response = door.request("GET", "/lengthy?length=10&size=16")
    assert (response.body, response.complete) == (b"x" * 10, True)


def test_l01_iteration_stops_at_the_length(door, control, key):
    response = door.request("GET", f"/endless?key={key}&length=100000")
    assert (len(response.body), response.complete) == (100_000, True)
    assert control.notes(key, 1) == ["closed"]


def test_l01_write_past_the_length_raises(door, control, key, server):
    response = door.request("GET", f"/write_surplus?key={key}")
    assert response.body == b"12345", response.summary()
    assert control.notes(key, 1)[0] is not None


def test_l01_surplus_is_logged_with_its_request(door, server, key):
    door.request("GET", f"/lengthy/{key}?length=10&size=16")
    assert "more than its Content-Length" in server.log.wait_for(f"GET /lengthy/{key}")


def test_l01_surplus_never_reaches_the_next_response(http_door):
    with http.HttpConnection(http_door.address) as client:
        client.send(http.head("GET", "/lengthy?length=10&size=16", []) + http.head("GET", "/arguments", []))
        assert client.read().body == b"x" * 10
        after = client.read()
    assert after.ended == "eof" or after.json() == [2, []]


@pytest.mark.parametrize("size", [0, 1, 9])
def test_l02_too_few_bytes_are_visible_and_logged_with_their_request(door, server, size, key):
    response = door.request("GET", f"/lengthy/{key}?length=10&size={size}")
    if size:
        assert (response.status, response.header("Content-Length"), response.complete) == (200, "10", False)
        assert response.body == b"x" * size
    else:
        assert response.status == 500 or not response.complete, response.summary()
    assert "less than its Content-Length" in server.log.wait_for(f"GET /lengthy/{key}")


def test_l03_the_length_of_a_single_item_is_computed(door):
    response = door.request("GET", "/respond", [("X-Response", json.dumps({"body": ["four"]}))])
    assert (response.header("Content-Length"), response.body, response.complete) == ("4", b"four", True)
    assert not response.all("Transfer-Encoding")


EMPTY = [
    "kind?kind=empty-generator",
    "kind?kind=empty-generator&write=empty",
    "kind?kind=empty-list&write=empty",
    "file?kind=empty",
]


@pytest.mark.parametrize("path", EMPTY)
def test_l03_the_length_of_a_body_that_proves_empty_is_announced(door, key, path):
    target = f"/{path}&key={key}"
    response = door.request("GET", target)
    assert (response.status, response.all("Content-Length"), response.body) == (200, ["0"], b"")
    assert response.complete
    assert not response.all("Transfer-Encoding")
    response = door.request("HEAD", target)  # the application may leave a body out that it has
    assert not response.all("Content-Length")


@pytest.mark.parametrize("status", ["204%20No%20Content", "304%20Not%20Modified"])
def test_l03_no_length_where_no_body_can_be(door, status):
    response = door.request("GET", f"/kind?kind=empty-generator&status={status}")
    assert not response.all("Content-Length")
    assert response.complete


def test_l04_unknown_length_is_chunked_for_http_1_1(http_door):
    with http.HttpConnection(http_door.address) as client:
        response = client.ask("GET", "/sized?size=1000&count=3")
        assert response.header("Transfer-Encoding") == "chunked"
        assert (len(response.body), response.complete) == (3000, True)
        assert client.ask("GET", "/arguments").json() == [2, []]


@pytest.mark.parametrize("fields", [[], [("Connection", "keep-alive")]])
def test_l04_unknown_length_ends_with_the_connection_for_http_1_0(http_door, fields):
    with http.HttpConnection(http_door.address) as client:
        client.send(http.head("GET", "/sized?size=1000&count=3", fields, version="HTTP/1.0"))
        response = client.read()
    assert not response.all("Transfer-Encoding")
    assert (len(response.body), response.ended, response.complete) == (3000, "eof", True)


@pytest.mark.parametrize("size", [1, 4095, 4096, 65535, 65536, 65537, 1_000_003])
def test_l04_blocks_of_any_size_arrive(door, size):
    response = door.request("GET", f"/sized?size={size}&count=3")
    assert response.complete
    assert response.body == b"\0" * size + b"\1" * size + b"\2" * size


def test_l05_a_block_is_visible_while_the_application_waits(door, control, key):
    with door.start("GET", f"/gated?key={key}") as exchange:
        assert exchange.wait_body(b"first ")
        assert exchange.response.status == 200
        assert not exchange.decoder.done
        control.open(f"{key}-a")
        control.open(f"{key}-b")
        assert exchange.finish().complete


EXPECT = [("Expect", "100-continue")]


@pytest.mark.parametrize("word", ["100-continue", "100-Continue"])
def test_l06_expect_is_answered_before_the_body(doors, word):
    for name in ("http", "http-stream"):
        with doors[name].start("POST", "/digest", [("Expect", word)], length=5) as exchange:
            assert exchange.wait(lambda: exchange.response.interim == [(100, [])]), exchange.response.summary()
            exchange.send(b"12345")
            assert exchange.finish().json()[0] == 5
        assert exchange.response.interim == [(100, [])]


def test_l06_expect_with_a_chunked_body(http_door):
    with http_door.start("POST", "/digest", EXPECT, length=None) as exchange:
        assert exchange.wait(lambda: exchange.response.interim == [(100, [])])
        exchange.send(b"12345")
        exchange.end_body()
        assert exchange.finish().json()[0] == 5


def test_l06_expect_from_http_1_0_is_ignored(http_door):
    with http.HttpConnection(http_door.address) as client:
        client.send(http.head("POST", "/digest", [*EXPECT, ("Content-Length", "5")], version="HTTP/1.0") + b"12345")
        response = client.read()
    assert response.json()[0] == 5
    assert response.interim == []


def test_l06_no_100_behind_a_front_end(gateway):
    response = gateway.request("POST", "/digest", EXPECT, b"12345")
    assert response.json()[0] == 5  # the decoder refuses a 1xx


def test_l07_a_chunked_body_is_decoded(http_door):
    body = bytes(range(256)) * 100
    with http.HttpConnection(http_door.address) as client:
        for size in (1000, 1_000_000):
            data = http.chunked(body, size)
            client.send(http.head("POST", "/mirror", [("Transfer-Encoding", "chunked")]) + data)
            response = client.read()
            assert (response.body, response.complete) == (body, True)


def test_l07_chunk_extensions_and_trailers_are_dropped(http_door):
    data = b'5;name=value;other="quo ted"\r\n12345\r\n0\r\nX-Trailer: planted\r\n\r\n'
    fields = [("Transfer-Encoding", "Chunked")]
    with http.HttpConnection(http_door.address) as client:
        client.send(http.head("POST", "/mirror", fields) + data)
        assert client.read().body == b"12345"
        client.send(http.head("POST", "/echo", fields) + data)
        assert "planted" not in client.read().json()["environ"].values()


def test_l07_a_body_of_unknown_length_becomes_a_known_one(doors):
    for name in ("http", "fastcgi"):
        environ = doors[name].request("POST", "/echo", [], b"12345", unknown=True).json()["environ"]
        assert environ["CONTENT_LENGTH"] == "5"
        assert "HTTP_TRANSFER_ENCODING" not in environ
        assert doors[name].request("POST", "/mirror", [], b"12345", unknown=True).body == b"12345"
        assert doors[name].request("POST", "/echo", unknown=True).json()["environ"]["CONTENT_LENGTH"] == "0"


def test_l07_a_streamed_body_of_unknown_length_ends(doors):
    for name in ("http-stream", "fastcgi-stream"):
        assert doors[name].request("POST", "/mirror", [], b"12345", unknown=True).body == b"12345"


def test_l07_the_application_is_called_before_a_streamed_body_has_come(doors):
    for name in ("http-stream", "fastcgi-stream"):
        with doors[name].start("POST", "/echo", length=None) as exchange:
            environ = exchange.finish().json()["environ"]
        assert environ.get("CONTENT_LENGTH", "") == ""
        assert "HTTP_TRANSFER_ENCODING" not in environ
        assert environ["wsgi.input_terminated"] is True


def test_l07_the_front_ends_word_on_coding_is_dropped(gateway):
    variables = gateway.variables("POST", "/echo", length=5) | {"HTTP_TRANSFER_ENCODING": "chunked"}
    environ = gateway.ask(variables, b"12345").json()["environ"]
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert environ["CONTENT_LENGTH"] == "5"


ERRORS = ["error", "system-exit", "keyboard-interrupt", "generator-exit", "memory"]


@pytest.mark.parametrize("where", ["call", "started", "first"])
@pytest.mark.parametrize("error", ERRORS)
def test_l08_an_exception_before_output_is_a_500_and_a_traceback(door, server, key, where, error):
    response = door.request("GET", f"/crash?where={where}&error={error}&key={key}")
    assert (response.status, response.complete) == (500, True), response.summary()
    assert key.encode() not in response.body
    assert b"Traceback" not in response.body
    server.log.wait_for(key)
    assert door.request("GET", "/arguments").json() == [2, []]


def test_l08_the_traceback_is_whole(door, server, key):
    door.request("GET", f"/crash?where=call&key={key}")
    server.log.wait_for(f"PlantedError: {key}")
    text = server.log.text.partition(f"PlantedError: {key}")[0].rpartition("Traceback (most recent call last)")[2]
    assert "response_apps.py" in text
    assert "in crash" in text


@pytest.mark.parametrize("where", ["later", "later-length"])
@pytest.mark.parametrize("error", ERRORS)
def test_l09_an_exception_behind_output_is_a_visible_break(door, server, key, where, error):
    response = door.request("GET", f"/crash?where={where}&error={error}&key={key}")
    assert (response.status, response.body, response.complete) == (200, b"partial", False), response.summary()
    server.log.wait_for(key)


def test_l09_what_kind_of_break(doors, key):
    without = {name: doors[name].request("GET", f"/crash?where=later&key={key}") for name in ("http", "fastcgi")}
    assert without["http"].chunks == [len(b"partial")]
    assert without["fastcgi"].protocol_status is None
    for name in ("scgi", "uwsgi"):
        # Over TCP only a reset tells the front end of a response without length that it broke.
        assert doors[name].request("GET", f"/crash?where=later&key={key}").ended == "reset"
        with_length = doors[name].request("GET", f"/crash?where=later-length&key={key}")
        assert (with_length.header("Content-Length"), with_length.complete) == ("1000", False)


def test_l10_a_single_threaded_mode_exists(tmp_path):
    listeners = one_each(tmp_path)
    with Server(f"{APPS}/threads.py:application", listeners, threads=1) as server:
        seen = {door.request("GET", "/").body for door in server.doors for _ in range(5)}
    assert len(seen) == 1


def test_l11_ranges_and_conditions_are_the_applications(door):
    headers = [
        ("Range", "bytes=0-1"),
        ("If-None-Match", '"tag"'),
        ("If-Modified-Since", "Sun, 06 Nov 2094 08:49:37 GMT"),
    ]
    response = door.request("GET", "/ranges", headers)
    assert response.json() == [value for _, value in headers]
    assert not response.all("Content-Range")


KNOWN_CALLABLES = {
    "wsgi.file_wrapper",
    "wsgi.early_hints",
    "polydoor.client_gone",
    "polydoor.input_ready",
    "x-wsgiorg.fdevent.readable",
    "x-wsgiorg.fdevent.writable",
}


def test_l12_no_extension_gives_hold_of_the_connection(door):
    assert door.request("GET", "/leaks").json() == []
    names = set(door.request("GET", "/echo").json()["callables"])
    assert names <= KNOWN_CALLABLES
    assert ("wsgi.early_hints" in names) == (door.name == "http")


def test_l12_early_hints_are_sent_on_http_alone(door):
    response = door.request("GET", "/hints")
    if door.name == "http":
        assert response.interim == [(103, [("Link", "</style.css>; rel=preload")])]
        assert response.body == b"offered"
    else:
        assert (response.interim, response.body) == ([], b"not offered")


@pytest.mark.parametrize(("given", "raised"), [("Content-Length", "ValueError"), ("", None)])
def test_l12_early_hints_without_use_are_not_sent(http_door, control, key, given, raised):
    response = http_door.request("GET", f"/odd_hints?key={key}&name={given}")
    assert control.notes(key, 1) == [raised]
    assert (response.status, response.interim) == (200, [])


def test_l12_early_hints_are_not_for_http_1_0(http_door):
    with http.HttpConnection(http_door.address) as client:
        client.send(http.head("GET", "/hints", [], version="HTTP/1.0"))
        response = client.read()
    assert (response.status, response.interim) == (200, [])


BODILESS = ["204 No Content", "205 Reset Content", "304 Not Modified"]


@pytest.mark.parametrize("status", BODILESS)
def test_l04_no_body_where_the_status_has_none(door, status):
    response = door.request("GET", "/respond", [("X-Response", json.dumps({"status": status, "body": ["body"]}))])
    assert (f"{response.status} {response.reason}", response.body, response.complete) == (status, b"", True)


@pytest.mark.parametrize("body", [["body"], [], [""], ["", ""]])
@pytest.mark.parametrize("headers", [[], [["Content-Length", "4"]]])
def test_l04_the_length_of_205_is_0(door, headers, body):
    asked = {"status": "205 Reset Content", "headers": headers, "body": body}
    response = door.request("GET", "/respond", [("X-Response", json.dumps(asked))])
    assert response.all("Content-Length") == ["0"]
    assert (response.body, response.complete) == (b"", True)


@pytest.mark.parametrize("target", ["/respond", "/sized?size=1000&count=2", "/lengthy?length=10&size=10"])
def test_l04_no_body_on_head(door, target):
    response = door.request("HEAD", target, [("X-Response", "{}")])
    assert (response.status, response.body, response.complete) == (200, b"", True)
    if "lengthy" in target:
        assert response.header("Content-Length") == "10"


def test_l04_bodiless_responses_keep_the_connection(http_door):
    with http.HttpConnection(http_door.address) as client:
        for status in BODILESS:
            plan = [("X-Response", json.dumps({"status": status}))]
            client.send(http.head("GET", "/respond", plan))
            assert client.read().status == int(status[:3])
        client.send(http.head("HEAD", "/sized?size=1000", []))
        assert client.read("HEAD").status == 200
        assert client.ask("GET", "/arguments").json() == [2, []]
