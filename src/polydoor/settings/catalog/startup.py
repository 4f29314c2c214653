"""Where settings come from, and what is done before the application is loaded."""

from polydoor.settings.option import Flag, Mode, Setting, Value, Word
from polydoor.settings.words import Assignment

GROUP = "Configuration and environment"
RIGHTS = "Rights"
CHANGE = "Restart on change"
BAD_SIGNS = "# %"


class ReadyPath(Word):
    """The path of a request as the application sees it, with a query and in front of it a host, if need be."""

    def parse(self, text: str) -> Value:
        """Take printable ASCII that begins with a slash, or with two and a host."""
        host, slash, _ = text[2:].partition("/")
        is_fine = text.isascii() and text.isprintable() and not set(text.partition("?")[0]) & set(BAD_SIGNS)
        if not is_fine or not text.startswith("/") or (text.startswith("//") and not (host and slash)):
            raise ValueError("needs a path such as /health, or with a host //shop.example/health, without spaces and %")
        return text


class Umask(Mode):
    """The permissions that new files never have; an empty default leaves them as they are."""

    metavar = "0027"

    def show(self, value: Value) -> str:
        """Four octal digits, or in words what the empty default stands for."""
        return super().show(value) if value != "" else "as it was at the start"


STARTUP = (
    Setting(
        "config",
        Word("FILE", empty="polydoor.toml, or [tool.polydoor] in pyproject.toml"),
        "",
        "The configuration file.",
        group=GROUP,
        short="-c",
        only_outside=True,
    ),
    Setting(
        "env_file",
        Word("FILE"),
        (),
        "A file of NAME=VALUE lines for the process environment; may stand several times. What is set already stays.",
        group=GROUP,
        repeat=True,
    ),
    Setting(
        "env",
        Assignment(),
        (),
        "A variable for the process environment, whether or not it is set already; may stand several times.",
        group=GROUP,
        short="-e",
        repeat=True,
        secret=True,
    ),
    Setting(
        "chdir",
        Word("DIR", empty="where it was started"),
        "",
        "The working directory. It is entered first, so relative paths are meant from there.",
        group=GROUP,
    ),
    Setting(
        "app_dir",
        Word("DIR", empty="the working directory"),
        "",
        "A directory to import the application from; it comes first on sys.path.",
        group=GROUP,
    ),
    Setting(
        "ready",
        ReadyPath("PATH", empty="none"),
        "",
        "Before it serves anybody, the application must answer a GET of this path with a status below 400 within "
        "--boot-timeout; //HOST/PATH gives the host.",
        group=GROUP,
    ),
    Setting(
        "user",
        Word("USER", empty="who starts it"),
        "",
        "The user that the application runs as, by name or number. Only root can say so: sockets and log files are "
        "opened before, and a supervisor stays root.",
        group=RIGHTS,
        short="-u",
    ),
    Setting(
        "group",
        Word("GROUP", empty="that of the user"),
        "",
        "The group that the application runs as, by name or number.",
        group=RIGHTS,
        short="-g",
    ),
    Setting(
        "umask",
        Umask(),
        "",
        "The permissions that new files do not get, in octal, such as 0027.",
        group=RIGHTS,
        short="-m",
    ),
    Setting(
        "reload",
        Flag(),
        0,
        "For development: load the application anew when one of its loaded files changes, or the configuration, or a "
        "file of variables. Implies --workers 1.",
        group=CHANGE,
        reloadable=False,
    ),
    Setting(
        "reload_extra",
        Word("GLOB"),
        (),
        "Further files whose change counts then, such as 'templates/**/*.html'; may stand several times.",
        group=CHANGE,
        reloadable=False,
        repeat=True,
    ),
    Setting(
        "touch_reload",
        Word("FILE"),
        (),
        "Load the application anew when this file is touched; may stand several times. With workers, tmp/restart.txt "
        "below the application's directory always counts. Implies --workers 1.",
        group=CHANGE,
        reloadable=False,
        repeat=True,
    ),
)
