"""The floor under every server of Python: calls an application in a loop, without a server. MODULE [SECONDS].

Prints the calls, their processor time and their time as JSON; without SECONDS, the body of one response. The environ
is always the same; each call has a new start_response, and its response is taken and closed as PEP 3333 wants it.
"""

import importlib
import io
import json
import sys
import time
from typing import Any

BATCH = 200  # calls between two looks at the clock
ENVIRON: dict[str, Any] = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "REQUEST_URI": "/",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "8000",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "REMOTE_PORT": "54321",
    "HTTP_HOST": "127.0.0.1:8000",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.input": io.BytesIO(),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": False,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}


def call(application: Any) -> bytes:
    """One call as a server makes it; returns the body."""
    write: list[bytes] = []

    def start_response(status: str, fields: list[tuple[str, str]], exc_info: Any = None) -> Any:
        assert status
        assert fields
        assert exc_info is None
        return write.append

    response = application(ENVIRON, start_response)
    try:
        write.extend(response)
    finally:
        if hasattr(response, "close"):
            response.close()
    return b"".join(write)


def measure(application: Any, seconds: float) -> dict[str, float]:
    """Call for so long."""
    calls = 0
    began, spent = time.perf_counter(), time.process_time()
    while (took := time.perf_counter() - began) < seconds:
        for _ in range(BATCH):
            call(application)
        calls += BATCH
    return {"calls": calls, "cpu_seconds": time.process_time() - spent, "seconds": took}


if __name__ == "__main__":
    chosen = importlib.import_module(sys.argv[1]).application
    if len(sys.argv) == 2:
        sys.stdout.buffer.write(call(chosen))
        sys.exit()
    measure(chosen, 0.1)  # what is made at the first call, has been made
    print(json.dumps(measure(chosen, float(sys.argv[2]))))
