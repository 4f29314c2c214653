"""Reloads and recycling under load, straight and behind front ends: `pytest -s` prints the figures.

No client asks twice, and nginx has its next_upstream off: what fails once has failed.
"""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from interop.apache import Apache
from interop.nginx import Nginx
from peers.door import HttpDoor
from support.pool_load import Load, quantiles
from support.pool_server import GOOD, PoolServer
from support.scale import scaled

SECRET = "secret-of-the-reloads"
RELOADS = scaled(2, 20)
PAUSE_S = scaled(300, 5000) / 1000
SLOW = f"import time\ntime.sleep({scaled(200, 1000) / 1000})\n{GOOD}"  # to import
WORK_S = 0.01
NORMAL = scaled(300, 1500)  # requests before something happens
RECYCLED = scaled(3, 50)
WAYS = [
    "new",
    "kept",
    pytest.param("nginx", marks=pytest.mark.frontend("nginx")),
    pytest.param("apache", marks=pytest.mark.frontend("apache")),
]
LISTENERS = {"nginx": "fastcgi://127.0.0.1:0", "apache": "ajp://127.0.0.1:0?secret=env:AJP_SECRET"}

pytestmark = [pytest.mark.scaled, pytest.mark.timeout(1200)]


def front(folder, way, server):
    """What stands between, if anything does, and the door for clients."""
    (door,) = server.doors
    if way == "nginx":
        running = Nginx(folder / "n", "fastcgi", door.address, keep=True, more="fastcgi_next_upstream off;")
    elif way == "apache":
        (folder / "a").mkdir()
        running = Apache(folder / "a", "mod_proxy_ajp", door.address, SECRET)
    else:
        return nullcontext(), door
    return running, HttpDoor(("127.0.0.1", running.port), ("shop.example", running.port))


def tell(what, normal, meanwhile):
    """The figures of both times."""
    allowed = max(2 * quantiles(normal)[2], 50.0)
    for when, records in (("normal", normal), (what, meanwhile)):
        half, most, longest = quantiles(records)
        print(f"{when}: {len(records)} requests, median {half:.1f} ms, 99 % {most:.1f}, longest {longest:.1f}")
    print(f"the longest should be at most {allowed:.1f} ms")


@pytest.mark.parametrize("way", WAYS)
def test_reloads_under_load_lose_nothing(tmp_path, way):
    listeners = [LISTENERS.get(way, "http://127.0.0.1:0")]
    with PoolServer(tmp_path, listeners, threads=4, code=SLOW, env={"AJP_SECRET": SECRET}) as server:
        running, door = front(tmp_path, way, server)
        with running, Load(server.history, [door], new=way != "kept", pause=PAUSE_S, sleep=WORK_S) as load:
            load.wait(NORMAL)
            before = len(load.records)
            for _ in range(RELOADS):
                server.reload()
            load.wait(20)
        tell(f"{RELOADS} reloads, {way}", load.records[:before], load.records[before:])
    server.history.judge()


def test_recycling_under_load_loses_nothing(tmp_path):
    figures = []
    for number, options in enumerate(([], ["--max-requests", "300"])):
        folder = tmp_path / str(number)
        folder.mkdir()
        with PoolServer(folder, threads=4, options=options, code=SLOW) as server:
            with Load(server.history, server.doors, new=True, sleep=WORK_S) as load:
                load.wait(NORMAL)
                for _ in range(RECYCLED if options else 0):
                    told = server.log.text.count("PD0350")
                    assert server.log.wait_until(lambda _, told=told: server.log.text.count("PD0350") > told)
            figures.append(load.records)
        server.history.judge()
    tell(f"{RECYCLED} workers replaced by max-requests 300", *figures)
