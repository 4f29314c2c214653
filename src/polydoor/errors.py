"""The exceptions of Polydoor. Imports nothing but the codes, so that every layer may raise them.

The text of an exception is what a person reads: the first line says what is wrong, further lines say what to do. The
code is put in front of it when it is shown.
"""

from polydoor import codes


class PolydoorError(Exception):
    """Whatever Polydoor itself raises; `exit_code` is what the command ends with, `code` stands before the text."""

    exit_code = 1
    code = codes.OWN_DEFECT

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        if code:
            self.code = code


class ConfigError(PolydoorError):
    """A wrong option, variable or address: the operator must change something."""

    exit_code = 2
    code = codes.BAD_CONFIGURATION


class BindError(ConfigError):
    """An address is well written and cannot be listened on: taken, forbidden, or not there."""

    code = codes.NO_LISTENER


class BootError(PolydoorError):
    """The configuration is fine and yet the server cannot start."""

    exit_code = 3
    code = codes.CANNOT_START


class AppLoadError(BootError):
    """The application cannot be imported, or its own code fails while it is."""

    code = codes.IMPORT_FAILED


class AppNotFoundError(AppLoadError):
    """The module is there, but it holds no application of that name."""

    exit_code = 4
    code = codes.ATTRIBUTE_MISSING


class PeerClosed(PolydoorError, OSError):  # noqa: N818 - named after what happened, as ConnectionResetError's kin are not
    """The peer left before the request was complete."""


class RequestTimeout(BaseException):
    """Raised in the application's thread when its request has taken longer than request-timeout.

    Not an Exception, so that `except Exception` does not take it for an error of its own. Let it pass: the client has
    been answered, and whatever the application still gives is dropped.
    """

    def __init__(self, message: str = "the request took longer than request-timeout") -> None:
        super().__init__(message)
