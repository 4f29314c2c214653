"""A server for the package django-prodserver: `python manage.py server web`.

    PRODUCTION_PROCESSES = {
        "web": {
            "BACKEND": "polydoor.django.prodserver.PolydoorServer",
            "ARGS": {"bind": ["127.0.0.1:8000", "fastcgi+unix:/run/shop.sock"], "threads": "8"},
        },
    }

ARGS are the options of the command `polydoor`. A list stands for an option that is given several times; None and True
stand for an option without a value.
"""

from __future__ import annotations

import sys

from django_prodserver.backends.base import BaseServerBackend

from polydoor.cli import main
from polydoor.django.application import application_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class PolydoorServer(BaseServerBackend):
    """Serves the project's WSGI application."""

    def __init__(self, **server_args: Any) -> None:
        super().__init__(**server_args)
        given = server_args.get("ARGS", {})
        self.args = [given] if isinstance(given, str) else option_words(given)

    def prep_server_args(self) -> list[str]:
        """Return the command line."""
        return ["run", *self.args, application_name()]

    def start_server(self, *args: str) -> None:
        """Serve until a signal ends it; the exit status is that of the command `polydoor`."""
        sys.exit(main(list(args)))


def option_words(args: Mapping[str, Any]) -> list[str]:
    """Write a mapping as options: `{"threads": 8}` is `--threads=8`."""
    words = []
    for name, value in args.items():
        option = "--" + name.replace("_", "-")
        for one in value if isinstance(value, list | tuple) else [value]:
            alone = one is None or one is True
            words.append(option if alone else f"{option}={'0' if one is False else one}")
    return words
