"""`make serve`: builds Polydoor if needed and serves the guestbook with it."""

import os
import sys
from typing import NoReturn

import environment
import ports

HOST = "127.0.0.1"
DEFAULT_PORT = 8000


def main() -> NoReturn:
    """Build, then become the server, so that signals go to it directly."""
    port = _port()
    if not ports.is_free(HOST, port):
        print(f"make: port {port} is held by {ports.holder(port)}", file=sys.stderr)
        print(f"  Take another one: make serve PORT={_next_free(port)}", file=sys.stderr)
        sys.exit(2)
    environment.prepare()
    os.chdir(environment.ROOT / "examples" / "guestbook")
    command = [str(environment.VENV / "bin" / "polydoor"), "guestbook:app", "-b", f"http://{HOST}:{port}"]
    sys.stdout.flush()
    os.execve(command[0], command, environment.environment())


def _port() -> int:
    text = os.environ.get("PORT") or str(DEFAULT_PORT)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        print(f"make: PORT={text} is not a port from 1 to 65535", file=sys.stderr)
        sys.exit(2)
    return int(text)


def _next_free(port: int) -> int:
    following = range(port + 1, min(port + 100, 65536))
    return next((other for other in following if ports.is_free(HOST, other)), DEFAULT_PORT)


if __name__ == "__main__":
    main()
