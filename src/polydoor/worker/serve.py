"""Serves one application with one process: sockets first, then the application, then the threads.

The main thread runs no application code. It sleeps in poll() on a pipe that signals and ending threads write to, and
wakes once a second: that beat goes through the interpreter's lock, so a count that stands still means that something
holds the lock.
"""

from __future__ import annotations

import os
import threading
import time

from polydoor import codes
from polydoor.bridge import give_memory_back
from polydoor.states import DRAINING, EXITED, FATAL, RUNNING, STARTING, STOPPING, worker_state
from polydoor.worker import csignal as signal
from polydoor.worker.access import AccessLog
from polydoor.worker.apploader import LoadedApp, load_app, load_here, load_within
from polydoor.worker.banner import banner, say, wants_colour, write
from polydoor.worker.capacity import begin, check_backlog, check_spill, fit_connections, make_engine
from polydoor.worker.extras import (
    diagnosed,
    error_page,
    find_pid_file,
    find_rights,
    find_service,
    idle_watch,
    ready_app,
)
from polydoor.worker.listening import listen_at
from polydoor.worker.messages import Messages
from polydoor.worker.output import (
    check_whole,
    end_by,
    fault_of,
    flush_output,
    leave_crashed,
    open_standard,
    say_left,
    status_of,
)
from polydoor.worker.signals import UNHEARD, StoppedAtBootError, WakePipe, tell_unheard
from polydoor.worker.stuck import prepare_for_stuck

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polydoor.bridge import Engine
    from polydoor.settings.listener import ListenerSpec
    from polydoor.settings.load import Settings
    from polydoor.worker.idle import IdleWatch
    from polydoor.worker.pidfile import PidFile
    from polydoor.worker.systemd import Service

BEAT_MS = 1000
GRACE_S = 1.0  # after everything was cut: for threads that still run application code
THREAD_ENDED = 0  # no signal has this number


def serve(settings: Settings, load: Callable[[], LoadedApp] | None = None, *, is_last: bool = False) -> int:
    """Run until a signal ends it; return the exit status. `load` gives the application; `is_last`: the process ends."""
    open_standard()
    return run_worker(Worker(settings, load, find_service()), is_last=is_last)


def run_worker(worker: Worker, *, is_last: bool) -> int:
    """Run a worker until it ends, and return the exit status."""
    try:
        with worker.signals:
            worker.start()
            status = worker.run()
            worker.signals.last_status = status if is_last else None
        if is_last:
            end_by(max(worker.deadline, time.monotonic() + GRACE_S), status)
        return status
    except BaseException as error:
        if any(thread.is_alive() for thread in worker.threads):
            leave_crashed(worker.messages, error)
        if is_last:
            end_by(time.monotonic() + GRACE_S, status_of(error))
        if isinstance(error, StoppedAtBootError):
            return 0
        raise
    finally:
        worker.messages.close()


class Worker:
    """One serving process."""

    watched: tuple[int, ...] = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1)
    unheard: tuple[int, ...] = tuple(UNHEARD)  # watched, too
    daemon = False  # whether the interpreter may end while the threads still run

    def __init__(
        self, settings: Settings, load: Callable[[], LoadedApp] | None = None, service: Service | None = None
    ) -> None:
        self.settings = settings
        self.service = service
        self.beat_ms = min(BEAT_MS, service.watchdog_ms or BEAT_MS) if service else BEAT_MS
        self.load = ready_app(load or (lambda: load_app(settings.app())), settings)
        self.state = worker_state()
        self.connections = fit_connections(settings.number("max_connections"))
        self.rights = find_rights(settings)
        self.engine = self._make_engine()
        self.access = AccessLog(self.engine, settings)
        self.signals = WakePipe(self.watched, self.unheard)
        self.colour = wants_colour(os.environ)
        self.messages = Messages(self.engine)
        self.signals.watch(self.engine.overdue_fd)
        self.addresses: list[str] = []
        self.pid_file: PidFile | None = None
        self.beats = 0
        self.threads: list[threading.Thread] = []
        self.ended: list[str] = []  # names; a thread still counts as alive while it says that it ends
        self.crash: BaseException | None = None
        self.drains_at = 0.0  # the stop delay ends; 0: there is none, or it is over
        self.deadline = 0.0  # when threads that still run are left behind
        self.has_left = False  # they were left behind
        self.stopped_by = 0  # the signal that ended it
        self.status = 0  # the process ends with it
        self.tried = 0.0  # when it was last tried to interrupt a request once more

    def _make_engine(self) -> Engine:
        """Make the engine, which looks where spill files can be made, with the rights of later."""

        def make() -> Engine:
            return make_engine(self.settings, self.connections, is_guest=self.daemon)

        return self.rights.within(make) if self.rights else make()

    def start(self) -> None:
        """Boot, or end what was begun and say why not."""
        try:
            self.boot()
        except BaseException:
            if self.state.now == STARTING:
                self.state.move(FATAL)
            self.give_up()
            raise

    def check(self) -> LoadedApp:
        """Do what boot() does, as far as nothing is opened or started, and raise what it would raise."""
        try:
            self.access.check()
            for spec in self.owned(self.settings.listeners()):
                if spec["kind"] != "fd" or not spec["path"]:  # a name means something to a service of systemd alone
                    listen_at(spec, self.engine.check_listener)
            self.settle()
            with self.signals:
                loaded = load_within(self.signals, self.load)
            if self.settings.text("diagnostics"):
                diagnosed(loaded.app, self.settings)
            return loaded
        finally:
            self.engine.kill()
            self.signals.close()
            self.messages.close()

    def boot(self) -> None:
        """Bind, load, start. The sockets come first: a taken port is told before a slow import."""
        self.access.open()
        self.addresses = [listen_at(spec, self.engine.listen) for spec in self.owned(self.specs())]
        self.write_pid()
        self.settle()
        loaded = self.load_app()
        app = diagnosed(loaded.app, self.settings) if self.settings.text("diagnostics") else loaded.app
        extra = self.settings.environ()
        page = error_page() if self.settings.flag("dev") else None
        self.access.start()
        prepare_for_stuck(self)
        before = threading.stack_size(self.settings.number("thread_stack"))
        self.start_threads(lambda: self.engine.run_thread(app, extra, page))
        threading.stack_size(before)
        self.state.move(RUNNING)
        give_memory_back()
        check_spill(self.engine)
        self.announce(loaded)

    def start_threads(self, run_app: Callable[[], None]) -> None:
        """Start the threads of the engine, and those that run the application."""
        for index in range(self.settings.number("threads")):
            self._start(f"app-{index + 1}", run_app)
        self._start("relief", self.engine.run_relief)

    def specs(self) -> Sequence[ListenerSpec]:
        """Where to listen."""
        check_backlog(self.settings.number("backlog"))
        return self.service.listeners(self.settings) if self.service else self.settings.listeners()

    def owned(self, specs: Sequence[ListenerSpec]) -> Sequence[ListenerSpec]:
        """The listeners, each with the owner of its path."""
        return [self.rights.own(spec) for spec in specs] if self.rights else specs

    def write_pid(self) -> None:
        """Tell other programs which process this is."""
        self.pid_file = find_pid_file(self.settings)
        if self.pid_file:
            self.pid_file.write()

    def close_files(self) -> None:
        """There is soon no such process any more, and it serves nobody."""
        self.access.close()
        if self.pid_file:
            self.pid_file.remove()

    def settle(self) -> None:
        """Give up what only the beginning needed: from here on it is the application's process."""
        if self.rights:
            self.rights.take()

    def load_app(self) -> LoadedApp:
        """Load the application; what it does to signals and processes meanwhile does not last."""
        loaded = load_here(lambda: load_within(self.signals, self.load))
        check_whole(self, loaded.name)
        self.messages.start()
        if taken := self.signals.end_boot():
            say(
                f"the application set what {' and '.join(taken)} should do, but these signals are the server's",
                "What it set is without effect. Put what is to be done at the end into atexit.register().",
                code=codes.SIGNAL_TAKEN,
            )
        return loaded

    def announce(self, loaded: LoadedApp) -> None:
        """Say what is served, where, and how to stop it."""
        write(
            banner(
                loaded.name,
                self.addresses,
                threads=self.settings.number("threads"),
                connections=self.connections,
                config_file=self.settings.text("config"),
                colour=self.colour,
            )
        )
        if self.service:
            self.service.ready(f"Serving {loaded.name} at {' '.join(self.addresses)}")

    def run(self) -> int:
        """Wait for signals until every thread has ended."""
        try:
            self._wait()
            self.close_files()
        except BaseException as error:
            fault = fault_of(self, error)
            self.give_up()
            raise fault from error
        if self.service:
            self.service.close()
        if self.state.now != STOPPING:
            self.state.move(STOPPING)
        self.state.move(EXITED)
        if self.crash is not None:
            raise fault_of(self, self.crash)
        return self.status

    def _wait(self) -> None:
        idle = self.idle_watch()
        while len(self.ended) < len(self.threads) and not self.has_left:
            self.engine.beat()
            for number in self.signals.wait(self.patience_ms()):
                self.on_signal(number)
            self.beat()
            if self.engine.overdue or self.status:
                from polydoor.worker.overdue import look_after

                look_after(self)
            if self.state.now == RUNNING and self.is_to_drain(idle):
                self.drain(self.settings.number("drain_timeout"))
            if self.deadline and time.monotonic() > self.deadline:
                self.abandon()
        for thread in self.threads if not self.has_left else ():
            thread.join()

    def beat(self) -> None:
        """The main thread lives, and looks in again soon."""
        self.beats += 1
        if self.service:
            self.service.beat(self.beat_ms)

    def is_replaced(self, cause: str) -> bool:  # noqa: ARG002 - for those who are
        """Whether another worker takes the place of this one, which should not go on; False: there is none."""
        return False

    def idle_watch(self) -> IdleWatch | None:
        """What `--idle-stop` needs; None without it."""
        return idle_watch(self.engine, self.settings.number("idle_stop"))

    def patience_ms(self) -> int:
        """How long to sleep: not past the time at which the drain begins, or threads are left behind."""
        until = self.deadline or self.drains_at
        left_ms = int((until - time.monotonic()) * 1000) + 1 if until else self.beat_ms
        return max(0, min(self.beat_ms, left_ms))

    def is_to_drain(self, idle: IdleWatch | None) -> bool:
        """Whether the time for it has come without a signal."""
        if self.drains_at:
            return time.monotonic() >= self.drains_at
        return idle is not None and idle.is_over()

    def _start(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._guard, args=(target,), name=f"polydoor-{name}", daemon=self.daemon)
        self.threads.append(begin(thread))

    def _guard(self, target: Callable[[], None]) -> None:
        """A thread of the engine: if it breaks, the whole worker ends rather than serving on with one less."""
        try:
            target()
        except BaseException as error:
            self.crash = error
            self.engine.kill()
        finally:
            self.ended.append(threading.current_thread().name)
            self.signals.post(THREAD_ENDED)

    def on_signal(self, number: int) -> None:
        """Do what a byte of the pipe asks for."""
        if number not in self.signals.watched:  # a thread has ended, or the application handles it
            return
        if number in self.unheard:
            tell_unheard(number)
        elif number == signal.SIGUSR1:
            self.access.reopen()
        elif number == signal.SIGQUIT or (number == signal.SIGINT and self.state.now == DRAINING):
            self.stop_at_once(number)
        elif self.state.now == RUNNING:
            self.stopped_by = number
            name = signal.name_of(number)
            delay_ms = 0 if self.drains_at or number != signal.SIGTERM else self.settings.number("stop_delay")
            drain_ms = self.settings.number("drain_timeout")
            if delay_ms:
                say(f"{name}: not ready any more, serving on for {delay_ms / 1000:g} s; a second signal ends that")
                self.delay(delay_ms, drain_ms)
                return
            again = "; Ctrl-C again stops at once" if number == signal.SIGINT else ""
            say(f"{name}: finishing open requests, for at most {drain_ms / 1000:g} s{again}")
            self.drain(drain_ms)

    def stop_at_once(self, number: int) -> None:
        """Cut what is not finished, and end."""
        if self.state.now in {RUNNING, DRAINING}:
            self.stopped_by = self.stopped_by or number
            say("stopping at once; what is not finished is cut", code=codes.STOPPED_AT_ONCE)
            self.cut()

    def cut(self) -> None:
        """Serve nobody any more."""
        self.state.move(STOPPING)
        self.engine.kill()
        self.deadline = time.monotonic() + GRACE_S

    def delay(self, delay_ms: int, drain_ms: int) -> None:
        """Serve on, but let everybody know that the end is near; the drain comes `delay_ms` later."""
        self.drains_at = time.monotonic() + delay_ms / 1000
        self.engine.unready()
        if self.service:
            self.service.stopping("Waiting for load balancers to take notice", delay_ms + most_ms(drain_ms))

    def drain(self, drain_ms: int, end: Callable[[int], None] | None = None) -> None:
        """Finish what was accepted, then end; what takes longer than `drain_ms` is cut. Again, it can only shorten.

        `end` tells the engine, if it is not simply to stop.
        """
        deadline = time.monotonic() + drain_ms / 1000 + GRACE_S
        if self.state.now == RUNNING:
            self.state.move(DRAINING)
            self.drains_at = 0.0
            if self.service:
                self.service.stopping("Finishing open requests", most_ms(drain_ms))
        elif deadline >= self.deadline:
            return
        self.deadline = deadline
        (end or self.engine.stop)(drain_ms)

    def give_up(self) -> None:
        """After an error of our own: serve nobody any more, and wait a little for the threads."""
        self.engine.kill()
        deadline = time.monotonic() + GRACE_S
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.close_files()

    def abandon(self) -> None:
        """Application code that never returns cannot be ended from outside: leave it behind."""
        try:
            say_left(self)
            self.close_files()
            self.messages.close()
            flush_output()
        finally:
            os._exit(self.status)


def most_ms(drain_ms: int) -> int:
    """How long the process may live from the drain on, for who waits for its end."""
    return drain_ms + int(GRACE_S * 1000) + 2 * BEAT_MS
