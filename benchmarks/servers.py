"""How each server is started, at its best documented settings for one process."""

import os
import shlex
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import apache
import rivals
from processes import APPS, joined, site_of

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
MOD_WSGI = apache.MODULES / "mod_wsgi.so"
CALL = "call"  # what is called without a server


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
    mpm: apache.Mpm = apache.EVENT

    @property
    def host(self) -> str:
        """The host of a TCP address."""
        return self.address.rpartition(":")[0]

    @property
    def port(self) -> str:
        """The port of a TCP address."""
        return self.address.rpartition(":")[2]


def polydoor(place: Place) -> list[str]:
    """The shipped defaults, timeouts, limits and the access log among them."""
    url = f"{place.door}+unix:{place.address}" if "/" in place.address else f"{place.door}://{place.address}"
    workers = ["-w", str(place.workers)] if place.workers else []  # with a supervisor, also over one
    return [sys.executable, "-m", "polydoor", f"{place.app}:application", "-b", url, "-t", str(place.threads), *workers]


def polydoor_preload(place: Place) -> list[str]:
    """The same with processes that have the application from one that has imported it."""
    return [*polydoor(place), "--preload"]


def polydoor_quiet(place: Place) -> list[str]:
    """The same without a line for each request, as the others run."""
    return [*polydoor(place), "--no-access-log"]


def fastpysgi(place: Place) -> list[str]:
    """One thread in each process, as always; the command line sets what matters, but for several processes."""
    if place.workers > 1:
        return _fastpysgi(place)
    listen = ["--host", place.host, "--port", place.port]
    return [str(rivals.BIN / "fastpysgi"), f"{place.app}:application", *listen]


def fastpysgi_closing(place: Place) -> list[str]:
    """The same, made to call close(), which it never does."""
    return [*_fastpysgi(place), "close"]


def _fastpysgi(place: Place) -> list[str]:
    program = [str(rivals.BIN / "python"), str(APPS / "serve_fastpysgi.py")]
    return [*program, place.app, place.host, place.port, str(place.workers or 1)]


def bjoern(place: Place) -> list[str]:
    """One thread in each process, as always."""
    program = [str(rivals.BIN / "python"), str(APPS / "serve_bjoern.py")]
    return [*program, place.app, place.host, place.port, *([str(place.workers)] if place.workers else [])]


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


def flup_limited(place: Place) -> list[str]:
    """With a limit to its threads: a connection that finds none free is closed at once."""
    return [*flup(place), "threads", str(place.threads)]


def flup_fork(place: Place) -> list[str]:
    """Processes instead of threads."""
    return [*flup(place), "fork", str(place.workers)]


def mod_wsgi(place: Place) -> list[str]:
    """Apache in whose processes the application runs."""
    return _wsgi(place, [])


def mod_wsgi_daemon(place: Place) -> list[str]:
    """Apache, and the application in processes of its own."""
    path = joined(place.folder, *site_of(place.app))
    daemon = f"WSGIDaemonProcess app processes={place.workers or 1} threads={place.threads} python-path={path}"
    mine = [daemon, "WSGIProcessGroup app", f"WSGISocketPrefix {place.folder}/wsgi", "WSGIRestrictEmbedded On"]
    return _wsgi(place, mine)


def _wsgi(place: Place, more: list[str]) -> list[str]:
    """Apache with mod_wsgi."""
    for path in APPS.glob("*.py"):
        _copy(path, place.folder)
    lines = [
        f"WSGIPythonPath {place.folder}",
        "WSGIApplicationGroup %{GLOBAL}",
        f"WSGIScriptAlias / {place.folder}/{place.app}.py",
        *more,
    ]
    return apache.command(place.folder, place.address, place.mpm, ("wsgi",), lines)


def mod_php(place: Place) -> list[str]:
    """Apache in whose processes a page of PHP runs."""
    return apache.php(place.folder, place.address, place.mpm, _copy(APPS / "hello.php", place.folder))


def _copy(path: Path, folder: Path) -> Path:
    """A copy that Apache's user can read."""
    copy = folder / path.name
    copy.write_bytes(path.read_bytes())
    copy.chmod(0o644)
    return copy


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


def uwsgi_nodelay(place: Place) -> list[str]:
    """The same, but the kernel sends each piece at once, too."""
    return [*uwsgi(place), "--tcp-nodelay"]


def sink(place: Place) -> list[str]:
    """A C server that writes what comes into a file; the application is not called."""
    return [str(place.folder / "floor-sink"), place.door, place.address if "/" in place.address else place.port]


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


def cgi(place: Place) -> list[str]:
    """A program that lighttpd starts for each request; see programs.py."""
    return ["lighttpd", "-D", "-f", str(place.folder / "lighttpd.conf")]


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
    is_apache: bool = False  # Apache itself, which needs none in front
    is_cgi: bool = False  # a program that lighttpd starts for each request: see programs.py
    is_dropping: bool = False  # it leaves requests on kept FastCGI connections unanswered

    def is_there(self, versions: dict[str, str]) -> bool:
        """Whether one of its packages is installed, or it needs none."""
        if self.file is not None:
            return self.file.exists()
        return not self.packages or any(package in versions for package in self.packages)


KINDS = {
    "polydoor": Kind("Polydoor", polydoor),
    "polydoor-preload": Kind("Polydoor --preload", polydoor_preload),
    "polydoor-quiet": Kind("Polydoor, no access log", polydoor_quiet),
    "fastpysgi": Kind("FastPySGI", fastpysgi, ("fastpysgi",)),
    "fastpysgi-closing": Kind("FastPySGI, made to close", fastpysgi_closing, ("fastpysgi",)),
    "bjoern": Kind("bjoern", bjoern, ("bjoern",)),
    "granian": Kind("granian", granian, ("granian",)),
    "gunicorn": Kind("gunicorn gthread", gunicorn, ("gunicorn",)),
    "gunicorn-sync": Kind("gunicorn sync", gunicorn_sync, ("gunicorn",)),
    "cheroot": Kind("cheroot", cheroot, ("cheroot",)),
    "flup": Kind("flup", flup, ("flup",), is_dropping=True),
    "flup-limited": Kind("flup, limited", flup_limited, ("flup",), is_dropping=True),
    "flup-fork": Kind("flup, forking", flup_fork, ("flup",), is_dropping=True),
    "mod_wsgi": Kind("mod_wsgi embedded", mod_wsgi, file=MOD_WSGI, is_apache=True),
    "mod_wsgi-daemon": Kind("mod_wsgi daemon, Apache counted in", mod_wsgi_daemon, file=MOD_WSGI, is_apache=True),
    "mod_php": Kind("mod_php", mod_php, file=apache.PHP, is_apache=True),
    "php-fpm": Kind("php-fpm", php_fpm, file=PHP_FPM, script=str(APPS / "hello.php")),
    "waitress": Kind("waitress", waitress, ("waitress",)),
    "uwsgi": Kind("uWSGI", uwsgi, ("uwsgi", "pyuwsgi")),
    "uwsgi-nodelay": Kind("uWSGI --tcp-nodelay", uwsgi_nodelay, ("uwsgi", "pyuwsgi")),
    "nginx": Kind("nginx, the file itself", nginx, file=NGINX),
    "floor": Kind("empty C server", floor),
    "cgi-stub": Kind("CGI stub and its daemon", cgi, is_cgi=True),
    "cgi-polydoor": Kind("CGI, `polydoor cgi` for each request", cgi, is_cgi=True),
    "cgi-python": Kind("CGI, a Python script without an application", cgi, is_cgi=True),
    "cgi-c": Kind("CGI, a C program", cgi, is_cgi=True),
    "sink": Kind("C sink", sink),
    CALL: Kind("the application alone", call),
}


def settings(kind: str, place: Place) -> str:
    """How a server is started, for people: without the folders of this machine."""
    with tempfile.TemporaryDirectory() as name:
        command = KINDS[kind].command(replace(place, address="HOST:PORT", folder=Path(name)))
    # The longest first, as one may begin with another.
    short = {f"{name}/": "", name: "FOLDER", f"{APPS}/": "", str(APPS): "apps", str(rivals.SITE): "SITE-PACKAGES"}
    short[f"{rivals.HERE}/"] = ""
    for long, word in short.items():
        command = [each.replace(long, word) for each in command]
    return shlex.join([Path(command[0]).name, *command[1:]])
