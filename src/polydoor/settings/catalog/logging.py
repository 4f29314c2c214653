"""What is told of each request, and where."""

from polydoor.settings.option import Kind, Setting, Size, Value

GROUP = "Access log"
KIB = 1024
MIB = 1024**2
OFF = "off"
FORMS = ("short", "combined", "json")


class AccessLog(Kind):
    """`off`, or a form of lines with the file that they are appended to: `json:/var/log/shop.json`."""

    metavar = "|".join((OFF, *FORMS)) + "[:FILE]"

    def parse(self, text: str) -> Value:
        """Take a form with or without a file."""
        form, colon, path = text.partition(":")
        if (form not in FORMS or (colon and not path)) and text != OFF:
            raise ValueError(f"needs off, {', '.join(FORMS[:-1])} or {FORMS[-1]}, or one of them with :FILE behind it")
        return text


class LoggedPath(Kind):
    """A path of a request, or the beginning of paths with a star behind it."""

    metavar = "PATH"

    def parse(self, text: str) -> Value:
        """Take what begins with a slash."""
        if not text.startswith("/") or "*" in text[:-1]:
            raise ValueError("needs a path that begins with / and may end in *, which stands for anything")
        return text


LOGGING = (
    Setting(
        "access_log",
        AccessLog(),
        "short",
        "A line for each request, on standard output or appended to FILE, which SIGUSR1 opens anew.",
        group=GROUP,
        also={"--no-access-log": OFF},
    ),
    Setting(
        "access_log_exclude",
        LoggedPath(),
        (),
        "A path that is not logged, such as /health, or /static/* for all below it; may stand several times.",
        group=GROUP,
        repeat=True,
    ),
    Setting(
        "access_log_buffer",
        Size(16 * KIB, 64 * MIB),
        256 * KIB,
        "Lines that wait to be written; when a slow reader lets it fill, further lines are dropped and counted.",
        group=GROUP,
    ),
)
