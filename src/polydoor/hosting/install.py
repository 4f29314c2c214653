"""Sets a stub up: the program, its configuration, and what the web server is told."""

from __future__ import annotations

import os
import stat
import sys

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.hosting import ours, servers
from polydoor.hosting.configuration import beside
from polydoor.hosting.keys import KEYS
from polydoor.hosting.places import OTHERS, fnv1a

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

STUB = "polydoor-cgi"
HTACCESS = ".htaccess"
PLAIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
SECRETS = ("SECRET", "PASSWORD", "PASSWD", "TOKEN", "CREDENTIAL", "_KEY", "DATABASE_URL", "DSN")
HEAD = """\
# The configuration of {stub} (`polydoor cgi status {folder}` shows how it is).
# Others on this machine may read it: it is no place for secrets. A change ends the daemon; the next request starts
# another one.
"""


class Setup:
    """What is asked for."""

    def __init__(self, folder: str, name: str, how: str, stub: str, static: tuple[str, ...]) -> None:
        self.folder = os.path.abspath(folder)
        self.name = name if name.endswith(".cgi") else f"{name}.cgi"
        self.how = how
        self.source = stub or find_stub()
        self.static = static
        self.path = os.path.join(self.folder, self.name)
        self.configuration = beside(self.path)
        self._check()

    def state(self) -> str:
        """A directory of its own outside of what is served."""
        base = os.environ.get("XDG_STATE_HOME", "")
        base = base if base.startswith("/") else os.path.join(os.path.expanduser("~"), ".local", "state")
        mark = f"{fnv1a(os.fsencode(self.path)):016x}"[:8]
        return os.path.join(base, "polydoor", f"{self.name.removesuffix('.cgi')}-{mark}")

    def _check(self) -> None:
        for word in (self.name, *self.static):
            if not word.strip(".") or not set(word) <= PLAIN or word.startswith(".ht"):
                raise ConfigError(f"{word!r} needs letters, digits and . _ - only", code=codes.BAD_VALUE)
        found = _look_at(self.folder)
        if not stat.S_ISDIR(found.st_mode):
            raise ConfigError(f"{self.folder} is no directory", code=codes.NO_FOLDER)
        if found.st_mode & OTHERS:
            raise ConfigError(
                f"{self.folder} can be written by others, who could put another program in the place of the stub\n"
                f"Take that away: chmod go-w {self.folder}. suEXEC starts nothing there, either.",
                code=codes.UNSAFE_SETUP,
            )
        if not set(self.folder) <= PLAIN | {"/"}:
            raise ConfigError(f"{self.folder} holds signs that web servers take apart", code=codes.BAD_VALUE)


def _look_at(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", code=codes.NO_FOLDER) from None


def find_stub() -> str:
    """The executable that was installed with this Polydoor."""
    from shutil import which
    from sysconfig import get_path

    beside_python = os.path.dirname(sys.executable)
    found = next(filter(None, (which(STUB, path=folder) for folder in (beside_python, get_path("scripts")))), None)
    found = found or which(STUB)
    if not found:
        raise ConfigError(
            f"{STUB} is not there, which should have been installed beside {sys.executable}\nSay where with --stub.",
            code=codes.FILE_MISSING,
        )
    return os.path.abspath(found)


def check_app_folder(setup: Setup, directory: str) -> None:
    """Source code below the folder that is served is one slip of a configuration away from everybody."""
    real, served = os.path.realpath(directory), os.path.realpath(setup.folder)
    if os.path.commonpath([real, served]) == served:
        raise ConfigError(
            f"the application's directory {directory} lies in {setup.folder}, which the web server serves\n"
            "Keep code, data and the virtual environment elsewhere and name that with --directory, or add --force.",
            code=codes.UNSAFE_SETUP,
        )


def check_secrets(variables: tuple[str, ...]) -> None:
    """Refuse what looks like a secret: the file is read by others."""
    for pair in variables:
        name = pair.partition("=")[0]
        if any(word in name.upper() for word in SECRETS):
            raise ConfigError(
                f"{name} looks like a secret, and others may read the configuration of a stub\n"
                "Put it into a file that only you can read (chmod 600), and name that: --env-file /home/you/shop.env",
                code=codes.UNSAFE_SETUP,
            )


def text_of(setup: Setup, values: Mapping[str, int | str | tuple[str, ...]]) -> str:
    """The configuration as a file."""
    said = (row for row in KEYS if row.name in values and values[row.name] != row.default)
    lines = (f"{row.key} = {_in_toml(values[row.name])}\n" for row in said)
    return HEAD.format(stub=setup.path, folder=setup.folder) + "".join(lines)


def _in_toml(value: int | str | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_in_toml, value))}]"
    if isinstance(value, int):
        return str(value)
    if not value.isprintable():
        raise ConfigError(f"{value!r} holds signs that cannot be written on a line", code=codes.BAD_VALUE)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def write(
    setup: Setup, values: Mapping[str, int | str | tuple[str, ...]], server: str, *, is_forced: bool
) -> list[tuple[str, str]]:
    """Write everything or nothing; return the files with what each is. The last one makes the site work."""
    texts = {setup.configuration: ours.marked(text_of(setup, values))}
    if server == "apache":
        texts[os.path.join(setup.folder, HTACCESS)] = ours.marked(servers.htaccess(setup.name, setup.static))
    if not is_forced:
        ours.check_free([setup.path, *texts])
    try:
        make_state(str(values["state"]))
        told = [(old, "what was there before") for path in (setup.path, *texts) if (old := ours.keep_old(path))]
        for path, text in texts.items():
            ours.put(path, text.encode(), 0o644)
        ours.put_stub(setup.path, setup.source, setup.how)
    except OSError as error:
        place = error.filename2 or error.filename or setup.folder
        advice = "\nA hard link cannot lead to another file system; use --copy." if setup.how == "link" else ""
        raise ConfigError(f"cannot write {place}: {error.strerror}{advice}", code=codes.CANNOT_READ) from None
    kinds = {setup.configuration: "the configuration", setup.path: "the program that the web server starts"}
    return [*told, *((path, kinds.get(path, "what Apache is told")) for path in (*texts, setup.path))]


def make_state(state: str) -> None:
    """Make the directory of lock, socket and log; one that is there stays as it is, if it will do."""
    os.makedirs(os.path.dirname(state), mode=0o700, exist_ok=True)
    try:
        os.mkdir(state, 0o700)
    except FileExistsError:
        if not stat.S_ISDIR((found := os.lstat(state)).st_mode) or found.st_mode & OTHERS:
            raise ConfigError(
                f"the state {state} is no directory, or one that others can write to\n"
                "Name another --state, which is this application's alone.",
                code=codes.UNSAFE_SETUP,
            ) from None


def own_lines(setup: Setup, server: str) -> str:
    """What has to be put into the web server's own configuration; nothing for Apache."""
    make = {"lighttpd": servers.lighttpd, "nginx": servers.nginx}.get(server)
    return make(setup.path, setup.static) if make else ""
