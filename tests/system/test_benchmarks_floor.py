"""The floors: empty servers that answer rightly over every protocol, and an application called without a server."""

from __future__ import annotations

import os

import pytest

import calling
import measure
import processes
import rivals
import rounds
import servers
import tables
from cases import Case, Entry
from support.load import load

pytestmark = pytest.mark.timeout(300)  # the first of them compiles the load generator
PROTOCOLS = ("http", "fastcgi", "scgi", "uwsgi", "ajp")
KEPT = ("http", "fastcgi", "ajp")
PLAN = rounds.Plan(seconds=0.05, rounds=1, server_core=min(os.sched_getaffinity(0)), load_core=0)


@pytest.fixture
def expected(tmp_path):
    path = tmp_path / "expected"
    path.write_bytes(rounds.BODY)
    return str(path)


def serving(door, folder, workers=1):
    rivals.build_floor(folder, door)
    place = servers.Place(door, str(folder / "app.sock"), "hello", 1, folder)
    command = [*servers.KINDS["floor"].command(place), *([str(workers)] if workers > 1 else [])]
    return processes.Process(command, folder, PLAN.server_core)


@pytest.mark.parametrize("door", PROTOCOLS)
def test_floor_answers_rightly(door, tmp_path, expected):
    with serving(door, tmp_path) as process:
        process.wait_until(lambda: processes.listens(str(tmp_path / "app.sock")), "the floor does not listen")
        for options, connects in (([], 3 if door in KEPT else 60), (["--close"], 60)):
            url = f"{door}+unix:{tmp_path}/app.sock"
            status, result, said = load(url, "-n", "60", "-c", "4", "--expect", expected, *options)
            assert (status, said, result["requests"]) == (0, "", 60)
            assert result["connects"] == connects


def test_floor_in_two_processes(tmp_path, expected):
    with serving("http", tmp_path, workers=2) as process:
        process.wait_until(lambda: processes.listens(str(tmp_path / "app.sock")), "the floor does not listen")
        process.wait_until(lambda: len(measure.descendants(process.pid, measure.parents())) == 2, "there is only one")
        status, result, _ = load(f"http+unix:{tmp_path}/app.sock", "-n", "60", "-c", "4", "--expect", expected)
        assert (status, result["requests"]) == (0, 60)


def test_application_is_called_as_a_server_does():
    closed = []

    class Response(list):
        def close(self):
            closed.append(True)

    def application(environ, start_response):
        assert environ["REQUEST_METHOD"] == "GET"
        start_response("200 OK", [("Content-Type", "text/plain")])(b"written, ")
        return Response([b"returned"])

    assert calling.call(application) == b"written, returned"
    assert closed == [True]


def test_application_alone_is_a_row_without_latency():
    case = Case("hello", "Hello", (Entry(servers.CALL),), (), ())
    found = rounds.run(case, PLAN, {}, lambda *_: None)
    assert list(found.faults()) == []
    (sample,) = found.samples["call"]
    assert sample.requests == sample.in_time > 0
    assert sample.cpu_seconds > 0
    row = tables.case_table(found)[1]
    assert row[0] == "the application alone"
    assert row[4:] == ("–", "–", "–")


@pytest.mark.parametrize("door", PROTOCOLS)
def test_sink_takes_uploads_and_says_how_long_they_were(door, tmp_path):
    rivals.build_floor(tmp_path, "sink")
    address = str(tmp_path / "app.sock")
    command = servers.KINDS["sink"].command(servers.Place(door, address, "upload", 1, tmp_path))
    with processes.Process(command, tmp_path, PLAN.server_core) as process:
        process.wait_until(lambda: processes.listens(address), "the sink does not listen")
        for size in (1, 8185, 8186, 8187, 700_000):
            expected = tmp_path / "expected"
            expected.write_bytes(b"%d" % size)
            options = ("--body", f"{size}", "-n", "3", "-c", "1", "--expect", str(expected), "--timeout", "60")
            status, result, said = load(f"{door}+unix:{address}", *options)
            assert (status, said, result["requests"]) == (0, "", 3)
