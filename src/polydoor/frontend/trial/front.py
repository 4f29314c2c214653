"""The front end under test: how requests reach the diagnostics behind it, and which front end it is."""

from __future__ import annotations

import hashlib
import json

from polydoor.frontend.trial.http import Connection, NoAnswerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from polydoor.frontend.trial.http import Fields, Response, Target

FOLDER = "/.polydoor/"
# How each is recognized: by the first word of a Server field, and by what its own page for a bad request holds.
SERVERS = {
    "nginx": "nginx",
    "openresty": "nginx",
    "apache": "apache",
    "lighttpd": "lighttpd",
    "haproxy": "haproxy",
    "caddy": "caddy",
    "polydoor": "none",
}
PAGES = {"Your browser sent an invalid request.": "haproxy"}
TITLES = {
    "nginx": "nginx",
    "apache": "Apache",
    "lighttpd": "lighttpd",
    "haproxy": "HAProxy",
    "caddy": "Caddy",
    "none": "no front end",
    "": "an unknown front end (--frontend says which)",
}
PROTOCOLS = {"http": "HTTP", "fastcgi": "FastCGI", "scgi": "SCGI", "uwsgi": "uwsgi", "ajp": "AJP13", "cgi": "CGI"}
BAD = 400
OK = 200


class NotFoundError(Exception):
    """What answers are not the diagnostics; says what it is, and below what to do."""


class Arrival:
    """What the diagnostics told of one request."""

    __slots__ = ("body", "environ", "facts", "response")

    def __init__(self, response: Response, facts: dict[str, Any]) -> None:
        self.response = response
        self.facts = facts
        self.environ: dict[str, str] = facts["environ"]
        self.body: dict[str, Any] = facts["body"]

    def get(self, key: str) -> str:
        """A variable of the environ; nothing where it is absent."""
        return self.environ.get(key, "")

    def has_body(self, data: bytes) -> bool:
        """Whether exactly this body arrived."""
        return bool(self.body["sha256"] == hashlib.sha256(data).hexdigest())


class Front:
    """The way through the front end, and what is known of it."""

    def __init__(self, target: Target, token: str, *, name: str = "") -> None:
        self.target = target
        self.base = f"{target.base}{FOLDER}{token}/"
        self.name = name  # of the front end: a key of TITLES
        self.software = ""  # as its Server field has it
        self.own_address = ""
        self.first: Arrival | None = None
        self.is_fcgid = False  # Apache's mod_fcgid
        self._token = token

    def connect(self) -> Connection:
        """A new connection; OSError when there is none."""
        return Connection(self.target)

    def path(self, rest: str) -> str:
        """A request target among the diagnostics."""
        return self.base + rest

    def ask(self, method: str, rest: str, fields: Fields = (), body: bytes | None = None) -> Response:
        """One request on a connection of its own."""
        with self.connect() as connection:
            return connection.ask(method, self.path(rest), [*fields, ("Connection", "close")], body)

    def echo(self, rest: str = "", fields: Fields = (), body: bytes | None = None) -> Arrival | Response:
        """What arrives of such a request, or the response of whoever did not pass it on."""
        method = "GET" if body is None else "POST"
        return self.arrival(self.ask(method, f"echo/{rest}" if rest[:1] != "?" else f"echo{rest}", fields, body))

    def arrival(self, response: Response) -> Arrival | Response:
        """Read what the diagnostics told; the response itself if they did not answer."""
        try:
            facts = json.loads(response.body) if response.status == OK else None
        except (ValueError, RecursionError):
            facts = None
        if not isinstance(facts, dict) or not {"polydoor", "environ", "body"} <= facts.keys():
            return response
        return Arrival(response, facts)

    @property
    def protocol(self) -> str:
        """By which protocol Polydoor is reached; empty when it could not be told."""
        return str(self.first.facts.get("protocol", "")) if self.first else ""

    @property
    def module(self) -> str:
        """The front end; of Apache's modules those that differ from mod_proxy, as their requests tell."""
        if self.name != "apache" or self.first is None:
            return self.name
        if "ajp.JK_LB_ACTIVATION" in self.first.facts.get("other_keys", ()):
            return "mod_jk"
        return "mod_fcgid" if self.is_fcgid else "apache"

    @property
    def peer(self) -> str:
        """From which address the front end calls Polydoor, as `trust-forwarded` has it."""
        return "unix" if self.is_local_socket else str(self.first.facts.get("peer", "")) if self.first else ""

    @property
    def is_local_socket(self) -> bool:
        """Whether the front end reaches Polydoor through a Unix socket."""
        return self.first is not None and self.protocol != "cgi" and not self.first.facts.get("peer", "-")

    def meet(self) -> None:
        """Find the diagnostics; OSError or NoAnswerError when nobody answers, NotFoundError when somebody else does."""
        with self.connect() as connection:
            self.own_address = connection.own_address
            found = self.arrival(connection.ask("GET", self.path("echo/hello"), [("Connection", "close")]))
        if not isinstance(found, Arrival):
            raise NotFoundError(_who_answered(found, self.target.url))
        self.first = found
        self.software = found.response.get("Server")
        self.name = self.name or self._recognized(found.response)
        if self.name == "apache" and str((found.facts.get("listeners") or [""])[0]).startswith("fd://0?"):
            # It has started Polydoor, and gives a length to requests without one; mod_proxy_fcgi does neither.
            # With GET and its like, Polydoor leaves a length of 0 out.
            patched = self.arrival(self.ask("PATCH", "echo/hello"))
            self.is_fcgid = isinstance(patched, Arrival) and patched.get("CONTENT_LENGTH") == "0"

    def _recognized(self, response: Response) -> str:
        """Which front end it is. Some pass on the Server field of what is behind them, or have none of their own."""
        if "caddy" in response.get("Via").lower():
            return "caddy"
        name = _named(self.software)
        if name not in {"", "none"}:
            return name
        return self._by_own_page() or name

    def _by_own_page(self) -> str:
        """Which front end it is by its answer to a request that it cannot pass on."""
        try:
            with self.connect() as connection:
                connection.send(b"GET / HTTP/1.1\r\nHost: a b\r\nno header field\r\n\r\n")
                page = connection.response()
        except (OSError, NoAnswerError):
            return ""
        text = page.body.decode("latin-1")
        return next((name for part, name in PAGES.items() if part in text), "") or _named(page.get("Server"))

    def describe(self) -> str:
        """Which front end, and how Polydoor is reached behind it."""
        assert self.first is not None
        says_so = self.name not in {"", "none"} and _named(self.software) == self.name
        name = self.software if says_so else TITLES.get(self.name, self.name)
        over = PROTOCOLS.get(self.protocol, "")
        way = f" over {over}" if over else ""
        where = " on a Unix socket" if self.is_local_socket else ""
        return f"{name}; Polydoor {self.first.facts['polydoor']} is reached{way}{where}"

    def masked(self, text: str) -> str:
        """The same text without the token."""
        return text.replace(self._token, "TOKEN")


def _named(server: str) -> str:
    word = server.replace("/", " ").partition(" ")[0].lower()
    return SERVERS.get(word, "")


def _who_answered(response: Response, url: str) -> str:
    by = f" by {response.get('Server')}" if response.get("Server") else ""
    first = f"{url} is answered{by} with {response.status} {response.reason}".rstrip()
    hints: Iterable[str]
    if response.status in (301, 302, 303, 307, 308):
        hints = (f"It redirects to {response.get('Location')}. Test that address, or with the right http or https.",)
    elif response.status in (401, 403):
        hints = ("The front end lets nobody in there without a password, or not from here. Allow it for the test.",)
    elif response.status in (500, 502, 503, 504):
        hints = (
            "The front end does not reach Polydoor. Check that Polydoor runs, that the address in the front end's",
            "configuration is that of a listener, and what the error log of the front end says.",
        )
    else:
        hints = (
            "Check that Polydoor runs with --diagnostics and this token, that the URL is that of the application with",
            "its mount, and that the front end passes paths like /.polydoor/ on (some hide what begins with a dot).",
        )
    return "\n".join([f"the diagnostics do not answer: {first}", *hints])
