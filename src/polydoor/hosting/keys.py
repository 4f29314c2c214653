"""The keys of the CGI stub's configuration: a row each, from which reading, writing and the reference are made.

The stub reads the same file with a table of its own (core/cmd/config.c); a test compares the two.
"""

from __future__ import annotations

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.settings.option import Count, Setting, Word
from polydoor.settings.words import Assignment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.settings.option import Value

GROUP = "CGI stub"
PREFIX = "POLYDOOR_CGI_"  # a key as a variable, which the web server sets
CONFIG = PREFIX + "CONFIG"
MIB = 1024**2
DAY = 86_400


class Absolute(Word):
    """An absolute path."""

    def __init__(self, *, empty: str = "") -> None:
        super().__init__("/PATH", empty=empty)

    def parse(self, text: str) -> Value:
        """Take what begins with a slash and can stand on one line."""
        if not text.startswith("/") or not text.isprintable():
            raise ValueError("needs an absolute path, which begins with a slash")
        return text


KEYS = (
    Setting("app", Word("APP"), "", "The application: module:attr, or a file.", group=GROUP),
    Setting("python", Absolute(), "", "The Python that has Polydoor, as of a virtual environment.", group=GROUP),
    Setting("directory", Absolute(), "", "Where the application lives; the working directory of both.", group=GROUP),
    Setting(
        "state",
        Absolute(empty="one in /tmp; init names one in ~/.local/state"),
        "",
        "The directory of lock, socket and log, private to its user; made where its parent is there.",
        group=GROUP,
    ),
    Setting("socket", Absolute(empty="in state"), "", "The socket, instead of `socket` in state.", group=GROUP),
    Setting(
        "log", Absolute(empty="in state"), "", "What the application writes, instead of `log` in state.", group=GROUP
    ),
    Setting(
        "log_size", Count(4096, 2**40), MIB, "Bytes after which the log goes on anew; one older is kept.", group=GROUP
    ),
    Setting(
        "options",
        Word("OPTION"),
        (),
        "Options of Polydoor for the daemon and for CGI, a word each.",
        group=GROUP,
        repeat=True,
    ),
    Setting(
        "environment",
        Assignment(),
        (),
        "Variables of the process, NAME=VALUE, for the daemon and for CGI.",
        group=GROUP,
        repeat=True,
        secret=True,
    ),
    Setting(
        "idle_timeout",
        Count(0, 30 * DAY),
        300,
        "Seconds without a request after which the daemon ends; 0: it stays.",
        group=GROUP,
    ),
    Setting("start_timeout", Count(1, 600), 30, "Seconds that a daemon may take until it serves.", group=GROUP),
    Setting(
        "patience", Count(1, 3600), 30, "Seconds that a response may take to begin; then it is a 503.", group=GROUP
    ),
    Setting(
        "backlog", Count(1, 4096), 16, "Requests that wait for the daemon; further ones are answered 503.", group=GROUP
    ),
    Setting(
        "uploads",
        Count(1, 1024),
        16,
        "Requests with a body over about 60 KiB that may arrive at once; further ones are answered 503.",
        group=GROUP,
    ),
    Setting(
        "exec_below",
        Count(0, 1_000_000),
        0,
        "Requests in a minute below which there is no daemon and each is run as CGI; 0: always the daemon.",
        group=GROUP,
    ),
    Setting("busy_page", Absolute(empty="our own"), "", "The file of the page for a 503.", group=GROUP),
    Setting("error_page", Absolute(empty="our own"), "", "The file of the page for a 500 or 502.", group=GROUP),
    Setting("retry_after", Count(0, DAY), 10, "What Retry-After of a 503 says, in seconds.", group=GROUP),
)
BY_NAME = {row.name: row for row in KEYS}
BY_KEY = {row.key: row for row in KEYS}
REQUIRED = ("app", "python", "directory")
# What says where to listen, or needs a supervisor: there is one door and one process here.
STUBS_OWN = (
    "bind",
    "host",
    "port",
    "uds",
    "fd",
    "backlog",
    "workers",
    "control",
    "reload",
    "preload",
    "idle_stop",
    "pid",
    "dev",
)


def check_option(row: Setting) -> None:
    """Refuse what has no place behind a stub."""
    if row.name in STUBS_OWN:
        raise ConfigError(
            f"{row.option} has no place behind the CGI stub\nThere is one process and one way in. Take it out.",
            code=codes.CONTRADICTION,
        )
