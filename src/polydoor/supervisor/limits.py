"""Which workers have taken too much or do not live any more: a table of readings, and what follows from it.

No process, clock or file is touched here, except by `usage` and `share`, which read /proc.
"""

from __future__ import annotations

import os

from polydoor import codes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from polydoor.settings.load import Settings
    from polydoor.supervisor.member import Member

REQUESTS, LIFETIME, MEMORY, CPU, SILENCE = "max-requests", "max-lifetime", "max-memory", "max-cpu", "heartbeat"
GAP_S = 2.0  # who was not looking for so long was stopped, or the machine was: then beats say nothing
SILENT_S = 1.5  # without one of the beats that come each second: others accept, where there are any
PATIENCE_S = 3.0  # past gil-timeout, after which a worker ends by itself
LEAST_GIL_S = 3.0  # what a shorter gil-timeout counts as
SPREAD = 0.1  # of max-lifetime: by so much sooner, each worker by another part of it
MIB = 1024**2
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


class Limits:
    """What a worker may take until another one follows it; 0: as much as it likes."""

    __slots__ = ("cpu_s", "lifetime_s", "memory", "requests", "requests_jitter", "silence_s")

    def __init__(
        self,
        *,
        requests: int = 0,
        requests_jitter: int = 0,
        lifetime_s: float = 0.0,
        memory: int = 0,
        cpu_s: float = 0.0,
        silence_s: float = 0.0,
    ) -> None:
        self.requests = requests
        self.requests_jitter = requests_jitter  # so many more at most, for each worker by chance
        self.lifetime_s = lifetime_s
        self.memory = memory  # bytes
        self.cpu_s = cpu_s
        self.silence_s = silence_s  # of its main thread


class Reading:
    """One worker at one moment."""

    __slots__ = ("age_s", "beats", "cpu_s", "memory", "number", "requests")

    def __init__(self, number: int, *, age_s: float, requests: int, beats: int, memory: int = 0, cpu_s: float = 0.0):
        self.number = number
        self.age_s = age_s  # since it was ready
        self.requests = requests
        self.beats = beats
        self.memory = memory
        self.cpu_s = cpu_s


class Finding:
    """What is to be done about one worker, or only told."""

    __slots__ = ("cause", "code", "number", "text")

    def __init__(self, number: int, cause: str, code: str, text: str) -> None:
        self.number = number
        self.cause = cause
        self.code = code  # WORKER_SPENT: it is to be replaced, WORKER_SILENT: killed, LIMIT_TOO_LOW: told
        self.text = text


class Known:
    """What is remembered of one worker."""

    __slots__ = ("beats", "chance", "cpu_s", "is_too_large", "silent_s")

    def __init__(self, first: Reading, chance: float, memory: int) -> None:
        self.chance = chance  # from 0 to 1
        self.cpu_s = first.cpu_s  # to load the application
        self.is_too_large = bool(memory) and first.memory >= memory  # from the start: another one would be, too
        self.beats = first.beats
        self.silent_s = 0.0


class Watch:
    """Compares readings, which are to come about twice a second, with the limits."""

    def __init__(self, limits: Limits, chance: Callable[[], float] | None = None) -> None:
        self.limits = limits
        self._chance = chance or by_chance
        self._known: dict[int, Known] = {}
        self._looked_at = 0.0
        self._has_told = False  # that the memory limit is too low

    def reading(self, member: Member, pid: int, row: Mapping[str, int], now: float) -> Reading:
        """A worker now, by its row of the board, and by /proc if a limit needs that."""
        memory, cpu_s = usage(pid) if self.limits.memory or self.limits.cpu_s else (0, 0.0)
        if self.limits.memory and memory >= self.limits.memory:
            memory = share(pid, memory)
        seen = {"requests": row["requests"], "beats": row["beats"]}
        return Reading(member.number, age_s=now - member.ready_at, memory=memory, cpu_s=cpu_s, **seen)

    def begin(self, reading: Reading) -> list[Finding]:
        """Remember what a worker has as soon as it is ready: its limits count from there."""
        if reading.number in self._known:
            return []
        known = self._known[reading.number] = Known(reading, self._chance(), self.limits.memory)
        return self._too_large(reading, known)

    def look(self, now: float, readings: Iterable[Reading]) -> list[Finding]:
        """What follows from these readings of all workers that serve; the same again for as long as it is so."""
        step = now - self._looked_at if self._looked_at else 0.0
        self._looked_at = now
        known, found = {}, []
        for reading in readings:
            found += self.begin(reading)
            each = known[reading.number] = self._known[reading.number]
            each.silent_s = each.silent_s + step if each.beats == reading.beats and step < GAP_S else 0.0
            each.beats = reading.beats
            if finding := self._silent(reading, each) or self._spent(reading, each):
                found.append(finding)
        self._known = known
        return found

    def silent(self) -> list[int]:
        """The workers that were not heard of, at the last look, for longer than it takes to say that one lives."""
        return [number for number, known in self._known.items() if known.silent_s >= SILENT_S]

    def _too_large(self, reading: Reading, known: Known) -> list[Finding]:
        if not known.is_too_large or self._has_told:
            return []
        self._has_told = True
        text = f"a worker has {_mib(reading.memory)} MiB from the start, max-memory is {_mib(self.limits.memory)} MiB"
        return [Finding(reading.number, MEMORY, codes.LIMIT_TOO_LOW, text)]

    def _silent(self, reading: Reading, known: Known) -> Finding | None:
        limit = self.limits.silence_s
        if not limit or known.silent_s < limit:
            return None
        text = f"its main thread has not moved for {known.silent_s:.1f} s"
        return Finding(reading.number, SILENCE, codes.WORKER_SILENT, text)

    def _spent(self, reading: Reading, known: Known) -> Finding | None:
        limits = self.limits
        most_requests = limits.requests + int(known.chance * (limits.requests_jitter + 1))
        most_s = limits.lifetime_s * (1 - SPREAD * known.chance)
        cpu_s = reading.cpu_s - known.cpu_s
        if limits.requests and reading.requests >= most_requests:
            cause, text = REQUESTS, f"it has served {reading.requests} requests"
        elif limits.lifetime_s and reading.age_s >= most_s:
            cause, text = LIFETIME, f"it has served for {reading.age_s:.0f} s"
        elif limits.memory and reading.memory >= limits.memory and not known.is_too_large:
            cause, text = MEMORY, f"it has {_mib(reading.memory)} MiB"
        elif limits.cpu_s and cpu_s >= limits.cpu_s:
            cause, text = CPU, f"it has used the processor for {cpu_s:.1f} s"
        else:
            return None
        return Finding(reading.number, cause, codes.WORKER_SPENT, text)


def limits_of(settings: Settings) -> Limits:
    """What the settings say."""
    gil_s = settings.number("gil_timeout") / 1000
    return Limits(
        requests=settings.number("max_requests"),
        requests_jitter=settings.number("max_requests_jitter"),
        lifetime_s=settings.number("max_lifetime") / 1000,
        memory=settings.number("max_memory"),
        cpu_s=settings.number("max_cpu") / 1000,
        silence_s=max(gil_s, LEAST_GIL_S) + PATIENCE_S if gil_s else 0.0,
    )


def usage(pid: int) -> tuple[int, float]:
    """The resident memory of a process in bytes, and its processor time in seconds; zeros if it is gone."""
    try:
        resident = int(_read(f"/proc/{pid}/statm").split()[1]) * PAGE
        fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()  # the name may hold anything
    except (OSError, IndexError):
        return 0, 0.0
    return resident, (int(fields[11]) + int(fields[12])) / TICKS


def share(pid: int, resident: int) -> int:
    """Its part of its resident memory: of a page that several processes share each has but a part, as with --preload.

    The kernel looks at each page for that, which takes a while; so ask only where all of it would be too much.
    """
    try:
        line = next(line for line in _read(f"/proc/{pid}/smaps_rollup").splitlines() if line.startswith(b"Pss:"))
    except (OSError, StopIteration):  # of another user, and without CAP_SYS_PTRACE; or there is no such file
        return resident
    return int(line.split()[1]) * 1024


def by_chance() -> float:
    """A number from 0 to below 1, without the weight of the module random."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 4096)
    finally:
        os.close(fd)


def _mib(size: int) -> int:
    return size // MIB
