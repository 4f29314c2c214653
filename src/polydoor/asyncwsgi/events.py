"""Server-sent events (HTML Living Standard, section 9.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polydoor.asyncwsgi.channel import MissedError
from polydoor.asyncwsgi.operations import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polydoor.asyncwsgi.channel import Channel

# Response headers; the last one keeps nginx from collecting what it is given.
EVENT_STREAM = [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"), ("X-Accel-Buffering", "no")]
OPENED = b":\n\n"  # a comment: the browser knows that the stream is open
LINE_ENDS = str.maketrans({"\r": None, "\n": None})


def event(data: str, *, name: str = "", ident: str = "", retry: float | None = None) -> bytes:
    """One event on the wire. `retry`: seconds that the browser waits before it comes back after a break."""
    lines = [f"data: {line}" for line in data.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    if name:
        lines.insert(0, f"event: {name.translate(LINE_ENDS)}")
    if ident:
        lines.insert(0, f"id: {ident.translate(LINE_ENDS)}")
    if retry is not None:
        lines.insert(0, f"retry: {round(retry * 1000)}")
    return "\n".join([*lines, "", ""]).encode()


def event_stream(
    environ: Mapping[str, Any], channel: Channel[bytes], *, after: int | None = None, alive: float = 15.0
) -> Iterator[bytes]:
    """The events of a channel as the blocks of a response that never ends, each flushed at once.

    `after`: the number of the last event that the reader has seen, for one that comes back (Last-Event-ID).

    Every `alive` seconds without an event a comment goes out, so that nothing on the way takes the connection for
    dead. The stream ends, and the browser comes back, when its reader has fallen behind what the channel keeps.
    """
    subscription = channel.subscribe(after)
    yield OPENED
    while True:
        try:
            events = yield from run(environ, subscription.take(alive))
        except MissedError:
            return
        yield b"".join(events) or OPENED
