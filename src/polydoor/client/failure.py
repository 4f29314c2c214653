"""What can go wrong while a server is asked; the exit status of each is the one that curl uses."""

from __future__ import annotations

from polydoor import codes
from polydoor.errors import PolydoorError

BROKEN = 8  # the response is none of this protocol
CANNOT_CONNECT = 7
CUT = 18  # the response ended before its end
HTTP_ERROR = 22  # only with --fail
CANNOT_WRITE = 23
CANNOT_READ = 26
TIMEOUT = 28
EMPTY = 52  # nothing was answered


class RequestError(PolydoorError):
    """A request that was not answered, or not in whole."""

    def __init__(self, message: str, *, code: str, exit_code: int) -> None:
        super().__init__(message, code=code)
        self.exit_code = exit_code


def timed_out(seconds: float, what: str) -> RequestError:
    """Tell what did not come in time."""
    text = f"{what} within {seconds:g} s\nGive it more time with --timeout, or look into the log of the server."
    return RequestError(text, code=codes.ASK_TIMEOUT, exit_code=TIMEOUT)
