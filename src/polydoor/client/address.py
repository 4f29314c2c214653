"""Addresses of servers: `fastcgi://127.0.0.1:9000`, `scgi+unix:/run/shop.sock`, `http://localhost:8000/path`."""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.settings.listener import mask_address
from polydoor.settings.suggest import hint

PROTOCOLS = ("http", "fastcgi", "scgi", "uwsgi", "ajp")
HTTP_PORT = 80
PORT_MAX = 65535
SECRET_MAX = 4096  # bytes that are read of a file


class Address:
    """Where a server listens and what it speaks."""

    __slots__ = ("host", "path", "port", "protocol", "secret", "target")

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol
        self.host = ""
        self.port = 0
        self.path = ""  # of a Unix socket
        self.secret = ""  # that AJP asks for
        self.target = ""  # of the request, when it stands in the address

    def __str__(self) -> str:
        if self.path:
            return f"{self.protocol}+unix:{self.path}"
        return f"{self.protocol}://{self.authority}"

    @property
    def authority(self) -> str:
        """What Host says."""
        if self.path:
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.protocol == "http" and self.port == HTTP_PORT else f"{host}:{self.port}"


def parse_address(text: str) -> Address:
    """Understand an address, or raise ConfigError."""
    try:
        return _parse(text)
    except ValueError as error:
        code = codes.NO_TLS if text.startswith("https:") else codes.BAD_ADDRESS
        raise ConfigError(f"bad address {mask_address(text)!r}: {error}", code=code) from None


def _parse(text: str) -> Address:
    if text.startswith("unix:"):
        text = f"http+{text}"
    text, secret = _cut_secret(text)
    protocol, plus, path = text.partition("+unix:")
    if plus:
        address = Address(_known(protocol))
        address.secret = secret
        address.path = path.removeprefix("//")
        if not address.path:
            raise ValueError("the path of the socket is missing, as in fastcgi+unix:/run/php/php-fpm.sock")
        return address
    scheme, found, rest = text.partition("://")
    address = Address(_known(scheme) if found else "http")
    address.secret = secret
    rest = rest if found else text
    if "#" in rest:
        raise ValueError(f"#{rest.partition('#')[2]} is a fragment, which is never sent to a server\nLeave it out.")
    place = rest.partition("/")[0].partition("?")[0]
    target = rest[len(place) :]
    address.target = f"/{target}" if target.startswith("?") else target
    _parse_place(place, address)
    return address


def _cut_secret(text: str) -> tuple[str, str]:
    """Without `?secret=...` of an AJP address, and what is meant by it: the text of a variable or of a file."""
    address, question, query = text.partition("?")
    if not text.startswith(("ajp://", "ajp+unix:")) or not question:
        return text, ""
    name, equals, where = query.partition("=")
    if name != "secret" or not equals:
        raise ValueError("behind an AJP address stands ?secret=env:NAME or ?secret=file:PATH, and nothing else")
    return address, _read_secret(where)


def _read_secret(text: str) -> str:
    """The secret in a variable or a file; any that the server may have."""
    place, _, where = text.partition(":")
    if place == "env":
        secret = os.environ.get(where, "")
    elif place == "file":
        try:
            with open(where, "rb") as file:
                secret = file.read(SECRET_MAX).decode("latin-1").strip()
        except OSError as error:
            raise ValueError(f"the secret cannot be read from {where}: {error.strerror}") from None
    else:
        raise ValueError("the secret is not written out: env:NAME or file:PATH says where it stands")
    if not secret:
        raise ValueError(f"there is no secret in {where}")
    return secret


def _known(protocol: str) -> str:
    if protocol in PROTOCOLS:
        return protocol
    if protocol == "https":
        raise ValueError(
            "polydoor request speaks no TLS\n"
            "Use curl for https://, or ask what stands behind the web server, as in http://127.0.0.1:8000."
        )
    raise ValueError(
        f"the protocol {protocol!r} is unknown; there are {', '.join(PROTOCOLS)}{hint(protocol, PROTOCOLS)}"
    )


def _parse_place(place: str, address: Address) -> None:
    if "@" in place:
        raise ValueError("a user and a password do not stand in the address\nSend them with -H 'Authorization: ...'.")
    host, colon, port = place.rpartition(":") if ":" in place.rpartition("]")[2] else (place, "", "")
    if host.startswith("["):
        host = host.removeprefix("[").removesuffix("]")
    elif ":" in host:
        raise ValueError("an IPv6 address stands in brackets, as in [::1]:8000")
    if not host:
        raise ValueError("it needs a host, as in 127.0.0.1:8000")
    if not colon and address.protocol != "http":
        raise ValueError(f"it needs a port, as in {address.protocol}://{place}:9000")
    if colon and not (port.isascii() and port.isdigit() and 0 < int(port) <= PORT_MAX):
        raise ValueError(f"the port needs a number from 1 to {PORT_MAX}")
    address.host = host
    address.port = int(port) if colon else HTTP_PORT
