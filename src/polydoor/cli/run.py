"""`polydoor APP` and `polydoor run APP`: serve an application."""

from __future__ import annotations

import os
import stat

from polydoor import codes
from polydoor.cli.arguments import parse_arguments
from polydoor.cli.command import Command
from polydoor.settings.surroundings import Surroundings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from polydoor.cli.arguments import Arguments
    from polydoor.settings.load import Settings
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
    "Serves a WSGI application over HTTP/1.1, FastCGI, SCGI, AJP13 and uwsgi.",
)
ROWS = (RUN,)
ADDRESSES = ("bind", "host", "port", "uds", "fd")


def main(argv: list[str]) -> int:
    """Serve until a signal ends it, or, where a web server has started this process for one request, that request."""
    is_cgi = "GATEWAY_INTERFACE" in os.environ and not listens(0)
    if is_cgi:  # what stands behind APP may be the client's
        known = parse_arguments(argv, is_cgi=True)
        is_cgi = not any(name in known.options for name in ADDRESSES)
    if is_cgi:
        from polydoor.cli.cgi import serve_cgi

        return serve_cgi(argv, RUN)
    arguments = RUN.parse(argv, is_cgi="GATEWAY_INTERFACE" in os.environ)
    return 0 if arguments is None else serve_arguments(arguments)


def listens(fd: int) -> bool:
    """Whether a descriptor is a socket that listens: web servers and spawn-fcgi pass one as descriptor 0."""
    try:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            return False
        import _socket  # only now, as most processes need none; and the half in C, as `socket` is half a megabyte

        copy = _socket.socket(fileno=os.dup(fd))
        try:
            return bool(copy.getsockopt(_socket.SOL_SOCKET, _socket.SO_ACCEPTCONN))
        finally:
            copy.close()
    except OSError:
        return False


def is_passed_sockets() -> bool:
    """Whether systemd passes sockets to this process: variables that are for another one may be left over."""
    return os.environ.get("LISTEN_FDS", "0") != "0" and os.environ.get("LISTEN_PID") == str(os.getpid())


def take_descriptor_0(settings: Settings) -> None:
    """Serve FastCGI on the socket that was put on descriptor 0, unless an address is given or systemd passes it."""
    if any(settings.is_said(name) for name in ADDRESSES) or is_passed_sockets() or not listens(0):
        return
    from polydoor.settings.catalog import BY_NAME
    from polydoor.settings.load import Entry
    from polydoor.worker.listening import web_servers

    address = "&".join(["fd://0?protocol=fastcgi", *(f"allow={peer}" for peer in web_servers(os.environ))])
    settings.put(Entry(BY_NAME["bind"], "descriptor 0", texts=[address]))


def gathered(arguments: Arguments, *, needs_app: bool = True) -> Settings:
    """All settings, and the socket on descriptor 0 where that is served."""
    settings = RUN.settings(arguments, needs_app=needs_app)
    take_descriptor_0(settings)
    return settings


def serve_arguments(arguments: Arguments, given: Callable[[], LoadedApp] | None = None) -> int:
    """Serve the application that the arguments name, or the one that `given` returns."""
    first = Surroundings()
    settings = gathered(arguments, needs_app=given is None)

    from polydoor.cli.main import Program
    from polydoor.settings.load import check_one_process
    from polydoor.worker.banner import say
    from polydoor.worker.serve import serve  # only now: help and errors need no engine

    for text in settings.warnings:
        say(*text.split("\n"), code=codes.WITHOUT_EFFECT)
    if given is not None:
        check_one_process(settings)
    elif settings.is_supervised():
        return supervise(settings, first, lambda: gathered(arguments))
    return serve(settings, given, is_last=given is None and Program.is_whole)


def probe(settings: Settings) -> int:
    """Be the child that only looks whether this program can load the application, before it takes a server over."""
    from polydoor.bridge import end_with_parent
    from polydoor.worker.apploader import load_app
    from polydoor.worker.extras import find_rights

    if rights := find_rights(settings):
        rights.take()
        end_with_parent(os.getppid())  # that was forgotten with the user
    load_app(settings.app())
    return 0


def supervise(settings: Settings, first: Surroundings, gather: Callable[[], Settings]) -> int:
    """Serve with worker processes; this function returns in each of them, too.

    A reload reads the settings again by `gather`, in the surroundings that the process had `first`.
    """
    from polydoor.supervisor.anew import Anew
    from polydoor.supervisor.run import Supervisor
    from polydoor.supervisor.upgrade import is_probe

    if is_probe():
        return probe(settings)

    role = Supervisor(Anew(settings, first, gather)).run()
    if role is None:
        return 0
    from polydoor.worker.pooled import Seat, serve_pooled

    if isinstance(role, Seat):
        return serve_pooled(role)
    made = role.run()
    return made if isinstance(made, int) else serve_pooled(made[0], lambda: made[1])
