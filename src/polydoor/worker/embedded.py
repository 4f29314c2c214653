"""Serving from a program of one's own: `polydoor.serve()` and `polydoor.Server`.

The command owns its process; this is a guest. It touches signals only where it blocks the main thread and puts them
back, its threads do not keep the interpreter from ending, and it never ends the process itself.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading

from polydoor.errors import BootError, ConfigError
from polydoor.settings.catalog.control import CONTROL
from polydoor.settings.catalog.startup import STARTUP
from polydoor.settings.load import from_keywords
from polydoor.states import DRAINING, RUNNING
from polydoor.worker.apploader import LoadedApp, check_app
from polydoor.worker.output import say_left
from polydoor.worker.serve import Worker
from polydoor.worker.signals import UNHEARD, StoppedAtBootError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self
    from wsgiref.types import WSGIApplication

    from polydoor.settings.load import Settings

DEFAULT_BIND = "http://127.0.0.1:8000"
ASKED = 255  # no signal has this number: somebody called stop()
RUNNER = "polydoor-runner"
LONGEST_S = 86_400.0  # that stop() waits, as the setting


class EmbeddedWorker(Worker):
    """A worker that is a guest in its process."""

    daemon = True

    def __init__(
        self, settings: Settings, load: Callable[[], LoadedApp], *, watched: tuple[int, ...], banner: bool
    ) -> None:
        self.watched = watched
        free = set(UNHEARD) - set(watched) if watched else ()
        self.unheard = tuple(n for n in free if signal.getsignal(n) == signal.SIG_DFL)  # else it is the program's
        self.banner = banner
        self.asked_ms = settings.number("drain_timeout")
        super().__init__(settings, load)

    def announce(self, loaded: LoadedApp) -> None:
        """Say nothing unless asked: standard error is the program's."""
        if self.banner:
            super().announce(loaded)

    def ask(self, drain_ms: int | None) -> None:
        """Ask it to stop; from any thread."""
        if drain_ms is not None:
            self.asked_ms = drain_ms
        self.signals.post(ASKED)

    def on_signal(self, number: int) -> None:
        """Stop without a word where a call asked for it; a later call may shorten the time."""
        if number != ASKED:
            super().on_signal(number)
        elif self.state.now in {RUNNING, DRAINING}:
            self.drain(self.asked_ms)

    def abandon(self) -> None:
        """Return; the process goes on, with threads in it that may never end."""
        say_left(self)
        self.has_left = True


class Server:
    """An application behind one or more addresses, inside a program of your own.

    As a context manager it serves in the background until the block ends:

        with polydoor.Server(app, bind="127.0.0.1:0") as server:
            urlopen(server.addresses[0])

    The same by hand is `start()` and `stop()`. `run()` serves in the calling thread instead. The keyword arguments are
    the settings of the command line by their names, with the same defaults, but for `access_log`, which is off, as
    standard output is the program's, and `request_timeout`, which is 0. Neither the environment nor a configuration
    file is read. Whatever cannot be done raises an exception of `polydoor.errors`.
    """

    watched: tuple[int, ...] = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)  # SIGQUIT is the program's
    stopped_by = 0  # the number of the signal that ended run()

    def __init__(
        self,
        app: WSGIApplication,
        bind: str | Sequence[str] = DEFAULT_BIND,
        threads: int = 4,
        *,
        banner: bool = False,
        **settings: object,
    ) -> None:
        check_app(app, "the application")
        if bind != DEFAULT_BIND:
            settings["bind"] = bind
        self.addresses: tuple[str, ...] = ()
        settings.setdefault("access_log", "off")
        settings.setdefault("request_timeout", 0)
        self._settings = from_keywords(threads=threads, **refuse_command_only(settings))
        self._app = LoadedApp(app, describe(app))
        self._banner = banner
        self._worker: EmbeddedWorker | None = None
        self._runner: threading.Thread | None = None
        self._over = threading.Event()
        self._crash: BaseException | None = None
        self._pid = os.getpid()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_unused: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Listen, then serve in the background; `addresses` holds the real URLs now. Signals are left alone."""
        worker = self._make(watched=())
        try:
            worker.start()
            self.addresses = tuple(worker.addresses)
            self._runner = threading.Thread(target=self._serve, args=(worker,), name=RUNNER, daemon=True)
            self._runner.start()
        except BaseException:
            self._runner = None
            worker.give_up()
            worker.signals.close()
            self._end()
            raise
        atexit.register(self.stop, 0)
        return self

    def run(self) -> None:
        """Serve in this thread and return when stopped.

        In the main thread SIGTERM and SIGINT stop it, as they stop the command, and have their handlers back
        afterwards. In another thread signals are left alone; `stop()` ends it.
        """
        current = threading.current_thread()
        worker = self._make(self.watched if current is threading.main_thread() else ())
        self._runner = current
        try:
            with worker.signals:
                worker.start()
                self.addresses = tuple(worker.addresses)
                worker.run()
        except StoppedAtBootError:
            pass
        finally:
            self.stopped_by = worker.stopped_by or worker.signals.stopped_by
            self._end()

    def stop(self, timeout: float | None = None) -> None:
        """Take no more requests, finish those that were accepted, and return; from any thread, more than once.

        What takes longer than `timeout` seconds, else the setting drain_timeout, is cut; less than 0 is 0. A thread
        that is still in the application two seconds later is left behind. Called from the application itself, this
        returns at once; in a forked child, which has none of the threads, too.
        """
        if os.getpid() != self._pid:
            return
        worker, runner = self._worker, self._runner
        if worker is not None:
            worker.ask(None if timeout is None else int(min(max(0.0, timeout), LONGEST_S) * 1000))
            if threading.current_thread() in {runner, *worker.threads}:
                return
            self._over.wait()
        if runner is not None and runner.name == RUNNER:
            runner.join()
        atexit.unregister(self.stop)
        crash, self._crash = self._crash, None
        if crash is not None:
            raise crash

    def _make(self, watched: tuple[int, ...]) -> EmbeddedWorker:
        if self._worker is not None or self._over.is_set():
            raise BootError("this server has been started before\nMake another one.")
        app = self._app
        self._pid = os.getpid()
        self._worker = EmbeddedWorker(self._settings, lambda: app, watched=watched, banner=self._banner)
        return self._worker

    def _serve(self, worker: EmbeddedWorker) -> None:
        try:
            with worker.signals:
                worker.run()
        except BaseException as error:  # of our own making: what the application raises is a 500
            self._crash = error
            raise
        finally:
            self._end()

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.messages.close()
        self._worker = None  # with it go the engine and its descriptors
        self._over.set()


def serve(
    app: WSGIApplication,
    bind: str | Sequence[str] = DEFAULT_BIND,
    threads: int = 4,
    *,
    banner: bool = False,
    **settings: object,
) -> None:
    """Serve `app` until SIGTERM or SIGINT (Ctrl-C), then finish what was accepted and return.

    The arguments are those of `Server`. Where signals are somebody else's, in a thread, use `Server` and its `stop()`.
    """
    Server(app, bind, threads, banner=banner, **settings).run()


def refuse_command_only(settings: dict[str, object]) -> dict[str, object]:
    """Return the settings, unless one is among them that only means something to the command."""
    for name in ("app", "factory", *(row.name for row in (*STARTUP, *CONTROL))):
        if name in settings:
            raise ConfigError(f"{name} is a setting of the command; a program does by itself what it stands for")
    return settings


def describe(app: WSGIApplication) -> str:
    """Return where the application was made, for the banner."""
    made = app if hasattr(app, "__qualname__") else type(app)
    return f"{made.__module__}:{made.__qualname__}"
