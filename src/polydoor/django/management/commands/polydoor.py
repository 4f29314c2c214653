"""`python manage.py polydoor [ADDRPORT] [options]`: serves the project's WSGI application."""

from __future__ import annotations

import sys

from django.conf import settings
from django.core.management.base import BaseCommand

from polydoor.cli.guest import guest_help, run_guest
from polydoor.django.application import application_name
from polydoor.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from typing import Any

    from polydoor.cli.arguments import Arguments

ABOUT = """usage: python manage.py polydoor [ADDRPORT] [-b ADDRESS]... [-t N] [options]

Serves WSGI_APPLICATION over HTTP/1.1, FastCGI, SCGI, AJP13 and uwsgi. ADDRPORT is a port or
HOST:PORT, as with runserver; `polydoor --help` explains addresses. Code is not reloaded.

Static files are not served: add WhiteNoise to MIDDLEWARE, or let the web server before it serve STATIC_ROOT."""

# Options that every command of Django has; manage.py itself has acted upon the first two.
VALUES = ("--settings", "--pythonpath", "--verbosity", "-v")
FLAGS = ("--traceback", "--no-color", "--force-color", "--skip-checks")


class Command(BaseCommand):
    """The command of the command line; it takes the options of `polydoor`."""

    help = "Serves the project's WSGI application with Polydoor."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take words from call_command(); a command line does not come this way."""
        parser.add_argument("words", nargs="*")

    def handle(self, *_args: Any, words: list[str], **_options: Any) -> None:
        """Serve; the process ends with the exit status of the command `polydoor`."""
        if missing := unserved_static_files():
            self.stderr.write(missing, self.style.NOTICE)
        sys.exit(run_guest(words, about=ABOUT, take_words=take_words))

    def run_from_argv(self, argv: list[str]) -> None:
        """Leave the options to our own parser, so that they are the same as for the command `polydoor`."""
        self.handle(words=without_django(argv[2:]))

    def print_help(self, _prog_name: str, _subcommand: str) -> None:
        """Print the help of `python manage.py help polydoor`."""
        self.stdout.write(guest_help(ABOUT))


def without_django(words: list[str]) -> list[str]:
    """Drop the options that are Django's."""
    kept = []
    rest = iter(words)
    for word in rest:
        if word in VALUES:
            next(rest, None)
        elif word not in FLAGS and not word.startswith(tuple(f"{option}=" for option in VALUES)):
            kept.append(word)
    return kept


def take_words(arguments: Arguments) -> None:
    """Make an address of the word, and name the application."""
    if len(arguments.words) > 1:
        raise ConfigError(
            f"one address may stand without -b, but there are {' and '.join(arguments.words)}\nPut -b before each."
        )
    for word in arguments.words:
        address = f"127.0.0.1:{word}" if word.isdigit() else word
        arguments.options.setdefault("bind", []).append(address)
    arguments.words = [application_name()]


def unserved_static_files() -> str:
    """Say so where a developer would miss the style sheets that runserver shows."""
    has_files = "django.contrib.staticfiles" in settings.INSTALLED_APPS
    if not settings.DEBUG or not has_files or any("whitenoise" in path.lower() for path in settings.MIDDLEWARE):
        return ""
    return (
        "polydoor: static files are not served, unlike with runserver\n"
        "  Add WhiteNoise to MIDDLEWARE, or let the web server serve STATIC_ROOT."
    )
