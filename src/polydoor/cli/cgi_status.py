"""`polydoor cgi status DIR`: how the daemons behind the stubs of a folder are."""

from __future__ import annotations

from polydoor import codes
from polydoor.cli.command import Command
from polydoor.cli.output import put
from polydoor.errors import ConfigError
from polydoor.failures import clean
from polydoor.settings.option import Flag, Setting, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from polydoor.cli.arguments import Arguments
    from polydoor.hosting.found import Found

GROUP = "Options"
NAME = Setting("name", Word("NAME"), "", "The program of that name only.", group=GROUP)
JSON = Setting("json", Flag(), 0, "Print the answer as JSON.", group=GROUP)
EXIT_STATUS = "Exit status: 0 ok, 2 there is no stub, 3 there is no daemon"
STATUS = Command(
    "polydoor cgi status DIR [--name NAME] [--json]",
    "Shows how the daemons behind the stubs in DIR are.",
    more=f"Run it as the user as which the web server runs the program. {EXIT_STATUS}.",
    own=(NAME, JSON),
    has_settings=False,
)
NO_DAEMON = 3


def main(argv: list[str]) -> int:
    """Look, and print."""
    arguments = STATUS.parse(argv)
    if arguments is None:
        return 0
    values = STATUS.own_values(arguments)
    told = [found.look() for found in stubs(STATUS, arguments)]
    if values["json"]:
        import json

        put(json.dumps(told, indent=2) + "\n")
    else:
        put(clean("\n".join(map(line, told))) + "\n")
    return 0 if any(each["state"] != "none" for each in told) else NO_DAEMON


def stubs(command: Command, arguments: Arguments) -> list[Found]:
    """Those that are meant."""
    from polydoor.hosting.found import find

    if len(arguments.words) != 1:
        raise ConfigError(f"the folder of the stub is needed\nusage: {command.usage}", code=codes.NO_FOLDER)
    return find(arguments.words[0], str(command.own_values(arguments)["name"]))


def line(told: dict[str, Any]) -> str:
    """What a person reads of one stub."""
    from polydoor.cli.status import age

    if told["state"] != "none":
        how = f"{told['state']} for {age(told['age'])}, pid {told['pid']}"
    elif told["failures"]:
        how = f"no daemon: the last {told['failures']} starts failed, see {told['log']}"
    else:
        how = "no daemon; one starts with the next request"
    return f"{told['stub']}: {told['app']}: {how}"
