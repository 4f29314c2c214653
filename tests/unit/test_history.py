"""The history check finds each kind of violation, and lets pass what a test has explained."""

from __future__ import annotations

import math
import os
import socket
import threading
import time

import pytest

from apps import history_app
from peers.door import HttpDoor
from peers.response import Response
from support.history import (
    BROKEN,
    History,
    HistoryError,
    crossed,
    cut,
    killed,
    left,
    not_listening,
    refused,
)
from support.server import PATIENCE


@pytest.fixture
def history(tmp_path, monkeypatch):
    made = History(tmp_path)
    monkeypatch.setenv("HISTORY", made.env["HISTORY"])
    return made


def run(record, *notes):
    """What the application would note."""
    for what in notes or ("begin", "end", "close"):
        history_app.note(what, record.ident)


def response(record, status=200, *, of=None, complete=True, ended="framed"):
    """What the client would read; `of` is another request whose answer it is."""
    whose = of or record
    body = b"".join(history_app.answer(whose.ident, whose.body, int(whose.options.get("size", 0))))
    return Response(status, "", [("X-Run", whose.ident)], body if status == 200 else b"", complete, ended)


def serve(record):
    run(record)
    record.took(response(record))


def faults(history, *causes):
    with pytest.raises(HistoryError) as caught:
        history.judge(*causes)
    return str(caught.value)


def test_a_run_in_which_everything_was_served_is_in_order(history):
    for _ in range(3):
        serve(history.record("http", b"body", size=100))
    verdict = history.judge()
    assert (verdict.served, len(verdict.runs), verdict.failures) == (3, 3, {})


def test_an_answer_to_another_request_is_found(history):
    one, two = history.record("http"), history.record("http")
    run(one)
    run(two)
    one.took(response(one, of=two))
    two.took(response(two, of=one))
    text = faults(history, cut("anything"), refused("anything else", 200, may_run=True))
    assert text.count("the answer is not its own") == 2
    assert one.ident in text


def test_an_answer_to_another_body_is_found(history):
    record = history.record("http", b"sent", size=10)
    other = history.record("http", b"received", size=10)
    other.ident = record.ident
    run(record)
    record.took(response(record, of=other))
    assert "the answer is not its own" in faults(history)


def test_a_request_that_ran_twice_is_found(history):
    record = history.record("scgi")
    run(record)
    serve(record)
    assert "it ran 2 times" in faults(history)


def test_a_request_that_ran_twice_is_found_whatever_the_causes(history):
    record = history.record("scgi")
    run(record)
    run(record)
    record.took(response(record, 502))
    assert "it ran 2 times" in faults(history, refused("bad gateway", 502, may_run=True))


def test_a_run_that_nobody_asked_for_is_found(history):
    history_app.note("begin", "stranger")
    assert "stranger ran, and nobody asked for it" in faults(history)


def test_a_request_that_nobody_answered_is_found(history):
    record = history.record("ajp")
    record.failed(TimeoutError())
    history.record("ajp")
    assert faults(history, cut("anything")).count("it was lost") == 2


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        (("begin", "end", "close"), "without a finished run"),
        (("begin", "close"), "without a finished run"),
        (("begin", "end"), "1 runs, and 0 were closed"),
        (("begin", "end", "close", "close"), "1 runs, and 2 were closed"),
    ],
)
def test_an_answer_without_a_whole_run_is_found(history, missing, text):
    record = history.record("uwsgi")
    notes = () if missing == ("begin", "end", "close") else missing
    for what in notes:
        history_app.note(what, record.ident)
    record.took(response(record))
    assert text in faults(history)


def test_a_run_out_of_its_time_is_found(history):
    late, early = history.record("http"), history.record("http")
    late.took(response(late))
    run(late)
    run(early)
    early.sent = time.monotonic()
    early.took(response(early))
    text = faults(history)
    assert "it ran behind its answer" in text
    assert "it ran before it was sent" in text


def test_a_failure_needs_a_cause(history):
    record = history.record("http")
    record.took(response(record, 503))
    assert "no cause explains this failure" in faults(history)
    assert "no cause explains this failure" in faults(history, refused("another status", 504))
    assert history.judge(refused("the queue is full", 503)).failures == {"the queue is full": [record]}


def test_a_refused_request_may_not_have_run_unless_the_cause_says_so(history):
    record = history.record("http")
    run(record, "begin", "raised")
    record.took(response(record, 504))
    assert "no cause explains this failure, and it ran" in faults(history, refused("too late", 504))
    assert history.judge(refused("request time limit", 504, may_run=True)).served == 0


@pytest.mark.parametrize(("status", "outcome"), [(200, "broken"), (0, "unanswered")])
def test_a_cut_is_explained_in_its_time_only(history, status, outcome):
    record = history.record("fastcgi")
    run(record, "begin", "close")
    record.took(response(record, status, complete=False, ended="reset"))
    assert record.outcome == outcome
    assert "no cause" in faults(history, cut("later", since=record.ended + 1))
    assert "no cause" in faults(history, cut("earlier", until=record.sent - 1))
    assert history.judge(cut("then", since=record.ended, until=record.sent)).failures["then"] == [record]


def test_a_cause_explains_no_more_and_no_less_than_it_may(history):
    for _ in range(3):
        record = history.record("http")
        record.took(response(record, 503))
    assert faults(history, refused("two of them", 503, at_most=2)).startswith("1 violations in 3 requests")
    assert "four of them: 3 failures of at least 4" in faults(history, refused("four of them", 503, at_least=4))
    history.judge(refused("all", 503, at_least=3, at_most=3))


def test_a_close_may_cross_only_a_later_request_that_did_not_run(history):
    first, later, ran = (history.record("http", turn=turn) for turn in (0, 1, 1))
    run(ran, "begin", "close")
    for record in (first, later, ran):
        record.took(Response(ended="reset"))
    text = faults(history, crossed())
    assert first.ident in text
    assert ran.ident in text
    assert later.ident not in text


def test_nobody_listens_is_a_cause_of_its_own(history):
    record = history.record("http")
    record.failed(ConnectionRefusedError())
    assert "no cause" in faults(history, cut("anything"))
    history.judge(not_listening("stopped"))
    reset = history.record("http")
    reset.failed(BrokenPipeError())
    assert reset.outcome == "unanswered"


def test_a_run_for_a_client_that_was_gone_is_found(history):
    there, gone = history.record("http"), history.record("http")
    run(there, "begin", "close")
    there.left()
    gone.left()
    gone.ended -= 5
    run(gone, "begin", "close")
    history.judge(left("impatient"))
    text = faults(history, left("impatient", within=1))
    assert gone.ident in text
    assert there.ident not in text


def test_only_a_killed_process_may_leave_a_run_open(history):
    record = history.record("http")
    run(record, "begin")
    record.took(Response(ended="reset"))
    assert "1 runs, and 0 were closed" in faults(history, cut("a reset"))
    assert "no cause" in faults(history, killed("another process", os.getpid() + 1))
    assert history.judge(killed("SIGKILL", os.getpid())).failures["SIGKILL"] == [record]


def test_many_violations_are_counted_and_the_first_are_told(history):
    for _ in range(30):
        history.record("http")
    text = faults(history)
    assert text.startswith("30 violations in 30 requests:\n")
    assert text.endswith("... and 10 more")
    assert len(text.splitlines()) == 22


def test_a_client_records_each_end_that_a_server_can_make(history):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        door = HttpDoor(listener.getsockname())
        answers = [
            lambda record: b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            lambda record: b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
            lambda record: b"",
        ]
        asked = [history.start(door) for _ in answers]
        for one, text in zip(asked, answers, strict=True):
            with listener.accept()[0] as peer:
                peer.recv(65536)
                peer.sendall(text(one.record))
        assert [one.finish().outcome for one in asked] == ["refused", BROKEN, "unanswered"]
        gone = history.start(door).leave()
        assert (gone.outcome, gone.ended < math.inf) == ("left", True)
    assert history.start(door).finish().outcome == "unsent"


def test_a_clients_life_ends_when_nobody_listens(history):
    listener = socket.create_server(("127.0.0.1", 0))
    door = HttpDoor(listener.getsockname())
    client = threading.Thread(target=history.keep_asking, args=(door, lambda: False))
    client.start()
    with listener.accept()[0] as peer:
        for _ in range(2):
            ident = peer.recv(65536).split()[1].partition(b"=")[2].decode()
            run(next(one for one in history.records if one.ident == ident))
            body = b"".join(history_app.answer(ident, b"", 0))
            peer.sendall(
                b"HTTP/1.1 200 OK\r\nX-Run: %s\r\nContent-Length: %d\r\n\r\n" % (ident.encode(), len(body)) + body
            )
        peer.recv(65536)
        listener.close()
    client.join(PATIENCE)
    assert not client.is_alive()
    assert [record.outcome for record in history.records] == ["served", "served", "unanswered", "unsent"]
    assert [record.turn for record in history.records] == [0, 1, 2, 0]
    verdict = history.judge(crossed(at_most=1), not_listening("stopped", at_most=1))
    assert verdict.served == 2
