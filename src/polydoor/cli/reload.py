"""`polydoor reload`: have a running server load its application anew, and say what came of it."""

from __future__ import annotations

from polydoor import codes
from polydoor.cli.control import ControlError, Link, as_json, control_command, wants_json
from polydoor.cli.output import put

RELOAD = control_command(
    "reload",
    "Has the running server load its application anew, and waits until that is done.",
    ", or the new code does not start and the old one serves on",
)
ROWS = (RELOAD,)


def main(argv: list[str]) -> int:
    """Reload; an error says why nothing was changed."""
    arguments = RELOAD.parse(argv)
    if arguments is None:
        return 0
    is_json = wants_json(arguments)
    with Link(RELOAD, arguments) as link:
        answer = link.ask("reload", None)
    if is_json:
        put(as_json(answer))
    if not answer.get("ok"):
        text = f"the reload changed nothing, the old workers serve on: {answer.get('error')}"
        raise ControlError(text, code=codes.RELOAD_FAILED)
    if not is_json:
        put("polydoor: reloaded: all workers are new\n")
    return 0
