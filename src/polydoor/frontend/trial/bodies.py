"""Checks of request bodies: each way of sending one, and one that is refused."""

from __future__ import annotations

from polydoor.frontend.trial.finding import Finding, answered
from polydoor.frontend.trial.front import Arrival
from polydoor.frontend.trial.http import NoAnswerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from polydoor.frontend.trial.front import Front
    from polydoor.frontend.trial.http import Connection, Response

DATA = bytes(range(256)) * 1200  # 300 KiB, more than a front end keeps in memory
PIECE = 65_536
REFUSED = 4 * 1024 * 1024
TOO_LARGE = 413
LENGTH_REQUIRED = 411
CONTINUE = 100
MOST_WAIT = 2.0  # for 100 Continue; curl waits a second


def upload(front: Front) -> Iterator[Finding]:
    """A body of a known length."""
    data = _fitting(front)
    found = front.echo("", body=data)
    if not isinstance(found, Arrival):
        yield _not_passed(found, len(data))
    elif not found.has_body(data) or found.get("CONTENT_LENGTH") != str(len(data)):
        yield Finding("body-changed", _arrived(found, len(data)))


def chunked(front: Front) -> Iterator[Finding]:
    """A body whose length is not known beforehand."""
    data = _fitting(front)
    with front.connect() as connection:
        connection.send_head("POST", front.path("echo"), [("Transfer-Encoding", "chunked"), ("Connection", "close")])
        for at in range(0, len(data), PIECE):
            part = data[at : at + PIECE]
            connection.send(b"%x\r\n%s\r\n" % (len(part), part))
        connection.send(b"0\r\n\r\n")
        found = front.arrival(connection.response("POST"))
    if not isinstance(found, Arrival):
        is_refused = found.status in {LENGTH_REQUIRED, 400, 500, 501}
        yield Finding("chunked", answered(found)) if is_refused else _not_passed(found, len(data))
    elif not found.has_body(data):
        yield Finding("chunked", _arrived(found, len(data)))


def expect(front: Front) -> Iterator[Finding]:
    """A body that is only sent once somebody asks for it, as curl does with larger ones."""
    data = _fitting(front)
    with front.connect() as connection:
        fields = [("Content-Length", str(len(data))), ("Expect", "100-continue"), ("Connection", "close")]
        connection.send_head("POST", front.path("echo"), fields)
        try:
            first, silent = _first_answer(front, connection), False
        except TimeoutError:
            first, silent = None, True
        if first is not None and first.status != CONTINUE:
            while connection.more(first):
                pass
            is_size = first.status == TOO_LARGE
            yield Finding("body-limit" if is_size else "expect", f"{answered(first)} where 100 Continue should come")
            return
        connection.send(data)
        found = front.arrival(connection.response("POST"))
    if not isinstance(found, Arrival):
        yield _not_passed(found, len(data))
    elif not found.has_body(data):
        yield Finding("body-changed", _arrived(found, len(data)))
    elif silent:
        yield Finding("expect", "no 100 Continue comes, so clients wait a second before each upload")


def _first_answer(front: Front, connection: Connection) -> Response:
    connection.be_patient(min(MOST_WAIT, front.target.patience))
    try:
        return connection.head("POST", interim=True)
    finally:
        connection.be_patient()


def refused(front: Front) -> Iterator[Finding]:
    """Who sends what the application does not want gets to see its answer."""
    size = _allowed(front, REFUSED)
    block = b"x" * PIECE
    with front.connect() as connection:
        connection.send_head("POST", front.path("refuse"), [("Content-Length", str(size)), ("Connection", "close")])
        left = size
        while left > 0 and connection.send(block[: min(left, PIECE)]):
            left -= PIECE
        try:
            response = connection.response("POST")
        except (NoAnswerError, OSError) as error:
            why = "the connection is reset" if isinstance(error, OSError) else str(error)
            yield Finding("early-answer", f"the application's 413 to an upload is lost: {why}")
            return
    if response.status != TOO_LARGE:
        yield Finding("early-answer", f"the application's 413 to an upload is lost: {answered(response)}")
    elif b"diagnostics" not in response.body:
        yield _not_passed(response, size)


def _allowed(front: Front, size: int) -> int:
    assert front.first is not None
    return min(size, int(front.first.facts.get("body_limit", size)))


def _fitting(front: Front) -> bytes:
    return DATA[: _allowed(front, len(DATA))]


def _not_passed(response: Response, size: int) -> Finding:
    fault = "body-limit" if response.status == TOO_LARGE else "upload"
    return Finding(fault, f"a body of {_size(size)}: {answered(response)}")


def _arrived(found: Arrival, sent: int) -> str:
    length = found.get("CONTENT_LENGTH") or "absent"
    told = "other bytes arrive than were sent" if found.body["bytes"] == sent else f"{found.body['bytes']} bytes arrive"
    return f"of a body of {sent} bytes {told}, CONTENT_LENGTH is {length}"


def _size(count: int) -> str:
    return f"{count // 1048576} MiB" if count >= 1048576 else f"{count // 1024} KiB"
