"""The same requests through every front end and protocol, with the configurations that `polydoor frontend` prints.

What a front end does in its own way is a row of `limits.DIFFERENT`.
"""

from __future__ import annotations

import hashlib
import json

import pytest

from interop.frontends import SERVER_NAME
from interop.limits import CGI_KILLED, UNCOUNTED, different, refuses_unknown_length, rows_of
from interop.pairs import BODY_LIMIT, CLIENT, MOUNT, PAIRS
from peers import http
from peers.wire import Wire
from support.fixtures import Control


@pytest.fixture
def front(pair):
    return pair.door


@pytest.fixture
def control(pairs):
    return Control(pairs.direct)


# --- one environ ------------------------------------------------------------------------------------------------------

AGENT = ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)")
REQUESTS = {
    "path": ("GET", "/echo/a%2Fb/c%20d;x=1//e/%C3%A9?q=1&r=%20+x", [], b""),
    "root": ("GET", "/", [], b""),
    "mount": ("GET", "", [], b""),
    "query": ("GET", "/echo?a=b%20c&d=%26&e[]=1,2;3&f=%C3%A9&g=a/../b//c", [], b""),
    "empty-query": ("GET", "/echo?", [], b""),
    "signs": ("GET", "/echo/a+b;c=d,e@f:g!h$i'(j)*k~l", [], b""),
    "escapes": ("GET", "/echo/%7Euser/%41%ff/%3F%23%25", [], b""),
    "slash-at-the-end": ("DELETE", "/echo//", [], b""),
    "browser": (
        "GET",
        "/echo/page?x",
        [
            ("Accept", "text/html,*/*;q=0.8"),
            ("Accept-Language", "de,en;q=0.5"),
            ("Accept-Encoding", "gzip, deflate, br"),
            ("Referer", "http://127.0.0.1/other"),
            ("Cookie", "a=1; b=2"),
            ("Cache-Control", "max-age=0"),
            ("If-None-Match", '"x"'),
        ],
        b"",
    ),
    "authorization": ("GET", "/echo", [("Authorization", "Basic dTpw")], b""),
    "form": ("POST", "/echo", [("Content-Type", "application/x-www-form-urlencoded")], b"a=b&c=d"),
    "json": ("PUT", "/echo/1", [("Content-Type", 'application/json; charset="utf-8"')], b'{"a": 1}'),
    "repeated": ("GET", "/echo", [("X-A", "1"), ("X-A", "2"), ("Cookie", "a=1"), ("Cookie", "b=2")], b""),
    "empty-value": ("GET", "/echo", [("X-Empty", "")], b""),
    "no-length": ("GET", "/echo", [("Content-Length", "0")], b""),
    "connection": ("GET", "/echo", [("Connection", "keep-alive, TE"), ("Keep-Alive", "5"), ("TE", "trailers")], b""),
    "high-bytes": ("GET", "/echo", [("X-High", "\u00e9\u00ff")], b""),
}
# What the application must not see: a length that says nothing, and what is the front end's own affair.
UNSEEN = ("Content-Length", "Connection", "Keep-Alive", "TE")
# Behind an HTTP proxy these are about its own connection to us.
OF_THE_PROXY = ("HTTP_CONNECTION", "HTTP_VIA", "HTTP_X_FORWARDED_", "HTTP_X_HOST")
IDENTITY = ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "SERVER_NAME", "SERVER_PORT")
IDENTITY += ("SERVER_PROTOCOL", "REMOTE_ADDR", "REMOTE_HOST", "REMOTE_USER", "AUTH_TYPE", "HTTPS", "CONTENT_TYPE")
IDENTITY += ("CONTENT_LENGTH", "wsgi.url_scheme")


def expected(pair, method, target, headers, body):
    """What the application must see, worked out from what the client sends."""
    raw, _, query = (MOUNT + target).partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": MOUNT,
        "PATH_INFO": unquote(raw.removeprefix(MOUNT)),
        "QUERY_STRING": query,
        "REQUEST_URI": MOUNT + target,
        "SERVER_NAME": SERVER_NAME,
        "SERVER_PORT": str(pair.site.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": CLIENT,
        "wsgi.url_scheme": "http",
        "HTTP_HOST": f"{SERVER_NAME}:{pair.site.port}",
    }
    for name, value in headers:
        if name in UNSEEN:
            continue
        key = name.upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        joint = "; " if key == "HTTP_COOKIE" else ", "
        environ[key] = environ[key] + joint + value if key in environ else value
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def unquote(path):
    first, *rest = path.encode("latin-1").split(b"%")
    return (first + b"".join(bytes([int(part[:2], 16)]) + part[2:] for part in rest)).decode("latin-1")


def comparable(pair, environ):
    """The part of an environ that must be the same through every door."""
    kept = {key: value for key, value in environ.items() if key in IDENTITY or key.startswith("HTTP_")}
    if pair.protocol == "http":
        kept = {key: value for key, value in kept.items() if not key.startswith(OF_THE_PROXY)}
        kept.pop("SERVER_PROTOCOL")
    return kept


@pytest.mark.parametrize("name", REQUESTS)
def test_the_environ_is_the_same(pair, name):
    method, target, headers, body = REQUESTS[name]
    headers = [*headers, AGENT]
    response = pair.door.request(method, MOUNT + target, headers, body)
    changed = different(pair.name, name)
    if isinstance(changed, int):
        assert response.status == changed
        return
    seen = comparable(pair, response.json()["environ"])
    wanted = comparable(pair, expected(pair, method, target, headers, body))
    if changed is not None:
        wanted = {key: value for key, value in {**wanted, **changed}.items() if value is not None}
    assert seen == wanted


def test_what_a_client_says_of_forwarding_changes_nothing(pair):
    claims = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example")]
    claims += [("X-Forwarded-Port", "666")]
    claims += [("Forwarded", "for=203.0.113.9;proto=https;host=evil.example"), ("X-Real-IP", "203.0.113.9")]
    environ = pair.door.request("GET", f"{MOUNT}/echo", claims).json()["environ"]
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == (CLIENT, "http")
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == (SERVER_NAME, str(pair.site.port))
    assert environ["HTTP_HOST"] == f"{SERVER_NAME}:{pair.site.port}"
    if pair.protocol == "http":  # a listener with forwarded=port would believe it
        assert not environ.get("HTTP_X_FORWARDED_PORT")


def test_spoofed_headers_change_nothing(pair):
    spoofed = [("Proxy", "http://evil/"), ("X_Foo", "evil"), ("Remote_User", "evil"), ("Content_Length", "9")]
    environ = pair.door.request("GET", f"{MOUNT}/echo", [*spoofed, ("X-Foo", "good")]).json()["environ"]
    assert "HTTP_PROXY" not in environ
    assert "REMOTE_USER" not in environ
    assert "HTTP_CONTENT_LENGTH" not in environ
    assert environ.get("CONTENT_LENGTH", "0") == "0"
    wanted = different(pair.name, "spoofed") or "good"
    assert environ["HTTP_X_FOO"] == wanted


# --- request bodies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unknown", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("size", [0, 1, 10_000, 5_000_000])
def test_uploads_arrive_whole(pair, size, unknown):
    body = (bytes(range(250)) * (size // 250 + 1))[:size]
    response = pair.door.request("POST", f"{MOUNT}/digest", [], body, unknown=unknown)
    if refused := unknown and refuses_unknown_length(pair.name, size):
        assert response.status in refused
        return
    total, digest, length = response.json()
    assert (total, digest, length) == (size, hashlib.sha256(body).hexdigest(), str(size))


def test_a_slow_chunked_upload_arrives_whole(pair):
    with pair.door.start("POST", f"{MOUNT}/digest", length=None) as exchange:
        for _ in range(20):
            exchange.send(b"0123456789")
        exchange.end_body()
        response = exchange.finish()
    if refused := refuses_unknown_length(pair.name, 200):
        assert response.status in refused
        return
    assert response.json() == [200, hashlib.sha256(b"0123456789" * 20).hexdigest(), "200"]


def test_100_continue_is_answered(pair):
    body = b"x" * 1000
    headers = [("Expect", "100-continue"), ("Content-Length", str(len(body)))]
    with pair.door.exchange("POST", len(body)) as exchange:
        exchange.wire.send(http.head("POST", f"{MOUNT}/digest", headers, host=f"{SERVER_NAME}:{pair.site.port}"))
        assert exchange.wait(lambda: len(exchange.response.interim) > 0), exchange.response.summary()
        exchange.send(body)
        response = exchange.finish()
    assert {status for status, _ in response.interim} == {100}  # a front end may pass ours on behind its own
    assert response.json()[0] == len(body)


@pytest.mark.parametrize("unknown", [False, True], ids=["length", "chunked"])
def test_an_upload_that_is_too_large_is_answered_413(pair, unknown):
    size = BODY_LIMIT + 100_000
    response = pair.door.request("POST", f"{MOUNT}/digest", [], b"x" * size, unknown=unknown)
    assert response.status in ((unknown and refuses_unknown_length(pair.name, size)) or (413,))


def test_an_early_answer_reaches_the_client(pair, key):
    response = pair.door.request("POST", f"{MOUNT}/ignore?key={key}", [], b"x" * 3_000_000)
    assert response.json() == "ignored"


def test_a_large_head_is_taken(pair):
    headers = [("X-Large", "x" * 7000), *((f"X-Field-{number}", "y" * 100) for number in range(50))]
    response = pair.door.request("GET", f"{MOUNT}/echo?{'q' * 6000}", headers)
    if refused := different(pair.name, "large-head"):
        assert response.status == refused
        return
    environ = response.json()["environ"]
    assert environ["HTTP_X_LARGE"] == "x" * 7000
    assert sum(key.startswith("HTTP_X_FIELD_") for key in environ) == 50
    assert len(environ["QUERY_STRING"]) == 6000


# --- responses --------------------------------------------------------------------------------------------------------


def respond(pair, plan, method="GET"):
    return pair.door.request(method, f"{MOUNT}/respond", [("X-Response", json.dumps(plan))])


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "304 Not Modified", "404 Own Words", "500 Oops"])
def test_statuses_come_through(pair, status):
    response = respond(pair, {"status": status, "body": ["body"]})
    assert (response.status, response.complete) == (int(status[:3]), True)
    assert response.body == (b"" if response.status in (204, 304) else b"body")


def test_head_is_answered(pair):
    response = pair.door.request("HEAD", f"{MOUNT}/sized?size=1000")
    assert (response.status, response.body, response.complete) == (200, b"", True)


@pytest.mark.parametrize("status", ["302 Found", "201 Created", "200 OK"])
def test_a_location_is_the_client_s(pair, status):
    if status == "200 OK" and different(pair.name, "location-200"):
        response = respond(pair, {"status": status, "headers": [["Location", "/m/echo"]], "body": ["body"]})
        assert response.status == different(pair.name, "location-200")
        return
    response = respond(pair, {"status": status, "headers": [["Location", "/m/echo"]], "body": ["body"]})
    assert (response.status, response.header("Location"), response.body) == (int(status[:3]), "/m/echo", b"body")


def test_cookies_are_set_one_by_one(pair):
    cookies = ["a=1; Path=/", "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT"]
    response = respond(pair, {"headers": [["Set-Cookie", cookie] for cookie in cookies]})
    assert response.all("Set-Cookie") == cookies


def test_a_large_response_head_comes_through(pair):
    # What is asked for stands in the head of the request.
    large, count = (3000, 20) if different(pair.name, "large-head") else (7000, 60)
    headers = [["X-Large", "x" * large], *([f"X-Field-{number}", "y" * 100] for number in range(count))]
    response = respond(pair, {"headers": headers})
    assert response.header("X-Large") == "x" * large
    assert sum(name.lower().startswith("x-field-") for name, _ in response.headers) == count


def test_the_length_comes_through(pair):
    response = respond(pair, {"headers": [["Content-Length", "4"]], "body": ["body"]})
    assert (response.header("Content-Length"), response.body) == ("4", b"body")


@pytest.mark.parametrize("target", ["/sized?size=1000003&count=5", "/file_large?size=5000015&key={key}"])
def test_downloads_arrive_whole(pair, key, target):
    response = pair.door.request("GET", MOUNT + target.format(key=key))
    assert (response.complete, len(response.body)) == (True, 5_000_015)


def test_a_response_is_streamed_without_delay(pair, control, key):
    with pair.door.start("GET", f"{MOUNT}/write_gated?key={key}") as exchange:
        assert exchange.wait_body(b"written "), exchange.response.summary()
        control.open(key)
        response = exchange.finish()
    assert (response.body, response.complete) == (b"written returned", True)


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_an_error_of_the_application_is_a_500(pair, key):
    response = pair.door.request("GET", f"{MOUNT}/crash?where=call&key={key}")
    assert (response.status, response.complete) == (500, True)


@pytest.mark.parametrize("length", [False, True], ids=["without-length", "with-length"])
def test_a_response_that_breaks_off_is_seen_as_broken(pair, pairs, key, length):
    pairs.break_off(pair, key, length=length)


def test_the_application_sees_that_the_client_left(pair, control, key):
    if pair.protocol == "cgi":
        pytest.skip(CGI_KILLED)
    with pair.door.start("GET", f"{MOUNT}/endless?key={key}") as exchange:
        assert exchange.wait(lambda: len(exchange.response.body) > 0)
    assert control.notes(key, 1) == ["closed"]


def test_many_requests_on_one_connection(pair):
    with http.HttpConnection(pair.site.address) as client:
        for number in range(30):
            headers = [("Host", SERVER_NAME)]
            assert (
                client.ask("POST", f"{MOUNT}/mirror", headers, body=b"%d" % number * 100).body == b"%d" % number * 100
            )


def test_a_path_beside_the_mount_is_not_the_application_s(pair):
    response = pair.door.request("GET", "/mm/echo")
    assert response.status in (404, 503, 200)
    assert b"SCRIPT_NAME" not in response.body


def test_it_has_nothing_to_complain_about(pair):
    before = len(pair.front_end.errors())
    for _ in range(5):
        assert pair.door.request("POST", f"{MOUNT}/digest", [], b"x" * 100_000).json()[0] == 100_000
    with Wire(pair.site.address) as wire:
        wire.send(http.head("GET", f"{MOUNT}/digest", [("Connection", "close")], host=SERVER_NAME))
        assert wire.recv_all()
    text = pair.front_end.errors()[before:]
    for complaint in ("unexpected", "invalid header", "unsupported FastCGI", "more data than", "AH01068"):
        assert complaint not in text, text[-3000:]


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_that_counts_differs_in_three_ways_at_most(name):
    assert (rows_of(name) <= 3) == (name not in UNCOUNTED)


def test_there_are_enough_pairs_that_count():
    assert len(set(PAIRS) - set(UNCOUNTED)) >= 24
