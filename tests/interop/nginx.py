"""`Nginx`: Debian's nginx with a configuration as short as many a guide shows it: to be found wanting."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING, Self

from interop.frontends import free_port
from support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from peers.wire import Address

MAIN = """\
daemon off;
{user}
worker_processes 1;
error_log {folder}/error.log info;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    types {{ text/css css; text/plain txt; application/javascript js; }}
    default_type application/octet-stream;
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    client_max_body_size 2g;
    upstream app {{
        server {upstream};
        {keepalive}
    }}
    server {{
        listen 127.0.0.1:{port};
        server_name shop.example;
        {extra}
        location / {{
{location}
        }}
    }}
}}
"""

# What Debian's fastcgi_params and scgi_params hold, written out: the files may be absent or changed.
PARAMS = """\
            {kind}_param QUERY_STRING $query_string;
            {kind}_param REQUEST_METHOD $request_method;
            {kind}_param CONTENT_TYPE $content_type;
            {kind}_param REQUEST_URI $request_uri;
            {kind}_param DOCUMENT_URI $document_uri;
            {kind}_param DOCUMENT_ROOT $document_root;
            {kind}_param SERVER_PROTOCOL $server_protocol;
            {kind}_param REQUEST_SCHEME $scheme;
            {kind}_param HTTPS $https if_not_empty;
            {kind}_param REMOTE_ADDR $remote_addr;
            {kind}_param REMOTE_PORT $remote_port;
            {kind}_param SERVER_PORT $server_port;
            {kind}_param SERVER_NAME $server_name;
"""

FASTCGI = (
    """\
            fastcgi_pass app;
            fastcgi_keep_conn {keep};
            fastcgi_request_buffering {buffering};
            fastcgi_param CONTENT_LENGTH $content_length;
            fastcgi_param SCRIPT_NAME $fastcgi_script_name;
            fastcgi_param GATEWAY_INTERFACE CGI/1.1;
            fastcgi_param SERVER_SOFTWARE nginx/$nginx_version;
"""
    + PARAMS
)
# nginx puts CONTENT_LENGTH before all others by itself.
SCGI = (
    """\
            scgi_pass app;
            scgi_request_buffering {buffering};
            scgi_param SCGI 1;
"""
    + PARAMS
)
PROXY = """\
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
            proxy_request_buffering {buffering};
"""
UWSGI = (
    """\
            uwsgi_pass app;
            uwsgi_request_buffering {buffering};
            uwsgi_param CONTENT_LENGTH $content_length;
            uwsgi_param PATH_INFO $document_uri;
"""
    + PARAMS
)
LOCATIONS = {"fastcgi": FASTCGI, "scgi": SCGI, "uwsgi": UWSGI, "http": PROXY}


class Nginx:
    """A running nginx in front of one listener."""

    def __init__(
        self,
        folder: Path,
        kind: str,
        upstream: Address,
        *,
        keep: bool = False,
        buffering: bool = True,
        static: Path | None = None,
        more: str = "",
    ) -> None:
        """`more` are further lines for the location of the application."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port("127.0.0.1")
        self.address: Address = ("127.0.0.1", self.port)
        where = f"unix:{upstream}" if isinstance(upstream, str) else f"{upstream[0]}:{upstream[1]}"
        location = LOCATIONS[kind].format(
            kind=kind, keep="on" if keep else "off", buffering="on" if buffering else "off"
        )
        text = MAIN.format(
            folder=folder,
            port=self.port,
            # As root nginx would drop its workers to a user who cannot enter the test's folder.
            user="user root;" if os.geteuid() == 0 else "",
            upstream=where,
            keepalive="keepalive 4;" if keep or kind == "http" else "",
            extra=f"location /static/ {{ alias {static}/; }}" if static else "",
            location=location + more,
        )
        config = folder / "nginx.conf"
        config.write_text(text)
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert eventually(self._answers), f"nginx does not start:\n{self.errors()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return self.process.poll() is not None or probe.connect_ex(("127.0.0.1", self.port)) == 0

    def errors(self) -> str:
        """The error log."""
        log = self.folder / "error.log"
        return log.read_text() if log.exists() else ""

    def stop(self) -> None:
        """Ends nginx."""
        self.process.terminate()
        self.process.wait(20)
        assert self.process.stderr is not None
        self.process.stderr.close()
