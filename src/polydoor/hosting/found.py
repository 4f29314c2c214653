"""Finds the stubs in a folder and the daemons behind them, and ends those."""

from __future__ import annotations

import os
import select
import signal
import time

from polydoor import codes
from polydoor.bridge._gate import Gate
from polydoor.errors import ConfigError
from polydoor.hosting.configuration import BEFORE, BEHIND, Configuration, read_configuration
from polydoor.hosting.places import Places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

AGAIN_S = 0.05


class Found:
    """One stub and what is known of its daemon."""

    def __init__(self, path: str) -> None:
        self.stub = stub_of(path)
        self.configuration: Configuration = read_configuration(path, {})
        self.places = Places(self.configuration)

    def look(self) -> dict[str, Any]:
        """How it is now."""
        told: dict[str, Any] = {
            "stub": self.stub,
            "app": self.configuration.text("app"),
            "state": "none",
            "pid": 0,
            "age": 0.0,
            "failures": 0,
            "rate": 0,
            "log": self.places.log,
        }
        gate = self._gate()
        if gate is None:
            return told
        try:
            record = gate.record()
            told |= {"failures": record["failures"], "rate": gate.rate}
            if gate.is_held:
                told["state"] = "serving" if record["is_ready"] else "starting"
                told["pid"] = record["pid"]
                told["age"] = max(0.0, time.time() - record["started_ms"] / 1000)
        finally:
            gate.close()
        return told

    def stop(self) -> bool:
        """End the daemon and wait until it is no more; False: there is none."""
        gate = self._gate()
        if gate is None:
            return False
        try:
            process = self._process(gate)
            if process < 0:
                return False
            try:
                signal.pidfd_send_signal(process, signal.SIGTERM)
                select.select([process], [], [])
            except ProcessLookupError:  # it has just ended by itself
                pass
            finally:
                os.close(process)
            return True
        finally:
            gate.close()

    def _process(self, gate: Gate) -> int:
        """A descriptor of the daemon's process; -1: there is none.

        One that starts is waited for: if it ended before it serves, the stub would take that for a failure, and let
        some time pass before the next start.
        """
        patient_until = time.monotonic() + self.configuration.number("start_timeout")
        while gate.is_held:
            record = gate.record()
            is_late = time.monotonic() > patient_until
            process = open_process(int(record["pid"])) if record["is_ready"] or is_late else -1
            # Held by whom the record still names: so the number was not given to another process meanwhile.
            if process >= 0 and gate.is_held and gate.record()["pid"] == record["pid"]:
                return process
            if process >= 0:
                os.close(process)
            if is_late:
                raise ConfigError(
                    f"{self.places.lock} is held, and not by process {record['pid']}, which it names as the daemon\n"
                    "A child of the application may have kept it. See who has the file open (fuser), and end that.",
                    code=codes.KEPT_LOCK,
                )
            time.sleep(AGAIN_S)
        return -1

    def _gate(self) -> Gate | None:
        if not os.path.lexists(self.places.lock):
            return None
        try:
            return Gate(self.places.lock, self.places.socket)
        except OSError as error:
            raise ConfigError(f"{self.places.lock}: {error}", code=codes.CANNOT_READ) from None


def open_process(pid: int) -> int:
    """A descriptor of a process; -1: there is none."""
    try:
        return os.pidfd_open(pid) if pid else -1
    except ProcessLookupError:
        return -1


def find(folder: str, name: str) -> list[Found]:
    """The stubs in a folder, or the one of that name."""
    if name and not name.endswith(".cgi"):
        name += ".cgi"
    try:
        names = sorted(each for each in os.listdir(folder) if each.startswith(BEFORE) and each.endswith(BEHIND))
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}", code=codes.NO_FOLDER) from None
    chosen = [each for each in names if not name or each == f"{BEFORE}{name}{BEHIND}"]
    if not chosen:
        what = f"no stub of the name {name}" if name else "no stub"
        there = ", ".join(each.removeprefix(BEFORE).removesuffix(BEHIND) for each in names)
        told = f"there is {what} in {folder}" + (f"; there is {there}" if there else "")
        raise ConfigError(f"{told}\n`polydoor cgi init APP {folder}` sets one up.", code=codes.NO_FOLDER)
    return [Found(os.path.join(os.path.abspath(folder), each)) for each in chosen]


def stub_of(path: str) -> str:
    """The stub that a configuration belongs to."""
    folder, name = os.path.split(path)
    return os.path.join(folder, name.removeprefix(BEFORE).removesuffix(BEHIND))
