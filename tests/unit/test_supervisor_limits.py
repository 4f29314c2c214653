"""What a table of readings leads to, and where the readings come from."""

import os
import time

import pytest

from polydoor import codes
from polydoor.supervisor.limits import GAP_S, Limits, Reading, Watch, by_chance, usage

MIB = 1024**2


class Worker:
    """Readings of one worker on paper, twice a second."""

    def __init__(self, chance=0.0, **limits):
        self.watch = Watch(Limits(**limits), lambda: chance)
        self.now = 1000.0
        self.age_s = 0.0
        self.beats = 1
        assert not self.watch.begin(Reading(7, age_s=0.0, requests=0, beats=1, memory=10 * MIB, cpu_s=1.0))
        self.look()

    def look(self, step=0.5, *, requests=0, memory=10 * MIB, cpu_s=1.0, is_alive=True):
        self.now += step
        self.age_s += step
        self.beats += is_alive
        reading = Reading(7, age_s=self.age_s, requests=requests, beats=self.beats, memory=memory, cpu_s=cpu_s)
        return [(found.number, found.cause, found.code, found.text) for found in self.watch.look(self.now, [reading])]


def test_without_limits_nothing_is_too_much():
    assert not Worker().look(1e6, requests=10**9, memory=10**15, cpu_s=1e9, is_alive=False)


@pytest.mark.parametrize(("chance", "most"), [(0.0, 300), (0.5, 325), (0.999999, 350)])
def test_requests_with_jitter(chance, most):
    worker = Worker(chance, requests=300, requests_jitter=50)
    assert not worker.look(requests=most - 1)
    wanted = [(7, "max-requests", codes.WORKER_SPENT, f"it has served {most} requests")]
    assert worker.look(requests=most) == wanted
    assert worker.look(requests=most) == wanted  # until it is replaced


@pytest.mark.parametrize(("chance", "most"), [(0.0, 1000), (0.5, 950)])
def test_lifetime_ends_sooner_by_chance(chance, most):
    worker = Worker(chance, lifetime_s=1000.0)
    assert not worker.look(most - 1)
    assert worker.look(1.0) == [(7, "max-lifetime", codes.WORKER_SPENT, f"it has served for {most} s")]


def test_memory_that_grows():
    worker = Worker(memory=64 * MIB)
    assert not worker.look(memory=64 * MIB - 1)
    assert worker.look(memory=64 * MIB) == [(7, "max-memory", codes.WORKER_SPENT, "it has 64 MiB")]


def test_a_memory_limit_that_no_worker_keeps_is_told_once():
    watch = Watch(Limits(memory=8 * MIB))

    def look(number):
        reading = Reading(number, age_s=0.5, requests=0, beats=1, memory=9 * MIB)
        return [(each.code, each.text) for each in watch.look(1000.0, [reading])]

    text = "a worker has 9 MiB from the start, max-memory is 8 MiB"
    assert look(1) == [(codes.LIMIT_TOO_LOW, text)]
    assert look(1) == look(2) == []


def test_processor_time_counts_from_readiness():
    worker = Worker(cpu_s=5.0)  # the first reading says 1 s
    assert not worker.look(cpu_s=5.9)
    assert worker.look(cpu_s=6.0) == [(7, "max-cpu", codes.WORKER_SPENT, "it has used the processor for 5.0 s")]


# --- the beat of the main thread --------------------------------------------------------------------------------------


def test_a_beat_that_stands_still_ends_the_worker():
    worker = Worker(silence_s=11.0)
    for _ in range(21):
        assert not worker.look(is_alive=False)
    told = [(7, "heartbeat", codes.WORKER_SILENT, "its main thread has not moved for 11.0 s")]
    assert worker.look(is_alive=False) == told


def test_who_misses_a_beat_is_silent_until_the_next_one():
    worker = Worker()
    for _ in range(8):
        worker.look(is_alive=False)  # no beat is due before the second look
        worker.look()
        assert not worker.watch.silent()
    for _ in range(3):
        assert not worker.watch.silent()
        worker.look(is_alive=False)
    assert worker.watch.silent() == [7]
    worker.look()
    assert not worker.watch.silent()


def test_each_beat_counts():
    worker = Worker(silence_s=2.0)
    for turn in range(40):
        assert not worker.look(is_alive=turn % 4 == 0)


@pytest.mark.parametrize("gap_s", [GAP_S, 100.0])
def test_time_in_which_nobody_looked_does_not_count(gap_s):
    worker = Worker(silence_s=3.0)
    for _ in range(5):
        assert not worker.look(is_alive=False)
    assert not worker.look(gap_s, is_alive=False)  # the machine slept, and this one woke first
    for _ in range(5):
        assert not worker.look(is_alive=False)
    assert worker.look(is_alive=False)


# --- /proc ------------------------------------------------------------------------------------------------------------


def test_usage_of_a_process():
    memory, cpu_s = usage(os.getpid())
    assert 4 * MIB < memory < 4096 * MIB
    assert abs(cpu_s - time.process_time()) < 1.0


def test_usage_of_nobody():
    assert usage(2**22 + 1) == (0, 0.0)  # no process has this number


def test_chance_is_below_one():
    values = [by_chance() for _ in range(100)]
    assert 0 <= min(values) < 0.5 < max(values) < 1
