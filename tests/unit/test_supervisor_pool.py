"""The pool against workers on paper: one rule a test, then all of them at random."""

import random

import pytest

from polydoor.states import DRAINING, EXITED, RUNNING
from polydoor.supervisor.backoff import FIRST_S, LONGEST_S, Backoff
from polydoor.supervisor.pool import NOW_STOPPING
from polydoor.supervisor.sizing import GROW_AFTER_S, SHRINK_AFTER_S, Rules
from support.pool_world import GOOD, HANGS, RAISES, World
from support.scale import scaled


def made(low=2, high=None, *, seed=1, **times) -> World:
    """A world whose workers run."""
    world = World(Rules(low, high or low, **times), random.Random(seed))
    world.pool.boot(world.now)
    world.run(2.0)
    assert world.serving_since
    return world


def numbers(world: World) -> list[int]:
    return [member.number for member in world.running()]


# --- the first start --------------------------------------------------------------------------------------------------


def test_all_workers_start_at_once():
    world = World(Rules(4, 4), random.Random(1))
    world.pool.boot(world.now)
    assert world.starts == 4
    world.run(2.0)
    assert numbers(world) == [1, 2, 3, 4]


def test_what_cannot_be_loaded_ends_the_first_start_with_its_reason():
    world = World(Rules(3, 3), random.Random(1))
    world.code = RAISES
    world.pool.boot(world.now)
    world.settle()
    assert world.ended == [(3, "it raised")]
    assert world.starts == 3


def test_what_is_never_ready_is_killed_when_its_time_is_over():
    world = World(Rules(1, 1, boot_s=5.0), random.Random(1))
    world.code = HANGS
    world.pool.boot(world.now)
    world.run(4.9)
    assert not world.ended
    world.run(1.0)
    assert world.ended == [(3, "it was not ready within 5 s")]


# --- one path of replacement ------------------------------------------------------------------------------------------


def test_reload_replaces_every_worker_and_never_has_fewer():
    world = made(4)
    world.pool.reload(world.now)
    while not world.answers:
        world.run(0.01)
        assert len(world.accepting()) >= 4
    assert world.answers == [(1, "")]
    world.settle()
    assert numbers(world) == [5, 6, 7, 8]


@pytest.mark.parametrize("code", [RAISES, HANGS])
def test_code_that_does_not_start_changes_nothing(code):
    world = made(4, boot_s=5.0)
    world.code = code
    world.pool.reload(world.now)
    world.settle()
    assert [serial for serial, _error in world.answers] == [1]
    assert world.answers[0][1] in {"it raised", "it was not ready within 5 s"}
    assert numbers(world) == [1, 2, 3, 4]
    assert world.starts == 5  # one was enough to see
    world.code = GOOD
    world.pool.reload(world.now)
    world.settle()
    assert world.answers[1:] == [(2, "")]
    assert min(numbers(world)) > 5


def test_a_configuration_that_cannot_be_read_starts_nothing():
    world = made(2)
    world.unreadable = "PD0007: bad TOML"
    assert world.pool.reload(world.now) == 1
    assert (world.answers, world.starts, world.pool.generation) == ([(1, "PD0007: bad TOML")], 2, 1)
    world.unreadable = ""
    world.pool.reload(world.now)
    world.settle()
    assert world.answers[1:] == [(2, "")]


def test_many_reloads_at_once_are_two():
    world = made(2)
    assert [world.pool.reload(world.now) for _ in range(100)] == [1, *[2] * 99]
    world.settle()
    assert world.answers == [(1, ""), (2, "")]
    assert world.starts == 6


def test_a_reload_during_one_takes_the_newest_code():
    world = made(2, boot_s=5.0)
    world.code = HANGS
    world.pool.reload(world.now)
    world.run(1.0)
    world.code = GOOD
    world.pool.reload(world.now)
    world.settle()
    assert world.answers == [(1, "it was not ready within 5 s"), (2, "")]
    assert all(world.processes[number].code == GOOD for number in numbers(world))


def test_a_worker_that_was_starting_when_the_reload_came_is_replaced_too():
    world = made(1)
    world.die(world.accepting()[0], "crashed")
    world.run(0.01)
    world.pool.reload(world.now)
    world.settle()
    assert world.answers == [(1, "")]
    assert numbers(world) == [3]


def test_a_reload_during_the_first_start_follows_it():
    world = World(Rules(2, 2), random.Random(1))
    world.pool.boot(world.now)
    assert [world.pool.reload(world.now) for _ in range(3)] == [1, 1, 1]
    world.settle()
    assert world.answers == [(1, "")]
    assert numbers(world) == [3, 4]


def test_a_reload_during_the_first_start_is_answered_by_its_stop():
    world = World(Rules(2, 2), random.Random(1))
    world.pool.boot(world.now)
    world.pool.reload(world.now)
    world.pool.stop(world.now)
    world.settle()
    assert world.answers == [(1, NOW_STOPPING)]


def test_recycling_is_never_two_at_once():
    world = made(4)
    for number in (1, 2, 3, 4):
        world.pool.asked(world.now, number, "max-requests")
        world.pool.asked(world.now, number, "lifetime")
    while numbers(world) != [5, 6, 7, 8]:
        world.run(0.01)
        assert len(world.accepting()) >= 4
        assert sum(member.is_starting for member in world.pool.members.values()) <= 1
    assert world.pool.restarts == {"max-requests": 4}


def test_a_successor_that_fails_is_tried_again_and_the_old_one_stays():
    world = made(1)
    world.code = RAISES
    world.pool.asked(world.now, 1, "memory")
    world.run(20.0)
    assert numbers(world) == [1]
    assert 3 <= world.starts <= 7
    world.code = GOOD
    world.settle()
    assert len(numbers(world)) == 1
    assert numbers(world) != [1]


@pytest.mark.parametrize("number", [1, 2])  # one whose successor has begun, and one that is to wait
def test_a_worker_that_asks_during_a_reload_that_fails_is_replaced_afterwards(number):
    world = made(2, boot_s=5.0)
    world.code = HANGS
    world.pool.reload(world.now)
    assert not world.pool.asked(world.now, number, "request-timeout")
    world.run(4.0)
    world.code = GOOD
    world.settle()
    assert world.answers == [(1, "it was not ready within 5 s")]
    assert numbers(world)[0] == 3 - number
    assert world.pool.restarts == {"request-timeout": 1}


# --- crashes ----------------------------------------------------------------------------------------------------------


def test_a_crash_is_made_good_at_once_and_touches_nobody():
    world = made(2)
    world.die(world.processes[1], "signal 9")
    assert world.starts == 3
    world.run(2.0)
    assert numbers(world) == [2, 3]
    assert world.pool.restarts == {"crash": 1}


def test_a_worker_that_hangs_is_killed_and_its_place_is_taken_at_once():
    world = made(2)
    world.pool.asked(world.now, 1, "lifetime")  # its successor has begun
    world.pool.hangs(world.now, 1, "heartbeat")
    world.pool.hangs(world.now, 2, "heartbeat")
    assert world.starts == 4
    world.settle()
    assert numbers(world) == [3, 4]
    assert world.pool.restarts == {"heartbeat": 2}
    assert not world.deaths  # who ordered it need not be told


def test_failures_of_long_ago_delay_nothing():
    world = made(1)
    for wait in (20.0, 1.7):
        world.code = RAISES
        starts = world.starts
        world.pool.asked(world.now, numbers(world)[0], "lifetime")
        world.run(wait)
        world.code = GOOD
        tried = world.starts - starts
        world.settle()
    assert tried == 2  # at once, and half a second after that had failed


def test_a_worker_that_never_lasts_is_started_less_and_less_often():
    world = made(1)
    for _ in range(8):
        while not world.accepting():
            world.run(0.01)
        world.die(world.accepting()[0], "signal 11", served=False)
    before = world.starts
    world.run(10.0)
    assert world.starts <= before + 1


def test_delays_double_up_to_a_limit():
    backoff = Backoff()
    delays = [backoff.not_ready() for _ in range(10)]
    assert delays[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert delays[-1] == LONGEST_S
    backoff.worked()
    assert [backoff.crashed(0.1, served=False) for _ in range(3)] == [0.0, 0.0, FIRST_S]
    assert backoff.crashed(0.1, served=True) == 0.0


# --- size -------------------------------------------------------------------------------------------------------------


def test_requests_that_wait_bring_a_worker_and_idleness_takes_it_away():
    world = made(1, 3, threads=2)
    for _ in range(int(10 / GROW_AFTER_S)):
        world.sample(waiting=5)
        world.run(GROW_AFTER_S)
    assert len(numbers(world)) == 3
    for _ in range(int(4 * SHRINK_AFTER_S)):
        world.sample(idle=6)
        world.run(1.0)
    assert numbers(world) == [1]


def test_one_more_and_one_less():
    world = made(2)
    world.pool.resize(world.now, 1)
    world.run(2.0)
    assert numbers(world) == [1, 2, 3]
    world.pool.resize(world.now, -1)
    world.pool.resize(world.now, -1)
    world.pool.resize(world.now, -1)
    world.settle()
    assert numbers(world) == [1]


def test_paused_it_serves_nobody_until_told():
    world = made(2)
    world.pool.pause(world.now)
    world.settle()
    world.connect("early")
    world.settle()
    assert not world.pool.members
    assert not world.served
    world.pool.reload(world.now)
    world.settle()
    assert world.served == ["early"]
    assert len(numbers(world)) == 2


def test_paused_during_a_reload_it_stays_so():
    world = made(2)
    world.pool.reload(world.now)
    world.pool.pause(world.now)
    world.settle()
    assert world.answers == [(1, "")]
    assert not world.pool.members


def test_one_more_during_a_reload_is_one_more_afterwards():
    world = made(2)
    world.reloaded = lambda _serial, _error: world.pool.rules.take_over(Rules(2, 2))
    world.pool.reload(world.now)
    world.pool.resize(world.now, 1)
    world.settle()
    assert len(numbers(world)) == 3


def test_idle_it_has_no_worker_and_the_first_request_starts_one():
    world = made(0, 2, idle_s=5.0)
    world.sample(idle=1, quiet_s=4.0)
    assert len(numbers(world)) == 1
    world.run(5.0)
    world.sample(idle=1, quiet_s=9.0)
    world.settle()
    assert not world.pool.members
    assert world.watching
    world.connect("one")
    world.settle()
    assert world.served == ["one"]
    assert world.starts == 2
    assert not world.watching


def test_an_idle_service_sees_at_a_reload_whether_the_code_works():
    world = made(0, 2, idle_s=5.0)
    world.run(6.0)
    world.sample(idle=1, quiet_s=9.0)
    world.settle()
    world.code = RAISES
    world.pool.reload(world.now)
    world.settle()
    assert world.answers == [(1, "it raised")]
    assert world.watching
    assert world.starts == 2


@pytest.mark.parametrize("seed", range(20))
def test_starts_and_stops_race_and_nobody_is_lost(seed):
    """Requests come just when the last worker is told to go, or has gone, or its successor is starting."""
    world = made(0, 2, seed=seed, idle_s=1.0, drain_s=2.0, grace_s=1.0)
    rounds = 500  # ten thousand in all
    for number in range(rounds):
        world.run(1.0 + world.soon(0.2))
        world.later(world.soon(2.0), lambda number=number: world.connect(str(number)))
        world.later(world.soon(2.0), lambda: world.sample(idle=1, quiet_s=world.chance.choice([0.0, 2.0])))
        assert len(numbers(world)) <= 2
    world.settle()
    assert sorted(world.served, key=int) == [str(number) for number in range(rounds)]


# --- the end ----------------------------------------------------------------------------------------------------------


def test_stop_lets_all_finish_and_ends_once():
    world = made(3, drain_s=5.0, grace_s=1.0)
    world.pool.stop(world.now)
    assert all(member.state.now == DRAINING for member in world.pool.members.values())
    world.run(6.1)
    assert world.ended == [(0, "")]
    assert world.pool.state.now == EXITED


def test_a_worker_that_is_ready_when_its_start_is_to_end_ends_as_soon_as_others():
    world = World(Rules(4, 4, drain_s=0.0, grace_s=9.0), random.Random(1))
    world.late = 1.0
    world.pool.boot(world.now)
    while not world.serving_since:
        world.run(0.01)
    assert len(numbers(world)) < 4
    world.pool.stop(world.now)
    world.run(2.0)
    assert world.ended == [(0, "")]
    assert not any("kill" in process.told for process in world.processes.values())


def test_stop_during_a_reload_ends_that_too():
    world = made(3)
    world.pool.reload(world.now)
    world.pool.reload(world.now)
    world.run(0.01)
    world.pool.stop(world.now, quickly=True)
    world.settle()
    assert world.answers == [(1, NOW_STOPPING), (2, NOW_STOPPING)]
    assert world.ended == [(0, "")]


def test_what_an_older_program_left_running_is_taken_over_and_replaced():
    world = World(Rules(2, 2), random.Random(1))
    for number, state in ((7, RUNNING), (8, RUNNING), (6, DRAINING)):
        world.processes[number] = type(
            "Adopted", (), {"is_alive": True, "accepts": state == RUNNING, "told": [], "member": None, "code": GOOD}
        )()
    world.pool.adopt(world.now, [(6, 1, DRAINING), (7, 2, RUNNING), (8, 2, RUNNING)], "upgrade")
    for number in (6, 7, 8):
        world.processes[number].member = world.pool.members[number]
    world.settle()
    assert world.answers == [(1, "")]
    assert numbers(world) == [9, 10]
    assert {member.generation for member in world.running()} == {3}
    assert world.pool.restarts == {"upgrade": 2}


def test_as_many_as_the_older_program_had_serve_on():
    world = World(Rules(1, 4), random.Random(1))
    adopted = {"is_alive": True, "accepts": True, "member": None, "code": GOOD}
    for number in (1, 2, 3):
        world.processes[number] = type("Adopted", (), {**adopted, "told": []})()
    world.pool.adopt(world.now, [(number, 1, RUNNING) for number in (1, 2, 3)], "upgrade")
    for number in (1, 2, 3):
        world.processes[number].member = world.pool.members[number]
    assert not any(world.processes[number].told for number in (1, 2, 3))
    world.settle()
    assert numbers(world) == [4, 5, 6]


# --- everything at random ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(scaled(25, 2000)))
def test_whatever_happens_it_comes_to_rest_as_it_should(seed):
    chance = random.Random(seed)
    low = chance.randrange(4)
    world = made(low, max(low, 1) + chance.randrange(3), seed=seed, boot_s=3.0, drain_s=2.0, grace_s=1.0, idle_s=3.0)
    asked = []
    acts = [
        lambda: asked.append(world.pool.reload(world.now)),
        lambda: setattr(world, "code", chance.choice([GOOD, GOOD, RAISES, HANGS])),
        lambda: (
            world.die(chance.choice(world.accepting()), "signal 9", served=chance.random() < 0.5)
            if world.accepting()
            else None
        ),
        lambda: world.pool.asked(world.now, chance.randrange(1, world.starts + 2), "lifetime"),
        lambda: world.pool.hangs(world.now, chance.choice(numbers(world)), "heartbeat") if numbers(world) else None,
        lambda: world.pool.resize(world.now, chance.choice([-1, 1])),
        lambda: world.sample(chance.randrange(3), chance.randrange(9), chance.random() * 6),
        lambda: world.connect("somebody"),
        lambda: world.pool.pause(world.now) if chance.random() < 0.1 else None,
    ]
    for _ in range(120):
        world.run(chance.random() * 2)
        chance.choice(acts)()
        world.check()
    world.code = GOOD
    last = world.pool.reload(world.now)
    since = world.now
    world.settle()
    assert [serial for serial, _ in world.answers] == list(range(1, last + 1))
    assert world.answers[-1] == (last, "")
    assert all(world.processes[number].begun >= since for number in numbers(world))
    assert len(numbers(world)) == world.pool.wanted >= 1
    assert not world.clients
    world.pool.stop(world.now, quickly=chance.random() < 0.5)
    world.run(3.1)
    assert world.ended == [(0, "")]
