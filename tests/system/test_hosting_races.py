"""Real daemons start, leave when idle, are stopped and restarted while requests come and stubs are killed."""

from __future__ import annotations

import collections
import itertools
import os
import random
import signal
import sys
import threading
import time

import pytest

from support import stub as stubs
from support.hosted import FOUND
from support.scale import scaled
from support.server import APPS
from support.stub import Site

IDLE_S = 1
BEAT_S = 1  # how often a daemon looks whether it is time to go
STOPS, IDLES, RESTARTS = (0.35, 0.05, 0.0), (0.0, 0.0, 0.9), (0.0, 0.4, 0.0)
# The sites: of a hundred daemons how many each of them sees, how many ask it at once, and how often they stop it first,
# tell it to restart, or leave it alone. To leave by itself takes a daemon longer than to be stopped.
SITES = [(32, 2, STOPS)] * 3 + [(1, 1, IDLES)] * 2 + [(1, 2, RESTARTS)] * 2


class Raced:
    """A site that is asked until `wanted` daemons have answered."""

    def __init__(self, folder, wanted, jobs, habits, seed):
        self.wanted, self.jobs, self.seed = wanted, jobs, seed
        self.habits = [*habits, 1 - sum(habits)]
        folder.mkdir()
        own = {"RACED_JOURNAL": folder / "journal", "RACED_ALONE": folder / "alone"} | FOUND
        self.site = Site(
            folder,
            stubs.released(),
            python=sys.executable,
            app=f"{APPS}/raced.py:application",
            environment=[f"{name}={value}" for name, value in own.items()],
            idle_timeout=IDLE_S,
        )
        (folder / "tmp").mkdir()
        self.answered, self.asked, self.lost, self.by_cgi, self.killed = {}, [], [], [], []
        self.told = collections.Counter()
        self.failure = None

    @property
    def daemons(self):
        return len(set(self.answered.copy().values()))

    def run(self, job):
        """Ask one request after the other."""
        chance = random.Random(f"{self.seed} {job}")
        numbers = itertools.count(job, self.jobs)
        try:
            while self.daemons < self.wanted:
                what = chance.choices((self.stop, self.restart, self.pause, None), self.habits)[0]
                if what:
                    what(chance)
                self.ask(chance, next(numbers))
        except BaseException as error:
            self.failure = error
            raise

    def ask(self, chance, number):
        self.asked.append(number)
        process = self.site.start(QUERY_STRING=str(number))
        kills = chance.random() < 0.1
        if kills:
            time.sleep(chance.choice((0.002, 0.02, 0.2)) * chance.random())
            process.kill()
        answer = stubs.finish(process)
        if kills and answer.status == -signal.SIGKILL:
            self.killed.append(number)
        elif (answer.status, answer.response.status) != (0, 200):
            self.lost.append((number, answer))
        elif answer.text.startswith("cgi "):
            self.by_cgi.append(number)
        else:
            self.answered[number] = int(answer.text.removeprefix("daemon "))

    def pause(self, chance):
        """Come back when the daemon is about to leave."""
        time.sleep(chance.uniform(0.9 * IDLE_S, IDLE_S + 1.2 * BEAT_S))

    def restart(self, _chance):
        (self.site.folder / "tmp/restart.txt").touch()

    def stop(self, _chance):
        """Ask the daemon that is ready now to leave; never a process that only has its number."""
        if not self.site.lock.exists() or len(self.site.lock.read_bytes()) < stubs.RECORD_END:
            return
        try:
            process = os.pidfd_open(pid := self.site.record()["pid"])
        except (OSError, ValueError):  # there is none, or it has just ended
            return
        try:
            if self.site.daemon() == pid and self.site.record()["is_ready"]:
                signal.pidfd_send_signal(process, signal.SIGTERM)
        except ProcessLookupError:
            pass
        finally:
            os.close(process)

    def check(self):
        called = collections.Counter(map(int, (self.site.folder / "journal").read_text().split()))
        alone = (self.site.folder / "alone").read_text()
        print("lost:", self.lost, self.site.log.read_text()[-2000:] if self.lost else "")
        assert (self.failure, self.lost, alone) == (None, [], "")
        seen = [*self.answered, *self.by_cgi]
        assert sorted([*seen, *self.killed]) == sorted(self.asked)
        assert [number for number in seen if called[number] != 1] == []
        assert max(called.values()) == 1


@pytest.mark.scaled
@pytest.mark.timeout(3600)
def test_races_with_real_daemons_lose_nothing_and_never_make_two_of_them(tmp_path):
    """200 of them in any case; in `make soak` 10 000."""
    wanted = scaled(200, 10_000)
    raced = [
        Raced(tmp_path / str(number), wanted * share // 100, jobs, habits, number)
        for number, (share, jobs, habits) in enumerate(SITES)
    ]
    jobs = [threading.Thread(target=each.run, args=(job,)) for each in raced for job in range(each.jobs)]
    try:
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
    finally:
        for each in raced:
            each.site.kill()
    reasons = collections.Counter()
    for each in raced:
        text = each.site.log.read_text()
        each.check()
        reasons.update({why: text.count(why) for why in ("SIGTERM", "no request for", "restart.txt has changed")})
    killed = sum(len(each.killed) for each in raced)
    print(reasons, "killed:", killed, [(each.daemons, len(each.asked), len(each.by_cgi)) for each in raced])
    assert sum(each.daemons for each in raced) >= wanted
    assert min(reasons["SIGTERM"], reasons["no request for"], killed) > 0
