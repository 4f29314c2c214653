"""Waiting without a thread, in plain WSGI applications.

An *operation* says what a request waits for: `readable(sock)`, `sleep(1.5)`, a transfer, a query, several of these at
once. A generator application carries it out, and its request holds no thread meanwhile:

    def application(environ, start_response):
        yield from run(environ, sleep(1.5))
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"awake"

It needs a server with `x-wsgiorg.fdevent`, as Polydoor is. Under others, wrap the application in `sync_adapter`.
"""

from polydoor.asyncwsgi.adapter import sync_adapter
from polydoor.asyncwsgi.channel import Channel, MissedError, Subscription
from polydoor.asyncwsgi.coroutines import await_, from_async
from polydoor.asyncwsgi.events import EVENT_STREAM, event, event_stream
from polydoor.asyncwsgi.operations import Operation, Wait, gather, readable, run, sleep, writable

__all__ = [
    "EVENT_STREAM",
    "Channel",
    "MissedError",
    "Operation",
    "Subscription",
    "Wait",
    "await_",
    "event",
    "event_stream",
    "from_async",
    "gather",
    "readable",
    "run",
    "sleep",
    "sync_adapter",
    "writable",
]
