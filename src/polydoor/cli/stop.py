"""`polydoor stop`: have a running server finish what it has, and end."""

from __future__ import annotations

from polydoor.cli.control import ControlError, Link, as_json, control_command, wants_json
from polydoor.cli.output import put

STOP = control_command("stop", "Has the running server finish what it has, as SIGTERM does, and waits for its end.")
ROWS = (STOP,)


def main(argv: list[str]) -> int:
    """Stop, and return when the server's process is no more."""
    arguments = STOP.parse(argv)
    if arguments is None:
        return 0
    is_json = wants_json(arguments)
    with Link(STOP, arguments) as link:
        server = link.server()
        answer = link.ask("stop")
        if not answer.get("ok"):
            raise ControlError(f"the server does not stop: {answer.get('error')}")
        link.wait_end(server)
    put(as_json(answer) if is_json else "polydoor: stopped\n")
    return 0
