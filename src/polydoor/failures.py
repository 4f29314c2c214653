"""What an exception says, whatever it does: its methods and its class are the application's, and may raise anything."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from traceback import TracebackException
    from types import TracebackType

SHOWN = "\n\t\xa0\u3000"  # what is not printable for Python, and harmless


def clean(text: str) -> str:
    """Escape what could steer a terminal; line ends and tabs stay."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in SHOWN else escape(char) for char in text)


def escape(char: str) -> str:
    r"""Write a character as Python would: \x1b."""
    return char.encode("unicode_escape").decode("ascii")


def type_name(value: object) -> str:
    """The name of the type of a value, without asking its metaclass."""
    return str(type.__dict__["__name__"].__get__(type(value)))


def text_of(error: BaseException) -> str:
    """What str() says, or which type could not say it."""
    try:
        return clean(str(error))
    except BaseException as trouble:
        return f"<{type_name(error)}, whose str() raises {type_name(trouble)}>"


def unshowable(error: BaseException, trouble: BaseException) -> str:
    """The last line of a traceback that cannot be shown."""
    return clean(f"{type_name(error)}: cannot be shown, as that raises {type_name(trouble)}")


def frames_of(error: BaseException) -> TracebackType | None:
    """What __traceback__ says, also where the class says something else of its own."""
    found: TracebackType | None = BaseException.__dict__["__traceback__"].__get__(error)
    return found


def traceback_text(error: BaseException) -> str:
    """The traceback as Python shows it, without the frames of the bridge and without a line end; never raises."""
    try:
        return _traceback(error)
    except BaseException as trouble:
        return _frames(error) + unshowable(error, trouble)


def _traceback(error: BaseException) -> str:
    import traceback

    told = traceback.TracebackException.from_exception(error)
    cut_own_frames(told)
    return clean("".join(told.format()).rstrip())


def _frames(error: BaseException) -> str:
    """The frames alone."""
    try:
        import traceback

        told = traceback.extract_tb(frames_of(error))
        lines = traceback.format_list([frame for frame in told if not is_own(frame.filename)])
        return clean("".join(["Traceback (most recent call last):\n", *lines])) if lines else ""
    except BaseException:
        return ""


def cut_own_frames(told: TracebackException) -> None:
    """Leave the frames of the bridge out of a traceback and of those that led to it."""
    import traceback

    waiting: list[TracebackException | None] = [told]
    seen: set[int] = set()
    for one in waiting:
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        kept = [frame for frame in one.stack or () if not is_own(frame.filename)]
        # Without a stack there is no line "Traceback", which would stand above nothing.
        one.stack = traceback.StackSummary.from_list(kept) if kept else None  # type: ignore[assignment]
        waiting += [one.__cause__, one.__context__, *(one.exceptions or ())]


def is_own(filename: str) -> bool:
    """Whether a frame is the bridge's, whose file names are those of its build."""
    return filename.endswith((".pxi", ".pyx")) and "polydoor/bridge/" in filename
