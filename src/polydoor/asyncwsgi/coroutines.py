"""`async def` code in WSGI applications: an asyncio loop in a thread of its own, whose tasks suspend requests.

asyncio takes 8 MiB of each worker, so only who comes here imports it.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from polydoor.asyncwsgi.bell import Bell
from polydoor.asyncwsgi.operations import Wait, run

if TYPE_CHECKING:
    import asyncio
    import concurrent.futures
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
        future = _begin(awaitable)
        try:
            future.add_done_callback(lambda _: bell.ring())
            while not future.done():
                yield Wait(bell.fd)
            return future.result()
        finally:
            future.cancel()
    finally:
        bell.close()


def _begin(awaitable: Awaitable[T]) -> concurrent.futures.Future[T]:
    import asyncio

    return asyncio.run_coroutine_threadsafe(_awaited(awaitable), _loop.get())


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
            yield from _pass_on(blocks)

    return application


def _pass_on(blocks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from blocks
    finally:
        close = getattr(blocks, "close", None)
        if close is not None:
            close()


def _collect(environ: dict[str, Any], blocks: AsyncIterator[bytes]) -> Iterator[bytes]:
    try:
        while True:
            try:
                block = yield from run(environ, await_(blocks.__anext__()))
            except StopAsyncIteration:
                return
            if block:  # an empty one would mean that we wait for something
                yield block
    except BaseException:
        _begin(_end(blocks))
        raise


async def _end(blocks: AsyncIterator[bytes]) -> None:
    import asyncio

    close = getattr(blocks, "aclose", None)
    if close is None or getattr(blocks, "ag_running", False):  # cancelled, so it is about to end by itself
        return
    try:
        await close()
    except Exception as error:  # nobody is left who could be told in another way
        text = "error at the end of a response of which the client took no more"
        asyncio.get_running_loop().call_exception_handler({"message": text, "exception": error})


class _Loop:
    """The one loop of a process; it begins when it is first needed, and anew in a child."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        import asyncio

        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                try:
                    threading.Thread(target=loop.run_forever, name="asyncio", daemon=True).start()
                except BaseException:  # no more threads: the next one tries again
                    loop.close()
                    raise
                self._loop = loop
            return self._loop

    def forget(self) -> None:
        """In a child: the thread is the parent's."""
        self.__init__()  # type: ignore[misc]


_loop = _Loop()
os.register_at_fork(after_in_child=_loop.forget)
