"""How Debian's Apache is started: with mod_wsgi or mod_php in it, or in front of a server.

All its directives stand on the command line, so that the result shows them.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import rivals

MODULES = Path("/usr/lib/apache2/modules")
PROGRAM = Path("/usr/sbin/apache2")
UNPACKED = rivals.DEBIAN / "usr" / "lib" / "apache2" / "modules"
PHP = max(MODULES.glob("libphp*.so"), default=UNPACKED / f"{rivals.mod_php().replace('libapache2-mod-', 'lib')}.so")
THREADS = 150  # Debian's, for the event MPM
SCHEMES = {"http": "http", "fastcgi": "fcgi", "scgi": "scgi", "ajp": "ajp", "uwsgi": "uwsgi"}


@dataclass(frozen=True)
class Mpm:
    """How Apache takes its clients: one process with threads (`event`), or processes (`prefork`)."""

    name: str = "event"
    children: int = 1

    def lines(self) -> list[str]:
        """Its directives; no process is ended or added while it is measured.

        With fewer threads than connections the event MPM ends kept connections while all threads are busy.
        """
        load = f"LoadModule mpm_{self.name}_module {MODULES}/mod_mpm_{self.name}.so"
        if self.name == "prefork":
            same = ("StartServers", "MinSpareServers", "MaxSpareServers", "ServerLimit", "MaxRequestWorkers")
            return [load, *(f"{name} {self.children}" for name in same)]
        threads = (f"{name} {THREADS}" for name in ("ThreadLimit", "ThreadsPerChild", "MaxRequestWorkers"))
        return [load, "StartServers 1", "ServerLimit 1", *threads]


EVENT = Mpm()


def command(folder: Path, address: str, mpm: Mpm, modules: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Apache in the foreground, with these modules and directives."""
    folder.chmod(0o755)  # for Apache's user
    every = [
        "ServerName shop.example",
        f"Listen {address}",
        f"PidFile {folder}/httpd.pid",
        f"ErrorLog {folder}/error.log",
        *mpm.lines(),
        *(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in ("authz_core", *modules)),
        *(["User www-data", "Group www-data"] if os.geteuid() == 0 else []),
        "MaxKeepAliveRequests 0",
        "KeepAliveTimeout 100",
        *lines,
    ]
    options = [word for line in every for word in ("-C", line)]
    return [str(PROGRAM), "-D", "FOREGROUND", "-d", str(folder), "-f", "/dev/null", *options]


def proxy(folder: Path, address: str, mpm: Mpm, door: str, upstream: str, *, is_kept: bool) -> list[str]:
    """Apache in front of a server; `is_kept`: its connections are, as far as the protocol keeps them."""
    reuse = ("" if is_kept else " disablereuse=on") if door != "fastcgi" else (" enablereuse=on" if is_kept else "")
    nocanon = " nocanon" if door in {"http", "ajp"} else ""
    lines = [
        # Without it, the length of a response is not passed on.
        "SetEnv ap_trust_cgilike_cl 1",
        f"ProxyPass / {SCHEMES[door]}://{upstream}/{nocanon}{reuse}",
    ]
    return command(folder, address, mpm, ("env", "proxy", f"proxy_{SCHEMES[door]}"), lines)


def php(folder: Path, address: str, mpm: Mpm, page: Path) -> list[str]:
    """Apache with mod_php, and one page."""
    lines = [f"LoadModule php_module {PHP}", f"AliasMatch ^/ {page}", "SetHandler application/x-httpd-php"]
    return command(folder, address, mpm, ("alias",), lines)
