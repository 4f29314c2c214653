"""`polydoor cgi init APP DIR`: set up the CGI stub in a folder that a web server serves."""

from __future__ import annotations

import os
import sys

from polydoor import codes
from polydoor.cli.cgi import CGI
from polydoor.cli.command import Command
from polydoor.cli.output import put
from polydoor.errors import ConfigError
from polydoor.hosting.keys import BY_NAME, Absolute, check_option
from polydoor.settings.catalog import BY_NAME as SETTINGS
from polydoor.settings.option import Choice, Flag, Setting, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.cli.arguments import Arguments
    from polydoor.hosting.install import Setup

GROUP = "Options"
# Keys of the configuration that are options here; idle-timeout and backlog are options of Polydoor, with another sense.
KEYS = ("python", "directory", "state", "socket", "log", "log_size", "start_timeout", "patience", "exec_below")
PAGES = ("busy_page", "error_page")
OWN = (
    Setting("name", Word("NAME"), "", "What the program is called; else as the application.", group=GROUP),
    Setting(
        "as",
        Choice("copy", "link", "script"),
        "copy",
        "Put a copy of polydoor-cgi there, a hard link to it, or a script of one line that names it.",
        group=GROUP,
        also={"--copy": "copy", "--link": "link", "--script": "script"},
    ),
    Setting(
        "server",
        Choice("apache", "lighttpd", "nginx"),
        "apache",
        "Which web server: for Apache an .htaccess is written, for the others lines are printed.",
        group=GROUP,
    ),
    Setting(
        "static",
        Word("FOLDER"),
        (),
        "A folder in DIR whose files the web server serves itself; may stand several times.",
        group=GROUP,
        repeat=True,
    ),
    Setting("stub", Absolute(empty="the installed one"), "", "The executable polydoor-cgi.", group=GROUP),
    Setting("force", Flag(), 0, "Write over other files, which are kept beside; take an unsafe folder.", group=GROUP),
    Setting("daemon_idle", BY_NAME["idle_timeout"].kind, 300, BY_NAME["idle_timeout"].text, group=GROUP),
    *(BY_NAME[name] for name in (*KEYS, *PAGES)),
)
INIT = Command(
    "polydoor cgi init APP DIR [--name NAME] [--server SERVER] [options]",
    "Sets up polydoor-cgi in DIR, which a web server serves: the program, its configuration, and an .htaccess.",
    more="All other options of Polydoor may stand here, too; they are written into the configuration.",
    own=OWN,
)
PATHS = ("config", "env_file", "chdir", "app_dir", "spill_dir")  # the daemon starts in another folder
NEXT = """\
Next:
  - Look at the site. The first request starts the daemon.
  - polydoor cgi status {folder}
  - {log} shows what the application writes.
  - touch {restart} starts the application anew.
"""


def main(argv: list[str]) -> int:
    """Write the files, and say what they are."""
    from polydoor.hosting.configuration import read_configuration
    from polydoor.hosting.install import Setup, check_app_folder, check_secrets, own_lines, write
    from polydoor.hosting.places import Places

    arguments = INIT.parse(argv)
    if arguments is None:
        return 0
    if len(arguments.words) != 2:
        raise ConfigError(f"an application and a folder are needed\nusage: {INIT.usage}", code=codes.WHICH_APP)
    app, folder = arguments.words
    own = INIT.own_values(arguments)
    static = own["static"]
    assert isinstance(static, tuple)
    folders = tuple(map(str, static))
    setup = Setup(folder, str(own["name"]) or name_of(app), str(own["as"]), str(own["stub"]), folders)
    values = keys_of(arguments, setup, app, {name: own[name] for name in (*KEYS, *PAGES)})
    values["idle_timeout"] = int(str(own["daemon_idle"]))
    environment = values["environment"]
    assert isinstance(environment, tuple)
    check_secrets(environment)
    if not own["force"]:
        check_app_folder(setup, str(values["directory"]))
    server = str(own["server"])
    for path, what in write(setup, values, server, is_forced=bool(own["force"])):
        put(f"{path}: {what}\n")
    log = Places(read_configuration(setup.configuration, {})).log  # in /tmp, if the path of the socket is too long
    restart = os.path.join(str(values["directory"]), "tmp", "restart.txt")
    lines = own_lines(setup, server)
    put((f"\n{lines}" if lines else "") + "\n" + NEXT.format(folder=setup.folder, log=log, restart=restart))
    return 0


def keys_of(
    arguments: Arguments, setup: Setup, app: str, own: dict[str, int | str | tuple[int | str, ...]]
) -> dict[str, int | str | tuple[str, ...]]:
    """The keys of the configuration."""
    values = {name: value for name, value in own.items() if not isinstance(value, tuple)}
    source, colon, attribute = app.partition(":")
    is_file = source.endswith(".py") or "/" in source
    if is_file:
        source = os.path.abspath(source)
    here = os.path.dirname(source) if is_file else os.getcwd()
    return {
        **values,
        "app": source + colon + attribute,
        "python": values["python"] or sys.executable,
        "directory": values["directory"] or here,
        "state": values["state"] or setup.state(),
        "environment": tuple(arguments.options.pop("env", ())),
        "options": tuple(options_of(arguments)),
    }


def options_of(arguments: Arguments) -> list[str]:
    """The other options, checked, as they are written into the configuration."""
    from polydoor.settings.load import Entry

    mine = {row.name for row in OWN}
    rows = {**SETTINGS, **{row.name: row for row in CGI.own}}
    words = []
    for name, texts in arguments.options.items():
        if name in mine:
            continue
        row = rows[name]
        check_option(row)
        Entry(row, row.option, texts=texts).parse()
        if row.secret and not all(text.startswith(("env:", "file:")) for text in texts):
            raise ConfigError(
                f"{row.option} may be a secret, and others may read the configuration of a stub\n"
                "Name a file that only you can read: --env-file, or file:PATH where the option takes it.",
                code=codes.UNSAFE_SETUP,
            )
        words += [f"{row.option}={os.path.abspath(text) if name in PATHS else text}" for text in texts]
    return words


def name_of(app: str) -> str:
    """What a program for this application is called."""
    source = app.partition(":")[0].rstrip("/").removesuffix(".py")
    word = source.rpartition("/")[2].partition(".")[0].lower()
    return "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in word).strip("-") or "app"
