"""`polydoor request` over AJP13, against a server that is no more than the protocol."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

import pytest

from polydoor.cli import main

if TYPE_CHECKING:
    from pathlib import Path


def packet(payload: bytes) -> bytes:
    return b"AB" + struct.pack("!H", len(payload)) + payload


def string(text: bytes) -> bytes:
    return struct.pack("!H", len(text)) + text + b"\0"


HEADERS = packet(b"\4" + struct.pack("!H", 200) + string(b"OK") + b"\0\1\xa0\1" + string(b"text/plain"))
END = packet(b"\5\0")


class AjpServer:
    """Takes one request, asks for its body in pieces of up to `piece` bytes, and answers with `answer`."""

    def __init__(self, answer: bytes, length: int | None = 0, piece: int = 8186) -> None:
        self._answer = answer
        self._length = length  # of the body; None: unknown
        self._piece = piece
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = f"ajp://127.0.0.1:{self._socket.getsockname()[1]}"
        self.request = b""
        self.body = b""
        self.demands = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        peer, _ = self._socket.accept()
        with peer, peer.makefile("rb") as file:
            self.request = self._packet(file)
            if self._length:
                self.body += self._data(file)
            while self._length is None or len(self.body) < self._length:
                peer.sendall(packet(b"\6" + struct.pack("!H", self._piece)))
                self.demands += 1
                data = self._data(file)
                if not data:
                    break
                self.body += data
            with contextlib.suppress(OSError):
                peer.sendall(self._answer)
                peer.shutdown(socket.SHUT_WR)
                file.read()

    @staticmethod
    def _packet(file: object) -> bytes:
        magic, size = struct.unpack("!HH", file.read(4))  # type: ignore[attr-defined]
        assert magic == 0x1234
        return file.read(size)  # type: ignore[attr-defined,no-any-return]

    def _data(self, file: object) -> bytes:
        payload = self._packet(file)
        assert not payload or len(payload) == 2 + int.from_bytes(payload[:2], "big") <= 8188
        return payload[2:]


def ask(server: AjpServer, *words: str) -> int:
    return main(["request", server.url, *words])


def test_a_page(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    with AjpServer(HEADERS + packet(b"\3\0\5hello\0") + END) as server:
        assert ask(server, "/a%20b?c=d", "-H", "X-Own: 1", "-i", "--param", "SHOP=open") == 0
    assert capsysbinary.readouterr().out == b"Status: 200 OK\nContent-Type: text/plain\n\nhello"
    assert server.request.startswith(b"\2\2" + string(b"HTTP/1.1") + string(b"/a%20b") + string(b"127.0.0.1"))
    for part in (string(b"X-Own") + string(b"1"), b"\5" + string(b"c=d"), b"\n" + string(b"SHOP") + string(b"open")):
        assert part in server.request


@pytest.mark.parametrize("piece", [8186, 1000])
def test_a_body_is_sent_as_it_is_asked_for(piece: int, tmp_path: Path) -> None:
    data = bytes(range(250)) * 400
    (tmp_path / "data").write_bytes(data)
    with AjpServer(HEADERS + END, length=len(data), piece=piece) as server:
        assert ask(server, "-T", str(tmp_path / "data")) == 0
    assert server.body == data


def test_a_body_of_unknown_length_ends_with_an_empty_packet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"x" * 20000)
    with AjpServer(HEADERS + END, length=None, piece=4096) as server, (tmp_path / "data").open("rb") as data:
        monkeypatch.setattr("polydoor.cli.request._open", lambda _: data.fileno())
        monkeypatch.setattr("polydoor.cli.request.stat.S_ISREG", lambda _: False)
        monkeypatch.setattr("polydoor.cli.request.os.close", lambda _: None)
        assert ask(server, "-T", "-") == 0
    assert server.body == b"x" * 20000
    assert server.demands == 6


def test_a_secret_comes_from_a_variable_or_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    monkeypatch.setenv("AJP_SECRET", "s3cret")
    for where in ("env:AJP_SECRET", f"file:{tmp_path}/secret"):
        with AjpServer(HEADERS + END) as server:
            assert main(["request", f"{server.url}?secret={where}", "-v"]) == 0
        assert b"\x0c" + string(b"s3cret") in server.request
        assert b"s3cret" not in capsysbinary.readouterr().err
    assert main(["request", "ajp://127.0.0.1:8009?secret=s3cret"]) == 2
    err = capsysbinary.readouterr().err
    assert b"env:NAME or file:PATH" in err
    assert b"s3cret" not in err
    assert main(["request", "ajp://127.0.0.1:8009", "--param", "secret=s3cret"]) == 2
    err = capsysbinary.readouterr().err
    assert b"?secret=env:NAME" in err
    assert b"s3cret" not in err


def test_a_response_without_its_end_is_cut(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    with AjpServer(HEADERS + packet(b"\3\0\4half\0")) as server:
        assert ask(server) == 18
    assert capsysbinary.readouterr().out == b"half"


def test_what_is_shown(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    with AjpServer(HEADERS + packet(b"\3\0\5hello\0") + END, length=3) as server:
        assert ask(server, "POST", "/", "-d", "a=b", "-v") == 0
    lines = capsysbinary.readouterr().err.decode().splitlines()
    assert lines[1].startswith("> FORWARD_REQUEST, ")
    assert lines[2:] == [
        "> data, 3 bytes of the body",
        "< SEND_HEADERS, 25 bytes: status 200",
        "< SEND_BODY_CHUNK, 9 bytes: 5 of the body",
        "< END_RESPONSE, 2 bytes",
        "* the response is complete: 5 bytes of body",
    ]
