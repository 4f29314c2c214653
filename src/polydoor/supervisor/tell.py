"""What the supervisor says: to whoever reads standard error, and to the command that started it."""

from __future__ import annotations

import os
import sys

from polydoor import codes
from polydoor._version import __version__
from polydoor.errors import BootError
from polydoor.worker.banner import banner, say, wants_colour, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from polydoor.settings.load import Settings
    from polydoor.supervisor.limits import Finding
    from polydoor.supervisor.member import Death, Member
    from polydoor.supervisor.sizing import Rules


def serving(name: str, addresses: Sequence[str], settings: Settings, rules: Rules) -> None:
    """What is served, where and by how many."""
    write(
        banner(
            name,
            addresses,
            threads=settings.number("threads"),
            workers=(rules.low, rules.high),
            connections=settings.number("max_connections"),
            config_file=settings.text("config"),
            colour=wants_colour(os.environ),
        )
    )


def died(member: Member, death: Death, delay_s: float) -> None:
    """A worker ended that nobody had asked to."""
    when = f"the next one starts in {delay_s:g} s" if delay_s else "the next one starts now"
    if member.ready_at:
        say(f"worker {member.number} {death.text}; {when}", code=codes.WORKER_ENDED)
        return
    first, *more = death.text.split("\n")
    say(f"worker {member.number} did not become ready; {when}: {first}", *more, code=codes.WORKER_NOT_READY)


def overdue(member: Member) -> None:
    """A worker is killed, as its time is over."""
    if member.is_dismissed or not member.ready_at:
        say(f"worker {member.number}, which was still loading, {member.why} and is killed", code=codes.WORKER_OVERDUE)
        return
    advice = (
        "Make threads of the application daemon threads, give what it waits for a timeout, or raise --drain-timeout."
    )
    say(f"worker {member.number} {member.why} and is killed", advice, code=codes.WORKER_OVERDUE)


def limit(found: Finding) -> None:
    """A worker has reached a limit."""
    if found.code == codes.WORKER_SPENT:
        say(f"worker {found.number} is replaced by {found.cause}: {found.text}", code=found.code)
    elif found.code == codes.WORKER_SILENT:
        say(f"worker {found.number} is killed: {found.text}; the next one starts now", code=found.code)
    else:
        say(f"{found.text}: it is not replaced for that", "Raise --max-memory.", code=found.code)


def changed(path: str) -> None:
    """A file means a reload."""
    say(f"{path} has changed; loading anew")


def reloaded(error: str, count: int) -> None:
    """A reload is over."""
    if not error:
        say(f"reloaded: {count} of {count} workers are new" if count else "reloaded; no worker is needed now")
        return
    first, *more = error.split("\n")
    say(f"the reload changed nothing, the old workers serve on: {first}", *more, code=codes.RELOAD_FAILED)


def too_many(surplus: int, most: int) -> None:
    """More workers are wanted than there were places made for."""
    if surplus:
        say(
            f"there can be at most {most} workers, {surplus} fewer than --workers asks for now, until a restart",
            "Restart the server.",
            code=codes.NEEDS_RESTART,
        )


def delayed(asked_by: str, delay_s: float) -> None:
    """The end is near."""
    say(f"{asked_by}: not ready any more, serving on for {delay_s:g} s; a second signal ends that")


def upgraded(count: int) -> None:
    """Another version is in charge."""
    what = "one worker of the older program is" if count == 1 else f"{count} workers of the older program are"
    say(f"upgraded: this is version {__version__}; {what} replaced")


def tried_again() -> None:
    """SIGUSR2 comes while a program is tried."""
    say("SIGUSR2: a new program is being tried; it is tried once more afterwards, as it may have changed")


def _no_upgrade(why: str, remedy: str) -> None:
    say(f"no upgrade: {why}", remedy, code=codes.UPGRADE_FAILED)


def no_time_to_try() -> None:
    """SIGUSR2 comes before the first worker is ready, or during the stop."""
    _no_upgrade("the server is starting or stopping", "Send SIGUSR2 when it serves.")


def not_tried(error: OSError) -> None:
    """There is not even a child that tries."""
    _no_upgrade(
        f"cannot make a process that tries the new program: {error.strerror}; this one serves on",
        "Raise the limit of processes or descriptors, and send SIGUSR2 again.",
    )


def trial_failed(how: str) -> None:
    """The new program does not work; what is wrong it has said itself."""
    _no_upgrade(
        f"the new program {how}; this one serves on", "What it said stands above. Correct that, and send SIGUSR2 again."
    )


def not_executed(error: OSError) -> None:
    """There is no new program to execute, or not any more."""
    _no_upgrade(
        f"cannot execute {sys.executable}: {error.strerror}; this program serves on", "Look whether it is still there."
    )


def stopping(asked_by: str, drain_s: float) -> None:
    """The end begins."""
    if drain_s:
        say(f"{asked_by}: finishing open requests, for at most {drain_s:g} s")
    else:
        say(f"{asked_by}: stopping at once; what is not finished is cut", code=codes.STOPPED_AT_ONCE)


def failure(death: Death) -> BootError:
    """The first worker never served: what the command ends with."""
    error = BootError(death.text, code=death.code or codes.CANNOT_START)
    error.exit_code = death.status
    return error
