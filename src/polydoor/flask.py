"""`flask --app shop polydoor [options]`: serves the application that Flask has found.

Flask loads this module itself, through the entry point group `flask.commands`; nothing else imports it.
"""

from __future__ import annotations

import sys

import click
from flask.cli import ScriptInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.cli.arguments import Arguments
    from polydoor.worker.apploader import LoadedApp

ABOUT = """usage: flask --app APP polydoor [-b ADDRESS]... [-t N] [options]

Serves the application that Flask finds, over HTTP/1.1, FastCGI, SCGI and uwsgi. `polydoor --help` explains addresses.

Static files are served by Flask itself; behind a web server let that do it."""


def serve(words: tuple[str, ...]) -> None:
    """Serve the application of the current Flask context."""
    from polydoor.cli.guest import run_guest  # only now: every other command of flask loads this module, too
    from polydoor.worker.apploader import LoadedApp

    info = click.get_current_context().ensure_object(ScriptInfo)

    def given() -> LoadedApp:
        app = info.load_app()
        return LoadedApp(app, app.import_name)

    sys.exit(run_guest(list(words), about=ABOUT, take_words=_refuse_words, given=given))


def _refuse_words(arguments: Arguments) -> None:
    from polydoor import codes
    from polydoor.errors import ConfigError

    if arguments.words:
        raise ConfigError(
            f"there is no place for {arguments.words[0]!r}: Flask names the application\n"
            "Write `flask --app APP polydoor -b ADDRESS`.",
            code=codes.WHICH_APP,
        )


# Options are left to our own parser, so that they are the same here as for the command `polydoor`.
command = click.Command(
    "polydoor",
    callback=serve,
    params=[click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)],
    context_settings={"ignore_unknown_options": True},
    add_help_option=False,
    short_help="Serve with Polydoor.",
)
