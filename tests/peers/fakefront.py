"""`FakeFront`: a front end in plain Python that does everything right but for what it is told to do wrong.

It answers HTTP/1.1 and calls a WSGI application in the same process. `wrong` holds the names of faults.
"""

from __future__ import annotations

import io
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

Fields = list[tuple[str, str]]
CHUNK_END = b"0\r\n\r\n"


class RefusedError(Exception):
    """The front end answers by itself."""

    def __init__(self, status: str) -> None:
        self.status = status


class Start:
    """`start_response`, with what Polydoor's own says of the door."""

    def __init__(self, door: tuple[str, str]) -> None:
        self.door = door
        self.status = ""
        self.fields: Fields = []

    def __call__(self, status: str, headers: Fields, exc_info: object = None) -> Callable[[bytes], None]:
        self.status = status
        self.fields = list(headers)
        return lambda _data: None


class FakeFront:
    """Listens on a port of its own until the end of the `with` block."""

    def __init__(
        self,
        app: Any,
        *wrong: str,
        server: str = "fake/1.0",
        door: tuple[str, str] = ("fastcgi", "127.0.0.1"),
        mount: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.app = app
        self.wrong = set(wrong)
        self.server = server
        self.door = door
        self.mount = mount
        self.tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                peer, address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer, address[0]), daemon=True).start()

    def _serve(self, plain: socket.socket, address: str) -> None:
        try:
            with plain, self.tls.wrap_socket(plain, server_side=True) if self.tls else plain as peer:
                Visit(self, peer, address).run()
        except (OSError, ValueError):
            return


class Visit:
    """One connection of a client."""

    def __init__(self, front: FakeFront, peer: socket.socket, address: str) -> None:
        self.front = front
        self.wrong = front.wrong
        self.peer = peer
        self.address = address
        self.data = b""

    def run(self) -> None:
        """Answer one request after the other."""
        while self.one():
            pass

    def one(self) -> bool:
        """Answer one request; True if the connection goes on."""
        try:
            head = self.until(b"\r\n\r\n")
        except EOFError:
            return False
        line, *rest = head.decode("latin-1").split("\r\n")
        if "Host: a b" in rest:
            self.refuse_strange()
            return False
        method, target, _version = line.split(" ")
        fields = [(name, value.strip()) for name, _, value in (field.partition(":") for field in rest)]
        try:
            if "reset-refused" in self.wrong and "/refuse" in target:
                self.peer.recv(1)
                self.reset()
                return False
            body = self.body(fields)
            environ = self.environ(method, target, fields, body)
        except RefusedError as refusal:
            self.send(f"HTTP/1.1 {refusal.status}\r\nServer: {self.front.server}\r\nContent-Length: 0\r\n\r\n".encode())
            return False
        return self.respond(method, environ) and one(fields, "connection").lower() != "close"

    def refuse_strange(self) -> None:
        """Answer a request without a valid Host."""
        page = b"Your browser sent an invalid request." if "haproxy-page" in self.wrong else b""
        by = f"Server: {self.front.server}\r\n" if self.front.server else ""
        self.send(f"HTTP/1.1 400 Bad Request\r\n{by}Content-Length: {len(page)}\r\n\r\n".encode() + page)

    def body(self, fields: Fields) -> bytes:
        """Collect the body."""
        lengths = [value for name, value in fields if name.lower() == "content-length"]
        if len(set(lengths)) > 1 and "two-lengths" not in self.wrong:
            raise RefusedError("400 Bad Request")
        if one(fields, "transfer-encoding"):
            if "chunked" in self.wrong:
                raise RefusedError("411 Length Required")
            return self.chunks()
        size = int(lengths[0]) if lengths else 0
        if size > 1_000_000 and "body-limit" in self.wrong:
            self.exactly(size)
            raise RefusedError("413 Request Entity Too Large")
        if size > 1_000_000 and "early-answer" in self.wrong:
            self.exactly(size)
            raise RefusedError("502 Bad Gateway")
        if size and "upload" in self.wrong:
            self.exactly(size)
            raise RefusedError("500 Internal Server Error")
        if one(fields, "expect") and "expect" not in self.wrong:
            refused = "expect-refused" in self.wrong
            self.send(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n" if refused else b"HTTP/1.1 100 Continue\r\n\r\n")
        return self.exactly(size)

    def environ(self, method: str, target: str, fields: Fields, body: bytes) -> dict[str, Any]:
        """What Polydoor makes of such a request behind this front end."""
        mount = unquote_to_bytes(self.front.mount).decode("latin-1")
        if "escapes" in self.wrong:  # which is not wrong
            target = target.replace("^", "%5E")
        if "mount-cut" in self.wrong:
            target, mount = target.removeprefix(self.front.mount), ""
        if "mount-unset" in self.wrong:
            mount = ""
        if "mount-wrong" in self.wrong:
            mount = "/wrong"
        if "path-changed" in self.wrong:
            target = target.replace("%E9", "%C3%A9").replace("/hello", "/Hello")
        if "slashes-merged" in self.wrong:
            target = target.replace("//", "/")
        if "escaped-slash" in self.wrong and "%2F" in target:
            raise RefusedError("404 Not Found")
        path, _, query = target.partition("?")
        if "query-changed" in self.wrong:
            query = query.replace("+", "%20")
        if "path-info" in self.wrong:
            path = path.replace("//", "/")
        environ = {
            "REQUEST_METHOD": method,
            "REQUEST_URI": target,
            "SCRIPT_NAME": mount,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1").removeprefix(mount),
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1" if "address" in self.wrong else self.address,
            "wsgi.url_scheme": "https" if bool(self.front.tls) != ("scheme" in self.wrong) else "http",
            "wsgi.input": io.BytesIO(body[:-1] if "body-changed" in self.wrong else body),
            "wsgi.multithread": "one-thread" not in self.wrong,
        }
        if body:
            environ["CONTENT_LENGTH"] = str(len(body))
        self.add_fields(environ, fields)
        return environ

    def add_fields(self, environ: dict[str, Any], fields: Fields) -> None:
        """Turn header fields into variables."""
        for name, value in fields:
            lower = name.lower()
            if lower in {"content-length", "transfer-encoding"} or ("_" in name and "underscore" not in self.wrong):
                continue
            if lower == "proxy" and "proxy-header" not in self.wrong:
                continue
            if lower == "authorization" and "authorization" in self.wrong:
                continue
            if lower == "cookie" and len(value) > 5000 and "large-request" in self.wrong:
                raise RefusedError("400 Bad Request")
            key = "HTTP_" + name.upper().replace("-", "_")
            between = "; " if lower == "cookie" and "cookies" not in self.wrong else ", "
            environ[key] = f"{environ[key]}{between}{value}" if key in environ else value
        if "repeated" in self.wrong and "HTTP_X_TWO" in environ:
            environ["HTTP_X_TWO"] = "2"
        if "host" in self.wrong:
            environ["HTTP_HOST"] = "backend:9000"
        if "forged-address" in self.wrong:
            environ["REMOTE_ADDR"] = one(fields, "x-forwarded-for") or environ["REMOTE_ADDR"]
        if "forged-scheme" in self.wrong:
            environ["wsgi.url_scheme"] = one(fields, "x-forwarded-proto") or environ["wsgi.url_scheme"]
        if "forged-port" in self.wrong:
            environ["SERVER_PORT"] = one(fields, "x-forwarded-port") or "80"
        if "forged-user" in self.wrong and one(fields, "authorization").startswith("Basic"):
            environ["REMOTE_USER"] = "admin"

    def respond(self, method: str, environ: dict[str, Any]) -> bool:
        """Call the application and send what it answers; True if the response was framed."""
        start = Start(self.front.door)
        blocks = iter(self.front.app(environ, start))
        if "held" in self.wrong:
            blocks = iter(list(blocks))
        first = next(blocks, b"")
        status = int(start.status[:3])
        if "status" in self.wrong and status in (204, 304):
            start.status = "200 OK"
        if "redirect" in self.wrong and status == 302:
            start.status = "200 OK"
        if "large-response" in self.wrong and sum(len(value) for _, value in start.fields) > 4096:
            raise_status = f"HTTP/1.1 502 Bad Gateway\r\nServer: {self.front.server}\r\nContent-Length: 0\r\n\r\n"
            self.send(raise_status.encode())
            return True
        bodiless = method == "HEAD" or int(start.status[:3]) in (204, 304)
        length = one(start.fields, "content-length")
        framing = "" if bodiless or length else "Transfer-Encoding: chunked\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in start.fields)
        if "closed" in self.wrong:
            lines += "Connection: close\r\n"
        self.send(f"HTTP/1.1 {start.status}\r\nServer: {self.front.server}\r\n{framing}{lines}\r\n".encode("latin-1"))
        if bodiless:
            if "stray-body" in self.wrong:
                self.send(first or b"stray")
        elif not self.pass_on(first, blocks, is_chunked=bool(framing)):
            return False
        return "closed" not in self.wrong and "closed-late" not in self.wrong

    def pass_on(self, first: bytes, blocks: Any, *, is_chunked: bool) -> bool:
        """Send the body; False where it broke off, unless that is to be hidden."""
        sent = 0
        try:
            pieces = chain(first, blocks)
            for piece in [b"".join(pieces)] if "delayed" in self.wrong else pieces:
                sent += len(piece)
                self.send(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked and piece else piece)
        except Exception:  # whatever the application raises
            fault = "break-without-length" if is_chunked else "break-with-length"
            if fault not in self.wrong:
                return False
            self.send(b"" if is_chunked else b"x" * sent)
        if is_chunked:
            self.send(CHUNK_END)
        return True

    # --- bytes ---

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.peer.sendall(data)

    def reset(self) -> None:
        """Close so that the client loses what it has not read."""
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.peer.close()

    def receive(self) -> None:
        """Take more bytes."""
        data = self.peer.recv(65536)
        if not data:
            raise EOFError
        self.data += data

    def until(self, mark: bytes) -> bytes:
        """Take bytes up to a mark, and the mark."""
        while mark not in self.data:
            self.receive()
        found, _, self.data = self.data.partition(mark)
        return found

    def exactly(self, size: int) -> bytes:
        """Take so many bytes."""
        parts = [self.data[:size]]
        self.data = self.data[size:]
        left = size - len(parts[0])
        while left:
            data = self.peer.recv(min(left, 1 << 20))
            if not data:
                raise OSError
            parts.append(data)
            left -= len(data)
        return b"".join(parts)

    def chunks(self) -> bytes:
        """A whole chunked body."""
        parts = []
        while size := int(self.until(b"\r\n"), 16):
            parts.append(self.exactly(size))
            self.exactly(2)
        self.exactly(2)
        return b"".join(parts)


def chain(first: bytes, blocks: Any) -> Any:
    """The first block, then the others, each when it is asked for."""
    yield first
    yield from blocks


def one(fields: Fields, name: str) -> str:
    """A field, or nothing."""
    return next((value for key, value in fields if key.lower() == name), "")
