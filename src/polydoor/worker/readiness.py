"""`--ready PATH`: the application must answer a GET of its own server before anybody else is served.

The application is called directly, as the engine serves nobody yet, in a thread that ends with the call: what it keeps
for each thread, such as a database connection, goes with it.
"""

from __future__ import annotations

import io
import sys
import threading

from polydoor import codes
from polydoor.errors import BootError
from polydoor.failures import clean, traceback_text
from polydoor.worker.capacity import begin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from polydoor.settings.load import Settings
    from polydoor.worker.apploader import LoadedApp

HOST = "localhost"
BAD = 400  # the first status that is no success
MOST = 16 * 1024**2  # bytes of the response; the rest is not asked for


class Trial:
    """One call of the application, and what came of it."""

    def __init__(self, app: Callable[..., Any], environ: dict[str, Any]) -> None:
        self._app = app
        self._environ = environ
        self.status = ""
        self.error: BaseException | None = None

    def run(self) -> None:
        """Call it; never raises."""
        try:
            self._call()
        except BaseException as error:
            frames = error.__traceback__
            while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
                frames = frames.tb_next
            self.error = error.with_traceback(frames)

    def _call(self) -> None:
        response = self._app(self._environ, self._start_response)
        try:
            size = 0
            for block in response:
                size += len(block)
                if size > MOST:
                    break
        finally:
            if hasattr(response, "close"):
                response.close()

    def _start_response(self, status: str, _headers: object, _exc_info: object = None) -> Callable[[bytes], None]:
        self.status = status
        return lambda _data: None

    @property
    def is_fine(self) -> bool:
        """Whether the answer is one that a check of a load balancer would take."""
        code = self.status[:3]
        return self.error is None and code.isascii() and code.isdecimal() and int(code) < BAD


def try_out(loaded: LoadedApp, settings: Settings) -> LoadedApp:
    """Return what was given, if it answers; BootError says why it does not."""
    target = settings.text("ready")
    trial = Trial(loaded.app, environ_of(target, settings))
    thread = threading.Thread(target=trial.run, name="polydoor-ready", daemon=True)
    begin(thread)
    patience_s = settings.number("boot_timeout") / 1000
    thread.join(patience_s)  # a signal may interrupt it
    if not thread.is_alive() and trial.is_fine:
        return loaded
    what = f"{loaded.name} is not ready: GET {target}"
    if thread.is_alive():
        text = f"{what} was not answered within {patience_s:g} s"
    elif trial.error is not None:
        text = f"{what} raised an exception\n{traceback_text(trial.error)}"
    else:
        text = f"{what} was answered {clean(trial.status) or 'without a status'}"
    raise BootError(text, code=codes.APP_NOT_READY)


def environ_of(target: str, settings: Settings) -> dict[str, Any]:
    """The environ of the call: a plain request of this machine over HTTP."""
    host = HOST
    if target.startswith("//"):
        host, slash, rest = target[2:].partition("/")
        target = slash + rest
    path, _, query = target.partition("?")
    name, _, port = host.partition(":")
    return {
        **settings.environ(),
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_URI": target,
        "SERVER_NAME": name,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": host,
        "HTTP_USER_AGENT": "polydoor-ready",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": settings.number("threads") > 1,
        "wsgi.multiprocess": settings.workers()[1] > 1,
        "wsgi.run_once": False,
    }
