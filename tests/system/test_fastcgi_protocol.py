"""FastCGI as a protocol, over the socket: ids, streams, management records, roles, aborts (reliability F)."""

from __future__ import annotations

import struct

import pytest

from peers import fastcgi
from peers.fastcgi import FcgiConnection
from support.holding import HoldingServer
from support.server import APPS, Server


@pytest.fixture
def client(fcgi_door):
    with FcgiConnection(fcgi_door.address) as opened:
        yield opened


@pytest.mark.parametrize("ident", [1, 2, 255, 256, 65535])
def test_f5_any_request_id(client, fcgi_door, ident):
    client.start(ident, fcgi_door.variables("POST", "/mirror", length=4), b"body")
    assert client.response(ident).body == b"body"


def test_f4_requests_are_multiplexed(client, fcgi_door, control, key):
    held = client.start(7, fcgi_door.variables("GET", f"/gated?key={key}"))
    for ident in (3, 9, 3):
        client.start(ident, fcgi_door.variables("GET", "/arguments"))
        assert client.response(ident).json() == [2, []]
    assert not held.done
    control.open(f"{key}-a")
    control.open(f"{key}-b")
    assert client.response(7).body == b"first second third"


def test_f5_interleaved_streams_are_kept_apart(client, fcgi_door):
    idents = range(1, 40, 2)
    bodies = {ident: b"%d," % ident * 50 for ident in idents}
    data = {
        ident: fastcgi.request(
            ident,
            fcgi_door.variables("POST", "/mirror", [("X-Id", str(ident))], len(bodies[ident])),
            bodies[ident],
            keep=True,
        )
        for ident in idents
    }
    records = {ident: split_records(stream) for ident, stream in data.items()}
    for ident in idents:
        client.expect(ident, "POST")
    while any(records.values()):
        for ident in idents:
            if records[ident]:
                client.send(records[ident].pop(0))
    for ident in idents:
        assert client.response(ident).body == bodies[ident]


def split_records(data):
    out = []
    while data:
        _, _, _, length, padding, _ = struct.unpack_from("!BBHHBB", data)
        out.append(data[: 8 + length + padding])
        data = data[8 + length + padding :]
    return out


def test_without_keep_conn_the_server_closes(client, fcgi_door):
    client.start(1, fcgi_door.variables("GET", "/arguments"), keep=False)
    assert client.response(1).json() == [2, []]
    assert client.is_closed()


def test_with_keep_conn_the_server_does_not_close(client, fcgi_door):
    for _ in range(3):
        client.start(1, fcgi_door.variables("GET", "/arguments"), keep=True)
        assert client.response(1).json() == [2, []]


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 100])
def test_f3_pairs_may_be_split_at_any_byte(client, fcgi_door, piece):
    variables = fcgi_door.variables("GET", "/echo", [("X-Long", "v" * 300), ("X-Short", "s")])
    client.expect(1)
    client.send(fastcgi.begin(1, flags=fastcgi.KEEP_CONN) + fastcgi.params(1, variables, piece))
    client.send(fastcgi.record(fastcgi.STDIN, 1))
    environ = client.response(1).json()["environ"]
    assert (environ["HTTP_X_LONG"], environ["HTTP_X_SHORT"]) == ("v" * 300, "s")


def test_f2_padding_of_any_length_is_skipped(client, fcgi_door):
    content = fastcgi.pairs(fcgi_door.variables("POST", "/mirror", length=100_000).items())
    body = bytes(range(250)) * 400
    client.expect(1, "POST")
    client.send(fastcgi.record(fastcgi.BEGIN, 1, struct.pack("!HB5x", 1, 1), padding=255))
    client.send(fastcgi.record(fastcgi.PARAMS, 1, content, padding=7))
    client.send(fastcgi.record(fastcgi.PARAMS, 1, padding=255))
    client.send(fastcgi.record(fastcgi.STDIN, 1, body[:65535], padding=255))
    client.send(fastcgi.record(fastcgi.STDIN, 1, body[65535:], padding=1))
    client.send(fastcgi.record(fastcgi.STDIN, 1, padding=13))
    assert client.response(1).body == body


def test_f8_get_values_is_answered(client, fcgi_door):
    asked = [("FCGI_MAX_CONNS", ""), ("FCGI_MAX_REQS", ""), ("FCGI_MPXS_CONNS", ""), ("FCGI_ODD", "")]
    client.send(fastcgi.record(fastcgi.GET_VALUES, 0, fastcgi.pairs(asked)))
    assert client.read_until(lambda: bool(client.management))
    answer = client.management[0]
    assert answer.type == fastcgi.GET_VALUES_RESULT
    values = fastcgi.parse_pairs(answer.content)
    assert set(values) == {"FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"}
    assert int(values["FCGI_MAX_CONNS"]) > 0
    assert int(values["FCGI_MAX_REQS"]) > 0
    assert values["FCGI_MPXS_CONNS"] == "1"
    client.start(1, fcgi_door.variables("GET", "/arguments"))
    assert client.response(1).json() == [2, []]


def test_f8_get_values_between_the_records_of_a_request(client, fcgi_door):
    data = split_records(fastcgi.request(1, fcgi_door.variables("POST", "/mirror", length=4), b"body", keep=True))
    client.expect(1, "POST")
    for piece in data:
        client.send(fastcgi.record(fastcgi.GET_VALUES, 0) + piece)
    assert client.response(1).body == b"body"
    assert client.read_until(lambda: len(client.management) == len(data))


@pytest.mark.parametrize("kind", [0, 12, 100, 255])
def test_f1_an_unknown_management_type_is_named(client, fcgi_door, kind):
    client.send(fastcgi.record(kind, 0, b"content", padding=3))
    assert client.read_until(lambda: bool(client.management))
    answer = client.management[0]
    assert (answer.type, answer.content) == (fastcgi.UNKNOWN_TYPE, bytes([kind]) + bytes(7))
    client.start(1, fcgi_door.variables("GET", "/arguments"))
    assert client.response(1).json() == [2, []]


def test_f1_another_version_closes_the_connection(client, fcgi_door):
    client.send(fastcgi.record(fastcgi.BEGIN, 1, struct.pack("!HB5x", 1, 1), version=2))
    assert client.is_closed()


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"24:CONTENT_LENGTH\0"]
)
def test_a32_another_protocol_closes_the_connection(client, data):
    client.send(data)
    client.wire.half_close()
    assert client.is_closed()


@pytest.mark.parametrize("role", [fastcgi.FILTER, 4, 77, 65535])
def test_f6_unknown_roles_are_refused(client, fcgi_door, role):
    client.expect(5)
    client.send(fastcgi.request(5, fcgi_door.variables("GET", "/arguments"), role=role, keep=True))
    refused = client.response(5)
    assert (refused.protocol_status, refused.status) == (fastcgi.UNKNOWN_ROLE, 0)
    client.start(5, fcgi_door.variables("GET", "/arguments"))
    assert client.response(5).json() == [2, []]


def test_f6_an_authorizer_is_served(client, fcgi_door):
    variables = fcgi_door.variables("GET", "/arguments")
    client.expect(1)
    client.send(fastcgi.head(1, variables, role=fastcgi.AUTHORIZER, keep=True))
    assert client.response(1).json() == [2, []]


def test_f7_abort_before_the_end_of_params(client, fcgi_door, control, key):
    client.expect(1)
    variables = fcgi_door.variables("GET", f"/echo?key={key}")
    content = fastcgi.pairs(variables.items())
    client.send(
        fastcgi.begin(1, flags=1) + fastcgi.record(fastcgi.PARAMS, 1, content) + fastcgi.record(fastcgi.ABORT, 1)
    )
    assert not client.response(1).status
    client.start(1, fcgi_door.variables("GET", "/arguments"))
    assert client.response(1).json() == [2, []]
    assert control.notes(key) == []


def test_f7_abort_within_a_collected_body(client, fcgi_door, control, key):
    client.expect(1)
    client.send(fastcgi.head(1, fcgi_door.variables("POST", f"/absorb?key={key}", length=100), keep=True))
    client.send(fastcgi.record(fastcgi.STDIN, 1, b"part") + fastcgi.record(fastcgi.ABORT, 1))
    assert client.response(1).status != 200
    client.start(1, fcgi_door.variables("GET", "/arguments"))
    assert client.response(1).json() == [2, []]
    assert control.notes(key) == []


def test_f7_abort_within_a_streamed_body_makes_read_raise(fcgi_stream_door, control, key):
    door = fcgi_stream_door
    with FcgiConnection(door.address) as client:
        client.expect(1)
        client.send(fastcgi.head(1, door.variables("POST", f"/absorb?key={key}&size=4", length=100), keep=True))
        client.send(fastcgi.record(fastcgi.STDIN, 1, b"part"))
        assert control.notes(f"{key}-progress", 1) == [4]
        client.send(fastcgi.record(fastcgi.ABORT, 1))
        assert control.notes(key, 2)[1][1] is True
        client.response(1)
        client.start(1, door.variables("GET", "/arguments"))
        assert client.response(1).json() == [2, []]


def test_f7_the_application_can_see_an_abort(client, fcgi_door, control, key):
    client.start(1, fcgi_door.variables("GET", f"/gone?key={key}"))
    assert control.notes(key, 1) == [False]
    client.send(fastcgi.record(fastcgi.ABORT, 1))
    client.start(3, fcgi_door.variables("GET", "/arguments"))
    assert client.response(3).json() == [2, []]  # the server has read past the ABORT
    control.open(key)
    assert control.notes(key, 2) == [False, True]
    client.response(1)


@pytest.mark.parametrize("part", ["params", "head", "body"])
def test_a_connection_that_is_not_kept_ends_behind_an_abort(client, fcgi_door, part):
    variables = fcgi_door.variables("POST", "/mirror", length=100)
    begun = fastcgi.head(1, variables)
    cut = {"params": begun[:-8], "head": begun, "body": begun + fastcgi.stream(fastcgi.STDIN, 1, b"x" * 50)}[part]
    client.expect(1, "POST")
    client.send(cut + fastcgi.record(fastcgi.ABORT, 1))
    assert client.read_until(lambda: False) is False  # FastCGI sections 3.5 and 5.4
    assert len(client.finished[1]) == 1


def test_a_connection_that_is_not_kept_ends_behind_an_aborted_call(client, fcgi_door, control, key):
    client.start(1, fcgi_door.variables("GET", f"/gone?key={key}"), keep=False)
    assert control.notes(key, 1) == [False]
    client.send(fastcgi.record(fastcgi.ABORT, 1))
    control.open(key)
    assert client.read_until(lambda: False) is False


def test_f9_exactly_one_end_request_each(client, fcgi_door):
    for target in ("/arguments", "/crash?where=call", "/missing", "/closing?how=silent&key=f9"):
        client.start(1, fcgi_door.variables("GET", target))
        client.response(1)
    client.send(fastcgi.record(fastcgi.GET_VALUES, 0))
    assert client.read_until(lambda: bool(client.management))  # a second END_REQUEST would have been refused before
    assert len(client.finished[1]) == 4


def test_f10_stdin_longer_than_content_length_is_cut(client, fcgi_door):
    client.start(1, fcgi_door.variables("POST", "/mirror", length=4), b"body and surplus")
    assert client.response(1).body == b"body"
    client.start(1, fcgi_door.variables("GET", "/arguments"))
    assert client.response(1).json() == [2, []]


@pytest.mark.parametrize("protocol", ["HTTP/2.0", "HTTP/3.0"])
@pytest.mark.parametrize("said", ["", None])
def test_a_body_that_no_field_announces_is_taken_to_its_end(client, fcgi_door, protocol, said):
    """As nginx sends it over HTTP/2 without request buffering."""
    variables = fcgi_door.variables("PUT", "/mirror") | {"SERVER_PROTOCOL": protocol}
    variables.pop("CONTENT_LENGTH", None)
    if said is not None:
        variables["CONTENT_LENGTH"] = said
    client.start(1, variables, b"body" * 20000)
    assert client.response(1).body == b"body" * 20000
    client.start(3, variables)
    assert client.response(3).body == b""


@pytest.mark.parametrize(("method", "protocol"), [("GET", "HTTP/2.0"), ("POST", "HTTP/1.1")])
def test_a_body_that_nobody_can_expect_is_dropped_with_a_word(tmp_path, method, protocol):
    with Server(f"{APPS}/conformance.py:application", [f"fastcgi+unix:{tmp_path}/f"]) as server:
        door = server.doors[0]
        with FcgiConnection(door.address) as opened:
            opened.start(1, door.variables(method, "/mirror") | {"SERVER_PROTOCOL": protocol}, b"body")
            assert opened.response(1).body == b""
        assert "request body came than was announced" in server.log.wait_for("PD0407")


def test_f10_stdin_shorter_than_content_length_is_not_run(client, fcgi_door, control, key):
    client.start(1, fcgi_door.variables("POST", f"/absorb?key={key}", length=100), b"short")
    assert client.response(1).status != 200
    assert control.notes(key) == []


@pytest.mark.parametrize("extra", [{"CONTENT_LENGTH": "0"}, {}])
def test_f10_a_missing_end_of_stdin_without_a_body(client, fcgi_door, extra):
    client.expect(1)
    client.send(fastcgi.head(1, fcgi_door.variables("GET", "/arguments") | extra, keep=True))
    assert client.response(1).json() == [2, []]
    client.expect(1)  # and the id is free again, as Apache with reuse expects
    client.send(fastcgi.head(1, fcgi_door.variables("GET", "/arguments") | extra, keep=True))
    assert client.response(1).json() == [2, []]


def test_f5_records_of_a_finished_id_are_ignored(client, fcgi_door):
    client.start(1, fcgi_door.variables("GET", "/arguments"))
    client.response(1)
    client.send(fastcgi.record(fastcgi.STDIN, 1, b"late") + fastcgi.record(fastcgi.ABORT, 1))
    client.send(fastcgi.record(fastcgi.PARAMS, 9, b"never begun"))
    client.start(3, fcgi_door.variables("GET", "/arguments"))
    assert client.response(3).json() == [2, []]


def test_f4_begin_for_an_active_id_closes(client, fcgi_door, control, key):
    decoder = client.start(1, fcgi_door.variables("GET", f"/gated?key={key}"))
    assert client.read_until(lambda: decoder.head_done)
    client.send(fastcgi.begin(1, flags=1))
    assert not client.read_until(lambda: decoder.done) or not decoder.response.complete
    control.open(f"{key}-a")
    control.open(f"{key}-b")


@pytest.mark.parametrize("size", [1, 65527, 65528, 65535, 65536, 70_000, 1_000_000])
def test_f12_writes_of_any_size_are_framed(client, fcgi_door, size):
    client.start(1, fcgi_door.variables("GET", f"/sized?size={size}&count=2"))
    response = client.response(1)
    assert response.complete
    assert response.body == b"\0" * size + b"\1" * size


def test_f13_error_output_never_mixes_with_the_response(client, fcgi_door, server, key):
    client.start(1, fcgi_door.variables("GET", f"/complain_between?key={key}"))
    response = client.response(1)
    assert (response.body, response.complete) == (b"".join(b"block %d " % number for number in range(20)), True)
    assert response.stderr == b""  # it goes to our log, and not through the front end
    server.log.wait_for(f"{key} 19 ")
    lines = [line for line in server.log.lines if f"{key} " in line]
    assert [line.removeprefix(f"{key} ") for line in lines] == [
        f"{number} \\x00\\x01\\x1b[31m\\x9b\\r" + "x" * 50_000 for number in range(20)
    ]


def test_rule_10_a_full_server_answers_503_in_full(tmp_path):
    options = ["--queue-limit", "1"]
    with HoldingServer(tmp_path, [f"fastcgi+unix:{tmp_path}/f"], threads=1, options=options) as server:
        door = server.doors[0]
        held = server.hold(door)
        held.wait_running()
        with FcgiConnection(door.address) as client:
            idents = range(1, 11)
            for ident in idents:
                client.start(ident, door.variables("GET", f"/quick?id={ident}"))
            assert client.read_until(lambda: len(client.finished) == 9)  # the thread is taken, one request may wait
            refused = [responses[0] for responses in client.finished.values()]
            assert {(response.status, response.complete) for response in refused} == {(503, True)}
            held.release()
            waiting = next(ident for ident in idents if ident not in client.finished)
            assert client.response(waiting).status == 200
        assert held.exchange.finish().status == 200
