"""How each server is started, at its best documented settings for one process, and how it is ended."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import rivals

APPS = rivals.HERE / "apps"
MODULES = Path("/usr/lib/apache2/modules")
PHP_FPM = max(Path("/usr/sbin").glob("php-fpm*"), default=Path("/usr/sbin/php-fpm"))
NGINX = Path("/usr/sbin/nginx")
NGINX_FILE = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log off;
    sendfile on;
    server {{
        listen {address};
        root {folder};
        location / {{ rewrite ^ /download break; }}
    }}
}}
"""
CALL = "call"  # what is called without a server
START = 20.0  # seconds until a server must listen
STOP = 5.0


@dataclass(frozen=True)
class Place:
    """Where a server listens, what it serves and with how many threads.

    The address is HOST:PORT or the path of a Unix socket; the folder belongs to this run and holds the floors.
    """

    door: str
    address: str
    app: str
    threads: int
    folder: Path
    workers: int = 0  # processes; 0: nothing is said of them, so that there is one

    @property
    def host(self) -> str:
        """The host of a TCP address."""
        return self.address.rpartition(":")[0]

    @property
    def port(self) -> str:
        """The port of a TCP address."""
        return self.address.rpartition(":")[2]


class ServerError(Exception):
    """A server did not start, or ended on its own."""


def polydoor(place: Place) -> list[str]:
    """The shipped defaults, timeouts, limits and the access log among them."""
    url = f"{place.door}+unix:{place.address}" if "/" in place.address else f"{place.door}://{place.address}"
    workers = ["-w", str(place.workers)] if place.workers else []  # with a supervisor, also over one
    return [sys.executable, "-m", "polydoor", f"{place.app}:application", "-b", url, "-t", str(place.threads), *workers]


def polydoor_quiet(place: Place) -> list[str]:
    """The same without a line for each request, as the others run."""
    return [*polydoor(place), "--no-access-log"]


def fastpysgi(place: Place) -> list[str]:
    """One thread, as always; the command line sets what matters."""
    listen = ["--host", place.host, "--port", place.port]
    return [str(rivals.BIN / "fastpysgi"), f"{place.app}:application", *listen]


def bjoern(place: Place) -> list[str]:
    """One thread, as always."""
    return [str(rivals.BIN / "python"), str(APPS / "serve_bjoern.py"), place.app, place.host, place.port]


def granian(place: Place) -> list[str]:
    """One worker with one thread for input and output, HTTP/1 only, nothing logged."""
    listen = ["--host", place.host, "--port", place.port]
    threads = ["--runtime-threads", "1", "--runtime-mode", "st", "--blocking-threads", str(place.threads)]
    narrow = ["--http", "1", "--no-ws", "--no-log"]
    program = [str(rivals.BIN / "granian"), "--interface", "wsgi", "--workers", str(place.workers or 1)]
    return [*program, *threads, *narrow, *listen, f"{place.app}:application"]


def gunicorn(place: Place) -> list[str]:
    """One gthread worker, over HTTP or uwsgi."""
    options = ["-w", str(place.workers or 1), "-k", "gthread", "--threads", str(place.threads), "--no-control-socket"]
    options += ["--protocol", "uwsgi", "--uwsgi-allow-from", "*"] if place.door == "uwsgi" else []
    where = f"unix:{place.address}" if "/" in place.address else place.address
    return [str(rivals.BIN / "gunicorn"), *options, "-b", where, f"{place.app}:application"]


def gunicorn_sync(place: Place) -> list[str]:
    """One sync worker, which has one thread and closes each connection."""
    options = ["-w", "1", "-k", "sync", "--no-control-socket"]
    return [str(rivals.BIN / "gunicorn"), *options, "-b", place.address, f"{place.app}:application"]


def cheroot(place: Place) -> list[str]:
    """A fixed number of threads; its queue of requests as long as the others'."""
    threads = ["--threads", str(place.threads), "--max-threads", str(place.threads)]
    options = [*threads, "--request-queue-size", "2048", "--bind", place.address]
    return [str(rivals.BIN / "cheroot"), *options, f"{place.app}:application"]


def flup(place: Place) -> list[str]:
    """As many threads as it wants, which is one for each connection."""
    return [str(rivals.BIN / "python"), str(APPS / "serve_flup.py"), place.app, place.door, place.address]


def mod_wsgi(place: Place) -> list[str]:
    """Apache with one process and Debian's 150 threads, in which the application runs.

    With fewer threads than connections the event MPM ends kept connections while all threads are busy.
    """
    return _apache(place, [])


def mod_wsgi_daemon(place: Place) -> list[str]:
    """Apache with one process and Debian's 150 threads; the application in a process of its own."""
    daemon = f"WSGIDaemonProcess app processes={place.workers or 1} threads={place.threads} python-path={place.folder}"
    mine = [daemon, "WSGIProcessGroup app", f"WSGISocketPrefix {place.folder}/wsgi", "WSGIRestrictEmbedded On"]
    return _apache(place, mine)


def _apache(place: Place, more: list[str]) -> list[str]:
    """Apache with the event MPM and mod_wsgi; all its directives stand on the command line."""
    script = place.folder / f"{place.app}.py"
    _lay_out(place.folder)
    lines = [
        "ServerName shop.example",
        f"Listen {place.address}",
        f"PidFile {place.folder}/httpd.pid",
        f"ErrorLog {place.folder}/error.log",
        *(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in ("mpm_event", "authz_core", "wsgi")),
        *(["User www-data", "Group www-data"] if os.geteuid() == 0 else []),
        "MaxKeepAliveRequests 0",
        "KeepAliveTimeout 100",
        "StartServers 1",
        "ServerLimit 1",
        "ThreadLimit 150",
        "ThreadsPerChild 150",
        "MaxRequestWorkers 150",
        f"WSGIPythonPath {place.folder}",
        "WSGIApplicationGroup %{GLOBAL}",
        f"WSGIScriptAlias / {script}",
        *more,
    ]
    options = [word for line in lines for word in ("-C", line)]
    return ["/usr/sbin/apache2", "-D", "FOREGROUND", "-d", str(place.folder), "-f", "/dev/null", *options]


def _lay_out(folder: Path) -> None:
    """Copies of the applications that Apache's user can read."""
    folder.chmod(0o755)
    for path in APPS.glob("*.py"):
        copy = folder / path.name
        copy.write_bytes(path.read_bytes())
        copy.chmod(0o644)


def php_fpm(place: Place) -> list[str]:
    """A process for each connection that nginx keeps, as PHP has one request at a time in each."""
    lines = ["[global]", f"error_log = {place.folder}/php.log", "daemonize = no", "[www]", f"listen = {place.address}"]
    lines += ["pm = static", "pm.max_children = 32", *(["user = root"] if os.geteuid() == 0 else [])]
    config = place.folder / "php-fpm.conf"
    config.write_text("\n".join(lines) + "\n", encoding="ascii")
    return [str(PHP_FPM), "-F", *(["-R"] if os.geteuid() == 0 else []), "-y", str(config)]


def waitress(place: Place) -> list[str]:
    """One process, one thread for input and output besides those of the application."""
    options = ["--threads", str(place.threads), "--listen", place.address]
    return [str(rivals.BIN / "waitress-serve"), *options, f"{place.app}:application"]


def uwsgi(place: Place) -> list[str]:
    """A master and one worker without request log.

    http-socket ends a connection after each response but does not say so; the added field does.
    """
    option = f"--{place.door}-socket"
    sane = ["--master", "--single-interpreter", "--need-app", "--die-on-term", "--disable-logging"]
    threads = ["--threads", str(place.threads)] if place.threads > 1 else []
    closes = ["--add-header", "Connection: close"] if place.door == "http" else []
    where = [option, place.address, "--pythonpath", str(APPS), "--module", f"{place.app}:application"]
    return [str(rivals.BIN / "uwsgi"), *sane, "--processes", str(place.workers or 1), *threads, *closes, *where]


def floor(place: Place) -> list[str]:
    """An empty C server; the application is not called."""
    address = place.address if "/" in place.address else place.port
    return [str(place.folder / f"floor-{place.door}"), address, *([str(place.workers)] if place.workers else [])]


def nginx(place: Place) -> list[str]:
    """The file by nginx itself, with one process; the application is not called."""
    config = place.folder / "file.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(NGINX_FILE.format(user=user, folder=place.folder, address=place.address), encoding="ascii")
    return [str(NGINX), "-p", str(place.folder), "-c", str(config), "-e", str(place.folder / "error.log")]


def call(place: Place) -> list[str]:
    """No server: a loop that calls the application; for how many seconds is the last argument."""
    return [sys.executable, str(rivals.HERE / "calling.py"), place.app]


Command = Callable[[Place], list[str]]


@dataclass(frozen=True)
class Kind:
    """A server: its name in tables, its package or the file of Debian that it needs, and its command line."""

    name: str
    command: Command
    packages: tuple[str, ...] = ()
    file: Path | None = None
    script: str = ""  # what nginx names as SCRIPT_FILENAME, where that matters

    def is_there(self, versions: dict[str, str]) -> bool:
        """Whether one of its packages is installed, or it needs none."""
        if self.file is not None:
            return self.file.exists()
        return not self.packages or any(package in versions for package in self.packages)


KINDS = {
    "polydoor": Kind("Polydoor", polydoor),
    "polydoor-quiet": Kind("Polydoor, no access log", polydoor_quiet),
    "fastpysgi": Kind("FastPySGI", fastpysgi, ("fastpysgi",)),
    "bjoern": Kind("bjoern", bjoern, ("bjoern",)),
    "granian": Kind("granian", granian, ("granian",)),
    "gunicorn": Kind("gunicorn gthread", gunicorn, ("gunicorn",)),
    "gunicorn-sync": Kind("gunicorn sync", gunicorn_sync, ("gunicorn",)),
    "cheroot": Kind("cheroot", cheroot, ("cheroot",)),
    "flup": Kind("flup", flup, ("flup",)),
    "mod_wsgi": Kind("mod_wsgi embedded", mod_wsgi, file=MODULES / "mod_wsgi.so"),
    "mod_wsgi-daemon": Kind("mod_wsgi daemon, Apache counted in", mod_wsgi_daemon, file=MODULES / "mod_wsgi.so"),
    "php-fpm": Kind("php-fpm", php_fpm, file=PHP_FPM, script=str(APPS / "hello.php")),
    "waitress": Kind("waitress", waitress, ("waitress",)),
    "uwsgi": Kind("uWSGI", uwsgi, ("uwsgi", "pyuwsgi")),
    "nginx": Kind("nginx, the file itself", nginx, file=NGINX),
    "floor": Kind("empty C server", floor),
    CALL: Kind("the application alone", call),
}


class Process:
    """A server that runs pinned to a core, or to `0,1`, with its output in a file, until the context ends."""

    def __init__(self, command: list[str], folder: Path, core: int | str) -> None:
        self._log = folder / "server.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(core), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=environment(),
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process at the top of the tree; taskset has made way for it."""
        return self._process.pid

    @property
    def log(self) -> str:
        """The end of what it said."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-3000:]

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """Wait for a condition while the server lives."""
        deadline = time.monotonic() + START
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServerError(f"{what} (exit status {self._process.poll()}):\n{self.log}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Ask it to end, then end whatever is left of its session."""
        if self._process.poll() is None:
            self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


def environment() -> dict[str, str]:
    """What a server finds around it: the applications can be imported, and leave nothing behind."""
    return os.environ | {"PYTHONPATH": str(APPS), "PYTHONDONTWRITEBYTECODE": "1"}


def settings(kind: str, door: str, app: str, threads: int, workers: int = 0) -> str:
    """How a server is started, for people: without the folders of this machine."""
    with tempfile.TemporaryDirectory() as name:
        command = KINDS[kind].command(Place(door, "HOST:PORT", app, threads, Path(name), workers))
        short = [
            word.replace(f"{name}/", "").replace(name, "FOLDER").replace(f"{APPS}/", "").replace(str(APPS), "apps")
            for word in command
        ]
    return shlex.join([Path(short[0]).name, *short[1:]])


def listens(address: str) -> bool:
    """Whether somebody takes connections there."""
    family = socket.AF_UNIX if "/" in address else socket.AF_INET
    host, _, port = address.rpartition(":")
    with socket.socket(family) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(address if "/" in address else (host, int(port))) == 0


def free_address() -> str:
    """HOST:PORT where nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
