"""`polydoor request URL [METHOD] [PATH]`: ask a server over any of the protocols, with curl's habits."""

from __future__ import annotations

import os
import stat

from polydoor import codes
from polydoor.cli.command import Command
from polydoor.client.failure import CANNOT_READ, RequestError
from polydoor.errors import ConfigError
from polydoor.settings.option import Flag, Seconds, Setting, Word
from polydoor.settings.words import Assignment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from polydoor.cli.arguments import Arguments
    from polydoor.client.message import Asked

GROUP = "Options"
OWN = (
    Setting("header", Word("'NAME: VALUE'"), (), "A header field.", group=GROUP, short="-H", repeat=True),
    Setting(
        "data",
        Word("DATA|@FILE"),
        "",
        "The body, from a file, or with @- from standard input; several are joined by &. The method is then POST.",
        group=GROUP,
        short="-d",
        repeat=True,
    ),
    Setting(
        "upload_file",
        Word("FILE"),
        "",
        "The body is this file, sent while it is read; - is standard input, of unknown length. The method is then PUT.",
        group=GROUP,
        short="-T",
    ),
    Setting("include", Flag(), 0, "Print the head of the response before its body.", group=GROUP, short="-i"),
    Setting(
        "verbose",
        Flag(),
        0,
        "Show on standard error what is sent (>) and received (<): heads, records, variables.",
        group=GROUP,
        short="-v",
    ),
    Setting("output", Word("FILE"), "", "Write the body to a file.", group=GROUP, short="-o"),
    Setting(
        "fail", Flag(), 0, "Exit with status 22 if the response has a status of 400 or more.", group=GROUP, short="-f"
    ),
    Setting("timeout", Seconds(1, 86_400_000), 60_000, "For the whole request.", group=GROUP, short="-m"),
    Setting(
        "script_filename",
        Word("FILE"),
        "",
        "SCRIPT_FILENAME, the file that php-fpm should run; the whole path is then SCRIPT_NAME.",
        group=GROUP,
    ),
    Setting(
        "param",
        Assignment(),
        (),
        "A CGI variable as it stands, such as DOCUMENT_ROOT=/srv/www; not over HTTP.",
        group=GROUP,
        repeat=True,
    ),
)
REQUEST = Command(
    "polydoor request URL [METHOD] [PATH] [options]",
    "Asks a server over HTTP/1.1, FastCGI, SCGI, uwsgi or AJP13, and prints the body of its response.",
    more="URL is as http://127.0.0.1:8000, fastcgi://127.0.0.1:9000 or scgi+unix:/run/shop.sock. Exit status, as "
    "curl's: 0 answered, 2 usage, 7 cannot connect, 8 no response of this protocol, 18 broken off, 22 see --fail, 23 "
    "and 26 a file cannot be written or read, 28 too slow, 52 closed without an answer.",
    own=OWN,
    has_settings=False,
)
ROWS = (REQUEST,)
MOST_WORDS = 3
# Options of curl that are words here.
HABITS = {
    "-X": "Write the method behind the address: polydoor request URL METHOD PATH",
    "-I": "Ask with the method HEAD, and print the head: polydoor request URL HEAD PATH -i",
}
HABITS |= {"--request": HABITS["-X"], "--head": HABITS["-I"]}
PIECE = 65536
FORM = "application/x-www-form-urlencoded"


def main(argv: list[str]) -> int:
    """Ask, and print what is answered."""
    try:
        arguments = REQUEST.parse(argv)
    except ConfigError as error:
        option = str(error).partition("\n")[0].removeprefix("unknown option ")
        if option not in HABITS:
            raise
        raise ConfigError(f"there is no option {option} here\n{HABITS[option]}", code=codes.CANNOT_ASK) from None
    if arguments is None:
        return 0
    from polydoor.cli.response import ask

    options = Options(arguments)
    asked = asked_for(arguments.words, options)
    with options.body(asked) as pieces:
        return ask(asked, pieces, options)


class Options:
    """What the options say, checked."""

    def __init__(self, arguments: Arguments) -> None:
        rows = {row.name: row for row in OWN}
        self._texts = arguments.options
        for name, texts in arguments.options.items():
            for text in texts:
                self._parse(rows[name], text)
        self.include = self.flag("include")
        self.verbose = self.flag("verbose")
        self.fail = self.flag("fail")
        self.output = self.text("output")
        self.script = self.text("script_filename")
        self.seconds = int(self._parse(rows["timeout"], self.text("timeout") or "60")) / 1000
        self.headers = self._texts.get("header", [])
        self.parameters = self._texts.get("param", [])
        self.data = self._texts.get("data", [])
        self.upload = self.text("upload_file")
        self.source = -1  # the descriptor that a body comes from which is not there yet
        if self.data and self.upload:
            raise ConfigError(
                "--data and --upload-file are both the body; only one can be sent", code=codes.CONTRADICTION
            )

    @staticmethod
    def _parse(row: Setting, text: str) -> int | str:
        try:
            return row.kind.parse(text)
        except ValueError as error:
            raise ConfigError(f"{row.option} {error}, not {text!r}", code=codes.BAD_VALUE) from None

    def text(self, name: str) -> str:
        """The last value of an option, or nothing."""
        return self._texts.get(name, [""])[-1]

    def flag(self, name: str) -> bool:
        """Whether an option stands there."""
        return bool(Flag().parse(self.text(name) or "0"))

    def body(self, asked: Asked) -> Body:
        """The body of the request; sets what `asked` says of it."""
        return Body(asked, self)


class Body:
    """The pieces of the body; closes the file it is read from."""

    def __init__(self, asked: Asked, options: Options) -> None:
        self._fd = -1
        self._name = ""
        self._data = b""
        if options.data:
            self._data = b"&".join(_data(text) for text in options.data)
            asked.has_body, asked.length = True, len(self._data)
            asked.default("Content-Type", FORM)
        elif options.upload:
            self._fd = _open(options.upload)
            self._name = options.upload
            try:
                kind = os.fstat(self._fd)
            except OSError as error:  # standard input is closed
                raise _unreadable(self._name, error) from None
            asked.has_body = True
            asked.length = kind.st_size if stat.S_ISREG(kind.st_mode) and self._name != "-" else None
            options.source = -1 if stat.S_ISREG(kind.st_mode) else self._fd

    def __enter__(self) -> Iterator[bytes]:
        """The pieces."""
        return self._pieces()

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0 and self._name != "-":
            os.close(self._fd)

    def _pieces(self) -> Iterator[bytes]:
        yield from filter(None, [self._data])
        while self._fd >= 0 and (piece := _read(self._fd, self._name)):
            yield piece


def _data(text: str) -> bytes:
    """The bytes that `-d` means."""
    if not text.startswith("@"):
        return text.encode("utf-8", "surrogateescape")
    name = text[1:]
    fd = _open(name)
    try:
        return b"".join(iter(lambda: _read(fd, name), b""))
    finally:
        if name != "-":
            os.close(fd)


def _open(name: str) -> int:
    try:
        return 0 if name == "-" else os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(name, error) from None


def _read(fd: int, name: str) -> bytes:
    try:
        return os.read(fd, PIECE)
    except OSError as error:
        raise _unreadable(name, error) from None


def _unreadable(name: str, error: OSError) -> RequestError:
    text = f"cannot read {'standard input' if name == '-' else name}: {error.strerror or error}"
    return RequestError(text, code=codes.CANNOT_READ_BODY, exit_code=CANNOT_READ)


def asked_for(words: list[str], options: Options) -> Asked:
    """The request that the words and the options describe, but for its body."""
    from polydoor.client.address import parse_address
    from polydoor.client.message import Asked, parse_header

    if not words or len(words) > MOST_WORDS:
        what = "no address is named" if not words else f"too many words: {' '.join(words)}"
        raise ConfigError(f"{what}\nusage: {REQUEST.usage}", code=codes.CANNOT_ASK)
    address = parse_address(words[0])
    method, path = _method_and_path(words[1:])
    if path and address.target:
        raise ConfigError(f"the path stands twice: {address.target} and {path}", code=codes.CONTRADICTION)
    usual = "POST" if options.data else "PUT" if options.upload else "GET"
    asked = Asked(address, method or usual, path or address.target or "/")
    try:
        asked.headers = [parse_header(text) for text in options.headers]
    except ValueError as error:
        raise ConfigError(f"--header {error}", code=codes.BAD_VALUE) from None
    pairs = (text.partition("=") for text in options.parameters)
    asked.parameters = [(name, value) for name, _, value in pairs]
    asked.script = options.script
    if address.protocol == "http" and (asked.parameters or asked.script):
        text = "--param and --script-filename need a protocol with variables\nOver HTTP send header fields, with -H."
        raise ConfigError(text, code=codes.CONTRADICTION)
    return asked


def _method_and_path(words: list[str]) -> tuple[str, str]:
    """A word that begins with a slash is the path."""
    if len(words) == 1 and words[0][:1] in {"/", "*"}:
        return "", words[0]
    return words[0] if words else "", words[1] if len(words) > 1 else ""
