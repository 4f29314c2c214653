"""What the operating system allows: descriptors for connections, threads, and the kernel's part of the backlog."""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.bridge import Engine
from polydoor.errors import BootError, ConfigError
from polydoor.worker import scheduling
from polydoor.worker.banner import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from threading import Thread

    from polydoor.settings.load import Settings

SPARE = 64  # descriptors for listeners, spill files, and what the application opens
LEAST = 32  # below it, not even the application could be imported and one connection be served
PATH_MAX = 255  # PD_SPILL_DIR_MAX in core/conn/spill.h
SOMAXCONN = "/proc/sys/net/core/somaxconn"


def fit_connections(wanted: int) -> int:
    """Return how many connections there may be: `wanted`, or what the descriptors allow.

    The soft limit is raised as far as needed and allowed. It is low for the sake of programs that use select() with
    high descriptors; a connection here is never looked at that way.
    """
    have = os.sysconf("SC_OPEN_MAX")
    if 0 <= have < wanted + SPARE:
        have = _raise_limit(wanted + SPARE)
    if have < 0 or have >= wanted + SPARE:
        return wanted
    if have < LEAST:
        raise BootError(
            f"the process may have {have} descriptors, and at least {LEAST} are needed to serve anything\n"
            f"Raise the limit with ulimit -n, or LimitNOFILE of the service, to {wanted + SPARE} for all connections.",
            code=codes.CANNOT_START,
        )
    fitting = max(have - SPARE, have // 2)
    say(
        f"{fitting} connections fit into the limit of {have} descriptors, {wanted} were asked for",
        "Raise the limit with ulimit -n, or lower --max-connections.",
        code=codes.FEW_DESCRIPTORS,
    )
    return fitting


def _raise_limit(wanted: int) -> int:
    """Raise the soft limit up to the hard one, and return what it is then; -1 is no limit."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    except (OSError, ValueError):  # a sandbox forbids it: then it is what it was
        return os.sysconf("SC_OPEN_MAX")
    return soft


def spill_folder(settings: Settings) -> str:
    """Return the folder for spill files that was named, as an absolute path, if it works; the engine finds another."""
    named = settings.text("spill_dir")
    if not named:
        return ""
    folder = os.path.abspath(named)  # the application may change the working directory
    try:
        if len(os.fsencode(folder)) > PATH_MAX:
            raise OSError(0, f"the path has more than {PATH_MAX} bytes")
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        text = f"{settings.said('spill_dir')}: cannot make spill files in {named}: {error.strerror}"
        text += "\nName a folder that this user may write to, or leave it out."
        raise ConfigError(text, code=codes.BAD_SPILL_DIR) from None
    return folder


def check_spill(engine: Engine) -> None:
    """Say so when large bodies cannot be put into a file."""
    if not engine.can_spill:
        say(
            "no folder for spill files works, so large bodies are streamed",
            "Name one with --spill-dir.",
            code=codes.NO_SPILL,
        )


def check_backlog(wanted: int) -> None:
    """Say so when the kernel will shorten the backlog."""
    try:
        with open(SOMAXCONN, "rb", buffering=0) as file:
            allowed = int(file.read(32))
    except (OSError, ValueError):
        return  # not Linux, or hidden: then there is nothing to say
    if allowed < wanted:
        say(
            f"the kernel shortens the backlog of {wanted} to {allowed} connections",
            f"Raise it as root with `sysctl net.core.somaxconn={wanted}`, or set --backlog {allowed}.",
            code=codes.BACKLOG_CAPPED,
        )


def make_engine(settings: Settings, connections: int, *, is_guest: bool) -> Engine:
    """Make the engine of a worker; a guest ends no process, as that is not its own."""
    chosen = settings.engine() | {"max_connections": connections, "spill_dir": spill_folder(settings)}
    if is_guest:
        chosen["gil_timeout"] = 0
    if settings.flag("dev") and settings.origin("request_timeout") == "default":
        chosen["request_timeout"] = 0  # a debugger may take its time
    try:
        engine = Engine(chosen)
    except OSError as error:
        raise BootError(f"{error}\nLook at the limits of memory and open files.") from None
    if not scheduling.is_safe(is_guest=is_guest):
        engine.keep_policies()
    return engine


def begin(thread: Thread) -> Thread:
    """Start a thread, and return it; BootError: the system makes no further one."""
    try:
        thread.start()
    except RuntimeError as error:
        text = f"cannot start the thread {thread.name}: {error}\nLower --threads, or raise the limit of processes."
        raise BootError(text, code=codes.NO_THREAD) from None
    return thread
