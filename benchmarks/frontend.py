"""Debian's nginx in front of a server: unprivileged, one worker, nothing logged, connections kept on both sides."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apache
import processes
import programs
import servers

MAIN = """\
daemon off;
{user}
worker_processes 1;
error_log {folder}/error.log error;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    upstream app {{
        server {upstream} max_fails=0;
        {keepalive}
    }}
    server {{
        listen {listen};
        server_name shop.example;
        location / {{
{location}
        }}
    }}
}}
"""
KEEPALIVE = "keepalive 32; keepalive_requests 100000000; keepalive_timeout 600s;"

# The names of Debian's fastcgi_params, scgi_params and uwsgi_params.
PARAMS = {
    "QUERY_STRING": "$query_string",
    "REQUEST_METHOD": "$request_method",
    "CONTENT_TYPE": "$content_type",
    "REQUEST_URI": "$request_uri",
    "DOCUMENT_URI": "$document_uri",
    "DOCUMENT_ROOT": "$document_root",
    "SERVER_PROTOCOL": "$server_protocol",
    "REQUEST_SCHEME": "$scheme",
    "HTTPS": "$https if_not_empty",
    "REMOTE_ADDR": "$remote_addr",
    "REMOTE_PORT": "$remote_port",
    "SERVER_PORT": "$server_port",
    "SERVER_NAME": "$server_name",
}
FASTCGI_PARAMS = {
    "CONTENT_LENGTH": "$content_length",  # for SCGI nginx gives it on its own
    "SCRIPT_FILENAME": "$document_root$fastcgi_script_name",
    "SCRIPT_NAME": "$fastcgi_script_name",
    "GATEWAY_INTERFACE": "CGI/1.1",
    "SERVER_SOFTWARE": "nginx/$nginx_version",
    "REDIRECT_STATUS": "200",
}
SCGI_PARAMS = {"SCGI": "1"}
UWSGI_PARAMS = {"CONTENT_LENGTH": "$content_length"}
PASS = {
    "http": ["proxy_pass http://app", "proxy_http_version 1.1", 'proxy_set_header Connection ""'],
    "fastcgi": ["fastcgi_pass app", "fastcgi_keep_conn on"],
    "scgi": ["scgi_pass app"],
    "uwsgi": ["uwsgi_pass app"],
}


def configuration(folder: Path, door: str, listen: str, upstream: str, *, is_root: bool, script: str = "") -> str:
    """The whole nginx.conf; `script` is what SCRIPT_FILENAME says instead of the usual."""
    params = {"fastcgi": PARAMS | FASTCGI_PARAMS, "scgi": PARAMS | SCGI_PARAMS, "uwsgi": PARAMS | UWSGI_PARAMS}.get(
        door, {}
    )
    params |= {"SCRIPT_FILENAME": script} if script else {}
    lines = [*PASS[door], *(f"{door}_param {name} {value}" for name, value in params.items())]
    return MAIN.format(
        folder=folder,
        # As root nginx would give its worker to a user who cannot reach a socket in our folder.
        user="user root;" if is_root else "",
        upstream=f"unix:{upstream}" if "/" in upstream else upstream,
        keepalive="" if door in {"scgi", "uwsgi"} else KEEPALIVE,
        listen=listen,
        location="\n".join(f"            {line};" for line in lines),
    )


def program() -> str | None:
    """nginx, also where an ordinary user's PATH has no sbin."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@contextmanager
def running(name: str, place: servers.Place, core: int | str, kind: servers.Kind) -> Iterator[tuple[str, int]]:
    """Run nginx, Apache or lighttpd in front of a server; gives the address to ask, and its process."""
    folder = place.folder / name
    folder.mkdir(exist_ok=True)
    listen = processes.free_address()
    command = {"nginx": _nginx, "apache": _apache, "lighttpd": programs.front}[name](folder, listen, place, kind)
    with processes.Process(command, folder, core) as process:
        process.wait_until(lambda: processes.listens(listen), f"{name} does not listen")
        yield listen, process.pid


def _nginx(folder: Path, listen: str, place: servers.Place, kind: servers.Kind) -> list[str]:
    found = program()
    if found is None:
        raise processes.ServerError("nginx is not there")
    config = folder / "nginx.conf"
    text = configuration(folder, place.door, listen, place.address, is_root=os.geteuid() == 0, script=kind.script)
    config.write_text(text, encoding="utf-8")
    return [found, "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")]


def _apache(folder: Path, listen: str, place: servers.Place, kind: servers.Kind) -> list[str]:
    return apache.proxy(folder, listen, place.mpm, place.door, place.address, is_kept=not kind.is_dropping)


def version() -> str:
    """What nginx calls itself."""
    found = program()
    if found is None:
        return ""
    done = subprocess.run([found, "-v"], capture_output=True, text=True, check=False)
    return done.stderr.strip().rpartition("/")[2]
