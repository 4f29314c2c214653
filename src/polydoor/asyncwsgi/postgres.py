"""Queries by psycopg 3, through libpq's functions that do not block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer

from polydoor.asyncwsgi.operations import Wait, wait_for_any

if TYPE_CHECKING:
    from psycopg.abc import Params
    from psycopg.rows import TupleRow

    from polydoor.asyncwsgi.operations import Operation

FAILED = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE)
COPY = (pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT, pq.ExecStatus.COPY_BOTH)


def query(
    connection: psycopg.Connection[Any], statement: str, params: Params | None = None
) -> Operation[list[TupleRow]]:
    """Carry out a statement; its rows. psycopg's errors are raised as by Cursor.execute().

    The connection serves one query at a time, and must be in autocommit mode: no transaction is begun for you.
    When the request ends before the answer has come, the connection is closed, since it is in the middle of something.
    """
    if not connection.autocommit:
        raise psycopg.ProgrammingError("polydoor.asyncwsgi.postgres.query() needs a connection with autocommit=True")
    text = psycopg.ClientCursor(connection).mogrify(statement, params)
    server = connection.pgconn  # it does not block: psycopg has seen to that
    if server.transaction_status == pq.TransactionStatus.ACTIVE:
        raise psycopg.ProgrammingError("polydoor.asyncwsgi.postgres.query() found the connection in use by a query")
    is_whole = False
    try:
        server.send_query(text.encode(connection.info.encoding))
        yield from _flush(server)
        results = yield from _results(server)
        is_whole = True
    finally:
        if not is_whole:
            connection.close()
    return _rows(connection, results)


def _flush(server: pq.abc.PGconn) -> Operation[None]:
    while server.flush():
        ready = yield from wait_for_any([Wait(server.socket), Wait(server.socket, is_write=True)], None)
        if any(not wait.is_write for wait in ready):  # a server that sends does not read until somebody takes it
            server.consume_input()


def _results(server: pq.abc.PGconn) -> Operation[list[pq.abc.PGresult]]:
    results: list[pq.abc.PGresult] = []
    while True:
        while server.is_busy():
            yield Wait(server.socket)
            server.consume_input()
        result = server.get_result()
        if result is None:
            return results
        if result.status in COPY:
            raise psycopg.NotSupportedError("polydoor.asyncwsgi.postgres.query() cannot carry out COPY")
        results.append(result)


def _rows(connection: psycopg.Connection[Any], results: list[pq.abc.PGresult]) -> list[TupleRow]:
    for result in results:
        if result.status in FAILED:
            raise psycopg.errors.error_from_result(result, encoding=connection.info.encoding)
    last = results[-1]
    transformer = Transformer(connection)
    transformer.set_pgresult(last)
    return transformer.load_rows(0, last.ntuples, tuple) if last.ntuples else []
