"""Types of the compiled bridge to the engine."""

from collections.abc import Callable, Mapping
from typing import Any

class Engine:
    """One engine: its listeners, connections and ready queue."""

    log_fd: int
    def __init__(self, settings: Mapping[str, int | str | bool]) -> None: ...
    def listen(self, spec: Mapping[str, int | str | list[str]]) -> str:
        """Open one listener and return its real address; OSError and ValueError hold a readable message."""

    def run_thread(self, app: Callable[..., Any]) -> None:
        """Serve requests on this thread; returns when the engine has stopped and drained."""

    def run_relief(self) -> None:
        """Be the thread that takes the loop when every other is busy; returns when the engine has stopped."""

    def stop(self, drain_ms: int) -> None:
        """Begin to drain; what is left after `drain_ms` is cut. From any thread."""

    def kill(self) -> None:
        """Stop at once. From any thread."""
