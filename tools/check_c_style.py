"""Checks what the compiler and clang-format do not: banned calls, sizes, globals and leftovers in C.

core/ reaches memory, system calls and the clock only through struct pd_sys; codecs never use functions that look for a
NUL. Files, headers and functions keep the budgets of CONTRIBUTING.md.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

FILE_LINES = {"core": 600, "tests/core": 800, "fuzz": 600, "benchmarks": 600}
HEADER_LINES = 120
FUNCTION_LINES = 80
TABLES = ("names.h", "names_table.h", "reason.h")  # lists of rows, not interfaces

UNSAFE = "strcpy strncpy stpcpy strcat strncat sprintf vsprintf strtok gets atoi atol atoll atof alloca scanf sscanf"
WAITS_FOR_NUL = "strlen strchr strrchr strstr strcmp strncmp strcasecmp strtol strtoul strtoll strtoull strdup"
SYSTEM = (
    "malloc calloc realloc free aligned_alloc posix_memalign read write pread pwrite readv writev recv recvfrom "
    "recvmsg send sendto sendmsg sendfile open openat close socket bind listen accept accept4 connect shutdown "
    "setsockopt getsockopt poll select epoll_create1 epoll_ctl epoll_wait eventfd pipe pipe2 time clock_gettime "
    "gettimeofday printf fprintf puts exit fork"
)
# Names in the file system are settled at start, before there is anything to serve; the table has no calls for them.
EXEMPT = {"loop/unix_path.c": {"open", "openat", "connect"}, "cmd/spawn.c": {"fork"}}
NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'', re.DOTALL)
LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|^[ \t]*#[ \t]*if[ \t]+0\b", re.MULTILINE)
CALL = re.compile(r"(?<![\w.>])(\w+)[ \t]*\(")
# A definition at the margin that is neither constant nor a function: shared state.
GLOBAL = re.compile(r"^(?:static|_Thread_local)[ \t](?!inline\b)(?:(?!\bconst\b)[^(){};=])*(?:=|;)", re.MULTILINE)


def main() -> int:
    """Print every violation and return 1 if there is one."""
    faults = [fault for folder in FILE_LINES for fault in folder_faults(ROOT / folder, folder)]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def folder_faults(folder: Path, kind: str) -> Iterator[str]:
    """Violations in all C files below a folder."""
    for path in sorted([*folder.rglob("*.c"), *folder.rglob("*.h")]):
        name = path.relative_to(folder).as_posix()
        for line, what in file_faults(path.read_text(encoding="utf-8"), name, kind):
            yield f"{path}:{line}: {what}"


def file_faults(text: str, name: str, kind: str) -> Iterator[tuple[int, str]]:
    """Violations in one file; `name` is its path below the folder."""
    yield from size_faults(text, name, FILE_LINES[kind])
    for match in LEFTOVER.finditer(text):
        yield line_of(text, match.start()), f"{match[0].strip()} is left over"
    if kind != "core":
        return
    code = NOISE.sub(blank, text)
    banned = banned_calls(name)
    for match in CALL.finditer(code):
        if match[1] in banned and match[1] not in EXEMPT.get(name, ()):
            yield line_of(code, match.start()), f"{match[1]}() {banned[match[1]]}"
    for match in GLOBAL.finditer(code):
        yield line_of(code, match.start()), "a variable that all share; core/ has none"


def banned_calls(name: str) -> dict[str, str]:
    """The functions that a file of core/ may not call, and why."""
    banned = dict.fromkeys(UNSAFE.split(), "is not safe with what peers send")
    if name.startswith("codec/"):
        banned |= dict.fromkeys(WAITS_FOR_NUL.split(), "looks for a NUL; peers send slices")
    if name != "base/sys.c":
        banned |= dict.fromkeys(SYSTEM.split(), "must go through struct pd_sys")
    return banned


def size_faults(text: str, name: str, most: int) -> Iterator[tuple[int, str]]:
    """Files and functions that are too long. A function begins and ends with a brace at the margin."""
    lines = text.splitlines()
    limit = HEADER_LINES if name.endswith(".h") else most
    if len(lines) > limit and Path(name).name not in TABLES:
        yield limit, f"the file has {len(lines)} lines, more than {limit}"
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            if number - start - 1 > FUNCTION_LINES:
                yield start, f"the function has {number - start - 1} lines, more than {FUNCTION_LINES}"
            start = None


def blank(match: re.Match[str]) -> str:
    """Spaces in place of a comment or a literal; line ends stay."""
    return re.sub(r"[^\n]", " ", match[0])


def line_of(text: str, at: int) -> int:
    """The line number of an offset."""
    return text.count("\n", 0, at) + 1


if __name__ == "__main__":
    sys.exit(main())
