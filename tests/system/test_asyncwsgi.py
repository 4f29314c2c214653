"""Real uses of polydoor.asyncwsgi: the applications of examples/async, each with many requests on two threads."""

from __future__ import annotations

import os
import re
import runpy
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from support.best import best
from support.crowd import Crowd, want_descriptors
from support.server import Server
from support.slow_http import BODY, SlowHttp

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parents[2] / "examples" / "async"
THREADS = 2
FETCHES = 500
QUERIES = 80
SECOND = 1.0
MOST = 2.5  # seconds for all of them
SHORT = 0.2


@contextmanager
def serving(example: str, **env: str) -> Iterator[Server]:
    """An example on two threads."""
    with Server(f"{EXAMPLES}/{example}", threads=THREADS, options=["--no-access-log"], env=env) as server:
        yield server


def all_at_once(server: Server, count: int, target: str, answer: bytes) -> float:
    """The seconds that it takes to answer so many requests, which come at the same time."""
    with Crowd(server.doors[0].address, count, target) as crowd:
        begun = time.monotonic()
        crowd.ask()
        crowd.read_until(lambda got: got.endswith(b"\r\n0\r\n\r\n"))
        took = time.monotonic() - begun
        assert all(got.startswith(b"HTTP/1.1 200 ") and answer in got for got in crowd.received.values())
    return took


def in_threads(example: str, count: int, target: str, env: dict[str, str]) -> float:
    """The same application in as many plain threads, where sync_adapter has each wait hold its thread."""
    with mock.patch.dict(os.environ, env):
        names = runpy.run_path(str(EXAMPLES / example))

    def call(_: int) -> bytes:
        environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": target}
        blocks = names["application"](environ, lambda status, headers: None)
        try:
            return b"".join(blocks)
        finally:
            blocks.close()

    begun = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(call, range(count)))
    took = time.monotonic() - begun
    if "pool" in names:
        names["pool"].close()
    return took


@pytest.mark.timeout(120)
@pytest.mark.frontend("pycurl")
def test_500_transfers_by_pycurl_wait_on_two_threads():
    want_descriptors(3 * FETCHES)
    with SlowHttp(SECOND) as upstream, serving("fetch.py", UPSTREAM=upstream.url) as server:
        took = best(lambda: all_at_once(server, FETCHES, "/page", BODY), MOST)
    with SlowHttp(SHORT) as upstream:
        contrast = in_threads("fetch.py", 4, "/page", {"UPSTREAM": upstream.url})
    print(f"{FETCHES} of {SECOND} s: {took:.2f} s; in {THREADS} plain threads 4 of {SHORT} s: {contrast:.2f} s")
    assert took <= MOST
    assert contrast >= 4 * SHORT / THREADS


@pytest.mark.frontend("pycurl")
def test_transfer_that_fails_is_an_error_of_pycurl():
    with SlowHttp(0) as upstream:
        pass
    with serving("fetch.py", UPSTREAM=upstream.url) as server:
        response = server.doors[0].request("GET", "/")
        assert (response.status, b"onnect" in response.body) == (502, True), response.summary()


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The connection string of a PostgreSQL."""
    from support.postgres import Postgres

    with Postgres() as server:
        yield server.dsn


@pytest.mark.timeout(180)
@pytest.mark.frontend("psycopg", "postgresql")
def test_80_queries_by_psycopg_wait_on_two_threads(database):
    with serving("postgres.py", DATABASE=database, CONNECTIONS=str(QUERIES)) as server:
        took = best(lambda: all_at_once(server, QUERIES, f"/{SECOND}", b'+00"'), MOST)
    contrast = in_threads("postgres.py", 4, f"/{SHORT}", {"DATABASE": database, "CONNECTIONS": "2"})
    print(f"{QUERIES} of {SECOND} s: {took:.2f} s; in {THREADS} plain threads 4 of {SHORT} s: {contrast:.2f} s")
    assert took <= MOST
    assert contrast >= 4 * SHORT / THREADS


@pytest.mark.timeout(120)
@pytest.mark.frontend("psycopg", "postgresql")
def test_queries_wait_for_a_connection_and_replace_broken_ones(database):
    import psycopg

    with serving("postgres.py", DATABASE=database, CONNECTIONS="2") as server:
        door = server.doors[0]
        all_at_once(server, 10, "/0.01", b'+00"')
        assert door.request("GET", "/never").status == 502
        with door.start("GET", "/60"), psycopg.connect(database, autocommit=True) as other:
            while not other.execute("select 1 from pg_stat_activity where query like '%pg_sleep(''60%'").fetchone():
                pass
        all_at_once(server, 10, "/0.01", b'+00"')


@pytest.mark.timeout(60)
@pytest.mark.frontend("psycopg", "postgresql")
def test_query(database):
    import psycopg

    from polydoor.asyncwsgi import run, sync_adapter
    from polydoor.asyncwsgi.postgres import query

    def ask(connection: Any, *arguments: Any) -> list[Any]:
        rows: list[Any] = []

        def application(environ: dict[str, Any], _: Any) -> Iterator[bytes]:
            rows.extend((yield from run(environ, query(connection, *arguments))))

        list(sync_adapter(application)({}, lambda *_: None))
        return rows

    with psycopg.connect(database, autocommit=True) as connection:
        assert ask(connection, "select 1, %s, null, %s::int[]", ["it's", [1, 2]]) == [(1, "it's", None, [1, 2])]
        assert ask(connection, "create temporary table many (text text)") == []
        large = "x" * 3_000_000
        assert ask(connection, "insert into many values (%(text)s) returning length(text)", {"text": large}) == [
            (3_000_000,)
        ]
        assert ask(connection, "select text from many") == [(large,)]
        assert ask(connection, "select text from many where false") == []
        assert ask(connection, "select 1; select 2") == [(2,)]
        with pytest.raises(psycopg.errors.DivisionByZero) as caught:
            ask(connection, "select 1/0")
        assert caught.value.diag.sqlstate == "22012"
        assert ask(connection, "select 'still of use'") == [("still of use",)]
        first = query(connection, "select pg_sleep(60)")
        next(first)
        with pytest.raises(psycopg.ProgrammingError, match="in use by a query"):
            ask(connection, "select 1")
        assert not connection.closed
        first.close()
        assert connection.closed
    with psycopg.connect(database, autocommit=True) as connection:
        ask(connection, "create temporary table many (text text)")
        with pytest.raises(psycopg.NotSupportedError):
            ask(connection, "copy many from stdin")
        assert connection.closed
    with psycopg.connect(database) as connection, pytest.raises(psycopg.ProgrammingError, match="autocommit=True"):
        ask(connection, "select 1")
    with psycopg.connect(database, autocommit=True) as connection:
        with pytest.raises(psycopg.Error):
            ask(connection, "select pg_terminate_backend(pg_backend_pid())")
        assert connection.closed


def test_sleep_example():
    with serving("sleep.py") as server:
        door = server.doors[0]
        assert door.request("GET", "/0.01").body == b"0.01 s later\n"
        assert door.request("GET", "/later").status == 404


def test_events_example():
    with serving("events.py") as server:
        door = server.doors[0]
        assert b"EventSource" in door.request("GET", "/").body
        with Crowd(door.address, 3, "/events") as crowd:
            crowd.ask()
            crowd.read_until(lambda got: b":\n\n" in got)
            assert door.request("POST", "/", body=b"to all").status == 204
            crowd.read_until(lambda got: b"data: to all\n\n" in got)


def test_long_poll_example():
    with serving("long_poll.py") as server:
        door = server.doors[0]
        with door.start("GET", "/") as exchange:
            number = 0
            while not exchange.is_answered(0.05):  # a message may come before the request
                number = door.request("POST", "/", body=b"news").json()["number"]
            answer = exchange.finish().json()
        assert answer["messages"][-1] == "news"
        assert answer["number"] <= number
        assert door.request("GET", f"/{number - 1}").json() == {"number": number, "messages": ["news"]}


def test_handler_example():
    with serving("handler.py") as server:
        door = server.doors[0]
        assert door.request("GET", "/").body == b"one and two\n"
        assert door.request("GET", "/ticks").body == b"0\n1\n2\n3\n4\n"


def test_each_example_is_listed():
    listed = re.findall(r"^\| `(\w+\.py)`", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in EXAMPLES.glob("*.py"))
