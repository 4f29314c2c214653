"""Addresses behind -b."""

import pytest

from polydoor.errors import ConfigError
from polydoor.settings.listener import OPTIONS, mask_address, parse_listener
from polydoor.settings.secret_source import read_secret

PLAIN = {
    "protocol": "http",
    "kind": "tcp",
    "host": "",
    "port": 0,
    "path": "",
    "fd": -1,
    "program": 0,
    "mode": 0o660,
    "user": -1,
    "group": -1,
    "mount": "",
    "profile": "generic",
    "allow": [],
    "trust_remote_user": 0,
    "trust_forwarded": [],
    "forwarded": "for,proto",
    "proxy_protocol": 0,
    "stream": 0,
    "half_close": "drop",
    "sendfile": [],
    "secret": "",
    "packet": 8192,
    "lighttpd": 0,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://127.0.0.1:8000", {"host": "127.0.0.1", "port": 8000}),
        ("http://127.0.0.1:8000/", {"host": "127.0.0.1", "port": 8000}),
        ("127.0.0.1:0", {"host": "127.0.0.1"}),
        ("127.0.0.1", {"host": "127.0.0.1", "port": 8000}),
        ("http://localhost", {"host": "localhost", "port": 8000}),
        ("http://localhost/?mount=/shop", {"host": "localhost", "port": 8000, "mount": "/shop"}),
        ("*", {"host": "*", "port": 8000}),
        ("[::1]", {"host": "::1", "port": 8000}),
        ("localhost:80", {"host": "localhost", "port": 80}),
        (":8000", {"host": "0.0.0.0", "port": 8000}),
        ("[::1]:8000", {"host": "::1", "port": 8000}),
        ("fastcgi://[::]:9000", {"protocol": "fastcgi", "host": "::", "port": 9000}),
        (
            "ajp://h:8009?packet=65536&lighttpd",
            {"protocol": "ajp", "host": "h", "port": 8009, "packet": 65536, "lighttpd": 1},
        ),
        ("ajp://h:1?lighttpd=raw", {"protocol": "ajp", "host": "h", "port": 1, "lighttpd": 2}),
        ("ajp://h:1?secret=env:A", {"protocol": "ajp", "host": "h", "port": 1, "secret": "env:A"}),
        ("fd://3?secret=file:/s&protocol=ajp", {"kind": "fd", "fd": 3, "protocol": "ajp", "secret": "file:/s"}),
        ("scgi://h:4000", {"protocol": "scgi", "host": "h", "port": 4000}),
        ("unix:/run/a.sock", {"kind": "unix", "path": "/run/a.sock"}),
        ("unix:a.sock", {"kind": "unix", "path": "a.sock"}),
        ("unix:///run/a.sock", {"kind": "unix", "path": "/run/a.sock"}),
        ("fastcgi+unix:/run/a.sock", {"protocol": "fastcgi", "kind": "unix", "path": "/run/a.sock"}),
        (
            "scgi+unix:///run/a.sock?mode=600",
            {"protocol": "scgi", "kind": "unix", "path": "/run/a.sock", "mode": 0o600},
        ),
        ("unix:s?user=root&group=0", {"kind": "unix", "path": "s", "user": 0, "group": 0}),
        ("fd://3", {"kind": "fd", "fd": 3}),
        ("fd://3?protocol=scgi", {"kind": "fd", "fd": 3, "protocol": "scgi"}),
        ("fd://shop.socket", {"kind": "fd", "path": "shop.socket"}),
        ("fd://fastcgi-shop", {"kind": "fd", "path": "fastcgi-shop", "protocol": "fastcgi"}),
        ("fd://scgi?protocol=http", {"kind": "fd", "path": "scgi"}),
        (
            "scgi://h:1?mount=/shop/&profile=nginx",
            {"protocol": "scgi", "host": "h", "port": 1, "mount": "/shop", "profile": "nginx"},
        ),
        ("h:1?mount=/", {"host": "h", "port": 1, "mount": ""}),
        ("h:1?mount=/a%20b", {"host": "h", "port": 1, "mount": "/a b"}),
        ("h:1?mount=/caf%C3%A9", {"host": "h", "port": 1, "mount": "/caf\xc3\xa9"}),
        ("h:1?mount=/caf%E9", {"host": "h", "port": 1, "mount": "/caf\xe9"}),
        ("h:1?mount=/café", {"host": "h", "port": 1, "mount": "/caf\xc3\xa9"}),
        ("h:1?allow=10.0.0.0/8&allow=::1", {"host": "h", "port": 1, "allow": ["10.0.0.0/8", "::1/128"]}),
        ("unix:s?allow=uid:33&allow=uid:root", {"kind": "unix", "path": "s", "allow": ["uid:33", "uid:0"]}),
        (
            "unix:s?trust-forwarded=unix&trust-forwarded=::1&forwarded=proto,host",
            {"kind": "unix", "path": "s", "trust_forwarded": ["unix", "::1/128"], "forwarded": "proto,host"},
        ),
        ("h:1?stream=1&trust-remote-user=yes", {"host": "h", "port": 1, "stream": 1, "trust_remote_user": 1}),
        ("h:1?proxy-protocol=on", {"host": "h", "port": 1, "proxy_protocol": 1}),
        ("h:1?sendfile=off", {"host": "h", "port": 1}),
        ("h:1?sendfile=app", {"host": "h", "port": 1, "sendfile": ["app"]}),
        ("h:1?sendfile=/srv/a&sendfile=/b%20c/", {"host": "h", "port": 1, "sendfile": ["/srv/a", "/b c"]}),
        ("h:1?sendfile=/a=b/c", {"host": "h", "port": 1, "sendfile": ["/a=b/c"]}),
        (
            "scgi://h:1?sendfile=/in/media/=/srv/a=/b&profile=nginx",
            {"protocol": "scgi", "host": "h", "port": 1, "sendfile": ["/in/media=/srv/a=/b"], "profile": "nginx"},
        ),
        ("h:1?stream&half-close=serve", {"host": "h", "port": 1, "stream": 1, "half_close": "serve"}),
    ],
)
def test_address(text, expected):
    assert parse_listener(text) == PLAIN | expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8000", "needs a host and a port"),
        ("http://h", "needs a host and a port"),
        ("shop.sock", "needs a host and a port"),
        ("http://", "needs a host and a port"),
        ("http:///", "needs a host and a port"),
        ("fastcgi://h", "needs a host and a port"),
        ("scgi://[::1]", "needs a host and a port"),
        ("[::1]x", "needs a host and a port"),
        ("h:", "needs a host and a port"),
        ("/run/a.sock", "a Unix socket is written unix:/run/a.sock"),
        ("h:http", "the port needs a whole number from 0 to 65535"),
        ("h:65536", "the port needs a whole number"),
        ("h:-1", "the port needs a whole number"),
        ("::1:8000", "IPv6 address stands in brackets"),
        ("[::1:8000", "in brackets"),
        ("[h]:1", "in brackets"),
        ("http://h:1/shop", "add \\?mount=/shop"),
        ("unix:", "path of the socket is missing"),
        ("unix:/" + "x" * 107, "at most 107 bytes"),
        ("fd://3x", "needs a whole number"),
        ("fd://-1", "needs a whole number"),
        ("fd://", "needs a whole number"),
        ("https://h:443", "no TLS of its own"),
        ("ajp://h:8009?secret=", "secret needs file:PATH or env:NAME"),
        ("ajp://h:8009?packet=100", "packet needs"),
        ("ajp://h:8009?packet=65537", "packet needs"),
        ("scgi://h:1?packet=8192", "the option packet is for ajp"),
        ("http://h:1?lighttpd=1", "the option lighttpd is for ajp"),
        ("ajp://h:1?lighttpd=2", "lighttpd needs 1 or 0, or raw"),
        ("fastcig://h:1", "unknown; there are http, fastcgi, scgi, uwsgi, ajp, auto\nDid you mean fastcgi"),
        ("h:1?moutn=/x", "'moutn' is unknown\nDid you mean mount"),
        ("h:1?mount=x", "mount needs a path"),
        ("h:1?mount=/a//b", "mount needs a path"),
        ("h:1?mount=/../b", "mount needs a path"),
        ("h:1?mount=", "mount needs a path"),
        ("h:1?mount=/%zz", "malformed escape %zz"),
        ("h:1?mount=/%", "malformed escape"),
        ("h:1?mount=/%1", "malformed escape %1"),
        ("h:1?mount=/a%0Ab", "without control characters"),
        ("h:1?mount=/%00", "without control characters"),
        ("h:1?mount=/" + "a" * 255, "at most 255 bytes"),
        ("h:1?stream=1&stream=0", "stream stands twice"),
        ("h:1?protocol=scgi", "protocol is for fd"),
        ("h:1?mode=0660", "mode is for Unix sockets"),
        ("h:1?user=0", "user is for Unix sockets"),
        ("unix:s?user=no-such-user", "user needs the name or number of a user"),
        ("unix:s?group=no-such-group", "group needs the name or number of a group"),
        ("h:1?allow=10.0.0.1/8", "allow needs an address"),
        ("h:1?allow=uid:0", "allow=uid: is for Unix sockets"),
        ("unix:s?allow=uid:nobody-of-this-name", "allow needs the name or number of a user"),
        ("unix:s?allow=10.0.0.1", "allow over a Unix socket is a user, as in allow=uid:33"),
        ("unix:s?allow=uid:", "allow needs the name or number of a user"),
        ("unix:s?allow=uid:4294967295", "allow needs a whole number"),
        ("h:1?trust-forwarded=proxy", "trust-forwarded needs an address"),
        ("h:1?trust-forwarded=unix", "trust-forwarded=unix is for Unix sockets"),
        ("h:1?forwarded=for,server", "forwarded needs some of for, proto, host and port"),
        ("h:1?forwarded=for,rfc7239", "or rfc7239 instead of them"),
        ("h:1?profile=iis", "profile needs one of"),
        ("h:1?sendfile=on", "sendfile needs off, app, a folder such as /srv/media, or a URL and a folder"),
        ("h:1?sendfile=", "sendfile needs off, app, a folder"),
        ("h:1?sendfile", "sendfile needs off, app, a folder"),
        ("h:1?sendfile=media", "sendfile needs off, app, a folder"),
        ("h:1?sendfile=/", "needs a folder written out, without . and .. and not /, and '/' is none"),
        ("h:1?sendfile=/srv/../etc", "needs a folder written out"),
        ("h:1?sendfile=/srv//media", "needs a folder written out"),
        ("h:1?sendfile=/srv/%0A", "needs a folder written out"),
        ("h:1?sendfile=/srv/%FF", "needs a folder written out"),
        ("h:1?sendfile=/media/=/", "needs a folder written out"),
        ("h:1?sendfile=media/=/srv", "needs a URL of letters"),
        ("h:1?sendfile=/=/srv", "needs a URL of letters"),
        ("h:1?sendfile=/a%20b/=/srv", "needs a URL of letters"),
        ("h:1?sendfile=/../=/srv", "needs a URL of letters"),
        ("h:1?sendfile=app&sendfile=/srv/a", "sendfile=off and sendfile=app stand alone"),
        ("h:1?sendfile=off&sendfile=off", "sendfile=off and sendfile=app stand alone"),
        ("h:1?sendfile=/a=/srv/a&sendfile=/srv/b", "a URL before each folder"),
        ("h:1?sendfile=/srv/a&profile=nginx", "sendfile needs the URL at which nginx knows the folder"),
        ("h:1?sendfile=/m/=/srv/a&profile=lighttpd", "sendfile for lighttpd is a folder without a URL, as /srv/a"),
        ("h:1?sendfile=/srv/a&profile=haproxy", "HAProxy sends no files"),
        ("h:1?half-close=maybe", "half-close needs one of drop, serve"),
    ],
)
def test_bad_address(text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse_listener(text)
    assert str(caught.value).startswith(f"bad address {text!r}: ")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:pw@h:80", "http://***@h:80"),
        ("user:pw@h:80", "***@h:80"),
        ("user:p@w@127.0.0.1", "***@127.0.0.1"),
    ],
)
def test_a_password_in_an_address_is_refused_and_not_shown(text, shown):
    with pytest.raises(ConfigError) as caught:
        parse_listener(text)
    first = f"bad address '{shown}': an address to listen on has no user and no password"
    assert str(caught.value).splitlines()[0] == first


def test_a_path_may_hold_an_at_sign():
    assert mask_address("unix:/run/a@b.sock") == "unix:/run/a@b.sock"


def test_a_literal_secret_is_refused_and_not_shown():
    with pytest.raises(ConfigError) as caught:
        parse_listener("ajp://h:8009?secret=hush-hush&packet=65536")
    assert str(caught.value).startswith("bad address 'ajp://h:8009?secret=***&packet=65536': secret needs file:PATH")
    assert "hush" not in str(caught.value)


def test_a_secret_behind_a_misspelt_name_is_not_shown():
    with pytest.raises(ConfigError) as caught:
        parse_listener("ajp://h:8009?Secret=hush-hush&secrets=hush-hush")
    assert "'ajp://h:8009?Secret=***&secrets=***': the option 'Secret' is unknown" in str(caught.value)


def test_secrets_are_read_from_files_and_variables(tmp_path, monkeypatch):
    path = tmp_path / "secret"
    monkeypatch.setenv("AJP_SECRET", "two words")
    assert read_secret("env:AJP_SECRET") == b"two words"
    for text in (b"hush", b"hush\n", b"hush\r\n"):
        path.write_bytes(text)
        assert read_secret(f"file:{path}") == b"hush"


@pytest.mark.parametrize(
    ("text", "message"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"a\nb", "more than one line"), (b"x" * 256, "more than 255 bytes")],
)
def test_secrets_that_are_none(tmp_path, text, message):
    path = tmp_path / "secret"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=message):
        read_secret(f"file:{path}")


def test_a_missing_secret_is_told(tmp_path, monkeypatch):
    monkeypatch.delenv("AJP_SECRET", raising=False)
    with pytest.raises(ValueError, match="variable AJP_SECRET is not set"):
        read_secret("env:AJP_SECRET")
    with pytest.raises(ValueError, match="No such file"):
        read_secret(f"file:{tmp_path}/none")


def test_every_option_has_a_valid_default():
    for name, (kind, default) in OPTIONS.items():
        if name not in {"allow", "mount", "trust-forwarded", "sendfile", "secret", "user", "group"}:
            assert kind.parse(kind.show(default)) == default, name
