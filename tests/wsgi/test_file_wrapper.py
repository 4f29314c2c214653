"""PEP 3333: wsgi.file_wrapper (protocols.md 10.6, F01 to F08)."""

from __future__ import annotations

import hashlib

import pytest

from support.memory import descriptors
from support.waiting import eventually

CONTENT = bytes(range(256)) * 1024


def closed_once(control, key):
    assert control.notes(key, 1) == ["closed"]
    assert control.notes(key) == ["closed"]


@pytest.mark.parametrize("block", ["", "&block=1000", "&block=1048576"])
@pytest.mark.parametrize("kind", ["real", "noted"])
def test_f01_called_with_or_without_a_block_size(door, key, kind, block):
    response = door.request("GET", f"/file?kind={kind}&key={key}{block}")
    assert (response.status, response.complete) == (200, True)
    assert response.body == CONTENT


def test_f02_an_iterable_that_sends_nothing_by_itself(door, control, key):
    response = door.request("GET", f"/file_unused?key={key}")
    assert (response.body, response.complete) == (b"other TrueTrue", True)
    closed_once(control, key)


@pytest.mark.parametrize("kind", ["real", "noted"])
def test_f03_the_file_is_closed_once(door, control, key, kind):
    door.request("GET", f"/file?kind={kind}&key={key}")
    closed_once(control, key)


def test_f03_the_file_is_closed_when_the_client_leaves(door, control, key):
    with door.start("GET", f"/file_large?size=1000000000&key={key}") as exchange:
        assert exchange.wait(lambda: len(exchange.response.body) > 0)
    closed_once(control, key)


def test_f03_a_file_without_close(door, key):
    assert door.request("GET", f"/file?kind=only-read&key={key}").body == CONTENT


def test_f03_no_descriptor_stays_open(door, key, server):
    door.request("GET", f"/file?key={key}")
    before = descriptors(server.pid)
    for _ in range(10):
        assert door.request("GET", f"/file?key={key}").body == CONTENT
    assert eventually(lambda: descriptors(server.pid) <= before)


@pytest.mark.parametrize("kind", ["noted", "only-read", "bytesio"])
def test_f04_objects_without_fileno_are_read(door, key, kind):
    response = door.request("GET", f"/file?kind={kind}&key={key}")
    assert (response.body, response.complete) == (CONTENT, True)


@pytest.mark.parametrize("kind", ["offset", "buffered"])
def test_f05_sending_starts_at_the_current_position(door, key, kind):
    response = door.request("GET", f"/file?kind={kind}&key={key}")
    assert (response.body, response.complete) == (CONTENT[1000:], True)


@pytest.mark.parametrize("kind", ["real", "noted", "offset", "buffered"])
def test_f05_sending_ends_at_content_length(door, key, kind):
    response = door.request("GET", f"/file?kind={kind}&key={key}&length=100")
    start = 1000 if kind in ("offset", "buffered") else 0
    assert (response.body, response.complete) == (CONTENT[start : start + 100], True)


@pytest.mark.parametrize(("kind", "size"), [("real", len(CONTENT)), ("offset", len(CONTENT) - 1000), ("empty", 0)])
def test_f06_a_derived_length_is_the_right_one(door, key, kind, size):
    response = door.request("GET", f"/file?kind={kind}&key={key}")
    assert (len(response.body), response.complete) == (size, True)
    assert response.header("Content-Length") in (None, str(size))


def test_f07_middleware_can_iterate_it(door, control, key):
    response = door.request("GET", f"/file_iterated?key={key}")
    assert (response.body, response.complete) == (b"SOME TEXT", True)
    assert control.notes(f"{key}-blocks", 1) == [["SOME", " TEX", "T"]]
    closed_once(control, key)


def test_f07_write_comes_before_the_file(door, control, key):
    response = door.request("GET", f"/file_replaced?key={key}")
    assert (response.body, response.complete) == (b"before the file", True)
    closed_once(control, key)


@pytest.mark.parametrize(("length", "body"), [("", b"before the file"), ("10", b"before the")])
def test_f07_a_plain_file_behind_write_is_counted_and_framed(door, length, body):
    response = door.request("GET", f"/file_behind_write?length={length}")
    assert (response.body, response.complete) == (body, True)


def test_f08_a_text_file_is_an_error(door, key):
    response = door.request("GET", f"/file?kind=text&key={key}")
    assert response.status == 500 or not response.complete, response.summary()


@pytest.mark.parametrize("kind", ["bad-fileno", "wrong-fileno"])
def test_f08_a_fileno_that_does_not_work_is_ignored(door, key, kind):
    response = door.request("GET", f"/file?kind={kind}&key={key}")
    assert (response.body, response.complete) == (CONTENT, True)


def test_f08_a_pipe(door, key):
    response = door.request("GET", f"/file?kind=pipe&key={key}")
    assert (response.body, response.complete) == (CONTENT, True)


def test_f08_a_growing_file_is_cut_at_the_length(door, control, key):
    response = door.request("GET", f"/file_growing?key={key}")
    assert (response.body, response.complete) == (CONTENT, True)
    closed_once(control, key)


def test_f08_a_shrinking_file_is_a_visible_break(door, control, key):
    response = door.request("GET", f"/file_shrinking?key={key}")
    assert not response.complete or response.status == 500, response.summary()
    assert CONTENT.startswith(response.body) or response.status == 500
    closed_once(control, key)


@pytest.mark.parametrize("kind", ["real", "noted"])
def test_f08_head_sends_no_byte_of_the_file(door, control, key, kind):
    response = door.request("HEAD", f"/file?kind={kind}&key={key}")
    assert (response.status, response.body, response.complete) == (200, b"", True)
    closed_once(control, key)


@pytest.mark.parametrize("status", ["304%20Not%20Modified", "204%20No%20Content"])
def test_f08_a_status_without_body_sends_no_byte_of_the_file(door, control, key, status):
    response = door.request("GET", f"/file?key={key}&status={status}")
    assert (response.status, response.body, response.complete) == (int(status[:3]), b"", True)
    closed_once(control, key)


def test_f08_an_empty_file(door, control, key):
    response = door.request("GET", f"/file?kind=empty&key={key}")
    assert (response.status, response.body, response.complete) == (200, b"", True)
    closed_once(control, key)


def test_f08_a_large_file_is_whole(door, key):
    size = 20_000_003
    response = door.request("GET", f"/file_large?size={size}&key={key}")
    assert (len(response.body), response.complete) == (size, True)
    assert hashlib.sha256(response.body).digest() == hashlib.sha256(bytes(size)).digest()


def test_f08_content_sizes_agree(door):
    assert door.request("GET", "/file_size").json() == len(CONTENT)
