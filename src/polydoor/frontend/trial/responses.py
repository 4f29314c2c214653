"""Checks of responses: their framing, their header, when their blocks come, and how a break looks."""

from __future__ import annotations

import secrets

from polydoor.frontend.trial.finding import Finding, answered
from polydoor.frontend.trial.http import NoAnswerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from polydoor.frontend.trial.front import Front
    from polydoor.frontend.trial.http import Connection, Response

SHEET = b"x" * 1000
LARGE = 6000
FOUND = 302
MOST_WAIT = 3.0  # for a block; the application waits longer before it goes on by itself
HELD_MS = 500  # for the first half of a response that is to break off
HALF = 20_000  # its size, with which the diagnostics have it
UNASKED_MS = 700  # for the next block where nothing can ask for it


def head(front: Front) -> Iterator[Finding]:
    """HEAD is answered without a body."""
    yield from _without_body(front, "HEAD", "sheet", 200)


def no_content(front: Front) -> Iterator[Finding]:
    """204 is answered without a body."""
    yield from _without_body(front, "GET", "empty", 204)


def not_modified(front: Front) -> Iterator[Finding]:
    """304 is answered without a body."""
    yield from _without_body(front, "GET", "unchanged", 304)


def _without_body(front: Front, method: str, rest: str, status: int) -> Iterator[Finding]:
    """The status is right, and the next response follows at once: bytes in between would be taken for it."""
    with front.connect() as connection:
        response = connection.ask(method, front.path(rest))
        if response.status != status:
            yield Finding("status", f"{status} becomes {response.status} {response.reason}".rstrip())
        elif response.may_go_on:
            try:
                following = connection.ask("GET", front.path("sheet"), [("Connection", "close")])
            except OSError:
                return  # the connection was closed after all, which keep_alive() looks at
            except NoAnswerError as error:
                if "closed" not in str(error):
                    yield Finding("stray-body", f"the next response begins with {error}")
                return
            if following.body != SHEET:
                yield Finding("stray-body", "the next response is not the one that was asked for")


def redirect(front: Front) -> Iterator[Finding]:
    """A redirect is passed on, and not followed."""
    response = front.ask("GET", "elsewhere")
    place = response.get("Location")
    if response.status != FOUND:
        yield Finding("redirect", f"302 becomes {response.status} {response.reason}".rstrip())
    elif not place.endswith("/sheet"):
        yield Finding("redirect", f"Location becomes {place or 'nothing'}")


def large_fields(front: Front) -> Iterator[Finding]:
    """A response with large cookies comes whole."""
    response = front.ask("GET", f"headers?bytes={LARGE}")
    cookies = [value for name, value in response.fields if name.lower() == "set-cookie"]
    if response.status != 200:
        yield Finding("large-response", f"a response with {LARGE} bytes of cookies: {answered(response)}")
    elif sum(value.count("x") for value in cookies) < LARGE:
        yield Finding("large-response", f"of {LARGE} bytes of cookies {sum(map(len, cookies))} arrive")


def streaming(front: Front) -> Iterator[Finding]:
    """Each block comes before the next one is made: for live output, and for long answers."""
    pause = Pause(front, UNASKED_MS)
    with front.connect() as connection:
        connection.send_head("GET", front.path(f"stream?{pause.query}"), [("Connection", "close")])
        connection.be_patient(min(MOST_WAIT, front.target.patience))
        try:
            response = connection.head()
        except TimeoutError:
            yield Finding("delayed", "the first block comes only with the end of the response")
            return
        for number in (1, 2):
            if not _comes_alone(connection, response, number):
                word = {1: "first", 2: "second"}[number]
                yield Finding("delayed", f"the {word} block does not come before the next one is made")
                return
            pause.release()


class Pause:
    """A response that goes on when a second request says so, where the application can take one meanwhile."""

    def __init__(self, front: Front, unasked_ms: int) -> None:
        assert front.first is not None
        facts = front.first.facts
        self._front = front
        self._key = secrets.token_hex(8)
        self._can_ask = bool(facts.get("several_threads")) and not facts.get("several_processes")
        self.query = f"key={self._key}" if self._can_ask else f"key={self._key}&wait_ms={unasked_ms}"

    def release(self) -> None:
        """Let it go on, unless it does so by itself."""
        if self._can_ask:
            self._front.ask("GET", f"release?key={self._key}")


def _comes_alone(connection: Connection, response: Response, number: int) -> bool:
    """Wait for a block; False when it does not come, or not without the one behind it."""
    while b"block %d\n" % number not in response.body:
        if not connection.more(response):
            return False
    return not connection.has_left and b"block %d\n" % (number + 1) not in response.body


def break_with_length(front: Front) -> Iterator[Finding]:
    """A response that breaks off is seen to be broken: its length is known."""
    yield from _broken(front, "break?length=1&", "break-with-length")


def break_without_length(front: Front) -> Iterator[Finding]:
    """A response that breaks off is seen to be broken: only the way of its end tells."""
    yield from _broken(front, "break?", "break-without-length")


def _broken(front: Front, rest: str, fault: str) -> Iterator[Finding]:
    """It breaks off when its first half has come here, or is held back: a break may overtake what was sent before."""
    pause = Pause(front, HELD_MS)
    with front.connect() as connection:
        connection.send_head("GET", front.path(rest + pause.query), [("Connection", "close")])
        connection.be_patient(min(HELD_MS / 1000, front.target.patience))
        try:
            connection.wait_for(HALF)
        except TimeoutError:
            pass  # held back by the front end, which may then answer something else
        except (NoAnswerError, ConnectionError):
            return
        connection.be_patient()
        pause.release()
        try:
            response = connection.response()
        except (NoAnswerError, ConnectionError):
            return
    if response.whole and response.status < 500:
        yield Finding(fault, f"a response that broke off looks complete, with {len(response.body)} bytes")


def keep_alive(front: Front) -> Iterator[Finding]:
    """A client may send several requests on a connection."""
    with front.connect() as connection:
        for method, rest, body in (("GET", "sheet", None), ("POST", "echo", b"hello"), ("GET", "sheet", None)):
            try:
                response = connection.ask(method, front.path(rest), (), body)
            except (NoAnswerError, OSError):
                yield Finding("closed", "the connection is closed where a further request should be answered")
                return
            if not response.may_go_on:
                yield Finding("closed", f"the connection is closed after {method}")
                return
