"""The control socket: other commands ask the supervisor how it is, and tell it what to do.

A connection brings one line and is given one, both JSON, and is then closed. Nothing here waits for a peer: who is
slow, sends too much or never closes costs a descriptor for a few seconds. The socket is for its owner and root alone,
by its permissions and by what the kernel says of each peer.
"""

from __future__ import annotations

import os
import select
import sys
import time

from polydoor import codes
from polydoor.bridge import Bound, bind
from polydoor.errors import BindError
from polydoor.settings.listener import blank_listener
from polydoor.worker.banner import say
from polydoor.worker.listening import listen_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any

    Answer = dict[str, Any]

BACKLOG = 128
ASKERS_MAX = 16  # another one takes the place of the one that came first
LINE_MAX = 4096
PATIENCE_S = 3.0  # to send the line, and to take the answer
RETRY_S = 1.0  # after an accept() that failed
TAKEN_OVER = "another version of Polydoor takes the server over at this moment; ask again"
FIRST = 1  # the number of the reload with which it begins
NOTHING = 0  # events: only that the peer has gone
INT_BYTES = 4
SOMEBODY_ELSE = ("PD0201", "PD0211")  # in core/base/notice.h: a live socket, or something that is no socket


class Asker:
    """One connection."""

    __slots__ = ("deadline", "got", "left", "serial", "sock", "stays")

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.sock = sock
        self.deadline = deadline  # 0: it waits for us
        self.got = b""
        self.left = b""  # of the answer
        self.serial = 0  # of the reload that it waits for
        self.stays = False  # open behind the answer, until the process ends


class Control:
    """Answers whoever connects, by the commands that it is given.

    A command returns the answer, or the number of the reload whose end is the answer. `on` and `off` begin and end
    that the supervisor's loop calls a handler for a descriptor.
    """

    def __init__(
        self,
        commands: Mapping[str, Callable[[], Answer | int]],
        on: Callable[..., None],
        off: Callable[[int], None],
    ) -> None:
        self._commands = commands
        self._on = on
        self._off = off
        self._bound: Bound | None = None
        self._path = ""
        self._json: ModuleType | None = None  # most supervisors are never asked
        self._askers: dict[int, Asker] = {}  # by descriptor, in their order
        self._retry_at = 0.0

    def open(self, path: str) -> None:
        """Make the socket, if there is a path for it; BindError if somebody else uses that.

        Where there can be none, it is said.
        """
        if not path:
            return
        try:
            spec = blank_listener("http") | {"kind": "unix", "path": path, "mode": 0o600}
            bound = listen_at(spec, lambda spec: bind(spec, BACKLOG))
        except BindError as error:
            if error.code in SOMEBODY_ELSE:
                raise
            first, *more = str(error).split("\n")
            say(f"there is no control socket: {first}", *more, code=codes.NO_CONTROL_SOCKET)
            return
        self._begin(path, bound)

    def adopt(self, path: str, handed_on: Mapping[str, Any]) -> None:
        """Take over the socket of an older program, if it is to be at the same path, and who waits there."""
        bound = Bound.adopt(handed_on["bound"]) if handed_on["bound"] else None
        if bound and path == handed_on["path"]:
            self._begin(path, bound)
        else:
            if bound:
                bound.close()
            self.open(path)
        for fd in handed_on["waiting"]:
            self._expect(fd)

    def _expect(self, fd: int) -> None:
        asker = self._askers[fd] = Asker(self._modules().socket(fileno=fd), 0.0)
        asker.serial = FIRST
        self._watch(asker, NOTHING, self._drop)

    def _begin(self, path: str, bound: Bound) -> None:
        self._path = path
        self._bound = bound
        os.set_blocking(bound.fd, False)
        self._on(bound.fd, self._accept)

    def _modules(self) -> Any:
        """Load what a connection needs as soon as there is one; return the module of sockets."""
        import json
        import socket

        self._json = json
        return socket

    def leave(self) -> None:
        """In a worker: all of it is the supervisor's."""
        for asker in self._askers.values():
            asker.sock.close()
        if self._bound:
            self._bound.leave()
            self._bound.close()

    def close(self) -> None:
        """Remove the socket. Who waits sees that the process has ended."""
        if self._bound:
            self._bound.close()

    def hand_on(self) -> None:
        """Another program takes the place of this one: tell that to who has not said yet what to do."""
        for asker in list(self._askers.values()):
            if not asker.serial and not asker.left and not asker.stays:
                self._take(asker)
                self._answer(asker, outcome(TAKEN_OVER))

    @property
    def fds(self) -> list[int]:
        """The descriptors that are handed on: the socket, what guards its path, and who waits for a reload."""
        return [*(self._bound.fds if self._bound else ()), *self._waiting()]

    def state(self) -> Answer:
        """What adopt() needs."""
        bound = self._bound.state() if self._bound else ()
        return {"path": self._path, "bound": bound, "waiting": self._waiting()}

    def _waiting(self) -> list[int]:
        return [fd for fd, asker in self._askers.items() if asker.serial]

    def reloaded(self, serial: int, error: str) -> None:
        """Tell those who wait for this reload how it went."""
        for asker in list(self._askers.values()):
            if 0 < asker.serial <= serial:
                asker.serial = 0
                self._answer(asker, outcome(error))

    def wake_at(self) -> float:
        """When `tick` has something to do; 0: never."""
        times = [asker.deadline for asker in self._askers.values() if asker.deadline]
        return min([*times, self._retry_at] if self._retry_at else times, default=0.0)

    def tick(self, now: float) -> None:
        """Close what takes too long."""
        for asker in list(self._askers.values()):
            if asker.deadline and now >= asker.deadline:
                self._drop(asker)
        if self._bound and self._retry_at and now >= self._retry_at:
            self._retry_at = 0.0
            self._on(self._bound.fd, self._accept)

    # --- one connection -----------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        assert self._bound is not None
        now = time.monotonic()
        try:
            with self._modules().socket(fileno=os.dup(self._bound.fd)) as listener:
                sock, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:  # no descriptors or no memory: who waits would wake us again and again
            self._retry_at = now + RETRY_S
            self._off(self._bound.fd)
            return
        sock.setblocking(False)
        if not is_trusted(peer_uid(sock)):
            sock.close()
            return
        if len(self._askers) >= ASKERS_MAX:
            first = next(iter(self._askers.values()))
            self._drop(next((asker for asker in self._askers.values() if asker.deadline), first))
        asker = self._askers[sock.fileno()] = Asker(sock, now + PATIENCE_S)
        self._on(sock.fileno(), self._read, asker)

    def _drop(self, asker: Asker) -> None:
        self._off(asker.sock.fileno())
        del self._askers[asker.sock.fileno()]
        asker.sock.close()

    def _take(self, asker: Asker) -> bytes | None:
        """What has come of a line; None: nothing yet."""
        try:
            return asker.sock.recv(LINE_MAX + 1 - len(asker.got))
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _read(self, asker: Asker) -> None:
        data = self._take(asker)
        if data is None:
            return
        asker.got += data
        line, end, _ = asker.got.partition(b"\n")
        if end:
            self._obey(asker, line)
        elif not data:
            self._drop(asker)
        elif len(asker.got) > LINE_MAX:
            self._answer(asker, outcome(f"a line may have at most {LINE_MAX} bytes"))

    def _obey(self, asker: Asker, line: bytes) -> None:
        name = self._command_of(line)
        if name not in self._commands:
            known = ", ".join(self._commands)
            self._answer(asker, outcome(f'no such command; there are {known}, as in {{"command": "status"}}'))
            return
        self._watch(asker, NOTHING, self._drop)
        told = self._commands[name]()
        asker.stays = name == "stop"
        if isinstance(told, dict):
            self._answer(asker, told)
        else:
            asker.serial = told
            asker.deadline = 0.0

    def _answer(self, asker: Asker, answer: Answer) -> None:
        assert self._json is not None
        asker.left = self._json.dumps(answer, separators=(",", ":")).encode() + b"\n"
        asker.deadline = time.monotonic() + PATIENCE_S
        self._write(asker)

    def _write(self, asker: Asker) -> None:
        try:
            asker.left = asker.left[asker.sock.send(asker.left) :]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(asker)
            return
        if asker.left:
            self._watch(asker, select.POLLOUT, self._write)
        elif asker.stays:
            asker.deadline = 0.0
            self._watch(asker, NOTHING, self._drop)
        else:
            self._drop(asker)

    def _command_of(self, line: bytes) -> str:
        """The command that a line asks for; nothing if it is none."""
        assert self._json is not None
        try:
            asked = self._json.loads(line)
        except (ValueError, RecursionError):
            return ""
        name = asked.get("command") if isinstance(asked, dict) else ""
        return name if isinstance(name, str) else ""

    def _watch(self, asker: Asker, events: int, handler: Callable[[Asker], None]) -> None:
        self._on(asker.sock.fileno(), handler, asker, events=events)


def outcome(error: str = "") -> Answer:
    """An answer that says no more than whether it went well."""
    return {"ok": not error, "error": error} if error else {"ok": True}


def peer_uid(sock: socket.socket) -> int:
    """Whose process has connected, as the kernel knows it."""
    from _socket import SO_PEERCRED, SOL_SOCKET

    credentials = sock.getsockopt(SOL_SOCKET, SO_PEERCRED, 3 * INT_BYTES)  # struct ucred: pid, uid, gid
    return int.from_bytes(credentials[INT_BYTES : 2 * INT_BYTES], sys.byteorder)


def is_trusted(uid: int) -> bool:
    """Whether this user may tell the supervisor what to do."""
    return uid in (0, os.geteuid())
