"""Each front end with each protocol that it speaks: started once, and asked by many tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interop.frontends import COMMAND_NAMES, FRONT_ENDS, SERVER_NAME, FrontEnd, Site, printed, url_of
from peers.door import HttpDoor
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
    "apache": ("fastcgi", "scgi", "uwsgi", "http"),
    "lighttpd": ("fastcgi", "scgi", "uwsgi", "http"),
    "haproxy": ("fastcgi", "http"),
    "caddy": ("fastcgi", "http"),
}
PAIRS = [f"{front_end}+{protocol}" for front_end, protocols in SPOKEN.items() for protocol in protocols]


def query(name: str, protocol: str) -> str:
    """The options of a listener, as `polydoor frontend` says that Polydoor is to be started."""
    believed = "trust-forwarded=127.0.0.1&forwarded=for,proto,host" if protocol == "http" else f"profile={name}"
    return f"mount={MOUNT}&{believed}"


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
    """One server, and each front end with all of its sites from the moment when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listeners = {
            (name, protocol): f"{protocol}://127.0.0.1:0?{query(name, protocol)}"
            for name, protocols in SPOKEN.items()
            if name not in COMMAND_NAMES
            for protocol in protocols
        }
        options = ["--body-limit", str(BODY_LIMIT), "--diagnostics", TOKEN]
        direct = "http://127.0.0.1:0"
        self.server = Server(f"{APPS}/behind.py", [direct, *listeners.values()], options=options)
        self.direct, *doors = self.server.doors
        self._doors = dict(zip(listeners, doors, strict=True))
        self._running: dict[str, FrontEnd] = {}

    def __getitem__(self, name: str) -> Pair:
        front_end, _, protocol = name.partition("+")
        if front_end not in self._running:
            sites = [self._site(front_end, spoken) for spoken in SPOKEN[front_end]]
            self._running[front_end] = FRONT_ENDS[front_end](self.folder / front_end, sites)
        running = self._running[front_end]
        site = running.sites[protocol]
        door = HttpDoor(site.address, (SERVER_NAME, site.port))
        door.source = CLIENT
        return Pair(name, running, site, door)

    def _site(self, front_end: str, protocol: str) -> Site:
        name = COMMAND_NAMES.get(front_end, front_end)
        url = url_of(protocol, self._doors[name, protocol].address, query(name, protocol))
        site = printed(name, protocol, url, "--body-limit", str(BODY_LIMIT))
        assert "# Polydoor is started with\n" in site.text, "the listener has other options than it is told to have"
        return site

    def stop(self) -> None:
        """Ends all of them, the server last."""
        for running in self._running.values():
            running.stop()
        self.server.stop()
