"""`Session`: follows a page step by step in an empty folder, as a reader at a terminal would."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Self

from documents.pages import SERVES, Command, File, Left, Stop
from support.server import Log
from support.waiting import eventually

if TYPE_CHECKING:
    from documents.pages import Step

ISOLATION = Path(__file__).with_name("isolation.py")
# Those need the network that the others must not have.
INSTALLS = re.compile(r"\bpip install\b|-m venv\b")
DROPPED = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PORT", "WEB_CONCURRENCY", "CI")


class Session:
    """A shell in a network of its own, with the servers that the page started."""

    def __init__(self, folder: Path, wheelhouse: Path, first: Path) -> None:
        """`first` comes first in PATH: what lies there takes the place of the machine's own programs."""
        self.folder = folder
        self.env = {key: value for key, value in os.environ.items() if key not in DROPPED}
        self.env |= {"HOME": str(folder), "PIP_FIND_LINKS": str(wheelhouse), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        # Compiling what is imported once at most would take longer than all the rest.
        self.env["PIP_NO_COMPILE"] = "1"
        self.env |= {"PIP_ROOT_USER_ACTION": "ignore", "PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8"}
        self.env["PATH"] = f"{first}{os.pathsep}{_path_without_this_environment()}"
        self.servers: list[tuple[str, Path]] = []
        self.shell = subprocess.Popen(
            [sys.executable, str(ISOLATION), "bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=self.env,
        )
        assert self.shell.stdout is not None
        self.log = Log(self.shell.stdout)
        self._seen = 0
        self._started = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.shell.stdin is not None
        self.shell.stdin.close()
        self.shell.kill()
        self.shell.wait(30)
        self.log.join()
        assert self.shell.stdout is not None
        self.shell.stdout.close()

    def follow(self, step: Step) -> None:
        """Take one step; AssertionError when it does not go as the page says."""
        if isinstance(step, File):
            self._write(step)
        elif isinstance(step, Command) and step.is_server:
            self._start(step)
        elif isinstance(step, Command):
            self._run(step)
        elif isinstance(step, Stop):
            self._stop()
        else:
            assert isinstance(step, Left)

    def _write(self, step: File) -> None:
        path = self.folder / self._where() / step.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(step.text, encoding="utf-8")

    def _where(self) -> str:
        return self._type("pwd")[1][0]

    def _run(self, step: Command) -> None:
        status, lines = self._install(step.text) if INSTALLS.search(step.text) else self._type(step.text)
        shown = "\n".join(lines)
        assert status == 0 or step.output, f"line {step.line}: `{step.text}` ends with status {status}:\n{shown}"
        if step.output:
            assert matches(step.output, lines), f"line {step.line}: `{step.text}` prints\n{shown}"

    def _install(self, text: str) -> tuple[int, list[str]]:
        """Run with the outer network, in the folder where the shell is."""
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=self._where(),
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout.splitlines()

    def _start(self, step: Command) -> None:
        """Start a server and wait until it has printed what the page shows."""
        self._started += 1
        log = self.folder / f".server-{self._started}.log"
        log.touch()
        status, lines = self._type(f"{step.text} >{log} 2>&1 & echo $!")
        assert status == 0
        self.servers.append((lines[-1], log))
        eventually(lambda: SERVES in log.read_text(encoding="utf-8") or not self._runs(lines[-1]))
        printed = log.read_text(encoding="utf-8").splitlines()
        assert matches([*step.output, "…"], printed), f"line {step.line}: `{step.text}` prints\n" + "\n".join(printed)

    def _runs(self, pid: str) -> bool:
        return self._type(f"kill -0 {pid}")[0] == 0

    def _stop(self) -> None:
        pid, log = self.servers.pop()
        # A shell without job control lets background processes ignore SIGINT; SIGTERM means the same to a server.
        status, _ = self._type(f"kill -{signal.SIGTERM} {pid}; wait {pid}")
        assert status == 0, f"the server ended with status {status}:\n{log.read_text(encoding='utf-8')}"

    def _type(self, text: str) -> tuple[int, list[str]]:
        """Give one command to the shell; its exit status and what it printed."""
        mark = uuid.uuid4().hex
        assert self.shell.stdin is not None
        self.shell.stdin.write(f"{text}\nprintf '\\n%s %s\\n' {mark} $?\n".encode())
        self.shell.stdin.flush()
        end = self.log.wait_for(mark)
        lines = self.log.lines
        at = lines.index(end)
        printed, self._seen = lines[self._seen : at], at + 1
        if printed and not printed[-1]:
            del printed[-1]
        return int(end.split()[1]), printed


def matches(expected: list[str], printed: list[str]) -> bool:
    """True when a command printed what the page shows; `…` stands for anything."""
    pattern = ""
    for line in expected:
        pattern += r"(?:.*\n)*" if line == "…" else re.escape(line).replace("…", ".*") + r"\n"
    text = "".join(f"{line.rstrip()}\n" for line in printed)
    return re.fullmatch(pattern, text) is not None


def _path_without_this_environment() -> str:
    """PATH without the programs of the environment that runs the tests: the page brings its own."""
    own = str(Path(sys.executable).parent)
    parts = [part for part in os.environ["PATH"].split(os.pathsep) if part != own]
    return os.pathsep.join([*parts, *(part for part in ("/usr/sbin", "/sbin") if part not in parts)])
