"""Sockets and boards that a process makes for its workers, and hands on to the next program that it executes."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys

import pytest

from polydoor.bridge import Board, Bound, bind
from polydoor.settings.listener import parse_listener

# Adopts what it is given, and goes on when a line comes.
SUCCESSOR = """
import json, sys
from polydoor.bridge import Bound
bound = Bound.adopt(json.loads(sys.argv[1]))
print(bound.name, flush=True)
sys.stdin.readline()
bound.close()
"""
FORKER = """
import json, os, sys
from polydoor.bridge import bind
from polydoor.settings.listener import parse_listener
bound = bind(parse_listener(sys.argv[1]), 16)
if not os.fork():
    bound.leave()
    bound.close()
    os._exit(0)
os.wait()
for fd in bound.fds:
    os.set_inheritable(fd, True)
os.execv(sys.executable, [sys.executable, "-c", sys.argv[2], json.dumps(bound.state())])
"""


def refusal(url):
    with pytest.raises(OSError, match="PD0201") as caught:
        bind(parse_listener(url), 16)
    return str(caught.value)


def test_a_path_is_guarded_across_fork_and_exec_until_its_process_closes_it(tmp_path):
    url = f"http+unix:{tmp_path}/s?mode=0600"
    command = [sys.executable, "-c", FORKER, url, SUCCESSOR]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == f"http+unix:{tmp_path}/s\n"
        assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
        assert "another server holds" in refusal(url)
        assert process.communicate("\n")[0] == ""
        assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_path_whose_process_was_killed_is_taken_over(tmp_path):
    url = f"http+unix:{tmp_path}/s"
    command = [sys.executable, "-c", FORKER, url, SUCCESSOR]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline()
        process.kill()
    bound = bind(parse_listener(url), 16)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(f"{tmp_path}/s")
    bound.close()
    assert bound.fd == -1
    assert list(tmp_path.iterdir()) == []


def test_a_port_is_bound_once(tmp_path):
    bound = bind(parse_listener("fastcgi://127.0.0.1:0"), 16)
    assert re.fullmatch(r"fastcgi://127\.0\.0\.1:\d+", bound.name)
    assert bound.fds == (bound.fd,)
    assert "in use" in refusal(bound.name)
    again = Bound.adopt(json.loads(json.dumps(bound.state())))
    assert (again.fd, again.name, os.get_inheritable(again.fd)) == (bound.fd, bound.name, False)
    bound.close()


def test_nobody_connects_to_a_socket_that_refuses(tmp_path):
    bound = bind(parse_listener(f"scgi+unix:{tmp_path}/s"), 16)
    with socket.socket(socket.AF_UNIX) as early, socket.socket(socket.AF_UNIX) as late:
        early.connect(f"{tmp_path}/s")
        held = os.open(tmp_path, os.O_PATH)
        bound.refuse()
        with pytest.raises(FileNotFoundError):
            late.connect(f"{tmp_path}/s")
        os.close(held)
    bound.close()


def test_a_socket_that_was_given_is_nobodys_to_refuse():
    with socket.create_server(("127.0.0.1", 0)) as given:
        bound = bind(parse_listener(f"fd://{os.dup(given.fileno())}?protocol=ajp&secret=env:NONE"), 16)
        assert bound.name == f"ajp://127.0.0.1:{given.getsockname()[1]}"
        bound.refuse()
        socket.create_connection(given.getsockname()).close()
        bound.close()


# --- the board --------------------------------------------------------------------------------------------------------


def test_a_board_is_read_by_whoever_has_its_descriptors():
    board = Board(3)
    memory, wakes = board.fds
    copy = Board.adopt(os.dup(memory), [os.dup(fd) for fd in wakes])
    board.beat(1)
    assert [copy.read(slot)["beats"] for slot in range(copy.slots)] == [0, 1, 0]
    assert (copy.read(1)["state"], copy.watcher) == ("away", None)
    copy.clear(1)
    assert board.read(1)["beats"] == 0
    assert [os.eventfd_read(fd) for fd in wakes] == [1, 1, 1]
    assert not any(map(os.get_inheritable, (memory, *wakes)))


def test_what_is_no_board_of_this_version_is_refused():
    other = os.memfd_create("other")
    os.write(other, bytes(4096))
    with pytest.raises(ValueError, match="another version"):
        Board.adopt(other, [])
    board = Board(2)
    memory, wakes = board.fds
    with pytest.raises(ValueError, match="another version"):
        Board.adopt(os.dup(memory), [os.dup(wakes[0])])
    for slots in (0, 5000):
        with pytest.raises(ValueError, match="cannot have"):
            Board(slots)
    for call in (board.read, board.clear, board.beat):
        with pytest.raises(IndexError):
            call(2)
