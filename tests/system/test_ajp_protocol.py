"""AJP13 as a protocol, over the socket (reliability E1 to E10, and the lessons of other servers by their CVE)."""

from __future__ import annotations

import time

import pytest

from peers import ajp
from peers.wire import Wire
from support.best import best
from support.holding import HoldingServer
from support.server import APPS, Server

SECRET = "secret-of-the-tests"  # as the fixture `doors` sets it


class Kept:
    """A connection that several requests follow each other on."""

    def __init__(self, address, packet_size=ajp.PACKET):
        self.wire = Wire(address)
        self.packet_size = packet_size

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.close()

    def read(self, method="GET", pieces=()):
        """One response; the pieces are sent as they are asked for."""
        decoder = ajp.AjpDecoder(method, self.packet_size)
        left = list(pieces)
        while not decoder.done:
            data = self.wire.recv()
            if not data:
                decoder.end(self.wire.ended)
                break
            decoder.feed(data)
            if decoder.asked:
                decoder.asked.pop()
                self.wire.send(ajp.data_packet(left.pop(0) if left else b""))
        return decoder

    def ask(self, request, *pieces):
        self.wire.send(request.encode())
        return self.read(request.method, pieces)

    def is_closed(self):
        return self.wire.recv() == b""


@pytest.fixture
def kept(doors):
    with Kept(doors["ajp"].address) as connection:
        yield connection


def absorb(key, **more):
    return ajp.Forward("GET", "/absorb", attributes=[("query_string", f"key={key}")], **more)


def refused(answer):
    """Complete, so that no front end takes the worker for dead (CVE-2022-2053), and the last one (CVE-2022-1319)."""
    assert answer.response.complete, answer.response.summary()
    assert answer.reuse is False
    return answer.response.status


# --- E1: the secret ---------------------------------------------------------------------------------------------------

GUESSES = {
    "missing": [],
    "wrong": [("secret", "another")],
    "beginning": [("secret", SECRET[:-1])],
    "longer": [("secret", SECRET + "x")],
    "empty": [("secret", "")],
    "twice": [("secret", SECRET), ("secret", SECRET)],
}


@pytest.mark.parametrize("name", sorted(GUESSES))
def test_e1_ghostcat_cve_2020_1938_no_request_without_the_secret(doors, control, key, name):
    with Kept(doors["ajp-secret"].address) as connection:
        query = ("query_string", f"key={key}")
        answer = connection.ask(ajp.Forward("GET", "/absorb", attributes=[query, *GUESSES[name]]))
        assert refused(answer) == 403
        assert connection.is_closed()
    assert control.notes(key) == []


def test_e1_cve_2026_43514_a_missing_and_a_wrong_secret_look_the_same(doors):
    answers = []
    for name in sorted(GUESSES):
        with Kept(doors["ajp-secret"].address) as connection:
            response = connection.ask(ajp.Forward("GET", "/echo", attributes=GUESSES[name])).response
            answers.append((response.status, response.reason, len(response.body), len(response.headers)))
    assert set(answers) == {answers[0]}


def test_e1_with_the_secret_all_is_well_and_nobody_sees_it(doors):
    with Kept(doors["ajp-secret"].address) as connection:
        response = connection.ask(ajp.Forward("GET", "/echo", attributes=[("secret", SECRET)])).response
    assert response.json()["environ"]["PATH_INFO"] == "/echo"
    assert SECRET.encode() not in response.body


def test_e1_a_ping_needs_no_secret(doors):
    with Wire(doors["ajp-secret"].address) as wire:
        wire.send(ajp.ping())
        assert wire.recv() == ajp.PONG


def test_e1_the_network_is_not_served_without_a_secret(tmp_path):
    with pytest.raises(AssertionError, match="PD0729: will not open 0.0.0.0:0 to the network without a secret"):
        Server(f"{APPS}/conformance.py:application", ["ajp://0.0.0.0:0?allow=127.0.0.1"])


# --- E2: attributes ---------------------------------------------------------------------------------------------------


def test_e2_cve_2020_1938_cve_2020_1745_attributes_are_never_plain_keys(doors):
    names = ["javax.servlet.include.request_uri", "wsgi.input", "PATH_INFO", "REMOTE_USER", "SHOP_ID"]
    forward = ajp.Forward("GET", "/echo", request_attributes=[(name, "evil") for name in names])
    environ = doors["ajp-trust"].ask(forward).json()["environ"]
    assert (environ["PATH_INFO"], environ["ajp.SHOP_ID"], environ["ajp.PATH_INFO"]) == ("/echo", "evil", "evil")
    assert "REMOTE_USER" not in environ
    assert not [name for name in environ if "javax" in name]
    assert all(isinstance(value, str) for name, value in environ.items() if name.startswith("ajp."))


def test_e2_an_unknown_attribute_is_refused(kept, control, key):
    assert refused(kept.ask(absorb(key, raw_attributes=b"\x20" + ajp.string("x")))) == 400
    assert control.notes(key) == []


def test_the_user_counts_only_where_the_front_end_is_believed(doors):
    forward = ajp.Forward("GET", "/echo", attributes=[("remote_user", "anna"), ("auth_type", "Basic")])
    assert "REMOTE_USER" not in doors["ajp"].ask(forward).json()["environ"]
    environ = doors["ajp-trust"].ask(forward).json()["environ"]
    assert (environ["REMOTE_USER"], environ["AUTH_TYPE"]) == ("anna", "Basic")


def test_tls_is_told(doors):
    forward = ajp.Forward(
        "GET",
        "/echo",
        ssl=True,
        attributes=[("ssl_cipher", "TLS_AES_256_GCM_SHA384"), ("ssl_cert", "-----BEGIN CERTIFICATE-----\nMII\n")],
        raw_attributes=b"\x0b\x01\x00",
        request_attributes=[("AJP_SSL_PROTOCOL", "TLSv1.3")],
    )
    environ = doors["ajp"].ask(forward).json()["environ"]
    assert (environ["wsgi.url_scheme"], environ["HTTPS"]) == ("https", "on")
    assert (environ["SSL_CIPHER"], environ["SSL_CIPHER_USEKEYSIZE"]) == ("TLS_AES_256_GCM_SHA384", "256")
    assert (environ["SSL_PROTOCOL"], environ["SSL_CLIENT_CERT"][:10]) == ("TLSv1.3", "-----BEGIN")


# --- E3 to E5: malformed packets --------------------------------------------------------------------------------------

SILENT = {
    "http": b"GET /absorb?key=%KEY% HTTP/1.1\r\nHost: a\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "fastcgi": b"\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00",
    "empty": ajp.packet(b""),
    "shutdown": ajp.packet(bytes([ajp.SHUTDOWN])),
    "old-ping": ajp.packet(b"\x08"),
    "code-11": ajp.packet(b"\x0b"),
    "data": ajp.data_packet(b"GET /absorb?key=%KEY%"),
}


@pytest.mark.parametrize("name", sorted(SILENT))
def test_e3_e8_a32_what_is_no_request_is_closed_without_an_answer(doors, control, key, name):
    with Wire(doors["ajp"].address) as wire:
        wire.send(SILENT[name].replace(b"%KEY%", key.encode()))
        assert wire.recv_all() == b""
    assert control.notes(key) == []
    assert doors["ajp"].request("GET", "/arguments").json() == [2, []]  # SHUTDOWN shut nothing down


def test_cve_2026_34059_34032_33857_strings_end_within_the_packet(doors, control, key):
    whole = absorb(key).encode()[4:]
    for cut in range(1, len(whole)):
        with Kept(doors["ajp"].address) as connection:
            connection.wire.send(ajp.packet(whole[:cut]))
            assert refused(connection.read()) in (400, 413)
    assert control.notes(key) == []


def test_cve_2026_28780_the_size_of_a_packet_counts_its_header(doors):
    for name, most in (("ajp", 8192), ("ajp-large", 65536)):
        fill = most - len(ajp.Forward("GET", "/echo", [("X-Fill", "")]).encode())
        for more, status in ((0, 200), (1, 431)):
            with Kept(doors[name].address, most) as connection:
                forward = ajp.Forward("GET", "/arguments", [("X-Fill", "x" * (fill - 5 + more))])
                assert len(forward.encode()) == most + more
                assert connection.ask(forward).response.status == status


def test_cve_2022_2053_a_request_too_large_has_a_complete_answer(kept):
    kept.wire.send(b"\x12\x34\xff\xff\x02\x02" + b"x" * 65533)
    assert refused(kept.read()) == 431
    assert kept.is_closed()


# --- E6, E7: bodies, and what could be taken for a request ------------------------------------------------------------


def test_bodies_of_known_length_are_asked_for_packet_by_packet(kept):
    body = bytes(range(256)) * 100
    pieces = [body[at : at + 5000] for at in range(0, len(body), 5000)]
    forward = ajp.Forward("POST", "/mirror", [("Content-Length", str(len(body)))])
    kept.wire.send(forward.encode() + ajp.data_packet(pieces[0]))
    answer = kept.read("POST", pieces[1:])
    assert (answer.response.body, answer.reuse) == (body, True)
    assert kept.ask(ajp.Forward("GET", "/arguments")).response.json() == [2, []]


@pytest.mark.parametrize("end", [ajp.packet(b""), ajp.packet(b"\0\0")], ids=["mod_jk", "mod_proxy_ajp"])
def test_both_ends_of_a_chunked_body(doors, end):
    with Wire(doors["ajp"].address) as wire:
        wire.send(ajp.Forward("POST", "/mirror", [("Transfer-Encoding", "chunked")]).encode())
        decoder = ajp.AjpDecoder("POST")
        for reply in (ajp.data_packet(b"hello"), end, b""):
            while not (decoder.asked or decoder.done):
                decoder.feed(wire.recv())
            if decoder.asked:
                assert decoder.asked.pop() == ajp.DATA_MOST
                wire.send(reply)
    assert (decoder.response.body, decoder.reuse) == (b"hello", True)


def test_e6_cve_2010_0408_a_promised_body_that_never_comes_is_refused(kept):
    kept.wire.send(ajp.Forward("POST", "/mirror", [("Content-Length", "9")]).encode() + ajp.packet(b""))
    assert refused(kept.read()) == 400


def test_e6_an_early_end_makes_read_raise(doors, control, key):
    with Kept(doors["ajp-stream"].address) as connection:
        query = [("query_string", f"key={key}")]
        forward = ajp.Forward("POST", "/absorb", [("Content-Length", "9")], attributes=query)
        connection.wire.send(forward.encode() + ajp.data_packet(b"half"))
        connection.read("POST", [])
    assert control.notes(key, 2)[1][1] is True


def test_cve_2022_26377_cve_2022_36760_a_data_packet_is_never_a_request(doors, control, key):
    """What httpd sent behind `Transfer-Encoding: gzip`: a request, and a data packet that looks like one."""
    smuggled = absorb(key).encode()[4:]
    data = ajp.packet(smuggled)
    for headers in ([("Transfer-Encoding", "gzip")], [("Transfer-Encoding", "chunked"), ("Content-Length", "5")]):
        with Kept(doors["ajp"].address) as connection:
            connection.wire.send(ajp.Forward("POST", "/arguments", headers).encode() + data)
            assert refused(connection.read("POST")) in (400, 501)
            assert connection.is_closed()
    with Kept(doors["ajp"].address) as connection:  # also where nothing announced a body
        connection.wire.send(ajp.Forward("POST", "/arguments").encode() + data)
        answer = connection.read("POST")
        assert (answer.response.status, answer.reuse) == (200, False)
        assert connection.is_closed()
    assert control.notes(key) == []


def test_an_unread_body_ends_the_connection(doors, key):
    with Kept(doors["ajp-stream"].address) as connection:
        query = [("query_string", f"key={key}")]
        forward = ajp.Forward("POST", "/ignore", [("Content-Length", "100000")], attributes=query)
        connection.wire.send(forward.encode() + ajp.data_packet(b"x" * ajp.DATA_MOST))
        answer = connection.read("POST", [])
        assert answer.response.json() == "ignored"
        assert answer.reuse is False


def test_nobody_asks_while_the_window_of_a_streamed_body_is_full(tmp_path):
    """A peer is asked for what there is room for: the application reads nothing until it is let."""
    with HoldingServer(tmp_path, [f"ajp+unix:{tmp_path}/a?stream=1"], threads=1) as server:
        held = server.hold(server.doors[0])
        held.wait_running()
        sent = 0
        with Wire(server.doors[0].address) as wire:
            wire.send(ajp.Forward("POST", "/quick", [("Content-Length", "10000000")]).encode())
            wire.sock.settimeout(0.5)
            decoder = ajp.AjpDecoder("POST")
            decoder.asked.append(ajp.DATA_MOST)
            try:
                while decoder.asked:
                    decoder.asked.pop()
                    wire.send(ajp.data_packet(b"x" * ajp.DATA_MOST))
                    sent += ajp.DATA_MOST
                    decoder.feed(wire.recv())
            except TimeoutError:
                pass
        assert 262144 <= sent <= 262144 + 2 * ajp.DATA_MOST
        held.release()
        assert held.exchange.finish().complete


# --- E8: pings --------------------------------------------------------------------------------------------------------


def test_e8_pings_and_requests_take_turns(kept):
    for _ in range(20):
        kept.wire.send(ajp.ping())
        assert kept.wire.recv() == ajp.PONG
        assert kept.ask(ajp.Forward("GET", "/arguments")).reuse is True


def ping_ms(door):
    """How long a ping on a fresh connection takes."""
    begin = time.perf_counter()
    with Wire(door.address) as wire:
        wire.send(ajp.ping())
        assert wire.recv() == ajp.PONG
    return (time.perf_counter() - begin) * 1000


def test_a_ping_is_answered_while_all_threads_are_busy(tmp_path):
    with HoldingServer(tmp_path, [f"ajp+unix:{tmp_path}/a"], threads=1) as server:
        held = server.hold(server.doors[0])
        held.wait_running()
        assert best(lambda: ping_ms(server.doors[0]), 10, least=20) <= 10
        held.release()
        assert held.exchange.finish().complete


def test_a_ping_is_answered_while_an_extension_holds_the_gil(tmp_path):
    with (
        Server(f"{APPS}/gil_apps.py:application", [f"ajp+unix:{tmp_path}/a"], threads=1) as server,
        server.doors[0].start("GET", "/hold?700") as held,
    ):
        server.log.wait_for("holding")
        assert best(lambda: ping_ms(server.doors[0]), 10, least=20, seconds=0.1) <= 10
        assert not held.decoder.seen
        assert held.finish().body == b"here"


# --- E9: responses ----------------------------------------------------------------------------------------------------


def test_e9_a_head_that_does_not_fit_a_packet_is_a_500(doors):
    response = doors["ajp"].request("GET", "/wide?size=9000")
    assert (response.status, response.complete) == (500, True)


def test_a_name_with_a_code_goes_first(doors):
    for target in ("/arguments", "/echo"):
        with doors["ajp"].start("GET", target) as exchange:
            exchange.finish()
            assert exchange.decoder.first_header_coded is True


def test_blocks_are_flushed_and_the_last_one_is_not(doors):
    with doors["ajp"].start("GET", "/arguments") as exchange:
        exchange.finish()
        assert (exchange.decoder.flushes, exchange.reuse) == (0, True)


def test_larger_packets_are_used_where_they_are_configured(doors):
    with Kept(doors["ajp-large"].address, 65536) as connection:
        body = b"x" * 60000
        connection.wire.send(ajp.Forward("POST", "/mirror", [("Content-Length", "60000")]).encode())
        connection.wire.send(ajp.data_packet(body))
        answer = connection.read("POST", [])
        assert (answer.response.body == body, answer.largest) == (True, 60008)


# --- E10: reuse -------------------------------------------------------------------------------------------------------


def test_e10_a_kept_connection_mixes_nothing_up(kept):
    for number in range(200):
        body = b"%d" % number * (number + 1)
        kept.wire.send(ajp.Forward("POST", "/mirror", [("Content-Length", str(len(body)))]).encode())
        kept.wire.send(ajp.data_packet(body))
        assert kept.read("POST").response.body == body


def test_e10_an_abort_at_any_byte_harms_nobody(doors):
    data = ajp.Forward("POST", "/mirror", [("Content-Length", "5")]).encode() + ajp.data_packet(b"hello")
    for cut in range(1, len(data)):
        with Wire(doors["ajp"].address) as wire:
            wire.send(data[:cut])
    assert doors["ajp"].request("POST", "/mirror", body=b"hello").body == b"hello"


# --- lighttpd ---------------------------------------------------------------------------------------------------------


def test_lighttpd_sends_no_inner_length_and_a_decoded_path(doors):
    with Kept(doors["ajp-lighttpd"].address) as connection:
        forward = ajp.Forward("POST", "/mirror", [("Content-Length", "11")])
        connection.wire.send(forward.encode() + ajp.packet(b"hello world"))
        assert connection.read("POST").response.body == b"hello world"
        environ = connection.ask(ajp.Forward("GET", "/echo/a%2Fb c")).response.json()["environ"]
        assert environ["PATH_INFO"] == "/echo/a%2Fb c"
        assert "REQUEST_URI" not in environ
