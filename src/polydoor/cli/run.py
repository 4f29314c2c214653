"""`polydoor APP` and `polydoor run APP`: serve an application."""

from __future__ import annotations

from polydoor import codes
from polydoor.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from polydoor.cli.arguments import Arguments
    from polydoor.worker.apploader import LoadedApp


class Run(Command):
    """The command that is meant where none is named; its help is that of all."""

    __slots__ = ()

    def help(self, width: int) -> str:
        """What `--help` prints."""
        from polydoor.cli.help import serve_help
        from polydoor.cli.main import COMMANDS, load_command

        rows = (row for name in COMMANDS if name != "run" for row in load_command(name).ROWS)
        return serve_help(self, rows, width)


RUN = Run(
    "polydoor APP [-b ADDRESS]... [-t N] [options]",
    "Serves a WSGI application over HTTP/1.1, FastCGI, SCGI and uwsgi.",
)
ROWS = (RUN,)


def main(argv: list[str]) -> int:
    """Serve until a signal ends it."""
    arguments = RUN.parse(argv)
    return 0 if arguments is None else serve_arguments(arguments)


def serve_arguments(arguments: Arguments, given: Callable[[], LoadedApp] | None = None) -> int:
    """Serve the application that the arguments name, or the one that `given` returns."""
    settings = RUN.settings(arguments, needs_app=given is None)

    from polydoor.worker.banner import say
    from polydoor.worker.serve import serve  # only now: help and errors need no engine

    for text in settings.warnings:
        say(*text.split("\n"), code=codes.WITHOUT_EFFECT)
    return serve(settings, given)
