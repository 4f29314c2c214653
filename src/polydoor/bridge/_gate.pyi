"""Types of the compiled lock file of the CGI stub."""

class Gate:
    """One open lock file."""

    def __init__(self, fd_or_path: int | str, socket_path: str) -> None: ...
    def close(self) -> None:
        """Close the file; what it holds is free then."""

    @property
    def fd(self) -> int:
        """The descriptor; -1 when it is closed."""

    @property
    def is_held(self) -> bool:
        """Whether another descriptor says that a daemon listens."""

    @property
    def is_mine(self) -> bool:
        """In the daemon: whether the path of the socket still leads to its own."""

    @property
    def rate(self) -> int:
        """How many requests came in the last minute, about."""

    def hold(self) -> bool:
        """In the daemon: hold the lock of who listens; False while another daemon does."""

    def record(self) -> dict[str, int | bool]:
        """What is known of the last daemon: started_ms, failures, pid, is_ready."""

    def listen(self) -> tuple[int, int]:
        """As the stub does: bind and listen, and hold the lock of a daemon; (listener, a connection to it)."""

    def ready(self, listener: int, backlog: int) -> bool:
        """In the daemon: it serves from now on; False: the record cannot be written."""

    def leave(self, listener: int, if_idle: bool, wait_ms: int) -> str:
        """In the daemon: take the path away; `if_idle`, only if that hinders nobody. Returns how that went."""
