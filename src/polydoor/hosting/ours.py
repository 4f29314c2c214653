"""Which files `polydoor cgi init` has written, and nobody has changed since: it writes over no others."""

from __future__ import annotations

import contextlib
import os

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.hosting.places import fnv1a

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "# Written by `polydoor cgi init`, "
STUB_SIGN = b"POLYDOOR_CGI_"  # in every build of the stub
OLD = ".old"
LOOKED_AT = 16 * 1024 * 1024


def marked(text: str) -> str:
    """A text with a first line by which it is known again."""
    return f"{MARK}{fnv1a(text.encode()):016x}\n{text}"


def is_ours(path: str) -> bool:
    """Whether there is nothing, or something that was written here and left as it was."""
    if not os.path.lexists(path):
        return True
    try:
        with open(path, "rb") as file:
            data = file.read(LOOKED_AT)
    except OSError:
        return False
    if data.startswith(b"\x7fELF"):
        return STUB_SIGN in data
    if data.startswith(b"#!"):
        return os.path.basename(data[2:].split(b"\n")[0].strip()) == b"polydoor-cgi"
    first, _, rest = data.decode("utf-8", "replace").partition("\n")
    return first == f"{MARK}{fnv1a(rest.encode()):016x}"


def check_free(paths: list[str]) -> None:
    """Raise ConfigError for the first that somebody else has written."""
    for path in paths:
        if not is_ours(path):
            raise ConfigError(
                f"{path} is there, and `polydoor cgi init` has not written it, or it was changed since\n"
                "Move it away, give another --name, or add --force, which keeps it beside as .ht*.old.",
                code=codes.NOT_OURS,
            )


def keep_old(path: str) -> str:
    """Put what is in the way beside, under a name that no web server gives away; return that name, if it was done."""
    if is_ours(path):
        return ""
    folder, name = os.path.split(path)
    old = os.path.join(folder, f"{'' if name.startswith('.ht') else '.ht-'}{name}{OLD}")
    os.replace(path, old)
    return old


def put(path: str, data: bytes, mode: int) -> None:
    """Write a file as a whole, or leave what is there."""
    with _replacing(path) as fresh:
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(fd, "wb") as file:
            file.write(data)
            os.fchmod(fd, mode)


def put_stub(path: str, stub: str, how: str) -> None:
    """Put the stub there: a copy, a hard link, or a script of one line."""
    if how == "link":
        with _replacing(path) as fresh:
            os.link(stub, fresh)
    elif how == "script":
        put(path, f"#!{stub}\n".encode(), 0o755)
    else:
        with open(stub, "rb") as file:
            data = file.read()
        put(path, data, 0o755)


@contextlib.contextmanager
def _replacing(path: str) -> Iterator[str]:
    """A name in the same folder, that no web server gives away; what is put there takes the place of `path`."""
    folder, name = os.path.split(path)
    fresh = os.path.join(folder, f".ht-{name}.{os.getpid()}.new")
    try:
        yield fresh
        os.replace(fresh, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(fresh)  # still there after an error, and where both names were links to one file
