"""Several workers share listeners: connections spread, and pass from a worker that retires to the others."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from peers.kept import KEPT, keep
from peers.wire import Wire
from support.history import History, cut, pids_of
from support.pool import RETIRE, Pool
from support.scale import scaled
from support.server import one_each
from support.waiting import eventually

APP = "apps.history_app:application"
HTTP = ["http://127.0.0.1:0"]
WORKERS = 4
MOST = 20  # 1.25 times the share of 64 connections


def counts(pool):
    return [slot["connections"] for slot in pool.slots()]


@pytest.mark.parametrize("asks", [False, True], ids=["silent", "asking"])
def test_no_worker_has_more_than_five_quarters_of_its_share(asks, tmp_path):
    history = History(tmp_path)
    with Pool(APP, HTTP, tmp_path, WORKERS, env=history.env) as pool:
        for slot in range(WORKERS):
            pool.start_worker(slot)
        with ExitStack() as stack:
            for number in range(1, 65):
                kept = stack.enter_context(keep(pool.doors[0]))
                if asks:
                    assert history.ask_kept(kept).outcome == "served"
                assert eventually(lambda n=number: sum(counts(pool)) == n)
            assert max(counts(pool)) <= MOST, counts(pool)
        assert eventually(lambda: sum(counts(pool)) == 0)
        pool.stop()
    history.judge()


def stop_for_a_while(pid):
    """The process runs no more, but all that it has stays open."""
    os.kill(pid, signal.SIGSTOP)
    assert eventually(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "T")


@pytest.mark.parametrize("watcher", range(2))
def test_what_waits_for_a_killed_worker_is_served_by_another(watcher, tmp_path):
    history = History(tmp_path)
    with Pool(APP, HTTP, tmp_path, 2, env=history.env) as pool:
        pids = [pool.start_worker(slot) for slot in (watcher, 1 - watcher)]
        if watcher:
            pids.reverse()
        slot = pool.watcher()
        assert slot == watcher
        stop_for_a_while(pids[slot])
        asked = [history.start(pool.doors[0]) for _ in range(8)]
        pool.tell(slot, signal.SIGKILL)
        assert pool.wait_worker(slot) == -signal.SIGKILL
        assert [one.finish().outcome for one in asked] == ["served"] * 8
        assert pool.watcher() == 1 - slot
        pool.stop()
    assert pids_of(history.judge().runs) == {pids[1 - slot]}


def test_only_what_a_killed_worker_had_is_lost(tmp_path):
    history = History(tmp_path)
    is_over = threading.Event()
    with Pool(APP, ["scgi://127.0.0.1:0"], tmp_path, 3, threads=2, env=history.env) as pool:
        pids = [pool.start_worker(slot) for slot in range(3)]
        clients = [
            threading.Thread(target=history.keep_asking, args=(pool.doors[0], is_over.is_set), kwargs={"sleep": 0.002})
            for _ in range(4)
        ]
        for client in clients:
            client.start()
        kills = scaled(6, 200)
        for number in range(kills):
            done = len(history.records)
            assert eventually(lambda n=done: len(history.records) > n + 20)
            slot = number % 3
            pool.tell(slot, signal.SIGKILL)
            assert pool.wait_worker(slot) == -signal.SIGKILL
            pids.append(pool.start_worker(slot))
        is_over.set()
        for client in clients:
            client.join()
        pool.stop()
    verdict = history.judge(cut("the worker was killed", may_stay_open=True, at_most=4 * kills))
    for record in verdict.failures["the worker was killed"]:
        assert verdict.runs.get(record.ident) is None or verdict.runs[record.ident].pids <= set(pids)
    assert verdict.served > kills * 16


class Front(threading.Thread):
    """A front end that keeps one connection, pauses at random, and has none closed under its feet."""

    def __init__(self, history, door, is_over, seed):
        super().__init__()
        self.chance = random.Random(seed)
        self.history, self.kept, self.is_over = history, keep(door), is_over
        self.was_ended = False

    def run(self):
        with self.kept:
            while not self.is_over.is_set():
                body = self.chance.randbytes(self.chance.choice([1, 100, 20_000]))
                self.history.ask_kept(self.kept, body, sleep=self.chance.choice([0, 0, 0.01]))
                time.sleep(self.chance.choice([0, 0, self.chance.random() * 0.05]))
                if self.kept.is_ended():
                    self.was_ended = True
                    return


def test_kept_connections_pass_from_worker_to_worker(tmp_path):
    history = History(tmp_path)
    is_over = threading.Event()
    with Pool(APP, one_each(tmp_path), tmp_path, 2, threads=3, env=history.env) as pool:
        pids = [pool.start_worker(0)]
        fronts = [
            Front(history, door, is_over, f"{door.name} {number}")
            for door in pool.doors
            if door.name in KEPT
            for number in range(3)
        ]
        others = [threading.Thread(target=history.keep_asking, args=(door, is_over.is_set)) for door in pool.doors[2:4]]
        for client in (*fronts, *others):
            client.start()
        for number in range(scaled(6, 100)):
            done = len(history.records)
            assert eventually(lambda n=done: len(history.records) > n + 40)
            with ExitStack() as stack:
                silent = [stack.enter_context(keep(door)) for door in pool.doors]
                pids.append(pool.start_worker(1 - number % 2))
                pool.tell(number % 2, RETIRE)
                assert pool.wait_worker(number % 2) == 0
                assert [history.ask_kept(kept).outcome for kept in silent] == ["served"] * len(silent)
        is_over.set()
        for client in (*fronts, *others):
            client.join()
        assert not any(front.was_ended for front in fronts)
        pool.stop()
    verdict = history.judge()
    assert pids_of(verdict.runs) == set(pids)


def test_kept_connections_in_use_pass_to_a_worker_that_comes_later(tmp_path):
    history = History(tmp_path)
    with Pool(APP, one_each(tmp_path), tmp_path, 2, env=history.env) as pool, ExitStack() as stack:
        pool.start_worker(0)
        kept = [stack.enter_context(keep(door)) for door in pool.doors if door.name in KEPT for _ in range(4)]
        idle = [stack.enter_context(keep(door)) for door in pool.doors if door.name in KEPT]
        for each in (*kept, *idle):
            assert history.ask_kept(each).outcome == "served"
        pool.start_worker(1)

        def use() -> bool:
            """Some of those in use may be passed on meanwhile."""
            assert {history.ask_kept(each).outcome for each in kept} == {"served"}
            return max(counts(pool)) - min(counts(pool)) <= 1

        assert eventually(use)
        assert sum(counts(pool)) == len(kept) + len(idle)
        assert {history.ask_kept(each).outcome for each in (*kept, *idle)} == {"served"}
        pool.stop()
    history.judge()


def test_the_last_worker_that_retires_closes_its_idle_connections(tmp_path):
    history = History(tmp_path)
    with Pool(APP, HTTP, tmp_path, 2, env=history.env) as pool:
        pool.start_worker(0)
        with Wire(pool.doors[0].address) as silent:
            pool.tell(0, RETIRE)
            assert pool.wait_worker(0) == 0
            assert (silent.recv(), silent.ended) == (b"", "eof")
        waiting = history.start(pool.doors[0])  # nobody is there: it is the next worker's
        pool.start_worker(1)
        assert waiting.finish().outcome == "served"
        pool.stop()
    history.judge()


def test_one_after_the_other_goes_to_the_worker_that_is_hot(tmp_path):
    history = History(tmp_path)
    with Pool(APP, HTTP, tmp_path, 3, threads=2, env=history.env) as pool:
        pids = [pool.start_worker(slot) for slot in range(3)]
        for _ in range(30):
            with keep(pool.doors[0]) as kept:
                assert history.ask_kept(kept).outcome == "served"
            assert eventually(lambda: sum(counts(pool)) == 0)
        pool.stop()
    assert pids_of(history.judge().runs) == {pids[0]}


def test_nobody_waits_for_a_busy_worker_while_another_is_idle(tmp_path):
    history = History(tmp_path)
    fifos = [tmp_path / f"fifo-{number}" for number in range(3)]
    with Pool(APP, HTTP, tmp_path, 3, env=history.env) as pool:
        for slot in range(3):
            pool.start_worker(slot)
        asked = []
        for fifo in fifos:  # each takes the one thread of a worker
            os.mkfifo(fifo)
            asked.append(history.start(pool.doors[0], fifo=fifo))
            writer = os.open(fifo, os.O_WRONLY)
            asked[-1].writer = writer
        assert [slot["running"] for slot in pool.slots()] == [1, 1, 1]
        waiting = history.start(pool.doors[0])  # nobody is idle: somebody takes it all the same
        assert eventually(lambda: sum(slot["ready"] for slot in pool.slots()) == 1)
        for one in asked:
            os.close(one.writer)
        assert [one.finish().outcome for one in (*asked, waiting)] == ["served"] * 4
        pool.stop()
    history.judge()


def test_a_full_stop_serves_what_waits(tmp_path):
    history = History(tmp_path)
    urls = [f"fastcgi+unix:{tmp_path}/f.sock", *HTTP]
    with Pool(APP, urls, tmp_path, 2, env=history.env) as pool:
        pids = [pool.start_worker(slot) for slot in range(2)]
        for pid in pids:
            stop_for_a_while(pid)
        asked = [history.start(door, b"body") for door in pool.doors for _ in range(4)]
        pool.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: not (tmp_path / "f.sock").exists())
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        assert [one.finish().outcome for one in asked] == ["served"] * 8
        pool.wait()
        assert "PD0" not in pool.log.text
    history.judge()
