"""x-wsgiorg.fdevent: an application waits for a descriptor without a thread (docs/internals/suspended.md)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from support.fixtures import PROTOCOLS
from support.server import APPS, Server, one_each
from support.waits import Waits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peers.door import Door

APP = f"{APPS}/fdevent_apps.py:application"
WRITABLE = "x-wsgiorg.fdevent.writable"


@pytest.fixture(scope="module")
def fdevent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that leave it as it was; two threads."""
    with Server(APP, one_each(tmp_path_factory.mktemp("fdevent")), threads=2) as server:
        yield server


@pytest.fixture
def control(fdevent: Server) -> Waits:
    return Waits(fdevent.door("http"))


@pytest.fixture(params=PROTOCOLS)
def door(request: pytest.FixtureRequest, fdevent: Server) -> Door:
    return fdevent.door(request.param)


@pytest.fixture
def http(fdevent: Server) -> Door:
    return fdevent.door("http")


def test_f01_the_three_are_in_every_environ(door):
    assert door.request("GET", "/keys").json() == [True, True, False]


def test_f02_wrong_calls_raise_at_once(door):
    wrong = ["TypeError"] * 6 + ["ValueError"] * 3 + ["TypeError"]
    assert door.request("GET", "/refused").json() == wrong


@pytest.mark.parametrize("kind", ["int", "socket", "object"])
def test_f03_any_form_of_descriptor(door, control, key, kind):
    with door.start("GET", f"/once?key={key}&kind={kind}") as exchange:
        assert control.notes(key, 1) == ["waiting"]
        assert not exchange.is_answered(0)
        control.poke(key)
        answer = exchange.finish().json()
    assert (answer["result"], answer["timeout"]) == ("b''", False)
    assert control.notes(key, 2) == ["waiting", "closed"]


@pytest.mark.parametrize("timeout", ["None", "600", "1e30", "inf"])
def test_f04_time_that_is_not_up_is_not_true(door, control, key, timeout):
    with door.start("GET", f"/once?key={key}&timeout={timeout}") as exchange:
        control.notes(key, 1)
        control.poke(key)
        assert exchange.finish().json()["timeout"] is False


@pytest.mark.parametrize("timeout", [0.0, 0.001, 0.1])
def test_f05_the_time_is_up(door, key, timeout):
    answer = door.request("GET", f"/once?key={key}&timeout={timeout}").json()
    assert answer["timeout"] is True
    assert answer["took"] >= timeout
    print(f"{answer['took'] - timeout:.4f} s late")


def test_f06_a_direction_of_its_own(door, control, key):
    answer = door.request("GET", f"/once?key={key}&way={WRITABLE}").json()
    assert answer["timeout"] is False  # there is room
    with door.start("GET", f"/once?key={key}-full&way={WRITABLE}&full=1") as exchange:
        control.notes(f"{key}-full", 1)
        control.poke(f"{key}-full")  # something to read is not what it waits for
        assert door.request("GET", f"/once?key={key}-full&timeout=0").json()["timeout"] is False
        assert not exchange.is_answered(0)
        control.ask(f"/drain?key={key}-full")
        assert exchange.finish().json()["timeout"] is False


def test_f07_files_and_bad_descriptors_are_ready(door, key):
    assert door.request("GET", f"/odd?key={key}").json() == [False] * 6


def test_f07_an_epoll_set_is_a_descriptor(door, control, key):
    with door.start("GET", f"/nested?key={key}&count=3") as exchange:
        control.notes(key, 1)
        assert not exchange.is_answered(0)
        control.poke(key)
        assert exchange.finish().json() == [False, 1]


def test_f07_sets_that_are_nested_deeper_than_the_kernel_takes_are_ready_and_logged(http, fdevent, key):
    assert http.request("GET", f"/nested?key={key}&count=4").json() == [False, 0]
    fdevent.log.wait_for("PD0414")


def test_f08_one_wait_for_each_empty_string_before_and_behind_the_head(door, control, key):
    with door.start("GET", f"/often?key={key}") as exchange:
        for count in range(1, 9):
            assert control.notes(key, count) == ["waiting"] * count
            assert bool(exchange.response.body) or not exchange.is_answered(0) or count > 4
            control.poke(key)
        response = exchange.finish()
    assert (response.status, response.body, response.complete) == (202, b"head !!!!!!!!", True)


def test_f09_empty_strings_do_not_send_the_head(door, key):
    response = door.request("GET", f"/late?key={key}")
    assert (response.status, response.body) == (504, b"late")


@pytest.mark.parametrize("way", ["twice", "full", "kept"])
def test_f10_what_the_extension_leaves_undefined_is_an_error(door, fdevent, control, key, way):
    assert door.request("GET", f"/{way}?key={key}").status == 500
    words = {"twice": "a second time", "full": "something other", "kept": "was not yielded"}
    fdevent.log.wait_for(words[way])
    assert control.notes(key, 1) == ["closed"]


def test_f10_a_file_is_not_the_empty_string(door, key):
    assert door.request("GET", f"/wrapped?key={key}").status == 500


def test_f11_any_number_of_requests_wait_for_one_descriptor_in_both_directions(door, control, key):
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(door.start("GET", f"/once?key={key}&way={WRITABLE}&full=1")) for _ in range(4)]
        control.notes(key, 4)
        readers = [stack.enter_context(door.start("GET", f"/once?key={key}")) for _ in range(4)]
        control.notes(key, 8)
        control.poke(key)
        assert [exchange.finish().json()["timeout"] for exchange in readers] == [False] * 4
        assert not any(exchange.is_answered(0) for exchange in writers)
        control.ask(f"/drain?key={key}")
        assert [exchange.finish().json()["timeout"] for exchange in writers] == [False] * 4


def test_f12_middleware_may_copy_the_environ_and_change_blocks_but_passes_empty_ones(door, key):
    response = door.request("GET", f"/once?key={key}&timeout=0&through=copying")
    assert b'"TIMEOUT": TRUE' in response.body, response.summary()


@pytest.mark.parametrize("through", ["collecting", "dropping"])
def test_f13_middleware_that_keeps_empty_strings_breaks_it(http, fdevent, key, through):
    assert http.request("GET", f"/once?key={key}&timeout=60&through={through}").status == 500
    fdevent.log.wait_for("no middleware may keep or drop it")


def test_f14_an_error_behind_a_wait_is_as_any_other(door, control, key):
    with door.start("GET", f"/fails?key={key}") as early, door.start("GET", f"/fails?key={key}&begun=1") as late:
        assert late.wait_body(b"begun")
        control.poke(key)
        assert early.finish().status == 500
        broken = late.finish()
    assert not broken.complete, broken.summary()
    assert control.notes(key, 2) == ["closed", "closed"]


@pytest.mark.parametrize("begun", ["", "1"])
def test_f15_a_client_that_leaves_ends_the_wait(door, control, key, begun):
    with door.start("GET", f"/forever?key={key}&begun={begun}"):
        control.notes(key, 1)
    assert control.notes(key, 4) == ["waiting", "exit", True, "closed"]


def test_f16_one_thread_and_one_context_from_the_first_call_to_the_last(door, control, key):
    with contextlib.ExitStack() as stack:
        names = [f"{key}-{i}" for i in range(6)]
        all_of_them = [stack.enter_context(door.start("GET", f"/context?key={name}")) for name in names]
        for count in (1, 2, 3):
            for name in names:
                assert control.notes(name, count) == ["waiting"] * count
                assert door.request("GET", "/bare").json() == "nothing"
                control.poke(name)
        for exchange in all_of_them:
            assert exchange.finish().json() == [True, 1, "nothing"]


def test_f17_waiting_requests_hold_no_thread(door, control, key):
    with contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(door.start("GET", f"/once?key={key}")) for _ in range(10)]
        control.notes(key, 10)
        assert door.request("GET", "/keys").status == 200
        control.poke(key)
        assert [exchange.finish().json()["timeout"] for exchange in waiting] == [False] * 10


def test_f18_the_application_itself_may_call(door, key):
    assert door.request("GET", f"/listed?key={key}").body == b"listed blocks"


def test_f19_other_threads_and_ended_requests_may_not_call(door, control, key):
    errors = door.request("GET", f"/elsewhere?key={key}").json()
    assert "for the thread that runs the request" in errors[0]
    assert "the response has ended" in control.notes(key, 2)[1]


@pytest.mark.parametrize("reuse", ["", "1"])
def test_f20_a_descriptor_that_is_closed_meanwhile_ends_the_wait(http, control, key, reuse):
    with http.start("GET", f"/once?key={key}") as exchange:
        control.notes(key, 1)
        control.ask(f"/shut?key={key}&reuse={reuse}")
        assert exchange.finish().json()["timeout"] is False  # within two seconds or so
