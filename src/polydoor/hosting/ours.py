"""Which files `polydoor cgi init` has written, and nobody has changed since: it writes over no others."""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.hosting.places import fnv1a

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


def put(path: str, text: str, mode: int) -> None:
    """Write a file as a whole, or leave what is there."""
    fresh = _fresh(path)
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(text.encode())
            os.fchmod(file.fileno(), mode)
        os.replace(fresh, path)
    except OSError:
        _forget(fresh)
        raise


def put_stub(path: str, stub: str, how: str) -> None:
    """Put the stub there: a copy, a hard link, or a script of one line."""
    if how == "script":
        put(path, f"#!{stub}\n", 0o755)
        return
    fresh = _fresh(path)
    try:
        if how == "link":
            os.link(stub, fresh)
        else:
            with (
                open(stub, "rb") as source,
                open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o700), "wb") as target,
            ):
                target.write(source.read())
                os.fchmod(target.fileno(), 0o755)
        os.replace(fresh, path)
        _forget(fresh)  # rename() does nothing where both names are links to one file
    except OSError:
        _forget(fresh)
        raise


def _fresh(path: str) -> str:
    """A name in the same folder, that no web server gives away."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".ht-{name}.{os.getpid()}.new")


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
