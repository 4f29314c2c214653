"""Accounts that may run CGI programs and nothing else, set up by `polydoor cgi init` behind each kind of web server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from interop.frontends import OWN, Apache, Nginx, Site, free_port
from interop.programs import LighttpdCgi, OwnApache
from support import stub as stubs
from support.server import INSTALLED, PATIENCE
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence


NOBODY = 65534
SUEXEC_ROOT = Path("/var/www")  # below which Debian's suexec starts programs
FOUND = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}

APACHE = """\
Listen {own}:{port}
<VirtualHost {own}:{port}>
    DocumentRoot {www}
    {more}
    <Directory {www}>
        AllowOverride All
        Require all granted
    </Directory>
</VirtualHost>
"""
LIGHTTPD = """\
{lines}
$SERVER["socket"] == "{own}:{port}" {{ }}
"""
NGINX = """\
server {{
    listen {own}:{port};
    root {www};
{lines}}}
"""


class Account:
    """Somebody's home, in which `www` is what the web server serves."""

    def __init__(self, home: Path) -> None:
        self.real = self.home = home  # where it is, and where its owner sees it
        self.python = sys.executable
        self.paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        self.prefix: list[str] = []  # what makes a command its owner's
        for name in ("www", "site"):
            (home / name).mkdir(parents=True)
        for folder in (home, home / "www", home / "site"):
            folder.chmod(0o755)
        (home / "polydoor-cgi").write_bytes(stubs.released().read_bytes())
        (home / "polydoor-cgi").chmod(0o755)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of Polydoor, as the owner types it."""
        return subprocess.run(
            [*self.prefix, self.python, "-m", "polydoor", *words],
            env=FOUND | {"HOME": str(self.home), "PYTHONPATH": os.pathsep.join(self.paths)},
            cwd=self.real / "site",
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def init(self, app: str, server: str, env: dict[str, str], *words: str) -> str:
        """`polydoor cgi init`; what it said."""
        env = FOUND | {"PYTHONPATH": os.pathsep.join([f"{self.home}/site", *self.paths])} | env
        variables = [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
        own = ["--server", server, "--stub", f"{self.home}/polydoor-cgi", "--directory", f"{self.home}/site"]
        done = self.run("cgi", "init", app, f"{self.home}/www", "--name", "shop", *own, *variables, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stop(self) -> subprocess.CompletedProcess[str]:
        """Ends its daemon."""
        return self.run("cgi", "stop", f"{self.home}/www")

    def log(self) -> str:
        """What its daemon wrote."""
        return "".join(path.read_text() for path in self.real.glob(".local/state/polydoor/*/log"))


def web_lines(said: str) -> str:
    """The part of what `init` said that goes into the web server's configuration."""
    return said[said.index("# Into ") : said.index("\nNext:")]


def site_of(account: Account, server: str, said: str, more: str = "") -> Site:
    """What whoever runs the web server writes for this account."""
    port = free_port()
    form = {"apache": APACHE, "lighttpd": LIGHTTPD, "nginx": NGINX}[server]
    lines = "" if server == "apache" else web_lines(said)
    www = account.home / "www"
    return Site("shop", port, form.format(own=OWN, port=port, www=www, lines=lines, more=more))


class CgiApache(OwnApache):
    """Apache with mod_cgi, and the modules that each Debian has."""

    modules = ("mpm_prefork", "authz_core", "alias", "dir", "autoindex", "mime", "rewrite", "env", "headers", "cgi")

    def wrapped(self) -> str:
        return super().wrapped().replace("StartServers 1\n", "TypesConfig /dev/null\nStartServers 1\n")


class CgidApache(CgiApache):
    """The same with threads and mod_cgid."""

    modules = tuple({"mpm_prefork": "mpm_event", "cgi": "cgid"}.get(name, name) for name in CgiApache.modules)

    def wrapped(self) -> str:
        # A Unix socket's path is short.
        return super().wrapped().replace("StartServers 1\n", f"ScriptSock {self.folder}/cgid\nStartServers 1\n")


class SuexecApache(CgiApache):
    """The same with Debian's suexec, as root; `home` is in the place of /var/www for it alone."""

    modules = (*CgiApache.modules, "suexec")

    def wrapped(self) -> str:
        return super().wrapped().replace("StartServers 1\n", "User www-data\nGroup www-data\nStartServers 1\n")

    def command(self) -> list[str]:
        return ["setsid", *inside(self.folder / "home"), *Apache.command(self)]

    def checking(self) -> list[str]:
        return [*inside(self.folder / "home"), *Apache.checking(self)]


def seen_there() -> dict[str, str]:
    """What another user needs of this Python, and where: its own place may lie in somebody's home."""
    base = os.path.realpath(sys.base_prefix)
    places = map(os.path.realpath, INSTALLED)
    own = [path for path in dict.fromkeys(places) if os.path.isdir(path) and not path.startswith(f"{base}/")]
    return {base: f"{SUEXEC_ROOT}/python"} | {path: f"{SUEXEC_ROOT}/path{at}" for at, path in enumerate(own)}


def inside(home: Path) -> list[str]:
    """What runs a command where /var/www is this home, with this Python and suexec's log in it."""
    binds = {str(home): str(SUEXEC_ROOT), f"{home}/logs": "/var/log/apache2"} | seen_there()
    mounts = " && ".join(f'mount --bind "{what}" "{where}"' for what, where in binds.items())
    return ["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh"]


def made(folder: Path, way: str) -> Account:
    """A new account in `folder`; with suexec it is that of nobody, else that of whoever runs the tests."""
    home = folder / "home"
    if way != "suexec":
        return Account(home)
    account = Account(home)
    account.prefix = [*inside(home), "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    account.home = SUEXEC_ROOT
    base, *own = seen_there().values()
    account.python = f"{base}/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
    account.paths = own
    for name in ("logs", *map(os.path.basename, (base, *own))):
        (home / name).mkdir()
    give_away(home)
    return account


def give_away(folder: Path) -> None:
    """Files to the owner of suexec's account."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def can_mount() -> bool:
    """Whether this user may make mounts of its own, as root of a whole machine may."""
    command = ["unshare", "--mount", "mount", "--bind", "/", "/mnt"]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


class Fcgiwrap:
    """Debian's fcgiwrap, and nginx in front of it."""

    def __init__(self, folder: Path, sites: Sequence[Site]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "fcgiwrap.socket"
        program = shutil.which("fcgiwrap") or "/usr/sbin/fcgiwrap"
        self._errors = (folder / "fcgiwrap.log").open("wb")
        command = [program, "-c", "2", "-s", f"unix:{path}"]
        self._wrap = subprocess.Popen(command, stderr=self._errors, process_group=0)
        try:
            assert eventually(path.exists), "fcgiwrap does not start"
            for site in sites:
                assert "unix:/run/fcgiwrap.socket" in site.text
                site.text = site.text.replace("/run/fcgiwrap.socket", str(path))
            self._nginx = Nginx(folder, sites)
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        os.killpg(self._wrap.pid, signal.SIGTERM)  # it leaves its processes behind
        self._wrap.wait(PATIENCE)
        self._errors.close()

    def stop(self) -> None:
        """Ends both."""
        self._nginx.stop()
        self._end()


WAYS = {
    "mod_cgi": ("apache", CgiApache),
    "mod_cgid": ("apache", CgidApache),
    "suexec": ("apache", SuexecApache),
    "lighttpd": ("lighttpd", LighttpdCgi),
    "fcgiwrap": ("nginx", Fcgiwrap),
}
