"""Starts, idle exits, stops, stubs killed anywhere, and requests: nothing is lost, and there is one daemon at most."""

from __future__ import annotations

import collections
import subprocess

import pytest

from support import cbuild
from support import stub as stubs
from support.scale import scaled
from support.stub import Site

JOBS = 4


@pytest.mark.scaled
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2])
def test_races_lose_nothing_and_never_make_two_daemons(tmp_path, seed):
    """10 000 in any case, in two runs; in `make soak` 200 000."""
    requests = scaled(5_000, 100_000)
    needed = ("base/sys", "loop/gate")
    sources = [cbuild.ROOT / "tests" / "core" / "race.c", *(cbuild.ROOT / "core" / f"{name}.c" for name in needed)]
    race = cbuild.build("race", sources, stubs.RELEASE)
    site = Site(tmp_path, stubs.released())
    site.living("STANDIN_IDLE_MS=1")
    site.ask()
    try:
        ran = subprocess.run(
            [race, site.stub, site.lock, str(requests), str(JOBS), str(seed)],
            env=stubs.FOUND | {name: value for name, value in stubs.REQUEST.items() if name != "QUERY_STRING"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        site.kill()
    came = collections.defaultdict(list)
    for line in ran.stdout.splitlines():
        kind, _, rest = line.partition(" ")
        came[kind].append(rest)
    print({kind: len(lines) for kind, lines in came.items()}, "daemons:", len({x.split()[1] for x in came["daemon"]}))
    assert (ran.returncode, came["lost"]) == (0, []), ran.stderr[-2000:]
    assert site.alone.read_text() == ""  # never two daemons, nor one without its byte

    called = collections.Counter(map(int, site.journal.read_text().split()))
    answered = [int(text.split()[0]) for text in came["daemon"]]
    by_cgi = [int(text.split()[0]) for text in came["cgi"]]
    killed = [int(text) for text in came["killed"]]
    assert sorted([*answered, *by_cgi, *killed]) == list(range(requests))
    assert [number for number in answered if called[number] != 1] == []
    assert [number for number in by_cgi if called[number]] == []  # not by the daemon as well
    assert max(called.values()) == 1
    assert len({text.split()[1] for text in came["daemon"]}) > requests // 1000  # they did start and leave
    assert min(len(killed), len(came["stopped"])) > requests // 1000
