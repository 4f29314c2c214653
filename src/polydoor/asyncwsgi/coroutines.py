"""`async def` code in WSGI applications: an asyncio loop in a thread of its own, whose tasks suspend requests."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from polydoor.asyncwsgi.bell import Bell
from polydoor.asyncwsgi.operations import Wait, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence

    from polydoor.asyncwsgi.operations import Operation

    Blocks = Iterable[bytes] | AsyncIterable[bytes]
    Answer = tuple[str, Sequence[tuple[str, str]], Blocks]
    Handler = Callable[[dict[str, Any]], Awaitable[Answer]]

T = TypeVar("T")


def await_(awaitable: Awaitable[T]) -> Operation[T]:
    """Await it on the asyncio loop of this process; its result, or what it raises.

    The task runs in a copy of the context (contextvars) of the request. It is cancelled when the request ends before.
    """
    bell = Bell()
    try:
        future = asyncio.run_coroutine_threadsafe(_awaited(awaitable), _loop.get())
        try:
            future.add_done_callback(lambda _: bell.ring())
            while not future.done():
                yield Wait(bell.fd)
            return future.result()
        finally:
            future.cancel()
    finally:
        bell.close()


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


def from_async(handler: Handler) -> Callable[[dict[str, Any], Callable[..., Any]], Iterator[bytes]]:
    """Make a WSGI application of `async def handler(environ)`, which returns status, headers and blocks.

    The blocks may come from an asynchronous iterator; each is on its way before the next is asked for.
    """

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        status, headers, blocks = yield from run(environ, await_(handler(environ)))
        start_response(status, list(headers))
        if hasattr(blocks, "__aiter__"):
            yield from _collect(environ, blocks.__aiter__())
        else:
            yield from blocks

    return application


def _collect(environ: dict[str, Any], blocks: AsyncIterator[bytes]) -> Iterator[bytes]:
    try:
        while True:
            try:
                block = yield from run(environ, await_(blocks.__anext__()))
            except StopAsyncIteration:
                return
            if block:  # an empty one would mean that we wait for something
                yield block
    finally:
        close = getattr(blocks, "aclose", None)
        if close is not None:
            asyncio.run_coroutine_threadsafe(_awaited(close()), _loop.get())


class _Loop:
    """The one loop of a process; it begins when it is first needed, and anew in a child."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="asyncio", daemon=True).start()
            return self._loop

    def forget(self) -> None:
        """In a child: the thread is the parent's."""
        self.__init__()  # type: ignore[misc]


_loop = _Loop()
os.register_at_fork(after_in_child=_loop.forget)
