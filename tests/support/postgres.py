"""`Postgres`: a database server of Debian's package, with an empty folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import psycopg

from support.waiting import eventually

PATIENCE = 60.0
OPTIONS = ("listen_addresses=", "fsync=off", "max_connections=120", "shared_buffers=16MB", "logging_collector=off")


def programs() -> Path | None:
    """The folder of the newest version that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    return found[-1].parent if found else None


class Postgres:
    """It refuses root, so root has it run as nobody; `dsn` leads to it."""

    def __init__(self) -> None:
        self._bin = programs()
        assert self._bin is not None
        self._user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        self._folder = Path(tempfile.mkdtemp(prefix="polydoor-pg-"))  # in tmp_path nobody may not enter
        self._env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
        if self._user:
            shutil.chown(self._folder, "nobody", "nogroup")
        self.dsn = f"host={self._folder} user=tester dbname=postgres"
        try:
            self._make()
            self._log = (self._folder / "log").open("wb")
            options = [word for option in OPTIONS for word in ("-c", option)]
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self._folder / "data", "-k", self._folder, *options],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                cwd=self._folder,
                env=self._env,
                **self._user,
            )
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    def _make(self) -> None:
        command = [self._bin / "initdb", "-D", self._folder / "data", "-U", "tester", "-A", "trust", "-E", "UTF8", "-N"]
        made = subprocess.run(
            command, capture_output=True, text=True, cwd=self._folder, env=self._env, check=False, **self._user
        )
        assert made.returncode == 0, made.stderr

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            psycopg.connect(self.dsn).close()
        except psycopg.OperationalError:
            return False
        return True

    def __enter__(self) -> Self:
        try:
            assert eventually(self._is_ready, PATIENCE), (self._folder / "log").read_text()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # it ends all sessions
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._log.close()
            shutil.rmtree(self._folder)
