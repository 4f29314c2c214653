"""`polydoor cgi APP`: serve one request as a CGI program; also `polydoor APP` where a web server started it as one.

A web server may put words of a query on the command line (RFC 3875 section 4.4). So nothing behind APP is even looked
at: that php-cgi took such words for options was CVE-2012-1823.
"""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.cli.command import Command
from polydoor.errors import ConfigError
from polydoor.settings.listener import Mount, blank_listener
from polydoor.settings.load import Entry
from polydoor.settings.option import Flag, Setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from polydoor.cli.arguments import Arguments
    from polydoor.settings.listener import ListenerSpec

GROUP = "Options"
CGI = Command(
    "polydoor cgi [options] APP",
    "Serves one request from environment and standard input, as a CGI program, and ends.",
    more="Options stand before APP; whatever stands behind it is ignored, as a web server puts words of the query "
    "there. Exit status: 0 the response is complete, 1 it is not, 2 configuration, 3 the application does not load, "
    "4 no such application in the module.",
    own=(
        Setting(
            "mount",
            Mount(),
            "",
            "The path below which the application lives. Without it that follows from SCRIPT_NAME and REQUEST_URI.",
            group=GROUP,
        ),
        Setting("stream", Flag(), 0, "Call the application before the body has arrived.", group=GROUP),
        Setting(
            "trust_remote_user",
            Flag(),
            1,
            "Whether REMOTE_USER and AUTH_TYPE are believed: as CGI only the web server can have set them.",
            group=GROUP,
        ),
    ),
)
OTHERS = ("init", "status", "stop", "daemon")  # behind `cgi`, where no web server has started it; else applications


def __getattr__(name: str) -> Any:
    """ROWS, what the help says of all commands here; the process for a request does without."""
    if name != "ROWS":
        raise AttributeError(name)
    from polydoor.cli import cgi_init, cgi_status, cgi_stop

    return CGI, cgi_init.INIT, cgi_status.STATUS, cgi_stop.STOP


def main(argv: list[str]) -> int:
    """Serve one request; words behind the first are not read."""
    if not is_request() and argv[:1] and argv[0] in OTHERS:
        from polydoor.cli.main import load_command

        status: int = load_command(f"cgi_{argv[0]}").main(argv[1:])
        return status
    if not is_request():
        arguments = CGI.parse(argv, is_cgi=True)
        if arguments is None:
            return 0
        raise ConfigError(
            "there is no CGI request in the environment: a web server starts this command\n"
            "To try it: REQUEST_METHOD=GET REQUEST_URI=/ polydoor cgi APP",
            code=codes.NO_CGI_REQUEST,
        )
    return serve_cgi(argv, CGI)


def is_request() -> bool:
    """Whether a web server has started this process for one request."""
    return "GATEWAY_INTERFACE" in os.environ or "REQUEST_METHOD" in os.environ


def serve_cgi(argv: list[str], command: Command) -> int:
    """Answer the request in any case, and return the exit status."""
    from polydoor.worker.cgi import CgiProcess

    process = CgiProcess(os.environb)
    try:
        arguments = command.parse(argv, is_cgi=True)
        if arguments is None or not arguments.words:
            raise ConfigError(f"no application is named\nusage: {CGI.usage}", code=codes.WHICH_APP)
        spec = listener_of(arguments)
        settings = command.settings(arguments)
        if settings.flag("dev"):
            raise ConfigError(
                f"{settings.said('dev')} shows source code and the environ to whoever the web server lets in\n"
                "Leave it out as CGI.",
                code=codes.DEV_EXPOSED,
            )
        return process.serve(settings, spec)
    finally:
        process.refuse()


def listener_of(arguments: Arguments) -> ListenerSpec:
    """What a listener would be described by: the options of this command."""
    spec = blank_listener("cgi")
    for row in CGI.own:
        texts = arguments.options.get(row.name)
        value = Entry(row, row.option, texts=texts).parse() if texts else row.default
        assert not isinstance(value, tuple)
        spec[row.name] = value
    return spec
