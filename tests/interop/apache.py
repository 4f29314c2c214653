"""`Apache`: Debian's Apache, unprivileged, before an AJP13 listener by mod_proxy_ajp or mod_jk."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, Self

from interop.frontends import free_port
from support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from peers.wire import Address

PROGRAM = "/usr/sbin/apache2"
MODULES = "/usr/lib/apache2/modules"
MAIN = """\
ServerRoot {folder}
ServerName shop.example
{user}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
{load}
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
LogLevel warn
DefaultRuntimeDir {folder}
Mutex file:{folder} default
StartServers 1
KeepAliveTimeout 1
ThreadsPerChild 25
AllowEncodedSlashes NoDecode
DocumentRoot {folder}
{front}
"""
FRONTS = {
    "mod_proxy_ajp": (
        ("proxy", "proxy_ajp"),
        'ProxyPass "/" "ajp://{host}:{upstream}/" secret={secret}\n',
    ),
    "mod_jk": (
        ("jk",),
        """\
JkWorkersFile {folder}/workers.properties
JkLogFile {folder}/jk.log
JkLogLevel warn
JkShmFile {folder}/jk.shm
JkOptions +ForwardURIProxy
JkMount /* shop
""",
    ),
}
WORKERS = """\
worker.list=shop
worker.shop.type=ajp13
worker.shop.host={host}
worker.shop.port={upstream}
worker.shop.secret={secret}
worker.shop.ping_mode=A
"""


class Apache:
    """A running Apache."""

    def __init__(self, folder: Path, front: str, upstream: Address, secret: str) -> None:
        assert isinstance(upstream, tuple)
        self.folder = folder
        self.front = front
        self.port = free_port("127.0.0.1")
        names = {"folder": folder, "host": upstream[0], "upstream": upstream[1], "secret": secret}
        modules, text = FRONTS[front]
        load = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in modules)
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        main = MAIN.format(
            folder=folder, user=user, modules=MODULES, load=load, port=self.port, front=text.format(**names)
        )
        (folder / "apache.conf").write_text(main)
        (folder / "workers.properties").write_text(WORKERS.format(**names))
        command = [PROGRAM, "-f", str(folder / "apache.conf"), "-D", "FOREGROUND"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert eventually(self._answers), f"Apache does not start:\n{self.errors()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        assert self.process.stderr is not None
        self.process.stderr.close()

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.errors()
        return (self.folder / "apache.pid").exists()

    def errors(self) -> str:
        """What Apache said."""
        assert self.process.stderr is not None
        said = self.process.stderr.read().decode() if self.process.poll() is not None else ""
        log = self.folder / "error.log"
        return said + (log.read_text() if log.exists() else "")
