"""A worker of a pool: it has its sockets from its supervisor, tells it when it is ready, and leaves when told."""

from __future__ import annotations

from polydoor import codes
from polydoor.bridge import end_with_parent
from polydoor.errors import PolydoorError
from polydoor.states import DRAINING, RUNNING
from polydoor.worker import csignal as signal
from polydoor.worker.banner import say
from polydoor.worker.channel import FAILED, READY, REOPEN, REPLACE, RETIRE, STOP, UNREADY, failure_text
from polydoor.worker.descriptors import close_all
from polydoor.worker.output import open_standard
from polydoor.worker.serve import Worker
from polydoor.worker.signals import HEARD, StoppedAtBootError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polydoor.bridge import Board
    from polydoor.settings.listener import ListenerSpec
    from polydoor.settings.load import Settings
    from polydoor.worker.apploader import LoadedApp
    from polydoor.worker.channel import Channel
    from polydoor.worker.idle import IdleWatch
    from polydoor.worker.loaded import Loaded


class Seat:
    """What a supervisor gives to a worker, and what it needs of it until the worker ends."""

    __slots__ = ("board", "channel", "handover", "number", "parent", "settings", "slot", "sockets", "strangers")

    def __init__(
        self,
        settings: Settings,
        number: int,
        slot: int,
        board: Board,
        handover: tuple[int, int],
        sockets: Sequence[ListenerSpec],
        channel: Channel,
    ) -> None:
        self.settings = settings
        self.number = number
        self.slot = slot  # of the board
        self.board = board
        self.handover = handover  # two ends of one socket pair: where connections are left, and taken over
        self.sockets = sockets  # listeners, each with its descriptor
        self.channel = channel
        self.parent = 0  # the supervisor's process, if that has forked this one itself
        self.strangers: list[int] = []  # descriptors that the supervisor was started with and nobody asked for


def serve_pooled(seat: Seat, load: Callable[[], LoadedApp] | None = None) -> int:
    """Be a worker until told to leave, and return the exit status. Why it cannot serve, the supervisor tells."""
    open_standard()
    try:
        worker = PooledWorker(seat, load)
        try:
            with worker.signals:
                worker.start()
                status = worker.signals.last_status = worker.run()
                return status
        finally:
            worker.messages.close()
    except StoppedAtBootError:
        return 0
    except PolydoorError as error:
        if seat.settings.flag("reload"):
            files_of(seat).tell(error)
        if error.code == codes.DESCRIPTORS_CLOSED:  # the channel is closed, too
            say(*str(error).split("\n"), code=error.code)
        else:
            seat.channel.tell(FAILED, failure_text(error))
        return error.exit_code


def files_of(seat: Seat) -> Loaded:
    """Who tells which files the application has loaded; nobody else pays for the import."""
    from polydoor.worker.loaded import Loaded

    return Loaded(seat.channel)


class PooledWorker(Worker):
    """One of several processes that serve the same sockets."""

    watched = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1)

    def __init__(self, seat: Seat, load: Callable[[], LoadedApp] | None = None) -> None:
        self.seat = seat
        super().__init__(seat.settings, load)
        self.files = files_of(seat) if self.settings.flag("reload") else None
        self.signals.is_quiet = True
        self.signals.hear(seat.channel.fd)

    def boot(self) -> None:
        """Take the place in the pool, and boot as any worker does."""
        self.engine.join(self.seat.board, self.seat.slot, self.seat.handover, self.seat.number)
        super().boot()

    def specs(self) -> Sequence[ListenerSpec]:
        """The sockets are open already."""
        return self.seat.sockets

    def write_pid(self) -> None:
        """The pid file is the supervisor's."""

    def settle(self) -> None:
        """Keep no descriptor of whoever started the supervisor; the log may have been named by one.

        While it loads, which may take for ever, it does not hear that the supervisor is gone: then it just ends.
        """
        close_all(self.seat.strangers)
        super().settle()
        if self.seat.parent and not end_with_parent(self.seat.parent):
            raise StoppedAtBootError

    def announce(self, loaded: LoadedApp) -> None:
        """Tell the supervisor, who tells the others."""
        end_with_parent(0)
        if self.files:
            self.files.tell()
        self.seat.channel.tell(READY, loaded.name)

    def beat(self) -> None:
        """Show the supervisor that the main thread can run Python."""
        self.seat.board.beat(self.seat.slot)
        if self.files:
            self.files.tell()

    def is_replaced(self, cause: str) -> bool:
        """Serve on until the successor is ready."""
        self.seat.channel.tell(REPLACE, cause)
        return True

    def idle_watch(self) -> IdleWatch | None:
        """The supervisor sees who is idle."""
        return None

    def on_signal(self, number: int) -> None:
        """Do what the supervisor says. Signals are meant for it, but for two that are sent to this process alone."""
        if number == HEARD:
            self.on_channel()
        elif number == signal.SIGUSR1:
            self.access.reopen()
        elif number == signal.SIGTERM and self.state.now == RUNNING:
            self.is_replaced("SIGTERM")

    def on_channel(self) -> None:
        """Hear the supervisor; without one there is nobody to serve for."""
        try:
            for word, text in self.seat.channel.hear():
                self.obey(word, int(text or 0))
        except EOFError:
            self.signals.hear_no_more()
            if self.state.now == RUNNING:
                say("the supervisor is gone; finishing open requests, then ending", code=codes.SUPERVISOR_GONE)
            self.drain(self.settings.number("drain_timeout"))

    def obey(self, word: str, drain_ms: int) -> None:
        """Carry out one order."""
        if word == REOPEN:
            self.access.reopen()
        elif word == UNREADY:
            self.engine.unready()
        elif word == RETIRE:
            self.drain(drain_ms, self.engine.retire)
        elif word == STOP and drain_ms:
            self.drain(drain_ms)
        elif word == STOP and self.state.now in (RUNNING, DRAINING):
            self.cut()
