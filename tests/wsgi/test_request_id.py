"""The request id: in the environ, in the log and nowhere twice."""

from __future__ import annotations

import re

from support.fixtures import PROTOCOLS
from support.server import APPS, Server

ID = re.compile(r"\bid ([0-9a-f]{16})$")


def request_id(door):
    return door.request("GET", "/echo").json()["environ"]["polydoor.request_id"]


def test_every_request_has_an_id_of_its_own(doors):
    seen = [request_id(doors[name]) for name in (*PROTOCOLS, "http-stream") for _ in range(20)]
    assert len(set(seen)) == len(seen)
    assert all(re.fullmatch(r"[0-9a-f]{16}", one) for one in seen), seen


def test_ids_of_two_processes_differ():
    seen = []
    for _ in range(2):
        with Server(f"{APPS}/conformance.py:application") as server:
            seen += [request_id(server.doors[0]) for _ in range(3)]
    assert len(set(seen)) == len(seen)


def test_the_traceback_of_an_application_names_the_request(door, server, key):
    door.request("GET", f"/crash?where=call&key={key}")
    server.log.wait_for(f"PlantedError: {key}")
    before = server.log.text.partition(f"PlantedError: {key}")[0].splitlines()
    head = next(line for line in reversed(before) if "error in the application" in line)
    assert "GET /crash" in head
    assert ID.search(head), head


def test_a_line_of_the_engine_names_the_request(door, server, key):
    """The application gives more than its Content-Length."""
    door.request("GET", f"/lengthy/{key}?length=10&size=16")
    line = server.log.wait_for(f"GET /lengthy/{key}")
    assert ID.search(line), line
