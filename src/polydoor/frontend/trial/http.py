"""HTTP/1.1 as a client that may send odd things, and looks at responses closely.

Nothing here repairs: targets and fields go out as they are given, and of a response is told how it ended.
"""

from __future__ import annotations

import contextlib
import socket
import time
from urllib.parse import urlsplit

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable
    from typing import Self

    Fields = Iterable[tuple[str, str]]

HEAD_END = b"\r\n\r\n"
MOST_HEAD = 256 * 1024
HEX = frozenset(b"0123456789abcdefABCDEF")
LONGEST = 18  # digits of a length
MOST_DATA = 4 * 1024 * 1024  # that a connection takes: far more than all that the diagnostics answer
PATIENT = 6  # so many times the longest wait for the next bytes is a connection used at most
STATUS_DIGITS = 3
PORTS = {"http": 80, "https": 443}
BODILESS = (204, 304)
CALLER = "127.0.0.2"  # tells us from a front end on the same machine, which calls Polydoor from 127.0.0.1


class NoAnswerError(Exception):
    """There was nothing, or nothing that is HTTP, where a response should have come."""


class Target:
    """Where the tests go: a URL, and how to get there."""

    __slots__ = ("base", "host", "name", "patience", "place", "scheme", "tls", "url")

    def __init__(self, url: str, *, connect: str = "", patience: float = 10.0, insecure: bool = False) -> None:
        """Raise ValueError with what is wrong with the URL. `connect` is a HOST:PORT that takes the URL's place."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError("needs a URL such as http://example.org/shop")
        is_plain = url.isascii() and url.isprintable() and " " not in url
        if not is_plain or "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("needs a URL of ASCII characters without user, query and fragment")
        self.url = url.rstrip("/")
        self.scheme = parts.scheme
        self.host = parts.netloc
        self.base = parts.path.rstrip("/")  # as it stands in a request target
        self.name = parts.hostname
        self.place = (parts.hostname, parts.port or PORTS[parts.scheme])
        if connect:
            host, _, port = connect.rpartition(":")
            self.place = (host.strip("[]"), int(port))
        self.patience = patience
        self.tls = _tls(insecure=insecure) if parts.scheme == "https" else None


def _tls(*, insecure: bool) -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


class Response:
    """One response. `whole` is False when it broke off, and `why` says how."""

    __slots__ = ("body", "fields", "interim", "length", "may_go_on", "reason", "status", "version", "whole", "why")

    def __init__(self) -> None:
        self.status = 0
        self.reason = ""
        self.version = ""
        self.fields: list[tuple[str, str]] = []
        self.interim: list[int] = []  # 100 and its kin, which came before
        self.body = b""
        self.length: int | None = None  # as announced
        self.whole = False
        self.why = ""
        self.may_go_on = False  # the connection can carry a further request

    def get(self, name: str) -> str:
        """A field, or nothing; repeated ones joined."""
        return ", ".join(value for key, value in self.fields if key.lower() == name.lower())

    def is_chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return self.get("Transfer-Encoding").lower() == "chunked"


class Connection:
    """One connection to the front end."""

    def __init__(self, target: Target) -> None:
        """Connect, or raise OSError."""
        self._host = target.host
        self._patience = target.patience
        self._data = b""
        self._taken = 0  # bytes in all
        self._until = time.monotonic() + PATIENT * target.patience
        self._over = False
        self.socket = _connect(target)
        self.socket.settimeout(target.patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.socket.close()

    @property
    def own_address(self) -> str:
        """Our own end, as the front end should see it."""
        return str(self.socket.getsockname()[0])

    @property
    def has_left(self) -> bool:
        """Whether more has come than was taken."""
        return bool(self._data)

    def send(self, data: bytes) -> bool:
        """Send bytes; False when the other end has closed."""
        try:
            self.socket.sendall(data)
        except (OSError, ValueError):
            return False
        return True

    def send_head(self, method: str, target: str, fields: Fields = (), *, host: str = "") -> bool:
        """Send a request head as it is given; only Host is put before it."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host or self._host}", *(f"{n}: {v}" for n, v in fields)]
        return self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def ask(self, method: str, target: str, fields: Fields = (), body: bytes | None = None) -> Response:
        """One request with its response. A body has its length."""
        length = [] if body is None else [("Content-Length", str(len(body)))]
        self.send_head(method, target, [*fields, *length])
        if body:
            self.send(body)
        return self.response(method)

    def response(self, method: str = "GET") -> Response:
        """Take the next final response, whole or broken; raise NoAnswerError if none begins."""
        response = self.head(method)
        while self.more(response):
            pass
        return response

    def wait_for(self, size: int) -> None:
        """Let so many bytes come, or all that come before the end."""
        while len(self._data) < size and self._receive():
            pass

    def head(self, method: str = "GET", *, interim: bool = False) -> Response:
        """Take the next response up to its body, with `interim` also one that is not final."""
        passed: list[int] = []
        while True:
            response = self._head()
            response.interim = passed
            if not 100 <= response.status < 200 or response.status == 101 or interim:
                break
            passed.append(response.status)
        if method == "HEAD" or response.status in BODILESS or response.status < 200:
            response.whole = True
        response.may_go_on = response.version == "HTTP/1.1" and "close" not in response.get("Connection").lower()
        return response

    def _head(self) -> Response:
        while HEAD_END not in self._data:
            if len(self._data) > MOST_HEAD or not self._receive():
                raise NoAnswerError(_quoted(self._data) or "the connection was closed without an answer")
        head, _, self._data = self._data.partition(HEAD_END)
        line, *rest = head.decode("latin-1").split("\r\n")
        words = line.split(" ", 2)
        status = words[1] if len(words) > 1 else ""
        is_status = len(status) == STATUS_DIGITS and status.isascii() and status.isdecimal()
        if not words[0].startswith("HTTP/1.") or not is_status:
            raise NoAnswerError(_quoted(head))
        response = Response()
        response.version, response.status, response.reason = words[0], int(status), " ".join(words[2:])
        pairs = (field.partition(":") for field in rest)
        response.fields = [(name, value.strip()) for name, _, value in pairs]
        length = response.get("Content-Length")
        is_length = length.isdecimal() and length.isascii() and len(length) <= LONGEST
        response.length = int(length) if is_length else None
        return response

    def more(self, response: Response) -> bool:
        """Take what there is of the body; False at its end, whichever way it ended."""
        if response.whole or response.why:
            return False
        took = self._chunk(response) if response.is_chunked() else self._plain(response)
        if not took:
            try:
                if not self._receive():
                    self._ended(response)
            except OSError as error:
                response.why = "a pause without an end" if isinstance(error, TimeoutError) else "a reset connection"
        return not response.whole and not response.why

    def _plain(self, response: Response) -> bool:
        left = len(self._data) if response.length is None else response.length - len(response.body)
        part, self._data = self._data[:left], self._data[left:]
        response.body += part
        response.whole = response.length == len(response.body)
        return bool(part) or response.whole

    def _chunk(self, response: Response) -> bool:
        line, end, rest = self._data.partition(b"\r\n")
        if not end:
            return False
        digits = line.partition(b";")[0].rstrip(b" \t")
        if not digits or not HEX.issuperset(digits):
            response.why = f"{_quoted(line)} where a chunk should begin"
            return True
        size = int(digits, 16)
        if size == 0:
            _trailer, end, left = (b"\r\n" + rest).partition(HEAD_END)
            if not end:
                return False
            self._data = left
            response.whole = True
            return True
        if len(rest) < size + 2:
            return False
        response.body += rest[:size]
        self._data = rest[size + 2 :]
        return True

    def _ended(self, response: Response) -> None:
        response.may_go_on = False
        if response.is_chunked():
            response.why = "the last chunk is missing"
        elif response.length is not None:
            response.why = f"{len(response.body)} of {response.length} bytes"
        else:
            response.whole = True  # the end of the connection is the end of the body, for all that a client can see

    def _receive(self) -> bool:
        """Take what came; False at the end. TimeoutError when nothing comes for too long, or no end."""
        if self._over:
            return False
        if time.monotonic() > self._until:
            raise TimeoutError
        data = self.socket.recv(65536)
        self._data += data
        self._taken += len(data)
        if self._taken > MOST_DATA:
            raise NoAnswerError(f"more than {MOST_DATA >> 20} MiB came, and no end of them")
        self._over = not data
        return bool(data)

    def be_patient(self, seconds: float = 0) -> None:
        """Wait so long for what comes next; without a time, as long as at first."""
        self.socket.settimeout(seconds or self._patience)


def _connect(target: Target) -> socket.socket:
    """Connect to the first address that answers."""
    failure: OSError | None = None
    for family, kind, _protocol, _name, address in socket.getaddrinfo(*target.place, type=socket.SOCK_STREAM):
        plain = socket.socket(family, kind)
        try:
            plain.settimeout(target.patience)
            if str(address[0]).startswith("127."):
                with contextlib.suppress(OSError):  # a system where only 127.0.0.1 is its own
                    plain.bind((CALLER, 0))
            plain.connect(address)
            return target.tls.wrap_socket(plain, server_hostname=target.name) if target.tls else plain
        except OSError as error:
            failure = error
            plain.close()
    raise failure or OSError("the name has no address")


def _quoted(data: bytes) -> str:
    """The beginning of what came, as a person can read it."""
    return repr(data[:60].decode("latin-1")) if data else ""
