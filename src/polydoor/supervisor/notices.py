"""What systemd hears of a supervisor; nothing, where it has not started it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.worker.systemd import Service


class Notices:
    """The life of the service, in the words of sd_notify(3)."""

    def __init__(self, service: Service | None) -> None:
        self._service = service
        self._serving = ""  # the status line, from the first worker on
        self._last = 0  # the number of the reload that was asked for last

    def serving(self, text: str) -> None:
        """The first worker is ready."""
        self._serving = text
        if self._service:
            self._service.ready(text)

    def reloading(self) -> None:
        """A reload is asked for, maybe during another one: each is told, as systemd waits for what follows its own."""
        if self._service:
            self._service.reloading("Loading the application anew")

    def expect(self, serial: int) -> None:
        """The reload of this number will end what was told."""
        self._last = serial

    def reloaded(self, serial: int, error: str) -> None:
        """A reload is over."""
        if self._service and serial >= self._last:
            first = error.partition("\n")[0]
            self._service.reloaded(f"The reload changed nothing: {first}" if error else self._serving)

    def stopping(self, may_take_s: float) -> None:
        """The end begins."""
        if self._service:
            self._service.stopping("Finishing open requests", int(may_take_s * 1000))

    def beat(self, patience_ms: int | None) -> int | None:
        """The loop turns, and would sleep for so long: tell the watchdog; return for how long it may."""
        if not (self._service and self._service.watchdog_ms and self._serving):
            return patience_ms
        longest = max(1, self._service.watchdog_ms // 2)  # so that a loop that turns often need not tell each time
        patience_ms = longest if patience_ms is None else min(patience_ms, longest)
        self._service.beat(patience_ms)
        return patience_ms

    def variables(self) -> dict[str, str]:
        """What another program in this process needs to go on telling."""
        return self._service.variables() if self._service else {}

    def close(self) -> None:
        """Nothing more is told; also in a worker, of which systemd hears nothing."""
        if self._service:
            self._service.close()
