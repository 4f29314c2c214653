"""Applications that use one request on several threads, also behind its end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import journal
from routing import TEXT, argument, reply, route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from routing import Environ, StartResponse

ENDLESS = 100_000_000  # calls after which a thread gives up to see the end of its request


def _outcome(call: Callable[[], Any]) -> Any:
    """What a call returns or which exception it raises."""
    try:
        result = call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return result.decode("latin-1") if isinstance(result, bytes) else result


def _run(count: int, work: Callable[[int], None]) -> list[threading.Thread]:
    """Threads that begin their work at the same moment, together with the caller."""
    barrier = threading.Barrier(count + 1)

    def begin(index: int) -> None:
        barrier.wait(journal.WAIT)
        work(index)

    threads = [threading.Thread(target=begin, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    barrier.wait(journal.WAIT)
    return threads


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(journal.WAIT)
        assert not thread.is_alive()


@route
def abandoned_reader(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers, or fails, while another thread waits for the body."""
    key = argument(environ, "key")
    stream = environ["wsgi.input"]
    thread = threading.Thread(target=lambda: journal.note(key, _outcome(stream.read)))
    thread.start()
    journal.pass_gate(key)
    if argument(environ, "fail"):
        raise LookupError(key)
    return reply(start_response, "answered")


@route
def shared_body(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The lines that four threads have read of one body, sorted."""
    stream = environ["wsgi.input"]
    lines: list[bytes] = []
    _join(_run(4, lambda _: lines.extend(iter(stream.readline, b""))))
    start_response("200 OK", TEXT)
    return [b"".join(sorted(lines))]


@route
def shared_writer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Blocks that four threads write at once; the number of bytes of each is in the query."""
    size = int(argument(environ, "size"))
    write = start_response("200 OK", TEXT)

    def work(index: int) -> None:
        for _ in range(8):
            write(b"%d" % index * (size - 1) + b"\n")

    _join(_run(4, work))
    return []


def _until_the_end(call: Callable[[], Any], key: str) -> None:
    for _ in range(ENDLESS):
        outcome = _outcome(call)
        if outcome is True or (isinstance(outcome, str) and "ended" in outcome):
            journal.note(key, outcome)
            return


@route
def pestered(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers while other threads use the request in every way, and go on until they are told that it has ended."""
    key = argument(environ, "key")
    stream, gone = environ["wsgi.input"], environ["polydoor.client_gone"]
    hints: Callable[[Any], Any] = environ.get("wsgi.early_hints", lambda _: None)
    write = start_response("200 OK", TEXT)

    def hint_and_begin() -> Any:
        hints([("Link", "</style.css>; rel=preload")])
        return start_response("200 OK", TEXT) and None

    calls: list[Callable[[], Any]] = [stream.readline, gone, lambda: write(b"x"), hint_and_begin, stream.read]
    for call in calls:
        threading.Thread(target=_until_the_end, args=(call, key), daemon=True).start()
    if argument(environ, "fail"):
        raise LookupError(key)
    return [b"y" * 70_000, b"z"]


@route
def kept(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Passes its environ on to a thread that uses it when the test says that the response is there."""
    key = argument(environ, "key")
    stream, gone = environ["wsgi.input"], environ["polydoor.client_gone"]
    write = start_response("200 OK", [*TEXT, ("Content-Length", "2")])
    first = stream.readline()

    def use() -> None:
        journal.pass_gate(key)
        calls = [stream.read, stream.readline, stream.readlines, lambda: next(stream), lambda: write(b"x"), gone]
        calls += [lambda: start_response("200 OK", TEXT)]
        journal.note(key, [_outcome(call) for call in calls])

    threading.Thread(target=use).start()
    assert first == b"first\n"
    return [b"ok"]
