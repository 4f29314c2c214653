"""What an older program and a newer one in the same process know of the workers between them."""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.bridge import BOARD_VERSION, Board
from polydoor.errors import BootError
from polydoor.states import DRAINING, RUNNING
from polydoor.supervisor.process import Process
from polydoor.worker.channel import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from polydoor.supervisor.run import Supervisor


STATE = "_POLYDOOR_STATE"  # the variable that names the descriptor of a memory file
FORM = f"2.{BOARD_VERSION}"  # of what is in it; another one for every change


def written(state: Mapping[str, Any]) -> int:
    """A memory file with the state."""
    import json  # only now: most supervisors live and die as they are

    memory = os.memfd_create("polydoor-state")
    os.write(memory, json.dumps({"form": FORM, **state}).encode())
    return memory


def taken_over() -> dict[str, Any] | None:
    """What an older program has handed on to this one, if there is such a one; BootError: this one cannot read it."""
    text = os.environ.pop(STATE, "")
    if not text.isdecimal():
        return None
    import json

    with os.fdopen(int(text), "rb") as memory:
        memory.seek(0)
        state: dict[str, Any] = json.loads(memory.read())
    for fd in state["fds"]:
        os.set_inheritable(fd, False)
    check_form(state["form"])  # the trial has seen to that, unless the program was replaced once more behind it
    return state


def check_form(form: str) -> None:
    """Look whether what a running server would hand on is what this program understands, or raise BootError."""
    if form != FORM:
        raise BootError(
            "this version of Polydoor cannot take over the workers of the running server, which is of another one\n"
            "Restart the server to run this version.",
            code=codes.UPGRADE_FAILED,
        )


def kept(supervisor: Supervisor) -> tuple[dict[str, Any], list[int]]:
    """The state for the newer program, and the descriptors that it needs."""
    memory, wakes = supervisor.board.fds
    sockets, making, control = supervisor.sockets, supervisor.making, supervisor.control
    fds = [memory, *wakes, *sockets.all_fds, *making.fds, *control.fds]
    workers = []
    for number, process in supervisor.processes.items():
        member = supervisor.pool.members[number]
        if not (member.is_running or member.may_drain):
            continue  # it is about to end, and nobody waits for it
        fds += process.channel.fds
        workers.append(
            {
                "number": number,
                "generation": member.generation,
                "state": RUNNING if member.is_running else DRAINING,
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
        "control": control.state(),
        "workers": workers,
    }
    return state, fds


def board_of(state: Mapping[str, Any] | None) -> Board | None:
    """The board of the older program."""
    if not state:
        return None
    return Board.adopt(*state["board"])


def adopted(worker: Mapping[str, Any]) -> Process:
    """A worker of the older program."""
    return Process(worker["number"], worker["slot"], worker["pid"], Channel(*worker["channel"]))
