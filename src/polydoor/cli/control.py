"""What `polydoor status`, `reload` and `stop` have in common: they find the control socket, and ask there."""

from __future__ import annotations

import json
import os
import select
import socket
import struct

from polydoor import codes
from polydoor.cli.command import Command
from polydoor.errors import ConfigError, PolydoorError
from polydoor.settings.catalog import BY_NAME
from polydoor.settings.option import Flag, Setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

    from polydoor.cli.arguments import Arguments

READ_MAX = 65_536
PATIENCE_S = 10.0  # for an answer that needs no work
WHERE = ("control", "config", "chdir", "env_file")  # settings that say where the socket is
JSON = Setting("json", Flag(), 0, "Print what the server answers, as JSON.", group="Options")
OWN = (*(BY_NAME[name] for name in WHERE), JSON)
EXIT_STATUS = "Exit status: 0 ok, 2 nothing says where the control socket is, 3 nobody answers there"


class ControlError(PolydoorError):
    """The server does not answer, or could not do what it was asked for."""

    exit_code = 3
    code = codes.NO_SERVER


def control_command(name: str, text: str, more: str = "") -> Command:
    """The row of one command."""
    usage = f"polydoor {name} [--control PATH] [--json]"
    return Command(usage, text, more=f"{EXIT_STATUS}{more}.", own=OWN, has_settings=False)


def wants_json(arguments: Arguments) -> bool:
    """Whether `--json` was given."""
    texts = arguments.options.get(JSON.name, ["0"])
    return bool(JSON.kind.parse(texts[-1]))


class Link:
    """A connection to the control socket."""

    def __init__(self, command: Command, arguments: Arguments) -> None:
        from polydoor.settings.sources import gather

        if arguments.words:
            text = f"{arguments.words[0]} is not needed here: the control socket says which server is meant"
            raise ConfigError(f"{text}\nusage: {command.usage}", code=codes.WHICH_APP)
        settings = gather(os.environ, {name: texts for name, texts in arguments.options.items() if name in WHERE})
        self.path = settings.text("control")
        if not self.path:
            raise ConfigError(
                "nothing says where the control socket is\n"
                'Put control = "PATH" into polydoor.toml, or give the server --control PATH and say the same here.',
                code=codes.NO_CONTROL,
            )
        self._socket = socket.socket(socket.AF_UNIX)
        # connect() itself waits where many ask at once, which settimeout() would make an error.
        patience = struct.pack("ll", int(PATIENCE_S), 0)  # struct timeval
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
        try:
            self._socket.connect(self.path)
        except OSError as error:
            self._socket.close()
            why = "there is no socket" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
            raise self._failed(f"no server can be asked at {self.path}: {why}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, name: str, patience_s: float | None = PATIENCE_S) -> dict[str, Any]:
        """Give a command, and return the answer."""
        self._socket.settimeout(patience_s)
        try:
            self._socket.sendall(b'{"command":"%s"}\n' % name.encode())
            got = b""
            while not got.endswith(b"\n"):
                data = self._socket.recv(READ_MAX)
                if not data:
                    raise self._failed(f"the server at {self.path} closed the connection without an answer")
                got += data
            answer: dict[str, Any] = json.loads(got)
        except OSError as error:
            why = f"not within {patience_s:g} s" if isinstance(error, TimeoutError) else error.strerror or str(error)
            raise self._failed(f"the server at {self.path} does not answer: {why}") from None
        except ValueError:
            raise self._failed(f"who answers at {self.path} is not Polydoor") from None
        return answer

    def server(self) -> int:
        """A descriptor that can be read when the server's process has ended; -1 where that cannot be seen."""
        credentials = struct.Struct("3i")  # struct ucred: pid, uid, gid
        raw = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
        pid = credentials.unpack(raw)[0]
        try:
            return os.pidfd_open(pid) if pid > 0 else -1  # 0: it is outside of our PID namespace
        except OSError:
            return -1

    def wait_end(self, server: int) -> None:
        """Return when the server is no more."""
        if server >= 0:
            select.select([server], [], [])
            return
        self._socket.settimeout(None)
        try:
            while self._socket.recv(READ_MAX):
                pass
        except OSError:
            return

    def _failed(self, text: str) -> ControlError:
        return ControlError(f"{text}\nSee whether the server runs, and with which control socket.")


def as_json(answer: dict[str, Any]) -> str:
    """An answer as a person or a program reads it."""
    return json.dumps(answer, indent=2) + "\n"
