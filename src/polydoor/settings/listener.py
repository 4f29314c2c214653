"""Addresses: `-b ADDRESS` becomes the description of one listener.

    http://127.0.0.1:8000     fastcgi://[::1]:9000?allow=::1     scgi+unix:/run/shop.sock?mode=0660
    ajp://127.0.0.1:8009?secret=env:AJP_SECRET
    fd://3?protocol=fastcgi   fd://shop, a socket that systemd passes under this name
    127.0.0.1:8000, 127.0.0.1 and unix:/run/shop.sock, which mean HTTP; without a port it is 8000

The settings of one listener stand behind the question mark; OPTIONS is their table.
"""

from __future__ import annotations

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.settings.option import Choice, Count, Flag, Kind, Mode
from polydoor.settings.owner import NOBODYS, Owner, OwnerGroup, user_number
from polydoor.settings.suggest import hint

PROTOCOLS = ("http", "fastcgi", "scgi", "uwsgi", "ajp", "auto")  # auto: found out by the first byte
SOURCES = "file:PATH or env:NAME"
MASK = "***"  # stands where a secret was
LISTS = ("allow", "trust-forwarded", "sendfile")  # options that may stand several times
USER = "uid:"
RAW_PATH = 2
MOUNT_MAX = 255  # bytes; the core keeps so many
CONTROLS = {*range(0x20), 0x7F}
PATH_MAX = 107  # sun_path holds 108 bytes, one of them the NUL

PORT = Count(0, 65535)
DEFAULT_PORT = ":8000"  # of HTTP; the other protocols have none that anybody would expect
HOSTS = ("localhost", "*")  # behind which the port may be left out, as behind a number; no other name is a host
DOTS = 3

PLAIN_URL = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/")  # no front end's signs

ListenerSpec = dict[str, int | str | list[str]]


class Mount(Kind):
    """A URL path below which the application lives."""

    metavar = "/PATH"

    def parse(self, text: str) -> str:
        """Take `/`, which means everything, or a path without empty, `.` and `..` segments."""
        path = text.rstrip("/") if text.strip("/") else text[:1]
        segments = path.split("/")[1:]
        if not text.startswith("/") or (path != "/" and any(part in {"", ".", ".."} for part in segments)):
            raise ValueError("needs a path that begins with a slash, such as /shop")
        raw = path.encode("utf-8", "surrogateescape")
        if len(raw) > MOUNT_MAX or CONTROLS.intersection(raw):
            raise ValueError(f"needs a path of at most {MOUNT_MAX} bytes without control characters")
        return "" if path == "/" else raw.decode("latin-1")  # which is how PEP 3333 has SCRIPT_NAME


class Network(Kind):
    """An address or a network in CIDR notation."""

    metavar = "NETWORK"

    def parse(self, text: str) -> str:
        """Take what the standard library takes, without host bits."""
        import ipaddress

        try:
            return str(ipaddress.ip_network(text))
        except ValueError as error:
            raise ValueError(f"needs an address or a network such as 10.0.0.0/8 ({error})") from None


class Peer(Network):
    """An address, a network, or the number or name of the user whose processes may use a Unix socket."""

    metavar = "NETWORK|uid:USER"

    def parse(self, text: str) -> str:
        """Take a network, or uid: with a user that exists or any number."""
        if not text.startswith(USER):
            return super().parse(text)
        return USER + str(user_number(text.removeprefix(USER)))


class Forwarder(Network):
    """A proxy whose word on the client counts."""

    metavar = "NETWORK|unix"

    def parse(self, text: str) -> str:
        """Take a network, or `unix` for whoever may use the Unix socket."""
        return text if text == "unix" else super().parse(text)


class ForwardedFields(Kind):
    """Which fields of a proxy are believed."""

    metavar = "for,proto,host,port|rfc7239[,start]"

    def parse(self, text: str) -> str:
        """Take names with commas between them, or instead of the others the one that stands for the field Forwarded."""
        names = set(text.split(",")) - {"start"}
        if names != {"rfc7239"} and not (text and names <= {"for", "proto", "host", "port"}):
            raise ValueError(
                "needs some of for, proto, host and port, with commas between them, or rfc7239 instead of them, and "
                "may have start besides"
            )
        return text


class FileSending(Kind):
    """Which files the front end sends itself: a folder, with the URL at which the front end knows it."""

    metavar = "off|app|[/URL/=]/FOLDER"

    def parse(self, text: str) -> str:
        """Take a folder, and in front of it the URL for X-Accel-Redirect; both lose the slash at their end."""
        if text in {"off", "app"}:
            return text
        url, found, folder = text.partition("=/")
        folder = "/" + folder if found else url
        if not folder.startswith("/"):
            raise ValueError("needs off, app, a folder such as /srv/media, or a URL and a folder: /media/=/srv/media")
        parts = folder.strip("/").split("/")
        if {"", ".", ".."} & set(parts) or not folder.isprintable():
            raise ValueError(f"needs a folder written out, without . and .. and not /, and {folder!r} is none")
        folder = "/" + "/".join(parts)
        if not found:
            return folder
        steps = url.strip("/").split("/")
        if not url.startswith("/") or {"", ".", ".."} & set(steps) or not set(url) <= PLAIN_URL:
            raise ValueError(f"needs a URL of letters, digits and . _ - / such as /media/, and {url!r} is none")
        return f"/{'/'.join(steps)}={folder}"


class SecretSource(Kind):
    """Where a secret is found."""

    metavar = SOURCES

    def parse(self, text: str) -> str:
        """Take a source; the text is not repeated in the message, for it may be the secret."""
        source, found, name = text.partition(":")
        if source not in {"file", "env"} or not found or not name:
            raise ValueError(
                f"needs {SOURCES}\nA secret itself never stands on a command line, where every user of the machine "
                "sees it: put it into a file or a variable."
            )
        return text


class Lighttpd(Kind):
    """Whether lighttpd speaks AJP13, and whether it passes the path on as the client sent it."""

    metavar = "0|1|raw"

    def parse(self, text: str) -> int:
        """Take a flag, or `raw`, which is 2."""
        if text == "raw":
            return RAW_PATH
        try:
            return int(str(Flag().parse(text)))
        except ValueError as error:
            raise ValueError(f"{error}, or raw") from None


OPTIONS: dict[str, tuple[Kind, int | str]] = {
    "protocol": (Choice(*PROTOCOLS), "http"),
    "mode": (Mode(), 0o660),
    "user": (Owner(), NOBODYS),
    "group": (OwnerGroup(), NOBODYS),
    "mount": (Mount(), ""),
    "profile": (Choice("generic", "apache", "nginx", "lighttpd", "haproxy", "caddy"), "generic"),
    "allow": (Peer(), ""),
    "trust-remote-user": (Flag(), 0),
    "trust-forwarded": (Forwarder(), ""),
    "forwarded": (ForwardedFields(), "for,proto"),
    "proxy-protocol": (Flag(), 0),
    "stream": (Flag(), 0),
    "half-close": (Choice("drop", "serve"), "drop"),
    "sendfile": (FileSending(), ""),
    "secret": (SecretSource(), ""),
    "packet": (Count(8192, 65536), 8192),
    "lighttpd": (Lighttpd(), 0),
}
BY_URL = ("nginx", "caddy")  # profiles of front ends that are told of a file by X-Accel-Redirect
BY_FOLDER = ("apache", "lighttpd")  # ... by X-Sendfile
AJP_OPTIONS = ("secret", "packet", "lighttpd")
UNIX_OPTIONS = ("mode", "user", "group")


def parse_listener(text: str) -> ListenerSpec:
    """Describe the listener that `text` asks for, or raise ConfigError."""
    address, _, query = text.partition("?")
    spec = blank_listener("http")
    try:
        _parse_address(address, spec)
        _parse_query(query, spec)
    except ValueError as error:
        code = codes.NO_TLS if address.startswith("https:") else codes.BAD_ADDRESS
        raise ConfigError(f"bad address {mask_address(text)!r}: {error}", code=code) from None
    return spec


def blank_listener(protocol: str) -> ListenerSpec:
    """Describe a listener without address and options. As CGI, `cgi`, it needs no address.

    `program`, which no address can say: a CGI program passes its requests on, so they are taken as those of `cgi`.
    """
    spec: ListenerSpec = {"protocol": protocol, "kind": "tcp", "host": "", "port": 0, "path": "", "fd": -1}
    spec["program"] = 0
    spec |= {name.replace("-", "_"): default for name, (_, default) in OPTIONS.items() if name != "protocol"}
    spec |= {name.replace("-", "_"): [] for name in LISTS}
    return spec


def mask_address(text: str) -> str:
    """An address without user, password and the value of `secret`, also of a misspelt one such as `Secret`."""
    address, question, query = text.partition("?")
    scheme, slashes, rest = address.partition("://")
    if "@" in (rest if slashes else address) and "unix:" not in address:
        address = f"{scheme + slashes if slashes else ''}{MASK}@{address.rpartition('@')[2]}"
    pairs = (pair.partition("=") for pair in query.split("&"))
    query = "&".join(name + eq + (MASK if value and "secret" in name.lower() else value) for name, eq, value in pairs)
    return address + question + query


def _parse_address(address: str, spec: ListenerSpec) -> None:
    scheme, found, rest = address.partition("://")
    protocol, plus, unix = address.partition("+unix:")
    if address.startswith("unix:"):
        _parse_path(address[len("unix:") :], spec)
    elif plus:
        spec["protocol"] = _known_protocol(protocol)
        _parse_path(unix, spec)
    elif found and scheme == "fd":
        _parse_descriptor(rest.rstrip("/"), spec)
    elif found:
        spec["protocol"] = _known_protocol(scheme)
        _parse_host_port(rest, spec)
    else:
        _parse_host_port(address, spec)


def _parse_descriptor(text: str, spec: ListenerSpec) -> None:
    """A number, or a name, which stands in `path` until somebody finds the descriptor."""
    if not text[:1].isalpha():
        spec |= {"kind": "fd", "fd": Count(0, 1_000_000).parse(text)}
        return
    name = _unquote(text)
    spec |= {"kind": "fd", "path": name, "protocol": protocol_of_name(name)}


def protocol_of_name(name: str) -> str:
    """What is spoken on a socket of this name: the protocol that it is or begins with, else HTTP."""
    return next((protocol for protocol in PROTOCOLS[:-1] if name.startswith(protocol)), "http")


def _known_protocol(name: str) -> str:
    if name in PROTOCOLS:
        return name
    if name == "https":
        raise ValueError(
            "Polydoor has no TLS of its own\nPut a web server that does TLS before it, and write http:// here."
        )
    if name == "cgi":
        raise ValueError("CGI has no address\nA web server starts `polydoor cgi APP` for each request.")
    raise ValueError(f"the protocol {name!r} is unknown; there are {', '.join(PROTOCOLS)}{hint(name, PROTOCOLS)}")


def _parse_path(path: str, spec: ListenerSpec) -> None:
    path = path.removeprefix("//")  # unix:///run/x, as in a URL with an empty host
    if not path:
        raise ValueError("the path of the socket is missing, as in unix:/run/shop.sock")
    if len(path.encode("utf-8", "surrogateescape")) > PATH_MAX:
        raise ValueError(f"the path of a Unix socket may have at most {PATH_MAX} bytes")
    spec |= {"kind": "unix", "path": path}


def _parse_host_port(text: str, spec: ListenerSpec) -> None:
    whole = text
    text, _, path = text.partition("/")
    if "@" in text:
        raise ValueError(
            "an address to listen on has no user and no password\n"
            "Let the application, or a web server before it, ask for them."
        )
    if path and not text:
        raise ValueError(f"a Unix socket is written unix:{whole}")
    if path:
        raise ValueError(f"an address has no path\nTo serve the app below one, add ?mount=/{path} instead.")
    if text.startswith("["):
        host, closing, tail = text[1:].partition("]")
        bad = not closing or ":" not in host
    else:
        host, colon, port = text.rpartition(":") if ":" in text else (text, "", "")
        tail = colon + port
        bad = ":" in host
    if bad:
        raise ValueError("an IPv6 address stands in brackets, as in [::1]:8000")
    if not tail and spec["protocol"] == "http" and (host in HOSTS or ":" in host or host.count(".") == DOTS):
        tail = DEFAULT_PORT
    if not tail.startswith(":") or tail == ":":
        raise ValueError("it needs a host and a port, as in 127.0.0.1:8000")
    try:
        number = PORT.parse(tail[1:])
    except ValueError as error:
        raise ValueError(f"the port {error}") from None
    spec |= {"kind": "tcp", "host": host or "0.0.0.0", "port": number}  # noqa: S104 - `:8000` asks for it


def _parse_query(query: str, spec: ListenerSpec) -> None:
    seen = set()
    for pair in filter(None, query.split("&")):
        name, equals, raw = pair.partition("=")
        row = OPTIONS.get(name)
        if row is None:
            raise ValueError(f"the option {name!r} is unknown{hint(name, OPTIONS)}")
        if name in seen and name not in LISTS:
            raise ValueError(f"the option {name} stands twice")
        if name == "protocol" and spec["kind"] != "fd":
            raise ValueError("the option protocol is for fd://N; elsewhere it is the scheme")
        if name in UNIX_OPTIONS and spec["kind"] != "unix":
            raise ValueError(f"the option {name} is for Unix sockets")
        seen.add(name)
        try:
            value = row[0].parse(_unquote(raw) if equals else "1")
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
        key = name.replace("-", "_")
        values = spec[key]
        if isinstance(values, list):
            values.append(str(value))
        else:
            spec[key] = value
    for name in AJP_OPTIONS:
        if name in seen and spec["protocol"] not in {"ajp", "auto"}:
            raise ValueError(f"the option {name} is for ajp")
    _check_peers(spec)
    _check_file_sending(spec)


def _check_peers(spec: ListenerSpec) -> None:
    """Rules that could never be true are slips."""
    allowed, forwarders = spec["allow"], spec["trust_forwarded"]
    assert isinstance(allowed, list)
    assert isinstance(forwarders, list)
    if spec["kind"] == "tcp" and any(rule.startswith(USER) for rule in allowed):
        raise ValueError(f"allow={USER} is for Unix sockets: over the network nobody knows the peer's user")
    if spec["kind"] == "unix" and not spec["proxy_protocol"] and not all(rule.startswith(USER) for rule in allowed):
        raise ValueError(f"allow over a Unix socket is a user, as in allow={USER}33: nobody there has an address")
    if spec["kind"] == "tcp" and "unix" in forwarders:
        raise ValueError("trust-forwarded=unix is for Unix sockets; name the address of the proxy")


def _check_file_sending(spec: ListenerSpec) -> None:
    """Every file is asked for in the one way of the front end."""
    words, profile = spec["sendfile"], str(spec["profile"])
    assert isinstance(words, list)
    maps = [word for word in words if word.startswith("/")]
    if len(words) > 1 and len(maps) < len(words):
        raise ValueError("sendfile=off and sendfile=app stand alone; only folders go together")
    if words == ["off"]:
        words.clear()
    by_url = ["=/" in word for word in maps]
    if len(set(by_url)) > 1:
        raise ValueError("sendfile needs a URL before each folder (X-Accel-Redirect) or before none (X-Sendfile)")
    if maps and profile == "haproxy":
        raise ValueError("sendfile with a folder is for web servers, and HAProxy sends no files")
    if maps and profile in BY_URL and not by_url[0]:
        raise ValueError(f"sendfile needs the URL at which {profile} knows the folder, such as /media/={maps[0]}")
    if maps and profile in BY_FOLDER and by_url[0]:
        raise ValueError(f"sendfile for {profile} is a folder without a URL, as {maps[0].partition('=')[2]}")


def _unquote(text: str) -> str:
    """Undo percent escapes; urllib.parse would cost more memory than all of the settings."""
    first, *rest = text.split("%")
    done = bytearray(first.encode("utf-8", "surrogateescape"))
    for part in rest:
        try:
            done.append(int(part[:2].encode("ascii"), 16) if part[:2].isalnum() and part[1:] else -1)
        except ValueError:
            raise ValueError(f"has a malformed escape %{part[:2]}") from None
        done += part[2:].encode("utf-8", "surrogateescape")
    return done.decode("utf-8", "surrogateescape")


__all__ = [
    "BY_FOLDER",
    "BY_URL",
    "MASK",
    "OPTIONS",
    "RAW_PATH",
    "ListenerSpec",
    "Mount",
    "blank_listener",
    "mask_address",
    "parse_listener",
    "protocol_of_name",
]
