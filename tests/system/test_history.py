"""The history check against a server: every way of asking, over each protocol."""

from __future__ import annotations

from peers.kept import KEPT, keep
from support.history import HISTORY_APP, History, left
from support.server import Server, one_each


def test_what_is_served_over_each_protocol_is_in_order(tmp_path):
    history = History(tmp_path)
    with Server(HISTORY_APP, one_each(tmp_path), threads=4, env=history.env) as server:
        asked = [history.start(door, b"x" * 20_000, size=5000, sleep=0.05) for door in server.doors]
        assert [one.finish().outcome for one in asked] == ["served"] * len(server.doors)
        for door in server.doors:
            history.ask(door, size=3)
            with keep(door) as kept:
                records = [history.ask_kept(kept, b"body" * turn) for turn in range(3 if door.name in KEPT else 1)]
                assert (records[-1].turn, kept.turns) == (len(records) - 1, len(records))
                assert kept.may_reuse is (door.name in KEPT)
            history.start(door, sleep=0.2).leave()
        server.stop()
    verdict = history.judge(left("went away", at_least=5, at_most=5))
    assert verdict.served == 5 + 5 + 3 * 3 + 2
