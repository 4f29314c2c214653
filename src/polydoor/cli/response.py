"""What `polydoor request` does with the answers: prints, shows, and says how it ended."""

from __future__ import annotations

import contextlib
import os
import sys

from polydoor import codes
from polydoor.bridge import Client
from polydoor.cli.output import put_bytes
from polydoor.client.exchange import PIECE, Deadline, Exchange, Upload, connect
from polydoor.client.failure import BROKEN, CANNOT_WRITE, CUT, EMPTY, HTTP_ERROR, RequestError
from polydoor.client.message import encode_head
from polydoor.client.trace import Trace
from polydoor.errors import PolydoorError
from polydoor.failures import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from polydoor.cli.request import Options
    from polydoor.client.message import Asked

ANSWERED_NOTHING = "PD0080"
HTTP = b"HTTP/1."  # how every answer over HTTP begins
ERRORS = 400  # the first status that says no


def ask(asked: Asked, pieces: Iterator[bytes], options: Options) -> int:
    """Send the request and print the response; the exit status, or RequestError."""
    client = Client(asked.address.protocol)
    head = encode_head(asked, client)
    answers = Printer(asked, options)
    deadline = Deadline(options.seconds)
    try:
        with connect(asked.address, deadline) as sock:
            answers.note(f"connected to {asked.address}")
            exchange = Exchange(sock, client, answers.watch)
            upload = Upload(client, pieces, options.source)
            if asked.length:
                head += upload.take(PIECE)  # in one segment with the head
            for answer in exchange.run(head, upload, deadline):
                answers.take(answer)
    finally:
        answers.close()
    return answers.status()


class Printer:
    """Where the answers go."""

    def __init__(self, asked: Asked, options: Options) -> None:
        self._asked = asked
        self._options = options
        self._file = -1
        self._code = 0
        self._length = 0
        self._errors = b""
        self._first = b""  # bytes that came
        self._trace = Trace(asked.address.protocol, self._say) if options.verbose else None

    # --- standard error ---

    @staticmethod
    def _say(line: str) -> None:
        if sys.stderr is not None:
            with contextlib.suppress(OSError, ValueError):  # nobody reads it
                sys.stderr.write(line + "\n")
                sys.stderr.flush()

    def note(self, text: str) -> None:
        """Show a line of our own, with -v."""
        if self._trace:
            self._say(f"* {clean(text)}")

    def watch(self, mark: str, data: bytes) -> None:
        """Show bytes on the wire, with -v."""
        if mark == "<" and len(self._first) < len(HTTP):
            self._first += data[: len(HTTP)]
        if self._trace:
            self._trace(mark, data)

    # --- answers ---

    def take(self, answer: tuple[Any, ...]) -> None:
        """One answer."""
        kind, *rest = answer
        if kind == "head":
            self._head(*rest)
        elif kind == "body":
            self._length += len(rest[0])
            self._write(rest[0])
        elif kind == "stderr":
            self._stderr(rest[0])
        elif kind == "end":
            self._end(*rest)
        elif kind == "bad":
            code, text = rest
            status = EMPTY if code == ANSWERED_NOTHING else BROKEN
            if self._asked.address.protocol != "http" and self._first.startswith(HTTP):
                text += "\nIt may speak HTTP: what came begins as an answer over HTTP does."
            raise RequestError(f"{self._asked.address}: {text}", code=code, exit_code=status)

    def _head(self, code: int, phrase: str, fields: list[tuple[str, str]]) -> None:
        self._code = code
        if self._options.include:
            first = "HTTP/1.1" if self._asked.address.protocol in {"http", "uwsgi"} else "Status:"
            lines = [f"{first} {code} {phrase}".rstrip(), *(f"{name}: {value}" for name, value in fields), "", ""]
            _put("\n".join(lines).encode("latin-1"))

    def _stderr(self, data: bytes) -> None:
        """Whole lines of what the application wrote to its standard error."""
        *lines, self._errors = (self._errors + data).split(b"\n")
        for line in lines:
            self._say(f"stderr: {clean(line.decode('utf-8', 'replace'))}")

    def _end(self, ended: str, app_status: int, surplus: bool) -> None:
        if ended == "cut":
            text = f"{self._asked.address}: the response broke off behind {self._length} bytes of its body"
            raise RequestError(text, code=codes.RESPONSE_CUT, exit_code=CUT)
        told = "is complete" if ended == "whole" else "was ended by closing; nothing tells whether that was all"
        self.note(f"the response {told}: {self._length} bytes of body")
        if app_status:
            self.note(f"the application ended with status {app_status}")
        if surplus:
            self.note("the server sent more than the response says; it was left out")

    # --- the body ---

    def _write(self, data: bytes) -> None:
        if not self._options.output:
            _put(data)
            return
        try:
            if self._file < 0:
                self._file = os.open(self._options.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            text = f"cannot write {self._options.output}: {error.strerror or error}"
            raise RequestError(text, code=codes.CANNOT_WRITE_BODY, exit_code=CANNOT_WRITE) from None

    def close(self) -> None:
        """Give the file back, and show what is left."""
        if self._errors:
            self._stderr(b"\n")
        if self._trace:
            self._trace.end()
        if self._file >= 0:
            os.close(self._file)

    def status(self) -> int:
        """The exit status of a request that was answered."""
        if self._options.output and self._file < 0:
            self._write(b"")  # an empty body is an empty file
            os.close(self._file)
        if self._options.fail and self._code >= ERRORS:
            text = f"{self._asked.address}: the status of the response is {self._code}"
            raise RequestError(text, code=codes.HTTP_ERROR, exit_code=HTTP_ERROR)
        return 0


def _put(data: bytes) -> None:
    """Print; that it is not possible has the status here that it has for a file."""
    try:
        put_bytes(data)
    except PolydoorError as error:
        if error.code != codes.NO_OUTPUT:
            raise
        raise RequestError(str(error), code=error.code, exit_code=CANNOT_WRITE) from None
