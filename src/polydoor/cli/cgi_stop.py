"""`polydoor cgi stop DIR`: end the daemons behind the stubs of a folder."""

from __future__ import annotations

from polydoor.cli.cgi_status import EXIT_STATUS, NAME, NO_DAEMON, stubs
from polydoor.cli.command import Command
from polydoor.cli.output import put

STOP = Command(
    "polydoor cgi stop DIR [--name NAME]",
    "Has the daemons behind the stubs in DIR finish what they have, and waits for their end.",
    more=f"The next request starts another one; to keep the site down, take the program away. {EXIT_STATUS}.",
    own=(NAME,),
    has_settings=False,
)


def main(argv: list[str]) -> int:
    """Stop, and return when the processes are no more."""
    arguments = STOP.parse(argv)
    if arguments is None:
        return 0
    stopped = [found.stop() for found in stubs(STOP, arguments)]
    put(f"polydoor: {'stopped' if any(stopped) else 'there was no daemon'}\n")
    return 0 if any(stopped) else NO_DAEMON
