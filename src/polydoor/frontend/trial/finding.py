"""What a check finds: a fault by its name, for which advice.py knows the line to change, and what was seen."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.frontend.trial.http import Response


class Finding:
    """One thing that does not come through. A check without any finding is passed."""

    __slots__ = ("fault", "seen")

    def __init__(self, fault: str, seen: str) -> None:
        self.fault = fault
        self.seen = seen


def answered(response: Response) -> str:
    """Who did not pass the request on, and what it said."""
    by = response.get("Server").partition("/")[0] or "the front end"
    return f"{by} answers {response.status} {response.reason}".rstrip()
