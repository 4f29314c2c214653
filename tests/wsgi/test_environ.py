"""PEP 3333: the environ (protocols.md 10.2, E01 to E17)."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from peers import cgivars, http
from support.server import APPS, Server, one_each

PRINTED_VARIABLES = Path(__file__).parents[2] / "docs" / "reference" / "environ.md"


def echo(door, method="GET", target="/echo", headers=(), body=b""):
    return door.request(method, target, list(headers), body).json()["environ"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "FROB", "get"])
def test_e01_request_method(door, method):
    assert echo(door, method)["REQUEST_METHOD"] == method


def test_e02_server_name_and_port(door):
    environ = echo(door)
    assert environ["SERVER_NAME"] == "127.0.0.1"
    assert environ["SERVER_PORT"] == str(door.server[1])


def test_e02_server_name_and_port_are_never_empty(gateway):
    for values in ({"SERVER_NAME": "", "SERVER_PORT": ""}, {}):
        variables = gateway.variables("GET", "/echo")
        del variables["SERVER_NAME"], variables["SERVER_PORT"]
        environ = gateway.ask(variables | values).json()["environ"]
        assert environ["SERVER_NAME"]
        assert environ["SERVER_PORT"].isdecimal()


def test_e02_a_port_is_no_part_of_server_name(gateway):
    environ = gateway.ask(gateway.variables("GET", "/echo") | {"SERVER_NAME": "shop.example:8080"}).json()["environ"]
    assert environ["SERVER_NAME"] == "shop.example"


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_e03_server_protocol_is_the_clients_version(http_door, version):
    with http.HttpConnection(http_door.address) as client:
        client.send(http.head("GET", "/echo", [], version=version))
        assert client.read().json()["environ"]["SERVER_PROTOCOL"] == version


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"])
def test_e03_server_protocol_is_what_the_front_end_says(gateway, version):
    environ = gateway.ask(gateway.variables("GET", "/echo") | {"SERVER_PROTOCOL": version}).json()["environ"]
    assert environ["SERVER_PROTOCOL"] == version


PATHS = {
    "/echo": "/echo",
    "/echo/": "/echo/",
    "/echo//a//": "/echo//a//",
    "/echo/a%2Fb": "/echo/a/b",
    "/echo/c%20d;x=1": "/echo/c d;x=1",
    "/echo/%C3%A9": "/echo/\u00c3\u00a9",
    "/echo/%ff%FE": "/echo/\u00ff\u00fe",
    "/echo/%2525": "/echo/%25",
    "/echo/a+b": "/echo/a+b",
    "/echo/~!$&'()*,=:@": "/echo/~!$&'()*,=:@",
    "/echo/../x/./y": "/echo/../x/./y",
}


@pytest.mark.parametrize("target", sorted(PATHS))
def test_e04_script_name_and_path_info(door, target):
    environ = echo(door, target=target + "?q=1%202&r=%20+x")
    assert environ["SCRIPT_NAME"] == ""
    assert environ["PATH_INFO"] == PATHS[target]
    assert environ["QUERY_STRING"] == "q=1%202&r=%20+x"


@pytest.mark.parametrize(
    ("target", "path"),
    [("/shop/echo", "/echo"), ("/shop/echo/a%2Fb//c", "/echo/a/b//c"), ("/%73hop/echo", "/echo")],
)
def test_e04_a_mount_prefix_is_the_script_name(mount_door, target, path):
    environ = echo(mount_door, target=target)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/shop", path)


def test_e04_the_pair_of_the_front_end_counts_without_request_uri(gateway):
    variables = gateway.variables("GET", "/echo")
    del variables["REQUEST_URI"]
    environ = gateway.ask(variables | {"SCRIPT_NAME": "/front", "PATH_INFO": "/echo/x"}).json()["environ"]
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/front", "/echo/x")


def test_e05_empty_or_absent_when_the_request_has_none(door):
    environ = echo(door)
    assert environ.get("QUERY_STRING", "") == ""
    assert environ.get("CONTENT_TYPE", "") == ""
    assert environ.get("CONTENT_LENGTH", "") == ""


def test_e05_present_when_the_request_has_them(door):
    environ = echo(door, "POST", "/echo?a=b", [("Content-Type", "text/x; charset=utf-8")], b"12345")
    assert environ["QUERY_STRING"] == "a=b"
    assert environ["CONTENT_TYPE"] == "text/x; charset=utf-8"
    assert environ["CONTENT_LENGTH"] == "5"


def test_e05_content_length_of_an_empty_post(door):
    assert echo(door, "POST")["CONTENT_LENGTH"] == "0"


def test_e06_headers_are_mirrored(door):
    headers = [
        ("User-Agent", "test/1"),
        ("X-Custom-Name", "value with  spaces"),
        ("x-lower", "1"),
        ("X-Empty", ""),
        ("Accept", "*/*"),
        ("X-Digits-123", "4"),
    ]
    environ = echo(door, headers=headers)
    seen = {name: value for name, value in environ.items() if name.startswith("HTTP_") and name != "HTTP_HOST"}
    assert seen == {
        "HTTP_USER_AGENT": "test/1",
        "HTTP_X_CUSTOM_NAME": "value with  spaces",
        "HTTP_X_LOWER": "1",
        "HTTP_X_EMPTY": "",
        "HTTP_ACCEPT": "*/*",
        "HTTP_X_DIGITS_123": "4",
    }


def test_e06_no_prefix_for_content_headers(door):
    environ = echo(door, "POST", headers=[("Content-Type", "a/b")], body=b"x")
    assert "HTTP_CONTENT_TYPE" not in environ
    assert "HTTP_CONTENT_LENGTH" not in environ


def test_e06_content_headers_of_the_front_end_are_dropped(gateway):
    planted = {"HTTP_CONTENT_LENGTH": "5", "HTTP_CONTENT_TYPE": "evil/type", "CONTENT_LENGTH": "0"}
    environ = gateway.ask(gateway.variables("GET", "/echo") | planted).json()["environ"]
    assert "HTTP_CONTENT_TYPE" not in environ
    assert "HTTP_CONTENT_LENGTH" not in environ


def test_e06_repeated_headers_are_joined(door):
    headers = [("X-Two", "1"), ("Cookie", "a=1"), ("x-two", "2"), ("Cookie", "b=2")]
    environ = echo(door, headers=headers)
    assert environ["HTTP_X_TWO"] == "1, 2"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


def test_e06_repeated_variables_are_joined(fcgi_door):
    from peers import fastcgi

    variables = fcgi_door.variables("GET", "/echo")
    doubled = [*variables.items(), ("HTTP_X_TWO", "1"), ("HTTP_COOKIE", "a=1"), ("HTTP_X_TWO", "2")]
    content = fastcgi.pairs([*doubled, ("HTTP_COOKIE", "b=2")])
    with fcgi_door.exchange("GET", 0) as exchange:
        head = fastcgi.begin(1) + fastcgi.record(fastcgi.PARAMS, 1, content) + fastcgi.record(fastcgi.PARAMS, 1)
        exchange.wire.send(head + exchange.tail())
        environ = exchange.finish().json()["environ"]
    assert environ["HTTP_X_TWO"] == "1, 2"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


def test_e06_httpoxy_never_reaches_the_application(door):
    assert "HTTP_PROXY" not in echo(door, headers=[("Proxy", "http://evil.example/")])


@pytest.mark.parametrize("name", ["X_Real_Ip", "Content_Length", "Transfer_Encoding", "X.Dot"])
def test_e06_names_that_could_be_mistaken_are_dropped(http_door, name):
    environ = echo(http_door, headers=[(name, "7"), ("X-Good", "1")])
    assert environ["HTTP_X_GOOD"] == "1"
    assert "7" not in [value for key, value in environ.items() if key.startswith(("HTTP_", "CONTENT"))]


@pytest.mark.parametrize(
    "name", ["proxy-fcgi-pathinfo", "PATH", "LD_LIBRARY_PATH", "UWSGI_FILE", "PHP_VALUE", "wsgi.input"]
)
def test_e06_nothing_else_from_the_wire_becomes_a_key(gateway, name):
    before = set(gateway.ask(gateway.variables("GET", "/echo")).json()["environ"])
    planted = gateway.ask(gateway.variables("GET", "/echo") | {name: "planted"}).json()["environ"]
    assert set(planted) == before
    assert "planted" not in planted.values()


def test_e07_every_variable_is_a_latin1_str(door):
    document = door.request("GET", "/echo/%E2%82%AC?x", [("X-High", "\u00e9\u00ff\u0080")]).json()
    environ, types = document["environ"], document["types"]
    assert environ["HTTP_X_HIGH"] == "\u00e9\u00ff\u0080"
    for name, value in environ.items():
        if "." not in name:
            assert types[name] == "str", name
            assert all(ord(letter) < 256 for letter in value), name


UNKNOWN = ("REMOTE_USER", "AUTH_TYPE", "REMOTE_HOST", "REMOTE_IDENT", "HTTPS", "PATH_TRANSLATED")


def test_e08_what_is_unknown_is_absent(door):
    environ = echo(door)
    assert [name for name in UNKNOWN if name in environ] == []


def test_e08_empty_variables_of_the_front_end_are_absent(gateway):
    environ = gateway.ask(gateway.variables("GET", "/echo") | dict.fromkeys(UNKNOWN, "")).json()["environ"]
    assert [name for name in UNKNOWN if name in environ] == []


def test_e08_remote_user_of_an_untrusted_front_end_is_dropped(gateway):
    planted = {"REMOTE_USER": "admin", "AUTH_TYPE": "Basic"}
    environ = gateway.ask(gateway.variables("GET", "/echo") | planted).json()["environ"]
    assert "REMOTE_USER" not in environ
    assert "AUTH_TYPE" not in environ


def test_e08_remote_user_of_a_trusted_front_end_is_given(trusting_gateway):
    planted = {"REMOTE_USER": "alice", "AUTH_TYPE": "Basic"}
    environ = trusting_gateway.ask(trusting_gateway.variables("GET", "/echo") | planted).json()["environ"]
    assert (environ["REMOTE_USER"], environ["AUTH_TYPE"]) == ("alice", "Basic")


def test_e09_tls_of_the_front_end_is_told(gateway):
    environ = gateway.ask(gateway.variables("GET", "/echo") | {"HTTPS": "on"}).json()["environ"]
    assert (environ["HTTPS"], environ["wsgi.url_scheme"]) == ("on", "https")


def test_e10_wsgi_version(door):
    document = door.request("GET", "/echo").json()
    assert document["environ"]["wsgi.version"] == [1, 0]
    assert document["types"]["wsgi.version"] == "tuple"


@pytest.mark.parametrize(
    ("variables", "scheme"),
    [
        ({}, "http"),
        ({"HTTPS": "on"}, "https"),
        ({"HTTPS": "1"}, "https"),
        ({"HTTPS": "off"}, "http"),
        ({"HTTPS": ""}, "http"),
        ({"REQUEST_SCHEME": "https"}, "https"),
        ({"REQUEST_SCHEME": "http"}, "http"),
        ({"HTTPS": "off", "REQUEST_SCHEME": "http"}, "http"),
        ({"SERVER_PORT": "443"}, "http"),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, "http"),
    ],
)
def test_e11_url_scheme_of_a_front_end(gateway, variables, scheme):
    environ = gateway.ask(gateway.variables("GET", "/echo") | variables).json()["environ"]
    assert environ["wsgi.url_scheme"] == scheme


def test_e11_url_scheme_of_plain_http(http_door):
    for headers in ([], [("X-Forwarded-Proto", "https")]):
        assert echo(http_door, headers=headers)["wsgi.url_scheme"] == "http"


def test_e12_required_wsgi_keys(door):
    document = door.request("GET", "/echo").json()
    for name in ("wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once", "wsgi.input_terminated"):
        assert document["types"][name] == "bool"
    environ = document["environ"]
    is_cgi = door.name == "cgi"  # a process for this request alone, and others for others
    assert environ["wsgi.multithread"] is not is_cgi
    assert environ["wsgi.multiprocess"] is is_cgi
    assert environ["wsgi.run_once"] is is_cgi
    assert environ["wsgi.input_terminated"] is True
    assert {"wsgi.input", "wsgi.errors", "wsgi.file_wrapper"} <= set(environ)


def test_e12_one_thread_is_not_multithread(tmp_path):
    listeners = one_each(tmp_path)
    with Server(f"{APPS}/conformance.py:application", listeners, threads=1) as server:
        for door in server.doors:
            environ = echo(door)
            flags = [environ[f"wsgi.{name}"] for name in ("multithread", "multiprocess", "run_once")]
            assert flags == [False, False, False]


def test_e13_own_keys_are_lower_case_with_a_prefix(door):
    for name in echo(door):
        assert re.fullmatch(r"[A-Z][A-Z0-9_]*|(wsgi|polydoor|x-wsgiorg)\.[a-z0-9_.]+", name), name


def test_e14_every_variable_is_documented(door):
    text = PRINTED_VARIABLES.read_text()
    names = echo(door, "POST", headers=[("Content-Type", "a/b")], body=b"x")
    missing = [name for name in names if not name.startswith("HTTP_") and f"`{name}`" not in text]
    assert missing == []


def test_e15_the_deployer_can_add_variables(tmp_path):
    listeners = one_each(tmp_path)
    options = ["--wsgi-environ", "SHOP_NAME=Corner shop", "--wsgi-environ", "shop.debug=1"]
    with Server(f"{APPS}/conformance.py:application", listeners, options=options) as server:
        for door in server.doors:
            environ = echo(door)
            assert (environ["SHOP_NAME"], environ["shop.debug"]) == ("Corner shop", "1")


def test_e16_the_process_environment_stays_outside(tmp_path):
    listeners = one_each(tmp_path)
    planted = {"PLANTED": "from outside", "HTTP_PLANTED": "from outside", "REMOTE_USER": "outside"}
    with Server(f"{APPS}/conformance.py:application", listeners, env=planted) as server:
        for door in server.doors:
            environ = echo(door)
            assert "from outside" not in environ.values()
            assert not {"PLANTED", "HTTP_PLANTED", "REMOTE_USER", "PATH", "HOME"} & set(environ)


@pytest.mark.parametrize("target", ["/rebuild", "/rebuild/a%20b/%C3%A9?x=%20y&z", "/rebuild/?", "/rebuild/a//b"])
def test_e17_the_url_can_be_rebuilt(door, target):
    rebuilt = door.request("GET", target).json()
    host, port = door.server
    path, _, query = target.partition("?")
    assert unquote_to_bytes(rebuilt.partition("?")[0]) == unquote_to_bytes(f"http://{host}:{port}{path}")
    assert rebuilt.partition("?")[2] == query


def test_e17_the_url_can_be_rebuilt_under_a_mount(mount_door):
    host, port = mount_door.server
    assert mount_door.request("GET", "/shop/rebuild/x?y").json() == f"http://{host}:{port}/shop/rebuild/x?y"


def test_e17_without_host_the_server_names_itself(http_door):
    with http.HttpConnection(http_door.address) as client:
        client.send(http.head("GET", "/rebuild", [], version="HTTP/1.0", host=None))
        host, port = http_door.address
        assert client.read().json() == f"http://{host}:{port}/rebuild"


def test_e17_an_absolute_target_overrides_host(http_door):
    with http.HttpConnection(http_door.address) as client:
        client.send(http.head("GET", "http://shop.example:81/rebuild?x", [], host="other.example"))
        assert client.read().json() == "http://shop.example:81/rebuild?x"


PASSING = ("Accept", "Cookie", "DNT", "From", "Origin", "Pragma", "Priority", "Referer", "Sec-GPC", "Via", "X-Shop")


def test_nothing_of_one_request_is_in_the_next(door):
    keys = {"HTTP_" + name.upper().replace("-", "_") for name in PASSING}
    plain = set(echo(door)) - keys
    for turn in range(8):  # a thread may begin with any of them
        names = PASSING[turn % 3 :: 2] if turn % 2 else PASSING
        full = echo(door, "POST", f"/echo?{turn}", [(name, f"{name}-{turn}") for name in names], b"body")
        assert {name: full[name] for name in keys & set(full)} == {
            "HTTP_" + name.upper().replace("-", "_"): f"{name}-{turn}" for name in names
        }
        after = echo(door)
        assert set(after) == plain
        assert after["QUERY_STRING"] == ""
        assert after["REQUEST_METHOD"] == "GET"


def test_the_variables_of_a_plain_front_end_are_what_the_tests_think():
    variables = cgivars.variables("POST", "/a%20b?c", [("Cookie", "a"), ("Cookie", "b")], length=3)
    assert variables["PATH_INFO"] == "/a b"
    assert variables["HTTP_COOKIE"] == "a; b"
    assert variables["CONTENT_LENGTH"] == "3"
