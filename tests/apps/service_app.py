"""An application that looks for traces of systemd in its process."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

SEEN = sorted(name for name in os.environ if name.startswith(("NOTIFY_", "WATCHDOG_", "LISTEN_")))


def inheritable() -> list[int]:
    """The descriptors that a program started from here would have, beyond the three of every program."""
    found = []
    for fd in range(3, 20):
        try:
            found += [fd] if os.get_inheritable(fd) else []
        except OSError:
            continue  # not open
    return found


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Say which variables there were when the application was loaded, and what else is left."""
    mount = environ["SCRIPT_NAME"]
    body = json.dumps({"variables": SEEN, "inheritable": inheritable(), "mount": mount, "pid": os.getpid()}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
