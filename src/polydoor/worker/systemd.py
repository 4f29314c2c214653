"""What systemd and a service agree on: sockets that it passes, and datagrams that tell it how the service is.

Loaded only where a variable of systemd is set. See sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3).
"""

from __future__ import annotations

import os
import time

from polydoor import codes
from polydoor.errors import BindError
from polydoor.settings.listener import parse_listener, protocol_of_name
from polydoor.worker.banner import say
from polydoor.worker.extras import VARIABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import MutableMapping

    from polydoor.settings.listener import ListenerSpec
    from polydoor.settings.load import Settings

FIRST = 3  # SD_LISTEN_FDS_START
BEAT = "WATCHDOG=1"
PATIENCE_S = 1.0  # for a datagram; systemd may be busy


class Service:
    """The process as a service of systemd.

    The variables are taken out of `environ`: neither the application nor a program that it starts may take them for
    its own.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        told = {name: environ.pop(name, "") for name in VARIABLES}
        self.sockets = _passed_sockets(told)
        self.watchdog_ms = 0  # how often systemd wants to hear of us, halved; 0: never
        if told["WATCHDOG_PID"] in {"", str(os.getpid())} and told["WATCHDOG_USEC"].isdecimal():
            self.watchdog_ms = int(told["WATCHDOG_USEC"]) // 2000
        self._address = told["NOTIFY_SOCKET"]
        self._socket: socket | None = None
        self._beat_at = 0.0

    def variables(self) -> dict[str, str]:
        """What another program in this process needs to go on; the sockets it has by other ways."""
        watchdog = {"WATCHDOG_USEC": str(2000 * self.watchdog_ms)} if self.watchdog_ms else {}
        return {"NOTIFY_SOCKET": self._address, **watchdog} if self._address else watchdog

    # --- sockets ------------------------------------------------------------------------------------------------------

    def listeners(self, settings: Settings) -> list[ListenerSpec]:
        """The listeners of the settings with descriptors for names; where no address is given, all that was passed."""
        if self.sockets and not settings.is_said("bind"):
            return [parse_listener(f"fd://{fd}?protocol={protocol_of_name(name)}") for fd, name in self.sockets.items()]
        specs = [each for spec in settings.listeners() for each in self._with_descriptor(spec)]
        served = {spec["fd"] for spec in specs}
        for fd, name in self.sockets.items():
            if fd not in served:
                say(
                    f"systemd passed the socket {name or fd}, but no address asks for it",
                    f"Add `-b fd://{name or fd}`, or leave all addresses out to serve whatever is passed.",
                    code=codes.SOCKET_UNUSED,
                )
        return specs

    def _with_descriptor(self, spec: ListenerSpec) -> list[ListenerSpec]:
        """One listener for each socket of the name that `spec` asks for."""
        if spec["kind"] != "fd" or not spec["path"]:
            return [spec]
        wanted = str(spec["path"])
        found = [fd for fd, name in self.sockets.items() if name == wanted]
        if not found:
            raise no_such_socket(wanted, tuple(self.sockets.values()))
        return [{**spec, "fd": fd, "path": ""} for fd in found]

    # --- notifications ------------------------------------------------------------------------------------------------

    def ready(self, status: str) -> None:
        """Requests are served from now on."""
        self._beat_at = time.monotonic()
        self._tell("READY=1", status)

    def reloading(self, status: str) -> None:
        """What is served is being replaced; `systemctl reload` waits for the end of it (Type=notify-reload)."""
        self._tell("RELOADING=1", status, f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def reloaded(self, status: str) -> None:
        """The end of that, however it went."""
        self._tell("READY=1", status)

    def stopping(self, status: str, may_take_ms: int) -> None:
        """The drain begins; systemd shall be patient for as long as it may take."""
        self._tell("STOPPING=1", status, f"EXTEND_TIMEOUT_USEC={may_take_ms * 1000}")

    def beat(self, next_ms: int) -> None:
        """The main thread is alive, and looks in again after `next_ms`: tell the watchdog, if it is time."""
        now = time.monotonic()
        if self.watchdog_ms and (now - self._beat_at) * 1000 + next_ms > self.watchdog_ms:
            self._beat_at = now
            self._tell(BEAT)

    def close(self) -> None:
        """Nothing more is told."""
        self._address = ""
        if self._socket is not None:
            self._socket.close()

    def _tell(self, state: str, status: str = "", *more: str) -> None:
        if not self._address:
            return
        lines = [state, *([f"STATUS={status.replace(chr(10), ' ')}"] if status else []), *more]
        try:
            self._send("\n".join(lines).encode("utf-8", "surrogateescape"), wait=state != BEAT)
        except BlockingIOError:
            return  # systemd is busy; the next beat will do
        except OSError as error:
            say(
                f"systemd cannot be told {state} at {self._address}: {error.strerror or error}",
                "Look at NotifyAccess= and at what the unit hides from the service, or use Type=exec.",
                code=codes.CANNOT_NOTIFY,
            )
            if not isinstance(error, TimeoutError):
                self._address = ""  # once is enough

    def _send(self, datagram: bytes, *, wait: bool) -> None:
        if self._socket is None:
            import _socket  # only now, as most processes need none; and the half in C, as `socket` is half a megabyte

            self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        self._socket.settimeout(PATIENCE_S if wait else 0)
        path = os.fsencode(self._address)
        self._socket.sendto(datagram, b"\0" + path[1:] if path[:1] == b"@" else path)


def no_such_socket(name: str, passed: tuple[str, ...] = ()) -> BindError:
    """The error for an address `fd://NAME` that means nothing."""
    there = f"passed were: {', '.join(name or '(without a name)' for name in passed)}" if passed else "none was passed"
    text = f"no socket of the name {name!r} was passed to this process; {there}"
    return BindError(f"{text}\nGive it in the .socket unit as FileDescriptorName={name}.", code=codes.NO_SUCH_SOCKET)


def _passed_sockets(told: MutableMapping[str, str]) -> dict[int, str]:
    """The descriptors that were passed to this process, each with its name, which may be empty."""
    count = told["LISTEN_FDS"]
    if not count.isdecimal() or count == "0":
        return {}
    if told["LISTEN_PID"] != str(os.getpid()):
        say(
            f"the sockets of LISTEN_FDS are for process {told['LISTEN_PID'] or '?'}, not for this one, {os.getpid()}",
            "A script in ExecStart= has to start Polydoor by `exec`.",
            code=codes.SOCKET_UNUSED,
        )
        return {}
    fds = range(FIRST, FIRST + int(count))
    for fd in fds:
        try:
            os.set_inheritable(fd, False)
        except OSError:
            text = f"LISTEN_FDS says that {count} sockets were passed, but descriptor {fd} is not open"
            text += "\nPass listening sockets as descriptor 3 and on, or unset LISTEN_FDS."
            raise BindError(text, code=codes.NO_SUCH_SOCKET) from None
    names = told["LISTEN_FDNAMES"].split(":")
    return dict(zip(fds, names if len(names) == len(fds) else [""] * len(fds), strict=True))
