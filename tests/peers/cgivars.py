"""The variables that a web server makes of an HTTP request (RFC 3875 section 4.1)."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

Headers = list[tuple[str, str]]


def variables(
    method: str,
    target: str,
    headers: Headers,
    *,
    length: int | None,
    server: tuple[str, int] = ("127.0.0.1", 80),
    protocol: str = "HTTP/1.1",
) -> dict[str, str]:
    """What a plain front end sends: the raw target, the decoded pair, the headers.

    `length` None means unknown: the front end streams a chunked upload.
    """
    path, _, query = target.partition("?")
    values = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": target,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": protocol,
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "40000",
        "HTTP_HOST": f"{server[0]}:{server[1]}",
    }
    if length is None:
        values["HTTP_TRANSFER_ENCODING"] = "chunked"
    elif length > 0 or method in ("POST", "PUT"):
        values["CONTENT_LENGTH"] = str(length)
    for name, value in headers:
        key = name.upper().replace("-", "_")
        if key == "CONTENT_LENGTH":
            continue
        if key != "CONTENT_TYPE":
            key = "HTTP_" + key
        glue = "; " if key == "HTTP_COOKIE" else ", "
        first = values.get(key) if key != "HTTP_HOST" else None
        values[key] = value if first is None else first + glue + value
    return values
