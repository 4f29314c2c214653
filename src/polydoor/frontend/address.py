"""How a front end reaches a listener, and where it listens itself."""

from __future__ import annotations

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.settings.listener import PORT, mask_address, parse_listener
from polydoor.settings.option import Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from polydoor.frontend.template import Fact
    from polydoor.settings.listener import ListenerSpec

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}  # noqa: S104 - where such a listener is reached
UNSAFE = set("\"'\\`${}[]#;%<>|&*?")  # what some configuration file takes for a sign of its own


def is_plain(text: str) -> bool:
    """Whether a text means itself in every configuration file: no quotes, no signs, no blanks."""
    return bool(text) and text.isprintable() and " " not in text and not UNSAFE & set(text)


def split_port(text: str) -> tuple[str, int]:
    """The host and the port of HOST:PORT; a port of 0 is none."""
    host, _, port = text.rpartition(":")
    try:
        return host, int(PORT.parse(port))
    except ValueError:
        return host, 0


class Listen(Kind):
    """Where the front end listens: a port, or a host and a port."""

    metavar = "[HOST:]PORT"

    def parse(self, text: str) -> str:
        """Return HOST:PORT, with an empty host for every address."""
        host, number = split_port(text)
        bracketed = host.startswith("[") and host.endswith("]")
        if not number or (":" in host and not bracketed) or (host and not is_plain(host.strip("[]"))):
            raise ValueError("needs a port, or HOST:PORT, such as 127.0.0.1:8080")
        return f"{'' if host in {'*', '0.0.0.0'} else host}:{number}"  # noqa: S104 - both mean every address


class Connect(Kind):
    """Where the front end finds the listener: HOST:PORT or unix:PATH."""

    metavar = "ADDRESS"

    def parse(self, text: str) -> str:
        """Take what can stand behind `-b` without a protocol."""
        try:
            spec = parse_listener(text)
        except ConfigError as error:
            raise ValueError("needs HOST:PORT or unix:PATH") from error
        if spec["kind"] == "fd" or "?" in text or "//" in text or not (spec["path"] or spec["port"]):
            raise ValueError("needs HOST:PORT or unix:PATH")
        return text


class Place:
    """Where a front end connects to: a Unix socket, or host and port."""

    __slots__ = ("host", "path", "port")

    def __init__(self, spec: ListenerSpec, text: str) -> None:
        """`text` is the address as the operator wrote it, for messages."""
        self.path = str(spec["path"]) if spec["kind"] == "unix" else ""
        self.host = EVERYWHERE.get(str(spec["host"]), str(spec["host"]))
        self.port = int(str(spec["port"]))
        if spec["kind"] == "fd" or not (self.path or self.port):
            raise ConfigError(
                f"{mask_address(text)} does not say where a front end finds it\n"
                "Say it with --connect HOST:PORT or --connect unix:PATH.",
                code=codes.NO_PLACE,
            )
        if self.path:
            from os.path import abspath

            self.path = abspath(self.path)
        check_plain("the address", self.path or self.host)

    @property
    def forwarder(self) -> str:
        """Who connects, as `trust-forwarded` names it: on one machine it comes from the address that it goes to."""
        return "unix" if self.path else self.host.replace("localhost", "127.0.0.1")

    @property
    def is_named(self) -> bool:
        """Whether an address has to be found for the host first."""
        return any(letter.isalpha() for letter in self.host) and ":" not in self.host and self.host != "localhost"

    @property
    def authority(self) -> str:
        """HOST:PORT, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def check_name(text: str) -> str:
    """What the site is called in a configuration: the name of a section, of a variable and of a file."""
    if text.isascii() and text[:1].isalnum() and text.replace("-", "").replace("_", "").replace(".", "").isalnum():
        return text
    raise _not_plain("the name", text, ". _ -")


def check_mount(mount: str) -> str:
    """The mount of a listener in ASCII: one front end compares a path as the client sent it, another one decoded."""
    text = mount.encode("latin-1").decode("utf-8", "replace")
    if text and not (is_plain(text) and text.isascii()):
        raise _not_plain("the mount", text)
    return text


def check_printable(facts: Mapping[str, Fact]) -> None:
    """Raise ConfigError for a text that would not stay within its line."""
    for fact in facts.values():
        if isinstance(fact, str):
            if not fact.isprintable():
                told = f"{fact!r} cannot be written into a configuration file: it holds a control character"
                raise ConfigError(f"{told}\nName it otherwise.", code=codes.NOT_PLAIN)
        elif not isinstance(fact, bool):
            for item in fact:
                check_printable(item)


def check_plain(what: str, text: str) -> str:
    """Return the text, or raise ConfigError if a configuration file could take it for something else."""
    if is_plain(text):
        return text
    raise _not_plain(what, text)


def _not_plain(what: str, text: str, signs: str = ". _ - / :") -> ConfigError:
    letters = "letters" if text.isascii() else "ASCII letters"
    told = f"{what} {text!r} cannot be written into a configuration file\nUse {letters}, digits and {signs} only."
    return ConfigError(told, code=codes.NOT_PLAIN)
