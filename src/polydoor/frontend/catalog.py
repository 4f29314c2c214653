"""The front ends by name: what each is called, which template it has, and what it speaks, the best first."""

from __future__ import annotations

from polydoor import codes
from polydoor.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

PORTS = {"http": 8000, "ajp": 8009}
TITLES = {"http": "HTTP", "fastcgi": "FastCGI", "scgi": "SCGI", "uwsgi": "uwsgi", "ajp": "AJP13"}


PROXIED = {
    "nginx": {"http": "nginx_stream.conf"},
    "haproxy": {"http": "haproxy.cfg", "fastcgi": "haproxy.cfg"},
    "caddy": {"http": "caddy.caddyfile"},
}


class FrontEnd:
    """One front end. `speaks` holds the protocols of Polydoor's listeners in the order in which they suit it."""

    __slots__ = ("name", "only_tcp", "profile", "program", "speaks", "template", "title")

    def __init__(
        self,
        name: str,
        title: str,
        template: str,
        *,
        speaks: tuple[str, ...],
        profile: str = "",
        only_tcp: bool = False,
        program: str = "",
    ) -> None:
        self.name = name
        self.title = title
        self.template = template
        self.speaks = speaks
        # What a gateway listener behind it has as `profile`; empty for what is no web server.
        self.profile = profile or (name if speaks else "")
        self.only_tcp = only_tcp  # knows no Unix sockets
        self.program = program  # what it speaks with the program that it starts by itself, without a listener

    @property
    def proxied(self) -> Mapping[str, str]:
        """Before which protocols it sends a PROXY header, with the template for each."""
        return PROXIED.get(self.name, {})

    def check(self, protocol: str) -> None:
        """Raise ConfigError if it does not speak this protocol."""
        if protocol in self.speaks:
            return
        raise ConfigError(
            f"{self.title} does not speak {TITLES.get(protocol, protocol)} with what is behind it; it speaks "
            f"{_listed(self.speaks)}\nAdd a listener for it, such as -b {_example(self.speaks[0])}.",
            code=codes.NOT_SPOKEN,
        )

    def refuse_proxied(self, protocol: str) -> NoReturn:
        """It sends no PROXY header before this protocol, and the listener asks for one."""
        if self.proxied:
            what = f"sends a PROXY header only before {_listed(tuple(self.proxied))}, and not before {TITLES[protocol]}"
        else:
            what = "sends no PROXY header"
        raise ConfigError(
            f"{self.title} {what}, which proxy-protocol=on asks for\n"
            f"Add a listener without it, such as -b {_example(self.speaks[0])}.",
            code=codes.NOT_SPOKEN,
        )


def _listed(protocols: tuple[str, ...]) -> str:
    return " and ".join(TITLES[name] for name in protocols)


def _example(protocol: str) -> str:
    """The address of a listener."""
    return f"{protocol}://127.0.0.1:{PORTS.get(protocol, 9000)}"


FRONT_ENDS = (
    FrontEnd("nginx", "nginx", "nginx.conf", speaks=("fastcgi", "http", "scgi", "uwsgi")),
    FrontEnd("apache", "Apache", "apache.conf", speaks=("fastcgi", "http", "ajp", "scgi", "uwsgi")),
    FrontEnd("mod_jk", "Apache with mod_jk", "mod_jk.conf", speaks=("ajp",), profile="apache", only_tcp=True),
    FrontEnd("mod_fcgid", "Apache with mod_fcgid", "mod_fcgid.conf", speaks=(), program="fastcgi"),
    FrontEnd("mod_cgi", "Apache with mod_cgi", "mod_cgi.conf", speaks=(), program="cgi"),
    FrontEnd("lighttpd", "lighttpd", "lighttpd.conf", speaks=("fastcgi", "http", "scgi", "uwsgi", "ajp")),
    FrontEnd("lighttpd_cgi", "lighttpd with mod_cgi", "lighttpd_cgi.conf", speaks=(), program="cgi"),
    FrontEnd("haproxy", "HAProxy", "haproxy.cfg", speaks=("http", "fastcgi")),
    FrontEnd("caddy", "Caddy", "caddy.caddyfile", speaks=("http", "fastcgi")),
    FrontEnd("systemd", "systemd", "systemd.service", speaks=()),
)
NAMES = tuple(front_end.name for front_end in FRONT_ENDS)
OTHER_NAMES = {
    "jk": "mod_jk",
    "fcgid": "mod_fcgid",
    "cgi": "mod_cgi",
    "httpd": "apache",
    "apache2": "apache",
    "lighty": "lighttpd",
    "caddyfile": "caddy",
}


def find(name: str) -> FrontEnd:
    """Return the front end of this name, or raise ConfigError."""
    for front_end in FRONT_ENDS:
        if front_end.name == name:
            return front_end
    from polydoor.settings.suggest import nearest

    meant = OTHER_NAMES.get(name.lower()) or nearest(name, NAMES)
    hint = f"Did you mean {meant}? " if meant else ""
    text = f"there is no front end {name!r}\n{hint}There are {', '.join(NAMES)}."
    raise ConfigError(text, code=codes.UNKNOWN_FRONT_END)
