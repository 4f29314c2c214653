"""What an older program and a newer one in the same process know of the workers between them."""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.bridge import Board
from polydoor.states import DRAINING, RUNNING
from polydoor.supervisor.process import Process
from polydoor.worker.banner import say
from polydoor.worker.channel import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from polydoor.supervisor.run import Supervisor


STATE = "_POLYDOOR_STATE"  # the variable that names the descriptor of a memory file
FORM = 1  # of what is in it; another one for every change


def written(state: Mapping[str, Any]) -> int:
    """A memory file with the state."""
    import json  # only now: most supervisors live and die as they are

    memory = os.memfd_create("polydoor-state")
    os.write(memory, json.dumps({"form": FORM, **state}).encode())
    return memory


def taken_over() -> dict[str, Any] | None:
    """What an older program has handed on to this one; None: nothing, or what this one does not understand."""
    text = os.environ.pop(STATE, "")
    if not text.isdecimal():
        return None
    import json

    with os.fdopen(int(text), "rb") as memory:
        memory.seek(0)
        state: dict[str, Any] = json.loads(memory.read())
    for fd in state["fds"]:
        os.set_inheritable(fd, False)
    if state["form"] == FORM:
        return state
    say("what the older program hands on is not understood by this one, which begins anew", code=codes.UPGRADE_FAILED)
    return None


def kept(supervisor: Supervisor) -> tuple[dict[str, Any], list[int]]:
    """The state for the newer program, and the descriptors that it needs."""
    memory, wakes = supervisor.board.fds
    sockets, making = supervisor.sockets, supervisor.making
    fds = [memory, *wakes, *sockets.all_fds, *making.fds]
    workers = []
    for number, process in supervisor.processes.items():
        member = supervisor.pool.members[number]
        if member.state.now not in (RUNNING, DRAINING):
            continue  # it is about to end, and nobody waits for it
        fds += process.channel.fds
        workers.append(
            {
                "number": number,
                "generation": member.generation,
                "state": member.state.now,
                "pid": process.pid,
                "slot": process.slot,
                "channel": process.channel.fds,
            }
        )
    state = {
        "fds": fds,
        "board": [memory, wakes],
        "handover": making.fds,
        "sockets": sockets.states(),
        "specs": sockets.specs,
        "workers": workers,
    }
    return state, fds


def board_of(state: Mapping[str, Any] | None) -> Board | None:
    """The board of the older program."""
    if not state:
        return None
    memory, wakes = state["board"]
    return Board.adopt(memory, wakes)


def adopted(worker: Mapping[str, Any]) -> Process:
    """A worker of the older program."""
    return Process(worker["number"], worker["slot"], worker["pid"], Channel(*worker["channel"]))
