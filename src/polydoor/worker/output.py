"""Both ends of a process: closed standard descriptors, output that nobody takes, and what keeps it from ending."""

from __future__ import annotations

import os
import sys
import threading
import time

from polydoor import codes
from polydoor.errors import AppLoadError, PolydoorError
from polydoor.worker.banner import say
from polydoor.worker.signals import StoppedAtBootError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from polydoor.worker.messages import Messages
    from polydoor.worker.serve import Worker

FLUSH_S = 1.0  # for whoever reads standard output
NAMED = 10  # threads that a message names


def open_standard() -> None:
    """Fill descriptors 0 to 2 if they are closed: no socket of ours may be what somebody takes for standard output."""
    for fd in range(3):
        if not is_open(fd):
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free


def is_open(fd: int) -> bool:
    """Whether a descriptor is one."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def flush_output() -> None:
    """Write what the application has printed, unless that takes long."""

    def flush() -> None:
        try:
            sys.stdout.flush()
        except Exception:  # closed, or whatever the application put in its place
            return

    thread = threading.Thread(target=flush, daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no more threads, and nobody knows how long it would take here
        return
    thread.join(FLUSH_S)


def leave_crashed(messages: Messages, error: BaseException) -> NoReturn:
    """End a process that cannot be ended otherwise, as a thread stays in the application, and say why."""
    import traceback

    try:
        told, code = "something happened in Polydoor that should not be possible; please report it", codes.OWN_DEFECT
        if isinstance(error, PolydoorError):
            told, code = str(error), error.code
        else:
            told += "\n" + "".join(traceback.format_exception(error)).rstrip("\n")
        say(*told.split("\n"), code=code)
        messages.close()
        flush_output()
    finally:
        os._exit(1)


def closed_by(name: str, when: str) -> str:
    """What to tell of an application that has closed what is not its own."""
    return (
        f"{name} closed descriptors that are the server's {when}\n"
        "Let it leave alone what it did not open: os.closerange() is for programs that run on their own."
    )


def check_whole(worker: Worker, name: str) -> None:
    """Raise AppLoadError, if the application has closed the server's descriptors already."""
    if not worker.signals.is_whole():
        raise AppLoadError(closed_by(name, "while it was loaded"), code=codes.DESCRIPTORS_CLOSED)


def fault_of(worker: Worker, error: BaseException) -> BaseException:
    """What to tell of an error: without its descriptors anything can happen to a process, and is not worth telling."""
    if isinstance(error, PolydoorError) or worker.signals.is_whole():
        return error
    worker.messages.forsake()
    text = closed_by(worker.settings.app() or "the application", "while it served")
    return PolydoorError(text, code=codes.DESCRIPTORS_CLOSED)


def say_left(worker: Worker) -> None:
    """Say how many threads do not return from the application."""
    count = len(worker.threads)
    text = f"{count - len(worker.ended)} of {count} threads are still in the application; leaving without them"
    say(text, "Give what the application waits for a timeout, or raise --drain-timeout.", code=codes.THREADS_LEFT)


def end_by(deadline: float, status: int) -> None:
    """Let the process end by then, with `status`, whatever the application does: Python waits for all its threads."""

    def leave() -> None:
        time.sleep(max(0.0, deadline - time.monotonic()))
        try:
            _say_kept()
            sys.stdout.flush()
        finally:
            os._exit(status)

    def leave_unheard() -> None:
        time.sleep(max(0.0, deadline - time.monotonic()) + FLUSH_S)
        os._exit(status)

    for target in (leave, leave_unheard):
        try:
            threading.Thread(target=target, name="polydoor-end", daemon=True).start()
        except RuntimeError:  # no more threads; a signal still ends it
            return


def status_of(error: BaseException) -> int:
    """The exit status of a process that did not come to serve, as the command has it, too."""
    if isinstance(error, KeyboardInterrupt):
        return 0 if isinstance(error, StoppedAtBootError) else 130
    return error.exit_code if isinstance(error, PolydoorError) else 1


def _say_kept() -> None:
    """Say what keeps the process."""
    kept = [each.name for each in threading.enumerate() if not each.daemon and each is not threading.main_thread()]
    what = f"threads of its own: {', '.join(kept[:NAMED])}" if kept else "what it does at exit"
    advice = (
        "Make such threads daemon threads, give what the application waits for a timeout, or raise --drain-timeout."
    )
    say(f"the application keeps the process by {what}; leaving without that", advice, code=codes.THREADS_LEFT)
