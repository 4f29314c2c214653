"""Debian's lighttpd, in front of a server or with programs that it starts for each request: the CGI stub and others."""

import json
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import processes
import rivals
import servers

PATHS = {
    "cgi-stub": "/shop.cgi/",
    "cgi-c": "/floor.cgi/",
    "cgi-python": "/script.cgi/",
    "cgi-polydoor": "/each.cgi/",
}
BUSY_PAGE = "<p>Busy.</p>\n"
SCRIPT = """\
#!{python}
import sys

sys.stdout.write("Status: 200 OK\\r\\nContent-Type: text/plain\\r\\nContent-Length: 13\\r\\n\\r\\nHello, World!")
"""
EACH = """\
#!/bin/sh
exec {command}
"""
LIGHTTPD = """\
server.document-root = "{folder}/www"
server.bind = "{host}"
server.port = {port}
server.errorlog = "{folder}/error.log"
server.upload-dirs = ( "{folder}" )
server.modules = ( "mod_{module}" )
server.max-fds = 8192
server.max-connections = 2048
server.max-keep-alive-requests = 0
{lines}
"""
CGI = 'cgi.assign = ( ".cgi" => "" )'
MODULES = {"http": "proxy", "fastcgi": "fastcgi", "scgi": "scgi", "uwsgi": "scgi", "ajp": "ajp13"}
BEHIND = '{module}.server = ( "/" => (( "socket" => "{socket}"{more} )) )'


def lighttpd() -> str | None:
    """The program, also where an ordinary user's PATH has no sbin."""
    return shutil.which("lighttpd") or shutil.which("lighttpd", path="/usr/sbin")


def command(folder: Path, address: str, module: str, lines: str) -> list[str]:
    """The command line: lighttpd in the foreground."""
    found = lighttpd()
    if found is None:
        raise processes.ServerError("lighttpd is not there")
    host, _, port = address.rpartition(":")
    config = folder / "lighttpd.conf"
    text = LIGHTTPD.format(folder=folder, host=host, port=port, module=module, lines=lines)
    config.write_text(text, encoding="utf-8")
    return [found, "-D", "-f", str(config)]


def front(folder: Path, listen: str, place: servers.Place, kind: servers.Kind) -> list[str]:
    """The command line: lighttpd in front of a server on a Unix socket."""
    del kind
    module = MODULES[place.door]
    more = "" if place.door in {"http", "ajp"} else ', "check-local" => "disable"'
    lines = BEHIND.format(module=module, socket=place.address, more=more)
    return command(folder, listen, module, 'scgi.protocol = "uwsgi"\n' * (place.door == "uwsgi") + lines)


@contextmanager
def running(folder: Path, kind: str, core: int | str, app: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Run lighttpd with the programs; gives the URL of one, and the processes whose time counts."""
    www = folder / "www"
    set_up(folder, www, app)
    address = processes.free_address()
    url = f"http://{address}{PATHS[kind]}"
    with processes.Process(command(folder, address, "cgi", CGI), folder, core) as process:
        try:
            process.wait_until(lambda: processes.listens(address), "lighttpd does not listen")
            with urllib.request.urlopen(url, timeout=processes.START):
                pass  # it starts the daemon of the stub
            yield url, (process.pid, *([daemon(folder, www)] if kind == "cgi-stub" else []))
        finally:
            if kind == "cgi-stub":
                polydoor("cgi", "stop", str(www), folder=folder)


def daemon(folder: Path, www: Path) -> int:
    """The process behind the stub."""
    (told,) = json.loads(polydoor("cgi", "status", str(www), "--json", folder=folder))
    return int(told["pid"])


def set_up(folder: Path, www: Path, app: str) -> None:
    """The programs; the stub as `polydoor cgi init` sets it up, before the application."""
    www.mkdir(mode=0o755)
    (folder / "busy.html").write_text(BUSY_PAGE, encoding="ascii")
    build_floor(www / "floor.cgi")
    path = [*processes.inherited_path(), *processes.site_of(app)]
    each = ["env", f"PYTHONPATH={processes.joined(processes.APPS, *path)}", sys.executable, "-m", "polydoor", "cgi"]
    _write(www / "script.cgi", SCRIPT.format(python=sys.executable))
    _write(www / "each.cgi", EACH.format(command=shlex.join([*each, "hello:application"])))
    more = ["--env", f"PYTHONPATH={processes.joined(*path)}"] if path else []
    more += ["--state", str(folder / "state"), "--directory", str(processes.APPS)]
    more += ["--busy-page", str(folder / "busy.html"), "--patience", "600"]
    more += ["--name", "shop", "--server", "lighttpd"]
    polydoor("cgi", "init", f"{app}:application", str(www), *more, folder=folder)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def polydoor(*words: str, folder: Path) -> str:
    """A command of Polydoor; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "polydoor", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise processes.ServerError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def build_floor(target: Path) -> None:
    """Compile the C program as anybody would."""
    source = rivals.HERE / "floor" / "cgi.c"
    done = subprocess.run(
        [*rivals.compiler(), "-O2", "-o", str(target), str(source)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise rivals.RivalError(f"the C program does not build:\n{done.stderr}")
