"""Workers and supervisors that die in every way, under load: only what they had is lost, and everybody sees it."""

from __future__ import annotations

import os
import random
import signal
import time
from itertools import cycle
from pathlib import Path

import pytest

from support.history import BROKEN, UNANSWERED, UNSENT, Cause, killed
from support.pool_load import Load
from support.pool_server import GOOD, PoolServer
from support.scale import scaled
from support.server import one_each
from support.waiting import eventually

# `leave=N` in the query ends the process with this status amid the request.
LEAVES = """\
import os
from urllib.parse import parse_qsl
from apps.history_app import application as answer, note
def application(environ, start_response):
    query = dict(parse_qsl(environ["QUERY_STRING"]))
    if "leave" in query:
        note("begin", query["id"])
        os._exit(int(query["leave"]))
    return answer(environ, start_response)
"""
KILLS = scaled(14, 200)
DEATHS = scaled(3, 50)  # of supervisors
RACES = scaled(100, 5000)  # for each of two services
CLIENTS = 5

pytestmark = [pytest.mark.scaled, pytest.mark.timeout(3600)]


def waited(pid, since, until):
    """Requests that had reached a worker at its end, and its idle connections: the application never saw them."""
    lost = frozenset([BROKEN, UNANSWERED, UNSENT])
    return Cause(f"they waited in worker {pid}", lost, since=since, until=until, at_most=CLIENTS)


def has_ended(pid):
    """Whether nothing runs there any more; who has inherited it may take its time to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_only_what_a_dead_worker_had_is_lost(tmp_path):
    causes = []
    with PoolServer(tmp_path, one_each(tmp_path), threads=2, code=LEAVES) as server:
        with Load(server.history, server.doors, clients=CLIENTS, sleep=0.01) as load:
            for number, how in zip(range(KILLS), cycle([signal.SIGKILL, signal.SIGSEGV, 0, 1, 2, 3, 4]), strict=False):
                workers = server.wait_workers(2)
                load.wait(10)
                begun = time.monotonic()
                if isinstance(how, signal.Signals):
                    pid = workers[number % 2]
                    os.kill(pid, how)
                else:
                    record = server.history.ask(server.doors[number % 5], leave=how)
                    (pid,) = server.history.runs()[record.ident].pids
                assert eventually(lambda pid=pid: pid not in server.workers())
                causes += [killed(f"{how}, worker {pid}", pid), waited(pid, begun, time.monotonic())]
            load.wait(10)
        server.wait_workers(2)
    verdict = server.history.judge(*causes)
    lost = sum(map(len, verdict.failures.values()))
    print(f"{KILLS} workers died: {lost} of {len(verdict.records)} requests lost")
    assert server.log.text.count("PD0340") == KILLS


def test_without_their_supervisor_workers_end_and_the_next_start_takes_over(tmp_path):
    for number in range(DEATHS):
        server = PoolServer(tmp_path, [f"http+unix:{tmp_path}/s", f"ajp+unix:{tmp_path}/a"])
        try:
            workers = server.wait_workers(2)
            asked = [server.history.start(server.doors[turn % 2], sleep=0.2) for turn in range(4)]
            assert eventually(lambda server=server: len(server.history.runs()) == 4)
            server.process.kill()
            with PoolServer(tmp_path, [f"http+unix:{tmp_path}/s", f"ajp+unix:{tmp_path}/a"]) as successor:
                successor.ask()
                assert [one.finish().outcome for one in asked] == ["served"] * 4, number
                assert eventually(lambda workers=workers: all(map(has_ended, workers)), 1)
            successor.history.judge()
        finally:
            server.kill()
        server.history.judge()


@pytest.mark.parametrize("seed", [1, 2])
def test_starts_and_stops_of_an_idle_service_race_and_nobody_is_lost(tmp_path, seed):
    chance = random.Random(seed)
    begun = tmp_path / "begun"
    code = f"with open({str(begun)!r}, 'a') as file: file.write('.')\n{GOOD}"
    options = ["--idle-stop", "40ms"]
    with PoolServer(tmp_path, one_each(tmp_path), workers="0:2", options=options, code=code) as server:
        for number in range(RACES):
            pause_s = chance.random() * 0.1
            eventually(lambda: False, pause_s)  # random times are what is tried here
            server.history.ask(server.doors[number % 5])
        starts = len(begun.read_text())
        print(f"{RACES} requests found a worker, or one of {starts} that were started")
        assert 1 < starts <= RACES + 1  # the first is to see that the code works
    assert server.history.judge().served == RACES
