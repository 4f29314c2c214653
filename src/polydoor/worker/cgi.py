"""Serves the one request that a process was started for (CGI, RFC 3875), and lets it end.

The application runs on the main thread, as in any CGI program. What the web server gave to the process is put out of
the application's way first: standard input is empty, what is printed goes to standard error, and the variables that a
client can choose are taken out of the environment.
"""

from __future__ import annotations

import os
import threading

from polydoor.bridge import Engine, is_of_request
from polydoor.worker.access import AccessLog
from polydoor.worker.apploader import load_app
from polydoor.worker.capacity import begin, spill_folder
from polydoor.worker.extras import diagnosed, find_rights
from polydoor.worker.messages import Messages
from polydoor.worker.output import is_open, open_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from polydoor.settings.listener import ListenerSpec
    from polydoor.settings.load import Settings

CLIENTS_OWN = "HTTP_"  # how the names of request headers begin; HTTP_PROXY would be obeyed (CVE-2016-5385)
LONGEST = 19  # digits of a length that fits into 63 bits
INCOMPLETE = 1
OWN = {"threads": 1, "max_connections": 1, "request_timeout": 0, "gil_timeout": 0}  # the web server has time limits
PAGE = b"500 Internal Server Error\nThe application failed to answer this request.\n"
HEAD = b"""\
Status: 500 Internal Server Error\r
Content-Type: text/plain; charset=utf-8\r
Content-Length: %d\r
Cache-Control: no-store\r
X-Content-Type-Options: nosniff\r
\r
"""


class CgiProcess:
    """What the web server gave to this process: the environment as it was, the body and the way of the response."""

    def __init__(self, environ: MutableMapping[bytes, bytes]) -> None:
        self.is_heard = is_open(1)  # else nobody can get the response, whatever becomes of it
        open_standard()
        # The web server's own variables, and those of whoever started it, do not count against the limits of a head.
        of_request = (pair for pair in environ.items() if is_of_request(pair[0]))
        self.environment = b"".join(b"%b=%b\0" % pair for pair in of_request) + b"\0"
        self.body = length_of(environ.get(b"CONTENT_LENGTH", b""))
        self.is_head = environ.get(b"REQUEST_METHOD") == b"HEAD"
        self.source = os.dup(0)
        self.sink = os.dup(1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(2, 1)
        for name in [name for name in environ if name.startswith(CLIENTS_OWN.encode())]:
            del environ[name]

    def serve(self, settings: Settings, spec: ListenerSpec) -> int:
        """Serve the request and return the exit status: 0 for a complete response, which an error may be."""
        rights = find_rights(settings)
        engine = Engine(settings.engine() | OWN | {"spill_dir": spill_folder(settings)})
        messages = Messages(engine)
        access = AccessLog(engine, settings)
        try:
            if ":" in settings.text("access_log"):  # standard output is the response
                access.open()
            if rights:
                rights.take()
            app = load_app(settings.app()).app
            if settings.text("diagnostics"):
                app = diagnosed(app, settings)
            engine.adopt(spec)
            messages.start()
            access.start()
            threads = [start(engine.run_relief), start(lambda: self._relay(engine))]
            engine.run_thread(app, settings.environ())
            for thread in threads:
                thread.join()
            access.close()
        finally:
            messages.close()
        return 0 if self.is_answered and self.is_heard else INCOMPLETE

    is_answered = False

    def _relay(self, engine: Engine) -> None:
        self.is_answered = engine.run_relay(self.environment, self.body, self.source, self.sink)
        self.close()  # the web server need not wait for what the application still does

    def refuse(self) -> None:
        """Answer that it does not work, if nothing was answered yet; why is for standard error alone."""
        if self.sink < 0:
            return
        left = HEAD % len(PAGE) + (b"" if self.is_head else PAGE)
        try:
            while left:
                left = left[os.write(self.sink, left) :]
        except OSError:  # nobody reads it
            pass
        self.close()

    def close(self) -> None:
        """Let the web server see the end of the response."""
        for fd in (self.source, self.sink):
            if fd >= 0:
                os.close(fd)
        self.source = self.sink = -1


def start(target: Callable[[], None]) -> threading.Thread:
    """Run a part of the engine on a thread."""
    thread = threading.Thread(target=target, name=f"polydoor-{target.__name__}", daemon=True)
    begin(thread)
    return thread


def length_of(text: bytes) -> int:
    """How many bytes of standard input are the body; what is no number is refused later, with a reason."""
    return int(text) if text.isdigit() and len(text) <= LONGEST else 0
