"""polydoor.asyncwsgi in plain threads, under its own sync_adapter."""

from __future__ import annotations

import asyncio
import contextvars
import os
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from polydoor.asyncwsgi import (
    Channel,
    MissedError,
    await_,
    event,
    event_stream,
    from_async,
    gather,
    readable,
    run,
    sleep,
    sync_adapter,
    writable,
)
from support.memory import descriptors
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

LONG = 60.0  # seconds that no test waits
KEYS = ("x-wsgiorg.fdevent.readable", "x-wsgiorg.fdevent.writable", "x-wsgiorg.fdevent.timeout")


def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
    """Takes the head and forgets it."""


def carry_out(operation: Any) -> Any:
    """The result of an operation, in this thread."""
    results = []

    def application(environ: dict[str, Any], _: Any) -> Iterator[bytes]:
        results.append((yield from run(environ, operation)))

    assert b"".join(sync_adapter(application)({}, start_response)) == b""
    return results[0]


def aside(call: Callable[[], Any]) -> threading.Thread:
    """Begins it in another thread."""
    thread = threading.Thread(target=call)
    thread.start()
    return thread


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection."""
    near, far = socket.socketpair()
    with near, far:
        yield near, far


@pytest.fixture
def all_closed() -> Iterator[None]:
    """The test leaves no descriptor behind."""
    carry_out(sleep(0.001))  # what all sleepers share stays
    carry_out(await_(asyncio.sleep(0)))  # ... and the loop
    before = descriptors(os.getpid())
    yield
    assert eventually(lambda: descriptors(os.getpid()) <= before), (before, descriptors(os.getpid()))


# --- the adapter ----------------------------------------------------------------------------------------------------


def test_without_the_extension_the_error_says_what_to_do():
    with pytest.raises(RuntimeError, match=r"wrap the application in polydoor\.asyncwsgi\.sync_adapter"):
        next(run({}, sleep(1)))


def test_adapter_changes_nothing_where_the_server_has_the_extension():
    environ = dict.fromkeys(KEYS, 1)
    assert sync_adapter(lambda environ, _: [environ])(environ, start_response) == [dict.fromkeys(KEYS, 1)]


def test_adapter_passes_close_on(pair):
    ended = []

    def application(environ: dict[str, Any], _: Any) -> Iterator[bytes]:
        try:
            yield environ[KEYS[1]](pair[0], LONG)
            yield b"block"
        finally:
            ended.append(bool(environ[KEYS[2]]))

    blocks = sync_adapter(application)({}, start_response)
    assert [next(blocks), next(blocks)] == [b"", b"block"]
    blocks.close()
    assert ended == [False]


@pytest.mark.parametrize(
    ("yielded", "message"),
    [(b"", "was called again"), (b"block", "something other than its empty string"), (None, "was not yielded")],
)
def test_adapter_tells_what_the_extension_leaves_undefined(pair, yielded, message):
    def application(environ: dict[str, Any], _: Any) -> Iterator[bytes]:
        environ[KEYS[0]](pair[0], LONG)
        if yielded == b"":
            environ[KEYS[0]](pair[0], LONG)
        if yielded is not None:
            yield yielded

    with pytest.raises(RuntimeError, match=message):
        list(sync_adapter(application)({}, start_response))


@pytest.mark.parametrize(("fd", "timeout"), [(-1, None), (0, -1.0), (0, float("nan"))])
def test_adapter_refuses_what_the_server_refuses(fd, timeout):
    with pytest.raises(ValueError, match="descriptor cannot be -1|not negative"):
        carry_out(readable(fd, timeout))


def test_adapter_takes_what_cannot_be_waited_for_as_ready(tmp_path):
    closed = os.dup(0)
    os.close(closed)
    assert carry_out(readable(closed))
    with (tmp_path / "file").open("w+") as file:
        assert carry_out(gather(readable(file), writable(file), readable(closed))) == [True, True, True]


# --- operations -----------------------------------------------------------------------------------------------------


def test_one_wait_in_both_directions(pair):
    near, far = pair
    assert carry_out(writable(near)) is True
    assert carry_out(readable(near, 0.01)) is False
    far.send(b"!")
    assert carry_out(readable(near.fileno(), float("inf"))) is True


def test_sleep_takes_its_time():
    before = time.monotonic()
    carry_out(sleep(0.05))
    assert time.monotonic() - before >= 0.05
    carry_out(sleep(0))
    carry_out(sleep(-1))


def test_gather_gives_results_in_order(pair, all_closed):
    near, far = pair
    far.send(b"!")

    def late() -> Iterator[Any]:
        yield from sleep(0.05)
        return "late"

    def at_once() -> Iterator[Any]:
        return "at once"
        yield

    nested = gather(sleep(0.01), gather(late(), readable(near, LONG)))
    assert carry_out(gather(late(), at_once(), readable(near, LONG), nested)) == [
        "late",
        "at once",
        True,
        [None, ["late", True]],
    ]
    assert carry_out(gather()) == []


def test_gather_may_be_nested_as_deep_as_one_likes(pair, all_closed):
    near, far = pair

    def late() -> Iterator[Any]:
        yield from sleep(0.01)
        far.send(b"!")

    operation, expected = readable(near, LONG), True
    for _ in range(12):  # the kernel nests its sets five deep
        operation, expected = gather(operation, readable(near, 0.001), writable(near)), [expected, False, True]
    assert carry_out(gather(late(), operation)) == [None, expected]


@pytest.mark.parametrize("combine", [lambda operation: operation, gather])
@pytest.mark.parametrize("wrong", [b"", 7, sleep(0)])
def test_operation_that_yields_no_wait_is_told_what_to_do(combine, wrong):
    def operation() -> Iterator[Any]:
        yield wrong

    with pytest.raises(TypeError, match=r"must yield Wait\(\.\.\.\), not (bytes|int|generator); .* `yield from`"):
        carry_out(combine(operation()))


def test_operation_may_catch_the_error_of_its_wait(pair):
    pair[0].close()

    def operation() -> Iterator[Any]:
        try:
            yield from readable(pair[0])
        except ValueError as error:
            return str(error)

    assert "-1" in carry_out(operation())


def test_gather_waits_in_both_directions_for_one_descriptor(pair, all_closed):
    near, _ = pair
    assert carry_out(gather(readable(near, 0.01), writable(near), readable(near, 0.02))) == [False, True, False]


def test_gather_closes_all_when_one_fails(pair, all_closed):
    ended = []

    def watched() -> Iterator[Any]:
        try:
            yield from readable(pair[0], LONG)
        finally:
            ended.append(True)

    def fails() -> Iterator[Any]:
        yield from sleep(0.01)
        raise LookupError

    with pytest.raises(LookupError):
        carry_out(gather(watched(), fails(), watched()))
    assert ended == [True, True]


def test_request_that_ends_closes_what_it_carries_out(pair, all_closed):
    channel: Channel[bytes] = Channel()
    operation = gather(
        channel.subscribe().take(), channel.subscribe().take(LONG), sleep(LONG), await_(asyncio.sleep(LONG))
    )
    environ: dict[str, Any] = {}
    sync_adapter(lambda environ, _: [])(environ, start_response)
    blocks = run(environ, operation)
    assert next(blocks) == b""
    blocks.close()


# --- channels -------------------------------------------------------------------------------------------------------


def test_channel_gives_each_message_to_all(all_closed):
    channel: Channel[int] = Channel(keep=1000)
    got: list[list[int]] = [[] for _ in range(8)]
    subscriptions = [channel.subscribe() for _ in got]

    def take(index: int) -> None:
        while not got[index] or got[index][-1] != 500:
            got[index] += carry_out(subscriptions[index].take(LONG))

    threads = [aside(lambda index=index: take(index)) for index in range(len(got))]
    assert [channel.publish(number) for number in range(1, 501)] == list(range(1, 501))
    for thread in threads:
        thread.join()
    assert got == [list(range(1, 501))] * len(got)


def test_channel_from_many_threads(all_closed):
    channel: Channel[str] = Channel(keep=400)
    subscription = channel.subscribe()
    threads = [aside(lambda: [channel.publish("m") for _ in range(100)] and None) for _ in range(4)]
    count = 0
    while count < 400:
        count += len(carry_out(subscription.take(LONG)))
    for thread in threads:
        thread.join()
    assert (count, subscription.number) == (400, 400)


def test_channel_gives_nothing_when_the_time_has_passed(all_closed):
    assert carry_out(Channel[int]().subscribe().take(0.01)) == []
    assert carry_out(Channel[int]().subscribe().take(0)) == []


def test_channel_tells_who_has_missed_something_and_goes_on():
    channel: Channel[int] = Channel(keep=2)
    subscription = channel.subscribe()
    for number in (1, 2, 3):
        channel.publish(number)
    with pytest.raises(MissedError, match="3 messages have come and the channel keeps 2"):
        carry_out(subscription.take())
    channel.publish(4)
    assert carry_out(subscription.take()) == [4]
    with pytest.raises(ValueError, match="at least 1"):
        Channel(keep=0)


@pytest.mark.parametrize(("after", "taken"), [(None, []), (0, [1, 2]), (1, [2]), (2, []), (3, []), (-1, [])])
def test_channel_goes_on_behind_a_number(after, taken):
    channel: Channel[int] = Channel()
    channel.publish(1)
    channel.publish(2)
    assert carry_out(channel.subscribe(after).take(0)) == taken


# --- server-sent events ---------------------------------------------------------------------------------------------


def test_event_on_the_wire():
    assert event("one") == b"data: one\n\n"
    assert event("one\r\ntwo\rthree\n", name="na\nme", ident="7\r", retry=1.5) == (
        b"retry: 1500\nid: 7\nevent: name\ndata: one\ndata: two\ndata: three\ndata: \n\n"
    )


def test_event_stream_ends_for_a_reader_that_is_too_slow(all_closed):
    channel: Channel[bytes] = Channel(keep=2)
    channel.publish(event("zero"))
    app = sync_adapter(lambda environ, _: event_stream(environ, channel, after=0, alive=0.01))
    blocks = iter(app({}, start_response))
    assert next(blocks) == b":\n\n"
    assert next(blocks) == event("zero")
    assert [next(blocks), next(blocks)] == [b"", b":\n\n"]  # nothing came
    channel.publish(event("one"))
    channel.publish(event("two"))
    assert next(blocks) == event("one") + event("two")
    for _ in range(3):
        channel.publish(event("missed"))
    assert list(blocks) == []


# --- coroutines -----------------------------------------------------------------------------------------------------


def test_await_gives_the_result_in_the_context_of_the_request(all_closed):
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("of the request")

    async def look() -> tuple[str, str]:
        await asyncio.sleep(0.01)
        return variable.get(), threading.current_thread().name

    assert carry_out(await_(look())) == ("of the request", "asyncio")


def test_await_raises_what_the_coroutine_raises(all_closed):
    async def fail() -> None:
        raise LookupError("in a task")

    with pytest.raises(LookupError, match="in a task"):
        carry_out(await_(fail()))


def test_await_is_cancelled_with_the_request(all_closed):
    begun, cancelled = threading.Event(), threading.Event()

    async def forever() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    operation = await_(forever())
    next(operation)
    assert begun.wait(LONG)
    operation.close()
    assert cancelled.wait(LONG)


def test_handler_becomes_an_application(all_closed):
    async def blocks() -> AsyncIterator[bytes]:
        for block in (b"one ", b"", b"two"):
            await asyncio.sleep(0)
            yield block

    async def handler(environ: dict[str, Any]) -> Any:
        await asyncio.sleep(0)
        return "200 OK", [("X-Path", environ["PATH_INFO"])], [b"listed"] if environ["PATH_INFO"] else blocks()

    heads: list[Any] = []
    app = sync_adapter(from_async(handler))
    assert b"".join(app({"PATH_INFO": "/"}, lambda *head: heads.append(head))) == b"listed"
    assert b"".join(app({"PATH_INFO": ""}, lambda *head: heads.append(head))) == b"one two"
    assert heads == [("200 OK", [("X-Path", "/")]), ("200 OK", [("X-Path", "")])]


def test_handler_whose_client_leaves_ends_its_blocks(all_closed):
    ended = threading.Event()

    async def blocks() -> AsyncIterator[bytes]:
        try:
            yield b"one"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def handler(_: dict[str, Any]) -> Any:
        return "200 OK", [], blocks()

    response = sync_adapter(from_async(handler))({}, start_response)
    assert b"one" in iter(response.__next__, None)  # type: ignore[attr-defined]
    response.close()  # type: ignore[attr-defined]
    assert ended.wait(LONG)


def test_error_behind_a_client_that_has_left_is_told(all_closed, caplog):
    async def blocks() -> AsyncIterator[bytes]:
        try:
            yield b"one"
        finally:
            raise LookupError("at the end")

    async def handler(_: dict[str, Any]) -> Any:
        return "200 OK", [], blocks()

    response = sync_adapter(from_async(handler))({}, start_response)
    assert b"one" in iter(response.__next__, None)  # type: ignore[attr-defined]
    response.close()  # type: ignore[attr-defined]
    assert eventually(lambda: "of which the client took no more" in caplog.text and "at the end" in caplog.text)


@pytest.mark.parametrize("whole", [True, False])
def test_blocks_of_a_handler_are_closed(whole):
    ended = []

    class Blocks(list[bytes]):
        def close(self) -> None:
            ended.append(True)

    async def handler(_: dict[str, Any]) -> Any:
        return "200 OK", [], Blocks([b"one", b"two"])

    response = sync_adapter(from_async(handler))({}, start_response)
    assert b"one" in iter(response.__next__, None)  # type: ignore[attr-defined]
    if whole:
        assert b"".join(response) == b"two"
    response.close()  # type: ignore[attr-defined]
    assert ended == [True]


def test_who_awaits_nothing_does_not_import_asyncio():
    program = "import sys, polydoor.asyncwsgi; sys.exit('asyncio' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=LONG)


FORKS = """
import asyncio, os, sys
from polydoor.asyncwsgi import await_, run, sync_adapter
def application(environ, start_response):
    answers.append((yield from run(environ, await_(asyncio.sleep(0, "slept")))))
answers = []
list(sync_adapter(application)({}, None))
child = os.fork()
list(sync_adapter(application)({}, None))
if child:
    assert os.waitpid(child, 0)[1] == 0
assert answers == ["slept"] * 2
os._exit(0)
"""


def test_loop_begins_anew_in_a_child():
    subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS], check=True, timeout=LONG)
