"""`polydoor cgi daemon CONFIG`: what the CGI stub executes when it finds no daemon."""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.cli.cgi import CGI, listener_of
from polydoor.cli.main import Program
from polydoor.errors import ConfigError

NO_FILE = "-"  # variables say everything


def main(argv: list[str]) -> int:
    """Read the configuration, and serve."""
    from polydoor.hosting.configuration import read_configuration
    from polydoor.hosting.daemon import serve_hosted, stub_socket

    stub_socket()  # who tries the command by hand is told so before anything else
    configuration = read_configuration("" if argv[:1] in ([], [NO_FILE]) else os.path.abspath(argv[0]), os.environ)
    os.chdir(configuration.text("directory"))
    arguments = CGI.parse([*configuration.texts("options"), "--", configuration.text("app")])
    if arguments is None or len(arguments.words) != 1:
        told = f"{configuration.path or 'the environment'}: options holds what is no option"
        raise ConfigError(f"{told}\nThe application stands in `app`.", code=codes.WHICH_APP)
    return serve_hosted(configuration, CGI.settings(arguments), listener_of(arguments), is_last=Program.is_whole)
