"""A request as its protocol has it: header fields over HTTP, CGI variables over the others (RFC 3875 section 4.1)."""

from __future__ import annotations

from urllib.parse import quote_from_bytes, unquote_to_bytes

from polydoor import codes
from polydoor._version import __version__
from polydoor.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.bridge import Client
    from polydoor.client.address import Address

PLAIN = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
# What AJP13 has a place for; whatever else is asked for becomes an attribute of the request.
AJP_VARIABLES = (
    *("SERVER_PROTOCOL", "SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_HOST", "REMOTE_PORT", "REMOTE_USER"),
    *("AUTH_TYPE", "HTTPS", "SSL_CLIENT_CERT", "SSL_CIPHER", "SSL_SESSION_ID", "secret"),
)
FRAMING = ("content-length", "transfer-encoding")
AS_IT_STANDS = "%/?:@!$&'()*+,;=[]"  # in a target, beside letters, digits and -._~ (RFC 3986, appendix A)


class Asked:
    """What is asked for, before it is bytes. `length` None with `has_body` is a body of unknown length."""

    __slots__ = ("address", "has_body", "headers", "length", "method", "parameters", "script", "target")

    def __init__(self, address: Address, method: str, target: str) -> None:
        self.address = address
        self.method = method
        self.target = target
        self.headers: list[tuple[str, str]] = []
        self.parameters: list[tuple[str, str]] = []
        self.script = ""  # SCRIPT_FILENAME, for php-fpm
        self.has_body = False
        self.length: int | None = None

    def header(self, name: str) -> str | None:
        """The value of a header field, or None."""
        return next((value for field, value in self.headers if field.lower() == name), None)

    def default(self, name: str, value: str) -> None:
        """Add a header field unless it is there."""
        if self.header(name.lower()) is None:
            self.headers.append((name, value))


def parse_header(text: str) -> tuple[str, str]:
    """`Name: value`, or `Name;` for an empty value, as curl has it."""
    name, colon, value = text.partition(":")
    if not colon and text.endswith(";"):
        return text[:-1], ""
    if not colon or not name.strip():
        raise ValueError("needs 'Name: value'")
    if any((letter < " " and letter != "\t") or letter == "\x7f" for letter in text):  # whoever would take it
        raise ValueError(f"may not hold a line end or another control character, as {text!r} does")
    if name.lower() in FRAMING:
        raise ValueError(f"may not set {name}: the body decides on it")
    return name, value.strip()


def encode_head(asked: Asked, client: Client) -> bytes:
    """The request up to its body."""
    asked.default("Host", asked.address.authority)
    asked.default("User-Agent", f"polydoor/{__version__}")
    asked.default("Accept", "*/*")
    chunked = asked.has_body and asked.length is None
    if chunked and not client.sends_chunks:
        raise ConfigError(
            f"{asked.address.protocol} cannot send a body of unknown length\n"
            "Send it with -d @-, which reads standard input to its end first.",
            code=codes.CANNOT_ASK,
        )
    headers = [] if client.form == "cgi" else asked.headers
    others = [] if client.form == "http" else variables(asked, chunked)
    try:
        method, target = _octets(asked.method), _octets(asked.target)
        attributes = []
        if client.form == "ajp":
            attributes = [pair for pair in others if pair in asked.parameters and pair[0] not in AJP_VARIABLES]
            others = [pair for pair in others if pair[0] in AJP_VARIABLES]
        lists = (_pairs(headers), _pairs(others), _pairs(attributes))
        return client.head(method, target, *lists, asked.length, chunked)
    except ValueError as error:
        escaped = quote_from_bytes(_octets(asked.target), AS_IT_STANDS)
        advice = f"\nWrite the path with escapes: {escaped}" if escaped != asked.target else ""
        raise ConfigError(f"this request cannot be sent: {error}{advice}", code=codes.CANNOT_ASK) from None


def _pairs(fields: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(_octets(name), _octets(value)) for name, value in fields]


def _octets(text: str) -> bytes:
    """The bytes that stood on the command line."""
    return text.encode("utf-8", "surrogateescape")


def variables(asked: Asked, chunked: bool) -> list[tuple[str, str]]:
    """What a web server would send for this request, with --param last word on everything."""
    path, _, query = asked.target.partition("?")
    host, _, port = asked.address.authority.rpartition(":")
    decoded = unquote_to_bytes(_octets(path)).decode("utf-8", "surrogateescape")
    found = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REQUEST_METHOD": asked.method,
        "REQUEST_URI": asked.target,
        "SCRIPT_NAME": decoded if asked.script else "",
        "PATH_INFO": "" if asked.script else decoded,
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": f"polydoor/{__version__}",
        "SERVER_NAME": host or asked.address.authority,
        "SERVER_PORT": port if host else "80",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "0",
        "REQUEST_SCHEME": "http",
    }
    if asked.script:
        found["SCRIPT_FILENAME"] = asked.script
        del found["PATH_INFO"]
    if chunked:
        found["HTTP_TRANSFER_ENCODING"] = "chunked"
    fields = list(found.items())
    for name, value in asked.headers:
        fields.append((PLAIN.get(name.lower()) or "HTTP_" + name.upper().replace("-", "_"), value))
    if asked.address.protocol == "ajp" and any(name == "secret" for name, _ in asked.parameters):
        raise ConfigError(
            "a secret never stands on a command line, where every user of the machine sees it\n"
            "Say where it is behind the address: ?secret=env:NAME or ?secret=file:PATH.",
            code=codes.CANNOT_ASK,
        )
    if asked.address.secret:
        fields.append(("secret", asked.address.secret))
    given = dict(asked.parameters)
    return [(name, value) for name, value in fields if name not in given] + asked.parameters
