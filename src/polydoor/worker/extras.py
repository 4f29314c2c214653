"""What few servers need: each of these loads its module only where the settings ask for it."""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.worker.banner import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from polydoor.bridge import Engine
    from polydoor.settings.load import Settings
    from polydoor.worker.apploader import LoadedApp
    from polydoor.worker.idle import IdleWatch
    from polydoor.worker.pidfile import PidFile
    from polydoor.worker.rights import Rights
    from polydoor.worker.systemd import Service

VARIABLES = (  # of systemd
    *("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"),
    *("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID"),
)


def idle_watch(engine: Engine, limit_ms: int) -> IdleWatch | None:
    """What `--idle-stop` needs; None without it."""
    if not limit_ms:
        return None
    from polydoor.worker.idle import IdleWatch

    return IdleWatch(engine, limit_ms)


def diagnosed(app: Callable[..., Any], settings: Settings) -> Callable[..., Any]:
    """The application with the diagnostics before it, and a warning; nobody else pays for their imports."""
    from polydoor.worker.diagnostics import warning, wrap

    wrapped = wrap(app, settings)
    say(*warning(settings), code=codes.DIAGNOSTICS_ON)
    return wrapped


def error_page() -> Callable[[Mapping[str, Any], BaseException, bool], tuple[str, bytes]]:
    """What `--dev` answers an error of the application with; nobody else pays for its imports."""
    from polydoor.worker.devpage import dev_page

    return dev_page


def find_service() -> Service | None:
    """The process as a service of systemd, if that started it; nobody else pays for the imports."""
    if "NOTIFY_SOCKET" not in os.environ and "LISTEN_FDS" not in os.environ:
        return None
    from polydoor.worker.systemd import Service

    return Service(os.environ)


def find_pid_file(settings: Settings) -> PidFile | None:
    """What `--pid` asks for, not written yet; None without it."""
    if not settings.text("pid"):
        return None
    from polydoor.worker.pidfile import PidFile

    return PidFile(settings.text("pid"))


def ready_app(load: Callable[[], LoadedApp], settings: Settings) -> Callable[[], LoadedApp]:
    """How the application is loaded and, with `--ready`, tried."""
    if not settings.text("ready"):
        return load
    from polydoor.worker.readiness import try_out

    return lambda: try_out(load(), settings)


def find_rights(settings: Settings) -> Rights | None:
    """What `--user` and `--group` ask for, if that is to be done still; `--umask` holds from here on."""
    if settings.is_said("umask"):
        os.umask(settings.number("umask"))
    if not settings.is_said("user") and not settings.is_said("group"):
        return None
    from polydoor.worker.rights import wanted_rights

    return wanted_rights(settings)
