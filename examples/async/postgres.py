"""A slow query for each request, on connections that are opened before and shared: DATABASE=… a connection string.

GET /1.5 has the database sleep so long. While all connections are in use, requests wait for one.
"""

import atexit
import contextlib
import json
import os
from collections import deque

import psycopg

from polydoor.asyncwsgi import Channel, MissedError, run, sync_adapter
from polydoor.asyncwsgi.postgres import query


class Pool:
    """Connections of this process; each serves one request at a time."""

    def __init__(self, size):
        self._free = deque(_connect() for _ in range(size))
        self._given_back = Channel(keep=1)  # says that there may be one again

    def take(self):
        """An operation: waits for a connection."""
        while True:
            subscription = self._given_back.subscribe()  # before looking, or a return could be missed
            try:
                return self._free.popleft()
            except IndexError:
                with contextlib.suppress(MissedError):  # several were given back
                    yield from subscription.take()

    def give(self, connection):
        """For the next one; a request that was broken off leaves a closed one, which is replaced."""
        self._free.append(_connect() if connection.closed else connection)
        self._given_back.publish(None)

    def close(self):
        """Closes those that nobody uses."""
        while self._free:
            self._free.pop().close()


def _connect():
    return psycopg.connect(os.environ["DATABASE"], autocommit=True)


pool = Pool(int(os.environ.get("CONNECTIONS", "10")))
atexit.register(pool.close)


@sync_adapter
def application(environ, start_response):
    """Asks, and gives what came as JSON."""
    connection = yield from run(environ, pool.take())
    try:
        seconds = environ["PATH_INFO"].strip("/") or "1"
        rows = yield from run(environ, query(connection, "select pg_sleep(%s), now()::text", [seconds]))
    except psycopg.Error as error:
        start_response("502 Bad Gateway", [("Content-Type", "text/plain; charset=utf-8")])
        yield f"{error}\n".encode()
        return
    finally:
        pool.give(connection)
    start_response("200 OK", [("Content-Type", "application/json")])
    yield json.dumps(rows[0][1]).encode() + b"\n"
