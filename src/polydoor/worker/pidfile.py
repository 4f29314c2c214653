"""`--pid FILE`: where other programs read which process to send signals to. Only loaded where it is asked for.

The file is locked as long as the process lives, so what a killed server has left behind is told from the file of one
that runs, whoever may have its number by now. A lock of fcntl() is the process's own: no child keeps it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from polydoor import codes
from polydoor.errors import ConfigError

MODE = 0o644
READ_MAX = 32
HELD = (errno.EACCES, errno.EAGAIN)  # fcntl(2): either


class PidFile:
    """The file from write() until remove()."""

    def __init__(self, path: str) -> None:
        self._shown = path
        self._path = os.path.abspath(path)  # the application may change the working directory
        self._pid = os.getpid()
        self._fd = -1

    def write(self) -> None:
        """Put the number of this process there, at once and in whole, or raise ConfigError."""
        try:
            self._look()
            self._put()
        except OSError as error:
            raise ConfigError(
                f"cannot write the pid file {self._shown}: {error.strerror}\n"
                "Name a file in a folder that this user may write to.",
                code=codes.NO_PID_FILE,
            ) from None

    def leave(self) -> None:
        """In a worker: the file is its parent's."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                os.close(fd)
            except OSError:  # the application has closed it
                return

    def remove(self) -> None:
        """Remove the file, unless it says another process by now, or this one may not."""
        if self._fd < 0 or os.getpid() != self._pid:
            return
        try:
            if self._read() == self._pid:
                os.unlink(self._path)
        except OSError:
            pass  # the next server finds it without a lock
        self.leave()

    def _look(self) -> None:
        """Refuse what is no file, and the file of a process that lives."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.EISDIR, errno.ENXIO):
                raise
            return  # nothing there, or somebody else's: whether it may be replaced is seen then
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise OSError(errno.EINVAL, "there is something that is not a file")
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in HELD:
                raise self._taken() from None
            if error.errno == errno.EINVAL:
                raise
        finally:
            os.close(fd)

    def _put(self) -> None:
        folder, name = os.path.split(self._path)
        new = os.path.join(folder, f".{name}.{self._pid}")
        _discard(new)  # of a process that had this number and was killed
        fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
        try:
            os.fchmod(fd, MODE)  # whatever the umask is: others are to read it
            _lock(fd)
            os.write(fd, b"%d\n" % self._pid)
            os.rename(new, self._path)
        except OSError:
            os.close(fd)
            _discard(new)
            raise
        self._fd = fd

    def _read(self) -> int:
        with open(self._path, "rb", buffering=0) as file:
            text = file.read(READ_MAX).strip()
        return int(text) if text.isdigit() else 0

    def _taken(self) -> ConfigError:
        return ConfigError(
            f"the pid file {self._shown} belongs to a server that runs, process {self._read()}\n"
            "Stop that one, or name another file.",
            code=codes.PID_FILE_TAKEN,
        )


def _discard(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _lock(fd: int) -> None:
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return  # a file system without locks
