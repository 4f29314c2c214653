"""Descriptors and the application: a child that it forks has copies of all, and it may close what is not its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal

import pytest

from support.server import Server, one_each

APP = """
import os, signal

def fork():
    child = os.fork()
    if child == 0:
        os.closerange(0, 3)
        while True:
            signal.pause()
    return child

def app(environ, start_response):
    child = fork() if "child" in environ["QUERY_STRING"] else 0
    start_response("200 OK", [])
    yield b"<%d>" % child
    if environ["PATH_INFO"] == "/breaks":
        raise LookupError("in the middle")
"""


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    folder = tmp_path_factory.mktemp("children")
    (folder / "shop.py").write_text(APP, encoding="utf-8")
    with Server(f"{folder}/shop.py:app", one_each(folder), env={"PYTHONWARNINGS": "ignore"}) as server:
        yield server


def end_of(door, target):
    """How a connection ends behind its one response, while the child that was forked for it lives."""
    headers = [("Connection", "close")] if door.name == "http" else []
    child = 0
    with door.exchange("GET", 0) as opened:
        opened.wire.send(door.head("GET", target, headers, 0) + opened.tail())
        try:
            data = opened.wire.recv_all()
            (child,) = map(int, re.findall(rb"<(\d+)>", data))
            return opened.wire.ended, bool(child)
        finally:
            if child:
                os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("path", ["/", "/breaks"])
@pytest.mark.parametrize("protocol", ["http", "fastcgi", "scgi", "uwsgi"])
def test_a_connection_ends_as_if_no_child_had_it(serving, protocol, path):
    door = serving.door(protocol)
    ended, _ = end_of(door, path)
    assert end_of(door, f"{path}?child") == (ended, True)


# --- what the application closes --------------------------------------------------------------------------------------

CLOSES = """
import os

def app(environ, start_response):
    os.closerange(3, 1000)
    start_response("200 OK", [])
    return [b"closed"]
"""
TOLD = "PD0116: shop:app closed descriptors that are the server's while it served"


def asked(server):
    """Ask; there may be no answer."""
    with contextlib.suppress(OSError), server.doors[0].start("GET", "/") as opened:
        opened.wire.recv_all()


@pytest.mark.parametrize("options", [[], ["-w", "1"]], ids=["alone", "worker"])
def test_who_closes_the_descriptors_of_the_server_is_told(tmp_path, options):
    (tmp_path / "shop.py").write_text(CLOSES, encoding="utf-8")
    with Server("shop:app", options=options, cwd=tmp_path) as server:
        asked(server)
        server.log.wait_for(TOLD)
        if not options:
            server.wait(status=1)
    assert "PD0307" not in server.log.text
