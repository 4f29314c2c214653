"""PEP 3333: how the application is called and its iterable consumed (protocols.md 10.1, P01 to P12)."""

from __future__ import annotations

import random

import pytest

from support.server import APPS, Server, one_each


def test_p01_two_positional_arguments(door):
    assert door.request("GET", "/arguments").json() == [2, []]


def test_p02_environ_is_a_plain_dict(door):
    assert door.request("GET", "/echo").json()["type"] == "dict"


def test_p02_mutations_of_environ_stay_in_their_request(door):
    first = door.request("GET", "/mutate").json()
    for _ in range(8):  # more often than there are threads
        assert door.request("GET", "/mutate").json() == first
    echoed = door.request("GET", "/echo").json()["environ"]
    assert "polydoor_test.stain" not in echoed
    assert "HTTP_STAIN" not in echoed
    assert (echoed["REQUEST_METHOD"], echoed["wsgi.version"]) == ("GET", [1, 0])


KINDS = ["function", "Class", "instance", "bound_method", "partial", "class_method"]


@pytest.mark.parametrize("kind", KINDS)
def test_p03_any_kind_of_callable(kind, tmp_path):
    listeners = one_each(tmp_path)
    with Server(f"{APPS}/callables.py:{kind}", listeners, threads=2) as server:
        for door in server.doors:
            for _ in range(2):
                response = door.request("GET", "/")
                assert (response.status, response.body) == (200, kind.encode()), response.summary()


def test_p04_the_same_object_is_called_again_and_again(door, control, key):
    for _ in range(20):
        assert door.request("GET", f"/echo?key={key}").status == 200
    assert control.notes(key, 20) == ["called"] * 20


def test_p05_each_item_leaves_before_the_next_is_asked_for(door, control, key):
    with door.start("GET", f"/gated?key={key}") as exchange:
        assert exchange.wait_body(b"first "), exchange.response.summary()
        control.open(f"{key}-a")
        assert exchange.wait_body(b"first second "), exchange.response.summary()
        control.open(f"{key}-b")
        response = exchange.finish()
    assert (response.body, response.complete) == (b"first second third", True)
    assert control.notes(key, 1) == ["closed"]


def test_p06_bytes_arrive_unaltered(door):
    expected = bytes(range(256)) + b"\r" + b"\n\n\r" + b"\r\n" * 1000 + bytes(range(255, -1, -1)) * 300
    response = door.request("GET", "/bytewise")
    assert response.complete
    assert response.body == expected


def test_p06_a_body_travels_both_ways_unaltered(door):
    body = random.Random(3333).randbytes(300_000)
    response = door.request("POST", "/mirror", [], body)
    assert response.complete
    assert response.body == body


def test_p07_only_the_iterable_protocol_is_asked_of_the_result(door, control, key):
    response = door.request("GET", f"/watched?key={key}")
    assert (response.body, response.complete) == (b"watched", True)
    allowed = {"__len__", "__iter__", "__class__", "close"}
    assert set(control.notes(key)) <= allowed


def test_p07_a_len_that_raises_is_no_length(door):
    response = door.request("GET", "/kind?kind=unsized")
    assert (response.status, response.body, response.complete) == (200, b"unsized", True)


def close_once(control, key):
    """close() has been called, and not again by the time other requests have been served."""
    assert control.notes(key, 1) == ["closed"]
    assert control.notes(key) == ["closed"]


def test_p08_close_once_after_success(door, control, key):
    assert door.request("GET", f"/closing?key={key}").body == b"block"
    close_once(control, key)


@pytest.mark.parametrize("how", ["raise-first", "raise-later"])
def test_p08_close_once_after_an_exception_in_iteration(door, control, key, how):
    response = door.request("GET", f"/closing?key={key}&how={how}")
    assert (response.status == 500) if how == "raise-first" else not response.complete, response.summary()
    close_once(control, key)


def test_p08_close_once_after_the_client_has_left(door, control, key):
    with door.start("GET", f"/endless?key={key}") as exchange:
        assert exchange.wait(lambda: len(exchange.response.body) >= 8192)
    close_once(control, key)


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_p08_close_once_when_the_status_has_no_body(door, control, key, status):
    response = door.request("GET", f"/closing?key={key}&status={status.replace(' ', '%20')}")
    assert (response.status, response.body, response.complete) == (int(status[:3]), b"", True)
    close_once(control, key)


def test_p08_close_once_on_head(door, control, key):
    response = door.request("HEAD", f"/closing?key={key}")
    assert (response.status, response.body, response.complete) == (200, b"", True)
    close_once(control, key)


def test_p08_close_once_when_the_server_stops_at_the_length(door, control, key):
    response = door.request("GET", f"/endless?key={key}&length=10000")
    assert (response.body, response.complete) == (b"x" * 10000, True)
    close_once(control, key)


def test_p08_a_close_that_raises_harms_nothing_but_the_log(door, control, key, server):
    response = door.request("GET", f"/bad_close?key={key}")
    assert (response.status, response.body, response.complete) == (200, b"whole", True)
    close_once(control, key)
    server.log.wait_for("raised by close")


def test_p09_close_once_when_start_response_was_never_called(door, control, key):
    response = door.request("GET", f"/closing?key={key}&how=silent")
    assert response.status == 500, response.summary()
    close_once(control, key)


def test_p10_start_response_as_late_as_the_first_item(door):
    response = door.request("GET", "/late")
    assert (response.status, response.reason, response.body) == (202, "Late", b"late")
    assert response.header("X-Late") == "yes"


ITERABLES = {
    "generator": b"generator",
    "empty-list": b"",
    "empty-bytes": b"",
    "list": b"list",
    "tuple": b"tuple",
    "iterator": b"iterator",
    "set": b"set",
    "dict": b"dict",
    "map": b"MAP",
    "custom": b"custom",
    "getitem": b"old",
}


@pytest.mark.parametrize("kind", sorted(ITERABLES))
def test_p11_any_kind_of_iterable(door, kind):
    response = door.request("GET", f"/kind?kind={kind}")
    assert (response.status, response.body, response.complete) == (200, ITERABLES[kind], True)


@pytest.mark.parametrize("item", ["str", "none", "int", "list", "empty-str"])
def test_p12_an_item_that_is_not_bytes_is_an_error(door, control, key, item):
    response = door.request("GET", f"/not_bytes?item={item}&first=yes&key={key}")
    assert response.status == 500, response.summary()
    assert b"text" not in response.body
    close_once(control, key)


@pytest.mark.parametrize("item", ["str", "none", "int"])
def test_p12_an_item_that_is_not_bytes_breaks_a_begun_response(door, control, key, item):
    response = door.request("GET", f"/not_bytes?item={item}&first=no&key={key}")
    assert (response.status, response.body, response.complete) == (200, b"good", False)
    close_once(control, key)


def test_p12_no_iterable_at_all_is_an_error(door):
    assert door.request("GET", "/returns_none").status == 500
