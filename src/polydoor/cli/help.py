"""What `--help` and `--version` print. Only loaded for them."""

from __future__ import annotations

import os
import sys

from polydoor import __version__
from polydoor.settings.listener import PROTOCOLS
from polydoor.settings.show import entry, option_help, options_help, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from polydoor.cli.command import Command

USUAL = 80
WIDEST = 100

EXAMPLES = """
Examples:
  polydoor shop:app                                    HTTP on 127.0.0.1:8000
  polydoor shop:app -b fastcgi+unix:/run/shop.sock     behind a web server
  polydoor shop:app -b :8000 -b scgi://127.0.0.1:4000  two doors at once
  polydoor shop:app -c shop.toml                       settings in a file

Behind an address, after a question mark and joined by &:
  mount=/shop        the app lives below this path
  allow=10.0.0.0/8   peers that may connect; may stand several times; on a Unix
                     socket uid:www-data
  trust-forwarded=10.0.0.5, forwarded=for,proto   a proxy that is believed about
                     the client (or unix), and in which X-Forwarded fields
  proxy-protocol=on  each connection begins with a PROXY header, from a peer
                     that allow names, or else from this machine
  mode=0660          permissions of a Unix socket
  user=shop, group=www-data   to whom a Unix socket is given
  profile=nginx      whose variables to expect: generic, apache, nginx,
                     lighttpd, haproxy, caddy
  sendfile=/URL/=/FOLDER, sendfile=/FOLDER   files that the application returns
                     by wsgi.file_wrapper from this folder, sent by the front
                     end itself: with a URL for nginx and Caddy
  sendfile=app       the application may have the front end send a file of its
                     own, by X-Accel-Redirect or X-Sendfile
  trust-remote-user=1, stream=1, half-close=serve, and protocol=fastcgi for
  fd://N

Every setting is an option, a variable and a key of the configuration file:
--idle-timeout is POLYDOOR_IDLE_TIMEOUT and idle-timeout. What comes later wins:
defaults, the file, the environment, the command line.
Sizes: 65536, 64K, 1G. Times: 10, 0.5, 500ms, 2m.
Exit status: 0 ok, 2 usage or configuration, 3 cannot boot, 4 no such
application in the module."""


def serve_help(serve: Command, others: Iterable[Command], width: int) -> str:
    """The help of `polydoor` itself, which is that of `polydoor run`."""
    lines = [f"usage: {serve.usage}", "       polydoor COMMAND ...", "", serve.text, ""]
    lines += entry("  APP", "module, module:attr, module:factory(), path/file.py or path/file.py:attr", width)
    lines += ["", "Commands; `polydoor COMMAND --help` tells more of one:"]
    lines += entry("  run APP", "The same as `polydoor APP`, also for an application named like a command.", width)
    for command in others:
        lines += entry(f"  {command.usage.removeprefix('polydoor ')}", command.text, width)
    lines += options_help(width)
    lines += ["", "Others:", *_common(width)]
    return "\n".join(lines) + "\n" + EXAMPLES + "\n"


def command_help(command: Command, width: int) -> str:
    """The help of one other command."""
    texts = [line for text in (command.text, command.more) if text for line in ("", *wrap(text, width))]
    lines = [f"usage: {command.usage}", *texts, "", "Options:"]
    for row in command.own:
        lines += option_help(row, width)
    lines += _common(width)
    if command.has_settings:
        lines += options_help(width)
    return "\n".join(lines) + "\n"


def family_help(commands: Iterable[Command], width: int) -> str:
    """The help of a word that several commands begin with."""
    lines = []
    for command in commands:
        lines += [f"usage: {command.usage}", *(f"  {line}" for line in wrap(command.text, width - 2))]
        for row in command.own:
            lines += option_help(row, width)
    return "\n".join([*lines, "", "Behind the second word, --help lists all options."]) + "\n"


def version_text() -> str:
    """Version, interpreter, whether it has a global lock, and what the native core can do."""
    try:
        from polydoor.bridge import LOOP
    except ImportError as error:
        core = f"the native core does not load: {error}"
    else:
        core = f"{LOOP}; {', '.join(PROTOCOLS)}"
    implementation = sys.implementation.name.replace("cpython", "CPython")
    python = ".".join(str(part) for part in sys.version_info[:3])
    enabled = getattr(sys, "_is_gil_enabled", lambda: True)()  # behind the import, which might turn it on
    return f"polydoor {__version__} ({implementation} {python}, GIL {'on' if enabled else 'off'}; {core})\n"


def terminal_width() -> int:
    """The width of the terminal within limits, or the usual one."""
    try:
        return max(60, min(WIDEST, os.get_terminal_size(sys.stdout.fileno()).columns))
    except (AttributeError, OSError, ValueError):  # no terminal, or nothing at all
        return USUAL


def _common(width: int) -> Iterator[str]:
    yield from entry("  -h, --help", "Show this and end.", width)
    yield from entry("  -V, --version", "Show the version and end.", width)
