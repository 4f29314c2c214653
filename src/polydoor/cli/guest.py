"""The command inside another one: `manage.py polydoor` and `flask polydoor` take the options of `polydoor`."""

from __future__ import annotations

from polydoor.cli.arguments import parse_arguments
from polydoor.cli.main import guarded
from polydoor.cli.output import put
from polydoor.cli.run import serve_arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from polydoor.cli.arguments import Arguments
    from polydoor.worker.apploader import LoadedApp


def run_guest(
    argv: list[str],
    *,
    about: str,
    take_words: Callable[[Arguments], None],
    given: Callable[[], LoadedApp] | None = None,
) -> int:
    """Serve, and return the exit status.

    `about` begins the help. `take_words` makes of the words that are no options what they mean to the host, and puts
    the application in their place unless `given` returns it.
    """

    def act() -> int:
        arguments = parse_arguments(argv)
        if arguments.help:
            put(guest_help(about))
            return 0
        if arguments.version:
            from polydoor.cli.help import version_text

            put(version_text())
            return 0
        take_words(arguments)
        return serve_arguments(arguments, given)

    return guarded(act)


def guest_help(about: str) -> str:
    """Return what the host says about the command, and all options."""
    from polydoor.cli.help import terminal_width
    from polydoor.settings.show import options_help

    return "\n".join([about, *options_help(terminal_width())]) + "\n"
