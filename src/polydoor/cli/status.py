"""`polydoor status`: how a running server is."""

from __future__ import annotations

from polydoor.cli.control import ControlError, Link, as_json, control_command, wants_json
from polydoor.cli.output import put
from polydoor.failures import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

STATUS = control_command("status", "Shows how the running server is: its workers, what they do, and the last reload.")
ROWS = (STATUS,)
HEAD = ("worker", "pid", "state", "age", "code", "requests", "busy", "suspended", "queue", "oldest", "conns", "memory")
MINUTE, HOUR, DAY = 60, 3600, 86_400
MIB = 1024**2


def main(argv: list[str]) -> int:
    """Ask, and print."""
    arguments = STATUS.parse(argv)
    if arguments is None:
        return 0
    is_json = wants_json(arguments)
    with Link(STATUS, arguments) as link:
        answer = link.ask("status")
    if not answer.get("ok"):
        raise ControlError(f"the server does not say how it is: {answer.get('error')}")
    put(as_json(answer) if is_json else clean("\n".join(report(answer))) + "\n")
    return 0


def report(told: dict[str, Any]) -> Iterator[str]:
    """The lines that a person reads."""
    yield f"{told['app']}: {told['state']} for {age(told['uptime'])}, pid {told['pid']}, Polydoor {told['version']}"
    for name in told["listeners"]:
        yield f"  {name}"
    yield ""
    if told["paused"] and not told["workers"]:
        yield "no worker, as SIGWINCH asked for; SIGHUP or SIGTTIN brings them back"
    else:
        yield from table(told["workers"], told["wanted"])
    if told["restarts"]:
        causes = ", ".join(f"{count} by {cause}" for cause, count in told["restarts"].items())
        yield f"workers replaced: {causes}"
    last = told["last_reload"]
    if last:
        yield f"last reload: {age(last['age'])} ago, {'ok' if last['ok'] else 'it changed nothing:'}"
        yield from (f"  {line}" for line in last["error"].split("\n") if line)


def table(workers: list[dict[str, Any]], wanted: int) -> Iterator[str]:
    """A row for each worker."""
    if not workers:
        yield "no worker; one starts when somebody connects" if not wanted else "no worker yet"
        return
    rows = [HEAD, *(cells(worker) for worker in workers)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))


def cells(worker: dict[str, Any]) -> tuple[str, ...]:
    """What stands in one row."""
    return (
        str(worker["number"]),
        str(worker["pid"]),
        "silent" if worker.get("silent") else worker["state"],
        age(worker["age"]),
        str(worker["generation"]),
        str(worker["requests"]),
        f"{worker['busy']}/{worker['threads']}",
        str(worker["suspended"]),
        str(worker["queue"]),
        f"{worker['oldest_wait']:.1f} s",
        str(worker["connections"]),
        f"{worker['rss'] / MIB:.1f} MiB",
    )


def age(seconds: float) -> str:
    """A time in its largest unit that makes sense."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit:.0f} {name}"
    return f"{seconds:.0f} s"
