"""The daemon behind a CGI stub: one process that serves FastCGI on the socket that the stub has bound for it."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import socket

from polydoor import codes
from polydoor.bridge._gate import Gate
from polydoor.errors import BootError, ConfigError
from polydoor.hosting.keys import STUBS_OWN, check_option
from polydoor.hosting.life import LISTENER, Life, app_file
from polydoor.hosting.logfile import LogFile, is_at
from polydoor.hosting.places import LOG
from polydoor.settings.catalog import BY_NAME
from polydoor.settings.load import Entry
from polydoor.states import RUNNING
from polydoor.supervisor.changes import TOUCHED, Changes
from polydoor.worker.banner import say
from polydoor.worker.output import open_standard
from polydoor.worker.serve import Worker, run_worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polydoor.hosting.configuration import Configuration
    from polydoor.settings.listener import ListenerSpec
    from polydoor.settings.load import Settings
    from polydoor.worker.apploader import LoadedApp
    from polydoor.worker.idle import IdleWatch

LOCK = 4  # the descriptor of the lock file
# What shared hosts have room for, unless something else is asked for.
PROFILE = {"threads": "3", "max_connections": "32", "access_log": "off"}
SMALL_STACK = "512K"
PROTECTED = ((3, 12), (3, 13))  # Pythons that count C recursion and do not see where the stack ends


def serve_hosted(configuration: Configuration, settings: Settings, spec: ListenerSpec, *, is_last: bool) -> int:
    """Serve until nobody needs it any more; return the exit status."""
    open_standard()
    adapt(settings)
    spec |= {"protocol": "fastcgi", "kind": "fd", "fd": LISTENER, "program": 1}
    return run_worker(HostedWorker(configuration, settings, spec), is_last=is_last)


def adapt(settings: Settings) -> None:
    """Refuse what has no place here, and fill in what suits a shared host."""
    import sys

    for name in STUBS_OWN:
        if settings.is_said(name) and settings.origin(name).startswith("--"):
            check_option(BY_NAME[name])
        settings.reset(BY_NAME[name])  # a file that other deployments share may say it
    stack = {} if sys.version_info[:2] in PROTECTED else {"thread_stack": SMALL_STACK}
    for name, text in (PROFILE | stack).items():
        if not settings.is_said(name):
            settings.put(Entry(BY_NAME[name], "the CGI stub", texts=[text]))


def stub_socket() -> str:
    """The path of the socket that the stub has passed, or ConfigError."""
    try:
        with socket.socket(fileno=os.dup(LISTENER)) as copy:
            name = copy.getsockname()
            if copy.family == socket.AF_UNIX and copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                os.fstat(LOCK)
                return str(name)
    except OSError:
        pass
    raise ConfigError(
        "this is what polydoor-cgi starts, and there is no socket from it\n"
        "Let a web server start polydoor-cgi; `polydoor cgi init` sets it up.",
        code=codes.NO_STUB,
    )


class HostedWorker(Worker):
    """A worker that a stub has started, and that ends by itself."""

    def __init__(self, configuration: Configuration, settings: Settings, spec: ListenerSpec) -> None:
        gate = Gate(LOCK, stub_socket())
        os.set_inheritable(LISTENER, False)
        ours = {fd: os.fstat(fd) for fd in (LISTENER, LOCK)}
        os.register_at_fork(after_in_child=lambda: leave_alone(ours))
        super().__init__(settings)
        self.spec = spec
        self.start_timeout = configuration.number("start_timeout")
        self.changes = Changes(settings)
        for path in (configuration.path, configuration.text("python"), os.path.abspath(TOUCHED)):
            if path:
                self.changes.watch(path)
        self.life = Life(gate, configuration, self.engine, self.changes, self.connections)
        self.log = LogFile(log_path(configuration), configuration.number("log_size"), self.messages)

    def specs(self) -> Sequence[ListenerSpec]:
        """The stub has bound the socket."""
        return [self.spec]

    def load_app(self) -> LoadedApp:
        """Load it in time, and look at its file.

        One that hangs would be waited for by every request, as nobody can start another daemon beside it.
        """
        with contextlib.suppress(RuntimeError):  # no further thread
            faulthandler.dump_traceback_later(self.start_timeout, exit=True, file=2)
        try:
            loaded = super().load_app()
        finally:
            faulthandler.cancel_dump_traceback_later()
        if path := app_file(self.settings):
            self.changes.watch(path)
        return loaded

    def start_threads(self, run_app: Callable[[], None]) -> None:
        """Start as many threads as there can be; without the first two of them nothing works."""
        self._start("relief", self.engine.run_relief)
        wanted = self.settings.number("threads")
        for index in range(wanted):
            try:
                self._start(f"app-{index + 1}", run_app)
            except BootError:
                if not index:
                    raise
                say(
                    f"the system makes no further thread: {index} of {wanted} run the application",
                    'Put "-t", "1" into options, or ask the host for more processes.',
                    code=codes.FEWER_THREADS,
                )
                return

    def announce(self, loaded: LoadedApp) -> None:
        """Let the stubs know."""
        self.life.serves()
        say(f"serving {loaded.name} for CGI stubs, pid {os.getpid()}")

    def beat(self) -> None:
        """Look after the log, too."""
        super().beat()
        self.log.look()

    def idle_watch(self) -> IdleWatch | None:
        """The stub's configuration says when."""
        return None

    def is_to_drain(self, idle: IdleWatch | None) -> bool:
        """Whether nobody needs it, or it is out of date."""
        return super().is_to_drain(idle) or self.life.is_over()

    def drain(self, drain_ms: int, end: Callable[[int], None] | None = None) -> None:
        """Make room for the next daemon first."""
        if self.state.now == RUNNING:
            self.life.leave()
        super().drain(drain_ms, end)

    def cut(self) -> None:
        """Make room for the next daemon, and serve nobody any more."""
        self.life.leave()
        super().cut()

    def give_up(self) -> None:
        """Who waits goes back to the gate, and sees that this one has failed, unless it was told to end."""
        if self.signals.stopped_by:
            self.life.serves()  # so that nobody waits before the next start
        self.life.leave()
        super().give_up()


def leave_alone(ours: dict[int, os.stat_result]) -> None:
    """In a forked child: neither the socket nor the lock may outlive the daemon in it.

    The listener is closed before the last application has ended; its number may be a file of the application by then.
    """
    for fd, found in ours.items():
        try:
            if os.path.samestat(os.fstat(fd), found):
                os.close(fd)
        except OSError:
            continue


def log_path(configuration: Configuration) -> str:
    """Where standard error goes, if that is the log of the configuration; nothing if it is anything else."""
    try:
        folder = os.path.dirname(os.readlink(f"/proc/self/fd/{LOCK}"))  # without a file only the stub knows where it is
        path = configuration.text("log") or os.path.join(folder, LOG)
        return path if is_at(path, os.fstat(2)) else ""
    except OSError:
        return ""
