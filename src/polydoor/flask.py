"""`flask --app shop polydoor [options]`: serves the application that Flask has found.

Flask loads this module itself, through the entry point group `flask.commands`; nothing else imports it.
"""

from __future__ import annotations

import sys

import click
import flask.cli
from flask.cli import ScriptInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import NoReturn

    from polydoor.cli.arguments import Arguments
    from polydoor.worker.apploader import LoadedApp

ABOUT = """usage: flask --app APP polydoor [-b ADDRESS]... [-t N] [options]

Serves the application that Flask finds, over HTTP/1.1, FastCGI, SCGI, AJP13 and uwsgi. `polydoor --help`
explains addresses.

Static files are served by Flask itself; behind a web server let that do it."""


def serve(words: tuple[str, ...]) -> None:
    """Serve the application of the current Flask context."""
    from polydoor.cli.guest import run_guest  # only now: every other command of flask loads this module, too

    info = click.get_current_context().ensure_object(ScriptInfo)
    sys.exit(run_guest(list(words), about=ABOUT, take_words=_refuse_words, given=lambda: load_app(info)))


def load_app(info: ScriptInfo) -> LoadedApp:
    """Let Flask find the application; what keeps it from that is told as `polydoor` itself would."""
    from polydoor.worker.apploader import INTERRUPTS, LoadedApp

    try:
        app = info.load_app()
    except INTERRUPTS:
        raise
    except BaseException as error:
        _fail(error, info.app_import_path or "")
    return LoadedApp(app, app.import_name)


def _fail(error: BaseException, named: str) -> NoReturn:
    """Tell of what Flask refuses, or of an exception in the application's own code."""
    from polydoor import codes
    from polydoor.errors import AppLoadError
    from polydoor.worker.apploader import fail_to_load

    context = error.__context__
    if isinstance(error, flask.cli.NoAppException) and isinstance(context, ImportError):
        error = context  # Flask's text of it holds the whole traceback
    elif isinstance(error, click.ClickException):
        _refuse(error, named)
    below = _below_flask(error.__traceback__)
    error = error.with_traceback(below)
    source = named.partition(":")[0]
    if isinstance(error, ModuleNotFoundError) and error.name and below is None:
        from polydoor.worker.diagnose import no_module

        name = source if source.startswith(f"{error.name}.") else error.name
        raise AppLoadError(no_module(name, error.name, named.partition(":")[2]), code=codes.MODULE_MISSING) from None
    if below is not None and below.tb_frame.f_code.co_name != "<module>":
        from polydoor.worker.diagnose import explain_factory

        text = explain_factory(f"the factory of {source or 'the application'}", error)
        raise AppLoadError(text, code=codes.FACTORY_FAILED) from error
    fail_to_load(f"the import of {source or 'the application'}", error)


def _refuse(error: click.ClickException, named: str) -> NoReturn:
    """Tell in Flask's words, or in better ones, that there is no application of Flask."""
    from polydoor import codes
    from polydoor.errors import AppLoadError, AppNotFoundError

    cause = error.__cause__
    if isinstance(cause, AttributeError) and isinstance(cause.obj, type(sys)) and cause.name:
        from polydoor.worker.diagnose import no_attribute

        text = no_attribute(cause.obj, cause.obj.__name__, cause.name)
        raise AppNotFoundError(text, code=codes.ATTRIBUTE_MISSING) from None
    what, stop, remedy = error.format_message().partition(". ")
    text = f"{what[:1].lower()}{what[1:].removesuffix('.')}\n"
    text += remedy if stop else "Name an application of Flask, or a function that returns one: flask --app shop:app"
    if not named:
        raise AppLoadError(text, code=codes.MODULE_MISSING) from None
    code = codes.FACTORY_ARGUMENTS if isinstance(cause, TypeError) else codes.ATTRIBUTE_MISSING
    raise AppNotFoundError(text, code=code) from None


def _below_flask(traceback: TracebackType | None) -> TracebackType | None:
    """What of a traceback is not of Flask's loading and not of ours; None: nothing."""
    while traceback and traceback.tb_frame.f_code.co_filename in {__file__, flask.cli.__file__}:
        traceback = traceback.tb_next
    if traceback and traceback.tb_frame.f_code.co_filename.startswith("<frozen importlib"):
        return None  # it came no further than into the import system
    return traceback


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
