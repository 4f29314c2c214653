"""Interrupts the application in requests past their time limit, and says where it was.

Imported when the first request is.
"""

from __future__ import annotations

import sys
import time

from polydoor import codes
from polydoor.errors import RequestTimeout
from polydoor.failures import clean
from polydoor.states import DRAINING, RUNNING
from polydoor.worker.banner import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    from polydoor.worker.serve import Worker

INTERRUPTED = 5  # exit status
AGAIN_S = 0.5  # between attempts at a request that goes on
BOTTOM = "in Worker.boot.<locals>.<lambda>"  # what calls the bridge
CALLS = 60  # of a stack that are shown, the innermost ones
GRACE_S = 1.0  # for an interrupted thread, when nobody else is waited for


def look_after(worker: Worker) -> None:
    """Interrupt what is overdue. A process in which that was done finishes its other requests and ends."""
    now = time.monotonic()
    may_repeat = now >= worker.tried + AGAIN_S
    if may_repeat:
        worker.tried = now
    found = worker.engine.interrupt_overdue(RequestTimeout, stack_of, may_repeat)
    for request, stack in found:
        say(
            f"the application is interrupted in a request that took longer than request-timeout: {request}",
            *stack.split("\n"),
            code=codes.REQUEST_INTERRUPTED,
        )
    if found and not worker.daemon:
        end(worker)
    left = len(worker.threads) - len(worker.ended)
    if worker.state.now == DRAINING and left <= worker.engine.stats()["overdue"]:
        worker.deadline = min(worker.deadline, now + GRACE_S)


def end(worker: Worker) -> None:
    """What the exception has left behind nobody knows: further requests are for another process."""
    if worker.state.now == RUNNING and worker.is_replaced("request-timeout"):
        return
    if not worker.stopped_by:  # else nobody is to start another one
        worker.status = INTERRUPTED
    if worker.state.now != RUNNING:
        return
    drain_ms = worker.settings.number("drain_timeout")
    say(
        f"a request was interrupted: finishing the others, for at most {drain_ms / 1000:g} s, then ending",
        "What started this process should start another one.",
        code=codes.ENDING_AFTER_TIMEOUT,
    )
    worker.drain(drain_ms)


def stack_of(ident: int) -> str:
    """The stack of a thread: file, line and function of each call, without our own. Never empty, never raises."""
    try:
        frame = sys._current_frames().get(ident)  # noqa: SLF001 - documented, "for internal and specialized purposes"
        lines: list[str] = []
        while frame is not None:
            lines.append(_line(frame))
            frame = frame.f_back
        return "\n".join(reversed(_shown(lines))) or "(nothing but C)"
    except BaseException as error:
        return f"(cannot be shown: {type(error).__name__})"


def _shown(lines: list[str]) -> list[str]:
    """The calls, innermost first, without what stands below our own: there every thread of the server looks alike."""
    own = [index for index, line in enumerate(lines) if line.endswith(BOTTOM)]
    shown = lines[: own[0]] if own else lines
    return shown if len(shown) <= CALLS else [*shown[:CALLS], f"({len(shown) - CALLS} calls more)"]


def _line(frame: FrameType) -> str:
    code = frame.f_code
    return clean(f'File "{code.co_filename}", line {frame.f_lineno}, in {code.co_qualname}').replace("\n", " ")
