"""`Server`: a real polydoor process with its log, its doors and a checked end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self
from urllib.parse import urlsplit

from peers.door import DOORS, Door, HttpDoor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from peers.wire import Address

APPS = Path(__file__).parent.parent / "apps"
# Where this Python finds what is installed, for one that finds less: by another name, or out of its environment.
INSTALLED = [
    *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)),
    *map(sysconfig.get_path, ("purelib", "platlib")),
]
PATIENCE = 30.0

# What must never stand in a server's log, whatever the test does.
ALARMS = re.compile(
    r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehavior|runtime error:|"
    r"Fatal Python error|Segmentation fault|Assertion .* failed|assertion failed|core dumped",
)
BANNER_URL = re.compile(r"(?<![\w+])((?:http|fastcgi|scgi|uwsgi|ajp|auto)(?:\+unix)?:/[^\s,'\"]+)")


class Log:
    """Lines of a stream, read by a thread; tests wait for text instead of sleeping."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._open = 0
        self.follow(stream)

    def follow(self, stream: IO[bytes]) -> None:
        """Reads another stream, too."""
        with self._changed:
            self._open += 1
        self._threads.append(threading.Thread(target=self._read, args=(stream,), daemon=True))
        self._threads[-1].start()

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            with self._changed:
                self._lines.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    @property
    def lines(self) -> list[str]:
        """All lines so far."""
        with self._changed:
            return list(self._lines)

    @property
    def text(self) -> str:
        """All lines so far as one text."""
        return "\n".join(self.lines)

    def wait_until(self, ready: Callable[[list[str]], bool], timeout: float = PATIENCE) -> bool:
        """True as soon as the lines satisfy `ready`; False at the end of the log or of patience."""
        with self._changed:
            self._changed.wait_for(lambda: not self._open or ready(self._lines), timeout)
            return ready(self._lines)

    def wait_for(self, text: str, timeout: float = PATIENCE) -> str:
        """The first line that holds `text`, once it is there."""
        found = self.wait_until(lambda lines: any(text in line for line in lines), timeout)
        assert found, f"{text!r} never came into the log:\n{self.text}"
        return next(line for line in self.lines if text in line)

    def join(self) -> None:
        """Waits until all streams are closed."""
        for thread in self._threads:
            thread.join(PATIENCE)


def one_each(folder: Path | str) -> list[str]:
    """One listener for each protocol."""
    return [
        "http://127.0.0.1:0",
        f"fastcgi+unix:{folder}/f.sock",
        "scgi://127.0.0.1:0",
        "uwsgi://127.0.0.1:0",
        f"ajp+unix:{folder}/a.sock",
    ]


def listener_kind(url: str) -> str:
    """The protocol of a listener URL."""
    return url.partition(":")[0].partition("+")[0]


def listener_address(url: str) -> Address:
    """Where to connect to for a URL of the banner."""
    parts = urlsplit(url)
    if parts.scheme.endswith("+unix"):
        return parts.path
    assert parts.hostname is not None
    assert parts.port, f"no port in {url}"
    return parts.hostname, parts.port


class Server:
    """Runs `python -m polydoor APP -b URL … -t N`, or a host with the same options, and says where its doors are.

    Used as a context manager: the end sends SIGTERM and requires exit status 0
    and a log without alarms.
    """

    def __init__(
        self,
        app: str | None,
        listeners: Sequence[str] = ("http://127.0.0.1:0",),
        *,
        threads: int | None = 4,
        options: Sequence[str] = (),
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        program: Sequence[str] = (sys.executable,),
        start: Sequence[str] = ("-m", "polydoor"),
    ) -> None:
        command = [*program, *start, *([app] if app else [])]
        for url in listeners:
            command += ["-b", url]
        if threads:
            command += ["-t", str(threads)]
        command += options
        self.command = command
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | (env or {}),
        )
        assert self.process.stderr is not None
        assert self.process.stdout is not None
        self.log = Log(self.process.stderr)
        self.output = Log(self.process.stdout)
        self.doors: list[Door] = []
        self._status = 0  # with which it ended, once a test has waited for that
        try:
            self._find_doors(listeners)
        except BaseException:
            self.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.stop(status=self._status)
        else:
            self.kill()

    @property
    def pid(self) -> int:
        """The process that serves."""
        return self.process.pid

    def _find_doors(self, listeners: Sequence[str]) -> None:
        wanted = [listener_kind(url) for url in listeners]

        def urls(lines: list[str]) -> list[str]:
            return [url for line in lines for url in BANNER_URL.findall(line)]

        ready = self.log.wait_until(lambda lines: len(urls(lines)) >= len(wanted))
        if not ready:
            status = self.process.poll()
            msg = f"{self.command} did not name its {len(wanted)} listeners (exit status {status}):\n{self.log.text}"
            raise AssertionError(msg)
        found = urls(self.log.lines)[: len(wanted)]
        kinds = [listener_kind(url) for url in found]
        assert kinds == wanted, f"asked for {wanted}, the banner names {found}"
        self.doors = [DOORS.get(kind, HttpDoor)(listener_address(url)) for kind, url in zip(kinds, found, strict=True)]
        first = next((door for door in self.doors if door.name == "http"), None)
        if first is not None and not isinstance(first.address, str):
            for door in self.doors:
                door.server = first.address

    def door(self, name: str) -> Door:
        """The first listener of a protocol."""
        return next(door for door in self.doors if door.name == name)

    def stop(self, how: signal.Signals = signal.SIGTERM, *, status: int = 0) -> None:
        """Asks the server to end and requires a clean end."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.wait(status=status)

    def wait(self, *, status: int = 0) -> None:
        """Waits for the end and checks status and log."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not end:\n{self.log.text[-4000:]}") from None
        self._join()
        assert self.process.returncode == status, f"exit status {self.process.returncode}:\n{self.log.text[-4000:]}"
        self._status = status
        alarm = ALARMS.search(self.log.text)
        assert alarm is None, f"{alarm}:\n{self.log.text[-8000:]}"

    def kill(self) -> None:
        """Ends the process at once, without any check."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        self._join()

    def _join(self) -> None:
        self.log.join()
        self.output.join()
        for stream in (self.process.stderr, self.process.stdout):
            if stream is not None:
                stream.close()
